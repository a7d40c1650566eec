"""DuckDB gives the judge's own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from portbook.app.audit import reference_table
from portbook.app.audit.engines import connect
from portbook.app.audit.flow_schema import transport_of
from portbook.app.audit.rules_ibis import render_rules
from portbook.app.audit.server_side import UNDECIDABLE, place, regroup, resolve
from portbook.model import PORTS
from portbook.verdict.rules import FACTS, RULES
from tests.app.audit import contract
from tests.counts import PROOF
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Engine


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = connect()
    yield made
    made.close()


def fetch(engine: Engine, table: ir.Table) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in engine.fetch(table)]


def test_every_combination_of_facts(engine: Engine) -> None:
    contract.check_rules(engine, 100_000 if PROOF else 3_000)


@pytest.mark.proof
def test_every_port(engine: Engine) -> None:
    held = engine.lookup(
        "contract_book", reference_table.COLUMNS, reference_table.entries(range(PORTS), CATALOG)
    )
    contract.check_ports(engine, held, None if PROOF else 1_500)


def test_a_rule_whose_facts_no_flow_has_is_not_rendered() -> None:
    import ibis

    table = ibis.table({"a": "boolean"}, name="t")
    rendered = render_rules({"assigned": table["a"]})
    possible = {rule.code for rule in RULES if set(rule.needs) <= {"assigned"}}
    assert set(rendered) == possible
    assert "expected" not in rendered
    assert "unknown" in render_rules({})


def test_the_facts_of_flows_are_facts_of_the_table() -> None:
    import ibis

    from portbook.app.audit.flow_schema import facts_of

    table = ibis.table(
        {
            "port": "int32",
            "reach": "string",
            "book_state": "string",
            "known_use": "boolean",
            "abuse": "boolean",
            "risky": "boolean",
            "dangerous": "boolean",
            "spoken": "string",
        },
        name="t",
    )
    assert set(facts_of(table)) <= set(FACTS)


def test_protocols_go_by_their_words_and_numbers(engine: Engine) -> None:
    words = [
        "tcp",
        "TCP",
        "6",
        "UdP",
        "17",
        "sctp",
        "132",
        "dccp",
        "33",
        "136",
        "icmp",
        "1",
        "",
        None,
    ]
    table = engine.lookup("words", {"protocol": "string"}, [(word,) for word in words])
    asked = table.mutate(transport=transport_of(table["protocol"]))
    found = dict(engine.fetch(asked))
    assert found == {
        "tcp": "tcp", "TCP": "tcp", "6": "tcp", "UdP": "udp", "17": "udp", "sctp": "sctp",
        "132": "sctp", "dccp": "dccp", "33": "dccp", "136": "udp", "icmp": None, "1": None,
        "": None, None: None,
    }  # fmt: skip


# -- which side is the service ----------------------------------------------------------------

# src_port, dst_port, sign -> the service's port and its side, by the row alone.
ROWS = [
    (40000, 443, None, 443, "dst"),
    (443, 40000, None, 443, "src"),
    (123, 123, None, 123, "dst"),
    (40000, 3306, None, 3306, "dst"),
    (3306, 60999, None, 3306, "src"),
    (40000, 443, "src", 40000, "src"),  # the row's own sign comes first
    (1023, 1024, None, 1023, "src"),
    (32767, 32768, None, 32767, "src"),
]
BROKEN = [(None, 53), (53, None), (None, None), (70000, 443), (443, 65536), (-1, 443), (443, -1)]


def test_the_row_alone_decides_where_it_can(engine: Engine) -> None:
    columns = {"at": "int32", "src_port": "int32", "dst_port": "int32", "side": "string"}
    table = engine.lookup("rows", columns, [(at, *row[:3]) for at, row in enumerate(ROWS)])
    asked = place({name: table[name] for name in ("src_port", "dst_port", "side")})
    found = {row["at"]: row for row in fetch(engine, table.select("at", **asked))}
    for at, (_, _, _, port, side) in enumerate(ROWS):
        assert (found[at]["port"], found[at]["side"]) == (port, side), ROWS[at]
        assert found[at]["other"] < 0


def test_a_row_with_a_broken_port_has_none(engine: Engine) -> None:
    columns = {"src_port": "int64", "dst_port": "int64"}
    table = engine.lookup("broken", columns, [*BROKEN, (0, 65535)])
    asked = place({name: table[name] for name in columns})
    found = [row["port"] for row in fetch(engine, table.select(**asked))]
    assert found == [None] * len(BROKEN) + [0]


def test_frequency_and_state_decide_the_rest(engine: Engine) -> None:
    import ibis

    groups = [
        # An unassigned service above 32768, reached from many ports, of which one is assigned.
        *((6, 45000 + at, 41230, 5, None) for at in range(20)),
        (6, 41230, 36865, 7, None),
        # Equally frequent: 5000 is assigned, 5002 too; 3000 has a use on record, 2999 not.
        (17, 8080, 2825, 1, None),
        (17, 40101, 40102, 1, None),
    ]
    columns = {
        "protocol": "int32", "port": "int32", "other": "int32", "flows": "int64", "reach": "string",
    }  # fmt: skip
    table = engine.lookup("pairs", columns, groups)
    lacking = {
        name: ibis.null("int64")
        for name in ("bytes", "packets", "least_bytes", "least_packets", "first", "last")
    }
    held = engine.lookup(
        "side_book", reference_table.COLUMNS, reference_table.entries(range(PORTS), CATALOG)
    )
    made = resolve(
        table.mutate(**lacking, answered=ibis.null("boolean"), spoken=ibis.null("string")), held
    )
    found = {(row["port"], row["other"]): row for row in fetch(engine, made)}
    assert all(found[45000 + at, 41230]["service"] == 41230 for at in range(20))
    assert found[45000, 41230]["side"] == "dst"
    assert found[41230, 36865]["service"] == 41230
    assert found[41230, 36865]["side"] == "src"
    assert found[8080, 2825]["service"] == 8080
    assert found[40101, 40102]["service"] == UNDECIDABLE
    totals = {row["port"]: row["flows"] for row in fetch(engine, regroup(made))}
    assert totals == {41230: 107, 8080: 1, UNDECIDABLE: 1}
