r"""What the files of /proc say: text in, values out, no I/O. See proc(5).

File names and command lines can hold any byte: text is decoded with ``surrogateescape``
and is as hostile as the process that made it.

>>> parse_stat(b"42 (a) b) S 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 907 0 0")
Stat(pid=42, name='a) b', state='S', parent=1, threads=3, start=907, session=42, terminal=0)
>>> parse_command(b"nginx\x00-g\x00daemon off;\x00")
('nginx', '-g', 'daemon off;')
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput
from portbook.host.linux.sock_diag import DiagSocket, Question

_HEX = "0123456789abcdef"

# How the runtimes name a container's cgroup: before the dash, and our word for it.
_RUNTIMES = {
    "docker": "docker",
    "libpod": "podman",
    "cri-containerd": "containerd",
    "crio": "cri-o",
    "nerdctl": "containerd",
}


class Stat(NamedTuple):
    """/proc/PID/stat. ``start`` is in clock ticks since the machine started, ``terminal`` the
    device number of the controlling terminal, 0 without one.
    """

    pid: int
    name: str
    state: str
    parent: int
    threads: int
    start: int
    session: int
    terminal: int


class Cgroup(NamedTuple):
    """One line of /proc/PID/cgroup; ``controllers`` is empty for version 2 (cgroups(7))."""

    controllers: str
    path: str


class Mount(NamedTuple):
    """One line of /proc/PID/mounts."""

    path: str
    type: str


def decode(data: bytes) -> str:
    """*data* as text; bytes that are no UTF-8 come back by the same error handler (PEP 383)."""
    return data.decode("utf-8", "surrogateescape")


def parse_stat(data: bytes) -> Stat:
    """The fields 1 to 4, 6, 7, 20 and 22 of proc_pid_stat(5). The name may hold parentheses.

    Raises MalformedInput.
    """
    opening, closing = data.find(b"("), data.rfind(b")")
    try:
        rest = data[closing + 1 :].split()
        return Stat(
            pid=int(data[:opening]),
            name=decode(data[opening + 1 : closing]),
            state=decode(rest[0]),
            parent=int(rest[1]),
            threads=int(rest[17]),
            start=int(rest[19]),
            session=int(rest[3]),
            terminal=int(rest[4]),
        )
    except (ValueError, IndexError) as error:
        raise MalformedInput("a process's stat line can't be read") from error


def parse_command(data: bytes) -> tuple[str, ...] | None:
    """The arguments of /proc/PID/cmdline; None where there are none (kernel threads, zombies).

    A process that wrote a title over its arguments leaves one of them, padded with zeros.
    """
    data = data.rstrip(b"\0")
    return tuple(decode(data).split("\0")) if data else None


def parse_cgroups(data: bytes) -> tuple[Cgroup, ...]:
    r"""/proc/PID/cgroup. Raises MalformedInput.

    >>> parse_cgroups(b"1:name=systemd:/\n0::/system.slice/ssh.service\n")[1].path
    '/system.slice/ssh.service'
    """
    lines = []
    for line in decode(data).split("\n"):
        parts = line.split(":", 2)  # a path may hold colons
        if len(parts) == 3:
            lines.append(Cgroup(parts[1], parts[2]))
        elif line:
            raise MalformedInput("a process's cgroup line can't be read")
    return tuple(lines)


_UNITS = (".service", ".scope", ".socket", ".mount", ".swap")  # systemd.unit(5), less slices


def systemd_unit(cgroups: tuple[Cgroup, ...]) -> str | None:
    """The innermost systemd unit that is no slice: a user's own service before user@.service.

    >>> systemd_unit((Cgroup("", "/user.slice/user@1.service/app.slice/web.service"),))
    'web.service'
    """
    # Version 2 first; where systemd keeps to version 1 its own hierarchy holds the unit.
    for controllers in ("", "name=systemd"):
        for cgroup in cgroups:
            if cgroup.controllers == controllers:
                for name in reversed(cgroup.path.split("/")):
                    if name.endswith(_UNITS):
                        return name.removeprefix("_")  # systemd's escape
    return None


def cgroup_uid(cgroups: tuple[Cgroup, ...]) -> int | None:
    """The user in whose part of the control groups a process is; 0 for the system's own.

    Names in there are given by systemd as long as there are slices (systemd.slice(5)) and the
    manager of a user (user@.service). Whoever runs the first unit below them may be allowed to
    make groups inside it, and to call one like another unit: None, if one is.

    >>> cgroup_uid((Cgroup("", "/system.slice/web.service"),))
    0
    >>> cgroup_uid((Cgroup("", "/user.slice/user-7.slice/user@7.service/app.slice/web.service"),))
    7
    >>> cgroup_uid((Cgroup("", "/system.slice/web.service/ssh.service"),)) is None
    True
    """
    for controllers in ("", "name=systemd"):
        for cgroup in cgroups:
            if cgroup.controllers == controllers:
                return _uid_of(cgroup.path)
    return None


def _uid_of(path: str) -> int | None:
    uid, inside = 0, False
    for name in path.strip("/").split("/"):
        if inside:
            if name.endswith(_UNITS):
                return None
        elif name.endswith(".slice"):
            number = name.removeprefix("user-").removesuffix(".slice")
            if name.startswith("user-") and _is_uid(number) and not uid:
                uid = int(number)
        elif not (uid and name == f"user@{uid}.service"):
            inside = True
    return uid


def _is_uid(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10


def container(cgroups: tuple[Cgroup, ...]) -> str | None:
    """The container a process is in, ``runtime:id``, the id cut to 12 characters.

    >>> container((Cgroup("", f"/system.slice/docker-{'0123456789abcdef' * 4}.scope"),))
    'docker:0123456789ab'
    """
    for cgroup in cgroups:
        names = cgroup.path.split("/")
        for index in range(len(names) - 1, -1, -1):  # the innermost container counts
            if found := _container(names[index].removesuffix(".scope"), names, index):
                return found
    return None


def _container(name: str, names: list[str], index: int) -> str | None:
    """The container whose part of the control groups is called *name*, at *index* of *names*."""
    if ":" in name:  # containerd under a systemd slice: slice:runtime:id
        name = "-".join(name.split(":")[-2:])
    runtime, _, number = name.rpartition("-")
    if len(number) == 64 and not number.strip(_HEX):
        if runtime.endswith("conmon"):
            return None  # the monitor beside a container, not the container
        known = _RUNTIMES.get(runtime)
        if known is None:
            above = names[:index]
            known = "docker" if "docker" in above else "container"
            if any(part.startswith("kubepods") for part in above):
                known = "kubernetes"
        return f"{known}:{number[:12]}"
    if name.startswith("lxc.payload."):
        return f"lxc:{name[12:]}"
    if index and names[index - 1] == "lxc" and name:
        return f"lxc:{name}"
    return f"machine:{name[8:]}" if name.startswith("machine-") else None


def socket_link(inode: int) -> str:
    """What /proc/PID/fd/N points to for the socket *inode*."""
    return f"socket:[{inode}]"


def parse_mounts(data: bytes) -> tuple[Mount, ...]:
    r"""/proc/PID/mounts; white space in a path is written as octal escapes.

    >>> parse_mounts(b"cgroup2 /sys/fs/my\\040cgroup cgroup2 rw 0 0\n")
    (Mount(path='/sys/fs/my cgroup', type='cgroup2'),)
    """
    mounts = []
    for line in decode(data).split("\n"):
        fields = line.split(" ")
        if len(fields) >= 3:
            path = fields[1]
            for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n")):
                path = path.replace(escape, character)
            mounts.append(Mount(path.replace("\\134", "\\"), fields[2]))
    return tuple(mounts)


def parse_numbers(data: bytes) -> tuple[int, ...]:
    r"""A line of whole numbers, as most files of /proc/sys are. Raises MalformedInput.

    >>> parse_numbers(b"32768\t60999\n")
    (32768, 60999)
    """
    try:
        return tuple(int(word) for word in data.split())
    except ValueError as error:
        raise MalformedInput("a kernel setting that should be numbers is not") from error


def parse_ranges(data: bytes) -> tuple[tuple[int, int], ...]:
    r"""A bitmap as the kernel prints it. Raises MalformedInput.

    >>> parse_ranges(b"8080,9000-9010\n")
    ((8080, 8080), (9000, 9010))
    """
    ranges = []
    for part in data.strip().split(b","):
        if part:
            first, dash, last = part.partition(b"-")
            try:
                ranges.append((int(first), int(last if dash else first)))
            except ValueError as error:
                raise MalformedInput("a kernel setting that should be ranges is not") from error
    return tuple(ranges)


def parse_sockets(data: bytes, question: Question) -> tuple[DiagSocket, ...]:
    """The sockets of /proc/net/tcp, tcp6, udp, udp6 and so on that fit *question*.

    Bound sockets that don't listen, devices, queue limits and cgroups are not in these files
    (Documentation/networking/proc_net_tcp.rst of the kernel).
    """
    from portbook.formats.proc_net_row import parse_row

    assert question.family is not None  # each has a file of its own
    found = []
    for line in data.split(b"\n")[1:]:
        if not line.strip():
            continue
        row = parse_row(line)
        if 1 << row.state & question.states and question.first <= row.port <= question.last:
            found.append(
                DiagSocket(
                    question.transport,
                    question.family,
                    row.state,
                    row.address,
                    row.port,
                    row.peer_address,
                    row.peer_port,
                    0,
                    0,
                    row.waiting,
                    None,
                    row.uid,
                    row.inode,
                    udplite=question.udplite,
                )
            )
    return tuple(found)


def read_user(uid: int) -> str | None:
    """The name of the user *uid*; None where the machine has none for it."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return None


_FIRST_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO, include/linux/proc_ns.h


def counts_descriptors(root: str) -> bool:
    """Whether the size of /proc/PID/fd is the number of descriptors: from Linux 6.2 on."""
    try:
        return os.stat(f"{root}/self/fd").st_size > 0
    except OSError:
        return False


def lists_processes(root: str) -> bool:
    """Whether a procfs at *root* shows any process."""
    try:
        return any(name.isdecimal() for name in os.listdir(root))
    except OSError:
        return False


def inside_pid_namespace(root: str) -> bool:
    """Whether this process is in a pid namespace of its own; True where that can't be read."""
    try:
        return os.stat(f"{root}/self/ns/pid").st_ino != _FIRST_PID_NAMESPACE
    except OSError:
        return True
