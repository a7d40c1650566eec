"""One process of Linux, from /proc/PID. Input and output only."""

from __future__ import annotations

import os
import time

from portbook.errors import MalformedInput
from portbook.host.linux import procfs
from portbook.host.linux.procfs import read_user
from portbook.model import (
    ExecutablePlace,
    Process,
)
from portbook.model.secrets import mask_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.host.linux.procfs import Stat

_COMMAND_LIMIT = 4096
_NAME_LIMIT = 15  # the kernel cuts a process's own name here (TASK_COMM_LEN less its zero)
_CLOCK_BOOTTIME = 7  # linux/time.h
_DELETED = " (deleted)"
_NS_GET_OWNER_UID = 0xB704  # linux/nsfs.h

_DEEPEST = 64  # numbers are used again, so what is read at different moments could be a ring

_STEP = 0.5  # seconds by which a clock that is only kept in time never is off at once

# When stat's starts are counted from, as it was last worked out.
_clock: list[float] = []


class Walk:
    """What one walk through the processes needn't read twice: their parents, and users' names."""

    def __init__(self) -> None:
        self.stats: dict[int, Stat | None] = {}
        self.users: dict[int, str | None] = {}

    def user(self, uid: int) -> str | None:
        """The name of the user *uid*."""
        if uid not in self.users:
            self.users[uid] = read_user(uid)
        return self.users[uid]


def read_process(pid: int, root: str = "/proc", walk: Walk | None = None) -> Process | None:
    """All that this user may see of a process; None where it has ended.

    ``executable`` and what is known of the file are None without the right to look;
    ``ancestors`` go from the parent up to the first process. *walk* keeps what the next process
    of it shares.
    """
    folder, shared = f"{root}/{pid}", walk or Walk()
    try:
        stat = procfs.parse_stat(_read(f"{folder}/stat", 4096))
        uid = os.stat(folder).st_uid
    except (OSError, MalformedInput):
        return None
    try:
        command = procfs.parse_command(_read(f"{folder}/cmdline", _COMMAND_LIMIT))
    except OSError:
        command = None
    try:
        cwd = os.readlink(f"{folder}/cwd")
    except OSError:
        cwd = None
    try:
        cgroups = procfs.parse_cgroups(_read(f"{folder}/cgroup", 1 << 16))
    except (OSError, MalformedInput):
        cgroups = ()
    executable, file_uid, mode, deleted, place = _read_executable(folder, root)
    return Process(
        pid,
        _program(stat.name, command, executable),
        None if command is None else mask_secrets(command),
        executable,
        file_uid,
        mode,
        deleted,
        uid,
        shared.user(uid),
        _start_of_clock() + stat.start / os.sysconf("SC_CLK_TCK"),
        stat.parent or None,
        _read_ancestors(stat.parent, root, shared.stats),
        unit=procfs.systemd_unit(cgroups),
        container=procfs.container(cgroups),
        place=place,
        cgroup_uid=procfs.cgroup_uid(cgroups),
        cwd=cwd,
    )


_MOST_WORKERS = 64


def family_of(pid: int, root: str, holds: Callable[[int], bool]) -> list[int]:
    """The process *pid*, those above it and the children of the uppermost of them that hold what it
    does (*holds*), the uppermost first. The kernel tells the children that a first thread started,
    proc_pid_task_children(5), or none at all.
    """
    family, workers, top = [pid], [], pid
    try:
        while len(family) < _DEEPEST:
            above = procfs.parse_stat(_read(f"{root}/{top}/stat", 4096)).parent
            if above <= 1 or above in family or not holds(above):
                break
            family.insert(0, above)
            top = above
        workers = _read(f"{root}/{top}/task/{top}/children", 4096).split()[:_MOST_WORKERS]
    except (OSError, MalformedInput):
        pass  # ended meanwhile, hidden from this user, or a kernel that lists no children
    held = [each for each in map(int, workers) if each not in family and holds(each)]
    return [top, *sorted([*family[1:], *held])]


def _read_ancestors(
    pid: int, root: str, stats: dict[int, Stat | None]
) -> tuple[tuple[int, str], ...]:
    ancestors: list[tuple[int, str]] = []
    while pid and len(ancestors) < _DEEPEST:
        if pid not in stats:
            try:
                stats[pid] = procfs.parse_stat(_read(f"{root}/{pid}/stat", 4096))
            except (OSError, MalformedInput):
                stats[pid] = None  # ended, or hidden from this user
        stat = stats[pid]
        if stat is None:
            break
        ancestors.append((pid, stat.name))
        pid = stat.parent
    return tuple(ancestors)


def _read(path: str, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def _read_executable(
    folder: str, root: str
) -> tuple[str | None, int | None, int | None, bool | None, ExecutablePlace | None]:
    """The path of the file a process runs, its owner and mode, whether it is deleted, its place."""
    path = f"{folder}/exe"
    try:
        link = os.readlink(path)
    except OSError:
        return None, None, None, None, None
    try:
        # The link leads to the very file, even when its name is gone.
        file = os.stat(path)
    except OSError:
        return link, None, None, None, _place(link, f"{folder}/root")
    there = _is_at(file, link)
    deleted = link.endswith(_DELETED) and not there
    executable = link.removesuffix(_DELETED) if deleted else link
    place = _place(executable, f"{folder}/root")
    if place is None and not deleted:
        # In a container the path is the container's.
        there = there or _is_at(file, f"{folder}/root{link}")
        if not (there and _mounts_are_roots(folder, root)):
            place = ExecutablePlace.MOUNTED
    return executable, file.st_uid, file.st_mode & 0o7777, deleted, place


def _mounts_are_roots(folder: str, root: str) -> bool:
    """Whether it took root to arrange where a process has its files.

    In a user namespace of their own anyone may mount any file in any place, and even make the
    kernel show another executable (user_namespaces(7); PR_SET_MM_EXE_FILE in prctl(2)). Root
    makes such namespaces too: for a unit with PrivateUsers=yes, say.
    """
    try:
        if os.readlink(f"{folder}/ns/user") == os.readlink(f"{root}/self/ns/user"):
            return True
        namespace = os.open(f"{folder}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # a kernel without user namespaces
    except OSError:
        return False
    import fcntl

    try:
        owner = fcntl.ioctl(namespace, _NS_GET_OWNER_UID, bytes(4))
    except OSError:
        return False
    finally:
        os.close(namespace)
    return owner == bytes(4)


_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/")  # noqa: S108 - recognised, not written to


def _place(executable: str, root: str) -> ExecutablePlace | None:
    """Where the executable lies, if that is a place where anybody can put a file."""
    if executable.startswith("/memfd:"):  # memfd_create(2)
        return ExecutablePlace.MEMORY
    if executable.startswith(_TEMPORARY):
        return ExecutablePlace.TEMPORARY
    try:
        # Through the process's own root: in a container the same path is another folder.
        folder = os.stat(root + (executable.rpartition("/")[0] or "/"))
    except OSError:
        return None
    return ExecutablePlace.WORLD_WRITABLE if folder.st_mode & 0o002 else None


def _is_at(file: os.stat_result, path: str) -> bool:
    """Whether *path* really is the name of *file*: one can be called "x (deleted)"."""
    try:
        other = os.stat(path)
    except OSError:
        return False
    return (file.st_dev, file.st_ino) == (other.st_dev, other.st_ino)


def _program(name: str, command: tuple[str, ...] | None, executable: str | None) -> str:
    """The process's own name, made whole where the kernel cut it."""
    if len(os.fsencode(name)) >= _NAME_LIMIT:
        for path in (command[0] if command else "", executable or ""):
            whole = path.rpartition("/")[2]
            if whole.startswith(name):
                return whole
    return name


def _start_of_clock() -> float:
    # The moment that stat's start counts from. /proc/stat has it too (btime), but makes the
    # kernel add up every interrupt of every processor first. Kept, so that one process has
    # one start however often it is read; unless the clock was set meanwhile.
    now = time.time() - time.clock_gettime(_CLOCK_BOOTTIME)
    if not _clock or abs(now - _clock[0]) > _STEP:
        _clock[:] = [now]
    return _clock[0]
