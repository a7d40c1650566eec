"""This machine as pages: addresses of their own, never cached, never shared with another site."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from portbook.app.listen import ScanOptions, answer_here
from portbook.app.port_lookup import answer_port
from portbook.app.search import own_notes
from portbook.app.socket_filter import Filter
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.model import (
    LAST_PORT,
    OwnerSearch,
)
from portbook.present.owners import viewer
from portbook.present.render import port_json, sockets_json
from portbook.present.render.text import Style
from portbook.present.views.listen import render_here
from portbook.web.http.cache import FORM
from portbook.web.http.negotiation import Form
from portbook.web.http.problem_details import problem
from portbook.web.local.access import why_not
from portbook.web.local.panel import masked_all
from portbook.web.search import of_found, read_search, search_for
from portbook.web.state import context, run_search

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.requests import Request

    from portbook.app.listen import HereAnswer
    from portbook.app.port_lookup import PortAnswer
    from portbook.app.search import SearchAnswer
    from portbook.web.state import Context

    Handler = Callable[[Request], Awaitable[Response]]

# Neither a cache nor the browser's history keeps it.
_PRIVATE = {"cache-control": "no-store"}


def guarded(handler: Handler) -> Handler:
    """*handler*, for requests that may see this machine."""

    async def guard(request: Request) -> Response:
        refused = await asyncio.to_thread(why_not, request)
        if refused is None:
            return await handler(request)
        status, detail = refused
        more = {"www-authenticate": 'Bearer realm="portbook"'} if status == 401 else {}
        return problem(request, status, detail, more)

    return guard


@guarded
async def here(request: Request) -> Response:
    """``/here``: ``portbook listen`` as a page, as text or as JSON."""
    found = context(request)
    seen = await _read_all(request)
    form = request.scope.get(FORM, Form.HTML)
    # A machine with ten thousand listeners makes megabytes, for which the loop mustn't wait.
    if form is Form.JSON:
        return await asyncio.to_thread(lambda: _json(sockets_json.of_here(seen)))
    if form is Form.HTML:
        page = await asyncio.to_thread(found.views.here, seen, found.site)
        return Response(page, 200, _PRIVATE, Form.HTML.media_type)
    text = await asyncio.to_thread(lambda: render_here(seen, Style(100), verbose=True))
    return Response(text, 200, _PRIVATE, Form.TEXT.media_type)


@guarded
async def here_json(request: Request) -> Response:
    """``/here.json``: everything that listens."""
    seen = await _read_all(request)
    return await asyncio.to_thread(lambda: _json(sockets_json.of_here(seen)))


@guarded
async def here_port_json(request: Request) -> Response:
    """``/here/305.json``: the whole answer for one port, this machine included."""
    port = request.path_params["port"]
    if port > LAST_PORT:
        return _no_port(request)
    found = context(request)
    show = found.settings.show_commands
    async with _looks(request):
        seen = await asyncio.to_thread(_read_port, found, port, show=show)
    return _json(port_json.of(seen, viewer()))


@guarded
async def here_search(request: Request) -> Response:
    """``/here/search.json?q=TEXT``: the search, with the user's own notes."""
    asked = read_search(request)
    if isinstance(asked, Response):
        return asked
    text, most = asked
    catalog = context(request).catalog

    def find() -> SearchAnswer:
        return search_for(catalog, text, most)._replace(own_notes=own_notes(text, catalog))

    return _json(of_found(await run_search(request, find)))


@guarded
async def here_events(request: Request) -> Response:
    """``/here/events`` and ``/here/305/events``: what changes, as server-sent events."""
    port = request.path_params.get("port")
    if port is not None and port > LAST_PORT:
        return _no_port(request)
    found = context(request)
    panel = found.panel
    if panel is None or panel.full:
        busy = "So many pages follow this machine that another one can't: close some."
        return problem(request, 503, busy, {"retry-after": "10"})

    async def stream() -> AsyncIterator[bytes]:
        found.metrics.streams += 1
        try:
            async for chunk in panel.stream(port):
                yield chunk
        finally:
            found.metrics.streams -= 1

    if request.method == "HEAD":
        return Response(None, 200, _PRIVATE, "text/event-stream")
    # nginx and its like would hold events back until their buffer is full.
    more = {**_PRIVATE, "x-accel-buffering": "no"}
    return StreamingResponse(stream(), 200, more, "text/event-stream")


def _looks(request: Request) -> AbstractAsyncContextManager[None]:
    panel = context(request).panel
    return nullcontext() if panel is None else panel.looks


async def _read_all(request: Request) -> HereAnswer:
    found = context(request)
    show = found.settings.show_commands

    def read() -> HereAnswer:
        seen = answer_here(Filter(), ScanOptions(OwnerSearch.ALL), found.catalog, found.host)
        listeners, missing = masked_all(seen.listeners, seen.missing, show=show)
        return seen._replace(listeners=listeners, missing=missing)

    async with _looks(request):
        return await asyncio.to_thread(read)


def _read_port(site: Context, port: int, *, show: bool) -> PortAnswer:
    query = Query(QueryKind.PORT, str(port), port, port)
    depth = ScanOptions(OwnerSearch.ALL)
    found = answer_port(query, site.catalog, depth, host=site.host)
    host = found.host
    if host is None:
        return found
    listeners, missing = masked_all(host.listeners, host.missing, show=show)
    return found._replace(host=host._replace(listeners=listeners, missing=missing))


def _json(value: object) -> Response:
    body = json.dumps(value, separators=(",", ":"))
    return Response(body, 200, _PRIVATE, Form.JSON.media_type)


def _no_port(request: Request) -> Response:
    return problem(request, 404, f"Ports run from 0 to {LAST_PORT}.")
