"""Notes of one's own, asked about as a user does: real sockets, real files, each command."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from portbook.catalog.expectations.trust import trust
from tests.command_line import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="judges programs by their place"),
    pytest.mark.usefixtures("own_network"),
]
ME = os.path.realpath(sys.executable)


class Project:
    """A project with a portbook.toml, in a home without notes, and a port that is bound.

    Its notes are trusted, unless ``trusted`` is set to False.
    """

    trusted = True

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder / "shop"
        self.folder.mkdir()
        self.port = port
        self.environ = {
            **{key: value for key, value in os.environ.items() if key != "PORTBOOK_NOTES"},
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "NO_COLOR": "1",
            "COLUMNS": "80",
        }
        self.environ.pop("SUDO_UID", None)
        self.environ.pop("XDG_CONFIG_HOME", None)

    def note(self, **keys: str) -> Path:
        path = self.folder / "portbook.toml"
        said = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
        path.write_text(f"[[port]]\nport = {self.port}\n{said}")
        path.chmod(0o644)
        if self.trusted:
            trust(self.environ, str(path), hashlib.sha256(path.read_bytes()).hexdigest())
        return path

    def ask(self, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """What a process would answer in the project's folder, worked out in this one.

        The registry is the shipped one, so all share a catalog: notes are read anew each time.
        """
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**self.environ, **environ}, clear=True),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = run(argv)
        assert "Traceback" not in err.getvalue()
        return subprocess.CompletedProcess(argv, status, out.getvalue(), err.getvalue())

    def show(self, *more: str) -> Any:
        return json.loads(self.ask(str(self.port), "--json", *more).stdout)

    def codes(self, *more: str) -> set[str]:
        return {finding["code"] for finding in self.show(*more)["findings"]}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield Project(tmp_path, server.getsockname()[1])


def kept() -> bool:
    """Whether only root and this user could have put this interpreter where it is."""
    from portbook.host.linux.file_owner import put_there_by

    return put_there_by(os.getpid(), ME, (os.geteuid(),)) is True


def test_the_program_that_a_note_expects(project: Project) -> None:
    before = project.codes()
    assert not before & {"expected", "noted", "unexpected-program"}
    path = project.note(label="shop API", executable=ME)
    found = project.show()
    wanted = "expected" if kept() else "unexpected-program"
    assert wanted in {finding["code"] for finding in found["findings"]}
    (note,) = found["own_notes"]
    assert (note["label"], note["executables"], note["file"]) == ("shop API", [ME], str(path))
    assert project.codes("--no-notes") == before
    assert project.show("--no-host")["own_notes"] is None
    assert project.show("--no-notes")["own_notes"] == []


def test_another_program_than_the_note_expects(project: Project) -> None:
    project.note(label="shop API", executable="bin/api")
    found = project.show()
    (finding,) = [each for each in found["findings"] if each["code"] == "unexpected-program"]
    assert finding["level"] == "check"
    assert f"{project.folder}/bin/api" in finding["message"]
    assert ME in finding["message"]
    assert project.ask(str(project.port), "--fail-on", "check").returncode == 1


def test_what_the_terminal_shows(project: Project) -> None:
    project.note(label="shop API", note="Moves in May.", executable="bin/api")
    shown = project.ask(str(project.port)).stdout
    assert "\n  Your note    project note: shop API\n" in shown
    shown = project.ask(str(project.port), "--full").stdout
    assert "\nThe project's notes\n  label    shop API\n" in shown
    assert "note     Moves in May." in shown
    machine = shown.partition("This machine")[2].splitlines()
    assert len(machine) > 3
    # A path, an address or a command isn't broken, so that it can be copied.
    whole = (str(project.folder), "://", ": netsh ")
    assert all(len(line) <= 80 or any(part in line for part in whole) for line in machine)
    table = " ".join(project.ask("listen", "--port", str(project.port)).stdout.split())
    assert "shop API" in table
    assert "unexpected-program" in table
    ranged = project.ask(f"{project.port}-{project.port + 1}", "--full").stdout
    assert "The project's notes" in ranged
    why = project.ask("why", str(project.port))
    assert why.returncode == 1
    assert "The project's notes expect" in why.stdout
    assert "notes" not in project.ask("why", str(project.port), "--no-notes").stdout
    answer = json.loads(project.ask("why", str(project.port), "--json").stdout)
    assert answer["own_notes"][0]["label"] == "shop API"
    assert "The project's notes expect" in answer["noted"][0]


def test_a_hostile_label_reaches_no_terminal(project: Project) -> None:
    project.note(label="\\u001b[2J\\u202e")
    for argv in ((str(project.port),), ("listen",), ("why", str(project.port))):
        assert "\x1b" not in project.ask(*argv).stdout
        assert "\u202e" not in project.ask(*argv).stdout


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives files away")
def test_somebody_elses_project_changes_nothing_but_a_line(project: Project) -> None:
    before = project.codes()
    path = project.note(label="harmless", executable=ME)
    os.chown(path, 12345, 12345)
    assert project.codes() == before
    found = project.show()
    assert found["own_notes"] == []
    (problem,) = [gap["message"] for gap in found["host"]["missing"] if "notes" in gap["code"]]
    assert "it belongs to another user (uid 12345)" in problem
    os.chown(path, 0, 0)
    path.chmod(0o666)
    assert project.codes() == before
    assert "anybody may write to it" in project.ask(str(project.port)).stdout


def test_a_program_that_others_could_have_put_there(project: Project, tmp_path: Path) -> None:
    """It runs from a folder that everybody may write to, at the very path that is noted."""
    folder = tmp_path / "open"
    folder.mkdir()
    place = folder / "api"
    shutil.copy("/bin/sleep", place)
    folder.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as server:
        project.port = server.getsockname()[1]
        project.note(label="shop API", executable=str(place))
        # The program inherits the socket, and holds it alone once it is closed here.
        running = subprocess.Popen([str(place), "60"], pass_fds=(server.fileno(),))
    try:
        codes = project.codes()
    finally:
        running.kill()
        running.wait()
    assert "unexpected-program" in codes
    assert "expected" not in codes


def test_a_file_that_is_wrong_is_told_and_the_answer_stands(project: Project) -> None:
    path = project.note(label="x", lable="y")
    done = project.ask(str(project.port), "--json", "--strict")
    found = json.loads(done.stdout)
    (problem,) = [gap["message"] for gap in found["host"]["missing"] if "notes" in gap["code"]]
    assert problem.startswith(f"the notes in '{path}': [[port]] 1, lable: isn't known")
    assert "not seen: the notes in" in project.ask("listen").stderr
    named = {"PORTBOOK_NOTES": str(path)}
    for argv in (
        (str(project.port),),
        ("listen",),
        ("why", str(project.port)),
        ("listen", "--json"),
    ):
        done = project.ask(*argv, **named)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("portbook: the notes in ")
        assert done.stderr.count("\n") == 1
        done = project.ask(*argv, "--no-notes", **named)
        assert done.returncode != 2
    assert project.ask(str(project.port), "--no-host", **named).returncode == 0


def test_a_label_is_searched_for(project: Project) -> None:
    project.note(label="shop API", note="Moves in May.")
    found = project.ask("search", "shop", "api")
    assert found.returncode == 0
    assert "The project's notes" in found.stdout
    assert f"for    {project.port}" in found.stdout
    for argv in (("search", "shop api", "--json"), ("shop api", "--json")):
        answer = json.loads(project.ask(*argv).stdout)
        assert [note["label"] for note in answer["own_notes"]] == ["shop API"]
        assert answer["found"] is True
    for argv in (("search", "shop api", "--no-notes"), ("show", "shop api", "--no-host")):
        said = project.ask(*argv).stdout.partition("Sources")[0]
        assert said.startswith(('Nothing is called "shop api".', 'No service is named "shop api".'))
        assert "notes" not in said


def test_notes_that_cannot_be_read_are_told_by_the_search(project: Project) -> None:
    path = project.note(label="shop API")
    path.write_text("[[port]]\nport = 70000\n")
    found = project.ask("search", "ssh")
    assert found.returncode == 0
    assert found.stderr.startswith("portbook: not seen: the notes in ")
    assert found.stdout.startswith("22 ") or "ssh" in found.stdout
    named = project.ask("search", "ssh", PORTBOOK_NOTES=str(path))
    assert named.returncode == 2
    assert named.stderr.count("\n") == 1
