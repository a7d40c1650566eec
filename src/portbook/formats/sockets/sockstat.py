"""``sockstat`` of FreeBSD and NetBSD: a row for each socket of a process."""

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
    whole,
)
from portbook.model import Family, Listener, Ownership, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names

_HEADER = re.compile(r"\s*USER\s+COMMAND\s+PID\s+FD\s+PROTO\s+LOCAL ADDRESS")
_INTERNET = re.compile(r"(tcp|udp|sctp)(4|6|46)?$")
_PORTLESS = {"stream", "dgram", "seqpac", "raw", "divert", "icmp", "icmp6"}
_COMMAND = 10  # characters of a command's name; a long one touches the number behind it


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets that ``sockstat`` listed."""
    for number, line in lines:
        if not line.strip():
            continue
        if _HEADER.match(line):
            yield heading(number)
            continue
        yield _row(number, line, names) or not_understood(number, line)


def _row(number: int, line: str, names: Names) -> Event | None:
    words = line.split(None, 40)
    # The name of a command may hold blanks, the protocol comes behind two numbers.
    at = next(
        (
            place
            for place, word in enumerate(words)
            if place >= 3
            and (_INTERNET.match(word) or word in _PORTLESS)
            and (words[place - 1].isdigit() or words[place - 1] == "?")
        ),
        None,
    )
    if at is None:
        return None
    owner = _owner(words[: at - 1])
    if owner is None:
        return None
    kind = _INTERNET.match(words[at])
    if kind is None:
        return Line(number, NO_PORT)
    addresses = words[at + 1 :]
    if addresses[:1] == ["6"] and kind[2] == "4":  # "tcp4 6" is of both families
        addresses = addresses[1:]
    if not addresses:
        return None
    local, peer = addresses[0], addresses[1] if len(addresses) > 1 else "*:*"
    if not peer.endswith((":*", ".*")):
        return Line(number, CONNECTION)
    transport = Transport(kind[1])
    family = Family.IPV6 if kind[2] == "6" else Family.IPV4
    address, _, port = local.rpartition(peer[-2])  # NetBSD writes address.port
    if port == "*":
        return Line(number, NO_PORT)
    where = everywhere(family) if address == "*" else host(address, family)
    bound = port_number(port, transport, names)
    if where is None or bound is None:
        why = "its port is none" if where else "its address can't be read"
        return not_understood(number, line, why)
    user, command, pid = owner
    who = process(pid, command, user)
    owners, seen = owned(*([who] if who.pid or who.program else []))
    return Listener(
        Socket(
            transport,
            where.family,
            where.address,
            bound,
            SocketState.LISTEN,
            interface=where.interface,
            uid=who.uid,
            user=who.user,
        ),
        Ownership(owners, seen),
    )


def _owner(words: list[str]) -> tuple[str, str, str] | None:
    """User, command and number of a process, of the words before the descriptor."""
    if len(words) >= 3 and whole(words[-1]) is not None:
        return words[0], " ".join(words[1:-1]), words[-1]
    if len(words) == 2 and whole(words[1][_COMMAND:]) is not None:
        return words[0], words[1][:_COMMAND], words[1][_COMMAND:]
    # Of a socket without a process all three are unknown; it may be the kernel's.
    return ("", "", "") if words[:1] == ["?"] else None


FORMATS = (SocketFormat("sockstat", "sockstat of FreeBSD and NetBSD", read, per_process=True),)
