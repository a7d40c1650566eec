"""Answers that depend on the registry alone: kept whole, tagged, compressed once.

The layer stands before everything else. A page that was asked for before is found by its
address, its form and its coding, and sent as it was: no routing, no rendering, no compressing.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from starlette.concurrency import run_in_threadpool

from portbook.web.http.entry import CODINGS, make_entry
from portbook.web.http.negotiation import choose_coding, negotiate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from portbook.web.http.entry import Entry, Headers
    from portbook.web.http.negotiation import Form
    from portbook.web.state import Context

    Key = tuple[bytes, Form, str]

# An answer sets this key of its scope to say that it depends on the registry alone. Its value is
# what is added to the tag, where the build of the registry isn't all that it depends on.
KEEP = "portbook.keep"
# It sets this one to True to say that it is the same whatever query the address has.
ANY_QUERY = "portbook.any-query"
# The form that was negotiated for the request.
FORM = "portbook.form"

PIECE = 64 << 10  # bytes of a body that are sent before it is seen whether the client reads
_LONGEST_AT_ONCE = 1 << 15  # bytes that the event loop compresses itself: a millisecond


class Wishes(NamedTuple):
    """What a request says of the form it wants; empty where it says nothing."""

    accept: bytes
    encoding: bytes
    agent: bytes
    match: bytes
    has_body: bool

    @staticmethod
    def of(headers: Iterable[tuple[bytes, bytes]]) -> Wishes:
        """Those in *headers*. One that is there twice is a list in two parts (RFC 9110 §5.3)."""
        accept = encoding = agent = match = b""
        has_body = False
        for name, value in headers:
            if name == b"accept":
                accept = value if not accept else accept + b"," + value
            elif name == b"accept-encoding":
                encoding = value if not encoding else encoding + b"," + value
            elif name == b"user-agent":
                agent = value
            elif name == b"if-none-match":
                match = value if not match else match + b"," + value
            elif name in (b"content-length", b"transfer-encoding", b"expect"):
                has_body = True
        return Wishes(accept=accept, encoding=encoding, agent=agent, match=match, has_body=has_body)


def wanted_in(headers: Iterable[tuple[bytes, bytes]]) -> tuple[Form, str] | None:
    """The form and the coding that *headers* ask for; None where they ask for more than that."""
    wishes = Wishes.of(headers)
    if wishes.match or wishes.has_body:
        return None
    form = negotiate(wishes.accept, wishes.agent)
    return form, choose_coding(wishes.encoding, CODINGS)


class Cache:
    """Entries by key, the longest unused dropped first once they take more than *budget* bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.size = 0
        self._entries: OrderedDict[Key, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """The entry under *key*, which counts as used by this."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: Key, entry: Entry) -> None:
        """Keeps *entry*, unless it would push out a good part of the others."""
        if entry.size > self.budget // 8:
            return
        old = self._entries.pop(key, None)
        if old is not None:
            self.size -= old.size
        self._entries[key] = entry
        self.size += entry.size
        while self.size > self.budget:
            _, dropped = self._entries.popitem(last=False)
            self.size -= dropped.size


class Keeping:
    """The outermost ASGI layer of the site of *context*; it keeps up to *budget* bytes.

    An eighth of that is for answers to queries: there is no end of what can be searched for, and
    a crowd of searches must not push out the pages.

    *page* makes what *app* would answer to a GET of an address in a form, the body and all its
    headers, where that is the same whatever the query; None where it doesn't.
    """

    def __init__(
        self,
        app: ASGIApp,
        context: Context,
        page: Callable[[bytes, Form], tuple[bytes, Headers] | None] = lambda *_: None,
        budget: int = 24 << 20,
    ) -> None:
        self.app = app
        self.context = context
        self._page = page
        self.metrics = context.metrics
        self.queries = Cache(budget // 8)
        self.cache = Cache(budget - self.queries.budget)

    def forget(self) -> None:
        """Keeps nothing any more: what the answers are made of has changed."""
        self.queries = Cache(self.queries.budget)
        self.cache = Cache(self.cache.budget)

    @property
    def kept(self) -> tuple[int, int]:
        """How many answers are kept, and how many bytes they take."""
        return len(self.cache) + len(self.queries), self.cache.size + self.queries.size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers from what is kept, or asks the application and keeps what may be kept."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _in_pieces(send)
        wishes = Wishes.of(scope["headers"])
        form = negotiate(wishes.accept, wishes.agent)
        scope[FORM] = form
        scope["portbook.keeping"] = self
        head = scope["method"] == "HEAD"
        if not head and scope["method"] != "GET":
            await self._ask(scope, receive, send, None)
            return
        target = scope.get("raw_path") or scope["path"].encode()
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        key = (target, form, choose_coding(wishes.encoding, CODINGS))
        entry = self._get(key)
        if entry is not None:
            self.metrics.hits += 1
        else:
            entry = await self._ask(scope, receive, send, key)
            if entry is None:
                return
        if wishes.match and _matches(wishes.match, entry.tag):
            self.metrics.count(304)
            await send({"type": "http.response.start", "status": 304, "headers": entry.headers_304})
            await send({"type": "http.response.body", "body": b""})
            return
        self.metrics.count(200)
        await send({"type": "http.response.start", "status": 200, "headers": entry.headers})
        # A view: whoever reads slowly shares the bytes with all others.
        body = memoryview(entry.raw)[entry.body_at :]
        await send({"type": "http.response.body", "body": b"" if head else body})

    def find(
        self, target: bytes, headers: Iterable[tuple[bytes, bytes]], *, make: bool = False
    ) -> Entry | None:
        """As :meth:`find_in`, for a request with *headers*."""
        wanted = wanted_in(headers)
        return None if wanted is None else self.find_in(target, *wanted, make=make)

    def find_in(
        self, target: bytes, form: Form, coding: str, *, make: bool = False
    ) -> Entry | None:
        """What is kept for a GET of *target* that can be sent at once; counts it as sent.

        The server asks this before it makes an ASGI request at all: None leads to one. With *make*,
        a page that needs no request is made here.
        """
        key = (target, form, coding)
        entry = self._get(key)
        there = entry is not None
        if entry is None and make:
            entry = self._make(key)
        if entry is None or len(entry.raw) > PIECE:
            return None
        self.metrics.hits += there
        self.metrics.count(200)
        return entry

    def _get(self, key: Key) -> Entry | None:
        path, query, _ = key[0].partition(b"?")
        if not query:
            return self.cache.get(key)
        entry = self.queries.get(key)
        if entry is None:
            entry = self.cache.get((path, *key[1:]))
            if entry is not None and not entry.any_query:
                return None
        return entry

    def _put(self, key: Key, entry: Entry) -> None:
        path, query, _ = key[0].partition(b"?")
        if entry.any_query:
            self.cache.put((path, *key[1:]), entry)
        elif query:
            self.queries.put(key, entry)
        else:
            self.cache.put(key, entry)

    def _make(self, key: Key) -> Entry | None:
        """What is made for *key* without a request, which is kept from now on."""
        target, form, coding = key
        try:
            made = self._page(target, form)
        except Exception:  # noqa: BLE001 - the application meets it as well, and answers
            return None
        if made is None or len(made[0]) > _LONGEST_AT_ONCE:
            return None
        body, headers = made
        self.metrics.misses += 1
        tag = f"{self.context.build}-{form}"
        entry = make_entry(body, headers, tag, coding, any_query=True)
        self._put(key, entry)
        return entry

    async def _ask(
        self, scope: Scope, receive: Receive, send: Send, key: Key | None
    ) -> Entry | None:
        """Asks the application: passes its answer on, or returns it where it is to be kept."""
        start: Message = {}
        body = bytearray()
        head = scope["method"] == "HEAD"
        build = self.context.build

        async def catch(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                if key is not None and message["status"] == 200 and KEEP in scope:
                    start = message
                    return
                self.metrics.count(message["status"])
            elif start:
                body.extend(message.get("body", b""))
                return
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, catch)
        if not start or key is None:
            return None
        self.metrics.misses += 1
        make = partial(
            make_entry,
            bytes(body),
            start["headers"],
            build + scope[KEEP],
            key[2],
            any_query=bool(scope.get(ANY_QUERY)),
        )
        # What is long takes long to compress, and nobody else should wait for that.
        entry = make() if len(body) <= _LONGEST_AT_ONCE else await run_in_threadpool(make)
        if build == self.context.build:  # else it may be of what was in use before
            self._put(key, entry)
        return entry


def _in_pieces(send: Send) -> Send:
    """*send* for bodies of any length, a piece at a time.

    A server holds all that it was given until the client reads it. Before each piece it waits.
    """

    async def send_pieces(message: Message) -> None:
        body = message.get("body", b"")
        for start in range(0, max(1, len(body)), PIECE):
            piece = message
            if body:
                more = message.get("more_body", False) or start + PIECE < len(body)
                part = bytes(body[start : start + PIECE])
                piece = {"type": "http.response.body", "body": part, "more_body": more}
            await send(piece)

    return send_pieces


def _matches(header: bytes, tag: bytes) -> bool:
    """Whether an ``If-None-Match`` *header* names *tag*, compared weakly (RFC 9110 §13.1.2).

    >>> _matches(b'W/"a", "b"', b'"a"'), _matches(b"*", b'"a"'), _matches(b'"c"', b'"a"')
    (True, True, False)
    """
    return any(each.strip().removeprefix(b"W/") in (tag, b"*") for each in header.split(b","))
