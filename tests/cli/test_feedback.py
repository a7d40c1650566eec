"""``portbook feedback``: what readers said, exported and forgotten."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from portbook.cli.serve import need_web
from portbook.errors import MissingExtra
from portbook.web.feedback.sqlite import SQLiteStore, Vote
from tests.command_line import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SQLiteStore:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("PORTBOOK_DATABASE_URL", raising=False)
    return SQLiteStore(str(tmp_path / "portbook" / "feedback.sqlite3"))


@pytest.fixture
def filled(store: SQLiteStore) -> SQLiteStore:
    for vote in (
        Vote("305", "no", "a \x1b[2Jtext", "2026-01-01"),
        Vote("305", "partly", None, "2026-02-01"),
        Vote("80", "yes", None, "2026-03-01"),
    ):
        store.add(vote)
    store.close()
    return store


def test_nothing_was_said_yet(store: SQLiteStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["feedback"]) == 0
    assert capsys.readouterr().out == "No reader has said anything yet.\n"
    assert run(["feedback", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": "portbook/feedback/1",
        "total": 0,
        "pages": [],
    }


def test_pages_that_need_work(filled: SQLiteStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["feedback"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[3:]] == [
        ["/305", "1", "1", "0", "1"],
        ["/80", "0", "0", "1", "0"],
    ]
    assert run(["feedback", "--limit", "1"]) == 0
    assert "and 1 more: --limit 0 shows all" in capsys.readouterr().out
    assert run(["feedback", "--limit", "0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pages"][0] == {
        "page": "305", "no": 1, "partly": 1, "yes": 0, "texts": 1, "votes": 2,
    }  # fmt: skip


def test_export(filled: SQLiteStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["feedback", "--export"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    rows = [json.loads(line) for line in out.splitlines()]
    assert rows[0] == {
        "schema": "portbook/vote/1",
        "page": "305",
        "vote": "no",
        "text": "a \x1b[2Jtext",
        "day": "2026-01-01",
    }
    assert len(rows) == 3


def test_forgetting(filled: SQLiteStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["feedback", "--delete-before", "2026-02-01"]) == 0
    assert capsys.readouterr().out == "1 vote from before 2026-02-01 deleted\n"
    assert [vote.day for vote in filled.votes()] == ["2026-02-01", "2026-03-01"]


@pytest.mark.parametrize(
    "argv",
    [
        ["--delete-before", "yesterday"],
        ["--delete-before", "2026-13-01"],
        ["--limit", "-1"],
        ["--json", "--export"],
        ["--export", "--delete-before", "2026-01-01"],
    ],
)
def test_wrong_usage(
    argv: list[str], store: SQLiteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["feedback", *argv]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1


def test_a_store_that_can_not_be_read(
    store: SQLiteStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "portbook").mkdir()
    (tmp_path / "portbook" / "feedback.sqlite3").write_bytes(b"no database" * 1000)
    assert run(["feedback"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


_TABLE = "CREATE TABLE feedback (id INTEGER PRIMARY KEY, page, vote, text, day)"
_ROW = "INSERT INTO feedback (page, vote, text, day) VALUES "
OTHERS = {
    "page is a BLOB": [_TABLE, _ROW + "(x'ff', 'yes', NULL, '2026-09-12')"],
    "page is NULL": [_TABLE, _ROW + "(NULL, 'yes', NULL, '2026-09-12')"],
    "pages of several types": [
        _TABLE,
        _ROW + "(305, 'yes', NULL, '2026-09-12'), ('305', 'no', NULL, '2026-09-12')",
    ],
    "text is a BLOB": [_TABLE, _ROW + "('305', 'yes', x'00ff', '2026-09-12')"],
    "text is a number": [_TABLE, _ROW + "('305', 'yes', 9e999, '2026-09-12')"],
    "text is not UTF-8": [_TABLE, _ROW + "('305', 'yes', CAST(x'ff' AS TEXT), '2026-09-12')"],
    "page is not UTF-8": [_TABLE, _ROW + "(CAST(x'ff' AS TEXT), 'yes', NULL, '2026-09-12')"],
    "day is NULL": [_TABLE, _ROW + "('305', 'yes', NULL, NULL)"],
    "vote is another word": [_TABLE, _ROW + "('305', 'perhaps', NULL, '2026-09-12')"],
    "vote is a BLOB": [_TABLE, _ROW + "('305', x'796573', NULL, '2026-09-12')"],
    "no such column": ["CREATE TABLE feedback (page TEXT)"],
    "no id": ["CREATE VIEW feedback AS SELECT '1' AS page, 'yes' AS vote, NULL AS text, 1 AS day"],
    "a view of nothing": ["CREATE VIEW feedback AS SELECT page FROM gone"],
}


@pytest.mark.parametrize("made", OTHERS.values(), ids=OTHERS)
def test_a_file_of_another_making_is_told_in_a_line(
    made: list[str], store: SQLiteStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "portbook").mkdir(mode=0o700)
    other = sqlite3.connect(store.path)
    for statement in made:
        other.execute(statement)
    other.commit()
    other.close()
    failed = 0
    for argv in ([], ["--json"], ["--export"], ["--delete-before", "2030-01-01"]):
        status = run(["feedback", *argv])
        said = capsys.readouterr()
        assert said.err.count("\n") == (status == 2)
        if status == 2:
            assert said.err.startswith("portbook: the feedback in ")
            assert "move it away" in said.err
            assert said.out == ""
            failed += 1
        else:
            assert status == 0
    assert failed > 0


@pytest.mark.parametrize("size", [2, 15, 16, 50, 100, 4096, 5000])
def test_a_file_that_is_cut(
    size: int, filled: SQLiteStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with open(filled.path, "r+b") as file:
        file.truncate(size)
    for argv in ([], ["--json"], ["--export"]):
        assert run(["feedback", *argv]) == 2
        said = capsys.readouterr()
        assert said.err.count("\n") == 1
        assert "move it away" in said.err
        assert said.out == ""
    assert run(["feedback", "--delete-before", "2030-01-01"]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_without_the_extra_one_line_names_it() -> None:
    with pytest.raises(MissingExtra) as error:
        need_web("portbook serve", ("sys", "no_such_package"))
    assert str(error.value) == "portbook serve needs the extra 'web': pip install 'portbook[web]'"


def test_without_the_driver_one_line_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "portbook.web.feedback.postgres", raising=False)
    monkeypatch.setenv("PORTBOOK_DATABASE_URL", "postgresql://u@127.0.0.1/x")
    assert run(["feedback"]) == 2
    assert "needs the extra 'postgres'" in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "portbook.web.feedback.postgres", raising=False)
