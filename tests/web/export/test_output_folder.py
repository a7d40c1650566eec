"""Exports into folders that somebody else has prepared: nothing outside, nothing foreign."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import NotExported
from portbook.present.views.glossary import TERMS
from portbook.web.export import site as module
from portbook.web.export.notes import NOTES, Record, parse_notes
from portbook.web.export.output_folder import BELOW, OutputFolder, open_output
from portbook.web.export.site import Plan, export
from tests.command_line import run
from tests.counts import PROOF
from tests.real.needs import need, need_program
from tests.values import CATALOG
from tests.web.export.few_pages import export_few

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and owners of POSIX")
OTHER = 12345  # a user that isn't this one


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page or two for each folder only: what they hold is seen elsewhere."""
    export_few(monkeypatch, ("index", "ranges/system", f"glossary/{TERMS[0].name}"))
    monkeypatch.setattr(module, "digest_of_inputs", lambda _base_url, _scope, _catalog: "digest")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


def command(site: Path, *more: str) -> int:
    argv = ["export", str(site), "--only", "22", "--jobs", "1", "--quiet", *more]
    return run(argv)


def refused(site: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """The one line on standard error of an export that wrote nothing there is to replace."""
    assert command(site, *more) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("portbook: ")
    assert err.count("\n") == 1
    return err


# -- what is foreign --------------------------------------------------------------------------


def test_a_file_is_no_folder(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text("MINE")
    assert "is no folder: name one to write into" in refused(site, capsys)
    assert site.read_text() == "MINE"


def test_a_folder_with_other_files_is_left_alone(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.mkdir()
    for name in ("index.html", "robots.txt", "22.txt"):
        (site / name).write_text("MINE")
    said = refused(site, capsys, "--base-url", "https://ports.example/")
    assert "isn't empty, and no export wrote it" in said
    assert "--force" in said
    assert {path.read_text() for path in site.iterdir()} == {"MINE"}
    assert len(list(site.iterdir())) == 3


def test_with_force_it_names_what_it_replaces_and_leaves_the_rest(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.mkdir()
    for name in ("index.html", "22.txt", "CNAME"):
        (site / name).write_text("MINE")
    assert command(site, "--force") == 0
    assert capsys.readouterr().err == (
        "portbook: replacing 2 files that no export wrote: '22.txt', 'index.html'\n"
    )
    assert (site / "22.txt").read_text(encoding="utf-8").startswith("Port 22 ")
    assert (site / "CNAME").read_text() == "MINE"
    # From then on they are the export's own.
    assert command(site) == 0
    assert capsys.readouterr().err == ""


def test_in_its_own_folder_a_file_that_it_never_wrote_is_left_alone(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(site) == 0
    (site / "robots.txt").write_text("MINE")
    (site / "23.json").write_text("MINE")
    (site / "22.json").write_text("its own, changed")
    (site / "notes.md").write_text("MINE")
    said = refused(site, capsys, "--base-url", "https://ports.example/", "--only", "22-23")
    assert "has 2 files that no export wrote ('23.json', 'robots.txt')" in said
    assert (site / "robots.txt").read_text() == (site / "23.json").read_text() == "MINE"
    assert command(site) == 0  # neither is needed for that
    assert (site / "22.json").read_text().startswith("{")
    assert (site / "notes.md").read_text() == "MINE"


def test_rows_that_other_exports_wrote_stay_its_own(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = 256 if PROOF else 32
    monkeypatch.setattr(module, "ROW", row)
    for only in (f"{row - 2}-{row + 8}", "22", f"0-{2 * row - 1}"):
        assert command(site, "--only", only) == 0
    assert (site / f"{2 * row - 1}.txt").exists()


@pytest.mark.real
def test_notes_that_somebody_else_made_claim_nothing(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need(os.geteuid() == 0, "this test gives a file to somebody else, which takes root")
    assert command(site) == 0
    os.chown(site / NOTES, OTHER, OTHER)
    (site / "index.html").write_text("MINE")
    refused(site, capsys)
    assert (site / "index.html").read_text() == "MINE"


@pytest.mark.parametrize("text", ["", "portbook-export/1 x\n", "x", "portbook-export/2 \n", "\n"])
def test_notes_of_another_kind_claim_nothing(
    site: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    site.mkdir()
    (site / NOTES).write_text(text)
    refused(site, capsys)


@given(st.text(st.sampled_from("p0123456789-. \nrunabc/é\0"), max_size=80))
def test_any_text_is_notes_or_none(text: str) -> None:
    record = parse_notes(f"portbook-export/2 digest\n{text}")
    assert isinstance(record, Record)
    assert all(0 <= first <= last <= 65535 for first, last in record.ports)
    assert parse_notes(text) is None


# -- links ------------------------------------------------------------------------------------


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("name", BELOW)
def test_no_linked_subfolder_is_followed(
    site: Path, capsys: pytest.CaptureFixture[str], name: str, force: list[str]
) -> None:
    outside = site.parent / "outside"
    outside.mkdir()
    assert command(site) == 0
    for path in sorted((site / name).iterdir()):
        path.unlink()
    (site / name).rmdir()
    (site / name).symlink_to("../outside")
    said = refused(site, capsys, *force)
    assert f"{name}' is a link or a file where a folder belongs: remove it" in said
    assert list(outside.iterdir()) == []


def test_a_link_alone_makes_a_folder_somebody_elses(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.mkdir()
    (site / "services").symlink_to("..")
    assert "no export wrote it" in refused(site, capsys)
    (site / "services").unlink()
    (site / "services").mkdir()
    assert command(site) == 0


@pytest.mark.parametrize("name", [NOTES, "index.html", "22.txt", "services/ssh.html"])
def test_no_linked_file_is_written_through(
    site: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert command(site) == 0
    precious = site.parent / "precious"
    precious.write_text("precious")
    (site / name).unlink()
    (site / name).symlink_to(precious)
    refused(site, capsys)
    assert command(site, "--force") == 0
    assert precious.read_text() == "precious"
    assert (site / name).is_file()
    assert not (site / name).is_symlink()


def test_a_second_name_of_a_file_elsewhere_is_not_written_through(site: Path) -> None:
    assert command(site) == 0
    precious = site.parent / "precious"
    precious.write_text("precious")
    for name in (NOTES, "22.txt"):
        (site / name).unlink()
        os.link(precious, site / name)
    (site / NOTES).unlink()
    assert command(site, "--force") == 0
    assert precious.read_text() == "precious"


def test_names_while_writing_cannot_be_planted(site: Path) -> None:
    """Every file is made new under a random name: a link that lies there would be refused."""
    made: list[tuple[str, int]] = []
    looking = True

    def note(event: str, given: tuple[Any, ...]) -> None:
        if looking and event == "open" and str(given[0]).startswith(".portbook"):
            path, _, flags = given
            if flags & os.O_CREAT:
                made.append((path, flags))

    sys.addaudithook(note)
    status = command(site)
    looking = False
    assert status == 0
    assert len({name for name, _ in made}) == len(made) >= 9
    assert all(flags & os.O_EXCL and flags & os.O_NOFOLLOW for _, flags in made)
    assert all(len(name.rpartition("-")[2]) == 32 for name, _ in made)
    assert not list(site.rglob(".portbook-export-*"))


# -- what is no file --------------------------------------------------------------------------


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def _device(path: Path) -> None:
    need(os.geteuid() == 0, "this test makes a device, which takes root")
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero, which has no end


@pytest.mark.real
@pytest.mark.parametrize("make", [_pipe, _socket, _device])
@pytest.mark.parametrize("name", ["index.html", "22.html", "services/ssh.html", NOTES])
def test_what_is_no_file_is_neither_waited_for_nor_replaced(
    site: Path, capsys: pytest.CaptureFixture[str], make: object, name: str
) -> None:
    assert command(site) == 0
    (site / name).unlink()
    assert callable(make)
    make(site / name)
    before = (site / name).lstat()
    refused(site, capsys)
    assert (site / name).lstat() == before
    assert command(site, "--force") == 0
    assert (site / name).is_file()


def test_one_that_comes_while_it_is_written_is_refused(site: Path) -> None:
    folder, _ = open_output(str(site))
    with folder:
        os.mkfifo(site / "22.html")
        with pytest.raises(NotExported, match="it is no regular file"):
            folder.write("22.html", b"x")
    forced, _ = open_output(str(site), force=True)
    with forced:
        assert forced.write("22.html", b"x")


def test_a_folder_where_a_page_belongs_is_never_removed(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(site) == 0
    (site / "22.html").unlink()
    (site / "22.html").mkdir()
    for force in ([], ["--force"]):
        assert "is a folder where a page belongs" in refused(site, capsys, *force)
    assert (site / "22.html").is_dir()


# -- what changes meanwhile -------------------------------------------------------------------


def test_a_folder_that_takes_the_place_of_the_one_that_was_opened(site: Path) -> None:
    folder, _ = open_output(str(site))
    with folder:
        site.rename(site.with_name("moved"))
        site.mkdir()
        folder.write("22.html", b"x")
        assert (site.with_name("moved") / "22.html").read_bytes() == b"x"
        assert list(site.iterdir()) == []
        with pytest.raises(NotExported, match="was replaced meanwhile"):
            OutputFolder(folder.opened)


@pytest.mark.real
def test_a_race_for_its_subfolders_leads_nowhere_else(site: Path) -> None:
    """Somebody swaps them for links and back, as fast as they can, while it writes."""
    outside = site.parent / "outside"
    outside.mkdir()
    over = threading.Event()

    def swap() -> None:
        while not over.wait(0.0005):
            for name in BELOW:
                with contextlib.suppress(OSError):
                    (site / name).rename(site.parent / f"was-{name}")
                with contextlib.suppress(OSError):
                    (site / name).symlink_to("../outside")
                with contextlib.suppress(OSError):
                    (site / name).unlink()
                with contextlib.suppress(OSError):
                    (site.parent / f"was-{name}").rename(site / name)

    swapper = threading.Thread(target=swap)
    swapper.start()
    outcomes = set()
    try:
        for turn in range(2000):
            if turn >= 40 and True in outcomes:
                break
            folder = None
            with contextlib.suppress(NotExported):
                folder, _ = open_output(str(site), force=True)
            outcomes.add(folder is not None)
            if folder is not None:
                with folder:
                    for name in BELOW:
                        with contextlib.suppress(NotExported):
                            folder.write(f"{name}/x{turn}.html", b"x")
    finally:
        over.set()
        swapper.join()
    assert True in outcomes
    assert list(outside.iterdir()) == []


def test_only_one_at_a_time(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = open_output(str(site))
    with folder:
        assert "another export is at work in" in refused(site, capsys)
    assert command(site) == 0


def test_only_its_own_leftovers_are_removed(site: Path) -> None:
    assert command(site) == 0
    notes = parse_notes((site / NOTES).read_text())
    assert notes is not None
    run_id = notes.runs[0]
    own = [site / f"{NOTES}-{run_id}-a", site / "services" / f"{NOTES}-{run_id}-b"]
    foreign = [site / f"{NOTES}-{'0' * 16}-a", site / f"{NOTES}-1-22.html"]
    link = site / f"{NOTES}-{run_id}-link"
    for path in own + foreign:
        path.write_text("x")
    link.symlink_to("CNAME")
    assert command(site) == 0
    assert [path.exists() for path in own + foreign] == [False, False, True, True]
    assert link.is_symlink()


# -- disks that fail --------------------------------------------------------------------------


def _mounted(place: Path, *options: str) -> Iterator[None]:
    need(sys.platform == "linux" and os.geteuid() == 0, "this test mounts")
    need_program("mount", "umount")
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, check=False)
    need(done.returncode == 0, "nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.real
@pytest.mark.parametrize("pages", [1, 2, 4, 8, 16])
def test_a_disk_that_fills_up(site: Path, capsys: pytest.CaptureFixture[str], pages: int) -> None:
    with contextlib.contextmanager(_mounted)(
        site, "-t", "tmpfs", "-o", f"size={pages * 4096}", "x"
    ):
        said = refused(site, capsys)
        assert "No space left on device" in said
        assert all(path.read_bytes().endswith(b"</html>") for path in site.rglob("*.html"))
        assert not list(site.rglob(".portbook-export-*"))
        subprocess.run(["mount", "-o", "remount,size=99m", str(site)], check=True)
        assert command(site) == 0


@pytest.mark.real
def test_a_folder_that_is_read_only(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(site) == 0
    with contextlib.contextmanager(_mounted)(site, "--bind", "-o", "ro", str(site)):
        said = refused(site, capsys)
    assert "can't be written: Read-only file system" in said


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("call", ["open", "rename", "mkdir"])
def test_each_call_that_fails_is_one_line_and_the_next_run_goes_on(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    call: str, number: int,
) -> None:  # fmt: skip
    """The 1st, the 2nd, the 4th … such call fails, until there are no more."""
    turn = 1
    while True:
        with monkeypatch.context() as patch:
            left = failing(patch, call, turn, number)
            status = command(site)
        err = capsys.readouterr().err
        if left[0] > 0:
            assert (status, err) == (0, "")
            break
        assert status == 2
        assert os.strerror(number) in err
        assert err.count("\n") == 1
        assert not list(site.rglob(".portbook-export-*"))
        turn *= 2
    assert turn > 1
    assert (site / "22.json").exists()


def failing(patch: pytest.MonkeyPatch, call: str, turn: int, number: int) -> list[int]:
    """Makes the call of that turn fail that changes something; what is left to that turn."""
    left = [turn]
    real = getattr(os, call)

    def fail(*args: Any, **where: Any) -> Any:
        if call != "open" or args[1] & os.O_CREAT:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(number, os.strerror(number), args[0])
        return real(*args, **where)

    patch.setattr(os, call, fail)
    return left


def test_a_plan_tells_what_it_replaces(site: Path) -> None:
    site.mkdir()
    names = [f"{port}.html" for port in range(30)]
    for name in names:
        (site / name).write_text("MINE")
    lines: list[str] = []
    export(Plan(str(site), 0, 29, force=True), CATALOG, lambda _: None, lines.append)
    assert len(lines) == 1
    assert lines[0].startswith("replacing 30 files that no export wrote: '0.html', ")
    assert lines[0].endswith(" and 10 more")
