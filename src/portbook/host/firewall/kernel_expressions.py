"""The kernel's own expressions of nftables' rules, in the words of nft's JSON. Pure.

Those of plain rules alone: nft puts together again what its compiler took apart, and the more there
is, the more it knows that isn't said here. What isn't certain isn't read.
linux/netfilter/nf_tables.h has the attributes.
"""

from __future__ import annotations

import _socket
import sys

from portbook._fast_types import lru_cache
from portbook.host.firewall import Unread
from portbook.host.linux.netlink import attributes_of, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    # A key, and whether it ends an interval: the elements of a set.
    Elements = list[tuple[bytes, bool]]


_META = {
    3: "mark", 4: "iif", 5: "oif", 6: "iifname", 7: "oifname", 15: "nfproto", 16: "l4proto",
}  # fmt: skip
_OPS = ("==", "!=", "<", "<=", ">", ">=")
_VERDICTS = {1: "accept", 0: "drop", -1: "continue", -3: "jump", -4: "goto", -5: "return"}
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
_FAMILIES = {2: "ipv4", 10: "ipv6"}
_HEADERS = ("tcp", "udp", "sctp")
_TRANSPORT_FIELDS = {(0, 2): "sport", (2, 2): "dport", (0, 4): "ports"}  # ports: both at once
# By the place in the header: the field, and its whole width.
_IP_FIELDS = {
    "ip": {12: ("saddr", 4), 16: ("daddr", 4)},
    "ip6": {8: ("saddr", 16), 24: ("daddr", 16)},
}
_NETWORK, _TRANSPORT = 1, 2
_STATES = ((1, "invalid"), (2, "established"), (4, "related"), (8, "new"), (64, "untracked"))
_STATUSES = ((1, "expected"), (2, "seen-reply"), (4, "assured"), (8, "confirmed"), (16, "snat"),
             (32, "dnat"), (512, "dying"))  # fmt: skip
_WAY_BACK = 1 | 4 | 8 | 32  # saddr . mark . iif, whether there is one
_FIB_TYPES = {1: "unicast", 2: "local", 3: "broadcast", 5: "multicast"}
_REJECTS = {
    2: ("icmpx", ("no-route", "port-unreachable", "host-unreachable", "admin-prohibited")),
}  # fmt: skip
_UNREACHABLE = {3: "port-unreachable", 13: "admin-prohibited"}  # ICMP's codes
_PERIODS = {1: "second", 60: "minute", 3600: "hour", 86400: "day", 604800: "week"}
_MOST_KNOWN = 1024  # expressions that are remembered
_DREG, _PAYLOAD_SREG = 1, 5
_SET = "__set"  # nft's names of sets that are written out in a rule


class KernelExpressions:
    """What was read of a rule: *expressions*, all of it where it is ``whole``.

    *elements* has those of a set by its name.
    """

    def __init__(
        self, family: str, data: bytes, elements: Callable[[str], Elements | None]
    ) -> None:
        self._family, self._elements = family, elements
        self.expressions: list[Any] = []
        self.whole = False
        # What the one register holds, also once it was compared, and how wide it is.
        self._left: Any = None
        self._kept: Any = None
        self._width = 0
        self._mask: bytes | None = None
        # The protocol that was asked for, and where that is a condition that nft may not print.
        self._protocol = self._network = ""
        self._implied: dict[str, int] = {}
        if family in ("ip", "ip6"):
            self._network = family
        self._parts = parts_of(data)
        self._next: tuple[bytes, dict[int, bytes]] | None = None

    def read(self, *, sets: bool = True) -> None:
        """Reads it as far as it is plain; without *sets*, up to the first that is asked for."""
        try:
            while (part := self._next or next(self._parts, None)) is not None:
                self._next = part
                if not sets and part[0] == b"lookup":
                    return
                _READERS[part[0]](self, part[1])
                self._next = None
            self.whole = self._left is None
        except (Unread, LookupError, ValueError, OSError):
            self._parts = iter(())

    # -- what fills the register --------------------------------------------------------------

    def _load(self, inside: dict[int, bytes], left: Any, width: int) -> None:
        if self._left is not None or _DREG not in inside or _PAYLOAD_SREG in inside:
            raise Unread  # several values are one key, or something is set
        self._left, self._kept, self._width, self._mask = left, None, width, None

    def _meta(self, inside: dict[int, bytes]) -> None:
        key = _META[_number(inside[2])]
        width = 16 if key.endswith("name") else 1 if key.endswith("proto") else 4
        self._load(inside, {"meta": {"key": key}}, width)

    def _ct(self, inside: dict[int, bytes]) -> None:
        key = {0: "state", 2: "status"}[_number(inside[2])]
        if 3 in inside:
            raise Unread  # of one direction
        self._load(inside, {"ct": {"key": key}}, 4)

    def _fib(self, inside: dict[int, bytes]) -> None:
        if (_number(inside[2]), _number(inside[3])) == (1, _WAY_BACK):
            self._load(inside, {"fib": {"result": "oif", "flags": ["saddr", "mark", "iif"]}}, 4)
            return
        if _number(inside[2]) != 3 or _number(inside[3]) not in (1, 2):
            raise Unread
        flags = ["saddr" if _number(inside[3]) == 1 else "daddr"]
        self._load(inside, {"fib": {"result": "type", "flags": flags}}, 4)

    def _payload(self, inside: dict[int, bytes]) -> None:
        base, offset, width = (_number(inside[each]) for each in (2, 3, 4))
        if base == _TRANSPORT:
            field = _TRANSPORT_FIELDS[offset, width]
            self._drop_implied("l4proto")
            if self._protocol not in (*_HEADERS, ""):
                raise Unread
            left = {"protocol": self._protocol or "th", "field": field}
        elif base == _NETWORK:
            self._drop_implied("nfproto")
            field, whole = _IP_FIELDS[self._network][offset]
            if width > whole:
                raise Unread
            left = {"protocol": self._network, "field": field}
        else:
            raise Unread
        self._load(inside, {"payload": left}, width)

    def _drop_implied(self, key: str) -> None:
        """Takes the condition back that nft made for a header, and doesn't print."""
        place = self._implied.pop(key, None)
        if place is None:
            return
        between = [each.get("match", {}).get("left", {}) for each in self.expressions[place + 1 :]]
        if between and (self._family == "inet" or not all("payload" in each for each in between)):
            raise Unread  # what stands between may keep it
        del self.expressions[place]

    # -- what is done with it -----------------------------------------------------------------

    def _bitwise(self, inside: dict[int, bytes]) -> None:
        if any(_value(inside[5])) or inside.get(6, bytes(4)) != bytes(4) or self._mask is not None:
            raise Unread
        self._mask = _value(inside[4])

    def _compare(self, inside: dict[int, bytes]) -> None:
        op, data = _OPS[_number(inside[2])], _value(inside[3])
        kind, key = _key_of(self._left or self._kept)
        if kind == "ct" and self._mask is not None:
            self._flags(op, data, _STATES if key == "state" else _STATUSES)
            return
        if key == "ports":
            self._both_ports(op, data)
            return
        if kind == "payload" and key in ("saddr", "daddr"):
            right = self._address(data)
        elif self._mask is not None:
            raise Unread
        else:
            right = self._plain(kind, key, data)
        if op not in ("==", "!="):
            if key not in ("sport", "dport"):
                raise Unread
            if self._closes(op, right):
                return
        if self._left is None:
            raise Unread
        self._match(op, right)
        if op == "==":
            self._imply(key, right)

    def _imply(self, key: str, value: Any) -> None:
        """Notes what may be asked for a header's sake alone, which is in the packet then."""
        if key in ("l4proto", "nfproto"):
            self._implied[key] = len(self.expressions) - 1
        if key == "l4proto":
            self._protocol = value
        elif key == "nfproto":
            self._network = "ip" if value == "ipv4" else "ip6"

    def _flags(self, op: str, data: bytes, known: tuple[tuple[int, str], ...]) -> None:
        """Whether a connection has one of several states, or of what else is *known* of it."""
        bits = _host(self._mask or b"")
        names = [name for bit, name in known if bits & bit]
        if op != "!=" or any(data) or bits != sum([bit for bit, name in known if name in names]):
            raise Unread
        self._match("in", names if len(names) > 1 else names[0])

    def _both_ports(self, op: str, data: bytes) -> None:
        if op != "==" or len(data) != 4 or self._mask is not None or self._left is None:
            raise Unread
        protocol = self._left["payload"]["protocol"]
        for field, value in (("sport", data[:2]), ("dport", data[2:])):
            self._left = {"payload": {"protocol": protocol, "field": field}}
            self._match("==", _number(value))

    def _closes(self, op: str, last: Any) -> bool:
        """Whether it ends an interval that the condition before begins: nft compares twice."""
        before = self.expressions[-1].get("match") if self.expressions else None
        if op != "<=" or not before or before["op"] != ">=" or before["left"] is not self._kept:
            return False
        before["op"], before["right"] = "==", {"range": [before["right"], last]}
        self._kept = None
        return True

    def _match(self, op: str, right: Any) -> None:
        self.expressions.append({"match": {"op": op, "left": self._left, "right": right}})
        self._left, self._kept = None, self._left

    def _plain(self, kind: str, key: str, data: bytes) -> Any:
        """One value of a field, as nft prints it."""
        if key in ("iifname", "oifname"):
            name = name_of(data)
            return name if data[-1:] == b"\0" or len(data) == 16 else f"{name}*"
        if kind == "fib" and key == "oif":
            return {0: False, 1: True}[_host(data)]
        if len(data) != self._width:
            raise Unread
        if key in ("iif", "oif"):
            return _socket.if_indextoname(_host(data))
        if key == "l4proto":
            return _PROTOCOLS[data[0]]
        if key == "nfproto":
            return _FAMILIES[data[0]]
        if kind == "ct":
            return dict(_STATES if key == "state" else ())[_host(data)]
        if kind == "fib":
            return _FIB_TYPES[_host(data)]
        return _host(data) if key == "mark" else int.from_bytes(data, "big")

    def _address(self, data: bytes) -> Any:
        mask = self._mask
        whole = 4 if self._network == "ip" else 16
        if len(data) != self._width:
            raise Unread
        if mask is not None:
            bits = int.from_bytes(mask, "big")
            length = 8 * len(mask) - (~bits & ((1 << 8 * len(mask)) - 1)).bit_length()
            if len(mask) != whole or bits != (1 << 8 * whole) - (1 << 8 * whole - length):
                raise Unread  # not a prefix
        else:
            length = 8 * len(data)
        family = _socket.AF_INET if whole == 4 else _socket.AF_INET6
        text = _socket.inet_ntop(family, data + bytes(whole - len(data)))
        return text if length == 8 * whole else {"prefix": {"addr": text, "len": length}}

    def _lookup(self, inside: dict[int, bytes]) -> None:
        name = name_of(inside[1])
        kind, key = _key_of(self._left)
        if not name.startswith(_SET) or 3 in inside or self._mask is not None:
            raise Unread
        if key not in ("l4proto", "state", "sport", "dport"):
            raise Unread
        elements, widths = self._elements(name), {self._width}
        # Of one element it can't be told whether all above it belong to it.
        if elements is None or len(elements) < 2 or {len(each) for each, _ in elements} != widths:
            raise Unread
        number = _host if key == "state" else lambda data: int.from_bytes(data, "big")
        ordered = sorted((number(data), not ends, data) for data, ends in elements)
        right: list[Any] = []
        if not any(ends for _, ends in elements):
            right = [self._plain(kind, key, data) for _, _, data in ordered]
        else:
            if key not in ("sport", "dport"):
                raise Unread
            right = _spans([(each, begins) for each, begins, _ in ordered])
        self._match("!=" if _number(inside.get(5, b"")) else "==", {"set": right})

    # -- statements ---------------------------------------------------------------------------

    def _immediate(self, inside: dict[int, bytes]) -> None:
        kind, target = verdict_of(inside)
        self.expressions.append({kind: {"target": target} if target else None})

    def _reject(self, inside: dict[int, bytes]) -> None:
        kind, code = _number(inside[1]), inside.get(2, b"\0")[0]
        if kind == 0 and self._family == "ip":
            how, word = "icmp", _UNREACHABLE[code]
        else:
            how, words = _REJECTS[kind]
            word = words[code]
        self.expressions.append({"reject": {"type": how, "expr": word}})

    def _limit(self, inside: dict[int, bytes]) -> None:
        if _number(inside.get(4, b"")) or _number(inside.get(5, b"")):
            raise Unread  # of bytes, or what is over
        rate, unit = (int.from_bytes(inside[each], "big") for each in (1, 2))
        value = {"rate": rate, "burst": _number(inside[3]), "per": _PERIODS[unit]}
        self.expressions.append({"limit": value})

    def _ignored(self, _: dict[int, bytes]) -> None:
        self.expressions.append({"counter": None})

    def _log(self, _: dict[int, bytes]) -> None:
        self.expressions.append({"log": None})


def parts_of(data: bytes) -> Iterator[tuple[bytes, dict[int, bytes]]]:
    """The expressions of one rule: the name and the attributes of each."""
    place, size = 0, len(data)
    while place + 4 <= size:
        length = int.from_bytes(data[place : place + 2], sys.byteorder)
        if length < 4:
            raise ValueError("an attribute without a length")
        yield _part(data[place + 4 : place + length])
        place += length + 3 & ~3


@lru_cache(_MOST_KNOWN)
def _part(data: bytes) -> tuple[bytes, dict[int, bytes]]:
    """One expression; most rules are put together of the same few."""
    inside = attributes_of(data)
    return inside[1].rstrip(b"\0"), attributes_of(inside.get(2, b""))


def verdict_of(inside: dict[int, bytes]) -> tuple[str, str]:
    """What an ``immediate`` has of a verdict, and the chain. Raises LookupError for any other."""
    if _number(inside[1]):
        raise LookupError("a value for NAT and the like")
    verdict = attributes_of(attributes_of(inside[2])[2])
    kind = _VERDICTS[int.from_bytes(verdict[1], "big", signed=True)]
    return kind, name_of(verdict[2]) if kind in ("jump", "goto") else ""


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _host(data: bytes) -> int:
    return int.from_bytes(data, sys.byteorder)


def _value(data: bytes) -> bytes:
    return attributes_of(data)[1]


def _key_of(left: Any) -> tuple[str, str]:
    """The kind of what a register holds, and the field's own name. Raises Unread for nothing."""
    if left is None:
        raise Unread
    ((kind, inside),) = left.items()
    return kind, inside.get("key") or inside.get("field") or inside["result"]


def _spans(bounds: list[tuple[int, bool]]) -> list[Any]:
    """Intervals of ports from where they begin and where the next number doesn't belong to one."""
    found: list[Any] = []
    first: int | None = None
    for number, begins in [*bounds, (1 << 16, False)]:
        if begins:
            if first is not None:
                raise Unread
            first = number
        elif first is not None:
            last = number - 1
            found.append(first if first == last else {"range": [first, last]})
            first = None
    return found


_READERS: dict[bytes, Callable[[KernelExpressions, dict[int, bytes]], None]] = {
    b"meta": KernelExpressions._meta,
    b"ct": KernelExpressions._ct,
    b"fib": KernelExpressions._fib,
    b"payload": KernelExpressions._payload,
    b"bitwise": KernelExpressions._bitwise,
    b"cmp": KernelExpressions._compare,
    b"lookup": KernelExpressions._lookup,
    b"immediate": KernelExpressions._immediate,
    b"reject": KernelExpressions._reject,
    b"limit": KernelExpressions._limit,
    b"counter": KernelExpressions._ignored,
    b"log": KernelExpressions._log,
}
