"""The wheel: what a user without any extra gets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from portbook.cli import COMMANDS
from tasks import build_man, release
from tests.counts import PROOF

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source archive and the wheel, which is built from it."""
    return release.build(ROOT, tmp_path_factory.mktemp("release"))


@pytest.fixture
def wheel(released: tuple[Path, Path]) -> Path:
    return released[1]


@pytest.mark.real
def test_a_release_of_this_tree_is_built_and_tried(released: tuple[Path, Path]) -> None:
    archive, wheel = released
    version = release.version_of(ROOT)
    release.check_files(archive, wheel, version)
    if PROOF:  # the last test here installs it in any case
        release.check_installed(wheel, version)


def test_it_holds_the_data_the_licence_and_the_notice(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "portbook/catalog/registry/data/registry.tsv",
        "portbook/catalog/registry/data/blocks.tsv",
        "portbook/catalog/practice/data/programs.tsv",
        "portbook/py.typed",
    ):
        assert wanted in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "tasks", "benchmarks"))]


def test_it_holds_the_package_whole_and_nothing_else(wheel: Path) -> None:
    package = ROOT / "src" / "portbook"
    files = (path for path in package.rglob("*") if path.is_file())
    wanted = {
        path.relative_to(package.parent).as_posix()
        for path in files
        if "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if not re.search(r"\.(dist-info|data)/", name)} == wanted


def test_it_holds_the_manual_pages_as_the_parsers_are_now(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    data = {
        name.partition(".data/data/")[2]: archive.read(name).decode()
        for name in archive.namelist()
        if ".data/" in name
    }
    assert data == {f"share/man/man1/{name}": text for name, text in build_man.pages().items()}
    assert len(data) == len(COMMANDS) + 1


@pytest.mark.real
def test_it_looks_a_port_up_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    make = [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")]
    subprocess.run(make, check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    # Of all its modules the command below compiles those that it needs.
    subprocess.run([*install, "--no-compile", str(wheel)], check=True, capture_output=True)
    portbook = str(tmp_path / "venv" / "bin" / "portbook")
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [portbook, "305", "--json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environ,
    )
    answer = json.loads(done.stdout)
    assert (answer["port"], answer["state"], answer["block"]["first"]) == (305, "unassigned", 301)
    assert answer["host"]["visibility"] in ("full", "partial")
    page = tmp_path / "venv" / "share" / "man" / "man1" / "portbook-why.1"
    assert page.read_text() == build_man.pages()["portbook-why.1"]
