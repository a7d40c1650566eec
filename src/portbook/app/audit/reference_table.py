"""The registry and the lore as one small table: a row for each (transport, port) of which
something is on record.

What has no row is unassigned, or dynamic from 49152 on (RFC 6335 §6). The exceptions are some
18,000 of 262,144; the flows of a network use a few hundred of them.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import State
from portbook.model.practice import WIDE, is_of
from portbook.verdict.facts import malware, service_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import ibis.expr.types as ir

    from portbook.catalog import Catalog
    from portbook.model import KnownService, Report, Standing, Transport

# The table's name on an engine, and its columns with their types in Ibis's words.
NAME = "portbook_book"
COLUMNS = {
    "transport": "string",
    "port": "int32",
    "state": "string",
    "known_use": "boolean",
    "abuse": "boolean",
    "risky": "boolean",
    "dangerous": "boolean",
}

_HELD = frozenset([State.ASSIGNED, State.RESERVED])
_NOTHING = (False, False, False, False)  # is true, as Entry has it


class Entry(NamedTuple):
    """What is on record of one (transport, port)."""

    transport: str
    port: int
    state: str
    known_use: bool
    abuse: bool
    risky: bool
    dangerous: bool


def entries(ports: Iterable[int], catalog: Catalog) -> list[Entry]:
    """The rows of the table that are about *ports*."""
    book, on_record = catalog.registry, catalog.derived(_on_record)
    told = {port for pairs in on_record for _, port in pairs}
    # What ports share says the same of each; it is held, so that what identifies it is no other's.
    seen: dict[int, tuple[Mapping[Transport, Standing], bool]] = {}
    found = []
    for port in sorted(set(ports)):
        standings = book.standings(port)
        if id(standings) not in seen:
            held = any(standing.state in _HELD for standing in standings.values())
            seen[id(standings)] = standings, held
        if port not in told and not seen[id(standings)][1]:
            continue
        truths: tuple[bool, ...] = _NOTHING
        for transport, standing in standings.items():
            if port in told:
                key = (transport, port)
                truths = tuple([key in pairs for pairs in on_record])
            if standing.state in _HELD or True in truths:
                # Plain text: to make it of a member of an enum takes as long as all the rest.
                words = (transport.value, port, standing.state.value)
                found.append(tuple.__new__(Entry, words + truths))
    return found


def load(catalog: Catalog) -> None:
    """Reads all that is on record, so that many ports are looked up faster afterwards."""
    catalog.registry.store.hold()
    catalog.derived(_on_record)


def table() -> ir.Table:
    """The table, for an expression that is written before it is there."""
    import ibis

    return ibis.table(COLUMNS, name=NAME)


class _OnRecord(NamedTuple):
    """The (transport, port) pairs of which each is true, as :class:`Entry` has them."""

    used: frozenset[tuple[str, int]]
    abused: frozenset[tuple[str, int]]
    risky: frozenset[tuple[str, int]]
    dangerous: frozenset[tuple[str, int]]


def _on_record(catalog: Catalog) -> _OnRecord:
    practice = catalog.practice
    leading: set[tuple[str, int]] = set()
    used: set[tuple[str, int]] = set()
    # A use of a wide span speaks for no port.
    for transport, first, last, services in practice.used_spans():
        if last - first >= WIDE:
            continue
        for port in range(first, last + 1):
            pair = (transport.value, port)
            leading.add(pair)
            if pair not in used and not (
                services
                and is_of(services, service_names(catalog.registry.standing(port, transport)))
            ):
                used.add(pair)
    abused = _pairs(malware(practice.abuse()))
    known = tuple(practice.services())
    advised = [each for each in known if each.exposure is not None]
    met = _pairs(each for each in known if each.leads) | leading
    return _OnRecord(frozenset(used), abused, _pairs(advised), abused - met)


def _pairs(entries: Iterable[Report | KnownService]) -> frozenset[tuple[str, int]]:
    return frozenset(
        (transport, port)
        for entry in entries
        for transport in (str(entry.transport),)
        for port in range(entry.first, entry.last + 1)
    )
