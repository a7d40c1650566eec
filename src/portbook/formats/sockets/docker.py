"""``docker ps`` and its kin (``podman ps``, ``docker compose ps``): ports that a host publishes.

``0.0.0.0:8080->80/tcp`` is the host's port 8080, which leads to the container's port 80. ``80/tcp``
alone is the container's: the host doesn't have it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    MOST_IN_RANGES,
    UNPUBLISHED,
    Line,
    everywhere,
    heading,
    host,
    not_understood,
    owned,
)
from portbook.formats.json_stream import begins_json, values, words
from portbook.model import LAST_PORT, Listener, Ownership, Process, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names

_READ = ("CONTAINER ID", "PORTS", "NAMES", "NAME")
_COLUMN = re.compile(r"\S+(?: \S+)*")
_PUBLISHED = re.compile(
    r"(?:(\[[^\[\]]{0,60}\]|[^\[\]\s]{0,60}):)?([0-9]{1,9})(?:-([0-9]{1,9}))?"
    r"->[0-9]{1,9}(?:-[0-9]{1,9})?(?:/([a-z]{2,8}))?$"
)
_INSIDE = re.compile(r"[0-9]{1,5}(?:-[0-9]{1,5})?(?:/[a-z]{2,8})?$")
# docker-compose of the first version centres its header.
_CENTRED = re.compile(r"\s*Name\s+Command\s+State\s+Ports\s*$")
_RULE = re.compile(r"-{10,400}\s*$")
_GAP = re.compile(r"\s{2,}|\t")
_LONGEST_ROW = 4096
_LEADS = re.compile(r"(?:([0-9a-f]{12,64})\s+)?([0-9]{1,5}/[a-z]{3,4}) -> (\S{1,60}:[0-9]{1,5})$")
_BETWEEN = re.compile(r"[\s,|;\"']+")
_NAMED = re.compile(r"\s*[A-Za-z0-9][A-Za-z0-9_.,/-]*\s*$")


class _Ranges:
    """How many ports the ranges of a capture may still stand for, and those past that."""

    def __init__(self) -> None:
        self.left = MOST_IN_RANGES
        self.first_refused: tuple[int, str] | None = None
        self.refused = 0

    def takes(self, number: int, line: str, first: int, last: int) -> bool:
        """Whether the ports from *first* to *last*, in *line*, are among those that are read."""
        if last - first <= self.left:
            self.left -= last - first  # a port alone is free: the text itself names it
            return True
        self.first_refused = self.first_refused or (number, line)
        self.refused += 1
        return False

    def note(self) -> Iterator[Line]:
        """One line that names every range that was left out; none if there is none."""
        if self.first_refused is not None:
            why = f"more than {MOST_IN_RANGES:,} ports in ranges; {self.refused:,} are left out"
            yield not_understood(*self.first_refused, why)._replace(many=self.refused)


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports that containers publish."""
    stream = iter(lines)
    table = _Table()
    for number, line in stream:
        text = line.strip()
        if text and not table.columns and begins_json(text):
            yield from _json(number, line, stream, table.ranges)
        elif text:
            yield from table.take(number, line)
    yield from table.ranges.note()


class _Table:
    """What a header said of the rows below it."""

    def __init__(self) -> None:
        self.columns: dict[str, tuple[int, int | None]] = {}
        self.centred = False
        self.ranges = _Ranges()

    def take(self, number: int, line: str) -> Iterator[Event]:
        """One line that isn't blank."""
        if self._is_header(line):
            yield heading(number)
            return
        text = line.strip()
        row = self._row(line, text)
        if row is None:
            yield not_understood(number, line)
        else:
            yield from _ports(number, line, *row, self.ranges)

    def _is_header(self, line: str) -> bool:
        found = _columns(line)
        if found.keys() & {"NAMES", "NAME"} and "PORTS" in found:
            self.columns = found
            return True
        if _CENTRED.match(line):
            self.centred = True
            return True
        return self.centred and _RULE.match(line) is not None

    def _row(self, line: str, text: str) -> tuple[str, Process] | None:
        """The ports of a row, and the container whose they are."""
        leads = _LEADS.match(text)
        if leads is not None:  # docker port: the container's port, and where its host has it
            return f"{leads[3]}->{leads[2]}", _owner({"CONTAINER ID": leads[1] or ""}, "")
        if not self.columns:
            parted = _parted(text, bare=self.centred) or _scattered(text)
            return None if parted is None else (parted[1], _owner({}, parted[0]))
        cells = {name: line[begin:end].strip() for name, (begin, end) in self.columns.items()}
        name = cells.get("NAMES") or cells.get("NAME") or ""
        return (cells["PORTS"], _owner(cells, name)) if _NAMED.match(name) else None


def _parted(text: str, *, bare: bool) -> tuple[str, str] | None:
    """The name and the ports of a row whose cells stand apart by two blanks or more.

    A row without a header (``--format``) is one only if it publishes a port; *bare* takes any, of
    a table whose header was read.
    """
    cells = [cell.strip() for cell in _GAP.split(text[:_LONGEST_ROW])]
    if not _NAMED.match(cells[0]):
        return None
    for cell in cells[1:]:
        parts = [part.strip() for part in cell.split(",") if part.strip()]
        ports = all(_PUBLISHED.match(part) or _INSIDE.match(part) for part in parts)
        if parts and ports and (bare or "->" in cell):
            return cells[0], cell
    return (cells[0], "") if bare and len(cells) >= 3 else None


def _scattered(text: str) -> tuple[str, str] | None:
    """The name and the ports of a row that ``--format`` laid out: its words that are ports."""
    if "->" not in text:
        return None
    words = [word for word in _BETWEEN.split(text[:_LONGEST_ROW]) if word]
    published = any(_PUBLISHED.match(word) for word in words)
    ports = [word for word in words if _PUBLISHED.match(word) or _INSIDE.match(word)]
    name = words[0].removesuffix(":") if published else ""
    if not published or any("->" in word and word not in ports for word in words):
        return None
    return name if _NAMED.match(name) and words[0] not in ports else "", ", ".join(ports)


def _columns(header: str) -> dict[str, tuple[int, int | None]]:
    """Where each column that is read begins, and where the next one of any name does."""
    found = list(_COLUMN.finditer(header))
    ends: list[int | None] = [each.start() for each in found[1:]]
    return {
        each[0]: (each.start(), end)
        for each, end in zip(found, [*ends, None], strict=True)
        if each[0] in _READ
    }


def _owner(cells: dict[str, str], name: str) -> Process:
    number = cells.get("CONTAINER ID", "")
    plain = number.isascii() and number.isalnum()
    return Process(
        0,
        None,
        container=f"container:{number[:12]}" if plain else f"container:{name}" if name else None,
        container_name=name or None,
    )


def _json(
    number: int, line: str, rest: Iterator[tuple[int, str]], ranges: _Ranges
) -> Iterator[Event]:
    """The lines of ``docker ps --format json``."""

    def again() -> Iterator[tuple[int, str]]:
        yield number, line
        yield from rest

    for each in values(again()):
        if isinstance(each, Line):
            yield each
            continue
        value: Any = each.value
        ports = value.get("Ports") if isinstance(value, dict) else None
        if not isinstance(ports, str):
            yield not_understood(each.line, each.text)
            continue
        name = words(value.get("Names")) or words(value.get("Name")) or ""
        cells = {"CONTAINER ID": words(value.get("ID")) or ""}
        yield from _ports(each.line, each.text, ports, _owner(cells, name), ranges)


def _ports(number: int, line: str, cell: str, owner: Process, ranges: _Ranges) -> Iterator[Event]:
    yield heading(number)
    for part in cell.split(","):
        text = part.strip()
        if not text:
            continue
        published = _PUBLISHED.match(text)
        if published is None:
            inside = _INSIDE.match(text)
            yield Line(number, UNPUBLISHED) if inside else not_understood(number, line, text[:60])
            continue
        address, first, last, word = published.groups()
        where = everywhere(None) if address in (None, "", "*") else host(address)
        ends = int(first), int(last or first)
        if where is None or ends[1] > LAST_PORT or ends[0] > ends[1]:
            yield not_understood(number, line, f"{text[:60]} is no port")
            continue
        if word not in (None, "tcp", "udp", "sctp"):
            yield not_understood(number, line, f"{text[:60]} is no port")
            continue
        if not ranges.takes(number, line, *ends):
            continue
        owners, seen = owned(owner)
        for port in range(ends[0], ends[1] + 1):
            yield Listener(
                Socket(
                    Transport(word or "tcp"),
                    where.family,
                    where.address,
                    port,
                    SocketState.LISTEN,
                    interface=where.interface,
                    first=ends[0] if last else None,
                    last=ends[1] if last else None,
                ),
                Ownership(owners, seen),
            )


FORMATS = (SocketFormat("docker", "docker ps, podman ps, docker compose ps", read, by_line=False),)
