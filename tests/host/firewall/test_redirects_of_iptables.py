"""Redirects in what iptables-save and ip6tables-save print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.host.firewall.redirects import NatRules
from portbook.model import Family, Transport
from tests.cases import for_each
from tests.host.firewall.rulesets import DOCKER, brief, of_iptables

TCP, UDP = Transport.TCP, Transport.UDP


def test_a_port_that_docker_publishes() -> None:
    rules = of_iptables(DOCKER, Family.IPV4)
    assert rules.not_understood == ()
    by_hook = {each.hooks: each for each in rules.redirects}
    assert set(by_hook) == {("prerouting",), ("output",)}
    found = by_hook["prerouting",]
    assert brief(NatRules((found,))) == [(TCP, 8080, 8080, "172.17.0.2", 80, 80)]
    assert (found.family, found.source, found.chain) == ("ipv4", "iptables", "nat DOCKER")
    assert found.conditions == ("-m addrtype --dst-type LOCAL", "! -i docker0")
    assert found.text in DOCKER
    assert by_hook["output",].conditions[0] == "! -d 127.0.0.0/8"


def saved(*rules: str) -> str:
    lines = "\n".join(f"-A PREROUTING {rule}" for rule in rules)
    return f"*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{lines}\nCOMMIT\n"


@for_each(
    "text, expected",
    [
        (
            "-p tcp -m multiport --dports 80,443,1000:1010 -j REDIRECT --to-ports 8080",
            [(TCP, first, last, None, 8080, 8080) for first, last in [(80, 80), (443, 443)]]
            + [(TCP, 1000, 1010, None, 8080, 8080)],
        ),
        (
            "-p udp -m udp --dport 5000:5010 -j DNAT --to-destination 10.0.0.1-10.0.0.9:7000-7010",
            [(UDP, 5000, 5010, "10.0.0.1-10.0.0.9", 7000, 7010)],
        ),
        (
            "-p tcp -m tcp ! --dport 1:65534 -j REDIRECT --to-ports 9 --random",
            [(TCP, 0, 0, None, 9, 9), (TCP, 65535, 65535, None, 9, 9)],
        ),
        ("-p tcp -m tcp --dport 80 -j REDIRECT", [(TCP, 80, 80, None, None, None)]),
        (
            "-p 132 -m sctp --dport 36412 -j DNAT --to-destination 10.0.0.1",
            [(Transport.SCTP, 36412, 36412, "10.0.0.1", None, None)],
        ),
        (
            "-d 192.0.2.1/32 -j DNAT --to-destination 10.0.0.1",
            [(None, 0, 65535, "10.0.0.1", None, None)],
        ),
        (
            "-p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination :1000-1010/8000",
            [(TCP, 8000, 8010, None, 1000, 1010)],
        ),
        (
            "-d 192.0.2.0/24 -j NETMAP --to 10.0.0.0/24",
            [(None, 0, 65535, "10.0.0.0/24", None, None)],
        ),
        (
            '-p tcp -m tcp --dport 80 -m comment --comment "-j it\\"s" -j REDIRECT --to-ports 81',
            [(TCP, 80, 80, None, 81, 81)],
        ),
        (
            "-p tcp -m conntrack --ctorigdstport 80 -j REDIRECT --to-ports 81",
            [(TCP, 80, 80, None, 81, 81)],
        ),
        (
            "-p tcp -m multiport --dports 81,80,7 -j REDIRECT --to-ports 9",
            [(TCP, 7, 7, None, 9, 9), (TCP, 80, 81, None, 9, 9)],
        ),
        ("-p tcp -m tcp --dport 5 -j NETMAP --to 10.0.0.7", [(TCP, 5, 5, "10.0.0.7", None, None)]),
        ("-p icmp -j DNAT --to-destination 10.0.0.1", []),
        ("-m icmp --icmp-type 8 -j DNAT --to-destination 10.0.0.1", []),
        ("-p tcp -j LOG --log-prefix web", []),
    ],
)
def test_rules_of_iptables(text: str, expected: list[tuple[object, ...]]) -> None:
    rules = of_iptables(saved(text), Family.IPV4)
    assert brief(rules) == expected
    assert rules.not_understood == ()


@for_each(
    "text, conditions",
    [
        ("-m limit --limit 5/min -p tcp", ("-m limit --limit 5/min",)),
        ("-m set ! --match-set own dst -i eth0", ("-i eth0", "-m set ! --match-set own dst")),
        ("-p tcp -m tcp --tcp-flags SYN,ACK SYN", ("--tcp-flags SYN,ACK SYN",)),
        (
            "-m conntrack --ctstate NEW ! --ctorigdst 10.0.0.1/32",
            ("-m conntrack --ctstate NEW ! --ctorigdst 10.0.0.1/32",),
        ),
        ("-m rpfilter --invert", ("-m rpfilter --invert",)),
        ("-p udplite -m udplite --dport 7", ("udplite",)),
        ("! -p udplite", ()),
        ("! -p udp", ()),
    ],
)
def test_conditions_are_in_the_words_of_iptables(text: str, conditions: tuple[str, ...]) -> None:
    redirects = of_iptables(saved(f"{text} -j REDIRECT --to-ports 9"), Family.IPV4).redirects
    assert {each.conditions for each in redirects} == {conditions}


@pytest.mark.parametrize(
    "goal, address, port",
    [
        ("[fe80::1]:80", "fe80::1", 80),
        ("[fe80::1]", "fe80::1", None),
        ("fe80::1", "fe80::1", None),
        ("[fd00::1-fd00::9]:80", "fd00::1-fd00::9", 80),
    ],
)
def test_goals_of_ip6tables(goal: str, address: str, port: int | None) -> None:
    text = saved(f"-p tcp -m tcp --dport 80 -j DNAT --to-destination {goal}")
    (found,) = of_iptables(text, Family.IPV6).redirects
    assert (found.to_address, found.to_first) == (address, port)
    assert (found.family, found.source) == ("ipv6", "ip6tables")


@pytest.mark.parametrize(
    "text",
    [
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:http",
        "-p tcp -m tcp --dport 80 -j DNAT",
        "-p tcp -m tcp --dport 80 -j DNAT --to-somewhere 10.0.0.1",
        "-p tcp -m tcp --dport 80 -j NOSUCHTARGET",
    ],
)
def test_rules_of_iptables_that_are_not_understood_are_told(text: str) -> None:
    rules = of_iptables(saved(text), Family.IPV4)
    assert rules == NatRules((), (f"nat PREROUTING: -A PREROUTING {text}",))


@pytest.mark.parametrize("text", ["*nat\nhello\n", '*nat\n-A PREROUTING -m comment --comment "x\n'])
def test_other_text_in_the_nat_table_is_malformed(text: str) -> None:
    with pytest.raises(MalformedInput):
        of_iptables(text, Family.IPV4)


def test_counters_do_not_matter() -> None:
    text = (
        "*nat\n:PREROUTING ACCEPT [1:2]\n"
        "[7:420] -A PREROUTING -p tcp -m tcp --dport 1 -j REDIRECT\nCOMMIT\n"
    )
    assert len(of_iptables(text, Family.IPV4).redirects) == 1


WORDS = """-p tcp ! --dport 80 1:2 -j DNAT REDIRECT --to-ports 9 -m --to-destination ::1 [::1]:9
10.0.0.1:70000 --comment multiport --dports 1,2,x PREROUTING -g 99999999999999999999"""
words = st.sampled_from(WORDS.split())


@given(st.lists(words, max_size=10))
def test_no_line_breaks_the_reader(parts: list[str]) -> None:
    """Nothing is raised, and what is redirected are ports."""
    rules = of_iptables(saved(" ".join(parts)), Family.IPV4)
    for redirect in rules.redirects:
        assert 0 <= redirect.first <= redirect.last <= 65535
