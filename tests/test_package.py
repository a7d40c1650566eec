"""The names that the package itself offers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import portbook
from portbook import Transport, lookup, why
from portbook.errors import InvalidQuery

STUB = Path(portbook.__file__).with_suffix(".pyi")


def test_every_name_is_at_home_where_the_stub_says() -> None:
    told = {
        alias.asname or "": node.module or ""
        if alias.name == alias.asname
        else f"{node.module}:{alias.name}"
        for node in ast.parse(STUB.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes: dict[str, str] = vars(portbook)["_HOMES"]
    assert told == {name: f"portbook.{home}" for name, home in homes.items()}
    for name, home in told.items():
        module, _, there = home.partition(":")
        found = getattr(__import__(module, fromlist=[there or name]), there or name)
        assert getattr(portbook, name) is found
        assert name in dir(portbook)


def test_the_stub_offers_every_name() -> None:
    (listed,) = (
        node.value
        for node in ast.parse(STUB.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert sorted(ast.literal_eval(listed)) == sorted(portbook.__all__)


def test_they_do_what_they_say() -> None:
    found = lookup("80")
    assert isinstance(found, portbook.PortAnswer)
    names = [row.service_name for row in found.standings[Transport.TCP].assignments]
    assert names == ["http", "www", "www-http"]
    with pytest.raises(InvalidQuery):
        why(0)
    with pytest.raises(portbook.PortbookError):
        portbook.parse_query("65536")


def test_another_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        vars(portbook)["__getattr__"]("nosuch")
    assert not hasattr(portbook, "nosuch")
