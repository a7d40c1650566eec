"""The engines that an audit runs on: DuckDB in this process, Spark, or whatever Ibis connects to.

All of them are handed the same Ibis expressions. What differs is how files are read and how small
tables get there, and that is all that the modules here hold.
"""

from __future__ import annotations

from portbook.errors import EngineFailed, MissingExtra, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    import ibis.expr.types as ir

    from portbook.audit.files import Batch
    from portbook.audit.result import Fault

    # Told how far long work is: a share from 0 to 1, or None where that can't be known.
    Tell = Callable[[float | None], None]

    class Pending(Protocol):
        """A table that is being worked out.

        ``table`` is what it will be, to write expressions of it meanwhile; None where that can be
        said only when it is there.
        """

        table: ir.Table | None

        def lasts(self, seconds: float) -> bool:
            """Whether it is still being worked out when so much time has passed."""

        def wait(self, tell: Tell) -> ir.Table:
            """The table, once it is there. Raises EngineFailed."""

    class Engine(Protocol):
        """What an audit needs of an engine.

        ``folder`` is for files that it is to read for the time of the audit; empty where it has
        none. ``kept_all`` says whether :meth:`rejected` has every row that couldn't be read,
        ``writes_folders`` whether what :meth:`write` makes is a folder, at a path that is free.
        """

        name: str
        folder: str
        kept_all: bool
        writes_folders: bool
        errors: tuple[type[Exception], ...]

        def reason(self, error: BaseException) -> str: ...
        def glob(self, url: str) -> list[str]: ...
        def columns_of_table(self, name: str) -> tuple[tuple[str, str], ...]: ...
        def columns_of_parquet(self, path: str) -> tuple[tuple[str, str], ...]: ...
        def first_lines(self, path: str, compression: str, count: int) -> tuple[str, ...]: ...
        def read(self, batch: Batch, *, places: bool = False) -> ir.Table: ...
        def lookup(
            self,
            name: str,
            columns: Mapping[str, str],
            rows: Sequence[Sequence[Any]],
            few: Sequence[str] = (),
        ) -> ir.Table: ...
        def least(self, table: ir.Table, columns: Sequence[str]) -> Mapping[str, int]: ...
        def consists_of(self, text: ir.StringValue, letters: str) -> ir.BooleanValue | None: ...
        def keep(self, expression: ir.Table) -> Pending: ...
        def prepare(self, expression: ir.Table) -> None: ...
        def fetch(self, expression: ir.Table) -> Sequence[tuple[Any, ...]]: ...
        def begin(self) -> None: ...
        def given(self, name: str) -> str: ...
        def rejected(self) -> list[tuple[Fault, str]]: ...
        def write(self, expression: ir.Table, path: str, form: str, tell: Tell) -> None: ...
        def close(self) -> None: ...


# In a table that is read with its places: the file and the row in it that a row comes from.
FILE, ROW = "portbook_file", "portbook_row"


def connect(name: str | None = None, *, memory: str | None = None) -> Engine:
    """The engine called *name*: ``duckdb`` (also where there is none), ``spark``, or a URL of
    Ibis's.

    Raises MissingExtra, UsageError or EngineFailed.
    """
    try:
        return _connect(name or "duckdb", memory)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        for extra, packages in _EXTRAS.items():
            if missing in packages:
                what = "portbook audit" if extra == "audit" else "--engine spark"
                raise MissingExtra(extra, what) from error
        scheme = shown((name or "").partition("://")[0])
        raise EngineFailed(f"--engine {scheme} needs the Python package {missing}") from error


def _connect(name: str, memory: str | None) -> Engine:
    if name == "spark":
        from portbook.audit.engines.spark import Spark

        return Spark()
    if name == "duckdb" or name.startswith("duckdb://"):
        from portbook.audit.engines.duck import Duck

        return Duck(name.removeprefix("duckdb").removeprefix("://"), memory=memory)
    if "://" not in name:
        raise UsageError(
            f"--engine {shown(name)} is none: give duckdb, spark or a connection URL of Ibis's, "
            "such as duckdb://flows.duckdb"
        )
    from portbook.audit.engines.other import Other

    return Other(name)


_EXTRAS = {
    "audit": {"ibis", "duckdb", "pyarrow", "pandas", "numpy", "sqlglot"},
    "spark": {"pyspark", "py4j"},
}
