"""The pages of the book: ports, services, ranges, blocks, counts; each in every form."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from portbook.app.history import chronicle, is_since
from portbook.app.list_lookup import answer_blocks
from portbook.app.lookup import answer, answer_name
from portbook.app.port_lookup import PortAnswer, answer_port
from portbook.app.search import search_text
from portbook.catalog.registry.stats import count
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.model import LAST_PORT, PORTS, RANGES, State, Transport
from portbook.present.escape import one_line
from portbook.present.port.page import compose
from portbook.present.render import markdown
from portbook.present.render import port_json as objects
from portbook.present.render.document_text import render_page
from portbook.present.render.report_json import of_history
from portbook.present.render.text import Style
from portbook.present.views import history
from portbook.present.views.ranges import compose_blocks, compose_stats
from portbook.present.views.service import compose_service
from portbook.web.http.cache import ANY_QUERY, FORM, KEEP
from portbook.web.http.negotiation import Form
from portbook.web.http.problem_details import problem, wanted_form
from portbook.web.pages.lists import RangePages
from portbook.web.state import context, run_list, run_page, run_search

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from portbook.catalog import Catalog
    from portbook.present.document import Page

STYLE = Style(80)
_MOST_SIMILAR = 4  # pages that are proposed for one that isn't there
# Whoever has a page asks whether it is still the same one: the answer is a few bytes.
REVALIDATED = "public, max-age=0, must-revalidate"
OPEN = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}


def kept(
    request: Request,
    body: str | bytes,
    media: str,
    *,
    negotiated: bool = False,
    any_query: bool = False,
) -> Response:
    """An answer that depends on the registry alone: kept, tagged, and open to other sites.

    With *any_query* it is the same whatever query the address has.
    """
    request.scope[KEEP] = "" if not negotiated else f"-{request.scope.get(FORM, 'html')}"
    request.scope[ANY_QUERY] = any_query
    headers = {"cache-control": REVALIDATED, **OPEN}
    if negotiated:
        headers["vary"] = "accept, user-agent"
    return Response(body, 200, headers, media)


def in_form(
    request: Request, form: Form | None, body: str | bytes, *, any_query: bool = True
) -> Response:
    """*body* in *form*, which the address named; None says that the client's headers did."""
    media = (form or negotiated_form(request)).media_type
    return kept(request, body, media, negotiated=form is None, any_query=any_query)


def negotiated_form(request: Request) -> Form:
    """The form that the client's headers ask for."""
    found = request.scope.get(FORM)
    return found if isinstance(found, Form) else Form.HTML


def to_json(value: object) -> str:
    """*value* as JSON on one line, in ASCII."""
    return json.dumps(value, separators=(",", ":"))


# -- a port -----------------------------------------------------------------------------------


def read_port(
    catalog: Catalog, port: int, transport: Transport | None = None, *, whole: bool = False
) -> PortAnswer:
    """The answer for *port* without this machine; *whole* for all that its page says."""
    query = Query(kind=QueryKind.PORT, text=str(port), first=port, last=port, transport=transport)
    return answer_port(query, catalog, whole=whole)


async def port(request: Request) -> Response:
    """``/305``, in the form that the client wants."""
    return _port(request, None)


async def port_json(request: Request) -> Response:
    """``/305.json``."""
    return _port(request, Form.JSON)


async def port_text(request: Request) -> Response:
    """``/305.txt``."""
    return _port(request, Form.TEXT)


async def port_markdown(request: Request) -> Response:
    """``/305.md``."""
    return _port(request, Form.MARKDOWN)


def _port(request: Request, named: Form | None) -> Response:
    # Half a millisecond: a thread would cost as much again.
    digits: str = request.path_params["port"]
    number = int(digits[-6:]) if len(digits.lstrip("0")) <= 5 else PORTS
    if number > LAST_PORT:
        title = f"There is no port {digits[:20]}"
        return problem(request, 404, f"Ports run from 0 to {LAST_PORT}.", title=title)
    if digits != str(number):
        suffix = f".{named}" if named else ""
        return RedirectResponse(f"/{number}{suffix}", 308)
    form = named or negotiated_form(request)
    site = context(request)
    found = read_port(site.catalog, number, whole=True)
    body: str | bytes
    if form is Form.HTML:
        body = site.port_pages.of(found)
    elif form is Form.JSON:
        body = to_json(objects.of(found))
    else:
        body = printed(compose(found), form)
    return in_form(request, named, body)


async def practice(request: Request) -> Response:
    """``/8080/practice``: all uses of a port whose own page has the first of them."""
    digits: str = request.path_params["port"]
    if len(digits) > 5 or int(digits) > LAST_PORT:
        return problem(request, 404, f"Ports run from 0 to {LAST_PORT}.")
    site = context(request)
    found = read_port(site.catalog, int(digits), whole=True)
    body = await run_page(request, site.views.practice, found, site.site)
    if body is None:
        return RedirectResponse(f"/{int(digits)}", 308)
    return kept(request, body, Form.HTML.media_type, any_query=True)


async def port_and_more(request: Request) -> Response:
    """``/443/udp`` is the page of 443; nothing else stands below a port."""
    more: str = request.path_params["more"].lower()
    digits: str = request.path_params["port"]
    if more == "" or more in map(str, Transport):
        return RedirectResponse(f"/{digits}", 308)
    return problem(request, 404, f"Nothing stands below /{digits[:5]}: the port has one page.")


# -- services and ranges ----------------------------------------------------------------------


async def service(request: Request) -> Response:
    """``/services/ssh``, and ``.json``, ``.txt``, ``.md`` behind it."""
    name: str = request.path_params["name"]
    if not name:
        return RedirectResponse("/services", 308, OPEN)
    named = None
    site = context(request)
    # A name without a port may be a product's, for which the texts are searched.
    found = await run_page(request, answer_name, name, site.catalog)
    if found is None:
        bare, dot, suffix = name.rpartition(".")
        if dot and suffix in (Form.JSON.value, Form.TEXT.value, Form.MARKDOWN.value):
            named = Form(suffix)
            found = await run_page(request, answer_name, bare, site.catalog)
    if found is None:
        said = "The registry has no such name."
        title = f"No service is called “{one_line(name[:40])}”"
        return problem(request, 404, said, title=title, similar=await _similar(request, name))
    form = named or negotiated_form(request)
    if form is Form.HTML:
        body = await run_page(request, site.views.service, found, site.site)
    elif form is Form.JSON:
        body = to_json(objects.of(found))
    else:
        body = printed(compose_service(found), form)
    return in_form(request, named, body)


async def _similar(request: Request, word: str) -> list[tuple[str, str]]:
    """Pages that *word*, the address of none, may have meant: their titles and addresses."""
    if wanted_form(request) is Form.JSON or not re.fullmatch(r"[A-Za-z0-9 _+-]{2,30}", word):
        return []
    found = await run_search(request, search_text, word, context(request).catalog, _MOST_SIMILAR)
    meant: dict[str, str] = {}  # titles by address
    for hit in found.hits[:_MOST_SIMILAR]:
        if hit.registered and hit.name:
            meant.setdefault(f"/services/{quote(hit.name)}", hit.name)
        elif hit.ports:
            meant.setdefault(f"/{hit.ports[0][0]}", f"{hit.name} ({hit.ports[0][0]})")
    search = (f"Search for “{word}”", f"/search?q={quote(word)}")
    return [*((name, address) for address, name in meant.items()), search]


async def ranges(request: Request) -> Response:
    """``/ranges``: the front page shows the three."""
    return RedirectResponse("/", 307, OPEN)


async def range_(request: Request) -> Response:
    """``/ranges/system``, in the form that the client wants; also user and dynamic."""
    name, dot, suffix = request.path_params["name"].partition(".")
    wanted = next((each for each in RANGES if each.name == name), None)
    forms = (Form.JSON.value, Form.TEXT.value, Form.MARKDOWN.value)
    if wanted is None or (dot and suffix not in forms):
        ranges = ", ".join(each.name for each in RANGES)
        return problem(request, 404, f"The ranges are {ranges} (RFC 6335 §6).")
    named = Form(suffix) if dot else None
    form = named or negotiated_form(request)
    site = context(request)

    def render() -> str:
        if form is Form.HTML:
            return site.views.range_(name, site.catalog, site.site)
        if form is Form.JSON:
            query = Query(QueryKind.RANGE, name, wanted.first, wanted.last)
            return to_json(objects.of(answer(query, site.catalog)))
        return printed(site.catalog.derived(RangePages).page(name), form)

    # A whole range as JSON takes 100 ms; its page, which is composed once, takes 2.
    body = await (run_list if form is Form.JSON else run_page)(request, render)
    return in_form(request, named, body)


def printed(document: Page, form: Form) -> str:
    """*document* as text or Markdown."""
    return render_page(document, STYLE) if form is Form.TEXT else markdown.render_page(document)


# -- blocks, counts, the map ------------------------------------------------------------------


async def blocks(request: Request) -> Response:
    """``/blocks``, of one state and in one range if the query says so."""
    asked = read_blocks_query(request, form=True)
    if isinstance(asked, Response):
        return asked
    state, range_name = asked
    site, form = context(request), negotiated_form(request)

    def render() -> str:
        found = answer_blocks(site.catalog, state, range_name)
        if form is Form.HTML:
            return site.views.blocks(found, site.site)
        if form is Form.JSON:
            return to_json(objects.of_blocks(found))
        return printed(compose_blocks(found), form)

    return in_form(request, None, await run_list(request, render), any_query=False)


def read_blocks_query(
    request: Request, *, form: bool = False
) -> tuple[State | None, str | None] | Response:
    """The state and the range that the query asks for, or what is wrong with it.

    *form* takes what a form sends where nothing was chosen.
    """
    wrong = refuse_unknown(request, {"state", "range"})
    if wrong is not None:
        return wrong
    state, range_name = (request.query_params.get(name) for name in ("state", "range"))
    if form:
        state, range_name = state or None, range_name or None
    if state is not None and state not in map(str, State):
        return problem(request, 400, f"A state is one of {', '.join(State)}.")
    if range_name is not None and range_name not in [each.name for each in RANGES]:
        ranges = ", ".join(each.name for each in RANGES)
        return problem(request, 400, f"A range is one of {ranges}.")
    return State(state) if state is not None else None, range_name


def refuse_unknown(request: Request, known: set[str]) -> Response | None:
    """A problem where the query holds what isn't *known*, or something twice."""
    keys = [key for key, _ in request.query_params.multi_items()]
    if len(set(keys)) < len(keys) or not set(keys) <= known:
        takes = f"{', '.join(sorted(known))}, each once" if known else "nothing"
        return problem(request, 400, f"The query takes {takes}.")
    return None


async def stats(request: Request) -> Response:
    """``/stats``: counts by range, year and assignee."""
    site, form = context(request), negotiated_form(request)

    def render() -> str:
        if form is Form.HTML:
            return site.views.stats(site.catalog, site.site)
        book = site.catalog.registry
        if form is Form.JSON:
            return to_json(objects.of_stats(count(book), book.sources()))
        return printed(compose_stats(count(book), book.sources()), form)

    return in_form(request, None, await run_list(request, render))


async def changes(request: Request) -> Response:
    """``/changes``: what changed in the registry, the newest first; ``?since=2025-01-01``."""
    since = read_since(request)
    if isinstance(since, Response):
        return since
    site, form = context(request), negotiated_form(request)

    def render() -> str:
        if form is Form.HTML:
            return site.views.changes(site.catalog, site.site, since)
        found = chronicle(site.catalog, since=since)
        if form is Form.JSON:
            return to_json(of_history(found))
        return printed(history.compose(found), form)

    return in_form(request, None, await run_list(request, render), any_query=False)


def read_since(request: Request) -> str | Response | None:
    """The date that the query asks from, None where it names none, or what is wrong with it."""
    wrong = refuse_unknown(request, {"since"})
    if wrong is not None:
        return wrong
    since = request.query_params.get("since")
    if since is not None and not is_since(since):
        return problem(request, 400, "A date is a day, a month or a year: 2025-01-31, 2025.")
    return since


def _page(write: Callable[[Any], str]) -> Callable[[Request], Any]:
    """A page that there is as HTML alone."""

    async def page(request: Request) -> Response:
        body = await run_page(request, write, context(request))
        return kept(request, body, Form.HTML.media_type, any_query=True)

    return page


home = _page(lambda found: str(found.views.home(found.catalog, found.site)))
map_ = _page(lambda found: str(found.views.map_(found.catalog, found.site)))
about = _page(lambda found: str(found.views.about(found.catalog, found.site)))
api = _page(lambda found: str(found.views.api(found.site)))
terms = _page(lambda found: str(found.views.glossary(None, found.site)))


async def term(request: Request) -> Response:
    """``/glossary/reserved`` and its like."""
    found = context(request)
    try:
        body = found.views.glossary(request.path_params["term"], found.site)
    except LookupError:
        return problem(request, 404, "The glossary has no such word: /glossary lists all.")
    return kept(request, body, Form.HTML.media_type, any_query=True)


# -- everything else --------------------------------------------------------------------------


async def anything(request: Request) -> Response:
    """What no other route takes: the name of a service leads to its page."""
    word: str = request.path_params["word"]
    if word.endswith("/") and word.rstrip("/"):
        return RedirectResponse(f"/{quote(word.rstrip('/').lstrip('/'))}", 308)
    if context(request).catalog.registry.named(word):
        return RedirectResponse(f"/services/{quote(word)}", 307)
    similar = await _similar(request, word)
    if wanted_form(request) is Form.HTML:
        said = "Try the search: by number, by name, or in a word or two."
    else:
        said = "Ports are at /0 to /65535, services at /services/NAME."
    return problem(request, 404, said, similar=similar)
