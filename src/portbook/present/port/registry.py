"""What the registry has of a port: its rows, its block and neighbours, its past.

Every sentence is chosen by a fact and filled with one. RFC 6335 is the source of the rules about
ranges and states.
"""

from __future__ import annotations

from portbook.model import State
from portbook.present.document import (
    Heading,
    Paragraph,
    PortRow,
    Ports,
    Quote,
    ServiceRow,
    Services,
)
from portbook.present.port import changes
from portbook.present.words import listed, ordinal, with_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.app.lookup import PortAnswer
    from portbook.model import Assignment, Neighbour, Standing, Transport
    from portbook.present.document import Item


# -- the registry -----------------------------------------------------------------------------


def rows(answer: PortAnswer) -> Iterator[Item]:
    """The services registered on the port, or what the registry says of it otherwise."""
    assigned = services(answer.standings)
    if assigned:
        yield Services(
            tuple(
                [
                    ServiceRow(
                        row.service_name,
                        " ".join(transports),
                        row.title or "no description",
                        row.references,
                    )
                    for row, transports in assigned
                ]
            )
        )
        yield from dict.fromkeys(
            [
                item
                for row, _ in assigned
                for about in (_about_span, about_row)
                for item in about(row)
            ]
        )
    for state in (State.RESERVED, State.UNASSIGNED):
        for standing, transports in alike(answer.standings, state):
            yield Paragraph(held_by_nobody(answer, standing, transports))
    if any(
        not each.listed and each.state is not State.DYNAMIC for each in answer.standings.values()
    ):
        yield Paragraph(
            "A transport without a row isn't an oversight: what is unassigned is typically not "
            "listed at all (RFC 6335 §6)."
        )
    yield from _meaning(answer)
    yield Paragraph(WHO_ASSIGNS[answer.range.name])


def services(standings: Mapping[Transport, Standing]) -> list[tuple[Assignment, list[str]]]:
    """The assignments, each once, with the transports that it holds for."""
    grouped: dict[tuple[object, ...], tuple[Assignment, list[str]]] = {}
    for transport, standing in standings.items():
        for row in standing.assignments:
            key = (row.service_name, row.description, row.references)
            grouped.setdefault(key, (row, []))[1].append(str(transport))
    return list(grouped.values())


def alike(
    standings: Mapping[Transport, Standing], state: State
) -> list[tuple[Standing, list[str]]]:
    """The standings of *state*, each once, with the transports that share it."""
    grouped: dict[tuple[object, ...], tuple[Standing, list[str]]] = {}
    for transport, standing in standings.items():
        if standing.state is state:
            key = (standing.listed, standing.text, standing.row)
            grouped.setdefault(key, (standing, []))[1].append(str(transport))
    return list(grouped.values())


def about_row(row: Assignment) -> Iterator[Item]:
    """What the registry adds about one assignment."""
    name = row.service_name or row.description or "this row"
    if row.aliases:
        yield Paragraph(f"{name} stands for the same service as {listed(row.aliases)}.")
    if not row.transport_stated:
        yield Paragraph(
            f"The registry's row for {name} states no transport; it is read as tcp and udp."
        )
    if row.notes:
        yield Quote(row.notes, f"{name}, the registry's note as of {row.as_of['registration']}")
    if row.service_code:
        yield Paragraph(f"{name} has the DCCP service code {row.service_code}.")


def _about_span(row: Assignment) -> Iterator[Item]:
    if size_of(row) > 1:
        name = row.service_name or row.description or "this row"
        yield Paragraph(
            f"{name} holds {size_of(row)} ports, {row.first}–{row.last}: this page is about one "
            "of them."
        )


def size_of(row: Assignment) -> int:
    """How many ports *row* holds."""
    return 0 if row.first is None or row.last is None else row.last - row.first + 1


def held_by_nobody(answer: PortAnswer, standing: Standing, transports: list[str]) -> str:
    """What the registry says of a port that it gives to nobody, or that it has no row."""
    every = len(transports) == len(answer.standings) == 4
    who = "every transport" if every else listed(transports)
    if not standing.listed:
        return f"The registry has no row for port {answer.port} with {who}."
    row = standing.row
    where = ""
    if row is not None and row[0] < row[1]:
        where = f", in the row {row[0]}–{row[1]}"
    said = with_references(f'"{standing.text}"', standing.references)
    return f"IANA lists the port as {said} for {who}{where}."


def _meaning(answer: PortAnswer) -> Iterator[Item]:
    """What "unassigned", "reserved" and "dynamic" mean for this port, and why such ports exist."""
    port = answer.port
    states = {standing.state for standing in answer.standings.values()}
    if states == {State.UNASSIGNED} and answer.state is not State.UNASSIGNED:
        yield Paragraph(
            f"The number is {answer.state} for another transport: portbook {port} shows it."
        )
    elif answer.state is State.UNASSIGNED:
        yield Heading("What unassigned means here")
        yield Paragraph(
            f"Unassigned means that {port} belongs to no service and can be assigned to one on "
            "request (RFC 6335 §6). It doesn't mean unused: the registry records agreements, and "
            "nothing in it keeps a program from listening."
        )
        yield Paragraph(
            "Such ports exist because the space is finite and handed out sparingly: one port a "
            "service where possible, and none where a service name or a Dynamic Port will do "
            "(RFC 6335 §7.2, RFC 7605 §6)."
        )
    elif answer.state is State.DYNAMIC:
        yield Heading("What dynamic means")
        yield Paragraph(
            "Dynamic Ports are set aside for local and temporary use. Any program may take one "
            "that is free at the moment, none can count on getting it, and IANA never assigns "
            "them: the registry has no rows for them (RFC 6335 §6, §8.1.2)."
        )
    elif State.UNASSIGNED in states and State.ASSIGNED in states:
        yield Paragraph(
            "A port is assigned transport by transport: a service gets those that its request "
            "names (RFC 6335 §7.2)."
        )
    if State.RESERVED in states:
        yield Heading("What reserved means")
        edge = (
            " This one stands at the edge of a range: the edges are kept so that a range, or the "
            "numbers as a whole, could be extended one day."
            if port in (0, 1023, 1024, 49151)
            else ""
        )
        yield Paragraph(
            "A reserved number isn't available for ordinary requests: IANA holds it for special "
            f"purposes (RFC 6335 §6).{edge}"
        )


# RFC 6335 §8.1.2, by the names of the ranges.
WHO_ASSIGNS = {
    "system": (
        "Who may assign it: as a System Port it takes IETF Review or IESG Approval "
        "(RFC 6335 §8.1.2; RFC 8126 §4.8, §4.10)."
    ),
    "user": (
        "Who may assign it: as a User Port it takes IETF Review, IESG Approval or Expert Review "
        "(RFC 6335 §8.1.2; RFC 8126 §4.5, §4.8, §4.10)."
    ),
    "dynamic": ("Nobody can apply for it: a service that needs a fixed number takes a User Port."),
}


# -- block and neighbours ---------------------------------------------------------------------


def block(answer: PortAnswer) -> Iterator[Item]:
    """The run of ports that it is part of, and the nearest assigned ones."""
    run = answer.block
    place = place_in(run.first, answer.port, run.last)
    if run.size == answer.range.size:
        yield Paragraph(
            f"All {run.size:,} of them, {run.first}–{run.last}, are {run.state}; this is {place}."
        )
    elif run.size == 1:
        yield Paragraph(
            f"A block of its own: no port beside it in its range is {run.state} as well."
        )
    else:
        longest = "the longest" if run.rank == 1 else f"{ordinal(run.rank)} by length"
        yield Paragraph(
            f"{run.first}–{run.last}: {run.size:,} {run.state} ports in a row, of which this is "
            f"{place}. Of the {run.of} {run.state} blocks of the {answer.range.title} it is "
            f"{longest}."
        )
    rows = [port_row(near) for near in (*reversed(answer.before), *answer.after)]
    here = PortRow(answer.port, answer.port, (), str(answer.state), own=True)
    assigned = services(answer.standings)
    if assigned:
        names = tuple(dict.fromkeys([row.service_name for row, _ in assigned if row.service_name]))
        here = here._replace(names=names, description=assigned[0][0].title or "no description")
    rows.insert(len(answer.before), here)
    yield Ports("The nearest assigned ports", tuple(rows))
    if not answer.after:
        yield Paragraph(
            f"No port above is assigned: {answer.range.title} end at {answer.range.last}."
        )


def place_in(first: int, port: int, last: int) -> str:
    """The place of *port* among those from *first* to *last*.

    >>> place_in(301, 305, 307), place_in(301, 307, 307)
    ('the 5th', 'the last')
    """
    if port in (first, last):
        return "the first" if port == first else "the last"
    return f"the {ordinal(port - first + 1)}"


def between(answer: PortAnswer) -> str:
    """Between which assigned ports it lies, with a space before; nothing where there are none."""
    before = next(iter(answer.before), None)
    after = next(iter(answer.after), None)
    if before and after:
        return f" between {_near(before)} and {_near(after)}"
    near = before or after
    return f" next to {_near(near)}" if near else ""


def _near(neighbour: Neighbour) -> str:
    names = neighbour.service_names
    return f"{neighbour.port} ({names[0]})" if names else str(neighbour.port)


def port_row(near: Neighbour) -> PortRow:
    """The row of another port."""
    return PortRow(near.port, near.port, near.service_names, near.description or "no description")


# -- history ----------------------------------------------------------------------------------


def history(answer: PortAnswer) -> Iterator[Item]:
    """What the sources tell of the past, with the day that each is of."""
    if answer.history:
        yield changes.facts(answer.history)
    yield Paragraph(changes.beyond(answer))
    if answer.state is State.DYNAMIC:
        return
    for row, transports in services(answer.standings):
        yield Paragraph(_registration(row, transports))
    if answer.state is State.ASSIGNED:
        then = next((s.as_of for s in answer.sources if s.id == "iana-2015"), None)
        if then is not None:
            yield Paragraph(
                "Assignees and dates of registration are those of the registry's copy of "
                f"{then}, the only one read here that has them; what changed since is not in it."
            )
        return
    for text in dict.fromkeys([each.text for each in answer.standings.values() if each.text]):
        if text.casefold() not in ("unassigned", "reserved"):
            yield Quote(text, f"all that the row of {day(answer)} says about the past")
    near = [each for each in (*answer.before[:1], *answer.after[:1]) if each.service_names]
    if near:
        yield Paragraph(
            "Its neighbours have pages with what is known of theirs: "
            f"{listed([f'{each.port} ({each.service_names[0]})' for each in near])}.",
            tuple([each.port for each in near]),
        )


def unauthorized(rows: Iterable[Assignment]) -> Iterator[Item]:
    """What the registry knows of unauthorized use, each text once."""
    quoted = [(row.unauthorized_use, row.as_of) for row in rows if row.unauthorized_use]
    for said, day in dict.fromkeys([(said, as_of["registration"]) for said, as_of in quoted]):
        yield Quote(said, f"known unauthorized use, by the registry as of {day}")


def _registration(row: Assignment, transports: list[str]) -> str:
    """Who registered *row*, and when, with what isn't recorded said so."""
    name = f"{row.service_name or row.title or 'The row'} ({listed(transports)})"
    as_of = row.as_of.get("registration")
    if as_of is None:
        return (
            f"{name}: who registered it, and when, is not recorded in our sources: the copy with "
            "dates has no row of that name, number and transport."
        )
    said = [f"registered {row.registered}"] if row.registered else []
    if row.modified:
        said.append(f"last modified {row.modified}")
    if not said:
        said.append(f"already in the registry of {as_of}, which has no date for it")
    said.append(f"assignee {row.assignee}" if row.assignee else "assignee not recorded")
    return f"{name}: {'; '.join(said)}."


def day(answer: PortAnswer) -> str:
    """The day that the registry's rows are of."""
    return next((s.as_of for s in answer.sources if s.id == "iana" and s.as_of), "an unknown day")
