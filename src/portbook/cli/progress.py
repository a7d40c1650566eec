"""How far long work is, on standard error: a bar or a line on a terminal, and nothing elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from portbook._fast_types import StrEnum
from portbook.cli.terminal import can_draw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol, TextIO

    class Tell(Protocol):
        """Takes how much is done, of how much; None where that isn't known."""

        def __call__(self, done: float | None, total: float | None = 1.0, /) -> None: ...


class Measure(StrEnum):
    """What a bar shows beside itself."""

    TIME = "time"  # the time it has taken
    COUNT = "count"  # done and all, and the time that is left
    BYTES = "bytes"  # done and all, and the rate


@contextlib.contextmanager
def progress_bar(
    title: str,
    measure: Measure,
    *,
    quiet: bool = False,
    after: float = 0.0,
    stream: TextIO | None = None,
) -> Iterator[Tell]:
    """What long work tells how far it is, on *stream* or standard error.

    A bar called *title* is drawn on a terminal: at once, or where the work still tells something
    once *after* seconds are over. Nothing is where there is no terminal, or with *quiet*. Needs
    Rich only where it draws.
    """
    stream = stream or sys.stderr
    if quiet or not can_draw(stream):
        yield _nothing
        return
    bar = _Bar(title, measure, stream)
    began = time.monotonic()

    def tell(done: float | None, total: float | None = 1.0) -> None:
        if time.monotonic() - began >= after:
            bar.draw(done, total)

    try:
        if not after:
            bar.draw(None, None)
        yield tell
    finally:
        bar.stop()


class _Bar:
    """A bar of Rich's, made when it is drawn first."""

    def __init__(self, title: str, measure: Measure, stream: TextIO) -> None:
        self._title = title
        self._measure = measure
        self._stream = stream
        self._drawn: Any = None
        self._task: Any = None

    def draw(self, done: float | None, total: float | None) -> None:
        if self._drawn is None:
            self._drawn = _columns(self._measure, self._stream)
            self._task = self._drawn.add_task(self._title, total=None)
            self._drawn.start()
        self._drawn.update(self._task, completed=done or 0.0, total=None if done is None else total)

    def stop(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()


def _columns(measure: Measure, stream: TextIO) -> Any:
    from rich import progress as rich
    from rich.console import Console

    beside = {
        Measure.TIME: (rich.TimeElapsedColumn(),),
        Measure.COUNT: (rich.MofNCompleteColumn(), rich.TimeRemainingColumn()),
        Measure.BYTES: (rich.DownloadColumn(), rich.TransferSpeedColumn()),
    }[measure]
    return rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        *beside,
        console=Console(file=stream),
        transient=True,
    )


def _nothing(done: float | None, total: float | None = 1.0) -> None:
    """Draws nothing."""


class StatusLine:
    """Messages on *stream* or standard error, each in the place of the one before it.

    They are on a terminal alone.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._drawn = can_draw(self._stream)
        self._shown = False

    def __call__(self, message: str) -> None:
        if not self._drawn:
            return
        from portbook.present.escape import one_line

        self._shown = True
        print(
            f"\r\x1b[K{self._fitting(f'portbook: {one_line(message)}')}", end="", file=self._stream
        )
        self._stream.flush()

    def clear(self) -> None:
        """Take away what was drawn."""
        if self._shown:
            print("\r\x1b[K", end="", file=self._stream, flush=True)

    def _fitting(self, message: str) -> str:
        """*message* as far as a row of the terminal goes: what wraps can't be drawn over."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:  # a test's own, or one that has just gone
            columns = 80
        return message if len(message) < columns else f"{message[: columns - 2]}…"
