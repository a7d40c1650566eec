"""DuckDB's statements, each beside what portbook does, so that Ctrl-C always has somebody to reach.

Python runs signal handlers between its own instructions, and DuckDB looks for an interruption
between blocks of rows: in a hostile file one such block may take hours. So the thread that takes
the signals only waits, and what doesn't end soon after it was interrupted is left to itself.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue

import duckdb

from portbook.errors import EngineFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Tell

    class Connected(Protocol):
        """The part of the engine that a statement needs."""

        def cursor(self) -> duckdb.DuckDBPyConnection: ...
        def note_rejects(self, cursor: duckdb.DuckDBPyConnection) -> None: ...
        def reason(self, error: BaseException) -> str: ...


GRACE = 2.0  # seconds that a statement has to end once it was interrupted


class _Task:
    """A call for the thread of a :class:`Line`, and what became of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._value: Any = None
        self._error: BaseException | None = None
        # Thread.join, interrupted, takes a thread for ended that still runs.
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._error = error
        finally:
            self.done.set()

    def outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class Line:
    """A connection to DuckDB, whose statements run in a thread of their own, one after the other.

    ``stuck`` says that one was interrupted and didn't end: nothing more can be asked, and closing
    the connection would wait for it.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self.stuck = False
        threading.Thread(target=_work, args=(self._tasks,), daemon=True).start()

    def ask(
        self,
        sql: str,
        values: Sequence[Any] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> list[tuple[Any, ...]]:
        """The rows of the statement *sql*, beside which *meanwhile* is done. Raises what DuckDB
        does, and what interrupts it.
        """
        task = _Task(lambda: self._connection.execute(sql, values).fetchall())
        try:
            self._tasks.put(task)
            if meanwhile is not None:
                meanwhile()
            task.done.wait()
        except BaseException:
            self.stuck |= not interrupted(self._connection, task.done)
            raise
        rows: list[tuple[Any, ...]] = task.outcome()
        return rows

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the same tables, for another thread."""
        return self._connection.cursor()

    def close(self) -> None:
        """Lets go of the memory, unless a statement is stuck."""
        self._tasks.put(None)
        if not self.stuck:
            self._connection.close()


def _work(tasks: SimpleQueue[_Task | None]) -> None:
    while (task := tasks.get()) is not None:
        task.run()


def interrupted(connection: duckdb.DuckDBPyConnection, done: threading.Event) -> bool:
    """Interrupts what runs on *connection*; whether it was *done* within :data:`GRACE`."""
    for _ in range(round(GRACE / 0.1)):
        connection.interrupt()
        if done.wait(0.1):
            return True
    return done.is_set()


class Statement:
    """*sql*, which makes *table* (if it makes any), running in a thread of its own once it is
    started.
    """

    def __init__(self, engine: Connected, sql: str, table: Any = None) -> None:
        self.table = table
        self._engine, self._sql = engine, sql
        self._cursor = engine.cursor()
        self._task = _Task(self._run)
        self._started = False

    def start(self) -> None:
        """Begins to run it."""
        self._started = True
        threading.Thread(target=self._task.run, daemon=True).start()

    def _run(self) -> None:
        self._cursor.execute(self._sql)
        self._engine.note_rejects(self._cursor)

    @property
    def ended(self) -> bool:
        """Whether it ran, and doesn't any more."""
        return self._task.done.is_set()

    def stop(self) -> bool:
        """Interrupts the statement; whether it ended then."""
        if not self._started or self.ended:
            return True
        return interrupted(self._cursor, self._task.done)

    def lasts(self, seconds: float) -> bool:
        """Whether it still runs when so much time has passed."""
        return not self._task.done.wait(seconds)

    def wait(self, tell: Tell) -> ir.Table:
        """The table, once it is there. Raises EngineFailed."""
        while not self._task.done.wait(0.02):
            share = self._cursor.query_progress()
            tell(share / 100 if share >= 0 else None)
        try:
            self._task.outcome()
        except duckdb.Error as error:
            raise EngineFailed(self._engine.reason(error)) from error
        self._cursor.close()
        return self.table
