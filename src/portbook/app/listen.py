"""This machine with the verdict: every socket together with what is on record about its port."""

from __future__ import annotations

import time

from portbook._fast_types import NamedTuple
from portbook.catalog.expectations.lookup import NONE
from portbook.errors import PortbookError
from portbook.host.host_reader import THIS_HOST
from portbook.model import (
    LAST_PORT,
    GapCode,
    OwnerSearch,
    OwnersSeen,
    PortRules,
    Source,
    Visibility,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.app.on_record import PortsOnRecord
    from portbook.app.socket_filter import Filter
    from portbook.app.watch import Watch
    from portbook.catalog import Catalog
    from portbook.catalog.expectations.lookup import Notes
    from portbook.host.firewall.redirects import Redirect
    from portbook.host.host_reader import HostReader
    from portbook.model import (
        Gap,
        Host,
        Listener,
        Note,
        Standing,
        Transport,
    )
    from portbook.verdict.shadowing import Reached


class HereAnswer(NamedTuple):
    """What listens or is bound on this machine, each socket with its findings.

    ``listeners`` have their most serious finding first, then their port, unless another order was
    asked for; ``standings`` says how each (port, transport) stands in the registry; ``notes`` are
    the user's own on the ports asked for. ``total`` counts all sockets that could be seen, those
    that were not asked for included; ``matching`` those asked for, also where fewer are passed on.
    """

    listeners: tuple[Listener, ...]
    visibility: Visibility
    missing: tuple[Gap, ...]
    standings: Mapping[tuple[int, Transport], Standing]
    redirects: tuple[Redirect, ...]
    sources: tuple[Source, ...]
    notes: tuple[Note, ...] = ()
    total: int = 0
    matching: int = 0


class ScanOptions(NamedTuple):
    """How far to look, where looking has a cost.

    ``owners`` as :func:`portbook.host.reader.read_host` has it; ``detail`` asks the package
    database; ``everywhere`` looks into other network namespaces and NAT rules. ``probe`` asks the
    services that it keeps what they speak; None asks none. Where ``said`` is false, findings have
    their codes and levels, but no sentence and no evidence; where ``named`` is, no subject: it is
    the socket that they stand with. ``notes`` takes the user's own notes into account. ``reach``
    asks for networks and firewall rules, for what isn't bound to loopback. ``clients`` asks who is
    connected, where one port is looked at. ``ports`` is what has been looked up of ports already,
    as it is said or not.
    """

    owners: OwnerSearch = OwnerSearch.FIRST
    detail: bool = False
    everywhere: bool = False
    said: bool = True
    notes: bool = True
    probe: Filter | None = None
    reach: bool = True
    named: bool = True
    clients: bool = False
    ports: PortsOnRecord | None = None

    def probing(self) -> ScanOptions:
        """These, with every service asked what it speaks."""
        from portbook.app.socket_filter import Filter

        return self._replace(probe=Filter())


def look(
    ports: tuple[int, int] | None,
    transport: Transport | None,
    depth: ScanOptions,
    catalog: Catalog,
    host: HostReader = THIS_HOST,
) -> Host:
    """The sockets of *host* on *ports* (None: all), each with its findings."""
    notes = catalog.expectations() if depth.notes else NONE
    bare = host.read_host(ports, transport, depth.owners)
    seen = _judged(bare, None, depth, catalog, host, notes)
    if notes is not NONE:
        # What was left out of the notes says nothing about what could be seen.
        seen = seen._replace(
            notes=notes.within(ports or (0, LAST_PORT), transport),
            missing=seen.missing + notes.missing,
        )
    if not depth.everywhere:
        return seen
    others, missing = host.read_elsewhere(ports, transport, depth.owners)
    listeners = list(seen.listeners)
    for name, other in others:
        judged = _judged(other, name, depth, catalog, host)
        listeners += judged.listeners
        missing += judged.missing[len(other.missing) :]  # what details lack; the rest is in it
    partial = seen.visibility is Visibility.PARTIAL or bool(missing)
    return seen._replace(
        listeners=tuple(listeners),
        visibility=Visibility.PARTIAL if partial else Visibility.FULL,
        missing=tuple(dict.fromkeys(seen.missing + missing)),
    )


def _judged(
    seen: Host,
    namespace: str | None,
    depth: ScanOptions,
    catalog: Catalog,
    host: HostReader,
    notes: Notes = NONE,
) -> Host:
    """*seen* with details where they are wanted or decide, and with the findings."""
    listeners = seen.listeners
    unknown: tuple[Gap, ...] = ()
    if notes.notes:
        listeners = tuple(
            [
                each._replace(
                    assessment=each.assessment._replace(
                        note=notes.lookup(each.socket.port, each.socket.transport)
                    )
                )
                for each in listeners
            ]
        )
    # Sockets of the same owners share what says so.
    shared = {id(each.ownership): each.ownership for each in listeners}.values()
    if any(owner.executable_deleted for ownership in shared for owner in ownership.owners):
        listeners = host.add_upgrades(listeners)
    if any(owner.program == "systemd" for ownership in shared for owner in ownership.owners):
        listeners = host.add_activations(listeners)
    if depth.detail:
        listeners, unknown = host.add_details(listeners)
    elif any(owner.container for ownership in shared for owner in ownership.owners):
        listeners, unknown = host.add_names(listeners)
    rules = seen.rules or PortRules("")
    if depth.probe is not None and namespace is None:
        listeners = _asked(listeners, depth.probe, rules, catalog, host)
    if depth.reach and namespace is None:
        listeners, unread = _reached(listeners, host)
        unknown += unread
    if namespace is not None:
        listeners = tuple(
            [each._replace(socket=each.socket._replace(namespace=namespace)) for each in listeners]
        )
    if listeners:  # to load what judges them takes as long as half of a free port's lookup
        from portbook.app.judge import Judge

        catalog.practice.expect_at([each.socket.port for each in listeners])
        judge = Judge(
            *(rules, catalog),
            said=depth.said,
            named=depth.named,
            trusted=notes.users,
            host=host,
            ports=depth.ports,
        )
        shadowed = _shadowed(listeners, host)
        listeners = tuple(
            [judge(each, shadowed.get(place, ())) for place, each in enumerate(listeners)]
        )
    return seen._replace(
        listeners=listeners,
        # A detail was asked for: one that wasn't told is a part of the truth that wasn't seen.
        visibility=Visibility.PARTIAL if unknown else seen.visibility,
        missing=seen.missing + unknown,
    )


def _reached(
    listeners: tuple[Listener, ...], host: HostReader
) -> tuple[tuple[Listener, ...], tuple[Gap, ...]]:
    """*listeners* with from where each can be reached; those of loopback alone are left as is.

    Unless an interface lets packets to loopback in.
    """
    listening = [each.socket for each in listeners if each.socket.listens]
    if all(each.loopback for each in listening) and not (
        any("." in each.address for each in listening) and host.lets_loopback_in()
    ):
        return listeners, ()
    from portbook.app.reachable import add_reachable

    return add_reachable(listeners, host)


def _shadowed(
    listeners: tuple[Listener, ...], host: HostReader
) -> Mapping[int, tuple[Reached, ...]]:
    """As :func:`portbook.verdict.shadowing.find_shadowed`, which few machines have to load."""
    places = {(each.socket.transport, each.socket.port) for each in listeners}
    if len(places) == len(listeners):
        return {}
    from portbook.verdict.shadowing import LOCALHOST, find_shadowed

    return find_shadowed(listeners, host.read_name("localhost") or LOCALHOST)


def _asked(
    listeners: tuple[Listener, ...],
    wanted: Filter,
    rules: PortRules,
    catalog: Catalog,
    host: HostReader,
) -> tuple[Listener, ...]:
    """*listeners* with what those that *wanted* keeps speak; their level isn't known yet."""
    wanted = wanted._replace(level=None)
    asked = {id(each): each for each in listeners if wanted.keeps(each)}

    def likely(listener: Listener) -> tuple[str, ...]:
        return likely_services(listener, catalog)

    told = dict(zip(asked, host.add_spoken(tuple(asked.values()), likely, rules), strict=True))
    return tuple([told.get(id(each), each) for each in listeners])


def likely_services(listener: Listener, catalog: Catalog) -> tuple[str, ...]:
    """The services to expect of *listener*, by name: those of its program, then of its port."""
    paths = [each.activates_executable or each.executable for each in listener.ownership.owners]
    programs = [one for path in paths if path for one in catalog.practice.lookup_programs(path)]
    rows = catalog.registry.lookup(listener.socket.port, listener.socket.transport)
    here = [name for row in rows for name in (row.service_name, *row.aliases) if name]
    there = [service for program in programs for service in program.services]
    return tuple(dict.fromkeys([*(name for name in here if name in there), *there, *here]))


def prepare(places: set[tuple[int, Transport]], ports: PortsOnRecord, catalog: Catalog) -> None:
    """Does what judging sockets at *places* takes, whoever holds them, so that it needn't later."""
    from portbook.app import judge, reachable  # noqa: F401 - loaded ahead
    from portbook.host.firewall import other_filters  # noqa: F401
    from portbook.host.linux import network  # noqa: F401

    if ports.said:
        from portbook.verdict import evidence, finding_facts  # noqa: F401
    try:
        catalog.practice.expect_at([port for port, _ in places])
        for place in sorted(places):
            ports.on_record(*place)
    except PortbookError:  # told where it is needed
        pass


def here_source() -> Source:
    """This machine as a source of facts, with the moment at which it was asked."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Source("host", moment, "this machine's sockets and processes, as it was asked")


def answer_here(
    wanted: Filter,
    depth: ScanOptions,
    catalog: Catalog,
    host: HostReader = THIS_HOST,
    order: str = "level",
) -> HereAnswer:
    """What *wanted* keeps of the sockets of *host*, in an *order* of :data:`ORDERS`."""
    from portbook.app.socket_filter import Filter
    from portbook.app.socket_order import sort_sockets

    book = catalog.registry
    if depth.probe is not None:
        depth = depth._replace(probe=wanted)
    seen = look(wanted.ports, wanted.transport, depth, catalog, host)
    redirects, unseen = (
        read_redirected(wanted.ports, wanted.transport, host) if depth.everywhere else ((), ())
    )
    kept = sort_sockets(
        seen.listeners if wanted == Filter() else filter(wanted.keeps, seen.listeners), order
    )
    if wanted.spans:
        seen = seen._replace(missing=_counted(seen, wanted))
    total = len(seen.listeners)
    if wanted.ports is not None or wanted.transport is not None:
        # A list without owners is cheap; without it the total would be of those ports alone.
        total = len(host.read_host(None, None, OwnerSearch.NONE).listeners) + sum(
            [each.socket.namespace is not None for each in seen.listeners]
        )
    return HereAnswer(
        listeners=kept,
        visibility=Visibility.PARTIAL if unseen else seen.visibility,
        missing=tuple(dict.fromkeys(seen.missing + unseen)),
        standings={
            (socket.port, socket.transport): book.standings(socket.port)[socket.transport]
            for socket, _, _ in kept
        },
        redirects=redirects,
        sources=(*book.sources(), *catalog.practice.sources(), here_source()),
        notes=seen.notes,
        total=max(total, len(kept)),
        matching=len(kept),
    )


def _counted(seen: Host, wanted: Filter) -> tuple[Gap, ...]:
    """What is missing of *seen*, with the sockets between several spans left out of its counts."""
    from portbook.app.socket_filter import Filter

    asked = Filter(wanted.transport, wanted.ports, spans=wanted.spans)
    known = [each.ownership.seen for each in seen.listeners if asked.keeps(each)]
    counts = {
        GapCode.OWNERS_HIDDEN: known.count(OwnersSeen.HIDDEN),
        GapCode.OWNERS_INFERRED: known.count(OwnersSeen.INFERRED),
    }
    return tuple(
        [
            gap._replace(number=counts[gap.code], total=len(known)) if gap.code in counts else gap
            for gap in seen.missing
            if counts.get(gap.code) != 0
        ]
    )


def read_redirected(
    ports: tuple[int, int] | None, transport: Transport | None, host: HostReader = THIS_HOST
) -> tuple[tuple[Redirect, ...], tuple[Gap, ...]]:
    """The NAT rules that redirect one of *ports* (None: any), and what could not be seen."""
    found, missing = host.read_redirects(None, transport)
    first, last = ports or (0, LAST_PORT)
    return tuple(each for each in found if each.first <= last and each.last >= first), missing


def watch_here(
    wanted: Filter, catalog: Catalog, *, notes: bool = True, host: HostReader = THIS_HOST
) -> Watch:
    """A watch over what *wanted* keeps: its steps cost a look at the sockets, not at processes.

    *notes* takes the user's own notes into account, as they are when a socket appears.
    """
    from portbook.app.watch import Watch

    def look_once() -> Host:
        return host.read_host(wanted.ports, wanted.transport, OwnerSearch.NONE)

    def explain(fresh: tuple[Listener, ...]) -> tuple[Listener, ...]:
        # One walk through the processes serves any number of sockets.
        ports = (min(each.socket.port for each in fresh), max(each.socket.port for each in fresh))
        sockets = {_socket(each) for each in fresh}
        seen = host.read_host(ports, wanted.transport, OwnerSearch.ALL)
        asked = tuple(each for each in seen.listeners if _socket(each) in sockets)
        own = catalog.expectations() if notes else NONE
        depth = ScanOptions(OwnerSearch.ALL)
        judged = _judged(seen._replace(listeners=asked), None, depth, catalog, host, own)
        found = {_socket(each): each for each in judged.listeners}
        # One that has gone meanwhile is nobody's any more; unless it only couldn't be seen.
        lost = OwnersSeen.HIDDEN if judged.missing else OwnersSeen.NONE
        known = (
            found.get(_socket(each), each._replace(ownership=each.ownership._replace(seen=lost)))
            for each in fresh
        )
        return tuple(filter(wanted.keeps, known))

    return Watch(look_once, explain)


def _socket(listener: Listener) -> tuple[object, ...]:
    return (
        listener.socket.inode,
        listener.socket.transport,
        listener.socket.address,
        listener.socket.port,
    )
