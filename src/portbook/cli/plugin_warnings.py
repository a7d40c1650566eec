"""What is wrong with an installed package's format, as lines of portbook's own."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from portbook.cli import complain
from portbook.errors import FormatWarning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


@contextmanager
def plugins_told() -> Iterator[None]:
    """Prints what is wrong with a plug-in as a line of portbook's own, once."""
    told: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, FormatWarning):
            before(message, category, filename, lineno, file, line)
        elif str(message) not in told:
            told.add(str(message))
            complain(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", FormatWarning)
        before, warnings.showwarning = warnings.showwarning, show
        yield
