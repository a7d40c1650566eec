"""``portbook reach``: what it takes, what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from tests.command_line import run


def test_a_port_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reach", "8080"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("8080/tcp · ")
    assert "this machine" in out or "everywhere" in out


def test_json_of_one_and_of_several(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reach", "127.0.0.1:8080", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == "portbook/reach/1"
    assert [each["address"] for each in answer["answers"]] == ["127.0.0.1"]
    assert run(["reach", "8080", "53/udp", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [(each["port"], each["transport"]) for each in answers] == [(8080, "tcp"), (53, "udp")]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("db.example.org:80", "--resolve"),
        ("203.0.113.1:80", "not an address of this machine"),
        ("0", "port 0"),
        ("80-90", "names no single port"),
    ],
)
def test_what_it_refuses(capsys: pytest.CaptureFixture[str], word: str, hint: str) -> None:
    assert run(["reach", word]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("portbook: ")
    assert hint in line
