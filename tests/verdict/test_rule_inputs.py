"""What each rule's finding is made of: nothing else of a case changes what it says."""

from __future__ import annotations

from itertools import product

import pytest

from portbook.app.capture_judge import CaptureJudge
from portbook.catalog import Catalog
from portbook.model import (
    Family,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.verdict.engine import in_words
from portbook.verdict.facts import Case
from portbook.verdict.finding_facts import GROUPS
from portbook.verdict.rule_inputs import OF_EVIDENCE, OF_GROUPS, Part, parts_of
from portbook.verdict.rules import RULES
from tests.cases import for_each

_JUDGE = CaptureJudge(Catalog())
_TCP = Transport.TCP
_OWNERS = ((), (Process(7, "sshd"),), (Process(7, "redis-server"),), (Process(7, "python3"),))
_PORTS = [_JUDGE.on_record(port, _TCP) for port in (22, 80, 6000, 6379, 8080, 31337, 40000)]
_ADDRESSES = ("0.0.0.0", "127.0.0.1", "192.0.2.7")
_FIELDS = {
    Part.STANDING: ("standing",),
    Part.PRACTICE: ("uses", "defaults", "browser_blocked", "browsers"),
    Part.REPORTS: ("abuse",),
    Part.SERVICES: ("services",),
}
_SOURCES = Catalog().practice.sources()[:1]


def _case(owners: tuple[Process, ...], number: int, address: str) -> Case:
    port = _PORTS[number]
    known = _JUDGE.owners_on_record(owners).each
    seen = OwnersSeen.FIRST if owners else OwnersSeen.UNASKED
    return Case(
        Listener(
            Socket(_TCP, Family.IPV4, address, 4, SocketState.LISTEN), Ownership(owners, seen)
        ),
        port.standing,
        tuple([each.programs for each in known]),
        port.uses,
        PortRules(""),
        port.browser_blocked,
        port.abuse,
        named=tuple([each.named for each in known]),
        tools=tuple([each.tool for each in known]),
        services=port.services,
        browsers=_SOURCES if port.browser_blocked else (),
    )


_CASES = [
    _case(owners, number, address)
    for owners, number, address in product(_OWNERS, range(len(_PORTS)), _ADDRESSES)
]


def _with(case: Case, part: Part, other: Case) -> Case:
    """*case* with *part* of another one."""
    if part in _FIELDS:
        return case._replace(**{name: getattr(other, name) for name in _FIELDS[part]})
    if part is Part.ADDRESS:
        socket = case.listener.socket._replace(address=other.listener.socket.address)
        return case._replace(listener=case.listener._replace(socket=socket))
    listener = case.listener._replace(ownership=other.listener.ownership)
    return case._replace(
        listener=listener, programs=other.programs, named=other.named, tools=other.tools
    )


def _changed(code: str, part: Part, case: Case) -> bool:
    """Whether *part* of any other case changes what *code* says of *case*, but its subject."""
    [rule] = [rule for rule in RULES if rule.code == code]
    [own] = in_words(case, [(rule, rule.level)])
    named = bool(case.listener.ownership.owners)
    for other in _CASES:
        if bool(other.listener.ownership.owners) is not named:
            continue
        [said] = in_words(_with(case, part, other), [(rule, rule.level)])
        if (said.facts, said.evidence) != (own.facts, own.evidence):
            return True
    return False


def test_each_group_and_each_evidence_has_its_parts() -> None:
    assert set(OF_GROUPS) == set(GROUPS)
    assert set(OF_EVIDENCE) == {code for rule in RULES for code in rule.rests_on}


@for_each("code", [rule.code for rule in RULES])
def test_nothing_else_changes_what_a_finding_says(code: str) -> None:
    assert len(_CASES) > 5
    for case in _CASES[::5]:
        parts = parts_of(code, bool(case.listener.ownership.owners))
        for part in _FIELDS:
            assert part in parts or not _changed(code, part, case), (part, case)
        owners = {Part.OWNERS, Part.NAMES, Part.TOOLS}
        assert owners & parts or not _changed(code, Part.OWNERS, case), case


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("risky-exposed", Part.OWNERS),
        ("unknown", Part.STANDING),
        ("risky-exposed", Part.SERVICES),
        ("abuse-on-record", Part.REPORTS),
        ("known-use", Part.PRACTICE),
    ],
)
def test_its_own_parts_do(code: str, part: Part) -> None:
    assert part in parts_of(code, True)
    assert any(_changed(code, part, case) for case in _CASES)
