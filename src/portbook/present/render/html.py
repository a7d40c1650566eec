"""The document as HTML: the sections of a page, and what a sentence has in it.

Each function escapes whatever it is given, whole, before it adds an element or a link of its own.
What stands on all pages alike is kept.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from portbook.present import document as doc
from portbook.present.charts.svg import render_bar
from portbook.present.phrases.findings import finding_message
from portbook.present.render.html_practice import FOLDED, SHOWN, long_records, subjects
from portbook.present.render.html_text import (
    cited,
    escape,
    linked,
    references,
    sentence_of,
    source,
    typeset,
    with_ports,
)
from portbook.present.sources import source_content, source_name
from portbook.present.words import day, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from portbook.model import Block
    from portbook.present.render.html_text import Links


# -- the frame of a port's page ---------------------------------------------------------------


@lru_cache(maxsize=64)
def contents(parts: tuple[tuple[str, str], ...]) -> str:
    """The list of a page's sections, each an id and a title."""
    return "".join(
        f'<li><a href="#{escape(place)}">{typeset(title)}</a></li>' for place, title in parts
    )


def lead(
    sentences: tuple[str, ...],
    notes: tuple[str, ...],
    to: Links,
    of: doc.Numbered | None = None,
) -> str:
    """The first sentences of a page, and how a loose question was read.

    *of* is the page, where it is one of a port.
    """
    if of is None or of.lead is None or notes:
        return _lead(sentences, notes, to)
    return of.own(_lead(of.lead, (), to))


@lru_cache(maxsize=1024)
def _lead(sentences: tuple[str, ...], notes: tuple[str, ...], to: Links) -> str:
    said = [
        f"<p{_AGAIN if sentence.startswith(_IN_THE_CARD) else ''}>{linked(sentence, to)}</p>\n"
        for sentence in sentences
    ]
    return "".join([*said, *(f'<p class="note">{escape(note)}</p>' for note in notes)])


# What the card beside the lead says too: where there is little room, once is enough.
_IN_THE_CARD = ("Used in practice by ", "Reported abuse: ")
_AGAIN = ' class="again"'


# -- sections and items -----------------------------------------------------------------------


def sections(some: Sequence[doc.Section], to: Links, of: doc.Numbered | None = None) -> str:
    """The sections of a page; their ids are words of ours.

    *of* is the page, where it is one of a port.
    """
    bodies = [items(each.items, to) for each in some] if of is None else _bodies(some, to, of)
    return "".join([
        f'<section id="{each.id}"><h2>{typeset(each.title)}</h2>\n<div>{body}</div></section>\n'
        for each, body in zip(some, bodies, strict=True)
    ])  # fmt: skip


def items(some: Iterable[doc.Item], to: Links) -> str:
    """The items of a section."""
    return "".join([_WRITERS[type(each)](each, to) for each in some])


def _bodies(some: Iterable[doc.Section], to: Links, of: doc.Numbered) -> Iterator[str]:
    """The items of each section of the page *of*."""
    for each, alike in zip(some, of.items, strict=True):
        yield "".join([
            _WRITERS[type(item)](item, to) if general is None else of.own(_kept(general, to))
            for item, general in zip(each.items, alike, strict=True)
        ])  # fmt: skip


@lru_cache(maxsize=2048)
def _kept(item: doc.Item, to: Links) -> str:
    """What is made of an item of many pages."""
    return _WRITERS[type(item)](item, to)


def _paragraph(item: doc.Paragraph, to: Links) -> str:
    out = linked(item.text, to, item.ports)
    if "<code>portbook topic" in out:
        out = _TOPIC.sub(lambda match: _topic(match, to), out)
    return f"<p>{out}{cited(item.cites)}</p>\n"


_TOPIC = re.compile("<code>portbook topic ([a-z-]+)</code>")


def _topic(match: re.Match[str], to: Links) -> str:
    """A topic of the terminal, which a site may have as a page."""
    page = to.topic(match[1])
    return f'<a href="{escape(page)}">{match[0]}</a>' if page else match[0]


def _heading(item: doc.Heading, _to: Links) -> str:
    return f"<h3>{typeset(item.heading)}</h3>\n"


def _points(item: doc.Points, _to: Links) -> str:
    points = [f"<li>{sentence_of(each)}{cited(cites)}</li>" for each, cites in item.cited()]
    return f"<ul>{''.join(points)}</ul>\n"


def _quote(item: doc.Quote, _to: Links) -> str:
    return (
        f'<figure class="quote"><blockquote>{escape(item.quote)}</blockquote>'
        f"<figcaption>{typeset(item.of)}</figcaption></figure>\n"
    )


def _table(item: doc.Table, _to: Links) -> str:
    rows = "\n".join(
        [f"<tr>{''.join([f'<td>{escape(cell)}</td>' for cell in row])}</tr>" for row in item.rows]
    )
    return f"<table><tbody>\n{rows}\n</tbody></table>\n"


def _facts(item: doc.Facts, to: Links) -> str:
    rows = "".join(
        [
            f"<div><dt>{escape(label)}</dt>"
            f"<dd>{with_ports(escape(value), to, item.ports)}</dd></div>"
            for label, value in item.facts
        ]
    )
    return f'<dl class="facts">{rows}</dl>\n'


def _services(item: doc.Services, to: Links) -> str:
    rows = []
    for row in item.services:
        name = "<i>no name</i>"
        if row.name:
            name = f'<a href="{escape(to.service(row.name))}">{escape(row.name)}</a>'
        cites = f' <span class="cites">{references(row.references)}</span>'
        rows.append(
            f'<tr><th scope="row">{name}</th><td>{escape(row.transports)}</td>'
            f"<td>{escape(row.description)}{cites if row.references else ''}</td></tr>\n"
        )
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="Services registered here">'
        '<table><thead><tr><th scope="col">Service</th><th scope="col">Transport</th>'
        f'<th scope="col">Description</th></tr></thead><tbody>\n{"".join(rows)}</tbody></table>'
        "</div>\n"
    )


def _ports(item: doc.Ports, to: Links) -> str:
    rows = "\n".join([_port_row(row, to) for row in item.port_rows])
    return (
        f'<table class="ports"><caption>{escape(item.caption)}</caption><tbody>\n{rows}\n'
        "</tbody></table>\n"
    )


@lru_cache(maxsize=1024)
def _port_row(row: doc.PortRow, to: Links) -> str:
    """Ports beside each other have the same neighbours."""
    names = ", ".join(
        [f'<a href="{escape(to.service(name))}">{escape(name)}</a>' for name in row.names]
    )
    if row.own:
        number = f"<b>{row.first}</b>"
    else:
        number = f'<a href="{to.port(row.first)}">{row.first}</a>'
        if row.last > row.first:
            number += f'–<a href="{to.port(row.last)}">{row.last}</a>'
    here = ' class="here"' if row.own else ""
    if row.own and not names:
        names = "<i>this port</i>"
    said = escape(row.description)
    if row.references:
        said += f' <span class="cites">{references(row.references)}</span>'
    names = names or escape(row.transports)
    return f"<tr{here}><th>{number}</th><td>{names}</td><td>{said}</td></tr>"


def _blocks(item: doc.Blocks, to: Links) -> str:
    # The longest would leave nothing of the others to see: bars are by the square root.
    most = max((block.size for block in item.blocks), default=1) ** 0.5
    rows = "".join([_block_row(block, most, to) for block in item.blocks])
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="Blocks"><table class="blocks">'
        f"<caption>{escape(item.caption)}</caption><thead><tr>"
        '<th scope="col">Ports</th><th scope="col">Length</th><td></td><th scope="col">State</th>'
        '<th scope="col">Range</th><th scope="col">Rank</th></tr></thead>'
        f"<tbody>\n{rows}</tbody></table></div>\n"
    )


def _block_row(block: Block, most: float, to: Links) -> str:
    ports = f'<a href="{to.port(block.first)}">{block.first}</a>'
    if block.last > block.first:
        ports += f'–<a href="{to.port(block.last)}">{block.last}</a>'
    bar = render_bar(round(1000 * block.size**0.5), round(1000 * most))
    return (
        f'<tr><th scope="row">{ports}</th><td class="n">{plural(block.size, "port")}</td>'
        f'<td class="s-{block.state} barcell">{bar}</td>'
        f'<td><span class="sw s-{block.state}" aria-hidden="true"></span>{block.state}</td>'
        f"<td>{block.range}</td><td>{block.rank} of {block.of}</td></tr>\n"
    )


def _records(item: doc.Records, to: Links) -> str:
    if item.page and len(item.records) > SHOWN:
        return long_records(item, to)
    return _claims(item.caption, item.records, to)


@lru_cache(maxsize=256)
def _claims(caption: str, records: tuple[doc.Record, ...], to: Links) -> str:
    """Records of many pages: some are of thousands of ports."""
    days = {record.read for record in records}
    once = days.pop() if len(days) == 1 and len(records) > 1 else ""
    rows = [
        f"<li{'' if record.subject else _MORE}>{_claim(record, to, dated=not once)}</li>\n"
        for record in records
    ]
    read = f'<p class="cites">Sources read on {day(once)}.</p>\n' if once else ""
    folded = ""
    if len(rows) > FOLDED and all(record.subject for record in records):
        rest = f'<ul class="claims">{"".join(rows[SHOWN:])}</ul>\n'
        folded = f"<details><summary>{len(rows) - SHOWN} more</summary>\n{rest}</details>\n"
        rows = rows[:SHOWN]
    shown = f'<ul class="claims">{"".join(rows)}</ul>\n'
    return f"<h3>{typeset(caption)}</h3>\n{shown}{folded}{read}"


_MORE = ' class="more"'  # of a claim about what stands before it


def _record(item: doc.Record, to: Links) -> str:
    return f"<p>{_claim(item, to)}</p>\n"


def _claim(record: doc.Record, to: Links, *, dated: bool = True) -> str:
    kind = with_ports(escape(record.kind), to, record.ports)
    kind = f' <span class="kind">{kind}</span>' if kind else ""
    head = f"<b>{subjects(record)}</b>{kind}<br>" if record.subject else ""
    return (
        f"{head}{typeset(record.said)} "
        f'<span class="cites">{_origin(record.source, record.read if dated else "")}</span>'
    )


@lru_cache(maxsize=1024)
def _origin(address: str, read: str) -> str:
    """Where a record is from and when that was read; records of one port stand on many pages."""
    return f"{source(address)}, {escape(day(read))}" if read else source(address)


def _verdict(item: doc.Verdict, _to: Links) -> str:
    rows = "".join(
        [
            f"<li><b>{escape(finding.code)}</b> {finding.level}: "
            f"{escape(finding_message(finding))}</li>"
            for finding in item.findings
        ]
    )
    return f"<h3>{escape(item.socket)}</h3>\n<ul>{rows}</ul>\n"


def _question(item: doc.Question, to: Links) -> str:
    return f"<h3>{typeset(item.question)}</h3><p>{linked(item.answer, to)}</p>\n"


def _sources(item: doc.Sources, _to: Links) -> str:
    return _source_list(item)


@lru_cache(maxsize=64)
def _source_list(item: doc.Sources) -> str:
    """A few lists of sources stand on all pages."""
    rows: list[str] = []
    linked_before: set[str] = set()
    for each in item.sources:
        name, content = source_name(each), source_content(each)
        # The registry is several sources at one address: it is a link once.
        shown = typeset(name)
        if each.url and each.url not in linked_before:
            shown = source(each.url, name)
            linked_before.add(each.url)
        rows.append(f"<li>{shown}{f' ({escape(content)})' if content else ''}</li>\n")
    rows += [f"<li>{sentence_of(name)}</li>\n" for name in item.further]
    return f'<ul class="sources">{"".join(rows)}</ul>\n'


def _checks(item: doc.Checks, to: Links) -> str:
    return _tabs(item.commands, item.proofs, to).replace(doc.PORT, str(item.port))


@lru_cache(maxsize=8)
def _tabs(commands: tuple[doc.Command, ...], proofs: tuple[tuple[str, str], ...], to: Links) -> str:
    """A tab a system, made of radio buttons, so that they work without a script."""
    labels = "".join(
        f'<input type="radio" name="system" id="on-{at}" value="{escape(system)}"'
        f'{" checked" if at == 1 else ""}><label for="on-{at}">{escape(system)}</label>\n'
        for at, (system, _) in enumerate(proofs, 1)
    )
    tabs = "".join(
        f'<section class="tab" aria-label="{escape(system)}"><h3>{escape(system)}</h3>\n'
        f"{''.join([_step(each) for each in commands if system in each.systems])}"
        f"<p>{sentence_of(proves)}</p></section>\n"
        for system, proves in proofs
    )
    own = "".join([_step(each) for each in commands if not each.systems])
    # Who comes by a search engine doesn't know the program: its name leads to where that is said.
    get = f'with <a href="{escape(to.page("about"))}#get">portbook</a> ('
    own = own.replace("with portbook (", get, 1)
    return f'<div class="tabs">\n{labels}{tabs}</div>\n{own}'


def _step(command: doc.Command) -> str:
    return (
        f'<p class="does">{escape(command.about)}</p>'
        f'<pre tabindex="0"><code>{escape(command.command)}</code></pre>\n'
    )


_WRITERS: dict[type, Callable[[Any, Links], str]] = {
    doc.Paragraph: _paragraph,
    doc.Heading: _heading,
    doc.Points: _points,
    doc.Quote: _quote,
    doc.Table: _table,
    doc.Facts: _facts,
    doc.Services: _services,
    doc.Ports: _ports,
    doc.Blocks: _blocks,
    doc.Record: _record,
    doc.Records: _records,
    doc.Checks: _checks,
    doc.Verdict: _verdict,
    doc.Question: _question,
    doc.Sources: _sources,
}
