"""``/explain``: a capture is pasted, and its sockets come back; nothing else comes of it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from portbook.web.api import openapi
from portbook.web.explain.endpoints import LONGEST
from portbook.web.explain.explainer import MOST_SOCKETS
from portbook.web.http.rate_limit import RateLimit
from portbook.web.pages import views
from portbook.web.site_config import Site
from tests.command_line import run
from tests.values import AS_OF, CATALOG
from tests.web.asking import app_of

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2
    from starlette.testclient import TestClient

    from tests.web.conftest import Make

OWN = {"origin": "http://127.0.0.1:4905"}
SS = (
    'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("<b>sshd",pid=812,fd=3))\r\n'
    "tcp ESTAB 0 0 192.0.2.5:22 203.0.113.9:51000\r\n"
    "<script>alert(1)</script> and so on\r\n"
)
PLAIN = {"content-type": "text/plain"}


def paste(client: TestClient, text: str, **headers: str) -> httpx2.Response:
    return client.post("/explain", data={"text": text}, headers={**OWN, **headers})


def ask(client: TestClient, text: bytes, path: str = "/api/explain", **more: str) -> Any:
    return client.post(path, content=text, headers={**PLAIN, **more})


@pytest.fixture(scope="module", params=["local", "public"])
def kept_site(request: pytest.FixtureRequest, make_shared: Make) -> TestClient:
    """A site with its real pages, for this machine's user or for everybody."""
    return make_shared(public=request.param == "public", views=views)


@pytest.fixture
def real_site(kept_site: TestClient) -> TestClient:
    """The same, of which nobody has asked anything in this minute."""
    site = app_of(kept_site).context
    if site.captures is not None:
        site.captures = RateLimit(of_one=20, of_all=200)
    return kept_site


def test_the_form_works_without_a_script(real_site: TestClient) -> None:
    page = real_site.get("/explain")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert '<form class="paste" action="/explain" method="post">' in page.text
    found = paste(real_site, SS)
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in found.headers["content-security-policy"]
    for said in (
        "1 socket, read as ss", '<a href="/22">22</a>', "every interface",
        "1 established connection", "1 line was not understood", "line 3:",
        "&lt;script&gt;alert(1)&lt;/script&gt; and so on", "&lt;b&gt;sshd",
    ):  # fmt: skip
        assert said in found.text, said
    assert "<script>alert" not in found.text
    assert "<b>sshd" not in found.text


def test_it_is_the_same_code(real_site: TestClient, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "ss").write_text(SS, newline="")
    assert run(["explain", str(tmp_path / "ss"), "--json"]) == 0
    assert ask(real_site, SS.encode()).json() == json.loads(capsys.readouterr().out)


def test_the_answer_is_as_described(real_site: TestClient) -> None:
    from jsonschema import Draft202012Validator

    described = openapi.describe(local=True)
    valid = Draft202012Validator({**described, "$ref": "#/components/schemas/explain"})
    for text in (SS.encode(), b"", b"nothing of the kind", "tcp LISTEN".encode("utf-16")):
        found = ask(real_site, text)
        assert found.status_code == 200
        assert found.headers["cache-control"] == "no-store"
        valid.validate(found.json())
    found = ask(real_site, b"nothing\nof the kind").json()
    assert found["format"] is None
    assert [each["line"] for each in found["not_understood"]] == [1, 2]
    assert ask(real_site, SS.encode(), "/api/explain?format=lsof").json()["format"] is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:4905", "sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_may_not_send_it(real_site: TestClient, headers: dict[str, str]) -> None:
    assert real_site.post("/explain", data={"text": SS}, headers=headers).status_code == 403
    found = ask(real_site, SS.encode(), **headers)
    assert found.status_code == (403 if headers else 200)
    assert "access-control-allow-origin" not in ask(real_site, SS.encode()).headers


def test_what_is_refused(real_site: TestClient) -> None:
    doctype = b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "b">]>\n<nmaprun/>\n'
    many = b"0.0.0.0:1-65535->1-65535/tcp"
    docker = (
        b"CONTAINER ID   PORTS                          NAMES\n0123456789ab   " + many + b"   x\n"
    )
    for path, content, headers, status in (
        ("/api/explain", SS.encode(), {"content-type": "application/json"}, 415),
        ("/api/explain?format=telnet", SS.encode(), PLAIN, 400),
        ("/api/explain?x=1", SS.encode(), PLAIN, 400),
        ("/api/explain", b"a" * (LONGEST + 1), PLAIN, 413),
        ("/api/explain", doctype, PLAIN, 422),
        ("/api/explain", docker, PLAIN, 422),
        ("/explain", b"text=x", {**OWN, "content-type": "text/plain"}, 415),
    ):
        found = real_site.post(path, content=content, headers=headers)
        assert found.status_code == status, (path, found.text)
    assert "DOCTYPE" in ask(real_site, doctype).json()["detail"]
    assert f"{MOST_SOCKETS:,} sockets" in ask(real_site, docker).json()["detail"]
    assert "DOCTYPE" in paste(real_site, doctype.decode()).text
    assert "nothing to read" in paste(real_site, "").text
    assert "known tool" in paste(real_site, "hello").text
    log = "2 123456789010 eni-1235b8ca123456789 192.0.2.33 198.51.100.20 51022 443 6 20 4249 1 2 "
    times = log.replace(" 1 2 ", " 1762070401 1762070461 ACCEPT OK")
    assert "give its file to portbook audit" in paste(real_site, times).text
    found = real_site.get("/api/explain")
    assert (found.status_code, found.headers["allow"]) == (405, "POST")


def test_nothing_is_stored_or_logged(
    local: TestClient, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    secret = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("marked-a1b2",pid=1,fd=3))'
    with caplog.at_level(logging.DEBUG):
        assert ask(local, secret.encode()).status_code == 200
        assert paste(local, secret).status_code in (200, 422)
        assert ask(local, b"marked-a1b2 of no tool").status_code == 200
    out, err = capfd.readouterr()
    assert "marked-a1b2" not in caplog.text + out + err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert "marked-a1b2" not in local.get("/metrics").text


def test_a_public_site_takes_so_many_a_minute(public: TestClient, local: TestClient) -> None:
    statuses = [ask(public, SS.encode()).status_code for _ in range(22)]
    assert statuses == [200] * 20 + [429] * 2
    assert int(ask(public, SS.encode()).headers["retry-after"]) > 0
    assert {ask(local, SS.encode()).status_code for _ in range(22)} == {200}


def test_long_lists_are_cut_on_the_page() -> None:
    from portbook.app.explain import explain
    from portbook.app.socket_filter import Filter

    text = "".join(f"LISTEN 0 5 0.0.0.0:{port} 0.0.0.0:*\n" for port in range(1, 2001))
    page = views.explain(explain([text.encode()], Filter(), CATALOG), "", Site(AS_OF))
    assert page.count("<tr class=") == 1000
    assert "and 1,000 more" in page
    assert urlencode({"text": text}) not in page


def test_what_was_pasted_stands_beside_its_answer(real_site: TestClient) -> None:
    """Escaped, in the page alone."""
    answer = paste(real_site, f"{SS}</textarea><img src=x>\n").text
    field = answer.partition("<textarea")[2].partition("</textarea>")[0]
    assert "0.0.0.0:22" in field
    assert "&lt;/textarea&gt;&lt;img src=x&gt;" in field
    assert "<img" not in answer
