"""What the registry has of a port: its rows, its block and neighbours, its past.

Every sentence is chosen by a fact and filled with one; what the registry wrote is quoted.
"""

from __future__ import annotations

from portbook.model import State
from portbook.present.document import (
    Paragraph,
    PortRow,
    Ports,
    Quote,
    ServiceRow,
    Services,
    Table,
)
from portbook.present.port import changes
from portbook.present.words import (
    assignee,
    day,
    few,
    listed,
    month,
    names_others,
    plural,
    with_references,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from portbook.app.port_lookup import PortAnswer
    from portbook.catalog.registry.documents import Listing
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
        yield from about_rows([row for row, _ in assigned])
    for state in (State.RESERVED, State.UNASSIGNED):
        for standing, transports in alike(answer.standings, state):
            if standing.listed:
                said = _quoted_row(standing, transports, answer)
                yield Paragraph(said + _why(answer, standing))
                if standing.notes:
                    about = _of_another(standing.notes, answer.port)
                    yield Quote(standing.notes, f"the registry's note{about}")
    if not any(standing.listed for standing in answer.standings.values()):
        yield Paragraph(_without_row(answer))


def _without_row(answer: PortAnswer) -> str:
    """That the registry has no row, and where the port has one otherwise."""
    if answer.range.name == "dynamic":
        return "IANA assigns no Dynamic Port, so the registry has no row for any of them."
    if len(answer.standings) > 1:
        return f"The registry has no row for port {answer.port}."
    (transport,) = answer.standings
    elsewhere = ""
    if answer.state is not State.UNASSIGNED:
        elsewhere = (
            f"; the number is {answer.state} for another transport: `portbook {answer.port}`"
        )
    return f"The registry has no row for {answer.port}/{transport}{elsewhere}."


# What was made last, and of what: a page asks four times.
_grouped: tuple[object, list[tuple[Assignment, list[str]]]] = (), []


def services(standings: Mapping[Transport, Standing]) -> list[tuple[Assignment, list[str]]]:
    """The assignments, each once, with the transports that it holds for; to be read alone."""
    global _grouped  # noqa: PLW0603
    held, found = _grouped
    if held is not standings:
        found = _services(standings)
        _grouped = standings, found
    return found


def _services(standings: Mapping[Transport, Standing]) -> list[tuple[Assignment, list[str]]]:
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


def about_rows(some: Iterable[Assignment]) -> Iterator[Item]:
    """What the registry adds about assignments, each text once."""
    yield from dict.fromkeys([item for row in some for item in _about_row(row)])


def _about_row(row: Assignment) -> Iterator[Item]:
    name = row.service_name or (f'"{row.title}"' if row.title else "this row")
    if size_of(row) > 1:
        yield Paragraph(f"{name} has {plural(size_of(row), 'port')}, {row.first}–{row.last}.")
    if row.aliases:
        yield Paragraph(f"{listed(sorted({name, *row.aliases}))} are names of one service.")
    if not row.transport_stated:
        yield Paragraph(
            f"The registry states no transport for {name}; portbook reads that as tcp and udp."
        )
    if row.notes:
        yield Quote(row.notes, f"{name}, the registry's note ({day(row.as_of['registration'])})")
    if row.service_code:
        yield Paragraph(f"DCCP service code of {name}: {row.service_code}.")


def size_of(row: Assignment) -> int:
    """How many ports *row* holds."""
    return 0 if row.first is None or row.last is None else row.last - row.first + 1


def row_text(answer: PortAnswer, state: State) -> str | None:
    """The registry's own words for the port's row of *state*; None where it has none."""
    for standing in answer.standings.values():
        if standing.state is state and standing.listed:
            return standing.text
    return None


def _quoted_row(standing: Standing, transports: list[str], answer: PortAnswer) -> str:
    """What the registry says of a port that it gives to no service."""
    where = ""
    block = (answer.block.first, answer.block.last)
    # A row that reaches beyond the port's gap has ports in it that another row assigns.
    whole = standing.state is not answer.state or standing.row == block
    if whole and standing.row is not None and standing.row[0] < standing.row[1]:
        where = f", in one row for {standing.row[0]}–{standing.row[1]}"
    text = with_references(f'"{standing.text}"', standing.references)
    return f"The registry says {text} for {listed(transports)}{where}."


def _why(answer: PortAnswer, standing: Standing) -> str:
    """Why a transport is reserved, where that is because another one is assigned."""
    number = (answer.number or answer).standings
    assigned = [str(each) for each, one in number.items() if one.state is State.ASSIGNED]
    if standing.state is not State.RESERVED or standing.text != "Reserved" or not assigned:
        return ""
    return f" IANA keeps it free there because the number is assigned for {listed(assigned)}."


# -- block and neighbours ---------------------------------------------------------------------


def block(answer: PortAnswer) -> Iterator[Item]:
    """The run of ports that it is part of, and the nearest assigned ones."""
    yield Paragraph(_block(answer))
    neighbours = [port_row(near) for near in (*reversed(answer.before), *answer.after)]
    run = answer.block
    alike = f", like all of {run.first}–{run.last}" if run.size > 1 else ""
    own = PortRow(answer.port, answer.port, (), f"{answer.state}{alike}", own=True)
    assigned = services(answer.standings)
    if assigned:
        names = tuple(dict.fromkeys([row.service_name for row, _ in assigned if row.service_name]))
        own = own._replace(names=names, description=assigned[0][0].title or "no description")
    neighbours.insert(len(answer.before), own)
    yield Ports("The nearest assigned ports", tuple(neighbours))
    if not answer.after:
        yield Paragraph("No port above it is assigned.")


def _block(answer: PortAnswer) -> str:
    run, own = answer.block, answer.range
    if run.size == own.size:
        return f"Part of the {own.title}, {run.first}–{run.last}: {run.size:,}, all {run.state}."
    if run.size == 1:
        alone = "Its neighbours aren't assigned" if run.state is State.ASSIGNED else ""
        return f"{alone or f'A single {run.state} port'}."
    what = "gap" if run.state is State.UNASSIGNED else f"{run.state} block"
    return f"Part of the {what} {run.first}–{run.last} ({run.size:,} ports)."


def port_row(near: Neighbour) -> PortRow:
    """The row of another port."""
    return PortRow(near.port, near.port, near.service_names, near.description or "no description")


# -- history ----------------------------------------------------------------------------------


def history(answer: PortAnswer) -> Iterator[Item]:
    """What changed, and who registered the services, as far as the sources tell."""
    yield from listings(answer.listings)
    yield from changes.past(answer.history, answer.compared)
    # A name may have been registered by different people for different transports.
    registered: dict[str, dict[str, list[str]]] = {}
    for transport, standing in answer.standings.items():
        for row in standing.assignments:
            name = row.service_name or (f'"{row.title}"' if row.title else "The row")
            same = registered.setdefault(registration(row), {})
            same.setdefault(name, []).append(str(transport))
    for sentence, named in registered.items():
        names = [
            name if len(over) == len(answer.standings) else f"{name} ({listed(over)})"
            for name, over in named.items()
        ]
        yield Paragraph(f"{few(names, 8)}: {sentence}.")
    if answer.state is State.ASSIGNED:
        return
    for text in dict.fromkeys([each.text for each in answer.standings.values() if each.text]):
        if text.casefold() not in ("unassigned", "reserved"):
            yield Quote(text, "the registry's own words")


def listings(rows: Sequence[Listing]) -> Iterator[Item]:
    """What the Assigned Numbers RFCs listed for the port, each in its own words."""
    if not rows:
        return
    first = rows[0]
    port = "socket of the ARPANET" if first.of_socket else "port"
    yield Paragraph(f"First listed in RFC {first.rfc} ({month(first.published)}), as a {port}.")
    yield Table(tuple([(month(one.published), f"RFC {one.rfc}", f'"{one.words}"') for one in rows]))


def documents(answer: PortAnswer) -> Iterator[Item]:
    """The titles of the RFCs that the registry and the services cite."""
    if answer.documents:
        yield Table(
            tuple([(one.name, f"{one.title} ({month(one.published)})") for one in answer.documents])
        )


def unauthorized(rows: Iterable[Assignment], port: int | None = None) -> Iterator[Item]:
    """What the registry knows of unauthorized use of *rows*, as those of one *port*, each once."""
    quoted = [(row.unauthorized_use, row.as_of) for row in rows if row.unauthorized_use]
    for text, as_of in dict.fromkeys([(text, of["registration"]) for text, of in quoted]):
        about = "" if port is None else _of_another(text, port)
        yield Quote(text, f"unauthorized use known to the registry{about} ({day(as_of)})")


def _of_another(text: str, port: int) -> str:
    """That *text* names other ports of the row and not *port*; empty where it names no port."""
    return ", of other ports of the row" if names_others(text, port) else ""


_NOBODY = "[None]"  # what the registry has for the registrant of 4747/udp


def registration(row: Assignment) -> str:
    """Who registered *row*, and when, with what isn't recorded said so."""
    as_of = row.as_of.get("registration")
    if as_of is None or not (row.assignee or row.registered or row.modified):
        return "registrant and date not recorded"
    named = None if row.assignee == _NOBODY else row.assignee
    who = f" by {assignee(named)}" if named else ""
    when = f" on {day(row.registered)}" if row.registered and len(row.registered) == 10 else ""
    when = when or (f" in {day(row.registered)}" if row.registered else "")
    words = f"registered{who}{when}"
    words += "" if row.registered else ", date unknown"
    words += "" if named else ", registrant not recorded"
    words += f"; last modified {day(row.modified)}" if row.modified else ""
    return f"{words} (as of {month(as_of)})"
