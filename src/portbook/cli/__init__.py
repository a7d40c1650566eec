"""The command line: arguments in, calls, an exit status out. One module a command.

Exit status: 0 done; 1 done, and there is something to see to; 2 wrong usage, unreadable input or
an answer that couldn't be written; 3 done, but part of the truth was not visible and ``--strict``
was given; 70 a fault of portbook's own; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from portbook.catalog import Catalog
from portbook.errors import NO_ROOM, InvalidArgument, PortbookError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.host.host_reader import HostReader

# name: (module, what it does), in the order of the help
COMMANDS = {
    "listen": ("listen", "list what listens on this machine, with the verdict"),
    "why": ("why", "explain why a bind fails, or that it would succeed"),
    "stop": ("stop", "stop what listens on a port, safely"),
    "wait": ("wait", "wait until something listens on a port, or nothing does"),
    "reach": ("reach", "show from where a port can be reached, and who answers"),
    "pick": ("pick", "pick a good free port, and keep it for a command"),
    "doctor": ("doctor", "show what portbook can see here, and why not more"),
    "show": ("show", "show a port, a range, a service or a pasted error"),
    "search": ("search", "find services and products by name, also misspelled"),
    "topic": ("topic", "read about refused, localhost, time-wait and more"),
    "history": ("history", "show what was assigned, renamed or removed, and when"),
    "blocks": ("blocks", "list the runs of ports of one state, longest first"),
    "stats": ("stats", "count ports by range, transport, year and assignee"),
    "map": ("map", "draw all 65,536 ports"),
    "update": ("update", "update the registry from IANA"),
    "note": ("note", "write down what a port is for"),
    "notes": ("notes", "list your notes on ports; trust a project's"),
    "explain": ("explain", "explain the output of ss, netstat, lsof, nmap and others"),
    "audit": ("audit", "judge flow logs and scans of any size"),
    "serve": ("serve", "start the site, its API and a panel of this machine"),
    "export": ("export", "write the site as files for any static host"),
    "feedback": ("feedback", "show readers' votes on the site's pages"),
    "completion": ("completion", "print the completion script for bash, zsh or fish"),
}
# Said beside a service of a name that is also a verb people try.
_HINTS = {"who": "to see what listens on this machine: portbook listen"}
_NEXT = (
    ("portbook 3000", "what is on a port"),
    ("portbook stop 3000", "stop what listens there"),
    ("portbook help", "all commands"),
)
_COLOURS = ("auto", "always", "never")


def run(argv: Sequence[str], catalog: Catalog | None = None, host: HostReader | None = None) -> int:
    """Runs the command line *argv* on *catalog*, by default one of its own; the exit status.

    *host* takes the place of this machine, for a command that can be handed one.

    Errors go to standard error, one line each. ``--debug`` puts the traceback before it, and
    ``--color WHEN`` chooses colours; both stand before or behind the command. A reader that closes
    the pipe ends the output, not more.
    """
    words, debug, colour = _take_global(argv)
    # Text of processes and of the registry may not fit the terminal's encoding.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        complain("standard output is closed: open it, or send it to a file")
        return 2
    if colour is not None:
        return _in_colour(colour, words, catalog, host, debug=debug)
    return _guarded(words, catalog, host, debug=debug)


def _in_colour(
    word: str,
    words: list[str],
    catalog: Catalog | None,
    host: HostReader | None,
    *,
    debug: bool,
) -> int:
    if word not in _COLOURS:
        complain(f"--color {word[:40]!r} is not one of {', '.join(_COLOURS)}: give one of them")
        return 2
    from portbook.cli import terminal

    terminal.colour_choice = word
    try:
        return _guarded(words, catalog, host, debug=debug)
    finally:
        terminal.colour_choice = "auto"


def _guarded(
    words: list[str], catalog: Catalog | None, host: HostReader | None, *, debug: bool
) -> int:
    """The exit status of *words*, whatever goes wrong meanwhile."""
    try:
        return _answer(words, Catalog() if catalog is None else catalog, host, debug=debug)
    except BrokenPipeError:
        _discard_output()
        return 0
    except Exception as error:  # noqa: BLE001 - whatever is not foreseen is portbook's own fault
        return _failed(error, debug=debug)


_unwritten: list[OSError] = []


def _answer(words: list[str], catalog: Catalog, host: HostReader | None, *, debug: bool) -> int:
    _unwritten.clear()
    try:
        status = _dispatch(words, catalog, host)
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


# What helps, by PortbookError.remedy.
_REMEDIES = {
    "force": "--force overrides this",
    "format": "leave --format out to have it found",
    "jobs": "--jobs N starts fewer",
    "port": "--port N takes another",
    "public": "--public leaves this machine out",
    "resolve": "--resolve asks DNS",
    "timeout": "--timeout allows more",
    "versions": "portbook update --list shows them",
}


def _named(error: PortbookError) -> str:
    """What *error* says, with the options in place of the arguments that it is about."""
    said = str(error)
    if isinstance(error, InvalidArgument) and error.argument:
        said = f"--{error.argument.replace('_', '-')} {error.reason}"
    return f"{said}; {_REMEDIES[error.remedy]}" if error.remedy else said


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


def _take_global(argv: Sequence[str]) -> tuple[list[str], bool, str | None]:
    """*argv* without ``--debug`` and ``--color WHEN``, whether the one was there, and the other.

    What stands behind ``--`` is left.
    """
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    given = words[:end]
    debug = "--debug" in given
    colour = None
    if debug:
        given = [word for word in given if word != "--debug"]
    if "--color" in given:
        at = given.index("--color")
        colour = given[at + 1] if at + 1 < len(given) else ""
        del given[at : at + 2]
    for word in [word for word in given if word.startswith("--color=")]:
        given.remove(word)
        colour = word.partition("=")[2]
    return given + words[end:], debug, colour


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


def _dispatch(argv: list[str], catalog: Catalog, host: HostReader | None) -> int:
    if not argv:
        return _overview(catalog, host)
    word = argv[0]
    if word in COMMANDS:
        return _command(word, argv[1:], catalog, host)
    if word in ("-h", "--help", "help"):
        from portbook.cli.help import print_help

        return print_help(COMMANDS, argv[1:], catalog)
    if word in ("-V", "--version"):
        from portbook import __version__

        print(f"portbook {__version__}")
        return 0
    if word.isalpha():  # no number, no address: it may be a mistyped command
        from portbook.cli.mistyped import did_you_mean

        proposal = did_you_mean(argv, COMMANDS, catalog)
        if proposal is not None:
            raise UsageError(proposal)
    if any(given.startswith(("-p", "--port", "-k", "--kill", "--stop")) for given in argv):
        from portbook.cli.mistyped import foreign_option

        proposal = foreign_option(argv)
        if proposal is not None:
            raise UsageError(proposal)
    status = _command("show", argv, catalog, host)
    if (len(argv) > 1 and word.isalpha()) or word in _HINTS:
        _hint(argv, catalog)
    return status


def _hint(argv: list[str], catalog: Catalog) -> None:
    """What else may have been meant, below an answer for people."""
    from portbook.cli.mistyped import command_hint

    hint = _HINTS.get(argv[0]) or command_hint(argv, COMMANDS, catalog)
    if hint is not None and not {"-j", "--json", "--jsonl"} & set(argv):
        complain(hint)


def _overview(catalog: Catalog, host: HostReader | None) -> int:
    """What listens on this machine, and three commands to go on with.

    It is an answer whatever was found: no finding changes the exit status.
    """
    _command("listen", [], catalog, host)
    width = max(len(command) for command, _ in _NEXT)
    print()
    for command, about in _NEXT:
        print(f"{command:<{width}}  {about}")
    return 0


def _command(name: str, argv: list[str], catalog: Catalog, host: HostReader | None) -> int:
    module = __import__(f"portbook.cli.{COMMANDS[name][0]}", fromlist=["run"])
    given = (catalog,) if host is None else (catalog, host)
    status: int = module.run(argv, *given)
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
