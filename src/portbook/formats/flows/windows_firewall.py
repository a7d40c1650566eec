"""Windows Firewall's own log, ``pfirewall.log``.

The fields are those of its header, in the order that Windows writes
(https://learn.microsoft.com/en-us/windows/security/operating-system-security/network-security/windows-firewall/configure-logging).
It has the size of a packet that was dropped, and of a connection that was let through 0: no count.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.log_lines import ADDRESS, any_line, field, line_layout, moment_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns, Head, Layout

_FIELDS = re.compile(r"#Fields: date time action protocol src-ip dst-ip src-port dst-port size\b")
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} "
_ACTION = r"(ALLOW|DROP|OPEN|OPEN-INBOUND)"
_WORD = r"[^ ]{1,45} "
_ROW = re.compile(
    rf"{_TIME}{_ACTION} [0-9A-Z-]{{1,16}} {ADDRESS} {ADDRESS} "
    r"(?:[0-9]{1,5}|-) (?:[0-9]{1,5}|-) [0-9-]{1,9} "
)
# The end of a connection that was opened before, and how many events it lost.
_OTHER = rf"{_TIME}(?:CLOSE|INFO-EVENTS-LOST) "


def recognise(head: Head) -> Layout | None:
    """By its header, or by a row where that was cut off."""
    if not any_line(head, _FIELDS) and not any_line(head, _ROW):
        return None
    return line_layout("Windows Firewall log", _fields, _is_flow, _is_other, "^#")


def _fields(line: ir.StringValue) -> Columns:
    """The fields of a packet or a connection in *line*."""

    def cell(place: int, shape: str) -> ir.StringValue:
        """What stands so many words behind the action."""
        return field(line, rf"{_TIME}{_ACTION} (?:{_WORD}){{{place}}}({shape})(?: |$)", 2)

    number = "[0-9]{1,9}"
    return {
        "protocol": cell(0, "[0-9A-Za-z-]{1,16}").lower(),
        "peer": cell(1, ADDRESS),
        "host": cell(2, ADDRESS),
        "port": cell(4, number).try_cast("int64"),
        "first": moment_of(line),
        "bytes": cell(5, number).try_cast("int64").nullif(0),
        "answered": field(line, _TIME + _ACTION) != "DROP",
    }


def _is_flow(table: ir.Table) -> ir.BooleanValue:
    ported = table["port"].notnull() | ~table["protocol"].isin(("tcp", "udp"))
    return table["host"].notnull() & table["protocol"].notnull() & ported


def _is_other(table: ir.Table) -> ir.BooleanValue:
    return table["line"].re_search(_OTHER)


FORMATS = (FlowFormat("windows-firewall", "Windows Firewall's log (pfirewall.log)", recognise),)
