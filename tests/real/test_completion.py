"""What a TAB completes, in the shells themselves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from portbook.catalog import Catalog
from portbook.cli import COMMANDS
from portbook.cli.completion import SHELLS, names_by_letter, shapes
from tests.command_line import run
from tests.counts import PROOF
from tests.real.needs import need_program
from tests.real.terminals import Terminal
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.real

# What is typed, and what is offered for it.
TYPED = {
    "portbook lis": {"listen"},
    "portbook wh": {"why"},
    "portbook who": {"who", "whoami", "whois++"},
    "portbook li": {"listen"},
    "portbook postgresq": {"postgresql"},
    "portbook listen --lev": {"--level"},
    "portbook listen --level ": {"ok", "note", "check", "alert"},
    "portbook why post": {"postgresql"},
    "portbook topic ti": {"timeout", "time-wait"},
    "portbook explain my": {"my file.txt"},
    "portbook help wa": {"wait"},
    "portbook 80 --no-h": {"--no-host"},
    "portbook completion z": {"zsh"},
    "portbook --color al": {"always"},
}

READY = r"ready\r?\n.*> ?$"  # the prompt after it: now the shell, not the terminal, takes the keys


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[[str], Path]:
    def write(shell: str) -> Path:
        assert run(["completion", shell]) == 0
        path = tmp_path / f"portbook.{shell}"
        path.write_text(capsys.readouterr().out)
        (tmp_path / "my file.txt").touch()
        return path

    return write


def everything(words: set[str]) -> str:
    """A pattern for a text that has all of *words*, in whatever order."""
    return "".join(f"(?=.*{re.escape(word)})" for word in words) or "."


@pytest.mark.parametrize("typed", TYPED)
def test_bash_completes(typed: str, script: Callable[[str], Path]) -> None:
    path = script("bash")
    lister = (
        'source "$1"; COMP_WORDS=($2); [[ $2 == *" " ]] && COMP_WORDS+=(""); '
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _portbook; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        [need_program("bash"), "--norc", "-c", lister, "bash", str(path), typed],
        capture_output=True, text=True, check=True, cwd=path.parent,
    )  # fmt: skip
    assert done.stderr == ""
    offered = set(done.stdout.splitlines())
    assert TYPED[typed] <= offered
    assert all(word.startswith(typed.rpartition(" ")[2]) for word in offered)


def test_bash_completes_at_a_terminal(script: Callable[[str], Path], tmp_path: Path) -> None:
    path = script("bash")
    terminal = Terminal([need_program("bash"), "--norc", "-i"], tmp_path)
    try:
        terminal.type(f"PS1='> '; source '{path}'; echo rea''dy\n")
        terminal.until(READY)
        terminal.type("portbook liste\t")
        terminal.until("portbook listen ")
        terminal.type("--lev\t")
        terminal.until("--level ")
        terminal.type("=\x15portbook explain my\t")
        terminal.until(r"my\\ file\.txt")
    finally:
        terminal.close()


@pytest.mark.parametrize("typed", TYPED)
def test_zsh_completes_at_a_terminal(
    typed: str, script: Callable[[str], Path], tmp_path: Path
) -> None:
    path = script("zsh")
    terminal = Terminal([need_program("zsh"), "-f", "-i"], tmp_path)
    try:
        terminal.type(
            "PS1='> '; autoload -U compinit && compinit -u -D; "
            f"source '{path}'; setopt no_list_beep no_list_ambiguous; LISTMAX=1000; echo rea''dy\n"
        )
        terminal.until(READY)
        terminal.type(f"{typed}\t")
        words = TYPED[typed]
        shown = everything({word.replace(" ", "\\ ") for word in words})
        terminal.until(f"{re.escape(typed.rpartition(' ')[0])}{shown}")
    finally:
        terminal.close()


@pytest.mark.parametrize("typed", TYPED)
def test_fish_completes(typed: str, script: Callable[[str], Path]) -> None:
    path = script("fish")
    done = subprocess.run(
        [need_program("fish"), "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
         str(path), typed],
        capture_output=True, text=True, check=True, cwd=path.parent,
    )  # fmt: skip
    assert done.stderr == ""
    assert TYPED[typed] <= {line.partition("\t")[0] for line in done.stdout.splitlines()}


def cpu(command: list[str]) -> float:
    """The processor time of *command*, in seconds; the least of five."""
    times = []
    for _ in range(5):
        before = os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        times.append(
            after.children_user + after.children_system
            - before.children_user - before.children_system
        )  # fmt: skip
    return min(times)


def test_a_tab_takes_no_longer_than_an_interpreter_and_a_half(
    script: Callable[[str], Path],
) -> None:
    count = 200 if PROOF else 50
    bare = cpu([sys.executable, "-c", f"for _ in range({count}): pass"])
    once = 'source "$1"; COMP_WORDS=(portbook po); COMP_CWORD=1; '
    shell = [need_program("bash"), "--norc", "-c"]
    path = str(script("bash"))
    idle = cpu([*shell, once, "bash", path])
    often = f"for ((n = 0; n < {count}; n++)); do _portbook; done"
    tabs = cpu([*shell, once + often, "bash", path])
    assert (tabs - idle) / count <= 1.5 * max(bare, 0.01)
    assert idle <= 1.5 * max(bare, 0.01), "nor does loading it"


def test_every_command_and_option_is_completed(capsys: pytest.CaptureFixture[str]) -> None:
    every = shapes(CATALOG)
    assert [shape.name for shape in every] == [*COMMANDS]
    flags = {flag for shape in every for option in shape.options for flag in option.flags}
    assert {"--json", "--watch", "-q", "--color"} <= flags
    for shell in SHELLS:
        assert run(["completion", shell]) == 0
        out = capsys.readouterr().out
        for flag in flags:
            named = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
            assert (named if shell == "fish" else flag) in out, (shell, flag)


class HostileRegistry:
    """A registry that an update brought: with names that a shell would run."""

    def rows(self) -> list[object]:
        row = next(iter(CATALOG.registry.rows()))
        evil = ("$(touch x)", "a;touch x", "a'b", "a b", "-rf", "`id`", "é")
        return [row._replace(service_name="ssh", aliases=(*evil, "whois++"))]


def test_no_name_can_be_a_command_of_the_shell() -> None:
    hostile = Catalog(HostileRegistry())  # type: ignore[arg-type]  # only its rows are read
    assert names_by_letter(hostile) == {"s": ("ssh",), "w": ("whois++",)}
    assert sum(map(len, names_by_letter(CATALOG).values())) > 5000


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) == 2
    assert "'tcsh'" in capsys.readouterr().err
