"""One suite for both stores: what is said of one holds for the other."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portbook.errors import FeedbackUnavailable
from portbook.storage.user_dirs import data_folder
from portbook.web.feedback.sqlite import VOTES, FeedbackStore, SQLiteStore, Tally, Vote
from portbook.web.feedback.store import open_store
from tests.counts import PROOF
from tests.real.needs import need
from tests.web.database import Database, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running() as found:
        yield found


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.real)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/feedback.sqlite3"
    found: Database = request.getfixturevalue("database")
    import psycopg

    with psycopg.connect(found.url) as connection:
        connection.execute("DROP TABLE IF EXISTS feedback")
    return found.url


@pytest.fixture
def store(url: str) -> Iterator[FeedbackStore]:
    found = open_store({"PORTBOOK_DATABASE_URL": url})
    yield found
    found.close()


def _vote(page: str = "305", vote: str = "no", text: str | None = None) -> Vote:
    return Vote(page, vote, text, "2026-09-12")


def test_an_empty_store(store: FeedbackStore) -> None:
    assert store.tallies() == ()
    assert list(store.votes()) == []
    assert store.delete_before("2030-01-01") == 0


def test_what_is_added_is_there(store: FeedbackStore, url: str) -> None:
    votes = [_vote(), _vote("80", "yes", "clear"), _vote("305", "partly", "0 ' \" \\ % é 端")]
    for vote in votes:
        store.add(vote)
    assert list(store.votes()) == votes
    other = open_store({"PORTBOOK_DATABASE_URL": url})
    assert list(other.votes()) == votes
    other.close()


def test_pages_that_need_work_come_first(store: FeedbackStore) -> None:
    for page, votes in {"1": "yes yes", "2": "no partly", "3": "partly yes", "4": "no no"}.items():
        for vote in votes.split():
            store.add(_vote(page, vote, "a text" if vote == "no" else None))
    assert store.tallies() == (
        Tally("4", 2, 0, 0, 2),
        Tally("2", 1, 1, 0, 1),
        Tally("3", 0, 1, 1, 0),
        Tally("1", 0, 0, 2, 0),
    )


def test_what_is_older_is_forgotten(store: FeedbackStore, url: str) -> None:
    for day in ("2025-12-31", "2026-01-01", "2026-01-02"):
        store.add(_vote(text="needle")._replace(day=day))
    assert store.delete_before("2026-01-01") == 1
    assert [vote.day for vote in store.votes()] == ["2026-01-01", "2026-01-02"]
    assert store.delete_before("2030-01-01") == 2
    if url.startswith("sqlite"):  # gone from the disk too
        store.close()
        files = list(Path(url.removeprefix("sqlite:///")).parent.iterdir())
        assert files
        assert all(b"needle" not in file.read_bytes() for file in files)


def test_many_writers_at_once_lose_nothing(url: str) -> None:
    def write() -> None:
        mine = open_store({"PORTBOOK_DATABASE_URL": url})
        for _ in range(10):
            mine.add(_vote())
        mine.close()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    store = open_store({"PORTBOOK_DATABASE_URL": url})
    assert store.tallies()[0].no == 40
    store.close()


def test_the_first_writers_wait_for_each_other(tmp_path: Path) -> None:
    for turn in range(20):
        url = f"sqlite:///{tmp_path}/{turn}/feedback.sqlite3"
        together = threading.Barrier(6)

        def write(url: str = url, together: threading.Barrier = together) -> None:
            mine = open_store({"PORTBOOK_DATABASE_URL": url})
            together.wait()
            mine.add(_vote())
            mine.close()

        with ThreadPoolExecutor(6) as pool:
            for written in [pool.submit(write) for _ in range(6)]:
                written.result()
        store = open_store({"PORTBOOK_DATABASE_URL": url})
        assert store.tallies()[0].no == 6
        store.close()


@settings(
    max_examples=25 if PROOF else 6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
    st.sampled_from(VOTES),
)
def test_any_text_comes_back_as_it_was(store: FeedbackStore, text: str, vote: str) -> None:
    store.add(_vote("7", vote, text or None))
    *_, last = store.votes()
    assert last == _vote("7", vote, text or None)


# -- what is wrong with a store ---------------------------------------------------------------


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SQLiteStore(str(tmp_path / "file" / "feedback.sqlite3"))
    with pytest.raises(FeedbackUnavailable, match="can't be used"):
        store.add(_vote())


def test_a_full_disk_keeps_nothing_and_works_again_once_emptied(tmp_path: Path) -> None:
    store = SQLiteStore(str(tmp_path / "feedback.sqlite3"))
    store.add(_vote())
    assert store._connection is not None
    # The database may not grow any more: what the disk would say, said by SQLite.
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for _ in range(100):
            store.add(_vote(text="x" * 500))

    with pytest.raises(FeedbackUnavailable, match="full"):
        fill()
    before = len(list(store.votes()))
    store.add(_vote())
    assert len(list(store.votes())) == before + 1


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite3"
    path.write_bytes(b"not a database at all" * 100)
    store = SQLiteStore(str(path))
    for call in (store.tallies, store.votes, lambda: store.add(_vote())):
        with pytest.raises(FeedbackUnavailable):
            call()
    assert path.read_bytes().startswith(b"not a database")


def test_reading_makes_no_file(tmp_path: Path) -> None:
    store = SQLiteStore(str(tmp_path / "new" / "feedback.sqlite3"))
    assert store.tallies() == ()
    assert not (tmp_path / "new").exists()


def test_sqlite_logs_ahead_and_syncs(tmp_path: Path) -> None:
    store = SQLiteStore(str(tmp_path / "feedback.sqlite3"))
    store.add(_vote())
    assert store._connection is not None
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    # Readable while the server has it open.
    with sqlite3.connect(store.path) as other:
        assert other.execute("SELECT COUNT(*) FROM feedback").fetchone() == (1,)
    other.close()
    store.close()


@pytest.mark.real
def test_a_database_that_is_started_anew_is_found_again() -> None:
    from portbook.web.feedback.postgres import PostgresStore

    with running() as database:
        store = PostgresStore(database.url)
        store.add(_vote())
        database.stop()
        with pytest.raises(FeedbackUnavailable, match="PORTBOOK_DATABASE_URL"):
            store.add(_vote())
        database.start()
        store.add(_vote())
        assert store.tallies()[0].no == 2
        # A connection that died while nobody used it is made anew at once.
        database.stop()
        database.start()
        store.add(_vote())
        assert store.tallies()[0].no == 3
        store.close()


def test_what_the_environment_names(tmp_path: Path) -> None:
    found = open_store({"XDG_DATA_HOME": str(tmp_path)})
    assert isinstance(found, SQLiteStore)
    assert found.path == str(tmp_path / "portbook" / "feedback.sqlite3")
    assert data_folder({"XDG_DATA_HOME": "relative"}).endswith("portbook")
    assert "relative" not in data_folder({"XDG_DATA_HOME": "relative"})
    with pytest.raises(FeedbackUnavailable, match="'mysql'") as error:
        open_store({"PORTBOOK_DATABASE_URL": "mysql://user:secret@db/x"})
    assert "secret" not in str(error.value)
    for scheme in ("postgres", "postgresql"):
        store = open_store({"PORTBOOK_DATABASE_URL": f"{scheme}://u:secret@127.0.0.1:1/x"})
        with pytest.raises(FeedbackUnavailable) as refused:
            store.tallies()
        assert "secret" not in str(refused.value)


# -- where it is ------------------------------------------------------------------------------

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no such owners there")


def _own(tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose data lies in a folder of this test's."""
    return {"XDG_DATA_HOME": str(tmp_path)}


@posix
@pytest.mark.real
@pytest.mark.parametrize("where", ["link", "folder", "above", "file"])
def test_root_writes_nothing_where_somebody_else_says(tmp_path: Path, where: str) -> None:
    """HOME and XDG_DATA_HOME may be another user's, who can put anything there."""
    need(os.geteuid() == 0, "this test gives files to somebody else, which takes root")
    folder, precious = tmp_path / "portbook", tmp_path.parent / f"precious-{tmp_path.name}"
    folder.mkdir(mode=0o755)
    path = folder / "feedback.sqlite3"
    if where == "link":
        path.symlink_to(precious)
        os.lchown(path, 12345, 12345)
    elif where == "file":
        path.touch()
    given = {"link": tmp_path / "none", "folder": folder, "above": tmp_path, "file": path}[where]
    if where != "link":
        os.chown(given, 12345, 12345)
    store = open_store(_own(tmp_path))
    with pytest.raises(FeedbackUnavailable, match="the user with the id 12345") as caught:
        store.add(_vote())
    assert "in a folder of your own" in str(caught.value)
    if where in ("link", "file"):  # else there are no votes, which is the truth
        with pytest.raises(FeedbackUnavailable, match="the user with the id 12345"):
            store.tallies()
    assert not precious.exists()
    assert [each.name for each in folder.iterdir()] in ([], [path.name])
    assert where == "link" or not path.exists() or path.stat().st_size == 0


@posix
def test_a_folder_that_others_may_write_to_holds_no_votes(tmp_path: Path) -> None:
    folder = tmp_path / "portbook"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(FeedbackUnavailable, match="others may write to"):
        open_store(_own(tmp_path)).add(_vote())
    folder.chmod(0o700)
    store = open_store(_own(tmp_path))
    store.add(_vote())
    store.close()


@posix
def test_a_place_that_was_named_may_be_shared_with_groups_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(os.geteuid() == 0, "this test gives a folder to another group, which takes root")
    tmp_path.chmod(0o775)
    os.chown(tmp_path, -1, 12345)
    named = {"PORTBOOK_DATABASE_URL": f"sqlite:///{tmp_path}/votes.sqlite3"}
    with pytest.raises(FeedbackUnavailable, match="others may write to"):
        open_store(named).add(_vote())
    monkeypatch.setattr(os, "getgroups", lambda: [12345])
    store = open_store(named)
    store.add(_vote())
    store.close()
    with pytest.raises(FeedbackUnavailable, match="others may write to"):
        open_store(_own(tmp_path)).add(_vote())
