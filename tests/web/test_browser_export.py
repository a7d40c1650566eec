"""The exported site in Chromium, opened from a folder: no server stands behind it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

from portbook.web.export.site import Plan, export
from tests.values import CATALOG
from tests.web.browsing import chromium, grave, reader

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some ports, the services on them, and every other page."""
    made = tmp_path_factory.mktemp("a folder with ünusual letters")
    export(Plan(str(made), 21, 310), CATALOG, lambda _: None)
    return made


def test_search_and_links_work_from_a_folder(browser: Any, folder: Path) -> None:
    with reader(browser) as (opened, _):
        opened.goto((folder / "index.html").as_uri())
        opened.keyboard.press("/")
        opened.keyboard.type("ssh")
        opened.locator("#hits li").first.wait_for()
        opened.keyboard.press("ArrowDown")
        opened.keyboard.press("Enter")
        opened.wait_for_url("**/services/ssh.html")
        opened.get_by_role("link", name="22", exact=True).first.click()
        opened.wait_for_url("**/22.html")
        opened.locator("a[rel=next]").first.click()
        opened.wait_for_url("**/23.html")
        opened.keyboard.press("ArrowLeft")
        opened.wait_for_url("**/22.html")
        opened.locator("#q").fill("305")
        opened.keyboard.press("Enter")
        opened.wait_for_url("**/305.html")
        assert opened.locator("#feedback, #machine").count() == 0
        assert not grave(opened)


def test_the_page_of_a_search_works_from_a_folder(browser: Any, folder: Path) -> None:
    with reader(browser) as (opened, _):
        opened.goto((folder / "index.html").as_uri())
        opened.locator("#q").fill("secure shell")
        opened.get_by_role("button", name="Search").click()
        opened.locator("#results li").first.wait_for()
        assert "ssh" in opened.locator("#results").inner_text()
        opened.goto((folder / "search.html").as_uri() + "?q=%3Cimg%20src%3Dx%20onerror%3Dx%3E")
        opened.get_by_role("heading", name="Nothing on ports 21–310 matches").wait_for()
        assert opened.locator("main img").count() == 0


def test_the_map_works_from_a_folder(browser: Any, folder: Path) -> None:
    with reader(browser) as (opened, _):
        opened.goto((folder / "305.html").as_uri())
        opened.get_by_role("link", name="on the map").click()
        opened.wait_for_url("**/map.html#305")
        opened.locator("#map svg").focus()
        now = opened.locator("#map-now")
        now.get_by_text("unassigned").wait_for()
        for _ in range(3):
            opened.keyboard.press("ArrowRight")
        now.get_by_text("assigned: novastorbakcup").wait_for()
        opened.keyboard.press("Enter")
        opened.wait_for_url("**/308.html")


def test_every_page_of_a_folder_fits_a_phone(browser: Any, folder: Path) -> None:
    with reader(browser, width=320) as (opened, _):
        for path in [*sorted(folder.glob("[a-z]*.html")), folder / "services" / "914c~2fg.html"]:
            opened.goto(path.as_uri())
            assert opened.locator("h1").is_visible()
            assert opened.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert opened.locator("h1").inner_text().startswith("914c/g is port ")


def test_what_a_folder_leaves_out_is_not_led_to(browser: Any, folder: Path) -> None:
    """Neither by search nor by the map, the strip or the arrow keys; and search says why."""
    with reader(browser) as (opened, _):
        opened.goto((folder / "310.html").as_uri())
        opened.keyboard.press("ArrowRight")
        box = opened.locator(".strip").bounding_box()
        opened.mouse.click(box["x"] + box["width"] * 60.5 / 64, box["y"] + 10)
        opened.locator("#q").fill("rtsp")
        opened.wait_for_timeout(200)
        assert opened.locator("#hits li").count() == 0
        opened.keyboard.press("Enter")
        opened.wait_for_url("**/search.html?q=rtsp")
        opened.get_by_text("Nothing on ports 21–310 matches “rtsp”").wait_for()
        opened.locator("#q").fill("4905")
        opened.keyboard.press("Enter")
        opened.wait_for_url("**/search.html?q=4905")
        opened.get_by_text("matches “4905”").wait_for()
        opened.goto((folder / "map.html").as_uri() + "#443")
        opened.locator("#map-now", has_text="https").wait_for()
        opened.locator("#map svg").focus()
        opened.keyboard.press("Enter")
        assert opened.locator("#map-now a").count() == 0
        assert opened.url.endswith("map.html#443")


def test_every_link_of_a_folder_leads_somewhere(browser: Any, folder: Path) -> None:
    """As the browser resolves them."""
    with reader(browser) as (opened, _):
        for name in ("index.html", "305.html", "services/ssh.html", "ranges/system.html"):
            opened.goto((folder / name).as_uri())
            links = opened.evaluate("[...document.links].map((link) => link.href)")
            found = {unquote(urlsplit(each).path) for each in links if each.startswith("file:")}
            assert len(found) > 8
            for path in map(Path, found):
                assert path.is_relative_to(folder), path
                assert path.is_file(), path
