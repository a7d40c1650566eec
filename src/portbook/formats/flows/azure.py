"""Azure's flow logs: those of network security groups (versions 1 and 2) and of virtual networks.

The fields are those of
https://learn.microsoft.com/azure/network-watcher/nsg-flow-logs-overview and
https://learn.microsoft.com/azure/network-watcher/vnet-flow-logs-overview. A tuple's destination is
the side that the connection was opened to. Each tuple is counted as a flow, also those of one
connection that goes on or ends; only these have counts, in both directions.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Layout, either

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns, Head

_GROUP = "struct<rule: string, flowTuples: array<string>>"
_RECORD = (
    "struct<category: string, "
    "properties: struct<flows: array<struct<rule: string, flows: array<struct<mac: string, "
    "flowTuples: array<string>>>>>>, "
    f"flowRecords: struct<flows: array<struct<aclID: string, flowGroups: array<{_GROUP}>>>>>"
)
_RECORDS = re.compile(r'"records"\s*:\s*\[')
_TUPLES = re.compile(r'"flowTuples"\s*:\s*\[|"flowRecords"|"NetworkSecurityGroupFlowEvent"')


def recognise(head: Head) -> Layout | None:
    """By its records beside its tuples, of which the first lines have the beginning."""
    start = "".join(head.lines)
    if not start.lstrip().startswith("{") or not _TUPLES.search(start):
        return None
    if not _RECORDS.search(start[:4096]):
        return None
    return Layout(
        "Azure flow log",
        "json",
        _canonical,
        (("records", f"array<{_RECORD}>"),),
        prepare=_tuples,
        spread=True,
    )


def _tuples(table: ir.Table) -> ir.Table:
    """A row for each tuple."""
    record = table.mutate(record=table["records"].unnest())
    record = record.mutate(
        # What one of the two has, the other lacks: both are made one list of lists.
        groups=record["record"]["properties"]["flows"]
        .map(lambda rule: rule["flows"].map(lambda flow: flow["flowTuples"]))
        .fill_null([])
        .concat(
            record["record"]["flowRecords"]["flows"]
            .map(lambda acl: acl["flowGroups"].map(lambda group: group["flowTuples"]))
            .fill_null([])
        )
    ).drop("records", "record")
    lists = record.mutate(lists=record["groups"].flatten()).drop("groups")
    texts = lists.mutate(text=lists["lists"].flatten().unnest()).drop("lists")
    return texts.mutate(cells=texts["text"].split(","))


def _canonical(table: ir.Table) -> Columns:
    """The fields of a tuple."""
    import ibis

    cells = table["cells"]

    def number(place: int) -> ir.Value:
        return cells[place].try_cast("int64")

    protocol, time = cells[5], cells[0].try_cast("float64")
    # Version 1 has nothing behind the decision; a virtual network's state holds it too.
    decision = ibis.coalesce(cells[7].nullif(""), "")
    # A flow that begins, or is denied, has no counts yet: a virtual network's log writes zeros.
    counted = ~decision.isin(["B", "D"])

    def both(one: int, other: int) -> ir.Value:
        return ibis.ifelse(counted, either(number(one), number(other)), ibis.null("int64"))

    return {
        "protocol": ibis.cases((protocol == "T", "tcp"), (protocol == "U", "udp"), else_=protocol),
        "port": number(4),
        "host": cells[2],
        "peer": cells[1],
        "first": ibis.ifelse(time > 1e11, time / 1000, time),
        "packets": both(9, 11),
        "bytes": both(10, 12),
        "answered": ~(decision == "D"),
    }


FORMATS = (FlowFormat("azure", "Azure's NSG and virtual network flow logs", recognise),)
