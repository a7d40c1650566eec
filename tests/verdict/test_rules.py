"""The table of rules is the contract's, in its words, and made of known facts."""

from __future__ import annotations

from string import Formatter

import pytest

from portbook.model import Level, Listener, PortRules, Standing, State, Transport
from portbook.verdict.judge import Case, _words, find_facts
from portbook.verdict.rules import FACTS, RULES, Rule

# The contract's table, whole: code, level, what softens the level to a note.
CONTRACT = [
    ("expected", "ok", ()),
    ("loopback-only", "ok", ()),
    ("exposed", "note", ()),
    ("known-use", "note", ()),
    ("service-elsewhere", "note", ()),
    ("foreign-service", "check", ("known-use", "loopback")),
    ("unregistered-port", "check", ("known-use", "loopback")),
    ("reserved-port", "check", ()),
    ("dynamic-port", "note", ()),
    ("privileged-bind", "note", ()),
    ("browser-blocked", "note", ()),
    ("abuse-on-record", "note", ()),
    ("deleted-executable", "check", ()),
    ("unpackaged-executable", "note", ()),
    ("backlog-full", "check", ()),
    ("owner-hidden", "note", ()),
    ("unknown", "note", ()),
]
# What the first cut must have (part 6 of the second issue).
FIRST_CUT = {
    "expected", "service-elsewhere", "foreign-service", "unregistered-port", "reserved-port",
    "dynamic-port", "exposed", "loopback-only", "owner-hidden", "unknown",
}  # fmt: skip

EACH = pytest.mark.parametrize("rule", RULES, ids=[rule.code for rule in RULES])


def test_the_codes_are_the_contracts_in_its_order() -> None:
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes)
    assert codes == [code for code, _, _ in CONTRACT if code in codes]
    assert set(codes) >= FIRST_CUT


@EACH
def test_levels_are_the_contracts(rule: Rule) -> None:
    (level, softened_by), *_ = [row[1:] for row in CONTRACT if row[0] == rule.code]
    assert rule.level == level
    if rule.code in {"foreign-service", "unregistered-port"}:
        assert rule.softened_by == softened_by


@EACH
def test_a_rule_knows_its_facts(rule: Rule) -> None:
    for fact in (*rule.needs, *rule.unless, *rule.softened_by):
        assert fact in FACTS, fact
    assert not set(rule.needs) & set(rule.unless)
    assert rule.when
    assert rule.when[0].islower() or rule.when.startswith("HTTP")


@EACH
def test_a_rules_sentence_is_made_of_words_the_judge_has(rule: Rule) -> None:
    listener = Listener(Transport.TCP, "ipv4", "0.0.0.0", 80, "listen")
    words = _words(Case(listener, Standing(State.UNASSIGNED, False, None)))
    fields = [field for _, field, _, _ in Formatter().parse(rule.say) if field is not None]
    assert set(fields) <= set(words)
    assert rule.say.endswith(".")


def test_every_fact_has_a_meaning_and_is_one_the_judge_finds() -> None:
    assert all(FACTS.values())
    used = {fact for rule in RULES for fact in (*rule.needs, *rule.unless, *rule.softened_by)}
    assert used <= set(FACTS)
    listener = Listener(Transport.TCP, "ipv4", "127.0.0.1", 80, "listen")
    case = Case(listener, Standing(State.ASSIGNED, True, "HTTP"), rules=PortRules("linux", 1024))
    assert find_facts(case) <= set(FACTS)


def test_unknown_comes_last_and_gives_way_to_what_settles() -> None:
    assert RULES[-1].code == "unknown"
    assert RULES[-1].unless == ("settled",)
    settles = {rule.code for rule in RULES if rule.settles}
    # Where a socket is reachable from, and what binding took, doesn't say whether it belongs.
    assert not settles & {"loopback-only", "exposed", "privileged-bind", "browser-blocked"}
    assert settles >= {"expected", "foreign-service", "unregistered-port", "reserved-port"}


def test_levels_never_rise_by_softening() -> None:
    for rule in RULES:
        if rule.softened_by:
            assert rule.level.rank >= Level.NOTE.rank
