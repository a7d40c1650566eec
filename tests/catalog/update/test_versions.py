"""Which of the kept registries is read, and which is not to be trusted."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog import Catalog
from portbook.catalog.registry import lookup as book
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.catalog.update import validate, versions
from portbook.catalog.update.install import Keeper
from portbook.catalog.update.versions import File, Pointer, parse_pointer, render_pointer
from portbook.errors import PortbookError, Untrusted
from portbook.model import Transport
from tests.catalog.registry.upstream import small
from tests.counts import PROOF
from tests.real.needs import need

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = "2026-10-01", "2026-11-14"


@functools.cache
def _contents(content: bytes, updated: str) -> dict[str, bytes]:
    return validate.read(content, "file:x", updated).contents


def put(home: Path, updated: str = NEW, content: bytes | None = None) -> str:
    """Puts a small registry in use in *home*; the folder of its version."""
    with Keeper(str(home)) as keeper:
        contents = _contents(content or small(updated), updated)
        return keeper.keep(contents, updated, {}, book.shipped().store.as_of).path


def reading_small(data: Path) -> dict[str, str]:
    """The environment of a process that reads a small registry, which is put below *data*."""
    put(data / "portbook" / "registry")
    environ = {**os.environ, "XDG_DATA_HOME": str(data)}
    environ.pop("PORTBOOK_REGISTRY", None)
    return environ


@pytest.fixture
def home(own_registries: Path) -> Path:
    """The folder of this user's kept registries, with one in it that is in use."""
    put(own_registries)
    return own_registries


def opened() -> Catalog:
    """A catalog as a fresh process opens it, which answers."""
    catalog = Catalog()
    assert [row.service_name for row in catalog.registry.lookup(22, Transport.TCP)] == ["ssh"]
    return catalog


def as_of() -> str:
    """The date of the registry that a fresh process would read, and says nothing of."""
    catalog = opened()
    assert catalog.notes == []
    return catalog.registry.store.as_of


def is_not_used(why: str) -> None:
    catalog = opened()
    assert catalog.registry.store.as_of == book.shipped().store.as_of
    (note,) = catalog.notes
    assert why in note
    assert note.isprintable()


def test_the_kept_one_answers(home: Path) -> None:
    catalog = opened()
    assert catalog.notes == []
    (source,) = catalog.registry.sources()
    assert (source.id, source.as_of) == ("iana", NEW)


def test_the_users_own_goes_before_the_systems(home: Path) -> None:
    put(home.parent.parent / "system" / "registry", OLD)
    assert as_of() == NEW
    (home / "current").unlink()
    assert as_of() == OLD


def test_it_can_be_left_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTBOOK_REGISTRY", "shipped")
    assert as_of() == book.shipped().store.as_of


def test_a_newer_shipped_one_goes_first(home: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(SHIPPED, newer)
    path = newer / "registry.tsv"
    path.write_bytes(path.read_bytes().replace(b"#as_of\t2026-09-12", b"#as_of\t2027-03-01", 1))
    assert versions.find(os.environ, str(newer)) == (None, ())
    # An older one that was chosen after that stays.
    pointer = versions.read_pointer(str(home))
    assert pointer is not None
    (home / "current").write_bytes(render_pointer(pointer._replace(shipped="2027-03-01")))
    assert versions.find(os.environ, str(newer))[0] is not None


# -- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["registry.tsv", "blocks.tsv"])
@pytest.mark.parametrize("how", ["cut", "flipped", "emptied", "gone", "grown"])
def test_a_damaged_file_is_not_used(home: Path, name: str, how: str) -> None:
    path = next(home.glob("0*")) / name
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        made = {
            "cut": content[:-100],
            "flipped": content[:500] + b"\xff" + content[501:],
            "emptied": b"",
            "grown": content + b"x",
        }
        path.write_bytes(made[how])
    is_not_used(name)


def test_a_copy_out_of_a_backup_is_as_good(home: Path) -> None:
    path = next(home.glob("0*")) / "registry.tsv"
    os.utime(path, (1, 1))
    assert as_of() == NEW


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"\xff" * 99, b"#portbook\tkept/1\n", b"#portbook\tkept/2\n#end\n", b"a\n" * 9999],
)
def test_a_damaged_pointer_is_not_used(home: Path, content: bytes) -> None:
    (home / "current").write_bytes(content)
    is_not_used("current in it is damaged")


def test_a_pointer_leads_nowhere_else(home: Path) -> None:
    for name in ("../../etc", "2026-11-14/../..", "/", ""):
        text = render_pointer(Pointer(1, name, "", ()))
        with pytest.raises(Untrusted):
            parse_pointer(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_pointer_or_none(content: bytes) -> None:
    """Nothing is raised but Untrusted."""
    try:
        parse_pointer(content)
    except Untrusted:
        pass


def test_a_pointer_comes_back_as_it_was() -> None:
    files = tuple(File(name, 5, 7, "ab" * 32) for name in ("registry.tsv", "blocks.tsv"))
    pointer = Pointer(12, NEW, OLD, files)
    assert parse_pointer(render_pointer(pointer)) == pointer
    assert pointer.version == f"0012-{NEW}"


# -- trust ------------------------------------------------------------------------------------

posix = pytest.mark.skipif(os.name == "nt", reason="the folder has the access rules of its profile")


@posix
def test_a_symbolic_link_is_not_followed(home: Path) -> None:
    home.rename(home.with_name("elsewhere"))
    home.symlink_to(home.with_name("elsewhere"))
    is_not_used("symbolic link")
    with pytest.raises(PortbookError, match="symbolic link"):
        put(home, OLD)


@posix
def test_nor_is_a_link_in_place_of_the_pointer(home: Path) -> None:
    (home / "current").rename(home / "real")
    (home / "current").symlink_to(home / "real")
    is_not_used("can't be read")


@posix
def test_a_link_above_is_the_users_business(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(link))
    assert as_of() == NEW


@posix
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o1777])
def test_a_folder_that_others_may_write_is_not_used(home: Path, mode: int) -> None:
    home.chmod(mode)
    is_not_used("others may write")
    with pytest.raises(PortbookError, match="others may write"):
        put(home, OLD)
    home.chmod(0o755)
    home.parent.chmod(0o777)
    is_not_used("others may write")


@posix
@pytest.mark.real
@pytest.mark.parametrize("which", ["registry", "portbook"])
def test_a_folder_of_somebody_else_is_not_used(home: Path, which: str) -> None:
    need(os.geteuid() == 0, "this test gives a folder to somebody else, which takes root")
    os.chown(home if which == "registry" else home.parent, 12345, -1)
    is_not_used("belongs to the user with the id 12345")
    with pytest.raises(PortbookError, match="12345"):
        put(home, OLD)


def test_a_file_in_place_of_the_folder(tmp_path: Path, home: Path) -> None:
    shutil.rmtree(home)
    home.write_text("x")
    is_not_used("not a folder")
    with pytest.raises(PortbookError, match="not a folder"):
        put(home, OLD)


def test_finding_none_costs_two_looks(tmp_path: Path, home: Path) -> None:
    called: list[str] = []

    def note(_frame: object, event: str, call: Any) -> None:
        if event == "c_call" and call.__module__ == os.stat.__module__:
            called.append(call.__name__)

    environ = {"XDG_DATA_HOME": str(tmp_path / "none")}
    sys.setprofile(note)
    try:
        found = versions.find(environ, SHIPPED)
    finally:
        sys.setprofile(None)
    assert found == (None, ())
    assert [name for name in called if name != "fspath"] == ["lstat", "lstat"]


@posix
@pytest.mark.real
@pytest.mark.parametrize("where", [("registry.tsv",), ("blocks.tsv",), ()])
def test_a_version_that_somebody_else_could_have_changed_is_not_used(
    home: Path, where: tuple[str, ...]
) -> None:
    need(os.geteuid() == 0, "this test gives a file to somebody else, which takes root")
    path = next(home.glob("0*")).joinpath(*where)
    os.chown(path, 12345, -1)
    is_not_used("belongs to the user with the id 12345")
    os.chown(path, 0, -1)
    path.chmod(0o777 if path.is_dir() else 0o666)
    is_not_used("others may write")


@posix
@pytest.mark.parametrize("name", ["registry.tsv", "blocks.tsv", ""])
def test_no_link_inside_of_it_is_followed(home: Path, name: str) -> None:
    path = next(home.glob("0*")) / name
    path.rename(home / "elsewhere")
    path.symlink_to(home / "elsewhere")
    is_not_used("")


@posix
@pytest.mark.real
def test_a_race_for_the_folder_wins_nothing(home: Path, tmp_path: Path) -> None:
    """Root, in a folder that somebody else may rename in, who swaps their own registry in.

    What is looked at is what is read, whatever the name leads to a moment later.
    """
    need(os.geteuid() == 0, "this test gives a folder to somebody else, which takes root")
    put(home, OLD)
    put(home, NEW)
    theirs = tmp_path / "theirs"
    shutil.copytree(home.parent, theirs)
    path = next(theirs.glob("registry/0003*")) / "registry.tsv"
    path.write_bytes(path.read_bytes().replace(b"\tssh\t", b"\tEVIL\t"))
    pointer = parse_pointer((theirs / "registry" / "current").read_bytes())
    files = [_file_of(path.parent / file.name) for file in pointer.files]
    (theirs / "registry" / "current").write_bytes(
        render_pointer(pointer._replace(files=tuple(files)))
    )
    for each in [theirs, *theirs.rglob("*")]:
        os.chown(each, 12345, 12345)
    over = threading.Event()

    def swap() -> None:
        mine = home.parent
        while not over.is_set():
            mine.rename(tmp_path / "mine")
            theirs.rename(mine)
            mine.rename(theirs)
            (tmp_path / "mine").rename(mine)
            time.sleep(0.0002)  # else a reader on a busy core may never find its own folder there

    swapper = threading.Thread(target=swap)
    swapper.start()
    names: set[str] = set()

    def read() -> None:
        version, _notes = versions.find({"XDG_DATA_HOME": str(tmp_path)}, SHIPPED)
        if version is not None:
            with version:
                store = Store(version.path, opener=version.opener)
                names.update(row.service_name or "" for row in store.covering(22))

    try:
        for _ in range(2000 if PROOF else 60):
            read()
    finally:
        over.set()
        swapper.join()
    read()  # the folder is back at its place: what is read is there, however the race went
    assert "EVIL" not in names
    assert "ssh" in names


def _file_of(path: Path) -> File:
    content, status = path.read_bytes(), path.stat()
    digest = hashlib.sha256(content).hexdigest()
    return File(path.name, len(content), status.st_mtime_ns, digest)
