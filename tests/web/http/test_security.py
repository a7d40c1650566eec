"""What stands on every answer, and who may read what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portbook.web.http.security import HEADERS, POLICY
from portbook.web.routes import BOOK, HERE
from tests.cases import for_each

if TYPE_CHECKING:
    from starlette.testclient import TestClient

FILLED = {
    "{port:digits}": "305", "{port:number}": "305", "{more:path}": "tcp", "{name:path}": "ssh",
    "{name}": "system", "{term}": "assigned", "{part:number}": "1", "{transport}": "tcp",
    "{letter}": "a", "{first:digits}": "300", "{last:digits}": "310", "{year:digits}": "2023",
}  # fmt: skip


def _fill(path: str) -> str:
    for field, value in FILLED.items():
        path = path.replace(field, value)
    assert "{" not in path
    return path


EVERY_ROUTE = [_fill(path) for path, _ in (*BOOK, *HERE) if not path.endswith("/events")]
WRONG = ["/99999", "/abc", "/305/xyz", "/%ff", "/" + "a" * 9000, "/services/x", "/feedback"]


@for_each("path", [*EVERY_ROUTE, *WRONG])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "BREW"])
def test_every_answer_has_the_headers(shared: TestClient, path: str, method: str) -> None:
    found = shared.request(method, path)
    assert found.status_code < 500
    for name, value in HEADERS:
        assert found.headers.get_list(name.decode()) == [value.decode()]
    assert len(found.headers.get_list("cross-origin-resource-policy")) == 1
    assert "set-cookie" not in found.headers
    assert "server" not in found.headers


def test_the_policy_lets_nothing_stand_inline_or_come_from_elsewhere() -> None:
    rules = dict(each.split(" ", 1) for each in POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert set(rules.values()) == {"'none'", "'self'"}
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"


@pytest.mark.parametrize("path", ["/305", "/305.json", "/api/stats", "/99999.json", "/search?q=1"])
def test_scripts_of_other_sites_may_read_the_book(local: TestClient, path: str) -> None:
    found = local.get(path, headers={"origin": "https://example.org"})
    assert found.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in found.headers


def test_what_a_browser_asks_first(local: TestClient) -> None:
    asked = {"origin": "https://example.org", "access-control-request-method": "GET"}
    found = local.options("/305.json", headers=asked)
    assert found.status_code == 204
    assert found.headers["access-control-allow-origin"] == "*"
    assert found.headers["access-control-allow-methods"] == "GET, HEAD"
    for path in ("/here.json", "/here", "/feedback"):
        refused = local.options(path, headers=asked)
        assert refused.status_code == 405
        assert "access-control-allow-origin" not in refused.headers
        assert "access-control-allow-methods" not in refused.headers
