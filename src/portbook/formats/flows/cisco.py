"""Cisco's syslog of connections and access lists: ASA, PIX and FTD, and IOS' access lists.

The messages are those of
https://www.cisco.com/c/en/us/td/docs/security/asa/syslog/b_syslog.html (106xxx, 302013–302016,
302303, 302304, 710xxx). A connection is counted where it is built, and its bytes where it is torn
down; a log that has no message of the first kind among its first lines counts it at its end. Of the
two places in such a message the first is the outer one: only the word ``inbound`` or ``outbound``
tells the service.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.log_lines import (
    any_line,
    begins_with_time,
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

_TAG = r"%(?:ASA|PIX|FTD|FWSM|SEC|IPV6)-[A-Za-z0-9_-]{0,24}-?[0-7]-[0-9A-Z]{3,24}:"
_MESSAGE = re.compile(
    _TAG + r".{0,80}(?:Built|Teardown|[Dd]en(?:y|ied)|permitted|discarded|est-allowed)"
)
_BUILT = re.compile(_TAG + r" Built ")
_ANSWER = r"(?:permitted|denied|est-allowed) "
_PROTOCOL = (
    r"(?i)(?:deny |deny (?:in|out)bound |protocol |built |built (?:in|out)bound |teardown |"
    + _ANSWER
    + r"|: |: inbound )(tcp|udp|sctp|icmp6?|gre|esp|igmp|ip)\b"
)
# An address alone, or an interface or a name of one before it.
_PLACE = r"(?:([0-9A-Fa-f:.]{2,45})|[^ :/()]{1,48}[:/]([0-9A-Za-z_.:-]{1,64}))[/(]([0-9]{1,6})\b"
_FIRST = r"(?i)(?:\bfor|\bfrom|\bsrc|" + _ANSWER + r"(?:tcp|udp|sctp)) " + _PLACE
_SECOND = r"(?i)(?:\bto|\bdst|->) " + _PLACE


def recognise(head: Head) -> Layout | None:
    """By a message among the first lines."""
    if not any_line(head, _MESSAGE):
        return None
    if any_line(head, _BUILT):
        return _layout("Cisco firewall log", built=True)
    return _layout("Cisco firewall log, ends of connections", built=False)


def _layout(title: str, *, built: bool) -> Layout:
    return line_layout(title, lambda line: _fields(line, built=built), _is_flow, _is_tagged)


def _fields(line: ir.StringValue, *, built: bool) -> Columns:
    """The fields of a connection or a packet; *built*: the log tells where connections begin."""
    import ibis

    begins, ends = line.re_search(_TAG + " Built "), line.re_search(_TAG + " Teardown ")
    out = line.re_search(r" Built outbound ")
    first, second = (
        (
            first_of([field(line, way, 1), field(line, way, 2)]),
            field(line, way, 3).try_cast("int64"),
        )
        for way in (_FIRST, _SECOND)
    )
    syn, ack = line.re_search(r" flags [A-Z ]{0,24}SYN"), line.re_search(r" flags [A-Z ]{0,24}ACK")
    unanswered = ends & line.re_search(r"SYN Timeout|TCP Reset-O$")
    count = field(line, r"hit-cnt ([0-9]{1,9})")
    one = ibis.literal(1, "int64")
    return {
        "protocol": field(line, _PROTOCOL).lower(),
        "src": first[0],
        "src_port": first[1],
        "dst": second[0],
        "dst_port": second[1],
        "side": ibis.cases(
            (out, "src"),
            (begins & line.re_search(" inbound "), "dst"),
            (syn & ack, "src"),
            (syn, "dst"),
            else_=ibis.null("string"),
        ),
        "first": moment_of(line),
        "bytes": ibis.ifelse(
            ends, field(line, r" bytes ([0-9]{1,18})").try_cast("int64"), ibis.null("int64")
        ),
        # IOS counts packets of one flow, and ASA how often a rule was met.
        "packets": field(line, r", ([0-9]{1,9}) packets?").try_cast("int64"),
        "flows": ibis.ifelse(
            ends & ibis.literal(built),
            ibis.literal(0, "int64"),
            ibis.coalesce(count.try_cast("int64"), one),
        ),
        "answered": ibis.cases(
            (unanswered, False), (begins | ends, True), else_=let_through(_said(line))
        ),
    }


def _is_tagged(table: ir.Table) -> ir.BooleanValue:
    return table["line"].re_search(_TAG) | begins_with_time(table["line"])


def _is_flow(table: ir.Table) -> ir.BooleanValue:
    line = table["line"]
    return line.re_search(_TAG) & table["protocol"].notnull() & _told(line)


def _told(line: ir.StringValue) -> ir.BooleanValue:
    """Whether *line* tells of a connection or a packet, and not of a translation or a login."""
    return line.re_search(
        r"(?i)(?:built|teardown) (?:(?:in|out)bound )?[a-z0-9]{2,5} connection|\bden(?:y|ied)\b"
        r"|\bpermitted\b|\bdiscarded\b|\best-allowed\b"
    ) & ~line.re_search(r"(?i)\btranslation\b")


def _said(line: ir.StringValue) -> ir.StringValue:
    """What the message says of it, without what interfaces and lists are called."""
    return field(line, r"(?i)\b(deny|denied|permitted|discarded|est-allowed)\b").fill_null("")


_MARKS = (b"%ASA-", b"%PIX-", b"%FTD-", b"%FWSM-", b"%SEC-", b"%IPV6-", b": Built ", b": Teardown ")
FORMATS = (FlowFormat("cisco", "Cisco ASA, PIX, FTD and IOS in syslog", recognise, marks=_MARKS),)
