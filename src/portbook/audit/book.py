"""The registry and the lore as one small table: a row for each (transport, port) of which
something is on record.

What has no row is unassigned, or dynamic from 49152 on (RFC 6335 §6): the table holds the
exceptions, some 14,000 of 262,144.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from portbook import lore
from portbook._lean import NamedTuple
from portbook.model import DYNAMIC_PORTS, State
from portbook.registry import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.model import Standing
    from portbook.registry import Registry

# The columns with their types in Ibis's words.
COLUMNS = {
    "transport": "string",
    "port": "int32",
    "state": "string",
    "known_use": "boolean",
    "abuse": "boolean",
}

_HELD = (State.ASSIGNED, State.RESERVED)


class Entry(NamedTuple):
    """What is on record of one (transport, port)."""

    transport: str
    port: int
    state: str
    known_use: bool
    abuse: bool


@cache
def entries() -> tuple[Entry, ...]:
    """The rows of the table, from the registry and the lore."""
    book = registry()
    states = {(transport, port): state for transport, port, state in _states(book)}
    uses = {
        (str(use.transport), port) for use in lore.uses() for port in range(use.first, use.last + 1)
    }
    abuse = {
        (str(report.transport), port)
        for report in lore.abuse()
        for port in range(report.first, report.last + 1)
    }
    keys = {*states, *uses, *abuse}
    return tuple(
        Entry(
            transport,
            port,
            states.get((transport, port)) or without_a_row(port),
            (transport, port) in uses,
            (transport, port) in abuse,
        )
        for transport, port in sorted(keys)
    )


def without_a_row(port: int) -> str:
    """The state of a port that the table leaves out.

    >>> without_a_row(305), without_a_row(50000)
    ('unassigned', 'dynamic')
    """
    return str(State.DYNAMIC if port >= DYNAMIC_PORTS.first else State.UNASSIGNED)


def _states(book: Registry) -> Iterator[tuple[str, int, str]]:
    """Every assigned or reserved (transport, port)."""
    book.store.hold()
    # What the registry says changes only where one of its rows begins or ends.
    cuts = {0, DYNAMIC_PORTS.first}
    for row in book.rows(0, DYNAMIC_PORTS.first - 1):
        if row.first is not None and row.last is not None:
            cuts |= {row.first, row.last + 1}
    bounds = sorted(cut for cut in cuts if cut <= DYNAMIC_PORTS.first)
    for first, after in pairwise(bounds):
        for transport, standing in book.standings(first).items():
            if standing.state in _HELD:
                for port in range(first, after):
                    yield str(transport), port, str(standing.state)


def service_names(standing: Standing) -> tuple[str, ...]:
    """The names that the registry has for a (port, transport), without those it repeats."""
    return tuple(
        dict.fromkeys(row.service_name for row in standing.assignments if row.service_name)
    )
