"""What reads a format: line by line, by the block, or plain rows together."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from portbook.formats.fields import OVERLONG, NumberedLines, PlainRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from portbook.formats.base import SocketFormat
    from portbook.formats.fields import Event, Lines, Names, Reader, RowReader

    BlockReader = Callable[[NumberedLines, Names], Iterator[Event]]

# A line of a format that has a line for each socket: the longest name a thousand owners.
LONGEST = 1 << 16


def reader(form: SocketFormat) -> Reader:
    """What reads *form*; where each line stands on its own, none comes to it that is too long."""
    if not form.by_line:
        return form.read
    return lambda lines, names: form.read(_short(lines), names)


def row_reader(form: SocketFormat) -> RowReader:
    """As :func:`reader`, of plain rows together where the format reads them so."""
    rows = form.read_rows
    if rows is None:
        return reader(form)
    return lambda lines, names: rows(NumberedLines(_short(lines.blocks)), names)


def block_reader(form: SocketFormat) -> BlockReader:
    """As :func:`reader`, by the block where the format is read so."""
    if form.read_rows is None:
        return reader(form)
    rows = row_reader(form)
    return lambda lines, names: chain.from_iterable(map(_each_of, rows(lines, names)))


def _each_of(event: Event | PlainRows) -> Iterable[Event]:
    return event.listeners() if isinstance(event, PlainRows) else (event,)


def _short(blocks: Lines) -> Iterator[tuple[int, str]]:
    """*blocks* of lines, those lines cut that are too long."""
    for each in blocks:
        if len(each[1]) > LONGEST and _has_longer(each[1]):
            lines = [
                OVERLONG + line[:400] if len(line) > LONGEST else line
                for line in each[1].split("\n")
            ]
            yield each[0], "\n".join(lines)
        else:
            yield each


def _has_longer(text: str) -> bool:
    """Whether a line of *text* is longer than any may be."""
    start = 0
    while len(text) - start > LONGEST:
        end = text.rfind("\n", start, start + LONGEST + 1)
        if end < 0:
            return True
        start = end + 1
    return False
