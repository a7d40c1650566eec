"""A loaded host for as long as a benchmark takes: idle processes, and listeners among them.

``python -I -S benchmarks/crowd.py`` makes them, says on standard output as JSON who they are, and
stays until its standard input ends. Every process it makes waits at a pipe that only it holds
open, so that none outlives it, whatever ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

FIRST_PORT = 10240  # from here up, and below where most systems begin to pick ports by themselves
DESCRIPTORS = 10  # of each idle process: /dev/null, and the pipe at which it waits
MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
CGROUP = "portbook-benchmark"


class Crowd(NamedTuple):
    """Who was made. ``pid`` holds ``ports``, all TCP and on 127.0.0.1.

    ``apart_pid`` holds ``apart_port`` and is in a cgroup of its own; None where ``no_cgroup``
    says why that could not be. ``before`` and ``after`` count the processes on either side
    of ``pid``.
    """

    pid: int
    ports: tuple[int, ...]
    apart_pid: int | None
    apart_port: int | None
    no_cgroup: str | None
    before: int
    after: int

    @property
    def port(self) -> int:
        """A port in the middle of the others."""
        return self.ports[len(self.ports) // 2]


@contextlib.contextmanager
def crowd(processes: int, listeners: int) -> Iterator[Crowd]:
    """*processes* idle processes, half of them started before the one with *listeners* listeners.

    Where the process numbers began anew meanwhile, it is tried again, so that the listeners'
    process does stand in the middle.
    """
    while True:
        command = [sys.executable, "-I", "-S", __file__, str(processes), str(listeners)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as keeper:
            assert keeper.stdin is not None
            assert keeper.stdout is not None
            try:
                line = keeper.stdout.readline()
                if not line:
                    raise SystemExit("the processes to measure among could not be started")
                found = json.loads(line)
                pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
                before = sum(pid < found["pid"] for pid in pids)
                after = sum(pid > found["pid"] for pid in pids)
                made = Crowd(
                    **{**found, "ports": tuple(found["ports"])}, before=before, after=after
                )
                if before >= processes // 2 and after >= processes // 2:
                    yield made
                    return
            finally:
                keeper.stdin.close()
                keeper.wait()


# -- the keeper -------------------------------------------------------------------------------


class _Keeper:
    def __init__(self) -> None:
        self.gate, self.held = os.pipe()
        self.pids: list[int] = []
        self.folder: str | None = None
        self.port = FIRST_PORT

    def idle(self, count: int) -> None:
        """*count* processes that wait, each with all of its descriptors."""
        reader, writer = os.pipe()
        for _ in range(count):
            if (pid := os.fork()) == 0:
                os.dup2(self.gate, 0)
                os.dup2(writer, 100)
                os.closerange(1, 64)
                for _ in range(DESCRIPTORS - 1):
                    os.open("/dev/null", os.O_RDONLY)
                os.close(100)
                os.read(0, 1)  # returns when the keeper ends
                os._exit(0)
            self.pids.append(pid)
        os.close(writer)
        os.read(reader, 1)  # returns when the last of them has closed its end
        os.close(reader)

    def listen(self, count: int, cgroup: str | None = None) -> tuple[int, list[int]]:
        """A process with *count* listeners on ports that are free, started in *cgroup*."""
        reader, writer = os.pipe()
        if (pid := os.fork()) == 0:
            os.close(self.held)
            if cgroup is not None:
                with open(f"{cgroup}/cgroup.procs", "w") as file:
                    file.write(str(os.getpid()))
            kept = []
            ports: list[int] = []
            port = self.port
            while len(ports) < count and port < 65536:
                listener = socket.socket()
                try:
                    listener.bind(("127.0.0.1", port))
                    listener.listen(16)
                except OSError:  # somebody else's
                    listener.close()
                else:
                    kept.append(listener)
                    ports.append(port)
                port += 1
            with open(writer, "w") as file:
                json.dump(ports, file)
            os.read(self.gate, 1)
            os._exit(0)
        os.close(writer)
        self.pids.append(pid)
        with open(reader) as file:
            ports = json.load(file)
        if len(ports) < count:
            raise SystemExit(f"only {len(ports)} of {count} ports were free")
        self.port = ports[-1] + 1
        return pid, ports

    def make_cgroup(self) -> str | None:
        """A new cgroup, in ``folder``; or why there is none."""
        mount = next((m for m in MOUNTS if os.path.exists(f"{m}/cgroup.controllers")), None)
        if mount is None:
            return "no cgroup2 is mounted"
        folder = f"{mount}/{CGROUP}-{os.getpid()}"
        try:
            os.mkdir(folder)
        except OSError as error:
            return f"making a cgroup was refused ({error.strerror})"
        self.folder = folder
        return None

    def end(self) -> None:
        os.close(self.held)
        for pid in self.pids:
            os.waitpid(pid, 0)
        if self.folder is not None:
            os.rmdir(self.folder)


def _main(processes: int, listeners: int) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    keeper = _Keeper()
    try:
        keeper.idle(processes // 2)
        pid, ports = keeper.listen(listeners)
        no_cgroup = keeper.make_cgroup()
        apart: tuple[int | None, list[int]] = (None, [])
        if keeper.folder is not None:
            apart = keeper.listen(1, keeper.folder)
        keeper.idle(processes - processes // 2)
        said = {
            "pid": pid,
            "ports": ports,
            "apart_pid": apart[0],
            "apart_port": apart[1][0] if apart[1] else None,
            "no_cgroup": no_cgroup,
        }
        print(json.dumps(said), flush=True)
        sys.stdin.read()
    finally:
        keeper.end()


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
