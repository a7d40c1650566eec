"""nfdump's CSV (``nfdump -o csv``), in the columns of 1.6 and 1.7.1 and in later ones, also where
some are cut off; and what it prints as text (``-o line``, ``long``, ``extended``).

A record is of one direction, unless the exporter made it of both: then ``ipkt`` and ``opkt`` are
both counted. Times are those of the zone that nfdump ran in, which the file doesn't name: they are
taken for UTC.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Head, Layout, either, unique_names
from portbook.formats.flows.log_lines import ADDRESS, any_line, field, line_layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

_OLD = {"ts": "first", "te": "last", "sa": "src", "da": "dst", "sp": "src_port", "dp": "dst_port"}
_NEW = {
    "firstSeen": "first", "lastSeen": "last", "srcAddr": "src", "dstAddr": "dst",
    "srcPort": "src_port", "dstPort": "dst_port", "proto": "protocol", "packets": "packets",
    "bytes": "bytes", "flows": "flows",
}  # fmt: skip
_NUMBERS = {"srcPort", "ipkt", "ibyt", "opkt", "obyt", "packets", "bytes", "flows", "sp"}
# Columns that others than nfdump don't call so: two of them tell a CSV whose others were cut off.
_OWN = {"ts", "te", "td", "sa", "da", "sp", "dp", "pr", "flg", "ipkt", "ibyt", "opkt", "obyt",
        "firstSeen", "lastSeen", "srcAddr", "dstAddr", "srcPort", "dstPort"}  # fmt: skip


def recognise(head: Head) -> Layout | None:
    """By the names in the first line, or the header of the text."""
    if not head.lines:
        return None
    if any_line(head, _TEXT_HEADER):
        begun = any_line(head, _CREATED)
        return line_layout(
            "nfdump text" if begun else "nfdump text, without beginnings",
            lambda line: _fields(line, begun=begun),
            _is_row,
            _is_other,
        )
    names = unique_names(name.strip() for name in head.lines[0].split(","))
    has = set(names)
    ported = has & {"pr", "proto"} and has & {"sp", "dp", "srcPort", "dstPort"}
    if not ported or len(has & _OWN) < 2:
        return None
    # The destination port of ICMP is its type and code, as 8.0.
    columns = tuple((name, "int64" if name in _NUMBERS else "string") for name in names)
    return Layout(
        "nfdump CSV", "csv", canonical, columns, skip=1, no_rows=("Summary", "flows,bytes,packets")
    )


def canonical(table: ir.Table) -> Columns:
    """The columns of nfdump as the canonical ones."""
    has = set(table.columns)
    found: dict[str, ir.Value] = {
        ours: table[theirs] for theirs, ours in (_OLD | _NEW).items() if theirs in has
    }
    if "pr" in has:
        found["protocol"] = table["pr"]
    for ours, one, other in (("packets", "ipkt", "opkt"), ("bytes", "ibyt", "obyt")):
        counts = [table[name] for name in (one, other) if name in has]
        if counts:
            found[ours] = counts[0] if len(counts) == 1 else either(counts[0], counts[1])
    for name in ("protocol", "src", "dst"):
        if name in found:
            found[name] = found[name].strip()
    if not {"src_port", "dst_port"} <= found.keys():
        # Of the side whose port was cut off nothing is left to choose.
        side = "src" if "src_port" in found else "dst"
        found["port"] = found.pop(f"{side}_port")
        host = found.pop(side, None)
        found = {name: value for name, value in found.items() if name not in ("src", "dst")}
        found |= {} if host is None else {"host": host}
    return found


_TEXT_HEADER = re.compile(r"^[ \t]{0,8}Date first seen[ \t]+(?:Event|Duration)[ \t]")
_NUMBER = r"([0-9]{1,15}(?:[.][0-9]{1,3})?(?: [KMGT]\b)?)"
_SEEN = r"^[ \t]{0,8}([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}(?:[.][0-9]{1,6})?)"
# A firewall's records (NSEL) have an event in place of a duration.
_EVENT = rf"{_SEEN}[ \t]+([A-Z][A-Za-z]{{2,12}})[ \t]"
_CREATED = re.compile(rf"{_SEEN}[ \t]+CREATE[ \t]")
_ROW = (
    rf"{_SEEN}[ \t]+"
    r"(?:[0-9.:]{1,16}|[A-Z][A-Za-z]{2,12}[ \t]+[A-Za-z][A-Za-z -]{1,24}?)[ \t]+"
    rf"([0-9A-Za-z-]{{1,16}})[ \t]+({ADDRESS})[:.]([0-9.]{{1,8}})[ \t]+<?->[ \t]+"
    rf"({ADDRESS})[:.]([0-9.]{{1,8}})[ \t]+"
)
# The flags and the type of service, which the long forms have before the counts.
_COUNTS = rf"(?:[A-Z.]{{6,9}}[ \t]+[0-9]{{1,3}}[ \t]+)?{_NUMBER}[ \t]+{_NUMBER}(?:[ \t]|$)"


def _fields(line: ir.StringValue, *, begun: bool) -> Columns:
    """The fields of a row of nfdump's text; *begun*: it tells where connections begin."""
    import ibis

    counts = r"<?->[ \t]+[^ \t]{3,60}[ \t]+" + _COUNTS
    event = field(line, _EVENT, 2)
    packets, octets = (_scaled(field(line, counts, group)) for group in (1, 2))
    ended = (event == "DELETE").fill_null(False) & ibis.literal(begun)
    return {
        "protocol": field(line, _ROW, 2),
        "src": field(line, _ROW, 3),
        "src_port": field(line, _ROW, 4).try_cast("int64"),
        "dst": field(line, _ROW, 5),
        "dst_port": field(line, _ROW, 6).try_cast("int64"),
        "first": field(line, _ROW),
        # Of an event, bytes in both directions stand there, which a connection has at its end.
        "packets": ibis.ifelse(event.isnull(), packets, ibis.null("int64")),
        "bytes": ibis.cases(
            (event.isnull(), octets),
            (event != "CREATE", either(packets, octets)),
            else_=ibis.null("int64"),
        ),
        "flows": ibis.ifelse(ended, ibis.literal(0, "int64"), ibis.literal(1, "int64")),
        "answered": ~event.upper().re_search("^DEN").fill_null(False),
    }


def _scaled(text: ir.StringValue) -> ir.IntegerValue:
    """A count that nfdump may have written in thousands, millions and so on: ``1.2 M``."""
    import ibis

    unit = ibis.cases(
        *((text.endswith(letter), 1000**power) for power, letter in enumerate("KMGT", 1)), else_=1
    )
    number = text.re_extract(r"^([0-9]{1,15}(?:[.][0-9]{1,3})?)", 1).nullif("")
    return (number.try_cast("float64") * unit).round().cast("int64")


def _is_row(table: ir.Table) -> ir.BooleanValue:
    return table["line"].re_search(_ROW)


def _is_other(table: ir.Table) -> ir.BooleanValue:
    return table["line"].re_search(
        r"^[ \t]{0,8}(?:Date first seen|Summary:|Time window:|Total flows processed|Sys:|Top [0-9]|"
        r"Aggregated flows|Byte limit|nfdump |\*\* nfdump)"
    )


FORMATS = (FlowFormat("nfdump", "nfdump -o csv, and its text", recognise),)
