"""How far long work is: a bar on a terminal, and nothing where there is none."""

from __future__ import annotations

import io

import pytest

from portbook.cli.progress import Measure, StatusLine, progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


@pytest.mark.parametrize("measure", Measure)
def test_a_bar_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch, measure: Measure) -> None:
    terminal = on_terminal(monkeypatch)
    with progress_bar("reading", measure, stream=terminal) as tell:
        tell(None)
        tell(0.5)
        tell(512, 2048)
    assert "reading" in terminal.getvalue()


def test_work_that_is_soon_done_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with progress_bar("reading", Measure.TIME, after=3600.0, stream=terminal) as tell:
        tell(0.5)
    assert "reading" not in terminal.getvalue()


@pytest.mark.parametrize(("quiet", "term"), [(True, "xterm"), (False, "dumb")])
def test_nothing_is_drawn_unasked(
    monkeypatch: pytest.MonkeyPatch, term: str, *, quiet: bool
) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("TERM", term)
    with progress_bar("reading", Measure.COUNT, quiet=quiet, stream=terminal) as tell:
        tell(1, 2)
    assert terminal.getvalue() == ""


def test_a_status_takes_the_place_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    line = StatusLine(terminal)
    line("waiting for pid 7")
    line("waiting\x1b[2J")
    line.clear()
    shown = terminal.getvalue()
    assert shown.count("\r\x1b[K") == 3
    assert "\x1b[2J" not in shown


def test_a_status_is_cut_where_it_would_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    StatusLine(terminal)("waiting for pid " + ", ".join(map(str, range(100))))
    (shown,) = terminal.getvalue().split("\r\x1b[K")[1:]
    assert len(shown) < 80
    assert shown.endswith("…")


def test_without_a_terminal_no_status_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    line = StatusLine()
    line("waiting")
    line.clear()
    assert capsys.readouterr().err == ""


def test_a_bar_is_there_before_anything_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with progress_bar("pages", Measure.COUNT, stream=terminal):
        pass
    assert "pages" in terminal.getvalue()
