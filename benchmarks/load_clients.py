"""Clients for :mod:`benchmarks.load`: some ask at a steady rate, others are slow."""

from __future__ import annotations

import asyncio
import contextlib
import random
import string
from collections import Counter, deque
from typing import NamedTuple

HOST = "127.0.0.1"
# Where the requests come from: one address may ask for so many new searches only.
ADDRESSES = tuple(f"127.0.1.{n}" for n in range(1, 251))
MOST_CONNECTIONS = 128
PATIENCE = 10.0  # seconds until a request counts as timed out
SEARCHES = 0.15  # of all requests
HEADERS = (
    "Host: {host}\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html,*/*;q=0.8\r\n"
    "Accept-Encoding: gzip, br\r\n\r\n"
)


# -- what is asked ----------------------------------------------------------------------------


class Questions:
    """Addresses to ask for: known pages, some more often than others, and searches never seen."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._often = [*range(1, 1024), 3000, 3306, 5000, 5432, 6379, 8000, 8080, 8443, 9090]

    def page(self) -> str:
        chance = self._chance
        draw = chance.random()
        if draw < 0.1:
            return chance.choice(("/", "/stats", "/static/site.css", "/static/site.js", "/blocks"))
        port = chance.choice(self._often) if draw < 0.9 else chance.randrange(65536)
        return f"/{port}" if draw < 0.7 else f"/{port}.json"

    def search(self) -> str:
        letters = "".join(self._chance.choices(string.ascii_lowercase, k=6))
        return f"/search?q={self._chance.choice(('post', 'http', 'red', 'my', ''))}{letters}"

    def next(self) -> tuple[str, bool]:
        """An address, and whether it is a search."""
        if self._chance.random() < SEARCHES:
            return self.search(), True
        return self.page(), False


# -- clients ----------------------------------------------------------------------------------


class Request(NamedTuple):
    due: float
    sent: bytes
    searches: bool
    again: bool = False


class _Client(asyncio.Protocol):
    """One connection that is kept alive."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.transport: asyncio.Transport | None = None
        self.request: Request | None = None
        self.received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.load.free(self)

    def ask(self, request: Request) -> None:
        assert self.transport is not None
        self.request = request
        self.received.clear()
        self.transport.write(request.sent)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = bytes(self.received).partition(b"\r\n\r\n")
        if not end or self.request is None:
            return
        lower = head.lower()
        length = int(lower.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)
        if len(rest) >= length:
            request, self.request = self.request, None
            self.load.answered(request, int(head[9:12]), b"\r\nretry-after:" in lower)
            self.load.free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self.load.lost(self)


class Load:
    """Requests at *rate* a second, or as fast as answers come where it is 0.

    At most *waiting* wait for their answers, *patience* seconds at most. Beyond, those that are due
    are left out.
    """

    def __init__(
        self,
        port: int,
        rate: float,
        questions: Questions,
        waiting: int,
        patience: float = PATIENCE,
    ) -> None:
        self.port, self.rate, self.questions, self.most_waiting = port, rate, questions, waiting
        self.patience = patience
        self.loop = asyncio.get_running_loop()
        self.statuses: Counter[int] = Counter()
        self.unannounced = self.timeouts = self.broken = self.left_out = 0
        self.pages: list[float] = []
        self.searches: list[float] = []
        self._idle: deque[_Client] = deque()
        self._opened = 0
        self._all: set[_Client] = set()
        self._opening = 0
        self._waiting: deque[Request] = deque()
        self._tasks: set[asyncio.Task[object]] = set()
        self._over = False

    async def run(self, seconds: float, least: int = 0) -> None:
        """Asks for so long, or until *least* have an answer; waits for what is under way then."""
        end = self.loop.time() + seconds
        if self.rate:
            await self._steadily(end, least)
        else:
            self._over = False
            for _ in range(32):
                self._put(self._next(self.loop.time()))
            await asyncio.sleep(seconds)
        self._over = True
        while self._outstanding():
            self._give_up()
            await asyncio.sleep(0.05)
        for client in list(self._all):
            assert client.transport is not None
            client.transport.abort()
        await asyncio.sleep(0.1)  # in which they are closed

    async def _steadily(self, end: float, least: int) -> None:
        due = self.loop.time()
        while due < end or (self.statuses.total() < least and not self.timeouts):
            wait = due - self.loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if self._outstanding() < self.most_waiting:
                self._put(self._next(due))
            else:
                self.left_out += 1
                self._give_up()
                await asyncio.sleep(0)
            due += random.expovariate(self.rate)

    def _next(self, due: float) -> Request:
        path, searches = self.questions.next()
        head = HEADERS.format(host=f"{HOST}:{self.port}")
        return Request(due, f"GET {path} HTTP/1.1\r\n{head}".encode(), searches)

    def _outstanding(self) -> int:
        return len(self._waiting) + sum(client.request is not None for client in self._all)

    def _put(self, request: Request) -> None:
        while self._idle:
            client = self._idle.popleft()  # all of them in turn
            if client in self._all:
                client.ask(request)
                return
        self._waiting.append(request)
        if len(self._all) + self._opening < MOST_CONNECTIONS:
            self._opening += 1
            task: asyncio.Task[object] = asyncio.ensure_future(self._open())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self) -> None:
        self._opened += 1
        address = ADDRESSES[self._opened % len(ADDRESSES)]
        try:
            await self.loop.create_connection(
                lambda: _Client(self), HOST, self.port, local_addr=(address, 0)
            )
        except OSError:
            self.broken += 1
            self._waiting.popleft()
        finally:
            self._opening -= 1

    def free(self, client: _Client) -> None:
        """*client* can ask."""
        self._all.add(client)
        if self._waiting:
            client.ask(self._waiting.popleft())
        else:
            self._idle.append(client)

    def answered(self, request: Request, status: int, announced: bool) -> None:
        """An answer has come."""
        self.statuses[status] += 1
        if status == 503 and not announced:
            self.unannounced += 1
        (self.searches if request.searches else self.pages).append(self.loop.time() - request.due)
        if not self.rate and not self._over:
            self._waiting.append(self._next(self.loop.time()))

    def lost(self, client: _Client) -> None:
        """A connection was closed: what was asked over it is asked again, as browsers do, once."""
        self._all.discard(client)
        request, client.request = client.request, None
        if request is None:
            return
        if request.again:
            self.broken += 1
        else:
            self._put(request._replace(again=True))

    def _give_up(self) -> None:
        now = self.loop.time()
        for client in list(self._all):
            if client.request is not None and now - client.request.due > self.patience:
                self.timeouts += 1
                client.request = None
                assert client.transport is not None
                client.transport.abort()
        while self._waiting and now - self._waiting[0].due > self.patience:
            self._waiting.popleft()
            self.timeouts += 1


# What slow clients send first, and what they send each second after it.
_SLOW = (
    (b"GET /305 HTTP/1.1\r\nHost: x\r\nX: ", b"a"),
    (b"POST /305 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", b"a"),
    (b"POST /305 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    (b"GET /443 HTTP/1.1\r\nHost: x\r\n\r\n" * 200, b""),  # and doesn't read
    (b"GET /305.json HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    (b"", b""),
)


async def slow_client(port: int, number: int) -> None:
    """A slow client; when it is closed, another one comes."""
    first, more = _SLOW[number % len(_SLOW)]
    while True:
        writer = None
        try:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(HOST, port, limit=1024)
                writer.write(first)
                while not writer.is_closing() and not reader.at_eof():
                    await asyncio.sleep(1)
                    writer.write(more)
        finally:
            if writer is not None:
                writer.transport.abort()
        await asyncio.sleep(0.5)
