"""A statement of DuckDB's that runs beside what portbook does, and can be followed and stopped."""

from __future__ import annotations

import threading

import duckdb

from portbook.errors import EngineFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import ibis.expr.types as ir

    from portbook.audit.engines import Tell
    from portbook.audit.engines.duck import Duck


class Statement:
    """*sql*, which makes *table* (if it makes any), running in a thread of its own."""

    def __init__(self, engine: Duck, sql: str, table: Any = None) -> None:
        self.table = table
        self._engine, self._sql = engine, sql
        self._cursor = engine.cursor()
        self._error: BaseException | None = None
        # Thread.join, interrupted, takes a thread for ended that still runs.
        self._done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._cursor.execute(self._sql)
            self._engine.note_rejects(self._cursor)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._error = error
        finally:
            self._done.set()

    def stop(self) -> None:
        """Interrupts the statement, and returns when it has ended."""
        while not self._done.wait(0.1):
            self._cursor.interrupt()

    def lasts(self, seconds: float) -> bool:
        """Whether it still runs when so much time has passed."""
        return not self._done.wait(seconds)

    def wait(self, tell: Tell) -> ir.Table:
        """The table, once it is there. Raises EngineFailed."""
        try:
            while not self._done.wait(0.02):
                share = self._cursor.query_progress()
                tell(share / 100 if share >= 0 else None)
        except BaseException:
            self.stop()
            raise
        if isinstance(self._error, duckdb.Error):
            raise EngineFailed(self._engine.reason(self._error)) from self._error
        if self._error is not None:
            raise self._error
        self._cursor.close()
        return self.table
