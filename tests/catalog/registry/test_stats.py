"""The counts agree with the blocks, with the rows, and with each other."""

from __future__ import annotations

from functools import cache

from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.stats import Stats, count, count_within
from portbook.model import RANGES, State, Transport

REGISTRY = Registry()


@cache
def _stats() -> Stats:
    return count(REGISTRY)


def test_each_range_is_counted_for_each_transport_and_as_a_whole() -> None:
    ranges = _stats().ranges
    seen = [(each.range, each.transport) for each in ranges]
    assert seen == [(part, transport) for part in RANGES for transport in (None, *Transport)]
    assert len(ranges) == len(seen)
    for each in ranges:
        assert sum(each.states.values()) == each.range.size
        assert list(each.states) == list(State)


def test_headlines_agree_with_the_blocks() -> None:
    headlines = [each for each in _stats().ranges if each.transport is None]
    assert len(headlines) == 3
    for each in headlines:
        assert each.states
        for state, ports in each.states.items():
            blocks = REGISTRY.blocks(state, each.range.name)
            assert ports == sum(block.size for block in blocks)


def test_transports_agree_with_the_standings() -> None:
    system, user, dynamic = RANGES
    by = {(each.range, each.transport): each.states for each in _stats().ranges}
    for transport in Transport:
        states = [REGISTRY.standing(port, transport).state for port in range(65536)]
        for part in RANGES:
            inside = states[part.first : part.last + 1]
            assert by[part, transport] == {state: inside.count(state) for state in State}
        assert by[dynamic, transport][State.DYNAMIC] == dynamic.size
        assert by[system, transport][State.DYNAMIC] == by[user, transport][State.DYNAMIC] == 0
    assert by[system, None] == {
        State.ASSIGNED: 694, State.RESERVED: 48, State.UNASSIGNED: 282, State.DYNAMIC: 0,
    }  # fmt: skip


def test_the_undated_and_the_unrecorded_are_counted_too() -> None:
    stats = _stats()
    rows = [row for row in REGISTRY.store.all() if row.state is State.ASSIGNED]
    assert stats.assigned_rows == len(rows)
    assert sum(dict(stats.years).values()) + stats.undated == len(rows)
    assert sum(dict(stats.assignees).values()) + stats.assignee_not_recorded == len(rows)
    assert stats.undated == sum(row.registered is None for row in rows) > 0
    assert stats.assignee_not_recorded == sum(row.assignee is None for row in rows) > 0
    assert all(len(year) == 4 and year.isdigit() for year, _ in stats.years)
    assert list(stats.years) == sorted(stats.years)


def test_assignees_are_listed_with_the_most_rows_first() -> None:
    counts = [rows for _, rows in _stats().assignees]
    assert counts == sorted(counts, reverse=True)
    assert len(dict(_stats().assignees)) == len(counts)


def test_names_are_counted_once() -> None:
    rows = [row for row in REGISTRY.store.all() if row.state is State.ASSIGNED and row.service_name]
    assert _stats().services == len({(row.service_name or "").lower() for row in rows})
    portless = {(row.service_name or "").lower() for row in rows if row.first is None}
    assert _stats().portless == len(portless)


def test_dates_of_registration_are_dated() -> None:
    ids = {source.id: source.as_of for source in REGISTRY.sources()}
    assert _stats().registration_as_of == ids["iana-2015"]


def test_some_ports_are_counted_as_they_are_in_all() -> None:
    for part in RANGES:
        inside = count_within(REGISTRY, part.first, part.last)
        assert inside.ranges == tuple(each for each in _stats().ranges if each.range == part)
    halves = [count_within(REGISTRY, 0, 511), count_within(REGISTRY, 512, 1023)]
    system = count_within(REGISTRY, 0, 1023)
    for at, whole in enumerate(system.ranges):
        parts = [half.ranges[at].states for half in halves]
        assert {state: sum(part[state] for part in parts) for state in State} == whole.states
    assert halves[0].assigned_rows < system.assigned_rows < _stats().assigned_rows


def test_one_port_is_a_range_too() -> None:
    one = count_within(REGISTRY, 443, 443)
    assert [each.states[State.ASSIGNED] for each in one.ranges] == [1, 1, 1, 1, 0]
    assert (one.services, one.ranges[0].range.size) == (1, 1)
