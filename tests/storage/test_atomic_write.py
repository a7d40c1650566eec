"""Files that are there whole or not at all, and land where they were meant to."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from portbook.storage import atomic_write
from portbook.storage.atomic_write import PREFIX, Folder, unguessable, whole_file, whole_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows opens no folder")


@pytest.fixture(params=["held", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Folders held open, and as they are where a system has no such thing."""
    if request.param == "named":
        monkeypatch.setattr(atomic_write, "_HOLDS", False)
    elif sys.platform == "win32":
        pytest.skip("Windows opens no folder")
    return str(request.param)


def test_a_file_is_there_whole(way: str, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("before")
    with whole_file(str(path)) as new:
        new.write(b"one ")
        new.write(b"two")
        assert path.read_text() == "before"
        (scratch,) = set(os.listdir(tmp_path)) - {"x.txt"}
        assert scratch.startswith(PREFIX)
    assert path.read_text() == "one two"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_who_takes_paths_alone_writes_the_same_file(way: str, tmp_path: Path) -> None:
    with whole_file(str(tmp_path / "x.txt")) as new:
        Path(new.path).write_text("by its path")
    assert (tmp_path / "x.txt").read_text() == "by its path"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit, ValueError])
def test_what_fails_leaves_all_as_it_was(
    error: type[BaseException], way: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("before")

    def half_a_file() -> None:
        with whole_file(str(path)) as new:
            new.write(b"half")
            raise error

    def half_a_folder() -> None:
        with whole_folder(str(tmp_path / "folder")) as made:
            os.mkdir(made)
            Path(made, "part").write_text("half")
            raise error

    for fail in (half_a_file, half_a_folder):
        with pytest.raises(error):
            fail()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_a_folder_comes_in_one_step(way: str, tmp_path: Path) -> None:
    with whole_folder(str(tmp_path / "x")) as made:
        os.mkdir(made)
        Path(made, "part").write_text("whole")
        assert not (tmp_path / "x").exists()
    assert (tmp_path / "x" / "part").read_text() == "whole"


def test_a_file_may_be_read_as_any_new_one(way: str, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with whole_file(str(tmp_path / "x")):
        pass
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "x")]
    assert modes[0] == modes[1]


def test_a_link_is_replaced_and_not_followed(way: str, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "x").symlink_to("precious")
    with whole_file(str(tmp_path / "x")) as new:
        new.write(b"mine")
    with Folder.open(str(tmp_path)) as folder:
        (tmp_path / "y").symlink_to("precious")
        folder.write("y", b"mine")
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "x").read_text() == (tmp_path / "y").read_text() == "mine"
    assert not (tmp_path / "x").is_symlink()


def test_nothing_that_is_there_is_opened(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where somebody guesses the name."""
    monkeypatch.setattr(atomic_write, "unguessable", lambda prefix=PREFIX: f"{prefix}guessed")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / f"{PREFIX}guessed").symlink_to("precious")
    with pytest.raises(FileExistsError), whole_file(str(tmp_path / "x")):
        pass
    with Folder.open(str(tmp_path)) as folder, pytest.raises(FileExistsError):
        folder.write("x", b"mine")
    assert (tmp_path / "precious").read_text() == "precious"


def test_names_can_not_be_guessed() -> None:
    names = {unguessable() for _ in range(1000)}
    assert len(names) == 1000
    assert {len(name) for name in names} == {len(PREFIX) + 32}


@posix
def test_a_folder_that_is_put_in_its_place_gets_nothing(tmp_path: Path) -> None:
    """Between the beginning and the end, the folder's name leads somewhere else."""
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    with whole_file(str(home / "x")) as new:
        home.rename(tmp_path / "moved")
        home.symlink_to(other)
        new.write(b"one ")
        with open(new.path, "ab") as file:
            file.write(b"two")
    assert os.listdir(other) == []
    assert (tmp_path / "moved" / "x").read_bytes() == b"one two"
    with Folder.open(str(tmp_path / "moved")) as folder, folder.below("deep") as deep:
        (tmp_path / "moved" / "deep").rename(tmp_path / "moved" / "deeper")
        (tmp_path / "moved" / "deep").symlink_to(other)
        deep.write("y", b"mine")
        with pytest.raises(OSError, match="deep"):
            folder.below("deep")
    assert os.listdir(other) == []
    assert (tmp_path / "moved" / "deeper" / "y").read_bytes() == b"mine"


def test_a_folder_below_is_made_or_found_but_never_through_a_link(way: str, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").touch()
    with Folder.open(str(tmp_path)) as folder:
        with folder.below("new") as new:
            new.write("x", b"1")
        with folder.below("new", make=False) as again:
            assert again.names() == ["x"]
            again.remove("x")
        for name in ("link", "file"):
            with pytest.raises(NotADirectoryError):
                folder.below(name)
        with pytest.raises(FileNotFoundError):
            folder.below("missing", make=False)
        assert sorted(folder.names()) == ["file", "link", "new", "real"]
        assert stat.S_ISLNK(folder.status("link").st_mode)
    assert os.listdir(tmp_path / "new") == []


@posix
def test_a_pipe_or_a_link_in_the_way_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with Folder.open(str(tmp_path)) as folder:
        descriptor = folder.open_file("pipe")
        assert stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        with pytest.raises(OSError, match="link"):
            folder.open_file("link")
        folder.write("pipe", b"mine")
    assert (tmp_path / "pipe").read_bytes() == b"mine"


def test_no_descriptor_is_left_open(way: str, tmp_path: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc to count them")
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        with whole_file(str(tmp_path / "x")) as new:
            new.write(b"x")
        with pytest.raises(OSError, match="no"), whole_file(str(tmp_path / "no" / "x")):
            pass
        with Folder.open(str(tmp_path)) as folder, folder.below("y") as below:
            below.write("z", b"z")
    assert len(os.listdir("/proc/self/fd")) == len(before)
