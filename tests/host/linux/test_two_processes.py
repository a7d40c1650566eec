"""Work shared with a forked child, each time in a process of its own: this one has threads."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cases import for_each

if sys.platform != "linux":
    pytest.skip("Linux only", allow_module_level=True)

from portbook.host.linux import owners, two_processes
from portbook.host.linux.owners import read_owners
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

# Both processes have taken a part when `together` returns, whichever is the faster.
HEAD = """
import os, signal, sys, time
from portbook.host.linux import two_processes
from portbook.host.linux.two_processes import work_in_two

os.sched_getaffinity = lambda pid: {0, 1}
parent, first = os.getpid(), []
here, there = os.pipe(), os.pipe()

def is_child():
    return os.getpid() != parent

def together():
    if not first:
        first.append(True)
        os.write((here if is_child() else there)[1], b"x")
        os.read((there if is_child() else here)[0], 1)

def no_child_is_left():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False
"""


def ran(script: str) -> str:
    """What *script* printed, behind the head; it may say nothing on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + script], capture_output=True, text=True, check=True,
        timeout=PATIENCE,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_both_work_and_the_results_stand_in_their_order() -> None:
    lines = ran("""
print("once")  # buffered when the child begins

def work(part):
    together()
    return part, is_child()

found = work_in_two(200, work)
print([part for part, _ in found] == list(range(200)), {child for _, child in found})
print(no_child_is_left())
""").splitlines()
    assert lines == ["once", "True {False, True}", "True"]


@pytest.mark.parametrize("fails", ["pass", "raise ValueError", "raise OSError(2, 'None')"])
def test_what_is_done_meanwhile_is_the_parents_alone(fails: str) -> None:
    assert (
        ran(f"""
def work(part):
    return part

def meanwhile():
    print(is_child())
    {fails}

print(work_in_two(200, work, meanwhile) == list(range(200)), no_child_is_left())
""")
        == "False\nTrue True\n"
    )


def test_ctrl_c_meanwhile_ends_the_child() -> None:
    assert (
        ran("""
def work(part):
    together()
    time.sleep(60)

def meanwhile():
    os.write(there[1], b"x")
    os.read(here[0], 1)  # the child works
    raise KeyboardInterrupt

try:
    work_in_two(200, work, meanwhile)
except KeyboardInterrupt:
    print(no_child_is_left())
""")
        == "True\n"
    )


@for_each(
    "fails",
    ["os._exit(3)", "os.kill(os.getpid(), 9)", "raise RuntimeError", "sys.exit(4)",
     "raise KeyboardInterrupt", "return object()", "os.closerange(3, 99)"],
)  # fmt: skip
def test_a_child_that_fails_is_done_without(fails: str) -> None:
    assert (
        ran(f"""
def work(part):
    together()
    if is_child():
        {fails}
    return part

print(work_in_two(200, work) == list(range(200)), no_child_is_left())
""")
        == "True True\n"
    )


def test_an_answer_that_is_cut_short_is_none() -> None:
    assert (
        ran("""
import marshal
whole = marshal.dumps

def half(value):
    data = whole(value)
    return data[: len(data) // 2]

two_processes.marshal.dumps = half

def work(part):
    together()
    return part

print(work_in_two(200, work) == list(range(200)), no_child_is_left())
""")
        == "True True\n"
    )


def test_a_long_answer_comes_whole() -> None:
    assert (
        ran("""
def work(part):
    together()
    return "x" * 50_000

print(work_in_two(200, work) == ["x" * 50_000] * 200, no_child_is_left())
""")
        == "True True\n"
    )


@for_each(
    "hinders",
    [
        "def refuse(): raise BlockingIOError(11, 'Try again')\nos.fork = refuse",
        "def refuse(): raise PermissionError(1, 'Operation not permitted')\nos.fork = refuse",
        "def refuse(): raise OSError(24, 'Too many open files')\nos.pipe = refuse",
        "os.sched_getaffinity = lambda pid: {0}",
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        "import threading\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    ],
)
def test_without_a_child_where_there_can_be_none(hinders: str) -> None:
    assert (
        ran(f"""
{hinders}
print(work_in_two(20, lambda part: (part, is_child())) == [(part, False) for part in range(20)])
print(len(os.listdir("/proc/self/fd")) < 12)
os._exit(sys.stdout.flush() or 0)
""")
        == "True\nTrue\n"
    )


@contextlib.contextmanager
def interrupted(
    stop: Callable[[int], None], caught: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that is told to stop while it and its child work; and the child's number."""
    script = f"""
def work(part):
    together()
    if is_child():
        os.write(1, b"%d\\n" % os.getpid())
    time.sleep(0.01)

try:
    work_in_two(256, work)
except {caught}:
    print("interrupted", no_child_is_left())
"""
    with subprocess.Popen(
        [sys.executable, "-c", HEAD + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        child = int(process.stdout.readline())
        stop(process.pid)
        yield process, child


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("tell", [os.kill, os.killpg], ids=["one", "both"])
def test_ctrl_c_ends_both(tell: Callable[[int, int], None]) -> None:
    with interrupted(lambda pid: tell(pid, signal.SIGINT), "KeyboardInterrupt") as (process, child):
        out, errors = process.communicate(timeout=PATIENCE)
        assert (out.splitlines()[-1], errors) == ("interrupted True", "")
        assert process.returncode == 0
        assert not is_there(child)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_child_that_is_left_alone_ends(number: int) -> None:
    with interrupted(lambda pid: os.kill(pid, number), "ValueError") as (process, _):
        out, errors = process.communicate(timeout=PATIENCE)  # until the child has closed them too
        assert len(out.splitlines()) < 200
        assert errors == ""
        assert process.returncode == -number


# -- the search for owners --------------------------------------------------------------------


class Folder:
    """A procfs of plain files with many processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "self" / "ns").mkdir(parents=True)
        (root / "self" / "ns" / "pid").symlink_to("/proc/self/ns/pid")

    def add(self, pid: int, *inodes: int) -> None:
        folder = self.root / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "task" / str(pid)).mkdir(parents=True)
        for number, inode in enumerate(inodes):
            (folder / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
        (folder / "stat").write_text(f"{pid} (server) S 1 1 1 0 -1" + " 0" * 10 + " 20 0 1 0 5 0")
        (folder / "cmdline").write_bytes(b"/usr/sbin/server\0")

    def read(self, *, shared: bool) -> Any:
        sockets = dict.fromkeys(range(100, 120), (0, None))
        return read_owners(
            sockets,
            every=True,
            root=str(self.root),
            cgroups=str(self.root),
            meanwhile=(lambda: None) if shared else None,
        )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    made = Folder(tmp_path)
    for pid in range(1, 41):
        made.add(pid, 100 + pid % 15, 117, 9)
    made.add(50)
    (made.root / "50" / "task" / "51" / "fd").mkdir(parents=True)
    (made.root / "50" / "task" / "51" / "fd" / "3").symlink_to("socket:[118]")
    monkeypatch.setattr(owners, "_WORTH_A_CHILD", 0)
    return made


def test_the_owners_are_the_same(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = folder.read(shared=False)
    assert len(alone.owners[117][1]) == 40
    assert [process.pid for process in alone.owners[118][1]] == [50]
    assert folder.read(shared=True) == alone
    asked = []

    def backwards(count: int, work: Callable[[int], Any], _: object) -> list[Any]:
        asked.append(count)
        return [work(part) for part in reversed(range(count))][::-1]

    monkeypatch.setattr(two_processes, "work_in_two", backwards)
    monkeypatch.setattr(two_processes, "MOST_PARTS", 7)
    assert folder.read(shared=True) == alone
    assert len(asked) == 1
    assert 1 < asked[0] <= 7


def test_what_is_refused_is_the_same(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    listdir = os.listdir

    def refused(path: Any) -> Any:
        if os.fsencode(path).endswith((b"/7/fd/", b"/40/fd/")):
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refused)
    alone = folder.read(shared=False)
    assert alone.missing
    assert folder.read(shared=True) == alone


def test_a_process_that_begins_meanwhile_is_looked_at(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(count: int, work: Callable[[int], Any], _: object) -> list[Any]:
        found = [work(part) for part in range(count)]
        folder.add(99, 119)
        return found

    monkeypatch.setattr(two_processes, "work_in_two", late)
    (process,) = folder.read(shared=True).owners[119][1]
    assert process.pid == 99


FORKS = """
import os, sys
from portbook.host.linux import owners

forks = []
sys.addaudithook(lambda event, _: forks.append(event) if event == "os.fork" else None)
os.sched_getaffinity = lambda pid: {0, 1}
"""


@pytest.mark.parametrize(
    ("call", "forks"),
    [
        ("from portbook.cli import run; run(['listen', '%d', '--json'])", 1),
        ("from portbook.cli import run; run(['show', '%d', '--deep', '--json'])", 0),
        ("import portbook; portbook.listen(); %d", 0),
    ],
)
def test_listen_forks_and_nothing_else(call: str, forks: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = []
        for least in (0, 1 << 30):
            script = f"{FORKS}owners._WORTH_A_CHILD = {least}\n{call % port}\nprint()\n"
            done = subprocess.run(
                [sys.executable, "-c", script + "print(len(forks))"],
                capture_output=True, text=True, check=True, timeout=PATIENCE,
            )  # fmt: skip
            told.append(done.stdout.rsplit("\n", 2))
    assert [count for _, count, _ in told] == [str(forks), "0"]
    if forks:
        shared, alone = (json.loads(text)["listeners"] for text, _, _ in told)
        assert [each["owners"] for each in shared] == [each["owners"] for each in alone]
        assert [owner["pid"] for owner in shared[0]["owners"]] == [os.getpid()]
