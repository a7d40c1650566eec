"""What readers find in a capture, and the small parts that several of them read alike.

A reader turns numbered lines into :class:`~portbook.model.Listener` values and :class:`Line`
values: what it makes of a line that holds no listener. Every line that isn't blank becomes one or
the other, so that nothing is dropped silently. No reader does any I/O.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from portbook._fast_types import NamedTuple
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
from portbook.model.scanned import ScannedPort, ScanState
from portbook.model.sockets import UNKNOWN_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# What a line can be that holds no listener.
HEADING = "heading"  # a title, a header, a comment
DETAIL = "detail"  # more about the socket before it
NOT_UNDERSTOOD = "not-understood"
# What a socket or a port can be that isn't listening. These are counted and told.
CONNECTION = "connection"  # one end of a connection, which a client may hold as well
NO_PORT = "no-port"  # a Unix, raw or netlink socket, or one that isn't bound yet
CLOSED = "closed"
FILTERED = "filtered"
UNCERTAIN = "open|filtered"  # a scan got no answer: that may be either
UNPUBLISHED = "unpublished"  # a container's port that its host doesn't have
REDIRECT = "redirect"  # a NAT rule: no socket
GONE = "gone"  # a log's line on a socket that closed
REMOVED = "removed"  # a line that a diff takes away
LEFT_OUT = (
    CONNECTION, CLOSED, FILTERED, UNCERTAIN, NO_PORT, UNPUBLISHED, REDIRECT, GONE, REMOVED,
)  # fmt: skip


# The states of ports that a scan didn't find open.
NOT_OPEN = {
    FILTERED: ScanState.FILTERED,
    UNCERTAIN: ScanState.OPEN_FILTERED,
    CLOSED: ScanState.CLOSED,
}


class Line(NamedTuple):
    """A line that holds no listener: ``what`` it is, and how ``many`` ports or sockets that is.

    ``why`` says what could not be understood, where more is known than that. ``port`` is the one
    that the line is of, where a scan lists one that isn't open.
    """

    number: int
    what: str
    text: str = ""
    many: int = 1
    why: str | None = None
    port: ScannedPort | None = None


def not_open(number: int, what: str, place: Host, port: int, transport: Transport) -> Line:
    """A port of a scan that isn't open: *what* is a key of :data:`NOT_OPEN`."""
    scanned = ScannedPort(place.address, port, transport, NOT_OPEN[what])
    return Line(number, what, port=scanned)


class PlainRows(NamedTuple):
    """Many sockets by columns: the same place of each column is of the same socket.

    Each listens, or is bound for UDP, on a numbered port, is held by one process or by none that
    was told, and has neither an interface nor findings. ``kinds`` tell apart whatever no other
    column has, ``addresses`` addresses and their families, which ``address`` tells of one of them,
    and ``owners`` owners but for their number in ``pids``, which is 0 where that isn't told.
    ``listener`` makes the socket at a place, ``listeners`` all of them.
    """

    kinds: Sequence[object]
    addresses: Sequence[object]
    ports: Sequence[int]
    owners: Sequence[object]
    pids: Sequence[int]
    address: Callable[[Any], tuple[str, Family | None]]
    listener: Callable[[int], Listener]
    listeners: Callable[[], Iterable[Listener]]


class NumberedLines:
    """Lines with their numbers; ``blocks`` has them as they came: the number of the first line of
    each block, and all of its lines with line feeds between.
    """

    def __init__(self, blocks: Iterable[tuple[int, str]]) -> None:
        self.blocks = blocks

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for number, text in self.blocks:
            yield from enumerate(text.split("\n"), number)


if TYPE_CHECKING:
    Lines = Iterable[tuple[int, str]]
    # Which port a service name stands for, where a tool printed names; None where none does.
    Names = Callable[[str, Transport], int | None]
    Event = Listener | Line
    Reader = Callable[[Lines, Names], Iterator[Event]]
    RowReader = Callable[[NumberedLines, Names], Iterator[Event | PlainRows]]


def heading(number: int) -> Line:
    """A title, a header or a comment."""
    return Line(number, HEADING, "", 0)


def detail(number: int) -> Line:
    """More about the socket before it, of which nothing is taken."""
    return Line(number, DETAIL, "", 0)


# A range of a few characters stands for up to 65,536 ports. So many more than there are ranges are
# read of one capture: enough for a host that publishes every port, not for one that lists itself.
MOST_IN_RANGES = 1 << 16
INODE_DIGITS = 19  # the most that an inode's number has
LONGEST_TEXT = 200  # characters of a line that are kept to be shown
_LOOKED_AT = 4096  # characters of a line that are looked at for them


def not_understood(number: int, text: str, why: str | None = None) -> Line:
    """A line, cut to what can be shown."""
    # One line may be told of many times: for each of the ports in it that can't be read.
    longer = len(text) > _LOOKED_AT
    text = text[:_LOOKED_AT].removeprefix(OVERLONG).strip()
    if longer or len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    return Line(number, NOT_UNDERSTOOD, text, 1, why)


# What an overlong line begins with: nothing that a tool prints, so no reader takes its beginning
# for the whole.
OVERLONG = "\0"


class Host(NamedTuple):
    """An address as it was printed: its family, the address alone, and an interface.

    The family is None where no address was printed.
    """

    family: Family | None
    address: str
    interface: str | None


_ADDRESS = re.compile(r"[0-9A-Za-z_.:-]{1,255}", re.ASCII)
_INTERFACE = re.compile(r"[0-9A-Za-z_.:@+-]{1,32}", re.ASCII)
_LONGEST_HOST = 300  # characters: the longest address with brackets and the longest interface
_FOUR = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_MISREAD = re.compile(r"(?=.*[0-9])[0-9OoIlSB]{1,3}(?:\.[0-9OoIlSB]{1,3}){3}")
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
# RFC 6761 §6.3, and what Debian's /etc/hosts calls the other family's.
_LOCALHOST = {
    "localhost": Host(Family.IPV4, "127.0.0.1", None),
    "localhost6": Host(Family.IPV6, "::1", None),
    "ip6-localhost": Host(Family.IPV6, "::1", None),
    "ip6-loopback": Host(Family.IPV6, "::1", None),
}


def host(text: str, family: Family | None = None) -> Host | None:
    """An address with or without brackets and an interface, as ``[fe80::1]%eth0``; else None.

    A name instead of an address is kept as it is: *family* is then what it is taken for.

    >>> host("[fe80::1%eth0]"), host("127.0.0.53%lo").address, host("<b>")
    (Host(family=<Family.IPV6: 'ipv6'>, address='fe80::1', interface='eth0'), '127.0.0.53', None)
    """
    # What is kept is kept for as long as the process runs: nothing that is long.
    return _host(text, family) if len(text) <= _LONGEST_HOST else None


@lru_cache(maxsize=65536)
def _host(text: str, family: Family | None) -> Host | None:
    bare = text.replace("[", "").replace("]", "") if text.startswith("[") else text
    address, percent, interface = bare.partition("%")
    if not _ADDRESS.fullmatch(address):
        return None
    if percent and not _INTERFACE.fullmatch(interface):
        return None
    if ".." in address:  # a column cut it off: nobody can say what stood there
        return None
    if _MISREAD.fullmatch(address) and not _FOUR.fullmatch(address):
        return None  # a picture's text, of which letters look like digits
    lower = address.lower()
    if lower in _LOCALHOST:
        return _LOCALHOST["localhost6"] if family == Family.IPV6 else _LOCALHOST[lower]
    if ":0" in lower and lower.count(":") == 7:
        lower = _shortened(lower)
    known = Family.IPV6 if ":" in address else Family.IPV4 if address[-1].isdigit() else None
    return Host(known or family or Family.IPV4, lower, interface or None)


def _shortened(address: str) -> str:
    """An IPv6 address of eight groups as others write it (RFC 5952); itself where it is none."""
    from ipaddress import AddressValueError, IPv6Address

    try:
        return str(IPv6Address(address))
    except AddressValueError:
        return address


# What a scan or a list says nothing of: the address at which it saw a port.
UNTOLD_ADDRESS = Host(None, UNKNOWN_ADDRESS, None)


def everywhere(family: Family | None) -> Host:
    """The address for every one of *family*; for both where that isn't known."""
    return _EVERY_IPV4 if family == Family.IPV4 else _EVERY_IPV6


_EVERY_IPV4, _EVERY_IPV6 = Host(Family.IPV4, "0.0.0.0", None), Host(Family.IPV6, "::", None)


def port_number(text: str, transport: Transport, names: Names) -> int | None:
    """The port that *text* is or names; None where it is none.

    >>> port_number("22", Transport.TCP, no_names), port_number("65536", Transport.TCP, no_names)
    (22, None)
    """
    if _NUMBER.fullmatch(text):
        number = int(text)
        return number if number <= LAST_PORT else None
    if not text or text.isdigit():
        return None
    return names(text, transport)


def no_names(name: str, transport: Transport) -> int | None:
    """Knows no service."""
    return None


# What a socket that is told of without its owners says of them: see portbook.model.
UNTOLD = OwnersSeen.UNASKED


def owned(*owners: Process) -> tuple[tuple[Process, ...], OwnersSeen]:
    """Owners as a tool printed them: there may be more that it didn't see."""
    return owners, OwnersSeen.FIRST if owners else UNTOLD


def listener_at(
    where: Host, port: int, transport: Transport, told: tuple[Process, ...], **more: Any
) -> Listener:
    """What listens on *port* at *where*, held by *told*; *more* are other fields of the socket."""
    owners, seen = owned(*told)
    fields = {"state": SocketState.LISTEN, "interface": where.interface, **more}
    socket = Socket(transport, where.family, where.address, port, **fields)
    return Listener(socket, Ownership(owners, seen))


def whole(text: str, digits: int = 10) -> int | None:
    """The number that *text* is, as tools print one: so many digits at most; else None.

    >>> whole("812"), whole("²"), whole(""), whole("1234", 3)
    (812, None, None, None)
    """
    # str.isdigit takes other scripts' digits and superscripts, which int partly refuses.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


_NUMBERED = re.compile(r"([^()\t]{1,64}?)[ \t]{0,4}\((?:pid[ :=]{0,3})?([0-9]{1,10})\)")


def numbered_name(text: str) -> tuple[str, str] | None:
    """A program and its number, as people write both in one column; else None.

    >>> numbered_name("lsass (812)"), numbered_name("lsass"), numbered_name("812")
    (('lsass', '812'), None, None)
    """
    found = _NUMBERED.fullmatch(text)
    return None if found is None else (found[1], found[2])


def process(pid: str, program: str | None, user: str | None = None) -> Process:
    """A process by what a tool printed of it; its number is 0 where that isn't told."""
    uid = whole(user) if user else None
    user = user if user and uid is None else None
    return Process(whole(pid) or 0, program or None, uid=uid, user=user)
