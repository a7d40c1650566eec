"""One row of ``ss``, of any kind: the careful way, for what isn't plain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.fields import (
    CONNECTION,
    NO_PORT,
    UNTOLD,
    Line,
    everywhere,
    host,
    not_understood,
    numbered_name,
    owned,
    process,
    whole,
)
from portbook.model import (
    LAST_PORT,
    Listener,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
)

if TYPE_CHECKING:
    from portbook.formats.fields import Event, Host, Names

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
_STRAIGHT = dict.fromkeys([0x201C, 0x201D, 0x201E], '"')
_kept_users: dict[str, tuple[tuple[Process, ...], OwnersSeen]] = {}


def row_of(number: int, line: str, names: Names) -> Event | None:
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
    return found if len(parts) == 5 else extended(found, " ".join(parts[5:]))


def _place(address: str) -> Host | None:
    if address == "*" or address.startswith("*%"):  # of both families: see ipv6(7)
        return everywhere(None)._replace(interface=address[2:] or None)
    return host(address)


def extended(found: Listener, rest: str) -> Listener:
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
    if not users and ":" not in rest and (named := numbered_name(rest.strip())) is not None:
        owners, seen = owned(process(named[1], named[0]))  # as a person writes it
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
