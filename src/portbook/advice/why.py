"""Why a port can or can't be bound: the kernel's own answer, and each cause with its mend.

The answer is a real bind, made just now; the causes are what was found beside it. A cause either
*blocks* the bind, or warns of what can go wrong though it succeeds. :func:`weigh` is pure: what
was seen is given to it as :class:`Evidence`.
"""

from __future__ import annotations

import errno
from math import ceil

from portbook._lean import NamedTuple
from portbook.advice.addresses import LOCALHOST, meets, plain_address, takes
from portbook.advice.holders import holder, how_to_stop, join, part_of_system
from portbook.model import Listener, Note, OwnersSeen, PortRules, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.host.bindprobe import BindTry
    from portbook.host.conflicts import Connection

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
    """Whether *port* can be bound, plainly and with SO_REUSEADDR, and why.

    ``noted`` is what the verdict makes of the user's ``notes``, ``left_out`` why some do not count.
    """

    port: int
    transport: Transport
    address: str | None
    bindable: bool
    bindable_with_reuseaddr: bool
    causes: tuple[Cause, ...]
    tries: tuple[BindTry, ...]
    missing: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    noted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


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
    untried = dict.fromkeys(each.name for each in _asked(seen) if each.untried)
    return Why(
        seen.port,
        seen.transport,
        seen.address,
        plain,
        reuse,
        tuple(causes),
        seen.tries,
        seen.missing + tuple(f"a bind could not be tried ({name})" for name in untried),
    )


def _asked(seen: Evidence) -> list[BindTry]:
    """The attempts that count: those on the address asked for, else all that can succeed."""
    if seen.address is None:
        return [each for each in seen.tries if not each.unsupported]
    if seen.address == LOCALHOST:
        loopback = [each for each in seen.tries if each.address in ("127.0.0.1", "::1")]
        return [each for each in loopback if not each.unsupported]
    # "::" is asked for by servers that want IPv4 with it, which is what systems give by default.
    return [
        each
        for each in seen.tries
        if each.address == seen.address and (seen.address != "::" or each.v6only is False)
    ]


def _all_ok(seen: Evidence, *, reuse: bool) -> bool:
    asked = [each for each in _asked(seen) if each.reuseaddr == reuse]
    return bool(asked) and all(each.ok for each in asked)


def _errors(seen: Evidence) -> set[int]:
    return {each.error for each in _asked(seen) if not each.ok and not each.reuseaddr}


def _free(seen: Evidence) -> str:
    where = seen.address or "every address, IPv4 and IPv6,"
    if seen.address == LOCALHOST:
        where = join([_place(each) for each in _asked(seen) if not each.reuseaddr])
    families = {each.family for each in _asked(seen) if each.ok}
    if seen.address is None and len(families) == 1:
        family = "IPv4" if "ipv4" in families else "IPv6"
        where = f"every address of {family}, the only family here,"
    return f"A bind of {seen.port}/{seen.transport} on {where} succeeded just now."


# -- what blocks ------------------------------------------------------------------------------


def _blocking(seen: Evidence, reuse: bool) -> Iterator[Cause]:
    errors = _errors(seen)
    denied = bool(errors & {errno.EACCES, errno.EPERM})
    if denied:
        yield _no_privilege(seen)
    if seen.address is not None and errno.EADDRNOTAVAIL in errors:
        yield Cause(
            "unknown",
            f"{seen.address} is no address of this machine.",
            "Give an address that it has, or the wildcard address.",
        )
    # The kernel refuses before it looks whether the port is taken.
    if errno.EADDRINUSE not in errors and not denied:
        return
    asked = seen.address
    listeners = [
        each
        for each in seen.listeners
        if meets(each.address, asked) or (asked is not None and takes(each, asked))
    ]
    for listener in listeners:
        yield _listener(listener, seen.rules.system)
    held = [each for each in seen.connections if meets(each.address, asked)]
    # Connections that a listener accepted follow from it.
    servers = [each for each in seen.listeners if each.state == "listen"]
    others = [
        each
        for each in held
        if each.state != "time-wait" and not any(takes(one, each.address) for one in servers)
    ]
    if others:
        yield _connection(others, alone=not listeners and not denied, reuse=reuse)
    waiting = [each for each in held if each.state == "time-wait"]
    if waiting:
        alone = not listeners and not others and not denied
        yield _time_wait(waiting, alone=alone, reuse=reuse)
    if overlap := _overlap(seen, listeners):
        yield overlap


def _no_privilege(seen: Evidence) -> Cause:
    first, system = seen.rules.unprivileged_first, seen.rules.system
    for low, high, kind in seen.excluded:
        if low <= seen.port <= high:
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
    if system == "windows":
        return Cause(
            "excluded-range",
            f"Windows refuses {seen.port}: it is in an excluded range, or another socket has it "
            "for its exclusive use.",
            "List the ranges with: netsh interface ipv4 show excludedportrange "
            f"protocol={seen.transport}",
        )
    if system == "macos" and seen.port < 1024:
        return Cause(
            "no-privilege",
            "macOS asks for a privilege below 1024 where one address is bound, and for none where "
            "every address is; this user hasn't got it.",
            "Bind every address, run the server as root, or choose a port from 1024 on.",
        )
    rule = "its rule for low ports could not be read" if first is None else "its rule allows it"
    return Cause(
        "no-privilege",
        f"The system refuses {seen.port} to this user, and {rule}: a security module (SELinux, "
        "AppArmor, a seccomp or cgroup filter) may be the reason.",
        "Look into the audit log; with SELinux, semanage port -l shows what a domain may bind.",
    )


def _listener(listener: Listener, system: str) -> Cause:
    known = part_of_system(listener, system)
    if known is not None:
        return Cause(
            "listener",
            f"{known.name} has {listener.socket}: {known.summary} ({known.source}, read "
            f"{known.read}).",
            f"{known.mend}.",
        )
    who = holder(listener.owners, listener.owners_seen, listener.user, listener.uid)
    mend = how_to_stop(listener)
    if listener.state == "listen":
        verb = "listens on" if listener.transport is not Transport.UDP else "is bound to"
        return Cause("listener", f"{who} {verb} {listener.socket}.", mend)
    return Cause(
        "bound-not-listening",
        f"{who} has bound {listener.socket} and doesn't listen: lists of listeners don't show it.",
        mend,
    )


def _connection(connections: list[Connection], *, alone: bool, reuse: bool) -> Cause:
    # One that a process holds says more than one that is being closed.
    first = next((each for each in connections if each.owners), connections[0])
    who = holder(first.owners, first.owners_seen, None, first.uid)
    peer = f"[{first.peer_address}]" if ":" in first.peer_address else first.peer_address
    more = f", and {len(connections) - 1} more" if len(connections) > 1 else ""
    mend = "Wait until it is closed"
    mend += "." if first.owners_seen is OwnersSeen.KERNEL else ", or end the program."
    if alone and reuse:
        mend += " With SO_REUSEADDR set the bind succeeds now."
    return Cause(
        "outbound-connection",
        f"{who} holds it as the local port of a connection to {peer}:{first.peer_port} "
        f"({first.state}){more}.",
        mend,
    )


def _time_wait(waiting: list[Connection], *, alone: bool, reuse: bool) -> Cause:
    known = [each.seconds_left for each in waiting if each.seconds_left is not None]
    left = max(known) if len(known) == len(waiting) else None
    some = f"{len(waiting)} closed connections" if waiting[1:] else "a connection that was closed"
    # Linux waits for 60 seconds (TCP_TIMEWAIT_LEN, include/net/tcp.h).
    when = "within a minute" if left is None else f"in {ceil(left)} s"
    # inet_csk_bind_conflict in the kernel: both sockets must have set it.
    if not alone:
        mend = (
            f"Once nothing else is in the way, it is free by itself {when}; at once for a server "
            "that sets SO_REUSEADDR, if the closed socket had set it as well."
        )
    elif reuse:
        mend = (
            f"It is free by itself {when}. A server that sets SO_REUSEADDR can bind it now, "
            "because the closed socket had set it as well."
        )
    else:
        mend = (
            f"It is free by itself {when}. SO_REUSEADDR doesn't help here: the closed socket "
            "would have had to set it too."
        )
    return Cause(
        "time-wait",
        f"It is the local port of {some}, kept in TIME_WAIT for late packets (RFC 9293 §3.6.1); no "
        "process holds it any more.",
        mend,
        seconds_left=left,
    )


def _overlap(seen: Evidence, listeners: list[Listener]) -> Cause | None:
    """Why a bind of one address fails on account of another."""
    asked = None if seen.address in (None, LOCALHOST) else plain_address(seen.address)
    for each in listeners:
        dual = plain_address(each.address) == "::" and each.v6only is False
        if dual and (asked is None or "." in asked):
            return Cause(
                "address-overlap",
                f"{each.socket} is not limited to IPv6 (IPV6_V6ONLY is off), so it takes the port "
                "for IPv4 as well.",
                "To have both families apart, the program has to set IPV6_V6ONLY.",
            )
    tries = _asked(seen) if seen.address == LOCALHOST else seen.tries
    plain = [each for each in tries if not each.reuseaddr]
    free = list(dict.fromkeys(_place(each) for each in plain if each.ok))
    taken = dict.fromkeys(_place(each) for each in plain if each.error == errno.EADDRINUSE)
    wider = any(plain_address(each.address) != asked for each in listeners)
    if not free or not taken or not (asked is None or wider):
        return None
    return Cause(
        "address-overlap",
        f"Not every address is taken: {join(free)} can be bound, {join(taken)} can't. A wildcard "
        "bind fails while one specific address is in use, and the other way round.",
        f"Bind {free[0]}, if that is enough.",
    )


def _place(each: BindTry) -> str:
    host = f"[{each.address}]" if ":" in each.address else each.address
    if each.address != "::":
        return host
    return f"{host} (IPv4 as well)" if each.v6only is False else f"{host} (IPv6 only)"


def _unknown(seen: Evidence) -> Cause:
    asked = _asked(seen)
    if any(each.untried for each in asked):
        return Cause(
            "unknown",
            "No socket could be made to try it with, so whether it can be bound is not known.",
            "Ask again when there are fewer open files or more memory.",
        )
    if all(each.unsupported for each in asked):
        family = f" over {asked[0].family.replace('ip', 'IP')}" if asked else ""
        return Cause(
            "unknown",
            f"This machine has no {seen.transport.upper()}{family} to bind with.",
            "Load the kernel's module for it, if there is one.",
        )
    names = ", ".join(sorted({e.name for e in asked if not e.ok and not e.reuseaddr}))
    unseen = f" Not seen: {'; '.join(seen.missing)}." if seen.missing else ""
    return Cause(
        "unknown",
        f"The bind fails ({names}), and nothing that could be seen explains it.{unseen}",
        "Ask again as root, and on the host if this is a container." if seen.missing else None,
    )


# -- what only warns --------------------------------------------------------------------------


def _warnings(seen: Evidence) -> Iterator[Cause]:
    for each in seen.redirects:
        yield Cause(
            "nat-redirect",
            f"A NAT rule sends connections to {seen.port} on to {each.to} ({each.source}: "
            f"{each.rule}): those that it matches don't reach a server bound here.",
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
    low, high = seen.rules.dynamic or (1, 0)
    if low <= seen.port <= high and not any(a <= seen.port <= b for a, b in seen.rules.kept):
        yield Cause(
            "dynamic-range",
            f"{seen.port} is in {low}–{high}, from which this machine gives ports to programs that "
            "ask for any: one of them may have it when the server starts.",
            f"Choose a port outside the range, or add {seen.port} to "
            "net.ipv4.ip_local_reserved_ports."
            if seen.rules.system == "linux"
            else "Choose a port outside the range.",
            blocks=False,
        )
