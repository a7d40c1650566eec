"""Readers' votes in PostgreSQL, for a site that runs on more than one machine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from portbook.errors import MissingExtra
from portbook.web.store import TALLIES, VOTES_OF, FeedbackUnavailable, Tally, Vote, rank

try:
    import psycopg
except ImportError as error:
    raise MissingExtra("postgres", "PORTBOOK_DATABASE_URL") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    T = TypeVar("T")

_TABLE = """
    CREATE TABLE IF NOT EXISTS feedback (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        page TEXT NOT NULL, vote TEXT NOT NULL, text TEXT, day TEXT NOT NULL)
"""
# Two servers that start at once would both make the table: one of them waits for the other.
_TABLE_LOCK = "SELECT pg_advisory_xact_lock(4905)"


class PostgresStore:
    """Votes in the table ``feedback`` of the database at *url*; it is made where it isn't there."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = psycopg.connect(self._url, connect_timeout=5, application_name="portbook")
            try:
                with connection.transaction():
                    connection.execute(_TABLE_LOCK)
                    connection.execute(_TABLE)
                connection.commit()
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _run(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """*work* in a transaction of its own; a connection that has died is made anew, once."""
        with self._lock:
            held = self._connection is not None
            try:
                return self._once(work)
            except psycopg.OperationalError as error:
                self.close()
                # A commit whose answer was lost may have been done: a vote is then kept twice
                # rather than acknowledged and lost.
                if not held:
                    raise self._fail(error) from error
            except psycopg.Error as error:
                self.close()
                raise self._fail(error) from error
            try:
                return self._once(work)
            except psycopg.Error as error:
                self.close()
                raise self._fail(error) from error

    def _once(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        connection = self._open()
        with connection.transaction():
            return work(connection)

    def _fail(self, error: Exception) -> FeedbackUnavailable:
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        return FeedbackUnavailable(
            f"the feedback database can't be used ({first}): see PORTBOOK_DATABASE_URL"
        )

    def add(self, vote: Vote) -> None:
        query = "INSERT INTO feedback (page, vote, text, day) VALUES (%s, %s, %s, %s)"
        self._run(lambda connection: connection.execute(query, vote))

    def tallies(self) -> tuple[Tally, ...]:
        rows = self._run(lambda connection: connection.execute(TALLIES).fetchall())
        return rank(Tally(*row) for row in rows)

    def votes(self) -> Iterator[Vote]:
        rows = self._run(lambda connection: connection.execute(VOTES_OF).fetchall())
        return (Vote(*row) for row in rows)

    def delete_before(self, day: str) -> int:
        query = "DELETE FROM feedback WHERE day < %s"
        count: int = self._run(lambda connection: connection.execute(query, (day,)).rowcount)
        return count

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
