"""Inputs that are made to be slow to read, of any size: the kinds, and the sizes doubled.

A kind is a run of one thing (a quote that is never closed, a bracket, a blank, a digit), put at
some place of something that a reader knows, in one long line or in many. A reader whose time grows
faster than such an input has a fault that anybody who writes to it can use.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

# Just below 64 kB, which is the longest line that most readers take.
LONG_LINE = 64_000
SHORT_LINE = 60
# Stands for a number that is another one each time.
COUNTER = b"\xc2\xa7"

# What is repeated, by a name for it.
UNITS = {
    "quotes": b'"',
    "apostrophes": b"'",
    "escaped quotes": b'\\"',
    "backslashes": b"\\",
    "open brackets": b"[",
    "open braces": b'{"a":',
    "parentheses": b"(",
    "pairs of brackets": b"[]",
    "pairs of braces": b"{},",
    "angles": b"<",
    "tags": b"<a>",
    "blanks": b" ",
    "tabs": b"\t",
    "carriage returns": b"\r",
    "zeros": b"\0",
    "escapes": b"\x1b[",
    "titles": b"\x1b]",
    "control bytes": bytes(range(1, 9)),
    "digits": b"9",
    "letters": b"a",
    "words": b"ab ",
    "numbers": b"1 ",
    "counted words": b"w" + COUNTER + b" ",
    "colons": b":",
    "dots": b".",
    "dotted": b"a.",
    "dots and commas": b"1.,",
    "percent signs": b"%",
    "escapes of addresses": b"%41",
    "commas": b",",
    "semicolons": b";",
    "slashes": b"/",
    "bars": b"|",
    "dashes": b"-",
    "double dashes": b"-- ",
    "equals": b"=",
    "ampersands": b"&a=",
    "at signs": b"a@",
    "at signs and dots": b"@.",
    "arrows": b"->",
    "hashes": b"#",
    "stars": b"*",
    "wide letters": "端".encode(),
    "marks": "\u0301".encode(),
    "bytes that are no text": b"\xff",
    "halves of UTF-16": b"a\0",
}
# Those that a place in the middle of a known line is tried with: the others only alone.
_IN_THE_MIDDLE = (
    "escaped quotes", "blanks", "letters", "words", "counted words", "dots and commas",
)  # fmt: skip
_FILLERS = (b" x" + COUNTER, b",x", b" --")
_BOUNDARY = re.compile(rb"(?<=[^\s\w])|(?=[^\s\w])|(?<=\s)(?=\S)|(?<=\S)(?=\s)")
_SHAPE = re.compile(rb"\w+")
_MOST_PLACES = 6
_MOST_LINES = 3


class Kind(NamedTuple):
    """A run of *unit* between *before* and *after*, in lines of *width* bytes or in one of all.

    *lead* comes before the first of the lines.
    """

    name: str
    before: bytes = b""
    unit: bytes = b" "
    after: bytes = b""
    width: int | None = None
    lead: bytes = b""

    def make(self, size: int) -> bytes:
        """About *size* bytes of it."""
        if self.width is None or self.width >= size:
            return self.lead + self._line(size, 0) + b"\n" * (self.width is not None)
        lines: list[bytes] = []
        while size > 0:
            lines.append(self._line(min(self.width, size), len(lines)))
            size -= len(lines[-1]) + 1
        return self.lead + b"\n".join(lines) + b"\n"

    def _line(self, width: int, place: int) -> bytes:
        room = max(1, (width - len(self.before) - len(self.after)) // len(self.unit))
        before = self.before.replace(COUNTER, b"%d" % place)
        return before + _counted(self.unit, room, place * room) + self.after


class Table(NamedTuple):
    """A long line that may be the head of a table, and as much again of short lines below it."""

    name: str
    head: Kind
    row: bytes
    after: bytes = b""

    def make(self, size: int) -> bytes:
        """About *size* bytes of it."""
        row = self.row + b"\n"
        rows = [row.replace(COUNTER, b"%d" % place) for place in range(size // 2 // len(row) + 1)]
        return self.head.make(size // 2) + b"\n" + b"".join(rows) + self.after


class Repeated(NamedTuple):
    """*text* again and again, between *before* and *after*; its counters count."""

    name: str
    text: bytes
    before: bytes = b""
    after: bytes = b""

    def make(self, size: int) -> bytes:
        """About *size* bytes of it."""
        times = max(1, (size - len(self.before) - len(self.after)) // len(self.text))
        return self.before + _counted(self.text, times, 0) + self.after


def _counted(unit: bytes, times: int, first: int) -> bytes:
    if COUNTER not in unit:
        return unit * times
    return b"".join([unit.replace(COUNTER, b"%d" % at) for at in range(first, first + times)])


class Input(Protocol):
    """Any kind of slow input."""

    @property
    def name(self) -> str:
        """What it is a run of, and where."""

    def make(self, size: int) -> bytes:
        """About *size* bytes of it."""


def few_kinds(samples: tuple[bytes, ...]) -> Iterator[Input]:
    """Long lines of each thing that is repeated, and *samples*, which a reader is made for."""
    for name, unit in UNITS.items():
        yield Kind(f"{name}, {_widths(LONG_LINE)}", unit=unit, width=LONG_LINE)
    for name in ("blanks", "tabs", "words", "dots and commas"):
        yield Kind(f"{name} before a word", b"", UNITS[name], b"x1", LONG_LINE)
        yield Kind(f"{name} behind a word", b"x1 ", UNITS[name], b"", LONG_LINE)
        yield Kind(f"{name} between words", b"1 x ", UNITS[name], b"x", LONG_LINE)
    for at, sample in enumerate(samples):
        text = sample if sample.endswith(b"\n") else sample + b"\n"
        yield Repeated(f"sample {at} repeated", text)
        yield Repeated(f"sample {at} with other numbers", re.sub(rb"[0-9]+", COUNTER, text))


def all_kinds(samples: tuple[bytes, ...]) -> Iterator[Input]:
    """Every kind of slow input for a reader that *samples* are made for."""
    yield from few_kinds(samples)
    for name, unit in UNITS.items():
        for width in (None, SHORT_LINE):
            yield Kind(f"{name}, {_widths(width)}", unit=unit, width=width)
    for at, sample in enumerate(samples):
        yield from _stretched(at, sample)
        yield from _tables(at, sample)


def _widths(width: int | None) -> str:
    return "one line" if width is None else f"lines of {width:,}"


def _stretched(at: int, sample: bytes) -> Iterator[Input]:
    """The lines of *sample* with a run of something at their seams."""
    lines = _lines(sample)
    for number, line in enumerate(lines):
        lead = b"".join([other + b"\n" for other in lines[:number]])
        seams = sorted({0, len(line), *(found.start() for found in _BOUNDARY.finditer(line))})
        step = max(1, len(seams) // _MOST_PLACES)
        for seam in seams[::step]:
            for name in _IN_THE_MIDDLE:
                yield Kind(
                    f"sample {at}, line {number}, {name} at {seam}",
                    line[:seam],
                    UNITS[name],
                    line[seam:],
                    LONG_LINE,
                    lead,
                )


def _tables(at: int, sample: bytes) -> Iterator[Input]:
    """The lines of *sample* made wide, and each of them as short rows below."""
    lines = _lines(sample)
    for number, line in enumerate(lines):
        for filler in _FILLERS:
            for other, row in enumerate(lines):
                yield Table(
                    f"sample {at}, line {number} with many of {filler!r}, rows of line {other}",
                    Kind("head", line, filler),
                    row,
                )


def _lines(sample: bytes) -> list[bytes]:
    """The first lines of *sample* that look unlike each other."""
    shapes: dict[bytes, bytes] = {}
    for line in sample.split(b"\n"):
        if line.strip():
            shapes.setdefault(_SHAPE.sub(b"a", line), line)
    return [*shapes.values()][:_MOST_LINES]
