"""``ss`` of iproute2, whatever its flags: with a header or without, with processes or details.

The columns are Netid, State, Recv-Q, Send-Q, the local address, the peer's, and what the flags
add (ss(8)). ``ss`` leaves Netid out where it was asked for one kind of socket, and State where it
was asked for one state. For a socket that listens, Recv-Q counts the connections that wait to be
accepted, and Send-Q is their limit.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    CONNECTION,
    NO_PORT,
    UNTOLD,
    Line,
    NumberedLines,
    PlainRows,
    detail,
    everywhere,
    heading,
    host,
    not_understood,
    whole,
)
from portbook.formats.lines import joined_apart, runs
from portbook.formats.sockets.ss_plain import PLAIN, ROW, columns_between, plain_row, rows_of
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.formats.fields import Event, Host, Lines, Names
    from portbook.formats.sockets.ss_plain import Heads

# A socket of Multipath TCP has a port of TCP (RFC 8684 §3.1).
_NETIDS = {
    "tcp": Transport.TCP,
    "udp": Transport.UDP,
    "sctp": Transport.SCTP,
    "dccp": Transport.DCCP,
    "mptcp": Transport.TCP,
}
_PORTLESS = {
    "u_str", "u_dgr", "u_seq", "nl", "raw", "icmp6", "p_raw", "p_dgr", "v_str", "v_dgr", "v_seq",
    "tipc", "ti_st", "ti_dg", "ti_rd", "ti_sq", "xdp", "???",
}  # fmt: skip
_CONNECTED = {
    "ESTAB", "SYN-SENT", "SYN-RECV", "NEW-SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
    "CLOSE-WAIT", "LAST-ACK", "CLOSING", "UNKNOWN",
}  # fmt: skip
_STATES = {"LISTEN", "UNCONN", "BOUND-INACTIVE", *_CONNECTED}
# ("sshd",pid=812,fd=3), and as it was until iproute2 3.17: ("sshd",812,3)
_USER = re.compile(r'\("((?:[^"\\]|\\.)*)",(?:pid=)?([0-9]{1,10}),[^()]*\)')
_EXTENDED = re.compile(r"(?:^|\s)(uid|ino|v6only):([0-9]{1,20})(?=\s|$)")
# What netstat has behind the same columns: a state, a process, or a dash for none.
_NETSTAT = re.compile(r"-(?:\s|$)|[0-9]+/|LISTEN|ESTABLISHED|[A-Z]+_[A-Z]+|CLOS")
_HEADING = re.compile(r"\s*(?:Netid|State|Recv-Q)\s.*Local\s+Address")

_FEW = 16  # plain rows together that aren't worth it
_kept_users: dict[str, tuple[tuple[Process, ...], OwnersSeen]] = {}


# Until iproute2 4.13 an IPv6 address stood without brackets, and the peer of an IPv4 socket was
# "*:*"; there "*" is every IPv4 address. Until 3.17 a process stood without "pid=" as well.
_OLD = re.compile(r'\s:::(?:[0-9*]|[a-z])|users:\(\("[^"]{1,64}",[0-9]|\s[0-9.]{7,15}:\S+\s+\*:\*')
_NEW = re.compile(r"\s(?:0\.0\.0\.0|\[[0-9a-f:.]+\](?:%\w+)?):(?:\*|\S+)")
_STRAIGHT = dict.fromkeys([0x201C, 0x201D, 0x201E], '"')
_LOOKED_AHEAD = 200  # lines in which the first sign of either is looked for


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets that ``ss`` listed."""
    every, old = _told_apart(lines)
    rows = _Rows(names)
    events = chain(rows.take(every), rows.end())
    return map(_of_ipv4, events) if old else events


def read_rows(lines: NumberedLines, names: Names) -> Iterator[Event | PlainRows]:
    """As :func:`read`, plain rows together: of most, no value is needed for each."""
    blocks, old = _told_apart(lines.blocks)
    if not old:
        return _in_rows(blocks, names)
    rows = _Rows(names)
    return map(_of_ipv4, chain(rows.take(NumberedLines(blocks)), rows.end()))


def _told_apart(blocks: Lines) -> tuple[Lines, bool]:
    """*blocks* of lines, and whether an older ss wrote them."""
    stream = iter(blocks)
    ahead: list[tuple[int, str]] = []
    left = _LOOKED_AHEAD
    old: bool | None = None
    for number, text in stream:
        ahead.append((number, text))
        lines = text.split("\n", left)[:left]
        old = next((old for old in map(_is_old, enumerate(lines, number)) if old is not None), None)
        left -= len(lines)
        if old is not None or not left:
            break
    return chain(ahead, stream), bool(old)


def _is_old(line: tuple[int, str]) -> bool | None:
    """Whether an older ss wrote *line*; None where that isn't told."""
    rows = [row[:400] for _, row in joined_apart([line])]
    if any(map(_OLD.search, rows)):
        return True
    return False if any(map(_NEW.search, rows)) else None


def _in_rows(blocks: Lines, names: Names) -> Iterator[Event | PlainRows]:
    """What is in *blocks*; nothing that the lines of one tell waits for the next one, but for its
    last row, which may go on there.
    """
    rows = _Rows(names)
    for number, text in blocks:
        # What stands between rows, and the groups of each: faster than a line at a time.
        pieces: list[Any] = ROW.split(text)
        between = pieces[:: ROW.groups + 1]
        count = len(between) - 1
        every = between.count("\n") == count - 1 and not (between[0] or between[-1])
        plain = rows_of(*columns_between(pieces)) if every and count > _FEW else None
        if plain is not None:
            yield from rows.end()
            yield plain
            yield from rows.take([(number + count - 1, text[text.rindex("\n") + 1 :])])
            continue
        lines = list(enumerate(text.split("\n"), number))
        begin = 0
        if count:
            matches = [ROW.fullmatch(line) for _, line in lines]
            found = [match and match.groups() for match in matches]
            for first, end in runs(found, _FEW):
                plain = rows_of(*zip(*found[first:end], strict=True))
                if plain is not None:
                    yield from rows.take(lines[begin:first])
                    yield from rows.end()
                    yield plain
                    begin = end
        yield from rows.take(lines[begin:])
    yield from rows.end()


def _of_ipv4(event: Event) -> Event:
    """*event*, where "*" stands for the IPv4 addresses alone."""
    if isinstance(event, Listener) and event.socket.v6only is False:
        every = everywhere(Family.IPV4)
        socket = event.socket._replace(family=every.family, address=every.address, v6only=None)
        return event._replace(socket=socket)
    return event


class _Rows:
    """Rows as they come: the last one is held, as what is on lines of its own belongs to it."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._held: Listener | None = None
        self._in_row = False
        self._heads: Heads = {}

    def take(self, lines: Lines) -> Iterator[Event]:
        """What is in *lines*, but for a row that may go on behind them."""
        heads, names = self._heads, self._names
        for number, line, match in _matched(lines):
            found = (
                _row(number, line, names)
                if match is None
                else plain_row(number, line, match, heads)
            )
            if found.__class__ is Listener:
                if self._held is not None:
                    yield self._held
                self._held, self._in_row = found, True
                continue
            if found is None:
                if not line or line.isspace():
                    continue
                # -i and -m add lines that begin with a tab; an older ss breaks rows that are
                # wider than its terminal.
                more = "users:((" in line or "ino:" in line
                begins = line[0] == "\t" or (line[0] == " " and more) or line.startswith("users:((")
                if self._in_row and begins:
                    if self._held is not None and more:
                        self._held = _extended(self._held, line.strip())
                    yield detail(number)
                    continue
                found = heading(number) if _HEADING.match(line) else not_understood(number, line)
                self._in_row = False
            else:
                self._in_row = True
            yield from self.end()
            yield found

    def end(self) -> Iterator[Event]:
        """The row that is held, where there is one."""
        if self._held is not None:
            held, self._held = self._held, None
            yield held


def _matched(lines: Lines) -> Iterator[tuple[int, str, re.Match[str] | None]]:
    """Each row with its match of :data:`PLAIN`; those apart that somebody has joined in one."""
    plain = PLAIN.fullmatch
    for number, line in lines:
        match = plain(line)
        if match is not None:
            yield number, line, match
            continue
        for _, row in joined_apart([(number, line)]):
            yield number, row, plain(row)


def _row(number: int, line: str, names: Names) -> Event | None:
    """One row of any kind; None where the line is none."""
    if "\u201d" in line or '((""' in line:  # as a word processor or a sheet writes quotes
        line = line.translate(_STRAIGHT).replace('""', '"')
    parts = line.split(None, 6)
    if not parts:
        return None
    first = parts[0]
    transport = _NETIDS.get(first)
    if transport is not None:
        parts = line.split(None, 7)[1:]
    elif first in _PORTLESS:
        return Line(number, NO_PORT)
    elif first == "`-":  # an association of the SCTP endpoint above it
        return Line(number, CONNECTION)
    if parts and parts[0] in _STATES:
        return _stated(number, line, transport, parts, names)
    if len(parts) >= 4 and parts[0].isdecimal() and parts[1].isdecimal():
        return _stateless(number, line, transport, parts, names)
    return None


def _stated(
    number: int, line: str, transport: Transport | None, parts: list[str], names: Names
) -> Event | None:
    if len(parts) >= 3 and ":" in parts[1] and ":" in parts[2]:
        parts[1:1] = "--"  # -Q leaves the queues out, and whoever cuts columns the peer as well
        parts[4:4] = ["*:*"] * parts[4].startswith("users:((")
    elif len(parts) < 5 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    if parts[0] in _CONNECTED:
        return Line(number, CONNECTION)
    if transport is None:
        transport = Transport.TCP if parts[0] == "LISTEN" else Transport.UDP
    return _listener(number, line, transport, parts, names)


def _stateless(
    number: int, line: str, transport: Transport | None, parts: list[str], names: Names
) -> Event | None:
    """A row without the column for the state: ``ss`` was asked for one state."""
    limit, local, peer = parts[1:4]
    if len(parts) > 4 and _NETSTAT.match(parts[4]):
        return None
    if not peer.endswith(":*"):
        return Line(number, CONNECTION) if ":" in peer and ":" in local else None
    if transport is None:
        # A listening socket has a limit of connections that wait; a UDP socket has none.
        transport = Transport.TCP if limit != "0" else Transport.UDP
    state = "UNCONN" if transport is Transport.UDP else "LISTEN"
    return _listener(number, line, transport, [state, *parts], names)


def _listener(
    number: int, line: str, transport: Transport, parts: list[str], names: Names
) -> Event | None:
    state, queue, limit, local = parts[:4]
    address, _, port = local.rpartition(":")
    if port == "*":
        return Line(number, NO_PORT)
    where: Host | None = _place(address)
    if where is None:
        return None
    if port.isdigit() and port.isascii() and len(port) <= 5:
        bound = int(port)
        if bound > LAST_PORT:
            return not_understood(number, line, f"{bound} is not a port")
    else:
        named = names(port, transport) if not port.isdigit() else None
        if named is None:
            return not_understood(number, line, "its port is not known by that name")
        bound = named
    listens = state == "LISTEN"
    found = Listener(
        Socket(
            transport,
            where.family,
            where.address,
            bound,
            SocketState.LISTEN if listens or transport is Transport.UDP else SocketState.BOUND,
            interface=where.interface,
            inode=None,
            uid=None,
            user=None,
            v6only=False if address == "*" else None,
            queue=whole(queue[:9]) if listens else None,
            queue_limit=whole(limit[:9]) if listens else None,
        ),
        Ownership((), UNTOLD),
    )
    return found if len(parts) == 5 else _extended(found, " ".join(parts[5:]))


def _place(address: str) -> Host | None:
    if address == "*" or address.startswith("*%"):  # of both families: see ipv6(7)
        return everywhere(None)._replace(interface=address[2:] or None)
    return host(address)


def _extended(found: Listener, rest: str) -> Listener:
    """*found* with the processes, the user and the inode that -p and -e add."""
    users = ""
    if "users:((" in rest:
        start = rest.index("users:((")
        end = rest.find("))", start)
        while end != -1 and end + 2 < len(rest) and rest[end + 2] != " ":
            end = rest.find("))", end + 1)
        end = len(rest) if end == -1 else end + 2
        users, rest = rest[start + 6 : end], rest[:start] + rest[end:]
    more = dict(_EXTENDED.findall(rest)) if "ino:" in rest or "v6only:" in rest else {}
    owners, seen = _owners(users) if users else found.ownership[:2]
    uid = found.socket.uid
    if "ino" in more:  # it is told with -e alone, which leaves root's number out
        uid = int(more.get("uid", "0"))
    v6only = more["v6only"] == "1" if "v6only" in more else found.socket.v6only
    inode = int(more["ino"]) or None if "ino" in more else found.socket.inode
    socket = found.socket._replace(inode=inode, uid=uid, v6only=v6only)
    return Listener(socket, Ownership(owners, seen))


def _owners(users: str) -> tuple[tuple[Process, ...], OwnersSeen]:
    """The processes in ``(("sshd",pid=812,fd=3))``; one that holds it twice counts once."""
    known = _kept_users.get(users)
    if known is None:
        found = dict.fromkeys((int(pid), name) for name, pid in _USER.findall(users))
        owners = tuple([Process(pid, name or None) for pid, name in found])
        known = owners, OwnersSeen.FIRST if owners else UNTOLD
        if len(_kept_users) < 4096 and len(users) < 1024:
            _kept_users[users] = known
    return known


def _is_sure(lines: Sequence[str]) -> bool:
    """Whether *lines* are titles and rows of ss, and nobody could take them for anything else."""
    return all(map(_SURE.fullmatch, lines))


# Names of processes may be anything: of other letters, a part may look like another tool's row.
_SURE = re.compile(
    r"(?:Netid +)?+(?:State +)?+Recv-Q +Send-Q +Local Address:Port +Peer Address:Port *"
    r"(?:Process *)?|(?:(?:tcp|udp) +)?+(?:LISTEN|UNCONN) +[0-9]{1,9} +[0-9]{1,9} +"
    r"(?:[0-9.]{7,15}|\[[0-9a-f:.]{2,45}\]|\*)(?:%[a-z0-9]{1,15})?:[0-9]{1,5} +"
    r"(?:[0-9.]{7,15}|\[::\]|\*):\* *"
    r'(?:users:\((?:\("[\w.-]{1,64}",pid=[0-9]{1,10},fd=[0-9]{1,9}\),?+){1,256}\) *)?',
    re.ASCII,
)

FORMATS = (SocketFormat("ss", "ss of Linux", read, read_rows=read_rows, sure=_is_sure),)
