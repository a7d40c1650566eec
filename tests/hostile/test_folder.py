"""A folder of hostile files beside good ones: each good one is explained, each bad one named."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING

import pytest

from portbook.formats.sockets.detect import FORMATS
from portbook.present.escape import plain
from tests.command_line import run
from tests.counts import PROOF, one_in
from tests.hostile.mutation import changed
from tests.hostile.of_captures import READERS, samples_of

if TYPE_CHECKING:
    import random
    from pathlib import Path

    Ran = tuple[int, str, str]

HOSTILE = 200 if PROOF else 30
# Files that nobody can make sense of, by a name of theirs.
_BAD = {
    "empty": b"",
    "zeros": bytes(100_000),
    "no text": bytes(range(256)) * 400,
    "packed": gzip.compress(b"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n" * 100),
    "a letter": b"Dear all,\nthe port is down again: who uses it?\n",
    "deep": b"[" * 100_000,
    "a doctype": b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "b">]>\n<nmaprun/>\n',
    "quotes": b'{"' + b'\\"' * 60_000,
    "a huge number": b'{"port":' + b"9" * 60_000 + b"}",
    "a name with \x1b[2J and \u202e": b"nothing",
    "a name with\nlines": b"nothing",
    "--json": b"nothing",
    "-": b"nothing",
    os.fsdecode(b"no UTF-8 \xff"): b"nothing",
}


@pytest.fixture
def folder(tmp_path: Path, chance: random.Random) -> Path:
    for name, content in _BAD.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "a pipe")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a link to nothing").symlink_to(tmp_path / "gone")
    (tmp_path / "a link to itself").symlink_to("a link to itself")
    (tmp_path / "a link to what never ends").symlink_to("/dev/zero")
    with (tmp_path / "a hole").open("wb") as file:
        file.truncate(1 << 36)
    for form in FORMATS:
        (tmp_path / f"good-{form}").write_bytes(samples_of(form)[0])
    samples = [*READERS["portbook.formats.sockets.detect:read"].samples]
    left = HOSTILE - (len([*tmp_path.iterdir()]) - len(FORMATS))
    for number, content in enumerate(changed(tuple(samples), left, chance)):
        (tmp_path / f"changed-{number}").write_bytes(content)
    return tmp_path


def _ran(capfd: pytest.CaptureFixture[str], *argv: str) -> Ran:
    status = run(["explain", *argv])
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    assert not {char for char in out + err if not char.isprintable()} - {"\n"}
    return status, out, err


def _refused(path: str, capfd: pytest.CaptureFixture[str]) -> bool:
    """Whether the file is refused where it is named together with a good one."""
    good = os.path.join(os.path.dirname(path), "good-ss")
    _, out, err = _ran(capfd, "--fail-on", "never", path, good)
    assert "22/tcp " in out
    assert err.count("\n") == err.count("portbook: ")
    return bool(err)


@pytest.mark.proof
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_good_files_are_explained_and_bad_ones_are_named(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(str(path) for path in folder.iterdir())
    assert len(paths) == HOSTILE + len(FORMATS)
    refused = {path for path in paths if _refused(path, capfd)}
    special = {str(folder / name) for name in (*_BAD, "a pipe", "a folder", "a hole")}
    assert special <= refused
    assert not any("good-" in path for path in refused)

    status, out, err = _ran(capfd, "--fail-on", "never", *paths)
    assert status == 2
    headings = out.splitlines()
    explained = [path for path in paths if path not in refused]
    assert len(explained) >= len(FORMATS)
    assert [path for path in explained if plain(path) not in headings] == []
    told = err.splitlines()
    assert len(told) == len(refused) >= len(special) + 3  # the links, and what chance has spoilt
    assert all(line.startswith("portbook: ") for line in told)
    assert [path for path in refused if not any(_named(path, line) for line in told)] == []

    # Each run reads all of them: outside of make proof these have a fourth of the files each.
    asked = one_in(4, paths)
    assert _ran(capfd, "--fail-on", "never", "--strict", *one_in(4, paths[1:]))[0] == 2
    assert _ran(capfd, "--strict", *one_in(4, sorted(refused)))[0] == 2
    status, out, err = _ran(capfd, "--fail-on", "never", "--json", *asked)
    answers = json.loads(out)
    assert (status, answers["schema"]) == (2, "portbook/answers/1")
    assert len(answers["answers"]) == len(set(asked) - refused)
    good = [path for path in asked if "good-" in path]
    assert len(good) > 3
    assert [each["file"] for each in answers["answers"] if "good-" in each["file"]] == good


def _named(path: str, line: str) -> bool:
    return ascii(path)[1:-1][:190] in line


def test_findings_of_any_file_count(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noted = tmp_path / "noted.txt"
    noted.write_text('tcp LISTEN 0 9 0.0.0.0:2375 0.0.0.0:* users:(("dockerd",pid=1,fd=3))\n')
    quiet = tmp_path / "quiet.txt"
    quiet.write_text("tcp LISTEN 0 9 127.0.0.1:22 0.0.0.0:*\nwhat is this\n")
    missing = str(tmp_path / "missing.txt")
    asked = ("--fail-on", "note")
    assert _ran(capfd, *asked, str(quiet), str(noted), missing)[0] == 1
    assert _ran(capfd, *asked, "--strict", str(noted), str(quiet), missing)[0] == 1
    assert _ran(capfd, *asked, "--strict", str(quiet), str(quiet))[0] == 3
    assert _ran(capfd, *asked, "--strict", str(quiet), missing)[0] == 2
    assert _ran(capfd, *asked, str(quiet), missing)[0] == 2
    assert _ran(capfd, *asked, missing, missing)[0] == 2


def test_rows_of_several_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = [str(tmp_path / f"{number}.txt") for number in range(2)]
    for number, name in enumerate(names):
        with open(name, "w") as file:
            file.write(f"tcp LISTEN 0 9 127.0.0.1:{22 + number} 0.0.0.0:*\n")
    status, out, err = _ran(capfd, names[0], "--jsonl", names[1], str(tmp_path / "no.txt"))
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 2
    assert [row["schema"] for row in rows] == [
        "portbook/listener/1", "portbook/explained/1"
    ] * 2  # fmt: skip
    assert [row["file"] for row in rows if "file" in row] == names
    assert "no.txt" in err


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["a", "b", "--against", "c"], "--against"),
        (["-", "-"], "standard input"),
        (["-", "--against", "-"], "standard input"),
    ],
)
def test_what_can_not_be_asked_of_several(
    argv: list[str], word: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, err = _ran(capfd, *argv)
    assert (status, out) == (2, "")
    assert word in err
    assert err.count("\n") == 1
