"""The causes for which a bind fails, or may: a stable code, what was found, and its mend. Pure."""

from __future__ import annotations

import errno
from math import ceil

from portbook._fast_types import NamedTuple
from portbook.app.bind.addresses import LOCALHOST, plain_address
from portbook.app.bind.observations import place
from portbook.app.bind.owner_text import holder, how_to_stop, join, part_of_system
from portbook.model import Listener, OwnersSeen, Transport, host_port, is_v4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.bind.observations import Elsewhere, Evidence, Redirected
    from portbook.host.linux.connections import Connection
    from portbook.model import Gap

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
    the bind fail. Where nothing that was seen is the reason, it may be in what was ``unseen``.
    """

    code: str
    message: str
    mend: str | None = None
    blocks: bool = True
    seconds_left: float | None = None
    unseen: tuple[Gap, ...] = ()


def free(seen: Evidence) -> Cause:
    """The bind succeeded: nothing blocks it."""
    where = seen.address or "every address, IPv4 and IPv6,"
    if seen.address == LOCALHOST:
        where = join([place(each) for each in seen.asked() if not each.reuseaddr])
    families = {each.family for each in seen.asked() if each.ok}
    if seen.address is None and len(families) == 1:
        family = "IPv4" if "ipv4" in families else "IPv6"
        where = f"every address of {family}, the only family here,"
    said = f"A bind of {seen.port}/{seen.transport} on {where} succeeded just now."
    return Cause("free", said, None, False)


# -- what blocks ------------------------------------------------------------------------------


def no_privilege(seen: Evidence) -> Cause:
    """The system refuses the port to this user: by which rule."""
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


def listener(socket: Listener, system: str) -> Cause:
    """*socket* listens there, or is bound and doesn't listen."""
    known = part_of_system(socket, system)
    if known is not None:
        return Cause(
            "listener",
            f"{known.name} has {socket.socket.name}: {known.summary} ({known.source}, read "
            f"{known.read}).",
            f"{known.mend}.",
        )
    who = holder(
        socket.ownership.owners, socket.ownership.seen, socket.socket.user, socket.socket.uid
    )
    mend = how_to_stop(socket)
    if socket.socket.state == "listen":
        verb = "listens on" if socket.socket.transport is not Transport.UDP else "is bound to"
        if socket.socket.sharing > 1:
            many = f"{socket.socket.sharing} sockets share that address and port"
            # socket(7): the group takes in sockets of the same effective user alone.
            how = "A program of the same user that sets SO_REUSEPORT, as they have, can join them."
            if socket.socket.transport is not Transport.TCP:
                how = "A program that sets what they have set to share it can join them."
            return Cause("listener", f"{who} {verb} {socket.socket.name}; {many}.", f"{mend} {how}")
        return Cause("listener", f"{who} {verb} {socket.socket.name}.", mend)
    return Cause(
        "bound-not-listening",
        f"{who} has bound {socket.socket.name} and doesn't listen: lists of listeners don't show "
        "it.",
        mend,
    )


def connection(connections: list[Connection], *, alone: bool, reuse: bool) -> Cause:
    """*connections* have it as their local port; *alone* where nothing else is in the way."""
    # One that a process holds says more than one that is being closed.
    first = next((each for each in connections if each.owners), connections[0])
    who = holder(first.owners, first.owners_seen, first.user, first.uid)
    peer = host_port(first.peer_address, first.peer_port)
    more = f", and {len(connections) - 1} more" if len(connections) > 1 else ""
    mend = "Wait until it is closed"
    mend += "." if first.owners_seen is OwnersSeen.KERNEL else ", or end the program."
    if alone and reuse:
        mend += " With SO_REUSEADDR set the bind succeeds now."
    return Cause(
        "outbound-connection",
        f"{who} holds it as the local port of a connection to {peer} ({first.state}){more}.",
        mend,
    )


def time_wait(waiting: list[Connection], *, alone: bool, reuse: bool) -> Cause:
    """*waiting* are closed and kept for late packets; *alone* where nothing else is in the way."""
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


def overlap(seen: Evidence, listeners: list[Listener]) -> Cause | None:
    """Why a bind of one address fails on account of another."""
    asked = None if seen.address in (None, LOCALHOST) else plain_address(seen.address)
    for each in listeners:
        dual = plain_address(each.socket.address) == "::" and each.socket.v6only is False
        if dual and (asked is None or "." in asked):
            return Cause(
                "address-overlap",
                f"{each.socket.name} is not limited to IPv6 (IPV6_V6ONLY is off), so it takes the "
                "port for IPv4 as well.",
                "To have both families apart, the program has to set IPV6_V6ONLY.",
            )
    tries = seen.asked() if seen.address == LOCALHOST else seen.tries
    plain = [each for each in tries if not each.reuseaddr]
    free = list(dict.fromkeys(place(each) for each in plain if each.ok))
    taken = dict.fromkeys(place(each) for each in plain if each.error == errno.EADDRINUSE)
    wider = any(plain_address(each.socket.address) != asked for each in listeners)
    if not free or not taken or not (asked is None or wider):
        return None
    return Cause(
        "address-overlap",
        f"Not every address is taken: {join(free)} can be bound, {join(taken)} can't. A wildcard "
        "bind fails while one specific address is in use, and the other way round.",
        f"Bind {free[0]}, if that is enough.",
    )


def no_address(address: str) -> Cause:
    """*address* is none that could be bound here, or none at all."""
    numbers = address.split(".") if is_v4(address) else []
    if any(int(number) > 255 for number in numbers):
        return Cause(
            "unknown",
            f"{address} is not an address: the numbers of one end at 255.",
            "Give an address that this machine has, or the wildcard address.",
        )
    return Cause(
        "unknown",
        f"{address} is no address of this machine.",
        "Give an address that it has, or the wildcard address.",
    )


def unknown(seen: Evidence) -> Cause:
    """Nothing that was seen explains it."""
    asked = seen.asked()
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
    return Cause(
        "unknown",
        f"The bind fails ({names}), and nothing that could be seen explains it.",
        "Ask again as root, and on the host if this is a container." if seen.missing else None,
        unseen=seen.missing,
    )


# -- what only warns --------------------------------------------------------------------------


def redirect(port: int, found: Redirected) -> Cause:
    """A rule of address translation sends some connections elsewhere."""
    return Cause(
        "nat-redirect",
        f"A NAT rule sends connections to {port} on to {found.to} ({found.source}: "
        f"{found.rule}): those that it matches don't reach a server bound here.",
        "Stop what asked for the redirect (most often a container with a published port), or "
        "remove the rule.",
        blocks=False,
    )


def elsewhere(found: Elsewhere) -> Cause:
    """The same port is in use in another network namespace."""
    socket = found.listener
    who = holder(
        socket.ownership.owners, socket.ownership.seen, socket.socket.user, socket.socket.uid
    )
    return Cause(
        "other-namespace",
        f"{who} has {socket.socket.name} in another network namespace ({found.namespace}). That "
        "keeps nobody from binding it here.",
        None,
        blocks=False,
    )


def dynamic(port: int, within: tuple[int, int], system: str) -> Cause:
    """The system may give the port to any program that asks for some port."""
    low, high = within
    return Cause(
        "dynamic-range",
        f"{port} is in {low}–{high}, from which this machine gives ports to programs that "
        "ask for any: one of them may have it when the server starts.",
        f"Choose a port outside the range, or add {port} to net.ipv4.ip_local_reserved_ports."
        if system == "linux"
        else "Choose a port outside the range.",
        blocks=False,
    )
