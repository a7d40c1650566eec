"""The whole registry at a glance: the state of every port, and which ports share what.

Where one port is asked for, :class:`portbook.catalog.registry.lookup.Registry` answers from its
files. Pictures, pages and the search index ask about all of them: they hold a shelf.

>>> from portbook.catalog.registry.lookup import shipped
>>> stand = shelf(shipped())
>>> stand.state(305), stand.counts(0, 1023)[State.ASSIGNED]
(<State.UNASSIGNED: 'unassigned'>, 694)
>>> stand.named["x11"]
((6000, 6063),)
"""

from __future__ import annotations

from itertools import groupby

from portbook._fast_types import NamedTuple
from portbook.model import PORTS, RANGES, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portbook.catalog.registry.lookup import Registry

STATES = tuple(State)


class Shelf(NamedTuple):
    """Every port's headline state, and the spans of ports by service name and by reference.

    ``states`` holds a byte a port: the place of its state in :data:`STATES`. The keys of
    ``named`` are in lower case; those of ``citing`` are references as the registry prints them.
    ``by_range`` counts the ports of each range by state.
    """

    states: bytes
    named: Mapping[str, tuple[tuple[int, int], ...]]
    citing: Mapping[str, tuple[tuple[int, int], ...]]
    by_range: Mapping[str, Mapping[State, int]]

    def state(self, port: int) -> State:
        """The headline state of *port*."""
        return STATES[self.states[port]]

    def counts(self, first: int, last: int) -> Mapping[State, int]:
        """How many of the ports from *first* to *last* stand in each state."""
        part = self.states[first : last + 1]
        return {state: part.count(place) for place, state in enumerate(STATES)}

    def runs(self, first: int = 0, last: int = PORTS - 1) -> Iterator[tuple[State, int, int]]:
        """The state and the first and last port of each run of one state, from *first* to *last*.

        A run may reach over the end of a range or of a row of the map.
        """
        for value, members in groupby(self.states[first : last + 1]):
            size = sum(1 for _ in members)
            yield STATES[value], first, first + size - 1
            first += size


def build(book: Registry) -> Shelf:
    """The shelf of *book*; reads its whole file."""
    states = bytearray(PORTS)
    for block in book.blocks():
        states[block.first : block.last + 1] = bytes([STATES.index(block.state)]) * block.size
    named: dict[str, dict[tuple[int, int], None]] = {}
    citing: dict[str, dict[tuple[int, int], None]] = {}
    for first, last, name, references in book.store.outline():
        span = (first, last)
        if name:
            named.setdefault(name.lower(), {})[span] = None
        for reference in references:
            citing.setdefault(reference, {})[span] = None
    made = Shelf(
        bytes(states),
        {name: tuple(spans) for name, spans in named.items()},
        {reference: tuple(spans) for reference, spans in citing.items()},
        {},
    )
    return made._replace(
        by_range={each.name: made.counts(each.first, each.last) for each in RANGES}
    )


def shelf(book: Registry) -> Shelf:
    """The shelf of *book*, built when first asked for."""
    return book.derived(build)


# -- what a shelf says, of one subject: a shelf isn't built for it -------------------------------


def spans_named(book: Registry, name: str) -> tuple[tuple[int, int], ...]:
    """The spans of ports that *book* assigns to the service *name*; letter case doesn't count."""
    if book.store.held:
        return shelf(book).named.get(name.lower(), ())
    return book.store.spans_with(name, cited=False)


def spans_citing(book: Registry, document: str) -> tuple[tuple[int, int], ...]:
    """The spans of assigned ports for which *book* cites *document*, as it prints it."""
    if book.store.held:
        return shelf(book).citing.get(document, ())
    return book.store.spans_with(document, cited=True)


def counts_in(book: Registry, range_name: str) -> Mapping[State, int]:
    """How many ports of the range of that name stand in each state."""
    if book.store.held:
        return shelf(book).by_range[range_name]
    counts = dict.fromkeys(STATES, 0)
    for state, size in book.store.block_sizes(range_name):
        counts[state] += size
    return counts


__all__ = ["STATES", "Shelf", "build", "counts_in", "shelf", "spans_citing", "spans_named"]
