"""What a rule of nftables needs of a packet, seen from its JSON without working it out. Pure.

A ruleset may have tens of thousands of rules, of which a question concerns a few: most compare the
port with another one, or are for the other family.

>>> rule = [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
...                    "right": {"set": [80, {"range": [8000, 8099]}]}}}, {"drop": None}]
>>> guard_at_sight(rule)
Guard(family=None, protocols=(6,), ports=((80, 80), (8000, 8099)))
>>> ports_at_sight(rule)
[(80, 80), (8000, 8099)]
"""

from __future__ import annotations

from portbook.host.firewall import TRANSPORTS
from portbook.host.firewall.intervals import Intervals
from portbook.host.firewall.nft_expressions import IP, address_pairs
from portbook.host.firewall.nft_text import only
from portbook.host.firewall.values import Guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IGNORED = {
    "counter", "log", "comment", "last", "secmark", "ct helper", "ct timeout", "ct expectation",
    "tcp option",
}  # fmt: skip
VERDICTS = ("accept", "drop", "return", "continue", "jump", "goto")
_PORTLESS = {*IGNORED, *VERDICTS, "reject", "limit", "ct count", "quota", "notrack", "masquerade"}
_PORTLESS |= {"flow", "reset"}
_META = ("iif", "iifname", "oif", "oifname", "l4proto", "nfproto", "protocol", "mark", "pkttype")
_CT = ("state", "status", "mark", "direction")
_MOST_PORTS = 16  # that a guard compares
_NOTHING_NEEDED = Guard()
_DROPS, _COUNTER = {"drop": None}, {"counter"}


def guard_at_sight(expressions: list[Any]) -> Guard | None:
    """What the conditions at the head of a rule need; None where that is nothing to be seen so."""
    try:
        guard = _guard(expressions)
    except (TypeError, LookupError, AttributeError):
        return None
    return None if guard == _NOTHING_NEEDED else guard


def _guard(expressions: list[Any]) -> Guard | None:
    family = protocols = ports = None
    for each in expressions:  # the conditions at the head of a rule, before it does anything
        match = each.get("match")
        if match is None:
            if IGNORED.isdisjoint(each):
                break
            continue
        left = match["left"]
        payload = left.get("payload")
        if payload is None:
            if not ("meta" in left or "ct" in left or "fib" in left):
                return None  # no plain field of a header: it may have a source port within
            continue
        protocol, field = payload["protocol"], payload["field"]
        if field == "sport":  # what depends on it is told, whatever else the rule needs
            return None
        family = family or IP.get(protocol)
        if protocols is None and protocol in TRANSPORTS:
            protocols = (TRANSPORTS[protocol],)
        if field == "dport" and ports is None:
            ports = _few_ports(match)
    return Guard(family, protocols, ports)


def _few_ports(match: Any) -> tuple[tuple[int, int], ...] | None:
    spans = _spans(match["right"]) if match["op"] == "==" else None
    return None if spans is None or len(spans) > _MOST_PORTS else tuple(spans)


def stop_at_sight(expressions: list[Any]) -> tuple[str, Intervals, str] | None:
    """How a rule stops whom, and of which family, where it asks for the source's address alone.

    None for any other rule, and for one that has to be worked out for that.

    >>> stop_at_sight([{"match": {"op": "==", "right": "192.0.2.7",
    ...                           "left": {"payload": {"protocol": "ip", "field": "saddr"}}}},
    ...                {"counter": {"packets": 0, "bytes": 0}}, {"drop": None}])
    ('drop', Intervals.of([(3221225991, 3221225991)]), 'ipv4')
    """
    try:
        first, *between, last = expressions
        match = first["match"]
        payload, right = match["left"]["payload"], match["right"]
        if match["op"] != "==" or payload["field"] != "saddr" or last != _DROPS:
            return None
        if any(each.keys() != _COUNTER or "packets" not in each["counter"] for each in between):
            return None
        several = type(right) is dict and "set" in right
        pairs = address_pairs(right["set"] if several else [right])
        return None if not pairs else ("drop", Intervals.of(pairs), IP[payload["protocol"]])
    except (TypeError, LookupError, ValueError, AttributeError):
        return None


def ports_at_sight(expressions: list[Any]) -> list[tuple[int, int]] | None:
    """The ports that a rule tells from others; None where it has to be worked out for that."""
    ports: list[tuple[int, int]] = []
    try:
        for each in expressions:
            match = each.get("match")
            if match is None:
                if _PORTLESS.isdisjoint(each) or any(
                    type(value) is dict and "map" in value for value in each.values()
                ):
                    return None
                continue
            left = match["left"]
            payload = left.get("payload")
            if payload is None:
                meta = left.get("meta")
                if left["ct"]["key"] not in _CT if meta is None else meta["key"] not in _META:
                    return None
            elif payload["field"] == "dport":
                spans = _spans(match["right"])
                if spans is None or match["op"] not in ("==", "!="):
                    return None
                ports += spans
            elif payload["protocol"] not in IP:
                return None
    except (TypeError, LookupError, AttributeError):
        return None
    return ports


def hides_family(expressions: list[Any]) -> bool:
    """Whether nft may have left out "meta nfproto ipv4" before what it prints.

    It does before "reject with tcp reset", and before "ct protocol".
    """
    return any(
        each.get("reject") == {"type": "tcp reset"}
        or ("match" in each and _of_connection(each["match"].get("left")) == "protocol")
        for each in expressions
        if isinstance(each, dict)  # what nft has no JSON for is text
    )


def hides_protocol(expressions: list[Any]) -> bool:
    """Whether nft may have left out "ct protocol" before "th dport", a port of any protocol."""
    shown = repr(expressions)
    return "'th'" in shown and "'ct': {'key': 'protocol'" not in shown


def _of_connection(left: Any) -> Any:
    """The key of a ``ct`` expression; None for any other."""
    kind, inside = only(left)
    return inside.get("key") if kind == "ct" and isinstance(inside, dict) else None


def _spans(right: Any) -> list[tuple[int, int]] | None:
    """Ports and intervals of ports that are written out; None where they aren't."""
    spans: list[tuple[int, int]] = []
    for each in right["set"] if type(right) is dict and "set" in right else [right]:
        if type(each) is int:
            spans.append((each, each))
            continue
        if type(each) is not dict or "range" not in each:
            return None
        first, last = each["range"]
        if type(first) is not int or type(last) is not int:
            return None
        spans.append((first, last))
    return spans
