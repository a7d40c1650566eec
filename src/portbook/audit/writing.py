"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil

from portbook.errors import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = ".part"


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[str]:
    """A name to write to, beside *path*, that takes *path*'s place once all is written.

    Where that fails or is interrupted, what was written is taken away, and *path* is what it was.
    Raises UsageError where it can't be written.
    """
    folder, name = os.path.split(path)
    # The ending stays the same, because it says in what form to write.
    stem, dot, ending = name.partition(".")
    part = os.path.join(folder, f".{stem}.{os.getpid()}{_PART}{dot}{ending}")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise UsageError(
            f"{shown(path, 200)} can't be written: {error.strerror or error}"
        ) from error
    finally:
        if os.path.isdir(part):
            shutil.rmtree(part, ignore_errors=True)
        elif os.path.lexists(part):
            os.unlink(part)
