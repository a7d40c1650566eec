"""The history is built from what is pinned, and dated no closer than the copies allow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portbook.catalog.registry.diff import kind_of, side
from portbook.catalog.registry.history import Change, Side
from portbook.catalog.registry.lookup import shipped
from portbook.catalog.registry.tsv_reader import SHIPPED
from portbook.model import ChangeKind, State, Transport
from tasks import build_history
from tasks.build_history import Partial, narrow, parse_ports_json, rows_of_2015
from tasks.history_sources import PORTS_JSON, RELEASES
from tasks.registry_sources import (
    SERVICE_NAMES,
    SPINE,
    Registration,
    WitnessRow,
    fetch,
    parse_service_names,
    read_member,
)
from tests.cases import for_each
from tests.counts import PROOF
from tests.real.needs import need_downloads
from tests.values import CATALOG

FREE, HELD = Side(State.UNASSIGNED), Side(State.ASSIGNED, ("New",))
NEW = (State.ASSIGNED, "new")
CHANGE = Change(
    ChangeKind.ASSIGNED,
    7,
    8,
    (Transport.TCP, Transport.UDP),
    FREE,
    HELD,
    "2015-07-30",
    "2023-07-09",
)


def copy(as_of: str, state: State, name: str, *ports: int) -> Partial:
    return Partial(as_of, {(port, "tcp"): [(state, name)] for port in ports}, frozenset())


@for_each(
    "copies, days",
    [
        ([], ("2015-07-30", "2023-07-09")),
        ([copy("2018-07", State.ASSIGNED, "new", 7, 8)], ("2015-07-30", "2018-07")),
        ([copy("2018-07", State.UNASSIGNED, "", 7)], ("2018-07", "2023-07-09")),
        # One that has something else, or both, or nothing there, proves nothing.
        ([copy("2018-07", State.ASSIGNED, "other", 7)], ("2015-07-30", "2023-07-09")),
        ([copy("2018-07", State.ASSIGNED, "new", 9)], ("2015-07-30", "2023-07-09")),
        (
            [Partial("2018-07", {(7, "tcp"): [(State.ASSIGNED, "new")],
                                 (8, "tcp"): [(State.UNASSIGNED, "")]}, frozenset())],
            ("2015-07-30", "2023-07-09"),
        ),
        (
            [copy("2016-12-01", State.UNASSIGNED, "", 7), copy("2018-07", *NEW, 7)],
            ("2016-12-01", "2018-07"),
        ),
        # Copies that contradict each other.
        (
            [copy("2016-12-01", *NEW, 7), copy("2018-07", State.UNASSIGNED, "", 7)],
            ("2015-07-30", "2023-07-09"),
        ),
    ],
)  # fmt: skip
def test_a_copy_that_lacks_rows_is_believed_for_what_it_holds(
    copies: list[Partial], days: tuple[str, str]
) -> None:
    found = narrow(CHANGE, copies)
    assert (found.since, found.until) == days


def test_a_name_without_a_port_is_dated_where_it_is_seen() -> None:
    change = CHANGE._replace(first=None, last=None)
    seen = Partial("2018-07", {}, frozenset({"new"}))
    assert narrow(change, [seen]).until == "2018-07"
    assert narrow(change, [seen._replace(names=frozenset())]) == change


def test_what_is_pinned_is_in_order_and_ends_with_the_registry_that_is_shipped() -> None:
    days = [SERVICE_NAMES.date, *(each.package.date for each in PORTS_JSON)]
    days += [each.date for each in RELEASES]
    assert days == sorted(set(days))
    assert RELEASES[-1] == SPINE
    for each in RELEASES:
        assert each.version in each.file
        assert len(each.sha256) == 64


def test_older_files_are_read() -> None:
    text = '{"80/tcp": {"name": "http", "description": "Web"}, "1/udp": {"name": ""}}'
    assert parse_ports_json(text) == [
        WitnessRow("http", "80", "tcp", "Web"),
        WitnessRow("", "1", "udp", ""),
    ]
    rows = rows_of_2015(
        [
            Registration("http", "80", "tcp", "Web", None, None, None, None, None, None),
            Registration("", "1-3", "", "Unassigned", None, None, None, None, None, None),
            Registration("", "", "tcp", "", None, None, None, None, None, None),
        ]
    )
    assert [(row.first, row.last, row.state) for row in rows] == [
        (80, 80, State.ASSIGNED),
        (1, 3, State.UNASSIGNED),
    ]


@pytest.mark.real
def test_the_changes_lead_from_the_oldest_copy_to_the_shipped_registry() -> None:
    file = fetch(SERVICE_NAMES, need_downloads("the registry's packages"))
    rows = rows_of_2015(parse_service_names(read_member(file, SERVICE_NAMES.member)))
    oldest = build_history.book_of(rows, SERVICE_NAMES.date)
    past, newest = CATALOG.history, shipped()
    for port in range(49152):
        for transport in Transport:
            then, now = (side(each.standing(port, transport)) for each in (oldest, newest))
            mine = [each for each in past.of_port(port) if transport in each.transports]
            if not mine:
                assert kind_of(then, now) is None, (port, transport)
            else:
                assert kind_of(then, mine[0].before) is None, (port, transport)
                assert kind_of(mine[-1].after, now) is None, (port, transport)


@pytest.mark.proof
@pytest.mark.real
@pytest.mark.skipif(not PROOF, reason="fetches 60 packages")
def test_a_new_build_is_the_same(tmp_path: Path) -> None:
    folder = Path(os.environ.get("PORTBOOK_DOWNLOADS", tmp_path))
    built = build_history.build(folder)
    assert built
    for name, content in built.items():
        assert (Path(SHIPPED) / name).read_bytes() == content, name
