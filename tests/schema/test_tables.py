"""One table gives encoder, decoder and JSON Schema, and the three agree."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import portbook
from portbook import schema
from portbook.catalog.registry.history import KINDS
from portbook.model import (
    Assessment,
    Evidence,
    EvidenceCode,
    Exposure,
    Family,
    Finding,
    KnownService,
    Level,
    Listener,
    Neighbour,
    Note,
    Reachable,
    Scope,
    Socket,
    SocketState,
    Source,
    StatementSource,
    Subject,
    SubjectKind,
    Transport,
)
from portbook.model.finding import FilterKind, NotEvaluated
from portbook.present.render.sockets_json import phrased
from portbook.schema import findings as finding_tables
from portbook.schema import records, sockets
from portbook.schema.codecs import NUMBER, Mismatch, optional
from portbook.schema.findings import FINDING
from portbook.schema.sockets import LISTENER, OWN_NOTE
from portbook.schema.tables import Computing, Field, Table
from tasks import build_json_docs
from tests.cases import for_each
from tests.strategies import (
    answers,
    any_port,
    findings,
    listeners,
    notes,
    processes,
    reachables,
    reports,
    uses,
    values_of,
)
from tests.values import still, worded

TABLES = list(
    dict.fromkeys(
        value
        for module in (records, finding_tables, sockets)
        for value in vars(module).values()
        if isinstance(value, Table) and value.kind is None
    )
)
COMPONENTS = {"components": {"schemas": {each.name: each.json_schema() for each in TABLES}}}
# What can be read back, and how its values are drawn.
READ = {
    "source": values_of(Source),
    "neighbour": values_of(Neighbour, port=any_port),
    "use": uses(),
    "report": reports(),
    "service_meaning": values_of(KnownService, first=any_port, last=any_port),
    "exposure": values_of(Exposure),
    "statement_source": values_of(StatementSource),
    "finding": findings(),
    "owner": processes(),
    "spoken": answers(),
    "own_note": notes(),
    "listener": listeners(),
    "subject": values_of(Subject),
    "reachable": reachables(),
    "not_evaluated": values_of(NotEvaluated),
}
# What the findings are made of, which come along.
NOT_IN_JSON = {
    "owner": {
        "executable_uid",
        "executable_mode",
        "upgraded",
        "activates_executable",
        "cgroup_uid",
    },
    "use": {"family"},
    # Each is told by more than one key, and comes back all the same.
    "finding": {"subject", "evidence"},
}


def valid(table: Table, item: object) -> None:
    import jsonschema

    jsonschema.Draft202012Validator({**table.json_schema(), **COMPONENTS}).validate(item)


def test_every_table_that_names_its_class_is_read_back() -> None:
    assert {table.name for table in TABLES if table.of is not None} == set(READ)


@pytest.mark.parametrize("table", [each for each in TABLES if each.name in READ], ids=str)
@given(data=st.data())
def test_a_value_comes_back_as_it_was(table: Table, data: st.DataObject) -> None:
    value = data.draw(READ[table.name])
    item = json.loads(json.dumps(phrased(table).encode(value)))
    valid(table, item)
    again = table.decode(item)
    assert type(again) is type(value)
    assert still(phrased(table).encode(again)) == still(item)
    assert table.decode(item) == again == table.decode(phrased(table).encode(again))


@pytest.mark.parametrize(
    "value",
    [
        NotEvaluated(FilterKind.XDP, "eth\udcff"),
        Reachable(Scope.NETWORKS, ("\ud800",), ("dport \udcff",), ("in\udcff",)),
        Finding("unknown", Level.NOTE, Subject(SubjectKind.SOCKET, "tcp 0.0.0.0%\udcff:22")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_bytes_that_are_no_text_are_written_out(value: Any) -> None:
    (table,) = [table for table in TABLES if table.of is type(value)]
    written = json.dumps(phrased(table).encode(value), ensure_ascii=False)
    assert "\\\\" in written
    written.encode()  # a lone surrogate is no Unicode


@for_each("table", [each for each in TABLES if each.name in READ], str)
def test_every_field_of_the_class_is_in_its_table(table: Table) -> None:
    paths = {field.attribute for field in table.fields}
    wanted = {
        f"{part}.{name}".lstrip(".")
        for part, kind in (("", table.of), *table.parts.items())
        for name in kind._fields
    }
    assert wanted - set(table.parts) - paths == NOT_IN_JSON.get(table.name, set())


def kinds_of_schema() -> set[str]:
    """The kinds of all objects that stand on their own, of every module of the schema."""
    modules = [
        importlib.import_module(f"{schema.__name__}.{module.name}")
        for module in pkgutil.iter_modules(schema.__path__)
    ]
    tables = [value for module in modules for value in vars(module).values()]
    return {table.kind for table in tables if isinstance(table, Table) and table.kind is not None}


def test_every_object_has_its_table_in_the_documentation() -> None:
    documented = {table.kind for table in build_json_docs.OBJECTS}
    assert len(documented) > 20
    assert kinds_of_schema() == documented


def test_no_object_is_made_by_hand() -> None:
    """Whatever tells its kind is written from a table."""
    by_hand = re.compile(r"""["']schema["']\s*:\s*f?["']portbook/[a-z-]+/""")
    folder = Path(portbook.__file__).parent
    made = [path.name for path in folder.rglob("*.py") if by_hand.search(path.read_text("utf-8"))]
    assert by_hand.search('{"schema": "portbook/port/1"}')
    assert made == []


def test_a_key_that_is_not_there_takes_the_default_or_is_named() -> None:
    item = OWN_NOTE.encode(Note(22, 23, Transport.TCP, "ports.toml"))
    for key in ("whose", "trusted", "label", "units"):
        del item[key]
    assert OWN_NOTE.decode(item) == Note(22, 23, Transport.TCP, "ports.toml")
    for wrong in ({**item, "file": None}, {**item, "file": 7}):
        with pytest.raises(Mismatch) as raised:
            OWN_NOTE.decode(wrong)
        assert raised.value.key == "file"
    with pytest.raises(Mismatch, match="not an object"):
        OWN_NOTE.decode([item])


def test_what_may_be_left_out_is_left_out() -> None:
    table = Table("x", "", (Field("a", NUMBER), Field("b", optional(NUMBER), left_out=True)))
    assert table.encode(SimpleNamespace(a=1, b=None)) == {"a": 1}
    assert table.encode(SimpleNamespace(a=1, b=0)) == {"a": 1, "b": 0}
    assert table.json_schema()["required"] == ["a"]


def test_the_api_names_every_shape_that_it_refers_to() -> None:
    from portbook.web.api.openapi import SCHEMAS

    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(SCHEMAS)))
    assert len(named) > 10
    assert named <= set(SCHEMAS)


def test_the_kinds_of_changes_are_those_that_the_registrys_history_has() -> None:
    assert records.CHANGE.json_schema()["properties"]["kind"]["enum"] == [*KINDS]


@pytest.mark.parametrize(
    ("subject", "keys"),
    [
        (None, {"socket": None}),
        (Subject(SubjectKind.SOCKET, "tcp 0.0.0.0:22"), {"socket": "tcp 0.0.0.0:22"}),
        *[
            (Subject(kind, name), {"socket": None, "subject": {"kind": str(kind), "name": name}})
            for kind, name in (
                (SubjectKind.PORT, "22/tcp"),
                (SubjectKind.LINE, "compose.yaml:7"),
                (SubjectKind.EXPECTATION, "portbook.toml 8000-8009/tcp"),
            )
        ],
    ],
)
def test_a_finding_names_what_it_concerns(subject: Subject | None, keys: dict[str, object]) -> None:
    finding = worded("unknown", Level.NOTE, "who is it?", "a row")._replace(subject=subject)
    item = phrased(FINDING).encode(finding)
    assert {key: item[key] for key in ("socket", "subject") if key in item} == keys
    assert FINDING.decode(item) == finding


WEB = Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 3000, SocketState.LISTEN)
FOUND = Finding(
    "known-use",
    Level.NOTE,
    Subject(SubjectKind.SOCKET, "tcp 0.0.0.0:3000"),
    (("uses", ("Grafana",)), ("state", "assigned"), ("services", ("hbci",))),
    (
        Evidence(EvidenceCode.SOCKET, (("state", "listen"),)),
        Evidence(EvidenceCode.REGISTRY, (("state", "assigned"), ("text", "HBCI"))),
    ),
)
FOUND_ITEM: dict[str, Any] = {
    "code": "known-use",
    "level": "note",
    "message": "Commonly on 3000/tcp: Grafana; IANA: hbci.",
    "facts": {"uses": ["Grafana"], "state": "assigned", "services": ["hbci"]},
    "evidence": ["tcp 0.0.0.0:3000 listen", "registry: 3000/tcp assigned, HBCI"],
    "socket": "tcp 0.0.0.0:3000",
}


def test_a_finding_that_is_read_keeps_its_words_beside_its_facts() -> None:
    assert phrased(FINDING).encode(FOUND) == FOUND_ITEM
    again = FINDING.decode(FOUND_ITEM)
    words = worded("known-use", Level.NOTE, FOUND_ITEM["message"], *FOUND_ITEM["evidence"])
    assert again == words._replace(subject=FOUND.subject, facts=(*FOUND.facts, *words.facts))
    assert phrased(FINDING).encode(again) == FOUND_ITEM


def test_what_an_older_or_a_later_version_wrote_of_a_finding_is_read() -> None:
    """Before there were facts, and where there are kinds of them that this version hasn't got."""
    older = {key: FOUND_ITEM[key] for key in ("code", "level", "message", "evidence", "socket")}
    again = FINDING.decode(older)
    assert phrased(FINDING).encode(again) == {**older, "facts": {}}
    known = {"half": 1.5, "list": ["a", 1, True], "none": None}
    facts = {**known, "endless": float("inf"), "deep": {"a": 1}, "lists": [[1]]}
    later = {**FOUND_ITEM, "code": "later", "facts": facts, "more": True}
    again = FINDING.decode(later)
    item = phrased(FINDING).encode(again)
    assert item == {**FOUND_ITEM, "code": "later", "facts": known}


@for_each(
    "key, wrong",
    [
        ("message", None), ("message", 7), ("facts", []), ("evidence", "row"), ("evidence", [7]),
        ("socket", 7), ("code", "no code"), ("level", "grave"),
    ],
)  # fmt: skip
def test_a_finding_that_is_none_is_refused_by_its_key(key: str, wrong: object) -> None:
    with pytest.raises(Mismatch) as raised:
        FINDING.decode({**FOUND_ITEM, key: wrong})
    assert raised.value.key == key


def test_sentences_are_handed_in_by_who_shows_them() -> None:
    with pytest.raises(TypeError, match="computed"):
        FINDING.encode(FOUND)
    with pytest.raises(TypeError, match="computed"):
        LISTENER.encode(Listener(WEB, assessment=Assessment((FOUND,))))
    codes = Computing(lambda _: {"message": lambda finding: finding.code, "evidence": lambda _: []})
    for _ in range(20):  # more than are written before a function is compiled
        assert codes(FINDING).encode(FOUND)["message"] == "known-use"
    assert codes(FINDING) is codes(FINDING)
    assert codes(OWN_NOTE) is OWN_NOTE


@given(listeners())
def test_the_first_objects_are_written_as_those_that_follow(listener: Listener) -> None:
    table = phrased(LISTENER).alone()
    first, *others = (json.dumps(still(table.encode(listener))) for _ in range(20))
    assert others == [first] * 19
