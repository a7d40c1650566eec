"""Every command with hostile text for each of its arguments: one line, and nothing raw in it.

The options are those that the command's own help names, so a new one is tried as well.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from portbook.cli import COMMANDS
from tests.command_line import run
from tests.counts import PROOF

if TYPE_CHECKING:
    from pathlib import Path

    from tests.surroundings import StandardInput

# What a terminal obeys, a line break, bytes that are no text, numbers past any limit.
HOSTILE = (
    "\x1b]0;x\x07\x1b[2J\u202e\u2028\x9b", "a\nb\x1b[2J", "\udcff\udc9b", "\x1b" * 3000,
    "--\x1b[2J=\x1b", "/proc/\x1b[2J/x.csv", "x\x1b[2J.csv",
    "9" * 5000, "-1e999", "",
)  # fmt: skip
TRIED = HOSTILE if PROOF else HOSTILE[:3]
# These act, wait or never end, whatever their value is.
LEFT_OUT = {"--help", "--debug", "--watch", "--hold", "--yes", "--open", "--probe"}
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def ran(capfd: pytest.CaptureFixture[str], argv: list[str]) -> tuple[int, str, str]:
    status = run(argv)
    return status, *capfd.readouterr()


@pytest.fixture(autouse=True)
def few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export is of a few pages: their number changes nothing of what it says."""
    from tests.web.export.few_pages import export_few

    export_few(monkeypatch, ("index",))


@pytest.mark.proof
@pytest.mark.parametrize("name", COMMANDS)
def test_hostile_arguments_are_answered_or_refused_in_a_line(
    name: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    piped: StandardInput,
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(folder, str(tmp_path))
    named = set(_OPTION.findall(ran(capfd, [name, "--help"])[1]))
    assert named >= {"--help", "--debug"}
    options = sorted(named - LEFT_OUT)
    # A server that starts would go on, so it never gets a port. An export is of one page.
    last = {"serve": ["--port", "none"], "export": ["--only", "22", "--jobs", "1"]}.get(name, [])
    assert TRIED
    for at, value in enumerate(TRIED):
        forms = [
            [[option, value] for option in options],
            [[f"{option}={value}"] for option in options],
            [["22", option, value] for option in options],
        ]
        # Each option takes each value; outside of make proof, in one of the ways to write it.
        tries = itertools.chain(*(forms if PROOF else forms[at % 3 : at % 3 + 1]))
        for words in [[value], [value, value], *tries]:
            piped(value.encode("utf-8", "surrogatepass"))
            status, out, err = ran(capfd, [name, *words, *last])
            told = (ascii(words)[:300], status, ascii(err)[:500])
            assert status in (0, 1, 2, 3), told
            assert not {char for char in out + err if not char.isprintable()} - {"\n"}, told
            assert "Traceback" not in err, told
            assert len(err) < 3000, told
            lines = err.splitlines()  # one for each of two arguments
            assert status != 2 or 1 <= len(lines) <= 2, told
            assert status != 2 or all(line.startswith("portbook: ") for line in lines), told
