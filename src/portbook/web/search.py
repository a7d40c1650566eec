"""``/search``: what a text finds, as a page and for programs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from portbook.app.search import search_text
from portbook.errors import InvalidQuery
from portbook.formats.errors.query import (
    QueryKind,
    parse_query,
)
from portbook.formats.errors.several import parse_questions
from portbook.present.render import port_json
from portbook.present.views import lists
from portbook.web.http.negotiation import Form
from portbook.web.http.problem_details import problem
from portbook.web.reference import (
    OPEN,
    STYLE,
    in_form,
    kept,
    negotiated_form,
    refuse_unknown,
    to_json,
)
from portbook.web.state import context, run_page, run_search

if TYPE_CHECKING:
    from starlette.requests import Request

    from portbook.app.search import SearchAnswer
    from portbook.catalog import Catalog

LONGEST = 200  # characters


async def page(request: Request) -> Response:
    """``/search?q=TEXT``: a number leads straight to its page."""
    text = request.query_params.get("q", "").strip()
    if len(text) > LONGEST:
        return problem(request, 400, f"A search takes at most {LONGEST} characters.")
    ports = _ports_in(text)
    if len(ports) > 1:
        return RedirectResponse(f"/compare?ports={','.join(map(str, ports))}", 303, OPEN)
    number = port_in(text)
    if number is not None:
        return RedirectResponse(f"/{number}", 303, OPEN)
    span = _span_in(text)
    if span is not None:
        return RedirectResponse(f"/{span}", 303, OPEN)
    site, form = context(request), negotiated_form(request)

    def render() -> str:
        found = search_for(site.catalog, text) if text else None
        if form is Form.HTML:
            return site.views.search(found, text, site.site)
        if found is None:
            found = search_for(site.catalog, "")
        if form is Form.JSON:
            return to_json(port_json.of(found))
        return lists.render_search(found, STYLE)

    body = await (run_search if text else run_page)(request, render)
    return in_form(request, None, body, any_query=False)


def port_in(text: str) -> int | None:
    """The one port that *text* means, however it is spelled; None where it means none."""
    try:
        query = parse_query(text)
    except InvalidQuery:
        return None
    return query.first if query.kind is QueryKind.PORT else None


def _ports_in(text: str) -> list[int]:
    """The ports that *text* is a question about; empty where it isn't about several."""
    try:
        queries = parse_questions(text) if " " in text else ()
    except InvalidQuery:
        return []
    return [query.first for query in queries if query.kind is QueryKind.PORT]


def _span_in(text: str) -> str | None:
    """The range that *text* is, as its page's address has it; None where it is none."""
    try:
        query = parse_query(text)
    except InvalidQuery:
        return None
    return f"{query.first}-{query.last}" if query.kind is QueryKind.RANGE else None


def search_for(catalog: Catalog, text: str, shown: int = 20) -> SearchAnswer:
    """What *text* finds among the services."""
    return search_text(text, catalog, shown)


async def as_json(request: Request) -> Response:
    """``/search.json?q=TEXT&limit=20``; ``page`` is where a number leads, null elsewhere."""
    asked = read_search(request)
    if isinstance(asked, Response):
        return asked
    text, most = asked
    catalog = context(request).catalog

    def made() -> str:
        return to_json(of_found(search_for(catalog, text, most)))

    return kept(request, await run_search(request, made), Form.JSON.media_type)


def read_search(request: Request) -> tuple[str, int] | Response:
    """The text that the query asks for and how many matches at most, or what is wrong with it."""
    wrong = refuse_unknown(request, {"q", "limit"})
    if wrong is not None:
        return wrong
    text, most = request.query_params.get("q"), request.query_params.get("limit", "20")
    if text is None or not 0 < len(text) <= LONGEST:
        return problem(request, 400, f"Give ?q=TEXT, of at most {LONGEST} characters.")
    if not re.fullmatch("[1-9][0-9]?|100", most):
        return problem(request, 400, "A limit is a whole number from 1 to 100.")
    return text, int(most)


def of_found(found: SearchAnswer) -> dict[str, Any]:
    """``portbook/search/1`` with where a number leads."""
    number = port_in(found.text)
    return {**port_json.of(found), "page": None if number is None else f"/{number}"}
