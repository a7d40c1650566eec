"""Every address of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

from portbook.web import browse, reference, search, wellknown
from portbook.web.api import endpoints
from portbook.web.assets import files
from portbook.web.explain import endpoints as explaining
from portbook.web.feedback import endpoints as feedback
from portbook.web.http.cache import FORM
from portbook.web.local import pages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    Handler = Callable[[Request], Awaitable[Response]]


class _Digits(Convertor[str]):
    """A number as it was written, however long."""

    regex = "[0-9]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Number(Convertor[int]):
    """A number; what is longer than any port's is as wrong as the next one."""

    regex = "[0-9]+"

    def convert(self, value: str) -> int:
        return int(value[:9])

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("digits", _Digits())
register_url_convertor("number", _Number())

# What every site has. {name:path}, because a few services have a slash in their name.
BOOK: tuple[tuple[str, Handler], ...] = (
    ("/", reference.home),
    ("/{port:digits}", reference.port),
    ("/{first:digits}-{last:digits}", browse.span),
    ("/{port:digits}.json", reference.port_json),
    ("/{port:digits}.txt", reference.port_text),
    ("/{port:digits}.md", reference.port_markdown),
    ("/{port:digits}/practice", reference.practice),
    ("/{port:digits}/{more:path}", reference.port_and_more),
    ("/ports", browse.lists),
    ("/ports/{port:digits}", browse.guessed),
    ("/port/{port:digits}", browse.guessed),
    ("/tcp/{port:digits}", browse.guessed),
    ("/udp/{port:digits}", browse.guessed),
    ("/services", browse.lists),
    ("/services-{letter}", browse.lists),
    ("/products", browse.lists),
    ("/products-{letter}", browse.lists),
    ("/common", browse.lists),
    ("/topics", browse.lists),
    ("/topics/{name}", browse.lists),
    ("/compare", browse.compare),
    ("/services/{name:path}", reference.service),
    ("/ranges", reference.ranges),
    ("/ranges/{name}", reference.range_),
    ("/blocks", reference.blocks),
    ("/stats", reference.stats),
    ("/changes", reference.changes),
    ("/changes-{year:digits}", browse.changes),
    ("/changes.atom", wellknown.feed),
    ("/map", reference.map_),
    ("/search", search.page),
    ("/search.json", search.as_json),
    ("/random", browse.random),
    ("/glossary", reference.terms),
    ("/glossary/{term}", reference.term),
    ("/about", reference.about),
    ("/api", reference.api),
    ("/api/ports", endpoints.ports),
    ("/api/ports/{port:number}/{transport}", endpoints.port_of_transport),
    ("/api/blocks", endpoints.blocks),
    ("/api/stats", endpoints.stats),
    ("/api/changes", endpoints.changes),
    ("/openapi.json", endpoints.description),
    ("/static/{name:path}", files.static),
    ("/favicon.ico", files.favicon),
    ("/apple-touch-icon.png", files.touch_icon),
    ("/{port:digits}.png", wellknown.picture),
    ("/robots.txt", wellknown.robots),
    ("/sitemap.xml", wellknown.sitemap_index),
    ("/sitemap-{part:number}.xml", wellknown.sitemap),
    ("/llms.txt", wellknown.llms),
    ("/opensearch.xml", wellknown.opensearch),
    ("/manifest.webmanifest", wellknown.manifest),
    ("/healthz", wellknown.healthz),
    ("/metrics", wellknown.metrics),
)
# What a local site has as well: everything that tells of this machine.
HERE: tuple[tuple[str, Handler], ...] = (
    ("/here", pages.here),
    ("/here.json", pages.here_json),
    ("/here/events", pages.here_events),
    ("/here/search.json", pages.here_search),
    ("/here/{port:number}.json", pages.here_port_json),
    ("/here/{port:number}/events", pages.here_events),
)
FEEDBACK: tuple[tuple[str, Handler], ...] = (("/feedback/thanks", feedback.thanks),)


def routes(*, local: bool, with_feedback: bool) -> list[Route]:
    """The routes of a site, the most special first."""
    reads = [*BOOK, *(HERE if local else ()), *(FEEDBACK if with_feedback else ())]
    found = [_read(path, handler) for path, handler in reads]
    if with_feedback:
        found.append(Route("/feedback", feedback.give, methods=["POST"]))
        found.append(Route("/feedback", feedback.not_to_be_read, methods=["GET", "HEAD"]))
    found.append(Route("/explain", explaining.form, methods=["GET", "HEAD"]))
    found.append(Route("/explain", explaining.page, methods=["POST"]))
    found.append(Route("/api/explain", explaining.as_json, methods=["POST"]))
    found.append(Route("/api/explain", explaining.not_to_be_read, methods=["GET", "HEAD"]))
    # No OPTIONS: what isn't the book's is not open to other sites.
    found.append(Route("/{word:path}", reference.anything, methods=["GET", "HEAD"]))
    return found


def _read(path: str, handler: Handler) -> Route:
    """A route to read from. The book's may be asked for by scripts of other sites."""
    if path.startswith(("/here", "/feedback")):
        return Route(path, handler, methods=["GET", "HEAD"])
    return Route(path, _open(handler), methods=["GET", "HEAD", "OPTIONS"])


def _open(handler: Handler) -> Any:
    async def read(request: Request) -> Response:
        if request.method != "OPTIONS":
            return await handler(request)
        # What a browser asks before a request with headers of its own (Fetch §3.2.2).
        headers = {
            "allow": "GET, HEAD, OPTIONS",
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "GET, HEAD",
            "access-control-allow-headers": "accept, if-none-match",
            "access-control-max-age": "86400",
        }
        request.scope.pop(FORM, None)
        return Response(None, 204, headers)

    return read
