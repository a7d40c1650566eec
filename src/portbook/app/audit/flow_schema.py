"""The canonical table of flows, and what is worked out over it: groups first, verdicts after.

A source, whatever its format, becomes an Ibis table with some of these columns:

=============  ====================================================================
``protocol``   as the log has it: a word (``tcp``) or IANA's protocol number
``port``       the service's port, where the log says which side is the service
``host``       the service's address, there
``src`` …      ``src``, ``dst``, ``src_port``, ``dst_port`` where it doesn't say; then
``side``       ``dst`` or ``src`` where this row gives a sign of it, else null
``first``      when the flow began, and ``last`` when it ended, as the log has them
``bytes``      in both directions, where the log has both; ``packets`` alike
``flows``      how many flows a row stands for; one, where there is no such column
``answered``   false where nothing answered, true or null otherwise
``reach``      ``loopback`` or ``everywhere`` where the bound address is known and is that
``spoken``     what the log calls the protocol that it saw there, if it looks into packets
=============  ====================================================================

Values stay as they were read until they are grouped: what has to be done to each of a billion rows
is what costs. One word for a transport, seconds for a time, and the verdict come after.
"""

from __future__ import annotations

from functools import lru_cache

from portbook._fast_types import NamedTuple
from portbook.app.audit.rules_ibis import findings_column, render_rules
from portbook.model import DYNAMIC_PORTS, LAST_PORT, State, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import ibis.expr.types as ir

# IANA's protocol numbers of the transports (https://www.iana.org/assignments/protocol-numbers);
# UDP-Lite (136) shares UDP's ports (RFC 3828 §2).
NUMBERS = {
    6: Transport.TCP,
    17: Transport.UDP,
    33: Transport.DCCP,
    132: Transport.SCTP,
    136: Transport.UDP,
}
# The words that logs use for them.
WORDS = {
    **{str(transport): transport for transport in Transport},
    **{str(number): transport for number, transport in NUMBERS.items()},
    "udplite": Transport.UDP,
    "tcp6": Transport.TCP,
    "udp6": Transport.UDP,
}

# What a group is of; a source has some of them.
KEYS = ("protocol", "port", "other", "answered", "reach", "spoken")
COUNTS = ("bytes", "packets")
_LACKING = {"other": "int32", "answered": "boolean", "reach": "string", "spoken": "string"}


class Judged(NamedTuple):
    """The columns of a judged group, in the order in which an engine returns them, each in
    the engine's own type.
    """

    protocol: Any
    port: Any
    answered: Any
    reach: Any
    flows: Any
    bytes: Any
    packets: Any
    least_bytes: Any
    least_packets: Any
    first: Any
    last: Any
    spoken: Any
    transport: Any
    state: Any
    findings: Any


def group(flows: ir.Table, least: Mapping[str, int]) -> ir.Table:
    """*flows* by protocol and port (:func:`portbook.app.audit.server_side.place` chose it).

    The columns ``least_bytes`` and ``least_packets`` are there to tell that nothing is negative.
    They are a tenth of the work, which *least* saves: the least value of a column, where it is
    known before a row is read.
    """
    import ibis

    has = set(flows.columns)
    keys = [key for key in KEYS if key in has]
    counted: dict[str, ir.Value] = {
        "flows": flows["flows"].sum() if "flows" in has else flows.count()
    }
    for name in COUNTS:
        if name in has:
            counted[name] = flows[name].sum()
            if name not in least:
                counted[f"least_{name}"] = flows[name].min()
        else:
            counted[name] = counted[f"least_{name}"] = ibis.null("int64")
    began, ended = ("first" in has, "last" in has)
    counted["first"] = flows["first"].min() if began else ibis.null("int64")
    last = "last" if ended else "first"
    counted["last"] = flows[last].max() if began or ended else ibis.null("int64")
    grouped = flows.group_by(keys).aggregate(**counted)
    known = {f"least_{name}": ibis.literal(value, "int64") for name, value in least.items()}
    lacking = {key: ibis.null(kind) for key, kind in _LACKING.items() if key not in keys}
    return grouped.mutate(**known, **lacking)


def transport_of(protocol: ir.Value) -> ir.StringValue:
    """The transport that a protocol, a word or a number, stands for; null where it has no ports."""
    import ibis

    known: Mapping[str, Transport] | Mapping[int, Transport] = NUMBERS
    if protocol.type().is_string():
        protocol, known = protocol.lower(), WORDS
    cases = [(protocol == each, str(transport)) for each, transport in known.items()]
    return ibis.cases(*cases, else_=ibis.null("string"))


def judge_groups(grouped: ir.Table, book: ir.Table) -> ir.Table:
    """*grouped*, each group with its transport, its state and its findings: :class:`Judged`.

    What is ``spoken`` in a group is what doesn't belong there (:mod:`portbook.app.audit.spoken`).
    *book* is the table of :mod:`portbook.app.audit.reference_table`. A group without a transport
    that has ports, or whose port is none, has no state and no findings: it is no service.
    """
    from ibis.expr.operations import UnboundTable

    tables = grouped.op(), book.op()
    # One that is bound would keep its connection from being closed.
    bound = not all(isinstance(each, UnboundTable) for each in tables)
    return (_judged.__wrapped__ if bound else _judged)(*tables)


@lru_cache(maxsize=64)
def _judged(grouped_by: Any, book_of: Any) -> ir.Table:
    """The same, of operations of Ibis's, which are equal to others of the same tables and columns.

    It takes as long as DuckDB takes for thousands of rows, and files of one form lead to it again.
    """
    import ibis

    grouped, book = grouped_by.to_expr(), book_of.to_expr()
    # All that follows is of one select, the columns of which are worked out of the joined tables':
    # each step by itself would be a query within the next.
    named = grouped.mutate(transport=transport_of(grouped["protocol"]))
    held = book.rename(book_transport="transport", book_port="port", book_state="state")
    joined = named.left_join(
        held,
        [named["transport"] == held["book_transport"], named["port"] == held["book_port"]],
    )
    port = joined["port"]
    sound = joined["transport"].notnull() & port.between(0, LAST_PORT).fill_null(False)
    rest = ibis.ifelse(
        port >= DYNAMIC_PORTS.first,
        ibis.literal(str(State.DYNAMIC)),
        ibis.literal(str(State.UNASSIGNED)),
    )
    state = ibis.coalesce(joined["book_state"], rest)
    findings = findings_column(render_rules(facts_of(joined)))
    return joined.select(
        *Judged._fields[:-2],
        state=ibis.ifelse(sound, state, ibis.null("string")),
        findings=ibis.ifelse(sound, findings, ibis.null("int64")),
    )


def facts_of(joined: ir.Table) -> Mapping[str, ir.BooleanValue]:
    """The facts of :data:`portbook.verdict.rules.FACTS` that a group of flows can have.

    *joined* has its columns beside those of the book, which are null where that has no row.
    """
    import ibis

    state = joined["book_state"].fill_null("")
    reach = joined["reach"].fill_null("")
    return {
        "assigned": state == str(State.ASSIGNED),
        "reserved": state == str(State.RESERVED),
        "unassigned": (state == str(State.UNASSIGNED))
        | ((state == "") & (joined["port"] < DYNAMIC_PORTS.first)),
        "loopback": reach == "loopback",
        "wildcard": reach == "everywhere",
        "exposed": reach == "everywhere",
        "known-use": joined["known_use"].fill_null(False),
        "use-fits": joined["known_use"].fill_null(False),
        "abuse-on-record": joined["abuse"].fill_null(False),
        "reachable": reach != "loopback",
        "risky-service": joined["risky"].fill_null(False),
        "dangerous": joined["dangerous"].fill_null(False),
        "speaks-otherwise": joined["spoken"].notnull(),
        "unasked": ibis.literal(True),
    }
