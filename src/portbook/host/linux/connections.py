"""The connections that hold a local port without listening on it.

None of them is among the listeners, and each can make a bind fail: a client whose outgoing
connection was given the port, a connection that outlived its listener, and TIME-WAIT.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.errors import HostUnreadable
from portbook.host.linux import sock_diag
from portbook.host.linux.procfs import read_user
from portbook.host.linux.sockets import connect_netlink, find_owners, read_sockets
from portbook.model import (
    ConnectionState,
    Family,
    Gap,
    GapCode,
    OwnersSeen,
    Process,
    Transport,
    Visibility,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.host.linux.sock_diag import Netlink
    from portbook.model import OwnerSearch


class Connection(NamedTuple):
    """A socket that doesn't listen and yet holds a local port.

    ``seconds_left`` is how long TIME_WAIT lasts. A connection that no process has any more, as in
    TIME_WAIT, has no ``inode``.
    """

    transport: Transport
    family: Family
    address: str
    port: int
    peer_address: str
    peer_port: int
    state: ConnectionState
    seconds_left: float | None = None
    inode: int | None = None
    uid: int | None = None
    owners: tuple[Process, ...] = ()
    owners_seen: OwnersSeen = OwnersSeen.HIDDEN
    user: str | None = None


class Conflicts(NamedTuple):
    """The connections that hold a port, and what could not be seen, as in Host."""

    connections: tuple[Connection, ...]
    visibility: Visibility
    missing: tuple[Gap, ...] = ()


def read_conflicts(
    port: int,
    transport: Transport | None,
    owners: OwnerSearch,
    *,
    root: str = "/proc",
    cgroups: str | None = None,
    connect: Callable[[], Netlink] = connect_netlink,
) -> Conflicts:
    """As :func:`portbook.host.reader.read_conflicts`; *root* and the rest as in read_host."""
    states = sock_diag.CONNECTED_MASK
    try:
        found = read_sockets(port, port, transport, states=states, root=root, connect=connect)
    except HostUnreadable as error:
        gap = Gap(GapCode.SOCKETS_UNREADABLE, detail=str(error))
        return Conflicts((), Visibility.PARTIAL, (gap,))
    seen, unseen = find_owners(found.sockets, owners, root, cgroups)
    nobody = (OwnersSeen.KERNEL, ())
    hidden = (OwnersSeen.HIDDEN, ())
    connections = []
    for each in found.sockets:
        how, processes = seen.get(each.inode, hidden) if each.inode else nobody
        state = sock_diag.STATE_NAMES[each.state]
        connections.append(
            Connection(
                transport=each.transport,
                family=each.family,
                address=each.address,
                port=each.port,
                peer_address=each.peer_address,
                peer_port=each.peer_port,
                state=state,
                seconds_left=each.expires / 1000
                if state is ConnectionState.TIME_WAIT and each.expires
                else None,
                inode=each.inode or None,
                uid=each.uid,
                owners=processes,
                owners_seen=how,
                # What is being closed is nobody's any more, whatever user the kernel names.
                user=read_user(each.uid) if each.inode else None,
            )
        )
    connections.sort(key=lambda each: (each.state, each.family, each.peer_address, each.peer_port))
    missing = (*found.missing, *unseen)
    visibility = Visibility.PARTIAL if missing else Visibility.FULL
    return Conflicts(tuple(connections), visibility, missing)
