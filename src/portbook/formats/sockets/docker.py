"""``docker ps`` and its kin (``podman ps``, ``docker compose ps``): ports that a host publishes.

``0.0.0.0:8080->80/tcp`` is the host's port 8080, which leads to the container's port 80. ``80/tcp``
alone is the container's: the host doesn't have it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portbook._fast_types import NamedTuple
from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    MOST_IN_RANGES,
    UNPUBLISHED,
    Line,
    detail,
    everywhere,
    heading,
    host,
    not_understood,
    owned,
)
from portbook.formats.json_stream import begins_json, values, words
from portbook.formats.sockets.docker_json import ports_of
from portbook.model import LAST_PORT, Listener, Ownership, Process, Socket, SocketState, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names

_READ = ("CONTAINER ID", "ID", "PORTS", "NAMES", "NAME")
_PUBLISHED = re.compile(
    r"(?:(\[[^\[\]]{0,60}\]|[^\[\]\s]{0,60}):)?([0-9]{1,9})(?:-([0-9]{1,9}))?"
    r"->[0-9]{1,9}(?:-[0-9]{1,9})?(?:/([a-z]{2,8}))?$"
)
_INSIDE = re.compile(r"[0-9]{1,5}(?:-[0-9]{1,5})?(?:/[a-z]{2,8})?$")
# docker-compose of the first version centres its header.
_CENTRED = re.compile(r"\s*Name\s+Command\s+State\s+Ports\s*$")
_STATE = re.compile(r"(?:Up|Exit|Paused|Restarting|Created|Dead|Removing|Ghost)\b")
_CLUSTERS = re.compile(r"\sAGE\s*$")  # kubectl's tables: the ports are no host's
_RULE = re.compile(r"([ \t]{0,40})-{10,400}\s*$")
_NAMES = {"NAMES", "NAME"}
_CELL = re.compile(r"\S+(?: \S+)*")
_GAP = re.compile(r"\s{2,}|\t")
_LONGEST_ROW = 4096
_LEADS = re.compile(
    r"(?:((?=[\w.-]{0,127}[A-Za-z])[0-9A-Za-z][\w.-]{1,127})\s+)?([0-9]{1,5}/[a-z]{3,4})"
    r" -> (\S{1,60}:[0-9]{1,5})$"
)
_ID = re.compile(r"[0-9a-f]{12,64}$")
_MAPPED = re.compile(r"(?:map\[| )([0-9]{1,5}/[a-z]{3,4}):\[(?:\{(\S{0,60}) ([0-9]{1,5})\})?")
# A part of docker inspect begins with its key; what stands around it is the rest of it.
_EXCERPT = re.compile(r"\s{0,80}\"Ports\": ?(?=\{\s*$)")
_AROUND_IT = re.compile(
    r"\s{0,80}(?:\"\w{1,60}\": ?(?:[\[{]|\".{0,200}\",?$|[\w.-]{1,60},?$)|[\]}]{1,3},?$)"
)
_BETWEEN = re.compile(r"[\s,|;\"']+")
_ALONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,127}$")
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
        elif text and (excerpt := _EXCERPT.match(line)) is not None:
            yield from _excerpt(number, line[excerpt.end() :], stream, table.ranges)
        elif text:
            yield from table.take(number, line)
    yield from table.end()


class _Table:
    """What a header said of the rows below it."""

    def __init__(self) -> None:
        self.columns: dict[str, tuple[int, int | None]] = {}
        self.ranges = _Ranges()
        # Of docker-compose's first version: where the header's State ends, and a row whose cells
        # may go on below it.
        self._state_ends: int | None = None
        self._indent = 0  # of all rows, by the rule under that header
        self._open: _Open | None = None
        self._name: tuple[int, str] | None = None  # which may be that of the ports below it

    def take(self, number: int, line: str) -> Iterator[Event]:
        """One line that isn't blank."""
        text = line.strip()
        if self._is_header(line):
            yield from self._ended()
            yield heading(number)
            return
        if self._state_ends is not None and self._wrapped(line, self._state_ends):
            yield detail(number)
            return
        above = self._name if line[0] in " \t" else None
        row = self._row(line, text, "" if above is None else above[1])
        if row is None and above is not None and _are_ports(text):  # that nobody publishes
            row = text, _owner({}, above[1])
        if row is not None and above is not None:
            self._name = None
            yield heading(above[0])
        yield from self._ended()
        if row is not None and self._state_ends is not None:
            self._open = _Open(number, line, *row)
        elif row is not None:
            yield from _ports(number, line, *row, self.ranges)
        elif not self.columns and self._state_ends is None and _ALONE.match(line):
            self._name = number, line
        else:
            yield not_understood(number, line)

    def end(self) -> Iterator[Event]:
        """What is left when no line follows."""
        yield from self._ended()
        yield from self.ranges.note()

    def _ended(self) -> Iterator[Event]:
        """What was held, where the line that follows doesn't belong to it."""
        if self._open is not None:
            yield from _ports(*self._open, self.ranges)
            self._open = None
        if self._name is not None:
            yield not_understood(*self._name)
            self._name = None

    def _is_header(self, line: str) -> bool:
        found = {} if _CLUSTERS.search(line) else _columns(line)
        if found.keys() & {"NAMES", "NAME", "CONTAINER ID"} and "PORTS" in found:
            self.columns = found
            return True
        if _CENTRED.match(line):
            self._state_ends = line.index("State") + len("State")
            return True
        rule = None if self._state_ends is None else _RULE.match(line)
        if rule is not None:
            self._indent = len(rule[1])
        return rule is not None

    def _wrapped(self, line: str, state_ends: int) -> bool:
        """Whether *line* goes on with the cells of the row above it; its ports are kept then."""
        if self._open is None or self._under(line) is not None:
            return False
        cells = _CELL.finditer(line[:_LONGEST_ROW])
        more = "".join([cell[0] for cell in cells if cell.start() >= state_ends])
        if line.count("->") != more.count("->"):
            return False  # a row whose cells don't stand where they were
        if len(self._open.ports) < _LONGEST_ROW:
            self._open = self._open._replace(ports=self._open.ports + more)
        return True

    def _under(self, line: str) -> tuple[str, str] | None:
        """The name and the first line of the ports of a row below a centred header."""
        cells = list(_CELL.finditer(line[:_LONGEST_ROW]))
        stated = [at for at, cell in enumerate(cells) if at and _STATE.match(cell[0])]
        if self._state_ends is None or not stated or cells[0].start() != self._indent:
            return None
        return cells[0][0], "".join([each[0] for each in cells[stated[-1] + 1 :]])

    def _row(self, line: str, text: str, name: str) -> tuple[str, Process | None] | None:
        """The ports of a row, and the container whose they are."""
        leads = _LEADS.match(text)
        if leads is not None:  # docker port: the container's port, and where its host has it
            whose = leads[1] or ""
            cells = {"CONTAINER ID": whose} if _ID.match(whose) else {}
            return f"{leads[3]}->{leads[2]}", _owner(cells, "" if cells else whose)
        if text.startswith("map["):  # docker inspect --format, as Go prints it
            told = ",".join([_of_map(*each.groups()) for each in _MAPPED.finditer(text)])
            return (told, None) if told else None
        if self.columns:
            cells = {of: line[begin:end].strip() for of, (begin, end) in self.columns.items()}
            name = cells.get("NAMES") or cells.get("NAME") or ""
            number = cells.get("CONTAINER ID", "")
            begin = self.columns["PORTS"][0]
            torn = begin > 0 and len(line) > begin and " " not in line[begin - 1 : begin + 1]
            torn = torn or bool(cells["PORTS"] and not _are_ports(cells["PORTS"]))
            parted = _parted(text, bare="->" not in text) if torn else None
            if parted is not None and ("->" in text or parted[1].endswith(_ENDINGS)):
                # The cell begins elsewhere: somebody moved it.
                return _moved(text) or (parted[1], _owner({}, parted[0]))
            if _NAMED.match(name) or (not self.columns.keys() & _NAMES and number.isalnum()):
                return cells["PORTS"], _owner(cells, name)
            return _moved(text) or _closed_up(text)
        parted = self._under(line)
        if parted is None or not parted[1]:
            parted = _parted(text, bare=parted is not None) or parted or _scattered(text)
        return None if parted is None else (parted[1], _owner({}, parted[0] or name))


class _Open(NamedTuple):
    """A row whose cells may go on below it."""

    number: int
    line: str
    ports: str
    owner: Process | None


def _moved(text: str) -> tuple[str, Process | None] | None:
    """A row whose cells aren't below their columns' names, as somebody's editing leaves it."""
    cells = [cell for cell in _GAP.split(text[:_LONGEST_ROW]) if cell]
    published = [cell for cell in cells[:-1] if "->" in cell and _are_ports(cell)]
    if len(published) != 1 or not _NAMED.match(cells[-1]):
        return None
    return published[0], _owner({}, cells[-1])


_ENDINGS = ("/tcp", "/udp", "/sctp")  # of ports: "812/sshd" is a process


def _closed_up(text: str) -> tuple[str, Process | None] | None:
    """A row of which a page left no more than one blank between its cells: the name is its last."""
    found, name = _scattered(text), text.rpartition(" ")[2]
    if found is None or not _NAMED.match(name) or _are_ports(name):
        return None
    return found[1], _owner({}, name)


def _are_ports(cell: str) -> bool:
    parts = [part.strip() for part in cell.split(",") if part.strip()]
    return bool(parts) and all(_PUBLISHED.match(part) or _INSIDE.match(part) for part in parts)


def _parted(text: str, *, bare: bool) -> tuple[str, str] | None:
    """The name and the ports of a row whose cells stand apart by two blanks or more.

    A row without a header (``--format``) is one only if it publishes a port; *bare* takes any, of
    a table whose header was read.
    """
    cells = [cell.strip() for cell in _GAP.split(text[:_LONGEST_ROW])]
    if not _NAMED.match(cells[0]):
        return None
    for cell in cells[1:]:
        if _are_ports(cell) and (bare or "->" in cell):
            named = _ID.match(cells[0]) and cells[-1] != cell and _NAMED.match(cells[-1])
            return cells[-1 if named else 0], cell
    return (cells[0], "") if bare and len(cells) >= 3 else None


def _scattered(text: str) -> tuple[str, str] | None:
    """The name and the ports of a row that ``--format`` laid out: its words that are ports."""
    if "->" not in text or '{"' in text:  # JSON behind something else
        return None
    words = [word for word in _BETWEEN.split(text[:_LONGEST_ROW]) if word]
    published = any(_PUBLISHED.match(word) for word in words)
    # A number alone is one of hours, or of anything else.
    ports = [
        word for word in words if _PUBLISHED.match(word) or ("/" in word and _INSIDE.match(word))
    ]
    headed = "PORTS" in words[:20]  # whoever joined a header with its rows left no names apart
    name = words[0].removesuffix(":") if published and not headed else ""
    if not published or any("->" in word and word not in ports for word in words):
        return None
    # A table has the container's number first, and its name last.
    name = words[-1] if _ID.match(name) and words[-1] not in ports else name
    return name if _NAMED.match(name) and words[0] not in ports else "", ", ".join(ports)


def _columns(header: str) -> dict[str, tuple[int, int | None]]:
    """Where each column that is read begins, and where the next one of any name does."""
    found = list(_CELL.finditer(header))
    ends: list[int | None] = [each.start() for each in found[1:]]
    return {
        each[0]: (each.start(), end)
        for each, end in zip(found, [*ends, None], strict=True)
        if each[0] in _READ
    }


def _owner(cells: dict[str, str], name: str) -> Process | None:
    number = cells.get("CONTAINER ID", "")
    plain = number.isascii() and number.isalnum()
    container = f"container:{number[:12]}" if plain else f"container:{name}" if name else None
    return Process(0, None, container=container, container_name=name or None) if container else None


def _json(
    number: int, line: str, rest: Iterator[tuple[int, str]], ranges: _Ranges
) -> Iterator[Event]:
    """The JSON of ``docker ps``, ``docker compose ps``, ``podman ps`` and ``docker inspect``."""

    def again() -> Iterator[tuple[int, str]]:
        yield number, line
        yield from rest

    for each in values(again()):
        if isinstance(each, Line):
            yield each
            continue
        value: Any = each.value
        ports = ports_of(value) if isinstance(value, dict) else None
        if ports is None:
            yield not_understood(each.line, each.text)
            continue
        told = value.get("Names") or value.get("Name")
        name = words(told[0] if isinstance(told, list) else told) or ""
        cells = {"CONTAINER ID": words(value.get("ID") or value.get("Id")) or ""}
        owner = _owner(cells, name.removeprefix("/"))
        yield from _ports(each.line, each.text, ports, owner, ranges)


def _of_map(inside: str, address: str | None, port: str | None) -> str:
    """One of the ports that a map holds, as tables print it."""
    address = f"[{address}]" if address and ":" in address else address
    return f"{address or ''}:{port}->{inside}" if port else inside


def _excerpt(
    number: int, line: str, rest: Iterator[tuple[int, str]], ranges: _Ranges
) -> Iterator[Event]:
    """The ports in a part of ``docker inspect``: *line* begins the value that it has for them."""
    for event in _json(number, line, rest, ranges):
        around = isinstance(event, Line) and _AROUND_IT.match(event.text)
        yield heading(event.number) if around and isinstance(event, Line) else event


def _ports(
    number: int, line: str, cell: str, owner: Process | None, ranges: _Ranges
) -> Iterator[Event]:
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
            yield not_understood(number, line, f"{text[:60]} is not a port")
            continue
        if word not in (None, "tcp", "udp", "sctp"):
            yield not_understood(number, line, f"{text[:60]} is not a port")
            continue
        if not ranges.takes(number, line, *ends):
            continue
        owners, seen = owned(*([] if owner is None else [owner]))
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
