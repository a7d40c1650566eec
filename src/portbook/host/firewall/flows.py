"""Packets on their way, and what became of them: connections from many sources as one value."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.host.firewall import address_number
from portbook.host.firewall.conditions import Open
from portbook.host.firewall.intervals import NOTHING, Intervals
from portbook.host.firewall.values import Assign, Rows, Test, Translate, Verdict, VerdictMap
from portbook.model.reach import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.host.firewall.conditions import Packet, SetChange
    from portbook.host.firewall.values import Chain, Machine, Rule, Table
    from portbook.model.reach import Decision, RuleText

_FEW = 8  # addresses or ports of a goal that are followed one by one
_MANY, _FEW_BITS = 16, 16  # rules in a row that may be taken as one, if each stops a 2**-16 at most
_CONNTRACK, _INVALID = -200, 1  # enum nf_ip_hook_priorities; of CT_STATES
MOST_FLOWS = 128  # packets that differ in more than their source


class Flow(NamedTuple):
    """Connections that are one packet but for their sources, and the rules met so far."""

    packet: Packet
    sources: Intervals
    rules: tuple[RuleText, ...] = ()


class Stop(NamedTuple):
    """What was stopped or can't be told, where, and by which rules."""

    outcome: Outcome
    sources: Intervals
    rules: tuple[RuleText, ...]


def track(priority: int, flow: Flow) -> Flow:
    """Connection tracking stands between the chains before it and those after it.

    An invalid packet belongs to no connection (nf_conntrack_in): conditions on one don't hold.
    """
    packet = flow.packet
    if priority < _CONNTRACK or packet.tracked is not None or packet.state == _INVALID:
        return flow
    return flow._replace(packet=flow.packet._replace(tracked=True))


def looped(flow: Flow) -> Flow:
    """What this machine sends to itself comes in again."""
    packet = flow.packet
    if packet.oif != "lo":
        return flow
    return flow._replace(packet=packet._replace(iif="lo", oif="", translation_over=True))


def with_changes(flow: Flow, added: Mapping[SetChange, Intervals]) -> list[Flow]:
    """*flow*, cut by what packets of its sources have changed in sets before."""
    if not added:
        return [flow]
    changes = [*added]
    sets = [added[each] & flow.sources for each in changes]
    return [
        flow._replace(
            packet=flow.packet._replace(added=frozenset([changes[each] for each in numbers[:-1]])),
            sources=some,
        )
        for numbers, some in apart([*sets, flow.sources], flow.sources)
    ]


def lost_by(stop: Stop) -> Outcome:
    """What a connection comes to whose answer meets *stop*: it isn't told of being refused."""
    return Outcome.UNKNOWN if stop.outcome is Outcome.UNKNOWN else Outcome.DROPPED


def strayed(flow: Flow) -> Iterator[Stop]:
    """Who gets no answer where NAT sends it to another address, and perhaps to their own."""
    address = flow.packet.daddr
    own = Intervals([address, address + 1]) if isinstance(address, int) else flow.sources
    for outcome, sources in (
        (Outcome.DROPPED, flow.sources - own),
        (Outcome.UNKNOWN, flow.sources & own),
    ):
        if sources:
            yield Stop(outcome, sources, flow.rules)


def redirected_to(packet: Packet, hook: str, machine: Machine) -> int | None:
    """The address to which a REDIRECT goes (nf_nat_redirect.c); None: which isn't known."""
    if hook == "output":
        return 1 if packet.family == "ipv6" else 0x7F000001
    for interface in machine.interfaces:
        if interface.name == packet.iif:
            for text, _ in interface.addresses:
                if (":" in text) == (packet.family == "ipv6"):
                    return address_number(text)
    return None


def spread(goal: object) -> list[int | None] | None:
    """The numbers that a goal stands for; None where there are many, or they aren't known."""
    if goal is None:
        return [None]
    if not (isinstance(goal, tuple) and len(goal) == 2 and isinstance(goal[0], int)):
        return None
    first, last = goal
    return list(range(first, last + 1)) if last - first < _FEW else None


def meets(chain: Chain, interface: str | None) -> bool:
    """Whether a chain for the packets of some interfaces is for those of *interface*."""
    devices = None if chain.hook is None else chain.hook.device
    return not devices or interface is None or interface in devices


def tracks(tables: Iterable[Table], family: str) -> bool:
    """Whether a rule for *family* needs connections: where none does, none is tracked.

    Then chains of NAT are not asked, unless something other than rules has the kernel track them.
    """
    return any(
        _needs_connections(statement)
        for table in tables
        if table.concerns(family, "")
        for chain in table.chains.values()
        for rule in chain.rules
        for statement in rule
    )


def _needs_connections(statement: object) -> bool:
    if isinstance(statement, (Test, VerdictMap)):
        return any(field.name.startswith("ct") for field in statement.fields)
    if isinstance(statement, Assign):
        return statement.name == "ctmark"
    if isinstance(statement, Verdict):
        return statement.target == "source" and statement.kind == "accept"
    return isinstance(statement, Translate)


def stopped_by(
    rules: list[Rule], place: int, flows: dict[Packet, Intervals], *, short: bool
) -> tuple[int, str, Intervals, Rule] | None:
    """Takes those of the one packet in *flows* out whom the rule at *place* stops.

    Where the next rule is, how it stops, whom, and the rule to name. None where it asks for more
    than a source, or does more. A list of banned addresses may be thousands of rules: the packet
    isn't followed through each; *short*: many in a row that stop a few each are one.
    """
    rule = rules[place]
    stopped = _stopped(rule)
    if not stopped:
        return None
    kind, numbers, family = stopped
    ((packet, sources),) = flows.items()
    if not isinstance(packet.saddr, Open):
        if not isinstance(packet.saddr, int) or family not in (None, packet.family):
            return None
        if packet.saddr not in numbers:
            return place + 1, kind, NOTHING, rule
        return place + 1, kind, flows.pop(packet), rule
    if short and (row := _stops_in_a_row(rules, place, packet)) is not None:
        end, kind, numbers, rule = row
    elif family in (None, packet.family):
        end = place + 1
    else:
        return None
    hit, left = sources.parted(numbers)
    if hit:
        if left:
            flows[packet] = left
        else:
            del flows[packet]
    return end, kind, hit, rule


def _stopped(rule: Rule) -> tuple[str, Intervals, str | None] | None:
    if rule.stopped is False:
        rule.stopped = rule.stop() or stop_of(rule)
    return rule.stopped


def _stops_in_a_row(
    rules: list[Rule], place: int, packet: Packet
) -> tuple[int, str, Intervals, Rule] | None:
    """The rules from *place* on that stop a few sources each, in one way.

    Where the next one is, how they stop, whom, and the rule that stops most. None where they aren't
    many; they end before they stop many together. A question is often put to the same ones again.
    """
    first = rules[place]
    if first.row is None or first.row[0] is not rules or first.row[1] != packet.family:
        first.row = rules, packet.family, _row(rules, place, packet.family)
    return first.row[2]  # type: ignore[return-value]  # as _row made it


def _row(
    rules: list[Rule], place: int, packet_family: str
) -> tuple[int, str, Intervals, Rule] | None:
    everyone = 1 << (32 if packet_family == "ipv4" else 128)
    pairs: list[tuple[int, int]] = []
    kind, most, widest, total, end = "", 0, rules[place], 0, place
    for at in range(place, len(rules)):
        stopped = _stopped(rules[at])
        if not stopped:
            break
        how, numbers, family = stopped
        if family in (None, packet_family):
            size, kind = numbers.size(), kind or how
            if how != kind or size > everyone >> _FEW_BITS:
                break
            if size > most:
                most, widest = size, rules[at]
            total += size
            if total > everyone >> 3:
                break
            pairs += numbers.pairs()
        end += 1
    if end - place < _MANY or not kind:
        return None
    return end, kind, Intervals.of(pairs), widest


def stop_of(rule: Rule) -> tuple[str, Intervals, str | None] | None:
    """As :meth:`Rule.stop`, from its statements."""
    statements = iter(rule)
    test = next(statements, None)
    if isinstance(test, Test) and test.op == "==" and len(test.fields) == 1:
        (field,), rows = test.fields, test.rows
        plain = field.name == "saddr" and field.mask is None and field.protocols is None
        if plain and isinstance(rows, Rows) and rows.otherwise is None:
            numbers, verdict = rows.numbers(), next(statements, None)
            kind = verdict.kind if isinstance(verdict, Verdict) else ""
            stops = kind in ("drop", "reject") and next(statements, None) is None
            if stops and numbers is not None:
                return kind, numbers, field.family
    return None


class TooLong(Exception):
    """A ruleset branches in more ways than can be followed."""


class Step:
    """The packets at one rule: *sources* come to it, those in *perhaps* may get on in it.

    Those in *surely* do. ``flows`` collects what goes to the next rule, ``ended`` what leaves the
    chain.
    """

    __slots__ = (
        "before",
        "depth",
        "ended",
        "flows",
        "packet",
        "perhaps",
        "rule",
        "sources",
        "surely",
    )

    def __init__(
        self,
        rule: Rule,
        packet: Packet,
        sources: Intervals,
        flows: dict[Packet, Intervals],
        ended: dict[Packet, Intervals],
        depth: int,
    ) -> None:
        self.rule, self.depth = rule, depth
        self.before = self.packet = packet
        self.sources = self.surely = self.perhaps = sources
        self.flows, self.ended = flows, ended

    def narrow(self, yes: Intervals, maybe: Intervals, everyone: Intervals) -> None:
        """A condition holds for *yes* and may hold for *maybe*."""
        if yes is everyone:
            return
        same = self.surely is self.perhaps and not maybe
        self.perhaps &= yes | maybe
        self.surely = self.perhaps if same else self.surely & yes

    def pass_by(self) -> None:
        """Those for whom the rule doesn't surely hold go to the next one as they came."""
        add(self.flows, self.before, self.sources - self.surely)


def add(flows: dict[Packet, Intervals], packet: Packet, sources: Intervals) -> None:
    """Adds *sources* to those from which *packet* is on its way in *flows*; none adds nothing."""
    if sources:
        known = flows.get(packet)
        flows[packet] = sources if known is None else known | sources


def merged(flows: list[Flow]) -> list[Flow]:
    """Flows that don't differ are one; where there are too many, their rules are forgotten.

    Raises TooLong where more than MOST_FLOWS differ without them.
    """
    if len(flows) < 2:
        return flows
    groups: dict[tuple[Packet, tuple[RuleText, ...]], list[Intervals]] = {}
    for flow in flows:
        groups.setdefault((flow.packet, flow.rules), []).append(flow.sources)
    if len(groups) > MOST_FLOWS:
        bare: dict[tuple[Packet, tuple[RuleText, ...]], list[Intervals]] = {}
        for (packet, _), sources in groups.items():
            bare.setdefault((packet, ()), []).extend(sources)
        groups = bare
        if len(groups) > MOST_FLOWS:
            raise TooLong
    return [
        Flow(packet, sources[0] if len(sources) == 1 else union(sources), rules)
        for (packet, rules), sources in groups.items()
    ]


def union(sets: list[Intervals]) -> Intervals:
    """All that is in one of *sets*."""
    if len(sets) == 1:
        return sets[0]
    return Intervals.of(pair for each in sets for pair in each.pairs())


def apart(sets: list[Intervals], everyone: Intervals) -> list[tuple[tuple[int, ...], Intervals]]:
    """Cuts overlapping sets into disjoint ones: the numbers of those that have them, and they."""
    if sum(each.size() for each in sets) == everyone.size():  # they don't overlap
        return [((number,), each) for number, each in enumerate(sets)]
    edges: list[tuple[int, int, int]] = []
    for number, each in enumerate(sets):
        for first, last in each.pairs():
            edges += ((first, 1, number), (last + 1, 0, number))
    edges.sort()
    pieces: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    active: set[int] = set()
    start = 0
    for place, begins, number in edges:
        if active and place > start:
            pieces.setdefault(tuple(sorted(active)), []).append((start, place - 1))
        start = place
        (active.add if begins else active.discard)(number)
    return [(numbers, Intervals.of(pairs)) for numbers, pairs in pieces.items()]


def end_of(packet: Packet | None) -> tuple[int | None, str | None]:
    """The port and the address at which a packet arrived."""
    if packet is None:
        return None, None
    port = packet.dport if isinstance(packet.dport, int) else None
    if not isinstance(packet.daddr, int):
        return port, None
    import _socket

    wide = packet.family == "ipv6"
    number = packet.daddr.to_bytes(16 if wide else 4, "big")
    return port, _socket.inet_ntop(_socket.AF_INET6 if wide else _socket.AF_INET, number)


def reasoned(decision: Decision, doubts: Iterable[tuple[Rule, Intervals]]) -> Decision:
    """*decision* with the rule last that makes it unknown: whoever it holds for fares otherwise.

    Where several may hold, it is one of those that decide, else the first: it leads to another.
    """
    if decision.outcome is not Outcome.UNKNOWN:
        return decision
    own = Intervals.in_order(decision.sources)
    reasons = [rule.text for rule, sources in doubts if sources & own]
    decisive = [each for each in reasons if each in decision.rules] or reasons
    if not decisive:
        return decision
    others = [each for each in decision.rules if each != decisive[0]]
    return decision._replace(rules=(*others, decisive[0]))
