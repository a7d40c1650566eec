"""Google Cloud's VPC flow logs and firewall rule logs, as Cloud Logging exports them in JSON.

The fields are those of https://docs.cloud.google.com/vpc/docs/about-flow-logs-records and of
https://docs.cloud.google.com/firewall/docs/firewall-rules-logging. A record is of one direction,
and where both ends log, there is one of each. Records of other logs are counted and left out.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import NO_FLOW, Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns, Head

_CONNECTION = (
    "struct<src_ip: string, src_port: int64, dest_ip: string, dest_port: int64, protocol: int64>"
)
_PAYLOAD = (
    f"struct<connection: {_CONNECTION}, bytes_sent: string, packets_sent: string, "
    "start_time: string, end_time: string, disposition: string>"
)
_COLUMNS = (("timestamp", "string"), ("logName", "string"), ("jsonPayload", _PAYLOAD))
_MARK = re.compile(r'"connection"\s*:\s*\{[^{}]{0,400}"(?:dest_ip|src_ip)"')


def recognise(head: Head) -> Layout | None:
    """By a connection in a payload, in the first lines."""
    start = "".join(head.lines)
    if '"jsonPayload"' not in start or not _MARK.search(start):
        return None
    one_line = head.lines[0].rstrip().endswith("}")
    return Layout(
        "Google Cloud flow log", "json", _canonical, _COLUMNS,
        spread=not one_line and start.lstrip().startswith("{"),
    )  # fmt: skip


def _canonical(table: ir.Table) -> Columns:
    """The fields of a record."""
    import ibis

    payload = table["jsonPayload"]
    connection = payload["connection"]
    lacks = connection.isnull() & table["logName"].notnull()
    return {
        "protocol": ibis.ifelse(lacks, NO_FLOW, connection["protocol"].cast("string")),
        "src": connection["src_ip"],
        "dst": connection["dest_ip"],
        "src_port": connection["src_port"],
        "dst_port": connection["dest_port"],
        "first": ibis.coalesce(payload["start_time"], table["timestamp"]),
        "last": ibis.coalesce(payload["end_time"], payload["start_time"], table["timestamp"]),
        "bytes": payload["bytes_sent"],
        "packets": payload["packets_sent"],
        "answered": (payload["disposition"] != "DENIED").fill_null(True),
    }


FORMATS = (FlowFormat("gcp", "Google Cloud's VPC flow and firewall logs", recognise),)
