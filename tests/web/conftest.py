"""A site to ask, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from portbook.host.host_reader import THIS_HOST
from portbook.web.app import create_app
from portbook.web.feedback.sqlite import SQLiteStore
from portbook.web.state import Settings
from tests.values import CATALOG
from tests.web.views import StandIn, StandInFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

    Make = Callable[..., TestClient]

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "user-agent": "Mozilla/5.0"}


@pytest.fixture(scope="session", autouse=True)
def time_for_captures() -> Iterator[None]:
    """On a busy machine a capture may take longer than the ten seconds that a site gives it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portbook.web.explain.endpoints.SECONDS", 120.0)
        yield


def _client(folder: Path, **settings: Any) -> TestClient:
    from starlette.testclient import TestClient

    settings.setdefault("store", SQLiteStore(str(folder / "feedback.sqlite3")))
    views = settings.pop("views", None) or StandIn()
    host = settings.pop("host", THIS_HOST)
    return TestClient(
        create_app(CATALOG, Settings(**settings), views, StandInFiles(), host=host),
        base_url="http://127.0.0.1:4905",
        headers=BROWSER,
        follow_redirects=False,
        client=("127.0.0.1", 50000),
    )


def _making(folder: Path) -> Iterator[Make]:
    opened: list[TestClient] = []

    def make(**settings: Any) -> TestClient:
        client = _client(folder, **settings)
        client.__enter__()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes clients of sites with other settings; each asks as a browser on this machine does."""
    yield from _making(tmp_path)


@pytest.fixture(scope="module")
def make_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Makes the same for the tests of a module that leave them as they were."""
    yield from _making(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def local(make: Make) -> TestClient:
    """A local site."""
    return make()


@pytest.fixture(scope="module")
def shared(make_shared: Make) -> TestClient:
    """A local site for the tests of a module that leave it as it was."""
    return make_shared()


@pytest.fixture
def public(make: Make) -> TestClient:
    """A public one."""
    return make(public=True)
