"""Flows that are a table in a database stay there: DuckDB's own, and one that Ibis connects to."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import duckdb
import pytest

from portbook.audit.engines import connect
from portbook.audit.run import Audit, Order
from portbook.cli import run
from portbook.errors import PortbookError, UsageError
from tests.audit import samples
from tests.audit.asking import ask, counts

if TYPE_CHECKING:
    from pathlib import Path

    from portbook.audit.result import AuditAnswer

# Ibis uses what newer releases of pandas and of database drivers advise against.
pytestmark = pytest.mark.filterwarnings("ignore")

_COLUMNS = (
    "transport TEXT, src TEXT, src_port INTEGER, dst TEXT, dst_port INTEGER, bytes BIGINT, "
    "packets BIGINT, first BIGINT, last BIGINT"
)


def _in_duckdb(path: Path) -> str:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f'CREATE TABLE "the flows" ({_COLUMNS})')
        connection.executemany(
            f'INSERT INTO "the flows" VALUES ({", ".join("?" * 9)})',
            list(map(tuple, samples.flows())),
        )
    return f"duckdb://{path}"


def _in_sqlite(path: Path) -> str:
    connection = sqlite3.connect(path)
    connection.execute(f'CREATE TABLE "the flows" ({_COLUMNS})')
    connection.executemany(
        f'INSERT INTO "the flows" VALUES ({", ".join("?" * 9)})', list(map(tuple, samples.flows()))
    )
    connection.commit()
    connection.close()
    return f"sqlite://{path}"


def _ask(url: str) -> AuditAnswer:
    engine = connect(url)
    try:
        return Audit(Order(("table:the flows",)), engine).run()
    finally:
        engine.close()


@pytest.mark.parametrize("make", [_in_duckdb, _in_sqlite])
def test_a_table_is_audited_where_it_is(make: object, tmp_path: Path) -> None:
    assert callable(make)
    answer = _ask(make(tmp_path / "flows.db"))
    assert counts(answer) == samples.EXPECTED
    files = ask(samples.write("parquet", tmp_path))
    assert answer.services == files.services
    assert [(each.format, each.files) for each in answer.inputs] == [("table the flows", ())]


def test_a_database_of_duckdbs_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    url = _in_duckdb(path)
    before = path.read_bytes()
    rows = str(tmp_path / "rows.csv")
    report = str(tmp_path / "report.txt")
    words = ["audit", "table:the flows", "--engine", url, "--rows", rows, "-o", report]
    assert run(words) == 0
    assert path.read_bytes() == before
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 177
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "flows.db",
        "report.txt",
        "rows.csv",
    ]


def test_files_are_for_duckdb_and_spark(tmp_path: Path) -> None:
    url = _in_sqlite(tmp_path / "flows.db")
    path = samples.write("parquet", tmp_path)
    engine = connect(url)
    try:
        with pytest.raises(PortbookError, match="table:NAME"):
            Audit(Order((str(path),)), engine).run()
        with pytest.raises(UsageError, match="no table"):
            Audit(Order(("table:none",)), engine).run()
    finally:
        engine.close()
