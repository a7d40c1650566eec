"""The files that pages load: style, scripts, and whatever else stands in ``static/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from portbook.web.http.cache import KEEP
from portbook.web.http.problem_details import problem
from portbook.web.reference import OPEN, REVALIDATED
from portbook.web.state import context, run_list

if TYPE_CHECKING:
    from starlette.requests import Request

MEDIA = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}


async def static(request: Request) -> Response:
    """``/static/NAME``; with ``?v=VERSION``, as pages link to it, a browser keeps it for good."""
    found = context(request)
    name: str = request.path_params["name"]
    body = found.files.get(name)
    if body is None and name in found.drawn.NAMES:
        body = await run_list(request, found.drawn.draw, name, found.catalog)
    media = MEDIA.get(name.rpartition(".")[2])
    if body is None or media is None:
        return problem(request, 404, "There is no such file.")
    current = request.url.query == f"v={found.site.static_version}"
    control = "public, max-age=31536000, immutable" if current else REVALIDATED
    if name.endswith(".woff2"):  # the style sheet names them without a version
        control = "public, max-age=604800"
    if current or not request.url.query:  # no end of copies is kept, or compressed
        request.scope[KEEP] = ""
    return Response(body, 200, {"cache-control": control, **OPEN}, media)


async def touch_icon(request: Request) -> Response:
    """``/apple-touch-icon.png``: a phone of Apple's asks for it without being told."""
    request.scope["path_params"]["name"] = "apple-touch-icon.png"
    return await static(request)


async def favicon(request: Request) -> Response:
    """``/favicon.ico`` is asked for where an answer names no icon, as JSON does not."""
    request.scope["path_params"]["name"] = "icon.svg"
    return await static(request)
