"""Ports that no rule tells apart: what is worked out for one holds for the others."""

from __future__ import annotations

import json
import random
from typing import Any

from portbook.host.firewall.decide import decide
from portbook.host.firewall.iptables_rules import parse_iptables
from portbook.host.firewall.nft_json import parse_nft, statements_of
from portbook.host.firewall.packet_filter import PacketFilter
from portbook.host.firewall.port_kinds import PortKinds, guard_of
from portbook.host.firewall.values import Ruleset
from portbook.model import Family, Transport
from tests.cases import for_each
from tests.counts import PROOF
from tests.host.firewall.test_decide import (
    ACCEPT,
    DPORT,
    DROP,
    LIMIT,
    MACHINE,
    SADDR,
    chain,
    match,
    rule,
)
from tests.real.drawn_iptables import IptablesRules

MARKED = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": DPORT}}
MAPPED = {"redirect": {"port": {"map": {"key": DPORT, "data": {"set": [[22, 80], [443, 8443]]}}}}}


def kinds(*statements: Any) -> PortKinds:
    objects = [chain("in", "input"), rule("in", *statements)]
    return PortKinds(Ruleset(parse_nft(json.dumps({"nftables": objects}))[0]))


@for_each(
    "statements, alike",
    [
        ([match(DPORT, 22), ACCEPT], {22: False, 80: True}),
        ([match(DPORT, {"range": [20, 30]}), DROP], {25: False, 31: True}),
        ([{"vmap": {"key": DPORT, "data": {"set": [[25, DROP]]}}}], {25: False, 26: True}),
        ([MAPPED], {22: False, 80: False, 8443: False, 23: True}),
        ([MARKED], {22: False, 80: False}),
        ([match({"&": [DPORT, 1]}, 1), DROP], {22: False}),
    ],
)
def test_a_port_is_of_its_own_kind_where_a_rule_sees_it(
    statements: list[Any], alike: dict[int, bool]
) -> None:
    every = kinds(*statements)
    assert {port: every.kind(port) == every.kind(9999) for port in alike} == alike


@for_each(
    "statements, packet, kept_out",
    [
        ([match(DPORT, 22), ACCEPT], ("ipv4", 6, 22), False),
        ([match(DPORT, 22), ACCEPT], ("ipv4", 6, 23), True),
        ([match(DPORT, 22), ACCEPT], ("ipv4", 17, 22), True),
        ([match(DPORT, 22), ACCEPT], ("ipv4", 6, None), False),
        ([match(SADDR, "192.0.2.1"), match(DPORT, {"range": [20, 30]})], ("ipv6", 6, 25), True),
        ([match(SADDR, "192.0.2.1"), match(DPORT, {"range": [20, 30]})], ("ipv4", 6, 25), False),
        ([LIMIT, match(DPORT, 22), ACCEPT], ("ipv4", 6, 23), False),
        ([match(DPORT, 22, "!="), ACCEPT], ("ipv4", 6, 22), False),
    ],
)
def test_a_guard_keeps_out_only_what_a_rule_does_nothing_with(
    statements: list[Any], packet: tuple[str, int, int | None], kept_out: bool
) -> None:
    guard = guard_of(list(statements_of(statements)))
    assert (guard is not None and guard.keeps_out(*packet)) is kept_out


def test_a_list_of_ports_gets_what_each_would_get_alone() -> None:
    chance = random.Random(22)
    ports = [*(chance.randrange(1, 65536) for _ in range(3)), 22, 80, 443, 1000, 5000, 5001, 9000]
    for number in range(300 if PROOF else 12):
        text = IptablesRules(random.Random(number), six=False).text()
        ruleset = Ruleset(parse_iptables(text, "ip"))
        packets = PacketFilter(ruleset, MACHINE)
        if number % 2:  # those of a list are known beforehand, but for a redirect's
            packets.expect(ports[:-1])
        alone = Ruleset(parse_iptables(text, "ip"))
        for port in ports:
            question: dict[str, Any] = {
                "family": Family.IPV4, "transport": chance.choice((Transport.TCP, Transport.UDP)),
                "destination": "192.0.2.1", "port": port, "interface": "eth0",
            }  # fmt: skip
            assert packets.decide(**question) == decide(alone, MACHINE, **question), text


def test_among_known_ports_a_rule_for_others_makes_no_kind() -> None:
    objects = [chain("in", "input")]
    objects += [rule("in", match(DPORT, port), DROP) for port in (22, 80, {"range": [400, 500]})]
    ruleset = Ruleset(parse_nft(json.dumps({"nftables": objects}))[0])
    few, every = PortKinds(ruleset, frozenset((22, 443, 9))), PortKinds(ruleset)
    for kinds_of in (few, every):
        assert len({kinds_of.kind(port) for port in (22, 443, 9)}) == 3
    assert few.kind(80) == few.kind(9) != every.kind(80)
