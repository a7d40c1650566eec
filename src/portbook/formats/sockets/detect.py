r"""What other tools printed, read: one reader a tool, and the format found by itself.

>>> chosen, events = read([b"LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\\n"])
>>> chosen, [event.socket.name for event in events]
('ss', ['tcp 0.0.0.0:22'])
"""

from __future__ import annotations

import importlib
import re
from itertools import chain, islice
from typing import TYPE_CHECKING

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput, NothingKnown
from portbook.formats.fields import DETAIL, HEADING, NOT_UNDERSTOOD, OVERLONG, Line, no_names
from portbook.formats.json_stream import ended
from portbook.formats.lines import numbered
from portbook.model import Listener

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from portbook.formats.fields import Event, Lines, Names, Reader


class Format(NamedTuple):
    """A form of output: the module and the function that read it, and whose it is.

    ``by_line`` says that each line stands on its own, so that no line is long and memory stays
    small.
    """

    module: str
    function: str
    about: str
    by_line: bool = True


# In the order in which one is preferred, where several read a capture equally well.
FORMATS = {
    "ss": Format("ss", "read", "ss of Linux, whatever its flags"),
    "netstat": Format("netstat", "read", "netstat of Linux, macOS and the BSDs"),
    "netstat-windows": Format("netstat_windows", "read", "netstat of Windows, in any language"),
    "lsof": Format("lsof", "read", "lsof -i"),
    "lsof-fields": Format("lsof", "read_fields", "lsof -i -F"),
    "nmap": Format("nmap", "read", "nmap"),
    "nmap-grepable": Format("nmap", "read_grepable", "nmap -oG, masscan -oG"),
    "nmap-xml": Format("nmap_xml", "read", "nmap -oX, masscan -oX", by_line=False),
    "masscan-list": Format("masscan", "read_list", "masscan -oL, or its output as it goes"),
    "masscan-json": Format("masscan", "read_json", "masscan -oJ", by_line=False),
    "docker": Format("docker", "read", "docker ps, podman ps, docker compose ps", by_line=False),
    "proc-net": Format("proc_net", "read", "/proc/net/tcp, tcp6, udp, udp6"),
    "portbook": Format(
        "portbook_json", "read", "portbook listen --json, explain --json", by_line=False
    ),
    "osquery": Format("osquery", "read", "osquery's listening_ports as JSON", by_line=False),
    "powershell": Format(
        "powershell", "read", "Get-NetTCPConnection, Get-NetUDPEndpoint", by_line=False
    ),
}
# The format is found by the first lines, in so much of them.
_SAMPLE_LINES, _SAMPLE_SIZE = 400, 1 << 17
# Of a reader that is tried: a few characters can stand for as many sockets as there are ports.
_SAMPLE_EVENTS = 1 << 13
# What portbook prints with --json is one value, which may end far behind the first lines.
_OWN = re.compile(r'\s*\{\s*"schema"\s*:\s*"portbook/(?:listen|explain|port)/1"')
# A line of a format that has a line for each socket: the longest name a thousand owners.
_LONGEST = 1 << 16


def reader(name: str) -> Reader:
    """The function that reads the format called *name* of :data:`FORMATS`."""
    chosen = FORMATS[name]
    module: Any = importlib.import_module(f"portbook.formats.sockets.{chosen.module}")
    function: Reader = getattr(module, chosen.function)
    if not chosen.by_line:
        return function
    return lambda lines, names: function(_short(lines), names)


def _short(lines: Lines) -> Iterator[tuple[int, str]]:
    for each in lines:
        if len(each[1]) > _LONGEST:
            yield each[0], OVERLONG + each[1][:400]
        else:
            yield each


def read(
    chunks: Iterable[bytes], name: str | None = None, names: Names = no_names
) -> tuple[str, Iterator[Event]]:
    """The format of a capture, and what its reader finds, as it comes.

    *name* is the format, or None to find it. Raises MalformedInput where there is nothing to
    read, or nothing in it is what any tool prints.
    """
    lines = numbered(chunks)
    sample: list[tuple[int, str]] = []
    size = 0
    for each in lines:
        sample.append(each)
        # What is too long to be anything in most formats doesn't hide what comes behind it.
        size += min(len(each[1]), _LONGEST)
        known = name is not None and each[1].strip()  # what is known already needs no sample
        if known or len(sample) >= _SAMPLE_LINES or size > _SAMPLE_SIZE:
            break
    if not any(line.strip() for _, line in sample):
        # Pages of blank lines before the first text are nobody's output.
        raise NothingKnown("there is nothing to read: the input is empty")
    if name is None:
        name = detect(sample, names)
    return name, reader(name)(chain(sample, lines), names)


def detect(sample: list[tuple[int, str]], names: Names = no_names) -> str:
    """The format that explains the first lines of a capture best.

    Raises MalformedInput where none explains any of them.
    """
    best, most = "", 0
    sample = [(number, _beginning(line)) for number, line in sample]
    for name in FORMATS:
        worth = _worth(name, sample, names)
        if worth > most:
            best, most = name, worth
    if not best and _OWN.match("".join([line for _, line in sample[:40]])):
        best = "portbook"
    if not best:
        raise NothingKnown(
            "nothing in the input is what a known tool prints: give the output of ss, netstat, "
            "lsof, nmap or another of --help's formats, or name it with --format"
        )
    return best


def _beginning(line: str) -> str:
    """As much of *line* as its format is found by, whatever reads it.

    A line that is cut is no row of any table; JSON in one line is closed where it is cut.
    """
    if len(line) <= _LONGEST:
        return line
    return ended(line[:_LONGEST]) if line.lstrip()[:1] in ("{", "[") else line[: _LONGEST + 1]


def _worth(name: str, sample: list[tuple[int, str]], names: Names) -> int:
    """How well a reader explains *sample*: sockets count most, and what it can't read against."""
    worth, ends = 0, len(sample) == _SAMPLE_LINES
    last = sample[-1][0]
    try:
        for event in islice(reader(name)(sample, names), _SAMPLE_EVENTS):
            if isinstance(event, Listener):
                worth += 8
            elif event.what == NOT_UNDERSTOOD:
                # The sample may end in the middle of something.
                worth -= 0 if ends and event.number + event.many > last else 2
            else:
                worth += 2 if event.what not in (HEADING, DETAIL) else 1
    except MalformedInput:
        # It is this format, and refused: whoever reads it is to be told why.
        return 1 if name == "nmap-xml" else 0
    return worth


__all__ = ["FORMATS", "Format", "Line", "detect", "read", "reader"]
