"""Suricata's ``eve.json``: its records of type ``flow``; the others repeat them (``netflow`` has
a record for each direction), or are no flows.

The fields are those of https://docs.suricata.io/en/latest/output/eve/eve-json-format.html. A flow's
destination is the side that the first packet went to: the service.
"""

from __future__ import annotations

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Head, Layout, either, parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

_FLOW = (
    "struct<pkts_toserver: int64, pkts_toclient: int64, bytes_toserver: int64, "
    "bytes_toclient: int64, start: string, end: string>"
)
_COLUMNS = (
    ("timestamp", "string"),
    ("event_type", "string"),
    ("src_ip", "string"),
    ("src_port", "int64"),
    ("dest_ip", "string"),
    ("dest_port", "int64"),
    ("proto", "string"),
    ("app_proto", "string"),
    (
        "flow",
        _FLOW,
    ),
)


def recognise(head: Head) -> Layout | None:
    """By an ``event_type`` beside a ``timestamp`` in one of the first lines."""
    for line in head.lines[:5]:
        if '"event_type"' not in line:
            continue
        row = parse_json(line)
        if isinstance(row, dict) and {"timestamp", "event_type"} <= set(row):
            return Layout("Suricata eve.json", "json", canonical, _COLUMNS)
    return None


def canonical(table: ir.Table) -> Columns:
    """The columns of eve.json as the canonical ones; ``flow`` is false for what is no flow."""
    flow = table["flow"]
    toclient = flow["pkts_toclient"]
    return {
        "flow": (table["event_type"] == "flow").fill_null(True),
        "protocol": table["proto"],
        "port": table["dest_port"],
        "host": table["dest_ip"],
        "peer": table["src_ip"],
        "first": flow["start"],
        "last": flow["end"],
        "bytes": either(flow["bytes_toserver"], flow["bytes_toclient"]),
        "packets": either(flow["pkts_toserver"], toclient),
        "spoken": table["app_proto"],
        "answered": ~((table["proto"] == "TCP") & (toclient == 0)).fill_null(False),
    }


FORMATS = (FlowFormat("suricata", "Suricata's eve.json", recognise),)
