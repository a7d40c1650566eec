"""One table gives encoder, decoder and JSON Schema, and the three agree."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
from hypothesis import given

from portbook.catalog.registry.history import KINDS
from portbook.schema import records, sockets
from tests.strategies import listeners

TABLES = [value for value in vars(sockets).values() if type(value).__name__ == "Table"]
COMPONENTS = {"components": {"schemas": {each.name: each.json_schema() for each in TABLES}}}


def valid(table: Any, item: object) -> None:
    jsonschema.Draft202012Validator({**table.json_schema(), **COMPONENTS}).validate(item)


@given(listeners())
def test_a_listener_comes_back_as_it_was(listener: Any) -> None:
    item = json.loads(json.dumps(sockets.LISTENER.encode(listener)))
    valid(sockets.LISTENER, item)
    again = sockets.LISTENER.decode(item)
    assert sockets.LISTENER.encode(again) == item


def test_the_api_names_every_shape_that_it_refers_to() -> None:
    from portbook.web.api.schemas import SCHEMAS

    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(SCHEMAS)))
    assert len(named) > 10
    assert named <= set(SCHEMAS)


def test_the_kinds_of_changes_are_those_that_the_registrys_history_has() -> None:
    assert records.CHANGE.json_schema()["properties"]["kind"]["enum"] == [*KINDS]
