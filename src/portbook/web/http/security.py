"""The headers that stand on every answer, whatever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
                headers = [pair for pair in message["headers"] if pair[0] not in _NAMES]
                headers.extend(HEADERS)
                if not any(name == OWN_RESOURCES[0] for name, _ in headers):
                    headers.append(OWN_RESOURCES)
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self.app(scope, receive, secured)
        except Exception:
            if not started:
                await PlainTextResponse(_BROKEN, 500, _NOT_KEPT)(scope, receive, secured)
            raise
