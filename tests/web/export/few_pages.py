"""An export of a few pages, for tests of where and how files are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.web.export import other_pages
from portbook.web.export.scope import Scope
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest


def export_few(monkeypatch: pytest.MonkeyPatch, names: Iterable[str]) -> None:
    """Besides ports and services, exports have the pages of *names* and one more file."""
    pages = other_pages._pages(None, Scope(), CATALOG)
    some = {name: pages[name] for name in names}
    monkeypatch.setattr(other_pages, "_pages", lambda _base_url, _scope, _catalog: some)
    monkeypatch.setattr(other_pages, "_static", lambda: ["site.css"])
