"""A store that hangs or fails costs the voter a moment, and nobody else anything.

Nothing here looks at a clock: what must not wait is done while the store is still hanging.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import pytest

from portbook.errors import FeedbackUnavailable
from portbook.web.app import create_app
from portbook.web.feedback.sqlite import SQLiteStore, Vote
from portbook.web.feedback.store import open_store
from portbook.web.feedback.vote_queue import MOST, REST, VoteQueue
from portbook.web.http.work_limit import Busy
from portbook.web.state import Settings
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.values import CATALOG
from tests.web.database import Database, running
from tests.web.process import serving
from tests.web.views import StandIn, StandInFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path
    from typing import Any

    import httpx2

    from portbook.web.feedback.sqlite import Tally

VOTE = Vote("305", "yes", None, "2026-09-12")
FORM = {"port": "305", "vote": "yes"}


class Hanging:
    """A store that hangs until it is released, and fails as long as it is told to."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.begun = threading.Event()
        self.fails = False
        self.kept: list[Vote] = []
        self.calls = 0
        self.given_up = False
        self.closed = False

    def add(self, vote: Vote) -> None:
        self.calls += 1
        self.begun.set()
        assert self.released.wait(PATIENCE)
        if self.fails:
            raise FeedbackUnavailable("the disk is full")
        self.kept.append(vote)

    def tallies(self) -> tuple[Tally, ...]:
        raise NotImplementedError

    def votes(self) -> Iterator[Vote]:
        raise NotImplementedError

    def delete_before(self, day: str) -> int:
        raise NotImplementedError

    def give_up(self) -> None:
        self.given_up = True

    def close(self) -> None:
        self.closed = True


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def impatient(
    store: Hanging, clock: Callable[[], float] = time.monotonic, longest: float = 1.0
) -> VoteQueue:
    """A queue whose limits are in proportion, and short."""
    return VoteQueue(store, clock, turn=0.2, longest=longest)


@pytest.fixture
def store() -> Iterator[Hanging]:
    found = Hanging()
    yield found
    found.released.set()


async def outcome(call: Coroutine[Any, Any, None]) -> type[Exception] | None:
    try:
        await call
    except (Busy, FeedbackUnavailable) as error:
        return type(error)
    return None


def test_of_many_votes_one_is_written_few_wait_and_the_rest_are_busy(store: Hanging) -> None:
    async def vote() -> None:
        votes = impatient(store)
        given = [asyncio.create_task(outcome(votes.add(VOTE))) for _ in range(60)]
        await asyncio.wait(given[MOST:])
        assert {await each for each in given[MOST:]} == {Busy}
        # Those that waited for their turn are let go while the first one still hangs.
        await asyncio.wait(given[1:MOST])
        assert {await each for each in given[1:MOST]} == {Busy}
        assert await given[0] is FeedbackUnavailable
        assert not store.released.is_set()
        assert store.given_up
        # Nobody waits any more, until the one that hangs has come back.
        assert await outcome(votes.add(VOTE)) is FeedbackUnavailable
        assert votes.rest == REST
        assert store.calls == 1
        store.released.set()
        while votes.rest:
            await asyncio.sleep(0.01)
        assert await outcome(votes.add(VOTE)) is None
        assert store.calls == 2

    asyncio.run(vote())


def test_a_store_that_failed_is_left_alone_for_a_while(store: Hanging) -> None:
    store.released.set()
    store.fails = True
    clock = Clock()

    async def vote() -> None:
        votes = impatient(store, clock)
        assert votes.rest == 0
        assert await outcome(votes.add(VOTE)) is FeedbackUnavailable
        for passed in (0.0, REST - 0.5):
            clock.now = 1000.0 + passed
            assert await outcome(votes.add(VOTE)) is FeedbackUnavailable
            assert votes.rest == max(1, REST - passed)
        assert store.calls == 1
        store.fails = False
        clock.now = 1000.0 + REST
        assert votes.rest == 0
        assert await outcome(votes.add(VOTE)) is None
        assert store.kept == [VOTE]

    asyncio.run(vote())


def test_those_who_wait_when_it_fails_do_not_try_it_again(store: Hanging) -> None:
    store.fails = True

    async def vote() -> None:
        votes = impatient(store)
        given = [asyncio.create_task(outcome(votes.add(VOTE))) for _ in range(3)]
        await asyncio.to_thread(store.begun.wait, 60)
        store.released.set()
        assert await asyncio.gather(*given) == [FeedbackUnavailable] * 3
        assert store.calls == 1

    asyncio.run(vote())


def test_a_client_that_goes_before_its_turn_votes_nothing(store: Hanging) -> None:
    async def vote() -> None:
        votes = impatient(store)
        first, second = (asyncio.create_task(outcome(votes.add(VOTE))) for _ in range(2))
        await asyncio.to_thread(store.begun.wait, 60)
        second.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await second
        store.released.set()
        assert await first is None
        assert await outcome(votes.add(VOTE)) is None
        assert store.calls == 2

    asyncio.run(vote())


def test_the_end_waits_for_a_vote_that_is_written_but_not_for_ever(store: Hanging) -> None:
    async def vote() -> None:
        votes = impatient(store, longest=60.0)  # the voter hears of it however busy it is
        task = asyncio.create_task(outcome(votes.add(VOTE)))
        await asyncio.to_thread(store.begun.wait, 60)
        await asyncio.to_thread(votes.close)
        # The thread closes it, once it comes back: nothing is closed under it.
        assert not store.closed
        store.released.set()
        assert await task is None
        assert votes._thread is not None
        await asyncio.to_thread(votes._thread.join, 60)
        assert store.closed
        assert votes._thread.daemon

    asyncio.run(vote())
    unused = Hanging()
    VoteQueue(unused).close()
    assert unused.closed


# -- the site ---------------------------------------------------------------------------------


@pytest.mark.proof
def test_pages_and_searches_do_not_wait_for_votes(store: Hanging) -> None:
    """Sixty votes hang, more than there are threads for all that the site does."""
    import httpx2

    app = create_app(CATALOG, Settings(store=store), StandIn(), StandInFiles())
    if not PROOF:  # which waits its six seconds
        app.context.votes = impatient(store, longest=2.0)
    own = {"origin": "http://127.0.0.1:4905"}

    async def ask() -> None:
        def client(number: int = 1) -> httpx2.AsyncClient:
            at = (f"127.0.0.{number}", 50000)
            transport = httpx2.ASGITransport(app=app, client=at)
            return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:4905")

        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(client(n)) for n in range(1, 7)]
            votes = [
                asyncio.create_task(each.post("/feedback", data=FORM, headers=own))
                for each in clients
                for _ in range(10)
            ]
            await asyncio.to_thread(store.begun.wait, 60)
            reader = await stack.enter_async_context(client())
            async with asyncio.timeout(60):
                for path in ("/305", "/search?q=gopher", "/search.json?q=gopherr", "/blocks"):
                    assert (await reader.get(path)).status_code == 200, path
            assert not store.released.is_set()
            answers = await asyncio.gather(*votes)
            assert {each.status_code for each in answers} == {503}
            assert all(int(each.headers["retry-after"]) > 0 for each in answers)
            assert not store.released.is_set()

    asyncio.run(ask())


# -- real databases ---------------------------------------------------------------------------


class Silent(NamedTuple):
    """A server that accepts connections and says nothing: its address, and those it holds."""

    url: str
    held: list[socket.socket]


@contextlib.contextmanager
def silent() -> Iterator[Silent]:
    held: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                held.append(server.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        url = f"postgresql://u:secret@127.0.0.1:{server.getsockname()[1]}/x"
        yield Silent(url, held)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for each in held:
        each.close()


def test_a_database_that_accepts_and_is_silent_is_given_up() -> None:
    with silent() as database:
        store = open_store({"PORTBOOK_DATABASE_URL": database.url})
        with pytest.raises(FeedbackUnavailable, match="timeout") as error:
            store.add(VOTE)
        assert "secret" not in str(error.value)
        store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine's there")
def test_a_whole_server_with_a_silent_database(tmp_path: Path) -> None:
    """Sixty votes of six clients; the database is asked once, and left alone after that."""
    import httpx2

    with (
        silent() as database,
        serving(tmp_path, PORTBOOK_DATABASE_URL=database.url) as server,
        ThreadPoolExecutor(60) as threads,
    ):
        sent = threading.Barrier(61)

        def vote(number: int) -> int:
            at = (f"127.0.0.{1 + number % 6}", 0)
            client = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE, source_address=at)
            form = {"origin": server.url, "content-type": "application/x-www-form-urlencoded"}
            client.request("POST", "/feedback", urlencode(FORM), form)
            sent.wait(PATIENCE)
            status = client.getresponse().status
            client.close()
            return status

        answers = [threads.submit(vote, number) for number in range(60)]
        sent.wait(PATIENCE)
        for path in ("/search?q=gopher", "/305"):
            assert httpx2.get(f"{server.url}{path}", timeout=PATIENCE).status_code == 200
        assert {each.result() for each in answers} == {503}
        assert httpx2.get(f"{server.url}/search?q=gophr", timeout=PATIENCE).status_code == 200
        assert len(database.held) <= 2  # a second one where the machine is so slow that it rested
        # A vote that hangs doesn't keep the server from ending.
        server.process.terminate()
        server.process.wait(PATIENCE)


@pytest.mark.proof
def test_a_file_that_another_process_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not PROOF:  # which waits its five seconds
        monkeypatch.setattr("portbook.web.feedback.sqlite.PATIENCE", 0.5)
    store = SQLiteStore(str(tmp_path / "feedback.sqlite3"))
    store.add(VOTE)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(FeedbackUnavailable, match="another program is writing"):
            store.add(VOTE)
    finally:
        other.close()
    store.add(VOTE)
    assert len(list(store.votes())) == 2
    store.close()


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running() as found:
        yield found


@pytest.mark.real
def test_a_statement_that_waits_for_a_lock_ends(database: Database) -> None:
    import psycopg

    from portbook.web.feedback.postgres import PostgresStore

    store = PostgresStore(database.url)
    store.add(VOTE)
    with psycopg.connect(database.url) as other:
        other.execute("LOCK TABLE feedback IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(FeedbackUnavailable, match="statement timeout"):
            store.add(VOTE)
        other.rollback()
    store.add(VOTE)
    # What a person asks for takes as long as it takes.
    with psycopg.connect(database.url) as other:
        limits = store._run(lambda each: each.execute("SHOW statement_timeout").fetchall())
        assert limits == other.execute("SHOW statement_timeout").fetchall()
    store.close()


@pytest.mark.real
def test_a_statement_that_nothing_ends_is_given_up(database: Database) -> None:
    """As of a server that stopped in the middle: the limit that it would keep is no limit."""
    from portbook.web.feedback.postgres import PostgresStore

    store = PostgresStore(database.url)
    before = len(list(store.votes()))
    store.add(VOTE)
    failed = threading.Event()

    def hang() -> None:
        try:
            store._run(lambda each: each.execute("SELECT pg_sleep(600)"))
        except FeedbackUnavailable:
            failed.set()

    thread = threading.Thread(target=hang, daemon=True)
    thread.start()
    # Once for the connection that was there, once for the one that takes its place.
    while not failed.wait(0.1):
        store.give_up()
    thread.join()
    store.add(VOTE)
    assert len(list(store.votes())) == before + 2
    store.close()
    store.give_up()
