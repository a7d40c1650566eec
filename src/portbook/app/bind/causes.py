"""The causes for which a bind fails, or may: a stable code and what was found. Pure.

What is said of each, and what to do about it, stands in :mod:`portbook.present.phrases.causes`.
"""

from __future__ import annotations

import errno

from portbook._fast_types import NamedTuple, StrEnum
from portbook.app.bind.addresses import LOCALHOST, plain_address
from portbook.app.bind.observations import place
from portbook.model import is_v4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.bind.observations import Elsewhere, Evidence, Redirected
    from portbook.host.linux.connections import Connection
    from portbook.model import Facts, Gap, Listener, SystemListener


class CauseCode(StrEnum):
    """Why a bind fails, or what can go wrong though it succeeds."""

    FREE = "free"
    LISTENER = "listener"
    BOUND_NOT_LISTENING = "bound-not-listening"
    OUTBOUND_CONNECTION = "outbound-connection"
    TIME_WAIT = "time-wait"
    ADDRESS_OVERLAP = "address-overlap"
    NO_PRIVILEGE = "no-privilege"
    OTHER_NAMESPACE = "other-namespace"
    NAT_REDIRECT = "nat-redirect"
    EXCLUDED_RANGE = "excluded-range"
    DYNAMIC_RANGE = "dynamic-range"
    UNKNOWN = "unknown"


# What each means; the documentation and the site show this table.
CODES = {
    CauseCode.FREE: "the bind succeeded just now",
    CauseCode.LISTENER: "a socket listens there",
    CauseCode.BOUND_NOT_LISTENING: "a socket is bound there and never listened",
    CauseCode.OUTBOUND_CONNECTION: "a connection holds it as its local port",
    CauseCode.TIME_WAIT: "a closed connection still waits for late packets",
    CauseCode.ADDRESS_OVERLAP: "some addresses are taken, others are free",
    CauseCode.NO_PRIVILEGE: "this user may not bind it",
    CauseCode.OTHER_NAMESPACE: "it is in use in another network namespace of this machine",
    CauseCode.NAT_REDIRECT: "connections to it are redirected before they reach a socket",
    CauseCode.EXCLUDED_RANGE: "the system keeps it out of reach",
    CauseCode.DYNAMIC_RANGE: "the system may give it to any program that asks for some port",
    CauseCode.UNKNOWN: "the bind fails, and nothing that could be seen explains it",
}


class Cause(NamedTuple):
    """One reason, or warning: its code, and what was found, as values.

    ``blocks`` says whether it makes the bind fail. ``facts`` are named by the function below that
    finds the cause, ``why`` among them where one code has several reasons; ``listener`` is the
    socket that it is about, ``connections`` those that hold the port. ``seconds_left`` until it
    ends on its own, where that is known. Where nothing that was seen is the reason, it may be in
    what was ``unseen``.
    """

    code: CauseCode
    blocks: bool = True
    facts: Facts = ()
    listener: Listener | None = None
    connections: tuple[Connection, ...] = ()
    seconds_left: float | None = None
    unseen: tuple[Gap, ...] = ()

    @property
    def kind(self) -> tuple[object, ...]:
        """What is the same for two sockets of one program that share an address and a port."""
        if self.listener is None:
            return self.code, self.facts
        socket, ownership, _ = self.listener
        shared = socket.sharing if self.code is CauseCode.LISTENER else 1
        return self.code, self.facts, socket.name, shared, ownership, socket.uid, socket.user


def free(seen: Evidence) -> Cause:
    """The bind succeeded: nothing blocks it.

    ``places`` are where it was tried, ``family`` the only one that this machine has.
    """
    facts: list[tuple[str, str | int | tuple[str, ...]]] = [
        ("port", seen.port),
        ("transport", seen.transport),
    ]
    families = {each.family for each in seen.asked() if each.ok}
    if seen.address == LOCALHOST:
        facts.append(
            ("places", tuple([place(each) for each in seen.asked() if not each.reuseaddr]))
        )
    elif seen.address is not None:
        facts.append(("places", (seen.address,)))
    elif len(families) == 1:
        facts.append(("family", families.pop()))
    return Cause(CauseCode.FREE, blocks=False, facts=tuple(facts))


# -- what blocks ------------------------------------------------------------------------------


def no_privilege(seen: Evidence) -> Cause:
    """The system refuses the port to this user: ``why`` says by which rule."""
    first, system = seen.rules.unprivileged_first, seen.rules.system
    port = ("port", seen.port)
    for low, high, kind in seen.excluded:
        if low <= seen.port <= high:
            within = (("first", low), ("last", high), ("kind", kind))
            return Cause(CauseCode.EXCLUDED_RANGE, facts=(("why", "range"), port, *within))
    if first is not None and seen.port < first:
        return Cause(
            CauseCode.NO_PRIVILEGE, facts=(("why", "low-port"), ("unprivileged_first", first))
        )
    if system == "windows":
        transport = ("transport", seen.transport)
        return Cause(CauseCode.EXCLUDED_RANGE, facts=(("why", "refused"), port, transport))
    if system == "macos" and seen.port < 1024:
        return Cause(CauseCode.NO_PRIVILEGE, facts=(("why", "one-address"),))
    why = "rule-unread" if first is None else "rule-allows"
    return Cause(CauseCode.NO_PRIVILEGE, facts=(("why", why), port))


def listener(socket: Listener, seen: Evidence) -> Cause:
    """*socket* listens there, or is bound and doesn't listen.

    Where it is known to be a part of the system, that is its ``part``.
    """
    known = part_of_system(socket, seen.rules.system, seen.parts)
    if known is not None:
        facts = (
            ("part", known.name),
            ("summary", known.summary),
            ("source", known.source),
            ("read", known.read),
            ("mend", known.mend),
        )
        return Cause(CauseCode.LISTENER, facts=facts, listener=socket)
    listens = socket.socket.listens
    code = CauseCode.LISTENER if listens else CauseCode.BOUND_NOT_LISTENING
    return Cause(code, listener=socket)


def part_of_system(
    listener: Listener, system: str, parts: Sequence[SystemListener]
) -> SystemListener | None:
    """The one of *parts* that *listener* is known to be, on *system*.

    Who has the port tells; where that isn't known, a port that such a part always takes.
    """
    here = [each for each in parts if each.system == system]
    socket, owners = listener.socket, listener.ownership.owners
    if not owners:
        place = socket.port, socket.transport
        return next((each for each in here if place in each.ports), None)
    names = [owner.program.lower().removesuffix(".exe") for owner in owners if owner.program]
    return next((each for name in names for each in here if name in each.programs), None)


def connection(connections: list[Connection], *, alone: bool, reuse: bool) -> Cause:
    """*connections* have it as their local port; *alone* where nothing else is in the way.

    One that a process holds comes first: it says more than one that is being closed.
    """
    ordered = sorted(connections, key=lambda each: not each.owners)
    facts = (("reusable", True),) if alone and reuse else ()
    return Cause(CauseCode.OUTBOUND_CONNECTION, facts=facts, connections=tuple(ordered))


def time_wait(waiting: list[Connection], *, alone: bool, reuse: bool) -> Cause:
    """*waiting* are closed and kept for late packets; *alone* where nothing else is in the way."""
    known = [each.seconds_left for each in waiting if each.seconds_left is not None]
    left = max(known) if len(known) == len(waiting) else None
    return Cause(
        CauseCode.TIME_WAIT,
        facts=(("alone", alone), ("reusable", reuse)),
        connections=tuple(waiting),
        seconds_left=left,
    )


def overlap(seen: Evidence, listeners: list[Listener]) -> Cause | None:
    """Why a bind of one address fails on account of another."""
    asked = None if seen.address in (None, LOCALHOST) else plain_address(seen.address)
    for each in listeners:
        dual = plain_address(each.socket.address) == "::" and each.socket.v6only is False
        if dual and (asked is None or "." in asked):
            return Cause(CauseCode.ADDRESS_OVERLAP, facts=(("why", "dual-stack"),), listener=each)
    tries = seen.asked() if seen.address == LOCALHOST else seen.tries
    plain = [each for each in tries if not each.reuseaddr]
    free = tuple(dict.fromkeys([place(each) for each in plain if each.ok]))
    taken = dict.fromkeys([place(each) for each in plain if each.error == errno.EADDRINUSE])
    wider = any(plain_address(each.socket.address) != asked for each in listeners)
    if not free or not taken or not (asked is None or wider):
        return None
    # Beside a program, whoever connects to the port would reach now one and now the other.
    why = "program" if listeners else "wildcard"
    return Cause(
        CauseCode.ADDRESS_OVERLAP,
        facts=(("why", why), ("free", free), ("taken", tuple(taken))),
    )


def no_address(address: str) -> Cause:
    """*address* is none that could be bound here, or none at all."""
    numbers = address.split(".") if is_v4(address) else []
    why = "malformed-address" if any(int(number) > 255 for number in numbers) else "no-address"
    return Cause(CauseCode.UNKNOWN, facts=(("why", why), ("address", address)))


def unknown(seen: Evidence) -> Cause:
    """Nothing that was seen explains it: ``why`` says how far that was tried."""
    asked = seen.asked()
    if any(each.untried for each in asked):
        return Cause(CauseCode.UNKNOWN, facts=(("why", "untried"),))
    if all(each.unsupported for each in asked):
        family = (("family", asked[0].family),) if asked else ()
        return Cause(
            CauseCode.UNKNOWN,
            facts=(("why", "unsupported"), ("transport", seen.transport), *family),
        )
    names = sorted({each.name for each in asked if not each.ok and not each.reuseaddr})
    return Cause(
        CauseCode.UNKNOWN,
        facts=(("why", "unexplained"), ("errors", tuple(names))),
        unseen=seen.missing,
    )


# -- what only warns --------------------------------------------------------------------------


def redirect(port: int, rule: Redirected) -> Cause:
    """A rule of address translation sends some connections elsewhere."""
    facts = (("port", port), ("to", rule.to), ("source", rule.source), ("rule", rule.rule))
    return Cause(CauseCode.NAT_REDIRECT, blocks=False, facts=facts)


def elsewhere(other: Elsewhere) -> Cause:
    """The same port is in use in another network namespace."""
    facts = (("namespace", other.namespace),)
    return Cause(CauseCode.OTHER_NAMESPACE, blocks=False, facts=facts, listener=other.listener)


def dynamic(port: int, within: tuple[int, int], system: str) -> Cause:
    """The system may give the port to any program that asks for some port."""
    facts = (("port", port), ("first", within[0]), ("last", within[1]), ("system", system))
    return Cause(CauseCode.DYNAMIC_RANGE, blocks=False, facts=facts)
