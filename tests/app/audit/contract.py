"""The same cases for the judge and for every engine: what facts give what findings."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from portbook.app.audit.describe import case_of
from portbook.app.audit.flow_schema import Judged, judge_groups
from portbook.app.audit.result import Service
from portbook.app.audit.rules_ibis import findings_column, read_findings, render_rules
from portbook.model import PORTS, Transport
from portbook.verdict.engine import apply, judge
from portbook.verdict.rules import FACTS, RULES
from tests.values import CATALOG

if TYPE_CHECKING:
    from portbook.app.audit.engines.base import Engine

KNOWN = tuple(fact for fact in FACTS if fact != "settled")


def combinations(count: int, seed: int = 8) -> list[frozenset[str]]:
    """Sets of facts: none, each alone, all that a rule names, all of them, and *count* random."""
    rng = random.Random(seed)
    made = [frozenset(), frozenset(KNOWN), *(frozenset({fact}) for fact in KNOWN)]
    for rule in RULES:
        needs = {fact for fact in rule.needs if fact in KNOWN}
        made.append(frozenset(needs))
        made += [frozenset(needs | {fact}) for fact in rule.unless if fact in KNOWN]
        made += [frozenset(needs | set(more)) for _, more in rule.shifts]
    made += [frozenset(rng.sample(KNOWN, rng.randint(0, len(KNOWN)))) for _ in range(count)]
    return list(dict.fromkeys(made))


def check_rules(engine: Engine, count: int) -> None:
    """Demands the judge's answer to every combination of facts, codes and levels, in order."""
    cases = combinations(count)
    columns = {"at": "int32", **{_name(fact): "boolean" for fact in KNOWN}}
    rows = [(at, *(fact in facts for fact in KNOWN)) for at, facts in enumerate(cases)]
    table = engine.lookup("contract_facts", columns, rows)
    rendered = render_rules({fact: table[_name(fact)] for fact in KNOWN})
    assert list(rendered) == [rule.code for rule in RULES]
    asked = table.select("at", said=findings_column(rendered))
    found = {at: read_findings(number) for at, number in engine.fetch(asked)}
    assert len(found) == len(cases)
    for at, facts in enumerate(cases):
        expected = tuple((rule.code, level) for rule, level in apply(facts))
        assert found[at] == expected, sorted(facts)


def _name(fact: str) -> str:
    return "fact_" + fact.replace("-", "_")


def ports(count: int | None) -> list[int]:
    """All ports, or *count* of them with every edge among them."""
    if count is None:
        return list(range(PORTS))
    rng = random.Random(9)
    edges = [0, 1, 22, 80, 300, 301, 305, 308, 443, 853, 1023, 1024, 3000, 4200, 6000, 6063, 7775]
    edges += [8080, 9100, 27009, 31337, 49151, 49152, 51820, 65535]
    return sorted({*edges, *(rng.randrange(PORTS) for _ in range(count))})


def check_ports(engine: Engine, book: Any, count: int | None) -> None:
    """Demands of every (transport, port, reach) what the judge says of such a socket."""
    import ibis

    columns = {
        "protocol": "string", "port": "int32", "answered": "boolean", "reach": "string",
        "flows": "int64", "spoken": "string",
    }  # fmt: skip
    asked = [
        (str(transport), port, None, reach, 1, spoken)
        for transport in Transport
        for port in ports(count)
        for reach in (None, "loopback", "everywhere")
        for spoken in ((None, "ssh") if port in (80, 443) and transport != "dccp" else (None,))
    ]
    table = engine.lookup("contract_groups", columns, asked)
    lacking = {name: ibis.null("int64") for name in Judged._fields[5:11]}
    found = engine.fetch(judge_groups(table.mutate(**lacking), book))
    assert len(found) == len(asked)
    for row in map(Judged._make, found):
        service = Service(
            *(row.transport, row.port, row.state, (), 1),
            reach=row.reach or "",
            spoken=row.spoken or "",
        )
        case = case_of(service, CATALOG)
        expected = tuple((finding.code, finding.level) for finding in judge(case, said=False))
        assert read_findings(row.findings) == expected, service.key
        assert row.state == case.standing.state, service.key
