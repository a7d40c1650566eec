"""What changed in the registry, over many ports: as a document, and as an Atom feed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from portbook.catalog.registry.diff import count_kinds
from portbook.present.document import Page, Paragraph, Section, Sources
from portbook.present.port import changes as words
from portbook.present.words import day, month, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portbook.app.history import Chronicle
    from portbook.catalog.registry.history import Change
    from portbook.present.document import Item


# -- the page ---------------------------------------------------------------------------------


def compose(found: Chronicle, limit: int = 0) -> Page:
    """The page of *found*, with at most *limit* changes, 0 for all."""
    changes = tuple(_items(found, limit))
    sections = (
        Section("Changes", changes, "changes"),
        Section("Sources", (Sources(found.sources),), "sources"),
    )
    return Page(
        title=found.subject,
        character=_counted(found, limit),
        states=(),
        range="",
        notes=(),
        sections=tuple([section for section in sections if section.items]),
    )


def _counted(found: Chronicle, limit: int) -> str:
    count = len(found.changes)
    if not found.known:
        return "no snapshot of the registry has this name"
    since = f" since {day(found.since)}" if found.since else ""
    if not count:
        return f"unchanged{since}"
    shown = f"{limit:,} of " if 0 < limit < count else ""
    return f"{shown}{plural(count, 'change')}{since}"


def _items(found: Chronicle, limit: int) -> Iterator[Item]:
    shown = found.changes[:limit] if limit else found.changes
    if shown:
        yield words.table(shown)
    if len(shown) < len(found.changes):
        yield Paragraph(f"and {len(found.changes) - len(shown):,} more: --limit 0 shows all")
    if len(found.changes) > 1 and found.port is None:
        yield Paragraph(f"In all: {words.tally(count_kinds(found.changes))}.")
    for name, registered, as_of in found.registered:
        yield Paragraph(f"{name}: registered {day(registered)} (as of {month(as_of)}).")
    if found.compared is not None and found.known:
        yield Paragraph(words.limits(found.compared))


# -- Atom -------------------------------------------------------------------------------------

MOST_ENTRIES = 100
_ATOM = "http://www.w3.org/2005/Atom"
_ENTRIES = "0d98a6a6-f781-4447-8eab-a3f487f2739a"  # the name space of the entries' ids


def render_feed(
    found: Chronicle, base: str, suffix: str = "", has_port: Callable[[int], bool] | None = None
) -> str:
    """The newest of *found* as an Atom feed (RFC 4287) of the site at *base*.

    *suffix* ends the address of a page, as ``.html`` does where the site is files. *has_port* says
    which ports have a page, where not all do; the others lead to the page of changes. The feed's id
    is its address. An entry's is made of what it says (RFC 9562 §5.5), so that a reader knows it
    again when the site has moved (RFC 4287 §4.2.6).
    """
    updated = found.copies[-1].as_of
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<feed xmlns="{_ATOM}">',
        "<title>Changes of the port registry</title>",
        "<subtitle>What was assigned, renamed, reserved or removed</subtitle>",
        f"<id>{escape(base)}/changes.atom</id>",
        f"<updated>{_moment(updated)}</updated>",
        "<author><name>portbook</name></author>",
        f'<link rel="alternate" href={quoteattr(f"{base}/changes{suffix}")}/>',
        f'<link rel="self" href={quoteattr(f"{base}/changes.atom")}/>',
    ]
    for change in found.changes[:MOST_ENTRIES]:
        page = change.first
        if page is None or (has_port is not None and not has_port(page)):
            address = f"{base}/changes{suffix}"
        else:
            address = f"{base}/{page}{suffix}"
        lines += _entry(change, address)
    return "\n".join([*lines, "</feed>"]) + "\n"


def _entry(change: Change, address: str) -> Iterator[str]:
    from uuid import UUID, uuid5

    place, said = words.place(change), words.said(change)
    names = "+".join(change.after.names or change.before.names)
    span = "name" if change.first is None else f"{change.first}-{change.last}"
    over = "+".join(change.transports)
    key = f"{change.until}/{change.kind}/{span}/{over}/{names}"
    yield "<entry>"
    yield f"<title>{escape(f'{place}: {said}')}</title>"
    yield f"<id>{uuid5(UUID(_ENTRIES), key).urn}</id>"
    yield f"<updated>{_moment(change.until)}</updated>"
    yield f"<link href={quoteattr(address)}/>"
    summary = f"{place}: {said}, between {day(change.since)} and {day(change.until)}."
    yield f"<summary>{escape(summary)}</summary>"
    yield "</entry>"


def _moment(day: str) -> str:
    """A day, or a month, as Atom has moments (RFC 3339)."""
    return f"{day}{'-01' if len(day) == 7 else ''}T00:00:00Z"
