"""A thousand texts that mean harm, each in every place where a reader meets text, in Chromium."""

from __future__ import annotations

import json
import random
import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from portbook.model import State, Transport
from tests.counts import PROOF
from tests.values import CATALOG
from tests.web.browsing import chromium, nothing_was_made, reader
from tests.web.hostile import hostile_texts, spoiled_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.process import Running

pytestmark = pytest.mark.real
COUNT = 1000 if PROOF else 21


class Spoiled(NamedTuple):
    """A site, and the text that each port's rows hold."""

    site: Running
    texts: dict[int, str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoiled]:
    chance = random.Random(13)  # the same texts each time: there are enough of them
    book = CATALOG.registry
    ports = [
        port for port in range(1, 49152)
        if book.standings(port)[Transport.TCP].state is State.ASSIGNED
    ]  # fmt: skip
    chosen = chance.sample(ports, COUNT)
    texts = dict(zip(chosen, hostile_texts(COUNT, chance), strict=True))
    folder = tmp_path_factory.mktemp("spoiled")
    rows = {str(port): text for port, text in texts.items()}
    with spoiled_site(folder, rows, "--public") as site:
        yield Spoiled(site, texts)


def _shown(text: str) -> str:
    """What of *text* a page has to show: its longest run that no escape stands in."""
    runs = "".join(char if char.isascii() and char.isprintable() else "\n" for char in text)
    return max((" ".join(run.split()) for run in runs.split("\n")), key=len)


def test_in_the_registry(browser: Any, spoiled: Spoiled) -> None:
    assert spoiled.texts
    with reader(browser) as (opened, _):
        for port, text in spoiled.texts.items():
            opened.goto(f"{spoiled.site.url}/{port}", wait_until="load")
            assert nothing_was_made(opened), (port, text)
            assert _shown(text) in " ".join(opened.locator("main").inner_text().split()), text


def test_as_a_search(browser: Any, spoiled: Spoiled) -> None:
    """Found or not; what a script adds to the page included."""
    with reader(browser, refused=True) as (opened, _):
        assert spoiled.texts
        for text in spoiled.texts.values():
            quoted = urllib.parse.quote(text.replace("\0", ""), errors="surrogatepass")
            answer = opened.goto(f"{spoiled.site.url}/search?q={quoted}", wait_until="load")
            assert answer.status in (200, 400), text
            assert nothing_was_made(opened), text


def test_as_an_address(browser: Any, spoiled: Spoiled) -> None:
    with reader(browser, refused=True) as (opened, _):
        assert spoiled.texts
        for text in list(spoiled.texts.values())[: max(COUNT // 10, 20)]:
            for folder in ("services/", "glossary/", ""):
                quoted = urllib.parse.quote(text, safe="")
                answer = opened.goto(f"{spoiled.site.url}/{folder}{quoted}", wait_until="load")
                assert answer.status in (400, 404, 200), text
                assert nothing_was_made(opened), text


def test_in_what_another_tool_printed(browser: Any, spoiled: Spoiled) -> None:
    """All of them in one capture, as programs, arguments and names of containers."""
    texts = [*spoiled.texts.values()]
    sockets = [
        {"Protocol": "tcp", "LocalAddress": "0.0.0.0", "LocalPort": 20000 + n, "State": "Listen",
         "OwningProcess": n, "ProcessName": text}
        for n, text in enumerate(texts)
    ]  # fmt: skip
    rows = [
        f'tcp LISTEN 0 128 0.0.0.0:{20000 + n} 0.0.0.0:* users:(("{text}",pid={n},fd=3))'
        for n, text in enumerate(texts)
    ]
    with reader(browser, refused=True) as (opened, _):
        for capture in ("\n".join(rows), json.dumps(sockets), "\n".join(texts)):
            opened.goto(f"{spoiled.site.url}/explain")
            opened.get_by_label("What the tool printed").fill(capture)
            opened.get_by_role("button", name="Explain").click()
            opened.wait_for_load_state("load")
            assert nothing_was_made(opened)


def test_on_the_map_and_in_the_search_as_you_type(browser: Any, spoiled: Spoiled) -> None:
    with reader(browser) as (opened, _):
        opened.goto(f"{spoiled.site.url}/")
        for word in ("onerror", "script", "javascript", "76543"):
            opened.locator("#q").fill(word)
            opened.wait_for_timeout(200)
            assert nothing_was_made(opened)
        opened.goto(f"{spoiled.site.url}/map#{next(iter(spoiled.texts))}")
        opened.locator("#map svg").focus()
        opened.locator("#map-now", has_text="assigned").wait_for()
        assert nothing_was_made(opened)
