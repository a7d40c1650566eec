"""``portbook stop``: what it takes, what it prints, and its exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import portbook.app.stop.collect
from portbook import cli
from portbook.app.stop.executor import Done, Outcome
from portbook.model import OwnersSeen, Transport
from tests.app.test_stop import owner, scene, socket
from tests.values import gap

if TYPE_CHECKING:
    from portbook.app.stop.model import Scene

TCP, UDP = Transport.TCP, Transport.UDP


class Stage:
    """Stands in for this machine: a scene, and what came of carrying a plan out."""

    def __init__(self) -> None:
        self.asked: tuple[Any, ...] = ()
        self.scene = scene(socket(owner(program="web\x1b[2J\u202e")))
        self.outcome = Outcome((Done("stopped", "pid 7 has ended", 7),), (), ())
        self.carried = 0

    def read_scene(
        self, port: int, transport: Transport | None, address: str | None, _: Any
    ) -> Scene:
        self.asked = (port, transport, address)
        return self.scene

    def carry_out(self, *_: Any) -> Outcome:
        self.carried += 1
        return self.outcome


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    monkeypatch.setattr(portbook.app.stop.collect, "read_scene", made.read_scene)
    monkeypatch.setattr(portbook.app.stop.collect, "carry_out", made.carry_out)
    return made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("8080", (8080, None, None)),
        (":8080", (8080, None, None)),
        ("53/udp", (53, UDP, None)),
        ("127.0.0.1:8080", (8080, None, "127.0.0.1")),
        ("localhost:3000", (3000, None, "localhost")),
        ("EADDRINUSE: address already in use :::3000", (3000, None, "::")),
    ],
)
def test_what_it_takes(stage: Stage, query: str, expected: tuple[Any, ...]) -> None:
    assert cli.run(["stop", query]) == 0
    assert stage.asked == expected
    assert stage.carried == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ssh"], "'ssh' names no single port"),
        (["6000-6063"], "'6000-6063' names no single port"),
        (["99999"], "is not a port number"),
        (["80/xyz"], "is not a transport"),
        ([], "PORT"),
        (["80", "81"], "unrecognized arguments"),
        (["80", "--jsonl"], "unrecognized arguments"),
        (["80", "--timeout", "-1"], "--timeout -1 is not between 0 and 3600"),
        (["80", "--timeout", "nan"], "--timeout nan is not between 0 and 3600"),
        (["80", "--timeout", "soon"], "invalid float value"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_2(
    stage: Stage, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.run(["stop", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert stage.carried == 0


def test_port_0_holds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["stop", "0", "--yes"]) == 2
    assert "nothing can listen on port 0" in capsys.readouterr().err


def test_a_dry_run(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["stop", "8080", "--force"]) == 0
    out = capsys.readouterr().out
    assert "nothing is stopped without --yes" in out
    assert "kill -TERM 7" in out
    assert "To do it: portbook stop 8080 --force --yes" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert stage.carried == 0


def test_it_is_done_with_yes(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["stop", "8080", "-y"]) == 0
    assert "stopped: pid 7 has ended" in capsys.readouterr().out
    assert stage.carried == 1


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome((Done("still-running", "pid 7 still runs", 7),), (), ()),
        Outcome((Done("stopped", "it has ended", 7),), (socket(owner()),), ()),
        Outcome((Done("stopped", "it has ended", 7),), (), (socket(owner(8)),), ("Busy again.",)),
        Outcome((Done("not-permitted", "another user", 7),), (socket(owner()),), ()),
    ],
)
def test_what_is_left_is_1(
    stage: Stage, capsys: pytest.CaptureFixture[str], outcome: Outcome
) -> None:
    stage.outcome = outcome
    assert cli.run(["stop", "8080", "-y"]) == 1
    assert outcome.done[0].message in capsys.readouterr().out
    assert cli.run(["stop", "8080", "-y", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["free"] is outcome.free
    assert len(found["busy"]) == len(outcome.left + outcome.fresh)


def test_what_is_refused_is_1_and_nothing_is_done(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.scene = scene(socket(owners_seen=OwnersSeen.HIDDEN))
    for flag in ([], ["--yes"], ["--yes", "--force"]):
        assert cli.run(["stop", "8080", *flag]) == 1
    assert stage.carried == 0
    assert "owner-hidden" in capsys.readouterr().out


def test_strict(stage: Stage) -> None:
    stage.scene = stage.scene._replace(missing=(gap("other users' processes"),))
    assert cli.run(["stop", "8080", "--yes"]) == 0
    assert cli.run(["stop", "8080", "--yes", "--strict"]) == 3
