"""Following what listens on this machine: what opened, what closed, what changed.

Each step asks the kernel for its sockets, which costs milliseconds however many processes run,
and looks for owners only where something is new. A socket that lives longer than the time
between two steps is in at least one of them, so it can't be missed.
"""

from __future__ import annotations

import time

from portbook._lean import NamedTuple, StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from portbook.model import Listener

    # What a socket is by itself, and what may change while it stays the same socket.
    Key = tuple[object, ...]
    Look = Callable[[], Iterable[Listener]]
    Explain = Callable[[tuple[Listener, ...]], tuple[Listener, ...]]


class Change(StrEnum):
    """What happened to a socket."""

    OPENED = "opened"
    CLOSED = "closed"
    CHANGED = "changed"


class Event(NamedTuple):
    """One change: its moment in seconds since the epoch, the socket, and what it was before."""

    change: Change
    at: float
    listener: Listener
    before: Listener | None = None


class Watch:
    """The sockets as they were at the last step.

    *look* lists this machine's sockets without their owners; *explain* finds the owners and the
    findings of those it is given, and may drop some.
    """

    def __init__(
        self, look: Look, explain: Explain, clock: Callable[[], float] = time.time
    ) -> None:
        self._look = look
        self._explain = explain
        self._clock = clock
        self._seen: dict[Key, Listener] = {}
        self._known: dict[Key, Listener] = {}
        self.step()

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What listens now, as far as the last step saw, explained."""
        return tuple(self._known.values())

    def step(self) -> tuple[Event, ...]:
        """Looks once, and returns what is different from the last time."""
        now = self._clock()
        before = self._seen
        after = {_identity(listener): listener for listener in self._look()}
        self._seen = after
        fresh = [key for key in after if key not in before]
        other = [
            key
            for key in after
            if key in before and _condition(after[key]) != _condition(before[key])
        ]
        gone = [key for key in before if key not in after]
        explained = {
            _identity(each): each
            for each in (
                self._explain(tuple(after[key] for key in fresh + other)) if fresh or other else ()
            )
        }
        return tuple(self._events(now, fresh, other, gone, explained))

    def _events(
        self,
        now: float,
        fresh: list[Key],
        other: list[Key],
        gone: list[Key],
        explained: dict[Key, Listener],
    ) -> Iterator[Event]:
        left = {_place(old): old for key in gone if (old := self._known.pop(key, None)) is not None}
        for key in fresh + other:
            listener = explained.get(key)
            before = self._known.pop(key, None)
            if listener is None:  # gone again, or not asked for
                if before is not None:
                    yield Event(Change.CLOSED, now, before)
                continue
            self._known[key] = listener
            # The same place with another socket: it changed hands, or its server was restarted.
            before = before or left.pop(_place(listener), None)
            change = Change.OPENED if before is None else Change.CHANGED
            yield Event(change, now, listener, before)
        for listener in left.values():
            yield Event(Change.CLOSED, now, listener)


def _place(listener: Listener) -> Key:
    return (
        listener.transport,
        listener.family,
        listener.address,
        listener.port,
        listener.interface,
    )


def _identity(listener: Listener) -> Key:
    return (*_place(listener), listener.inode)


def _condition(listener: Listener) -> Key:
    # The queue's length changes with every connection; that it is full is a change.
    return (listener.state, listener.v6only, listener.queue_limit, listener.backlog_full)


def steps(watch: Watch, interval: float) -> Iterator[tuple[Event, ...]]:
    """A step every *interval* seconds, without end.

    Steps keep to their schedule: one that took long is followed at once by the next.
    """
    due = time.monotonic() + interval
    while True:
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic() - interval) + interval
        yield watch.step()
