"""Sockets and open ports as records: CSV with a header, or JSON, of whichever tool.

Sheets made of nmap's output, naabu's CSV, CurrPorts, Ansible's ``listen_ports_facts``, what ``jc``
makes of ss: each record has an address, a port and a protocol, under names that are much alike. It
counts only where it says that something is there: by a state, by a process, or by what a scan
learnt of the service. A list of ports that somebody keeps says none of that.
"""

from __future__ import annotations

import csv
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    CONNECTION,
    NO_PORT,
    UNTOLD_ADDRESS,
    Host,
    Line,
    detail,
    everywhere,
    heading,
    host,
    not_understood,
    owned,
    process,
)
from portbook.formats.json_stream import begins_json, scalar, values, whole_number
from portbook.formats.sockets.bare_records import WithoutHeader
from portbook.formats.sockets.nmap import answered
from portbook.formats.surroundings import is_around
from portbook.model import (
    LAST_PORT,
    Family,
    Listener,
    Ownership,
    Process,
    Socket,
    SocketState,
    Transport,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portbook.formats.fields import Event, Lines, Names

    Record = Mapping[str, str]

# The names of each column, without signs and in lower case; the first that is there counts.
_PORT = ("localportnum", "localport", "lport", "port", "portid", "portnumber")
_ADDRESS = (
    "localaddress", "localaddr", "localip", "ipstr", "ip", "ipaddress", "ipaddr", "address", "addr",
    "host",
)  # fmt: skip
_PROTOCOL = ("transportprotocol", "protocol", "proto", "transport", "netid")
_STATE = ("state", "status", "portstate")
_PEER_PORT = ("peerportnum", "remoteport", "foreignportnum", "foreignport", "peerport", "rport")
_PID = ("pid", "processid", "owningprocess")
_PROGRAM = ("processname", "programname", "program", "process", "owner", "name")
_USER = ("user",)
_HELD_BY = {"process", "processname", *_PID}  # rpcinfo has a program for each number
# What a scan learnt of a service that answered.
_LEARNT = {"service", "version", "product", "banner", "tls", "cpe", "shodan"}
# What the ends of a socket are called where each is an object.
_ENDS = {
    "local": "local", "laddr": "local", "remote": "remote", "raddr": "remote", "peer": "remote",
}  # fmt: skip
_SIGN = re.compile(r"[^a-z0-9]+")
_WORD = re.compile(r"(tcp|udp|sctp|dccp)(v?4|v?6|46|l)?$")
_NUMBERS = {"6": "tcp", "17": "udp", "33": "dccp", "132": "sctp"}
_JOINED = re.compile(r"([0-9]{1,5})/([a-z]{3,4})$")
_SCANNED = {"open", "closed", "filtered", "unfiltered", "open|filtered", "closed|filtered"}
_NO_PEER = ("", "0", "*", "-")
_SEPARATORS = ",;\t|"
_WIDE = "  "
_GAP = re.compile(r"(?<!\s)\s{2,}")
_RULE = re.compile(r"[-+|:=─━│┼├┤┌┐└┘┬┴ \t]{3,400}$")  # between a table's rows
_FEWEST = 3  # columns
# A number, a file with one, or a host, as it stands before each line of some pastes, and what is
# between it and the first cell.
_BEFORE = (
    r"([0-9]{1,7})([ \t:.)|]{1,4})",
    r"([\w./~-]{1,80}:[0-9]{1,7})([:-])",
    r"(?P<host>[A-Za-z0-9][\w.-]{0,63})([ \t]{0,4}[:|][ \t]{0,4})",
    r"(?P<host>(?=[A-Za-z]{0,62}[0-9.-])[A-Za-z0-9][\w.-]{0,63})([ \t]{1,4})",
)
_NAMES = frozenset({*_PORT, *_ADDRESS, *_PROTOCOL, *_STATE, *_PEER_PORT, *_PID, *_PROGRAM, *_USER})
_OF_MACHINES = frozenset({*_PID, "localport", "localportnum"})  # a scan has none of these
_OF_PROCESSES = frozenset({*_PID, *_PROGRAM[:4]})
_DEEPEST = 6  # levels of a document at which records may stand


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets in records, whoever wrote them."""
    stream = iter(lines)
    header: list[str] = []
    separator, worn = ",", _NOTHING
    bare = WithoutHeader()
    for number, line in stream:
        text = line.strip()
        if not text:
            continue
        if not header and (begins_json(text) or text.endswith(("=> {", "=> ["))):
            yield from _json(chain([(number, line)], stream))
            return
        if _RULE.match(text):
            yield detail(number)
            continue
        told = bare.take(number, text)
        if told:
            yield from map(_of_record, told)
            continue
        # Whatever the column of ports is called has that in its name, and few rows have.
        headed = "port" in text.lower() and not is_around(text)
        found = _header(text) if headed else None
        if found is not None:
            separator, header = found
            worn = _worn(_cells(text, separator)[0], header)
            yield heading(number)
            continue
        cells = _cells(text, separator) if header else []
        # Of a column that is empty only a separator tells.
        most = len(header)
        least = most if separator == _WIDE else min(most, _FEWEST)
        if not least <= len(cells) <= most:
            yield not_understood(number, line)
            continue
        before = _take_off(worn, cells)
        record = dict(zip(header, cells, strict=False))
        yield _on(before, _of_row(number, text, record))
    yield from map(_of_record, bare.end())


def _of_row(number: int, text: str, record: dict[str, str]) -> Event:
    """What a row below a header is, by the names of its columns."""
    if record.keys() >= _OF_ZMAP:
        record = _of_zmap(record)
    if record.keys().isdisjoint(_ADDRESS):
        record["address"] = UNTOLD_ADDRESS.address
    if _of(record, _PORT) == _of(record, _PROTOCOL) == "0":
        return Line(number, NO_PORT)  # osquery's Unix sockets
    return _event(number, text, record)


def _of_record(told: Line | tuple[int, str, dict[str, str]]) -> Event:
    return told if isinstance(told, Line) else _event(*told)


def _header(line: str) -> tuple[str, list[str]] | None:
    """What separates the columns of a header, and their names; None where it is none."""
    separator = max(_SEPARATORS, key=line.count)
    if line.count(separator) < (1 if separator == "\t" else _FEWEST - 1):
        separator = _WIDE  # columns with two blanks between them
    header = [_bare(cell) for cell in _cells(line, separator)]
    known = {*header}
    told = [known.intersection(of) for of in (_PORT, _ADDRESS, (*_PROTOCOL, *_STATE))]
    of_scan = {"port", "state", "service"} <= known  # nmap's table names no address
    held = bool(told[0] and known & _HELD_BY)  # nor does one of ports and who has them
    known_as = all(told) or held or (of_scan and separator in ",;\t") or known >= _OF_ZMAP
    return (separator, header) if known_as else None


def _worn(first: str, header: list[str]) -> re.Pattern[str]:
    """What stands before the *first* name of *header*, which it is taken off, and before each row.

    As one word with that it would be no name, and the cells below it lost.
    """
    for pattern in _BEFORE if header[0] not in _NAMES else ():
        before = re.match(pattern, first)
        name = "" if before is None else _bare(first[before.end() :])
        if before is not None and name in _NAMES:
            header[0] = name
            kind = pattern[: pattern.index(")(") + 1]
            return re.compile(kind + re.escape(before[2]))
    return _NOTHING


_NOTHING = re.compile(r"(?!)")


def _take_off(worn: re.Pattern[str], cells: list[str]) -> re.Match[str] | None:
    before = worn.match(cells[0]) if cells else None
    if before is not None:
        cells[0] = cells[0][before.end() :]
    return before


def _on(before: re.Match[str] | None, event: Event) -> Event:
    """*event* with the host that stood *before* its row."""
    told = before.groupdict().get("host") if before is not None else None
    if told is None or not isinstance(event, Listener):
        return event
    return event._replace(socket=event.socket._replace(host=told))


# zmap's CSV has the address and the port that answered as its source, and how.
_OF_ZMAP = {"saddr", "sport", "classification"}
_HEARD = {"synack": ("tcp", "open"), "rst": ("tcp", "closed"), "udp": ("udp", "open")}


def _of_zmap(row: Record) -> dict[str, str]:
    protocol, state = _HEARD.get(row["classification"], ("", ""))
    return {
        "address": row["saddr"], "port": row["sport"], "protocol": protocol, "state": state,
    }  # fmt: skip


# What jc makes of a row of lsof holds its last column as it was.
_LSOF_NAME = re.compile(
    r"(\*|\[[^\[\]]{2,60}\]|[\w.-]{1,64}):([0-9]{1,5})(->\S{1,99})?(?: \((\w{1,20})\))?$"
)


def _of_lsof(value: Record) -> Record:
    """A row of lsof as records have it; empty where it is no socket with a port."""
    found = _LSOF_NAME.match(value.get("name", ""))
    if found is None or value.get("type") not in ("IPv4", "IPv6"):
        return {}
    address, port, peer, state = found.groups("")
    return {
        "localaddress": address, "localport": port, "remoteport": "1" if peer else "",
        "protocol": value.get("node", "").lower() + value["type"][-1], "pid": value.get("pid", ""),
        "state": state, "program": value.get("command", ""), "user": value.get("user", ""),
    }  # fmt: skip


def _bare(name: str) -> str:
    return _SIGN.sub("", name.lower())


def _cells(line: str, separator: str) -> list[str]:
    if separator == _WIDE:
        return _GAP.split(line.strip())
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def _json(lines: Lines) -> Iterator[Event]:
    for each in values(lines):
        if isinstance(each, Line):
            yield each
            continue
        records = list(_records(each.value))
        if not records:
            yield not_understood(each.line, each.text)._replace(many=each.lines)
            continue
        for record in records:
            yield _event(each.line, each.text, record)


def _records(value: Any, depth: int = 0) -> Iterator[Record]:
    """The records in *value*: itself, or those that it holds."""
    if isinstance(value, dict):
        if scalar(value.get("schema")).startswith("portbook/"):
            return  # portbook's own, which says more
        record = dict(_named(value))
        if record.keys() >= {"command", "node", "name"}:
            record = dict(_of_lsof(record))
        if all(_of(record, names) for names in (_PORT, _PROTOCOL)):
            yield record  # also one without an address, which is told of then
            return
        if "hostIdentifier" in value or ("columns" in value and "action" in value):
            return  # of osquery's log, which tells of what went as well
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if depth < _DEEPEST:
        for each in inner:
            if isinstance(each, (dict, list)):
                yield from _records(each, depth + 1)


def _named(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The cells of an object, and those of the ends that it holds."""
    for name, cell in value.items():
        end = _ENDS.get(_bare(name))
        if end is not None and isinstance(cell, dict):
            yield from ((end + _bare(of), scalar(told)) for of, told in cell.items())
        else:
            yield _bare(name), scalar(cell)


def _of(record: Record, names: tuple[str, ...]) -> str:
    """What *record* holds below the first of *names* that it has and that holds anything."""
    for name in names:
        cell = record.get(name)
        if cell:
            return cell
    return ""


def _event(number: int, text: str, record: Record) -> Event:
    port, word = _of(record, _PORT), _of(record, _PROTOCOL).lower()
    joined = _JOINED.match(port)
    if joined is not None:
        port, word = joined.groups()
    kind = _WORD.match(_NUMBERS.get(word, word))
    if kind is None:
        return not_understood(number, text, "it says neither TCP nor UDP")
    family = {"6": Family.IPV6, "4": Family.IPV4}.get((kind[2] or "")[-1:])
    address = _of(record, _ADDRESS)
    where = everywhere(family) if address == "*" else host(address, family)
    if address == UNTOLD_ADDRESS.address or not (
        joined is None or not record.keys().isdisjoint(_ADDRESS)
    ):
        where = UNTOLD_ADDRESS
    if where is None:
        return not_understood(number, text, "its address can't be read")
    state = _of(record, _STATE).lower()
    owner = _owner(record)
    if state in _SCANNED:
        return answered(number, text, where, (port, kind[1], state))
    if not state and owner is None and record.keys() & _LEARNT:
        return answered(number, text, where, (port, kind[1], "open"))
    return _socket(number, text, record, (Transport(kind[1]), where, port), owner)


def _socket(
    number: int,
    text: str,
    record: Record,
    bound: tuple[Transport, Host, str],
    owner: Process | None,
) -> Event:
    """A socket of a machine's own: by its state, or where it has a process and no peer."""
    transport, where, told = bound
    port = whole_number(told, LAST_PORT)
    state = _of(record, _STATE).lower()
    if port is None:
        return not_understood(number, text, "its port is none")
    if port == 0:
        return Line(number, NO_PORT)
    unconnected = _of(record, _PEER_PORT) in _NO_PEER
    listens = state.startswith("listen") or (unconnected and transport is Transport.UDP)
    idle = state in ("unconn", "bound", "closed")
    if state and not (listens or idle):
        return Line(number, CONNECTION)
    if not state and not unconnected:
        return Line(number, CONNECTION)
    if not state and owner is None and record.keys().isdisjoint(_OF_MACHINES):
        return not_understood(number, text, "it doesn't say whether anything is there")
    owners, seen = owned(*([] if owner is None else [owner]))
    return Listener(
        Socket(
            transport,
            where.family,
            where.address,
            port,
            SocketState.BOUND if idle and not listens else SocketState.LISTEN,
            interface=where.interface,
            scanned=where.family is None,  # a list of ports says nothing of addresses
        ),
        Ownership(owners, seen),
    )


def _owner(record: Record) -> Process | None:
    pid = _of(record, _PID)
    known = whole_number(pid, 2**32) or 0
    name = _of(record, _PROGRAM) if not record.keys().isdisjoint(_OF_PROCESSES) else ""
    made = process(str(known), name if name not in ("-", "N/A") else None, _of(record, _USER))
    return made if made.pid or made.program else None


FORMATS = (
    SocketFormat(
        "records",
        "CSV or JSON with an address, a port and a protocol",
        read,
        by_line=False,
        per_process=True,
    ),
)
