"""Servers from Debian's packages, on their own ports and on wrong ones."""

from __future__ import annotations

import fnmatch
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portbook.model import State, Transport
from tests.real.namespace import holders, sees_all
from tests.real.servers import SERVERS, Server
from tests.values import CATALOG

if TYPE_CHECKING:
    from tests.real.namespace import Namespace, Running

pytestmark = pytest.mark.real
EACH = pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
# Unassigned for every transport, no System Port, outside every system's dynamic range.
NOBODYS = 2825
# They ask for no authentication by default, and aren't made for open networks.
ASK_NOBODY = {"redis", "memcached"}


@EACH
def test_at_home(server: Server, namespace: Namespace, data: Path) -> None:
    running = server.start(namespace, data / server.name)
    found = seen(namespace, server, running, server.port)
    assert found
    for listener in found:
        assert "expected" in codes(listener)
        risky = server.everywhere and server.name in ASK_NOBODY
        assert ("risky-exposed" in codes(listener)) == risky
        assert levels(listener) <= ({"ok", "note", "alert"} if risky else {"ok", "note"})
        assert not codes(listener) & {"unknown", "service-elsewhere", "owner-hidden"}
    assert_reach(server, found)


@EACH
def test_on_a_port_of_nobody(server: Server, namespace: Namespace, data: Path) -> None:
    assert server.transports
    for transport in server.transports:
        standing = CATALOG.registry.standing(NOBODYS, Transport(transport))
        assert standing.state is State.UNASSIGNED
    running = server.start(namespace, data / server.name, NOBODYS)
    found = seen(namespace, server, running, NOBODYS)
    assert found
    for listener in found:
        assert codes(listener) >= {"service-elsewhere", "unregistered-port"}
        assert "expected" not in codes(listener)
        # Where only this machine can reach it, it is no more than a note.
        loopback = "loopback-only" in codes(listener)
        assert level(listener, "unregistered-port") == ("note" if loopback else "check")
        assert str(server.port) in message(listener, "service-elsewhere")
    assert_reach(server, found)


@EACH
def test_on_a_port_of_another(server: Server, namespace: Namespace, data: Path) -> None:
    running = server.start(namespace, data / server.name, server.foreign)
    found = seen(namespace, server, running, server.foreign)
    assert found
    for listener in found:
        standing = CATALOG.registry.standing(server.foreign, Transport(listener["transport"]))
        theirs = {row.service_name for row in standing.assignments}
        assert standing.state is State.ASSIGNED
        assert codes(listener) >= {"service-elsewhere", "foreign-service"}
        assert "expected" not in codes(listener)
        loopback = "loopback-only" in codes(listener)
        # Where that server is known to be found there, too.
        usual = loopback or "known-use" in codes(listener)
        assert level(listener, "foreign-service") == ("note" if usual else "check")
        assert any(name in message(listener, "foreign-service") for name in theirs if name)
    assert_reach(server, found)


def test_a_fresh_server(namespace: Namespace, data: Path) -> None:
    for name in ("sshd", "dnsmasq", "nginx"):
        SERVERS[name].start(namespace, data / name)
    listeners = namespace.ask("listen")["listeners"]
    ports = {(each["transport"], each["port"]) for each in listeners}
    assert ports == {("tcp", 22), ("tcp", 53), ("udp", 53), ("tcp", 80)}
    assert listeners
    assert all(levels(each) <= {"ok", "note"} for each in listeners)
    assert all("expected" in codes(each) for each in listeners)
    assert namespace.portbook("listen", "--fail-on", "check").returncode == 0
    text = namespace.portbook("listen").stdout
    for word in ("sshd", "dnsmasq", "nginx", "22", "53", "80"):
        assert word in text


def test_a_fresh_server_with_one_thing_amiss(namespace: Namespace, data: Path) -> None:
    SERVERS["sshd"].start(namespace, data / "sshd")
    SERVERS["nginx"].start(namespace, data / "nginx", 5432)
    done = namespace.portbook("listen", "--fail-on", "check")
    assert done.returncode == 1
    # The most serious comes first.
    assert done.stdout.index("5432/tcp") < done.stdout.index("22/tcp")


# -- what is seen, against what is so ---------------------------------------------------------


def seen(namespace: Namespace, server: Server, running: Running, port: int) -> list[dict[str, Any]]:
    """What ``portbook listen`` and ``portbook PORT`` say of *port*, held against /proc."""
    for _ in range(10):  # one that has just started forks, and its children let go of the socket
        found: list[dict[str, Any]] = namespace.ask("listen")["listeners"]
        if all({own["pid"] for own in each["owners"]} == holders(each["inode"]) for each in found):
            break
    kernel = [each for each in namespace.listening() if each.port == port]
    assert sorted(each["inode"] for each in found) == sorted(each.inode for each in kernel)
    uids = {each.inode: each.uid for each in kernel}
    for listener in found:
        assert listener["port"] == port
        assert listener["state"] == "listen"
        assert listener["uid"] == uids[listener["inode"]]
        assert listener["user"] == pwd.getpwuid(listener["uid"]).pw_name
        assert listener["owners_seen"] == ("all" if sees_all() else "first")
        pids = {owner["pid"] for owner in listener["owners"]}
        assert running.pid in pids
        assert pids == holders(listener["inode"])
        for owner in listener["owners"]:
            assert_owner(server, running, owner)

    answer = namespace.ask(port)
    single = answer["host"]["listeners"]
    assert {each["inode"] for each in single} == {each["inode"] for each in found}
    for listener in single:
        assert listener["owners_seen"] == "first"
        assert listener["owners"]
        assert {owner["pid"] for owner in listener["owners"]} <= set(holders(listener["inode"]))
        twin = next(each for each in found if each["inode"] == listener["inode"])
        assert codes(listener) == codes(twin)
    sockets = [finding["socket"] for finding in answer["findings"]]
    assert {socket.rpartition(":")[2] for socket in sockets} == {str(port)}
    assert namespace.portbook(port).returncode == 0
    return found


def assert_owner(server: Server, running: Running, owner: dict[str, Any]) -> None:
    process = Path("/proc") / str(owner["pid"])
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    assert owner["program"] == server.program
    assert owner["executable"] == os.readlink(process / "exe")
    assert fnmatch.fnmatchcase(owner["executable"], server.executable)
    assert owner["executable_deleted"] is False
    assert owner["executable_place"] is None
    assert owner["uid"] == int(status["Uid"].split()[1])
    assert owner["user"] == pwd.getpwuid(owner["uid"]).pw_name
    assert owner["parent"] == int(status["PPid"])
    assert server.program in " ".join(owner["command"]) or server.name in owner["command"][0]
    if owner["pid"] == running.pid:
        assert owner["user"] == server.user
        assert owner["parent"] == os.getpid()
    else:  # a worker of its
        assert owner["parent"] == running.pid


def assert_reach(server: Server, found: list[dict[str, Any]]) -> None:
    reach = "exposed" if server.everywhere else "loopback-only"
    other = "loopback-only" if server.everywhere else "exposed"
    assert found
    for listener in found:
        assert reach in codes(listener)
        assert other not in codes(listener)
        assert level(listener, reach) == ("note" if server.everywhere else "ok")


def codes(listener: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in listener["findings"]}


def levels(listener: dict[str, Any]) -> set[str]:
    return {finding["level"] for finding in listener["findings"]}


def level(listener: dict[str, Any], code: str) -> str:
    (found,) = [each["level"] for each in listener["findings"] if each["code"] == code]
    return str(found)


def message(listener: dict[str, Any], code: str) -> str:
    (found,) = [each["message"] for each in listener["findings"] if each["code"] == code]
    return str(found)
