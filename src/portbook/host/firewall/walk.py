"""Packets through the chains of one hook, as the kernel takes them. Pure.

A packet stands for connections from many sources. Where a rule treats some of them differently,
they part; where a condition can't be known, they go both ways. What comes out of a hook are the
packets that passed it; what was stopped is kept with the rule that did.
"""

from __future__ import annotations

from portbook.host.firewall.conditions import ABSENT, Absent, Packet, World
from portbook.host.firewall.flows import (
    MOST_FLOWS,
    Flow,
    Step,
    Stop,
    TooLong,
    add,
    meets,
    merged,
    redirected_to,
    spread,
    stopped_by,
    tracks,
    union,
)  # fmt: skip
from portbook.host.firewall.intervals import NOTHING, Intervals
from portbook.host.firewall.values import (
    AddTo,
    Assign,
    Chain,
    Chance,
    Field,
    Mapped,
    NoTrack,
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
from portbook.model.reach import Outcome, RuleText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from portbook.host.firewall.conditions import SetChange

_DEPTH = 17  # NFT_JUMP_STACK_SIZE, and the base chain
_STEPS = 3_000_000
_STOPS = {"drop": Outcome.DROPPED, "reject": Outcome.REJECTED, "queue": Outcome.UNKNOWN}


class Walk:
    """One walk through a ruleset. ``stops`` collects what didn't pass, ``added`` who changes sets.

    *short*: of many rules in a row that stop a few each, one is named for all.
    """

    def __init__(
        self, ruleset: Ruleset, world: World, interface: str | None, *, short: bool = False
    ) -> None:
        self.ruleset, self.world, self.interface, self._short = ruleset, world, interface, short
        self.stops: list[Stop] = []
        self.added: dict[SetChange, Intervals] = {}
        self.doubts: list[tuple[Rule, Intervals]] = []  # what may hold, and for whom
        self.table: Table | None = None
        self._accepted: list[tuple[Packet, Intervals, Rule]] = []
        self._trail: tuple[RuleText, ...] = ()
        self._left, self._hook, self._nat = _STEPS, "", False
        self.rule: Rule | None = None
        self.marker: Rule | None = None  # the last one that gave a packet its mark
        self.opened: frozenset[RuleText] = frozenset()  # what stops is taken to accept instead

    def named(self, name: str) -> Rows | None:
        """The elements of a set of the table that is walked through."""
        return None if self.table is None else self.ruleset.rows(self.table, name)

    # -- hooks --------------------------------------------------------------------------------

    def through(
        self, hook: str, flows: Iterable[Flow], at: Callable[[int, Flow], Flow] | None = None
    ) -> list[Flow]:
        """The flows that pass all base chains of *hook*; *at* changes each before a priority."""
        current = list(flows)
        self._hook = self.world.hook = hook
        for priority, table, chain in self.ruleset.base_chains(hook, self.world.family):
            if not meets(chain, self.interface):
                continue
            passed: list[Flow] = []
            for flow in current:
                ready = flow if at is None else at(priority, flow)
                passed += self._base(table, chain, ready)
                if chain.hook is not None and chain.hook.device and self.interface is None:
                    passed.append(ready)  # it may come through another interface
            current = merged(passed)
        return [flow if at is None else at(1 << 31, flow) for flow in current]

    def _base(self, table: Table, chain: Chain, flow: Flow) -> list[Flow]:
        assert chain.hook is not None
        packet = flow.packet
        over = packet.translation_over and chain.hook.name != "postrouting"  # that of destinations
        self._nat = chain.hook.kind == "nat"
        if self._nat and (packet.tracked is False or over or packet.state != 8 or packet.reply):
            return [flow]
        self.table, self._accepted, self._trail = table, [], flow.rules
        rest = self._chain(chain, packet, flow.sources, 1)
        passed = []
        for kept, sources, rule in self._accepted:
            # In a chain of NAT, only a translation of the destination is news.
            news = () if self._nat and kept.translated == packet.translated else (rule.text,)
            passed.append(Flow(kept, sources, (*self._trail, *news)))
        policy = RuleText("policy drop", chain.where)
        for kept, sources in rest.items():
            if chain.policy == "drop" and policy not in self.opened:
                self._stop(Outcome.DROPPED, sources, policy)
            else:
                passed.append(Flow(kept, sources, self._trail))
        return passed

    def _stop(self, outcome: Outcome, sources: Intervals, text: RuleText) -> None:
        if self._nat and not tracks(self.ruleset.tables, self.world.family):
            outcome = Outcome.UNKNOWN
        self.stops.append(Stop(outcome, sources, (*self._trail, text)))

    # -- chains and rules ---------------------------------------------------------------------

    def _chain(
        self, chain: Chain, packet: Packet, sources: Intervals, depth: int
    ) -> dict[Packet, Intervals]:
        """What comes back from *chain*: at its end, by a return, or from a chain it went to."""
        flows = {packet: sources}
        ended: dict[Packet, Intervals] = {}
        # Within a chain neither the family nor the protocol nor the port of a packet changes.
        rules, place = chain.concerning(packet.family, packet.protocol, packet.dport), 0
        while flows and place < len(rules):
            rule = self.rule = rules[place]
            self._left -= len(flows)
            if self._left < 0 or len(flows) > MOST_FLOWS:
                raise TooLong
            (only, *more), stop = flows, None
            if not more:
                stop = stopped_by(rules, place, flows, short=self._short)
            if stop is not None:
                place, kind, hit, rule = stop
                if hit and self.opened and rule.text in self.opened:
                    self._accepted.append((only, hit, rule))
                elif hit:
                    self._stop(_STOPS[kind], hit, rule.text)
                continue
            place += 1
            following: dict[Packet, Intervals] = {}
            for each, some in flows.items():
                step = Step(rule, each, some, following, ended, depth)
                self._follow(step)
            flows = following
        for kept, some in ended.items():
            add(flows, kept, some)
        return flows

    def _follow(self, step: Step) -> None:
        for statement in step.rule:
            if _ACTIONS[type(statement)](self, step, statement):
                return
            if not step.perhaps:
                # Nobody gets on in this rule: all go to the next one.
                add(step.flows, step.before, step.sources)
                return
        if step.packet == step.before:
            add(step.flows, step.before, step.sources)
        else:
            step.pass_by()
            add(step.flows, step.packet, step.perhaps)

    # Each action returns whether the rule ends with it.
    def _on_test(self, step: Step, test: Test) -> bool:
        step.narrow(*self.world.test(*test, step.packet), self.world.everyone)
        return False

    def _on_chance(self, step: Step, _: Chance) -> bool:
        step.surely = NOTHING
        return False

    def _on_unclear(self, step: Step, _: Unclear) -> bool:
        self._stop(Outcome.UNKNOWN, step.perhaps, step.rule.text)
        self.doubts.append((step.rule, step.perhaps))
        return False

    def _on_assign(self, step: Step, assign: Assign) -> bool:
        number = self._assigned(step, assign)
        if isinstance(number, Absent):
            step.surely = step.perhaps = NOTHING
            return False
        if assign.name == "mark":
            self.marker = step.rule
            step.packet = step.packet._replace(mark=number)
        elif step.packet.tracked:
            step.packet = step.packet._replace(ctmark=number)
        return False

    def _assigned(self, step: Step, assign: Assign) -> int | Absent | None:
        """The number for a mark; none where what it is taken from isn't there: the rule ends."""
        if not isinstance(assign.value, Mapped):
            return None if assign.value is None else self.world.number(assign.value, step.packet)
        answers = self._lookup(assign.value.fields, assign.value.rows, step.packet) or []
        if len(answers) == 1 and not answers[0][2]:
            goal = answers[0][0]
            if goal is None:
                return ABSENT
            if isinstance(goal, tuple) and len(goal) == 2 and goal[0] == goal[1]:
                return int(goal[0])
        step.surely = NOTHING
        return None

    def _on_notrack(self, step: Step, _: NoTrack) -> bool:
        if step.packet.tracked is None:
            step.packet = step.packet._replace(tracked=False)
        return False

    def _on_addition(self, step: Step, addition: AddTo) -> bool:
        if (table := self.table) is not None and step.perhaps:
            own = (table.family, table.name, *addition)
            self.added[own] = self.added.get(own, NOTHING) | step.perhaps
            step.packet = step.packet._replace(added=step.packet.added | {own})
        return False

    def _on_translate(self, step: Step, statement: Translate) -> bool:
        if statement.family not in (None, step.packet.family):
            return False
        done = self._translate(step.rule, statement, step.packet, step.perhaps)
        step.surely &= done
        step.pass_by()
        return True

    def _on_verdict(self, step: Step, verdict: Verdict) -> bool:
        step.pass_by()
        if step.surely is not step.perhaps:
            self.doubts.append((step.rule, step.perhaps - step.surely))
        self._judge(step, verdict, step.perhaps)
        return True

    def _judge(self, step: Step, verdict: Verdict, sources: Intervals) -> None:
        """What *verdict* does with the packets of *sources*, all of which get it."""
        kind, packet = verdict.kind, step.packet
        if kind in _STOPS and self.opened and step.rule.text in self.opened:
            kind = "accept"
        if kind in _STOPS:
            self._stop(_STOPS[kind], sources, step.rule.text)
        elif kind == "accept":
            if verdict.target == "source":
                packet = packet.with_other_source()
            self._accepted.append((packet, sources, step.rule))
        elif kind == "return":
            add(step.ended, packet, sources)
        elif kind == "continue":
            add(step.flows, packet, sources)
        else:
            assert self.table is not None
            target = self.table.chains.get(verdict.target)
            if target is None or step.depth >= _DEPTH:
                self._stop(Outcome.UNKNOWN, sources, step.rule.text)
                return
            back = step.ended if kind == "goto" else step.flows
            for kept, some in self._chain(target, packet, sources, step.depth + 1).items():
                add(back, kept, some)

    def _on_verdict_map(self, step: Step, statement: VerdictMap) -> bool:
        answers = self._lookup(statement.fields, statement.rows, step.packet)
        step.pass_by()
        if answers is None:
            self._stop(Outcome.UNKNOWN, step.perhaps, step.rule.text)
            add(step.flows, step.packet, step.perhaps)
            return True
        for goal, yes, maybe in answers:
            hit = step.perhaps & (yes | maybe)
            if not hit:
                continue
            if isinstance(goal, Verdict):
                self._judge(step, goal, hit)
            else:
                if goal is not None:
                    self._stop(Outcome.UNKNOWN, hit, step.rule.text)
                add(step.flows, step.packet, hit)
        return True

    def _lookup(
        self, fields: tuple[Field, ...], rows: Rows | str, packet: Packet
    ) -> list[tuple[object, Intervals, Intervals]] | None:
        """What a map gives, and for whom surely and perhaps; None for a map that can't be had.

        The goal None stands for those that the map has nothing for.
        """
        world = self.world
        values = [world.value(field, packet) for field in fields]
        if any(isinstance(value, Absent) for value in values):
            return [(None, world.everyone, NOTHING)]
        known = None if world.changes(rows, packet) else world.rows(rows)
        if known is None or known.goals is None:
            return None
        answers: list[tuple[object, Intervals, Intervals]] = []
        left = everyone = world.everyone
        for number, certain, pieces in world.matches(fields, values, known, packet):
            whole = len(pieces) == 1 and pieces == everyone.pairs()
            some = (everyone if whole else Intervals.of(pieces)) & left
            answers.append(
                (known.goals[number], some if certain else NOTHING, NOTHING if certain else some)
            )
            if certain:
                left = left - some
                if not left:
                    break
        if left:
            unsure = any(maybe for _, _, maybe in answers)
            answers.append(
                (known.otherwise, NOTHING if unsure else left, left if unsure else NOTHING)
            )
        return answers

    # -- translation --------------------------------------------------------------------------

    def _translate(
        self, rule: Rule, statement: Translate, packet: Packet, sources: Intervals
    ) -> Intervals:
        """Accepts the packet as NAT changes it; for whom that is sure, maps being what they are."""
        done = self.world.everyone
        for address, for_address, sure in self._goals(statement.address, packet, sources):
            done = done if sure is None else done & sure
            for port, some, sure_too in self._goals(statement.port, packet, for_address):
                done = done if sure_too is None else done & sure_too
                both = isinstance(address, tuple) and not isinstance(address[0], int)
                goals = address if both else (address, port)  # one map may give both
                self._accept_translated(rule, statement, packet, some, goals)
        return done

    def _goals(
        self, goal: object, packet: Packet, sources: Intervals
    ) -> list[tuple[object, Intervals, Intervals | None]]:
        """The targets, for whom each may be, and for whom there surely is one (None: everybody)."""
        if not isinstance(goal, Mapped):
            return [(goal, sources, None)]
        answers = self._lookup(goal.fields, goal.rows, packet)
        if answers is None:
            return [("unknown", sources, NOTHING)]
        sure = union([yes for target, yes, _ in answers if target is not None])
        return [
            (target, (yes | maybe) & sources, sure)
            for target, yes, maybe in answers
            if target is not None and (yes | maybe) & sources
        ] or [("none", NOTHING, NOTHING)]

    def _accept_translated(
        self,
        rule: Rule,
        statement: Translate,
        packet: Packet,
        sources: Intervals,
        goals: object,
    ) -> None:
        if not sources or not isinstance(goals, tuple):
            return
        address, port = goals
        numbers, ports = spread(address), spread(port)
        if statement.shifted or numbers is None or ports is None:
            self._stop(Outcome.UNKNOWN, sources, rule.text)
            return
        if isinstance(port, tuple) and isinstance(packet.dport, int) and packet.dport in ports:
            ports = [packet.dport]  # one that fits already stays
        if statement.local:
            numbers = [redirected_to(packet, self._hook, self.world.machine)]
        elif numbers == [None]:
            numbers = [packet.daddr if isinstance(packet.daddr, int) else None]
        for number in numbers:
            for new_port in ports:
                changed = packet._replace(
                    daddr=number,
                    dport=packet.dport if new_port is None else new_port,
                    # A goal that is what it was already changes nothing.
                    translated=(number, new_port or packet.dport) != (packet.daddr, packet.dport),
                    translation_over=True,
                    local=statement.local or None,
                )
                self._accepted.append((changed, sources, rule))


_ACTIONS: dict[type, Callable[[Walk, Step, Any], bool]] = {
    Test: Walk._on_test,
    Chance: Walk._on_chance,
    Unclear: Walk._on_unclear,
    Assign: Walk._on_assign,
    NoTrack: Walk._on_notrack,
    AddTo: Walk._on_addition,
    Translate: Walk._on_translate,
    Verdict: Walk._on_verdict,
    VerdictMap: Walk._on_verdict_map,
}
