"""The bytes of captures: files that were named, or standard input."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from portbook.cli import complain
from portbook.cli.terminal import is_terminal
from portbook.errors import InputUnreadable, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.cli.progress import Tell

STANDARD_INPUT = "-"
_CHUNK = 1 << 16  # bytes read at once


def chunks_of(path: str, *, wait: bool = True, tell: Tell | None = None) -> Iterator[bytes]:
    """The bytes of a file, or of standard input for ``-``, as they come.

    Without *wait* a pipe that nobody writes to is empty, and a device isn't read: one of many files
    may be a link to what never ends. *tell* takes how far a file is. Raises InputUnreadable where
    it can't be read.
    """
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise InputUnreadable("standard input is closed: name a file")
        if is_terminal(sys.stdin):
            complain("paste what the tool printed, then press Ctrl-D on a line of its own")
        yield from _read(sys.stdin.fileno(), "standard input")
        return
    descriptor = _opened(path, wait=wait)
    try:
        size, read = os.fstat(descriptor).st_size, 0
        for chunk in _read(descriptor, shown(path, 200)):
            yield chunk
            read += len(chunk)
            if tell is not None:  # of a pipe it isn't known, nor how long the verdict takes
                tell(read if read < size else None, size)
    finally:
        os.close(descriptor)


def is_whole(path: str) -> bool:
    """Whether all that :func:`chunks_of` has of *path* is there already: nobody waits for more."""
    if path != STANDARD_INPUT:
        return os.path.isfile(path)
    try:
        return sys.stdin is not None and stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _opened(path: str, *, wait: bool) -> int:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    try:
        if wait:
            return os.open(path, flags)
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise InputUnreadable(f"{shown(path, 200)} can't be read: {why}") from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        os.close(descriptor)
        raise InputUnreadable(f"{shown(path, 200)} can't be read: it is a device")
    if stat.S_ISFIFO(mode):
        os.set_blocking(descriptor, True)
    return descriptor


def _read(descriptor: int, what: str) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except OSError as error:
            raise InputUnreadable(f"{what} can't be read: {error.strerror or error}") from error
        if not chunk:
            return
        yield chunk
