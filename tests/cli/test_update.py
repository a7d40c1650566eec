"""``portbook update`` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from portbook.catalog import Catalog
from portbook.cli import run
from tests.catalog.registry.upstream import Answer, Server, serving, small, small_registry
from tests.counts import PROOF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from portbook.model import Assignment

    Command = Callable[[Sequence[str]], int]


@pytest.fixture
def home(own_registries: Path) -> Path:
    return own_registries


@pytest.fixture
def near() -> Command:
    """Runs a command for which the shipped registry is small as well, so that differences are."""
    return lambda argv: run(argv, Catalog(shipped=small_registry()))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is much smaller than the registry: it takes --force."""
    path = tmp_path / "ports.xml"
    path.write_bytes(small("2026-11-14"))
    return path


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def test_an_excerpt_is_refused_and_taken_with_force(
    home: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["update", "--from", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("portbook: this doesn't look like the registry: ")
    assert said.err.count("\n") == 1
    assert "--force" in said.err
    assert not list(home.glob("0*"))
    assert run(["update", "--from", str(file), "--force"]) == 0
    said = capsys.readouterr()
    assert "The registry of 2026-11-14" in said.out
    assert "Overruled by --force" in said.out
    assert said.err == ""
    assert run(["22/tcp", "--no-host", "--full"]) == 0
    assert "IANA registry, 14 November 2026" in capsys.readouterr().out


def test_a_field_that_is_new_is_named(
    home: Path, near: Command, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = file.read_bytes().replace(b"</record>", b"<st\xc3\xa4tus>x</st\xc3\xa4tus></record>")
    file.write_bytes(content)
    assert near(["update", "--from", str(file), "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["unknown"] == [{"field": "st\xe4tus", "rows": told["rows"]}]
    assert near(["update", "--from", str(file)]) == 0
    said = capsys.readouterr()
    assert "Unknown fields, skipped:" in said.out
    assert f"'st\\xe4tus'  in {told['rows']:,} rows" in said.out
    assert said.err == ""
    origin = json.loads(next(home.glob("0*/origin.json")).read_bytes())
    assert origin["unknown"] == [["st\xe4tus", told["rows"]]]


# -- bytes that a disk lost -------------------------------------------------------------------


def rot(path: Path) -> None:
    """Changes a word of *path*, which stays readable, and neither its size nor its time."""
    status = path.stat()
    content = path.read_bytes()
    assert b"assigned" in content
    path.write_bytes(content.replace(b"assigned", b"reserved", 1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("name", ["registry.tsv", "blocks.tsv"])
def test_a_registry_that_rotted_is_told_and_fetched_again(
    home: Path, near: Command, server: Server, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(_path: str, headers: Mapping[str, str]) -> Answer:
        if headers.get("if-none-match") == '"7"':
            return Answer(304)
        return Answer(headers={"ETag": '"7"'}, body=(small("2026-11-14"),))

    server.answer = answer
    assert near(["update", "--from", server.url, "--quiet"]) == 0
    assert near(["update", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["versions"][0]["damaged"] is None
    (path,) = home.glob(f"0*/{name}")
    rot(path)
    assert near(["update", "--list"]) == 1
    listed = capsys.readouterr().out
    assert f"1        2026-11-14  in use  {name} is damaged: portbook update fetches it" in listed
    assert near(["update", "--list", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["versions"][0]["damaged"] == name
    # The server is not told that the copy is there, or it would say that it is the newest.
    assert near(["update", "--from", server.url]) == 0
    said = capsys.readouterr()
    assert f"is not used: {name} is not what portbook update wrote" in said.err
    assert "The registry of 2026-11-14" in said.out
    assert near(["update", "--list", "--json"]) == 0
    versions = json.loads(capsys.readouterr().out)["versions"]
    assert [(each["in_use"], each["damaged"]) for each in versions] == [(False, name), (True, None)]
    assert near(["update", "--from", server.url]) == 0
    assert "Nothing new" in capsys.readouterr().out


def test_the_changes_that_updates_saw_outlive_a_registry_that_rotted(
    home: Path, near: Command, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_ssh(row: Assignment) -> Assignment | None:
        return None if row.first == 427 else row

    file.write_bytes(small("2026-10-10", without_ssh))
    assert near(["update", "--from", str(file), "--quiet"]) == 0
    rot(next(home.glob("0*/registry.tsv")))
    file.write_bytes(small("2026-11-14", without_ssh))
    assert near(["update", "--from", str(file), "--quiet"]) == 0
    capsys.readouterr()
    assert near(["history", "427", "--since", "2026-09-13", "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert {(each["kind"], each["until"]) for each in changes} == {("removed", "2026-10-10")}


def test_what_runs_for_long_does_not_read_a_registry_that_rotted(
    home: Path, near: Command, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert near(["update", "--from", str(file), "--quiet"]) == 0
    capsys.readouterr()
    assert Catalog().registry.store.as_of == "2026-11-14"
    rot(next(home.glob("0*/registry.tsv")))
    jobs = ["--jobs", "2" if PROOF else "1"]
    assert near(["export", str(tmp_path / "site"), "--only", "22-23", "--quiet", *jobs]) == 0
    assert "registry.tsv is not what portbook update wrote" in capsys.readouterr().err
    page = json.loads((tmp_path / "site" / "22.json").read_bytes())
    assert page["sources"][0]["as_of"] == "2026-09-12"


def test_a_row_that_cannot_be_read_names_the_mend(
    home: Path, near: Command, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert near(["update", "--from", str(file), "--quiet"]) == 0
    path = next(home.glob("0*/registry.tsv"))
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content.replace(b"\n22\t22\ttcp\tassigned", b"\n22\t22\ttcp\tassigne!"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert near(["22", "--no-host"]) == 2
    said = capsys.readouterr().err
    assert "the row of '22' can't be read): portbook update fetches it again" in said


def test_list_and_rollback(
    home: Path, near: Command, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert near(["update", "--list"]) == 0
    assert capsys.readouterr().out == "shipped  2026-09-12  in use  came with portbook\n"
    assert near(["update", "--from", f"file://{file}", "--force", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert near(["update", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["schema"] == "portbook/versions/1"
    assert listed["shipped"] == {"as_of": "2026-09-12", "in_use": False}
    assert [(each["number"], each["in_use"]) for each in listed["versions"]] == [(1, True)]
    assert near(["update", "--rollback"]) == 0
    assert capsys.readouterr().out == "The shipped registry of 2026-09-12 is in use again.\n"
    assert near(["update", "--rollback"]) == 2
    assert "nothing to go back to" in capsys.readouterr().err


def test_a_rollback_leaves_what_was_before(
    home: Path, near: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Files, pointer and answer are those of before, byte for byte."""
    files = [tmp_path / "older.xml", tmp_path / "newer.xml"]
    files[0].write_bytes(small("2026-11-14"))
    files[1].write_bytes(small("2026-11-20", lambda row: None if row.first == 90 else row))

    def stand() -> tuple[dict[str, bytes], str]:
        assert near(["90", "--no-host", "--json"]) == 0
        current = (home / "current").read_bytes()
        version = current.decode().split("version\t")[1].split("\n")[0].split("\t")
        folder = home / f"{int(version[0]):04}-{version[1]}"
        kept_files = {path.name: path.read_bytes() for path in folder.iterdir()}
        return {**kept_files, "current": current}, capsys.readouterr().out

    for file in files:
        assert near(["update", "--from", str(file), "--force", "--quiet"]) == 0
        if file == files[0]:
            before = stand()
    assert {*before[0]} > {"current", "registry.tsv", "blocks.tsv"}
    assert stand()[0] != before[0]
    assert stand()[1] != before[1]
    assert near(["update", "--rollback"]) == 0
    capsys.readouterr()
    assert stand() == before


def test_a_dry_run_as_json(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["update", "--dry-run", "--force", "--from", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "portbook/update/1"
    assert told["status"] == "difference"
    assert told["after"] == "2026-11-14"
    assert told["rows"] < told["rows_before"]
    assert len(told["overruled"]) == 1
    change = next(each for each in told["changes"] if each["first"] == 5432)
    assert change["kind"] == "removed"
    assert change["before"]["service_names"] == ["postgresql"]
    assert not home.exists()


def test_from_a_server(
    home: Path, near: Command, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(_path: str, headers: Mapping[str, str]) -> Answer:
        if headers.get("if-none-match") == '"7"':
            return Answer(304)
        return Answer(headers={"ETag": '"7"'}, body=(small("2026-11-14"),))

    server.answer = answer
    assert near(["update", "--from", server.url, "--force"]) == 0
    said = capsys.readouterr()
    assert "came over http" in said.err
    assert near(["update", "--from", server.url]) == 0
    assert capsys.readouterr().out.startswith("Nothing new: the registry of 2026-11-14")
    assert len(server.asked) == 2
    assert near(["update", "--list"]) == 0
    assert server.url in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ["--rollback", "--list"],
        ["--rollback", "--from", "x"],
        ["--rollback", "--dry-run"],
        ["--list", "--force"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--timeout", "x"],
        ["--from", "ftp://example.org/x"],
        ["--from", "file://elsewhere.example/x"],
        ["--from", "https://"],
        ["--from", "/does/not/exist.xml"],
        ["--from", ""],
        ["305"],
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    home: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["update", *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("portbook: ")
    assert said.err.count("\n") == 1


def test_an_empty_source_is_not_the_usual_one(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script whose variable is empty connects to nobody."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert run(["update", "--from", ""]) == 2
    assert capsys.readouterr().err.startswith("portbook: --from is empty")


def test_a_registry_that_is_not_trusted_is_noted_once(
    home: Path, near: Command, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert near(["update", "--from", str(file), "--force", "--quiet"]) == 0
    (home / "current").write_text("x")
    assert near(["443", "--no-host", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["transports"]["tcp"]["state"] == "assigned"
    assert said.err.startswith("portbook: the registry in ")
    assert said.err.count("\n") == 1


def test_for_all_users(
    home: Path, near: Command, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert near(["update", "--system", "--from", str(file), "--force"]) == 0
    assert (tmp_path / "system" / "registry" / "0001-2026-11-14").is_dir()
    capsys.readouterr()
    assert near(["22", "--no-host", "--full"]) == 0
    assert "IANA registry, 14 November 2026" in capsys.readouterr().out
    assert not home.exists()


def test_a_lookup_after_an_update_loads_no_more(home: Path, near: Command, file: Path) -> None:
    assert near(["update", "--from", str(file), "--force", "--quiet"]) == 0
    script = (
        "import sys; from portbook.cli import run; run(['22', '--no-host'])\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True,
        env=dict(os.environ),
    )  # fmt: skip
    assert done.stdout.startswith("22 · SSH")
    loaded = set(done.stderr.split())
    assert "portbook.catalog.update.versions" in loaded
    assert not loaded & {
        "hashlib",
        "json",
        "ssl",
        "urllib.request",
        "portbook.catalog.update.download",
    }


def test_a_file_that_isnt_there_is_not_fetched_but_read(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nofile.csv"
    assert run(["update", "--from", str(path)]) == 2
    assert capsys.readouterr().err == (
        f"portbook: '{path}' can't be read: No such file or directory\n"
    )
