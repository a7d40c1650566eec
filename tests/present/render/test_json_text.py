"""JSON is what the standard library writes, compact and over several lines."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.model import Transport
from portbook.present.render.json_text import compact_pieces, json_line, json_pieces
from tests.patience import PATIENCE

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
def test_a_row_is_one_line(value: Any) -> None:
    assert json_line(value) == json.dumps(value, separators=(",", ":"))


def test_a_python_without_the_encoder_in_c_writes_the_same() -> None:
    value = {"port": 443, "names": ["https", "\u20ac"], "ratio": 0.5, "none": None, "empty": []}
    script = (
        "import sys; sys.modules['_json'] = None\n"
        "from portbook.present.render.json_text import json_line, json_pieces\n"
        f"print(json_line({value!r})); print(*json_pieces({value!r}), sep='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    expected = [json.dumps(value, separators=(",", ":")), json.dumps(value, indent=2)]
    assert done.stdout == "\n".join([*expected, ""])


def test_closed_words_are_text() -> None:
    value = {Transport.TCP: [Transport.UDP]}
    assert "".join(json_pieces(value)) == json.dumps(value, indent=2)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        list(json_pieces({"a": [b"bytes"]}))
    with pytest.raises(TypeError):
        json_line({"a": [b"bytes"]})


def test_a_long_list_comes_in_pieces() -> None:
    rows = [{"port": port, "owners": [{"pid": port}]} for port in range(100)]
    pieces = list(json_pieces({"schema": "portbook/listen/1", "listeners": rows}))
    assert len(pieces) > 100
    assert max(map(len, pieces)) < 200
