"""Whether an address is this machine's own, by what its kernel would do with a packet for it.

A socket's source address may be set at will where net.ipv4.ip_nonlocal_bind is on, and a list of
addresses leaves some out. So Linux is asked for the route: only what it would deliver to itself is
its own (RTM_GETROUTE and RTN_LOCAL, rtnetlink(7)).
"""

from __future__ import annotations

import socket
import struct
import sys

from portbook.errors import NotThisMachine, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NETLINK_ROUTE = 0
_RTM_NEWROUTE, _RTM_GETROUTE, _NLM_F_REQUEST = 24, 26, 1
_RTA_DST = 1
_RTN_LOCAL = 2
_HEADER, _ROUTE, _ATTRIBUTE = "=IHHII", "=BBBBBBBBI", "=HH"


class OwnAddress:
    """An address of this machine; one of another machine can't be made.

    *address* is an IPv4 or IPv6 address, *interface* the name of the interface that a link-local
    one is on. Raises NotThisMachine.
    """

    __slots__ = ("_scope", "address", "family")

    def __init__(self, address: str, interface: str | None = None) -> None:
        host = address.removeprefix("::ffff:") if address.count(".") == 3 else address
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            packed = socket.inet_pton(self.family, host)
            self._scope = socket.if_nametoindex(interface) if interface else 0
        except (OSError, ValueError) as error:
            raise NotThisMachine(f"{shown(address)} is no address of this machine") from error
        self.address = host
        if not is_loopback(host) and not _is_local(self.family, packed):
            raise NotThisMachine(
                f"{shown(address)} is no address of this machine: nothing is asked elsewhere"
            )

    def at(self, port: int) -> tuple[Any, ...]:
        """The address with *port*, as a socket takes it."""
        if self.family == socket.AF_INET:
            return (self.address, port)
        return (self.address, port, 0, self._scope)


def is_loopback(address: str) -> bool:
    """Whether no packet for *address* ever leaves (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3)."""
    return address == "::1" or (address.startswith("127.") and ":" not in address)


def _is_local(family: int, packed: bytes) -> bool:
    if not sys.platform.startswith("linux"):
        return _binds(family, packed)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as netlink:
            netlink.settimeout(1)
            netlink.send(route_request(family, packed))
            return parse_route_type(netlink.recv(65536)) == _RTN_LOCAL
    except OSError:
        return False


def route_request(family: int, packed: bytes) -> bytes:
    """The question which way a packet for the address *packed* would go."""
    attribute = struct.pack(_ATTRIBUTE, 4 + len(packed), _RTA_DST) + packed
    route = struct.pack(_ROUTE, family, len(packed) * 8, 0, 0, 0, 0, 0, 0, 0)
    size = struct.calcsize(_HEADER) + len(route) + len(attribute)
    header = struct.pack(_HEADER, size, _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0)
    return header + route + attribute


def parse_route_type(answer: bytes) -> int | None:
    """The type of the route in the kernel's *answer*; None where it is no route. Pure."""
    start = struct.calcsize(_HEADER)
    if len(answer) < start + struct.calcsize(_ROUTE):
        return None
    _, kind, _, _, _ = struct.unpack_from(_HEADER, answer)
    if kind != _RTM_NEWROUTE:
        return None
    found: int = struct.unpack_from(_ROUTE, answer, start)[7]
    return found


def _binds(family: int, packed: bytes) -> bool:
    """Elsewhere: only an own address can be a socket's."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((socket.inet_ntop(family, packed), 0))
    except OSError:
        return False
    return True
