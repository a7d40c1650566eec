"""What a format is: how its files are read, and what its columns mean."""

from __future__ import annotations

from portbook._lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis.expr.types as ir

    Columns = Mapping[str, ir.Value]


class Head(NamedTuple):
    """The beginning of a file: what a format is told by.

    ``lines`` are its first lines, without their ends; ``columns`` the names and Ibis types of the
    columns, where the file itself states them (Parquet, or a table on the engine).
    """

    path: str
    lines: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()


class Layout(NamedTuple):
    """One way of writing flows down, as it was recognised in a file.

    ``reader`` is ``csv``, ``json``, ``parquet``, ``table`` or ``rows``; ``columns`` are the names
    and Ibis types of what is read, in the file's order. ``canonical`` makes the columns of
    :mod:`portbook.audit.flows` of the table. ``clock`` is the unit of numeric times: ``s``,
    ``ms``, ``us``, ``ns``, or ``?`` for whichever fits.

    ``prepare`` is what has to be done to the table before, if anything.

    The rest is for ``csv``: the delimiter, how many lines come before the first row, how many
    comments before it, the mark of a comment, the words for a value that isn't there, the quote,
    and beginnings of lines that are no rows, and no faults either.
    """

    format: str
    reader: str
    canonical: Callable[[ir.Table], Columns]
    columns: tuple[tuple[str, str], ...] = ()
    clock: str = "s"
    delimiter: str = ","
    skip: int = 0
    lead: int = 0
    comment: str = ""
    null: str = ""
    quote: str = ""
    no_rows: tuple[str, ...] = ()
    prepare: Callable[[ir.Table], ir.Table] | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What files must have in common to be read together."""
        return (self.format, self.reader, self.columns, self.delimiter, self.skip, self.null)


def whole(column: ir.Value) -> ir.IntegerValue:
    """*column* as whole numbers; null where it holds anything else.

    >>> whole.__name__
    'whole'
    """
    kind = column.type()
    if kind.is_integer():
        return column
    if kind.is_string():
        return column.try_cast("int64")
    return column.cast("int64")


def either(first: ir.Value, second: ir.Value) -> ir.Value:
    """The sum of two counts of which one, or both, may not be known."""
    import ibis

    return ibis.ifelse(
        first.isnull() & second.isnull(),
        ibis.null("int64"),
        whole(first).fill_null(0) + whole(second).fill_null(0),
    )
