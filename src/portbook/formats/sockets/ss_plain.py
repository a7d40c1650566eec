"""The rows of ``ss`` that most are, read faster than any other."""

from __future__ import annotations

import re
from functools import partial
from itertools import repeat
from operator import add
from typing import TYPE_CHECKING, Any

from portbook.formats.fields import UNTOLD, PlainRows, not_understood
from portbook.model import (
    LAST_PORT,
    Family,
    Listener,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.model.sockets import UNJUDGED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.formats.fields import Event

    # By what stands before a row's address: see _head.
    Heads = dict[str, tuple[Transport, tuple[Any, ...]]]

# What most rows are: one socket that listens on a numbered port, held by nobody told or by one.
PLAIN = re.compile(
    r"((?:tcp +|udp +)?(?:LISTEN|UNCONN) +[0-9]{1,9} +[0-9]{1,9}) +"
    r"([0-9.]{7,15}|\[[0-9a-f:.]{2,45}\]):([0-9]{1,5}) +[^ ]+:\* *"
    r'(?:users:\(\("([^"\\]{1,64})",pid=([0-9]{1,10}),fd=[0-9]+\)\) *)?'
)
# PLAIN without those that only look so: a socket that is bound and doesn't listen, an address in
# brackets that is none of IPv6. What stands before the address comes as one.
ROW = re.compile(
    r"^((?:tcp ++LISTEN|udp ++UNCONN|LISTEN|UNCONN) ++[0-9]{1,9}+ ++[0-9]{1,9}+) ++"
    r"([0-9.]{7,15}+|\[(?=[0-9a-f.]*:)[0-9a-f:.]{2,45}+\]):([0-9]{1,5}+) ++[^ \n]+:\* *+"
    r'(?:users:\(\("([^"\\\n]{1,64}+)",pid=([0-9]{1,10}+),fd=[0-9]++\)\) *+)?$',
    re.MULTILINE,
)
_GROUPS = ROW.groups
_MOST_HEADS = 1024
_tuple: Any = tuple.__new__
_UNSAID_OF_A_PROCESS = tuple(Process._field_defaults[name] for name in Process._fields[2:])
_UNSAID_OF_A_SOCKET = tuple(Socket._field_defaults[name] for name in Socket._fields[12:])
_NOBODY, _UNHELD = (None,) * 5, Ownership((), UNTOLD)
# Members of enums, which take a while to look up.
_TCP, _UDP, _IPV4, _IPV6 = Transport.TCP, Transport.UDP, Family.IPV4, Family.IPV6
_LISTEN, _BOUND, _FIRST = SocketState.LISTEN, SocketState.BOUND, OwnersSeen.FIRST


def plain_row(number: int, line: str, match: re.Match[str], heads: Heads) -> Event:
    """The socket in the row *line*, of which *match* is that of :data:`PLAIN`.

    Rows come by the hundred thousand: the tuples are made without their classes' own constructors,
    which would take half of the time, and what many rows have alike is kept in *heads*.
    """
    head, address, port, program, pid = match.groups()
    bound = int(port)
    # What the pattern takes has an address's letters alone.
    if address[0] != "[":
        family = _IPV4
    elif ":" in address:
        family, address = _IPV6, address[1:-1]
    else:
        return not_understood(number, line)
    if bound > LAST_PORT:
        return not_understood(number, line, f"{port} is not a port")
    alike = heads.get(head)
    if alike is None:
        alike = _head(head)
        if len(heads) < _MOST_HEADS:
            heads[head] = alike
    transport, rest = alike
    # Sums of tuples: to spread one out in another makes a list of it on the way.
    socket = _tuple(Socket, (transport, family, address, bound) + rest)  # noqa: RUF005
    held = _UNHELD
    if program is not None:
        process = _tuple(Process, (int(pid), program) + _UNSAID_OF_A_PROCESS)  # noqa: RUF005
        held = _tuple(Ownership, ((process,), _FIRST, None))
    made: Listener = _tuple(Listener, (socket, held, UNJUDGED))
    return made


def columns_between(pieces: list[Any]) -> Iterator[list[Any]]:
    """The groups of all rows but the last one in *pieces*, into which :data:`ROW` parts a text
    that has nothing but rows, by columns.
    """
    last = -_GROUPS - 1
    return (pieces[at : last : _GROUPS + 1] for at in range(1, _GROUPS + 1))


def rows_of(
    kinds: Sequence[str],
    addresses: Sequence[str],
    numbers: Sequence[str],
    programs: Sequence[str | None],
    pids: Sequence[Any],
) -> PlainRows | None:
    """Rows by the groups of :data:`ROW`; None where one's port is none."""
    ports = list(map(int, numbers))
    if max(ports) > LAST_PORT:
        return None
    # Digits all: to look for None among them would compare each, which takes five times as long.
    owned = list(map(int, pids)) if all(pids) else [int(pid or 0) for pid in pids]
    columns = kinds, addresses, ports, programs, owned

    def listener(at: int) -> Listener:
        one: list[Any] = [[column[at]] for column in columns]
        return next(plain_listeners(*one))

    return PlainRows(*columns, _address, listener, partial(plain_listeners, *columns))


def _address(text: str) -> tuple[str, Family]:
    return (text[1:-1], _IPV6) if text[0] == "[" else (text, _IPV4)


def plain_listeners(
    kinds: Sequence[str],
    addresses: Sequence[str],
    ports: Sequence[int],
    programs: Sequence[str | None],
    pids: Sequence[int],
) -> Iterator[Listener]:
    """As :func:`plain_row`, of many rows by columns: all of them have an address of IPv4 or IPv6,
    and a port; a program is None where no owner is told. Nothing but the interpreter's own loops
    goes through them.
    """
    heads = {head: _head(head) for head in {*kinds}}
    transports = {head: transport for head, (transport, _) in heads.items()}
    rests = {head: rest for head, (_, rest) in heads.items()}
    bare = {text: text[1:-1] for text in {*addresses} if text[0] == "["}
    families = dict.fromkeys(bare, _IPV6)
    beginnings = zip(
        map(transports.__getitem__, kinds),
        map(families.get, addresses, repeat(_IPV4)),
        map(bare.get, addresses, addresses),
        ports,
        strict=True,
    )
    sockets = map(_tuple, repeat(Socket), map(add, beginnings, map(rests.__getitem__, kinds)))
    processes = map(add, zip(pids, programs, strict=True), repeat(_UNSAID_OF_A_PROCESS))
    held: Iterator[Ownership] = map(
        _tuple,
        repeat(Ownership),
        zip(zip(map(_tuple, repeat(Process), processes)), repeat(_FIRST), repeat(None)),
    )
    if not all(programs):
        held = (
            owned if program else _UNHELD for owned, program in zip(held, programs, strict=True)
        )
    return map(_tuple, repeat(Listener), zip(sockets, held, repeat(UNJUDGED)))


def _head(head: str) -> tuple[Transport, tuple[Any, ...]]:
    """The transport of plain rows that begin with *head*, and what is in their sockets behind the
    port.
    """
    *netid, state, queue, limit = head.split()
    listens = state == "LISTEN"
    udp = netid == ["udp"] if netid else not listens
    transport, bound_as = (_UDP, _LISTEN) if udp else (_TCP, _LISTEN if listens else _BOUND)
    counted = (int(queue), int(limit)) if listens else (None, None)
    return transport, (bound_as, *_NOBODY, *counted, *_UNSAID_OF_A_SOCKET)
