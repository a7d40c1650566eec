"""Rulesets as nft prints them, and what becomes of connections: each case is a ruleset by hand."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from portbook.host.firewall.decide import decide
from portbook.host.firewall.intervals import Intervals
from portbook.host.firewall.nft_json import parse_nft
from portbook.host.firewall.nft_text import show_rule
from portbook.host.firewall.values import Interface, Machine, Ruleset
from portbook.model import Family, Transport
from portbook.model.reach import Decision, Outcome, RuleText
from tests.cases import for_each

MACHINE = Machine(
    (Interface("lo", (("127.0.0.1", 8),)), Interface("eth0", (("192.0.2.1", 24),))),
    forwarding=True,
)


def chain(
    name: str, hook: str = "", policy: str = "accept", prio: int = 0, kind: str = "filter"
) -> Any:
    base = {"type": kind, "hook": hook, "prio": prio, "policy": policy} if hook else {}
    return {"chain": {"family": "inet", "table": "t", "name": name, **base}}


def rule(where: str, *statements: Any) -> Any:
    return {"rule": {"family": "inet", "table": "t", "chain": where, "expr": list(statements)}}


def match(left: Any, right: Any, op: str = "==") -> Any:
    return {"match": {"op": op, "left": left, "right": right}}


DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
STATE = {"ct": {"key": "state"}}
MARK = {"meta": {"key": "mark"}}
ACCEPT, DROP, LIMIT = {"accept": None}, {"drop": None}, {"limit": {"rate": 1, "per": "second"}}
NEAR = {"prefix": {"addr": "192.0.2.0", "len": 24}}


def ask(
    *objects: Any,
    port: int = 80,
    machine: Machine = MACHINE,
    transport: Transport = Transport.TCP,
    later: bool = True,
) -> list[Decision]:
    ruleset = Ruleset(parse_nft(json.dumps({"nftables": objects}))[0])
    return list(
        decide(
            ruleset, machine, family=Family.IPV4, transport=transport,
            destination="192.0.2.1", port=port, interface="eth0", later=later,
        )
    )  # fmt: skip


def outcomes(*objects: Any, port: int = 80) -> dict[str, list[str]]:
    return {
        str(one.outcome): [str(network) for network in one.networks()]
        for one in ask(*objects, port=port)
    }


def everywhere(*objects: Any, port: int = 80) -> str:
    (one,) = ask(*objects, port=port)
    return str(one.outcome)


def test_without_rules_all_is_open() -> None:
    (one,) = ask()
    assert (one.outcome, one.delivered_to, one.delivered_address) == (
        Outcome.OPEN, 80, "192.0.2.1",
    )  # fmt: skip


def test_a_policy_is_named_as_what_stops() -> None:
    (one,) = ask(chain("in", "input", "drop"))
    assert one.outcome is Outcome.DROPPED
    assert [tuple(text) for text in one.rules] == [("policy drop", "inet t in")]


def test_sources_are_cut_where_a_rule_tells_them_apart() -> None:
    found = outcomes(chain("in", "input", "drop"), rule("in", match(SADDR, NEAR), ACCEPT))
    assert found["open"] == ["192.0.2.0/24"]
    assert "192.0.3.0/24" in found["dropped"]


def test_an_accept_does_not_spare_the_next_chain() -> None:
    late = chain("late", "input", "accept", 10), rule("late", match(DPORT, 80), DROP)
    assert everywhere(chain("in", "input"), rule("in", ACCEPT), *late) == "dropped"
    assert everywhere(chain("in", "input"), rule("in", ACCEPT), *late, port=81) == "open"


def test_a_rate_limit_matters_only_where_it_changes_the_outcome() -> None:
    base = chain("in", "input", "drop")
    assert everywhere(base, rule("in", LIMIT, ACCEPT)) == "unknown"
    assert everywhere(base, rule("in", LIMIT, ACCEPT), rule("in", ACCEPT)) == "open"
    assert everywhere(base, rule("in", LIMIT, DROP)) == "dropped"


def test_of_the_rules_that_may_decide_the_one_that_is_in_doubt_is_last() -> None:
    base, sub, reject = chain("in", "input", "drop"), chain("sub"), {"reject": None}
    over = {"limit": {"rate": 1, "per": "second", "inv": True}}
    for rules, reason in (
        ([rule("in", LIMIT, ACCEPT), rule("in", reject)], "limit rate 1/second accept"),
        ([rule("in", over, DROP), rule("in", ACCEPT)], "limit rate over 1/second drop"),
        ([rule("in", LIMIT, {"log": None}), rule("in", over, DROP), rule("in", ACCEPT)],
         "limit rate over 1/second drop"),
        ([sub, rule("sub", reject), rule("in", over, {"jump": {"target": "sub"}}),
          rule("in", ACCEPT)], "limit rate over 1/second jump sub"),
        ([rule("in", match(DPORT, 80), {"newer": {"port": 80}})], "tcp dport 80 newer"),
    ):  # fmt: skip
        (one,) = ask(base, *rules)
        assert (str(one.outcome), one.rules[-1].text) == ("unknown", reason)


@pytest.mark.parametrize(
    ("family", "routed", "masquerades", "outcome"),
    [
        ("ip", True, True, "open"),
        ("ip", True, False, "unknown"),
        ("ip", False, True, "dropped"),
        ("ip6", True, True, "unknown"),  # IPv6 has no route_localnet
    ],
)
def test_what_loopback_sends_on_beyond_this_machine(
    family: str, routed: bool, masquerades: bool, outcome: str
) -> None:
    four = family == "ip"
    here, there = ("127.0.0.1", "172.17.0.2") if four else ("::1", "2001:db8::2")
    bridge = ("172.17.0.1", 16) if four else ("2001:db8::1", 64)
    machine = Machine(
        (Interface("lo", ((here, 8 if four else 128),)), Interface("br0", (bridge,), routed)),
        forwarding=True,
    )
    sent = {"dnat": {"family": family, "addr": there, "port": 80}}
    objects = [
        chain("out", "output", prio=-100, kind="nat"), rule("out", match(DPORT, 80), sent),
        chain("post", "postrouting", prio=100, kind="nat"),
        *([rule("post", {"masquerade": None})] if masquerades else []),
    ]  # fmt: skip
    (one,) = decide(
        Ruleset(parse_nft(json.dumps({"nftables": objects}))[0]), machine,
        family=Family.IPV4 if four else Family.IPV6, transport=Transport.TCP,
        destination=here, port=80, interface="lo", source=here,
    )  # fmt: skip
    assert str(one.outcome) == outcome
    assert one.delivered_address == (None if outcome == "unknown" else there)


def test_jump_goto_and_return() -> None:
    base, sub = chain("in", "input", "drop"), chain("sub")
    jump, goto = {"jump": {"target": "sub"}}, {"goto": {"target": "sub"}}
    back = rule("sub", {"return": None}), rule("sub", ACCEPT)
    assert everywhere(base, sub, rule("in", jump), rule("in", ACCEPT), *back) == "open"
    assert everywhere(base, sub, rule("in", goto), rule("in", ACCEPT), *back) == "dropped"


def test_the_answer_counts() -> None:
    out = chain("out", "output", "drop")
    assert everywhere(out) == "dropped"
    assert everywhere(out, rule("out", match(STATE, "established", "in"), ACCEPT)) == "open"


def test_an_untracked_answer_is_no_established_one() -> None:
    raw = (
        chain("raw", "prerouting", "accept", -300),
        rule("raw", match(DPORT, 80), {"notrack": None}),
    )
    out = chain("out", "output", "drop"), rule("out", match(STATE, "established", "in"), ACCEPT)
    assert everywhere(*raw, *out) == "dropped"
    assert everywhere(*raw, *out, port=81) == "open"


def test_the_answer_to_an_untracked_request_belongs_to_no_connection() -> None:
    """It is invalid for TCP: what a connection once asked for is no condition that holds."""
    raw = (
        chain("raw", "prerouting", "accept", -300),
        rule("raw", match(DPORT, 80), {"notrack": None}),
    )
    asked = match({"ct": {"key": "proto-dst", "dir": "original"}}, 80)
    out = chain("out", "output"), rule("out", asked, DROP)
    assert everywhere(*raw, *out) == "open"
    assert everywhere(*out) == "dropped"


@pytest.mark.parametrize(
    ("hook", "translation", "outcome"),
    [
        ("output", {"redirect": {"port": 1000}}, "dropped"),
        ("output", {"dnat": {"family": "ip", "addr": "192.0.2.7"}}, "unknown"),
        ("postrouting", {"snat": {"family": "ip", "addr": "192.0.2.9"}}, "unknown"),
        ("postrouting", {"masquerade": None}, "unknown"),
    ],
)
def test_the_answer_to_an_untracked_datagram_is_translated_as_a_new_one(
    hook: str, translation: Any, outcome: str
) -> None:
    raw = chain("raw", "prerouting", "accept", -300), rule("raw", {"notrack": None})
    nat = chain("nat", hook, "accept", -100, "nat"), rule("nat", translation)
    decisions = ask(*raw, *nat, transport=Transport.UDP)
    client = 0xC0000207  # 192.0.2.7
    (to_it,) = [
        one for one in decisions if any(first <= client <= last for first, last in one.sources)
    ]
    assert to_it.outcome == outcome
    assert {one.outcome for one in ask(*nat, transport=Transport.UDP)} == {Outcome.OPEN}
    assert {one.outcome for one in ask(*raw, *nat)} == {Outcome.OPEN}  # TCP's is invalid, not new


def test_an_untracked_answer_over_lo_is_translated_too() -> None:
    request = match({"payload": {"protocol": "udp", "field": "dport"}}, 80)
    raw = chain("raw", "output", "accept", -300), rule("raw", request, {"notrack": None})
    client = match({"payload": {"protocol": "udp", "field": "dport"}}, {"range": [1024, 65535]})
    nat = (
        chain("nat", "output", "accept", -100, "nat"),
        rule("nat", client, {"redirect": {"port": 9}}),
    )
    objects = (*raw, *nat)
    (one,) = decide(
        Ruleset(parse_nft(json.dumps({"nftables": objects}))[0]), MACHINE, family=Family.IPV4,
        transport=Transport.UDP, destination="127.0.0.1", port=80, interface="lo",
        source="127.0.0.1",
    )  # fmt: skip
    assert one.outcome is Outcome.UNKNOWN  # by chance it is the port that asked


@pytest.mark.parametrize("redirected", [False, True])
def test_what_this_machine_sends_itself_may_come_in_from_another_address(redirected: bool) -> None:
    """Where all that leaves is masqueraded, what goes over lo is as well."""
    objects = [
        chain("in", "input", "drop"),
        rule("in", match(SADDR, {"prefix": {"addr": "127.0.0.0", "len": 8}}), ACCEPT),
        chain("out", "output", "accept", -100, "nat"),
        chain("post", "postrouting", "accept", 100, "nat"),
        rule("post", match({"meta": {"key": "oifname"}}, "lo"), {"masquerade": None}),
    ]
    if redirected:
        objects.append(rule("out", match(DPORT, 80), {"redirect": {"port": 81}}))

    def outcome(some: list[Any]) -> str:
        (one,) = decide(
            Ruleset(parse_nft(json.dumps({"nftables": some}))[0]), MACHINE, family=Family.IPV4,
            transport=Transport.TCP, destination="127.0.0.1", port=80, interface="lo",
            source="127.0.0.1",
        )  # fmt: skip
        return str(one.outcome)

    assert outcome(objects) == "unknown"
    assert outcome([each for each in objects if "post" not in str(each)]) == "open"


def test_later_packets_that_are_dropped_are_told() -> None:
    objects = chain("in", "input", "drop"), rule("in", match(STATE, "new", "in"), ACCEPT)
    (one,) = ask(*objects)
    assert one.outcome is Outcome.OPEN
    assert [text.text for text in one.later] == ["policy drop"]
    (short,) = ask(*objects, later=False)
    assert short == one._replace(later=())


def test_an_untracked_answer_isnt_given_back_the_address_that_nat_changed() -> None:
    objects = [
        chain("nat", "input", kind="nat", prio=100),
        rule("nat", {"snat": {"addr": "192.0.2.9"}}),
        chain("raw", "output", prio=-300),
        rule(
            "raw", match({"payload": {"protocol": "tcp", "field": "sport"}}, 80), {"notrack": None}
        ),
    ]
    assert everywhere(*objects) == "unknown"
    assert everywhere(*objects[:-1]) == "open"


def test_marks_are_followed() -> None:
    first = chain("first", "prerouting", "accept", -150)
    mark = rule("first", match(DPORT, 80), {"mangle": {"key": MARK, "value": {"|": [MARK, 16]}}})
    base = chain("in", "input"), rule("in", match({"&": [MARK, 16]}, 16), DROP)
    assert everywhere(first, mark, *base) == "dropped"
    assert everywhere(first, mark, *base, port=81) == "open"


def test_a_redirect_is_followed() -> None:
    nat = chain("nat", "prerouting", "accept", -100, "nat")
    redirect = rule("nat", match(DPORT, 80), {"redirect": {"port": 8080}})
    base = chain("in", "input", "drop"), rule("in", match(DPORT, 8080), ACCEPT)
    (one,) = ask(nat, redirect, *base)
    assert (one.outcome, one.delivered_to, one.delivered_address) == (
        Outcome.OPEN, 8080, "192.0.2.1",
    )  # fmt: skip
    assert everywhere(nat, redirect, *base, port=81) == "dropped"


@pytest.mark.parametrize(("policy", "outcome"), [("accept", "open"), ("drop", "dropped")])
def test_a_published_port_leaves_through_forward(policy: str, outcome: str) -> None:
    nat = chain("nat", "prerouting", "accept", -100, "nat")
    publish = rule("nat", match(DPORT, 80), {"dnat": {"addr": "198.51.100.2", "port": 8000}})
    stopped = chain("in", "input", "drop")
    (one,) = ask(nat, publish, stopped, chain("fwd", "forward", policy))
    assert str(one.outcome) == outcome
    assert one.forwarded
    if outcome == "open":
        assert (one.delivered_to, one.delivered_address) == (8000, "198.51.100.2")
    before = chain("early", "prerouting", "drop", -300)
    assert not ask(before, nat, publish)[0].forwarded  # it doesn't get that far


@pytest.mark.parametrize(
    ("translated", "priority", "outcome"),
    [(False, -300, "dropped"), (True, -300, "unknown"), (True, 0, "dropped")],
)
def test_an_answer_goes_to_the_source_that_nat_put_in_until_it_is_put_back(
    translated: bool, priority: int, outcome: str
) -> None:
    """What a raw table sees of an answer to a client whose address was changed."""
    nat = chain("nat", "prerouting", prio=-100, kind="nat")
    publish = rule("nat", match(DPORT, 8080), {"dnat": {"addr": "172.17.0.2", "port": 80}})
    snat = rule("post", {"snat": {"addr": "192.0.2.1"}})
    post = chain("post", "postrouting", prio=100, kind="nat"), *([snat] if translated else [])
    back = chain("raw", "prerouting", prio=priority)
    from_there = match({"payload": {"protocol": "tcp", "field": "sport"}}, 80)
    others = match({"payload": {"protocol": "ip", "field": "daddr"}}, "192.0.2.1", "!=")
    objects = nat, publish, *post, back, rule("raw", from_there, others, DROP)
    told = {str(one.outcome) for one in ask(*objects, chain("fwd", "forward"), port=8080)}
    assert told == {outcome} | ({"open"} & told if outcome == "dropped" else set())


def test_a_verdict_map_over_addresses() -> None:
    pairs = [[{"prefix": {"addr": "192.0.2.0", "len": 25}}, DROP], ["192.0.2.128", ACCEPT]]
    found = outcomes(
        chain("in", "input", "accept"), rule("in", {"vmap": {"key": SADDR, "data": {"set": pairs}}})
    )
    assert found["dropped"] == ["192.0.2.0/25"]


def test_what_is_not_understood_can_not_be_told() -> None:
    (one,) = ask(chain("in", "input"), rule("in", match(DPORT, 80), {"teleport": {"to": 1}}))
    assert one.outcome is Outcome.UNKNOWN
    assert [text.text for text in one.rules] == ["tcp dport 80 teleport"]


@pytest.mark.parametrize(
    ("payload", "doubtful"),
    [
        ({"protocol": "tcp", "field": "window"}, Transport.TCP),
        ({"protocol": "udp", "field": "length"}, Transport.UDP),
        ({"protocol": "ip6", "field": "hoplimit"}, None),
    ],
)
def test_a_field_that_is_not_followed_concerns_packets_that_have_it(
    payload: Any, doubtful: Transport | None
) -> None:
    objects = chain("in", "input"), rule("in", match({"payload": payload}, 9), DROP)
    for transport in (Transport.TCP, Transport.UDP):
        (one,) = ask(*objects, transport=transport)
        expected = Outcome.UNKNOWN if transport is doubtful else Outcome.OPEN
        assert one.outcome is expected, (payload, transport)


def test_a_rule_for_other_source_ports_is_named() -> None:
    sport = {"payload": {"protocol": "tcp", "field": "sport"}}
    (one,) = ask(chain("in", "input", "drop"), rule("in", match(sport, 53), ACCEPT))
    assert one.outcome is Outcome.DROPPED
    assert [text.text for text in one.source_ports] == ["tcp sport 53 accept"]


def _objects(what: str, data: Any) -> Any:
    return {what: {"map": {"key": DPORT, "data": data}}}


CLAMP = {"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": 9}}
HOPS = {"payload": {"protocol": "ip6", "field": "hoplimit"}}
DSCP = {"payload": {"protocol": "ip", "field": "dscp"}}
NAMES = {"map": {"family": "inet", "table": "t", "name": "o", "type": "inet_service",
                 "map": "counter", "elem": [[80, "c"]]}}  # fmt: skip
CATCH_ALL = {"map": {**NAMES["map"], "elem": [[443, "c"], ["*", "c"]]}}


@for_each(
    "statement, dropped",
    [
        (_objects("counter", {"set": [[80, "c"]]}), True),
        (_objects("counter", {"set": [[443, "c"]]}), False),
        (_objects("ct helper", {"set": [[443, "h"]]}), False),
        (_objects("counter", "@o"), True),
        ({"mangle": {"key": DSCP, "value": "cs1"}}, True),
        ({"mangle": {"key": HOPS, "value": 3}}, False),
        ({"mangle": {"key": {"meta": {"key": "priority"}}, "value": HOPS}}, False),
        ({"mangle": {"key": {"meta": {"key": "priority"}},
                     "value": {"map": {"key": DPORT, "data": {"set": [[443, "1:2"]]}}}}}, False),
        ({"mangle": {"key": MARK, "value": HOPS}}, False),
        ({"set": {"op": "add", "elem": SADDR, "set": "@s"}}, True),
        ({"set": {"op": "add", "elem": {"concat": [HOPS, DPORT]}, "set": "@s"}}, False),
        ({"set": {"op": "update", "elem": {"elem": {"val": HOPS, "timeout": 5}}, "set": "@s",
                  "stmt": [{"limit": {"rate": 1, "per": "second"}}]}}, False),
        ({"meter": {"key": HOPS, "stmt": {"limit": {"rate": 1, "per": "second"}}, "name": "m"}},
         False),
        (CLAMP, True),
        ({"reset": {"tcp option": {"name": "timestamp"}}}, True),
    ],
)  # fmt: skip
def test_a_rule_ends_for_packets_without_what_a_statement_reads(
    statement: Any, dropped: bool
) -> None:
    """nft prints no condition for it, and the kernel stops at such a statement."""
    objects = chain("in", "input"), NAMES, rule("in", statement, DROP)
    assert everywhere(*objects) == ("dropped" if dropped else "open")


@pytest.mark.parametrize("statement", [
    CLAMP,
    {"reset": {"tcp option": {"name": "timestamp"}}},
])  # fmt: skip
def test_options_of_tcp_are_no_matter_of_other_packets(statement: Any) -> None:
    objects = chain("in", "input"), rule("in", statement, DROP)
    assert {one.outcome for one in ask(*objects, transport=Transport.UDP)} == {Outcome.OPEN}


@for_each(
    "left, right, over_tcp, over_udp, text",
    [
        ({"tcp option": {"name": "maxseg"}}, False, "unknown", "unknown",
         "tcp option maxseg missing drop"),
        ({"tcp option": {"name": "sack-perm"}}, True, "unknown", "open",
         "tcp option sack-perm exists drop"),
        ({"tcp option": {"name": "maxseg", "field": "size"}}, {"range": [1, 500]},
         "unknown", "open", "tcp option maxseg size 1-500 drop"),
        ({"tcp option": {"base": 254, "offset": 0, "len": 8}}, False, "unknown", "unknown", ""),
        ({"tcp option": {"base": 254, "offset": 0, "len": 8}}, 7, "unknown", "unknown", ""),
        ({"sctp chunk": {"name": "init"}}, False, "unknown", "unknown",
         "sctp chunk init missing drop"),
        ({"sctp chunk": {"name": "init"}}, True, "open", "open", "sctp chunk init exists drop"),
        ({"exthdr": {"name": "frag"}}, False, "open", "open", "exthdr frag missing drop"),
        ({"exthdr": {"name": "frag", "field": "id"}}, 3, "open", "open", "frag id 3 drop"),
        ({"ip option": {"name": "rr"}}, True, "unknown", "unknown", "ip option rr exists drop"),
    ],
)  # fmt: skip
def test_what_packets_of_another_protocol_lack_is_missing_in_them(
    left: Any, right: Any, over_tcp: str, over_udp: str, text: str
) -> None:
    """As nft 1.0.6 prints it: of "meta l4proto tcp tcp option maxseg missing" it leaves the first
    condition out, so of what is missing nothing can be told.
    """
    statements = match(left, right), DROP
    objects = chain("in", "input"), rule("in", *statements)
    for transport, outcome in ((Transport.TCP, over_tcp), (Transport.UDP, over_udp)):
        assert {str(one.outcome) for one in ask(*objects, transport=transport)} == {outcome}
    assert not text or show_rule(statements) == text


def test_a_map_that_names_something_for_all_ends_no_rule() -> None:
    objects = chain("in", "input"), CATCH_ALL, rule("in", _objects("counter", "@o"), DROP)
    assert everywhere(*objects) == "dropped"


def test_an_element_holds_as_long_as_its_own_limit_says_so() -> None:
    """Its counter says nothing; what the limit says can't be known."""
    for beside, outcome in (
        ({"counter": {"packets": 0}}, {"dropped", "open"}),
        ({"timeout": 60, "expires": 59, "comment": "x"}, {"dropped", "open"}),
        ({"limit": {"rate": 1, "per": "second"}}, {"unknown"}),
        ({"ct count": {"val": 3}}, {"unknown"}),
    ):
        elements = [{"elem": {"val": "198.51.100.1", **beside}}]
        some = {"family": "inet", "table": "t", "name": "s", "type": "ipv4_addr", "elem": elements}
        objects = {"set": some}, chain("in", "input"), rule("in", match(SADDR, "@s"), DROP)
        assert {str(one.outcome) for one in ask(*objects)} == outcome, beside


@pytest.mark.parametrize(
    ("flags", "found"),
    [(["daddr", "iif"], "dropped"), ("daddr", "dropped"), (["daddr", "mark"], "unknown")],
)
def test_kinds_of_addresses_of_the_interface_or_of_all(flags: Any, found: str) -> None:
    kind = {"fib": {"result": "type", "flags": flags}}
    assert everywhere(chain("in", "input"), rule("in", match(kind, "local"), DROP)) == found
    other = MACHINE._replace(
        interfaces=(*MACHINE.interfaces[:1], Interface("eth1", (("192.0.2.1", 24),)))
    )
    (one,) = ask(
        chain("in", "input"), rule("in", match(kind, "local"), DROP), machine=other
    )  # it comes in by eth0, and eth1 has the address
    assert str(one.outcome) == ("open" if flags == ["daddr", "iif"] else found)


def test_where_an_address_would_be_sent_is_known_of_the_source_alone() -> None:
    routed = MACHINE._replace(routes=(("0.0.0.0/0", "eth0"),))
    for flags, outcome in (("daddr", "unknown"), ("saddr", "unknown"), (["saddr", "iif"], "open")):
        lookup = {"fib": {"result": "oif", "flags": flags}}
        objects = chain("in", "input"), rule("in", match(lookup, False), DROP)
        found = {str(one.outcome) for one in ask(*objects, machine=routed)}
        assert found >= {outcome}, flags
        assert ("unknown" in found) is (outcome == "unknown"), flags


def test_chains_of_nat_are_asked_where_connections_are_tracked() -> None:
    nat = chain("n", "prerouting", prio=-100, kind="nat"), rule("n", match(DPORT, 80), DROP)
    assert everywhere(*nat) == "unknown"  # no rule has the kernel track any
    assert everywhere(*nat, chain("in", "input"), rule("in", match(STATE, "new"))) == "dropped"


def test_a_source_that_is_translated_for_one_family_ends_the_chain_for_that_alone() -> None:
    for family, outcome in (("ip", "open"), ("ip6", "dropped"), (None, "open")):
        snat = {"snat": {"addr": "192.0.2.9", **({"family": family} if family else {})}}
        objects = chain("n", "input", prio=100, kind="nat"), rule("n", snat), rule("n", DROP)
        assert everywhere(*objects) == outcome


def test_what_nft_has_no_json_for_is_text() -> None:
    text = "jump {\n\t\t\tip saddr 192.0.2.9 drop\n\t\t\treject with tcp reset next\n\t\t}"
    reset = rule("in", match(DPORT, 443), {"reject": {"type": "tcp reset"}})
    reset["rule"]["handle"] = 2
    (one,) = ask(chain("in", "input"), rule("in", match(DPORT, 80), text), reset)
    assert one.outcome is Outcome.UNKNOWN
    assert one.rules[0].text == (
        "tcp dport 80 jump { ip saddr 192.0.2.9 drop reject with tcp reset next }"
    )


@pytest.mark.parametrize("kind", [{}, {"type": ["ipv4_addr", "inet_service"]}])
def test_an_element_of_another_number_of_parts_may_match(kind: dict[str, Any]) -> None:
    """A list that nft doesn't print so is not understood, and breaks nothing."""
    named = {"family": "inet", "table": "t", "name": "pairs", "elem": ["192.0.2.7"]}
    dropped = rule("in", match({"concat": [SADDR, DPORT]}, "@pairs"), DROP)
    outcomes = {
        each.outcome for each in ask(chain("in", "input"), {"set": {**named, **kind}}, dropped)
    }
    assert outcomes == {Outcome.UNKNOWN}


@for_each("seed", range(12))
def test_many_that_are_stopped_one_by_one_are_told_together_in_short(seed: int) -> None:
    """Who gets in is the same; of rules in a row that stop a few each, one is named."""
    chance = random.Random(seed)
    kinds = [DROP, {"reject": None}]
    objects: list[Any] = [chain("in", "input", "drop"), chain("more")]
    for number in range(200):
        address = f"{chance.randrange(1, 200)}.{chance.randrange(256)}.7.{number}"
        banned = match(SADDR, {"prefix": {"addr": address, "len": chance.choice((8, 15, 24, 32))}})
        stop = [banned, kinds[0] if number < 120 else chance.choice(kinds)]
        where = "more" if number > 150 else "in"
        objects.append(rule(where, *stop))
        if number % 67 == 66:
            objects.append(rule(where, match(SADDR, address), match(DPORT, 80), ACCEPT))
    objects += [rule("in", {"jump": {"target": "more"}}), rule("in", match(DPORT, 80), ACCEPT)]

    def spans(later: bool) -> dict[Outcome, Intervals]:
        told: dict[Outcome, list[tuple[int, int]]] = {}
        for one in ask(*objects, later=later):
            told.setdefault(one.outcome, []).extend(one.sources)
        return {outcome: Intervals.of(some) for outcome, some in told.items()}

    assert spans(later=False) == spans(later=True)


def test_the_rule_that_stops_most_is_named_for_many() -> None:
    objects: list[Any] = [chain("in", "input", "drop")]
    for number in range(40):
        length = 24 if number == 17 else 32
        banned = {"prefix": {"addr": f"10.0.{number}.0", "len": length}}
        objects.append(rule("in", match(SADDR, banned), DROP))
    told = {one.rules[-1].text: len(one.sources) for one in ask(*objects, later=False)}
    assert told == {"ip saddr 10.0.17.0/24 drop": 39, "policy drop": 40}
    assert len(ask(*objects)) == 41


def test_what_stops_the_answer_is_told_from_what_stops_the_connection() -> None:
    sport = {"payload": {"protocol": "tcp", "field": "sport"}}
    out = [chain("out", "output"), rule("out", match(sport, 80), DROP)]
    (lost,) = ask(chain("in", "input"), rule("in", match(DPORT, 80), ACCEPT), *out)
    assert (lost.outcome, lost.unanswered) == (Outcome.DROPPED, True)
    (stopped,) = ask(chain("in", "input", "drop"), *out)
    assert (stopped.outcome, stopped.unanswered) == (Outcome.DROPPED, False)


def test_what_is_opened_goes_on_to_the_next_that_stops_it() -> None:
    """As if a rule that accepts stood before the one that stops; the last of the rules is named."""
    objects = [
        chain("in", "input", prio=-10),
        rule("in", match(DPORT, 80), DROP),
        chain("other", "input", policy="drop"),
    ]
    ruleset = Ruleset(parse_nft(json.dumps({"nftables": objects}))[0])
    opened: set[RuleText] = set()
    met = []
    for _ in range(3):
        (one,) = decide(
            ruleset, MACHINE, family=Family.IPV4, transport=Transport.TCP,
            destination="192.0.2.1", port=80, interface="eth0", opened=frozenset(opened),
        )  # fmt: skip
        met.append((str(one.outcome), one.rules[-1].text))
        opened.add(one.rules[-1])
    assert met == [
        ("dropped", "tcp dport 80 drop"),
        ("dropped", "policy drop"),
        ("open", "tcp dport 80 drop"),  # which accepts now
    ]


@for_each(
    "key, value, op, outcome",
    [
        ("iifkind", "veth", "==", "dropped"),
        ("iifkind", {"set": ["tun", "veth"]}, "==", "dropped"),
        ("iifkind", "tun", "==", "open"),
        ("iifkind", "tun", "!=", "dropped"),
        ("oifkind", "tun", "!=", "open"),  # at input there is none
        ("iiftype", "ether", "==", "dropped"),
        ("iiftype", "loopback", "==", "open"),
        ("iiftype", 1, "==", "dropped"),
        ("iiftype", "a newer name", "==", "unknown"),
        ("iifgroup", "default", "!=", "dropped"),
        ("iifgroup", 7, "==", "dropped"),
    ],
)
def test_kinds_types_and_groups_of_interfaces(key: str, value: Any, op: str, outcome: str) -> None:
    machine = Machine((Interface("eth0", (("192.0.2.1", 24),), traits=("veth", 1, 7)),))
    condition = match({"meta": {"key": key}}, value, op)
    (one,) = ask(chain("in", "input"), rule("in", condition, DROP), machine=machine)
    assert one.outcome == outcome
    (one,) = ask(chain("in", "input"), rule("in", condition, DROP))  # where they aren't known
    assert one.outcome == ("open" if key == "oifkind" else "unknown")


def test_an_interface_without_a_kind_ends_a_rule_that_asks_for_it() -> None:
    machine = Machine((Interface("eth0", (("192.0.2.1", 24),), traits=("", 1, 0)),))
    condition = match({"meta": {"key": "iifkind"}}, "veth", "!=")
    (one,) = ask(chain("in", "input"), rule("in", condition, DROP), machine=machine)
    assert one.outcome == "open"


@pytest.mark.parametrize(("port", "outcome"), [(8080, "open"), (40000, "unknown")])
def test_this_machine_connects_from_its_own_range_of_ports(port: int, outcome: str) -> None:
    """A rule for a port that it isn't given for a connection leaves the answer alone."""
    objects = [chain("in", "input"), rule("in", match(DPORT, port), DROP)]
    (one,) = decide(
        Ruleset(parse_nft(json.dumps({"nftables": objects}))[0]),
        MACHINE._replace(own_ports=(32768, 60999)),
        family=Family.IPV4, transport=Transport.TCP, destination="127.0.0.1", port=80,
        interface="lo", source="127.0.0.1",
    )  # fmt: skip
    assert one.outcome == outcome


D = {"set": {"family": "inet", "table": "t", "name": "d", "type": "ipv4_addr", "elem": []}}
IN_D, PUT = match(SADDR, "@d"), {"set": {"op": "add", "elem": SADDR, "set": "@d"}}


def test_a_later_packet_meets_what_the_first_one_put_into_a_set() -> None:
    """As a whole, and as lists and the brief ask; packets say the same in tests/real."""
    base = chain("in", "input"), D
    for later in (True, False):
        (one,) = ask(*base, rule("in", IN_D, DROP), rule("in", PUT), later=later)
        assert (one.outcome, [rule.text for rule in one.later]) == (
            Outcome.UNKNOWN, ["ip saddr @d drop"],
        )  # fmt: skip
        assert one.rules[-1].text == "ip saddr @d drop"
        (one,) = ask(*base, rule("in", IN_D, ACCEPT), rule("in", PUT, DROP), later=later)
        assert (one.outcome, one.later) == (Outcome.UNKNOWN, ())
        (one,) = ask(*base, rule("in", IN_D, DROP), rule("in", PUT, DROP), later=later)
        assert one.outcome is Outcome.DROPPED


def test_of_a_first_packet_that_may_be_stopped_itself_no_later_one_is_told() -> None:
    over = {"limit": {"rate": 5, "per": "minute", "inv": True}}
    rules = rule("in", IN_D, DROP), rule("in", over, PUT, DROP)
    for later in (True, False):
        (one,) = ask(chain("in", "input"), D, *rules, later=later)
        assert (one.outcome, one.later) == (Outcome.UNKNOWN, ())
        assert one.rules[-1].text == "limit rate over 5/minute add @d { ip saddr } drop"


def test_what_one_source_puts_into_a_set_is_nothing_to_another() -> None:
    found = outcomes(
        chain("in", "input"), D, rule("in", IN_D, DROP), rule("in", match(SADDR, NEAR), PUT)
    )
    assert found["unknown"] == ["192.0.2.0/24"]
    assert "192.0.3.0/24" in found["open"]


def test_a_set_of_another_table_stays_as_it_is() -> None:
    other = {"rule": {"family": "inet", "table": "u", "chain": "in", "expr": [PUT]}}
    base = {"chain": {**chain("in", "input")["chain"], "table": "u"}}
    (one,) = ask(chain("in", "input"), D, rule("in", IN_D, DROP), base, other)
    assert one.outcome is Outcome.OPEN


def test_a_statement_of_another_form_is_quoted_as_the_json_that_it_is() -> None:
    newer = {"newverdict": None, "other": [1]}
    assert show_rule([match(DPORT, 80), newer]) == (
        'tcp dport 80 {"newverdict": null, "other": [1]}'
    )
    (one,) = ask(chain("in", "input"), rule("in", match(DPORT, 80), newer))
    assert (one.outcome, one.rules[-1].text[:12]) == (Outcome.UNKNOWN, "tcp dport 80")


def test_one_source_is_looked_up_among_those_that_are_stopped() -> None:
    stop = [rule("in", match(SADDR, f"192.0.2.{number}"), DROP) for number in (9, 7)]
    ruleset = Ruleset(parse_nft(json.dumps({"nftables": [chain("in", "input"), *stop]}))[0])
    for source, outcome, rules in (
        ("192.0.2.7", Outcome.DROPPED, ["ip saddr 192.0.2.7 drop"]),
        ("192.0.2.8", Outcome.OPEN, []),
    ):
        (one,) = decide(
            ruleset, MACHINE, family=Family.IPV4, transport=Transport.TCP,
            destination="192.0.2.1", port=80, interface="eth0", source=source,
        )  # fmt: skip
        assert (one.outcome, [rule.text for rule in one.rules]) == (outcome, rules)
