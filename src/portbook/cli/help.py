"""Help texts and the parts of a parser that commands share; loaded only where argparse is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from portbook.cli.terminal import show
from portbook.errors import UsageError, shown
from portbook.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from _typeshed import SupportsWrite

    from portbook.catalog import Catalog


_WIDTH = 79  # columns that an example may take
_LONGEST = 400  # characters of an error of argparse
_UNRECOGNIZED = "unrecognized arguments: "  # how argparse begins where it knows no such option

GROUPS = {
    "This machine": ("listen", "why", "stop", "wait", "reach", "pick", "doctor"),
    "On record": ("show", "search", "topic", "history", "blocks", "stats", "map", "update"),
    "Your notes": ("note", "notes"),
    "Files": ("explain", "audit"),
    "The site": ("serve", "export", "feedback"),
    "The shell": ("completion",),
}


_ASK = "--\0parser"  # no argument of a command line can hold a NUL


class _ParserRequested(Exception):
    """The parser itself was asked for, in place of a run."""

    def __init__(self, parser: Parser) -> None:
        super().__init__(parser.prog)
        self.parser = parser


class _GiveParser(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        assert isinstance(parser, Parser)
        raise _ParserRequested(parser)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Wraps a description, and leaves the lines of what follows the options as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are portbook's: one line, exit status 2.

    Its examples and exit statuses are those of :mod:`portbook.cli.usage`.
    """

    def __init__(self, name: str, description: str) -> None:
        super().__init__(
            prog=f"portbook {name}",
            description=description,
            epilog=_epilog(name),
            formatter_class=_Formatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("-h", "--help", action="help", help="show this help")
        self.add_argument(
            _ASK,
            action=_GiveParser,
            nargs=0,
            dest=argparse.SUPPRESS,
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )
        # run() takes these away before any parser sees them: they stand here for the help alone.
        self.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the traceback of an internal error",
        )
        self.add_argument(
            "--color",
            choices=("auto", "always", "never"),
            metavar="WHEN",
            default=argparse.SUPPRESS,
            help="auto (default), always or never",
        )

    def error(self, message: str) -> NoReturn:
        """Raises UsageError instead of printing the usage."""
        if len(message) > _LONGEST:  # with a value in it, which may be of any length
            message = f"{message[: _LONGEST // 2]}…{message[-_LONGEST // 2 :]}"
        said = _plain_words(self._without_slip(message))
        if said.endswith(" missing"):
            from portbook.cli.usage import EXAMPLES

            said += f", as in {EXAMPLES[self.prog.removeprefix('portbook ')][0][0]}"
        raise UsageError(f"{said} ({self.prog} --help shows what it takes)")

    def _without_slip(self, message: str) -> str:
        """*message*; for an unknown option, its name and the one that is spelled most like it."""
        before, _, words = message.partition(_UNRECOGNIZED)
        option = words.split(" ")[0].partition("=")[0]
        if before or not option.startswith("-"):
            return message
        from portbook.cli.mistyped import nearest

        own = [name for action in self._actions for name in action.option_strings]
        long = [name for name in (*own, "--version") if name.startswith("--") and name != _ASK]
        near = nearest(option, long) if option.startswith("--") else ()
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"no option {shown(option)}{hint}"

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        from portbook.cli.mistyped import nearest

        words = [str(choice) for choice in action.choices]
        near = nearest(str(value)[:_LONGEST], words)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise argparse.ArgumentError(
            action, f"{shown(str(value))} is not one of {', '.join(words)}{hint}"
        )

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Prints the help; argparse's own swallows the error of a full disk."""
        if file is None:
            show(self.format_help())
        else:
            file.write(self.format_help())


def _plain_words(message: str) -> str:
    """What argparse says of a wrong argument, as portbook says it.

    >>> _plain_words("argument -t/--timeout: invalid float value: 'soon'")
    "--timeout 'soon' is not a number"
    >>> _plain_words("argument --limit: expected one argument")
    '--limit needs a value'
    >>> _plain_words("the following arguments are required: PORT, TEXT")
    'PORT and TEXT are missing'
    >>> _plain_words("argument -t/--tcp: ignored explicit argument 'lnp'")
    "no option '-lnp'"
    """
    lacking = message.removeprefix("the following arguments are required: ")
    if lacking != message:
        *most, last = lacking.split(", ")
        return f"{', '.join(most)} and {last} are missing" if most else f"{last} is missing"
    if not message.startswith("argument "):
        return message
    names, colon, reason = message.removeprefix("argument ").partition(": ")
    if not colon:
        return message
    name = names.rpartition("/")[2]
    for kind, noun in (("int", "a whole number"), ("float", "a number")):
        value = reason.removeprefix(f"invalid {kind} value: ")
        if value != reason:
            return f"{name} {value} is not {noun}"
    ignored = reason.removeprefix("ignored explicit argument ")
    if ignored != reason:
        short = not names.startswith("--")  # -tx: -t takes no value, so x is a flag
        return f"no option '-{ignored[1:]}" if short else f"{name} takes no value"
    if reason == "expected one argument":
        return f"{name} needs a value"
    return f"{name} {reason}" if " is not one of " in reason else f"{name}: {reason}"


def parser_of(module: str, catalog: Catalog) -> Parser:
    """The parser of the command in *module* of this package; nothing of the command is run.

    :raises AssertionError: where the command reads its arguments without one.
    """
    command = __import__(f"portbook.cli.{module}", fromlist=["run"])
    try:
        command.run([_ASK, "--help"], catalog)
    except _ParserRequested as requested:
        return requested.parser
    raise AssertionError(f"{module} reads its arguments without a Parser")


def _epilog(name: str) -> str:
    from portbook.cli.usage import statuses_of

    examples = _examples(name)
    statuses = [f"  {status:<3}  {about}" for status, about in statuses_of(name)]
    service = f"Look up the service of this name: portbook show {name}"
    return "\n".join(("examples:", *examples, "", "exit status:", *statuses, "", service))


def _examples(name: str) -> Iterator[str]:
    """Each example beside what it does, or above it where that is too long for a line."""
    from portbook.cli.usage import EXAMPLES

    width = max(len(command) for command, _ in EXAMPLES[name])
    beside = all(width + len(about) + 4 <= _WIDTH for _, about in EXAMPLES[name])
    for command, about in EXAMPLES[name]:
        if beside:
            yield f"  {command:<{width}}  {about}"
        else:
            yield f"  {command}"
            yield f"      {about}"


def add_json(parser: argparse.ArgumentParser, *, rows: bool = False) -> None:
    """``--json``, and ``--jsonl`` where *rows* stream; with them ``--strict``."""
    parser.add_argument("-j", "--json", action="store_true", help="one JSON object")
    if rows:
        parser.add_argument("--jsonl", action="store_true", help="JSON Lines: one object a line")
        parser.add_argument(
            "--strict",
            action="store_true",
            help="exit with 3 if not everything could be seen",
        )


_LIMIT = 20


def add_limit(parser: argparse.ArgumentParser, what: str, *, default: bool = True) -> None:
    """``--limit N``: how many of *what* are shown; 0 is all of them, for every command."""
    usual = f"{_LIMIT}; with --json all" if default else "all"
    parser.add_argument(
        "--limit",
        type=int,
        default=None if default else 0,
        metavar="N",
        help=f"show at most N {what}, 0 for all (default: {usual})",
    )


def read_limit(options: argparse.Namespace) -> int:
    """The ``--limit`` of *options*; 0: all. Raises UsageError where it is below 0."""
    limit: int | None = options.limit
    if limit is None:
        return 0 if options.json or getattr(options, "jsonl", False) else _LIMIT
    if limit < 0:
        raise UsageError(f"--limit {limit} is below 0: give 0 for all, or how many")
    return limit


class Beside(argparse.Action):
    """``-t`` and ``-u``: one of them alone, or with the other every transport."""

    def __call__(
        self, _parser: object, namespace: argparse.Namespace, _values: object, _flag: object = None
    ) -> None:
        """Sets the transport that the flag is for."""
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, self.const if before in (None, self.const) else None)


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
        help="also look into other network namespaces and NAT rules; needs root",
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
        help="also connect to each service to see what it really speaks (at most half a second "
        "and 4 kB each)",
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


def print_help(
    commands: Mapping[str, tuple[str, str]], words: Sequence[str], catalog: Catalog
) -> int:
    """The help of the command that *words* name, or of the program as a whole.

    Raises UsageError.
    """
    if words and words[0] in commands:
        parser_of(commands[words[0]][0], catalog).print_help()
        return 0
    if words and not words[0].startswith("-"):
        raise UsageError(f"no command {shown(words[0])}: portbook help lists them all")
    head = (
        "usage: portbook QUERY... [--full] [--json] [--no-host]\n"
        "       portbook COMMAND ...\n\n"
        "Show what a port is for, what really listens on it, and whether the two agree.\n"
        "A QUERY is a port, an address, a URL, a pasted error, a range, a service name or\n"
        "text. Without one, portbook lists what listens on this machine.\n\n"
        "  portbook 3000                     what is on port 3000, and what it is for\n"
        "  portbook 443/udp --full           everything on record about it\n"
        "  portbook postgresql               the service, by its name\n"
        '  portbook "EADDRINUSE :::3000"     what a pasted error is about\n'
        "  npm start 2>&1 | portbook -       the same, of what a program prints"
    )
    lines = [head]
    width = max(map(len, commands))
    for title, names in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {name:<{width}}  {commands[name][1]}" for name in names]
    lines.append(
        "\nOptions everywhere:\n"
        "  -h, --help       help of a command, as in portbook help why\n"
        "  -V, --version    the version\n"
        "  --color WHEN     auto, always or never (also NO_COLOR, CLICOLOR_FORCE)\n"
        "  --debug          show the traceback of an internal error"
    )
    show("\n".join(lines) + "\n")
    return 0
