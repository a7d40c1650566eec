"""What a search found, as text."""

from __future__ import annotations

from portbook.catalog.search import SIMILAR
from portbook.model.search import SearchStore
from portbook.present.document import Paragraph, Sources, Table
from portbook.present.escape import one_line
from portbook.present.render.document_text import render_item
from portbook.present.render.text import wrap
from portbook.present.words import cut, plural, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.app.search import SearchAnswer
    from portbook.catalog.search import Hit
    from portbook.model import Source, Transport
    from portbook.present.document import Item
    from portbook.present.render.text import Style

_LONGEST = 60  # columns of a text that nothing matches
# More rows than this of one list are counted instead of shown: JSON has them all.
_MOST = 40


class _Lines:
    """Lines in the making."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.lines: list[str] = []

    def title(self, text: str, rest: str = "") -> None:
        bold = len(one_line(text))
        for line in wrap(f"{text} {rest}", self.style.width):
            self.lines.append((self.style.bold(line[:bold]) if bold > 0 else "") + line[bold:])
            bold = max(0, bold - len(line) - 1)

    def section(self, title: str, *items: Item) -> None:
        self.lines += ["", self.style.bold(title)]
        for item in items:
            self.lines += render_item(item, self.style)

    def notes(self, notes: Iterable[str]) -> None:
        for note in notes:
            self.lines += render_item(Paragraph(f"({note})"), self.style, "")

    def sources(self, sources: Iterable[Source]) -> None:
        self.section("Sources", Sources(tuple(sources)))

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


def render_search(answer: SearchAnswer, style: Style) -> str:
    """What a search found, in one order."""
    out = _Lines(style)
    quoted = f'"{answer.text}"'
    noted = len(answer.own_notes or ())
    # What somebody wrote down is what they look for, and no name that resembles it.
    hits = () if noted and answer.similar else answer.hits
    count = len(hits)
    if not answer.text.strip():
        return "Search for a name, a number, or words of a description.\n"
    if not count:
        out.title(
            f"{plural(noted, 'match', 'matches')} for {quoted}, among your notes"
            if noted
            else f'Nothing matches "{cut(answer.query.text, _LONGEST)}".'
        )
    elif answer.asked_by_name and answer.similar:
        out.title(f"No service is named {quoted}.", "Similar names:")
    elif answer.similar:
        out.title(f"Nothing is called {quoted}.", "Similar names:")
    else:
        shown = f"{answer.shown:,} of " if answer.shown < count else ""
        out.title(f"{shown}{plural(count, 'match', 'matches')} for {quoted}")
    out.notes(answer.query.notes)
    if count:
        out.lines.append("")
        rows = tuple(
            (hit.name or "(no name)", _numbers(hit.ports), said_of(hit) + _why(hit, answer))
            for hit in hits[: answer.shown]
        )
        out.lines += render_item(Table(rows), style)
        if count > answer.shown:
            more = f"and {count - answer.shown:,} more: --limit 0 shows all"
            out.lines += render_item(Paragraph(more), style)
    if answer.own_notes:
        from portbook.present.port import noted as own

        for title, items in own.sections(answer.own_notes):
            out.section(title, *items)
    if count or noted:
        out.sources(answer.sources_of(hits))
    else:
        out.lines.append("Try part of a name, or one word.")
    return str(out)


def said_of(hit: Hit) -> str:
    """What a list of hits says of *hit*, beside its name."""
    said = hit.description or "no description"
    return f"Reported abuse: {said}" if hit.store is SearchStore.ABUSE else said


def _why(hit: Hit, answer: SearchAnswer) -> str:
    """What a reader doesn't see from the row itself: that its spelling only resembles the text."""
    return " (similar)" if hit.score <= SIMILAR and not answer.similar else ""


def _numbers(ports: Sequence[tuple[int, int, Transport | None]]) -> str:
    if not ports:
        return "no port"
    spans: dict[str, list[str]] = {}
    for first, last, transport in ports:
        spans.setdefault(span(first, last), []).append(transport or "any")
    shown = [f"{ports}/{','.join(transports)}" for ports, transports in spans.items()]
    return " ".join(shown[:2]) + (" …" if len(shown) > 2 else "")
