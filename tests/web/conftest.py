"""A site to ask, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from portbook.web.app import create_app
from portbook.web.feedback.sqlite import SQLiteStore
from portbook.web.state import Settings
from tests.values import CATALOG
from tests.web.views import StandIn, StandInFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Make = Callable[..., TestClient]

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "user-agent": "Mozilla/5.0"}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes clients of sites with other settings; each asks as a browser on this machine does."""
    opened: list[TestClient] = []

    def make(**settings: Any) -> TestClient:
        settings.setdefault("store", SQLiteStore(str(tmp_path / "feedback.sqlite3")))
        views = settings.pop("views", None) or StandIn()
        app = create_app(CATALOG, Settings(**settings), views, StandInFiles())
        client = TestClient(
            app,
            base_url="http://127.0.0.1:4905",
            headers=BROWSER,
            follow_redirects=False,
            client=("127.0.0.1", 50000),
        )
        client.__enter__()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def local(make: Make) -> TestClient:
    """A local site."""
    return make()


@pytest.fixture
def public(make: Make) -> TestClient:
    """A public one."""
    return make(public=True)
