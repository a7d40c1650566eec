"""What curl prints on a terminal: no name that means harm reaches it as more than text."""

from __future__ import annotations

import random
import subprocess
import unicodedata
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

import pytest

from portbook.model import State, Transport
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.needs import need_program
from tests.values import CATALOG
from tests.web.hostile import evil_process, hostile_texts, spoiled_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.process import Running

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("network_of_module")]
COUNT = 300 if PROOF else 28
# The marks that turn the direction of text: Unicode's UAX 9.
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Spoiled(NamedTuple):
    site: Running
    texts: dict[int, str]
    port: int  # a process listens on it that is named to do harm


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoiled]:
    need_program("curl")
    chance = random.Random(12)
    book = CATALOG.registry
    ports = [
        port for port in range(1, 49152)
        if book.standings(port)[Transport.TCP].state is State.ASSIGNED
    ]  # fmt: skip
    texts = dict(zip(chance.sample(ports, COUNT), hostile_texts(COUNT, chance), strict=True))
    rows = {str(port): text for port, text in texts.items()}
    folder = tmp_path_factory.mktemp("spoiled")
    with (
        evil_process(tmp_path_factory.mktemp("named")) as port,
        spoiled_site(folder, rows, "--show-commands") as site,
    ):
        yield Spoiled(site, texts, port)


def _curl(spoiled: Spoiled, *paths: str, options: tuple[str, ...] = ()) -> str:
    """What curl prints of every one of *paths*, with the headers."""
    token = ("-H", f"Authorization: Bearer {spoiled.site.token}") if spoiled.site.token else ()
    urls = [f"{spoiled.site.url}{path}" for path in paths]
    command = ["curl", "-s", "-i", "--path-as-is", *token, *options, *urls]
    done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)
    assert done.stdout.count(b"HTTP/1.1 ") >= len(paths)
    return done.stdout.decode()  # all of it is UTF-8


def _raw(printed: str) -> set[str]:
    """What of it a terminal could act on."""
    rest = printed.replace("\r\n", "\n")
    return {
        char for char in set(rest) - {"\n"}
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in BIDI
    }  # fmt: skip


def _asked(text: str) -> str:
    return urllib.parse.quote(text, safe="", errors="surrogateescape")


def test_what_is_looked_for_would_be_found(spoiled: Spoiled) -> None:
    assert {char for text in spoiled.texts.values() for char in _raw(text)} >= set("\x1b\u202e\x85")
    assert _raw("plain\r\n\n") == set()


@pytest.mark.parametrize("form", ["", ".txt", ".md", ".json"])
def test_a_port(spoiled: Spoiled, form: str) -> None:
    printed = _curl(spoiled, *(f"/{port}{form}" for port in spoiled.texts))
    assert "portbookRan" in printed
    assert _raw(printed) == set()


def test_pages_of_many(spoiled: Spoiled) -> None:
    paths = ["/ranges/system", "/ranges/user.txt", "/blocks", "/stats", "/services/ssh", "/about",
             "/changes", "/glossary", "/api/ports?ports=1-200", "/llms.txt", "/metrics",
             "/changes.atom", "/search?q=portbookRan", "/search.json?q=portbookRan"]  # fmt: skip
    assert _raw(_curl(spoiled, *paths)) == set()


@pytest.mark.parametrize(
    "address",
    ["/search?q={}", "/search.json?q={}", "/services/{}", "/services/{}.txt", "/glossary/{}",
     "/ranges/{}", "/{}", "/305/{}", "/305?{}=1", "/api/ports?ports={}", "/api/blocks?state={}",
     "/changes?since={}", "/api/ports/22/{}", "/here/search.json?q={}", "/feedback/thanks?port={}",
     "/static/{}", "/{}.json", "/sitemap-{}.xml", "/search?q=x&limit={}"],
)  # fmt: skip
def test_an_address(spoiled: Spoiled, address: str) -> None:
    """Whatever is wrong with it is said; where it leads is in a header."""
    paths = [address.format(_asked(text)) for text in spoiled.texts.values()]
    for accept in ("*/*", "application/json"):
        printed = _curl(spoiled, *paths, options=("-H", f"Accept: {accept}"))
        assert _raw(printed) == set()


def test_this_machine(spoiled: Spoiled) -> None:
    printed = _curl(spoiled, "/here", "/here.json", f"/here/{spoiled.port}.json")
    assert "onerror" in printed
    assert _raw(printed) == set()
    # And what a stream begins with.
    printed = subprocess.run(
        ["curl", "-s", "-i", "-m", "3", "-H", f"Authorization: Bearer {spoiled.site.token}",
         f"{spoiled.site.url}/here/events"],
        capture_output=True, check=False, timeout=PATIENCE,
    ).stdout.decode()  # fmt: skip
    assert "onerror" in printed
    assert _raw(printed) == set()


def test_a_capture(spoiled: Spoiled) -> None:
    rows = [
        f'tcp LISTEN 0 128 0.0.0.0:{20000 + n} 0.0.0.0:* users:(("{text}",pid={n},fd=3))'
        for n, text in enumerate(spoiled.texts.values())
    ]
    body = "\n".join((*rows, *spoiled.texts.values()))
    for path in ("/api/explain", "/api/explain?format=ss", "/api/explain?format=nmap"):
        printed = subprocess.run(
            ["curl", "-s", "-i", "-H", "Content-Type: text/plain", "--data-binary", "@-",
             f"{spoiled.site.url}{path}"],
            input=body.encode("utf-8", "surrogateescape"), capture_output=True, check=True,
            timeout=PATIENCE,
        ).stdout.decode()  # fmt: skip
        assert printed.startswith("HTTP/1.1 ")
        assert _raw(printed) == set()


@pytest.mark.parametrize("name", ["Accept", "User-Agent", "Origin", "Referer", "If-None-Match"])
def test_a_header(spoiled: Spoiled, name: str) -> None:
    assert spoiled.texts
    for text in spoiled.texts.values():
        if not set(text) & set("\r\n\0"):
            printed = _curl(spoiled, "/99999", "/305.txt", options=("-H", f"{name}: {text}"))
            assert _raw(printed) == set()
