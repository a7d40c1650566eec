"""Every port has a whole page that says what its facts carry, and nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given

from portbook.app.port_lookup import PortAnswer, answer_port
from portbook.app.related import related, swap_bytes
from portbook.catalog import Catalog
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.model import State, SystemRule, Transport, Use, UseKind
from portbook.present.brief import compose_brief
from portbook.present.document import Checks, Facts, Heading, Page, Paragraph, Points, Question
from portbook.present.owners import Viewer
from portbook.present.port.page import compose
from portbook.present.port.special import title_of_special
from portbook.present.words import day, month
from tests.cases import for_each
from tests.counts import PROOF, every_port
from tests.present.reading import commands, said, words
from tests.strategies import any_port
from tests.values import CATALOG

SECTIONS = [
    "registry", "practice", "check", "security", "questions", "neighbours", "details", "history",
    "sources",
]  # fmt: skip
# Not every port has anything to say of these.
_OPTIONAL = {"practice", "check", "security", "history"}

# What articles about ports often say, and no source does (docs/web.md, "What is never said").
FORBIDDEN = re.compile(
    r"never (been )?(requested|needed|used|assigned to any)|genuinely|nobody uses|19[789]0s"
    r"|76 ?%|24 ?%|sits? (empty|unused)|for decades|prestig|likely (always|never)|(?-i:hack)"
    r"|malware"
    r"|requires? root|superuser|netstat|grep :|lsof -i :|unofficial HTTP|trojan"
    r"|(?-i:\bNone\b(?! is on record))|\bnull\b|first.come|expected result|not in use|isn't used",
    re.IGNORECASE,
)


def _answer(port: int) -> PortAnswer:
    return answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)


def _page(port: int) -> Page:
    return compose(_answer(port))


def own_words(page: Page) -> str:
    """What is said by portbook itself: without what it quotes of the registry and of others."""
    kept: list[str] = []
    for section in page.sections:
        for item in section.items:
            if isinstance(item, Paragraph | Heading | Points | Question | Checks | Facts):
                kept += words(item)
    return "\n".join([*page.lead, *kept])


def _facts(found: PortAnswer) -> object:
    """What is known of a port, without numbers."""
    return (
        found.range.name,
        [
            (
                standing.state,
                standing.listed,
                [
                    (row.service_name, row.title, row.notes, row.registered is None, row.assignee)
                    for row in standing.assignments
                ],
            )
            for standing in found.standings.values()
        ],
        [(use.product, use.summary) for use in found.uses],
        found.browser_blocked,
        found.block.size > 1,
        [
            rule.system
            for rule in found.systems
            if (rule.dynamic_first or 0) <= found.port <= (rule.dynamic_last or -1)
        ],
    )


@pytest.mark.proof
def test_all_pages_differ_by_more_than_their_number_and_claim_nothing_unsourced() -> None:
    masked: dict[int, list[int]] = defaultdict(list)
    others = set()
    ports = every_port() if PROOF else every_port()[::16]
    for port in ports:
        page = _page(port)
        ids = [section.id for section in page.sections]
        assert page.sections
        assert ids == [each for each in SECTIONS if each in ids or each not in _OPTIONAL]
        assert all(section.items for section in page.sections)
        text = said(page)
        others.add(hash(re.sub(rf"\b{port}\b", "#", text)))
        masked[hash(re.sub("[0-9]+", "#", text))].append(port)
        # Between quotation marks and brackets stand the registry's words and its assignees.
        wrong = FORBIDDEN.search(re.sub(r'"[^"]*"|\[[^]]*\]', "", own_words(page)))
        assert wrong is None, (port, wrong)
    # No two are the same text with another number ...
    assert len(others) == len(ports)
    # ... and without any numbers, only those with the same facts are alike.
    assert sum(map(len, masked.values())) == len(ports)
    for alike in masked.values():
        if len(alike) > 1:
            facts = [re.sub("[0-9]+", "#", repr(_facts(_answer(port)))) for port in alike[:20]]
            assert set(facts) == {facts[0]}, alike[:20]


@given(any_port)
def test_the_lead_names_the_port_and_its_state(port: int) -> None:
    page = _page(port)
    assert page.lead
    (standing,) = [each for each in page.lead if each.startswith(f"Port {port} is ")][-1:]
    assert str(_answer(port).state).casefold() in standing.casefold()
    for sentence in page.lead:
        assert sentence.endswith(".")
        assert "  " not in sentence


@for_each(
    "port, character, second",
    [
        (
            305,
            "unassigned (gap 301–307)",
            "We know of no program that listens on it, and of no reported abuse.",
        ),
        (443, "HTTPS, the encrypted web; ", "HTTPS: always encrypted"),
        (
            50000,
            "IBM Db2, Jenkins, Arcam receivers and 11 others in practice; dynamic",
            "Used in practice by IBM Db2",
        ),
        (50023, "dynamic (ephemeral) port, never assigned", "Linux, macOS, Windows, FreeBSD"),
        (40015, "unassigned (gap 40001–40022)", "Linux, FreeBSD, "),
        (300, "tacacss (TLS Secure Login Host", 'tacacss ("TLS Secure Login Host'),
        (27374, "unassigned; abuse reported: SubSeven", "Reported abuse: SubSeven"),
        (0, "any free port, reserved", 'means "any free port"'),
        (1023, "the last System Port", "bindresvport(3) hands out 512–1023"),
        (1024, "the first User Port", "no privilege from here"),
        (49151, "the last User Port", "no number above it"),
        (49152, "the first Dynamic Port", "Linux uses 32768–60999"),
        (65535, "the highest port", "-1 as an unsigned 16-bit number"),
    ],
)
def test_the_first_lines_are_drawn_from_the_facts(port: int, character: str, second: str) -> None:
    page = _page(port)
    assert page.character.startswith(character)
    assert second in " ".join(page.lead)


@pytest.mark.parametrize("port", [1023, 1024, 49151, 49152, 65535])
def test_the_short_answer_says_the_end_of_which_range_a_port_is(port: int) -> None:
    headline = compose_brief(_answer(port), Viewer()).headline
    assert headline.startswith(f"{port} is {title_of_special(port)}, ")


@given(any_port)
def test_iana_is_quoted_only_where_it_has_a_row(port: int) -> None:
    found = _answer(port)
    text = said(_page(port), "registry")
    quoted = any(s.text == "Unassigned" for s in found.standings.values())
    assert ('"Unassigned"' in text) is quoted
    if not any(standing.listed for standing in found.standings.values()):
        assert "The registry says" not in text


@given(any_port.filter(bool))
def test_commands_match_exactly_this_port(port: int) -> None:
    (section,) = [section for section in _page(port).sections if section.id == "check"]
    (checks,) = [item for item in section.items if isinstance(item, Checks)]
    assert [system for system, _ in checks.proofs] == ["Linux", "macOS", "Windows"]
    for command in commands(checks):
        assert "{" not in command
        numbers = re.findall("[0-9]+", command.replace("ipv4", ""))
        assert numbers in ([str(port)], [])
        assert str(port) not in command.partition("grep")[2]
    assert all(proves for _, proves in checks.proofs)
    assert {each for command in checks.commands for each in command.systems} == {
        system for system, _ in checks.proofs
    }


def test_an_empty_answer_is_said_to_prove_what_it_does() -> None:
    text = said(_page(305), "check")
    for sentence in ("network namespace", "finds the cause", "excluded range", "Without sudo"):
        assert sentence in text


@for_each(
    "port, part, sentences",
    [
        (305, "registry", ['"Unassigned" for tcp, udp, sctp and dccp, in one row for 301–307']),
        (305, "details", ["0x0131", "you get 12545 (unassigned) instead"]),
        (305, "neighbours", ["the gap 301–307 (7 ports)"]),
        (305, "questions", ["firewall's log", "no system we know of hands it out by default"]),
        (920, "questions", ["a privileged client's: bindresvport(3) hands out 512–1023"]),
        (40000, "questions", ["most likely because the system handed it to a client"]),
        (305, "neighbours", ["300", "tacacss", "308", "novastorbakcup"]),
        (305, "history", ["Unchanged from July 2015 to September 2026 (60 snapshots"]),
        (305, "details", ["IETF Review or IESG Approval"]),
        (300, "registry", ['"Reserved" for udp']),
        (22, "details", ["5632"]),
        (80, "details", ["20480"]),
        (700, "practice", ["bindresvport"]),
        (4200, "registry", ["states no transport"]),
        (6010, "registry", ["64 ports, 6000–6063"]),
        (6667, "security", ["Browsers refuse"]),
        (5432, "practice", ["PostgreSQL"]),
        (2825, "history", ["Possibly assigned"]),
        (8080, "registry", ["HTTP Alternate"]),
    ],
)
def test_sentences(port: int, part: str, sentences: list[str]) -> None:
    text = said(_page(port), part)
    for sentence in sentences:
        assert sentence in text


def test_an_unassigned_port_says_what_that_means_and_what_may_be_there() -> None:
    """Chance is ruled out only where no system hands the port out; a known use needs no guess."""
    meaning = "Unassigned means that no service is registered here"
    chosen, chance = "somebody chose the number", "didn't pick it"
    told = {
        port: (meaning in text, chosen in text, chance in text)
        for port in (305, 443, 5173, 1023, 50000)
        for text in [own_words(_page(port))]
    }
    assert told[305] == (True, True, True)
    assert told[443] == told[1023] == told[50000] == (False, False, False)
    assert told[5173] == (True, False, False)
    unlisted = next(
        port
        for port in range(49151, 45000, -1)
        if _answer(port).state is State.UNASSIGNED and not _answer(port).uses
    )
    text = own_words(_page(unlisted))
    assert "got it as an ephemeral port of" in text
    assert chance not in text


def test_a_registration_date_is_told_with_the_day_of_its_source() -> None:
    dated = next(
        row for row in CATALOG.registry.rows(1024) if row.registered and row.state is State.ASSIGNED
    )
    assert dated.first is not None
    text = said(_page(dated.first), "history")
    assert day(dated.registered or "") in text
    assert month(dated.as_of["registration"]) in text


def test_a_registrant_that_the_registry_calls_none_is_nobody() -> None:
    (row,) = CATALOG.registry.lookup(4747, Transport.UDP)
    assert row.assignee == "[None]"
    assert "registered on 14 January 2013, registrant not recorded (as of July 2015)" in " ".join(
        said(_page(4747), "history").split()
    )


def test_uses_come_with_their_source_and_the_day_it_was_read() -> None:
    where = ("https://grafana.com/docs/", "2026-01-02")
    use = Use("Grafana", UseKind.DEFAULT, Transport.TCP, 305, 305, "its web pages", *where)
    found = _answer(305)._replace(uses=(use,))
    page = compose(found)
    assert "Grafana" in " ".join(page.lead)
    text = said(page, "practice")
    assert {"Grafana", "its web pages", where[0], "2 January 2026"} <= {*text.split("\n")}


def test_without_lore_nothing_is_claimed_about_systems() -> None:
    found = _answer(305)._replace(systems=(), uses=())
    text = said(compose(found))
    assert "Linux (" not in text
    assert "Does listening" not in text
    assert "hand it out" not in text


def test_systems_that_pick_a_port_are_told_from_those_that_do_not() -> None:
    rules = tuple(
        SystemRule(system, None, first, last, "", "https://example.org/", "2026-01-02")
        for system, first, last in (("Linux", 32768, 60999), ("macOS", 49152, 65535))
    )
    found = _answer(61000)._replace(systems=rules, uses=())
    page = compose(found)
    assert "On macOS, yes, by default. On Linux, no." in said(page, "questions")


@given(any_port)
def test_swapping_bytes_twice_is_nothing(port: int) -> None:
    assert swap_bytes(swap_bytes(port)) == port
    assert (swap_bytes(port) == port) is (port >> 8 == port & 255)


def test_others_of_the_same_service_and_document_are_related() -> None:
    shared = said(_page(1021), "neighbours")
    assert "exp2" in shared
    assert "RFC" in shared


def test_what_is_related_is_the_same_whether_the_registry_is_held_or_not() -> None:
    held = Catalog()
    held.registry.store.hold()
    one_by_one = Catalog()
    for port in (0, 22, 53, 80, 443, 853, 1021, 2049, 6000, 49151, 65535, *range(300, 1300, 17)):
        programs = held.practice.programs_on(port)
        met: dict[str, Any] = {
            "uses": held.practice.lookup_uses(port),
            "services": held.practice.lookup_services(port),
        }
        first, second = (
            related(port, each.registry.standings(port), programs, each, **met)
            for each in (held, one_by_one)
        )
        assert first == second
    assert not one_by_one.registry.store.held
