"""The rows of practice's files as values. Each raises DataCorrupt for a cell that can't be one.

What is made of the other files' rows stands beside this: most ports have uses alone.
"""

from __future__ import annotations

from portbook.errors import DataCorrupt
from portbook.model import StatementSource, Transport, Use, UseKind
from portbook.storage.sorted_tsv import unescape_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The kinds of the compiled files, and the columns of each; tasks/build_lore.py writes these.
COLUMNS = {
    "programs": (
        "basename", "name", "product", "executables", "services", "ports", "units", "package",
        "macos", "windows", "source", "read", "further", "also_called", "sources",
    ),
    "uses": (
        "first", "last", "transport", "kind", "family", "product", "summary", "source", "read",
        "also_called", "sources", "services", "weight", "further", "programs", "shown_by",
    ),
    "abuse": (
        "first", "last", "transport", "kind", "threat", "period", "subject", "summary", "source",
        "read", "also_called", "sources",
    ),
    "services": (
        "first", "last", "transport", "name", "gist", "also_called", "description", "registered",
        "people", "encryption", "authentication", "twin", "successor", "elsewhere", "advice", "why",
        "amplification", "references", "source", "read", "sources",
    ),
    "browsers": ("port", "source"),
    "tools": ("name", "product", "services", "source", "read"),
    "names": ("name", "transport", "port", "source"),
    "systems": (
        "system", "since", "dynamic_first", "dynamic_last", "privileged", "source", "read",
        "further",
    ),
    "system_listeners": (
        "system", "name", "programs", "ports", "summary", "mend", "source", "read",
    ),
}  # fmt: skip


def number_of(cell: str, path: str) -> int:
    """The number that *cell* of the file *path* is. Raises DataCorrupt."""
    if not (cell.isascii() and cell.isdigit()):
        raise DataCorrupt(path, f"{cell[:20]!a} is not a number")
    return int(cell)


def cells_of(row: list[str], kind: str, path: str) -> list[str]:
    """The texts of *row* of the file *path*, one for each column of *kind*. Raises DataCorrupt."""
    if len(row) != len(COLUMNS[kind]):
        raise DataCorrupt(path, f"the row of {row[0][:40]!a} has {len(row)} cells")
    return [unescape_cell(cell) for cell in row] if "\\" in "".join(row) else row


def cells_in(line: str, kind: str, path: str) -> list[str]:
    """As :func:`cells_of`, of a row that is one *line* yet: half the time. Raises DataCorrupt."""
    row = line.split("\t")
    if "\\" in line or len(row) != len(COLUMNS[kind]):
        return cells_of(row, kind, path)
    return row


# To look them up takes a third of what their classes take.
_TRANSPORTS = {str(each): each for each in Transport}
_USE_KINDS = {str(each): each for each in UseKind}
_new: Any = tuple.__new__


def transport_of(word: str, path: str) -> Transport:
    """The transport that the cell *word* of the file *path* is. Raises DataCorrupt."""
    try:
        return _TRANSPORTS[word]
    except KeyError:
        raise DataCorrupt(path, f"{word[:20]!a} is not a transport") from None


def _use_kind(word: str, path: str) -> UseKind:
    try:
        return _USE_KINDS[word]
    except KeyError:
        raise DataCorrupt(path, f"{word[:20]!a} is no kind of a use") from None


def names_of(cell: str) -> tuple[str, ...]:
    """The names that *cell* lists."""
    return tuple(cell.split(", ")) if cell else ()


def statement_sources_of(cell: str) -> tuple[StatementSource, ...]:
    """Fields joined by commas, an address and a day, as often as *cell* has them."""
    if not cell:
        return ()
    words = cell.split()
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return tuple(
        [StatementSource(tuple(of.split(",")), source, read) for of, source, read in triples]
    )


def use_of(cells: list[str], path: str) -> Use:
    """The use of one row of ``uses.tsv``, which is *path*. Raises DataCorrupt."""
    first, last, transport, kind, family, product, summary, source, read, *rest = cells
    also_called, sources, services, weight, further, programs, shown_by = rest
    begin = number_of(first, path)
    # The constructor of the class takes as long as all the rest, and captures need thousands.
    made: Use = _new(
        Use,
        (
            product, _use_kind(kind, path), transport_of(transport, path),
            begin, begin if last == first else number_of(last, path), summary, source, read,
            family or None, tuple(services.split()) if services else (), number_of(weight, path),
            tuple(further.split()) if further else (), tuple(programs.split()) if programs else (),
            number_of(shown_by, path), names_of(also_called),
            statement_sources_of(sources),
        ),
    )  # fmt: skip
    return made
