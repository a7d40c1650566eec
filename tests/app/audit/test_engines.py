"""Flows that are a table in a database stay there: DuckDB's own, and one that Ibis connects to."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from portbook.app.audit.engines import connect
from portbook.app.audit.pipeline import Audit, Order
from portbook.errors import InvalidArgument, PortbookError
from tests.app.audit import samples
from tests.app.audit.asking import ask, counts
from tests.command_line import run
from tests.patience import PATIENCE
from tests.values import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

    from portbook.app.audit.result import AuditAnswer, Service

# Ibis uses what newer releases of pandas and of database drivers advise against.
pytestmark = pytest.mark.filterwarnings("ignore")

_COLUMNS = (
    "transport TEXT, src TEXT, src_port INTEGER, dst TEXT, dst_port INTEGER, bytes BIGINT, "
    "packets BIGINT, first BIGINT, last BIGINT"
)


@pytest.fixture(autouse=True)
def one_database() -> None:
    """Each engine has a database of its own here."""


def _in_duckdb(path: Path) -> str:
    import duckdb

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
        return Audit(Order(("table:the flows",)), engine, CATALOG).run()
    finally:
        engine.close()


@pytest.mark.parametrize(("make", "done"), [(_in_duckdb, True), (_in_sqlite, False)])
def test_services_are_handed_out_while_their_hosts_are_looked_for(
    make: object, done: bool, tmp_path: Path
) -> None:
    assert callable(make)
    seen: list[Service] = []
    engine = connect(make(tmp_path / "flows.db"))
    try:
        answer = Audit(Order(("table:the flows",)), engine, CATALOG).run(seen.extend)
    finally:
        engine.close()
    assert any(each.hosts for each in answer.services)
    assert seen == [each._replace(hosts=None) for each in answer.services if done]


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
            Audit(Order((str(path),)), engine, CATALOG).run()
        with pytest.raises(InvalidArgument, match="no table"):
            Audit(Order(("table:none",)), engine, CATALOG).run()
    finally:
        engine.close()


def test_what_still_runs_is_stopped_when_the_engine_is_closed() -> None:
    engine = connect()
    table = engine.lookup("many", {"number": "int32"}, [(number,) for number in range(3000)])
    more, most = table.rename(second="number"), table.rename(third="number")
    product = table.cross_join(more).cross_join(most)
    before = set(threading.enumerate())
    engine.keep(
        product.aggregate(
            rows=product.count(), total=(product["number"] * product["second"] % 7).sum()
        )
    )
    (running,) = set(threading.enumerate()) - before
    assert running.is_alive()
    engine.close()
    running.join(PATIENCE)
    assert not running.is_alive()


def test_the_least_of_a_column_is_known_of_parquet_alone(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "flows.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 6 AS protocol, 443 AS port, range - 7 AS bytes FROM range(100)) "
            f"TO '{path}'"
        )
    engine = connect()
    try:
        audit = Audit(
            Order((str(path),), "port=port,protocol=protocol,bytes=bytes"), engine, CATALOG
        )
        answer = audit.run()
        (read,) = audit.reads
        flows = audit.flows(read.batch, read.limits, faulty=False)
        assert engine.least(flows, ["bytes"]) == {"bytes": -7}
        assert engine.least(flows, []) == {}
        text = engine.lookup("few", {"bytes": "int64"}, [(1,)])
        assert engine.least(text, ["bytes"]) in ({}, {"bytes": 1})
    finally:
        engine.close()
    # What is negative is found, whoever knew of it first.
    assert [(fault.reason, fault.row) for fault in answer.faults][:1] == [
        ("the number of bytes is negative", 1)
    ]
    assert answer.services[0].flows == 93


def test_a_table_of_the_users_own_is_named_by_its_name(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "flows.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE \"a'b\" AS SELECT 'tcp' AS proto, 443 AS dst_port")
    engine = connect(f"duckdb://{path}")
    try:
        assert counts(Audit(Order(("table:a'b",)), engine, CATALOG).run()) == {("tcp", 443): 1}
        with pytest.raises(InvalidArgument):
            Audit(Order(("table:read_csv('/etc/passwd')",)), engine, CATALOG).run()
    finally:
        engine.close()


_OTHERS = """
import sys
from portbook.app.audit.engines.duckdb_compiler import duckdb_compiler
duckdb_compiler()
loaded = {name for name in sys.modules if name.startswith("ibis.backends.sql.compilers.")}
assert not {each for each in loaded if each.endswith(("snowflake", "postgres", "trino"))}, loaded
# Who uses Ibis in the same process finds all that it has, in several threads at once as well.
from concurrent.futures import ThreadPoolExecutor
import ibis.backends.sql.compilers as package
names = ["TrinoCompiler", "MySQLCompiler", "SQLiteCompiler", "ImpalaCompiler"] * 2
with ThreadPoolExecutor(len(names)) as threads:
    found = list(threads.map(lambda name: getattr(package, name), names))
assert [each.__name__ for each in found] == names
assert package.duckdb.compiler.dialect is package.DuckDBCompiler.dialect
assert package.PostgresCompiler.__name__ == "PostgresCompiler"
import ibis
assert ibis.duckdb.connect().raw_sql("SELECT 1").fetchall() == [(1,)]
assert ibis.to_sql(ibis.table({"a": "int64"}, name="t").a.sum(), dialect="postgres")
print("all there")
"""


def test_compilers_for_other_databases_are_loaded_when_they_are_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _OTHERS], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("all there\n", 0), done.stderr
