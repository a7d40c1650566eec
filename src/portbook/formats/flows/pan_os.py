"""Palo Alto Networks' traffic log, as PAN-OS sends it to syslog and exports it.

The fields are those of
https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/monitoring/use-syslog-for-monitoring/syslog-field-descriptions/traffic-log-fields
in their order. A session's record at its start has no bytes yet; where the log has its end too,
it is counted there.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.log_lines import (
    ADDRESS,
    any_line,
    begins_with_time,
    field,
    let_through,
    line_layout,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns, Head, Layout

_CELL = r'(?:"[^"]*"|[^,"]*)'
_NUMBER = "[0-9]{1,18}"
# The cells behind the word TRAFFIC, up to the last one that is read.
_CELLS = (
    "[a-z]{3,8}", _CELL, "[0-9]{4}[/-][0-9]{2}[/-][0-9]{2}[ T][0-9:.+Z-]{8,24}", ADDRESS, ADDRESS,
    *(_CELL,) * 15, "[0-9]{1,6}", "[0-9]{1,6}", *(_CELL,) * 3, "[a-z0-9-]{1,16}", "[a-z-]{3,24}",
    _NUMBER, "[0-9]{0,18}", "[0-9]{0,18}", "[0-9]{0,18}",
)  # fmt: skip
_TIME, _SRC, _DST, _DST_PORT = 2, 3, 4, 21
_PROTOCOL, _ACTION, _BYTES, _PACKETS = 25, 26, 27, 30


def _taking(place: int) -> str:
    """A pattern of the whole record that takes the cell at *place*."""
    cells = [f"({cell})" if at == place else cell for at, cell in enumerate(_CELLS)]
    return ",TRAFFIC," + ",".join(cells)


_HEAD = re.compile(r",TRAFFIC,(?:start|end|drop|deny),")
_BEGINS, _ENDS = re.compile(",TRAFFIC,start,"), re.compile(",TRAFFIC,end,")


def recognise(head: Head) -> Layout | None:
    """By a session among the first lines."""
    if not any_line(head, _HEAD):
        return None
    both = any_line(head, _BEGINS) and any_line(head, _ENDS)
    title = "PAN-OS traffic log, starts and ends" if both else "PAN-OS traffic log"
    return line_layout(title, lambda line: _fields(line, both=both), _is_session, _is_other)


def _fields(line: ir.StringValue, *, both: bool) -> Columns:
    """The fields of a session; *both*: the log tells of their starts and of their ends."""
    import ibis

    kind = field(line, ",TRAFFIC,([a-z]{3,8}),")
    counted = (kind != "start").fill_null(False)

    def cell(place: int) -> ir.StringValue:
        return field(line, _taking(place))

    def number(place: int) -> ir.Value:
        return cell(place).try_cast("int64")

    nothing = ibis.null("int64")
    return {
        "protocol": cell(_PROTOCOL),
        "port": number(_DST_PORT),
        "host": cell(_DST),
        "peer": cell(_SRC),
        "first": cell(_TIME).replace("/", "-"),
        "bytes": ibis.ifelse(counted, number(_BYTES), nothing),
        "packets": ibis.ifelse(counted, number(_PACKETS), nothing),
        # Of a session that has both, its end is the one that has the bytes.
        "flows": ibis.ifelse(
            (kind == "end").fill_null(False) & ibis.literal(both),
            ibis.literal(0, "int64"),
            ibis.literal(1, "int64"),
        ),
        "answered": let_through(cell(_ACTION).fill_null("")),
    }


def _is_session(table: ir.Table) -> ir.BooleanValue:
    return table["line"].contains(",TRAFFIC,")


def _is_other(table: ir.Table) -> ir.BooleanValue:
    return begins_with_time(table["line"]) | table["line"].re_search(_OTHER)


_OTHER = (
    r",[0-9A-Za-z]{6,20},(?:THREAT|SYSTEM|CONFIG|URL|WILDFIRE|DATA|USERID|HIP-MATCH|HIPMATCH|"
    r"GLOBALPROTECT|AUTHENTICATION|DECRYPTION|GTP|SCTP|TUNNEL|CORRELATION|IPTAG),"
)
_MARKS = (b",TRAFFIC,start,", b",TRAFFIC,end,", b",TRAFFIC,drop,", b",TRAFFIC,deny,")
FORMATS = (FlowFormat("pan-os", "Palo Alto Networks' traffic log", recognise, marks=_MARKS),)
