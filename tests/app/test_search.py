"""What a text finds: the ports that people mean by it first."""

from __future__ import annotations

import pytest

from portbook.app.search import search_text
from tests.cases import for_each
from tests.values import CATALOG


@for_each(
    "text, port",
    [
        ("dns", 53),
        ("smtp submission", 587),
        ("remote desktop", 3389),
        ("rdp", 3389),
        ("mail", 25),
        ("docker api", 2375),
        ("encrypted tunnels machines", 1194),
        ("TELNET", 23),
        ("dokcer", 2375),
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


@for_each(
    "text, store, name",
    [
        ("kubernets", "matches", None),
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


def test_a_service_is_found_once() -> None:
    for text in ("docker api", "dns", "encrypted tunnels machines"):
        names = [each.service_name for each in search_text(text, CATALOG).matches]
        assert len(names) == len(set(names))


def test_the_site_leads_to_the_service_with_the_port_as_the_terminal_does() -> None:
    from portbook.app.list_lookup import ServiceAnswer
    from portbook.app.lookup import answer, answer_name
    from portbook.formats.errors.query import parse_query

    for name, port in (("rdp", 3389), ("smb", 445), ("mail", 25)):
        page, told = answer_name(name, CATALOG), answer(parse_query(name), CATALOG)
        assert page is not None
        assert isinstance(told, ServiceAnswer)
        assert {row.first for row in page.assignments} == {port}
        assert (page.name, page.assignments) == (told.name, told.assignments)
