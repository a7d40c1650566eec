"""A port's page: one document from one answer, for every form.

A whole page needs the answer's ``related``, which reads the registry from end to end. Without it
the page lacks the questions, related ports and the registry's details.
"""

from __future__ import annotations

from portbook.model import State, Transport
from portbook.present.document import PORT, Checks, Command, Page, Section, Sources
from portbook.present.port import meaning, practice, registry, special
from portbook.present.port.on_record import (
    assigned_names,
    in_practice,
    leading_service,
    met,
    notes_of,
)
from portbook.present.words import few

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.app.port_lookup import PortAnswer
    from portbook.model import Standing
    from portbook.present.document import Item


def compose(answer: PortAnswer) -> Page:
    """The page of one port, in the order in which it is to be read."""
    number = answer.number or answer  # over all transports
    lead: tuple[str, ...] = ()
    if number.related is not None:
        from portbook.present.port import background

        lead = background.lead(number)
    own = answer.range
    return Page(
        title=f"Port {answer.port}",
        character=character(answer),
        states=tuple(states(answer.standings)),
        range=f"{own.title} ({own.first}–{own.last})",
        notes=notes_of(answer),
        sections=tuple([section for section in _sections(answer, number, lead) if section.items]),
        lead=lead,
    )


def _sections(answer: PortAnswer, number: PortAnswer, lead: tuple[str, ...]) -> Iterator[Section]:
    whole = number.related is not None
    from portbook.present.port import background, gaps

    yield from _machine(answer)
    gap = gaps.unassigned(number) if whole else ()
    rows = [*meaning.services(answer.services), *registry.rows(answer), *gap]
    yield _section("registry", [*rows, *registry.documents(answer)])
    speaking = background.implementing(number) if whole else ()
    guess = gaps.may_be_there(number, background.pickers(number)[0]) if whole else ()
    yield _section("practice", [*practice.practice(answer, lead), *speaking, *guess])
    if answer.port:
        # Without a machine the reader may have come from anywhere, and not know the program.
        commands = _commands(number, introduced=answer.host is None)
        checks = Checks(answer.port, tuple(commands), tuple(_proofs(number)))
        found = gaps.what_a_line_means(number) if whole else ()
        yield _section("check", [checks, *found])
    blocking = background.security(number) if whole else ()
    yield _section(
        "security", [*meaning.risks(answer.services), *practice.security(answer), *blocking]
    )
    if whole:
        from portbook.present.port.questions import questions

        yield _section("questions", questions(number))
    others = background.related(number) if whole else ()
    yield _section("neighbours", [*others, *registry.block(answer)])
    if whole:
        yield _section("details", background.details(number))
    yield _section("history", registry.history(answer))
    rules = (*special.sources_of_special(answer.port), background.RULES)
    yield _section("sources", [Sources(answer.sources, rules)])


def _machine(answer: PortAnswer) -> Iterator[Section]:
    """This machine, the user's notes on the port, and the verdict; nothing without a host."""
    if answer.host is None:
        return
    from portbook.present.port import this_machine

    if answer.host.notes:
        from portbook.present.port import noted

        for title, items in noted.sections(answer.host.notes):
            yield Section(title, items)
    yield _section("machine", this_machine.seen(answer, answer.host))
    yield _section("verdict", this_machine.verdict(answer.host))


_TITLES = {
    "machine": "This machine",
    "verdict": "Verdict",
    "registry": "What it is for",
    "practice": "In practice",
    "check": "How to check",
    "security": "Security",
    "questions": "Questions people ask",
    "neighbours": "Neighbours",
    "details": "Registry details",
    "history": "History",
    "sources": "Sources",
}


def _section(name: str, items: Iterable[Item]) -> Section:
    return Section(_TITLES[name], tuple(items), name)


# -- headline ---------------------------------------------------------------------------------


def states(standings: Mapping[Transport, Standing]) -> Iterator[tuple[State, str]]:
    """Each state with the transports that share it.

    A transport without a row is left out beside others: "Unassigned" isn't IANA's word for it.
    """
    grouped: dict[State, list[str]] = {}
    listed_at_all = any(
        standing.listed or standing.state is not State.UNASSIGNED for standing in standings.values()
    )
    for transport, standing in standings.items():
        if standing.listed or standing.state is not State.UNASSIGNED or not listed_at_all:
            grouped.setdefault(standing.state, []).append(str(transport))
    without = "" if listed_at_all else " (not in the registry)"
    for state, transports in grouped.items():
        yield state, f": {', '.join(transports)}{without}"


def character(answer: PortAnswer) -> str:
    """The port in one line: what people meet there, or how it stands."""
    known = met(answer)
    met_there = in_practice(answer)
    products, beside = list(met_there.leading), len(met_there.wide)
    special_title = special.title_of_special(answer.port)
    if special_title is not None:
        practice_too = f"; {few(products, beside=beside)} in practice" if products else ""
        own_state = "never assigned" if answer.state is State.DYNAMIC else str(answer.state)
        return f"{special_title}, {own_state}{practice_too}"
    if answer.state is State.ASSIGNED:
        names = assigned_names(answer)
        if known is None:
            return "assigned, but not for this transport"
        if not names or known.startswith(names[0]):
            return known
        if leading_service(answer) is not None:
            own = {name for service in answer.services for name in service.registered}
            return f"{known}; {'registered as' if own & {*names} else 'IANA:'} {few(names)}"
        return f"{known} in practice; registered for {few(names)}"
    state = "dynamic (ephemeral) port, never assigned"
    if answer.state is not State.DYNAMIC:
        text = registry.row_text(answer, answer.state)
        state = str(answer.state)
        if answer.state is State.RESERVED and text and text != "Reserved":
            state = f'reserved ("{text}")'
    if products:
        return f"{few(products, beside=beside)} in practice; {state}"
    if answer.abuse:
        return f"{state}; abuse reported: {few([each.subject for each in answer.abuse])}"
    block = answer.block
    gap = answer.state is State.UNASSIGNED and block.size > 1
    return f"{state} (gap {block.first}–{block.last})" if gap else state


# -- how to check -----------------------------------------------------------------------------

# Each matches exactly the port, and listeners only: ``grep :340`` would match 3400 too, and a plain
# ``lsof -i :340`` lists clients.
_OWN = Command((), "what holds it", f"portbook {PORT}")
_INTRODUCED = _OWN._replace(about="what holds it, with portbook (the tool behind this page)")
_COMMANDS = (
    Command(("Linux",), "tcp and udp", f"sudo ss -Hltunp 'sport = :{PORT}'"),
    Command(("Linux", "macOS"), "tcp", f"sudo lsof -nP -iTCP:{PORT} -sTCP:LISTEN"),
    # lsof has no state for UDP: a connected socket shows an arrow and doesn't listen.
    Command(("Linux", "macOS"), "udp", f"sudo lsof -nP -iUDP:{PORT} | grep -v -e '->'"),
    Command(("Windows",), "tcp", f"Get-NetTCPConnection -State Listen -LocalPort {PORT}"),
    Command(("Windows",), "udp", f"Get-NetUDPEndpoint -LocalPort {PORT}"),
    Command(
        ("Windows",),
        "excluded ranges",
        "netsh interface ipv4 show excludedportrange protocol=tcp",
    ),
    Command((), "whether it can be bound", f"portbook why {PORT}"),
)
# ss(8) lists these transports only when asked; the other tools don't know them.
_RARE = {
    Transport.SCTP: Command(("Linux",), "sctp", f"sudo ss -Hlnp --sctp 'sport = :{PORT}'"),
    Transport.DCCP: Command(("Linux",), "dccp", f"sudo ss -Hlnp --dccp 'sport = :{PORT}'"),
}


def _rare(answer: PortAnswer) -> list[Transport]:
    """The rare transports that IANA assigned the port on."""
    return [
        transport
        for transport in _RARE
        if transport in answer.standings and answer.standings[transport].state is State.ASSIGNED
    ]


def _commands(answer: PortAnswer, *, introduced: bool) -> Iterator[Command]:
    """The commands for the port; for sctp and dccp too, where IANA assigned it there.

    *introduced* says what portbook is.
    """
    yield _INTRODUCED if introduced else _OWN
    yield from (_RARE[transport] for transport in _rare(answer))
    yield from _COMMANDS


def _proofs(answer: PortAnswer) -> Iterator[tuple[str, str]]:
    """What an empty answer proves on each system, and what it doesn't."""
    *most, last = ("tcp", "udp", *map(str, _rare(answer)))
    yield (
        "Linux",
        (
            "Each line is a socket, with its program and process id. "
            f"An empty answer proves that no {', '.join(most)} or {last} socket listens there in "
            "this network namespace. If a bind fails all the same, "
            f"`portbook why {PORT}` finds the cause. Without sudo, ss names the owners of "
            "your own sockets only, and lsof lists only those."
        ),
    )
    yield from _PROOFS


# The systems that know no other transports than tcp and udp.
_PROOFS = (
    (
        "macOS",
        (
            "Each line is a socket: COMMAND is its program, PID the process id. "
            "An empty answer to sudo lsof proves that no process listens there on tcp or udp. "
            "Without sudo it covers your own processes only."
        ),
    ),
    (
        "Windows",
        (
            "OwningProcess in the answer is the process id, for Get-Process -Id. "
            "Where nothing listens, both commands answer with an error. A port in an excluded "
            "range can't be bound although nothing holds it: netsh lists those, for udp with "
            "protocol=udp. WSL 2 and containers have networks of their own: look inside them."
        ),
    ),
)
