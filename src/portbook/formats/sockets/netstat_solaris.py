"""``netstat -an`` of Solaris and illumos: a table for each protocol, whose title names it.

illumos adds the user, the number and the command of a process with ``-u``, behind the state, and
Solaris 11.4 in front of the columns of numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    CONNECTION,
    NO_PORT,
    Line,
    everywhere,
    heading,
    host,
    not_understood,
    owned,
    port_number,
    process,
)
from portbook.model import Family, Listener, Ownership, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names

_TITLE = re.compile(r"(TCP|UDP|SCTP)(?:: IPv([46]))?\s*:?\s*$")
_TAGS = re.compile(r"\[/?[A-Za-z]{1,8}(?:=[^\[\]]{1,60})?\]")  # a forum's, around the first line
_UNIX = re.compile(r"Active UNIX domain sockets")
_HEADER = re.compile(r"\s*Local Address\s+Remote Address\s")
# What comes without its title: TCP's columns, and UDP's, which has fewer.
_HEADERS = {
    Transport.TCP: re.compile(r".*\sSwind\s+Send-Q\s+Rwind\s+Recv-Q\s+State\s*$"),
    Transport.UDP: re.compile(r"\s*Local Address\s+Remote Address\s+State\s*$"),
}
_RULE = re.compile(r"[- ]{20,400}$")
_STATE = re.compile(r"[A-Z][A-Za-z_]{1,20}[12]?$")
_STATES = {
    "LISTEN": SocketState.LISTEN,
    "Idle": SocketState.LISTEN,  # of UDP: bound, without a peer
    "BOUND": SocketState.BOUND,
    "IDLE": SocketState.BOUND,
}
# Behind which no process stands that is called so.
_KNOWN = {
    *_STATES, "ESTABLISHED", "SYN_SENT", "SYN_RCVD", "SYN_RECEIVED", "TIME_WAIT", "CLOSE_WAIT",
    "FIN_WAIT_1", "FIN_WAIT_2", "LAST_ACK", "CLOSING", "CLOSED", "Unbound", "Connected",
}  # fmt: skip


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets in the tables of Solaris' ``netstat``."""
    table: tuple[Transport, Family] | None = None
    portless = False
    for number, line in lines:
        bare = line.strip()
        if not bare:
            continue
        title = _TITLE.match(_TAGS.sub("", bare) if bare[0] == "[" else bare)
        if title is not None:
            family = Family.IPV6 if title[2] == "6" else Family.IPV4
            table, portless = (Transport(title[1].lower()), family), False
            yield heading(number)
        elif _UNIX.match(bare):
            table, portless = None, True
            yield heading(number)
        elif _HEADER.match(line):
            if table is None:
                untitled = [kind for kind, form in _HEADERS.items() if form.match(line)]
                table, portless = (untitled[0], Family.IPV4) if untitled else None, False
            yield not_understood(number, line) if table is None else heading(number)
        elif table is not None and _RULE.match(bare):
            yield heading(number)
        elif table is not None:
            yield _row(number, line, table, names)
        else:
            yield Line(number, NO_PORT) if portless else not_understood(number, line)


def _row(number: int, line: str, table: tuple[Transport, Family], names: Names) -> Event:
    transport, family = table
    words = line.split()
    address, dot, port = words[0].rpartition(".")
    # Addresses may be names, with a dot; behind the state an interface or a process may stand.
    stated = [at for at, word in enumerate(words[1:], 1) if _STATE.match(word)]
    at = next((at for at in stated if words[at] in _KNOWN), stated[0] if stated else 0)
    state = words[at]
    if not dot or not at:
        return not_understood(number, line)
    if port == "*":
        return Line(number, NO_PORT)
    if state not in _STATES:
        return Line(number, CONNECTION)
    where = everywhere(family) if address == "*" else host(address, family)
    bound = port_number(port, transport, names)
    if where is None or bound is None:
        why = "its port is none" if where else "its address can't be read"
        return not_understood(number, line, why)
    told = words[at + 1 :]
    if not (len(told) >= 3 and told[1].isdigit()):
        # Solaris 11.4 has them in front of the columns of numbers: the only number between words.
        pids = (
            at for at in range(2, at - 1) if words[at].isdigit() and not words[at + 1].isdigit()
        )
        pid = next((at for at in pids if not words[at - 1].isdigit()), 0)
        told = words[pid - 1 : pid + 2] if pid else []
    named = len(told) >= 3 and told[1].isdigit()
    who = process(told[1], told[2].rpartition("/")[2], told[0]) if named else None
    owners, seen = owned(*([] if who is None else [who]))
    socket = Socket(
        transport,
        where.family,
        where.address,
        bound,
        _STATES[state],
        interface=where.interface,
        uid=who.uid if who else None,
        user=who.user if who else None,
    )
    return Listener(socket, Ownership(owners, seen))


FORMATS = (SocketFormat("netstat-solaris", "netstat of Solaris and illumos", read),)
