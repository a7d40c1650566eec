"""Spark: the session that is configured where portbook runs, from one machine to a cluster.

Spark's own settings say which (``PYSPARK_SUBMIT_ARGS``, ``SPARK_CONF_DIR``, a running session).
"""

from __future__ import annotations

import os
import sys
from urllib.parse import unquote

import pyspark
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from portbook.app.audit.engines.base import FILE, Deferring, is_url
from portbook.errors import EngineFailed, InvalidArgument, shown
from portbook.formats.base import Fault
from portbook.host.children import SAFE_PATH, surroundings
from portbook.host.run_tool import trusted_path
from portbook.storage.file_trust import scratch_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    import ibis.expr.types as ir
    from pyspark.sql import DataFrame

    from portbook.app.audit.engines.base import Batch, Tell

_CORRUPT = "portbook_corrupt"  # the text of a row that Spark can't read
_REJECTS = 1000
# Spark names a local file as file:/flows.csv or file:///flows.csv.
_FILE_PATH = "regexp_replace(_metadata.file_path, '^file:/+', '/')"


_ERRORS: tuple[type[Exception], ...] = (PySparkException, Py4JError)


def _surroundings() -> dict[str, str]:
    """What Spark and its Python processes get of the environment beside what is set there.

    Left alone, PySpark takes a Spark in the folder above the working directory, and its Python
    processes take the first python3 of ``PATH`` and modules of the working directory.
    """
    installed = os.path.dirname(pyspark.__file__)
    fetched = os.path.join(installed, "spark-distribution")  # by PYSPARK_HADOOP_VERSION
    home = fetched if os.path.isdir(fetched) else installed
    given = {"SPARK_HOME": home, "PYSPARK_PYTHON": sys.executable, **SAFE_PATH}
    chosen = {name: os.environ[name] for name in given if name in os.environ}
    # PySpark learns from a temporary file how to reach the Spark that it starts.
    own = {"PATH": trusted_path(os.environ.get("PATH", "")), "TMPDIR": scratch_folder()}
    return {**given, **chosen, **own}


class Spark(Deferring):
    """A Spark session: the one that runs, or one of its own."""

    folder = ""
    kept_all = True
    writes_folders = True
    errors = _ERRORS

    def __init__(self) -> None:
        import ibis

        self._ours = SparkSession.getActiveSession() is None
        try:
            with surroundings(_surroundings()):
                self._session = (
                    SparkSession.builder.appName("portbook audit")
                    .config("spark.ui.showConsoleProgress", "false")
                    .getOrCreate()
                )
        except (PySparkException, Py4JError, RuntimeError) as error:
            raise EngineFailed(f"Spark doesn't start: {self.reason(error)}") from error
        if self._ours:
            self._session.sparkContext.setLogLevel("ERROR")
        self._zone = self._session.conf.get("spark.sql.session.timeZone")
        self._session.conf.set("spark.sql.session.timeZone", "UTC")
        self.name = f"Spark {self._session.version}"
        self._ibis = ibis.pyspark.from_connection(self._session)
        self._made = 0
        self._kept: list[DataFrame] = []
        self._text: dict[tuple[str, ...], DataFrame] = {}
        self._given: dict[str, str] = {}

    def reason(self, error: BaseException) -> str:
        """The first line of what Spark says."""
        said = error.getMessage() if isinstance(error, PySparkException) else str(error)
        return (said or repr(error)).strip().partition("\n")[0]

    # -- what is there ------------------------------------------------------------------------

    def glob(self, url: str) -> list[str]:
        """A URL as it is: Spark takes patterns itself."""
        return [url]

    def columns_of_table(self, name: str) -> tuple[tuple[str, str], ...]:
        """The columns of a table. Raises InvalidArgument."""
        try:
            return tuple(self._session.table(name).dtypes)
        except self.errors as error:
            raise InvalidArgument(
                "", f"{shown(name)} is no table there: {self.reason(error)}"
            ) from error

    def columns_of_parquet(self, path: str) -> tuple[tuple[str, str], ...]:
        """The columns of a Parquet file; raises what Spark does."""
        return tuple(self._session.read.parquet(_location(path)).dtypes)

    def first_lines(self, path: str, compression: str, count: int) -> tuple[str, ...]:
        """The first lines of a text file; Spark unpacks by the ending of the name."""
        rows = self._session.read.text(_location(path)).limit(count).collect()
        return tuple(row[0] for row in rows if row[0])

    # -- reading ------------------------------------------------------------------------------

    def read(self, batch: Batch, *, places: bool = False) -> ir.Table:
        """The table that *batch* holds; with *places*, also the file of each row.

        Raises EngineFailed.
        """
        if batch.table:
            return self._view(self._session.table(batch.table))
        self._given |= {os.path.abspath(path): path for path in batch.files if not is_url(path)}
        paths = [_location(path) for path in batch.files]
        readers = {"parquet": self._parquet, "json": self._json, "csv": self._csv}
        try:
            frame = readers[batch.layout.reader](batch, paths)
        except self.errors as error:
            raise EngineFailed(self.reason(error)) from error
        if batch.layout.reader != "parquet":
            if not places:
                self._text[batch.files] = frame
            frame = frame.where(f"{_CORRUPT} IS NULL").drop(_CORRUPT)
        if places:
            frame = frame.selectExpr("*", f"{_FILE_PATH} AS {FILE}")
        return self._view(frame)

    def _view(self, frame: DataFrame) -> ir.Table:
        self._made += 1
        name = f"portbook_{self._made}"
        frame.createOrReplaceTempView(name)
        return self._ibis.table(name)

    def _parquet(self, _: Batch, paths: list[str]) -> DataFrame:
        return self._session.read.parquet(*paths)

    def _json(self, batch: Batch, paths: list[str]) -> DataFrame:
        reader = self._session.read.option("multiLine", batch.array)
        return reader.json(paths, self._schema(batch), columnNameOfCorruptRecord=_CORRUPT)

    def _csv(self, batch: Batch, paths: list[str]) -> DataFrame:
        layout = batch.layout
        # Of a row of which not all is parsed, Spark doesn't tell that it is broken.
        return self._session.read.option("columnPruning", value=False).csv(
            paths,
            self._schema(batch),
            sep=layout.delimiter,
            header=bool(layout.skip),
            comment=layout.comment or None,
            nullValue=layout.null,
            quote=layout.quote or "",
            mode="PERMISSIVE",
            columnNameOfCorruptRecord=_CORRUPT,
        )

    def _schema(self, batch: Batch) -> Any:
        import ibis
        from ibis.backends.pyspark.datatypes import PySparkSchema

        columns = {**dict(batch.layout.columns), _CORRUPT: "string"}
        return PySparkSchema.from_ibis(ibis.schema(columns))

    def begin(self) -> None:
        """Forgets what was read so far: another audit begins, and files may have changed."""
        self._text.clear()
        self._let_go()

    def given(self, name: str) -> str:
        """The path that was given for the file that Spark knows by *name*."""
        path = unquote(name)
        return self._given.get(path, path)

    def rejected(self) -> list[tuple[Fault, str]]:
        """The rows of text that were not read. Spark doesn't know their numbers."""
        found = []
        for frame in self._text.values():
            bad = frame.selectExpr("*", f"{_FILE_PATH} AS {FILE}").where(f"{_CORRUPT} IS NOT NULL")
            for row in bad.limit(_REJECTS).collect():
                fault = Fault(self.given(row[FILE]), None, "is a row that can't be read")
                found.append((fault, row[_CORRUPT]))
        return found

    def lookup(
        self,
        name: str,
        columns: Mapping[str, str],
        rows: Sequence[Sequence[Any]],
        few: Sequence[str] = (),
    ) -> ir.Table:
        """A small table of *rows*, as a view."""
        import ibis
        from ibis.backends.pyspark.datatypes import PySparkSchema

        schema = PySparkSchema.from_ibis(ibis.schema(dict(columns)))
        frame = self._session.createDataFrame([tuple(row) for row in rows], schema)
        frame.createOrReplaceTempView(name)
        return self._ibis.table(name)

    # -- running ------------------------------------------------------------------------------

    def hold(self, expression: ir.Table) -> ir.Table:
        """*expression*, worked out and held in Spark's memory. Raises EngineFailed."""
        try:
            frame = self._session.sql(self._ibis.compile(expression)).cache()
            frame.count()
        except self.errors as error:
            raise EngineFailed(self.reason(error)) from error
        self._kept.append(frame)
        return self._view(frame)

    def fetch(
        self, expression: ir.Table, meanwhile: Callable[[], None] | None = None
    ) -> Sequence[tuple[Any, ...]]:
        """The rows of *expression*; *meanwhile* is left undone. Raises EngineFailed."""
        try:
            rows: Sequence[tuple[Any, ...]] = self._session.sql(
                self._ibis.compile(expression)
            ).collect()
        except self.errors as error:
            raise EngineFailed(self.reason(error)) from error
        return rows

    def write(self, expression: ir.Table, path: str, form: str, tell: Tell) -> None:
        """Writes the rows of *expression* into a folder *path*. Raises EngineFailed."""
        frame = self._session.sql(self._ibis.compile(expression))
        packed = "gzip" if form.endswith(".gz") else None
        try:
            if form == ".parquet":
                frame.write.parquet(_location(path))
            elif form.startswith(".csv"):
                frame.write.csv(_location(path), header=True, compression=packed)
            else:
                frame.write.json(_location(path), compression=packed)
        except self.errors as error:
            raise EngineFailed(self.reason(error)) from error

    def _let_go(self) -> None:
        for frame in self._kept:
            frame.unpersist()
        self._kept.clear()

    def close(self) -> None:
        """Frees what was held; ends the session, if it is one of its own."""
        self._let_go()
        if self._ours:
            self._session.stop()
        elif self._zone is not None:
            self._session.conf.set("spark.sql.session.timeZone", self._zone)


def _location(path: str) -> str:
    """*path* as Spark takes it: one without a scheme may mean HDFS there, here it never does."""
    return path if "://" in path else f"file://{os.path.abspath(path)}"
