"""Whether a Zstandard file breaks off, by the lengths that its frames and blocks say.

DuckDB reads such a file to where it breaks off, and takes that for its end. Nothing is unpacked
here: each block is passed over by its length (RFC 8878 §3.1.1).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

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
