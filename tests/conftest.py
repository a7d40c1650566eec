"""How the tests run: in how many processes, how long, and without what the user keeps."""

from __future__ import annotations

import compileall
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.alone import empty_network, network_of_module, own_network
from tests.counts import PROOF
from tests.order import in_order
from tests.randomness import chance
from tests.real.needs import extend_path
from tests.surroundings import looks_like, own_registries, piped

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).resolve().parent.parent / "src"

__all__ = [
    "chance", "empty_network", "looks_like", "network_of_module", "own_network", "own_registries",
    "piped",
]  # fmt: skip

# The tests speak of the shipped registry, whatever "portbook update" keeps for who runs them.
os.environ["PORTBOOK_REGISTRY"] = "shipped"

# Whoever runs the tests may have notes of their own, which would be taken into account.
os.environ["PORTBOOK_NOTES"] = ""

extend_path()

# A shell starts what runs in its background with SIGINT ignored, nohup with SIGHUP, and whatever is
# started from there ignores it too: the tests of Ctrl-C and of a lost terminal would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Deadlines are timing assertions, and so is the check of how long drawing takes: a slow machine is
# no bug. Nor are some draws in a row that a filter refuses. A blob repeats a failure elsewhere.
for _name, _count in (("short", 10), ("proof", 1000)):
    settings.register_profile(
        _name,
        deadline=None,
        print_blob=True,
        max_examples=_count,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
settings.load_profile("proof" if PROOF else "short")

# Compiling the tests takes longer than collecting them, and hundreds of processes that the tests
# start would compile portbook each for itself. So the bytecode is kept, whatever the environment.
sys.dont_write_bytecode = False
if "PYTEST_XDIST_WORKER" not in os.environ:
    compileall.compile_dir(SOURCE, quiet=2)


# Nothing is freed while the tests are collected, and what they are made of stays until the end: the
# garbage collector needn't go through it again and again.
gc.disable()


def pytest_collection_finish() -> None:
    """Lets the garbage collector see only what the tests make, as seldom as the command does."""
    gc.freeze()
    # A command that ends with its process keeps from the collector what it holds. In this process
    # each would hold on to its files for good.
    vars(gc)["freeze"] = _freeze_nothing
    gc.set_threshold(100_000, 20, 20)
    gc.enable()


def _freeze_nothing() -> None:
    """In the place of :func:`gc.freeze`."""


def pytest_runtest_logfinish() -> None:
    """Has files closed that only garbage holds: select(2) takes no number of 1,024 or more."""
    if len(os.listdir("/dev/fd")) > _MANY_FILES:
        gc.collect()


_MANY_FILES = 256


@pytest.hookimpl(wrapper=True, specname="pytest_collection_modifyitems")
def pytest_constants_later() -> Iterator[None]:
    """Has Hypothesis read the constants of portbook's source when a property is first tried.

    It would do so in each collection, and a tenth of that would be spent there.
    """
    with pytest.MonkeyPatch.context() as patch:
        constants = "hypothesis.internal.conjecture.providers._get_local_constants"
        patch.setattr(constants, lambda: None, raising=False)
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Orders the tests, and lets those of real components try a second time.

    What takes long stands at the beginning of each process; each file keeps its own order. A test
    marked real waits for programs, terminals and browsers that the machine may hold up; the summary
    names each that failed at first. ``make proof`` gives no second attempt.
    """
    if not PROOF:
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(pytest.mark.flaky(reruns=1))
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = [items[at] for at in in_order([item.nodeid for item in items], processes)]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Workers for ``-n auto``: for a folder one more than processors, none for files and ``-k``.

    Many tests wait, for a server or a client; one worker more uses that time. To start workers
    takes longer than most single tests. ``-n 2`` on the command line overrides this, and ``-n 0``
    turns it off.
    """
    if config.option.keyword or config.option.collectonly:
        return 0
    if not any(os.path.isdir(argument) for argument in config.args):
        return 0
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) + 1
    return (os.cpu_count() or 1) + 1
