"""The socket monitor's bytes. What is recorded was answered by Linux 6.18 on x86-64."""

from __future__ import annotations

import os
import socket
import struct
import sys
from contextlib import ExitStack, closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.host.linux.sock_diag import (
    BOUND_INACTIVE,
    CLOSE,
    CONNECTED_MASK,
    LISTEN,
    SCTP_LISTEN_MASK,
    TCP_LISTEN_MASK,
    TIME_WAIT,
    UDP_LISTEN_MASK,
    DiagSocket,
    Part,
    Question,
    parse_part,
    request,
)
from portbook.host.linux.sockets import connect_netlink
from portbook.model import Family, Transport

little = pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian machine")

# One listener with a backlog of 7 on 127.0.0.1:40001, and one bound socket on 40002.
LISTENING_AND_BOUND = bytes.fromhex(
    "7c000000 14000200 01000000 740e0000 020a0000 9c410000 7f000001 00000000 00000000 00000000"
    "00000000 00000000 00000000 00000000 00000000 d8070000 00000000 00000000 00000000 07000000"
    "00000000 b9b30100 05000800 00000000 08000f00 00000000 0c001500 01000000 00000000 06001600"
    "52000000"
    "7c000000 14000200 01000000 740e0000 02070000 9c420000 7f000001 00000000 00000000 00000000"
    "00000000 00000000 00000000 00000000 00000000 d9070000 00000000 00000000 00000000 00000000"
    "00000000 bab30100 05000800 00000000 08000f00 00000000 0c001500 01000000 00000000 06001600"
    "52000000"
    "14000000 03000200 01000000 740e0000 00000000"
)
# [::1]:40003 on the device lo, IPv6 only, backlog 9, one connection waiting.
IPV6 = bytes.fromhex(
    "84000000 14000200 01000000 740e0000 0a0a0000 9c430000 00000000 00000000 00000000 00000001"
    "00000000 00000000 00000000 00000000 01000000 da070000 00000000 00000000 01000000 09000000"
    "00000000 bbb30100 05000800 00000000 05000b00 01000000 08000f00 00000000 0c001500 01000000"
    "00000000 06001600 12000000"
    "14000000 03000200 01000000 740e0000 00000000"
)
UDP_IPV6 = bytes.fromhex(
    "84000000 14000200 01000000 740e0000 0a070000 9c440000 00000000 00000000 00000000 00000000"
    "00000000 00000000 00000000 00000000 00000000 db070000 00000000 00000000 00000000 00000000"
    "00000000 bdb30100 05000800 00000000 05000b00 00000000 08000f00 00000000 0c001500 01000000"
    "00000000 06001600 10000000"
    "14000000 03000200 01000000 740e0000 00000000"
)
UDPLITE = bytes.fromhex(
    "7c000000 14000200 01000000 740e0000 02070000 9c450000 7f000001 00000000 00000000 00000000"
    "00000000 00000000 00000000 00000000 00000000 dc070000 00000000 00000000 00000000 00000000"
    "00000000 beb30100 05000800 00000000 08000f00 00000000 0c001500 01000000 00000000 06001600"
    "50000000"
    "14000000 03000200 01000000 740e0000 00000000"
)
# A dump of SCTP where the kernel has none: no rows, and ENOENT in the end mark.
NO_MONITOR = bytes.fromhex("14000000 03000200 01000000 740e0000 feffffff")
# A request of an unknown kind: EINVAL, and the request again.
REFUSED = bytes.fromhex(
    "5c000000 02000000 01000000 740e0000 eaffffff 48000000 4d000103 01000000 00000000 02060000"
    "01000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"
    "00000000 ffffffff ffffffff"
)

TCP4 = Question(Transport.TCP, Family.IPV4, TCP_LISTEN_MASK, 40001, 40002)
TCP6 = Question(Transport.TCP, Family.IPV6, TCP_LISTEN_MASK, 40003, 40003)
SCTP = Question(Transport.SCTP, Family.IPV4, SCTP_LISTEN_MASK)


def message(
    body: bytes, kind: int = 20, sequence: int = 1, flags: int = 2, port_id: int = 7
) -> bytes:
    padding = bytes(-len(body) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, port_id) + body + padding


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def described(**changed: Any) -> bytes:
    fields: dict[str, Any] = {
        "family": 2,
        "state": 10,
        "port": 5000,
        "peer_port": 0,
        "source": bytes([192, 0, 2, 1]).ljust(16, b"\0"),
        "interface": 0,
        "expires": 0,
        "rqueue": 0,
        "wqueue": 0,
        "uid": 0,
        "inode": 99,
    }
    fields |= changed
    source: bytes = fields["source"]
    return b"".join(
        (
            struct.pack("=BBBB", fields["family"], fields["state"], 0, 0),
            struct.pack(">HH", fields["port"], fields["peer_port"]),
            source,
            bytes(16),
            struct.pack("=III", fields["interface"], 1, 0),
            struct.pack(
                "=IIIII",
                *(fields[name] for name in ("expires", "rqueue", "wqueue", "uid", "inode")),
            ),
        )
    )


def recorded(data: bytes, question: Question) -> DiagSocket:
    part = parse_part(data, question, 1)
    assert part.done
    (socket,) = part.sockets
    return socket


@little
def test_a_listener_and_a_bound_socket() -> None:
    part = parse_part(LISTENING_AND_BOUND, TCP4, 1)
    assert part.done
    assert part.error == 0
    listening, bound = part.sockets
    assert listening == DiagSocket(
        Transport.TCP, Family.IPV4, LISTEN, "127.0.0.1", 40001, "0.0.0.0", 0, 0, 0, 0, 7, 0, 111545,
        cgroup=1,
    )  # fmt: skip
    assert (bound.state, bound.port, bound.inode) == (CLOSE, 40002, 111546)


@little
def test_what_ipv6_adds() -> None:
    socket = recorded(IPV6, TCP6)
    assert (socket.family, socket.address, socket.peer_address) == ("ipv6", "::1", "::")
    assert (socket.v6only, socket.interface) == (True, 1)
    assert (socket.rqueue, socket.wqueue) == (1, 9)


@little
def test_udp_and_udplite() -> None:
    question = Question(Transport.UDP, Family.IPV6, UDP_LISTEN_MASK)
    socket = recorded(UDP_IPV6, question)
    assert (socket.transport, socket.state, socket.v6only) == (Transport.UDP, CLOSE, False)
    assert not socket.udplite
    socket = recorded(UDPLITE, question._replace(family=Family.IPV4, udplite=True))
    assert (socket.transport, socket.udplite, socket.port) == (Transport.UDP, True, 40005)


@little
def test_no_rows_because_there_is_no_monitor() -> None:
    assert parse_part(NO_MONITOR, SCTP, 1) == Part((), True, 2)


@little
def test_a_refusal() -> None:
    assert parse_part(REFUSED, TCP4, 1) == Part((), True, 22)


def test_an_sctp_endpoint_with_many_addresses() -> None:
    # struct sockaddr_in and sockaddr_in6, each in 128 bytes
    first = struct.pack("=H", 2) + struct.pack(">H", 5000) + bytes([192, 0, 2, 1])
    second = struct.pack("=H", 10) + struct.pack(">HI", 5000, 0) + b"\x20\x01\x0d\xb8" + bytes(12)
    local = first.ljust(128, b"\0") + second.ljust(128, b"\0")
    body = described() + attribute(12, local) + attribute(21, struct.pack("=Q", 1 << 33))
    socket = recorded(message(body) + message(struct.pack("=i", 0), 3), SCTP)
    assert socket.addresses == (("ipv4", "192.0.2.1"), ("ipv6", "2001:db8::"))
    assert socket.cgroup == 1 << 33


def test_a_dccp_listener() -> None:
    question = Question(Transport.DCCP, Family.IPV6, SCTP_LISTEN_MASK)
    body = described(family=10, source=bytes(15) + b"\1", rqueue=2, wqueue=5)
    socket = recorded(message(body) + message(b"\0\0\0\0", 3), question)
    assert (socket.transport, socket.address) == (Transport.DCCP, "::1")
    assert (socket.rqueue, socket.wqueue) == (2, 5)


def test_a_time_wait_row_carries_its_end() -> None:
    body = described(state=TIME_WAIT, expires=59_000, peer_port=40000, inode=0)
    part = parse_part(message(body), TCP4, 1)
    assert not part.done
    assert part.sockets[0].expires == 59_000
    assert part.sockets[0].peer_port == 40000


def test_an_interrupted_dump_is_marked() -> None:
    part = parse_part(message(described(), flags=2 | 0x10), TCP4, 1)
    assert part.interrupted


def test_leftovers_of_another_question_are_left_out() -> None:
    stale = message(described(), sequence=1) + message(b"\0\0\0\0", 3, sequence=1)
    part = parse_part(stale + message(described(port=7), sequence=2), TCP4, 2)
    assert [socket.port for socket in part.sockets] == [7]
    assert not part.done


def test_unknown_attributes_are_passed_over() -> None:
    body = described() + attribute(999, b"abc") + attribute(21, struct.pack("=Q", 5))
    assert parse_part(message(body), TCP4, 1).sockets[0].cgroup == 5


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 15,
        struct.pack("=IHHII", 8, 20, 0, 1, 0),
        struct.pack("=IHHII", 400, 20, 0, 1, 0),
        message(b"", 4),
        message(described()[:-1]),
        message(described(family=1)),
        message(described() + struct.pack("=HH", 3, 21)),
        message(described() + struct.pack("=HH", 12, 21)),
    ],
    ids=["header", "short", "long", "overrun", "cut", "family", "small", "large attribute"],
)
def test_what_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        parse_part(data, TCP4, 1)


@given(st.binary(max_size=400))
def test_random_bytes_never_break_it(data: bytes) -> None:
    try:
        part = parse_part(data, TCP4, 1)
    except MalformedInput:
        return
    assert isinstance(part.sockets, tuple)


@given(
    st.sampled_from([LISTENING_AND_BOUND, IPV6, UDPLITE, REFUSED]),
    st.integers(0, 300),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=4),
)
def test_damaged_answers_never_break_it(
    data: bytes, length: int, changes: list[tuple[int, int]]
) -> None:
    """Nothing is raised but MalformedInput."""
    damaged = bytearray(data[:length] if length < len(data) else data)
    for place, value in changes:
        if place < len(damaged):
            damaged[place] = value
    try:
        parse_part(bytes(damaged), TCP4, 1)
    except MalformedInput:
        return


def test_a_request_for_one_port() -> None:
    # struct nlmsghdr, struct inet_diag_req_v2, then INET_DIAG_REQ_BYTECODE
    data = request(TCP4._replace(last=40001), 3)
    length, kind, flags, sequence, port_id = struct.unpack_from("=IHHII", data)
    assert (length, kind, flags, sequence, port_id) == (92, 20, 0x301, 3, 0)
    family, protocol, extensions, states = struct.unpack_from("=BBBxI", data, 16)
    assert (family, protocol, extensions) == (2, 6, 0)
    assert states == 1 << LISTEN | 1 << BOUND_INACTIVE
    assert struct.unpack_from(">HH", data, 24) == (40001, 0)
    assert struct.unpack_from("=HH", data, 72) == (20, 1)
    assert struct.unpack_from("=BBHBBHBBHBBH", data, 76) == (
        2, 8, 20, 0, 0, 40001, 3, 8, 12, 0, 0, 40001,
    )  # fmt: skip


def test_a_request_for_every_port_has_no_filter() -> None:
    assert len(request(SCTP, 1)) == 72


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_a_request_is_as_long_as_it_says(first: int, last: int) -> None:
    data = request(Question(Transport.UDP, Family.IPV6, UDP_LISTEN_MASK, first, last), 1)
    assert struct.unpack_from("=I", data)[0] == len(data)


@pytest.mark.real
@pytest.mark.parametrize("states", [TCP_LISTEN_MASK, CONNECTED_MASK])
def test_both_families_at_once_are_what_each_has(states: int) -> None:
    with ExitStack() as stack:
        inodes, ports = set(), set()
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            server = stack.enter_context(socket.create_server((address, 0), family=family))
            port = server.getsockname()[1]
            made = stack.enter_context(socket.create_connection((address, port)))
            own = server if states == TCP_LISTEN_MASK else made
            ports.add(own.getsockname()[1])
            inodes.add(os.fstat(own.fileno()).st_ino)
        found = []
        for families in ([None], list(Family)):
            netlink = stack.enter_context(closing(connect_netlink()))
            sockets: list[DiagSocket] = []
            for number, each in enumerate(families, 1):
                question = Question(Transport.TCP, each, states, min(ports), max(ports))
                netlink.send(request(question, number))
                done = False
                while not done:
                    part = parse_part(netlink.recv(1 << 16), question, number)
                    assert not part.error
                    sockets += part.sockets
                    done = part.done
            found.append({each.inode: each for each in sockets if each.inode in inodes})
    assert found[0] == found[1]
    assert set(found[0]) == inodes
