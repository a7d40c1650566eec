"""What became of the sockets of an older capture: which opened, closed and changed hands.

A capture that lists nothing of a transport need not have been asked for it: ``ss -tln`` says
nothing of UDP, and nothing of it has closed for that.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Listener

PORTBOOK = "portbook"  # the format of its own lists, which have every socket


class Changes(NamedTuple):
    """What became of an older capture's sockets, by transport, address and port.

    ``changed`` are those that another program holds now, as before and after; of ``untold`` one
    of the captures doesn't name the program, so that can't be said. ``not_compared`` are of a kind
    that the other capture lists none of.
    """

    opened: tuple[Listener, ...]
    closed: tuple[Listener, ...]
    changed: tuple[tuple[Listener, Listener], ...]
    same: int
    untold: int
    not_compared: tuple[Listener, ...] = ()


class Listed(NamedTuple):
    """Which kinds of sockets a capture lists: their transports, and those that are only bound."""

    transports: frozenset[Transport]
    bound: bool

    @classmethod
    def of(cls, sockets: Iterable[Listener], whole: bool) -> Listed:
        """What a capture of *sockets* lists, which has all that there are where it is *whole*."""
        if whole:
            return cls(frozenset(Transport), True)
        kinds = {(each.socket.transport, each.socket.listens) for each in sockets}
        # An empty list was asked of TCP, if of anything.
        transports = {kind for kind, _ in kinds} or {Transport.TCP}
        return cls(frozenset(transports), any(not listens for _, listens in kinds))

    def has(self, listener: Listener) -> bool:
        """Whether *listener* would be listed, were it there."""
        socket = listener.socket
        return socket.transport in self.transports and (socket.listens or self.bound)


def compare(
    old: Iterable[Listener], new: Iterable[Listener], listed_then: Listed, listed_now: Listed
) -> Changes:
    """What opened, closed and changed hands from *old* to *new*, by what each capture lists."""
    before, after = _by_place(old), _by_place(new)
    changed, same, untold = [], 0, 0
    for place, listener in after.items():
        past = before.get(place)
        if past is None:
            continue
        held, held_now = _holders(past), _holders(listener)
        if not held or not held_now:
            untold += 1
        elif held == held_now:
            same += 1
        else:
            changed.append((past, listener))
    opened = [each for place, each in after.items() if place not in before]
    closed = [each for place, each in before.items() if place not in after]
    return Changes(
        opened=tuple(filter(listed_then.has, opened)),
        closed=tuple(filter(listed_now.has, closed)),
        changed=tuple(changed),
        same=same,
        untold=untold,
        not_compared=(
            *[each for each in opened if not listed_then.has(each)],
            *[each for each in closed if not listed_now.has(each)],
        ),
    )


def _by_place(sockets: Iterable[Listener]) -> dict[tuple[object, ...], Listener]:
    groups: dict[tuple[object, ...], list[Listener]] = {}
    for each in sockets:
        place = (
            each.socket.transport,
            each.socket.address,
            each.socket.port,
            each.socket.interface,
            each.socket.namespace,
            each.socket.host,
        )
        groups.setdefault(place, []).append(each)  # sockets may share an address and a port
    return {
        place: group[0]._replace(
            ownership=group[0].ownership._replace(
                owners=tuple(
                    dict.fromkeys(
                        owner for listener in group for owner in listener.ownership.owners
                    )
                )
            )
        )
        if len(group) > 1
        else group[0]
        for place, group in groups.items()
    }


def _holders(listener: Listener) -> frozenset[str]:
    """Who holds a socket, by name; empty where that isn't told of all."""
    names = [owner.program or owner.container_name for owner in listener.ownership.owners]
    return frozenset(name for name in names if name) if all(names) else frozenset()
