"""``portbook stop``: what it takes, what it prints, and its exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from portbook import cli
from portbook.cli import stop
from portbook.errors import InvalidQuery
from portbook.host.containers import Published
from portbook.host.host_reader import HostReader
from portbook.host.linux.connections import Conflicts
from portbook.host.linux.process_tree import CurrentProcess
from portbook.model import Gap, Host, Listener, OwnersSeen, PortRules, Transport, Visibility
from tests.app.stop.test_executor import NEVER, Life, World
from tests.app.test_stop import owner, socket
from tests.values import CATALOG, changed, gap

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.host.process_control import Hands
    from tests.surroundings import StandardInput

TCP, UDP = Transport.TCP, Transport.UDP


class Stage(HostReader):
    """Stands in for this machine: the processes of a world, and what was asked of it."""

    def __init__(self, *lives: Life) -> None:
        self.world = World(*lives)
        self.program = "node"
        self.names: dict[int, str] = {}
        self.hidden: tuple[Listener, ...] = ()
        self.missing: tuple[Gap, ...] = ()
        self.asked: list[tuple[int, Transport | None]] = []
        self.published: dict[int, Published] = {}
        self.elsewhere: tuple[tuple[str, Host], ...] = ()

    def read_host(self, ports: Any, transport: Transport | None, *_: Any) -> Host:
        if ports is not None:
            self.asked.append((ports[0], transport))
        listeners = self.hidden or tuple([self._named(each) for each in self.world.look()])
        first, last = ports or (0, 65535)
        listeners = tuple([each for each in listeners if first <= each.socket.port <= last])
        visibility = Visibility.PARTIAL if self.missing else Visibility.FULL
        return Host(listeners, visibility, self.missing, PortRules("linux", 1024))

    def _named(self, listener: Listener) -> Listener:
        owners = [
            each._replace(program=self.names.get(each.pid, self.program))
            for each in listener.ownership.owners
        ]
        return changed(listener, owners=tuple(owners))

    def read_conflicts(self, *_: Any) -> Conflicts:
        return Conflicts((), Visibility.FULL)

    def read_elsewhere(self, *_: Any) -> Any:
        if self.elsewhere:
            return self.elsewhere, ()
        return (), ()

    def read_published(self, port: int, _: str) -> Any:
        return tuple([self.published[port]] if port in self.published else []), ()

    def read_published_ports(self, first: int, last: int, _: str | None) -> Any:
        return tuple([port for port in self.published if first <= port <= last]), ()

    def read_own(self) -> CurrentProcess:
        return CurrentProcess((5000, 1), None, None, ())

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
        ("EADDRINUSE: address already in use :::3000", (3000, None, None)),
        ("listen tcp 127.0.0.1:3000: bind: address already in use", (3000, TCP, "127.0.0.1")),
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
        (["nosuchservice"], "'nosuchservice' is not a port, a range or a service"),
        (["home banking"], "'home banking' names no port"),
        (["80", "--pid", "node"], "is not a whole number"),
        (["99999"], "is not a port number"),
        (["80/xyz"], "is not a transport"),
        ([], "PORT"),
        (["80", "--yes", "--dry-run"], "--yes and --dry-run exclude each other"),
        (["80", "--jsonl"], "no option '--jsonl'; did you mean --json?"),
        (["80", "--timeout", "-1"], "--timeout -1 is not between 0 and 3600"),
        (["80", "--timeout", "nan"], "--timeout nan is not between 0 and 3600"),
        (["80", "--timeout", "soon"], "is not a number"),
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
    assert "would be stopped with --yes" in out
    assert "kill -TERM 7" in out
    assert "To do it: portbook stop 8080 --force --yes" in out
    assert "web" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert not stage.world.handles


def test_a_pasted_error_on_standard_input_names_the_port(
    capsys: pytest.CaptureFixture[str], piped: StandardInput
) -> None:
    text = b"node:events:497\n  throw er;\nError: listen EADDRINUSE: address already in use :::8080"
    piped(text)
    stage = Stage(Life(7))
    assert run(stage, "-") == 1
    assert stage.asked[0] == (8080, None)
    assert "To do it: portbook stop 8080 --yes" in capsys.readouterr().out
    piped(b"80\n443\n")
    with pytest.raises(InvalidQuery, match="standard input has 2 queries: give one port"):
        run(stage, "-")


def test_what_failed_to_bind_every_address_is_stopped_on_any() -> None:
    stage = Stage(Life(7))  # on 0.0.0.0, which stands in the way of :: with IPv4
    assert run(stage, "EADDRINUSE: address already in use :::8080", "--yes") == 0
    assert not stage.world.look()
    assert run(Stage(Life(7)), "[::]:8080", "--yes") == 1, "an address that is typed is meant"


def test_of_many_network_namespaces_three_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage()
    there = Host((socket(owner(9)),), Visibility.FULL)
    stage.elsewhere = tuple([(f"pid {pid} (web)", there) for pid in range(9, 14)])
    assert run(stage, "8080") == 1
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("in the network namespace of pid") == 3
    assert out.count("nsenter -t 9 -n portbook stop 8080") == 1  # the same helps with all three
    assert "in the network namespace of pid 9 (web), and" in out
    assert out.endswith("2 more sockets in other network namespaces.")


def test_sockets_of_one_program_elsewhere_are_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage = Stage()
    there = Host((socket(owner(9)), socket(owner(9), address="127.0.0.1")), Visibility.FULL)
    stage.elsewhere = (("pid 9 (web)", there),)
    assert run(stage, "8080") == 1
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("nsenter -t 9 -n portbook stop 8080") == 1
    assert "1 more socket in other network namespaces." in out


def test_a_megabyte_of_arguments_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage()
    owned = owner(7)._replace(command=("/usr/bin/node", "server.js", "x" * 1_000_000))
    stage.hidden = (socket(owned),)
    assert run(stage, "8080") == 1
    out = capsys.readouterr().out
    assert "… (1,000,015 characters)" in " ".join(out.split())
    assert len(out) < 3000


def test_it_is_done_with_yes(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(Life(7))
    assert run(stage, "8080", "-y") == 0
    assert "pid 7 has ended" in capsys.readouterr().out
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
    said = {"deaf": "still runs", "anothers": "belongs to another user", "back": "has ended"}
    assert f"pid 7 {said[stage.__name__]}" in out
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
    assert "A process you can't see holds tcp 0.0.0.0:8080." in capsys.readouterr().out


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


# -- several programs -------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [(), ("--force",), ("--json",)])
def test_yes_stops_none_of_two_programs_that_nobody_named(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    stage = Stage(Life(7), Life(8))
    assert run(stage, "8080", "--yes", *flags) == 1
    out = capsys.readouterr().out
    assert not stage.world.handles, "no process was opened, so none was signalled"
    for pid in (7, 8):
        assert f"portbook stop 8080/tcp --pid {pid} --yes" in out


@pytest.mark.parametrize("choice", [("--pid", "8"), ("--program", "NODE"), ("--program", "no*")])
def test_only_what_is_named_is_stopped(
    capsys: pytest.CaptureFixture[str], choice: tuple[str, str]
) -> None:
    stage = Stage(Life(7), Life(8))
    stage.names = {7: "ruby"}
    assert run(stage, "8080", "--yes", *choice) == 0
    assert [life.got for life in stage.world.lives.values()] == [[], [15]]
    out = capsys.readouterr().out
    assert "still listens on tcp 0.0.0.0:8080, as you asked" in out
    assert "any more" not in out


def test_the_port_is_not_free_while_the_other_program_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(Stage(Life(7), Life(8)), "8080", "--yes", "--pid", "8", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["free"], answer["refused"]) == (False, [])
    assert [each["owners"][0]["pid"] for each in answer["busy"]] == [7]


def test_both_can_be_named() -> None:
    stage = Stage(Life(7), Life(8))
    assert run(stage, "8080", "--yes", "--pid", "7", "--pid", "8") == 0
    assert not stage.world.look()


@pytest.mark.parametrize("choice", [("--pid", "9"), ("--program", "nod"), ("--program", "7")])
def test_another_program_is_left_alone(
    capsys: pytest.CaptureFixture[str], choice: tuple[str, str]
) -> None:
    stage = Stage(Life(7))
    assert run(stage, "8080", "--yes", *choice) == 1
    assert not stage.world.handles
    out = " ".join(capsys.readouterr().out.split())
    assert "node (pid 7) holds tcp 0.0.0.0:8080" in out
    assert "Fix: portbook stop 8080/tcp --pid 7 " in f"{out} "


def test_a_plan_for_two_programs_ends_with_a_command_for_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(Stage(Life(7), Life(8)), "8080") == 1
    out = capsys.readouterr().out
    assert "2 different programs have the port" in out
    assert out.endswith(
        "To stop one of them:\n"
        "  portbook stop 8080/tcp --pid 7 --yes\n"
        "  portbook stop 8080/tcp --pid 8 --yes\n"
    )


# -- ranges -----------------------------------------------------------------------------------


def two_ports() -> Stage:
    stage = Stage(Life(7), Life(8))
    stage.world.lives[8].port = 8082
    return stage


def test_a_range_is_its_ports_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    stage = two_ports()
    assert run(stage, "8080-8089", "-n") == 1
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("808")] == [
        "8080: node can be stopped, one by one",
        "8082: node can be stopped, one by one",
    ]


def test_a_range_has_the_ports_that_containers_publish(capsys: pytest.CaptureFixture[str]) -> None:
    """The kernel sends them on: nothing is bound to them."""
    stage = Stage()
    stage.published = {
        8085: Published("docker", "0123456789ab", "web"),
        9000: Published("", "", ""),
    }
    stage.world.lives.clear()
    assert run(stage, "8080-8089", "-n") == 1
    out = capsys.readouterr().out
    assert "8085: with --yes, docker stops the container 0123456789ab (web)\n" in out
    assert "docker stop 0123456789ab" in out
    assert "9000" not in out


def test_yes_stops_no_range_of_several_programs(capsys: pytest.CaptureFixture[str]) -> None:
    stage = two_ports()
    assert run(stage, "8080-8089", "--yes") == 1
    assert not stage.world.handles
    assert "Fix: portbook stop 8082/tcp --pid 8 --yes" in capsys.readouterr().out


def test_ports_that_are_named_one_by_one_are_stopped() -> None:
    stage = two_ports()
    assert run(stage, "8080", "8082", "--yes") == 0
    assert not stage.world.look()


def test_a_range_of_one_program_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(Life(7))
    assert run(stage, "8080-8089", "--yes", "--json") == 0
    assert not stage.world.look()
    assert [each["port"] for each in json.loads(capsys.readouterr().out)["answers"]] == [8080]


def test_a_range_without_anything(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Stage(Life(7)), "9000-9010", "--yes") == 1
    assert capsys.readouterr().out == "Nothing is bound to 9000–9010 on this machine.\n"
    assert run(Stage(Life(7)), "9000-9010", "--yes", "--json") == 1
    assert json.loads(capsys.readouterr().out)["answers"] == []
