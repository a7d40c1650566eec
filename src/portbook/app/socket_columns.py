"""What many sockets have in common in the columns of a table, each looked at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

from portbook.model import OwnersSeen, SocketState, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableSequence, Sequence
    from typing import Any

    from portbook.catalog.registry.outlines import Outline
    from portbook.model import Assessment, Listener


# The transports by their names, in two bits.
TRANSPORTS = tuple(sorted(Transport))
TRANSPORT_BITS = {kind: at for at, kind in enumerate(TRANSPORTS)}
SEVERAL = 1 << 63  # above what a column holds of pids


def port_at(place: int) -> tuple[int, Transport]:
    """The port and the transport of a place: the port's number above two bits for the transport.

    >>> port_at(22 << 2 | TRANSPORT_BITS[Transport.UDP])
    (22, <Transport.UDP: 'udp'>)
    """
    return place >> 2, TRANSPORTS[place & 3]


class Numbers(dict["Any", int]):
    """The numbers of what is different in a column, in the order of the sockets.

    ``of_each`` is that of each socket, ``firsts`` are the first sockets that have each.
    """

    def __init__(self) -> None:
        self.of_each: MutableSequence[int] = []
        self.firsts: list[int] = []

    def __missing__(self, key: Any) -> int:
        number = self[key] = len(self)
        self.firsts.append(len(self.of_each))
        return number

    def number(self, key: Any, first: int) -> int:
        """The number of *key*, which socket *first* has."""
        number = self.get(key)
        if number is None:
            number = self[key] = len(self)
            self.firsts.append(first)
        return number


class SocketColumns:
    """What tells sockets apart in the columns of a table, as keys with their numbers.

    A key is whatever tells the cells of its column apart. ``places`` are those of
    :func:`port_at`. ``pids`` are numbers, 0 where none is known; from :data:`SEVERAL` on that of
    the socket, whose owners tell theirs.
    """

    def __init__(self) -> None:
        self.level, self.address, self.service = Numbers(), Numbers(), Numbers()
        self.program, self.user = Numbers(), Numbers()
        self.places: MutableSequence[int] = []
        self.pids: MutableSequence[int] = []


class ByColumns(ABC):
    """Sockets of which the columns are known already, and no values made yet.

    ``order`` are the places of the sockets in ``columns``, which are as they were read. ``alone``
    are those that were looked at alone, by these places: of the others no more is known than an
    address, a port and one owner. ``addresses`` are by the numbers of their column an address and
    its family, or the place of one of these alone. ``standings`` are those of the column of
    services; of a socket with a service of its own, it is that socket.
    """

    columns: SocketColumns
    order: Sequence[int]
    addresses: list[tuple[Any, ...]]
    alone: dict[int, Listener]
    standings: list[Outline | Listener]

    @abstractmethod
    def judged(self, at: int) -> Listener:
        """The socket that was read as number *at*, with its verdict."""

    @abstractmethod
    def verdicts(self) -> list[tuple[Assessment, int]]:
        """The different verdicts, and how many of the sockets have each."""


def columns_of(listeners: Sequence[Listener]) -> SocketColumns:
    """What *listeners* have in common that say the same in a column.

    All of a socket is looked at in one go: its parts lie anywhere in memory, and with 200,000
    sockets it takes longer to get hold of them than to look at them.
    """
    columns = SocketColumns()
    level, bound, service = columns.level, columns.address, columns.service
    program, holder = columns.program, columns.user
    add_pid = columns.pids.append
    add_place = columns.places.append
    add_level, add_address, add_service = _adding(level, bound, service)
    add_program, add_user = _adding(program, holder)
    listen, inferred = SocketState.LISTEN, OwnersSeen.INFERRED
    for listener in listeners:
        socket, ownership, assessment = listener
        transport, _, address, port, state, interface, _, uid, user = socket[:9]
        findings, note = assessment[:2]
        owners, seen, _ = ownership
        add_level(level[id(findings)])
        plain = interface is None and state is listen
        add_address(bound[address if plain else (address, interface, state)])
        at = port << 2 | TRANSPORT_BITS[transport]
        add_place(at)
        add_service(service[at if note is None else (id(listener),)])
        if not owners:
            add_pid(0)
            add_program(program[(seen,)])
            add_user(holder[user or uid])
            continue
        owner = owners[0]
        name: object = None
        if len(owners) > 1 or not 0 <= owner.pid < SEVERAL:
            add_pid(SEVERAL | len(columns.pids))
        else:
            add_pid(owner.pid)
            bare = owner.command is None and seen is not inferred
            if bare and owner.container is None and owner.container_name is None:
                name = owner.program
        add_program(program[name or (id(ownership),)])
        add_user(holder[user or ((owner.user, owner.uid) if uid is None else uid)])
    return columns


def _adding(*places: Numbers) -> Iterator[Callable[[int], None]]:
    return (each.of_each.append for each in places)
