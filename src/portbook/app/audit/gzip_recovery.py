"""Files that an engine would lose rows of without a word; what is good of a broken gzip file.

An engine gives such a file up as a whole. What was packed before the break is sound: the lines up
to there are packed anew beside the engine's temporary files, and read in the file's place. A file
with a wrong byte in the middle is another matter: nothing tells from where on it is wrong.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from typing import TYPE_CHECKING

from portbook._fast_types import NamedTuple
from portbook.app.audit.engines.base import is_url
from portbook.formats.base import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from portbook.app.audit.engines.base import Batch

_PIECE = 1 << 20
_LONGEST = 2_000_000  # bytes of a line: DuckDB's own limit (max_line_size)
_GZIP = 31  # zlib's wbits for gzip's header and check (zlib.h, inflateInit2)


class Salvaged(NamedTuple):
    """The lines before the break, as a file of their own, and what is said of the break."""

    path: str
    fault: Fault


class _Break:
    """Where a stream ended: ``found`` is false where it ended as it should."""

    found = False


def salvage(batch: Batch, folder: str) -> Salvaged | None:
    """The lines of the one file of *batch* that come before the break, written to *folder*.

    None where it is no gzip of lines, ends as it should, is broken in another way, or has no whole
    line. A line that is too long for the engine counts as the break: what is behind it is not
    looked at, since a small file may hold a line of any length.
    """
    lines = batch.layout.reader == "csv" or (batch.layout.reader == "json" and not batch.array)
    if not folder or not lines or batch.compression != "gzip":
        return None
    (path,) = batch.files
    number, name = tempfile.mkstemp(".gz", dir=folder)
    count, rest, said, broken = 0, b"", "", _Break()
    try:
        with open(number, "wb") as raw, gzip.GzipFile("", "wb", 1, raw) as out:
            for piece in unpacked(path, broken):
                whole, newline, after = piece.rpartition(b"\n")
                if newline:
                    out.write(rest + whole + newline)
                    count, rest = count + whole.count(b"\n") + 1, after
                    continue
                rest += piece
                if len(rest) > _LONGEST:
                    said = "has too long a line here"
                    break
            else:
                said = "breaks off here" if broken.found else ""
        if said and count:
            said += ": what comes before is counted, the rest of the file isn't"
            return Salvaged(name, Fault(path, count + 1, said))
    except (OSError, zlib.error):
        pass
    os.unlink(name)
    return None


def unpacked(path: str, broken: _Break | None = None) -> Iterator[bytes]:
    """What the gzip file at *path* holds, in pieces; *broken* is told whether it breaks off.

    Raises OSError and zlib.error.
    """
    with open(path, "rb") as file:
        unpack = zlib.decompressobj(_GZIP)
        packed = file.read(_PIECE)
        while packed:
            # A small file may hold a great deal: never more than a piece of it at once.
            yield unpack.decompress(packed, _PIECE)
            packed = unpack.unconsumed_tail
            if unpack.eof:
                packed = unpack.unused_data or file.read(_PIECE)
                if not packed:
                    return
                if not packed.startswith(b"\x1f"):
                    break  # something else was written behind it
                unpack = zlib.decompressobj(_GZIP)  # RFC 1952 §2.2: members follow each other
            elif not packed:
                packed = file.read(_PIECE)
    if broken is not None:
        broken.found = True


def is_damaged(path: str) -> bool:
    """Whether the checksums of the gzip file at *path* are wrong: DuckDB doesn't look at them."""
    try:
        for _ in unpacked(path):
            pass
    except zlib.error:
        return True
    except OSError:
        pass
    return False


# -- a Zstandard file that breaks off: told by the lengths that its frames and blocks say ----------

# DuckDB reads such a file to where it breaks off, and takes that for its end. Nothing is unpacked
# here: each block is passed over by its length (RFC 8878 §3.1.1).
_FRAME = 0xFD2FB528
_SKIPPED = 0x184D2A50  # with any of sixteen last digits: a frame of something else (§3.1.2)
_RLE = 1  # the type of a block that holds one byte, however long it is unpacked
# The lengths of two fields of a frame's head, by their flags (§3.1.1.1.1).
_SIZE_BYTES = (0, 2, 4, 8)
_DICTIONARY_BYTES = (0, 1, 2, 4)


def breaks_off(path: str) -> bool:
    """Whether the file at *path* ends within a frame. False where it can't be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            while file.tell() < size:
                if not _skip_frame(file):
                    return False  # no frame at all: DuckDB says so
            return file.tell() > size
    except OSError:  # DuckDB says that too
        return False


def _skip_frame(file: BinaryIO) -> bool:
    """Moves *file* behind the frame that begins here; whether there is one.

    It is behind the end of the file then if that comes first.
    """
    magic = _number(file, 4)
    if magic & ~0xF == _SKIPPED:
        file.seek(_number(file, 4), os.SEEK_CUR)
        return True
    if magic != _FRAME:
        return False
    flags = _number(file, 1)
    single = flags >> 5 & 1
    size_bytes = _SIZE_BYTES[flags >> 6] or single
    file.seek(1 - single + _DICTIONARY_BYTES[flags & 3] + size_bytes, os.SEEK_CUR)
    last = 0
    while not last:
        block = file.read(3)
        if len(block) < 3:
            file.seek(1, os.SEEK_END)
            return True
        head = int.from_bytes(block, "little")
        last, kind, length = head & 1, head >> 1 & 3, head >> 3
        file.seek(1 if kind == _RLE else length, os.SEEK_CUR)
    file.seek(4 * (flags >> 2 & 1), os.SEEK_CUR)  # the checksum
    return True


def _number(file: BinaryIO, length: int) -> int:
    return int.from_bytes(file.read(length), "little")


# -- lines of CSV that are longer than DuckDB's buffers: it passes over them without a word --------

# Up to 32 MB it says that a line is too long. Past that, where several threads read a file, it
# drops the line; where one thread does, it drops only a last line that has no line break.

# Half of DuckDB's buffer (32 MB: 16 times max_line_size), so that a line that fills a buffer spans
# one whole window, wherever it begins.
_WINDOW = 16_000_000
_STEP = 1 << 16
REASON = f"has a line of more than {_WINDOW // 1_000_000} MB, which is not counted"


def overlong(batch: Batch, *, empty: bool = False) -> list[Fault]:
    """The files of *batch* with such a line.

    Where nothing was read of a packed file (*empty*), it is unpacked to look; else that would take
    as long as the audit.
    """
    if batch.layout.reader != "csv":
        return []
    local = [path for path in batch.files if not is_url(path)]
    if batch.compression == "none" and not empty:
        return [Fault(path, None, REASON, None) for path in local if _in_windows(path)]
    if batch.compression == "gzip" and empty:
        return [Fault(path, None, REASON, None) for path in local if _in_pieces(path)]
    return []


def _in_windows(path: str) -> bool:
    """Whether a whole window of the file at *path* has no line break: one read a window tells."""
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            for start in range(0, size - _WINDOW + 1, _WINDOW):
                for place in range(start, start + _WINDOW, _STEP):
                    file.seek(place)
                    if b"\n" in file.read(min(_STEP, start + _WINDOW - place)):
                        break
                else:
                    return True
    except OSError:  # DuckDB says what is wrong
        pass
    return False


def _in_pieces(path: str) -> bool:
    """Whether what the gzip file at *path* holds has a line of more than two windows."""
    length = 0
    try:
        for piece in unpacked(path):
            length = len(piece) - piece.rfind(b"\n") - 1 if b"\n" in piece else length + len(piece)
            if length > 2 * _WINDOW:
                return True
    except (OSError, zlib.error):
        pass
    return False
