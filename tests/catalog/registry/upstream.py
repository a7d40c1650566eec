"""IANA as a test plays it: small registry files, and a server that answers as it is told."""

from __future__ import annotations

import contextlib
import functools
import itertools
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.update import xml_of
from portbook.catalog.registry.lookup import shipped
from portbook.catalog.update import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from portbook.catalog.registry.lookup import Registry
    from portbook.model import Assignment

LAST = 460  # the small files hold the rows up to this port


@functools.cache
def _rows() -> tuple[Assignment, ...]:
    numbered = itertools.takewhile(  # they stand in the order of their numbers
        lambda row: row.first is not None and row.first <= LAST, shipped().store.all()
    )
    return tuple(row for row in numbered if row.last is not None and row.last <= LAST)


def rows() -> list[Assignment]:
    """The rows of a small registry: all that a plausible one needs."""
    return list(_rows())


def small(
    updated: str = "2026-10-01", change: Callable[[Assignment], Assignment | None] | None = None
) -> bytes:
    """A small file of IANA's shape; *change* changes rows or takes them out."""
    if change is None:
        return _unchanged(updated)
    return xml_of([made for row in _rows() if (made := change(row)) is not None], updated)


@functools.cache
def _unchanged(updated: str) -> bytes:
    return xml_of(_rows(), updated)


class Answer(NamedTuple):
    """One answer of the server: a status, headers, and the body in pieces, sent one by one."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: tuple[bytes, ...] | Iterator[bytes] = ()
    length: int | None = None  # what Content-Length says, if it isn't the truth


class Server(ThreadingHTTPServer):
    """Answers every request by :attr:`answer` and notes what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[str, Mapping[str, str]], Answer] = lambda _path, _headers: Answer()
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.over = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.server_port}/ports.xml"

    def serve_file(self, content: bytes, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda _path, _headers: Answer(headers=named, body=(content,))

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that goes is what half of the tests are about


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, headers))
        answer = self.server.answer(self.path, headers)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(answer.body, tuple):
            length = sum(map(len, answer.body)) if answer.length is None else answer.length
            if answer.status != 304:
                self.send_header("Content-Length", str(length))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        for piece in answer.body:
            self.wfile.write(piece)
        if answer.length is not None:
            self.close_connection = True

    def log_message(self, *_args: object) -> None:
        pass


@contextlib.contextmanager
def serving(certificate: Path | None = None) -> Iterator[Server]:
    """A running server; with TLS if there is a *certificate* with its key."""
    server = Server()
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(path: Path, name: str = "localhost") -> Path:
    """A certificate for *name* with its key, signed by itself, in one file."""
    key = path.with_suffix(".key")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
            f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(path),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


@functools.cache
def small_registry() -> Registry:
    """For the place of the shipped one, so that differences are small too."""
    return validate.read(small("2026-09-12"), "file:x", "2026-09-12").book
