"""Following what listens on this machine: what opened, what closed, what changed.

Each step asks the kernel for its sockets, which costs milliseconds however many processes run,
and looks for owners only where something is new. A socket that lives longer than the time
between two steps is in at least one of them, so it can't be missed. A socket has closed where a
step doesn't see it that saw no less than the last that did: one that was cut short, or that the
system let see less, closes nothing.
"""

from __future__ import annotations

import time

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model import Need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portbook.model import Gap, Host, Listener

    # What a socket is by itself, and what may change while it stays the same socket.
    Key = tuple[object, ...]
    Kinds = frozenset[object]
    Look = Callable[[], Host]
    Explain = Callable[[tuple[Listener, ...]], tuple[Listener, ...]]


class Change(StrEnum):
    """What happened to a socket."""

    PRESENT = "present"  # it was there at the first look
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
    findings of those it is given, and may drop some. What *explain* can't find any more it has
    to return as it is: it was there, if only for a moment.
    """

    def __init__(
        self, look: Look, explain: Explain, clock: Callable[[], float] = time.time
    ) -> None:
        self._look = look
        self._explain = explain
        self._clock = clock
        self._seen: dict[Key, Listener] = {}
        self._known: dict[Key, Listener] = {}
        # The kinds of gaps that each socket was seen in spite of.
        self._in_spite_of: dict[Key, Kinds] = {}
        self.missing: tuple[Gap, ...] = ()
        self.step()

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What listens now, as far as the last step saw, explained."""
        return tuple(self._known.values())

    def present(self) -> tuple[Event, ...]:
        """An event for each socket that is there now, of the moment at which it is asked."""
        now = self._clock()
        return tuple([Event(Change.PRESENT, now, each) for each in self._known.values()])

    def step(self) -> tuple[Event, ...]:
        """Looks once, and returns what is different from the last time.

        ``missing`` then holds what this look could not see, as in Host.
        """
        now = self._clock()
        host = self._look()
        before = self._seen
        after = {identity(listener): listener for listener in host.listeners}
        gaps = frozenset(gap.kind for gap in host.missing)
        lasting = frozenset(gap.kind for gap in host.missing if gap.needs is not Need.AGAIN)
        unseen = {
            key: self._in_spite_of[key]
            for key in before
            if key not in after and not gaps <= self._in_spite_of[key]
        }
        self._in_spite_of = unseen | dict.fromkeys(after, lasting)
        after = {key: before[key] for key in unseen} | after
        self._seen, self.missing = after, host.missing
        fresh = [key for key in after if key not in before]
        other = [
            key
            for key in after
            if key in before and _condition(after[key]) != _condition(before[key])
        ]
        gone = [key for key in before if key not in after]
        explained = {
            identity(each): each
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
        left: dict[Key, list[Listener]] = {}  # several sockets can share a place (SO_REUSEPORT)
        for key in gone:
            if (old := self._known.pop(key, None)) is not None:
                left.setdefault(_place(old), []).append(old)
        for key in fresh + other:
            listener = explained.get(key)
            before = self._known.pop(key, None)
            if listener is None:  # not asked for, or not any more
                if before is not None:
                    yield Event(Change.CLOSED, now, before)
                continue
            self._known[key] = listener
            # The same place with another socket: it changed hands, or its server was restarted.
            if before is None and left.get(_place(listener)):
                before = left[_place(listener)].pop(0)
            change = Change.OPENED if before is None else Change.CHANGED
            yield Event(change, now, listener, before)
        for listeners in left.values():
            for listener in listeners:
                yield Event(Change.CLOSED, now, listener)


def _place(listener: Listener) -> Key:
    return (
        listener.socket.transport,
        listener.socket.family,
        listener.socket.address,
        listener.socket.port,
        listener.socket.interface,
    )


def identity(listener: Listener) -> Key:
    """What makes *listener* the same socket at the next step."""
    return (*_place(listener), listener.socket.inode)


def _condition(listener: Listener) -> Key:
    # The queue's length changes with every connection; that it is full is a change.
    return (
        listener.socket.state,
        listener.socket.v6only,
        listener.socket.queue_limit,
        listener.socket.backlog_full,
    )


def steps(
    watch: Watch,
    interval: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[Event, ...]]:
    """A step every *interval* seconds, without end.

    Steps keep to their schedule: one that took long is followed at once by the next, and those
    that it left out are not made up for.
    """
    due = clock() + interval
    while True:
        sleep(max(0.0, due - clock()))
        now = clock()
        due = (now if now - due > interval else due) + interval
        yield watch.step()
