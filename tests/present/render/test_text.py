"""Text keeps to its width, its columns, and its colours."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.formats.errors.query import parse_query
from portbook.model import Level, Source, State
from portbook.present.document import (
    Checks,
    Command,
    Facts,
    Heading,
    Paragraph,
    PortRow,
    Ports,
    Question,
    Quote,
    Record,
    Records,
    ServiceRow,
    Services,
    Sources,
    Table,
    Verdict,
)
from portbook.present.escape import one_line
from portbook.present.palette import LEVELS, STATES
from portbook.present.port.page import compose
from portbook.present.render.document_text import render_item, render_page
from portbook.present.render.text import NARROWEST, WIDEST, Style, columns_of, table, wrap
from tests.cases import for_each
from tests.strategies import any_port, nasty
from tests.strategies import findings as findings_of_any_kind
from tests.values import CATALOG

if TYPE_CHECKING:
    from portbook.present.document import Item, Page

SGR = re.compile(r"\x1b\[[0-9;]*m")
prose = st.lists(
    st.one_of(st.text(max_size=12), nasty, st.sampled_from(["port", "端口", "e\u0301e\u0301"])),
    max_size=30,
).map(" ".join)
widths = st.integers(NARROWEST, WIDEST)


@given(prose, widths, st.integers(0, 12))
def test_a_line_is_no_wider_than_it_may_be(text: str, width: int, indent: int) -> None:
    lines = wrap(text, width, " " * indent)
    for line in lines:
        assert line.startswith(" " * indent)
        words = line.split()
        assert columns_of(line) <= width or len(words) == 1
    assert " ".join(line.strip() for line in lines) == one_line(text)


@given(prose, widths)
def test_a_line_is_as_full_as_it_can_be(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert lines or not text.split()
    for line, following in pairwise(lines):
        first = following.split(" ")[0]
        assert columns_of(line) + 1 + columns_of(first) > width


def test_a_long_word_stands_whole_on_its_own() -> None:
    word = "https://www.example.org/" + "x" * 90
    assert wrap(f"see {word} there", 40, "  ") == ["  see", f"  {word}", "  there"]


@for_each(
    "text, columns",
    [
        ("", 0),
        ("port", 4),
        ("端口", 4),
        ("ｆ", 2),
        ("👍", 2),
        ("é – …", 5),
        ("e\u0301", 1),
        ("–e\u0301", 2),
        ("\u0e01\u0e34", 1),
        ("a\u20dd", 1),
        ("\u0928\u093f", 2),
        ("\u0905\u0902", 1),
    ],
)
def test_columns_of_wide_and_combining_letters(text: str, columns: int) -> None:
    assert columns_of(text) == columns


@given(st.text())
def test_columns_add_up(text: str) -> None:
    assert columns_of(text) == sum(map(columns_of, text))
    for char in text:
        assert 0 <= columns_of(char) <= 2
        if unicodedata.category(char) in ("Mn", "Me"):
            assert columns_of(char) == 0


many_rows = st.integers(1, 4).flatmap(
    lambda size: st.lists(
        st.tuples(*[st.text("abc端", min_size=1, max_size=6)] * size), min_size=1, max_size=6
    )
)


@given(many_rows, widths)
def test_columns_of_a_table_are_aligned(given_rows: list[tuple[str, ...]], width: int) -> None:
    lines = list(table(given_rows, Style(width)))
    assert len(lines) == len(given_rows)
    starts = set()
    for line, row in zip(lines, given_rows, strict=True):
        place = 0
        found = []
        for cell in row:
            place = line.index(cell, place)
            found.append(columns_of(line[:place]))
            place += len(cell)
        starts.add(tuple(found))
    assert len(starts) == 1


def test_a_table_wraps_its_last_column_only() -> None:
    lines = list(
        table([("1", "one two three four five six seven eight nine ten"), ("22", "x")], Style(40))
    )
    assert lines == ["  1   one two three four five six seven", "      eight nine ten", "  22  x"]


@given(st.lists(st.lists(nasty, max_size=4), max_size=5), widths)
def test_any_table_can_be_printed(given_rows: list[list[str]], width: int) -> None:
    given_rows = [row or [""] for row in given_rows]
    lines = list(table(given_rows, Style(width)))
    assert len(lines) >= len(given_rows)
    for line in lines:
        assert line.isprintable()


# -- items and pages --------------------------------------------------------------------------

findings = findings_of_any_kind()
pairs = st.lists(st.tuples(nasty, nasty), max_size=3).map(tuple)
records = st.builds(Record, nasty, nasty, nasty, nasty, nasty)


def _some(what: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(what, max_size=2).map(tuple)


items = st.one_of(
    st.builds(Paragraph, nasty),
    st.builds(Heading, nasty),
    st.builds(Quote, nasty, nasty),
    st.builds(Table, pairs),
    st.builds(Facts, pairs),
    st.builds(Services, _some(st.builds(ServiceRow, nasty, nasty, nasty, _some(nasty)))),
    st.builds(Ports, nasty, _some(st.builds(PortRow, any_port, any_port, _some(nasty), nasty))),
    records,
    st.builds(Records, nasty, _some(records)),
    st.builds(Checks, any_port, _some(st.builds(Command, _some(nasty), nasty, nasty)), pairs),
    st.builds(Verdict, nasty, st.lists(findings, max_size=3).map(tuple)),
    st.builds(Question, nasty, nasty),
    st.builds(Sources, _some(st.builds(Source, nasty, st.none() | nasty, nasty, nasty))),
)


@given(items, widths)
def test_hostile_text_reaches_no_terminal(item: Item, width: int) -> None:
    plain_lines = list(render_item(item, Style(width)))
    assert all(line.isprintable() for line in plain_lines)
    coloured = list(render_item(item, Style(width, colour=True)))
    assert [SGR.sub("", line) for line in coloured] == plain_lines
    assert all(SGR.sub("", line).isprintable() for line in coloured)


def test_a_record_has_its_source_in_one_piece() -> None:
    address = "https://www.example.org/" + "x" * 90
    record = Record("A product", "default, tcp", "What it is, in a line or two.", address, "2026")
    assert list(render_item(record, Style(40))) == [
        "  A product · default, tcp",
        "    What it is, in a line or two.",
        f"    {address} (2026)",
    ]
    coloured = list(render_item(record, Style(40, colour=True)))
    assert coloured[0] == "  \x1b[1mA product\x1b[0m · default, tcp"


def _page(port: int) -> Page:
    found = answer(parse_query(str(port)), CATALOG, whole=True)
    assert isinstance(found, PortAnswer)
    return compose(found)


@given(any_port, widths)
def test_a_page_without_colour_has_no_escape_codes(port: int, width: int) -> None:
    page = _page(port)
    text = render_page(page, Style(width))
    assert text.replace("\n", "").isprintable()
    assert text.endswith("\n")
    assert all(line == line.rstrip() for line in text.splitlines())
    coloured = render_page(page, Style(width, colour=True))
    assert SGR.sub("", coloured) == text
    assert coloured != text
    # What is switched on is switched off on the same line.
    for line in coloured.splitlines():
        codes = SGR.findall(line)
        assert len(codes) % 2 == 0
        assert all(code == "\x1b[0m" for code in codes[1::2])


@given(any_port, st.sampled_from((NARROWEST, 60, 80, WIDEST)))
def test_a_page_keeps_to_its_width(port: int, width: int) -> None:
    """Commands stand whole, to be copied, and the first columns of a table are never cut."""
    head, _lead, *sections = render_page(_page(port), Style(width)).split("\n\n")
    assert head
    assert sections
    for line in head.splitlines():
        assert columns_of(line) <= width
    for section in sections:
        title, *lines = section.splitlines()
        assert lines
        assert columns_of(title) <= width
        for line in lines:
            command = title == "How to check" and ": " in line
            hang = len(line) - len(line.lstrip())
            tabular = "  " in line.strip() or hang > 2
            alone = " " not in line.strip()  # a word that is longer than a line
            assert columns_of(line) <= width or command or tabular or alone, line


def test_every_state_and_level_has_a_colour_of_its_own() -> None:
    assert set(STATES) == set(State)
    assert set(LEVELS) == set(Level)
    for colours in (STATES, LEVELS):
        assert len({colour.code for colour in colours.values()}) == len(colours)
        assert all(re.fullmatch(r"#[0-9a-f]{6}", colour.hex) for colour in colours.values())
        assert all(0 <= colour.code <= 255 for colour in colours.values())
    style = Style(colour=True)
    for word in (*State, *Level):
        assert SGR.sub("", style.of(word)) == str(word)
        assert Style().of(word) == str(word)
