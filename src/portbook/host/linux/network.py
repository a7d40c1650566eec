"""This machine in its networks: interfaces, addresses and routes, as the kernel has them.

Asked over netlink (rtnetlink(7)), which takes a fifth of a millisecond; the strictness about
sources stands in /proc/sys (ip-sysctl.rst of the kernel's documentation).
"""

from __future__ import annotations

import _socket
import _struct

from portbook._fast_types import NamedTuple
from portbook.errors import HostUnreadable
from portbook.model import Family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class Netlink(Protocol):
        """The part of a socket that a dump needs."""

        def send(self, data: bytes, /) -> int: ...
        def recv(self, size: int, /) -> bytes: ...


# linux/rtnetlink.h, linux/if.h, linux/if_addr.h, linux/netlink.h
_GET_LINK, _GET_ADDRESS, _GET_ROUTE, _GET_RULE = 18, 22, 26, 34
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE, _NEW_RULE = 16, 20, 24, 32
_DONE, _ERROR = 3, 2
_DUMP, _INTERRUPTED = 0x301, 0x10
_UP, _LOOPBACK, _LOWER_UP = 0x1, 0x8, 0x10000
_IFLA_IFNAME = 3
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE = 1, 4, 6, 9, 15
_FRA_PRIORITY = 6
_UNICAST, _HERE, _MAIN, _LOCAL = 1, 2, 254, 255  # kinds and tables
# The rules that every machine has: the local table, main and default.
_USUAL_RULES = {0, 32766, 32767}
_MOST_ROUTES = 20_000  # a router of the internet has a million, and none of them says more

_FAMILIES = {_socket.AF_INET: Family.IPV4, _socket.AF_INET6: Family.IPV6}


class Address(NamedTuple):
    """An address of an interface, with the length of its network's prefix."""

    family: Family
    text: str
    prefix: int

    @property
    def network(self) -> tuple[int, int]:
        """The first and the last address of its network, as numbers."""
        return span_of(self.family, number_of(self.text), self.prefix)


class Interface(NamedTuple):
    """One interface; ``up`` says that it is switched on and has a carrier."""

    name: str
    up: bool
    loopback: bool
    addresses: tuple[Address, ...] = ()
    strict_source: bool = False
    routes_loopback: bool = False


class Route(NamedTuple):
    """Where answers to the addresses *first* to *last* leave; the lowest ``metric`` is used."""

    family: Family
    first: int
    last: int
    interface: str
    metric: int = 0

    @property
    def cidr(self) -> str:
        """Its network as CIDR text."""
        return cidr_of(self.family, self.first, self.last)


class Network(NamedTuple):
    """Interfaces and routes; ``own`` are those to this machine itself.

    ``policy``: other rules than the destination choose routes as well, or the routes are too many
    to be read.
    """

    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...] = ()
    own: tuple[Route, ...] = ()
    policy: bool = False

    def has(self, address: str) -> bool:
        """Whether packets to *address* are this machine's. Raises OSError where it is none."""
        number, family = number_of(address), Family.IPV6 if ":" in address else Family.IPV4
        return any(
            route.family is family and route.first <= number <= route.last for route in self.own
        )


def number_of(address: str) -> int:
    """*address* as a number. Raises OSError where it is none.

    >>> hex(number_of("192.0.2.1")), number_of("::1")
    ('0xc0000201', 1)
    """
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    return int.from_bytes(_socket.inet_pton(family, address), "big")


def span_of(family: Family, number: int, prefix: int) -> tuple[int, int]:
    """The first and the last address of the network of *number*.

    >>> span_of(Family.IPV4, 0xC0000201, 24) == (0xC0000200, 0xC00002FF)
    True
    """
    host = (1 << (32 if family is Family.IPV4 else 128) - prefix) - 1
    return number & ~host, number | host


def cidr_of(family: Family, first: int, last: int) -> str:
    """The network from *first* to *last*.

    >>> cidr_of(Family.IPV4, 0xC0000200, 0xC00002FF)
    '192.0.2.0/24'
    """
    number, size = (_socket.AF_INET, 4) if family is Family.IPV4 else (_socket.AF_INET6, 16)
    text = _socket.inet_ntop(number, first.to_bytes(size, "big"))
    return f"{text}/{size * 8 - (last - first).bit_length()}"


def read_network(proc: str = "/proc") -> Network:
    """The interfaces and routes of this network namespace.

    :raises HostUnreadable: the kernel doesn't tell.
    """
    try:
        netlink = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, 0)
        try:
            netlink.settimeout(1)
            names: dict[int, tuple[str, int]] = {}
            for body, attributes in dump(netlink, _GET_LINK, _NEW_LINK, bytes(16)):
                _, index, flags = _struct.unpack_from("=BxHiI", body)[1:4]
                names[index] = (name_of(attributes.get(_IFLA_IFNAME, b"")), flags)
            addresses: dict[int, list[Address]] = {}
            for body, attributes in dump(netlink, _GET_ADDRESS, _NEW_ADDRESS, bytes(8)):
                number, prefix, _, _, index = _struct.unpack_from("=BBBBI", body)
                raw = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
                if number in _FAMILIES and raw:
                    text = _socket.inet_ntop(number, raw)
                    addresses.setdefault(index, []).append(Address(_FAMILIES[number], text, prefix))
            routes, own, whole = _read_routes(netlink, names)
            rules = [
                int_of(attributes.get(_FRA_PRIORITY, b""))
                for _, attributes in dump(netlink, _GET_RULE, _NEW_RULE, bytes(12))
            ]
        finally:
            netlink.close()
    except (OSError, ValueError) as error:
        raise HostUnreadable(f"the kernel doesn't tell its interfaces: {error}") from error
    return Network(
        tuple(
            Interface(
                name,
                flags & _UP != 0 and flags & _LOWER_UP != 0,
                flags & _LOOPBACK != 0,
                tuple(addresses.get(index, ())),
                *_checks(proc, name, asked=index in addresses and not flags & _LOOPBACK),
            )
            for index, (name, flags) in names.items()
        ),
        routes,
        own,
        not whole or not _USUAL_RULES.issuperset(rules),
    )


def _read_routes(
    netlink: _socket.socket, names: dict[int, tuple[str, int]]
) -> tuple[tuple[Route, ...], tuple[Route, ...], bool]:
    """The routes of the main table, those to this machine, and whether those are all."""
    routes: list[Route] = []
    local: list[Route] = []
    count = 0
    for body, attributes in dump(netlink, _GET_ROUTE, _NEW_ROUTE, bytes(12)):
        count += 1
        family, length, _, _, table, _, _, kind = _struct.unpack_from("=8B", body)
        if _RTA_TABLE in attributes:
            table = int_of(attributes[_RTA_TABLE])
        if family not in _FAMILIES or (table, kind) not in ((_MAIN, _UNICAST), (_LOCAL, _HERE)):
            continue
        known = _FAMILIES[family]
        first, last = span_of(known, int.from_bytes(attributes.get(_RTA_DST, b""), "big"), length)
        out = [int_of(attributes[_RTA_OIF])] if _RTA_OIF in attributes else []
        out += _hops(attributes.get(_RTA_MULTIPATH, b""))
        metric = int_of(attributes.get(_RTA_PRIORITY, b""))
        if len(routes) < _MOST_ROUTES:
            kept = routes if table == _MAIN else local
            kept += [
                Route(
                    family=known, first=first, last=last, interface=names[index][0], metric=metric
                )
                for index in out
                if index in names
            ]
    return tuple(routes), tuple(local), count < _MOST_ROUTES


def _hops(data: bytes) -> list[int]:
    """The interfaces of a route over several (struct rtnexthop)."""
    found, place = [], 0
    while place + 8 <= len(data):
        length, _, _, index = _struct.unpack_from("=HBBi", data, place)
        if length < 8:
            break
        found.append(index)
        place += length + 3 & ~3
    return found


def dump(
    netlink: Netlink, question: int, answer: int, asked: bytes
) -> Iterator[tuple[bytes, dict[int, bytes]]]:
    """The messages of one dump: the fixed part, as long as that of *asked*, and the attributes.

    Raises OSError, or ValueError for what is no answer.
    """
    size = len(asked)
    netlink.send(_struct.pack("=IHHII", 16 + size, question, _DUMP, question, 0) + asked)
    while True:
        data = netlink.recv(1 << 18)
        place = 0
        while place + 16 <= len(data):
            length, kind, flags, sequence, _ = _struct.unpack_from("=IHHII", data, place)
            if length < 16 or place + length > len(data) or sequence != question:
                raise ValueError("no answer to the question")
            if kind == _DONE:
                return
            if kind == _ERROR or flags & _INTERRUPTED:
                raise ValueError("it changed while it was read" if flags else "it refuses")
            if kind == answer and length >= 16 + size:
                start = place + 16
                yield data[start : start + size], attributes_of(data[start + size : place + length])
            place += length + 3 & ~3
        if place < len(data) or not data:
            raise ValueError("a message is cut short")


def attributes_of(data: bytes) -> dict[int, bytes]:
    """The attributes in *data*, by kind. Raises ValueError where one is cut short."""
    found, place = {}, 0
    while place + 4 <= len(data):
        length, kind = _struct.unpack_from("=HH", data, place)
        if length < 4 or place + length > len(data):
            raise ValueError("an attribute is cut short")
        found[kind & 0x3FFF] = data[place + 4 : place + length]
        place += length + 3 & ~3
    return found


def int_of(data: bytes) -> int:
    """The number that an attribute holds; 0 for none."""
    return int(_struct.unpack("=I", data)[0]) if len(data) == 4 else 0


def name_of(data: bytes) -> str:
    """The name that an attribute holds."""
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _checks(proc: str, name: str, *, asked: bool) -> tuple[bool, bool]:
    """Whether an interface checks sources strictly, and whether it lets 127.0.0.0/8 in."""
    if not asked:
        return False, False
    return _setting(proc, name, "rp_filter") == 1, _setting(proc, name, "route_localnet") > 0


def _setting(proc: str, interface: str, name: str) -> int:
    """A setting of *interface*; the greater of its own and that of all, which the kernel takes."""
    values = [0]
    for each in ("all", interface):
        try:
            with open(f"{proc}/sys/net/ipv4/conf/{each}/{name}", "rb") as file:
                values.append(int(file.read()))
        except (OSError, ValueError):
            continue
    return max(values)
