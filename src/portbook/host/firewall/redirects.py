"""Redirects of ports by the kernel's address translation: what a port is really answered by.

"Nothing listens on 8080" and "8080 is redirected to 172.17.0.2:80" can both be true. Of the rules
of this network namespace, those are found that *can* redirect a port: the order of rules, and rules
that end a chain early, are not played through, and the conditions of each rule along the way are
given instead. Redirects that are not address translation (TPROXY, IPVS, eBPF programs) are not
seen.
"""

from __future__ import annotations

import os
import sys

from portbook._fast_types import NamedTuple
from portbook.errors import shown
from portbook.host.firewall import generation, kernel_may_translate, legacy_nat
from portbook.host.firewall.nat_packets import (
    FOLLOWED,
    Packets,
    Unknown,
    packets_having,
    packets_of_numbers,
    packets_of_row,
    target_of,
)
from portbook.host.firewall.values import (
    Chain,
    Chance,
    Mapped,
    Rows,
    Rule,
    Ruleset,
    Table,
    Test,
    Translate,
    Unclear,
    Verdict,
    VerdictMap,
)
from portbook.model import Family, Gap, GapCode, Need, Transport, host_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.host.firewall.nat_packets import Target
    from portbook.host.firewall.values import Field
    from portbook.host.run_tool import Printed

# The hooks at which a destination can be translated: connections that come in, and this
# machine's own (nft(8), "nat" chain type).
_HOOKS = ("prerouting", "output")
_SECONDS = 2.0
# libnftables-json(5); "xt" is what iptables keeps there
_REDIRECTING = ("dnat", "redirect", "xt")
_DEPTH = 16  # the kernel's own limit on nested jumps (NFT_JUMP_STACK_SIZE)
# Chains branch: what is followed is bounded by how many rules and elements there are.
_STEPS_AT_LEAST, _STEPS_AT_MOST = 2_000, 200_000
_STEPS_A_RULE, _STEPS_AN_ELEMENT = 20, 8
_FAMILIES = {"ip": Family.IPV4, "ip6": Family.IPV6}


class Redirect(NamedTuple):
    """One rule that sends connections to another port, another address or both.

    ``first`` to ``last`` are the ports it holds for; ``transport`` and ``family`` are None where
    the rule names none. ``to_address`` is None where the rule leaves the address or, for a
    REDIRECT, sets this machine's own; it is a range as text where the rule has one. ``to_first``
    is None where the port stays. ``hooks`` say whether it holds for connections that come in
    (``prerouting``), for this machine's own (``output``) or both. ``conditions`` are what else
    must be true, in the words of ``source``: nftables, iptables or ip6tables.
    """

    transport: Transport | None
    first: int
    last: int
    to_address: str | None
    to_first: int | None
    to_last: int | None
    family: Family | None
    source: str
    chain: str
    text: str
    conditions: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()

    @property
    def to(self) -> str:
        """Where connections go: an address, a port or both, as in ``172.17.0.2:80``."""
        host = self.to_address or "this machine"
        if self.to_first is None:
            return host
        last = "" if self.to_last in (None, self.to_first) else f"-{self.to_last}"
        return f"{host_port(host, self.to_first)}{last}"

    def holds_for(self, port: int | None, transport: Transport | None) -> bool:
        """Whether it can concern *port* over *transport*; None stands for any."""
        return (port is None or self.first <= port <= self.last) and (
            transport is None or self.transport in (None, transport)
        )


class NatRules(NamedTuple):
    """The redirects found, and the text of each rule that may be one but wasn't understood."""

    redirects: tuple[Redirect, ...]
    not_understood: tuple[str, ...] = ()


# -- reading ----------------------------------------------------------------------------------


def read_redirects(
    port: int | None = None, transport: Transport | None = None
) -> tuple[tuple[Redirect, ...], tuple[Gap, ...]]:
    """The redirects of *port* over *transport* (None: of all), and what could not be seen.

    It runs nft and iptables-save, as :mod:`portbook.host.firewall.ruleset` does. Where the kernel
    tracks no connections there can be no address translation, and nothing is run: ``((), ())``.
    """
    if not sys.platform.startswith("linux"):
        return (), (Gap(GapCode.NAT_UNSUPPORTED),)
    if not kernel_may_translate():
        return (), ()
    if os.geteuid() != 0:
        return (), (Gap(GapCode.NAT_HIDDEN, needs=Need.ROOT),)
    from portbook.host.firewall.ruleset import find_and_run, read_ruleset

    installed = set()

    def tool(argv: list[str], seconds: float) -> Printed | None:
        done = find_and_run(argv, seconds)
        if done is not None:
            installed.add(argv[0])
        return done

    ruleset = read_ruleset(_SECONDS, tool, generation, words=_REDIRECTING)
    rules = redirects_of(ruleset)
    found = tuple(each for each in rules.redirects if each.holds_for(port, transport))
    missing = [_of_nat(gap, bool(installed)) for gap in ruleset.gaps]
    if rules.not_understood:
        first, count = shown(rules.not_understood[0], 120), len(rules.not_understood)
        missing.append(Gap(GapCode.NAT_UNCLEAR, detail=first, number=count))
    return found, tuple(dict.fromkeys(gap for gap in missing if gap is not None))


def _of_nat(gap: Gap, installed: bool) -> Gap | None:
    """*gap* of all rules as one of those of NAT; None where those have none."""
    if gap.code is GapCode.FIREWALL_UNREADABLE:
        return gap._replace(code=GapCode.NAT_UNREADABLE)
    if gap.code is not GapCode.FIREWALL_NO_TOOL:
        return gap
    if gap.subject == "nft":
        code = GapCode.NAT_NO_NFT if installed else GapCode.NAT_NO_TOOL
        return gap._replace(code=code, subject=None)
    older = str(gap.subject).partition("-")[0]
    if not legacy_nat("ip6" if older == "ip6tables" else "ip"):
        return None
    return gap._replace(code=GapCode.NAT_NO_LEGACY, subject=older)


# -- following --------------------------------------------------------------------------------


class _Goal(NamedTuple):
    """What a rule does to *packets*: jumps to a chain, or sends them to a target."""

    packets: Packets
    jump: str | None
    target: Target = (None, None, None)


class _Read(NamedTuple):
    """A rule worked out. Not ``understood``: it may do more than its goals say."""

    rule: Rule
    goals: list[_Goal]
    understood: bool


class _TooMuch(Exception):
    """More steps than a ruleset of this size is worth."""


def redirects_of(ruleset: Ruleset) -> NatRules:
    """The rules that can translate a destination, reached from a nat chain at its hook.

    Those of iptables come first, and each table's in order. Sets are read where a rule needs them.
    """
    search = _Search(ruleset)
    tables = sorted(ruleset.tables, key=_place)
    try:
        for place in dict.fromkeys(map(_place, tables)):
            for hook in _HOOKS:
                for table in tables:
                    if _place(table) == place and not table.dormant:
                        search.enter(hook, table)
    except _TooMuch:
        told = f"the chains branch in more than {search.allowed:,} ways; the rest was left out"
        search.unclear[told] = None
    found = tuple(redirect._replace(hooks=seen) for redirect, seen in search.hooks.items())
    return NatRules(found, tuple(search.unclear))


def _place(table: Table) -> tuple[int, str]:
    own = table.source == "nftables" and not table.foreign
    return (1, "") if own else (0, table.family)


class _Search:
    """A walk along all jumps. ``hooks`` are those from which each redirect was reached."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        rules = sum(len(chain.rules) for table in ruleset.tables for chain in table.chains.values())
        self.allowed = min(_STEPS_AT_MOST, _STEPS_AT_LEAST + _STEPS_A_RULE * rules)
        self._left = self.allowed
        self.hooks: dict[Redirect, tuple[str, ...]] = {}
        self.unclear: dict[str, None] = {}
        self._known: dict[Chain, list[_Read]] = {}
        self._counted: set[Rows] = set()
        self._jumped: set[tuple[str, Chain, Packets]] = set()
        self._hook = ""

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _TooMuch

    def enter(self, hook: str, table: Table) -> None:
        """Follows the chains of *table* that translate addresses at *hook*."""
        self._hook = hook
        for chain in table.chains.values():
            if chain.hook is not None and (chain.hook.kind, chain.hook.name) == ("nat", hook):
                packets = Packets(family=_FAMILIES.get(table.family))
                self._chain(table, chain, packets, (chain,))

    def _chain(self, table: Table, chain: Chain, packets: Packets, path: tuple[Chain, ...]) -> None:
        reads = self._known.get(chain)
        if reads is None:
            reads = self._known[chain] = [self._read(table, rule) for rule in chain.rules]
        for read in reads:
            self._spend(1)
            if not read.understood:
                self.unclear[f"{_where(read.rule)}: {read.rule.text.text}"] = None
            for goal in read.goals:
                self._spend(packets.weight + goal.packets.weight - 1)
                reached = packets.narrowed(goal.packets)
                if reached is None:
                    continue
                if goal.jump is None:
                    self._found(table, read.rule, reached, goal)
                    continue
                to = table.chains.get(goal.jump)
                if to is not None and to not in path and len(path) < _DEPTH:
                    jump = (self._hook, to, reached)
                    if jump not in self._jumped:  # the same packets find the same rules there
                        self._jumped.add(jump)
                        self._chain(table, to, reached, (*path, to))

    def _found(self, table: Table, rule: Rule, packets: Packets, goal: _Goal) -> None:
        source = "ip6tables" if (rule.tool, table.family) == ("iptables", "ip6") else rule.tool
        pairs, text = packets.ports.pairs(), rule.text.text
        for transport, conditions in packets.transports():
            self._spend(len(pairs) * (1 + len(conditions) // 8))
            for first, last in pairs:
                redirect = Redirect(
                    transport, first, last, *goal.target, packets.family, source, _where(rule),
                    text, conditions,
                )  # fmt: skip
                known = self.hooks.get(redirect, ())
                self.hooks[redirect] = known if self._hook in known else (*known, self._hook)

    # -- a rule -------------------------------------------------------------------------------

    def _read(self, table: Table, rule: Rule) -> _Read:
        rule = rule.twin or rule
        packets, understood = [Packets()], True
        goals: list[_Goal] = []
        for statement, text in rule.told():
            try:
                if isinstance(statement, Test):
                    packets = self._narrowed(packets, self._tested(table, statement, text))
                elif isinstance(statement, Chance):
                    packets = self._narrowed(packets, [Packets(conditions=(text,))])
                else:
                    for goal in self._done(table, statement):
                        each = self._narrowed(packets, [goal.packets])
                        goals += [goal._replace(packets=one) for one in each]
            except Unknown:
                understood = False
            if not packets:
                break
        return _Read(rule, goals, understood)

    def _done(self, table: Table, statement: object) -> Iterator[_Goal]:
        """What a statement does to packets. Raises Unknown where it may do more."""
        if isinstance(statement, Translate):
            yield from self._targets(table, statement)
        elif isinstance(statement, Unclear):
            raise Unknown
        elif isinstance(statement, Verdict):
            if statement.kind in ("jump", "goto"):
                yield _Goal(Packets(), statement.target)
        elif isinstance(statement, VerdictMap):
            for packets, verdict in self._looked_up(table, statement.fields, statement.rows):
                if not isinstance(verdict, Verdict):
                    raise Unknown
                if verdict.kind in ("jump", "goto"):
                    yield _Goal(packets, verdict.target)

    def _narrowed(self, packets: list[Packets], others: list[Packets]) -> list[Packets]:
        left, right = (sum(each.weight for each in some) for some in (packets, others))
        self._spend(left * len(others) + right * len(packets) - 2)
        both = [each.narrowed(other) for each in packets for other in others]
        return [each for each in both if each is not None]

    def _rows(self, table: Table, rows: Rows | str) -> Rows | None:
        known = self._ruleset.rows(table, rows) if isinstance(rows, str) else rows
        if known is not None and known not in self._counted:
            self._counted.add(known)
            more = min(_STEPS_AN_ELEMENT * len(known.rows), _STEPS_AT_MOST)
            self.allowed, self._left = self.allowed + more, self._left + more
        return known

    def _tested(self, table: Table, test: Test, text: str) -> list[Packets]:
        """The packets for which *test* holds; what can't be worked out is a condition."""
        fields = test.fields
        told = packets_having(fields)._replace(conditions=(text,))
        if any(field.name == "absent" for field in fields):
            return []
        plain = test.op == "==" if len(fields) > 1 else test.op in ("==", "!=")
        followed = any(field.name in FOLLOWED and field.mask is None for field in fields)
        if not plain or not (followed or len(fields) > 1):
            return [told]
        rows = self._rows(table, test.rows)
        if rows is None:
            return [told]
        if rows.otherwise is not None:
            return [packets_having(fields)] if test.op == "==" else []
        if len(fields) > 1:
            self._spend(len(rows.rows))
            each = [packets_of_row(fields, row, text) for row in rows.rows]
            return [one for one in each if one is not None]
        numbers = rows.numbers()
        if numbers is None:
            return [told]
        one = packets_of_numbers(fields[0], numbers, test.op == "!=")
        return [] if one is None else [one]

    def _looked_up(
        self, table: Table, fields: tuple[Field, ...], rows: Rows | str
    ) -> Iterator[tuple[Packets, object]]:
        """The packets of each element of a map, and what the map gives for them."""
        known = self._rows(table, rows)
        if known is None or known.goals is None:
            raise Unknown
        self._spend(len(known.rows))
        for row, goal in zip(known.rows, known.goals, strict=True):
            packets = packets_of_row(fields, row, "")
            if packets is not None:
                yield packets, goal
        if known.otherwise is not None:
            yield packets_having(fields), known.otherwise

    def _targets(self, table: Table, statement: Translate) -> Iterator[_Goal]:
        family = _FAMILIES.get(table.family)
        if statement.family is not None:
            family = Family(statement.family)
        for of_address, address in self._goals(table, statement.address):
            for of_port, port in self._goals(table, statement.port):
                self._spend(1)
                packets = of_address.narrowed(of_port)
                packets = packets and packets.narrowed(Packets(family=family))
                if packets is not None:
                    both = isinstance(address, tuple) and not isinstance(address[0], int)
                    goals = address if both else (address, port)  # one map may give both
                    yield _Goal(packets, None, target_of(goals, family, statement.shifted))

    def _goals(self, table: Table, goal: object) -> Iterable[tuple[Packets, object]]:
        if isinstance(goal, Mapped):
            return list(self._looked_up(table, goal.fields, goal.rows))
        return [(Packets(), goal)]


def _where(rule: Rule) -> str:
    return rule.where if rule.tool == "nftables" else rule.where.partition(" ")[2]
