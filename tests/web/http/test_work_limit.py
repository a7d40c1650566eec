"""A crowd that asks for costly work is told to come back, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from portbook.web.app import create_app
from portbook.web.http import work_limit
from portbook.web.http.cache import Cache
from portbook.web.http.rate_limit import RateLimit
from portbook.web.http.work_limit import Busy, WorkLimit
from portbook.web.routes import BOOK
from portbook.web.state import Settings
from tests.cases import for_each
from tests.counts import PROOF
from tests.machine import Machine, bound
from tests.patience import PATIENCE
from tests.values import CATALOG
from tests.web.asking import ask

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from portbook.web.http.cache import Keeping


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
        found = await asyncio.wait_for(searches.run(str.upper, "ssh"), PATIENCE)
        release.set()
        await asyncio.gather(*stuck)
        return found

    assert asyncio.run(both()) == "SSH"


def test_a_rate_has_its_own_window() -> None:
    rate = RateLimit(of_one=2, of_all=3, window=10)
    assert [rate.take("192.0.2.1", 50.0) for _ in range(3)] == [0, 0, 10]
    assert [rate.take("192.0.2.2", 55.0) for _ in range(2)] == [0, 5]
    assert rate.take("192.0.2.1", 60.0) == 0


# -- at the site ------------------------------------------------------------------------------

# An address for each route of the book that is answered with 200, and those that cost most.
ADDRESSES = (
    "/", "/443", "/443.json", "/443.txt", "/443.md", "/services/x11", "/services/x11.json",
    "/ranges/user", "/ranges/user.json", "/ranges/user.txt", "/blocks", "/stats", "/changes",
    "/changes-2023", "/changes.atom", "/map", "/search?q=e", "/search.json?q=serv&limit=100",
    "/glossary", "/glossary/reserved", "/about", "/api", "/api/ports?ports=0-65535",
    "/api/ports/443/udp", "/api/blocks", "/api/stats", "/api/changes", "/openapi.json",
    "/static/map-large.png",
    "/static/map.svg", "/static/search-index.js", "/robots.txt", "/sitemap.xml", "/sitemap-1.xml",
    "/llms.txt", "/healthz", "/metrics", "/favicon.ico", "/8080/practice", "/ports", "/services",
    "/services-a", "/products", "/products-a", "/common", "/topics", "/topics/refused", "/300-310",
    "/compare?ports=80,443", "/opensearch.xml", "/manifest.webmanifest", "/apple-touch-icon.png",
    "/305.png",
)  # fmt: skip
LEADING_ELSEWHERE = (
    "/443/udp", "/ranges", "/random", "/port/443", "/ports/443", "/tcp/443", "/udp/443",
)  # fmt: skip
LISTS = (
    "/ranges/user.json", "/blocks", "/stats", "/changes?since=2025",
    "/changes.atom", "/api/ports?ports=1-256", "/api/blocks", "/api/stats", "/api/changes",
    "/sitemap.xml", "/sitemap-1.xml", "/static/search-index.js",
)  # fmt: skip


def test_every_route_has_an_address_here() -> None:
    from starlette.routing import Route

    paths = [address.partition("?")[0] for address in (*ADDRESSES, *LEADING_ELSEWHERE)]
    for pattern, _ in BOOK:
        route = Route(pattern, lambda request: None)
        assert any(route.path_regex.match(path) for path in paths), pattern


def _site(**settings: Any) -> Keeping:
    return create_app(CATALOG, Settings(**settings))


def _forget(site: Keeping) -> None:
    site.cache, site.queries = Cache(site.cache.budget), Cache(site.queries.budget)


def test_the_loop_does_little_for_any_address() -> None:
    """What takes long runs in a thread of its kind: the loop's own time is that of a page."""
    site = _site()

    async def once(address: str) -> float:
        _forget(site)
        start = time.thread_time()
        answer = await ask(site, address, accept="*/*", accept_encoding="gzip")
        taken = time.thread_time() - start
        assert answer.status == 200, address
        return taken

    async def cost(address: str, most: float) -> float:
        """The least of four tries; no more are made once it is little enough."""
        least = await once(address)
        for _ in range(3):
            if least >= most:
                least = min(least, await once(address))
        return least

    async def costs() -> tuple[float, dict[str, float]]:
        limit = 8 * await cost("/443", 0)
        return limit, {address: await cost(address, limit) for address in ADDRESSES}

    limit, found = asyncio.run(costs())
    assert len(found) == len(ADDRESSES)
    assert {address: cost for address, cost in found.items() if cost >= limit} == {}


@pytest.mark.parametrize("form", ["application/json", "text/html", "text/plain"])
def test_the_loop_writes_nothing_of_a_machine_with_thousands_of_listeners(form: str) -> None:
    many = Machine([bound(8080)] * (4000 if PROOF else 1000))
    site = create_app(CATALOG, Settings(), host=many)

    async def share() -> float:
        whole, own = time.process_time(), time.thread_time()
        answer = await ask(site, "/here", accept=form)
        assert answer.status == 200
        return (time.thread_time() - own) / (time.process_time() - whole)

    assert any(asyncio.run(share()) < 0.2 for _ in range(3))


@pytest.mark.parametrize("public", [False, True])
def test_a_crowd_of_searches(public: bool) -> None:
    """Some run, some wait, the rest come back later; everything else is answered meanwhile."""
    site = _site(public=public)
    release = threading.Event()

    async def crowd() -> None:
        kept = await ask(site, "/443", accept="text/html")
        slow = asyncio.ensure_future(site.context.work.searches.run(release.wait, 60))
        await asyncio.sleep(0)
        searches = [
            asyncio.ensure_future(ask(site, f"/search?q=service{number}", accept="text/html"))
            for number in range(60)
        ]
        assert len(searches) == 60
        for answer in await asyncio.gather(*searches[32:]):
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert "too many searches at the moment" in answer.body.decode()
            assert "content-security-policy" in answer.headers
        for address in ("/healthz", "/443", "/80", "/services/ssh", "/changes", "/blocks"):
            answer = await asyncio.wait_for(ask(site, address, accept="text/html"), PATIENCE)
            assert answer.status == 200, address
        assert (await ask(site, "/443", accept="text/html")).body == kept.body
        release.set()
        assert await slow
        for admitted in await asyncio.gather(*searches[:32]):
            assert admitted.status == 200
        assert (await ask(site, "/search?q=later", accept="text/html")).status == 200

    asyncio.run(crowd())


@for_each("address", LISTS)
def test_lists_wait_for_each_other(address: str) -> None:
    site = _site()
    release = threading.Event()

    async def crowd() -> None:
        lists = site.context.work.lists
        held = [
            asyncio.ensure_future(lists.run(release.wait))
            for _ in range(lists.at_once + lists.most_waiting)
        ]
        await asyncio.sleep(0)
        answer = await ask(site, address, accept="*/*")
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert (await ask(site, "/search.json?q=ssh")).status == 200
        assert (await ask(site, "/about")).status == 200
        release.set()
        await asyncio.gather(*held)
        assert (await ask(site, address, accept="*/*")).status == 200

    asyncio.run(crowd())


def test_a_client_of_a_public_site_may_ask_for_so_much_that_is_new() -> None:
    async def asks(site: Keeping) -> list[int]:
        answers = [await ask(site, f"/search.json?q=qwx{number}") for number in range(30)]
        # What is kept costs nothing, nor do pages.
        again = await ask(site, "/search.json?q=qwx0")
        pages = [await ask(site, address, accept="text/html") for address in ("/80", "/about")]
        assert [again.status, *(page.status for page in pages)] == [200, 200, 200]
        for answer in answers:
            if answer.status == 429:
                assert 1 <= int(answer.headers["retry-after"]) <= work_limit.WINDOW
                assert "came from your address" in json.loads(answer.body)["detail"]
        return [answer.status for answer in answers]

    assert asyncio.run(asks(_site(public=True, searches_of_one=25))) == [200] * 25 + [429] * 5
    assert asyncio.run(asks(_site(searches_of_one=25))) == [200] * 30


def test_a_list_counts_as_ten_searches() -> None:
    async def asks(site: Keeping) -> list[int]:
        years = [f"/changes?since={year}" for year in range(2015, 2019)]
        return [(await ask(site, year, accept="application/json")).status for year in years]

    assert asyncio.run(asks(_site(public=True, searches_of_one=25))) == [200, 200, 200, 429]
