"""nfdump's CSV (``nfdump -o csv``), in the columns of 1.6 and 1.7.1 and in those of later ones.

A record is of one direction, unless the exporter made it of both: then ``ipkt`` and ``opkt`` are
both counted. Times are those of the zone that nfdump ran in, which the file doesn't name: they are
taken for UTC.
"""

from __future__ import annotations

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Head, Layout, either, unique_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

_OLD = {"ts": "first", "te": "last", "sa": "src", "da": "dst", "sp": "src_port", "dp": "dst_port"}
_NEW = {
    "firstSeen": "first", "lastSeen": "last", "srcAddr": "src", "dstAddr": "dst",
    "srcPort": "src_port", "dstPort": "dst_port", "proto": "protocol", "packets": "packets",
    "bytes": "bytes", "flows": "flows",
}  # fmt: skip
_OLD_NEEDED = {"ts", "sa", "da", "sp", "dp", "pr"}
_NEW_NEEDED = {"srcAddr", "dstAddr", "srcPort", "dstPort", "proto"}
_NUMBERS = {"srcPort", "ipkt", "ibyt", "opkt", "obyt", "packets", "bytes", "flows", "sp"}


def recognise(head: Head) -> Layout | None:
    """By the names in the first line."""
    if not head.lines:
        return None
    names = unique_names(name.strip() for name in head.lines[0].split(","))
    if not (set(names) >= _OLD_NEEDED or set(names) >= _NEW_NEEDED):
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
    for theirs, ours in (_NEW if has >= _NEW_NEEDED else _OLD).items():
        if theirs in has:
            found[ours] = table[theirs]
    if "protocol" not in found:
        found["protocol"] = table["pr"]
        found |= {
            ours: either(table[one], table[other])
            for ours, one, other in (("packets", "ipkt", "opkt"), ("bytes", "ibyt", "obyt"))
            if {one, other} <= has
        }
    found["protocol"] = found["protocol"].strip()
    for address in ("src", "dst"):
        found[address] = found[address].strip()
    return found


FORMATS = (FlowFormat("nfdump", "nfdump -o csv", recognise),)
