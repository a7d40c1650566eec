"""Asking an ASGI application directly: what TestClient does, a hundred times as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from portbook.web.http.cache import Keeping

if TYPE_CHECKING:
    from starlette.testclient import TestClient


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def app_of(client: TestClient) -> Keeping:
    """The application that *client* asks."""
    assert isinstance(client.app, Keeping)
    return client.app


async def ask(
    app: Keeping, target: str, method: str = "GET", body: bytes = b"", **headers: str
) -> Answer:
    """The answer of *app*; underscores in the names of *headers* stand for hyphens."""
    path, _, query = target.partition("?")
    sent: list[Any] = []
    named = {"host": "127.0.0.1:4905", **{k.replace("_", "-"): v for k, v in headers.items()}}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in named.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 4905),
        "state": {},
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    found = {k.decode(): v.decode("latin-1") for k, v in start["headers"]}
    return Answer(start["status"], found, b"".join(each.get("body", b"") for each in rest))
