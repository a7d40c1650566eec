r"""What became of ports, from copies of the registry of different days.

``history.tsv`` holds one change a row, sorted by first port; names without a port come last. Its
header names the copies that were compared. A copy tells how things stood on its day: what
happened, happened between two of them. Where a row itself bears a date of registration, that is
the registry's own word and stands with the row, not here.

>>> from portbook.catalog.registry.lookup import shipped
>>> [str(change.kind) for change in open_history(shipped()).of_port(300)]
['assigned', 'reserved']
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.catalog.registry.tsv_reader import SHIPPED
from portbook.errors import DataCorrupt, DataMissing
from portbook.model import LAST_PORT, PORTS, ChangeKind, Source, State, Transport
from portbook.storage.sorted_tsv import SortedFile, escape_cell, unescape_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from portbook.catalog.registry.lookup import Registry

HISTORY = "history.tsv"
_PORTS_UNTIL_HELD = 100  # looking a port up costs 30 µs, holding all changes 10 ms
# How many ports all changes may cover, each counted as often as it changed: those of eleven years
# cover 474.
_MOST_COVERED = 8 * PORTS
COLUMNS = (
    "first", "last", "kind", "transports", "since", "until",
    "state_before", "names_before", "said_before", "state_after", "names_after", "said_after",
)  # fmt: skip

# What can become of a port: each kind with what it means.
KINDS = {
    ChangeKind.ASSIGNED: "it was given to a service",
    ChangeKind.RESERVED: "it was reserved, or taken back",
    ChangeKind.REMOVED: "it belongs to no service any more",
    ChangeKind.RENAMED: "its service has another name and the same description",
    ChangeKind.REASSIGNED: "another service has it",
    ChangeKind.NAME_ADDED: "a further name",
    ChangeKind.NAME_REMOVED: "one of its names is gone",
}


class Side(NamedTuple):
    """How something stood before or after a change: its state, its names, what was said of it."""

    state: State
    names: tuple[str, ...] = ()
    said: str | None = None


class Change(NamedTuple):
    """One change of ports *first* to *last*, for *transports*; of names without a port, of None.

    ``since`` is the date of the last registry in which it stood as before, ``until`` that of the
    first one in which it stands as after: it happened between the two.
    """

    kind: ChangeKind
    first: int | None
    last: int | None
    transports: tuple[Transport, ...]
    before: Side
    after: Side
    since: str
    until: str


class Copy(NamedTuple):
    """One copy of the registry that was compared: its day, and what it is."""

    as_of: str
    what: str


class Compared(NamedTuple):
    """The first and last day of the copies compared, the two furthest apart, and how many."""

    first: str
    last: str
    gap: tuple[str, str]
    copies: int = 0


def order(change: Change) -> tuple[object, ...]:
    """The order of changes: by port, names without a port last, then by when."""
    first = PORTS if change.first is None else change.first
    last = PORTS if change.last is None else change.last
    names = change.after.names or change.before.names
    when = (change.until, change.since)
    return (first, *when, last, change.kind, change.transports, [name.lower() for name in names])


# -- the file ---------------------------------------------------------------------------------


class Log:
    """One file of changes, or its *content*. Raises DataMissing or DataCorrupt.

    *opener* opens it, as open() takes one.
    """

    def __init__(
        self,
        path: str,
        content: bytes | None = None,
        opener: Callable[[str, int], int] | None = None,
    ) -> None:
        self._file = SortedFile(path, "history/1", content=content, opener=opener)
        header = self._file.header
        try:
            self._lookback = int(header["lookback"][:9])
            # What the copies compared are, by their days; a lookup wants the days alone.
            self.copied = {
                key.partition(":")[2]: what
                for key, what in header.items()
                if key.startswith("copy:")
            }
            for day in self.copied:
                _months(day)
        except (KeyError, ValueError) as error:
            raise DataCorrupt(path, "its header can't be read") from error
        if not self.copied:
            raise DataCorrupt(path, "it names no copy of the registry")

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The copies that were compared, in the file's order."""
        return tuple([Copy(*copy) for copy in self.copied.items()])

    def of_port(self, port: int) -> tuple[Change, ...]:
        """The changes that concern *port*, the oldest first."""
        rows = self._file.backward(self._file.after(port))
        # The header's lookback bounds how many rows can stand between a range and *port*.
        near = [
            self._change(cells) for _, cells in zip(range(self._lookback + 1), rows, strict=False)
        ]
        found = [
            change
            for change in reversed(near)  # as the file has them, where nothing else orders them
            if change.first is not None and change.last is not None
            if change.first <= port <= change.last
        ]
        return tuple(sorted(found, key=order))

    def all(self) -> Iterator[Change]:
        """Every change, in the order of the file."""
        return map(self._change, self._file.forward(self._file.start))

    def _change(self, cells: list[str]) -> Change:
        values = [unescape_cell(cell) for cell in cells] + [""] * (len(COLUMNS) - len(cells))
        try:
            first, last, kind, transports, since, until, *sides = values
            numbered = first != "-"
            if numbered and not 0 <= int(first) <= int(last) <= LAST_PORT:
                raise ValueError(last)
            if since > until:
                raise ValueError(until)
            return Change(
                kind=ChangeKind(kind),
                first=int(first) if numbered else None,
                last=int(last) if numbered else None,
                transports=tuple([Transport(each) for each in transports.split()]),
                before=_side(*sides[:3]),
                after=_side(*sides[3:]),
                since=since,
                until=until,
            )
        except (ValueError, TypeError) as error:
            path = self._file.path
            raise DataCorrupt(path, f"the row of {cells[0][:12]!a} can't be read") from error


def _side(state: str, names: str, said: str) -> Side:
    return Side(State(state), tuple(names.split("|")) if names else (), said or None)


def render(changes: Iterable[Change], copies: Sequence[Copy]) -> str:
    """The text of ``history.tsv``: a header with the *copies* compared, sorted rows, ``#end``."""
    ordered = sorted(changes, key=order)
    lines = ["#portbook\thistory/1", f"#lookback\t{_lookback(ordered)}"]
    lines += [f"#copy:{copy.as_of}\t{copy.what}" for copy in copies]
    lines.append("#columns\t" + "\t".join(COLUMNS))
    for change in ordered:
        cells = (
            "-" if change.first is None else str(change.first),
            "-" if change.last is None else str(change.last),
            change.kind,
            " ".join(change.transports),
            change.since,
            change.until,
            *_cells(change.before),
            *_cells(change.after),
        )
        lines.append("\t".join(map(escape_cell, cells)).rstrip("\t"))
    return "\n".join([*lines, "#end"]) + "\n"


def _cells(side: Side) -> tuple[str, str, str]:
    return side.state, "|".join(side.names), side.said or ""


def _lookback(ordered: Sequence[Change]) -> int:
    """How many rows a reader has to look at beyond the nearest: see registry.build.lookback."""
    from bisect import bisect_right

    firsts = [change.first for change in ordered if change.first is not None]
    most = 0
    for place, change in enumerate(ordered[: len(firsts)]):
        if change.last is not None:
            most = max(most, bisect_right(firsts, change.last) - place - 1)
    return most


# -- what is known ----------------------------------------------------------------------------


class History:
    """The shipped changes and, if a registry was fetched, those that this machine's updates saw."""

    def __init__(self, *logs: Log) -> None:
        self._logs = logs
        self._copied = {day: what for log in reversed(logs) for day, what in log.copied.items()}
        self._compared = _compare(sorted(self._copied))
        self._source: Source | None = None
        self._asked = 0
        self._by_port: dict[int, tuple[Change, ...]] | None = None
        self._by_name: dict[str, tuple[Change, ...]] | None = None

    def copies(self) -> tuple[Copy, ...]:
        """The copies that were compared, the oldest first."""
        return tuple([Copy(*copy) for copy in sorted(self._copied.items())])

    def compared(self) -> Compared:
        """Which days the copies are of."""
        return self._compared

    def of_port(self, port: int) -> tuple[Change, ...]:
        """The changes that concern *port*, the oldest first."""
        if self._by_port is None:
            self._asked += 1
            if self._asked <= _PORTS_UNTIL_HELD:
                return _once(change for log in self._logs for change in log.of_port(port))
            self._by_port = self._hold()
        return self._by_port.get(port, ())

    def _hold(self) -> dict[int, tuple[Change, ...]]:
        held: dict[int, list[Change]] = {}
        room = _MOST_COVERED
        for change in self.all():
            if change.first is not None and change.last is not None:
                room -= change.last - change.first + 1
                if room < 0:
                    raise DataCorrupt(HISTORY, "its changes overlap as those of no registry do")
                for port in range(change.first, change.last + 1):
                    held.setdefault(port, []).append(change)
        # Where ranges overlap, the file's order is not that of one port's changes.
        return {port: tuple(sorted(changes, key=order)) for port, changes in held.items()}

    def of_name(self, name: str) -> tuple[Change, ...]:
        """The changes in which the service *name* came, went, or was renamed; case is ignored."""
        if self._by_name is None:
            held: dict[str, list[Change]] = {}
            for change in self.all():
                names = (*change.before.names, *change.after.names)
                for each in dict.fromkeys(map(str.lower, names)):
                    held.setdefault(each, []).append(change)
            self._by_name = {name: tuple(changes) for name, changes in held.items()}
        return self._by_name.get(name.lower(), ())

    def all(self) -> tuple[Change, ...]:
        """Every change, in the order of their ports."""
        return _once(change for log in self._logs for change in log.all())

    def source(self) -> Source:
        """The copies as one source of facts, as of the last of them."""
        if self._source is None:
            days = self._compared
            self._source = Source(
                "iana-history",
                days.last,
                f"what changed between {len(self._copied)} copies of the registry, {days.first} to "
                f"{days.last}",
                "https://www.iana.org/assignments/service-names-port-numbers/",
            )
        return self._source


def _compare(days: list[str]) -> Compared:
    old = days[0]
    gap, most, past = (old, old), 0, _months(old)
    for new in days[1:]:
        now = _months(new)
        if now - past > most:
            gap, most = (old, new), now - past
        old, past = new, now
    return Compared(days[0], days[-1], gap, len(days))


def _months(day: str) -> int:
    return int(day[:4]) * 12 + int(day[5:7])


def _once(changes: Iterable[Change]) -> tuple[Change, ...]:
    """*changes* in their order; what two logs tell of the same event is told once.

    A later portbook ships what an update saw before, between other copies.
    """
    groups: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        key = (
            change.kind, change.first, change.last, change.transports,
            tuple([name.lower() for name in change.after.names]),
        )  # fmt: skip
        # Sorted by time, and none overlaps another: of those that begin before this one ends, the
        # last one ends last.
        same = groups.setdefault(key, [])
        place = _begun_before(same, change.until)
        if not (place and change.since < same[place - 1].until):
            same.insert(place, change)
    return tuple(sorted((change for same in groups.values() for change in same), key=order))


def _begun_before(changes: Sequence[Change], day: str) -> int:
    """How many of *changes*, which are sorted by it, begin before *day*."""
    if len(changes) < 8:  # nearly always; a lookup needn't load bisect
        return sum(change.since < day for change in changes)
    from bisect import bisect_left

    return bisect_left(changes, day, key=lambda change: change.since)


def open_history(book: Registry) -> History:
    """The history that goes with the registry *book*. Raises DataMissing or DataCorrupt."""
    shipped = Log(os.path.join(SHIPPED, HISTORY))
    own = kept_log(book.store.folder, book.store.opener)
    return History(shipped) if own is None else History(shipped, own)


def kept_log(folder: str, opener: Callable[[str, int], int] | None = None) -> Log | None:
    """What the updates up to the version in *folder* saw; None for the shipped one.

    A log that can't be read is left out: the registry beside it answers all the same.
    """
    if folder == SHIPPED:
        return None
    try:
        return Log(os.path.join(folder, HISTORY), opener=opener)
    except (DataMissing, DataCorrupt):
        return None
