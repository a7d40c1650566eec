"""The files that pages load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portbook.web.app import create_app
from portbook.web.assets.files import MEDIA
from portbook.web.state import Settings, read_static
from tests.values import CATALOG
from tests.web.asking import app_of
from tests.web.views import StandIn, StandInFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "static" / "deep").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    (tmp_path / "static" / "site.js").write_text("'use strict';")
    (tmp_path / "static" / "deep" / "icon.svg").write_text("<svg/>")
    (tmp_path / "static" / "secret.py").write_text("")
    (tmp_path / "templates" / "port.html").write_text("{{ port }}")
    (tmp_path / "outside.js").write_text("")
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    from starlette.testclient import TestClient

    app = create_app(CATALOG, Settings(), StandIn(), StandInFiles(), folder=str(folder))
    with TestClient(app, base_url="http://127.0.0.1:4905") as found:
        yield found


def test_files_are_served_as_what_they_are(client: TestClient) -> None:
    found = client.get("/static/site.js")
    assert (found.text, found.headers["content-type"]) == ("'use strict';", MEDIA["js"])
    assert client.get("/static/deep/icon.svg").headers["content-type"] == "image/svg+xml"
    assert found.headers["etag"]


def test_with_its_version_a_file_is_kept_for_good(client: TestClient) -> None:
    version = app_of(client).context.site.static_version
    kept = client.get(f"/static/site.js?v={version}")
    assert "immutable" in kept.headers["cache-control"]
    for query in ("", "?v=old", "?x=1"):
        found = client.get(f"/static/site.js{query}")
        assert found.status_code == 200
        assert "immutable" not in found.headers["cache-control"]


@pytest.mark.parametrize(
    "name",
    ["none.js", "secret.py", "../outside.js", "%2e%2e/outside.js", "deep", "", "/etc/passwd"],
)
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code in (308, 404)


def test_pictures_stand_beside_them(client: TestClient) -> None:
    found = client.get("/static/map.png")
    assert (found.content[:13], found.headers["content-type"]) == (b"drawn map.png", "image/png")
    assert client.get("/static/search-index.js").headers["content-type"] == MEDIA["js"]


def test_the_version_changes_with_files_and_templates(folder: Path) -> None:
    versions = [read_static(CATALOG, str(folder))[1]]
    for path in ("static/site.js", "templates/port.html"):
        (folder / path).write_text("changed")
        versions.append(read_static(CATALOG, str(folder))[1])
    (folder / "static" / "site.js").rename(folder / "static" / "other.js")
    versions.append(read_static(CATALOG, str(folder))[1])
    assert len(set(versions)) == 4
    assert read_static(CATALOG, str(folder))[1] == versions[-1]


def test_every_file_of_ours_has_a_media_type() -> None:
    files, _ = read_static(CATALOG)
    assert {name.rpartition(".")[2] for name in files} <= set(MEDIA)
