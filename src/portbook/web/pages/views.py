"""Every page of the site: pure functions from an answer and a site to an HTML document.

No page of the book holds anything of this machine: its panel is empty, and ``here.js`` fills it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from portbook.app.history import chronicle
from portbook.catalog.registry.summary import shelf
from portbook.model import LAST_PORT, RANGES, State
from portbook.present.charts.map import place
from portbook.present.charts.strip import render_strip, window
from portbook.present.port.entry_page import compose
from portbook.present.port.likeness import blank, likeness
from portbook.present.port.related import around
from portbook.present.port.slots import OPEN, slot
from portbook.web.pages import lists, markup
from portbook.web.pages.links import Links
from portbook.web.pages.render import Skeleton, item, page, parts

if TYPE_CHECKING:
    from collections.abc import Hashable

    from portbook.app.explain import ExplainAnswer
    from portbook.app.listen import HereAnswer
    from portbook.app.lookup import PortAnswer, SearchAnswer, ServiceAnswer
    from portbook.catalog import Catalog
    from portbook.catalog.registry.lookup import Registry
    from portbook.present.port.related import Around
    from portbook.web.site_config import Site


_SLOTS = (
    "port", "state", "states", "character", "range_name", "range_title", "title", "about", "strip",
    "first", "last", "row", "column", "lead", "contents", "parts",
)  # fmt: skip
# What differs between ports that are alike; beside these the page of one is that of the other.
_OWN = ("port", "before", "after", "strip", "first", "last", "row", "column")
_MOST_ALIKE = 4096  # kinds of ports that are held: about a thousand, in one registry


@lru_cache(maxsize=32)
def _frame(to: Links, before: bool, after: bool) -> Skeleton:
    turns = {name: None for name, there in (("before", before), ("after", after)) if not there}
    slots = [*_SLOTS, *({"before", "after"} - set(turns))]
    return Skeleton.of("port.html", to, slots, **turns)


def port(answer: PortAnswer, catalog: Catalog, site: Site) -> str:
    """The page of a port. What *answer* holds of this machine is left out."""
    to = Links(site)
    near = around(answer, catalog)
    values = own_values(answer, catalog.registry)
    alike = _alike(answer, near, catalog, to)
    if alike is None:
        return alone(answer, near, to, values)
    told = near.own
    values["in_range"] = told.in_range
    values["in_block"] = told.in_block
    values["packet"] = told.packet
    values["on_map"] = told.on_map
    values["swapped"] = item(told.swapped, to)
    values["mirror"] = item(told.mirror, to) if told.mirror else ""
    return alike.fill(values)


def own_values(answer: PortAnswer, book: Registry) -> dict[str, str]:
    """What the frame of a port's page has that is its own."""
    number = answer.port
    first, last = window(number)
    column, row = place(number)
    return {
        "port": str(number),
        "before": str(number - 1),
        "after": str(number + 1),
        "strip": render_strip(shelf(book), number),
        "first": str(first),
        "last": str(last),
        "row": str(row),
        "column": str(column),
    }


def alone(answer: PortAnswer, near: Around, to: Links, own: dict[str, str]) -> str:
    """The page of a port, composed for it alone."""
    entry = compose(answer, near)
    number = answer.port
    values = {
        **own,
        "state": str(entry.state),
        "states": markup.states(entry.states),
        "character": markup.escape(entry.character),
        "range_name": entry.range_name,
        "range_title": entry.range_title,
        "title": markup.escape(f"Port {number}: {entry.character}"),
        "about": markup.escape(" ".join(entry.lead)),
        "lead": markup.lead(entry.lead, entry.notes, to),
        "contents": markup.contents(tuple([(part.id, part.title) for part in entry.parts])),
        "parts": parts(entry.parts, to),
    }
    return _frame(to, number > 0, number < LAST_PORT).fill(values)


def _kinds(_: Catalog) -> dict[tuple[Links, Hashable], Skeleton]:
    return {}


def _alike(answer: PortAnswer, near: Around, catalog: Catalog, to: Links) -> Skeleton | None:
    """The page that all ports like that of *answer* have, with slots for what is their own.

    None where there is hardly another one like it.
    """
    kind = likeness(answer, near)
    if kind is None or answer.port in (0, LAST_PORT):  # these turn one way only
        return None
    kinds = catalog.derived(_kinds)
    found = kinds.get((to, kind))
    # What the registry or the lore says may look like a slot: it must not be filled.
    if found is None and OPEN not in f"{answer}{near}":
        text = alone(*blank(answer, near), to, {name: slot(name) for name in _OWN})
        if len(kinds) >= _MOST_ALIKE:
            kinds.clear()
            Skeleton.forget()
        found = kinds[to, kind] = Skeleton(text)
    return found


def service(answer: ServiceAnswer, catalog: Catalog, site: Site) -> str:
    """The page of a service name."""
    return page("service.html", Links(site), answer.name, **lists.of_service(answer, catalog))


def range_(name: str, catalog: Catalog, site: Site) -> str:
    """The page of the range called ``system``, ``user`` or ``dynamic``; KeyError otherwise."""
    values = lists.of_range(name, catalog)
    return page("range.html", Links(site), str(values["title_line"]), **values)


def blocks(
    catalog: Catalog,
    site: Site,
    state: State | None = None,
    range_name: str | None = None,
) -> str:
    """The longest blocks, of *state* and of one range if they are given."""
    values = lists.of_blocks(catalog.registry, state, range_name)
    return page("blocks.html", Links(site), "Blocks", **values)


def stats(catalog: Catalog, site: Site) -> str:
    """The registry in numbers."""
    values = lists.of_stats(catalog.registry)
    return page("stats.html", Links(site), "The registry in numbers", **values)


def changes(catalog: Catalog, site: Site, since: str | None = None, *, feed: bool = True) -> str:
    """What changed in the registry; *feed* says whether the site has it as a feed as well."""
    to = Links(site)
    found = chronicle(catalog, since=since)
    values = lists.of_changes(found, to.file("changes.atom") if feed else None)
    return page("changes.html", to, "Changes", **values)


def map_(catalog: Catalog, site: Site) -> str:
    """The map of all ports."""
    values = lists.of_map(catalog.registry)
    return page("map.html", Links(site), "The map of all ports", **values)


def search(answer: SearchAnswer | None, text: str, site: Site) -> str:
    """What a search found; None where nothing was asked yet."""
    values = lists.of_search(answer, text)
    return page("search.html", Links(site), str(values["headline"]), asked=text, **values)


def glossary(term: str | None, site: Site) -> str:
    """One word of the glossary, or all of them; KeyError if there is no such word."""
    from portbook.present.views.glossary import TERMS, lookup

    found = lookup(term) if term is not None else None
    title = found.title if found else "Words"
    return page("glossary.html", Links(site), title, term=found, terms=TERMS)


def about(catalog: Catalog, site: Site) -> str:
    """How the book is made."""
    from portbook import __version__
    from portbook.present.views.method import method

    practice = catalog.practice.sources()
    sources = (*catalog.registry.sources(), catalog.history.source(), *practice)
    told = method(sources, __version__)
    return page("about.html", Links(site), "How this book is made", parts=told)


def api(site: Site) -> str:
    """What programs can ask."""
    from portbook.web.api.addresses import FILES, RULES
    from portbook.web.api.docs import operations

    found = None if site.export else operations(local=site.local)
    rest = FILES if site.export else RULES
    return page("api.html", Links(site), "API", operations=found, groups=rest)


def here(answer: HereAnswer, site: Site) -> str:
    """Everything that listens on this machine.

    Command lines are shown where *answer* has them: whoever wants them masked takes them out.
    """
    from portbook.web.local.panel import of_here

    return page("here.html", Links(site), "This machine", **of_here(answer))


def explain(answer: ExplainAnswer | None, wrong: str, site: Site) -> str:
    """The form that takes a capture, with what was made of one; *wrong* says what hindered it."""
    from portbook.web.explain.rows import of_capture

    values = of_capture(answer)
    return page("explain.html", Links(site), "Explain an output", wrong=wrong, **values)


def feedback_thanks(site: Site, port: int) -> str:
    """What a reader sees who sent the form of the page of *port*."""
    return page("thanks.html", Links(site), "Thank you", port=port)


def error(status: int, title: str, detail: str, site: Site) -> str:
    """A page for what went wrong: *detail* says what would help."""
    return page("error.html", Links(site), title, status=status, detail=detail)


def home(catalog: Catalog, site: Site) -> str:
    """The front page."""
    return page("home.html", Links(site), "portbook", **lists.of_home(catalog.registry))


__all__ = [
    "RANGES",
    "about",
    "alone",
    "api",
    "blocks",
    "changes",
    "error",
    "explain",
    "feedback_thanks",
    "glossary",
    "here",
    "home",
    "map_",
    "own_values",
    "port",
    "range_",
    "search",
    "service",
    "stats",
]
