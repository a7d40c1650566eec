"""Who could have put a program where it is."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from portbook.host.linux.file_owner import put_there_by

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A process's folder of a /proc, with a root of its own, and a program in it."""
    root = tmp_path / "7" / "root"
    (root / "srv" / "bin").mkdir(parents=True)
    for folder in (root, root / "srv", root / "srv" / "bin"):
        folder.chmod(0o755)
    program = root / "srv" / "bin" / "api"
    program.touch(0o755)
    program.chmod(0o755)
    (tmp_path / "7" / "exe").symlink_to(program)
    return tmp_path


def put(place: Path, *users: int) -> bool | None:
    return put_there_by(7, "/srv/bin/api", users, str(place))


def test_what_belongs_to_the_user_and_nobody_else_may_change(place: Path) -> None:
    assert put(place, os.geteuid()) is True


@pytest.mark.parametrize("name", ["srv", "srv/bin", "srv/bin/api", ""])
@pytest.mark.parametrize("mode", [0o002, 0o020])
def test_a_file_or_folder_that_others_may_change(place: Path, name: str, mode: int) -> None:
    path = place / "7" / "root" / name
    path.chmod(0o755 | mode)
    private = mode == 0o020 and path.stat().st_gid in (0, path.stat().st_uid)
    assert put(place, os.geteuid()) is private


def test_a_sticky_folder_of_roots_is_open_to_names_only(place: Path) -> None:
    folder = place / "7" / "root" / "srv"
    folder.chmod(0o1777)
    assert put(place, os.geteuid()) is (folder.stat().st_uid == 0)
    (folder / "bin" / "api").chmod(0o1757)  # on a file the bit says nothing
    assert put(place, os.geteuid()) is False


@pytest.mark.parametrize("name", ["srv", "srv/bin", "srv/bin/api"])
def test_a_file_or_folder_of_somebody_else(place: Path, name: str) -> None:
    if os.geteuid():
        assert put(place) is False  # all of it is this user's, who isn't root
        return
    os.chown(place / "7" / "root" / name, 1234, 1234)
    assert put(place) is False
    assert put(place, 1234) is True


def test_what_cant_be_seen_isnt_known(place: Path) -> None:
    assert put_there_by(8, "/srv/bin/api", (), str(place)) is None
    assert put_there_by(7, "/srv/nowhere/api", (), str(place)) is None


def test_this_very_process() -> None:
    path = os.path.realpath(sys.executable)
    assert put_there_by(os.getpid(), path, (os.geteuid(), os.stat(path).st_uid)) in (True, False)
    assert put_there_by(2**22, path, ()) is None
