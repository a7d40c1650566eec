"""The files of an exported site that aren't a port's or a service's.

Their names are known before anything is rendered: what stands in the way is told first.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.sax.saxutils import escape

from portbook.app.history import chronicle
from portbook.app.list_lookup import answer_blocks
from portbook.app.port_lookup import answer_port
from portbook.formats.errors.query import Query, QueryKind
from portbook.model import PORTS, RANGES
from portbook.present.render.html_practice import SHOWN
from portbook.present.views.glossary import TERMS
from portbook.present.views.history import render_feed
from portbook.web.assets import drawn
from portbook.web.export.scope import Scope
from portbook.web.pages import browse, views
from portbook.web.pages.links import file_name
from portbook.web.pages.lists import years_of
from portbook.web.site_config import Site
from portbook.web.state import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from portbook.app.port_lookup import PortAnswer
    from portbook.catalog import Catalog

_STATIC = os.path.join(FOLDER, "static")
_MOST_ADDRESSES = 50_000  # in one sitemap (https://www.sitemaps.org/protocol.html)


def sites(scope: Scope, catalog: Catalog, base_url: str | None) -> tuple[Site, Site]:
    """What the pages at the top of an export are written for, and those one folder below."""
    only = () if scope.whole else scope.spans
    address = (base_url or "").rstrip("/")
    here = Site(catalog.registry.store.as_of, export=True, only=only, address=address)
    return here, here._replace(base="../")


def other_names(base_url: str | None, services: Collection[str], catalog: Catalog) -> list[str]:
    """The paths of all these files for a site at *base_url* that has pages of *services*.

    Of the sitemaps it names as many as there can be.
    """
    pages = _pages(base_url, Scope(), catalog)
    names = [*(f"{name}.html" for name in pages), *(f"static/{name}" for name in _static())]
    if base_url is not None:
        most = PORTS + len(pages) + len(services)
        parts = range(1, len(range(0, most, _MOST_ADDRESSES)) + 1)
        names += ["changes.atom", *(f"sitemap-{number}.xml" for number in parts)]
        names += ["sitemap.xml", "robots.txt", "manifest.webmanifest", "not-found.html"]
    return names


def other_files(
    base_url: str | None,
    services: Collection[str],
    scope: Scope,
    catalog: Catalog,
) -> Iterator[tuple[str, bytes]]:
    """All these files of a site that has the pages of *scope*, by path."""
    pages = _pages(base_url, scope, catalog)
    for name, render in pages.items():
        yield f"{name}.html", scope.without_dead_links(render()).encode()
    for name in _static():
        yield f"static/{name}", _static_file(name, catalog)
    if base_url is not None:
        base = base_url.rstrip("/")
        # A feed is read far from its site: the addresses in it are whole ones.
        feed = render_feed(chronicle(catalog), base, ".html", scope.has_port)
        yield "changes.atom", feed.encode()
        ports = [str(port) for port in range(PORTS) if scope.has_port(port)]
        named = [f"services/{quote(file_name(name), safe='~+')}" for name in services]
        yield from _sitemaps(base, [*pages, *ports, *named])
        yield "manifest.webmanifest", drawn.manifest_of("", "index.html").encode()
        yield "not-found.html", scope.without_dead_links(_not_found(base, scope, catalog)).encode()


def _not_found(base: str, scope: Scope, catalog: Catalog) -> str:
    """What a host may show for any address that it has no file of: its links are whole ones.

    Its usual name, 404.html, is that of a port.
    """
    site = sites(scope, catalog, base)[0]._replace(base=f"{base}/")
    return views.error(404, "There is no such page", "Try the search, or one of these.", site)


def _pages(base_url: str | None, scope: Scope, catalog: Catalog) -> Mapping[str, Callable[[], str]]:
    here, below = sites(scope, catalog, base_url)
    pages: dict[str, Callable[[], str]] = {
        "index": lambda: views.home(catalog, here),
        "map": lambda: views.map_(catalog, here),
        "stats": lambda: views.stats(catalog, here),
        "blocks": lambda: views.blocks(answer_blocks(catalog), here),
        "changes": lambda: views.changes(catalog, here, feed=base_url is not None),
        "search": lambda: views.search(None, "", here),
        "about": lambda: views.about(catalog, here),
        "api": lambda: views.api(here),
        "glossary": lambda: views.glossary(None, here),
    }
    for year in years_of(catalog) if scope.whole else ():
        pages[f"changes-{year}"] = partial(views.changes, catalog, here, year=year)
    for path in browse.paths() if scope.whole else ():  # they list what a part doesn't have
        site = below if "/" in path else here
        pages[path] = partial(browse.render, path, catalog, site)
    for port in filter(scope.has_port, catalog.derived(_long_lists)):
        found = _whole(port, catalog)
        pages[f"{port}-practice"] = partial(_practice, found, here)
    for span in RANGES:
        pages[f"ranges/{span.name}"] = partial(views.range_, span.name, catalog, below)
    for term in TERMS:
        pages[f"glossary/{term.name}"] = partial(views.glossary, term.name, below)
    return pages


def _whole(port: int, catalog: Catalog) -> PortAnswer:
    return answer_port(Query(QueryKind.PORT, str(port), port, port), catalog, whole=True)


def _practice(found: PortAnswer, site: Site) -> str:
    page = views.practice(found, site)
    assert page is not None
    return page


def _long_lists(catalog: Catalog) -> list[int]:
    """The ports of which a page of its own has all uses."""
    changes: Counter[int] = Counter()
    for use in catalog.practice.uses():
        changes[use.first] += 1
        changes[use.last + 1] -= 1
    uses, site = 0, Site("")
    long = []
    for port in range(PORTS):
        uses += changes[port]
        if uses > SHOWN and views.practice(_whole(port, catalog), site) is not None:
            long.append(port)
    return long


def _static() -> list[str]:
    names = (name for name in sorted(os.listdir(_STATIC)) if name != "here.js")
    return [*drawn.NAMES, *names]  # here.js asks the server for this machine


def _static_file(name: str, catalog: Catalog) -> bytes:
    if name in drawn.NAMES:
        return drawn.draw(name, catalog)
    with open(os.path.join(_STATIC, name), "rb") as file:
        return file.read()


def _sitemaps(base: str, pages: list[str]) -> Iterator[tuple[str, bytes]]:
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    parts = range(0, len(pages), _MOST_ADDRESSES)
    for number, at in enumerate(parts, 1):
        lines = "\n".join(
            f"<url><loc>{escape(f'{base}/{page}.html')}</loc></url>"
            for page in pages[at : at + _MOST_ADDRESSES]
        )
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {space}>\n{lines}\n</urlset>\n'
        yield f"sitemap-{number}.xml", text.encode()
    index = "\n".join(
        f"<sitemap><loc>{escape(base)}/sitemap-{number}.xml</loc></sitemap>"
        for number, _ in enumerate(parts, 1)
    )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<sitemapindex {space}>\n{index}\n'
    yield "sitemap.xml", f"{text}</sitemapindex>\n".encode()
    yield "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {base}/sitemap.xml\n".encode()
