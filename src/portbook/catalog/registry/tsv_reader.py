"""The only reader of the registry's data files.

``registry.tsv`` holds one row an IANA row, ``blocks.tsv`` one row a block; both are written by
:mod:`portbook.catalog.registry.tsv_writer`, which documents their columns. A single port is found
by bisection in the open file. Once many ports were asked for, the file is held whole, because that
is then the cheaper way; the answers are the same.
"""

from __future__ import annotations

import os

from portbook.errors import DataCorrupt
from portbook.model import LAST_PORT, PORTS, Assignment, Block, Source, State, Transport, title_of
from portbook.storage.sorted_tsv import SortedFile, escape_cell, unescape_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    Number = tuple[int, int, Transport | None]
    Naming = tuple[str | None, str | None, Number | None, tuple[str, ...]]

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

# A bisection and the parsing of its rows costs 30 to 60 µs, holding the whole file about 50 ms.
_PORTS_UNTIL_HELD = 500

# How far rows may overlap: each row's ports counted, and the rows that begin at one port. Those of
# the registry of 2026 cover 55,659 ports, and at most 7 begin at one.
MOST_COVERED, MOST_ROWS = 8 * PORTS, 4096

_COLUMNS = 15  # portbook.catalog.registry.tsv_writer names them
_HEAD = 7  # the first of them
_STATE, _NAME, _DESCRIPTION, _ALIASES = 3, 4, 5, 7  # the places of some of them
_NAMING = _ALIASES + 1  # those that name a row are among the first of them
_STATES = {str(each): each for each in State}
_STATED: dict[str, Transport | None] = {"": None, **{str(each): each for each in Transport}}
# What makes the named tuples: their own constructor takes a third of the time of reading a row.
_new: Any = tuple.__new__


class Store:
    """The data files in *folder*, opened when first needed; or their *contents*, by name.

    *opener* opens them, as open() takes one: a folder that an update wrote is held open.

    Raises DataMissing or DataCorrupt, on opening or on the first row that is not as it should be.
    """

    def __init__(
        self,
        folder: str = SHIPPED,
        contents: Mapping[str, bytes] | None = None,
        opener: Callable[[str, int], int] | None = None,
    ) -> None:
        self.folder = folder
        self.opener = opener
        self._contents = contents or {}
        self._file = self._open("registry.tsv", "registry/1")
        if self._header("columns").count("\t") + 1 != _COLUMNS:
            raise DataCorrupt(self._file.path, "its columns are not the ones expected")
        lookback = self._header("lookback")
        if not (lookback.isascii() and lookback.isdigit() and len(lookback) < 10):
            raise DataCorrupt(self._file.path, "its lookback is not a number")
        self._lookback = int(lookback)
        self.as_of = self._header("as_of")
        self._as_of: dict[str, Mapping[str, str]] = {"": {"registry": self.as_of}}
        self._sources: tuple[Source, ...] | None = None
        self._block_file: SortedFile | None = None
        self._block_list: list[Block] = []
        self._block_firsts: list[int] = []
        self._asked = 0
        self._run: tuple[int, int, tuple[Assignment, ...]] = (0, -1, ())
        # The last port that was bisected, the place behind its rows, and the port that is there.
        self._last = (PORTS, self._file.end, PORTS)
        self._held: list[tuple[int, ...]] | None = None
        self._covers: dict[tuple[int, ...], tuple[Assignment, ...]] = {}
        self._cells: list[list[str]] = []
        self._rows: dict[int, Assignment] = {}
        self._named: dict[str, list[Assignment]] = {}

    def _open(self, name: str, kind: str) -> SortedFile:
        path = os.path.join(self.folder, name)
        return SortedFile(path, kind, content=self._contents.get(name), opener=self.opener)

    def _header(self, key: str) -> str:
        try:
            return self._file.header[key]
        except KeyError:
            raise DataCorrupt(self._file.path, f"its header has no {key}") from None

    def sources(self) -> tuple[Source, ...]:
        """Where the rows come from, in the order of the file's header. Raises DataCorrupt."""
        if self._sources is None:
            try:
                self._sources = tuple(
                    Source(key.partition(":")[2], *value.split("\t"))
                    for key, value in self._file.header.items()
                    if key.startswith("source:")
                )
            except TypeError as error:
                raise DataCorrupt(self._file.path, "one of its sources can't be read") from error
        return self._sources

    # -- rows ---------------------------------------------------------------------------------

    def covering(self, port: int) -> tuple[Assignment, ...]:
        """Every row whose first and last port have *port* between them, in the file's order.

        Ports that are asked for in rising order get the very same tuple as long as the same rows
        cover them, and once the file is held, all ports do: it doesn't have to be judged again.
        """
        first, last, rows = self._run
        if first <= port <= last:
            return rows
        if self._held is None:
            self._asked += 1
            if self._asked <= _PORTS_UNTIL_HELD:
                return self._bisect(port)
            self.hold()
        assert self._held is not None
        found = self._covers.get(places := self._held[port])
        if found is None:
            found = self._covers[places] = tuple(map(self._row, places))
        self._run = (port, port, found)
        return found

    def _bisect(self, port: int) -> tuple[Assignment, ...]:
        found = []
        asked, after, following = self._last
        if port < asked:
            after = self._file.after(port, until=after if after < self._file.end else None)
        elif port >= following:
            after = self._file.after(port, after)
        following = self._file.key_at(after) if after < self._file.end else PORTS
        self._last = (port, after, following)
        until = following - 1
        # The header's lookback bounds how many rows can stand between a range and *port*.
        for line in self._file.before(after, self._lookback + 1):
            cells = line.split("\t", 2)
            try:
                first, last = int(cells[0]), int(cells[1])
            except (ValueError, IndexError) as error:
                raise self._damaged(cells) from error
            if first <= port <= last:
                found.append(self._assignment(line.split("\t")))
                until = min(until, last)
        self._run = (port, until, tuple(found))
        return self._run[2]

    def hold(self) -> None:
        """Reads the whole file, once: 14,500 rows in about 30 ms. Raises DataCorrupt."""
        if self._held is not None:
            return
        self._cells = self._file.rows()
        held: list[tuple[int, ...]] = [()] * PORTS
        room = MOST_COVERED
        for index, cells in enumerate(self._cells):
            try:
                if cells[0] == "-":
                    break
                first, last = int(cells[0]), int(cells[1])
                if not 0 <= first <= last <= LAST_PORT:
                    raise self._damaged(cells)
                room -= last - first + 1
                if room < 0 or len(held[first]) > MOST_ROWS:
                    raise DataCorrupt(self._file.path, "its rows overlap as no registry's do")
                if first == last:
                    held[first] += (index,)
                else:
                    before = held[first : last + 1]
                    held[first : last + 1] = [(*rows, index) for rows in before]
            except (ValueError, IndexError) as error:
                raise self._damaged(cells) from error
        self._held = held

    def runs(self) -> Iterator[tuple[int, list[list[str]]]]:
        """The ports at which other rows cover than at the port before, with the cells of these."""
        self.hold()
        before = None
        for port, places in enumerate(self._held or ()):
            if places != before:
                yield port, self.cells_on(port)
                before = places

    def cells_on(self, port: int) -> list[list[str]]:
        """The cells of every row that covers *port*, escaped; of a file that is held."""
        return [self._cells[place] for place in self._held[port]] if self._held else []

    @property
    def held(self) -> bool:
        """Whether the whole file was read: whatever is asked of all its rows then costs little."""
        return self._held is not None

    def _row(self, index: int) -> Assignment:
        row = self._rows.get(index)
        if row is None:
            row = self._rows[index] = self._assignment(self._cells[index])
        return row

    def all(self) -> Iterator[Assignment]:
        """Every row: those with a number in order of their numbers, then those without."""
        self.hold()
        return map(self._row, range(len(self._cells)))

    def heads(self) -> Iterator[list[str]]:
        """What tells rows apart, and what they cite, as the cells of every row have it.

        First, last, transport, state, name, description and references: whole rows take ten times
        as long.
        """
        self.hold()
        for cells in self._cells:
            yield cells[:_HEAD] if len(cells) >= _HEAD else (cells + [""] * _HEAD)[:_HEAD]

    def outline(self) -> Iterator[tuple[int, int, str, tuple[str, ...]]]:
        """Of each row that assigns a number: the span, the name, or "", and the references."""
        for first, last, _, state, name, _, cited in self.heads():
            if first == "-":
                return  # names without a port come last
            if state == State.ASSIGNED:
                span = int(first), int(last)
                yield *span, unescape_cell(name), _references(unescape_cell(cited))

    def spans_with(self, word: str, *, cited: bool) -> tuple[tuple[int, int], ...]:
        """The spans of ports that are assigned to the service *word*, or that cite it.

        In the file's order, each once, found without reading every row: see :meth:`outline`.
        """
        piece, key = escape_cell(word).encode(errors="replace").lower(), word.lower()
        found: dict[tuple[int, int], None] = {}
        for cells in self._file.containing(piece):
            if cells[0] == "-":
                break  # names without a port come last
            if len(cells) <= _NAME or cells[_STATE] != State.ASSIGNED:
                continue
            references = cells[_HEAD - 1] if len(cells) >= _HEAD else ""
            if (
                word in _references(unescape_cell(references))
                if cited
                else unescape_cell(cells[_NAME]).lower() == key
            ):
                try:
                    found[int(cells[0]), int(cells[1])] = None
                except ValueError as error:
                    raise self._damaged(cells) from error
        return tuple(found)

    def assigned(self) -> Iterator[Naming]:
        """What names each assigned row: its name, title, number and other names.

        The number is the first port, the last one and the transport. Whole rows take three times
        as long.
        """
        assigned = str(State.ASSIGNED)
        rows = self._file.rows(_NAMING) if self._held is None else self._cells
        for cells in rows:
            if len(cells) <= _NAME or cells[_STATE] != assigned:
                continue
            first, last, transport, _, name = cells[: _NAME + 1]
            description = cells[_DESCRIPTION] if len(cells) > _DESCRIPTION else ""
            aliases = cells[_ALIASES] if len(cells) > _ALIASES else ""
            try:
                number = None if first == "-" else (int(first), int(last), _STATED[transport])
            except (ValueError, KeyError) as error:
                raise self._damaged(cells) from error
            yield (
                unescape_cell(name) or None,
                title_of(unescape_cell(description)),
                number,
                tuple(unescape_cell(aliases).split("|")) if aliases else (),
            )

    def named(self, name: str) -> tuple[Assignment, ...]:
        """The rows of the service *name*; letter case aside, as RFC 6335 §5.1 has it."""
        wanted = name.lower()
        if not wanted:
            return ()  # or every row without a name would be it
        if self._held is not None:
            if not self._named:
                for row in self.all():
                    if row.service_name:
                        self._named.setdefault(row.service_name.lower(), []).append(row)
            return tuple(self._named.get(wanted, ()))
        places = self._file.places(escape_cell(name).encode(errors="replace"))
        rows = (self._assignment(self._file.cells(place)[0]) for place in places)
        return tuple(row for row in rows if (row.service_name or "").lower() == wanted)

    def _assignment(self, cells: list[str]) -> Assignment:
        values = cells + [""] * (_COLUMNS - len(cells))
        try:
            (
                first, last, transport, state, name, description, references, aliases,
                assignee, registered, modified, unauthorized, notes, code, registration,
            ) = map(unescape_cell, values) if "\\" in "".join(cells) else values  # fmt: skip
            stated = _STATED[transport]
            numbered = first != "-"
            row: Assignment = _new(
                Assignment,
                (
                    name or None,
                    description or None,
                    int(first) if numbered else None,
                    int(last) if numbered else None,
                    stated,
                    stated is not None,
                    _STATES[state],
                    _references(references) if references else (),
                    tuple(aliases.split("|")) if aliases else (),
                    assignee or None,
                    registered or None,
                    modified or None,
                    unauthorized or None,
                    notes or None,
                    code or None,
                    self._dates(registration),
                ),
            )
        except (ValueError, KeyError) as error:
            raise self._damaged(cells) from error
        return row

    def _dates(self, registration: str) -> Mapping[str, str]:
        if registration not in self._as_of:
            day = self._header(f"source:{registration}").partition("\t")[0]
            self._as_of[registration] = {"registry": self.as_of, "registration": day}
        return self._as_of[registration]

    def _damaged(self, cells: list[str]) -> DataCorrupt:
        return DataCorrupt(self._file.path, f"the row of {cells[0][:12]!a} can't be read")

    # -- blocks -------------------------------------------------------------------------------

    def _blocks(self) -> SortedFile:
        if self._block_file is None:
            self._block_file = self._open("blocks.tsv", "blocks/1")
        return self._block_file

    def _block(self, cells: list[str]) -> Block:
        try:
            first, last, name, state, rank, of = cells
            return Block(State(state), int(first), int(last), name, int(rank), int(of))
        except ValueError as error:
            path = self._blocks().path
            raise DataCorrupt(path, f"the row of {cells[0][:12]!a} can't be read") from error

    def _hold_blocks(self) -> int:
        """Reads all blocks, once, where many ports were asked for; how many are held."""
        if not self._block_list and self._held is not None:
            self._block_list = [self._block(cells) for cells in self._blocks().rows()]
            self._block_firsts = [block.first for block in self._block_list]
        return len(self._block_list)

    def block_sizes(self, range_name: str) -> Iterator[tuple[State, int]]:
        """The state and the number of ports of each block of the range of that name."""
        for cells in self._blocks().rows():
            if len(cells) > 3 and cells[2] == range_name:
                block = self._block(cells)
                yield block.state, block.size

    def blocks_from(self, port: int) -> Iterator[Block]:
        """The block that *port* is in, then those after it. Raises DataCorrupt."""
        if port > LAST_PORT:
            return iter(())
        held = self._hold_blocks()
        if held:
            from bisect import bisect_right

            place = bisect_right(self._block_firsts, port) - 1
            return map(self._block_list.__getitem__, range(max(0, place), held))
        file = self._blocks()
        for cells in file.backward(file.after(port)):
            head = self._block(cells)
            break
        else:
            raise DataCorrupt(file.path, f"no block holds {port}")

        def run() -> Iterator[Block]:
            yield head
            for cells in file.forward(file.after(port)):
                yield self._block(cells)

        return run()

    def blocks_before(self, port: int) -> Iterator[Block]:
        """The block that *port* is in, then those before it, the nearest first."""
        if self._hold_blocks():
            from bisect import bisect_right

            place = bisect_right(self._block_firsts, port) - 1
            return map(self._block_list.__getitem__, range(place, -1, -1))
        file = self._blocks()
        return map(self._block, file.backward(file.after(port)))


def _references(cell: str) -> tuple[str, ...]:
    # A space inside of a reference is written as a no-break space.
    return tuple([each.replace("\xa0", " ") for each in cell.split(" ") if each])
