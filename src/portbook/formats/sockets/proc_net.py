"""``/proc/net/tcp``, ``tcp6``, ``udp``, ``udp6`` and their kin, as ``cat`` prints them.

Which table it is stands in the header alone: those of datagram sockets end with a column for drops.
Without a header a row in state 07 (CLOSE) is taken for one of UDP's, for TCP's tables have none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.errors import MalformedInput
from portbook.formats.base import SocketFormat
from portbook.formats.fields import CONNECTION, NO_PORT, UNTOLD, Line, heading, not_understood
from portbook.formats.proc_net_row import parse_row
from portbook.model import LAST_PORT, Family, Listener, Ownership, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names

# include/net/tcp_states.h
_CLOSE, _LISTEN = 7, 10
_HEADING = re.compile(r"\s*sl\s+local_address\s")
_ROW = re.compile(r"\s*[0-9]+:\s+[0-9A-Fa-f]+:[0-9A-Fa-f]{4}\s")
_NAME = re.compile(r"(?:==> |# |.*[$#] (?:sudo )?cat )?/proc/(?:[0-9]+/)?net/([a-z]+6?)\b.{0,80}$")


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets in the kernel's tables."""
    datagrams: bool | None = None
    for number, line in lines:
        if not line.strip():
            continue
        if _HEADING.match(line):
            datagrams = "drops" in line
            yield heading(number)
        elif _ROW.match(line):
            yield _row(number, line, datagrams)
        else:
            yield heading(number) if _NAME.match(line.lstrip()) else not_understood(number, line)


def _row(number: int, line: str, datagrams: bool | None) -> Event:
    try:
        row = parse_row(line.encode("ascii", "replace"))
    except MalformedInput:
        return not_understood(number, line)
    if row.state not in (_CLOSE, _LISTEN) or row.peer_port:
        return Line(number, CONNECTION)
    if not 0 < row.port <= LAST_PORT:
        return Line(number, NO_PORT) if row.port == 0 else not_understood(number, line)
    udp = row.state == _CLOSE if datagrams is None else datagrams
    return Listener(
        Socket(
            Transport.UDP if udp else Transport.TCP,
            Family.IPV6 if ":" in row.address else Family.IPV4,
            row.address,
            row.port,
            SocketState.LISTEN if udp or row.state == _LISTEN else SocketState.BOUND,
            interface=None,
            inode=row.inode or None,
            uid=row.uid,
        ),
        Ownership(seen=UNTOLD),
    )


FORMATS = (SocketFormat("proc-net", "/proc/net/tcp, tcp6, udp, udp6", read),)
