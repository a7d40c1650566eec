"""Zstandard files that break off: DuckDB takes the break for the end, so it is named."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from portbook.app.audit.gzip_recovery import breaks_off
from tests.app.audit.asking import ask
from tests.counts import one_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A skippable frame of two bytes (RFC 8878 §3.1.2).
SKIPPED = b"\x50\x2a\x4d\x18\x02\x00\x00\x00ab"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Flows that don't repeat, so that they take several blocks."""
    import duckdb

    folder, draw = tmp_path_factory.mktemp("packed"), random.Random(7)
    rows = "\n".join(
        f"tcp,192.0.2.{draw.randrange(250)},198.51.100.{draw.randrange(250)},"
        f"{draw.randrange(1, 65536)}"
        for _ in range(30_000)
    )
    (folder / "flows.csv").write_text(f"proto,src,dst,dst_port\n{rows}\n")
    duckdb.execute(
        f"COPY (SELECT content FROM read_text('{folder}/flows.csv')) TO '{folder}/flows.csv.zst' "
        "(FORMAT csv, HEADER false, QUOTE '', COMPRESSION zstd)"
    )
    return (folder / "flows.csv.zst").read_bytes()


def written(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "flows.csv.zst"
    path.write_bytes(content)
    return str(path)


def test_wherever_it_breaks_off(packed: bytes, tmp_path: Path) -> None:
    assert len(packed) > 100_000
    places = [5, 6, 8, 9, 12, *range(1000, len(packed), 7001), len(packed) - 4, len(packed) - 1]
    for place in places:
        assert breaks_off(written(tmp_path, packed[:place])), place


@pytest.mark.parametrize("parts", [1, 2])
def test_one_that_is_whole(packed: bytes, parts: int, tmp_path: Path) -> None:
    assert not breaks_off(written(tmp_path, packed * parts))
    assert not breaks_off(written(tmp_path, SKIPPED + packed))
    assert breaks_off(written(tmp_path, packed + SKIPPED[:-1]))


@pytest.mark.parametrize("content", [b"", b"\x28", b"nothing", b"\x28\xb5\x2f\xfd"])
def test_what_is_none_is_left_to_the_engine(content: bytes, tmp_path: Path) -> None:
    assert breaks_off(written(tmp_path, content)) == (len(content) == 4)


@pytest.mark.proof
@pytest.mark.parametrize("share", one_in(2, [0.2, 0.5, 0.9]))
def test_an_audit_names_it(
    share: float, packed: bytes, say: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path = written(tmp_path, packed[: int(len(packed) * share)])
    assert [fault.file for fault in ask(path).faults if "breaks off" in fault.reason] == [path]
    status, out, _ = say(path, "--strict")
    assert (status, "breaks off" in " ".join(out.split())) == (3, True)  # wherever lines end
