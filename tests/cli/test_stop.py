"""``portbook stop``: what it takes, what it prints, and its exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from portbook import cli
from portbook.cli import stop
from portbook.host.host_reader import HostReader
from portbook.host.linux.connections import Conflicts
from portbook.host.linux.process_tree import Own
from portbook.model import Gap, Host, Listener, OwnersSeen, PortRules, Transport, Visibility
from tests.app.test_stop import owner, socket
from tests.app.test_stopping import NEVER, Life, World
from tests.values import CATALOG, changed, gap

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.host.process_control import Hands

TCP, UDP = Transport.TCP, Transport.UDP


class Stage(HostReader):
    """Stands in for this machine: the processes of a world, and what was asked of it."""

    def __init__(self, *lives: Life) -> None:
        self.world = World(*lives)
        self.program = "node"
        self.hidden: tuple[Listener, ...] = ()
        self.missing: tuple[Gap, ...] = ()
        self.asked: list[tuple[int, Transport | None]] = []

    def read_host(self, ports: Any, transport: Transport | None, *_: Any) -> Host:
        if ports is not None:
            self.asked.append((ports[0], transport))
        listeners = self.hidden or tuple([self._named(each) for each in self.world.look()])
        visibility = Visibility.PARTIAL if self.missing else Visibility.FULL
        return Host(listeners, visibility, self.missing, PortRules("linux", 1024))

    def _named(self, listener: Listener) -> Listener:
        owners = [each._replace(program=self.program) for each in listener.ownership.owners]
        return changed(listener, owners=tuple(owners))

    def read_conflicts(self, *_: Any) -> Conflicts:
        return Conflicts((), Visibility.FULL)

    def read_elsewhere(self, *_: Any) -> Any:
        return (), ()

    def read_published(self, *_: Any) -> Any:
        return (), ()

    def read_own(self) -> Own:
        return Own((5000, 1), None, None, ())

    def read_processes(self) -> Any:
        return {}

    def systemd_runs(self) -> bool:
        return False

    def process_control(self) -> Hands:
        return self.world


def run(stage: Stage, *arguments: str) -> int:
    return stop.run(arguments, CATALOG, stage)


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
def test_what_it_takes(
    capsys: pytest.CaptureFixture[str], query: str, expected: tuple[Any, ...]
) -> None:
    stage = Stage(Life(7))
    run(stage, query, "--json")
    answer = json.loads(capsys.readouterr().out)
    assert (answer["port"], answer["transport"], answer["address"]) == expected
    assert stage.asked == [expected[:2]]
    assert not stage.world.handles


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuchservice"], "'nosuchservice' is no port, range or service"),
        (["6000-6063"], "'6000-6063' names no single port"),
        (["99999"], "is not a port number"),
        (["80/xyz"], "is not a transport"),
        ([], "PORT"),
        (["80", "--yes", "--dry-run"], "--yes and --dry-run exclude each other"),
        (["80", "--jsonl"], "unrecognized arguments"),
        (["80", "--timeout", "-1"], "--timeout -1 is not between 0 and 3600"),
        (["80", "--timeout", "nan"], "--timeout nan is not between 0 and 3600"),
        (["80", "--timeout", "soon"], "invalid float value"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.run(["stop", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_port_0_holds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["stop", "0", "--yes"]) == 2
    assert "nothing can listen on port 0" in capsys.readouterr().err


def test_a_dry_run(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(Life(7))
    stage.program = "web\x1b[2J\u202e"
    assert run(stage, "8080", "--force") == 1, "a plan that did nothing"
    out = capsys.readouterr().out
    assert "nothing is stopped without --yes" in out
    assert "kill -TERM 7" in out
    assert "To do it: portbook stop 8080 --force --yes" in out
    assert "web" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert not stage.world.handles


def test_it_is_done_with_yes(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(Life(7))
    assert run(stage, "8080", "-y") == 0
    assert "stopped: pid 7 has ended" in capsys.readouterr().out
    assert not stage.world.look()


def deaf() -> Stage:
    return Stage(Life(7, term=NEVER))


def back() -> Stage:
    """Something else listens as soon as the process has ended."""
    stage = Stage(life := Life(7))
    life.follower = socket(owner(8), inode=5)
    return stage


def anothers() -> Stage:
    stage = Stage(life := Life(7))
    life.permitted = False
    return stage


@pytest.mark.parametrize(
    ("stage", "code", "left", "fresh"),
    [(deaf, "still-running", 1, 0), (anothers, "not-permitted", 1, 0), (back, "stopped", 0, 1)],
)
def test_what_is_left_is_1(
    capsys: pytest.CaptureFixture[str],
    stage: Callable[[], Stage],
    code: str,
    left: int,
    fresh: int,
) -> None:
    assert run(stage(), "8080", "-y", "--timeout", "0.5") == 1
    out = capsys.readouterr().out
    assert f"{code}: pid 7" in out
    assert ("still listens" if left else "The port is busy again: node (pid 8)") in out
    assert run(stage(), "8080", "-y", "--timeout", "0.5", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["free"] is False
    assert len(answer["busy"]) == left + fresh
    assert [done["code"] for done in answer["done"]] == [code]


def test_what_is_refused_is_1_and_nothing_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage()
    stage.hidden = (socket(owners_seen=OwnersSeen.HIDDEN),)
    for flag in ([], ["--yes"], ["--yes", "--force"]):
        assert run(stage, "8080", *flag) == 1
    assert not stage.world.handles
    assert "owner-hidden" in capsys.readouterr().out


def test_strict() -> None:
    for flags, status in (((), 0), (("--strict",), 3)):
        stage = Stage(Life(7))
        stage.missing = (gap("other users' processes"),)
        assert run(stage, "8080", "--yes", *flags) == status


def test_several_ports_and_names_are_planned_together(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(Life(7))
    assert run(stage, "8080", "ssh", "--json") == 1
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [each["port"] for each in answers] == [8080, 22]
    assert stage.asked == [(8080, None), (22, None)]
    assert not stage.world.handles


def test_a_plan_says_what_it_would_stop(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(Life(7))
    assert run(stage, "8080", "-n") == 1
    assert "node (pid 7" in capsys.readouterr().out
