"""What this machine has on the ports of a query: sockets, redirects, connections, a free port."""

from __future__ import annotations

from portbook.model import PORTS, Visibility

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
    from portbook.host.host_reader import THIS_HOST

    host = host or THIS_HOST
    everything = query.last - query.first + 1 == PORTS
    ports = None if everything else (query.first, query.last)
    seen = look(ports, query.transport, depth, catalog, host)
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
