"""One table gives encoder, decoder and JSON Schema, and the three agree."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import given

from portbook.schema import sockets
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
