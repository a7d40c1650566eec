"""The search for owners, over a /proc of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

if sys.platform != "linux":
    pytest.skip("Linux only", allow_module_level=True)

from typing import TYPE_CHECKING

from portbook.host.linux.owners import Owners, read_owners
from portbook.host.linux.processes import read_process
from portbook.model import OwnersSeen, Process
from tests.patience import PATIENCE
from tests.real.needs import need_kernel, need_root
from tests.values import sentences

if TYPE_CHECKING:
    from collections.abc import Iterator


class Proc:
    """A procfs of plain files, in which every process may be looked into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cgroups = root / "cgroup"
        self.cgroups.mkdir()
        (root / "self" / "ns").mkdir(parents=True)
        (root / "self" / "ns" / "pid").symlink_to("/proc/self/ns/pid")
        self.add(1)

    def add(self, pid: int, *inodes: int, name: str = "server", thread: int | None = None) -> Path:
        process = self.root / str(pid)
        folder = process / "task" / str(thread) if thread else process
        (folder / "fd").mkdir(parents=True)
        (process / "task" / str(pid)).mkdir(parents=True, exist_ok=True)
        for number, inode in enumerate(inodes):
            (folder / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
        (process / "stat").write_text(f"{pid} ({name}) S 1 1 1 0 -1" + " 0" * 10 + " 20 0 1 0 5 0")
        (process / "cmdline").write_bytes(f"/usr/sbin/{name}\0".encode())
        (process / "cgroup").write_text(f"0::/system.slice/{name}.service\n")
        return process

    def group(self, path: str, *pids: int) -> int:
        folder = self.cgroups / path
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
        return folder.stat().st_ino

    def owners(self, sockets: dict[int, tuple[int, int | None]], *, every: bool = False) -> Owners:
        return read_owners(sockets, every=every, root=str(self.root), cgroups=str(self.cgroups))


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def pids(owners: Owners, inode: int) -> list[int]:
    return [process.pid for process in owners.owners[inode][1]]


def test_the_first_owner_and_all_of_them(proc: Proc) -> None:
    proc.add(20, 7, 8)
    proc.add(30, 8, 9, 8)
    sockets: dict[int, tuple[int, int | None]] = {7: (0, None), 8: (0, None)}
    first = proc.owners(sockets)
    assert first.owners[7][0] is first.owners[8][0] is OwnersSeen.FIRST
    assert len(pids(first, 8)) == 1
    every = proc.owners(sockets, every=True)
    assert sorted(pids(every, 8)) == [20, 30]
    assert pids(every, 7) == [20]


@pytest.mark.parametrize("found", [20, 30, 40])
def test_the_first_owner_brings_its_server_and_workers(proc: Proc, found: int) -> None:
    for pid in (20, 30, 40, 50, 60):
        proc.add(pid, *([7] if pid in (20, 30, 40, 60) else []))
    for child in (30, 40, 50):  # the last holds nothing; 60 is no relative
        stat = proc.root / str(child) / "stat"
        stat.write_text(stat.read_text().replace(" S 1 ", " S 20 "))
    (proc.root / "20" / "task" / "20" / "children").write_text("30 40 50 ")
    cgroup = proc.group("server.service", found)
    owners = proc.owners({7: (0, cgroup)})
    assert (owners.owners[7][0], pids(owners, 7)) == (OwnersSeen.FIRST, [20, 30, 40])
    assert owners.missing == ()
    # A kernel that lists no children tells the parent alone.
    (proc.root / "20" / "task" / "20" / "children").unlink()
    assert pids(proc.owners({7: (0, cgroup)}), 7) == sorted({20, found})


def test_the_newest_is_looked_at_first_and_its_server_is_found_from_it(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 70)
    for pid, parent in ((20, 1), (30, 20), (40, 30), (50, 1)):
        stat = proc.add(pid, *([7] if pid < 50 else [8])) / "stat"
        stat.write_text(stat.read_text().replace(" S 1 ", f" S {parent} "))
    proc.add(25, 8)
    sockets: dict[int, tuple[int, int | None]] = {7: (0, None), 8: (0, None)}
    found = proc.owners(sockets)
    assert pids(found, 7) == [20, 30, 40]
    assert pids(found, 8) == [50]
    monkeypatch.setattr(os, "getpid", lambda: 45)  # numbers began anew: 50 is older than 25
    assert pids(proc.owners(sockets), 8) == [25]
    # The first of all may hold a socket for others, and is asked before them.
    (proc.root / "1" / "fd" / "0").symlink_to("socket:[8]")
    assert pids(proc.owners(sockets), 8) == [1]


@pytest.mark.parametrize("every", [False, True])
def test_an_owner_that_ends_before_more_is_read_of_it(proc: Proc, every: bool) -> None:
    ended = proc.add(20, 7)
    (ended / "stat").unlink()
    group = proc.group("system.slice/one.service", 20)
    gone = proc.owners({7: (0, group)}, every=every)
    assert pids(gone, 7) == []
    proc.add(30, 7)
    found = proc.owners({7: (0, group)}, every=every)
    assert pids(found, 7) == [30]
    assert found.missing == ()


def test_the_cgroup_is_looked_into_first(proc: Proc) -> None:
    for pid in (20, 30, 40):
        proc.add(pid, 7)
    proc.group("a.slice/b.slice/other.service", 20)
    cgroup = proc.group("a.slice/b.slice/server.service", 30)
    assert pids(proc.owners({7: (0, cgroup)}), 7) == [30]


def test_a_cgroup_that_misleads_only_costs_time(proc: Proc) -> None:
    proc.add(20)
    proc.add(40, 7)
    cgroup = proc.group("server.service", 20, 4711)
    owners = proc.owners({7: (0, cgroup)})
    assert (owners.owners[7][0], pids(owners, 7)) == (OwnersSeen.FIRST, [40])
    assert pids(proc.owners({7: (0, 1 << 60)}), 7) == [40]


def test_the_sockets_user_comes_before_the_others(proc: Proc) -> None:
    need_root("this test gives folders away")
    for pid in (20, 30, 40):
        proc.add(pid, 7)
    os.chown(proc.root / "30", 1234, 1234)
    assert pids(proc.owners({7: (1234, None)}), 7) == [30]


def test_another_thread_can_hold_what_the_main_thread_let_go(proc: Proc) -> None:
    proc.add(20, 5)
    proc.add(30)
    proc.add(31, 6)
    folder = proc.root / "30" / "task" / "33" / "fd"
    folder.mkdir(parents=True)
    (folder / "4").symlink_to("socket:[7]")
    assert pids(proc.owners({7: (0, None)}), 7) == [30]
    assert pids(proc.owners({7: (0, None)}, every=True), 7) == [30]


def test_nobody_holds_it(proc: Proc) -> None:
    proc.add(20, 5)
    owners = proc.owners({7: (0, None)})
    if os.stat("/proc/self/ns/pid").st_ino == 0xEFFFFFFC:
        assert owners.owners[7] == (OwnersSeen.NONE, ())
        assert owners.missing == ()
    else:  # in a container: the owner can be outside
        assert owners.owners[7] == (OwnersSeen.HIDDEN, ())
        assert "ask on the host" in sentences(owners.missing)[0]


def test_in_a_pid_namespace_nobody_is_not_known(proc: Proc) -> None:
    (proc.root / "self" / "ns" / "pid").unlink()
    (proc.root / "self" / "ns" / "pid").write_text("")
    proc.add(20, 8)
    owners = proc.owners({7: (0, None), 8: (0, None)})
    assert owners.owners[7] == (OwnersSeen.HIDDEN, ())
    assert owners.owners[8][0] is OwnersSeen.FIRST
    (reason,) = sentences(owners.missing)
    assert reason.startswith("1 of 2 sockets is owned by a process that can't be seen from inside")


def test_processes_that_are_hidden_altogether(proc: Proc) -> None:
    # hidepid=2 (proc(5)): the processes of others are not even listed, pid 1 among them
    shutil.rmtree(proc.root / "1")
    proc.add(20, 8)
    owners = proc.owners({7: (0, None)})
    assert owners.owners[7] == (OwnersSeen.HIDDEN, ())
    assert owners.missing
    every = proc.owners({8: (0, None)}, every=True)
    assert every.owners[8][0] is OwnersSeen.FIRST
    assert "whether sockets have other owners too" in sentences(every.missing)[0]


def test_no_proc_at_all(tmp_path: Path) -> None:
    owners = read_owners({7: (0, None)}, every=False, root=str(tmp_path / "none"))
    assert owners.owners[7] == (OwnersSeen.HIDDEN, ())
    assert "No such file" in sentences(owners.missing)[0]


def test_a_proc_without_processes_is_told_apart_from_a_lack_of_privilege(tmp_path: Path) -> None:
    """As where procfs isn't mounted: root is told so, and nothing of security modules."""
    owners = read_owners({7: (0, None)}, every=False, root=str(tmp_path))
    assert owners.owners[7] == (OwnersSeen.HIDDEN, ())
    assert (
        f"no process is listed in {tmp_path}: procfs isn't mounted there"
        in sentences(owners.missing)[0]
    )


class Unprivileged(Proc):
    """The same, seen by a user who may not look into the folders made with ``close``."""

    def close(self, pid: int, uid: int = 0) -> None:
        os.chown(self.root / str(pid), uid, uid)
        (self.root / str(pid) / "fd").chmod(0)

    def owners(self, sockets: dict[int, tuple[int, int | None]], *, every: bool = False) -> Owners:
        os.seteuid(65534)
        try:
            return super().owners(sockets, every=every)
        finally:
            os.seteuid(0)


@pytest.fixture
def closed() -> Iterator[Unprivileged]:
    need_root("this test becomes another user")
    # Another user doesn't get through pytest's own folders.
    with tempfile.TemporaryDirectory(prefix="portbook-test-") as folder:
        os.chmod(folder, 0o755)
        yield Unprivileged(Path(folder))


def test_without_privilege_the_owner_is_hidden(closed: Unprivileged) -> None:
    closed.add(20, 7)
    closed.close(20)
    owners = closed.owners({7: (0, None)})
    assert owners.owners[7] == (OwnersSeen.HIDDEN, ())
    (reason,) = sentences(owners.missing)
    assert reason.startswith("the socket is owned by a process that this user can't see")
    assert "CAP_SYS_PTRACE" in reason


def test_without_privilege_the_cgroup_points_to_the_owner(closed: Unprivileged) -> None:
    for pid, uid in ((20, 0), (30, 0), (31, 1234)):
        closed.add(pid, 7)
        closed.close(pid, uid)
    cgroup = closed.group("system.slice/server.service", 30, 31)
    owners = closed.owners({7: (0, cgroup)})
    assert owners.owners[7][0] is OwnersSeen.INFERRED
    assert pids(owners, 7) == [30]
    assert "only its control group and user suggest" in sentences(owners.missing)[0]


def test_without_privilege_the_user_points_to_the_owner(closed: Unprivileged) -> None:
    for pid, uid in ((20, 0), (30, 1234), (40, 999)):
        closed.add(pid, 7)
        closed.close(pid, uid)
    owners = closed.owners({7: (1234, None)})
    assert (owners.owners[7][0], pids(owners, 7)) == (OwnersSeen.INFERRED, [30])


def test_too_many_candidates_are_no_answer(closed: Unprivileged) -> None:
    for pid in range(20, 40):
        closed.add(pid)
        closed.close(pid, 1234)
    cgroup = closed.group("session.scope", *range(20, 40))
    assert closed.owners({7: (1234, cgroup)}).owners[7] == (OwnersSeen.HIDDEN, ())


# -- one process ------------------------------------------------------------------------------


def test_details_of_a_process(proc: Proc) -> None:
    folder = proc.add(20, name="web")
    (folder / "exe").symlink_to(sys.executable)
    process = read_process(20, str(proc.root))
    assert process is not None
    assert (process.pid, process.program, process.command) == (20, "web", ("/usr/sbin/web",))
    assert (process.unit, process.container, process.parent) == ("web.service", None, 1)
    assert process.executable == sys.executable
    assert process.executable_deleted is False
    assert process.uid == os.geteuid()


def test_ancestors_go_up_to_the_first_process(proc: Proc) -> None:
    for pid, parent, name in ((1, 0, "init"), (20, 1, "sup) 1"), (30, 20, "web")):
        if pid > 1:
            proc.add(pid)
        line = f"{pid} ({name}) S {parent} 1 1 0 -1" + " 0" * 10 + " 20 0 1 0 5 0"
        (proc.root / str(pid) / "stat").write_text(line)
    process = read_process(30, str(proc.root))
    assert process is not None
    assert process.ancestors == ((20, "sup) 1"), (1, "init"))
    shutil.rmtree(proc.root / "20")  # ended meanwhile
    process = read_process(30, str(proc.root))
    assert process is not None
    assert process.ancestors == ()


def test_a_process_that_has_ended(proc: Proc) -> None:
    assert read_process(4711, str(proc.root)) is None


@pytest.mark.parametrize(
    ("name", "argument", "program"),
    [
        ("systemd-resolve", "/usr/lib/systemd/systemd-resolved", "systemd-resolved"),
        ("a-name-of-fifte", "something else", "a-name-of-fifte"),
        ("web", "/usr/bin/webserver", "web"),
    ],
)
def test_a_name_that_the_kernel_cut(proc: Proc, name: str, argument: str, program: str) -> None:
    (proc.add(20, name=name) / "cmdline").write_bytes(argument.encode() + b"\0-x\0")
    process = read_process(20, str(proc.root))
    assert process is not None
    assert process.program == program


def test_a_long_command_is_cut(proc: Proc) -> None:
    (proc.add(20) / "cmdline").write_bytes(b"x" * 100_000)
    process = read_process(20, str(proc.root))
    assert process is not None
    assert process.command == ("x" * 4096,)


@pytest.mark.real
def test_psutil_says_the_same_of_this_process() -> None:
    ours, theirs = read_process(os.getpid()), psutil.Process()
    assert ours is not None
    assert ours.command == tuple(theirs.cmdline())
    assert ours.cwd == theirs.cwd()
    assert ours.executable == os.path.realpath(theirs.exe())
    assert (ours.parent, ours.uid, ours.user) == (
        theirs.ppid(), theirs.uids().effective, theirs.username(),
    )  # fmt: skip
    assert ours.started == pytest.approx(theirs.create_time(), abs=1.5)
    file = os.stat(theirs.exe())
    assert ours.executable_uid == file.st_uid
    assert ours.executable_mode == file.st_mode & 0o7777


def running(path: str | int, *arguments: str) -> Iterator[Process]:
    child = os.fork()
    if child == 0:
        try:
            os.execve(path, ["sleep", *arguments], {})
        finally:
            os._exit(1)
    try:
        give_up = time.monotonic() + PATIENCE
        process = read_process(child)
        while process is None or process.command != ("sleep", *arguments):
            assert time.monotonic() < give_up
            time.sleep(0.01)
            process = read_process(child)
        yield process
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


SLEEP = os.path.realpath("/bin/sleep")


@pytest.mark.real
@pytest.mark.parametrize("name", ["sleep", "sleep (deleted)"])
def test_an_executable_that_was_deleted(tmp_path: Path, name: str) -> None:
    copy = tmp_path / name
    shutil.copy(SLEEP, copy)
    for process in running(str(copy), "300"):
        assert (process.executable, process.executable_deleted) == (str(copy), False)
        copy.unlink()
        after = read_process(process.pid)
        assert after is not None
        assert (after.executable, after.executable_deleted) == (str(copy), True)
        assert after.executable_mode == process.executable_mode


@pytest.mark.real
def test_an_executable_in_memory() -> None:
    memory = os.memfd_create("hidden", 0)
    os.write(memory, Path(SLEEP).read_bytes())
    try:
        for process in running(memory, "300"):
            assert process.executable == "/memfd:hidden"
            assert process.executable_deleted is True
    finally:
        os.close(memory)


@pytest.mark.real
@pytest.mark.parametrize(
    "numbers",
    [
        *[(3,), (3, 4, 5), (4,), (3, 70), (63,), (64,), (200,)],
        *[
            (*range(3, 40), 41),
            (*range(4, 41), 3),
            (*range(3, 40), 41, 44, 47),
            (*range(4, 40), 90),
        ],
        (*range(5, 300, 2), 4),
    ],
)
def test_whatever_number_the_descriptor_has(numbers: tuple[int, ...]) -> None:
    code = """if 1:
        import os, socket, sys
        server = socket.create_server(("127.0.0.1", 0))
        moved = os.dup2(server.fileno(), 1000)
        server.detach()
        os.closerange(3, 1000)
        for number in map(int, sys.argv[1:-1]):
            os.dup2(0, number)
        os.dup2(moved, int(sys.argv[-1]))
        os.close(moved)
        print(os.fstat(int(sys.argv[-1])).st_ino, flush=True)
        sys.stdin.read()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, numbers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        inode = int(child.stdout.readline())
        for every in (False, True):
            found = read_owners({inode: (os.getuid(), None)}, every=every)
            assert pids(found, inode) == [child.pid]
        child.communicate()


@pytest.mark.real
def test_a_cgroup_of_its_own() -> None:
    """A listener in a real cgroup: the kernel's id leads to its folder."""
    mount = next(
        (path for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
         if os.path.exists(f"{path}/cgroup.controllers")), "",
    )  # fmt: skip
    need_kernel(bool(mount) and os.access(mount, os.W_OK), "there is no cgroup2 to write to")
    group = Path(mount) / f"portbook-test-{os.getpid()}"
    group.mkdir()
    code = (
        "import os, socket, sys\n"
        f"open({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
        "made = socket.socket(); made.bind(('127.0.0.1', 0)); made.listen()\n"
        "print(made.getsockname()[1], flush=True); sys.stdin.read()\n"
    )
    try:
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            port = int(child.stdout.readline())
            from portbook.host.linux.cgroups import read_members
            from portbook.host.linux.sockets import read_sockets

            (found,) = read_sockets(port, port).sockets
            assert found.cgroup == group.stat().st_ino
            sockets = {found.inode: (found.uid, found.cgroup)}
            assert read_members(sockets, "/proc", None) == {found.cgroup: (child.pid,)}
            assert pids(read_owners(sockets, every=False), found.inode) == [child.pid]
            child.communicate()
    finally:
        group.rmdir()


@pytest.mark.real
def test_secrets_stay_with_the_process_and_its_directory_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    ready = [sys.executable, "-I", "-S", "-c", "print(flush=True); input()"]
    secret = ["--api-key", "hunter2-Xyz"]
    with subprocess.Popen(
        [*ready, *secret], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process = read_process(child.pid)
        assert process is not None
        assert process.command == (*ready, "--api-key", "***")
        assert process.cwd == str(folder)
        folder.rmdir()
        process = read_process(child.pid)
        assert process is not None
        assert process.cwd == f"{folder} (deleted)"
        child.kill()


def test_a_user_who_was_renamed_has_the_new_name(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(20)
    names = iter(("before", "after"))
    monkeypatch.setattr("portbook.host.linux.processes.read_user", lambda _: next(names))
    found = [read_process(20, str(proc.root)) for _ in range(2)]
    assert [process and process.user for process in found] == ["before", "after"]


def test_a_clock_that_is_set_moves_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server lives longer than a wrong clock; small steps are how a clock is kept in time."""
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    before = read_process(os.getpid())
    now += 0.01
    assert read_process(os.getpid()) == before
    now += 3600
    after = read_process(os.getpid())
    assert before is not None
    assert after is not None
    assert before.started is not None
    assert after.started is not None
    assert after.started - before.started == pytest.approx(3600, abs=1)
