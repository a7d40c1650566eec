"""A capture explained, as a table for a terminal."""

from __future__ import annotations

from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from portbook.formats.fields import (
    CLOSED,
    CONNECTION,
    FILTERED,
    GONE,
    NO_PORT,
    REDIRECT,
    REMOVED,
    UNCERTAIN,
    UNPUBLISHED,
)
from portbook.model.sockets import UNKNOWN_ADDRESS
from portbook.present.document import Paragraph
from portbook.present.escape import plain
from portbook.present.owners import Viewer
from portbook.present.render.document_text import render_item
from portbook.present.render.text import WIDEST, wrap
from portbook.present.views.listen import head, sentences, table_lines
from portbook.present.views.listen_fields import Cells
from portbook.present.words import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portbook.app.capture_changes import Changes
    from portbook.app.explain import ExplainAnswer
    from portbook.model import Listener, Transport
    from portbook.model.scanned import ScanState
    from portbook.present.render.text import Style

    Below = Callable[[Listener], Iterable[str]]

_TOGETHER = 1024  # lines in a piece
_MOST_LINES = 20  # that were not understood; --json has all

# What is said of each kind of socket or port that was left out, for one and for several.
LEFT_OUT = {
    CONNECTION: (
        "established connection skipped",
        "established connections skipped",
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
        "container port skipped: its host doesn't publish it",
        "container ports skipped: their hosts don't publish them",
    ),
    REDIRECT: ("redirect skipped: it isn't a socket", "redirects skipped: they aren't sockets"),
    GONE: (
        "line says that a socket has closed since",
        "lines say that a socket has closed since",
    ),
    REMOVED: ("line that the diff removes skipped", "lines that the diff removes skipped"),
}


def told(answer: ExplainAnswer) -> Iterator[str]:
    """What became of what is no listening socket, a sentence each."""
    for what, count in answer.left_out.items():
        yield f"{count:,} {LEFT_OUT[what][count != 1]}."


def not_open(answer: ExplainAnswer) -> Iterator[str]:
    """The ports that a scan lists by number and didn't find open: a line for each address."""
    listed: dict[tuple[ScanState, str, Transport], list[int]] = {}
    for each in answer.not_open:
        listed.setdefault((each.state, each.address, each.transport), []).append(each.port)
    for (state, address, transport), ports in list(listed.items())[:_MOST_LINES]:
        where = "" if address == UNKNOWN_ADDRESS else f" at {plain(address)}"
        yield f"{state}{where}: {_as_ranges(ports)}/{transport}"
    if len(listed) > _MOST_LINES:
        yield f"and at {len(listed) - _MOST_LINES:,} more addresses: --json has them all"


def _as_ranges(ports: Iterable[int]) -> str:
    """The numbers in rising order, runs of them as ranges."""
    runs: list[list[int]] = []
    for port in sorted(set(ports)):
        if runs and runs[-1][1] == port - 1:
            runs[-1][1] = port
        else:
            runs.append([port, port])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    more = f" and {len(words) - _MOST_LINES:,} more" if len(words) > _MOST_LINES else ""
    return ", ".join(words[:_MOST_LINES]) + more


# Nothing is known of whoever made a capture, nor when: no "you", and no uptime.
NOBODY = Viewer()


def render_explained(
    answer: ExplainAnswer, style: Style, *, verbose: bool = False, most: int = 0
) -> str:
    """The lines of :func:`explained_pieces` as one text."""
    return "".join(explained_pieces(answer, style, verbose=verbose, most=most))


def explained_pieces(
    answer: ExplainAnswer, style: Style, *, verbose: bool = False, most: int = 0
) -> Iterator[str]:
    """The table of the sockets, or of what changed; then what was left out or not understood: many
    lines in a piece, each with its end.

    *verbose* adds the sentences of each socket; *most* are shown, 0 for all.
    """
    lines = chain.from_iterable(_parts(answer, style, verbose=verbose, most=most))
    while some := list(islice(lines, _TOGETHER)):
        yield "\n".join([*some, ""])


def _parts(
    answer: ExplainAnswer, style: Style, *, verbose: bool, most: int
) -> Iterator[Iterable[str]]:
    """The lines, many together: those of the table come as they are."""
    prose = style._replace(width=min(style.width, WIDEST))
    below = partial(_sentences, answer=answer, style=prose) if verbose else None
    if answer.changes is None:
        shown = answer.sockets[: most or None]
        total = max(answer.total, len(answer.sockets))
        sockets = f"{total:,} listening or bound socket{'' if total == 1 else 's'}"
        if len(shown) < total:
            sockets = f"{len(shown):,} of {sockets}"
        if total and not shown:
            none = (
                "The only socket doesn't match"
                if total == 1
                else f"None of the {total:,} sockets matches"
            )
            yield [style.bold(f"{none} (read as {answer.title}).")]
        else:
            yield [head(f"{sockets}, read as {answer.title}", answer.sockets, style)]
        if shown:
            yield [""]
            yield table_lines(shown, Cells(answer.standings, NOBODY), style, below)
    else:
        yield _changes(answer, answer.changes, style, below)
    yield _notes(answer, style)


def _notes(answer: ExplainAnswer, style: Style) -> Iterator[str]:
    """What was left out and what was not understood."""
    notes = [*told(answer), *unread(answer)]
    if notes:
        yield ""
    for note in notes:
        yield from render_item(Paragraph(note), style, "")
    for scanned in not_open(answer):
        yield from wrap(scanned, style.width, "  ")
    for line in answer.not_understood[:_MOST_LINES]:
        why = f" ({line.why})" if line.why else ""
        yield f"  line {line.number}: {plain(line.text)}{plain(why)}"
    more = len(answer.not_understood) - _MOST_LINES
    if more > 0:
        yield f"  and {more:,} more places: --json has them all"


def unread(answer: ExplainAnswer) -> Iterator[str]:
    """How many lines were not understood."""
    if answer.unread:
        lines = "line was" if answer.unread == 1 else "lines were"
        yield f"{answer.unread:,} {lines} not understood:"


def _sentences(listener: Listener, answer: ExplainAnswer, style: Style) -> Iterator[str]:
    """What ``listen`` says of a socket, and what its port is used for in practice."""
    yield from sentences(listener, style, NOBODY)
    uses = answer.uses.get((listener.socket.port, listener.socket.transport), ())
    products = list(dict.fromkeys([use.product for use in uses]))
    rest = f" and {len(products) - 3} more" if len(products) > 3 else ""
    if products:
        words = f"In practice: {', '.join(products[:3])}{rest}"
        yield from wrap(words, style.width, " " * 7)


def _changes(
    answer: ExplainAnswer, changes: Changes, style: Style, below: Below | None
) -> Iterator[str]:
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
        known = before if word == "changed owner" else {}
        under = partial(_before, known=known, style=style, below=below)
        yield from table_lines(sockets, Cells(answer.standings, NOBODY), style, under)
    yield ""
    yield f"{changes.same:,} unchanged."
    if changes.untold:
        yield from wrap(
            f"{changes.untold:,} more in both, with the program unknown in one of the captures.",
            style.width,
        )
    kinds = [
        str(each.socket.transport) if each.socket.listens else "bound-only"
        for each in changes.not_compared
    ]
    for kind in dict.fromkeys(kinds):
        count = plural(kinds.count(kind), f"{kind} socket")
        yield from wrap(f"{count} not compared: the other capture lists none.", style.width)


def _before(
    listener: Listener,
    known: Mapping[tuple[object, ...], Listener],
    style: Style,
    below: Below | None,
) -> Iterator[str]:
    """Who held *listener* in the older capture, and what else belongs under it."""
    past = known.get(_place(listener))
    if past is not None:
        names = [owner.program or owner.container_name or "?" for owner in past.ownership.owners]
        yield from wrap(f"before: {', '.join(names)}", style.width, " " * 7)
    if below is not None:
        yield from below(listener)


def _place(listener: Listener) -> tuple[object, ...]:
    return (
        listener.socket.transport,
        listener.socket.address,
        listener.socket.port,
        listener.socket.interface,
    )
