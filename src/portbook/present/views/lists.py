"""What a search found, as text."""

from __future__ import annotations

from portbook.catalog.registry.search import SIMILAR
from portbook.present.document import Paragraph, Record, Sources, Table
from portbook.present.escape import one_line
from portbook.present.port.practice import report_records
from portbook.present.render.document_text import render_item
from portbook.present.render.text import wrap
from portbook.present.words import plural, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.search import SearchAnswer
    from portbook.catalog.registry.search import Match
    from portbook.model import Source, Transport
    from portbook.present.document import Item
    from portbook.present.render.text import Style

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
    """What a search found, with why each matched."""
    out = _Lines(style)
    quoted = f'"{answer.text}"'
    if not answer.matches:
        others = len(answer.uses) + len(answer.abuse) + len(answer.own_notes or ())
        out.title(
            f"{plural(others, 'match', 'matches')} for {quoted}, none in the IANA registry"
            if others
            else f"Nothing matches {quoted}."
        )
    elif answer.asked_by_name and not answer.found:
        out.title(f"No service is named {quoted}.", "Similar names:")
    else:
        count = len(answer.matches)
        shown = f"{answer.shown:,} of " if answer.shown < count else ""
        out.title(f"{shown}{plural(count, 'match', 'matches')} for {quoted}")
    out.notes(answer.query.notes)
    for store in answer.order:
        if store == "matches" and answer.matches:
            if answer.order[0] != "matches" and (answer.uses or answer.abuse):
                out.section("In the registry")
            _show_matches(out, answer, style)
        elif store == "uses" and answer.uses:
            out.section("In practice", *_use_rows(answer))
        elif store == "abuse" and answer.abuse:
            out.section("Reported abuse", *report_records(answer.abuse))
    if answer.own_notes:
        from portbook.present.port import noted

        for title, items in noted.sections(answer.own_notes):
            out.section(title, *items)
    out.sources(answer.sources)
    return str(out)


def _show_matches(out: _Lines, answer: SearchAnswer, style: Style) -> None:
    rows = tuple(
        (
            match.service_name or "(no name)",
            _numbers(match.ports),
            (match.description or "no description") + _why(match),
        )
        for match in answer.matches[: answer.shown]
    )
    out.lines.append("")
    out.lines += render_item(Table(rows), style)
    more = len(answer.matches) - answer.shown
    if more > 0:
        out.lines += render_item(Paragraph(f"and {more:,} more: --limit 0 shows all"), style)


def _why(match: Match) -> str:
    """What a reader doesn't see from the row itself: that its spelling only resembles the text."""
    return " (similar)" if match.score <= SIMILAR else ""


def _use_rows(answer: SearchAnswer) -> Iterator[Item]:
    """The uses that a search found, each with its source."""
    grouped: dict[tuple[str, ...], list[tuple[int, int, Transport | None]]] = {}
    for use in answer.uses[: answer.shown]:
        key = (use.product, use.kind, use.summary, use.source, use.read)
        grouped.setdefault(key, []).append((use.first, use.last, use.transport))
    for (product, kind, said, source, read), at in grouped.items():
        yield Record(product, f"{_numbers(at)}, {kind}", said, source, read)
    more = len(answer.uses) - answer.shown
    if more > 0:
        yield Paragraph(f"and {more:,} more: --limit 0 shows all")


def _numbers(ports: Sequence[tuple[int, int, Transport | None]]) -> str:
    if not ports:
        return "no port"
    spans: dict[str, list[str]] = {}
    for first, last, transport in ports:
        spans.setdefault(span(first, last), []).append(transport or "any")
    shown = [f"{ports}/{','.join(transports)}" for ports, transports in spans.items()]
    return " ".join(shown[:3]) + (" …" if len(shown) > 3 else "")
