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


def _client(folder: Path, **settings: Any) -> TestClient:
    settings.setdefault("store", SQLiteStore(str(folder / "feedback.sqlite3")))
    views = settings.pop("views", None) or StandIn()
    return TestClient(
        create_app(CATALOG, Settings(**settings), views, StandInFiles()),
        base_url="http://127.0.0.1:4905",
        headers=BROWSER,
        follow_redirects=False,
        client=("127.0.0.1", 50000),
    )


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes clients of sites with other settings; each asks as a browser on this machine does."""
    opened: list[TestClient] = []

    def make(**settings: Any) -> TestClient:
        client = _client(tmp_path, **settings)
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


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A local site for the tests of a module that leave it as it was."""
    with _client(tmp_path_factory.mktemp("shared")) as client:
        yield client


@pytest.fixture
def public(make: Make) -> TestClient:
    """A public one."""
    return make(public=True)
