"""All connections of a server together: how many there may be, and how long each may wait.

A client that is slow costs a descriptor and some memory, and nothing else. So two things bound
what slow clients cost: a look at every connection once a second, which closes those that have
waited too long, and a number of connections beyond which those that wait are closed to make room.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import Enum
from typing import Protocol, cast

from uvicorn.server import ServerState

from portbook.web.http.rate_limit import network

MOST_CONNECTIONS = 1024
MOST_DESCRIPTORS = 8192
_AT_ONCE = 16  # one in so many connections is closed when room has to be made


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "idle"  # the client: another request
    HEAD = "head"  # the client: the rest of a head
    BODY = "body"  # the client: a body that the application reads, with a time-out of its own
    ANSWER = "answer"  # the application
    REST = "rest"  # the client: the rest of a body that nobody reads, the answer being out
    UNREAD = "unread"  # the client: it has to read before more can be written, or before the end


# How long each may last, in seconds. An answer takes as long as it takes.
SECONDS = {Phase.IDLE: 15.0, Phase.HEAD: 10.0, Phase.REST: 10.0, Phase.UNREAD: 30.0}


class Connection(Protocol):
    """What is known of one connection."""

    waiting_since: float  # in the loop's time

    @property
    def phase(self) -> Phase: ...
    @property
    def address(self) -> str: ...
    def check(self, now: float) -> None: ...
    def abort(self) -> None: ...


class Connections(ServerState):
    """The connections of one server, at most *most* of them."""

    interval = 1.0  # seconds between two looks

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    @property
    def held(self) -> set[Connection]:
        """All connections: uvicorn's own set, where each one is a PatientProtocol here."""
        return cast("set[Connection]", self.connections)

    async def patrol(self) -> None:
        """Closes what has waited too long, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.interval)
            for connection in list(self.held):
                try:
                    connection.check(loop.time())
                except Exception:  # noqa: BLE001 - a fault with one must not spare all others
                    connection.abort()

    def make_room(self, newcomer: Connection) -> bool:
        """Whether *newcomer* can be served; closes others for it where there are too many.

        It goes first to the address that has most connections, so that one client can't shut out
        the others, and there to those that have waited longest. What is being answered stays.
        """
        if len(self.held) <= self.most:
            return True
        waiting = [
            connection
            for connection in self.held
            if connection is not newcomer and connection.phase is not Phase.ANSWER
        ]
        clients = {address: network(address) for address in {other.address for other in waiting}}
        counts = Counter(clients[other.address] for other in waiting)
        waiting.sort(key=lambda other: (-counts[clients[other.address]], other.waiting_since))
        # Several at once: to look at all of them for each that comes would be work for an attacker.
        for connection in waiting[: max(1, self.most // _AT_ONCE)]:
            connection.abort()
            self.held.discard(connection)  # it ends a little later
        return bool(waiting)


def raise_descriptor_limit() -> int:
    """Raises this process's limit of open files, and returns what it is then.

    The limit is for how much a program means to need (``getrlimit(2)``), and shells start with
    1,024 for the sake of programs that use ``select``. At most :data:`MOST_DESCRIPTORS`.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return most
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # a system that says more than it gives
        return int(soft)
    return most


def shares(descriptors: int) -> tuple[int, int]:
    """How many connections and how long a backlog fit into *descriptors*.

    All that wait in the backlog may be accepted before one connection is closed, and files,
    databases and processes need some as well.

    >>> shares(8192), shares(300)
    ((1024, 2048), (150, 75))
    """
    return min(MOST_CONNECTIONS, descriptors // 2), min(2048, descriptors // 4)
