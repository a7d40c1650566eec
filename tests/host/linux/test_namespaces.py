"""Network namespaces: what /proc says of them, and real ones of our own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from portbook.errors import HostUnreadable
from portbook.host.linux.namespaces import (
    Namespace,
    in_namespace,
    parse_namespace_mounts,
    read_namespaces,
)
from tests.real.needs import need_program, need_root
from tests.values import sentences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.surroundings import User

MOUNTS = rb"""22 1 0:21 / /proc rw,relatime shared:5 - proc proc rw
41 24 0:4 net:[4026532209] /run/netns/blue rw shared:21 - nsfs nsfs rw
42 24 0:4 net:[4026532300] /run/docker/netns/1f\0402c rw - nsfs nsfs rw
43 24 0:4 mnt:[4026532301] /run/snapd/ns/x.mnt rw - nsfs nsfs rw
44 24 0:4 net:[broken] /run/netns/odd rw - nsfs nsfs rw
45 24 0:30 net:[4026532999] /srv/fake rw - tmpfs nsfs rw
"""


def test_mounts_of_network_namespaces_only() -> None:
    assert parse_namespace_mounts(MOUNTS) == (
        (4026532209, "/run/netns/blue"),
        (4026532300, "/run/docker/netns/1f 2c"),
    )


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc whose namespaces are plain files: an inode each, shared by hard links."""
    for number in ("own", "blue", "red"):
        (tmp_path / number).touch()
    for pid, where in (("1", "own"), ("20", "own"), ("7", "red"), ("300", "red")):
        (tmp_path / pid / "ns").mkdir(parents=True)
        os.link(tmp_path / where, tmp_path / pid / "ns" / "net")
        (tmp_path / pid / "comm").write_bytes(b"name-" + pid.encode() + b"\n")
        (tmp_path / pid / "cgroup").write_bytes(b"0::/system.slice/web.service\n")
    (tmp_path / "thread-self" / "ns").mkdir(parents=True)
    os.link(tmp_path / "own", tmp_path / "thread-self" / "ns" / "net")
    (tmp_path / "400").mkdir()  # a process that has just ended
    blue = os.stat(tmp_path / "blue").st_ino
    line = f"41 24 0:4 net:[{blue}] /run/netns/blue rw - nsfs nsfs rw\n"
    (tmp_path / "thread-self" / "mountinfo").write_text(line)
    return tmp_path


def test_namespaces_with_and_without_processes(proc: Path) -> None:
    found, missing = read_namespaces(str(proc))
    assert missing == ()
    own, red, blue = found
    assert (own.own, own.processes, own.pid, own.name) == (True, 2, 1, None)
    assert (red.own, red.processes, red.pid, red.program) == (False, 2, 7, "name-7")
    assert red.path == f"{proc}/7/ns/net"
    assert red.cgroups == b"0::/system.slice/web.service\n"
    assert (blue.name, blue.path) == ("blue", "/run/netns/blue")
    assert (blue.pid, blue.program, blue.cgroups, blue.processes) == (None, None, None, 0)


def test_processes_of_others_are_counted_not_forgotten(
    proc: Path, looks_like: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = os.stat

    def refusing(path: str) -> os.stat_result:
        if path.startswith((f"{proc}/7/", f"{proc}/300/")):
            raise PermissionError(13, "Permission denied")
        return stat(path)

    monkeypatch.setattr(os, "stat", refusing)
    for uid, end in (
        (1000, "visible to root only"),
        (0, "hidden even from root"),
    ):
        looks_like(uid)
        found, missing = read_namespaces(str(proc))
        assert [each.name for each in found] == [None, "blue"]
        assert sentences(missing) == (f"the network namespaces of 2 processes are {end}",)


def test_without_proc_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostUnreadable, match="can't be read"):
        read_namespaces(str(tmp_path))


def test_a_namespace_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostUnreadable, match=r"'blue' can't be opened: No such file"):
        in_namespace(Namespace(1, str(tmp_path / "blue"), "blue"), lambda: 1)
    (tmp_path / "blue").touch()
    with pytest.raises(HostUnreadable, match="'blue' is gone"):
        in_namespace(Namespace(1, str(tmp_path / "blue"), "blue"), lambda: 1)


def test_without_the_right_to_enter_there_is_one_line(tmp_path: Path, looks_like: User) -> None:
    def refused(descriptor: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "blue"
    path.touch()
    for uid, who in ((1000, "visible to root only"), (0, "hidden even from root")):
        looks_like(uid)
        with pytest.raises(HostUnreadable, match="listeners in other network") as raised:
            in_namespace(Namespace(path.stat().st_ino, str(path), "blue"), lambda: 1, refused)
        assert f"are {who} (CAP_SYS_ADMIN)" in str(raised.value)
        assert "\n" not in str(raised.value)


# -- the real thing ---------------------------------------------------------------------------


@pytest.fixture
def blue() -> Iterator[str]:
    need_root("this test makes network namespaces")
    need_program("ip")
    name = f"pb-ns-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def named(name: str) -> Namespace:
    (found,) = (each for each in read_namespaces()[0] if each.name == name)
    return found


@pytest.mark.real
def test_our_own_namespace_is_the_first() -> None:
    own = read_namespaces()[0][0]
    assert own.own
    assert own.inode == os.stat("/proc/self/ns/net").st_ino
    assert own.processes >= 1


@pytest.mark.real
def test_a_named_namespace_without_a_process(blue: str) -> None:
    found = named(blue)
    assert (found.pid, found.processes, found.own) == (None, 0, False)


@pytest.mark.real
@pytest.mark.usefixtures("own_network")  # the port is free here as well
def test_a_listener_in_another_namespace_is_seen_from_inside_only(blue: str) -> None:
    code = (
        "import socket, sys\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "sys.stdin.read()"
    )
    command = ["ip", "netns", "exec", blue, sys.executable, "-I", "-S", "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        found = named(blue)
        assert (found.pid, found.processes) == (process.pid, 1)

        def connects() -> bool:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
            except ConnectionRefusedError:
                return False
            return True

        assert in_namespace(found, connects)
        assert not connects()
        by_pid = found._replace(path=f"/proc/{process.pid}/ns/net", name=None)
        assert in_namespace(by_pid, connects)
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.real
def test_the_calling_thread_stays_where_it_is(blue: str) -> None:
    found = named(blue)
    inside = in_namespace(
        found, lambda: (os.stat("/proc/thread-self/ns/net").st_ino, threading.get_ident())
    )
    assert inside[0] == found.inode
    assert inside[1] != threading.get_ident()
    assert os.stat("/proc/thread-self/ns/net").st_ino != found.inode
    assert os.stat("/proc/self/ns/net").st_ino != found.inode


@pytest.mark.real
def test_commands_run_inside_too(blue: str) -> None:
    found = named(blue)
    done = in_namespace(
        found,
        lambda: subprocess.run(
            [sys.executable, "-c", "import os; print(os.readlink('/proc/self/ns/net'))"],
            capture_output=True,
            check=True,
            text=True,
        ),
    )
    assert done.stdout == f"net:[{found.inode}]\n"


@pytest.mark.real
def test_what_the_function_raises_is_raised(blue: str) -> None:
    with pytest.raises(ZeroDivisionError):
        in_namespace(named(blue), lambda: 1 // 0)


@pytest.mark.real
def test_setns_without_python_3_12(blue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "setns", raising=False)
    found = named(blue)
    inside = in_namespace(found, lambda: os.stat("/proc/thread-self/ns/net").st_ino)
    assert inside == found.inode


@pytest.mark.real
def test_another_user_may_not_enter(blue: str) -> None:
    code = (
        "import ctypes, os, threading\n"
        "from portbook.host.linux.namespaces import in_namespace, read_namespaces\n"
        "from portbook.errors import HostUnreadable, shown\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        # As after an exec: a process that dropped its rights may not even look at itself.
        "ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE\n"
        "found, missing = read_namespaces()\n"
        f"blue, = (each for each in found if each.name == {blue!r})\n"
        "from portbook.present.phrases import gap_sentences\n"
        "print(*gap_sentences(missing))\n"
        "try: in_namespace(blue, lambda: 1)\n"
        "except HostUnreadable as error: print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, second = done.stdout.splitlines()
    assert first.endswith("visible to root only")
    assert "visible to root only (CAP_SYS_ADMIN)" in second
