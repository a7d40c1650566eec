"""What this machine has on the ports of a query: sockets, redirects, connections, a free port."""

from __future__ import annotations

from portbook.model import PORTS, ConnectionState, OwnerSearch, OwnersSeen, Visibility

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.listen import ScanOptions
    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query
    from portbook.host.firewall.redirects import Redirect
    from portbook.host.host_reader import HostReader
    from portbook.host.linux.connections import Connection
    from portbook.model import Finding, Host, Source, Transport


def look_at(
    query: Query, catalog: Catalog, depth: ScanOptions | None, host: HostReader | None
) -> tuple[Host | None, tuple[Redirect, ...]]:
    """The sockets on the ports of *query*, and the redirects of them; None without a *depth*."""
    if depth is None:
        return None, ()
    from portbook.app.listen import look, read_redirected
    from portbook.app.socket_order import sort_by_gravity
    from portbook.host.host_reader import THIS_HOST

    host = host or THIS_HOST
    everything = query.last - query.first + 1 == PORTS
    ports = None if everything else (query.first, query.last)
    seen = look(ports, query.transport, depth, catalog, host)
    if query.first == query.last and len(seen.listeners) > 1:
        seen = seen._replace(listeners=sort_by_gravity(seen.listeners))
    if not depth.everywhere and (seen.listeners or not host.may_read_redirects()):
        return seen, ()
    # "Nothing is bound to 8080" is half the truth where 8080 is redirected.
    redirects, unseen = read_redirected(ports, query.transport, host)
    if depth.everywhere and unseen:
        missing = tuple(dict.fromkeys(seen.missing + unseen))
        seen = seen._replace(visibility=Visibility.PARTIAL, missing=missing)
    return seen, redirects


def connections_on(
    seen: Host | None,
    port: int,
    transport: Transport | None,
    depth: ScanOptions | None,
    host: HostReader | None,
) -> tuple[Host | None, tuple[Connection, ...] | None]:
    """The connections on a port on which nothing is bound here: a bind can fail for them too."""
    if (
        depth is None
        or seen is None
        or any(each.socket.namespace is None for each in seen.listeners)
    ):
        return seen, None
    if seen.rules is None or seen.rules.system != "linux":
        return seen, None
    from portbook.host.host_reader import THIS_HOST

    found = (host or THIS_HOST).read_conflicts(port, transport, depth.owners)
    if found.missing:
        missing = tuple(dict.fromkeys(seen.missing + found.missing))
        seen = seen._replace(visibility=Visibility.PARTIAL, missing=missing)
    return seen, found.connections


# A connection of these is over, whoever had it.
_OVER = (ConnectionState.TIME_WAIT, ConnectionState.CLOSED, ConnectionState.LAST_ACK)
_MOST_LOCAL = 64  # ports of this machine's own clients whose owners are looked for


def clients_of(
    seen: Host | None,
    port: int,
    transport: Transport | None,
    depth: ScanOptions | None,
    host: HostReader | None,
) -> tuple[Connection, ...] | None:
    """The other ends of the connections to what listens on a port: from them, as they see it.

    Those on this machine have their owners. None where they weren't asked for or can't be listed.
    """
    if depth is None or not depth.clients or seen is None:
        return None
    if seen.rules is None or seen.rules.system != "linux":
        return None
    from portbook.app.bind.addresses import takes
    from portbook.host.host_reader import THIS_HOST

    reader = host or THIS_HOST
    listening = [each for each in seen.listeners if each.socket.namespace is None]
    taken = [
        each
        for each in reader.read_conflicts(port, transport, OwnerSearch.NONE).connections
        if each.state not in _OVER and any(takes(one, each.address) for one in listening)
    ]
    # The owner of a client on this machine is that of the socket with the ends the other way round.
    nearby = [each for each in taken if _is_nearby(each)]
    places = list(dict.fromkeys((each.transport, each.peer_port) for each in nearby))
    ends = {
        (end.transport, end.port, end.peer_port): end
        for transport, number in places[:_MOST_LOCAL]
        for end in reader.read_conflicts(number, transport, OwnerSearch.FIRST).connections
    }
    found = []
    for each in taken:
        end = ends.get((each.transport, each.peer_port, port)) if each in nearby else None
        found.append(end or _turned(each))
    return tuple(sorted(found, key=lambda end: (end.address, end.port)))


def _is_nearby(connection: Connection) -> bool:
    """Whether the other end is on this machine: on loopback, or at the same address."""
    peer = connection.peer_address
    return peer == connection.address or peer.startswith(("127.", "::ffff:127."))


def _turned(each: Connection) -> Connection:
    """The other end of a connection, of which only this end was seen."""
    return each._replace(
        address=each.peer_address,
        port=each.peer_port,
        peer_address=each.address,
        peer_port=each.port,
        inode=None,
        uid=None,
        user=None,
        owners=(),
        owners_seen=OwnersSeen.HIDDEN,
    )


def free_port(
    seen: Host | None, port: int, transport: Transport | None, host: HostReader | None
) -> int | None:
    """The next free port, where *port* is in use."""
    if seen is None or not seen.listeners:
        return None
    from portbook.app.pick.nearby import free_beside
    from portbook.host.host_reader import THIS_HOST

    return free_beside(seen, port, transport, host or THIS_HOST)


def host_sources(host: Host | None) -> tuple[Source, ...]:
    """This machine as a source, where it was looked at."""
    if host is None:
        return ()
    from portbook.app.listen import here_source

    return (here_source(),)


def findings_of(seen: Host | None) -> tuple[Finding, ...]:
    """The findings of all sockets of *seen*."""
    if seen is None:
        return ()
    return tuple(finding for listener in seen.listeners for finding in listener.assessment.findings)


def join_hosts(hosts: Sequence[Host]) -> Host | None:
    """One machine, looked at port by port, as if at once; None where it was left out."""
    if not hosts:
        return None
    first, *rest = hosts
    partial = any(each.visibility is Visibility.PARTIAL for each in hosts)
    return (
        first._replace(
            listeners=tuple(dict.fromkeys(one for each in hosts for one in each.listeners)),
            visibility=Visibility.PARTIAL if partial else Visibility.FULL,
            missing=tuple(dict.fromkeys(gap for each in hosts for gap in each.missing)),
            notes=tuple(dict.fromkeys(note for each in hosts for note in each.notes)),
        )
        if rest
        else first
    )
