"""Work that a crowd could drown the site in: a few at once, a few that wait, 503 for the rest.

A search takes the processor, a vote waits for a database. Each kind of such work has a
:class:`WorkLimit` of its own, so that none of them can take the threads of another, and so that a
client learns at once that it should come back instead of waiting in a queue without end.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

from anyio import CapacityLimiter, to_thread

from portbook.web.http.rate_limit import RateLimit, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

Args = TypeVarTuple("Args")
Result = TypeVar("Result")


class Busy(Exception):
    """Raised where too many requests wait already; the site answers 503 with Retry-After.

    *work* names what they wait for, in the plural ("searches"); *retry_after* is in seconds.
    """

    def __init__(self, work: str, retry_after: int) -> None:
        super().__init__(f"too many {work} at once")
        self.work = work
        self.retry_after = retry_after


class WorkLimit:
    """At most *at_once* pieces of *work* run, and at most *waiting* more wait for their turn.

    Beyond that, :class:`Busy` is raised without waiting; clients are told to try again after
    *retry_after* seconds. All calls must come from the event loop.
    """

    def __init__(self, work: str, at_once: int, waiting: int, retry_after: int = 1) -> None:
        self.work = work
        self.at_once = at_once
        self.most_waiting = waiting
        self.retry_after = retry_after
        self.admitted = 0  # both those that run and those that wait
        self._limiter: CapacityLimiter | None = None  # made in the loop that it belongs to

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a turn and holds it; raises :class:`Busy` where the queue is full."""
        self._admit()
        try:
            async with self._turns():
                yield
        finally:
            self.admitted -= 1

    async def run(self, call: Callable[[Unpack[Args]], Result], *args: *Args) -> Result:
        """The result of *call* in a thread; raises :class:`Busy` where the queue is full."""
        self._admit()
        try:
            return await to_thread.run_sync(call, *args, limiter=self._turns())
        finally:
            self.admitted -= 1

    def _admit(self) -> None:
        if self.admitted >= self.at_once + self.most_waiting:
            raise Busy(self.work, self.retry_after)
        self.admitted += 1

    def _turns(self) -> CapacityLimiter:
        if self._limiter is None:
            self._limiter = CapacityLimiter(self.at_once)
        return self._limiter


# -- what one site lets be asked of it ---------------------------------------------------------

WINDOW = 10.0  # seconds
# What one client may ask for in that time, in searches; a list counts as ten. With these, one
# client can take an eighth of a processor.
OF_ONE = 500
LIST = 10


class Work:
    """The limits of one site; with *public*, new work of one address is limited as well: to that of
    *of_one* searches in :data:`WINDOW` seconds.

    A search takes about a millisecond with its page, a page up to three, and a list (of a whole
    range, of 256 ports, of every change) up to a hundred. All methods raise
    :class:`~portbook.web.http.work_limit.Busy` where too much of the kind waits already, and
    :class:`~portbook.web.http.rate_limit.TooManyRequests` where the client asked for too much.
    """

    def __init__(self, *, public: bool, of_one: int = OF_ONE) -> None:
        self.searches = WorkLimit("searches", at_once=1, waiting=32)
        self.pages = WorkLimit("pages", at_once=1, waiting=32)
        self.lists = WorkLimit("lists", at_once=1, waiting=8, retry_after=2)
        self._rate = RateLimit(of_one=of_one, of_all=40 * of_one, window=WINDOW) if public else None

    def count(self, request: Request, searches: int) -> None:
        """Counts work that takes as long as so many *searches* for the client of *request*."""
        if self._rate is None:
            return
        wait = self._rate.take(request.client.host if request.client else "", count=searches)
        if wait:
            raise TooManyRequests("searches and lists", wait)
