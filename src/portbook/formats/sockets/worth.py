"""How well a reader explains the first lines of a capture: what its format is found by."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from portbook._fast_types import NamedTuple
from portbook.errors import FormatFailed, MalformedInput, NothingKnown
from portbook.formats.fields import DETAIL, HEADING, NO_PORT, NOT_UNDERSTOOD
from portbook.formats.json_stream import ended
from portbook.model import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portbook.formats.base import SocketFormat
    from portbook.formats.fields import Event

SAMPLE_LINES = 400  # of a capture, by which its format is found
# Of a reader that is tried: a few characters can stand for as many sockets as there are ports.
MOST_EVENTS = 1 << 13


class Worth(NamedTuple):
    """How well a reader explains a sample.

    *known* is whether anything in it is the tool's: a socket, a header, a connection. The *points*
    only rank readers: sockets count most, and what a reader can't read counts against it.
    *owned* is how many of the sockets have an owner.
    """

    known: bool
    points: int
    sockets: int
    unread: int
    owned: int = 0

    @property
    def plain(self) -> bool:
        """Whether there is no need to look for what surrounds the lines."""
        return self.sockets > self.unread

    def is_as_good_as(self, other: Worth) -> bool:
        """Whether as much was read, with as many owners, and no more was left."""
        more = self.sockets >= other.sockets and self.owned >= other.owned
        return more and self.unread <= other.unread


NOTHING = Worth(False, 0, 0, 0)


def weigh(
    read: Callable[[], Iterable[Event]], sample: list[tuple[int, str]], *, whole: bool
) -> Worth:
    """How well what *read* makes of *sample* explains it; *whole* says that nothing follows it."""
    points = sockets = unread = told = owned = 0
    last = sample[-1][0] if sample else 0
    try:
        for event in islice(read(), MOST_EVENTS):
            if isinstance(event, Listener):
                points += 8
                sockets += 1
                owned += bool(event.ownership.owners)
            elif event.what == NOT_UNDERSTOOD:
                # The sample may end in the middle of something.
                cut = not whole and event.number + event.many > last
                points -= 0 if cut else 2
                unread += not cut
            else:
                points += 2 if event.what not in (HEADING, DETAIL) else 1
                told += event.what not in (DETAIL, NO_PORT)
    except FormatFailed as error:
        from portbook.formats.plugins import leave_out

        leave_out(str(error))
        return NOTHING
    except MalformedInput:
        # It is this format, and refused: whoever reads it is to be told why.
        return Worth(True, max(1, points), sockets, unread, owned)
    # A socket is enough to take an input, however much prose stands around it; a line that says
    # how many others there are, or a title, is where it is most of what there is.
    return Worth(bool(sockets or (told and points > 0)), points, sockets, unread, owned)


def begun(formats: Iterable[SocketFormat], sample: list[tuple[int, str]]) -> list[SocketFormat]:
    """The formats that *sample* can be the beginning of."""
    lines = [line for _, line in sample]
    return [form for form in formats if form.begins is not None and form.begins(lines)]


def beginning(line: str, most: int) -> str:
    """As much of *line* as its format is found by, whatever reads it: *most* characters.

    A line that is cut is no row of any table; JSON in one line is closed where it is cut.
    """
    if len(line) <= most:
        return line
    return ended(line[:most]) if line.lstrip()[:1] in ("{", "[") else line[: most + 1]


def nothing_known(sample: list[tuple[int, str]], lacking: str | None = None) -> NothingKnown:
    """The error of an input that no format reads: what to do instead.

    *lacking* is the format whose header it has, and what all of its rows lack.
    """
    # Only a failure needs it: its patterns take longer to make than a short output to read.
    from portbook.formats.sockets.elsewhere import ELSEWHERE
    from portbook.formats.sockets.no_text import explain_no_text

    binary = explain_no_text([line for _, line in sample[:_TEXT_LINES]])
    if binary is not None:
        return NothingKnown(binary)
    if lacking:
        return NothingKnown("nothing in the input could be read as " + lacking)
    for _, line in sample:
        for pattern, advice in ELSEWHERE:
            if pattern.search(line):
                return NothingKnown(advice)
    failed = NothingKnown(
        "nothing in the input is what a known tool prints: give the output of ss, netstat, "
        "lsof, nmap or another tool that portbook knows, or name the format"
    )
    failed.lines = tuple([line[:_TOLD_BY] for _, line in sample])
    return failed


_TEXT_LINES = 40  # by which it is told whether it is any text
_TOLD_BY = 1 << 14  # characters of a line that a log is told by
