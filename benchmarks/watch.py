"""``portbook listen --watch`` on a terminal: from its start to the first line that it draws."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from typing import TYPE_CHECKING

from benchmarks.crowd import crowd
from benchmarks.timing import Times, environment, portbook

if TYPE_CHECKING:
    from collections.abc import Sequence

TITLE = "watch: the first line on a terminal"

_COMMAND = "portbook listen --watch"
_LIMIT = 150  # milliseconds to the first line, on a host with few sockets
_PATIENCE = 60  # seconds
_SIZE = struct.pack("HHHH", 40, 120, 0, 0)  # lines, columns
_FIRST = b" socket"  # of the title, "9 sockets: 9 note", which is drawn with all below it


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    runs, members = (1, 10) if quick else (15, 2000)
    load = os.getloadavg()[0]
    idle = _measure(runs)
    with crowd(members, members):
        loaded = _measure(runs)
    holds = "yes" if idle.median <= _LIMIT else "no"
    return f"""\
Load average before it: {load:.2f}. Medians of {runs} runs on a terminal of 40 lines, from exec to
the first line of the table; `q` ends each.

| command | wall, ms | fastest, ms | CPU of all, ms | target |
|---|---|---|---|---|
{_row("as this machine is", idle)} at most {_LIMIT}: {holds} |
{_row(f"{members:,} processes and listeners more", loaded)} – |"""


def _row(where: str, times: Times) -> str:
    return (
        f"| `{_COMMAND}`, {where} | {times.median:.0f} | {min(times.wall):.0f} "
        f"| {times.median_cpu:.0f} |"
    )


def _measure(runs: int) -> Times:
    """One run that doesn't count where there are several, then *runs* of them."""
    command = [*portbook(), "listen", "--watch"]
    taken = [_time_first_line(command) for _ in range(runs + (runs > 1))]
    wall, cpu = zip(*taken[runs > 1 :], strict=True)
    return Times(wall, cpu)


def _time_first_line(command: Sequence[str]) -> tuple[float, float]:
    """Milliseconds from the start of *command* to its first line, and its CPU time till it ends."""
    environ = {**environment(), "TERM": "xterm-256color"}
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, _SIZE)
        os.execvpe(command[0], [*command], environ)
    drawn = b""
    while _FIRST not in drawn and (more := _read(terminal)):
        drawn += more
    took = time.perf_counter() - began
    if _FIRST not in drawn:
        os.kill(pid, 9)
    os.write(terminal, b"q")
    while _read(terminal):
        pass
    _, status, usage = os.wait4(pid, 0)
    os.close(terminal)
    if status:
        raise SystemExit(f"{_COMMAND} ended with {os.waitstatus_to_exitcode(status)}")
    return took * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def _read(terminal: int) -> bytes:
    """What is drawn next; nothing at the end, or where nothing comes."""
    if not select.select([terminal], [], [], _PATIENCE)[0]:
        return b""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux's word for the end
        return b""


if __name__ == "__main__":
    print(run())
