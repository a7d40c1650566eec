"""The data files' text: order, header, blocks, and the way back through SortedFile."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.registry.tsv_writer import (
    COLUMNS,
    find_blocks,
    headlines,
    link_aliases,
    lookback,
    render_blocks,
    render_registry,
    sort_rows,
    states_of,
)
from portbook.model import (
    DYNAMIC_PORTS,
    PORTS,
    RANGES,
    Assignment,
    PortRange,
    Source,
    State,
    Transport,
)
from portbook.storage.sorted_tsv import SortedFile, unescape_cell

SOURCES = (
    Source("iana", "2026-09-12", "names", "https://www.iana.org/"),
    Source("iana-2015", "2015-07-30", "assignees"),
)
TCP, UDP, SCTP, DCCP = Transport


def row(
    first: int | None,
    last: int | None = None,
    transport: Transport | None = None,
    state: State = State.ASSIGNED,
    name: str | None = "x",
    description: str | None = None,
) -> Assignment:
    return Assignment(
        service_name=name,
        description=description,
        first=first,
        last=first if last is None else last,
        transport=transport,
        transport_stated=transport is not None,
        state=state,
    )


def read(text: str, kind: str) -> tuple[dict[str, str], list[list[str]]]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "data.tsv")
        path.write_bytes(text.encode())
        file = SortedFile(str(path), kind)
        return file.header, file.rows()


def test_rows_are_sorted_whatever_their_order() -> None:
    rows = [
        row(80, transport=TCP, name="http"),
        row(80, transport=TCP, name="www"),
        row(80, transport=TCP, name="WWW-http"),
        row(80, transport=TCP, name="a/b"),
        row(80, transport=UDP, name="a"),
        row(80, transport=SCTP, name="a"),
        row(80, name="a"),
        row(80, 90, name="a"),
        row(81, name="a"),
        row(None, transport=UDP, name="a"),
        row(None, name="a"),
        row(None, transport=TCP, name="b"),
    ]
    assert sort_rows(reversed(rows)) == rows
    assert render_registry(rows[::2] + rows[1::2], SOURCES) == render_registry(rows, SOURCES)


def test_the_header_says_what_a_reader_needs() -> None:
    header, rows = read(render_registry([row(4200, 4299), row(4210)], SOURCES), "registry/1")
    assert header["as_of"] == "2026-09-12"
    assert header["lookback"] == "1"
    assert header["columns"].split("\t") == list(COLUMNS)
    assert header["source:iana"] == "2026-09-12\tnames\thttps://www.iana.org/"
    assert header["source:iana-2015"] == "2015-07-30\tassignees"
    assert rows == [["4200", "4299", "", "assigned", "x"], ["4210", "4210", "", "assigned", "x"]]


def test_every_field_comes_back() -> None:
    full = Assignment(
        service_name="kept",
        description="one\ttwo\\n\nthree\r",
        first=None,
        last=None,
        transport=DCCP,
        transport_stated=True,
        state=State.RESERVED,
        references=("RFC8765, Section 6.1", "https://example.org/"),
        aliases=("a_b", "c_d"),
        assignee="[A_B]",
        registered="2001-02",
        modified="2003-04-05",
        unauthorized_use="known",
        notes="first\nsecond",
        service_code="1",
        as_of={"registry": "2026-09-12", "registration": "2015-07-30"},
    )
    _, (cells,) = read(render_registry([full], SOURCES), "registry/1")
    assert [unescape_cell(cell) for cell in cells] == [
        "-",
        "-",
        "dccp",
        "reserved",
        "kept",
        "one\ttwo\\n\nthree\r",
        "RFC8765,\u00a0Section\u00a06.1 https://example.org/",
        "a_b|c_d",
        "[A_B]",
        "2001-02",
        "2003-04-05",
        "known",
        "first\nsecond",
        "1",
        "iana-2015",
    ]
    assert len(cells) == len(COLUMNS)


def test_a_registration_of_no_known_source_is_refused() -> None:
    lost = row(1)._replace(as_of={"registration": "1999-01-01"})
    with pytest.raises(ValueError, match="1999-01-01"):
        render_registry([lost], SOURCES)


def test_in_it_without_an_assignee_is_told_from_not_in_it() -> None:
    joined = row(1)._replace(as_of={"registration": "2015-07-30"})
    _, rows = read(render_registry([joined, row(2)], SOURCES), "registry/1")
    assert rows[0][-1] == "iana-2015"
    assert rows[1] == ["2", "2", "", "assigned", "x"]


def test_links_stay_within_one_port_and_transport() -> None:
    text = 'X\nIANA assigned this well-formed service name as a replacement for "a_b".'
    rows = [
        row(10, transport=TCP, name="a-b", description=text),
        row(10, transport=TCP, name="a_b"),
        row(10, transport=UDP, name="a_b"),
        row(10, 11, transport=TCP, name="a_b"),
    ]
    assert [each.aliases for each in link_aliases(rows)] == [("a_b",), ("a-b",), (), ()]


# -- states -----------------------------------------------------------------------------------


def test_a_row_for_one_transport_beats_a_row_for_none() -> None:
    rows = [
        row(7770, 7780, state=State.UNASSIGNED, name=None),
        row(7775, transport=TCP),
        row(7776, transport=UDP, state=State.RESERVED, name=None),
        row(300, 300, TCP),
        row(300, 300, UDP, State.RESERVED, None),
        row(300, 310, None, State.ASSIGNED, "named"),
        row(20, state=State.RESERVED, name=None),
    ]
    tcp, udp, sctp = (states_of(rows, transport) for transport in (TCP, UDP, SCTP))
    assert (tcp[7775], udp[7775], sctp[7775]) == ("assigned", "unassigned", "unassigned")
    assert (tcp[7776], udp[7776]) == ("unassigned", "reserved")
    assert (tcp[300], udp[300], sctp[300]) == ("assigned", "reserved", "unassigned")
    # without a transport a named row is for tcp and udp, a nameless one for all four
    assert (tcp[305], udp[305], sctp[305]) == ("assigned", "assigned", "unassigned")
    assert {states_of(rows, transport)[20] for transport in Transport} == {State.RESERVED}
    lines = headlines(rows)
    assert (lines[7775], lines[7776], lines[300], lines[4]) == (
        "assigned",
        "reserved",
        "assigned",
        "unassigned",
    )


def test_an_assignment_is_stronger_than_another_row_of_its_transport() -> None:
    rows = [row(5, transport=TCP), row(5, transport=TCP, state=State.UNASSIGNED, name=None)]
    assert states_of(rows, TCP)[5] is states_of(rows[::-1], TCP)[5] is State.ASSIGNED


def test_blocks_end_at_the_ends_of_the_ranges() -> None:
    blocks = find_blocks([])
    assert [(b.range, b.first, b.last, b.state, b.rank, b.of) for b in blocks] == [
        ("system", 0, 1023, "unassigned", 1, 1),
        ("user", 1024, 49151, "unassigned", 1, 1),
        ("dynamic", 49152, 65535, "dynamic", 1, 1),
    ]


def test_a_dynamic_port_is_dynamic_whatever_a_row_says() -> None:
    assert states_of([row(50000, transport=TCP)], TCP)[50000] is State.DYNAMIC


def test_blocks_of_equal_length_share_a_rank() -> None:
    rows = [row(port) for port in (2, 5, 8, 20)]  # 0-1, 3-4, 6-7, 9-19 and 21-1023 are left
    ranks = {b.first: (b.rank, b.of) for b in find_blocks(rows) if b.state == "unassigned"}
    assert ranks[21] == (1, 5)
    assert ranks[9] == (2, 5)
    assert ranks[0] == ranks[3] == ranks[6] == (3, 5)


def test_the_blocks_text() -> None:
    text = render_blocks(reversed(find_blocks([row(0, 1022)])))
    header, rows = read(text, "blocks/1")
    assert header["columns"].split("\t") == ["first", "last", "range", "state", "rank", "of"]
    assert rows == [
        ["0", "1022", "system", "assigned", "1", "1"],
        ["1023", "1023", "system", "unassigned", "1", "1"],
        ["1024", "49151", "user", "unassigned", "1", "1"],
        ["49152", "65535", "dynamic", "dynamic", "1", "1"],
    ]


# -- laws -------------------------------------------------------------------------------------


@st.composite
def rows_of_a_registry(draw: st.DrawFn) -> list[Assignment]:
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        first = draw(st.integers(0, 60) | st.integers(1000, 1050) | st.none())
        size = draw(st.integers(0, 30))
        state = draw(st.sampled_from([State.ASSIGNED, State.RESERVED, State.UNASSIGNED]))
        name = draw(st.sampled_from(["a", "b", "a_b", None]))
        transport = draw(st.sampled_from([None, *Transport]))
        rows.append(row(first, None if first is None else first + size, transport, state, name))
    return rows


@given(rows_of_a_registry(), st.integers(0, 100) | st.integers(990, 1090))
def test_lookback_finds_each_row_that_covers_a_port(rows: list[Assignment], port: int) -> None:
    ordered = sort_rows(rows)
    numbered = [each for each in ordered if each.first is not None]
    behind = sum(each.first is not None and each.first <= port for each in numbered)
    near = numbered[max(0, behind - lookback(ordered) - 1) : behind]
    covering = [
        place
        for place, each in enumerate(numbered)
        if each.first is not None and each.last is not None and each.first <= port <= each.last
    ]
    assert len([e for e in near if e.last is not None and port <= e.last]) == len(covering)


@given(rows_of_a_registry())
def test_lookback_is_not_larger_than_it_has_to_be(rows: list[Assignment]) -> None:
    ordered = sort_rows(rows)
    needed = 0
    for place, each in enumerate(ordered):
        for other in range(place + 1, len(ordered)):
            first = ordered[other].first
            if each.last is not None and first is not None and first <= each.last:
                needed = max(needed, other - place)
    assert lookback(ordered) == needed


@given(rows_of_a_registry())
def test_blocks_are_a_partition_into_maximal_runs(rows: list[Assignment]) -> None:
    blocks = find_blocks(rows)
    lines = headlines(rows)
    assert [port for b in blocks for port in range(b.first, b.last + 1)] == list(range(PORTS))
    for block in blocks:
        assert PortRange.of(block.first) is PortRange.of(block.last)
        assert block.range == PortRange.of(block.first).name
        assert set(lines[block.first : block.last + 1]) == {block.state}
    for one, other in pairwise(blocks):
        assert one.range != other.range or one.state != other.state
    for part in RANGES:
        for state in State:
            alike = [b for b in blocks if b.range == part.name and b.state == state]
            by_size = sorted((b.size for b in alike), reverse=True)
            assert [b.rank for b in alike] == [1 + by_size.index(b.size) for b in alike]
            assert {b.of for b in alike} <= {len(alike)}
    assert blocks[-1].size == DYNAMIC_PORTS.size


@given(rows_of_a_registry(), st.data())
def test_the_text_does_not_depend_on_the_order(rows: list[Assignment], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(rows))
    assert render_registry(shuffled, SOURCES) == render_registry(rows, SOURCES)
