"""What a site lets be asked of it: a limit for each kind of costly work, and for each client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.web.http.rate_limit import RateLimit, TooManyRequests
from portbook.web.http.work_limit import WorkLimit

if TYPE_CHECKING:
    from starlette.requests import Request

WINDOW = 10.0  # seconds
# What one client may ask for in that time, in searches; a list counts as ten. With these, one
# client can take an eighth of a processor.
OF_ONE = 500
LIST = 10


class Work:
    """The limits of one site; with *public*, new work of one address is limited as well.

    A search takes about a millisecond with its page, a page up to three, and a list (of a whole
    range, of 256 ports, of every change) up to a hundred. All methods raise
    :class:`~portbook.web.http.work_limit.Busy` where too much of the kind waits already, and
    :class:`~portbook.web.http.rate_limit.TooManyRequests` where the client asked for too much.
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
