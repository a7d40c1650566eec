"""Work that is shared with a forked child: two processors take half the time.

Threads would not do: what is waited for are short calls of the kernel, behind each of which both
would want the interpreter (measured: as long as one of them alone, and half more of CPU time).
"""

from __future__ import annotations

import marshal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import Any, NoReturn
else:
    import _signal as signal  # the module around it takes longer to import than this is worth

MOST_PARTS = 256  # each has a byte in the pipe from which the two processes take the next
_READ = 1 << 16


def work_in_two(
    count: int, work: Callable[[int], Any], meanwhile: Callable[[], None] = lambda: None
) -> list[Any]:
    """``[work(0), work(1), …]`` of *count* parts, some of them from a child where one is of use.

    This process does *meanwhile* before its first part, if there is a child.

    What *work* returns is made of what :mod:`marshal` knows, and any part may be worked twice:
    whatever becomes of the child, what it lacks is worked here. The child is never left: it ends
    when this process does, and with Ctrl-C.
    """
    done: dict[int, Any] = {}
    if 1 < count <= MOST_PARTS and _can_fork():
        try:
            _share(count, work, meanwhile, done)
        except (OSError, EOFError, ValueError, TypeError):
            pass  # no room for a process, not allowed to, or the child was ended
    return [done[part] if part in done else work(part) for part in range(count)]


def _can_fork() -> bool:
    """Whether this process is alone with itself, will be told of its child, and gains by it."""
    try:
        alone = os.stat("/proc/self/task").st_nlink == 3  # two, and one for each thread
        several = len(os.sched_getaffinity(0)) > 1
    except OSError:
        return False
    # Where that is ignored, a child's number is free for another process when the child ends.
    return alone and several and signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL


def _share(
    count: int, work: Callable[[int], Any], meanwhile: Callable[[], None], done: dict[int, Any]
) -> None:
    """Puts into *done* what this process and a child work, part by part."""
    opened: set[int] = set()
    child = 0
    # An interruption between the fork and its result would leave two processes that know nothing
    # of each other.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        opened |= {*(todo := os.pipe())}
        opened |= {*(answer := os.pipe())}
        os.write(todo[1], bytes(range(count)))
        _close(opened, todo[1])
        child = os.fork()
        if child == 0:
            _help(todo[0], answer, work, before)
        _close(opened, answer[1])
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        meanwhile()
        while part := os.read(todo[0], 1):
            done[part[0]] = work(part[0])
        pieces = []
        while piece := os.read(answer[0], _READ):
            pieces.append(piece)
        done.update(marshal.loads(b"".join(pieces)))  # noqa: S302 - from this very program
    finally:
        for descriptor in opened:
            os.close(descriptor)
        if child:
            os.kill(child, 9)  # not waited for yet, so the number is still its own
            os.waitpid(child, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _close(opened: set[int], descriptor: int) -> None:
    opened.remove(descriptor)
    os.close(descriptor)


def _help(
    todo: int, answer: tuple[int, int], work: Callable[[int], Any], mask: set[signal.Signals | int]
) -> NoReturn:
    """What the child does: it says nothing but its answer, and runs nothing of its parent's."""
    try:
        os.close(answer[0])
        for number in _ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        parent, done = os.getppid(), {}
        while os.getppid() == parent and (part := os.read(todo, 1)):
            done[part[0]] = work(part[0])
        data = marshal.dumps(done)
        while data:
            data = data[os.write(answer[1], data) :]
    finally:  # what is buffered is the parent's to write, and what went wrong nobody's to tell
        os._exit(0)
