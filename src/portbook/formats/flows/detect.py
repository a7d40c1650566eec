r"""The formats that an audit reads: one module each, and how a file is recognised as one of them.

>>> recognise(Head("conn.log", ("#separator \\x09", "#fields\tid.resp_p\tproto"))).format
'Zeek conn.log'
"""

from __future__ import annotations

import re

from portbook.formats.base import FormatTable, find_format
from portbook.formats.flows import generic_table
from portbook.formats.flows.layout import Head, Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portbook.formats.base import FlowFormat

    More = Callable[[], Mapping[str, FlowFormat]]

# In the order in which they are asked: what is told by most comes first.
FORMATS: Mapping[str, FlowFormat] = FormatTable(
    "portbook.formats.flows",
    {
        "zeek": "zeek",
        "suricata": "suricata",
        "vpc": "vpc",
        "nfdump": "nfdump",
        "argus": "argus",
        "cicflowmeter": "cicflowmeter",
        "azure": "azure",
        "gcp": "gcp",
        "osquery": "osquery",
        "netfilter": "netfilter",
        "filterlog": "filterlog",
        "cisco": "cisco",
        "pan-os": "pan_os",
        "windows-firewall": "windows_firewall",
        "key-value": "key_value",
        "scan": "scans",
        "table": "generic_table",
    },
)


def installed() -> Mapping[str, FlowFormat]:
    """The formats that installed packages bring; their code is imported."""
    from portbook.formats.plugins import flow_formats

    return flow_formats(FORMATS)


def recognise(
    head: Head,
    mapping: Mapping[str, str] | None = None,
    only: str | None = None,
    more: More = dict,
) -> Layout | None:
    """The layout of the file that begins with *head*, or None.

    With a *mapping* of ``--columns`` the file is a table whatever it looks like; *only* asks one
    format. *more* returns the formats to ask where none of portbook's own takes the file.

    :raises InvalidArgument: there is no format called *only*.
    """
    if mapping:
        return generic_table.build(head, mapping)
    if only is not None:
        named = find_format(FORMATS, only, more)
        layout = named.recognise(head)
        bare = named.recognise_bare
        return bare(head) if layout is None and bare is not None else layout
    for name, form in FORMATS.items():
        if (layout := form.recognise(head)) is not None:
            return _with_others(layout, name, head) if name in _FIREWALLS else layout
    for form in more().values():
        if (layout := form.recognise(head)) is not None:
            return layout
    return None


# Whose lines a syslog server writes into one file.
_FIREWALLS = ("netfilter", "filterlog", "cisco", "pan-os", "key-value")


def _with_others(layout: Layout, name: str, head: Head) -> Layout:
    """*layout*, that of the format *name*, with those of other firewalls in the same lines."""
    layouts = [layout]
    rest = head
    for other in _FIREWALLS[_FIREWALLS.index(name) :]:
        form = FORMATS[other]
        found = layout if other == name else form.recognise(rest)
        if found is None:
            continue
        if found is not layout:
            layouts.append(found)
        unknown = [line for line in rest.lines if form.recognise(Head("", (line,))) is None]
        rest = rest._replace(lines=tuple(unknown))
    if len(layouts) == 1:
        return layout
    from portbook.formats.flows.log_lines import together

    return together(layouts)


def marks_beyond(head: Head, layout: Layout | None) -> tuple[bytes, ...]:
    """The marks that lines farther down than *head* may have, and so say more of what is in the
    file; none where *layout* is of a log that stands alone.
    """
    if layout is not None and not layout.lines:
        return ()
    known = "\n".join(head.lines).encode("utf-8", "replace")
    marks = [mark for name in _FIREWALLS for mark in FORMATS[name].marks]
    return tuple([mark for mark in marks if mark not in known])


# Logs that are known and aren't read, and what to give instead.
_NOT_READ = (
    (
        re.compile(r"^#Software: Microsoft Windows Firewall|^#Fields: date time action protocol"),
        (
            "is Windows Firewall's log with other fields than its usual ones: make it a CSV with a "
            "header, and name its columns with --columns"
        ),
    ),
    (
        re.compile(r'"message"\s*:\s*"[2-9] [0-9-]{1,14} eni-'),
        "is CloudWatch's JSON, which isn't read: take the records out with jq -r .events[].message",
    ),
    (
        re.compile(r'"(?:oob[.]prefix|raw[.]pktlen)"\s*:'),
        "is ulogd's JSON, which isn't read: have its plug-in LOGEMU write lines, and audit those",
    ),
    (
        re.compile(r"\bipfw: [0-9]{1,5} (?:Deny|Accept|Reject|Unreach|Reset|Count|Divert)\b"),
        "is ipfw's log, which isn't read: make it a CSV with a header",
    ),
    (
        re.compile(
            r"\brule [0-9]{1,6}[0-9/.]{0,12}\(match\)[^:]{0,40}: (?:block|pass) (?:in|out) on "
        ),
        "is pf's log as tcpdump prints it, which isn't read: make it a CSV with a header",
    ),
    (
        re.compile(r"^[0-9:.]{8,15} IP6? \S{3,60} > \S{3,60}: "),
        "is tcpdump's text, which isn't read: give the capture to zeek, and audit its conn.log",
    ),
    (
        re.compile(r'"(?:GET|POST|HEAD|PUT|OPTIONS) \S{1,2000} HTTP/[0-9.]{1,3}" [0-9]{3} '),
        "is a web server's access log, which has no ports: audit a flow log of its network",
    ),
    (
        re.compile(r'"eventSource"\s*:\s*"[a-z0-9-]{1,40}[.]amazonaws[.]com"'),
        "is CloudTrail's log of API calls, which has no flows: audit the VPC's flow logs",
    ),
    (
        re.compile(r"^(?:https?|h2|grpcs|wss?) [0-9]{4}-[0-9]{2}-[0-9]{2}T\S{9,16} \S{1,100} "),
        "is a load balancer's access log, which isn't read: audit the VPC's flow logs",
    ),
    (
        re.compile(r"%(?:FTD|NGIPS)-[0-7]-43000[1-5]: "),
        (
            "is Firepower's connection events, which aren't read: audit its lines of "
            "%FTD-6-302013 to 302016"
        ),
    ),
    (
        re.compile(
            r"^Network connection detected:|\bWindows Filtering Platform has (?:permitted|blocked)"
        ),
        (
            "is Windows' event of a connection (Sysmon 3, Security 5156), which isn't read: export "
            "such events as CSV, and name its columns with --columns"
        ),
    ),
    (
        re.compile(r"%ACLLOG-[0-7]-ACLLOG_"),
        "is NX-OS' log of access lists, which isn't read: make it a CSV with a header",
    ),
    (
        re.compile(r"RT_FLOW_SESSION_[A-Z_]{4,20}: session "),
        "is Junos' log without structure, which isn't read: set its format to sd-syslog",
    ),
    (
        re.compile(
            r"\bproto (?:TCP|UDP)[^,]{0,20}, [0-9A-Fa-f:.\[\]]{3,50}:[0-9]{1,5}->[0-9A-Fa-f\[]"
        ),
        "is RouterOS' firewall log, which isn't read: make it a CSV with a header",
    ),
    (
        re.compile(r'"(?:src|dst)[46]_addr"\s*:\s*"|"type" : "FLOW"'),
        "is nfdump's JSON, which isn't read: print it with nfdump -o csv, and audit that",
    ),
    (
        re.compile(
            r"^(?:\s{0,8}\[[A-Z]{3,10}\] )?(?:ipv[46] {1,8}[0-9]{1,2} )?"
            r"(?:tcp|udp) {1,8}(?:6|17) .{0,80}\bsrc=\S"
        ),
        (
            "is conntrack's list, which isn't read: it holds what is open this moment; audit a "
            "flow log"
        ),
    ),
    (
        re.compile(r"^(?:ACTIVE|EXPIRED|EXPIRE EVENT) .{0,40}\[\S{2,45}\]:[0-9]{1,5} <> "),
        "is softflowctl's dump, which isn't read: give its exports to nfcapd, print nfdump -o csv",
    ),
    (
        re.compile(r"\[\*\*\] \[[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,4}\] .{0,400}\{[A-Z]{2,10}\} "),
        "is Snort's or Suricata's alerts in one line each, which are no flows: audit eve.json",
    ),
    (
        re.compile(
            r"\bfirewall: (?:msg_id=\S{3,20} )?(?:Allow|Deny) \S{1,60} \S{1,60} "
            r"(?:[0-9]{1,5} )?(?:tcp|udp|icmp) "
        ),
        "is WatchGuard's traffic log, which isn't read: make it a CSV with a header",
    ),
    (
        re.compile(r'^\{"firewall_name":"[^"]{1,200}".{0,400}"event_type":'),
        "is AWS Network Firewall's log, which isn't read: audit the VPC's flow logs",
    ),
)
_LONGEST = 1 << 12  # characters of a line that such a log is told by
_CAPTURES = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
_NFCAPD = (b"\x0c\xa5", b"\xa5\x0c")


def explain_binary(start: bytes) -> str:
    """Why a file that begins with *start*, and is no text, isn't read."""
    if start.startswith(_CAPTURES):
        return "is a capture of packets: give it to zeek, and audit its conn.log"
    if start.startswith(_NFCAPD):
        return "is a file of nfcapd's: print it with nfdump -o csv, and audit that"
    return "is neither text nor Parquet"


def explain_refusal(head: Head) -> str | None:
    """Why the file that begins with *head* is no flow log, where its format is plain; else None."""
    for line in head.lines[:5]:
        for pattern, advice in _NOT_READ:
            if pattern.search(line[:_LONGEST]):
                return advice
    for form in FORMATS.values():
        if form.explain_refusal is not None and (why := form.explain_refusal(head)) is not None:
            return why
    return None


__all__ = [
    "FORMATS",
    "Head",
    "Layout",
    "explain_binary",
    "explain_refusal",
    "find_format",
    "installed",
    "recognise",
]
