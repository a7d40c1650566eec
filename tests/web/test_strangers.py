"""Who may see this machine, asked as bytes over a socket: what no client library would send."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cases import for_each
from tests.real.needs import need_program
from tests.web.local.test_access import HOST_DATA
from tests.web.process import Running, serving
from tests.web.wire import FORM, check_headers, exchange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("site")) as running:
        yield running


def _lines(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _token(site: Running) -> tuple[str, ...]:
    return (f"Authorization: Bearer {site.token}",) if site.token else ()


# The first line, the headers, what follows them, and the statuses that refuse it.
ASKED: dict[str, tuple[str, tuple[str, ...], bytes, tuple[bytes, ...]]] = {
    "no host": ("GET {path} HTTP/1.1", (), b"", (b"400",)),
    "no host, as of old": ("GET {path} HTTP/1.0", (), b"", (b"403",)),
    "as of old": ("GET {path} HTTP/1.0", ("Host: 127.0.0.1",), b"", (b"403",)),
    "two": ("GET {path} HTTP/1.1", ("Host: 127.0.0.1", "Host: evil.example"), b"", (b"400",)),
    "two of ours": ("GET {path} HTTP/1.1", ("Host: localhost", "Host: localhost"), b"", (b"400",)),
    "two, of old": ("GET {path} HTTP/1.0", ("Host: evil.example", "Host: localhost"), b"",
                    (b"400",)),
    "a name behind brackets": ("GET {path} HTTP/1.1", ("Host: [::1].evil",), b"", (b"400",)),
    "the same with a port": ("GET {path} HTTP/1.1", ("Host: [::1].evil:80",), b"", (b"400",)),
    "a name behind a port": ("GET {path} HTTP/1.1", ("Host: localhost:80.evil",), b"", (b"400",)),
    "a user": ("GET {path} HTTP/1.1", ("Host: localhost@evil.example",), b"", (b"400",)),
    "a list": ("GET {path} HTTP/1.1", ("Host: localhost, evil.example",), b"", (b"400",)),
    "a blank": ("GET {path} HTTP/1.1", ("Host: localhost evil.example",), b"", (b"400",)),
    "a path": ("GET {path} HTTP/1.1", ("Host: localhost/evil.example",), b"", (b"400",)),
    "a NUL": ("GET {path} HTTP/1.1", ("Host: localhost\0.evil.example",), b"", (b"400",)),
    "bytes": ("GET {path} HTTP/1.1", ("Host: localhost\xff",), b"", (b"400",)),
    "folded": ("GET {path} HTTP/1.1", ("Host: localhost", " evil.example"), b"", (b"400",)),
    "a blank before the colon": ("GET {path} HTTP/1.1", ("Host : localhost",), b"", (b"400",)),
    "nothing in it": ("GET {path} HTTP/1.1", ("Host:",), b"", (b"403",)),
    "rebinding": ("GET {path} HTTP/1.1", ("Host: evil.example",), b"", (b"403",)),
    "an escape": ("GET {path} HTTP/1.1", ("Host: local%68ost",), b"", (b"403",)),
    "a whole address": ("GET http://localhost{path} HTTP/1.1", ("Host: evil.example",), b"",
                        (b"403",)),
    "the other way round": ("GET http://evil.example{path} HTTP/1.1", ("Host: evil.example",), b"",
                            (b"403",)),
    "ours in a trailer": ("GET {path} HTTP/1.1", ("Host: evil.example", CHUNKED),
                          b"0\r\nHost: localhost\r\n\r\n", (b"403",)),
    "all of it in a trailer": ("GET {path} HTTP/1.1", (CHUNKED,), b"0\r\nHost: localhost\r\n\r\n",
                               (b"400",)),
    "another site": ("GET {path} HTTP/1.1",
                     ("Host: localhost", "Sec-Fetch-Site: cross-site", CHUNKED),
                     b"0\r\nSec-Fetch-Site: same-origin\r\n\r\n", (b"403",)),
    "a length and chunks": ("GET {path} HTTP/1.1",
                            ("Host: evil.example", CHUNKED, "Content-Length: 3"), b"0\r\n\r\n",
                            (b"400",)),
}  # fmt: skip


@for_each("path", HOST_DATA)
@pytest.mark.parametrize("name", ASKED)
def test_strangers_are_refused(site: Running, path: str, name: str) -> None:
    first, headers, more, statuses = ASKED[name]
    head = _lines(first.format(path=path), *headers, *_token(site), "Connection: close")
    answer = exchange(site, head + more)
    assert answer.startswith(tuple(b"HTTP/1.1 " + status for status in statuses)), answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"listeners" not in answer
    check_headers(answer)


@pytest.mark.parametrize("path", HOST_DATA)
def test_a_token_in_a_trailer_is_none(site: Running, path: str) -> None:
    head = _lines(f"GET {path} HTTP/1.1", "Host: localhost", CHUNKED, "Connection: close")
    answer = exchange(site, head + b"0\r\n" + _lines(*(_token(site) or ("X: y",))))
    if site.token is not None:  # as root alone is there one
        assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "trailer",
    ["Sec-Fetch-Site: same-origin", "Origin: http://127.0.0.1:{port}", "Host: evil.example"],
)
def test_no_trailer_makes_a_form_ours(site: Running, trailer: str) -> None:
    head = _lines(
        "POST /feedback HTTP/1.1",
        f"Host: 127.0.0.1:{site.port}",
        "Content-Type: application/x-www-form-urlencoded",
        CHUNKED,
        "Connection: close",
    )
    body = f"{len(FORM):x}\r\n".encode() + FORM + b"\r\n0\r\n"
    answer = exchange(site, head + body + _lines(trailer.format(port=site.port)))
    assert answer.startswith(b"HTTP/1.1 403 ")


NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen unix:{folder}/http; location / {{ proxy_pass http://127.0.0.1:{port}; }} }}
}}
"""


@pytest.mark.parametrize("path", HOST_DATA)
def test_nginx_as_it_comes_is_noticed(site: Running, path: str, nginx: Path) -> None:
    """It adds no header, and puts the server's own name into Host."""

    def ask(path: str) -> str:
        command = ["curl", "-s", "--unix-socket", str(nginx), "-w", "\n%{http_code}"]
        token = [word for header in _token(site) for word in ("-H", header)]
        url = f"http://ports.example{path}"
        done = subprocess.run([*command, *token, url], capture_output=True, text=True, check=True)
        return done.stdout

    assert ask("/305.json").endswith("\n200")
    refused = ask(path)
    assert refused.endswith("\n403")
    assert "listeners" not in refused


@pytest.fixture(scope="module")
def nginx(site: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    need_program("curl")
    program = need_program("nginx")
    folder = tmp_path_factory.mktemp("nginx")
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=site.port))
    child = subprocess.Popen([program, "-p", str(folder), "-c", str(config), "-e", "stderr"])
    try:
        while not (folder / "http").exists():
            assert child.poll() is None
        yield folder / "http"
    finally:
        child.terminate()
        child.wait()
