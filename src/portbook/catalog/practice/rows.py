"""The rows of practice's files as values. Each raises DataCorrupt for a cell that can't be one."""

from __future__ import annotations

from portbook.errors import DataCorrupt
from portbook.model import (
    LAST_PORT,
    PORTS,
    Authentication,
    Encryption,
    Exposure,
    KnownService,
    Program,
    Report,
    ReportKind,
    StatementSource,
    SystemListener,
    SystemRule,
    Threat,
    Transport,
    Use,
    UseKind,
)
from portbook.storage.sorted_tsv import unescape_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from portbook.storage.sorted_tsv import SortedFile

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


# To look them up takes a third of what their classes take.
_TRANSPORTS = {str(each): each for each in Transport}
_USE_KINDS = {str(each): each for each in UseKind}
_new: Any = tuple.__new__
_NARROW = 64  # ports; rows that span more are few, and are looked through one by one
_HEAD = 64  # bytes, in which the first three columns have room: two numbers and a transport


class RowsByPort:
    """The rows of *file* by port, for answers about many ports.

    An entry is made of a row's cells when a port of it is first asked for: thousands of ports have
    few entries, and to make them all takes ten times as long as to sort the rows.
    """

    def __init__(self, file: SortedFile, kind: str, make: Callable[[list[str], str], Any]) -> None:
        self._path, self._kind, self._make = file.path, kind, make
        self._lines = file.lines()
        self._entries: dict[int, Any] = {}
        self._last: tuple[int, list[Any]] = (-1, [])
        self._wide: list[tuple[int, int, int]] = []
        self._widely = bytearray(PORTS)  # 1 for each port that a wide row is of
        # Column by column, and without the long texts behind them.
        heads = [line[:_HEAD].split(b"\t", 3) for line in self._lines]
        firsts: Sequence[bytes]
        lasts: Sequence[bytes]
        transports: Sequence[bytes]
        try:
            firsts, lasts, transports, _ = zip(*heads, strict=True)
        except ValueError:  # one is cut short, and refused when its entry is made
            firsts = [head[0] for head in heads]
            lasts = [head[1] if len(head) > 2 else head[0] for head in heads]
            transports = [head[2] if len(head) > 2 else b"" for head in heads]
        self._firsts, self._lasts = self._numbers(firsts), self._numbers(lasts)
        # For each transport, as its cells are written: 1 for each port that a row is of.
        self._marks = {transport: bytearray(PORTS) for transport in set(transports)}
        self._mark(transports)
        # 1 for each port that a row is of: nine in ten have none, and are asked for all the same.
        some = 0
        for marks in self._marks.values():
            some |= int.from_bytes(marks, "little")
        self._some = some.to_bytes(PORTS, "little")

    def _mark(self, transports: Sequence[bytes]) -> None:
        """Marks the ports of each row, and lists the wide ones."""
        marks = self._marks
        spans = zip(transports, self._firsts, self._lasts, strict=True)
        for place, (transport, first, last) in enumerate(spans):
            if first == last <= LAST_PORT:
                marks[transport][first] = 1
                continue
            until = min(last, LAST_PORT)
            ones = b"\1" * (until + 1 - first)
            marks[transport][first : until + 1] = ones
            if len(ones) > _NARROW:
                self._wide.append((first, until, place))
                self._widely[first : until + 1] = ones

    def _numbers(self, cells: Sequence[bytes]) -> list[int]:
        """The numbers that *cells* are. Raises DataCorrupt."""
        if not (all(cells) and b"0".join(cells).isdigit()):
            wrong = next((cell for cell in cells if not cell.isdigit()), None)
            if wrong is not None:
                raise DataCorrupt(self._path, f"{wrong[:20]!a} is not a number")
        return list(map(int, cells))

    def on(self, port: int) -> list[Any]:
        """The entries that *port* is among, in the file's order, to be read alone.

        Raises DataCorrupt.
        """
        if not self._some[port]:
            return []
        asked, found = self._last  # over one transport after the other
        if asked == port:
            return found
        from bisect import bisect_left, bisect_right

        lasts, until = self._lasts, bisect_right(self._firsts, port)
        begin = bisect_left(self._firsts, port - _NARROW + 1, 0, until)
        places = [place for place in range(begin, until) if lasts[place] >= port]
        if self._widely[port]:  # those that begin nearer are found already
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

    def marks_of(self, transport: Transport) -> list[bytearray]:
        """For each port, 1 in one of these where a row of *transport* is of it.

        Rows that have no known transport are taken for rows of all of them.
        """
        others = [each.encode() for each in Transport if each is not transport]
        return [marks for word, marks in self._marks.items() if word not in others]

    def run_starts(self) -> set[int]:
        """The ports at which a row begins, or has ended with the port before."""
        return {*self._firsts, *[last + 1 for last in self._lasts]}

    def _entry(self, place: int) -> Any:
        entry = self._entries.get(place)
        if entry is None:
            try:
                line = self._lines[place].decode()
            except UnicodeDecodeError as error:
                raise DataCorrupt(self._path, f"row {place + 1} is not UTF-8") from error
            cells = cells_of(line.split("\t"), self._kind, self._path)
            entry = self._entries[place] = self._make(cells, self._path)
        return entry


def _transport(word: str, path: str) -> Transport:
    try:
        return _TRANSPORTS[word]
    except KeyError:
        raise DataCorrupt(path, f"{word[:20]!a} is not a transport") from None


def _use_kind(word: str, path: str) -> UseKind:
    try:
        return _USE_KINDS[word]
    except KeyError:
        raise DataCorrupt(path, f"{word[:20]!a} is no kind of a use") from None


def _report_kind(word: str, path: str) -> ReportKind:
    try:
        return ReportKind(word)
    except ValueError:
        raise DataCorrupt(path, f"{word[:20]!a} is no kind of a report") from None


def _threat(word: str, path: str) -> Threat:
    try:
        return Threat(word)
    except ValueError:
        raise DataCorrupt(path, f"{word[:20]!a} is no threat of a report") from None


def port_of(text: str, path: str) -> tuple[int, Transport]:
    """The port and transport of a cell as ``22/tcp``, in the file *path*. Raises DataCorrupt."""
    port, _, transport = text.partition("/")
    return number_of(port, path), _transport(transport, path)


def program_of(row: list[str], path: str) -> Program:
    """The program of one row of ``programs.tsv``, which is *path*. Raises DataCorrupt."""
    _, name, product, executables, services, ports, units, package, macos, windows, *rest = (
        cells_of(row, "programs", path)
    )
    source, read, further, also_called, sources = rest
    return Program(
        name=name,
        product=product,
        executables=tuple(executables.split()),
        services=tuple(services.split()),
        ports=tuple([port_of(port, path) for port in ports.split()]),
        source=source,
        read=read,
        units=tuple(units.split()),
        package=package or None,
        macos=tuple(macos.split()),
        windows=tuple(windows.split()),
        further=tuple(further.split()),
        also_called=_names(also_called),
        sources=_statement_sources(sources.split()),
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
            product, _use_kind(kind, path), _transport(transport, path),
            begin, begin if last == first else number_of(last, path), summary, source, read,
            family or None, tuple(services.split()) if services else (), number_of(weight, path),
            tuple(further.split()) if further else (), tuple(programs.split()) if programs else (),
            number_of(shown_by, path), _names(also_called),
            _statement_sources(sources.split()) if sources else (),
        ),
    )  # fmt: skip
    return made


def report_of(cells: list[str], path: str) -> Report:
    """The report of one row of ``abuse.tsv``, which is *path*. Raises DataCorrupt."""
    first, last, transport, kind, threat, period, subject, summary, source, read, *rest = cells
    also_called, sources = rest
    return Report(
        subject=subject,
        kind=_report_kind(kind, path),
        threat=_threat(threat, path),
        transport=_transport(transport, path),
        first=number_of(first, path),
        last=number_of(last, path),
        period=period,
        summary=summary,
        source=source,
        read=read,
        also_called=_names(also_called),
        sources=_statement_sources(sources.split()),
    )


def service_of(cells: list[str], path: str) -> KnownService:
    """The service of a line of *path*. Raises DataCorrupt where a cell can't be one's."""
    first, last, transport, name, gist, also_called, description, registered, *rest = cells
    people, encryption, authentication, twin, successor, elsewhere, *rest = rest
    advice, why, amplification, references, source, read, sources = rest
    try:
        return KnownService(
            name=name,
            transport=_transport(transport, path),
            first=number_of(first, path),
            last=number_of(last, path),
            gist=gist,
            description=description,
            source=source,
            read=read,
            also_called=_names(also_called),
            registered=tuple(registered.split()),
            people=people or None,
            encryption=Encryption(encryption) if encryption else None,
            authentication=Authentication(authentication) if authentication else None,
            twin=twin or None,
            successor=successor or None,
            elsewhere=tuple(elsewhere.split()),
            exposure=Exposure(advice, why) if advice else None,
            amplification=amplification or None,
            references=tuple(references.split(", ")) if references else (),
            sources=_statement_sources(sources.split()),
        )
    except ValueError:
        raise DataCorrupt(path, f"the service {name[:40]!a} has a word of no closed set") from None


def _names(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(", ")) if cell else ()


def _statement_sources(words: list[str]) -> tuple[StatementSource, ...]:
    """Fields joined by commas, an address and a day, as often as *words* have them."""
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return tuple(
        [StatementSource(tuple(of.split(",")), source, read) for of, source, read in triples]
    )


def system_rule_of(row: list[str], path: str) -> SystemRule:
    """The system of one row of ``systems.tsv``, which is *path*. Raises DataCorrupt."""
    system, since, first, last, privileged, source, read, further = cells_of(row, "systems", path)
    return SystemRule(
        system=system,
        since=since or None,
        dynamic_first=number_of(first, path) if first else None,
        dynamic_last=number_of(last, path) if last else None,
        privileged=privileged,
        source=source,
        read=read,
        further=tuple(further.split()),
    )


def system_listener_of(row: list[str], path: str) -> SystemListener:
    """What one row of ``system_listeners.tsv``, which is *path*, says. Raises DataCorrupt."""
    system, name, programs, ports, summary, mend, source, read = cells_of(
        row, "system_listeners", path
    )
    return SystemListener(
        system=system,
        name=name,
        programs=tuple(programs.split()),
        ports=tuple([port_of(port, path) for port in ports.split()]),
        summary=summary,
        mend=mend,
        source=source,
        read=read,
    )
