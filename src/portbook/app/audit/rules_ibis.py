"""The rules of the verdict as one Ibis expression.

:data:`portbook.verdict.rules.RULES` is the only table. Here each rule becomes a column, and the
facts are boolean columns. What a table of flows can't know (who holds the socket, whether its
executable was deleted) is no column: such a fact is false, and a rule that needs it isn't rendered.

The findings of a row are one number: a rule has a digit of it, which is 0 where the rule doesn't
apply, else the rank of its level and one. A database adds numbers sooner than it joins words, and
numbers take no room in it.
"""

from __future__ import annotations

from functools import cache, reduce
from operator import add

from portbook.model import Level
from portbook.verdict.rules import RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from portbook.verdict.rules import Rule

LEVELS = tuple(Level)

_BASE = len(LEVELS) + 1
# The number must fit 64 bits with a sign: there is room for 27 rules.
_PLACES = {rule.code: _BASE**place for place, rule in enumerate(RULES)}


def render_rules(facts: Mapping[str, ir.BooleanValue]) -> dict[str, ir.IntegerValue]:
    """For each rule that *facts* could fulfil, what it adds to the number of all findings.

    *facts* maps words of :data:`portbook.verdict.rules.FACTS` to boolean columns without nulls. A
    fact that isn't in it is false.
    """
    import ibis

    known = dict(facts)
    columns: dict[str, ir.IntegerValue] = {}
    for rule in RULES:
        if any(fact not in known for fact in rule.needs):
            continue
        applies = _all(
            [known[fact] for fact in rule.needs], [known[f] for f in rule.unless if f in known]
        )
        adds = _number(rule, rule.level)
        # The first shift that applies decides: it is the outermost.
        for shifted, needs in reversed(rule.shifts):
            if all(fact in known for fact in needs):
                when = _all([known[fact] for fact in needs], [])
                adds = ibis.ifelse(when, _number(rule, shifted), adds)
        columns[rule.code] = ibis.ifelse(applies, adds, ibis.literal(0, "int64"))
        if rule.settles:
            settled = known.get("settled")
            known["settled"] = applies if settled is None else settled | applies
    return columns


def _number(rule: Rule, level: Level) -> ir.IntegerValue:
    import ibis

    return ibis.literal((level.rank + 1) * _PLACES[rule.code], "int64")


def _all(needs: Sequence[ir.BooleanValue], unless: Sequence[ir.BooleanValue]) -> ir.BooleanValue:
    import ibis

    found: ir.BooleanValue | None = None
    for each in (*needs, *(~fact for fact in unless)):
        found = each if found is None else found & each
    return ibis.literal(True) if found is None else found


def findings_column(columns: Mapping[str, ir.IntegerValue]) -> ir.IntegerValue:
    """All findings of a row as one number, from what :func:`render_rules` made."""
    # The greatest comes first: it is beyond 32 bits, so that no engine adds in fewer than 64.
    return reduce(add, reversed([*columns.values()]))


@cache
def read_findings(number: int) -> tuple[tuple[str, Level], ...]:
    """What :func:`findings_column` made, as codes with their levels: the most serious first.

    >>> read_findings(0)
    ()
    >>> read_findings(1)
    (('risky-exposed', <Level.OK: 'ok'>),)
    """
    found = []
    for code in _PLACES:
        number, digit = divmod(number, _BASE)
        if digit:
            found.append((code, LEVELS[digit - 1]))
    found.sort(key=lambda each: -each[1].rank)  # stable: the rules' order within a level
    return tuple(found)
