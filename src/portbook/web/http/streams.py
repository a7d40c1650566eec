"""One event stream of this machine: what waits to be sent, within bounds.

Whatever is sent is encoded once for all streams, and a stream holds references to it. A reader
that doesn't keep up isn't sent what it has missed but the state as it then is: the latest wins.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from portbook.schema.sockets import LISTEN_ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
    """The events of *port*, or of every port where it is None, for one reader.

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
