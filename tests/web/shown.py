"""A small server for the browser tests: the pages of one site, under the strict policy.

It serves what :mod:`portbook.web.views` makes and what the panel asks for, and nothing more.
"""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from portbook.answer import ServiceAnswer, answer, answer_port, answer_search
from portbook.here import HereAnswer
from portbook.model import Listener, State, Visibility
from portbook.pages import objects
from portbook.query import Query
from portbook.registry import registry
from portbook.web import drawn, views
from portbook.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
STATIC = Path(views.__file__).parent / "static"
TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
}
SITE = Site(local=True, feedback=True, static_version="1")


class Server(ThreadingHTTPServer):
    """The server; ``listeners`` is what it says that listens, ``votes`` what it was sent."""

    daemon_threads = True
    listeners: tuple[Listener, ...] = ()
    port_page: Callable[[int], str] | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.votes: list[dict[str, list[str]]] = []
        self.changed = threading.Event()

    @property
    def address(self) -> str:
        """The address of the front page, without a slash at its end."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def served() -> Iterator[Server]:
    """A server that runs."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        path, query = unquote(asked.path), parse_qs(asked.query)
        if path.startswith("/static/"):
            self._static(path.removeprefix("/static/"))
        elif path.startswith("/here/") and path.endswith("events"):
            self._events()
        elif path.startswith("/here/"):
            port = int(path.split("/")[2].removesuffix(".json"))
            seen = [each for each in self.server.listeners if each.port == port]
            host = {"listeners": [objects.of_listener(each) for each in seen]}
            body = {"host": {**host, "visibility": "full", "missing": []}}
            self._send(200, json.dumps(body).encode(), "application/json")
        else:
            page = self._page(path, query)
            if page is None:
                page = views.error(404, "Not here", "There are ports from 0 to 65535.", SITE)
                self._send(404, page.encode(), "text/html; charset=utf-8")
            else:
                self._send(200, page.encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.server.votes.append(parse_qs(self.rfile.read(length).decode()))
        page = views.feedback_thanks(SITE, 305)
        self._send(200, page.encode(), "text/html; charset=utf-8")

    def _page(self, path: str, query: dict[str, list[str]]) -> str | None:
        kind, _, name = path.strip("/").partition("/")
        if kind.isdigit() and int(kind) < 65536:
            if self.server.port_page is not None:
                return self.server.port_page(int(kind))
            asked = Query("port", kind, int(kind), int(kind))
            return views.port(answer_port(asked, registry()), SITE)
        if kind == "services":
            found = answer(Query("name", name))
            return views.service(found, SITE) if isinstance(found, ServiceAnswer) else None
        if kind == "search":
            text = query.get("q", [""])[0]
            hits = answer_search(Query("text", text), registry()) if text else None
            return views.search(hits, text, SITE)
        if kind == "ranges":
            return views.range_(name, SITE)
        if kind == "glossary":
            return views.glossary(name or None, SITE)
        if kind == "blocks":
            return views.blocks(SITE, State(query.get("state", ["unassigned"])[0]))
        if kind == "here":
            return views.here(_here(self.server.listeners), SITE)
        pages = {"": views.home, "map": views.map_, "stats": views.stats, "about": views.about,
                 "api": views.api}  # fmt: skip
        return pages[kind](SITE) if kind in pages else None

    def _static(self, name: str) -> None:
        if name in drawn.NAMES:
            body = drawn.draw(name)
        elif (STATIC / name).is_file():
            body = (STATIC / name).read_bytes()
        else:
            self._send(404, b"", "text/plain")
            return
        self._send(200, body, TYPES[name.rpartition(".")[2]])

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-security-policy", POLICY)
        self.send_header("connection", "close")
        self.end_headers()
        try:
            self.wfile.write(b'event: state\ndata: {"listeners":[]}\n\n')
            self.wfile.flush()
            while self.server.changed.wait(20):
                self.server.changed.clear()
                listener = self.server.listeners[0] if self.server.listeners else None
                said = json.dumps({"listener": objects.of_listener(listener)} if listener else {})
                self.wfile.write(f"event: opened\ndata: {said}\n\n".encode())
                self.wfile.flush()
        except OSError:
            pass  # the page was closed
        self.close_connection = True

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _here(listeners: tuple[Listener, ...]) -> HereAnswer:
    standings = {
        (each.port, each.transport): registry().standing(each.port, each.transport)
        for each in listeners
    }
    return HereAnswer(listeners, Visibility.FULL, (), standings, (), ())
