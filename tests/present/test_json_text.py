"""JSON is what the standard library writes, compact and over several lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.model import Transport
from portbook.present.render.json_text import compact_pieces, json_pieces

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(values)
def test_it_is_the_standard_library_s_text(value: Any) -> None:
    assert "".join(json_pieces(value)) == json.dumps(value, indent=2)


@given(values)
def test_compact_it_is_so_too(value: Any) -> None:
    assert "".join(compact_pieces(value)) == json.dumps(value, separators=(",", ":"))


@given(values)
def test_many_items_are_written_as_few_are(value: Any) -> None:
    item = {"rows": [value] * 101}
    assert "".join(compact_pieces(item)) == json.dumps(item, separators=(",", ":"))


def test_closed_words_are_text() -> None:
    value = {Transport.TCP: [Transport.UDP]}
    assert "".join(json_pieces(value)) == json.dumps(value, indent=2)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        list(json_pieces({"a": [b"bytes"]}))


def test_a_long_list_comes_in_pieces() -> None:
    rows = [{"port": port, "owners": [{"pid": port}]} for port in range(100)]
    pieces = list(json_pieces({"schema": "portbook/listen/1", "listeners": rows}))
    assert len(pieces) > 100
    assert max(map(len, pieces)) < 200
