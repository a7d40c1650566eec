"""``netstat`` of Linux (net-tools) and of macOS and the BSDs.

Linux writes ``address:port``, the others ``address.port``. Titles are in the user's language, the
protocols at the beginning of each row are not; a listening socket has ``*`` for its peer's port
whatever its state is called.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from portbook._fast_types import NamedTuple
from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    CONNECTION,
    INODE_DIGITS,
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
    whole,
)
from portbook.formats.lines import joined_apart
from portbook.model import Family, Listener, Ownership, Socket, SocketState, Transport

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
# The titles of net-tools' translations.
_TRANSLATED = re.compile(
    r"[^0-9:*]{0,60}(?:internet|интернет|інтернет|インターネット|網際網路|인터넷|ინტერნეტ)[^0-9:*]{0,40}"
    r"[(（][^()（）0-9]{3,60}[)）]\s*$",
    re.IGNORECASE,
)
_NO_TITLE = re.compile(r"[0-9]{3}|[*:]")
# -A of the BSDs, macOS and AIX: the address of the control block, and macOS' hash of the flow.
_BLOCK = re.compile(r"\s*[0-9a-f]{6,16}\s+(?:[0-9a-f]{1,8}\s+)?(?=(?:tcp|udp|sctp)[46l]{0,3}\s)")
_BLOCK_TITLE = re.compile(r"\s*(?:Tcpcb|PCB/ADDR|Socket(?:\s+Flowhash)?)\s+(?=Proto\s)")
# -L of the BSDs: connections that wait, those that aren't complete, and the most that may.
_QUEUES = re.compile(r"[0-9]{1,9}/[0-9]{1,9}/[0-9]{1,9}$")
# What somebody chose of a row that listens: its queues are left out, and perhaps what says so.
_CHOSEN = re.compile(
    r"\s*[a-z46]{3,8}\s+(\S{1,64}:[\w*-]{1,20})(?:\s+(\S{1,64}:\*))?(?:\s+(LISTEN))?"
    r"(?:\s+([0-9]{1,10}/\S.{0,200}))?\s*$"
)
_SERVED = re.compile(
    r"\(Not all processes could|\s*will not be shown, you would have|netstat: [a-z/]"
    r"|Current listen queue sizes"
)
_NOTE = re.compile(
    r"\s?\((?![0-9.]{4,})[^()\d]{20,200}[^()]{0,80}\)?|\s?（[^（）\d]{12,200}[^（）]{0,80}）?"
    r"|\([^()\d]{3,60}geteuid\(\)"
)
_PROGRAM = re.compile(r"(?:^|\s)([0-9]{1,10})/(\S[^\n]*)$")
# Begun at the first blank of several alone: what follows them is looked at once.
# What -Z adds: user, role, type and level of SELinux.
_CONTEXT = re.compile(r"(?<!\s)\s+\w{1,40}_u:\w{1,40}_r:\w{1,60}_t(?::\S{1,200})?\s*$")
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
    numbers: int = (
        2  # columns between the protocol and the local address: FreeBSD's -T, OpenBSD's -B
    )
    apart: bool = False  # each port in a column of its own
    worlds: bool = False  # ESXi: the number of a world, how it avoids congestion, and its name


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets that ``netstat`` of Linux, macOS or a BSD listed.

    With -c it lists them again and again: what an earlier list had is told of once.
    """
    rounds = _Rounds()
    for event in _read(lines, names, rounds):
        yield detail(rounds.number) if isinstance(event, Listener) and rounds.had(event) else event


_MOST_IN_ROUND = 1 << 16  # sockets of a list that are known again


class _Rounds:
    """What the lists in one output have in common: each begins with a header."""

    def __init__(self) -> None:
        self.number = 0
        # By what tells sockets apart: a list may have a million of them.
        self._before: Counter[int] = Counter()
        self._now: Counter[int] = Counter()

    def begin(self) -> None:
        """A header was read."""
        self._before |= self._now
        self._now.clear()

    def had(self, listener: Listener) -> bool:
        """Whether *listener* stands in an earlier list as often as it does in this one."""
        key = hash(listener)
        if len(self._now) < _MOST_IN_ROUND or key in self._now:
            self._now[key] += 1
        return 0 < self._now[key] <= self._before[key]


def _read(lines: Lines, names: Names, rounds: _Rounds) -> Iterator[Event]:
    table = _Table()
    for number, line in joined_apart(lines):
        rounds.number = number
        above = _BLOCK.match(line) or _BLOCK_TITLE.match(line)
        bare = line if above is None else line[above.end() :]
        parts = bare.split(None, 5)
        if not parts:
            continue
        first = parts[0].lower()
        if first in _PROTOCOLS and len(parts) >= 5 and parts[1].isdigit():
            table.portless = False
            if table.columns.numbers > 2 or table.columns.apart:
                parts = _as_usual(bare, table.columns)
            yield _row(number, parts, bare, table.columns, names)
        elif first in _PROTOCOLS and len(parts) == 3 and _QUEUES.match(parts[1]):
            queued = [parts[0], "0", "0", parts[2], "*.*", "LISTEN"]
            yield _row(number, queued, bare, _Columns(), names)
        elif first in _PROTOCOLS and (chosen := _chosen(bare)) is not None:
            again = table.had(bare)
            yield detail(number) if again else _row(number, chosen, bare, _Columns(), names)
        elif first in _PORTLESS and len(parts) >= 3:
            yield Line(number, NO_PORT)
        else:
            if first == "proto":
                rounds.begin()
            yield table.around(number, bare, parts)


def _chosen(line: str) -> list[str] | None:
    """The parts of a row whose queues somebody left out; None where it may be of a connection."""
    found = _CHOSEN.match(line)
    if found is None:
        return None
    local, peer, state, more = found.groups("")
    if not (peer or state or _is_served(line, local, more)):
        return None
    return [line.split(None, 1)[0], "0", "0", local, peer or "*:*", f"{state} {more}"]


def _is_served(line: str, local: str, more: str) -> bool:
    """Whether *local* is where a server is bound: a client has one address, and a dynamic port."""
    if more and line.lstrip().startswith("udp"):
        return True
    address, _, port = local.rpartition(":")
    return address in _EVERY or (port.isdigit() and int(port) < _LOWEST_DYNAMIC)


_EVERY = ("0.0.0.0", "::", "[::]", "*")
_LOWEST_DYNAMIC = 32768  # Linux's ip_local_port_range begins there, other systems' later


class _Table:
    """What stands around the rows: titles, headers, notes, and sockets without a port."""

    def __init__(self) -> None:
        self.columns = _Columns()
        self.portless = False
        self.in_note = 0  # lines that a note in parentheses may have yet
        self._chosen: set[str] = set()

    def had(self, row: str) -> bool:
        """Whether *row*, of which little was left, stood there before: one of a connection each."""
        again = row in self._chosen
        if len(self._chosen) < _MOST_IN_ROUND:
            self._chosen.add(row)
        return again

    def around(self, number: int, line: str, parts: list[str]) -> Event:
        """A line that is no row with a port."""
        first = parts[0].lower()
        if self._is_header(first, parts, line):
            return heading(number)
        if self.columns.worlds and not line.strip("- "):
            return heading(number)
        titled = _TITLE.match(line) and not _NO_TITLE.search(line)
        if titled or _TRANSLATED.match(line):
            self.portless = bool(titled) and "Internet" not in line
            return heading(number)
        if _SERVED.match(line) or self.in_note or _NOTE.match(line):
            # What it couldn't tell, in the user's language and in parentheses, over three lines.
            left = self.in_note - 1 if self.in_note else 2 * (line.lstrip()[0] in "(（")
            self.in_note = 0 if line.rstrip().endswith((")", "）")) else left
            return heading(number)
        if self.portless and len(parts) >= 4:
            return heading(number) if first in ("address", "proto") else Line(number, NO_PORT)
        return not_understood(number, line)

    def _is_header(self, first: str, parts: list[str], line: str) -> bool:
        if first not in ("proto", "proto/id", "პროტო") or len(parts) < 3:
            return False
        if parts[1] == "Listen":
            return True
        if ("Recv-Q" in line and "Local" in line) or "RefCnt" not in line:
            self.columns = _columns(line)
        return len(parts) >= 4


def _as_usual(line: str, columns: _Columns) -> list[str]:
    """The parts of a row of other columns, as most tables have them."""
    words = line.split()
    # OpenBSD's are of TCP alone.
    words[3 : 1 + columns.numbers] = [
        word for word in words[3 : 1 + columns.numbers] if not word.isdigit()
    ]
    if columns.apart and len(words) >= 7:
        words[3:7] = [f"{words[3]}:{words[4]}", f"{words[5]}:{words[6]}"]
    words += [""] * (5 - len(words))
    return [*words[:5], " ".join(words[5:])]


def _columns(header: str) -> _Columns:
    words = header.split()
    apart = words.count("Port") == 2
    numbers = max(2, words.index("Local") - 1) if "Local" in words and "Recv Q" not in header else 2
    behind = words[words.index("(state)") + 1 :] if "(state)" in words else []
    process_at, pid_at = (
        behind.index(name) if name in behind else None for name in ("process:pid", "pid")
    )
    return _Columns(
        "Inode" in words and "User" in words, bool(behind), process_at, pid_at, numbers, apart,
        "World ID" in header,
    )  # fmt: skip


def _is_peerless(parts: list[str]) -> bool:
    """Whether a row is of ESXi, which writes 0 for the port of a peer that isn't there."""
    idle = parts[0].lower().startswith("udp") or "LISTEN" in parts[-1]
    return idle and parts[4] in ("0.0.0.0:0", "[::]:0", ":::0")


def _row(number: int, parts: list[str], line: str, columns: _Columns, names: Names) -> Event:
    transport, family = _PROTOCOLS[parts[0].lower()]
    if not parts[2].isdigit() or "=" in parts[4]:  # conntrack's rows begin alike
        return not_understood(number, line)
    local, peer = parts[3], "*:*" if _is_peerless(parts) else parts[4]
    rest = parts[5] if len(parts) > 5 else ""
    if not peer.endswith((":*", ".*")):
        # A number alone is a column that the header didn't tell of.
        ends = not (peer.isdigit() or local.isdigit())
        return Line(number, CONNECTION) if ends else not_understood(number, line)
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
    state, more = [*rest.split(None, 1), "", ""][:2]
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
    )


def _owners(rest: str, columns: _Columns, user: str | None) -> tuple[Process, ...]:
    if columns.behind_state:
        return _of_macos(rest, columns)
    if columns.worlds:
        words = rest.split()
        return (process(words[0], words[-1]),) if len(words) > 1 and words[0].isdigit() else ()
    found = _PROGRAM.search(_TIMER.sub("", rest))
    if found is None:
        named = None if columns.inode else numbered_name(rest.strip())
        return () if named is None else (process(named[1], named[0], user),)
    # A process may write a title over its name: "sshd: /usr/sbin" is sshd's.
    name = _CONTEXT.sub("", found[2]).rstrip()
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
