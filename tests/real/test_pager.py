"""A long answer on a terminal: through a pager, whatever becomes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from portbook.cli.pager import pager_of
from tests.real.namespace import SOURCE
from tests.real.needs import need_program
from tests.real.terminals import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")]

PAGE = ["443", "--full", "--no-host"]  # longer than a screen
PROMPT = r"\n\r?:$"  # of less; a colon alone may be a piece of the page that came first


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened = []

    def begin(*words: str, **environ: str) -> Terminal:
        command = [sys.executable, "-m", "portbook", *words]
        opened.append(Terminal(command, tmp_path, {"PYTHONPATH": str(SOURCE), **environ}))
        return opened[-1]

    yield begin
    for terminal in opened:
        terminal.close()


def test_a_page_is_shown_in_less_and_q_ends_it(start: Callable[..., Terminal]) -> None:
    need_program("less")
    terminal = start(*PAGE)
    assert "Sources" not in terminal.until(PROMPT)
    terminal.type("G")
    terminal.until("Sources")
    terminal.type("q")
    terminal.rest()
    assert terminal.status == 0


def test_ctrl_c_is_a_key_of_less(start: Callable[..., Terminal]) -> None:
    need_program("less")
    terminal = start(*PAGE)
    terminal.until(PROMPT)
    terminal.press("\x03", r"[:\x07]$")  # it rings the bell, or writes its prompt again
    terminal.press("G", "Sources")
    terminal.type("q")
    assert "Traceback" not in terminal.rest()
    assert terminal.status == 0


def test_ctrl_c_that_ends_the_pager_ends_with_130(start: Callable[..., Terminal]) -> None:
    need_program("sleep")
    terminal = start(*PAGE, PAGER="sh -c 'echo begun; exec sleep 600'")
    assert "443" not in terminal.until("begun")
    terminal.type("\x03")
    assert "Traceback" not in terminal.rest()
    assert terminal.status == 130


def test_a_pager_that_reads_a_part_is_no_fault(start: Callable[..., Terminal]) -> None:
    need_program("head")
    terminal = start("blocks", "--limit", "0", PAGER="head -n 3")
    shown = terminal.rest()
    assert terminal.status == 0
    assert shown.count("\n") == 3


@pytest.mark.parametrize(
    "environ",
    [{"PAGER": "cat"}, {"PAGER": ""}, {"TERM": "dumb"}, {"PAGER": "no-such-pager"}, {"PAGER": "'"}],
)
def test_without_a_pager_it_is_printed(
    start: Callable[..., Terminal], environ: dict[str, str]
) -> None:
    terminal = start(*PAGE, **environ)
    shown = terminal.rest()
    assert terminal.status == 0
    assert "Sources" in shown


def test_what_fits_needs_none(start: Callable[..., Terminal]) -> None:
    terminal = start("443", "--no-host", PAGER="false")
    assert "443" in terminal.rest()
    assert terminal.status == 0


def test_its_own_variable_goes_first(start: Callable[..., Terminal]) -> None:
    need_program("head")
    terminal = start("help", PAGER="false", PORTBOOK_PAGER="head -n 1")
    assert terminal.rest().strip().startswith("usage: portbook")
    assert terminal.status == 0


def test_a_terminal_that_goes_away_ends_it(start: Callable[..., Terminal]) -> None:
    need_program("less")
    terminal = start(*PAGE)
    terminal.until(PROMPT)
    terminal.hang_up()
    assert terminal.status in (-signal.SIGHUP, 0, 1, 2, 129)


def test_a_pipe_has_none() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portbook", *PAGE],
        capture_output=True, text=True, check=True, env={**os.environ, "PAGER": "false"},
    )  # fmt: skip
    assert "Sources" in done.stdout


def test_root_takes_no_pager_that_another_user_could_change(tmp_path: Path) -> None:
    evil = tmp_path / "less"
    evil.write_text("#!/bin/sh\ntouch ran\n")
    evil.chmod(0o755)
    os.chmod(tmp_path, 0o777)
    environ = {"PATH": str(tmp_path)}
    if os.geteuid():
        assert pager_of(environ) == [str(evil)]
        return
    assert pager_of(environ) != [str(evil)]
    assert pager_of({"PAGER": str(evil)}) is None
