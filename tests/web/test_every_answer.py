"""The headers that stand on every answer, on every kind of answer that a server gives."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from portbook.web.app import create_app
from portbook.web.http.security import OWN_RESOURCES
from portbook.web.local.live_events import MOST_STREAMS
from portbook.web.state import Settings
from tests.real.needs import need
from tests.values import CATALOG
from tests.web.process import Running, serving
from tests.web.test_slow_clients import IMPATIENT
from tests.web.views import StandIn, StandInFiles
from tests.web.wire import check_headers, connect, exchange, get, post, request

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOSE = "Connection: close"
A_FORM = "Content-Type: application/x-www-form-urlencoded"
OURS = "Sec-Fetch-Site: same-origin"
ETAG = 'If-None-Match: "{tag}"'


class Kind(NamedTuple):
    """A request, and the status of its answer on a local and on a public site."""

    sent: bytes
    local: int
    public: int


def _kind(sent: bytes, local: int, public: int | None = None) -> Kind:
    return Kind(sent, local, local if public is None else public)


TEXT = "Content-Type: text/plain"
KINDS = {
    "a page": _kind(get("/305", CLOSE), 200),
    "a kept page": _kind(get("/305", CLOSE), 200),
    "JSON": _kind(get("/305.json", CLOSE), 200),
    "text": _kind(get("/305.txt", CLOSE), 200),
    "packed": _kind(get("/305", "Accept-Encoding: gzip", CLOSE), 200),
    "what is known": _kind(get("/305.json", "If-None-Match: *", CLOSE), 304),
    "what is known, by name": _kind(get("/static/site.css", "If-None-Match: *", CLOSE), 304),
    "HEAD": _kind(request("HEAD", "/305", CLOSE), 200),
    "HEAD of nothing": _kind(request("HEAD", "/99999", CLOSE), 404),
    "HEAD of this machine": _kind(request("HEAD", "/here.json", CLOSE), 401, 404),
    "OPTIONS": _kind(request("OPTIONS", "/305", CLOSE), 204),
    "a part": _kind(get("/static/site.css", "Range: bytes=0-9", CLOSE), 200),
    "a style": _kind(get("/static/site.css", CLOSE), 200),
    "a script": _kind(get("/static/site.js", CLOSE), 200),
    "no file": _kind(get("/static/nothing", CLOSE), 404),
    "a file elsewhere": _kind(get("/static/../app.py", CLOSE), 404),
    "an icon": _kind(get("/favicon.ico", CLOSE), 200),
    "a feed": _kind(get("/changes.atom", CLOSE), 200),
    "a map of the site": _kind(get("/sitemap.xml", CLOSE), 200),
    "robots": _kind(get("/robots.txt", CLOSE), 200),
    "health": _kind(get("/healthz", CLOSE), 200),
    "metrics": _kind(get("/metrics", CLOSE), 200),
    "the description": _kind(get("/openapi.json", CLOSE), 200),
    "a redirect": _kind(get("/0305", CLOSE), 308),
    "a redirect of a search": _kind(get("/search?q=305", CLOSE), 303),
    "a redirect by chance": _kind(get("/random", CLOSE), 302),
    "a search": _kind(get("/search?q=ssh", CLOSE), 200),
    "this machine": _kind(get("/here", CLOSE), 401, 404),
    "this machine from elsewhere": _kind(
        request("GET", "/here.json", CLOSE, host="evil.example"), 403, 404
    ),
    "no number": _kind(get("/api/ports?ports=x", CLOSE), 400),
    "no escape": _kind(get("/%", CLOSE), 400),
    "no page": _kind(get("/99999", CLOSE), 404),
    "no page as JSON": _kind(get("/99999.json", CLOSE), 404),
    "another method": _kind(request("DELETE", "/305", CLOSE), 405),
    "no method": _kind(request("BREW", "/305", CLOSE), 400),
    "no way in": _kind(get("/feedback", CLOSE), 405),
    "a vote from elsewhere": _kind(request("POST", "/feedback", A_FORM, CLOSE), 403),
    "a vote of another kind": _kind(request("POST", "/feedback", TEXT, OURS, CLOSE), 415),
    "no vote": _kind(request("POST", "/feedback", A_FORM, OURS, CLOSE), 422),
    "a long vote": _kind(
        request("POST", "/feedback", A_FORM, OURS, "Content-Length: 9999", CLOSE), 413
    ),
    "no capture": _kind(request("POST", "/api/explain", CLOSE), 400),
    "a capture that says nothing": _kind(
        request("POST", "/explain", A_FORM, OURS, "Content-Length: 6", CLOSE) + b"text=x", 422
    ),
    "a capture": _kind(
        request("POST", "/api/explain", TEXT, "Content-Length: 47", CLOSE)
        + b"LISTEN 0 128 127.0.0.1:22 0.0.0.0:* users:((x))",
        200,
    ),
    "a long capture": _kind(
        request("POST", "/api/explain", TEXT, "Content-Length: 9999999", CLOSE), 413
    ),
    "a long address": _kind(get("/" + "a" * 2000, CLOSE), 414),
    "a very long address": _kind(get("/" + "a" * 60_000, CLOSE), 414),
    "a long head": _kind(get("/305", "X: " + "a" * 60_000, CLOSE), 431),
    "a slow head": _kind(b"GET /305 HTTP/1.1\r\nHost:", 408),
    "no host": _kind(b"GET /305 HTTP/1.1\r\n\r\n", 400),
    "of old": _kind(b"GET /305 HTTP/1.0\r\n\r\n", 200),
    "an upgrade": _kind(get("/305", "Upgrade: websocket", "Connection: Upgrade, close"), 200),
    "a tunnel": _kind(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "HTTP/2": _kind(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": _kind(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "garbage": _kind(b"\xff\xfe\0\r\n\r\n", 400),
    "a number that is no length": _kind(request("POST", "/305", "Content-Length: x"), 400),
    "a length and chunks": _kind(
        request("POST", "/305", "Content-Length: 3", "Transfer-Encoding: chunked"), 400
    ),
}


@pytest.fixture(scope="module", params=["local", "public"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, str]]:
    options = ["--public"] if request.param == "public" else []
    with serving(tmp_path_factory.mktemp("site"), *options, program=IMPATIENT) as running:
        yield running, request.param


def _check(answer: bytes) -> None:
    check_headers(answer)
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.count(b"\r\n" + OWN_RESOURCES[0] + b": ") == 1
    assert b"\r\nset-cookie:" not in head
    assert b"\r\nserver:" not in head
    assert b"\r\nx-powered-by:" not in head


@pytest.mark.real
@pytest.mark.parametrize("name", KINDS)
def test_the_headers_stand_on_it(site: tuple[Running, str], name: str) -> None:
    running, kind = site
    if kind == "local" and KINDS[name].local == 401:
        need(running.token is not None, "root alone has a token")
    answer = exchange(running, KINDS[name].sent)
    expected = KINDS[name].public if kind == "public" else KINDS[name].local
    assert answer.startswith(f"HTTP/1.1 {expected} ".encode()), answer[:300]
    _check(answer)


@pytest.mark.real
def test_they_stand_on_what_comes_too_often(site: tuple[Running, str]) -> None:
    running, _ = site
    answers = [exchange(running, post(running), half_close=True) for _ in range(11)]
    assert {answer[9:12] for answer in answers} == {b"303", b"429"}
    for answer in answers:
        _check(answer)


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it follows Linux's sockets")
def test_they_stand_on_streams_and_on_one_too_many(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(tmp_path_factory.mktemp("site")) as running, contextlib.ExitStack() as stack:
        token = [f"Authorization: Bearer {running.token}"] if running.token else []
        for _ in range(MOST_STREAMS):
            stream = stack.enter_context(connect(running))
            stream.sendall(get("/here/events", *token))
            _check(stream.recv(65536))
        answer = exchange(running, get("/here/events", *token, CLOSE))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: " in answer
        _check(answer)


class Broken(StandIn):
    """Pages that fail, and a page for failures that does as well."""

    def stats(self, _: object, site: object) -> str:
        raise RuntimeError("a fault")

    def about(self, _: object, site: object) -> str:
        raise KeyError("another")

    def error(
        self, status: int, title: str, detail: str, site: object, similar: object = ()
    ) -> str:
        if os.environ.get("PORTBOOK_TEST_BROKEN"):
            raise RuntimeError("a fault of the page for faults")
        return "<!doctype html>broken"


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("path", ["/stats", "/about"])
def test_they_stand_on_what_broke(path: str, again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.testclient import TestClient

    if again:
        monkeypatch.setenv("PORTBOOK_TEST_BROKEN", "1")
    client = TestClient(
        create_app(CATALOG, Settings(), Broken(), StandInFiles()), raise_server_exceptions=False
    )
    for method in ("GET", "HEAD"):
        answer = client.request(method, path)
        assert answer.status_code == 500
        assert "fault" not in answer.text.replace("default", "")
        head = "".join(f"\r\n{name}: {value}" for name, value in answer.headers.items())
        _check(head.encode() + b"\r\n\r\n")
