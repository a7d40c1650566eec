"""Every row again, with its verdict beside it."""

from __future__ import annotations

from portbook.app.audit.describe import names
from portbook.app.audit.group_join import groups_of, join_groups
from portbook.app.audit.outputs import TABLES, defuse, defused, table_form, write_table
from portbook.app.audit.server_side import UNDECIDABLE, place
from portbook.errors import InvalidArgument, shown
from portbook.formats.flows.layout import LOST, kept_by, within
from portbook.model import LAST_PORT, Level

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Tell
    from portbook.app.audit.group_join import Read
    from portbook.app.audit.pipeline import Audit
    from portbook.app.audit.pseudonymise import Pseudonyms

# What is added to a row: its service's verdict, and where the row has two ports, which is its.
PORT = "portbook_port"
OURS = "portbook_"  # what the names of all columns that are added begin with
WORDS = ("portbook_state", "portbook_level", "portbook_findings", "portbook_service")
LEVELS = tuple(Level)

# The columns of rows that come from several layouts, with their Ibis types; times are seconds.
COMMON = {
    "protocol": "string",
    "src": "string",
    "src_port": "int32",
    "dst": "string",
    "dst_port": "int32",
    "host": "string",
    "peer": "string",
    "first": "float64",
    "last": "float64",
    "bytes": "int64",
    "packets": "int64",
    "flows": "int64",
}
ADDRESSES = ("src", "dst", "host", "peer")

_KEY = f"{OURS}key_"
_KEYS = ("protocol", "port", "other", "reach", "spoken")


def check_path(path: str) -> None:
    """Raises InvalidArgument where nothing can be written by the name of *path*."""
    if table_form(path) is None:
        raise InvalidArgument("rows", f"{shown(path)} ends in none of {', '.join(TABLES)}")


def write_rows(audit: Audit, path: str, names: Pseudonyms | None, tell: Tell) -> None:
    """Writes every row that *audit* read to *path*, each with its verdict.

    Rows of one layout keep their columns; of several, or with *names* for addresses, they have
    those of :data:`COMMON`. CSV is fit for a spreadsheet. Raises InvalidArgument or EngineFailed.
    """
    is_csv = (table_form(path) or "").startswith(".csv")
    book = _annotations(audit, defused if is_csv else str)
    whole = len(audit.reads) == 1 and names is None
    parts = [_annotated(audit, read, book, whole=whole) for read in audit.reads]
    table = parts[0]
    for part in parts[1:]:
        table = table.union(part)
    if names is not None:
        table = _renamed(audit, table, names)
    if is_csv:
        table = defuse(audit.engine, table, WORDS)
    write_table(audit.engine, table, path, tell)


def _annotations(audit: Audit, form: Callable[[str], str]) -> ir.Table:
    """What is said of each service, as a table on the engine, each word in its *form*."""
    rows = []
    for each in audit.seen():
        level = LEVELS[max(each.gravity, 0)]
        codes = " ".join(code for code, _ in each.findings)
        row = (str(level), codes, form(" ".join(names(each, audit.catalog))))
        rows.append((*each.key, str(each.state), *row))
    columns = {
        "book_transport": "string",
        "book_port": "int32",
        "book_reach": "string",
        "book_spoken": "string",
        **dict.fromkeys(WORDS, "string"),
    }
    return audit.engine.lookup("portbook_annotations", columns, rows, WORDS)


def _annotated(audit: Audit, read: Read, book: ir.Table, *, whole: bool) -> ir.Table:
    """The rows of *read* with what *book* says of their services."""
    table, layout = audit.table(read.batch), read.batch.layout
    if layout.prepare is not None:
        table = layout.prepare(table)
    columns = layout.flows(table)
    if kept := kept_by(columns):
        table = table.filter(kept)
        columns = layout.flows(table)
        kept_by(columns)
    keys = {name: value for name, value in place(columns).items() if name in _KEYS}
    keyed = {f"{_KEY}{name}": value for name, value in keys.items()}
    if whole:
        # Names like ours are those of an earlier verdict.
        kept = [name for name in table.columns if not name.lower().startswith(OURS)]
        rows = table.select(*kept, **keyed)
    else:
        kept = list(COMMON)
        rows = table.select(**_common(columns, read), **keyed)
    joined = join_groups(rows, _judged(read, book, reach="reach" in keys), "left", _KEY)
    if f"{_KEY}other" in keyed or not whole:
        sure = joined["portbook_match_service"] != UNDECIDABLE
        joined = joined.mutate(
            **{PORT: _where(sure, joined["portbook_match_service"].cast("int32"))}
        )
        kept.append(PORT)
    return joined.select(*kept, *WORDS)


def _where(when: ir.BooleanValue, value: ir.Value) -> ir.Value:
    """*value* where *when* is true, else null."""
    import ibis

    return ibis.ifelse(when, value, ibis.null(value.type()))


def _common(columns: Mapping[str, ir.Value], read: Read) -> dict[str, ir.Value]:
    """The columns of :data:`COMMON`, whatever the source has of them."""
    import ibis

    found: dict[str, ir.Value] = {}
    for name, kind in COMMON.items():
        value = columns.get(name)
        if value is None:
            found[name] = ibis.null(kind)
        elif kind == "float64":
            found[name] = _seconds(value, read.limits.unit)
        else:
            if kind == "int32":
                value = within(value, 0, LAST_PORT)
            elif kind == "int64":
                value = within(value, LOST + 1, -LOST)
            found[name] = value.cast(kind)
    return found


def _seconds(value: ir.Value, unit: int) -> ir.Value:
    """A time in seconds since the epoch."""
    kind = value.type()
    if kind.is_numeric():
        return value.cast("float64") / unit
    stamp = value.strip().try_cast("timestamp") if kind.is_string() else value.cast("timestamp")
    return stamp.epoch_seconds().cast("float64")


def _judged(read: Read, book: ir.Table, *, reach: bool) -> ir.Table:
    """A row for each group of *read*, with what *book* says of its service."""
    groups = groups_of(read, reach=True)
    on = [
        groups["portbook_match_transport"] == book["book_transport"],
        groups["portbook_match_service"] == book["book_port"],
        groups["portbook_match_reach"] == book["book_reach"],
    ]
    spoken = "portbook_match_heard" in groups.columns
    if spoken:
        on.append(groups["portbook_match_heard"] == book["book_spoken"])
    else:
        book = book.filter(book["book_spoken"] == "")
    judged = groups.left_join(book, on).drop(
        *("book_transport", "book_port", "book_reach", "book_spoken", "portbook_match_transport"),
        *(["portbook_match_heard"] if spoken else []),
    )
    return judged if reach else judged.drop("portbook_match_reach")


def _renamed(audit: Audit, table: ir.Table, names: Pseudonyms) -> ir.Table:
    """*table* with a word for each address."""
    import ibis

    columns = [table.select(address=table[name]) for name in ADDRESSES]
    every = columns[0]
    for column in columns[1:]:
        every = every.union(column)
    distinct = every.filter(every["address"].notnull()).distinct()
    rows = [(address, names.word(address)) for (address,) in audit.engine.fetch(distinct)]
    words = audit.engine.lookup(
        "portbook_pseudonyms", {"address": "string", "word": "string"}, rows
    )
    for name in ADDRESSES:
        known = words.rename({f"{name}_address": "address", f"{name}_word": "word"})
        table = table.left_join(known, table[name] == known[f"{name}_address"])
        word = table[f"{name}_word"]
        table = table.mutate(**{name: ibis.coalesce(word, ibis.null("string"))}).drop(
            f"{name}_address", f"{name}_word"
        )
    return table
