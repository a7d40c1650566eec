"""Asking services of this machine what they speak: input and output only.

A service is given half a second and 4 kB. It is listened to first, because many speak first; then
it is asked in one protocol after the other, first in those that its port or its program is known
for, each on a connection of its own as soon as the one before has failed or kept silent. What comes
back is understood by :mod:`portbook.host.probe.fingerprints`. All services are asked at once.
Nothing is ever sent to an address that isn't this machine's
(:class:`portbook.host.probe.local_address.OwnAddress`), and nothing more to a service that doesn't
accept the first connection.
"""

from __future__ import annotations

import selectors
import socket
import time

from portbook.errors import NotThisMachine
from portbook.host.probe.fingerprints import ASKED_BY, GREETERS
from portbook.host.probe.local_address import OwnAddress
from portbook.host.probe.session import TIME, Conversation
from portbook.model import Listener, OwnerSearch, Spoken, SpokenState, Transport
from portbook.model.protocols import SERVICES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from portbook.model import PortRules

AT_ONCE = 64  # services that are talked to at one time
_LISTED = 0.02  # seconds for which a listing of accept queues is good

_ORDER = ("tls", "http", "line", "postgresql", "mqtt", "amqp", "mongodb", "dns")
_PROTOCOL_OF = {
    name: (protocol, name in encrypted)
    for protocol, (plain, encrypted) in SERVICES.items()
    for name in (*plain, *encrypted)
}


def add_spoken(
    listeners: tuple[Listener, ...],
    likely: Callable[[Listener], Iterable[str]],
    rules: PortRules,
    seconds: float = TIME,
) -> tuple[Listener, ...]:
    """*listeners* of this machine with what they speak.

    *likely* gives the names of services (IANA's) that are to be expected of one; they decide what
    is asked first, not what is found. Sockets that don't listen, and those of sctp and dccp, are
    left out; so are UDP sockets in the dynamic range of *rules*, which are clients' as a rule. A
    service is given *seconds* to speak.
    """
    groups: dict[object, list[Listener]] = {}
    for each in listeners:
        if _is_asked(each, rules):
            groups.setdefault(_group(each), []).append(each)
    told: dict[object, Spoken] = {}
    waiting: list[Conversation] = []
    queues = AcceptQueues()
    for key, group in groups.items():
        busy = _why_not_now(group[0])
        if busy is not None:
            told[key] = Spoken(SpokenState.UNASKED, detail=busy)
            continue
        try:
            waiting.append(_conversation(key, group[0], tuple(likely(group[0])), queues))
        except NotThisMachine as error:
            told[key] = Spoken(SpokenState.UNASKED, detail=str(error))
    for done in converse(waiting, seconds):
        told[done.key] = done.result()
    return tuple(
        each._replace(assessment=each.assessment._replace(speaks=told.get(_group(each))))
        if _is_asked(each, rules)
        else each
        for each in listeners
    )


def _is_asked(each: Listener, rules: PortRules) -> bool:
    if not each.socket.listens or each.socket.namespace is not None:
        return False
    if each.socket.transport is Transport.TCP:
        return True
    # A socket on a port that the system hands out may be a client's, which expects no question.
    return (
        each.socket.transport is Transport.UDP
        and not each.socket.udplite
        and not rules.hands_out(each.socket.port)
    )


def _group(each: Listener) -> object:
    """What sockets share that are one service: the same processes on the same port."""
    pids = tuple(sorted(owner.pid for owner in each.ownership.owners))
    if not pids or each.socket.interface is not None:
        return each.socket.transport, each.socket.port, each.socket.address, each.socket.interface
    # Of one that is bound to single addresses, each may speak something else.
    return (
        each.socket.transport,
        each.socket.port,
        pids,
        "" if each.socket.wildcard else each.socket.address,
    )


def _why_not_now(listener: Listener) -> str | None:
    """Why a connection of ours would be one too many for *listener*; None where it isn't."""
    waiting, limit = listener.socket.queue, listener.socket.queue_limit
    if listener.socket.transport is not Transport.TCP or waiting is None:
        return None
    if waiting:
        return f"{waiting} connection{'s wait' if waiting > 1 else ' waits'} to be accepted already"
    return "one connection would fill its accept queue" if limit == 0 else None


class AcceptQueues:
    """How many connections wait for each listening socket of this machine, as the kernel says.

    One listing serves all who ask within some milliseconds; *read* and *clock* are for tests.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[Listener]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read or _read_tcp
        self._clock = clock
        self._queues: dict[int | None, int | None] = {}
        self._read_at = float("-inf")

    def empty(self, inode: int | None) -> bool:
        """Whether nothing waits for the socket *inode*; also where that can't be told."""
        if inode is None:
            return True
        if self._clock() - self._read_at > _LISTED:
            self._queues = {each.socket.inode: each.socket.queue for each in self._read()}
            self._read_at = self._clock()
        return not self._queues.get(inode)


def _read_tcp() -> Iterable[Listener]:
    from portbook.host.reader import read_host

    return read_host(None, Transport.TCP, OwnerSearch.NONE).listeners


def _conversation(
    key: object, listener: Listener, names: tuple[str, ...], queues: AcceptQueues
) -> Conversation:
    place = _own_address(listener).at(listener.socket.port)
    family = socket.AF_INET6 if len(place) == 4 else socket.AF_INET
    if listener.socket.transport is Transport.UDP:
        return Conversation(key, family, place, ("dns-udp",), udp=True)
    hints = [_PROTOCOL_OF[name] for name in names if name in _PROTOCOL_OF]
    first = ["tls" if tls else ASKED_BY[each] for each, tls in hints if tls or each in ASKED_BY]
    inside = [ASKED_BY[each] for each, tls in hints if tls and each in ASKED_BY]
    return Conversation(
        key,
        family,
        place,
        tuple(dict.fromkeys((*first, *_ORDER))),
        greets=any(each in GREETERS and not tls for each, tls in hints),
        sure=bool(first),
        inside=inside[0] if inside else "http",
        accepts=lambda: queues.empty(listener.socket.inode),
    )


def _own_address(listener: Listener) -> OwnAddress:
    """The address at which this machine reaches *listener* itself."""
    if listener.socket.address in ("0.0.0.0", "::ffff:0.0.0.0"):
        return OwnAddress("127.0.0.1")
    if listener.socket.address == "::":
        return OwnAddress("::1")
    return OwnAddress(listener.socket.address, listener.socket.interface)


def converse(waiting: list[Conversation], seconds: float = TIME) -> Iterator[Conversation]:
    """Holds every conversation of *waiting*, many at once, and gives each when it is over.

    None takes longer than *seconds*.
    """
    waiting = [*waiting]
    waiting.reverse()
    running: list[Conversation] = []
    with selectors.DefaultSelector() as selector:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                conversation = waiting.pop()
                conversation.begin(selector, time.monotonic(), seconds)
                running.append(conversation)
            now = time.monotonic()
            soonest = min((each.next_at for each in running), default=now)
            for key, events in selector.select(max(0.0, min(soonest - now, seconds))):
                key.data(events)
            now = time.monotonic()
            still = []
            for each in running:
                each.turn(now)
                if each.over:
                    each.close()
                    yield each
                else:
                    still.append(each)
            running = still
