"""The tools of other makers that portbook runs: where they are taken from, and what they print.

``PATH``, ``HOME`` and the like can be another user's where root runs portbook (su, sudo -E). So
root runs only what root alone can change, and hands on none of those. Everybody else gets the
``PATH`` as it is, but for its relative folders.

:func:`run_tool` does what the standard library's subprocess does, for this one case and without the
20 ms that importing that takes: on the path of a lookup that is more than the tool itself needs.
"""

from __future__ import annotations

import os
import select
import time

from portbook._fast_types import NamedTuple
from portbook.errors import Untrusted
from portbook.storage.path_trust import check_path, only_writable_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_FOLDERS = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"
ROOT = frozenset({0})
# What root's tools are told of the terminal and of its language; PATH and HOME are made anew.
_HARMLESS = ("LANG", "LANGUAGE", "TERM", "COLUMNS", "LINES")
_READ = 1 << 16
_MOST = 1 << 26  # bytes: no ruleset is that long, and memory has an end


class Printed(NamedTuple):
    """What a tool printed, and how it ended: with *status*, or None where it was ended.

    Its time was over, or it printed *too_much*.
    """

    status: int | None
    output: bytes
    errors: bytes
    too_much: bool = False


def find_tool(name: str, folders: str) -> str | None:
    """The path of the executable *name* in the first of *folders* (colons between) that has it.

    For root it must be one that root alone can change, in a folder that root alone writes to.
    """
    for folder in folders.split(":"):
        path = f"{folder}/{name}"
        # A relative folder would be whatever the user happens to be in.
        if not folder.startswith("/") or not os.path.isfile(path) or not os.access(path, os.X_OK):
            continue
        if not acts_as_root() or _is_roots(folder, path):
            return path
    return None


def acts_as_root() -> bool:
    """Whether this process is root's. Windows has none."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _is_roots(folder: str, path: str) -> bool:
    try:
        check_path(path, ROOT)
        status = os.stat(folder)
    except (Untrusted, OSError):
        return False
    # In a sticky folder anybody can put a new name, or a hard link to a program of root's.
    return only_writable_by(status, ROOT) and not status.st_mode & 0o002


def trusted_path(path: str) -> str:
    """Those folders of a ``PATH`` that tools are taken from; the system's own where it has none."""
    if os.name == "nt":
        return path
    folders = [folder for folder in path.split(":") if folder.startswith("/")]
    if acts_as_root():
        folders = [folder for folder in folders if _is_roots(folder, folder)]
    return ":".join(folders) or SYSTEM_FOLDERS


def tool_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which a manager's command runs: *environ*, or for root one made anew.

    ``DOCKER_HOST``, ``CONTAINER_HOST`` and ``~/.docker`` choose whom docker and podman ask, and
    which plug-ins they run.
    """
    if not acts_as_root():
        return dict(environ)
    import pwd

    clean = {
        name: value
        for name, value in environ.items()
        if (name in _HARMLESS or name.startswith("LC_")) and "/" not in value
    }
    try:
        clean["HOME"] = pwd.getpwuid(0).pw_dir
    except KeyError:
        clean["HOME"] = "/"
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        try:
            check_path(runtime, ROOT)
            clean["XDG_RUNTIME_DIR"] = runtime  # systemctl --user asks root's own manager there
        except (Untrusted, OSError):
            pass
    return {**clean, "PATH": SYSTEM_FOLDERS}


def run_tool(argv: list[str], path: str, seconds: float) -> Printed:
    """Runs *argv*, whose first is an absolute path, for *seconds* at most, with an empty input.

    It runs in the C locale with *path* as its PATH. Raises OSError where it can't be started.
    """
    return RunningTool(argv, path).finish(seconds)


class RunningTool:
    """A tool that runs as :func:`run_tool` says, while this process does something else.

    Raises OSError where it can't be started. It is ended where nobody asks for its output.
    """

    def __init__(self, argv: list[str], path: str) -> None:
        self._opened: set[int] = set()
        self._pid: int | None = None
        self._opened |= {*(output := os.pipe())}
        self._opened |= {*(errors := os.pipe())}
        self._pid = os.posix_spawn(
            argv[0],
            argv,
            {"LC_ALL": "C", "PATH": path},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output[1], 1),
                (os.POSIX_SPAWN_DUP2, errors[1], 2),
            ],
        )
        for each in (output[1], errors[1]):
            os.close(each)
            self._opened.discard(each)
        self._texts = {output[0]: bytearray(), errors[0]: bytearray()}

    def finish(self, seconds: float) -> Printed:
        """What it printed, for which it has *seconds* from now; asked once."""
        end = time.monotonic() + seconds
        try:
            texts = _read(self._texts, end)
            status = None
            if texts is not None and self._pid is not None and _ends(self._pid, end):
                status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
                self._pid = None
            if status is None or texts is None:
                longest = sum(map(len, self._texts.values())) > _MOST
                return Printed(None, b"", b"", too_much=longest)
            output, errors = map(bytes, texts.values())
            return Printed(status, output, errors)
        finally:
            self.end()

    def end(self) -> None:
        """Ends it, where it still runs, and closes what it had."""
        while self._opened:
            os.close(self._opened.pop())
        if self._pid is not None:
            pid, self._pid = self._pid, None
            os.kill(pid, 9)  # not waited for yet, so the number is still its own
            os.waitpid(pid, 0)

    def __del__(self) -> None:
        self.end()


def _read(texts: dict[int, bytearray], end: float) -> dict[int, bytearray] | None:
    """All that comes out of the descriptors, by descriptor; None where that doesn't end in time."""
    poll = select.poll()
    for descriptor in texts:
        poll.register(descriptor, select.POLLIN)
    left = len(texts)
    while left:
        ready = poll.poll(max(0.0, end - time.monotonic()) * 1000)
        if not ready or sum(map(len, texts.values())) > _MOST:
            return None
        for descriptor, _ in ready:
            data = os.read(descriptor, _READ)
            texts[descriptor] += data
            if not data:
                poll.unregister(descriptor)
                left -= 1
    return texts


def _ends(pid: int, end: float) -> bool:
    """Whether *pid*, which has closed its output, ends before *end*; it is not waited for."""
    while True:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.001)
