"""Lists and ranges: what their addresses lead to, and what is proposed where nothing is."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from portbook.app.port_lookup import answer_port
from portbook.formats.errors.query import Query, QueryKind
from portbook.present.brief import compose_brief
from portbook.present.owners import Viewer
from portbook.present.port.on_record import in_practice
from portbook.present.words import FAMILIES
from portbook.web.app import create_app
from portbook.web.pages import views
from portbook.web.pages.lists import MOST_CHANGES, MOST_NEWEST
from portbook.web.pages.tasks import FIRST_PORTS, MOST_COMMON, SHEET, sheet
from portbook.web.site_config import Site
from portbook.web.state import Settings
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def site() -> Iterator[TestClient]:
    from starlette.testclient import TestClient

    app = create_app(CATALOG, Settings(public=True, address="https://ports.example"))
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        client.headers["accept"] = "text/html"
        yield client


def test_a_range_has_a_page_in_each_form(site: TestClient) -> None:
    page = site.get("/300-310")
    assert page.status_code == 200
    assert "<h1>Ports 300–310</h1>" in page.text
    assert 'href="https://ports.example/300-310"' in page.text
    json = site.get("/300-310", headers={"accept": "application/json"}).json()
    assert (json["schema"], json["first"], json["last"]) == ("portbook/range/1", 300, 310)
    text = site.get("/300-310", headers={"accept": "text/plain"}).text
    assert text.startswith("Ports 300–310 · 11 in all")


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("/0300-310", "/300-310"),
        ("/305-305", "/305"),
        ("/search?q=300-310", "/300-310"),
        ("/search?q=305", "/305"),
    ],
)
def test_a_range_has_one_address(site: TestClient, address: str, leads_to: str) -> None:
    assert site.get(address).headers["location"] == leads_to


@pytest.mark.parametrize("address", ["/310-300", "/65000-65536", "/0-99999999999999999999"])
def test_what_is_no_range_is_not_found(site: TestClient, address: str) -> None:
    assert site.get(address).status_code == 404


@pytest.mark.parametrize("address", ["/services/postgress", "/postgrse"])
def test_a_page_that_isnt_there_proposes_what_was_meant(site: TestClient, address: str) -> None:
    page = site.get(address)
    assert page.status_code == 404
    assert "Did you mean" in page.text
    assert '<a href="/5432">PostgreSQL (5432)</a>' in page.text
    text = site.get(address, headers={"accept": "text/plain"})
    assert "Did you mean /" in text.text


@pytest.mark.parametrize("address", ["/nosuchthingatall", "/..%2fetc", "/%3Cb%3E", "/wp-login.php"])
def test_where_nothing_is_like_it_nothing_is_proposed(site: TestClient, address: str) -> None:
    page = site.get(address)
    assert page.status_code == 404
    assert "Did you mean" not in page.text


def test_a_ports_picture_and_the_icons_are_there(site: TestClient) -> None:
    for address in ("/305.png", "/apple-touch-icon.png", "/static/icon-512.png"):
        answer = site.get(address)
        assert answer.headers["content-type"] == "image/png"
        assert answer.content.startswith(b"\x89PNG")
    assert site.get("/0305.png").headers["location"] == "/305.png"
    assert site.get("/65536.png").status_code == 404
    icons = site.get("/manifest.webmanifest").json()["icons"]
    assert {icon.get("purpose") for icon in icons} == {None, "maskable"}
    assert all(site.get(icon["src"]).status_code == 200 for icon in icons)


def test_the_example_of_explain_is_understood(site: TestClient) -> None:
    form = site.get("/explain").text
    (example,) = re.findall(r'<button name="text" value="([^"]*)">Try an example', form)
    made = site.post(
        "/explain", data={"text": unescape(example)}, headers={"origin": "http://127.0.0.1"}
    )
    assert "<h2>4 sockets, read as ss" in made.text
    assert "not understood" not in made.text


def test_changes_lead_to_new_names_and_quote_with_the_quotes_of_a_book(site: TestClient) -> None:
    page = site.get("/changes").text
    assert 'new service name <a href="/services/esiur">esiur</a>' in page
    assert "(“QF-Test License Server / QF-Test MCP Server”)" in page
    assert '("' not in page.partition("<main")[2]


def test_a_topic_answers_without_its_title(site: TestClient) -> None:
    page = site.get("/topics/in-use").text
    assert '<p class="character">Another socket has that address and port.</p>' in page
    assert '<p class="character">TIME_WAIT is normal' in site.get("/topics/time-wait").text


def test_a_name_that_is_unknown_leads_to_the_search(site: TestClient) -> None:
    page = site.get("/services/postgress").text
    assert "Did you mean <a" in page
    assert '<a href="/search?q=postgress">Search for “postgress”</a>' in page
    assert '<a href="/search?q=zqzqzqzq">Search for “zqzqzqzq”</a>' in site.get("/zqzqzqzq").text


def test_the_menu_leads_to_this_machine_at_any_width() -> None:
    from starlette.testclient import TestClient

    with TestClient(create_app(CATALOG, Settings()), base_url="http://127.0.0.1") as local:
        page = local.get("/305", headers={"accept": "text/html"}).text
    menu = page.partition('<nav aria-label="Site">')[2].partition("</nav>")[0]
    assert '<a href="/here">This machine</a>' in menu
    # What a narrow screen has no room for in the menu stands at the page's foot.
    assert re.findall(r'<a class="wide" href="(.*?)"', menu) == ["/products"]
    assert '<a href="/products">Products</a>' in page.partition('<footer class="foot">')[2]


def test_changes_come_in_pages_that_together_have_all(site: TestClient) -> None:
    """The newest hundred first, a page for each year, the newest linked from the first."""
    first = site.get("/changes").text
    years = re.findall(r'href="/changes-([0-9]{4})"', first)
    assert years == sorted(years, reverse=True)
    assert len(years) > 5
    assert first.count("<tr class=") == MOST_CHANGES
    assert len(first) < 40_000
    rows = [row for year in years for row in _changed(site.get(f"/changes-{year}").text)]
    assert len(rows) == len(CATALOG.history.all())
    assert _changed(first) == rows[:MOST_CHANGES]
    assert site.get("/changes-1999").status_code == 404
    known = site.get("/sitemap-1.xml").text + site.get("/sitemap-2.xml").text
    assert all(f"https://ports.example/changes-{year}</loc>" in known for year in years)


def _changed(page: str) -> list[str]:
    return re.findall(r"<tr class=.*</tr>", page)


def test_a_copy_of_some_ports_has_their_changes_alone() -> None:
    page = views.changes(CATALOG, Site("2026-09-12", export=True, only=((300, 310),)))
    ports = {int(port) for port in re.findall(r'<th scope="row"><a href="([0-9]+)', page)}
    assert ports
    assert ports <= set(range(300, 311))
    assert "changes-20" not in page


def test_the_front_page_leads_with_ports_by_task(site: TestClient) -> None:
    front = site.get("/").text
    for port, name in ((22, "SSH"), (3306, "MySQL"), (5672, "AMQP"), (31337, "Back Orifice")):
        assert f'<a href="/{port}">{port}</a> <b>{name}</b>' in front
    assert front.index("Remote access") < front.index("Map of all ports")
    assert front.count("<li><a href=") > 40
    assert len(re.findall(r"<time>", front)) == MOST_NEWEST


@pytest.mark.parametrize(
    ("port", "earlier", "later"), [(305, "300 tacacss", "308 novastorbakcup"), (443, "", "")]
)
def test_a_page_leads_over_its_gap(site: TestClient, port: int, earlier: str, later: str) -> None:
    page = site.get(f"/{port}").text
    assert (f"⇤ {earlier}</a>" in page, f">{later} ⇥</a>" in page) == (bool(earlier), bool(later))
    assert page.count("data-turn=") == (2 if earlier else 0)


def test_a_letter_is_marked_as_the_one_shown(site: TestClient) -> None:
    assert '<a href="/services-s" aria-current="page">S</a>' in site.get("/services-s").text


def test_the_sheet_names_the_service_of_a_port_and_its_task(site: TestClient) -> None:
    sheet = site.get("/common").text
    mail = sheet.partition("<h2>Mail, chat and voice</h2>")[2].partition("</section>")[0]
    assert all(f">{port}</a>" in mail for port in (25, 110, 143, 587, 993))
    assert sheet.count('<tr><th scope="row">') == MOST_COMMON


# What a network of Windows, of Unix or of a telephone company has by itself, and no weight of a
# product tells: DHCP, Kerberos, Windows RPC, BGP, SOCKS, DHCPv6, mDNS, Modbus.
OF_SYSTEMS = (67, 68, 88, 102, 123, 135, 179, 464, 502, 546, 547, 631, 1080, 1723, 5222, 5353, 5355)


def test_the_sheet_has_each_port_once_and_what_systems_have_by_themselves() -> None:
    ports = [port for some in SHEET.values() for port in some]
    assert len(ports) == len(set(ports)) == MOST_COMMON == 200
    assert {*OF_SYSTEMS, *(port for _, some in FIRST_PORTS[:-1] for port in some)} <= {*ports}
    assert [*SHEET] == [task for task in FAMILIES if task in SHEET]
    assert all([*some] == sorted(some) for some in SHEET.values())


def test_the_sheet_calls_a_port_what_its_own_page_does() -> None:
    common = [one for _, some in sheet(CATALOG) for one in some]
    assert len(common) == MOST_COMMON
    for one in common:
        assert one.name
        answer = answer_port(Query(QueryKind.PORT, str(one.port), one.port, one.port), CATALOG)
        headline = compose_brief(answer, Viewer()).headline.casefold()
        first = one.name.partition(", ")[0].partition(" and ")[0]
        led = headline.startswith(
            tuple(f"{one.port} · {said.casefold()}" for said in (first, one.said))
        )
        assert led or first in in_practice(answer).registered, one
