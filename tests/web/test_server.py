"""A server as a process, and clients that aren't kind to it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from portbook.app.pick.criteria import by_the_book
from portbook.model import RANGES, PortRange, State, Transport
from portbook.web.feedback.sqlite import SQLiteStore
from portbook.web.server import DEFAULT_PORT, Quiet, check_host
from tests.command_line import run
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.needs import need, need_kernel, need_program, need_root
from tests.values import CATALOG
from tests.web.process import Running, environ, serving
from tests.web.wire import check_headers, connect, exchange, get, post, read, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRACTICE = CATALOG.practice

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A site for tests that leave it as it was."""
    with serving(tmp_path_factory.mktemp("shared")) as found:
        yield found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Running]:
    with serving(tmp_path) as found:
        yield found


# -- the port ---------------------------------------------------------------------------------


def test_the_default_port_is_one_that_portbook_calls_a_good_choice() -> None:
    assert PortRange.of(DEFAULT_PORT) is RANGES[1]
    standings = CATALOG.registry.standings(DEFAULT_PORT)
    assert {standing.state for standing in standings.values()} == {State.UNASSIGNED}
    assert standings[Transport.TCP].listed
    # By the criteria of portbook pick that hold on every machine.
    checks = list(by_the_book(DEFAULT_PORT, CATALOG))
    assert {check.code for check in checks} >= {"unassigned", "no-known-use", "browser-opens"}
    # The only use that is known is the site itself.
    others = [check for check in checks if not check.ok]
    assert [dict(check.facts)["products"] for check in others] == [("portbook serve",)]
    assert not PRACTICE.lookup_uses(DEFAULT_PORT)
    assert not PRACTICE.lookup_abuse(DEFAULT_PORT)
    assert not any(port == DEFAULT_PORT for each in PRACTICE.programs() for port, _ in each.ports)
    assert not PRACTICE.browser_blocked(DEFAULT_PORT)
    hands_it_out = [
        rule.system
        for rule in PRACTICE.system_rules()
        if rule.dynamic_first is not None
        and rule.dynamic_last is not None
        and rule.dynamic_first <= DEFAULT_PORT <= rule.dynamic_last
    ]
    # OpenBSD's range leaves no User Port out.
    assert hands_it_out == ["OpenBSD"]
    openbsd = next(rule for rule in PRACTICE.system_rules() if rule.system == "OpenBSD")
    assert (openbsd.dynamic_first, openbsd.dynamic_last) == (RANGES[1].first, RANGES[1].last)


def test_the_default_port_is_told_where_it_is_looked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["serve", "--help"]) == 0
    assert f"default: {DEFAULT_PORT};" in " ".join(capsys.readouterr().out.split())
    docs = (Path(__file__).parents[2] / "docs" / "web.md").read_text(encoding="utf-8")
    assert f"The default is {DEFAULT_PORT} " in docs


def _served(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.web.serving", "serve", *options],
        env=environ(folder, **env),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What ``portbook serve`` says when it doesn't begin to serve.

    It is asked in this process; under make proof in one of its own as well, which says the same.
    """

    def ask(*options: str, **env: str) -> str:
        with mock.patch.dict(os.environ, environ(tmp_path, **env), clear=True):
            assert run(["serve", *options]) == 2
        out, err = capsys.readouterr()
        if PROOF:
            done = _served(tmp_path, *options, **env)
            assert (done.returncode, done.stdout, done.stderr) == (2, out, err)
        assert out == ""
        assert err.startswith("portbook: ")
        assert err.count("\n") == 1
        return err

    return ask


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _served(tmp_path, "--port", str(port))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    said = done.stderr
    assert said.startswith("portbook: ")
    assert f"port {port} is taken by " in said
    assert f"(pid {os.getpid()})" in said
    assert f"portbook why {port}" in said


@pytest.mark.parametrize(
    "options",
    [
        ("--host", "0.0.0.0"),
        ("--host", "::"),
        ("--host", "192.0.2.1"),
        ("--host", "example.org"),
        ("--public", "--show-commands"),
        ("--port", "70000"),
        ("--port", "x"),
        ("--public", "--host", "192.0.2.1", "--port", "0"),
        ("--public", "--host", "nothing.invalid", "--port", "0"),
        ("--nothing",),
    ],
)
def test_what_can_not_be_served(refused: Callable[..., str], options: tuple[str, ...]) -> None:
    assert refused(*options)


def test_a_database_of_an_unknown_kind(refused: Callable[..., str]) -> None:
    said = refused(PORTBOOK_DATABASE_URL="mysql://user:secret@db/x")
    assert "secret" not in said


def test_which_hosts_are_this_machine() -> None:
    """Nothing is raised for these, nor for any where the site is public."""
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        check_host(host, public=False)
    check_host("0.0.0.0", public=True)


def test_localhost_is_both_addresses(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "localhost") as site:
        for host in ("127.0.0.1", "::1"):
            try:
                connection = socket.create_connection((host, site.port), timeout=PATIENCE)
            except OSError:
                need_kernel(host != "::1", "this machine has no IPv6")
                raise
            with connection:
                connection.sendall(get("/305.json", "Connection: close"))
                assert b'"port":305' in read(connection)


def test_a_public_server_prints_no_token_and_shows_no_machine(tmp_path: Path) -> None:
    with serving(tmp_path, "--public", "--host", "0.0.0.0") as site:
        assert site.token is None
        answer = exchange(site, get("/here.json", "Connection: close"))
        assert answer.startswith(b"HTTP/1.1 404 ")


def test_root_prints_a_token_that_opens_this_machine(shared: Running) -> None:
    need(os.geteuid() == 0, "the token is root's")
    assert shared.token
    refused = exchange(shared, get("/here.json", "Connection: close"))
    assert refused.startswith(b"HTTP/1.1 401 ")
    bearer = f"Authorization: Bearer {shared.token}"
    assert exchange(shared, get("/here.json", bearer, "Connection: close")).startswith(
        b"HTTP/1.1 200 "
    )


# -- what is read while nobody asks ------------------------------------------------------------


def _waiting(quiet: Quiet) -> threading.Thread:
    thread = threading.Thread(target=quiet.wait, daemon=True)
    thread.start()
    return thread


def test_reading_waits_until_nobody_asks() -> None:
    answered = [0]
    quiet = Quiet(lambda: answered[0], interval=0.001)
    thread = _waiting(quiet)
    thread.join(0.05)
    assert thread.is_alive()  # nobody has looked yet

    async def look() -> None:
        looking = asyncio.create_task(quiet.look())
        await asyncio.wait_for(asyncio.to_thread(thread.join), PATIENCE)
        looking.cancel()

    asyncio.run(look())
    answered[0] += 1
    thread = _waiting(quiet)
    thread.join(0.05)
    assert thread.is_alive()
    answered[0] -= 1
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_reading_does_not_wait_for_ever() -> None:
    quiet = Quiet(itertools.count().__next__, interval=0.001, looks=3)
    thread = _waiting(quiet)
    thread.join(0.05)
    assert thread.is_alive()
    asyncio.run(quiet.look())
    thread.join(PATIENCE)
    assert not thread.is_alive()


# -- clients that are not kind ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (get("/" + "a" * 8192, "Connection: close"), b"414"),
        (get("/" + "a" * 100_000), b"414"),
        (get("/305", "X: " + "a" * 100_000), b"431"),
        (get("/305", *(f"X-{n}: {n}" for n in range(5000))), b"431"),
        (get("/%", "Connection: close"), b"400"),
        (get("/%ff%fe", "Connection: close"), b"400"),
        (get("/99999", "Connection: close"), b"404"),
        (get("/abc", "Connection: close"), b"404"),
        (get("/305/xyz", "Connection: close"), b"404"),
        (get("//", "Connection: close"), b"404"),
        (get("http://evil.example/here.json", "Connection: close"), b"40"),
        (get("*", "Connection: close"), b"40"),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),  # TLS to a plain port
        (b"GET /305 HTTP/9.9\r\n\r\n", b"400"),
        (b"POST /feedback HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b"400"),
        (get("/305", "Upgrade: websocket", "Connection: Upgrade, close"), b"200"),
        (b"BREW /305 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"40"),
        (b"DELETE /305 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"405"),
        (b"GET /305.json HTTP/1.0\r\n\r\n", b"200"),
        # RFC 9112 §3.2: a request names one host.
        (b"GET /305.json HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /305.json HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET /305.json HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET /305.json HTTP/1.1\r\nHost: [::1].evil\r\n\r\n", b"400"),
        (b"GET /305.json HTTP/1.1\r\nHost: a b\r\n\r\n", b"400"),
        (b"GET /305.json HTTP/1.1\r\nHost: x:y\r\n\r\n", b"400"),
        (b"GET /305.json HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", b"200"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if len(value) > 3 else "",
)
def test_a_plain_answer_to_whatever_comes(shared: Running, sent: bytes, status: bytes) -> None:
    answer = exchange(shared, sent)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:200]
    check_headers(answer)
    assert b"Traceback" not in answer
    assert exchange(shared, get("/healthz", "Connection: close")).startswith(b"HTTP/1.1 200 ")


def test_a_kept_page_and_a_made_one_are_the_same_on_the_wire(shared: Running) -> None:
    def plain(answer: bytes) -> bytes:
        lines = answer.split(b"\r\n")
        return b"\r\n".join(sorted(line for line in lines if not line.startswith(b"date: ")))

    answers = [exchange(shared, get("/4305.json", "Connection: close")) for _ in range(3)]
    assert len({plain(answer) for answer in answers}) == 1
    for answer in answers:
        check_headers(answer)
        assert b"\r\ndate: " in answer
        assert b"\r\nconnection: close" in answer.lower()
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["port"] == 4305


def test_several_requests_on_one_connection(shared: Running) -> None:
    """Made and kept, in one go and one by one, with a body in between."""
    exchange(shared, get("/4405.json", "Connection: close"))
    paths = ("/4405.json", "/4406.json", "/4405.json", "/99999.json", "/4406.json", "/4405.json")
    sent = b"".join(get(path) for path in paths) + get("/4405.txt", "Connection: close")
    answer = exchange(shared, sent)
    assert answer.count(b"HTTP/1.1 ") == 7
    assert answer.count(b'"port":4405,"range"') == 3
    assert answer.count(b'"port":4406,"range"') == 2
    assert answer.index(b'"port":4406,"range"') < answer.index(b'"status": 404')
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=PATIENCE)
    for _ in range(3):
        connection.request("GET", "/4405.json", body=b"ignored")
        assert json.load(connection.getresponse())["port"] == 4405
        connection.request("GET", "/4405.json")
        assert json.load(connection.getresponse())["port"] == 4405
        connection.request("HEAD", "/4405.json")
        assert connection.getresponse().read() == b""
    connection.close()


def test_requests_that_differ_in_little_on_one_connection(shared: Running) -> None:
    """An address is enough to know a request by, where all behind it is as in the one before."""
    html, plain = "Accept: text/html", "Accept: text/plain"
    other = request("GET", "/443", html, host="localhost")
    some = [
        get("/443", html), get("/444", html), get("/443", html), get("/20006", html),
        get("/443", plain), get("/444", plain), get("/443", html), request("HEAD", "/443", html),
        get("/443", html), get("/443", html, "If-None-Match: *"), get("/443", html), other, other,
        get("/443?a", html), get("/0443", html), get("/443", html), get("/99999", html),
        get("/443", html, "Content-Length: 3") + b"GET", get("/443", html), get("/443", html),
        get("/443.json", html), get("/", html), get("/443", html),
    ]  # fmt: skip
    alone = [exchange(shared, each.replace(_BEHIND, _CLOSE + _BEHIND, 1)) for each in some]
    for cut in (None, 7, -3):
        got = []
        with connect(shared) as connection:
            for each in some:
                for piece in (each[:cut], each[cut:]) if cut else (each,):
                    connection.sendall(piece)
                    time.sleep(0.01 if cut else 0)
                got.append(_one(connection, head=each.startswith(b"HEAD")))
            connection.sendall(some[0].replace(_BEHIND, _CLOSE + _BEHIND, 1))
            assert _same(read(connection)) == _same(alone[0])
        assert len(got) == len(alone) == 23
        assert [*map(_same, got)] == [*map(_same, alone)]


_BEHIND = b"\r\n\r\n"
_CLOSE = b"\r\nConnection: close"


def _same(answer: bytes) -> tuple[list[bytes], bytes]:
    """*answer* without what its time and its connection put into it."""
    head, _, body = answer.partition(_BEHIND)
    lines = head.split(b"\r\n")
    return [each for each in lines if not each.startswith((b"date: ", b"connection: "))], body


def _one(connection: socket.socket, *, head: bool) -> bytes:
    """The next answer on *connection*, of one whose request was a HEAD if *head*."""
    received = b""
    while _BEHIND not in received:
        received += connection.recv(65536) or b"\r\nclosed\r\n\r\n"
    length = re.search(rb"\r\ncontent-length: (\d+)", received)
    empty = head or received.startswith(b"HTTP/1.1 304")
    until = received.index(_BEHIND) + 4 + (int(length[1]) if length and not empty else 0)
    while len(received) < until:
        received += connection.recv(65536) or b" " * until
    assert len(received) == until
    return received


@pytest.mark.parametrize("path", ["/4505.json", "/4507.txt", "/here.json", "/feedback"])
def test_a_client_that_closes_its_half_gets_its_answer(shared: Running, path: str) -> None:
    for _ in range(2):  # made, then kept
        sent = post(shared) if path == "/feedback" else get(path)
        answer = exchange(shared, sent, half_close=True)
        assert answer.startswith(b"HTTP/1.1 "), path
        assert answer.count(b"HTTP/1.1 ") == 1


def test_half_a_request_is_no_request(site: Running) -> None:
    for sent in (b"", b"GET", b"GET /305 HTTP/1.1\r\nHost: x\r\n", post(site)[:-5]):
        answer = exchange(site, sent, half_close=True)
        assert b" 200 " not in answer
    assert _stored(site) == 0


# -- event streams ----------------------------------------------------------------------------


def _stream(
    site: Running, path: str
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {site.token}"} if site.token else {}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    return connection, answer


def _event(answer: http.client.HTTPResponse, name: str) -> dict[str, Any]:
    while line := answer.readline():
        if line == f"event: {name}\n".encode():
            found: dict[str, Any] = json.loads(answer.readline().partition(b": ")[2])
            return found
    raise AssertionError(f"the stream ended before {name}")


@pytest.mark.usefixtures("own_network")
def test_what_opens_and_closes_is_told_at_once(site: Running) -> None:
    with socket.socket() as later:
        later.bind(("127.0.0.1", 0))
        port = later.getsockname()[1]
        connection, answer = _stream(site, f"/here/{port}/events")
        _event(answer, "state")
        later.listen()
        changed = _event(answer, "changed" if sys.platform == "linux" else "opened")
        assert changed["listener"]["port"] == port
    _event(answer, "closed")
    connection.close()


# -- the end ----------------------------------------------------------------------------------


def _ends_with(site: Running, status: int) -> str:
    _, errors = site.process.communicate(timeout=PATIENCE)
    assert site.process.returncode == status
    return errors


def test_sigterm_ends_an_idle_server_with_0(site: Running) -> None:
    exchange(site, get("/305", "Connection: close"))
    with connect(site):  # an idle connection doesn't hold it
        site.process.send_signal(signal.SIGTERM)
        assert _ends_with(site, 0) == ""


def test_ctrl_c_ends_it_with_130(site: Running) -> None:
    site.process.send_signal(signal.SIGINT)
    assert _ends_with(site, 130) == ""


def test_sigterm_ends_event_streams(site: Running) -> None:
    connection, answer = _stream(site, "/here/events")
    _event(answer, "state")
    site.process.send_signal(signal.SIGTERM)
    while answer.readline():
        pass
    connection.close()
    assert _ends_with(site, 0) == ""


def test_sigterm_under_load_finishes_what_it_began(site: Running) -> None:
    """No answer that was begun is cut short."""
    torn: list[bytes] = []
    whole = [0]

    def ask() -> None:
        while True:
            try:
                connection = connect(site)
            except OSError:
                return
            with connection:
                try:
                    connection.sendall(get("/api/ports?ports=0-99", "Connection: close"))
                    answer = read(connection)
                except OSError:
                    return
            if not answer:
                return  # the server was gone before it looked at this one
            head, _, body = answer.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(body) == length:
                whole[0] += 1
            else:
                torn.append(head)

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    while whole[0] <= 10 and any(client.is_alive() for client in clients):
        time.sleep(0.01)
    site.process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join()
    assert not torn
    assert whole[0] > 10
    assert _ends_with(site, 0) == ""


# -- feedback ---------------------------------------------------------------------------------


def _stored(site: Running) -> int:
    store = SQLiteStore(str(site.folder / "portbook" / "feedback.sqlite3"))
    try:
        return len(list(store.votes()))
    finally:
        store.close()


def test_a_killed_server_loses_no_acknowledged_vote(site: Running) -> None:
    acknowledged = [0]

    def vote() -> None:
        with contextlib.suppress(OSError):
            while True:
                with connect(site) as connection:
                    connection.sendall(post(site))
                    if connection.recv(65536).startswith(b"HTTP/1.1 303 "):
                        acknowledged[0] += 1
                    else:
                        return

    voters = [threading.Thread(target=vote) for _ in range(2)]
    for voter in voters:
        voter.start()
    while acknowledged[0] < 5 and any(voter.is_alive() for voter in voters):
        time.sleep(0.001)
    site.process.kill()
    for voter in voters:
        voter.join()
    assert acknowledged[0] >= 5
    assert _stored(site) >= acknowledged[0]


def test_a_folder_that_can_not_be_written_is_a_page(tmp_path: Path) -> None:
    (tmp_path / "portbook").write_text("a file where a folder should be")
    with serving(tmp_path) as site:
        answer = exchange(site, post(site), half_close=True)
        assert answer.startswith(b"HTTP/1.1 503 ")
        check_headers(answer)
        assert exchange(site, get("/305", "Connection: close")).startswith(b"HTTP/1.1 200 ")


def test_a_full_disk_is_a_page(tmp_path: Path) -> None:
    """A real one: a file system of its own, filled up."""
    need_root("this test mounts a file system")
    need_program("mount", "umount")
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        need_kernel(False, "this machine lets nothing be mounted")
    try:
        with serving(small) as site:
            assert exchange(site, post(site), half_close=True).startswith(b"HTTP/1.1 303 ")
            with contextlib.suppress(OSError), open(small / "rest", "wb", buffering=0) as rest:
                while True:
                    rest.write(b"x" * 4096)
            answers = [exchange(site, post(site), half_close=True) for _ in range(9)]
            assert answers[-1].startswith(b"HTTP/1.1 503 ")
            check_headers(answers[-1])
            kept = 1 + sum(answer.startswith(b"HTTP/1.1 303 ") for answer in answers)
            os.remove(small / "rest")
            assert _stored(site) == kept
    finally:
        subprocess.run(["umount", str(small)], check=True)
