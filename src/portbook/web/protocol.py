"""HTTP connections as uvicorn has them, with two changes.

What is kept is sent from here: a request for it becomes no ASGI request, no task and no walk
through layers, which takes two thirds of the time that it would (``benchmarks/web.py``).

And a client can't keep things waiting. uvicorn waits for ever for a request that comes in byte by
byte and for a reader that doesn't read, and holds a head of any size in memory. Each is bounded
here, and the answers to what is no HTTP carry the same headers as all others.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from portbook.web.caching import Keeping
from portbook.web.security import HEADERS, OWN_RESOURCES

if TYPE_CHECKING:
    import asyncio
    from asyncio import TimerHandle

LARGEST_HEAD = 32 << 10  # bytes of address and headers together
HEAD_SECONDS = 10.0  # for the head of a request to come in, from its first byte
READ_SECONDS = 30.0  # for a client that doesn't read to read again


class PatientProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        app = self.config.app
        self._keeping = app if isinstance(app, Keeping) else None
        self._head_bytes = 0
        self._in_head = False
        self._answered = False  # from what is kept
        self._refused = False
        self._last = 0.0  # when a request began last, in the loop's time
        self._idle: TimerHandle | None = None
        self._waiting: TimerHandle | None = None
        self._unread: TimerHandle | None = None

    def _cycle(self) -> RequestResponseCycle | None:
        """The request that is being answered; None before the first, whatever the type says."""
        return self.cycle

    # -- what is kept -------------------------------------------------------------------------

    def on_headers_complete(self) -> None:
        """The head is whole: it is answered at once, or becomes an ASGI request."""
        self._in_head = False
        self._stop_waiting()
        if not self._refused and not self._answer():
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers += headers  # the list is in the scope by now
            super().on_headers_complete()

    def _answer(self) -> bool:
        cycle = self._cycle()
        if (
            self._keeping is None
            or self.parser.get_method() != b"GET"
            or self.parser.should_upgrade()
            # An earlier request on this connection isn't answered yet, or not read.
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.transport.is_closing()
        ):
            return False
        entry = self._keeping.find(self.url, self.headers)
        if entry is None:
            return False
        self._answered = True
        parts = [b"HTTP/1.1 200 OK\r\n"]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        keep = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        if not keep:
            parts.append(b"connection: close\r\n")
        parts.append(entry.raw)
        self.transport.write(b"".join(parts))
        self.server_state.total_requests += 1
        if not keep:
            self.transport.close()
        elif self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._check_idle)
        return True

    def _check_idle(self) -> None:
        """Closes a connection that is idle. One timer serves many requests, each moves its end."""
        self._idle = None
        left = self._last + self.timeout_keep_alive - self.loop.time()
        cycle = self._cycle()
        if self._in_head or (cycle is not None and not cycle.response_complete):
            left = self.timeout_keep_alive
        if left <= 0:
            self.transport.close()
        else:
            self._idle = self.loop.call_later(left, self._check_idle)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if not (self._refused or self._answered):
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if not (self._refused or self._answered):
            super().on_message_complete()

    # -- a request that comes slowly, or is too large -----------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client that connects and says nothing is waited for as long as an idle one."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(self.timeout_keep_alive, self._tire)

    def data_received(self, data: bytes) -> None:
        """Passes *data* on, unless the connection is about to be closed."""
        if self._refused:
            return
        super().data_received(data)
        if self._in_head and self._waiting is None and not self._refused:
            self._waiting = self.loop.call_later(HEAD_SECONDS, self._tire)

    def on_message_begin(self) -> None:
        """A request has begun: its head has to follow.

        What uvicorn does here is done once it's clear that it is to become an ASGI request.
        """
        self._stop_waiting()
        self._unset_keepalive_if_required()
        self._last = self.loop.time()
        self._head_bytes = 0
        self._in_head = True
        self._answered = False
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        # RFC 9112 §3: 414 where it is the address that is longer than the server wants to read.
        self._grow(len(url), HTTPStatus.REQUEST_URI_TOO_LONG)
        if not self._refused:
            self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._grow(len(name) + len(value) + 4, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._refused:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def _grow(self, by: int, status: HTTPStatus) -> None:
        self._head_bytes += by
        if self._head_bytes > LARGEST_HEAD and not self._refused:
            self._refuse(status, "The request is too large.")

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _tire(self) -> None:
        self._waiting = None
        if self._in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request didn't come in time.")
        else:
            self.transport.close()

    # -- a reader that doesn't read -----------------------------------------------------------

    def pause_writing(self) -> None:
        """What was sent isn't read."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It is read again."""
        super().resume_writing()
        self._stop_unread()

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        self._stop_unread()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        super().connection_lost(exc)
        # uvicorn leaves it running where the client broke the connection off.
        self._unset_keepalive_if_required()

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client that has sent its request and closed its side still gets the answer.

        True keeps the connection open (asyncio.Protocol); the answer then closes it.
        """
        cycle = self._cycle()
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    # -- what is no HTTP ----------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words
        """Answers what can't be parsed, and closes."""
        self._refuse(HTTPStatus.BAD_REQUEST, "That is no HTTP request.")

    def _refuse(self, status: HTTPStatus, said: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        body = f"{said}\n".encode()
        head = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
            *HEADERS,
            OWN_RESOURCES,
        ]
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b": " + value for name, value in head]
        # An answer that is being written must not be cut in two by this one.
        cycle = self._cycle()
        if cycle is None or not cycle.response_started or cycle.response_complete:
            self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
