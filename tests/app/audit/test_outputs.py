"""Rows as CSV: nothing in them runs in a spreadsheet, or acts on a terminal."""

from __future__ import annotations

import csv
import io
import unicodedata
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.audit.engines import connect
from portbook.app.audit.outputs import SIGNS, defuse, defused
from tests.app.audit import hostile
from tests.command_line import run
from tests.strategies import nasty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portbook.app.audit.engines.base import Engine

RAW = hostile.RAW


def _cells(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = zlib.decompress(raw, 31)
    return list(csv.reader(io.StringIO(raw.decode("utf-8"), newline="")))


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_rows_as_csv_run_nothing_in_a_spreadsheet(name: str, tmp_path: Path) -> None:
    with (tmp_path / "x.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        names = [formula.replace("\r", "\a") for formula in hostile.FORMULAS]
        writer.writerow(["proto", "src", "dst", "dst_port", *names, "raw\x1b[2J"])
        for formula in (*hostile.FORMULAS, f"a{RAW}", "192.0.2.1"):
            writer.writerow(
                ["tcp", formula, f" {formula}", 305, *["x"] * len(hostile.FORMULAS), RAW]
            )
    assert run(["audit", str(tmp_path / "x.csv"), "--rows", str(tmp_path / name)]) == 0
    rows = _cells(tmp_path / name)
    assert len(rows) == len(hostile.FORMULAS) + 3
    for row in rows:
        for cell in row:
            assert cell.isprintable(), ascii(cell)
            assert not cell.strip("\ufffd ").startswith(SIGNS), ascii(cell)
    assert [row[1] for row in rows][-1] == "192.0.2.1"
    assert "'=1+1" in rows[0]
    assert "'=1+1" in [row[1] for row in rows]


def test_rows_of_other_types_run_nothing_either(tmp_path: Path) -> None:
    import duckdb

    source, out = tmp_path / "x.parquet", tmp_path / "rows.csv"
    duckdb.execute(
        "COPY (SELECT 'tcp' AS proto, 305 AS dst_port, ['=1+1', chr(27)] AS list, "
        "{'a': '=1' || chr(7)} AS struct, '=1+1'::BLOB AS blob, '=1+1'::ENUM ('=1+1') AS enum, "
        "-5 AS number, -1.5 AS fraction, INTERVAL 1 DAY AS span, DATE '2026-09-21' AS day) "
        f"TO '{source}' (FORMAT parquet)"
    )
    assert run(["audit", str(source), "--rows", str(out)]) == 0
    head, row = _cells(out)
    cells = dict(zip(head, row, strict=True))
    assert row
    assert all(cell.isprintable() for cell in row)
    assert cells["blob"] == cells["enum"] == "'=1+1"
    assert (cells["number"], cells["fraction"], cells["day"]) == ("-5", "-1.5", "2026-09-21")
    assert cells["span"] == "1 day"
    assert not cells["list"].startswith(SIGNS)


def test_rows_keep_columns_that_have_names_of_ours(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "proto,src_port,dst_port,key_port,match_service,side,wanted,book_port,portbook_state\n"
        "tcp,40000,305,1,2,3,4,5,6\n"
    )
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    for source, out in ((tmp_path / "x.csv", first), (first, second)):
        assert run(["audit", str(source), "--rows", str(out)]) == 0
        head, row = _cells(out)
        cells = dict(zip(head, row, strict=True))
        assert len(head) == len(cells)
        assert [cells[name] for name in ("key_port", "match_service", "side", "book_port")] == [
            "1", "2", "3", "5",
        ]  # fmt: skip
        assert (cells["portbook_state"], cells["portbook_port"]) == ("unassigned", "305")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = connect()
    yield made
    made.close()


@given(st.lists(nasty.map(lambda text: text.encode("utf-8", "replace").decode()), min_size=1))
def test_no_cell_is_a_formula_or_raw(engine: Engine, cells: list[str]) -> None:
    table = engine.lookup("cells", {"at": "int64", "cell": "string"}, list(enumerate(cells)))
    made = dict(engine.fetch(defuse(engine, table)))
    for at, cell in enumerate(cells):
        for text in (made[at], defused(cell)):
            assert not {unicodedata.category(char) for char in text} & {
                "Cc",
                "Cf",
                "Zl",
                "Zp",
                "Co",
            }
            assert not text.strip("\ufffd \xa0").startswith(SIGNS)
        if cell.isprintable() and not cell.strip().startswith(SIGNS):
            assert made[at] == defused(cell) == cell


def test_names_of_columns_stay_apart(engine: Engine) -> None:
    import ibis

    table = ibis.table({"=a": "string", "'=a": "string", "a\x1b": "string", "a\x07": "string"}, "t")
    assert list(defuse(engine, table).columns) == ["'=a", "'=a_2", "a\ufffd", "a\ufffd_2"]
