"""JSON over several lines is what the standard library writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.model import Transport
from portbook.present.render.json_text import json_pieces

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(values)
def test_it_is_the_standard_library_s_text(value: Any) -> None:
    assert "".join(json_pieces(value)) == json.dumps(value, indent=2)


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
