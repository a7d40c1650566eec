"""Clients that take their time or never end: none keeps others waiting or fills the memory."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from portbook.web.http.protocol import LARGEST_BODY, MOST_PIPELINED
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.web.process import STAND_IN, Running, serving
from tests.web.wire import check_headers, connect, exchange, get, read, request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc"),
]
IMPATIENT = (sys.executable, "-m", "tests.web.impatient")
HEALTHY = b"HTTP/1.1 200 "


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("site")) as running:
        yield running


def _healthy(site: Running) -> bool:
    return exchange(site, get("/healthz", "Connection: close")).startswith(HEALTHY)


def _resident(site: Running) -> int:
    """The server's memory in kB."""
    with open(f"/proc/{site.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def _sockets(site: Running) -> int:
    folder = f"/proc/{site.process.pid}/fd"
    links = []
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"{folder}/{name}"))
    return sum(link.startswith("socket:") for link in links)


# -- byte by byte -----------------------------------------------------------------------------


class Slow(NamedTuple):
    """A client that sends *first*, then *more* again and again, and is answered with *statuses*."""

    first: bytes
    more: bytes
    statuses: tuple[bytes, ...]


LENGTH = "Content-Length: 1000000"
CHUNKED = "Transfer-Encoding: chunked"
A_FORM = "Content-Type: application/x-www-form-urlencoded"
EVIL = "Origin: https://evil.example"
SLOW = {
    # They have their answer, and go on with a body that nobody reads.
    "405": Slow(request("POST", "/305", LENGTH), b"a", (b"405",)),
    "405 in chunks": Slow(request("POST", "/305", CHUNKED), b"1\r\na\r\n", (b"405",)),
    "a chunk's extension": Slow(request("POST", "/305", CHUNKED) + b"1;", b"a", (b"405",)),
    "a trailer": Slow(request("POST", "/305", CHUNKED) + b"0\r\nX: ", b"a", (b"405",)),
    "403": Slow(request("POST", "/feedback", LENGTH, A_FORM, EVIL), b"a", (b"403",)),
    "403 to a capture": Slow(request("POST", "/api/explain", LENGTH, EVIL), b"a", (b"403",)),
    "413": Slow(
        request("POST", "/api/explain", "Content-Length: 9999999999", "Content-Type: text/plain"),
        b"a",
        (b"413",),
    ),
    "200": Slow(request("GET", "/healthz", LENGTH), b"a", (b"200",)),
    "a kept page": Slow(request("GET", "/305.json", LENGTH), b"a", (b"200",)),
    "HEAD": Slow(request("HEAD", "/305.json", LENGTH), b"a", (b"200",)),
    "OPTIONS": Slow(request("OPTIONS", "/305.json", LENGTH), b"a", (b"204",)),
    "404": Slow(request("DELETE", "/services/x", LENGTH), b"a", (b"4",)),
    "what expects to be asked": Slow(
        request("POST", "/305", LENGTH, "Expect: 100-continue"), b"a", (b"405",)
    ),
    "behind others": Slow(
        get("/305.json") * 3 + request("GET", "/305.json", CHUNKED), b"1\r\na\r\n", (b"200",) * 4
    ),
    # They don't come to the end of a head.
    "nothing": Slow(b"", b"", ()),
    "empty lines": Slow(b"", b"\r\n", ()),
    "a method": Slow(b"G", b"", (b"408",)),
    "an address": Slow(b"GET /305", b"5", (b"408",)),
    "a header": Slow(get("/305")[:-4], b"a", (b"408",)),
    "headers": Slow(get("/305")[:-2], b"X: y\r\n", (b"408",)),
    "the head behind another": Slow(get("/305.json") + b"GET", b"", (b"200", b"408")),
    # And these are idle, with their answer.
    "an answer": Slow(get("/305.json"), b"", (b"200",)),
    "an answer that was kept": Slow(get("/305.json") * 2, b"", (b"200",) * 2),
    "an upgrade": Slow(
        get("/305.json", "Upgrade: websocket", "Connection: Upgrade"), b"", (b"200",)
    ),
    "an upgrade that goes on": Slow(
        get("/305.json", "Upgrade: h2c", "Connection: Upgrade"), b"\0", (b"200", b"400")
    ),
}


@pytest.fixture(scope="module")
def received_by(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes | None]:
    """What each of SLOW was sent until the server closed; None where it didn't."""
    received: dict[str, bytes | None] = dict.fromkeys(SLOW)
    with serving(tmp_path_factory.mktemp("slow"), "--public", program=IMPATIENT) as site:
        exchange(site, get("/305.json", "Connection: close"))  # it is kept now
        clients = [threading.Thread(target=_be_slow, args=(site, name, received)) for name in SLOW]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert _healthy(site)
    return received


def _be_slow(site: Running, name: str, received: dict[str, bytes | None]) -> None:
    answer = b""
    with connect(site) as connection:
        connection.settimeout(0.2)
        connection.sendall(SLOW[name].first)
        # The longest of the times is 15 s, and 1.5 where the test doesn't wait for the real ones.
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                try:
                    chunk = connection.recv(65536)
                except ConnectionError:
                    chunk = b""
                answer += chunk
                if not chunk:
                    received[name] = answer
                    return
            with contextlib.suppress(OSError):
                connection.sendall(SLOW[name].more)


@pytest.mark.parametrize("name", SLOW)
def test_a_client_that_goes_on_byte_by_byte_is_closed(
    received_by: dict[str, bytes | None], name: str
) -> None:
    received = received_by[name]
    assert received is not None, "the server never closed it"
    answers = received.split(b"HTTP/1.1 ")[1:]
    answers = [answer for answer in answers if not answer.startswith(b"100 ")]
    assert len(answers) == len(SLOW[name].statuses), received
    for answer, status in zip(answers, SLOW[name].statuses, strict=True):
        assert answer.startswith(status)
        check_headers(b"HTTP/1.1 " + answer)


def test_a_slow_client_keeps_nobody_waiting(site: Running) -> None:
    slow = [connect(site) for _ in range(20)]
    for connection in slow:
        connection.sendall(b"GET /305.json HT")
    assert b'"port":305' in exchange(site, get("/305.json", "Connection: close"))
    for connection in slow:  # and gets its answer in the end
        for byte in b"TP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes((byte,)))
        assert b'"port":305' in read(connection)
        connection.close()


def test_a_body_that_nobody_reads_does_not_end_the_connection(site: Running) -> None:
    """Where it is short, a client can go on with the next request."""
    with connect(site) as connection:
        connection.sendall(request("POST", "/305", "Content-Length: 500000"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 405 ")
        connection.sendall(b"a" * 500_000 + get("/305.json", "Connection: close"))
        assert b'"port":305' in read(connection)


# -- readers that don't read ------------------------------------------------------------------


def test_readers_that_do_not_read_are_closed(tmp_path: Path) -> None:
    """However much they asked for: what is left when the server has closed is thrown away too."""
    with serving(tmp_path, "--public", program=IMPATIENT) as site, contextlib.ExitStack() as stack:
        paths = ("/305.json", "/api/ports?ports=0-255")
        for path in paths:
            exchange(site, get(path, "Connection: close"))
        before = _sockets(site)
        counts = (100, 400, 700, 1000, 4000) if PROOF else (100, 700, 4000)
        for path, count in itertools.product(paths, counts):
            connection = stack.enter_context(connect(site))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setblocking(False)
            with contextlib.suppress(OSError):
                for _ in range(count):
                    connection.send(get(path))
        end = time.monotonic() + PATIENCE
        while _sockets(site) > before and time.monotonic() < end:
            time.sleep(0.1)
        assert _sockets(site) <= before
        assert _healthy(site)
        assert _resident(site) < 300_000


# -- too much ---------------------------------------------------------------------------------

ENDLESS = {
    "413": (SLOW["413"].first, b"a" * 65536),
    "403": (SLOW["403"].first.replace(b": 1000000", b": 9999999999"), b"a" * 65536),
    "405": (SLOW["405"].first.replace(b": 1000000", b": 9999999999"), b"a" * 65536),
    "200": (SLOW["200"].first.replace(b": 1000000", b": 9999999999"), b"a" * 65536),
    "chunks": (SLOW["405 in chunks"].first, b"8\r\naaaaaaaa\r\n" * 5000),
    "a chunk's extension": (SLOW["a chunk's extension"].first, b"a" * 65536),
    "one trailer": (SLOW["a trailer"].first, b"a" * 65536),
    "trailers": (request("POST", "/305", CHUNKED) + b"0\r\n", b"X: y\r\n" * 10000),
    "a trailer of a capture": (
        request("POST", "/api/explain", CHUNKED, "Content-Type: text/plain") + b"0\r\nX: ",
        b"a" * 65536,
    ),
    "an address": (b"GET /", b"a" * 65536),
    "one header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"a" * 65536),
    "the name of a header": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a" * 65536),
    "headers": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a:\r\n" * 16384),
    "requests": (b"", get("/305.txt?a") * 1000),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_not_read_on(site: Running, name: str) -> None:
    first, more = ENDLESS[name]
    most = 100 << 20
    before = _resident(site)
    sent = 0
    with connect(site) as connection:
        connection.settimeout(5)  # "requests" fill both sides' buffers, since nobody reads
        connection.sendall(first)
        with contextlib.suppress(OSError):
            while sent < most:
                sent += connection.send(more)
        # What the kernel takes of it isn't read by the server.
        assert sent < most // 2, "the server reads on and on"
        assert _resident(site) - before < 40_000
        connection.settimeout(PATIENCE)
        answer = read(connection)
    assert answer.count(b"HTTP/1.1 ") <= (1 if name != "requests" else MOST_PIPELINED + 2)
    assert _healthy(site)


def test_what_is_too_large_is_told_so(site: Running) -> None:
    for name, status in (("an address", b"414"), ("one header", b"431"), ("headers", b"431")):
        first, more = ENDLESS[name]
        answer = exchange(site, first + more[: 60 << 10])
        assert answer.startswith(b"HTTP/1.1 " + status), answer[:200]
        check_headers(answer)
    # A browser sends all of a form before it reads, and sees the answer nevertheless.
    size = LARGEST_BODY - 70_000
    form = request(
        "POST", "/explain", A_FORM, f"Content-Length: {size}", "Sec-Fetch-Site: same-origin"
    )
    with connect(site) as connection:
        connection.sendall(form + b"a" * size)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_trailers_get_no_answer_of_their_own(site: Running) -> None:
    trailers = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 100) for n in range(9000))
    sent = request("POST", "/305", CHUNKED) + b"0\r\n" + trailers + b"\r\n"
    answer = exchange(site, sent + get("/305.json", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b" 431 " not in answer
    assert answer.count(b"HTTP/1.1 ") == 2
    longer = request("POST", "/305", CHUNKED) + b"0\r\n" + trailers * 2 + b"\r\n"
    answer = exchange(site, longer)
    assert answer.count(b"HTTP/1.1 ") == 1


# -- too many ---------------------------------------------------------------------------------


def _limited(soft: int, hard: int) -> tuple[str, ...]:
    """A server that may have so many descriptors, as a shell or a service manager starts it."""
    limit = f'ulimit -S -n {soft} && ulimit -H -n {hard} && exec "$@"'
    return ("sh", "-c", limit, "sh", *STAND_IN)


def test_the_limit_of_descriptors_is_raised(tmp_path: Path) -> None:
    with serving(tmp_path, program=_limited(64, 400)) as site, contextlib.ExitStack() as stack:
        for _ in range(120):
            stack.enter_context(connect(site))
        assert _healthy(site)
        with open(f"/proc/{site.process.pid}/limits", encoding="ascii") as limits:
            line = next(line for line in limits if line.startswith("Max open files"))
        assert line.split()[3:5] == ["400", "400"]


@pytest.mark.parametrize("name", SLOW if PROOF else ["405", "a header"])
def test_slow_clients_do_not_use_up_the_descriptors(tmp_path: Path, name: str) -> None:
    with serving(tmp_path, program=_limited(300, 300)) as site, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(site)) for _ in range(330)]
        for connection in slow:
            with contextlib.suppress(OSError):
                connection.sendall(SLOW[name].first)
        for _ in range(20):
            assert _healthy(site)
        assert _sockets(site) < 200


def test_a_crowd_of_one_address_costs_no_other_address_anything(tmp_path: Path) -> None:
    with serving(tmp_path, program=_limited(300, 300)) as site, contextlib.ExitStack() as stack:
        mine = [
            http.client.HTTPConnection(
                "127.0.0.1", site.port, timeout=PATIENCE, source_address=("127.0.0.2", 0)
            )
            for _ in range(4)
        ]

        def ask() -> list[bytes]:
            for connection in mine:
                connection.request("GET", "/healthz")
            return [connection.getresponse().read() for connection in mine]

        assert ask() == [b"ok\n"] * 4
        for _ in range(400):
            crowd = stack.enter_context(connect(site))
            with contextlib.suppress(OSError):
                crowd.sendall(b"GET /305")
        held = [connection.sock for connection in mine]
        assert ask() == [b"ok\n"] * 4  # idle since before all of them
        assert [connection.sock for connection in mine] == held
        for connection in mine:
            connection.close()


def test_idle_connections_do_not_hinder(site: Running) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(500 if PROOF else 150):
            stack.enter_context(connect(site))
        for _ in range(5):
            answer = exchange(site, get("/305.json", "Connection: close"))
            assert answer.startswith(HEALTHY)
    assert _healthy(site)
