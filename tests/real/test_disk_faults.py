"""Every command that writes, on a disk that is full or broken at one of its writes.

A run under strace tells which system calls write to a folder; then each of them fails in a run of
its own (strace's -e inject), with ENOSPC and with EIO. Whatever is there afterwards is whole: what
was there before, or what was to come. What went wrong is one line, and the next run succeeds.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from portbook.catalog.registry.tsv_reader import Store
from portbook.catalog.update import versions
from tests.app.audit import samples
from tests.catalog.registry.upstream import small
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.hostile import SCRIPT
from tests.real.needs import need_linux, need_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.real
POINTS = 3  # of each command, spread over all its writes; all of them in PROOF
_TRIES = 4
ERRORS = ("ENOSPC", "EIO")
_CALLS = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "fallocate", "rename",
    "renameat", "renameat2", "mkdir", "mkdirat",
)  # fmt: skip
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")


class Case(NamedTuple):
    """A command that writes into ``out`` of its folder.

    *prepare* fills the folder, and *check* looks at what is there afterwards: with True, that it is
    what a run that succeeds leaves. *points* of its writes fail, each in a run of its own.
    """

    argv: list[str]
    prepare: Callable[[Path], None]
    check: Callable[[Path, bool], None]
    points: int = POINTS


# -- the commands -----------------------------------------------------------------------------

OLD, NEW = "2026-10-01", "2026-11-14"


def _registry(folder: Path) -> None:
    (folder / "old.xml").write_bytes(small(OLD))
    (folder / "new.xml").write_bytes(small(NEW))
    done = _run(folder, [str(SCRIPT), "update", "--from", "old.xml", "--force", "--quiet"])
    assert done.returncode == 0, done.stderr


def _registry_is_whole(folder: Path, done: bool) -> None:
    version = versions.find_in(str(folder / "out/portbook/registry"), "", whole=True)
    assert version is not None
    with version:
        dates = {Store(version.path, opener=version.opener).as_of}
    assert dates <= ({NEW} if done else {OLD, NEW})


def _flows(folder: Path) -> None:
    (folder / "flows.csv").write_bytes(samples.write("csv", folder).read_bytes())
    for name in ("answer.html", "rows.csv", "rows.parquet", "ports.png"):
        (folder / "out" / name).write_text("before")


_ENDS = {
    "answer.html": b"</html>", "rows.csv": b"\n", "rows.parquet": b"PAR1", "ports.png": b"\x82",
}  # fmt: skip


def _files_are_whole(folder: Path, done: bool) -> None:
    paths = sorted((folder / "out").iterdir())
    assert paths or not done
    for path in paths:
        content = path.read_bytes()
        end = content.strip() if path.suffix == ".html" else content
        assert content == b"before" or end.endswith(_ENDS[path.name])


_FEW = """
import sys
from portbook.cli import run
from portbook.present.views.glossary import TERMS
from portbook.web.export import other_pages
from portbook.web.export.scope import Scope
from portbook.catalog import Catalog
pages = other_pages._pages(None, Scope(), Catalog())
some = {name: pages[name] for name in ("index", "ranges/system", f"glossary/{TERMS[0].name}")}
other_pages._pages = lambda base_url, scope, catalog: some
other_pages._static = lambda: ["site.css"]
sys.exit(run(sys.argv[1:]))
"""


def _nothing(folder: Path) -> None:
    pass


def _site_is_whole(folder: Path, done: bool) -> None:
    pages = list((folder / "out").rglob("*.html"))
    assert all(path.read_bytes().endswith(b"</html>") for path in pages)
    assert not done or len(pages) == 5


def _project(folder: Path) -> None:
    (folder / "portbook.toml").write_text('[[port]]\nport = 8080\nlabel = "shop"\n')


def _list_is_whole(folder: Path, done: bool) -> None:
    path = folder / "out/portbook/trusted-notes.tsv"
    if done or path.exists():
        assert path.read_text().endswith("portbook.toml\n#end\n")


_VOTE = """
import sys
from portbook.errors import PortbookError
from portbook.web.feedback.sqlite import (Vote)
from portbook.web.feedback.store import (open_store)
try:
    store = open_store()
    store.add(Vote("22", "no", "x" * 5000, "2026-09-12"))
    store.close()
except PortbookError as error:
    sys.exit(f"portbook: {error}")
"""


def _vote(folder: Path) -> None:
    _run(folder, [sys.executable, "-c", _VOTE])


def _votes_are_whole(folder: Path, done: bool) -> None:
    database = sqlite3.connect(folder / "out/portbook/feedback.sqlite3")
    try:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (votes,) = database.execute("SELECT count(*) FROM feedback").fetchone()
        assert votes >= (2 if done else 1)
    finally:
        database.close()


CASES = {
    "update": Case(
        [str(SCRIPT), "update", "--from", "new.xml", "--quiet"], _registry, _registry_is_whole
    ),
    "answer": Case(
        [str(SCRIPT), "audit", "flows.csv", "-o", "out/answer.html", "--fail-on", "never"],
        _flows, _files_are_whole, 2,
    ),
    "rows": Case(
        [str(SCRIPT), "audit", "flows.csv", "--rows", "out/rows.csv", "--fail-on", "never"],
        _flows, _files_are_whole, 2,
    ),
    "parquet": Case(
        [str(SCRIPT), "audit", "flows.csv", "--rows", "out/rows.parquet", "--fail-on", "never"],
        _flows, _files_are_whole, 2,
    ),
    "map": Case([str(SCRIPT), "map", "-o", "out/ports.png"], _flows, _files_are_whole),
    "export": Case(
        [sys.executable, "-c", _FEW, "export", "out", "--only", "22", "--jobs", "1", "--quiet"],
        _nothing, _site_is_whole, 2,
    ),
    "notes": Case([str(SCRIPT), "notes", "trust", "portbook.toml"], _project, _list_is_whole),
    "feedback": Case([sys.executable, "-c", _VOTE], _vote, _votes_are_whole),
}  # fmt: skip


# -- failing them -----------------------------------------------------------------------------


def _run(folder: Path, argv: list[str]) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env |= {"XDG_DATA_HOME": str(folder / "out"), "PYTHONHASHSEED": "0"}
    return subprocess.run(
        argv, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def _strace(log: Path, *more: str) -> list[str]:
    calls = ",".join(f"?{call}" for call in _CALLS)
    return [
        need_program("strace"),
        "-f",
        "-qq",
        "-y",
        "--seccomp-bpf",
        "-o",
        str(log),
        "-e",
        f"trace={calls}",
        *more,
    ]


def _writes(log: Path, out: Path) -> list[tuple[str, int]]:
    """The calls that write below *out*: the name, and its how many-th it is in its thread."""
    counts: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, int], None] = {}
    for line in log.read_text(errors="replace").splitlines():
        call = _LINE.match(line)
        if call is None:
            continue
        number = counts[call[1], call[2]] = counts.get((call[1], call[2]), 0) + 1
        if f"{out}" in call[3] and (call[2] != "openat" or "O_CREAT" in call[3]):
            found[call[2], number] = None
    return list(found)


def _faults(points: list[tuple[str, int]], count: int) -> list[tuple[str, int, str]]:
    """Which calls fail, and by which error: each by each in PROOF, else *count* by both in turn."""
    if PROOF:
        return [(*point, error) for point in points for error in ERRORS]
    count = min(count, len(points))
    some = [points[place * (len(points) - 1) // (count - 1)] for place in range(count)]
    return [(*point, error) for point, error in zip(some, itertools.cycle(ERRORS), strict=False)]


@pytest.mark.parametrize("name", CASES)
def test_each_write_that_fails_leaves_all_whole(tmp_path: Path, name: str) -> None:
    need_linux()
    case, log, prepared = CASES[name], tmp_path / "log", tmp_path / "prepared"
    (prepared / "out").mkdir(parents=True)
    case.prepare(prepared)

    def fresh() -> Path:
        folder = tmp_path / "work"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, folder)  # with the times of the files
        return folder

    folder = fresh()
    done = _run(folder, [*_strace(log), *case.argv])
    assert done.returncode == 0, done.stderr
    case.check(folder, True)
    points = _writes(log, folder / "out")
    assert len(points) > 2
    hits = 0
    for call, number, error in _faults(points, case.points):
        inject = f"inject={call}:error={error}:when={number}"
        for _ in range(_TRIES):  # which thread makes the call differs from run to run
            folder = fresh()
            done = _run(folder, [*_strace(log, "-e", inject), *case.argv])
            lines = log.read_text(errors="replace").splitlines()
            if any("INJECTED" in each and f"{folder / 'out'}" in each for each in lines):
                break
        else:
            continue
        hits += 1
        assert done.returncode in (0, 1, 2), (call, number, done.stderr)
        assert "Traceback" not in done.stderr
        if done.returncode:
            assert done.stderr.startswith("portbook: "), (call, number, done.stderr)
            assert done.stderr.count("\n") == 1, (call, number, done.stderr)
        case.check(folder, False)
        if hits > 1 and not PROOF:
            continue  # the next run was seen to succeed
        done = _run(folder, case.argv)
        assert done.returncode == 0, (call, number, done.stderr)
        case.check(folder, True)
        left = [
            path.name for path in (folder / "out").rglob(".*") if not path.name.startswith(".lock")
        ]
        assert left in ([], [".portbook-export"]), (call, number)
    assert hits >= min(2, len(points))
