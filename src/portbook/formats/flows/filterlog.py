"""``filterlog`` of pfSense and OPNsense: a line for each packet that a rule logged.

The fields are those of
https://docs.netgate.com/pfsense/en/latest/monitoring/logs/raw-filter-format.html in their order;
those of IPv6 name the protocol before its number. A line is one packet: what its connection
carried isn't told.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.log_lines import (
    ADDRESS,
    any_line,
    field,
    first_of,
    let_through,
    line_layout,
    moment_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns, Head, Layout

_RULE = r",[^, ]{1,24},[a-z-]{2,16},([a-z]{2,12}),(?:in|out|in-out),"
_V4 = _RULE + r"4,(?:[^,]*,){6}[0-9]{0,3},([0-9A-Za-z.-]{1,16}),[0-9]*,"
_V6 = _RULE + r"6,(?:[^,]*,){3}([0-9A-Za-z.-]{1,16}),[0-9]*,[0-9]*,"
_ENDS = rf"({ADDRESS}),({ADDRESS})(?:,([0-9]{{1,6}}),([0-9]{{1,6}}),[0-9]*(?:,([A-Z]{{1,9}}),)?)?"
_HEAD = re.compile(rf"(?:{_V4}|{_V6})[0-9A-Fa-f.:]{{2,45}},")


def recognise(head: Head) -> Layout | None:
    """By a packet among the first lines."""
    return line_layout("pfSense filterlog", fields, _is_packet) if any_line(head, _HEAD) else None


def fields(line: ir.StringValue) -> Columns:
    """The fields of a packet in *line*."""
    import ibis

    def part(group: int) -> ir.Value:
        return first_of([field(line, way + _ENDS, group) for way in (_V4, _V6)])

    flags = part(7).fill_null("")
    syn, ack = flags.contains("S"), flags.contains("A")
    return {
        "protocol": part(2),
        "src": part(3),
        "dst": part(4),
        "src_port": part(5).try_cast("int64"),
        "dst_port": part(6).try_cast("int64"),
        "side": ibis.cases((syn & ~ack, "dst"), (syn & ack, "src"), else_=ibis.null("string")),
        "first": moment_of(line),
        "answered": let_through(part(1).fill_null("")),
    }


def _is_packet(table: ir.Table) -> ir.BooleanValue:
    return table["line"].re_search(_V4) | table["line"].re_search(_V6)


FORMATS = (
    FlowFormat(
        "filterlog",
        "filterlog of pfSense and OPNsense",
        recognise,
        marks=(b"filterlog", b",match,"),
    ),
)
