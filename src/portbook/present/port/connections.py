"""Connections on a port on which nothing listens, in a sentence."""

from __future__ import annotations

from portbook.model import OwnersSeen, Transport, host_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.host.linux.connections import Connection


def sentence(port: int, connections: Sequence[Connection]) -> str:
    """That *port* is in use though nothing listens on it, by whom, and what tells more."""
    waiting = [each for each in connections if each.state == "time-wait"]
    live = [each for each in connections if each.state != "time-wait"]
    parts = []
    if live:
        # One that a process holds says more than one that is being closed.
        first = next((each for each in live if each.owners), live[0])
        peer = host_port(first.peer_address, first.peer_port)
        many = f"{len(live)} connections, one of them" if live[1:] else "a connection"
        parts.append(
            f"it is the local port of {many} to {peer} "
            f"({first.transport}, {first.state}), held by {_holder(first)}"
        )
    if waiting:
        left = [each.seconds_left for each in waiting if each.seconds_left is not None]
        many = f"{len(waiting)} closed connections wait" if waiting[1:] else "a closed one waits"
        if not live and not waiting[1:]:
            many = "a closed connection waits"
        until = f", for {round(max(left))} s at most" if left else ""
        parts.append(f"{many} there for late packets (TIME_WAIT){until}")
    transport = connections[0].transport
    asked = port if transport is Transport.TCP else f"{port}/{transport}"
    return (
        f"Nothing listens on {port} here at this moment, but {'; and '.join(parts)}. "
        f"A bind of it can fail for that: portbook why {asked} tries."
    )


def _holder(connection: Connection) -> str:
    if connection.owners:
        inferred = ", inferred" if connection.owners_seen is OwnersSeen.INFERRED else ""
        first = connection.owners[0]
        return f"{first.program or 'a process'} (pid {first.pid}{inferred})"
    if connection.owners_seen is OwnersSeen.KERNEL:
        return "the kernel, which is closing it"
    user = "" if connection.uid is None else f" of user {connection.user or connection.uid}"
    if connection.owners_seen is OwnersSeen.NONE:
        return f"no process that is left{user}"
    return f"a process{user} that is not visible to you"
