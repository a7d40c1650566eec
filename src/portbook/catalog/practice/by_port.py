"""What the files of practice say of a port: searched for a few ports, held for many.

What is held of ports that are near each other is read part by part, else whole.
"""

from __future__ import annotations

from portbook.catalog.practice.rows import COLUMNS, cells_in, number_of, transport_of, use_of
from portbook.model import PORTS, Transport
from portbook.storage.sorted_tsv import unescape_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any

    from portbook.catalog.practice.held_rows import RowsByPort
    from portbook.storage.sorted_tsv import SortedFile

# Asked for more ports than this, a file is read once, which takes as long as so many searches.
PORTS_UNTIL_HELD = 24
# So many ports, from a multiple on, are a part; of those in more parts, all is read.
_PART, _MOST_PARTS = 4096, 8

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
        self._held: dict[str, RowsByPort] = {}  # whole files
        self._parts: dict[tuple[str, int], RowsByPort] = {}  # by their first ports
        # How far rows reach: the widest, but for the wide ones, which are these.
        self._widths: dict[str, tuple[int, list[tuple[int, int]]]] = {}
        self._parted = False
        self._searched: dict[str, tuple[int, list[Any]]] = {}
        self._blocked: frozenset[int] | None = None
        # By a part's first port: 1 for each port of which anything is said.
        self._spoken_of: dict[tuple[Transport, int], bytes] = {}

    def expect(self, ports: int) -> None:
        """Reads a file at once, and not when it was searched often, where so many are asked for."""
        if ports > PORTS_UNTIL_HELD:
            self._asked |= dict.fromkeys(BY_PORT, ports)

    def expect_at(self, ports: Collection[int]) -> None:
        """As :meth:`expect`, of *ports*: where these are in few parts, these parts alone are read.

        Others may be asked for all the same.
        """
        self.expect(len(ports))
        self._parted = len({port // _PART for port in ports}) <= _MOST_PARTS

    def _hold(self, kind: str) -> RowsByPort:
        """The rows of *kind* by port, all of which are read."""
        if kind not in self._held:
            from portbook.catalog.practice.held_rows import RowsByPort

            file = self._file(kind)
            self._held[kind] = RowsByPort(file.path, file.lines(), kind, _maker(kind))
        return self._held[kind]

    def _hold_around(self, kind: str, port: int) -> RowsByPort:
        """The rows of *kind* by port, of which at least those of the part of *port* are read."""
        ports = _part_of(port)
        held = self._held.get(kind) or self._parts.get((kind, ports.start))
        if held is None and not self._parted:
            return self._hold(kind)
        if held is None:
            from portbook.catalog.practice.held_rows import RowsByPort

            file, lines = self._file(kind), []
            for begin, end in sorted(self._reaching(kind, ports[0], ports[-1])):
                lines += file.lines(begin, end)
            held = RowsByPort(file.path, lines, kind, _maker(kind), ports=ports)
            self._parts[kind, ports.start] = held
        return held

    def spanning(self, kind: str, port: int, wanted: Transport | None) -> list[Any]:
        """The entries of *kind* that *port* is among, in no order."""
        held = self._held.get(kind)
        if held is None:
            asked = self._asked[kind] = self._asked.get(kind, 0) + 1
            if asked > PORTS_UNTIL_HELD:
                held = self._hold_around(kind, port)
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

    def _reaching(self, kind: str, first: int, last: int) -> list[tuple[int, int]]:
        """Where the rows of *kind* begin and end that may reach one of the ports *first* to *last*.

        No row is wider than the widest, but for the few wide ones: nothing else that begins lower
        can reach these ports.
        """
        file = self._file(kind)
        if kind not in self._widths:
            spans = [span.partition("-") for span in file.header.get("wide", "").split()]
            self._widths[kind] = (
                number_of(file.header.get("widest", ""), file.path),
                [(number_of(one, file.path), number_of(two, file.path)) for one, _, two in spans],
            )
        widest, wide = self._widths[kind]
        begins = dict.fromkeys([one for one, two in wide if two >= first > one + widest])
        return [
            (file.after(first - widest - 1), file.after(last)),
            *[(file.after(begin - 1), file.after(begin)) for begin in begins],
        ]

    def within(self, kind: str, first: int, last: int) -> list[Any]:
        """The entries of *kind* that one of the ports *first* to *last* is among, in no order."""
        file = self._file(kind)
        lines: list[str] = []
        for begin, end in self._reaching(kind, first, last):
            lines = file.texts(begin, end) + lines
        # Most end below these ports: only what reaches them is read whole.
        reaching = []
        for line in lines:
            head = line.split("\t", 2)
            if len(head) <= 1 or number_of(head[1], file.path) >= first:
                reaching.append(line)
        if not reaching:
            return []
        make = _maker(kind)
        return [make(cells_in(line, kind, file.path), file.path) for line in reversed(reaching)]

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

        It is told once so many ports were asked for that files are held; False before, which is no
        denial.
        """
        lowest = port - port % _PART
        marks = self._spoken_of.get((transport, lowest))
        if marks is None:
            if any(self._asked.get(kind, 0) <= PORTS_UNTIL_HELD for kind in BY_PORT):
                return False
            marks = self._spoken_of[transport, lowest] = self._mark(transport, _part_of(port))
        return not marks[port - lowest]

    def _mark(self, transport: Transport, ports: range) -> bytes:
        """For each of *ports*, a part, 1 where something is said of it over *transport*, else 0."""
        blocked = bytearray(len(ports))
        for each in self._browsers_block():
            if each in ports:
                blocked[each - ports.start] = 1
        files = [self._hold_around(kind, ports.start) for kind in _ENTRIES]
        # As numbers of so many bytes: all ports at once.
        said = int.from_bytes(blocked, "little")
        for marks in [marks for file in files for marks in file.marks_of(transport, ports)]:
            said |= int.from_bytes(marks, "little")
        return said.to_bytes(len(ports), "little")

    def on_each(
        self, ports: Sequence[int]
    ) -> Iterator[tuple[list[Any], list[Any], list[Any], bool]]:
        """For each of *ports*, which rise: the uses, the reports and the services that it is among,
        in no order, to be read alone, and whether browsers refuse it. Reads and holds all files.
        """
        self.expect(PORTS)
        held = [self._hold(kind).on_each(ports) for kind in _ENTRIES]
        return zip(*held, map(self._browsers_block().__contains__, ports), strict=True)

    def used_spans(self) -> Iterator[tuple[Transport, int, int, tuple[str, ...]]]:
        """Of each use, by port: its transport, its first and its last port, and the services that
        it is of. Reads and holds all uses.
        """
        path, column = self._file("uses").path, COLUMNS["uses"].index("services")
        transports = {each.encode(): each for each in Transport}
        for first, last, word, cell in self._hold("uses").spans(column):
            transport = transports.get(word) or transport_of(word.decode(errors="replace"), path)
            services = unescape_cell(cell.decode(errors="replace")).split() if cell else ()
            yield transport, first, last, tuple(services)

    def run_starts(self) -> set[int]:
        """The ports at which other uses, reports and services are than at the port before, or
        which browsers alone tell apart. Reads and holds all files.
        """
        self.expect(PORTS)
        return self._run_starts([self._hold(kind) for kind in _ENTRIES], range(PORTS))

    def run_starts_around(self, port: int) -> tuple[range, set[int]]:
        """Ports that *port* is among, and of these what :meth:`run_starts` has, the first one and
        others among them. Reads and holds what is said of those ports.
        """
        if not self._parted:
            return range(PORTS), self.run_starts()
        self.expect(PORTS_UNTIL_HELD + 1)
        ports = _part_of(port)
        starts = self._run_starts([self._hold_around(kind, port) for kind in _ENTRIES], ports)
        return ports, starts | {ports.start}

    def _run_starts(self, files: Iterable[RowsByPort], ports: range) -> set[int]:
        blocked = self._browsers_block()
        starts = set(blocked).union([port + 1 for port in blocked])
        return starts.union(*[file.run_starts(ports) for file in files])


def _part_of(port: int) -> range:
    """The ports of which what is said is read together with *port*."""
    lowest = port - port % _PART
    return range(lowest, lowest + _PART)
