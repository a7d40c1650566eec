"""What a format is: how its files are read, and what its columns mean."""

from __future__ import annotations

import json

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import ibis.expr.types as ir

    Columns = Mapping[str, ir.Value]
    Fields = Callable[[ir.StringValue], Columns]
    Test = Callable[[ir.Table], ir.BooleanValue]


# In the place of a count that can't be read. It is negative, and so no count of a good row.
LOST = -(1 << 62)
# In the place of a protocol: a record of the log that is no flow, and no fault either.
NO_FLOW = "no-flow"
_ADDED = 1 << 60
_FARTHEST = 1 << 62
_PORTS = ("port", "src_port", "dst_port")
_COUNTS = ("bytes", "packets", "flows")


class Head(NamedTuple):
    """The beginning of a file: what a format is told by.

    ``lines`` are its first lines, without their ends; ``columns`` the names and Ibis types of the
    columns, where the file itself states them (Parquet, or a table on the engine).
    """

    path: str
    lines: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()


class LogLines(NamedTuple):
    """What tells and reads the lines of one log: see :func:`.log_lines.line_layout`."""

    fields: Fields
    is_flow: Test
    is_other: Test
    header: str


class Layout(NamedTuple):
    """One way of writing flows down, as it was recognised in a file.

    ``reader`` is ``csv``, ``json``, ``parquet``, ``table`` or ``rows``; ``columns`` are the names
    and Ibis types of what is read, in the file's order. ``canonical`` makes the columns of
    :mod:`portbook.app.audit.flow_schema` of the table. ``clock`` is the unit of numeric times:
    ``s``, ``ms``, ``us``, ``ns``, or ``?`` for whichever fits.

    ``prepare`` is what has to be done to the table before, if anything.

    The rest is for ``csv``: the delimiter, how many lines come before the first row, how many
    comments before it, the mark of a comment, the words for a value that isn't there, the quote,
    and beginnings of lines that are no rows, and no faults either.

    ``spread`` says of JSON that a value may stand on many lines, or in a very long one.

    With ``blank_rows``, a row of text without anything in it is a record of no traffic; else it is
    a broken one. ``lines`` are what reads a log of lines, of which several may stand in one file.
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
    blank_rows: bool = False
    spread: bool = False
    lines: tuple[LogLines, ...] = ()

    def flows(self, table: ir.Table) -> dict[str, ir.Value]:
        """The columns of *table* that :mod:`portbook.app.audit.flow_schema` names, numbers whole.

        Two others may be among them: ``keep`` is false where a row is no record at all, and no
        fault either, ``flow`` is false where it is a record of something else, which is counted.
        """
        found = dict(self.canonical(table))
        for names, made in ((_PORTS, port_number), (_COUNTS, count)):
            found |= {name: made(found[name]) for name in names if name in found}
        return found

    @property
    def key(self) -> tuple[object, ...]:
        """What files must have in common to be read together."""
        return (
            self.format,
            self.reader,
            self.columns,
            self.delimiter,
            self.skip,
            self.null,
            self.spread,
        )


def kept_by(columns: dict[str, ir.Value]) -> list[ir.Value]:
    """What is true of rows that are flows, taken out of *columns*; see :meth:`Layout.flows`."""
    return [columns.pop(name) for name in ("keep", "flow") if name in columns]


def others_told(columns: dict[str, ir.Value]) -> dict[str, ir.Value]:
    """*columns* without ``flow``: where that is false, the row says :data:`NO_FLOW` and no more."""
    import ibis

    flow = columns.pop("flow", None)
    if flow is None:
        return columns
    told = {
        name: ibis.ifelse(flow, value, ibis.null(value.type())) for name, value in columns.items()
    }
    return {**told, "protocol": ibis.ifelse(flow, columns["protocol"], ibis.literal(NO_FLOW))}


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """*names* of columns as they may stand side by side: none is empty, and no two are the same,
    however they are written. The first that has a name keeps it.

    >>> unique_names(["", "proto", "Proto", "proto"])
    ('column_1', 'proto', 'Proto_2', 'proto_3')
    """
    made: list[str] = []
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for at, name in enumerate(names, 1):
        base = single = name or f"column_{at}"
        while single.lower() in taken:
            number = counts[base.lower()] = counts.get(base.lower(), 1) + 1
            single = f"{base}_{number}"
        taken.add(single.lower())
        made.append(single)
    return tuple(made)


def parse_json(text: str) -> object:
    """The value that *text* is in JSON; None where it is none, or one nested too deep to be read.

    >>> parse_json('{"a": 1}'), parse_json("[" * 100_000)
    ({'a': 1}, None)
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def whole(column: ir.Value) -> ir.IntegerValue:
    """*column* as whole numbers of 64 bits; null where it holds anything else.

    >>> whole.__name__
    'whole'
    """
    if _fits(column):
        return column
    kind = column.type()
    if kind.is_string():
        return column.try_cast("int64")
    if kind.is_numeric():
        return within(column, -_FARTHEST, _FARTHEST).cast("int64")
    # What can't be a number at all, a list say, is a fault of the column and not of each row.
    return column.cast("int64")


def within(column: ir.Value, least: int, most: int) -> ir.Value:
    """*column* where it is from *least* to *most*, else null: NaN is not.

    Not every engine can try a cast; every one can compare.
    """
    import ibis

    return ibis.ifelse((column >= least) & (column <= most), column, ibis.null(column.type()))


def count(column: ir.Value) -> ir.IntegerValue:
    """*column* as a count; :data:`LOST` where there is something that is no whole number of 64
    bits (NaN, infinity, a word), so that the row is noticed.
    """
    import ibis

    if _fits(column):
        return column
    made = whole(column)
    return ibis.ifelse(column.notnull() & made.isnull(), ibis.literal(LOST, "int64"), made)


def port_number(column: ir.Value) -> ir.IntegerValue:
    """*column* as port numbers; null where it holds anything else, a fraction too."""
    import ibis

    kind, made = column.type(), whole(column)
    if kind.is_floating() or kind.is_decimal():
        return ibis.ifelse(made == column, made, ibis.null("int64"))
    return made


def either(first: ir.Value, second: ir.Value) -> ir.Value:
    """The sum of two counts of which one, or both, may not be known."""
    import ibis

    one, other = count(first), count(second)
    # Neither is taken for more than can be added: what is beyond is no plausible count anyway.
    parts = [ibis.least(ibis.greatest(each.fill_null(0), -_ADDED), _ADDED) for each in (one, other)]
    return ibis.ifelse(one.isnull() & other.isnull(), ibis.null("int64"), parts[0] + parts[1])


def _fits(column: ir.Value) -> bool:
    """Whether every value of *column* is a whole number of 64 bits, by its type."""
    kind = column.type()
    return bool(kind.is_integer() and not kind.is_uint64())
