"""Who could have changed a file: by its mode, its owner, its folders and its links."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from portbook.errors import Untrusted
from portbook.storage.file_trust import trusted_users
from portbook.storage.path_trust import check_path
from tests.real.needs import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files have no such owners there")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of this user's two folders down."""
    path = tmp_path / "a" / "b" / "file"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    for each in (path.parent.parent, path.parent):
        each.chmod(0o755)
    path.chmod(0o644)
    return path


def refused(path: object) -> str:
    with pytest.raises(Untrusted) as caught:
        check_path(str(path), trusted_users())
    return str(caught.value)


def test_what_this_user_alone_can_change(file: Path) -> None:
    """Nothing is raised."""
    check_path(str(file), trusted_users())
    check_path(str(file.parent / "." / ".." / "b" / "file"), trusted_users())
    check_path("/", trusted_users())


def test_what_isnt_there_is_decided_by_its_folders(file: Path) -> None:
    check_path(str(file.parent / "none" / "none"), trusted_users())
    file.parent.chmod(0o777)
    assert "others may write" in refused(file.parent / "none")


@pytest.mark.parametrize("up", [0, 1, 2])
@pytest.mark.parametrize("mode", [0o666, 0o777])
def test_a_part_that_others_may_write_to(file: Path, up: int, mode: int) -> None:
    part = [file, *file.parents][up]
    part.chmod(mode | (0o111 if up else 0))
    assert str(part) in refused(file)


def test_a_group_of_others(file: Path) -> None:
    need(os.geteuid() == 0, "this test gives files to another group, which takes root")
    file.chmod(0o664)
    check_path(str(file), trusted_users())  # root's own group
    os.chown(file, -1, 12345)
    assert "others may write" in refused(file)


@pytest.mark.real
@pytest.mark.parametrize("up", [0, 1, 2])
def test_a_part_of_somebody_else(file: Path, up: int) -> None:
    need(os.geteuid() == 0, "this test gives files to somebody else, which takes root")
    part = [file, *file.parents][up]
    os.chown(part, 12345, 12345)
    assert refused(file) == f"{str(part)!a} belongs to the user with the id 12345"
    check_path(str(file), {0, 12345})


@pytest.mark.real
def test_links_count_by_who_made_them_and_where_they_lead(file: Path, tmp_path: Path) -> None:
    need(os.geteuid() == 0, "this test gives links to somebody else, which takes root")
    link = tmp_path / "link"
    link.symlink_to("a/b")
    check_path(str(link / "file"), trusted_users())
    os.chown(link, 12345, 12345, follow_symlinks=False)
    assert refused(link / "file").startswith("the link ")
    os.chown(link, 0, 0, follow_symlinks=False)
    os.chown(file.parent, 12345, 12345)
    assert "12345" in refused(link / "file")


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to("one")
    assert "circle" in refused(tmp_path / "one")


def test_a_sticky_folder_is_as_good_as_what_is_in_it(file: Path) -> None:
    need(os.geteuid() == 0, "only root's sticky folders count")
    file.parent.chmod(0o1777)
    check_path(str(file), trusted_users())
    os.chown(file, 12345, 12345)
    assert "12345" in refused(file)
