"""The one document: what a page says before it has a form, section by section.

:mod:`portbook.present.port.page` composes one from an answer; :mod:`portbook.present.render` has a
printer for each form. All text in it is raw, as the registry or a process gave it: escaping is the
printer's work. Items are immutable and hashable, so that a printer can keep what it made of one.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.present.words import plural, span, with_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Block, Finding, Source, State


class Paragraph(NamedTuple):
    """Running text. ``ports`` are numbers in it that have a page of their own.

    ``cites`` are the documents that it rests on: they stand after it.
    """

    text: str
    ports: tuple[int, ...] = ()
    cites: tuple[str, ...] = ()


class Heading(NamedTuple):
    """A heading inside a section."""

    heading: str


class Points(NamedTuple):
    """A list of short sentences, or of the ends of the sentence before it.

    ``cites`` are the documents that each rests on; empty where none does.
    """

    points: tuple[str, ...]
    cites: tuple[tuple[str, ...], ...] = ()

    def cited(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each point with its documents."""
        return list(zip(self.points, self.cites or [()] * len(self.points), strict=True))


class Quote(NamedTuple):
    """The registry's own words, with what they are and the day they are of."""

    quote: str
    of: str


class Table(NamedTuple):
    """Rows of cells, in columns as wide as they need; the last column is wrapped.

    ``head`` says that the first row tells what the columns hold, ``counts`` that every column but
    the first holds numbers, which stand at the right.
    """

    rows: tuple[tuple[str, ...], ...]
    head: bool = False
    counts: bool = False


class Facts(NamedTuple):
    """Labels and values. ``ports`` are numbers in the values that have a page of their own."""

    facts: tuple[tuple[str, str], ...]
    ports: tuple[int, ...] = ()


class ServiceRow(NamedTuple):
    """A service as the registry has it on a port; ``name`` is None where it has none."""

    name: str | None
    transports: str
    description: str
    references: tuple[str, ...]


class Services(NamedTuple):
    """The services registered on a port."""

    services: tuple[ServiceRow, ...]

    def cells(self) -> list[tuple[str, ...]]:
        """A row a service, where a form has text alone."""
        return [
            (
                row.name or "(no name)",
                row.transports,
                with_references(row.description, row.references),
            )
            for row in self.services
        ]


class PortRow(NamedTuple):
    """A port or a span of them, what it is called, and whether it is the page's own.

    ``names`` are service names; where the page is about a name, ``transports`` stand instead.
    """

    first: int
    last: int
    names: tuple[str, ...]
    description: str
    own: bool = False
    transports: str = ""
    references: tuple[str, ...] = ()


class Ports(NamedTuple):
    """Ports, one a row, each with a way to its page."""

    caption: str
    port_rows: tuple[PortRow, ...]

    def cells(self) -> list[tuple[str, ...]]:
        """A row a port, where a form has text alone."""
        return [
            (
                span(row.first, row.last),
                row.transports or ", ".join(row.names),
                f"{row.description} (this port)" if row.own else _cited(row),
            )
            for row in self.port_rows
        ]


class Blocks(NamedTuple):
    """Runs of ports of one state, each with its length and its rank in its range."""

    caption: str
    blocks: tuple[Block, ...]

    def cells(self) -> list[tuple[str, ...]]:
        """A row a block, where a form has text alone."""
        return [
            (
                span(block.first, block.last),
                plural(block.size, "port"),
                str(block.state),
                f"{block.range}, {block.rank} of {block.of}",
            )
            for block in self.blocks
        ]


class Record(NamedTuple):
    """What a source has on record: of what, in which way, what it says, and where it was read.

    One without a ``subject`` says more of the record before it, from another source. ``ports`` are
    numbers in ``kind`` that have a page of their own. ``group`` is what a long list
    of such records may be divided by. Of several subjects that one folder of files shows, ``files``
    are each subject and its file in the folder ``source``.
    """

    subject: str
    kind: str
    said: str
    source: str
    read: str
    ports: tuple[int, ...] = ()
    group: str = ""
    files: tuple[tuple[str, str], ...] = ()


class Records(NamedTuple):
    """Records of one kind, under a caption.

    ``page`` is the path of a page of its own that a site may have for a long list.
    """

    caption: str
    records: tuple[Record, ...]
    page: str = ""


PORT = "{port}"


class Command(NamedTuple):
    """A command to run by hand, :data:`PORT` for the port; ``about`` is what it answers.

    ``systems`` is where it runs; empty: everywhere.
    """

    systems: tuple[str, ...]
    about: str
    command: str


class Checks(NamedTuple):
    """How to see by hand whether something holds ``port``.

    ``proofs`` are systems, and what an empty answer proves on each, :data:`PORT` for the port.
    """

    port: int
    commands: tuple[Command, ...]
    proofs: tuple[tuple[str, str], ...]


class Verdict(NamedTuple):
    """The findings on one socket."""

    socket: str
    findings: tuple[Finding, ...]


class Question(NamedTuple):
    """A question that people ask, and the answer of the data."""

    question: str
    answer: str


class Sources(NamedTuple):
    """Where the facts come from; ``further`` are documents by name alone."""

    sources: tuple[Source, ...]
    further: tuple[str, ...] = ()


def _cited(row: ServiceRow | PortRow) -> str:
    return with_references(row.description, row.references)


if TYPE_CHECKING:
    Item = (
        Paragraph
        | Heading
        | Points
        | Quote
        | Table
        | Facts
        | Services
        | Ports
        | Blocks
        | Record
        | Records
        | Checks
        | Verdict
        | Question
        | Sources
    )


class Section(NamedTuple):
    """A part of a page under one heading; ``id`` is its place in the page's address."""

    title: str
    items: tuple[Item, ...]
    id: str = ""


class Page(NamedTuple):
    """A whole page: its subject, its character in a line, its states with what each holds for.

    ``lead`` are the sentences that stand before all sections. A page of no port has no states and
    no range.
    """

    title: str
    character: str
    states: tuple[tuple[State, str], ...]
    range: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    lead: tuple[str, ...] = ()


# -- pages that are alike but for their number ---------------------------------------------------

# No end of a specimen is a beginning of it: wherever it is found in what was printed, it stands for
# the number. Of fewer digits there is none, for they are part of too many other numbers.
_SPECIMENS = {4: "9081", 5: "90817"}


class Numbered:
    """A page of a port with a specimen in the place of its number, for its printers.

    Two ports in three are alike, and so are their sentences. What a printer makes of one is what
    it makes of another with the number put in, if both have as many digits: they are escaped,
    wrapped and linked alike. So a printer can keep what it made of the specimen. What has the
    specimen's digits in it already is printed by itself.

    ``lead`` and ``items``, which are by section, are those of the page; None where they are to be
    printed by themselves.
    """

    def __init__(self, port: int, page: Page) -> None:
        self.number = str(port)
        self.specimen = _SPECIMENS.get(len(self.number), self.number)
        self.lead = self._texts(page.lead)
        self.items = [[self._item(item) for item in section.items] for section in page.sections]

    def own(self, printed: str) -> str:
        """What was *printed* of the specimen, with the page's own number."""
        return printed.replace(self.specimen, self.number)

    def _texts(self, texts: Iterable[str]) -> tuple[str, ...] | None:
        """*texts* of the specimen; None where one has it already."""
        number, specimen = self.number, self.specimen
        made = []
        for text in texts:
            if specimen in text:
                return None
            made.append(text.replace(number, specimen))
        return tuple(made)

    def _item(self, item: Item) -> Item | None:
        if type(item) is Question:
            said = self._texts(item)
            return None if said is None else Question(*said)
        if type(item) is Paragraph and not item.ports:
            said = self._texts((item.text, *item.cites))
            return None if said is None else Paragraph(said[0], (), item.cites)
        if type(item) is Checks:  # all of it is ours, and has no digits of a specimen
            return item._replace(port=int(self.specimen))
        return self._ports(item) if type(item) is Ports else None

    def _ports(self, item: Ports) -> Ports | None:
        """*item*, a table with the page's own row, with that of the specimen."""
        rows, has_own = [], False
        for row in item.port_rows:
            texts = (row.description, row.transports, *row.names, *row.references)
            if row.own:
                has_own, own = True, int(self.specimen)
                said = self._texts(texts)
                if said is None:
                    return None
                rows.append(row._replace(first=own, last=own, description=said[0]))
            elif self.specimen in " ".join((str(row.first), str(row.last), *texts)):
                return None
            else:
                rows.append(row)
        return Ports(item.caption, tuple(rows)) if has_own else None
