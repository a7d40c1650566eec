"""AWS VPC Flow Logs, versions 2 to 5, as text and as Parquet.

The fields are those of https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html. A
record is of one direction; ``tcp-flags`` (version 3) tells which side the service is on. A record
without data (NODATA, SKIPDATA) has no protocol and is counted apart.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Head, Layout, unique_names, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

# Version 2 in its order: what a log without a header line has.
DEFAULT = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start", "end", "action", "log-status",
)  # fmt: skip
_NEEDED = {"srcaddr", "dstaddr", "srcport", "dstport", "protocol"}
_NUMBERS = {
    "srcport": "int32", "dstport": "int32", "protocol": "int32", "packets": "int64",
    "bytes": "int64", "start": "int64", "end": "int64", "tcp-flags": "int32",
}  # fmt: skip

# TCP's flags as the record has them: ORed over the packets of an interval, SYN 2, SYN and ACK 18.
_SYN, _SYN_ACK = 2, 18


def recognise(head: Head) -> Layout | None:
    """The text by its header or by the shape of version 2, Parquet by its column names."""
    if head.columns:
        names = {name.replace("_", "-") for name, _ in head.columns}
        if names >= _NEEDED and names & {"interface-id", "account-id", "log-status", "version"}:
            return Layout("AWS VPC Flow Logs", "parquet", canonical, head.columns)
        return None
    if not head.lines:
        return None
    words = head.lines[0].split(" ")
    if set(words) >= _NEEDED:
        return _text(unique_names(words), 1)
    if len(words) == len(DEFAULT) and words[0] == "2" and words[-1] in _STATUS:
        return _text(DEFAULT, 0)
    # CloudWatch puts the time before each record that it exports.
    if len(words) == len(DEFAULT) + 1 and _EXPORTED.fullmatch(words[0]) and words[1] == "2":
        return _text(("exported", *DEFAULT), 0)
    return None


_EXPORTED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
_STATUS = ("OK", "NODATA", "SKIPDATA")


def _text(names: tuple[str, ...], skip: int) -> Layout:
    columns = tuple((name, _NUMBERS.get(name, "string")) for name in names)
    return Layout(
        "AWS VPC Flow Logs",
        "csv",
        canonical,
        columns,
        delimiter=" ",
        skip=skip,
        null="-",
        blank_rows=True,
    )


def canonical(table: ir.Table) -> Columns:
    """The columns of a flow log as the canonical ones."""
    import ibis

    # In Parquet and in Athena the hyphens are underscores.
    named = {name.replace("_", "-"): table[name] for name in table.columns}
    found: dict[str, ir.Value] = {
        "protocol": named["protocol"],
        "src": named["srcaddr"],
        "dst": named["dstaddr"],
        "src_port": named["srcport"],
        "dst_port": named["dstport"],
    }
    for ours, theirs in (("first", "start"), ("last", "end"), ("bytes", "bytes"), ("packets",) * 2):
        if theirs in named:
            found[ours] = named[theirs]
    if "tcp-flags" in named:
        flags = whole(named["tcp-flags"])
        found["side"] = ibis.cases(
            ((flags & _SYN_ACK) == _SYN_ACK, "src"),
            ((flags & _SYN) == _SYN, "dst"),
            else_=ibis.null("string"),
        )
    if "action" in named:
        found["answered"] = (named["action"] != "REJECT").fill_null(True)
    return found


FORMATS = (FlowFormat("vpc", "AWS VPC Flow Logs", recognise),)
