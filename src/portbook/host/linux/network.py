"""This machine in its networks: interfaces, addresses and routes, as the kernel has them.

Asked over netlink (rtnetlink(7)), which takes a fifth of a millisecond; the strictness about
sources stands in /proc/sys (ip-sysctl.rst of the kernel's documentation).
"""

from __future__ import annotations

import _socket
import _struct

from portbook._fast_types import NamedTuple
from portbook.errors import HostUnreadable
from portbook.host.linux.netlink import attributes_of, dump, int_of, name_of
from portbook.model import Family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# linux/rtnetlink.h, linux/if.h, linux/if_addr.h, linux/netlink.h
_GET_LINK, _GET_ADDRESS, _GET_ROUTE, _GET_RULE = 18, 22, 26, 34
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE, _NEW_RULE = 16, 20, 24, 32
_UP, _LOOPBACK, _LOWER_UP = 0x1, 0x8, 0x10000
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_GROUP, _INFO_KIND = 3, 18, 27, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE = 1, 4, 6, 9, 15
_UNICAST, _HERE, _MAIN, _LOCAL = 1, 2, 254, 255  # kinds and tables
_REFUSED, _THROWN = (6, 7, 8), 9  # blackhole, unreachable, prohibit; throw
# linux/fib_rules.h
_FRA_SRC, _FRA_DST, _FRA_IIF, _FRA_PRIORITY, _FRA_MARK, _FRA_SHORTEST = 2, 1, 3, 6, 10, 14
_FRA_TABLE, _FRA_MASK, _FRA_OIF, _FRA_L3MDEV = 15, 16, 17, 19
_FRA_UNKNOWN = (12, 13, 20, 22, 23, 24)  # tunnels, groups, users, protocols and ports
_TO_TABLE, _NOTHING, _INVERTED = 1, 3, 2
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
    """One interface; ``up`` says that it is switched on and has a carrier.

    ``traits`` are its kind ("" for none), hardware type and group.
    """

    name: str
    up: bool
    loopback: bool
    addresses: tuple[Address, ...] = ()
    strict_source: bool = False
    routes_loopback: bool = False
    traits: tuple[str, int, int] | None = None


class Route(NamedTuple):
    """Where answers to the addresses *first* to *last* leave; the lowest ``metric`` is used.

    Where they are refused (blackhole, unreachable, prohibit) no ``interface`` is named.
    """

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

    ``routes`` are those that answers take through all rules of policy routing (ip-rule(8)).
    ``doubtful`` are those of rules that may hold, by what isn't known of an answer. ``policy``:
    there are such, or the routes are too many to be read. ``by_mark``: rules ask for marks.
    """

    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...] = ()
    own: tuple[Route, ...] = ()
    policy: bool = False
    doubtful: tuple[Route, ...] = ()
    by_mark: bool = False

    def has(self, address: str) -> bool:
        """Whether packets to *address* are this machine's. Raises OSError where it is none."""
        number, family = number_of(address), Family.IPV6 if ":" in address else Family.IPV4
        return any(
            route.family is family and route.first <= number <= route.last for route in self.own
        )

    def refused(self, family: Family) -> list[tuple[int, int]]:
        """The networks to which answers are refused (blackhole, unreachable, prohibit)."""
        routes = [route for route in self.routes if route.family is family]
        refused = {(each.first, each.last): each.metric for each in routes if not each.interface}
        for route in routes if refused else ():
            span = route.first, route.last
            if route.interface and route.metric < refused.get(span, 0):
                del refused[span]
        return list(refused)


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


def networks_of(family: Family, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """*spans* as networks, in order: the first and the last address of each."""
    for first, last in spans:
        at = first
        while at <= last:
            size = at & -at or 1 << (32 if family is Family.IPV4 else 128)
            while size > last - at + 1:
                size >>= 1
            yield at, at + size - 1
            at += size


def read_network(proc: str = "/proc") -> Network:
    """The interfaces and routes of this network namespace.

    :raises HostUnreadable: the kernel doesn't tell.
    """
    try:
        netlink = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, 0)
        try:
            netlink.settimeout(1)
            names: dict[int, tuple[str, int]] = {}
            traits: dict[int, tuple[str, int, int]] = {}
            for body, attributes in dump(netlink, _GET_LINK, _NEW_LINK, bytes(16)):
                hardware, index, flags = _struct.unpack_from("=BxHiI", body)[1:4]
                info = attributes_of(attributes.get(_IFLA_LINKINFO, b""))
                group = int_of(attributes.get(_IFLA_GROUP, b""))
                traits[index] = name_of(info.get(_INFO_KIND, b"")), hardware, group
                names[index] = (name_of(attributes.get(_IFLA_IFNAME, b"")), flags)
            addresses: dict[int, list[Address]] = {}
            for body, attributes in dump(netlink, _GET_ADDRESS, _NEW_ADDRESS, bytes(8)):
                number, prefix, _, _, index = _struct.unpack_from("=BBBBI", body)
                raw = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
                if number in _FAMILIES and raw:
                    text = _socket.inet_ntop(number, raw)
                    addresses.setdefault(index, []).append(Address(_FAMILIES[number], text, prefix))
            tables, own, whole = _read_routes(netlink, names)
            rules = sorted(
                dump(netlink, _GET_RULE, _NEW_RULE, bytes(12)), key=lambda rule: _priority(rule[1])
            )
        finally:
            netlink.close()
    except (OSError, ValueError) as error:
        raise HostUnreadable(f"the kernel doesn't tell its interfaces: {error}") from error
    routes = tuple(tables.get(_MAIN, ()))
    doubtful: tuple[Route, ...] = ()
    if not _USUAL_RULES.issuperset([_priority(attributes) for _, attributes in rules]):
        routes, doubtful = through_rules(rules, tables, own)
    return Network(
        interfaces=tuple(
            Interface(
                name,
                flags & _UP != 0 and flags & _LOWER_UP != 0,
                flags & _LOOPBACK != 0,
                tuple(addresses.get(index, ())),
                *_checks(proc, name, asked=index in addresses and not flags & _LOOPBACK),
                traits[index],
            )
            for index, (name, flags) in names.items()
        ),
        routes=routes,
        own=own,
        policy=not whole or bool(doubtful),
        doubtful=doubtful,
        by_mark=any(not {_FRA_MARK, _FRA_MASK}.isdisjoint(rule) for _, rule in rules),
    )


def _priority(attributes: dict[int, bytes]) -> int:
    return int_of(attributes.get(_FRA_PRIORITY, b""))


def _read_routes(
    netlink: _socket.socket, names: dict[int, tuple[str, int]]
) -> tuple[dict[int, list[Route]], tuple[Route, ...], bool]:
    """The routes of each table, those to this machine, and whether those are all."""
    tables: dict[int, list[Route]] = {}
    local: list[Route] = []
    count = thrown = 0
    for body, attributes in dump(netlink, _GET_ROUTE, _NEW_ROUTE, bytes(12)):
        count += 1
        family, length, _, _, table, _, _, kind = _struct.unpack_from("=8B", body)
        if _RTA_TABLE in attributes:
            table = int_of(attributes[_RTA_TABLE])
        thrown += kind == _THROWN
        if family not in _FAMILIES or kind not in (
            (_HERE,) if table == _LOCAL else (_UNICAST, *_REFUSED)
        ):
            continue
        known = _FAMILIES[family]
        first, last = span_of(known, int.from_bytes(attributes.get(_RTA_DST, b""), "big"), length)
        out = [int_of(attributes[_RTA_OIF])] if _RTA_OIF in attributes else []
        out += _hops(attributes.get(_RTA_MULTIPATH, b""))
        metric = int_of(attributes.get(_RTA_PRIORITY, b""))
        if count < _MOST_ROUTES:
            kept = local if table == _LOCAL else tables.setdefault(table, [])
            route = Route(family=known, first=first, last=last, interface="", metric=metric)
            if kind in _REFUSED:
                kept.append(route)
            else:
                kept += [route._replace(interface=names[each][0]) for each in out if each in names]
    return tables, tuple(local), count < _MOST_ROUTES and not thrown


def through_rules(
    rules: list[tuple[bytes, dict[int, bytes]]],
    tables: dict[int, list[Route]],
    own: Iterable[Route],
) -> tuple[tuple[Route, ...], tuple[Route, ...]]:
    """The routes that answers of *own* addresses take, and those that they may take instead.

    *rules* are in order: what a table has a route for isn't asked of those after it. An answer has
    no mark here: where rules of a packet filter give it one, those say so.
    """
    from portbook.host.firewall.intervals import Intervals

    routes: list[Route] = []
    doubtful: list[Route] = []
    for family in Family:
        known: list[Route] = []
        for body, attributes in rules:
            if _FAMILIES.get(body[0]) is not family:
                continue
            holds = _holds(body, attributes, [each for each in own if each.family is family])
            found = _found(family, body, attributes, tables)
            if holds is None:
                doubtful += found
            elif holds:
                taken = Intervals.of([(each.first, each.last) for each in known])
                known += [
                    each
                    for each in found
                    if not taken.covers(Intervals.of([(each.first, each.last)]))
                ]
        routes += known
    return tuple(routes), tuple(doubtful)


def _found(
    family: Family, body: bytes, attributes: dict[int, bytes], tables: dict[int, list[Route]]
) -> list[Route]:
    """The routes of the table that a rule leads to, or what it refuses itself."""
    to = span_of(family, int.from_bytes(attributes.get(_FRA_DST, b""), "big"), body[1])
    if body[7] != _TO_TABLE:
        return [] if body[7] == _NOTHING else [Route(family, *to, "")]
    number = int_of(attributes[_FRA_TABLE]) if _FRA_TABLE in attributes else body[4]
    shortest = int_of(attributes.get(_FRA_SHORTEST, b"\xff\xff\xff\xff"))
    width = 32 if family is Family.IPV4 else 128
    longest = 1 << (width - shortest - 1 if shortest < width else width)
    return [
        each._replace(first=max(each.first, to[0]), last=min(each.last, to[1]))
        for each in tables.get(number, ())
        if each.family is family
        and each.last - each.first < longest
        and each.first <= to[1]
        and to[0] <= each.last
    ]


def _holds(body: bytes, attributes: dict[int, bytes], own: list[Route]) -> bool | None:
    """Whether a rule holds for answers; None where that isn't known of all of them."""
    answers: list[bool | None] = [not body[3], body[7] in (_TO_TABLE, _NOTHING, *_REFUSED) or None]
    if body[2]:
        answers.append(_from_all(attributes.get(_FRA_SRC, b""), body[2], own))
    if _FRA_MARK in attributes or _FRA_MASK in attributes:
        mask = int_of(attributes.get(_FRA_MASK, b"\xff\xff\xff\xff"))
        answers.append(not int_of(attributes.get(_FRA_MARK, b"")) & mask)
    if _FRA_IIF in attributes:
        answers.append(name_of(attributes[_FRA_IIF]) == "lo")
    answers.append(_FRA_OIF not in attributes and _FRA_L3MDEV not in attributes)
    answers += [None for each in _FRA_UNKNOWN if each in attributes]
    inverted = bool(int_of(body[8:12]) & _INVERTED)
    if False in answers:
        return inverted
    if None in answers or (inverted and body[1]):
        return None
    return not inverted


def _from_all(raw: bytes, length: int, own: list[Route]) -> bool | None:
    """Whether this machine's addresses are in a network, all but those of loopback."""
    if not own:
        return False
    first, last = span_of(own[0].family, int.from_bytes(raw, "big"), length)
    loopback = (1, 1) if own[0].family is Family.IPV6 else (0x7F000000, 0x7FFFFFFF)
    inside = {
        first <= each.first <= last for each in own if not loopback[0] <= each.first <= loopback[1]
    }
    return None if len(inside) > 1 else True in inside


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
