"""Bisection in a file finds what a linear scan of its rows finds; damage is said in one line."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import DataCorrupt, DataMissing, PortbookError
from portbook.storage.sorted_tsv import SortedFile, escape_cell, number, unescape_cell, word

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = "#portbook\tthings/1\n#columns\tkey\tvalue\n"

cell_text = st.text(max_size=12)
tricky = st.text(st.sampled_from("\\tnr\t\n\r x"), max_size=12)
rows_of_numbers = st.lists(st.tuples(st.integers(0, 300), cell_text), max_size=60)
words = st.text("ab#-/\u00e9", min_size=1, max_size=4).filter(lambda w: w[0] != "#")
rows_of_words = st.lists(st.tuples(words, cell_text), max_size=60)


def _write(folder: str | Path, rows: list[tuple[str, str]], end: str = "#end\n") -> str:
    path = Path(folder) / "things.tsv"
    body = "".join(f"{escape_cell(key)}\t{escape_cell(value)}\n" for key, value in rows)
    path.write_bytes((HEADER + body + end).encode())
    return str(path)


def _check(file: SortedFile, rows: list[tuple[str, str]], key: object, at_most: int) -> None:
    """*at_most* is how many of *rows* have a key that is at most *key*, by a linear scan."""
    cells = [[escape_cell(key), escape_cell(value)] for key, value in rows]
    place = file.after(key)
    assert list(file.backward(place)) == cells[:at_most][::-1]
    assert list(file.forward(place)) == cells[at_most:]


@given(rows_of_numbers, st.integers(-1, 301))
def test_bisection_by_number_is_a_linear_scan(rows: list[tuple[int, str]], key: int) -> None:
    rows.sort(key=lambda row: row[0])
    text = [(str(first), value) for first, value in rows]
    with tempfile.TemporaryDirectory() as folder:
        file = SortedFile(_write(folder, text), "things/1")
        _check(file, text, key, sum(first <= key for first, _ in rows))
        assert [[unescape_cell(cell) for cell in row] for row in file.rows()] == [
            list(row) for row in text
        ]
        assert list(file.forward(file.start)) == file.rows()
        assert list(file.backward(file.end)) == file.rows()[::-1]
        assert file.header == {"portbook": "things/1", "columns": "key\tvalue"}


@given(rows_of_words, words)
def test_bisection_by_word_is_a_linear_scan(rows: list[tuple[str, str]], key: str) -> None:
    rows.sort(key=lambda row: row[0].encode())
    with tempfile.TemporaryDirectory() as folder:
        file = SortedFile(_write(folder, rows), "things/1", word)
        at_most = sum(first.encode() <= key.encode() for first, _ in rows)
        _check(file, rows, key.encode(), at_most)


few = st.text("aB\\\\\t\n\u00e9", max_size=3)


@given(st.lists(st.tuples(words, few), max_size=30), few)
def test_places_are_the_rows_that_hold_the_cell(rows: list[tuple[str, str]], text: str) -> None:
    cell = escape_cell(text).encode()
    with tempfile.TemporaryDirectory() as folder:
        file = SortedFile(_write(folder, rows), "things/1", word)
        found = [file.cells(place)[0] for place in file.places(cell)]
    lines = [[escape_cell(key), escape_cell(value)] for key, value in rows]
    assert found == [line for line in lines if line[1].encode().lower() == cell.lower()]


def test_a_cell_is_found_wherever_it_stands_but_in_front(tmp_path: Path) -> None:
    path = tmp_path / "things.tsv"
    path.write_text(HEADER + "1\tab\n2\tabc\tAB\tx\n3\tabc\tcab\n4\tx\taB\nab\tx\n#end\n")
    file = SortedFile(str(path), "things/1")
    assert [file.cells(place)[0][0] for place in file.places(b"Ab")] == ["1", "2", "4"]
    assert [file.cells(place)[0][0] for place in file.places(b"3")] == []


@given(cell_text | tricky)
def test_a_cell_comes_back_and_holds_no_separator(text: str) -> None:
    cell = escape_cell(text)
    assert unescape_cell(cell) == text
    assert not set(cell) & set("\t\n\r")


def test_no_number_sorts_behind_every_port() -> None:
    assert number(b"-") > 65535
    assert number(b"65535") == 65535
    assert word(b"-") == b"-"


# -- damage -----------------------------------------------------------------------------------

GOOD = HEADER + "1\tone\n2\ttwo\n#end\n"


def _open(path: Path) -> SortedFile:
    return SortedFile(str(path), "things/1")


def _first(file: SortedFile) -> object:
    return file.after(1)


def _all(file: SortedFile) -> object:
    return file.rows()


@pytest.mark.parametrize(
    ("content", "use"),
    [
        (b"", None),
        (b"#", None),
        (b"#end\n", None),
        (b"\0" * 4096, None),
        (b"<html>not found</html>\n", None),
        (GOOD.encode()[:-1], None),
        (GOOD.encode()[:-6], None),
        (GOOD.encode()[: len(HEADER) + 3], None),
        (GOOD.replace("things/1", "things/2").encode(), None),
        (GOOD.replace("things/1", "others/1").encode(), None),
        (GOOD.replace("\n", "\r\n").encode(), None),
        (GOOD.encode("utf-16"), None),
        (GOOD.replace("#columns", "#col\udcff").encode(errors="surrogateescape"), None),
        (GOOD.replace("one", "\udcff").encode(errors="surrogateescape"), _all),
        (GOOD.replace("1\tone", "one").encode(), _first),
        (GOOD.replace("1\tone", "x\tone").encode(), _first),
        (GOOD.replace("1\tone", "\tone").encode(), _first),
    ],
)
def test_damage_is_said_in_one_line_that_names_the_file(
    tmp_path: Path, content: bytes, use: Callable[[SortedFile], object] | None
) -> None:
    path = tmp_path / "things.tsv"
    path.write_bytes(content)
    if use is None:
        with pytest.raises(DataCorrupt) as caught:
            _open(path)
    else:
        file = _open(path)
        with pytest.raises(DataCorrupt) as caught:
            use(file)
    said = str(caught.value)
    assert said.isprintable()
    assert "things.tsv" in said
    assert caught.value.path == str(path)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_file_that_cannot_be_opened_is_missing(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "things.tsv"
    make(path)
    with pytest.raises(DataMissing) as caught:
        _open(path)
    assert str(caught.value).isprintable()
    assert "things.tsv" in str(caught.value)


@given(st.binary(max_size=40), st.integers(0, len(GOOD)), st.integers(0, len(GOOD)))
def test_no_damage_leads_to_another_error(junk: bytes, first: int, last: int) -> None:
    """Whatever is cut out of a file or written over it, only PortbookError comes of it."""
    good = GOOD.encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "things.tsv"
        path.write_bytes(good[:first] + junk + good[last:])
        try:
            file = _open(path)
            for key in (0, 1, 2, 1 << 16):
                place = file.after(key)
                list(file.backward(place))
                list(file.forward(place))
            file.rows()
        except PortbookError as error:
            said = str(error)
            assert said.isprintable()
