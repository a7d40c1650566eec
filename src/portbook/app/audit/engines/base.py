"""What an audit needs of an engine, and what it gives one to read."""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    import ibis.expr.types as ir

    from portbook.formats.base import Fault
    from portbook.formats.flows.layout import Layout

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
        def fetch(
            self, expression: ir.Table, meanwhile: Callable[[], None] | None = None
        ) -> Sequence[tuple[Any, ...]]: ...
        def begin(self) -> None: ...
        def given(self, name: str) -> str: ...
        def rejected(self) -> list[tuple[Fault, str]]: ...
        def write(self, expression: ir.Table, path: str, form: str, tell: Tell) -> None: ...
        def close(self) -> None: ...


class Deferring:
    """An engine that works nothing out ahead: a table is made when it is waited for."""

    def hold(self, expression: ir.Table) -> ir.Table:
        """*expression*, worked out and held. Raises EngineFailed."""
        raise NotImplementedError

    def keep(self, expression: ir.Table) -> Pending:
        """*expression*, to be worked out when it is waited for."""
        return _Deferred(self, expression)

    def least(self, table: ir.Table, columns: Sequence[str]) -> Mapping[str, int]:
        """Nothing: what this engine knows of its files can't be asked for."""
        return {}

    def consists_of(self, text: ir.StringValue, letters: str) -> ir.BooleanValue | None:
        """None: it has no quick way to tell whether a text has other characters."""
        return None

    def prepare(self, expression: ir.Table) -> None:
        """There is nothing to prepare."""


class _Deferred:
    def __init__(self, engine: Deferring, expression: ir.Table) -> None:
        self._engine, self._expression = engine, expression
        self.table: ir.Table | None = None

    def lasts(self, seconds: float) -> bool:
        """No: nothing is done before it is waited for."""
        return False

    def wait(self, tell: Tell) -> ir.Table:
        tell(None)
        return self._engine.hold(self._expression)


# In a table that is read with its places: the file and the row in it that a row comes from.
FILE, ROW = "portbook_file", "portbook_row"


class Batch(NamedTuple):
    """Files that can be read as one table; ``compression`` is ``none``, ``gzip`` or ``zstd``.

    A table on the engine is a batch without files. ``array`` says that JSON is one array instead
    of a line a row.
    """

    layout: Layout
    files: tuple[str, ...]
    compression: str = "none"
    table: str = ""
    array: bool = False


def is_url(word: str) -> bool:
    """Whether *word* names something that isn't on this machine's disks.

    >>> is_url("s3://flows/2026/*.parquet"), is_url("flows/x.parquet")
    (True, False)
    """
    scheme, between, _ = word.partition("://")
    return bool(between) and scheme.isalnum()
