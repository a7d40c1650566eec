"""Ending a process, and never another one that has its number since.

A number (pid) is used again once its process is gone. On Linux a pidfd stands for one process
(pidfd_open(2)): it is opened first, then the process is looked at again, and only if it is still
the one that was meant is a signal sent, to the pidfd. On other systems psutil compares when the
process was started, right before it sends.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time

from portbook._fast_types import NamedTuple
from portbook.errors import HostUnreadable, MalformedInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

_OUTPUT_LIMIT = 1 << 16  # bytes of what a manager's command prints


class Identity(NamedTuple):
    """What makes a process itself: its number, when it was started, and the file it runs.

    ``start`` is in clock ticks since the machine started, elsewhere than on Linux in seconds since
    the epoch; ``executable`` is None where this user may not see it.
    """

    pid: int
    start: float
    executable: str | None


class Ran(NamedTuple):
    """How a command ended: its exit status (None where it was given up), and what it printed."""

    status: int | None
    output: str


class Hands:
    """What acts on Linux: the seam where tests put processes and moments of their own.

    *root* is where procfs is mounted.
    """

    TERM, KILL = int(signal.SIGTERM), int(getattr(signal, "SIGKILL", 9))
    CONT = int(getattr(signal, "SIGCONT", 18))

    def __init__(self, root: str = "/proc") -> None:
        self._root = root

    def identify(self, pid: int) -> Identity | None:
        """The process that has the number *pid* now; None where none has."""
        from portbook.host.linux import procfs

        folder = f"{self._root}/{pid}"
        try:
            with open(f"{folder}/stat", "rb") as file:
                stat = procfs.parse_stat(file.read())
        except (OSError, MalformedInput):
            return None
        if stat.state in "ZX":  # ended, and only its status is left
            return None
        try:
            executable = os.readlink(f"{folder}/exe")
        except OSError:
            executable = None
        return Identity(pid, stat.start, executable)

    def holds(self, pid: int, inodes: Iterable[int]) -> bool | None:
        """Whether *pid* has one of these sockets open; None where that can't be seen."""
        from portbook.host.linux import procfs

        links = {procfs.socket_link(inode) for inode in inodes}
        folder = f"{self._root}/{pid}/fd"
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return False
        except OSError:
            return None
        for name in names:
            try:
                if os.readlink(f"{folder}/{name}") in links:
                    return True
            except FileNotFoundError:
                continue
            except OSError:
                return None
        return False

    def open(self, pid: int) -> Any:
        """A handle on the process that has the number *pid* now.

        Raises ProcessLookupError where none has, HostUnreadable where the system has no handles.
        """
        try:
            return os.pidfd_open(pid)
        except (AttributeError, OSError) as error:
            number = getattr(error, "errno", None)
            if number == errno.ESRCH:
                raise
            why = getattr(error, "strerror", None) or "not there"
            raise HostUnreadable(
                f"this system gives no handle on a process (pidfd_open: {why}; Linux 5.3 or later "
                f"does): end it by hand, kill {pid}"
            ) from error

    def signal(self, handle: Any, number: int) -> None:
        """Sends the signal *number*. Raises ProcessLookupError or PermissionError."""
        signal.pidfd_send_signal(handle, number)

    def wait(self, handle: Any, seconds: float) -> bool:
        """Waits up to *seconds* for the end of the process, and says whether it has ended."""
        import select

        poll = select.poll()
        poll.register(handle, select.POLLIN)  # readable once it has ended (pidfd_open(2))
        return bool(poll.poll(max(0, int(seconds * 1000))))

    def close(self, handle: Any) -> None:
        """Gives the handle up."""
        os.close(handle)

    def now(self) -> float:
        """A moment in seconds, to compare with others."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)

    def run(self, command: Sequence[str], tick: Callable[[], None], limit: float) -> Ran:
        """Runs a manager's command to its end, calling *tick* ten times a second meanwhile.

        After *limit* seconds it is left to itself. Raises OSError where it can't be started.
        """
        import subprocess
        import tempfile

        from portbook.host.run_tool import tool_environment

        with tempfile.TemporaryFile() as printed:
            process = subprocess.Popen(  # noqa: S603 - made of this module's words and ids
                [_manager(command[0]), *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                env=tool_environment(os.environ),
            )
            until = self.now() + limit
            while True:
                try:
                    status: int | None = process.wait(0.1)
                    break
                except subprocess.TimeoutExpired:
                    tick()
                if self.now() > until:
                    process.returncode = 0  # left to itself: nobody is to warn of that
                    status = None
                    break
            printed.seek(0)
            return Ran(status, printed.read(_OUTPUT_LIMIT).decode(errors="surrogateescape"))


def _manager(name: str) -> str:
    """The path of the manager's tool *name*. Raises OSError where there is none to be run."""
    from portbook.host.run_tool import SYSTEM_FOLDERS, acts_as_root, find_tool

    if os.path.isabs(name):
        return name
    path = find_tool(name, os.environ.get("PATH", SYSTEM_FOLDERS))
    if path is None:
        where = "a folder that root alone can change" if acts_as_root() else "a folder of PATH"
        raise FileNotFoundError(errno.ENOENT, f"it isn't in {where}")
    return path


class PsutilHands(Hands):
    """What acts on the other systems, by psutil: a handle is its Process."""

    def __init__(self, psutil: Any) -> None:
        super().__init__()
        self._psutil = psutil

    def identify(self, pid: int) -> Identity | None:
        """The process that has the number *pid* now; None where none has."""
        try:
            process = self._psutil.Process(pid)
            if process.status() == self._psutil.STATUS_ZOMBIE:
                return None
            started = process.create_time()
        except self._psutil.NoSuchProcess:
            return None
        except self._psutil.AccessDenied:
            return None
        try:
            executable = process.exe() or None
        except (self._psutil.Error, OSError):
            executable = None
        return Identity(pid, started, executable)

    def holds(self, pid: int, inodes: Iterable[int]) -> bool | None:  # noqa: ARG002
        """Never known: these systems have no numbers for sockets."""
        return None

    def open(self, pid: int) -> Any:
        """Psutil's handle, which remembers when the process was started.

        Raises ProcessLookupError where there is no such process.
        """
        try:
            return self._psutil.Process(pid)
        except self._psutil.NoSuchProcess as error:
            raise ProcessLookupError(errno.ESRCH, "no such process") from error

    def signal(self, handle: Any, number: int) -> None:
        """Ends or kills it; psutil refuses where the number is another process's by now.

        Raises ProcessLookupError where it has ended, PermissionError where it isn't ours to end.
        """
        try:
            if number == self.TERM:
                handle.terminate()
            elif number == self.KILL:
                handle.kill()
        except self._psutil.NoSuchProcess as error:
            raise ProcessLookupError(errno.ESRCH, "no such process") from error
        except self._psutil.AccessDenied as error:
            raise PermissionError(errno.EPERM, "not permitted") from error

    def wait(self, handle: Any, seconds: float) -> bool:
        """Waits up to *seconds* for the end of the process, and says whether it has ended."""
        try:
            handle.wait(max(0.001, seconds))
        except self._psutil.TimeoutExpired:
            return False
        return True

    def close(self, handle: Any) -> None:
        """Nothing to give up."""


def hands(system: str = sys.platform) -> Hands:
    """What acts on *system*, this one. Raises HostUnreadable where nothing can."""
    if system.startswith("linux"):
        return Hands()
    try:
        import psutil
    except ImportError as error:
        raise HostUnreadable(
            "processes can't be ended without psutil: pip install psutil"
        ) from error
    return PsutilHands(psutil)
