"""What readers say of a page: a form that works without a script, and no trace of who they are."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, RedirectResponse, Response

from portbook.errors import FeedbackUnavailable
from portbook.model import LAST_PORT
from portbook.web.feedback.sqlite import VOTES, Vote
from portbook.web.http.problem_details import problem
from portbook.web.local.access import from_own_page, from_this_machine
from portbook.web.state import context

if TYPE_CHECKING:
    from starlette.requests import Request

LONGEST = 2048  # bytes of the whole form
LONGEST_TEXT = 500  # characters
_PATIENCE = 10.0  # seconds for a form to come in


async def give(request: Request) -> Response:
    """``POST /feedback``: keeps a vote, then leads to a page that says so."""
    found = context(request)
    votes = found.votes
    if votes is None:
        return problem(request, 404, "This site asks for no feedback.")
    if not from_own_page(request) or not (found.site.public or from_this_machine(request)):
        return problem(request, 403, "The form is taken from this site's own pages alone.")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        return problem(request, 415, "Send a form: application/x-www-form-urlencoded.")
    try:
        body = await asyncio.wait_for(read_body(request, LONGEST), _PATIENCE)
    except TimeoutError:
        return problem(request, 408, "The form didn't come in time.", {"connection": "close"})
    if body is None:
        return problem(request, 413, f"A form of more than {LONGEST} bytes isn't taken.")
    vote = parse_form(body)
    if isinstance(vote, str):
        return problem(request, 422, vote)
    wait = found.rates.take(request.client.host if request.client else "")
    if wait:
        return problem(
            request,
            429,
            "That were many votes in a short time: try again in a minute.",
            {"retry-after": str(wait)},
        )
    try:
        await votes.add(vote)
    except FeedbackUnavailable:
        return problem(
            request,
            503,
            "The vote could not be kept: the site's storage can't be written at the moment.",
            {"retry-after": str(votes.rest or 1)},
        )
    found.metrics.votes += 1
    return RedirectResponse(f"/feedback/thanks?port={vote.page}", 303)


async def read_body(request: Request, longest: int) -> bytes | None:
    """The body, or None where it is longer than *longest* bytes; what is beyond isn't read."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > longest:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest:
            return None
    return bytes(body)


def parse_form(body: bytes) -> Vote | str:
    """The vote in a form's *body*, dated today; a sentence where there is none.

    >>> parse_form(b"port=305&vote=yes&text=+")[:3]
    ('305', 'yes', None)
    >>> parse_form(b"port=70000&vote=yes")
    'The form names no port: a whole number from 0 to 65535.'
    """
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=8, errors="strict")
    except ValueError:
        return "The form can't be read."
    port, vote = (fields.get(name, [""])[0] for name in ("port", "vote"))
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= LAST_PORT):
        return f"The form names no port: a whole number from 0 to {LAST_PORT}."
    if vote not in VOTES:
        return f"The form holds no vote: one of {', '.join(VOTES)}."
    text = " ".join(fields.get("text", [""])[0].replace("\0", " ").split())
    if len(text) > LONGEST_TEXT:
        return f"The text is longer than {LONGEST_TEXT} characters."
    return Vote(str(int(port)), vote, text or None, time.strftime("%Y-%m-%d", time.gmtime()))


async def not_to_be_read(request: Request) -> Response:
    """``GET /feedback``: votes are given there, and read with ``portbook feedback``."""
    return problem(request, 405, "Feedback is sent by the form on a page.", {"allow": "POST"})


async def thanks(request: Request) -> Response:
    """``GET /feedback/thanks?port=305``."""
    port = request.query_params.get("port", "")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= LAST_PORT):
        return problem(request, 404, "Thanks belong to the page of a port.")
    found = context(request)
    page = found.views.feedback_thanks(found.site, int(port))
    return HTMLResponse(page, headers={"cache-control": "no-store"})
