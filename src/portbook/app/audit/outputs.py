"""The files that an audit writes: whole or not at all, by whoever knows their form."""

from __future__ import annotations

import contextlib

from portbook.errors import EngineFailed, InvalidArgument, shown
from portbook.storage.atomic_write import whole_file, whole_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Engine, Tell

# What an engine writes, each by the ending of a name.
TABLES = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")


def table_form(path: str) -> str | None:
    """Which of :data:`TABLES` *path* ends in; None for any other name.

    >>> table_form("rows.CSV.gz"), table_form("rows.gz")
    ('.csv.gz', None)
    """
    return next((form for form in TABLES if path.lower().endswith(form)), None)


def write_table(engine: Engine, expression: ir.Table, path: str, tell: Tell) -> None:
    """Writes the rows of *expression* to *path*, in the form that its name ends in.

    Raises EngineFailed, or InvalidArgument where *path* can't be written.
    """
    form = table_form(path)
    assert form is not None  # the command line was checked before anything was read
    if engine.writes_folders:
        with _told(path), whole_folder(path) as place:
            engine.write(expression, place, form, tell)
        return
    with _told(path), whole_file(path) as new:
        try:
            engine.write(expression, new.path, form, tell)
        except EngineFailed as error:
            # The engine knows it by a name that is gone by the time anybody reads this.
            raise EngineFailed(str(error).replace(new.path, path)) from error


def write_text(path: str, text: str) -> None:
    """Writes *text* to *path*, in UTF-8. Raises InvalidArgument."""
    with _told(path), whole_file(path) as new:
        new.write(text.encode())


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidArgument(
            "", f"{shown(path, 200)} can't be written: {error.strerror or error}"
        ) from error
