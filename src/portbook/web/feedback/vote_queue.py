"""Votes on their way into the store: one at a time, in a thread that nothing else needs.

A database can accept a connection and stay silent, and another process can hold SQLite's lock.
Neither may cost anybody but the voter more than a moment: pages and searches never wait for the
store, a voter behind one that hangs learns within a second to come back later, and after a failure
the store is left alone for a while.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from portbook.errors import FeedbackUnavailable
from portbook.web.http.work_limit import Busy

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.web.feedback.sqlite import FeedbackStore, Vote

MOST = 5  # votes: the one that is written, and those that wait for it
TURN = 1.0  # seconds that a vote waits for its turn
LONGEST = 6.0  # seconds until the voter is told that the store hangs
REST = 30.0  # seconds for which a store that failed isn't asked
_FAREWELL = 1.0  # seconds that the end of the server waits for a vote that is being written

_Job = tuple["Vote", "Future[None]"]


class VoteQueue:
    """Hands votes to *store*. All calls must come from the event loop.

    *clock* gives seconds that never run backwards. A vote waits *turn* seconds for its turn, and
    its voter is told after *longest* that the store hangs. The thread is a daemon: a database that
    hangs doesn't keep the server from ending.
    """

    def __init__(
        self,
        store: FeedbackStore,
        clock: Callable[[], float] = time.monotonic,
        *,
        turn: float = TURN,
        longest: float = LONGEST,
    ) -> None:
        self._store = store
        self._clock = clock
        self._turn = turn
        self._longest = longest
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._pending = 0
        self._rests_until = clock()
        self._late: Future[None] | None = None  # a vote of which the voter heard that it hangs

    async def add(self, vote: Vote) -> None:
        """Keeps *vote*: once this returns, it is in the store.

        Raises Busy where others wait already, and FeedbackUnavailable where the store failed, or
        failed less than :data:`REST` seconds ago. A vote that took longer than *longest* may
        have been kept all the same: it is rather given twice than acknowledged and lost.
        """
        if self.rest:
            raise FeedbackUnavailable("the feedback's store failed a moment ago: try again later")
        if self._pending >= MOST:
            raise Busy("votes", math.ceil(self._turn))
        job: Future[None] = Future()
        self._pending += 1
        try:
            self._start()
            self._jobs.put((vote, job))
            await self._wait(job)
        finally:
            self._pending -= 1
            job.cancel()  # of a client that has gone; it does nothing to what has begun

    @property
    def rest(self) -> int:
        """Whole seconds until the store is asked again, at least; 0 where it may be asked now."""
        if self._late is not None and not self._late.done():
            return round(REST)
        return max(0, math.ceil(self._rests_until - self._clock()))

    async def _wait(self, job: Future[None]) -> None:
        outcome = asyncio.wrap_future(job)
        outcome.add_done_callback(_heard)
        await asyncio.wait({outcome}, timeout=self._turn)
        if job.cancel():  # its turn never came
            raise Busy("votes", max(math.ceil(self._turn), self.rest))
        await asyncio.wait({outcome}, timeout=self._longest - self._turn)
        if not job.done():
            self._late = job
            self._store.give_up()
            raise FeedbackUnavailable("the feedback's store doesn't answer: try again later")
        job.result()

    # -- in the thread ------------------------------------------------------------------------

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="votes", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            vote, outcome = job
            if not outcome.set_running_or_notify_cancel():
                continue
            if self._clock() < self._rests_until:
                outcome.set_exception(FeedbackUnavailable("the vote before it could not be kept"))
                continue
            try:
                self._store.add(vote)
            except BaseException as error:  # noqa: BLE001 - it is raised where the vote was given
                # Before the outcome: whoever hears of it finds the store at rest.
                self._rests_until = self._clock() + REST
                outcome.set_exception(error)
            else:
                outcome.set_result(None)
        self._store.close()

    def close(self) -> None:
        """Lets what is being written end, for a second at most, and closes the store."""
        if self._thread is None:
            self._store.close()
            return
        self._jobs.put(None)
        self._thread.join(_FAREWELL)


def _heard(outcome: asyncio.Future[None]) -> None:
    """Nobody may be left to hear of a failure; asyncio would log it as one that was overlooked."""
    if not outcome.cancelled():
        outcome.exception()
