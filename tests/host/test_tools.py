"""Tools that print, fail, hang and leave: scripts run for real."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from portbook.host.tools import find_tool, run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="for Linux alone")
PATH = "/usr/bin:/bin"


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before, children = os.listdir("/proc/self/fd"), set(psutil.Process().children())
    yield
    assert len(os.listdir("/proc/self/fd")) == len(before)
    # Not even one that has ended and that nobody has waited for; other tests may have their own.
    assert set(psutil.Process().children()) <= children


def sh(script: str, seconds: float = 20.0) -> tuple[int | None, bytes, bytes]:
    return tuple(run_tool(["/bin/sh", "-c", script], PATH, seconds))  # type: ignore[return-value]


def test_both_outputs_and_the_status() -> None:
    assert sh("echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")
    assert sh("true") == (0, b"", b"")
    assert sh("kill -9 $$") == (-9, b"", b"")


def test_more_than_a_pipe_holds() -> None:
    many = "head -c 300000 /dev/zero"
    status, output, errors = sh(f"{many}; {many} >&2; {many}")
    assert (status, len(output), len(errors)) == (0, 600_000, 300_000)


def test_its_input_is_empty_and_its_surroundings_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("SECRET", "x")
    status, output, _ = sh("cat; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort")
    assert (status, output) == (0, f"LC_ALL=C\nPATH={PATH}\n".encode())


@pytest.mark.parametrize(
    "script",
    [
        "exec sleep 60",
        "echo x; exec sleep 60",
        "exec >&- 2>&-; exec sleep 60",
        "while :; do echo y; done",
        "exec cat /dev/zero",
    ],
)
def test_one_that_hangs_is_ended(script: str) -> None:
    assert sh(script, 0.2)[0] is None


def test_one_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_tool([str(tmp_path / "none")], PATH, 1)
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    with pytest.raises(PermissionError):
        run_tool([str(plain)], PATH, 1)


def test_the_first_folder_that_has_it(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "tool").write_text("#!/bin/sh\n")
    (two / "tool").chmod(0o755)
    (two / "folder").mkdir()
    folders = f"{tmp_path}/absent:{one}:{two}"
    assert find_tool("tool", folders) == f"{two}/tool"
    assert find_tool("folder", folders) is None
    assert find_tool("tool", f"{one}:") is None


def test_a_relative_folder_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert find_tool("tool", ".:") is None
