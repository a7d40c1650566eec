"""``portbook stop`` against real processes: servers, forks, deaf ones, and ones that come back."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.real.namespace import SOURCE, UNPRIVILEGED, holders
from tests.real.needs import need_kernel
from tests.real.servers import SERVERS

if TYPE_CHECKING:
    from tests.real.namespace import Namespace

pytestmark = pytest.mark.real
PORT = 8765
TCP = {"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": PORT}


def stop(namespace: Namespace, *arguments: str | int, status: int | None = None) -> dict[str, Any]:
    """The answer; a plan alone did nothing, which is 1."""
    if status is None:
        status = 0 if "--yes" in arguments else 1
    done = namespace.portbook("stop", *arguments, "--json")
    assert done.returncode == status, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["schema"] == "portbook/stop/1"
    return found


def codes(found: dict[str, Any], key: str = "done") -> list[str]:
    return [each["code"] for each in found[key]]


def listening(namespace: Namespace) -> set[int]:
    return {each.port for each in namespace.listening()}


def test_a_dry_run_changes_nothing(namespace: Namespace) -> None:
    running, _ = namespace.open(TCP)
    found = stop(namespace, PORT)
    assert found["dry_run"] is True
    assert found["free"] is None
    assert found["steps"][0]["command"] == ["kill", "-TERM", str(running.pid)]
    assert running.process.poll() is None
    assert PORT in listening(namespace)


def test_it_stops_the_listener_and_no_client(namespace: Namespace) -> None:
    running, _ = namespace.open(TCP)
    client, _ = namespace.open(
        {**TCP, "address": "127.0.0.1", "port": 0, "connect": PORT, "listen": False}
    )
    found = stop(namespace, PORT)
    assert [each["kind"] for each in found["lost"]] == ["connections"]
    found = stop(namespace, PORT, "--yes")
    assert codes(found) == ["stopped"]
    assert found["free"] is True
    assert running.process.wait(PATIENCE) == -15
    assert client.process.poll() is None
    stop(namespace, PORT, "--yes", status=1)


def test_a_client_that_has_the_port_itself_is_left_alone(namespace: Namespace) -> None:
    """A connection that goes out from the very port that is stopped, and where it goes to."""
    there = {**TCP, "address": "127.0.0.2"}
    server, _ = namespace.open({**TCP, "address": "127.0.0.1"})
    other, _ = namespace.open({**there, "port": PORT + 1})
    client, _ = namespace.open({**there, "connect": PORT + 1, "listen": False})
    found = stop(namespace, PORT, "--yes")
    assert codes(found) == ["stopped"]
    assert server.process.wait(PATIENCE) == -15
    assert client.process.poll() is None
    assert other.process.poll() is None
    # Alone on the port, it is still no listener.
    found = stop(namespace, PORT, "--yes", status=1)
    assert found["steps"] == []
    assert client.process.poll() is None


def test_udp_on_the_same_number_is_left_alone(namespace: Namespace) -> None:
    server, _ = namespace.open(TCP)
    udp, _ = namespace.open({**TCP, "transport": "udp"})
    found = stop(namespace, f"{PORT}/tcp", "--yes")
    assert codes(found) == ["stopped"]
    assert server.process.wait(PATIENCE) == -15
    assert udp.process.poll() is None


@pytest.mark.parametrize("connected", [False, True])
def test_udp_that_may_be_a_clients_is_left_alone(namespace: Namespace, connected: bool) -> None:
    """In the range from which the system hands out ports, unless UDP was asked for by name."""
    port = 40_000
    wish = {**TCP, "transport": "udp", "address": "127.0.0.1", "port": port}
    client, _ = namespace.open({**wish, "connect": 53} if connected else wish)
    found = stop(namespace, port, "--yes", status=1)
    assert set(codes(found, "refused")) <= {"maybe-client", "nothing-there"}
    assert found["steps"] == []
    assert client.process.poll() is None


def test_what_started_the_listener_is_left_alone(namespace: Namespace) -> None:
    """A shell, a supervisor: it holds no socket of that port."""
    code = f"import socket, time; s = socket.create_server(('0.0.0.0', {PORT})); time.sleep(300)"
    shell = namespace.start(
        ["sh", "-c", f'"{sys.executable}" -I -S -c "{code}"; echo "ended with $?"; sleep 300']
    )
    namespace.wait_for(shell, PORT)
    found = stop(namespace, PORT, "--yes")
    assert codes(found) == ["stopped"]
    assert shell.read_line() == "ended with 143\n"  # 128 + SIGTERM
    assert shell.process.poll() is None


def test_its_forks_end_with_it(namespace: Namespace) -> None:
    running, (said,) = namespace.open(TCP, forks=3)
    found = stop(namespace, PORT)
    (step,) = found["steps"]
    assert step["pids"] == [running.pid]
    assert sorted(step["later_pids"]) == sorted(set(said["pids"]) - {running.pid})
    stop(namespace, PORT, "--yes")
    assert not holders(said["inode"])
    assert PORT not in listening(namespace)


def test_all_that_share_a_port_are_stopped(namespace: Namespace) -> None:
    first, _ = namespace.open({**TCP, "reuseport": True})
    second, _ = namespace.open({**TCP, "reuseport": True})
    found = stop(namespace, PORT, "--yes")
    assert codes(found) == ["stopped", "stopped"]
    assert first.process.wait(PATIENCE) == second.process.wait(PATIENCE) == -15


def test_only_the_address_that_is_named(namespace: Namespace) -> None:
    one, _ = namespace.open({**TCP, "address": "127.0.0.1"})
    two, _ = namespace.open({**TCP, "address": "127.0.0.2"})
    stop(namespace, f"127.0.0.2:{PORT}", "--yes")
    assert two.process.wait(PATIENCE) == -15
    assert one.process.poll() is None


DEAF = """
import signal, socket, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("0.0.0.0", 8765))
print("up", flush=True)
time.sleep(300)
"""
# A supervisor that starts its server again, as fast as it can: a fork takes no time to speak of.
AGAIN = """
import os, socket, time
while True:
    child = os.fork()
    if not child:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", 8765))
        server.listen()
        time.sleep(300)
        os._exit(0)
    os.waitpid(child, 0)
"""

SERVER = """
import socket, time
server = socket.create_server(("0.0.0.0", 8765))
time.sleep(300)
"""


def test_one_that_ignores_sigterm(namespace: Namespace) -> None:
    running = namespace.start([sys.executable, "-I", "-S", "-c", DEAF])
    running.read_line()
    found = stop(namespace, PORT, "--yes", "--timeout", "0.5", status=1)
    assert codes(found) == ["still-running"]
    assert running.process.poll() is None
    assert [each["port"] for each in found["busy"]] == [PORT]
    found = stop(namespace, PORT, "--yes", "--timeout", "0.5", "--force")
    assert codes(found) == ["killed"]
    assert running.process.wait(PATIENCE) == -9


def test_one_that_is_started_again(namespace: Namespace) -> None:
    supervisor = namespace.start([sys.executable, "-I", "-S", "-c", AGAIN])
    namespace.wait_for(supervisor, PORT)
    found = stop(namespace, PORT, "--yes", status=1)
    assert codes(found) == ["stopped"]
    assert found["free"] is False
    assert "The port is busy again" in found["notes"][-1]
    assert f"({supervisor.pid})" in found["notes"][-1]
    assert found["busy"][0]["owners"][0]["parent"] == supervisor.pid


def test_a_shells_loop_that_is_slow_to_listen_again_is_named(namespace: Namespace) -> None:
    server = f"{shlex.quote(sys.executable)} -I -S -c {shlex.quote(SERVER)}"
    loop = f"{server}; while :; do sleep 300; done"
    shell = namespace.start(["/bin/sh", "-c", loop])
    namespace.wait_for(shell, PORT)
    found = stop(namespace, PORT, "--yes")
    assert codes(found) == ["stopped"]
    assert found["free"] is True
    assert f"sh (pid {shell.pid}) started sleep " in found["notes"][-1]
    assert found["notes"][-1].endswith(f"To keep it stopped: kill {shell.pid}")


def test_a_bound_socket_is_left_alone(namespace: Namespace) -> None:
    running, _ = namespace.open({**TCP, "listen": False})
    found = stop(namespace, PORT, "--yes", status=1)
    # Another test, or somebody else, may have the port in another namespace.
    assert set(codes(found, "refused")) & {"not-listening", "nothing-there", "other-namespace"}
    assert running.process.poll() is None


def test_another_users_is_left_alone(namespace: Namespace) -> None:
    running, _ = namespace.open(TCP)
    done = namespace.portbook("stop", PORT, "--yes", "--json", before=UNPRIVILEGED)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert set(codes(found, "refused")) <= {"owner-hidden", "owner-inferred"}
    assert found["steps"] == []
    assert running.process.poll() is None


@pytest.mark.parametrize("detached", [False, True])
def test_our_own_ancestor_is_left_alone(namespace: Namespace, detached: bool) -> None:
    """Whether it is in our session and group or not (setsid(2))."""
    code = (
        "import socket, subprocess, sys; server = socket.create_server(('0.0.0.0', 8765));"
        "done = subprocess.run([sys.executable, '-m', 'portbook', 'stop', '8765', '--yes'],"
        f"capture_output=True, text=True, start_new_session={detached});"
        "said = ' '.join(done.stdout.split());"
        "print(done.returncode, 'portbook itself runs inside it' in said)"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    done = namespace.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": source})
    assert done.stdout == "1 True\n", done.stderr


def test_the_connection_we_came_by_is_left_alone(namespace: Namespace) -> None:
    running, _ = namespace.open(TCP)
    environ = {
        **os.environ,
        "SSH_CONNECTION": f"192.0.2.9 50000 127.0.0.1 {PORT}",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"),
    }
    argv = [sys.executable, "-m", "portbook", "stop", PORT, "--yes", "--json"]
    done = namespace.run(map(str, argv), env=environ)
    assert done.returncode == 1
    assert codes(json.loads(done.stdout), "refused") == ["ssh-connection"]
    assert running.process.poll() is None


@pytest.mark.parametrize("name", ["nginx", "redis", "sshd", "memcached"])
def test_real_servers(name: str, namespace: Namespace, data: Path) -> None:
    server = SERVERS[name]
    server.start(namespace, data / server.name)
    found = stop(namespace, server.port, "--yes", "--timeout", "30")
    assert set(codes(found)) == {"stopped"}
    assert server.port not in listening(namespace)


def test_what_it_prints(namespace: Namespace) -> None:
    running, _ = namespace.open(TCP)
    done = namespace.portbook("stop", f"{PORT}/tcp", "--yes")
    assert done.returncode == 0
    for said in (f"kill -TERM {running.pid}", f"pid {running.pid} has ended",
                 f"Nothing listens on {PORT}/tcp any more."):  # fmt: skip
        assert said in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_a_container_runtime_is_asked_which_one_publishes(namespace: Namespace) -> None:
    """A runtime that answers, and a docker command that writes down what it is told."""
    need_kernel(not Path("/run/docker.sock").exists(), "this machine's own docker would answer")
    import socket
    import threading

    folder = namespace.folder
    tool = folder / "docker"
    tool.write_text(f'#!/bin/sh\necho "$@" > {folder}/told\n')
    tool.chmod(0o755)
    rows = [{"Id": "0123456789abcdef" * 4, "Names": ["/web"],
             "Ports": [{"PublicPort": PORT, "Type": "tcp"}]}]  # fmt: skip
    with socket.socket(socket.AF_UNIX) as runtime:
        runtime.bind(str(folder / "docker.sock"))
        runtime.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = runtime.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(rows).encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        environ = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"),
        }
        argv = [sys.executable, "-m", "portbook", "stop", f"{PORT}/tcp", "--yes", "--json"]
        done = namespace.run(argv, env=environ)
        runtime.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert found["steps"][0]["what"] == "docker stops the container 0123456789ab (web)"
    assert (folder / "told").read_text() == "stop 0123456789ab\n"


# -- on a terminal ------------------------------------------------------------------------------


class Terminal:
    """portbook in a namespace, on a terminal of its own."""

    def __init__(self, namespace: Namespace, *arguments: str | int) -> None:
        self._ours, theirs = pty.openpty()
        argv = [sys.executable, "-m", "portbook", *map(str, arguments)]
        self.process = subprocess.Popen(
            namespace.command(argv),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "100", "TERM": "xterm"},
        )
        os.close(theirs)
        self.printed = ""

    def read_until(self, words: str) -> str:
        """All that was printed until *words* were; fails where it ends before."""
        while words not in self.printed:
            try:
                chunk = os.read(self._ours, 4096)
            except OSError:  # EIO: the other side is closed
                chunk = b""
            assert chunk or not words, self.printed
            if not chunk:
                break
            self.printed += chunk.decode()
        return self.printed

    def type(self, words: str) -> None:
        os.write(self._ours, words.encode())

    def hang_up(self) -> None:
        os.close(self._ours)
        self._ours = -1

    def end(self) -> int:
        """Reads what is left; the exit status."""
        with contextlib.suppress(AssertionError):
            self.read_until("\0")
        status = self.process.wait(PATIENCE)
        if self._ours >= 0:
            os.close(self._ours)
        return status


@pytest.mark.parametrize(
    ("answer", "status", "ended"),
    [("y\n", 0, True), ("yes\n", 0, True), ("n\n", 1, False), ("\n", 1, False), ("\x04", 1, False)],
    ids=["y", "yes", "n", "return", "end-of-input"],
)
def test_it_asks_on_a_terminal(namespace: Namespace, answer: str, status: int, ended: bool) -> None:
    running, _ = namespace.open(TCP)
    terminal = Terminal(namespace, "stop", PORT)
    plan = terminal.read_until("Stop it? [y/N] ")
    assert f"pid {running.pid}" in plan
    assert "Plan" in plan
    assert "opener.py" in plan, "the command line is what is asked about"
    assert running.process.poll() is None
    terminal.type(answer)
    assert terminal.end() == status
    assert (f"Nothing listens on {PORT} any more." in terminal.printed) is ended
    assert ("Nothing was stopped." in terminal.printed) is not ended
    assert (PORT in listening(namespace)) is not ended


def test_ctrl_c_and_a_terminal_that_goes_away_stop_nothing(namespace: Namespace) -> None:
    running, _ = namespace.open(TCP)
    terminal = Terminal(namespace, "stop", PORT)
    terminal.read_until("Stop it? [y/N] ")
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.printed
    terminal = Terminal(namespace, "stop", PORT)
    terminal.read_until("Stop it? [y/N] ")
    terminal.hang_up()
    assert terminal.process.wait(PATIENCE) != 0
    assert running.process.poll() is None
    assert PORT in listening(namespace)


def test_several_ports_are_stopped_after_one_question(namespace: Namespace) -> None:
    first, _ = namespace.open(TCP)
    second, _ = namespace.open({**TCP, "port": 22})
    terminal = Terminal(namespace, "stop", PORT, "ssh")
    terminal.read_until("Stop them? [y/N] ")
    terminal.type("y\n")
    assert terminal.end() == 0
    assert first.process.wait(PATIENCE) == second.process.wait(PATIENCE) == -signal.SIGTERM


def test_two_programs_on_one_port_are_counted(namespace: Namespace) -> None:
    namespace.open({**TCP, "address": "127.0.0.1"})
    namespace.open({**TCP, "family": "ipv6", "address": "::", "v6only": True}, churn=False)
    plan = namespace.portbook("stop", PORT, "--dry-run")
    assert plan.returncode == 1
    assert "2 different programs have the port" in plan.stdout


def test_where_it_does_not_act_it_gives_the_command_that_does(namespace: Namespace) -> None:
    running, _ = namespace.open({**TCP, "listen": False})
    done = namespace.portbook("stop", PORT)
    assert done.returncode == 1
    assert f"(kill {running.pid})" in " ".join(done.stdout.split())
