"""What Argus' ``ra`` prints in columns (``ra -n``); ``ra -c ,`` is a CSV with a header.

A row holds ``address.port`` of both sides, with an arrow between them. An address that is too long
for its column is cut off with an asterisk: it is left out, its port isn't. The counts are read
where they stand right behind the destination, as in the columns that ra has by default.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.log_lines import any_line, field, line_layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns, Head, Layout

_HEADER = r"^[ \t]{0,30}(?:StartTime|LastTime|Flgs|Proto)\b.{0,300}\bSrcAddr[ \t]+Sport\b"
_COUNTED = re.compile(r"\bDport[ \t]+TotPkts[ \t]+TotBytes\b")
_ADDRESS = r"(?:[0-9]{1,3}(?:[.][0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,40}?)"
_CUT = rf"(?:{_ADDRESS}|[0-9A-Fa-f:.]{{2,40}}[*])"
_PORT = r"(?:[.]([0-9]{1,5}))?"
_ARROW = r"[ \t]+[<>?|o-]{1,4}[ \t]+"
_PROTOCOL = r"[ \t]([a-z][a-z0-9-]{1,11})[*]?[ \t]+"
_END = r"(?:[ \t]|$)"
_ROW = rf"{_PROTOCOL}{_CUT}{_PORT}{_ARROW}{_CUT}{_PORT}{_END}"
_SOURCE = rf"{_PROTOCOL}({_ADDRESS}){_PORT}{_ARROW}"
_DESTINATION = rf"{_ARROW}({_ADDRESS}){_PORT}{_END}"
_COUNTS = rf"{_ARROW}{_CUT}{_PORT}[ \t]+([0-9]{{1,18}})[ \t]+([0-9]{{1,18}}){_END}"
_DAY = r"^[ \t]{0,30}([0-9]{4})[/-]([0-9]{2})[/-]([0-9]{2})[. T]"
_CLOCK = r"^[ \t]{0,30}[0-9/-]{10}[. T]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?)"
# A row of which this is all that can be read is a record of something else.
_OTHER = r"^[ \t]{0,30}(?:[0-9/-]{10}[. T])?[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{1,6}[ \t]"
_ASKED = r"[ \t]tcp[ \t].*[ \t]REQ[ \t]*$"
_PORTED = r"[ \t](?:tcp|udp|sctp|dccp|udplite)[ \t]"


def recognise(head: Head) -> Layout | None:
    """By its header, which ra prints unless it is told not to (``-L -1``)."""
    if not any_line(head, re.compile(_HEADER)):
        return None
    counted = any_line(head, _COUNTED)
    fields = _counted_fields if counted else _fields
    return line_layout("Argus text", fields, _is_row, _is_other, _HEADER)


def _fields(line: ir.StringValue) -> Columns:
    """The fields of a row, without counts: other columns may stand in their place."""
    date = field(line, _DAY) + "-" + field(line, _DAY, 2) + "-" + field(line, _DAY, 3)
    return {
        "protocol": field(line, _ROW, 1),
        "src": field(line, _SOURCE, 2),
        "src_port": field(line, _ROW, 2).try_cast("int64"),
        "dst": field(line, _DESTINATION, 1),
        "dst_port": field(line, _ROW, 3).try_cast("int64"),
        "first": date + " " + field(line, _CLOCK),
        # Of a connection that was asked for and no more, nothing has answered.
        "answered": ~line.re_search(_ASKED),
    }


def _counted_fields(line: ir.StringValue) -> Columns:
    return {
        **_fields(line),
        "packets": field(line, _COUNTS, 2).try_cast("int64"),
        "bytes": field(line, _COUNTS, 3).try_cast("int64"),
    }


def _is_row(table: ir.Table) -> ir.BooleanValue:
    """Whether both ports are there, or the protocol has none."""
    line = table["line"]
    ports = table["src_port"].notnull() & table["dst_port"].notnull()
    return line.re_search(_ROW) & (ports | ~line.re_search(_PORTED))


def _is_other(table: ir.Table) -> ir.BooleanValue:
    line = table["line"]
    return line.re_search(_OTHER) & ~line.re_search(_PORTED)


FORMATS = (FlowFormat("argus", "what Argus' ra prints in columns", recognise),)
