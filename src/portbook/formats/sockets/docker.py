"""``docker ps`` and its kin (``podman ps``, ``docker compose ps``): ports that a host publishes.

``0.0.0.0:8080->80/tcp`` is the host's port 8080, which leads to the container's port 80. ``80/tcp``
alone is the container's: the host doesn't have it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    UNPUBLISHED,
    Line,
    everywhere,
    heading,
    host,
    not_understood,
    owned,
)
from portbook.formats.json_stream import values, words
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
# A range of a few characters stands for up to 65,536 ports. So many more than there are ranges are
# read of one capture: enough for a host that publishes every port, not for one that lists itself.
MOST_IN_RANGES = 1 << 16
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
    columns: dict[str, tuple[int, int | None]] = {}
    stream = iter(lines)
    ranges = _Ranges()
    for number, line in stream:
        text = line.strip()
        if not text:
            continue
        if text[0] in "[{" and not columns:
            yield from _json(number, line, stream, ranges)
        elif (found := _columns(line)).keys() & {"NAMES", "NAME"} and "PORTS" in found:
            columns = found
            yield heading(number)
        elif columns:
            cells = {name: line[begin:end].strip() for name, (begin, end) in columns.items()}
            name = cells.get("NAMES") or cells.get("NAME") or ""
            if _NAMED.match(name):
                yield from _ports(number, line, cells["PORTS"], _owner(cells, name), ranges)
            else:
                yield not_understood(number, line)
        else:
            yield not_understood(number, line)
    yield from ranges.note()


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
        container=f"container:{number[:12]}" if plain else f"container:{name}",
        container_name=name,
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
                ),
                Ownership(owners, seen),
            )


FORMATS = (SocketFormat("docker", "docker ps, podman ps, docker compose ps", read, by_line=False),)
