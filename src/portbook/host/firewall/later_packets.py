"""What a connection meets behind its first packet, and when it is tried once more. Pure.

Rules may put a packet's own values into sets (``add @seen { ip saddr }``), or take them out: the
packets to come then meet other rules than the first one did.
"""

from __future__ import annotations

from portbook.host.firewall.conditions import Flags
from portbook.host.firewall.flows import Flow, Stop, looped, track, union, with_changes
from portbook.host.firewall.intervals import NOTHING, Intervals
from portbook.model.reach import Decision, Outcome, RuleText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.host.firewall.conditions import SetChange
    from portbook.host.firewall.walk import Walk

    Added = Mapping[SetChange, Intervals]

_NAT = -100  # enum nf_ip_hook_priorities
_ESTABLISHED, _ACK = 2, 16
_TIMES = 4  # packets that each may change sets


def stops_of(
    walk: Walk, flow: Flow, forwarded: bool, sources: Intervals
) -> Iterator[tuple[Intervals, bool, tuple[RuleText, ...]]]:
    """Whose later packets are stopped, whether so as the sets are now, and by which rules.

    Of those of *sources*, all of whom the first packet of *flow* and its answer got through.
    """
    stops, passed = _later(walk, flow, forwarded, {})
    stopped, unsure = _among(stops, sources), NOTHING
    added: Added = {}
    for _ in range(_TIMES):
        if walk.added == added:
            break
        added = dict(walk.added)
        then, through = _later(walk, flow, forwarded, added)
        kept_out = stopped - union([each.sources for each in passed])
        unsure |= _among(then, sources) - stopped
        unsure |= kept_out & union([each.sources for each in through])
        stops = [*stops, *then]
    for some, surely in ((stopped - unsure, True), (unsure, False)):
        if some:
            rules = [each.rules[-1] for each in stops if each.sources & some]
            yield some, surely, tuple(dict.fromkeys(rules))


def _among(stops: Iterable[Stop], sources: Intervals) -> Intervals:
    return union([each.sources for each in stops]) & sources


def _later(walk: Walk, flow: Flow, forwarded: bool, added: Added) -> tuple[list[Stop], list[Flow]]:
    """What stops a later packet of a connection that stands, and whose gets through."""
    outer, walk.stops = walk.stops, []
    passed = _through(walk, flow, forwarded, added)
    stops, walk.stops = walk.stops, outer
    return stops, passed


def _through(walk: Walk, flow: Flow, forwarded: bool, added: Added) -> list[Flow]:
    end = flow.packet
    packet = end._replace(
        daddr=end.original[0],
        dport=end.original[1],
        oif="",
        mark=0,
        tracked=None,
        state=_ESTABLISHED,
        tcp_flags=Flags(_ACK, 0x37),
        socket_known=True,
        added=frozenset(),
    )

    def at(priority: int, each: Flow) -> Flow:
        ready = track(priority, each)
        if priority > _NAT and end.translated:
            changed = ready.packet._replace(daddr=end.daddr, dport=end.dport)
            ready = ready._replace(packet=changed)
        return ready

    flows = with_changes(Flow(packet, flow.sources), added)
    if walk.interface == "lo":
        oif = end.oif if forwarded else "lo"
        flows = [each._replace(packet=each.packet._replace(iif="", oif=oif)) for each in flows]
        flows = walk.through("output", flows, at)
        flows = walk.through("postrouting", flows)
        if forwarded:
            return flows
        flows = [looped(each) for each in flows]
    flows = walk.through("ingress", flows)
    flows = walk.through("prerouting", flows, at)
    if not forwarded:
        return walk.through("input", flows)
    flows = [each._replace(packet=each.packet._replace(oif=end.oif)) for each in flows]
    return walk.through("postrouting", walk.through("forward", flows))


def agreed(first: list[Decision], second: list[Decision]) -> list[Decision]:
    """*first*, but "can't tell" for those whose *second* try comes to something else."""
    before, then = _by_outcome(first), _by_outcome(second)
    differ = union([some - then.get(outcome, NOTHING) for outcome, some in before.items()])
    if not differ:
        return first
    told = []
    for one in first:
        sources = Intervals.in_order(one.sources)
        if same := sources - differ:
            told.append(one._replace(sources=same))
        told += [
            _doubted(one, other, some)
            for other in second
            if (some := sources & differ & Intervals.in_order(other.sources))
        ]
    return told


def _by_outcome(decisions: Iterable[Decision]) -> dict[Outcome, Intervals]:
    """From where connections are open, stopped or unknown."""
    found: dict[Outcome, list[Intervals]] = {}
    for each in decisions:
        outcome = Outcome.DROPPED if each.outcome is Outcome.REJECTED else each.outcome
        found.setdefault(outcome, []).append(Intervals.in_order(each.sources))
    return {outcome: union(some) for outcome, some in found.items()}


def _doubted(one: Decision, other: Decision, sources: Intervals) -> Decision:
    """What may come to either: the rules of the second try stand last."""
    rules = (*[each for each in one.rules if each not in other.rules], *other.rules)
    passes = one.outcome is Outcome.OPEN
    later = one.later or (other.rules[-1:] if passes else ())
    return Decision(one.family, sources, Outcome.UNKNOWN, rules, later=later)
