"""A glance at a rule's JSON says what working its statements out would say, or nothing."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from portbook.host.firewall.decide import decide
from portbook.host.firewall.flows import stop_of
from portbook.host.firewall.nft_glance import guard_at_sight, ports_at_sight
from portbook.host.firewall.nft_json import NftRule, parse_nft
from portbook.host.firewall.port_kinds import PortKinds
from portbook.host.firewall.values import Chance, Guard, Rule, Ruleset
from portbook.model import Family, Transport
from tests.cases import for_each
from tests.host.firewall.test_decide import ACCEPT, DPORT, DROP, LIMIT, MACHINE, chain, match, rule

if TYPE_CHECKING:
    import pytest

    from portbook.model.reach import Decision

SPORT = {"payload": {"protocol": "tcp", "field": "sport"}}
ANY_DPORT = {"payload": {"protocol": "th", "field": "dport"}}
UDP_DPORT = {"payload": {"protocol": "udp", "field": "dport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
SADDR6 = {"payload": {"protocol": "ip6", "field": "saddr"}}
IIF, STATE, MARK = {"meta": {"key": "iifname"}}, {"ct": {"key": "state"}}, {"meta": {"key": "mark"}}
BOTH = {"concat": [SADDR, DPORT]}
ORIGINAL = {"ct": {"key": "proto-dst", "dir": "original"}}
COUNTER = {"counter": {"packets": 1, "bytes": 2}}
CONDITIONS: tuple[dict[str, Any], ...] = (
    match(DPORT, 80),
    match(DPORT, 80, "!="),
    match(DPORT, 80, "<"),
    match(DPORT, {"set": [22, 80, {"range": [8000, 8099]}]}),
    match(DPORT, {"range": [79, 81]}),
    match(DPORT, "@ports"),
    match({"&": [DPORT, 1]}, 1),
    match(ANY_DPORT, 443),
    match(UDP_DPORT, 53),
    match(SPORT, 53),
    match(SPORT, {"range": [1, 1023]}, "!="),
    match(SADDR, {"prefix": {"addr": "192.0.2.0", "len": 24}}),
    match(SADDR6, "2001:db8::1"),
    match(BOTH, {"set": [{"concat": ["192.0.2.1", 80]}]}),
    match(ORIGINAL, 80),
    match(IIF, "eth*"),
    match(STATE, "new", "in"),
    match(MARK, 7),
    COUNTER,
    LIMIT,
    {"mangle": {"key": MARK, "value": 7}},
    {"jump": {"target": "in"}},
    {"unheard of": None},
)


@for_each(
    "statements, guard, ports",
    [
        ([match(DPORT, 80), ACCEPT], Guard(None, (6,), ((80, 80),)), [(80, 80)]),
        ([match(DPORT, 80, "!="), DROP], Guard(None, (6,)), [(80, 80)]),
        ([match(DPORT, 80, "<"), DROP], Guard(None, (6,)), None),
        ([match(DPORT, "@ports"), DROP], Guard(None, (6,)), None),
        ([match(ANY_DPORT, 443), DROP], Guard(None, None, ((443, 443),)), [(443, 443)]),
        ([match(SADDR6, "2001:db8::1"), ACCEPT], Guard("ipv6"), []),
        ([LIMIT, match(DPORT, 80), ACCEPT], None, [(80, 80)]),
        ([match(SPORT, 53), match(DPORT, 80), ACCEPT], None, None),
        ([match(BOTH, {"set": []}), ACCEPT], None, None),
        ([{"redirect": {"port": 80}}], None, None),
        ([ACCEPT], None, []),
        ([{"match": 5}], None, None),
        (["accept"], None, None),
    ],
)
def test_what_a_glance_says(
    statements: list[Any], guard: Guard | None, ports: list[tuple[int, int]] | None
) -> None:
    assert guard_at_sight(statements) == guard
    assert ports_at_sight(statements) == ports


def _drawn(chance: random.Random) -> list[Any]:
    return [*chance.choices(CONDITIONS, k=chance.randrange(4)), chance.choice([ACCEPT, DROP])]


@for_each(
    "statements, seen",
    [
        ([match(SADDR, "192.0.2.7"), DROP], True),
        ([match(SADDR, {"prefix": {"addr": "192.0.2.0", "len": 24}}), COUNTER, DROP], True),
        ([match(SADDR6, {"prefix": {"addr": "2001:db8::", "len": 48}}), DROP], True),
        ([match(SADDR, {"set": ["192.0.2.7", {"range": ["192.0.2.8", "192.0.2.9"]}]}), DROP], True),
        ([match(SADDR, "192.0.2.7", "!="), DROP], False),
        ([match(SADDR, "@banned"), DROP], False),
        ([match(SADDR, {"set": ["192.0.2.7", {"elem": {"val": "192.0.2.8"}}]}), DROP], False),
        ([match({"payload": {"protocol": "ip", "field": "daddr"}}, "192.0.2.7"), DROP], False),
        ([match(SADDR, "192.0.2.7"), LIMIT, DROP], False),
        ([match(SADDR, "::1"), {"counter": {"map": {"key": SADDR, "data": "@m"}}}, DROP], False),
        ([match(SADDR, "192.0.2.7"), match(DPORT, 80), DROP], False),
        ([match(SADDR, "192.0.2.7"), ACCEPT], False),
        ([match(SADDR, "192.0.2.7"), DROP, ACCEPT], False),
        (["drop"], False),
        ([DROP], False),
        ([], False),
    ],
)  # fmt: skip
def test_whom_a_rule_stops_is_seen_as_it_would_be_worked_out(
    statements: list[Any], seen: bool
) -> None:
    read = NftRule(statements, "inet t in")
    assert (read.stop() is not None) is seen
    assert not seen or read.stop() == stop_of(NftRule(statements, "inet t in"))
    read.first = [Chance("ct l3proto")]
    assert read.stop() is None


def test_decisions_are_the_same_without_a_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(23)
    texts = [_ruleset([_drawn(chance) for _ in range(6)]) for _ in range(60)]
    glanced = [_decisions(text) for text in texts]
    monkeypatch.setattr(NftRule, "glance", Rule.glance)
    monkeypatch.setattr(NftRule, "ports", Rule.ports)
    monkeypatch.setattr(NftRule, "stop", Rule.stop)
    assert glanced == [_decisions(text) for text in texts]


def _ruleset(rules: list[list[Any]]) -> str:
    ports = {"family": "inet", "table": "t", "name": "ports", "type": "inet_service"}
    objects = [chain("in", "input"), {"set": {**ports, "elem": [80, 8080]}}]
    objects += [rule("in", *each) for each in rules]
    return json.dumps({"nftables": objects})


def _decisions(text: str) -> list[tuple[object, tuple[Decision, ...]]]:
    ruleset = Ruleset(parse_nft(text)[0])
    kinds = PortKinds(ruleset)
    return [
        (
            kinds.kind(port) == kinds.kind(9999),
            decide(
                ruleset,
                MACHINE,
                family=family,
                transport=transport,
                destination="192.0.2.1" if family is Family.IPV4 else "2001:db8::1",
                port=port,
                interface="eth0",
            ),
        )
        for family in (Family.IPV4, Family.IPV6)
        for transport in (Transport.TCP, Transport.UDP)
        for port in (53, 79, 80, 443, 8080)
    ]
