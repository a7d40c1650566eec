"""The short answer to a name and to a range: twelve lines, this machine first, and one verdict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.list_lookup import RangeAnswer, ServiceAnswer
from portbook.app.listen import ScanOptions
from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.catalog import Catalog
from portbook.catalog.practice.lookup import Practice
from portbook.formats.errors.query import Query, QueryKind, parse_query
from portbook.model import (
    Listener,
    SocketState,
)
from portbook.present.list_briefs import brief_of
from portbook.present.port.agreement import Agreement, BriefVerdict
from portbook.present.render import port_json
from portbook.present.render.brief_text import LINES, render_brief
from portbook.present.render.document_text import render_page
from portbook.present.render.text import Style, columns_of
from portbook.present.views.service import compose_service
from tests.machine import SERVER, TO, Machine, bound
from tests.strategies import listeners
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.model import KnownService
    from portbook.present.brief import Brief


def _answer(text: str, *sockets: Listener) -> PortAnswer | ServiceAnswer | RangeAnswer:
    depth = ScanOptions(notes=False)
    found = answer(parse_query(text), CATALOG, depth, host=Machine(sockets))
    assert isinstance(found, PortAnswer | ServiceAnswer | RangeAnswer)
    return found


def _brief(text: str, *sockets: Listener) -> Brief:
    return brief_of(_answer(text, *sockets), TO)


def test_what_people_call_ports_that_are_registered_for_nobody() -> None:
    assert _brief("torrent").registry == "no port registered"
    also_a_name = _brief("bittorrent")  # registered without a port
    assert also_a_name.registry == "no port registered; a name without a port (DNS-SD)"
    assert [row.port for row in also_a_name.ports] == ["6881", "6882–6889"]


def test_every_name_that_people_have_for_several_ports_is_answered() -> None:
    spans: dict[str, set[int]] = {}
    for known in CATALOG.practice.services():
        for name in (known.name, *known.also_called):
            spans.setdefault(name.casefold(), set()).add(known.first)
    several = [name for name, firsts in spans.items() if len(firsts) > 1]
    assert len(several) > 20
    for name in several:
        found = answer(Query(QueryKind.NAME, name), CATALOG)
        assert isinstance(found, ServiceAnswer)
        brief = brief_of(found, TO)
        assert brief.headline
        # No cell of its table is cut where the ports are free.
        free = tuple([row._replace(machine="free") for row in brief.ports])
        lines = render_brief(brief._replace(ports=free), Style()).splitlines()
        told = [row.practice or "free" for row in free]
        assert [said for said in told if not any(each.endswith(said) for each in lines)] == []


def test_a_name_of_one_transport_is_told_what_is_met_under_it() -> None:
    """514/tcp is another service's, which syslog has nothing to do with."""
    brief = _brief("syslog")
    assert brief.headline.startswith("syslog is 514/udp (log messages): ")
    assert brief.security == "not encrypted, no auth by default; encrypted: 6514/tcp"
    assert brief.practice == "rsyslog and Wazuh manager"
    assert "rsh daemon" in (_brief("514").practice or "")


def test_a_name_that_nobody_registered_has_the_transport_that_people_use() -> None:
    assert _brief("wireguard").headline.startswith("wireguard is 51820/udp")
    assert _brief("minecraft").headline.startswith("minecraft is 25565/tcp")


def test_a_range_of_one_port_is_written_as_that_port() -> None:
    assert _brief("1-1").headline.startswith("1 · TCPMUX, ")


def test_a_product_with_a_name_that_fits_leads_a_range() -> None:
    line = next(said for label, said in _brief("27000-27009").rows if label == "In practice")
    assert line.startswith("as registered: MATLAB licence server and ")
    assert line.endswith(" others")
    assert len(line) <= 65


def test_a_name_of_several_ports_is_a_table_of_them() -> None:
    lines = render_brief(_brief("http-alt", bound(8080, SERVER)), Style()).splitlines()
    assert lines[0] == "http-alt · HTTP Alternate: in use on 8080"
    assert lines[2].split() == ["Port", "On", "this", "machine", "In", "practice"]
    assert lines[3].split() == ["591", "free"]
    assert lines[4].split()[:2] == ["8008", "free"]
    assert lines[5].startswith("  8080  in use: python3 -m http.server (pid 17581)  ")
    assert lines[-1].startswith("Stop it: portbook stop 8080")
    assert any(line.startswith("  Verdict") and "(8080)" in line for line in lines)


def test_a_name_leads_to_the_port_that_people_use() -> None:
    assert [step[:2] for step in _brief("http-alt").next] == [
        ("One of them", "portbook 8080"),
        ("More", "portbook http-alt --full"),
    ]
    said = render_page(compose_service(_service("http-alt")), Style())
    assert "portbook 8080" in said
    assert "portbook 591" not in said


def _service(name: str) -> ServiceAnswer:
    found = answer(parse_query(name), CATALOG)
    assert isinstance(found, ServiceAnswer)
    return found


def test_without_this_machine_its_column_is_left_out() -> None:
    brief = brief_of(_service("http-alt"), TO)
    assert brief.headline.endswith(": ports 591, 8008 and 8080")
    assert (brief.machine, brief.verdict) == (None, None)
    assert "On this machine" not in render_brief(brief, Style())


@pytest.mark.parametrize(
    ("name", "port", "what"),
    [
        ("redis", 6379, "6379/tcp (in-memory data store)"),
        ("ssh", 22, "22/tcp, udp and sctp (encrypted remote login)"),
        ("www", 80, "80/tcp and udp (HTTP)"),
        ("commplex-main", 5000, "5000/tcp and udp"),
        ("vsat-control", 1880, "1880/tcp and udp"),
    ],
)
def test_a_name_of_one_port_has_the_short_answer_of_the_port_with_what_it_is(
    name: str, port: int, what: str
) -> None:
    brief, of_port = _brief(name), brief_of(_answer(str(port)), TO)
    assert brief._replace(headline="") == of_port._replace(headline="")
    assert brief.headline == f"{name} is {what}: free on this machine"


def test_a_name_says_which_of_its_transports_is_in_use() -> None:
    said = "in use: python3 -m http.server (pid 17581"
    assert _brief("redis", bound(6379, SERVER)).headline.startswith(f"redis is 6379/tcp, {said}")
    headline = _brief("postgres", bound(5432, SERVER)).headline
    assert headline.startswith(f"postgres is 5432/tcp and udp; 5432/tcp is {said}")
    without = brief_of(_service("commplex-main"), TO)
    assert without.headline == "commplex-main is 5000/tcp and udp"


def test_a_name_of_a_span_has_the_short_answer_of_the_range() -> None:
    brief = _brief("x11", bound(6010, SERVER))
    assert brief.headline == "6000–6063 · X11, remote windows: 1 in use on this machine"
    (line,) = brief.programs
    assert line.startswith("6010/tcp on every interface (IPv4): python3 -m http.server (pid 17581,")
    assert brief.next[-1].command == "portbook x11 --full"


def test_a_name_without_a_port_says_how_it_is_reached() -> None:
    brief = _brief("1password")
    assert brief.headline.endswith(": a name without a port")
    assert "DNS-SD" in brief.registry
    assert (brief.machine, brief.verdict, brief.ports) == (None, None, ())


@pytest.mark.parametrize(
    ("text", "port", "name"),
    [("rdp", 3389, "ms-wbt-server"), ("smb", 445, "microsoft-ds"), ("mail", 25, "smtp")],
)
def test_what_people_call_a_service_goes_before_a_name_without_a_port(
    text: str, port: int, name: str
) -> None:
    found = _service(text)
    assert (found.name, {row.first for row in found.assignments}) == (name, {port})
    assert {row.service_name for row in found.portless} == {text}
    brief = _brief(text)
    assert brief.headline.startswith(f"{text} is {port}/tcp and udp (")
    (below,) = brief.remarks
    assert below.startswith(f"{text} is also a registered name without a port: ")
    said = render_page(compose_service(found), Style(200))
    assert below in said
    assert "Also registered without a fixed port" not in said
    for row in found.portless:
        assert any(
            line.split()[:1] == [text] and str(row.title) in line for line in said.splitlines()
        )
    sent = json.loads(json.dumps(port_json.of(found, TO)))
    assert (sent["service_name"], sent["ports"]) == (name, [port])
    assert {row["service_name"] for row in sent["without_port"]} == {text}


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("remote desktop", 3389),
        ("Remote  Desktop", 3389),
        ("mssql", 1433),
        ("dns", 53),
        ("DoT", 853),
    ],
)
def test_what_only_people_call_a_service_leads_to_its_port(text: str, port: int) -> None:
    assert _brief(text).headline.startswith(f"{' '.join(text.split())} is {port}/")
    assert _brief(text).remarks == ()


def test_a_registered_port_stands_beside_what_people_call_so() -> None:
    """ISCSI is registered for 860; people mean 3260 by it."""
    for text, meant in {"cifs": 445, "iscsi": 3260, "mailbox": 143, "ups": 3493}.items():
        found = _service(text)
        assert found.name == text
        registered = {row.first for row in CATALOG.registry.named(text) if row.first is not None}
        assert {each.query.first for each in found.ports} == {meant, *registered}
        brief = brief_of(found, TO)
        assert brief.next[0].command == f"portbook {meant}"
        assert brief.registry is not None
        assert brief.registry.startswith(", ".join(map(str, sorted(registered))))
    assert brief_of(_service("cifs"), TO).headline.startswith("cifs · SMB: ")


def test_every_word_that_people_use_leads_to_a_port() -> None:
    services = [*CATALOG.practice.services()]

    class Kept(Practice):
        """Each question would read them all anew."""

        def services(self) -> Iterator[KnownService]:
            return iter(services)

    words = {word for known in services for word in (known.name, *known.also_called)}
    assert len(words) >= 600
    catalog = Catalog(CATALOG.registry, Kept())
    for text in sorted(words):
        found = answer(parse_query(text), catalog)
        assert isinstance(found, ServiceAnswer), text
        assert found.ports, text


def test_a_range_is_told_by_its_blocks_its_sockets_and_its_uses() -> None:
    assert render_brief(_brief("300-310"), Style()).splitlines() == [
        "300–310 · 4 assigned and 7 unassigned: none in use on this machine",
        "",
        "  In practice  no known use, no reported abuse",
        "  IANA         300 tacacss, 308 novastorbakcup, 309 entrusttime and 310 bhmds",
        "  Blocks       300 assigned, 301–307 unassigned, 308–324 assigned (17 ports)",
        "  Binding it   needs root or CAP_NET_BIND_SERVICE",
        "",
        "More: portbook 300-310 --full",
    ]
    brief = _brief("6000-6063")
    assert brief.headline == "6000–6063 · X11, remote windows: none in use on this machine"
    assert brief.practice is not None
    assert "Go pprof (6060)" in brief.practice
    assert brief.blocks == "5999–6066 assigned (68 ports)"
    assert _brief("9200-10200").blocks == "129; longest gap 9803–9874 (72 ports)"
    assert _brief("26953-27003").blocks == "2; longest gap 26490–26999 (510 ports)"
    assert _brief("8080-8090").blocks is None  # five blocks, and no gap of three ports


def test_the_gravest_socket_of_a_range_is_the_first_and_the_one_to_look_at() -> None:
    brief = _brief("8080-8200", bound(8090, SERVER, address="127.0.0.1"), bound(8125, SERVER))
    assert [line.partition("/")[0] for line in brief.programs] == ["8125", "8090"]
    assert brief.next[0].command == "portbook 8125"


def test_a_range_of_ephemeral_ports_is_not_one_to_pick_from() -> None:
    labels = {
        span: [step.label for step in _brief(span).next] for span in ("4900-4949", "48135-48185")
    }
    assert labels == {"4900-4949": ["Pick one", "More"], "48135-48185": ["More"]}


def test_a_range_names_a_product_and_a_report_once_with_their_ports() -> None:
    brief = _brief("44164-45164")
    assert brief.abuse is not None
    assert brief.abuse.startswith("Amitis (44280, 44390), RTM (44443)")
    assert "(also" not in _brief("428").registry  # ocs_cmu is ocs-cmu


def test_a_range_of_one_service_says_what_it_is_and_what_it_risks() -> None:
    for text in ("x11", "6000-6063", "6010-6019"):
        brief = _brief(text)
        assert brief.security == "not encrypted, auth required; don't expose it"
    assert brief.headline.startswith("6010–6019 · X11, remote windows")
    practice = _brief("x11").practice
    assert practice is not None
    assert practice.startswith("as registered: X.Org server")
    wider = _brief("5999-6063")
    assert wider.security is None
    assert "X11, " not in wider.headline


def test_a_range_has_the_verdict_of_its_most_serious_socket() -> None:
    stranger = SERVER._replace(executable="/tmp/x (deleted)", executable_deleted=True)
    brief = _brief("8000-8100", bound(8001, SERVER), bound(8080, stranger))
    assert brief.verdict is not None
    assert brief.verdict.sentence is not None
    assert brief.verdict.sentence.endswith("(8080)")
    assert brief.verdict.level is not None
    levels = [each.level.rank for each in _answer("8080-8080", bound(8080, stranger)).findings]
    assert brief.verdict.level.rank == max(levels)
    assert "  Verdict" in render_brief(brief, Style())
    assert _brief("8000-8100").verdict == BriefVerdict(Agreement.NOTHING)


@pytest.mark.parametrize(
    "text", ["0-1023", "0-65535", "49152-65535", "31000-33000", "6000-6063/udp"]
)
def test_a_long_range_keeps_to_twelve_lines(text: str) -> None:
    sockets = [bound(port, SERVER) for port in (22, 6010, 8080, 32000, 50000)]
    lines = render_brief(_brief(text, *sockets), Style()).splitlines()
    assert len(lines) <= LINES
    assert max(map(columns_of, lines)) <= 80


def test_every_name_keeps_to_twelve_lines() -> None:
    names = {row.service_name for row in CATALOG.registry.store.all() if row.service_name}
    spans: dict[str, int] = {}
    for name in names:
        spans[name] = len({(row.first, row.last) for row in CATALOG.registry.named(name)})
    several = sorted(name for name in names if spans[name] > 1)
    assert len(several) > 30
    for name in [*several, *sorted(names)[::150]]:
        found = answer(
            Query(QueryKind.NAME, name), CATALOG, ScanOptions(notes=False), host=Machine()
        )
        assert isinstance(found, ServiceAnswer)
        lines = render_brief(brief_of(found, TO), Style()).splitlines()
        assert len(lines) <= LINES, name
        assert max(map(columns_of, lines)) <= 80, name


@pytest.mark.parametrize("text", ["http-alt", "x11", "ssh", "1password", "300-310"])
def test_json_carries_the_same(text: str) -> None:
    found = _answer(text, bound(8080, SERVER), bound(6010, SERVER))
    item = json.loads(json.dumps(port_json.of(found, TO)))
    brief = brief_of(found, TO)
    assert item["brief"]["headline"] == brief.headline
    assert item["brief"]["practice"] == brief.practice
    assert item["brief"]["blocks"] == brief.blocks
    assert [tuple(each.values()) for each in item["brief"]["ports"]] == list(brief.ports)
    assert [tuple(each.values()) for each in item["brief"]["next"]] == [
        step[:2] for step in brief.next
    ]
    ports = [each["port"] for each in item["host"]["listeners"]] if item["host"] else []
    assert ports == [each.socket.port for each in found.host.listeners] if found.host else True


@given(st.lists(listeners(), max_size=6), st.sampled_from([20, 40, 80]))
def test_hostile_sockets_leave_nothing_raw(sockets: list[Listener], width: int) -> None:
    ports = (591, 8008, 8080)
    placed = [
        each._replace(socket=each.socket._replace(port=ports[at % 3], state=SocketState.LISTEN))
        for at, each in enumerate(sockets)
    ]
    for text in ("http-alt", "8000-8100"):
        shown = render_brief(_brief(text, *placed), Style(width))
        assert not [char for char in shown if char != "\n" and not char.isprintable()]


def test_another_machine_is_said_to_be_one_and_not_looked_at() -> None:
    sockets = (bound(443, SERVER), bound(53, SERVER))
    for text in ("https://192.0.2.7/", "192.0.2.7:53", "https://db.example.com"):
        found = _answer(text, *sockets)
        brief = brief_of(found, TO)
        assert brief.machine is None
        assert any("another machine" in remark for remark in brief.remarks)
        item = port_json.of(found, TO)
        assert item["host"] is None


def test_an_own_address_that_nothing_listens_on_is_said_first() -> None:
    server = bound(8080, SERVER, address="127.0.0.1")
    headline = brief_of(_answer("127.0.0.2:8080", server), TO).headline
    assert headline.startswith("Nothing listens on 127.0.0.2:8080, but 8080/tcp is in use: python3")
    headline = brief_of(_answer("localhost:8080", server), TO).headline
    assert headline.startswith("8080/tcp is in use")
