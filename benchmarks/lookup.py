"""The bare lookup: its time against a bare interpreter's, and against whatportis."""

from __future__ import annotations

import random
import statistics
import sys
import time

from benchmarks.timing import BIN, alternate, table, tool
from portbook.model import Transport
from portbook.registry import Registry
from portbook.registry.store import Store

TITLE = "lookup: one port at a prompt"


def run() -> str:
    """Measures, and returns the results as Markdown."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "portbook show 443 --no-host": [str(BIN / "portbook"), "show", "443", "--no-host"],
        "portbook show 443": [str(BIN / "portbook"), "show", "443"],
        "whatportis 443": [tool("whatportis", "whatportis"), "443"],
    }
    times = alternate(commands)
    whatportis = times["whatportis 443"].median
    ours = times["portbook show 443 --no-host"].median
    return "\n".join(
        [
            table(times, "python -c pass"),
            "",
            f"whatportis 443 takes {whatportis / ours:.1f} times as long as the second.",
            "",
            *_in_process(),
        ]
    )


def _in_process() -> list[str]:
    opened = statistics.median(_time(lambda: Registry().lookup(443, Transport.TCP), 200))
    held = statistics.median(_time(lambda: Store().hold(), 15))
    registry = Registry()
    ports = [(random.randrange(65536), random.choice(list(Transport))) for _ in range(300_000)]
    began = time.perf_counter()
    for port, transport in ports:
        registry.lookup(port, transport)
    first = len(ports) / (time.perf_counter() - began)
    began = time.perf_counter()
    for port, transport in ports:
        registry.lookup(port, transport)
    again = len(ports) / (time.perf_counter() - began)
    return [
        "| in process | median |",
        "|---|---|",
        f"| the registry opened and one port looked up | {opened:.2f} ms |",
        f"| the registry held whole | {held:.1f} ms |",
        f"| random lookups a second, loading and first sight of each included | {first:,.0f} |",
        f"| random lookups a second after that | {again:,.0f} |",
    ]


def _time(call: object, runs: int) -> list[float]:
    assert callable(call)
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


if __name__ == "__main__":
    print(run())
