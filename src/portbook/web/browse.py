"""Lists to browse, and ports side by side: pages that there are as HTML alone."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from portbook.app.list_lookup import answer_range
from portbook.app.lookup import answer
from portbook.formats.errors.query import Query, QueryKind
from portbook.model import LAST_PORT, PORTS
from portbook.present.render import port_json as objects
from portbook.present.views.ranges import Length, compose_range
from portbook.web.http.negotiation import Form
from portbook.web.http.problem_details import problem
from portbook.web.pages.lists import MOST_ENTRIES
from portbook.web.reference import (
    in_form,
    kept,
    negotiated_form,
    printed,
    read_port,
    refuse_unknown,
    to_json,
)
from portbook.web.state import context, run_list, run_page

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


async def changes(request: Request) -> Response:
    """``/changes-2023``: what changed in one year, as a page."""
    site, year = context(request), request.path_params["year"]
    try:
        body = await run_page(
            request, lambda: site.views.changes(site.catalog, site.site, year=year)
        )
    except KeyError:
        return problem(request, 404, "No change of that year is known: /changes lists the years.")
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


async def span(request: Request) -> Response:
    """``/300-310``: some ports, in the form that the client wants."""
    written = request.path_params["first"], request.path_params["last"]
    first, last = (int(digits[:6]) for digits in written)
    if max(first, last) > LAST_PORT or first > last:
        return problem(request, 404, f"A range is two ports from 0 to {LAST_PORT}, as /300-310.")
    if first == last or written != (str(first), str(last)):
        return RedirectResponse(f"/{first}-{last}" if first < last else f"/{first}", 308)
    site, form = context(request), negotiated_form(request)

    def render() -> str:
        query = Query(QueryKind.RANGE, f"{first}-{last}", first, last)
        found = answer_range(query, site.catalog)
        if form is Form.HTML:
            return site.views.span(found, site.site)
        if form is Form.JSON:
            return to_json(objects.of(answer(query, site.catalog)))
        return printed(compose_range(found, Length(MOST_ENTRIES)), form)

    return in_form(request, None, await run_list(request, render))


async def guessed(request: Request) -> Response:
    """``/port/305`` and ``/tcp/305``: addresses that people guess."""
    return RedirectResponse(f"/{request.path_params['port']}", 308)


async def random(request: Request) -> Response:
    """``/random``: any port, each as likely."""
    return RedirectResponse(f"/{secrets.randbelow(PORTS)}", 302, {"cache-control": "no-store"})
