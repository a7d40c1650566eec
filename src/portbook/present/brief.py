"""The short answer on a port: this machine first, one verdict, and what to do next.

The terminal, a page's head and description, and JSON's ``brief`` show the same one. It has at
most twelve lines of :data:`COLUMNS` columns; the whole page has the rest.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import State
from portbook.present.owners import owner_name, owner_phrase, unseen_owner, unseen_sentences
from portbook.present.port.on_record import (
    abuse_line,
    leading_service,
    met,
    notes_of,
    practice_line,
    registry_line,
    security_line,
)
from portbook.present.words import (
    NextStep,
    bound_to,
    reach_by_address,
    use_port,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.port_lookup import PortAnswer
    from portbook.model import Host, Listener
    from portbook.present.owners import Viewer
    from portbook.present.port.agreement import BriefVerdict

COLUMNS = 80
LABEL = 15  # columns before what a line says
PORT_HEADER = ("Port", "On this machine", "In practice")  # of the table of a name's ports
_MOST_GROUPS = 3  # programs that are listed of one port
_MOST_WORKERS = 64  # that a search for one owner looks at


class PortLine(NamedTuple):
    """One port of a name, or a span of them: what this machine and practice do with it.

    ``machine`` is None where this machine was left out, ``practice`` where nothing is on record.
    """

    port: str
    machine: str | None
    practice: str | None


class Brief(NamedTuple):
    """The short answer; what has nothing to say is None.

    ``programs`` are lines for each program, where several hold the port. ``binding`` says what it
    takes to bind the port, where it is free; ``abuse`` names what was reported on it, ``note`` is
    the user's own on it. ``remarks`` say how the query was understood, where that isn't plain;
    ``sentences`` what a text that tells of a failure comes to on this machine. ``unseen`` is what
    could not be seen, beside owners, of which the headline and the verdict tell. ``ports`` are
    those of a name that has several, ``blocks`` what a range consists of. ``security`` says whether
    the service that people meet there is encrypted, and whether it may face a network, and
    ``localhost`` which of several programs that name reaches.
    """

    headline: str
    machine: str | None
    practice: str | None
    registry: str
    verdict: BriefVerdict | None
    reach: str | None
    next: tuple[NextStep, ...]
    programs: tuple[str, ...] = ()
    binding: str | None = None
    abuse: str | None = None
    note: str | None = None
    remarks: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    ports: tuple[PortLine, ...] = ()
    blocks: str | None = None
    security: str | None = None
    localhost: str | None = None

    @property
    def rows(self) -> Iterator[tuple[str, str]]:
        """The lines between the headline and the next steps, each with its label."""
        if self.note:
            yield "Your note", self.note
        if self.security:
            yield "Security", self.security
        if self.practice and f" · {self.practice}: " not in f"{self.headline}: ":
            yield "In practice", self.practice
        yield "IANA", self.registry
        if self.blocks:
            yield "Blocks", self.blocks
        if self.abuse:
            yield "Reported", self.abuse
        if self.verdict is not None and self.verdict.sentence and not self.verdict.told:
            level = f"{self.verdict.level}: " if self.verdict.level else ""
            yield "Verdict", f"{level}{self.verdict.sentence}"
        if self.reach:
            yield "Reachable", self.reach
        if self.localhost:
            yield "localhost", self.localhost
        if self.binding:
            yield "Binding it", self.binding


def compose_brief(answer: PortAnswer, to: Viewer) -> Brief:
    """The short answer to *answer* for *to*, led by what a pasted text says failed."""
    brief = _of_port(answer, to)
    if answer.failed is None and answer.query.topic is None:
        return brief
    from portbook.present.failed import compose_failed, compose_request

    compose = compose_request if answer.failed is None else compose_failed
    lead = compose(answer, to)
    return brief._replace(
        headline=lead.headline,
        sentences=lead.sentences,
        programs=(),
        remarks=(),
        next=(*lead.next, *[step for step in brief.next if step.kept], brief.next[-1]),
    )


def _of_port(answer: PortAnswer, to: Viewer) -> Brief:
    host = answer.host
    groups = groups_of(host.listeners) if host is not None else []
    machine = None if host is None else _machine(answer, host, groups, to)
    headline = machine if groups and machine else _headline(answer, machine)
    taking = _taking_address(answer, groups)
    if taking is not None and len(groups) > len(taking) < 2:
        from portbook.model import host_port

        place = host_port(str(answer.query.address), answer.port)
        before = f"{place} is {_in_short(taking[0], to)}; " if taking else ""
        headline = f"{before or f'Nothing listens on {place}, but '}{headline}"
    verdict, localhost, meant = (
        None,
        None,
        leading_service(answer),
    )  # for which the reader takes the answer
    if host is not None:
        from portbook.present.port.agreement import localhost_line, verdict_of

        verdict = verdict_of(answer, host.listeners)
        localhost = localhost_line(host.listeners) if len(groups) > 1 else None
        meant = meant if not groups or verdict.agreement == "agree" else None
    return Brief(
        headline=headline,
        machine=machine,
        practice=practice_line(answer, COLUMNS - LABEL - 2),
        registry=registry_line(answer),
        verdict=verdict,
        reach=_reach(groups, to) if groups else None,
        next=tuple(_next(answer, groups, to)),
        programs=tuple(_group_lines(groups, to)) if len(groups) > 1 else (),
        binding=None if groups or host is None else _binding(answer, host),
        abuse=abuse_line(answer, COLUMNS - LABEL - 2),
        note=_note(host),
        remarks=notes_of(answer),
        unseen=unseen_sentences(host),
        security=security_line(answer.services, COLUMNS - LABEL - 2, meant),
        localhost=localhost,
    )


def _taking_address(answer: PortAnswer, groups: Sequence[Group]) -> list[Group] | None:
    """Those of *groups* that are bound to the address asked for; None where none was."""
    address = answer.query.address
    if address is None or answer.failed is not None:
        return None
    from portbook.app.bind.addresses import takes

    return [group for group in groups if any(takes(each, address) for each in group.listeners)]


def _note(host: Host | None) -> str | None:
    if host is None or not host.notes:
        return None
    from portbook.present.port.noted import in_a_line

    return in_a_line(host.notes)


# -- this machine -------------------------------------------------------------------------------


class Group(NamedTuple):
    """The sockets on a port that one program holds."""

    listeners: tuple[Listener, ...]

    @property
    def first(self) -> Listener:
        """One of them."""
        return self.listeners[0]

    @property
    def transports(self) -> str:
        """The transports, as in ``tcp/udp``."""
        return "/".join(dict.fromkeys(str(each.socket.transport) for each in self.listeners))

    @property
    def listens(self) -> bool:
        """Whether it takes connections or datagrams, and isn't bound alone."""
        return any(each.socket.listens for each in self.listeners)

    @property
    def elsewhere(self) -> bool:
        """Whether it is in another network namespace, where ``portbook stop`` ends nothing."""
        return self.first.socket.namespace is not None

    def place(self) -> str:
        """The addresses, as one says them."""
        return bound_to(each.socket for each in self.listeners)


def groups_of(sockets: Iterable[Listener]) -> list[Group]:
    """The sockets on the port by the program that holds them; most serious first."""
    from portbook.app.socket_order import sort_by_gravity

    grouped: dict[object, list[Listener]] = {}
    for listener in sort_by_gravity(sockets):
        pids = tuple([owner.pid for owner in listener.ownership.owners])
        key = pids or (listener.ownership.seen, listener.socket.uid)
        grouped.setdefault((key, listener.socket.namespace), []).append(listener)
    groups = [Group(tuple(listeners)) for listeners in grouped.values()]
    return sorted(groups, key=lambda group: (group.elsewhere, not group.listens))


def who_holds(group: Group, to: Viewer, *, hint: bool = False) -> str:
    """The program that holds the sockets of *group*, and how many others of it.

    The *hint* that sudo shows a hidden owner is for answers without a step that says so.
    """
    owners = group.first.ownership.owners
    if not owners:
        return unseen_owner(group.first, to, hint=hint, several=len(group.listeners) > 1)
    from portbook.model import OwnersSeen

    inferred = group.first.ownership.seen is OwnersSeen.INFERRED
    said = ("probably " if inferred else "") + owner_phrase(owners[0], to)
    names = {owner_name(owner) for owner in owners}
    if len(owners) > 1:
        # A search that stopped at one owner looked at so many of its workers, and no further.
        least = group.first.ownership.seen is OwnersSeen.FIRST and len(owners) > _MOST_WORKERS
        more = f"{len(owners) - 1} more process{'es' if len(owners) > 2 else ''}"
        more = f"at least {more}" if least else more
        said += f" and {more}" + ("" if len(names) == 1 else " of other programs")
    return said


def _in_short(group: Group, to: Viewer) -> str:
    owners = group.first.ownership.owners
    return f"{owner_name(owners[0])} (pid {owners[0].pid})" if owners else who_holds(group, to)


def _machine(answer: PortAnswer, host: Host, groups: list[Group], to: Viewer) -> str | None:
    """What is on this machine, in a sentence; None where the port can hold nothing."""
    port = answer.port
    if port == 0:
        return None
    if len(groups) == 1:
        (group,) = groups
        where = group.place()
        name = f"{port}/{group.transports}"
        if not group.listens:
            return f"{name} is bound on {where}, but nothing listens: {who_holds(group, to)}"
        if not group.first.ownership.owners:  # nobody is to read "you can't see on 127.0.0.1"
            return f"{name} is in use on {where}, by {who_holds(group, to)}"
        return f"{name} is in use: {who_holds(group, to)} on {where}"
    if groups:
        return f"{port} is in use by {len(groups)} programs"
    if answer.redirects:
        return f"{port} is redirected to {answer.redirects[0].to}"
    if answer.connections:
        return f"{port} is held by a connection; nothing listens"
    from portbook.model.gap import hide_sockets

    if not hide_sockets(host.missing):
        return _FREE
    return "nothing we can see listens on it"


def _group_lines(groups: list[Group], to: Viewer) -> Iterator[str]:
    for group in groups[:_MOST_GROUPS]:
        state = "" if group.listens else ", bound only"
        yield f"{group.transports} on {group.place()}: {who_holds(group, to)}{state}"
    if len(groups) > _MOST_GROUPS:
        yield f"and {len(groups) - _MOST_GROUPS} more"


# -- headline -----------------------------------------------------------------------------------

_FREE = "free on this machine"
_STATES = {
    State.UNASSIGNED: "unassigned",
    State.RESERVED: "reserved",
    State.DYNAMIC: "a dynamic port",
    State.ASSIGNED: "assigned",
}


# The ends of the ranges of RFC 6335 §6; portbook.present.port.special has the rest on them.
_ENDS = {
    1023: "the last System Port",
    1024: "the first User Port",
    49151: "the last User Port",
    49152: "the first Dynamic Port",
    65535: "the highest port",
}


def _headline(answer: PortAnswer, machine: str | None) -> str:
    """What people meet at the port, and whether it is free."""
    port = answer.port
    if port == 0:
        return "0 means any free port: bind(0) lets the system choose, and nothing listens on 0"
    name = None if port in _ENDS else met(answer)
    transport = answer.query.transport
    asked = f"{port}/{transport}" if transport is not None else f"{port}"
    if name is None:
        said = f"{asked} is {_STATES[answer.state]}"
        if port in _ENDS:
            state = "ephemeral" if answer.state is State.DYNAMIC else _STATES[answer.state]
            said = f"{port} is {_ENDS[port]}, {state}"
        if machine is None:
            return said
        if machine == _FREE:
            return f"{said}, and {machine}"
        return f"{said}; {machine.removeprefix(f'{port} is ')}"
    said = f"{asked} · {name}"
    mark = "; " if ": " in name else ": "
    return said if machine is None else f"{said}{mark}{machine.removeprefix(f'{port} is ')}"


# -- reach and next steps -----------------------------------------------------------------------


def _reach(groups: list[Group], to: Viewer) -> str | None:
    listeners = [each for group in groups for each in group.listeners if each.socket.listens]
    reachable = [each.assessment.reachable for each in listeners if each.assessment.reachable]
    if not reachable:
        return reach_by_address(each.socket for each in listeners)
    from portbook.present.phrases.reach import reach_line, widest

    return reach_line(widest(reachable), as_root=to.is_root)


def _binding(answer: PortAnswer, host: Host) -> str | None:
    rules, port, failed = host.rules, answer.port, answer.failed
    # Who can't connect doesn't want to bind it; a bind that was refused is explained above.
    if rules is None or port == 0 or (failed and not failed.in_use):
        return None
    if rules.unprivileged_first is not None and port < rules.unprivileged_first:
        return "needs root or CAP_NET_BIND_SERVICE"
    if rules.dynamic is not None:
        first, last = rules.dynamic
        outside = answer.state is State.DYNAMIC and not first <= port <= last
        if rules.hands_out(port) or outside:
            clash = "no clash" if outside else "may clash"
            return f"{clash}: your system hands out {first}–{last} as ephemeral ports"
    return None


def _first_step(group: Group, asked: str, to: Viewer) -> NextStep:
    """What to do about *group*: see who it is, where that is hidden; stop it, where one can."""
    from portbook.model import OwnersSeen

    if group.first.ownership.seen is OwnersSeen.HIDDEN:
        if to.is_root:
            return NextStep("Why it is hidden", "portbook doctor")
        return NextStep("See who", f"sudo portbook {asked}")
    if group.listens and group.first.ownership.owners and not group.elsewhere:
        return NextStep("Stop it", f"portbook stop {asked}")
    return NextStep("Find out why", f"portbook why {asked}")


def _next(answer: PortAnswer, groups: list[Group], to: Viewer) -> Iterator[NextStep]:
    port, transport = answer.port, answer.query.transport
    asked = f"{port}/{transport}" if transport is not None else str(port)
    if groups:
        yield _first_step(groups[0], asked, to)
        from portbook.present.port.agreement import may_be_asked

        if any(map(may_be_asked, groups[0].listeners)):
            yield NextStep("Ask it", f"portbook {asked} --probe", kept=True)
        if answer.free_port is not None:
            yield use_port(answer.free_port)
    elif answer.connections or answer.redirects:
        yield NextStep("Try to bind it", f"portbook why {asked}")
    elif answer.host is not None and port:
        yield NextStep("Pick a free port", "portbook pick")
    yield NextStep("More", f"portbook {asked} --full")
