"""This machine, followed: one watch for all event streams, and none while nobody looks.

Whatever is sent is encoded once for all streams, and a stream holds references to it. A reader
that doesn't keep up isn't sent what it has missed but the state as it then is: the latest wins.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from portbook.app.listen import watch_here
from portbook.app.socket_filter import Filter
from portbook.app.watch import Change, identity
from portbook.errors import HostUnreadable
from portbook.host.host_reader import THIS_HOST
from portbook.present.render import sockets_json
from portbook.schema.sockets import LISTEN_ANSWER
from portbook.web.local.panel import masked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from portbook.app.watch import Event, Key, Watch
    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader
    from portbook.model import Listener

MOST_STREAMS = 64
_INTERVAL = 1.0
_HEARTBEAT = 15.0  # seconds; a proxy or a dead client is noticed by it
# A reader that is cut off comes back after two seconds.
_RETRY = b"retry: 2000\n"
_STATE = f'event: state\ndata: {{"schema":"{LISTEN_ANSWER.kind}","listeners":['.encode()


class Encoded(NamedTuple):
    """An event, or a socket in the state, as bytes; *port* is the one that it is about."""

    port: int
    data: bytes


State = tuple[Encoded, ...]


class Limits(NamedTuple):
    """What one reader may cost.

    At most *waiting* bytes of events wait for it. *piece* bytes are handed to the server at a time,
    which then waits for the reader. *old_state* is after how many seconds a reader may not be at a
    state that isn't the latest.
    """

    waiting: int = 256 << 10
    piece: int = 64 << 10
    old_state: float = 10.0


LIMITS = Limits()


class Stream:
    """The events of *port*, or of every port where it is None, for one reader: what waits for it.

    It begins by being behind: the state has to be sent first.
    """

    def __init__(self, port: int | None, limits: Limits = LIMITS) -> None:
        self.port = port
        self.limits = limits
        self.behind = True
        self.ended = False
        self.state_since: float | None = None  # when the state began to be sent that still is
        self._events: deque[bytes] = deque()
        self._size = 0
        self._state: Iterator[bytes] = iter(())
        self._woken = asyncio.Event()

    def tell(self, events: Iterable[Encoded]) -> None:
        """Adds *events*, unless the whole state has to be sent anyway."""
        if self.behind or self.ended:
            return
        for event in events:
            if self.port in (None, event.port):
                self._events.append(event.data)
                self._size += len(event.data)
        if self._size > self.limits.waiting:
            self._forget()
            self.behind = True
        self._woken.set()

    def end(self) -> None:
        """Lets go of all that waits; the stream ends once its reader has what is under way."""
        self.ended = True
        self._forget()
        self._state = iter(())
        self._woken.set()

    def begin_state(self, state: State, now: float) -> None:
        """From now on :meth:`pieces` gives *state*."""
        self.behind = False
        self.state_since = now
        self._state = _pieces(state, self.port, self.limits.piece)

    def pieces(self) -> Iterator[bytes]:
        """What is left of the state."""
        # Not "yield from": what end() throws away must not be held here.
        while (piece := next(self._state, None)) is not None:
            yield piece
        self.state_since = None

    def take(self) -> bytes:
        """The events that wait."""
        waiting = b"".join(self._events)
        self._forget()
        return waiting

    async def wait(self, seconds: float) -> bool:
        """Waits for events or the end; False where neither came."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def _forget(self) -> None:
        self._events.clear()
        self._size = 0


def _pieces(state: State, port: int | None, size: int) -> Iterator[bytes]:
    piece = bytearray(_RETRY + _STATE)
    first = True
    for socket in state:
        if port in (None, socket.port):
            piece += socket.data if first else b"," + socket.data
            first = False
            if len(piece) >= size:
                yield bytes(piece)
                piece.clear()
    yield bytes(piece + b"]}\n\n")


class Panel:
    """The streams that are open, and the watch that feeds them.

    A stream begins with ``state``, which holds all that listens, and goes on with ``opened``,
    ``closed`` and ``changed``. A reader that can't keep up gets ``state`` again instead of what
    it missed.

    Every socket and every event is encoded once. The streams share the bytes, and only those that
    are still at an older state hold others: for ten seconds, then they are ended. Their readers
    come back by themselves.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        show_commands: bool,
        host: HostReader = THIS_HOST,
        watch: Callable[[Catalog], Watch] | None = None,
        interval: float = _INTERVAL,
        heartbeat: float = _HEARTBEAT,
        limits: Limits = LIMITS,
    ) -> None:
        self.catalog = catalog  # of what is looked at from now on
        self._show = show_commands
        self._make = watch or (lambda catalog: watch_here(Filter(), catalog, host=host))
        self._interval = interval
        self._heartbeat = heartbeat
        self._limits = limits
        self._streams: set[Stream] = set()
        self._sockets: dict[Key, Encoded] = {}
        self._state: State | None = None
        self._following: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self.closed = False
        # A walk through all processes can take a tenth of a second: so many at the same time.
        self.looks = asyncio.Semaphore(2)

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def full(self) -> bool:
        """Whether another stream would be one too many."""
        return self.closed or len(self._streams) >= MOST_STREAMS

    def close(self) -> None:
        """Ends every stream: the server is to stop."""
        self.closed = True
        self._end_all()

    async def stream(self, port: int | None) -> AsyncIterator[bytes]:
        """The events of *port*, or of every port, as a ``text/event-stream``.

        https://html.spec.whatwg.org/multipage/server-sent-events.html
        """
        stream = Stream(port, self._limits)
        self._streams.add(stream)
        try:
            await self._begin()
            while not stream.ended:
                if stream.behind:
                    stream.begin_state(self._latest(), asyncio.get_running_loop().time())
                    for piece in stream.pieces():
                        yield piece
                elif events := stream.take():
                    yield events
                elif not await stream.wait(self._heartbeat):
                    yield b": still there\n\n"
        finally:
            self._streams.discard(stream)

    def _latest(self) -> State:
        if self._state is None:
            self._state = tuple(self._sockets.values())
        return self._state

    async def _begin(self) -> None:
        """Starts to follow this machine, where nobody does."""
        async with self._lock:
            if self._following is None or self._following.done():
                watch, self._sockets = await asyncio.to_thread(self._look)
                self._state = None
                self._following = asyncio.create_task(self._follow(watch))

    def _look(self) -> tuple[Watch, dict[Key, Encoded]]:
        watch = self._make(self.catalog)
        return watch, {identity(one): self._socket(one) for one in watch.listeners}

    async def _follow(self, watch: Watch) -> None:
        try:
            while self._streams and not self.closed:
                await asyncio.sleep(self._interval)
                events = await asyncio.to_thread(watch.step)
                if events:
                    self._tell(await asyncio.to_thread(self._encode, events))
        except HostUnreadable:
            pass  # the streams end, and their readers ask anew
        finally:
            # Whatever ended it: streams without a watch would be silent for ever.
            self._end_all()
            self._sockets, self._state = {}, None

    def _end_all(self) -> None:
        for stream in self._streams:
            stream.end()

    def _tell(self, changes: list[tuple[Event, Encoded | None, Encoded]]) -> None:
        for event, socket, _ in changes:
            for gone in (event.before, event.listener):
                if gone is not None:
                    self._sockets.pop(identity(gone), None)
            if socket is not None:
                self._sockets[identity(event.listener)] = socket
        self._state = None
        events = [event for _, _, event in changes]
        now = asyncio.get_running_loop().time()
        for stream in self._streams:
            since = stream.state_since
            if since is not None and now - since > self._limits.old_state:
                stream.end()
            else:
                stream.tell(events)

    def _encode(self, events: tuple[Event, ...]) -> list[tuple[Event, Encoded | None, Encoded]]:
        """Each event with its socket, unless that is closed, and itself as they are sent."""
        encoded = []
        for event in events:
            before = event.before
            hidden = event._replace(
                listener=masked(event.listener, show=self._show),
                before=None if before is None else masked(before, show=self._show),
            )
            lines = f"event: {event.change}\ndata: ".encode(), _json(sockets_json.of_event(hidden))
            sent = Encoded(event.listener.socket.port, b"".join(lines) + b"\n\n")
            closed = event.change is Change.CLOSED
            encoded.append((event, None if closed else self._socket(event.listener), sent))
        return encoded

    def _socket(self, listener: Listener) -> Encoded:
        return Encoded(
            listener.socket.port, _json(sockets_json.of_listener(masked(listener, show=self._show)))
        )


def _json(value: Any) -> bytes:
    # On one line, in ASCII: nothing in it can end the line, the event or the stream.
    return json.dumps(value, separators=(",", ":")).encode()
