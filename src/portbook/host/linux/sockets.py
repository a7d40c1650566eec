"""Linux: sockets over netlink, owners and rules from /proc. Input and output only.

What is read is understood by :mod:`portbook.host.linux.sock_diag` and
:mod:`portbook.host.linux.procfs`; who holds a socket is found by :mod:`portbook.host.linux.owners`.
"""

from __future__ import annotations

import _socket
import _struct
import os

from portbook._fast_types import NamedTuple
from portbook.errors import HostUnreadable, MalformedInput
from portbook.host.linux import procfs, sock_diag
from portbook.host.linux.procfs import read_user
from portbook.host.linux.sock_diag import DiagSocket, Question
from portbook.model import (
    Assessment,
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
    Socket,
    SocketState,
    Transport,
    Visibility,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from portbook.host.linux.sock_diag import Netlink
    from portbook.model import Process


_NETLINK_SOCK_DIAG = 4  # linux/netlink.h
_ENOENT, _EINVAL, _EOPNOTSUPP, _ENOBUFS = 2, 22, 95, 105
_RECEIVE = 1 << 16  # the kernel fills at most 32 kB a read
_TRIES = 4

# transport, UDP-Lite, states, the file of /proc/net that is the fallback, and a path that is
# there when the kernel has the transport at all
_KINDS = (
    (Transport.TCP, False, sock_diag.TCP_LISTEN_MASK, "net/tcp", "net/tcp"),
    (Transport.UDP, False, sock_diag.UDP_LISTEN_MASK, "net/udp", "net/udp"),
    (Transport.UDP, True, sock_diag.UDP_LISTEN_MASK, "net/udplite", "net/udplite"),
    (Transport.SCTP, False, sock_diag.SCTP_LISTEN_MASK, None, "net/sctp"),
    (Transport.DCCP, False, sock_diag.SCTP_LISTEN_MASK, None, "sys/net/dccp"),
)


class _Sockets(NamedTuple):
    """What a dump, or its fallback, gave, and what it could not give."""

    sockets: tuple[DiagSocket, ...]
    missing: tuple[Gap, ...] = ()


def connect_netlink() -> Netlink:
    """A netlink socket to the kernel's socket monitor. Raises OSError where that is refused."""
    netlink = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
    # Two seconds (struct timeval): a kernel that never answers must not hang the reader.
    netlink.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, _struct.pack("@ll", 2, 0))
    return netlink


def read_host(
    ports: tuple[int, int] | None,
    transport: Transport | None,
    owners: OwnerSearch,
    *,
    root: str = "/proc",
    cgroups: str | None = None,
    connect: Callable[[], Netlink] = connect_netlink,
    release: str | None = None,
    meanwhile: Callable[[set[tuple[int, Transport]]], None] | None = None,
    listed: Callable[[frozenset[int], bool], None] | None = None,
    widened: tuple[int, int] | None = None,
) -> Host:
    """As :func:`portbook.host.reader.read_host` and ``read_host_in_two``.

    *root* is where procfs is mounted, *cgroups* where cgroup2 is (None: found out), *release*
    the kernel's version (None: this one's).
    """
    first, last = ports or (0, 65535)
    try:
        found = read_sockets(*(widened or (first, last)), transport, root=root, connect=connect)
        if listed is not None:  # however many ports are asked for, the kernel looks at all sockets
            taken = frozenset([each.port for each in found.sockets])
            if widened is not None:
                inside = [each for each in found.sockets if first <= each.port <= last]
                found = found._replace(sockets=tuple(inside))
            listed(taken, any(map(sock_diag.is_outer, found.sockets)))
    except HostUnreadable as error:
        gap = Gap(GapCode.SOCKETS_UNREADABLE, detail=str(error))
        return Host((), Visibility.PARTIAL, (gap,), read_rules(root=root))
    missing = list(found.missing)
    release = os.uname().release if release is None else release
    if transport in (None, Transport.TCP) and not missing and not sock_diag.shows_bound(release):
        missing.append(Gap(GapCode.BOUND_UNSEEN, release, Need.KERNEL))
    seen, unseen = find_owners(found.sockets, owners, root, cgroups, meanwhile)
    listeners = _listeners(found.sockets, seen)
    missing.extend(unseen)
    visibility = Visibility.PARTIAL if missing else Visibility.FULL
    return Host(tuple(listeners), visibility, tuple(missing), read_rules(root=root))


def find_owners(
    sockets: tuple[DiagSocket, ...],
    how: OwnerSearch,
    root: str,
    cgroups: str | None,
    meanwhile: Callable[[set[tuple[int, Transport]]], None] | None = None,
) -> tuple[Mapping[int, tuple[OwnersSeen, tuple[Process, ...]]], tuple[Gap, ...]]:
    """Inode -> how its owners were found and who they are; and what could not be seen."""
    wanted = {socket.inode: (socket.uid, socket.cgroup) for socket in sockets if socket.inode}
    if not wanted or how == OwnerSearch.NONE:
        return {}, ()
    from portbook.host.linux.owners import read_owners

    every, places = how == OwnerSearch.ALL, {(one.port, one.transport) for one in sockets}
    done = None if meanwhile is None else lambda do=meanwhile: do(places)
    return read_owners(wanted, every=every, root=root, cgroups=cgroups, meanwhile=done)


def read_sockets(
    first: int,
    last: int,
    transport: Transport | None = None,
    *,
    states: int | None = None,
    root: str = "/proc",
    connect: Callable[[], Netlink] = connect_netlink,
) -> _Sockets:
    """The sockets on *first* to *last*, both included, that listen or are bound.

    *states*, a mask, asks for others instead.
    Raises HostUnreadable where neither netlink nor /proc/net can be read.
    """
    kinds = [kind for kind in _KINDS if transport in (None, kind[0])]
    if states is not None:
        kinds = [(*kind[:2], states, *kind[3:]) for kind in kinds]
    try:
        netlink = connect()
    except OSError as error:
        return _read_fallback(kinds, first, last, root, error.strerror or str(error))
    sockets: list[DiagSocket] = []
    missing: list[Gap] = []
    reader = _Dumps(netlink)
    try:
        for kind, udplite, mask, path, sign in kinds:
            both = None
            if kind is Transport.TCP:
                both = reader.read_both(Question(kind, None, mask, first, last))
            if both is not None:
                sockets += both
                continue
            for family in Family:
                question = Question(kind, family, mask, first, last, udplite)
                answer = reader.read(question)
                if answer is None:  # no monitor for the one family, none for the other
                    missing += _read_unlisted(question, path, sign, root, transport, sockets)
                    break
                sockets += answer
        if reader.interrupted:
            missing.append(Gap(GapCode.SOCKETS_CHANGING, needs=Need.AGAIN))
    except (OSError, MalformedInput) as error:
        why = getattr(error, "strerror", None) or str(error)
        return _read_fallback(kinds, first, last, root, why)
    finally:
        netlink.close()
    return _Sockets(tuple(sockets), tuple(missing))


class _Dumps:
    """Dumps over one netlink socket, each repeated when the tables changed under it."""

    def __init__(self, netlink: Netlink) -> None:
        self._netlink = netlink
        self._sequence = 0
        self.interrupted = False

    def read(self, question: Question) -> list[DiagSocket] | None:
        """The sockets, or None where the kernel has no monitor for them. Raises OSError."""
        interrupted, sockets = False, None
        for _ in range(_TRIES):
            try:
                interrupted, sockets = self._once(question)
            except OSError as error:
                if error.errno != _ENOBUFS:  # the answers overran the socket's buffer: again
                    raise
                interrupted, sockets = True, []
            if not interrupted:
                return sockets
        self.interrupted = True
        return sockets

    def read_both(self, question: Question) -> list[DiagSocket] | None:
        """As :meth:`read` for both families at once, the first one first; None where the kernel
        doesn't take that.
        """
        try:
            sockets = self.read(question)
        except OSError as error:
            if error.errno not in (_EINVAL, _EOPNOTSUPP):
                raise
            return None
        return None if sockets is None else sorted(sockets, key=lambda each: each.family)

    def _once(self, question: Question) -> tuple[bool, list[DiagSocket] | None]:
        self._sequence += 1
        self._netlink.send(sock_diag.request(question, self._sequence))
        sockets: list[DiagSocket] = []
        interrupted = False
        while True:
            data = self._netlink.recv(_RECEIVE)
            if not data:
                raise OSError(_ENOENT, "the kernel closed the netlink socket")
            part = sock_diag.parse_part(data, question, self._sequence)
            sockets += part.sockets
            interrupted = interrupted or part.interrupted
            if part.error == _ENOENT:
                return False, None
            if part.error:
                raise OSError(part.error, os.strerror(part.error))
            if part.done:
                return interrupted, sockets


def _read_unlisted(
    question: Question,
    path: str | None,
    sign: str,
    root: str,
    asked: Transport | None,
    sockets: list[DiagSocket],
) -> tuple[Gap, ...]:
    """A transport the kernel has no monitor for: its /proc table, or what can be said of it."""
    name = "udp-lite" if question.udplite else question.transport.value
    if not os.path.exists(f"{root}/{sign}"):
        if asked == question.transport and not question.udplite:
            return (Gap(GapCode.TRANSPORT_ABSENT, name, Need.KERNEL),)
        return ()
    if path is not None:
        try:
            for family in Family:
                sockets += _read_table(question._replace(family=family), path, root)
        except (OSError, MalformedInput):
            pass
        else:
            if question.transport is Transport.TCP:
                return (Gap(GapCode.BOUND_UNLISTED, name, Need.KERNEL),)
            return ()
    return (Gap(GapCode.TRANSPORT_UNLISTED, name, Need.KERNEL),)


def _read_table(question: Question, path: str, root: str) -> tuple[DiagSocket, ...]:
    suffix = "6" if question.family == Family.IPV6 else ""
    # /proc/net is that of the main thread: another one may be in another network namespace.
    own = f"{root}/thread-self"
    try:
        with open(f"{own if os.path.exists(own) else root}/{path}{suffix}", "rb") as file:
            return procfs.parse_sockets(file.read(), question)
    except FileNotFoundError:
        if suffix:  # a kernel without IPv6
            return ()
        raise


def _read_fallback(
    kinds: Iterable[tuple[Transport, bool, int, str | None, str]],
    first: int,
    last: int,
    root: str,
    why: str,
) -> _Sockets:
    sockets: list[DiagSocket] = []
    missing = [Gap(GapCode.MONITOR_REFUSED, detail=why)]
    for transport, udplite, states, path, sign in kinds:
        if path is None:
            if os.path.exists(f"{root}/{sign}"):
                missing.append(Gap(GapCode.TRANSPORT_UNSEEN, transport.value))
            continue
        try:
            for family in Family:
                question = Question(transport, family, states, first, last, udplite)
                sockets += _read_table(question, path, root)
        except (OSError, MalformedInput) as error:
            if udplite:
                continue
            reason = getattr(error, "strerror", None) or str(error)
            raise HostUnreadable(
                "this machine's sockets can't be read: the kernel's socket monitor "
                f"can't be asked ({why}), nor can {root}/{path} be read ({reason})"
            ) from error
        if transport is Transport.TCP:
            missing[0] = missing[0]._replace(subject=transport.value)
    return _Sockets(tuple(sockets), tuple(missing))


# The kernel tells the fields up to this one; the others keep their defaults.
_TOLD = Socket._fields.index("udplite") + 1
_REST_OF_SOCKET = tuple([Socket._field_defaults[field] for field in Socket._fields[_TOLD:]])


def _listeners(
    sockets: Iterable[DiagSocket],
    owners: Mapping[int, tuple[OwnersSeen, tuple[Process, ...]]],
) -> list[Listener]:
    hidden: tuple[OwnersSeen, tuple[Process, ...]] = (OwnersSeen.HIDDEN, ())
    kernel: tuple[OwnersSeen, tuple[Process, ...]] = (OwnersSeen.KERNEL, ())
    users: dict[int, str | None] = {}
    names: dict[int, str | None] = {0: None}
    # The sockets of a program mostly stand together, and all have the same owners.
    ownership, unjudged = Ownership(), Assessment(())
    listeners = []
    for socket in sockets:
        if socket.uid not in users:
            users[socket.uid] = read_user(socket.uid)
        if socket.interface not in names:
            names[socket.interface] = _interface(socket.interface)
        listening = socket.state == sock_diag.LISTEN
        takes = listening or socket.transport is Transport.UDP
        state = SocketState.LISTEN if takes else SocketState.BOUND
        seen, processes = owners.get(socket.inode, hidden) if socket.inode else kernel
        if processes is not ownership.owners or seen is not ownership.seen:
            ownership = Ownership(processes, seen)
        # SCTP endpoints can have many addresses, all on one port and one socket.
        for family, address in socket.addresses or ((socket.family, socket.address),):
            # The constructor takes four times as long; the fields are those of Socket, in order.
            made = tuple.__new__(
                Socket,
                (
                    socket.transport,
                    family,
                    address,
                    socket.port,
                    state,
                    names[socket.interface],
                    socket.inode or None,
                    socket.uid,
                    users[socket.uid],
                    socket.v6only,
                    socket.rqueue if listening else None,
                    socket.wqueue if listening else None,
                    socket.udplite,
                    *_REST_OF_SOCKET,
                ),
            )
            listeners.append(tuple.__new__(Listener, (made, ownership, unjudged)))
    listeners.sort(key=_place)
    return listeners


def _place(listener: Listener) -> tuple[int, str, str, str]:
    socket = listener.socket
    return socket.port, socket.transport, socket.family or "", socket.address


def _interface(index: int) -> str:
    try:
        return _socket.if_indextoname(index)
    except OSError:  # it has just gone, or is in another network namespace
        return f"interface {index}"


def read_rules(*, root: str = "/proc") -> PortRules:
    """The port rules of this network namespace (Documentation/networking/ip-sysctl.rst)."""
    folder = f"{root}/sys/net/ipv4/ip_"
    unprivileged = _read_numbers(folder + "unprivileged_port_start")
    dynamic = _read_numbers(folder + "local_port_range")
    kept: tuple[tuple[int, int], ...] = ()
    try:
        with open(folder + "local_reserved_ports", "rb") as file:
            kept = procfs.parse_ranges(file.read())
    except (OSError, MalformedInput):
        pass
    return PortRules(
        "linux",
        unprivileged[0] if len(unprivileged) == 1 else None,
        (dynamic[0], dynamic[1]) if len(dynamic) == 2 else None,
        kept,
        os.geteuid() == 0,
    )


def _read_numbers(path: str) -> tuple[int, ...]:
    try:
        with open(path, "rb") as file:
            return procfs.parse_numbers(file.read())
    except (OSError, MalformedInput):
        return ()
