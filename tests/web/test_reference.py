"""The pages of the book: every port in every form, and what stands where no page is."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from portbook.app.history import chronicle
from portbook.app.list_lookup import ServiceAnswer
from portbook.app.lookup import answer
from portbook.formats.errors.query import parse_query
from portbook.present.render import markdown
from portbook.present.render.document_text import render_page
from portbook.present.render.text import Style
from portbook.present.views.history import render_feed
from portbook.present.views.service import compose_service
from portbook.web.app import create_app
from portbook.web.state import Settings
from tests.cases import for_each
from tests.counts import PROOF
from tests.values import CATALOG
from tests.web.asking import app_of, ask
from tests.web.independent import TRANSPORTS, headline, services_of, state_of
from tests.web.reading import read_html, read_text
from tests.web.views import Broken

if TYPE_CHECKING:
    import random

    from starlette.testclient import TestClient

    from tests.web.conftest import Make


EDGES = (0, 1, 24, 305, 443, 853, 1023, 1024, 4200, 27000, 49151, 49152, 65535)


@pytest.mark.proof
def test_every_port_is_answered_in_every_form_as_the_registry_has_it(
    chance: random.Random,
) -> None:
    """The real pages, JSON and text, each read by code that shares nothing with what wrote it."""
    some = range(65536) if PROOF else [*EDGES, *chance.sample(range(65536), 300)]
    app = create_app(CATALOG, Settings(public=True))

    async def check() -> None:
        for port in some:
            states = {each: state_of(port, each) for each in TRANSPORTS}
            services = {each: services_of(port, each) for each in TRANSPORTS}
            named = {(name, each) for each in TRANSPORTS for name, _ in services[each]}
            page = await ask(app, f"/{port}", accept="text/html")
            assert (page.status, page.headers["content-type"][:9]) == (200, "text/html")
            assert read_html(page.body.decode()) == (states, named), port
            text = (await ask(app, f"/{port}.txt")).body.decode()
            assert text.startswith(f"Port {port} · ")
            assert read_text(text) == (states, named), port
            found = json.loads((await ask(app, f"/{port}.json")).body)
            assert (found["port"], found["state"], found["host"]) == (port, headline(port), None)
            for name, each in found["transports"].items():
                assert each["state"] == states.pop(name), port
                rows = {(row["service_name"], row["description"]) for row in each["assignments"]}
                assert rows == services[name], port
            assert not states

    asyncio.run(check())


def test_the_forms_of_a_port(local: TestClient) -> None:
    kinds = {
        "/305": "text/html; charset=utf-8",
        "/305.json": "application/json",
        "/305.txt": "text/plain; charset=utf-8",
        "/305.md": "text/markdown; charset=utf-8",
    }
    for path, kind in kinds.items():
        found = local.get(path)
        assert (found.status_code, found.headers["content-type"]) == (200, kind)
    assert local.get("/305.json").json()["state"] == "unassigned"
    assert local.get("/305.md").text.startswith("# Port 305: unassigned (gap 301–307)")


@pytest.mark.parametrize(
    ("agent", "accept", "begins"),
    [
        ("curl/8.5.0", "*/*", "Port 305 "),
        ("Wget/1.21", "*/*", "Port 305 "),
        ("HTTPie/3.2", "*/*", "Port 305 "),
        ("Mozilla/5.0", "text/html,*/*;q=0.8", "<!doctype"),
        ("curl/8.5.0", "application/json", '{"schema":"portbook/port/1"'),
        ("x", "text/markdown", "# Port 305"),
    ],
)
def test_a_client_gets_what_it_reads(
    local: TestClient, agent: str, accept: str, begins: str
) -> None:
    found = local.get("/305", headers={"user-agent": agent, "accept": accept})
    assert found.text.startswith(begins)
    assert {"accept", "user-agent"} <= set(found.headers["vary"].split(", "))


@for_each(
    "path, status, location",
    [
        ("/00305", 308, "/305"),
        ("/00305.json", 308, "/305.json"),
        ("/0", 200, None),
        ("/000", 308, "/0"),
        ("/305/", 308, "/305"),
        ("/443/udp", 308, "/443"),
        ("/stats/", 308, "/stats"),
        ("/ssh", 307, "/services/ssh"),
        ("/search?q=305", 303, "/305"),
        ("/search?q=:3000", 303, "/3000"),
        ("/search?q=localhost:8443", 303, "/8443"),
        ("/search?q=EADDRINUSE%3A+address+already+in+use+%3A%3A%3A3000", 303, "/3000"),
        ("/search?q=ssh", 200, None),
        ("/search?q=", 200, None),
        ("/search", 200, None),
        ("/search?q=%20", 200, None),
        ("/search?q=" + "a" * 201, 400, None),
        ("/99999", 404, None),
        ("/65536", 404, None),
        ("/" + "9" * 900, 404, None),
        ("/abc", 404, None),
        ("/305/xyz", 404, None),
        ("/305/tcp/x", 404, None),
        ("/-1", 404, None),
        ("/305.xml", 404, None),
        ("/305.jsonx", 404, None),
        ("/services/nothing-of-that-name", 404, None),
        ("/services/", 308, "/services"),
        ("/services", 200, None),
        ("/ranges", 307, "/"),
        ("/services/ssh", 200, None),
        ("/services/SSH.json", 200, None),
        ("/services/ssh.txt", 200, None),
        ("/services/ssh.xml", 404, None),
        ("/ranges/system", 200, None),
        ("/ranges/system.txt", 200, None),
        ("/ranges/system.md", 200, None),
        ("/ranges/system.xml", 404, None),
        ("/ranges/wellknown", 404, None),
        ("/blocks?state=dynamic&range=dynamic", 200, None),
        ("/blocks?state=&range=", 200, None),  # as a form sends it
        ("/blocks?state=reserved&range=", 200, None),
        ("/blocks?state=free", 400, None),
        ("/blocks?range=free", 400, None),
        ("/blocks?state=dynamic&state=dynamic", 400, None),
        ("/glossary/assigned", 200, None),
        ("/glossary/xyz", 404, None),
        ("/static/nothing.js", 404, None),
        ("/static/../app.py", 404, None),
        ("/static/%2e%2e/app.py", 404, None),
        ("//example.org/", 308, "/example.org"),
        ("/%2f%2fexample.org/", 308, "/example.org"),
        ("/%", 400, None),
        ("/%zz", 400, None),
        ("/%ff", 400, None),
        ("/%00", 400, None),
        ("/305%0d%0aset-cookie:%20a=b", 400, None),
        ("/305?x=%zz", 400, None),
        ("/" + "a" * 8000, 414, None),
        ("/" + "%41" * 2700, 414, None),
        ("/search?q=" + "a" * 9000, 414, None),
    ],
)
def test_addresses(local: TestClient, path: str, status: int, location: str | None) -> None:
    """Asked without a client that would tidy the address up first."""
    found = asyncio.run(ask(app_of(local), path, accept="text/html"))
    assert (found.status, found.headers.get("location")) == (status, location)
    if status >= 400:
        assert found.headers["content-type"] == "text/html; charset=utf-8"
        assert f"<title>{status} ".encode() in found.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/305", "/305.json", "/api/ports?ports=1", "/here", "/"])
def test_reading_is_all_that_can_be_done(local: TestClient, method: str, path: str) -> None:
    found = local.request(method, path)
    assert found.status_code == 405
    assert {"GET", "HEAD"} <= set(found.headers["allow"].replace(",", " ").split())


def test_a_problem_comes_in_the_form_that_was_asked_for(local: TestClient) -> None:
    found = local.get("/99999.json")
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json() == {
        "type": "about:blank",
        "title": "There is no port 99999",
        "status": 404,
        "detail": "Ports run from 0 to 65535.",
    }
    asked = {"accept": "application/json"}
    assert local.get("/abc", headers=asked).json()["status"] == 404
    assert local.get("/api/nothing").json()["status"] == 404
    text = local.get("/99999", headers={"user-agent": "curl/8", "accept": "*/*"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text.startswith("There is no port 99999 (404)\n")


@for_each(
    "path, status",
    [
        ("/ports", 200), ("/services", 200), ("/services-s", 200), ("/products-0", 200),
        ("/topics/refused", 200), ("/common", 200), ("/compare", 200), ("/8080/practice", 200),
        ("/opensearch.xml", 200), ("/manifest.webmanifest", 200), ("/port/305", 308),
        ("/tcp/305", 308), ("/compare?ports=443,8443", 200), ("/compare?ports=1,2,3,4,5,6,7", 400),
        ("/compare?ports=65536", 400), ("/compare?ports=x", 400), ("/compare?port=1", 400),
        ("/services-ss", 404), ("/topics/nothing", 404), ("/305/practice", 308),
        ("/99999/practice", 404),
    ],
)  # fmt: skip
def test_lists_to_browse(path: str, status: int) -> None:
    """With the site's own pages, which know what there is."""
    from starlette.testclient import TestClient

    app = create_app(CATALOG, Settings(public=True))
    with TestClient(app, "http://127.0.0.1:4905", follow_redirects=False) as client:
        answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == status
    if status == 308:
        assert answer.headers["location"] == "/305"


def test_random_leads_to_a_port(local: TestClient) -> None:
    seen = {local.get("/random").headers["location"] for _ in range(20)}
    assert all(0 <= int(each[1:]) <= 65535 for each in seen)
    assert len(seen) > 10
    assert local.get("/random").headers["cache-control"] == "no-store"


def test_pages_are_of_the_site_that_serves_them(make: Make) -> None:
    assert "local=True, public=False, feedback=True" in make().get("/").text
    assert "local=False, public=True, feedback=False" in make(public=True, store=None).get("/").text


def test_other_lists_as_text_and_json(local: TestClient) -> None:
    for path, kind in {
        "/stats": "stats",
        "/changes": "history",
        "/changes?since=2025-01-01": "history",
        "/blocks": "blocks",
        "/services/ssh": "service",
        "/ranges/system": "range",
        "/search?q=ssh": "search",
        "/search": "search",
    }.items():
        found = local.get(path, headers={"accept": "application/json"}).json()
        assert found["schema"] == f"portbook/{kind}/1"
        text = local.get(path, headers={"accept": "text/plain"})
        assert text.headers["content-type"] == "text/plain; charset=utf-8"
        # Where nothing was asked, nothing has a source, and nothing is denied.
        said = "\nSources\n" if path != "/search" else "Search for a name, a number, or "
        assert said in text.text
        assert "Nothing matches" not in text.text


@pytest.mark.parametrize("query", ["since=x", "since=", "since=2025&since=2026", "q=1"])
def test_a_date_that_is_none_is_a_problem(local: TestClient, query: str) -> None:
    for path in ("/changes", "/api/changes"):
        answer = local.get(f"{path}?{query}", headers={"accept": "application/json"})
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"


def test_changes_are_the_same_by_either_address(local: TestClient) -> None:
    for query in ("", "?since=2024"):
        page = local.get(f"/changes{query}", headers={"accept": "application/json"})
        found = local.get(f"/api/changes{query}")
        assert found.json() == page.json()
        assert found.headers["etag"]
        assert found.headers["access-control-allow-origin"] == "*"
    assert found.json()["since"] == "2024"
    assert all(change["until"] >= "2024" for change in found.json()["changes"])


def test_the_feed_is_one(make: Make) -> None:
    answer = make(public=True, store=None).get("/changes.atom", headers={"host": "ports.example"})
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.text)
    atom = "{http://www.w3.org/2005/Atom}"
    assert feed.tag == f"{atom}feed"
    entries = feed.findall(f"{atom}entry")
    # RFC 4287 §4.1.1, §4.1.2: what a feed and an entry must have; ids differ.
    for each in (feed, *entries):
        for tag in ("id", "title", "updated"):
            assert each.findtext(f"{atom}{tag}"), tag
        assert each.find(f"{atom}link") is not None
    assert feed.find(f"{atom}author") is not None
    assert feed.findtext(f"{atom}id") == "http://ports.example/changes.atom"
    ids = [str(each.findtext(f"{atom}id")) for each in entries]
    assert len(set(ids)) == len(ids) == 100
    assert {UUID(each).urn for each in ids} == set(ids)
    # RFC 4287 §4.2.6: an entry is the same one wherever the site is.
    moved = render_feed(chronicle(CATALOG), "https://ports.example.org/a&b", ".html")
    other = ET.fromstring(moved)
    assert other.findtext(f"{atom}id") == "https://ports.example.org/a&b/changes.atom"
    assert [each.findtext(f"{atom}id") for each in other.findall(f"{atom}entry")] == ids
    updated = [str(each.findtext(f"{atom}updated")) for each in entries]
    assert updated == sorted(updated, reverse=True)
    found = [each.get("href") for each in feed.iter(f"{atom}link")]
    assert len(found) > 100
    assert all(each is not None and "//ports.example/" in each for each in found)


def test_what_breaks_is_a_page_and_not_a_trace(make: Make) -> None:
    from starlette.testclient import TestClient

    client = make(views=Broken())
    with pytest.raises(RuntimeError):  # which the server logs
        client.get("/305")
    reader = TestClient(client.app, str(client.base_url), raise_server_exceptions=False)
    found = reader.get("/305", headers=client.headers)
    assert found.status_code == 500
    assert "secret" not in found.text
    assert "content-security-policy" in found.headers


@for_each(
    "name, product, ports",
    [
        ("nomad", "Nomad", [4646, 4647, 4648, 5209]),  # registered, and no use of it is known
        ("pulsar", "Apache Pulsar", [6650, 6651, 8080]),  # registered without a port
        ("hydra", None, [2374]),
        ("cifs", None, [445, 3020]),
    ],
)
def test_a_name_is_answered_by_the_site_as_in_the_terminal(
    local: TestClient, name: str, product: str | None, ports: list[int]
) -> None:
    found = answer(parse_query(name), CATALOG)
    assert isinstance(found, ServiceAnswer)
    page = compose_service(found)
    said = local.get(f"/services/{name}.json").json()
    assert (said.get("product"), said["ports"]) == (product, ports)
    assert local.get(f"/services/{name}.txt").text == render_page(page, Style(80))
    assert local.get(f"/services/{name}.md").text == markdown.render_page(page)
