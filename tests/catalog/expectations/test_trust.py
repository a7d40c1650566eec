"""The list of files of notes that the user trusts."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.expectations.trust import (
    NAME,
    distrust,
    parse_trusted,
    read_trusted,
    render_trusted,
    trust,
)
from portbook.errors import NotKept

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = "ab" * 32, "cd" * 32
# Any name that a file can have: bytes that are no UTF-8 among them, and what ends a line or a cell.
paths = st.binary(min_size=1, max_size=40).map(lambda name: "/" + os.fsdecode(name))


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    return {"XDG_DATA_HOME": str(tmp_path / "data")}


@pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
@given(st.dictionaries(paths, st.sampled_from((ONE, OTHER)), max_size=5))
def test_the_list_comes_back_as_it_was(hashes: dict[str, str]) -> None:
    assert parse_trusted(render_trusted(hashes)) == hashes


def test_the_oldest_are_forgotten() -> None:
    kept = parse_trusted(render_trusted({f"/{number}": ONE for number in range(5)}, most=3))
    assert list(kept) == ["/2", "/3", "/4"]


def test_one_is_trusted_by_its_last_hash_and_beside_others(environ: dict[str, str]) -> None:
    assert read_trusted(environ) == ({}, None)
    trust(environ, "/a\n/portbook.toml", ONE)
    trust(environ, "/b/portbook.toml", ONE)
    trust(environ, "/a\n/portbook.toml", OTHER)
    assert read_trusted(environ).hashes == {"/b/portbook.toml": ONE, "/a\n/portbook.toml": OTHER}
    assert distrust(environ, "/b/portbook.toml") is True
    assert distrust(environ, "/b/portbook.toml") is False
    assert read_trusted(environ).hashes == {"/a\n/portbook.toml": OTHER}


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner there")
def test_nobody_else_may_write_to_it_whatever_the_umask(
    environ: dict[str, str], tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        trust(environ, "/a/portbook.toml", ONE)
    finally:
        os.umask(before)
    path = tmp_path / "data" / "portbook" / NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == [NAME]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotKept, match="can't be written"):
        trust({"XDG_DATA_HOME": str(tmp_path / "file")}, "/a/portbook.toml", ONE)


def test_what_cannot_be_read_is_not_called_untrusted(
    environ: dict[str, str], tmp_path: Path
) -> None:
    trust(environ, "/a/portbook.toml", ONE)
    path = tmp_path / "data" / "portbook" / NAME
    path.write_bytes(path.read_bytes()[:-3])
    found = read_trusted(environ)
    assert found.hashes == {}
    assert found.problem is not None
    assert "is damaged: portbook notes trust writes it anew" in found.problem
    with pytest.raises(NotKept, match="is damaged"):
        distrust(environ, "/a/portbook.toml")
