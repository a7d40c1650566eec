"""macOS and Windows through a psutil of ours, which answers as the real one does there."""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

import psutil
import pytest

from portbook.app.watch import Change, Watch
from portbook.host import macos, psutil_sockets, reader, windows
from portbook.model import Host, OwnerSearch, OwnersSeen, Transport, Visibility
from tests.values import sentences


class Address(NamedTuple):
    ip: str
    port: int


KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def connection(
    kind: str, ip: str, port: int, status: str = "NONE", pid: int | None = None, peer: Any = ()
) -> SimpleNamespace:
    return SimpleNamespace(
        fd=-1,
        family=socket.AF_INET6 if ":" in ip else socket.AF_INET,
        type=KINDS[kind],
        laddr=Address(ip, port),
        raddr=peer,
        status=status,
        pid=pid,
    )


class FakeProcess:
    def __init__(self, pid: int, *connections: Any, denied: tuple[str, ...] = ()) -> None:
        self.pid = pid
        self._connections = connections
        self._denied = denied

    def __getattr__(self, name: str) -> Any:
        values = {
            "name": "node",
            "exe": __file__,
            "cmdline": ["node", "app.js"],
            "uids": SimpleNamespace(real=501, effective=501, saved=501),
            "username": "someone",
            "create_time": 1.5e9,
            "ppid": 1,
            "cwd": "/srv/shop",
        }
        if name not in values:
            raise AttributeError(name)

        def ask() -> Any:
            if name in self._denied:
                raise psutil.AccessDenied(self.pid)
            return values[name]

        return ask

    def net_connections(self, kind: str) -> tuple[Any, ...]:
        assert kind == "inet"
        if "net_connections" in self._denied:
            raise psutil.AccessDenied(self.pid)
        if "gone" in self._denied:
            raise psutil.NoSuchProcess(self.pid)
        if "zombie" in self._denied:
            raise psutil.ZombieProcess(self.pid)
        return self._connections


class FakePsutil:
    Error = psutil.Error
    AccessDenied = psutil.AccessDenied
    NoSuchProcess = psutil.NoSuchProcess

    def __init__(self, *processes: FakeProcess, table: Any = ()) -> None:
        self._processes = {process.pid: process for process in processes}
        self._table = table

    def process_iter(self) -> list[FakeProcess]:
        return list(self._processes.values())

    def Process(self, pid: int) -> FakeProcess:
        if pid not in self._processes:
            raise psutil.NoSuchProcess(pid)
        return self._processes[pid]

    def net_connections(self, kind: str) -> Any:
        assert kind == "inet"
        if isinstance(self._table, Exception):
            raise self._table
        return self._table


def on_macos(
    *processes: FakeProcess,
    ports: tuple[int, int] | None = None,
    transport: Transport | None = Transport.UDP,
    owners: OwnerSearch = OwnerSearch.FIRST,
) -> Host:
    return macos.read_host(ports, transport, owners, load=lambda: FakePsutil(*processes))


def on_windows(
    table: Any,
    *processes: FakeProcess,
    transport: Transport | None = Transport.TCP,
    owners: OwnerSearch = OwnerSearch.FIRST,
) -> Host:
    return windows.read_host(
        None, transport, owners, load=lambda: FakePsutil(*processes, table=table)
    )


def test_what_listens_and_what_does_not() -> None:
    process = FakeProcess(
        7,
        connection("tcp", "127.0.0.1", 3000, "LISTEN"),
        connection("tcp", "127.0.0.1", 3001, "ESTABLISHED", peer=Address("127.0.0.1", 9)),
        connection("udp", "fe80::1%en0", 5353),
        connection("udp", "192.0.2.1", 5354, peer=Address("192.0.2.2", 53)),
        SimpleNamespace(family=socket.AF_INET, type=socket.SOCK_DGRAM, laddr=(), raddr=(),
                        status="NONE"),
    )  # fmt: skip
    seen = on_macos(process, transport=None)
    assert [listener.socket.name for listener in seen.listeners] == [
        "tcp 127.0.0.1:3000",
        "udp [fe80::1]:5353",
    ]
    tcp, udp = seen.listeners
    assert (udp.socket.interface, udp.socket.family, udp.socket.state) == ("en0", "ipv6", "listen")
    assert (tcp.socket.uid, tcp.socket.user, tcp.ownership.owners[0].program) == (
        501,
        "someone",
        "node",
    )
    # What the system doesn't tell is unknown, not false or zero.
    assert (tcp.socket.inode, tcp.socket.v6only, tcp.socket.queue, tcp.socket.queue_limit) == (
        None,
        None,
        None,
        None,
    )
    assert tcp.ownership.owners[0].executable_deleted is None
    assert on_macos(process, ports=(1, 3000), transport=None).listeners == (tcp,)


def test_bound_sockets_cannot_be_told_of() -> None:
    for seen in (on_macos(transport=None), on_windows(())):
        assert seen.visibility is Visibility.PARTIAL
        assert "bound but not listening" in sentences(seen.missing)[0]
    assert on_macos(transport=Transport.UDP) == Host((), Visibility.FULL, (), macos.read_rules())
    (reason,) = sentences(on_macos(transport=Transport.SCTP).missing)
    assert reason == "SCTP sockets can't be listed on macOS"


def test_macos_finds_every_holder() -> None:
    shared = connection("udp", "0.0.0.0", 5353)
    pair = FakeProcess(7, shared), FakeProcess(8, shared, shared)
    (listener,) = on_macos(*pair, owners=OwnerSearch.ALL).listeners
    assert [process.pid for process in listener.ownership.owners] == [7, 8]
    assert listener.ownership.seen is OwnersSeen.ALL
    (listener,) = on_macos(*pair).listeners
    assert ([process.pid for process in listener.ownership.owners], listener.ownership.seen) == (
        [7], OwnersSeen.FIRST,
    )  # fmt: skip


def test_macos_without_privilege_says_what_it_could_not_ask() -> None:
    seen = on_macos(
        FakeProcess(7, connection("udp", "::", 5353)),
        FakeProcess(8, denied=("net_connections",)),
        FakeProcess(9, denied=("gone",)),
        FakeProcess(10, denied=("zombie",)),
        owners=OwnerSearch.ALL,
    )
    assert seen.visibility is Visibility.PARTIAL
    assert sentences(seen.missing)[0].startswith("1 process of other users couldn't be read")
    assert seen.listeners[0].ownership.seen is OwnersSeen.FIRST  # there may be more in the other


def test_on_macos_a_socket_closes_however_many_processes_are_denied() -> None:
    mine = [FakeProcess(7, connection("udp", "::", 5353), connection("udp", "::", 5354))]
    others = [FakeProcess(pid, denied=("net_connections",)) for pid in range(20, 30)]

    def look() -> Host:
        return on_macos(*mine, *others[:denied], owners=OwnerSearch.NONE)

    denied = 5
    watch = Watch(look, lambda fresh: fresh)
    (denied, mine[0]) = (6, FakeProcess(7, connection("udp", "::", 5353)))
    assert [(e.change, e.listener.socket.port) for e in watch.step()] == [(Change.CLOSED, 5354)]
    (denied, mine[0]) = (4, FakeProcess(7))
    assert [(e.change, e.listener.socket.port) for e in watch.step()] == [(Change.CLOSED, 5353)]
    assert watch.listeners == ()


def test_windows_names_one_process_a_socket() -> None:
    seen = on_windows(
        [connection("tcp", "0.0.0.0", 445, "LISTEN", 4),
         connection("tcp", "127.0.0.1", 3000, "LISTEN", 70),
         connection("tcp", "127.0.0.1", 3001, "LISTEN", None),
         connection("tcp", "127.0.0.1", 3002, "LISTEN", 71)],
        FakeProcess(70),
        owners=OwnerSearch.ALL,
    )  # fmt: skip
    assert [listener.ownership.seen for listener in seen.listeners] == [
        OwnersSeen.KERNEL,
        OwnersSeen.FIRST,  # an inherited handle is not in the table
        OwnersSeen.HIDDEN,
        OwnersSeen.HIDDEN,  # ended between the table and the question
    ]
    assert sentences(seen.missing)[-1] == "2 of 4 sockets have an owner that can't be seen"
    process = seen.listeners[1].ownership.owners[0]
    assert (process.uid, process.executable_mode, process.user) == (None, None, "someone")


@pytest.mark.parametrize("error", [psutil.AccessDenied(), OSError(5, "Input/output error")])
def test_windows_that_refuses_the_table(error: Exception) -> None:
    seen = on_windows(error)
    assert (seen.listeners, seen.visibility) == ((), Visibility.PARTIAL)
    assert "sockets" in sentences(seen.missing)[0]


def test_what_is_denied_of_a_process_is_unknown() -> None:
    denied = ("exe", "cmdline", "uids", "username", "create_time", "ppid", "cwd")
    process = psutil_sockets.read_process(FakePsutil(FakeProcess(7, denied=denied)), 7, posix=True)
    assert process is not None
    assert (process.pid, process.program) == (7, "node")
    assert process[2:11] == (None,) * 9
    assert process.cwd is None
    assert psutil_sockets.read_process(FakePsutil(), 7, posix=True) is None


def test_no_search_for_owners() -> None:
    process = FakeProcess(7, connection("udp", "::", 5353))
    (listener,) = on_macos(process, owners=OwnerSearch.NONE).listeners
    assert (listener.ownership.owners, listener.ownership.seen) == ((), OwnersSeen.HIDDEN)


@pytest.mark.parametrize("platform", [macos, windows])
def test_without_psutil(platform: Any) -> None:
    def load() -> Any:
        raise ImportError

    seen = platform.read_host(None, None, OwnerSearch.FIRST, load=load)
    assert seen.visibility is Visibility.PARTIAL
    assert "psutil" in sentences(seen.missing)[0]


def test_rules_that_are_not_read_are_unknown() -> None:
    for platform, name in ((macos, "macos"), (windows, "windows")):
        assert platform.read_rules() == (name, None, None, (), False)


@pytest.mark.parametrize(
    ("system", "module"), [("linux", "linux.sockets"), ("darwin", "macos"), ("win32", "windows")]
)
def test_each_system_has_its_module(system: str, module: str) -> None:
    found = reader.platform_of(system)
    assert found is not None
    assert found.__name__ == f"portbook.host.{module}"


def test_an_unknown_system_is_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    seen = reader.read_host()
    assert (seen.listeners, seen.visibility) == ((), Visibility.PARTIAL)
    assert "plan9" in sentences(seen.missing)[0]
    assert reader.read_rules().system == "plan9"


@pytest.mark.real
@pytest.mark.usefixtures("own_network")
def test_the_real_psutil_has_this_shape() -> None:
    """The same code over psutil itself, on whatever system runs the tests."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        port = made.getsockname()[1]
        for platform in (macos, windows):
            seen = platform.read_host((port, port), Transport.UDP, OwnerSearch.FIRST)
            (listener,) = seen.listeners
            assert listener.ownership.owners[0].pid == psutil.Process().pid
            assert listener.ownership.owners[0].command
