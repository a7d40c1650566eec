"""What holds a port on this machine: idle, and among 2,000 processes and 2,000 listeners."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.crowd import crowd
from benchmarks.timing import Times, alternate, environment, find_program, portbook, table, tool

TITLE = "host: who holds a port"


class Size(NamedTuple):
    """How much is made and how long it is measured; ``many`` listeners are for the memory."""

    processes: int = 2000
    listeners: int = 2000
    many: int = 10_000
    runs: int = 20
    watched: float = 15.0
    install: bool = True


QUICK = Size(processes=20, listeners=20, many=30, runs=1, watched=0.5, install=False)


class Target(NamedTuple):
    """One thing that is to hold: *measured* is at most *limit*, or None where it couldn't be."""

    what: str
    limit: float
    measured: float | None
    unit: str = ""

    def row(self) -> str:
        measured = "not measured" if self.measured is None else f"{self.measured:.2f}{self.unit}"
        holds = "–" if self.measured is None else "yes" if self.measured <= self.limit else "no"
        return f"| {self.what} | {self.limit:g}{self.unit} | {measured} | {holds} |"


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    size = QUICK if quick else Size()
    load = os.getloadavg()[0]
    notes: list[str] = []
    idle, idle_targets = _idle(size, notes)
    loaded, loaded_targets = _loaded(size, notes)
    rows = [target.row() for target in (*loaded_targets, _memory(size), *idle_targets)]
    said, targets = "\n".join(notes), "\n".join(rows)
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    return f"""\
Load average before it: {load:.2f}. P is a port of the process with many listeners, Q the port of a
process in a cgroup of its own. The commands ran as {user}.

{said}

Idle, with one listener:

{idle}

Loaded, with {size.processes:,} idle processes of 10 descriptors and {size.listeners:,} listeners:

{loaded}

| target | at most | measured | holds |
|---|---|---|---|
{targets}"""


def _idle(size: Size, notes: list[str]) -> tuple[str, list[Target]]:
    with crowd(0, 1) as made:
        times = alternate(
            {
                "python -c pass": [sys.executable, "-c", "pass"],
                "portbook P": [*portbook(), str(made.port)],
                **_others(made.port, size, notes),
            },
            size.runs,
        )
    target = Target(
        "idle: one port, against a bare interpreter",
        2.5,
        _ratio(times, "portbook P", "python -c pass"),
    )
    return table(times, "python -c pass"), [target]


def _loaded(size: Size, notes: list[str]) -> tuple[str, list[Target]]:
    with crowd(size.processes, size.listeners) as made:
        port, apart = str(made.port), str(made.apart_port)
        commands: dict[str, list[str]] = {
            "portbook P": [*portbook(), port],
            "portbook P --all-owners": [*portbook(), port, "--all-owners"],
            "portbook listen": [*portbook(), "listen"],
            **_others(made.port, size),
        }
        naming = {name: made.pid for name in commands if name != _SOCKETS}
        if made.no_cgroup is None:
            commands["portbook Q"] = [*portbook(), apart]
            naming["portbook Q"] = made.apart_pid or 0
            if _SS in commands:
                commands["ss -tlnp sport = :Q"] = ["ss", "-tlnp", f"sport = :{apart}"]
                naming["ss -tlnp sport = :Q"] = made.apart_pid or 0
        else:
            notes.append(f"- Not measured, an owner in a cgroup of its own: {made.no_cgroup}.")
        notes += _unnamed(commands, naming)
        times = alternate(commands, size.runs)
        watch = watch_load([*portbook(), "listen", "--watch"], size.watched)
        notes.append(
            f"- When it was loaded, {made.before:,} processes had a lower number than the one with "
            f"many listeners, and {made.after:,} a higher one."
        )
    targets = [
        Target(f"loaded: {what}", limit, _ratio(times, ours, theirs))
        for what, limit, ours, theirs in (
            ("one port, first owner, against ss", 0.8, "portbook P", _SS),
            ("one port, first owner, against lsof", 0.35, "portbook P", _LSOF),
            ("the same, owner in its own cgroup", 0.3, "portbook Q", "ss -tlnp sport = :Q"),
            ("one port, all owners, against ss", 1.5, "portbook P --all-owners", _SS),
            ("everything with owners, against ss", 1.5, "portbook listen", "ss -tlnp"),
        )
    ]
    targets.append(
        Target("loaded: `listen --watch` at 1 s, of one core, nothing changing", 8.0, watch, " %")
    )
    return table(times, _SS if _SS in times else "portbook P"), targets


def _memory(size: Size) -> Target:
    """The peak resident memory of ``portbook listen``."""
    with crowd(0, size.many):
        child = subprocess.Popen(
            [*portbook(), "listen"], stdout=subprocess.DEVNULL, env=environment()
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return Target(f"{size.many:,} listeners, peak memory", 300, usage.ru_maxrss / 1024, " MB")


# -- other programs ---------------------------------------------------------------------------

_SS, _LSOF, _SOCKETS = "ss -tlnp sport = :P", "lsof -nP -iTCP:P -sTCP:LISTEN", "ss -tln"
_PSUTIL = """
import psutil
for c in psutil.net_connections("tcp"):
    if c.status == psutil.CONN_LISTEN and c.laddr.port == {port}:
        print(c.laddr, c.pid, psutil.Process(c.pid).name())
"""


def _others(port: int, size: Size, notes: list[str] | None = None) -> dict[str, list[str]]:
    """What answers the same question, as far as it is here."""
    commands = {
        _SS: ["ss", "-tlnp", f"sport = :{port}"],
        "ss -tlnp": ["ss", "-tlnp"],
        _SOCKETS: ["ss", "-tln"],
        _LSOF: ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN"],
        "netstat -tlnp": ["netstat", "-tlnp"],
        "psutil, net_connections": [sys.executable, "-c", _PSUTIL.format(port=port)],
    }
    for name in ("whoisport", "whatport"):
        path = tool(name, name, install=size.install)
        commands[f"{name} P"] = [path or name, str(port)]
    absent = [name for name, command in commands.items() if find_program(command[0]) is None]
    if notes is not None:
        notes += [f"- Not measured, because it could not be had: `{name}`." for name in absent]
    return {name: command for name, command in commands.items() if name not in absent}


def _unnamed(commands: Mapping[str, Sequence[str]], naming: Mapping[str, int]) -> Iterable[str]:
    """A line for each command that leaves out the pid it should name."""
    for name, pid in naming.items():
        done = subprocess.run(commands[name], capture_output=True, check=False, env=environment())
        if str(pid) not in done.stdout.decode(errors="replace"):
            yield f"- `{name}` doesn't name the process that holds the port."


# -- figures ----------------------------------------------------------------------------------


def _ratio(times: Mapping[str, Times], ours: str, theirs: str) -> float | None:
    if ours not in times or theirs not in times:
        return None
    return times[ours].median / times[theirs].median


def watch_load(command: Sequence[str], seconds: float) -> float | None:
    """The share of one core, in percent, that *command* takes in *seconds* after it has started.

    It writes into a pipe. Where something changes meanwhile the figure would say nothing: it is
    taken anew, up to three times, and then given as None.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as child:
        try:
            assert child.stdout is not None
            time.sleep(min(seconds, 3))  # it starts by looking at everything
            for _ in range(3):
                _drain(child.stdout.fileno())
                began, spent = time.monotonic(), _cpu(child.pid)
                time.sleep(seconds)
                spent = _cpu(child.pid) - spent
                share = spent / (time.monotonic() - began) * 100
                if not _drain(child.stdout.fileno()):
                    return share
            return None
        finally:
            child.kill()


def _drain(descriptor: int) -> int:
    """Reads what is waiting, and says how many bytes it was."""
    count = 0
    while select.select([descriptor], [], [], 0)[0]:
        data = os.read(descriptor, 1 << 16)
        if not data:
            break
        count += len(data)
    return count


def _cpu(pid: int) -> float:
    """The seconds of CPU that a process has taken (proc_pid_stat(5), fields 14 and 15)."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(run())
