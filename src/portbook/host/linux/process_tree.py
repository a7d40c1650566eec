"""Who belongs to whom: this process's own line, what others started, and how we are connected.

All of it is there so that a process is not ended by mistake.
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput
from portbook.host.linux import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DEEPEST = 64
_ENVIRONMENT = 1 << 17  # bytes of a process's environment


class Relative(NamedTuple):
    """One process in a few words: its number, its parent's, its name, its unit.

    ``leads_terminal`` is so of the shell that a terminal was opened with.
    """

    pid: int
    parent: int
    program: str
    unit: str | None
    leads_terminal: bool = False


class CurrentProcess(NamedTuple):
    """What this process depends on: itself and its ancestors, its unit and container, and the
    addresses and ports at which the SSH connections that it is used through arrive.
    """

    line: tuple[int, ...]
    unit: str | None
    container: str | None
    ssh: tuple[tuple[str, int], ...]


def read_processes(root: str = "/proc") -> Mapping[int, Relative]:
    """Every process that can be seen, by its number."""
    found = {}
    try:
        names = os.listdir(root)
    except OSError:
        return {}
    for name in names:
        if name.isdecimal():
            try:
                stat = procfs.parse_stat(_read(f"{root}/{name}/stat"))
                cgroups = procfs.parse_cgroups(_read(f"{root}/{name}/cgroup"))
            except (OSError, MalformedInput):
                continue  # it has just ended, or is not ours to see
            found[stat.pid] = Relative(
                pid=stat.pid,
                parent=stat.parent,
                program=stat.name,
                unit=procfs.systemd_unit(cgroups),
                leads_terminal=stat.session == stat.pid and stat.terminal != 0,
            )
    return found


def descendants(pids: Iterable[int], processes: Mapping[int, Relative]) -> tuple[Relative, ...]:
    """What *pids* started, and what that started, *pids* themselves left out; by number."""
    wanted = set(pids)
    children: dict[int, list[int]] = {}
    for each in processes.values():
        children.setdefault(each.parent, []).append(each.pid)
    found: set[int] = set()
    more = [child for pid in wanted for child in children.get(pid, ())]
    while more:
        pid = more.pop()
        if pid not in found and pid not in wanted:
            found.add(pid)
            more += children.get(pid, ())
    return tuple(processes[pid] for pid in sorted(found))


def read_own(root: str = "/proc", pid: int | None = None) -> CurrentProcess:
    """This process's own line, unit, container and connections, as far as they can be seen."""
    pid = os.getpid() if pid is None else pid
    line: list[int] = []
    ssh: dict[tuple[str, int], None] = {}
    cgroups: tuple[procfs.Cgroup, ...] = ()
    if own := parse_ssh_connection(os.environ.get("SSH_CONNECTION", "")):
        ssh[own] = None
    while pid and len(line) < _DEEPEST:
        line.append(pid)
        try:
            if len(line) == 1:
                cgroups = procfs.parse_cgroups(_read(f"{root}/{pid}/cgroup"))
            parent = procfs.parse_stat(_read(f"{root}/{pid}/stat")).parent
        except (OSError, MalformedInput):
            break
        # sudo takes the variable away, and a terminal multiplexer keeps an old one: the
        # environments in which the ancestors were started have it.
        if found := _connection_of(f"{root}/{pid}/environ"):
            ssh[found] = None
        pid = parent
    return CurrentProcess(
        tuple(line), procfs.systemd_unit(cgroups), procfs.container(cgroups), tuple(ssh)
    )


def _connection_of(path: str) -> tuple[str, int] | None:
    try:
        environment = _read(path, _ENVIRONMENT)
    except OSError:
        return None
    for line in environment.split(b"\0"):
        if line.startswith(b"SSH_CONNECTION="):
            return parse_ssh_connection(procfs.decode(line.partition(b"=")[2]))
    return None


def parse_ssh_connection(text: str) -> tuple[str, int] | None:
    """The server's end of SSH_CONNECTION (ssh(1)): client's address and port, then its own.

    >>> parse_ssh_connection("192.0.2.9 50222 192.0.2.1 22")
    ('192.0.2.1', 22)
    """
    words = text.split()
    if len(words) != 4 or not (words[3].isascii() and words[3].isdigit()):
        return None
    return (words[2], int(words[3])) if len(words[3]) <= 5 else None


def systemd_runs(root: str = "/") -> bool:
    """Whether systemd is this machine's first process (sd_booted(3))."""
    return os.path.isdir(f"{root}run/systemd/system")


def _read(path: str, size: int = 1 << 16) -> bytes:
    with open(path, "rb") as file:
        return file.read(size)
