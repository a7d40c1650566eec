"""The sockets of a capture by columns: what many have in common is looked at once.

A capture may list hundreds of thousands of sockets, and a table of them needs no value for each:
the verdict depends on the kind of port, the program, the address and little more, and what stands
in a column of the table on less. So one pass gives each socket a number for each of these, and the
values are made for the sockets that somebody asks for.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, overload

from portbook.app.capture_ports import CapturePorts
from portbook.app.capture_rows import plain_rows, reach_of
from portbook.app.socket_columns import (
    SEVERAL,
    TRANSPORT_BITS,
    ByColumns,
    SocketColumns,
    port_at,
)
from portbook.formats.fields import PlainRows
from portbook.model import (
    Assessment,
    Family,
    Level,
    Listener,
    Ownership,
    Process,
    Reach,
    Socket,
    SocketState,
)
from portbook.model.sockets import UNJUDGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.app.capture_judge import CaptureJudge
    from portbook.app.on_record import OwnersOnRecord
    from portbook.model import Finding, OwnersSeen

    # All of an owner but its pid, how far the search went, and the socket's user.
    _Holder = tuple[tuple[Any, ...] | None, OwnersSeen, int | None, str | None]

_MOST_SERIOUS = max(level.rank for level in Level)
FAMILIES = {None: 0, Family.IPV4: 1, Family.IPV6: 2}
_REACHES = {reach: at for at, reach in enumerate((None, *Reach))}  # in three bits
# Above any kind of port; as it is odd, keys that differ in the owner alone hash far apart. The keys
# of a hundred owners are small numbers, with which all is done in half of the time.
_SPREAD = 0x5BD1E9
_MOST_OWNERS = 512  # of which what is on record is kept
_EXPECTED = 6000  # sockets that are looked at before the first is judged
_tuple: Any = tuple.__new__


def rank_of(verdict: Assessment) -> int:
    """The place of *verdict* among others, the most serious first, above 20 bits for the socket."""
    gravity, exposed = verdict.urgency
    return ((_MOST_SERIOUS - gravity) * 2 + (not exposed)) << 20


def judge_all(judge: CaptureJudge, listeners: Sequence[Listener]) -> list[Listener]:
    """*listeners* with their findings, as *judge* has them for each.

    Where nothing is said, those alike share one verdict.
    """
    if judge.said:
        return list(map(judge, listeners))
    rows = CaptureRows(judge, listeners)
    return list(map(rows.judged, range(len(rows))))


class CaptureRows:
    """The sockets of *listeners* as they come, judged without a word.

    What :class:`~portbook.app.capture_judge.CaptureJudge` would say of each alone is said of it
    here. No socket is kept that is made of what others have too: it is put together when somebody
    asks for it. To hold 200,000 of them takes as long as to read them.
    """

    def __init__(self, judge: CaptureJudge, listeners: Iterable[Listener | PlainRows]) -> None:
        self.judge = judge
        self.columns = SocketColumns()
        self.columns.user = self.columns.program  # who is the user goes with the owner
        self._verdicts: list[Assessment] = []
        # The rest of what was told of sockets, beside address, port and owner; nothing of those
        # that are like no other. Then its number for each.
        self.rests: list[tuple[Any, ...]] = [()]
        self.rest_of_each = _numbers()
        self._holders: dict[int, _Holder] = {}
        self._on_record: dict[int, OwnersOnRecord] = {}  # of the last owners, by their numbers
        # Of addresses by their numbers: with their families, and where they are reached from.
        self.addresses: list[tuple[Any, ...]] = []
        self.reaches: list[Reach | None] = []
        self._reaches, self._families = bytearray(), bytearray()
        # The numbers of what was looked up already: by a row's own key that of the rest of its
        # socket, by an address' and an owner's own theirs.
        self._rest_of: dict[Any, int] = {}
        self._where: dict[Any, int] = {}
        self._owners: dict[Any, int] = {}
        self._bits = [0]  # of the transports, by the numbers of rests
        self.ports = CapturePorts(judge)
        self._known: dict[int, int] = {}  # the numbers of verdicts
        self._ranks_of: list[int] = []  # and their ranks
        self.take(listeners)

    def take(self, listeners: Iterable[Listener | PlainRows]) -> None:
        """Holds *listeners* in the place of those before; what was looked up for these is kept."""
        # Arrays, as numbers that lie anywhere in memory take several times as long to be read.
        columns = self.columns
        for column in (columns.level, columns.address, columns.program):
            column.of_each = _numbers()
        columns.places, columns.pids = _numbers(), array("Q")
        self.rest_of_each = _numbers()
        self.alone: dict[int, Listener] = {}  # those that are like no other, as they are
        self._fill(listeners)

    def judged(self, at: int) -> Listener:
        """The socket that was read as number *at*, with its verdict."""
        alone = self.alone.get(at)
        if alone is not None:
            return alone
        columns = self.columns
        by, pid = columns.program.of_each[at], columns.pids[at]
        where, rest = columns.address.of_each[at], self.rest_of_each[at]
        return self._made(columns.places[at], where, by, pid, rest, self.verdict(at))

    def _made(
        self, place: int, where: int, by: int, pid: int, rest: int, verdict: Assessment
    ) -> Listener:
        """The socket of these numbers, none of which is of one that is like no other."""
        port, transport = port_at(place)
        address, family = self.addresses[where]
        owner, seen, uid, user = self._holders[by]
        inode, *more = self.rests[rest]
        socket = (transport, family, address, port, SocketState.LISTEN, None, inode, uid, user)
        owners = () if owner is None else (_tuple(Process, (pid, *owner)),)
        made: Listener = _tuple(
            Listener,
            (_tuple(Socket, (*socket, *more)), _tuple(Ownership, (owners, seen, None)), verdict),
        )
        return made

    def verdict(self, at: int) -> Assessment:
        """That on the socket that was read as number *at*, which is not like no other."""
        return self._verdicts[self.columns.level.of_each[at]]

    def verdicts(self) -> list[tuple[Assessment, int]]:
        """The different verdicts, and how many of the sockets have each."""
        counted = Counter(self.columns.level.of_each)
        return [(self._verdicts[number], count) for number, count in counted.items()]

    def __len__(self) -> int:
        return len(self.rest_of_each)

    def _fill(self, listeners: Iterable[Listener | PlainRows]) -> None:
        """Takes *listeners*, those alike together."""
        stream = plain_rows(listeners)
        for rows in chain(self._expect(stream), stream):
            if not isinstance(rows, PlainRows):
                self._add(rows)
            elif not self._add_rows(rows):
                self._fill(map(rows.listener, range(len(rows.ports))))

    def _expect(self, stream: Iterator[Listener | PlainRows]) -> list[Listener | PlainRows]:
        """The first of *stream*, so many that all ports are learned at once where there are many,
        and none of them alone before.
        """
        ahead: list[Listener | PlainRows] = []
        places: list[int] = []
        for rows in stream:
            ahead.append(rows)
            if isinstance(rows, PlainRows) and self._learn_kinds(rows):
                places += self._places_of(rows, map(self._rest_of.__getitem__, rows.kinds))
            if len(places) >= _EXPECTED or len(ahead) >= _EXPECTED:
                break
        self.ports.learn(places, {place & 3 for place in places})
        return ahead

    def _places_of(self, rows: PlainRows, rests: Iterable[int]) -> list[int]:
        bits = self._bits
        return [port << 2 | bits[rest] for port, rest in zip(rows.ports, rests, strict=True)]

    def _add_rows(self, rows: PlainRows) -> bool:
        """Takes *rows*; False where one of them has to be looked at alone.

        No row is looked at by itself: what is the same in many is looked up by what tells it apart,
        a column after the other.
        """
        judge, at = self.judge, len(self.rest_of_each)
        if not self._learn_kinds(rows):
            return False
        self._learn_addresses(rows)
        self._learn_owners(rows, at)
        rests = list(map(self._rest_of.__getitem__, rows.kinds))
        wheres = list(map(self._where.__getitem__, rows.addresses))
        owners = list(map(self._owners.__getitem__, rows.owners))
        columns, bits = self.columns, self._bits
        places = self._places_of(rows, rests)
        self.ports.learn(places, {bits[rest] for rest in {*rests}})
        # Plain numbers in lists: whatever lies apart in memory takes several times as long.
        weighs, reaches = self.ports.weighs, self._reaches
        keys = [
            by * _SPREAD + weighs[place] + reaches[where]
            for by, place, where in zip(owners, places, wheres, strict=True)
        ]
        known = self._known
        for key, number in _new(keys, known):
            by, where, place = owners[number], wheres[number], places[number]
            alike, first = self.ports.alike(by, place)
            same = by * _SPREAD + alike + reaches[where]
            if same not in known:
                listener = self._made(first, where, by, rows.pids[number], rests[number], UNJUDGED)
                port, owned = judge.on_record(*port_at(first)), self._on_record.get(by)
                known[same] = self._number(judge.findings(listener, port, (), owned), at + number)
            known[key] = known[same]
        if len(self._on_record) > _MOST_OWNERS:
            self._on_record.clear()
        verdicts = list(map(known.__getitem__, keys))
        more: list[tuple[Any, Sequence[int]]] = [
            (self.rest_of_each, rests),
            (columns.places, places),
            (columns.level.of_each, verdicts),
            (columns.address.of_each, wheres),
            (columns.program.of_each, owners),
            (columns.pids, rows.pids),
        ]
        for column, numbers in more:  # made at once: to add one after the other takes much longer
            column.extend(array(column.typecode, numbers))
        return True

    def _learn_kinds(self, rows: PlainRows) -> bool:
        """Takes what tells sockets apart but for address and port; False for one like no other."""
        more: list[Any]  # fields that no column is of
        for key, number in _new(rows.kinds, self._rest_of):
            (
                transport, _, _, _, _, _, inode, _, _, v6only, queue, limit, udplite, _, sharing,
                _, host, first, last, *more,
            ) = rows.listener(number).socket  # fmt: skip
            if queue and limit is not None and queue > limit:
                return False
            said = inode, v6only, queue, limit, udplite, None, sharing, False, host, first, last
            self._rest_of[key] = len(self.rests)
            self._bits.append(TRANSPORT_BITS[transport])
            self.rests.append((*said, *more))
        return True

    def _learn_addresses(self, rows: PlainRows) -> None:
        for key in {*rows.addresses}.difference(self._where):
            address, family = where = rows.address(key)
            self._where[key] = self._address(where, family, reach_of(address, family))

    def _address(self, where: Any, family: Family | None, reach: Reach | None) -> int:
        """The number of the address *where*, which is new."""
        self.addresses.append(where)
        self.reaches.append(reach)
        self._reaches.append(_REACHES[reach])
        self._families.append(FAMILIES[family])
        return len(self.reaches) - 1

    def _learn_owners(self, rows: PlainRows, at: int) -> None:
        for key, number in _new(rows.owners, self._owners):
            listener = rows.listener(number)
            owners, seen, _ = listener.ownership
            by = self._owners[key] = self.columns.program.number((key,), at + number)
            socket = listener.socket
            self._holders[by] = owners[0][1:] if owners else None, seen, socket.uid, socket.user
            owned = self.judge.owners_on_record(owners)
            self._on_record[by] = owned
            self.ports.learn_owner(by, owned)

    def _number(self, findings: tuple[Finding, ...], at: int) -> int:
        """The number of the verdict of *findings*, which socket *at* has, among others."""
        number = self.columns.level.number(id(findings), at)
        if number == len(self._verdicts):  # held here, so that its findings stay what they are
            verdict = Assessment(findings)
            self._verdicts.append(verdict)
            self._ranks_of.append(rank_of(verdict))
        return number

    def _add(self, bare: Listener) -> None:
        """Takes a socket that is like no other."""
        socket = bare.socket
        port, transport = socket.port, socket.transport
        listener = self.judge(bare)
        columns, at = self.columns, len(self.rest_of_each)
        number = self._number(listener.assessment.findings, at)
        place = port << 2 | TRANSPORT_BITS[transport]
        self.ports.learn([place], [place & 3])
        pids = [owner.pid for owner in listener.ownership.owners]
        plain = len(pids) <= 1 and 0 <= sum(pids) < SEVERAL
        if (at,) not in self._where:
            self._where[(at,)] = self._address((at,), socket.family, None)
        where = self._where[(at,)]
        self._families[where] = FAMILIES[socket.family]
        columns.address.of_each.append(where)
        columns.program.of_each.append(columns.program.number((at,), at))
        columns.places.append(place)
        columns.level.of_each.append(number)
        columns.pids.append(sum(pids) if plain else at | SEVERAL)
        self.rest_of_each.append(0)
        self.alone[at] = listener


class CaptureTable(CaptureRows, ByColumns, Sequence[Listener]):
    """The sockets of *listeners*, judged without a word: the most serious first, then by port."""

    def take(self, listeners: Iterable[Listener | PlainRows]) -> None:
        """Holds *listeners*, and finds their order."""
        super().take(listeners)
        columns, ranks_of, families = self.columns, self._ranks_of, self._families
        ranks = [
            ranks_of[verdict] | place << 2 | families[where]
            for verdict, place, where in zip(
                columns.level.of_each, columns.places, columns.address.of_each, strict=True
            )
        ]
        self.order = sorted(range(len(ranks)), key=ranks.__getitem__)
        services = array("I", map(self.ports.service_at.__getitem__, columns.places))
        noted = [at for at, each in self.alone.items() if each.assessment.note is not None]
        for number, at in enumerate(noted, len(self.ports.standings)):
            services[at] = number
        columns.service.of_each = services
        self.standings = [*self.ports.standings, *[self.alone[at] for at in noted]]

    @overload
    def __getitem__(self, at: int) -> Listener: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Listener]: ...
    def __getitem__(self, at: int | slice) -> Listener | Sequence[Listener]:
        if isinstance(at, int):
            return self.judged(self.order[at])
        part = self.order[at]
        return self if part == self.order else tuple(map(self.judged, part))

    def __iter__(self) -> Iterator[Listener]:
        return map(self.judged, self.order)

    def __reduce__(self) -> tuple[object, ...]:
        return tuple, (tuple(self),)


def _numbers() -> Any:
    return array("I")  # of at most 32 bits


def _new(column: Sequence[Any], known: dict[Any, int]) -> list[tuple[Any, int]]:
    """What is in *column* and not in *known*, each once and with a place where it is."""
    missing = {*column}.difference(known)
    if not missing:
        return []
    places = dict(zip(column, range(len(column)), strict=True))
    return [(key, place) for key, place in places.items() if key in missing]
