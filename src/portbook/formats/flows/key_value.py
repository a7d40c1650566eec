"""Firewall logs of ``key=value``: FortiGate, Sophos, Juniper, SonicWall, Check Point, LEEF, CEF.

The keys are those of each maker's reference: FortiOS
(https://docs.fortinet.com/document/fortigate/7.4.0/fortios-log-message-reference), Sophos'
Firewall syslog guide, Juniper's RT_FLOW in structured syslog, SonicOS' and Check Point's log
guides, IBM's LEEF and the Common Event Format of ArcSight (version 26 of its standard).
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.log_lines import (
    ADDRESS,
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
    from collections.abc import Iterable

    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns, Head, Layout

# The names that each column goes by.
_SRC = ("srcip", "src_ip", "source-address", "src", "c6a2", "sourceip", "source_ip",
        "source-ip")  # fmt: skip
_DST = ("dstip", "dst_ip", "destination-address", "dst", "c6a3", "destip", "dest_ip",
        "destination_ip", "destination-ip")  # fmt: skip
_SRC_PORT = ("srcport", "src_port", "source-port", "spt", "s_port", "sport", "srcPort")
_DST_PORT = ("dstport", "dst_port", "destination-port", "dpt", "service", "dport", "dstPort",
             "dest_port")  # fmt: skip
_PROTOCOL = ("ipproto", "proto", "protocol", "protocol-id", "ip_protocol", "protoname")
_ACTION = ("action", "act", "log_subtype", "fw_action", "disposition", "outcome")
_SENT = ("sentbyte", "sent_bytes", "bytes-from-client", "out", "sent", "srcBytes", "bytesout",
         "bytes_sent")  # fmt: skip
_RECEIVED = ("rcvdbyte", "recv_bytes", "bytes-from-server", "in", "rcvd", "dstBytes", "bytesin",
             "bytes_received")  # fmt: skip
_SENT_PACKETS = ("sentpkt", "sent_pkts", "packets-from-client", "spkt", "srcPackets")
_RECEIVED_PACKETS = ("rcvdpkt", "recv_pkts", "packets-from-server", "rpkt", "dstPackets")

# What stands before a key; LEEF 2.0 names a character of its own for that, mostly the first of the
# last four.
_KEY = r"(?:^|[ \t,;|\[\"^~#!])"
_PLACES = (
    re.compile(
        rf"{_KEY}(?:srcip|src_ip|source-address|source-ip|src|c6a2)[=:] ?\"?[0-9A-Fa-f.:]{{2,45}}"
    ),
    re.compile(
        rf"{_KEY}(?:dstip|dst_ip|destination-address|destination-ip|dst|c6a3)[=:] ?\"?"
        r"[0-9A-Fa-f.:]{2,45}"
    ),
)
# What else tells of a firewall: prose that quotes src= and dst= is none.
_LOG = re.compile(
    rf"{_KEY}(?:proto|protocol|protocol-id|protoname|dstport|dst_port|dpt|dstPort)[=:]|RT_FLOW"
)


def recognise(head: Head) -> Layout | None:
    """By both addresses beside a protocol or a port, in one of the first lines."""
    # A shipper's JSON may hold such a line in a text; its own keys are none.
    lines = [
        line[:_LONGEST].replace('":', " ") if line.lstrip()[:1] in ("{", "[") else line[:_LONGEST]
        for line in head.lines
    ]
    # Each is looked for by itself: together they would take the square of a hostile line.
    needed = (_LOG, *_PLACES)
    found = tuple([line for line in lines if all(mark.search(line) for mark in needed)])
    if not found:
        return None
    some = head._replace(lines=found)
    family = next((name for name, mark in _FAMILIES if any_line(some, mark)), "key=value log")
    return line_layout(family, fields, _is_flow, _is_other)


_LONGEST = 1 << 14
_FAMILIES = (
    ("CEF", re.compile(r"CEF:[01]\|")),
    ("LEEF", re.compile(r"LEEF:[12]\.0\|")),
    ("FortiGate log", re.compile(r"\bdevid=\"?F|\blogid=|\bvd=")),
    ("Juniper flow log", re.compile(r"RT_FLOW")),
)


def _value(line: ir.StringValue, keys: Iterable[str], shape: str) -> ir.StringValue:
    """What the first of *keys* that *line* has holds, in the *shape* of such a value."""
    return first_of([field(line, rf'{_KEY}{key}[=:] ?\\?"?({shape})') for key in keys])


def fields(line: ir.StringValue) -> Columns:
    """The fields of a flow in *line*."""
    import ibis

    def number(keys: Iterable[str], shape: str = r"[0-9]{1,18}\b") -> ir.Value:
        return _value(line, keys, shape).try_cast("int64")

    def both(one: ir.Value, other: ir.Value) -> ir.Value:
        known = one.notnull() | other.notnull()
        total = one.fill_null(0) + other.fill_null(0)
        return ibis.ifelse(known, total, ibis.null("int64"))

    # SonicWall writes address, port and interface in one: 192.0.2.1:40000:X0.
    joined = r"(?:[0-9]{1,3}[.]){3}[0-9]{1,3}:([0-9]{1,6})\b"
    dst_port = first_of([number(_DST_PORT, r"[0-9]{1,6}\b"),
                         field(line, rf'{_KEY}dst="?{joined}').try_cast("int64")])  # fmt: skip
    short = r"(?:[0-9]{1,3}[.]){3}[0-9]{1,3}"
    return {
        # SonicWall names the service behind the protocol: tcp/https.
        "protocol": _value(line, _PROTOCOL, r"[0-9A-Za-z-]{1,16}").lower(),
        "port": dst_port,
        "host": first_of([_value(line, _DST, short), _value(line, _DST, ADDRESS)]),
        "peer": first_of([_value(line, _SRC, short), _value(line, _SRC, ADDRESS)]),
        "first": first_of([moment_of(line), _date_of(line)]),
        "bytes": both(number(_SENT), number(_RECEIVED)),
        "packets": both(number(_SENT_PACKETS), number(_RECEIVED_PACKETS)),
        "answered": _answered(line),
    }


def _is_flow(table: ir.Table) -> ir.BooleanValue:
    ported = table["port"].notnull() | table["line"].re_search(rf"{_KEY}(?:srcport|spt|src_port)=")
    known = ported & table["protocol"].notnull()
    return table["host"].notnull() & (known | table["protocol"].isin(_PORTLESS))


def _is_other(table: ir.Table) -> ir.BooleanValue:
    line = table["line"]
    record = line.re_search(r"[A-Za-z0-9_-]{2,32}=[^ ]|CEF:[01]\||LEEF:[12]")
    return record | begins_with_time(line)


_PORTLESS = ("icmp", "icmp6", "icmpv6", "icmp-v6", "ipv6-icmp", "1", "58", "gre", "47", "esp", "50",
             "ah", "51", "igmp", "2", "ospf", "89")  # fmt: skip


def _date_of(line: ir.StringValue) -> ir.StringValue:
    """The time in the keys ``date`` and ``time``, which FortiGate and Sophos have."""
    day = field(line, rf'{_KEY}date="?([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})')
    return day + " " + field(line, rf'{_KEY}time="?([0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}})')


def _answered(line: ir.StringValue) -> ir.BooleanValue:
    """Whether the firewall let it through, by its action or the name of the event."""
    import ibis

    said = _value(line, _ACTION, r"[A-Za-z][A-Za-z _-]{1,30}")
    named = field(line, r"(?i)CEF:[01]\|(?:[^|]{0,128}\|){4}([^|]{0,128})\|")
    # Juniper's and Huawei's events.
    event = field(line, r"(?:RT_FLOW_SESSION_|/POLICY)(DENY|CLOSE|CREATE|PERMIT)\b")
    # Meraki says it behind the last key: pattern: deny all.
    rule = field(
        line, r"[ \t]pattern: (allow|deny)\b|[ \t](?:flows|\w{0,10}firewall) (allow|deny) ", 0
    )
    # SonicWall's message: what it did stands there, and in no key.
    message = field(line, r"\bid=firewall [^\n]{0,400} msg=\"([^\"]{0,100})\"")
    told = ibis.coalesce(said, event, named, rule).fill_null("")
    words = told + " " + message.fill_null("")
    # FortiOS' word for an attempt to reach a host that isn't there.
    return ibis.cases((words.re_search(r"(?i)^ip-conn"), False), else_=let_through(words))


_MARKS = (b"srcip=", b"src_ip=", b"source-address=", b"src=", b"src:", b"sourceip=")
FORMATS = (
    FlowFormat(
        "key-value",
        "FortiGate, CEF and other firewall logs of key=value",
        recognise,
        marks=_MARKS,
    ),
)
