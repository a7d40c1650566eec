"""Looking at all that a plan to stop something rests on."""

from __future__ import annotations

from portbook.app.bind.addresses import takes
from portbook.app.stop.executor import carry_out
from portbook.app.stop.model import Scene
from portbook.app.stop.planner import plan
from portbook.errors import InvalidQuery
from portbook.host.process_control import hands
from portbook.host.reader import read_conflicts, read_host
from portbook.model import Gap, GapCode, OwnerSearch, PortRules, Visibility

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.stop.executor import Outcome, Progress, Way
    from portbook.app.stop.model import Plan
    from portbook.host.containers import Published
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
) -> Plan:
    """What would be done to free *port*, on *transport* or on any, and what would be lost.

    *address*, which is numeric, narrows it to what answers there. With *manager*, what is managed
    is stopped by its manager. Nothing is done yet. Raises InvalidQuery for port 0, and
    HostUnreadable where nothing can be ended from here.
    """
    return plan(read_scene(port, transport, address, hands()), manager=manager)


def stop(
    planned: Plan,
    way: Way,
    progress: Progress,
) -> Outcome:
    """Does what was *planned*, and says what became of it; *progress* is told in lines."""
    scene = planned.scene

    def look() -> tuple[Listener, ...]:
        _, listeners = read_listeners(scene.port, scene.transport, scene.address)
        return tuple(each for each in listeners if each.socket.state == "listen")

    return carry_out(planned, hands(), look, way, progress)


def read_listeners(
    port: int, transport: Transport | None, address: str | None
) -> tuple[Host, tuple[Listener, ...]]:
    """What was seen of *port*, with every owner, and the sockets of it that are asked about."""
    seen = read_host((port, port), transport, OwnerSearch.ALL)
    listeners = seen.listeners
    if any(owner.program == "systemd" for each in listeners for owner in each.ownership.owners):
        from portbook.host.linux.activation import add_activations

        listeners = add_activations(listeners)
    if address is not None:
        listeners = tuple(each for each in listeners if takes(each, address))
    return seen, listeners


def read_scene(port: int, transport: Transport | None, address: str | None, hands: Hands) -> Scene:
    """All that a plan for *port* needs. *address* narrows it to what answers there.

    Raises InvalidQuery for port 0, which no socket can hold.
    """
    import os

    from portbook.host.details import add_names
    from portbook.host.linux.process_tree import read_own, read_processes, systemd_runs

    if port == 0:
        raise InvalidQuery("nothing can listen on port 0: give one from 1 to 65535", "0")
    seen, listeners = read_listeners(port, transport, address)
    listeners, _ = add_names(listeners)
    missing = list(seen.missing)
    pids = {owner.pid for each in listeners for owner in each.ownership.owners}
    others: tuple[Listener, ...] = ()
    if pids:
        everything = read_host(None, None, OwnerSearch.ALL).listeners
        mine = {each.socket.inode for each in listeners}
        others = tuple(
            each for each in everything if each.socket.inode not in mine or not each.socket.inode
        )
    connections: list[Connection] = []
    for each in dict.fromkeys(one.socket.transport for one in listeners):
        connections += read_conflicts(port, each, OwnerSearch.ALL).connections
    published, unasked = _published(port, transport, listeners)
    missing += unasked
    elsewhere: tuple[tuple[str, Listener], ...] = ()
    if not listeners and not published:
        from portbook.host.linux.other_namespaces import read_elsewhere

        hosts, unseen = read_elsewhere((port, port), transport)
        elsewhere = tuple((name, each) for name, host in hosts for each in host.listeners)
        missing += unseen
    partial = seen.visibility is Visibility.PARTIAL or bool(missing)
    return Scene(
        port,
        transport,
        address,
        listeners,
        read_own(),
        {pid: _identity(pid, listeners, hands) for pid in pids},
        read_processes() if pids else {},
        others,
        tuple(connections),
        elsewhere,
        published,
        seen.rules or PortRules(""),
        systemd_runs(),
        os.geteuid() if hasattr(os, "geteuid") else 0,
        tuple(dict.fromkeys(missing)) if partial else (),
        bool(seen.missing) and not seen.listeners,
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
    port: int, transport: Transport | None, listeners: tuple[Listener, ...]
) -> tuple[tuple[Published, ...], tuple[Gap, ...]]:
    """The containers that publish the port, where that can matter."""
    forwarded = any(
        owner.program in _FORWARDS for each in listeners for owner in each.ownership.owners
    )
    if listeners and not forwarded:
        return (), ()
    from portbook.host.containers import read_published

    found: list[Published] = []
    reasons: dict[str, None] = {}
    kinds = [transport] if transport is not None else ["tcp", "udp"]
    for kind in kinds:
        some, why = read_published(port, str(kind))
        found += some
        reasons |= dict.fromkeys(why)
    gaps = tuple([Gap(GapCode.CONTAINERS_UNASKED, detail=reason) for reason in reasons])
    return tuple(dict.fromkeys(found)), gaps if forwarded else ()
