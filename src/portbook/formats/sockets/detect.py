r"""What other tools printed, read: one reader a tool, and the format detected.

>>> chosen, events = read([b"LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\\n"])
>>> chosen.name, [event.socket.name for event in events]
('ss', ['tcp 0.0.0.0:22'])
"""

from __future__ import annotations

from collections import deque
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from portbook.errors import NothingKnown
from portbook.formats.base import FormatTable, find_format
from portbook.formats.fields import NOT_UNDERSTOOD, Line, NumberedLines, no_names
from portbook.formats.lines import blocks_of, from_quoted_printable, is_quoted_printable
from portbook.formats.sockets.readers import LONGEST, block_reader, reader, row_reader
from portbook.formats.sockets.worth import SAMPLE_LINES, beginning, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portbook.formats.base import SocketFormat
    from portbook.formats.decoration import Undecorated
    from portbook.formats.fields import Event, Lines, Names, PlainRows, Reader
    from portbook.formats.pasted_line import Decoration

    More = Callable[[], Mapping[str, SocketFormat]]

AnyEvent = TypeVar("AnyEvent")

# In the order in which one is preferred, where several read a capture equally well.
FORMATS: Mapping[str, SocketFormat] = FormatTable(
    "portbook.formats.sockets",
    {
        "ss": "ss",
        "netstat": "netstat",
        "netstat-windows": "netstat_windows",
        "netstat-solaris": "netstat_solaris",
        "sockstat": "sockstat",
        "lsof": "lsof",
        "lsof-fields": "lsof",
        "nmap": "nmap",
        "nmap-grepable": "nmap",
        "nmap-xml": "nmap_xml",
        "masscan-list": "masscan",
        "masscan-json": "masscan",
        "open-ports": "short_lists",
        "rpcinfo": "short_lists",
        "systemctl-sockets": "short_lists",
        "fuser": "fuser",
        "docker": "docker",
        "proc-net": "proc_net",
        "portbook": "portbook_json",
        "osquery": "osquery",
        "osquery-table": "osquery",
        "powershell": "powershell",
        "zeek": "flow_logs",
        "flow-json": "flow_logs",
        "records": "records",
    },
)
# The format is found by the first lines, in so much of them.
_SAMPLE_SIZE = 1 << 17
_MOST_WAITING = 400  # lines of which the reader may still tell


def installed() -> Mapping[str, SocketFormat]:
    """The formats that installed packages bring; their code is imported."""
    from portbook.formats.plugins import socket_formats

    return socket_formats(FORMATS)


def read(
    chunks: Iterable[bytes],
    name: str | None = None,
    names: Names = no_names,
    more: More = dict,
) -> tuple[SocketFormat, Iterator[Event]]:
    """The format of a capture, and what its reader finds, as it comes.

    *name* is the format, or None to find it; *more* returns the formats to look at where no
    format of portbook's own is it: see :func:`installed`.

    :raises MalformedInput: there is nothing to read, or nothing in it is what any tool prints.
    :raises InvalidArgument: there is no format called *name*.
    """
    return _read(chunks, name, names, more, block_reader)


def read_rows(
    chunks: Iterable[bytes],
    name: str | None = None,
    names: Names = no_names,
    more: More = dict,
) -> tuple[SocketFormat, Iterator[Event | PlainRows]]:
    """As :func:`read`, with plain rows together where the format reads them so."""
    return _read(chunks, name, names, more, row_reader)


def _read(
    chunks: Iterable[bytes],
    name: str | None,
    names: Names,
    more: More,
    reader_of: Callable[[SocketFormat], Callable[[NumberedLines, Names], Iterator[AnyEvent]]],
) -> tuple[SocketFormat, Iterator[Event | AnyEvent]]:
    form = None if name is None else find_format(FORMATS, name, more)
    blocks = blocks_of(chunks)
    taken, sample = _begin(blocks, known=form is not None)
    if not any(line.strip() for _, line in sample):
        # Pages of blank lines before the first text are nobody's output.
        raise NothingKnown("there is nothing to read: the input is empty")
    every = NumberedLines(chain(taken, blocks))
    if form is not None:
        return form, reader_of(form)(every, names)
    if is_quoted_printable(line for _, line in sample):
        sample = list(from_quoted_printable(sample))
        every = NumberedLines(from_quoted_printable(every))
    forms, worn = _detect(sample, names, more)
    if worn:
        from portbook.formats.decoration import Undecorated

        return _together(forms), _read_undecorated(forms, Undecorated(every, worn), names)
    if len(forms) == 1:
        return forms[0], reader_of(forms[0])(every, names)
    return _together(forms), _read_all(forms, every, names)


def _begin(blocks: Lines, *, known: bool) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The first of *blocks*, and of their lines so many as tell a format: where it is *known*, up
    to the first that isn't blank.
    """
    taken: list[tuple[int, str]] = []
    sample: list[tuple[int, str]] = []
    size = 0
    for block in blocks:
        taken.append(block)
        for each in NumberedLines([block]):
            sample.append(each)
            # What is too long to be anything in most formats doesn't hide what comes behind it.
            size += min(len(each[1]), LONGEST)
            enough = known and each[1].strip()
            if enough or len(sample) >= SAMPLE_LINES or size > _SAMPLE_SIZE:
                return taken, sample
    return taken, sample


def _read_undecorated(
    forms: list[SocketFormat], lines: Undecorated, names: Names
) -> Iterator[Event]:
    """What *forms* find in *lines*, each socket with the host that its line named."""
    for host, run in lines.runs():
        for event in _read_all(forms, run, names):
            if isinstance(event, Line):
                yield lines.as_pasted(event)
            elif host is None:
                yield event
            else:
                yield event._replace(socket=event.socket._replace(host=host))
    yield from lines.removed()


def _read_all(forms: list[SocketFormat], lines: Lines, names: Names) -> Iterator[Event]:
    """What the first of *forms* finds; what it doesn't understand is given to the next one."""
    first, *others = forms
    if not others:
        return reader(first)(lines, names)
    shared = _Shared(reader(first), lines, names)
    return shared.events(_read_all(others, shared.refused(), names))


class _Shared:
    """An input of several tools: what *read* leaves of it, and all events in their order."""

    def __init__(self, read: Reader, lines: Lines, names: Names) -> None:
        self._lines = lines
        self._left: deque[Event] = deque()
        # A reader tells of a line at once, or soon: a note of it is cut, the next reader needs all.
        self._waiting: dict[int, str] = {}
        self._read = read(self._kept(), names)

    def _kept(self) -> Iterator[tuple[int, str]]:
        for number, line in self._lines:
            if line.strip():
                self._waiting[number] = line
                if len(self._waiting) > _MOST_WAITING:
                    del self._waiting[next(iter(self._waiting))]
            yield number, line

    def refused(self) -> Iterator[tuple[int, str]]:
        """The lines that the reader doesn't understand."""
        for event in self._read:
            line = self._waiting.pop(event.number, None) if isinstance(event, Line) else None
            if line is not None and isinstance(event, Line) and event.what == NOT_UNDERSTOOD:
                yield event.number, line
            else:
                self._left.append(event)

    def events(self, others: Iterator[Event]) -> Iterator[Event]:
        """Those of the reader and *others*, which the lines it refused became."""
        for event in others:
            while self._left:
                yield self._left.popleft()
            yield event
        yield from self._left


def _together(forms: list[SocketFormat]) -> SocketFormat:
    """The first of *forms*, which says what others the input holds."""
    first, *others = forms
    return first._replace(
        title=" and ".join([form.title for form in forms]),
        per_process=any(form.per_process for form in forms),
        also=tuple(form.name for form in others),
    )


def detect(
    sample: list[tuple[int, str]], names: Names = no_names, more: More = dict
) -> SocketFormat:
    """The format that explains the first lines of a capture best.

    Those that *more* returns are asked only where none of portbook's own explains anything, so that
    no package changes how a capture is read.

    :raises NothingKnown: none explains any of them.
    :raises MalformedInput: two packages' formats explain them equally well.
    """
    return _together(_detect(sample, names, more)[0])


def _detect(
    sample: list[tuple[int, str]], names: Names, more: More
) -> tuple[list[SocketFormat], tuple[Decoration, ...]]:
    """The formats of a capture, and what has to be taken off each line before they read it."""
    sample = [(number, beginning(line, LONGEST)) for number, line in sample]
    form = _sure(sample, names)
    if form is not None:
        return [form], ()
    # What it looks for around the lines, most outputs don't have.
    from portbook.formats.sockets.comparison import compared

    return compared(FORMATS.values(), sample, names, more)


def _sure(sample: list[tuple[int, str]], names: Names) -> SocketFormat | None:
    """The format that is preferred to all others, where it alone can be meant by *sample*: the
    others, of which most are large, aren't looked at then.
    """
    form = next(iter(FORMATS.values()))
    some = [(number, line) for number, line in sample if line.strip()]
    if form.sure is None or not form.sure([line for _, line in some]):
        return None
    worth = weigh(partial(reader(form), sample, names), sample, whole=False)
    return form if worth.sockets and not worth.unread else None
