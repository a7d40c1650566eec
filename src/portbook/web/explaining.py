"""``/explain``: what another tool printed, explained; nothing that is sent is stored or logged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from portbook.capture import FORMATS
from portbook.errors import MalformedInput, NothingKnown
from portbook.explain import explain, unread
from portbook.here import Filter
from portbook.pages.captured import of_explain
from portbook.web.book import refuse_unknown, to_json
from portbook.web.context import context
from portbook.web.feedback import read_body
from portbook.web.problems import problem
from portbook.web.protection import from_own_page

if TYPE_CHECKING:
    from starlette.requests import Request

    from portbook.explain import ExplainAnswer

LONGEST = 1 << 19  # bytes of what is sent; in a form, escapes make it longer than the text
MOST_SOCKETS = 10_000
_PATIENCE = 20.0  # seconds for it to come in
_NOT_KEPT = {"cache-control": "no-store"}


async def form(request: Request) -> Response:
    """``GET /explain``: the form."""
    found = context(request)
    return HTMLResponse(found.views.explain(None, "", found.site), headers=_NOT_KEPT)


async def page(request: Request) -> Response:
    """``POST /explain``: what was pasted into the form, explained."""
    if not from_own_page(request):
        return problem(request, 403, "The form is taken from this site's own pages alone.")
    body = await _taken(request, "application/x-www-form-urlencoded")
    if isinstance(body, Response):
        return body
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=4, errors="strict")
    except ValueError:
        return problem(request, 422, "The form can't be read.")
    text = "".join(fields.get("text", ())[:1]).encode("utf-8", "surrogateescape")
    found = context(request)
    answer, wrong = await run_in_threadpool(_explained, text, None)
    status = 200 if answer is not None and answer.format else 422
    html = await run_in_threadpool(found.views.explain, answer, wrong, found.site)
    return HTMLResponse(html, status, headers=_NOT_KEPT)


async def as_json(request: Request) -> Response:
    """``POST /api/explain?format=ss``: the same for programs, as plain text in, JSON out."""
    # A browser says where a request comes from; what says nothing is none.
    says = "origin" in request.headers or "sec-fetch-site" in request.headers
    if says and not from_own_page(request):
        return problem(request, 403, "Scripts of other sites may not send captures here.")
    refused = refuse_unknown(request, {"format"})
    if refused is not None:
        return refused
    name = request.query_params.get("format")
    if name is not None and name not in FORMATS:
        return problem(request, 400, f"A format is one of {', '.join(FORMATS)}.")
    body = await _taken(request, "text/plain", "application/octet-stream")
    if isinstance(body, Response):
        return body
    answer, wrong = await run_in_threadpool(_explained, body, name)
    if answer is None:
        return problem(request, 422, wrong)
    made = await run_in_threadpool(lambda: to_json(of_explain(answer)))
    return Response(made, media_type="application/json", headers=_NOT_KEPT)


async def not_to_be_read(request: Request) -> Response:
    """``GET /api/explain``: a capture is sent there."""
    return problem(request, 405, "Send a capture with POST.", {"allow": "POST"})


async def _taken(request: Request, *kinds: str) -> bytes | Response:
    """The body, or the answer that refuses it."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not media:
        return problem(request, 400, f"There is no body: send one as {' or '.join(kinds)}.")
    if media not in kinds:
        return problem(request, 415, f"Send it as {' or '.join(kinds)}.")
    limit = context(request).captures
    wait = limit.take(request.client.host if request.client else "") if limit is not None else 0
    if wait:
        said = "That were many captures in a short time: try again in a minute."
        return problem(request, 429, said, {"retry-after": str(wait)})
    try:
        body = await asyncio.wait_for(read_body(request, LONGEST), _PATIENCE)
    except TimeoutError:
        return problem(request, 408, "It didn't come in time.", {"connection": "close"})
    if body is None:
        said = f"More than {LONGEST >> 10} kB aren't taken here: portbook explain takes any length."
        return problem(request, 413, said)
    return body


def _explained(text: bytes, name: str | None) -> tuple[ExplainAnswer | None, str]:
    """What is made of *text*, and what hindered it."""
    try:
        return explain([text], Filter(), name, most=MOST_SOCKETS), ""
    except NothingKnown:
        if not text.strip():
            return unread(b""), "There is nothing to read: paste what the tool printed."
        return unread(text), "Nothing in it is what a known tool prints."
    except MalformedInput as error:
        said = str(error)
        return None, f"{said[0].upper()}{said[1:]}."
