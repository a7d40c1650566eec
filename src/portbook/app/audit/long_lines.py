"""Lines of CSV that are longer than DuckDB's buffers: it passes over them without a word.

Up to 32 MB it says that a line is too long. Past that, where several threads read a file, it drops
the line; where one thread does, it drops only a last line that has no line break.
"""

from __future__ import annotations

import os
import zlib

from portbook.app.audit.batch import is_url
from portbook.app.audit.gzip_recovery import unpacked
from portbook.formats.base import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.audit.batch import Batch

# Half of DuckDB's buffer (32 MB: 16 times max_line_size), so that a line that fills a buffer spans
# one whole window, wherever it begins.
_WINDOW = 16_000_000
_PIECE = 1 << 16
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
                for place in range(start, start + _WINDOW, _PIECE):
                    file.seek(place)
                    if b"\n" in file.read(min(_PIECE, start + _WINDOW - place)):
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
