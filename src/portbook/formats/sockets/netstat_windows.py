"""``netstat`` of Windows, in any language: ``-an``, ``-ano``, ``-abno``, ``-q``.

The protocol, the addresses and the process are the same in every language; titles, headers and
states are not. A TCP socket whose peer's port is 0 has no peer: it listens, or with ``-q`` it is
bound. ``-b`` adds the component and the program on lines of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    CONNECTION,
    NO_PORT,
    Line,
    detail,
    everywhere,
    heading,
    host,
    not_understood,
    numbered_name,
    owned,
    port_number,
    process,
)
from portbook.formats.lines import parted
from portbook.model import Family, Listener, Ownership, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names
    from portbook.model import Process

_PROTOCOLS = {
    "tcp": Transport.TCP,
    "udp": Transport.UDP,
    "tcpv6": Transport.TCP,
    "udpv6": Transport.UDP,
}
_PROGRAM = re.compile(r"\s*\[([^\[\]]{1,260})\]\s*$")
_COMPONENT = re.compile(r"\s+[A-Za-z0-9_.-]{1,80}\s*$", re.ASCII)
# What -b says of a program that it may not name. Where the sentence stands in another language, it
# is indented by one blank and holds neither digits nor colons.
# A script without blanks and with few signs says as much in four of them.
_NO_OWNER = re.compile(
    r" ?(?:\w[\w' .-]{12,100}|[^\x00-\u2e7f]{4,60}|x: Windows Sockets .{0,80})\s*$"
)
_JOINED = re.compile(
    r"(?:(?<![^\s;,|])|(?<=\\n))(?:TCP|UDP)(?:v6)?\s{1,20}"
    r"\S{1,60}:[0-9*]{1,5}\s{1,40}\S{1,60}:(?:\*|[0-9]{1,5})(?![^\s;,|])"
)
# The end of a line, as a text of JSON has it, and the quote behind it; and of a forum's code.
_WRITTEN_END = re.compile(r"(?:\\[rn]|\[/\w{1,12}\]|[\"',}\]]){1,12}$")
_PORTLESS = {"icmp", "icmpv6", "ip", "ipv6"}


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets that ``netstat`` of Windows listed."""
    table = _Table()
    for number, line in _apart(lines):
        parts = line.split()
        if not parts:
            continue
        row = _row(number, parts, line, names)
        yield from table.other(number, line) if row is None else table.row(row)
    yield from table.end()


def _apart(lines: Lines) -> Iterator[tuple[int, str]]:
    """*lines*, with rows apart that somebody has joined in one."""
    for number, line in lines:
        starts = []
        if line.count("TCP") + line.count("UDP") >= 2:
            starts = [found.start() for found in _JOINED.finditer(line)]
        above = line[: starts[0]].split(None, 2) if starts else []
        # A word alone before the first may be the host that all of them are of.
        if len(starts) < 2 or len(above) == 1:
            yield number, line
        else:
            yield from parted(number, line, starts)


class _Table:
    """What stands around the rows: titles above, components and programs below."""

    def __init__(self) -> None:
        self.held: Listener | None = None  # -b names the program on the lines below
        self.in_row = self.by_program = False
        self.waiting: list[tuple[int, str]] = []  # what stands above the first row
        self.headers: set[str] = set()
        self.headers_end = False

    def row(self, row: Event) -> Iterator[Event]:
        """What is known for certain once *row* follows."""
        for number, line in self.waiting:
            # The title and the header, in whatever language: two lines without a number in them.
            if self.headers_end or any(char.isdigit() for char in line):
                yield not_understood(number, line)
            else:
                self.headers.add(line.strip())
                yield heading(number)
        self.waiting, self.headers_end = [], True
        yield from self._release()
        self.in_row = True
        if isinstance(row, Listener):
            self.held = row
        else:
            yield row

    def other(self, number: int, line: str) -> Iterator[Event]:
        """A line that is no row."""
        program = _PROGRAM.match(line) if self.in_row else None
        if program is not None:
            if self.held is not None:
                self.held = _named(self.held, program[1])
            self.by_program = True
            yield detail(number)
            return
        apart = line[0] == " " or self.by_program
        if self.in_row and (_COMPONENT.match(line) or (apart and _NO_OWNER.match(line))):
            yield detail(number)
            return
        yield from self._release()
        self.in_row = False
        if line.strip() in self.headers:
            yield heading(number)
            return
        self.waiting.append((number, line))
        if len(self.waiting) > 2:
            yield not_understood(*self.waiting.pop(0))

    def end(self) -> Iterator[Event]:
        """What is left when no line follows."""
        yield from self._release()
        for number, line in self.waiting:
            yield not_understood(number, line)

    def _release(self) -> Iterator[Event]:
        if self.held is not None:
            yield self.held
            self.held = None


def _row(number: int, parts: list[str], line: str, names: Names) -> Event | None:
    transport = _PROTOCOLS.get(parts[0].lower())
    if transport is None:
        return Line(number, NO_PORT) if parts[0].lower() in _PORTLESS and len(parts) > 2 else None
    if len(parts) < 3:
        return None
    local, peer = parts[1], parts[2]
    address, colon, port = local.rpartition(":")
    _, peer_colon, peer_port = peer.rpartition(":")
    if not (colon and peer_colon) or "(" in peer:
        return None
    if peer_port not in ("0", "*"):
        return Line(number, CONNECTION)
    where = everywhere(Family.IPV4) if address == "*" else host(address)
    bound = port_number(port, transport, names)
    if where is None or bound is None:
        why = "its port is none" if where else "its address can't be read"
        return not_understood(number, line, why)
    rest = [_WRITTEN_END.sub("", word) for word in parts[3:]]
    state = rest[0].upper() if rest and not rest[0].isdigit() else ""
    owners, seen = owned(*_owners(rest, stated=transport is Transport.TCP))
    idle = state == "BOUND" and transport is Transport.TCP
    return Listener(
        Socket(
            transport,
            where.family,
            where.address,
            bound,
            SocketState.BOUND if idle else SocketState.LISTEN,
            interface=where.interface,
        ),
        Ownership(owners, seen),
    )


def _owners(rest: list[str], *, stated: bool) -> list[Process]:
    """The process in *rest*, what stands behind the addresses: netstat has its number, and people
    put its name there as well, or in place of it; before it is the state where there is one.
    """
    pid = next((word for word in rest if word.isdigit()), "")
    behind = " ".join(rest[1:] if stated else rest)
    named = numbered_name(behind) or numbered_name(" ".join(rest))
    if named is None:
        programs = [word for word in rest if word.lower().endswith(".exe")]
        named = (programs[0] if programs else "", pid)
    name, pid = named
    return [process(pid, name)] if name or pid.strip("0") else []


def _named(found: Listener, program: str) -> Listener:
    if found.ownership.owners:
        owners, seen = owned(found.ownership.owners[0]._replace(program=program))
    else:
        owners, seen = owned(process("", program))
    return found._replace(ownership=found.ownership._replace(owners=owners, seen=seen))


FORMATS = (SocketFormat("netstat-windows", "netstat of Windows, in any language", read),)
