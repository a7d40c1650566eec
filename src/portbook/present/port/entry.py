"""An encyclopedia page before it has a form: what :mod:`portbook.present.port.entry_page` composes.

Items are immutable and hashable, so that a renderer can keep what it made of one: many of the
65,536 entries share some. All text in them is raw; escaping is the renderer's work.
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Source, State


class Text(NamedTuple):
    """Running text. ``ports`` and ``services`` are words in it that lead to a page, in order."""

    text: str
    ports: tuple[int, ...] = ()
    services: tuple[str, ...] = ()


class Heading(NamedTuple):
    """A heading inside of a section."""

    heading: str


class Quote(NamedTuple):
    """The registry's own words, with what they are and the day they are of."""

    quote: str
    of: str


class Facts(NamedTuple):
    """Labels and values."""

    facts: tuple[tuple[str, str], ...]


class ServiceRow(NamedTuple):
    """A service as the registry has it on this port; ``name`` is None where it has none."""

    name: str | None
    transports: str
    description: str
    references: tuple[str, ...]


class Services(NamedTuple):
    """The services registered on a port."""

    services_here: tuple[ServiceRow, ...]


class PortRow(NamedTuple):
    """A port or a span of them, what it is called, and whether it is the page's own."""

    first: int
    last: int
    names: tuple[str, ...]
    description: str
    here: bool = False


class Ports(NamedTuple):
    """Ports, one a row, each with a way to its page."""

    caption: str
    port_rows: tuple[PortRow, ...]


class Claim(NamedTuple):
    """What a source outside of the registry says; ``url`` is the source, ``read`` the day."""

    subject: str
    about: str
    claim: str
    url: str
    read: str


class Claims(NamedTuple):
    """Claims, one a row."""

    caption: str
    claims: tuple[Claim, ...]


class Step(NamedTuple):
    """A command and what it answers."""

    about: str
    command: str


class Tab(NamedTuple):
    """How to do something on one system."""

    system: str
    steps: tuple[Step, ...]
    proves: str


PORT = "{port}"


class Tabs(NamedTuple):
    """The same for several systems, one of which is shown at a time.

    In the commands :data:`PORT` stands for ``tabs_port``, so that all ports share ``tabs``.
    """

    tabs: tuple[Tab, ...]
    tabs_port: int

    def commands(self) -> tuple[str, ...]:
        """The commands of all tabs, filled in."""
        return tuple(
            step.command.replace(PORT, str(self.tabs_port))
            for tab in self.tabs
            for step in tab.steps
        )


class Question(NamedTuple):
    """A question that people ask, and the answer of the data."""

    question: str
    answer: str


class Sources(NamedTuple):
    """Where the facts come from."""

    sources: tuple[Source, ...]


class Slot(NamedTuple):
    """An item that is left open: whoever shows the page puts another one there."""

    slot: str


if TYPE_CHECKING:
    Item = (
        Text
        | Heading
        | Quote
        | Facts
        | Services
        | Ports
        | Claims
        | Tabs
        | Question
        | Sources
        | Slot
    )


class Part(NamedTuple):
    """A section: ``id`` is its place in the page's address."""

    id: str
    title: str
    items: tuple[Item, ...]


class Entry(NamedTuple):
    """A whole entry: a port with its states in words, its lead and its parts."""

    port: int
    state: State
    states: tuple[tuple[State, str], ...]
    character: str
    lead: tuple[str, str]
    range_name: str
    range_title: str
    notes: tuple[str, ...]
    parts: tuple[Part, ...]
