"""Sockets and open ports as records: CSV with a header, or JSON, of whichever tool.

Sheets made of nmap's output, naabu's CSV, CurrPorts, Ansible's ``listen_ports_facts``, what ``jc``
makes of ss: each record has an address, a port and a protocol, under names that are much alike. It
counts only where it says that something is there: by a state, by a process, or by what a scan
learnt of the service. A list of ports that somebody keeps says none of that.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    NO_PORT,
    UNTOLD_ADDRESS,
    Line,
    detail,
    heading,
    not_understood,
)
from portbook.formats.json_stream import begins_json, scalar, values
from portbook.formats.sockets.bare_records import WithoutHeader
from portbook.formats.sockets.listed_records import Listed, is_frame
from portbook.formats.sockets.record_cells import (
    OF_ZMAP,
    has_own_address,
    machine_in,
    of_pairs,
    of_zmap,
    rows_in,
    with_state,
)
from portbook.formats.sockets.record_events import OWNER, cell_of, event_of
from portbook.formats.sockets.record_names import (
    ADDRESS,
    HEADED,
    HELD_BY,
    LEARNT,
    LONG,
    NAMES,
    OF_PLUGINS,
    OF_TOOLS,
    OWNERS,
    PID,
    PORT,
    PROGRAM,
    PROTOCOL,
    STATE,
    VERSION,
    WITH_PORT,
    bare,
)
from portbook.formats.sockets.unheaded import USER_OF_SS, records_of
from portbook.formats.surroundings import is_around
from portbook.model import (
    Listener,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portbook.formats.fields import Event, Lines, Names
    from portbook.formats.sockets.bare_records import Told

    Record = Mapping[str, str]

# What the ends of a socket are called where each is an object.
_ENDS = {
    "local": "local", "laddr": "local", "remote": "remote", "raddr": "remote", "peer": "remote",
}  # fmt: skip
_SEPARATORS = ",;\t|"
_WIDE, _NARROW = "  ", " "
# Names of columns that are two words.
_TWO_WORDS = re.compile(r"\b(local|process|program|listen) (address|port|name|id)", re.IGNORECASE)
_GAP = re.compile(r"(?<!\s)\s{2,}")
_RULE = re.compile(r"[-+|:=─━│┼├┤┌┐└┘┬┴╭╮╯╰ \t]{3,400}$")  # between a table's rows
_FEWEST = 3  # columns
# A number, a file with one, or a host, as it stands before each line of some pastes, and what is
# between it and the first cell.
_BEFORE = (
    r"([0-9]{1,7})([ \t:.)|]{1,4})",
    r"([\w./~-]{1,80}:[0-9]{1,7})([:-])",
    r"(?P<host>[A-Za-z0-9][\w.-]{0,63})([ \t]{0,4}[:|][ \t]{0,4})",
    r"(?P<host>(?=[A-Za-z]{0,62}[0-9.-])[A-Za-z0-9][\w.-]{0,63})([ \t]{1,4})",
)
_DEEPEST = 6  # levels of a document at which records may stand


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets in records, whoever wrote them."""
    yield from _Rows().events(lines)


class _Rows:
    """The rows of a paste: below a header, or saying by themselves what they are."""

    def __init__(self) -> None:
        self._header: list[str] = []
        self._separator, self._worn = ",", _NOTHING
        self._bare, self._listed = WithoutHeader(), Listed()
        self._ahead: deque[tuple[int, str]] = deque()
        self._rest: Iterator[tuple[int, str]] = iter(())
        self._own = False

    def events(self, lines: Lines) -> Iterator[Event]:
        self._rest = iter(lines)
        stream = self._stream()
        for number, line in self._in_rows(stream):
            if not self._header and (begins_json(line) or line.rstrip().endswith(("=> {", "=> ["))):
                yield from map(_of_record, [*self._listed.end(), *self._bare.end()])
                yield from _json(chain([(number, line)], stream))
                return
            if not line.strip() or _RULE.match(line.strip()):
                yield from map(_of_record, self._listed.end())
                if line.strip():
                    yield detail(number)
                continue
            yield from self._line(number, line)
        yield from map(_of_record, [*self._listed.end(), *self._bare.end()])

    def _stream(self) -> Iterator[tuple[int, str]]:
        """The lines, those first that were looked at ahead."""
        while True:
            while self._ahead:
                yield self._ahead.popleft()
            line = next(self._rest, None)
            if line is None:
                return
            yield line

    def _is_own(self) -> bool:
        """Whether the rows below are of a machine's own sockets, by their addresses."""
        self._ahead.extend(islice(self._rest, _LOOKED_AHEAD - len(self._ahead)))
        return any(has_own_address(line) for _, line in self._ahead)

    def _line(self, number: int, line: str) -> Iterator[Event]:
        """A line with something in it."""
        text = line.strip()
        told = self._bare.take(number, text)
        if told:
            yield from map(_of_record, [*self._listed.end(), *told])
            return
        if not self._header:
            taken, ended = self._listed.take(number, line)
            yield from map(_of_record, ended)
            if taken:
                return
            pairs = of_pairs(text)
            if pairs:
                yield _of_row(number, text, pairs, own=False)
                return
            alone = records_of(text)
            yield from (_of_record((number, text, record)) for record in alone)
            if alone:
                return
        yield from self._row(number, line)

    def _row(self, number: int, line: str) -> Iterator[Event]:
        """A header, or a row below it."""
        text = line.strip()
        # Whatever the column of ports is called has that in its name, and few rows have.
        lower = text.lower()
        headed = any(word in lower for word in HEADED) and not is_around(text)
        found = _header(text) if headed else None
        if found is not None:
            self._separator, self._header = found
            self._worn = _worn(_cells(text, self._separator)[0], self._header)
            self._own = _SAYING_SO.isdisjoint(self._header) and self._is_own()
            yield heading(number)
            return
        header, separator = self._header, self._separator
        cells = _cells(text, separator) if header else []
        # Of a column that is empty only a separator tells.
        most = len(header)
        least = most if separator in (_WIDE, _NARROW) else min(most, _FEWEST)
        if not header or not least <= len(cells) <= most:
            yield heading(number) if is_frame(line) else not_understood(number, line)
            return
        before = _take_off(self._worn, cells)
        # Of two columns with one name the first is the socket's own end.
        record = dict(reversed([*zip(header, cells, strict=False)]))
        for row in rows_in(with_state(record)):
            event, machine = _of_row(number, text, row, own=self._own), machine_in(row)
            own = machine is not None and isinstance(event, Listener) and not event.socket.scanned
            yield _on(before, _of_host(machine, event) if machine and own else event)

    def _in_rows(self, lines: Lines) -> Iterator[tuple[int, str]]:
        """*lines*, those of a cell with several of them as one: a scan for weaknesses has such."""
        held: list[tuple[int, str]] = []
        for number, line in lines:
            odd = line.count('"') % 2 == 1
            if held:
                held.append((number, line))
                if odd:
                    yield held[0][0], " ".join([text for _, text in held])
                    held = []
                elif len(held) > _MOST_HELD:
                    yield from held
                    held = []
            elif odd and self._separator in ",;" and not LONG.isdisjoint(self._header):
                held = [(number, line)]
            else:
                yield number, line
        yield from held


_MOST_HELD = 2000  # lines of a cell
_LOOKED_AHEAD = 100  # rows by which a table that doesn't say what is there is told
# The columns that do.
_SAYING_SO = frozenset({*STATE, *PID, *PROGRAM[:6], *LEARNT, *OF_PLUGINS})


def _of_row(number: int, text: str, record: dict[str, str], *, own: bool) -> Event:
    """What a row below a header is, by the names of its columns."""
    if record.keys() >= OF_ZMAP:
        record = of_zmap(record)
    if not OF_PLUGINS.isdisjoint(record) and cell_of(record, PORT) in ("", "0"):
        return Line(number, NO_PORT)  # something that was found of the whole host
    _held(record)
    if record.keys().isdisjoint(PORT):
        _part(record)
    if record.keys().isdisjoint(ADDRESS):
        record["address"] = UNTOLD_ADDRESS.address
    if cell_of(record, PORT) == cell_of(record, PROTOCOL) == "0":
        return Line(number, NO_PORT)  # osquery's Unix sockets
    return event_of(number, text, record, own=own)


def _part(record: dict[str, str]) -> None:
    """Takes the port of an address, and the number of a process, out of the cell with both."""
    address, mark, port = cell_of(record, WITH_PORT).rpartition(":")
    if mark and port.isdigit():
        record.update(localaddress=address, localport=port)
    pid, mark, program = cell_of(record, OWNERS).partition("/")
    if mark and pid.isdigit():
        record.update(pid=pid, program=program)


def _held(record: dict[str, str]) -> None:
    """Takes the first process out of what ss prints of all of them."""
    users = record.get("process", "")
    if users.startswith("users:((") and (first := USER_OF_SS.search(users)) is not None:
        record.update(process=first[1], pid=first[2])


def _of_record(told: Told) -> Event:
    if isinstance(told, Line):
        return told
    event, host = event_of(*told), told[2].get("machine")
    return event if host is None else _of_host(host, event)


def _header(line: str) -> tuple[str, list[str]] | None:
    """What separates the columns of a header, and their names; None where it is none."""
    separator = max(_SEPARATORS, key=line.count)
    if line.count(separator) < (1 if separator == "\t" else _FEWEST - 1):
        # Columns with two blanks between them; or with one, where each word names one.
        separator = _WIDE if _GAP.search(line) else _NARROW
    header = [bare(cell) for cell in _cells(line, separator)]
    known = {*header}
    told = [known.intersection(of) for of in (PORT, ADDRESS, (*PROTOCOL, *STATE))]
    of_scan = {"port", "state", "service"} <= known  # nmap's table names no address
    # Nor does one of ports and who has them.
    held = bool(told[0] and known & HELD_BY) and VERSION not in known
    ends = not (known.isdisjoint(WITH_PORT) or known.isdisjoint((*PROTOCOL, *STATE)))
    ends = ends and known.isdisjoint(OF_TOOLS)
    if separator == _NARROW and not known <= NAMES | LEARNT | {*WITH_PORT, *OWNERS}:
        return None
    known_as = all(told) or held or (of_scan and separator in ",;\t") or known >= OF_ZMAP or ends
    return (separator, header) if known_as else None


def _worn(first: str, header: list[str]) -> re.Pattern[str]:
    """What stands before the *first* name of *header*, which it is taken off, and before each row.

    As one word with that it would be no name, and the cells below it lost.
    """
    for pattern in _BEFORE if header[0] not in NAMES else ():
        before = re.match(pattern, first)
        name = "" if before is None else bare(first[before.end() :])
        if before is not None and name in NAMES:
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
    return event if told is None else _of_host(told, event)


def _of_host(host: str, event: Event) -> Event:
    if not isinstance(event, Listener):
        return event
    return event._replace(socket=event.socket._replace(host=host))


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


def _cells(line: str, separator: str) -> list[str]:
    if separator == _WIDE:
        return _GAP.split(line.strip())
    if separator == _NARROW:
        return _TWO_WORDS.sub(r"\1\2", line).split()
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
            own = OWNER in record and has_own_address(cell_of(record, ADDRESS))
            yield event_of(each.line, each.text, record, own=own)


def _records(value: Any, depth: int = 0) -> Iterator[Record]:
    """The records in *value*: itself, or those that it holds."""
    if isinstance(value, dict):
        if scalar(value.get("schema")).startswith("portbook/"):
            return  # portbook's own, which says more
        record = dict(_named(value))
        if record.keys() >= {"command", "node", "name"}:
            record = dict(_of_lsof(record))
        if all(cell_of(record, names) for names in (PORT, PROTOCOL)):
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
        end = _ENDS.get(bare(name))
        if end is not None and isinstance(cell, dict):
            yield from ((end + bare(of), scalar(told)) for of, told in cell.items())
        else:
            yield bare(name), scalar(cell)


FORMATS = (
    SocketFormat(
        "records",
        "CSV or JSON with an address, a port and a protocol",
        read,
        by_line=False,
        per_process=True,
    ),
)
