"""Rows that are longer than the engine's buffers: it drops them, so each file with one is named."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.app.audit.asking import ask, counts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD, ROW = b"proto,src,dst,dst_port\n", b"tcp,192.0.2.1,192.0.2.2,22\n"
LONG = b"LONG"  # stands for a row of so many letters:
LETTERS = 40_000_000  # DuckDB's buffer has 32 MB
FILES = {
    "last.csv": HEAD + ROW + LONG,
    "between.csv": HEAD + ROW + LONG + b"\n" + ROW,
    "first.csv": HEAD + LONG + b"\n" + ROW,
}
ALONE = {"alone.csv": HEAD + LONG, "ended.csv": HEAD + LONG + b"\n"}


def write(path: Path, content: bytes, packed: str) -> Path:
    import duckdb

    content = content.replace(LONG, b"a" * LETTERS)
    if packed == "gzip":
        path = path.with_suffix(".csv.gz")
        path.write_bytes(gzip.compress(content, 1))
    else:
        path.write_bytes(content)
    if packed == "zstd":
        whole = path
        path = path.with_suffix(".csv.zst")
        duckdb.execute(
            f"COPY (SELECT content FROM read_text('{whole}')) TO '{path}' (FORMAT csv, "
            "HEADER false, QUOTE '', COMPRESSION zstd)"
        )
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_row_that_the_engine_drops_is_named(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, FILES[name], "none")
    answer = ask(path)
    assert counts(answer) == {("tcp", 22): FILES[name].count(ROW)}
    assert str(path) in {fault.file for fault in answer.faults}
    assert "has a line of more than 16 MB" in answer.faults[0].reason


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
def test_of_a_packed_file_it_is_named_with_its_number(packed: str, tmp_path: Path) -> None:
    answer = ask(write(tmp_path / "between.csv", FILES["between.csv"], packed))
    assert counts(answer) == {("tcp", 22): 2}
    assert [fault.row for fault in answer.faults] == [3]


@pytest.mark.parametrize("packed", ["none", "gzip"])
@pytest.mark.parametrize("name", ALONE)
def test_a_file_of_such_a_row_alone_is_not_an_audit(
    name: str, packed: str, say: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    status, out, err = say(write(tmp_path / name, ALONE[name], packed))
    assert (status, out) == (2, "")
    assert "has a line of more than 16 MB" in err


def test_short_lines_in_a_large_file_are_no_such_row(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(HEAD + ROW * (40_000_000 // len(ROW)))
    assert ask(path).faults == ()
