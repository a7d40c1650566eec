"""A product without a service of its own is answered with its ports, as a service is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portbook.app.list_lookup import ServiceAnswer
from portbook.app.listen import ScanOptions
from portbook.app.lookup import answer
from portbook.app.search import SearchAnswer
from portbook.formats.errors.query import parse_query
from portbook.present.list_briefs import brief_of
from portbook.present.render import port_json
from portbook.present.render.document_text import render_page
from portbook.present.render.text import Style
from portbook.present.views.service import compose_service
from tests.cases import for_each
from tests.machine import SERVER, TO, Machine, bound
from tests.values import CATALOG

if TYPE_CHECKING:
    from portbook.model import Listener


def _of(text: str, *sockets: Listener) -> ServiceAnswer:
    host = Machine(sockets)
    found = answer(parse_query(text), CATALOG, ScanOptions(notes=False), host=host)
    assert isinstance(found, ServiceAnswer), found
    return found


@for_each(
    "text, name, first",
    [
        ("flask", "Flask", 5000),
        ("Vite", "Vite", 5173),
        ("next.js", "Next.js", 3000),
        ("nextjs", "Next.js", 3000),
        ("tomcat", "Apache Tomcat", 8080),
        ("rails", "Ruby on Rails", 3000),
        ("spring boot", "Spring Boot", 8080),
        ("nginx", "nginx", 80),
        ("home-assistant", "Home Assistant", 8123),
        ("Ghost on Umbrel", "Ghost on Umbrel", 3368),
    ],
)
def test_a_product_is_answered_with_the_port_that_it_is_known_by(
    text: str, name: str, first: int
) -> None:
    found = _of(text)
    assert found.product is not None
    assert found.product.name == name
    assert brief_of(found, TO).headline.startswith(f"{name} is usually on {first}")
    assert port_json.of(found, TO)["product"] == name
    assert first in port_json.of(found, TO)["ports"]


@pytest.mark.parametrize("text", ["redis", "ssh", "minecraft", "rdp", "apache kafka"])
def test_a_service_is_answered_as_one(text: str) -> None:
    assert _of(text).product is None


@pytest.mark.parametrize("text", ["webserver thing", "novastor backup", "flsk"])
def test_what_names_no_product_is_searched_for(text: str) -> None:
    assert isinstance(answer(parse_query(text), CATALOG), SearchAnswer)


def test_who_is_on_the_port_of_a_product_is_told() -> None:
    free = brief_of(_of("flask"), TO)
    assert free.headline == "Flask is usually on 5000/tcp: free on this machine"
    taken = brief_of(_of("flask", bound(5000, SERVER)), TO)
    assert taken.headline.startswith("Flask is usually on 5000/tcp, in use: ")
    several = brief_of(_of("vite", bound(5173, SERVER)), TO)
    assert several.headline == (
        "Vite is usually on 5173, also on 4173: 5173 in use on this machine"
    )
    assert [row.port for row in several.ports] == ["4173", "5173"]
    assert several.registry == "not a registered name"


def test_the_whole_page_of_a_product_has_its_own_uses_alone() -> None:
    page = render_page(compose_service(_of("grafana")), Style())
    assert page.startswith("Grafana · ")
    assert "Ruby on Rails" not in page
    assert "History" not in page


def test_a_name_that_people_use_is_not_another_services() -> None:
    """9160 is registered for apani1, of which whoever asks for Cassandra never heard."""
    found = _of("cassandra")
    assert found.name == "cassandra"
    assert brief_of(found, TO).headline.startswith("cassandra: ")
    assert _of("kafka").name == "kafka"
    assert _of("rdp").name == "ms-wbt-server"


@pytest.mark.parametrize(
    ("text", "name", "first", "registered"),
    [
        ("tempo", "Grafana Tempo", 3200, 526),
        ("sonar", "SonarQube", 9000, 572),
        ("nomad", "Nomad", 4646, 5209),
        ("synapse", "Synapse", 8008, 2880),
    ],
)
def test_a_product_comes_before_a_registered_name_that_nobody_uses(
    text: str, name: str, first: int, registered: int
) -> None:
    found = _of(text)
    brief = brief_of(found, TO)
    assert brief.headline.startswith(f"{name} is usually on {first}")
    assert str(registered) not in brief.headline
    rows = {row.port: row.practice for row in brief.ports}
    assert (rows[str(registered)] or "").startswith(f"registered as {text}")
    assert brief.registry is not None
    assert brief.registry.startswith(f"{text} on {registered}, ")
    answered = port_json.of(found, TO)
    assert (answered["service_name"], answered["product"]) == (text, name)
    assert {first, registered} <= set(answered["ports"])
    page = render_page(compose_service(found), Style())
    assert page.lstrip().startswith(f"{name} · ")
    assert f"Ports of {text}:" in page
    assert f"Ports of {name}:" in page
    assert "History" in page


@pytest.mark.parametrize("text", ["redis", "ssh", "domain", "consul", "mysql", "matter"])
def test_a_registered_name_that_people_use_stays_first(text: str) -> None:
    found = _of(text)
    assert (found.product, found.alike) == (None, ())


def test_products_that_share_a_registered_name_are_told() -> None:
    found = _of("hydra")
    assert found.product is None
    told = " ".join(brief_of(found, TO).remarks)
    assert "Ory Hydra on 4444" in told
    assert "Products with that name" in render_page(compose_service(found), Style())
