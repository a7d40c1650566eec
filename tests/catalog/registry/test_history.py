"""What became of ports: the shipped changes, and how two registries are compared."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.update import xml_of
from portbook.app import update as renew
from portbook.catalog import Catalog
from portbook.catalog.registry.diff import compare, kind_of
from portbook.catalog.registry.history import (
    HISTORY,
    KINDS,
    Change,
    Copy,
    History,
    Log,
    Side,
    order,
    render,
)
from portbook.catalog.registry.tsv_reader import SHIPPED
from portbook.catalog.update import validate
from portbook.catalog.update.source import Fetched
from portbook.cli import run
from portbook.errors import DataCorrupt
from portbook.model import Assignment, State, Transport
from portbook.present.port import changes as words
from portbook.present.words import day
from tests.cases import for_each
from tests.catalog.registry.upstream import rows, small
from tests.counts import examples
from tests.strategies import any_port
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.catalog.registry.lookup import Registry

DATA = Path(SHIPPED)
PAST = CATALOG.history
ALL = PAST.all()


def told(port: int, transport: str = "tcp") -> list[tuple[str, str, str]]:
    return [
        (change.kind, change.since, change.until)
        for change in PAST.of_port(port)
        if transport in change.transports
    ]


# -- the shipped changes ----------------------------------------------------------------------


def test_known_changes_lie_between_the_right_days() -> None:
    assert told(300) == [("assigned", "2025-06-07", "2025-07-19")]
    assert told(300, "udp") == [("reserved", "2025-06-07", "2025-07-19")]
    assert told(831) == [("reserved", "2025-09-27", "2025-10-04")]
    assert told(11434) == [("assigned", "2025-11-29", "2026-08-13")]
    assert told(305) == told(22) == told(784) == []


def test_the_file_is_what_its_sources_say() -> None:
    sources = tomllib.loads((DATA / "HISTORY.toml").read_text())
    content = (DATA / HISTORY).read_bytes()
    assert sources["files"][HISTORY] == hashlib.sha256(content).hexdigest()
    assert sources["counts"]["changes"] == len(ALL)
    assert [each["date"] for each in sources["package"]] == [each.as_of for each in PAST.copies()]
    for package in sources["package"]:
        assert len(package["sha256"]) == 64
        assert package["version"]
        assert package["licence"]


def test_the_file_is_written_as_it_is_read() -> None:
    assert render(ALL, PAST.copies()).encode() == (DATA / HISTORY).read_bytes()


def test_every_change_is_one() -> None:
    days = [copy.as_of for copy in PAST.copies()]
    assert days == sorted(set(days))
    for change in ALL:
        assert change.kind in KINDS
        assert kind_of(change.before, change.after) == change.kind
        assert change.since < change.until
        assert change.since in days
        assert change.until in days
        assert change.first is None or change.transports
    assert list(ALL) == sorted(ALL, key=order)
    assert len(set(ALL)) == len(ALL)


def test_the_changes_of_a_port_follow_from_each_other_and_end_at_today() -> None:
    now = CATALOG.registry
    ports = {change.first for change in ALL if change.first is not None}
    assert len(ports) > 100
    for port in ports:
        for transport in Transport:
            mine = [each for each in PAST.of_port(port) if transport in each.transports]
            for earlier, later in itertools.pairwise(mine):
                assert earlier.after.state is later.before.state, port
                assert _low(earlier.after) == _low(later.before), port
                assert earlier.until <= later.since, port
            if mine:
                standing = now.standing(port, transport)
                assert standing.state is mine[-1].after.state, port
                names = {
                    row.service_name.lower() for row in standing.assignments if row.service_name
                }
                assert names == _low(mine[-1].after), port


def _low(side: Side) -> set[str]:
    return {name.lower() for name in side.names}


def test_a_service_with_a_date_was_there_from_then_on() -> None:
    # The registry's own dates are a second witness, for the rows of 2015 that bear one.
    dated = [
        row for row in CATALOG.registry.store.all() if row.registered and row.first is not None
    ]
    assert len(dated) > 1_000
    for row in dated:
        assert row.first is not None
        for change in PAST.of_port(row.first):
            came = change.kind == "assigned" and row.service_name in change.after.names
            if came and row.transport in change.transports:
                assert (row.registered or "")[:7] >= change.since[:7], (row, change)


@given(any_port)
def test_a_port_has_the_changes_that_cover_it(port: int) -> None:
    wanted = [
        change
        for change in ALL
        if change.first is not None and change.last is not None
        if change.first <= port <= change.last
    ]
    log = Log(os.path.join(SHIPPED, HISTORY))
    assert list(log.of_port(port)) == wanted == list(PAST.of_port(port))


def test_a_name_is_found_whatever_its_case() -> None:
    assert PAST.of_name("TACACSS") == PAST.of_name("tacacss") != ()
    assert PAST.of_name("") == ()
    for name in ("xrpl", "community", "Net Assistant"):
        held = [c for c in PAST.all() if name in (*c.before.names, *c.after.names)]
        assert list(PAST.of_name(name)) == held


# -- the file's form --------------------------------------------------------------------------

texts = st.text(st.sampled_from("ab \t\n\\|ä<"), max_size=6)
sides = st.builds(
    lambda state, names, said: Side(state, tuple(names), said or None),
    st.sampled_from([State.ASSIGNED, State.RESERVED, State.UNASSIGNED]),
    st.lists(st.text(st.sampled_from("abc-\t\\"), min_size=1, max_size=4), max_size=2),
    texts,
)


@st.composite
def drawn_changes(draw: st.DrawFn) -> Change:
    first = draw(st.none() | any_port)
    last = None if first is None else min(65535, first + draw(st.integers(0, 500)))
    transports = draw(st.sets(st.sampled_from(list(Transport)), min_size=1))
    since, until = draw(st.sampled_from([("2015-07-30", "2018-07"), ("2018-07", "2026-09-12")]))
    return Change(
        draw(st.sampled_from(list(KINDS))), first, last, tuple(sorted(transports)),
        draw(sides), draw(sides), since, until,
    )  # fmt: skip


@given(st.lists(drawn_changes(), max_size=12), st.lists(any_port, max_size=5))
def test_what_is_written_is_read(made: list[Change], ports: list[int]) -> None:
    copies = [Copy("2015-07-30", "every row"), Copy("2026-09-12", "every row")]
    log = Log("x", render(made, copies).encode())
    assert list(log.all()) == sorted(made, key=order)
    assert log.copies == tuple(copies)
    for port in ports:
        wanted = [
            each for each in made
            if each.first is not None and each.last is not None and each.first <= port <= each.last
        ]  # fmt: skip
        assert list(log.of_port(port)) == sorted(wanted, key=order)


@for_each(
    "old, new",
    [
        (b"#lookback\t", b"#lookback\tx"),
        (b"#copy:", b"#copies:"),
        (b"\tassigned\ttcp\t", b"\tassigned\ttpc\t"),
        (b"\tassigned\ttcp\t", b"\tstolen\ttcp\t"),
        (b"#end\n", b""),
        (b"history/1", b"history/2"),
    ],
)
def test_damage_is_said_in_one_line(old: bytes, new: bytes) -> None:
    content = (DATA / HISTORY).read_bytes()
    assert old in content
    with pytest.raises(DataCorrupt) as caught:
        list(Log("history.tsv", content.replace(old, new)).all())
    assert str(caught.value).isprintable()


# -- comparing --------------------------------------------------------------------------------


def made(change: Callable[[Assignment], Assignment | None], date: str = "2026-11-14") -> Registry:
    return validate.read(small(date, change), "file:x", date).book


@functools.cache
def base() -> Registry:
    return made(lambda row: row, "2026-10-01")


def named(port: int, **fields: Any) -> Callable[[Assignment], Assignment]:
    return lambda row: row._replace(**fields) if row.first == port else row


def test_spelling_and_order_are_no_change() -> None:
    def other(row: Assignment) -> Assignment:
        name = row.service_name.upper() if row.service_name else None
        return row._replace(service_name=name, notes="x", assignee="[Y]", references=())

    assert compare(base(), made(other)) == ()
    reverse = validate.read(xml_of(rows()[::-1], "2026-11-14"), "file:x", "2026-11-14").book
    assert compare(base(), reverse) == ()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (named(49, service_name="other", description="Something else"), "reassigned"),
        (named(49, service_name="other"), "renamed"),
        (named(49, service_name=None, description="Reserved"), "reserved"),
        (named(49, service_name=None, description="Unassigned"), "removed"),
        (lambda row: None if row.first == 49 else row, "removed"),
    ],
)
def test_what_becomes_of_a_port(
    change: Callable[[Assignment], Assignment | None], kind: str
) -> None:
    (found,) = compare(base(), made(change))
    assert (found.kind, found.first, found.last) == (kind, 49, 49)
    assert found.transports == (Transport.TCP, Transport.UDP)
    assert found.before.names == ("tacacs",)
    assert (found.since, found.until) == ("2026-10-01", "2026-11-14")


def test_a_row_that_is_split_changes_the_ports_that_it_changes() -> None:
    def split(row: Assignment) -> Assignment:
        if row.first == 301:
            return row._replace(first=302, last=307)
        return row

    assert compare(base(), made(split)) == ()  # no row is no change of state


def test_ports_in_a_row_that_change_alike_are_one_change() -> None:
    (found,) = compare(base(), made(named(301, description="Reserved")))
    assert (found.kind, found.first, found.last) == ("reserved", 301, 307)
    assert found.transports == tuple(Transport)
    assert words.place(found) == "301–307/tcp,udp,sctp,dccp"


@given(st.data())
@examples(6)
def test_going_there_and_back_is_the_same_way(data: st.DataObject) -> None:
    ports = data.draw(st.sets(st.integers(1, 300), max_size=6))
    other = made(lambda row: None if row.first in ports else row)
    there, back = compare(base(), other), compare(other, base())
    assert {(each.first, each.last, each.before, each.after) for each in there} == {
        (each.first, each.last, each.after, each.before) for each in back
    }


# -- on this machine --------------------------------------------------------------------------


@pytest.fixture
def home(own_registries: Path) -> str:
    return str(own_registries)


def update(home: str, date: str, change: Callable[[Assignment], Assignment | None]) -> None:
    got = Fetched(small(date, change), "file:x", date)
    done = renew.renew(home, "x", lambda _known: got, "2026-12-31", force=True, shipped=base())
    assert done.status == "updated"


def test_every_update_adds_what_it_saw(home: str, capsys: pytest.CaptureFixture[str]) -> None:
    update(home, "2026-11-14", named(49, service_name="other"))
    update(home, "2026-11-28", named(49, service_name="third"))
    found = Catalog().history
    assert [(each.kind, each.since, each.until) for each in found.of_port(49)] == [
        ("renamed", "2026-10-01", "2026-11-14"),
        ("renamed", "2026-11-14", "2026-11-28"),
    ]
    assert [copy.as_of for copy in found.copies()][-3:] == [
        "2026-10-01",
        "2026-11-14",
        "2026-11-28",
    ]
    assert told(300) == [("assigned", "2025-06-07", "2025-07-19")]
    assert run(["history", "49"]) == 0
    assert "tacacs → other" in " ".join(capsys.readouterr().out.split())
    assert run(["history", "--diff", "1", "2026-11-28"]) == 0
    assert "other → third" in " ".join(capsys.readouterr().out.split())
    assert run(["history", "--diff", "current", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []


def test_going_back_to_an_older_one_is_no_event(home: str) -> None:
    update(home, "2026-11-14", named(49, service_name="other"))
    update(home, "2026-10-20", lambda row: row)
    assert len(Catalog().history.of_port(49)) == 1


def test_a_log_that_cannot_be_read_is_left_out(home: str) -> None:
    update(home, "2026-11-14", named(49, service_name="other"))
    next(Path(home).glob("0*/history.tsv")).write_text("x")
    past = Catalog().history
    assert past.of_port(49) == ()
    assert past.of_port(300)


def test_what_two_logs_tell_of_the_same_event_is_told_once() -> None:
    (change,) = compare(base(), made(named(49, service_name="other")))
    copies = [Copy("2026-10-01", ""), Copy("2026-11-14", "")]
    later = change._replace(since="2026-11-07", until="2026-11-21")
    again = change._replace(since="2026-12-01", until="2026-12-24")
    logs = [Log("x", render([each], copies).encode()) for each in (change, later, again)]
    assert History(*logs).of_port(49) == (change, again)


# -- the command ------------------------------------------------------------------------------


def test_since(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "--since", "2025-01-01", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "portbook/history/1"
    assert found["changes"]
    assert all(each["until"] >= "2025-01-01" for each in found["changes"])
    assert len(found["changes"]) == sum(change.until >= "2025-01-01" for change in ALL)
    untils = [each["until"] for each in found["changes"]]
    assert untils == sorted(untils, reverse=True)
    for same in ("2025", "2025-01"):
        assert run(["history", "--since", same, "--jsonl"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [json.loads(line)["kind"] for line in lines] == [
            each["kind"] for each in found["changes"]
        ]


def test_a_port_a_name_and_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "300/udp"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "Port 300/udp · 1 change\n\nChanges\n"
        "  300/udp  between June and July 2025: unassigned → reserved\n"
    )
    assert run(["history", "784"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Port 784 · unchanged" in said
    assert "Earlier and short-lived changes aren't covered." in said
    assert run(["history", "no-such-name"]) == 1
    assert "no snapshot of the registry has this name" in capsys.readouterr().out
    assert run(["history"]) == 0
    assert "--limit 0 shows all" in capsys.readouterr().out


def test_a_registration_date_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in CATALOG.registry.rows(1024) if row.registered and row.service_name)
    assert run(["history", str(row.service_name)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"registered {day(row.registered or '')} (as of July 2015)" in said


@pytest.mark.parametrize(
    "options",
    [
        ["6000-6063"], ["--since", "yesterday"], ["--since", "2025-13"], ["--since", "20250101"],
        ["--since", ""], ["--since", "2999"], ["--since", "2999-01-31"],
        ["--json", "--jsonl"], ["--limit", "-1"], ["99999"], [""],
        ["--diff", "shipped", "77"], ["--diff", "shipped", "../x"], ["305", "--diff", "1", "2"],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_in_one_line(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("portbook: ")
    assert said.err.count("\n") == 1
