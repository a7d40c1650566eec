"""Rows of ``ss`` that somebody broke over several lines, each wherever it pleased.

What a terminal cuts has its width and is put together before (:mod:`.rewrapped`). What a person or
a mail program broke has no width: a line is added to those above it only where all of them together
are one whole row, and there is one way at most to read it.
"""

from __future__ import annotations

import re

_MOST_LINES = 8  # of a row
_LONGEST = 1000  # characters of a row that is put together
_MOST_WAYS = 16  # to put a row together until its end is there
_BEGINS = re.compile(r"\s{0,40}(?:(?:tcp|udp|sctp|dccp|mptcp)\s+)?(?:LISTEN|UNCONN)(?:\s|$)")
_HEAD = r"(?:(?:tcp|udp|sctp|dccp|mptcp)\s+)?(?:LISTEN|UNCONN)\s+[0-9]{1,9}\s+[0-9]{1,9}\s+"
_WHOLE = re.compile(
    rf"\s{{0,40}}{_HEAD}(?:\[[^\s\]]{{2,60}}\]|[^\s:\[]{{1,60}}):[^\s:]{{1,32}}"
    r"\s+(?:\[[^\s\]]{2,60}\]|[^\s:\[]{1,60}):\*(?:\s.*)?",
    re.DOTALL,
)


def is_open(row: str) -> bool:
    """Whether the owners in *row* begin and don't end.

    >>> is_open('users:(("sshd",pid=8'), is_open('users:(("sshd",pid=812,fd=3))')
    (True, False)
    """
    return "users:(" in row and "))" not in row[row.index("users:(") :]


class BrokenRow:
    """The lines of a row that isn't whole yet: its beginning, or all but the end of its owners.

    ``lines`` are these; the first of one that has its addresses is a row by itself already.
    """

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self._ways: list[str] = []

    def begin(self, number: int, line: str) -> bool:
        """Takes *line* for the first of a row; False where none begins with it."""
        self.drop()
        if len(line) > _LONGEST or not _BEGINS.match(line):
            return False
        self.lines, self._ways = [(number, line)], [line.rstrip()]
        return True

    def drop(self) -> None:
        """Forgets what was begun."""
        self.lines, self._ways = [], []

    def go_on(self, number: int, line: str) -> list[str] | None:
        """The ways to read the row whole that *line* goes on with; none where its end is still to
        come. None where it can't go on so.
        """
        more = line.strip()
        size = len(more) + max(map(len, self._ways), default=_LONGEST)
        if size > _LONGEST or len(self.lines) >= _MOST_LINES or not more:
            return None
        # A word is broken as well as the blanks between two.
        ways = [way + between + more for way in self._ways for between in ("", " ")]
        ended = [way for way in ways if not is_open(way) and _WHOLE.fullmatch(way)]
        begun = [way for way in ways if _could_be(way)]
        if not ended and not 0 < len(begun) <= _MOST_WAYS:
            return None
        self.lines.append((number, line))
        self._ways = begun
        return ended


# How a row may begin whose addresses aren't all there.
_BEGUN = re.compile(
    r"\s{0,40}(?:(?:tcp|udp|sctp|dccp|mptcp)\s+)?(?:LISTEN|UNCONN)"
    r"(?:\s+[0-9]{1,9}(?:\s+[0-9]{1,9}(?:\s+[^\s]{1,80}(?:\s+[^\s]{1,80})?)?)?)?\s*"
)


# How owners begin that aren't all there: no more than one of them is cut.
_OWNERS = re.compile(
    r'\((?:\("[^"\\]{1,64}",[a-z0-9=,_:]{1,80}\),?){0,64}(?:\((?:"[^"\\]{0,64}(?:"[a-z0-9=,_:]{0,80})?)?)?'
)


def _could_be(way: str) -> bool:
    if _BEGUN.fullmatch(way):
        return True
    _, _, owners = way.partition("users:")
    return _OWNERS.fullmatch(owners) is not None and _WHOLE.fullmatch(way) is not None
