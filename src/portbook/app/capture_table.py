"""The sockets of a capture by columns: what many have in common is looked at once.

A capture may list hundreds of thousands of sockets, and a table of them needs no value for each:
the verdict depends on the kind of port, the program, the address and little more, and what stands
in a column of the table on less. So one pass gives each socket a number for each of these, and the
values are made for the sockets that somebody asks for.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, overload

from portbook.app.capture_rows import plain_rows, reach_of
from portbook.app.socket_columns import TRANSPORT_BITS, ByColumns, SocketColumns, port_at
from portbook.catalog.registry.outlines import outline_of
from portbook.formats.fields import PlainRows
from portbook.model import (
    PORTS,
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

    from portbook.app.capture_judge import CaptureJudge, PortInShort
    from portbook.catalog.registry.outlines import Outline
    from portbook.model import OwnersSeen

    # All of an owner but its pid, how far the search went, and the socket's user.
    _Holder = tuple[tuple[Any, ...] | None, OwnersSeen, int | None, str | None]

_MANY_PORTS = 3500  # so many, and it pays to learn of all
_MOST_SERIOUS = max(level.rank for level in Level)
FAMILIES = {None: 0, Family.IPV4: 1, Family.IPV6: 2}
_REACHES = {reach: at for at, reach in enumerate((None, *Reach))}  # in three bits
_PLACE_BITS = 18  # of a port and its transport
# Above any kind of port; as it is odd, keys that differ in the owner alone hash far apart.
_SPREAD = 0x9E3779B1
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
        # The standings of ports with their numbers, and of each socket that number, or its own.
        self._standings: list[Outline] = []
        self._numbers: dict[object, int] = {}
        self._services: list[Any] = []
        self._ranks = array("Q")
        # What was looked up already: by a row's own key its transport's bits and the rest of its
        # socket, by an address' its number, its reach and its family, by an owner's its number.
        self._bits: dict[Any, int] = {}
        self._rest_of: dict[Any, int] = {}
        self._where: dict[Any, int] = {}  # above three bits for its reach and two for its family
        self._owners: dict[Any, int] = {}
        # By transport and port: a number that is the same where ports are judged alike, above three
        # bits for a reach, and that of the standing. 0 is none yet.
        self._ports = 0
        self._whole: set[int] = set()  # the bits of transports of which all ports are known
        self._alike, self._service_at = [0] * (PORTS << 2), [0] * (PORTS << 2)
        # The words of owners and of ports, and the ports that are an owner's own by these or by
        # their number.
        self._speakers: dict[str, list[int]] = {}
        self._spoken: defaultdict[str, list[int]] = defaultdict(list)
        self._own: set[int] = set()
        self._shared = bytearray(PORTS << 2)  # 1 for each place that is any owner's own
        self._known: dict[int, int] = {}  # the numbers of verdicts
        self._ranks_of: list[int] = []  # and their ranks
        # What is known of the ports by the number of their place, kept to be asked again.
        self.learned: list[tuple[PortInShort, int, int]] = []
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
        self.rest_of_each, self._ranks = _numbers(), array("Q")

    def take(self, listeners: Iterable[Listener | PlainRows]) -> None:
        """Holds *listeners* in the place of those before; what was looked up for these is kept."""
        self.columns.service.clear()
        self._alone, self._services = {}, []
        self._begin()
        self._fill(self.judge, listeners)
        self._finish()

    def _finish(self) -> None:
        ranks = self._ranks
        service = self.columns.service
        service.update((key, at) for at, key in enumerate(dict.fromkeys(self._services)))
        service.of_each = array("I", map(service.__getitem__, self._services))
        self.standings = [self._standings[key] if isinstance(key, int) else None for key in service]
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

    def own_places(
        self, bys: Iterable[int], places: Iterable[int], alike: Sequence[int]
    ) -> list[int]:
        """For owners and places, what is in *alike* for these; the place itself where that is 0, or
        where it is the owner's own.
        """
        own, shared = self._own, self._shared
        return [
            place if shared[place] and by << _PLACE_BITS | place in own else alike[place] or place
            for by, place in zip(bys, places, strict=True)
        ]

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
        for rows in plain_rows(listeners):
            if not isinstance(rows, PlainRows):
                self._add(judge, rows)
            elif not self._add_rows(judge, rows):
                self._fill(judge, map(rows.listener, range(len(rows.ports))))

    def _add_rows(self, judge: CaptureJudge, rows: PlainRows) -> bool:
        """Takes *rows*; False where one of them has to be looked at alone.

        No row is looked at by itself: what is the same in many is looked up by what tells it apart,
        a column after the other.
        """
        at = len(self.rest_of_each)
        if not (self._bits.keys() >= {*rows.kinds} or self._learn_kinds(rows)):
            return False
        bits = list(map(self._bits.__getitem__, rows.kinds))
        wheres, owners = self._wheres_of(rows, at), self._owners_of(judge, rows, at)
        columns, alike, shared = self.columns, self._alike, self._shared
        places = [port << 2 | bit for port, bit in zip(rows.ports, bits, strict=True)]
        if not self._whole.issuperset(bits):
            self._learn_ports(judge, places)
        # Plain numbers in lists: whatever lies apart in memory takes several times as long.
        keys = [
            by * _SPREAD + alike[place] + (where >> 2 & 7)
            for by, place, where in zip(owners, places, wheres, strict=True)
        ]
        for number in compress(range(len(places)), map(shared.__getitem__, places)):
            if owners[number] << _PLACE_BITS | places[number] in self._own:
                keys[number] += (places[number] << 3) - alike[places[number]]
        verdicts: list[Any] = list(map(self._known.get, keys))
        if None in verdicts:
            for number, key in enumerate(keys):
                if verdicts[number] is None:
                    if key not in self._known:
                        listener = rows.listener(number)
                        port = judge.on_record(listener.socket.port, listener.socket.transport)
                        findings = judge.findings(listener, port, ())
                        self._known[key] = self._number(Assessment(findings), at + number)
                    verdicts[number] = self._known[key]
        ranks = self._ranks_of
        self._ranks.extend(
            [
                ranks[verdict] | place << 2 | where & 3
                for verdict, place, where in zip(verdicts, places, wheres, strict=True)
            ]
        )
        self.rest_of_each.extend(map(self._rest_of.__getitem__, rows.kinds))
        self._services += map(self._service_at.__getitem__, places)
        columns.places.extend(places)
        columns.level.of_each.extend(verdicts)
        columns.address.of_each.extend([where >> 5 for where in wheres])
        columns.program.of_each.extend(owners)
        columns.pids += rows.pids
        return True

    def _learn_kinds(self, rows: PlainRows) -> bool:
        """Takes what tells sockets apart but for address and port; False for one like no other."""
        more: list[Any]  # fields that no column is of
        for key, number in _new(rows.kinds, self._bits):
            (
                transport, _, _, _, _, _, inode, _, _, v6only, queue, limit, udplite, _, sharing,
                _, host, first, last, *more,
            ) = rows.listener(number).socket  # fmt: skip
            if queue and limit is not None and queue > limit:
                return False
            said = inode, v6only, queue, limit, udplite, None, sharing, False, host, first, last
            rest = *said, *more
            self._bits[key], self._rest_of[key] = TRANSPORT_BITS[transport], len(self.rests)
            self.rests.append(rest)
        return True

    def _wheres_of(self, rows: PlainRows, at: int) -> list[int]:
        numbers, addresses, known = self.columns.address, self.addresses, self._where
        found: list[Any] = list(map(known.get, rows.addresses))
        if None not in found:
            return found
        for key, number in _new(rows.addresses, known):
            address, family = where = rows.address(key)
            reach = reach_of(address, family)
            by = numbers.number(where, at + number)
            known[key] = by << 5 | _REACHES[reach] << 2 | FAMILIES[family]
            if by == len(addresses):
                addresses.append(where)
                self.reaches.append(reach)
        return list(map(known.__getitem__, rows.addresses))

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
            owned = judge.owners_on_record(owners)
            places = [port << 2 | bit for port in owned.ports for bit in TRANSPORT_BITS.values()]
            for name in owned.words:
                self._speakers.setdefault(name, []).append(by)
                places += self._spoken.get(name, ())
            self._claim(by, places)
        return list(map(self._owners.__getitem__, rows.owners))

    def _learn_ports(self, judge: CaptureJudge, places: Sequence[int]) -> None:
        """Takes what is on record of the ports at *places*; of all ports, where there are many."""
        alike = self._alike
        new = [place for place in dict.fromkeys(places) if not alike[place]]
        self._ports += len(new)
        if not self._whole and self._ports >= _MANY_PORTS:
            for place in {place & 3: place for place in new}.values():
                judge.on_record(*port_at(place))  # it learns of the transports it was asked about
            for transport, runs in judge.learn_runs().items():
                place = TRANSPORT_BITS[transport]
                self._whole.add(place)
                for found, size in runs:
                    self._learn(found, place, size)
                    place += size << 2
        for place in new:
            if not alike[place]:
                self._learn(judge.in_short(judge.on_record(*port_at(place))), place)

    def _learn(self, found: PortInShort, place: int, size: int = 1) -> None:
        """Takes what is on record of *size* ports from *place* on."""
        self.learned.append((found, place, size))
        kind, service = found.kind + (PORTS << 2) << 3, self._service(found.standing)
        places = range(place, place + (size << 2), 4)
        self._alike[place : places.stop : 4] = [kind] * size
        self._service_at[place : places.stop : 4] = [service] * size
        for name in found.words:
            self._spoken[name] += places
            for by in self._speakers.get(name, ()):
                self._claim(by, places)

    def _claim(self, by: int, places: Iterable[int]) -> None:
        """Takes the ports at *places* for those of owner number *by*."""
        for place in places:
            self._own.add(by << _PLACE_BITS | place)
            self._shared[place] = 1

    def _service(self, standing: Outline) -> int:
        """The number of what the column of services has for a port's *standing*."""
        key = standing.names or (standing.state, standing.listed)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._standings)
            self._standings.append(standing)
        return number

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
        listener, on_record = judge(bare), judge.on_record(port, transport)
        columns, at = self.columns, len(self.rest_of_each)
        number = self._number(listener.assessment, at)
        place = port << 2 | TRANSPORT_BITS[transport]
        pids = tuple([owner.pid for owner in listener.ownership.owners])
        for column in (columns.address, columns.program):
            column.of_each.append(column.number((at,), at))
        if len(self.addresses) < len(columns.address):
            self.addresses.append((at,))
            self.reaches.append(None)
        # A note may call the port something else.
        noted = listener.assessment.note is not None
        self._services.append((at,) if noted else self._service(outline_of(on_record.standing)))
        columns.places.append(place)
        columns.level.of_each.append(number)
        columns.pids.append(pids if len(pids) > 1 else sum(pids))
        self.rest_of_each.append(0)
        self._alone[at] = listener
        self._ranks.append(self._ranks_of[number] | place << 2 | FAMILIES[socket.family])


def _numbers() -> Any:
    return array("I")  # of at most 32 bits


def _new(column: Sequence[Any], known: Mapping[Any, object]) -> Iterator[tuple[Any, int]]:
    """What is in *column* and not in *known*, which is given each before the next; its place."""
    return ((key, number) for number, key in enumerate(column) if key not in known)
