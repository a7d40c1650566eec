"""One table gives encoder, decoder and JSON Schema, and the three agree."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.registry.history import KINDS
from portbook.model import (
    Finding,
    Level,
    Listener,
    Neighbour,
    Note,
    Source,
    Subject,
    SubjectKind,
    Transport,
)
from portbook.schema import records, sockets
from portbook.schema.codecs import NUMBER, Mismatch, optional
from portbook.schema.sockets import LISTENER, OWN_NOTE
from portbook.schema.tables import Field, Table
from tests.counts import examples
from tests.strategies import (
    answers,
    any_port,
    findings,
    listeners,
    notes,
    processes,
    reports,
    uses,
    values_of,
)

TABLES = [
    value
    for module in (records, sockets)
    for value in vars(module).values()
    if isinstance(value, Table) and value.kind is None
]
COMPONENTS = {"components": {"schemas": {each.name: each.json_schema() for each in TABLES}}}
# What can be read back, and how its values are drawn.
READ = {
    "source": values_of(Source),
    "neighbour": values_of(Neighbour, port=any_port),
    "use": uses(),
    "report": reports(),
    "finding": findings(),
    "owner": processes(),
    "spoken": answers(),
    "own_note": notes(),
    "listener": listeners(),
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
}


def valid(table: Table, item: object) -> None:
    jsonschema.Draft202012Validator({**table.json_schema(), **COMPONENTS}).validate(item)


def test_every_table_that_names_its_class_is_read_back() -> None:
    assert {table.name for table in TABLES if table.of is not None} == set(READ)


@pytest.mark.parametrize("table", [each for each in TABLES if each.name in READ], ids=str)
@given(data=st.data())
@examples(60)
def test_a_value_comes_back_as_it_was(table: Table, data: st.DataObject) -> None:
    value = data.draw(READ[table.name])
    item = json.loads(json.dumps(table.encode(value)))
    valid(table, item)
    again = table.decode(item)
    assert type(again) is type(value)
    assert table.encode(again) == item


@pytest.mark.parametrize("table", [each for each in TABLES if each.name in READ], ids=str)
def test_every_field_of_the_class_is_in_its_table(table: Table) -> None:
    paths = {field.attribute for field in table.fields}
    wanted = {
        f"{part}.{name}".lstrip(".")
        for part, kind in (("", table.of), *table.parts.items())
        for name in kind._fields
    }
    assert wanted - set(table.parts) - paths == NOT_IN_JSON.get(table.name, set())


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
    from portbook.web.api.schemas import SCHEMAS

    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(SCHEMAS)))
    assert len(named) > 10
    assert named <= set(SCHEMAS)


def test_the_kinds_of_changes_are_those_that_the_registrys_history_has() -> None:
    assert records.CHANGE.json_schema()["properties"]["kind"]["enum"] == [*KINDS]


def test_a_finding_names_its_socket_and_no_other_subject() -> None:
    finding = Finding("unknown", Level.NOTE, "who is it?")
    for subject, name in (
        (Subject(SubjectKind.SOCKET, "tcp 0.0.0.0:22"), "tcp 0.0.0.0:22"),
        (Subject(SubjectKind.PORT, "22/tcp"), None),
        (None, None),
    ):
        assert sockets.FINDING.encode(finding._replace(subject=subject))["socket"] == name


@given(listeners())
@examples(40)
def test_the_first_objects_are_written_as_those_that_follow(listener: Listener) -> None:
    table = LISTENER.alone()
    first, *others = (json.dumps(table.encode(listener)) for _ in range(20))
    assert others == [first] * 19
