"""What an audit writes: never through a link that somebody put there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.audit import samples
from tests.command_line import run
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.needs import find_program, need


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("-o", "s.txt"), ("-o", "s.html"), ("-o", "s.json"), ("-o", "s.csv"), ("-o", "s.parquet"),
        ("--rows", "s.csv"), ("--rows", "s.jsonl.gz"), ("--rows", "s.parquet"),
    ],
)  # fmt: skip
def test_no_link_in_the_folder_is_followed(option: str, name: str, tmp_path: Path) -> None:
    source, out = samples.write("csv", tmp_path), tmp_path / "out"
    out.mkdir()
    (tmp_path / "precious").write_text("precious")
    stem, _, ending = name.partition(".")
    planted = [f".{stem}.{os.getpid()}.part.{ending}", f"tmp_{name}", f"{name}.tmp", f".{name}"]
    for each in planted:
        (out / each).symlink_to(tmp_path / "precious")
    (out / name).symlink_to(tmp_path / "precious")
    assert run(["audit", str(source), option, str(out / name), "--fail-on", "never"]) == 0
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (out / name).is_symlink()
    assert (out / name).stat().st_size > 50
    assert sorted(os.listdir(out)) == sorted([*planted, name])


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "map.svg").symlink_to("precious")
    assert run(["map", "-o", str(tmp_path / "map.svg")]) == 0
    assert (tmp_path / "precious").read_text() == "precious"
    assert "<svg" in (tmp_path / "map.svg").read_text()
    assert sorted(os.listdir(tmp_path)) == ["map.svg", "precious"]


# -- being told to end ------------------------------------------------------------------------


ENDED = (("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More flows than are written in a moment."""
    import duckdb

    path = tmp_path_factory.mktemp("many") / "many.parquet"
    count = 3_000_000 if PROOF else 1_500_000
    duckdb.execute(
        "COPY (SELECT 6 AS protocol, (range % 60000)::INT AS port, range::TEXT AS host, "
        f"md5(range::TEXT) AS more FROM range({count})) TO '{path}' (FORMAT parquet)"
    )
    return path


@pytest.fixture(scope="module")
def huge_value(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few kilobytes that say 20,000 times the same host, of a hundred million letters."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path_factory.mktemp("huge") / "huge.parquet"
    host = pa.array(["a" * 100_000_000])
    hosts = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, "int32"), host)
    columns = {"proto": ["tcp"] * 20_000, "dst_port": [305] * 20_000, "dst": hosts}
    pq.write_table(pa.table(columns), path, compression="zstd")
    assert path.stat().st_size < 10_000
    return path


def _begun(source: Path, folder: Path, *options: str) -> subprocess.Popen[str]:
    for name in ("out", "scratch"):
        (folder / name).mkdir()
    (folder / "out" / "rows.csv").write_text("before")
    # On one processor, if it can be: what takes for ever takes no more of the machine.
    alone: list[str] = []
    if sys.platform == "linux" and (taskset := find_program("taskset")):
        alone = [taskset, "-c", str(min(os.sched_getaffinity(0)))]
    return subprocess.Popen(
        [*alone, sys.executable, "-m", "portbook", "audit", str(source), *options],
        cwd=folder / "out",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder / "scratch")},
    )


def _left(folder: Path) -> list[tuple[str, str]]:
    assert os.listdir(folder / "scratch") == []
    return [(each.name, each.read_text()) for each in (folder / "out").iterdir()]


@pytest.mark.real
@pytest.mark.proof
@pytest.mark.parametrize("times", [3, 1] if PROOF else [3])
@pytest.mark.parametrize(("number", "status"), ENDED if PROOF else ENDED[:1])
def test_whoever_ends_it_finds_nothing_left(
    number: str, status: int, times: int, many: Path, tmp_path: Path
) -> None:
    need(sys.platform != "win32", "Windows has no such signals")
    with _begun(many, tmp_path, "--rows", "rows.csv") as child:
        while len(os.listdir(tmp_path / "out")) == 1 and child.poll() is None:
            time.sleep(0.02)  # until it writes
        for _ in range(times):  # whoever is impatient spoils nothing
            child.send_signal(getattr(signal, number))
        _, said = child.communicate(timeout=PATIENCE)
    assert (child.returncode, said) == (status, "")
    assert _left(tmp_path) == [("rows.csv", "before")]


@pytest.mark.real
@pytest.mark.proof
@pytest.mark.parametrize(("number", "status"), ENDED[:2] if PROOF else ENDED[1:2])
def test_what_the_engine_does_not_stop_is_left_to_itself(
    number: str, status: int, huge_value: Path, tmp_path: Path
) -> None:
    """DuckDB looks for interruptions between blocks of rows; one here takes many minutes."""
    need(sys.platform != "win32", "Windows has no such signals")
    with _begun(huge_value, tmp_path) as child:
        busy, enough = 0.0, 4.0 if PROOF else 1.5
        while busy < enough and child.poll() is None:  # of processor time: it is deep in the file
            time.sleep(0.1)
            fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
            busy = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        child.send_signal(getattr(signal, number))
        try:
            _, said = child.communicate(timeout=PATIENCE)
        finally:
            child.kill()
    assert (child.returncode, said) == (status, "")
    assert _left(tmp_path) == [("rows.csv", "before")]
