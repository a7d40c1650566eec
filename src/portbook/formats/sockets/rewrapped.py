"""What a narrow terminal cut, put together: a line of all its columns goes on in the next one.

Whether it does can't be seen by its length alone, for the longest row of a table that nobody cut is
followed by something else. So a line is added to the one above it only where its reader makes more
of both together than of each alone.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from portbook._fast_types import NamedTuple
from portbook.formats.fields import DETAIL, HEADING, NOT_UNDERSTOOD, Line
from portbook.formats.pasted_line import Pasted
from portbook.model import Listener

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.formats.fields import Event, Names, Reader

_MOST_PARTS = 40  # of one line
_NARROWEST, _WIDEST = 40, 320  # columns of a terminal that cuts lines
_MOST_EVENTS = 1 << 10  # of one line, which may hold a thousand containers
_MOST_ABOVE = 4  # titles and headers that a reader is given before a line
_FEWEST = 2  # lines that may go on: a single one may be the longest of all
# The beginning of a line that a shell or a tool for many hosts writes between two outputs.
_BEGINS = re.compile(
    r"\[?[\w.-]{1,40}@[\w.-]{1,64}.{0,80}[#$%>❯]|(?:PS )?[A-Za-z]:\\\S*>|[#$%>❯➜+*=-]{1,8} \S"
    r"|\[[^\[\]]{1,40}\] |[\w.-]{1,64}(?: \| .{1,60})?:?$(?<=:)"
)
_DIGITS = re.compile("[0-9]+")


class _Read(NamedTuple):
    """What a reader made of one line: its sockets, how many have an owner, and whether it is
    anything to it.
    """

    sockets: tuple[Listener, ...]
    owned: int
    known: bool


class Cut:
    """Which lines of *sample* a terminal of *width* columns cut, by what *read* makes of them.

    *whole* is the sample as it was if all lines of so many columns were cut.
    """

    def __init__(
        self,
        read: Reader,
        names: Names,
        sample: list[tuple[int, str]],
        whole: list[tuple[int, str]],
        width: int,
    ) -> None:
        self.width = width
        self._reader, self._names = read, names
        self._likely = False
        self._above: list[tuple[int, str]] = []
        titles = {
            event.number
            for event in islice(read(whole, names), _MOST_EVENTS)
            if isinstance(event, Line) and event.what == HEADING
        }
        for number, line in whole:
            if number in titles and len(self._above) < _MOST_ABOVE:
                self._above.append((0, line))
                if any(isinstance(each, Listener) for each in self._events([])):
                    self._above.pop()  # a row, which is more than a title
                    break
        # How lines begin that nothing above can go on with.
        self._begin = {
            _beginning(line)
            for over, line in pairwise(["", *[line for _, line in sample]])
            if len(over) != width
        }
        self._look = lru_cache(maxsize=1 << 12)(self._looked)

    def is_likely(self, lines: Iterable[tuple[int, str]]) -> bool:
        """Whether a terminal cut *lines*: reading must gain by it, or several lines go on."""
        gained, more = False, 0
        for whole, first in self.put_together(Pasted(*line, line[1]) for line in lines):
            if first is None:
                continue
            now, before = self._look(whole.bare), self._look(first.bare)
            gained = gained or (len(now.sockets), now.owned) > (len(before.sockets), before.owned)
            gained = gained or (now.known and not before.known)
            more += now.known
        self._likely = gained or more >= _FEWEST
        return self._likely

    def put_together(self, lines: Iterable[Pasted]) -> Iterator[tuple[Pasted, Pasted | None]]:
        """*lines* as they were, each with the first part of it where it has several."""
        begun: Pasted | None = None
        first: Pasted | None = None
        parts = 0
        for line in lines:
            whole = line
            if begun is not None and parts < _MOST_PARTS and self._goes_on(begun.bare, line.bare):
                joined = begun.whole + line.whole, begun.bare + line.bare
                whole = begun._replace(whole=joined[0], bare=joined[1])
                first, parts = first or begun, parts + 1
            elif begun is not None:
                yield begun, first
                first, parts = None, 0
            begun = whole if len(line.bare) == self.width else None
            if begun is None:
                yield whole, first
                first, parts = None, 0
        if begun is not None:
            yield begun, first

    def step(self, lines: Iterable[Pasted]) -> Iterator[Pasted]:
        """The step that puts together what was cut."""
        return (whole for whole, _ in self.put_together(lines))

    def _goes_on(self, over: str, line: str) -> bool:
        """Whether *over*, which has all columns, goes on in *line*."""
        if line.lstrip()[:1] in ("", "|", "│", ">"):  # nothing, or a line in a frame or a quote
            return False
        first, rest, whole = map(self._look, (over, line, over + line))
        apart = len(first.sockets) + len(rest.sockets), first.owned + rest.owned
        if (len(whole.sockets), whole.owned) > apart:
            return True
        if rest.known or len(whole.sockets) < apart[0]:
            # Of a row whose end is one for itself, as its ports are, the beginning belongs to it.
            kept = (len(whole.sockets), whole.owned) == apart and whole.known
            return kept and not first.known and (self._likely or not rest.sockets)
        if not first.known:
            return True
        # The first part says something by itself already.
        if not whole.known or whole.owned < apart[1]:
            return False
        says_more = self._likely or whole.sockets != first.sockets or not first.sockets
        return says_more and _beginning(line) not in self._begin and not _BEGINS.match(line)

    def _events(self, lines: list[tuple[int, str]]) -> Iterator[Event]:
        return islice(self._reader([*self._above, *lines], self._names), _MOST_EVENTS)

    def _looked(self, line: str) -> _Read:
        events = list(self._events([(1, line)]))
        sockets = tuple(each for each in events if isinstance(each, Listener))
        others = {each.what for each in events if isinstance(each, Line) and each.number == 1}
        owned = sum(bool(each.ownership.owners) for each in sockets)
        known = bool(sockets) or bool(others - {DETAIL})
        return _Read(sockets, owned, known and NOT_UNDERSTOOD not in others)


def _beginning(line: str) -> str:
    """The first word of *line*, whatever its numbers are."""
    return _DIGITS.sub("0", (line[:80].split(None, 1) or [""])[0])


def without_indent(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """Lines without the blanks that the first has before it, as a block of code has them."""
    indent: int | None = None
    for line in lines:
        if indent is None and line.bare.strip():
            indent = len(line.bare) - len(line.bare.lstrip(" "))
        blanks = len(line.bare) - len(line.bare.lstrip(" "))
        yield line._replace(bare=line.bare[min(indent or 0, blanks) :])


def joined(lines: list[tuple[int, str]], width: int) -> list[tuple[int, str]]:
    """*lines* as they were if each that has *width* columns goes on in the next one."""
    together = [[pair] for pair in lines]
    for at in range(len(lines) - 1, 0, -1):
        if len(lines[at - 1][1]) == width:
            together[at - 1] += together.pop(at)
    return [(some[0][0], "".join(line for _, line in some)) for some in together]


def width_of(lines: Iterable[str]) -> int | None:
    """The columns at which *lines* may have been cut: as many as the longest has."""
    lengths = Counter(len(line) for line in lines)
    longest = max(lengths, default=0)
    return longest if _NARROWEST <= longest <= _WIDEST else None
