"""Rows of a file of practice by their ports, held for answers about many of them."""

from __future__ import annotations

from portbook.catalog.practice.rows import cells_in
from portbook.errors import DataCorrupt
from portbook.model import PORTS, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

_NARROW = 64  # ports; rows that span more are few, and are looked through one by one
_HEAD = 64  # bytes, in which the first three columns have room: two numbers and a transport


class RowsByPort:
    """The rows *lines* of the file *path* by port, for answers about many of the *ports*.

    They are in the file's order, and all that are of one of *ports*; others may be among them. An
    entry is made of a row's cells when a port of it is first asked for: thousands of ports have few
    entries, and to make them all takes ten times as long as to sort the rows.
    """

    def __init__(
        self,
        path: str,
        lines: list[bytes],
        kind: str,
        make: Callable[[list[str], str], Any],
        ports: range = range(PORTS),
    ) -> None:
        self._path, self._kind, self._make = path, kind, make
        self._lines = lines
        self._ports, self._lowest = ports, ports.start
        self._entries: dict[int, Any] = {}
        self._last: tuple[int, list[Any]] = (-1, [])
        self._wide: list[tuple[int, int, int]] = []
        self._widely = bytearray(len(ports))  # 1 for each port that a wide row is of
        # Column by column, and without the long texts behind them.
        heads = [line[:_HEAD].split(b"\t", 3) for line in lines]
        firsts: Sequence[bytes]
        lasts: Sequence[bytes]
        transports: Sequence[bytes]
        try:
            firsts, lasts, transports, _ = zip(*heads, strict=True)
        except ValueError:  # there is none, or one is cut short, and refused when its entry is made
            firsts = [head[0] for head in heads]
            lasts = [head[1] if len(head) > 2 else head[0] for head in heads]
            transports = [head[2] if len(head) > 2 else b"" for head in heads]
        self._firsts, self._lasts = self._numbers(firsts), self._numbers(lasts)
        self._transports = transports
        # For each transport, as its cells are written: 1 for each port that a row is of.
        self._marks = {transport: bytearray(len(ports)) for transport in set(transports)}
        self._mark(transports)
        # 1 for each port that a row is of: nine in ten have none, and are asked for all the same.
        some = 0
        for marks in self._marks.values():
            some |= int.from_bytes(marks, "little")
        self._some = some.to_bytes(len(ports), "little")

    def _mark(self, transports: Sequence[bytes]) -> None:
        """Marks the ports of each row, and lists the wide ones."""
        marks, lowest, highest = self._marks, self._ports[0], self._ports[-1]
        spans = zip(transports, self._firsts, self._lasts, strict=True)
        for place, (transport, first, last) in enumerate(spans):
            if lowest <= first == last <= highest:
                marks[transport][first - lowest] = 1
                continue
            begin, end = max(first, lowest) - lowest, min(last, highest) + 1 - lowest
            if begin >= end:
                continue
            marks[transport][begin:end] = ones = b"\1" * (end - begin)
            if last - first >= _NARROW:
                self._wide.append((first, last, place))
                self._widely[begin:end] = ones

    def _numbers(self, cells: Sequence[bytes]) -> list[int]:
        """The numbers that *cells* are. Raises DataCorrupt."""
        if not (all(cells) and b"0".join(cells).isdigit()):
            wrong = next((cell for cell in cells if not cell.isdigit()), None)
            if wrong is not None:
                raise DataCorrupt(self._path, f"{wrong[:20]!a} is not a number")
        return list(map(int, cells))

    def on(self, port: int) -> list[Any]:
        """The entries that *port*, one of the ports, is among, in the file's order, to be read
        alone. Raises DataCorrupt.
        """
        if not self._some[port - self._lowest]:
            return []
        asked, found = self._last  # over one transport after the other
        if asked == port:
            return found
        from bisect import bisect_left, bisect_right

        lasts, until = self._lasts, bisect_right(self._firsts, port)
        begin = bisect_left(self._firsts, port - _NARROW + 1, 0, until)
        places = [place for place in range(begin, until) if lasts[place] >= port]
        if self._widely[port - self._lowest]:  # those that begin nearer are found already
            farther = [each for each in self._wide if each[2] < begin]
            places = [place for first, last, place in farther if first <= port <= last] + places
        found = [self._entry(place) for place in places]
        self._last = port, found
        return found

    def on_each(self, ports: Iterable[int]) -> Iterator[list[Any]]:
        """For each of *ports*, which rise, what :meth:`on` has; one pass through all rows.

        Raises DataCorrupt.
        """
        lasts, at = self._lasts, 0
        firsts = [*self._firsts, PORTS]
        places: list[int] = []
        found: list[Any] = []
        for port in ports:
            begun = firsts[at] <= port
            while firsts[at] <= port:
                places.append(at)
                at += 1
            if places and (begun or min([lasts[place] for place in places]) < port):
                places = [place for place in places if lasts[place] >= port]
                found = [self._entry(place) for place in places]
            yield found

    def spans(self, column: int) -> Iterator[tuple[int, int, bytes, bytes]]:
        """Of each row its first and its last port, its transport, and the cell of *column*, as they
        are written. Raises DataCorrupt.
        """
        rows = zip(self._firsts, self._lasts, self._transports, self._lines, strict=True)
        for first, last, transport, line in rows:
            cells = line.split(b"\t", column + 1)
            if len(cells) <= column + 1:
                raise DataCorrupt(self._path, f"the row of {cells[0]!a} has {len(cells)} cells")
            yield first, last, transport, cells[column]

    def marks_of(self, transport: Transport, ports: range) -> list[bytearray]:
        """For each of *ports*, 1 in one of these where a row of *transport* is of it.

        Rows that have no known transport are taken for rows of all of them.
        """
        others = [each.encode() for each in Transport if each is not transport]
        begin, end = ports.start - self._lowest, ports.stop - self._lowest
        return [marks[begin:end] for word, marks in self._marks.items() if word not in others]

    def run_starts(self, ports: range) -> set[int]:
        """Those of *ports* at which a row begins, or has ended with the port before; others may be
        among them.
        """
        from bisect import bisect_left

        begin = bisect_left(self._firsts, ports.start - _NARROW)
        end = bisect_left(self._firsts, ports.stop)
        ended = [*self._lasts[begin:end], *[last for _, last, _ in self._wide]]
        return {*self._firsts[begin:end], *[last + 1 for last in ended]}

    def _entry(self, place: int) -> Any:
        entry = self._entries.get(place)
        if entry is None:
            try:
                line = self._lines[place].decode()
            except UnicodeDecodeError as error:
                raise DataCorrupt(self._path, f"row {place + 1} is not UTF-8") from error
            cells = cells_in(line, self._kind, self._path)
            entry = self._entries[place] = self._make(cells, self._path)
        return entry
