"""What listens on this machine.

One dict of platforms; only the module of this machine's system is loaded, and only when asked.
Nothing here raises for what it merely could not see: that is in :attr:`Host.missing`.
"""

from __future__ import annotations

import sys
import time

from portbook.model import Gap, GapCode, Host, OwnerSearch, PortRules, Transport, Visibility

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from portbook.host.linux.connections import Conflicts
    from portbook.model import Listener, Ownership


# The beginning of sys.platform -> the module that asks that system.
PLATFORMS = {"linux": "linux.sockets", "darwin": "macos", "win32": "windows", "cygwin": "windows"}


def platform_of(system: str) -> ModuleType | None:
    """The module that asks *system*, a ``sys.platform``; None where there is none."""
    for prefix, name in PLATFORMS.items():
        if system.startswith(prefix):
            return __import__(f"portbook.host.{name}", fromlist=["read_host"])
    return None


def read_host(
    ports: tuple[int, int] | None = None,
    transport: Transport | None = None,
    owners: OwnerSearch | str = OwnerSearch.FIRST,
) -> Host:
    """The sockets that listen here or are bound, with their owners.

    *ports* is the first and the last local port, both included, or None for all of them;
    *transport* None asks for all. Listeners are sorted by port, transport, family and address.
    Raises ValueError for *owners* that is none of OwnerSearch.
    """
    return _read_host(ports, transport, OwnerSearch(owners))


def read_host_in_two(
    ports: tuple[int, int] | None,
    transport: Transport | None,
    owners: OwnerSearch,
    meanwhile: Callable[[set[tuple[int, Transport]]], None] | None,
    *,
    listed: Callable[[frozenset[int], bool], None],
    widened: tuple[int, int] | None,
) -> Host:
    """As :func:`read_host`, with a child of this process for the moment, where it is of use.

    For a process that is one command's and nobody else's. *meanwhile* takes the ports and
    transports of the sockets, and what it does takes less time there than later; it may be left
    undone. *listed* is told before owners are looked for on which of the *widened* ports sockets
    are, and whether one of *ports* itself can be reached from elsewhere.
    """
    more = {"meanwhile": meanwhile, "listed": listed, "widened": widened}
    return _read_host(ports, transport, owners, **more if sys.platform.startswith("linux") else {})


def _read_host(
    ports: tuple[int, int] | None, transport: Transport | None, owners: OwnerSearch, **more: Any
) -> Host:
    platform = platform_of(sys.platform)
    if platform is None:
        gap = Gap(GapCode.SYSTEM_UNKNOWN, sys.platform)
        return Host((), Visibility.PARTIAL, (gap,), PortRules(sys.platform))
    host: Host = platform.read_host(ports, transport, owners, **more)
    return host._replace(listeners=_add_uptimes(_count_sharing(host.listeners)))


def _add_uptimes(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    """*listeners* with how long the first owner of each has run by now."""
    now = int(time.time())
    timed: dict[int, Ownership] = {}  # sockets of the same owners share what says so
    for each in listeners:
        held = each.ownership
        if held.owners and held.owners[0].started is not None and id(held) not in timed:
            started = int(held.owners[0].started)
            timed[id(held)] = held._replace(uptime_s=max(0, now - started))
    if not timed:
        return listeners
    return tuple(
        [
            each._replace(ownership=timed[id(each.ownership)])
            if id(each.ownership) in timed
            else each
            for each in listeners
        ]
    )


def _count_sharing(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    if len({(each.socket.port, each.socket.transport) for each in listeners}) == len(listeners):
        return listeners
    counts: dict[tuple[object, ...], int] = {}
    for each in listeners:
        counts[_place(each)] = counts.get(_place(each), 0) + 1
    if len(counts) == len(listeners):
        return listeners
    return tuple(
        each
        if counts[_place(each)] == 1
        else each._replace(socket=each.socket._replace(sharing=counts[_place(each)]))
        for each in listeners
    )


def _place(each: Listener) -> tuple[object, ...]:
    return (
        each.socket.transport,
        each.socket.family,
        each.socket.address,
        each.socket.port,
        each.socket.interface,
        each.socket.state,
    )


def read_rules() -> PortRules:
    """The rules about ports in force on this machine; None where one can't be read."""
    platform = platform_of(sys.platform)
    if platform is None:
        return PortRules(sys.platform)
    rules: PortRules = platform.read_rules()
    return rules


def read_excluded_ranges(
    transport: Transport,
) -> tuple[tuple[tuple[int, int, str], ...], tuple[Gap, ...]]:
    """The ranges that the system keeps out of reach, with by whom, and what could not be seen.

    Only Windows has such ranges.
    """
    if not sys.platform.startswith("win"):
        return (), ()
    from portbook.host import windows

    return windows.read_excluded_ranges(transport)


def read_conflicts(
    port: int,
    transport: Transport | None = Transport.TCP,
    owners: OwnerSearch | str = OwnerSearch.FIRST,
) -> Conflicts:
    """The connections on local *port*: outgoing, accepted, or in TIME-WAIT.

    None of them listens, and each can make a bind fail. *transport* None asks for all. Sorted by
    state, then by peer.
    """
    from portbook.host.linux import connections

    search = OwnerSearch(owners)
    if not sys.platform.startswith("linux"):
        gap = Gap(GapCode.CONNECTIONS_UNSUPPORTED, sys.platform)
        return connections.Conflicts((), Visibility.PARTIAL, (gap,))
    return connections.read_conflicts(port, transport, search)
