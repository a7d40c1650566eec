"""The short answer against a bare interpreter, and JSON against the tools that print as much."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import audit
from benchmarks.crowd import crowd
from benchmarks.timing import alternate, portbook, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.timing import Times

PROGRAMS = ("ss",)

TITLE = "answers: the short one, and JSON"

_BARE, _SS, _GROUP_BY = "python -c pass", "ss -tlnp", "DuckDB's group-by"


class Size(NamedTuple):
    """How much is made, and how often each command runs."""

    processes: int = 2000
    listeners: int = 2000
    flows: int = 10_000_000
    runs: int = 30
    audits: int = 5


class Target(NamedTuple):
    """*command* is to take at most *limit* times as long as *other*."""

    command: str
    other: str
    limit: float

    def row(self, times: Mapping[str, Times], title: str = "") -> str:
        """The line of the table. CPU time, which other work disturbs least, and the clock, by
        which a user waits, may decide differently: two processes share some of the work.
        """
        ours, theirs = times[self.command], times[self.other]
        cpu, clock = ours.median_cpu / theirs.median_cpu, ours.median / theirs.median
        by_cpu, by_clock = ("yes" if each <= self.limit else "no" for each in (cpu, clock))
        met = by_cpu if by_cpu == by_clock else f"by CPU {by_cpu}, by the clock {by_clock}"
        return (
            f"| `{self.command}`{title} | {ours.median_cpu:,.1f} | {theirs.median_cpu:,.1f} "
            f"| {cpu:.2f} | {clock:.2f} | at most {self.limit:g}: {met} |"
        )


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    require(PROGRAMS)
    size = Size(20, 20, 20_000, 1, 1) if quick else Size()
    load = os.getloadavg()[0]
    rows = [*_short(size), *_listeners(size), *_flows(size)]
    lines = "\n".join(rows)
    return f"""\
Load average before it: {load:.2f}. Medians of {size.runs} runs in turn, of {size.audits} for an
audit. The short answers are compared with `{_BARE}` of the same interpreter, lists of
{size.listeners:,} listeners among {size.processes:,} processes with `{_SS}`, audits of
{size.flows:,} flows with a script that has DuckDB group the same columns.

| command | CPU, ms | of the other, ms | ratio | ratio of wall clock | target |
|---|---|---|---|---|---|
{lines}"""


def _short(size: Size) -> Iterator[str]:
    times = alternate(
        {
            _BARE: [sys.executable, "-c", "pass"],
            "portbook 3000": [*portbook(), "3000"],
            "portbook 3000 --no-host": [*portbook(), "3000", "--no-host"],
        },
        size.runs,
    )
    yield Target("portbook 3000", _BARE, 2.5).row(times)
    yield Target("portbook 3000 --no-host", _BARE, 2.0).row(times)


def _listeners(size: Size) -> Iterator[str]:
    forms: dict[str, Sequence[str]] = {
        f"portbook listen{form}": [*portbook(), "listen", *form.split()]
        for form in ("", " --json", " --jsonl")
    }
    with crowd(size.processes, size.listeners):
        times = alternate({_SS: ["ss", "-tlnp"], **forms}, size.runs)
    for command in forms:
        yield Target(command, _SS, 1.5).row(times)


def _flows(size: Size) -> Iterator[str]:
    with tempfile.TemporaryDirectory(
        prefix="portbook-bench-", dir=os.environ.get("PORTBOOK_BENCH_FOLDER")
    ) as folder:
        for title, limit, port in (
            (", 65,536 services", 5.0, "(hash(range, 8) % 65536)::INT"),
            (", few services", 2.7, None),
        ):
            path = Path(folder, f"{limit}.parquet")
            audit.make(path, size.flows, port)
            command = [*portbook(), "audit", str(path), "--columns", audit.COLUMNS, "--json"]
            times = alternate(
                {
                    _GROUP_BY: [sys.executable, "-c", audit.plain_script(path)],
                    "portbook audit --json": command,
                },
                size.audits,
            )
            yield Target("portbook audit --json", _GROUP_BY, limit).row(times, title)


if __name__ == "__main__":
    print(run())
