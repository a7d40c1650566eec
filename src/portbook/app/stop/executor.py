"""Carrying out a plan: managers first, then signals, then a look at what is on the port now.

Between the plan and the act a process can end, and another can get its number. So each is looked
at again right before something is done to it: through a handle that can only ever mean the process
it was opened for. One that isn't what it was is left alone.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.bind.owner_text import holder, sentence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from portbook.app.stop.model import Plan, Step
    from portbook.host.process_control import Hands, Identity
    from portbook.model import Listener

    Look = Callable[[], tuple[Listener, ...]]
    Progress = Callable[[str], None]

# The code of what became of a process or a command -> what it means; the documentation has it.
OUTCOMES = {
    "stopped": "it has ended, or let go of the port",
    "killed": "it has ended after SIGKILL",
    "gone": "it had ended before anything was done to it",
    "replaced": "its number is another process's now, or it runs another file: left alone",
    "let-go": "it no longer held the port: left alone",
    "not-permitted": "it is another user's",
    "still-running": "it goes on in spite of SIGTERM, or even of SIGKILL",
    "failed": "the manager's command failed",
    "unfinished": "the manager's command had not ended after the time given",
}
GOOD = frozenset(("stopped", "killed", "gone", "let-go"))

_TICK = 0.1  # seconds between looks at a process that is to end
_SETTLE = 0.5  # seconds in which what is started again is waited for
_KILLED = 5.0  # seconds that a process has to end after SIGKILL


class Done(NamedTuple):
    """What became of one process or command: its code, and a sentence."""

    code: str
    message: str
    pid: int | None = None
    command: tuple[str, ...] | None = None


class Outcome(NamedTuple):
    """What was done, and what is on the port now: ``left`` was there before, ``fresh`` was not."""

    done: tuple[Done, ...]
    left: tuple[Listener, ...]
    fresh: tuple[Listener, ...]
    notes: tuple[str, ...] = ()

    @property
    def free(self) -> bool:
        """Whether nothing listens on the port any more."""
        return not self.left and not self.fresh


class Way(NamedTuple):
    """How to go about it: ``force`` sends SIGKILL to what is left after ``patience`` seconds."""

    force: bool = False
    patience: float = 10.0


def carry_out(plan: Plan, hands: Hands, look: Look, way: Way, progress: Progress) -> Outcome:
    """Does what *plan* says, and reports it.

    *look* gives what listens on the port now; *progress* is told in a line what is waited for,
    about once a second.
    """
    done: list[Done] = []
    for step in plan.steps:
        if step.manager:
            done.append(_ask_manager(step, hands, way, progress))
        else:
            done += _Signals(step, hands, look, way, progress).run()
    before = {_place(each) for each in plan.scene.listeners}
    until = hands.now() + _SETTLE
    while True:
        now = look()
        fresh = tuple(each for each in now if _place(each) not in before)
        if fresh or hands.now() >= until:
            break
        hands.pause(_TICK)
    left = tuple(each for each in now if _place(each) in before)
    return Outcome(tuple(done), left, fresh, tuple(_notes(plan, fresh)))


def _place(each: Listener) -> object:
    if each.socket.inode is not None:
        return each.socket.inode
    return (
        each.socket.transport,
        each.socket.address,
        tuple(owner.pid for owner in each.ownership.owners),
    )


def _notes(plan: Plan, fresh: Iterable[Listener]) -> Iterable[str]:
    asked = {each.pid for step in plan.steps for each in (*step.targets, *step.later)}
    for each in fresh:
        who = holder(each.ownership.owners, each.ownership.seen, each.socket.user, each.socket.uid)
        note = f"The port is busy again: {who} listens on {each.socket.name}"
        parents = [
            f"{name} ({pid})"
            for owner in each.ownership.owners[:1]
            for pid, name in owner.ancestors[:2]
            if pid not in asked and pid != 1
        ]
        if parents:
            note += f", started by {' < '.join(parents)}: stop that, and then the port"
        yield f"{note}."


# -- managers ---------------------------------------------------------------------------------


def _ask_manager(step: Step, hands: Hands, way: Way, progress: Progress) -> Done:
    said = " ".join(step.command)
    if step.targets:
        states = [_recheck(each, step, hands) for each in step.targets]
        if all(state is not None for state in states):
            code = states[0] or "gone"
            about = f"pid {step.targets[0].pid}: {OUTCOMES[code]}; {said} was not run"
            return Done(code, about, None, step.command)
    began = hands.now()
    told = [0]

    def tick() -> None:
        seconds = int(hands.now() - began)
        if seconds > told[0]:
            told[0] = seconds
            progress(f"waiting for {said}: {seconds} s")

    # A manager has a patience of its own: systemd's is 90 seconds, docker's 10, before it kills.
    limit = max(way.patience, 100.0)
    try:
        ran = hands.run(step.command, tick, limit)
    except OSError as error:
        why = error.strerror or str(error)
        return Done("failed", f"{step.command[0]} can't be run: {why}", None, step.command)
    if ran.status is None:
        return Done(
            "unfinished", f"{said} has not ended after {limit:g} s; it goes on", None, step.command
        )
    if ran.status:
        lines = [line.strip() for line in ran.output.splitlines() if line.strip()]
        why = lines[-1] if lines else "and said nothing"
        return Done("failed", f"{said} ended with {ran.status}: {why[:200]}", None, step.command)
    return Done("stopped", f"{said}: done", None, step.command)


def _recheck(target: Identity, step: Step, hands: Hands) -> str | None:
    """Why *target* is not what was meant any more; None where it still is."""
    now = hands.identify(target.pid)
    if now is None:
        return "gone"
    if now != target:
        return "replaced"
    if step.sockets and hands.holds(target.pid, step.sockets) is False:
        return "let-go"
    return None


# -- signals ----------------------------------------------------------------------------------


class _Signals:
    """One step that sends signals: SIGTERM, waiting, and SIGKILL where that was asked for."""

    def __init__(self, step: Step, hands: Hands, look: Look, way: Way, progress: Progress) -> None:
        self._step = step
        self._hands = hands
        self._look = look
        self._way = way
        self._progress = progress
        self._done: list[Done] = []
        self._open: dict[int, tuple[Identity, Any]] = {}

    def run(self) -> list[Done]:
        """Signals the first ones, and then those of the others that did not end with them."""
        try:
            self._end(self._step.targets)
            if not any(each.code in ("not-permitted", "still-running") for each in self._done):
                self._end(self._step.later, quiet=True)
        finally:
            for _, handle in self._open.values():
                self._hands.close(handle)
        return self._done

    def _end(self, targets: Iterable[Identity], *, quiet: bool = False) -> None:
        self._open = {}
        for target in targets:
            self._send_term(target, quiet=quiet)
        self._wait(self._way.patience, "SIGTERM")
        self._note_ended("stopped")
        if self._open and self._gone_from_port():
            for target, handle in self._open.values():
                said = f"pid {target.pid} has let go of the port, and still runs"
                self._done.append(Done("stopped", said, target.pid))
                self._hands.close(handle)
            self._open = {}
        if self._open and self._way.force:
            # The handle can mean no other process, however long this took.
            for target, handle in list(self._open.values()):
                self._send(target, handle, self._hands.KILL)
            self._wait(_KILLED, "SIGKILL")
            self._note_ended("killed")
        for target, handle in self._open.values():
            hint = "not even SIGKILL ended it" if self._way.force else "--force sends SIGKILL"
            said = f"pid {target.pid} still runs after {self._way.patience:g} s: {hint}"
            self._done.append(Done("still-running", said, target.pid))
            self._hands.close(handle)
        self._open = {}

    def _send_term(self, target: Identity, *, quiet: bool) -> None:
        try:
            handle = self._hands.open(target.pid)
        except ProcessLookupError:
            if not quiet:
                self._done.append(Done("gone", f"pid {target.pid} had ended already", target.pid))
            return
        state = _recheck(target, self._step, self._hands)
        if state is not None:
            self._hands.close(handle)
            if not quiet or state == "replaced":
                said = f"pid {target.pid}: {OUTCOMES[state]}"
                self._done.append(Done(state, said, target.pid))
            return
        self._open[target.pid] = (target, handle)
        self._send(target, handle, self._hands.TERM)
        if target.pid in self._open:  # a process that is stopped gets no signal before it goes on
            self._send(target, handle, self._hands.CONT)

    def _send(self, target: Identity, handle: Any, number: int) -> None:
        try:
            self._hands.signal(handle, number)
        except ProcessLookupError:
            pass  # it has just ended: the wait will see that
        except PermissionError:
            said = f"pid {target.pid} belongs to another user: do it as that user, or as root"
            self._done.append(Done("not-permitted", said, target.pid))
            self._hands.close(handle)
            del self._open[target.pid]

    def _wait(self, patience: float, signal: str) -> None:
        """Until all have ended or let go of the port, or *patience* seconds are over."""
        began = self._hands.now()
        told = 0
        while True:
            running = [each for _, each in self._open.values() if not self._hands.wait(each, 0)]
            passed = self._hands.now() - began
            if not running or passed >= patience:
                return
            if self._hands.wait(running[0], _TICK):
                continue
            if int(passed) > told:
                told = int(passed)
                pids = ", ".join(str(pid) for pid in self._open)
                self._progress(f"{signal} sent, waiting for pid {pids} to end: {told} s")
                if self._gone_from_port():
                    return

    def _note_ended(self, code: str) -> None:
        for pid, (_, handle) in list(self._open.items()):
            if self._hands.wait(handle, 0):
                self._done.append(Done(code, f"pid {pid} has ended", pid))
                self._hands.close(handle)
                del self._open[pid]

    def _gone_from_port(self) -> bool:
        """Whether none of this step's sockets is on the port any more."""
        inodes = set(self._step.sockets)
        return bool(inodes) and not any(each.socket.inode in inodes for each in self._look())


def said_of(outcome: Outcome) -> str:
    """The outcome in one sentence."""
    if outcome.free:
        return "Nothing listens on the port any more."
    if outcome.left:
        first = outcome.left[0]
        who = holder(
            first.ownership.owners, first.ownership.seen, first.socket.user, first.socket.uid
        )
        return sentence(f"{who} still listens on {first.socket.name}.")
    return "The port is busy again."
