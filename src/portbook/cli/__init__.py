"""The command line: arguments in, calls, an exit status out. One module a command.

Exit status: 0 done; 1 done, and there is something to see to; 2 wrong usage, unreadable input or
an answer that couldn't be written; 3 done, but part of the truth was not visible and ``--strict``
was given; 70 a fault of portbook's own; 130 interrupted.
"""

from __future__ import annotations

import os
import sys

from portbook.catalog import Catalog
from portbook.errors import NO_ROOM, InvalidArgument, PortbookError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# name: (module, what it does)
COMMANDS = {
    "show": ("show", "everything about a port, a range, a service or a pasted error"),
    "listen": ("listen", "everything that listens or is bound here, with its verdict"),
    "explain": ("explain", "what ss, netstat, lsof, nmap and others printed, with the verdict"),
    "why": ("why", "why a bind fails or would succeed, cause by cause"),
    "pick": ("pick", "a good port for a purpose, and why; keeps it for a command"),
    "stop": ("stop", "stops what listens on a port, safely; a dry run without --yes"),
    "notes": ("notes", "the notes on ports here, and whose they are; trust a project's"),
    "topic": ("topic", "a page on what people ask: refused, localhost, excluded and more"),
    "search": ("search", "services by name, description or alias; survives a typo"),
    "blocks": ("blocks", "the runs of ports of one state, the longest first"),
    "stats": ("stats", "counts by range, transport, year and assignee"),
    "update": ("update", "fetch the registry from IANA, and keep the old ones"),
    "audit": ("audit", "the same verdict over flow logs and scans of any size"),
    "history": ("history", "what was assigned, renamed, reserved or removed, and when"),
    "serve": ("serve", "the site and its API, with a panel of this machine"),
    "feedback": ("feedback", "what readers said of the site's pages"),
    "map": ("map", "the picture of all 65,536, on the terminal or as PNG or SVG"),
    "export": ("export", "the site as files for any static host"),
}


def run(argv: Sequence[str], catalog: Catalog | None = None) -> int:
    """Runs the command line *argv* on *catalog*, by default one of its own; the exit status.

    Errors go to standard error, one line each; ``--debug``, before or behind the command, puts the
    traceback before it. A reader that closes the pipe ends the output, not more.
    """
    words, debug = _take_debug(argv)
    # Text of processes and of the registry may not fit the terminal's encoding.
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if sys.stdout is None:
        complain("standard output is closed: open it, or send it to a file")
        return 2
    try:
        return _answer(words, Catalog() if catalog is None else catalog, debug=debug)
    except BrokenPipeError:
        _discard_output()
        return 0
    except Exception as error:  # noqa: BLE001 - whatever is not foreseen is portbook's own fault
        return _failed(error, debug=debug)


_unwritten: list[OSError] = []


def _answer(words: list[str], catalog: Catalog, *, debug: bool) -> int:
    _unwritten.clear()
    try:
        status = _dispatch(words, catalog)
    except SystemExit as ended:  # argparse's way to end after --help
        status = int(ended.code or 0)
    except PortbookError as error:
        if debug:
            _tell_traceback(error)
        complain(_named(error))
        status = 2
    tell_notes(catalog)
    sys.stdout.flush()
    if _unwritten:
        raise _unwritten.pop()
    return status


def _named(error: PortbookError) -> str:
    """What *error* says, with the option in place of the argument that it is about."""
    if isinstance(error, InvalidArgument) and error.argument:
        return f"--{error.argument.replace('_', '-')} {error.reason}"
    return str(error)


def _failed(error: Exception, *, debug: bool) -> int:
    """Says what went wrong where no answer could be given; returns the exit status."""
    if isinstance(error, OSError):
        _discard_output()
        if debug:
            _tell_traceback(error)
        # Where there is no room for another file or for memory, it isn't the output that failed.
        mend = NO_ROOM.get(error.errno or 0)
        said = f"{'given' if mend else 'written'}: {error.strerror or error}"
        complain(f"the answer could not be {said}{f': {mend}' if mend else ''}")
        return 2
    if isinstance(error, MemoryError):
        complain(f"the answer could not be given: {NO_ROOM[12]}")
        return 2
    from portbook.cli.internal_error import tell_fault

    return tell_fault(error, complain, debug=debug)


def _take_debug(argv: Sequence[str]) -> tuple[list[str], bool]:
    """*argv* without ``--debug``, and whether it was there; what stands behind ``--`` is left."""
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    if "--debug" not in words[:end]:
        return words, False
    return [word for word in words[:end] if word != "--debug"] + words[end:], True


def _tell_traceback(error: BaseException) -> None:
    from portbook.cli.internal_error import tell_traceback

    tell_traceback(error)


def _discard_output() -> None:
    """What is still buffered would raise again, at the latest when the interpreter ends."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
    except OSError:  # no room for another file: then it isn't the output that failed
        return
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def _dispatch(argv: list[str], catalog: Catalog) -> int:
    if not argv:
        raise UsageError("nothing was asked: give a port, a service name or text, or --help")
    if argv[0] in COMMANDS:
        return _command(argv[0], argv[1:], catalog)
    if argv[0] in ("-h", "--help"):
        from portbook.cli.help import print_help

        return print_help(COMMANDS)
    if argv[0] == "--version":
        from portbook import __version__

        print(f"portbook {__version__}")
        return 0
    return _command("show", argv, catalog)


def _command(name: str, argv: list[str], catalog: Catalog) -> int:
    module = __import__(f"portbook.cli.{COMMANDS[name][0]}", fromlist=["run"])
    status: int = module.run(argv, catalog)
    return status


def tell_notes(catalog: Catalog) -> None:
    """Says on standard error what there is to say of the registry in use, once."""
    while catalog.notes:
        complain(catalog.notes.pop(0))


def complain(message: str) -> None:
    """Prints one line on standard error, unless it is closed."""
    from portbook.present.escape import one_line

    if sys.stderr is None:  # print would take standard output instead
        return
    try:
        if sys.stdout is not None:
            sys.stdout.flush()  # so that the two streams stay in order on a terminal
    except OSError as error:  # what could not be written is gone: run() says so at the end
        _unwritten.append(error)
    try:
        print(f"portbook: {one_line(message)}", file=sys.stderr)
    except OSError:  # a full disk or a reader that is gone: there is nobody to tell
        pass
