"""From where a port of this machine can be reached, which rule decides, and who answers."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.origins import ANYWHERE, THIS_MACHINE, origins_of
from portbook.app.reachable import gaps_of
from portbook.app.redirected import Takers, interface_of
from portbook.errors import InvalidQuery, shown
from portbook.host.host_reader import THIS_HOST
from portbook.model import Gap, OwnerSearch, Transport, Visibility, is_v4, is_v6
from portbook.model.reach import Outcome
from portbook.verdict.socket_choice import LOOPBACK, choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from portbook.app.origins import Origin
    from portbook.host.firewall.configured import Configured
    from portbook.host.firewall.packet_filter import PacketFilter
    from portbook.host.host_reader import HostReader
    from portbook.host.linux.network import Network
    from portbook.model import Listener, Socket
    from portbook.model.finding import NotEvaluated
    from portbook.model.reach import RuleText

_STOPPED = (Outcome.DROPPED, Outcome.REJECTED)
_MOST_STOPS = 12  # one behind the other that are looked for


class ReachRequest(NamedTuple):
    """Which port; ``name`` is an address of this machine or a name, ``resolve`` asks DNS for it.

    ``transport`` None is TCP, or UDP where only that has a socket on the port.
    """

    port: int
    transport: Transport | None = None
    name: str | None = None
    resolve: bool = False


class SocketReach(NamedTuple):
    """From where one socket can be reached; ``listener`` is None where nothing is bound."""

    listener: Listener | None
    origins: tuple[Origin, ...]


class Answer(NamedTuple):
    """What answers on one ``address``: ``listeners``, of several any may; none: it is refused.

    Before it comes to that, rules may stop the connection (``outcome``) or send it elsewhere: to
    another port here, or to ``delivered_address``. A *foreign* address is another machine's.
    """

    address: str
    listeners: tuple[Listener, ...]
    outcome: Outcome = Outcome.OPEN
    rules: tuple[RuleText, ...] = ()
    delivered_to: int | None = None
    delivered_address: str | None = None
    not_evaluated: tuple[NotEvaluated, ...] = ()
    foreign: bool = False


class End(NamedTuple):
    """Where rules send connections on, and what answers there.

    ``listeners`` are none where that can't be seen: the address may be another machine's.
    """

    address: str
    port: int
    listeners: tuple[Listener, ...]


class ReachReport(NamedTuple):
    """From where a port can be reached, and who answers on the name that was asked about.

    ``filters`` names what filters packets here: ``ufw``, ``firewalld``, ``docker``, ``fail2ban``,
    ``nftables``, ``iptables``; ``configured`` is what their files say where the rules in force may
    not be read.
    ``answers`` is None where no name was asked about. ``not_evaluated`` is what else handles
    packets here: where it may decide about this port, that is ``missing`` as well. ``ends`` are the
    places where connections end that rules send on, to other ports here or beyond this machine.
    ``behind`` is what would stop other machines next, where what stops all of them now lets them
    in. ``legacy`` are the tables of iptables-legacy, as ``ip filter``.
    """

    port: int
    transport: Transport
    sockets: tuple[SocketReach, ...]
    visibility: Visibility
    missing: tuple[Gap, ...]
    filters: tuple[str, ...] = ()
    configured: tuple[Configured, ...] = ()
    name: str | None = None
    answers: tuple[Answer, ...] | None = None
    not_evaluated: tuple[NotEvaluated, ...] = ()
    ends: tuple[End, ...] = ()
    behind: tuple[Origin, ...] = ()
    legacy: tuple[str, ...] = ()

    @property
    def origins(self) -> Iterator[Origin]:
        """Those of all sockets."""
        for each in self.sockets:
            yield from each.origins


def reach_here(request: ReachRequest, host: HostReader = THIS_HOST) -> ReachReport:
    """From where the port of *request* can be reached.

    :raises InvalidQuery: port 0, a name that only DNS may know, another machine's address.
    """
    if request.port == 0:
        raise InvalidQuery("nothing can listen on port 0: give the port itself", "0")
    network = host.read_network()
    addresses = None
    if request.name is not None:
        addresses = _addresses(request, network, host)
    transport, listeners, missing = _listeners(request, host)
    packets = host.read_packet_filter(network)
    groups = host.read_filtering_cgroups(tuple(listeners))

    takers = Takers(transport, network, host)

    def of(
        socket: Socket | None, filters: PacketFilter = packets, *, short: bool = False
    ) -> tuple[Origin, ...]:
        behind = () if socket is None else groups.get(socket.inode or 0, ())
        origins = origins_of(socket, transport, request.port, network, filters, behind, short=short)
        return takers.settled(origins)

    def opened(rules: frozenset[RuleText]) -> list[Origin]:
        """What becomes of most others from each place where *rules* let in whom they stop."""
        filters = packets.opened(rules)
        widest: dict[tuple[object, ...], Origin] = {}
        for place, each in enumerate(sockets):
            socket = None if each.listener is None else each.listener.socket
            for one in of(socket, filters, short=True):
                widest.setdefault((place, one.source, one.family, one.interface), one)
        return [*widest.values()]

    sockets = tuple([SocketReach(each, of(each.socket)) for each in listeners])
    sockets = sockets or (SocketReach(None, of(None)),)
    answers = None
    if addresses is not None:
        answers = tuple(
            [_answer(each, listeners, transport, request.port, network, packets, host)
             for each in addresses]
        )  # fmt: skip
        answers = tuple([_doubted(each, groups) for each in answers])
    origins = [origin for each in sockets for origin in each.origins]
    doubts = [one for each in origins for one in each.not_evaluated]
    doubts += [one for each in answers or () for one in each.not_evaluated]
    missing = tuple(dict.fromkeys((*missing, *packets.missing, *gaps_of(doubts))))
    configured = host.read_configured(request.port, transport) if packets.missing else ()
    return ReachReport(
        port=request.port,
        transport=transport,
        sockets=sockets,
        visibility=Visibility.PARTIAL if missing else Visibility.FULL,
        missing=missing,
        filters=filters_of(packets),
        configured=configured,
        name=request.name,
        answers=answers,
        not_evaluated=tuple(dict.fromkeys((*doubts, *packets.not_evaluated))),
        ends=_ends(origins, transport, takers, host),
        behind=_behind(origins, opened),
        legacy=packets.legacy,
    )


def _behind(
    origins: list[Origin], reached: Callable[[frozenset[RuleText]], list[Origin]]
) -> tuple[Origin, ...]:
    """What stops those of *origins* next whom a rule stops, for each rule until they are let in.

    That is found by what they would meet (*reached*) if those that stop them now let them in.
    """
    found: list[Origin] = []
    opened: frozenset[RuleText] = frozenset()
    for _ in range(_MOST_STOPS):
        others = [each for each in origins if each.source != THIS_MACHINE]
        let_in = any(each.answer is Outcome.OPEN for each in others)
        if let_in and not opened:
            break
        stopped = [
            each
            for each in others
            if each.rules and each.barrier is None and each.answer in _STOPPED
        ]
        wide = [each for each in stopped if each.source == ANYWHERE]
        stopped = wide if wide or let_in else stopped
        found += stopped if opened else []
        rules = frozenset([each.rules[-1] for each in stopped])
        if rules <= opened:
            break
        opened |= rules
        origins = reached(opened)
    return tuple(found)


def _addresses(request: ReachRequest, network: Network, host: HostReader) -> tuple[str, ...]:
    name = str(request.name)
    numeric = is_v4(name) or is_v6(name)
    addresses = (name.partition("%")[0],) if numeric else host.read_name(name, ask=request.resolve)
    if addresses is None:
        why = f"{shown(name)} is neither localhost nor in /etc/hosts: give its address"
        raise InvalidQuery(why, name).helped_by("resolve")
    try:
        own = [each for each in addresses if network.has(each)]
    except OSError:
        raise InvalidQuery(f"{shown(name)} is no IP address: give one", name) from None
    if not own:
        whose = "is" if numeric else f"leads to {', '.join(addresses[:3])},"
        raise InvalidQuery(
            f"{shown(name)} {whose} not an address of this machine: give the port alone, "
            f"{request.port}",
            name,
        )
    return addresses


def _listeners(
    request: ReachRequest, host: HostReader
) -> tuple[Transport, list[Listener], tuple[Gap, ...]]:
    """The transport, and what listens on the port in this network namespace."""
    ports = (request.port, request.port)
    seen = host.read_host(ports, request.transport, OwnerSearch.FIRST)
    bound = [each for each in seen.listeners if each.socket.listens]
    transport = request.transport
    if transport is None:
        kinds = {each.socket.transport for each in bound}
        transport = Transport.UDP if kinds == {Transport.UDP} else Transport.TCP
    return transport, [each for each in bound if each.socket.transport is transport], seen.missing


def _answer(
    address: str,
    listeners: list[Listener],
    transport: Transport,
    port: int,
    network: Network,
    packets: PacketFilter,
    host: HostReader,
) -> Answer:
    """Who answers when this machine connects to *address*."""
    from portbook.model import Family

    if not any(each.up for each in network.interfaces if each.loopback):
        return Answer(address, (), Outcome.DROPPED)
    if not network.has(address):  # another machine's: the name has it beside this one's
        return Answer(address, (), Outcome.UNKNOWN, foreign=True)
    family = Family.IPV6 if ":" in address else Family.IPV4
    (decision, *_) = packets.decide(family, transport, address, port, LOOPBACK, address)
    sent = decision.delivered_to if decision.delivered_to is not None else port
    target = decision.delivered_address or address
    if (decision.forwarded and decision.outcome is Outcome.OPEN) or (
        target != address and not network.has(target)
    ):
        beyond = _takers(host.read_listeners_at(target, sent, transport), target)
        stopped = decision.outcome in _STOPPED
        return Answer(
            address=address,
            listeners=() if stopped else beyond,
            outcome=decision.outcome,
            rules=decision.rules,
            delivered_to=sent,
            delivered_address=target,
            not_evaluated=decision.not_evaluated,
        )
    if sent != port:
        seen = host.read_host((sent, sent), transport, OwnerSearch.FIRST)
        listeners = [each for each in seen.listeners if each.socket.listens]
    takers: tuple[Listener, ...] = ()
    if decision.outcome in (Outcome.OPEN, Outcome.UNKNOWN):
        places = choose([each.socket for each in listeners], target, interface_of(target, network))
        takers = tuple([listeners[place] for place in places])
    return Answer(
        address=address,
        listeners=takers,
        outcome=decision.outcome,
        rules=decision.rules,
        delivered_to=None if sent == port else sent,
        delivered_address=None if target == address else target,
        not_evaluated=decision.not_evaluated,
    )


def _doubted(answer: Answer, groups: Mapping[int, tuple[NotEvaluated, ...]]) -> Answer:
    """*answer* with the filters of the control groups of those that answer."""
    behind = [one for each in answer.listeners for one in groups.get(each.socket.inode or 0, ())]
    if not behind:
        return answer
    doubts = tuple(dict.fromkeys((*answer.not_evaluated, *behind)))
    return answer._replace(outcome=Outcome.UNKNOWN, not_evaluated=doubts)


def _takers(listeners: tuple[Listener, ...], address: str) -> tuple[Listener, ...]:
    """Those of *listeners*, in the namespace that has *address*, that get what comes for it."""
    places = choose([each.socket._replace(interface=None) for each in listeners], address)
    return tuple([listeners[place] for place in places])


def _ends(
    origins: list[Origin], transport: Transport, takers: Takers, host: HostReader
) -> tuple[End, ...]:
    """What answers where rules send connections to other ports or addresses."""
    found: dict[tuple[str, int], tuple[Listener, ...]] = {}
    for each in origins:
        address, port = each.delivered_address, each.delivered_to
        if address is None or port is None or (address, port) in found:
            continue
        if each.forwarded:
            beyond = host.read_listeners_at(address, port, transport)
            found[address, port] = _takers(beyond, address)
        elif each.answer is Outcome.OPEN:
            found[address, port] = takers.of(each) or ()
    return tuple([End(*place, some) for place, some in found.items()])


# What the tables and chains of a tool are called, and its sets: a guess, by the names that it uses
# today. Those that decide over what comes in stand first.
_NAMES = {
    "ufw": ("ufw-", "ufw6-"),
    "firewalld": ("firewalld", "IN_public", "INPUT_ZONES"),
    "docker": ("DOCKER", "docker"),
    "fail2ban": ("f2b-",),
}
_IPTABLES = {"raw", "mangle", "nat", "filter", "security"}  # its tables: iptables(8)
_MANAGERS = {"ufw", "firewalld"}  # the others only add rules of their own


def filters_of(packets: PacketFilter) -> tuple[str, ...]:
    """What filters packets here, by the names of tables and chains; the first is in charge.

    Where no manager is known by its names, that is ``nftables`` or ``iptables`` itself.
    """
    chains = [tuple(words.split(" ")) for words in packets.tables]
    tools = {
        tool: [names for names in chains if any(word.startswith(marks) for word in names[1:])]
        for tool, marks in _NAMES.items()
    }
    found = [tool for tool, own in tools.items() if own]
    if chains and not _MANAGERS & set(found):
        theirs = {names for own in tools.values() for names in own}
        others = [names for names in chains if names not in theirs]
        # The chains of iptables have capitals, in nftables too.
        plain = any(
            family not in ("ip", "ip6") or not chain.isupper() for family, _, chain in others
        ) or not (others or any(table in _IPTABLES for _, table, _ in chains))
        found.insert(0, "nftables" if plain else "iptables")
    return tuple(found)
