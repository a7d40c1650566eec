"""Who holds a socket: forks, passed descriptors, control groups, and what a user may not see."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portbook.host import reader
from portbook.model import OwnersSeen, Transport
from tests.counts import PROOF
from tests.real.namespace import OPENER, UNPRIVILEGED, Namespace, holders, interpreter, sees_all
from tests.real.needs import need_kernel, need_namespaces
from tests.real.readable import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.namespace import Running

pytestmark = pytest.mark.real
PORT = 4444


def wish(transport: str = "tcp", family: str = "ipv4", **more: Any) -> dict[str, Any]:
    address = "127.0.0.1" if family == "ipv4" else "::1"
    return {"transport": transport, "family": family, "address": address, "port": PORT, **more}


def one(namespace: Namespace, *arguments: str | int, **options: Any) -> dict[str, Any]:
    (listener,) = namespace.ask(*arguments, **options)["host"]["listeners"]
    found: dict[str, Any] = listener
    return found


def pids(listener: dict[str, Any]) -> list[int]:
    return [owner["pid"] for owner in listener["owners"]]


def all_seen() -> str:
    return "all" if sees_all() else "first"


# -- several owners ---------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_fork_shares_its_sockets(namespace: Namespace, transport: str) -> None:
    running, (said,) = namespace.open(wish(transport), forks=2)
    assert holders(said["inode"]) == set(said["pids"])
    assert len(said["pids"]) == 3

    first = one(namespace, PORT)
    assert first["owners_seen"] == "first"
    assert running.pid in pids(first)
    if Path("/proc/thread-self/children").exists():
        assert pids(first) == sorted(said["pids"])

    every = one(namespace, PORT, "--all-owners")
    (listed,) = namespace.ask("listen")["listeners"]
    for listener in (every, listed):
        assert listener["inode"] == said["inode"]
        assert listener["owners_seen"] == all_seen()
        assert sorted(pids(listener)) == sorted(said["pids"])
        parents = {owner["pid"]: owner["parent"] for owner in listener["owners"]}
        assert parents.pop(running.pid) == os.getpid()
        assert set(parents.values()) == {running.pid}


@pytest.mark.parametrize("keep", [True, False], ids=["kept as well", "handed over"])
def test_a_descriptor_that_was_passed_on(namespace: Namespace, keep: bool) -> None:
    door = str(namespace.folder / "door")
    receiver = namespace.open_later(receive=door)
    sender, (sent,) = namespace.open(wish(), send=door, keep=keep)
    (received,) = json.loads(receiver.read_line())
    assert received["inode"] == sent["inode"]
    wanted = {receiver.pid, sender.pid} if keep else {receiver.pid}
    assert holders(sent["inode"]) == wanted

    every = one(namespace, PORT, "--all-owners")
    assert every["owners_seen"] == all_seen()
    assert set(pids(every)) == wanted
    first = one(namespace, PORT)
    assert first["owners_seen"] == "first"
    assert len(pids(first)) == 1
    assert set(pids(first)) <= wanted
    if keep:  # the one that stays is found when the other has gone
        sender.stop()
        assert pids(one(namespace, PORT)) == [receiver.pid]


def test_processes_that_come_and_go(namespace: Namespace) -> None:
    """Children live for some milliseconds each: at any moment one may be gone."""
    running, (said,) = namespace.open(wish(), churn=True)
    for _ in range(15 if PROOF else 5):
        for arguments in ((PORT, "--all-owners"), (PORT,)):
            listener = one(namespace, *arguments)
            assert listener["inode"] == said["inode"]
            assert pids(listener)
            assert len(set(pids(listener))) == len(pids(listener))
            assert all(
                owner["pid"] == running.pid or owner["parent"] == running.pid
                for owner in listener["owners"]
            )
        assert running.pid in pids(one(namespace, PORT, "--all-owners"))


def test_a_group_that_shares_a_port(namespace: Namespace) -> None:
    """SO_REUSEPORT (socket(7)): two sockets, each with an owner of its own."""
    first, (one_said,) = namespace.open(wish(reuseport=True))
    second, (other_said,) = namespace.open(wish(reuseport=True))
    assert one_said["inode"] != other_said["inode"]
    wanted = {one_said["inode"]: [first.pid], other_said["inode"]: [second.pid]}
    for arguments in ((PORT,), (PORT, "--all-owners")):
        found = namespace.ask(*arguments)["host"]["listeners"]
        assert {each["inode"]: pids(each) for each in found} == wanted
    found = namespace.ask("listen")["listeners"]
    assert {each["inode"]: pids(each) for each in found} == wanted


def test_a_thread_outlives_the_main_one(namespace: Namespace) -> None:
    """/proc/PID/fd is empty then, and only /proc/PID/task/TID/fd is not."""
    code = (
        "import ctypes, socket, sys, threading\n"
        f"held = socket.create_server(('127.0.0.1', {PORT}))\n"
        "print('ready', flush=True)\n"
        "threading.Thread(target=sys.stdin.read).start()\n"
        "ctypes.CDLL(None).syscall(60 if sys.maxsize > 2**32 else 1, 0)\n"  # exit, not exit_group
    )
    need_kernel(os.uname().machine == "x86_64", "this test knows the number of exit(2) on x86-64")
    running = namespace.start([interpreter(), "-I", "-c", code])
    running.read_line()
    status = Path(f"/proc/{running.pid}/status")
    namespace.wait_until(lambda: "State:\tZ" in status.read_text(), "the main thread goes on")
    assert pids(one(namespace, PORT)) == [running.pid]
    assert pids(one(namespace, PORT, "--all-owners")) == [running.pid]


# -- kinds of sockets -------------------------------------------------------------------------


def test_udp_that_is_connected_is_no_listener(namespace: Namespace) -> None:
    unconnected, (said,) = namespace.open(wish("udp"))
    namespace.open(wish("udp", port=PORT + 1, connect=PORT))
    listener = one(namespace, PORT)
    assert (listener["transport"], listener["state"]) == ("udp", "listen")
    assert (listener["inode"], pids(listener)) == (said["inode"], [unconnected.pid])
    assert namespace.ask(PORT + 1)["host"]["listeners"] == []
    assert [each["port"] for each in namespace.ask("listen")["listeners"]] == [PORT]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_families(namespace: Namespace, transport: str) -> None:
    any6 = wish(transport, "ipv6", address="::")
    running, _ = namespace.open(
        {**any6, "port": 4001, "v6only": True},
        {**any6, "port": 4002, "v6only": False},
        {**any6, "port": 4003, "v6only": True},
        wish(transport, address="0.0.0.0", port=4003),
        wish(transport, port=4004),
        wish(transport, "ipv6", port=4004),
        {**any6, "address": "::ffff:127.0.0.1", "port": 4005, "v6only": False},
    )
    found = {
        (each["port"], each["family"], each["address"]): each
        for each in namespace.ask("listen")["listeners"]
    }
    assert found.keys() == {
        (4001, "ipv6", "::"),
        (4002, "ipv6", "::"),
        (4003, "ipv6", "::"),
        (4003, "ipv4", "0.0.0.0"),
        (4004, "ipv4", "127.0.0.1"),
        (4004, "ipv6", "::1"),
        (4005, "ipv6", "::ffff:127.0.0.1"),
    }
    v6only = {port: each["v6only"] for (port, _, address), each in found.items() if address == "::"}
    assert v6only == {4001: True, 4002: False, 4003: True}
    assert all(each["v6only"] is None for (_, family, _), each in found.items() if family == "ipv4")
    assert all(pids(each) == [running.pid] for each in found.values())
    for (port, _, _), listener in found.items():
        codes = {finding["code"] for finding in listener["findings"]}
        assert ("exposed" if port < 4004 else "loopback-only") in codes


def test_bound_but_not_listening(namespace: Namespace) -> None:
    running, (said,) = namespace.open(wish(listen=False))
    answer = namespace.ask(PORT)
    numbers = re.match(r"(\d+)\.(\d+)", os.uname().release)
    assert numbers
    if (int(numbers[1]), int(numbers[2])) < (6, 8):  # it can't tell, and portbook says so
        assert answer["host"]["listeners"] == []
        assert any("bound but not listening" in gap["message"] for gap in answer["host"]["missing"])
        return
    (listener,) = answer["host"]["listeners"]
    assert (listener["state"], listener["inode"]) == ("bound", said["inode"])
    assert pids(listener) == [running.pid]
    assert listener["queue_limit"] is None


def test_only_the_port_that_was_asked(namespace: Namespace) -> None:
    namespace.open(*(wish(port=port) for port in (340, 3400, 3401, 34000)))
    for port in (340, 3400, 3401, 34000):
        assert one(namespace, port)["port"] == port
    ranged = namespace.ask("3400-3401")["host"]["listeners"]
    assert [each["port"] for each in ranged] == [3400, 3401]


def test_an_accept_queue(namespace: Namespace) -> None:
    code = (
        "import socket, sys\n"
        f"held = socket.create_server(('127.0.0.1', {PORT}), backlog=1)\n"
        f"waiting = [socket.create_connection(('127.0.0.1', {PORT})) for _ in range(2)]\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    running = namespace.start([interpreter(), "-I", "-c", code])
    running.read_line()
    listener = one(namespace, PORT)
    assert (listener["queue"], listener["queue_limit"]) == (2, 1)
    assert "backlog-full" in {finding["code"] for finding in listener["findings"]}


# -- control groups ---------------------------------------------------------------------------


def mount() -> Path:
    """Where cgroup2 is mounted."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, path, kind, *_ = line.split()
        if kind == "cgroup2" and os.access(f"{path}/cgroup.procs", os.W_OK):
            return Path(path)
    need_kernel(False, "no cgroup2 is mounted where a test can write to it")
    raise AssertionError


def _is_empty(group: Path) -> bool:
    return not (group / "cgroup.procs").read_text()


class Groups:
    """Control groups of a test's own."""

    def __init__(self) -> None:
        need_namespaces()
        self.mount = mount()
        self.made: list[Path] = []

    def make(self, name: str) -> Path:
        group = self.mount / f"portbook-test-{os.getpid()}-{name}"
        group.mkdir()
        self.made.append(group)
        return group

    def inside(self, group: Path, *argv: str) -> list[str]:
        """*argv* as it is started in *group*."""
        return ["sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', str(group), *argv]

    def close(self) -> None:
        for group in self.made:
            Namespace.wait_until(partial(_is_empty, group), "a process stays in its control group")
            group.rmdir()


@pytest.fixture
def groups() -> Iterator[Groups]:
    """Asked for before ``namespace``, so that it goes after the processes have."""
    made = Groups()
    yield made
    made.close()


def start_in(
    groups: Groups, namespace: Namespace, group: Path, *before: str, **plan: Any
) -> tuple[Running, list[dict[str, Any]]]:
    plan.setdefault("sockets", [wish()])
    python = interpreter(bool(before))
    argv = groups.inside(group, *before, python, "-I", str(OPENER), json.dumps(plan))
    running = namespace.start(argv)
    said: list[dict[str, Any]] = json.loads(running.read_line())
    return running, said


def test_the_control_group_leads_to_the_owner(groups: Groups, namespace: Namespace) -> None:
    """No other process is looked into: asked in this process, where that can be watched."""
    wanted = wish(port=0)
    argv = groups.inside(
        groups.make("own"),
        *[interpreter(), "-I", str(OPENER), json.dumps({"sockets": [wanted]})],
    )
    running = namespace.start(argv, outside=True)
    (said,) = json.loads(running.read_line())
    with watch() as looked_into:
        found = reader.read_host((said["port"], said["port"]), Transport.TCP, "first")
    (listener,) = found.listeners
    assert listener.ownership.seen is OwnersSeen.FIRST
    assert [owner.pid for owner in listener.ownership.owners] == [running.pid]
    # Then its parent, and no other process.
    assert looked_into[0] == running.pid
    assert set(looked_into) <= {running.pid, os.getpid()}


def test_a_process_that_left_its_control_group_is_found_all_the_same(
    groups: Groups, namespace: Namespace
) -> None:
    group = groups.make("left")
    running, (said,) = start_in(groups, namespace, group)
    (groups.mount / "cgroup.procs").write_text(str(running.pid))
    for arguments in ((PORT,), (PORT, "--all-owners")):
        listener = one(namespace, *arguments)
        assert (listener["inode"], pids(listener)) == (said["inode"], [running.pid])
    group.rmdir()  # its id now leads nowhere
    groups.made.remove(group)
    assert pids(one(namespace, PORT)) == [running.pid]


def test_another_process_in_the_control_group_is_not_the_owner(
    groups: Groups, namespace: Namespace
) -> None:
    group = groups.make("shared")
    bystander, _ = start_in(groups, namespace, group, sockets=[wish(port=PORT + 1)])
    running, _ = start_in(groups, namespace, group)
    assert pids(one(namespace, PORT)) == [running.pid]
    assert pids(one(namespace, PORT + 1)) == [bystander.pid]


@contextmanager
def watch() -> Iterator[list[int]]:
    """The processes whose descriptors are looked at meanwhile, each once."""
    seen: list[int] = []
    looking = True

    def note(event: str, given: tuple[Any, ...]) -> None:
        # They are read by their numbers below the open folder, or listed.
        if looking and event in ("open", "os.listdir") and isinstance(given[0], str | bytes):
            found = re.fullmatch(rb"/proc/(\d+)/fd/?", os.fsencode(given[0]))
            if found and int(found[1]) not in seen:
                seen.append(int(found[1]))

    sys.addaudithook(note)
    try:
        yield seen
    finally:
        looking = False


# -- an unprivileged user ---------------------------------------------------------------------


@pytest.fixture
def nobody(namespace: Namespace) -> dict[str, Any]:
    """How portbook is called as a user who may look into nobody's processes."""
    return {"before": UNPRIVILEGED, "source": readable(namespace)}


def assert_partial(namespace: Namespace, nobody: dict[str, Any], word: str) -> None:
    answer = namespace.ask(PORT, **nobody)
    assert answer["host"]["visibility"] == "partial"
    assert any(word in gap["message"] for gap in answer["host"]["missing"])
    assert namespace.portbook(PORT, **nobody).returncode == 0
    assert namespace.portbook(PORT, "--strict", **nobody).returncode == 3
    # As root everything is there.
    assert one(namespace, PORT)["owners_seen"] == "first"
    assert namespace.portbook(PORT, "--strict").returncode == 0


def test_a_socket_whose_owner_is_hidden(
    groups: Groups, namespace: Namespace, nobody: dict[str, Any]
) -> None:
    """Of root, in the topmost control group: nothing points to one process."""
    _, (said,) = start_in(groups, namespace, groups.mount)
    listener = one(namespace, PORT, **nobody)
    assert (listener["owners_seen"], listener["owners"]) == ("hidden", [])
    assert (listener["inode"], listener["user"]) == (said["inode"], "root")
    assert "owner-hidden" in {finding["code"] for finding in listener["findings"]}
    assert_partial(namespace, nobody, "can't see")


def test_an_owner_inferred_from_the_control_group(
    groups: Groups, namespace: Namespace, nobody: dict[str, Any]
) -> None:
    running, _ = start_in(groups, namespace, groups.make("infer"))
    listener = one(namespace, PORT, **nobody)
    assert (listener["owners_seen"], pids(listener)) == ("inferred", [running.pid])
    (owner,) = listener["owners"]
    assert owner["program"] == Path(f"/proc/{running.pid}/comm").read_text().strip()
    assert owner["user"] == "root"
    assert owner["executable"] is None  # not "none": it could not be read
    assert "expected" not in {finding["code"] for finding in listener["findings"]}
    assert_partial(namespace, nobody, "only its control group and user suggest")


def test_an_owner_inferred_from_the_user(
    groups: Groups, namespace: Namespace, nobody: dict[str, Any]
) -> None:
    """A uid that runs nothing else, in the topmost control group."""
    uid = 100_000 + os.getpid()
    other = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    running, _ = start_in(groups, namespace, groups.mount, *other)
    listener = one(namespace, PORT, **nobody)
    assert (listener["owners_seen"], pids(listener)) == ("inferred", [running.pid])
    assert (listener["uid"], listener["user"]) == (uid, None)
    assert_partial(namespace, nobody, "only its control group and user suggest")


def test_an_inferred_server_is_not_expected(
    groups: Groups, namespace: Namespace, nobody: dict[str, Any]
) -> None:
    """Its name is readable and proves nothing."""
    code = (
        "import socket, sys\n"
        "held = socket.create_server(('127.0.0.1', 22))\n"
        "open('/proc/self/comm', 'w').write('sshd')\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    argv = groups.inside(groups.make("named"), interpreter(), "-I", "-c", code)
    running = namespace.start(argv)
    running.read_line()
    listener = one(namespace, 22, **nobody)
    assert (listener["owners_seen"], pids(listener)) == ("inferred", [running.pid])
    assert listener["owners"][0]["program"] == "sshd"
    assert "expected" not in {finding["code"] for finding in listener["findings"]}


def test_ones_own_and_somebody_elses_together(namespace: Namespace, nobody: dict[str, Any]) -> None:
    mine, _ = namespace.open(wish(port=5001), before=UNPRIVILEGED)
    namespace.open(wish(port=5002))
    answer = namespace.ask("listen", **nobody)
    own, other = sorted(answer["listeners"], key=lambda each: each["port"])
    assert pids(own) == [mine.pid]
    # There may be more owners, in processes that could not be looked into.
    assert own["owners_seen"] == "first"
    assert other["owners_seen"] in {"hidden", "inferred"}
    assert answer["visibility"] == "partial"
    assert namespace.portbook("listen", "--strict", **nobody).returncode == 3


def test_a_process_that_stops_while_it_is_looked_for(namespace: Namespace) -> None:
    """The socket of a process that was killed is gone, and its port is quiet."""
    running, _ = namespace.open(wish())
    os.kill(running.pid, signal.SIGKILL)
    running.process.wait()
    answer = namespace.ask(PORT)
    assert (answer["host"]["listeners"], answer["findings"]) == ([], [])
