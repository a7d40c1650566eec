"""From where a port can be reached: before the firewall, by it, and who answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portbook.app.judge import judge_listener
from portbook.app.listen import ScanOptions, answer_here
from portbook.app.origins import Origin, origins_of
from portbook.app.reach import ReachRequest, filters_of, reach_here
from portbook.app.reachable import add_reachable, reachable_of
from portbook.app.socket_filter import Filter
from portbook.errors import InvalidQuery
from portbook.host.firewall.nft_json import parse_nft
from portbook.host.firewall.packet_filter import PacketFilter
from portbook.host.firewall.values import Chain, Ruleset, Table
from portbook.host.firewall.values import Interface as Known
from portbook.host.firewall.values import Machine as Known_machine
from portbook.host.linux.network import Address, Interface, Network, Route
from portbook.model import (
    Family,
    Gap,
    GapCode,
    Listener,
    Need,
    PortRules,
    Scope,
    Socket,
    Transport,
    Visibility,
)
from portbook.model.reach import Barrier, Outcome
from portbook.present.render.text import Style
from portbook.present.views.reach import answer_words, render_reach
from tests.cases import for_each
from tests.machine import NETWORK, SERVER, TO, Machine, bound
from tests.values import CATALOG, changed

ETH1 = Interface("eth1", True, False, (Address(Family.IPV4, "198.51.100.7", 24),))
OTHER_NET = Route(Family.IPV4, 0xC6336400, 0xC63364FF, "eth1")


def filtering(*rules: list[dict[str, Any]], policy: str = "accept") -> PacketFilter:
    """A packet filter with *rules* on what comes in."""
    chain = {"family": "inet", "table": "filter", "name": "input", "type": "filter"}
    rows: list[dict[str, Any]] = [
        {"chain": {**chain, "hook": "input", "prio": 0, "policy": policy}},
        *[
            {"rule": {"family": "inet", "table": "filter", "chain": "input", "expr": rule}}
            for rule in rules
        ],
    ]
    tables, _ = parse_nft(json.dumps({"nftables": rows}))
    known = Known_machine((Known("lo"), Known("eth0", (("192.0.2.7", 24),))))
    return PacketFilter(Ruleset(tables), known)


def matching(left: dict[str, Any], right: object) -> dict[str, Any]:
    return {"match": {"op": "==", "left": left, "right": right}}


PORT = matching({"payload": {"protocol": "tcp", "field": "dport"}}, 8080)
OWN_NET = matching(
    {"payload": {"protocol": "ip", "field": "saddr"}}, {"prefix": {"addr": "192.0.2.0", "len": 24}}
)
LOOPBACK = [matching({"meta": {"key": "iifname"}}, "lo"), {"accept": None}]


def told(origins: tuple[Origin, ...]) -> dict[str, str]:
    return {each.source: str(each.barrier or each.answer) for each in origins}


def on(address: str, **facts: Any) -> Socket:
    family = Family.IPV6 if ":" in address else Family.IPV4
    return changed(bound(8080, address=address), family=family, **facts).socket


def reached(
    socket: Socket | None, network: Network = NETWORK, packets: PacketFilter | None = None
) -> tuple[Origin, ...]:
    return origins_of(socket, Transport.TCP, 8080, network, packets or PacketFilter())


@for_each(
    "socket, network, expected",
    [
        (
            on("0.0.0.0"), NETWORK,
            {"this-machine": "open", "192.0.2.0/24": "open", "anywhere": "open"},
        ),
        (on("127.0.0.1"), NETWORK, {"this-machine": "open", "anywhere": "loopback"}),
        (on("0.0.0.0", interface="lo"), NETWORK, {"this-machine": "open", "anywhere": "loopback"}),
        (on("203.0.113.1"), NETWORK, {"this-machine": "not-here", "anywhere": "not-here"}),
        (on("::", v6only=True), NETWORK, {"this-machine": "open", "anywhere": "no-address"}),
        (
            on("0.0.0.0"), NETWORK._replace(routes=NETWORK.routes[:1]),
            {"this-machine": "open", "192.0.2.0/24": "open", "anywhere": "no-route"},
        ),
        (
            on("0.0.0.0"), NETWORK._replace(routes=NETWORK.routes[:1], policy=True),
            {"this-machine": "open", "192.0.2.0/24": "open", "anywhere": "unknown"},
        ),
        (
            on("0.0.0.0", interface="eth1"),
            NETWORK._replace(interfaces=(*NETWORK.interfaces, ETH1._replace(up=False))),
            {"anywhere": "interface-down"},
        ),
        (
            on("0.0.0.0", interface="eth1"),
            NETWORK._replace(
                interfaces=(*NETWORK.interfaces, ETH1), routes=(*NETWORK.routes, OTHER_NET)
            ),
            {"this-machine": "open", "198.51.100.0/24": "open", "anywhere": "no-route"},
        ),
    ],
)  # fmt: skip
def test_before_the_firewall(socket: Socket, network: Network, expected: dict[str, str]) -> None:
    told_of = told(reached(socket, network))
    expected.setdefault("this-machine", told_of["this-machine"])
    assert told_of == expected


def test_a_dual_socket_is_reached_over_both_families() -> None:
    origins = reached(on("::", v6only=False))
    assert {(each.family, each.source) for each in origins} >= {
        (Family.IPV4, "192.0.2.0/24"), (Family.IPV6, "this-machine"),
    }  # fmt: skip
    assert {each.family for each in reached(on("::ffff:192.0.2.7"))} == {Family.IPV4}


def test_neighbours_reach_loopback_where_the_interface_lets_them() -> None:
    eth0 = NETWORK.interfaces[1]._replace(routes_loopback=True)
    network = NETWORK._replace(interfaces=(NETWORK.interfaces[0], eth0))
    assert told(reached(on("127.0.0.1"), network)) == {
        "this-machine": "open", "192.0.2.0/24": "open", "anywhere": "loopback",
    }  # fmt: skip
    assert "192.0.2.0/24" not in told(reached(on("127.0.0.1")))


def test_strict_checks_drop_what_would_be_answered_by_another_interface() -> None:
    routes = (*NETWORK.routes, Route(Family.IPV4, 0, 0xFFFFFFFF, "eth1", 600), OTHER_NET)
    for strict, answer in ((True, Barrier.STRICT_SOURCE), (False, Outcome.UNKNOWN)):
        second = ETH1._replace(strict_source=strict)
        network = Network((*NETWORK.interfaces, second), routes, NETWORK.own)
        (far,) = [
            each
            for each in reached(on("0.0.0.0"), network)
            if each.source == "anywhere" and each.interface == "eth1"
        ]
        assert (far.barrier or far.answer) is answer
        assert far.answers_by == (None if strict else "eth0")
        # Those on the other link get in, so in short it is open.
        origins = reached(on("0.0.0.0"), network)
        assert reachable_of(origins, firewall=False).scope is Scope.ANYWHERE


def test_two_interfaces_in_one_network() -> None:
    """Answers leave by the first; who is on the second one's link gets them if both are one."""
    near = NETWORK.routes[0]
    routes = (near, near._replace(interface="eth1"))
    network = Network((*NETWORK.interfaces, ETH1), routes, NETWORK.own)
    origins = [each for each in reached(on("0.0.0.0"), network) if each.source == "192.0.2.0/24"]
    told_of = {each.interface: (each.answer, each.answers_by) for each in origins}
    assert told_of == {"eth0": (Outcome.OPEN, None), "eth1": (Outcome.UNKNOWN, "eth0")}
    assert "answers leave by eth0, which may be another link" in answer_words(origins[1])
    brief = reachable_of(reached(on("0.0.0.0"), network), firewall=False)
    assert (brief.scope, brief.networks) == (Scope.NETWORKS, ("192.0.2.0/24",))
    alone = [each for each in origins if each.interface == "eth1"]
    assert reachable_of(alone, firewall=False).scope is Scope.UNKNOWN


BLACKHOLE = Route(Family.IPV4, 0xCB007100, 0xCB0071FF, "")  # 203.0.113.0/24
EVERYWHERE = Route(Family.IPV4, 0, 0xFFFFFFFF, "")


@for_each(
    "change, expected",
    [
        ({"routes": (*NETWORK.routes, BLACKHOLE)}, {"203.0.113.0/24": "no-route"}),
        (
            {"routes": (*NETWORK.routes, BLACKHOLE._replace(first=0xCB007105, last=0xCB007105))},
            {"203.0.113.5/32": "no-route"},
        ),
        ({"routes": (*NETWORK.routes, EVERYWHERE._replace(metric=9999))}, {}),
        ({"routes": (*NETWORK.routes[:1], EVERYWHERE)}, {"anywhere": "no-route"}),
        (
            {"routes": (*NETWORK.routes, EVERYWHERE._replace(first=0xC0000200, last=0xC0000203))},
            {"192.0.2.0/30": "no-route"},
        ),
        ({"doubtful": (BLACKHOLE,), "policy": True}, {"203.0.113.0/24": "unknown"}),
        (
            {"doubtful": (EVERYWHERE,), "policy": True},
            {"192.0.2.0/24": "unknown", "anywhere": "unknown"},
        ),
    ],
)
def test_where_answers_are_refused_or_may_be(
    change: dict[str, Any], expected: dict[str, str]
) -> None:
    usual = {"this-machine": "open", "192.0.2.0/24": "open", "anywhere": "open"}
    assert told(reached(on("0.0.0.0"), NETWORK._replace(**change))) == {**usual, **expected}

    class Routed(Machine):
        def read_network(self) -> Network:
            return NETWORK._replace(**change)

    (listener,), _ = add_reachable((bound(8080),), Routed())
    scope = {"open": Scope.ANYWHERE, "no-route": Scope.NETWORKS, "unknown": Scope.UNKNOWN}
    reachable = listener.assessment.reachable
    assert reachable is not None
    assert reachable.scope is scope[expected.get("anywhere", "open")]


def test_this_machine_is_reached_where_its_loopback_is_up() -> None:
    down = NETWORK._replace(
        interfaces=(NETWORK.interfaces[0]._replace(up=False), *NETWORK.interfaces[1:])
    )
    assert told(reached(on("127.0.0.1"), down))["this-machine"] == "interface-down"


def test_rules_cut_the_sources_and_are_quoted() -> None:
    packets = filtering(LOOPBACK, [OWN_NET, PORT, {"accept": None}], [PORT, {"drop": None}])
    origins = reached(on("0.0.0.0"), packets=packets)
    assert told(origins) == {
        "this-machine": "open", "192.0.2.0/24": "open", "anywhere": "dropped",
    }  # fmt: skip
    (far,) = [each for each in origins if each.source == "anywhere"]
    assert [rule.where for rule in far.rules] == ["inet filter input"]
    assert "8080" in far.rules[0].text
    one = matching({"payload": {"protocol": "ip", "field": "saddr"}}, "203.0.113.9")
    origins = reached(on("0.0.0.0"), packets=filtering([one, {"drop": None}]))
    assert told(origins)["203.0.113.9/32"] == "dropped"
    assert [each.source for each in origins] == [
        "this-machine", "203.0.113.9/32", "192.0.2.0/24", "anywhere",
    ]  # fmt: skip


def test_what_many_sources_are_told_apart_by_is_counted() -> None:
    many = {"set": [f"203.0.113.{number}" for number in range(0, 200, 2)]}
    left = {"payload": {"protocol": "ip", "field": "saddr"}}
    packets = filtering([matching(left, many), {"drop": None}])
    listed = [each for each in reached(on("0.0.0.0"), packets=packets) if "/32" in each.source]
    assert len(listed) == 32
    assert sum(each.further for each in listed) == 68


@pytest.mark.parametrize(
    ("packets", "scope", "networks"),
    [
        (PacketFilter(), Scope.ANYWHERE, ()),
        (filtering([PORT, {"drop": None}]), Scope.BLOCKED, ()),
        (filtering([OWN_NET, {"accept": None}], policy="drop"), Scope.NETWORKS, ("192.0.2.0/24",)),
        (PacketFilter(missing=[Gap(GapCode.FIREWALL_HIDDEN)]), Scope.UNKNOWN, ()),
    ],
)
def test_what_origins_come_to(
    packets: PacketFilter, scope: Scope, networks: tuple[str, ...]
) -> None:
    reachable = reachable_of(reached(on("0.0.0.0"), packets=packets), firewall=True)
    assert (reachable.scope, reachable.networks) == (scope, networks)
    assert reachable_of(reached(on("127.0.0.1")), firewall=True).scope is Scope.THIS_MACHINE


def test_the_rule_that_is_quoted_is_the_one_for_most() -> None:
    """Those who are banned one by one are few, however many rules that takes."""
    left = {"payload": {"protocol": "ip", "field": "saddr"}}
    banned = [[matching(left, f"203.0.113.{number}"), PORT, {"drop": None}] for number in range(90)]
    packets = filtering(*banned, policy="drop")
    origins = origins_of(on("0.0.0.0"), Transport.TCP, 8080, NETWORK, packets, short=True)
    reachable = reachable_of(origins, firewall=True)
    assert (reachable.scope, reachable.rules[-1]) == (Scope.BLOCKED, "policy drop")
    assert len(reachable.rules) == 33


def test_of_networks_the_widest_is_named_with_its_rule() -> None:
    v4 = {"payload": {"protocol": "ip", "field": "saddr"}}
    prefix = {"prefix": {"addr": "203.0.113.0", "len": 24}}
    packets = filtering(
        [matching(v4, prefix), {"accept": None}],
        [matching(v4, "198.51.100.7"), PORT, {"accept": None}],
        policy="drop",
    )
    reachable = reachable_of(reached(on("0.0.0.0"), packets=packets), firewall=True)
    assert reachable.networks == ("203.0.113.0/24", "198.51.100.7/32")
    assert reachable.rules[-1] == "ip saddr 203.0.113.0/24 accept"


def test_where_rules_were_not_read_nothing_is_known() -> None:
    tables = parse_nft('{"nftables": []}')[0]
    gap = Gap(GapCode.FIREWALL_UNREADABLE, "iptables", detail="x")
    packets = PacketFilter(Ruleset(tables, gaps=[gap]), Known_machine())
    assert told(reached(on("0.0.0.0"), packets=packets))["anywhere"] == "unknown"
    assert packets.missing == (gap,)


# -- the report -------------------------------------------------------------------------------

A, B = SERVER, SERVER._replace(pid=9, program="node")
LOCAL = bound(8080, B, address="127.0.0.1")


def ask(*sockets: Listener, packets: PacketFilter | None = None, **request: Any) -> Any:
    return reach_here(ReachRequest(8080, **request), Machine(sockets, packets))


def test_a_name_leads_to_a_program_for_each_address() -> None:
    report = ask(bound(8080, A), LOCAL, name="localhost")
    answers = {each.address: [one.ownership.owners[0].pid for one in each.listeners]
               for each in report.answers}  # fmt: skip
    assert answers == {"::1": [], "127.0.0.1": [9]}
    (answer,) = ask(bound(8080, A), LOCAL, name="192.0.2.7").answers
    assert answer.listeners[0].ownership.owners[0].pid == A.pid
    assert ask(bound(8080, A)).answers is None


def test_with_nothing_bound_there_is_one_entry() -> None:
    (only,) = ask().sockets
    assert only.listener is None
    assert {each.source for each in only.origins} >= {"this-machine", "anywhere"}


@pytest.mark.parametrize(
    ("name", "hint", "remedy"),
    [
        ("db.example.org", "neither localhost nor in /etc/hosts", "resolve"),
        ("203.0.113.1", "not an address of this machine", ""),
    ],
)
def test_other_names_and_machines_are_refused(name: str, hint: str, remedy: str) -> None:
    with pytest.raises(InvalidQuery, match=hint) as refused:
        ask(name=name)
    assert refused.value.remedy == remedy
    with pytest.raises(InvalidQuery):
        reach_here(ReachRequest(0), Machine())


def test_udp_where_only_that_has_a_socket() -> None:
    datagrams = changed(bound(8080, A), transport=Transport.UDP)
    assert ask(datagrams).transport is Transport.UDP
    assert ask(datagrams, bound(8080, A)).transport is Transport.TCP


def test_what_is_hidden_is_said() -> None:
    gap = Gap(GapCode.FIREWALL_HIDDEN, needs=Need.ROOT)
    report = ask(bound(8080, A), packets=PacketFilter(missing=[gap]))
    assert report.visibility is Visibility.PARTIAL
    assert report.missing == (gap,)
    assert told(report.sockets[0].origins)["anywhere"] == "unknown"


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7", "127.0.0.1", "::"])
def test_the_short_way_says_what_the_long_one_does(address: str) -> None:
    listener = changed(bound(8080, A, address=address), family=on(address).family, v6only=False)
    (told_of,), missing = add_reachable((listener,), Machine())
    assert missing == ()
    reachable = told_of.assessment.reachable
    if listener.socket.loopback:
        assert reachable is None
    else:
        assert reachable == reachable_of(reached(listener.socket), firewall=False)
        assert reachable.scope is Scope.ANYWHERE


@pytest.mark.parametrize("address", ["192.0.2.7", "0.0.0.0"])
def test_a_socket_of_one_address_is_exposed_where_others_are_let_in(address: str) -> None:
    def codes(packets: PacketFilter) -> set[str]:
        host = Machine([bound(8080, A, address=address)], packets)
        (listener,) = answer_here(Filter(), ScanOptions(), CATALOG, host).listeners
        return {each.code for each in listener.assessment.findings}

    assert "exposed" in codes(PacketFilter())
    assert codes(filtering([PORT, {"drop": None}])) & {"exposed", "firewalled"} == {"firewalled"}
    assert "exposed" not in codes_of_capture(bound(8080, A, address="192.0.2.7"))


def codes_of_capture(listener: Listener) -> set[str]:
    """What is found where nobody asked for networks and firewall."""
    found = judge_listener(listener, PortRules("linux", 1024), CATALOG)
    return {each.code for each in found}


def test_an_address_is_told_where_nat_changes_it() -> None:
    plain = reached(on("0.0.0.0"), packets=filtering([OWN_NET, {"accept": None}]))
    assert {each.delivered_address for each in plain} == {None}
    assert {each.delivered_to for each in plain} == {8080}
    report = ask(bound(8080, A), packets=filtering([OWN_NET, {"accept": None}]), name="192.0.2.7")
    assert report.answers[0].delivered_address is None


def test_what_answers_behind_a_translation_is_named() -> None:
    inside = bound(80, B, address="0.0.0.0")

    class Published(Machine):
        def read_listeners_at(self, address: str, port: int, _: Any) -> tuple[Listener, ...]:
            return (inside,) if (address, port) == ("172.17.0.2", 80) else ()

    sent = [PORT, {"dnat": {"family": "ip", "addr": "172.17.0.2", "port": 80}}]
    chain = {"family": "ip", "table": "nat", "name": "pre", "type": "nat"}
    rows: list[dict[str, Any]] = [
        {"chain": {**chain, "hook": "prerouting", "prio": -100, "policy": "accept"}},
        {"rule": {"family": "ip", "table": "nat", "chain": "pre", "expr": sent}},
    ]
    tables, _ = parse_nft(json.dumps({"nftables": rows}))
    machine = Known_machine(
        (Known("lo"), Known("eth0", (("192.0.2.7", 24),)), Known("br0", (("172.17.0.1", 16),))),
        (("172.17.0.0/16", "br0"), ("0.0.0.0/0", "eth0")),
        forwarding=True,
    )
    report = reach_here(ReachRequest(8080), Published((), PacketFilter(Ruleset(tables), machine)))
    assert [(each.address, each.port, each.listeners) for each in report.ends] == [
        ("172.17.0.2", 80, (inside,))
    ]
    text = " ".join(render_reach(report, Style(), TO).split())
    assert "yes, by node -m http.server (pid 9" in text or "yes, by python3" in text
    assert "on 172.17.0.2:80" in text
    assert text.startswith(
        "8080/tcp · redirected to 172.17.0.2:80; reachable from other machines: "
    )


def redirecting(**goal: Any) -> PacketFilter:
    """Rules that send what comes in for 8080 to another port, or another address."""
    chain = {"family": "ip", "table": "nat", "name": "pre", "type": "nat"}
    rows: list[dict[str, Any]] = [
        {"chain": {**chain, "hook": "prerouting", "prio": -100, "policy": "accept"}},
        {"rule": {"family": "ip", "table": "nat", "chain": "pre", "expr": [PORT, goal]}},
    ]
    tables, _ = parse_nft(json.dumps({"nftables": rows}))
    own = (("192.0.2.7", 24), ("192.0.2.8", 24))
    return PacketFilter(Ruleset(tables), Known_machine((Known("lo"), Known("eth0", own))))


TO_7777 = {"redirect": {"port": 7777}}


@pytest.mark.parametrize(
    ("others", "barrier"),
    [
        ((), Barrier.NO_LISTENER),
        ((bound(7777, B),), None),
        ((bound(7777, B, address="127.0.0.1"),), Barrier.NO_LISTENER),
        ((bound(7777, B, address="192.0.2.7"),), None),
        ((bound(7777),), None),  # another user's: what it is isn't seen, that it listens is
    ],
)
def test_what_is_redirected_is_refused_where_nothing_listens(
    others: tuple[Listener, ...], barrier: Barrier | None
) -> None:
    machine = Machine([bound(8080, A), *others], redirecting(**TO_7777))
    report = reach_here(ReachRequest(8080), machine)
    here, *elsewhere = report.origins
    assert (here.answer, here.barrier) == (Outcome.OPEN, None)
    answer = Outcome.OPEN if barrier is None else Outcome.REJECTED
    assert {(each.answer, each.barrier) for each in elsewhere} == {(answer, barrier)}
    assert {(each.delivered_address, each.delivered_to) for each in elsewhere} == {
        ("192.0.2.7", 7777)
    }
    ends = [(each.address, each.port, each.listeners) for each in report.ends]
    assert ends == ([("192.0.2.7", 7777, others)] if barrier is None else [])
    assert not report.behind
    (listener,), _ = add_reachable((bound(8080, A),), machine)
    reachable = listener.assessment.reachable
    assert reachable is not None
    assert reachable.sent_to == 7777
    assert reachable.scope is (Scope.ANYWHERE if barrier is None else Scope.BLOCKED)
    assert reachable.rules == ("tcp dport 8080 redirect to :7777",)
    codes = {each.code for each in judge_listener(listener, PortRules("linux", 1024), CATALOG)}
    assert "firewalled" in codes
    assert "exposed" not in codes


def test_who_is_redirected_is_told_where_to() -> None:
    packets = redirecting(**TO_7777)
    closed = reach_here(ReachRequest(8080), Machine([bound(8080, A)], packets))
    text = " ".join(render_reach(closed, Style(), TO).split())
    rule = "tcp dport 8080 redirect to :7777"
    assert f"from this machine only: the rest goes to closed port 7777 ({rule})" in text
    assert f"anywhere else no: refused, nothing listens on port 7777 ({rule} in ip nat pre)" in text
    assert "Open it" not in text
    taken = reach_here(ReachRequest(8080), Machine([bound(8080, A), bound(7777, B)], packets))
    text = " ".join(render_reach(taken, Style(), TO).split())
    assert f"from other machines, but a rule sends them to port 7777 ({rule})" in text
    assert "anywhere else yes, by python3 -m http.server (pid 9" in text
    assert f"on port 7777 ({rule} in ip nat pre)" in text
    nothing = reach_here(ReachRequest(8080), Machine([], packets))
    assert "nothing listens; a server on it would be reachable from this machine only" in " ".join(
        render_reach(nothing, Style(), TO).split()
    )


def test_another_address_of_this_machine_may_have_no_listener() -> None:
    packets = redirecting(dnat={"family": "ip", "addr": "192.0.2.8"})
    network = NETWORK._replace(
        interfaces=tuple(
            each._replace(addresses=(*each.addresses, Address(Family.IPV4, "192.0.2.8", 24)))
            if each.name == "eth0"
            else each
            for each in NETWORK.interfaces
        )
    )

    class TwoAddresses(Machine):
        def read_network(self) -> Network:
            return network

    for address, answer in (("192.0.2.7", "rejected"), ("0.0.0.0", "open")):
        machine = TwoAddresses([bound(8080, A, address=address)], packets)
        report = reach_here(ReachRequest(8080), machine)
        assert {str(each.answer) for each in report.origins if each.rules} == {answer}
        (listener,), _ = add_reachable(machine.sockets, machine)
        assert listener.assessment.reachable is not None
        assert listener.assessment.reachable.sent_to is None
        where = (
            "nothing listens on 192.0.2.8:8080 (" if answer == "rejected" else "on 192.0.2.8:8080 ("
        )
        assert where in " ".join(render_reach(report, Style(), TO).split())


def test_the_verdict_asks_for_other_machines_alone() -> None:
    packets = filtering([PORT, OWN_NET, {"accept": None}], policy="drop")
    arguments = (on("0.0.0.0"), Transport.TCP, 8080, NETWORK, packets)
    whole, short = origins_of(*arguments), origins_of(*arguments, short=True)
    assert told(short) == {"192.0.2.0/24": "open", "anywhere": "dropped"}
    others = [each for each in whole if each.source != "this-machine"]
    assert [each._replace(later=()) for each in others] == list(short)


def named(*chains: str) -> PacketFilter:
    """Rules in force, with chains called so: family, table and chain."""
    tables: dict[tuple[str, str], Table] = {}
    for words in chains:
        family, table, chain = words.split(" ")
        known = tables.setdefault((family, table), Table(family, table, "nftables"))
        known.chains[chain] = Chain(words)
    return PacketFilter(Ruleset(tuple(tables.values())), Known_machine())


@for_each(
    "chains, filters",
    [
        (("ip filter INPUT", "ip filter ufw-user-input", "ip6 filter ufw6-user-input"), ("ufw",)),
        (("inet firewalld filter_INPUT", "inet firewalld filter_IN_public"), ("firewalld",)),
        (("ip filter INPUT", "ip filter IN_public_allow"), ("firewalld",)),
        (
            ("ip filter INPUT", "ip filter DOCKER-USER", "ip nat DOCKER", "ip filter ufw-in"),
            ("ufw", "docker"),
        ),
        (("ip filter FORWARD", "ip filter DOCKER-USER"), ("iptables", "docker")),
        (("inet filter input",), ("nftables",)),
        (("ip filter INPUT",), ("iptables",)),
        (("ip filter INPUT", "ip filter f2b-sshd"), ("iptables", "fail2ban")),
        (("inet f2b-table f2b-chain", "inet filter input"), ("nftables", "fail2ban")),
        (("inet f2b-table f2b-chain",), ("nftables", "fail2ban")),
        (("ip docker-bridges filter-FORWARD",), ("nftables", "docker")),
        (("ip nat DOCKER",), ("iptables", "docker")),
        ((), ()),
    ],
)  # fmt: skip
def test_who_is_in_charge_is_guessed_by_names(
    chains: tuple[str, ...], filters: tuple[str, ...]
) -> None:
    packets = named(*chains)
    assert filters_of(packets) == filters
    text = " ".join(render_reach(ask(packets=packets), Style(), TO).split())
    unmanaged = filters[:1] in {("nftables",), ("iptables",)}
    assert ("No known firewall manager" in text) is unmanaged
