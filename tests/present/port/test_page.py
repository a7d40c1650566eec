"""The sentences of a page say what the facts carry, for every port there is."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.formats.errors.query import parse_query
from portbook.host.linux.connections import Connection
from portbook.model import (
    ConnectionState,
    Family,
    Host,
    Level,
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
    Threat,
    Transport,
    Use,
    UseKind,
    Visibility,
)
from portbook.present.document import Checks, Page, Services
from portbook.present.owners import viewer
from portbook.present.port.on_record import registry_line, untold_uses
from portbook.present.port.page import compose
from portbook.present.port.this_machine import clients
from portbook.present.render.document_text import render_item, render_page
from portbook.present.render.text import Style
from tests.cases import for_each
from tests.counts import PROOF, every_port
from tests.present.reading import commands, words
from tests.strategies import any_port, listeners, port_rules, transports
from tests.values import CATALOG, changed, gap, worded

# Where they have anything to say: all but the first and the last may be left out.
SECTIONS = [
    "machine", "verdict", "registry", "practice", "check", "security", "neighbours", "history",
    "sources",
]  # fmt: skip


def _answer(text: str) -> PortAnswer:
    found = answer(parse_query(text), CATALOG)
    assert isinstance(found, PortAnswer)
    return found


def _whole(text: str) -> PortAnswer:
    found = answer(parse_query(text), CATALOG, whole=True)
    assert isinstance(found, PortAnswer)
    return found


def _text(found: PortAnswer, width: int = 100) -> str:
    """The page as one run of text, its lines unwrapped."""
    return " ".join(render_page(compose(found), Style(width)).split())


def _section(page: Page, name: str) -> str:
    (section,) = [section for section in page.sections if section.id == name]
    return " ".join(word for item in section.items for word in words(item))


def _in_order(page: Page) -> bool:
    """Whether the sections stand in their order, the registry's and the sources among them."""
    ids = [section.id for section in page.sections]
    return {"registry", "sources"} <= {*ids} and ids == [each for each in SECTIONS if each in ids]


@pytest.mark.proof
def test_every_port_has_a_page() -> None:
    """Under make proof all 65,536, and each of them for each transport as well."""
    seen: dict[tuple[str, str], list[int]] = defaultdict(list)
    for port in every_port()[:: 1 if PROOF else 7]:
        found = _answer(str(port))
        page = compose(found)
        assert _in_order(page)
        assert page.title == f"Port {port}"
        assert page.character
        assert all(section.items for section in page.sections)
        book = _section(page, "registry")
        listed = any(standing.listed for standing in found.standings.values())
        quoted = any(s.text == "Unassigned" for s in found.standings.values())
        assert ('"Unassigned"' in book) is quoted
        assert ("The registry says" in book) <= listed
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
        assert "The registry says" not in said
        assert '"' not in said
        if standing.state is State.UNASSIGNED:
            assert f"no row for {port}/{transport}" in said
            assert page.states == ((State.UNASSIGNED, f": {transport} (not in the registry)"),)
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


@for_each(
    "query, sentences",
    [
        ("305", ["the gap 301–307 (7 ports)"]),
        ("305", ['"Unassigned" for tcp, udp, sctp and dccp, in one row for 301–307']),
        ("305", ["300 tacacss", "308 novastorbakcup Novastor Backup"]),
        ("305/sctp", ['The registry says "Unassigned" for sctp']),
        ("300", ["assigned: tcp; reserved: udp", 'says "Reserved" for udp']),
        ("300/udp", ['The registry says "Reserved" for udp']),
        ("300/sctp", ["no row for 300/sctp", "assigned for another transport: `portbook 300`"]),
        ("6010", ["x11 has 64 ports, 6000–6063"]),
        ("80/tcp", ["www-http tcp"]),
        ("1023", ["Reserved", "[RFC 6335]", "the last System Port"]),
        ("4200", ["states no transport", "portbook reads that as tcp and udp"]),
        ("24", ["(no name)", "any private mail system"]),
        ("920", ["the gap 916–952 (37 ports)"]),
        ("50000", ["49152–65535", "IANA assigns no Dynamic Port"]),
        ("00080", ["(00080 was read as 80)"]),
        ("853/udp", ["domain-s"]),
        ("300", ["registrant and date not recorded"]),
        ("3000", ["registered by Kurt Haubner, date unknown (as of July 2015)"]),
        ("19999", ["Netdata", "dnp-sec", "https://"]),
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


@given(any_port.filter(bool))
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
    assert _in_order(page)
    assert page.sections[0].id == "machine"
    assert render_page(page, Style()).replace("\n", "").isprintable()


def test_the_gravest_socket_is_told_first() -> None:
    calm = Listener(Socket(Transport.TCP, Family.IPV4, "127.0.0.1", 305, SocketState.LISTEN))
    grave = changed(
        Listener(Socket(Transport.TCP, Family.IPV6, "::", 305, SocketState.LISTEN)),
        findings=(worded("x", Level.ALERT, "Look at it."),),
    )
    said = _text(_answer("305")._replace(host=HOST._replace(listeners=(calm, grave))))
    assert said.index("tcp [::]:305 listens") < said.index("tcp 127.0.0.1:305 listens")


def test_nothing_bound_is_said_only_where_everything_was_seen() -> None:
    found = _answer("305")._replace(host=HOST)
    assert "305 is free on this machine." in _text(found)
    partial = HOST._replace(
        visibility=Visibility.PARTIAL, missing=(gap("sctp could not be asked"),)
    )
    said = _text(found._replace(host=partial))
    assert "is free" not in said
    assert "Nothing we can see is bound to 305 on this machine." in said
    assert "Not seen: sctp could not be asked" in said


@for_each(
    "seen, owners, sentence",
    [
        (OwnersSeen.HIDDEN, (), "a process you can't see (try sudo)"),
        (OwnersSeen.KERNEL, (), "the kernel itself"),
        (OwnersSeen.NONE, (), "no process"),
        (OwnersSeen.FIRST, (Process(7, "x"),), "owner x (pid 7)"),
        (OwnersSeen.INFERRED, (Process(7, "x"),), "probably x (pid 7)"),
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


def test_root_is_not_told_to_try_sudo() -> None:
    bound = Listener(
        Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 305, SocketState.LISTEN),
        Ownership((), OwnersSeen.HIDDEN),
    )
    host = HOST._replace(listeners=(bound,), rules=PortRules("linux", 1024, root=True))
    said = _text(_answer("305")._replace(host=host))
    assert "a process you can't see (not even as root)" in said
    assert "try sudo" not in said


def test_a_bound_socket_is_not_said_to_listen() -> None:
    listener = Listener(Socket(Transport.TCP, Family.IPV4, "127.0.0.1", 305, SocketState.BOUND))
    said = _text(_answer("305")._replace(host=HOST._replace(listeners=(listener,))))
    assert "tcp 127.0.0.1:305 is bound but doesn't listen: this machine only" in said
    assert "127.0.0.1:305 listens" not in said


@for_each(
    "rules, sentence",
    [
        (PortRules("linux", 1024), "Binding it needs root or CAP_NET_BIND_SERVICE."),
        (PortRules("linux", 400), "(on this machine, ports below 400 do)"),
        (PortRules("linux", 80), "needs no root on this machine: only ports below 80 do"),
        (PortRules("linux"), "needs root could not be read"),
        (PortRules("macos"), "Binding it on a single address needs root"),
        (PortRules("linux", 0), "hands out as ephemeral ports could not be read"),
        (PortRules("linux", 0, (1, 60999)), "may hand it out as an ephemeral port (1–60999)"),
        (PortRules("linux", 0, (1, 60999), ((300, 310),)), "this machine never hands it out"),
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
    assert f"Grafana · default, tcp its web pages {where[0]} (2 January 2026)" in said
    assert "Browsers refuse to open it" in said
    assert "An ephemeral port" not in said
    high = _answer("50000")._replace(systems=rules)
    assert "linux (32768–60999) and windows (49152–65535)" in _text(high)


def test_reports_of_abuse_are_told_with_their_period_and_source() -> None:
    where = ("https://example.org/advisory", "2026-01-02")
    worm = Report(
        "A worm",
        ReportKind.ADVISORY,
        Threat.WORM,
        Transport.UDP,
        305,
        305,
        "2003-01",
        "Reported to spread by it.",
        *where,
    )
    said = _text(_answer("305")._replace(abuse=(worm,)))
    assert f"January 2003, udp Reported to spread by it. {where[0]}" in said
    assert "Reported abuse (history, not a verdict on your machine)" in said
    assert "know of no software" not in said


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
    words = 'unauthorized use known to the registry (30 July 2015): "Known Unauthorized Use on port'
    assert said.count(words) == said.count("unauthorized use known") == 1


def test_no_use_is_denied_only_where_no_store_has_one() -> None:
    found = _answer("305")._replace(uses=(), abuse=())
    denial = "We know of no program that listens on it"
    assert denial in _text(found)
    where = ("https://example.org/", "2026-01-02")
    use = Use("A", UseKind.DEFAULT, Transport.TCP, 305, 305, "x", *where)
    report = Report(
        "B", ReportKind.PAPER, Threat.WORM, Transport.TCP, 305, 305, "2003", "x", *where
    )
    assert denial not in _text(found._replace(uses=(use,)))
    assert denial not in _text(found._replace(abuse=(report,)))


def test_without_any_lore_nothing_is_claimed() -> None:
    found = _answer("305")._replace(uses=(), systems=(), browser_blocked=False)
    said = _text(found)
    assert "default range" not in said


def test_a_service_in_plain_text_is_called_dangerous() -> None:
    telnet = _whole("23")
    bare = telnet._replace(services=tuple([one._replace(exposure=None) for one in telnet.services]))
    assert "It can be: Telnet isn't encrypted, so anyone on the path can read it." in _text(bare)
    (known,) = telnet.services
    assert known.exposure is not None
    assert f"Yes, if it is Telnet. {known.exposure.advice} {known.exposure.why}" in _text(telnet)
    assert "anyone on the path can read it. The encrypted port is 8883/tcp." in _text(
        _whole("1883")
    )
    assert "in plain text" not in _text(_whole("22"))


def test_abuse_is_reported_without_a_verb_that_has_to_agree() -> None:
    assert "Reported abuse: NetBus Pro 2.0 (" in _text(_whole("20034"))
    assert "shows both. Reported abuse: NetBus" in _text(_whole("20034"))


def test_a_page_denies_a_use_once() -> None:
    for port in ("305", "61234", "40113"):
        assert _text(_answer(port)).count("We know of no program that listens on it") == 1


def test_commands_ask_for_the_transports_that_are_assigned() -> None:
    for port, there, not_there in (
        ("36412", "--sctp 'sport = :36412'", "--dccp"),
        ("9", "--dccp 'sport = :9'", "--udplite"),
        ("22", "--sctp 'sport = :22'", "--dccp"),
    ):
        assert there in _text(_answer(port))
        assert not_there not in _text(_answer(port))
    assert "--sctp" not in _text(_answer("305"))


def test_reserved_beside_an_assigned_transport_says_why() -> None:
    because = "IANA keeps it free there because the number is assigned for tcp"
    assert because in _text(_answer("300"))
    assert because not in _text(_answer("1023"))
    assert because not in _text(_answer("585"))


def test_the_short_answer_has_the_note_of_a_row_without_a_service() -> None:
    from portbook.present.port.on_record import registry_line

    note = "Use of 585 is not recommended, use 993 instead"
    assert f'reserved ("De-registered"): "{note}' in registry_line(_answer("585"))


def test_the_registry_line_has_the_title_beside_transports_that_are_reserved() -> None:
    line = registry_line(_answer("6379"))
    assert line.startswith("redis (An advanced key-value cache and")
    assert line.endswith("tcp; reserved for udp")
    assert len(line) <= 65
    assert registry_line(_answer("24")) == "any private mail system on tcp and udp"


def test_what_an_empty_answer_proves_names_the_rare_transports_of_the_port() -> None:
    assert "no tcp, udp or sctp socket" in _text(_answer("36412"))
    assert "no tcp or udp socket" in _text(_answer("305"))


@for_each(
    "port, words",
    [
        (6000, "known to the registry, of other ports of the row (30 July 2015)"),
        (6003, "known to the registry (30 July 2015)"),
        (
            790,
            "the registry's note, of other ports of the row: ",
        ),
        (796, 'the registry\'s note: "Unauthorized Use Known on port 796"'),
        (2195, 'the registry\'s note: "Unauthorized Use Known on ports 2194-2196"'),
        (4491, 'the registry\'s note: "Known UNAUTHORIZED USE: Ports 4490 and 4491"'),
        (4492, "the registry's note, of other ports of the row: \"Known UNAUTHORIZED USE"),
    ],
)
def test_a_note_that_names_another_port_of_its_row_says_so(port: int, words: str) -> None:
    found = answer(parse_query(str(port)), CATALOG)
    assert isinstance(found, PortAnswer)
    assert words in " ".join(render_page(compose(found), Style(100)).split())


@pytest.mark.parametrize(
    ("port", "words"),
    [
        (2825, 'recorded as "(unassigned) Possibly assigned"'),
        (2925, 'recorded as "Unassigned (FRP-Released 12/7/00)"'),
        (1895, 'recorded as "Microsoft (unoffically) using 1895"'),
    ],
)
def test_a_port_that_is_recorded_though_unassigned_is_called_that(port: int, words: str) -> None:
    found = answer(parse_query(str(port)), CATALOG)
    assert isinstance(found, PortAnswer)
    assert words in registry_line(found)
    assert not untold_uses(found)


@pytest.mark.parametrize("port", ["53", "123"])
def test_amplification_doesnt_lead_where_something_else_is_met(port: str) -> None:
    answer = _whole(port)
    assert "Reported abuse" not in " ".join(compose(answer).lead)
    assert " amplification" in _text(answer)


# -- who is connected -------------------------------------------------------------------------


def _end(address: str, port: int, **facts: Any) -> Connection:
    return Connection(
        transport=Transport.TCP,
        family=Family.IPV4,
        address=address,
        port=port,
        peer_address="127.0.0.1",
        peer_port=5432,
        state=ConnectionState.ESTABLISHED,
        **facts,
    )


def _clients(*ends: Connection) -> str:
    lines = [line for item in clients(ends) for line in render_item(item, Style())]
    return "\n".join(lines)


def test_clients_are_counted_by_program_the_busiest_first() -> None:
    psql, shop = Process(8, "psql"), Process(9, "node", ("node", "shop.js"))
    ends = [
        _end("127.0.0.1", 50001, inode=1, owners=(psql,)),
        _end("127.0.0.1", 50002, inode=2, owners=(shop,)),
        _end("127.0.0.1", 50003, inode=3, owners=(shop,)),
        _end("127.0.0.1", 50004, inode=4, uid=0, user="root"),
        _end("192.0.2.9", 40112),
    ]
    shown = _clients(*ends).splitlines()
    assert shown[0].strip() == "5 connections from:"
    assert [" ".join(line.split()) for line in shown[1:]] == [
        "127.0.0.1, 2 connections node shop.js (pid 9)",
        "127.0.0.1:50001 psql (pid 8)",
        "127.0.0.1:50004 a root process you can't see "
        + ("(not even as root)" if viewer().is_root else "(try sudo)"),
        "192.0.2.9:40112",
    ]


def test_many_clients_are_cut_and_none_are_told() -> None:
    many = [_end(f"192.0.2.{number}", 40112) for number in range(25)]
    assert _clients(*many).splitlines()[-1].strip() == "and 5 more clients: --json has them all."
    assert _clients().strip() == "Nobody is connected."
