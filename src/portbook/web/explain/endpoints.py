"""``/explain``: what another tool printed, explained; nothing that is sent is stored or logged."""

from __future__ import annotations

import asyncio
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, Response

from portbook.formats.sockets.detect import FORMATS
from portbook.web.explain import explainer
from portbook.web.explain.workers import SECONDS, WorkerDied, Workers, WorkerTimedOut
from portbook.web.feedback.endpoints import read_body
from portbook.web.http.problem_details import problem
from portbook.web.http.work_limit import WorkLimit
from portbook.web.local.access import from_own_page
from portbook.web.reference import refuse_unknown
from portbook.web.state import context

if TYPE_CHECKING:
    from starlette.requests import Request

    from portbook.catalog import Catalog
    from portbook.web.site_config import Site

LONGEST = 1 << 19  # bytes of what is sent; in a form, escapes make it longer than the text
RETRY_AFTER = 10  # seconds
_PATIENCE = 20.0  # seconds for it to come in
_NOT_KEPT = {"cache-control": "no-store"}
_ELSE = "The command portbook explain has no limit."


def start_explainers(catalog: Catalog) -> Workers:
    """The workers of a site; a process is started with the first capture."""
    limit = WorkLimit("captures", at_once=2, waiting=4, retry_after=RETRY_AFTER)
    command = explainer.command(catalog.registry.store.folder, SECONDS)
    return Workers(command, limit, SECONDS)


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
    status, wrong, html = await _explained(request, text, None, found.site)
    if wrong:
        html = found.views.explain(None, wrong, found.site).encode()
    return HTMLResponse(_with_pasted(html, text), status, headers={**_NOT_KEPT, **_later(status)})


def _with_pasted(html: bytes, text: bytes) -> bytes:
    r"""The page with *text* in its field again: it is kept nowhere else.

    >>> _with_pasted(b'<textarea placeholder="ss -tulnp"></textarea>', b"</p>").decode()
    '<textarea placeholder="ss -tulnp">\n&lt;/p&gt;</textarea>'
    """
    shown = escape(text.decode("utf-8", "replace").replace("\0", "�")).encode()
    return html.replace(_FIELD, _FIELD[: -len(b"</textarea>")] + b"\n" + shown + b"</textarea>", 1)


# What is read out of a capture can't hold it: quotation marks in it are escaped.
_FIELD = b'placeholder="ss -tulnp"></textarea>'


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
    status, wrong, made = await _explained(request, body, name, None)
    if wrong:
        return problem(request, status, wrong, _later(status))
    return Response(made, status, _NOT_KEPT, "application/json")


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


async def _explained(
    request: Request, text: bytes, name: str | None, site: Site | None
) -> tuple[int, str, bytes]:
    """The status, what hindered it, and what a worker made of *text*: a page of *site*, or JSON."""
    question = {"format": name, "site": None if site is None else site._asdict()}
    try:
        says, made = await context(request).explainers.ask(question, text)
    except WorkerTimedOut as error:
        return (
            422,
            f"Reading it takes more than {error.seconds:g} seconds, the limit here. {_ELSE}",
            b"",
        )
    except WorkerDied:
        return 503, f"The process that read it was killed. Try again later. {_ELSE}", b""
    if says["status"] == 500:
        raise RuntimeError("the worker that explains met something that it didn't expect")
    return says["status"], says.get("detail", ""), made


def _later(status: int) -> dict[str, str]:
    return {"retry-after": str(RETRY_AFTER)} if status == 503 else {}
