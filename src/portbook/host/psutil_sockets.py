"""What psutil can tell of listeners, for the systems that have no better source.

It names no socket, only its address: sockets that share one are told apart by nothing, and
are one listener with several owners here. It doesn't show sockets that are bound but not
listening. What it may not read is left unknown, never empty.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from portbook.model import (
    Family,
    Gap,
    GapCode,
    Host,
    Listener,
    Need,
    OwnerSearch,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from portbook.model.secrets import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FAMILIES = {socket.AF_INET: Family.IPV4, socket.AF_INET6: Family.IPV6}
_TRANSPORTS = {socket.SOCK_STREAM: Transport.TCP, socket.SOCK_DGRAM: Transport.UDP}


class Row(NamedTuple):
    """One line of psutil's table: a connection and the process it was found in, if any."""

    connection: Any
    pid: int | None


class Table(NamedTuple):
    """All that could be read. ``denied`` counts the processes that could not be asked."""

    rows: tuple[Row, ...]
    denied: int = 0
    failed: Gap | None = None


def load_psutil() -> Any:
    """Psutil. Raises ImportError where it isn't installed."""
    import psutil

    return psutil


def read_table(psutil: Any) -> Table:
    """The system's own table of sockets, in which each has one process (Windows)."""
    try:
        found = psutil.net_connections(kind="inet")
    except psutil.AccessDenied:
        return Table((), failed=Gap(GapCode.LISTING_DENIED, needs=Need.ROOT))
    except (psutil.Error, OSError) as error:
        return Table((), failed=Gap(GapCode.LISTING_FAILED, detail=str(error)))
    return Table(tuple(Row(connection, connection.pid) for connection in found))


def read_each_process(psutil: Any) -> Table:
    """The sockets of every process, asked one by one (macOS): other users' may be denied."""
    rows: list[Row] = []
    denied = 0
    for process in psutil.process_iter():
        try:
            found = process.net_connections(kind="inet")
        except psutil.AccessDenied:
            denied += 1
        except (psutil.NoSuchProcess, OSError):
            continue  # it has just ended; a zombie holds nothing
        else:
            rows.extend(Row(connection, process.pid) for connection in found)
    return Table(tuple(rows), denied)


class System(NamedTuple):
    """How psutil is asked on a system with *rules*: *read* gives the table of all sockets.

    ``posix`` says whether processes have users by number; ``kernel`` and ``whole`` are as for
    :func:`host_of`.
    """

    rules: PortRules
    read: Callable[[Any], Table]
    posix: bool
    kernel: tuple[int, ...] = ()
    whole: bool = False


def read_system(
    system: System,
    ports: tuple[int, int] | None,
    transport: Transport | None,
    owners: OwnerSearch,
    load: Callable[[], Any] = load_psutil,
) -> Host:
    """What listens on *system*, as :func:`portbook.host.reader.read_host`; *load* gives psutil."""
    try:
        psutil = load()
    except ImportError:
        gap = Gap(GapCode.PSUTIL_MISSING, needs=Need.TOOL)
        return Host((), Visibility.PARTIAL, (gap,), system.rules)
    return host_of(
        system.read(psutil),
        lambda pid: read_process(psutil, pid, posix=system.posix),
        ports,
        transport,
        owners,
        system.rules,
        kernel=system.kernel,
        whole=system.whole,
    )


def host_of(
    table: Table,
    details: Callable[[int], Process | None],
    ports: tuple[int, int] | None,
    transport: Transport | None,
    owners: OwnerSearch,
    rules: PortRules,
    *,
    kernel: tuple[int, ...] = (),
    whole: bool,
) -> Host:
    """A Host from *table*.

    *kernel* are the pids that stand for the system itself; *whole* says that the table was made
    process by process, so that every holder of a socket is in it.
    """
    missing = list(_missing(table, transport, rules.system))
    holders: dict[tuple[int, Transport, Family | None, str, str | None], list[int | None]] = {}
    for listener, pid in _listeners(table.rows, ports or (0, 65535), transport):
        key = (
            listener.socket.port,
            listener.socket.transport,
            listener.socket.family,
            listener.socket.address,
            listener.socket.interface,
        )
        pids = holders.setdefault(key, [])
        if pid not in pids:
            pids.append(pid)
    listeners = []
    unseen = 0
    for key in sorted(holders, key=lambda each: (*each[:4], each[4] or "")):
        port, kind, family, address, interface = key
        known = [pid for pid in holders[key] if pid]
        people = [pid for pid in known if pid not in kernel]
        processes: tuple[Process, ...] = ()
        if owners != OwnerSearch.NONE:
            wanted = people if owners == OwnerSearch.ALL else people[:1]
            processes = tuple(found for pid in wanted if (found := details(pid)) is not None)
        if processes:
            whole_truth = whole and not table.denied and owners == OwnerSearch.ALL
            seen = OwnersSeen.ALL if whole_truth else OwnersSeen.FIRST
        elif known and not people:
            seen = OwnersSeen.KERNEL
        else:
            seen = OwnersSeen.HIDDEN
            unseen += owners != OwnerSearch.NONE
        user = processes[0].user if processes else None
        uid = processes[0].uid if processes else None
        listeners.append(
            Listener(
                Socket(
                    kind,
                    family,
                    address,
                    port,
                    SocketState.LISTEN,
                    interface=interface,
                    uid=uid,
                    user=user,
                ),
                Ownership(processes, seen),
            )
        )
    if unseen:
        missing.append(Gap(GapCode.OWNERS_UNSEEN, number=unseen, total=len(listeners)))
    visibility = Visibility.PARTIAL if missing else Visibility.FULL
    return Host(tuple(listeners), visibility, tuple(missing), rules)


def _missing(table: Table, transport: Transport | None, system: str) -> Iterator[Gap]:
    if table.failed:
        yield table.failed
    if table.denied:
        yield Gap(GapCode.PROCESSES_DENIED, needs=Need.ROOT, number=table.denied)
    if transport in (Transport.SCTP, Transport.DCCP):
        yield Gap(GapCode.TRANSPORT_UNSUPPORTED, transport.value, detail=system)
    elif transport in (None, Transport.TCP):
        yield Gap(GapCode.BOUND_UNSUPPORTED, system)


def _listeners(
    rows: Iterable[Row], ports: tuple[int, int], transport: Transport | None
) -> Iterator[tuple[Listener, int | None]]:
    for row in rows:
        family = _FAMILIES.get(row.connection.family)
        kind = _TRANSPORTS.get(row.connection.type)
        local = row.connection.laddr
        if family is None or kind is None or not local or transport not in (None, kind):
            continue
        listening = (
            row.connection.status == "LISTEN"
            if kind is Transport.TCP
            else not row.connection.raddr  # an unconnected UDP socket takes from anyone
        )
        if listening and ports[0] <= local.port <= ports[1]:
            address, _, zone = local.ip.partition("%")
            yield (
                Listener(
                    Socket(
                        kind,
                        family,
                        address,
                        local.port,
                        SocketState.LISTEN,
                        interface=zone or None,
                    )
                ),
                row.pid,
            )


def read_process(psutil: Any, pid: int, *, posix: bool) -> Process | None:
    """What this user may see of a process; None where it has ended. What is denied is None."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return Process(pid, None)

    def ask(name: str) -> Any:
        try:
            return getattr(process, name)()
        except (psutil.Error, OSError):
            return None

    executable = ask("exe") or None
    file_uid = mode = None
    if executable and posix:
        try:
            file = os.stat(executable)
        except OSError:
            pass  # moved or removed since: whether it is the same file can't be told here
        else:
            file_uid, mode = file.st_uid, file.st_mode & 0o7777
    uids = ask("uids") if posix else None
    return Process(
        pid,
        ask("name"),
        mask_secrets(tuple(ask("cmdline") or ())) or None,
        executable,
        file_uid,
        mode,
        None,
        uids.effective if uids else None,
        ask("username"),
        ask("create_time"),
        ask("ppid") or None,
        cwd=ask("cwd") or None,
    )
