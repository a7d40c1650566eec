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
    first = head.lines[0]
    # Whoever copies records out of a sheet has tabs between the fields.
    mark = "\t" if first.count("\t") > first.count(" ") else " "
    words = first.split(mark)
    if set(words) >= _NEEDED:
        return _text(unique_names(words), 1, mark)
    return _without_header(head, first, words, mark)


def _without_header(head: Head, first: str, words: list[str], mark: str) -> Layout | None:
    """Records whose fields nothing names, but for the time that CloudWatch puts before each, and
    the name of the stream that ``aws logs tail`` adds.
    """
    before: tuple[str, ...] = ()
    skip, version = 0, _VERSION
    if first.strip().lower().replace("@", "") == "timestamp,message" and len(head.lines) > 1:
        words, skip, version = head.lines[1].split(" "), 1, _IN_CSV  # the console's CSV
        if len(words) > 1 and _DAY.fullmatch(words[0]):  # Logs Insights' time has a blank in it
            before, words = ("exported",), words[1:]
    elif _EXPORTED.fullmatch(words[0]) and len(words) > _FEWEST:
        before = ("exported",) if _VERSION.fullmatch(words[1]) else ("exported", "stream")
        words = words[len(before) :]
    fields = _unheaded(words, version) if words else None
    return None if fields is None else _text((*before, *fields), skip, mark)


_FEWEST = 2  # words before a record
_DAY = re.compile(r"\"?[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXPORTED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_VERSION = re.compile(r"[2-9]|[1-9][0-9]")
_IN_CSV = re.compile(r"[0-9TZ:.-]{10,30},\"?(?:[2-9]|[1-9][0-9])")
# The fields that later versions added, in the order of the reference.
_LATER = (
    (), ("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr"),
    ("region", "az-id", "sublocation-type", "sublocation-id"),
    ("pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"),
    ("ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn",
     "ecs-container-instance-id", "ecs-container-id", "ecs-second-container-id",
     "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn", "ecs-task-id"),
    ("reject-reason",), ("resource-id",), ("encryption-status",),
)  # fmt: skip
# The orders of the reference's examples of records of versions 3 and 5, as far as they matter.
_EXAMPLES = (
    ("version", "vpc-id", "subnet-id", "instance-id", "interface-id", "account-id", "type",
     "srcaddr", "dstaddr", "srcport", "dstport", "pkt-srcaddr", "pkt-dstaddr", "protocol", "bytes",
     "packets", "start", "end", "action", "tcp-flags", "log-status"),
    ("version", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "start", "end", "type",
     "packets", "bytes", "account-id", "vpc-id", "subnet-id", "instance-id", "interface-id",
     "region", "az-id", "sublocation-type", "sublocation-id", "action", "tcp-flags",
     "pkt-srcaddr", "pkt-dstaddr", "pkt-src-aws-service", "pkt-dst-aws-service", "traffic-path",
     "flow-direction", "log-status"),
)  # fmt: skip
_SHAPES = {
    "srcaddr": re.compile(r"[0-9A-Fa-f.:]{2,45}|-"),
    "dstaddr": re.compile(r"[0-9A-Fa-f.:]{2,45}|-"),
    "srcport": re.compile(r"[0-9]{1,5}|-"),
    "dstport": re.compile(r"[0-9]{1,5}|-"),
    "protocol": re.compile(r"[0-9]{1,3}|-"),
    "start": re.compile(r"[0-9]{9,11}|-"),
    "action": re.compile(r"ACCEPT|REJECT|-"),
    "log-status": re.compile(r"(?:OK|NODATA|SKIPDATA)\"?"),
}


def _unheaded(words: list[str], version: re.Pattern[str]) -> tuple[str, ...] | None:
    """The fields of a record without a header line, by their number and their shapes."""
    if not version.fullmatch(words[0]):
        return None
    names: tuple[str, ...] = DEFAULT
    orders = []
    for later in _LATER:
        names += later
        orders.append(names)
    for order in (*orders, *_EXAMPLES):
        cells = dict(zip(order, words, strict=False))
        fits = (shape.fullmatch(cells.get(name, "")) for name, shape in _SHAPES.items())
        if len(order) == len(words) and all(fits):
            return order
    return None


def _text(names: tuple[str, ...], skip: int, mark: str) -> Layout:
    columns = tuple((name, _NUMBERS.get(name, "string")) for name in names)
    return Layout(
        "AWS VPC Flow Logs",
        "csv",
        canonical,
        columns,
        delimiter=mark,
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


_RECORD = re.compile(
    r"(?=.{0,400}\beni-[0-9a-f]{8,17}\b)(?=.{0,600}\b(?:ACCEPT|REJECT) )[2-9] .{0,600}"
    r"\b[0-9]{9,10} [0-9]{9,10}\b"
)


def _explain_refusal(head: Head) -> str | None:
    if head.lines and _RECORD.match(head.lines[0]):
        return "is a VPC flow log in a custom format: put a line with its field names first"
    return None


FORMATS = (FlowFormat("vpc", "AWS VPC Flow Logs", recognise, _explain_refusal),)
