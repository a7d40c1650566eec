"""Readers' votes in PostgreSQL, for a site that runs on more than one machine."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from portbook.errors import FeedbackUnavailable, MissingExtra
from portbook.web.feedback.sqlite import (
    TALLIES,
    VOTES_OF,
    Tally,
    Vote,
    rank,
    read_rows,
    tally_of,
    vote_of,
)

try:
    import psycopg
except ImportError as error:
    raise MissingExtra("postgres", "PORTBOOK_DATABASE_URL") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

_TABLE = """
    CREATE TABLE IF NOT EXISTS feedback (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        page TEXT NOT NULL, vote TEXT NOT NULL, text TEXT, day TEXT NOT NULL)
"""
# Two servers that start at once would both make the table: one of them waits for the other.
_TABLE_LOCK = "SELECT pg_advisory_xact_lock(4905)"
# Of a vote, in ms; a person at the command line waits as long as it takes. For the transaction
# alone: a pool between here and the server hands the session on to others.
_STATEMENT_LIMIT = "SET LOCAL statement_timeout = 3000"
# A server that vanished says nothing: the system finds out within 25 s, not in two hours.
_LIVENESS: dict[str, Any] = {
    "connect_timeout": 3,  # seconds for each address that the name has
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # ms
}


class PostgresStore:
    """Votes in the table ``feedback`` of the database at *url*; it is made where it isn't there."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._socket: socket.socket | None = None  # the connection's, for give_up

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = psycopg.connect(self._url, application_name="portbook", **_LIVENESS)
            try:
                self._socket = _second_handle(connection)
                with connection.transaction():
                    connection.execute(_STATEMENT_LIMIT)
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

        def insert(connection: psycopg.Connection[Any]) -> None:
            connection.execute(_STATEMENT_LIMIT)
            connection.execute(query, vote)

        self._run(insert)

    def tallies(self) -> tuple[Tally, ...]:
        rows = self._run(lambda connection: connection.execute(TALLIES).fetchall())
        return rank(read_rows(tally_of, rows, self._fail))

    def votes(self) -> Iterator[Vote]:
        rows = self._run(lambda connection: connection.execute(VOTES_OF).fetchall())
        return read_rows(vote_of, rows, self._fail)

    def delete_before(self, day: str) -> int:
        query = "DELETE FROM feedback WHERE day < %s"
        count: int = self._run(lambda connection: connection.execute(query, (day,)).rowcount)
        return count

    def give_up(self) -> None:
        # A limit that the server keeps is none where the server is what hangs: its end of the
        # connection seems closed from now on, which wakes whoever waits for it.
        handle = self._socket
        if handle is not None:
            with contextlib.suppress(OSError):  # it was closed meanwhile
                handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        handle, self._socket = self._socket, None
        if handle is not None:
            handle.close()
        if connection is not None:
            connection.close()


def _second_handle(connection: psycopg.Connection[Any]) -> socket.socket | None:
    """A descriptor of our own for *connection*'s socket: its number can't become another's."""
    if os.name == "nt":  # sockets aren't descriptors there
        return None
    return socket.socket(fileno=os.dup(connection.fileno()))
