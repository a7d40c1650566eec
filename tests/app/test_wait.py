"""Waiting for a port: on a machine that is made up, and on this one with a real server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from portbook.app.wait import LONGEST, LONGEST_WAIT, SHORTEST, WaitRequest, wait_here
from portbook.errors import InvalidArgument, InvalidQuery
from portbook.host.host_reader import HostReader
from portbook.model import (
    Family,
    Gap,
    GapCode,
    Host,
    Listener,
    OwnerSearch,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from portbook.present.owners import Viewer
from portbook.present.render.text import Style
from portbook.present.views.wait import render_waited
from tests.command_line import run
from tests.patience import PATIENCE
from tests.values import changed

if TYPE_CHECKING:
    from collections.abc import Iterator

TCP = Transport.TCP
SERVER = changed(
    Listener(Socket(TCP, Family.IPV4, "127.0.0.1", 5432, SocketState.LISTEN)),
    owners=(Process(7, "postgres"),),
    owners_seen=OwnersSeen.FIRST,
)
BOUND = changed(SERVER, state="bound")
TO = Viewer(0, None, None)


class Machine(HostReader):
    """Sockets that come and go: one tuple of them a look, the last for ever."""

    def __init__(self, *looks: tuple[Listener, ...], missing: tuple[Gap, ...] = ()) -> None:
        self.looks = list(looks)
        self.missing = missing
        self.now = 0.0
        self.pauses: list[float] = []

    def read_host(self, ports: Any, transport: Transport | None, owners: OwnerSearch) -> Host:
        assert ports == (5432, 5432)
        there = self.looks[0]
        if len(self.looks) > 1 and owners is OwnerSearch.NONE:
            self.looks.pop(0)
        visibility = Visibility.PARTIAL if self.missing else Visibility.FULL
        return Host(there, visibility, self.missing)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def wait(self, **request: Any) -> Any:
        return wait_here(WaitRequest(5432, **request), self, self.clock, self.sleep)


def text(waited: Any) -> list[str]:
    return render_waited(waited, TO, Style(100)).splitlines()


def test_it_ends_as_soon_as_something_listens() -> None:
    machine = Machine((), (), (BOUND,), (SERVER,))
    waited = machine.wait()
    assert (waited.met, len(machine.pauses)) == (True, 3)
    assert waited.listeners == (SERVER,)
    assert text(waited) == [
        "Something listens on 5432 after 0.1 s.",
        "  tcp 127.0.0.1:5432: postgres (pid 7)",
    ]


def test_free_is_what_nothing_is_bound_to() -> None:
    waited = Machine((SERVER,), (BOUND,), ()).wait(free=True)
    assert (waited.met, waited.listeners) == (True, ())
    assert text(Machine(()).wait(free=True)) == ["5432 is already free."]


def test_the_time_runs_out() -> None:
    machine = Machine((BOUND,))
    waited = machine.wait(timeout=2.0, transport=TCP)
    assert waited.met is False
    assert 2.0 <= waited.seconds < 2.1
    assert text(waited) == [
        "Nothing listens on 5432/tcp after 2 s.",
        "  tcp 127.0.0.1:5432 is bound by postgres (pid 7)",
        "  Try to bind it: portbook why 5432/tcp",
    ]
    held = Machine((SERVER,)).wait(timeout=1.0, free=True)
    assert held.met is False
    assert text(held)[0] == "5432 is still in use after 1 s."
    assert text(held)[-1] == "  Stop it: portbook stop 5432"


def test_the_pauses_grow_and_stay_short() -> None:
    machine = Machine(())
    machine.wait(timeout=10.0)
    assert machine.pauses[0] == SHORTEST
    assert max(machine.pauses) == LONGEST
    assert len(machine.pauses) < 60


def test_no_time_is_one_look() -> None:
    machine = Machine(())
    assert machine.wait(timeout=0).met is False
    assert machine.pauses == []


def test_an_address_looks_at_its_own_sockets() -> None:
    assert Machine((SERVER,)).wait(address="::1", timeout=0).met is False
    assert Machine((SERVER,)).wait(address="localhost", timeout=0).met is True


def test_other_namespaces_are_other_machines() -> None:
    assert Machine((changed(SERVER, namespace="other"),)).wait(timeout=0).met is False


def test_what_can_not_be_seen_is_never_said_to_be_free() -> None:
    blind = Machine((), missing=(Gap(GapCode.PSUTIL_MISSING),)).wait(free=True)
    assert blind.met is None
    assert "can't tell" in text(blind)[0]
    partly = Machine((), missing=(Gap(GapCode.BOUND_UNSUPPORTED, "macos"),)).wait(free=True)
    assert partly.met is True
    assert text(partly)[0] == "5432 is already free, as far as portbook can see."
    assert text(partly)[1].startswith("  Not seen: ")


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), LONGEST_WAIT * 2])
def test_a_time_that_can_not_be(seconds: float) -> None:
    with pytest.raises(InvalidArgument, match="seconds"):
        Machine(()).wait(timeout=seconds)


def test_nothing_can_listen_on_port_0() -> None:
    with pytest.raises(InvalidQuery):
        wait_here(WaitRequest(0))


# -- the command ------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        yield made


def test_a_real_server_is_waited_for(
    capsys: pytest.CaptureFixture[str], server: socket.socket
) -> None:
    port = server.getsockname()[1]
    assert run(["wait", str(port), "--timeout", "0"]) == 1
    assert f"portbook why {port}" in capsys.readouterr().out
    command = [sys.executable, "-m", "portbook", "wait", f"127.0.0.1:{port}", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
        server.listen()
        out, _ = waiting.communicate(timeout=PATIENCE)
    told = json.loads(out)
    assert (waiting.returncode, told["met"], told["schema"]) == (0, True, "portbook/wait/1")
    assert told["listeners"][0]["port"] == port
    assert run(["wait", str(port), "--free", "--timeout", "0", "--quiet"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_it_with_130(server: socket.socket) -> None:
    begun = "from portbook.__main__ import script; print('begun', flush=True); script()"
    command = [sys.executable, "-c", begun, "wait", str(server.getsockname()[1])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "begun\n"
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.3)
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=PATIENCE)
    assert (waiting.returncode, err) == (130, "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nosuchthing"], "names no single port"),
        (["198.51.100.7:80"], "not an address of this machine"),
        (["db.example.org:80"], "not an address of this machine"),
        (["1-5"], "names no single port"),
        (["19", "1-5"], "names no single port"),
        (["19", "0"], "port 0"),
        (["http-alt"], "has several ports, 591, 8008, 8080"),
        (["80", "--timeout", "-1"], "--timeout"),
        (["80", "--timeout", "nan"], "--timeout"),
        (["0"], "port 0"),
    ],
)
def test_what_can_not_be_waited_for(
    capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert run(["wait", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


def test_a_name_stands_for_its_port(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["wait", "chargen/tcp", "--timeout", "0"]) in (0, 1)
    assert "19/tcp" in capsys.readouterr().out


def test_several_ports_are_waited_for_in_one_time_limit(
    capsys: pytest.CaptureFixture[str], server: socket.socket
) -> None:
    server.listen()
    listening, quiet = str(server.getsockname()[1]), "19/sctp"
    assert run(["wait", listening, quiet, "--timeout", "0.2"]) == 1
    out = capsys.readouterr().out
    assert f"already listens on {listening}" in out
    assert "Nothing listens on 19/sctp after" in out
    assert run(["wait", quiet, listening, quiet, "--timeout", "0.2", "--json"]) == 1
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [each["met"] for each in answers] == [False, True, False]
    assert sum([each["seconds"] for each in answers]) < 2 * 0.2, "the limit is for all of them"
    assert run(["wait", quiet, quiet, "--free", "--timeout", "0", "-q"]) == 0
