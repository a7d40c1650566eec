"""How far long work is, on standard error: a bar or a line on a terminal, else lines or nothing."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from portbook._fast_types import StrEnum
from portbook.cli import complain
from portbook.cli.terminal import can_draw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

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
    title: str, measure: Measure, *, quiet: bool = False, after: float = 0.0
) -> Iterator[Tell]:
    """What long work tells how far it is.

    A bar called *title* is drawn on a terminal, once the work has taken *after* seconds; nothing
    is where there is no terminal, or with *quiet*. Needs Rich only where it draws.
    """
    if quiet or not can_draw(sys.stderr):
        yield _nothing
        return
    import time

    from rich import progress as rich
    from rich.console import Console

    beside = {
        Measure.TIME: (rich.TimeElapsedColumn(),),
        Measure.COUNT: (rich.MofNCompleteColumn(), rich.TimeRemainingColumn()),
        Measure.BYTES: (rich.DownloadColumn(), rich.TransferSpeedColumn()),
    }[measure]
    bar = rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        *beside,
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(title, total=None)
    began = time.monotonic()

    def tell(done: float | None, total: float | None = 1.0) -> None:
        if not bar.live.is_started:
            if time.monotonic() - began < after:
                return
            bar.start()
        bar.update(task, completed=done or 0.0, total=None if done is None else total)

    try:
        yield tell
    finally:
        bar.stop()


def _nothing(done: float | None, total: float | None = 1.0) -> None:
    """Draws nothing."""


class StatusLine:
    """Messages on standard error; on a terminal each in the place of the one before it."""

    def __init__(self) -> None:
        self._drawn = can_draw(sys.stderr)
        self._shown = False

    def __call__(self, message: str) -> None:
        if not self._drawn:
            complain(message)
            return
        from portbook.present.escape import one_line

        self._shown = True
        print(f"\r\x1b[Kportbook: {one_line(message)}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take away what was drawn."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
