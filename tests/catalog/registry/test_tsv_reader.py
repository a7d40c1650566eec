"""The store: the same rows whichever way they are read, and damage said in one line."""

from __future__ import annotations

import shutil
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.errors import DataCorrupt, DataMissing
from portbook.model import State, Transport
from portbook.storage.sorted_tsv import unescape_cell
from tests.strategies import any_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BISECTED = Store()


@cache
def held() -> Store:
    store = Store()
    store.hold()
    return store


@given(st.lists(any_port, min_size=1, max_size=20))
def test_bisected_rows_are_the_held_rows(some: list[int]) -> None:
    BISECTED._asked = 0  # or the store would change over to holding the file
    for port in some:
        assert BISECTED.covering(port) == held().covering(port)


def test_a_store_that_was_asked_often_answers_as_before() -> None:
    store = Store()
    before = {port: store.covering(port) for port in range(6000, 6200)}
    for port in range(1200):
        store.covering(port)
    assert {port: store.covering(port) for port in range(6000, 6200)} == before


def test_the_outline_is_that_of_the_rows() -> None:
    rows = [
        (row.first, row.last, row.service_name or "", row.references)
        for row in held().all()
        if row.state is State.ASSIGNED and row.first is not None
    ]
    assert list(Store().outline()) == rows


def test_a_head_is_the_beginning_of_its_row() -> None:
    rows = list(held().all())
    assert rows
    for head, row in zip(Store().heads(), rows, strict=True):
        number = ["-" if each is None else str(each) for each in (row.first, row.last)]
        assert head[:4] == [*number, row.transport or "", row.state]
        assert unescape_cell(head[4]) == (row.service_name or "")
        assert unescape_cell(head[5]) == (row.description or "")
        assert unescape_cell(head[6]).split() == " ".join(row.references).split()


def test_every_row_is_in_order() -> None:
    rows = list(held().all())
    numbered = [row for row in rows if row.first is not None]
    assert rows[: len(numbered)] == numbered
    assert [row.first for row in numbered] == sorted(row.first or 0 for row in numbered)
    assert all((row.first is None) == (row.last is None) for row in rows)
    assert all((row.first or 0) <= (row.last or 0) <= 65535 for row in numbered)


def test_sources_are_dated_and_the_first_is_that_of_the_rows() -> None:
    sources = Store().sources()
    assert sources[0].id == "iana"
    assert sources[0].as_of == Store().as_of
    assert all(source.as_of and source.what and source.url for source in sources)
    dates = {source.as_of for source in sources}
    assert all(row.as_of["registry"] == Store().as_of for row in held().all())
    assert {
        row.as_of["registration"] for row in held().all() if "registration" in row.as_of
    } <= dates


# -- damage -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "data")
    return tmp_path / "data"


def _change(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content, "the damage would not be done"
    path.write_bytes(content.replace(old, new))


ROW_80 = b"\n80\t80\ttcp\tassigned\thttp\t"


def _ask_80(folder: Path) -> object:
    return Registry(Store(str(folder))).standing(80, Transport.TCP)


def _ask_held(folder: Path) -> object:
    return list(Store(str(folder)).all())


def _ask_block(folder: Path) -> object:
    return Registry(Store(str(folder))).block(305)


def _ask_sources(folder: Path) -> object:
    return Store(str(folder)).sources()


@pytest.mark.parametrize(
    ("file", "old", "new", "ask"),
    [
        ("registry.tsv", b"#end\n", b"", _ask_80),
        ("registry.tsv", b"registry/1", b"registry/2", _ask_80),
        ("registry.tsv", b"#columns", b"#comumns", _ask_80),
        ("registry.tsv", b"#lookback\t", b"#look\t", _ask_80),
        ("registry.tsv", b"#lookback\t", b"#lookback\tx", _ask_80),
        ("registry.tsv", b"#lookback\t", b"#lookback\t-", _ask_80),
        ("registry.tsv", b"#as_of\t", b"#of\t", _ask_80),
        ("registry.tsv", b"\tservice_name\t", b"\t", _ask_80),
        ("registry.tsv", b"#source:iana-2015\t", b"#source:iana-2016\t", _ask_80),
        ("registry.tsv", b"#source:iana\t", b"#source:iana\ta\tb\tc\td\t", _ask_sources),
        ("registry.tsv", ROW_80, ROW_80.replace(b"tcp", b"tpc"), _ask_80),
        ("registry.tsv", ROW_80, ROW_80.replace(b"tcp", b"tpc"), _ask_held),
        ("registry.tsv", ROW_80, ROW_80.replace(b"assigned", b"aligned"), _ask_80),
        ("registry.tsv", ROW_80, ROW_80 + b"\t" * 15, _ask_80),
        ("registry.tsv", ROW_80, ROW_80.replace(b"80\t80", b"80\tx"), _ask_80),
        ("registry.tsv", ROW_80, ROW_80.replace(b"80\t80", b"80\tx"), _ask_held),
        ("registry.tsv", ROW_80, b"\n80\n", _ask_80),
        ("registry.tsv", ROW_80, b"\n80\n", _ask_held),
        ("registry.tsv", ROW_80, b"\n\n", _ask_held),
        ("registry.tsv", ROW_80, ROW_80.replace(b"80\t80", b"80\t70000"), _ask_held),
        ("registry.tsv", ROW_80, ROW_80.replace(b"80\t80", b"80\t79"), _ask_held),
        ("registry.tsv", ROW_80, ROW_80.replace(b"80\t80", b"70000\t70000"), _ask_held),
        ("registry.tsv", ROW_80, ROW_80.replace(b"80\t80", b"-80\t80"), _ask_held),
        ("registry.tsv", ROW_80, ROW_80 + b"\xff", _ask_80),
        ("blocks.tsv", b"#end\n", b"", _ask_block),
        ("blocks.tsv", b"\n301\t307\tsystem\t", b"\n301\t307\t", _ask_block),
        ("blocks.tsv", b"\n301\t307\tsystem\tunassigned", b"\n301\t307\tsystem\tun", _ask_block),
        ("blocks.tsv", b"\n301\t307\t", b"\n301\tx\t", _ask_block),
    ],
)
def test_damage_is_said_in_one_line(
    folder: Path, file: str, old: bytes, new: bytes, ask: Callable[[Path], object]
) -> None:
    _change(folder / file, old, new)
    with pytest.raises(DataCorrupt) as caught:
        ask(folder)
    assert str(caught.value).isprintable()
    assert file in str(caught.value)


@pytest.mark.parametrize(("file", "ask"), [("registry.tsv", _ask_80), ("blocks.tsv", _ask_block)])
def test_a_missing_file_is_said_in_one_line(
    folder: Path, file: str, ask: Callable[[Path], object]
) -> None:
    (folder / file).unlink()
    with pytest.raises(DataMissing) as caught:
        ask(folder)
    assert str(caught.value).isprintable()
    assert file in str(caught.value)


def test_a_file_of_blocks_that_begins_too_late_is_damaged(folder: Path) -> None:
    path = folder / "blocks.tsv"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(line for line in lines if not line.startswith(b"0\t")))
    with pytest.raises(DataCorrupt, match="no block holds 0"):
        Registry(Store(str(folder))).block(0)


def test_rising_ports_are_found_like_any() -> None:
    store = Store()
    for port in range(65536):
        store._asked = 0
        assert store.covering(port) == held().covering(port)
    assert store._held is None


@given(st.lists(any_port, min_size=1, max_size=20))
def test_what_is_near_is_found_from_there(some: list[int]) -> None:
    file = Store()._file
    place = None
    for port in sorted(some):
        found = file.after(port, place)
        assert found == file.after(port)
        place = file.start + file._bytes[file.start : found].rfind(b"\n", 0, -1) + 1
        if found == file.start:
            place = None
