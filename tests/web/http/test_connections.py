"""Connections by themselves: who has to go where there are too many, and what any bytes lead to."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from portbook.web.explain.endpoints import LONGEST
from portbook.web.http.connections import (
    MOST_DESCRIPTORS,
    SECONDS,
    Connections,
    Phase,
    raise_descriptor_limit,
    shares,
)
from portbook.web.http.protocol import LARGEST_BODY, PatientProtocol
from tests.web.wire import check_headers

if TYPE_CHECKING:
    from collections.abc import Iterable


class Client:
    """A connection as :class:`Connections` sees it."""

    def __init__(self, address: str, since: float = 0.0, phase: Phase = Phase.IDLE) -> None:
        self.address, self.waiting_since, self.phase = address, since, phase
        self.aborted = False

    def check(self, now: float) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        self.aborted = True


def _crowd(most: int, clients: Iterable[Client], newcomer: Client) -> tuple[bool, list[Client]]:
    """Whether *newcomer* is let in, and who goes for it."""
    clients = list(clients)
    connections = Connections(most)
    connections.held.update([*clients, newcomer])
    let_in = connections.make_room(newcomer)
    assert not newcomer.aborted
    return let_in, [client for client in clients if client.aborted]


def test_nobody_goes_while_there_is_room() -> None:
    assert _crowd(3, [Client("192.0.2.1"), Client("192.0.2.1")], Client("192.0.2.2")) == (True, [])


def test_the_one_that_waited_longest_goes_first() -> None:
    clients = [Client("192.0.2.1", since) for since in (5, 3, 9)]
    assert _crowd(3, clients, Client("192.0.2.2")) == (True, [clients[1]])


def test_those_of_the_address_that_has_most_go_first() -> None:
    old = [Client(f"192.0.2.{n}", since=1) for n in range(5)]
    many = [Client("198.51.100.1", since=7 + n) for n in range(2)]
    assert _crowd(7, [*old, *many], Client("192.0.2.9")) == (True, [many[0]])


def test_a_network_of_ipv6_is_one_client() -> None:
    old = [Client(f"192.0.2.{n}", since=1) for n in range(5)]
    many = [Client(f"2001:db8::{n}", since=7 + n) for n in range(2)]
    assert _crowd(7, [*old, *many], Client("192.0.2.9")) == (True, [many[0]])


@pytest.mark.parametrize("phase", [each for each in Phase if each is not Phase.ANSWER])
def test_what_is_being_answered_stays(phase: Phase) -> None:
    answered = [Client("198.51.100.1", phase=Phase.ANSWER) for _ in range(5)]
    waits = Client("192.0.2.1", since=9, phase=phase)
    assert _crowd(6, [*answered, waits], Client("192.0.2.9")) == (True, [waits])
    assert _crowd(5, answered, Client("192.0.2.9")) == (False, [])


def test_room_is_made_for_several_at_once() -> None:
    clients = [Client(f"192.0.2.{n % 200}", since=n) for n in range(1024)]
    let_in, gone = _crowd(1024, clients, Client("198.51.100.1"))
    assert let_in
    assert len(gone) == 64


def test_it_is_looked_for_room_once_for_many_that_come() -> None:
    """Those that have to go are gone at once, so that a crowd isn't looked through for each."""
    connections = Connections(160)
    clients = [Client("192.0.2.1", since=n) for n in range(160)]
    connections.held.update(clients)
    for n in range(10):
        newcomer = Client("198.51.100.1", since=1000 + n)
        connections.held.add(newcomer)
        assert connections.make_room(newcomer)
    assert [client for client in clients if client.aborted] == clients[:10]
    assert len(connections.connections) == 160


def test_a_fault_with_one_spares_no_other() -> None:
    class Faulty(Client):
        def check(self, now: float) -> None:
            raise RuntimeError("a fault")

    class Sound(Client):
        checks = 0

        def check(self, now: float) -> None:
            self.checks += 1

    async def run() -> None:
        connections = Connections(10)
        connections.interval = 0.0
        faulty, sound = Faulty("192.0.2.1"), Sound("192.0.2.2")
        connections.held.update([faulty, sound])
        patrol = asyncio.create_task(connections.patrol())
        while sound.checks < 3:
            await asyncio.sleep(0)
        assert faulty.aborted
        assert not patrol.done()
        patrol.cancel()

    asyncio.run(run())


def test_every_phase_but_the_servers_own_has_an_end() -> None:
    # A body is the application's to wait for: it has a time for each.
    assert set(SECONDS) == set(Phase) - {Phase.ANSWER, Phase.BODY}
    assert max(SECONDS[Phase.IDLE], SECONDS[Phase.HEAD], SECONDS[Phase.REST]) <= 15


def test_the_largest_body_is_larger_than_what_is_taken() -> None:
    assert LARGEST_BODY >= 2 * LONGEST


@pytest.mark.parametrize("descriptors", [64, 300, 1024, 8192])
def test_connections_leave_descriptors_for_all_else(descriptors: int) -> None:
    connections, backlog = shares(descriptors)
    assert connections + backlog <= descriptors - min(256, descriptors // 4)
    assert connections >= 32


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    ("soft", "hard", "then"), [(64, 128, 128), (128, 128, 128), (64, 100_000, MOST_DESCRIPTORS)]
)
def test_the_limit_is_raised_and_not_beyond_the_hard_one(soft: int, hard: int, then: int) -> None:
    import resource

    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        hard, then = 200, 200
    script = (
        "import resource; from portbook.web.http.connections import raise_descriptor_limit as r; "
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); "
        "print(r(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(then), str(then), str(hard)]
    assert raise_descriptor_limit() <= MOST_DESCRIPTORS


# -- any bytes --------------------------------------------------------------------------------


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 50000), "sockname": ("192.0.2.2", 4905)})
        self.written = self.late = b""
        self.closed = False

    def write(self, data: Any) -> None:
        if self.closed:
            self.late += bytes(data)
        else:
            self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Reads half of the bodies, and answers."""
    if scope["path"] == "/read":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


PARTS = (
    b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n", b"HEAD /a HTTP/1.1\r\n", b"GET", b" /",
    b"POST /read HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n",
    b"Host: x\r\n", b"Host: x\r\n", b"Host: \r\n", b"Host: [::1].x\r\n", b"X: y\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 9999999\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n", b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    b"\r\n", b"\r\n\r\n", b"hello", b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n",
    b"fffffffffffffffff\r\n", b"\x16\x03\x01", b"\0", b"a" * 9000, b"X: " * 9000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=30), st.lists(st.integers(1, 400), max_size=20))
def test_whatever_comes_is_answered_in_order_or_ends_it(
    parts: list[bytes], cuts: list[int]
) -> None:
    """No exception, nothing after the end, and no more answers than requests, by any pieces."""

    async def run() -> tuple[Wire, Phase]:
        config = uvicorn.Config(_app, lifespan="off", log_config=None)
        wire = Wire()
        protocol = PatientProtocol(config, Connections(10), {})
        protocol.connection_made(wire)
        rest = b"".join(parts)
        for size in [*cuts, max(1, len(rest))]:
            if rest and not wire.closed:
                protocol.data_received(rest[:size])
                rest = rest[size:]
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        for _ in range(40):
            await asyncio.sleep(0)
        for now in (0, 1000, 1001, 2002, 4000):  # and then it waits
            protocol.check(asyncio.get_running_loop().time() + now)
        phase = protocol.phase
        protocol.connection_lost(None)
        await asyncio.gather(*protocol.tasks)
        return wire, phase

    wire, phase = asyncio.run(run())
    answers = re.findall(rb"HTTP/1\.1 (\d+)", wire.written)
    finals = [status for status in answers if status != b"100"]
    heads = b"".join(parts).count(b" HTTP/") + 1  # the last may be what is no request at all
    assert len(finals) <= heads
    for status, answer in zip(answers, wire.written.split(b"HTTP/1.1 ")[1:], strict=True):
        if status not in (b"200", b"100"):  # this server's own, not the application's
            check_headers(b"HTTP/1.1 " + answer)
    assert not wire.late
    # Whatever it waits for, it doesn't for ever: a body has its time from what reads it.
    assert phase in (Phase.UNREAD, Phase.BODY)
