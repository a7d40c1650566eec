"""osquery's ``listening_ports``, of one machine or of a fleet.

Results as osqueryd logs them (https://osquery.readthedocs.io/en/stable/deployment/logging/): a line
for each row that was added or removed, or for each snapshot; and the array that
``osqueryi --json`` prints. The address is the one that the socket is bound to.
"""

from __future__ import annotations

import json

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Head, Layout, parse_json, port_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

_ROW = "struct<port: string, protocol: string, address: string, family: string, pid: string>"
_LOG = (("hostIdentifier", "string"), ("unixTime", "int64"), ("action", "string"))


def recognise(head: Head) -> Layout | None:
    """By the columns ``port``, ``protocol`` and ``address``, where osquery puts them."""
    start = "".join(head.lines).lstrip()
    if start.startswith("["):
        row = _first_of(start)
        if row is not None and set(row) >= _NEEDED and "pid" in row:
            columns = tuple((name, "string") for name in ("port", "protocol", "address", "family"))
            return Layout("osquery listening_ports", "json", _plain, columns)
        return None
    for line in head.lines[:20]:
        value = parse_json(line)
        if not isinstance(value, dict):
            return None
        inner = value.get("columns")
        if isinstance(inner, dict) and set(inner) >= _NEEDED:
            return Layout("osquery listening_ports", "json", _logged, (*_LOG, ("columns", _ROW)))
        snapshot = value.get("snapshot")
        first = snapshot[0] if isinstance(snapshot, list) and snapshot else None
        if isinstance(first, dict) and set(first) >= _NEEDED:
            return Layout(
                "osquery listening_ports (snapshots)",
                "json",
                _snapshot,
                (*_LOG, ("snapshot", f"array<{_ROW}>")),
                prepare=_unnest,
            )
    return None


_NEEDED = {"port", "protocol", "address"}


def _first_of(array: str) -> dict[str, object] | None:
    """The first object of a JSON array of which only the beginning is there."""
    try:
        value, _ = json.JSONDecoder().raw_decode(array[1:].lstrip())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _canonical(row: ir.Value, keep: ir.BooleanValue) -> dict[str, ir.Value]:
    import ibis

    address = row["address"]
    port = port_number(row["port"])
    wildcard = address.isin(("0.0.0.0", "::", "::ffff:0.0.0.0"))
    loopback = (address == "::1") | address.startswith("127.")
    return {
        # Port 0: a socket that is bound to no port, such as a raw or a Unix one.
        "flow": (keep & (port != 0)).fill_null(False),
        "protocol": row["protocol"],
        "port": port,
        "reach": ibis.cases(
            (wildcard, "everywhere"), (loopback, "loopback"), else_=ibis.null("string")
        ),
    }


def _plain(table: ir.Table) -> Columns:
    import ibis

    return {**_canonical(table, ibis.literal(True)), "host": table["address"]}


def _logged(table: ir.Table) -> Columns:
    gone = (table["action"] == "removed").fill_null(False)
    return _of_host(table, _canonical(table["columns"], ~gone))


def _unnest(table: ir.Table) -> ir.Table:
    return table.mutate(row=table["snapshot"].unnest())


def _snapshot(table: ir.Table) -> Columns:
    import ibis

    return _of_host(table, _canonical(table["row"], ibis.literal(True)))


def _of_host(table: ir.Table, found: dict[str, ir.Value]) -> Columns:
    return {**found, "host": table["hostIdentifier"], "first": table["unixTime"]}


FORMATS = (FlowFormat("osquery", "osquery's listening_ports", recognise),)
