"""The report of an audit in Chromium: it fits, is readable to all, and reaches for nothing."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from portbook.present.render.audit_html import render_html
from tests.app.audit.asking import ask
from tests.values import CATALOG
from tests.web.browsing import HOSTILE, chromium, grave, reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

HOSTS = (
    *HOSTILE,
    "</style></bdi></table><h1>x",
    "=cmd|' /C calc'!A0",
    "a" * 300,
    "\u05d0\u05d1\u05d2",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report on 600 services, some of them at hosts with hostile names."""
    folder: Path = tmp_path_factory.mktemp("report")
    rng = random.Random(5)
    rows = [
        {"proto": "tcp", "host": host, "port": 301 + at % 7, "bytes": 7}
        for at, host in enumerate(HOSTS)
    ]
    rows += [
        {"proto": rng.choice(("tcp", "udp")), "host": "192.0.2.1", "port": rng.randrange(65536)}
        for _ in range(600)
    ]
    rows += [{"proto": "tcp", "host": "192.0.2.1", "port": -1}]
    path = folder / f"{'<img src=x onerror=self.portbookRan=1>'.replace('/', '')}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "report.html").write_text(render_html(ask(path), CATALOG, 50))
    return (folder / "report.html").as_uri()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_report_fits_and_axe_finds_nothing(
    browser: Any, report: str, width: int, theme: str
) -> None:
    with reader(browser, width=width, color_scheme=theme) as (opened, seen):
        opened.goto(report)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.locator("h1").count() == 1
        assert "a" * 300 in opened.locator(".looks").inner_text()
        assert not grave(opened)
    assert seen.requests == [report]


def test_the_report_needs_no_script_and_is_fit_for_paper(browser: Any, report: str) -> None:
    with reader(browser, java_script_enabled=False, color_scheme="dark") as (opened, _):
        opened.goto(report)
        opened.emulate_media(media="print", color_scheme="dark")
        for _ in range(2):
            box = opened.locator("svg").bounding_box()
            assert 200 < box["width"] == box["height"] < 480
        assert opened.pdf(format="A4").startswith(b"%PDF")


def test_the_map_of_the_report_has_words(browser: Any, report: str) -> None:
    with reader(browser) as (opened, _):
        opened.goto(report)
        picture = opened.get_by_role("img", name="All 65,536 ports by traffic")
        assert picture.count() == 1
        said = opened.evaluate("document.getElementById('map-text').textContent")
        assert "have traffic" in said
        assert "301/tcp" in said
        # Every colour of the map is that of the theme.
        assert opened.evaluate(
            "[...document.querySelectorAll('svg path')].every("
            "path => getComputedStyle(path).stroke.startsWith('rgb'))"
        )
