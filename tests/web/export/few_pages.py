"""An export of a few pages, for tests of where and how files are written."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from portbook.web.export import other_pages
from portbook.web.export.scope import Scope
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest


@functools.cache
def _page(name: str) -> Callable[[], str]:
    """A page that is rendered once for all tests."""
    return functools.cache(other_pages._pages(None, Scope(), CATALOG)[name])


def export_few(monkeypatch: pytest.MonkeyPatch, names: Iterable[str]) -> None:
    """Besides ports and services, exports have the pages of *names* and one more file."""
    some = {name: _page(name) for name in names}
    monkeypatch.setattr(other_pages, "_pages", lambda _base_url, _scope, _catalog: some)
    monkeypatch.setattr(other_pages, "_static", lambda: ["site.css"])
