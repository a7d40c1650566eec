"""Ports that no rule tells apart: what a ruleset does with one of them, it does with all. Pure.

A list of sockets asks about many ports. Rules see a port only where they compare it, look it up in
a map, or send connections to it: two ports for which all of that comes out alike are of one kind.
"""

from __future__ import annotations

from portbook.host.firewall.intervals import Uncollected
from portbook.host.firewall.values import (
    Assign,
    Bits,
    Guard,
    Mapped,
    Rows,
    Rule,
    Ruleset,
    Table,
    Test,
    Translate,
    VerdictMap,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from portbook.host.firewall.values import Field

    _Whose = tuple[str | None, tuple[int, ...] | None]

_MOST_PORTS = 16  # that a guard compares
_PORTS = ("dport", "sport", "ct dport", "ct sport")
_LAST = 65535
_ANYTHING = Guard()


class PortKinds:
    """The kinds of ports of *ruleset*; sets that have ports among their elements are read.

    *among*: those that are asked about (none: any may be). What rules do with others is passed by.
    """

    def __init__(self, ruleset: Ruleset, among: frozenset[int] = frozenset()) -> None:
        self._ruleset, self.among = ruleset, among
        # Intervals, each with the families and protocols of those whose rules tell it from others.
        # Of thousands most are of a single port: these are looked up.
        self._spans: dict[tuple[int, int], dict[_Whose, None]] = {}
        self._wide: list[tuple[int, int]] = []
        self._guard = _ANYTHING  # of the rule that is looked at
        self._apart = False  # a rule does arithmetic with a port: all of them differ
        with Uncollected():
            for table in ruleset.tables:
                for chain in table.chains.values():
                    for rule in chain.rules:
                        if among and self._concerns_none(rule):
                            continue
                        ports = rule.ports()
                        if ports is None:
                            self._look_through(table, rule)
                        elif ports:
                            self._guard = rule.glance() or _ANYTHING
                            for span in ports:
                                self._add(span)

    def _concerns_none(self, rule: Rule) -> bool:
        """Whether a rule does nothing with any of the ports that are asked about."""
        guard = rule.glance()
        spans = None if guard is None else guard.ports
        return spans is not None and not any(
            first <= port <= last for first, last in spans for port in self.among
        )

    def kind(self, port: int, family: str | None = None, protocol: int | None = None) -> Hashable:
        """What ports of one kind, and no others, have in common.

        With a *family* and the number of a *protocol*, they are alike for packets of these.
        """
        if self._apart:
            return port
        return tuple([
            span
            for span in ((port, port), *self._wide)
            if span[0] <= port <= span[1]
            and any(
                (family is None or one in (None, family))
                and (protocol is None or some is None or protocol in some)
                for one, some in self._spans.get(span, ())
            )
        ])  # fmt: skip

    def _look_through(self, table: Table, rule: Rule) -> None:
        statements = rule.statements
        if rule.guard is None:
            rule.guard = guard_of(statements)
        self._guard = rule.guard or _ANYTHING
        for statement in statements:
            self._look_at(table, statement)

    def _look_at(self, table: Table, statement: object) -> None:
        if isinstance(statement, (Test, VerdictMap)):
            self._compared(table, statement.fields, statement.rows)
        elif isinstance(statement, Translate):
            for goal in (statement.address, statement.port):
                self._goal(table, goal)
        elif isinstance(statement, Assign):
            if isinstance(statement.value, Bits):
                field = statement.value.field
                self._apart = self._apart or (field is not None and field.name in _PORTS)
            else:
                self._goal(table, statement.value)

    def _compared(self, table: Table, fields: tuple[Field, ...], rows: Rows | str) -> None:
        places = [place for place, field in enumerate(fields) if field.name in _PORTS]
        if not places:
            return
        self._apart = self._apart or any(fields[place].mask is not None for place in places)
        known = self._ruleset.rows(table, rows) if isinstance(rows, str) else rows
        for row in () if known is None else known.rows:
            for place in places:
                self._add(row[place])

    def _goal(self, table: Table, goal: object) -> None:
        if not isinstance(goal, Mapped):
            self._add(goal)
            return
        self._compared(table, goal.fields, goal.rows)
        rows = self._ruleset.rows(table, goal.rows) if isinstance(goal.rows, str) else goal.rows
        if rows is not None:
            for one in (*(rows.goals or ()), rows.otherwise):
                self._add(one)

    def _add(self, span: object) -> None:
        """Takes an interval of ports; a goal of an address and a port has one of them."""
        if not isinstance(span, tuple) or len(span) < 2:
            return
        first, last = span[0], span[-1]
        if isinstance(first, int) and isinstance(last, int):
            if first <= _LAST:
                whose = self._guard.family, self._guard.protocols
                known = self._spans.get((first, last))
                if known is None:
                    known = self._spans[first, last] = {}
                    if first < last:
                        self._wide.append((first, last))
                known[whose] = None
            return
        for one in span:
            self._add(one)


def guard_of(statements: list[object]) -> Guard | None:
    """What the conditions at the head of a rule need; None where that is nothing to be seen so."""
    family, protocols, ports = None, None, None
    for statement in statements:
        if not isinstance(statement, Test):
            break
        for field in statement.fields:
            if field.name == "sport":  # what depends on it is told, whatever else the rule needs
                return None
            family = family or field.family
            if field.protocols is not None and protocols is None:
                protocols = field.protocols
        (field, *more), rows = statement.fields, statement.rows
        plain = field.name == "dport" and not more and field.mask is None and statement.op == "=="
        if plain and ports is None and isinstance(rows, Rows) and rows.otherwise is None:
            ports = _few_ports(rows)
    guard = Guard(family, protocols, ports)
    return None if guard == Guard() else guard


def _few_ports(rows: Rows) -> tuple[tuple[int, int], ...] | None:
    parts = [row[0] for row in rows.rows]
    spans = tuple([part for part in parts if isinstance(part, tuple)])
    return spans if len(spans) == len(parts) <= _MOST_PORTS else None
