"""The sockets of a capture by columns: what many have in common is looked at once.

A capture may list hundreds of thousands of sockets, and a table of them needs no value for each:
the verdict depends on the kind of port, the program, the address and little more, and what stands
in a column of the table on less. So one pass gives each socket a number for each of these, and the
values are made for the sockets that somebody asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from portbook.app.socket_columns import TRANSPORT_BITS, ByColumns, SocketColumns, port_at
from portbook.model import (
    PORTS,
    Assessment,
    Family,
    Level,
    Listener,
    Ownership,
    OwnersSeen,
    Process,
    Reach,
    Socket,
    SocketState,
)
from portbook.model.seen import UNJUDGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.app.capture_judge import CaptureJudge
    from portbook.app.judge import OwnersOnRecord, PortOnRecord
    from portbook.model import Standing

    # A number for the kind of a port, the services that are spoken there, and that of its standing.
    _Kind = tuple[int, frozenset[str], int]
    # All of an owner but its pid, how far the search went, and the socket's user.
    _Holder = tuple[tuple[Any, ...] | None, OwnersSeen, int | None, str | None]

_MANY_PORTS = 4000  # so many, and it pays to learn of all
_MOST_SERIOUS = max(level.rank for level in Level)
FAMILIES = {None: 0, Family.IPV4: 1, Family.IPV6: 2}
_REACHES = {reach: at for at, reach in enumerate((None, *Reach))}  # in three bits
_FIRST = OwnersSeen.FIRST
# A process of which its number and its program alone are told has nothing else in its fields but
# the empty tuple of its ancestors.
_UNSAID = len(Process._fields) - 3
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

    def __init__(self, judge: CaptureJudge, listeners: Iterable[Listener]) -> None:
        self.columns = SocketColumns()
        self._verdicts: list[Assessment] = []
        self._alone: dict[int, Listener] = {}  # those that are like no other, as they are
        # Of the others: the address and family, the owner, and the rest of what was told of each.
        self._rests: list[tuple[Any, ...]] = []
        self._holders: dict[int, _Holder] = {}
        # The standings of ports with their numbers, and of each socket that number, or its own.
        self._standings: list[Standing] = []
        self._numbers: dict[int, int] = {}
        self._services: list[Any] = []
        ranks = self._fill(judge, listeners)
        self._addresses = list(self.columns.address)
        service = self.columns.service
        service.update((key, at) for at, key in enumerate(dict.fromkeys(self._services)))
        service.of_each = list(map(service.__getitem__, self._services))
        self.standings = [self._standings[key] if isinstance(key, int) else None for key in service]
        self.order = sorted(range(len(ranks)), key=ranks.__getitem__)

    def judged(self, at: int) -> Listener:
        """The socket that was read as number *at*, with its verdict."""
        alone = self._alone.get(at)
        if alone is not None:
            return alone
        columns = self.columns
        port, transport = port_at(columns.places[at])
        address, family = self._addresses[columns.address.of_each[at]]
        owner, seen, uid, user = self._holders[columns.program.of_each[at]]
        inode, *rest = self._rests[at]
        socket = (transport, family, address, port, SocketState.LISTEN, None, inode, uid, user)
        owners = () if owner is None else (_tuple(Process, (columns.pids[at], *owner)),)
        made: Listener = _tuple(
            Listener,
            (
                _tuple(Socket, (*socket, *rest)),
                _tuple(Ownership, (owners, seen)),
                self._verdicts[columns.level.of_each[at]],
            ),
        )
        return made

    def unlike(self) -> Iterator[Listener]:
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

    def _fill(  # noqa: C901, PLR0915 - one pass, each step of which is taken 200,000 times
        self, judge: CaptureJudge, listeners: Iterable[Listener]
    ) -> list[int]:
        """Takes *listeners*, and returns the rank of each."""
        columns = self.columns
        ranks: list[int] = []
        add_place, add_rank = columns.places.append, ranks.append
        add_service, add_rest = self._services.append, self._rests.append
        add_address, add_holder = columns.address.of_each.append, columns.program.of_each.append
        add_level, add_pid = columns.level.of_each.append, columns.pids.append
        columns.user = columns.program  # who is the user goes with the owner
        listen, inferred, on_record = SocketState.LISTEN, OwnersSeen.INFERRED, judge.on_record
        # By transport and port, shared by the ports of a run.
        kinds: list[list[_Kind | None]] = [[None] * PORTS for _ in TRANSPORT_BITS]
        ports = 0
        addresses: dict[Any, tuple[int, int, Family | None]] = {}
        holders: dict[Any, tuple[int, OwnersOnRecord]] = {}
        rests: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        known: dict[int, tuple[int, int]] = {}
        for listener in listeners:
            socket, ownership, assessment = listener
            (
                transport, family, address, port, state, interface, inode, uid, user, v6only, queue,
                limit, udplite, namespace, sharing, scanned, host, first, last,
            ) = socket  # fmt: skip
            owners, seen = ownership
            held: Any
            if (
                assessment is not UNJUDGED
                or interface is not None
                or namespace is not None
                or scanned
                or state is not listen
                or seen is inferred
                or len(owners) > 1
                or (owners and owners[0][1] is None)  # called by its pid
                or (queue and limit is not None and queue > limit)
            ):
                ranks.append(self._add(judge(listener), on_record(port, transport)))
                continue
            if owners:
                owner = owners[0]
                pid, held = owner[0], owner[1]
                # Mostly all that is known of an owner is its pid and its program.
                if owner.count(None) != _UNSAID or owner[11]:
                    held = owner[1:]
                if seen is not _FIRST or uid is not None or user is not None:
                    held = held, seen, uid, user
            else:
                pid, held = 0, (seen, uid, user)
            holder = holders.get(held)
            if holder is None:
                holder = columns.program[held], judge.owners_on_record(owners)
                holders[held] = holder
                self._holders[holder[0]] = owners[0][1:] if owners else None, seen, uid, user
            by, owned = holder
            where = addresses.get(address)
            if where is None:
                where = columns.address[address, family], _REACHES[socket.reach], family
                addresses[address] = where
            elif where[2] is not family:
                where = columns.address[address, family], where[1], family
            address_number, reach, _ = where
            bits = TRANSPORT_BITS[transport]
            place = port << 2 | bits
            kind = kinds[bits][port]
            if kind is None:
                ports += 1
                if ports == _MANY_PORTS:
                    for each, runs in judge.learn_runs().items():
                        kinds[TRANSPORT_BITS[each]] = [
                            of_run for found, size in runs for of_run in [self._kind(found)] * size
                        ]
                kind = kinds[bits][port] or self._kind(on_record(port, transport))
                kinds[bits][port] = kind
            alike, speaks, service = kind
            if port in owned.ports or (speaks and not owned.speaks.isdisjoint(speaks)):
                alike = place
            key = by * _SPREAD + (alike << 3 | reach)
            verdict = known.get(key)
            if verdict is None:
                findings = judge.findings(listener, on_record(port, transport), ())
                verdict = known[key] = self._number(Assessment(findings))
            rest = inode, v6only, queue, limit, udplite, None, sharing, False, host, first, last
            add_rest(rests.setdefault(rest, rest))
            add_rank(verdict[1] | place << 2 | FAMILIES[family])
            add_level(verdict[0])
            add_place(place)
            add_service(service)
            add_address(address_number)
            add_holder(by)
            add_pid(pid)
        return ranks

    def _kind(self, found: PortOnRecord) -> _Kind:
        """What is needed of what is on record of a port: see :class:`PortOnRecord`."""
        return found.kind + (PORTS << 2), found.speaks, self._service(found.standing)

    def _service(self, standing: Standing) -> int:
        """The number of a port's *standing*, which is held with its port."""
        number = self._numbers.get(id(standing))
        if number is None:
            number = self._numbers[id(standing)] = len(self._standings)
            self._standings.append(standing)
        return number

    def _number(self, verdict: Assessment) -> tuple[int, int]:
        """The number of *verdict* among those of other findings, and its rank."""
        number = self.columns.level[id(verdict.findings)]
        if number == len(self._verdicts):  # held here, so that its findings stay what they are
            self._verdicts.append(verdict)
        return number, rank_of(verdict)

    def _add(self, listener: Listener, on_record: PortOnRecord) -> int:
        """Takes a socket that is like no other, with the verdict on it. Returns its rank."""
        columns = self.columns
        socket, ownership, verdict = listener
        number, rank = self._number(verdict)
        port, transport = socket.port, socket.transport
        place = port << 2 | TRANSPORT_BITS[transport]
        standing = on_record.standing
        pids = tuple([owner.pid for owner in ownership.owners])
        at = len(self._rests)
        for column, key in (
            (columns.address, (at,)),
            (columns.program, (at,)),
        ):
            column.of_each.append(column[key])
        # A note may call the port something else.
        self._services.append(self._service(standing) if verdict.note is None else (at,))
        columns.places.append(place)
        columns.level.of_each.append(number)
        columns.pids.append(pids if len(pids) > 1 else sum(pids))
        self._rests.append(())
        self._alone[at] = listener
        return rank | place << 2 | FAMILIES[socket.family]
