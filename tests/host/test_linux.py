"""Linux's own listeners, opened here and asked for; and its faults, made by a kernel of ours."""

from __future__ import annotations

import errno
import os
import pickle
import pwd  # noqa: F401  (as above)
import resource
import socket
import struct
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.cases import for_each

if sys.platform != "linux":
    pytest.skip("Linux only", allow_module_level=True)

import portbook.host.linux.owners
import portbook.host.linux.processes  # noqa: F401  (children without privilege can't load modules)
from portbook.host.host_reader import NEARBY, CommandsHost, HostReader
from portbook.host.linux import sockets
from portbook.host.reader import read_conflicts, read_host, read_rules
from portbook.model import Host, Listener, OwnerSearch, OwnersSeen, Transport, Visibility
from tests.real.needs import need_kernel, need_program, need_root
from tests.values import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portbook.host.linux.connections import Connection

SO_BINDTODEVICE = 25


def opened(
    stack: ExitStack,
    kind: socket.SocketKind = socket.SOCK_STREAM,
    family: socket.AddressFamily = socket.AF_INET,
    address: str = "127.0.0.1",
    *,
    listen: int | None = 5,
    protocol: int = 0,
) -> tuple[socket.socket, int]:
    made = stack.enter_context(socket.socket(family, kind, protocol))
    made.bind((address, 0))
    if kind == socket.SOCK_STREAM and listen is not None:
        made.listen(listen)
    return made, made.getsockname()[1]


def only(port: int, **changes: Any) -> Listener:
    (listener,) = read_host((port, port), **changes).listeners
    return listener


def mine(listener: Listener) -> bool:
    return any(process.pid == os.getpid() for process in listener.ownership.owners)


@pytest.mark.parametrize("transport", [None, Transport.TCP, Transport.UDP])
def test_the_ports_beside_one_are_read_with_it(transport: Transport | None) -> None:
    kind = socket.SOCK_DGRAM if transport is Transport.UDP else socket.SOCK_STREAM
    with ExitStack() as stack:
        _, port = opened(stack, kind)
        beside = stack.enter_context(socket.socket(socket.AF_INET, kind))
        for other in range(port + 1, port + NEARBY):
            try:
                beside.bind(("127.0.0.1", other))
                if kind is socket.SOCK_STREAM:  # older kernels don't tell of those only bound
                    beside.listen()
                break
            except OSError:
                continue
        host = CommandsHost()
        seen = host.read_host((port, port), transport, OwnerSearch.FIRST)
        assert [each.socket.port for each in seen.listeners] == [port]
        taken = beside.getsockname()[1]
        assert taken in HostReader().taken_ports(port + 1, port + NEARBY, transport)
        beside.close()
        assert taken in host.taken_ports(port + 1, port + NEARBY, transport)  # as it was then
        assert host.taken_ports(port, port, Transport.SCTP) == frozenset()  # asked anew


@pytest.mark.parametrize("v6only", [0, 1])
def test_a_listener_on_ipv6(v6only: int) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        made.bind(("::", 0))
        made.listen(1)
        listener = only(made.getsockname()[1])
    assert (listener.socket.family, listener.socket.address) == ("ipv6", "::")
    assert listener.socket.v6only is bool(v6only)


def test_udp_counts_as_listening_until_it_is_connected() -> None:
    with ExitStack() as stack:
        made, port = opened(stack, socket.SOCK_DGRAM)
        listener = only(port)
        assert (listener.socket.transport, listener.socket.state) == (Transport.UDP, "listen")
        assert listener.socket.queue is None
        assert read_host((port, port), Transport.TCP).listeners == ()
        made.connect(("127.0.0.1", 9))
        assert read_host((port, port)).listeners == ()


def test_udplite_is_marked() -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136).close()
    except OSError:
        need_kernel(False, "this kernel has no UDP-Lite")
    with ExitStack() as stack:
        _, port = opened(stack, socket.SOCK_DGRAM, protocol=136)
        listener = only(port, transport=Transport.UDP)
    assert listener.socket.udplite
    assert mine(listener)


def test_bound_but_not_listening() -> None:
    with ExitStack() as stack:
        _, port = opened(stack, listen=None)
        host = read_host((port, port))
    if any("can't show sockets that are bound" in line for line in host.missing):
        assert host.visibility is Visibility.PARTIAL
        assert host.listeners == ()
    else:
        (listener,) = host.listeners
        assert listener.socket.state == "bound"
        assert mine(listener)


def test_other_bound_sockets_stay_out_of_the_answer() -> None:
    # Linux 6.18 leaves the port in a request's socket id aside for bound sockets.
    with ExitStack() as stack:
        ports = [opened(stack, listen=None)[1] for _ in range(4)]
        _, port = opened(stack)
        assert [each.socket.port for each in read_host((port, port)).listeners] == [port]
        first, last = min(ports), max(ports)
        found = {each.socket.port for each in read_host((first, last), owners="none").listeners}
        assert found >= set(ports)
        assert all(first <= each <= last for each in found)


def test_a_socket_of_one_interface() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"lo")
        made.bind(("0.0.0.0", 0))
        made.listen(1)
        listener = only(made.getsockname()[1])
    assert listener.socket.interface == "lo"
    assert not listener.socket.wildcard


def test_sockets_that_share_a_port_are_all_there() -> None:
    with ExitStack() as stack:
        port = 0
        inodes = set()
        for _ in range(3):
            made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind(("127.0.0.1", port))
            made.listen(1)
            port = made.getsockname()[1]
            inodes.add(os.fstat(made.fileno()).st_ino)
        listeners = read_host((port, port)).listeners
    assert {listener.socket.inode for listener in listeners} == inodes
    assert all(mine(listener) for listener in listeners)


@contextmanager
def forked(work: Callable[[], Any]) -> Iterator[tuple[int, Callable[[], Any]]]:
    """A child that does *work*, hands its result over, and stays until the block ends."""
    read, write = os.pipe()
    go, stop = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            os.close(stop)
            with os.fdopen(write, "wb") as out:
                try:
                    pickle.dump(work(), out)
                except Exception as error:  # noqa: BLE001  (handed over, and raised there)
                    pickle.dump(RuntimeError(repr(error)), out)
            os.read(go, 1)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    os.close(go)

    def result() -> Any:
        with os.fdopen(read, "rb") as source:
            value = pickle.load(source)
        if isinstance(value, RuntimeError):
            raise value
        return value

    try:
        yield pid, result
    finally:
        os.close(stop)
        os.waitpid(pid, 0)


def test_a_fork_that_shares_a_socket() -> None:
    with ExitStack() as stack:
        _, port = opened(stack)
        with forked(lambda: None) as (child, result):
            result()
            first = only(port)
            every = read_host((port, port), owners=OwnerSearch.ALL)
    # The parent comes with a child, and a child with its parent, where the kernel lists children.
    owners = {process.pid for process in first.ownership.owners}
    assert os.getpid() in owners
    assert owners <= {os.getpid(), child}
    (listener,) = every.listeners
    assert {process.pid for process in listener.ownership.owners} == {os.getpid(), child}
    # ALL is claimed only if every process could be looked into.
    assert (listener.ownership.seen is OwnersSeen.ALL) == (every.visibility is Visibility.FULL)


def test_no_search_for_owners() -> None:
    with ExitStack() as stack:
        _, port = opened(stack)
        listener = only(port, owners="none")
        assert listener.ownership.owners == ()
        with pytest.raises(ValueError, match="some"):
            read_host(owners="some")


def lose_privilege() -> None:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def test_the_owner_is_hidden_from_another_user() -> None:
    need_root("this test becomes another user")
    with ExitStack() as stack:
        made, port = opened(stack)

        def work() -> Host:
            made.close()  # a fork holds it too
            lose_privilege()
            return read_host((port, port))

        with forked(work) as (_, result):
            host: Host = result()
    (listener,) = host.listeners
    assert listener.socket.uid == 0
    assert listener.socket.user == "root"
    assert host.visibility is Visibility.PARTIAL
    # Without a cgroup of its own nothing points to the owner; with one it is inferred.
    assert listener.ownership.seen in (OwnersSeen.HIDDEN, OwnersSeen.INFERRED)
    (reason,) = sentences(host.missing)
    assert "run as root" in reason


def test_ones_own_sockets_need_no_privilege() -> None:
    import ctypes

    need_root("this test becomes another user")
    libc = ctypes.CDLL(None)

    def work() -> tuple[Host, int]:
        lose_privilege()
        # To change the user takes the right to be looked at away; starting a program gives it
        # back (prctl(2), PR_SET_DUMPABLE 4).
        libc.prctl(4, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
            own.bind(("127.0.0.1", 0))
            own.listen(1)
            port = own.getsockname()[1]
            return read_host((port, port)), os.getpid()

    with forked(work) as (_, result):
        host, pid = result()
    (listener,) = host.listeners
    assert [process.pid for process in listener.ownership.owners] == [pid]
    assert listener.ownership.owners[0].uid == 65534
    assert listener.ownership.seen is OwnersSeen.FIRST
    assert host.visibility is Visibility.FULL


def test_a_process_with_no_descriptor_to_spare() -> None:
    def work() -> Host:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
        return read_host()

    with forked(work) as (_, result):
        host: Host = result()
    assert host.listeners == ()
    assert host.visibility is Visibility.PARTIAL
    assert "Too many open files" in sentences(host.missing)[0]


def sockets_by_ss(*flags: str) -> set[tuple[str, int]]:
    text = subprocess.run(["ss", "-Hln", *flags], check=True, capture_output=True, text=True).stdout
    found = set()
    for line in text.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        address = address.partition("%")[0].strip("[]")
        found.add((address, int(port)))
    return found


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_ss_sees_the_same(transport: Transport) -> None:
    need_program("ss")
    kind = socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM
    with ExitStack() as stack:
        for family, address in (
            (socket.AF_INET, "127.0.0.1"),
            (socket.AF_INET, "0.0.0.0"),
            (socket.AF_INET6, "::1"),
            (socket.AF_INET6, "::"),
        ):
            for _ in range(20):
                opened(stack, kind, family, address)
        ours = {
            (
                "*"
                if each.socket.address == "::" and not each.socket.v6only
                else each.socket.address,
                each.socket.port,
            )
            for each in read_host(None, transport, "none").listeners
            if each.socket.state == "listen" and not each.socket.udplite
        }
        assert ours == sockets_by_ss("-t" if transport is Transport.TCP else "-u")


def test_psutil_sees_the_same() -> None:
    with ExitStack() as stack:
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for _ in range(10):
                    opened(stack, kind, family, address)
        theirs = {
            (row.laddr.ip, row.laddr.port)
            for row in psutil.Process().net_connections("inet")
            if row.status == "LISTEN" or (row.type == socket.SOCK_DGRAM and not row.raddr)
        }
        ours = {
            (each.socket.address, each.socket.port) for each in read_host().listeners if mine(each)
        }
    assert ours == theirs


def test_the_rules_are_the_kernels() -> None:
    rules = read_rules()
    folder = Path("/proc/sys/net/ipv4")
    assert rules.system == "linux"
    assert rules.root is (os.geteuid() == 0)
    assert rules.unprivileged_first == int((folder / "ip_unprivileged_port_start").read_text())
    assert rules.dynamic is not None
    assert list(rules.dynamic) == [
        int(word) for word in (folder / "ip_local_port_range").read_text().split()
    ]


def between(local: int, peer: int) -> tuple[Connection, ...]:
    """The connections from *local* to *peer*; on a shared network others may hold *local* too."""
    return tuple(each for each in read_conflicts(local).connections if each.peer_port == peer)


def test_connections_that_hold_a_port() -> None:
    with ExitStack() as stack:
        made, port = opened(stack)
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        server = stack.enter_context(made.accept()[0])
        local = client.getsockname()[1]
        assert read_host((local, local)).listeners == ()
        (outgoing,) = between(local, port)
        assert outgoing.state == "established"
        assert outgoing.address == outgoing.peer_address == "127.0.0.1"
        assert outgoing.owners[0].pid == os.getpid()
        (accepted,) = between(port, local)
        assert accepted.state == "established"
        client.close()
        server.close()
        (waiting,) = between(local, port)
        assert (waiting.state, waiting.inode) == ("time-wait", None)
        assert waiting.seconds_left is not None
        assert 0 < waiting.seconds_left <= 60  # TCP_TIMEWAIT_LEN, include/net/tcp.h
        assert waiting.owners_seen is OwnersSeen.KERNEL


def test_connected_udp_holds_a_port() -> None:
    with ExitStack() as stack:
        made, port = opened(stack, socket.SOCK_DGRAM)
        assert read_conflicts(port, Transport.UDP).connections == ()
        made.connect(("127.0.0.1", 9))
        (held,) = read_conflicts(port, Transport.UDP).connections
    assert (held.state, held.peer_port) == ("established", 9)


# -- faults -----------------------------------------------------------------------------------


class Kernel:
    """Stands in for the netlink socket: the *n*-th request gets the *n*-th answer."""

    def __init__(self, *answers: bytes | OSError, last: bytes | OSError = b"") -> None:
        self._answers = list(answers)
        self._last = last
        self._sequence = 0
        self.requests = 0
        self.closed = False

    def send(self, data: bytes, /) -> int:
        self._sequence = struct.unpack_from("=I", data, 8)[0]
        self.requests += 1
        return len(data)

    def recv(self, size: int, /) -> bytes:
        answer = self._answers.pop(0) if self._answers else self._last
        if isinstance(answer, OSError):
            raise answer
        return answer.replace(b"SEQ!", struct.pack("=I", self._sequence))

    def close(self) -> None:
        self.closed = True


def done(code: int = 0, flags: int = 2) -> bytes:
    return struct.pack("=IHH", 20, 3, flags) + b"SEQ!" + struct.pack("=Ii", 0, -code)


NO_MONITOR = done(errno.ENOENT)


def asked(
    kernel: Kernel | OSError, transport: Transport | None = Transport.TCP, **more: Any
) -> Host:
    def connect() -> Kernel:
        if isinstance(kernel, OSError):
            raise kernel
        return kernel

    return sockets.read_host(None, transport, OwnerSearch.NONE, connect=connect, **more)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EPROTONOSUPPORT, errno.EMFILE])
def test_netlink_refused(code: int) -> None:
    with ExitStack() as stack:
        _, port = opened(stack)
        host = asked(OSError(code, os.strerror(code)))
    found = [listener for listener in host.listeners if listener.socket.port == port]
    assert [listener.socket.name for listener in found] == [f"tcp 127.0.0.1:{port}"]
    assert found[0].socket.queue_limit is None
    assert host.visibility is Visibility.PARTIAL
    assert os.strerror(code) in sentences(host.missing)[0]
    assert "bound but not listening" in sentences(host.missing)[0]


@pytest.mark.parametrize("answer", [done(errno.EPERM), b"\1\0\0", b"", OSError(errno.EAGAIN, "no")])
def test_netlink_that_answers_badly(answer: bytes | OSError) -> None:
    kernel = Kernel(last=answer)
    with ExitStack() as stack:
        _, port = opened(stack)
        host = asked(kernel)
    assert port in {listener.socket.port for listener in host.listeners}
    assert host.visibility is Visibility.PARTIAL
    assert kernel.closed


def test_neither_netlink_nor_proc(tmp_path: Path) -> None:
    host = asked(PermissionError(errno.EPERM, "Operation not permitted"), root=str(tmp_path))
    assert host.listeners == ()
    assert host.visibility is Visibility.PARTIAL
    assert "can't be read" in sentences(host.missing)[0]
    assert host.rules is not None
    assert host.rules.unprivileged_first is None
    assert host.rules.dynamic is None


def test_an_interrupted_dump_is_asked_again() -> None:
    kernel = Kernel(done(flags=2 | 0x10), last=done())
    host = asked(kernel, release="6.18.0")
    assert (kernel.requests, host.visibility) == (2, Visibility.FULL)


def test_an_overrun_is_asked_again() -> None:
    kernel = Kernel(OSError(errno.ENOBUFS, "No buffer space available"), last=done())
    host = asked(kernel, release="6.18.0")
    assert (kernel.requests, host.visibility) == (2, Visibility.FULL)


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP])
def test_a_kernel_that_lists_one_family_at_a_time(code: int) -> None:
    kernel = Kernel(done(code), last=done())
    host = asked(kernel, release="6.18.0")
    assert (kernel.requests, host.visibility) == (3, Visibility.FULL)


def test_dumps_that_are_always_interrupted_are_told() -> None:
    host = asked(Kernel(last=done(flags=2 | 0x10)), release="6.18.0")
    assert host.visibility is Visibility.PARTIAL
    assert "came and went" in sentences(host.missing)[0]


@for_each(
    "release, shows",
    [("6.8.0-45-generic", True), ("6.7.12", False), ("5.10.0-8-amd64", False), ("7.0", True),
     ("6.18.44", True), ("6.8-rc1", True), ("odd", True)],
)  # fmt: skip
def test_older_kernels_cannot_show_bound_sockets(release: str, shows: bool) -> None:
    host = asked(Kernel(last=done()), release=release)
    assert (host.visibility is Visibility.FULL) == shows
    assert asked(Kernel(last=done()), Transport.UDP, release=release).missing == ()


def test_a_transport_that_the_kernel_lacks_is_not_an_empty_list(tmp_path: Path) -> None:
    host = asked(Kernel(last=NO_MONITOR), Transport.SCTP, root=str(tmp_path))
    assert sentences(host.missing) == (
        "this kernel has no SCTP: only a stack in user space could use it",
    )
    (tmp_path / "net" / "sctp").mkdir(parents=True)
    host = asked(Kernel(last=NO_MONITOR), Transport.SCTP, root=str(tmp_path))
    assert sentences(host.missing) == (
        "this kernel has SCTP but can't list its sockets: load sctp_diag",
    )
    assert host.visibility is Visibility.PARTIAL


def test_a_kernel_without_the_tcp_monitor() -> None:
    with ExitStack() as stack:
        _, port = opened(stack)
        host = asked(Kernel(last=NO_MONITOR))
    assert port in {listener.socket.port for listener in host.listeners}
    assert "only in /proc/net" in sentences(host.missing)[0]


def test_a_socket_without_an_inode_is_the_kernels() -> None:
    body = struct.pack("=BBBB", 2, 10, 0, 0) + struct.pack(">HH", 2049, 0) + bytes(64)
    row = struct.pack("=IHH", 88, 20, 2) + b"SEQ!" + bytes(4) + body
    assert len(body) == 72
    host = asked(Kernel(row + done(), last=done()))
    assert host.listeners[0].ownership.seen is OwnersSeen.KERNEL
    assert host.listeners[0].socket.inode is None
