"""What plain rules do, from the words that :mod:`.kernel_expressions` has for them. Pure.

They come to what :mod:`.nft_json` makes of nft's own words, which has all others to know as well.

>>> port = {"payload": {"protocol": "tcp", "field": "dport"}}
>>> rule = [{"match": {"op": "==", "left": port, "right": {"range": [80, 90]}}}, {"drop": None}]
>>> [one.rows.rows for one in statements_of(rule)[:1]], guard_of(rule).ports
([[((80, 90),)]], ((80, 90),))
"""

from __future__ import annotations

from portbook.host.firewall import TRANSPORTS, address_number
from portbook.host.firewall.intervals import Intervals
from portbook.host.firewall.values import (
    CT_STATES,
    CT_STATUS,
    Chance,
    Field,
    Guard,
    Rows,
    Test,
    Verdict,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from portbook.host.firewall.values import Part

_FAMILIES = {"ip": "ipv4", "ip6": "ipv6"}
_INTERFACES = {"iif": "iifname", "oif": "oifname"}
_NUMBERS = {
    "nfproto": {"ipv4": 2, "ipv6": 10},  # linux/socket.h
    "l4proto": {**TRANSPORTS, "icmp": 1, "ipv6-icmp": 58},
    "ctstate": CT_STATES,
}
_MOST = (1 << 128) - 1
_MOST_PORTS = 16  # that a guard compares
_SILENT = ("counter", "log")


def statements_of(expressions: list[Any]) -> list[object]:
    """The statements of one rule, in order."""
    found: list[object] = []
    for each in expressions:
        ((kind, value),) = each.items()
        if kind == "match":
            found.append(_test(**value))
        elif kind == "reject":
            if value["type"] == "icmp":  # it is for packets that ICMP answers
                found.append(Test((Field("nfproto"),), "==", Rows([((2, 2),)])))
            found.append(Verdict("reject"))
        elif kind == "limit":
            from portbook.host.firewall.nft_text import show_rule

            found.append(Chance(show_rule([each])))
        elif kind not in _SILENT:
            found.append(Verdict(kind, value["target"] if value else ""))
    return found


def guard_of(expressions: list[Any]) -> Guard | None:
    """What the conditions at the head of a rule need; None where that is nothing, or not plain."""
    family: str | None = None
    protocols: tuple[int, ...] | None = None
    ports: tuple[tuple[int, int], ...] | None = None
    for each in expressions:
        if "match" not in each:
            if any(kind in each for kind in _SILENT):
                continue
            break
        match = each["match"]
        payload = match["left"].get("payload")
        if payload is None:
            continue
        protocol, field = payload["protocol"], payload["field"]
        if field == "sport":  # what depends on it is told, whatever else the rule needs
            return None
        family = family or _FAMILIES.get(protocol)
        if protocols is None and protocol in TRANSPORTS:
            protocols = (TRANSPORTS[protocol],)
        if field == "dport" and ports is None and match["op"] == "==":
            spans = [_ports(one) for one in _elements(match["right"])]
            ports = tuple(spans) if len(spans) <= _MOST_PORTS else None
    guard = Guard(family, protocols, ports)
    return None if guard == Guard() else guard


def _test(op: str, left: Any, right: Any) -> Test:
    field = _field(left)
    if op == "in":  # one of several states, or the like
        names = CT_STATES if field.name == "ctstate" else CT_STATUS
        bits = sum([names[each] for each in (right if type(right) is list else [right])])
        return Test((field,), "any", Rows([((bits, bits),)]))
    if op in ("==", "!="):
        parts = [_part(field.name, each) for each in _elements(right)]
        if field.name in ("saddr", "daddr"):
            spans = Intervals.of(parts)  # type: ignore[arg-type]  # numbers where it's no address
            return Test((field,), op, Rows.of_numbers(spans))
        return Test((field,), op, Rows([(each,) for each in parts]))
    first, last = {
        "<": (0, right - 1),
        "<=": (0, right),
        ">": (right + 1, _MOST),
        ">=": (right, _MOST),
    }[op]
    return Test((field,), "==", Rows([((first, last),)] if first <= last else []))


def _elements(right: Any) -> list[Any]:
    return right["set"] if type(right) is dict and "set" in right else [right]


def _field(left: Any) -> Field:
    ((kind, inside),) = left.items()
    if kind == "payload":
        protocol, name = inside["protocol"], inside["field"]
        if protocol in _FAMILIES:
            return Field(name, None, _FAMILIES[protocol])
        return Field(name, None, None, (TRANSPORTS[protocol],) if protocol in TRANSPORTS else None)
    if kind == "meta":
        return Field(_INTERFACES.get(inside["key"], inside["key"]))
    if kind == "ct":
        return Field(f"ct{inside['key']}")
    # The mark isn't of account: as nft_expressions has it.
    return Field(
        "fib oif iif saddr" if inside["result"] == "oif" else f"fib type {inside['flags'][0]}"
    )


def _part(name: str, value: Any) -> Part:
    if name in ("saddr", "daddr"):
        return _addresses(value)
    if type(value) is bool:
        return int(value), int(value)
    if type(value) is not str:
        return _ports(value)
    numbers = _NUMBERS.get(name)
    return value if numbers is None else (numbers[value], numbers[value])


def _ports(value: Any) -> tuple[int, int]:
    """Ports, or another number."""
    if type(value) is dict:
        first, last = value["range"]
        return first, last
    return value, value


def _addresses(value: Any) -> tuple[int, int]:
    text, length = value, None
    if type(value) is dict:
        text, length = value["prefix"]["addr"], value["prefix"]["len"]
    number = address_number(text)
    assert number is not None  # made of bytes
    width = 128 if ":" in text else 32
    return number, number | (1 << width - (width if length is None else length)) - 1
