"""What is good of a gzip file that breaks off, as one whose writing or copying was cut short.

An engine gives such a file up as a whole. What was packed before the break is sound: the lines up
to there are packed anew beside the engine's temporary files, and read in the file's place. A file
with a wrong byte in the middle is another matter: nothing tells from where on it is wrong.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib

from portbook._fast_types import NamedTuple
from portbook.formats.base import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.audit.batch import Batch

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
