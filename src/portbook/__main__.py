"""The entry point: ``portbook`` and ``python -m portbook``."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> int:
    """Runs the command line and returns its exit status; Ctrl-C ends it quietly with 130."""
    try:
        from portbook.cli import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


def script() -> NoReturn:
    """Runs the command line as a process of its own, which ends here.

    Almost nothing that portbook makes is garbage before it ends, and all of it is then the
    system's to take back: looking for garbage often, and taking the interpreter apart, object by
    object, would be a sixth of a lookup.
    """
    gc.set_threshold(100_000, 20, 20)
    status = main()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    script()
