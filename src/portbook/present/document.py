"""A page before it has a form: sections of paragraphs, tables, records, commands and findings.

:mod:`portbook.present.port.page` writes one from an answer; a renderer per form prints it. All text
in it is raw, as the registry or a process gave it: escaping is the renderer's work.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Finding, State


class Paragraph(NamedTuple):
    """Running text."""

    text: str


class Table(NamedTuple):
    """Rows of cells, in columns as wide as they need; the last column is wrapped.

    ``head`` says that the first row tells what the columns hold.
    """

    rows: tuple[tuple[str, ...], ...]
    head: bool = False


class Record(NamedTuple):
    """What a source has on record: of what, in which way, what it says, and where it was read."""

    subject: str
    kind: str
    said: str
    source: str
    read: str


class Command(NamedTuple):
    """A command to run by hand; ``system`` is where, ``about`` what it answers."""

    system: str
    about: str
    command: str


class Verdict(NamedTuple):
    """The findings on one socket."""

    socket: str
    findings: tuple[Finding, ...]


if TYPE_CHECKING:
    Item = Paragraph | Table | Record | Command | Verdict


class Section(NamedTuple):
    """A part of a page under one heading."""

    title: str
    items: tuple[Item, ...]


class Page(NamedTuple):
    """A whole page: its subject, its character in a line, its states with what each holds for."""

    title: str
    character: str
    states: tuple[tuple[State, str], ...]
    range: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
