"""What a text says failed is held against this machine: would it fail again here, and now?"""

from __future__ import annotations

import pytest

from portbook.app.failed import Place, place_of, weigh
from portbook.app.port_lookup import answer_port
from portbook.app.topics import Topic, TopicAnswer, topic_named, topic_of
from portbook.errors import InvalidArgument
from portbook.formats.errors.query import parse_query
from portbook.model import (
    Assessment,
    Failure,
    Family,
    Gap,
    GapCode,
    Host,
    Level,
    Listener,
    PortRules,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from portbook.present.failed import compose_failed
from portbook.present.topics import compose_topic
from portbook.present.words import named
from tests.cases import for_each
from tests.values import CATALOG, worded

RULES = PortRules("linux", 1024, (32768, 60999))


def _host(*listeners: Listener) -> Host:
    return Host(listeners, Visibility.FULL, (), RULES)


def _on(address: str, port: int) -> Listener:
    family = Family.IPV6 if ":" in address else Family.IPV4
    return Listener(Socket(Transport.TCP, family, address, port, SocketState.LISTEN))


@for_each(
    "address, place",
    [
        (None, Place.NONE),
        ("0.0.0.0", Place.HERE),
        ("::", Place.HERE),
        ("*", Place.HERE),
        ("127.0.0.1", Place.HERE),
        ("localhost", Place.HERE),
        ("192.0.2.77", Place.ELSEWHERE),
        ("2001:db8::77", Place.ELSEWHERE),
        ("db.example.org", Place.NAME),
        ("x.x.x.x", Place.INVALID),
        ("999.1.1.1", Place.INVALID),
        ("1.2.3", Place.INVALID),
        ("-web", Place.INVALID),
    ],
)
def test_whose_an_address_is(address: str | None, place: Place) -> None:
    assert place_of(address) is place


def test_refused_on_one_family_is_told_from_the_other() -> None:
    query = parse_query("Error: connect ECONNREFUSED ::1:3306")
    failed = weigh(query, _host(_on("127.0.0.1", 3306)))
    assert failed.failure is Failure.REFUSED
    assert (failed.listening, failed.beside, failed.again) == ((), (_on("127.0.0.1", 3306),), True)
    there = weigh(query, _host(_on("::1", 3306)))
    assert (there.listening, there.again) == ((_on("::1", 3306),), False)


def test_refused_by_another_machine_is_not_known_here() -> None:
    query = parse_query("Error: connect ECONNREFUSED 192.0.2.77:3306")
    failed = weigh(query, _host(_on("127.0.0.1", 3306)))
    assert (failed.place, failed.again) == (Place.ELSEWHERE, None)


def test_in_use_is_over_where_nothing_holds_the_port() -> None:
    query = parse_query("listen tcp 127.0.0.1:8080: bind: address already in use")
    assert weigh(query, _host()).again is False
    assert weigh(query, _host(), held=True).again is True
    assert weigh(query, _host(_on("0.0.0.0", 8080))).again is True
    assert weigh(query, _host(_on("192.0.2.1", 8080))).again is False


def test_an_address_that_is_not_here_fails_again() -> None:
    query = parse_query("bind 192.0.2.77:80: cannot assign requested address")
    assert weigh(query, _host()).again is True
    here = parse_query("bind 127.0.0.1:80: cannot assign requested address")
    assert weigh(here, _host()).again is False


def test_a_machine_that_was_left_out_says_nothing() -> None:
    query = parse_query("listen tcp :8080: bind: address already in use")
    failed = weigh(query, None)
    assert (failed.place, failed.again) == (Place.UNKNOWN, None)


@for_each(
    "text, topic",
    [
        ("OSError: [WinError 10013] forbidden by its access permissions", Topic.EXCLUDED),
        ("OSError: [WinError 10048] only one usage of each socket address", Topic.IN_USE),
        ("OSError: [Errno 99] Cannot assign requested address", Topic.UNAVAILABLE),
        ("bind: Keine Berechtigung (errno 13)", Topic.PRIVILEGED),
        ("bind: 无法指定被请求的地址", Topic.UNAVAILABLE),
        ("connect: Connexion refusée par le serveur", Topic.REFUSED),
        ("Invalid user admin from 192.0.2.7 port 41234", Topic.CLIENT),
        ("Windows excluded port range", Topic.EXCLUDED),
        ("port already in use", Topic.IN_USE),
        ("how do I register a port with IANA", Topic.REGISTER),
        ("which port should I use for my app", Topic.CHOOSE),
    ],
)
def test_a_text_without_a_port_has_a_topic(text: str, topic: Topic) -> None:
    assert topic_of(parse_query(text)) is topic


def test_a_search_has_no_topic() -> None:
    for text in ("novastor backup", "which ports does kubernetes use"):
        assert topic_of(parse_query(text)) is None


def test_an_unknown_topic_is_refused_with_those_that_are() -> None:
    assert topic_named("Refused") is Topic.REFUSED
    with pytest.raises(InvalidArgument, match=r"not a topic: give one of refused, localhost"):
        topic_named("nonsense")


def test_what_could_not_be_seen_is_not_said_to_be_free() -> None:
    unseen = (Gap(GapCode.MONITOR_REFUSED, detail="EPERM"),)
    blind = Host((), Visibility.PARTIAL, unseen, RULES)
    for text, words in {
        "listen EADDRINUSE: address already in use :::3000": "Nothing we can see holds 3000",
        "connect ECONNREFUSED 127.0.0.1:3000": "Nothing we can see listens on 127.0.0.1:3000",
    }.items():
        found = answer_port(parse_query(text), CATALOG)
        failed = weigh(found.query, blind)
        assert failed.again is None
        assert compose_failed(found._replace(host=blind, failed=failed)).headline.startswith(words)
    two = answer_port(parse_query("Port 3000 is in use\nPort 3001 is in use"), CATALOG)
    failed = weigh(two.query, blind)._replace(more=((3001, ()),))
    lead = compose_failed(two._replace(host=blind, failed=failed))
    assert "Nothing we can see holds 3001." in lead.sentences


_NO_LOCAL_PORT = {
    "dial tcp 192.0.2.7:80: connectex: Only one usage of each socket address is normally "
    "permitted.": "192.0.2.7:80",
    "dial tcp 192.0.2.7:443: connect: cannot assign requested address": "192.0.2.7:443",
    "connect EADDRNOTAVAIL 127.0.0.1:6379 - Local (127.0.0.1:0)": "127.0.0.1:6379",
    "connect() to 192.0.2.7:80 failed (99: Cannot assign requested address)": "192.0.2.7:80",
    "Failed to establish a new connection: [Errno 99] Cannot assign requested address: "
    "localhost:8000": "localhost:8000",
    "unable to connect to tcp://127.0.0.1:6379 (Cannot assign requested address)": "127.0.0.1:6379",
}


@for_each("text, place", _NO_LOCAL_PORT.items())
def test_a_connection_that_got_no_local_port_is_no_bind(text: str, place: str) -> None:
    query = parse_query(text)
    assert query.pasted is not None
    assert query.pasted.outgoing
    assert query.pasted.others == ()  # the local port 0 is none
    found = answer_port(query, CATALOG)._replace(failed=weigh(query, _host()))
    lead = compose_failed(found)
    assert lead.headline == f"A connection to {place} got no local port or address of its own."
    used, bound = lead.sentences[-2:]  # its two causes, each with what to do
    assert "TIME_WAIT" in used
    assert "reuse connections" in used
    assert ("`ipconfig`" if lead.next[0].command == "netstat -ano" else "`ip address`") in bound
    assert lead.next[0].command.startswith(("ss -tan", "netstat"))
    assert lead.next[1].command == "portbook topic ephemeral"


def test_a_connection_to_the_loopback_of_ipv6_may_lack_ipv6() -> None:
    query = parse_query('Cannot assign requested address - connect(2) for "::1" port 5432')
    found = answer_port(query, CATALOG)._replace(failed=weigh(query, _host()))
    assert compose_failed(found).headline.startswith(
        "A connection to [::1]:5432 couldn't start: IPv6 is off there"
    )


@pytest.mark.parametrize(
    "text",
    [
        "bind() to 203.0.113.9:80 failed (99: Cannot assign requested address)",
        "Error: listen EADDRNOTAVAIL: address not available 203.0.113.9:3000",
        "Connection in use: ('0.0.0.0', 8000)",
        "dial tcp 192.0.2.7:80: bind: address already in use",
        "[ERROR] Can't connect to ('192.0.2.1', 8000): address already in use",
    ],
)
def test_a_bind_is_no_connection(text: str) -> None:
    query = parse_query(text)
    assert query.pasted is not None
    assert not query.pasted.outgoing


def test_a_port_that_needs_no_privilege_is_not_told_to_need_root() -> None:
    for text in (
        "connect() to 127.0.0.1:9000 failed (13: Permission denied) while connecting to upstream",
        "listen tcp 127.0.0.1:9000: bind: permission denied",
    ):
        query = parse_query(text)
        answer = answer_port(query, CATALOG)
        lead = compose_failed(answer._replace(failed=weigh(query, _host())))
        assert lead.headline.endswith(" needs no privilege on this machine.")
        assert "SELinux" in lead.sentences[0]
        assert not any("setcap" in sentence for sentence in lead.sentences)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen unix /run/x.sock: bind: address already in use", "still runs, or ended"),
        ("connect() to unix:/run/php-fpm.sock failed (111: Connection refused)", "No server"),
        (
            "Can't connect through socket '/run/my.sock' (13 'Permission denied')",
            "may not use the file",
        ),
    ],
)
def test_a_socket_file_is_not_answered_with_ports(text: str, said: str) -> None:
    query = parse_query(text)
    topic = topic_of(query)
    assert topic is not None
    page = compose_topic(TopicAnswer(query, topic, (_on("0.0.0.0", 8080),), RULES))
    assert page.title == "The text is about a socket file, not about a port."
    assert said in " ".join(page.sentences)
    assert "8080" not in " ".join(page.sentences)


@for_each(
    "code, level, said",
    [
        ("foreign-service", Level.CHECK, "but may not be the server that you meant."),
        ("foreign-service", Level.NOTE, "try again."),
        ("unknown", Level.NOTE, "try again."),
    ],
)
def test_another_server_is_no_reason_to_try_again(code: str, level: Level, said: str) -> None:
    query = parse_query("Error: P1001: Can't reach database server at `localhost:5432`")
    finding = worded(code, level, "")
    judged = _on("127.0.0.1", 5432)._replace(assessment=Assessment((finding,)))
    found = answer_port(query, CATALOG)
    failed = weigh(query, _host(judged))
    lead = compose_failed(found._replace(host=_host(judged), failed=failed))
    assert lead.headline.endswith(said), lead.headline


def test_a_name_within_what_it_is_called_stands_once() -> None:
    remote, ssh = (CATALOG.practice.lookup_services(port)[0] for port in (3389, 22))
    assert named(remote._replace(name="Remote Desktop", gist="Windows remote desktop")) == (
        "Windows remote desktop"
    )
    assert named(ssh._replace(name="Git", gist="git:// repository access")).startswith("Git, ")
