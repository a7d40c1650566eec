"""``Get-NetTCPConnection`` and ``Get-NetUDPEndpoint``: as table, list, CSV or JSON.

The names of the columns are properties of the classes MSFT_NetTCPConnection and
MSFT_NetUDPEndpoint, and so the same in every language. In JSON and CSV a state may be the number
that the class gives it.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    CONNECTION,
    NO_PORT,
    NOT_UNDERSTOOD,
    Line,
    detail,
    heading,
    host,
    not_understood,
    numbered_name,
    owned,
    process,
)
from portbook.formats.json_stream import Value, begins_json, values, whole_number, words
from portbook.formats.sockets.nmap import answered
from portbook.formats.sockets.powershell_columns import (
    NEEDED,
    by_place,
    columns_of,
    in_order,
    names_columns,
)
from portbook.model import LAST_PORT, Listener, Ownership, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.formats.fields import Event, Lines, Names

_STATES = {
    "2": SocketState.LISTEN,
    "listen": SocketState.LISTEN,
    "listening": SocketState.LISTEN,
    "100": SocketState.BOUND,
    "bound": SocketState.BOUND,
}
_CONNECTED = {
    "1", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "closed", "synsent", "synreceived",
    "established", "finwait1", "finwait2", "closewait", "closing", "lastack", "timewait",
    "deletetcb",
}  # fmt: skip
_DASHES = re.compile(r"\s*-{2,}(?:\s+-{2,})*\s*$")
_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9]{2,40})\s*:(?:\s(.*))?$")
# The command above a table tells what its columns don't.
_COMMAND = re.compile(r".{0,400}?\bGet-Net(TCPConnection|UDPEndpoint)\b(.{0,400})", re.IGNORECASE)
_CMDLET = "get-net"  # what it begins with, where no prompt is before it
_LONGEST_COMMAND = 1000
_LISTENING = re.compile(r"-State\s+['\"]?Listen\b", re.IGNORECASE)
_GAP = re.compile(r"\s+")
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[?[0-9A-Fa-f:.]{2,45}(?:%\w{1,32})?\]?")
_PIDS = ("owningprocess", "processid", "pid", "id")
# What a list may begin with: Select-Object has any order, "fl *" that of the class.
_FIRST = {
    *NEEDED, "caption", "state", "appliedsetting", "owningprocess", "remoteaddress", "remoteport",
    "creationtime", "computername", "process", "processname", "pid",
}  # fmt: skip


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The endpoints that PowerShell printed, in whichever of its forms."""
    stream = iter(lines)
    for number, line in stream:
        bare = line.strip()
        if not bare:
            continue
        if begins_json(bare):
            yield from _json(_again((number, line), stream))
        elif bare.startswith("#TYPE") or _separator(bare) is not None:
            yield from _csv(_again((number, line), stream))
        else:
            yield from _printed(_again((number, line), stream))


def _again(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


# -- tables and lists -------------------------------------------------------------------------


def _printed(lines: Iterator[tuple[int, str]]) -> Iterator[Event]:
    printed = _Printed()
    for number, line in lines:
        yield from printed.take(number, line)
    yield from printed.end()


class _Printed:
    """A table under its header and dashes, or a list of names and values."""

    def __init__(self) -> None:
        self.above: tuple[int, str] | None = None  # a line that may be a header
        self.columns: list[tuple[str, int, int]] = []
        self.by_order = False  # the blanks between columns are gone
        self.asked: dict[str, str] = {}
        self.spaced = False  # a list with a blank line below each
        self.gap = False  # a blank line, behind which something else may begin
        self.record: dict[str, str] = {}
        self.began = 0
        # Format-Table -GroupBy writes what all rows of a table share above it.
        self.title: tuple[int, dict[str, str]] | None = None
        self.shared: dict[str, str] = {}

    def take(self, number: int, line: str) -> Iterator[Event]:
        """One line."""
        bare = line.strip()
        self._look_for_command(bare)
        pair = None if self.columns and not self.gap else _PAIR.match(bare)
        if pair and (self.record or pair[1].lower() in _FIRST):
            yield from self._property(number, pair[1].lower(), (pair[2] or "").strip())
        elif self.record and bare and line[0] == " ":  # a value that goes on
            yield detail(number)
        elif not bare and (self.spaced or len(self.record) == 1):
            self.spaced = True
        else:
            yield from self._release()
            if bare:
                yield from self._row(number, line)
        self.gap = not bare

    def _look_for_command(self, bare: str) -> None:
        command = _COMMAND.match(bare[:_LONGEST_COMMAND])
        if command is None:
            return
        tcp = command[1].lower().startswith("tcp")
        self.asked = {"#type": "tcp" if tcp else "udp"}
        if tcp and _LISTENING.search(command[2]):
            self.asked["state"] = "listen"

    def _property(self, number: int, name: str, value: str) -> Iterator[Event]:
        if name in self.record:  # the next endpoint, without a blank line between
            yield from self._release()
        if not self.record:
            self.began = number
        self.record[name] = value
        yield detail(number)

    def _release(self) -> Iterator[Event]:
        if len(self.record) == 1:
            yield from self._without_title()
            self.title = self.began, self.record
        elif self.record:
            yield from _endpoint(self.began, {**self.asked, **self.record})
        self.record = {}

    def _without_title(self) -> Iterator[Event]:
        """What seemed to be the title of a table that didn't come."""
        if self.title is not None:
            number, record = self.title
            yield from _endpoint(number, {**self.asked, **record})
            self.title = None

    def _row(self, number: int, line: str) -> Iterator[Event]:
        above, self.above = self.above, None
        if above is not None and _DASHES.match(line):
            self.columns = columns_of(above[1], line)
            # Somebody's editing leaves the same gap everywhere, and moves what stands below.
            gaps = {*_GAP.findall(line.strip())}
            self.by_order = len(gaps) <= 1 or any("\t" in gap for gap in gaps)
            if self.columns:
                yield from self._headed(above[0])
                yield heading(number)
                return
        elif above is not None and names_columns(above[1]):
            self.columns, self.by_order = columns_of(above[1], above[1]), True
            yield from self._headed(above[0])
            above = None
        if above is not None:
            yield from self._without_title()
            command = above[1].lstrip()[: len(_CMDLET)].lower() == _CMDLET
            yield heading(above[0]) if command else not_understood(*above)
        if self.columns:
            cells = in_order(line, self.columns) if self.by_order else {}
            cells = cells or by_place(line, self.columns)
            events = list(_endpoint(number, {**self.asked, **self.shared, **cells}, line))
            if not self.gap or all(not _unread(event) for event in events):
                yield from events
                return
            self.columns = []
        self.above = number, line

    def _headed(self, number: int) -> Iterator[Event]:
        """The header of a table, and what all of its rows share."""
        self.shared = {}
        if self.title is not None:
            self.shared = self.title[1]
            yield heading(self.title[0])
            self.title = None
        yield heading(number)

    def end(self) -> Iterator[Event]:
        """What is left when no line follows."""
        yield from self._release()
        yield from self._without_title()
        if self.above is not None:
            yield not_understood(*self.above)


def _unread(event: Event) -> bool:
    return isinstance(event, Line) and event.what == NOT_UNDERSTOOD


# -- CSV --------------------------------------------------------------------------------------


def _separator(line: str) -> str | None:
    """What separates the cells of a CSV header with our columns; None if it is none."""
    for separator in ",;\t":
        names = {cell.strip().strip('"').lower() for cell in line.split(separator)}
        if names >= NEEDED:
            return separator
    return None


def _csv(lines: Iterator[tuple[int, str]]) -> Iterator[Event]:
    header: list[str] = []
    separator, kind = ",", ""
    for number, line in lines:
        bare = line.strip()
        if not bare:
            continue
        if bare.startswith("#TYPE"):
            kind = bare
            yield heading(number)
            continue
        if header and _DASHES.match(bare):  # a table whose columns tabs part
            yield heading(number)
            continue
        found = _separator(bare)
        cells = _csv_cells(bare, found or separator)
        if found is not None and cells:
            separator = found
            header = [cell.strip().lower() for cell in cells]
            yield heading(number)
            continue
        record = dict(zip(header, cells, strict=True)) if len(cells) == len(header) else {}
        if separator == "\t":  # which somebody's editor made of the blanks of a table
            record = record or in_order(line, [(name, 0, 0) for name in header])
        if not record:
            yield not_understood(number, line)
            continue
        if kind:
            record["#type"] = kind
        yield from _endpoint(number, record, line)


def _csv_cells(line: str, separator: str) -> list[str]:
    """The cells of a line; none where it isn't CSV, as one with a carriage return inside."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return []


# -- JSON -------------------------------------------------------------------------------------


def _json(lines: Iterable[tuple[int, str]]) -> Iterator[Event]:
    for each in values(lines):
        if isinstance(each, Line):
            yield each
            continue
        wrapped = each.value.get("value") if isinstance(each.value, dict) else None
        for value in wrapped if isinstance(wrapped, list) else [each.value]:
            yield from _of_json(each, value)


def _of_json(each: Value, value: Any) -> Iterator[Event]:
    if not isinstance(value, dict):
        yield not_understood(each.line, each.text)
        return
    record = {
        name.lower(): str(cell) if isinstance(cell, (str, int)) else _inner(cell)
        for name, cell in value.items()
    }
    for made in _endpoint(each.line, record, each.text):
        if isinstance(made, Line) and made.what == NOT_UNDERSTOOD:
            made = made._replace(many=each.lines)  # noqa: PLW2901
        yield made


def _inner(cell: Any) -> str:
    """What an object in a cell is called: the class of an endpoint stands there."""
    if isinstance(cell, dict):
        return str(cell.get("CimClassName") or "")
    return ""


# -- one endpoint -----------------------------------------------------------------------------


def _endpoint(number: int, record: Mapping[str, str], text: str | None = None) -> Iterator[Event]:
    shown = text or "; ".join(f"{name} {value}" for name, value in record.items())
    if "tcptestsucceeded" in record:  # Test-NetConnection
        place = host(record.get("remoteaddress") or record.get("computername", ""))
        # Without an answer it may be closed or filtered.
        answer = "open" if record["tcptestsucceeded"].lower() == "true" else "closed|filtered"
        asked = record.get("remoteport", ""), "tcp", answer
        yield answered(number, shown, place, asked) if place else not_understood(number, shown)
        return
    transport = _transport(record)
    if transport is None:
        why = "it says neither State nor whether it is TCP or UDP"
        yield not_understood(number, shown, why)
        return
    state = SocketState.LISTEN
    if transport is Transport.TCP:
        told = record.get("state", "").lower()
        if told in _CONNECTED:
            yield Line(number, CONNECTION)
            return
        if told not in _STATES:
            peer = record.get("remoteport")
            if peer != "0" or told:
                yield not_understood(number, shown, "its state is not told")
                return
        state = _STATES.get(told, SocketState.LISTEN)
    local = record.get("localaddress", "")
    where = host(local) if _ADDRESS.fullmatch(local) else None  # it prints no names
    port = whole_number(record.get("localport", ""), LAST_PORT)
    if where is None or port is None:
        yield not_understood(number, shown, "its port is none" if where else None)
        return
    if port == 0:
        yield Line(number, NO_PORT)
        return
    owners, seen = owned(*_owner(record))
    yield Listener(
        Socket(transport, where.family, where.address, port, state, interface=where.interface),
        Ownership(owners, seen),
    )


def _transport(record: Mapping[str, str]) -> Transport | None:
    if not record.keys() >= NEEDED:
        return None
    told = " ".join(
        record.get(name, "") for name in ("#type", "cimclass", "creationclassname", "protocol")
    ).lower()
    if "udp" in told:
        return Transport.UDP
    if "tcp" in told or record.keys() & {"state", "remoteport", "remoteaddress"}:
        return Transport.TCP
    # What Get-NetUDPEndpoint shows by itself; with a process of either it can't be told.
    return Transport.UDP if record.keys() == NEEDED else None


def _owner(record: Mapping[str, str]) -> list[Any]:
    pid = next((record[key] for key in _PIDS if record.get(key)), "")
    name = next(
        (record[key] for key in ("processname", "process", "name") if record.get(key)), None
    )
    name, pid = numbered_name(pid or name or "") or (name, pid)
    if not (pid.isascii() and pid.isdigit()) or pid == "0":
        name = name or (pid if pid[:1].isalpha() else None)
        return [process("", words(name))] if name and pid != "0" else []
    return [process(pid, words(name))]


FORMATS = (
    SocketFormat("powershell", "Get-NetTCPConnection, Get-NetUDPEndpoint", read, by_line=False),
)
