"""Every page of the site: pure functions from an answer and a site to an HTML document.

No page of the book holds anything of this machine: its panel is empty, and ``here.js`` fills it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from portbook.model import LAST_PORT, RANGES, State
from portbook.pages.around import around
from portbook.pages.encyclopedia import compose
from portbook.pages.pictures.map import place
from portbook.pages.pictures.strip import render_strip, window
from portbook.registry import registry
from portbook.registry.shelf import shelf
from portbook.web import lists, markup
from portbook.web.links import Links
from portbook.web.render import Skeleton, page, parts

if TYPE_CHECKING:
    from portbook.answer import PortAnswer, SearchAnswer, ServiceAnswer
    from portbook.here import HereAnswer
    from portbook.web.site import Site


_SLOTS = (
    "port", "state", "states", "character", "range_name", "range_title", "title", "about", "strip",
    "first", "last", "row", "column", "lead", "contents", "parts",
)  # fmt: skip


@lru_cache(maxsize=32)
def _skeleton(to: Links, before: bool, after: bool) -> Skeleton:
    turns = {name: None for name, there in (("before", before), ("after", after)) if not there}
    slots = [*_SLOTS, *({"before", "after"} - set(turns))]
    return Skeleton("port.html", to, slots, **turns)


def port(answer: PortAnswer, site: Site) -> str:
    """The page of a port. What *answer* holds of this machine is left out."""
    book, to = registry(), Links(site)
    number = answer.port
    entry = compose(answer, around(answer, book))
    first, last = window(number)
    column, row = place(number)
    values = {
        "port": str(number),
        "state": str(entry.state),
        "states": markup.states(entry.states),
        "character": markup.escape(entry.character),
        "range_name": entry.range_name,
        "range_title": entry.range_title,
        "title": markup.escape(f"Port {number}: {entry.character}"),
        "about": markup.escape(" ".join(entry.lead)),
        "strip": render_strip(shelf(book), number),
        "first": str(first),
        "last": str(last),
        "row": str(row),
        "column": str(column),
        "before": str(number - 1),
        "after": str(number + 1),
        "lead": markup.lead(entry.lead, entry.notes, to),
        "contents": markup.contents(tuple([(part.id, part.title) for part in entry.parts])),
        "parts": parts(entry.parts, to),
    }
    return _skeleton(to, number > 0, number < LAST_PORT).fill(values)


def service(answer: ServiceAnswer, site: Site) -> str:
    """The page of a service name."""
    return page("service.html", Links(site), answer.name, **lists.of_service(answer))


def range_(name: str, site: Site) -> str:
    """The page of the range called ``system``, ``user`` or ``dynamic``; KeyError otherwise."""
    values = lists.of_range(name, registry())
    return page("range.html", Links(site), str(values["title_line"]), **values)


def blocks(site: Site, state: State | None = None, range_name: str | None = None) -> str:
    """The longest blocks, of *state* and of one range if they are given."""
    values = lists.of_blocks(registry(), state, range_name)
    return page("blocks.html", Links(site), "Blocks", **values)


def stats(site: Site) -> str:
    """The registry in numbers."""
    return page("stats.html", Links(site), "The registry in numbers", **lists.of_stats(registry()))


def map_(site: Site) -> str:
    """The map of all ports."""
    return page("map.html", Links(site), "The map of all ports", **lists.of_map(registry()))


def search(answer: SearchAnswer | None, text: str, site: Site) -> str:
    """What a search found; None where nothing was asked yet."""
    values = lists.of_search(answer, text)
    return page("search.html", Links(site), str(values["headline"]), asked=text, **values)


def glossary(term: str | None, site: Site) -> str:
    """One word of the glossary, or all of them; KeyError if there is no such word."""
    from portbook.pages.glossary import TERMS, lookup

    found = lookup(term) if term is not None else None
    title = found.title if found else "Words"
    return page("glossary.html", Links(site), title, term=found, terms=TERMS)


def about(site: Site) -> str:
    """How the book is made."""
    from portbook import __version__, lore
    from portbook.pages.method import method

    told = method((*registry().sources(), *lore.sources()), __version__)
    return page("about.html", Links(site), "How this book is made", parts=told)


def api(site: Site) -> str:
    """What programs can ask."""
    from portbook.web.addresses import ADDRESSES, FILES

    return page("api.html", Links(site), "API", groups=FILES if site.export else ADDRESSES)


def here(answer: HereAnswer, site: Site) -> str:
    """Everything that listens on this machine.

    Command lines are shown where *answer* has them: whoever wants them masked takes them out.
    """
    from portbook.web.machine import of_here

    return page("here.html", Links(site), "This machine", **of_here(answer))


def feedback_thanks(site: Site, port: int) -> str:
    """What a reader sees who sent the form of the page of *port*."""
    return page("thanks.html", Links(site), "Thank you", port=port)


def error(status: int, title: str, detail: str, site: Site) -> str:
    """A page for what went wrong: *detail* says what would help."""
    return page("error.html", Links(site), title, status=status, detail=detail)


def home(site: Site) -> str:
    """The front page."""
    return page("home.html", Links(site), "portbook", **lists.of_home(registry()))


__all__ = [
    "RANGES",
    "about",
    "api",
    "blocks",
    "error",
    "feedback_thanks",
    "glossary",
    "here",
    "home",
    "map_",
    "port",
    "range_",
    "search",
    "service",
    "stats",
]
