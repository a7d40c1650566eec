"""``portbook listen --watch`` on a terminal: a full screen that stays current.

The newest sockets stand first and are marked, what happened last stands at the bottom, and keys
scroll. However it ends, the terminal is as it was before.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections import deque

from portbook.app.socket_order import sort_by_gravity
from portbook.app.watch import Change, identity
from portbook.cli.terminal import table_style, terminal_width
from portbook.cli.termination import cleaned_up
from portbook.present.owners import viewer
from portbook.present.phrases import gap_sentences
from portbook.present.render.text import clipped, columns_of
from portbook.present.views.listen import head, table_lines
from portbook.present.views.listen_fields import Cells

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Self

    from portbook.app.watch import Event, Watch
    from portbook.catalog import Catalog
    from portbook.model import Listener

_EVENTS = 6  # how many of the last changes stay on the screen
_FRESH = 10.0  # seconds for which a socket that opened is marked
_POLL = 0.2  # seconds between two looks at the terminal's size
_MARK = "* "
_KEYS = {
    "q": "quit", "Q": "quit",
    "j": "down", "\x1b[B": "down", "\x1bOB": "down", "k": "up", "\x1b[A": "up", "\x1bOA": "up",
    " ": "page down", "\x1b[6~": "page down", "b": "page up", "\x1b[5~": "page up",
    "g": "top", "\x1b[H": "top", "\x1b[1~": "top", "G": "end", "\x1b[F": "end", "\x1b[4~": "end",
}  # fmt: skip


class WatchScreen:
    """What is on the screen: the sockets, which of them are new, the last events, the place."""

    def __init__(self, watch: Watch, catalog: Catalog) -> None:
        self._watch = watch
        self._catalog = catalog
        self._opened: dict[tuple[object, ...], float] = {}  # since the start, the newest last
        self._events: deque[Event] = deque(maxlen=_EVENTS)
        self._top = 0

    def tell(self, events: tuple[Event, ...]) -> None:
        """Takes in what happened."""
        self._events.extend(events)
        for event in events:
            key = identity(event.listener)
            self._opened.pop(key, None)
            if event.change is not Change.CLOSED:
                self._opened[key] = event.at

    def scroll(self, key: str, height: int) -> None:
        """Moves by what *key* means, on a screen of *height* lines."""
        page = self._room(height)
        steps = {"down": 1, "up": -1, "page down": page, "page up": -page}
        if key in steps:
            self._top += steps[key]
        elif key in ("top", "end"):
            self._top = 0 if key == "top" else len(self._watch.listeners)
        self._top = max(0, min(self._top, len(self._watch.listeners) - page))

    def _room(self, height: int) -> int:
        """The lines for sockets: what the title, the header and the events leave."""
        return max(1, height - 3 - self._shown_events(height))

    def _shown_events(self, height: int) -> int:
        return min(_EVENTS, max(0, (height - 6) // 3))

    def lines(self, width: int, height: int, now: float) -> list[str]:
        """The whole screen: at most *height* lines of at most *width* columns."""
        style = table_style()._replace(width=width)
        listeners = self._ordered()
        room = self._room(height)
        self._top = max(0, min(self._top, len(listeners) - room))
        shown = listeners[self._top : self._top + room]
        title = f"{len(listeners)} socket{'' if len(listeners) == 1 else 's'}"
        if len(shown) < len(listeners):
            title += f", {self._top + 1}–{self._top + len(shown)}"
        lines = [head(title, listeners, style).partition("\n")[0]]
        keys = "q quits, arrows scroll"
        if columns_of(f"{title}: 9 alert, 9 check, 9 note, 9 ok  {keys}") <= width:
            lines[0] += f"  {style.dim(keys)}"
        lines += self._table(shown, width, now)
        shown_events = self._shown_events(height)
        lines += [""] * (height - len(lines) - shown_events)
        unseen = [f"Not seen: {reason}" for reason in gap_sentences(self._watch.missing)]
        news = [self._news(event) for event in reversed(self._events)]
        lines += [style.dim(clipped(line, width)) for line in (*news, *unseen)][:shown_events]
        return lines[:height]

    def _table(self, shown: list[Listener], width: int, now: float) -> Iterator[str]:
        cells = self._cells(shown)
        style = table_style()._replace(width=width - len(_MARK))
        table = table_lines(shown, cells, style)
        yield " " * len(_MARK) + next(table)
        for listener, line in zip(shown, table, strict=True):
            opened = self._opened.get(identity(listener))
            fresh = opened is not None and now - opened < _FRESH
            yield (style.bold(_MARK) if fresh else " " * len(_MARK)) + line

    def _cells(self, shown: list[Listener]) -> Cells:
        keys = {(each.socket.port, each.socket.transport) for each in shown}
        registry = self._catalog.registry
        return Cells({key: registry.standing(*key) for key in keys}, viewer())

    def _ordered(self) -> list[Listener]:
        """The newest first, then those that were there at the start, the most serious first."""
        places = {key: place for place, key in enumerate(self._opened)}
        new = [each for each in self._watch.listeners if identity(each) in places]
        new.sort(key=lambda each: -places[identity(each)])
        old = [each for each in self._watch.listeners if identity(each) not in places]
        return [*new, *sort_by_gravity(old)]

    def _news(self, event: Event) -> str:
        cells = self._cells([event.listener])
        clock = time.strftime("%H:%M:%S", time.localtime(event.at))
        return (
            f"{clock} {event.change} {event.listener.socket.name}  {cells.program(event.listener)}"
        )


def follow(watch: Watch, interval: float, catalog: Catalog) -> int:
    """Shows *watch* until ``q`` or Ctrl-C, looking every *interval* seconds; the exit status."""
    screen = WatchScreen(watch, catalog)
    try:
        with cleaned_up(), _FullScreen() as terminal:
            _run(watch, screen, interval, terminal)
    except OSError:  # the terminal went away: there is nobody to tell
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run(watch: Watch, screen: WatchScreen, interval: float, terminal: _FullScreen) -> None:
    drawn: list[str] = []
    due = time.monotonic() + interval
    while True:
        width, height = _size()
        lines = screen.lines(width, height, time.time())
        if terminal.stale or lines != drawn:
            terminal.stale = False
            _draw(lines)
            drawn = lines
        pause = max(0.0, min(_POLL, due - time.monotonic()))
        for key in _pressed(terminal.keys, pause):
            if key == "quit":
                return
            screen.scroll(key, height)
        if time.monotonic() >= due:
            due = time.monotonic() + interval
            screen.tell(watch.step())


def _size() -> tuple[int, int]:
    """Columns and lines of the terminal now; those of the environment where it has none."""
    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    text = os.environ.get("LINES", "")
    usual = int(text) if text.isascii() and text.isdigit() else 24
    return max(20, columns or terminal_width(os.environ)), max(4, lines or usual)


def _draw(lines: list[str]) -> None:
    # Each line is written over and its rest cleared: nothing flickers.
    sys.stdout.write("\x1b[H" + "\x1b[K\n".join(lines) + "\x1b[K\x1b[J")
    sys.stdout.flush()


def _pressed(keys: int | None, pause: float) -> Iterator[str]:
    """What was pressed within *pause* seconds, as words of _KEYS."""
    if keys is None:
        time.sleep(pause)
        return
    if not select.select([keys], [], [], pause)[0]:
        return
    data = os.read(keys, 256)
    if not data:
        raise OSError("the terminal is gone")
    text = data.decode(errors="replace")
    while text:
        size = next((n for n in (4, 3, 1) if text[:n] in _KEYS and len(text) >= n), 0)
        if size:
            yield _KEYS[text[:size]]
        text = text[size or 1 :]


class _FullScreen:
    """The terminal's other screen, without a cursor; *keys* is where keys are read, if anywhere.

    Ctrl-Z gives the terminal back as it was until the process goes on; ``stale`` then says that
    all has to be drawn again.
    """

    def __init__(self) -> None:
        self.keys = _keyboard()
        self.stale = False
        self._before: list[Any] | None = None
        self._suspended: Any = None

    def __enter__(self) -> Self:
        self._take()
        if hasattr(signal, "SIGTSTP"):
            self._suspended = signal.signal(signal.SIGTSTP, self._suspend)
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(signal, "SIGTSTP"):
            signal.signal(signal.SIGTSTP, self._suspended)
        self._give_back()

    def _take(self) -> None:
        if self.keys is not None:
            import termios
            import tty

            try:
                self._before = termios.tcgetattr(self.keys)
                tty.setcbreak(self.keys)
            except termios.error as error:  # no OSError, though it has what one has
                raise OSError(*error.args) from error
        sys.stdout.write("\x1b[?1049h\x1b[?25l")
        self.stale = True

    def _give_back(self) -> None:
        with contextlib.suppress(OSError):
            sys.stdout.write("\x1b[?25h\x1b[?1049l")
            sys.stdout.flush()
        if self.keys is not None and self._before is not None:
            import termios

            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.keys, termios.TCSADRAIN, self._before)

    def _suspend(self, number: int, _: object) -> None:
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # stops here, until the shell lets it go on
        signal.signal(number, self._suspend)
        self._take()


def _keyboard() -> int | None:
    """The descriptor of standard input, where it is a terminal that keys can be read from."""
    from portbook.cli.terminal import is_terminal

    if not is_terminal(sys.stdin) or os.name != "posix":
        return None
    return sys.stdin.fileno()
