"""DuckDB, in this process: the engine that an audit runs on unless another is named."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from glob import escape

import duckdb
import ibis
from ibis.backends.sql.datatypes import DuckDBType

from portbook.audit.engines import FILE, ROW
from portbook.audit.engines.statement import Statement
from portbook.audit.faults import KEPT
from portbook.audit.files import is_url
from portbook.audit.result import Fault
from portbook.errors import EngineFailed, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import ibis.expr.types as ir

    from portbook.audit.engines import Tell
    from portbook.audit.files import Batch

_MEMORY = "1GB"  # what DuckDB may hold; beyond it, it writes to the folder for temporary files
_TOLD = re.compile(r'"exception_message":"((?:[^"\\]|\\.)*)"')


def _compiler() -> Any:
    """Ibis's compiler for DuckDB, alone.

    The package that it is in loads those of nineteen other databases with it, which takes as long
    as loading DuckDB: while this one is imported, an empty module stands in its place.
    """
    package = "ibis.backends.sql.compilers"
    if package not in sys.modules:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        sys.modules[package] = importlib.util.module_from_spec(spec)
        try:
            return importlib.import_module(f"{package}.duckdb").DuckDBCompiler()
        finally:
            del sys.modules[package]
    return importlib.import_module(f"{package}.duckdb").DuckDBCompiler()


class Duck:
    """A connection to DuckDB; *path* is a database, opened to be read only.

    Nothing is fetched from the network on its own: extensions are loaded where they are installed,
    never installed.
    """

    errors: tuple[type[Exception], ...] = (duckdb.Error,)
    writes_folders = False

    def __init__(self, path: str = "", *, memory: str | None = None) -> None:
        self.name = f"DuckDB {duckdb.__version__}"
        self._spill = tempfile.TemporaryDirectory(prefix="portbook-audit-")
        settings: dict[str, Any] = {
            "autoinstall_known_extensions": False,
            "temp_directory": self._spill.name,
            "memory_limit": memory or _MEMORY,
            "parquet_metadata_cache": True,
        }
        try:
            self._connection = duckdb.connect(":memory:", config=settings)
        except duckdb.Error as error:
            self._spill.cleanup()
            raise UsageError(f"--memory {shown(memory or '')} is no size: give 2GB, say") from error
        self.folder = self._spill.name
        self._last: Statement | None = None
        self._compiler = _compiler()
        # Tables are looked for in the database that was named; what is made goes to memory.
        self._source = "source." if path else ""
        if path:
            try:
                self._attach(path)
            except BaseException:
                self.close()
                raise
        self._made = 0
        self._prepared: dict[Any, str] = {}
        self.kept_all = True
        self._rejected: list[tuple[Fault, str]] = []
        self._seen: set[tuple[str, int | None]] = set()

    def _attach(self, path: str) -> None:
        if not os.path.isfile(path):
            raise UsageError(f"--engine duckdb://{shown(path)}: there is no such database")
        try:
            self._connection.execute(f"ATTACH {_text(path)} AS source (READ_ONLY)")
        except duckdb.Error as error:
            raise EngineFailed(f"--engine duckdb://{path}: {self.reason(error)}") from error

    def reason(self, error: BaseException) -> str:
        """The first sentence of what the engine says."""
        said = str(error).partition("\n")[0].strip()
        # What failed in one of DuckDB's threads is told as JSON.
        if (told := _TOLD.search(said)) is not None:
            said = told[1].replace('\\"', "'")
        return said.removeprefix("Invalid Input Error: ").removeprefix("IO Error: ") or repr(error)

    # -- what is there ------------------------------------------------------------------------

    def glob(self, url: str) -> list[str]:
        """The files that *url* names. Raises EngineFailed."""
        try:
            self._connection.execute("LOAD httpfs")
        except duckdb.Error as error:
            raise EngineFailed(
                f"{shown(url)} can't be read without httpfs, DuckDB's extension for object "
                "stores: run INSTALL httpfs in DuckDB once"
            ) from error
        try:
            rows = self._connection.execute("SELECT file FROM glob(?)", [url]).fetchall()
        except duckdb.Error as error:
            raise EngineFailed(f"{shown(url)}: {self.reason(error)}") from error
        found = [row[0] for row in rows]
        if not found:
            raise UsageError(f"nothing is at {shown(url)}")
        return found

    def columns_of_table(self, name: str) -> tuple[tuple[str, str], ...]:
        """The columns of a table. Raises UsageError."""
        try:
            query = f"DESCRIBE {self._source}{_quoted(name)}"
            rows = self._connection.execute(query).fetchall()
        except duckdb.Error as error:
            raise UsageError(f"{shown(name)} is no table there: {self.reason(error)}") from error
        return tuple((row[0], row[1]) for row in rows)

    def columns_of_parquet(self, path: str) -> tuple[tuple[str, str], ...]:
        """The columns of a Parquet file; raises what DuckDB does."""
        rows = self._connection.execute(
            f"DESCRIBE SELECT * FROM read_parquet({_named(path)}, hive_partitioning = false)"
        ).fetchall()
        return tuple((row[0], row[1]) for row in rows)

    def first_lines(self, path: str, compression: str, count: int) -> tuple[str, ...]:
        """The first lines of a text file, unpacked."""
        rows = self._connection.execute(
            f"SELECT line FROM read_csv({_named(path)}, columns = {{'line': 'VARCHAR'}}, "
            "header = false, delim = '\x01', quote = '', escape = '', auto_detect = false, "
            f"null_padding = true, compression = '{compression}', ignore_errors = true) "
            f"LIMIT {count}"
        ).fetchall()
        return tuple(row[0] for row in rows if row[0])

    # -- reading ------------------------------------------------------------------------------

    def read(self, batch: Batch, *, places: bool = False) -> ir.Table:
        """The table that *batch* holds; with *places*, also the file and row of each row."""
        if batch.table:
            return self._view(f"SELECT * FROM {self._source}{_quoted(batch.table)}")
        files = "[" + ", ".join(_named(path) for path in batch.files) + "]"
        source = getattr(self, f"_{batch.layout.reader}")(batch, files, places)
        extra = ""
        if places:
            row = (
                "file_row_number + 1"
                if batch.layout.reader == "parquet"
                else "row_number() OVER ()"
            )
            extra = f", filename AS {FILE}, {row} AS {ROW}"
            names = ", ".join(_quoted(name) for name, _ in batch.layout.columns)
            return self._view(f"SELECT {names}{extra} FROM {source}")
        return self._view(f"SELECT * FROM {source}")

    def _view(self, query: str) -> ir.Table:
        self._made += 1
        name = f"portbook_{self._made}"
        self._connection.execute(f"CREATE VIEW {name} AS {query}")
        return self.table(name)

    def _parquet(self, _: Batch, files: str, places: bool) -> str:
        more = ", filename = true, file_row_number = true" if places else ""
        return f"read_parquet({files}, hive_partitioning = false{more})"

    def _json(self, batch: Batch, files: str, places: bool) -> str:
        columns = self._types(batch)
        style = "array" if batch.array else "newline_delimited"
        more = "" if batch.array else ", ignore_errors = true"
        return (
            f"read_json({files}, columns = {columns}, format = '{style}'{more}, "
            f"filename = {places}, compression = '{batch.compression}')"
        )

    def _csv(self, batch: Batch, files: str, places: bool) -> str:
        layout = batch.layout
        return (
            f"read_csv({files}, columns = {self._types(batch)}, auto_detect = false, "
            f"header = false, skip = {layout.skip}, delim = {_text(layout.delimiter)}, "
            f"quote = {_text(layout.quote)}, escape = {_text(layout.quote)}, "
            f"comment = {_text(layout.comment)}, nullstr = {_text(layout.null)}, "
            f"store_rejects = {not places}, {'' if places else f'rejects_limit = {KEPT}, '}"
            f"ignore_errors = true, filename = {places}, compression = '{batch.compression}')"
        )

    def _types(self, batch: Batch) -> str:
        to_text = DuckDBType.to_string
        pairs = (
            f"{_text(name)}: {_text(to_text(ibis.dtype(kind)))}"
            for name, kind in batch.layout.columns
        )
        return "{" + ", ".join(pairs) + "}"

    def begin(self) -> None:
        """Forgets which rows were not read so far: another audit begins."""
        self.kept_all = True
        self._rejected.clear()
        self._seen.clear()

    def rejected(self) -> list[tuple[Fault, str]]:
        """The rows of CSV that were not read so far: why, and their text."""
        return sorted(self._rejected, key=lambda each: (each[0].file, each[0].row or 0))

    def note_rejects(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Keeps what *connection* couldn't read: DuckDB knows it as long as that is open."""
        try:
            rows = connection.execute(
                "SELECT DISTINCT s.file_path, e.line, e.error_type, e.column_name, e.csv_line "
                "FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id)"
            ).fetchall()
            # What is limited are the errors, of which a row may have several.
            count = "SELECT 1 FROM reject_errors GROUP BY scan_id, file_id HAVING count(*) >= ?"
            self.kept_all &= not connection.execute(count, [KEPT]).fetchall()
        except duckdb.CatalogException:  # nothing was read as CSV
            return
        # A row with too many columns has values in the wrong ones too: one reason is enough.
        for path, line, kind, column, text in sorted(rows, key=_by_gravity):
            if (path, line) not in self._seen:
                reason = _REASONS.get(kind, kind.lower()).format(column=shown(column or ""))
                self._rejected.append((Fault(path, line, reason), text or ""))
                self._seen.add((path, line))

    def lookup(
        self,
        name: str,
        columns: Mapping[str, str],
        rows: Sequence[Sequence[Any]],
        few: Sequence[str] = (),
    ) -> ir.Table:
        """A small table of *rows* on the engine.

        Columns of text in which there are *few* different words become enumerations: written beside
        each of a billion rows, such a word costs next to nothing.
        """
        values = [list(each) for each in zip(*rows, strict=True)] or [[] for _ in columns]
        parts = []
        for (column, kind), each in zip(columns.items(), values, strict=True):
            part = f"unnest(?::{DuckDBType.to_string(ibis.dtype(kind))}[])"
            words = sorted({word for word in each if word is not None}) if column in few else ()
            if words:
                part += f"::ENUM ({', '.join(map(_text, words))})"
            parts.append(f"{part} AS {_quoted(column)}")
        self._connection.execute(
            f"CREATE OR REPLACE TABLE {name} AS SELECT {', '.join(parts)}", values
        )
        return ibis.table(dict(columns), name=name)

    # -- running ------------------------------------------------------------------------------

    def least(self, table: ir.Table, columns: Sequence[str]) -> Mapping[str, int]:
        """The least value of each of *columns*, where a Parquet file's own statistics have it.

        DuckDB skips parts of a file by the same statistics. It has none of text, nor of several
        files together.
        """
        if not columns:
            return {}
        asked = ", ".join(f"stats({_quoted(column)})" for column in columns)
        try:
            query = f"SELECT {asked} FROM ({self.compile(table)}) LIMIT 1"
            row = self._connection.execute(query).fetchone() or ()
        except duckdb.Error:  # what is wrong is said where the rows are read
            return {}
        known = zip(columns, row, strict=False)
        found = {name: said.get("min") for name, said in known if isinstance(said, dict)}
        return {name: value for name, value in found.items() if isinstance(value, int)}

    def keep(self, expression: ir.Table) -> Statement:
        """*expression*, worked out in the background."""
        self._made += 1
        name = f"portbook_{self._made}"
        table = ibis.table(expression.schema(), name=name)
        self._last = Statement(self, f"CREATE TABLE {name} AS {self.compile(expression)}", table)
        return self._last

    def prepare(self, expression: ir.Table) -> None:
        """Compiles *expression*, to be fetched later."""
        self._prepared[expression.op()] = self.compile(expression)

    def fetch(self, expression: ir.Table) -> Sequence[tuple[Any, ...]]:
        """The rows of *expression*. Raises EngineFailed."""
        try:
            sql = self._prepared.pop(expression.op(), None) or self.compile(expression)
            return self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise EngineFailed(self.reason(error)) from error

    def write(self, expression: ir.Table, path: str, form: str, tell: Tell) -> None:
        """Writes the rows of *expression* into the file *path*, in a *form* such as ``.csv.gz``.

        Raises EngineFailed.
        """
        # The file is there already; a temporary one beside it would have a name to be guessed.
        how = f"{_FORMS[form]}, USE_TMP_FILE false"
        copy = f"COPY ({self.compile(expression)}) TO {_text(path)} ({how})"
        Statement(self, copy).wait(tell)

    def table(self, name: str) -> ir.Table:
        """A table that is there, by what DuckDB says of its columns."""
        rows = self._connection.execute(f"DESCRIBE {_quoted(name)}").fetchall()
        return ibis.table({row[0]: DuckDBType.from_string(row[1]) for row in rows}, name=name)

    def compile(self, expression: ir.Table) -> str:
        """*expression* in DuckDB's SQL.

        Ibis's own connection to DuckDB would load pandas and Arrow, of which nothing is needed.
        """
        sql: str = self._compiler.to_sqlglot(expression).sql("duckdb")
        return sql

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the same tables, for another thread."""
        return self._connection.cursor()

    def close(self) -> None:
        """Stops what still runs, and lets go of the memory and of the temporary files."""
        if self._last is not None:
            self._last.stop()
        self._connection.close()
        self._spill.cleanup()


_REASONS = {
    "MISSING COLUMNS": "has too few columns",
    "TOO MANY COLUMNS": "has too many columns",
    "CAST": "the value of {column} can't be read",
    "UNQUOTED VALUE": "a quoted value doesn't end",
    "INVALID ENCODING": "is no UTF-8 text",
    "LINE SIZE OVER MAXIMUM": "is too long a line",
}


def _by_gravity(row: tuple[str, int | None, str, str | None, str | None]) -> tuple[bool, str]:
    _, _, kind, column, _ = row
    return (not kind.endswith("COLUMNS"), column or "")


_FORMS = {
    ".parquet": "FORMAT parquet",
    ".csv": "FORMAT csv, HEADER",
    ".csv.gz": "FORMAT csv, HEADER, COMPRESSION gzip",
    ".jsonl": "FORMAT json",
    ".jsonl.gz": "FORMAT json, COMPRESSION gzip",
}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _named(path: str) -> str:
    # DuckDB takes names for patterns.
    return _text(path if is_url(path) else escape(path))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
