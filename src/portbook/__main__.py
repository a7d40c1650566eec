"""The entry point: ``portbook`` and ``python -m portbook``."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the command line and returns its exit status; Ctrl-C ends it quietly with 130."""
    try:
        from portbook.cli import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
