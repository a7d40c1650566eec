"""What people and their tools put around each line of an output: quotes, numbers, comments, markup.

A ticket quotes what a terminal showed, ``grep -n`` and ``nl`` number it, a file comments it out, a
page wraps it in markup, and a tool that asks many hosts writes the host or the time before each
line. Each decoration is a function that takes it off a line; a line without it stays as it is.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from portbook.formats.fields import OVERLONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Decoration = Callable[[str], str]

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
    rf"[ \t]{{0,8}}(?:{_DAY})(?:[ \t]+{_HOST}"
    rf"(?:[ \t]+[\w./-]{{1,40}}(?:\[[0-9]{{1,9}}\])?)?:)?[ \t]?"
)
_NAMED = re.compile(rf"[ \t]{{0,8}}(?:\[{_HOST}\]|{_HOST}[ \t]{{0,20}}[:|])[ \t]?(?=[ \tA-Za-z*])")


def _without(pattern: re.Pattern[str]) -> Decoration:
    def take_off(line: str) -> str:
        found = pattern.match(line)
        return line if found is None else line[found.end() :]

    return take_off


def _without_markup(line: str) -> str:
    return html.unescape(_TAG.sub("", line)) if "<" in line or "&" in line else line


def _without_quotes(line: str) -> str:
    found = _QUOTED.match(line)
    line = line if found is None else line[found.end() :]
    return "" if _FENCE.match(line) else line


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
    for number, line in lines:
        bare = line
        if not line.startswith(OVERLONG):
            for take_off in worn:
                bare = take_off(bare)
        yield number, bare
