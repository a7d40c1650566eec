"""Handles on processes: some that end, ignore signals, are stopped, or are somebody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from portbook.errors import HostUnreadable
from portbook.host import process_control
from portbook.host.linux.process_tree import (
    Relative,
    descendants,
    parse_ssh_connection,
    read_own,
    read_processes,
)
from portbook.host.process_control import Hands, Identity, PsutilHands
from tests.cases import for_each
from tests.patience import PATIENCE
from tests.real.namespace import SOURCE
from tests.real.needs import need, need_kernel, need_program, need_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="pidfd is Linux's"),
]
SLEEPER = "import sys, time; print('up', flush=True); time.sleep(100)"
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); " + SLEEPER
EACH = pytest.mark.parametrize("hands", [Hands(), PsutilHands(psutil)], ids=["linux", "psutil"])


def started(code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[str]]:
    with started(SLEEPER) as process:
        yield process
        process.kill()


@EACH
def test_one_that_ends(hands: Hands, sleeper: subprocess.Popen[str]) -> None:
    identity = hands.identify(sleeper.pid)
    assert identity is not None
    assert identity.executable == os.readlink(f"/proc/{sleeper.pid}/exe")
    assert hands.identify(sleeper.pid) == identity
    handle = hands.open(sleeper.pid)
    assert not hands.wait(handle, 0.01)
    hands.signal(handle, hands.TERM)
    hands.signal(handle, hands.CONT) if type(hands) is Hands else None
    assert hands.wait(handle, PATIENCE)
    sleeper.wait()
    assert hands.identify(sleeper.pid) is None
    with pytest.raises(ProcessLookupError):
        hands.signal(handle, hands.TERM)
    hands.close(handle)
    with pytest.raises(ProcessLookupError):
        hands.open(sleeper.pid)


@EACH
def test_one_that_ignores_it(hands: Hands) -> None:
    with started(DEAF) as process:
        handle = hands.open(process.pid)
        hands.signal(handle, hands.TERM)
        assert not hands.wait(handle, 0.3)
        hands.signal(handle, hands.KILL)
        assert hands.wait(handle, PATIENCE)
        hands.close(handle)


@EACH
def test_one_that_nobody_has_waited_for_has_ended(hands: Hands) -> None:
    with started("print('up')") as process:
        pidfd = os.pidfd_open(process.pid)
        assert Hands().wait(pidfd, PATIENCE)
        os.close(pidfd)
        assert hands.identify(process.pid) is None


def test_one_that_is_stopped_goes_on_to_end() -> None:
    hands = Hands()
    with started(
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(3)); " + SLEEPER
    ) as one:
        one.send_signal(signal.SIGSTOP)
        handle = hands.open(one.pid)
        hands.signal(handle, hands.TERM)
        assert not hands.wait(handle, 0.2)
        hands.signal(handle, hands.CONT)
        assert hands.wait(handle, PATIENCE)
        hands.close(handle)
    assert one.returncode == 3


def test_one_that_runs_another_file_is_told_by_it() -> None:
    code = (
        "import os, sys; print('up', flush=True); sys.stdin.read(); os.execv('/bin/cat', ['cat'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        before = Hands().identify(process.pid)
        assert before is not None
        other = Identity(before.pid, before.start, "/bin/cat")
        assert other != before
        assert Hands().identify(process.pid) == before
        process.stdin.close()
        process.wait()


def test_another_users_is_not_permitted(sleeper: subprocess.Popen[str]) -> None:
    need(os.geteuid() == 0, "this test becomes another user, which takes root")
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            hands = Hands()
            try:
                hands.signal(hands.open(sleeper.pid), hands.TERM)
            except PermissionError:
                os._exit(7)
        finally:
            os._exit(8)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


# Where nobody else takes a number: alone in a process namespace, with numbers of its own.
USED_AGAIN = """
import os, signal, subprocess, time
from pathlib import Path
from portbook.host.process_control import Hands
hands = Hands()
first = subprocess.Popen(["sleep", "100"])
identity, handle = hands.identify(first.pid), hands.open(first.pid)
time.sleep(0.05)  # until the clock that processes are told by has moved on
first.kill()
first.wait()
Path("/proc/sys/kernel/ns_last_pid").write_text(str(first.pid - 1))
child = os.fork()
if not child:
    time.sleep(100)
    os._exit(0)
try:
    assert child == first.pid, (child, first.pid)
    assert hands.identify(child) not in (None, identity)
    try:
        hands.signal(handle, hands.TERM)
    except ProcessLookupError:
        print("the handle never means the new one")
finally:
    os.kill(child, signal.SIGKILL)
"""


def test_a_number_that_is_used_again_is_another_process() -> None:
    """The kernel is made to give the number of one that has ended to another one."""
    need_root("this test makes a process namespace")
    need_kernel(os.access("/proc/sys/kernel/ns_last_pid", os.W_OK), "numbers can't be chosen here")
    alone = [need_program("unshare"), "--pid", "--fork", "--mount-proc"]
    done = subprocess.run(
        [*alone, sys.executable, "-c", USED_AGAIN],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert (done.stdout, done.stderr) == ("the handle never means the new one\n", "")


def test_what_holds_a_socket() -> None:
    import socket

    with socket.socket() as made:
        inode = os.fstat(made.fileno()).st_ino
        assert Hands().holds(os.getpid(), [inode]) is True
        assert Hands().holds(os.getpid(), [1]) is False
    assert Hands().holds(2**22 + 1, [1]) is False


def test_a_system_without_handles(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refused)
    with pytest.raises(HostUnreadable, match=r"Function not implemented.*kill 7"):
        Hands().open(7)


def test_a_managers_command(tmp_path: Path) -> None:
    hands = Hands()
    ticks: list[int] = []
    code = "import time; print('one\\ntwo'); time.sleep(0.4); raise SystemExit(3)"
    ran = hands.run([sys.executable, "-I", "-c", code], lambda: ticks.append(1), 60)
    assert ran == process_control.Ran(3, "one\ntwo\n")
    assert ticks
    with pytest.raises(OSError, match="No such file"):
        hands.run(["/nowhere"], lambda: None, 1)
    slow = [sys.executable, "-I", "-c", "import time; time.sleep(60)", str(tmp_path)]
    assert hands.run(slow, lambda: None, 0.2).status is None
    (left,) = [each for each in psutil.Process().children() if each.cmdline() == slow]
    left.kill()
    left.wait()


def test_the_other_systems_ask_psutil() -> None:
    assert type(process_control.hands()) is Hands
    assert isinstance(process_control.hands("darwin"), PsutilHands)


# -- kinship ----------------------------------------------------------------------------------


def test_our_own_line() -> None:
    own = read_own()
    assert own.line[:2] == (os.getpid(), os.getppid())
    assert own.line == (os.getpid(), *(each.pid for each in psutil.Process().parents()))


def test_the_connections_that_the_line_was_started_in(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import subprocess, sys, os; env = dict(os.environ); env.pop('SSH_CONNECTION');"
        "inner = 'from portbook.host.linux.process_tree import read_own; print(read_own().ssh)';"
        "subprocess.run([sys.executable, '-c', inner], env=env)"
    )
    environ = {**os.environ, "SSH_CONNECTION": "192.0.2.9 50000 192.0.2.1 2222"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert "('192.0.2.1', 2222)" in done.stdout
    monkeypatch.setenv("SSH_CONNECTION", "2001:db8::9 50000 2001:db8::1 22")
    assert ("2001:db8::1", 22) in read_own().ssh


@for_each("text", ["", "a b c", "a 1 b c", "a 1 b 222222", "1 2 3 4 5", "a 1 b ²"])
def test_no_connection(text: str) -> None:
    assert parse_ssh_connection(text) is None


def test_children_and_theirs(sleeper: subprocess.Popen[str]) -> None:
    below = {each.pid for each in descendants([os.getpid()], read_processes())}
    assert sleeper.pid in below
    assert os.getpid() not in below
    ring = {pid: Relative(pid, parent, "x", None) for pid, parent in ((1, 3), (2, 1), (3, 2))}
    assert [each.pid for each in descendants([1], ring)] == [2, 3]
