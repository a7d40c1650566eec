"""A program at a terminal, typed into by a test."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from typing import TYPE_CHECKING

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][0B]?)")


class Terminal:
    """A program at a terminal of its own, with 24 lines unless it is told otherwise."""

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        environ: Mapping[str, str] | None = None,
        size: tuple[int, int] = (24, 200),
    ) -> None:
        ready, go = os.pipe()
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.close(go)
            os.read(ready, 1)  # until the size is set
            os.chdir(folder)
            known = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm"}
            os.execve(argv[0], list(argv), {**known, "LANG": "C.UTF-8", **(environ or {})})
        os.close(ready)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        os.close(go)
        self.status: int | None = None

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def press(self, keys: str, pattern: str, tries: int = 10) -> str:
        """Types *keys* until *pattern* is shown: a program that was just interrupted drops keys."""
        for _ in range(tries - 1):
            self.type(keys)
            with contextlib.suppress(AssertionError):
                return self.until(pattern, seconds=3.0)
        self.type(keys)
        return self.until(pattern)

    def until(self, pattern: str, seconds: float = PATIENCE) -> str:
        """What is shown from now on until *pattern* is in it, without what a terminal obeys."""
        shown, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            more = self._read()
            plain = _ESCAPES.sub("", shown + more)
            shown += more
            if re.search(pattern, plain, re.DOTALL):
                return plain
        raise AssertionError(f"{pattern!r} is not in {shown!r}")

    def rest(self, seconds: float = PATIENCE) -> str:
        """What is shown until the program has ended; ``status`` is its exit status then."""
        shown, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                shown += self._read(0.05)
            except OSError:  # EIO: nobody has the terminal open any more
                break
        self._reap(end)
        return _ESCAPES.sub("", shown)

    def hang_up(self, seconds: float = PATIENCE) -> None:
        """Takes the terminal away, and waits until the program has ended."""
        os.close(self.terminal)
        self.terminal = -1
        self._reap(time.monotonic() + seconds)

    def close(self) -> None:
        if self.terminal >= 0:
            os.close(self.terminal)
        if self.status is None:
            os.kill(self.child, 9)
            os.waitpid(self.child, 0)

    def _read(self, seconds: float = 0.1) -> str:
        if not select.select([self.terminal], [], [], seconds)[0]:
            return ""
        return os.read(self.terminal, 65536).decode(errors="replace")

    def _reap(self, end: float) -> None:
        while time.monotonic() < end:
            pid, status = os.waitpid(self.child, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                return
            time.sleep(0.02)
        raise AssertionError("the program goes on")
