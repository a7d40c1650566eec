"""What is said of a fault of portbook's own, and the traceback that ``--debug`` asks for."""

from __future__ import annotations

import os
import sys
import traceback

from portbook.errors import shown
from portbook.present.escape import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STATUS = 70  # EX_SOFTWARE of sysexits.h: an internal error, told from every answer

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tell_fault(error: BaseException, complain: Callable[[str], None], *, debug: bool) -> int:
    """Says in one line that portbook has a fault, and where; returns the exit status.

    *complain* prints a line on standard error. With *debug* the traceback stands before it.
    """
    said = str(error)
    what = f"{type(error).__name__}: {shown(said, 200)}" if said else type(error).__name__
    place = _place_of(error)
    line = f"internal error ({what}{f' at {place}' if place else ''})"
    if debug:
        tell_traceback(error)
        complain(f"{line}; please report it with the lines above")
    else:
        complain(f"{line}; run again with --debug")
    return STATUS


def tell_traceback(error: BaseException) -> None:
    """Prints the traceback of *error* on standard error, with nothing raw in it."""
    if sys.stderr is None:
        return
    lines = "".join(traceback.format_exception(error)).splitlines()
    try:
        for line in lines:
            print(plain(line), file=sys.stderr)
    except OSError:  # a full disk or a reader that is gone: there is nobody to tell
        pass


def _place_of(error: BaseException) -> str:
    """The innermost line of portbook's that *error* passed through, as ``cli/show.py:12``."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(_PACKAGE + os.sep):
            name = os.path.relpath(frame.filename, _PACKAGE).replace(os.sep, "/")
            return f"{name}:{frame.lineno}"
    return ""
