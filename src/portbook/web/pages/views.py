"""Every page of the site: pure functions from an answer and a site to an HTML document.

No page of the book holds anything of this machine: its panel is empty, and ``here.js`` fills it.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from portbook.app.history import chronicle
from portbook.catalog.registry.summary import shelf
from portbook.model import LAST_PORT, RANGES
from portbook.present.brief import compose_brief
from portbook.present.charts.svg import render_strip, window
from portbook.present.document import PORT, Checks, Numbered, Records
from portbook.present.list_briefs import brief_of
from portbook.present.owners import Viewer, viewer
from portbook.present.port.head import head_of, shortened, title_of
from portbook.present.port.on_record import service_names
from portbook.present.port.page import compose
from portbook.present.render import html, html_head, html_practice, html_text
from portbook.present.views.ranges import Length, compose_range
from portbook.present.views.service import compose_service, heading, met_there
from portbook.web.local.panel import of_here
from portbook.web.pages import lists
from portbook.web.pages.browse import compare
from portbook.web.pages.browse import render as browse
from portbook.web.pages.capture import of_capture
from portbook.web.pages.linked_data import linked_data
from portbook.web.pages.links import Links, file_name
from portbook.web.pages.templating import Frame, page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.explain import ExplainAnswer
    from portbook.app.list_lookup import BlocksAnswer, RangeAnswer, ServiceAnswer
    from portbook.app.listen import HereAnswer
    from portbook.app.port_lookup import PortAnswer
    from portbook.app.search import SearchAnswer
    from portbook.catalog import Catalog
    from portbook.present.brief import Brief
    from portbook.present.document import Page
    from portbook.web.site_config import Site

_GAPS = (
    "port", "state", "states", "answer", "range_name", "range_title", "title", "about", "strip",
    "lead", "contents", "sections", "registry", "practice", "check", "data", "path", "picture",
    "earlier", "later",
)  # fmt: skip


@lru_cache(maxsize=32)
def _frame(to: Links, before: bool, after: bool) -> Frame:
    turns = {name: None for name, there in (("before", before), ("after", after)) if not there}
    gaps = [*_GAPS, *({"before", "after"} - set(turns))]
    return Frame("port.html", to, gaps, {"name": "", **turns})


def port(
    answer: PortAnswer,
    catalog: Catalog,
    site: Site,
    document: Page | None = None,
    brief: Brief | None = None,
    of: Numbered | None = None,
) -> str:
    """The page of a port, of a whole answer. What *answer* holds of this machine is left out.

    *document* and *brief* are what is composed of it, where that is there already, and *of* is
    what *document* is printed by.
    """
    document = document or compose(answer._replace(host=None))
    brief = brief or compose_brief(answer._replace(host=None, findings=()), Viewer())
    number, to = answer.port, Links(site)
    of = of or Numbered(number, document)
    if of.specimen in to.root:  # a site's address may have any digits
        of = None
    head = head_of(answer, brief)
    registry, practice = html_head.head_cells(head, service_names(answer), to)
    stands = tuple([(on, one.state, one.listed) for on, one in answer.standings.items()])
    values = {
        "port": str(number),
        "before": str(number - 1),
        "after": str(number + 1),
        "earlier": html_head.farther(answer.before, number - 1, to),
        "later": html_head.farther(answer.after, number + 1, to),
        "strip": strip(catalog, number, site),
        "state": str(answer.state),
        "states": html_head.states(stands),
        "answer": html_text.typeset(head.answer),
        "registry": registry,
        "practice": practice,
        "check": _check(document, local=site.local),
        "range_name": answer.range.name,
        "range_title": answer.range.title,
        "title": html_text.escape(title_of(number, brief)),
        "about": html_text.escape(_as_text(brief)),
        "path": str(number),
        "picture": to.picture(number, str(answer.state)),
        "data": _linked(answer, document, to, of),
        "lead": html.lead(document.lead, document.notes, to, of),
        "contents": html.contents(tuple([(each.id, each.title) for each in document.sections])),
        "sections": html.sections(document.sections, to, of),
    }
    return _frame(to, number > 0, number < LAST_PORT).fill(values)


def _linked(answer: PortAnswer, document: Page, to: Links, of: Numbered | None) -> str:
    within = answer.range
    number = str(answer.port)
    steps = (("Ports", ""), (within.title, f"ranges/{within.name}"), (number, number))
    return linked_data([(name, to.canonical(path)) for name, path in steps], document, of)


def strip(catalog: Catalog, port: int, site: Site) -> str:
    """The picture of the ports around *port*; nothing where all of them are alike."""
    stand, to = shelf(catalog.registry), Links(site)
    first, last = window(port)
    counts = stand.counts(first, last)
    present = [state for state, count in counts.items() if count]
    if len(present) == 1:
        return ""
    key = " ".join([
        f'<span><span class="sw s-{state}"></span>{state}</span>' for state in present
    ])  # fmt: skip
    return (
        f'<figure class="shelf">{render_strip(stand, port, counts)}<figcaption>'
        f'<a href="{to.port(first)}">{first}</a><span>the 64 ports around {key} '
        f'<a href="{to.page("map")}#{port}">on the map</a></span>'
        f'<a href="{to.port(last)}">{last}</a></figcaption></figure>'
    )


def _check(document: Page, *, local: bool) -> str:
    """The first command of the page's head: portbook's own where it runs, else each system's."""
    checks = [item for each in document.sections for item in each.items if type(item) is Checks]
    if not checks:
        return ""
    if local:
        command = checks[0].commands[0].command.replace(PORT, str(checks[0].port))
        return f'<pre tabindex="0"><code>{html_text.escape(command)}</code></pre>'
    return html_head.quick_check(checks[0])


def _as_text(brief: Brief) -> str:
    lines = [f"{brief.headline}.", *(f"{label}: {said}." for label, said in brief.rows)]
    return " ".join(lines).replace(": as registered: ", ", as registered: ")


def practice(answer: PortAnswer, site: Site) -> str | None:
    """All uses of a port whose own page has a part of them; None where it has them all."""
    to = Links(site)
    path = f"{answer.port}/practice"
    found = [
        item
        for section in compose(answer._replace(host=None)).sections
        for item in section.items
        if type(item) is Records and item.page == path
    ]
    if not found or not html_practice.continues(found[0], to):
        return None
    title = f"Port {answer.port} in practice"
    values = {"port": answer.port, "table": found[0].records}
    about = f"What uses port {answer.port}, by kind, each with the file that shows it."
    trail = [(str(answer.port), str(answer.port))]
    return page(
        "practice.html",
        to,
        title,
        trail=trail,
        path=path.replace("/", "-") if site.export else path,
        about=about,
        **values,
    )


def service(answer: ServiceAnswer, site: Site) -> str:
    """The page of a service name."""
    document = compose_service(answer)
    brief = brief_of(answer, Viewer())
    title, met = heading(answer), met_there(answer)
    name = answer.name
    if answer.product is not None and not answer.assignments:  # the address is the registry's name
        name = next((row.service_name for row in answer.portless if row.service_name), name)
    path = f"services/{quote(file_name(name) if site.export else name, safe='~+')}"
    return page(
        "service.html", Links(site), answer.name, trail=(("Services", "services"),), path=path,
        name=shortened(_joined(title, met)), about=_as_text(brief), document=document,
        heading=title, met=met,
    )  # fmt: skip


def _joined(title: str, met: str) -> str:
    """*title* with what people meet behind it.

    >>> _joined("ssh is port 22", "SSH"), _joined("wap-wsp is port 9200", "In practice: ES")
    ('ssh is port 22: SSH', 'wap-wsp is port 9200; in practice: ES')
    """
    if not met:
        return title
    return f"{title}; i{met[1:]}" if met.startswith("In practice: ") else f"{title}: {met}"


def range_(name: str, catalog: Catalog, site: Site) -> str:
    """The page of the range called ``system``, ``user`` or ``dynamic``; KeyError otherwise."""
    values = lists.of_range(name, catalog)
    document: Page = values["document"]
    title = f"{document.title}: {document.character}"
    about = f"{title}. Their services, their longest gaps and how many are assigned."
    if name == "dynamic":
        about = f"{title}: for temporary use, never assigned."
    return page("range.html", Links(site), title, path=f"ranges/{name}", about=about, **values)


def blocks(answer: BlocksAnswer, site: Site) -> str:
    """The longest blocks of *answer*."""
    about = "Runs of ports of one state, the longest first: where IANA's registry has gaps."
    values = lists.of_blocks(answer)
    name = "Blocks: the gaps in IANA's port registry"
    return page(
        "blocks.html", Links(site), "Blocks", name=name, path="blocks", about=about, **values
    )


def stats(catalog: Catalog, site: Site) -> str:
    """The registry in numbers."""
    values = lists.of_stats(catalog.registry)
    about = "How many ports are assigned, reserved and unassigned, by range, year and assignee."
    title, name = "The registry in numbers", "IANA's port registry in numbers"
    return page("stats.html", Links(site), title, name=name, path="stats", about=about, **values)


def changes(
    catalog: Catalog,
    site: Site,
    since: str | None = None,
    *,
    year: str | None = None,
    feed: bool = True,
) -> str:
    """What changed in the registry, of one *year* or the newest; KeyError for any other year.

    *feed* says whether the site has the newest as a feed as well.
    """
    to = Links(site)
    values = lists.of_changes(chronicle(catalog, since=since), year, site.only)
    title, path = "Changes", "changes"
    trail: tuple[tuple[str, str], ...] = ()
    if year:
        title, path = f"Changes of {year}", f"changes-{year}"
        trail = (("Changes", "changes"),)
    about = "What IANA assigned, renamed, reserved and removed in its registry of ports"
    about += f" in {year}: {values['tally']}." if year else ", by year."
    values["feed"] = to.file("changes.atom") if feed and not year else None
    name = f"Changes of IANA's port registry{f' in {year}' if year else ''}"
    return page("changes.html", to, title, name=name, path=path, trail=trail, about=about, **values)


def map_(catalog: Catalog, site: Site) -> str:
    """The map of all ports."""
    values = lists.of_map(catalog.registry)
    about = "All 65,536 ports on one picture, each a square with its state and its service."
    title = "The map of all ports"
    return page("map.html", Links(site), title, path="map", about=about, **values)


def search(answer: SearchAnswer | None, text: str, site: Site) -> str:
    """What a search found; None where nothing was asked yet."""
    values = lists.of_search(answer, text)
    return page("search.html", Links(site), str(values["headline"]), asked=text, **values)


def glossary(term: str | None, site: Site) -> str:
    """One word of the glossary, or all of them; KeyError if there is no such word."""
    from portbook.present.views.glossary import TERMS, lookup

    found = lookup(term) if term is not None else None
    title = found.title if found else "Glossary"
    about = (
        found.short if found else "What the words mean: assigned, reserved, System Port, socket."
    )
    path = f"glossary/{found.name}" if found else "glossary"
    trail = (("Glossary", "glossary"),) if found else ()
    name = f"{title}: what it means" if found else "Glossary of ports"
    values = {"term": found, "terms": TERMS, "name": name}
    return page("glossary.html", Links(site), title, trail=trail, path=path, about=about, **values)


def about(catalog: Catalog, site: Site) -> str:
    """How the pages are made."""
    from portbook import __version__
    from portbook.present.views.method import method

    practice = catalog.practice.sources()
    sources = (*catalog.registry.sources(), catalog.history.source(), *practice)
    told = method(sources, __version__)
    about = "From dated sources, by published rules. Where a source is silent, we say so."
    title = "How these pages are made"
    return page("about.html", Links(site), title, path="about", about=about, parts=told)


def api(site: Site) -> str:
    """What programs can ask."""
    from portbook.web.api.docs import FILES, RULES, operations

    found = None if site.export else operations(local=site.local)
    rest = FILES if site.export else RULES
    about = "Every page has its JSON beside it. No key, no account."
    name = "API: every port as JSON"
    return page(
        "api.html", Links(site), "API", name=name, path="api", about=about, operations=found,
        groups=rest,
    )  # fmt: skip


def here(answer: HereAnswer, site: Site) -> str:
    """Everything that listens on this machine.

    Command lines are shown where *answer* has them: whoever wants them masked takes them out.
    """
    values = of_here(answer, viewer(), os.getpid())
    return page("here.html", Links(site), "This machine", **values)


def explain(answer: ExplainAnswer | None, wrong: str, site: Site) -> str:
    """The form that takes a capture, with what was made of one; *wrong* says what hindered it."""
    values = of_capture(answer)
    path = None if values["answered"] or wrong else "explain"
    about = "Paste what ss, netstat, lsof or nmap printed: see what listens and what it is for."
    title, name = "Explain an output", "Explain the output of ss, netstat, lsof or nmap"
    values["name"] = name
    return page("explain.html", Links(site), title, wrong=wrong, path=path, about=about, **values)


def feedback_thanks(site: Site, port: int) -> str:
    """What a reader sees who sent the form of the page of *port*."""
    return page("thanks.html", Links(site), "Thank you", port=port)


def error(
    status: int, title: str, detail: str, site: Site, similar: Sequence[tuple[str, str]] = ()
) -> str:
    """A page for what went wrong: *detail* says what would help, *similar* what was meant."""
    at = len(similar) - 1 if similar and similar[-1][1].startswith("/search?") else len(similar)
    values: dict[str, Any] = {"status": status, "detail": detail}
    values.update(similar=similar[:at], search=similar[at:])
    return page("error.html", Links(site), title, **values)


def span(answer: RangeAnswer, site: Site) -> str:
    """The page of some ports, ``/300-310``."""
    document = compose_range(answer, Length(lists.MOST_ENTRIES))
    path = f"{answer.first}-{answer.last}"
    about = f"{document.title}: {document.character}. Their services, gaps and uses."
    return page(
        "span.html", Links(site), document.title, path=path, about=about, document=document,
        first=answer.first, last=answer.last,
    )  # fmt: skip


def home(catalog: Catalog, site: Site) -> str:
    """The front page."""
    values = lists.of_home(catalog, site.only)
    return page(
        "home.html", Links(site), "portbook: every port number, explained", path="", **values
    )


__all__ = [
    "RANGES",
    "about",
    "api",
    "blocks",
    "browse",
    "changes",
    "compare",
    "error",
    "explain",
    "feedback_thanks",
    "glossary",
    "here",
    "home",
    "map_",
    "port",
    "practice",
    "range_",
    "search",
    "service",
    "span",
    "stats",
]
