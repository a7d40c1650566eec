"""A capture explained, as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.formats.fields import (
    CLOSED,
    CONNECTION,
    FILTERED,
    GONE,
    NO_PORT,
    REDIRECT,
    UNCERTAIN,
    UNPUBLISHED,
)
from portbook.present.document import Paragraph
from portbook.present.escape import plain
from portbook.present.render.document_text import render_item
from portbook.present.render.text import wrap
from portbook.present.views.capture_rows import rows
from portbook.present.views.listen import head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.explain import Changes, ExplainAnswer
    from portbook.model import Listener
    from portbook.present.render.text import Style

_MOST_LINES = 20  # that were not understood; --json has all

# What is said of each kind of socket or port that was left out, for one and for several.
LEFT_OUT = {
    CONNECTION: (
        "connection skipped: it doesn't listen",
        "connections skipped: they don't listen",
    ),
    CLOSED: ("closed port skipped", "closed ports skipped"),
    FILTERED: (
        "port is filtered: no reply, so it may be open or closed",
        "ports are filtered: no reply, so they may be open or closed",
    ),
    UNCERTAIN: (
        "port is open or filtered: the scan couldn't tell which",
        "ports are open or filtered: the scan couldn't tell which",
    ),
    NO_PORT: ("socket without a port skipped", "sockets without a port skipped"),
    UNPUBLISHED: (
        "port is a container's own: its host doesn't publish it",
        "ports are containers' own: their hosts don't publish them",
    ),
    REDIRECT: ("redirect skipped: it isn't a socket", "redirects skipped: they aren't sockets"),
    GONE: (
        "line says that a socket has closed since",
        "lines say that a socket has closed since",
    ),
}


def told(answer: ExplainAnswer) -> Iterator[str]:
    """What became of what is no listening socket, a sentence each."""
    for what, count in answer.left_out.items():
        yield f"{count:,} {LEFT_OUT[what][count != 1]}."


def render_explained(answer: ExplainAnswer, style: Style) -> str:
    """Every socket in short, or what changed; then what was left out or not understood."""
    if answer.changes is None:
        count = len(answer.sockets)
        total = max(answer.total, count)
        sockets = f"{total:,} listening or bound socket{'' if total == 1 else 's'}"
        if count < total:
            sockets = f"{f'{count:,}' if count else 'None'} of {sockets}"
        title = f"{sockets}, read as {answer.title}"
        lines = [head(title, answer.sockets, style), ""]
        lines += rows(answer.sockets, answer.standings, style, answer.uses)
    else:
        lines = list(_changes(answer, answer.changes, style))
    notes = [*told(answer), *_unread(answer)]
    if notes:
        lines.append("")
    for note in notes:
        lines += render_item(Paragraph(note), style, "")
    for line in answer.not_understood[:_MOST_LINES]:
        why = f" ({line.why})" if line.why else ""
        lines.append(f"  line {line.number}: {plain(line.text)}{plain(why)}")
    more = len(answer.not_understood) - _MOST_LINES
    if more > 0:
        lines.append(f"  and {more:,} more places: --json has them all")
    return "\n".join(lines) + "\n"


def _unread(answer: ExplainAnswer) -> Iterator[str]:
    if answer.unread:
        lines = "line was" if answer.unread == 1 else "lines were"
        yield f"{answer.unread:,} {lines} not understood:"


def _changes(answer: ExplainAnswer, changes: Changes, style: Style) -> Iterator[str]:
    parts = (
        ("opened", changes.opened),
        ("closed", changes.closed),
        ("changed owner", tuple([after for _, after in changes.changed])),
    )
    yield style.bold(", ".join(f"{len(sockets):,} {word}" for word, sockets in parts))
    before = {_place(after): past for past, after in changes.changed}
    for word, sockets in parts:
        if not sockets:
            continue
        yield ""
        yield style.bold(word.capitalize())
        for each in sockets:
            yield from rows((each,), answer.standings, style, answer.uses)
            past = before.get(_place(each)) if word == "changed owner" else None
            if past is not None:
                names = [
                    owner.program or owner.container_name or "?" for owner in past.ownership.owners
                ]
                yield from wrap(f"before: {', '.join(names)}", style.width, " " * 7)
    yield ""
    yield f"{changes.same:,} unchanged."
    if changes.untold:
        yield from wrap(
            f"{changes.untold:,} more in both, with the program unknown in one of the captures.",
            style.width,
        )


def _place(listener: Listener) -> tuple[object, ...]:
    return (
        listener.socket.transport,
        listener.socket.address,
        listener.socket.port,
        listener.socket.interface,
    )
