"""What portbook keeps and reads back, with anything in it: a line says so, and never a traceback.

A disk, a backup, another program or a person may have changed any of these files. Each is changed
in every way that is drawn, and every command that reads it is run; 70 would be a fault of
portbook's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portbook import cli
from portbook.app import update
from portbook.catalog import Catalog
from portbook.catalog.expectations.trust import NAME as TRUSTED
from portbook.catalog.update.source import Fetched, Validators
from portbook.errors import NotExported
from portbook.model import LAST_PORT
from portbook.web.export.notes import NOTES
from portbook.web.export.output_folder import open_output
from portbook.web.feedback.sqlite import SQLiteStore, Vote
from tests.catalog.registry.upstream import small, small_registry
from tests.command_line import run
from tests.counts import PROOF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hypothesis.strategies import DataObject


few = settings(
    max_examples=60 if PROOF else 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# -- what may stand in a file -----------------------------------------------------------------

HUGE = 1 << 21  # bytes: more than any of these files has
ODD = (
    b"", b"\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"NaN", b"-Infinity", b"1e999", b"null",
    b"[]", b"{}", b'""', b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5000, b"-1", b"x" * HUGE,
    b"a\tb\n" * 1000, b"\r\n\t", "端\u202e\x1b[2J".encode(), '{"url": "x"}'.encode("utf-16"),
    b'{"files": []}', b'{"files": {"registry.tsv": [1]}}', b'"\\ud800"',
)  # fmt: skip
PIECES = (
    b"", b"\t", b"\n", b"\0", b"\xff", b"-", b"-1", b"65536", b"99999999999999999999", b"1e9",
    b"#end\n", b"..", b"/", b"\\", b"\x1b[2J", "\u202e端".encode(), b"[[", b'"', b"'''", b"=", b"{",
    b"9" * 5000,
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=9,
)
whole = (
    st.sampled_from(ODD) | st.binary(max_size=200) | values.map(lambda v: json.dumps(v).encode())
)


class Edit(NamedTuple):
    """A part of a file, from a place in thousandths of it, and what comes instead of it."""

    place: int
    length: int
    piece: bytes

    def apply(self, content: bytes) -> bytes:
        at = len(content) * self.place // 1000
        return content[:at] + self.piece + content[at + self.length :]


edits = st.lists(
    st.builds(
        Edit,
        st.integers(0, 1000),
        st.sampled_from((0, 1, 2, 7, 60, 10_000_000)),
        st.sampled_from(PIECES) | st.binary(max_size=3),
    ),
    min_size=1,
    max_size=3,
)


def changed(data: DataObject, content: bytes) -> bytes:
    """Another content for a file that held *content*."""
    if data.draw(st.booleans(), "replaced"):
        return data.draw(whole, "content")
    for edit in data.draw(edits, "edits"):
        content = edit.apply(content)
    return content


# -- running what reads it --------------------------------------------------------------------


VERSIONS = ("0001-2026-11-14", "0002-2026-12-14")  # the one before, and the one in use


def _fetched(got: Fetched, _known: Validators | None) -> Fetched:
    return got


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of registries as two updates leave it."""
    folder = tmp_path_factory.mktemp("kept") / "registry"
    for day in ("2026-11-14", "2026-12-14"):
        got = Fetched(small(day), "https://example.org/x", day, Validators('"1"', None))
        get, base = partial(_fetched, got), small_registry()
        done = update.renew(str(folder), got.url, get, day, force=True, shipped=base)
        assert done.status == "updated"
    return folder


@pytest.fixture
def home(tmp_path: Path, kept: Path, own_registries: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who has kept everything that can be."""
    for name in ("PORTBOOK_NOTES", "SUDO_UID", "PORTBOOK_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    shutil.copytree(kept, own_registries)
    project = tmp_path / "shop"
    project.mkdir()
    monkeypatch.chdir(project)
    return tmp_path


def run_near(argv: Sequence[str]) -> int:
    """Runs *argv* where the shipped registry is as small as those that are kept."""
    return cli.run(argv, Catalog(shipped=small_registry()))


class Fault(AssertionError):
    """A command that failed in a way that nobody foresaw."""


def ask(
    capsys: pytest.CaptureFixture[str],
    commands: Sequence[Sequence[str]],
    run: Callable[[Sequence[str]], int] = run_near,
) -> Iterator[tuple[Sequence[str], int, str]]:
    """Runs *commands* as fresh processes would, and checks how each of them ended."""
    assert commands
    for argv in commands:
        status = run(argv)
        said = capsys.readouterr()
        if status not in (0, 1, 2, 3):
            raise Fault(f"portbook {' '.join(argv)}: {status}, {said.err}")
        for text in (said.out, said.err):
            # Nothing of a file reaches the terminal as it is.
            assert all(line.isprintable() or not line for line in text.split("\n")), (argv, text)
        assert all(line.startswith("portbook: ") for line in said.err.splitlines()), said.err
        assert status != 2 or said.err, argv
        yield argv, status, said.err


def replace(path: Path, content: bytes, like: os.stat_result | None = None) -> None:
    """Puts a new file in the place of *path*, of the time of *like* where that is given.

    The one before may be mapped into memory by what read it.
    """
    scratch = path.with_name("scratch")
    scratch.write_bytes(content)
    scratch.chmod(0o600)
    if like is not None:
        os.utime(scratch, ns=(like.st_atime_ns, like.st_mtime_ns))
    os.replace(scratch, path)


ASKED = (
    ("22", "--no-host"),
    ("ssh", "--no-host", "--json"),
    ("300-310", "--no-host", "--jsonl"),
    ("blocks", "--limit", "3"),
    ("stats", "--json"),
    ("history", "22", "--json"),
    ("history", "--diff", "1", "2", "--json"),
)
SEARCHED = (("search", "tacacs"),)  # which takes longer than all others
UPDATED = (
    ("update", "--list"),
    ("update", "--list", "--json"),
    ("update", "--from", "ports.xml", "--dry-run", "--force", "--json"),
    ("update", "--from", "ports.xml", "--force", "--quiet"),
    ("update", "--rollback", "--json"),
    ("update", "--rollback"),
)
REGISTRY_COMMANDS = (*ASKED, *SEARCHED, *UPDATED)


@pytest.mark.parametrize(
    "name", ["current", "registry.tsv", "blocks.tsv", "history.tsv", "origin.json"]
)
def test_a_kept_registry(name: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / "portbook" / "registry"
    good = home / "good"
    shutil.copytree(folder, good)
    (home / "shop" / "ports.xml").write_bytes(small("2027-01-14"))

    @few
    @given(st.data())
    def check(data: DataObject) -> None:
        shutil.rmtree(folder)
        shutil.copytree(good, folder)
        version = data.draw(st.sampled_from(VERSIONS), "version")
        path = folder / name if name == "current" else folder / version / name
        status, content = path.stat(), path.read_bytes()
        made = changed(data, content)
        if name != "current" and data.draw(st.booleans(), "same size and time"):
            # As a disk loses bytes: what looks like the file that was written is read.
            made = (made * (len(content) // max(1, len(made)) + 1) + content)[: len(content)]
        replace(path, made, status)
        parts = (REGISTRY_COMMANDS,) if PROOF else (ASKED, (*SEARCHED, *UPDATED))
        for _ in ask(capsys, data.draw(st.sampled_from(parts), "commands")):
            pass

    check()


NOTES_COMMANDS = (
    ("8306",),
    ("8306", "--json"),
    ("8300-8310", "--json"),
    ("listen", "--json"),
    ("why", "8306", "--json"),
    ("pick", "--json"),
    ("search", "shop", "--json"),
    ("notes",),
    ("notes", "--json"),
    ("notes", "distrust", "portbook.toml"),
    ("notes", "trust", "portbook.toml"),
    ("notes",),
)
SHOP = (
    b'[[port]]\nport = 8306\nlabel = "shop API"\nexecutable = "build/api"\n\n'
    b'[[port]]\nport = "8400-8409"\ntransport = ["tcp", "udp"]\nnote = "x"\nunit = "a.service"\n'
    b'user = "shop"\n'
)


@pytest.mark.real
@pytest.mark.parametrize("name", ["portbook.toml", "ports.toml", TRUSTED])
def test_notes_and_what_is_trusted_of_them(
    name: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {
        "portbook.toml": home / "shop" / "portbook.toml",
        "ports.toml": home / "portbook" / "ports.toml",
        TRUSTED: home / "portbook" / TRUSTED,
    }
    for each in list(paths.values())[:2]:
        replace(each, SHOP)
    assert run(["notes", "trust", "portbook.toml"]) == 0
    good = {each: each.read_bytes() for each in paths.values()}

    @few
    @given(st.data())
    def check(data: DataObject) -> None:
        for each, content in good.items():
            replace(each, content)
        replace(paths[name], changed(data, good[paths[name]]))
        answers = list(ask(capsys, NOTES_COMMANDS, run))  # the registry is none of the matter
        assert len(answers) == len(NOTES_COMMANDS)
        for argv, status, said in answers:
            # A file that nobody named is left out, and the rest of the answer stands.
            assert status != 2 or argv[1:2] in (("trust",), ("distrust",)), (argv, said)

    check()


FEEDBACK_COMMANDS = (
    ("feedback",),
    ("feedback", "--json"),
    ("feedback", "--export"),
    ("feedback", "--delete-before", "2026-10-01"),
)
cells = st.sampled_from(
    ("NULL", "305", "9e999", "-1.5", "x'ff00'", "'305'", "'yes'", "CAST(x'ff' AS TEXT)", "''",
     "'2026-09-12'", "char(27)||'[2J'", "9223372036854775807")
)  # fmt: skip
tables = st.sampled_from(
    (
        "CREATE TABLE feedback (id, page, vote, text, day)",
        "CREATE TABLE feedback (id INTEGER PRIMARY KEY, page TEXT, vote BLOB, text INT, day REAL)",
        "CREATE TABLE feedback (id, page)",
        "CREATE TABLE other (page, vote, text, day)",
        "CREATE VIEW feedback AS SELECT 1 AS id, 2 AS page, 3 AS vote, 4 AS text, 5 AS day",
        "CREATE TABLE feedback (id, page, vote, text, day CHECK (day = 'never'))",
    )
)


def another_making(data: DataObject, path: Path) -> None:
    """Fills a new database at *path* as another program would."""
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute(data.draw(tables, "table"))
        for _ in range(data.draw(st.integers(0, 2), "rows")):
            row = ", ".join(data.draw(st.lists(cells, min_size=4, max_size=4), "row"))
            try:
                other.execute(f"INSERT INTO feedback (page, vote, text, day) VALUES ({row})")
            except sqlite3.Error:
                pass
    other.close()


def cut_or_changed(data: DataObject, path: Path) -> None:
    replace(path, changed(data, path.read_bytes()))


@pytest.mark.parametrize("how", [another_making, cut_or_changed], ids=lambda how: how.__name__)
def test_the_feedback(
    how: Callable[[DataObject, Path], None], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = SQLiteStore(str(home / "portbook" / "feedback.sqlite3"))
    for vote in ("yes", "no", "partly"):
        store.add(Vote("305", vote, "a text", "2026-09-12"))
    store.close()
    path = home / "portbook" / "feedback.sqlite3"
    good = path.read_bytes()

    @few
    @given(st.data())
    def check(data: DataObject) -> None:
        for beside in path.parent.glob("feedback.sqlite3-*"):
            beside.unlink()
        replace(path, good)
        how(data, path)
        answers = list(ask(capsys, FEEDBACK_COMMANDS))
        assert len(answers) == len(FEEDBACK_COMMANDS)
        for _, status, said in answers:
            assert said.count("\n") == (status == 2)

    check()


def test_what_an_export_notes(tmp_path: Path) -> None:
    """A folder that isn't an export's by its notes is refused in a line, and none is a fault."""
    site = tmp_path / "site"
    site.mkdir()
    good = b"portbook-export/2 abc\nrun 12\np0-255 9f\nservices - services/ssh.html\n"

    @few
    @given(st.data())
    def check(data: DataObject) -> None:
        replace(site / NOTES, changed(data, good))
        with contextlib.suppress(NotExported):
            opened, record = open_output(str(site))
            with opened:
                assert [
                    span for span in record.ports if not 0 <= span[0] <= span[1] <= LAST_PORT
                ] == []

    check()
