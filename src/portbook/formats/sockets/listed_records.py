"""Records of which each cell has a line with its name: CurrPorts' text, YAML, ``Format-List``.

A blank line, a rule, YAML's ``-`` or a name that comes again begins the next record.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.fields import Line, detail, not_understood
from portbook.formats.sockets.record_names import ADDRESS, NAMES, PORT, PROTOCOL, bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    # A record with the number and the text of its line, or what else a line is.
    Told = tuple[int, str, dict[str, str]] | Line

_CELL = re.compile(
    r"\s{0,40}(-\s{1,8})?([A-Za-z][\w ()/.-]{0,40}?)\s{0,40}:(?:\s{1,8}(\S.{0,300})|\s{0,8})$"
)
_FRAME = re.compile(r"\s{0,40}(?:ansible_facts|tcp_listen|udp_listen):$")
# Windows names a connection by both of its ends, and what UDP has by one.
_INSTANCE = "instanceid"
_ENDS = {1: "udp", 3: "tcp"}
_MOST = 64  # lines of a record


class Listed:
    """Gathers the lines of a record until it ends."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, str]] = []
        self._cells: dict[str, str] = {}

    def take(self, number: int, line: str) -> tuple[bool, list[Told]]:
        """Whether *line* is a cell of a record, and the record that ended before it."""
        found = _CELL.match(line) if ":" in line and ":*" not in line else None
        name = bare(found[2]) if found is not None else ""
        known = bool(self._lines) or name in NAMES or name == _INSTANCE
        if found is None or not known or _FRAME.match(line):
            return False, self.end()
        told: list[Told] = []
        if found[1] or name in self._cells or len(self._lines) >= _MOST:
            told = self.end()
        self._lines.append((number, line))
        self._cells[name] = (found[3] or "").strip("'\" \t")
        return True, told

    def end(self) -> list[Told]:
        """The record whose last line was read; its lines where it is none."""
        if not self._lines:
            return []
        lines, cells = self._lines, self._cells
        self._lines, self._cells = [], {}
        ends = _ENDS.get(cells.get(_INSTANCE, "").count("++"))
        if ends is not None and cells.keys().isdisjoint(PROTOCOL):
            cells["protocol"] = ends
        if all(any(map(cells.get, names)) for names in (PORT, ADDRESS, PROTOCOL)):
            return list(_of_cells(lines, cells))
        return [not_understood(number, line) for number, line in lines]


def _of_cells(lines: list[tuple[int, str]], cells: dict[str, str]) -> Iterator[Told]:
    number, text = lines[0]
    yield number, text, cells
    for other, _ in lines[1:]:
        yield detail(other)


def is_frame(line: str) -> bool:
    """Whether *line* only names the list below it, as Ansible writes its facts."""
    return _FRAME.match(line) is not None
