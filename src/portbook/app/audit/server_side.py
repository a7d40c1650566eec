"""Which side of a flow is the service, where the log doesn't say.

A log of packets that passed (AWS VPC Flow Logs, NetFlow) has two addresses with a port each, and a
line for each direction. These rules decide, the first that does:

1. *sign*: the row itself tells (a SYN without ACK comes from the client, one with ACK from the
   service: RFC 9293 §3.5).
2. *range*: both ports are the same, or exactly one is a System Port (RFC 6335 §6).
3. *range*: exactly one is below 32768. No system picks a client's port below it by default
   (:data:`portbook.catalog.practice.lookup` has the ranges: Linux from 32768, others from 49152).
4. *frequency*: one of the ports occurs in at least eight times as many flows as the other. Clients
   change their ports, a service doesn't.
5. *state*: exactly one is assigned, or has a use on record of no more than 16 ports.

What is left is undecidable and counted apart. The first three look at the row alone, so it is
grouped by the port they give; for the rest it is grouped by both ports, which are few such pairs,
and decided after. Frequencies are those of the whole source.
"""

from __future__ import annotations

from portbook.app.audit.flow_schema import transport_of
from portbook.formats.flows.layout import within
from portbook.model import LAST_PORT, SYSTEM_PORTS, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

CLIENTS_FROM = 32768
TIMES = 8

# In ``other``: the row alone has decided. In ``port``: nothing could. No broken log has them.
DECIDED = -(1 << 20)
UNDECIDABLE = -(1 << 20)


def place(columns: Mapping[str, ir.Value]) -> dict[str, ir.Value]:
    """The canonical *columns* of a row with ``port``, and where that takes both, ``other``.

    ``other`` is :data:`DECIDED` where ``port`` is the service's; else they are the source's and
    the destination's port. ``side`` is ``src``, ``dst`` or null. A row with a port
    that is missing, or none, has no ``port``.
    """
    import ibis

    found = dict(columns)
    if "port" in found:
        return found
    src, dst = _narrow(found.pop("src_port")), _narrow(found.pop("dst_port"))
    sign = found.pop("side", None)
    low_src, low_dst = src <= SYSTEM_PORTS.last, dst <= SYSTEM_PORTS.last
    below_src, below_dst = src < CLIENTS_FROM, dst < CLIENTS_FROM
    cases = [
        (src == dst, "dst"),
        (low_dst & ~low_src, "dst"),
        (low_src & ~low_dst, "src"),
        (below_dst & ~below_src, "dst"),
        (below_src & ~below_dst, "src"),
    ]
    side = ibis.cases(*cases, else_=ibis.null("string"))
    if sign is not None:
        side = ibis.coalesce(sign, side)
    # Any bit beyond the sixteen of a port, the sign's too, shows in both numbers together.
    broken = (((src | dst) & ~LAST_PORT) != 0).fill_null(True)
    found["side"] = side
    found["port"] = ibis.cases((broken, ibis.null("int32")), (side == "dst", dst), else_=src)
    decided = broken | side.notnull()
    found["other"] = ibis.ifelse(decided, ibis.literal(DECIDED, "int32"), dst)
    return found


def _narrow(port: ir.Value) -> ir.Value:
    """*port* in 32 bits, wide enough for the marks; null where it is too large, and so no port."""
    if port.type().nbytes > 4:
        port = within(port, 0, LAST_PORT)
    return port.cast("int32")


def resolve(grouped: ir.Table, book: ir.Table) -> ir.Table:
    """*grouped* with ``service``, the port that is the service's, and the ``side`` it is on.

    ``service`` is ``port`` where nothing had to be decided, and :data:`UNDECIDABLE` where nothing
    can be.
    """
    import ibis

    counted = _frequencies(grouped)
    record = book.select(
        record_transport="transport",
        record_port="port",
        known=(book["state"] == str(State.ASSIGNED)) | book["known_use"],
    )
    named = grouped.mutate(transport=transport_of(grouped["protocol"]))
    for column in ("port", "other"):
        many = counted.rename(
            {f"{column}_p": "protocol", f"{column}_n": "number", f"{column}_flows": "flows"}
        )
        named = named.left_join(
            many, [named["protocol"] == many[f"{column}_p"], named[column] == many[f"{column}_n"]]
        ).drop(f"{column}_p", f"{column}_n")
        held = record.rename(
            {
                f"{column}_t": "record_transport",
                f"{column}_r": "record_port",
                f"{column}_known": "known",
            }
        )
        named = named.left_join(
            held, [named["transport"] == held[f"{column}_t"], named[column] == held[f"{column}_r"]]
        ).drop(f"{column}_t", f"{column}_r")
    ours, theirs = named["port_flows"], named["other_flows"]
    known, rival = named["port_known"].fill_null(False), named["other_known"].fill_null(False)
    decided = ibis.cases(
        (ours >= theirs * TIMES, "src"),
        (theirs >= ours * TIMES, "dst"),
        (known & ~rival, "src"),
        (rival & ~known, "dst"),
        else_=ibis.null("string"),
    )
    pair = named["other"].fill_null(DECIDED) != DECIDED
    return named.mutate(
        service=ibis.cases(
            (~pair, named["port"]),
            (decided == "src", named["port"]),
            (decided == "dst", named["other"]),
            else_=ibis.literal(UNDECIDABLE, "int32"),
        ),
        side=ibis.ifelse(pair, decided, ibis.null("string")),
    ).drop("port_flows", "other_flows", "port_known", "other_known", "transport")


def _frequencies(grouped: ir.Table) -> ir.Table:
    """How many flows each port occurs in, as far as it is among those to decide."""
    one = grouped.select("protocol", "flows", number=grouped["port"])
    other = grouped.filter(grouped["other"].fill_null(DECIDED) != DECIDED)
    two = other.select("protocol", "flows", number=other["other"])
    both = one.union(two)
    return both.group_by(["protocol", "number"]).aggregate(flows=both["flows"].sum())


def regroup(marked: ir.Table) -> ir.Table:
    """What :func:`resolve` and :func:`portbook.app.audit.spoken.mark` made, by the service's port
    and what doesn't belong there.
    """
    table = marked
    for made, replaced in (("service", "port"), ("heard", "spoken")):
        if made in table.columns:
            table = table.drop(replaced).rename({replaced: made})
    sums = {name: table[name].sum() for name in ("flows", "bytes", "packets")}
    least = {name: table[name].min() for name in ("least_bytes", "least_packets", "first")}
    return table.group_by(["protocol", "port", "answered", "reach", "spoken"]).aggregate(
        **sums, **least, last=table["last"].max()
    )
