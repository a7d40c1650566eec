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
from portbook.app.socket_columns import TRANSPORT_BITS, ByColumns, SocketColumns, port_at
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.app.capture_judge import CaptureJudge
    from portbook.model import OwnersSeen

    # All of an owner but its pid, how far the search went, and the socket's user.
    _Holder = tuple[tuple[Any, ...] | None, OwnersSeen, int | None, str | None]

_MOST_SERIOUS = max(level.rank for level in Level)
FAMILIES = {None: 0, Family.IPV4: 1, Family.IPV6: 2}
_REACHES = {reach: at for at, reach in enumerate((None, *Reach))}  # in three bits
# Above any kind of port; as it is odd, keys that differ in the owner alone hash far apart.
_SPREAD = 0x9E3779B1
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
    table = CaptureTable(judge, listeners)
    return list(map(table.judged, range(len(table))))


class CaptureTable(ByColumns, Sequence[Listener]):
    """The sockets of *listeners*, judged without a word: the most serious first, then by port.

    What :class:`~portbook.app.capture_judge.CaptureJudge` would say of each alone is said of it
    here. No socket is kept that is made of what others have too: it is put together when somebody
    asks for it. To hold 200,000 of them takes as long as to read them.
    """

    def __init__(self, judge: CaptureJudge, listeners: Iterable[Listener | PlainRows]) -> None:
        self.judge = judge
        self.columns = SocketColumns()
        self._verdicts: list[Assessment] = []
        self._alone: dict[int, Listener] = {}  # those that are like no other, as they are
        # The rest of what was told of sockets, beside address, port and owner; nothing of those
        # above. Then its number for each.
        self.rests: list[tuple[Any, ...]] = [()]
        self.rest_of_each = _numbers()
        self._holders: dict[int, _Holder] = {}
        # Of addresses by their numbers: with their families, and where they are reached from.
        self.addresses: list[Any] = []
        self.reaches: list[Reach | None] = []
        self._reaches: list[int] = []  # in three bits
        self._families: list[int] = []  # in two bits
        self._noted: list[int] = []  # sockets whose ports a note may call something else
        # The numbers of what was looked up already: by a row's own key that of the rest of its
        # socket, by an address' and an owner's own theirs.
        self._rest_of: dict[Any, int] = {}
        self._where: dict[Any, int] = {}
        self._owners: dict[Any, int] = {}
        self._bits = [0]  # of the transports, by the numbers of rests
        self.ports = CapturePorts(judge)
        self._known: dict[int, int] = {}  # the numbers of verdicts
        self._ranks_of: list[int] = []  # and their ranks
        self._begin()
        self._fill(judge, listeners)
        self._finish()

    def _begin(self) -> None:
        """Empties what has a number for each socket: arrays, as numbers that lie anywhere in memory
        take several times as long to be read in the order of the table.
        """
        columns = self.columns
        for column in (columns.level, columns.address, columns.service, columns.program):
            column.of_each = _numbers()
        columns.places, columns.pids = _numbers(), []
        self.rest_of_each, self._alone, self._noted = _numbers(), {}, []

    def take(self, listeners: Iterable[Listener | PlainRows]) -> None:
        """Holds *listeners* in the place of those before; what was looked up for these is kept."""
        self._begin()
        self._fill(self.judge, listeners)
        self._finish()

    def _finish(self) -> None:
        columns, ranks_of, families = self.columns, self._ranks_of, self._families
        places, service = columns.places, columns.service
        services: list[Any] = list(map(self.ports.service_at.__getitem__, places))
        for at in self._noted:
            services[at] = (at,)
        service.clear()
        service.update((key, at) for at, key in enumerate(dict.fromkeys(services)))
        service.of_each = array("I", map(service.__getitem__, services))
        standings = self.ports.standings
        self.standings = [standings[key] if isinstance(key, int) else None for key in service]
        ranks = [
            ranks_of[verdict] | place << 2 | families[where]
            for verdict, place, where in zip(
                columns.level.of_each, places, columns.address.of_each, strict=True
            )
        ]
        self.order = sorted(range(len(ranks)), key=ranks.__getitem__)

    def judged(self, at: int) -> Listener:
        """The socket that was read as number *at*, with its verdict."""
        alone = self._alone.get(at)
        if alone is not None:
            return alone
        columns = self.columns
        port, transport = port_at(columns.places[at])
        address, family = self.addresses[columns.address.of_each[at]]
        owner, seen, uid, user = self._holders[columns.program.of_each[at]]
        inode, *rest = self.rests[self.rest_of_each[at]]
        socket = (transport, family, address, port, SocketState.LISTEN, None, inode, uid, user)
        owners = () if owner is None else (_tuple(Process, (columns.pids[at], *owner)),)
        made: Listener = _tuple(
            Listener,
            (
                _tuple(Socket, (*socket, *rest)),
                _tuple(Ownership, (owners, seen, None)),
                self._verdicts[columns.level.of_each[at]],
            ),
        )
        return made

    def verdict(self, at: int) -> Assessment:
        """That on the socket that was read as number *at*, which is not like no other."""
        return self._verdicts[self.columns.level.of_each[at]]

    def unlike(self) -> Iterator[Listener]:
        """The sockets that are held as they are: no column could say what they hold."""
        return iter(self._alone.values())

    def verdicts(self) -> list[tuple[Assessment, int]]:
        """The different verdicts, and how many of the sockets have each."""
        counted = Counter(self.columns.level.of_each)
        return [(self._verdicts[number], count) for number, count in counted.items()]

    def __len__(self) -> int:
        return len(self.order)

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

    def _fill(self, judge: CaptureJudge, listeners: Iterable[Listener | PlainRows]) -> None:
        """Takes *listeners*, those alike together."""
        self.columns.user = self.columns.program  # who is the user goes with the owner
        stream = plain_rows(listeners)
        for rows in chain(self._expect(stream), stream):
            if not isinstance(rows, PlainRows):
                self._add(judge, rows)
            elif not self._add_rows(judge, rows):
                self._fill(judge, map(rows.listener, range(len(rows.ports))))

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

    def _add_rows(self, judge: CaptureJudge, rows: PlainRows) -> bool:
        """Takes *rows*; False where one of them has to be looked at alone.

        No row is looked at by itself: what is the same in many is looked up by what tells it apart,
        a column after the other.
        """
        at = len(self.rest_of_each)
        rests: list[Any] = list(map(self._rest_of.get, rows.kinds))
        if None in rests:
            if not self._learn_kinds(rows):
                return False
            rests = list(map(self._rest_of.__getitem__, rows.kinds))
        wheres, owners = self._wheres_of(rows, at), self._owners_of(judge, rows, at)
        columns, bits = self.columns, self._bits
        places = self._places_of(rows, rests)
        self.ports.learn(places, {bits[rest] for rest in {*rests}})
        # Plain numbers in lists: whatever lies apart in memory takes several times as long.
        weighs, reaches = self.ports.weighs, self._reaches
        keys = [
            by * _SPREAD + weighs[place] + reaches[where]
            for by, place, where in zip(owners, places, wheres, strict=True)
        ]
        verdicts: list[Any] = list(map(self._known.get, keys))
        if None in verdicts:
            for number, key in enumerate(keys):
                if verdicts[number] is None:
                    by, reach = owners[number], reaches[wheres[number]]
                    alike, place = self.ports.alike(by, places[number])
                    same = by * _SPREAD + alike + reach
                    if same not in self._known:
                        listener, port = rows.listener(number), judge.on_record(*port_at(place))
                        listener = listener._replace(
                            socket=listener.socket._replace(port=place >> 2)
                        )
                        findings = judge.findings(listener, port, ())
                        self._known[same] = self._number(Assessment(findings), at + number)
                    verdicts[number] = self._known[key] = self._known[same]
        self.rest_of_each.extend(rests)
        columns.places.extend(places)
        columns.level.of_each.extend(verdicts)
        columns.address.of_each.extend(wheres)
        columns.program.of_each.extend(owners)
        columns.pids += rows.pids
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

    def _wheres_of(self, rows: PlainRows, at: int) -> list[int]:
        numbers, known = self.columns.address, self._where
        found: list[Any] = list(map(known.get, rows.addresses))
        if None not in found:
            return found
        address_of = rows.address
        for number, key in enumerate(rows.addresses):
            if found[number] is None and key not in known:
                address, family = where = address_of(key)
                known[key] = numbers.number(where, at + number)
                if len(numbers) > len(self.addresses):
                    self._add_address(where, family, reach_of(address, family))
        return list(map(known.__getitem__, rows.addresses))

    def _add_address(self, where: Any, family: Family | None, reach: Reach | None) -> None:
        self.addresses.append(where)
        self.reaches.append(reach)
        self._reaches.append(_REACHES[reach])
        self._families.append(FAMILIES[family])

    def _owners_of(self, judge: CaptureJudge, rows: PlainRows, at: int) -> list[int]:
        found: list[Any] = list(map(self._owners.get, rows.owners))
        if None not in found:
            return found
        for key, number in _new(rows.owners, self._owners):
            listener = rows.listener(number)
            owners, seen, _ = listener.ownership
            by = self._owners[key] = self.columns.program.number((key,), at + number)
            socket = listener.socket
            self._holders[by] = owners[0][1:] if owners else None, seen, socket.uid, socket.user
            self.ports.learn_owner(by, judge.owners_on_record(owners))
        return list(map(self._owners.__getitem__, rows.owners))

    def _number(self, verdict: Assessment, at: int) -> int:
        """The number of *verdict*, which socket *at* has, among those of other findings."""
        number = self.columns.level.number(id(verdict.findings), at)
        if number == len(self._verdicts):  # held here, so that its findings stay what they are
            self._verdicts.append(verdict)
            self._ranks_of.append(rank_of(verdict))
        return number

    def _add(self, judge: CaptureJudge, bare: Listener) -> None:
        """Takes a socket that is like no other."""
        socket = bare.socket
        port, transport = socket.port, socket.transport
        listener = judge(bare)
        columns, at = self.columns, len(self.rest_of_each)
        number = self._number(listener.assessment, at)
        place = port << 2 | TRANSPORT_BITS[transport]
        self.ports.learn([place], [place & 3])
        pids = tuple([owner.pid for owner in listener.ownership.owners])
        for column in (columns.address, columns.program):
            column.of_each.append(column.number((at,), at))
        if len(self.addresses) < len(columns.address):
            self._add_address((at,), socket.family, None)
        self._families[columns.address.of_each[at]] = FAMILIES[socket.family]
        if listener.assessment.note is not None:
            self._noted.append(at)
        columns.places.append(place)
        columns.level.of_each.append(number)
        columns.pids.append(pids if len(pids) > 1 else sum(pids))
        self.rest_of_each.append(0)
        self._alone[at] = listener


def _numbers() -> Any:
    return array("I")  # of at most 32 bits


def _new(column: Sequence[Any], known: Mapping[Any, object]) -> Iterator[tuple[Any, int]]:
    """What is in *column* and not in *known*, which is given each before the next; its place."""
    return ((key, number) for number, key in enumerate(column) if key not in known)
