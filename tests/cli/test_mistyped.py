"""A mistyped command is understood, and nothing that is on record is taken for one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from portbook.catalog.text_index import words_of
from portbook.cli import COMMANDS
from portbook.cli.given import joined
from portbook.cli.mistyped import command_hint, did_you_mean, edits
from portbook.formats.errors.query import parse_query
from portbook.model import Note
from tests.cases import for_each
from tests.command_line import run
from tests.counts import PROOF
from tests.values import CATALOG, with_notes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("argv", "proposal"),
    [
        (["kill", "3000"], "portbook stop 3000"),
        (["kill", "-9", "3000"], "portbook stop 3000"),
        (["free", "3000"], "portbook why 3000 or portbook stop 3000"),
        (["free"], "portbook pick"),
        (["ls", "-la"], "portbook listen"),
        (["list", "ports"], "portbook listen"),
        (["ps"], "portbook listen"),
        (["version"], "portbook --version"),
        (["lsten"], "portbook listen"),
        (["serch", "remote desktop"], "portbook search 'remote desktop'"),
        (["Listen", "--json"], "portbook listen --json"),
        (["hsitory", "22"], "portbook history 22"),
        (["feedbakc"], "portbook feedback"),
        (["exlpian", "x" * 200], "portbook explain …"),
        (["check", "3000"], "portbook show 3000"),
        (["close", "8080/tcp"], "portbook stop 8080/tcp"),
    ],
)
def test_it_is_answered_with_did_you_mean(
    capsys: pytest.CaptureFixture[str], argv: list[str], proposal: str
) -> None:
    assert run(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"portbook: no command {argv[0]!r}; did you mean: {proposal}?\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["-p", "3000"], "no option '-p'; did you mean: portbook 3000?"),
        (["3000", "--kill"], "no option '--kill'; did you mean: portbook stop 3000?"),
        (["--kill"], "no option '--kill' (portbook show --help shows what it takes)"),
    ],
)
def test_an_option_of_another_tool(
    capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert run(argv) == 2
    assert capsys.readouterr() == ("", f"portbook: {said}\n")


@pytest.mark.parametrize("word", ["check", "status", "test", "verdict", "query"])
def test_a_verb_without_a_port_is_text(word: str) -> None:
    assert did_you_mean([word], COMMANDS, CATALOG) is None


@for_each("word", ["node", "react", "vite", "nats", "tor", "who", "ssh", "http", "remote", "lstn"])
def test_what_is_on_record_stays_what_it_is(word: str) -> None:
    if word == "lstn":  # two edits, of a short command
        assert edits(word, "listen") == 2
    assert did_you_mean([word], COMMANDS, CATALOG) is None


def test_no_name_on_record_is_taken_for_a_command() -> None:
    practice = CATALOG.practice
    names = {name for row in CATALOG.registry.rows() for name in (row.service_name, *row.aliases)}
    names |= {word for use in practice.uses() for word in words_of(use.product)}
    names |= {program.name for program in practice.programs()}
    near = [
        name
        for name in sorted(filter(None, names))[:: 1 if PROOF else 5]
        if name.isalpha()
        and name.lower() not in COMMANDS
        and any(
            abs(len(name) - len(each)) <= 2 and edits(name.lower(), each) <= 2 for each in COMMANDS
        )
    ]
    assert len(near) > (20 if PROOF else 4)
    assert [name for name in near if did_you_mean([name], COMMANDS, CATALOG)] == []


def test_nor_is_a_note_of_the_user() -> None:
    noted = with_notes(Note(8306, 8306, None, "x.toml", "Lisen API"))
    assert did_you_mean(["lisen"], COMMANDS, CATALOG) is not None
    assert did_you_mean(["lisen"], COMMANDS, noted) is None


@pytest.mark.parametrize("text", ["free port for a web server", "list all ports on my machine"])
def test_nor_is_a_question(text: str) -> None:
    assert did_you_mean(text.split(), COMMANDS, CATALOG) is None


def test_a_service_that_is_a_verb_has_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["who", "--no-host"]) == 0
    out, err = capsys.readouterr()
    assert "513" in out
    assert err == "portbook: to see what listens on this machine: portbook listen\n"
    assert run(["who", "--no-host", "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_a_name_without_a_port_before_one_has_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stp", "3000", "--no-host"]) == 0
    out, err = capsys.readouterr()
    assert "Stream Protocol" in out
    assert err == "portbook: did you mean: portbook stop 3000 --no-host?\n"


@pytest.mark.parametrize("argv", [["stp"], ["node", "3000"], ["who", "513"], ["stp", "--full"]])
def test_nothing_else_has_it(argv: list[str]) -> None:
    assert command_hint(argv, COMMANDS, CATALOG) is None


def test_another_commands_name_is_asked_for_by_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "why"]) == 0
    helped = capsys.readouterr().out
    assert run(["why", "--help"]) == 0
    assert capsys.readouterr().out == helped
    assert run(["help", "nosuch"]) == 2
    assert "'nosuch'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "transports"),
    [(["8080", "tcp"], ["tcp"]), (["udp", "53"], ["udp"]), (["8080"], ["tcp", "udp"])],
)
def test_a_port_and_a_transport_are_one_query(
    capsys: pytest.CaptureFixture[str], words: list[str], transports: list[str]
) -> None:
    assert run([*words, "--no-host", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"].startswith("portbook/port/")
    assert [*answer["transports"]][: len(transports)] == transports
    assert len(answer["transports"]) == (1 if len(words) > 1 else 4)


@pytest.mark.parametrize(
    ("words", "address"),
    [(["localhost", "8080"], "localhost"), (["::1", "8080"], "::1"), (["port", "8080"], None)],
)
def test_a_host_and_a_port_are_one_query(
    capsys: pytest.CaptureFixture[str], words: list[str], address: str | None
) -> None:
    (query,) = map(parse_query, joined(words))
    assert (query.first, query.address) == (8080, address)
    assert run([*words, "--no-host", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["port"] == 8080


@pytest.mark.parametrize("word", ["localhost", "localhost:", "127.0.0.1:", "[::1]:", "8.8.8.8"])
def test_an_address_without_a_port_is_told(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert run([word]) == 2
    assert "is an address without a port" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["3000..3010", "3000-3010"])
def test_a_range_however_it_is_written(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert run([word, "--no-host", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["first"], answer["last"]) == (3000, 3010)


def test_a_service_with_its_transport(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ssh/tcp", "--no-host", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["port"], [*answer["transports"]]) == (22, ["tcp"])


def test_several_files_are_explained(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, port in (("a", 23), ("b", 6379)):
        (tmp_path / name).write_text(f"tcp LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:*\n")
    assert run(["explain", str(tmp_path / "a"), str(tmp_path / "b")]) in (0, 1)
    out = capsys.readouterr().out
    assert "23/tcp" in out or "0.0.0.0:23" in out
    assert "6379" in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["listen", "--jsno"], "no option '--jsno'; did you mean --json? (portbook listen --help"),
        (["443", "--no-hots"], "no option '--no-hots'; did you mean --no-host? (portbook show"),
        (["stop", "80", "--yse"], "no option '--yse'; did you mean --yes?"),
        (["listen", "--levl=note"], "no option '--levl'; did you mean --level?"),
        (["audit", "x", "--colums", "a"], "no option '--colums'; did you mean --columns?"),
        (["--verison"], "no option '--verison'; did you mean --version?"),
        (["listen", "--zzzz"], "no option '--zzzz' (portbook listen --help"),
        (["listen", "-x"], "no option '-x' (portbook listen --help"),
        (["listen", "--\x1b[2J"], r"no option '--\x1b[2J' (portbook listen --help"),
        (["listen", "--sort", "prot"], "'prot' is not one of level, port, address"),
        (["listen", "--sort", "prot"], "uptime; did you mean port? (portbook"),
    ],
)
def test_a_mistyped_option_is_understood(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argv) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out
    assert said.err.count("\n") == 1
