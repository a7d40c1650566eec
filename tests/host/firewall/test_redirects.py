"""Redirects in what nft prints of its ruleset in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.host.firewall.nft_text import show_rule
from portbook.host.firewall.redirects import NatRules, Redirect
from portbook.model import Family, Transport
from tests.cases import for_each
from tests.host.firewall.rulesets import brief, of_nft

HERE = Path(__file__).parent
TCP, UDP = Transport.TCP, Transport.UDP


@pytest.fixture(scope="module")
def recorded() -> NatRules:
    return of_nft((HERE / "redirects.json").read_text())


@pytest.mark.parametrize(
    "text, expected",
    [
        ("tcp dport @ports redirect to :9000", [(TCP, 7000, 7010), (TCP, 8000, 8000)]),
        ("tcp dport { 1-5, 9 } redirect to :10-20", [(TCP, 1, 5), (TCP, 9, 9)]),
        ("th dport 53 redirect", [(None, 53, 53)]),
        (
            "meta l4proto { tcp, udp } th dport 53 redirect to :5353",
            [(TCP, 53, 53), (UDP, 53, 53)],
        ),
        ("tcp dport != 80 redirect to :99", [(TCP, 0, 79), (TCP, 81, 65535)]),
        ("tcp dport > 60000 redirect to :98", [(TCP, 60001, 65535)]),
        (
            "tcp dport != { 1, 5 } redirect to :97",
            [(TCP, 0, 0), (TCP, 2, 4), (TCP, 6, 65535)],
        ),
        ("sctp dport 5 redirect to :6", [(Transport.SCTP, 5, 5)]),
        ("dccp dport 5 redirect to :6", [(Transport.DCCP, 5, 5)]),
        ("tcp dport 80 redirect to :8080", [(TCP, 80, 80)]),
        ("tcp dport @svc redirect to :12", []),  # a set that is empty at the moment
    ],
)
def test_which_ports_a_rule_holds_for(
    recorded: NatRules, text: str, expected: list[tuple[object, ...]]
) -> None:
    found = [
        (each.transport, each.first, each.last) for each in recorded.redirects if each.text == text
    ]
    assert found == expected


@pytest.mark.parametrize(
    "port, goal",
    [
        (443, ("10.0.0.2", 8443, 8443)),  # a named map to an address and a port
        (705, ("10.0.0.9", 7, 7)),  # a map of ranges to a port
        (101, (None, 201, 201)),  # a redirect through a map
        (514, ("10.0.0.2", None, None)),  # the port stays
        (5000, (None, 5001, 5001)),
    ],
)
def test_where_a_rule_sends_a_port(
    recorded: NatRules, port: int, goal: tuple[str | None, int | None, int | None]
) -> None:
    own = [each for each in recorded.redirects if each.last - each.first < 100]
    found = [
        (each.to_address, each.to_first, each.to_last)
        for each in own
        if each.first <= port <= each.last
    ]
    assert found == [goal]


def test_a_range_of_addresses_and_ports_is_kept_as_a_range(recorded: NatRules) -> None:
    (found,) = (each for each in recorded.redirects if each.conditions == ("ip daddr 1.2.3.4",))
    assert (found.to_address, found.to_first, found.to_last) == ("10.0.0.1-10.0.0.5", 53, 99)
    assert (found.transport, found.family) == (UDP, "ipv4")


def test_a_chain_is_followed_with_its_jumps_conditions(recorded: NatRules) -> None:
    (found,) = (each for each in recorded.redirects if each.to_address == "172.17.0.2")
    assert found == Redirect(
        TCP,
        8080,
        8080,
        "172.17.0.2",
        80,
        80,
        Family.IPV4,
        "nftables",
        "inet x redir",
        "tcp dport 8080 dnat ip to 172.17.0.2:80",
        ("iifname eth0",),
        ("prerouting",),
    )


def test_verdict_maps_lead_to_chains(recorded: NatRules) -> None:
    reached = {
        (each.first, each.last)
        for each in recorded.redirects
        if each.chain == "inet x redir" and each.to_first == 9
    }
    assert reached == {(8080, 8080), (22, 22), (23, 23), (600, 600), (601, 605)}


def test_a_choice_by_numbers_gives_each_goal(recorded: NatRules) -> None:
    found = {each.to_address: each.conditions for each in recorded.redirects if each.first == 8888}
    assert found == {
        "10.0.0.1": ("numgen inc mod 2 == 0",),
        "10.0.0.2": ("numgen inc mod 2 == 1",),
    }


def test_what_cannot_be_worked_out_is_a_condition(recorded: NatRules) -> None:
    (found,) = (each for each in recorded.redirects if "& 1" in each.text)
    assert (found.first, found.last) == (0, 65535)
    assert found.conditions == ("tcp dport & 1 == 1",)
    (found,) = (each for each in recorded.redirects if "sport" in each.text)
    assert (found.transport, found.conditions) == (TCP, ("tcp sport 5",))


def test_only_chains_that_a_hook_reaches_count(recorded: NatRules) -> None:
    assert not [each for each in recorded.redirects if each.first == each.last == 1111]
    assert [each.hooks for each in recorded.redirects if each.to_first == 5001] == [("output",)]
    assert not recorded.not_understood


def ruleset(*objects: dict[str, Any]) -> str:
    """*objects*, behind the chains of their rules that aren't among them."""
    listed = [each["chain"]["name"] for each in objects if "chain" in each]
    named = [each["rule"]["chain"] for each in objects if "rule" in each]
    others = [chain(name) for name in dict.fromkeys(named) if name not in listed]
    return json.dumps({"nftables": [*others, *objects]})


def chain(name: str = "in", **more: object) -> dict[str, Any]:
    return {"chain": {"family": "ip", "table": "t", "name": name, **more}}


def base(name: str = "in", hook: str = "prerouting") -> dict[str, Any]:
    return chain(name, type="nat", hook=hook, prio=-100)


def rule(*expressions: object, chain: str = "in") -> dict[str, Any]:
    return {"rule": {"family": "ip", "table": "t", "chain": chain, "expr": list(expressions)}}


def dport(right: object, op: str = "==") -> dict[str, Any]:
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    return {"match": {"op": op, "left": left, "right": right}}


def match(left: dict[str, Any], right: object) -> dict[str, Any]:
    return {"match": {"op": "==", "left": left, "right": right}}


def only_redirect(*expressions: object, family: str = "ip") -> Redirect:
    text = ruleset(base(), rule(*expressions)).replace('"family": "ip"', f'"family": "{family}"')
    (found,) = of_nft(text).redirects
    return found


@pytest.mark.parametrize(
    "value, words",
    [
        ({"rate": 5, "burst": 5, "per": "minute"}, "limit rate 5/minute"),
        ({"rate": 5, "per": "hour", "inv": True}, "limit rate over 5/hour"),
        ({"rate": 8, "rate_unit": "kbytes", "per": "second"}, "limit rate 8 kbytes/second"),
        ("named", "limit"),
    ],
)
def test_a_limit_is_a_condition(value: object, words: str) -> None:
    found = only_redirect(dport(80), {"limit": value}, {"redirect": None})
    assert (found.conditions, found.text) == ((words,), f"tcp dport 80 {words} redirect")


SOURCE = {"payload": {"protocol": "ip", "field": "saddr"}}


@for_each(
    "statement, text",
    [
        ({"ct count": {"val": 20, "inv": True}}, "ct count over 20"),
        ({"ct count": {"val": 20}}, "ct count 20"),
        ({"quota": {"val": 10, "val_unit": "mbytes", "inv": True}}, "quota over 10 mbytes"),
        ({"set": {"op": "update", "elem": SOURCE, "set": "@s"}}, "update @s { ip saddr }"),
        (
            {"set": {"op": "add", "elem": SOURCE, "set": "@s",
                     "stmt": [{"limit": {"rate": 10, "per": "minute", "inv": True}}]}},
            "add @s { ip saddr limit rate over 10/minute }",
        ),
        (
            {"meter": {"key": SOURCE, "name": "m", "stmt": {"limit": {"rate": 5, "per": "hour"}}}},
            "meter m { ip saddr limit rate 5/hour }",
        ),
        (
            {"match": {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr", "iif"]}},
                       "right": False}},
            "fib saddr . iif oif missing",
        ),
        ({"set": "named"}, "set"),
        ({"reject": {"type": "icmpx", "expr": "port-unreachable"}}, "reject"),
        ({"reject": {"type": "tcp reset"}}, "reject with tcp reset"),
        ({"reject": {"type": "icmpv6", "expr": "no-route"}}, "reject with icmpv6 no-route"),
        ({"reject": None}, "reject"),
        (
            {"synproxy": {"mss": 1460, "wscale": 7, "flags": ["timestamp", "sack-perm"]}},
            "synproxy mss 1460 wscale 7 timestamp sack-perm",
        ),
        ({"synproxy": None}, "synproxy"),
        (
            {"match": {"op": "==", "right": 3,
                       "left": {"jhash": {"mod": 4, "seed": 4660, "offset": 2, "expr": SOURCE}}}},
            "jhash ip saddr mod 4 seed 0x1234 offset 2 3",
        ),
        ({"match": {"op": "==", "left": {"symhash": {"mod": 2}}, "right": 0}}, "symhash mod 2 0"),
        (
            {"match": {"op": "==", "left": {"payload": {"base": "nh", "offset": 96, "len": 32}},
                       "right": 7}},
            "@nh,96,32 7",
        ),
        (
            {"match": {"op": "==", "left": {"rt": {"key": "nexthop", "family": "ip"}},
                       "right": "192.0.2.1"}},
            "rt ip nexthop 192.0.2.1",
        ),
        (
            {"match": {"op": "==", "left": {"osf": {"key": "name"}}, "right": "Linux"}},
            "osf name Linux",
        ),
        (
            {"match": {"op": "!=", "left": {"socket": {"key": "transparent"}}, "right": 1}},
            "socket transparent != 1",
        ),
        (
            {"match": {"op": "==", "left": {"ipsec": {"key": "saddr", "family": "ip", "dir": "in",
                                                      "spnum": 0}}, "right": "192.0.2.1"}},
            "ipsec in ip saddr 192.0.2.1",
        ),
        (
            {"match": {"op": "==", "left": {"numgen": {"mode": "inc", "mod": 2}}, "right": 0}},
            "numgen inc mod 2 0",
        ),
    ],
)  # fmt: skip
def test_statements_are_shown_as_nft_prints_them(statement: object, text: str) -> None:
    assert show_rule([statement, {"drop": None}]) == f"{text} drop"


def test_an_extension_of_iptables_is_a_condition() -> None:
    extension = {"xt": {"type": "match", "name": "addrtype"}}
    found = only_redirect(dport(80), extension, {"redirect": None})
    assert found.conditions == ("xt match addrtype",)


@pytest.mark.parametrize(
    "left, right, family",
    [
        ({"payload": {"protocol": "ip", "field": "protocol"}}, "tcp", Family.IPV4),
        ({"payload": {"protocol": "ip6", "field": "nexthdr"}}, "tcp", Family.IPV6),
        ({"payload": {"protocol": "ip6", "field": "version"}}, 6, Family.IPV6),
        ({"meta": {"key": "nfproto"}}, "ipv4", Family.IPV4),
        ({"payload": {"protocol": "ip", "field": "ttl"}}, 64, Family.IPV4),
    ],
)
def test_a_header_tells_the_family(left: dict[str, Any], right: object, family: Family) -> None:
    found = only_redirect(match(left, right), dport(80), {"redirect": None}, family="inet")
    assert (found.family, found.transport, found.first) == (family, TCP, 80)


def test_the_port_of_the_original_connection_is_one() -> None:
    original = {"ct": {"key": "proto-dst", "dir": "original"}}
    found = only_redirect(match(original, 80), {"redirect": {"port": 81}})
    assert (found.first, found.last, found.conditions) == (80, 80, ())


def test_a_block_of_addresses_keeps_its_form() -> None:
    block = {"prefix": {"addr": "10.0.0.0", "len": 24}}
    found = only_redirect({"dnat": {"addr": block, "type_flags": "prefix"}})
    assert found.to_address == "10.0.0.0/24"
    span = {"range": ["10.0.0.0", "10.0.0.255"]}
    assert only_redirect({"dnat": {"addr": span}}).to_address == "10.0.0.0-10.0.0.255"


@for_each(
    "key, value, words",
    [
        ({"meta": {"key": "iifname"}}, "eth0", "iifname eth0"),
        ({"meta": {"key": "mark"}}, 7, "mark 7"),
        ({"fib": {"result": "type", "flags": ["daddr"]}}, "local", "fib daddr type local"),
        ({"ct": {"key": "state"}}, ["new", "related"], "ct state related,new"),
        ({"payload": {"protocol": "ip", "field": "saddr"}}, "10.0.0.1", "ip saddr 10.0.0.1"),
        (
            {"payload": {"protocol": "ip", "field": "daddr"}},
            {"range": ["10.0.0.1", "10.0.0.9"]},
            "ip daddr 10.0.0.1-10.0.0.9",
        ),
        ({"payload": {"protocol": "ip6", "field": "daddr"}}, "fd00::1", "ip6 daddr fd00::1"),
        ({"payload": {"protocol": "tcp", "field": "sport"}}, 9, "tcp sport 9"),
        ({"symhash": {"mod": 2}}, 1, "symhash mod 2 == 1"),
    ],
)
def test_a_key_of_a_map_is_a_condition(key: object, value: object, words: str) -> None:
    data = {"set": [[value, {"jump": {"target": "to"}}]]}
    vmap = {"vmap": {"key": key, "data": data}}
    text = ruleset(base(), rule(vmap), rule(dport(80), {"redirect": None}, chain="to"))
    (found,) = of_nft(text.replace('"family": "ip"', '"family": "inet"')).redirects
    assert found.conditions == (words,)


def test_an_element_of_a_list_without_a_type_is_a_condition() -> None:
    """A list that nft doesn't print so is not understood, and breaks nothing."""
    elements = [[{"range": [700, 710]}, 7]]
    for kind in ({}, {"type": "inet_service"}):
        named = {"family": "ip", "table": "t", "name": "m", "map": "inet_service", **kind}
        key = dport(80)["match"]["left"]
        to = {"redirect": {"port": {"map": {"key": key, "data": "@m"}}}}
        text = ruleset({"map": {**named, "elem": elements}}, base(), rule(to))
        (found,) = of_nft(text).redirects
        assert (found.to_first, found.conditions) == (7, () if kind else ("?",))


def test_a_set_that_is_not_there_is_a_condition() -> None:
    assert only_redirect(dport("@gone"), {"redirect": None}).conditions == ("tcp dport @gone",)


def test_chains_that_branch_without_end_are_cut_and_told() -> None:
    rules = [
        rule(match({"meta": {"key": "mark"}}, place), {"jump": {"target": str(level + 1)}},
             chain=str(level) if level else "in")
        for level in range(9)
        for place in range(10)
    ]  # fmt: skip
    found = of_nft(ruleset(base(), *rules, rule({"redirect": {"port": 80}}, chain="9")))
    assert "branch in more than 3,820 ways" in found.not_understood[-1]
    assert found.redirects  # those that were found before


def test_a_chain_is_followed_once_for_the_same_packets() -> None:
    rules = [
        rule({"jump": {"target": str(level + 1)}}, chain=str(level) if level else "in")
        for level in range(9)
        for _ in range(10)
    ]
    found = of_nft(ruleset(base(), *rules, rule({"redirect": {"port": 80}}, chain="9")))
    assert not found.not_understood
    assert [each.to_first for each in found.redirects] == [80]


def test_the_same_rule_at_two_hooks_is_one_redirect() -> None:
    text = ruleset(
        base("in"),
        base("out", "output"),
        rule({"jump": {"target": "both"}}),
        rule({"jump": {"target": "both"}}, chain="out"),
        rule(dport(80), {"redirect": {"port": 8080}}, chain="both"),
    )
    (found,) = of_nft(text).redirects
    assert found.hooks == ("prerouting", "output")


@for_each(
    "expressions",
    [
        [dport(80), {"xt": {"type": "target", "name": "DNAT"}}],
        [dport(80), {"xt": None}],  # nft before 1.0.5 says no more
        [dport(80), {"dnat": {"addr": {"map": {"key": {"meta": {"key": "mark"}}, "data": "@no"}}}}],
        [{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": "@gone"}}],
        [dport(80), {"dnat": {"addr": {"symhash": {"mod": 2}}}}],
        [dport(80), {"redirect": {"port": {"symhash": {"mod": 2}}}}],
    ],
)
def test_rules_that_are_not_understood_are_told(expressions: list[object]) -> None:
    rules = of_nft(ruleset(base(), rule(*expressions)))
    assert rules.redirects == ()
    assert len(rules.not_understood) == 1
    assert rules.not_understood[0].startswith("ip t in: ")


@for_each(
    "expressions",
    [
        [dport(80), {"masquerade": None}],
        *(
            [dport(80), {"xt": {"type": "target", "name": name}}]
            for name in ("MASQUERADE", "SNAT", "LOG", "NFLOG", "MARK", "CONNMARK", "TRACE")
        ),
        [dport(80), {"accept": None}],
        [
            {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "icmp"}},
            {"redirect": None},
        ],
        [dport(80), dport(81), {"redirect": {"port": 9}}],  # no packet is for both
        [match({"payload": {"protocol": "icmp", "field": "type"}}, 8), {"redirect": None}],
        [match({"meta": {"key": "nfproto"}}, "ipv6"), {"redirect": None}],  # in a table of IPv4
    ],
)
def test_rules_that_redirect_no_port_are_left_out(expressions: list[object]) -> None:
    assert of_nft(ruleset(base(), rule(*expressions))) == NatRules(())


def test_a_dormant_table_is_not_in_force() -> None:
    table = {"table": {"family": "ip", "name": "t", "flags": "dormant"}}
    redirect = rule(dport(80), {"redirect": {"port": 9}})
    assert of_nft(ruleset(table, base(), redirect)) == NatRules(())
    assert len(of_nft(ruleset(base(), redirect)).redirects) == 1


def test_elements_with_remarks_and_catch_alls() -> None:
    named = {
        "map": {
            "family": "ip",
            "table": "t",
            "name": "m",
            "type": "inet_service",
            "map": "ipv4_addr",
            "elem": [[{"elem": {"val": 80, "comment": "web"}}, "10.0.0.1"], ["*", "10.0.0.2"]],
        }
    }
    key = {"payload": {"protocol": "tcp", "field": "dport"}}
    text = ruleset(named, base(), rule({"dnat": {"addr": {"map": {"key": key, "data": "@m"}}}}))
    assert brief(of_nft(text)) == [
        (TCP, 80, 80, "10.0.0.1", None, None),
        (TCP, 0, 65535, "10.0.0.2", None, None),
    ]


def test_a_service_as_kubernetes_writes_it() -> None:
    """kube-proxy over nftables: a map of address, protocol and port to a chain each."""
    key = {
        "concat": [
            {"payload": {"protocol": "ip", "field": "daddr"}},
            {"meta": {"key": "l4proto"}},
            {"payload": {"protocol": "th", "field": "dport"}},
        ]
    }
    data = {"set": [[{"concat": ["10.96.0.10", "udp", 53]}, {"goto": {"target": "dns"}}]]}
    text = ruleset(
        base(),
        rule({"vmap": {"key": key, "data": data}}),
        rule({"dnat": {"addr": "10.244.0.3", "port": 5353}}, chain="dns"),
    )
    (found,) = of_nft(text).redirects
    assert (found.transport, found.first, found.to_address, found.to_first) == (
        UDP,
        53,
        "10.244.0.3",
        5353,
    )
    assert found.conditions == ("ip daddr 10.96.0.10",)


@for_each(
    "text",
    ["", "{}", "[]", "null", '{"nftables": 3}', '{"nftables": [{"rule": {}}]}', "[" * 100_000],
)
def test_other_text_is_malformed(text: str) -> None:
    with pytest.raises(MalformedInput):
        of_nft(text)


def test_a_loop_of_jumps_ends() -> None:
    text = ruleset(
        base(),
        rule({"jump": {"target": "a"}}),
        rule({"jump": {"target": "b"}}, chain="a"),
        rule({"jump": {"target": "a"}}, {"redirect": {"port": 1}}, chain="b"),
    )
    assert len(of_nft(text).redirects) == 1


WORDS = """match left right op payload set map key data elem val concat range prefix dnat redirect
addr port jump target"""
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70000) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(WORDS.split()),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4))
def test_no_ruleset_breaks_the_reader(expressions: list[object]) -> None:
    """Nothing is raised but MalformedInput, and what is redirected are ports."""
    try:
        rules = of_nft(ruleset(base(), rule(*expressions)))
    except MalformedInput:
        return
    for redirect in rules.redirects:
        assert 0 <= redirect.first <= redirect.last <= 65535
        assert redirect.to_first is None or 0 <= redirect.to_first <= 65535
