"""What a port's page says of this machine: what is bound, what holds the port, the verdict."""

from __future__ import annotations

from portbook.model import (
    ConnectionState,
    ExecutablePlace,
    Family,
    OwnersSeen,
    Reach,
    SpokenState,
    Transport,
    Visibility,
    host_port,
)
from portbook.present.document import Paragraph, Table, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.app.lookup import PortAnswer, RangeAnswer
    from portbook.host.firewall.rules import Redirect
    from portbook.host.linux.connections import Connection
    from portbook.model import Host, Listener, PortRules, Process, Spoken
    from portbook.present.document import Item


# -- this machine -----------------------------------------------------------------------------


def seen(answer: PortAnswer, host: Host) -> Iterator[Item]:
    """What is bound to the port here, what was not visible, and the rules in force."""
    asked = " and ".join(str(transport) for transport in answer.standings)
    if host.listeners:
        for listener in host.listeners:
            where = (
                f", in the network namespace {listener.socket.namespace}"
                if listener.socket.namespace
                else ""
            )
            yield Paragraph(
                f"{listener.socket.name} {_doing(listener)}, {meaning(listener)}{where}."
            )
            yield Table(tuple(_facts(listener)))
    if answer.connections:
        yield Paragraph(_in_use(answer.port, answer.connections))
    elif host.listeners:
        pass
    elif host.visibility is Visibility.FULL:
        kinds = "" if len(answer.standings) > 1 else f" with {asked}"
        yield Paragraph(f"Nothing is bound to {answer.port} here{kinds} at this moment.")
    else:
        yield Paragraph(f"Nothing that could be seen is bound to {answer.port} here.")
    for redirect in answer.redirects:
        yield Paragraph(f"Redirected: {redirected(redirect)}.")
    if host.missing:
        from portbook.present.phrases import gap_sentences

        for reason in gap_sentences(host.missing):
            yield Paragraph(f"Not seen: {reason}")
    if host.rules is not None:
        yield Paragraph(_rules(answer, host.rules))


def in_range(answer: RangeAnswer, host: Host) -> Iterator[Item]:
    """What is bound to ports of a range, each with its verdict, and what was not visible."""
    for listener in host.listeners:
        yield Verdict(listener.socket.name, listener.assessment.findings)
    yield from quiet(host) if not host.listeners else _not_seen(host)
    for redirect in answer.redirects:
        yield Paragraph(f"Redirected: {redirected(redirect)}.")


def quiet(host: Host) -> Iterator[Item]:
    """That nothing is bound to any of the ports asked for, as far as could be seen."""
    full = host.visibility is Visibility.FULL
    yield Paragraph(
        "Nothing is bound here at this moment."
        if full
        else "Nothing that could be seen is bound here."
    )
    yield from _not_seen(host)


def _not_seen(host: Host) -> Iterator[Item]:
    if host.missing:
        from portbook.present.phrases import gap_sentences

        for reason in gap_sentences(host.missing):
            yield Paragraph(f"Not seen: {reason}")


def _doing(listener: Listener) -> str:
    return "listens" if listener.socket.listens else "is bound, but doesn't listen"


def redirected(redirect: Redirect) -> str:
    """A rule of address translation in a line: which ports go where, and the rule itself.

    Conditions that the rule has beside ports stand in its text.
    """
    ports = "–".join(dict.fromkeys((str(redirect.first), str(redirect.last))))
    return (
        f"{ports}/{redirect.transport or 'any'} to {redirect.to} "
        f"({redirect.source}: {redirect.text})"
    )


def _facts(listener: Listener) -> Iterator[tuple[str, str]]:
    """What is known of one socket, as labels and values."""
    yield ("held by", holder(listener))
    if listener.socket.queue is not None and listener.socket.queue_limit is not None:
        yield (
            "waiting",
            f"{listener.socket.queue} of at most {listener.socket.queue_limit} to be accepted",
        )
    if listener.socket.sharing > 1:
        yield ("shared", f"{listener.socket.sharing} sockets have this address and port together")
    if listener.assessment.speaks is not None:
        yield from spoken_facts(listener.assessment.speaks)
    for owner in listener.ownership.owners:
        yield from describe(owner)


def meaning(listener: Listener) -> str:
    """What the bound address means for who can reach it."""
    if listener.socket.scanned:
        return "answered a scan there; what it is bound to isn't known"
    said = _MEANINGS.get(listener.socket.reach) or f"interface {listener.socket.interface} only"
    if (
        listener.socket.wildcard
        and listener.socket.family == Family.IPV6
        and listener.socket.v6only is not None
    ):
        # ipv6(7): without IPV6_V6ONLY it takes the connections of IPv4 as well.
        families = "IPv6 only" if listener.socket.v6only else "IPv4 and IPv6"
        said = said.replace("every interface", f"every interface, {families}")
    return f"UDP-Lite; {said}" if listener.socket.udplite else said


_MEANINGS = {
    Reach.LOOPBACK: "this machine only",
    Reach.EVERYWHERE: "every interface; firewall not examined",
    Reach.LINK: "this link only",
    Reach.ADDRESS: "this address only; firewall not examined",
}


def holder(listener: Listener) -> str:
    """Who holds the socket, with how far the search for it went."""
    owners = ", ".join(
        f"{owner.program or 'a process whose name could not be read'} (pid {owner.pid})"
        for owner in listener.ownership.owners
    )
    if owners:
        more = {
            OwnersSeen.FIRST: "; there may be others, not looked at",
            OwnersSeen.INFERRED: "; inferred: its descriptors could not be read",
        }.get(listener.ownership.seen, "")
        return owners + more
    whose = (
        ""
        if listener.socket.uid is None
        else f", of user {listener.socket.user or listener.socket.uid}"
    )
    return {
        OwnersSeen.HIDDEN: f"a process that is not visible to you{whose}",
        OwnersSeen.KERNEL: "the kernel itself",
        OwnersSeen.NONE: f"no process: the kernel itself, or a descriptor on its way{whose}",
        OwnersSeen.UNASKED: f"not told by what was read{whose}",
    }.get(listener.ownership.seen, f"not looked for{whose}")


def describe(owner: Process) -> Iterator[tuple[str, str]]:
    """One process as labels and values: what it runs, for whom, since when."""
    yield ("process", f"{owner.pid}{_name(owner)}, user {_user(owner)}")
    if owner.command:
        yield ("command", " ".join(owner.command))
    yield ("executable", _executable(owner))
    if owner.started is not None:
        from portbook.model.text import moment

        yield ("started", f"{moment(owner.started)} (up {uptime(owner.started)})")
    if owner.unit:
        service = f", which starts {owner.activates}" if owner.activates else ""
        yield ("unit", f"{owner.unit}{service}")
    if owner.container:
        name = f" ({owner.container_name})" if owner.container_name else ""
        yield ("container", f"{owner.container}{name}")
    if owner.packaged is not None:
        yield ("package", owner.package or "none owns the executable")
    if owner.ancestors:
        yield ("started by", " < ".join(f"{name} ({pid})" for pid, name in owner.ancestors))


def _executable(owner: Process) -> str:
    if not owner.executable:
        return "not visible"
    said = []
    if owner.executable_deleted:
        said.append("since deleted")
    if owner.place is not None:
        said.append(
            {
                ExecutablePlace.MEMORY: "in memory only",
                ExecutablePlace.TEMPORARY: "in a temporary folder",
                ExecutablePlace.MOUNTED: "by a path that its user may have arranged",
            }.get(owner.place, "in a folder that anybody may write to")
        )
    return owner.executable + (f" ({', '.join(said)})" if said else "")


def _name(owner: Process) -> str:
    return f" ({owner.program})" if owner.program else ""


def _user(owner: Process) -> str:
    return owner.user or ("not visible" if owner.uid is None else str(owner.uid))


def uptime(started: float, now: float | None = None) -> str:
    """How long ago *started* was, in its two largest units.

    >>> uptime(0, 59), uptime(0, 3_700), uptime(0, 200_000)
    ('59 s', '1 h 1 min', '2 d 7 h')
    """
    import time

    left = max(0, int((time.time() if now is None else now) - started))
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def _rules(answer: PortAnswer, rules: PortRules) -> str:
    port = answer.port
    first = rules.unprivileged_first
    if rules.system == "windows":
        privilege = "Windows asks for no privilege to bind it."
    elif rules.system == "macos":
        privilege = (
            "macOS asks for a privilege below 1024 only where a specific address is bound."
            if port < 1024
            else "Binding it takes no privilege here."
        )
    elif first is None:
        privilege = "Whether binding it takes a privilege here could not be read."
    elif port < first:
        privilege = (
            f"Binding it takes a privilege here: ports below {first} do "
            "(net.ipv4.ip_unprivileged_port_start), by root or CAP_NET_BIND_SERVICE."
        )
    else:
        privilege = (
            f"Binding it takes no privilege here: only ports below {first} do "
            "(net.ipv4.ip_unprivileged_port_start)."
            if first
            else "Binding it takes no privilege here (net.ipv4.ip_unprivileged_port_start is 0)."
        )
    if rules.dynamic is None:
        return f"{privilege} Which ports the system picks by itself could not be read."
    low, high = rules.dynamic
    if not low <= port <= high:
        return f"{privilege} The system picks ports by itself from {low}–{high}, so not this one."
    if not rules.hands_out(port):
        return f"{privilege} It lies in {low}–{high}, but this machine keeps it from being picked."
    return f"{privilege} The system picks ports by itself from {low}–{high}, this one included."


# -- what a service answered ------------------------------------------------------------------


def spoken_facts(spoken: Spoken) -> Iterator[tuple[str, str]]:
    """What it answered, as labels and values."""
    from portbook.present.phrases.evidence import heard

    yield ("speaks" if spoken.state == SpokenState.IDENTIFIED else "asked", heard(spoken))
    if spoken.alpn:
        yield ("ALPN", spoken.alpn)
    if spoken.names:
        yield ("certificate", ", ".join(spoken.names))


def spoken_in_short(spoken: Spoken) -> str:
    """What it answered, as a part of a line."""
    label, value = next(spoken_facts(spoken))
    return f"{label} {value}" if label == "speaks" else f"{label}: {value}"


# -- connections ------------------------------------------------------------------------------


def _in_use(port: int, connections: Sequence[Connection]) -> str:
    """That *port* is in use though nothing listens on it, by whom, and what tells more."""
    waiting = [each for each in connections if each.state is ConnectionState.TIME_WAIT]
    live = [each for each in connections if each.state is not ConnectionState.TIME_WAIT]
    parts = []
    if live:
        # One that a process holds says more than one that is being closed.
        first = next((each for each in live if each.owners), live[0])
        peer = host_port(first.peer_address, first.peer_port)
        many = f"{len(live)} connections, one of them" if live[1:] else "a connection"
        parts.append(
            f"it is the local port of {many} to {peer} "
            f"({first.transport}, {first.state}), held by {_connection_holder(first)}"
        )
    if waiting:
        left = [each.seconds_left for each in waiting if each.seconds_left is not None]
        many = f"{len(waiting)} closed connections wait" if waiting[1:] else "a closed one waits"
        if not live and not waiting[1:]:
            many = "a closed connection waits"
        until = f", for {round(max(left))} s at most" if left else ""
        parts.append(f"{many} there for late packets (TIME_WAIT){until}")
    transport = connections[0].transport
    asked = port if transport is Transport.TCP else f"{port}/{transport}"
    return (
        f"Nothing listens on {port} here at this moment, but {'; and '.join(parts)}. "
        f"A bind of it can fail for that: portbook why {asked} tries."
    )


def _connection_holder(connection: Connection) -> str:
    if connection.owners:
        inferred = ", inferred" if connection.owners_seen is OwnersSeen.INFERRED else ""
        first = connection.owners[0]
        return f"{first.program or 'a process'} (pid {first.pid}{inferred})"
    if connection.owners_seen is OwnersSeen.KERNEL:
        return "the kernel, which is closing it"
    user = "" if connection.uid is None else f" of user {connection.user or connection.uid}"
    if connection.owners_seen is OwnersSeen.NONE:
        return f"no process that is left{user}"
    return f"a process{user} that is not visible to you"


# -- the verdict ------------------------------------------------------------------------------


def verdict(host: Host) -> Iterator[Item]:
    """The findings, socket by socket; a quiet port has none."""
    for listener in host.listeners:
        if listener.assessment.findings:
            yield Verdict(listener.socket.name, listener.assessment.findings)
    if not host.listeners:
        if host.visibility is Visibility.FULL:
            yield Paragraph("Nothing listens, so there is nothing to judge.")
        else:
            yield Paragraph("Nothing to judge in what could be seen.")
