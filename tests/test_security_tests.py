"""The tests that docs/security.md names for its promises are there, and try what it says."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROWS = [
    line
    for line in (ROOT / "docs" / "security.md").read_text().partition("## How this is tested")[2]
    .splitlines()
    if line.startswith("| ") and "::" in line
]  # fmt: skip


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_the_promises_are_many() -> None:
    assert len(ROWS) >= 24


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip().replace(" ", "-"))
def test_each_promise_has_its_tests(row: str) -> None:
    named = _NAMED.findall(row)
    assert len(named) == row.count("::")
    for path, function in named:
        assert function.startswith("test_")
        assert function in functions(path), f"{path} has no {function}"
