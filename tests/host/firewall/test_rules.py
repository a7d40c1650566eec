"""How rules are followed from chain to chain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.host.firewall.rules import Case, NatRules, Packets, Rule, Target, follow, outside
from portbook.model import Family


def test_chains_that_branch_without_end_are_cut_and_told() -> None:
    def rule(level: int, place: int) -> Rule:
        packets = Packets(conditions=(f"{level} {place}",))
        return Rule("", (Case(packets, jump=str(level + 1)),))

    chains = {str(level): [rule(level, place) for place in range(10)] for level in range(9)}
    rules = follow([("prerouting", "0")], chains, source="nftables", family=None)
    assert "branch in more than" in rules.not_understood[0]


def test_a_chain_is_followed_once_for_the_same_packets() -> None:
    goal = Rule("", (Case(Packets(), target=Target(None, 8080, 8080)),))
    chains = {str(level): [Rule("", (Case(Packets(), jump=str(level + 1)),))] * 10
              for level in range(9)}  # fmt: skip
    rules = follow([("prerouting", "0")], {**chains, "9": [goal]}, source="nftables", family=None)
    assert not rules.not_understood
    assert [each.to_first for each in rules.redirects] == [8080]


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 300))))
def test_outside_is_the_complement(pairs: list[tuple[int, int]]) -> None:
    ranges = [(first, min(65535, first + more)) for first, more in pairs]
    inside = {port for first, last in ranges for port in range(first, last + 1)}
    left = [port for first, last in outside(ranges) for port in range(first, last + 1)]
    assert len(left) == len(set(left))
    assert set(left) == set(range(65536)) - inside


def test_packets_of_another_family_are_not_reached() -> None:
    assert Packets(family=Family.IPV4).narrowed(Packets(family=Family.IPV6)) is None
    chains = {"in": [Rule("", (Case(Packets(family=Family.IPV6), target=Target(None, 1, 1)),))]}
    rules = follow([("prerouting", "in")], chains, source="nftables", family=Family.IPV4)
    assert rules == NatRules(())
