"""The rules of the verdict as one Ibis expression.

:data:`portbook.verdict.rules.RULES` is the only table. Here each rule becomes a column that holds
the rank of the level it applies at, or null where it doesn't apply; the facts are boolean columns.
What a table of flows can't know (who holds the socket, whether its executable was deleted) is no
column: such a fact is false, and a rule that needs it isn't rendered at all.
"""

from __future__ import annotations

from portbook.model import Level
from portbook.verdict.rules import RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from portbook.verdict.rules import Rule

LEVELS = tuple(Level)

# What stands between two findings, and between a code and its level, in the column of all.
BETWEEN, IS = ",", "="


def render_rules(
    facts: Mapping[str, ir.BooleanValue], rules: Sequence[Rule] = RULES
) -> dict[str, ir.IntegerValue]:
    """For each rule that *facts* could fulfil, the rank of its level where it applies, else null.

    *facts* maps words of :data:`portbook.verdict.rules.FACTS` to boolean columns without nulls. A
    fact that isn't in it is false.
    """
    import ibis

    known = dict(facts)
    columns: dict[str, ir.IntegerValue] = {}
    for rule in rules:
        if any(fact not in known for fact in rule.needs):
            continue
        applies = _all(
            [known[fact] for fact in rule.needs], [known[f] for f in rule.unless if f in known]
        )
        level = ibis.literal(rule.level.rank, "int8")
        # The first shift that applies decides: it is the outermost.
        for shifted, needs in reversed(rule.shifts):
            if all(fact in known for fact in needs):
                when = _all([known[fact] for fact in needs], [])
                level = ibis.ifelse(when, ibis.literal(shifted.rank, "int8"), level)
        columns[rule.code] = ibis.ifelse(applies, level, ibis.null("int8"))
        if rule.settles:
            settled = known.get("settled")
            known["settled"] = applies if settled is None else settled | applies
    return columns


def _all(needs: Sequence[ir.BooleanValue], unless: Sequence[ir.BooleanValue]) -> ir.BooleanValue:
    import ibis

    found: ir.BooleanValue | None = None
    for each in (*needs, *(~fact for fact in unless)):
        found = each if found is None else found & each
    return ibis.literal(True) if found is None else found


def findings_column(columns: Mapping[str, ir.IntegerValue]) -> ir.StringValue:
    """All findings of a row as one text, in the order of the table: ``known-use=1,unknown=1``."""
    import ibis

    parts = []
    for code, rank in columns.items():
        said = ibis.cases(
            *((rank == level.rank, f"{BETWEEN}{code}{IS}{level.rank}") for level in LEVELS),
            else_="",
        )
        parts.append(said)
    whole: ir.StringValue = ibis.literal("")
    for part in parts:
        whole = whole + part
    return whole.substr(len(BETWEEN))


def read_findings(said: str) -> tuple[tuple[str, Level], ...]:
    """What :func:`findings_column` wrote, as codes with their levels.

    >>> read_findings("known-use=1,unregistered-port=1")[0]
    ('known-use', <Level.NOTE: 'note'>)
    >>> read_findings("")
    ()
    """
    pairs = (each.split(IS) for each in said.split(BETWEEN) if each)
    return tuple((code, LEVELS[int(rank)]) for code, rank in pairs)
