"""What IANA's registry says: exact lookups, blocks, neighbours.

>>> from portbook.model import Transport
>>> [row.service_name for row in shipped().lookup(22, Transport.TCP)]
['ssh']
>>> shipped().standing(300, Transport.SCTP).listed
False
"""

from __future__ import annotations

import os

from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.errors import DataCorrupt, DataMissing
from portbook.model import (
    LAST_PORT,
    RANGES,
    Assignment,
    Block,
    Neighbour,
    Source,
    Standing,
    State,
    Transport,
)
from portbook.storage.user_dirs import registry_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Protocol, TypeVar

    from portbook.storage.file_trust import TrustedFolder

    Derived = TypeVar("Derived")

    class _Row(Protocol):
        @property
        def transport(self) -> Transport | None: ...
        @property
        def state(self) -> State: ...

    Row = TypeVar("Row", bound=_Row)

TRANSPORTS = tuple(Transport)

NOT_LISTED = Standing(State.UNASSIGNED, False, None)
# RFC 6335 §6: Dynamic Ports are never assigned.
_DYNAMIC = Standing(State.DYNAMIC, False, None)
_FIRST_STATES = (State.ASSIGNED, State.RESERVED, State.UNASSIGNED)
_FIRST_DYNAMIC = RANGES[-1].first
_ALL_DYNAMIC = dict.fromkeys(TRANSPORTS, _DYNAMIC)


class Registry:
    """The registry as one *store* holds it."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self._standings: dict[int, Mapping[Transport, Standing]] = {}
        self._near: dict[int, Neighbour] = {}
        self._around: dict[
            tuple[int, int], tuple[tuple[Neighbour, ...], tuple[Neighbour, ...]]
        ] = {}
        self._judged: dict[int, tuple[tuple[Assignment, ...], Mapping[Transport, Standing]]] = {}
        self._derived: dict[object, Any] = {}

    def derived(self, make: Callable[[Registry], Derived]) -> Derived:
        """What *make* makes of this registry, made when first asked for and then held with it."""
        if make not in self._derived:
            self._derived[make] = make(self)
        found: Derived = self._derived[make]
        return found

    def sources(self) -> tuple[Source, ...]:
        """Where the facts come from, with the day each describes."""
        return self.store.sources()

    def lookup(self, port: int, transport: Transport) -> tuple[Assignment, ...]:
        """The assignments of (*port*, *transport*); several names may share one port.

        *port* must be 0 to 65535 (IndexError or an empty answer otherwise).
        """
        return self.standing(port, transport).assignments

    def standing(self, port: int, transport: Transport) -> Standing:
        """How (*port*, *transport*) stands in the registry."""
        return self.standings(port)[transport]

    def standings(self, port: int) -> Mapping[Transport, Standing]:
        """How *port* stands for each transport."""
        found = self._standings.get(port)
        if found is None:
            found = self._standings[port] = self.judged(port)
        return found

    def judged(self, port: int) -> Mapping[Transport, Standing]:
        """As :meth:`standings`, without holding each port, for a caller that asks once for all.

        Ports with the same rows stand alike: what is returned for them is the very same.
        """
        if port >= _FIRST_DYNAMIC:
            return _ALL_DYNAMIC
        rows = self.store.covering(port)
        found = self._judged.get(id(rows))
        if found is None or found[0] is not rows:
            stated = {row.transport for row in rows}
            # A row that states no transport may speak for any of them; others speak for their own.
            asked = TRANSPORTS if None in stated else stated
            found = (
                rows,
                {each: _standing(rows, each) if each in asked else NOT_LISTED
                 for each in TRANSPORTS},
            )  # fmt: skip
            self._judged[id(rows)] = found
        return found[1]

    def state(self, port: int) -> State:
        """The headline state of *port*: assigned if any transport is, else reserved if any is."""
        return headline(self.standings(port))

    def block(self, port: int) -> Block:
        """The block that *port* is in."""
        return next(self.store.blocks_from(port))

    def blocks(
        self, state: State | None = None, range_name: str | None = None
    ) -> tuple[Block, ...]:
        """The blocks of *state* in the range of that name, in order of their ports."""
        return tuple(
            block
            for block in self.store.blocks_from(0)
            if state in (None, block.state) and range_name in (None, block.range)
        )

    def neighbours(
        self, port: int, count: int = 3
    ) -> tuple[tuple[Neighbour, ...], tuple[Neighbour, ...]]:
        """The nearest assigned ports before and after *port*, up to *count* each, nearest first."""
        if not self.store.held:
            return self._neighbours(port, count)
        block = self.block(port)
        if block.state is State.ASSIGNED:
            return self._neighbours(port, count)
        # All ports of a gap have the same.
        found = self._around.get((block.first, count))
        if found is None:
            found = self._around[block.first, count] = self._neighbours(port, count)
        return found

    def _neighbours(
        self, port: int, count: int
    ) -> tuple[tuple[Neighbour, ...], tuple[Neighbour, ...]]:
        below = (
            near
            for block in self.store.blocks_before(port)
            if block.state is State.ASSIGNED
            for near in range(min(block.last, port - 1), block.first - 1, -1)
        )
        above = (
            near
            for block in self.store.blocks_from(port)
            if block.state is State.ASSIGNED
            for near in range(max(block.first, port + 1), block.last + 1)
        )
        return self._take(below, count), self._take(above, count)

    def _take(self, ports: Iterator[int], count: int) -> tuple[Neighbour, ...]:
        return tuple(self.neighbour(port) for _, port in zip(range(count), ports, strict=False))

    def neighbour(self, port: int) -> Neighbour:
        """*port* in short, as another port's neighbour: its names, and what the first row says."""
        found = self._near.get(port)
        if found is None:
            rows = [row for each in self.standings(port).values() for row in each.assignments]
            names = dict.fromkeys(row.service_name for row in rows if row.service_name)
            found = Neighbour(port, tuple(names), rows[0].title if rows else None)
            if rows:  # the assigned ones are few, and asked for again and again
                self._near[port] = found
        return found

    def named(self, name: str) -> tuple[Assignment, ...]:
        """The rows of the service called *name*, with a port or without one; case is ignored."""
        return self.store.named(name)

    def rows(self, first: int = 0, last: int = LAST_PORT) -> Iterator[Assignment]:
        """The rows that have a number between *first* and *last*."""
        for row in self.store.all():
            if row.first is None or row.last is None:
                return  # names without a port come last
            if row.first <= last and row.last >= first:
                yield row


def held_by(rows: Sequence[Row], transport: Transport) -> Sequence[Row]:
    """Those of *rows*, all of one port, that say how it stands for *transport*: all of one state.

    A row for one transport beats a row that states none. A row that states none but names a service
    is taken for tcp and udp alone, and says that the registry didn't state it.
    """
    held = [row for row in rows if row.transport is transport]
    if not held and transport in (Transport.TCP, Transport.UDP):
        held = [row for row in rows if row.transport is None and row.state is State.ASSIGNED]
    if not held:
        held = [row for row in rows if row.transport is None and row.state is not State.ASSIGNED]
    for state in _FIRST_STATES if held else ():
        found = [row for row in held if row.state is state]
        if found:
            return found
    return ()


def _standing(rows: tuple[Assignment, ...], transport: Transport) -> Standing:
    held = held_by(rows, transport)
    if not held:
        return NOT_LISTED
    head = held[0]
    assert head.first is not None
    assert head.last is not None
    assigned = tuple(held) if head.state is State.ASSIGNED else ()
    return Standing(
        state=head.state,
        listed=True,
        text=head.description,
        assignments=assigned,
        references=head.references,
        row=(head.first, head.last),
        notes=None if assigned else head.notes or head.unauthorized_use,
    )


def headline(standings: Mapping[Transport, Standing]) -> State:
    """The state of a port as a whole.

    >>> headline({Transport.UDP: NOT_LISTED, Transport.TCP: _DYNAMIC})
    <State.DYNAMIC: 'dynamic'>
    """
    states = [standing.state for standing in standings.values()]
    for state in (State.ASSIGNED, State.RESERVED, State.DYNAMIC):
        if state in states:
            return state
    return State.UNASSIGNED


def open_in_use(tell: Callable[[str], None], *, whole: bool = False) -> Registry:
    """The registry that ``portbook update`` last kept, or the shipped one.

    It is the shipped one where there is no other, or where that can't be trusted or read; *tell*
    is then given a line that says why. With *whole* every byte of a kept one is checked first.
    """
    folder, told = _find_kept(whole=whole)
    for line in told:
        tell(line)
    if folder is None:
        return Registry()
    try:
        return Registry(Store(folder.path, opener=folder.opener))
    except (DataMissing, DataCorrupt) as error:
        tell(f"the shipped registry is used instead: {error.why}")
        return Registry()


def _find_kept(*, whole: bool) -> tuple[TrustedFolder | None, tuple[str, ...]]:
    """The folder of the kept registry to read, if any, and notes, as ``versions.find`` has them.

    Where none was ever kept, what reads them isn't imported: that takes a lookup 0.3 of its 8 ms.
    """
    if not any(map(_may_be_there, registry_folders(os.environ))):
        return None, ()
    from portbook.catalog.update import versions

    return versions.find(os.environ, SHIPPED, whole=whole)


def _may_be_there(path: str) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:  # opening it will say so
        pass
    return True


def open_folder(folder: str) -> Registry:
    """The registry in *folder*, as another process has it open.

    Raises Untrusted, DataMissing or DataCorrupt.
    """
    if folder == SHIPPED:
        return Registry()
    from portbook.catalog.update import versions

    return Registry(Store(folder, opener=versions.open_version(folder).opener))


def shipped() -> Registry:
    """The registry that came with portbook, whatever an update kept."""
    return Registry()


__all__ = [
    "RANGES",
    "TRANSPORTS",
    "Registry",
    "headline",
    "open_folder",
    "open_in_use",
    "shipped",
]
