"""A site answers from the registry that ``portbook update`` put in use while it ran."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from portbook.catalog import Catalog
from portbook.cli import run
from portbook.web.app import create_app
from portbook.web.state import Settings
from tests.catalog.registry.upstream import small, small_registry
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to update from; what is kept goes to a folder of the test's own."""
    monkeypatch.delenv("PORTBOOK_REGISTRY")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = tmp_path / "ports.xml"
    path.write_bytes(small("2026-11-14"))
    return path


def put_in_use(file: Path) -> int:
    # What is compared with is as small, so that the difference is.
    catalog = Catalog(shipped=small_registry())
    return run(["update", "--from", str(file), "--force"], catalog)


def test_a_catalog_tells_whether_another_registry_is_in_use(update: Path) -> None:
    catalog = Catalog()
    assert catalog.registry.store.as_of != "2026-11-14"
    assert catalog.newer() is None
    assert put_in_use(update) == 0
    newer = catalog.newer()
    assert newer is not None
    assert newer.registry.store.as_of == "2026-11-14"
    assert newer.newer() is None
    assert Catalog(catalog.registry).newer() is None  # it was handed in


def test_a_running_site_takes_the_registry_that_was_put_in_use(update: Path) -> None:
    from starlette.testclient import TestClient

    site = create_app(Catalog(), Settings(public=True, look_again=0.02))
    browser = {"accept": "text/html"}
    with TestClient(site, base_url="http://127.0.0.1:4905", headers=browser) as client:
        before = client.get("/22")
        assert "14 November 2026" not in before.text
        tag = before.headers["etag"]
        assert client.get("/22", headers={"if-none-match": tag}).status_code == 304
        assert put_in_use(update) == 0
        end = time.monotonic() + PATIENCE
        while (after := client.get("/22")).headers["etag"] == tag and time.monotonic() < end:
            time.sleep(0.02)
        assert "14 November 2026" in after.text
        assert client.get("/22", headers={"if-none-match": tag}).status_code == 200
        assert "2026-11-14" in client.get("/22.json").text
        assert client.get("/443").status_code == 200
