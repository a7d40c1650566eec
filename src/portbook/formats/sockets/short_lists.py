"""Lists that name little more than ports: quick scanners, ``rpcinfo`` and systemd's sockets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    CLOSED,
    FILTERED,
    NO_PORT,
    UNTOLD,
    UNTOLD_ADDRESS,
    Host,
    Line,
    detail,
    heading,
    host,
    no_names,
    not_open,
    not_understood,
    owned,
    port_number,
)
from portbook.model import Listener, Ownership, Process, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.formats.fields import Event, Lines, Names

_PLACE = r"(\[[0-9A-Fa-f:.]{2,60}\]|[0-9A-Za-z_.-]{1,255}):([0-9]{1,5})"
_OPEN = re.compile(rf"Open {_PLACE}$")
# On a line of its own only an address: "server.js:12" is a place in a program.
_BARE = re.compile(r"(\[[0-9A-Fa-f:.]{2,60}\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}):([0-9]{1,5})$")
_SCANNER = re.compile(r"\[(?:~|!|>|\*|INF|WRN|\+)\] |🌍|Faster Nmap scanning|The Modern Day Port")
# nc -zv of OpenBSD, of the traditional one, and of nmap (ncat).
_NC = re.compile(
    r"Connection to (\S{1,255}) (?:\(\S{1,60}\) )?([0-9]{1,5}) port "
    r"\[(tcp|udp)/[^\]]{0,40}\] succeeded"
    r"|(\S{1,255}) \[(\S{1,60})\] ([0-9]{1,5}) (?:\(\S{0,40}\) )?open$"
    r"|Ncat: Connected to (\S{1,60}):([0-9]{1,5})\.$"
)
_NC_FAILED = re.compile(
    r"(?:nc|netcat): connect to (\S{1,255}) (?:\(\S{1,60}\) )?port ([0-9]{1,5}) "
    r"\((tcp|udp)\) failed: (.{1,60})"
    r"|\S{1,255} \[(\S{1,60})\] ([0-9]{1,5}) (?:\([^()]{0,40}\) )?: (.{1,60})"
)
_NCAT_FAILED = re.compile(r"Ncat: (Connection refused|.{0,60}timed out|TIMEOUT)")
_REFUSED = re.compile(r".{0,60}refused", re.IGNORECASE)


def _answered(place: Host, port: int, transport: Transport) -> Listener:
    socket = Socket(
        transport,
        place.family,
        place.address,
        port,
        SocketState.LISTEN,
        interface=place.interface,
        scanned=True,
    )
    return Listener(socket, Ownership(seen=UNTOLD))


def _failed(number: int, cells: Sequence[str | None]) -> Event | None:
    """A port that nc reached nobody on; None where its address or number is none."""
    place = host(cells[0] or cells[4] or "")
    transport = Transport(cells[2] or "tcp")
    port = port_number(cells[1] or cells[5] or "", transport, no_names)
    if place is None or port is None:
        return None
    what = CLOSED if _REFUSED.match(cells[3] or cells[6] or "") else FILTERED
    return not_open(number, what, place, port, transport)


def read_open(lines: Lines, names: Names) -> Iterator[Event]:
    """The open ports that rustscan, naabu or ``nc -zv`` told of."""
    begun = False
    for number, line in lines:
        text = line.strip()
        if not text:
            continue
        found = _OPEN.match(text) or _BARE.match(text)
        connected = _NC.match(text)
        if connected is not None:
            cells = connected.groups()
            place = host(cells[0] or cells[4] or cells[6])
            port = port_number(cells[1] or cells[5] or cells[7], Transport.TCP, names)
            transport = Transport(cells[2] or "tcp")
        elif found is not None:
            place, transport = host(found[1]), Transport.TCP
            port = port_number(found[2], transport, names)
            begun = True
        else:
            failed, ncat = _NC_FAILED.match(text), _NCAT_FAILED.match(text)
            if failed is not None:
                yield _failed(number, failed.groups()) or not_understood(number, line)
            elif ncat is not None:
                yield Line(number, CLOSED if _REFUSED.match(ncat[1]) else FILTERED)
            elif text.startswith("Ncat: "):
                yield heading(number)
            elif begun and _SCANNER.match(text):
                yield detail(number)
            else:
                yield heading(number) if _SCANNER.match(text) else not_understood(number, line)
            continue
        if place is None or not port:
            yield not_understood(number, line)
        else:
            yield _answered(place, port, transport)


_PROGRAMS = re.compile(r"\s*program\s+vers\s+proto\s+port\b")
_PROGRAM = re.compile(
    r"\s*[0-9]{1,10}\s+[0-9]{1,6}\s+(\w{1,8})\s+([0-9]{1,6})(?:\s+(\S{1,80}))?\s*$"
)


def read_rpcinfo(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in ``rpcinfo -p``: a row for each version of a program (RFC 1833)."""
    seen: set[tuple[str, int]] = set()
    for number, line in lines:
        if not line.strip():
            continue
        row = _PROGRAM.match(line)
        if row is None:
            yield heading(number) if _PROGRAMS.match(line) else not_understood(number, line)
            continue
        word, port = row[1].rstrip("6"), port_number(row[2], Transport.TCP, names)
        if word not in ("tcp", "udp", "sctp"):
            yield Line(number, NO_PORT)  # a local transport
        elif port is None:
            yield not_understood(number, line, f"{row[2]} is no port")
        elif (word, port) in seen:
            yield detail(number)
        else:
            seen.add((word, port))
            # What stands behind it is the name of the RPC program (rpc(5)), not of a process.
            yield _answered(UNTOLD_ADDRESS, port, Transport(word))


_SOCKETS = re.compile(r"\s*LISTEN\s+(TYPE\s+)?UNITS?\s+ACTIVATES?")
_TYPES = {"Stream": Transport.TCP, "Datagram": Transport.UDP, "SequentialPacket": Transport.SCTP}
_COUNTED = re.compile(r"[0-9]{1,6} (?:loaded units|sockets) listed\.|Pass --all to see")
_AT = re.compile(r"(\[[0-9A-Fa-f:.]{2,60}\]|[0-9.]{7,15}|\*):([0-9]{1,5})(?:%\S{1,32})?$")


def read_systemctl(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in ``systemctl list-sockets``: systemd holds each for the unit that it names."""
    headed = typed = False
    for number, line in lines:
        words = line.split()
        if not words:
            continue
        header = _SOCKETS.match(line)
        if header is not None:
            headed, typed = True, header[1] is not None
            yield heading(number)
        elif headed and _COUNTED.match(line.strip()):
            yield heading(number)
        elif len(words) < 2 or not any(word.endswith(".socket") for word in words[1:3]):
            yield not_understood(number, line)
        else:
            yield _of_unit(number, line, words, names, typed=typed)


def _of_unit(number: int, line: str, words: list[str], names: Names, *, typed: bool) -> Event:
    at = _AT.match(words[0])
    if at is None:
        return Line(number, NO_PORT)  # a path, a netlink family, a message queue
    transport = _TYPES.get(words[1], Transport.TCP) if typed else Transport.TCP
    where = host("[::]" if at[1] == "*" else at[1])
    port = port_number(at[2], transport, names)
    unit = next(word for word in words[1:] if word.endswith(".socket"))
    if where is None or port is None:
        return not_understood(number, line, f"{at[2]} is no port")
    owners, seen = owned(Process(0, None, unit=unit))
    socket = Socket(transport, where.family, where.address, port, SocketState.LISTEN)
    return Listener(socket, Ownership(owners, seen))


FORMATS = (
    SocketFormat("open-ports", "rustscan, naabu, nc -zv", read_open),
    SocketFormat("rpcinfo", "rpcinfo -p", read_rpcinfo),
    SocketFormat("systemctl-sockets", "systemctl list-sockets", read_systemctl),
)
