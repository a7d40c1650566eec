"""Carrying out a plan: processes that end, hang, are replaced, or come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from portbook.app.stop.executor import GOOD, OUTCOMES, DoneCode, Outcome, Waiting, Way, carry_out
from portbook.app.stop.model import Plan, Step, StepKind
from portbook.host.linux.process_tree import Relative
from portbook.host.process_control import Hands, Identity, Ran
from portbook.present.phrases.stops import (
    DONE,
    done_message,
    outcome_notes,
    outcome_sentence,
    supervised_notes,
    waiting_line,
)
from tests.app.test_stop import owner, scene, socket
from tests.values import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from portbook.model import Listener

NEVER = 1e9


class Life:
    """A process that ends so many seconds after a signal, or never."""

    def __init__(self, pid: int, term: float = 0.0, kill: float = 0.0) -> None:
        self.identity = Identity(pid, pid * 10, "/usr/bin/x")
        self.term, self.kill = term, kill
        self.ends = NEVER
        self.holds = True
        self.port = 8080
        self.permitted = True
        self.follower: Listener | None = None  # what listens once it has ended
        self.got: list[int] = []


class World(Hands):
    """Hands on processes of a test's own, in a time of its own."""

    def __init__(self, *lives: Life) -> None:
        super().__init__()
        self.lives = {each.identity.pid: each for each in lives}
        self.time = 0.0
        self.handles: dict[int, Life] = {}
        self.closed: list[int] = []
        self.between: Callable[[], None] = lambda: None
        self.ran: list[tuple[str, ...]] = []
        self.answer: Ran | OSError = Ran(0, "")
        self.fresh: tuple[Listener, ...] = ()
        self.later = 0.0  # the moment at which ``fresh`` listens
        self.children: Callable[[], tuple[Relative, ...]] = lambda: ()
        self.relatives: Callable[[], tuple[Relative, ...]] = lambda: ()
        self.takes = 0.0
        self.waits: list[Waiting] = []

    def alive(self, life: Life) -> bool:
        return self.lives.get(life.identity.pid) is life and self.time < life.ends

    def identify(self, pid: int) -> Identity | None:
        life = self.lives.get(pid)
        return life.identity if life is not None and self.alive(life) else None

    def holds(self, pid: int, inodes: Iterable[int]) -> bool | None:
        return self.lives[pid].holds

    def open(self, pid: int) -> Any:
        life = self.lives.get(pid)
        if life is None or not self.alive(life):
            raise ProcessLookupError
        handle = len(self.handles)
        self.handles[handle] = life
        self.between()
        return handle

    def signal(self, handle: Any, number: int) -> None:
        life = self.handles[handle]
        assert handle not in self.closed
        if not self.alive(life):
            raise ProcessLookupError
        if not life.permitted:
            raise PermissionError
        life.got.append(number)
        if number == self.TERM:
            life.ends = min(life.ends, self.time + life.term)
        elif number == self.KILL:
            life.ends = min(life.ends, self.time + life.kill)

    def wait(self, handle: Any, seconds: float) -> bool:
        if not self.alive(self.handles[handle]):
            return True
        self.time += seconds
        return not self.alive(self.handles[handle])

    def close(self, handle: Any) -> None:
        assert handle not in self.closed
        self.closed.append(handle)

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.time += seconds

    def run(self, command: Sequence[str], tick: Callable[[], None], limit: float) -> Ran:
        self.ran.append(tuple(command))
        if isinstance(self.answer, OSError):
            raise self.answer
        for _ in range(int(self.takes * 10)):
            self.time += 0.1
            tick()
        if not self.answer.status:
            self.lives.clear()
        return self.answer

    def look(self) -> tuple[Listener, ...]:
        held = tuple(
            socket(owner(pid), inode=pid * 100, port=life.port)
            for pid, life in self.lives.items()
            if self.alive(life) and life.holds
        )
        ended = [life for life in self.lives.values() if not self.alive(life)]
        followers = [life.follower for life in ended if life.follower is not None]
        fresh = self.fresh if self.time >= self.later else ()
        return (*held, *followers, *fresh)

    def processes(self) -> dict[int, Relative]:
        return {each.pid: each for each in self.relatives()}


def planned(world: World, *, later: tuple[int, ...] = (), manager: bool = False) -> Plan:
    seen = world.look()
    first = tuple(each.identity for pid, each in world.lives.items() if pid not in later)
    rest = tuple(each.identity for pid, each in world.lives.items() if pid in later)
    command = ("systemctl", "stop", "--", "web.service") if manager else ("kill", "-TERM", "7")
    sockets = tuple(each.socket.inode or 0 for each in seen)
    kind = StepKind.MANAGER if manager else StepKind.SIGNAL
    facts = (("runs", ("node",) * len(first)), ("later_runs", ("node",) * len(rest)))
    step = Step(kind, command, facts, first, rest, sockets)
    return Plan(scene(*seen), (step,), (), ())


def done(world: World, plan: Plan, *, force: bool = False, patience: float = 10) -> Outcome:
    """Carries *plan* out; each thing done has its sentence, and there may be none."""
    way = Way(force, patience)
    outcome = carry_out(plan, world, world.look, world.processes, way, world.waits.append)
    assert all(map(done_message, outcome.done))
    assert sorted(world.closed) == sorted(world.handles)  # every handle is given up, once
    return outcome


def test_each_outcome_has_its_sentence() -> None:
    assert set(OUTCOMES) == set(DoneCode) == {key.partition(" ")[0] for key in DONE}


def codes(outcome: Outcome) -> list[str]:
    return [each.code for each in outcome.done]


def test_one_that_ends() -> None:
    world = World(life := Life(7, term=2.5))
    outcome = done(world, planned(world))
    assert codes(outcome) == ["stopped"]
    assert outcome.free
    assert life.got == [Hands.TERM, Hands.CONT]
    assert list(map(waiting_line, world.waits)) == [
        "SIGTERM sent, waiting for pid 7 to end: 1 s",
        "SIGTERM sent, waiting for pid 7 to end: 2 s",
    ]
    assert outcome_sentence(outcome, "3000") == "Nothing listens on 3000 any more."


def test_one_that_ignores_it() -> None:
    world = World(life := Life(7, term=NEVER))
    outcome = done(world, planned(world), patience=3)
    assert codes(outcome) == ["still-running"]
    assert "--force" in done_message(outcome.done[0])
    assert Hands.KILL not in life.got
    assert not outcome.free
    assert "still listens" in outcome_sentence(outcome, "3000")
    assert 3 <= world.time < 5


def test_one_that_ignores_it_and_is_forced() -> None:
    world = World(life := Life(7, term=NEVER, kill=0.3))
    outcome = done(world, planned(world), force=True, patience=2)
    assert codes(outcome) == ["killed"]
    assert life.got == [Hands.TERM, Hands.CONT, Hands.KILL]
    assert outcome.free


def test_one_that_nothing_ends() -> None:
    world = World(Life(7, term=NEVER, kill=NEVER))
    outcome = done(world, planned(world), force=True, patience=1)
    assert codes(outcome) == ["still-running"]
    assert "not even SIGKILL" in done_message(outcome.done[0])


def test_one_that_ended_since_it_was_seen() -> None:
    world = World(Life(7))
    plan = planned(world)
    world.lives.clear()
    outcome = done(world, plan)
    assert codes(outcome) == ["gone"]
    assert outcome.free


def test_a_number_that_is_another_process_by_now_is_left_alone() -> None:
    world = World(Life(7))
    plan = planned(world)
    stranger = Life(7)
    stranger.identity = Identity(7, 99999, "/usr/bin/other")
    world.lives[7] = stranger
    outcome = done(world, plan)
    assert codes(outcome) == ["replaced"]
    assert stranger.got == []


def test_one_that_is_replaced_between_the_handle_and_the_signal() -> None:
    """The handle was opened on the old one: the new one's identity gives it away."""
    world = World(old := Life(7))
    plan = planned(world)
    stranger = Life(7)
    stranger.identity = Identity(7, 99999, "/usr/bin/other")

    def replace() -> None:
        old.ends = 0
        world.lives[7] = stranger

    world.between = replace
    assert codes(done(world, plan)) == ["replaced"]
    assert stranger.got == old.got == []


def test_one_that_runs_another_file_by_now_is_left_alone() -> None:
    world = World(life := Life(7))
    plan = planned(world)
    life.identity = life.identity._replace(executable="/usr/bin/other")
    assert codes(done(world, plan)) == ["replaced"]
    assert life.got == []


def test_one_that_has_let_go_of_the_port_is_left_alone() -> None:
    world = World(life := Life(7))
    plan = planned(world)
    life.holds = False
    assert codes(done(world, plan)) == ["let-go"]
    assert life.got == []


def test_another_users_process() -> None:
    world = World(life := Life(7))
    life.permitted = False
    outcome = done(world, planned(world))
    assert codes(outcome) == ["not-permitted"]
    assert "as root" in done_message(outcome.done[0])
    assert not outcome.free


def test_one_that_lets_go_of_the_port_and_goes_on() -> None:
    """A server that drains its connections after SIGTERM has stopped listening."""
    world = World(life := Life(7, term=NEVER))

    class Draining(World):
        def signal(self, handle: Any, number: int) -> None:
            super().signal(handle, number)
            life.holds = False

    world = Draining(life)
    outcome = done(world, planned(world), patience=30)
    assert codes(outcome) == ["stopped"]
    assert "still runs" in done_message(outcome.done[0])
    assert world.time < 3


def test_several_end_at_different_times() -> None:
    world = World(Life(7, term=0.1), Life(8, term=3), Life(9, term=NEVER))
    outcome = done(world, planned(world), patience=5)
    assert sorted((each.code, each.pid) for each in outcome.done) == [
        ("still-running", 9), ("stopped", 7), ("stopped", 8),
    ]  # fmt: skip


def test_the_others_follow_where_they_did_not_end_with_the_first() -> None:
    world = World(Life(7), worker := Life(8), gone := Life(9))
    plan = planned(world, later=(8, 9))
    gone.ends = 0
    outcome = done(world, plan)
    assert sorted(codes(outcome)) == ["stopped", "stopped"]
    assert Hands.TERM in worker.got
    assert gone.got == []


def test_the_others_are_left_alone_where_the_first_goes_on() -> None:
    world = World(Life(7, term=NEVER), worker := Life(8))
    outcome = done(world, planned(world, later=(8,)), patience=1)
    assert codes(outcome) == ["still-running"]
    assert worker.got == []


def test_one_that_is_started_again_is_named_with_who_started_it() -> None:
    world = World(Life(7))
    plan = planned(world)
    again = owner(70, "python3", ancestors=((60, "supervisord"), (1, "systemd")))
    world.fresh = (socket(again, inode=5),)
    outcome = done(world, plan)
    assert codes(outcome) == ["stopped"]
    assert not outcome.free
    assert [each.socket.inode for each in outcome.fresh] == [5]
    (note,) = outcome_notes(outcome)
    assert note == (
        "The port is busy again: python3 (pid 70) listens on tcp 0.0.0.0:8080, started by "
        "supervisord (60). Stop that: supervisorctl status, then supervisorctl stop NAME"
    )
    assert outcome_sentence(outcome, "3000") == "3000 is busy again."


def test_what_a_supervisor_may_start_again_later_is_told() -> None:
    plan = planned(World(Life(7)))
    held = socket(owner(7, "python3", ancestors=((60, "supervisord"), (1, "systemd"))))
    alone = socket(owner(7, "python3", ancestors=((60, "bash"), (1, "systemd"))))
    (note,) = supervised_notes(plan._replace(scene=scene(held)))
    assert note == (
        "supervisord (pid 60) may start it again. To keep it stopped: supervisorctl status, "
        "then supervisorctl stop NAME"
    )
    assert supervised_notes(plan._replace(scene=scene(alone))) == []


def looped(world: World, *, terminal: bool = False) -> Plan:
    """A plan to stop 7, which the shell 60 runs in a loop."""
    plan = planned(world)
    shell = Relative(60, 59, "bash", None, terminal)
    world.relatives = lambda: (shell, Relative(7, 60, "python3", None), *world.children())
    held = socket(owner(7, "python3", ancestors=((60, "bash"), (59, "tmux"), (1, "systemd"))))
    return plan._replace(scene=scene(changed(held, inode=700)))


@pytest.mark.parametrize(
    ("terminal", "command"),
    [(False, "kill 60 && portbook stop 8080"), (True, "kill -HUP 60 (closes its terminal)")],
)
def test_a_program_that_takes_seconds_to_listen_again_is_waited_for(
    terminal: bool, command: str
) -> None:
    world = World(Life(7))
    plan = looped(world, terminal=terminal)
    world.children = lambda: (Relative(70, 60, "python3", None),) if world.time else ()
    world.later = 3.2
    again = owner(70, "python3", ancestors=((60, "bash"), (59, "tmux")))
    world.fresh = (socket(again, inode=5),)
    outcome = done(world, plan)
    (note,) = outcome_notes(outcome)
    assert note == (
        "The port is busy again: python3 (pid 70) listens on tcp 0.0.0.0:8080, started by "
        f"bash (60) < tmux (59). Stop that: {command}"
    )
    assert [each.started for each in world.waits] == [(70,)] * 3
    assert waiting_line(world.waits[1]) == (
        "pid 70 was started in its place: 2 s to see if it listens"
    )


@pytest.mark.parametrize(
    ("terminal", "command"),
    [(False, "kill 60"), (True, "kill -HUP 60 (closes its terminal)")],
)
def test_what_was_started_again_and_does_not_listen_yet_is_named(
    terminal: bool, command: str
) -> None:
    world = World(Life(7))
    plan = looped(world, terminal=terminal)
    world.children = lambda: (Relative(70, 60, "sleep", None),) if world.time else ()
    outcome = done(world, plan)
    assert outcome.free
    (note,) = outcome_notes(outcome)
    assert note == (
        "bash (pid 60) started sleep (pid 70) in its place. It doesn't listen yet. "
        f"To keep it stopped: {command}"
    )
    assert 5 <= world.time < 6


def test_a_parent_that_has_not_noticed_yet_is_given_time() -> None:
    world = World(Life(7))
    plan = looped(world)
    reaped, shell = 1.5, Relative(60, 59, "bash", None)
    world.relatives = lambda: (
        (shell, Relative(7, 60, "python3", None))
        if world.time < reaped
        else (shell, Relative(70, 60, "python3", None))
    )
    (note,) = outcome_notes(done(world, plan))
    assert note.startswith("bash (pid 60) started python3 (pid 70) in its place.")


def test_a_parent_that_starts_nothing_is_not_waited_for() -> None:
    world = World(Life(7))
    plan = looped(world)
    world.relatives = lambda: (Relative(60, 59, "bash", None), Relative(61, 60, "vim", None))
    outcome = done(world, plan)
    assert outcome_notes(outcome) == []
    assert world.time < 1


def test_what_portbook_runs_under_is_no_supervisor() -> None:
    world = World(Life(7))
    plan = looped(world)
    own = plan.scene.own._replace(line=(80, 60, 59, 1))
    world.children = lambda: (Relative(70, 60, "python3", None),) if world.time else ()
    assert outcome_notes(done(world, plan._replace(scene=plan.scene._replace(own=own)))) == []


# -- managers ---------------------------------------------------------------------------------


def test_a_manager() -> None:
    world = World(life := Life(7))
    world.takes = 2.5
    outcome = done(world, planned(world, manager=True))
    assert codes(outcome) == ["stopped"]
    assert world.ran == [("systemctl", "stop", "--", "web.service")]
    assert life.got == []
    assert outcome.free
    assert waiting_line(world.waits[-1]) == "waiting for systemctl stop -- web.service: 2 s"


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (Ran(4, "one\nFailed to stop web.service: Access denied\n\n"), "failed", "Access denied"),
        (Ran(1, ""), "failed", "said nothing"),
        (Ran(None, ""), "unfinished", "has not ended after 100 s"),
        (FileNotFoundError(2, "No such file or directory"), "failed", "systemctl can't be run"),
    ],
)
def test_a_manager_that_fails(answer: Ran | OSError, code: str, said: str) -> None:
    world = World(Life(7))
    world.answer = answer
    outcome = done(world, planned(world, manager=True))
    assert codes(outcome) == [code]
    assert code not in GOOD
    assert said in done_message(outcome.done[0])


def test_a_manager_is_not_asked_about_one_that_is_gone() -> None:
    world = World(Life(7))
    plan = planned(world, manager=True)
    world.lives[7] = Life(7)
    world.lives[7].identity = Identity(7, 5, None)
    outcome = done(world, plan)
    assert codes(outcome) == ["replaced"]
    assert world.ran == []
