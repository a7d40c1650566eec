"""``fuser`` of a port (psmisc): the processes that have it, with ``-v`` with their users and names.

It tells nothing of addresses, nor whether a socket listens: one that is asked for by its own port
mostly does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    UNTOLD_ADDRESS,
    detail,
    heading,
    not_understood,
    owned,
    port_number,
    process,
)
from portbook.model import Listener, Ownership, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names
    from portbook.model import Process

_PORT = re.compile(r"\s{0,20}(\S{1,32})/(tcp|udp):(?:\s+(.*))?$")
# The words around PID are in the user's language.
_HEADER = re.compile(r"\s+\S{1,20}\s+PID\s+\S{1,20}\s+\S{1,20}\s*$")
_ACCESS = re.compile(r"\s*(\S{1,64})\s+([0-9]{1,10}|kernel)\s+[.cefFrm?]{1,8}\s+(\S.{0,255})$")
_PIDS = re.compile(r"[1-9][0-9]{0,9}[cefFrm]{0,6}(?:\s+[1-9][0-9]{0,9}[cefFrm]{0,6}){0,400}$")


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports that ``fuser`` was asked for, each with all of its processes."""
    port: tuple[int, Transport, int, str] | None = None
    owners: list[Process] = []
    for number, line in lines:
        text = line.strip()
        if not text:
            continue
        begins = _PORT.match(line)
        rest = line if begins is None else begins[3] or ""
        found = _processes(rest)
        if begins is None and (port is None or not found):
            yield heading(number) if _HEADER.match(line) else not_understood(number, line)
            continue
        if begins is not None:
            yield from _ended(port, owners)
            transport = Transport(begins[2])
            bound = port_number(begins[1], transport, names)
            port, owners = None, []
            if bound is None or (rest and not found):
                yield not_understood(number, line)
                continue
            port = bound, transport, number, line
        else:
            yield detail(number)
        owners += found
    yield from _ended(port, owners)


def _processes(text: str) -> list[Process]:
    """The processes in what stands behind a port, or below it."""
    access = _ACCESS.match(text)
    if access is not None:
        return [process(access[2], access[3].strip(), access[1])]
    if not _PIDS.match(text.strip()):
        return []
    return [process(re.sub("[^0-9]", "", word), None) for word in text.split()]


def _ended(port: tuple[int, Transport, int, str] | None, owners: list[Process]) -> Iterator[Event]:
    if port is None:
        return
    bound, transport, number, line = port
    if not owners:
        yield not_understood(number, line, "it names no process")
        return
    holders, seen = owned(*owners)
    family, address, _ = UNTOLD_ADDRESS
    socket = Socket(transport, family, address, bound, SocketState.LISTEN, scanned=True)
    yield Listener(socket, Ownership(holders, seen))


FORMATS = (SocketFormat("fuser", "fuser of ports, also with -v", read),)
