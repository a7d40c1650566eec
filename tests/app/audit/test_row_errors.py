"""What is wrong in a source is named, and what is good is answered all the same."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portbook.app.audit.engines import connect
from portbook.app.audit.pipeline import Audit, Order
from portbook.errors import MalformedInput
from portbook.model import GapCode
from tests.app.audit import samples
from tests.app.audit.asking import ask, counts
from tests.command_line import run
from tests.counts import PROOF
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.audit.result import AuditAnswer

PARQUET = {name: samples.FORMATS[name][0] for name in ("parquet", "vpc-parquet")}


def faults(answer: AuditAnswer) -> list[tuple[str, int | None, str]]:
    """The faults, by the names of the files alone."""
    return [(Path(each.file).name, each.row, each.reason) for each in answer.faults]


KEPT = (3, 4, 100, -1, -9, 0.5)  # of the bytes of a file: a number of them, or a share


@pytest.mark.proof
@pytest.mark.parametrize("lengths", [KEPT, *([kept] for kept in KEPT if PROOF)])
def test_a_truncated_parquet_is_left_out(lengths: Sequence[float], tmp_path: Path) -> None:
    """All in one folder; under make proof also each alone beside a good one."""
    data = samples.write("parquet", tmp_path).read_bytes()
    for at, kept in enumerate(lengths):
        size = int(len(data) * kept if kept == 0.5 else kept)
        (tmp_path / f"broken-{at}.parquet").write_bytes(data[:size])
    answer = ask(tmp_path)
    assert counts(answer) == samples.EXPECTED
    assert [(file, row) for file, row, _ in faults(answer)] == [
        (f"broken-{at}.parquet", None) for at in range(len(lengths))
    ]
    assert all(reason for _, _, reason in faults(answer))


def test_a_parquet_with_a_broken_page_is_left_out_and_named(tmp_path: Path) -> None:
    good, bad = samples.write("parquet", tmp_path), tmp_path / "bad.parquet"
    data = bytearray(good.read_bytes())
    data[4:400] = random.Random(4).randbytes(396)
    bad.write_bytes(data)
    answer = ask(tmp_path)
    assert counts(answer) == samples.EXPECTED
    assert [(file, row) for file, row, _ in faults(answer)] == [("bad.parquet", None)]


def test_nothing_but_broken_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(MalformedInput, match=r"x\.parquet"):
        ask(tmp_path)


def test_rows_of_csv_with_another_number_of_columns(tmp_path: Path) -> None:
    path = samples.write("csv", tmp_path)
    lines = path.read_text().splitlines()
    lines[10:10] = ["1;2;3", "1790000000000;a;b;c;d;tcp;1;1;9"]
    lines.append("1790000000000;192.0.2.1;port;192.0.2.2;305;tcp;1;1")
    path.write_text("\n".join(lines) + "\n")
    answer = ask(path)
    assert counts(answer) == samples.EXPECTED
    assert faults(answer) == [
        ("flows.csv", 11, "has too few columns"),
        ("flows.csv", 12, "has too many columns"),
        ("flows.csv", len(lines), "the value of 'src_port' can't be read"),
    ]


ROWS = {
    "1790000000000;192.0.2.1;50000;192.0.2.2;70000;tcp;1;1": "the destination port is not from 0",
    "1790000000000;192.0.2.1;50000;192.0.2.2;-1;tcp;1;1": "the destination port is not from 0",
    "1790000000000;192.0.2.1;50000;192.0.2.2;;tcp;1;1": "the destination port is missing",
    "1790000000000;192.0.2.1;50000;192.0.2.2;305;tcp;-1;1": "the number of bytes is negative",
    "1790000000000;192.0.2.1;50000;192.0.2.2;305;tcp;1;-5": "the number of packets is negative",
    "1790000000000;192.0.2.1;50000;192.0.2.2;305;tcp;9223372036854775807;1": "bytes can't be",
    "253402300799000;192.0.2.1;50000;192.0.2.2;305;tcp;1;1": "the time lies in the future",
    "-1;192.0.2.1;50000;192.0.2.2;305;tcp;1;1": "the time lies before 1970",
    "1790000000000;192.0.2.1;50000;192.0.2.2;305;;1;1": "the protocol is missing",
}


@pytest.mark.proof
@pytest.mark.parametrize("rows", [*([row] for row in ROWS if PROOF), [*ROWS][:5], [*ROWS][5:]])
def test_a_row_that_can_not_be(rows: list[str], tmp_path: Path) -> None:
    """Each among good ones; under make proof also alone, in a file of its own."""
    path = samples.write("csv", tmp_path)
    lines = path.read_text().splitlines()
    places = range(50, 50 + 10 * len(rows), 10)
    for place, row in zip(places, rows, strict=True):
        lines.insert(place, row)
    path.write_text("\n".join(lines) + "\n")
    answer = ask(path)
    named = faults(answer)
    assert [(file, line) for file, line, _ in named] == [("flows.csv", at + 1) for at in places]
    for row, (_, _, reason) in zip(rows, named, strict=True):
        assert ROWS[row] in reason
    assert counts(answer) == samples.EXPECTED
    assert answer.total.bytes == sum(flow.bytes for flow in samples.flows())


def test_rows_of_parquet_that_can_not_be(tmp_path: Path) -> None:
    import duckdb

    path = samples.write("parquet", tmp_path)
    odd = tmp_path / "odd.parquet"
    first = "CASE WHEN n = 7 THEN TIMESTAMP '9999-12-31' ELSE first END AS first"
    many = "CASE WHEN n > 170 THEN -bytes::BIGINT ELSE bytes::BIGINT END AS bytes"
    duckdb.execute(
        f"COPY (SELECT * EXCLUDE n REPLACE ({first}, {many}) FROM (SELECT *, "
        f"row_number() OVER () AS n FROM '{path}')) TO '{odd}' (FORMAT parquet)"
    )
    path.unlink()
    answer = ask(odd)
    found = faults(answer)
    assert found[0] == ("odd.parquet", 7, "the time lies in the future")
    assert [row for _, row, _ in found[1:]] == [171, 172, 173, 174, 175]
    assert answer.faults[5].more == 1
    assert answer.total.flows == 176 - 7


def test_a_broken_line_of_json(tmp_path: Path) -> None:
    path = samples.write("zeek-json", tmp_path)
    lines = path.read_text().splitlines()
    lines[20:20] = ['{"ts": 1, "id.resp_p": ', "[1, 2", "nothing"]
    path.write_text("\n".join(lines) + "\n")
    answer = ask(path)
    assert counts(answer) == samples.EXPECTED
    assert [(file, row) for file, row, _ in faults(answer)] == [
        ("conn.json", 21), ("conn.json", 22), ("conn.json", 23),
    ]  # fmt: skip


ODD = (b"", b"\0\0\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"\xff\xfe\xfd\n", b"a\n")


@pytest.mark.proof
@pytest.mark.parametrize("contents", [ODD, *([content] for content in ODD if PROOF)])
def test_what_is_no_log_is_named(contents: Sequence[bytes], tmp_path: Path) -> None:
    """All in one folder; under make proof also each alone beside a good one."""
    samples.write("csv", tmp_path)
    for at, content in enumerate(contents):
        (tmp_path / f"odd-{at}.bin").write_bytes(content)
    answer = ask(tmp_path)
    assert counts(answer) == samples.EXPECTED
    assert [(file, row) for file, row, _ in faults(answer)] == [
        (f"odd-{at}.bin", None) for at in range(len(contents))
    ]


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    samples.write("csv", tmp_path)
    (tmp_path / "gone.csv").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.csv")
    answer = ask(tmp_path)
    assert counts(answer) == samples.EXPECTED
    assert {file for file, _, _ in faults(answer)} == {"gone.csv", "pipe.csv"}


def test_a_name_may_be_anything(tmp_path: Path) -> None:
    path = samples.write("csv", tmp_path)
    odd = tmp_path / 'it\'s "odd" *; DROP\x1b[2J.csv'
    path.rename(odd)
    with odd.open("a") as file:
        file.write("1;2\n")
    answer = ask(tmp_path)
    assert counts(answer) == samples.EXPECTED
    assert [(file, row) for file, row, _ in faults(answer)] == [(odd.name, 178)]


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    path = samples.write("csv", tmp_path)
    line = "1790000000000;192.0.2.1;50000;192.0.2.2;305;tcp;1;1\n"
    done = threading.Event()

    def grow() -> None:
        with path.open("a") as file:
            while not done.is_set():
                file.write(line)
                file.flush()
                time.sleep(0.001)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        answer = ask(path)
    finally:
        done.set()
        thread.join()
    found = counts(answer)
    assert found[("tcp", 443)] == 60
    assert found[("tcp", 305)] >= 20
    assert GapCode.FILE_CHANGED in [gap.code for gap in answer.missing]


# -- where it is written ----------------------------------------------------------------------


def _rows(words: list[str], path: Path) -> None:
    engine = connect()
    try:
        audit = Audit(Order(tuple(words)), engine, CATALOG)
        audit.run()
        from portbook.app.audit.annotate_rows import write_rows

        write_rows(audit, str(path), None, lambda _: None)
    finally:
        engine.close()


ENDINGS = ("parquet", "csv", "csv.gz", "jsonl", "jsonl.gz")
SOURCES = ("parquet", "zeek", "vpc", "suricata")


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "ending"),
    [*itertools.product(SOURCES, ENDINGS)]
    if PROOF
    else [*zip((*SOURCES, "parquet"), ENDINGS, strict=True)],
)
def test_every_row_has_its_verdict(name: str, ending: str, tmp_path: Path) -> None:
    import duckdb

    source, out = samples.write(name, tmp_path), tmp_path / f"rows.{ending}"
    _rows([str(source)], out)
    reader = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}
    kind = reader[ending.partition(".")[0]]
    found = duckdb.execute(
        f"SELECT portbook_service, portbook_state, portbook_level, portbook_findings, count(*) "
        f"FROM {kind}('{out}') WHERE portbook_state IS NOT NULL GROUP BY ALL ORDER BY 5 DESC, 1"
    ).fetchall()
    assert [row[4] for row in found] == [60, 60, 30, 26]
    assert found[0][:4] == ("domain", "assigned", "ok", "registered-port")
    assert found[3][1:4] == ("unassigned", "check", "unregistered-port")
    columns = [row[0] for row in duckdb.execute(f"DESCRIBE FROM {kind}('{out}')").fetchall()]
    assert ("portbook_port" in columns) == (name in ("parquet", "vpc"))
    if name == "parquet":
        assert columns[:4] == ["transport", "src", "src_port", "dst"]
        services = duckdb.execute(f"SELECT DISTINCT portbook_port FROM {kind}('{out}')").fetchall()
        assert {row[0] for row in services} == {443, 53, 5432, 305, 2825}


def test_rows_of_several_formats_and_with_pseudonyms(tmp_path: Path) -> None:
    import duckdb

    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("parquet", "zeek", "suricata", "nfdump"):
        samples.write(name, folder)
    out = tmp_path / "rows.parquet"
    assert run(["audit", str(folder), "--rows", str(out), "-o", str(tmp_path / "a.txt")]) == 0
    found = duckdb.execute(
        f"SELECT portbook_port, count(*), min(first), sum(bytes) FROM '{out}' GROUP BY 1"
    ).fetchall()
    assert {row[0]: row[1] for row in found} == {
        port: 4 * count for (_, port), count in samples.EXPECTED.items()
    }
    assert {row[2] for row in found} == {float(samples.BEGAN)}
    assert sum(row[3] for row in found) == 4 * sum(flow.bytes for flow in samples.flows())
    words = [
        "audit",
        str(folder),
        "--rows",
        str(out),
        "--pseudonymise",
        "-o",
        str(tmp_path / "b.txt"),
    ]
    assert run(words) == 0
    columns = duckdb.execute(
        f"SELECT count(DISTINCT src), count(DISTINCT host), max(src), max(dst) FROM '{out}'"
    ).fetchone()
    assert columns is not None
    assert columns[:2] == (40, 5)
    assert all(str(word).startswith("host-") for word in columns[2:])


# A process of its own, in which no file may grow: writing fails as on a full disk.
_NO_ROOM = """\
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
sys.argv[0] = "portbook"
runpy.run_module("portbook", run_name="__main__", alter_sys=True)
"""


# What the engine writes and what portbook itself does; under make proof each way of both.
FULL = [("--rows", "parquet"), ("-o", "csv"), ("--rows", "csv"), ("-o", "parquet")]


@pytest.mark.proof
@pytest.mark.parametrize(("word", "ending"), FULL if PROOF else FULL[:2])
def test_a_full_disk_leaves_nothing(word: str, ending: str, tmp_path: Path) -> None:
    path, out = samples.write("csv", tmp_path), tmp_path / "out"
    out.mkdir()
    (out / f"x.{ending}").write_text("before")
    done = subprocess.run(
        [sys.executable, "-c", _NO_ROOM, "audit", path, word, f"x.{ending}"],
        cwd=out,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("portbook: ")
    assert done.stderr.count("\n") == 1
    assert [(each.name, each.read_text()) for each in out.iterdir()] == [(f"x.{ending}", "before")]
