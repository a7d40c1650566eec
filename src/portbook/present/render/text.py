"""An answer as text for a terminal: wrapped to its width, in its colours, nothing raw."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import State
from portbook.present.document import (
    PORT,
    Checks,
    Facts,
    Heading,
    Paragraph,
    Ports,
    Question,
    Quote,
    Record,
    Records,
    Services,
    Sources,
    Table,
    Verdict,
)
from portbook.present.escape import one_line, plain
from portbook.present.words import with_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from portbook.model import Level, Source
    from portbook.present.document import Item, NextStep, Page

NARROWEST, WIDEST = 40, 100


class Style(NamedTuple):
    """How to print: the width in columns, and whether with colours. Nothing is printed raw."""

    width: int = 80
    colour: bool = False

    def bold(self, text: str) -> str:
        """*text*, escaped, in bold."""
        text = plain(text)
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def dim(self, text: str) -> str:
        """*text*, escaped, dimmed."""
        text = plain(text)
        return f"\x1b[2m{text}\x1b[0m" if self.colour else text

    def of(self, word: State | Level, text: str | None = None) -> str:
        """*text*, escaped, or the word itself, in the colour of a state or a level."""
        shown = str(word) if text is None else plain(text)
        if not self.colour:
            return shown
        from portbook.present.palette import LEVELS, STATES

        colour = STATES[word] if isinstance(word, State) else LEVELS[word]
        return f"\x1b[38;5;{colour.code}m{shown}\x1b[0m"


def render_page(page: Page, style: Style) -> str:
    """The page of one port."""
    lines = [
        *_headline(page, style),
        *(
            line
            for section in page.sections
            for line in _section(section.title, section.items, style)
        ),
    ]
    return "\n".join(lines) + "\n"


def _headline(page: Page, style: Style) -> Iterator[str]:
    first, *rest = wrap(f"{page.title} · {page.character}", style.width)
    yield style.bold(page.title) + first[len(page.title) :]
    yield from rest
    yield from flow(page.states, "; ", style)
    if page.range:
        yield page.range
    for note in page.notes:
        yield from wrap(f"({note})", style.width)
    if page.lead:
        yield ""
    for sentence in page.lead:
        yield from wrap(sentence, style.width)


def render_lead(
    headline: str, sentences: Iterable[str], steps: Sequence[NextStep], style: Style
) -> str:
    """An answer in a line, what else to know, and what to do next."""
    lines = [style.bold(line) for line in wrap(headline, style.width)]
    for sentence in sentences:
        lines += wrap(sentence, style.width, "  ")
    if steps:
        lines += ["", *(f"{one_line(step.label)}: {one_line(step.command)}" for step in steps)]
    return "\n".join(lines) + "\n"


def clipped(text: str, columns: int) -> str:
    """*text*, escaped, or as much of it as stands in *columns*, with ``…`` for the rest.

    >>> clipped("hbci and remoteware-cl", 12)
    'hbci and re…'
    """
    lead = text[: len(text) - len(text.lstrip(" "))]
    text = lead + one_line(text)
    if columns_of(text) <= columns:
        return text
    while text and columns_of(text) > columns - 1:
        text = text[: -max(1, (columns_of(text) - columns) // 2)]
    return f"{text.rstrip()}…"


def _section(title: str, items: Iterable[Item], style: Style) -> Iterator[str]:
    yield ""
    yield style.bold(title)
    for item in items:
        yield from render_item(item, style)


def render_item(item: Item, style: Style, indent: str = "  ") -> Iterator[str]:
    """The lines of one item of a page."""
    lines: Iterator[str] = iter(_PRINTERS[type(item)](item, style, indent))
    return lines


def _paragraph(item: Paragraph, style: Style, indent: str) -> Iterable[str]:
    return wrap(item.text, style.width, indent)


def _heading(item: Heading, style: Style, indent: str) -> Iterable[str]:
    return (indent + style.bold(item.heading),)


def _quote(item: Quote, style: Style, indent: str) -> Iterable[str]:
    return wrap(f'{item.of}: "{item.quote}"', style.width, indent)


def _rows(item: Table, style: Style, indent: str) -> Iterable[str]:
    return table(item.rows, style, indent)


def _facts(item: Facts, style: Style, indent: str) -> Iterable[str]:
    return table(item.facts, style, indent)


def _services(item: Services, style: Style, indent: str) -> Iterable[str]:
    rows = [
        (row.name or "(no name)", row.transports, with_references(row.description, row.references))
        for row in item.services
    ]
    return table(rows, style, indent)


def _ports(item: Ports, style: Style, indent: str) -> Iterable[str]:
    rows = [
        (
            str(row.first) if row.last == row.first else f"{row.first}–{row.last}",
            row.transports or ", ".join(row.names),
            f"{row.description} (this port)"
            if row.own
            else with_references(row.description, row.references),
        )
        for row in item.port_rows
    ]
    return [*wrap(f"{item.caption}:", style.width, indent), *table(rows, style, indent)]


def _records(item: Records, style: Style, indent: str) -> Iterator[str]:
    yield from wrap(f"{item.caption}:", style.width, indent)
    for record in item.records:
        yield from _record(record, style, indent)


def _checks(item: Checks, style: Style, indent: str) -> Iterator[str]:
    for command in item.commands:
        systems = ", ".join(command.systems) or "any system"
        about = plain(f"{systems}, {command.about}:")
        yield f"{indent}{about:<20} {plain(command.command.replace(PORT, str(item.port)))}"
    for system, proves in item.proofs:
        yield from wrap(f"{system}: {proves}", style.width, indent)


def _verdict(item: Verdict, style: Style, indent: str) -> Iterator[str]:
    yield f"{indent}{style.bold(plain(item.socket))}"
    from portbook.present.phrases.findings import finding_message

    for finding in item.findings:
        label = style.of(finding.level, f"{finding.level:<6}")
        sentence = f"{finding.code}: {finding_message(finding)}"
        body = wrap(sentence, style.width, indent + " " * 9)
        yield f"{indent}  {label} {body[0].lstrip()}"
        yield from body[1:]


def _question(item: Question, style: Style, indent: str) -> Iterator[str]:
    for line in wrap(item.question, style.width, indent):
        yield indent + style.bold(line.lstrip())
    yield from wrap(item.answer, style.width, indent + "  ")


def _sources(item: Sources, style: Style, indent: str) -> Iterable[str]:
    return table([_source(source) for source in item.sources], style, indent)


def _source(source: Source) -> tuple[str, str, str]:
    day, _, time = (source.as_of or "").partition("T")
    # A time of day in the column of dates would leave little room for what was taken.
    said = f"{source.what} at {time}" if time else source.what
    where = f" {source.url}" if source.url else ""
    return source.id, f"as of {day}" if day else "undated", said + where


def _record(record: Record, style: Style, indent: str) -> Iterator[str]:
    """*record*: its subject, what is said of it, and the source in one piece, to be copied."""
    subject = one_line(record.subject)
    first, *rest = wrap(f"{record.subject} · {record.kind}", style.width, indent)
    lead = len(indent) + len(subject)
    if subject and first.startswith(indent + subject):
        first = indent + style.bold(subject) + first[lead:]
    yield from (first, *rest)
    yield from wrap(record.said, style.width, indent + "  ")
    read = one_line(f"read {record.read}: {record.source}")
    yield f"{indent}  {style.dim(read)}"


def table(rows: Sequence[Sequence[str]], style: Style, indent: str = "  ") -> Iterator[str]:
    """*rows* in columns as wide as they need, the last of them wrapped.

    >>> list(table([("300", "tacacss"), ("1", "tcpmux")], Style()))
    ['  300  tacacss', '  1    tcpmux']
    """
    clean = [[one_line(cell) for cell in row] for row in rows]
    # Nothing but the last column is wrapped, so the others may not eat the width up.
    most = max(12, style.width // 3)
    columns = max(map(len, clean), default=0)
    widths = [
        min(most, max((columns_of(row[at]) for row in clean if at < len(row) - 1), default=0))
        for at in range(columns - 1)
    ]
    for row in clean:
        *heads, last = row
        lead = indent
        for at, cell in enumerate(heads):
            lead += cell + " " * max(0, widths[at] - columns_of(cell)) + "  "
        hang = len(indent) + sum(widths[: len(heads)]) + 2 * len(heads)
        body = wrap(last, max(style.width, hang + 20), " " * hang) or [""]
        fits = columns_of(lead) <= hang
        yield (lead + body[0].lstrip() if fits else lead).rstrip()
        yield from body[1:] if fits else body


def flow(parts: Iterable[tuple[State, str]], between: str, style: Style) -> Iterator[str]:
    """States, each in its colour and with what is said of it, as many on a line as fit.

    >>> list(flow([(State.ASSIGNED, " 694"), (State.RESERVED, " 48")], ", ", Style(20)))
    ['assigned 694,', 'reserved 48']
    """
    line = shown = ""
    for state, said in parts:
        whole = one_line(f"{state}{said}")
        if line and columns_of(f"{line}{between}{whole}") <= style.width:
            line += between + whole
            shown += between + style.of(state) + whole[len(state) :]
            continue
        if line:
            yield f"{shown}{between}".rstrip()
        first, *rest = wrap(whole, style.width)
        shown = style.of(state) + first[len(state) :]
        for line in rest:
            yield shown
            shown = line
        line = rest[-1] if rest else first
    if line:
        yield shown


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """*text*, escaped, in lines of at most *width* columns, each behind *indent*.

    A word that is longer than a line stands on one of its own, so that it can be copied whole.

    >>> wrap("a port is a number", 12, "  ")
    ['  a port is', '  a number']
    """
    text, room = one_line(text), max(1, width - len(indent))
    if not text:
        return []
    if _narrow(text):
        return _wrap_narrow(text, room, indent)
    if columns_of(text) <= room:
        return [indent + text]
    lines: list[str] = []
    line, taken = "", 0
    for word in text.split(" "):
        size = columns_of(word)
        if line and taken + 1 + size > room:
            lines.append(indent + line)
            line, taken = word, size
        elif line:
            line, taken = f"{line} {word}", taken + 1 + size
        else:
            line, taken = word, size
    lines.append(indent + line)
    return lines


def _wrap_narrow(text: str, room: int, indent: str) -> list[str]:
    """What :func:`wrap` does with *text* whose characters take one column each."""
    lines = []
    while len(text) > room:
        end = text.rfind(" ", 0, room + 1)
        if end < 0:  # a word that is longer than a line
            end = text.find(" ", room + 1)
            if end < 0:
                break
        lines.append(indent + text[:end])
        text = text[end + 1 :]
    lines.append(indent + text)
    return lines


# What stands in nearly every page: to find their width, no table has to be loaded.
_NARROW = frozenset("–—…“”‘’")


def _narrow(text: str) -> bool:
    """Whether each character of *text* is known to take one column."""
    return text.isascii() or max(set(text) - _NARROW, default="") < "\u0300"


def columns_of(text: str) -> int:
    """The columns that *text* takes on a terminal: two for a wide letter, none for a combining one.

    >>> columns_of("port"), columns_of("端口"), columns_of("e\u0301")
    (4, 4, 1)
    """
    if _narrow(text):
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )


_PRINTERS: dict[type, Any] = {
    Paragraph: _paragraph,
    Heading: _heading,
    Quote: _quote,
    Table: _rows,
    Facts: _facts,
    Services: _services,
    Ports: _ports,
    Record: _record,
    Records: _records,
    Checks: _checks,
    Verdict: _verdict,
    Question: _question,
    Sources: _sources,
}
