"""Every page is well-formed, links to what there is, loads nothing foreign, and runs nothing."""

from __future__ import annotations

import functools
import gzip
import itertools
import json
import os
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from hypothesis import given

from portbook.app.list_lookup import ServiceAnswer, answer_blocks, answer_range
from portbook.app.listen import HereAnswer
from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer, answer_port
from portbook.app.search import answer_search
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.model import (
    RANGES,
    Assessment,
    Assignment,
    Family,
    Host,
    Level,
    Listener,
    Neighbour,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Source,
    Standing,
    State,
    SystemRule,
    Transport,
    Use,
    UseKind,
    Visibility,
)
from portbook.present.brief import compose_brief
from portbook.present.document import Numbered
from portbook.present.owners import Viewer
from portbook.present.palette import LEVELS, STATES
from portbook.present.port.head import title_of
from portbook.present.port.page import compose
from portbook.present.render import html
from portbook.present.render.document_text import render_page
from portbook.present.render.html_text import curly
from portbook.present.render.text import Style
from portbook.present.sources import source_name
from portbook.present.views.glossary import TERMS
from portbook.web.api import openapi
from portbook.web.assets import drawn
from portbook.web.pages import views
from portbook.web.pages.linked_data import linked_data
from portbook.web.pages.links import Links, file_name
from portbook.web.site_config import Site
from tests.cases import for_each
from tests.real.needs import need_program
from tests.strategies import any_port, listeners, nasty
from tests.values import AS_OF, CATALOG, changed, gap, worded
from tests.web.parsed_page import Element, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

STATIC = Path(views.__file__).parents[1] / "assets" / "static"
SERVED = Site(AS_OF, feedback=True, local=True, static_version="abc")
SITES = {
    "local": SERVED,
    "public": Site(AS_OF, public=True, feedback=True, static_version="abc"),
    "below": Site(AS_OF, base="/ports", public=True),
    "export": Site(AS_OF, export=True),
}
SAMPLE = (0, 1, 22, 24, 80, 300, 305, 443, 1023, 1024, 2825, 4200, 6010, 8080, 50000, 65535)
EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "]]><!--",
    "&lt;b&gt;&#x3c;",
    "\u202egnp.exe\u2028\x00\x1b[2J",
    "RFC 1<b> (RFC 6335 §6</a><i>)",
)


STYLE = (STATIC / "site.css").read_text()


def _answer(port: int) -> PortAnswer:
    return answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)


def _service(name: str) -> ServiceAnswer:
    found = answer(Query(QueryKind.NAME, name), CATALOG)
    assert isinstance(found, ServiceAnswer)
    return found


def _here(*some: Listener) -> HereAnswer:
    standings = {
        (each.socket.port, each.socket.transport): CATALOG.registry.standing(
            each.socket.port, each.socket.transport
        )
        for each in some
    }
    return HereAnswer(some, Visibility.PARTIAL, (gap("a reason"),), standings, (), ())


LISTENER = Listener(
    Socket(Transport.TCP, Family.IPV4, "127.0.0.1", 5432, SocketState.LISTEN),
    Ownership(
        (Process(7, "postgres", ("postgres", "-D", "/srv"), "/usr/bin/postgres"),), OwnersSeen.ALL
    ),
    Assessment((worded("expected", Level.OK, "PostgreSQL where it belongs"),)),
)


@functools.cache
def every_page(site: Site) -> tuple[tuple[str, str], ...]:
    """A page of each kind, and a sample of ports; made once, as several tests look at them."""
    found = tuple(_every_page(site))
    assert found
    return found


@functools.cache
def _parsed(text: str) -> Page:
    return Page(text)


def _every_page(site: Site) -> Iterator[tuple[str, str]]:
    for port in (8080, 305):
        whole = views.practice(_answer(port), site)
        assert (whole is None) is (port == 305)
        if whole is not None:
            yield f"practice of {port}", whole
    for port in SAMPLE:
        yield f"{port}", views.port(_answer(port), CATALOG, site)
    for name in ("ssh", "http", "whois++", "914c/g", "1password", "x11"):
        if CATALOG.registry.named(name):
            yield name, views.service(_service(name), site)
    for each in RANGES:
        yield each.name, views.range_(each.name, CATALOG, site)
    yield "blocks", views.blocks(answer_blocks(CATALOG), site)
    yield "blocks of", views.blocks(answer_blocks(CATALOG, State.UNASSIGNED, "system"), site)
    yield "no blocks", views.blocks(answer_blocks(CATALOG, State.DYNAMIC, "system"), site)
    for path in ("ports", "services", "services-s", "products", "products-0", "common", "topics",
                 "topics/refused", "topics/register"):  # fmt: skip
        below = site._replace(base="../") if site.export and "/" in path else site
        yield path, views.browse(path, CATALOG, below)
    yield "compare", views.compare([_answer(port) for port in (443, 3000, 27374)], site)
    yield "compare nothing", views.compare([], site)
    yield "stats", views.stats(CATALOG, site)
    yield "map", views.map_(CATALOG, site)
    yield "search", views.search(None, "", site)
    for text in ("time", "nosuchthing", "postgrse"):
        found = answer_search(Query(QueryKind.TEXT, text), CATALOG)
        yield f"search {text}", views.search(found, text, site)
    yield "glossary", views.glossary(None, site)
    for term in TERMS:
        yield term.name, views.glossary(term.name, site)
    yield "about", views.about(CATALOG, site)
    yield "api", views.api(site)
    yield "home", views.home(CATALOG, site)
    yield "here", views.here(_here(LISTENER), site)
    yield "nothing here", views.here(_here(), site)
    yield "thanks", views.feedback_thanks(site, 305)
    yield "error", views.error(404, "Not here", "There are ports from 0 to 65535.", site)
    yield "error like", views.error(404, "Not here", "Try the search.", site, [("a (5)", "/5")])
    some = Query(QueryKind.RANGE, "300-310", 300, 310)
    yield "span", views.span(answer_range(some, CATALOG), site)


def _run(page: Page) -> list[Element]:
    """The scripts of *page* that a browser runs."""
    return [each for each in page.all("script") if each.attributes.get("type") != LINKED_DATA]


LINKED_DATA = "application/ld+json"


@pytest.mark.parametrize("kind", SITES)
def test_every_page_is_well_formed_and_has_what_readers_need(kind: str) -> None:
    for name, text in every_page(SITES[kind]):
        page = _parsed(text)
        assert text.startswith("<!doctype html>"), name
        (html,) = page.all("html")
        assert html.attributes["lang"] == "en"
        assert len(page.all("h1")) == len(page.all("main")) == 1, name
        assert text.count("<title>", 0, text.index("</head>")) == 1, name
        ids = page.values("id")
        assert len(set(ids)) == len(ids), name
        for attribute in ("for", "aria-labelledby"):
            assert set(page.values(attribute)) <= set(ids), name
        fragments = {href[1:] for href in page.values("href") if href.startswith("#")}
        assert fragments <= set(ids), name
        levels = [int(each.tag[1]) for each in page.elements if re.fullmatch("h[1-6]", each.tag)]
        assert levels[0] == 1, name
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), name


@pytest.mark.parametrize("kind", SITES)
def test_nothing_is_inline_and_nothing_is_loaded_from_elsewhere(kind: str) -> None:
    for name, text in every_page(SITES[kind]):
        page = _parsed(text)
        assert not page.all("style"), name
        for element in page.elements:
            assert not [key for key in element.attributes if key.startswith("on")], name
            assert "style" not in element.attributes, name
        loaded = [
            *[each.attributes.get("src") for each in _run(page)],
            *[each.attributes.get("href") for each in page.all("image")],
            *[
                each.attributes.get("href")
                for each in page.all("link")
                if each.attributes.get("rel") in ("stylesheet", "icon")
            ],
        ]
        assert loaded, name
        assert all(address and ":" not in address and "//" not in address for address in loaded)
        assert all(each.attributes.get("src") for each in _run(page)), name
        for link in page.all("a"):
            assert not (link.attributes.get("href") or "").startswith(("javascript:", "data:"))


ADDRESS = re.compile(
    r"/(?:|\d{1,5}(?:-\d{1,5}|\.(?:json|txt|md)|/practice)?|services/[^/?#]+|services-.|products-.|topics(?:/[a-z-]+)?|ports|services|products|common|compare(?:\?ports=443,8443)?|ranges/\w+(?:\.json)?"
    r"|glossary(?:/[a-z-]+)?|blocks|stats|changes(?:-[0-9]{4}|\.atom)?"
    r"|map|search|explain|random|about|api|api/\w+|api/ports/\d+/tcp"
    r"|here(?:\.json)?|feedback|search\.json\?q=\w+|api/ports\?ports=[\d,/a-z-]+"
    r"|here/\d+\.json|here/search\.json\?q=\w+|here/\d+/events|here/events|openapi\.json|opensearch\.xml|manifest\.webmanifest|static/[a-z0-9.-]+(?:\?v=abc)?)(?:#\d+|#get)?"
)


def test_links_lead_to_addresses_that_there_are() -> None:
    followed = 0
    for name, text in every_page(SERVED):
        page = _parsed(text)
        for attribute in ("href", "action", "data-here", "data-events", "data-index"):
            for address in page.values(attribute):
                if address.startswith(("#", "https://", "http://")):
                    continue
                followed += 1
                assert ADDRESS.fullmatch(address), (name, address)
                static = re.match(r"/static/([a-z.-]+)\?", address)
                if static:
                    made = (STATIC / static[1]).is_file() or static[1] in drawn.NAMES
                    assert made, (name, address)
        assert max(map(int, re.findall(r'href="/(\d+)"', text)), default=0) <= 65535
    assert followed > 1000


def test_links_of_a_site_below_a_path_stay_below_it() -> None:
    for name, text in every_page(SITES["below"]):
        addresses = _parsed(text).values("href")
        assert addresses, name
        for address in addresses:
            assert address.startswith(("/ports", "#", "https://", "http://")), (name, address)


@given(any_port)
def test_any_port_has_a_well_formed_page(port: int) -> None:
    text = views.port(_answer(port), CATALOG, SERVED)
    page = Page(text)
    title = re.findall("<title>(.*?)</title>", text)[0]
    assert title.startswith(f"Port {port}: ")
    rels = {each.attributes.get("rel"): each.attributes["href"] for each in page.all("link")}
    assert rels.get("prev") == (f"/{port - 1}" if port else None)
    assert rels.get("next") == (f"/{port + 1}" if port < 65535 else None)


def test_a_page_is_light() -> None:
    """A port's page takes 25 kB before compression; all that a reader loads with it, 120 kB."""
    version = "0" * 12  # as long as a served one
    for site in (SITES["public"], SERVED):
        for name, text in every_page(site._replace(static_version=version)):
            if name.isdigit():
                assert len(text.encode()) <= 25_000, name
                made = [text.encode()]
                made += [
                    path.read_bytes() for path in STATIC.iterdir() if path.name in text + STYLE
                ]
                assert sum(map(len, made)) < 120_000, name
            assert len(gzip.compress(text.encode())) < 40_000, name


@pytest.mark.parametrize("local", [True, False])
def test_the_api_is_shown_as_it_is_described(local: bool) -> None:
    site = SERVED if local else SITES["public"]
    text = views.api(site)
    described = openapi.describe(local=local)["paths"]
    shown = re.findall("<h3><code>(.*?)</code></h3>", text)
    assert sorted(shown) == sorted(
        f"{method.upper()} {path}" for path, methods in described.items() for method in methods
    )
    assert ("/here" in "".join(shown)) is local
    assert "<h2>More</h2>" not in text
    hrefs = [each.attributes.get("href", "") for each in Page(text).all("a")]
    for path in (path for path, methods in described.items() if "get" in methods):
        # Each has one to try, but for the stream, which has no end.
        begin = "/" + path.strip("/").partition("/")[0].partition("{")[0].partition(".")[0]
        assert any(str(href).startswith(begin) for href in hrefs), path
    assert "openapi" not in views.api(SITES["export"])


# -- this machine -----------------------------------------------------------------------------


def test_a_rendered_page_of_a_port_holds_nothing_of_this_machine() -> None:
    host = Host((LISTENER,), Visibility.FULL, (), PortRules("linux", 1024, (32768, 60999)))
    found = _answer(5432)
    seen = found._replace(host=host, findings=LISTENER.assessment.findings)
    for site in SITES.values():
        assert views.port(seen, CATALOG, site) == views.port(found, CATALOG, site)


@pytest.mark.parametrize(
    ("kind", "panel", "form"),
    [("local", True, True), ("public", False, True), ("below", False, False)],
)
def test_panel_and_form_are_where_the_site_has_them(kind: str, panel: bool, form: bool) -> None:
    text = views.port(_answer(305), CATALOG, SITES[kind])
    assert ('data-here="/here/305.json"' in text) is panel
    assert ("here.js" in text) is panel
    assert ('method="post"' in text) is form
    if form:
        page = Page(text)
        assert {"port", "text"} <= {each.attributes.get("name") for each in page.all("input")}
        votes = [
            each.attributes["value"]
            for each in page.all("button")
            if each.attributes.get("name") == "vote"
        ]
        assert votes == ["no", "partly", "yes"]


def test_a_masked_command_line_is_not_shown() -> None:
    shown = views.here(_here(LISTENER), SERVED)
    assert "-D /srv" in shown
    owners = (LISTENER.ownership.owners[0]._replace(command=None),)
    masked = views.here(_here(changed(LISTENER, owners=owners)), SERVED)
    assert "-D /srv" not in masked
    assert "/usr/bin/postgres" in masked


def test_the_sites_own_port_is_recognised_as_itself() -> None:
    """Whatever port it is: nobody is asked to check who started it."""
    findings = (
        worded("unregistered-port", Level.NOTE, "No service is registered here"),
        worded("loopback-only", Level.OK, "Only this machine can reach it"),
    )
    for pid, own in ((os.getpid(), True), (os.getpid() + 1, False)):
        owner = Process(pid, "portbook")
        page = views.here(_here(changed(LISTENER, owners=(owner,), findings=findings)), SERVED)
        assert ("this is portbook: it serves the page that you read" in page) is own
        assert ("No service is registered here" in page) is not own
        assert ("No service is registered here" in page) is not own
        assert "Only this machine can reach it" in page


def test_a_socket_takes_a_line_the_gravest_first() -> None:
    """The verdict is that of the short answer, and the rest opens below it."""
    some = [
        changed(LISTENER, findings=(worded(code, level, code), worded("exposed", Level.NOTE, "x")))
        for code, level in (("expected", Level.OK), ("risky-exposed", Level.ALERT))
    ]
    text = views.here(_here(*some), SERVED)
    page = Page(text)
    assert ", as far as could be seen: 1 alert, 1 ok." in page.text
    levels = re.findall('<tr class="k-([a-z]+)"', text)
    assert levels == ["alert", "ok"]
    assert len(page.all("details")) == 2
    assert "postgres belongs here" in page.text


@given(listeners())
def test_any_socket_has_a_row(listener: Listener) -> None:
    findings = (worded("unknown", Level.NOTE, "nothing on record fits"),)
    page = Page(
        views.here(
            _here(changed(listener, findings=findings)),
            SERVED,
        )
    )
    assert "nothing on record fits" in page.text


# -- hostile text -----------------------------------------------------------------------------


def _hostile(text: str) -> PortAnswer:
    """The answer for a port of which the registry and all lore say *text*."""
    row = Assignment(
        text, text, 80, 80, Transport.TCP, True, State.ASSIGNED, (text,), (text,), text, text, text,
        text, text, text, {"registry": "2026-09-12", "registration": "2015-07-30"},
    )  # fmt: skip
    held = Standing(State.ASSIGNED, True, text, (row,), (text,), (80, 80))
    quoted = Standing(State.RESERVED, True, text, (), (text,), (80, 82))
    found = _answer(80)
    return found._replace(
        query=found.query._replace(notes=(text,)),
        standings={**found.standings, Transport.TCP: held, Transport.UDP: quoted},
        before=(Neighbour(79, (text,), text),),
        after=(Neighbour(82, (text,), text),),
        uses=(Use(text, UseKind.DEFAULT, Transport.TCP, 80, 80, text, text, text),),
        systems=(SystemRule(text, text, 32768, 60999, text, text, text),),
        sources=(Source(text, text, text, text), Source("iana", text, text, None)),
    )


def test_registry_text_changes_no_element_of_a_page() -> None:
    benign = Page(views.port(_hostile("harmless"), CATALOG, SERVED)).shape
    for text in EVIL:
        made = views.port(_hostile(text), CATALOG, SERVED)
        page = Page(made)
        links = [shape for shape in page.shape if shape != ("a", ("href",))]
        assert links == [shape for shape in benign if shape != ("a", ("href",))], text
        addresses = page.values("href")
        assert addresses, text
        for address in addresses:
            assert not address.lower().startswith(("javascript:", "data:"))
        assert "\u202e" not in made
        assert "\x1b" not in made


def test_a_registered_name_of_a_product_has_the_address_of_the_name() -> None:
    made = views.service(_service("pulsar"), Site(AS_OF, address="https://ports.example"))
    assert "<h1>Apache Pulsar: " in made
    assert 'rel="canonical" href="https://ports.example/services/pulsar"' in made
    nomad = views.service(_service("nomad"), Site(AS_OF, address="https://ports.example"))
    assert 'rel="canonical" href="https://ports.example/services/nomad"' in nomad


@given(nasty)
def test_any_text_leaves_a_page_well_formed(text: str) -> None:
    made = views.port(_hostile(text or "x"), CATALOG, SERVED)
    assert Page(made).all("h1")
    made.encode()  # whatever it holds, it can be sent


@for_each("text", EVIL)
def test_other_pages_are_as_inert(text: str) -> None:
    row = Assignment(
        text, text, 80, 80, Transport.TCP, True, State.ASSIGNED, (text,), (text,), text
    )
    service = ServiceAnswer(Query(QueryKind.NAME, text, notes=(text,)), text, (row,), (), ())
    listener = changed(
        LISTENER,
        user=text,
        interface=text,
        namespace=text,
        owners=(Process(7, text, (text,), text, unit=text, container=text),),
        findings=(worded("unknown", Level.ALERT, text),),
    )
    search = answer_search(Query(QueryKind.TEXT, text), CATALOG)
    for made, benign in (
        (views.service(service, SERVED), None),
        (views.search(search, text, SERVED), None),
        (views.error(400, text, text, SERVED), None),
        (views.here(_here(listener), SERVED), None),
    ):
        assert benign is None
        page = Page(made)
        assert not [each for each in _run(page) if "src" not in each.attributes]
        assert not page.all("img")
        assert not page.all("svg") or "onload" not in page.all("svg")[0].attributes
        for element in page.elements:
            assert not [key for key in element.attributes if key.startswith("on")]


# What people type, and the ports on which it is found in practice, with a word of the source.
REMEMBERED = (
    ("grafana", {3000}, "github.com"),
    ("airplay", {5000, 7000}, "github.com"),
    ("jupyter", {8888}, "debian.org"),
    ("modbus", {502, 1502}, "debian.org"),
)


@pytest.mark.parametrize(("text", "ports", "source"), REMEMBERED)
def test_a_search_shows_products_with_their_ports_and_source(
    text: str, ports: set[int], source: str
) -> None:
    found = answer_search(Query(QueryKind.TEXT, text), CATALOG)
    page = Page(views.search(found, text, SERVED))
    links = page.values("href")
    assert {f"/{port}" for port in ports} <= set(links)
    assert {use.source for use in found.uses} <= set(links)
    assert source in page.text
    assert f"for “{text}”" in page.text
    assert not re.search(r"(?<![0-9])0 matches for", page.text)


# A document that has every element and does nothing: what is asked here is the search alone.
_STAND_IN = """
const nothing = () => new Proxy(function () {}, {
  get: (_, key) => key === Symbol.toPrimitive ? () => ""
    : key === Symbol.iterator ? [][key].bind([]) : nothing(),
  set: () => true, apply: () => nothing(), construct: () => nothing() });
global.self = global;
global.location = { search: "", href: "" };
Object.defineProperty(global, "navigator", { value: { userAgent: "" }, configurable: true });
global.document = {
  documentElement: { dataset: { root: "/", suffix: "", index: "" } }, body: nothing(),
  head: { append: (script) => script.onload() }, createElement: () => ({}),
  getElementById: () => nothing(), querySelector: () => null, querySelectorAll: () => [],
  addEventListener: () => {} };
document.createElement = (tag) => tag === "script" ? {} : nothing();
const { readFileSync } = require("node:fs");
const { runInThisContext } = require("node:vm");
for (const path of process.argv.slice(1, 3)) runInThisContext(readFileSync(path, "utf8"));
portbook.index().then((book) => console.log(JSON.stringify(
  process.argv.slice(3).map((text) => portbook.find(book, text, 9)))));
"""


@pytest.mark.real
def test_search_as_you_type_finds_products_with_their_source(tmp_path: Path) -> None:
    node = need_program("node")
    index = tmp_path / "search-index.js"
    index.write_bytes(drawn.draw("search-index.js", CATALOG))
    words = [text for text, _, _ in REMEMBERED]
    said = subprocess.run(
        [node, "-e", _STAND_IN, "--", str(index), str(STATIC / "site.js"), *words],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for (text, ports, source), hits in zip(REMEMBERED, json.loads(said.stdout), strict=True):
        products = [hit for hit in hits if hit["source"]]
        shown = {port for hit in products for port in re.findall(r"\d+", hit["head"])}
        assert {str(port) for port in ports} <= shown, text
        assert any(source in hit["source"] for hit in products)


# -- links ------------------------------------------------------------------------------------


def test_the_page_about_the_book_names_every_source_of_a_port() -> None:
    made = Page(views.about(CATALOG, SERVED))
    for port in (22, 80, 305, 6667):
        sources = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG).sources
        assert sources, port
        for source in sources:
            assert curly(source_name(source)) in made.text


def test_what_can_be_asked_is_in_the_navigation_of_every_served_page() -> None:
    for site in (SERVED, Site(AS_OF, public=True)):
        links = Page(views.service(_service("ssh"), site)).values("href")
        assert {"/explain", "/map", "/ports", "/services", "/products", "/topics"} <= set(links)
        assert {"/blocks", "/stats", "/glossary", "/changes", "/common", "/compare"} <= set(links)
        assert ("/here" in links) is site.local
    export = Page(views.service(_service("ssh"), Site(AS_OF, base="../", export=True))).values(
        "href"
    )
    assert not [link for link in export if "explain" in link]


def test_a_service_tells_its_history_and_how_far_that_reaches() -> None:
    made = Page(views.service(_service("xrpl"), SERVED))
    assert "history" in [section.attributes["id"] for section in made.all("section")]
    assert "community → xrpl" in made.text
    assert "short-lived changes aren" in made.text
    assert "Unchanged from July 2015" in views.service(_service("ssh"), SERVED)


@given(nasty)
def test_file_names_of_services_are_safe_and_told_apart(name: str) -> None:
    made = file_name(name)
    assert re.fullmatch(r"[a-z0-9_.+~-]*", made)
    assert "/" not in made
    assert made == file_name(name.lower())
    if name.isascii():
        assert made == file_name(name.upper())


def test_every_service_has_a_file_of_its_own() -> None:
    names = {row.service_name.lower() for row in CATALOG.registry.store.all() if row.service_name}
    assert len({file_name(name) for name in names}) == len(names)
    links = Links(Site(AS_OF, base="../", export=True))
    for name in names:
        address = links.service(name)
        assert unquote(address) == f"../services/{file_name(name)}.html"


# -- the palette ------------------------------------------------------------------------------


def test_the_style_sheet_has_the_colours_of_the_palette() -> None:
    css = (STATIC / "site.css").read_text()
    for kind in (STATES, LEVELS):
        for word, colour in kind.items():
            assert f"--{word}: {colour.hex};" in css


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_what_is_drawn_stands_out_from_what_it_is_drawn_on() -> None:
    """3:1 in both themes for what carries a meaning (WCAG 2.2, 1.4.11)."""
    css = (STATIC / "site.css").read_text()
    light, dark = css.split("prefers-color-scheme: dark", 1)[0], css.split('[data-theme="dark"]')[1]
    measured = 0
    for theme in (light, dark):
        named = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", theme))
        for drawn_as in ("assigned", "reserved", "edge", "hatch", "ok", "note", "check", "alert"):
            for ground in ("paper", "card", "wash"):
                a, b = sorted([_luminance(named[drawn_as]), _luminance(named[ground])])
                assert (b + 0.05) / (a + 0.05) >= 3, (drawn_as, ground)
                measured += 1
    assert measured == 48


def test_every_class_of_a_template_has_a_rule_or_a_use() -> None:
    css = "".join((STATIC / name).read_text() for name in ("site.css", "more.css"))
    code = "".join(path.read_text() for path in STATIC.glob("*.js"))
    used: set[str] = set()
    for _, text in every_page(SERVED):
        used.update(word for value in Page(text).values("class") for word in value.split())
    assert len(used) > 30
    for name in used - {f"s-{state}" for state in State}:
        assert f".{name}" in css or f".{name}" in code, name


def test_what_looks_like_a_gap_stays_what_it_is() -> None:
    odd = Neighbour(12000, ("⟦port⟧", "⟦nothing⟧"), "⟦strip⟧")
    made = Page(views.port(_answer(12346)._replace(before=(odd,)), CATALOG, SERVED))
    for gap_like in (*odd.service_names, odd.description):
        assert str(gap_like) in made.text


@pytest.mark.real
def test_the_scripts_are_javascript() -> None:
    node = need_program("node")
    for path in STATIC.glob("*.js"):
        subprocess.run([node, "--check", path], check=True)


@for_each("number", [0, 22, 305, 443, 3000, 8080, 31337, 50000])
def test_the_description_of_a_port_is_its_short_answer(number: int) -> None:
    query = Query(QueryKind.PORT, str(number), number, number)
    found = answer_port(query, CATALOG, whole=True)
    brief = compose_brief(found, Viewer())
    body = unescape(views.port(found, CATALOG, SITES["public"]))
    (described,) = re.findall(r'<meta name="description" [^>]*content="(.*?)">', body)
    assert described.startswith(f"{brief.headline}.")
    for label, said in brief.rows:
        assert f"{label}: {said}.".replace(": as reg", ", as reg") in described


@pytest.mark.parametrize(("text", "port"), [("mirai", 2323), ("back orifice", 31337)])
def test_a_search_shows_the_reports_of_what_is_called_so(text: str, port: int) -> None:
    found = answer_search(Query(QueryKind.TEXT, text), CATALOG)
    page = views.search(found, text, SERVED)
    assert "<span>Reported abuse: " in page
    assert f'href="/{port}"' in page
    for denial in ("Nothing matches", "No service is named"):
        assert denial not in page


@for_each("number", [0, 22, 305, 443, 3000, 8080, 27374, 31337, 50000])
def test_the_head_of_a_page_is_the_short_answer(number: int) -> None:
    """The line beside the number, the card and the title say what the brief says, and no more."""
    brief = compose_brief(_answer(number), Viewer())
    text = views.port(_answer(number), CATALOG, SITES["public"])
    card = text.partition('<div class="card">')[2].partition('<div class="body">')[0]
    cells = re.findall('<section class="cell".*?</section>', card, re.DOTALL)
    registry, practice, check = [
        " ".join(Page(cell).text.translate(str.maketrans("“”’", '""\'')).split()) for cell in cells
    ]
    assert brief.registry.casefold() in registry.casefold()
    for line in (brief.practice, brief.security, brief.abuse):
        assert (line or "").casefold() in practice.casefold()
    assert check.startswith("How to check")
    (answer_line,) = re.findall('<p class="answer">(.*?)</p>', text)
    assert brief.headline.casefold().endswith(Page(answer_line).text.casefold())
    title = re.findall("<title>(.*?)</title>", text)[0]
    assert len(unescape(title)) <= 60
    assert title.startswith(f"Port {number}: ")


def test_titles_stay_below_60_characters() -> None:
    for port in range(0, 65536, 97):
        brief = compose_brief(_answer(port), Viewer())
        assert len(f"{title_of(port, brief)} · portbook") <= 60, port


# Ports whose number is part of others, of RFCs and of years, or is the specimen's own.
_NUMBERS = (
    *(0, 7, 80, 305, 999, 1000, 1023, 1024, 2015, 2016, 2025, 2026, 3005, 4915, 4916, 6335),
    *(6553, 6554, 7605, 8190, 9080, 9081, 9082, 9083, 9181, 16335, 19081, 26335, 49151, 49152),
    *(57605, 59081, 60817, 60818, 61435, 61438, 65534, 65535),
)


@for_each("port", [*_NUMBERS, *range(3, 65536, 1499)])
def test_a_page_says_the_same_whether_it_is_printed_by_itself_or_not(port: int) -> None:
    query = Query(QueryKind.PORT, str(port), port, port)
    document = compose(answer_port(query, CATALOG, whole=True))
    of, to = Numbered(port, document), Links(Site(AS_OF))
    assert document.lead
    assert html.lead(document.lead, (), to, of) == html.lead(document.lead, (), to)
    assert html.sections(document.sections, to, of) == html.sections(document.sections, to)
    crumbs = [("Ports", "/"), (str(port), f"/{port}")]
    assert linked_data(crumbs, document, of) == linked_data(crumbs, document)
    for style in (Style(80), Style(53, colour=True)):
        assert render_page(document, style, of) == render_page(document, style)


def test_the_address_of_a_site_may_have_the_digits_that_stand_for_a_number() -> None:
    port = 12345
    query = Query(QueryKind.PORT, str(port), port, port)
    page = views.port(answer_port(query, CATALOG, whole=True), CATALOG, Site(AS_OF, base="/90817"))
    assert '"/90817/' in page
    assert f'"/{port}/' not in page


def test_what_a_comparison_lacks_is_said() -> None:
    page = " ".join(views.compare([_answer(port) for port in (23, 8080)], SERVED).split())
    assert "<td>not recorded</td>" in page
    assert "<td>none known</td>" in page
    assert "<td></td>" not in page.partition("<tbody>")[2]
    quiet = views.compare([_answer(port) for port in (305, 306)], SERVED)
    assert "Reported abuse" not in quiet
