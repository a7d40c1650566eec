"""Every command in a working directory that somebody else has filled: nothing in it runs.

It holds a module for each name that Python or portbook could look for. Each writes its name down
when it runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portbook.cli import COMMANDS as EVERY_COMMAND
from tests.catalog.update.test_versions import put
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.hostile import SCRIPT, fill_folder
from tests.real.needs import need

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.real

EXPORTED = "0-300" if PROOF else "254-257"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a small registry is kept: the site that is exported has pages of few services.

    Under make proof it has all of them.
    """
    made = tmp_path_factory.mktemp("data")
    if not PROOF:
        put(made / "portbook" / "registry")
    return made


@pytest.fixture
def folder(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with every such module, below a folder that looks like a Spark."""
    monkeypatch.setenv("XDG_DATA_HOME", str(small))
    monkeypatch.delenv("PORTBOOK_REGISTRY")
    made = tmp_path / "spark" / "work"
    fill_folder(made, tmp_path / "ran")
    return made


def ran(folder: Path) -> set[str]:
    """What of the folder has run."""
    path = folder.parent.parent / "ran"
    return set(path.read_text().split()) if path.exists() else set()


def run(folder: Path, command: Sequence[str], status: Sequence[int] = (0, 1)) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode in status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


COMMANDS = [
    ["305"],
    ["443", "--json"],
    ["listen", "--detail"],
    ["listen", "--all-namespaces", "--json"],
    ["why", "305"],
    ["reach", "305"],
    ["pick", "--hold", "--", "/bin/sh", "-c", "exit 0"],
    ["stop", "305"],
    ["wait", "305", "--free"],
    ["search", "postgress"],
    ["topic", "refused"],
    ["explain", "flows.csv"],
    ["history", "22"],
    ["blocks"],
    ["doctor"],
    ["completion", "zsh"],
    ["stats"],
    ["notes"],
    ["note", "8306", "shop"],
    ["update", "--list"],
    ["map", "-o", "ports.png"],
    ["feedback"],
    ["audit", "flows.csv", "--rows", "rows.csv", "-o", "answer.html"],
    ["export", "site", "--only", EXPORTED, "--jobs", "2", "--quiet"],
]


def test_no_command_is_left_out() -> None:
    tried = {argv[0] for argv in COMMANDS if not argv[0].isdigit()}
    # A port alone is show; test_foreign_surroundings.py has serve, which runs until it is ended.
    assert tried | {"show", "serve"} == EVERY_COMMAND.keys()


@pytest.mark.parametrize("argv", COMMANDS, ids=lambda argv: "-".join(argv[:2]))
def test_nothing_of_the_working_directory_runs(folder: Path, argv: list[str]) -> None:
    need(SCRIPT.exists(), "portbook is not installed beside this Python")
    run(folder, [str(SCRIPT), *argv], (0, 1, 2))
    assert ran(folder) == set()
    assert argv[0] != "export" or (folder / "site" / f"{EXPORTED.partition('-')[2]}.json").exists()


def loaded_by_python(folder: Path) -> set[str]:
    """The modules that ``python -m`` itself loads before any of ours."""
    (folder / "bare.py").write_text("import sys; print(*sys.modules)")
    # From a folder in which nothing else is: what it loads is what it would take from this one.
    bare = folder / "bare"
    bare.mkdir()
    (folder / "bare.py").rename(bare / "bare.py")
    return set(run(bare, [sys.executable, "-m", "bare"], (0,)).split())


# An export loads most of all, and takes long: with -P it is tried below.
@pytest.mark.proof
@pytest.mark.parametrize("argv", [*COMMANDS[:2], COMMANDS[-2], *(COMMANDS[-1:] if PROOF else ())])
def test_nor_does_it_with_python_m_once_portbook_is_found(folder: Path, argv: list[str]) -> None:
    """Python itself takes what it needs to start, and portbook, from there: with -P it doesn't."""
    names = {*loaded_by_python(folder), "portbook"}
    for name in names:
        (folder / f"{name}.py").unlink(missing_ok=True)
    for name in ("__init__.py", ""):
        path = folder / "portbook" / name
        path.unlink() if name else path.rmdir()
    assert (folder / "json.py").exists()
    run(folder, [sys.executable, "-m", "portbook", *argv], (0,))
    assert ran(folder) == set()


def test_with_p_nothing_at_all(folder: Path) -> None:
    argv = ["export", "site", "--only", EXPORTED, "--jobs", "2", "--quiet"]
    run(folder, [sys.executable, "-P", "-m", "portbook", *argv], (0,))
    assert ran(folder) == set()


def test_portbook_in_the_working_directory_goes_on_working(tmp_path: Path) -> None:
    """From a checkout, without installing: its own folder is last of those that are searched."""
    source = Path(__file__).resolve().parents[2] / "src"
    script = "import sys, runpy; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
    script += f"sys.path.insert(0, {str(source)!r}); sys.argv = ['portbook', '--version']\n"
    script += "runpy.run_module('portbook', run_name='__main__', alter_sys=True)"
    assert run(source, [sys.executable, "-I", "-S", "-c", script], (0,)).startswith("portbook ")
