"""Writes the manual pages from the parsers of the command line.

``python -m tasks.build_man`` writes them to ``build/man/man1``. The wheel has them below
``share/man``: tasks/build_hook.py makes them when it is built, so they are never out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from portbook import __version__
from portbook.catalog import Catalog
from portbook.cli import COMMANDS
from portbook.cli.completion import shape_of
from portbook.cli.help import GROUPS, parser_of
from portbook.cli.usage import EXAMPLES, statuses_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.cli.completion import Option, Shape

FOLDER = Path(__file__).resolve().parent.parent / "build" / "man" / "man1"

_ENVIRONMENT = {
    "NO_COLOR": "no colours, if it is set and not empty",
    "FORCE_COLOR, CLICOLOR_FORCE": "colours wherever the output goes, unless it is 0",
    "PORTBOOK_NOTES": "the one file of notes to read; empty: none",
    "PORTBOOK_REGISTRY": "shipped: leave out what portbook update kept",
    "XDG_CONFIG_HOME, XDG_DATA_HOME": "where the user's notes and the kept registries are",
}
_FILES = {
    "~/.config/portbook/ports.toml": "your notes on ports",
    "portbook.toml": "a project's notes, in its folder or one above the working directory",
    "~/.local/share/portbook": "the registries that portbook update kept",
}


def escaped(text: str) -> str:
    r"""*text* as troff prints it, letter for letter.

    >>> print(escaped(".so x --json it's"))
    \&.so x \-\-json it\(aqs
    """
    told = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    told = told.replace("^", "\\(ha").replace("~", "\\(ti").replace("`", "\\(ga")
    return f"\\&{told}" if told.startswith(".") else told  # a line with a dot is a request


def page_of(shape: Shape, description: str) -> str:
    """The page of one command."""
    lines = [*_head(f"portbook-{shape.name}", shape.about)]
    lines += [".SH SYNOPSIS", f".B portbook {escaped(shape.name)}", "[\\fIOPTIONS\\fR]"]
    lines += [f"\\fI{escaped(operand)}\\fR" for operand in shape.operands]
    lines += [".SH DESCRIPTION", escaped(description)]
    if any(about for _, about in shape.operand_abouts):
        lines.append(".SH ARGUMENTS")
        lines += _terms(shape.operand_abouts)
    lines.append(".SH OPTIONS")
    for option in shape.options:
        lines += [".TP", _flags(option), escaped(option.about)]
    lines.append(".SH EXAMPLES")
    lines += _terms(EXAMPLES[shape.name])
    lines.append(".SH EXIT STATUS")
    lines += _terms((str(status), about) for status, about in statuses_of(shape.name))
    lines += [".SH SEE ALSO", ".BR portbook (1)"]
    return "".join(f"{line}\n" for line in lines)


def overview() -> str:
    """The page of the program as a whole."""
    lines = [*_head("portbook", "what a port is for, what listens on it, and whether they agree")]
    lines += [
        ".SH SYNOPSIS",
        ".B portbook",
        "[\\fIQUERY\\fR ...]",
        ".br",
        ".B portbook",
        "\\fICOMMAND\\fR ...",
        ".SH DESCRIPTION",
        "A query is a port, an address, a URL, a pasted error, a range, a service name or text.",
        "Its answer says what is on that port of this machine, what the port is for, and whether",
        "the two agree. Without a query, everything that listens on this machine is listed.",
        ".SH COMMANDS",
    ]
    for title, names in GROUPS.items():
        lines.append(f".SS {escaped(title)}")
        for name in names:
            page = escaped(f"portbook-{name}")
            lines += [".TP", f".BR {page} (1)", escaped(COMMANDS[name][1])]
    lines.append(".SH EXAMPLES")
    lines += _terms(
        (
            ("portbook", "what listens on this machine"),
            ("portbook 3000", "what is on port 3000, and what it is for"),
            ('portbook "EADDRINUSE: address already in use :::3000"', "a pasted error"),
        )
    )
    lines.append(".SH EXIT STATUS")
    lines += _terms(
        (
            ("0", "done"),
            ("1", "done, and there is something to see to"),
            ("2", "wrong usage, or unreadable input"),
            ("3", "part of the truth was not visible, and --strict was given"),
            ("70", "a fault of portbook"),
            ("130", "interrupted"),
        )
    )
    lines.append(".SH ENVIRONMENT")
    lines += _terms(_ENVIRONMENT.items())
    lines.append(".SH FILES")
    lines += _terms(_FILES.items())
    pages = [f".BR {escaped(f'portbook-{name}')} (1)," for name in COMMANDS]
    lines += [".SH SEE ALSO", *pages, ".BR ss (8)"]
    return "".join(f"{line}\n" for line in lines)


def _head(name: str, about: str) -> Iterator[str]:
    yield '.\\" Written by tasks/build_man.py from the parsers.'
    yield f'.TH {escaped(name.upper())} 1 "" "portbook {escaped(__version__)}" "User Commands"'
    yield ".SH NAME"
    yield f"{escaped(name)} \\- {escaped(about)}"


def _flags(option: Option) -> str:
    flags = ", ".join(f"\\fB{escaped(flag)}\\fR" for flag in option.flags)
    return flags if option.metavar is None else f"{flags} \\fI{escaped(option.metavar)}\\fR"


def _terms(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, about in rows:
        yield ".TP"
        yield f"\\fB{escaped(term)}\\fR"
        yield escaped(about)


def pages() -> dict[str, str]:
    """Every page by the name of its file."""
    catalog = Catalog()
    every = {"portbook.1": overview()}
    for name, (module, about) in COMMANDS.items():
        parser = parser_of(module, catalog)
        description = " ".join((parser.description or "").split())
        every[f"portbook-{name}.1"] = page_of(shape_of(parser, name, about), description)
    return every


def write(folder: Path = FOLDER) -> list[Path]:
    """Writes the pages into *folder*, and nothing else is left there; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.1"):
        path.unlink()
    paths = []
    for name, text in pages().items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths


if __name__ == "__main__":
    write()
    sys.stdout.write(f"{FOLDER}\n")
