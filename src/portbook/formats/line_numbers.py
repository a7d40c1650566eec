"""Numbers before lines, as ``nl``, ``grep -n``, an editor or a list has them."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.formats.pasted_line import Pasted

# With a blank alone behind it, only its neighbours say that it is the number of a line.
_NUMBERED = re.compile(r"[ \t]{0,12}([0-9]{1,7})(?:[:)|-]|\.(?![0-9])|[ ]{0,2}\t)")
_COUNTED = re.compile(
    r"[ \t]{0,12}([0-9]{1,7})"
    r"(?:(?:[:)-]|\.(?![0-9])|[ \t]{0,2}[|│])[ \t]?|[ \t]{1,2})"
)


def without_numbers(lines: Iterable[Pasted], *, signed: bool = True) -> Iterator[Pasted]:
    """Lines without their numbers as far as they count on, or, if *signed*, have a sign behind."""
    last: int | None = None
    stream = chain(map(_counted, lines), [None])
    held = next(stream)
    while held is not None:
        after = next(stream)
        line, number, end = held
        found = _NUMBERED.match(line.bare) if signed else None
        if number is not None and (
            last == number - 1 or (after is not None and after[1] == number + 1)
        ):
            yield line._replace(bare=line.bare[end:])
        else:
            yield line if found is None else line._replace(bare=line.bare[found.end() :])
        last, held = number, after


def _counted(line: Pasted) -> tuple[Pasted, int | None, int]:
    """*line*, the number that it begins with, if any, and where that ends."""
    found = _COUNTED.match(line.bare)
    return (line, None, 0) if found is None else (line, int(found[1]), found.end())
