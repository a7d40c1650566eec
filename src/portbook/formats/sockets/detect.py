r"""What other tools printed, read: one reader a tool, and the format found by itself.

>>> chosen, events = read([b"LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\\n"])
>>> chosen.name, [event.socket.name for event in events]
('ss', ['tcp 0.0.0.0:22'])
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from portbook.errors import FormatFailed, MalformedInput, NothingKnown
from portbook.formats.base import FormatTable, find_format
from portbook.formats.fields import DETAIL, HEADING, NOT_UNDERSTOOD, OVERLONG, no_names
from portbook.formats.json_stream import ended
from portbook.formats.lines import numbered
from portbook.model import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portbook.formats.base import SocketFormat
    from portbook.formats.fields import Event, Lines, Names, Reader

    More = Callable[[], Mapping[str, SocketFormat]]

# In the order in which one is preferred, where several read a capture equally well.
FORMATS: Mapping[str, SocketFormat] = FormatTable(
    "portbook.formats.sockets",
    {
        "ss": "ss",
        "netstat": "netstat",
        "netstat-windows": "netstat_windows",
        "lsof": "lsof",
        "lsof-fields": "lsof",
        "nmap": "nmap",
        "nmap-grepable": "nmap",
        "nmap-xml": "nmap_xml",
        "masscan-list": "masscan",
        "masscan-json": "masscan",
        "docker": "docker",
        "proc-net": "proc_net",
        "portbook": "portbook_json",
        "osquery": "osquery",
        "powershell": "powershell",
    },
)
# The format is found by the first lines, in so much of them.
_SAMPLE_LINES, _SAMPLE_SIZE = 400, 1 << 17
# Of a reader that is tried: a few characters can stand for as many sockets as there are ports.
_SAMPLE_EVENTS = 1 << 13
# A line of a format that has a line for each socket: the longest name a thousand owners.
_LONGEST = 1 << 16


def installed() -> Mapping[str, SocketFormat]:
    """The formats that installed packages bring; their code is imported."""
    from portbook.formats.plugins import socket_formats

    return socket_formats(FORMATS)


def reader(form: SocketFormat) -> Reader:
    """What reads *form*; where each line stands on its own, none comes to it that is too long."""
    if not form.by_line:
        return form.read
    return lambda lines, names: form.read(_short(lines), names)


def _short(lines: Lines) -> Iterator[tuple[int, str]]:
    for each in lines:
        if len(each[1]) > _LONGEST:
            yield each[0], OVERLONG + each[1][:400]
        else:
            yield each


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
    form = None if name is None else find_format(FORMATS, name, more)
    lines = numbered(chunks)
    sample: list[tuple[int, str]] = []
    size = 0
    for each in lines:
        sample.append(each)
        # What is too long to be anything in most formats doesn't hide what comes behind it.
        size += min(len(each[1]), _LONGEST)
        known = form is not None and each[1].strip()  # what is known already needs no sample
        if known or len(sample) >= _SAMPLE_LINES or size > _SAMPLE_SIZE:
            break
    if not any(line.strip() for _, line in sample):
        # Pages of blank lines before the first text are nobody's output.
        raise NothingKnown("there is nothing to read: the input is empty")
    if form is None:
        form = detect(sample, names, more)
    return form, reader(form)(chain(sample, lines), names)


def detect(
    sample: list[tuple[int, str]], names: Names = no_names, more: More = dict
) -> SocketFormat:
    """The format that explains the first lines of a capture best.

    Those that *more* returns are asked only where none of portbook's own explains anything, so that
    no package changes how a capture is read.

    :raises NothingKnown: none explains any of them.
    :raises MalformedInput: two packages' formats explain them equally well.
    """
    sample = [(number, _beginning(line)) for number, line in sample]
    best = _best(FORMATS.values(), sample, names)
    if not best:
        best = _best(more().values(), sample, names)
        if len(best) > 1:
            titles = " or ".join(form.name for form in best)
            raise MalformedInput(f"the input can be {titles}: name its format")
    if not best:
        raise NothingKnown(
            "nothing in the input is what a known tool prints: give the output of ss, netstat, "
            "lsof, nmap or another of --help's formats, or name it with --format"
        )
    return best[0]


def _best(
    formats: Iterable[SocketFormat], sample: list[tuple[int, str]], names: Names
) -> list[SocketFormat]:
    """The formats that explain *sample* best, all equally well.

    Where none explains anything, those that it is the beginning of.
    """
    formats = tuple(formats)
    best, most = [], 0
    for form in formats:
        worth = _worth(form, sample, names)
        if worth > most:
            best, most = [form], worth
        elif worth and worth == most:
            best.append(form)
    begun = [line for _, line in sample]
    return best or [form for form in formats if form.begins is not None and form.begins(begun)]


def _beginning(line: str) -> str:
    """As much of *line* as its format is found by, whatever reads it.

    A line that is cut is no row of any table; JSON in one line is closed where it is cut.
    """
    if len(line) <= _LONGEST:
        return line
    return ended(line[:_LONGEST]) if line.lstrip()[:1] in ("{", "[") else line[: _LONGEST + 1]


def _worth(form: SocketFormat, sample: list[tuple[int, str]], names: Names) -> int:
    """How well a reader explains *sample*: sockets count most, and what it can't read against."""
    worth, ends = 0, len(sample) == _SAMPLE_LINES
    last = sample[-1][0]
    try:
        for event in islice(reader(form)(sample, names), _SAMPLE_EVENTS):
            if isinstance(event, Listener):
                worth += 8
            elif event.what == NOT_UNDERSTOOD:
                # The sample may end in the middle of something.
                worth -= 0 if ends and event.number + event.many > last else 2
            else:
                worth += 2 if event.what not in (HEADING, DETAIL) else 1
    except FormatFailed as error:
        from portbook.formats.plugins import leave_out

        leave_out(str(error))
        return 0
    except MalformedInput:
        # It is this format, and refused: whoever reads it is to be told why.
        return 1
    return worth
