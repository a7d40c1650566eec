"""Fetching, from a server that plays IANA well and badly."""

from __future__ import annotations

import gzip
import itertools
import threading
from typing import TYPE_CHECKING

import pytest

from portbook.catalog.update.download import fetch
from portbook.catalog.update.source import LARGEST, Validators, read_file
from portbook.errors import InvalidArgument, NotFetched
from tests.cases import for_each
from tests.catalog.registry.upstream import Answer, Server, make_certificate, serving, small
from tests.patience import PATIENCE
from tests.real.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving() as server:
        server.serve_file(small())
        yield server


def refused(server: Server, timeout: float = 20) -> str:
    with pytest.raises(NotFetched) as caught:
        fetch(server.url, timeout=timeout)
    said = str(caught.value)
    assert said.isprintable()
    assert server.url in said
    return said


def test_a_file_comes_as_it_is(server: Server) -> None:
    server.serve_file(small(), ETag='"1"', Last_Modified="Wed, 11 Nov 2026 10:00:00 GMT")
    got = fetch(server.url)
    assert got is not None
    assert got.content == small()
    assert got.url == server.url
    assert got.day == "2026-11-11"
    assert got.validators == Validators('"1"', "Wed, 11 Nov 2026 10:00:00 GMT")
    assert got.plain
    _, headers = server.asked[0]
    assert headers["user-agent"].startswith("portbook/")
    assert "if-none-match" not in headers


def test_what_is_known_is_asked_for_and_not_sent_again(server: Server) -> None:
    def answer(_path: str, headers: Mapping[str, str]) -> Answer:
        same = headers.get("if-none-match") == '"1"' and "if-modified-since" in headers
        return Answer(304) if same else Answer(body=(small(),))

    server.answer = answer
    assert fetch(server.url, Validators('"1"', "Wed, 11 Nov 2026 10:00:00 GMT")) is None
    assert fetch(server.url, Validators('"2"', None)) is not None


def test_a_304_that_nobody_asked_for_is_no_answer(server: Server) -> None:
    server.answer = lambda _path, _headers: Answer(304)
    assert "wasn't asked" in refused(server)


def test_it_is_unpacked(server: Server) -> None:
    server.serve_file(gzip.compress(small()), Content_Encoding="gzip")
    got = fetch(server.url)
    assert got is not None
    assert got.content == small()


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 500, 503])
def test_a_refusal_is_told(server: Server, status: int) -> None:
    server.answer = lambda _path, _headers: Answer(status, body=(b"<html>no</html>",))
    assert f"the answer is {status} " in refused(server)


def test_progress_is_told(server: Server) -> None:
    told: list[tuple[int, int | None]] = []
    fetch(server.url, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(small()), len(small()))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


# -- redirects --------------------------------------------------------------------------------


def test_a_redirect_is_followed(server: Server) -> None:
    def answer(path: str, _headers: Mapping[str, str]) -> Answer:
        return Answer(301, {"Location": "/b.xml"}) if path != "/b.xml" else Answer(body=(small(),))

    server.answer = answer
    got = fetch(server.url)
    assert got is not None
    assert got.content == small()


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "ftp://localhost/x", "FILE:/etc/passwd", "gopher://localhost/"]
)
def test_a_redirect_to_anything_else_is_not_followed(server: Server, to: str) -> None:
    server.answer = lambda _path, _headers: Answer(302, {"Location": to})
    assert "not followed" in refused(server)
    assert len(server.asked) == 1


def test_a_redirect_in_a_circle_ends(server: Server) -> None:
    numbers = itertools.count()
    server.answer = lambda _path, _headers: Answer(302, {"Location": f"/{next(numbers)}"})
    assert "on and on" in refused(server)
    assert len(server.asked) < 20


# -- bodies -----------------------------------------------------------------------------------


def test_a_page_is_not_the_registry(server: Server) -> None:
    server.serve_file(b"<!doctype html><title>Log in</title>", Content_Type="text/html")
    assert "a page (text/html)" in refused(server)


@pytest.mark.parametrize("sent", [0, 1, 1000, -1])
def test_half_a_body_is_told(server: Server, sent: int) -> None:
    server.answer = lambda _path, _headers: Answer(body=(small()[:sent],), length=len(small()))
    assert "before it was whole" in refused(server)


def test_half_of_a_packed_body_is_told(server: Server) -> None:
    server.serve_file(gzip.compress(small())[:-100], Content_Encoding="gzip")
    assert "before it was whole" in refused(server)


def test_what_is_not_packed_though_it_says_so_is_told(server: Server) -> None:
    server.serve_file(small(), Content_Encoding="gzip")
    refused(server)
    server.serve_file(small(), Content_Encoding="br")
    assert "coding" in refused(server)


def test_a_file_that_says_it_is_too_large_is_not_read(server: Server) -> None:
    server.answer = lambda _path, _headers: Answer(body=(b"<",), length=LARGEST + 1)
    assert "larger" in refused(server)


def test_an_endless_file_is_read_no_further_than_a_registry_can_be(server: Server) -> None:
    sent = itertools.count()
    body = (b"x" * 65536 for _ in sent)
    server.answer = lambda _path, _headers: Answer(body=body)
    assert "larger" in refused(server)
    assert next(sent) * 65536 < 2 * LARGEST


def test_a_packed_bomb_is_unpacked_no_further(server: Server) -> None:
    server.serve_file(gzip.compress(b"\0" * 10 * LARGEST), Content_Encoding="gzip")
    assert "larger" in refused(server)


def _slowly(server: Server, sent: int) -> Iterator[bytes]:
    yield small()[:sent]
    while not server.over.wait(0.02):
        yield b" "


def _never(server: Server, sent: int) -> Iterator[bytes]:
    yield small()[:sent]
    server.over.wait(PATIENCE)


@pytest.mark.parametrize("sent", [0, 500])
def test_a_slow_server_does_not_keep_it_for_ever(server: Server, sent: int) -> None:
    server.answer = lambda _path, _headers: Answer(body=_slowly(server, sent))
    assert "more than 0.3 s" in refused(server, timeout=0.3)


@pytest.mark.parametrize("sent", [0, 500])
def test_the_time_is_over_before_the_timer_says_so(
    server: Server, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a busy machine, whose other threads come late."""
    timer = threading.Timer
    monkeypatch.setattr(threading, "Timer", lambda _seconds, end: timer(3600, end))
    server.answer = lambda _path, _headers: Answer(body=_slowly(server, sent))
    assert "more than 0.3 s" in refused(server, timeout=0.3)
    server.answer = lambda _path, _headers: Answer(body=_never(server, sent))
    assert "more than 0.3 s" in refused(server, timeout=0.3)


def test_a_server_that_sends_its_head_byte_by_byte_does_not_either(server: Server) -> None:
    over = []

    def answer(_path: str, _headers: Mapping[str, str]) -> Answer:
        over.append(server.over.wait(PATIENCE))
        return Answer()

    server.answer = answer
    refused(server, timeout=0.3)
    assert over == []


@pytest.mark.usefixtures("own_network")  # nobody else is given the port
def test_nobody_there(server: Server) -> None:
    with serving() as other:
        url = other.url
    with pytest.raises(NotFetched, match="refused"):
        fetch(url)


# -- addresses, proxies, certificates ---------------------------------------------------------


@for_each(
    "url",
    [
        "ftp://example.org/x", "https://", "https://example.org:0/", "https://example.org:x/",
        "file:///etc/passwd", "https://user:secret@example.org/", "https://[::1/", "https://a b/",
        "https://example.org/\u00e9", "https://example.org/\r\nHost: x", "http:/x", "x",
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        fetch(url)
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)


def test_a_proxy_is_asked_where_one_is_set(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://localhost:{server.server_port}")
    got = fetch("http://registry.example/ports.xml")
    assert got is not None
    assert server.asked[0][0] == "http://registry.example/ports.xml"
    monkeypatch.setenv("NO_PROXY", "registry.invalid")
    with pytest.raises(NotFetched):
        fetch("http://registry.invalid/ports.xml")
    assert len(server.asked) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_program("openssl")
    return make_certificate(tmp_path_factory.mktemp("tls") / "localhost.pem")


@pytest.mark.real
def test_a_certificate_is_verified(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(certificate) as server:
        server.serve_file(small())
        assert "certificate is not to be trusted" in refused(server)
        assert not server.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        got = fetch(server.url)
        assert got is not None
        assert got.content == small()
        assert not got.plain
        # The right certificate of another name is a wrong one.
        server.scheme = "https"
        with pytest.raises(NotFetched, match="certificate is not to be trusted"):
            fetch(server.url.replace("localhost", "127.0.0.1"))


@pytest.mark.real
def test_a_redirect_from_https_to_http_is_not_followed(
    certificate: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(certificate) as secure:
        secure.answer = lambda _path, _headers: Answer(302, {"Location": server.url})
        assert "not followed" in refused(secure)
    assert not server.asked


def test_an_authority_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="SSL_CERT_FILE"):
        fetch("https://localhost:1/", env={"SSL_CERT_FILE": str(tmp_path / "none.pem")})


# -- files ------------------------------------------------------------------------------------


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_bytes(small())
    got = read_file(str(path))
    assert got.content == small()
    assert got.url == f"file:{path}"
    assert len(got.day) == 10


@pytest.mark.parametrize("name", ["none.xml", ".", "\0"])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFetched) as caught:
        read_file(f"{tmp_path}/{name}")
    assert str(caught.value).isprintable()


def test_a_device_that_never_ends_is_not_read_for_ever() -> None:
    with pytest.raises(NotFetched, match="larger"):
        read_file("/dev/zero")
