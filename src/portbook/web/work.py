"""The costly work of a site, each kind with a limit of its own.

Whatever takes more than a millisecond of processor time and isn't kept goes through one of these.
The interpreter runs one thread at a time: a second one would only make both of them slower, and
the event loop with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

from portbook.web.busy import WorkLimit
from portbook.web.context import context
from portbook.web.ratelimit import RateLimit, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

WINDOW = 10.0  # seconds
# What one client may ask for in that time, in searches; a list counts as ten. With these, one
# client can take an eighth of a processor.
OF_ONE = 500
LIST = 10


class Work:
    """The limits of one site; with *public*, new work of one address is limited as well.

    A search takes about a millisecond with its page, a page up to three, and a list (of a whole
    range, of 256 ports, of every change) up to a hundred. All methods raise
    :class:`~portbook.web.busy.Busy` where too much of the kind waits already, and
    :class:`~portbook.web.ratelimit.TooManyRequests` where the client asked for too much.
    """

    def __init__(self, *, public: bool) -> None:
        self.searches = WorkLimit("searches", at_once=1, waiting=32)
        self.pages = WorkLimit("pages", at_once=1, waiting=32)
        self.lists = WorkLimit("lists", at_once=1, waiting=8, retry_after=2)
        self._rate = RateLimit(of_one=OF_ONE, of_all=40 * OF_ONE, window=WINDOW) if public else None

    def count(self, request: Request, searches: int) -> None:
        """Counts work that takes as long as so many *searches* for the client of *request*."""
        if self._rate is None:
            return
        wait = self._rate.take(request.client.host if request.client else "", count=searches)
        if wait:
            raise TooManyRequests("searches and lists", wait)


async def run_search(
    request: Request, call: Callable[[Unpack[Args]], Result], *args: *Args
) -> Result:
    """The result of *call*, which searches."""
    work = context(request).work
    work.count(request, 1)
    return await work.searches.run(call, *args)


async def run_page(
    request: Request, call: Callable[[Unpack[Args]], Result], *args: *Args
) -> Result:
    """The result of *call*, which composes a page; there are only so many of them to be kept."""
    return await context(request).work.pages.run(call, *args)


async def run_list(
    request: Request, call: Callable[[Unpack[Args]], Result], *args: *Args
) -> Result:
    """The result of *call*, which composes a long list."""
    work = context(request).work
    work.count(request, LIST)
    return await work.lists.run(call, *args)
