"""HTTP/1.1 connections as uvicorn has them, with three changes.

What is kept, and the page of a port that isn't, is sent from here: a request for it becomes no ASGI
request, no task and no walk through layers, which takes two thirds of the time that a kept page
would (``benchmarks/web.py``).

A client can't keep things waiting, nor fill the memory. uvicorn waits for ever for a head or a body
that comes byte by byte and for a reader that doesn't read, and holds a head of any size. Each is
bounded here; :mod:`portbook.web.http.connections` looks after the times.

And what RFC 9112 asks of servers and uvicorn leaves out is done: one ``Host``, and trailers that
are no headers. The answers to what is no HTTP carry the same headers as all others.

``docs/decisions/slow-clients.md`` says why it is done here.
"""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from portbook.web.http.cache import Keeping, wanted_in
from portbook.web.http.connections import SECONDS, Connections, Phase
from portbook.web.http.security import HEADERS, OWN_RESOURCES

if TYPE_CHECKING:
    import asyncio

    from portbook.web.http.entry import Entry
    from portbook.web.http.negotiation import Form

LARGEST_HEAD = 32 << 10  # bytes of address and headers together
_HEADER_OVERHEAD = 32  # bytes that each header counts for besides its text (RFC 9113 §6.5.2)
MOST_PIPELINED = 32  # requests that wait for the answer to one before them
# Bytes of a body with its framing and trailers, read or not: twice the largest that is taken. A
# client that is answered early may go on for so long, so that it reads the answer and no reset.
LARGEST_BODY = 1 << 20
_SLICE = 8 << 10  # bytes that are parsed between two looks at what they came to

# uri-host [":" port], RFC 9112 §3.2 and RFC 3986 §3.2.2
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]*)?")


# The first line of a request for one of our pages. What follows it is most often what followed the
# one before: a client asks for one page after the other with the same headers (a proxy, a crawler,
# a browser but for the page that it came from).
_LINE = re.compile(rb"GET (/[A-Za-z0-9._/-]{0,200}) HTTP/1\.1\r\n")
_END = b"\r\n\r\n"
_LONGEST_KNOWN = 4 << 10  # bytes of a request that are held for the next

_TOO_LARGE = "The request is too large."


class _Refused(Exception):
    """Raised out of the parser's callbacks: the parser stops, and the client gets *status*."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class PatientProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        app = self.config.app
        self._keeping = app if isinstance(app, Keeping) else None
        self._in_head = False
        self._whole = True  # the request that came last has come in to its end
        self._head_bytes = 0  # of a head that isn't whole, as they came
        self._header_bytes = 0  # of its whole headers
        self._body_bytes = 0
        self._hosts: list[bytes] = []
        self._checked_hosts: list[bytes] | None = None
        self._earlier = self.cycle  # the request before the one that came last
        self._last_phase = Phase.IDLE
        self._answered = 0  # requests of those that came last, all at once
        self._wanted: tuple[Form, str] | None = None  # by the last of them, if it was answered here
        self._rest = b""  # of its head, behind the address
        self.waiting_since = self.loop.time()

    def _cycle(self) -> RequestResponseCycle | None:
        """The request that came last; None before the first, whatever uvicorn's type says."""
        return self.cycle

    # -- how long it waits --------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        """What this connection waits for."""
        cycle = self._cycle()
        if self.flow.write_paused or self.transport.is_closing():
            return Phase.UNREAD
        if cycle is not None and not cycle.response_complete:
            return Phase.BODY if cycle.more_body and not cycle.response_started else Phase.ANSWER
        if self._in_head:
            return Phase.HEAD
        return Phase.IDLE if self._whole else Phase.REST

    @property
    def address(self) -> str:
        """The client's."""
        return self.client[0] if self.client else ""

    def check(self, now: float) -> None:
        """Ends what has waited too long. Called once a second."""
        phase = self.phase
        if phase is not self._last_phase:
            self._last_phase = phase
            self.waiting_since = now
        elif phase in SECONDS and now - self.waiting_since >= SECONDS[phase]:
            if phase is Phase.UNREAD:
                self.abort()
            elif phase is Phase.HEAD:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request didn't come in time.")
            else:
                self.transport.close()

    def abort(self) -> None:
        """Ends it at once, whatever it waits for."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected; it is turned away where there are too many."""
        super().connection_made(transport)
        if isinstance(self.server_state, Connections) and not self.server_state.make_room(self):
            busy = "Too many requests are being answered."
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, busy, (b"retry-after", b"5"))

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self.waiting_since = self.loop.time()

    def eof_received(self) -> bool:  # type: ignore[override]  # declared as None there
        """A client that has sent its request and closed its side still gets the answer.

        True keeps the connection open (asyncio.Protocol); the answer then closes it.
        """
        cycle = self._cycle()
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        # uvicorn leaves it running where the client broke the connection off.
        self._unset_keepalive_if_required()

    # -- what comes in ------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parses *data*, and refuses a request that grows too large."""
        if len(data) > _SLICE:
            for start in range(0, len(data), _SLICE):
                if not self.transport.is_closing():
                    self.data_received(data[start : start + _SLICE])
            return
        begins = self._whole
        if begins and self._rest and self._answer_again(data):
            return
        self._answered = 0
        super().data_received(data)
        if self._answered:
            self._rest = self._rest_of(data) if begins and self._answered == 1 else b""
        if self._whole:
            return
        if self._in_head:
            self._head_bytes += len(data)
            # The parser holds what isn't whole yet. The head may have begun within *data*.
            if self._head_bytes > LARGEST_HEAD + _SLICE:
                self._refuse(self._too_large(), _TOO_LARGE)
        else:
            self._body_bytes += len(data)
            if self._body_bytes > LARGEST_BODY:
                self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)

    def _too_large(self) -> HTTPStatus:
        # RFC 9112 §3: 414 where it is the address that is longer than the server wants to read.
        if len(self.url) > LARGEST_HEAD // 2:
            return HTTPStatus.REQUEST_URI_TOO_LONG
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    def on_message_begin(self) -> None:
        """A request has begun: its head has to follow.

        What uvicorn does here is done once it is clear that it is to become an ASGI request.
        """
        self._in_head, self._whole = True, False
        self._head_bytes = self._header_bytes = self._body_bytes = 0
        self._hosts = []
        self.waiting_since = self.loop.time()
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer, which is dropped (RFC 9110 §6.5.1)."""
        if not self._in_head:
            return
        name = name.lower()
        if name == b"host":
            self._hosts.append(value)
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
        self._header_bytes += len(name) + len(value) + _HEADER_OVERHEAD
        if self._header_bytes + len(self.url) > LARGEST_HEAD:
            raise _Refused(self._too_large(), _TOO_LARGE)

    def on_headers_complete(self) -> None:
        """The head is whole: it is answered at once, or becomes an ASGI request."""
        if len(self.pipeline) >= MOST_PIPELINED:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Wait for the answers before it.")
        if self._hosts != self._checked_hosts:  # most connections name the same one again
            self._check_hosts()
        self._earlier = self.cycle
        if not self._answer():
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers += headers  # the list is in the scope by now
            super().on_headers_complete()
        self._in_head = False

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._whole = True
        if self._cycle() is not None:
            super().on_message_complete()

    def _check_hosts(self) -> None:
        """Refuses what RFC 9112 §3.2 says has to be: no ``Host``, several, or one that is none."""
        if len(self._hosts) > 1 or not all(map(_HOST.fullmatch, self._hosts)):
            raise _Refused(HTTPStatus.BAD_REQUEST, "A request names one host (RFC 9112, 3.2).")
        if not self._hosts and self.parser.get_http_version() != "1.0":
            raise _Refused(HTTPStatus.BAD_REQUEST, "A request names its host (RFC 9112, 3.2).")
        self._checked_hosts = self._hosts or None

    # -- what goes out ------------------------------------------------------------------------

    def _answer(self) -> bool:
        """Sends what is kept for the request, if anything is and can be sent at once."""
        self._answered += 1
        self._wanted = None
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
        wanted = wanted_in(self.headers)
        if wanted is None:
            return False
        # Of many requests that come at once, one page is made here: others have their turn as well.
        entry = self._keeping.find_in(self.url, *wanted, make=self._answered == 1)
        if entry is None:
            return False
        keep = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        self._send(entry, keep=keep)
        self._wanted = wanted if keep else None
        return True

    def _rest_of(self, data: bytes) -> bytes:
        """What follows the address in *data*; empty unless that is a request answered here."""
        if self._wanted is None or not self._whole or len(data) > _LONGEST_KNOWN:
            return b""
        line = _LINE.match(data)
        alone = data.find(_END) == len(data) - len(_END)
        return data[line.end() :] if line is not None and alone else b""

    def _answer_again(self, data: bytes) -> bool:
        """Answers *data* where that is the request before it but for the address, if it can.

        The parser isn't asked: what it made of the rest, it would make of it again.
        """
        line, cycle = _LINE.match(data), self._cycle()
        if (
            line is None
            or data[line.end() :] != self._rest
            or self._keeping is None
            or self._wanted is None
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.transport.is_closing()
        ):
            return False
        entry = self._keeping.find_in(line[1], *self._wanted, make=True)
        if entry is None:
            return False
        self._unset_keepalive_if_required()
        self.waiting_since = self.loop.time()
        self._send(entry, keep=True)
        return True

    def _send(self, entry: Entry, *, keep: bool) -> None:
        parts = [b"HTTP/1.1 200 OK\r\n"]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        if not keep:
            parts.append(b"connection: close\r\n")
        parts.append(entry.raw)
        self.transport.write(b"".join(parts))
        self.server_state.total_requests += 1
        if not keep:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words
        """Answers what can't be parsed, or was refused while it was, and closes."""
        error = sys.exception()
        cause = None if error is None else error.__context__
        if isinstance(cause, _Refused):
            self._refuse(cause.status, cause.detail)
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "That is no HTTP request.")

    def _refuse(self, status: HTTPStatus, detail: str, *more: tuple[bytes, bytes]) -> None:
        """Ends the connection, with *status* where the client takes it for what it is about."""
        if self.transport.is_closing():
            return
        cycle = self._cycle()
        of_rest = not (self._in_head or self._whole)  # of a request whose head was taken
        if cycle is not None and not cycle.response_complete:
            if of_rest and not self.pipeline and not cycle.response_started:
                cycle.disconnected = True  # this is its answer
            else:
                # Answers that are due come first, and whole: the last of them closes.
                if of_rest and self.pipeline:
                    self.pipeline.popleft()
                    self.cycle, self._whole = self._earlier, True
                self.cycle.keep_alive = False
                self.flow.pause_reading()
                return
        elif of_rest:  # it has its answer, and a second one would count for the next request
            self.transport.close()
            return
        body = f"{detail}\n".encode()
        head = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
            *more,
            *HEADERS,
            OWN_RESOURCES,
        ]
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b": " + value for name, value in head]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
