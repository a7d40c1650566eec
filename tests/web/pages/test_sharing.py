"""What pages, pictures and icons say to those who share them, find them or keep them as an app."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from portbook.app.list_lookup import ServiceAnswer
from portbook.app.lookup import answer
from portbook.app.port_lookup import answer_port
from portbook.catalog.registry.summary import STATES, shelf
from portbook.formats.errors.query import Query, QueryKind
from portbook.present.charts.card import render_card, render_icon
from portbook.present.document import Records
from portbook.present.port.on_record import in_practice
from portbook.present.port.page import compose
from portbook.present.render.html_text import typeset
from portbook.web.assets import drawn
from portbook.web.pages import views
from portbook.web.site_config import Site
from tests.cases import for_each
from tests.present.charts.test_map import read_png
from tests.values import CATALOG
from tests.web.pages.test_views import LINKED_DATA, SITES, every_page
from tests.web.parsed_page import Page


def answer_of(port: int) -> Any:
    return answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)


def data_of(text: str) -> dict[str, Any]:
    """What a page says in linked data, each thing by its type."""
    (element,) = re.findall(rf'<script type="{re.escape(LINKED_DATA)}">(.*?)</script>', text)
    assert "<" not in element
    value = json.loads(element)
    assert value["@context"] == "https://schema.org"
    return {each["@type"]: each for each in value["@graph"]}


SHARED = Site("2026-09-12", public=True, address="https://ports.example")


def test_a_shared_page_names_its_address_its_picture_and_its_questions() -> None:
    export = Site("2026-09-12", export=True, address="https://ports.example")
    for site, suffix, picture in (
        (SHARED, "", "305.png"),
        (export, ".html", "static/card-unassigned.png"),
    ):
        text = views.port(answer_of(305), CATALOG, site)
        page = Page(text)
        links = {each.attributes.get("rel"): each.attributes["href"] for each in page.all("link")}
        here = f"https://ports.example/305{suffix}"
        assert links["canonical"] == here
        said = {each.attributes.get("property"): each.attributes for each in page.all("meta")}
        assert said["og:url"]["content"] == here
        assert said["og:image"]["content"] == f"https://ports.example/{picture}"
        assert said["og:description"]["name"] == "description"
        assert (said["og:title"]["content"] or "").startswith("Port 305: unassigned")
        data = data_of(text)
        steps = data["BreadcrumbList"]["itemListElement"]
        assert [step["name"] for step in steps] == ["Ports", "System Ports", "305"]
        assert steps[1]["item"] == f"https://ports.example/ranges/system{suffix}"
        questions = data["FAQPage"]["mainEntity"]
        assert questions
        assert all(typeset(each["name"]) in text for each in questions)
        assert all(each["acceptedAnswer"]["text"] for each in questions)


@pytest.mark.parametrize("address", ["", "https://ports.example"])
@pytest.mark.parametrize("kind", SITES)
def test_every_page_that_may_be_found_says_what_it_is(kind: str, address: str) -> None:
    """All but answers to one reader have a description and their place, and an address if known."""
    private = ("here", "nothing here", "thanks", "error", "error like")
    pages = [*every_page(SITES[kind]._replace(address=address))]
    assert pages
    for name, text in pages:
        mine = name in private or name.startswith("search") or name == "compare"
        # A canonical address is a whole one: a site that doesn't know its own names none.
        assert ('rel="canonical"' in text) is (bool(address) and not mine), name
        if not mine:
            assert 'property="og:description"' in text, name
            assert 'property="og:title"' in text, name
            assert "BreadcrumbList" in data_of(text), name


@pytest.mark.parametrize("text", ["</script><b>", "a\u202eb", '"quoted"', "<!--<script>"])
def test_nothing_ends_linked_data(text: str) -> None:
    found = answer_of(80)
    named = found._replace(before=(found.before[0]._replace(description=text),))
    made = views.port(named, CATALOG, SHARED)
    assert "FAQPage" in data_of(made)
    assert "\u202e" not in made


# -- pictures and icons -----------------------------------------------------------------------


def test_a_shared_picture_has_the_number_and_the_64_ports_around_it() -> None:
    stand = shelf(CATALOG.registry)
    drawings = {port: render_card(stand, port) for port in (0, 305, 8443, 65535)}
    assert len(set(drawings.values())) == len(drawings)
    for port, data in drawings.items():
        width, height, palette, pixels = read_png(data)
        assert (width, height) == (1200, 630)
        assert len(data) < 20_000
        ink = palette.index("#1d1b17")
        row = pixels[200 * width : 201 * width]  # through the digits
        assert row.count(ink) > 10 * len(str(port))
    assert render_card(stand) != render_card(stand, state=STATES[0])


@for_each("name", [name for name in drawn.NAMES if name.endswith(".png")])
def test_every_picture_can_be_read(name: str) -> None:
    width, height, *_ = read_png(drawn.draw(name, CATALOG))
    size = re.search(r"(?<=-)[0-9]+(?=\.)", name)
    if size:
        assert (width, height) == (int(size[0]), int(size[0]))


def test_a_maskable_icon_keeps_to_its_middle() -> None:
    width, _, palette, pixels = read_png(render_icon(512, 0.6))
    paper = palette.index("#faf8f3")
    edge = 51  # a tenth of it, on each side
    assert set(pixels[: edge * width]) == set(pixels[-edge * width :]) == {paper}
    assert any(pixels[256 * width : 257 * width])


@pytest.mark.parametrize("kind", SITES)
def test_a_title_has_60_characters_and_whole_brackets(kind: str) -> None:
    title_in = re.compile("<title>(.*?)</title>")
    titles = {name: unescape(title_in.findall(text)[0]) for name, text in every_page(SITES[kind])}
    assert titles
    for name, title in titles.items():
        assert len(title) <= 60 or name.startswith("search "), name  # a search has its reader's
        assert title.count("(") == title.count(")"), name
        assert ": : " not in title, name
    assert len({*titles.values()}) > len(titles) * 0.9


@pytest.mark.parametrize(
    ("name", "heading", "said"),
    [
        ("ssh", "ssh is port 22", "SSH, encrypted remote login"),
        ("x11", "x11 has ports 6000–6063", "X11, remote windows"),
        ("wap-wsp", "wap-wsp is port 9200", "In practice: Elasticsearch"),
        ("http-alt", "http-alt has ports 591, 8008 and 8080", "HTTP alternate"),
        ("esiur", "esiur has no port", "Clients learn its port from DNS"),
    ],
)
def test_the_page_of_a_service_is_headed_by_its_port(name: str, heading: str, said: str) -> None:
    found = answer(Query(QueryKind.NAME, name), CATALOG)
    assert isinstance(found, ServiceAnswer)
    page = views.service(found, SHARED)
    assert f"<h1>{heading}</h1>" in page
    assert f'<p class="answer">{said}' in page
    assert f"<title>{heading}" in page


def test_a_topic_does_not_say_its_title_twice() -> None:
    topics = views.browse("topics", CATALOG, SHARED)
    entries = re.findall(r"<li><a href=.*?><b>(.*?)</b></a> (.*?)</li>", topics)
    assert len(entries) > 20
    for title, said in entries:
        assert not said.startswith(title), title


def test_a_page_counts_no_use_in_two_ways() -> None:
    """Its headline counts products, and some of those have two rows in a table."""
    for port in (443, 3000, 8080):
        page = views.port(answer_of(port), CATALOG, SHARED)
        assert "All of them, by kind</a>" in page
        counted = re.findall(r"(?:practice by |<p>)([^<]*?) and ([0-9,]+) others\b", page)
        assert len(counted) >= 2, port  # the lead and a question
        counts = {int(number) + len(names.split(", ")) for names, number in counted}
        assert len(counts) == 1, port


@pytest.mark.parametrize("port", [22, 443, 3306, 8080])
def test_the_table_of_uses_has_the_order_of_the_headline(port: int) -> None:
    found = answer_of(port)
    section = next(each for each in compose(found).sections if each.id == "practice")
    uses = next(each for each in section.items if isinstance(each, Records))
    # One row may name several products; it stands where the first of them does.
    firsts = [record.subject.partition(", ")[0] for record in uses.records]
    shown = [*dict.fromkeys(firsts)]
    assert shown == [name for name in in_practice(found).products if name in shown]
