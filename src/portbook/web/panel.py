"""This machine, followed: one watch for all event streams, and none while nobody looks."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from portbook.errors import HostUnreadable
from portbook.here import Filter, watch_here
from portbook.pages import sockets
from portbook.web.masking import masked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from portbook.model import Listener
    from portbook.watch import Event, Watch

MOST_STREAMS = 64
_WAITING = 256  # events that may wait for a slow reader before its stream is ended
_INTERVAL = 1.0
_HEARTBEAT = 15.0  # seconds; a proxy or a dead client is noticed by it


class Panel:
    """The streams that are open, and the watch that feeds them.

    A stream begins with ``state``, which holds all that listens, and goes on with ``opened``,
    ``closed`` and ``changed``. A reader that can't keep up is cut off: it comes back by itself,
    and begins with the state as it then is.
    """

    def __init__(
        self,
        *,
        show_commands: bool,
        watch: Callable[[], Watch] = lambda: watch_here(Filter()),
        interval: float = _INTERVAL,
        heartbeat: float = _HEARTBEAT,
    ) -> None:
        self._show = show_commands
        self._make = watch
        self._interval = interval
        self._heartbeat = heartbeat
        self._queues: set[asyncio.Queue[tuple[Event, ...] | None]] = set()
        self._watch: Watch | None = None
        self._following: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self.closed = False
        # A walk through all processes can take a tenth of a second: so many at the same time.
        self.looks = asyncio.Semaphore(2)

    def __len__(self) -> int:
        return len(self._queues)

    @property
    def full(self) -> bool:
        """Whether another stream would be one too many."""
        return self.closed or len(self._queues) >= MOST_STREAMS

    def close(self) -> None:
        """Ends every stream: the server is to stop."""
        self.closed = True
        for queue in self._queues:
            _end(queue)

    async def stream(self, port: int | None) -> AsyncIterator[bytes]:
        """The events of *port*, or of every port, as a ``text/event-stream``.

        https://html.spec.whatwg.org/multipage/server-sent-events.html
        """
        queue: asyncio.Queue[tuple[Event, ...] | None] = asyncio.Queue(_WAITING)
        self._queues.add(queue)
        try:
            listeners = await self._begin()
            state = {
                "schema": "portbook/listen/1",
                "listeners": [
                    sockets.of_listener(masked(each, show=self._show))
                    for each in listeners
                    if port in (None, each.port)
                ],
            }
            yield b"retry: 2000\n" + _event("state", state)
            while True:
                try:
                    events = await asyncio.wait_for(queue.get(), self._heartbeat)
                except TimeoutError:
                    yield b": still there\n\n"
                    continue
                if events is None:
                    return
                for event in events:
                    if port in (None, event.listener.port):
                        yield _event(event.change, sockets.of_event(self._masked(event)))
        finally:
            self._queues.discard(queue)

    def _masked(self, event: Event) -> Event:
        before = event.before
        return event._replace(
            listener=masked(event.listener, show=self._show),
            before=None if before is None else masked(before, show=self._show),
        )

    async def _begin(self) -> tuple[Listener, ...]:
        """What listens now; starts to follow it where nobody did."""
        async with self._lock:
            if self._following is None or self._following.done():
                self._watch = await asyncio.to_thread(self._make)
                self._following = asyncio.create_task(self._follow(self._watch))
        assert self._watch is not None
        return self._watch.listeners

    async def _follow(self, watch: Watch) -> None:
        try:
            while self._queues and not self.closed:
                await asyncio.sleep(self._interval)
                events = await asyncio.to_thread(watch.step)
                if events:
                    self._tell(events)
        except HostUnreadable:
            pass  # the streams end, and their readers ask anew
        finally:
            # Whatever ended it: streams without a watch would be silent for ever.
            for queue in self._queues:
                _end(queue)

    def _tell(self, events: tuple[Event, ...]) -> None:
        for queue in self._queues:
            try:
                queue.put_nowait(events)
            except asyncio.QueueFull:
                _end(queue)


def _end(queue: asyncio.Queue[Any]) -> None:
    """Ends the stream of *queue*, whatever still waits in it."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def _event(name: str, data: Iterable[Any]) -> bytes:
    # JSON on one line, in ASCII: nothing in it can end the line, the event or the stream.
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
