"""One database in memory for many audits: to open one takes longer than most that is asked of it.

Each audit has a schema of its own there, as it were: an empty database that is attached, and that
whatever it makes or looks for goes to.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING

from portbook.app.audit.engines import duckdb_engine
from portbook.storage.file_trust import own_home

if TYPE_CHECKING:
    from typing import Any

    import duckdb

_open = duckdb_engine._connect
_numbers = itertools.count()


@cache
def _opened(home: str) -> duckdb.DuckDBPyConnection:
    """The database of all audits of a user whose home folder is *home*."""
    return _open("", None)


def connect(folder: str, memory: str | None) -> Any:
    """In the place of the engine's own: a part of one database, unless *memory* is said."""
    if memory is not None:
        return _open(folder, memory)
    return _Part(_opened(own_home()), f"part_{next(_numbers)}", first=True)


class _Part:
    """A connection that has one of the databases attached for its own."""

    def __init__(self, shared: Any, name: str, *, first: bool = False) -> None:
        self._shared, self._name, self._first = shared, name, first
        self._connection = shared.cursor()
        if first:
            self._connection.execute(f"ATTACH ':memory:' AS {name}")
        self._connection.execute(f"USE {name}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self) -> _Part:
        return _Part(self._connection, self._name)

    def close(self) -> None:
        self._connection.close()
        if self._first:
            with self._shared.cursor() as other:
                other.execute(f"DETACH {self._name}")
