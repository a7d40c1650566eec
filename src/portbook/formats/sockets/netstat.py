"""``netstat`` of Linux (net-tools) and of macOS and the BSDs.

Linux writes ``address:port``, the others ``address.port``. Titles are in the user's language, the
protocols at the beginning of each row are not; a listening socket has ``*`` for its peer's port
whatever its state is called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook._fast_types import NamedTuple
from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    CONNECTION,
    INODE_DIGITS,
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
from portbook.model import Assessment, Family, Listener, Ownership, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names
    from portbook.model import Process

# The protocol, and the family that it is for; None for both.
_PROTOCOLS = {
    "tcp": (Transport.TCP, Family.IPV4),
    "tcp4": (Transport.TCP, Family.IPV4),
    "tcp6": (Transport.TCP, Family.IPV6),
    "tcp46": (Transport.TCP, None),
    "udp": (Transport.UDP, Family.IPV4),
    "udp4": (Transport.UDP, Family.IPV4),
    "udp6": (Transport.UDP, Family.IPV6),
    "udp46": (Transport.UDP, None),
    "udplite": (Transport.UDP, Family.IPV4),
    "udpl": (Transport.UDP, Family.IPV4),
    "udpl6": (Transport.UDP, Family.IPV6),
    "sctp": (Transport.SCTP, Family.IPV4),
    "sctp6": (Transport.SCTP, Family.IPV6),
    "dccp": (Transport.DCCP, Family.IPV4),
    "dccp6": (Transport.DCCP, Family.IPV6),
}
_PORTLESS = {"raw", "raw6", "icm4", "icm6", "ip", "ip4", "ip6", "div4", "unix", "igmp", "l2cap"}
_TITLE = re.compile(
    r".*\b(?:Internet|UNIX|Unix|unix|Bluetooth|kernel (?:control|event) |X\.25|AX\.25)"
)
_NO_TITLE = re.compile(r"[0-9]{3}|[*:]")
_SERVED = re.compile(r"\(Not all processes could|\s*will not be shown, you would have")
_PROGRAM = re.compile(r"(?:^|\s)([0-9]{1,10})/(\S[^\n]*)$")
# Begun at the first blank of several alone: what follows them is looked at once.
_TIMER = re.compile(
    r"(?<!\s)\s+(?:off|on|on[0-9]?|keepalive|timewait|probe|unkn-[0-9]+)\s*\([^()]*\)\s*$"
)
_NAMED = re.compile(r"(\S[^:]{0,64}):([0-9]{1,10})(?:\s|$)")


class _Columns(NamedTuple):
    """What the header says of the columns behind the peer's address."""

    inode: bool = False  # -e of Linux: the user's name or number, and the inode
    behind_state: bool = False  # macOS with -v has more there, and at which places of it
    process_at: int | None = None  # a name and a number
    pid_at: int | None = None  # a number


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets that ``netstat`` of Linux, macOS or a BSD listed."""
    columns, portless = _Columns(), False
    for number, line in lines:
        parts = line.split(None, 5)
        if not parts:
            continue
        first = parts[0].lower()
        if first in _PROTOCOLS and len(parts) >= 5 and parts[1].isdigit():
            portless = False
            yield _row(number, parts, line, columns, names)
        elif first in _PORTLESS and len(parts) >= 3:
            yield Line(number, NO_PORT)
        elif first in ("proto", "proto/id") and len(parts) >= 4:
            if ("Recv-Q" in line and "Local" in line) or "RefCnt" not in line:
                columns = _columns(line)
            yield heading(number)
        elif _TITLE.match(line) and not _NO_TITLE.search(line):
            portless = "Internet" not in line
            yield heading(number)
        elif _SERVED.match(line):
            yield heading(number)
        elif portless and len(parts) >= 4:
            yield heading(number) if first in ("address", "proto") else Line(number, NO_PORT)
        else:
            yield not_understood(number, line)


def _columns(header: str) -> _Columns:
    words = header.split()
    behind = words[words.index("(state)") + 1 :] if "(state)" in words else []
    process_at, pid_at = (
        behind.index(name) if name in behind else None for name in ("process:pid", "pid")
    )
    return _Columns("Inode" in words and "User" in words, bool(behind), process_at, pid_at)


def _row(number: int, parts: list[str], line: str, columns: _Columns, names: Names) -> Event:
    transport, family = _PROTOCOLS[parts[0].lower()]
    if not parts[2].isdigit():
        return not_understood(number, line)
    local, peer = parts[3], parts[4]
    rest = parts[5] if len(parts) > 5 else ""
    if not peer.endswith((":*", ".*")):
        return Line(number, CONNECTION)
    separator = peer[-2]
    address, found, port = local.rpartition(separator)
    if not found:
        return not_understood(number, line)
    if port == "*":
        return Line(number, NO_PORT)
    where = everywhere(family) if address == "*" else host(address, family)
    bound = port_number(port, transport, names)
    if where is None or bound is None:
        why = "its port is none" if where else "its address can't be read"
        return not_understood(number, line, why)
    doing = SocketState.LISTEN
    state, _, more = rest.partition(" ")
    if transport is not Transport.UDP and state[:1].isalpha():  # UDP has no state
        rest = more
        if state in ("CLOSED", "CLOSE", "BOUND", "IDLE"):
            doing = SocketState.BOUND
    inode = user = None
    if columns.inode:
        # Where UDP has no state, the user comes first.
        words = rest.split(None, 2)
        number_of = whole(words[1], INODE_DIGITS) if len(words) >= 2 else None
        if number_of is not None:
            user, inode = words[0], number_of or None
    owners, seen = owned(*_owners(rest, columns, user))
    uid = whole(user) if user else None
    return Listener(
        Socket(
            transport,
            where.family,
            where.address,
            bound,
            doing,
            interface=where.interface,
            inode=inode,
            uid=uid,
            user=user if user and uid is None else None,
            v6only=False if family is None else None,
        ),
        Ownership(owners, seen),
        Assessment(()),
    )


def _owners(rest: str, columns: _Columns, user: str | None) -> tuple[Process, ...]:
    if columns.behind_state:
        return _of_macos(rest, columns)
    found = _PROGRAM.search(_TIMER.sub("", rest))
    if found is None:
        return ()
    # A process may write a title over its name: "sshd: /usr/sbin" is sshd's.
    name = found[2].rstrip()
    name = name.partition(": ")[0].removesuffix(":") or name
    return (process(found[1], name, user),)


def _of_macos(rest: str, columns: _Columns) -> tuple[Process, ...]:
    """The process that -v adds: by number, or since macOS 14 by name and number."""
    if columns.process_at is not None:
        behind = rest.split(None, columns.process_at)
        named = _NAMED.match(behind[-1]) if len(behind) > columns.process_at else None
        return (process(named[2], named[1]),) if named else ()
    words = rest.split()
    if columns.pid_at is not None and len(words) > columns.pid_at:
        pid = words[columns.pid_at]
        if pid.isdigit() and pid != "0":
            return (process(pid, None),)
    return ()


FORMATS = (SocketFormat("netstat", "netstat of Linux, macOS and the BSDs", read),)
