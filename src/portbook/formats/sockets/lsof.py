"""``lsof``: its columns, as of ``lsof -i``, and its fields, as of ``lsof -i -F``.

A socket that several processes hold is listed once for each of them; whoever shows a whole capture
puts them together. On Linux the column DEVICE holds the inode of an Internet socket.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
    owned,
    port_number,
    process,
    whole,
)
from portbook.formats.lines import parted
from portbook.model import Family, Listener, Ownership, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names
    from portbook.model import Process

_FAMILIES = {"IPv4": Family.IPV4, "IPv6": Family.IPV6}
_TRANSPORTS = {
    "TCP": Transport.TCP,
    "UDP": Transport.UDP,
    "UDPLITE": Transport.UDP,
    "UDPLTE": Transport.UDP,
    "SCTP": Transport.SCTP,
    "DCCP": Transport.DCCP,
}
_ROW = re.compile(r"(.{1,400}?)\s(IPv4|IPv6)\s+(\S+)\s+(?:\S+\s+)?([A-Z]{2,8})\s+(\S.*)$")
_OTHER = re.compile(
    r"\S+\s+[0-9]{1,10}\s.{0,200}?\s(?:NOFD\s+/|(?:cwd|rtd|txt|mem(?:-[rwuRWU])?|mmap|DEL|NOFD|"
    r"ltx|fp\.|twd|pd|[0-9]{1,7}[rwu-]?[a-zA-Z]?)\s+[A-Za-z]\w{1,12}(?:\s|$))"
)
_HEADING = re.compile(r"\s*COMMAND\s+PID\b")
_WARNING = re.compile(r"\s*lsof: |\s+Output information may be incomplete")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_BOUND = {"CLOSED", "CLOSE", "BOUND", "IDLE", "UNBOUND"}
_OF_PROCESS = frozenset("pgRcuLZz")
_FIELDS = frozenset("abcCdDfFgGiIkKlLmMnNoOpPrRsStTuzZ")

_JOINED = re.compile(
    r"(?<!\S)\S{1,60}\s{1,20}[0-9]{1,10}\s{1,20}(?:\S{1,60}\s{1,20}){1,3}?\S{1,16}\s{1,12}IPv[46]\s"
)


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets in the columns of ``lsof``."""
    for number, line in _apart(lines):
        if not line.strip():
            continue
        row = _ROW.match(line)
        if row is None:
            if _HEADING.match(line) or _WARNING.match(line):
                yield heading(number)
            elif _OTHER.match(line):
                yield Line(number, NO_PORT)  # a file, a pipe, a Unix socket
            else:
                yield not_understood(number, line)
            continue
        left, family, device, node, name = row.groups()
        words = left.split()
        if len(words) < 2 or whole(words[1]) is None:
            yield not_understood(number, line)
            continue
        user = words[-2] if len(words) > 3 else None
        owner = process(words[1], _unescaped(words[0]), user)
        transport = _TRANSPORTS.get(node)
        inode = whole(device, INODE_DIGITS)
        if transport is None:
            yield Line(number, NO_PORT)
            continue
        made = _socket(number, (transport, _FAMILIES[family], name, inode), owner, names)
        yield not_understood(number, line) if made is None else made


def _apart(lines: Lines) -> Iterator[tuple[int, str]]:
    """*lines*, with rows apart that somebody has joined in one."""
    for number, line in lines:
        starts = []
        if line.count("IPv") >= 2:
            starts = [found.start() for found in _JOINED.finditer(line)]
        above = line[: starts[0]].strip() if starts else ""
        if len(starts) < 2 or (above and not above.startswith("COMMAND")):
            yield number, line
        else:
            yield from parted(number, line, starts)


def _unescaped(word: str) -> str:
    r"""A command's name: lsof writes a blank in it as ``\\x20``."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), word) if "\\x" in word else word


def _socket(
    number: int, told: tuple[Transport, Family, str, int | None], owner: Process, names: Names
) -> Event | None:
    """The socket that *told* describes: transport, family, name and inode."""
    transport, family, name, inode = told
    where, _, more = name.replace("\t", " ").partition(" ")
    state = more.strip().lstrip("(").split(" ")[0].rstrip(")").upper()
    if "->" in where or (state and state not in ("LISTEN", *_BOUND) and transport is Transport.TCP):
        return Line(number, CONNECTION)
    address, colon, port = where.rpartition(":")
    if not colon:
        return Line(number, NO_PORT) if "no PCB" in name or "can't identify" in name else None
    if port == "*":
        return Line(number, NO_PORT)
    if transport is Transport.TCP and not state:
        return not_understood(number, name, "its state is not told: leave -T out")
    every = address in ("*", "[*]")
    bound_to = everywhere(family) if every else host(address, family)
    number_of = port_number(port.partition("[")[0], transport, names)
    if bound_to is None or number_of is None:
        return None
    owners, seen = owned(owner)
    idle = transport is Transport.TCP and state in _BOUND
    return Listener(
        Socket(
            transport,
            bound_to.family,
            bound_to.address,
            number_of,
            SocketState.BOUND if idle else SocketState.LISTEN,
            interface=bound_to.interface,
            inode=inode,
            uid=owner.uid,
            user=owner.user,
        ),
        Ownership(owners, seen),
    )


def read_fields(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets in the fields of ``lsof -F``: a letter and its value a line (lsof(8))."""
    of_process: dict[str, str] = {}
    of_file: dict[str, str] = {}
    began = 0
    for number, line in lines:
        # -F0 ends each with one.
        fields = [field.strip() for field in line.split("\0") if field.strip()]
        if not fields and line.strip():
            yield not_understood(number, line)
        for field in fields:
            key, value = field[0], field[1:]
            # Each process begins with its number, so nothing can stand before the first one.
            known = whole(value) is not None if key in "pgRu" else bool(of_process)
            known = known and (key not in "Pt" or value.isalnum())
            if key not in _FIELDS or not known or not (of_process or key == "p"):
                yield not_understood(number, field)
                continue
            # Without the field f, a file begins with a field that the one before it has already.
            if key in "pf" or (key not in _OF_PROCESS and key != "T" and key in of_file):
                yield from _file(began, of_process, of_file, names)
                of_file, began = {}, number
                if key == "p":
                    of_process = {}
            if key in _OF_PROCESS:
                of_process[key] = value
            elif key == "T":
                of_file["T" + value[:2]] = value[3:]
            else:
                of_file[key] = value
            yield detail(number)
    yield from _file(began, of_process, of_file, names)


# An address and its port, where they are all of a name.
_BOUND_TO = re.compile(r"(\*|\[[0-9a-fA-F:.%\w]{2,60}\]|[0-9.]{7,15}|localhost):[\w*-]{1,40}")


def _family_of(address: str) -> Family | None:
    """The family that an *address* shows by itself; None of every one's."""
    return None if address == "*" else Family.IPV6 if address[0] == "[" else Family.IPV4


def _file(
    number: int, of_process: dict[str, str], of_file: dict[str, str], names: Names
) -> Iterator[Event]:
    if not of_file:
        return
    if of_file.keys() == {"t"}:  # a word of somebody's
        yield not_understood(number, "t" + of_file["t"])
        return
    transport = _TRANSPORTS.get(of_file.get("P", ""))
    family = _FAMILIES.get(of_file.get("t", ""))
    where = _BOUND_TO.fullmatch(of_file.get("n", ""))
    if where is not None and (transport or "P" not in of_file) and (family or "t" not in of_file):
        # Fields that weren't asked for: a state is TCP's alone, an address has its family.
        transport = transport or (Transport.TCP if "TST" in of_file else None)
        family = family or _family_of(where[1])
        if transport is None or family is None:
            why = "neither TCP nor UDP: add P to -F"
            if transport is not None:
                why = "neither IPv4 nor IPv6: add t to -F"
            yield not_understood(number, f"n{where[0]}", f"its fields say {why}")
            return
    if transport is None or family is None:
        if "P" in of_file or "t" in of_file:
            yield Line(number, NO_PORT)
        return
    user = of_process.get("L") or of_process.get("u")
    owner = process(of_process.get("p", ""), of_process.get("c"), user)
    uid = whole(of_process.get("u", ""))
    if uid is not None:
        owner = owner._replace(uid=uid)
    inode = whole(of_file.get("d", ""), INODE_DIGITS)
    state = of_file.get("TST", "")
    name = of_file.get("n", "") + (f" ({state})" if state else "")
    made = _socket(number, (transport, family, name, inode), owner, names)
    yield not_understood(number, f"n{of_file.get('n', '')}") if made is None else made


FORMATS = (
    SocketFormat("lsof", "lsof -i", read, per_process=True),
    SocketFormat("lsof-fields", "lsof -i -F", read_fields, per_process=True),
)
