"""Any database that Ibis connects to: the flows are a table there, and that is where they stay."""

from __future__ import annotations

from portbook.app.audit.engines.base import Deferring
from portbook.errors import EngineFailed, InvalidArgument, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Batch, Tell
    from portbook.formats.base import Fault


class Other(Deferring):
    """The database at the connection URL *url*."""

    # Ibis passes on whatever a database's driver raises, and each driver has a root of its own.
    folder = ""
    kept_all = True
    writes_folders = False
    errors: tuple[type[Exception], ...] = (Exception,)

    def __init__(self, url: str) -> None:
        import ibis

        scheme = url.partition("://")[0]
        try:
            self._ibis: Any = ibis.connect(url)
        except ModuleNotFoundError:
            raise
        except self.errors as error:
            # The URL may hold a password: it is not repeated.
            raise EngineFailed(f"the engine {shown(scheme)}://…: {self.reason(error)}") from error
        self.name = f"{scheme} through Ibis {ibis.__version__}"
        self._made = 0

    def reason(self, error: BaseException) -> str:
        """The first line of what the database says."""
        return str(error).strip().partition("\n")[0] or type(error).__name__

    def glob(self, url: str) -> list[str]:
        """Files are for DuckDB and Spark. Raises InvalidArgument."""
        raise InvalidArgument("", f"{shown(url)} can't be read with this engine: name table:NAME")

    def columns_of_table(self, name: str) -> tuple[tuple[str, str], ...]:
        """The columns of a table. Raises InvalidArgument."""
        try:
            schema = self._ibis.table(name).schema()
        except self.errors as error:
            raise InvalidArgument(
                "", f"{shown(name)} is no table there: {self.reason(error)}"
            ) from error
        return tuple((column, str(kind)) for column, kind in schema.items())

    def columns_of_parquet(self, path: str) -> tuple[tuple[str, str], ...]:
        """Files are for DuckDB and Spark. Raises InvalidArgument."""
        raise InvalidArgument("", f"{shown(path)} can't be read with this engine: name table:NAME")

    def first_lines(self, path: str, compression: str, count: int) -> tuple[str, ...]:
        """Files are for DuckDB and Spark. Raises InvalidArgument."""
        raise InvalidArgument("", f"{shown(path)} can't be read with this engine: name table:NAME")

    def read(self, batch: Batch, *, places: bool = False) -> ir.Table:
        """The table that *batch* names. Raises InvalidArgument where it is a file."""
        if not batch.table:
            raise InvalidArgument(
                "", f"{shown(batch.files[0])} can't be read with this engine: name table:NAME"
            )
        table: ir.Table = self._ibis.table(batch.table)
        return table

    def begin(self) -> None:
        """There is nothing to forget."""

    def given(self, name: str) -> str:
        """There are no files."""
        return name

    def rejected(self) -> list[tuple[Fault, str]]:
        """A table has no rows that can't be read."""
        return []

    def lookup(
        self,
        name: str,
        columns: Mapping[str, str],
        rows: Sequence[Sequence[Any]],
        few: Sequence[str] = (),
    ) -> ir.Table:
        """A small temporary table of *rows*. Raises EngineFailed."""
        import ibis

        table = ibis.memtable([tuple(row) for row in rows], schema=dict(columns))
        return self._create(name, table)

    def _create(self, name: str, table: ir.Table) -> ir.Table:
        # Not every database can replace a table: each gets a name of its own.
        self._made += 1
        try:
            made: ir.Table = self._ibis.create_table(f"{name}_{self._made}", table, temp=True)
        except self.errors as error:
            raise EngineFailed(self.reason(error)) from error
        return made

    def hold(self, expression: ir.Table) -> ir.Table:
        """*expression* as a temporary table. Raises EngineFailed."""
        return self._create("portbook", expression)

    def fetch(
        self, expression: ir.Table, meanwhile: Callable[[], None] | None = None
    ) -> Sequence[tuple[Any, ...]]:
        """The rows of *expression*; *meanwhile* is left undone. Raises EngineFailed."""
        try:
            table = self._ibis.to_pyarrow(expression)
        except self.errors as error:
            raise EngineFailed(self.reason(error)) from error
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def write(self, expression: ir.Table, path: str, form: str, tell: Tell) -> None:
        """Writes the rows of *expression* into the file *path*.

        Raises InvalidArgument or EngineFailed.
        """
        try:
            if form == ".parquet":
                self._ibis.to_parquet(expression, path)
            elif form == ".csv":
                self._ibis.to_csv(expression, path)
            else:
                raise InvalidArgument("rows", f"{form}: this engine writes .parquet and .csv")
        except InvalidArgument:
            raise
        except self.errors as error:
            raise EngineFailed(self.reason(error)) from error

    def close(self) -> None:
        """Ends the connection, and with it the temporary tables."""
        self._ibis.disconnect()
