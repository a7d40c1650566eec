"""The entry point: ``portbook`` and ``python -m portbook``.

No module that Python has not loaded by now is imported at the top, ``__future__`` among them: with
``-m`` it would be looked for in the working directory.
"""

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def leave_working_directory_out() -> None:
    """Takes the working directory, which ``python -m`` puts first, off the path of modules.

    What lies there is anybody's: a checked-out repository with a json.py would run. Where portbook
    itself lies there, and isn't installed, it goes last.
    """
    if sys.flags.safe_path or not sys.path:
        return
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        working = ("", os.getcwd())
    except OSError:  # it has been removed
        working = ("", "")
    if sys.path[0] in working:
        place = sys.path.pop(0)
        if home in (place, os.path.abspath(place or ".")) and home not in sys.path:
            sys.path.append(home)


def main() -> int:
    """Runs the command line and returns its exit status; Ctrl-C ends it quietly with 130."""
    try:
        from portbook.cli import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - portbook isn't installed whole
        if sys.stderr is not None:
            name = f"{type(error).__name__}: {error!s:.200}"
            print(f"portbook: internal error ({name!a}); reinstall portbook", file=sys.stderr)
        return 70


def script() -> "NoReturn":
    """Runs the command line as a process of its own, which ends here.

    Almost nothing that portbook makes is garbage before it ends, and all of it is then the
    system's to take back: looking for garbage often, and taking the interpreter apart, object by
    object, would be a sixth of a lookup.
    """
    gc.set_threshold(100_000, 20, 20)
    _occupy()
    try:
        from portbook._own_modules import find_own_modules

        find_own_modules()
    except (ImportError, AttributeError, KeyError):  # another Python than CPython
        pass
    status = main()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, KeyboardInterrupt):  # what there was to say of it was said
        pass
    os._exit(status)


def _occupy() -> None:
    """Opens nothing in the place of a standard stream that is closed.

    The next file to be opened would get its number, and whatever a library or a child process
    prints would be written into that file.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:  # in their order: open(2) gives the lowest number that is free
            try:
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            except OSError:
                return


if __name__ == "__main__":
    leave_working_directory_out()
    script()
