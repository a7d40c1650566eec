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


@pytest.mark.parametrize(("text", "port"), [("mirai", 23), ("back orifice", 31337)])
def test_reported_abuse_is_found_by_name(text: str, port: int) -> None:
    assert port in {each.first for each in search_text(text, CATALOG).abuse}


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
