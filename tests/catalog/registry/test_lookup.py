"""The registry against its own file, read a second time and in another way, and its invariants."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.registry.lookup import Registry, headline
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.model import PORTS, RANGES, PortRange, Standing, State, Transport
from tests.cases import for_each
from tests.counts import PROOF
from tests.strategies import any_port
from tests.values import CATALOG

TCP, UDP, SCTP, DCCP = Transport
ASSIGNED, RESERVED, UNASSIGNED, DYNAMIC = State
REGISTRY = Registry()


# -- the file, read a second time -------------------------------------------------------------


class _Tabs(csv.Dialect):
    delimiter = "\t"
    quoting = csv.QUOTE_NONE
    escapechar = None
    quotechar = None
    lineterminator = "\n"


@cache
def _file() -> tuple[dict[str, str], ...]:
    """The rows of ``registry.tsv`` as its header names their cells, in the file's order."""
    with (Path(SHIPPED) / "registry.tsv").open(encoding="utf-8", newline="\n") as file:
        lines = list(csv.reader(file, _Tabs))
    columns = next(line[1:] for line in lines if line[0] == "#columns")
    return tuple(
        dict(zip(columns, line + [""] * (len(columns) - len(line)), strict=True))
        for line in lines
        if not line[0].startswith("#")
    )


Key = tuple[int, str]


@cache
def _expected() -> dict[Key, tuple[str, bool, tuple[str, ...]]]:
    """State, listing and names of every (port, transport), by the words of the contract.

    A row for one transport beats a row that states none. A row that states no transport and
    names no service holds for all four; one that names a service, for tcp and udp. From 49152
    on everything is dynamic. Of several rows the strongest state counts, with its names.
    """
    stated: dict[Key, list[dict[str, str]]] = defaultdict(list)
    silent: dict[Key, list[dict[str, str]]] = defaultdict(list)
    for row in _file():
        if row["first"] == "-":
            continue
        for port in range(int(row["first"]), int(row["last"]) + 1):
            if row["transport"]:
                stated[port, row["transport"]].append(row)
                continue
            for transport in ("tcp", "udp") if row["service_name"] else Transport:
                silent[port, str(transport)].append(row)
    expected: dict[Key, tuple[str, bool, tuple[str, ...]]] = {}
    for port in range(65536):
        for transport in ("tcp", "udp", "sctp", "dccp"):
            key = (port, transport)
            rows = stated.get(key) or silent.get(key) or []
            if port >= 49152:
                expected[key] = ("dynamic", False, ())
                continue
            state = min((row["state"] for row in rows), default="unassigned")
            names = tuple(row["service_name"] for row in rows if row["state"] == "assigned")
            expected[key] = (state, bool(rows), names)
    return expected


def test_states_sort_as_the_second_reading_takes_for_granted() -> None:
    assert sorted(map(str, State)) == ["assigned", "dynamic", "reserved", "unassigned"]


def _in_short(standing: Standing) -> tuple[str, bool, tuple[str, ...]]:
    names = tuple(row.service_name or "" for row in standing.assignments)
    return str(standing.state), standing.listed, names


def test_every_standing_agrees_with_the_second_reading() -> None:
    different = [
        (key, _in_short(REGISTRY.standing(key[0], Transport(key[1]))), wanted)
        for key, wanted in _expected().items()
        if _in_short(REGISTRY.standing(key[0], Transport(key[1]))) != wanted
    ]
    assert len(_expected()) == 262_144
    assert different == []


def test_standings_by_bisection_agree_with_the_second_reading() -> None:
    registry = Registry()
    # Every port where anything begins or ends is asked; under make proof, every port.
    ends = {0, 65535}
    for row in _file():
        if row["first"] != "-" and row["first"] != row["last"]:
            for edge in (int(row["first"]), int(row["last"])):
                ends |= {max(0, edge - 1), edge, min(65535, edge + 1)}
    some = set(range(0, 49152, 7)) | ends
    ports = range(65536) if PROOF else sorted(some)
    for port in ports:
        registry.store._asked = 0  # never change over to holding the file
        for transport in Transport:
            found = _in_short(registry.standing(port, transport))
            assert found == _expected()[port, transport], (port, transport)
    assert registry.store._held is None


def test_every_cell_is_carried_over() -> None:
    """Names, references and every other field are those of the file, cell by cell."""
    rows = list(REGISTRY.store.all())
    assert len(rows) == len(_file())
    for row, cells in zip(rows, _file(), strict=True):
        assert str("-" if row.first is None else row.first) == cells["first"]
        assert str("-" if row.last is None else row.last) == cells["last"]
        assert (row.transport or "") == cells["transport"]
        assert row.transport_stated is bool(cells["transport"])
        assert row.state == cells["state"]
        for field in (
            "service_name", "assignee", "registered", "modified", "service_code",
        ):  # fmt: skip
            assert (getattr(row, field) or "") == cells[field], (row.first, field)
        for field in ("description", "notes", "unauthorized_use"):
            plain = cells[field].replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t")
            assert (getattr(row, field) or "") == plain.replace("\0", "\\"), (row.first, field)
        # A space inside of a reference stands in the file as a no-break space.
        references = cells["references"].split(" ") if cells["references"] else []
        assert row.references == tuple(each.replace("\u00a0", " ") for each in references)
        assert "|".join(row.aliases) == cells["aliases"]
        assert ("registration" in row.as_of) is bool(cells["registration"])


# -- counts -----------------------------------------------------------------------------------


@cache
def _states() -> list[State]:
    return [REGISTRY.state(port) for port in range(PORTS)]


def test_states_partition_the_ports_of_each_transport() -> None:
    for transport in Transport:
        counted = Counter(REGISTRY.standing(port, transport).state for port in range(PORTS))
        assert sum(counted.values()) == 65_536
        assert set(counted) == set(State)
        assert counted[DYNAMIC] == 65_536 - 49_152


def test_the_system_ports_in_numbers() -> None:
    counted = Counter(_states()[:1024])
    assert counted == {ASSIGNED: 694, UNASSIGNED: 282, RESERVED: 48}
    named = {
        port
        for port in range(1024)
        for transport in (TCP, UDP)
        if any(row.service_name for row in REGISTRY.lookup(port, transport))
    }
    assert len(named) == 686


def test_how_many_names_there_are() -> None:
    several = [
        (port, transport)
        for port in range(PORTS)
        for transport in Transport
        if len(REGISTRY.lookup(port, transport)) > 1
    ]
    assert len(several) == 226
    own = Counter(
        row["transport"] for row in _file() if row["service_name"] and row["first"] != "-"
    )
    assert (own["dccp"], own["sctp"], own[""]) == (9, 88, 16)
    assert len(_file()) == 14_535


@for_each(
    "port, transport, names",
    [
        (80, TCP, ["http", "www", "www-http"]),
        (853, UDP, ["domain-s"]),
        (853, TCP, ["domain-s"]),
        (22, TCP, ["ssh"]),
        (22, SCTP, ["ssh"]),
        (22, DCCP, []),
        (300, TCP, ["tacacss"]),
        (300, UDP, []),
        (36412, SCTP, ["s1-control"]),
        (36412, TCP, []),
        (8080, TCP, ["http-alt"]),
        (8080, UDP, ["http-alt"]),
        (31337, TCP, ["eldim"]),
        (305, TCP, []),
        (50000, TCP, []),
        *[(port, transport, ["x11"]) for port in (6000, 6010, 6063) for transport in (TCP, UDP)],
        (6010, SCTP, []),
    ],
)
def test_what_is_assigned(port: int, transport: Transport, names: list[str]) -> None:
    assert [row.service_name for row in REGISTRY.lookup(port, transport)] == names
    assert CATALOG.registry.lookup(port, transport) == REGISTRY.lookup(port, transport)


@for_each(
    "port, transport, state, listed",
    [
        (323, TCP, ASSIGNED, True),
        (323, UDP, RESERVED, True),
        (300, UDP, RESERVED, True),
        (300, SCTP, UNASSIGNED, False),
        (0, TCP, RESERVED, True),
        (1023, UDP, RESERVED, True),
        (305, TCP, UNASSIGNED, True),
        (305, DCCP, UNASSIGNED, True),
        (49151, TCP, RESERVED, True),
        (49152, TCP, DYNAMIC, False),
        (65535, DCCP, DYNAMIC, False),
        (4200, TCP, ASSIGNED, True),
        (4200, SCTP, UNASSIGNED, False),
        (27009, UDP, ASSIGNED, True),
        (27009, DCCP, UNASSIGNED, False),
        (24, TCP, ASSIGNED, True),
    ],
)
def test_how_it_stands(port: int, transport: Transport, state: State, listed: bool) -> None:
    standing = REGISTRY.standing(port, transport)
    assert (standing.state, standing.listed) == (state, listed)
    assert (standing.text is None) == (standing.row is None) == (not listed)
    assert CATALOG.registry.standing(port, transport) == standing


def test_a_row_without_a_transport_says_that_it_states_none() -> None:
    for port in (4200, 4299, 6400, 6410, 27000, 27009):
        (row,) = REGISTRY.lookup(port, TCP)
        assert row.transport is None
        assert row.transport_stated is False
        assert row.service_name


def test_a_service_without_a_name_is_assigned_all_the_same() -> None:
    (row,) = REGISTRY.lookup(24, TCP)
    assert row.service_name is None
    assert row.description == "any private mail system"


def test_where_no_row_is_nothing_is_quoted() -> None:
    for port in range(PORTS):
        for transport in Transport:
            standing = REGISTRY.standing(port, transport)
            if not standing.listed:
                assert standing.state in (UNASSIGNED, DYNAMIC)
                assert (standing.text, standing.row, standing.assignments) == (None, None, ())
            else:
                assert standing.row is not None
                assert standing.row[0] <= port <= standing.row[1]
            assert bool(standing.assignments) == (standing.state is ASSIGNED)


# -- blocks -----------------------------------------------------------------------------------


def test_headlines_follow_the_transports() -> None:
    assert len(_states()) == PORTS
    for port, state in enumerate(_states()):
        each = {_expected()[port, transport][0] for transport in Transport}
        wanted = next(s for s in ("assigned", "reserved", "dynamic", "unassigned") if s in each)
        assert state == wanted
        assert headline(REGISTRY.standings(port)) is state


@cache
def _runs() -> list[tuple[str, State, int, int]]:
    """The maximal runs of equal headline state inside each range."""
    runs = []
    for part in RANGES:
        ports = range(part.first, part.last + 1)
        for state, run in groupby(ports, key=lambda port: _states()[port]):
            held = list(run)
            runs.append((part.name, state, held[0], held[-1]))
    return runs


def test_blocks_are_the_runs_and_tile_each_range() -> None:
    blocks = REGISTRY.blocks()
    assert [(b.range, b.state, b.first, b.last) for b in blocks] == _runs()
    for part in RANGES:
        inside = REGISTRY.blocks(range_name=part.name)
        assert inside[0].first == part.first
        assert inside[-1].last == part.last
        assert sum(block.size for block in inside) == part.size
        for one, other in pairwise(inside):
            assert other.first == one.last + 1
            assert other.state is not one.state


def test_ranks_are_by_length_within_state_and_range() -> None:
    peers = {
        (state, part.name): REGISTRY.blocks(state, part.name) for state in State for part in RANGES
    }
    assert len(REGISTRY.blocks()) > 100
    for block in REGISTRY.blocks():
        sizes = [peer.size for peer in peers[block.state, block.range]]
        assert block.of == len(sizes)
        assert block.rank == 1 + sum(size > block.size for size in sizes)


def test_the_unassigned_blocks_of_the_system_ports() -> None:
    blocks = REGISTRY.blocks(UNASSIGNED, "system")
    assert len(blocks) == 48
    assert sum(block.size for block in blocks) == 282
    longest = max(blocks, key=lambda block: block.size)
    assert (longest.first, longest.last, longest.size, longest.rank) == (916, 952, 37, 1)
    assert REGISTRY.block(305) == (UNASSIGNED, 301, 307, "system", 15, 48)


@given(any_port)
def test_the_block_of_a_port_holds_it(port: int) -> None:
    block = REGISTRY.block(port)
    assert block.first <= port <= block.last
    assert block.state is _states()[port]
    assert block.range == PortRange.of(port).name
    assert block in REGISTRY.blocks()


# -- neighbours -------------------------------------------------------------------------------


@given(any_port, st.integers(0, 5))
def test_neighbours_are_the_nearest_assigned_ports(port: int, count: int) -> None:
    before, after = REGISTRY.neighbours(port, count)
    below = [near for near in range(port - 1, -1, -1) if _states()[near] is ASSIGNED][:count]
    above = [near for near in range(port + 1, PORTS) if _states()[near] is ASSIGNED][:count]
    assert [near.port for near in before] == below
    assert [near.port for near in after] == above
    for near in (*before, *after):
        rows = [row for transport in Transport for row in REGISTRY.lookup(near.port, transport)]
        assert set(near.service_names) == {row.service_name for row in rows if row.service_name}
        assert near.description in {row.description for row in rows}


def test_neighbours_of_305() -> None:
    before, after = REGISTRY.neighbours(305)
    assert [near.port for near in before] == [300, 287, 286]
    assert [near.service_names for near in after] == [
        ("novastorbakcup",), ("entrusttime",), ("bhmds",),
    ]  # fmt: skip


# -- by number and by name --------------------------------------------------------------------


def test_every_row_is_found_by_its_number() -> None:
    rows = [row for row in REGISTRY.store.all() if row.first is not None and row.last is not None]
    assert len(rows) > 13_000
    for row in rows:
        assert row.first is not None
        assert row.last is not None
        for port in {row.first, (row.first + row.last) // 2, row.last}:
            assert row in REGISTRY.store.covering(port)
            if row.state is ASSIGNED:
                assert row in REGISTRY.lookup(port, row.transport or TCP), port


def test_every_row_is_found_by_its_name() -> None:
    by_name = defaultdict(list)
    for row in REGISTRY.store.all():
        if row.service_name:
            by_name[row.service_name.lower()].append(row)
    odd = {name for name in by_name if not name.replace("-", "").isalnum() or not name.isascii()}
    names = sorted(by_name) if PROOF else sorted(odd | set(sorted(by_name)[::25]))
    assert len(names) > 300
    for name in names:
        assert list(REGISTRY.named(name)) == by_name[name], name


@for_each("name", ["ssh", "http", "domain-s", "cvc_hostd", "whois++", "x11"])
def test_a_name_is_found_in_any_letter_case(name: str) -> None:
    found = REGISTRY.named(name)
    assert found
    for spelled in (name.upper(), name.title(), name.swapcase()):
        assert REGISTRY.named(spelled) == found


@for_each(
    "name",
    ["", " ", "assigned", "system", "Unassigned", "80", "no-such-name", "\t", "ssh\t", "\udcff"],
)
def test_what_is_no_name_is_not_found(name: str) -> None:
    assert REGISTRY.named(name) == ()


def test_a_name_is_found_in_a_row_that_holds_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "registry.tsv").write_text(
        "#portbook\tregistry/1\n#as_of\t2026-01-01\n#lookback\t0\n"
        "#columns\t" + "\t".join(_file()[0]) + "\n"
        "7\t7\ttcp\tassigned\tbare\n8\t8\ttcp\tassigned\tbare\tof all\n#end\n"
    )
    found = Registry(Store(str(tmp_path))).named("bare")
    assert [row.first for row in found] == [7, 8]


def test_names_without_a_port_are_found() -> None:
    portless = [row for row in REGISTRY.store.all() if row.first is None]
    assert len(portless) == sum(row["first"] == "-" for row in _file())
    assert all(row in REGISTRY.named(row.service_name or "") for row in portless[::50])


@given(any_port, any_port)
def test_rows_of_a_range_are_those_that_reach_into_it(first: int, last: int) -> None:
    first, last = sorted((first, last))
    last = min(last, first + 500)
    found = [(row.first, row.last, row.service_name or "") for row in REGISTRY.rows(first, last)]
    assert found == [
        (int(row["first"]), int(row["last"]), row["service_name"])
        for row in _file()
        if row["first"] != "-" and int(row["first"]) <= last and int(row["last"]) >= first
    ]
