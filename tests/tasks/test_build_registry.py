"""What the committed registry data has to hold, and that the packages still give it."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from portbook.catalog.registry.normalise import is_well_formed, replaced_name, state_of_row
from portbook.catalog.registry.tsv_writer import (
    COLUMNS,
    find_blocks,
    lookback,
    render_blocks,
    render_registry,
    sort_rows,
    states_of,
)
from portbook.model import PORTS, Assignment, State, Transport
from portbook.storage.sorted_tsv import SortedFile, unescape_cell
from tasks import build_registry
from tasks.data_files import DATA
from tasks.registry_sources import PACKAGES
from tests.real.needs import need_downloads

if TYPE_CHECKING:
    from collections.abc import Iterator

TCP, UDP, SCTP, DCCP = Transport


@pytest.fixture(scope="module")
def file() -> SortedFile:
    return SortedFile(str(DATA / "registry.tsv"), "registry/1")


@pytest.fixture(scope="module")
def rows(file: SortedFile) -> list[Assignment]:
    return list(assignments(file))


def assignments(file: SortedFile) -> Iterator[Assignment]:
    dates = {
        name.partition(":")[2]: value.split("\t")[0]
        for name, value in file.header.items()
        if name.startswith("source:")
    }
    for cells in file.rows():
        row = dict(zip(COLUMNS, [unescape_cell(cell) or None for cell in cells], strict=False))
        number = [None if row[name] == "-" else int(row[name] or "") for name in COLUMNS[:2]]
        transport = Transport(row["transport"]) if row["transport"] else None
        source = row.get("registration")
        as_of = {"registry": dates["iana"]}
        yield Assignment(
            service_name=row.get("service_name"),
            description=row.get("description"),
            first=number[0],
            last=number[1],
            transport=transport,
            transport_stated=transport is not None,
            state=State(row["state"] or ""),
            references=tuple(
                each.replace("\u00a0", " ") for each in (row.get("references") or "").split(" ")
            )
            if row.get("references")
            else (),
            aliases=tuple((row.get("aliases") or "").split("|")) if row.get("aliases") else (),
            assignee=row.get("assignee"),
            registered=row.get("registered"),
            modified=row.get("modified"),
            unauthorized_use=row.get("unauthorized_use"),
            notes=row.get("notes"),
            service_code=row.get("service_code"),
            as_of=as_of | ({"registration": dates[source]} if source else {}),
        )


@pytest.fixture(scope="module")
def standings(rows: list[Assignment]) -> dict[Transport, list[State]]:
    return {transport: states_of(rows, transport) for transport in Transport}


def at(rows: list[Assignment], port: int, transport: Transport | None) -> list[Assignment]:
    return [
        row
        for row in rows
        if row.transport is transport
        and row.first is not None
        and row.last is not None
        and row.first <= port <= row.last
    ]


def names(rows: list[Assignment], port: int, transport: Transport | None) -> list[str | None]:
    return [row.service_name for row in at(rows, port, transport)]


def test_the_hashes_are_those_of_the_files() -> None:
    source = tomllib.loads((DATA / "SOURCE.toml").read_text(encoding="utf-8"))
    assert set(source["files"]) == {"registry.tsv", "blocks.tsv"}
    for name, sha256 in source["files"].items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == sha256
    pinned = [(package["name"], package["sha256"]) for package in source["package"]]
    assert pinned == [(package.name, package.sha256) for package in PACKAGES]


def test_the_blocks_are_those_of_the_rows(rows: list[Assignment]) -> None:
    blocks = find_blocks(rows)
    assert (DATA / "blocks.tsv").read_text(encoding="utf-8") == render_blocks(blocks)
    system = [block for block in blocks if block.range == "system"]
    sizes = {
        state: [block.size for block in system if block.state is state]
        for state in (State.ASSIGNED, State.RESERVED, State.UNASSIGNED)
    }
    assert {state: sum(each) for state, each in sizes.items()} == {
        "assigned": 694,
        "reserved": 48,
        "unassigned": 282,
    }
    assert len(sizes[State.UNASSIGNED]) == 48
    (block,) = (block for block in blocks if block.first <= 305 <= block.last)
    assert (block.first, block.last, block.rank, block.of) == (301, 307, 15, 48)
    assert [(b.first, b.last) for b in system if b.state == "unassigned" and b.rank == 1] == [
        (916, 952)
    ]


def test_the_rows_are_sorted_and_rendered_as_they_would_be(
    file: SortedFile, rows: list[Assignment]
) -> None:
    assert sort_rows(rows) == rows
    assert file.header["lookback"] == str(lookback(rows))
    rendered = render_registry(rows, build_registry.SOURCES)
    assert rendered.encode() == (DATA / "registry.tsv").read_bytes()


def test_the_counts(rows: list[Assignment]) -> None:
    assert len(rows) == 14_535
    named = [row for row in rows if row.service_name and row.first is not None]
    by_transport: defaultdict[Transport | None, int] = defaultdict(int)
    for row in named:
        by_transport[row.transport] += 1
    assert (by_transport[SCTP], by_transport[DCCP], by_transport[None]) == (88, 9, 16)
    several: defaultdict[tuple[int, Transport], set[str]] = defaultdict(set)
    for row in named:
        assert row.first is not None
        assert row.last is not None
        for transport in [row.transport] if row.transport else [TCP, UDP]:
            assert row.service_name
            for port in range(row.first, row.last + 1):
                several[port, transport].add(row.service_name)
    assert sum(len(each) > 1 for each in several.values()) == 226
    everyday = {p for p, t in several if p <= 1023 and t in (TCP, UDP) if assigned_by_name(rows, p)}
    assert len(everyday) == 686
    assert sum(row.first is None for row in rows) == 1072
    assert sum(row.service_name is None for row in rows) == 1724
    assert sum(row.description is None for row in rows) == 166


def assigned_by_name(rows: list[Assignment], port: int) -> bool:
    return any(
        row.service_name and row.state is State.ASSIGNED and row.transport in (TCP, UDP, None)
        for row in rows
        if row.first is not None and row.last is not None and row.first <= port <= row.last
    )


def test_the_states_are_a_partition(
    rows: list[Assignment], standings: dict[Transport, list[State]]
) -> None:
    assert sum(map(len, standings.values())) == 262_144
    for states in standings.values():
        assert len(states) == PORTS
        assert all((state is State.DYNAMIC) == (port >= 49152) for port, state in enumerate(states))
    assert len(rows) > 14_000
    for row in rows:
        assert row.state is state_of_row(row.service_name, row.description)
        assert row.last is None or row.last <= 49151


def test_known_ports(rows: list[Assignment], standings: dict[Transport, list[State]]) -> None:
    def states(port: int) -> list[str]:
        return [standings[transport][port].value for transport in Transport]

    assert states(305) == ["unassigned"] * 4
    (row,) = at(rows, 305, None)
    assert (row.first, row.last, row.description) == (301, 307, "Unassigned")
    assert names(rows, 300, TCP) == ["tacacss"]
    assert states(300)[:2] == ["assigned", "reserved"]
    assert at(rows, 300, SCTP) == at(rows, 300, None) == []
    assert names(rows, 80, TCP) == names(rows, 80, UDP) == ["http", "www", "www-http"]
    assert names(rows, 80, SCTP) == ["http"]
    assert names(rows, 853, UDP) == ["domain-s"]
    assert names(rows, 6010, TCP) == names(rows, 6010, UDP) == ["x11"]
    assert names(rows, 36412, SCTP) == ["s1-control"]
    assert states(323)[:2] == ["assigned", "reserved"]
    assert names(rows, 4250, None) == ["vrml-multi-use"]
    assert states(4250) == ["assigned", "assigned", "unassigned", "unassigned"]
    assert names(rows, 8080, TCP) == names(rows, 8080, UDP) == ["http-alt"]
    assert names(rows, 63, TCP) == ["whoispp", "whois++"]
    assert states(1008)[1] == "assigned"
    assert (states(0)[0], states(1023)[0]) == ("reserved", "reserved")


@pytest.mark.parametrize(("port", "name"), [(7775, "inetfs"), (7997, "pushns")])
def test_a_port_within_an_unassigned_range(
    rows: list[Assignment], standings: dict[Transport, list[State]], port: int, name: str
) -> None:
    (around,) = at(rows, port, None)
    assert around.state is State.UNASSIGNED
    assert around.first != around.last
    assert names(rows, port, TCP) == [name]
    states = [standings[transport][port] for transport in Transport]
    assert states == ["assigned", "reserved", "unassigned", "unassigned"]


def test_names_without_a_port(rows: list[Assignment]) -> None:
    portless = [row for row in rows if row.first is None]
    assert portless == rows[-len(portless) :]
    assert all(row.service_name for row in portless)
    assert "airdrop" in {row.service_name for row in portless}


def test_every_alias_is_there_and_points_back(rows: list[Assignment]) -> None:
    by_name = {(row.first, row.last, row.transport, row.service_name): row for row in rows}
    replaced = [row for row in rows if replaced_name(row.description)]
    assert len(replaced) == 184
    assert sum(len(row.aliases) for row in rows) > 184
    for row in rows:
        for alias in row.aliases:
            other = by_name[row.first, row.last, row.transport, alias]
            assert other.aliases == (row.service_name,)
            assert is_well_formed(alias) != is_well_formed(row.service_name or "")


def test_nothing_of_the_wrapping_or_of_people_is_left(rows: list[Assignment]) -> None:
    assert sum(len(row.references) for row in rows) > 100
    for row in rows:
        assert not any("`" in reference or "<" in reference for reference in row.references)
        assert ":rfc:" not in (row.description or "")
        assert "  " not in (row.description or "")
        for text in (row.assignee, row.notes, row.unauthorized_use, *row.references):
            assert not re.search(r"[\w.]+[@&][\w-]+\.\w", text or "")


def test_a_registration_is_dated_and_only_where_it_was_joined(rows: list[Assignment]) -> None:
    assert sum("registration" in row.as_of for row in rows) > 1_000
    for row in rows:
        fields = (row.assignee, row.registered, row.modified, row.notes, row.service_code)
        if "registration" in row.as_of:
            assert row.as_of["registration"] == "2015-07-30"
            assert max(row.registered or "", row.modified or "") <= "2015-07-30"
        else:
            assert set(fields) == {None}


@pytest.mark.real
def test_the_packages_give_the_committed_bytes() -> None:
    built = build_registry.build(need_downloads("the four packages"))
    assert built
    for name, content in built.items():
        assert (DATA / name).read_bytes() == content, name
