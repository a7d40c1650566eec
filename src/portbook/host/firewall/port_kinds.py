"""Ports that no rule tells apart: what a ruleset does with one of them, it does with all. Pure.

A list of sockets asks about many ports. Rules see a port only where they compare it, look it up in
a map, or send connections to it: two ports for which all of that comes out alike are of one kind.
"""

from __future__ import annotations

from portbook.host.firewall.values import (
    Assign,
    Bits,
    Mapped,
    Rows,
    Ruleset,
    Table,
    Test,
    Translate,
    Uncollected,
    VerdictMap,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from portbook.host.firewall.values import Field

_PORTS = ("dport", "sport", "ct dport", "ct sport")
_LAST = 65535


class PortKinds:
    """The kinds of ports of *ruleset*; sets that have ports among their elements are read."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._spans: dict[tuple[int, int], None] = {}
        self._apart = False  # a rule does arithmetic with a port: all of them differ
        with Uncollected():
            for table in ruleset.tables:
                for chain in table.chains.values():
                    for rule in chain.rules:
                        for statement in rule:
                            self._look_at(table, statement)

    def kind(self, port: int) -> Hashable:
        """What ports of one kind, and no others, have in common."""
        if self._apart:
            return port
        return tuple([span for span in self._spans if span[0] <= port <= span[1]])

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
                self._spans[first, last] = None
            return
        for one in span:
            self._add(one)
