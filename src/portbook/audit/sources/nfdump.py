"""nfdump's CSV (``nfdump -o csv``), in the columns of 1.6 and 1.7.1 and in those of later ones.

A record is of one direction, unless the exporter made it of both: then ``ipkt`` and ``opkt`` are
both counted. Times are those of the zone that nfdump ran in, which the file doesn't name: they are
taken for UTC.
"""

from __future__ import annotations

from portbook.audit.sources.layout import Head, Layout, either

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.audit.sources.layout import Columns

_OLD = {"ts": "first", "te": "last", "sa": "src", "da": "dst", "sp": "src_port", "dp": "dst_port"}
_NEW = {
    "firstSeen": "first", "lastSeen": "last", "srcAddr": "src", "dstAddr": "dst",
    "srcPort": "src_port", "dstPort": "dst_port", "proto": "protocol", "packets": "packets",
    "bytes": "bytes", "flows": "flows",
}  # fmt: skip
_NUMBERS = {"srcPort", "ipkt", "ibyt", "opkt", "obyt", "packets", "bytes", "flows", "sp"}


def recognise(head: Head) -> Layout | None:
    """By the names in the first line."""
    if not head.lines:
        return None
    names = tuple(name.strip() for name in head.lines[0].split(","))
    if not ({"ts", "sa", "da", "sp", "dp", "pr"} <= set(names) or "srcAddr" in names):
        return None
    # The destination port of ICMP is its type and code, as 8.0.
    columns = tuple((name, "int64" if name in _NUMBERS else "string") for name in names)
    return Layout(
        "nfdump CSV", "csv", canonical, columns, skip=1, no_rows=("Summary", "flows,bytes,packets")
    )


def canonical(table: ir.Table) -> Columns:
    """The columns of nfdump as the canonical ones."""
    has = set(table.columns)
    found: dict[str, ir.Value] = {}
    for theirs, ours in (_NEW if "srcAddr" in has else _OLD).items():
        if theirs in has:
            found[ours] = table[theirs]
    if "pr" in has:
        found["protocol"] = table["pr"]
        found["packets"] = either(table["ipkt"], table["opkt"])
        found["bytes"] = either(table["ibyt"], table["obyt"])
    found["protocol"] = found["protocol"].strip()
    for port in ("src_port", "dst_port"):
        if found[port].type().is_string():
            found[port] = found[port].try_cast("int64")
    for address in ("src", "dst"):
        found[address] = found[address].strip()
    return found
