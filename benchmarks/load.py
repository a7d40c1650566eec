"""The site under load: pages and new searches at a steady rate, beside clients that are slow.

Requests come when they are due, whether or not those before them were answered, and their times
count from then. The load is bounded in number and time, and goes to this machine alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.load_clients import PATIENCE, SEARCHES, Load, Questions, slow_client
from benchmarks.timing import PROOF, environment, portbook
from portbook.web.http.connections import raise_descriptor_limit

MOST_WAITING = 128
_MOST_ROUNDS = 8
TITLE = "load: the site at a steady rate, beside slow clients"


class Report(NamedTuple):
    """What came of a load. Times are in seconds, memory in bytes."""

    seconds: float
    statuses: Counter[int]
    unannounced: int  # answers with 503 that don't say when to come back
    timeouts: int
    broken: int  # connections that were closed before the answer, twice
    left_out: int
    pages: list[float]
    searches: list[float]
    before: int
    after: int
    processor: float  # of the server, a second

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())

    @property
    def refused(self) -> float:
        """The share of answers that details to come back later."""
        return self.statuses[503] / max(1, self.answers)

    @property
    def failed(self) -> int:
        """Answers with another status of the server's fault, and requests without an answer."""
        wrong = sum(n for status, n in self.statuses.items() if status >= 400 and status != 503)
        return wrong + self.unannounced + self.timeouts + self.broken

    @property
    def growth(self) -> float:
        return self.after / self.before - 1


def percentile(times: list[float], share: float) -> float:
    """The time that *share* of *times* stay within."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] if times else 0.0


# -- a server and its load --------------------------------------------------------------------


class Server(NamedTuple):
    """``portbook serve --public``, running."""

    pid: int
    port: int

    def resident(self) -> int:
        """Its memory in bytes, its worker processes left out."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )

    def processor(self) -> float:
        """The processor time that it took, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A public server, started for this."""
    raise_descriptor_limit()  # of this process, for the clients
    with tempfile.TemporaryDirectory() as home:
        child = subprocess.Popen(
            [*portbook(), "serve", "--public", "--port", "0"],
            env={**environment(), "XDG_DATA_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdout is not None
            yield Server(child.pid, int(child.stdout.readline().split(":")[2].partition("/")[0]))
        finally:
            child.terminate()
            child.communicate()


class Plan(NamedTuple):
    """A load: *rate* in requests a second, or below 1 the share of what the server can answer.

    At most *waiting* requests wait for their answers, *patience* seconds at most; it lasts longer
    than *seconds* where fewer than *least* have one by then. Before it, the server is asked as fast
    as it answers: for *warm* seconds at a time, until its memory stays as it is.
    """

    rate: float
    slow: int
    seconds: float
    warm: float
    waiting: int = MOST_WAITING
    patience: float = PATIENCE
    least: int = 0


def measure(served: Server, plan: Plan, seed: int = 1) -> Report:
    """Loads *served* as *plan* says."""
    return asyncio.run(_measure(served, plan, random.Random(seed)))


async def _measure(served: Server, plan: Plan, chance: random.Random) -> Report:
    questions = Questions(chance)
    clients = [asyncio.create_task(slow_client(served.port, n)) for n in range(plan.slow)]
    await asyncio.sleep(1)
    for _ in range(_MOST_ROUNDS):
        resident = served.resident()
        flood = Load(served.port, 0, questions, plan.waiting, plan.patience)
        await flood.run(plan.warm)
        if served.resident() < resident * 1.01:
            break
    # What it refuses costs it little and is no measure.
    rate = plan.rate if plan.rate > 1 else plan.rate * flood.statuses[200] / plan.warm
    load = Load(served.port, rate, questions, plan.waiting, plan.patience)
    await asyncio.sleep(1)
    before, processor = served.resident(), served.processor()
    began = load.loop.time()
    await load.run(plan.seconds, plan.least)
    took = load.loop.time() - began
    report = Report(
        took,
        load.statuses,
        load.unannounced,
        load.timeouts,
        load.broken,
        load.left_out,
        load.pages,
        load.searches,
        before,
        served.resident(),
        (served.processor() - processor) / took,
    )
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    await asyncio.sleep(0.1)  # in which their connections are closed
    return report


def measure_anew(plan: Plan) -> Report:
    """Loads a server that is started for it."""
    with server() as served:
        return measure(served, plan)


def run(*, quick: bool = False, take: Callable[[Plan], Report] = measure_anew) -> str:
    """Measures, and returns the results as Markdown; *take* measures one load."""
    if not sys.platform.startswith("linux"):
        return "| `portbook serve` | measured on Linux alone | | | |"
    brief = quick and not PROOF
    seconds, warm = (0.5, 0.1) if brief else (2, 1) if quick else (60, 10)
    lines = [
        "| a second, slow clients | answers | 99 of 100 pages, searches | 503 | failed |",
        "|---|---|---|---|---|",
    ]
    details = []
    for rate, slow in ((0.4, 50),) if brief else ((250, 200), (0.8, 500)):
        report = take(Plan(rate, slow, seconds, warm))
        what = f"{report.answers / report.seconds:,.0f}, {slow}"
        within = [
            f"{percentile(times, 0.99) * 1000:.1f} ms" for times in (report.pages, report.searches)
        ]
        lines.append(
            f"| `portbook serve --public`: {what} | {report.answers:,} | {', '.join(within)} "
            f"| {report.refused:.2%} | {report.failed} |"
        )
        details.append(
            f"{what}: {report.before / 1e6:.0f} MB before, {report.growth:+.1%} after "
            f"{report.seconds:.0f} s; the server took {report.processor:.0%} of a processor; "
            f"{report.left_out} requests weren't sent, because {MOST_WAITING} waited."
        )
    note = (
        f"{SEARCHES:.0%} of the requests are searches that nobody asked before. The second rate is "
        "80% of what the server answers of this kind."
    )
    if os.sched_getscheduler(0) == os.SCHED_RR:
        note += " Server and clients went before all else on a busy machine (SCHED_RR)."
    return "\n".join([*lines, "", note, "", *(f"- {line}" for line in details)])


if __name__ == "__main__":
    print(run(quick="--quick" in sys.argv))
