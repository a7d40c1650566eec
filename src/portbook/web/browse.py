"""Lists to browse, and ports side by side: pages that there are as HTML alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from portbook.model import LAST_PORT
from portbook.web.http.negotiation import Form
from portbook.web.http.problem_details import problem
from portbook.web.reference import kept, read_port, refuse_unknown
from portbook.web.state import context, run_page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def lists(request: Request) -> Response:
    """``/ports``, ``/services-s``, ``/products``, ``/common``, ``/topics/refused`` and so on."""
    found = context(request)
    path = request.url.path.strip("/")
    try:
        body = await run_page(request, found.views.browse, path, found.catalog, found.site)
    except KeyError:
        where = "/topics lists all topics" if path.startswith("topics") else "/ports lists ports"
        return problem(request, 404, f"There is no such list: {where}.")
    return kept(request, body, Form.HTML.media_type, any_query=True)


MOST_COMPARED = 6


async def compare(request: Request) -> Response:
    """``/compare?ports=443,8443``: the short answers on two to six ports side by side."""
    wrong = refuse_unknown(request, {"ports"})
    if wrong is not None:
        return wrong
    numbers = [part.strip() for part in request.query_params.get("ports", "").split(",") if part]
    ports = [int(one) for one in numbers if one.isascii() and one.isdigit() and len(one) <= 5]
    if len(ports) < len(numbers) or len(ports) > MOST_COMPARED or max(ports, default=0) > LAST_PORT:
        return problem(
            request,
            400,
            f"Give ?ports=443,8443: up to {MOST_COMPARED} ports from 0 to {LAST_PORT}.",
        )
    found = context(request)

    def render() -> str:
        answers = [read_port(found.catalog, port, whole=True) for port in dict.fromkeys(ports)]
        return found.views.compare(answers, found.site)

    return kept(request, await run_page(request, render), Form.HTML.media_type)


async def guessed(request: Request) -> Response:
    """``/port/305`` and ``/tcp/305``: addresses that people guess."""
    return RedirectResponse(f"/{request.path_params['port']}", 308)
