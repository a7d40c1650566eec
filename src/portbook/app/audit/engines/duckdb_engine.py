"""DuckDB, in this process: the engine that an audit runs on unless another is named."""

from __future__ import annotations

import os
import re
import tempfile
from functools import cache, lru_cache

import duckdb
import ibis
from ibis.backends.sql.datatypes import DuckDBType

from portbook.app.audit.engines.duckdb_compiler import duckdb_compiler
from portbook.app.audit.engines.duckdb_files import Files, quoted, text, type_name
from portbook.app.audit.engines.statement import Line, Statement
from portbook.app.audit.row_errors import KEPT
from portbook.errors import EngineFailed, InvalidArgument, shown
from portbook.formats.base import Fault
from portbook.storage.file_trust import own_home, scratch_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Batch, Tell

_MEMORY = "1GB"  # what DuckDB may hold; beyond it, it writes to the folder for temporary files
_TOLD = re.compile(r'"exception_message":"((?:[^"\\]|\\.)*)"')


def _connect(folder: str, memory: str | None) -> duckdb.DuckDBPyConnection:
    """A database in memory, which writes to *folder* what *memory* has no room for."""
    settings: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "home_directory": own_home(),  # where its extensions and its secrets are
        "temp_directory": folder,
        "memory_limit": memory or _MEMORY,
        "parquet_metadata_cache": True,
    }
    try:
        return duckdb.connect(":memory:", config=settings)
    except (duckdb.Error, RuntimeError) as error:  # the latter for what is no text at all
        raise InvalidArgument(
            "memory", f"{shown(memory or '')} is no size: give 2GB, say"
        ) from error


@cache
def _rtrim() -> Any:
    """DuckDB's own function for a text without the letters that it ends in."""

    def rtrim(text: str, letters: str) -> str:  # type: ignore[empty-body]  # DuckDB has it
        ...

    return ibis.udf.scalar.builtin(rtrim)


class Duck:
    """A connection to DuckDB; *path* is a database, opened to be read only.

    Nothing is fetched from the network on its own: extensions are loaded where they are installed,
    never installed.
    """

    errors: tuple[type[Exception], ...] = (duckdb.Error,)
    writes_folders = False

    def __init__(self, path: str = "", *, memory: str | None = None) -> None:
        self.name = f"DuckDB {duckdb.__version__}"
        self.kept_all = True
        self._made = 0
        self._rejected: list[tuple[Fault, str]] = []
        self._seen: set[tuple[str, int | None]] = set()
        self._statements: list[Statement] = []  # those that may still run
        # Tables are looked for in the database that was named; what is made goes to memory.
        self._source = "source." if path else ""
        self._spill = tempfile.TemporaryDirectory(
            prefix="portbook-audit-", dir=scratch_folder(), ignore_cleanup_errors=True
        )
        try:
            self.folder = self._spill.name
            self._files = Files(self.folder)
            self._line = Line(_connect(self.folder, memory))
            if path:
                self._attach(path)
        except BaseException:
            self._spill.cleanup()
            raise

    def _attach(self, path: str) -> None:
        if not os.path.isfile(path):
            raise InvalidArgument("engine", f"duckdb://{shown(path)}: there is no such database")
        try:
            self._line.ask(f"ATTACH {text(os.path.abspath(path))} AS source (READ_ONLY)")
        except duckdb.Error as error:
            raise EngineFailed(f"the engine duckdb://{path}: {self.reason(error)}") from error

    def reason(self, error: BaseException) -> str:
        """The first sentence of what the engine says."""
        said = str(error).partition("\n")[0].strip()
        # What failed in one of DuckDB's threads is told as JSON.
        if (told := _TOLD.search(said)) is not None:
            said = told[1].replace('\\"', "'")
        said = self._files.told(said)
        return said.removeprefix("Invalid Input Error: ").removeprefix("IO Error: ") or repr(error)

    # -- what is there ------------------------------------------------------------------------

    def glob(self, url: str) -> list[str]:
        """The files that *url* names. Raises InvalidArgument or EngineFailed."""
        try:
            self._line.ask("LOAD httpfs")
        except duckdb.Error as error:
            raise EngineFailed(
                f"{shown(url)} can't be read without httpfs, DuckDB's extension for object "
                "stores: run INSTALL httpfs in DuckDB once"
            ) from error
        try:
            rows = self._line.ask("SELECT file FROM glob(?)", [url])
        except duckdb.Error as error:
            raise EngineFailed(f"{shown(url)}: {self.reason(error)}") from error
        found = [row[0] for row in rows]
        if not found:
            raise InvalidArgument("", f"nothing is at {shown(url)}")
        return found

    def columns_of_table(self, name: str) -> tuple[tuple[str, str], ...]:
        """The columns of a table. Raises InvalidArgument."""
        try:
            rows = self._line.ask(f"DESCRIBE {self._source}{quoted(name)}")
        except duckdb.Error as error:
            raise InvalidArgument(
                "", f"{shown(name)} is no table there: {self.reason(error)}"
            ) from error
        return tuple((row[0], row[1]) for row in rows)

    def columns_of_parquet(self, path: str) -> tuple[tuple[str, str], ...]:
        """The columns of a Parquet file; raises what DuckDB does."""
        rows = self._line.ask(self._files.columns(path))
        return tuple((row[0], row[1]) for row in rows)

    def first_lines(self, path: str, compression: str, count: int) -> tuple[str, ...]:
        """The first lines of a text file, unpacked."""
        rows = self._line.ask(self._files.lines(path, compression, count))
        return tuple(row[0] for row in rows if row[0])

    # -- reading ------------------------------------------------------------------------------

    def read(self, batch: Batch, *, places: bool = False) -> ir.Table:
        """The table that *batch* holds; with *places*, also the file and row of each row.

        Raises EngineFailed.
        """
        if batch.table:
            return self._view(f"SELECT * FROM {self._source}{quoted(batch.table)}")
        return self._view(self._files.rows(batch, places=places))

    def given(self, name: str) -> str:
        """The path that was given for the file that DuckDB knows by *name*."""
        return self._files.given(name)

    def _view(self, query: str) -> ir.Table:
        self._made += 1
        name = f"portbook_{self._made}"
        try:
            self._line.ask(f"CREATE VIEW {name} AS {query}")
            return self.table(name)
        except duckdb.Error as error:
            raise EngineFailed(self.reason(error)) from error

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
        for name, line, kind, column, row in sorted(rows, key=_by_gravity):
            path = self._files.given(name)
            if (path, line) not in self._seen:
                reason = _REASONS.get(kind, kind.lower()).format(column=shown(column or ""))
                self._rejected.append((Fault(path, line, reason), row or ""))
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
            part = f"unnest(?::{type_name(kind)}[])"
            words = sorted({word for word in each if word is not None}) if column in few else ()
            if words:
                part += f"::ENUM ({', '.join(map(text, words))})"
            parts.append(f"{part} AS {quoted(column)}")
        self._line.ask(f"CREATE OR REPLACE TABLE {name} AS SELECT {', '.join(parts)}", values)
        return ibis.table(dict(columns), name=name)

    # -- running ------------------------------------------------------------------------------

    def least(self, table: ir.Table, columns: Sequence[str]) -> Mapping[str, int]:
        """The least value of each of *columns*, where a Parquet file's own statistics have it.

        DuckDB skips parts of a file by the same statistics. It has none of text, nor of several
        files together.
        """
        if not columns:
            return {}
        asked = ", ".join(f"stats({quoted(column)})" for column in columns)
        try:
            query = f"SELECT {asked} FROM ({self.compile(table)}) LIMIT 1"
            rows = self._line.ask(query)
        except duckdb.Error:  # what is wrong is said where the rows are read
            return {}
        known = zip(columns, rows[0] if rows else (), strict=False)
        found = {name: said.get("min") for name, said in known if isinstance(said, dict)}
        return {name: value for name, value in found.items() if isinstance(value, int)}

    def consists_of(self, text: ir.StringValue, letters: str) -> ir.BooleanValue | None:
        """Whether *text* has no other characters than *letters*: a tenth of a regular expression's
        time.
        """
        shortened: ir.StringValue = _rtrim()(text, letters)
        return shortened == ""

    def keep(self, expression: ir.Table) -> Statement:
        """*expression*, worked out in the background."""
        self._made += 1
        name = f"portbook_{self._made}"
        table = ibis.table(expression.schema(), name=name)
        return self._start(f"CREATE TABLE {name} AS {self.compile(expression)}", table)

    def _start(self, sql: str, table: ir.Table | None = None) -> Statement:
        # It is known before it runs, so that whatever interrupts us is followed by its end.
        statement = Statement(self, sql, table)
        self._statements = [*(each for each in self._statements if not each.ended), statement]
        statement.start()
        return statement

    def prepare(self, expression: ir.Table) -> None:
        """Compiles *expression*, to be fetched later."""
        self.compile(expression)

    def fetch(
        self, expression: ir.Table, meanwhile: Callable[[], None] | None = None
    ) -> Sequence[tuple[Any, ...]]:
        """The rows of *expression*; *meanwhile* is done while DuckDB works. Raises EngineFailed."""
        try:
            return self._line.ask(self.compile(expression), meanwhile=meanwhile)
        except duckdb.Error as error:
            raise EngineFailed(self.reason(error)) from error

    def write(self, expression: ir.Table, path: str, form: str, tell: Tell) -> None:
        """Writes the rows of *expression* into the file *path*, in a *form* such as ``.csv.gz``.

        Raises EngineFailed.
        """
        # The file is there already; a temporary one beside it would have a name to be guessed.
        how = f"{_FORMS[form]}, USE_TMP_FILE false"
        copy = f"COPY ({self.compile(expression)}) TO {text(path)} ({how})"
        try:
            self._start(copy).wait(tell)
        except BaseException:
            self._stop()  # nothing writes to the file any more when it is removed
            raise

    def table(self, name: str) -> ir.Table:
        """A table that is there, by what DuckDB says of its columns."""
        rows = self._line.ask(f"DESCRIBE {quoted(name)}")
        return ibis.table({row[0]: DuckDBType.from_string(row[1]) for row in rows}, name=name)

    def compile(self, expression: ir.Table) -> str:
        """*expression* in DuckDB's SQL.

        Ibis's own connection to DuckDB would load pandas and Arrow, of which nothing is needed.
        """
        return _sql(expression.op())

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the same tables, for another thread."""
        return self._line.cursor()

    def close(self) -> None:
        """Stops what still runs, and lets go of the memory and of the temporary files."""
        self._stop()
        self._line.close()
        self._spill.cleanup()

    def _stop(self) -> None:
        """Interrupts what runs; where it doesn't end, the connection is left to itself."""
        for statement in self._statements:
            self._line.stuck |= not statement.stop()


@lru_cache(maxsize=256)
def _sql(operation: Any) -> str:
    """The SQL of an operation of Ibis's, which is equal to another of the same tables and columns.

    To compile one takes as long as DuckDB takes for thousands of rows, and files of one form lead
    to the same again.
    """
    query = duckdb_compiler().to_sqlglot(operation.to_expr())
    sql: str = query.sql("duckdb", copy=False)  # nobody else has it
    return sql


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
