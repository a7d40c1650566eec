"""Questions to the kernel's socket monitor, and its answers: bytes in, values out, no I/O.

The monitor is spoken to over netlink (sock_diag(7), netlink(7)); its structures stand in
linux/inet_diag.h and linux/netlink.h of the kernel's user-space headers. Numbers in them are in
the machine's byte order, but for ports and addresses, which are in network order.

>>> question = Question(Transport.TCP, "ipv4", TCP_LISTEN_MASK, 443, 443)
>>> len(request(question, sequence=1))
92
"""

from __future__ import annotations

import _socket
import _struct
import sys

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput
from portbook.model import ConnectionState, Family, Transport

TYPE_CHECKING = False

# include/net/tcp_states.h; the other transports use the same numbers for the same things.
ESTABLISHED = 1
TIME_WAIT = 6
CLOSE = 7
LISTEN = 10
# A request's bit for sockets that are bound and neither listen nor are connected, from Linux
# 6.8 on (TCP_BOUND_INACTIVE). The answer gives their state as CLOSE.
BOUND_INACTIVE = 13

TCP_LISTEN_MASK = 1 << LISTEN | 1 << BOUND_INACTIVE
UDP_LISTEN_MASK = 1 << CLOSE  # an unconnected UDP socket
SCTP_LISTEN_MASK = 1 << LISTEN | 1 << CLOSE
# Of what is asked for, the sockets that take connections.
TAKING_STATES = {
    Transport.TCP: 1 << LISTEN,
    Transport.UDP: UDP_LISTEN_MASK,
    Transport.SCTP: SCTP_LISTEN_MASK,
    Transport.DCCP: SCTP_LISTEN_MASK,
}
EVERY_STATE = (1 << BOUND_INACTIVE + 1) - 1
CONNECTED_MASK = EVERY_STATE & ~(1 << LISTEN | 1 << CLOSE | 1 << BOUND_INACTIVE)
# The states' names in RFC 9293 §3.3.2; NEW-SYN-RECV is the kernel's own for a half-open one.
STATE_NAMES = {
    ESTABLISHED: ConnectionState.ESTABLISHED,
    2: ConnectionState.SYN_SENT,
    3: ConnectionState.SYN_RECEIVED,
    4: ConnectionState.FIN_WAIT_1,
    5: ConnectionState.FIN_WAIT_2,
    TIME_WAIT: ConnectionState.TIME_WAIT,
    CLOSE: ConnectionState.CLOSED,
    8: ConnectionState.CLOSE_WAIT,
    9: ConnectionState.LAST_ACK,
    LISTEN: ConnectionState.LISTEN,
    11: ConnectionState.CLOSING,
    12: ConnectionState.SYN_RECEIVED,
}

PROTOCOLS = {Transport.TCP: 6, Transport.UDP: 17, Transport.SCTP: 132, Transport.DCCP: 33}
UDPLITE = 136  # RFC 3828 §6

_FAMILIES = {Family.IPV4: _socket.AF_INET, Family.IPV6: _socket.AF_INET6}

if TYPE_CHECKING:
    from typing import Protocol

    class Netlink(Protocol):
        """The part of a socket that a dump needs: the seam where tests put a kernel of theirs."""

        def send(self, data: bytes, /) -> int: ...
        def recv(self, size: int, /) -> bytes: ...
        def close(self) -> None: ...

    # What a socket's attributes tell: v6only, the control group, and further local addresses.
    _Told = tuple[bool | None, int | None, tuple[tuple[Family, str], ...]]

# linux/netlink.h
_NLMSG_NOOP, _NLMSG_ERROR, _NLMSG_DONE = 1, 2, 3
_NLM_F_REQUEST, _NLM_F_DUMP, _NLM_F_DUMP_INTR = 0x01, 0x300, 0x10
# linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG_BY_FAMILY, _TCPDIAG_GETSOCK = 20, 18
_REQ_BYTECODE = 1
_BC_S_GE, _BC_S_LE = 2, 3
_SKV6ONLY, _LOCALS, _CGROUP_ID = 11, 12, 21

_HEADER = _struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port id
_ATTRIBUTE = _struct.Struct("=HH")  # struct nlattr: length, type
_INT = _struct.Struct("=i")
_U64 = _struct.Struct("=Q")
# struct inet_diag_req_v2 up to its sockid's ports, then the rest of the sockid
_REQUEST = _struct.Struct("=BBBxI")
_STATES = _struct.Struct("=II")  # the end of struct inet_diag_req: states, dbs
_PORTS = _struct.Struct(">HH")
_REST_OF_ID = bytes(32 + 4) + b"\xff" * 8  # any address, any interface, no cookie
# struct inet_diag_msg: family, state, (timer, retransmits), [ports: network order], source,
# destination, interface, (cookie), expires, rqueue, wqueue, uid, inode; what is in round brackets
# is passed over
_MESSAGE = _struct.Struct("=BB2xBBBB16s16sI8xIIIII")


class Question(NamedTuple):
    """What one dump is to list: the sockets of *states* with a local port in *first* to *last*.

    ``states`` is a mask of ``1 << state``; ``udplite`` turns UDP into UDP-Lite. No ``family`` is
    either: TCP's alone are listed so.
    """

    transport: Transport
    family: Family | None
    states: int
    first: int = 0
    last: int = 65535
    udplite: bool = False


class DiagSocket(NamedTuple):
    """One socket as the kernel describes it.

    ``state`` is a number of include/net/tcp_states.h, ``expires`` milliseconds to the end of
    the timer that runs, ``interface`` an index or 0 for none. For a socket that listens,
    ``rqueue`` counts the connections that wait and ``wqueue`` is their limit; otherwise both are
    bytes. ``addresses`` are the further local addresses of an SCTP endpoint. What a source
    doesn't tell is None.
    """

    transport: Transport
    family: Family
    state: int
    address: str
    port: int
    peer_address: str
    peer_port: int
    interface: int
    expires: int
    rqueue: int
    wqueue: int | None
    uid: int
    inode: int
    v6only: bool | None = None
    cgroup: int | None = None
    udplite: bool = False
    addresses: tuple[tuple[Family, str], ...] = ()


class Part(NamedTuple):
    """One read's worth of an answer.

    ``error`` is an errno, or 0. ENOENT means that the kernel has no monitor for the transport:
    that is how "no such sockets" is told from "can't say". ``interrupted``: the table changed
    while it was read, so rows may be missing or doubled (netlink(7), NLM_F_DUMP_INTR).
    """

    sockets: tuple[DiagSocket, ...]
    done: bool
    error: int = 0
    interrupted: bool = False


def request(question: Question, sequence: int) -> bytes:
    """The netlink message that asks *question*.

    The ports become two instructions of the kernel's filter language. A single one goes into
    the socket id too, which is compared first, but not for bound sockets: with the id alone
    Linux 6.18 answers with every one of those. Measured with 2,000 listeners: 42 µs for a
    port, 660 µs for all.

    Both families of TCP are asked for by the older form (TCPDIAG_GETSOCK), which looks through the
    kernel's tables once: on a quiet machine that is most of what a dump takes.
    """
    one = question.first == question.last
    identity = _PORTS.pack(question.first if one else 0, 0) + _REST_OF_ID
    kind = _SOCK_DIAG_BY_FAMILY
    if question.family is None:
        kind = _TCPDIAG_GETSOCK
        body = bytes(4) + identity + _STATES.pack(question.states, 0)
    else:
        protocol = UDPLITE if question.udplite else PROTOCOLS[question.transport]
        family = _FAMILIES[question.family]
        body = _REQUEST.pack(family, protocol, 0, question.states) + identity
    if (question.first, question.last) != (0, 65535):
        filter_ = _port_filter(question.first, question.last)
        body += _ATTRIBUTE.pack(4 + len(filter_), _REQ_BYTECODE) + filter_
    flags = _NLM_F_REQUEST | _NLM_F_DUMP
    return _HEADER.pack(16 + len(body), kind, flags, sequence, 0) + body


def _port_filter(first: int, last: int) -> bytes:
    # struct inet_diag_bc_op {code, yes, no} holds relative jumps in bytes; its operand is the
    # `no` of the next one. A jump to 4 bytes behind the end rejects the socket.
    operation = _struct.Struct("=BBH").pack
    return (
        operation(_BC_S_GE, 8, 20)
        + operation(0, 0, first)
        + operation(_BC_S_LE, 8, 12)
        + operation(0, 0, last)
    )


def parse_part(data: bytes, question: Question, sequence: int) -> Part:
    """The sockets in *data*, one read from the netlink socket.

    Messages of another *sequence* are leftovers of an earlier question and left out.
    Raises MalformedInput for bytes that are no netlink messages or are cut short.
    """
    sockets: list[DiagSocket] = []
    texts: dict[bytes, str] = {}
    told: dict[bytes, _Told] = {}
    place, end, interrupted = 0, len(data), False
    while place < end:
        if end - place < 16:
            raise MalformedInput(f"a netlink header is cut short at byte {place} of {end}")
        length, kind, flags, number, _ = _HEADER.unpack_from(data, place)
        if length < 16 or place + length > end:
            raise MalformedInput(f"a netlink message at byte {place} of {end} claims {length}")
        if number == sequence:
            interrupted = interrupted or bool(flags & _NLM_F_DUMP_INTR)
            if kind in (_SOCK_DIAG_BY_FAMILY, _TCPDIAG_GETSOCK):
                message = (data, place + 16, place + length)
                sockets.append(_parse_message(*message, question, texts, told))
            elif kind in (_NLMSG_DONE, _NLMSG_ERROR):
                # Both carry an errno, negated; a dump that can't be done ends with DONE.
                code = _INT.unpack_from(data, place + 16)[0] if length >= 20 else 0
                return Part(tuple(sockets), True, abs(code), interrupted)
            elif kind != _NLMSG_NOOP:
                raise MalformedInput(f"a netlink message of the unknown kind {kind}")
        place += length + 3 & ~3
    return Part(tuple(sockets), False, 0, interrupted)


def _parse_message(
    data: bytes,
    place: int,
    end: int,
    question: Question,
    texts: dict[bytes, str],
    told: dict[bytes, _Told],
) -> DiagSocket:
    # Most sockets share a few addresses and attributes: *texts* keeps how an address is written,
    # *told* what attributes say.
    if end - place < _MESSAGE.size:
        raise MalformedInput(f"a socket is described in {end - place} bytes, not {_MESSAGE.size}")
    (
        family_number,
        state,
        port_high,
        port_low,
        peer_high,
        peer_low,
        source,
        destination,
        interface,
        expires,
        rqueue,
        wqueue,
        uid,
        inode,
    ) = _MESSAGE.unpack_from(data, place)
    if family_number == _socket.AF_INET:
        family, source, destination = Family.IPV4, source[:4], destination[:4]
    elif family_number == _socket.AF_INET6:
        family = Family.IPV6
    else:
        raise MalformedInput(f"a socket of the address family {family_number}")
    attributes = data[place + _MESSAGE.size : end]
    known = told.get(attributes)
    if known is None:
        known = told[attributes] = _parse_attributes(attributes)
    v6only, cgroup, addresses = known
    # Its constructor would take four times as long, for every socket.
    return tuple.__new__(
        DiagSocket,
        (
            question.transport,
            family,
            state,
            texts.get(source) or _write(family_number, source, texts),
            port_high << 8 | port_low,
            texts.get(destination) or _write(family_number, destination, texts),
            peer_high << 8 | peer_low,
            interface,
            expires,
            rqueue,
            wqueue,
            uid,
            inode,
            v6only if family is Family.IPV6 else None,
            cgroup,
            question.udplite,
            addresses,
        ),
    )


def _parse_attributes(data: bytes) -> _Told:
    v6only: bool | None = None
    cgroup: int | None = None
    addresses: tuple[tuple[Family, str], ...] = ()
    place, end = 0, len(data)
    while place + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, place)
        if length < 4 or place + length > end:
            raise MalformedInput(f"an attribute of a socket claims {length} bytes")
        if kind == _CGROUP_ID and length == 12:
            cgroup = _U64.unpack_from(data, place + 4)[0]
        elif kind == _SKV6ONLY and length == 5:
            v6only = data[place + 4] != 0
        elif kind == _LOCALS:
            addresses = _parse_addresses(data[place + 4 : place + length])
        place += length + 3 & ~3
    return v6only, cgroup, addresses


def _write(family: int, address: bytes, texts: dict[bytes, str]) -> str:
    texts[address] = _socket.inet_ntop(family, address)
    return texts[address]


def _parse_addresses(data: bytes) -> tuple[tuple[Family, str], ...]:
    # INET_DIAG_LOCALS, of SCTP only: an array of struct sockaddr_storage, 128 bytes each
    found = []
    for place in range(0, len(data) - 127, 128):
        family = int.from_bytes(data[place : place + 2], sys.byteorder)
        if family == _socket.AF_INET:
            text = _socket.inet_ntop(family, data[place + 4 : place + 8])
            found.append((Family.IPV4, text))
        elif family == _socket.AF_INET6:
            text = _socket.inet_ntop(family, data[place + 8 : place + 24])
            found.append((Family.IPV6, text))
    return tuple(found)


def shows_bound(release: str) -> bool:
    """Whether a kernel of that version tells of sockets that are only bound."""
    numbers = []
    for part in release.split("-", maxsplit=1)[0].split(".")[:2]:
        if not part.isdecimal():
            return True  # not a version that says anything
        numbers.append(int(part))
    return numbers >= [6, 8]


def is_outer(socket: DiagSocket) -> bool:
    """Whether it may take what comes from other machines."""
    local = socket.address.startswith("127.") or socket.address == "::1"
    return not local and (socket.state == LISTEN or socket.transport is Transport.UDP)
