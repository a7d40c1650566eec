"""The manual pages: of every command, from its parser, and ``man`` shows them without a warning."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from portbook.cli import COMMANDS
from portbook.cli.help import parser_of
from tasks import build_man
from tests.real.needs import need_program
from tests.values import CATALOG

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("man") / "man1"
    build_man.write(made)
    return made


def rendered(path: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-ww"}
    return subprocess.run(
        [need_program("man"), "--warnings=all", "-l", str(path)],
        capture_output=True, text=True, env=environ, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_every_command_has_a_page_and_nothing_else_is_left(folder: Path) -> None:
    names = {"portbook.1", *(f"portbook-{name}.1" for name in COMMANDS)}
    (folder / "portbook-gone.1").touch()
    build_man.write(folder)
    assert {path.name for path in folder.iterdir()} == names


@pytest.mark.real
def test_man_shows_every_page_without_a_warning(folder: Path) -> None:
    pages = sorted(folder.iterdir())
    assert len(pages) > len(COMMANDS)
    for path in pages:
        shown = rendered(path)
        assert (shown.returncode, shown.stderr) == (0, ""), path.name
        for title in ("NAME", "SYNOPSIS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"):
            assert f"\n{title}\n" in shown.stdout, path.name


@pytest.mark.real
@pytest.mark.parametrize("name", ["why", "show", "explain"])
def test_a_page_has_what_the_parser_has(folder: Path, name: str) -> None:
    shown = " ".join(rendered(folder / f"portbook-{name}.1").stdout.split())
    actions = parser_of(COMMANDS[name][0], CATALOG)._actions
    told = [action for action in actions if action.help != "==SUPPRESS=="]
    flags = [flag for action in told for flag in action.option_strings]
    assert "--json" in flags
    assert [flag for flag in flags if flag not in shown] == []
    assert f"portbook-{name} - {COMMANDS[name][1]}" in shown
    (operand,) = [action for action in told if not action.option_strings]
    assert f" ARGUMENTS {operand.metavar} {(operand.help or '')[:20]}" in shown


def test_no_text_is_a_request_of_troff() -> None:
    assert build_man.escaped(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert build_man.escaped("a\\fBb's") == "a\\efBb\\(aqs"
