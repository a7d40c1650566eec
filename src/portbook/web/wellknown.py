"""What machines look for first: robots.txt, the sitemap, llms.txt, health and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.sax.saxutils import escape

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from portbook import __version__
from portbook.app.history import chronicle
from portbook.catalog.registry.summary import shelf
from portbook.model import LAST_PORT, PORTS, RANGES, State
from portbook.present.charts.card import render_card
from portbook.present.views.history import render_feed
from portbook.web.assets.drawn import manifest_of
from portbook.web.http.metrics import MEDIA_TYPE
from portbook.web.http.problem_details import problem
from portbook.web.pages.browse import paths as browse_paths
from portbook.web.pages.lists import years_of
from portbook.web.reference import kept
from portbook.web.state import context, run_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from portbook.catalog import Catalog

_XML = "application/xml"
_ATOM = "application/atom+xml"
_TEXT = "text/plain; charset=utf-8"
_MAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
MOST_ADDRESSES = 50_000  # in one sitemap (https://www.sitemaps.org/protocol.html)


def _base(request: Request) -> str:
    """Where the site is, or the address that this request came to: sitemaps name pages in full.

    The name is the client's word. It stands in nothing that is kept, and only characters that
    can be part of an authority (RFC 3986 §3.2) are let through.
    """
    known = context(request).site.address
    if known:
        return known
    host = request.headers.get("host", "localhost")
    clean = all(char.isascii() and (char.isalnum() or char in ".-:[]") for char in host)
    return f"{request.url.scheme}://{host if clean else 'localhost'}"


async def robots(request: Request) -> Response:
    """``/robots.txt`` (RFC 9309): a public site may be read whole, a local one is nobody's."""
    if not context(request).site.public:
        return PlainTextResponse("User-agent: *\nDisallow: /\n")
    lines = [
        "User-agent: *",
        "Disallow: /search",
        "Disallow: /random",
        "Disallow: /feedback",
        f"Sitemap: {_base(request)}/sitemap.xml",
    ]
    return PlainTextResponse("\n".join(lines) + "\n")


async def sitemap_index(request: Request) -> Response:
    """``/sitemap.xml``: the list of sitemaps."""
    base = _base(request)
    count = -(
        -len(await run_list(request, context(request).catalog.derived, _addresses))
        // MOST_ADDRESSES
    )
    parts = "".join(
        f"<sitemap><loc>{escape(base)}/sitemap-{part}.xml</loc></sitemap>"
        for part in range(1, count + 1)
    )
    body = f'<?xml version="1.0" encoding="UTF-8"?><sitemapindex xmlns="{_MAP}">{parts}'
    return Response(f"{body}</sitemapindex>", media_type=_XML)


async def sitemap(request: Request) -> Response:
    """``/sitemap-1.xml`` and so on: 50,000 pages each."""
    part = request.path_params["part"]
    catalog = context(request).catalog
    base = escape(_base(request))

    def render() -> str | None:
        some = catalog.derived(_addresses)[MOST_ADDRESSES * (part - 1) : MOST_ADDRESSES * part]
        if part < 1 or not some:
            return None
        pages = "".join(f"<url><loc>{base}{each}</loc></url>" for each in some)
        return f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{_MAP}">{pages}</urlset>'

    body = await run_list(request, render)
    if body is None:
        return problem(request, 404, "The sitemaps are listed in /sitemap.xml.")
    return Response(body, media_type=_XML)


def _addresses(catalog: Catalog) -> list[str]:
    pages = ["/", "/map", "/stats", "/blocks", "/changes", "/glossary", "/about", "/api"]
    pages += ["/explain", "/compare", *(f"/{path}" for path in browse_paths())]
    pages += [f"/changes-{year}" for year in years_of(catalog)]
    pages += [f"/ranges/{each.name}" for each in RANGES]
    pages += [f"/{port}" for port in range(PORTS)]
    pages += [escape(f"/services/{quote(name)}") for name in _names(catalog)]
    return pages


def _names(catalog: Catalog) -> Iterator[str]:
    rows = (row for row in catalog.registry.store.all() if row.state is State.ASSIGNED)
    yield from dict.fromkeys(row.service_name for row in rows if row.service_name)


async def opensearch(request: Request) -> Response:
    """``/opensearch.xml``: the site as a search engine of a browser (OpenSearch 1.1)."""
    base = escape(_base(request))
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        "<ShortName>portbook</ShortName><Description>Every port number</Description>"
        f'<Image type="image/svg+xml">{base}/static/icon.svg</Image>'
        f'<Url type="text/html" template="{base}/search?q={{searchTerms}}"/>'
        "</OpenSearchDescription>"
    )
    return Response(body, media_type="application/opensearchdescription+xml")


async def manifest(request: Request) -> Response:
    """``/manifest.webmanifest``: what a phone shows of the site where it is kept as an app."""
    return kept(request, manifest_of("/", "/"), "application/manifest+json", any_query=True)


async def picture(request: Request) -> Response:
    """``/305.png``: what is shown of a port's page where it is shared."""
    digits: str = request.path_params["port"]
    if len(digits) > 5 or int(digits) > LAST_PORT:
        return problem(request, 404, f"Ports run from 0 to {LAST_PORT}.")
    if digits != str(int(digits)):
        return RedirectResponse(f"/{int(digits)}.png", 308)
    stand = shelf(context(request).catalog.registry)
    body = await run_list(request, render_card, stand, int(digits))
    return kept(request, body, "image/png", any_query=True)


async def llms(request: Request) -> Response:
    """``/llms.txt`` (https://llmstxt.org/): where a language model finds what."""
    source = context(request).catalog.registry.sources()[0]
    text = f"""# portbook

> What IANA's registry says of each of the 65,536 ports, for tcp, udp, sctp and dccp; what the
> ports are used for in practice; with the source and the day of every fact.

The registry is as of {source.as_of}. "Not listed" means that it has no row for a port and
transport; null means that no source says.

## Pages

- [A port](/305.md): any number from 0 to 65535; also `/305.json` and `/305.txt`
- [A service](/services/ssh.json): all rows of a name, also as `/services/ssh.txt` and `.md`
- [Several ports](/api/ports?ports=22,443/udp,6000-6063): up to 256 in one answer
- [Search](/search.json?q=postgres): names, numbers and descriptions
- [Blocks](/api/blocks?state=unassigned&range=system): runs of ports of one state
- [Changes](/changes?since=2025-01-01): what was assigned, renamed, reserved or removed, and between
  which days; as JSON at [/api/changes](/api/changes?since=2025-01-01); the newest as
  [a feed](/changes.atom)
- [Explain](/explain): what ss, netstat, lsof, nmap or another tool printed, each socket with its
  verdict; for programs `POST /api/explain` with the output as `text/plain`
- [Counts](/api/stats): by range, transport, year and assignee

## Optional

- [The API](/openapi.json): all of it, as OpenAPI 3.1
- [About](/about): method, sources, licence
"""
    return kept(request, text, _TEXT, any_query=True)


async def feed(request: Request) -> Response:
    """``/changes.atom``: the newest changes as an Atom feed (RFC 4287)."""
    base, catalog = _base(request), context(request).catalog
    body = await run_list(request, lambda: render_feed(chronicle(catalog), base))
    return Response(body, media_type=_ATOM)


async def healthz(request: Request) -> Response:
    """``/healthz``: that the server answers and its data can be read."""
    context(request).catalog.registry.state(305)
    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})


async def metrics(request: Request) -> Response:
    """``/metrics``, in the OpenMetrics format."""
    found = context(request)
    text = found.metrics.render(__version__, *request.scope["portbook.keeping"].kept)
    return Response(text, 200, {"cache-control": "no-store"}, MEDIA_TYPE)
