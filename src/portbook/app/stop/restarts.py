"""What starts a program again that was stopped: seen on the port, or before it gets there.

A loop of a shell, or a supervisor, starts the next process at once, but on a slow machine that
takes seconds until it listens. So the parents of what was stopped are watched: a child that they
didn't have before is on its way.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portbook.app.stop.model import Plan
    from portbook.host.linux.process_tree import Relative
    from portbook.model import Listener

    Look = Callable[[], tuple[Listener, ...]]
    Processes = Callable[[], Mapping[int, Relative]]

_ABOVE = 2  # of the processes above one that was stopped, so many may start it again


class Restarted(NamedTuple):
    """What listens on the port again, and what started its first owner, the nearest first.

    ``terminal`` says that the nearest is the shell of a terminal, which ignores SIGTERM.
    """

    listener: Listener
    started_by: tuple[tuple[int, str], ...] = ()
    terminal: bool = False


class Started(NamedTuple):
    """The process ``pid``, which was started in the place of one that was stopped, and doesn't
    listen yet; ``by`` started it.
    """

    pid: int
    program: str
    by: Relative


class Aftermath(NamedTuple):
    """What is on the port: ``left`` was there before, ``restarted`` not, ``beside`` wasn't meant.

    ``started`` may be about to listen; ``unreaped`` are processes to stop that their parents still
    have, running or ended.
    """

    left: tuple[Listener, ...]
    restarted: tuple[Restarted, ...]
    beside: tuple[Listener, ...]
    started: tuple[Started, ...]
    unreaped: tuple[int, ...]


class Restarts:
    """Watches for what is started in the place of what *plan* stops; made before it is stopped.

    *look* gives what listens on the port now, *processes* all that run.
    """

    def __init__(self, plan: Plan, look: Look, processes: Processes) -> None:
        self._look = look
        self._processes = processes
        scene = plan.scene
        self._before = {_place(each) for each in scene.listeners}
        self._beside = {_place(each) for each in scene.beside}
        self._stopped = {
            target.pid for step in plan.steps for target in (*step.targets, *step.later)
        }
        # What portbook itself runs under waits for it, and starts nothing meanwhile.
        self._spared = {0, 1, *scene.own.line, *self._stopped}
        self._parents = {
            pid
            for listener in scene.listeners
            for owner in listener.ownership.owners
            if owner.pid in self._stopped
            for pid, _ in owner.ancestors[:_ABOVE]
            if pid not in self._spared
        }
        self._known = set(processes()) if self._parents else set()

    def look(self) -> Aftermath:
        """What is on the port, or on its way there, at this moment."""
        running = self._processes() if self._parents else {}
        on_port = self._look()
        meant = [each for each in on_port if _place(each) not in self._beside]
        fresh = [each for each in meant if _place(each) not in self._before]
        started = [
            Started(each.pid, each.program, running[each.parent])
            for each in running.values()
            if each.parent in self._parents and each.pid not in self._known
            if each.parent in running
        ]
        return Aftermath(
            left=tuple([each for each in meant if _place(each) in self._before]),
            restarted=tuple([self._restarted(each, running) for each in fresh]),
            beside=tuple([each for each in on_port if _place(each) in self._beside]),
            started=tuple(started),
            unreaped=tuple(
                [
                    pid
                    for pid in sorted(self._stopped)
                    if pid in running and running[pid].parent in self._parents
                ]
            ),
        )

    def _restarted(self, listener: Listener, running: Mapping[int, Relative]) -> Restarted:
        above = [pair for owner in listener.ownership.owners[:1] for pair in owner.ancestors]
        started_by = [pair for pair in above[:_ABOVE] if pair[0] not in {1, *self._stopped}]
        nearest = running.get(started_by[0][0]) if started_by else None
        return Restarted(
            listener, tuple(started_by), nearest is not None and nearest.leads_terminal
        )


def _place(each: Listener) -> object:
    if each.socket.inode is not None:
        return each.socket.inode
    return (
        each.socket.transport,
        each.socket.address,
        tuple(owner.pid for owner in each.ownership.owners),
    )
