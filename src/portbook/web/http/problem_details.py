"""What went wrong, in the form that the client reads: a page, text, or a problem document."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from portbook.web.http.cache import FORM
from portbook.web.http.negotiation import Form
from portbook.web.state import context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

PROBLEM_TYPE = "application/problem+json"  # RFC 9457
_SUFFIXES = {".json": Form.JSON, ".txt": Form.TEXT, ".md": Form.MARKDOWN}

# Our words where those of the standard say little to a reader.
_TITLES = {
    401: "The token is missing or an old one",
    404: "There is no such page",
    405: "That can't be done here",
    414: "The address is too long",
    500: "Something broke",
}


def problem(
    request: Request,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    *,
    title: str | None = None,
    similar: Sequence[tuple[str, str]] = (),
) -> Response:
    """An answer with *status* and *detail*, a sentence or two that say what would help.

    *title* says what is wrong, where the status alone doesn't; *similar* are pages that may have
    been meant, each a title and an address.
    """
    title = title or _TITLES.get(status) or HTTPStatus(status).phrase
    form = wanted_form(request)
    if form is Form.JSON:
        body = json.dumps(
            {"type": "about:blank", "title": title, "status": status, "detail": detail}
        )
        media = PROBLEM_TYPE
    elif form is Form.HTML:
        found = context(request)
        body = found.views.error(status, title, detail, found.site, similar)
        media = Form.HTML.media_type
    else:
        meant = "".join(f"Did you mean {address}?\n" for _, address in similar[:1])
        body = f"{title} ({status})\n{detail}\n{meant}"
        media = Form.TEXT.media_type
    more = {"cache-control": "no-store", "vary": "accept, user-agent", **(headers or {})}
    if not request.scope["path"].startswith(("/here", "/feedback")):
        more["access-control-allow-origin"] = "*"  # so that a script can read what went wrong
    return Response(body, status, more, media)


def wanted_form(request: Request) -> Form:
    """The form that the address itself names, or else the one negotiated."""
    path = request.scope["path"]
    for suffix, form in _SUFFIXES.items():
        if path.endswith(suffix):
            return form
    if path.startswith("/api/"):
        return Form.JSON
    found = request.scope.get(FORM)
    return found if isinstance(found, Form) else Form.HTML
