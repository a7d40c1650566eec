"""What stands farther down in a log of lines, where its beginning doesn't tell all that is in it.

A syslog server writes the lines of every sender into one file: the first of a firewall may stand
anywhere. Each kind of line has bytes in it that few others have, and those are looked for.
"""

from __future__ import annotations

import gzip
import os
import zlib
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PIECE = 1 << 20  # bytes that are looked at together
_MOST_PIECES = 256  # of a longer file so many, evenly apart
_MOST_LINES = 24  # with one mark
_LONGEST = 1 << 14  # bytes of a line


def lines_with(path: str, compression: str, marks: Iterable[bytes], most: int) -> tuple[str, ...]:
    """Lines of the file at *path* in which one of *marks* stands, a few for each of them.

    No more than *most* pieces of the file are looked at; what can't be unpacked ends it.
    """
    counts = dict.fromkeys(marks, 0)
    lines: dict[bytes, None] = {}
    try:
        for piece in _pieces(path, compression, min(most, _MOST_PIECES)):
            # One byte is looked for ten times as fast as several, and a sign may be nowhere.
            signs = {mark[0] for mark in counts if mark[0] in piece}
            for mark in [mark for mark, count in counts.items() if count < _MOST_LINES]:
                at = piece.find(mark) if mark[0] in signs else -1
                if at >= 0:
                    counts[mark] += 1
                    start = piece.rfind(b"\n", max(0, at - _LONGEST), at) + 1
                    end = piece.find(b"\n", at, start + _LONGEST)
                    lines[piece[start : end if end >= 0 else start + _LONGEST]] = None
    except (OSError, EOFError, zlib.error):
        pass  # whoever reads the file says so
    return tuple([line.decode("utf-8", "replace").rstrip("\r") for line in lines])


def _pieces(path: str, compression: str, most: int) -> Iterator[bytes]:
    """Pieces of the file at *path*: all of it, or *most* of them."""
    if compression == "gzip":
        with gzip.open(path) as file:
            yield from _one_after_another(cast("IO[bytes]", file), most)
        return
    with open(path, "rb") as plain:
        size = os.fstat(plain.fileno()).st_size
        if size <= most * _PIECE:
            yield from _one_after_another(plain, most)
            return
        for at in range(most):
            plain.seek(at * (size - _PIECE) // (most - 1))
            yield plain.read(_PIECE)


def _one_after_another(file: IO[bytes], most: int) -> Iterator[bytes]:
    """The first pieces of *file*, each with the line that the one before it ended in."""
    cut = b""
    for _ in range(most):
        piece = file.read(_PIECE)
        if not piece:
            return
        whole = cut + piece
        yield whole
        cut = whole[-_LONGEST:][whole[-_LONGEST:].rfind(b"\n") + 1 :]
