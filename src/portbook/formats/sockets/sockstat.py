"""``sockstat`` of FreeBSD and NetBSD, ``fstat`` of OpenBSD: a row for each socket of a process."""

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

_HEADER = re.compile(r"\s*USER\s+(JID\s+)?COMMAND\s+PID\s+(?:FD\s+)?PROTO\s+LOCAL ADDRESS")
_JAIL = re.compile(r"^(\s*\S{1,40}\s+)(?:[0-9]{1,9}|\?|-)\s+")  # in the second column
_INTERNET = re.compile(r"(tcp|udp|sctp)(4|6|46)?$")
_PORTLESS = {"stream", "dgram", "seqpac", "raw", "divert", "icmp", "icmp6"}
# fstat(1): the family, the type, the protocol and its block, and where it is bound.
_FSTAT_HEADER = re.compile(r"\s*USER\s+CMD\s+PID\s+FD\s+MOUNT\s")
_FSTAT = re.compile(
    r"\s*(\S{1,40})\s+(\S{1,40})\s+([0-9]{1,10})\s+[0-9]{1,7}\*?\s+internet(6?)\s+"
    r"(?:stream|dgram)\s+(tcp|udp)\s(?:\s*0x[0-9a-f]{1,16}\s)?\s*(\S{1,80})(\s+(?:<--|-->|<->)\s.*)?$"
)
_FSTAT_OTHER = re.compile(
    r"\s*\S{1,40}\s+\S{1,40}\s+[0-9]{1,10}\s+(?:[0-9]{1,7}\*?|wd|text|tr)\s+[a-z/]"
)
_NO_USER = re.compile(r"[:|)]")  # the number of a line, or its file
_COMMAND = 10  # characters of a command's name; a long one touches the number behind it


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets that ``sockstat`` or ``fstat`` listed."""
    by_fstat = jailed = False
    for number, line in lines:
        if not line.strip():
            continue
        header = _HEADER.match(line)
        if header is not None or _FSTAT_HEADER.match(line):
            by_fstat, jailed = header is None, header is not None and header[1] is not None
            yield heading(number)
            continue
        line = _as_sockstat(line)  # noqa: PLW2901
        found = _row(number, _JAIL.sub(r"\1", line) if jailed else line, names)
        if found is None and by_fstat and _FSTAT_OTHER.match(line):
            found = Line(number, NO_PORT)  # a file, a pipe
        yield found or not_understood(number, line)


def _as_sockstat(line: str) -> str:
    """A row of fstat's as sockstat has it; any other line as it is."""
    found = _FSTAT.match(line) if "internet" in line else None
    if found is None:
        return line
    user, command, pid, six, protocol, local, peer = found.groups()
    ends = f"{local} {'192.0.2.0:0' if peer else '*:*'}"
    return f"{user} {command} {pid} 0 {protocol}{six or 4} {ends}"


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
    family = {"6": Family.IPV6, "46": None}.get(kind[2] or "", Family.IPV4)
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
    if words and _NO_USER.search(words[0]):
        return None
    if len(words) >= 3 and whole(words[-1]) is not None:
        return words[0], " ".join(words[1:-1]), words[-1]
    if len(words) == 2 and whole(words[1][_COMMAND:]) is not None:
        return words[0], words[1][:_COMMAND], words[1][_COMMAND:]
    # Of a socket without a process all three are unknown; it may be the kernel's.
    return ("", "", "") if words[:1] == ["?"] else None


FORMATS = (
    SocketFormat(
        "sockstat", "sockstat of FreeBSD and NetBSD, fstat of OpenBSD", read, per_process=True
    ),
)
