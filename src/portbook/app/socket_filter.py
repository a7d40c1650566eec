"""Which sockets an answer is about."""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.catalog import Catalog
    from portbook.model import Level, Listener, Reach, Transport


class PortSpan(NamedTuple):
    """A run of ports, both ends included, of one transport or (None) of all."""

    first: int
    last: int
    transport: Transport | None = None

    def holds(self, port: int, transport: Transport) -> bool:
        """Whether *port* of *transport* is one of them."""
        return self.first <= port <= self.last and self.transport in (None, transport)


class Filter(NamedTuple):
    """Which sockets are asked for; None lets everything through.

    ``ports`` is the first and the last port; ``spans`` are several runs of ports, of which one has
    to hold. ``program`` is a part of a program's name or a pattern for all of it (``python*``), in
    either case; ``user`` a name or a number. ``level`` is the lowest level of a socket's most
    serious finding.
    """

    transport: Transport | None = None
    ports: tuple[int, int] | None = None
    program: str | None = None
    user: str | None = None
    reach: Reach | None = None
    level: Level | None = None
    spans: tuple[PortSpan, ...] = ()

    def keeps(self, listener: Listener) -> bool:
        """Whether *listener*, with its owners and findings, is asked for."""
        port, transport = listener.socket.port, listener.socket.transport
        return (
            self.transport in (None, transport)
            and (self.ports is None or self.ports[0] <= port <= self.ports[1])
            and (not self.spans or any(span.holds(port, transport) for span in self.spans))
            and (self.program is None or _runs(listener, self.program))
            and (self.user is None or self.user in _users(listener))
            and self.reach in (None, listener.socket.reach)
            and (self.level is None or listener.assessment.gravity >= self.level.rank)
        )


def _runs(listener: Listener, program: str) -> bool:
    """Whether *program* is a part of what an owner of *listener* is called, or a pattern of it."""
    pattern = program.casefold()
    return is_called(listener, program) or any(
        pattern in name.casefold() for name in programs_of(listener)
    )


def is_called(listener: Listener, program: str) -> bool:
    """Whether an owner of *listener* is called so: by its program, or by what its program runs.

    *program* is the whole name or a pattern (``python*``), in either case.
    """
    names = [name.casefold() for name in programs_of(listener)]
    pattern = program.casefold()
    if any(sign in pattern for sign in "*?["):
        from fnmatch import fnmatchcase

        return any(fnmatchcase(name, pattern) for name in names)
    return pattern in names


def programs_of(listener: Listener) -> Iterator[str]:
    """What the owners of *listener* are called, and what their programs run."""
    from portbook.model.command_line import run_of

    for owner in listener.ownership.owners:
        if owner.program:
            yield owner.program
        run = run_of(owner.command) if owner.command else None
        if run is not None:
            yield run.title


def _users(listener: Listener) -> set[str | None]:
    """The users that hold *listener*, by name and by number."""
    owners = listener.ownership.owners
    uids = (listener.socket.uid, *(owner.uid for owner in owners))
    names = {listener.socket.user, *(owner.user for owner in owners)}
    return names | {str(uid) for uid in uids if uid is not None}


def ports_named(name: str, catalog: Catalog) -> tuple[int, ...]:
    """The ports of the service *name*: the registry's, else what systems or people call so.

    >>> from portbook.catalog import Catalog
    >>> ports_named("ssh", Catalog()), ports_named("http-alt", Catalog())
    ((22,), (591, 8008, 8080))
    """
    from portbook.model import Transport

    rows = catalog.registry.named(name)
    ports = {row.first for row in rows if row.first is not None and row.first == row.last}
    if not ports:
        named = (catalog.practice.port_named(name, each) for each in Transport)
        ports = {port for port in named if port is not None}
        ports = ports or {known.first for known in catalog.practice.services_called(name)}
    return tuple(sorted(ports))


def read_spans(word: str, catalog: Catalog) -> tuple[PortSpan, ...]:
    """The ports that *word* asks for: ``8000``, ``53/udp``, ``6000-6063``, ``ssh``, ``ssh/tcp``.

    Raises InvalidQuery for anything else.
    """
    from portbook.errors import InvalidQuery, shown
    from portbook.formats.errors.query import QueryKind, parse_query, parse_transport

    query = parse_query(word)
    if query.address is None and query.kind in (QueryKind.PORT, QueryKind.RANGE):
        return (PortSpan(query.first, query.last, query.transport),)
    name, slash, transport = word.rpartition("/")
    ports = ports_named(name if slash else word, catalog)
    if query.kind is not QueryKind.NAME or not ports:
        raise InvalidQuery(
            f"{shown(word)} is not a port, a range or a service that has a port: give 8080, "
            "6000-6063 or ssh",
            word,
        )
    kind = parse_transport(transport) if slash else None
    return tuple([PortSpan(port, port, kind) for port in ports])
