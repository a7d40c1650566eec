"""A crowd that asks for costly work is told to come back, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from portbook.web.busy import Busy, WorkLimit
from portbook.web.ratelimit import RateLimit

if TYPE_CHECKING:
    from collections.abc import Awaitable


def test_no_more_run_at_once_than_may() -> None:
    limit = WorkLimit("searches", at_once=2, waiting=8)
    lock = threading.Lock()
    running, most = 0, 0

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1
        return number * number

    async def crowd() -> list[int]:
        return list(await asyncio.gather(*(limit.run(work, number) for number in range(10))))

    assert asyncio.run(crowd()) == [number * number for number in range(10)]
    assert most == 2
    assert limit.admitted == 0


def test_beyond_the_queue_is_refused_at_once() -> None:
    limit = WorkLimit("searches", at_once=1, waiting=3, retry_after=7)
    release = threading.Event()

    async def crowd() -> list[object]:
        waiting = [asyncio.ensure_future(limit.run(release.wait)) for _ in range(4)]
        await asyncio.sleep(0)
        assert limit.admitted == 4
        refused = await asyncio.gather(
            *(limit.run(release.wait) for _ in range(5)), return_exceptions=True
        )
        release.set()
        assert await asyncio.gather(*waiting) == [True] * 4
        return list(refused)

    refused = asyncio.run(crowd())
    assert all(isinstance(error, Busy) for error in refused)
    assert {(error.work, error.retry_after) for error in refused if isinstance(error, Busy)} == {
        ("searches", 7)
    }
    assert limit.admitted == 0


def test_a_place_is_given_back_whatever_happens_in_it() -> None:
    limit = WorkLimit("votes", at_once=1, waiting=0)

    async def fails() -> None:
        with pytest.raises(RuntimeError):
            async with limit.place():
                raise RuntimeError
        with pytest.raises(ZeroDivisionError):
            await limit.run(divmod, 1, 0)
        task = asyncio.ensure_future(_hold(limit))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            async with limit.place():
                raise AssertionError
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with limit.place():
            assert limit.admitted == 1

    asyncio.run(fails())
    assert limit.admitted == 0


async def _hold(limit: WorkLimit) -> None:
    async with limit.place():
        await asyncio.sleep(60)


def test_each_kind_of_work_has_threads_of_its_own() -> None:
    """Votes that wait for a database take no thread that a search needs."""
    votes, searches = WorkLimit("votes", 1, 4), WorkLimit("searches", 1, 4)
    release = threading.Event()

    async def both() -> str:
        stuck: list[Awaitable[bool]] = [
            asyncio.ensure_future(votes.run(release.wait)) for _ in range(5)
        ]
        await asyncio.sleep(0)
        found = await asyncio.wait_for(searches.run(str.upper, "ssh"), 30)
        release.set()
        await asyncio.gather(*stuck)
        return found

    assert asyncio.run(both()) == "SSH"


def test_a_rate_has_its_own_window() -> None:
    rate = RateLimit(of_one=2, of_all=3, window=10)
    assert [rate.take("192.0.2.1", 50.0) for _ in range(3)] == [0, 0, 10]
    assert [rate.take("192.0.2.2", 55.0) for _ in range(2)] == [0, 5]
    assert rate.take("192.0.2.1", 60.0) == 0
