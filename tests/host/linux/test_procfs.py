"""The files of /proc. The socket tables are recorded from Linux 6.18 on x86-64."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.host.linux import procfs
from portbook.host.linux.procfs import Cgroup
from portbook.host.linux.sock_diag import EVERY_STATE, TCP_LISTEN_MASK, UDP_LISTEN_MASK, Question
from portbook.model import Family, Transport
from tests.cases import for_each

little = pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian machine")

TCP = b"""\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111545 1 000000005c4554a8 100 0 0 10 0
   1: 00000000:07E8 00000000:0000 0A 00000000:00000002 00:00000000 00000000   104        0 1076 1 000000006160cb4c 100 0 0 10 0
"""  # noqa: E501
TCP6 = b"""\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:9C43 00000000000000000000000000000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 111547 2 00000000597963a4 100 0 0 10 0
   1: 00000000000000000000000001000000:9C43 00000000000000000000000001000000:B470 01 00000000:00000000 00:00000000 00000000     0        0 0 1 00000000ce34d519 20 0 0 10 -1
   2: 0000000000000000FFFF00000100007F:B470 0000000000000000FFFF00000100007F:9C43 01 00000000:00000000 00:00000000 00000000     0        0 111548 2 00000000f935bdc9 20 0 0 10 -1
"""  # noqa: E501
UDP6 = b"""\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   10: 00000000000000000000000000000000:9C44 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 111549 2 0000000020490f7f 0
"""  # noqa: E501

HEX = "0123456789abcdef" * 4


@little
def test_listeners_of_ipv4() -> None:
    question = Question(Transport.TCP, Family.IPV4, TCP_LISTEN_MASK)
    first, second = procfs.parse_sockets(TCP, question)
    assert (first.address, first.port, first.inode, first.uid) == ("127.0.0.1", 40001, 111545, 0)
    assert (second.address, second.port, second.uid) == ("0.0.0.0", 2024, 104)
    # The limit of the queue, the cgroup and IPv6-only are not in the table: unknown, not zero.
    assert (second.rqueue, second.wqueue, second.cgroup, second.v6only) == (2, None, None, None)


@little
def test_only_what_the_question_asks_for() -> None:
    question = Question(Transport.TCP, Family.IPV6, TCP_LISTEN_MASK)
    (listener,) = procfs.parse_sockets(TCP6, question)
    assert (listener.family, listener.address, listener.port) == ("ipv6", "::1", 40003)
    assert procfs.parse_sockets(TCP6, question._replace(first=1, last=40002)) == ()
    everything = procfs.parse_sockets(TCP6, question._replace(states=EVERY_STATE))
    assert [socket.state for socket in everything] == [10, 1, 1]
    assert everything[2].address == "::ffff:127.0.0.1"
    assert everything[2].peer_port == 40003


@little
def test_udp() -> None:
    (socket,) = procfs.parse_sockets(UDP6, Question(Transport.UDP, Family.IPV6, UDP_LISTEN_MASK))
    assert (socket.transport, socket.address, socket.port) == (Transport.UDP, "::", 40004)


@for_each("name", ["a", "a) b", "((", "\udcff\n", "1 2 3 S", ""])
def test_a_process_name_can_hold_anything(name: str) -> None:
    data = b"7 (" + name.encode("utf-8", "surrogateescape") + b") Z 1 7 6 34 -1 4 0 0 0 0 0 0 0 0"
    stat = procfs.parse_stat(data + b" 20 0 5 0 4321 0")
    assert stat == (7, name, "Z", 1, 5, 4321, 6, 34)


@pytest.mark.parametrize(
    ("data", "command"),
    [
        (b"", None),
        (b"\0\0", None),
        (b"sh\0-c\0\0x\0", ("sh", "-c", "", "x")),
        (b"nginx: master process\0\0\0\0", ("nginx: master process",)),
        (b"\xff\x1b[2J", ("\udcff\x1b[2J",)),
    ],
)
def test_commands(data: bytes, command: tuple[str, ...] | None) -> None:
    assert procfs.parse_command(data) == command


@for_each(
    "path, unit, container",
    [
        ("/", None, None),
        ("/system.slice/ssh.service", "ssh.service", None),
        ("/system.slice/_odd.service", "odd.service", None),
        ("/system.slice/system-postgresql.slice/postgresql@15-main.service",
         "postgresql@15-main.service", None),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope", None),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/web.service",
         "web.service", None),
        (f"/system.slice/docker-{HEX}.scope", f"docker-{HEX}.scope", "docker:0123456789ab"),
        (f"/docker/{HEX}", None, "docker:0123456789ab"),
        (f"/docker/{HEX}/system.slice/nginx.service", "nginx.service", "docker:0123456789ab"),
        (f"/machine.slice/libpod-{HEX}.scope/container", f"libpod-{HEX}.scope",
         "podman:0123456789ab"),
        (f"/machine.slice/libpod-conmon-{HEX}.scope", f"libpod-conmon-{HEX}.scope", None),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{HEX}.scope",
         f"cri-containerd-{HEX}.scope", "containerd:0123456789ab"),
        (f"/kubepods/burstable/pod1/{HEX}", None, "kubernetes:0123456789ab"),
        (f"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{HEX}",
         "containerd.service", "containerd:0123456789ab"),
        (f"/ecs/task/{HEX}", None, "container:0123456789ab"),
        ("/lxc.payload.web/init.scope", "init.scope", "lxc:web"),
        ("/lxc/web", None, "lxc:web"),
        ("/machine.slice/machine-web.scope", "machine-web.scope", "machine:web"),
        (f"/system.slice/{HEX[:63]}", None, None),
    ],
)  # fmt: skip
def test_units_and_containers(path: str, unit: str | None, container: str | None) -> None:
    for data in (f"0::{path}\n", f"4:memory:/x\n1:name=systemd:{path}\n0::/\n"):
        cgroups = procfs.parse_cgroups(data.encode())
        assert procfs.systemd_unit(cgroups) == unit
        assert procfs.container(cgroups) == container


def test_a_cgroup_path_can_hold_colons() -> None:
    assert procfs.parse_cgroups(b"0::/a:b:c\n") == (Cgroup("", "/a:b:c"),)


@pytest.mark.parametrize(
    "data", [b"", b"1", b"1 (a) S", b"x (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"]
)
def test_a_stat_line_that_is_none(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        procfs.parse_stat(data)


def test_ranges_and_numbers_that_are_none() -> None:
    assert procfs.parse_ranges(b"\n") == ()
    for parse in (procfs.parse_ranges, procfs.parse_numbers):
        with pytest.raises(MalformedInput):
            parse(b"a-b\n")


@given(st.binary(max_size=300))
def test_random_bytes_only_raise_malformed_input(data: bytes) -> None:
    """Nothing is raised but that."""
    question = Question(Transport.TCP, Family.IPV4, EVERY_STATE)
    for parse in (
        procfs.parse_stat,
        procfs.parse_command,
        procfs.parse_cgroups,
        procfs.parse_mounts,
        procfs.parse_numbers,
        procfs.parse_ranges,
        lambda each: procfs.parse_sockets(b"header\n" + each, question),
    ):
        try:
            parse(data)
        except MalformedInput:
            continue


@given(st.binary(max_size=40), st.integers(0, 150))
def test_damaged_tables_only_raise_malformed_input(junk: bytes, place: int) -> None:
    """Nothing is raised but that."""
    damaged = TCP[: 96 + place] + junk + TCP[96 + place :]
    try:
        procfs.parse_sockets(damaged, Question(Transport.TCP, Family.IPV4, EVERY_STATE))
    except MalformedInput:
        return


@given(
    st.integers(1, 1 << 22),
    st.text(st.characters(codec="utf-8"), max_size=15),
    st.integers(0, 1 << 22),
    st.integers(0, 1 << 40),
)
def test_a_stat_line_comes_back(pid: int, name: str, parent: int, start: int) -> None:
    line = f"{pid} ({name}) S {parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0"
    stat = procfs.parse_stat(line.encode())
    assert (stat.pid, stat.name, stat.parent, stat.start) == (pid, name, parent, start)
