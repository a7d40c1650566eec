"""How the ports of the registry stand, in short, for those who ask about all of them.

Only the cells are read that tell ports apart: to make the values of :mod:`.lookup` of every row
takes several times as long.
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.catalog.registry.lookup import NOT_LISTED, held_by
from portbook.errors import DataCorrupt
from portbook.model import DYNAMIC_PORTS, State, Transport
from portbook.storage.sorted_tsv import unescape_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from portbook.catalog.registry.tsv_reader import Store
    from portbook.model import Standing

_STATES = {str(each): each for each in State}
_STATED: dict[str, Transport | None] = {"": None, **{str(each): each for each in Transport}}
_COLUMNS = 8  # first, last, transport, state, name, description, references, aliases
_NO_WORDS: frozenset[str] = frozenset()
_new: Any = tuple.__new__


class Outline(NamedTuple):
    """What a :class:`~portbook.model.Standing` says first: its state, its text, who has the port.

    ``names`` are those of the services assigned there, each once, ``whole`` says that no assignment
    is without one. ``spoken`` are these and their other names in lower case.
    """

    state: State
    listed: bool
    text: str | None
    names: tuple[str, ...] = ()
    whole: bool = True
    spoken: frozenset[str] = _NO_WORDS


class _Row(NamedTuple):
    transport: Transport | None
    state: State
    outline: Outline


def outline_of(standing: Standing) -> Outline:
    """*standing* in short."""
    rows = standing.assignments
    if not rows:
        return Outline(standing.state, standing.listed, standing.text)
    names = [row.service_name for row in rows if row.service_name]
    spoken = [*names, *[alias for row in rows for alias in row.aliases if alias]]
    return Outline(
        standing.state,
        standing.listed,
        standing.text,
        names=tuple(dict.fromkeys(names)),
        whole=len(names) == len(rows),
        spoken=frozenset(map(str.lower, spoken)),
    )


class Outlines:
    """How the ports stand of which *store* has the rows; it is held whole.

    Every method raises DataCorrupt where a cell isn't as it should be.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[int, _Row] = {}  # by their cells, which the store holds

    def on(self, port: int, transport: Transport) -> Outline:
        """How *port* stands for *transport*."""
        if port >= DYNAMIC_PORTS.first:
            return _DYNAMIC
        return _together(held_by(self._read(self._store.cells_on(port)), transport))

    def of_runs(self, transports: Sequence[Transport]) -> dict[int, tuple[Outline, ...]]:
        """How ports stand for each of *transports*, by the first port of each run that has the same
        rows; the dynamic ports are the last one.
        """
        found = {}
        for first, covering in self._store.runs():
            if first >= DYNAMIC_PORTS.first:
                break
            rows = self._read(covering)
            stated = {row.transport: row.outline for row in rows}
            if len(stated) == len(rows) and None not in stated:  # most often: a row for each
                found[first] = tuple([stated.get(each, _UNLISTED) for each in transports])
            else:
                found[first] = tuple([_together(held_by(rows, each)) for each in transports])
        found[DYNAMIC_PORTS.first] = (_DYNAMIC,) * len(transports)
        return found

    def _read(self, covering: Sequence[list[str]]) -> list[_Row]:
        known = self._rows
        rows = []
        for cells in covering:
            row = known.get(id(cells))
            if row is None:
                try:
                    row = known[id(cells)] = _row(cells)
                except KeyError as error:
                    path = os.path.join(self._store.folder, "registry.tsv")
                    why = f"the row of {cells[0][:12]!a} can't be read"
                    raise DataCorrupt(path, why) from error
            rows.append(row)
        return rows


def _row(cells: Sequence[str]) -> _Row:
    if len(cells) < _COLUMNS:
        cells = [*cells, *[""] * (_COLUMNS - len(cells))]
    _, _, transport, state, name, text, _, aliases = cells[:_COLUMNS]
    stated, stands = _STATED[transport], _STATES[state]
    if "\\" in name + text + aliases:
        name, text, aliases = map(unescape_cell, (name, text, aliases))
    if stands is not State.ASSIGNED:
        # That a port is dynamic, no row of it says.
        listed = Outline(stands, True, text or None) if stands is not State.DYNAMIC else _UNLISTED
        return _Row(stated, stands, listed)
    names = (name,) if name else ()
    words = [*names, *filter(None, aliases.split("|"))] if aliases else names
    spoken = frozenset(map(str.lower, words))
    outline = _new(Outline, (stands, True, text or None, names, bool(names), spoken))
    made: _Row = _new(_Row, (stated, stands, outline))
    return made


def _together(rows: Sequence[_Row]) -> Outline:
    """What *rows* say that are of one port and of one state."""
    if not rows:
        return _UNLISTED
    first = rows[0].outline
    if len(rows) == 1:
        return first
    some = [row.outline for row in rows]
    return first._replace(
        names=tuple(dict.fromkeys([name for each in some for name in each.names])),
        whole=all(each.whole for each in some),
        spoken=frozenset().union(*[each.spoken for each in some]),
    )


_UNLISTED, _DYNAMIC = outline_of(NOT_LISTED), Outline(State.DYNAMIC, False, None)
