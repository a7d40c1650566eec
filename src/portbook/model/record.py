"""What is on record of a port by the registry's words, and by the user's own notes.

>>> PortRange.of(305).title
'System Ports'
>>> Transport("udp") is Transport.UDP
True
"""

from __future__ import annotations

# For typing.get_type_hints; collections.abc would load collections, which nothing else needs.
from _collections_abc import Mapping  # noqa: TC003

from portbook._fast_types import NamedTuple, StrEnum

FIRST_PORT = 0
LAST_PORT = 65535
PORTS = LAST_PORT + 1


class Transport(StrEnum):
    """The transports of IANA's registry (RFC 6335 §1); UDP-Lite shares UDP's ports (RFC 3828)."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    DCCP = "dccp"


class State(StrEnum):
    """What the registry makes of one port, for one transport or for a headline (RFC 6335 §6)."""

    ASSIGNED = "assigned"
    RESERVED = "reserved"
    UNASSIGNED = "unassigned"
    DYNAMIC = "dynamic"


class PortRange(NamedTuple):
    """One of the three ranges of RFC 6335 §6, or any other run of ports, ends included."""

    name: str
    first: int
    last: int
    title: str

    @staticmethod
    def of(port: int) -> PortRange:
        """The range that *port* is in.

        >>> [PortRange.of(port).name for port in (1023, 1024, 49151, 49152)]
        ['system', 'user', 'user', 'dynamic']
        """
        return RANGES[0] if port <= 1023 else RANGES[1] if port <= 49151 else RANGES[2]

    @property
    def size(self) -> int:
        """How many ports it has."""
        return self.last - self.first + 1


# RFC 6335 §6. "Well-known" and "registered" are the older words for the first two.
RANGES = (
    PortRange("system", 0, 1023, "System Ports"),
    PortRange("user", 1024, 49151, "User Ports"),
    PortRange("dynamic", 49152, 65535, "Dynamic Ports"),
)
SYSTEM_PORTS, USER_PORTS, DYNAMIC_PORTS = RANGES


class Assignment(NamedTuple):
    """One row of the registry that gives a port, or a name without a port, to a service.

    ``transport`` is None, and ``transport_stated`` false, where the row itself states none.
    ``aliases`` are the other names by which the registry itself calls the same service.
    ``assignee`` is as the registry printed it. The date of each group of fields is in ``as_of``;
    a group that no source holds is absent from it.
    """

    service_name: str | None
    description: str | None
    first: int | None
    last: int | None
    transport: Transport | None
    transport_stated: bool
    state: State
    references: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    assignee: str | None = None
    registered: str | None = None
    modified: str | None = None
    unauthorized_use: str | None = None
    notes: str | None = None
    service_code: str | None = None
    as_of: Mapping[str, str] = {}  # noqa: RUF012 - never changed, and hashed without it

    def __hash__(self) -> int:
        """Equal rows have equal hashes; the dates, a mapping, are left out of it."""
        return hash(tuple(self[:-1]))

    @property
    def title(self) -> str | None:
        r"""The first line of the description: what the registry adds below it is left out.

        >>> Assignment("a", "Oracle\nIANA assigned …", 1, 1, None, False, State.ASSIGNED).title
        'Oracle'
        """
        return title_of(self.description)


def title_of(description: str | None) -> str | None:
    """The first line of a row's *description*, as :attr:`Assignment.title` has it."""
    first = (description or "").partition("\n")[0]
    # Some rows have nothing else than the sentence on their other name.
    return None if first.startswith("IANA assigned this well-formed") else first or None


class Standing(NamedTuple):
    """How one (port, transport) stands in the registry.

    ``listed`` is false where the registry has no row for it: ``text`` is then None, because
    "Unassigned" would not be IANA's word. ``text`` is the row's own description otherwise;
    ``notes`` are the registry's on a row without a service, whose assignments have their own.
    """

    state: State
    listed: bool
    text: str | None
    assignments: tuple[Assignment, ...] = ()
    references: tuple[str, ...] = ()
    row: tuple[int, int] | None = None
    notes: str | None = None


class Block(NamedTuple):
    """A maximal run of ports of one headline state inside one range.

    ``rank`` is its place by length among the ``of`` blocks of that state in that range: 1 and
    the number of strictly longer ones, so that blocks of equal length share a rank.
    """

    state: State
    first: int
    last: int
    range: str
    rank: int
    of: int

    @property
    def size(self) -> int:
        """How many ports it has."""
        return self.last - self.first + 1


class Neighbour(NamedTuple):
    """An assigned port near another one."""

    port: int
    service_names: tuple[str, ...]
    description: str | None


class Source(NamedTuple):
    """Where facts come from: an id, the day they describe, what was taken, and an address."""

    id: str
    as_of: str | None
    what: str
    url: str | None = None


class StatementSource(NamedTuple):
    """The source of the fields ``of`` a value that isn't the one of the rest."""

    of: tuple[str, ...]
    source: str
    read: str


def source_of(
    field: str, sources: tuple[StatementSource, ...], source: str, read: str
) -> tuple[str, str]:
    """The address that says what *field* does, and the day on which it was read: one of *sources*,
    else *source*.
    """
    return next(((one.source, one.read) for one in sources if field in one.of), (source, read))


class Whose(StrEnum):
    """Who wrote a note, as far as the place of its file tells."""

    USER = "user"  # the user's own ports.toml
    PROJECT = "project"  # a portbook.toml in the working directory or above it
    NAMED = "named"  # the file that PORTBOOK_NOTES names


class Note(NamedTuple):
    """What a user, or a project, wrote down about ports of their own.

    It holds for *transport*, or for all where that is None. ``executables`` are absolute paths,
    in which ``*`` stays inside a path component, ``units`` are systemd's, ``containers`` names or
    ids, ``users`` names or numbers: what should be there fits one of each kind that is given.
    ``file`` is where the note stands. One that isn't ``trusted`` is a label, and weighs nothing.
    """

    first: int
    last: int
    transport: Transport | None
    file: str
    label: str | None = None
    text: str | None = None
    executables: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    whose: Whose = Whose.USER
    trusted: bool = True

    @property
    def expects(self) -> bool:
        """Whether it says which program should be there."""
        return bool(self.executables or self.units or self.containers)
