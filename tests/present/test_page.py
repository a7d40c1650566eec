"""The sentences of a page say what the facts carry, for every port there is."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.lookup import PortAnswer, answer
from portbook.formats.errors.query import parse_query
from portbook.model import (
    Family,
    Host,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Report,
    ReportKind,
    Socket,
    SocketState,
    State,
    SystemRule,
    Transport,
    Use,
    UseKind,
    Visibility,
)
from portbook.present.document import Checks, Page, Services
from portbook.present.port.page import compose
from portbook.present.render.document_text import render_page
from portbook.present.render.text import Style
from tests.counts import PROOF, every_port
from tests.present.reading import commands, words
from tests.strategies import any_port, listeners, port_rules, transports
from tests.values import CATALOG, gap

BEFORE = ["registry", "block", "practice", "security", "history"]
SECTIONS = [*BEFORE, "check", "sources"]
WITH_HOST = [*BEFORE, "machine", "verdict", "check", "sources"]


def _answer(text: str) -> PortAnswer:
    found = answer(parse_query(text), CATALOG)
    assert isinstance(found, PortAnswer)
    return found


def _text(found: PortAnswer, width: int = 100) -> str:
    """The page as one run of text, its lines unwrapped."""
    return " ".join(render_page(compose(found), Style(width)).split())


def _section(page: Page, name: str) -> str:
    (section,) = [section for section in page.sections if section.id == name]
    return " ".join(word for item in section.items for word in words(item))


def _ids(page: Page) -> list[str]:
    """The sections, security among them where nothing of it is on record."""
    ids = [section.id for section in page.sections]
    return ids if "security" in ids else [*ids[:3], "security", *ids[3:]]


@pytest.mark.proof
def test_every_port_has_a_page() -> None:
    """Under make proof all 65,536, and each of them for each transport as well."""
    seen: dict[tuple[str, str], list[int]] = defaultdict(list)
    for port in every_port():
        found = _answer(str(port))
        page = compose(found)
        assert _ids(page) == SECTIONS
        assert page.title == f"Port {port}"
        assert page.character
        assert all(section.items for section in page.sections)
        book = _section(page, "registry")
        listed = any(standing.listed for standing in found.standings.values())
        quoted = any(s.text == "Unassigned" for s in found.standings.values())
        assert ('"Unassigned"' in book) is quoted
        assert ("IANA lists" in book) <= listed
        if found.state is not State.DYNAMIC:
            seen[page.character, book].append(port)
        narrow = [compose(_answer(f"{port}/{transport}")) for transport in Transport if PROOF]
        assert "" not in [each.character for each in narrow]
    # Two ports with different facts read differently: only those with the same rows, inside
    # one block, may have the same character and the same book.
    assert seen
    for (character, _), ports in seen.items():
        if len(ports) > 1:
            standings = [list(_answer(str(port)).standings.values()) for port in ports[:50]]
            facts = [
                [(each.state, each.text, each.listed, len(each.assignments)) for each in port]
                for port in standings
            ]
            assert facts.count(facts[0]) == len(facts), (character, ports[:5])


@given(any_port, transports)
def test_iana_is_quoted_only_where_it_has_a_row(port: int, transport: Transport) -> None:
    found = _answer(f"{port}/{transport}")
    page = compose(found)
    standing = found.standings[transport]
    said = _section(page, "registry")
    if not standing.listed:
        assert "IANA lists" not in said
        assert '"' not in said
        if standing.state is State.UNASSIGNED:
            assert f"no row for port {port} with {transport}" in said
            assert page.states == ((State.UNASSIGNED, f", not listed, for {transport}"),)
    elif standing.state is not State.ASSIGNED:
        assert f'"{standing.text}"' in said
    else:
        for row in standing.assignments:
            assert (row.service_name or row.description or "") in said


@given(any_port, transports)
def test_a_narrow_question_gets_a_narrow_answer(port: int, transport: Transport) -> None:
    found = _answer(f"{port}/{transport}")
    page = compose(found)
    others = {str(other) for other in Transport if other is not transport}
    assert [said for _, said in page.states if any(f" {other}" in said for other in others)] == []
    assert len(page.states) == 1
    first = [item for item in page.sections[0].items if isinstance(item, Services)]
    assert bool(first) is bool(found.standings[transport].assignments)
    for each in first:
        assert {row.transports for row in each.services} <= {str(transport)}


@pytest.mark.parametrize(
    ("query", "sentences"),
    [
        ("305", ["301–307: 7 unassigned ports in a row", "15th by length", "48 unassigned blocks"]),
        ("305", ['IANA lists the port as "Unassigned" for every transport, in the row 301–307']),
        (
            "305",
            ["IETF Review or IESG Approval", "300 tacacss", "308 novastorbakcup Novastor Backup"],
        ),
        ("305/sctp", ['IANA lists the port as "Unassigned" for sctp']),
        ("300", ["assigned for tcp; reserved for udp", "no row for port 300 with sctp and dccp"]),
        ("300/udp", ['IANA lists the port as "Reserved" for udp']),
        ("300/sctp", ["no row for port 300 with sctp", "assigned for another transport"]),
        ("6010", ["x11 holds 64 ports, 6000–6063", "one of 64 ports"]),
        ("80/tcp", ["http, www and www-http"]),
        ("1023", ["Reserved", "[RFC 6335]"]),
        ("4200", ["states no transport; it is read as tcp and udp"]),
        ("24", ["(no name)", "any private mail system"]),
        ("920", ["916–952: 37 unassigned ports in a row", "it is the longest"]),
        ("50000", ["49152–65535", "never assigned", "IANA never assigns them"]),
        ("6000", ["Expert Review"]),
        ("00080", ["(00080 was read as 80)"]),
        ("853/udp", ["domain-s"]),
        ("300", ["is not recorded in our sources"]),
        ("19999", ["Netdata", "registered for dnp-sec", "https://"]),
    ],
)
def test_sentences(query: str, sentences: list[str]) -> None:
    said = _text(_answer(query))
    for sentence in sentences:
        assert sentence in said


@pytest.mark.parametrize("query", ["305", "300", "50000", "443/udp", "36412/sctp"])
def test_what_is_not_recorded_is_not_called_none(query: str) -> None:
    said = _text(_answer(query))
    assert "None" not in said
    assert "null" not in said


@given(any_port)
def test_commands_match_exactly_this_port(port: int) -> None:
    (checks,) = [
        item
        for section in compose(_answer(str(port))).sections
        for item in section.items
        if isinstance(item, Checks)
    ]
    assert {each for command in checks.commands for each in command.systems} == {
        "Linux", "macOS", "Windows",
    }  # fmt: skip
    for command in commands(checks):
        assert re.findall("[0-9]+", command.replace("ipv4", "")) in ([str(port)], [])
        assert "netstat" not in command
        # grep :340 matches 3400: no pattern may hold the number.
        assert str(port) not in command.partition("grep")[2]
    assert {"tcp", "udp"} <= {
        kind for command in checks.commands for kind in command.about.replace("and", "").split()
    }


# -- this machine -----------------------------------------------------------------------------

HOST = Host((), Visibility.FULL, (), PortRules("linux", 1024, (32768, 60999)))


@st.composite
def _hosts(draw: st.DrawFn) -> Host:
    return Host(
        tuple(draw(st.lists(listeners(), max_size=3))),
        draw(st.sampled_from(tuple(Visibility))),
        tuple(draw(st.lists(st.text(max_size=20).map(gap), max_size=2))),
        draw(st.none() | port_rules()),
    )


@given(any_port, _hosts())
def test_any_machine_has_a_page(port: int, host: Host) -> None:
    found = _answer(str(port))._replace(host=host)
    page = compose(found)
    assert _ids(page) == WITH_HOST
    assert render_page(page, Style()).replace("\n", "").isprintable()


def test_nothing_bound_is_said_only_where_everything_was_seen() -> None:
    found = _answer("305")._replace(host=HOST)
    assert "Nothing is bound to 305 here at this moment" in _text(found)
    partial = HOST._replace(
        visibility=Visibility.PARTIAL, missing=(gap("sctp could not be asked"),)
    )
    said = _text(found._replace(host=partial))
    assert "Nothing is bound" not in said
    assert "Nothing that could be seen is bound to 305 here" in said
    assert "Not seen: sctp could not be asked" in said


@pytest.mark.parametrize(
    ("seen", "owners", "sentence"),
    [
        (OwnersSeen.HIDDEN, (), "not visible to you"),
        (OwnersSeen.KERNEL, (), "the kernel itself"),
        (OwnersSeen.NONE, (), "no process"),
        (OwnersSeen.FIRST, (Process(7, "x"),), "x (pid 7); there may be others"),
        (OwnersSeen.INFERRED, (Process(7, "x"),), "inferred"),
        (OwnersSeen.ALL, (Process(7, None),), "a process whose name could not be read (pid 7)"),
        (OwnersSeen.ALL, (Process(7, "x"), Process(8, "y")), "x (pid 7), y (pid 8)"),
    ],
)
def test_how_far_the_search_for_owners_went_is_said(
    seen: OwnersSeen, owners: tuple[Process, ...], sentence: str
) -> None:
    listener = Listener(
        Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 305, SocketState.LISTEN),
        Ownership(owners, seen),
    )
    said = _text(_answer("305")._replace(host=HOST._replace(listeners=(listener,))))
    assert sentence in said
    if owners:
        assert "no process:" not in said
        assert "the kernel itself" not in said


def test_a_bound_socket_is_not_said_to_listen() -> None:
    listener = Listener(Socket(Transport.TCP, Family.IPV4, "127.0.0.1", 305, SocketState.BOUND))
    said = _text(_answer("305")._replace(host=HOST._replace(listeners=(listener,))))
    assert "tcp 127.0.0.1:305 is bound, but doesn't listen, this machine only" in said
    assert "127.0.0.1:305 listens" not in said


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (PortRules("linux", 1024), "takes a privilege here: ports below 1024"),
        (
            PortRules("linux", 0),
            "takes no privilege here (net.ipv4.ip_unprivileged_port_start is 0)",
        ),
        (PortRules("linux", 80), "only ports below 80 do"),
        (PortRules("linux"), "could not be read"),
        (PortRules("windows"), "Windows asks for no privilege"),
        (PortRules("macos"), "macOS asks for a privilege below 1024 only"),
        (PortRules("linux", 0, (32768, 60999)), "32768–60999, so not this one"),
        (PortRules("linux", 0, (1, 60999)), "this one included"),
        (PortRules("linux", 0, (1, 60999), ((300, 310),)), "keeps it from being picked"),
    ],
)
def test_the_rules_of_this_machine_are_read_not_assumed(rules: PortRules, sentence: str) -> None:
    assert sentence in _text(_answer("305")._replace(host=HOST._replace(rules=rules)))


# -- lore -------------------------------------------------------------------------------------


def test_uses_browsers_and_systems_are_told() -> None:
    where = ("https://grafana.com/docs/", "2026-01-02")
    use = Use("Grafana", UseKind.DEFAULT, Transport.TCP, 305, 305, "its web pages", *where)
    rules = (
        SystemRule("linux", None, 32768, 60999, "", *where),
        SystemRule("windows", None, 49152, 65535, "", *where),
    )
    found = _answer("305")._replace(uses=(use,), browser_blocked=True, systems=rules)
    said = _text(found)
    assert f"Grafana · default, tcp its web pages read {where[1]}: {where[0]}" in said
    assert "Browsers refuse to open it" in said
    blocked = _text(_answer("6667"))
    assert "standard blocks (lore-browsers as of 20" in blocked
    assert "isn't given this one" in said
    high = _answer("50000")._replace(systems=rules)
    assert "linux (32768–60999) and windows (49152–65535)" in _text(high)


def test_reports_of_abuse_are_told_with_their_period_and_source() -> None:
    where = ("https://example.org/advisory", "2026-01-02")
    worm = Report(
        "A worm",
        ReportKind.ADVISORY,
        Transport.UDP,
        305,
        305,
        "2003-01",
        "Reported to spread by it.",
        *where,
    )
    said = _text(_answer("305")._replace(abuse=(worm,)))
    assert f"in 2003-01, udp Reported to spread by it. read {where[1]}: {where[0]}" in said
    assert "says nothing of what runs there today" in said


def test_what_holds_for_several_transports_alike_is_told_once() -> None:
    where = ("https://example.org/ports", "2026-01-02")
    both = [
        Use("A", UseKind.DEFAULT, each, 305, 305, "alike", *where) for each in list(Transport)[:2]
    ]
    other = Use("A", UseKind.DEFAULT, Transport.SCTP, 305, 305, "other", *where)
    said = _text(_answer("305")._replace(uses=(*both, other)))
    assert said.count("alike") == 1
    assert "A · default, tcp and udp alike" in said
    assert "A · default, sctp other" in said


def test_an_unauthorized_use_is_told_once_in_the_registrys_words() -> None:
    said = _text(_answer("8888"))
    words = 'unauthorized use, by the registry as of 2015-07-30: "Known Unauthorized Use on port'
    assert said.count(words) == said.count("unauthorized use, by the registry") == 1


def test_where_nothing_is_on_record_the_page_says_in_what_as_of_when() -> None:
    found = _answer("305")._replace(uses=(), abuse=())
    assert {"lore-uses", "lore-abuse"} <= {source.id for source in found.sources}
    days = {source.id: source.as_of for source in found.sources}
    assert all(days.values())
    said = _text(found)
    uses, abuse = f"lore-uses as of {days['lore-uses']}", f"lore-abuse as of {days['lore-abuse']}"
    said_so = f"No use in practice and no report of abuse is on record here ({uses}, {abuse})."
    assert said_so in said
    bare = _text(found._replace(sources=()))
    assert "No use in practice is recorded at all in this version" in bare
    assert "on record here" not in bare


def test_without_any_lore_nothing_is_claimed() -> None:
    found = _answer("305")._replace(uses=(), systems=(), browser_blocked=False)
    said = _text(found)
    assert "default range" not in said
