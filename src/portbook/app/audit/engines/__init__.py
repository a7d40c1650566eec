"""The engines that an audit runs on: DuckDB in this process, Spark, or whatever Ibis connects to.

All of them are handed the same Ibis expressions. What differs is how files are read and how small
tables get there, and that is all that the modules here hold.
"""

from __future__ import annotations

from portbook.errors import EngineFailed, InvalidArgument, MissingExtra, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.audit.engines.base import Engine


def connect(name: str | None = None, *, memory: str | None = None) -> Engine:
    """The engine called *name*: ``duckdb`` (also where there is none), ``spark``, or a URL of
    Ibis's.

    Raises MissingExtra, InvalidArgument or EngineFailed.
    """
    try:
        return _connect(name or "duckdb", memory)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        for extra, packages in _EXTRAS.items():
            if missing in packages:
                what = "portbook audit" if extra == "audit" else "the engine spark"
                raise MissingExtra(extra, what) from error
        scheme = shown((name or "").partition("://")[0])
        raise EngineFailed(f"the engine {scheme} needs the Python package {missing}") from error


def _connect(name: str, memory: str | None) -> Engine:
    if name == "spark":
        from portbook.app.audit.engines.spark import Spark

        return Spark()
    if name == "duckdb" or name.startswith("duckdb://"):
        from portbook.app.audit.engines.duckdb_engine import Duck

        return Duck(name.removeprefix("duckdb").removeprefix("://"), memory=memory)
    if "://" not in name:
        raise InvalidArgument(
            "engine",
            f"{shown(name)} is none: give duckdb, spark or a connection URL of Ibis's, "
            "such as duckdb://flows.duckdb",
        )
    from portbook.app.audit.engines.ibis_backend import Other

    return Other(name)


_EXTRAS = {
    "audit": {"ibis", "duckdb", "pyarrow", "pandas", "numpy", "sqlglot"},
    "spark": {"pyspark", "py4j"},
}
