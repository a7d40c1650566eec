"""What is kept: tags, 304, codings, and a bound on the memory it takes."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.web.app import create_app
from portbook.web.http.cache import PIECE, Cache
from portbook.web.http.entry import CODINGS, Entry, compress
from portbook.web.http.negotiation import Form
from portbook.web.site_config import Site
from portbook.web.state import Settings, build_of
from tests.machine import Machine, bound
from tests.values import AS_OF, CATALOG
from tests.web.asking import app_of, ask
from tests.web.views import Broken

if TYPE_CHECKING:
    from starlette.testclient import TestClient
    from starlette.types import Message

    from portbook.web.http.metrics import Metrics
    from tests.web.conftest import Make


def _entry(size: int) -> Entry:
    return Entry((), b"x" * size, 0, b'"t"', ())


def test_a_page_is_made_once(local: TestClient) -> None:
    metrics = app_of(local).context.metrics
    first, second = local.get("/305"), local.get("/305")
    assert (metrics.hits, metrics.misses) == (1, 1)
    assert first.content == second.content
    assert first.headers == second.headers


@pytest.mark.parametrize("coding", ["", *CODINGS])
def test_a_page_that_is_made_without_a_request_is_what_a_request_gets(coding: str) -> None:
    from starlette.testclient import TestClient

    made, asked = (create_app(CATALOG, Settings(public=True)) for _ in range(2))
    client = TestClient(asked)
    wishes = {"accept": "text/html", "accept-encoding": coding or "identity"}
    as_sent = [(name.encode(), value.encode()) for name, value in wishes.items()]
    ports = (0, 22, 443, 8080, 20006, 61000, 65535)
    for port in ports:
        entry = made.find(b"/%d" % port, as_sent, make=True)
        client.get(f"/{port}", headers=wishes)
        kept = asked.find(b"/%d" % port, as_sent)
        assert entry is not None
        assert kept is not None
        assert sorted(entry.headers) == sorted(kept.headers)
        assert sorted(entry.headers_304) == sorted(kept.headers_304)
        assert entry.raw[entry.body_at :] == kept.raw[kept.body_at :]
        assert (entry.tag, entry.any_query) == (kept.tag, kept.any_query)
    assert (made.metrics.misses, made.metrics.hits) == (len(ports), 0)
    assert made.find(b"/22?from=there", as_sent) is not None
    assert made.metrics.answers == {200: len(ports) + 1}


def test_what_isnt_the_page_of_a_port_needs_a_request() -> None:
    made = create_app(CATALOG, Settings(public=True))
    html = [(b"accept", b"text/html")]
    for target in (
        b"/",
        b"/0443",
        b"/65536",
        b"/99999",
        b"/443.json",
        b"/443/",
        b"/443/tcp",
        b"/x",
    ):
        assert made.find(target, html, make=True) is None
    for wishes in ([(b"accept", b"application/json")], [*html, (b"if-none-match", b"*")]):
        assert made.find(b"/443", wishes, make=True) is None
    assert made.find(b"/443", html) is None
    assert len(made.cache) == made.metrics.misses == 0


def test_a_page_that_breaks_is_left_to_the_application() -> None:
    made = create_app(CATALOG, Settings(public=True), Broken())
    assert made.find(b"/443", [(b"accept", b"text/html")], make=True) is None
    assert len(made.cache) == made.metrics.misses == 0


@pytest.mark.parametrize("path", ["/305", "/305.json", "/305.txt", "/api/stats", "/openapi.json"])
def test_who_has_it_is_told_so(local: TestClient, path: str) -> None:
    found = local.get(path)
    tag = found.headers["etag"]
    assert tag.startswith('"')  # strong
    again = local.get(path, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert again.headers["vary"] == found.headers["vary"]
    assert again.headers["content-security-policy"]
    assert "content-type" not in again.headers
    assert local.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    assert local.get(path, headers={"if-none-match": "*"}).status_code == 304


def test_a_tag_names_the_bytes(local: TestClient) -> None:
    """Another form or another coding of one address has another tag."""
    tags = {
        (form, coding): local.get(
            "/305", headers={"accept": form, "accept-encoding": coding}
        ).headers["etag"]
        for form in ("text/html", "application/json", "text/plain", "text/markdown")
        for coding in ("identity", *CODINGS)
    }
    assert len(set(tags.values())) == len(tags)


def test_the_tag_changes_with_what_it_is_made_of(tmp_path: object) -> None:
    site = Site(AS_OF)
    assert build_of("a", site) == build_of("a", site)
    assert build_of("a", site) != build_of("b", site)
    assert build_of("a", site) != build_of("a", site._replace(public=True))


def test_what_is_missing_has_no_tag_and_is_never_304(local: TestClient) -> None:
    missing = local.get("/99999", headers={"if-none-match": "*"})
    assert missing.status_code == 404
    assert "etag" not in missing.headers


@pytest.mark.parametrize("coding", CODINGS)
def test_codings(local: TestClient, coding: str) -> None:
    plain = local.get("/305.txt", headers={"accept-encoding": "identity"})
    packed = local.get("/305.txt", headers={"accept-encoding": coding})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == coding
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 1.5
    assert packed.text == plain.text
    assert "accept-encoding" in packed.headers["vary"]
    assert "accept-encoding" in plain.headers["vary"]


def test_gzip_is_the_same_every_time() -> None:
    assert compress(b"a" * 5000, "gzip") == compress(b"a" * 5000, "gzip")
    assert gzip.decompress(compress(b"a" * 5000, "gzip")) == b"a" * 5000


@pytest.mark.parametrize("path", ["/305", "/305.json", "/robots.txt", "/here.json", "/99999", "/"])
def test_head_is_get_without_the_body(local: TestClient, path: str) -> None:
    for _ in range(2):  # made, then kept
        head, get = local.head(path), local.get(path)
        assert head.status_code == get.status_code
        assert head.content == b""
        if path != "/here.json":  # it holds the moment
            assert head.headers.get("content-length") == get.headers.get("content-length")
        assert head.headers.get("etag") == get.headers.get("etag")


def _misses(client: TestClient) -> int:
    metrics: Metrics = app_of(client).context.metrics
    return metrics.misses


@pytest.mark.parametrize("path", ["/305", "/305.json", "/services/ssh", "/stats", "/map", "/about"])
def test_a_query_that_means_nothing_makes_no_second_copy(local: TestClient, path: str) -> None:
    """Else anybody could have each page made again and again, and the others pushed out."""
    first = local.get(path)
    for query in ("x=1", "x=2", "", "utm_source=a&utm_medium=b"):
        again = local.get(f"{path}?{query}")
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["etag"] == first.headers["etag"]
    assert _misses(local) == 1


@pytest.mark.parametrize("path", ["/305", "/about"])
def test_a_page_that_was_made_for_such_a_query_is_kept_for_all(
    local: TestClient, path: str
) -> None:
    assert local.get(f"{path}?x=1").content == local.get(path).content
    assert _misses(local) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/search", "/search?q=ssh"),
        ("/search?q=ssh", "/search?q=http"),
        ("/%73earch?q=ssh", "/%73earch?q=http"),
        ("/blocks", "/blocks?state=reserved"),
        ("/changes", "/changes?since=2025"),
        ("/api/blocks", "/api/blocks?range=system"),
        ("/api/changes", "/api/changes?since=2025"),
        ("/api/ports?ports=22", "/api/ports?ports=80"),
        ("/search.json?q=ssh", "/search.json?q=ssh&limit=1"),
    ],
)
def test_a_query_that_means_something_has_its_own_answer(
    local: TestClient, one: str, other: str
) -> None:
    for _ in range(2):  # made, then kept
        assert local.get(one).text != local.get(other).text
    assert _misses(local) == 2


def test_a_query_that_is_refused_stays_refused(local: TestClient) -> None:
    for path in ("/api/stats", "/blocks", "/changes", "/api/blocks"):
        assert local.get(path).status_code == 200
        assert local.get(f"{path}?x=1").status_code == 400


def test_searches_push_no_page_out() -> None:
    keeping = create_app(CATALOG, Settings())

    async def ask_a_lot() -> None:
        await ask(keeping, "/305", accept="text/html")
        for number in range(3000):
            key = (f"/search?q={number}".encode(), Form.HTML, "")
            keeping._put(key, _entry(10_000))
        misses = keeping.metrics.misses
        await ask(keeping, "/305", accept="text/html")
        assert keeping.metrics.misses == misses

    asyncio.run(ask_a_lot())
    count, size = keeping.kept
    assert 100 < count < 300
    assert size <= keeping.cache.budget + keeping.queries.budget == 24 << 20


@pytest.mark.parametrize("name", ["site.css", "search-index.js"])
def test_a_file_with_a_query_that_names_no_version_is_not_kept(
    local: TestClient, name: str
) -> None:
    version = app_of(local).context.site.static_version
    plain = local.get(f"/static/{name}")
    kept = local.get(f"/static/{name}?v={version}")
    assert "immutable" in kept.headers["cache-control"]
    assert "immutable" not in plain.headers["cache-control"]
    misses = _misses(local)
    for query in ("v=1", "x", f"v={version}&x=1"):
        other = local.get(f"/static/{name}?{query}")
        assert other.content == plain.content == kept.content
        assert "immutable" not in other.headers["cache-control"]
    assert _misses(local) == misses


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20_000)), max_size=80))
def test_the_cache_stays_within_its_budget(puts: list[tuple[int, int]]) -> None:
    cache = Cache(100_000)
    for name, size in puts:
        key = (str(name).encode(), Form.HTML, "")
        cache.put(key, _entry(size))
        assert cache.size <= cache.budget
        assert cache.size == sum(entry.size for entry in cache._entries.values())


def test_the_longest_unused_goes_first() -> None:
    cache = Cache(10 * _entry(5000).size)
    keys = [(str(n).encode(), Form.HTML, "") for n in range(11)]
    for key in keys[:10]:
        cache.put(key, _entry(5000))
    assert cache.get(keys[0]) is not None
    cache.put(keys[10], _entry(5000))
    assert cache.get(keys[1]) is None
    assert cache.get(keys[0]) is not None
    assert len(cache) == 10


@pytest.mark.parametrize("path", ["/api/ports?ports=0-255", "/here.json"])
def test_a_long_body_is_sent_in_pieces(make: Make, path: str) -> None:
    """What a client doesn't read isn't held for it: before a piece the server waits for it."""
    local = make(host=Machine(bound(port) for port in range(8000, 8100)))
    whole = local.get(path, headers={"accept-encoding": "identity"})
    assert int(whole.headers["content-length"]) == len(whole.content)

    async def ask() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        target, _, query = path.partition("?")
        scope = {
            "type": "http", "method": "GET", "path": target, "raw_path": target.encode(),
            "query_string": query.encode(), "headers": [(b"host", b"127.0.0.1:4905")],
            "client": ("127.0.0.1", 50000), "http_version": "1.1", "scheme": "http",
        }  # fmt: skip
        await local.app(scope, receive, send)
        return sent

    for _ in range(2):  # made, then kept
        start, *pieces = asyncio.run(ask())
        assert start["status"] == 200
        assert len(pieces) > 1
        assert all(len(each["body"]) <= PIECE for each in pieces)
        assert [each["more_body"] for each in pieces] == [True] * (len(pieces) - 1) + [False]
        body = b"".join(each["body"] for each in pieces)
        assert int(dict(start["headers"])[b"content-length"]) == len(body)
        assert json.loads(body)["schema"]


def test_what_is_huge_is_not_kept() -> None:
    cache = Cache(100_000)
    cache.put((b"/", Form.HTML, ""), _entry(50_000))
    assert len(cache) == 0
