"""``portbook listen --watch`` as a whole process: in a pipe, and on a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

import pytest

from portbook.cli.watch_table import _FullScreen
from tests.patience import PATIENCE
from tests.real.namespace import SOURCE
from tests.real.needs import need_bound_shown, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux"),
    pytest.mark.usefixtures("own_network"),
]

INTERVAL = 0.2
WATCH = [sys.executable, "-m", "portbook", "listen", "--watch", "--interval", str(INTERVAL)]
ENVIRON = {
    **os.environ,
    "PYTHONPATH": str(SOURCE),
    "TERM": "xterm",
    "COLUMNS": "100",
    "LINES": "40",
}


def opened(port: int = 0, *, listen: bool = True) -> socket.socket:
    """A socket of this process on *port*, which several may share."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    if listen:
        made.listen()
    return made


def port_of(made: socket.socket) -> int:
    return int(made.getsockname()[1])


def inode_of(made: socket.socket) -> int:
    return os.fstat(made.fileno()).st_ino


class Piped:
    """A watch whose lines are read as they come."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*WATCH, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRON,
        )
        self._read = b""

    def event(self, port: int, patience: float = PATIENCE) -> dict[str, Any] | None:
        """The next event on *port*, others passed over; None where none comes."""
        assert self.process.stdout is not None
        give_up = time.monotonic() + patience
        while True:
            line, newline, rest = self._read.partition(b"\n")
            if newline:
                self._read = rest
                found: dict[str, Any] = json.loads(line)
                assert found["schema"] == "portbook/watch/1"
                if found["listener"]["port"] == port:
                    return found
                continue
            left = max(0.0, give_up - time.monotonic())
            if not select.select([self.process.stdout], [], [], left)[0]:
                return None
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            assert part, f"it ended: {self.process.stderr and self.process.stderr.read()!r}"
            self._read += part

    def of(self, port: int) -> dict[str, Any]:
        found = self.event(port)
        assert found is not None, "no event"
        return found

    def wait_until_started(self) -> None:
        """Opens sockets until one is told: those before its first look are its start."""
        for times in (2, 4, 8, 16, 32, 64, 128):  # a busy machine looks less often
            with opened() as probe:
                if self.event(port := port_of(probe), times * INTERVAL) is None:
                    continue
            assert self.of(port)["event"] == "closed"
            return
        raise AssertionError("it tells nothing")

    def interrupt(self) -> tuple[bytes, bytes]:
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def watch() -> Iterator[Piped]:
    made = Piped()
    try:
        made.wait_until_started()
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


def test_what_opens_and_closes_is_told(watch: Piped) -> None:
    for _ in range(5):
        with opened() as made:
            port, inode = port_of(made), inode_of(made)
            first = watch.of(port)
        second = watch.of(port)
        assert [first["event"], second["event"]] == ["opened", "closed"]
        assert [first["before"], second["before"]] == [None, None]
        assert [first["listener"]["inode"], second["listener"]["inode"]] == [inode, inode]


def test_an_event_has_the_owner_and_the_verdict(watch: Piped) -> None:
    with opened() as made:
        event = watch.of(port_of(made))
    listener = event["listener"]
    assert os.getpid() in [owner["pid"] for owner in listener["owners"]]
    assert "loopback-only" in [finding["code"] for finding in listener["findings"]]
    assert event["at"].endswith("Z")


def test_a_socket_that_begins_to_listen_and_one_that_shares_its_place(watch: Piped) -> None:
    need_bound_shown()
    with opened() as first:
        port = port_of(first)
        assert watch.of(port)["event"] == "opened"
        with opened(port, listen=False) as second:
            assert watch.of(port)["listener"]["state"] == "bound"
            second.listen()
            event = watch.of(port)
            assert (event["event"], event["listener"]["state"]) == ("changed", "listen")
            assert event["before"]["state"] == "bound"
            inode = inode_of(second)
        event = watch.of(port)
        assert (event["event"], event["listener"]["inode"]) == ("closed", inode)


def test_ctrl_c_ends_it_with_130(watch: Piped) -> None:
    out, err = watch.interrupt()
    assert watch.process.returncode == 130
    assert b"Traceback" not in out + err


def test_a_filter_holds_for_events_too() -> None:
    with opened() as passed:
        found = Piped("--port", str(port_of(passed)))
        try:
            assert found.of(port_of(passed))["event"] == "present"
            with opened() as made:
                assert found.event(port_of(made), 5 * INTERVAL) is None
            out, err = found.interrupt()
            assert (out, b"Traceback" in err) == (b"", False)
        finally:
            found.process.kill()
            found.process.communicate()


def test_a_closed_pipe_ends_it_quietly_though_nothing_happens() -> None:
    # No event is let through, so that it can't learn of it by writing.
    found = Piped("--user", "4294967294")
    assert found.process.stdout is not None
    assert found.process.stderr is not None
    found.process.stdout.close()
    try:
        assert found.process.wait(PATIENCE) == 0
        told = found.process.stderr.read().splitlines()
        assert [line for line in told if not line.startswith(b"portbook: not seen: ")] == []
    finally:
        found.process.kill()
        found.process.wait()
        found.process.stderr.close()


@pytest.mark.parametrize("option", ["--json", "--detail", "--all-namespaces", "--strict"])
def test_options_that_it_would_leave_out_are_refused(option: str) -> None:
    done = subprocess.run(
        [*WATCH, option], capture_output=True, text=True, env=ENVIRON, check=False, timeout=PATIENCE
    )
    assert done.returncode == 2
    assert done.stderr.startswith("portbook: --watch doesn't go with ")
    assert done.stderr.count("\n") == 1


class Terminal:
    """A watch on a terminal of its own."""

    def __init__(self, **environ: str) -> None:
        self.master, self.slave = pty.openpty()
        self.settings = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            WATCH,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**ENVIRON, **environ},
            start_new_session=True,
        )
        self.shown = b""

    def wait_for(self, text: bytes) -> None:
        give_up = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < give_up, self.shown[-2000:]
            self.read(1.0)

    def read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.shown += os.read(self.master, 1 << 16)
        return True

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        while self.read(0):
            pass

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def test_a_live_table_on_a_terminal(terminal: Terminal) -> None:
    terminal.wait_for(b"q quits")
    assert b"\x1b[?1049h" in terminal.shown, "another screen"
    assert b"\x1b[?25l" in terminal.shown, "the cursor is out of the way"
    with opened() as made:
        port = port_of(made)
        terminal.wait_for(f"opened tcp 127.0.0.1:{port}".encode())
        terminal.wait_for(f"{port}/tcp".encode())
    terminal.wait_for(f"closed tcp 127.0.0.1:{port}".encode())
    assert b'{"schema"' not in terminal.shown
    terminal.interrupt()
    assert terminal.process.returncode == 130
    assert_restored(terminal)


def assert_restored(terminal: Terminal) -> None:
    assert terminal.shown.rfind(b"\x1b[?25h") > terminal.shown.rfind(b"\x1b[?25l")
    assert terminal.shown.rfind(b"\x1b[?1049l") > terminal.shown.rfind(b"\x1b[?1049h")
    assert termios.tcgetattr(terminal.slave) == terminal.settings
    assert b"Traceback" not in terminal.shown


def test_q_ends_it(terminal: Terminal) -> None:
    terminal.wait_for(b"q quits")
    os.write(terminal.master, b"jk\x1b[B\x1b[6~gGq")
    assert terminal.process.wait(PATIENCE) == 0
    while terminal.read(0):
        pass
    assert_restored(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(
    terminal: Terminal, number: signal.Signals
) -> None:
    terminal.wait_for(b"q quits")
    terminal.process.send_signal(number)
    assert terminal.process.wait(PATIENCE) == 128 + number
    while terminal.read(0):
        pass
    assert_restored(terminal)


def test_a_terminal_that_goes_away_ends_it() -> None:
    made = Terminal()
    made.wait_for(b"q quits")
    os.close(made.slave)
    os.close(made.master)
    assert made.process.wait(PATIENCE) in (0, 2, 129)


def test_a_terminal_that_has_gone_before_the_screen_is_taken_is_no_fault() -> None:
    """Whoever follows takes an OSError for that, and termios has an error of its own."""
    master, slave = pty.openpty()
    os.close(master)
    screen = _FullScreen()
    screen.keys = slave
    try:
        with pytest.raises(OSError, match="Input/output error"), screen:
            pass
    finally:
        os.close(slave)


def test_in_a_terminal_that_is_resized() -> None:
    """tmux says what stands on the screen."""
    tmux = [need_program("tmux"), "-L", f"portbook-{os.getpid()}"]

    def ask(*words: str) -> str:
        return subprocess.run([*tmux, *words], capture_output=True, text=True, check=True).stdout

    def screen_with(words: str, without: str = "\0") -> list[str]:
        give_up = time.monotonic() + PATIENCE
        while True:
            shown = ask("capture-pane", "-p")
            if words in shown and without not in shown:
                return shown.splitlines()
            assert time.monotonic() < give_up, shown
            time.sleep(0.05)

    with contextlib.ExitStack() as sockets:
        old = [sockets.enter_context(opened()) for _ in range(30)]
        environ = [word for name in ("PYTHONPATH",) for word in ("-e", f"{name}={ENVIRON[name]}")]
        ask(
            "-f",
            os.devnull,
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "20",
            *environ,
            "bash",
            "--norc",
        )
        try:
            # A list of commands would end with the first one that is stopped.
            ask("send-keys", f"{' '.join(WATCH)}", "Enter")
            before = screen_with("q quits")
            assert len(before) <= 20
            made = sockets.enter_context(opened())
            place = f"{port_of(made)}/tcp"
            shown = screen_with(f"opened tcp 127.0.0.1:{port_of(made)}")
            first = next(line for line in shown if "/tcp" in line)
            assert place in first, "the newest stands first"
            assert first.startswith("* "), "and is marked"
            ask("send-keys", "G")
            screen_with("q quits", without=place)
            ask("send-keys", "g")
            screen_with(place)
            ask("resize-window", "-x", "20", "-y", "8")
            narrow = screen_with(place, without="q quits")
            assert len(narrow) <= 8
            assert max(map(len, narrow)) <= 20
            ask("resize-window", "-x", "120", "-y", "30")
            screen_with("q quits")
            # Ctrl-Z gives the shell its screen back, and what goes on draws all of its own again.
            ask("send-keys", "C-z")
            stopped = screen_with("Stopped")
            assert stopped
            assert not any("LEVEL" in line for line in stopped)
            ask("send-keys", "echo typed-$((20 + 3))", "Enter")
            screen_with("typed-23")
            ask("send-keys", "fg", "Enter")
            again = screen_with("q quits")
            assert any(line.startswith("* ") or "/tcp" in line for line in again)
            ask("send-keys", "q")
            screen_with("typed-23")  # the other screen is the shell's again
            ask("send-keys", "echo ended-$?", "Enter")
            ended = screen_with("ended-0")
            assert ended
            assert not any("LEVEL" in line for line in ended)
        finally:
            ask("kill-server")
        assert len(old) == 30


def test_a_terminal_that_draws_nothing_gets_lines() -> None:
    with opened():
        made = Terminal(TERM="dumb")
        made.wait_for(b'"event":"present"')  # what was there at the start
    try:
        for times in (2, 4, 8, 16, 32, 64, 128):  # a busy machine looks less often
            with opened():
                made.read(times * INTERVAL)
            if b'"event":"opened"' in made.shown:  # the first to come can be what was closed
                break
        made.wait_for(b'"event":"opened"')
        made.wait_for(b'"event":"closed"')
        assert b"\x1b" not in made.shown
    finally:
        made.close()
