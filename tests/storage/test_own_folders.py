"""Folders that the environment names, and that may be somebody else's."""

from __future__ import annotations

import os
import pwd
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from portbook.storage.file_trust import own_home, scratch_folder
from tests.real.needs import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files have no such owners there")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the environment names as everything."""
    for name in ("HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_ones_own_are_taken(folder: Path) -> None:
    assert (own_home(), scratch_folder()) == (str(folder), str(folder))


@pytest.mark.real
def test_another_users_are_not(folder: Path) -> None:
    need(os.geteuid() == 0, "this test gives a folder to somebody else, which takes root")
    os.chown(folder, 12345, 12345)
    assert own_home() == pwd.getpwuid(0).pw_dir
    assert scratch_folder() == "/tmp"
    with tempfile.NamedTemporaryFile() as made:
        assert made.name.startswith("/tmp/")
        assert not made.name.startswith(str(folder))


@pytest.mark.real
def test_duckdb_spills_and_looks_for_extensions_in_ones_own(folder: Path) -> None:
    need(os.geteuid() == 0, "this test gives a folder to somebody else, which takes root")
    from portbook.app.audit.engines.duckdb_engine import Duck

    os.chown(folder, 12345, 12345)
    engine = Duck()
    try:
        assert engine.folder.startswith("/tmp/portbook-audit-")
        assert os.listdir(folder) == []
        rows = engine._line.ask("SELECT current_setting('home_directory')")
        assert rows == [(pwd.getpwuid(0).pw_dir,)]
    finally:
        engine.close()
