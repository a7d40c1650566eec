"""What others printed: how many lines a second the reader of ss takes, and the whole command.

The reader alone makes a value for each socket: that is what whoever calls it is given, and what
the command is held against. The command itself asks for plain rows together, of which it makes the
values that it prints; how long that takes stands beside it.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.timing import PROOF, alternate, portbook, table
from portbook.app.explain import explain
from portbook.app.socket_filter import Filter
from portbook.catalog import Catalog
from portbook.formats.sockets.detect import read, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable

_CATALOG = Catalog()

TITLE = "explain: what ss printed"
_PROGRAMS = ("sshd", "nginx", "postgres", "redis-server", "java", "python3", "systemd-resolve")


def capture(lines: int) -> bytes:
    """The output of ``ss -tulnp`` on a machine with so many sockets; no two lines are alike."""
    chance = random.Random(305)
    rows = ["Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\n"]
    for _ in range(lines):
        address = chance.choice(
            (
                "0.0.0.0",
                "127.0.0.1",
                "[::]",
                f"10.0.{chance.randrange(256)}.{chance.randrange(256)}",
            )
        )
        kind, limit = chance.choice((("tcp   LISTEN", 128), ("udp   UNCONN", 0)))
        rows.append(
            f"{kind} 0      {limit:<10}{address}:{chance.randrange(1, 65536)}     0.0.0.0:*    "
            f'users:(("{chance.choice(_PROGRAMS)}",pid={chance.randrange(1, 1 << 22)},fd=3))\n'
        )
    return "".join(rows).encode()


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    lines, runs = (2000 if PROOF else 500, 1) if quick else (200_000, 7)
    data = capture(lines)
    chunks = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    reading = _rate(lines, runs, lambda: sum(1 for _ in read(chunks)[1]))
    together = _rate(lines, runs, lambda: sum(1 for _ in read_rows(chunks)[1]))
    reader_cpu = _cpu(runs, lambda: sum(1 for _ in read(chunks)[1])) * 1000
    judging = _rate(lines, runs, lambda: explain(chunks, Filter(), _CATALOG, said=False))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ss.txt"
        path.write_bytes(data)
        commands = {
            "portbook explain FILE": [*portbook(), "explain", str(path)],
            "portbook explain FILE --json": [*portbook(), "explain", str(path), "--json"],
            "portbook explain FILE --jsonl": [*portbook(), "explain", str(path), "--jsonl"],
        }
        times = alternate(commands, 1 if quick else 3)
    rows = [
        ("the reader of ss alone, a value for each socket", reading),
        ("the reader of ss alone, plain rows together", together),
        ("read, judged and sorted, in process", judging),
        *(
            (f"the whole process of `{name}`", lines / (each.median / 1000))
            for name, each in times.items()
        ),
    ]
    return "\n".join(
        [
            f"{lines:,} lines of `ss -tulnp`, no two alike, with owners.",
            "",
            "| what | lines a second |",
            "|---|---|",
            *(f"| {what} | {rate:,.0f} |" for what, rate in rows),
            "",
            table(times, "portbook explain FILE"),
            "",
            "| command | CPU, ms | of the reader alone, ms | ratio | target |",
            "|---|---|---|---|---|",
            *(_beside(name, each.median_cpu, reader_cpu) for name, each in times.items()),
        ]
    )


def _beside(name: str, whole: float, reader: float) -> str:
    """A row: the CPU time of a whole process beside that of the reader in the same run."""
    ratio = whole / reader
    kept = "yes" if ratio <= _MOST else "no"
    return f"| `{name}` | {whole:,.0f} | {reader:,.0f} | {ratio:.1f} | at most {_MOST}: {kept} |"


_MOST = 3  # times the reader alone


def _cpu(runs: int, call: Callable[[], object]) -> float:
    taken = []
    for _ in range(runs):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def _rate(lines: int, runs: int, call: object) -> float:
    assert callable(call)
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return lines / statistics.median(taken)


if __name__ == "__main__":
    print(run())
