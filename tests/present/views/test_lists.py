"""Answers that list: what they hold is what was asked for, and they keep to the width."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.history import chronicle
from portbook.app.list_lookup import RangeAnswer, ServiceAnswer, answer_blocks
from portbook.app.lookup import answer
from portbook.app.search import SearchAnswer, answer_search
from portbook.catalog.registry.stats import count
from portbook.formats.errors.query import (
    Query,
    QueryKind,
    parse_query,
)
from portbook.model import State, Transport
from portbook.model.search import SearchStore
from portbook.present.render import markdown
from portbook.present.render.document_text import render_page
from portbook.present.render.text import NARROWEST, WIDEST, Style, columns_of
from portbook.present.views import history, lists
from portbook.present.views.ranges import Length, compose_blocks, compose_range, compose_stats
from portbook.present.views.service import compose_service
from tests.strategies import any_port, nasty
from tests.values import CATALOG

SGR = re.compile(r"\x1b\[[0-9;]*m")
styles = st.builds(Style, st.integers(NARROWEST, WIDEST), st.booleans())


def _service(name: str) -> ServiceAnswer:
    found = answer(parse_query(name), CATALOG)
    assert isinstance(found, ServiceAnswer)
    return found


def _range(text: str) -> RangeAnswer:
    found = answer(parse_query(text), CATALOG)
    assert isinstance(found, RangeAnswer)
    return found


def _search(text: str, shown: int = 20) -> SearchAnswer:
    return answer_search(Query(QueryKind.TEXT, text), CATALOG, shown)


def _words(text: str) -> str:
    return " ".join(text.split())


def test_a_service_shows_every_port_and_transport() -> None:
    said = _words(render_page(compose_service(_service("ssh")), Style()))
    assert said.startswith("ssh · The Secure Shell (SSH) Protocol")
    assert "22 tcp udp" in said
    assert "22 sctp" in said
    assert "portbook 22" in said


@pytest.mark.parametrize("name", ["redis", "x11", "docker"])
def test_a_service_says_what_it_is_for_and_what_it_risks(name: str) -> None:
    page = compose_service(_service(name))
    headings = [section.title for section in page.sections]
    assert headings[0] == "What it is for"
    assert "Security" in headings
    said = _words(render_page(page, Style()))
    assert "What people meet there:" in said
    assert "Advice on exposing it:" in said


def test_a_service_has_nothing_that_is_met_on_its_port_under_another_name() -> None:
    page = compose_service(_service("eldim"))
    assert "What it is for" not in [section.title for section in page.sections]


def test_a_service_has_its_history_and_how_far_that_reaches() -> None:
    said = _words(render_page(compose_service(_service("xrpl")), Style()))
    assert "community → xrpl" in said
    assert "snapshots of the IANA registry" in said
    said = _words(render_page(compose_service(_service("ssh")), Style()))
    assert "Unchanged from July 2015 to" in said
    assert "earlier and short-lived changes aren't covered" in said


@pytest.mark.parametrize("name", ["https", "vrml-multi-use", "x11", "tcp", "1password"])
def test_a_name_without_a_port_is_reached_through_dns(name: str) -> None:
    found = _service(name)
    said = render_page(compose_service(found), Style())
    assert ("DNS (SRV" in said) is bool(found.portless)
    assert ("without a port" in said) is bool(found.portless)
    assert ("Ports" in said) is bool(found.assignments)
    assert ("states no transport" in said or "not stated" in said) is any(
        row.transport is None for row in (*found.assignments, *found.portless)
    )


def test_a_range_counts_and_lists_and_ends_its_lists() -> None:
    said = _words(render_page(compose_range(_range("0-1023")), Style()))
    assert "System Ports · 0–1023, 1,024 in all" in said
    assert "assigned 694; reserved 48; unassigned 282" in said
    assert "more: JSON has them all" in said
    assert "This machine" not in said


def test_a_range_of_one_transport_does_not_pass_headline_blocks_off_as_its_own() -> None:
    said = render_page(compose_range(_range("4200-4299/sctp")), Style())
    assert "unassigned 100" in said
    assert "No service is assigned in this range." in said
    assert "Blocks (all transports)" in said
    assert "Blocks (" not in render_page(compose_range(_range("4200-4299")), Style())


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("qqqqzzzz", 'Nothing matches "qqqqzzzz".'),
        ("novastor backup", '1 match for "novastor backup"'),
        ("cvc_hostd", '2 matches for "cvc_hostd"'),
    ],
)
def test_a_search_says_how_much_it_found(text: str, title: str) -> None:
    assert lists.render_search(_search(text), Style()).startswith(title)


def test_a_search_that_finds_nothing_says_what_to_try_and_no_sources() -> None:
    lines = lists.render_search(_search("qqqqzzzz"), Style()).splitlines()
    assert lines == ['Nothing matches "qqqqzzzz".', "Try part of a name, or one word."]


def test_a_text_that_nothing_matches_is_quoted_as_it_was_typed() -> None:
    text = "qqqqzzzz without a wwwwxxxx"
    page = lists.render_search(_search(text), Style())
    assert page.startswith(f'Nothing matches "{text}".')
    longer = lists.render_search(_search(f"{text} {'and so on ' * 30}"), Style())
    assert len(longer.splitlines()[0]) <= 80


@pytest.mark.parametrize(
    ("text", "named", "unnamed"),
    [
        ("flask", ["what ports are used for"], ["IANA", "server programs", "abuse"]),
        ("morto worm", ["reported abuse"], ["IANA"]),
        ("novastor backup", ["IANA registry"], ["reported abuse"]),
    ],
)
def test_a_search_names_the_sources_of_what_it_found(
    text: str, named: list[str], unnamed: list[str]
) -> None:
    sources = lists.render_search(_search(text), Style()).partition("\nSources\n")[2]
    for words in named:
        assert words in sources
    for words in unnamed:
        assert words not in sources


def test_a_search_without_a_text_denies_nothing() -> None:
    page = lists.render_search(_search("qqqqzzzz")._replace(text=" "), Style())
    assert page == "Search for a name, a number, or words of a description.\n"


def test_a_name_that_does_not_exist_is_said_not_to() -> None:
    found = answer(parse_query("postgress"), CATALOG)
    assert isinstance(found, SearchAnswer)
    assert not found.found
    said = lists.render_search(found, Style())
    assert said.startswith('No service is named "postgress".')
    assert "postgresql" in said


def test_a_search_tells_what_each_hit_is_and_where() -> None:
    found = _search("grafana", 100)
    said = _words(lists.render_search(found, Style(100)))
    assert found.uses
    for hit in found.hits:
        first, last, transport = hit.ports[0]
        where = f"{first}/{transport}" if first == last else f"{first}–{last}/{transport}"
        assert f" {hit.name} {where}" in said
        assert _words(hit.description or "") in said


@pytest.mark.parametrize(
    ("text", "port", "subject"),
    [
        ("mirai", 2323, "Mirai and its variants"),
        ("back orifice", 31337, "Back Orifice"),
        ("Back  Orifice", 31337, "Back Orifice"),
    ],
)
def test_what_abuse_is_called_leads_to_its_ports(text: str, port: int, subject: str) -> None:
    looked_up = answer(parse_query(text), CATALOG)
    assert isinstance(looked_up, SearchAnswer)
    for found in (looked_up, _search(text)):
        assert found.found
        assert port in {report.first for report in found.abuse}
        assert subject in {report.subject for report in found.abuse}
        assert all(
            text.split(maxsplit=1)[0].lower() in each.subject.lower() for each in found.abuse
        )
        assert any(source.id == "lore-abuse" for source in found.sources)
        said = lists.render_search(found, Style())
        assert "No service is named" not in said
        (line,) = [line for line in said.splitlines() if line.startswith(f"  {subject}  ")]
        assert "  Reported abuse: " in line
        assert str(port) in line


@pytest.mark.parametrize("text", ["by", "qqqqzzzz", "ssh", "https"])
def test_other_words_lead_to_no_report_of_abuse(text: str) -> None:
    assert [hit.store for hit in _search(text).hits[:3] if hit.store is SearchStore.ABUSE] == []


def test_what_is_left_out_of_a_search_is_counted() -> None:
    found = _search("mail", 3)
    assert f"and {len(found.hits) - 3} more" in lists.render_search(found, Style())
    assert "more: --limit" not in lists.render_search(_search("mail", 10_000), Style())


def test_blocks_are_counted() -> None:
    blocks = answer_blocks(CATALOG, State.UNASSIGNED, "system")
    said = render_page(compose_blocks(blocks), Style())
    assert said.startswith("48 unassigned blocks of the System Ports · 282 ports\n")
    assert "37 ports" in said
    assert re.search(r"\b1 port\b", said)
    assert " 1 ports" not in said
    some = render_page(compose_blocks(blocks, Length(8, "--limit 0 shows all")), Style())
    assert some.startswith("8 of 48 unassigned blocks of the System Ports · 282 ports in all\n")
    assert "and 40 more: --limit 0 shows all" in some
    none = answer_blocks(CATALOG, State.DYNAMIC, "system")
    assert render_page(compose_blocks(none), Style()).startswith("0 dynamic blocks of the System")


def test_counts_hold_the_undated_and_the_unrecorded() -> None:
    book = CATALOG.registry
    stats = count(book)
    said = render_page(compose_stats(stats, book.sources()), Style())
    for words in ("System Ports (0–1023)", "694", "282", "undated", "not recorded"):
        assert words in said
    assert f"{stats.undated:,}" in said
    for transport in Transport:
        assert f"\n  {transport}" in said


@given(any_port, st.integers(0, 200), st.sampled_from((*Transport, None)), styles)
def test_any_range_is_printable(
    first: int, size: int, transport: Transport | None, style: Style
) -> None:
    last = min(65535, first + size)
    found = _range(f"{first}-{last}" + f"/{transport}" * bool(transport))
    text = render_page(compose_range(found), style)
    bare = SGR.sub("", text)
    assert bare.replace("\n", "").isprintable()
    assert (bare == text) is not style.colour
    head = bare.split("\n\n")[0].splitlines()
    assert head
    assert all(columns_of(line) <= style.width for line in head)


@given(nasty, styles)
def test_any_search_is_printable(text: str, style: Style) -> None:
    found = _search(text or "x")
    shown = SGR.sub("", lists.render_search(found, style))
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("width", [NARROWEST, 80])
def test_a_long_text_is_wrapped(width: int) -> None:
    shown = lists.render_search(_search("nothing like this " * 50), Style(width))
    assert max(map(columns_of, shown.split("\n\n")[0].splitlines())) <= width
    coloured = lists.render_search(_search("nothing like this " * 50), Style(width, colour=True))
    assert SGR.sub("", coloured) == shown


def test_counts_are_a_table_in_markdown_too() -> None:
    book = CATALOG.registry
    said = markdown.render_page(compose_stats(count(book), book.sources()))
    assert said.startswith("# The registry in numbers: ")
    assert "\n| year | rows |\n| --- | ---: |\n| " in said
    assert "\n## System Ports (0–1023)\n\n| | assigned | reserved |" in said
    assert "\n- " in said.partition("## Sources")[2]


def test_changes_are_a_table_in_markdown_too() -> None:
    found = chronicle(CATALOG)
    said = markdown.render_page(history.compose(found, 2))
    assert said.startswith(f"# The registry: 2 of {len(found.changes):,} changes\n")
    assert said.count("\n| ") >= 2
    assert f"and {len(found.changes) - 2:,} more" in said
