"""A network namespace of a test's own, and what is started inside it.

Every port is free there, System Ports too, whatever runs on the machine; nothing outside sees
its sockets, and tests don't disturb one another. The namespace has no name and no file, as one
of ``ip netns`` has: it is gone with its last process, and that goes when the tests end, even if
they are killed. Only the network is set apart (``ip netns exec`` would hide ``/sys/fs/cgroup`` as
well): processes, users and files are the machine's own, as portbook sees them in earnest.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import portbook
from tests.patience import PATIENCE
from tests.real.needs import need_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SOURCE = Path(portbook.__file__).parents[1]
OPENER = Path(__file__).with_name("opener.py")
# The first process in a namespace. Its standard input says "empty" when the test has ended all
# others, and ends without that where the test died: then this process ends whatever is left.
_HOLDER = """
ip link set lo up && echo ready && read -r word && [ "$word" = empty ] && exit 0
here=$(readlink /proc/self/ns/net)
for folder in /proc/[0-9]*; do
    pid=${folder#/proc/}
    if [ -n "$here" ] && [ "$(readlink "$folder/ns/net")" = "$here" ] && [ "$pid" != $$ ]; then
        kill -KILL "$pid" 2>/dev/null
    fi
done
exit 0
"""
_LISTENING = {"tcp": "0A", "udp": "07"}  # include/net/tcp_states.h; UDP's is CLOSE
UNPRIVILEGED = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class Bound(NamedTuple):
    """One line of the kernel's own table, read here without portbook's code."""

    transport: str
    port: int
    inode: int
    uid: int


class Running(NamedTuple):
    """A process in a namespace, and the file that its standard error goes to."""

    process: subprocess.Popen[str]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Ends the process and its group, and waits until they are gone.

        One that was waited for is left alone: by now its number may be somebody else's.
        """
        ended = self.process.returncode is not None
        for sign in () if ended else (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.pid, sign)
            except (ProcessLookupError, PermissionError):
                pass
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                continue
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()

    def read_line(self) -> str:
        """The next line it prints; fails with its log where it ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.process.args!r} ended: {self.log.read_text()}"
        return line


class Namespace:
    """A context: made on entering, and emptied of all its processes on leaving."""

    def __init__(self) -> None:
        need_namespaces()
        self._folder = tempfile.TemporaryDirectory(prefix="portbook-test-")
        self.folder = Path(self._folder.name)
        self.folder.chmod(0o755)  # the servers' own users have to get through
        self._running: list[Running] = []
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--", "sh", "-c", _HOLDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n", "no network namespace could be made"
        self._identity = os.readlink(f"/proc/{self._holder.pid}/ns/net")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for running in reversed(self._running):
            running.stop()
        self.wait_until(self._end_others, "processes outlive their namespace's test")
        self._holder.communicate("empty\n")
        self._folder.cleanup()

    def _end_others(self) -> bool:
        """Ends all processes but the holder, and says whether there was none.

        Servers fork children into sessions of their own, which no group of processes names.
        """
        others = [pid for pid in self.pids() if pid != self._holder.pid]
        for pid in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not others

    @property
    def holder(self) -> int:
        """The process that keeps it: ``/proc/PID/ns/net`` leads into it."""
        return self._holder.pid

    def pids(self) -> list[int]:
        """The processes whose network this is, zombies left out."""
        found = []
        for name in filter(str.isdecimal, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/ns/net") == self._identity:
                    found.append(int(name))
            except OSError:
                continue
        return found

    def command(self, argv: Iterable[str | Path]) -> list[str]:
        """*argv* as it is called from outside."""
        inside = f"--net=/proc/{self._holder.pid}/ns/net"
        return ["nsenter", inside, "--", *map(str, argv)]

    def start(self, argv: Iterable[str | Path], *, outside: bool = False) -> Running:
        """Starts *argv* in a process group of its own; it is ended on leaving.

        With *outside* it runs in the machine's own network, but ends with the others.

        Its process is *argv*'s own: nsenter and setpriv are replaced by what they start.
        """
        log = self.folder / f"{len(self._running)}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [*map(str, argv)] if outside else self.command(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
                cwd="/",
            )
        running = Running(process, log)
        self._running.append(running)
        return running

    def open(
        self, *sockets: dict[str, Any], before: Sequence[str] = (), **plan: Any
    ) -> tuple[Running, list[dict[str, Any]]]:
        """A process that opens *sockets* as ``opener.py`` says, and what it says of itself."""
        running = self.open_later(*sockets, before=before, **plan)
        said: list[dict[str, Any]] = json.loads(running.read_line())
        return running, said

    def open_later(
        self, *sockets: dict[str, Any], before: Sequence[str] = (), **plan: Any
    ) -> Running:
        """The same, without waiting for what it says."""
        plan["sockets"] = list(sockets)
        argv = [*before, interpreter(bool(before)), "-I", str(OPENER), json.dumps(plan)]
        return self.start(argv)

    def run(self, argv: Iterable[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs *argv* to its end; its output and status are the caller's to judge."""
        return subprocess.run(
            self.command(argv),
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            cwd="/",
            **options,
        )

    def portbook(
        self, *arguments: str | int, before: Sequence[str] = (), source: Path = SOURCE
    ) -> subprocess.CompletedProcess[str]:
        """portbook, run in the namespace as a whole process; *before* goes before it."""
        argv = [*before, interpreter(bool(before)), "-m", "portbook", *map(str, arguments)]
        environ = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
        return self.run(argv, env=environ)

    def ask(self, *arguments: str | int, **options: Any) -> dict[str, Any]:
        """portbook's answer as JSON; its exit status must be 0, or 1 where a list has an alert."""
        done = self.portbook(*arguments, "--json", **options)
        assert done.returncode in (0, 1), done.stderr + done.stdout
        assert done.stderr == ""
        answer: dict[str, Any] = json.loads(done.stdout)
        alert = any(each["level"] == "alert" for each in answer.get("listeners", ()))
        assert done.returncode == int(alert), done.stdout
        return answer

    def listening(self) -> list[Bound]:
        """What listens in the namespace, by the kernel's tables."""
        found = []
        for transport, listening in _LISTENING.items():
            for suffix in ("", "6"):
                table = Path(f"/proc/{self._holder.pid}/net/{transport}{suffix}").read_text()
                for line in table.splitlines()[1:]:
                    fields = line.split()
                    if fields[3] == listening:
                        port = int(fields[1].rpartition(":")[2], 16)
                        found.append(Bound(transport, port, int(fields[9]), int(fields[7])))
        return found

    def wait_for(self, running: Running, port: int, transports: Iterable[str] = ("tcp",)) -> None:
        """Waits until the kernel says that *port* listens on all *transports*."""

        def listens() -> bool:
            assert running.process.poll() is None, f"it ended: {running.log.read_text()}"
            there = {each.transport for each in self.listening() if each.port == port}
            return there >= set(transports)

        self.wait_until(listens, f"nothing listens on {port}: see {running.process.args!r}")

    @staticmethod
    def wait_until(condition: Callable[[], bool], complaint: str) -> None:
        """Asks *condition* until it is true; fails with *complaint* where it never is."""
        give_up = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < give_up, complaint
            time.sleep(0.01)


def holders(inode: int) -> set[int]:
    """The processes that hold a socket: every descriptor of every process, read here."""
    found = set()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") == f"socket:[{inode}]":
                    found.add(int(pid))
        except OSError:
            continue  # it has ended, or is not ours to see
    return found


def sees_all() -> bool:
    """Whether every process may be looked into: in a container root may not."""
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            for descriptor in os.listdir(f"/proc/{name}/fd"):
                os.readlink(f"/proc/{name}/fd/{descriptor}")
        except PermissionError:
            return False
        except OSError:
            continue
    return os.path.exists("/proc/1")


_interpreters: dict[bool, str] = {}


def interpreter(for_anyone: bool = False) -> str:
    """This Python; or, *for_anyone*, one that an unprivileged user can start as well."""
    if not for_anyone:
        return sys.executable
    if for_anyone not in _interpreters:
        enough = "import sys; sys.exit(sys.version_info < (3, 11))"
        for path in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            argv = [*UNPRIVILEGED, path, "-I", "-c", enough]
            if not subprocess.run(argv, check=False, capture_output=True, cwd="/").returncode:
                _interpreters[for_anyone] = path
                break
        else:
            raise AssertionError("no Python 3.11 or later that every user can start")
    return _interpreters[for_anyone]
