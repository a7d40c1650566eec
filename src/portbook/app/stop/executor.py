"""Carrying out a plan: managers first, then signals, then a look at what is on the port now.

Between the plan and the act a process can end, and another can get its number. So each is looked
at again right before something is done to it: through a handle that can only ever mean the process
it was opened for. One that isn't what it was is left alone.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.app.stop.model import StepKind
from portbook.app.stop.restarts import Aftermath, Restarts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from portbook.app.stop.model import Plan, Step
    from portbook.app.stop.restarts import Look, Processes, Restarted, Started
    from portbook.host.process_control import Hands, Identity
    from portbook.model import Facts, Listener


class DoneCode(StrEnum):
    """What became of a process or a command."""

    STOPPED = "stopped"
    KILLED = "killed"
    GONE = "gone"
    REPLACED = "replaced"
    LET_GO = "let-go"
    NOT_PERMITTED = "not-permitted"
    STILL_RUNNING = "still-running"
    FAILED = "failed"
    UNFINISHED = "unfinished"


# What each means; the documentation has it.
OUTCOMES = {
    DoneCode.STOPPED: "it has ended, or let go of the port",
    DoneCode.KILLED: "it has ended after SIGKILL",
    DoneCode.GONE: "it had ended before anything was done to it",
    DoneCode.REPLACED: "its number is another process's now, or it runs another file: left alone",
    DoneCode.LET_GO: "it no longer held the port: left alone",
    DoneCode.NOT_PERMITTED: "it is another user's",
    DoneCode.STILL_RUNNING: "it goes on in spite of SIGTERM, or even of SIGKILL",
    DoneCode.FAILED: "the manager's command failed",
    DoneCode.UNFINISHED: "the manager's command had not ended after the time given",
}
GOOD = frozenset((DoneCode.STOPPED, DoneCode.KILLED, DoneCode.GONE, DoneCode.LET_GO))

_TICK = 0.1  # seconds between looks at a process that is to end
# Seconds without anything under way, after which the port counts as settled: a shell in a loop
# starts the next program at once where the machine has time for it.
_SETTLE = 0.5
_REAPED = 2.0  # seconds that a parent has to notice the end of its child
_STARTED = 5.0  # seconds that what was started again has to take the port
_KILLED = 5.0  # seconds that a process has to end after SIGKILL


class Done(NamedTuple):
    """What became of one process, by its ``pid``, or of one ``command``: a code and named facts.

    ``facts`` are named where it is made, ``why`` among them where a code has several reasons.
    """

    code: DoneCode
    pid: int | None = None
    command: tuple[str, ...] | None = None
    facts: Facts = ()


class Outcome(NamedTuple):
    """What was done, and what is on the port now: ``left`` was there before, ``restarted`` not.

    ``beside`` are the sockets of programs that were not meant; ``started`` are processes that were
    started in the place of those that ended, and that don't listen yet.
    """

    done: tuple[Done, ...]
    left: tuple[Listener, ...]
    restarted: tuple[Restarted, ...] = ()
    beside: tuple[Listener, ...] = ()
    started: tuple[Started, ...] = ()

    @property
    def fresh(self) -> tuple[Listener, ...]:
        """What listens there now and didn't before."""
        return tuple([each.listener for each in self.restarted])

    @property
    def cleared(self) -> bool:
        """Whether nothing that was meant listens on the port any more, nor what followed it."""
        return not self.left and not self.restarted

    @property
    def free(self) -> bool:
        """Whether nothing listens on the port any more."""
        return self.cleared and not self.beside


class Waiting(NamedTuple):
    """What is waited for, for so many ``seconds`` by now: the end of a manager's ``command``, or
    of the processes ``pids``, which were sent SIGTERM, or SIGKILL if ``killed``; or whether the
    processes ``started``, which something started in their place, take the port.
    """

    seconds: int
    command: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    killed: bool = False
    started: tuple[int, ...] = ()


if TYPE_CHECKING:
    Progress = Callable[[Waiting], None]


class Way(NamedTuple):
    """How to go about it: ``force`` sends SIGKILL to what is left after ``patience`` seconds."""

    force: bool = False
    patience: float = 10.0


def carry_out(
    plan: Plan,
    hands: Hands,
    look: Look,
    processes: Processes,
    way: Way,
    progress: Progress,
) -> Outcome:
    """Does what *plan* says, and reports it.

    *look* gives what listens on the port now, *processes* all that run; *progress* is told what is
    waited for, about once a second.
    """
    done: list[Done] = []
    restarts = Restarts(plan, look, processes)
    for step in plan.steps:
        if step.kind is StepKind.MANAGER:
            done.append(_ask_manager(step, hands, way, progress))
        else:
            done += _Signals(step, hands, look, way, progress).run()
    after = _settled(restarts, hands, progress)
    return Outcome(
        done=tuple(done),
        left=after.left,
        restarted=after.restarted,
        beside=after.beside,
        started=after.started,
    )


def _settled(restarts: Restarts, hands: Hands, progress: Progress) -> Aftermath:
    """What is on the port once nothing is under way any more that may take it again."""
    began = hands.now()
    until, told = began + _SETTLE, 0
    while True:
        after = restarts.look()
        now = hands.now()
        if after.restarted:
            return after
        # A parent that hasn't noticed the end of its child has had no time to start another.
        unnoticed = any(hands.identify(pid) is None for pid in after.unreaped)
        if after.started or (unnoticed and now < began + _REAPED):
            until = now + _SETTLE
        if now >= min(until, began + _STARTED):
            return after
        if after.started and int(now - began) > told:
            told = int(now - began)
            progress(Waiting(told, started=tuple([each.pid for each in after.started])))
        hands.pause(_TICK)


# -- managers ---------------------------------------------------------------------------------


def _ask_manager(step: Step, hands: Hands, way: Way, progress: Progress) -> Done:
    if step.targets:
        states = [_recheck(each, step, hands) for each in step.targets]
        if all(state is not None for state in states):
            code = states[0] or DoneCode.GONE
            facts = (("why", "not-run"), ("target", step.targets[0].pid))
            return Done(code, None, step.command, facts)
    began = hands.now()
    told = [0]

    def tick() -> None:
        seconds = int(hands.now() - began)
        if seconds > told[0]:
            told[0] = seconds
            progress(Waiting(seconds, step.command))

    # A manager has a patience of its own: systemd's is 90 seconds, docker's 10, before it kills.
    limit = max(way.patience, 100.0)
    try:
        ran = hands.run(step.command, tick, limit)
    except OSError as error:
        unstarted = (("why", "unstarted"), ("error", error.strerror or str(error)))
        return Done(DoneCode.FAILED, None, step.command, unstarted)
    if ran.status is None:
        return Done(DoneCode.UNFINISHED, None, step.command, (("seconds", limit),))
    if ran.status:
        lines = [line.strip() for line in ran.output.splitlines() if line.strip()]
        output = lines[-1][:200] if lines else None
        failed = (("why", "status"), ("status", ran.status), ("output", output))
        return Done(DoneCode.FAILED, None, step.command, failed)
    return Done(DoneCode.STOPPED, None, step.command, (("why", "manager"),))


def _recheck(target: Identity, step: Step, hands: Hands) -> DoneCode | None:
    """Why *target* is not what was meant any more; None where it still is."""
    now = hands.identify(target.pid)
    if now is None:
        return DoneCode.GONE
    if now != target:
        return DoneCode.REPLACED
    if step.sockets and hands.holds(target.pid, step.sockets) is False:
        return DoneCode.LET_GO
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
            if not any(
                each.code in (DoneCode.NOT_PERMITTED, DoneCode.STILL_RUNNING) for each in self._done
            ):
                self._end(self._step.later, quiet=True)
        finally:
            for _, handle in self._open.values():
                self._hands.close(handle)
        return self._done

    def _end(self, targets: Iterable[Identity], *, quiet: bool = False) -> None:
        self._open = {}
        for target in targets:
            self._send_term(target, quiet=quiet)
        self._wait(self._way.patience)
        self._note_ended(DoneCode.STOPPED)
        if self._open and self._gone_from_port():
            for target, handle in self._open.values():
                self._add(DoneCode.STOPPED, target.pid, ("why", "let-go"))
                self._hands.close(handle)
            self._open = {}
        if self._open and self._way.force:
            # The handle can mean no other process, however long this took.
            for target, handle in list(self._open.values()):
                self._send(target, handle, self._hands.KILL)
            self._wait(_KILLED, killed=True)
            self._note_ended(DoneCode.KILLED)
        for target, handle in self._open.values():
            forced = "forced" if self._way.force else "unforced"
            seconds = ("seconds", self._way.patience)
            self._add(DoneCode.STILL_RUNNING, target.pid, ("why", forced), seconds)
            self._hands.close(handle)
        self._open = {}

    def _send_term(self, target: Identity, *, quiet: bool) -> None:
        try:
            handle = self._hands.open(target.pid)
        except ProcessLookupError:
            if not quiet:
                self._add(DoneCode.GONE, target.pid)
            return
        state = _recheck(target, self._step, self._hands)
        if state is not None:
            self._hands.close(handle)
            if not quiet or state is DoneCode.REPLACED:
                self._add(state, target.pid, ("why", "rechecked"))
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
            self._add(DoneCode.NOT_PERMITTED, target.pid)
            self._hands.close(handle)
            del self._open[target.pid]

    def _wait(self, patience: float, *, killed: bool = False) -> None:
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
                self._progress(Waiting(told, (), tuple(self._open), killed))
                if self._gone_from_port():
                    return

    def _note_ended(self, code: DoneCode) -> None:
        for pid, (_, handle) in list(self._open.items()):
            if self._hands.wait(handle, 0):
                self._add(code, pid)
                self._hands.close(handle)
                del self._open[pid]

    def _add(self, code: DoneCode, pid: int, *facts: tuple[str, str | float]) -> None:
        self._done.append(Done(code, pid, None, facts))

    def _gone_from_port(self) -> bool:
        """Whether none of this step's sockets is on the port any more."""
        inodes = set(self._step.sockets)
        return bool(inodes) and not any(each.socket.inode in inodes for each in self._look())
