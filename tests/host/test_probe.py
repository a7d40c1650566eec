"""Asking services: those that answer, and those that hang, stream, lie, echo and close."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from portbook.errors import NotThisMachine
from portbook.host.probe import local_address, session
from portbook.host.probe.fingerprints import LONGEST, QUESTIONS
from portbook.host.probe.local_address import OwnAddress, parse_route_type, route_request
from portbook.host.probe.scanner import AcceptQueues, _is_asked, add_spoken
from portbook.host.probe.session import BYTES
from portbook.model import (
    Family,
    Listener,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Transport,
)
from tests.host.probe.test_fingerprints import dns, packet
from tests.patience import PATIENCE
from tests.real.needs import need_program
from tests.values import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Behave = Callable[[socket.socket], None]

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("own_network")]
TCP, UDP = Transport.TCP, Transport.UDP
RULES = PortRules("linux", 1024, (1, 2))
LISTENER = Listener(Socket(TCP, Family.IPV4, "127.0.0.1", 7070, SocketState.LISTEN))


class Services:
    """Servers of a test's own, each connection treated as told."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.ended = threading.Event()
        self.errors: list[BaseException] = []

    def tcp(self, behave: Behave) -> Listener:
        server = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=self._treat, args=(connection, behave), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        self._stack.callback(server.shutdown, socket.SHUT_RDWR)
        return Listener(
            Socket(TCP, Family.IPV4, "127.0.0.1", server.getsockname()[1], SocketState.LISTEN)
        )

    def _treat(self, connection: socket.socket, behave: Behave) -> None:
        with connection:
            connection.settimeout(PATIENCE)
            try:
                behave(connection)
            except OSError:  # the other side has had enough
                pass

    def udp(self, behave: Callable[[bytes], bytes | None]) -> Listener:
        server = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]

        def serve() -> None:
            while not self.ended.is_set():
                data, peer = server.recvfrom(2048)
                answer = behave(data)
                if answer is not None:
                    server.sendto(answer, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()

        def end() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
                waker.sendto(b"", ("127.0.0.1", port))
            thread.join(PATIENCE)

        self._stack.callback(end)
        return Listener(Socket(UDP, Family.IPV4, "127.0.0.1", port, SocketState.LISTEN))

    def close(self) -> None:
        self.ended.set()
        self._stack.close()


@pytest.fixture
def services() -> Iterator[Services]:
    made = Services()
    yield made
    made.close()


def asked(
    *listeners: Listener, likely: tuple[str, ...] = (), seconds: float = 30.0
) -> list[Spoken]:
    """What *listeners* speak, in the time that a busy machine needs; silence is given less."""
    told = add_spoken(listeners, lambda _: likely, RULES, seconds)
    found = [listener.assessment.speaks for listener in told]
    heard = [each for each in found if each is not None]
    assert len(heard) == len(listeners)
    return heard


def saying(data: bytes) -> Behave:
    def behave(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.recv(4096)

    return behave


def answering(question: str, answer: bytes) -> Behave:
    """Answers one question, and closes on every other."""

    def behave(connection: socket.socket) -> None:
        data = connection.recv(4096)
        if data == QUESTIONS[question]:
            connection.sendall(answer)
            connection.recv(4096)

    return behave


def test_those_that_speak_first(services: Services) -> None:
    greetings = {
        "ssh": b"SSH-2.0-x\r\n", "imap": b"* OK ready\r\n", "pop3": b"+OK ready\r\n",
        "smtp": b"220 x ESMTP\r\n", "mysql": packet(b"\x0a8.0.36\0" + bytes(60)),
    }  # fmt: skip
    found = asked(*(services.tcp(saying(data)) for data in greetings.values()))
    assert [each.protocol for each in found] == list(greetings)
    assert {each.state for each in found} == {"identified"}


@pytest.mark.parametrize("likely", [(), ("ssh",), ("http",)])
def test_one_that_takes_its_time(services: Services, likely: tuple[str, ...]) -> None:
    def behave(connection: socket.socket) -> None:
        time.sleep(0.2)
        connection.sendall(b"SSH-2.0-late\r\n")
        connection.recv(4096)

    (found,) = asked(services.tcp(behave), likely=likely)
    assert found.protocol == "ssh"


ANSWERS = {
    "http": ("http", b"HTTP/1.1 200 OK\r\n\r\n"),
    "line": ("redis", b"+PONG\r\n"),
    "mqtt": ("mqtt", b"\x20\x02\0\0"),
    "amqp": ("amqp", b"AMQP\0\1\0\0"),
    "dns": ("dns", len(dns()).to_bytes(2, "big") + dns()),
}


@pytest.mark.parametrize("question", ANSWERS)
def test_those_that_are_to_be_asked(services: Services, question: str) -> None:
    protocol, answer = ANSWERS[question]
    (found,) = asked(services.tcp(answering(question, answer)))
    assert (found.state, found.protocol) == ("identified", protocol)


def test_what_is_known_of_it_is_asked_first(services: Services) -> None:
    first: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        first.append(connection.recv(4096))
        connection.sendall(b"N")
        connection.recv(100)
        connection.sendall(b"N")
        connection.recv(100)

    (found,) = asked(services.tcp(behave), likely=("no service", "postgresql"))
    assert found.protocol == "postgresql"
    # A machine that is late with the answer is asked the next question beside it.
    assert first[0] == QUESTIONS["postgresql"]


@pytest.mark.parametrize(("answer", "protocol"), [(b"250 x\r\n", "smtp"), (b"530 no\r\n", "ftp")])
def test_a_greeting_of_two_protocols(services: Services, answer: bytes, protocol: str) -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\n")
        assert connection.recv(100) == QUESTIONS["ehlo"]
        connection.sendall(answer)
        connection.recv(100)

    (found,) = asked(services.tcp(behave))
    assert found.protocol == protocol


# -- those that misbehave ---------------------------------------------------------------------


def hang(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def close(connection: socket.socket) -> None:
    pass


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def echo(connection: socket.socket) -> None:
    while data := connection.recv(4096):
        connection.sendall(data)


def stream(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"spam\n" * 1000)


def one_long_line(connection: socket.socket) -> None:
    connection.sendall(b"x" * 1_000_000)


def long_banner(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-" + b"y" * 1_000_000)


def drip(connection: socket.socket) -> None:
    for byte in b"SSH-2.0-drip\r\n" * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def escapes(connection: socket.socket) -> None:
    connection.sendall(b"\x1b[2J\x1b]0;title\x07\xff\xfe\x00hello\n")
    connection.recv(100)


def half_tls(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02")
    connection.recv(4096)


def tls_alert(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
    connection.recv(4096)


def test_those_that_misbehave_all_at_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    whole = session.Conversation.close

    def noted(self: session.Conversation) -> None:
        left.append(self.left)
        whole(self)

    monkeypatch.setattr(session.Conversation, "close", noted)
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    behaviours = [
        hang, close, reset, echo, stream, one_long_line, long_banner, drip, escapes, half_tls,
        tls_alert,
    ]  # fmt: skip
    found = dict(zip(behaviours, asked(*map(services.tcp, behaviours), seconds=3.0), strict=True))
    assert found[hang] == Spoken(SpokenState.SILENT)
    assert found[close] == found[reset] == Spoken(SpokenState.SILENT)
    assert found[drip].protocol in (None, "ssh")
    for behaviour in (echo, stream, one_long_line, escapes):
        assert found[behaviour].protocol is None
        assert found[behaviour].state in ("unrecognised", "silent")
    assert found[long_banner].protocol == "ssh"
    assert found[half_tls] == Spoken(SpokenState.IDENTIFIED, None, None, True)
    assert found[tls_alert].tls
    assert "handshake failed" in (found[tls_alert].detail or "")
    assert all(len(each.detail or "") <= LONGEST + 1 for each in found.values())
    assert len(left) == len(behaviours)
    assert all(0 <= each <= BYTES for each in left)
    if before:
        made = len(os.listdir("/proc/self/fd"))
        assert made <= before + 2 * len(behaviours) * 12  # the servers' ends, not ours


def test_a_mass_of_them_is_asked(services: Services) -> None:
    found = asked(*(services.tcp(saying(b"SSH-2.0-%d\r\n" % number)) for number in range(100)))
    assert [each.detail for each in found] == [f"SSH-2.0-{number}" for number in range(100)]


def test_nothing_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        (found,) = asked(Listener(Socket(TCP, Family.IPV4, "127.0.0.1", port, SocketState.LISTEN)))
    assert found == Spoken(SpokenState.REFUSED)


# -- TLS --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_program("openssl")
    folder = tmp_path_factory.mktemp("tls")
    names = {
        "small": "DNS:a.example.org,DNS:b.example.org",
        # Enough names make a certificate of more than 4 kB.
        "large": ",".join(f"DNS:a-rather-long-name-{each}.example.org" for each in range(150)),
    }
    for name, alternative in names.items():
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem",
                "-subj", "/CN=cn.example.org", "-addext", f"subjectAltName={alternative}",
            ],
            check=True, capture_output=True,
        )  # fmt: skip
    return folder


def over_tls(
    folder: Path, behave: Behave, alpn: list[str] | None = None, name: str = "small"
) -> Behave:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    if alpn:
        context.set_alpn_protocols(alpn)

    def talk(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                behave(wrapped)
        except (ssl.SSLError, OSError):
            pass

    return talk


NAMES = ("a.example.org", "b.example.org")


@pytest.mark.parametrize("likely", [(), ("https",)])
def test_http_in_tls(services: Services, certificate: Path, likely: tuple[str, ...]) -> None:
    def behave(connection: socket.socket) -> None:
        assert connection.recv(4096) == QUESTIONS["http"]
        connection.sendall(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")
        connection.recv(100)

    servers = [services.tcp(over_tls(certificate, behave, alpn)) for alpn in (None, ["http/1.1"])]
    plain, agreed = asked(*servers, likely=likely)
    assert plain == Spoken(SpokenState.IDENTIFIED, "http", "HTTP/1.1 200 OK; x", True, None, NAMES)
    assert agreed == plain._replace(alpn="http/1.1")


def test_http2_is_agreed_on(services: Services, certificate: Path) -> None:
    (found,) = asked(services.tcp(over_tls(certificate, hang, ["h2", "http/1.1"])))
    assert found == Spoken(SpokenState.IDENTIFIED, "http", "HTTP/2", True, "h2", NAMES)


def test_one_that_speaks_first_in_tls(services: Services, certificate: Path) -> None:
    (found,) = asked(services.tcp(over_tls(certificate, saying(b"* OK ready\r\n"))))
    assert found == Spoken(SpokenState.IDENTIFIED, "imap", "* OK ready", True, None, NAMES)


def test_one_that_is_known_for_another_protocol_in_tls(
    services: Services, certificate: Path
) -> None:
    behave = over_tls(certificate, answering("mqtt", b"\x20\x02\0\0"))
    (found,) = asked(services.tcp(behave), likely=("secure-mqtt",))
    assert (found.protocol, found.tls) == ("mqtt", True)


@pytest.mark.parametrize("likely", [(), ("postgresql",)])
def test_one_that_agrees_to_go_on_in_tls(
    services: Services, certificate: Path, likely: tuple[str, ...]
) -> None:
    shake = over_tls(certificate, hang)

    def behave(connection: socket.socket) -> None:
        if connection.recv(8) == QUESTIONS["postgresql"]:
            connection.sendall(b"S")
            shake(connection)

    (found,) = asked(services.tcp(behave), likely=likely)
    assert found == Spoken(
        SpokenState.IDENTIFIED, "postgresql", "TLS on request", True, None, NAMES
    )


@pytest.mark.parametrize("byte", [b"S", b"N", b"Sorry\r\n", b"No\r\n"])
def test_one_byte_is_not_taken_for_a_database(services: Services, byte: bytes) -> None:
    def behave(connection: socket.socket) -> None:
        while connection.recv(100):
            connection.sendall(byte)

    (found,) = asked(services.tcp(behave), likely=("postgresql",), seconds=0.5)
    assert found.protocol is None or byte == b"N"


def test_one_that_keeps_silent_in_tls(services: Services, certificate: Path) -> None:
    (found,) = asked(services.tcp(over_tls(certificate, hang)), seconds=3.0)
    assert found == Spoken(SpokenState.IDENTIFIED, None, None, True, None, NAMES)


def test_a_certificate_that_is_too_long_is_not_read(services: Services, certificate: Path) -> None:
    (found,) = asked(services.tcp(over_tls(certificate, hang, name="large")))
    assert found.tls
    assert found.names == ()
    assert found.detail == "more than 4 kB before its certificate"


# -- UDP --------------------------------------------------------------------------------------


def test_dns_over_udp(services: Services) -> None:
    listeners = [
        services.udp(lambda data: dns() if data == QUESTIONS["dns-udp"] else None),
        services.udp(lambda data: data),
        services.udp(lambda data: None),
        services.udp(lambda data: b"x" * 60_000),
    ]
    found = asked(*listeners, seconds=3.0)
    assert found[0] == Spoken(SpokenState.IDENTIFIED, "dns", "dnsmasq-2.90")
    assert [each.protocol for each in found[1:]] == [None] * 3


def test_a_udp_socket_that_may_be_a_clients_is_not_asked() -> None:
    low = Listener(Socket(UDP, Family.IPV4, "127.0.0.1", 40000, SocketState.LISTEN))
    rules = PortRules("linux", 1024, (32768, 60999))
    assert add_spoken((low,), lambda _: (), rules)[0].assessment.speaks is None


@pytest.mark.parametrize(
    "listener",
    [
        Listener(Socket(TCP, Family.IPV4, "127.0.0.1", 1, SocketState.BOUND)),
        Listener(Socket(TCP, Family.IPV4, "127.0.0.1", 1, SocketState.LISTEN, namespace="other")),
        Listener(Socket(Transport.SCTP, Family.IPV4, "127.0.0.1", 1, SocketState.LISTEN)),
        Listener(Socket(UDP, Family.IPV4, "127.0.0.1", 9, SocketState.LISTEN, udplite=True)),
    ],
)
def test_what_is_not_asked(listener: Listener) -> None:
    assert add_spoken((listener,), lambda _: (), RULES)[0].assessment.speaks is None


def test_one_service_with_two_sockets_is_asked_once(services: Services) -> None:
    one = services.tcp(saying(b"SSH-2.0-x\r\n"))
    owner = Process(7, "sshd")
    held = changed(one, owners=(owner,), owners_seen=OwnersSeen.ALL)
    # The other one is on an address where nothing answers.
    found = add_spoken((held, changed(held, inode=9)), lambda _: (), RULES)
    assert found[0].assessment.speaks == found[1].assessment.speaks
    wild = changed(held, address="0.0.0.0")
    six = changed(held, address="::", family="ipv6")
    both = add_spoken((wild, six), lambda _: (), RULES)
    assert (
        both[0].assessment.speaks
        == both[1].assessment.speaks
        == Spoken(SpokenState.IDENTIFIED, "ssh", "SSH-2.0-x")
    )


# -- this machine alone -----------------------------------------------------------------------

FOREIGN = ["192.0.2.1", "203.0.113.9", "2001:db8::1", "8.8.8.8", "224.0.0.1", "255.255.255.255",
           "ff02::1", "::ffff:192.0.2.1", "no address", "", "localhost", "127.0.0.1.example.org",
           "127.1", "0127.0.0.1", "fe80::1"]  # fmt: skip


@pytest.mark.parametrize("address", FOREIGN)
def test_no_other_machine_is_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotThisMachine):
        OwnAddress(address)

    def connected(*_: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr("portbook.host.probe.session.Connection", connected)
    family = Family.IPV6 if ":" in address else Family.IPV4
    (found,) = asked(Listener(Socket(TCP, family, address, 80, SocketState.LISTEN)))
    assert found.state == "unasked"
    assert "no address of this machine" in (found.detail or "")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"])
def test_our_own_addresses(address: str) -> None:
    place = OwnAddress(address).at(80)
    assert place[0] == address.removeprefix("::ffff:")
    assert len(place) == (4 if ":" in place[0] else 2)


def test_the_kernels_answer_is_read() -> None:
    assert parse_route_type(b"") is None
    assert parse_route_type(bytes(40)) is None
    assert route_request(socket.AF_INET, bytes(4))[4:6] == b"\x1a\x00"
    assert not local_address.is_loopback("127.0.0.1:80")


def test_other_systems_bind() -> None:
    assert local_address._binds(socket.AF_INET, socket.inet_aton("127.0.0.1"))
    assert not local_address._binds(socket.AF_INET, socket.inet_aton("192.0.2.1"))


def test_a_reserved_port_in_the_dynamic_range_is_a_service_s() -> None:
    """A UDP socket there is no client's: the system hands that port to nobody."""
    rules = PortRules("linux", 1024, (32768, 60999), ((40000, 40000),))
    listener = Listener(Socket(Transport.UDP, Family.IPV4, "127.0.0.1", 40000, SocketState.LISTEN))
    assert _is_asked(listener, rules)
    assert not _is_asked(changed(listener, port=40001), rules)


# -- accept queues ------------------------------------------------------------------------------


def test_one_listing_of_accept_queues_serves_many() -> None:
    listings = []
    now = [0.0]

    def read() -> list[Listener]:
        listings.append(now[0])
        return [changed(LISTENER, inode=7, queue=1), changed(LISTENER, inode=8, queue=0)]

    queues = AcceptQueues(read, lambda: now[0])
    assert not queues.empty(7)
    assert queues.empty(8)
    assert queues.empty(None), "what can't be told is no reason"
    assert queues.empty(9), "nor is one that has gone"
    assert listings == [0.0]
    now[0] = 1.0
    assert not queues.empty(7)
    assert listings == [0.0, 1.0]


def test_one_at_which_others_wait_is_not_asked() -> None:
    busy = changed(LISTENER, inode=7, queue=2, queue_limit=5)
    (spoken,) = asked(busy)
    assert spoken.state is SpokenState.UNASKED
    assert spoken.detail == "2 connections wait to be accepted already"
