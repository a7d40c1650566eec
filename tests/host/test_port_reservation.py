"""Keeping a port until a command has it: real sockets and real commands."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portbook.errors import NotReserved
from portbook.host.linux.sockets import read_sockets
from portbook.host.port_reservation import Handover, Reservation, filled_in, hold, run
from portbook.model import Transport
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="what the kernel does is Linux's"),
    pytest.mark.usefixtures("own_network"),
]
TCP, UDP = Transport.TCP, Transport.UDP
PYTHON = sys.executable


def free_ports(many: int) -> list[int]:
    """Ports that nothing else has, no two of them the same."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(many):
            probe = stack.enter_context(socket.socket(socket.AF_INET6))
            probe.bind(("::", 0))
            ports.append(int(probe.getsockname()[1]))
        return ports


def free_port() -> int:
    (port,) = free_ports(1)
    return port


@pytest.fixture
def held() -> Iterator[Reservation]:
    made = hold([free_port()], TCP)
    yield made
    made.close()


def python(code: str, *words: str) -> list[str]:
    return [PYTHON, "-I", "-c", code, *words]


def silent(message: str) -> None:
    raise AssertionError(message)


def test_what_is_held_can_be_bound_by_nobody(held: Reservation) -> None:
    for family, place in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for reuse in (0, 1):
            with socket.socket(family) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                with pytest.raises(OSError, match="Address already in use"):
                    other.bind((place, held.ports[0]))
    with pytest.raises(NotReserved) as refused:
        hold(held.ports, TCP)
    assert refused.value.taken


def test_several_or_none(held: Reservation) -> None:
    free = free_port()
    with pytest.raises(NotReserved):
        hold([free, held.ports[0]], TCP)
    hold([free], TCP).close()


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "no address", "::1%nowhere"])
def test_no_address_of_this_machine(address: str) -> None:
    with pytest.raises(NotReserved, match="is no address of this machine") as refused:
        hold([free_port()], TCP, address)
    assert not refused.value.taken


def test_places_are_filled_in() -> None:
    assert filled_in(["a{port}b{port}", "{port2}", "{}", "{port3}"], [1, 2]) == [
        "a1b1", "2", "{}", "{port3}",
    ]  # fmt: skip


def test_the_status_and_the_environment_are_the_commands(held: Reservation) -> None:
    code = f"import os, sys; sys.exit(os.environ['PORT'] == '{held.ports[0]}' and 7)"
    assert run(held, python(code), Handover.RELEASED, silent) == 7


def test_a_signal_that_ends_it_is_told(held: Reservation) -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    assert run(held, python(code), Handover.KEPT, silent) == 128 + 9


BESIDE_A_THREAD = """
import os, sys, threading, time
from portbook.host import port_reservation as holding
from portbook.model import Transport

def start(*arguments):
    child = started(*arguments)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    time.sleep(0.5)  # long enough for the other thread to take the signal
    return child

started, holding._start = holding._start, start
threading.Thread(target=threading.Event().wait, daemon=True).start()
held = holding.hold([int(sys.argv[1])], Transport.TCP)
sys.exit(holding.run(held, [sys.executable, "-c", "raise SystemExit(9)"], "released", print))
"""


def test_the_end_is_noticed_when_another_thread_takes_the_signal() -> None:
    done = subprocess.run(python(BESIDE_A_THREAD, str(free_port())), check=False, timeout=PATIENCE)
    assert done.returncode == 9


@pytest.mark.parametrize("command", [["/nowhere/at all"], ["no such command"], ["/"], ["a\0b"]])
def test_what_cannot_be_started_is_one_line(held: Reservation, command: list[str]) -> None:
    with pytest.raises(NotReserved, match="can't be started"):
        run(held, command, Handover.KEPT, silent)


SERVER = """
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, {reuse})
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
server.accept()
sys.exit(5)
"""


def test_a_server_binds_beside_the_kept_socket(held: Reservation) -> None:
    command = python(SERVER.format(reuse=1), str(held.ports[0]))
    assert run(held, command, Handover.KEPT, silent) == 5


def test_a_server_that_shares_nothing_needs_it_released(held: Reservation) -> None:
    port = held.ports[0]
    command = python(SERVER.format(reuse=0), str(port))
    assert run(held, command, Handover.KEPT, silent) == 1
    assert run(hold([port], TCP), command, Handover.RELEASED, silent) == 5


WAITER = """
import socket, sys, time
time.sleep(float(sys.argv[2]))
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
print("up", flush=True)
sys.stdin.read()
"""


def portbook_holds(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PYTHON, "-m", "portbook", "pick", "-q", "--hold", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    with process:
        yield process
        if process.poll() is None:
            process.kill()


def inodes(port: int) -> set[int]:
    return {each.inode for each in read_sockets(port, port, TCP).sockets}


def test_it_lets_go_once_the_command_has_bound_its_own() -> None:
    with ended(portbook_holds("--", *python(WAITER, "{port}", "0.3"))) as process:
        assert process.stdout is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + PATIENCE
        while not children.read_text().split() and time.monotonic() < deadline:
            time.sleep(0.01)
        (child,) = children.read_text().split()
        words: list[bytes] = []  # until it has become the command, those of its parent
        while words[3:4] != [WAITER.encode()] and time.monotonic() < deadline:
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        port = int(words[4])
        with socket.socket(socket.AF_INET6) as other, pytest.raises(OSError, match="in use"):
            other.bind(("::", port))  # without SO_REUSEADDR: it is kept
        assert process.stdout.readline() == "up\n"
        while len(inodes(port)) > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(inodes(port)) == 1
        with socket.create_connection(("127.0.0.1", port)):
            pass
        process.communicate("")
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_sent_on(number: signal.Signals) -> None:
    code = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        # Python sees a signal that comes right before a sleep only when the sleep is over.
        "print('ready', flush=True)\nwhile True: time.sleep(0.05)\n"
    )
    with ended(portbook_holds("--", *python(code))) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        process.wait(PATIENCE)
    assert process.returncode == 42


TAKER = """
import os, socket, sys
assert os.environ["LISTEN_PID"] == str(os.getpid())
count = int(os.environ["LISTEN_FDS"])
for number in range(count):
    server = socket.socket(fileno=3 + number)
    assert server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    assert str(server.getsockname()[1]) == sys.argv[1 + number]
    client = socket.create_connection(("127.0.0.1", server.getsockname()[1]))
    server.accept()
sys.exit(10 + count)
"""


@pytest.mark.parametrize("many", [1, 4])
def test_sockets_are_handed_over(many: int) -> None:
    ports = free_ports(many)
    marks = ["{port}", "{port2}", "{port3}", "{port4}"][:many]
    command = filled_in(python(TAKER, *marks), ports)
    assert run(hold(ports, TCP), command, Handover.PASSED, silent) == 10 + many


def test_a_datagram_socket_is_handed_over() -> None:
    code = (
        "import os, socket, sys\nserver = socket.socket(fileno=3)\n"
        "sys.exit(server.type == socket.SOCK_DGRAM and os.environ['LISTEN_FDS'] == '1' and 3)"
    )
    made = hold([free_port()], UDP)
    assert run(made, python(code), Handover.PASSED, silent) == 3


def test_a_kept_socket_is_not_handed_over(held: Reservation) -> None:
    link = f"socket:[{os.fstat(held.sockets[0].fileno()).st_ino}]"
    code = (
        "import os, sys, glob; links = set()\nfor name in glob.glob('/proc/self/fd/*'):\n"
        "    links.add(os.path.exists(name) and os.readlink(name))\n"
        "sys.exit(1 + (sys.argv[1] in links) + 20 * ('LISTEN_FDS' in os.environ))"
    )
    environ = {**os.environ, "LISTEN_FDS": "9", "LISTEN_PID": "1"}
    assert run(held, python(code, link), Handover.KEPT, silent, environ) == 1


# It ends when a file is there, or after ten minutes.
UNTIL = """
import os, sys, time
deadline = time.monotonic() + 600
while not os.path.exists(sys.argv[1]) and time.monotonic() < deadline:
    time.sleep(0.01)
"""


def test_a_stranger_on_the_port_is_told(held: Reservation, tmp_path: Path) -> None:
    said: list[str] = []
    over = tmp_path / "over"

    def tell(message: str) -> None:
        said.append(message)
        over.touch()

    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def snatch() -> None:
            # As soon as the kept socket may be shared, which is when the command starts.
            while not over.exists():
                try:
                    stranger.bind(("127.0.0.1", held.ports[0]))
                except OSError:
                    time.sleep(0.005)
                else:
                    stranger.listen()
                    return

        thread = threading.Thread(target=snatch)
        thread.start()
        assert run(held, python(UNTIL, str(over)), Handover.KEPT, tell) == 0
        over.touch()
        thread.join()
    assert len(said) == 1
    assert f"another program has bound tcp 127.0.0.1:{held.ports[0]} meanwhile" in said[0]
