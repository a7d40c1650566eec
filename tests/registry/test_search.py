"""A search finds what was meant: the name itself first, and something for a typo."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.model import State
from portbook.registry import Registry
from portbook.registry.search import search
from tests.strategies import any_port, nasty, queryish

REGISTRY = Registry()


@functools.cache
def assigned_names() -> list[str]:
    named = (row for row in REGISTRY.store.all() if row.state is State.ASSIGNED)
    return sorted({row.service_name for row in named if row.service_name})


def _names(text: str, most: int = 5) -> list[str | None]:
    return [match.service_name for match in search(REGISTRY, text)[:most]]


@pytest.mark.parametrize(
    ("text", "first", "why"),
    [
        ("ssh", "ssh", "name"),
        ("SSH", "ssh", "name"),
        ("  http  ", "http", "name"),
        ("http", "http", "name"),
        ("www", "www", "name"),
        ("postgres", "postgresql", "beginning of the name"),
        ("ostgresq", "postgresql", "part of the name"),
        ("novastor backup", "novastorbakcup", "words of the description"),
        ("novast back", "novastorbakcup", "beginnings of words of the description"),
        ("any private mail", None, "words of the description"),
        ("443", "https", "number"),
        ("6010", "x11", "number"),
        ("postgress", "postgresql", "a name spelled nearly so"),
        ("postgrsql", "postgresql", "a name spelled nearly so"),
        ("htttps", "https", "a name spelled nearly so"),
        ("elasticsaerch", None, None),
    ],
)
def test_what_is_found_first(text: str, first: str | None, why: str | None) -> None:
    found = search(REGISTRY, text)
    if why is not None:
        assert (found[0].service_name, found[0].why) == (first, why)


@pytest.mark.parametrize("text", ["", "   ", "qqqqzzzz", "\0", "99999", "9" * 6000, "²", "٨٠"])
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    assert search(REGISTRY, text) == ()


@given(st.deferred(lambda: st.sampled_from(assigned_names())))
@settings(max_examples=60)
def test_each_name_finds_itself_first(name: str) -> None:
    for spelled in (name, name.upper()):
        first = search(REGISTRY, spelled)[0]
        assert first.service_name is not None
        assert first.service_name.lower() == name.lower()
        assert (first.why, first.score) == ("name", 100)


@pytest.mark.parametrize("name", ["cvc_hostd", "rsvp_tunnel", "whois++", "cvc-hostd"])
def test_an_ill_formed_name_finds_itself_before_the_one_that_replaced_it(name: str) -> None:
    matches = search(REGISTRY, name)
    assert matches[0].service_name == name
    assert len([match for match in matches if match.score >= 90]) >= 2


@given(
    st.deferred(lambda: st.sampled_from([name for name in assigned_names() if len(name) >= 8])),
    st.data(),
)
@settings(max_examples=30)
def test_a_long_name_survives_a_typo(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(name) - 1))
    kind = data.draw(st.sampled_from(("drop", "double", "swap")))
    wrong = {
        "drop": name[:at] + name[at + 1 :],
        "double": name[:at] + name[at] + name[at:],
        "swap": name[: at - 1] + name[at] + name[at - 1] + name[at + 1 :],
    }[kind]
    found = [(match.service_name or "").lower() for match in search(REGISTRY, wrong)]
    assert name.lower() in found, f"{wrong} doesn't find {name}"


@given(any_port)
@settings(max_examples=60)
def test_a_number_finds_what_is_assigned_there(port: int) -> None:
    rows = [row for each in REGISTRY.standings(port).values() for row in each.assignments]
    found = _names(str(port), 1000)
    assert {row.service_name for row in rows} <= set(found)


@given(st.one_of(nasty, queryish, st.text(max_size=40)))
@settings(max_examples=60)
def test_any_text_is_searched_for(text: str) -> None:
    matches = search(REGISTRY, text)
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)
    assert all(match.why for match in matches)
    assert len({(m.service_name or m.description or "").lower() for m in matches}) == len(matches)


@pytest.mark.parametrize("text", ["x" * 10_000, "a b " * 2000, "\udcff" * 100, "ssh " * 1000])
def test_long_text_is_searched_for(text: str) -> None:
    search(REGISTRY, text)


def test_the_ports_of_a_match_are_those_of_the_name() -> None:
    ssh = search(REGISTRY, "ssh")[0]
    assert {(first, last, str(transport)) for first, last, transport in ssh.ports} == {
        (22, 22, "tcp"), (22, 22, "udp"), (22, 22, "sctp"),
    }  # fmt: skip
