"""The order of the tests: the same in every process, with what takes long at the beginning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.counts import PROOF
from tests.order import FIRST, LONG, in_order
from tests.patience import PATIENCE

if TYPE_CHECKING:
    import random

ROOT = Path(__file__).resolve().parent.parent


def test_what_takes_long_is_there() -> None:
    assert len(LONG) > 5
    for file in FIRST:
        assert (ROOT / file).exists(), file


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_each_process_begins_with_what_takes_long(processes: int) -> None:
    names = [f"tests/cli/test_{at}.py::test_{n}" for at in range(9) for n in range(20)]
    names += [f"{file}::test_{n}" for file in LONG for n in range(3)]
    order = in_order(names, processes)
    assert sorted(order) == list(range(len(names)))
    begin = 0
    assert processes >= 1
    for at in range(processes):
        assert names[order[begin]].startswith(LONG[at])
        begin += (len(names) - begin) // (processes - at)
    # A file stays together, in its own order.
    for file in LONG:
        places = [at for at, place in enumerate(order) if names[place].startswith(file)]
        assert places == list(range(places[0], places[0] + 3))
        assert [order[at] for at in places] == sorted(order[at] for at in places)


def test_nothing_is_lost_where_all_take_long() -> None:
    names = [f"{LONG[0]}::test_{n}" for n in range(5)]
    assert in_order(names, 3) == [0, 1, 2, 3, 4]


def test_the_tests_are_the_same_whatever_the_hashes(
    request: pytest.FixtureRequest, chance: random.Random
) -> None:
    """A set among the cases would give each process an order, or cases, of its own."""
    here = [item.nodeid for item in request.session.items]
    files = list(dict.fromkeys(name.partition("::")[0] for name in here))
    # Where several processes run the tests, each has hashes of its own, and pytest-xdist ends the
    # run where they don't collect the same: there a few files are enough, and others each time.
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1 and "PYTHONHASHSEED" not in os.environ and not PROOF:
        files = chance.sample(files, min(len(files), 8))
    assert files
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider",
         *files],
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    there = [line for line in done.stdout.splitlines() if "::" in line]
    for file in files:
        wanted = [name for name in here if name.startswith(f"{file}::")]
        known = set(wanted)
        assert [name for name in there if name in known] == wanted
