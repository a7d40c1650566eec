"""What people and their tools put around each line of an output: quotes, numbers, comments, markup.

A ticket quotes what a terminal showed, ``grep -n`` and ``nl`` number it, a file comments it out, a
page wraps it in markup, and a tool that asks many hosts writes the host or the time before each
line. Each decoration is a function that takes it off a line, and tells the host that it named; a
line without it stays as it is.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from portbook.formats.fields import NOT_UNDERSTOOD, OVERLONG, not_understood

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from portbook.formats.fields import Line

    Decoration = Callable[[str], tuple[str, str | None]]

_MOST_KEPT = 400  # lines: a reader tells of one at once, or soon
_QUOTED = re.compile(r"[ \t]{0,3}(?:>[ \t]?){1,20}")
_FENCE = re.compile(r"[ \t]{0,8}(?:```|~~~)[\w-]{0,20}[ \t]*$")
_NUMBERED = re.compile(r"[ \t]{0,12}[0-9]{1,7}(?:[:.)|-]|[ \t]{1,2}|\t)")
_COMMENT = re.compile(r"[ \t]{0,12}(?:#{1,6}|//|;|--)[ \t]?(?:(?:->|=>)[ \t]?)?")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_DAY = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{5,16}(?:Z|[+-][0-9:]{4,6})?"
    r"|[A-Z][a-z]{2} [ 0-9][0-9](?: [0-9]{4})? [0-9:]{8}|\[[0-9:. T/-]{5,32}\]"
)
_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}"
_STAMPED = re.compile(
    rf"[ \t]{{0,8}}(?:{_DAY})(?:[ \t]+(?P<host>{_HOST})"
    rf"(?:[ \t]+[\w./-]{{1,40}}(?:\[[0-9]{{1,9}}\])?)?:)?[ \t]?"
)
_NAMED = re.compile(
    rf"[ \t]{{0,8}}(?:\[(?P<bracketed>{_HOST})\]|(?P<host>{_HOST})[ \t]{{0,20}}[:|])[ \t]?"
    r"(?=[ \tA-Za-z*])"
)


def _without(pattern: re.Pattern[str]) -> Decoration:
    def take_off(line: str) -> tuple[str, str | None]:
        found = pattern.match(line)
        if found is None:
            return line, None
        hosts = found.groupdict().values()
        return line[found.end() :], next(filter(None, hosts), None)

    return take_off


def _without_markup(line: str) -> tuple[str, str | None]:
    if "<" not in line and "&" not in line:
        return line, None
    from html import unescape

    return unescape(_TAG.sub("", line)), None


def _without_quotes(line: str) -> tuple[str, str | None]:
    found = _QUOTED.match(line)
    line = line if found is None else line[found.end() :]
    return "" if _FENCE.match(line) else line, None


DECORATIONS: tuple[Decoration, ...] = (
    _without_quotes,
    _without(_COMMENT),
    _without(_NUMBERED),
    _without_markup,
    _without(_STAMPED),
    _without(_NAMED),
)

# What was numbered or commented out, and then quoted, or the other way round.
PAIRS = tuple(
    (first, second) for first in DECORATIONS[:3] for second in DECORATIONS if first is not second
)


def undecorated(
    lines: Iterable[tuple[int, str]], decorations: Iterable[Decoration]
) -> Iterator[tuple[int, str]]:
    """*lines* without *decorations*, which are taken off in their order."""
    worn = tuple(decorations)
    return ((number, _undecorate(line, worn)[0]) for number, line in lines)


def _undecorate(line: str, worn: tuple[Decoration, ...]) -> tuple[str, str | None]:
    """*line* without what is *worn*, and the host that this names."""
    named = None
    if not line.startswith(OVERLONG):
        for take_off in worn:
            line, host = take_off(line)
            named = host or named
    return line, named


class Undecorated:
    """Numbered lines without their decorations: a run of them for each host that these name.

    The lines that readers are likely to tell of are kept as they were, to be shown so.
    """

    def __init__(self, lines: Iterable[tuple[int, str]], worn: tuple[Decoration, ...]) -> None:
        self._lines = lines
        self._worn = worn
        self._kept: dict[int, tuple[str, str]] = {}

    def runs(self) -> Iterator[tuple[str | None, Iterator[tuple[int, str]]]]:
        """The hosts in their order, and the lines of each, which are read before the next."""
        for host, run in groupby(self._bare(), itemgetter(0)):
            yield host, map(itemgetter(1), run)

    def _bare(self) -> Iterator[tuple[str | None, tuple[int, str]]]:
        host: str | None = None
        for number, line in self._lines:
            bare, named = _undecorate(line, self._worn)
            if bare.strip():
                host = named
                self._kept[number] = line, bare
                if len(self._kept) > _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
            yield host, (number, bare)

    def as_pasted(self, event: Line) -> Line:
        """*event* with its whole line as it was pasted, where that is what it shows."""
        line, bare = self._kept.get(event.number, ("", ""))
        if event.what != NOT_UNDERSTOOD or event.text != not_understood(0, bare).text:
            return event
        return event._replace(text=not_understood(0, line).text)
