"""What a port's page says of this machine: what is bound, what holds the port, the verdict."""

from __future__ import annotations

from portbook.app.socket_order import sort_by_gravity
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
from portbook.present.owners import owner_name, owner_phrase, viewer
from portbook.present.words import day, in_namespace, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.app.list_lookup import RangeAnswer
    from portbook.app.port_lookup import PortAnswer
    from portbook.host.firewall.redirects import Redirect
    from portbook.host.linux.connections import Connection
    from portbook.model import Host, Listener, PortRules, Process, Spoken
    from portbook.present.document import Item

_MOST_CLIENTS = 20  # rows


# -- this machine -----------------------------------------------------------------------------


def seen(answer: PortAnswer, host: Host) -> Iterator[Item]:
    """What is bound to the port here, what was not visible, and the rules in force."""
    as_root = host.rules is not None and host.rules.root
    for listener in sort_by_gravity(host.listeners):
        inside = listener.socket.namespace
        where = f", {in_namespace(inside)}" if inside else ""
        yield Paragraph(f"{listener.socket.name} {_doing(listener)}: {meaning(listener)}{where}.")
        yield Table(tuple(_facts(listener, as_root=as_root)))
    if answer.connections:
        yield Paragraph(_in_use(answer.port, answer.connections, as_root=as_root))
    elif not host.listeners:
        yield Paragraph(_unbound(answer, host))
    if answer.clients is not None:
        yield from clients(answer.clients)
    for redirect in answer.redirects:
        yield Paragraph(f"Redirected: {redirected(redirect)}.")
    if host.missing:
        from portbook.present.phrases import gap_sentences

        for reason in gap_sentences(host.missing):
            yield Paragraph(f"Not seen: {reason}")
    if host.rules is not None and answer.port:
        yield from map(Paragraph, _rules(answer, host.rules))


def _unbound(answer: PortAnswer, host: Host) -> str:
    if answer.port == 0:
        return "Nothing can listen on port 0."
    transport = answer.query.transport
    name = str(answer.port) if transport is None else f"{answer.port}/{transport}"
    if host.visibility is Visibility.FULL:
        return f"{name} is free on this machine."
    return f"Nothing we can see is bound to {name} on this machine."


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
        "Nothing is bound to these ports."
        if full
        else "Nothing we can see is bound to these ports."
    )
    yield from _not_seen(host)


def _not_seen(host: Host) -> Iterator[Item]:
    if host.missing:
        from portbook.present.phrases import gap_sentences

        for reason in gap_sentences(host.missing):
            yield Paragraph(f"Not seen: {reason}")


def _doing(listener: Listener) -> str:
    if not listener.socket.listens:
        return "is bound but doesn't listen"
    # A socket of UDP waits for nobody to connect.
    return "is bound" if listener.socket.transport is Transport.UDP else "listens"


def redirected(redirect: Redirect) -> str:
    """A rule of address translation in a line: which ports go where, and the rule itself.

    Conditions that the rule has beside ports stand in its text.
    """
    ports = "–".join(dict.fromkeys((str(redirect.first), str(redirect.last))))
    return (
        f"{ports}/{redirect.transport or 'any'} to {redirect.to} "
        f"({redirect.source}: {redirect.text})"
    )


def _facts(listener: Listener, *, as_root: bool) -> Iterator[tuple[str, str]]:
    """What is known of one socket, as labels and values."""
    yield ("owner", holder(listener, as_root=as_root))
    if listener.socket.queue is not None and listener.socket.queue_limit is not None:
        yield (
            "accept queue",
            f"{listener.socket.queue} of {listener.socket.queue_limit}",
        )
    if listener.socket.sharing > 1:
        yield ("shared", f"{listener.socket.sharing} sockets share this address and port")
    if listener.assessment.speaks is not None:
        yield from spoken_facts(listener.assessment.speaks)
    for owner in listener.ownership.owners:
        yield from describe(owner)


def meaning(listener: Listener) -> str:
    """What the bound address means for who can reach it."""
    if listener.socket.scanned:
        return "open (seen by a scan)"
    reach = listener.socket.reach
    if reach is None:
        return "address unknown"
    said = _MEANINGS.get(reach) or f"interface {listener.socket.interface} only"
    if listener.assessment.reachable is not None:
        from portbook.present.phrases.reach import reachable_words

        if reach is Reach.LOOPBACK:  # others were asked about for that reason alone
            said = "loopback, with route_localnet on"
        said = said.removesuffix("; firewall not checked")
        said += f"; {reachable_words(listener.assessment.reachable)}"
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
    Reach.EVERYWHERE: "every interface; firewall not checked",
    Reach.LINK: "this link only",
    Reach.ADDRESS: "this address only; firewall not checked",
}


def holder(listener: Listener, *, as_root: bool = False) -> str:
    """Who holds the socket, or why no process can be named, not even *as_root*."""
    owners = ", ".join(f"{_called(owner)} (pid {owner.pid})" for owner in listener.ownership.owners)
    if owners:
        inferred = listener.ownership.seen is OwnersSeen.INFERRED
        return f"probably {owners}" if inferred else owners
    if listener.ownership.seen is OwnersSeen.HIDDEN:
        from portbook.present.owners import Viewer, unseen_owner

        return unseen_owner(listener, Viewer(0 if as_root else None))
    user = listener.socket.user or listener.socket.uid
    return {
        OwnersSeen.KERNEL: "the kernel itself",
        OwnersSeen.NONE: "no process: the kernel, or a socket being passed on",
        OwnersSeen.UNASKED: "owner unknown" if user is None else f"owner unknown, user {user}",
    }.get(listener.ownership.seen, "not looked for")


def describe(owner: Process) -> Iterator[tuple[str, str]]:
    """One process as labels and values: what it runs, for whom, since when."""
    yield ("process", f"{owner.pid} ({_called(owner)}), user {_user(owner)}")
    if owner.command:
        from portbook.present.owners import command_line

        yield ("command", command_line(owner.command))
    if owner.cwd:
        yield ("directory", owner.cwd)
    yield ("executable", _executable(owner))
    if owner.started is not None:
        from portbook.model.text import moment

        yield ("started", f"{day(moment(owner.started))} (up {uptime(owner.started)})")
    if owner.unit:
        service = f", which starts {owner.activates}" if owner.activates else ""
        yield ("unit", f"{owner.unit}{service}")
    if owner.container:
        name = f" ({owner.container_name})" if owner.container_name else ""
        yield ("container", f"{owner.container}{name}")
    if owner.packaged is not None:
        yield ("package", owner.package or "no package owns the executable")
    if owner.ancestors:
        yield ("started by", " < ".join(f"{name} ({pid})" for pid, name in owner.ancestors))


def _executable(owner: Process) -> str:
    if not owner.executable:
        return "not visible"
    said = []
    if owner.executable_deleted:
        said.append("deleted since")
    if owner.place is not None:
        said.append(
            {
                ExecutablePlace.MEMORY: "in memory only",
                ExecutablePlace.TEMPORARY: "in a temporary folder",
                ExecutablePlace.MOUNTED: "on a path that its user may have mounted",
            }.get(owner.place, "in a folder that anyone can write to")
        )
    return owner.executable + (f" ({', '.join(said)})" if said else "")


def _called(owner: Process) -> str:
    """*owner* by its one name, which a process has but where nothing of it could be read."""
    if owner.program or owner.command or owner.container:
        return owner_name(owner)
    return "a process whose name could not be read"


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


def _rules(answer: PortAnswer, rules: PortRules) -> Iterator[str]:
    """What is unusual about binding the port on this machine; nothing where nothing is."""
    port, first = answer.port, rules.unprivileged_first
    if rules.system == "macos":
        if port < 1024:
            yield "Binding it on a single address needs root; on every address it doesn't."
    elif rules.system != "windows" and first is None:
        yield "Whether binding it needs root could not be read."
    elif first is not None and port < first:
        below = "" if first == 1024 else f" (on this machine, ports below {first} do)"
        yield f"Binding it needs root or CAP_NET_BIND_SERVICE{below}."
    elif first is not None and port < 1024:
        yield f"Binding it needs no root on this machine: only ports below {first} do."
    if rules.dynamic is None:
        yield "Which ports the system hands out as ephemeral ports could not be read."
        return
    low, high = rules.dynamic
    if rules.hands_out(port):
        yield f"Your system may hand it out as an ephemeral port ({low}–{high})."
    elif low <= port <= high:
        yield f"In the ephemeral range {low}–{high}, but this machine never hands it out."


# -- what a service answered ------------------------------------------------------------------


def spoken_facts(spoken: Spoken) -> Iterator[tuple[str, str]]:
    """What it answered, as labels and values."""
    from portbook.present.phrases.evidence import heard

    yield ("speaks" if spoken.state == SpokenState.IDENTIFIED else "probe", heard(spoken))
    if spoken.alpn:
        yield ("ALPN", spoken.alpn)
    if spoken.names:
        yield ("certificate", ", ".join(spoken.names))


# -- connections ------------------------------------------------------------------------------


def _in_use(port: int, connections: Sequence[Connection], *, as_root: bool) -> str:
    """That *port* is in use though nothing listens on it, by whom, and what tells more."""
    waiting = [each for each in connections if each.state is ConnectionState.TIME_WAIT]
    live = [each for each in connections if each.state is not ConnectionState.TIME_WAIT]
    transport = connections[0].transport
    name = str(port) if transport is Transport.TCP else f"{port}/{transport}"
    sentences = [f"Nothing listens on {port}, but binding it may fail: `portbook why {name}`."]
    if live:
        # One that a process holds says more than one that is being closed.
        first = next((each for each in live if each.owners), live[0])
        peer = host_port(first.peer_address, first.peer_port)
        many = f"{len(live)} connections, one of them" if live[1:] else "a connection"
        sentences.append(
            f"It is the local port of {many} to {peer} ({first.transport}, {first.state}); owner: "
            f"{_connection_holder(first, as_root=as_root)}."
        )
    if waiting:
        left = [each.seconds_left for each in waiting if each.seconds_left is not None]
        until = f" for up to {round(max(left))} s" if left else ""
        closed = plural(len(waiting), "closed connection")
        verb = "waits" if len(waiting) == 1 else "wait"
        sentences.append(f"{closed} still {verb} in TIME_WAIT{until}.")
    return " ".join(sentences)


def _connection_holder(connection: Connection, *, as_root: bool) -> str:
    if connection.owners:
        probably = "probably " if connection.owners_seen is OwnersSeen.INFERRED else ""
        first = connection.owners[0]
        return f"{probably}{owner_name(first)} (pid {first.pid})"
    if connection.owners_seen is OwnersSeen.KERNEL:
        return "the kernel, which is closing it"
    user = connection.user or connection.uid
    whose = "a process" if user is None else f"a {user} process"
    if connection.owners_seen is OwnersSeen.NONE:
        return f"none: {whose} has left it"
    return f"{whose} you can't see ({'not even as root' if as_root else 'try sudo'})"


# -- the verdict ------------------------------------------------------------------------------


def verdict(host: Host) -> Iterator[Item]:
    """The findings, socket by socket, most serious first; a quiet port has none."""
    for listener in sort_by_gravity(host.listeners):
        if listener.assessment.findings:
            yield Verdict(listener.socket.name, listener.assessment.findings)


def clients(ends: Sequence[Connection]) -> Iterator[Item]:
    """Each client: its address, or how many connections it has, and its program if that was seen.

    *ends* are their ends of the connections.
    """
    if not ends:
        yield Paragraph("Nobody is connected.")
        return
    yield Paragraph(f"{plural(len(ends), 'connection')} from:")
    groups: dict[tuple[str, str], list[Connection]] = {}
    to = viewer()
    for end in ends:
        who = ", ".join([owner_phrase(owner, to) for owner in end.owners])
        if not who and end.inode is not None:
            who = _connection_holder(end, as_root=to.is_root)
        groups.setdefault((end.address, who), []).append(end)
    # The busiest first: a leak of connections is what one looks for.
    rows = [
        (_client_place(some), who)
        for (_, who), some in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]
    yield Table(tuple(rows[:_MOST_CLIENTS]))
    if rows[_MOST_CLIENTS:]:
        yield Paragraph(
            f"and {plural(len(rows) - _MOST_CLIENTS, 'more client')}: --json has them all."
        )


def _client_place(some: Sequence[Connection]) -> str:
    first = some[0]
    if len(some) == 1:
        return host_port(first.address, first.port)
    return f"{first.address}, {len(some):,} connections"
