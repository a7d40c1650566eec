"""The bare lookup: its time against a bare interpreter's, and against whatportis."""

from __future__ import annotations

import random
import statistics
import sys
import time

from benchmarks.timing import alternate, portbook, table, tool
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import Store
from portbook.model import Transport

TITLE = "lookup: one port at a prompt"


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "portbook show 443 --no-host": [*portbook(), "show", "443", "--no-host"],
        "portbook show 443": [*portbook(), "show", "443"],
    }
    other = tool("whatportis", "whatportis", install=not quick)
    if other is not None:
        commands["whatportis 443"] = [other, "443"]
    times = alternate(commands, 1 if quick else 30)
    ours = times["portbook show 443 --no-host"].median
    if other is None:
        said = "whatportis could not be had."
    else:
        ratio = times["whatportis 443"].median / ours
        said = f"whatportis 443 takes {ratio:.1f} times as long as the second."
    lookups = 1000 if quick else 300_000
    return "\n".join([table(times, "python -c pass"), "", said, "", *_in_process(lookups)])


def _in_process(lookups: int) -> list[str]:
    opened = statistics.median(_time(lambda: Registry().lookup(443, Transport.TCP), 200))
    held = statistics.median(_time(lambda: Store().hold(), 15))
    registry = Registry()
    ports = [(random.randrange(65536), random.choice(list(Transport))) for _ in range(lookups)]
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
