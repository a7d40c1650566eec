"""What a program does, by its system calls: what it runs, whom it connects to, what it writes."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from tests.patience import PATIENCE
from tests.real.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CALLS = (
    "execve", "execveat", "connect", "sendto", "sendmsg", "sendmmsg", "open", "openat", "openat2",
    "creat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "link", "linkat", "symlink",
    "symlinkat", "unlink", "unlinkat", "chmod", "fchmodat", "chown", "fchownat",
)  # fmt: skip
_RUN = re.compile(r'execve(?:at)?\((?:\S+, )?"([^"]*)"')
_INTERNET = re.compile(r'sa_family=AF_INET6?,.*?(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]*)"')
_LOCAL = re.compile(r'connect\(.*sa_family=AF_UNIX, sun_path=@?"([^"]*)"')
_OPENED = re.compile(r'open(?:at2?)?\((?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)", (\S+)')
_CHANGED = re.compile(
    r"(?:creat|rename|mkdir|link|symlink|unlink|chmod|fchmod|chown|fchown)(?:at2?)?\((.*)"
)
_PLACE = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"')
_WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")


class Trace(NamedTuple):
    """What a run did: its status, its output, and the calls that matter.

    ``ran`` are the paths of programs, ``addresses`` those on the internet that it sent to,
    ``sockets`` the paths of local ones, ``opened`` and ``changed`` the paths of files.
    """

    status: int
    output: str
    errors: str
    ran: tuple[str, ...]
    addresses: frozenset[str]
    sockets: frozenset[str]
    opened: frozenset[str]
    changed: frozenset[str]


def trace(command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path) -> Trace:
    """Runs *command* in *cwd* with *env* under strace, whose log goes to *log*."""
    done = subprocess.run(
        [*under_strace(log), *command],
        cwd=cwd, env=dict(env), capture_output=True, text=True, check=False, timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return read(log.read_text(errors="surrogateescape"), done.returncode, done.stdout, done.stderr)


def under_strace(log: Path) -> list[str]:
    """What stands before a command to trace it, with all that it starts, into *log*."""
    calls = ",".join(f"?{name}" for name in _CALLS)
    argv = [need_program("strace"), "-f", "-qq", "-y", "--seccomp-bpf", "-s", "4096"]
    return [*argv, "-o", str(log), "-e", f"trace={calls}"]


def read(log: str, status: int = 0, output: str = "", errors: str = "") -> Trace:
    """What the lines of a log say. Pure."""
    ran: list[str] = []
    addresses: set[str] = set()
    sockets: set[str] = set()
    opened: set[str] = set()
    changed: set[str] = set()
    for line in log.splitlines():
        if found := _RUN.search(line):
            ran += [] if " = -1 ENOENT" in line else [found[1]]
        elif found := _INTERNET.search(line):
            addresses.add(found[1])
        elif found := _LOCAL.search(line):
            sockets.add(found[1])
        elif found := _OPENED.search(line):
            path = os.path.normpath(os.path.join(found[1] or "", found[2]))
            (changed if any(word in found[3] for word in _WRITES) else opened).add(path)
        elif found := _CHANGED.search(line):
            for place in _PLACE.finditer(found[1]):
                changed.add(os.path.normpath(os.path.join(place[1] or "", place[2])))
    return Trace(
        status, output, errors, tuple(ran),
        frozenset(addresses), frozenset(sockets), frozenset(opened), frozenset(changed),
    )  # fmt: skip
