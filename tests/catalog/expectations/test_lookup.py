"""Where notes are looked for, whose count, and which beat which."""

from __future__ import annotations

import hashlib
import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from portbook.catalog.expectations.lookup import (
    NONE,
    VARIABLE,
    Notes,
    NotesFile,
    check_named,
    home_folder,
    own_files,
    places,
    read_notes,
    trusted_users,
    why_not,
)
from portbook.catalog.expectations.trust import trust
from portbook.errors import BadNotes
from portbook.model import Note, Transport

if TYPE_CHECKING:
    from pathlib import Path

    from tests.surroundings import User


TCP, UDP = Transport.TCP, Transport.UDP
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner there")


class Home:
    """A home with a project in it, in which the test stands."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.own = folder / ".config" / "portbook" / "ports.toml"
        self.project = folder / "shop" / "portbook.toml"
        self.below = folder / "shop" / "src" / "api"
        self.folder = folder
        self.below.mkdir(parents=True)
        self.own.parent.mkdir(parents=True)
        monkeypatch.delenv(VARIABLE)
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        monkeypatch.delenv("SUDO_UID", raising=False)
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.chdir(self.below)

    def trust(self, path: Path) -> None:
        trust(os.environ, str(path), hashlib.sha256(path.read_bytes()).hexdigest())

    def write(self, path: Path, port: int | str = 8305, label: str = "shop") -> Path:
        shown = port if isinstance(port, int) else f'"{port}"'
        path.write_text(f'[[port]]\nport = {shown}\nlabel = "{label}"\n')
        path.chmod(0o644)
        return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


def label_of(port: int, transport: Transport = TCP) -> str | None:
    note = read_notes().lookup(port, transport)
    return None if note is None else note.label


def test_without_a_file_there_is_nothing_and_no_toml_is_loaded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "portbook.catalog.expectations.parse", None)
    assert read_notes() is NONE
    assert NONE.lookup(8305, TCP) is None
    home.write(home.own)
    with pytest.raises(ImportError):
        read_notes()


def test_the_users_file_is_read_from_anywhere(home: Home) -> None:
    home.write(home.own)
    assert label_of(8305) == "shop"
    assert label_of(8306) is None
    assert label_of(8305, UDP) == "shop"


def test_the_projects_file_is_the_nearest_above(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write(home.project, label="far")
    assert label_of(8305) == "far"
    home.write(home.below.parent / "portbook.toml", label="near")
    assert label_of(8305) == "near"
    monkeypatch.chdir(home.folder)
    assert label_of(8305) is None


def test_home_is_the_last_folder_that_is_looked_into(home: Home) -> None:
    home.write(home.folder.parent / "portbook.toml", label="above home")
    try:
        assert label_of(8305) is None
        home.write(home.folder / "portbook.toml", label="at home")
        assert label_of(8305) == "at home"
    finally:
        (home.folder.parent / "portbook.toml").unlink()


@posix
def test_a_home_behind_a_link_is_where_the_search_ends(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    link = tmp_path_factory.mktemp("links") / "home"
    link.symlink_to(home.folder)
    monkeypatch.setenv("HOME", str(link))
    above = home.write(home.folder.parent / "portbook.toml", label="above home")
    try:
        assert label_of(8305) is None
    finally:
        above.unlink()


def test_outside_of_home_the_search_goes_to_the_root(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write(home.project)
    monkeypatch.setenv("HOME", "/nonexistent")
    assert label_of(8305) == "shop"


def test_a_folder_that_has_been_removed_has_no_project(home: Home) -> None:
    home.write(home.own)
    home.below.rmdir()
    assert label_of(8305) == "shop"


def test_a_trusted_projects_notes_beat_the_users(home: Home) -> None:
    home.write(home.own, label="mine")
    home.trust(home.write(home.project, "8300-8309", label="theirs"))
    assert label_of(8305) == "theirs"
    assert [note.label for note in read_notes().within((0, 65535), None)] == ["theirs"]
    home.write(home.own, "8305-8310", label="mine")
    assert label_of(8310) == "mine"
    within = [note.label for note in read_notes().within((8305, 8305), TCP)]
    assert within == ["theirs", "mine"]


def test_a_projects_notes_label_beside_the_users_until_they_are_trusted(home: Home) -> None:
    home.write(home.own, "8300-8309", label="mine")
    home.write(home.project, label="theirs")
    found = read_notes()
    # One note stands for a port where there is room for one: it is the one that counts.
    assert [found.lookup(8305, TCP), found.lookup(8306, TCP)] == [found.notes[0]] * 2
    labels = [(note.label, note.whose, note.trusted) for note in found.within((8305, 8305), TCP)]
    assert sorted(labels) == [("mine", "user", True), ("theirs", "project", False)]
    home.write(home.own, 90)
    assert label_of(8305) == "theirs"
    assert not read_notes().missing


def test_a_file_that_was_named_counts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(home.write(home.project)))
    (note,) = read_notes().notes
    assert (note.whose, note.trusted) == ("named", True)


def test_within_is_what_holds_for_the_ports_and_the_transport() -> None:
    notes = Notes(
        (Note(10, 12, TCP, "f"), Note(5, 5, None, "f"), Note(7, 20, UDP, "f")), (), frozenset()
    )
    assert [note.first for note in notes.within((0, 100), None)] == [5, 7, 10]
    assert [note.first for note in notes.within((11, 30), None)] == [7, 10]
    assert [note.first for note in notes.within((0, 100), TCP)] == [5, 10]
    assert notes.within((21, 30), None) == ()
    assert notes.lookup(11, UDP) == Note(7, 20, UDP, "f")


def test_the_xdg_folder_counts_where_it_is_absolute(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home.write(home.own, label="default")
    other = tmp_path / "xdg" / "portbook" / "ports.toml"
    other.parent.mkdir(parents=True)
    home.write(other, label="xdg")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert label_of(8305) == "xdg"
    monkeypatch.setenv("XDG_CONFIG_HOME", "xdg")
    assert label_of(8305) == "default"


def test_where_other_systems_have_it() -> None:
    assert list(own_files({}, "/Users/u", "darwin")) == [
        "/Users/u/.config/portbook/ports.toml",
        "/Users/u/Library/Application Support/portbook/ports.toml",
    ]
    (windows,) = own_files({"APPDATA": "C:/Users/u/AppData/Roaming"}, "C:/Users/u", "win32")
    assert windows == os.path.join("C:/Users/u/AppData/Roaming", "portbook", "ports.toml")
    (windows,) = own_files({}, "C:/Users/u", "win32")
    assert windows == os.path.join("C:/Users/u", "AppData", "Roaming", "portbook", "ports.toml")


# -- PORTBOOK_NOTES ---------------------------------------------------------------------------


def test_the_variable_names_the_only_file_or_none(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home.write(home.own)
    home.write(home.project)
    monkeypatch.setenv(VARIABLE, "")
    assert read_notes() is NONE
    check_named()
    monkeypatch.setenv(VARIABLE, str(home.write(tmp_path / "other.toml", 9000)))
    assert (label_of(9000), label_of(8305)) == ("shop", None)
    check_named()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "no regular file"),
        (lambda path: path.write_text("x"), "isn't TOML"),
        (lambda path: path.write_text("[[port]]\nport = 70000\n"), "[[port]] 1, port"),
        (lambda path: path.write_bytes(b"#" * (1 << 20) + b"#"), "larger than"),
    ],
)
def test_a_named_file_that_cant_be_used_is_an_error(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make: Any, said: str
) -> None:
    path = tmp_path / "named.toml"
    make(path)
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(BadNotes) as raised:
        check_named()
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert VARIABLE in str(raised.value)


def test_a_found_file_that_cant_be_used_is_told_and_left_out(home: Home) -> None:
    home.write(home.own)
    home.project.write_text("[[port]]\nport = 70000\n")
    (problem,) = read_notes().problems
    said = "[[port]] 1, port: '70000' is not a port: give 0 to 65535"
    assert problem == f"the notes in '{home.project}': {said}"
    assert label_of(8305) == "shop"
    check_named()


def test_a_file_that_changes_is_read_again(home: Home) -> None:
    for label in ("one", "two"):
        home.write(home.own, label=label)
        assert label_of(8305) == label
    home.own.unlink()
    assert label_of(8305) is None


def test_what_was_read_is_not_kept_for_ever(home: Home) -> None:
    earlier: dict[tuple[object, ...], NotesFile] = {}
    for size in range(40):
        home.write(home.own, label="x" * (size + 1))
        read_notes(earlier)
    assert 0 < len(earlier) < 20


@posix
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(home: Home) -> None:
    os.mkfifo(home.project)
    (problem,) = read_notes().problems
    assert "no regular file" in problem


@posix
def test_a_link_into_the_void_is_told(home: Home) -> None:
    home.project.symlink_to("nowhere")
    (problem,) = read_notes().problems
    assert "can't be read (No such file" in problem


# -- whose ------------------------------------------------------------------------------------


def file(uid: int = 1000, mode: int = 0o100644, gid: int = 1000, size: int = 10) -> Any:
    return SimpleNamespace(st_uid=uid, st_gid=gid, st_mode=mode, st_size=size)


@posix
@pytest.mark.parametrize(
    ("given_file", "found", "named"),
    [
        (file(), None, None),
        (file(uid=0), None, None),
        (file(uid=1001), "belongs to another user", None),
        (file(mode=0o100646), "anybody may write", "anybody may write"),
        (file(uid=0, mode=0o100666), "anybody may write", "anybody may write"),
        (file(mode=0o100664), None, None),  # a group of the user's own
        (file(mode=0o100664, gid=100), "others in its group 100", None),
        (file(mode=0o100664, gid=0), None, None),
        (file(mode=0o040755), "no regular file", "no regular file"),
        (file(size=2 << 20), "larger than", "larger than"),
    ],
)
def test_whose_notes_count(given_file: Any, found: str | None, named: str | None) -> None:
    trusted = frozenset({0, 1000})
    for was_found, wanted in ((True, found), (False, named)):
        said = why_not(given_file, trusted, found=was_found)
        assert said is None if wanted is None else wanted in (said or "")


def test_where_files_have_no_owners_only_their_kind_counts() -> None:
    assert why_not(file(uid=7, mode=0o100666), frozenset(), found=True) is None


@posix
def test_somebody_elses_project_is_left_out_and_said_so(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write(home.project)
    fstat = os.fstat

    def of_another(descriptor: int) -> Any:
        real = fstat(descriptor)
        return SimpleNamespace(
            st_uid=54321, st_gid=54321, st_mode=real.st_mode, st_size=real.st_size
        )

    monkeypatch.setattr(os, "fstat", of_another)
    notes = read_notes()
    assert notes.notes == ()
    (problem,) = notes.problems
    assert "it belongs to another user (uid 54321)" in problem


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives a link away")
def test_somebody_elses_link_to_a_file_of_ones_own_is_left_out(home: Home, tmp_path: Path) -> None:
    home.project.symlink_to(home.write(tmp_path / "elsewhere.toml"))
    assert label_of(8305) == "shop"
    os.lchown(home.project, 54321, 54321)
    (problem,) = read_notes().problems
    assert "it is a link of the user with the id 54321" in problem
    assert label_of(8305) is None
    # Nor is one behind a link of one's own.
    home.project.rename(home.project.with_name("theirs"))
    home.project.symlink_to("theirs")
    (problem,) = read_notes().problems
    assert "it is a link of the user with the id 54321" in problem


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives a link away")
def test_the_link_that_is_looked_at_is_the_one_that_is_followed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's link is swapped for a file once it was followed: what was opened counts not."""
    own = home.write(tmp_path / "elsewhere.toml")
    home.project.symlink_to(own)
    os.lchown(home.project, 54321, 54321)
    real = os.open

    def swap(path: str, *rest: int, **where: int) -> int:
        try:
            return real(path, *rest, **where)
        finally:
            if path == str(home.project) and home.project.is_symlink():
                home.project.unlink()
                home.write(home.project)

    monkeypatch.setattr(os, "open", swap)
    assert label_of(8305) is None


@posix
def test_links_in_a_circle_are_told(home: Home) -> None:
    home.project.symlink_to(home.project.name)
    (problem,) = read_notes().problems
    assert "they can't be read (Too many levels of symbolic links)" in problem


@posix
def test_under_sudo_the_notes_are_those_of_the_caller(
    looks_like: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pwd

    caller = next((each for each in pwd.getpwall() if each.pw_uid), None)
    assert caller is not None
    looks_like(0)
    monkeypatch.setenv("SUDO_UID", str(caller.pw_uid))
    assert trusted_users() == {0, caller.pw_uid}
    assert home_folder(os.environ) == caller.pw_dir
    looks_like(1000)  # a variable that anyone can set
    assert trusted_users() == {0, 1000}
    assert home_folder({"SUDO_UID": "0"}) == os.path.expanduser("~")


@posix
@pytest.mark.parametrize("uid", ["", "x", "-1", "٣", "999999999999"])
def test_a_strange_caller_is_nobody(
    looks_like: User, monkeypatch: pytest.MonkeyPatch, uid: str
) -> None:
    looks_like(0)
    monkeypatch.setenv("SUDO_UID", uid)
    assert 0 in trusted_users()
    assert home_folder(os.environ) == os.path.expanduser("~")


def test_places_are_in_order(home: Home) -> None:
    home.write(home.own)
    home.write(home.project)
    assert [place.path for place in places(os.environ)] == [str(home.project), str(home.own)]
