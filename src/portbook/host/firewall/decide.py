"""What a machine's packet filters do with a new connection, from wherever it comes. Pure.

The connection's first packet goes through prerouting, then input or (where NAT sent it elsewhere)
forward and postrouting; then its answer goes back, and a later packet of it once more.

>>> from portbook.host.firewall.nft_json import parse_nft
>>> from portbook.model import Family, Transport
>>> text = '''{"nftables": [
...   {"chain": {"family": "inet", "table": "t", "name": "in", "type": "filter",
...              "hook": "input", "prio": 0, "policy": "accept"}},
...   {"rule": {"family": "inet", "table": "t", "chain": "in", "expr": [
...     {"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
...                "right": {"prefix": {"addr": "192.0.2.0", "len": 24}}}}, {"drop": null}]}}]}'''
>>> for one in decide(Ruleset(parse_nft(text)[0]), Machine(), family=Family.IPV4,
...                   transport=Transport.TCP, destination="192.0.2.1", port=80, interface="eth0"):
...     print(one.outcome, len(one.sources), [rule.text for rule in one.rules])
open 1 []
dropped 2 ['ip saddr != 192.0.2.0/24 drop']
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.host.firewall import TRANSPORTS, address_number
from portbook.host.firewall.conditions import EPHEMERAL, OPEN, Flags, Open, Packet, World
from portbook.host.firewall.flows import (
    Flow,
    Stop,
    TooLong,
    apart,
    end_of,
    looped,
    lost_by,
    reasoned,
    strayed,
    track,
    union,
    with_changes,
)
from portbook.host.firewall.intervals import NOTHING, Intervals, Uncollected
from portbook.host.firewall.values import Machine, Rows, Ruleset
from portbook.host.firewall.walk import Walk
from portbook.model.reach import Decision, Outcome, RuleText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Family, Transport

_NAT, _SOURCE_NAT = -100, 100  # enum nf_ip_hook_priorities
_INVALID, _ESTABLISHED, _NEW = 1, 2, 8
_LOOPBACK = Intervals.of([(1, 1), (0x7F000000, 0x7FFFFFFF)])
_SYN_ACK = 18


class _Result(NamedTuple):
    outcome: Outcome
    sources: Intervals
    rules: tuple[RuleText, ...]
    packet: Packet | None = None
    forwarded: bool = False
    later: tuple[RuleText, ...] = ()
    unanswered: bool = False


def decide(
    ruleset: Ruleset,
    machine: Machine,
    *,
    family: Family,
    transport: Transport,
    destination: str,
    port: int,
    interface: str | None,
    source: str | None = None,
    later: bool = True,
    opened: frozenset[RuleText] = frozenset(),
    among: Intervals | None = None,
) -> tuple[Decision, ...]:
    """What becomes of connections to *destination*, which is an address of this machine.

    They come in through *interface* (None: not known), from all *among* whom it is asked (None:
    everyone) or one *source*: with ``lo`` as the interface, this machine itself. The decisions
    have each source once. *later* looks at the packets behind the first two as well, and at each of
    many rules that stop a few: else one is for all. What *opened* rules stop they accept instead.
    """
    daddr, saddr = address_number(destination), OPEN if source is None else address_number(source)
    if daddr is None or saddr is None:
        raise ValueError(f"{destination if daddr is None else source!r} is not an IP address")
    call = _Call(ruleset, machine, family, interface, later)
    call.walk.opened = opened
    sport = machine.own_ports if interface == "lo" else EPHEMERAL
    protocol, original = TRANSPORTS[transport], (daddr, port)
    packet = Packet(
        str(family), protocol, saddr, daddr, sport, port, iif=interface, original=original
    )
    sources = among or call.world.everyone
    sources = sources if isinstance(saddr, Open) else Intervals([saddr, saddr + 1])
    with Uncollected():
        try:
            results = call.connect(packet, sources)
        except (TooLong, RecursionError):
            rule = call.walk.rule
            results = [_Result(Outcome.UNKNOWN, sources, () if rule is None else (rule.text,))]
        if not ruleset.whole:  # rules that weren't read may say anything
            results = [_Result(Outcome.UNKNOWN, sources, ())]
        decisions = _decisions(family, results, sources)
        if call.walk.added and ruleset.whole:
            decisions = call.tried_again(decisions, packet, sources)
        decisions = [reasoned(each, call.walk.doubts) for each in decisions]
    ports = tuple(call.source_port_rules)
    if ports:
        decisions = [decision._replace(source_ports=ports) for decision in decisions]
    return tuple(decisions)


class _Call:
    """One question put to a ruleset."""

    def __init__(
        self, ruleset: Ruleset, machine: Machine, family: Family, interface: str | None, later: bool
    ) -> None:
        self.machine, self.interface, self.later = machine, interface, later
        self.source_port_rules: dict[RuleText, None] = {}
        self.world = World(machine, str(family), self._rows, self._on_source_port)
        self.ruleset = ruleset
        self.walk = Walk(ruleset, self.world, interface, short=not later)
        self.world.changes = self._changes
        self.changing = any(table.changing for table in ruleset.tables)

    def _rows(self, rows: Rows | str) -> Rows | None:
        return rows if isinstance(rows, Rows) else self.walk.named(rows)

    def _changes(self, rows: Rows | str, packet: Packet) -> list[bool]:
        table = self.walk.table
        place = None if table is None else (table.family, table.name, rows)
        return [removes for *set_, removes in packet.added if (*set_,) == place]

    def _on_source_port(self) -> None:
        if self.walk.rule is not None:
            self.source_port_rules[self.walk.rule.text] = None

    # -- the first packet ---------------------------------------------------------------------

    def connect(self, packet: Packet, sources: Intervals) -> list[_Result]:
        flows = with_changes(Flow(packet, sources), self.walk.added)
        own = self.interface == "lo"
        results: list[_Result] = []
        if own:
            flows = self._out(flows, results)
            flows = [looped(flow) for flow in flows]
        beyond = [flow for flow in flows if own and flow.packet.iif != "lo"]
        flows = [flow for flow in flows if flow not in beyond]
        flows = self.walk.through("ingress", flows)
        flows = self.walk.through("prerouting", flows, track)
        arrived: list[tuple[Flow, bool]] = [(flow, True) for flow in beyond]
        for flow in flows:
            arrived += self._routed(flow, results)
        for flow, forwarded in arrived:
            results += self._answered(flow, forwarded)
        return results + [_Result(*stop) for stop in self.walk.stops]

    def tried_again(
        self, decisions: list[Decision], packet: Packet, sources: Intervals
    ) -> list[Decision]:
        """*decisions*, unless a second packet like the first one meets what that put into sets."""
        from portbook.host.firewall.later_packets import agreed

        self.walk.stops = []
        try:
            results = self.connect(packet, sources)
        except (TooLong, RecursionError):
            results = [_Result(Outcome.UNKNOWN, sources, ())]
        return agreed(decisions, _decisions(decisions[0].family, results, sources))

    def _routed(self, flow: Flow, results: list[_Result]) -> list[tuple[Flow, bool]]:
        packet = flow.packet
        own = isinstance(packet.daddr, int) and packet.daddr in self.world.own
        if packet.local or own:
            if not self._may_be_local(packet):
                results.append(_Result(Outcome.UNKNOWN, flow.sources, flow.rules))
                return []
            return [(each, False) for each in self.walk.through("input", [flow], track)]
        if not packet.translated:  # the address asked about is said to be this machine's
            return [(each, False) for each in self.walk.through("input", [flow], track)]
        forwards = self._forwards(packet.family)
        if not isinstance(packet.daddr, int) or forwards is None:
            results.append(_Result(Outcome.UNKNOWN, flow.sources, flow.rules))
        elif not forwards:
            results.append(_Result(Outcome.DROPPED, flow.sources, flow.rules))
        else:
            out = packet._replace(oif=self._way_to(packet.daddr))
            outer, self.walk.stops = self.walk.stops, []
            flows = self._unmarked([flow._replace(packet=out)])
            flows = self.walk.through("forward", flows, track)
            flows = self.walk.through("postrouting", flows)
            results += [_Result(*stop, out, forwarded=True) for stop in self.walk.stops]
            self.walk.stops = outer
            return [(each, True) for each in flows]
        return []

    def _forwards(self, family: str) -> bool | None:
        """Whether packets of *family* are forwarded that came in; None where it isn't known."""
        if self.machine.forwarding is not None:
            return self.machine.forwarding
        for each in self.machine.interfaces:
            if each.name == self.interface and each.forwards is not None:
                return family in each.forwards
        return None

    def _unmarked(self, flows: list[Flow]) -> list[Flow]:
        """Those of *flows* whose way no mark chooses; of the others it isn't known."""
        if not self.machine.by_mark or self.interface == "lo":
            return flows
        marker = () if self.walk.marker is None else (self.walk.marker.text,)
        marked = [each for each in flows if each.packet.mark != 0]
        self.walk.stops += [
            Stop(Outcome.UNKNOWN, each.sources, (*each.rules, *marker)) for each in marked
        ]
        return [each for each in flows if each.packet.mark == 0]

    def _may_be_local(self, packet: Packet) -> bool:
        """Packets from outside don't reach 127.0.0.0/8 unless ``route_localnet`` lets them."""
        if not packet.translated or packet.iif == "lo" or not isinstance(packet.daddr, int):
            return True
        if packet.family == "ipv6":
            return packet.daddr != 1
        return packet.daddr >> 24 != 127 or self._routes_loopback(packet.iif)

    def _routes_loopback(self, name: str | None) -> bool:
        return any(each.route_localnet for each in self.machine.interfaces if each.name == name)

    def _way_to(self, address: int) -> str | None:
        """The interface through which an address is reached; None where it isn't known."""
        best: tuple[int, str] | None = None
        for first, last, interface in self.world.routes():
            if first <= address <= last and (best is None or last - first < best[0]):
                best = last - first, interface
        return None if best is None else best[1]

    # -- this machine's own -------------------------------------------------------------------

    def _out(self, flows: list[Flow], results: list[_Result]) -> list[Flow]:
        start = [each._replace(packet=each.packet._replace(iif="", oif="lo")) for each in flows]
        passed = self.walk.through("output", start, track)
        leaving: list[Flow] = []
        for flow in passed:
            packet = flow.packet
            if isinstance(packet.daddr, int) and packet.daddr not in self.world.own:
                packet = packet._replace(oif=self._way_to(packet.daddr))
                six = packet.family == "ipv6"  # which has no such setting
                if _is_loopback(packet) and (six or not self._routes_loopback(packet.oif)):
                    outcome = Outcome.UNKNOWN if six or not packet.oif else Outcome.DROPPED
                    results.append(_Result(outcome, flow.sources, flow.rules, packet, True))
                    continue
            leaving.append(flow._replace(packet=packet))
        gone = self.walk.through("postrouting", leaving)
        # With such a source it gets no answer, unless that is translated as well.
        lost = [each for each in gone if each.packet.oif != "lo" and _is_loopback(each.packet)]
        results += [_Result(Outcome.UNKNOWN, each.sources, each.rules) for each in lost]
        return [each for each in gone if each not in lost]

    # -- the answer, and what comes later -----------------------------------------------------

    def _answered(self, flow: Flow, forwarded: bool) -> list[_Result]:
        """What becomes of a connection whose first packet has arrived."""
        outer = self.walk.stops
        stops: list[Stop] = []
        self.walk.stops = stops
        passed = self._back(flow, forwarded)
        if flow.packet.translated:
            # Where the answer isn't tracked, nobody puts back what NAT has changed.
            untracked = [each for each in passed if each.packet.tracked is False]
            passed = [each for each in passed if each not in untracked]
            known = isinstance(flow.packet.daddr, int) and isinstance(flow.packet.dport, int)
            outcome = Outcome.DROPPED if known else Outcome.UNKNOWN
            stops += [Stop(outcome, each.sources, each.rules) for each in untracked]
        elif flow.packet.tracked is False:
            # Its answer begins a connection, and is translated like one: it goes elsewhere.
            astray = [each for each in passed if each.packet.translated]
            passed = [each for each in passed if not each.packet.translated]
            stops += [stop for each in astray for stop in strayed(each)]
        elif flow.packet.source_changed:  # nor is it then: to whom the answer goes isn't known
            untracked = [each for each in passed if each.packet.tracked is False]
            passed = [each for each in passed if each not in untracked]
            stops += [Stop(Outcome.UNKNOWN, each.sources, each.rules) for each in untracked]
        lost = [
            _Result(lost_by(stop), stop.sources, (*flow.rules, *stop.rules), unanswered=True)
            for stop in stops
        ]
        self.walk.stops = outer
        sources = union([each.sources for each in passed])
        results, end = [*lost], flow.packet._replace(source_changed=False)
        if (self.later or self.changing) and flow.packet.tracked is not False:
            from portbook.host.firewall.later_packets import stops_of

            for some, stopped, texts in stops_of(self.walk, flow, forwarded, sources):
                outcome, rules = Outcome.OPEN, flow.rules
                if not stopped:
                    outcome, rules = Outcome.UNKNOWN, (*rules, *texts)
                results.append(_Result(outcome, some, rules, end, forwarded, texts))
                sources -= some
        if sources:
            results.append(_Result(Outcome.OPEN, sources, flow.rules, end, forwarded))
        return results

    def _back(self, flow: Flow, forwarded: bool) -> list[Flow]:
        """The answer's way: what passes. Whom NAT sends it to, until it puts that back, is open."""
        packet = flow.packet
        known = packet.tracked is not False
        elsewhere = forwarded and known and packet.source_changed
        answer = packet._replace(
            saddr=packet.daddr,
            daddr=None if elsewhere else packet.saddr,
            sport=packet.dport,
            dport=None if elsewhere else packet.sport,
            iif=packet.oif if forwarded else "",
            oif=packet.iif,
            mark=packet.mark if self.machine.keeps_mark and packet.protocol == 6 else 0,
            tracked=None,
            # tcp_conntracks: a SYN and ACK that answers nothing known is invalid.
            state=_ESTABLISHED if known else _INVALID if packet.protocol == 6 else _NEW,
            tcp_flags=Flags(_SYN_ACK, 0x3F),
            # Of a request that wasn't tracked, the answer is the first packet of a connection.
            original=packet.original if known else (packet.saddr, packet.sport),
            reply=known,
            socket_known=True,
            translation_over=False,
            added=frozenset(),
        )

        def put_back(priority: int, each: Flow) -> Flow:
            ready = track(priority, each)
            whole = ready.packet._replace(daddr=packet.saddr, dport=packet.sport)
            return ready._replace(packet=whole) if priority > _NAT else ready

        def at(priority: int, each: Flow) -> Flow:
            ready = track(priority, each)
            if priority > _SOURCE_NAT and packet.translated and known:
                saddr, sport = packet.original
                ready = ready._replace(packet=ready.packet._replace(saddr=saddr, sport=sport))
            return ready

        flows = with_changes(Flow(answer, flow.sources), self.walk.added)
        if forwarded:
            flows = self._unmarked(self.walk.through("prerouting", flows, put_back))
            if self.interface == "lo":
                return self.walk.through("input", flows, track)
            flows = self.walk.through("forward", flows, track)
            return self.walk.through("postrouting", flows, at)
        flows = self.walk.through("output", flows, track)
        chains = self.ruleset.base_chains("output", answer.family)
        if answer.mark != 0 or any(each.hook and each.hook.kind == "route" for *_, each in chains):
            flows = self._unmarked(flows)
        flows = self.walk.through("postrouting", flows, at)
        if self.interface == "lo":
            flows = [looped(each) for each in flows]
            flows = self.walk.through("prerouting", flows, track)
            flows = self.walk.through("input", flows, track)
        return flows


def _is_loopback(packet: Packet) -> bool:
    return isinstance(packet.saddr, int) and packet.saddr in _LOOPBACK


def _decisions(family: Family, results: Iterable[_Result], everyone: Intervals) -> list[Decision]:
    """The results by source: where several are possible for one, they say whether they agree."""
    merged: dict[_Result, list[Intervals]] = {}
    for result in results:
        if result.sources:
            merged.setdefault(result._replace(sources=NOTHING), []).append(result.sources)
    groups = [bare._replace(sources=union(sets)) for bare, sets in merged.items()]
    return [
        _agreed(family, [groups[number] for number in numbers], sources)
        for numbers, sources in apart([group.sources for group in groups], everyone)
    ]


def _agreed(family: Family, possible: list[_Result], sources: Intervals) -> Decision:
    first = possible[0]
    rules = tuple(dict.fromkeys(rule for each in possible for rule in each.rules))
    outcomes = {each.outcome for each in possible}
    outcome = first.outcome if len(outcomes) == 1 else Outcome.UNKNOWN
    if outcomes == {Outcome.DROPPED, Outcome.REJECTED}:
        outcome = Outcome.DROPPED
    ends = {end_of(each.packet) for each in possible}
    if outcome is not Outcome.OPEN or len(ends) > 1:
        beyond = outcome is not Outcome.UNKNOWN and all(each.forwarded for each in possible)
        end = ends.pop() if beyond and len(ends) == 1 else (None, None)
        lost = any(each.unanswered for each in possible)
        # Of what may be stopped at once, it isn't said that its first packet passes.
        passes = all(each.later or each.outcome is Outcome.OPEN for each in possible)
        unsure = [each for each in possible if passes and each.outcome is Outcome.UNKNOWN]
        later = tuple(dict.fromkeys(rule for each in unsure for rule in each.later))
        return Decision(family, sources, outcome, rules, *end, beyond, later, unanswered=lost)
    port, address = ends.pop()
    later = tuple(dict.fromkeys(rule for each in possible for rule in each.later))
    return Decision(family, sources, outcome, rules, port, address, first.forwarded, later)
