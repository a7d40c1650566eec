"""What a text finds: the ports that people mean by it first."""

from __future__ import annotations

import pytest

from portbook.app.search import search_text
from tests.values import CATALOG


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("dns", 53),
        ("smtp submission", 587),
        ("remote desktop", 3389),
        ("rdp", 3389),
        ("mail", 25),
        ("docker api", 2375),
        ("encrypted tunnels machines", 1194),
        ("TELNET", 23),
    ],
)
def test_the_port_that_people_mean_comes_first(text: str, port: int) -> None:
    first = search_text(text, CATALOG).matches[0]
    assert first.ports[0][0] == port, first


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("mirai", 23),
        ("back orifice", 31337),
        ("back orifce", 31337),
        ("worm", 445),
        ("NETBUS", 12345),
    ],
)
def test_reported_abuse_is_found_by_its_name_its_sort_and_a_typo(text: str, port: int) -> None:
    found = search_text(text, CATALOG)
    assert port in {each.first for each in found.abuse}
    assert found.similar is (text == "back orifce")


@pytest.mark.parametrize(
    ("text", "store", "name"),
    [
        ("kubernets", "uses", "Kubernetes API server"),
        ("home assistent", "uses", "Home Assistant"),
        ("prometeus", "uses", "Prometheus"),
        ("uptime kuma", "uses", "Uptime Kuma"),
        ("redis", "matches", "redis"),
        ("dns", "matches", "domain"),
        ("netbus", "abuse", "NetBus"),
        ("back orifce", "abuse", "Back Orifice"),
        ("tellnet", "matches", "telnet"),
    ],
)
def test_the_best_comes_first_of_whatever_store(text: str, store: str, name: str) -> None:
    found = search_text(text, CATALOG)
    assert found.order[0] == store
    names = {
        "matches": [match.service_name for match in found.matches[:1]],
        "uses": [use.product for use in found.uses[:1]],
        "abuse": [report.subject for report in found.abuse[:1]],
    }
    assert names[store] == [name]


def test_terminal_site_and_json_show_the_stores_in_one_order() -> None:
    from portbook.present.render import port_json
    from portbook.present.render.text import Style
    from portbook.present.views import lists
    from portbook.web.pages.lists import of_search

    titles = {"uses": "In practice", "abuse": "Reported abuse", "matches": "In the registry"}
    several = 0
    for text in ("kubernets", "worm", "netbus", "mirai", "redis", "plex", "ntp", "trojan"):
        found = search_text(text, CATALOG)
        shown = [store for store in found.order if getattr(found, store)]
        lines = lists.render_search(found, Style()).splitlines()
        told = [store for line in lines for store in titles if line == titles[store]]
        # The registry's matches have no heading where they come first.
        assert told == (shown[1:] if shown[0] == "matches" else shown)
        assert tuple(port_json.of(found)["order"]) == of_search(found, text)["order"] == found.order
        several += len(shown) > 1
    assert several


def test_a_service_is_found_once() -> None:
    for text in ("docker api", "dns", "encrypted tunnels machines"):
        names = [each.service_name for each in search_text(text, CATALOG).matches]
        assert len(names) == len(set(names))


def test_the_site_leads_to_the_service_with_the_port_as_the_terminal_does() -> None:
    from portbook.app.list_lookup import ServiceAnswer
    from portbook.app.lookup import answer
    from portbook.formats.errors.query import parse_query
    from portbook.web.reference import _named

    for name, port in (("rdp", 3389), ("smb", 445), ("mail", 25)):
        page, told = _named(CATALOG, name), answer(parse_query(name), CATALOG)
        assert page is not None
        assert isinstance(told, ServiceAnswer)
        assert {row.first for row in page.assignments} == {port}
        assert (page.name, page.assignments) == (told.name, told.assignments)
