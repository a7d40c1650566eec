"""The commands at a terminal: narrow, interrupted, or gone."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.real.namespace import SOURCE
from tests.real.terminals import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="networks of their own are Linux's"),
    pytest.mark.usefixtures("own_network"),
]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened = []

    def begin(*words: str, columns: int = 80) -> Terminal:
        command = [sys.executable, "-m", "portbook", *words]
        environ = {"PYTHONPATH": str(SOURCE), "PAGER": "cat"}
        opened.append(Terminal(command, tmp_path, environ, (24, columns)))
        return opened[-1]

    yield begin
    for terminal in opened:
        terminal.close()


@pytest.mark.parametrize(
    "words",
    [(), ("help",), ("help", "wait"), ("doctor",), ("wait", "305", "--free"), ("stats", "0-99"),
     ("map", "0-99"), ("notes",), ("note", "305", "shop"), ("kill", "305"),
     ("pick", "--near", "305")],
)  # fmt: skip
def test_twenty_columns_are_enough(start: Callable[..., Terminal], words: tuple[str, ...]) -> None:
    terminal = start(*words, columns=20)
    shown = terminal.rest()
    assert terminal.status == (2 if "kill" in words else 0), shown
    assert shown.strip()
    assert "Traceback" not in shown


def test_a_wait_says_what_for_and_ctrl_c_takes_it_away(start: Callable[..., Terminal]) -> None:
    terminal = start("wait", "305")
    terminal.until("waiting up to 60 s for a listener on 305")
    terminal.type("\x03")
    shown = terminal.rest()
    assert terminal.status == 130
    assert "Traceback" not in shown


@pytest.mark.parametrize("words", [("wait", "305"), ("listen", "--watch")])
def test_a_terminal_that_goes_away_ends_what_waits(
    start: Callable[..., Terminal], words: tuple[str, ...]
) -> None:
    terminal = start(*words)
    terminal.until(".")
    time.sleep(0.5)
    terminal.hang_up()
    assert terminal.status in (-signal.SIGHUP, 128 + signal.SIGHUP, 0, 2), terminal.status


def test_portbook_alone_goes_on_from_a_table(start: Callable[..., Terminal]) -> None:
    terminal = start()
    shown = terminal.rest()
    assert terminal.status == 0
    assert shown.rstrip().splitlines()[-3].startswith("portbook 3000 ")
