"""Long lists of uses as HTML: tables by family, of which most rows are folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.present.render.html_text import escape, source, typeset
from portbook.present.words import day, listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.present import document as doc
    from portbook.present.render.html_text import Links


SHOWN, FOLDED = 6, 16  # rows of a long list that stand open, and the most with what is folded


def continues(item: doc.Records, to: Links) -> bool:
    """Whether *item* is so long that a page of its own has it whole."""
    return len(item.records) > FOLDED and to.rest(item.page) is not None


def long_records(item: doc.Records, to: Links) -> str:
    """The first rows; the rest folded by group, or from a certain length on a page of its own."""
    page = to.rest(item.page) if continues(item, to) else None
    rest = item.records[SHOWN:]
    days = dict.fromkeys([record.read for record in item.records])
    shown = listed([day(each) for each in days])
    link = f'<p><a href="{page}">All of them, by kind</a></p>\n'
    folded = f"<details><summary>{len(rest)} more</summary>\n{grouped(rest)}</details>\n"
    return (
        f"<h3>{typeset(item.caption)}</h3>\n{_use_table(item.records[:SHOWN], linked=not page)}"
        f"{link if page else folded}"
        f'<p class="cites">Sources read on {escape(shown)}.</p>\n'
    )


def grouped(records: Iterable[doc.Record]) -> str:
    """Records as a table each group, in the order of the groups' own ranks."""
    by_group: dict[str, list[doc.Record]] = {}
    for record in records:
        by_group.setdefault(record.group, []).append(record)
    return "".join([f"<h4>{typeset(name)}</h4>\n{_use_table(of)}" for name, of in by_group.items()])


def _use_table(records: Iterable[doc.Record], *, linked: bool = True) -> str:
    rows = "".join([
        f"<tr><th>{subjects(record, linked=linked)}</th><td>{typeset(record.said)} "
        f'<span class="kind">{escape(record.kind)}</span></td>'
        f"<td>{_document(record.source)}</td></tr>\n"
        for record in records
    ])  # fmt: skip
    return f'<table class="uses"><tbody>\n{rows}</tbody></table>\n'


def subjects(record: doc.Record, *, linked: bool = True) -> str:
    """What *record* is of; of several each leads to its file, unless they aren't *linked*."""
    if not record.files or not linked:
        return escape(record.subject)
    folder = escape(record.source.replace("/tree/", "/blob/", 1))
    links = [f'<a href="{folder}/{escape(file)}">{escape(name)}</a>' for name, file in record.files]
    return ", ".join(links)


def _document(url: str) -> str:
    """A source by the name of its file, or of its site where that says nothing."""
    name = url.rstrip("/").rpartition("/")[2]
    return source(url, name if "." in name and len(name) <= _LONGEST_FILE else None)


_LONGEST_FILE = 24
