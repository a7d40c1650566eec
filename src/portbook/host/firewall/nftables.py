r"""What ``nft --json list ruleset`` prints: the redirects among its rules. Pure.

The form is that of libnftables-json(5).

>>> text = '''{"nftables": [
...   {"chain": {"family": "ip", "table": "t", "name": "in", "type": "nat", "hook": "prerouting"}},
...   {"rule": {"family": "ip", "table": "t", "chain": "in", "expr": [
...     {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
...                "right": 80}},
...     {"redirect": {"port": 8080}}]}}]}'''
>>> found = parse_nft(text).redirects[0]
>>> found.first, found.to_first, found.text
(80, 8080, 'tcp dport 80 redirect to :8080')
"""

from __future__ import annotations

import json
from itertools import product

from portbook.errors import MalformedInput
from portbook.host.firewall.nft_text import listed, only, show_match, show_rule
from portbook.host.firewall.rules import (
    HOOKS,
    Case,
    Effort,
    NatRules,
    Packets,
    Redirect,
    Rule,
    Target,
    Unclear,
    follow,
    outside,
)
from portbook.model import Family, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_FAMILIES = {"ip": Family.IPV4, "ip6": Family.IPV6}
_PROTOCOLS = {
    "tcp": Transport.TCP,
    "udp": Transport.UDP,
    "udplite": Transport.UDP,
    "sctp": Transport.SCTP,
    "dccp": Transport.DCCP,
    6: Transport.TCP,
    17: Transport.UDP,
    136: Transport.UDP,
    132: Transport.SCTP,
    33: Transport.DCCP,
}
_UDPLITE = ("udplite", 136)
_EFFORT_AT_LEAST = 10_000
# Statements that neither choose packets nor send them anywhere else.
_HARMLESS_TARGETS = ("MASQUERADE", "SNAT", "LOG", "NFLOG", "MARK", "CONNMARK", "TRACE")


def parse_nft(text: str) -> NatRules:
    """The rules that can translate a destination, reached from a nat chain at its hook.

    Raises MalformedInput for text that isn't what nft prints.
    """
    try:
        objects = json.loads(text)["nftables"]
        ruleset = _Ruleset(objects, Effort(_EFFORT_AT_LEAST + len(text) // 2))
        return ruleset.redirects()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise MalformedInput("it is not a ruleset as nft prints it in JSON") from error


class _Ruleset:
    def __init__(self, objects: list[dict[str, Any]], effort: Effort) -> None:
        self._effort = effort
        self._sets: dict[tuple[str, str, str], list[Any]] = {}
        self._rules: dict[str, list[dict[str, Any]]] = {}
        self._entries: list[tuple[str, str, str]] = []
        dormant = set()
        for each in objects:
            for kind, value in each.items():
                family = value.get("family", "")
                if kind == "table" and "dormant" in listed(value.get("flags")):
                    dormant.add((family, value["name"]))
                elif kind in ("set", "map"):
                    key = (family, value["table"], value["name"])
                    self._sets[key] = value.get("elem", [])
                elif kind == "chain":
                    hooked = value.get("type") == "nat" and value.get("hook") in HOOKS
                    if hooked and (family, value["table"]) not in dormant:
                        name = f"{family} {value['table']} {value['name']}"
                        self._entries.append((value["hook"], name, family))
                elif kind == "rule":
                    name = f"{family} {value['table']} {value['chain']}"
                    self._rules.setdefault(name, []).append(value)

    def redirects(self) -> NatRules:
        chains = {
            name: [_RuleReader(rule, self._sets, self._effort).read() for rule in rules]
            for name, rules in self._rules.items()
        }
        found: list[Redirect] = []
        unclear: list[str] = []
        for hook in HOOKS:
            for entry_hook, chain, family in self._entries:
                if hook == entry_hook:
                    rules = follow(
                        [(hook, chain)], chains, source="nftables", family=_FAMILIES.get(family)
                    )
                    found += rules.redirects
                    unclear += rules.not_understood
        return NatRules(_merged(found), tuple(dict.fromkeys(unclear)))


def _merged(redirects: Iterable[Redirect]) -> tuple[Redirect, ...]:
    """The same rule reached from two hooks is one redirect with both."""
    hooks: dict[Redirect, tuple[str, ...]] = {}
    for redirect in redirects:
        bare = redirect._replace(hooks=())
        hooks[bare] = tuple(dict.fromkeys(hooks.get(bare, ()) + redirect.hooks))
    return tuple(bare._replace(hooks=seen) for bare, seen in hooks.items())


class _RuleReader:
    """Reads one rule's statements in their order."""

    def __init__(
        self,
        rule: dict[str, Any],
        sets: dict[tuple[str, str, str], list[Any]],
        effort: Effort,
    ) -> None:
        self._effort = effort
        self._family, self._table = rule["family"], rule["table"]
        self._statements: list[Any] = rule.get("expr", [])
        self._sets = sets
        self._packets: tuple[Packets, ...] = (Packets(),)
        self._cases: list[Case] = []

    def read(self) -> Rule:
        understood = True
        for statement in self._statements:
            kind, value = only(statement)
            try:
                understood = self._statement(kind, value) and understood
            except Unclear:
                understood = False
        return Rule(show_rule(self._statements), tuple(self._cases), understood)

    def _statement(self, kind: str, value: Any) -> bool:
        if kind == "match":
            matched = self._match(value["left"], value["op"], value["right"])
            self._packets = self._narrowed(self._packets, matched)
        elif kind in ("jump", "goto"):
            self._add(self._packets, jump=value["target"])
        elif kind == "vmap":
            for wanted, verdict in self._map(value):
                name, goal = only(verdict)
                if name in ("jump", "goto"):
                    self._add(self._narrowed(self._packets, (wanted,)), jump=goal["target"])
        elif kind in ("dnat", "redirect"):
            value = value or {}
            family = Packets(family=_FAMILIES.get(value.get("family", "")))
            for wanted, target in self._targets(value):
                packets = self._narrowed(self._packets, (wanted,))
                self._add(self._narrowed(packets, (family,)), target=target)
        elif kind == "xt":
            # An extension of iptables, which nft names and doesn't print.
            if not value or value.get("type") == "target":
                return bool(value) and value.get("name") in _HARMLESS_TARGETS
            condition = Packets(conditions=(f"xt {value.get('type')} {value.get('name')}",))
            self._packets = self._narrowed(self._packets, (condition,))
        return True

    def _narrowed(
        self, packets: tuple[Packets, ...], others: tuple[Packets, ...]
    ) -> tuple[Packets, ...]:
        left, right = (sum(each.weight for each in some) for some in (packets, others))
        self._effort.spend(left * len(others) + right * len(packets))
        both = (each.narrowed(other) for each in packets for other in others)
        return tuple(each for each in both if each is not None)

    def _add(
        self, packets: Iterable[Packets], *, jump: str | None = None, target: Target | None = None
    ) -> None:
        goal = None if jump is None else f"{self._family} {self._table} {jump}"
        self._cases.extend(Case(each, goal, target) for each in packets)

    # -- what is matched ----------------------------------------------------------------------

    def _match(self, left: Any, op: str, right: Any) -> tuple[Packets, ...]:
        """The packets for which ``left op right``; what can't be worked out is a condition."""
        told = Packets(conditions=(show_match(left, op, right),))
        kind, value = only(left)
        if kind == "concat":
            if op not in ("==", "in"):
                return (told,)
            try:
                return tuple(self._concat(value, each) for each in self._elements(right))
            except Unclear:
                return (told,)
        subject = _subject(kind, value)
        try:
            if subject == "port":
                ports = tuple(each for item in self._elements(right) for each in _ports(item))
                base = _of_payload(value)
                return (base._replace(ports=_compared(op, ports)),)
            if subject == "transport":
                return self._protocols(op, list(self._elements(right)))
            if subject == "family":
                families = [_family_named(each) for each in self._elements(right)]
                if len(families) != 1:
                    return (Packets(),)
                family = families[0] if op in ("==", "in") else _other(families[0])
                return (Packets(family=family),)
        except Unclear:
            pass
        if kind == "payload":
            implied = _of_payload(value).narrowed(told)
            return () if implied is None else (implied,)
        return (told,)

    def _concat(self, parts: list[Any], element: Any) -> Packets:
        if element == "*":  # a catch-all element
            return Packets()
        kind, values = only(element)
        if kind != "concat" or len(values) != len(parts):
            raise Unclear
        packets = Packets()
        for part, value in zip(parts, values, strict=True):
            matched = self._match(part, "==", value)
            narrowed = packets.narrowed(matched[0]) if len(matched) == 1 else None
            if narrowed is None:
                # A protocol without ports, or a contradiction: it holds for no packet of ours.
                return packets._replace(transports=())
            packets = narrowed
        return packets

    def _protocols(self, op: str, values: list[Any]) -> tuple[Packets, ...]:
        known = tuple(dict.fromkeys(_PROTOCOLS[each] for each in values if each in _PROTOCOLS))
        if op not in ("==", "in"):
            return (Packets(tuple(each for each in Transport if each not in known)),)
        if known and all(each in _UDPLITE for each in values):
            return (Packets(known, conditions=("udplite",)),)
        return (Packets(known),) if known else ()

    def _elements(self, value: Any) -> Iterator[Any]:
        """The values that *value* stands for: those of a set, or itself."""
        if isinstance(value, str) and value.startswith("@"):
            value = {"set": self._set(value)}
        self._effort.spend()
        kind, inside = only(value)
        if kind == "set":
            for each in listed(inside):
                yield from self._elements(each)
        elif kind == "elem":
            yield inside["val"]
        else:
            yield value

    def _set(self, name: str) -> list[Any]:
        try:
            return self._sets[self._family, self._table, name[1:]]
        except KeyError:
            raise Unclear from None

    # -- where it goes ------------------------------------------------------------------------

    def _map(self, value: dict[str, Any]) -> Iterator[tuple[Packets, Any]]:
        """The packets of each element of a map, and what the map gives for them."""
        data = value["data"]
        elements = self._set(data) if isinstance(data, str) else only(data)[1]
        for key, goal in elements:
            self._effort.spend()
            kind, inside = only(key)
            single = inside["val"] if kind == "elem" else key
            if single == "*":
                yield Packets(), goal
                continue
            for matched in self._match(value["key"], "==", single):
                if matched.transports != ():
                    yield matched, goal

    def _values(self, value: Any) -> Iterator[tuple[Packets, Any]]:
        kind, inside = only(value)
        if kind == "map":
            yield from self._map(inside)
        else:
            yield Packets(), value

    def _targets(self, value: dict[str, Any]) -> Iterator[tuple[Packets, Target]]:
        pairs = product(self._values(value.get("addr")), self._values(value.get("port")))
        for (for_address, address), (for_port, port) in pairs:
            self._effort.spend()
            packets = for_address.narrowed(for_port)
            if packets is None:
                continue
            yield packets, _target(address, port)


def _subject(kind: str, value: Any) -> str | None:
    if kind == "payload":
        field = value.get("field")
        if field == "dport":
            return "port"
        if (value.get("protocol"), field) in (("ip", "protocol"), ("ip6", "nexthdr")):
            return "transport"
    elif kind == "ct" and value.get("key") == "proto-dst" and value.get("dir") == "original":
        return "port"
    elif kind == "meta":
        return {"l4proto": "transport", "nfproto": "family"}.get(value.get("key"))
    return None


def _of_payload(value: dict[str, Any]) -> Packets:
    """What a look into a header says of the packet by itself."""
    protocol = value.get("protocol")
    if protocol in _PROTOCOLS:
        conditions = ("udplite",) if protocol in _UDPLITE else ()
        return Packets((_PROTOCOLS[protocol],), conditions=conditions)
    return Packets(family=_FAMILIES.get(protocol or ""))


def _family_named(value: Any) -> Family | None:
    # linux/socket.h: AF_INET 2, AF_INET6 10
    return {"ipv4": Family.IPV4, "ipv6": Family.IPV6, 2: Family.IPV4, 10: Family.IPV6}.get(value)


def _other(family: Family | None) -> Family | None:
    return {Family.IPV4: Family.IPV6, Family.IPV6: Family.IPV4, None: None}[family]


def _ports(value: Any) -> tuple[tuple[int, int], ...]:
    """The ports that one value stands for. Raises Unclear where it is no port."""
    kind, inside = only(value)
    if kind == "elem":
        return _ports(inside["val"])
    if kind == "range":
        first, last = inside
    elif kind == "prefix":  # a mask over a port, as nft prints some ranges
        first = inside["addr"]
        last = first + (1 << 16 - inside["len"]) - 1
    else:
        first = last = value
    if not all(type(each) is int and 0 <= each <= 65535 for each in (first, last)):
        raise Unclear
    return ((first, last),)


def _compared(op: str, ports: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    if op in ("==", "in"):
        return ports
    if op == "!=":
        return outside(ports)
    ((value, _),) = ports
    first, last = {
        "<": (0, value - 1),
        "<=": (0, value),
        ">": (value + 1, 65535),
        ">=": (value, 65535),
    }[op]
    return ((first, last),) if first <= last else ()


def _target(address: Any, port: Any) -> Target:
    kind, parts = only(address)
    if kind == "concat":  # what a map to an address and a port gives
        if len(parts) != 2:
            raise Unclear
        return _target(*parts)
    text = None if address is None else _address(address)
    if port is None:
        return Target(text)
    ((first, last),) = _ports(port)
    return Target(text, first, last)


def _address(value: Any) -> str:
    kind, inside = only(value)
    if kind == "range":
        return f"{inside[0]}-{inside[1]}"
    if kind == "prefix":
        return f"{inside['addr']}/{inside['len']}"
    if not isinstance(value, str):
        raise Unclear
    return value
