"""What is refused before anything looks at it: addresses that are too long or no addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.requests import Request

from portbook.web.http.problem_details import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from portbook.web.state import Context

LONGEST_PATH = 1024  # bytes; the longest of ours is under 100
LONGEST_QUERY = 8192  # bytes; a list of a thousand ports fits

# RFC 3986 §2.1: a percent sign stands before two hexadecimal digits, and nowhere else.
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile("[\0-\x1f\x7f\ufffd]")


class Limits:
    """An ASGI layer that answers 414 and 400 where an address can't be one of ours.

    It also hands every request the site that it belongs to.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self.app = app
        self.context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or calls the application."""
        if scope["type"] == "websocket":  # there is none; the server then answers with 403
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] == "http":
            scope["portbook.context"] = self.context
            raw = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
            refusal = None
            if len(raw) > LONGEST_PATH or len(scope["query_string"]) > LONGEST_QUERY:
                refusal = (414, "The address is longer than any page's.")
            elif _BAD_ESCAPE.search(raw) or _CONTROL.search(scope["path"]):
                refusal = (400, "The address holds bytes that are no text (RFC 3986 §2.1).")
            elif _BAD_ESCAPE.search(scope["query_string"]):
                refusal = (400, "The query holds a % that escapes nothing (RFC 3986 §2.1).")
            if refusal is not None:
                await problem(Request(scope), *refusal)(scope, receive, send)
                return
        await self.app(scope, receive, send)
