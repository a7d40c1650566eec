"""Why a port can or can't be bound: the kernel's own answer, and each cause with its mend.

The answer is a real bind, made just now; the causes are what was found beside it. A cause either
*blocks* the bind, or warns of what can go wrong though it succeeds. :func:`weigh` is pure: what
was seen is given to it as :class:`Evidence`.
"""

from __future__ import annotations

import errno
from shlex import quote

from portbook._lean import NamedTuple
from portbook.model import Listener, OwnersSeen, PortRules, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.host.bindprobe import BindTry
    from portbook.host.conflicts import Connection
    from portbook.host.othersystems import SystemListener
    from portbook.model import Process

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
    """One reason, or warning: its code, what was found, and what to do about it.

    ``seconds_left`` until it is over by itself, where that is known; ``blocks`` whether it makes
    the bind fail.
    """

    code: str
    message: str
    mend: str | None = None
    blocks: bool = True
    seconds_left: float | None = None


class Redirected(NamedTuple):
    """A rule that redirects the port: where it sends connections, and the rule as printed."""

    to: str
    rule: str
    source: str


class Elsewhere(NamedTuple):
    """A socket on the same port in another network namespace, by the namespace's name."""

    namespace: str
    listener: Listener


class Evidence(NamedTuple):
    """All that was seen of one port, a moment apart from the bind itself."""

    port: int
    transport: Transport
    tries: tuple[BindTry, ...]
    address: str | None = None
    listeners: tuple[Listener, ...] = ()
    connections: tuple[Connection, ...] = ()
    rules: PortRules = PortRules("")
    redirects: tuple[Redirected, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    excluded: tuple[tuple[int, int, str], ...] = ()
    missing: tuple[str, ...] = ()


class Why(NamedTuple):
    """Whether *port* can be bound, plainly and with SO_REUSEADDR, and why."""

    port: int
    transport: Transport
    address: str | None
    bindable: bool
    bindable_with_reuseaddr: bool
    causes: tuple[Cause, ...]
    tries: tuple[BindTry, ...]
    missing: tuple[str, ...]


def weigh(seen: Evidence) -> Why:
    """The causes that *seen* shows, the blocking ones first."""
    plain = _all_ok(seen, reuse=False)
    reuse = _all_ok(seen, reuse=True)
    causes = list(_blocking(seen, reuse)) if not plain else []
    if not plain and not any(cause.blocks for cause in causes):
        causes.insert(0, _unknown(seen))
    if plain:
        causes.append(Cause("free", _free(seen), None, False))
    causes += _warnings(seen)
    return Why(
        seen.port,
        seen.transport,
        seen.address,
        plain,
        reuse,
        tuple(causes),
        seen.tries,
        seen.missing,
    )


def _asked(seen: Evidence) -> list[BindTry]:
    """The attempts that count: those on the address asked for, else all that can succeed."""
    return [
        each
        for each in seen.tries
        if (seen.address is None and not each.unsupported) or each.address == seen.address
    ]


def _all_ok(seen: Evidence, *, reuse: bool) -> bool:
    asked = [each for each in _asked(seen) if each.reuseaddr == reuse]
    return bool(asked) and all(each.ok for each in asked)


def _errors(seen: Evidence) -> set[int]:
    return {each.error for each in _asked(seen) if not each.ok and not each.reuseaddr}


def _free(seen: Evidence) -> str:
    where = seen.address or "every address, IPv4 and IPv6"
    families = {each.family for each in _asked(seen) if each.ok}
    if seen.address is None and len(families) == 1:
        where = f"every address of {'IPv4' if 'ipv4' in families else 'IPv6'}, the only family here"
    return f"A bind of {seen.port}/{seen.transport} on {where} succeeded just now."


# -- what blocks ------------------------------------------------------------------------------


def _blocking(seen: Evidence, reuse: bool) -> Iterator[Cause]:
    errors = _errors(seen)
    if errors & {errno.EACCES, errno.EPERM}:
        yield _no_privilege(seen)
    if seen.address is not None and errno.EADDRNOTAVAIL in errors:
        yield Cause(
            "unknown",
            f"{seen.address} is no address of this machine.",
            "Give an address that it has, or the wildcard address.",
        )
    if errno.EADDRINUSE not in errors:
        return
    for listener in seen.listeners:
        yield _listener(listener, seen.rules.system)
    listening = any(listener.state == "listen" for listener in seen.listeners)
    open_ones = [each for each in seen.connections if each.state != "time-wait"]
    # Beside a listener, connections on its port are those it accepted: they follow from it.
    if open_ones and not listening:
        yield _connection(open_ones, reuse)
    waiting = [each for each in seen.connections if each.state == "time-wait"]
    if waiting:
        yield _time_wait(waiting, reuse, blocks=not listening)
    if overlap := _overlap(seen):
        yield overlap


def _no_privilege(seen: Evidence) -> Cause:
    first = seen.rules.unprivileged_first
    if any(low <= seen.port <= high for low, high, _ in seen.excluded):
        low, high, kind = next(each for each in seen.excluded if each[0] <= seen.port <= each[1])
        return Cause(
            "excluded-range",
            f"{seen.port} is in {low}–{high}, which the system keeps for itself ({kind}).",
            "Choose a port outside the excluded ranges.",
        )
    if first is not None and seen.port < first:
        return Cause(
            "no-privilege",
            f"Ports below {first} take a privilege here (net.ipv4.ip_unprivileged_port_start), and "
            "this user hasn't got it.",
            "Run the server as root, give its executable CAP_NET_BIND_SERVICE, let systemd open "
            f"the socket for it, or choose a port from {first} on.",
        )
    if seen.rules.system == "windows":
        return Cause(
            "excluded-range",
            f"Windows refuses {seen.port}: it is in an excluded range, or another socket has it "
            "for its exclusive use.",
            "List the ranges with: netsh interface ipv4 show excludedportrange protocol=tcp",
        )
    return Cause(
        "no-privilege",
        f"The system refuses {seen.port} to this user, though its rule for low ports doesn't: a "
        "security module (SELinux, AppArmor, a seccomp filter) may be the reason.",
        "Look into the audit log; with SELinux, semanage port -l shows what a domain may bind.",
    )


def _listener(listener: Listener, system: str) -> Cause:
    known = _part_of_system(listener, system)
    if known is not None:
        return Cause(
            "listener",
            f"{known.name} has {listener.socket}: {known.summary} ({known.source}, read "
            f"{known.read}).",
            f"{known.mend}.",
        )
    who = holder(listener.owners, listener.owners_seen, listener.user, listener.uid)
    if listener.state == "listen":
        verb = "listens on" if listener.transport is not Transport.UDP else "is bound to"
        return Cause("listener", f"{who} {verb} {listener.socket}.", _stop(listener.owners))
    return Cause(
        "bound-not-listening",
        f"{who} has bound {listener.socket} and doesn't listen: lists of listeners don't show it.",
        _stop(listener.owners),
    )


def _part_of_system(listener: Listener, system: str) -> SystemListener | None:
    """The part of macOS or Windows, or the engine on it, that *listener* is known to be."""
    from portbook.host.othersystems import lookup_system_listeners

    for owner in listener.owners:
        for known in lookup_system_listeners(system, program=owner.program):
            return known
    if listener.owners:  # somebody else has the port
        return None
    return next(iter(lookup_system_listeners(system, listener.port, listener.transport)), None)


def _connection(connections: list[Connection], reuse: bool) -> Cause:
    first = connections[0]
    who = holder(first.owners, first.owners_seen, None, first.uid)
    peer = f"[{first.peer_address}]" if ":" in first.peer_address else first.peer_address
    more = f", and {len(connections) - 1} more" if len(connections) > 1 else ""
    mend = "Wait until it is closed, or end the program."
    if reuse:
        mend += " With SO_REUSEADDR set the bind succeeds now."
    return Cause(
        "outbound-connection",
        f"{who} holds it as the local port of a connection to {peer}:{first.peer_port} "
        f"({first.state}){more}.",
        mend,
    )


def _time_wait(waiting: list[Connection], reuse: bool, *, blocks: bool) -> Cause:
    left = max((each.seconds_left or 0.0 for each in waiting), default=0.0)
    some = (
        "a connection that was closed"
        if len(waiting) == 1
        else f"{len(waiting)} closed connections"
    )
    mend = f"It is free by itself in {left:.0f} s."
    mend += (
        " A server that sets SO_REUSEADDR can bind it now."
        if reuse
        # inet_csk_bind_conflict in the kernel: both sockets must have set it.
        else " SO_REUSEADDR doesn't help here: the closed socket would have had to set it too."
    )
    return Cause(
        "time-wait",
        f"It is the local port of {some}, kept in TIME_WAIT for late packets (RFC 9293 §3.6.1); no "
        "process holds it any more.",
        mend,
        blocks,
        left,
    )


def _overlap(seen: Evidence) -> Cause | None:
    if seen.address is not None:
        return None
    free = [_place(each) for each in _asked(seen) if each.ok and not each.reuseaddr]
    taken = [_place(each) for each in _asked(seen) if each.error == errno.EADDRINUSE]
    taken = [place for place in dict.fromkeys(taken) if place not in free]
    dual = next(
        (each for each in seen.listeners if each.address == "::" and each.v6only is False), None
    )
    if dual is not None:
        return Cause(
            "address-overlap",
            f"{dual.socket} is not limited to IPv6 (IPV6_V6ONLY is off), so it takes the port for "
            "IPv4 as well.",
            "To have both families apart, the program has to set IPV6_V6ONLY.",
        )
    if not free or not taken:
        return None
    return Cause(
        "address-overlap",
        f"Not every address is taken: {_and(free)} can be bound, {_and(taken)} can't. A wildcard "
        "bind fails while one specific address is in use, and the other way round.",
        f"Bind {free[0]}, if that is enough.",
    )


def _place(each: BindTry) -> str:
    host = f"[{each.address}]" if ":" in each.address else each.address
    return f"{host} (IPv4 as well)" if each.v6only is False else host


def _unknown(seen: Evidence) -> Cause:
    names = ", ".join(sorted({e.name for e in _asked(seen) if not e.ok and not e.reuseaddr}))
    if not _asked(seen):
        return Cause(
            "unknown",
            f"This machine has no {seen.transport.upper()} to bind with.",
            "Load the kernel's module for it, if there is one.",
        )
    unseen = f" Not seen: {'; '.join(seen.missing)}." if seen.missing else ""
    return Cause(
        "unknown",
        f"The bind fails ({names}), and nothing that could be seen explains it.{unseen}",
        "Ask again as root; look at other network namespaces with --all-namespaces."
        if seen.missing
        else None,
    )


# -- what only warns --------------------------------------------------------------------------


def _warnings(seen: Evidence) -> Iterator[Cause]:
    for each in seen.redirects:
        yield Cause(
            "nat-redirect",
            f"Connections to {seen.port} are redirected to {each.to} ({each.source}: {each.rule}): "
            "a server bound here would not get them.",
            "Stop what asked for the redirect (most often a container with a published port), or "
            "remove the rule.",
            blocks=False,
        )
    for other in seen.elsewhere:
        listener = other.listener
        who = holder(listener.owners, listener.owners_seen, listener.user, listener.uid)
        yield Cause(
            "other-namespace",
            f"{who} has {listener.socket} in another network namespace ({other.namespace}). That "
            "keeps nobody from binding it here.",
            None,
            blocks=False,
        )
    dynamic = seen.rules.dynamic
    if dynamic is not None and dynamic[0] <= seen.port <= dynamic[1]:
        kept = any(low <= seen.port <= high for low, high in seen.rules.kept)
        if not kept:
            yield Cause(
                "dynamic-range",
                f"{seen.port} is in {dynamic[0]}–{dynamic[1]}, from which this machine gives ports "
                "to programs that ask for any: one of them may have it when the server starts.",
                f"Choose a port outside the range, or add {seen.port} to "
                "net.ipv4.ip_local_reserved_ports."
                if seen.rules.system == "linux"
                else "Choose a port outside the range.",
                blocks=False,
            )


# -- words ------------------------------------------------------------------------------------


def holder(owners: Iterable[Process], seen: OwnersSeen, user: str | None, uid: int | None) -> str:
    """Who holds a socket, as the subject of a sentence."""
    names = [f"{owner.program or 'a process'} (pid {owner.pid})" for owner in owners]
    if names:
        sure = "Probably " if seen is OwnersSeen.INFERRED else ""
        return sure + _and(names)
    whose = f" of user {user or uid}" if uid is not None else ""
    return {
        OwnersSeen.KERNEL: "The kernel itself",
        OwnersSeen.NONE: f"A socket without a process{whose}",
    }.get(seen, f"A process{whose} that is not visible without privilege")


def _stop(owners: tuple[Process, ...]) -> str | None:
    for owner in owners:
        if owner.container:
            runtime, _, name = owner.container.partition(":")
            return f"Stop the container: {runtime} stop {quote(name)}; or choose another port."
        if owner.unit and owner.unit.endswith((".service", ".socket")):
            return f"Stop its unit: systemctl stop {quote(owner.unit)}; or choose another port."
    if owners:
        return "Stop the program, or choose another port."
    return "Ask as root to see which program it is, or choose another port."


def _and(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
