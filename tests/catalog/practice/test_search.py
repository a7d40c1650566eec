"""Finding uses by product: the name itself first, and something for a typo."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.practice.search import UseIndex
from portbook.model import Transport, Use, UseKind
from tests.strategies import nasty, queryish, uses
from tests.values import CATALOG

WHERE = ("https://example.org/", "2026-11-21")


def _use(product: str, port: int, summary: str = "A use.") -> Use:
    return Use(product, UseKind.DEFAULT, Transport.TCP, port, port, summary, *WHERE)


SOME = [
    _use("Grafana", 3000, "Dashboards."),
    _use("Grafana Loki", 3100, "Logs."),
    _use("The Grafana agent", 12345, "Collects."),
    _use("Prometheus", 9090, "Metrics, for Grafana among others."),
    _use("Home Assistant", 8123, "Its web interface."),
]


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("grafana", [3000, 3100, 12345, 9090]),
        ("  GRAFANA ", [3000, 3100, 12345, 9090]),
        ("grafana loki", [3100]),
        ("loki grafana", [3100]),
        ("graf", [3000, 3100, 12345]),
        ("home-assistant", [8123]),
        ("homeassistant", [8123]),
        ("assist", [8123]),
        ("metrics", [9090]),
        ("a", []),
        ("", []),
        ("  ", []),
        ("!", []),
        ("grafanna", []),
    ],
)
def test_what_is_found_best_first(text: str, ports: list[int]) -> None:
    assert [use.first for use in UseIndex(SOME).search(text)] == ports


@pytest.mark.parametrize(
    ("text", "ports"),
    [("grafanna", [3000, 3100, 12345]), ("promethius", [9090]), ("home asistant", [8123])],
)
def test_a_typo_finds_the_nearest(text: str, ports: list[int]) -> None:
    assert [use.first for use in UseIndex(SOME).near(text)] == ports
    assert UseIndex(SOME).near("qqqqzzzz") == ()


@given(st.lists(uses(), max_size=5), st.one_of(nasty, queryish))
def test_any_text_may_be_asked(some: list[Use], text: str) -> None:
    index = UseIndex(some)
    for found in (index.search(text), index.near(text)):
        assert len(found) <= len(some)
        assert all(use in some for use in found)


def test_every_product_on_record_is_found_by_its_name() -> None:
    every = tuple(CATALOG.practice.uses())
    assert every
    index = UseIndex(every)
    for use in every:
        found = index.search(use.product)
        assert use in found
        assert found[0].product.lower() == use.product.lower()
