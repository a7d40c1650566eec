"""Pages that are filled in are those that are printed, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portbook.app.port_lookup import PortAnswer, answer_port
from portbook.formats.errors.query import Query, QueryKind
from portbook.model import LAST_PORT, PORTS, State
from portbook.web.export.scope import Scope
from portbook.web.export.site import Pages
from portbook.web.pages import views
from portbook.web.pages.alike import Alike, Forms, PortPages, encoded
from portbook.web.site_config import Site
from tests.counts import PROOF, examples
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterable

RUN = 24  # ports beside each other, of which some are filled in


def _same(pages: Pages, ports: Iterable[int]) -> int:
    """How many of *ports* were looked at; each has the files that are printed of it alone."""
    looked_at = 0
    ports = [*ports]
    assert ports
    made = pages.of(ports, ())
    for port in ports:
        query = Query(QueryKind.PORT, str(port), port, port)
        printed = pages.printed(answer_port(query, CATALOG, whole=True))
        assert [next(made).decode() for _ in printed] == [*printed], port
        looked_at += 1
    assert next(made, None) is None
    return looked_at


@examples(4)
@example(4900)  # portbook's own is among them
@example(9990)  # the digits become five
@example(10230)
@example(49140)
@example(65512)
@given(st.integers(1, LAST_PORT + 1 - RUN))
def test_what_is_filled_in_is_what_is_printed(first: int) -> None:
    for base_url in (None, "https://ports.example/book/"):
        pages = Pages(CATALOG, Scope(), base_url)
        assert _same(pages, range(first, first + RUN)) == RUN


def test_so_are_ports_in_any_order() -> None:
    pages = Pages(CATALOG, Scope(), None)
    assert _same(pages, [33100, 33105, 61000, 33102, 33101, 61003, 61002, 33110, 61001]) == 9


@pytest.mark.proof
def test_so_is_every_port() -> None:
    ports = range(PORTS) if PROOF else [*range(10200, 10280), *range(49120, 49200)]
    assert _same(Pages(CATALOG, Scope(), None), ports) == len(ports)


def test_what_only_looks_like_the_ends_of_a_gap_stays() -> None:
    answers = [
        answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
        for port in range(20000, 24000)
    ]
    gaps = {each.block for each in answers if each.state is State.UNASSIGNED}
    ends = {gap.first for gap in gaps if gap.size > 40}
    assert len(ends) > 9

    def printing(answer: PortAnswer) -> Forms:
        block = answer.block
        text = f"{answer.port} of {block.first}, a gap of {block.size:,} ports; {sorted(ends)}"
        return (text,)

    filling = Alike(printing, lambda _: ({},))
    for each in answers:
        assert filling.forms(each) == encoded(printing(each))


@examples(6)
@given(st.integers(1, LAST_PORT), st.integers(0, PORTS // 2))
def test_so_are_the_pages_of_a_server(first: int, step: int) -> None:
    site = Site(CATALOG.registry.store.as_of, feedback=True, static_version="1")
    pages = PortPages(CATALOG, site, views)
    for count in range(RUN):
        port = (first + count * (2 * step + 1)) % PORTS
        answer = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
        assert pages.of(answer).decode() == views.port(answer, CATALOG, site)


@pytest.mark.proof
def test_so_is_every_page_of_a_server() -> None:
    site = Site(CATALOG.registry.store.as_of, local=True, static_version="1")
    pages = PortPages(CATALOG, site, views)
    count = PORTS if PROOF else 400
    ports = {at * 40503 % PORTS: None for at in range(count)}  # in an order that jumps about
    assert len(ports) == count
    for port in ports:
        answer = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
        assert pages.of(answer).decode() == views.port(answer, CATALOG, site), port


class _Counted(Pages):
    printings = 0

    def printed(self, found: PortAnswer) -> Forms:
        self.printings += 1
        return super().printed(found)


def test_most_of_a_gap_is_filled_in() -> None:
    whole = _Counted(CATALOG, Scope(), None)
    assert len([*whole.of(range(61000, 61100), ())]) == 300
    assert 0 < whole.printings < 40
    # In a part of the site, a page depends on which others are there.
    part = _Counted(CATALOG, Scope(((61000, 61030),)), None)
    assert len([*part.of(range(61000, 61031), ())]) == 93
    assert part.printings == 31


def test_what_differs_is_printed() -> None:
    answers = [
        answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
        for port in range(61000, 61100)
    ]
    printed: list[int] = []

    def alike(answer: PortAnswer) -> Forms:
        printed.append(answer.port)
        return (f"<b>{answer.port}</b>",)

    def each_another(answer: PortAnswer) -> Forms:
        printed.append(answer.port)
        return (str(answer.port % 89),)

    for printing, most in ((alike, 50), (each_another, 100)):
        printed.clear()
        filling = Alike(printing, lambda _: ({},))
        made = [filling.forms(each) for each in answers]
        assert 0 < len(printed) <= most
        assert made == [encoded(printing(each)) for each in answers]
    assert len(printed) == 200  # a page in which no number stands is never filled in


def test_a_picture_is_put_where_it_stands() -> None:
    answers = [
        answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
        for port in range(61000, 61100)
    ]

    def printing(answer: PortAnswer) -> Forms:
        return (f"{_strip(answer.port)} {answer.port}",)

    filling = Alike(printing, lambda answer: ({"strip": _strip(answer.port)},))
    made = [filling.forms(each) for each in answers]
    assert made == [encoded(printing(each)) for each in answers]


def _strip(port: int) -> str:
    return f'<svg data-first="{port - 32}" data-port="{port}"/>'
