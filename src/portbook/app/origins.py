"""From where a port can be reached: each origin of connections, and what becomes of them. Pure.

Before any firewall stand the bound address and its interface, the routes that answers take, and the
kernel's own checks of addresses (RFC 1122 §3.2.1.3, RFC 3704). Packets for an address are taken
whichever interface they come in by, as Linux does it.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.host.firewall.intervals import ADDRESSES, Intervals
from portbook.host.linux.network import cidr_of, networks_of, number_of
from portbook.model import Family
from portbook.model.reach import Barrier, Decision, Outcome, RuleText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.host.firewall.packet_filter import PacketFilter
    from portbook.host.linux.network import Interface, Network
    from portbook.model import Socket, Transport
    from portbook.model.finding import NotEvaluated

THIS_MACHINE, ANYWHERE = "this-machine", "anywhere"
MOST_NETWORKS = 32  # of one answer that are listed
_LOOPBACKS = {Family.IPV4: "127.0.0.1", Family.IPV6: "::1"}
_EVERY = ("0.0.0.0", "::")
# What no packet from elsewhere may have as its source (RFC 6890).
_MARTIANS = {
    Family.IPV4: Intervals.of([(0, 0xFFFFFF), (0x7F000000, 0x7FFFFFFF), (0xE0000000, 0xFFFFFFFF)]),
    Family.IPV6: Intervals.of([(0, 1), (0xFF << 120, (1 << 128) - 1)]),
}
_LINK_LOCAL = Intervals.of([(0xFE80 << 112, (0xFEC0 << 112) - 1)])


class Origin(NamedTuple):
    """Where connections may come from, and what becomes of them.

    ``source`` is :data:`THIS_MACHINE`, :data:`ANYWHERE` or a network as CIDR text; the most
    specific one that an address is in holds for it. The rest is as in
    :class:`portbook.model.reach.Decision`; ``delivered_address`` is None where both it and the port
    are those that were asked about.
    ``further`` counts networks of the same answer that aren't listed. ``answers_by`` is another
    interface, by which answers leave: whether they arrive depends on the links being one.
    """

    source: str
    family: Family
    answer: Outcome
    interface: str | None = None
    rules: tuple[RuleText, ...] = ()
    delivered_to: int | None = None
    delivered_address: str | None = None
    forwarded: bool = False
    later: tuple[RuleText, ...] = ()
    source_ports: tuple[RuleText, ...] = ()
    barrier: Barrier | None = None
    further: int = 0
    not_evaluated: tuple[NotEvaluated, ...] = ()
    unanswered: bool = False
    answers_by: str | None = None

    @property
    def redirected(self) -> bool:
        """Whether rules send them to another port or address of this machine."""
        return self.delivered_address is not None and not self.forwarded


def families_of(socket: Socket) -> tuple[Family, ...]:
    """The families whose connections *socket* takes.

    IPv6's wildcard takes both, unless it is for IPv6 alone.
    """
    if socket.family is Family.IPV4 or socket.address.startswith("::ffff:"):
        return (Family.IPV4,)
    dual = socket.address == "::" and socket.v6only is False
    return (Family.IPV4, Family.IPV6) if dual else (Family.IPV6,)


def origins_of(
    socket: Socket | None,
    transport: Transport,
    port: int,
    network: Network,
    packets: PacketFilter,
    behind: tuple[NotEvaluated, ...] = (),
    *,
    short: bool = False,
) -> tuple[Origin, ...]:
    """From where *socket* can be reached, this machine first, then the most specific network.

    None stands for one that is bound to every address of both families. *behind* may stop what
    arrives at it. *short* leaves out this machine, and what becomes of later packets.
    """
    families = tuple(Family) if socket is None else families_of(socket)
    address = "" if socket is None else socket.address.removeprefix("::ffff:").partition("%")[0]
    bound = None if address in ("", *_EVERY) else address
    inside = None if socket is None else socket.interface
    origins: list[Origin] = []
    for family in families:
        question = _Question(
            family=family,
            transport=transport,
            port=port,
            network=network,
            packets=packets,
            bound=bound,
            inside=inside,
            short=short,
        )
        origins += question.origins()
    origins.sort(key=_place)
    if behind:
        origins = [_doubted(each, behind) for each in origins]
    return tuple(dict.fromkeys(origins))


def _doubted(origin: Origin, behind: tuple[NotEvaluated, ...]) -> Origin:
    if origin.answer is not Outcome.OPEN or origin.forwarded or origin.redirected:
        return origin
    return origin._replace(answer=Outcome.UNKNOWN, not_evaluated=behind)


def _place(origin: Origin) -> tuple[int, int]:
    if origin.source == THIS_MACHINE:
        return 0, 0
    if origin.source == ANYWHERE:
        return 2, 0
    length = int(origin.source.rpartition("/")[2])
    return 1, -length if origin.family is Family.IPV6 else -length - 96


class _Question(NamedTuple):
    """One family of one socket, bound to an address, inside an interface; None: of all."""

    family: Family
    transport: Transport
    port: int
    network: Network
    packets: PacketFilter
    bound: str | None
    inside: str | None
    short: bool

    def origins(self) -> Iterator[Origin]:
        """This machine, then everywhere else."""
        bound, loopback = self.bound, _LOOPBACKS[self.family]
        on_loopback = bound is not None and (bound == "::1" or bound.startswith("127."))
        if bound is not None and not on_loopback and not self.network.has(bound):
            yield self._stopped(THIS_MACHINE, Barrier.NOT_HERE)
            yield self._stopped(ANYWHERE, Barrier.NOT_HERE)
            return
        outer = self.inside is not None and self.inside not in _loopback_names(self.network)
        own = bound or (self._own_address(self.inside) if outer else loopback)
        if own is not None and not self.short:
            yield from self._from_here(own)
        if on_loopback or (self.inside is not None and not outer):
            if on_loopback and self.inside is None and self.family is Family.IPV4:
                yield from self._past_loopback(str(bound))
            yield self._stopped(ANYWHERE, Barrier.LOOPBACK)
            return
        if bound is not None and bound.startswith("fe80:") and self._outer():
            for each in self._outer():
                if any(own.text == bound for own in each.addresses):
                    yield from self._through(each, bound, self._attached(each))
            yield self._stopped(ANYWHERE, Barrier.LINK_LOCAL)
            return
        yield from self._from_elsewhere()

    def _stopped(self, source: str, barrier: Barrier, interface: str | None = None) -> Origin:
        return Origin(source, self.family, Outcome.DROPPED, interface, barrier=barrier)

    def _own_address(self, name: str | None) -> str | None:
        """An address of the family on the interface *name*, one that is routed if there is one."""
        for each in self.network.interfaces:
            if each.name == name:
                return _address_on(each, self.family)
        return None

    def _from_here(self, address: str) -> Iterator[Origin]:
        """Connections of this machine to *address*: they come from the same one, by ``lo``."""
        loopback = [each for each in self.network.interfaces if each.loopback]
        if loopback and not any(each.up for each in loopback):
            yield self._stopped(THIS_MACHINE, Barrier.DOWN, loopback[0].name)
            return
        for decision in self._decide(address, "lo", address):
            yield _origin(THIS_MACHINE, decision, None)

    def _past_loopback(self, bound: str) -> Iterator[Origin]:
        """Neighbours, where an interface lets packets to 127.0.0.0/8 in (route_localnet)."""
        for interface in self._outer():
            if interface.routes_loopback:
                yield from self._through(interface, bound, self._attached(interface))

    def _attached(self, interface: Interface) -> list[tuple[int, int]]:
        """The networks that *interface* itself is in."""
        own = [each.network for each in interface.addresses if each.family is self.family]
        return [*dict.fromkeys(own)]

    def _outer(self) -> list[Interface]:
        """The interfaces through which other machines are reached."""
        return [
            each
            for each in self.network.interfaces
            if each.up and not each.loopback and self.inside in (None, each.name)
        ]

    def _from_elsewhere(self) -> Iterator[Origin]:
        reached = addressed = False
        refused = [
            span
            for span in self.network.refused(self.family)
            if span != ADDRESSES[self.family].pairs()[0]
        ]
        for place, span in enumerate(refused[:MOST_NETWORKS], 1):
            stopped = self._stopped(cidr_of(self.family, *span), Barrier.NO_ROUTE)
            further = len(refused) - place if place == MOST_NETWORKS else 0
            yield stopped._replace(further=further)
        for interface in self._outer():
            address = self.bound or _address_on(interface, self.family)
            if address is None:
                continue
            addressed = True
            for origin in self._through(interface, address, self._sources(interface)):
                reached = reached or origin.source == ANYWHERE
                yield origin
        if reached:
            return
        if not addressed:
            others = [each for each in self.network.interfaces if not each.loopback]
            down = [each for each in others if not each.up and self.inside in (None, each.name)]
            has_one = any(_address_on(each, self.family) for each in down)
            lacks = Barrier.DOWN if has_one else Barrier.NO_ADDRESS
            yield self._stopped(ANYWHERE, lacks, None if has_one else self.inside)
        elif not self.network.policy:
            yield self._stopped(ANYWHERE, Barrier.NO_ROUTE)
        else:  # other tables than the main one may have a way
            yield Origin(ANYWHERE, self.family, Outcome.UNKNOWN)

    def _sources(self, interface: Interface) -> list[tuple[int, int]]:
        """The networks to which answers leave by *interface*."""
        spans = [
            (route.first, route.last)
            for route in self.network.routes
            if route.family is self.family and route.interface == interface.name
        ]
        return list(dict.fromkeys([span for span in spans if span[0] != span[1]]))

    def _through(
        self, interface: Interface, address: str, spans: list[tuple[int, int]]
    ) -> Iterator[Origin]:
        """What comes from *spans* by *interface*; the most specific takes its part first."""
        own = [each.text for each in interface.addresses if each.family is self.family]
        taken = _MARTIANS[self.family] | Intervals.of([(number_of(each),) * 2 for each in own])
        everyone = ADDRESSES[self.family]
        decisions: dict[str, tuple[Decision, ...]] = {}
        refused = self.network.refused(self.family)
        doubt = Intervals.of(
            [
                (each.first, each.last)
                for each in self.network.doubtful
                if each.family is self.family
            ]
        )
        for span in sorted([*refused, *spans], key=lambda span: span[1] - span[0]):
            sources = Intervals.of([span]) - taken
            taken |= Intervals.of([span])
            if not sources or span in refused:
                continue
            whole = Intervals.of([span]) == everyone
            if whole and self.family is Family.IPV6:
                sources -= _LINK_LOCAL
            label = ANYWHERE if whole else cidr_of(self.family, *span)
            way = self._way_back(span, interface)
            if interface.strict_source and way is not None and self.family is Family.IPV4:
                yield self._stopped(label, Barrier.STRICT_SOURCE, interface.name)
                continue
            unsure = sources & doubt
            if unsure:  # their answers may leave by another interface, or be refused
                sources -= unsure
                unknown = Origin(label, self.family, Outcome.UNKNOWN, interface.name)
                parts = networks_of(self.family, unsure.pairs()) if sources else [span]
                for part, _ in zip(parts, range(MOST_NETWORKS), strict=False):
                    yield unknown._replace(source=cidr_of(self.family, *part) if sources else label)
                if not sources:
                    continue
            here = self._destination(interface, address, sources)
            if here not in decisions:
                decisions[here] = self._decide(here, interface.name)
            for each in (_cut_short if self.short else _cut)(
                label, sources, decisions[here], interface.name
            ):
                strays = way is not None and each.answer is Outcome.OPEN and not each.forwarded
                yield each._replace(answer=Outcome.UNKNOWN, answers_by=way) if strays else each

    def _destination(self, interface: Interface, address: str, sources: Intervals) -> str:
        """The address that neighbours on the link use, where *sources* are link-local."""
        if self.bound is None and self.family is Family.IPV6 and _LINK_LOCAL.covers(sources):
            local = [each.text for each in interface.addresses if each.text.startswith("fe80:")]
            return local[0] if local else address
        return address

    def _way_back(self, span: tuple[int, int], interface: Interface) -> str | None:
        """The other interface by which answers to *span* leave; None where there is none."""
        routes = [
            route
            for route in self.network.routes
            if route.family is self.family and (route.first, route.last) == span and route.interface
        ]
        # Of routes with the same metric the kernel takes the first, which it lists first.
        used = min(routes, key=lambda each: each.metric).interface if routes else None
        known = any(each.interface == interface.name for each in routes)
        local = _LINK_LOCAL.covers(Intervals.of([span])) and self.family is Family.IPV6
        return used if known and not local and used != interface.name else None

    def _decide(
        self, address: str, interface: str, source: str | None = None
    ) -> tuple[Decision, ...]:
        later = not self.short
        decisions = self.packets.decide(
            self.family, self.transport, address, self.port, interface, source, later=later
        )
        return tuple(
            [
                each._replace(delivered_address=None)
                if (each.delivered_address, each.delivered_to) == (address, self.port)
                else each
                for each in decisions
            ]
        )


def _loopback_names(network: Network) -> list[str]:
    return [each.name for each in network.interfaces if each.loopback] or ["lo"]


def _address_on(interface: Interface, family: Family) -> str | None:
    texts = [each.text for each in interface.addresses if each.family is family]
    return min(texts, key=lambda text: text.startswith(("fe80:", "169.254.")), default=None)


def _cut(
    label: str, sources: Intervals, decisions: Iterable[Decision], interface: str
) -> Iterator[Origin]:
    """The origins of *sources*: *label* is the widest part, the others are listed by network."""
    for number, (part, decision) in enumerate(_parts(sources, decisions)):
        origin = _origin(label, decision, interface)
        if not number:
            yield origin
            continue
        networks = list(networks_of(decision.family, part.pairs()))
        for place, (first, last) in enumerate(networks[:MOST_NETWORKS], 1):
            further = max(0, len(networks) - place) if place == MOST_NETWORKS else 0
            yield origin._replace(source=cidr_of(decision.family, first, last), further=further)


def _cut_short(
    label: str, sources: Intervals, decisions: Iterable[Decision], interface: str
) -> Iterator[Origin]:
    """As :func:`_cut`, with the networks of those that are let in alone, not counted further.

    A ruleset may drop a hundred thousand addresses one by one.
    """
    for number, (part, decision) in enumerate(_parts(sources, decisions)):
        origin = _origin(label, decision, interface)
        if not number or decision.outcome is not Outcome.OPEN:
            yield origin
            continue
        networks = networks_of(decision.family, part.pairs())
        for (first, last), _ in zip(networks, range(MOST_NETWORKS), strict=False):
            yield origin._replace(source=cidr_of(decision.family, first, last))


def _parts(sources: Intervals, decisions: Iterable[Decision]) -> list[tuple[Intervals, Decision]]:
    """What of *sources* each decision is about, the widest part first."""
    wholes = [(Intervals.in_order(each.sources), each) for each in decisions]
    parts = [(sources & own, each) for own, each in wholes if own.is_near(sources)]
    parts = [each for each in parts if each[0]]
    parts.sort(key=lambda each: -each[0].size())
    return parts


def _origin(source: str, decision: Decision, interface: str | None) -> Origin:
    return Origin(
        source=source,
        family=decision.family,
        answer=decision.outcome,
        interface=interface,
        rules=decision.rules,
        delivered_to=decision.delivered_to,
        delivered_address=decision.delivered_address,
        forwarded=decision.forwarded,
        later=decision.later,
        source_ports=decision.source_ports,
        not_evaluated=decision.not_evaluated,
        unanswered=decision.unanswered,
    )
