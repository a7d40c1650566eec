"""The help: in groups, with examples that can be run, and the exit statuses."""

from __future__ import annotations

import re
import shlex

import pytest

from portbook import __version__
from portbook.cli import COMMANDS
from portbook.cli.help import GROUPS, parser_of
from portbook.cli.terminal import style
from portbook.cli.usage import EXAMPLES, statuses_of
from tests.cases import for_each
from tests.command_line import run
from tests.values import CATALOG


def test_every_command_stands_in_one_group() -> None:
    listed = [name for names in GROUPS.values() for name in names]
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_has_three_examples_and_its_statuses(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert len(EXAMPLES[name]) == 3
    assert run([name, "--help"]) == 0
    helped = capsys.readouterr().out
    for command, about in EXAMPLES[name]:
        assert f"  {command} " in helped.replace("\n", " ")
        assert about in helped
    statuses = statuses_of(name)
    assert [status for status, _ in statuses] == sorted({status for status, _ in statuses})
    assert "exit status:" in helped


@for_each("name", COMMANDS)
def test_the_examples_can_be_parsed(name: str) -> None:
    assert EXAMPLES[name]
    for command, _ in EXAMPLES[name]:
        (line,) = re.findall(r"portbook [^|()]*", command)
        words = shlex.split(line)[1:]
        if words[:1] == [name]:
            words.pop(0)
        if "--" in words:
            words = words[: words.index("--")]
        parser_of(COMMANDS[name][0], CATALOG).parse_intermixed_args(words)


def test_portbook_alone_lists_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    out = capsys.readouterr().out
    assert run(["listen"]) in (0, 1)
    listed = capsys.readouterr().out
    assert listed.splitlines()[0].split()[1:] == out.splitlines()[0].split()[1:]
    assert [line.split("  ")[0] for line in out.splitlines()[-3:]] == [
        "portbook 3000", "portbook stop 3000", "portbook help",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_the_version(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert run([word]) == 0
    assert capsys.readouterr().out == f"portbook {__version__}\n"


# -- colours ----------------------------------------------------------------------------------


@for_each(
    "environ, coloured",
    [
        ({}, False),  # no terminal
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0"}, False),
        ({"CLICOLOR_FORCE": ""}, False),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0", "CLICOLOR_FORCE": "1"}, False),
    ],
)
def test_the_environment_chooses_colours(environ: dict[str, str], coloured: bool) -> None:
    assert style(environ).colour is coloured


@pytest.mark.parametrize(
    ("words", "coloured"),
    [
        (["--color=always", "305"], True),
        (["305", "--color", "always"], True),
        (["--color", "never", "305"], False),
        (["305", "--color=auto"], False),
    ],
)
def test_the_command_line_chooses_before_it(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    coloured: bool,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    if "never" in words:
        monkeypatch.setenv("FORCE_COLOR", "1")
    if "always" in words:
        monkeypatch.setenv("NO_COLOR", "1")
    assert run([*words, "--no-host"]) == 0
    assert ("\x1b[" in capsys.readouterr().out) is coloured
    assert style({}).colour is False, "it holds for one command alone"


@pytest.mark.parametrize("words", [["--color=pink", "305"], ["305", "--color"]])
def test_another_choice_is_refused(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "auto, always, never" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["443", "-j"],
        ["show", "-j", "443"],
        ["pick", "-j"],
        ["stats", "-j"],
        ["listen", "-j"],
        ["history", "853", "-j"],
        ["notes", "-j"],
    ],
)
def test_json_has_a_short_flag(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run(words) in (0, 1)
    assert capsys.readouterr().out.startswith('{"schema":"portbook/')


def test_the_whole_page_has_a_short_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["443", "-f", "--no-host"]) == 0
    short = capsys.readouterr().out
    assert run(["443", "--full", "--no-host"]) == 0
    assert capsys.readouterr().out == short


def test_what_is_missing_is_told_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stop"]) == 2
    assert capsys.readouterr().err == (
        "portbook: PORT is missing, as in portbook stop 3000 "
        "(portbook stop --help shows what it takes)\n"
    )


def test_a_range_is_counted_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stats", "system", "--json"]) == 0
    by_name = capsys.readouterr().out
    assert run(["stats", "0-1023", "--json"]) == 0
    assert capsys.readouterr().out == by_name
