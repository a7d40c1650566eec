"""What an audit writes: never through a link that somebody put there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from portbook.cli import run
from tests.audit import samples

if TYPE_CHECKING:
    from pathlib import Path


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
