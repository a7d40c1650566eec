"""What was heard as evidence: when it contradicts, and what the verdict makes of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.model import (
    Assessment,
    Family,
    Listener,
    Ownership,
    OwnersSeen,
    Process,
    Program,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Standing,
    Transport,
)
from portbook.model.protocols import SERVICES
from portbook.present.phrases.evidence import heard
from portbook.verdict.engine import judge
from portbook.verdict.expectation_match import speaks_otherwise
from portbook.verdict.facts import Case
from tests.cases import for_each
from tests.strategies import nasty
from tests.values import CATALOG, told

TCP = Transport.TCP
HTTP = {"http", "https", "http-alt"}


@for_each(
    "protocol, registered, programs, otherwise",
    [
        ("http", {"http", "www"}, HTTP, False),
        ("ssh", {"http", "www"}, HTTP, True),  # nginx, on its own port, with ssh behind it
        ("ssh", {"ssh"}, HTTP, False),  # the port is right, whoever has it: another rule's
        ("http", {"ssh"}, HTTP, False),  # nginx on ssh's port: another rule's
        ("redis", {"ssh"}, HTTP, True),
        ("http", {"ipp"}, {"ipp"}, False),  # printing is spoken over HTTP
        ("http", {"ipp"}, set(), False),
        ("http", {"ssh"}, set(), True),
        ("http", set(), set(), False),
        ("pop3", {"imap"}, {"imap", "pop3"}, True),
        ("imap", {"imaps"}, {"imap", "imaps"}, False),
        ("mysql", {"mysql"}, {"http"}, False),
        ("mysql", {"irdmi"}, {"http"}, True),
        ("http", {"irdmi"}, {"snmp"}, False),
        (None, {"ssh"}, {"ssh"}, False),
        ("gopher", {"ssh"}, {"ssh"}, False),
        ("tls", {"http-alt"}, set(), False),
        ("tls", {"https"}, set(), False),
        ("tls", {"pcsync-https"}, set(), False),
        ("tls", {"smtp"}, set(), False),  # STARTTLS begins plainly; logs may name what follows
        ("tls", {"ssh"}, set(), True),
        ("tls", {"domain"}, set(), True),
        ("dns", {"mdns"}, set(), False),
        ("dns", {"netbios-ns"}, set(), False),
        ("http", {"ms-wbt-server"}, set(), True),
    ],
)
def test_when_it_contradicts(
    protocol: str | None, registered: set[str], programs: set[str], otherwise: bool
) -> None:
    spoken = Spoken(SpokenState.IDENTIFIED, protocol)
    assert speaks_otherwise(spoken, registered, programs) is otherwise


@given(
    st.sampled_from([state for state in SpokenState if state != "identified"]), st.none() | nasty
)
def test_what_was_not_understood_contradicts_nothing(
    state: SpokenState, detail: str | None
) -> None:
    spoken = Spoken(state, None, detail)
    assert not speaks_otherwise(spoken, {"ssh"}, {"ssh"})
    assert heard(spoken)


def case(port: int, program: str, service: str, spoken: Spoken | None, address: str) -> Case:
    path = f"/usr/sbin/{program}"
    owner = Process(7, program, executable=path, executable_uid=0, executable_mode=0o755)
    listener = Listener(
        Socket(TCP, Family.IPV4, address, port, SocketState.LISTEN),
        Ownership((owner,), OwnersSeen.ALL),
        Assessment(speaks=spoken),
    )
    known = Program(
        program, program, (path,), (service,), ((port, TCP),), "https://x", "2026-01-01"
    )
    return Case(listener, CATALOG.registry.standing(port, TCP), ((known,),))


def levels(found: Case) -> dict[str, str]:
    return {each.code: str(each.level) for each in judge(found)}


def test_nginx_that_answers_with_the_banner_of_ssh_is_not_expected() -> None:
    everywhere = "0.0.0.0"
    assert "expected" in levels(case(80, "nginx", "http", None, everywhere))
    right = Spoken(SpokenState.IDENTIFIED, "http", "HTTP/1.1 200 OK; nginx")
    assert "expected" in levels(case(80, "nginx", "http", right, everywhere))
    wrong = case(
        80, "nginx", "http", Spoken(SpokenState.IDENTIFIED, "ssh", "SSH-2.0-x"), everywhere
    )
    assert "expected" not in levels(wrong)
    assert levels(wrong)["speaks-otherwise"] == "check"
    finding = told(judge(wrong))["speaks-otherwise"]
    assert "nginx speaks ssh (SSH-2.0-x), but this port is for http or www or www-http" in (
        finding.message
    )
    assert "asked: ssh (SSH-2.0-x)" in finding.evidence


def test_on_loopback_it_is_a_note() -> None:
    wrong = case(80, "nginx", "http", Spoken(SpokenState.IDENTIFIED, "ssh"), "127.0.0.1")
    assert levels(wrong)["speaks-otherwise"] == "note"


def test_silence_changes_nothing() -> None:
    quiet = case(80, "nginx", "http", Spoken(SpokenState.SILENT), "0.0.0.0")
    assert levels(quiet) == levels(case(80, "nginx", "http", None, "0.0.0.0"))


def test_an_unknown_program_on_a_port_of_another_protocol() -> None:
    found = case(22, "thing", "http", Spoken(SpokenState.IDENTIFIED, "http"), "0.0.0.0")._replace(
        programs=()
    )
    assert levels(found)["speaks-otherwise"] == "check"
    assert "unknown" not in levels(found)


@given(st.sampled_from(tuple(SERVICES)), st.booleans())
def test_every_protocol_fits_its_own_services(protocol: str, tls: bool) -> None:
    plain, encrypted = SERVICES[protocol]
    assert plain or encrypted
    for name in (*plain, *encrypted):
        assert not speaks_otherwise(
            Spoken(SpokenState.IDENTIFIED, protocol, tls=tls), {name}, set()
        )
        assert not speaks_otherwise(
            Spoken(SpokenState.IDENTIFIED, protocol, tls=tls), set(), {name}
        )
    assert isinstance(Standing, type)


def test_words() -> None:
    assert heard(Spoken(SpokenState.SILENT)) == "silence"
    assert heard(Spoken(SpokenState.IDENTIFIED, None, "the handshake failed", True)).startswith(
        "an unknown protocol"
    )
