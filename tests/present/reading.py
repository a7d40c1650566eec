"""Reading a document: all words that an item says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.present import document as doc
from portbook.present.phrases.findings import finding_message
from portbook.present.sources import source_content, source_name
from portbook.present.words import day

if TYPE_CHECKING:
    from collections.abc import Iterator


def words(item: doc.Item) -> Iterator[str]:  # noqa: C901 - one branch a kind
    """All that an item says."""
    if isinstance(item, doc.Paragraph):
        yield item.text
    elif isinstance(item, doc.Heading):
        yield item.heading
    elif isinstance(item, doc.Points):
        yield from item.points
    elif isinstance(item, doc.Quote):
        yield from (item.quote, item.of)
    elif isinstance(item, doc.Table):
        yield from (cell for row in item.rows for cell in row)
    elif isinstance(item, doc.Facts):
        yield from (word for pair in item.facts for word in pair)
    elif isinstance(item, doc.Services):
        for row in item.services:
            yield from (row.name or "", row.transports, row.description, *row.references)
    elif isinstance(item, doc.Ports):
        yield item.caption
        for each in item.port_rows:
            yield from (str(each.first), str(each.last), *each.names, each.description)
    elif isinstance(item, doc.Blocks):
        yield item.caption
        yield from (cell for row in item.cells() for cell in row)
    elif isinstance(item, doc.Record):
        yield from (*item[:4], day(item.read))
    elif isinstance(item, doc.Records):
        yield item.caption
        for record in item.records:
            yield from (*record[:4], day(record.read))
    elif isinstance(item, doc.Checks):
        yield from commands(item)
        yield from (proves.replace(doc.PORT, str(item.port)) for _, proves in item.proofs)
    elif isinstance(item, doc.Verdict):
        for finding in item.findings:
            yield from (finding.code, finding_message(finding))
    elif isinstance(item, doc.Question):
        yield from item
    else:
        assert isinstance(item, doc.Sources)
        for source in item.sources:
            yield from (source_name(source), source_content(source))
        yield from item.further


def commands(item: doc.Checks) -> list[str]:
    """The commands, filled in."""
    return [each.command.replace(doc.PORT, str(item.port)) for each in item.commands]


def said(page: doc.Page, *ids: str) -> str:
    """The text of a page, or of the sections that are named."""
    sections = [section for section in page.sections if not ids or section.id in ids]
    head = [] if ids else [page.character, *page.lead]
    return "\n".join(
        [*head, *(word for each in sections for item in each.items for word in words(item))]
    )
