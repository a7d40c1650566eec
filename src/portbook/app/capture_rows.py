"""Which sockets of a capture are alike but for an address, a port, a program and its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.app.socket_columns import SEVERAL
from portbook.formats.fields import PlainRows
from portbook.model import OwnersSeen, Process, Reach, Socket, SocketState, Transport
from portbook.model.sockets import UNJUDGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.model import Family, Listener

_MOST_TOGETHER = 4096
# A process of which its number and its program alone are told has nothing else in its fields but
# the empty tuple of its ancestors.
_UNSAID = len(Process._fields) - 3
_UNSAID_OF_A_SOCKET = tuple([Socket._field_defaults.get(name) for name in Socket._fields[5:]])
_tuple: Any = tuple.__new__
_DIGITS, _NEAR = frozenset("123456789"), ("127.", "169.254.")
_ADDRESS = Reach.ADDRESS
_LISTEN, _FIRST, _INFERRED = SocketState.LISTEN, OwnersSeen.FIRST, OwnersSeen.INFERRED


def plain_rows(listeners: Iterable[Listener | PlainRows]) -> Iterator[Listener | PlainRows]:
    """*listeners* in their order, those together that have nothing of their own; a socket that
    has comes alone.
    """
    kept: list[Listener] = []
    keys: list[tuple[Any, ...]] = []
    for listener in listeners:
        key = None if isinstance(listener, PlainRows) else _key(listener)
        if kept and (key is None or len(kept) >= _MOST_TOGETHER):
            yield _together(kept, keys)
            kept, keys = [], []
        if key is None:
            yield listener
        elif not isinstance(listener, PlainRows):
            kept.append(listener)
            keys.append(key)
    if kept:
        yield _together(kept, keys)


def _together(listeners: list[Listener], keys: list[tuple[Any, ...]]) -> PlainRows:
    kinds, addresses, ports, owners, pids = map(list, zip(*keys, strict=True))
    one, every = listeners.__getitem__, listeners.__iter__
    return PlainRows(kinds, addresses, ports, owners, pids, _itself, one, every)


def _itself(address: Any) -> Any:
    return address


def _key(listener: Listener) -> tuple[Any, ...] | None:
    """What *listener* has in each column of :class:`PlainRows`; None where that isn't all."""
    socket, (owners, seen, uptime), assessment = listener
    more: list[Any]  # fields that no column is of
    (
        transport, family, address, port, state, interface, inode, uid, user, v6only, queue,
        limit, udplite, namespace, sharing, scanned, host, first, last, *more,
    ) = socket  # fmt: skip
    if (
        (assessment is not UNJUDGED and assessment != UNJUDGED)
        or uptime is not None
        or interface is not None
        or namespace is not None
        or scanned
        or state is not _LISTEN
        or seen is _INFERRED
        or len(owners) > 1
        or (owners and owners[0][1] is None)  # called by its pid
        or (queue and limit is not None and queue > limit)
    ):
        return None
    held: object
    if owners:
        owner = owners[0]
        pid, held = owner[0], owner[1]
        if not 0 <= pid < SEVERAL:
            return None
        # Mostly all that is known of an owner is its pid and its program.
        if owner.count(None) != _UNSAID or owner[11]:
            held = owner[1:]
        if seen is not _FIRST or uid is not None or user is not None:
            held = held, seen, uid, user
    else:
        pid, held = 0, (seen, uid, user)
    kind = transport, inode, v6only, queue, limit, udplite, sharing, host, first, last, *more
    return kind, (address, family), port, held, pid


def reach_of(address: str, family: Family | None) -> Reach | None:
    """As a socket has it: most addresses are of one machine, as the first digits of these say."""
    if address[:1] in _DIGITS and not address.startswith(_NEAR):
        return _ADDRESS
    socket: Socket = _tuple(
        Socket, (Transport.TCP, family, address, 0, SocketState.LISTEN, *_UNSAID_OF_A_SOCKET)
    )
    return socket.reach
