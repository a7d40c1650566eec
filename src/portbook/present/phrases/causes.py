"""The sentences for why a bind fails, or may, and for what to do about it."""

from __future__ import annotations

from math import ceil

from portbook.model import OwnersSeen, Transport, host_port
from portbook.present.phrases import filled, gap_sentences
from portbook.present.phrases.holders import holder, holder_of, how_to_stop, join
from portbook.present.words import in_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from portbook.app.bind.causes import Cause
    from portbook.present.phrases import Words

    Facts = dict[str, Any]

# By code, and by the fact ``why`` where a code has several reasons. A cause's facts, and what
# _WORDS makes of it, stand in braces.
MESSAGES = {
    "free": "A bind of {port}/{transport} on {where} succeeded just now.",
    "excluded-range range": "{port} is in {first}–{last}, which the system keeps for itself "
    "({kind}).",
    "excluded-range refused": "Windows refuses {port}: it is in an excluded range, or another "
    "socket holds it exclusively.",
    "no-privilege low-port": "Ports below {unprivileged_first} need root or CAP_NET_BIND_SERVICE "
    "on this machine (net.ipv4.ip_unprivileged_port_start).",
    "no-privilege one-address": "Below 1024, macOS asks for root to bind a single address, but "
    "not to bind every address.",
    "no-privilege rule-unread": "The system refuses {port} to this user, and its rule for low "
    "ports couldn't be read. A security module (SELinux, AppArmor, a seccomp or cgroup filter) "
    "may be the reason.",
    "no-privilege rule-allows": "The system refuses {port} to this user, though its rule for low "
    "ports allows it. A security module (SELinux, AppArmor, a seccomp or cgroup filter) may be "
    "the reason.",
    "listener": "{listens}",
    "bound-not-listening": "{who} has bound {socket} without listening, so lists of listeners "
    "don't show it.",
    "outbound-connection": "{who} holds it as the local port of a connection to {peer}{more}.",
    "time-wait": "{closed} it in TIME_WAIT for late packets (RFC 9293); no process has it any "
    "more.",
    "address-overlap dual-stack": "{socket} is not limited to IPv6 (IPV6_V6ONLY is off), so it "
    "takes the port for IPv4 as well.",
    "address-overlap wildcard": "Some addresses are still free: {free_places}. "
    "Taken: {taken_places}.",
    "address-overlap program": "Some addresses are still free: {free_places}. "
    "Taken: {taken_places}.",
    "unknown malformed-address": "{address} is not an address: no number in one is above 255.",
    "unknown no-address": "{address} is not an address of this machine.",
    "unknown untried": "No socket could be made to try it, so whether it can be bound is unknown.",
    "unknown unsupported": "This machine has no {TRANSPORT}{over_family}.",
    "unknown unexplained": "The bind fails ({names}), and nothing we can see explains it.",
    "nat-redirect": "A NAT rule redirects {port} to {to} ({source}: {rule}). Connections that it "
    "matches don't reach a server that binds it.",
    "other-namespace": "{who} has {socket} {in_namespace}. That doesn't stop you from "
    "binding it in yours.",
    "dynamic-range": "{port} is an ephemeral port on this machine ({first}–{last}): another "
    "program may have it when your server starts.",
}
MENDS = {
    "excluded-range range": "Choose a port outside the excluded ranges.",
    "excluded-range refused": "List the ranges with: netsh interface ipv4 show excludedportrange "
    "protocol={transport}",
    "no-privilege low-port": "Run the server as root, give its executable CAP_NET_BIND_SERVICE, "
    "let systemd open the socket for it, or choose a port from {unprivileged_first} on.",
    "no-privilege one-address": "Bind every address, run the server as root, or choose a port from "
    "1024 on.",
    "no-privilege rule-unread": "Look at the audit log; with SELinux, semanage port -l shows "
    "what a domain may bind.",
    "no-privilege rule-allows": "Look at the audit log; with SELinux, semanage port -l shows "
    "what a domain may bind.",
    "listener": "{stop}{join_them}",
    "bound-not-listening": "{stop}",
    "outbound-connection": "Wait until the connection is closed{end}{reuse}",
    "time-wait": "{over}",
    "address-overlap dual-stack": "To bind each family separately, the program has to set "
    "IPV6_V6ONLY.",
    "address-overlap wildcard": "Bind {first_free}, if that is enough.",
    "unknown malformed-address": "Give an address of this machine, or the wildcard address.",
    "unknown no-address": "Give an address of this machine, or the wildcard address.",
    "unknown untried": "Try again with fewer open files or more free memory.",
    "unknown unsupported": "Load the kernel's module for it, if there is one.",
    "unknown unexplained": "{elsewhere}",
    "nat-redirect": "Stop what asked for the redirect (most often a container with a published "
    "port), or remove the rule.",
    "dynamic-range": "Choose a port outside the range{or_reserve}.",
}


def cause_message(cause: Cause) -> str:
    """What the cause is, with what of it may stand in what could not be seen."""
    message = filled(MESSAGES, cause, _WORDS)
    if not cause.unseen:
        return message
    return f"{message} Not seen: {'; '.join(gap_sentences(cause.unseen))}."


def cause_mend(cause: Cause) -> str | None:
    """What to do about the cause; None where there is nothing."""
    return filled(MENDS, cause, _WORDS) or None


def _where(_: Cause, facts: Facts) -> str:
    if "places" in facts:
        return join(facts["places"])
    if "family" in facts:
        return f"every address of {_family(facts)}, this machine's only family,"
    return "every address, IPv4 and IPv6,"


def _family(facts: Facts) -> str:
    return str(facts["family"]).replace("ip", "IP")


def _who(cause: Cause, _: Facts) -> str:
    if cause.listener is not None:
        return holder_of(cause.listener)
    first = cause.connections[0]
    return holder(first.owners, first.owners_seen, first.user, first.uid)


def _socket(cause: Cause, _: Facts) -> str:
    return "" if cause.listener is None else cause.listener.socket.name


def _listens(cause: Cause, facts: Facts) -> str:
    if cause.listener is None:
        return ""
    socket = cause.listener.socket
    if "part" in facts:
        source = f"({facts['source']}, read {facts['read']})"
        return f"{facts['part']} has {socket.name}: {facts['summary']} {source}."
    verb = "listens on" if socket.transport is not Transport.UDP else "is bound to"
    many = f"; {socket.sharing} sockets share that address and port" if socket.sharing > 1 else ""
    return f"{_who(cause, facts)} {verb} {socket.name}{many}."


def _stop(cause: Cause, facts: Facts) -> str:
    if "mend" in facts:
        return f"{facts['mend']}."
    return "" if cause.listener is None else how_to_stop(cause.listener)


def _join_them(cause: Cause, facts: Facts) -> str:
    """Who else may bind it, where several sockets share it."""
    if "part" in facts or cause.listener is None or cause.listener.socket.sharing <= 1:
        return ""
    if cause.listener.socket.transport is not Transport.TCP:
        return " A program that sets the same option as they did can join them."
    # socket(7): the group takes in sockets of the same effective user alone.
    return " A program of the same user that sets SO_REUSEPORT, as they have, can join them."


def _peer(cause: Cause, _: Facts) -> str:
    first = cause.connections[0]
    return f"{host_port(first.peer_address, first.peer_port)} ({first.state})"


def _more(cause: Cause, _: Facts) -> str:
    more = len(cause.connections) - 1
    return f", and {more} more" if more else ""


def _end(cause: Cause, _: Facts) -> str:
    kernel = cause.connections[0].owners_seen is OwnersSeen.KERNEL
    return "." if kernel else ", or end the program."


def _closed(cause: Cause, _: Facts) -> str:
    many = len(cause.connections)
    return f"{many} closed connections hold" if many > 1 else "A closed connection holds"


def _over(cause: Cause, facts: Facts) -> str:
    """When a closed connection is over, and who can bind the port before."""
    # Linux waits for 60 seconds (TCP_TIMEWAIT_LEN, include/net/tcp.h).
    left = cause.seconds_left
    when = "within a minute" if left is None else f"in {ceil(left)} s"
    # inet_csk_bind_conflict in the kernel: both sockets must have set it.
    if not facts.get("alone"):
        return (
            f"Free again {when}, once nothing else is in the way; at once for a server that sets "
            "SO_REUSEADDR, if the closed socket had set it too."
        )
    if facts.get("reusable"):
        return (
            f"Free again {when}. A server that sets SO_REUSEADDR can bind it now, because the "
            "closed socket had set it too."
        )
    return (
        f"Free again {when}. SO_REUSEADDR won't help this time, because the old socket didn't "
        "set it."
    )


_WORDS: dict[str, Words] = {
    "where": _where,
    "who": _who,
    "in_namespace": lambda _, facts: in_namespace(str(facts["namespace"])),
    "socket": _socket,
    "listens": _listens,
    "stop": _stop,
    "join_them": _join_them,
    "peer": _peer,
    "more": _more,
    "end": _end,
    "reuse": lambda _, facts: (
        " With SO_REUSEADDR set the bind succeeds now." if "reusable" in facts else ""
    ),
    "closed": _closed,
    "over": _over,
    "free_places": lambda _, facts: join(facts["free"]),
    "taken_places": lambda _, facts: join(facts["taken"]),
    "first_free": lambda _, facts: str(facts["free"][0]),
    "TRANSPORT": lambda _, facts: str(facts["transport"]).upper(),
    "over_family": lambda _, facts: f" over {_family(facts)}" if "family" in facts else "",
    "names": lambda _, facts: ", ".join(facts["errors"]),
    "elsewhere": lambda cause, _: (
        "Ask again as root, and on the host if this is a container." if cause.unseen else ""
    ),
    "or_reserve": lambda _, facts: (
        f", or add {facts['port']} to net.ipv4.ip_local_reserved_ports"
        if facts["system"] == "linux"
        else ""
    ),
}
