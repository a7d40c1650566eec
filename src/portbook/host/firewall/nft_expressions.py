"""The expressions of nftables' JSON, libnftables-json(5), as fields and rows. Pure.

>>> field_of({"payload": {"protocol": "tcp", "field": "dport"}}).name
'dport'
>>> row_of([field_of({"meta": {"key": "iifname"}})], "eth*")
('eth*',)
>>> row_of([field_of({"payload": {"protocol": "tcp", "field": "dport"}})], {"range": [80, 90]})
((80, 90),)
"""

from __future__ import annotations

from portbook.host.firewall import TRANSPORTS, address_number
from portbook.host.firewall.intervals import Intervals
from portbook.host.firewall.nft_text import listed, only, show
from portbook.host.firewall.values import (
    CT_STATES,
    CT_STATUS,
    TCP_FLAGS,
    Bits,
    Field,
    Mapped,
    Rows,
    Test,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from portbook.host.firewall.values import Part, Row

PROTOCOLS = {
    **TRANSPORTS, "icmp": 1, "igmp": 2,
    "ipip": 4, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "icmpv6": 58, "vrrp": 112,
}  # fmt: skip
_OTHER_PROTOCOL = 256  # a name that isn't in the list: none of the transports with ports
# Headers that nft looks for in packets of one family alone; options of TCP it takes for missing in
# those of other protocols.
_OF_ONE_FAMILY = {"exthdr": "ipv6", "ip option": "ipv4"}
_OF_ONE_PROTOCOL = {"tcp option": TRANSPORTS["tcp"], "sctp chunk": TRANSPORTS["sctp"]}
_ABSENT = ("icmp", "icmpv6", "igmp", "arp", "ah", "esp", "comp", "vlan", "gre", "vxlan", "geneve")
_FAMILIES = {"ipv4": (2, 2), "ipv6": (10, 10), "ip": (2, 2), "ip6": (10, 10)}
IP = {"ip": "ipv4", "ip6": "ipv6"}
_META = {
    "l4proto": "l4proto", "nfproto": "nfproto", "protocol": "nfproto", "mark": "mark",
    "iif": "iifname", "iifname": "iifname", "oif": "oifname", "oifname": "oifname",
    "pkttype": "pkttype", "skuid": "socket owner", "skgid": "socket owner",
    **{way + trait: way + trait for way in ("iif", "oif") for trait in ("kind", "type", "group")},
}  # fmt: skip
_CT = {
    "state": "ctstate", "status": "ctstatus", "mark": "ctmark", "direction": "ctdirection",
    "protocol": "ct l4proto", "l3proto": "ct nfproto",
}  # fmt: skip
_CT_ORIGINAL = {
    "saddr": "ct saddr", "daddr": "ct daddr", "ip saddr": "ct saddr", "ip daddr": "ct daddr",
    "ip6 saddr": "ct saddr", "ip6 daddr": "ct daddr", "proto-src": "ct sport",
    "proto-dst": "ct dport", "protocol": "ct l4proto",
}  # fmt: skip
# What maps may name beside values and verdicts; the rule ends for packets that one has none for.
OBJECTS = {
    "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "secmark", "synproxy",
}  # fmt: skip
_AT_RANDOM = {"limit", "quota", "ct count"}  # what an element may have beside its value
UNKNOWN_FIELD = Field("?")
_read: dict[tuple[object, object], tuple[Field, ...]] = {}


def field_of(expression: Any) -> Field:
    """The field that an expression reads; one named ``?`` where its value can't be known."""
    kind, value = only(expression)
    if kind == "&" and isinstance(value, list) and len(value) == 2:
        field = field_of(value[0])
        mask = _mask(field, value[1])
        return (
            UNKNOWN_FIELD if mask is None or field.mask is not None else field._replace(mask=mask)
        )
    if not isinstance(value, dict):
        return UNKNOWN_FIELD
    if kind == "payload":
        return _payload(value)
    if kind == "meta":
        return Field(_META.get(value.get("key", ""), "?"))
    if kind == "ct":
        return _ct(value)
    if kind == "fib":
        flags = sorted(listed(value.get("flags")))
        name = f"fib {value.get('result')} {' '.join(flags)}"
        return Field("fib oif iif saddr" if name == "fib oif iif mark saddr" else name)
    if kind in _OF_ONE_FAMILY:
        return Field("?", None, _OF_ONE_FAMILY[kind], text=show(expression))
    if kind == "socket":
        return Field(f"socket {value.get('key')}")
    return Field("?", text=show(expression))


def _payload(value: dict[str, Any]) -> Field:
    protocol, key = value.get("protocol"), value.get("field")
    if protocol in TRANSPORTS or protocol == "th":
        name = {"sport": "sport", "dport": "dport", "flags": "tcpflags"}.get(str(key), "?")
        return Field(name, None, None, None if protocol == "th" else (TRANSPORTS[protocol],))
    if protocol in IP:
        name = {
            "saddr": "saddr", "daddr": "daddr", "protocol": "l4proto", "nexthdr": "l4proto",
            "version": "version", "frag-off": "fragment",
        }.get(str(key), "?")  # fmt: skip
        return Field(name, None, IP[protocol])
    return Field("absent" if protocol in _ABSENT else "?")


def _ct(value: dict[str, Any]) -> Field:
    key = str(value.get("key"))
    if value.get("dir") == "original":
        family = IP.get(value.get("family") or key.partition(" ")[0])
        return Field(_CT_ORIGINAL.get(key, "?"), None, family)
    return Field(_CT.get(key, "?") if "dir" not in value else "?")


def _mask(field: Field, value: Any) -> int | None:
    """The number of a mask, which nft prints as a number, an address or flags."""
    part = _flags(_names_of(field), value) if _names_of(field) else _number_part(field, value)
    return part[0] if isinstance(part, tuple) and part[0] == part[1] else None


def _names_of(field: Field) -> dict[str, int] | None:
    return {"ctstate": CT_STATES, "ctstatus": CT_STATUS, "tcpflags": TCP_FLAGS}.get(field.name)


def _flags(names: dict[str, int] | None, value: Any) -> tuple[int, int] | None:
    bits = 0
    if only(value)[0] == "|":
        value = only(value)[1]
    for each in listed(value):
        if only(each)[0] == "|":
            inner = _flags(names, each)
            if inner is None:
                return None
            bits |= inner[0]
        elif type(each) is int:
            bits |= each
        elif names is None or each not in names:
            return None
        else:
            bits |= names[each]
    return bits, bits


def _number_part(field: Field, value: Any) -> Part:
    if type(value) is int:
        return value, value
    if not isinstance(value, str):
        return None
    if ":" in value or "." in value:
        number = address_number(value)
        return None if number is None else (number, number)
    if field.name in ("l4proto", "ct l4proto"):
        number = PROTOCOLS.get(value, _OTHER_PROTOCOL)
        return number, number
    if field.name in ("nfproto", "ct nfproto"):
        return _FAMILIES.get(value)
    if field.name == "ctdirection":
        return {"original": (0, 0), "reply": (1, 1)}.get(value)
    if value.startswith("0x"):
        return int(value, 16), int(value, 16)
    return None


def part_of(field: Field, value: Any) -> Part:
    """One value of a field: inclusive numbers or a word; None where it isn't understood."""
    names = _names_of(field)
    if names:
        return _flags(names, value)
    if field.name in ("iifname", "oifname", "pkttype") or field.name.startswith("fib type"):
        return value if isinstance(value, str) else None
    if field.name[3:] in ("kind", "type", "group"):
        from portbook.host.firewall.interfaces import trait_part

        return trait_part(field.name[3:], value)
    if field.name.startswith("fib oif"):
        # The index of the interface, or whether there is one: only "none" can be told.
        return (0, 0) if value in (False, "0", 0) else (1, 1) if value is True else None
    kind, inside = only(value)
    if kind == "prefix" and isinstance(inside, dict):
        first = _number_part(field, inside["addr"])
        if not isinstance(first, tuple):
            return None
        width = _width(field, inside["addr"])
        rest = (1 << width - inside["len"]) - 1
        return first[0] & ~rest, first[0] | rest
    if kind == "range" and isinstance(inside, list):
        ends = [_number_part(field, end) for end in inside]
        if len(ends) == 2 and isinstance(ends[0], tuple) and isinstance(ends[1], tuple):
            return ends[0][0], ends[1][0]
        return None
    return _number_part(field, value)


def _width(field: Field, address: Any) -> int:
    if isinstance(address, str) and ":" in address:
        return 128
    return 16 if field.name in ("sport", "dport", "ct dport", "ct sport") else 32


def row_of(fields: Sequence[Field], value: Any) -> Row:
    """One element of a set over *fields*."""
    kind, inside = only(value)
    if kind == "elem" and isinstance(inside, dict):
        if not _AT_RANDOM.isdisjoint(inside):  # it holds as long as its own limit says so
            return (None,) * len(fields)
        return row_of(fields, inside["val"])
    if len(fields) == 1:
        return (part_of(fields[0], value),)
    if kind != "concat" or len(inside) != len(fields):
        return (None,) * len(fields)
    return tuple(part_of(field, part) for field, part in zip(fields, inside, strict=True))


def address_pairs(elements: list[Any]) -> list[tuple[int, int]] | None:
    """Addresses and prefixes as intervals, fast; None where there is anything else among them."""
    import _socket

    pairs: list[tuple[int, int]] = []
    if not elements:
        return pairs
    number_of, address_of = int.from_bytes, _socket.inet_pton
    try:
        first = elements[0]
        if type(first) is dict:
            (first,) = first["range"][:1] if "range" in first else [first["prefix"]["addr"]]
        family, width = (_socket.AF_INET6, 128) if ":" in first else (_socket.AF_INET, 32)
        for each in elements:
            if type(each) is str:
                number = number_of(address_of(family, each), "big")
                pairs.append((number, number))
            elif "range" in each:
                low, high = (number_of(address_of(family, end), "big") for end in each["range"])
                pairs.append((low, high))
            else:
                prefix = each["prefix"]
                rest = (1 << width - prefix["len"]) - 1
                number = number_of(address_of(family, prefix["addr"]), "big") & ~rest
                pairs.append((number, number | rest))
    except (OSError, ValueError, TypeError, LookupError):
        return None
    return pairs


# The types of nft's sets by the field that reads them: nft(8), "data types".
TYPE_FIELDS: dict[str, Any] = {
    "ipv4_addr": {"payload": {"protocol": "ip", "field": "saddr"}},
    "ipv6_addr": {"payload": {"protocol": "ip6", "field": "saddr"}},
    "inet_service": {"payload": {"protocol": "th", "field": "dport"}},
    "inet_proto": {"meta": {"key": "l4proto"}},
    "nf_proto": {"meta": {"key": "nfproto"}},
    "mark": {"meta": {"key": "mark"}},
    "ifname": {"meta": {"key": "iifname"}},
    "iface_index": {"meta": {"key": "iif"}},
    "ct_state": {"ct": {"key": "state"}},
    "ct_status": {"ct": {"key": "status"}},
    "pkt_type": {"meta": {"key": "pkttype"}},
    "fib_addrtype": {"fib": {"result": "type", "flags": ["daddr"]}},
}


def rows_of(fields: Sequence[Field], elements: Any) -> Rows:
    """The elements of a set, written out or read from a named one."""
    if len(fields) == 1 and fields[0].name in ("saddr", "daddr") and type(elements) is list:
        pairs = address_pairs(elements)
        if pairs is not None:
            return Rows.of_numbers(Intervals.of(pairs))
    rows: list[Row] = []
    for each in listed(elements):
        if each == "*" or only(each) == ("elem", {"val": "*"}):
            return Rows([], otherwise=True)
        kind, inside = only(each)
        if kind == "set":
            rows += rows_of(fields, inside).rows
        else:
            rows.append(row_of(fields, each))
    return Rows(rows)


def map_of(fields: Sequence[Field], elements: Any, goal: Callable[[Any], object]) -> Rows:
    """The elements of a map, each a pair; *goal* reads what one leads to."""
    rows: list[Row] = []
    goals: list[object] = []
    otherwise = None
    for key, value in listed(elements):
        kind, inside = only(key)
        if key == "*" or (kind == "elem" and inside.get("val") == "*"):
            otherwise = goal(value)
        else:
            rows.append(row_of(fields, key))
            goals.append(goal(value))
    return Rows(rows, goals, otherwise)


def key_fields(expression: Any) -> tuple[Field, ...]:
    """The fields of a key: those of a concatenation, or one."""
    kind, value = only(expression)
    if kind == "payload" and isinstance(value, dict):  # thousands of rules have the same few
        known = value.get("protocol"), value.get("field")
        fields = _read.get(known)
        if fields is None:
            fields = _read[known] = (_payload(value),)
        return fields
    return tuple(map(field_of, value)) if kind == "concat" else (field_of(expression),)


def unread_test(left: Any, right: Any) -> Test | None:
    """A condition on what isn't read, for packets that may have it; None: any packet may.

    What packets of another protocol lack is missing in them, and comes to nothing else: options of
    TCP, chunks of SCTP. Where one is to be missing, that protocol may be a condition of the rule
    that nft doesn't print: whether others meet it can't be told.
    """
    field, (kind, inside) = field_of(left), only(left)
    protocol = _OF_ONE_PROTOCOL.get(kind)
    if protocol is not None and (right is True or "field" in inside):
        field = field._replace(protocols=(protocol,))
    if field.family is None and field.protocols is None:
        return None
    return Test((field,), "==", Rows([(None,)]))  # a matter of chance for packets that have it


def needed(expression: Any) -> list[Test]:
    """What a packet must have for *expression* to come to anything: else its rule ends there.

    Those are the fields that it reads, and a place in the maps that it looks them up in.
    """
    kind, inside = only(expression)
    if kind == "map" and isinstance(inside, dict):
        fields, data = key_fields(inside["key"]), inside["data"]
        if isinstance(data, str):
            return [Test(fields, "==", data.removeprefix("@"))]
        return [Test(fields, "==", rows_of(fields, [key for key, _ in only(data)[1]]))]
    if kind in ("payload", "ct", *_OF_ONE_FAMILY):
        return [Test((field_of(expression),), "==", Rows([], otherwise=True))]
    within = inside if kind else expression
    parts = within.values() if isinstance(within, dict) else within
    if not isinstance(within, (dict, list)):
        return []
    return [test for part in parts for test in needed(part)]


def bits_of(value: Any) -> Bits | None:
    """A number to be set, as the kernel works it out: a field masked, then xor a number."""
    everything = 0xFFFFFFFF
    if type(value) is int:
        return Bits(None, 0, value & everything)
    kind, inside = only(value)
    if kind in ("&", "|", "^") and isinstance(inside, list) and len(inside) == 2:
        left, right = bits_of(inside[0]), inside[1]
        if left is None or type(right) is not int:
            return None
        if kind == "&":
            return Bits(left.field, left.keep & right, left.flip & right)
        if kind == "^":
            return Bits(left.field, left.keep, left.flip ^ right)
        return Bits(left.field, left.keep & ~right, left.flip & ~right | right)
    field = field_of(value)
    return None if field.name == "?" else Bits(field, everything, 0)


def target_of(value: Any) -> tuple[int, int] | None:
    """The address or port, or the interval of them, that DNAT sends to."""
    part = part_of(Field("daddr"), value)
    return part if isinstance(part, tuple) else None


def mapped(inside: dict[str, Any], goal: Callable[[Any], object]) -> Mapped:
    """The expression ``key map data``."""
    fields, data = key_fields(inside["key"]), inside["data"]
    if isinstance(data, str):
        return Mapped(fields, data.removeprefix("@"))
    return Mapped(fields, map_of(fields, only(data)[1], goal))
