"""What the files of practice say of a port: searched for a few ports, held for many."""

from __future__ import annotations

from portbook.catalog.practice.rows import cells_of, number_of, use_of
from portbook.model import PORTS, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from portbook.catalog.practice.held_rows import RowsByPort
    from portbook.storage.sorted_tsv import SortedFile

# Asked for more ports than this, a file is read once, which takes as long as so many searches.
PORTS_UNTIL_HELD = 24

_ENTRIES = ("uses", "abuse", "services")  # the files whose rows have a port and a transport each
BY_PORT = (*_ENTRIES, "browsers")


def _maker(kind: str) -> Callable[[list[str], str], Any]:
    """What makes a value of a row of *kind*; loaded where there is a row."""
    if kind == "uses":
        return use_of
    if kind == "abuse":
        from portbook.catalog.practice.report_rows import report_of

        return report_of
    from portbook.catalog.practice.service_rows import service_of

    return service_of


class ByPort:
    """The files that are sorted by port, each opened by *file* when it is first asked.

    Every method raises what *file* does, and DataCorrupt where a file isn't what it should be.
    """

    def __init__(self, file: Callable[[str], SortedFile]) -> None:
        self._file = file
        self._asked: dict[str, int] = {}
        self._held: dict[str, RowsByPort] = {}
        self._searched: dict[str, tuple[int, list[Any]]] = {}
        self._blocked: frozenset[int] | None = None
        self._spoken_of: dict[Transport, bytes] = {}  # 1 for each port of which anything is said

    def expect(self, ports: int) -> None:
        """Reads a file at once, and not when it was searched often, where so many are asked for."""
        if ports > PORTS_UNTIL_HELD:
            self._asked |= dict.fromkeys(BY_PORT, ports)

    def _hold(self, kind: str) -> RowsByPort:
        """The rows of *kind* by port, all of which are read."""
        if kind not in self._held:
            from portbook.catalog.practice.held_rows import RowsByPort

            self._held[kind] = RowsByPort(self._file(kind), kind, _maker(kind))
        return self._held[kind]

    def spanning(self, kind: str, port: int, wanted: Transport | None) -> list[Any]:
        """The entries of *kind* that *port* is among, in no order."""
        held = self._held.get(kind)
        if held is None:
            asked = self._asked[kind] = self._asked.get(kind, 0) + 1
            if asked > PORTS_UNTIL_HELD:
                held = self._hold(kind)
        if held is not None:
            found = held.on(port)
        else:
            # The verdict and the answer ask about the same port one after the other.
            known, found = self._searched.get(kind, (-1, []))
            if known != port:
                found = self.within(kind, port, port)
                self._searched[kind] = port, found
        if not found:
            return found
        return [each for each in found if wanted in (None, each.transport)]

    def within(self, kind: str, first: int, last: int) -> list[Any]:
        """The entries of *kind* that one of the ports *first* to *last* is among, in no order."""
        file = self._file(kind)
        widest = number_of(file.header.get("widest", ""), file.path)
        # No range is wider than the widest, but for the few wide ones: nothing else that begins
        # lower can reach these ports.
        rows = file.rows(2, file.after(first - widest - 1), file.after(last))
        begins: dict[int, None] = {}
        for span in file.header.get("wide", "").split():
            begin, _, end = span.partition("-")
            if number_of(end, file.path) >= first > (start := number_of(begin, file.path)) + widest:
                begins[start] = None
        for start in begins:
            rows = file.rows(2, file.after(start - 1), file.after(start)) + rows
        # Most end below these ports: only what reaches them is read whole.
        reaching = [row for row in rows if len(row) <= 1 or number_of(row[1], file.path) >= first]
        if not reaching:
            return []
        make = _maker(kind)
        return [
            make(cells_of("\t".join(row).split("\t"), kind, file.path), file.path)
            for row in reversed(reaching)
        ]

    def browser_blocked(self, port: int) -> bool:
        """Whether browsers refuse HTTP to *port* (https://fetch.spec.whatwg.org/#port-blocking)."""
        if self._blocked is None:
            file = self._file("browsers")
            asked = self._asked["browsers"] = self._asked.get("browsers", 0) + 1
            if asked <= PORTS_UNTIL_HELD:
                row = next(file.backward(file.after(port)), ("",))
                return row[0] == str(port)
        return port in self._browsers_block()

    def _browsers_block(self) -> frozenset[int]:
        """The ports that browsers refuse, fewer than a hundred."""
        if self._blocked is None:
            file = self._file("browsers")
            self._blocked = frozenset(number_of(row[0], file.path) for row in file.rows())
        return self._blocked

    def silent(self, port: int, transport: Transport) -> bool:
        """Whether no use, report or service is of *port* over *transport*, and browsers take it.

        It is told once so many ports were asked for that every file by port is read whole; False
        before, which is no denial.
        """
        marks = self._spoken_of.get(transport)
        if marks is None:
            if any(self._asked.get(kind, 0) <= PORTS_UNTIL_HELD for kind in BY_PORT):
                return False
            marks = self._spoken_of[transport] = self._mark(transport)
        return not marks[port]

    def _mark(self, transport: Transport) -> bytes:
        """For each port, 1 where something is said of it over *transport*, else 0."""
        blocked = bytearray(PORTS)
        for each in self._browsers_block():
            blocked[each : each + 1] = b"\1"
        files = [self._hold(kind) for kind in _ENTRIES]
        # As numbers of so many bytes: all ports at once.
        said = int.from_bytes(blocked, "little")
        for marks in [marks for file in files for marks in file.marks_of(transport)]:
            said |= int.from_bytes(marks, "little")
        return said.to_bytes(PORTS, "little")

    def on_each(
        self, ports: Sequence[int]
    ) -> Iterator[tuple[list[Any], list[Any], list[Any], bool]]:
        """For each of *ports*, which rise: the uses, the reports and the services that it is among,
        in no order, to be read alone, and whether browsers refuse it. Reads and holds all files.
        """
        self.expect(PORTS)
        held = [self._hold(kind).on_each(ports) for kind in _ENTRIES]
        return zip(*held, map(self._browsers_block().__contains__, ports), strict=True)

    def run_starts(self) -> set[int]:
        """The ports at which other uses, reports and services are than at the port before, or
        which browsers alone tell apart. Reads and holds all files.
        """
        self.expect(PORTS)
        blocked = self._browsers_block()
        starts = set(blocked).union([port + 1 for port in blocked])
        return starts.union(*[self._hold(kind).run_starts() for kind in _ENTRIES])
