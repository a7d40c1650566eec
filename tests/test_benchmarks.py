"""The benchmarks run, on as little as they can. How fast anything is, is not asserted here."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from benchmarks import crowd, load
from benchmarks.__main__ import RESULTS, SCRIPTS, main, put
from tests.counts import PROOF
from tests.real.needs import need_program


@pytest.mark.real
@pytest.mark.usefixtures("own_network")  # they take ports by their numbers
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="they measure Linux")
@pytest.mark.parametrize("name", SCRIPTS)
def test_it_measures(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    for program in getattr(module, "PROGRAMS", ()):
        need_program(program)
    options: dict[str, Any] = {}
    if name == "load" and not PROOF:  # tests/web/test_load.py starts the server and its clients
        options["take"] = _loaded
    said = module.run(quick=True, **options)
    assert module.TITLE.startswith(f"{name}:")
    assert "| `portbook" in said
    # Whatever it compares portbook with, every row has its figures.
    rows = [line for line in said.splitlines() if line.startswith("| `")]
    assert rows
    columns = {line.count("|") for line in said.splitlines() if line.startswith("|---")}
    assert {line.count("|") for line in rows} <= columns


def _loaded(plan: load.Plan) -> load.Report:
    """What could come of *plan*."""
    statuses = Counter({200: 400, 503: 1})
    times = [0.01, 0.02]
    return load.Report(
        plan.seconds, statuses, unannounced=0, timeouts=0, broken=0, left_out=3, pages=times,
        searches=times, before=100_000_000, after=101_000_000, processor=0.5,
    )  # fmt: skip


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_a_crowd_is_what_it_says_and_goes() -> None:
    with crowd.crowd(10, 3) as made:
        keeper = _parents()[made.pid]
        members = _descendants(keeper)
        idle = members - {made.pid, made.apart_pid}
        assert len(made.ports) == 3
        assert made.pid in members
        assert len(idle) == 10
        assert {len(os.listdir(f"/proc/{pid}/fd")) for pid in idle} == {crowd.DESCRIPTORS}
    assert not _descendants(keeper)


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_a_crowd_goes_with_its_keeper() -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", crowd.__file__, "4", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with keeper:
        assert keeper.stdout is not None
        keeper.stdout.readline()
        # Every member waits at a pipe that only the keeper holds open.
        members = _descendants(keeper.pid)
        assert len(members) >= 5
        folders = [f"{mount}/{crowd.CGROUP}-{keeper.pid}" for mount in crowd.MOUNTS]
        pidfds = [os.pidfd_open(pid) for pid in members]
        assert len(pidfds) == len(members)
        keeper.kill()
        keeper.wait()
    import select

    for pidfd in pidfds:
        assert select.select([pidfd], [], [], 60)[0]
        os.close(pidfd)
    for folder in folders:
        if os.path.exists(folder):
            os.rmdir(folder)


def _parents() -> dict[int, int]:
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError):
                continue  # it has just ended
    return parents


def _descendants(of: int) -> set[int]:
    """The processes below this one."""
    parents = _parents()
    found: set[int] = set()
    more = {pid for pid, parent in parents.items() if parent == of}
    while more:
        found |= more
        more = {pid for pid, parent in parents.items() if parent in more} - found
    return found


def test_a_result_takes_the_place_of_its_last_one() -> None:
    old = RESULTS.read_text()
    titles = [line for line in old.splitlines() if line.startswith("## ")]
    new = put(old, "lookup: one port at a prompt\n\nanother figure\n")
    assert [line for line in new.splitlines() if line.startswith("## ")] == titles
    assert "another figure" in new
    last = next(part for part in old.split("\n## ") if part.startswith("lookup"))
    assert put(new, last) == old


def test_a_name_that_no_script_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "lokup"])
    with pytest.raises(SystemExit, match="no lokup; there is answers, audit"):
        main()
