"""From where sockets can be reached, in short: for the verdict, lists and the brief.

Where no firewall rules are in force and there is a way out, nothing has to be worked out:
:mod:`portbook.app.origins` is loaded for the rest alone.
"""

from __future__ import annotations

from portbook.errors import HostUnreadable
from portbook.model import Family, Gap, GapCode, Reachable, Scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.app.origins import Origin
    from portbook.host.host_reader import HostReader
    from portbook.host.linux.network import Network
    from portbook.model import Listener, Socket, Transport
    from portbook.model.finding import NotEvaluated

_MOST_OTHERS = 32  # of those that aren't like the most: a list may ban thousands one by one


def add_reachable(
    listeners: tuple[Listener, ...], host: HostReader
) -> tuple[tuple[Listener, ...], tuple[Gap, ...]]:
    """*listeners* with from where each can be reached, and what of the firewall wasn't seen.

    Where no rules are in force, sockets of one address are alike, whatever their ports.
    """
    try:
        network = host.read_network()
    except HostUnreadable:  # another system: nothing is said there
        return listeners, ()
    # An interface with route_localnet lets its neighbours' packets to 127.0.0.0/8 in.
    lets_in = any(each.routes_loopback for each in network.interfaces)
    outer = tuple([each for each in listeners if _may_be_reached(each.socket, lets_in)])
    dual = any(each.socket.family is Family.IPV6 for each in outer)
    packets = host.read_packet_filter(
        network, (Family.IPV4, Family.IPV6) if dual else (Family.IPV4,)
    )
    groups = host.read_filtering_cgroups(outer)
    doubts: dict[NotEvaluated, None] = {}
    firewall = None if packets.missing else packets.in_force
    evaluated = firewall is not False or bool(packets.not_evaluated)
    known: dict[tuple[object, ...], Reachable] = {}
    if evaluated:  # what takes long is worked out by kinds of ports, and those are known at once
        packets.expect([each.socket.port for each in outer])
        for each in outer:
            packets.alike(*_asked(each.socket))
    told = []
    for each in listeners:
        socket = each.socket
        if not _may_be_reached(socket, lets_in):
            told.append(each)
            continue
        place = (socket.family, socket.address, socket.interface, socket.v6only)
        behind = groups.get(socket.inode or 0, ())
        key = (*place, socket.transport, packets.alike(*_asked(socket))) if evaluated else place
        key = (*key, *behind)
        reachable = known.get(key)
        if reachable is None and not (evaluated or behind) and _has_way_out(socket, network):
            reachable = known[key] = Reachable(Scope.ANYWHERE, firewall=False)
        if reachable is None:
            from portbook.app.origins import origins_of

            origins = origins_of(
                socket, socket.transport, socket.port, network, packets, behind, short=True
            )
            if any(each.redirected or each.delivered_to is None for each in origins):
                from portbook.app.redirected import Takers

                origins = Takers(socket.transport, network, host).settled(origins)
            firewall = None if packets.missing else packets.in_force  # some is read when met
            reachable = known[key] = reachable_of(origins, firewall=firewall, port=socket.port)
        if socket.loopback and reachable.scope in (Scope.THIS_MACHINE, Scope.BLOCKED):
            told.append(each)  # its address says the same
            continue
        doubts.update(dict.fromkeys(reachable.not_evaluated))
        told.append(each._replace(assessment=each.assessment._replace(reachable=reachable)))
    return tuple(told), (*packets.missing, *gaps_of(doubts))


def _may_be_reached(socket: Socket, lets_in: bool) -> bool:
    """Whether others than this machine may reach *socket*, on loopback where that *lets_in*."""
    return socket.listens and (
        not socket.loopback or (lets_in and socket.family is Family.IPV4 and not socket.interface)
    )


def _asked(socket: Socket) -> tuple[int, Transport, tuple[Family, ...]]:
    """What *socket* may be asked about: its port, and the families of what comes to it."""
    v4 = socket.family is Family.IPV4
    return socket.port, socket.transport, (Family.IPV4,) if v4 else (Family.IPV4, Family.IPV6)


def gaps_of(filters: Iterable[NotEvaluated]) -> tuple[Gap, ...]:
    """*filters* as gaps in what is known."""
    return tuple([Gap(GapCode.NOT_EVALUATED, kind, detail=name) for kind, name in filters])


def _has_way_out(socket: Socket, network: Network) -> bool:
    """Whether a default route of its family leads to every address of *socket*, unchecked."""
    if not socket.wildcard:
        return False
    family = Family.IPV4 if "." in socket.address else Family.IPV6
    whole = (0, (1 << (32 if family is Family.IPV4 else 128)) - 1)
    if network.doubtful or any(
        not route.interface and (route.first, route.last) == whole for route in network.routes
    ):
        return False
    ways = {
        route.interface
        for route in network.routes
        if route.family is family and (route.first, route.last) == whole
    }
    return any(
        each.up and not each.loopback and not each.strict_source
        for each in network.interfaces
        if each.name in ways and any(own.family is family for own in each.addresses)
    )


def reachable_of(
    origins: Iterable[Origin], *, firewall: bool | None, port: int | None = None
) -> Reachable:
    """What *origins* of *port* come to; *firewall* as in :class:`portbook.model.Reachable`."""
    from portbook.app.origins import ANYWHERE, THIS_MACHINE
    from portbook.model.reach import Barrier, Outcome

    others = [each for each in origins if each.source != THIS_MACHINE]
    let_in = [each for each in others if each.answer is Outcome.OPEN]
    # What comes in by one interface and is answered by another is open to those on that one's link.
    answered = {(each.source, each.interface) for each in let_in}
    unknown = [
        each
        for each in others
        if each.answer is Outcome.UNKNOWN and (each.source, each.answers_by) not in answered
    ]
    if others and all(each.barrier is Barrier.NOT_HERE for each in others):
        return Reachable(Scope.NOWHERE, firewall=firewall)
    filtered = [each for each in others if each.barrier in (None, Barrier.NO_LISTENER)]
    # The widest first, and IPv4's: it is the one that is named, with its rule.
    let_in.sort(key=_width)
    networks = dict.fromkeys([each.source for each in let_in if each.source != ANYWHERE])
    sent = {each.delivered_to if each.redirected else port for each in let_in or filtered}
    sent_to = sent.pop() if len(sent) == 1 and not unknown else None
    sent_to = None if sent_to == port else sent_to
    if anywhere := [each for each in let_in if each.source == ANYWHERE]:
        return _reachable(Scope.ANYWHERE, (), anywhere, firewall, sent_to)
    if unknown:
        return _reachable(Scope.UNKNOWN, tuple(networks), unknown, firewall)
    if let_in:
        return _reachable(Scope.NETWORKS, tuple(networks), let_in[::-1], firewall, sent_to)
    if filtered:
        return _reachable(Scope.BLOCKED, (), filtered, firewall, sent_to)
    return Reachable(Scope.THIS_MACHINE, firewall=firewall)


def _width(origin: Origin) -> tuple[bool, int]:
    """What stands first of networks: for IPv4 before IPv6, the wider one."""
    length = origin.source.rpartition("/")[2]
    return origin.family is Family.IPV6, int(length) if length.isdigit() else 0


def _reachable(
    scope: Scope,
    networks: tuple[str, ...],
    decisive: Iterable[Origin],
    firewall: bool | None,
    sent_to: int | None = None,
) -> Reachable:
    """*scope* with the rules of the *decisive* origins, each once: last, what is for most.

    Of several with one source, the first is its widest part. Of the others, a few stand for all.
    What is for IPv4 is behind what is for IPv6.
    """
    decisive = list(decisive)
    widest: dict[tuple[object, ...], Origin] = {}
    others = []
    for each in decisive:
        main = widest.setdefault((each.source, each.family, each.interface), each)
        if main is not each:
            others.append(each)
    first = sorted(widest.values(), key=lambda each: each.family is Family.IPV4)
    ordered = (*others[:_MOST_OTHERS], *first)
    met = [rule for origin in ordered for rule in origin.rules]
    rules = [*dict.fromkeys(met[::-1])][::-1]
    texts, chains = tuple([each.text for each in rules]), tuple([each.where for each in rules])
    doubts = dict.fromkeys([one for origin in decisive for one in origin.not_evaluated])
    return Reachable(
        scope=scope,
        networks=networks,
        rules=texts,
        chains=chains,
        firewall=firewall,
        not_evaluated=tuple(doubts),
        sent_to=sent_to,
    )
