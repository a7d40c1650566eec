"""Looking at all that a plan to stop something rests on."""

from __future__ import annotations

from portbook.app.bind.addresses import takes
from portbook.app.stop.executor import carry_out
from portbook.app.stop.model import ANY_PROGRAM, Scene
from portbook.app.stop.planner import plan
from portbook.errors import InvalidQuery
from portbook.host.host_reader import THIS_HOST
from portbook.model import Gap, GapCode, OwnerSearch, PortRules, Visibility

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.stop.executor import Outcome, Progress, Way
    from portbook.app.stop.model import Named, Plan
    from portbook.host.containers import Published
    from portbook.host.host_reader import HostReader
    from portbook.host.linux.connections import Connection
    from portbook.host.process_control import Hands, Identity
    from portbook.model import Host, Listener, Transport

_FORWARDS = ("docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta")


def plan_stop(
    port: int,
    transport: Transport | None = None,
    address: str | None = None,
    *,
    manager: bool = True,
    named: Named = ANY_PROGRAM,
    host: HostReader = THIS_HOST,
) -> Plan:
    """What would be done to free *port*, on *transport* or on any, and what would be lost.

    *address*, which is numeric, narrows it to what answers there, *named* to some of the programs
    that have the port. With *manager*, what is managed is stopped by its manager. Nothing is done
    yet. Raises InvalidQuery for port 0, and HostUnreadable where nothing can be ended from here.
    """
    return plan(read_scene(port, transport, address, host, named), manager=manager)


def ports_in_use(
    first: int, last: int, transport: Transport | None, host: HostReader = THIS_HOST
) -> tuple[tuple[int, ...], tuple[Gap, ...]]:
    """The ports from *first* to *last* on which anything is bound or that a container publishes,
    and what could not be seen.
    """
    seen = host.read_host((first, last), transport, OwnerSearch.NONE)
    bound = {each.socket.port for each in seen.listeners}
    # Without a proxy of the runtime's, nothing is bound to a port that is published.
    published, _ = host.read_published_ports(first, last, transport and str(transport))
    return tuple(sorted({*bound, *published})), seen.missing


def stop(planned: Plan, way: Way, progress: Progress, host: HostReader = THIS_HOST) -> Outcome:
    """Does what was *planned*, and says what became of it; *progress* is told what takes long.

    Raises HostUnreadable where nothing can be ended from here.
    """
    scene = planned.scene

    def look() -> tuple[Listener, ...]:
        _, listeners = read_listeners(scene.port, scene.transport, scene.address, host)
        return tuple(each for each in listeners if each.socket.listens)

    return carry_out(planned, host.process_control(), look, host.read_processes, way, progress)


def read_listeners(
    port: int, transport: Transport | None, address: str | None, host: HostReader = THIS_HOST
) -> tuple[Host, tuple[Listener, ...]]:
    """What was seen of *port*, with every owner, and the sockets of it that are asked about."""
    seen = host.read_host((port, port), transport, OwnerSearch.ALL)
    listeners = seen.listeners
    if any(owner.program == "systemd" for each in listeners for owner in each.ownership.owners):
        listeners = host.add_activations(listeners)
    if address is not None:
        listeners = tuple(each for each in listeners if takes(each, address))
    return seen, listeners


def read_scene(
    port: int,
    transport: Transport | None,
    address: str | None,
    host: HostReader = THIS_HOST,
    named: Named = ANY_PROGRAM,
) -> Scene:
    """All that a plan for *port* needs. *address* narrows it to what answers there, *named* to the
    sockets of some programs.

    Raises InvalidQuery for port 0, which no socket can hold, and HostUnreadable where nothing can
    be ended from here.
    """
    if port == 0:
        raise InvalidQuery("nothing can listen on port 0: give one from 1 to 65535", "0")
    hands = host.process_control()
    seen, listeners = read_listeners(port, transport, address, host)
    on_port, _ = host.add_names(listeners)
    listeners = tuple(filter(named.takes, on_port))
    missing = list(seen.missing)
    pids = {owner.pid for each in listeners for owner in each.ownership.owners}
    others: tuple[Listener, ...] = ()
    if pids:
        everything = host.read_host(None, None, OwnerSearch.ALL).listeners
        mine = {each.socket.inode for each in listeners}
        others = tuple(
            each for each in everything if each.socket.inode not in mine or not each.socket.inode
        )
    connections: list[Connection] = []
    for each in dict.fromkeys(one.socket.transport for one in listeners):
        connections += host.read_conflicts(port, each, OwnerSearch.ALL).connections
    published, unasked = _published(port, transport, on_port, host)
    missing += unasked
    elsewhere: tuple[tuple[str, Listener], ...] = ()
    if not on_port and not published:
        hosts, unseen = host.read_elsewhere((port, port), transport)
        elsewhere = tuple((name, each) for name, other in hosts for each in other.listeners)
        missing += unseen
    partial = seen.visibility is Visibility.PARTIAL or bool(missing)
    return Scene(
        port=port,
        transport=transport,
        address=address,
        listeners=listeners,
        own=host.read_own(),
        identities={pid: _identity(pid, listeners, hands) for pid in pids},
        processes=host.read_processes() if pids else {},
        others=others,
        connections=tuple(connections),
        elsewhere=elsewhere,
        published=published,
        rules=seen.rules or PortRules(""),
        systemd=host.systemd_runs(),
        user=host.user(),
        missing=tuple(dict.fromkeys(missing)) if partial else (),
        blind=bool(seen.missing) and not seen.listeners,
        named=named,
        beside=tuple([each for each in on_port if each not in listeners]),
    )


def _identity(pid: int, listeners: tuple[Listener, ...], hands: Hands) -> Identity | None:
    """The process *pid*, if it still is the one that was seen to hold the port."""
    identity = hands.identify(pid)
    inodes = [
        each.socket.inode
        for each in listeners
        if each.socket.inode is not None
        and any(owner.pid == pid for owner in each.ownership.owners)
    ]
    # It was known by its number alone until now: it has to hold the socket still.
    if identity is None or (inodes and hands.holds(pid, inodes) is False):
        return None
    return identity


def _published(
    port: int, transport: Transport | None, listeners: tuple[Listener, ...], host: HostReader
) -> tuple[tuple[Published, ...], tuple[Gap, ...]]:
    """The containers that publish the port, where that can matter."""
    forwarded = any(
        owner.program in _FORWARDS for each in listeners for owner in each.ownership.owners
    )
    if listeners and not forwarded:
        return (), ()
    found: list[Published] = []
    reasons: dict[str, None] = {}
    kinds = [transport] if transport is not None else ["tcp", "udp"]
    for kind in kinds:
        some, why = host.read_published(port, str(kind))
        found += some
        reasons |= dict.fromkeys(why)
    gaps = tuple([Gap(GapCode.CONTAINERS_UNASKED, detail=reason) for reason in reasons])
    return tuple(dict.fromkeys(found)), gaps if forwarded else ()
