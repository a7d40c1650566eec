"""Running commands in turn and comparing their medians."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# Under make proof a quick run leaves nothing out, and has rows enough to divide between workers.
PROOF = os.environ.get("PORTBOOK_PROOF") == "1"


class Times(NamedTuple):
    """The wall and CPU times of one command, in milliseconds, a value a run."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def median_cpu(self) -> float:
        return statistics.median(self.cpu)


def environment() -> dict[str, str]:
    """The environment without what would make Python compile everything on every run."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def portbook() -> list[str]:
    """The command that runs portbook: the one installed beside this Python, if it is."""
    command = BIN / "portbook"
    return [str(command)] if command.exists() else [sys.executable, "-m", "portbook"]


def alternate(commands: Mapping[str, Sequence[str]], runs: int = 30) -> dict[str, Times]:
    """Runs every command once a round for *runs* rounds, after two rounds that don't count.

    A single round counts without any before it: nobody takes it for a measurement.

    Alternating spreads what else the machine does over all of them alike.
    """
    environ = environment()
    wall: dict[str, list[float]] = {name: [] for name in commands}
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    uncounted = 2 if runs > 1 else 0
    for turn in range(runs + uncounted):
        for name, command in commands.items():
            began = time.perf_counter()
            child = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ
            )
            _, status, usage = os.wait4(child.pid, 0)
            took = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode not in (0, 1):
                raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
            if turn >= uncounted:
                wall[name].append(took * 1000)
                cpu[name].append((usage.ru_utime + usage.ru_stime) * 1000)
    return {name: Times(tuple(wall[name]), tuple(cpu[name])) for name in commands}


def table(times: Mapping[str, Times], base: str) -> str:
    """A Markdown table of medians, with each one's ratio to *base*."""
    lines = [
        f"| command | wall, ms | ratio to `{base}` | CPU, ms | ratio |",
        "|---|---|---|---|---|",
    ]
    for name, each in times.items():
        lines.append(
            f"| `{name}` | {each.median:.1f} | {each.median / times[base].median:.2f} "
            f"| {each.median_cpu:.1f} | {each.median_cpu / times[base].median_cpu:.2f} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """This machine in one line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def find_program(name: str) -> str | None:
    """The path of a program in PATH or where root's are; None where it isn't installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def require(programs: Sequence[str]) -> None:
    """Raises SystemExit with those of *programs* that aren't installed."""
    lacking = [name for name in programs if find_program(name) is None]
    if lacking:
        raise SystemExit(f"not installed: {', '.join(lacking)}")


def tool(package: str, command: str, *, install: bool = True) -> str | None:
    """The path of *command* out of *package*, installed in an environment of its own.

    None where it can't be had, or isn't installed and *install* is false.
    """
    home = ROOT / ".bench" / package
    path = home / "bin" / command
    if not path.exists() and install:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", package], check=False)
    return str(path) if path.exists() else None
