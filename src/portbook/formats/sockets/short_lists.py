"""Lists that name little more than ports: quick scanners, ``rpcinfo`` and systemd's sockets."""

from __future__ import annotations

import re
from itertools import chain, islice
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
    not_open,
    not_understood,
    owned,
    port_number,
)
from portbook.formats.json_stream import begins_json, scalar, values
from portbook.model import Listener, Ownership, Process, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.formats.fields import Event, Lines, Names

_PLACE = r"(?P<place>\[[0-9A-Fa-f:.]{2,60}\]|[0-9A-Za-z_.-]{1,255}):(?P<port>[0-9]{1,5})"
_OPEN = re.compile(rf"Open {_PLACE}$")
# A column of ss or of netstat, whose ends are no scan's either.
_CUT_OUT = re.compile(
    r"(?:Local ?Address|Address|Listen(?:ing)?)(?:(?: ?: ?| )Port)?(?: on)?:?$", re.IGNORECASE
)
_LOOKED_AHEAD = 200  # lines in which such an end is looked for
# On a line of its own only an address: "server.js:12" is a place in a program. Where a scanner
# told of itself, a name may stand there too. naabu adds whose network it is.
_BARE = re.compile(
    r"(?P<place>\[[0-9A-Fa-f:.]{2,60}\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}):(?P<port>[0-9]{1,5})"
    r"(?: \[[\w -]{1,40}\])?$"
)
_EVERYWHERE = re.compile(r"(?:0\.0\.0\.0|\[::\]):")
_NAMED = re.compile(rf"{_PLACE}$")
# rustscan --greppable
_TOGETHER = re.compile(r"(\[?[0-9A-Fa-f:.]{3,60}\]?) -> \[([0-9]{1,5}(?:,[0-9]{1,5}){0,65535})\]$")
# rustscan --closed
_CLOSED = re.compile(rf"Closed {_PLACE}$")
# A setting, and not what somebody wrote above a scan.
_KEY = re.compile(r"(?!(?:open|ports|hosts|results?|found|output)\b)[a-z][\w.-]{0,40}:$")
_CLOSED_BELOW = re.compile(r"closed ports:$")
_SCANNER = re.compile(
    r"\[(?:~|!|>|\*|INF|WRN|\+)\] |🌍|Faster Nmap scanning|The Modern Day Port"
    r"|Depending on the complexity of the script"
)
# What a scanner draws of its name, and says of whoever made it.
_BANNER = re.compile(
    r"[ \t_/\\|<>.,:;{}()`'~-]{2,200}$|projectdiscovery\.io$|: https?://|Please contribute more "
)
# nc -zv of OpenBSD and macOS, of the traditional one, and of nmap (ncat).
_NC = (
    re.compile(
        r"Connection to (?P<place>\S{1,255}) (?:\((?P<address>\S{1,60})\) )?(?:port )?"
        r"(?P<port>[0-9]{1,5}) (?:port )?\[(?P<transport>tcp|udp)/[^\]]{0,40}\] succeeded"
    ),
    re.compile(
        r"(?P<place>\S{1,255}) \[(?P<address>\S{1,60})\] (?P<port>[0-9]{1,5}) "
        r"(?:\(\S{0,40}\) )?open$"
    ),
    # unicornscan
    re.compile(
        r"(?P<transport>TCP|UDP) open\s{1,40}\S{1,40}\[\s{0,6}(?P<port>[0-9]{1,5})\]\s{1,8}from "
        r"(?P<place>\S{1,60})(?:\s+ttl [0-9]{1,3})?\s*$"
    ),
    re.compile(r"Ncat: Connected to (?P<place>\S{1,60}):(?P<port>[0-9]{1,5})\.$"),
    re.compile(r"(?P<place>\S{1,255}) \((?P<address>\S{1,60}):(?P<port>[0-9]{1,5})\) open$"),
)
_NC_FAILED = (
    re.compile(
        r"(?:nc|netcat): connectx? to (?P<place>\S{1,255}) (?:\((?P<address>\S{1,60})\) )?port "
        r"(?P<port>[0-9]{1,5}) \((?P<transport>tcp|udp)\) failed: (?P<why>.{1,60})"
    ),
    re.compile(
        r"(?:nc|netcat): connectx? to (?P<place>\S{1,255}) (?:\((?P<address>\S{1,60})\) )?port "
        r"(?P<port>[0-9]{1,5}) \((?P<transport>tcp|udp)\) (?P<why>timed out.{0,60})"
    ),
    re.compile(
        r"(?P<place>\S{1,255}) \[(?P<address>\S{1,60})\] (?P<port>[0-9]{1,5}) "
        r"(?:\([^()]{0,40}\) )?: (?P<why>.{1,60})"
    ),
)
_NC_FOUND = re.compile(r"found [0-9]{1,4} (?:connections|associations)")
_NC_DETAIL = re.compile(
    r"\t|\s*(?:sent [0-9]{1,18}, rcvd [0-9]{1,18}$|[0-9]{1,4}:\s+flags=|outif "
    r"|src \S+ port |dst \S+ port |rank info |TCP aux info )"
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


def _told(number: int, line: str, match: re.Match[str], names: Names) -> Event:
    """The port that *match* names: open, or not where it says why it reached nobody."""
    told = match.groupdict()
    # A name with its address behind it is that address.
    if _EVERYWHERE.match(line.strip()):  # cut out of a list: a scan reaches an address
        return not_understood(number, line, "it says neither TCP nor UDP")
    place = host(told.get("address") or told["place"])
    transport = Transport((told.get("transport") or "tcp").lower())
    port = port_number(told["port"], transport, names)
    if place is None or not port:
        return not_understood(number, line)
    why = told.get("why")
    if why is None:
        return _answered(place, port, transport)
    return not_open(number, CLOSED if _REFUSED.match(why) else FILTERED, place, port, transport)


def _first(patterns: Iterable[re.Pattern[str]], text: str) -> re.Match[str] | None:
    return next(filter(None, (pattern.match(text) for pattern in patterns)), None)


def _in_lines(lines: Lines) -> Iterator[tuple[int, str, str, bool]]:
    """Each line that isn't blank, bare too, and whether it is a value below its key.

    So YAML writes an end of a socket, whichever that is.
    """
    keyed = listed = False
    for number, line in lines:
        text = line.strip()
        if text:
            bare = _BARE.match(text) is not None
            listed = bare if listed else _KEY.match(text) is not None
            yield number, line, text, bare and (listed or (keyed and line[0] == " "))
            keyed = text.endswith(":") and not _CLOSED_BELOW.match(text)


def read_open(lines: Lines, names: Names) -> Iterator[Event]:
    """The open ports that rustscan, naabu or ``nc -zv`` told of."""
    scanner = began = connected = closed = False
    every, cut_out = _told_apart(lines)
    opened = _Opened()
    for number, line, text, is_value in _in_lines(every):
        if is_value or (cut_out and _BARE.match(text)):
            why = "it says neither TCP nor UDP" if cut_out else None
            yield not_understood(number, line, why)
            continue
        listed = _first((_OPEN, _BARE, _NAMED) if scanner else (_OPEN, _BARE), text)
        by_nc = listed or _first(_NC, text) or _first(_NC_FAILED, text)
        together = _TOGETHER.match(text)
        if by_nc is not None:
            began, connected = began or listed is not None, listed is None
            yield opened.once(number, _told(number, line, by_nc, names))
        elif together is not None:
            yield heading(number)
            began = True
            for event in _together(number, line, together, names):
                yield _as_closed(number, event) if closed else opened.once(number, event)
        elif (shut := _CLOSED.match(text)) is not None:
            yield _as_closed(number, _told(number, line, shut, names))
        elif began and _CLOSED_BELOW.match(text):
            closed = True
            yield heading(number)
        elif _NC_FOUND.match(text):  # macOS says it before it says to whom
            connected = True
            yield detail(number)
        elif _SCANNER.match(text):
            scanner = True
            yield detail(number) if began else heading(number)
        else:
            yield _around(number, line, scanner=scanner, connected=connected)


class _Opened:
    """The ports that were told of: rustscan tells of each at once, and of all in the end."""

    def __init__(self) -> None:
        self._known: set[tuple[str, int, Transport]] = set()

    def once(self, number: int, event: Event) -> Event:
        """*event*, or a detail where it is of a port that was told of before."""
        if isinstance(event, Line):
            return event
        place = event.socket.address, event.socket.port, event.socket.transport
        if place in self._known:
            return detail(number)
        if len(self._known) < _MOST_KNOWN:
            self._known.add(place)
        return event


_MOST_KNOWN = 1 << 16  # ports of which it is known that they were told of


def _told_apart(lines: Lines) -> tuple[Lines, bool]:
    """*lines*, and whether somebody cut the ends out of a list of sockets.

    No scan reaches every address, or has a header for them.
    """
    stream = iter(lines)
    ahead = list(islice(stream, _LOOKED_AHEAD))
    texts = [line.strip() for _, line in ahead]
    cut_out = any(map(_CUT_OUT.match, texts)) or any(
        _EVERYWHERE.match(text) and _BARE.match(text) for text in texts
    )
    return chain(ahead, stream), cut_out


def _as_closed(number: int, event: Event) -> Event:
    """*event* of a port that answered, as one that refused."""
    if isinstance(event, Line):
        return event
    socket = event.socket
    place = UNTOLD_ADDRESS._replace(family=socket.family, address=socket.address)
    return not_open(number, CLOSED, place, socket.port, socket.transport)


def _around(number: int, line: str, *, scanner: bool, connected: bool) -> Event:
    """A line that names no port."""
    text = line.strip()
    ncat = _NCAT_FAILED.match(text)
    if ncat is not None:
        return Line(number, CLOSED if _REFUSED.match(ncat[1]) else FILTERED)
    if text.startswith("Ncat: "):
        return heading(number)
    if _BANNER.match(text) or (connected and _NC_DETAIL.match(line)):
        return detail(number)
    return not_understood(number, line)


def _together(number: int, line: str, match: re.Match[str], names: Names) -> Iterator[Event]:
    place = host(match[1])
    for word in match[2].split(","):
        port = port_number(word, Transport.TCP, names)
        if place is None or not port:
            yield not_understood(number, line, f"{word} is not a port" if place else None)
        else:
            yield _answered(place, port, Transport.TCP)


_PROGRAMS = re.compile(
    r"\s*program\s+vers(?:ion)?\s+(?:proto\s+port|netid\s+address)\b", re.IGNORECASE
)
_PROGRAM = re.compile(
    r"\s*[0-9]{1,10}\s+[0-9]{1,6}\s+(\w{1,8})\s+([0-9]{1,6})(?:\s+(\S{1,80}))?\s*$"
)
# Without -p: a universal address, whose port is its last two numbers (RFC 5665 §5.2.3).
_UNIVERSAL = re.compile(
    r"\s*[0-9]{1,10}\s+[0-9]{1,6}\s+(\w{1,8})\s+(?:([0-9A-Fa-f:.]{2,60})\.([0-9]{1,3})\.([0-9]{1,3})"
    r"|\S{1,120})(?:\s+\S{1,80}){2}\s*$"
)
_RPC_TRANSPORTS = ("tcp", "udp", "sctp")


def read_rpcinfo(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in ``rpcinfo``: a row for each version of a program (RFC 1833)."""
    known: set[tuple[Host, str, int]] = set()
    for number, line in lines:
        if not line.strip():
            continue
        row, universal = _PROGRAM.match(line), _UNIVERSAL.match(line)
        match = row or universal
        if match is None:
            yield heading(number) if _PROGRAMS.match(line) else not_understood(number, line)
            continue
        word = match[1].lower().rstrip("6")
        place: Host | None = UNTOLD_ADDRESS
        if row is not None:
            port = port_number(row[2], Transport.TCP, names)
        elif word in _RPC_TRANSPORTS:
            place, port = _of_universal(match)
        if word not in _RPC_TRANSPORTS:
            yield Line(number, NO_PORT)  # a local transport
        elif port is None or place is None:
            yield not_understood(number, line, f"{match[2]} is not a port")
        elif (place, word, port) in known:
            yield detail(number)
        else:
            known.add((place, word, port))
            # What stands behind it is the name of the RPC program (rpc(5)), not of a process.
            yield _answered(place, port, Transport(word))


def _of_universal(match: re.Match[str]) -> tuple[Host | None, int | None]:
    """The address and the port of a universal address."""
    _, address, high, low = match.groups()
    if address is None or int(high) > 255 or int(low) > 255:
        return None, None
    return host(address), int(high) * 256 + int(low)


_SOCKETS = re.compile(r"\s*LISTEN\s+(TYPE\s+)?UNITS?\s+ACTIVATES?")
_TYPES = {"Stream": Transport.TCP, "Datagram": Transport.UDP, "SequentialPacket": Transport.SCTP}
_COUNTED = re.compile(r"[0-9]{1,6} (?:loaded units|sockets) listed\.|Pass --all to see")
_AT = re.compile(r"(\[[0-9A-Fa-f:.]{2,60}\]|[0-9.]{7,15}|\*):([0-9]{1,5})(%\S{1,32})?$")


_PORTED = re.compile(r"[\]0-9*]:[0-9]{1,5}$")


def read_systemctl(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in ``systemctl list-sockets``, also with ``--output=json``: systemd holds each for
    the unit that it names.
    """
    headed = typed = False
    stream = iter(lines)
    for number, line in stream:
        words = line.split()
        if not words:
            continue
        if not headed and begins_json(line):
            yield from _of_json(chain([(number, line)], stream), names)
            return
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


def _of_json(lines: Lines, names: Names) -> Iterator[Event]:
    for each in values(lines):
        if isinstance(each, Line):
            yield each
            continue
        told = each.value if isinstance(each.value, dict) else {}
        place, unit = scalar(told.get("listen")), scalar(told.get("unit"))
        if not place or not unit.endswith(".socket"):
            yield not_understood(each.line, each.text)._replace(many=each.lines)
            continue
        words = [place, scalar(told.get("type")), unit]
        yield _of_unit(each.line, each.text, words, names, typed="type" in told)


def _of_unit(number: int, line: str, words: list[str], names: Names, *, typed: bool) -> Event:
    at = _AT.match(words[0])
    if at is None:
        if _PORTED.search(words[0]):
            return not_understood(number, line)
        return Line(number, NO_PORT)  # a path, a netlink family, a message queue
    transport = _TYPES.get(words[1], Transport.TCP) if typed else Transport.TCP
    where = host(("[::]" if at[1] == "*" else at[1]) + (at[3] or ""))
    port = port_number(at[2], transport, names)
    unit = next(word for word in words[1:] if word.endswith(".socket"))
    if where is None or port is None:
        return not_understood(number, line, f"{at[2]} is not a port")
    owners, seen = owned(Process(0, None, unit=unit))
    listens = SocketState.LISTEN
    socket = Socket(transport, where.family, where.address, port, listens, where.interface)
    return Listener(socket, Ownership(owners, seen))


FORMATS = (
    SocketFormat("open-ports", "rustscan, naabu, nc -zv", read_open),
    SocketFormat("rpcinfo", "rpcinfo, rpcinfo -p", read_rpcinfo),
    SocketFormat("systemctl-sockets", "systemctl list-sockets", read_systemctl, by_line=False),
)
