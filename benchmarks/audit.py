"""An audit of many flows: against DuckDB's own group-by and copy, a plain script, and pandas.

``python -m benchmarks.audit --rows 10000000`` measures with another number of rows than the 50
million of the results. The flows are made here, in a folder that is removed again
(``PORTBOOK_BENCH_FOLDER`` says where; it takes 20 bytes a flow and twice as many for the growth).
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import PROOF, environment, portbook
from portbook.catalog import Catalog

_CATALOG = Catalog()

TITLE = "audit: flows by the million"

ROWS, QUICK_ROWS = 50_000_000, 20_000 if PROOF else 2_000
_MEMORY = "1GB"  # what either side lets DuckDB hold


class Line(NamedTuple):
    """One comparison: seconds of ours and of theirs, and the ratio that is to hold."""

    what: str
    ours: float
    theirs: float | None
    most: float | None
    unit: str = " s"

    def row(self) -> str:
        theirs = "–" if self.theirs is None else f"{self.theirs:.2f}{self.unit}"
        value = self.ours / self.theirs if self.theirs else self.ours
        ratio = f"{value:.2f}" if self.theirs else "–"
        if self.most is None:
            return f"| {self.what} | {self.ours:.2f}{self.unit} | {theirs} | {ratio} | – |"
        holds = "yes" if value <= self.most else "no"
        return (
            f"| {self.what} | {self.ours:.2f}{self.unit} | {theirs} | {ratio} "
            f"| at most {self.most:g}: {holds} |"
        )


def run(*, quick: bool = False, rows: int | None = None) -> str:
    """Measures, and returns the results as Markdown."""
    count = rows or (QUICK_ROWS if quick else ROWS)
    rounds = 0 if quick else 5  # after one, which counts where it is alone
    brief = quick and not PROOF
    with (
        _garbage_as_in_portbook(),
        tempfile.TemporaryDirectory(
            prefix="portbook-bench-", dir=os.environ.get("PORTBOOK_BENCH_FOLDER")
        ) as name,
    ):
        folder = Path(name)
        # A fifth as many, for what starts anew each time; half and twice as many, for the growth.
        sizes = sorted({count // 5, count, *(() if brief else (max(1000, count // 50), count * 2))})
        files = {size: folder / f"{size}.parquet" for size in sizes}
        for size, path in files.items():
            make(path, size)
        whole, fifth = files[count], files[count // 5]
        lines = [*_in_process(whole, folder, rounds), _two_sided(whole, rounds)]
        if not brief:  # most of a brief run would go into starting these
            lines.insert(0, _start(rounds))
            lines.append(_process(fifth, count // 5, rounds))
        lines += islice(_pandas(whole, rounds // 2), 1 if brief else None)
        if not brief:
            lines.append(_memory(whole))
        exponent, times = _growth(files, rounds)
        lines.append(Line(f"exponent of time over rows, {sizes[0]:,} to {sizes[-1]:,}", exponent,
                          None, 1.05, ""))  # fmt: skip
    grown = ", ".join(f"{size:,} in {seconds:.2f} s" for size, seconds in times.items())
    table = "\n".join(line.row() for line in lines)
    return f"""\
{count:,} flows in Parquet, whose log says which side is the service; both sides of a comparison
let DuckDB have {_MEMORY}. Medians of {rounds or 1} runs that alternate. Where another size is
named, the line is of that many flows.

| what | portbook | compared with | ratio | target |
|---|---|---|---|---|
{table}

Summary by number of flows: {grown}."""


@contextmanager
def _garbage_as_in_portbook() -> Iterator[None]:
    """Garbage is looked for as seldom as in a process that portbook itself starts."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


# -- the flows --------------------------------------------------------------------------------

_SERVICES = (
    443, 443, 443, 443, 53, 53, 53, 80, 80, 123, 22, 25, 993, 587, 3306, 5432, 6379, 8080, 8443,
    9092, 9200, 389, 636, 445, 3389, 514, 161, 5060, 1883, 853,
)  # fmt: skip
_MAKE = """
COPY (
    SELECT 1790000000 + (range * 2592000 // {rows}) AS first,
        1790000000 + (range * 2592000 // {rows}) + (hash(range)::UBIGINT % 60)::INT AS last,
        '10.' || (hash(range, 1) % 16) || '.' || (hash(range, 2) % 256) || '.'
            || (hash(range, 3) % 256) AS src,
        (32768 + hash(range, 4) % 28232)::INT AS src_port,
        '198.51.' || (100 + hash(range, 5) % 4) || '.' || (hash(range, 6) % 250) AS dst,
        {port} AS dst_port,
        CASE WHEN hash(range, 11) % 10 < 8 THEN 6 ELSE 17 END::UTINYINT AS protocol,
        (40 + hash(range, 12) % 100000)::BIGINT AS bytes,
        (1 + hash(range, 13) % 100)::BIGINT AS packets
    FROM range({rows})
) TO '{path}' (FORMAT parquet)
"""


_PORT = """\
CASE WHEN hash(range, 7) % 1000 < 990 THEN {services}[(hash(range, 8) % {many})::BIGINT + 1]
    WHEN hash(range, 7) % 1000 < 997 THEN (1024 + hash(range, 9) % 4000)::INT
    ELSE (20000 + hash(range, 10) % 100)::INT END"""


def make(path: Path, rows: int, port: str | None = None) -> None:
    """Writes *rows* flows: nearly all to 30 services, some to odd ports; or to *port*, in SQL."""
    import duckdb

    with duckdb.connect(config={"memory_limit": _MEMORY}) as connection:
        usual = _PORT.format(services=list(_SERVICES), many=len(_SERVICES))
        connection.execute(_MAKE.format(rows=rows, path=path, port=port or usual))


# -- in one process: what the work itself takes -----------------------------------------------

# The log's own destination is the service: what a Zeek or Suricata log says, and what a user of
# --columns says of his.
COLUMNS = "port=dst_port,host=dst,peer=src"
_PLAIN = (
    "SELECT protocol, dst_port, count(*), sum(bytes), sum(packets), min(first), max(last) "
    "FROM read_parquet('{path}') GROUP BY ALL"
)


# The same columns and the hosts' of the same services: what the second part of an answer is.
_HOSTS = (
    "SELECT protocol, dst_port, dst, sum(bytes), count(*) FROM read_parquet('{path}') "
    "WHERE dst_port IN ({ports}) GROUP BY ALL"
)


def _summary(path: Path, columns: str | None = COLUMNS, hosts: int = 0) -> float:
    from portbook.app.audit.engines import connect
    from portbook.app.audit.pipeline import Audit, Order

    engine = connect("duckdb", memory=_MEMORY)
    try:
        began = time.perf_counter()
        Audit(Order((str(path),), columns, hosts=hosts), engine, _CATALOG).run()
        return time.perf_counter() - began
    finally:
        engine.close()


def _plain(*queries: str) -> float:
    import duckdb

    with duckdb.connect(config={"memory_limit": _MEMORY}) as connection:
        began = time.perf_counter()
        for sql in queries:
            connection.execute(sql).fetchall()
        return time.perf_counter() - began


def _rows(path: Path, out: Path) -> float:
    from portbook.app.audit.annotate_rows import write_rows
    from portbook.app.audit.engines import connect
    from portbook.app.audit.pipeline import Audit, Order

    engine = connect("duckdb", memory=_MEMORY)
    try:
        audit = Audit(Order((str(path),), COLUMNS, hosts=0), engine, _CATALOG)
        audit.run()
        began = time.perf_counter()
        write_rows(audit, str(out), None, lambda _: None)
        return time.perf_counter() - began
    finally:
        engine.close()
        out.unlink(missing_ok=True)


def _alternate(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int
) -> tuple[float, float]:
    """The medians of both, run in turn, after one of each that doesn't count."""
    one, other = [], []
    for turn in range(rounds + 1):
        seconds = ours(), theirs()
        if turn or not rounds:
            one.append(seconds[0])
            other.append(seconds[1])
    return statistics.median(one), statistics.median(other)


def _in_process(path: Path, folder: Path, rounds: int) -> Iterable[Line]:
    sql = _PLAIN.format(path=path)
    ours, theirs = _alternate(lambda: _summary(path), lambda: _plain(sql), rounds)
    yield Line("`portbook audit`, the summary, to a plain group-by", ours, theirs, 1.15)
    hosts = _HOSTS.format(path=path, ports=_unexpected(path))
    ours, theirs = _alternate(
        lambda: _summary(path, hosts=5), lambda: _plain(sql, hosts), rounds // 2
    )
    yield Line("`portbook audit`, with hosts, to two plain queries", ours, theirs, None)
    out = folder / "rows.parquet"
    copy = f"COPY (SELECT * FROM read_parquet('{path}')) TO '{folder}/copy.parquet'"
    ours, theirs = _alternate(lambda: _rows(path, out), lambda: _plain(copy), rounds // 2)
    (folder / "copy.parquet").unlink()
    yield Line("`portbook audit --rows`, every row, to a plain copy", ours, theirs, 1.6)


def _unexpected(path: Path) -> str:
    """The ports whose hosts an audit asks for, as a list for SQL."""
    from portbook.app.audit.engines import connect
    from portbook.app.audit.pipeline import Audit, Order
    from portbook.app.audit.top_hosts import MOST

    engine = connect("duckdb", memory=_MEMORY)
    try:
        answer = Audit(Order((str(path),), COLUMNS, hosts=0), engine, _CATALOG).run()
    finally:
        engine.close()
    return ", ".join(sorted({str(each.port) for each in answer.unexpected[:MOST]}) or ["0"])


def _two_sided(path: Path, rounds: int) -> Line:
    """The same flows as a log that doesn't say which side is the service."""
    sql = _PLAIN.format(path=path)
    ours, theirs = _alternate(lambda: _summary(path, None), lambda: _plain(sql), rounds // 2)
    return Line("`portbook audit`, finding out which side it is, to the same", ours, theirs, None)


def _start(rounds: int) -> Line:
    """What loading the engine takes, in a process of its own."""
    script = (
        "import time; began = time.perf_counter()\n"
        "from portbook.app.audit.engines import connect; connect('duckdb').close()\n"
        "print(time.perf_counter() - began)"
    )
    seconds = [
        float(subprocess.check_output([sys.executable, "-c", script], env=environment()))
        for _ in range(max(1, rounds // 2 + 1))
    ]
    return Line("`portbook audit`, the start of the engine", statistics.median(seconds), None, None)


# -- whole processes --------------------------------------------------------------------------

_SCRIPT = """
import duckdb
connection = duckdb.connect(config={{"memory_limit": "{memory}"}})
rows = connection.execute("{sql}").fetchall()
for row in sorted(rows, key=lambda row: -row[2])[:20]:
    print(*row)
"""
_NEEDED = ["protocol", "dst_port", "dst", "bytes", "packets", "first", "last"]
_PANDAS = """
import pandas
flows = pandas.read_parquet("{path}", columns={columns})
flows["transport"] = flows["protocol"].map({{6: "tcp", 17: "udp"}})
book = pandas.read_csv("{book}").rename(columns={{"port": "dst_port"}})
flows = flows.merge(book, how="left", on=["transport", "dst_port"])
flows["state"] = flows["state"].fillna("unassigned")
services = flows.groupby(["transport", "dst_port", "state"]).agg(
    flows=("bytes", "size"), bytes=("bytes", "sum"), packets=("packets", "sum"),
    first=("first", "min"), last=("last", "max"))
print(services.groupby("state")[["flows", "bytes"]].sum())
print(services.sort_values("flows", ascending=False).head(20))
unknown = flows[flows["state"] == "unassigned"].groupby(["transport", "dst_port", "dst"])
hosts = unknown["bytes"].sum().sort_values(ascending=False)
print(hosts.groupby(level=[0, 1]).head(5).head(100))
"""


def plain_script(path: Path) -> str:
    """A script that has DuckDB group the flows at *path*, and prints the largest groups."""
    return _SCRIPT.format(sql=_PLAIN.format(path=path), memory=_MEMORY)


def _process(path: Path, size: int, rounds: int) -> Line:
    command = [*portbook(), "audit", str(path), "--columns", COLUMNS]
    plain = [sys.executable, "-c", plain_script(path)]
    ours, theirs = _alternate(lambda: _wall(command), lambda: _wall(plain), rounds)
    what = f"`portbook audit`, the whole process, {size:,}, to a plain script"
    return Line(what, ours, theirs, 2.7)


def _pandas(path: Path, rounds: int) -> Iterable[Line]:
    """What a user would write instead, for the same answer: the registry merged with the flows."""
    command = [*portbook(), "audit", str(path), "--columns", COLUMNS]
    book = path.with_suffix(".csv")
    _registry_csv(book)
    for columns, what, most in (
        (None, "to a pandas merge", 0.1),
        (_NEEDED, "to one that reads the columns it needs alone", None),
    ):
        code = _PANDAS.format(path=path, book=book, columns=columns)
        script = [sys.executable, "-c", code]
        ours, theirs = _alternate(partial(_wall, command), partial(_wall, script), rounds)
        yield Line(f"`portbook audit`, the whole process, {what}", ours, theirs, most)


def _wall(command: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, env=environment(), check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command[0]} ended with {done.returncode}")
    return time.perf_counter() - began


def _registry_csv(path: Path) -> None:
    """The registry as a user would have it: a row for each protocol and port."""
    from portbook.app.audit.reference_table import entries
    from portbook.model import PORTS

    lines = ["transport,port,state"]
    lines += [
        f"{each.transport},{each.port},{each.state}" for each in entries(range(PORTS), _CATALOG)
    ]
    path.write_text("\n".join(lines) + "\n")


# A process counts as its own what the one that started it held: a small one stands between.
_PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
assert done.returncode in (0, 1)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _memory(path: Path) -> Line:
    """The peak resident memory of the whole process."""
    command = [*portbook(), "audit", str(path), "--columns", COLUMNS]
    peak = subprocess.check_output([sys.executable, "-c", _PEAK, *command], env=environment())
    return Line("`portbook audit`, peak memory", int(peak) / 1e6, None, 1.5, " GB")


def _growth(files: dict[int, Path], rounds: int) -> tuple[float, dict[int, float]]:
    """By what power of the number of flows the summary's time grows (least squares)."""
    times = {
        size: statistics.median(_summary(path) for _ in range(max(1, rounds // 2)))
        for size, path in files.items()
    }
    points = [(math.log(size), math.log(seconds)) for size, seconds in times.items()]
    mean_x = statistics.fmean(x for x, _ in points)
    mean_y = statistics.fmean(y for _, y in points)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return above / sum((x - mean_x) ** 2 for x, _ in points), times


def main() -> None:
    """Measures with ``--rows`` flows, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    print(run(rows=parser.parse_args().rows))


if __name__ == "__main__":
    main()
