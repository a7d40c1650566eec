"""What holds for every request: addresses that are refused, and the headers of each answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from portbook.web.http.problem_details import problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from portbook.web.state import Context

# Nothing but what this server sends is loaded, run or submitted to; nothing stands inline.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not no-referrer: a browser would then send "Origin: null" with the feedback form.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    ),
)
_BROKEN = "The server met something that it didn't expect, and then its page for that.\n"
_NOT_KEPT = {"cache-control": "no-store"}
_NAMES = frozenset(name for name, _ in HEADERS)
OWN_RESOURCES = (b"cross-origin-resource-policy", b"same-origin")


def secured_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """*headers* of an answer with :data:`HEADERS`; what isn't open to other sites says so."""
    made = [pair for pair in headers if pair[0] not in _NAMES]
    made.extend(HEADERS)
    if not any(name == OWN_RESOURCES[0] for name, _ in made):
        made.append(OWN_RESOURCES)
    return made


class Secured:
    """An ASGI layer that puts :data:`HEADERS` on every answer.

    An answer that doesn't say that other sites may use it is kept from them. Where the application
    fails before it answers, even with its page for errors, the answer is made here: the server's
    own would lack the headers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Calls the application with a *send* that adds the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def secured(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": secured_headers(message["headers"])}
            await send(message)

        try:
            await self.app(scope, receive, secured)
        except Exception:
            if not started:
                await PlainTextResponse(_BROKEN, 500, _NOT_KEPT)(scope, receive, secured)
            raise


# -- what is refused before anything looks at it -------------------------------------------------

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
