"""How DuckDB is told of files: their names, and what there is to read in them.

DuckDB takes a name for more than a name: a pattern, the home folder (``~``), an object store
(``s3://…``), values for columns (``dst_port=22/``). So it gets absolute paths of harmless
characters alone; a file with any other name is reached through a link in a folder of ours.
"""

from __future__ import annotations

import os
import re

import ibis
from ibis.backends.sql.datatypes import DuckDBType

from portbook.app.audit.engines.base import FILE, ROW, is_url
from portbook.app.audit.row_errors import KEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.app.audit.engines.base import Batch

_HARMLESS = re.compile(r"[\w/.,=+@% -]+" if os.sep == "/" else r"[\w/.,=+@% :\\-]+")
# DuckDB's own name for the number of a row in its Parquet file.
_NUMBER = "file_row_number"


class Files:
    """The files that one connection reads; *folder* is where links to them may be put."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._given: dict[str, str] = {}

    def named(self, path: str) -> str:
        """*path* as DuckDB is to have it, as a text of SQL."""
        if is_url(path):
            return text(path)
        name = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
        if not _HARMLESS.fullmatch(name):
            name = self._linked(name)
        if name != path:
            self._given[name] = path
        return text(name)

    def _linked(self, path: str) -> str:
        link = os.path.join(self._folder, f"file-{len(self._given)}")
        os.symlink(path, link)
        return link

    def given(self, name: str) -> str:
        """The path that DuckDB knows by *name*."""
        return self._given.get(name, name)

    def told(self, said: str) -> str:
        """*said*, which DuckDB says of a file, with the path that was given for it."""
        for name, path in self._given.items():
            if name in said:
                return said.replace(name, path)
        return said

    def columns(self, path: str) -> str:
        """A query for the columns of a Parquet file."""
        return f"DESCRIBE SELECT * FROM read_parquet({self.named(path)}, hive_partitioning = false)"

    def lines(self, path: str, compression: str, count: int) -> str:
        """A query for the first lines of a text file, unpacked."""
        return (
            f"SELECT line FROM read_csv({self.named(path)}, columns = {{'line': 'VARCHAR'}}, "
            "header = false, delim = '\x01', quote = '', escape = '', auto_detect = false, "
            f"null_padding = true, compression = '{compression}', ignore_errors = true, "
            f"hive_partitioning = false) LIMIT {count}"
        )

    def rows(self, batch: Batch, *, places: bool) -> str:
        """A query for the rows of *batch*; with *places*, also for the file and row of each."""
        files = "[" + ", ".join(map(self.named, batch.files)) + "]"
        held = {name.lower() for name, _ in batch.layout.columns}
        place = _free(FILE, held)
        more = f", filename = {text(place)}" if places else ""
        if batch.layout.reader == "parquet":
            numbered = places and _NUMBER not in held
            more += f", {_NUMBER} = true" if numbered else ""
            source = f"read_parquet({files}, hive_partitioning = false{more})"
        else:
            numbered = False
            more = f", hive_partitioning = false{more}"
            if batch.layout.reader == "json":
                source = _json(batch, files, more)
            else:
                source = _csv(batch, files, more, rejects=not places)
        if not places:
            return f"SELECT * FROM {source}"
        row = f"{_NUMBER} + 1" if numbered else "row_number() OVER ()"
        names = [name for name, _ in batch.layout.columns if name.lower() not in (FILE, ROW)]
        asked = ", ".join([*map(quoted, names), f"{quoted(place)} AS {FILE}", f"{row} AS {ROW}"])
        return f"SELECT {asked} FROM {source}"


_LARGEST_VALUE = 1 << 26  # bytes: DuckDB sets twice as many aside for each thread


def _json(batch: Batch, files: str, more: str) -> str:
    spread = batch.layout.spread
    style = "array" if batch.array else "unstructured" if spread else "newline_delimited"
    more += "" if batch.array or spread else ", ignore_errors = true"
    more += f", maximum_object_size = {_LARGEST_VALUE}" if spread else ""
    return (
        f"read_json({files}, columns = {_types(batch)}, format = '{style}', "
        f"compression = '{batch.compression}'{more})"
    )


def _csv(batch: Batch, files: str, more: str, *, rejects: bool) -> str:
    layout = batch.layout
    if batch.compression != "none":
        # A packed file is unpacked by one thread anyway. Where one parses it too, DuckDB says which
        # lines are too long for its buffers; several of them drop such a line without a word.
        more += ", parallel = false"
    return (
        f"read_csv({files}, columns = {_types(batch)}, auto_detect = false, "
        f"header = false, skip = {layout.skip}, delim = {text(layout.delimiter)}, "
        f"quote = {text(layout.quote)}, escape = {text(layout.quote)}, "
        f"comment = {text(layout.comment)}, nullstr = {text(layout.null)}, "
        f"store_rejects = {rejects}, {f'rejects_limit = {KEPT}, ' if rejects else ''}"
        f"ignore_errors = true, compression = '{batch.compression}'{more})"
    )


def _types(batch: Batch) -> str:
    pairs = (f"{text(name)}: {text(type_name(kind))}" for name, kind in batch.layout.columns)
    return "{" + ", ".join(pairs) + "}"


def type_name(kind: str) -> str:
    """DuckDB's word for one of Ibis's types."""
    said: str = DuckDBType.to_string(ibis.dtype(kind))
    return said


def _free(name: str, held: Iterable[str]) -> str:
    """*name*, or one like it that is none of *held*."""
    while name in held:
        name += "_"
    return name


def text(value: str) -> str:
    """*value* as a text of SQL.

    >>> text("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """*name* as the name of a column or a table in SQL.

    >>> quoted('one "two" three')
    '"one ""two"" three"'
    """
    return '"' + name.replace('"', '""') + '"'
