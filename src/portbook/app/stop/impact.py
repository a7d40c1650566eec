"""What goes with what is stopped: connections, children, other ports, the rest of a unit. Pure."""

from __future__ import annotations

from portbook.app.bind.addresses import takes
from portbook.app.stop.model import Loss, LossKind, StepKind
from portbook.host.linux.process_tree import descendants
from portbook.model import ConnectionState, host_port
from portbook.verdict.shadowing import group_programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.app.stop.model import Scene, Step
    from portbook.host.linux.connections import Connection
    from portbook.model import Listener

# The states of RFC 9293 §3.3.2 in which a connection is somebody's.
_TAKEN = (
    ConnectionState.ESTABLISHED,
    ConnectionState.SYN_RECEIVED,
    ConnectionState.FIN_WAIT_1,
    ConnectionState.FIN_WAIT_2,
    ConnectionState.CLOSE_WAIT,
    ConnectionState.CLOSING,
)


def unrelated(listeners: Iterable[Listener]) -> int:
    """How many programs hold *listeners*."""
    return len({program for program in group_programs(listeners) if program is not None})


def losses(scene: Scene, steps: Iterable[Step]) -> Iterator[Loss]:
    """What *steps* cost."""
    steps = list(steps)
    if not steps:
        return
    pids = {each.pid for step in steps for each in (*step.targets, *step.later)}
    inodes = {inode for step in steps for inode in step.sockets}
    stopped = [each for each in scene.listeners if each.socket.inode in inodes or not inodes]
    live = [
        each
        for each in scene.connections
        if each.state in _TAKEN
        and not _abandoned(each)
        and any(takes(one, each.address) for one in stopped)
    ]
    if live:
        peers = dict.fromkeys([_peer(each) for each in live])
        yield Loss(LossKind.CONNECTIONS, len(live), tuple(peers))
    children = descendants(pids, scene.processes)
    if children:
        names = [f"{each.program} ({each.pid})" for each in children]
        yield Loss(LossKind.CHILDREN, len(names), tuple(names))
    others = dict.fromkeys(
        each.socket.name
        for each in scene.others
        if any(owner.pid in pids for owner in each.ownership.owners)
    )
    if others:
        yield Loss(LossKind.SOCKETS, len(others), tuple(others))
    known = pids | {each.pid for each in children}
    units = {word for step in steps if step.kind is StepKind.MANAGER for word in step.command[1:]}
    rest = [
        f"{each.program} ({each.pid})"
        for each in scene.processes.values()
        if each.unit in units and each.pid not in known
    ]
    if rest:
        yield Loss(LossKind.UNIT, len(rest), tuple(rest))


def _abandoned(connection: Connection) -> bool:
    """Whether its client left before any process accepted it: nobody loses anything with it."""
    return connection.state is ConnectionState.CLOSE_WAIT and not connection.inode


def _peer(each: Connection) -> str:
    return host_port(each.peer_address, each.peer_port)
