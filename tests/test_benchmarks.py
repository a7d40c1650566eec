"""The benchmarks run, on as little as they can. How fast anything is, is not asserted here."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

from benchmarks import crowd
from benchmarks.__main__ import SCRIPTS


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="they measure Linux")
@pytest.mark.parametrize("name", SCRIPTS)
def test_it_measures(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    said = module.run(quick=True)
    assert module.TITLE.startswith(f"{name}:")
    assert "| `portbook" in said
    # Whatever it compares portbook with, every row has its figures.
    rows = [line for line in said.splitlines() if line.startswith("| `")]
    assert rows
    assert all(line.count("|") == 6 for line in rows)


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_a_crowd_is_what_it_says_and_goes() -> None:
    others = _descendants()  # what other tests have left running, an engine for one
    with crowd.crowd(10, 3) as made:
        descriptors = os.listdir(f"/proc/{made.pid - 1}/fd")
        members = _descendants() - others
        assert len(made.ports) == 3
        assert len(descriptors) == crowd.DESCRIPTORS
        assert made.pid in members
        assert len(members) == 1 + 10 + 1 + (made.apart_pid is not None)  # the keeper is the first
    assert not members & _descendants()


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_a_crowd_goes_with_its_keeper() -> None:
    others = _descendants()
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", crowd.__file__, "4", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with keeper:
        assert keeper.stdout is not None
        keeper.stdout.readline()
        # Every member waits at a pipe that only the keeper holds open.
        members = _descendants() - others - {keeper.pid}
        assert len(members) >= 5
        folders = [f"{mount}/{crowd.CGROUP}-{keeper.pid}" for mount in crowd.MOUNTS]
        pidfds = [os.pidfd_open(pid) for pid in members]
        assert len(pidfds) == len(members)
        keeper.kill()
        keeper.wait()
    import select

    for pidfd in pidfds:
        assert select.select([pidfd], [], [], 10)[0]
        os.close(pidfd)
    for folder in folders:
        if os.path.exists(folder):
            os.rmdir(folder)


def _descendants() -> set[int]:
    """The processes below this one."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError):
                continue  # it has just ended
    found: set[int] = set()
    more = {pid for pid, parent in parents.items() if parent == os.getpid()}
    while more:
        found |= more
        more = {pid for pid, parent in parents.items() if parent in more} - found
    return found
