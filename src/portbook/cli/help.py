"""Help texts and the parts of a parser that commands share; loaded only where argparse is."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

from portbook.errors import UsageError
from portbook.model import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import SupportsWrite


_LONGEST = 400  # characters of an error of argparse


class Parser(argparse.ArgumentParser):
    """A parser whose errors are portbook's: one line, exit status 2."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(
            prog=f"portbook {name}",
            description=description,
            epilog=f"To look up a service that is called {name}: portbook show {name}",
            allow_abbrev=False,
        )
        # run() takes it away before any parser sees it: it stands here for the help alone.
        self.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="if portbook has a fault, show its traceback",
        )

    def error(self, message: str) -> NoReturn:
        """Raises UsageError instead of printing the usage."""
        if len(message) > _LONGEST:  # with a value in it, which may be of any length
            message = f"{message[: _LONGEST // 2]}…{message[-_LONGEST // 2 :]}"
        raise UsageError(f"{message} ({self.prog} --help shows what it takes)")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Prints the help; argparse's own swallows the error of a full disk."""
        (file or sys.stdout).write(self.format_help())


def add_json(parser: argparse.ArgumentParser, *, rows: bool = False) -> None:
    """``--json``, and ``--jsonl`` where *rows* stream; with them ``--strict``."""
    parser.add_argument("--json", action="store_true", help="one JSON object")
    if rows:
        parser.add_argument("--jsonl", action="store_true", help="one JSON object a line")
        parser.add_argument(
            "--strict",
            action="store_true",
            help="exit with 3 if part of the truth was not visible",
        )


def add_depth(parser: argparse.ArgumentParser) -> None:
    """``--detail`` and ``--all-namespaces``."""
    parser.add_argument(
        "--detail",
        action="store_true",
        help="also ask which package owns each executable, and what containers are called",
    )
    parser.add_argument(
        "--all-namespaces",
        action="store_true",
        help="also look into other network namespaces and NAT rules; takes root",
    )


def add_notes(parser: argparse.ArgumentParser) -> None:
    """``--no-notes``."""
    parser.add_argument(
        "--no-notes",
        dest="notes",
        action="store_false",
        help="leave out your own notes on ports (ports.toml, portbook.toml)",
    )


def add_probe(parser: argparse.ArgumentParser) -> None:
    """``--probe``."""
    parser.add_argument(
        "--probe",
        action="store_true",
        help="also ask each service, over connections from this machine, what it really speaks; "
        "half a second and 4 kB at most for each",
    )


def add_fail_on(parser: argparse.ArgumentParser, default: str) -> None:
    """``--fail-on LEVEL``."""
    parser.add_argument(
        "--fail-on",
        choices=[*map(str, Level), "never"],
        default=default,
        metavar="LEVEL",
        help="exit with 1 if a finding is at this level or above: ok, note, check, alert or "
        f"never (default: {default})",
    )


def print_help(commands: Mapping[str, tuple[str, str]]) -> int:
    """The help of the program as a whole; *commands* are their modules and what each is for."""
    print(
        "usage: portbook QUERY... [--json] [--no-host]\n"
        "       portbook COMMAND ...\n\n"
        "What the registry says of a port, what really listens there, and whether the\n"
        "two agree. A QUERY is a port (305, 443/udp), an address, a URL, a pasted error,\n"
        "a range, a service name or text. A word that is a command is the command:\n"
        "portbook show COMMAND looks up the service of that name.\n"
    )
    width = max(map(len, commands))
    for name, (_, about) in commands.items():
        print(f"  {name:<{width}}  {about}")
    print(
        "\nportbook COMMAND --help tells more; portbook --version tells which one this is.\n"
        "--debug, before or behind the command, shows the traceback of an error."
    )
    return 0
