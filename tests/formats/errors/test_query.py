"""What people have at hand is read as they meant it, and the rest is refused in one line."""

# Pasted lines stand as they were printed.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import InvalidPort, InvalidQuery, InvalidRange, InvalidTransport
from portbook.formats.errors.numerals import join_groups
from portbook.formats.errors.query import (
    LONGEST,
    Query,
    QueryKind,
    parse_port,
    parse_query,
    split_queries,
)
from portbook.formats.errors.several import parse_questions
from portbook.model import Failure, Transport
from tests.cases import for_each
from tests.strategies import any_port, nasty, queryish, text, transports

TCP, UDP, SCTP, DCCP = Transport


# -- every port, in every spelling ------------------------------------------------------------

SPELLINGS = ["{}", ":{}", "{}/tcp", "{}/UDP", "tcp:{}", "UDP:{}", "sctp/{}", "dccp/{}"]
SPELLINGS += ["tcp/{}", "udp:{}", "127.0.0.1:{}", "0.0.0.0:{}", "[::1]:{}", "[::]:{}", ":::{}"]
SPELLINGS += ["localhost:{}", "db.example.org:{}", "*:{}", "*.{}", "127.0.0.1.{}", "{} tcp"]
SPELLINGS += ["https://localhost:{}/x", "http://[::1]:{}", "postgresql://u:p@db:{}/x?y=z#w"]
SPELLINGS += ["ws://127.0.0.1:{}", "[fe80::1%eth0]:{}", "fe80::1%eth0:{}", "::ffff:10.0.0.1:{}"]
SPELLINGS += ["EADDRINUSE: address already in use :::{}", "port {}", "  {}\t", "server.port={}"]


@given(any_port, st.sampled_from(SPELLINGS))
def test_every_port_comes_back_in_every_spelling(port: int, spelling: str) -> None:
    query = parse_query(spelling.format(port))
    assert (query.kind, query.first, query.last) == ("port", port, port)


def test_every_port_comes_back() -> None:
    assert [parse_query(str(port)).first for port in range(65536)] == [*range(65536)]
    assert all(not parse_query(str(port)).notes for port in range(0, 65536, 97))


@given(any_port, transports, st.sampled_from(("{p}/{t}", "{t}:{p}", "{t}/{p}", "{p} {t}")))
def test_every_transport_comes_back_in_any_letter_case(
    port: int, transport: Transport, spelling: str
) -> None:
    for spelled in (transport.lower(), transport.upper(), transport.title()):
        query = parse_query(spelling.format(p=port, t=spelled))
        assert (query.first, query.transport) == (port, transport)


@given(any_port, any_port, st.sampled_from((*Transport, None)))
def test_a_range_comes_back_unless_it_runs_backwards(
    first: int, last: int, transport: Transport | None
) -> None:
    text = f"{first}-{last}" + (f"/{transport}" if transport else "")
    if first > last:
        with pytest.raises(InvalidRange) as caught:
            parse_query(text)
        assert f"{last}-{first}" in str(caught.value)
    else:
        query = parse_query(text)
        assert (query.kind, query.first, query.last) == ("range", first, last)
        assert query.transport is transport


@given(any_port, st.integers(1, 30))
def test_leading_zeros_are_read_and_told(port: int, zeros: int) -> None:
    spelled = "0" * zeros + str(port)
    assert parse_port(spelled) == (port, (f"{spelled[:20]} was read as {port}",))
    assert parse_query(spelled).notes
    assert parse_query(f"{spelled}/udp").notes
    assert len(parse_query(f"{spelled}-{spelled}").notes) == 2


# -- the examples -----------------------------------------------------------------------------


@for_each(
    "text, expected",
    [
        ("305", Query(QueryKind.PORT, "305", 305, 305)),
        (":305", Query(QueryKind.PORT, "305", 305, 305)),
        ("443/udp", Query(QueryKind.PORT, "443", 443, 443, UDP)),
        ("udp:443", Query(QueryKind.PORT, "443", 443, 443, UDP)),
        ("tcp6:443", Query(QueryKind.PORT, "443", 443, 443, TCP)),
        ("127.0.0.1:8080", Query(QueryKind.PORT, "8080", 8080, 8080, None, "127.0.0.1")),
        ("127.0.0.1:80/a/1", Query(QueryKind.PORT, "80", 80, 80, None, "127.0.0.1")),
        ("localhost:5173/", Query(QueryKind.PORT, "5173", 5173, 5173, None, "localhost")),
        ("localhost:80/?q=1", Query(QueryKind.PORT, "80", 80, 80, None, "localhost")),
        ("localhost:53/UDP", Query(QueryKind.PORT, "53", 53, 53, Transport.UDP, "localhost")),
        ("10.0.0.1:53/udp", Query(QueryKind.PORT, "53", 53, 53, Transport.UDP, "10.0.0.1")),
        ("[::1]:53/udp", Query(QueryKind.PORT, "53", 53, 53, Transport.UDP, "::1")),
        ("[::1]:5432", Query(QueryKind.PORT, "5432", 5432, 5432, None, "::1")),
        ("https://localhost:8443/x", Query(QueryKind.PORT, "8443", 8443, 8443, None, "localhost")),
        ("6000-6063", Query(QueryKind.RANGE, "6000-6063", 6000, 6063)),
        ("0-65535", Query(QueryKind.RANGE, "0-65535", 0, 65535)),
        ("ssh", Query(QueryKind.NAME, "ssh")),
        ("cvc_hostd", Query(QueryKind.NAME, "cvc_hostd")),
        ("whois++", Query(QueryKind.NAME, "whois++")),
        ("914c-g", Query(QueryKind.NAME, "914c-g")),
        ("3com-amp3", Query(QueryKind.NAME, "3com-amp3")),
        ("novastor  backup", Query(QueryKind.TEXT, "novastor backup")),
        ("1.2.3", Query(QueryKind.NAME, "1.2.3")),
        ("viewport=800", Query(QueryKind.NAME, "viewport=800")),
        ("udp://[::]:53", Query(QueryKind.PORT, "53", 53, 53, UDP, "::")),
    ],
)
def test_examples(text: str, expected: Query) -> None:
    query = parse_query(text)
    assert query == expected


def test_a_url_without_a_port_asks_for_its_scheme() -> None:
    query = parse_query("https://user@www.example.org/x:80")
    assert (query.kind, query.text, query.address) == ("name", "https", "www.example.org")
    assert "https" in query.notes[0]
    assert parse_query("POSTGRESQL://db/x").text == "postgresql"


def test_an_address_that_can_be_read_two_ways_says_so() -> None:
    assert "IPv6" in parse_query("2001:db8::1:80").notes[0]
    for clear in ("[2001:db8::1]:80", ":::80", "fe80::1%eth0:80", "::ffff:10.0.0.1:80"):
        assert parse_query(clear).notes == (), clear


# -- pasted errors ----------------------------------------------------------------------------

PASTED: list[tuple[str, int, Transport | None]] = [
    # node
    ("EADDRINUSE: address already in use :::3000", 3000, None),
    ("Error: listen EADDRINUSE: address already in use 127.0.0.1:3000", 3000, None),
    ("Error: listen EADDRINUSE :::8080", 8080, None),
    ("Error: listen EACCES: permission denied 0.0.0.0:80", 80, None),
    ("Error: connect ECONNREFUSED ::1:5432", 5432, None),
    ("Error: connect ECONNREFUSED 127.0.0.1:6379", 6379, None),
    ("{ code: 'EADDRINUSE', errno: -98, syscall: 'listen', address: '::', port: 3000 }", 3000, None),
    (
        "node:events:497\n      throw er; // Unhandled 'error' event\n      ^\n\n"
        "Error: listen EADDRINUSE: address already in use :::3000\n"
        "    at Server.setupListenHandle [as _listen2] (node:net:1817:16)",
        3000,
        None,
    ),
    (
        "events.js:292\n      throw er; // Unhandled 'error' event\n      ^\n\n"
        "Error: listen EADDRINUSE: address already in use :::3000\n"
        "    at Server.setupListenHandle [as _listen2] (net.js:1318:16)",
        3000,
        None,
    ),
    ("/srv/app/server.js:5\n throw err;\nError: listen EADDRINUSE 0.0.0.0:9229", 9229, None),
    ("Error: Port 5173 is already in use", 5173, None),
    ("Something is already running on port 3000.", 3000, None),
    # Go
    ("listen tcp :8080: bind: address already in use", 8080, TCP),
    ("listen tcp4 0.0.0.0:53: bind: permission denied", 53, TCP),
    ("listen udp 127.0.0.1:53: bind: address already in use", 53, UDP),
    ("listen tcp [::1]:6060: bind: address already in use", 6060, TCP),
    ("dial tcp 127.0.0.1:5432: connect: connection refused", 5432, TCP),
    ("2024/05/01 12:30:45 listen tcp :8080: bind: address already in use", 8080, TCP),
    ("2024/05/01 12:30:45 main.go:15: listen tcp :8080: bind: address already in use", 8080, TCP),
    (
        "listen tcp 0.0.0.0:8080: bind: Only one usage of each socket address "
        "(protocol/network address/port) is normally permitted.",
        8080,
        TCP,
    ),
    # Python
    (
        "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): "
        "address already in use",
        8000,
        None,
    ),
    ("error while attempting to bind on address ('::1', 8000, 0, 0): in use", 8000, None),
    ("ERROR:    [Errno 98] ... ('0.0.0.0', 8000)", 8000, None),
    ("Connection in use: ('0.0.0.0', 8000)", 8000, None),
    ("Port 5000 is in use by another program.", 5000, None),
    # Java
    ("Web server failed to start. Port 8080 was already in use.", 8080, None),
    ("java.net.BindException: Address already in use: JVM_Bind <null>:8080", 8080, None),
    ("java.io.IOException: Failed to bind to address 0.0.0.0/0.0.0.0:9092: in use.", 9092, None),
    ("Server.java:123 io.netty: bind(..) failed: Address already in use: /0.0.0.0:25565", 25565, None),
    # Ruby, PHP, .NET, Rust
    ('Address already in use - bind(2) for "127.0.0.1" port 3000 (Errno::EADDRINUSE)', 3000, None),
    ("Address already in use - bind(2) for 127.0.0.1:3000 (Errno::EADDRINUSE)", 3000, None),
    ("[Sun May  5 12:30:45 2024] Failed to listen on localhost:8000 (reason: in use)", 8000, None),
    ("Failed to bind to address http://127.0.0.1:5000: address already in use.", 5000, None),
    ("Failed to bind to address http://[::]:5000: address already in use.", 5000, None),
    # web servers, proxies
    ("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", 80, None),
    (
        "2024/01/15 10:00:00 [emerg] 1#1: bind() to [::]:80 failed (98: Address already in use)",
        80,
        None,
    ),
    (
        "(98)Address already in use: AH00072: make_sock: could not bind to address [::]:80",
        80,
        None,
    ),
    (
        "[ALERT] 015/100000 (1) : Starting frontend web: cannot bind socket [0.0.0.0:443]",
        443,
        None,
    ),
    ("[ALERT] (8) : Starting proxy web: cannot bind socket [:::8443]", 8443, None),
    # containers
    (
        "Error response from daemon: driver failed programming external connectivity on endpoint "
        "web (0f1e2d3c): Bind for 0.0.0.0:8080 failed: port is already allocated",
        8080,
        None,
    ),
    ("Error starting userland proxy: listen tcp4 0.0.0.0:5432: bind: address in use", 5432, TCP),
    ("0.0.0.0:8080->80/tcp, [::]:8080->80/tcp", 8080, TCP),
    # ssh, curl, databases
    ("ssh: connect to host db.example.org port 22: Connection refused", 22, None),
    ("error: Bind to port 2222 on 0.0.0.0 failed: Address already in use.", 2222, None),
    ("Connection closed by 192.0.2.4 port 22", 22, None),
    ("curl: (7) Failed to connect to localhost port 8080 after 0 ms: Refused", 8080, None),
    ("curl: (7) Failed to connect to ::1 port 8080: Connection refused", 8080, None),
    ("Could not create server TCP listening socket *:6379: bind: Address in use", 6379, TCP),
    ("HINT: Is another postmaster already running on port 5432? If not, wait", 5432, None),
    ("Do you already have another mysqld server running on port: 3306 ?", 3306, None),
    ("could not connect to server: is it running on host localhost (::1) and accepting "
     "TCP/IP connections on port 5432?", 5432, None),
    # what tools print
    ("tcp LISTEN 0 4096 127.0.0.1:631 0.0.0.0:*", 631, TCP),
    ("udp UNCONN 0 0 0.0.0.0%lo:68 0.0.0.0:*", 68, UDP),
    ("tcp6 0 0 :::22 :::* LISTEN 812/sshd", 22, TCP),
    ("tcp4 0 0 127.0.0.1.8080 *.* LISTEN", 8080, TCP),
    ("node 4321 me 20u IPv6 0t0 TCP *:3000 (LISTEN)", 3000, TCP),
    ("httpPort=8080 in use", 8080, None),
    ("--port 8080", 8080, None),
    ("sport = :305", 305, None),
    ("udp 443", 443, UDP),
    ("dial tcp: connect to redis:6379 failed", 6379, TCP),
    ("cannot reach tcp://db.example.org:2375 now", 2375, TCP),
    ("ssh: connect to host 2001:db8::1 port 22: Connection refused", 22, None),
    ("ssh: connect to host 2001:db8::1:2 port 22: Connection refused", 22, None),
    ("tcp6 0 0 2001:db8::1:443 2001:db8::9:51234 ESTABLISHED", 443, TCP),
    ('{"code":"EADDRINUSE", "errno":98, "port":3000}', 3000, None),
    ("PORT=8080 npm start", 8080, None),
    ("connection from 192.0.2.4:54321 to port 22 refused", 22, None),
    ("udp 768 0 0.0.0.0:68 0.0.0.0:*", 68, UDP),
]  # fmt: skip


@for_each("text, port, transport", PASTED)
def test_pasted_lines(text: str, port: int, transport: Transport | None) -> None:
    query = parse_query(text)
    assert (query.kind, query.first, query.transport) == ("port", port, transport)
    if len(text.split()) > 2:
        assert f"read from the text: port {port}" in query.notes


@for_each(
    "text",
    [
        "see Server.java:123 and net.js:1318",
        "nginx: invalid parameter in /etc/nginx/nginx.conf:12",
        "at 12:30:45 it failed",
        "contact support 24 hours",
        "quarterly report 12",
        "transport 5",
        "export 3 or import 4",
        "viewport=800 in it",
        "tcp 0 0 *:ssh *:* LISTEN",
        "exit:1 error:98 line:12",
        "a route to 2001:db8::1 is missing",
        "port ²",
        "port seven",
        "version 1.2.3.4 of it",
    ],
)
def test_text_without_a_port_stays_text(text: str) -> None:
    assert parse_query(text) == Query(QueryKind.TEXT, text)


@for_each(
    "text",
    [
        "Error: That port is already in use.",
        "OSError: [Errno 98] Address already in use",
        "java.net.BindException: Address already in use (Bind failed)",
        "Traceback: main.py:15 in main: Address already in use",
        "(98: Address already in use)",
        "listen EADDRINUSE: " + "x" * 300,
    ],
)
def test_a_failure_without_a_port_is_understood(text: str) -> None:
    query = parse_query(text)
    assert query.kind is QueryKind.TEXT
    assert query.pasted is not None
    assert query.pasted.failure is Failure.IN_USE


@for_each(
    "text, topic, first",
    [
        ("kill process on port 3000", "stop", 3000),
        ("kill 3000", "stop", 3000),
        ("how do I free port 8080?", "stop", 8080),
        ("which port should I use for my app", "choose", -1),
        ("how do I register a port with IANA", "register", -1),
        ("what are ephemeral ports", "ephemeral", -1),
        ("too many connections in TIME_WAIT", "time-wait", -1),
        ("bind port 80 without root", "privileged", 80),
        ("difference between port 80 and 8080", None, 80),
        ("difference between 80, 443 and 8080", None, 80),
        ("What is 9123 for?", None, 9123),
        ("which ports does kubernetes use", None, -1),
        ("Find a free port in a test without a race", "choose", -1),
        ("how do I free port 8080", "stop", 8080),
        ("How do I see every port that's open here?", "listen", -1),
        ("Why is everything on 3000 / 8000 / 8080?", None, 3000),
        ("Which socket unit holds the port (systemd, pid 1)?", None, -1),
    ],
)
def test_a_question_is_understood(text: str, topic: str | None, first: int) -> None:
    query = parse_query(text)
    assert (query.topic, query.first) == (topic, first)


@for_each(
    "word, port, address",
    [
        ("SelectChannelConnector@0.0.0.0:8080", 8080, "0.0.0.0"),
        ("[AF_INET]192.0.2.1:5140", 5140, "192.0.2.1"),
        ("ListenStream=192.0.2.1:80", 80, "192.0.2.1"),
        ("{address:'0.0.0.0',port:80}", 80, "0.0.0.0"),
        ("('::1',8000,0,0)", 8000, "::1"),
        ("0.0.0.0:443->8443/tcp", 443, "0.0.0.0"),
        ("端口8080被占用", 8080, None),
    ],
)
def test_one_word_of_an_error_is_read_as_one(word: str, port: int, address: str | None) -> None:
    query = parse_query(word)
    assert (query.kind, query.first, query.address) == (QueryKind.PORT, port, address)


@pytest.mark.parametrize("word", ["3000..3010", "3000:3010", "3000:3010/tcp"])
def test_a_range_may_have_dots_or_a_colon(word: str) -> None:
    query = parse_query(word)
    assert (query.kind, query.first, query.last) == (QueryKind.RANGE, 3000, 3010)


@pytest.mark.parametrize("word", ["12:30", "23:59", "3010:3000", "8080:80", "1:2:3"])
def test_a_time_of_day_and_a_mapping_are_no_range(word: str) -> None:
    assert parse_query(word).kind is not QueryKind.RANGE


@pytest.mark.parametrize("word", ["server.js:15", "main.go:37:12", "node:net:1817:16"])
def test_a_place_in_a_file_is_no_port(word: str) -> None:
    assert parse_query(word).kind is QueryKind.NAME


# -- bad input --------------------------------------------------------------------------------


@for_each(
    "text, kind",
    [
        ("-1", InvalidPort),
        ("65536", InvalidPort),
        ("99999999999999999999", InvalidPort),
        ("9" * 4000, InvalidPort),
        ("٨٠", InvalidPort),
        ("²", InvalidPort),
        ("+80", InvalidPort),
        ("80/xyz", InvalidTransport),
        ("80/?", InvalidTransport),
        ("80/٨٠", InvalidTransport),
        ("9-3", InvalidRange),
        ("1-2-3", InvalidPort),
        ("1-65536", InvalidPort),
        ("5-", InvalidPort),
        ("--", InvalidPort),
        ("-5-10", InvalidPort),
        ("tcp:65536", InvalidPort),
        ("127.0.0.1:65536", InvalidPort),
        ("localhost:80x", InvalidPort),
        ("localhost:80x/tcp", InvalidPort),
        ("localhost:99999/login", InvalidPort),
        ("http://localhost:80x/", InvalidPort),
        (":65536", InvalidPort),
        ("", InvalidQuery),
        (" \t\n", InvalidQuery),
        ("\u3000\u2028", InvalidQuery),
        ("80\0", InvalidQuery),
        ("\0", InvalidQuery),
        ("x" * 10_000, InvalidQuery),
        ("8" * 10_000, InvalidQuery),
        ("://", InvalidQuery),
        ("://localhost", InvalidQuery),
        ("x\x1b://localhost", InvalidQuery),
        ("127.0.0.1", InvalidQuery),
        ("::1", InvalidQuery),
        ("2001:db8::1", InvalidQuery),
        ("[::1]", InvalidQuery),
        ("[fe80::1%eth0]", InvalidQuery),
    ],
)
def test_bad_input(text: str, kind: type[InvalidQuery]) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse_query(text)
    assert type(caught.value) is kind
    said = str(caught.value)
    assert said.isprintable()
    assert said.isascii() or "…" in said
    assert len(said) < 200
    assert ":" in said  # what is wrong: what to do


@given(st.one_of(text, nasty, queryish, st.text(max_size=200)))
def test_any_text_is_a_query_or_is_refused(text: str) -> None:
    try:
        query = parse_query(text)
    except InvalidQuery as error:
        said = str(error)
        assert said.isprintable()
        return
    assert query.kind in ("port", "range", "name", "text")
    assert all(note.isprintable() for note in query.notes)
    if query.kind in ("port", "range"):
        assert 0 <= query.first <= query.last <= 65535
        assert query.kind is QueryKind.RANGE or query.first == query.last
    else:
        assert (query.first, query.last) == (-1, -1)
        assert query.text.strip()


@given(st.lists(st.one_of(queryish, st.sampled_from(["port", "udp", "127.0.0.1"])), max_size=6))
def test_any_words_are_a_query_or_are_refused(words: list[str]) -> None:
    try:
        query = parse_query(" ".join(words))
    except InvalidQuery as error:
        said = str(error)
        assert said.isprintable()
    else:
        assert -1 <= query.first <= query.last <= 65535


def test_the_longest_query_is_still_read() -> None:
    assert parse_query("a" * LONGEST).kind == "name"
    assert parse_query(f"{'x ' * 1900}:::3000").first == 3000


# -- lists ------------------------------------------------------------------------------------


@for_each(
    "text, queries",
    [
        ("22,80,6000-6063", ["22", "80", "6000-6063"]),
        ("22/tcp, 443/udp", ["22/tcp", "443/udp"]),
        ("22", ["22"]),
        ("22,80,", ["22", "80"]),
        ("22,", ["22"]),
        ("22 80/udp  6000-6063", ["22", "80/udp", "6000-6063"]),
        ("443 udp", ["443 udp"]),
        ("22 ssh", ["22 ssh"]),
        (" ", [" "]),
        ("22,,80", ["22,,80"]),
        ("22,,", ["22,,"]),
        ("ssh,", ["ssh,"]),
        (",", [","]),
        ("ssh,http", ["ssh,http"]),
        ("bind: 0.0.0.0:80, sorry", ["bind: 0.0.0.0:80, sorry"]),
        ("22,80/xyz", ["22,80/xyz"]),
        ("3,000", ["3,000"]),
        ("8,080/tcp", ["8,080/tcp"]),
        ("22,443", ["22", "443"]),
        ("22, 053", ["22", "053"]),
        ("99,000", ["99", "000"]),
        ("22,80,000", ["22", "80", "000"]),
    ],
)
def test_a_list_is_several_queries(text: str, queries: list[str]) -> None:
    assert split_queries(text) == queries


@given(st.one_of(queryish, nasty))
def test_splitting_loses_nothing(text: str) -> None:
    parts = split_queries(text)
    assert parts
    assert "".join("".join(parts).split()) in ("".join(text.split()).replace(",", ""), text) or (
        parts == [text]
    )


@pytest.mark.parametrize(
    ("text", "port", "note"),
    [
        ("3,000", 3000, "3,000 was read as 3000"),
        ("8,080/tcp", 8080, "8,080 was read as 8080"),
        ("5_173", 5173, "5_173 was read as 5173"),
        ("10'000", 10000, "10'000 was read as 10000"),
        ("port 3,000 is already in use", 3000, "3,000 was read as 3000"),
    ],
)
def test_a_number_with_its_thousands_apart_is_one_port(text: str, port: int, note: str) -> None:
    query = parse_query(text)
    assert (query.kind, query.first) == (QueryKind.PORT, port)
    assert note in query.notes


@pytest.mark.parametrize("text", ["99,000", "0,000", "1,000,000", "22,80"])
def test_what_is_no_such_port_is_left_as_it_is(text: str) -> None:
    assert join_groups(text) == (text, [])


@for_each(
    "text, ports",
    [
        ("difference between 80 and 8080", [80, 8080]),
        ("what is the difference between port 443 and port 80?", [443, 80]),
        ("is 8080 the same as 80?", [8080, 80]),
        ("80 vs 8080", [80, 8080]),
        ("ports 22 and 2222", [22, 2222]),
        ("which of 8080 8081 8082 is free", [8080, 8081, 8082]),
        ("443", [443]),
        ("Error: listen EADDRINUSE :::3000, retrying on 3001", [3000]),
        ("kill process on port 3000", [3000]),
    ],
)
def test_a_question_about_several_ports_is_one_about_each(text: str, ports: list[int]) -> None:
    assert [query.first for query in parse_questions(text)] == ports


@given(st.one_of(queryish, nasty))
def test_one_query_is_read_as_ever(text: str) -> None:
    try:
        queries = parse_questions(text)
    except InvalidQuery:
        return
    assert queries
    assert len(queries) > 1 or queries == (parse_query(text),)


@for_each(
    "text, port",
    [
        ("#3000", 3000),
        ("port3000", 3000),
        ("3000?", 3000),
        ("3000.", 3000),
        ("/8080", 8080),
        ("8080/", 8080),
        ("(443)", 443),
        ("0x1F90", 8080),
    ],
)
def test_a_port_with_signs_around_it_is_one(text: str, port: int) -> None:
    query = parse_query(text)
    assert (query.kind, query.first) == (QueryKind.PORT, port)
    assert text == "8080/" or f"{text} was read as {port}" in query.notes


@for_each("text", ["port", "#", "0x", "0x1234567", "v3000", "3.000", "p3000"])
def test_what_only_resembles_a_port_is_a_name(text: str) -> None:
    assert parse_query(text).kind is QueryKind.NAME
