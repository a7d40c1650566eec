"""A document as text for a terminal: its page, and each kind of item that stands in one."""

from __future__ import annotations

from portbook._fast_types import lru_cache
from portbook.present import document as doc
from portbook.present.escape import one_line, plain
from portbook.present.render.text import flow, numbers, table, wrap
from portbook.present.sources import source_content, source_name
from portbook.present.words import day, with_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from portbook.present.render.text import Style


def render_page(page: doc.Page, style: Style, of: doc.Numbered | None = None) -> str:
    """The whole of *page*; *of* is what it is printed by, where it is one of many."""
    lines = [*_headline(page, style)]
    for at, section in enumerate(page.sections):
        if of is None:
            lines += _section(section, style)
            continue
        lines += ["", style.bold(section.title)]
        lines += filter(None, _printed(section.items, of.items[at], of, style))
    return "\n".join(lines) + "\n"


def render_answer(page: doc.Page, headline: str, style: Style) -> str:
    """The whole of *page*, this machine first, below the *headline* of the short answer to it.

    That is empty where it stands elsewhere. What the page is about follows what runs here.
    """
    machine = [at for at, each in enumerate(page.sections) if each.id in ("machine", "verdict")]
    first = max(machine, default=-1) + 1
    lines = [style.bold(line) for line in wrap(headline, style.width)] if headline else []
    for section in page.sections[:first]:
        lines += _section(section, style)
    # What the headline says isn't said once more as the page's title.
    told = page.character.partition(";")[0] in headline
    about = [*_headline(page, style, titled=not told)]
    lines += ["", *about] if first and about else about
    for section in page.sections[first:]:
        lines += _section(section, style)
    return "\n".join(lines) + "\n"


def _section(section: doc.Section, style: Style) -> Iterator[str]:
    yield ""
    yield from map(style.bold, wrap(section.title, style.width))  # some name a program
    for item in section.items:
        yield from render_item(item, style)


def _printed(
    items: Iterable[doc.Item], alike: Iterable[doc.Item | None], of: doc.Numbered, style: Style
) -> Iterator[str]:
    """The lines of each of *items* of the page *of*; *alike* are those of the specimen."""
    for item, general in zip(items, alike, strict=True):
        if general is not None:
            yield of.own(_kept(general, style))
        elif type(item) is doc.Records:  # some are of thousands of ports
            yield _kept(item._replace(page=""), style)
        else:
            yield "\n".join(render_item(item, style))


def _headline(page: doc.Page, style: Style, *, titled: bool = True) -> Iterator[str]:
    if titled:
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


@lru_cache(maxsize=1024)
def _kept(item: doc.Item, style: Style) -> str:
    """The lines of an item of many pages."""
    return "\n".join(render_item(item, style))


def render_item(item: doc.Item, style: Style, indent: str = "  ") -> Iterator[str]:
    """The lines of one item of a page."""
    lines: Iterator[str] = iter(_PRINTERS[type(item)](item, style, indent))
    return lines


def _paragraph(item: doc.Paragraph, style: Style, indent: str) -> Iterable[str]:
    return wrap(with_references(item.text, item.cites), style.width, indent)


def _heading(item: doc.Heading, style: Style, indent: str) -> Iterable[str]:
    return (indent + style.bold(item.heading),)


def _points(item: doc.Points, style: Style, indent: str) -> Iterator[str]:
    for each, cites in item.cited():
        first, *rest = wrap(with_references(each, cites), style.width, indent + "  ")
        yield f"{indent}- {first.lstrip()}"
        yield from rest


def _quote(item: doc.Quote, style: Style, indent: str) -> Iterable[str]:
    return wrap(f'{item.of}: "{item.quote}"', style.width, indent)


def _rows(item: doc.Table, style: Style, indent: str) -> Iterable[str]:
    return numbers(item.rows, indent) if item.counts else table(item.rows, style, indent)


def _facts(item: doc.Facts, style: Style, indent: str) -> Iterable[str]:
    return table(item.facts, style, indent)


def _services(item: doc.Services, style: Style, indent: str) -> Iterable[str]:
    return table(item.cells(), style, indent)


def _captioned(item: doc.Ports | doc.Blocks, style: Style, indent: str) -> Iterable[str]:
    return [*wrap(f"{item.caption}:", style.width, indent), *table(item.cells(), style, indent)]


def _records(item: doc.Records, style: Style, indent: str) -> Iterator[str]:
    yield from wrap(f"{item.caption}:", style.width, indent)
    for record in item.records:
        yield from _record(record, style, indent)


def _checks(item: doc.Checks, style: Style, indent: str) -> Iterator[str]:
    number = str(item.port)
    for command in item.commands:
        systems = ", ".join(command.systems) or "any system"
        about = plain(f"{systems}, {command.about}:")
        yield f"{indent}{about:<20} {plain(command.command)}".replace(doc.PORT, number)
    for system, proves in item.proofs:
        said = f"{system}: {proves}".replace(doc.PORT, number)
        yield from wrap(said, style.width, indent)


def _verdict(item: doc.Verdict, style: Style, indent: str) -> Iterator[str]:
    yield f"{indent}{style.bold(plain(item.socket))}"
    from portbook.present.phrases.findings import finding_message

    for finding in item.findings:
        label = style.of(finding.level, f"{finding.level:<6}")
        sentence = f"{finding.code}: {finding_message(finding)}"
        body = wrap(sentence, style.width, indent + " " * 9)
        yield f"{indent}  {label} {body[0].lstrip()}"
        yield from body[1:]


def _question(item: doc.Question, style: Style, indent: str) -> Iterator[str]:
    for line in wrap(item.question, style.width, indent):
        yield indent + style.bold(line.lstrip())
    yield from wrap(item.answer, style.width, indent + "  ")


@lru_cache(maxsize=32)
def _sources(item: doc.Sources, style: Style, indent: str) -> tuple[str, ...]:
    """A few lists of sources stand on all pages."""
    return tuple(_source_lines(item, style, indent))


def _source_lines(item: doc.Sources, style: Style, indent: str) -> Iterator[str]:
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


def _record(record: doc.Record, style: Style, indent: str) -> Iterator[str]:
    """*record*: its subject, what is said of it, and the source in one piece, to be copied."""
    if not record.subject:
        yield from _said(record, style, indent)
        return
    subject = one_line(record.subject)
    first, *rest = wrap(f"{record.subject} · {record.kind}", style.width, indent)
    lead = len(indent) + len(subject)
    if subject and first.startswith(indent + subject):
        first = indent + style.bold(subject) + first[lead:]
    yield from (first, *rest)
    yield from _said(record, style, indent)


def _said(record: doc.Record, style: Style, indent: str) -> Iterator[str]:
    yield from wrap(record.said, style.width, indent + "  ")
    source = one_line(f"{record.source} ({day(record.read)})")
    yield f"{indent}  {style.dim(source)}"
    if record.files:
        files = ", ".join([file for _, file in record.files])
        yield from wrap(f"Files: {files}", style.width, indent + "  ")


_PRINTERS: dict[type, Any] = {
    doc.Paragraph: _paragraph,
    doc.Heading: _heading,
    doc.Points: _points,
    doc.Quote: _quote,
    doc.Table: _rows,
    doc.Facts: _facts,
    doc.Services: _services,
    doc.Ports: _captioned,
    doc.Blocks: _captioned,
    doc.Record: _record,
    doc.Records: _records,
    doc.Checks: _checks,
    doc.Verdict: _verdict,
    doc.Question: _question,
    doc.Sources: _sources,
}
