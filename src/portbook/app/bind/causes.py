"""The causes for which a bind fails, or may: a stable code and what was found. Pure.

What is said of each, and what to do about it, stands in :mod:`portbook.present.phrases.causes`.
"""

from __future__ import annotations

import errno

from portbook._fast_types import NamedTuple
from portbook.app.bind.addresses import LOCALHOST, plain_address
from portbook.app.bind.observations import place
from portbook.app.bind.owner_text import part_of_system
from portbook.model import is_v4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.bind.observations import Elsewhere, Evidence, Redirected
    from portbook.host.linux.connections import Connection
    from portbook.model import Facts, Gap, Listener

# The code of a cause -> what it means; the documentation and the site show this table.
CODES = {
    "free": "the bind succeeded just now",
    "listener": "a socket listens there",
    "bound-not-listening": "a socket is bound there and never listened",
    "outbound-connection": "a connection holds it as its local port",
    "time-wait": "a closed connection still waits for late packets",
    "address-overlap": "some addresses are taken, others are free",
    "no-privilege": "this user may not bind it",
    "other-namespace": "it is in use in another network namespace of this machine",
    "nat-redirect": "connections to it are redirected before they reach a socket",
    "excluded-range": "the system keeps it out of reach",
    "dynamic-range": "the system may give it to any program that asks for some port",
    "unknown": "the bind fails, and nothing that could be seen explains it",
}


class Cause(NamedTuple):
    """One reason, or warning: its code, and what was found, as values.

    ``blocks`` says whether it makes the bind fail. ``facts`` are named by the function below that
    finds the cause, ``why`` among them where one code has several reasons; ``listener`` is the
    socket that it is about, ``connections`` those that hold the port. ``seconds_left`` until it is
    over by itself, where that is known. Where nothing that was seen is the reason, it may be in
    what was ``unseen``.
    """

    code: str
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
        shared = socket.sharing if self.code == "listener" else 1
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
    return Cause("free", blocks=False, facts=tuple(facts))


# -- what blocks ------------------------------------------------------------------------------


def no_privilege(seen: Evidence) -> Cause:
    """The system refuses the port to this user: ``why`` says by which rule."""
    first, system = seen.rules.unprivileged_first, seen.rules.system
    port = ("port", seen.port)
    for low, high, kind in seen.excluded:
        if low <= seen.port <= high:
            within = (("first", low), ("last", high), ("kind", kind))
            return Cause("excluded-range", facts=(("why", "range"), port, *within))
    if first is not None and seen.port < first:
        return Cause("no-privilege", facts=(("why", "low-port"), ("unprivileged_first", first)))
    if system == "windows":
        transport = ("transport", seen.transport)
        return Cause("excluded-range", facts=(("why", "refused"), port, transport))
    if system == "macos" and seen.port < 1024:
        return Cause("no-privilege", facts=(("why", "one-address"),))
    why = "rule-unread" if first is None else "rule-allows"
    return Cause("no-privilege", facts=(("why", why), port))


def listener(socket: Listener, system: str) -> Cause:
    """*socket* listens there, or is bound and doesn't listen.

    Where it is known to be a part of the system, that is its ``part``.
    """
    known = part_of_system(socket, system)
    if known is not None:
        facts = (
            ("part", known.name),
            ("summary", known.summary),
            ("source", known.source),
            ("read", known.read),
            ("mend", known.mend),
        )
        return Cause("listener", facts=facts, listener=socket)
    code = "listener" if socket.socket.state == "listen" else "bound-not-listening"
    return Cause(code, listener=socket)


def connection(connections: list[Connection], *, alone: bool, reuse: bool) -> Cause:
    """*connections* have it as their local port; *alone* where nothing else is in the way.

    One that a process holds comes first: it says more than one that is being closed.
    """
    ordered = sorted(connections, key=lambda each: not each.owners)
    facts = (("reusable", True),) if alone and reuse else ()
    return Cause("outbound-connection", facts=facts, connections=tuple(ordered))


def time_wait(waiting: list[Connection], *, alone: bool, reuse: bool) -> Cause:
    """*waiting* are closed and kept for late packets; *alone* where nothing else is in the way."""
    known = [each.seconds_left for each in waiting if each.seconds_left is not None]
    left = max(known) if len(known) == len(waiting) else None
    return Cause(
        "time-wait",
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
            return Cause("address-overlap", facts=(("why", "dual-stack"),), listener=each)
    tries = seen.asked() if seen.address == LOCALHOST else seen.tries
    plain = [each for each in tries if not each.reuseaddr]
    free = tuple(dict.fromkeys([place(each) for each in plain if each.ok]))
    taken = dict.fromkeys([place(each) for each in plain if each.error == errno.EADDRINUSE])
    wider = any(plain_address(each.socket.address) != asked for each in listeners)
    if not free or not taken or not (asked is None or wider):
        return None
    return Cause(
        "address-overlap", facts=(("why", "wildcard"), ("free", free), ("taken", tuple(taken)))
    )


def no_address(address: str) -> Cause:
    """*address* is none that could be bound here, or none at all."""
    numbers = address.split(".") if is_v4(address) else []
    why = "malformed-address" if any(int(number) > 255 for number in numbers) else "no-address"
    return Cause("unknown", facts=(("why", why), ("address", address)))


def unknown(seen: Evidence) -> Cause:
    """Nothing that was seen explains it: ``why`` says how far that was tried."""
    asked = seen.asked()
    if any(each.untried for each in asked):
        return Cause("unknown", facts=(("why", "untried"),))
    if all(each.unsupported for each in asked):
        family = (("family", asked[0].family),) if asked else ()
        return Cause(
            "unknown", facts=(("why", "unsupported"), ("transport", seen.transport), *family)
        )
    names = sorted({each.name for each in asked if not each.ok and not each.reuseaddr})
    return Cause(
        "unknown",
        facts=(("why", "unexplained"), ("errors", tuple(names))),
        unseen=seen.missing,
    )


# -- what only warns --------------------------------------------------------------------------


def redirect(port: int, rule: Redirected) -> Cause:
    """A rule of address translation sends some connections elsewhere."""
    facts = (("port", port), ("to", rule.to), ("source", rule.source), ("rule", rule.rule))
    return Cause("nat-redirect", blocks=False, facts=facts)


def elsewhere(other: Elsewhere) -> Cause:
    """The same port is in use in another network namespace."""
    facts = (("namespace", other.namespace),)
    return Cause("other-namespace", blocks=False, facts=facts, listener=other.listener)


def dynamic(port: int, within: tuple[int, int], system: str) -> Cause:
    """The system may give the port to any program that asks for some port."""
    facts = (("port", port), ("first", within[0]), ("last", within[1]), ("system", system))
    return Cause("dynamic-range", blocks=False, facts=facts)
