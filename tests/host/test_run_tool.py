"""Tools that print, fail, hang and leave: scripts run for real."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from portbook.host import process_control
from portbook.host.run_tool import find_tool, run_tool, tool_environment
from tests.real.needs import need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.surroundings import User

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
    printed = run_tool(["/bin/sh", "-c", script], PATH, seconds)
    return printed.status, printed.output, printed.errors


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


# -- what root takes --------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of root's with a tool in it, below another one."""
    need(os.geteuid() == 0, "this test gives files to somebody else, which takes root")
    made = tmp_path / "opt" / "bin"
    made.mkdir(parents=True)
    for each in (tmp_path, made.parent, made):
        each.chmod(0o755)
    (made / "docker").write_text("#!/bin/sh\nenv\n")
    (made / "docker").chmod(0o755)
    return made


@pytest.mark.real
def test_root_takes_a_tool_that_root_alone_can_change(folder: Path) -> None:
    assert find_tool("docker", str(folder)) == f"{folder}/docker"


@pytest.mark.real
@pytest.mark.parametrize("which", ["", "..", "docker"])
@pytest.mark.parametrize("mode", [None, 0o757, 0o1777])
def test_root_takes_no_tool_that_somebody_else_could_have_put_there(
    folder: Path, which: str, mode: int | None, looks_like: User
) -> None:
    place = folder / which
    if mode is None:
        os.chown(place, 12345, 12345)
    else:
        place.chmod(mode)
    # Above, a sticky folder of root's is as good as /tmp; one that holds the tool is not.
    sticky = which == ".." and mode == 0o1777
    assert (find_tool("docker", str(folder)) is not None) is sticky
    os.chown(folder, 12345, 12345)
    assert find_tool("docker", str(folder)) is None
    # Everybody else has the PATH as it is.
    looks_like(12345)
    assert find_tool("docker", str(folder)) == f"{folder}/docker"


@pytest.mark.real
def test_root_follows_nobodys_link_to_a_tool(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "docker").symlink_to(folder / "docker")
    assert find_tool("docker", f"{tmp_path}/links") is not None
    os.chown(tmp_path / "links" / "docker", 12345, 12345, follow_symlinks=False)
    assert find_tool("docker", f"{tmp_path}/links") is None


@pytest.mark.real
def test_roots_tools_get_nothing_of_an_environment_that_may_be_somebody_elses(
    folder: Path, tmp_path: Path, looks_like: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "home"
    foreign.mkdir()
    os.chown(foreign, 12345, 12345)
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(foreign))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{foreign}/docker.sock")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("LANGUAGE", f"{foreign}")
    monkeypatch.setenv("PATH", f"{foreign}:{folder}:/usr/bin:/bin")
    ran = process_control.Hands().run(["docker"], lambda: None, 60)
    assert ran.status == 0
    assert str(foreign) not in ran.output
    assert "LC_ALL=C" in ran.output
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    assert tool_environment(os.environ)["XDG_RUNTIME_DIR"] == str(folder)
    looks_like(12345)
    assert tool_environment(os.environ)["DOCKER_HOST"] == f"unix://{foreign}/docker.sock"


@pytest.mark.real
def test_a_manager_that_root_may_not_run_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(folder, 12345, 12345)
    monkeypatch.setenv("PATH", f"{folder}")
    with pytest.raises(FileNotFoundError, match="root alone can change"):
        process_control.Hands().run(["docker", "stop", "x"], lambda: None, 60)
