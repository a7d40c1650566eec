"""The examples in docstrings, each module's as one test."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from portbook.catalog.search import index
from tests.cases import for_each
from tests.values import CATALOG

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parent.parent


def modules() -> list[str]:
    """Every module of the package and the tasks that has examples, by its name."""
    names = []
    for top, package in ((ROOT / "src", "portbook"), (ROOT, "tasks")):
        for path in sorted((top / package).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(top).with_suffix("").parts
                names.append(".".join(parts).removesuffix(".__init__"))
    return names


@for_each("name", modules())
def test_examples_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The catalogs of the examples hold the shipped registry, each with an index of its own, which
    # takes longer to make than all others that they do.
    made = index(CATALOG)
    monkeypatch.setattr("portbook.catalog.search._index", lambda _catalog: made)
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert not result.failed, "see what was printed"
