"""Where readers' votes are kept: one small interface, SQLite by default, PostgreSQL if named.

A vote is a page, one of three words, perhaps a line of text, and the day. Who gave it is not
asked and not kept.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from portbook.errors import FeedbackUnavailable, Untrusted, shown
from portbook.storage.file_trust import trusted_users
from portbook.storage.path_trust import check_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

T = TypeVar("T")

PATIENCE = 5.0  # seconds that a write waits for another one
VOTES = ("no", "partly", "yes")  # was this page helpful?


class Vote(NamedTuple):
    """What one reader said of one *page*; *day* is ISO 8601, in UTC."""

    page: str
    vote: str
    text: str | None
    day: str


class Tally(NamedTuple):
    """The votes on one page, and how many of them came with a text."""

    page: str
    no: int
    partly: int
    yes: int
    texts: int

    @property
    def votes(self) -> int:
        """How many votes there are."""
        return self.no + self.partly + self.yes


class FeedbackStore(Protocol):
    """What a store does. Every method raises FeedbackUnavailable where it can't."""

    def add(self, vote: Vote) -> None:
        """Keeps *vote*: once this returns, a killed server has it still."""

    def tallies(self) -> tuple[Tally, ...]:
        """The pages that were voted on, those that most need work first."""

    def votes(self) -> Iterator[Vote]:
        """Every vote, the oldest first."""

    def delete_before(self, day: str) -> int:
        """Forgets what is older than *day* (ISO 8601), and returns how many votes that was."""

    def give_up(self) -> None:
        """Ends what another thread does with the store, as far as it can be ended from here."""

    def close(self) -> None:
        """Lets go of the database."""


# Pages with the most votes that aren't a yes come first; of equals, those with the larger share.
TALLIES = """
    SELECT page, SUM(CASE WHEN vote = 'no' THEN 1 ELSE 0 END) AS no_votes,
           SUM(CASE WHEN vote = 'partly' THEN 1 ELSE 0 END) AS partly_votes,
           SUM(CASE WHEN vote = 'yes' THEN 1 ELSE 0 END) AS yes_votes,
           SUM(CASE WHEN text IS NULL THEN 0 ELSE 1 END) AS texts
    FROM feedback GROUP BY page
"""
VOTES_OF = "SELECT page, vote, text, day FROM feedback ORDER BY id"


class NotOurs(ValueError):
    """A row of a table that something else than portbook filled."""


def vote_of(row: Sequence[object]) -> Vote:
    """The vote in a *row* of VOTES_OF; raises NotOurs where it holds none.

    >>> vote_of(("305", "yes", None, "2026-09-12")).page
    '305'
    """
    page, vote, text, day = row
    if not (isinstance(page, str) and isinstance(day, str) and vote in VOTES):
        raise NotOurs(f"a row that is no vote of a page: {shown(str(row[:2]))}")
    if not (text is None or isinstance(text, str)):
        raise NotOurs(f"a vote on {shown(page)} whose text is none")
    return Vote(page, str(vote), text, day)


def tally_of(row: Sequence[object]) -> Tally:
    """The tally in a *row* of TALLIES; raises NotOurs where it is of no page."""
    page, *counts = row
    if not isinstance(page, str):
        raise NotOurs(f"votes on {shown(str(page))}, which is no page")
    return Tally(page, *[count if isinstance(count, int) else 0 for count in counts])


def read_rows(
    read: Callable[[Sequence[object]], T],
    rows: Iterable[Sequence[object]],
    fail: Callable[[Exception], FeedbackUnavailable],
) -> Iterator[T]:
    """What *read* makes of each row; raises what *fail* makes of the first that isn't ours."""
    for row in rows:
        try:
            found = read(row)
        except NotOurs as error:
            raise fail(error) from error
        yield found


def rank(tallies: Iterable[Tally]) -> tuple[Tally, ...]:
    """*tallies*, those of pages that most need work first: a no counts twice a partly."""
    return tuple(
        sorted(tallies, key=lambda each: (-(2 * each.no + each.partly), each.yes, each.page))
    )


class SQLiteStore:
    """Votes in one file at *path*; it and its folder are made with the first vote.

    Nobody else may be able to put another file or a link there, but for the groups of this process
    where the user *named* the path: then they share it.

    Write-ahead logging lets ``portbook feedback`` read while the server writes, and a full sync
    at each vote makes what was acknowledged outlive a loss of power.
    """

    def __init__(self, path: str, *, named: bool = False) -> None:
        self.path = path
        self._groups = os.getgroups() if named and hasattr(os, "getgroups") else ()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def _open(self, *, write: bool) -> sqlite3.Connection | None:
        """The connection; None where nothing was ever written and nothing is to be."""
        if self._connection is not None:
            return self._connection
        if not write and not os.path.lexists(self.path):
            return None
        # SQLite opens by name, and writes files beside that one: no look at any of them would
        # hold for long where others can replace it.
        check_path(self.path, trusted_users(), self._groups)
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=PATIENCE, check_same_thread=False)
        try:
            _log_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS feedback (id INTEGER PRIMARY KEY, page TEXT NOT NULL, "
                "vote TEXT NOT NULL, text TEXT, day TEXT NOT NULL)"
            )
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _fail(self, error: Exception) -> FeedbackUnavailable:
        # What has failed once may work again: a disk is emptied, a folder made writable.
        self.close()
        return FeedbackUnavailable(
            f"the feedback in {shown(self.path, 200)} can't be used ({error}): {_mend(error)}"
        )

    def add(self, vote: Vote) -> None:
        with self._lock:
            try:
                connection = self._open(write=True)
                assert connection is not None
                with connection:
                    connection.execute(
                        "INSERT INTO feedback (page, vote, text, day) VALUES (?, ?, ?, ?)", vote
                    )
            except (sqlite3.Error, OSError) as error:
                raise self._fail(error) from error

    def tallies(self) -> tuple[Tally, ...]:
        return rank(read_rows(tally_of, self._rows(TALLIES), self._fail))

    def votes(self) -> Iterator[Vote]:
        return read_rows(vote_of, self._rows(VOTES_OF), self._fail)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                connection = self._open(write=False)
                return [] if connection is None else connection.execute(query).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise self._fail(error) from error

    def delete_before(self, day: str) -> int:
        with self._lock:
            try:
                connection = self._open(write=False)
                if connection is None:
                    return 0
                with connection:
                    gone = connection.execute("DELETE FROM feedback WHERE day < ?", (day,)).rowcount
                # What was forgotten is to be gone from the file too, not only from the table.
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except (sqlite3.Error, OSError) as error:
                raise self._fail(error) from error
            return gone

    def give_up(self) -> None:
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # it was closed meanwhile
                connection.interrupt()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turns on write-ahead logging, once per file; raises sqlite3.Error where that fails.

    SQLite waits here for nobody: two first writers who both read the file would wait for each
    other (https://www.sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
    So one of them is refused at once and tries again.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _primary(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


_ANOTHER = "it is damaged, or not portbook's; move it away, and the next vote begins a new one"
_LOCKED = "another program is writing to it; let it finish"
_ROOM = "free the disk, or make the folder writable"
_MENDS = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    **dict.fromkeys(
        (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_PERM,
        ),
        _ROOM,
    ),
}


def _mend(error: Exception) -> str:
    """What to do about a file of votes that *error* came of."""
    if isinstance(error, Untrusted):
        return "keep it in a folder of your own (XDG_DATA_HOME, PORTBOOK_DATABASE_URL)"
    if isinstance(error, OSError):
        return _ROOM
    return _MENDS.get(_primary(error), _ANOTHER)


def _primary(error: Exception) -> int:
    """The primary result code in the extended one that *error* carries; 0 for none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
