"""The names that the package itself offers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import portbook
from portbook import Transport, lookup, standing, why_bind
from portbook.catalog import Catalog
from portbook.errors import InvalidQuery
from portbook.model import State

STUB = Path(portbook.__file__).with_suffix(".pyi")


def test_every_name_is_at_home_where_the_stub_says() -> None:
    told = {
        alias.name: node.module
        for node in ast.parse(STUB.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes: dict[str, str] = vars(portbook)["_HOMES"]
    assert told == {name: f"portbook.{home}" for name, home in homes.items()}
    for name, home in told.items():
        module = __import__(home or "", fromlist=[name])
        assert getattr(portbook, name) is getattr(module, name)
        assert name in dir(portbook)


def test_they_do_what_they_say() -> None:
    assert [row.service_name for row in lookup(80, Transport.TCP)] == ["http", "www", "www-http"]
    assert standing(305, Transport.UDP).state is State.UNASSIGNED
    with pytest.raises(InvalidQuery):
        why_bind(0, Transport.TCP, Catalog())
    with pytest.raises(portbook.PortbookError):
        portbook.parse_query("65536")


def test_another_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        vars(portbook)["__getattr__"]("nosuch")
    assert not hasattr(portbook, "nosuch")
