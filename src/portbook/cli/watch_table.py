"""``portbook listen --watch`` on a terminal: a table that stays current, and what happened last."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.style import Style
from rich.table import Table
from rich.text import Text

from portbook.app.socket_filter import sort_by_gravity
from portbook.app.watch import Event, Watch, steps
from portbook.model import Level
from portbook.model.text import moment
from portbook.present.escape import one_line
from portbook.present.palette import LEVELS
from portbook.present.phrases import gap_sentences
from portbook.present.port.this_machine import holder, meaning

if TYPE_CHECKING:
    from portbook.model import Listener

_EVENTS = 8  # how many of the last changes stay on the screen


def follow(watch: Watch, interval: float, console: Console | None = None) -> int:
    """Shows *watch* until Ctrl-C, looking every *interval* seconds; returns the exit status."""
    console = console or Console(highlight=False)
    last: deque[Event] = deque(maxlen=_EVENTS)
    with Live(_screen(watch, last, console), console=console, auto_refresh=False) as live:
        for events in steps(watch, interval):
            if events:
                last.extend(events)
                live.update(_screen(watch, last, console), refresh=True)
    return 0


def _screen(watch: Watch, last: deque[Event], console: Console) -> Group:
    table = Table(expand=True, header_style="bold", box=None, pad_edge=False)
    for title in ("Level", "Socket", "Reach", "Held by", "User", "Verdict"):
        table.add_column(title, no_wrap=title in ("Level", "Socket"), overflow="ellipsis")
    listeners = sort_by_gravity(watch.listeners)
    room = max(3, console.height - _EVENTS - 5 - len(watch.missing))
    for listener in listeners[:room]:
        table.add_row(*_row(listener))
    if len(listeners) > room:
        table.add_row("", f"and {len(listeners) - room} more")
    news = [_news(event) for event in reversed(last)]
    seen = " could be seen" if watch.missing else ""
    head = f"{len(listeners)} sockets that listen or are bound{seen}; Ctrl-C ends"
    unseen = [
        Text(one_line(f"Not seen: {reason}"), style="dim")
        for reason in gap_sentences(watch.missing)
    ]
    return Group(Text(head, style="dim"), table, Text(""), *news, *unseen)


def _row(listener: Listener) -> list[Text]:
    level = tuple(Level)[max(0, listener.assessment.gravity)]
    codes = ", ".join(finding.code for finding in listener.assessment.findings)
    user = listener.socket.user or ("" if listener.socket.uid is None else str(listener.socket.uid))
    words = (listener.socket.name, meaning(listener), holder(listener), user, codes)
    return [
        Text(level, style=Style(color=LEVELS[level].hex)),
        *(Text(one_line(word)) for word in words),
    ]


def _news(event: Event) -> Text:
    who = holder(event.listener)
    return Text(one_line(f"{moment(event.at)} {event.change}: {event.listener.socket.name}, {who}"))
