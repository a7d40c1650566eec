"""A project's notes: they label until they were trusted once, by their hash."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portbook.catalog.expectations.trust import NAME
from tests.cli.test_notes import ME, Project, kept
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.needs import need_program
from tests.values import still

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="judges programs by their place"),
]
NEEDS_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="acts as several users"
)
STRANGER = 12345


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A program of the project's own on a port whose abuse was reported, if that one is free."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("0.0.0.0", 4444))
        except OSError:
            server.bind(("0.0.0.0", 0))
        server.listen()
        found = Project(tmp_path, server.getsockname()[1])
        found.trusted = False
        yield found


def judged(found: Any) -> list[Any]:
    """All that an answer says but for the notes."""
    listeners = (found["host"] or found)["listeners"] if "host" in found else found["listeners"]
    return [
        [
            {key: each[key] for key in each if key not in ("own_notes", "uptime_s")}
            for each in listeners
        ],
        found.get("findings"),
        (found.get("host") or found)["visibility"],
    ]


HARMLESS = (
    {"label": "harmless"},
    {"label": "harmless", "executable": ME},
    {"executable": "build/other"},
    {"unit": "*.service"},
)


@pytest.mark.parametrize("keys", HARMLESS, ids="+".join)
def test_it_adds_a_label_and_changes_nothing_else(project: Project, keys: dict[str, str]) -> None:
    port = str(project.port)
    asked: tuple[tuple[str, ...], ...] = (
        (port, "--json", "--fail-on", "check"),
        ("listen", "--json", "--fail-on", "check", "--port", port),
        ("listen", "--json", "--fail-on", "alert", "--strict"),
        ("why", port, "--json"),
        ("search", "harmless", "--json"),
    )
    if not PROOF and keys is not HARMLESS[0]:
        asked = asked[:-1]  # what a search finds has nothing to do with what is expected

    def ask() -> list[tuple[int, Any, Any]]:
        done = [project.ask(*argv) for argv in asked]
        found = [(each.returncode, json.loads(each.stdout)) for each in done]
        return [
            (status, judged(one) if "listeners" in str(one)[:99] or "host" in one else None, one)
            for status, one in found
        ]

    before = ask()
    path = project.note(**keys)
    path.write_text(path.read_text().replace(f"port = {port}", 'port = "0-65535"'))
    after = ask()
    assert [each[0] for each in after] == [each[0] for each in before]
    for (_, was, _), (_, became, _) in zip(before[:2], after[:2], strict=True):
        assert was == became
    for kind in ("causes", "bindable", "noted", "missing"):
        assert still(after[3][2][kind]) == still(before[3][2][kind])
    for _, _, found in (after[0], after[1], after[3]):
        (note,) = found["own_notes"]
        assert (note["whose"], note["trusted"], note["file"]) == ("project", False, str(path))
    assert "Your note    project note, not trusted: " in project.ask(port).stdout
    shown = project.ask(port, "--full").stdout
    assert "The project's notes (not trusted: labels only)" in shown
    if "label" in keys and "search" in asked[-1]:
        assert [note["label"] for note in after[4][2]["own_notes"]] == ["harmless"]
        table = " ".join(project.ask("listen", "-v", "--port", port).stdout.split())
        assert "project note, not trusted: harmless" in table


def test_a_trusted_one_counts_until_it_changes(project: Project) -> None:
    before = project.codes()
    path = project.note(label="shop API", executable=ME)
    assert project.codes() == before
    done = project.ask("notes", "trust", "portbook.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Trusted as it is now: {path}, 1 note, 1 with a program" in done.stdout
    assert f"shop API, expects {ME}" in done.stdout
    decided = "expected" if kept() else "unexpected-program"
    assert decided in project.codes()
    (note,) = project.show()["own_notes"]
    assert (note["whose"], note["trusted"]) == ("project", True)
    # A change of any kind takes the trust away, and says so once.
    path.write_text(path.read_text() + "# another line\n")
    assert project.codes() == before
    for argv in (("listen", "-v"), (str(project.port),), ("why", "-v", f"{project.port}/tcp")):
        said = " ".join(project.ask(*argv).stdout.split())
        assert said.count("the file has changed since you trusted it") == 1, argv
        assert f"portbook notes trust '{path}'" in said
    said = project.ask("search", "shop api").stderr
    assert said.startswith("portbook: not seen: what the notes in ")
    assert said.count("\n") == 1
    assert "It has changed since you trusted it" in project.ask("notes").stdout
    assert project.ask("notes", "trust", ".").returncode == 0
    assert decided in project.codes()
    assert project.ask("notes", "distrust", str(path)).returncode == 0
    assert project.codes() == before
    assert "wasn't trusted" in project.ask("notes", "distrust", str(path)).stdout


def test_trust_is_of_a_path_and_of_a_content(project: Project, tmp_path: Path) -> None:
    path = project.note(executable=ME)
    project.ask("notes", "trust", str(path))
    assert project.show()["own_notes"][0]["trusted"] is True
    other = tmp_path / "other"
    other.mkdir()
    (other / "portbook.toml").write_bytes(path.read_bytes())
    project.folder = other
    assert project.show()["own_notes"][0]["trusted"] is False


def test_ones_own_note_is_not_hidden_by_a_projects(project: Project, tmp_path: Path) -> None:
    own = tmp_path / ".config" / "portbook" / "ports.toml"
    own.parent.mkdir(parents=True)
    own.write_text(f'[[port]]\nport = {project.port}\nlabel = "mine"\nexecutable = "/bin/other"\n')
    project.note(label="theirs", executable=ME)
    found = project.show()
    assert "unexpected-program" in {each["code"] for each in found["findings"]}
    assert [note["label"] for note in found["host"]["listeners"][0]["own_notes"]] == ["mine"]
    assert [(note["label"], note["whose"]) for note in found["own_notes"]] == [
        ("mine", "user"),
        ("theirs", "project"),
    ]
    assert "Your note    mine and 1 more" in project.ask(str(project.port)).stdout
    shown = project.ask(str(project.port), "--full").stdout
    assert shown.index("\nYour notes\n") < shown.index("\nThe project's notes (not trusted")


def test_all_notes_are_listed(project: Project, tmp_path: Path) -> None:
    empty = project.ask("notes")
    assert (empty.returncode, empty.stderr) == (0, "")
    assert empty.stdout.startswith("There are no notes.")
    path = project.note(label="shop \\u001b[2JAPI", executable=ME)
    own = tmp_path / ".config" / "portbook" / "ports.toml"
    own.parent.mkdir(parents=True)
    own.write_text("[[port]]\nport = 70000\n")
    shown = project.ask("notes").stdout
    assert f"The project's notes in {path}\n  You haven't trusted it" in shown
    assert "\x1b" not in shown
    assert "Left out: the notes in" in shown
    found = json.loads(project.ask("notes", "--json").stdout)
    assert found["schema"] == "portbook/notes/1"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["files"] == [
        {
            "path": str(path), "whose": "project", "trusted": False, "changed": False,
            "problem": None, "sha256": digest, "notes": 1,
        },
        {
            "path": str(own), "whose": "user", "trusted": True, "changed": False,
            "problem": found["files"][1]["problem"], "sha256": found["files"][1]["sha256"],
            "notes": 0,
        },
    ]  # fmt: skip
    assert "70000" in found["files"][1]["problem"]
    assert [(note["executables"], note["trusted"]) for note in found["notes"]] == [([ME], False)]
    trusted = json.loads(project.ask("notes", "trust", str(path), "--json").stdout)
    assert [each["trusted"] for each in trusted["files"]] == [True]


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("trust",), "there is no file to trust"),
        (("distrust",), "there is no file to distrust"),
        (("believe", "x"), "notes can't 'believe'"),
        (("trust", "/etc/hostname"), "is never read"),
        (("trust", "/nonexistent/portbook.toml"), "can't be read"),
        (("trust", "\x1b[2J/portbook.toml"), "can't be read"),
        (("trust", "broken/portbook.toml"), "it isn't TOML"),
    ],
)
def test_what_cannot_be_trusted_is_told_in_a_line(
    project: Project, argv: tuple[str, ...], why: str
) -> None:
    (project.folder / "broken").mkdir()
    (project.folder / "broken" / "portbook.toml").write_text("[[port")
    done = project.ask("notes", *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("portbook: ")
    assert why in done.stderr
    assert "\x1b" not in done.stderr


def test_the_own_file_needs_no_trust(project: Project, tmp_path: Path) -> None:
    own = tmp_path / ".config" / "portbook" / "ports.toml"
    own.parent.mkdir(parents=True)
    own.write_text(f'[[port]]\nport = {project.port}\nlabel = "mine"\n')
    done = project.ask("notes", "trust", str(own))
    assert done.returncode == 2
    assert "is your own file: its notes count already" in done.stderr


@NEEDS_ROOT
def test_a_strangers_file_cannot_be_trusted(project: Project) -> None:
    path = project.note(label="x")
    os.chown(path, STRANGER, STRANGER)
    done = project.ask("notes", "trust", str(path))
    assert done.returncode == 2
    assert "it belongs to another user (uid 12345): it can't be trusted" in done.stderr
    path.unlink()
    path.symlink_to("/etc/hostname")
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    assert (
        "it is a link of the user with the id 12345"
        in project.ask("notes", "trust", str(path)).stderr
    )


# -- whose trust it is ------------------------------------------------------------------------


def ask_as(uid: int, project: Project, *argv: str, **environ: str) -> Any:
    """What another user is told, in the same folder and with the same home."""
    need_program("setpriv")
    done = subprocess.run(
        [
            "setpriv",
            f"--reuid={uid}",
            f"--regid={uid}",
            "--clear-groups",
            sys.executable,
            "-m",
            "portbook",
            *argv,
        ],
        capture_output=True,
        text=True,
        cwd=project.folder,
        env={**project.environ, **environ},
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def strangers(project: Project) -> Iterator[Path]:
    """The home of another user, with the project in it."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        os.chmod(home, 0o755)
        project.folder = Path(home) / "shop"
        project.folder.mkdir()
        project.environ.update(HOME=home, XDG_DATA_HOME=f"{home}/data")
        yield Path(home)


@NEEDS_ROOT
def test_root_does_not_inherit_what_a_user_trusts(project: Project, strangers: Path) -> None:
    """sudo that keeps HOME, as macOS' does and ``sudo -E``: the list is there, and isn't root's."""
    path = project.note(label="x", executable=ME)
    for each in (strangers, project.folder, path):
        os.chown(each, STRANGER, STRANGER)
    done = ask_as(STRANGER, project, "notes", "trust", str(path))
    assert done.returncode == 0, done.stderr
    theirs = json.loads(ask_as(STRANGER, project, "notes", "--json").stdout)
    assert [each["trusted"] for each in theirs["files"]] == [True]
    sudo = {"SUDO_UID": str(STRANGER)}
    before = project.codes("--no-notes")
    found = json.loads(project.ask(str(project.port), "--json", **sudo).stdout)
    assert [note["trusted"] for note in found["own_notes"]] == [False]
    assert {each["code"] for each in found["findings"]} == before
    (reason,) = [gap["message"] for gap in found["host"]["missing"] if "trust" in gap["message"]]
    assert f"belongs to the user with the id {STRANGER}, and this is 0" in reason
    # Nor does root write into the user's list.
    listed = strangers / "data" / "portbook" / NAME
    was = listed.read_bytes()
    done = project.ask("notes", "trust", str(path), **sudo)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert listed.read_bytes() == was
    # Root trusts for itself.
    own = {**sudo, "XDG_DATA_HOME": str(strangers / "roots")}
    assert project.ask("notes", "trust", str(path), **own).returncode == 0
    found = json.loads(project.ask(str(project.port), "--json", **own).stdout)
    assert [note["trusted"] for note in found["own_notes"]] == [True]
    theirs = ask_as(STRANGER, project, "notes", "--json", XDG_DATA_HOME=own["XDG_DATA_HOME"])
    assert [each["trusted"] for each in json.loads(theirs.stdout)["files"]] == [False]


def spoil(listed: Path, how: str) -> None:
    """Makes the list, or its folder, one that doesn't count."""
    if how == "a folder that others write to":
        listed.parent.chmod(0o777)
    elif how == "a file that others write to":
        listed.chmod(0o666)
    elif how == "a linked folder":
        moved = listed.parent.with_name("moved")
        listed.parent.rename(moved)
        listed.parent.symlink_to(moved)
    elif how == "a linked file":
        moved = listed.with_name("moved")
        listed.rename(moved)
        listed.symlink_to(moved)
    else:
        listed.unlink()
        if how == "a folder":
            listed.mkdir()
        elif how == "a pipe":
            os.mkfifo(listed, 0o600)
        else:
            listed.write_bytes(b"\xff\x00" * 9)
            listed.chmod(0o600)


@pytest.mark.parametrize(
    "how",
    [
        "a folder that others write to", "a file that others write to", "a linked folder",
        "a linked file", "a folder", "a pipe", "damage",
    ],
)  # fmt: skip
def test_a_list_that_others_may_have_written_trusts_nothing(
    project: Project, tmp_path: Path, how: str
) -> None:
    path = project.note(executable=ME)
    project.ask("notes", "trust", str(path))
    before = project.codes("--no-notes")
    spoil(tmp_path / "data" / "portbook" / NAME, how)
    found = project.show()
    assert [note["trusted"] for note in found["own_notes"]] == [False]
    assert {each["code"] for each in found["findings"]} == before
    (reason,) = [gap["message"] for gap in found["host"]["missing"] if "trust" in gap["message"]]
    assert reason.startswith("which project's notes you trust, because ")
    assert "Not seen: which project's notes you trust" in project.ask("notes").stdout
    done = project.ask("notes", "distrust", str(path))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = project.ask("notes", "trust", str(path))
    assert "Traceback" not in done.stderr
    if how in ("damage", "a linked file", "a file that others write to", "a pipe"):
        assert done.returncode == 0  # what can be replaced in one's own folder is
        assert project.show()["own_notes"][0]["trusted"] is True
    else:
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
