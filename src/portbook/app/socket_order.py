"""In which order the sockets of an answer stand."""

from __future__ import annotations

from portbook.model.finding import OF_EXPOSURE, RANKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from portbook.model import Listener


def sort_by_gravity(listeners: Iterable[Listener]) -> tuple[Listener, ...]:
    """*listeners*, the most serious first, then by port: the first finding on the first of them
    leads every answer.
    """
    return sort_sockets(listeners, "level")


def sort_sockets(listeners: Iterable[Listener], by: str) -> tuple[Listener, ...]:
    """*listeners* in the order of *by*, one of :data:`ORDERS`, then by port."""
    # Twice, which is stable: most listeners come in the order of their ports, and stay in it.
    return tuple(sorted(sorted(listeners, key=_place), key=ORDERS[by]))


def _place(listener: Listener) -> tuple[Any, ...]:
    socket = listener.socket
    return (socket.port, socket.transport, socket.family or "")


def _first_program(listener: Listener) -> str:
    from portbook.app.socket_filter import programs_of

    return next(programs_of(listener), "\U0010ffff").casefold()  # what isn't known stands last


def _first_pid(listener: Listener) -> float:
    return min([owner.pid for owner in listener.ownership.owners if owner.pid], default=1 << 40)


def _age(listener: Listener) -> float:
    """The latest start first: minus the moment, and what isn't known last."""
    starts = [-owner.started for owner in listener.ownership.owners if owner.started is not None]
    return min(starts, default=0.0)


def _most_serious_first(listener: Listener) -> int:
    # As Assessment.urgency, without its calls: lists have thousands.
    findings = listener[2][0]
    if not findings:
        return 2
    gravity = max([RANKS[each[1]] for each in findings])
    return -2 * gravity - (findings[0][0] in OF_EXPOSURE)


ORDERS: dict[str, Callable[[Listener], Any]] = {
    "level": _most_serious_first,
    "port": lambda each: each.socket.port,
    "address": lambda each: (each.socket.family or "", each.socket.address),
    "program": _first_program,
    "pid": _first_pid,
    "user": lambda each: (each.socket.user is None, each.socket.user or each.socket.uid or 0),
    "uptime": _age,
}
