"""A search finds what was meant: the name itself first, and something for a typo."""

from __future__ import annotations

import functools
import time
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portbook.catalog import Catalog
from portbook.catalog.practice.lookup import Practice
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import Store
from portbook.catalog.registry.tsv_writer import COLUMNS
from portbook.catalog.search import index
from portbook.catalog.text_index import words_of
from portbook.errors import DataCorrupt
from portbook.model import State, Transport
from portbook.model.search import SearchStore
from tests.cases import for_each
from tests.catalog.scanning import scan
from tests.counts import PROOF
from tests.strategies import any_port, nasty, queryish
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portbook.catalog.search import Hit, Hits
    from portbook.model import KnownService, Program, Report, Use

REGISTRY = CATALOG.registry


def search(text: str) -> Hits:
    return index(CATALOG).search(text)


@functools.cache
def assigned_names() -> list[str]:
    named = (row for row in REGISTRY.store.all() if row.state is State.ASSIGNED)
    return sorted({row.service_name for row in named if row.service_name})


def _names(text: str, most: int = 5) -> list[str | None]:
    return [hit.name for hit in search(text)[:most]]


@for_each(
    "text, first, why",
    [
        ("ssh", "ssh", "name"),
        ("SSH", "ssh", "name"),
        ("  http  ", "http", "name"),
        ("www", "www", "name"),
        ("postgres", "postgresql", "name"),
        ("ostgresq", "postgresql", "part of the name"),
        ("novastor backup", "novastorbakcup", "in the description"),
        ("novast back", "novastorbakcup", "starts of words in the description"),
        ("any private mail", None, "in the description"),
        ("443", "https", "number"),
        ("6010", "x11", "number"),
        ("postgress", "postgresql", "a similar name"),
        ("htttps", "https", "a similar name"),
        ("elasticsaerch", "Elasticsearch", "a similar name"),
        ("grafana", "Grafana", "name"),
        ("grafana loki", "Grafana Loki", "name"),
        ("loki grafana", "Grafana Loki", "words of the name"),
        ("home-assistant", "home-assistant", "name"),
        ("homeassist", "Home Assistant", "start of the name"),
        ("grafanna", "Grafana", "a similar name"),
        ("home asistant", "Home Assistant", "a similar name"),
        ("worm", "W32/Blaster worm", "words of the name"),
        ("dokcer", "docker", "a similar name"),
    ],
)
def test_what_is_found_first(text: str, first: str | None, why: str | None) -> None:
    found = search(text)[0]
    assert (found.name, found.why) == (first, why)


@pytest.mark.parametrize(
    ("text", "ports"),
    [("rdp", [3389]), ("mail", [25]), ("docker", [2375, 2376, 2377]), ("worm", [135, 139])],
)
def test_what_people_meet_comes_before_what_nobody_is_known_to(text: str, ports: list[int]) -> None:
    assert [hit.ports[0][0] for hit in search(text)[: len(ports)]] == ports


def test_a_product_comes_before_what_is_named_after_it() -> None:
    found = [hit.name or "" for hit in search("loki")]
    assert found[0] == "Grafana Loki"
    assert "Loki exporter for Prometheus" in found[1:]
    assert search("loki exporter")[0].name == "Loki exporter for Prometheus"
    assert (search("netdata on truenas")[0].name or "").endswith(" on TrueNAS")


def test_every_name_on_record_is_among_the_best_that_it_finds() -> None:
    chance = Random(3)
    entries = [entry for entry in index(CATALOG).entries if entry.name]
    drawn = entries if PROOF else chance.sample(entries, 150)
    assert len(drawn) >= 150
    for entry in drawn:
        hits = search(str(entry.name))
        best = [hit for hit in hits if hit.score == 100]
        assert (entry.name, entry.store) in [(hit.name, hit.store) for hit in best]


@for_each("text", ["", "   ", "qqqqzzzz", "\0", "99999", "9" * 6000, "²", "٨٠"])
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    assert not search(text)


@given(st.deferred(lambda: st.sampled_from(assigned_names())))
def test_each_name_finds_itself_as_a_name(name: str) -> None:
    for spelled in (name, name.upper()):
        named = [hit for hit in search(spelled) if (hit.why, hit.score) == ("name", 100)]
        assert name.lower() in [(hit.name or "").lower() for hit in named if hit.registered]


@pytest.mark.parametrize("name", ["cvc_hostd", "rsvp_tunnel", "whois++", "cvc-hostd"])
def test_an_ill_formed_name_finds_itself_before_the_one_that_replaced_it(name: str) -> None:
    hits = search(name)
    assert name in [hit.name for hit in hits if hit.score == 100]
    assert len([hit for hit in hits if hit.score >= 90]) >= 2


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
    # A slip that makes the beginning of another name is a search for that one.
    assume(not any(other != name and other.startswith(wrong) for other in assigned_names()))
    found = [(hit.name or "").lower() for hit in search(wrong)]
    assert name.lower() in found, f"{wrong} doesn't find {name}"


@given(any_port)
def test_a_number_finds_what_is_assigned_there(port: int) -> None:
    rows = [row for each in REGISTRY.standings(port).values() for row in each.assignments]
    found = _names(str(port), 1000)
    assert {row.service_name for row in rows} <= set(found)


@given(st.one_of(nasty, queryish, st.text(max_size=40)))
def test_any_text_is_searched_for(text: str) -> None:
    hits = [*search(text)]
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)
    assert [hit for hit in hits if not hit.why] == []
    services = [hit for hit in hits if hit.registered]
    assert len({(hit.name or hit.description or "").lower() for hit in services}) == len(services)


@pytest.mark.parametrize("text", ["x" * 10_000, "\udcff" * 100, "ssh " * 1000])
def test_long_text_is_searched_for(text: str) -> None:
    matches = search(text)
    assert bool(matches) is not text.startswith(("x", "\udcff"))


def test_the_services_of_a_search_are_a_list_of_their_own() -> None:
    hits = search("redis")
    services = hits.of(SearchStore.MATCHES)
    assert 0 < len(services) < len(hits)
    assert [*services] == [hit for hit in hits if hit.store is SearchStore.MATCHES]


def test_the_ports_of_a_match_are_those_of_the_name() -> None:
    ssh = search("ssh")[0]
    assert {(first, last, str(transport)) for first, last, transport in ssh.ports} == {
        (22, 22, "tcp"), (22, 22, "udp"), (22, 22, "sctp"),
    }  # fmt: skip


# -- the same as by asking every entry --------------------------------------------------------

LETTERS = "etaoinsrlcdm-"


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
SOME = 1000 if PROOF else 1


@for_each("kind", range(len(KINDS)))
def test_all_is_found_that_asking_every_entry_finds(kind: int) -> None:
    """Here every entry that was found is asked, and an eighth of the others: none is missing."""
    chance = Random(kind)
    for _ in range(SOME):
        text = KINDS[kind](chance)
        hits = search(text)
        found = [(hit.score, hit.name, hit.description or "") for hit in hits]
        places = {place for _, _, some in hits._kinds for place in some}
        asked = [
            entry
            for place, entry in enumerate(index(CATALOG).entries)
            if PROOF or place in places or place % 8 == kind % 8
        ]
        assert found == scan(asked, text), text


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
    """In processor time, and against asking every entry: 300 ms on a machine with 2 cores."""
    index(CATALOG).prepare()
    whole = _cost(lambda: scan(index(CATALOG).entries, "postgress"))
    costs = {
        text: min(_cost(functools.partial(_search_a_page, text)) for _ in range(5))
        for text in COSTLY
    }
    assert max(costs.values()) < whole / 15, costs


def _search_a_page(text: str) -> object:
    return search(text)[:20]


def _cost(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def test_the_hits_of_a_search_are_a_sequence() -> None:
    found = search("x")
    every = tuple(found)
    assert len(found) == len(every) > 100
    assert (found[0], found[-1], found[7]) == (every[0], every[-1], every[7])
    for at in (slice(20), slice(5, 9), slice(-3, None), slice(None, None, -2), slice(9, 2)):
        assert found[at] == every[at]
    with pytest.raises(IndexError):
        found[len(every)]


class NoPractice(Practice):
    """Where nothing is known of practice, which an index of the registry alone needn't hold."""

    def uses(self) -> Iterator[Use]:
        return iter(())

    def abuse(self) -> Iterator[Report]:
        return iter(())

    def services(self) -> Iterator[KnownService]:
        return iter(())

    def programs(self) -> tuple[Program, ...]:
        return ()


def test_each_registry_has_its_own_index() -> None:
    """A registry that was let go isn't searched for one that stands at the same place."""
    header = b"#portbook\tregistry/1\n#as_of\t2026-09-12\n#lookback\t1\n#columns\t%s\n"
    for number in range(20):
        columns = "\t".join(COLUMNS).encode()
        row = b"%d\t%d\ttcp\tassigned\tservice-%d\tA service\n#end\n" % ((number,) * 3)
        book = Registry(Store("", {"registry.tsv": header % columns + row}))
        hits: list[Hit] = [*index(Catalog(book, NoPractice())).search("a service")]
        assert [hit.ports for hit in hits if hit.registered] == [((number, number, Transport.TCP),)]


@pytest.mark.parametrize("row", ["x\t1\ttcp", "1\t1\tfoo", "1\t\ttcp"])
def test_a_damaged_row_is_told(row: str) -> None:
    header = "#portbook\tregistry/1\n#as_of\t2026-09-12\n#lookback\t1\n#columns\t"
    text = f"{header}{chr(9).join(COLUMNS)}\n{row}\tassigned\tssh\n#end\n"
    with pytest.raises(DataCorrupt):
        index(Catalog(Registry(Store("", {"registry.tsv": text.encode()}))))
