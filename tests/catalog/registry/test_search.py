"""A search finds what was meant: the name itself first, and something for a typo."""

from __future__ import annotations

import functools
import time
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.search import index, search
from portbook.catalog.registry.tsv_reader import Store
from portbook.catalog.registry.tsv_writer import COLUMNS
from portbook.catalog.text_index import words_of
from portbook.errors import DataCorrupt
from portbook.model import State, Transport
from tests.catalog.registry.scanning import Scan
from tests.counts import PROOF
from tests.strategies import any_port, nasty, queryish

if TYPE_CHECKING:
    from collections.abc import Callable

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
        ("postgres", "postgresql", "start of the name"),
        ("ostgresq", "postgresql", "part of the name"),
        ("novastor backup", "novastorbakcup", "in the description"),
        ("novast back", "novastorbakcup", "starts of words in the description"),
        ("any private mail", None, "in the description"),
        ("443", "https", "number"),
        ("6010", "x11", "number"),
        ("postgress", "postgresql", "a similar name"),
        ("postgrsql", "postgresql", "a similar name"),
        ("htttps", "https", "a similar name"),
        ("elasticsaerch", None, None),
    ],
)
def test_what_is_found_first(text: str, first: str | None, why: str | None) -> None:
    found = search(REGISTRY, text)
    if why is not None:
        assert (found[0].service_name, found[0].why) == (first, why)


@pytest.mark.parametrize("text", ["", "   ", "qqqqzzzz", "\0", "99999", "9" * 6000, "²", "٨٠"])
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    assert not search(REGISTRY, text)


@given(st.deferred(lambda: st.sampled_from(assigned_names())))
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
def test_a_number_finds_what_is_assigned_there(port: int) -> None:
    rows = [row for each in REGISTRY.standings(port).values() for row in each.assignments]
    found = _names(str(port), 1000)
    assert {row.service_name for row in rows} <= set(found)


@given(st.one_of(nasty, queryish, st.text(max_size=40)))
def test_any_text_is_searched_for(text: str) -> None:
    matches = search(REGISTRY, text)
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)
    assert all(match.why for match in matches)
    assert len({(m.service_name or m.description or "").lower() for m in matches}) == len(matches)


@pytest.mark.parametrize("text", ["x" * 10_000, "a b " * 2000, "\udcff" * 100, "ssh " * 1000])
def test_long_text_is_searched_for(text: str) -> None:
    matches = search(REGISTRY, text)
    assert bool(matches) is not text.startswith(("x", "\udcff"))


def test_the_ports_of_a_match_are_those_of_the_name() -> None:
    ssh = search(REGISTRY, "ssh")[0]
    assert {(first, last, str(transport)) for first, last, transport in ssh.ports} == {
        (22, 22, "tcp"), (22, 22, "udp"), (22, 22, "sctp"),
    }  # fmt: skip


# -- the same as by asking every service ------------------------------------------------------

LETTERS = "etaoinsrlcdm-"


@functools.cache
def scan() -> Scan:
    return Scan(REGISTRY.store.all())


@functools.cache
def titles() -> list[str]:
    return sorted({row.title for row in REGISTRY.store.all() if row.title})


@functools.cache
def described_words() -> list[str]:
    return sorted({word for title in titles() for word in words_of(title)})


def _slip(word: str, chance: Random) -> str:
    letters = list(word)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(letters) + 1)
        kind = chance.randrange(4)
        if kind == 0 and len(letters) > 1:
            del letters[min(at, len(letters) - 1)]
        elif kind == 1 and 0 < at < len(letters):
            letters[at - 1], letters[at] = letters[at], letters[at - 1]
        elif kind == 2 and at < len(letters):
            letters[at] = chance.choice(LETTERS)
        else:
            letters.insert(at, chance.choice(LETTERS))
    return "".join(letters)


def _part(text: str, chance: Random, most: int) -> str:
    at = chance.randrange(len(text))
    return text[at : at + chance.randint(1, most)]


KINDS: tuple[Callable[[Random], str], ...] = (
    lambda chance: chance.choice(assigned_names()),
    lambda chance: _slip(chance.choice(assigned_names()), chance),
    lambda chance: _slip(chance.choice(described_words()), chance),
    lambda chance: _part(chance.choice(assigned_names()), chance, 6),
    lambda chance: _part(chance.choice(titles()), chance, 15),
    lambda chance: " ".join(
        word[:4] for word in chance.sample(described_words(), chance.randint(1, 3))
    ),
    lambda chance: " ".join(
        word[: chance.randint(1, 8)] for word in chance.choice(titles()).split()[::-1][:4]
    ),
    lambda chance: str(chance.randrange(70_000)),
    lambda chance: chance.choice("abcdefghijklmnopqrstuvwxyz0123456789-._/*+é²") * 2,
    lambda chance: "".join(chance.choices(LETTERS, k=chance.randint(2, 14))),
    lambda chance: _slip(chance.choice(titles())[:40], chance).upper(),
)
SOME = 2000 if PROOF else 6


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_all_is_found_that_asking_every_service_finds(kind: int) -> None:
    chance = Random(kind)
    for _ in range(SOME):
        text = KINDS[kind](chance)
        assert list(search(REGISTRY, text)) == scan().search(text), text


# Near to as many spellings as can be; in thousands of names; of many words; of no letters at all.
COSTLY = (
    "erstaino",
    "ntopercmai",
    "cteialms-rne",
    "aserver",
    "s",
    "pro",
    " ".join("spacdeimntrolfg"),
    " ".join(a + b for a in "scpmr" for b in "aeiou"),
    "x" * 200,
    "e-" * 100,
    "(a+)+$ [^x]* .{9}",
    "\u4e00\udcff" * 100,
)


def test_no_text_costs_much() -> None:
    """In processor time, and against asking every service: 60 ms on a machine with 2 cores."""
    index(REGISTRY).prepare()
    whole = min(_cost(lambda: scan().search("postgress")) for _ in range(3))
    costs = {
        text: min(_cost(functools.partial(_search_a_page, text)) for _ in range(5))
        for text in COSTLY
    }
    assert max(costs.values()) < whole / 15, costs


def _search_a_page(text: str) -> object:
    return search(REGISTRY, text)[:20]


def _cost(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def test_the_matches_of_a_search_are_a_sequence() -> None:
    found = search(REGISTRY, "x")
    every = tuple(found)
    assert len(found) == len(every) > 100
    assert (found[0], found[-1], found[7]) == (every[0], every[-1], every[7])
    for at in (slice(20), slice(5, 9), slice(-3, None), slice(None, None, -2), slice(9, 2)):
        assert found[at] == every[at]
    with pytest.raises(IndexError):
        found[len(every)]


def test_each_registry_has_its_own_index() -> None:
    """A registry that was let go isn't searched for one that stands at the same place."""
    header = b"#portbook\tregistry/1\n#as_of\t2026-09-12\n#lookback\t1\n#columns\t%s\n"
    for number in range(20):
        columns = "\t".join(COLUMNS).encode()
        row = b"%d\t%d\ttcp\tassigned\tservice-%d\tA service\n#end\n" % ((number,) * 3)
        book = Registry(Store("", {"registry.tsv": header % columns + row}))
        assert [match.ports for match in search(book, "service")] == [
            ((number, number, Transport.TCP),)
        ]


@pytest.mark.parametrize("row", ["x\t1\ttcp", "1\t1\tfoo", "1\t\ttcp"])
def test_a_damaged_row_is_told(row: str) -> None:
    header = "#portbook\tregistry/1\n#as_of\t2026-09-12\n#lookback\t1\n#columns\t"
    text = f"{header}{chr(9).join(COLUMNS)}\n{row}\tassigned\tssh\n#end\n"
    with pytest.raises(DataCorrupt):
        search(Registry(Store("", {"registry.tsv": text.encode()})), "ssh")
