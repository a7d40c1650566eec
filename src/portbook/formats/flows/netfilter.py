"""Netfilter's packets in the kernel's log: iptables' and nftables' LOG, UFW, firewalld, Shorewall.

The fields are those that the kernel's net/netfilter/nf_log_syslog.c writes. A line is one packet:
what its connection carried isn't told, so there are no bytes. Whether the packet went through, only
the prefix says that whoever wrote the rule gave it.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.log_lines import (
    ADDRESS,
    any_line,
    field,
    let_through,
    line_layout,
    moment_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns, Head, Layout

_PACKET = re.compile(r"\bIN=\S{0,32} OUT=\S{0,32} .{0,400}\bSRC=\S{2,45} DST=\S{2,45} ")
# firewalld's own prefixes stood in quotes for a while.
_PREFIX = r'([^:\[\]]{0,80})[:\]]{0,2} {0,2}"?\bIN='


def recognise(head: Head) -> Layout | None:
    """By a packet among the first lines."""
    return line_layout("netfilter log", fields, _is_packet) if any_line(head, _PACKET) else None


def fields(line: ir.StringValue) -> Columns:
    """The fields of a packet in *line*."""
    import ibis

    prefix = field(line, _PREFIX).fill_null("")
    syn, ack = line.re_search(r" SYN(?: |$)"), line.re_search(r" ACK(?: |$)")
    return {
        "protocol": field(line, r"\bPROTO=([0-9A-Za-z]{1,10})"),
        "src": field(line, rf"\bSRC=({ADDRESS})"),
        "dst": field(line, rf"\bDST=({ADDRESS})"),
        "src_port": field(line, r"\bSPT=([0-9]{1,6})").try_cast("int64"),
        "dst_port": field(line, r"\bDPT=([0-9]{1,6})").try_cast("int64"),
        "side": ibis.cases((syn & ~ack, "dst"), (syn & ack, "src"), else_=ibis.null("string")),
        "first": moment_of(line),
        # EdgeOS and UniFi end a rule's name with the first letter of its action.
        "answered": ibis.cases(
            (prefix.re_search(r"-[DR]$"), False),
            (prefix.re_search(r"-A$"), True),
            else_=let_through(prefix),
        ),
    }


def _is_packet(table: ir.Table) -> ir.BooleanValue:
    return table["line"].re_search(r"\bIN=[^ ]{0,32} OUT=[^ ]{0,32} .*\bSRC=")


FORMATS = (
    FlowFormat(
        "netfilter",
        "netfilter, UFW and firewalld in the kernel's log",
        recognise,
        marks=(b" SRC=",),
    ),
)
