"""Updates that are killed, or that the disk fails: the old registry answers, or the new one."""

from __future__ import annotations

import errno
import functools
import os
import random
import resource
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.catalog.update import install, validate, versions
from portbook.catalog.update.disk import Disk
from portbook.catalog.update.install import Keeper
from portbook.errors import NotKept
from tests.catalog.registry.upstream import small
from tests.counts import PROOF
from tests.real.needs import need_kernel, need_program, need_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portbook.catalog.update.versions import File
    from portbook.storage.atomic_write import Folder

DATES = ("2026-10-01", "2026-11-14")


@functools.cache
def files(date: str) -> dict[str, bytes]:
    """The data files of a small registry of *date*."""
    return dict(validate.read(small(date), "file:x", date).contents)


def put(home: Path, date: str, disk: Disk | None = None) -> None:
    with Keeper(str(home), disk) as keeper:
        keeper.keep(files(date), date, {"url": "file:x"}, "2026-09-12")


def in_use(home: Path) -> str | None:
    """The date of the registry that a lookup would read, every byte of it checked."""
    folder = versions.find_in(str(home), SHIPPED)
    if folder is None:
        return None
    with folder:
        names = ("registry.tsv", "blocks.tsv")
        contents = {name: folder.read(name, 1 << 30) for name in names}
        store = Store(folder.path, opener=folder.opener)
    assert contents == files(store.as_of), "neither the old nor the new"
    assert Registry(store).block(22)
    return store.as_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "portbook" / "registry"
    put(found, DATES[0])
    return found


# -- the disk fails ---------------------------------------------------------------------------


class Failing(Disk):
    """A disk on which one of the steps fails, or kills: some of what is to be written is."""

    def __init__(self, step: int, fail: Callable[[], None], half: bool) -> None:
        self.left = step
        self.fail = fail
        self.half = half

    def _step(self) -> bool:
        self.left -= 1
        return self.left == 0

    def make_scratch(self, home: Folder) -> str:
        if self._step():
            self.fail()
        return super().make_scratch(home)

    def write(self, folder: Folder, name: str, content: bytes) -> File:
        if self._step():
            if self.half:
                super().write(folder, name, content[: len(content) // 2])
            self.fail()
        return super().write(folder, name, content)

    def publish(self, folder: Folder) -> None:
        if self._step():
            self.fail()
        super().publish(folder)

    def rename(self, folder: Folder, old: str, new: str) -> None:
        if self._step():
            if self.half:
                super().rename(folder, old, new)
            self.fail()
        super().rename(folder, old, new)

    def flush_folder(self, folder: Folder) -> None:
        if self._step():
            self.fail()
        super().flush_folder(folder)


STEPS = 11  # a folder, three files, its mode, flush, rename, flush; pointer, rename, flush


def raising(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    return fail


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_disk_that_fails_leaves_the_old_or_the_new(
    home: Path, step: int, number: int, half: bool
) -> None:
    disk = Failing(step, raising(number), half)
    with pytest.raises(NotKept) as caught:
        put(home, DATES[1], disk)
    assert disk.left == 0
    said = str(caught.value)
    assert os.strerror(number) in said
    now = in_use(home)
    assert now in DATES
    assert ("from before" in said) == (now == DATES[0])
    assert not list(home.glob(".new*"))
    put(home, DATES[1])
    assert in_use(home) == DATES[1]


def test_there_is_no_step_that_was_not_failed(home: Path) -> None:
    disk = Failing(1000, raising(errno.EIO), half=False)
    put(home, DATES[1], disk)
    assert 1000 - disk.left == STEPS


@pytest.mark.real
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_killed_at_each_step_it_leaves_the_old_or_the_new(
    home: Path, step: int, half: bool
) -> None:
    child = os.fork()
    if child == 0:
        try:
            put(home, DATES[1], Failing(step, lambda: os.kill(os.getpid(), signal.SIGKILL), half))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert in_use(home) in DATES
    put(home, DATES[1])
    assert in_use(home) == DATES[1]
    assert not list(home.glob(".new*"))


@pytest.mark.real
def test_a_full_disk(tmp_path: Path) -> None:
    need_root("this test mounts a tmpfs")
    need_program("mount", "umount")
    small_disk = tmp_path / "disk"
    small_disk.mkdir()
    home = small_disk / "portbook" / "registry"
    size = sum(map(len, files(DATES[0]).values()))
    options = f"size={int(size * 1.5) // 4096 * 4096 + 8192}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(small_disk)],
        capture_output=True,
        check=False,
    )
    need_kernel(mounted.returncode == 0, "a tmpfs can't be mounted here")
    try:
        put(home, DATES[0])
        with pytest.raises(NotKept, match="No space left on device"):
            put(home, DATES[1])
        assert in_use(home) == DATES[0]
        assert sorted(path.name for path in home.iterdir()) == [
            ".lock",
            "0001-2026-10-01",
            "current",
        ]
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)


@pytest.mark.real
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_a_file_that_may_grow_no_further(home: Path) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            try:
                put(home, DATES[1])
            except NotKept:
                status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert in_use(home) == DATES[0]


@pytest.mark.real
def test_a_folder_that_is_read_only(home: Path) -> None:
    need_root("this test mounts")
    need_program("mount", "umount")
    mount = ["mount", "--bind", "-o", "ro", str(home), str(home)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    need_kernel(mounted.returncode == 0, "nothing can be mounted here")
    try:
        with pytest.raises(NotKept, match="can't be written"):
            put(home, DATES[1])
        assert in_use(home) == DATES[0]
    finally:
        subprocess.run(["umount", str(home)], check=True)


# -- killed at any moment ---------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_killed_at_any_moment_it_leaves_the_old_or_the_new(home: Path) -> None:
    """``portbook update --from`` over and over, killed with SIGKILL somewhere in between."""
    draw = random.Random(305)
    began = time.perf_counter()
    put(home, DATES[0])
    takes = time.perf_counter() - began
    seen = set()
    for turn in range(500 if PROOF else 12):
        child = os.fork()
        if child == 0:
            try:
                while True:
                    for date in DATES:
                        put(home, date)
            finally:
                os._exit(1)
        time.sleep(draw.uniform(0, 4 * takes))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.add(in_use(home))
        if turn % 10 == 0:
            put(home, DATES[turn // 10 % 2])
    assert seen <= set(DATES)
    assert len(list(home.iterdir())) <= install.MOST + 6


class Swapping(Disk):
    """A disk on which somebody puts a link in the folder's place once it has been looked at."""

    def __init__(self, outside: Path) -> None:
        self.outside = outside

    def make_scratch(self, home: Folder) -> str:
        mine = self.outside.parent / "portbook"
        mine.rename(mine.with_name("moved"))
        mine.symlink_to(self.outside)
        return super().make_scratch(home)


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_a_link_that_takes_its_folders_place_leads_nowhere(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "registry").mkdir(parents=True)
    put(home, DATES[1], Swapping(outside))
    assert list((outside / "registry").iterdir()) == []
    assert in_use(tmp_path / "moved" / "registry") == DATES[1]


# -- several, and several versions ------------------------------------------------------------


def test_only_one_at_a_time(home: Path) -> None:
    with Keeper(str(home)), pytest.raises(NotKept, match="another update"):
        put(home, DATES[1])
    put(home, DATES[1])
    assert in_use(home) == DATES[1]


def test_the_old_ones_are_kept_and_not_without_end(home: Path) -> None:
    for turn in range(install.MOST + 3):
        put(home, DATES[turn % 2])
    found = install.versions(str(home))
    assert [version.number for version in found] == list(range(5, install.MOST + 5))
    assert [version.in_use for version in found] == [False] * (install.MOST - 1) + [True]
    assert found[-1].origin.url == "file:x"


def test_rolling_back_goes_to_the_shipped_one_in_the_end(home: Path) -> None:
    put(home, DATES[1])
    with Keeper(str(home)) as keeper:
        version = keeper.roll_back("2026-09-12")
        assert version is not None
        assert (version.as_of, version.in_use) == (DATES[0], True)
        assert in_use(home) == DATES[0]
        assert keeper.roll_back("2026-09-12") is None
        assert in_use(home) is None
        with pytest.raises(NotKept, match="nothing to go back to"):
            keeper.roll_back("2026-09-12")


def test_rolling_back_passes_over_a_damaged_version(home: Path) -> None:
    put(home, DATES[1])
    put(home, DATES[1])
    path = next(home.glob("0002*")) / "registry.tsv"
    path.write_bytes(path.read_bytes()[:-9])
    with Keeper(str(home)) as keeper:
        keeper.roll_back("2026-09-12")
    assert in_use(home) == DATES[0]


@pytest.mark.parametrize("step", range(1, 4))
def test_a_disk_that_fails_while_rolling_back(home: Path, step: int) -> None:
    put(home, DATES[1])
    disk = Failing(step, raising(errno.EIO), half=False)
    with pytest.raises(NotKept), Keeper(str(home), disk) as keeper:
        keeper.roll_back("2026-09-12")
    assert in_use(home) in DATES


def test_what_a_killed_update_left_is_swept(home: Path) -> None:
    (home / ".new-abc").mkdir()
    (home / ".new-abc" / "registry.tsv").write_text("x")
    (home / ".new-current").write_text("x")
    put(home, DATES[1])
    assert not list(home.glob(".new*"))


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    old = os.umask(0o002)
    yield
    os.umask(old)


def test_only_the_user_may_write_and_all_may_read(home: Path) -> None:
    for path in [home, home.parent, *home.rglob("*")]:
        if path.name != ".lock":
            assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path
