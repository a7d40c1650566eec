r"""The network namespaces of this machine, and a way to look around inside one.

Each has its own ports: a container's listener on 80 is not this machine's. See namespaces(7),
network_namespaces(7) and ip-netns(8). Found are the namespaces that hold a process and those
that are kept by a mount, as ``ip netns add`` does; one that only an open file keeps alive in
another process is not.

>>> mounts = rb"41 22 0:4 net:[4026532209] /run/netns/blue rw shared:21 - nsfs nsfs rw"
>>> parse_namespace_mounts(mounts)
((4026532209, '/run/netns/blue'),)
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.errors import HostUnreadable
from portbook.model import Gap, GapCode, Need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Result = TypeVar("Result")

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_INODE_DIGITS = 20
_NAMED = ("/run/netns/", "/var/run/netns/")  # ip-netns(8)


class Namespace(NamedTuple):
    """One network namespace.

    ``inode`` identifies it while it lives; ``path`` is a file that opens it. ``name`` is the one
    given by ``ip netns``, or None. ``pid`` is the lowest of its ``processes``, ``program`` that
    process's name and ``cgroups`` its /proc/PID/cgroup, from which the container or the unit can
    be told; all None where the namespace holds no process that is visible. ``own`` marks the
    one that this process is in.
    """

    inode: int
    path: str
    name: str | None = None
    pid: int | None = None
    program: str | None = None
    cgroups: bytes | None = None
    processes: int = 0
    own: bool = False


def parse_namespace_mounts(data: bytes) -> tuple[tuple[int, str], ...]:
    """The network namespaces in /proc/PID/mountinfo (proc_pid_mountinfo(5)): inode and path."""
    found = []
    for line in data.split(b"\n"):
        fields, _, rest = line.partition(b" - ")
        words = fields.split(b" ")
        if not rest.startswith(b"nsfs ") or len(words) < 5:
            continue
        root = words[3]
        number = root[5:-1]
        if root.startswith(b"net:[") and number.isdigit() and len(number) <= _INODE_DIGITS:
            found.append((int(number), _unescaped(words[4])))
    return tuple(found)


def _unescaped(path: bytes) -> str:
    for code, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n")):
        path = path.replace(code, character)
    return os.fsdecode(path.replace(b"\\134", b"\\"))


def read_namespaces(proc: str = "/proc") -> tuple[tuple[Namespace, ...], tuple[Gap, ...]]:
    """The namespaces, this process's own first, and what could not be seen.

    Raises HostUnreadable where there is no /proc or the kernel has no network namespaces.
    """
    try:
        own = os.stat(f"{proc}/thread-self/ns/net").st_ino
        pids = sorted(int(name) for name in os.listdir(proc) if name.isdecimal())
    except OSError as error:
        why = error.strerror or str(error)
        raise HostUnreadable(f"network namespaces can't be read from {proc}: {why}") from error
    members: dict[int, list[int]] = {}
    hidden = 0
    for pid in pids:
        try:
            inode = os.stat(f"{proc}/{pid}/ns/net").st_ino
        except PermissionError:
            hidden += 1
        except OSError:  # it has just ended, or is a zombie
            pass
        else:
            members.setdefault(inode, []).append(pid)
    mounts: dict[int, list[str]] = {}
    for inode, path in parse_namespace_mounts(_bytes(f"{proc}/thread-self/mountinfo") or b""):
        mounts.setdefault(inode, []).append(path)
    found = [
        _namespace(proc, inode, members.get(inode, []), mounts.get(inode, []), own)
        for inode in {own: None} | dict.fromkeys(members) | dict.fromkeys(mounts)
    ]
    if not hidden:
        return tuple(found), ()
    # Root itself can be kept from some: by fewer capabilities, or by a security module.
    needs = Need.ROOT if os.geteuid() else Need.LEAVE
    return tuple(found), (Gap(GapCode.NAMESPACES_HIDDEN, needs=needs, number=hidden),)


def _namespace(proc: str, inode: int, pids: list[int], paths: list[str], own: int) -> Namespace:
    name = None
    for path in paths:
        for folder in _NAMED:
            if path.startswith(folder):
                name = path.removeprefix(folder)
    if not pids:
        path = paths[0] if paths else f"{proc}/thread-self/ns/net"
        return Namespace(inode, path, name, own=inode == own)
    program = (_bytes(f"{proc}/{pids[0]}/comm") or b"").rstrip(b"\n")
    return Namespace(
        inode=inode,
        path=paths[0] if paths else f"{proc}/{pids[0]}/ns/net",
        name=name,
        pid=pids[0],
        program=os.fsdecode(program) or None,
        cgroups=_bytes(f"{proc}/{pids[0]}/cgroup"),
        processes=len(pids),
        own=inode == own,
    )


def _bytes(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def in_namespace(
    namespace: Namespace,
    function: Callable[[], Result],
    setns: Callable[[int], None] | None = None,
) -> Result:
    """What *function* returns when it runs inside *namespace*.

    It runs in a thread of its own, which ends with it: the caller's thread stays where it is.
    Sockets that it makes and commands that it starts belong to the namespace. In that thread
    /proc/net shows the process's own namespace still; /proc/thread-self/net shows the right one.
    What *function* raises is raised here. Raises HostUnreadable where the namespace can't be
    entered: it takes CAP_SYS_ADMIN, and the namespace must still be there. *setns* moves a thread
    into the namespace of a descriptor, by default as the kernel does it.
    """
    import threading

    returned: list[Result] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            _enter(namespace, setns or _setns)
            returned.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the caller
            raised.append(error)

    thread = threading.Thread(target=run, name=f"netns-{namespace.inode}")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return returned[0]


def _enter(namespace: Namespace, setns: Callable[[int], None]) -> None:
    called = f"the network namespace {_shown_name(namespace)}"
    try:
        descriptor = os.open(namespace.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise HostUnreadable(f"{called} can't be opened: {error.strerror}") from error
    try:
        # The path may lead to another namespace by now: a process has ended, its pid is taken.
        if os.fstat(descriptor).st_ino != namespace.inode:
            raise HostUnreadable(f"{called} is gone")
        setns(descriptor)
    except PermissionError as error:
        who = "visible to root only" if os.geteuid() else "hidden even from root"
        raise HostUnreadable(
            f"listeners in other network namespaces are {who} (CAP_SYS_ADMIN)"
        ) from error
    except HostUnreadable:
        raise
    except OSError as error:
        raise HostUnreadable(f"{called} can't be entered: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _shown_name(namespace: Namespace) -> str:
    from portbook.errors import shown

    if namespace.name is not None:
        return shown(namespace.name)
    return f"of process {namespace.pid}" if namespace.pid else str(namespace.inode)


def _setns(descriptor: int) -> None:
    """setns(2), which moves only the calling thread. Raises OSError."""
    setns = getattr(os, "setns", None)  # from Python 3.12 on
    if setns is not None:
        setns(descriptor, _CLONE_NEWNET)
        return
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
