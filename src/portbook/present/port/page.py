"""A port's page: one document from one answer, whole or in short, for every form.

A whole page needs the answer's ``related``, which reads the registry from end to end. Without it
the page is the short one: what is on record, this machine, how to check, the sources.
"""

from __future__ import annotations

from portbook.model import State
from portbook.present.document import PORT, Checks, Command, Page, Quote, Section, Sources
from portbook.present.port import practice, registry
from portbook.present.port.on_record import in_practice, notes_of
from portbook.present.port.registry import between, place_in, services, size_of
from portbook.present.words import few, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.app.lookup import PortAnswer
    from portbook.model import Standing, Transport
    from portbook.present.document import Item


def compose(answer: PortAnswer) -> Page:
    """The page of one port, in the order in which it is to be read."""
    number = answer.number or answer  # over all transports
    whole = number.related is not None
    lead: tuple[str, ...] = ()
    if whole:
        from portbook.present.port import background

        lead = background.lead(number)
    own = answer.range
    return Page(
        f"Port {answer.port}",
        character(answer),
        tuple(states(answer.standings)),
        f"{own.title} ({own.first}–{own.last})",
        notes_of(answer),
        tuple(_whole(answer, number) if whole else _short(answer)),
        lead,
    )


def _short(answer: PortAnswer) -> Iterator[Section]:
    yield _section("registry", map(_shortened, registry.rows(answer)))
    yield _section("block", registry.block(answer))
    yield _section("practice", practice.practice(answer))
    security = _section("security", practice.security(answer))
    if security.items:
        yield security
    yield _section("history", registry.history(answer))
    yield from _machine(answer)
    yield _section("check", [Checks(answer.port, _COMMANDS, _PROOFS)])
    yield _section("sources", [Sources(answer.sources)])


def _shortened(item: Item, most: int = 240) -> Item:
    """*item*, or its beginning where it quotes more than *most* characters."""
    if isinstance(item, Quote) and len(item.quote) > most:
        begin = item.quote[:most].rpartition(" ")[0]
        return item._replace(quote=f"{begin} … (--full has it all)")
    return item


def _whole(answer: PortAnswer, number: PortAnswer) -> Iterator[Section]:
    from portbook.present.port import background
    from portbook.present.port.questions import questions

    yield from _machine(answer)
    yield _section("registry", registry.rows(answer))
    yield _section("practice", [*practice.practice(answer), *background.implementing(number)])
    yield _section("check", [Checks(answer.port, _COMMANDS, _PROOFS)])
    yield _section("security", [*practice.security(answer), *background.security(number)])
    yield _section("questions", questions(number))
    yield _section("block", registry.block(answer))
    yield _section("related", background.related(number))
    yield _section("range", background.place(number))
    yield Section(
        background.ASSIGN[answer.state], tuple(background.how_to_assign(number)), "assign"
    )
    yield _section("history", registry.history(answer))
    yield _section("sources", [Sources(answer.sources)])


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
    "registry": "In the registry",
    "block": "Block and neighbours",
    "practice": "In practice",
    "security": "Security",
    "history": "History",
    "machine": "This machine",
    "verdict": "Verdict",
    "check": "How to check",
    "questions": "Questions people ask",
    "related": "Related ports",
    "range": "Its range",
    "sources": "Sources",
}


def _section(name: str, items: Iterable[Item]) -> Section:
    return Section(_TITLES[name], tuple(items), name)


# -- headline ---------------------------------------------------------------------------------


def states(standings: Mapping[Transport, Standing]) -> Iterator[tuple[State, str]]:
    """Each state with the transports that share it; no row is told from "Unassigned"."""
    grouped: dict[tuple[State, str], list[str]] = {}
    for transport, standing in standings.items():
        silent = not standing.listed and standing.state is State.UNASSIGNED
        key = (standing.state, ", not listed," if silent else "")
        grouped.setdefault(key, []).append(str(transport))
    for (state, more), transports in grouped.items():
        yield state, f"{more} for {listed(transports)}"


def character(answer: PortAnswer) -> str:
    """The port in one line: its service, or else who uses it, or its place."""
    used = list(in_practice(answer).leading)
    run = answer.block
    if answer.state is State.DYNAMIC:
        own = answer.range
        place = f"number {answer.port - own.first + 1:,} of {own.size:,} {own.title}"
        place = f"{place}, never assigned"
        return f"{few(used)} in practice; {place}" if used else place
    if answer.state is State.UNASSIGNED:
        if used:
            return f"{few(used)} in practice; unassigned by the registry"
        where = between(answer)
        if run.size == 1:
            return f"a single unassigned port{where}"
        place = place_in(run.first, answer.port, run.last)
        return f"{place} of {run.size:,} unassigned ports in a row{where}"
    if answer.state is State.RESERVED:
        words = [s.text for s in answer.standings.values() if s.state is State.RESERVED and s.text]
        if not words:  # asked for a transport that has no row
            return "reserved, but not for this transport"
        said = words[0]
        return "held back by IANA" if said == "Reserved" else f"held back by IANA: {said}"
    rows = services(answer.standings)
    if not rows:
        return "assigned, but not for this transport"
    first = rows[0][0]
    names = dict.fromkeys([row.service_name for row, _ in rows if row.service_name])
    head = listed(names) if names else ""
    said = first.title or ""
    span = f" (one of {size_of(first)} ports)" if size_of(first) > 1 else ""
    return f"{head}{': ' if head and said else ''}{said}{span}"


# -- how to check -----------------------------------------------------------------------------

# Each matches exactly the port, and listeners only: ``grep :340`` would match 3400 too, and a plain
# ``lsof -i :340`` lists clients.
_COMMANDS = (
    Command((), "this page with this machine on it", f"portbook {PORT}"),
    Command(("Linux",), "tcp and udp", f"sudo ss -Hltunp 'sport = :{PORT}'"),
    Command(("Linux", "macOS"), "tcp", f"sudo lsof -nP -iTCP:{PORT} -sTCP:LISTEN"),
    # lsof has no state for UDP: a connected socket shows an arrow, and isn't a listener.
    Command(("Linux", "macOS"), "udp", f"sudo lsof -nP -iUDP:{PORT} | grep -v -e '->'"),
    Command(("Windows",), "tcp", f"Get-NetTCPConnection -State Listen -LocalPort {PORT}"),
    Command(("Windows",), "udp", f"Get-NetUDPEndpoint -LocalPort {PORT}"),
    Command(
        ("Windows",),
        "excluded ranges",
        "netsh interface ipv4 show excludedportrange protocol=tcp",
    ),
    Command((), "why a bind fails or would succeed", f"portbook why {PORT}"),
)
# What an empty answer proves on each system, and what it doesn't.
_PROOFS = (
    (
        "Linux",
        (
            "An empty answer proves that no socket listens there in the network namespace that you "
            "asked in. It doesn't rule out a container with a namespace of its own, a redirect in "
            "NAT rules, a socket that is bound but doesn't listen, or a closed connection that "
            "still waits: a bind can fail for each of them. Without sudo, ss lists every socket "
            "but not who holds it; lsof leaves out those of other users."
        ),
    ),
    (
        "macOS",
        (
            "An empty answer to sudo lsof proves that no process holds a listening socket there. "
            "Without sudo it proves it for your own processes alone. It doesn't rule out a "
            "redirect in the packet filter, or a closed connection that still waits."
        ),
    ),
    (
        "Windows",
        (
            "Where nothing matches, both commands say so with an error: that proves that nothing "
            "listens there in this Windows. It doesn't rule out that the port is in an excluded "
            "range, which makes a bind fail while nothing holds it: netsh lists those. Linux "
            "distributions under WSL 2 and containers have networks of their own."
        ),
    ),
)
