"""Requests as bytes over a socket: what no client library sends, and what comes back."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from portbook.web.http.security import HEADERS
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.web.process import Running

FORM = b"port=305&vote=no&text=killed"


def connect(site: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE)


def exchange(site: Running, sent: bytes, *, half_close: bool = False) -> bytes:
    """What comes back for *sent*, until the server closes."""
    with connect(site) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        return read(connection)


def read(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


def request(method: str, path: str, *more: str, host: str = "127.0.0.1") -> bytes:
    lines = (f"{method} {path} HTTP/1.1", f"Host: {host}", *more, "", "")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def get(path: str, *more: str) -> bytes:
    return request("GET", path, *more)


def post(site: Running) -> bytes:
    host = f"127.0.0.1:{site.port}"
    return FORM_HEAD.format(host=host, length=len(FORM)).encode() + FORM


FORM_HEAD = (
    "POST /feedback HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
)


def check_headers(answer: bytes) -> None:
    """Every header of every answer is there, once."""
    head = answer.partition(b"\r\n\r\n")[0].lower()
    for name, value in HEADERS:
        assert head.count(b"\r\n" + name + b": " + value.lower()) == 1, (name, answer[:400])
