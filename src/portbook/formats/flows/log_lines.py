r"""Logs that are no tables: a line is a sentence, and its fields are found by patterns.

A line is one of three: a flow; another record of the same log, which is counted and left out
(:data:`portbook.formats.flows.layout.NO_FLOW`); or neither, and then it is a fault with its
number. Patterns are RE2's and Java's alike, and have bounds: engines run them over lines that
anybody wrote.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from portbook.formats.flows.layout import NO_FLOW, Layout, LogLines

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Fields, Head, Test


ADDRESS = r"[0-9A-Fa-f.:]{2,45}"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# What syslog writes first: RFC 5424 §6.2, RFC 3164 §4.1.2, and the time that journals put there.
_PRIORITY = r"^[ \t]{0,8}(?:<[0-9]{1,3}>)?(?:[0-9]{1,2} )?"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,9})?"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_NAMED_DAY = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-9]?[0-9] "
_RECORD = rf"{_PRIORITY}(?:{_ISO}|{_NAMED_DAY}|[A-Z][a-z]{{2}} {_NAMED_DAY}|\[[ 0-9.]{{4,20}}\] )"
# What firewalls call a packet or a connection that they don't let through, and one that they do.
# A chain's name has it between underscores.
REFUSED = r"(?i)(?:\b|_)(?:block|deny|denied|drop|reject|refuse|discard|prohibit|reset|prevent)"
_ALLOWED = r"(?i)(?:\b|_)(?:allow|accept|permit|pass|close|built|est-allowed)"


def line_layout(
    title: str,
    fields: Fields,
    is_flow: Test,
    is_other: Test | None = None,
    header: str = "",
) -> Layout:
    """The layout of a log called *title*, of whose lines *fields* makes columns.

    *is_flow* tells the lines that are a flow, *is_other* other records of the log besides those
    that begin with a time; both are given the table with its fields. A line that the pattern
    *header* finds is no record.
    """
    lines = LogLines(fields, is_flow, is_other or _is_record, header)
    return _layout_of(title, (lines,), lambda table: _records(_read(table, lines), lines.header))


def together(layouts: Sequence[Layout]) -> Layout:
    """The layout of a log in which lines of all *layouts* stand, as that of a syslog server has
    those of several firewalls: each line is read as the first of them that knows it.
    """
    parts = [lines for layout in layouts for lines in layout.lines]
    header = "|".join([lines.header for lines in parts if lines.header])
    *titles, last = [layout.format for layout in layouts]
    title = f"{', '.join(titles)} and {last}"
    return _layout_of(title, tuple(parts), lambda table: _records(_read_all(table, parts), header))


def _layout_of(
    title: str, lines: tuple[LogLines, ...], prepare: Callable[[ir.Table], ir.Table]
) -> Layout:
    return Layout(
        title,
        "csv",
        lambda table: {name: table[name] for name in table.columns if name not in _OWN},
        (("line", "string"),),
        delimiter="\x01",
        prepare=prepare,
        lines=lines,
    )


def _read(table: ir.Table, lines: LogLines, *, ends: bool = False) -> ir.Table:
    """*table* with the fields of *lines*, and whether each line is a flow or another record; with
    *ends* as other logs have them that don't say which side is the service.
    """
    import ibis

    # Each step is a query in the next: in one, every pattern would stand there many times.
    table = table.mutate(**lines.fields(table["line"]))
    table = table.mutate(flow=lines.is_flow(table).fill_null(False))
    # Of a flow nobody asks whether it is anything else.
    other = ibis.cases((table["flow"], False), else_=lines.is_other(table).fill_null(False))
    table = table.mutate(other=other)
    if ends and "port" in table.columns:
        # The other side's port isn't told. Of two that are the same, the destination's counts.
        table = table.rename(dst="host", src="peer", dst_port="port")
        table = table.mutate(src_port=table["dst_port"], side=ibis.literal("dst"))
    return table


def _read_all(table: ir.Table, parts: Sequence[LogLines]) -> ir.Table:
    """As :func:`_read`, by the first of *parts* of which a line is a flow."""
    import ibis

    own = set(table.columns)
    apart: list[dict[str, str]] = []
    ends = any("src_port" in lines.fields(table["line"]) for lines in parts)
    for at, lines in enumerate(parts):
        table = _read(table, lines, ends=ends)
        # Under a name of its own, that those of the next ones don't take its place.
        names = {name: f"{name}_{at}_" for name in table.columns if name not in own}
        table = table.rename({mine: name for name, mine in names.items()})
        own.update(names.values())
        apart.append(names)
    made: dict[str, ir.Value] = {}
    for name in dict.fromkeys(name for names in apart for name in names):
        if name in ("flow", "other"):
            made[name] = reduce(or_, [table[names[name]] for names in apart])
            continue
        values = [(table[each["flow"]], table[each[name]]) for each in apart if name in each]
        # A line is one flow where its log doesn't say how many.
        nothing = 1 if name == "flows" else ibis.null(values[0][1].type())
        made[name] = ibis.cases(*values, else_=nothing)
    return table.mutate(**made).drop([mine for names in apart for mine in names.values()])


_OWN = ("line", "portbook_file", "portbook_row")  # what isn't a field, where it is there


def any_line(head: Head, pattern: re.Pattern[str]) -> bool:
    """Whether one of the first lines holds *pattern*."""
    return any(pattern.search(line[:_LONGEST]) for line in head.lines)


_LONGEST = 1 << 14  # characters of a line that a log is told by


def field(line: ir.StringValue, pattern: str, group: int = 1) -> ir.StringValue:
    """What *group* of *pattern* holds in *line*; null where it isn't there, or is empty."""
    return line.re_extract(pattern, group).nullif("")


def first_of(values: Sequence[ir.Value]) -> ir.Value:
    """The first of *values* that there is."""
    import ibis

    return values[0] if len(values) == 1 else ibis.coalesce(*values)


def begins_with_time(line: ir.StringValue) -> ir.BooleanValue:
    """Whether *line* begins as those of any log do: with a time."""
    return line.re_search(_RECORD)


def moment_of(line: ir.StringValue) -> ir.StringValue:
    """The time that *line* begins with, in ISO 8601; null where it has no year."""
    import ibis

    day = rf"{_PRIORITY}(?:[A-Z][a-z]{{2}} )?([A-Z][a-z]{{2}}) ([ 0-9]?[0-9]) "
    year = rf"{_PRIORITY}(?:[A-Z][a-z]{{2}} )?{_NAMED_DAY}(?:[0-9:]{{8}} )?([0-9]{{4}})[ :]"
    clock = rf"{_PRIORITY}(?:[A-Z][a-z]{{2}} )?{_NAMED_DAY}(?:[0-9]{{4}} )?([0-9:]{{8}})"
    name = field(line, day)
    month = ibis.cases(
        *((name == word, f"{at:02}") for at, word in enumerate(_MONTHS, 1)),
        else_=ibis.null("string"),
    )
    date = field(line, year) + "-" + month + "-" + field(line, day, 2).strip().lpad(2, "0")
    return ibis.coalesce(
        field(line, rf"{_PRIORITY}({_ISO}{_ZONE})"), date + " " + field(line, clock)
    )


def let_through(words: ir.StringValue) -> ir.BooleanValue:
    """Whether the words of a firewall say so: null where they say neither."""
    import ibis

    return ibis.cases(
        (words.re_search(REFUSED), False),
        (words.re_search(_ALLOWED), True),
        else_=ibis.null("boolean"),
    )


def _records(table: ir.Table, header: str) -> ir.Table:
    """*table*, whose rows that are no flow have no fields; other records are told as such.

    What has neither a time nor the form of a record is not understood; blank lines are nothing.
    """
    import ibis

    line, flow = table["line"], table["flow"]
    named = ibis.cases(
        (flow, table["protocol"]),
        (table["other"], ibis.literal(NO_FLOW)),
        else_=ibis.null("string"),
    )
    # A protocol without ports may stand beside numbers that are something else.
    ported = flow & table["protocol"].lower().isin(_PORTED).fill_null(True)
    made: dict[str, ir.Value] = {}
    for name in table.columns:
        if name not in ("flow", "other", *_OWN):
            value = table[name]
            kept = ported if name in ("port", "src_port", "dst_port") else flow
            nothing = ibis.literal(1, "int64") if name == "flows" else ibis.null(value.type())
            made[name] = ibis.ifelse(kept, value, nothing)
    keep = (line.strip() != "").fill_null(False)
    if header:
        keep = keep & ~line.re_search(header).fill_null(False)
    return table.mutate(**{**made, "protocol": named}, keep=keep).drop("flow", "other")


def _is_record(table: ir.Table) -> ir.BooleanValue:
    return begins_with_time(table["line"])


_PORTED = ("tcp", "udp", "sctp", "dccp", "udplite", "6", "17", "33", "132", "136")
