"""``ss`` of iproute2, whatever its flags: with a header or without, with processes or details.

The columns are Netid, State, Recv-Q, Send-Q, the local address, the peer's, and what the flags
add (ss(8)). ``ss`` leaves Netid out where it was asked for one kind of socket, and State where it
was asked for one state. For a socket that listens, Recv-Q counts the connections that wait to be
accepted, and Send-Q is their limit.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    NumberedLines,
    PlainRows,
    detail,
    everywhere,
    heading,
    not_understood,
)
from portbook.formats.lines import joined_apart, runs
from portbook.formats.sockets.ss_broken import BrokenRow, is_open
from portbook.formats.sockets.ss_plain import PLAIN, ROW, columns_between, plain_row, rows_of
from portbook.formats.sockets.ss_row import extended, row_of
from portbook.model import Family, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.formats.fields import Event, Lines, Names
    from portbook.formats.sockets.ss_plain import Heads

_HEADING = re.compile(r"\s*(?:Netid|State|Recv-Q)\s.*Local\s+Address")

_FEW = 16  # plain rows together that aren't worth it
# Until iproute2 4.13 an IPv6 address stood without brackets, and the peer of an IPv4 socket was
# "*:*"; there "*" is every IPv4 address. Until 3.17 a process stood without "pid=" as well.
_OLD = re.compile(r'\s:::(?:[0-9*]|[a-z])|users:\(\("[^"]{1,64}",[0-9]|\s[0-9.]{7,15}:\S+\s+\*:\*')
_NEW = re.compile(r"\s(?:0\.0\.0\.0|\[[0-9a-f:.]+\](?:%\w+)?):(?:\*|\S+)")
_LOOKED_AHEAD = 200  # lines in which the first sign of either is looked for


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets that ``ss`` listed."""
    every, old = _told_apart(lines)
    rows = _Rows(names)
    events = chain(rows.take(every), rows.end())
    return map(_of_ipv4, events) if old else events


def read_rows(lines: NumberedLines, names: Names) -> Iterator[Event | PlainRows]:
    """As :func:`read`, plain rows together: of most, no value is needed for each."""
    blocks, old = _told_apart(lines.blocks)
    if not old:
        return _in_rows(blocks, names)
    rows = _Rows(names)
    return map(_of_ipv4, chain(rows.take(NumberedLines(blocks)), rows.end()))


def _told_apart(blocks: Lines) -> tuple[Lines, bool]:
    """*blocks* of lines, and whether an older ss wrote them."""
    stream = iter(blocks)
    ahead: list[tuple[int, str]] = []
    left = _LOOKED_AHEAD
    old: bool | None = None
    for number, text in stream:
        ahead.append((number, text))
        lines = text.split("\n", left)[:left]
        old = next((old for old in map(_is_old, enumerate(lines, number)) if old is not None), None)
        left -= len(lines)
        if old is not None or not left:
            break
    return chain(ahead, stream), bool(old)


def _is_old(line: tuple[int, str]) -> bool | None:
    """Whether an older ss wrote *line*; None where that isn't told."""
    rows = [row[:400] for _, row in joined_apart([line])]
    if any(map(_OLD.search, rows)):
        return True
    return False if any(map(_NEW.search, rows)) else None


def _in_rows(blocks: Lines, names: Names) -> Iterator[Event | PlainRows]:
    """What is in *blocks*; nothing that the lines of one tell waits for the next one, but for its
    last row, which may go on there.
    """
    rows = _Rows(names)
    for number, text in blocks:
        # What stands between rows, and the groups of each: faster than a line at a time.
        pieces: list[Any] = ROW.split(text)
        between = pieces[:: ROW.groups + 1]
        count = len(between) - 1
        every = between.count("\n") == count - 1 and not (between[0] or between[-1])
        plain = rows_of(*columns_between(pieces)) if every and count > _FEW else None
        if plain is not None:
            yield from rows.end()
            yield plain
            yield from rows.take([(number + count - 1, text[text.rindex("\n") + 1 :])])
            continue
        lines = list(enumerate(text.split("\n"), number))
        begin = 0
        if count:
            matches = [ROW.fullmatch(line) for _, line in lines]
            found = [match and match.groups() for match in matches]
            for first, end in runs(found, _FEW):
                plain = rows_of(*zip(*found[first:end], strict=True))
                if plain is not None:
                    yield from rows.take(lines[begin:first])
                    yield from rows.end()
                    yield plain
                    begin = end
        yield from rows.take(lines[begin:])
    yield from rows.end()


def _of_ipv4(event: Event) -> Event:
    """*event*, where "*" stands for the IPv4 addresses alone."""
    if isinstance(event, Listener) and event.socket.v6only is False:
        every = everywhere(Family.IPV4)
        socket = event.socket._replace(family=every.family, address=every.address, v6only=None)
        return event._replace(socket=socket)
    return event


class _Rows:
    """Rows as they come: the last one is held, as what is on lines of its own belongs to it."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._held: Listener | None = None
        self._in_row = False
        self._heads: Heads = {}
        self._row = (0, "")  # that of what is held
        self._broken = BrokenRow()
        self._cut = ""  # the row of a connection whose owners begin and don't end

    def take(self, lines: Lines) -> Iterator[Event]:
        """What is in *lines*, but for a row that may go on behind them."""
        heads, names = self._heads, self._names
        for number, line, match in _matched(lines):
            found = (
                row_of(number, line, names)
                if match is None
                else plain_row(number, line, match, heads)
            )
            if found.__class__ is Listener:
                if self._broken.lines:
                    yield from self.end()
                elif self._held is not None:
                    yield self._held
                self._held, self._in_row, self._row = found, True, (number, line)
                if match is None and is_open(line):
                    self._broken.begin(number, line)
                continue
            if found is None:
                if line and not line.isspace():
                    yield from self._other(number, line)
                continue
            self._in_row, self._cut = True, line if is_open(line) else ""
            yield from self.end()
            yield found

    def _other(self, number: int, line: str) -> Iterator[Event]:
        """A line that is no row by itself."""
        cut, self._cut = self._cut, ""
        if cut and not is_open(cut + line.strip()):
            yield detail(number)
            return
        if self._broken.lines:
            ways = self._broken.go_on(number, line)
            if ways is not None:
                yield from self._put_together(ways)
                return
            yield from self.end()
        # -i and -m add lines that begin with a tab; an older ss breaks rows that are
        # wider than its terminal.
        more = "users:((" in line or "ino:" in line
        begins = line[0] == "\t" or (line[0] == " " and more) or line.startswith("users:((")
        if self._in_row and begins:
            if is_open(line) and self._held is not None and self._broken.begin(*self._row):
                if self._broken.go_on(number, line) is not None:
                    return
                self._broken.drop()
            if self._held is not None and more:
                self._held = extended(self._held, line.strip())
            yield detail(number)
            return
        yield from self.end()
        self._in_row = False
        if not self._broken.begin(number, line):
            yield heading(number) if _HEADING.match(line) else not_understood(number, line)

    def _put_together(self, ways: list[str]) -> Iterator[Event]:
        """What is in the lines of a row that can be read whole in these *ways*, if in any yet."""
        lines = self._broken.lines
        events = [(row_of(lines[0][0], way, self._names), way) for way in ways]
        rows = [(event, way) for event, way in events if isinstance(event, Listener)]
        if len({row.socket[:5] for row, _ in rows}) == 1:
            self._broken.drop()
            self._held, way = max(rows, key=lambda row: len(row[0].ownership.owners))
            self._in_row, self._row = True, (lines[0][0], way)
            yield from [detail(number) for number, _ in lines[1:]]
        elif ways:
            yield from self.end()

    def end(self) -> Iterator[Event]:
        """The row that is held, where there is one, and the lines of one that isn't whole."""
        why = None
        if self._held is not None:
            held, self._held = self._held, None
            why = "its owners are cut off"
            yield held
        if self._broken.lines:
            lines = self._broken.lines
            self._broken.drop()
            yield not_understood(*lines[0], why)
            yield from [not_understood(*line) for line in lines[1:]]


def _matched(lines: Lines) -> Iterator[tuple[int, str, re.Match[str] | None]]:
    """Each row with its match of :data:`PLAIN`; those apart that somebody has joined in one."""
    plain = PLAIN.fullmatch
    for number, line in lines:
        match = plain(line)
        if match is not None:
            yield number, line, match
            continue
        for _, row in joined_apart([(number, line)]):
            yield number, row, plain(row)


def _is_sure(lines: Sequence[str]) -> bool:
    """Whether *lines* are titles and rows of ss, and nobody could take them for anything else."""
    return all(map(_SURE.fullmatch, lines))


# Names of processes may be anything: of other letters, a part may look like another tool's row.
_SURE = re.compile(
    r"(?:Netid +)?+(?:State +)?+Recv-Q +Send-Q +Local Address:Port +Peer Address:Port *"
    r"(?:Process *)?|(?:(?:tcp|udp) +)?+(?:LISTEN|UNCONN) +[0-9]{1,9} +[0-9]{1,9} +"
    r"(?:[0-9.]{7,15}|\[[0-9a-f:.]{2,45}\]|\*)(?:%[a-z0-9]{1,15})?:[0-9]{1,5} +"
    r"(?:[0-9.]{7,15}|\[::\]|\*):\* *"
    r'(?:users:\((?:\("[\w.-]{1,64}",pid=[0-9]{1,10},fd=[0-9]{1,9}\),?+){1,256}\) *)?',
    re.ASCII,
)

FORMATS = (SocketFormat("ss", "ss of Linux", read, read_rows=read_rows, sure=_is_sure),)
