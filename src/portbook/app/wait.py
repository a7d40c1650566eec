"""Waiting until something listens on a port, or until nothing does.

The kernel is asked for the sockets of that one port, again and again: at first every 20 ms, later
four times a second, which takes less than a hundredth of a processor. Linux tells nobody when a
socket begins to listen (sock_diag(7) announces only those that are destroyed).
"""

from __future__ import annotations

import time

from portbook._fast_types import NamedTuple
from portbook.errors import InvalidArgument, InvalidQuery
from portbook.host.host_reader import THIS_HOST
from portbook.model import GapCode, OwnerSearch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.host.host_reader import HostReader
    from portbook.model import Gap, Host, Listener, Transport

SHORTEST, LONGEST = 0.02, 0.25  # seconds between two looks
_SLOWER = 1.25  # how much longer each pause is than the one before
LONGEST_WAIT = 7 * 86_400.0  # seconds

# Where one of these is missing, nothing at all is seen of the sockets.
_BLIND = frozenset(
    (
        GapCode.SYSTEM_UNKNOWN,
        GapCode.SOCKETS_UNREADABLE,
        GapCode.LISTING_DENIED,
        GapCode.LISTING_FAILED,
        GapCode.PSUTIL_MISSING,
    )
)


class WaitRequest(NamedTuple):
    """What to wait for: until something listens on ``port``, or with ``free`` until nothing does.

    ``transport`` None is any; ``address``, a numeric one or ``localhost``, looks only at sockets
    that take it in. ``timeout`` is in seconds; 0 looks once, None waits for ever.
    """

    port: int
    transport: Transport | None = None
    address: str | None = None
    free: bool = False
    timeout: float | None = 60.0


class Waited(NamedTuple):
    """How a wait ended: whether what was waited for came (``met``), and after how many seconds the
    last look began: 0 where the first one told.

    ``met`` is None where this machine's sockets can't be listed at all. ``listeners`` are on the
    port now, with their owners; ``missing`` is what could not be seen.
    """

    request: WaitRequest
    met: bool | None
    seconds: float
    listeners: tuple[Listener, ...]
    missing: tuple[Gap, ...]


def wait_here(
    request: WaitRequest,
    host: HostReader = THIS_HOST,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Waited:
    """Waits for what *request* says, or until its time is over.

    A port that is bound, and on which nothing listens, is neither.

    :raises InvalidQuery: port 0, on which nothing can listen.
    :raises InvalidArgument: the time is below 0 or longer than a week.
    """
    if request.port == 0:
        raise InvalidQuery("nothing can listen on port 0: give the port itself", "0")
    limit = request.timeout
    if limit is not None and not 0 <= limit <= LONGEST_WAIT:
        raise InvalidArgument("timeout", f"{limit:g} is not between 0 and {LONGEST_WAIT:g} seconds")
    began, pause = clock(), SHORTEST
    while True:
        # Before the look: what it finds at once was there already, however long it takes.
        waited = clock() - began
        seen, there = _look(request, host, OwnerSearch.NONE)
        if any(gap.code in _BLIND for gap in seen.missing):
            return Waited(
                request=request, met=None, seconds=waited, listeners=(), missing=seen.missing
            )
        met = not there if request.free else any(map(_listens, there))
        if met or (limit is not None and waited >= limit):
            break
        sleep(pause if limit is None else min(pause, max(limit - waited, 0.001)))
        pause = min(pause * _SLOWER, LONGEST)
    if there:  # who it is takes a look at the processes
        seen, owned = _look(request, host, OwnerSearch.FIRST)
        there = owned or there
    return Waited(request=request, met=met, seconds=waited, listeners=there, missing=seen.missing)


def _look(
    request: WaitRequest, host: HostReader, owners: OwnerSearch
) -> tuple[Host, tuple[Listener, ...]]:
    from portbook.app.bind.addresses import takes

    seen = host.read_host((request.port, request.port), request.transport, owners)
    address = request.address
    return seen, tuple(
        each
        for each in seen.listeners
        if each.socket.namespace is None and (address is None or takes(each, address))
    )


def _listens(listener: Listener) -> bool:
    return listener.socket.listens
