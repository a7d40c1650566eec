"""This machine: who may see it, and that nobody else does."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from portbook.catalog.expectations.trust import trust
from portbook.host.reader import read_host
from portbook.web.app import create_app
from portbook.web.local.access import is_loopback
from portbook.web.local.panel import MASKED
from portbook.web.pages import views
from portbook.web.state import Settings
from tests.cases import for_each
from tests.real.needs import need
from tests.values import CATALOG, sentences
from tests.web.asking import app_of
from tests.web.conftest import BROWSER
from tests.web.views import StandIn, StandInFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient
    from starlette.types import Message

    from tests.surroundings import User
    from tests.web.conftest import Make

ALONE = pytest.mark.usefixtures("own_network")
HOST_DATA = [
    "/here", "/here.json", "/here/305.json", "/here/305/events", "/here/events",
    "/here/search.json?q=x",
]  # fmt: skip
OWN = {"host": "127.0.0.1:4905"}

# Every way in by which a stranger could come, and one header for each.
STRANGERS = {
    "rebinding": {"host": "evil.example:4905"},
    "rebinding to a name like ours": {"host": "localhost.evil.example"},
    "rebinding with an address before": {"host": "127.0.0.1.evil.example"},
    "an address of the network": {"host": "192.168.1.7:4905"},
    "every address": {"host": "0.0.0.0:4905"},
    "no host": {"host": ""},
    "an address in brackets before a name": {"host": "[::1].evil.example"},
    "the same with a port": {"host": "[::1].evil.example:4905"},
    "a name after a port": {"host": "localhost:4905.evil.example"},
    "a bracket that never closes": {"host": "[::1"},
    "a user before": {"host": "localhost@evil.example"},
    "a user after": {"host": "evil.example@localhost"},
    "a path after": {"host": "localhost/evil.example"},
    "a name in brackets": {"host": "[localhost]"},
    "no brackets": {"host": "::1"},
    "two in one": {"host": "localhost, evil.example"},
    "a zone": {"host": "[::1%25evil]"},
    "another site": {"origin": "https://evil.example"},
    "another server here": {"origin": "http://127.0.0.1:8080"},
    "the same port by another name": {"origin": "http://localhost:4905"},
    "a sandboxed frame": {"origin": "null"},
    "a file": {"origin": "file://"},
    "a fetch across sites": {"sec-fetch-site": "cross-site"},
    "a fetch from another port": {"sec-fetch-site": "same-site"},
    "a word that is none": {"sec-fetch-site": "x"},
    "a proxy": {"x-forwarded-for": "203.0.113.7"},
    "a proxy by the standard": {"forwarded": "for=203.0.113.7"},
    "nginx": {"x-real-ip": "203.0.113.7"},
    "a relay": {"via": "1.1 relay"},
    "a proxy that says what it spoke": {"x-forwarded-proto": "https"},
    "a content network": {"cf-connecting-ip": "203.0.113.7"},
    "a page behind a proxy that adds nothing": {"referer": "https://ports.example/305"},
    "the same without a path": {"referer": "https://ports.example"},
    "a page of a name like ours": {"referer": "http://localhost.evil.example/"},
    "an application": {"referer": "android-app://com.example"},
}


@for_each("path", HOST_DATA)
@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_are_refused(shared: TestClient, path: str, who: str) -> None:
    found = shared.get(path, headers={**OWN, **STRANGERS[who]})
    assert found.status_code == 403
    assert "listeners" not in found.text
    assert "access-control-allow-origin" not in found.headers
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["cross-origin-resource-policy"] == "same-origin"


def test_two_hosts_are_one_too_many(local: TestClient) -> None:
    hosts = [("host", "127.0.0.1:4905"), ("host", "evil.example")]
    request = local.build_request("GET", "/here.json")
    request.headers = type(request.headers)([*hosts, ("accept", "*/*")])
    assert local.send(request).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:4905"},
        {"host": "LOCALHOST"},
        {"host": "[::1]:4905"},
        {"host": "127.8.9.1:4905"},
        {"origin": "http://127.0.0.1:4905"},
        {"host": "localhost:9999", "origin": "http://localhost:9999"},  # a tunnel
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"referer": "http://localhost:4905/305?x=1"},
        {"referer": "http://[::1]:4905/"},
        {"referer": "http://127.0.0.1:4905"},
    ],
)
@pytest.mark.parametrize("path", HOST_DATA[:3])
def test_its_own_pages_may(local: TestClient, path: str, headers: dict[str, str]) -> None:
    assert local.get(path, headers={**OWN, **headers}).status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", "10.0.0.1"])
def test_another_machine_may_not_whatever_it_says(address: str) -> None:
    from starlette.testclient import TestClient

    client = TestClient(
        create_app(CATALOG, Settings(), StandIn(), StandInFiles()),
        base_url="http://127.0.0.1:4905",
        client=(address, 50000),
    )
    assert [client.get(path).status_code for path in HOST_DATA] == [403] * len(HOST_DATA)
    assert client.get("/305").status_code == 200


@pytest.mark.parametrize("path", HOST_DATA[:3])
def test_it_is_not_kept_anywhere(local: TestClient, path: str) -> None:
    found = local.get(path, headers={"if-none-match": "*"})
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    assert "etag" not in found.headers
    assert "access-control-allow-origin" not in found.headers
    assert not [key for key in app_of(local).cache._entries if b"here" in key[0]]


def test_a_public_site_has_none_of_it(public: TestClient) -> None:
    for path in HOST_DATA:
        assert public.get(path).status_code == 404
    described = public.get("/openapi.json").json()
    assert not [path for path in described["paths"] if "here" in path]
    assert app_of(public).context.panel is None


def test_a_client_that_speaks_as_proxies_do_is_refused(local: TestClient) -> None:
    async def ask(version: str, *headers: tuple[bytes, bytes]) -> int:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "GET", "path": "/here.json", "raw_path": b"/here.json",
            "query_string": b"", "headers": [(b"host", b"127.0.0.1:4905"), *headers],
            "client": ("127.0.0.1", 50000), "http_version": version, "scheme": "http",
        }  # fmt: skip
        await local.app(scope, receive, send)
        return int(sent[0]["status"])

    site = b"sec-fetch-site"
    assert asyncio.run(ask("1.1")) == 200
    assert asyncio.run(ask("1.0")) == 403
    assert asyncio.run(ask("1.1", (site, b"none"), (site, b"cross-site"))) == 403


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone tells whose it is")
@pytest.mark.parametrize(("uid", "status"), [(65534, 403), (0, 200)], ids=["another", "root"])
def test_other_users_of_the_machine_are_refused(
    make: Make, looks_like: User, uid: int, status: int
) -> None:
    """A real connection of each, and a server that believes to be a third user's."""
    from starlette.testclient import TestClient

    need(os.geteuid() == 0, "to become another user takes root")
    script = (
        f"import os, socket, sys\nos.setuid({uid})\n"
        "client = socket.socket()\nclient.connect(('127.0.0.1', int(sys.argv[1])))\n"
        "print(client.getsockname()[1], flush=True)\nsys.stdin.read()"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", script, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with child:
            assert child.stdin is not None
            assert child.stdout is not None
            theirs = int(child.stdout.readline())
            accepted, _ = server.accept()
            app = make().app
            client = TestClient(
                app, base_url=f"http://127.0.0.1:{port}", client=("127.0.0.1", theirs)
            )
            looks_like(12345)
            assert [client.get(path).status_code for path in HOST_DATA[:3]] == [status] * 3
            assert client.get("/305").status_code == 200
            looks_like(uid)
            assert client.get("/here.json").status_code == 200  # its own user's
            accepted.close()
            child.stdin.close()


# -- the token --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", HOST_DATA)
def test_root_wants_the_token(make: Make, path: str) -> None:
    client = make(token="s3cret")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic s3cret"}):
        found = client.get(path, headers=headers)
        assert found.status_code == 401
        assert found.headers["www-authenticate"].startswith("Bearer")
        assert "listeners" not in found.text
    assert client.get(f"{path}?token=wrong").status_code == 401
    assert client.get(f"{path}?token=").status_code == 401
    # A stranger who has the token is a stranger all the same.
    stolen = {"host": "evil.example", "authorization": "Bearer s3cret"}
    assert client.get(path, headers=stolen).status_code == 403


@pytest.mark.parametrize("path", HOST_DATA[:3])
def test_with_the_token_it_is_shown(make: Make, path: str) -> None:
    client = make(token="s3cret")
    assert client.get(path, headers={"authorization": "Bearer s3cret"}).status_code == 200
    assert client.get(path, headers={"authorization": "bearer  s3cret"}).status_code == 200
    assert client.get(f"{path}?token=s3cret").status_code == 200
    assert client.get("/305").status_code == 200  # the book needs none


# -- what is shown ----------------------------------------------------------------------------


@pytest.fixture
def bound() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@ALONE
@pytest.mark.real
def test_a_port_with_this_machine(local: TestClient, bound: int) -> None:
    found = local.get(f"/here/{bound}.json").json()
    assert found["schema"] == "portbook/port/1"
    assert found["port"] == bound
    (listener,) = found["host"]["listeners"]
    assert (listener["address"], listener["transport"]) == ("127.0.0.1", "tcp")
    assert listener["owners"]
    assert [finding["socket"] for finding in found["findings"]]
    assert local.get("/here/70000.json").status_code == 404
    assert local.get("/here/70000/events").status_code == 404


@ALONE
@pytest.mark.real
def test_everything_that_listens(local: TestClient, bound: int) -> None:
    found = local.get("/here.json").json()
    assert found["schema"] == "portbook/listen/1"
    assert bound in [each["port"] for each in found["listeners"]]
    text = local.get("/here", headers={"accept": "text/plain"})
    assert re.search(rf"\b{bound}/tcp +127\.0\.0\.1 ", text.text)
    assert local.get("/here", headers={"accept": "application/json"}).json()["listeners"]


@ALONE
@pytest.mark.real
def test_command_lines_are_masked_unless_asked_for(make: Make, bound: int) -> None:
    (mine,) = read_host((bound, bound)).listeners
    command = mine.ownership.owners[0].command
    assert command
    masked, shown = make(), make(show_commands=True)
    (masking,) = sentences((MASKED,))
    for path in (f"/here/{bound}.json", "/here.json"):
        host = masked.get(path).json()
        host = host.get("host", host)
        lines = [o["command"] for each in host["listeners"] for o in each["owners"]]
        assert list(command) not in lines
        assert masking in [gap["message"] for gap in host["missing"]]
        host = shown.get(path).json()
        host = host.get("host", host)
        owners = [o for each in host["listeners"] if each["port"] == bound for o in each["owners"]]
        assert owners[0]["command"] == list(command)
        assert masking not in [gap["message"] for gap in host["missing"]]
    page = masked.get("/here").text
    assert all(word not in page for word in command[3:] if len(word) > 12)


@for_each(
    "host, there",
    [
        ("localhost", True),
        ("localhost.", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("127.1", False),
        ("2130706433", False),
        ("", False),
        ("local host", False),
    ],
)
def test_what_counts_as_this_machine(host: str, there: bool) -> None:
    assert is_loopback(host) is there


@pytest.fixture
def noted(bound: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A port that is bound, and that the user's own notes name."""
    path = tmp_path / "ports.toml"
    path.write_text(f'[[port]]\nport = {bound}\nlabel = "a label <b>of ours"\n')
    path.chmod(0o644)
    monkeypatch.setenv("PORTBOOK_NOTES", str(path))
    return bound


@ALONE
@pytest.mark.real
def test_own_notes_are_shown_with_this_machine_and_nowhere_else(make: Make, noted: int) -> None:
    local, label = make(), "a label <b>of ours"
    found = local.get(f"/here/{noted}.json").json()
    assert [note["label"] for note in found["own_notes"]] == [label]
    assert [each["own_notes"] for each in found["host"]["listeners"]] == [found["own_notes"]]
    assert label in [note["label"] for note in local.get("/here.json").json()["own_notes"]]
    assert f"note: {label}" in " ".join(
        local.get("/here", headers={"accept": "text/plain"}).text.split()
    )
    for client in (local, make(public=True)):
        for path in (f"/{noted}", f"/{noted}.json", f"/{noted}.txt", f"/{noted}.md"):
            assert "of ours" not in client.get(path).text
        for path in (f"/api/ports?ports={noted}", f"/search?q={noted}", "/search.json?q=label"):
            assert "of ours" not in client.get(path).text
    assert make(public=True).get(f"/here/{noted}.json").status_code == 404


@pytest.mark.real
def test_a_projects_notes_are_shown_as_its_own(
    make: Make, bound: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop" / "portbook.toml"
    path.parent.mkdir()
    path.write_text(f'[[port]]\nport = {bound}\nlabel = "theirs"\n')
    path.chmod(0o644)
    monkeypatch.chdir(path.parent)
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("PORTBOOK_NOTES")
    local = make(views=views)
    (note,) = local.get(f"/here/{bound}.json").json()["own_notes"]
    assert (note["label"], note["whose"], note["trusted"]) == ("theirs", "project", False)
    assert "project note, not trusted: theirs" in local.get("/here").text
    trust(os.environ, str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    assert local.get(f"/here/{bound}.json").json()["own_notes"][0]["trusted"] is True
    page = local.get("/here").text
    assert "project note: theirs" in page
    assert "not trusted" not in page


def test_the_search_finds_own_notes_for_their_owner_alone(make: Make, noted: int) -> None:
    local = make()
    answer = local.get("/here/search.json?q=label")
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    (note,) = answer.json()["own_notes"]
    assert (note["first"], note["label"]) == (noted, "a label <b>of ours")
    assert local.get("/here/search.json?q=bakery").json()["own_notes"] == []
    # The book's own search holds none, whatever is asked.
    for path in ("/search.json?q=label", "/search?q=label"):
        found = local.get(path, headers={"accept": "application/json"})
        assert found.json()["own_notes"] is None
        assert "of ours" not in found.text
    assert local.get("/here/search.json").status_code == 400
    assert make(token="secret").get("/here/search.json?q=label").status_code == 401
    public = make(public=True)
    assert public.get("/here/search.json?q=label").status_code == 404
    assert public.get("/search.json?q=label").json()["own_notes"] is None


def test_a_page_of_the_book_holds_nothing_of_this_machine(local: TestClient, bound: int) -> None:
    assert local.get(f"/{bound}.json").json()["host"] is None
    assert json.dumps(BROWSER) not in local.get(f"/{bound}").text
