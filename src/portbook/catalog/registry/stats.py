"""Counts over the whole registry.

Years and assignees are those of the source that records them; what it leaves out is counted
too, as undated and as not recorded.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.catalog.registry.lookup import TRANSPORTS
from portbook.model import RANGES, PortRange, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.catalog.registry.lookup import Registry
    from portbook.model import Assignment, Standing, Transport


class RangeCount(NamedTuple):
    """The ports of one range by state, for one transport or (None) by headline state."""

    range: PortRange
    transport: Transport | None
    states: Mapping[State, int]


class Stats(NamedTuple):
    """What :func:`count` found. Rows are counted, not ports, where dates and assignees are."""

    ranges: tuple[RangeCount, ...]
    services: int
    portless: int
    assigned_rows: int
    years: tuple[tuple[str, int], ...]
    undated: int
    assignees: tuple[tuple[str, int], ...]
    assignee_not_recorded: int
    registration_as_of: str | None


def count(registry: Registry) -> Stats:
    """The counts of *registry*: by range and transport, by year of registration, by assignee."""
    return registry.derived(_count)


def count_within(registry: Registry, first: int, last: int) -> Stats:
    """The counts of the ports from *first* to *last*, both included, and of the rows on them."""
    registry.store.hold()
    chosen = PortRange("selected", first, last, "Ports")
    known = next((each for each in RANGES if (each.first, each.last) == (first, last)), chosen)
    return _count_rows(registry.rows(first, last), tuple(_count_range(registry, known)))


def _count(registry: Registry) -> Stats:
    registry.store.hold()
    ranges = tuple(found for each in RANGES for found in _count_range(registry, each))
    return _count_rows(registry.store.all(), ranges)


def _count_rows(all_rows: Iterable[Assignment], ranges: tuple[RangeCount, ...]) -> Stats:
    years: dict[str, int] = {}
    assignees: dict[str, int] = {}
    names, portless_names = set(), set()
    rows = undated = unrecorded = 0
    as_of = None
    for row in all_rows:
        if row.state is not State.ASSIGNED:
            continue
        rows += 1
        name = (row.service_name or "").lower()
        names.add(name)
        if row.first is None:
            portless_names.add(name)
        as_of = as_of or row.as_of.get("registration")
        if row.registered:
            year = row.registered[:4]
            years[year] = years.get(year, 0) + 1
        else:
            undated += 1
        if row.assignee:
            assignees[row.assignee] = assignees.get(row.assignee, 0) + 1
        else:
            unrecorded += 1
    names.discard("")
    return Stats(
        ranges=ranges,
        services=len(names),
        portless=len(portless_names),
        assigned_rows=rows,
        years=tuple(sorted(years.items())),
        undated=undated,
        assignees=tuple(sorted(assignees.items(), key=lambda item: (-item[1], item[0]))),
        assignee_not_recorded=unrecorded,
        registration_as_of=as_of,
    )


def _count_range(registry: Registry, counted: PortRange) -> Iterator[RangeCount]:
    tallies: dict[Transport | None, dict[State, int]] = {
        transport: dict.fromkeys(State, 0) for transport in (None, *TRANSPORTS)
    }
    for block in registry.blocks():
        inside = min(block.last, counted.last) - max(block.first, counted.first) + 1
        tallies[None][block.state] += max(0, inside)
    # Most ports stand like many others: each way to stand is looked at once.
    ways: dict[int, Mapping[Transport, Standing]] = {}
    ports: dict[int, int] = {}
    for port in range(counted.first, counted.last + 1):
        standings = registry.judged(port)
        way = id(standings)
        ways[way] = standings
        ports[way] = ports.get(way, 0) + 1
    for way, standings in ways.items():
        for transport in TRANSPORTS:
            tallies[transport][standings[transport].state] += ports[way]
    yield from (RangeCount(counted, transport, tally) for transport, tally in tallies.items())
