"""A document as text for a terminal: its page, and each kind of item that stands in one."""

from __future__ import annotations

from portbook.present.document import (
    PORT,
    Blocks,
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
from portbook.present.render.text import flow, table, wrap
from portbook.present.sources import source_content, source_name
from portbook.present.words import day

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from portbook.present.document import Item, Page
    from portbook.present.render.text import Style


def render_page(page: Page, style: Style) -> str:
    """The whole of *page*."""
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
    return table(item.cells(), style, indent)


def _captioned(item: Ports | Blocks, style: Style, indent: str) -> Iterable[str]:
    return [*wrap(f"{item.caption}:", style.width, indent), *table(item.cells(), style, indent)]


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


def _sources(item: Sources, style: Style, indent: str) -> Iterator[str]:
    addresses: set[str] = set()
    for source in item.sources:
        content = source_content(source)
        yield from wrap(
            f"{source_name(source)}{f' ({content})' if content else ''}", style.width, indent
        )
        if source.url and source.url not in addresses:
            addresses.add(source.url)
            yield f"{indent}  {style.dim(one_line(source.url))}"
    for name in item.further:
        yield from wrap(name, style.width, indent)


def _record(record: Record, style: Style, indent: str) -> Iterator[str]:
    """*record*: its subject, what is said of it, and the source in one piece, to be copied."""
    subject = one_line(record.subject)
    first, *rest = wrap(f"{record.subject} · {record.kind}", style.width, indent)
    lead = len(indent) + len(subject)
    if subject and first.startswith(indent + subject):
        first = indent + style.bold(subject) + first[lead:]
    yield from (first, *rest)
    yield from wrap(record.said, style.width, indent + "  ")
    source = one_line(f"{record.source} ({day(record.read)})")
    yield f"{indent}  {style.dim(source)}"


_PRINTERS: dict[type, Any] = {
    Paragraph: _paragraph,
    Heading: _heading,
    Quote: _quote,
    Table: _rows,
    Facts: _facts,
    Services: _services,
    Ports: _captioned,
    Blocks: _captioned,
    Record: _record,
    Records: _records,
    Checks: _checks,
    Verdict: _verdict,
    Question: _question,
    Sources: _sources,
}
