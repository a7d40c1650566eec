"""The sentences of a port's page, composed from facts: no sentence that the data can't carry.

Two ports with different facts read differently, because every sentence is chosen by a fact and
filled with one. RFC 6335 is the source of the rules about ranges and states.
"""

from __future__ import annotations

from portbook.model import State
from portbook.present.document import Page, Paragraph, Record, Section, Table
from portbook.present.port import this_machine
from portbook.present.views import changes
from portbook.present.words import listed, ordinal, shortened, with_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.app.lookup import PortAnswer
    from portbook.model import Assignment, Neighbour, Source, Standing, Transport
    from portbook.present.document import Item


def compose(answer: PortAnswer) -> Page:
    """The page of one port, in the order in which it is to be read."""
    sections = [
        Section("The book", tuple(_book(answer))),
        Section("Block and neighbours", tuple(_block(answer))),
        Section("In practice", tuple(_practice(answer))),
        Section("History", tuple(changes.past(answer))),
    ]
    if answer.host is not None:
        if answer.host.notes:
            from portbook.present.port import noted

            sections += [Section(*section) for section in noted.sections(answer.host.notes)]
        sections.append(Section("This machine", tuple(this_machine.seen(answer, answer.host))))
        sections.append(Section("Verdict", tuple(this_machine.verdict(answer.host))))
    sections.append(Section("By hand", tuple(this_machine.by_hand(answer.port))))
    sections.append(Section("Sources", tuple(_sources(answer))))
    own = answer.range
    return Page(
        f"Port {answer.port}",
        character(answer),
        tuple(states(answer.standings)),
        f"{own.title} ({own.first}–{own.last})",
        answer.query.notes,
        tuple(sections),
    )


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
    """The port in one line, drawn from its facts."""
    if answer.state is State.DYNAMIC:
        return "for whoever needs a port for a while; never assigned"
    if answer.state is State.UNASSIGNED:
        size = answer.block.size
        where = between(answer)
        if size == 1:
            return f"a single unassigned port{where}"
        return f"one of {size} unassigned ports in a row{where}"
    if answer.state is State.RESERVED:
        words = [s.text for s in answer.standings.values() if s.state is State.RESERVED and s.text]
        if not words:  # asked for a transport that has no row
            return "reserved, but not for this transport"
        said = words[0]
        return "held back by IANA" if said == "Reserved" else f"held back by IANA: {said}"
    rows = services(answer.standings)
    if not rows:
        return "assigned, but not for this transport"
    (first, _), *_ = rows
    names = dict.fromkeys(row.service_name for row, _ in rows if row.service_name)
    head = listed(names) if names else ""
    said = first.title or ""
    row = f" (one of {_size(first)} ports)" if _size(first) > 1 else ""
    return f"{head}{': ' if head and said else ''}{said}{row}"


def _size(row: Assignment) -> int:
    return 0 if row.first is None or row.last is None else row.last - row.first + 1


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


# -- the book ---------------------------------------------------------------------------------


def _book(answer: PortAnswer) -> Iterator[Item]:
    rows = services(answer.standings)
    if rows:
        yield Table(
            tuple(
                (
                    row.service_name or "(no name)",
                    " ".join(transports),
                    with_references(row.title or "no description", row.references),
                )
                for row, transports in rows
            )
        )
        for row, _ in rows:
            yield from _about_row(row)
    for state in (State.RESERVED, State.UNASSIGNED):
        for standing, transports in alike(answer.standings, state):
            yield Paragraph(held_by_nobody(answer, standing, transports))
    if answer.state is State.DYNAMIC:
        yield Paragraph(
            "Dynamic Ports are set aside for local and temporary use: any program may take one "
            "that is free at the moment, none can count on getting it, and IANA never assigns "
            "them (RFC 6335 §6, §8.1.2)."
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


def _about_row(row: Assignment) -> Iterator[Item]:
    """What the registry adds about one assignment, with what isn't recorded said so."""
    name = row.service_name or row.description or "this row"
    if row.aliases:
        yield Paragraph(f"{name} stands for the same service as {listed(row.aliases)}.")
    if _size(row) > 1:
        yield Paragraph(f"{name} holds the whole range {row.first}–{row.last}.")
    if not row.transport_stated:
        yield Paragraph(
            f"The registry's row for {name} states no transport; it is read as tcp and udp."
        )
    day = row.as_of.get("registration")
    if day is None:
        yield Paragraph(f"{name}: who registered it, and when, is not recorded in our sources.")
        return
    said = [f"assignee {row.assignee}" if row.assignee else "assignee not recorded"]
    said.append(f"registered {row.registered}" if row.registered else "no registration date")
    if row.modified:
        said.append(f"modified {row.modified}")
    if row.service_code:
        said.append(f"service code {row.service_code}")
    yield Paragraph(f"{name}, as of {day}: {', '.join(said)}.")
    if row.notes:
        yield Paragraph(f"The registry's note, as of {day}: {shortened(row.notes)}")


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
    """What "unassigned" and "reserved" mean for this port, and why such ports exist."""
    states = {standing.state for standing in answer.standings.values()}
    if states == {State.UNASSIGNED} and answer.state is not State.UNASSIGNED:
        yield Paragraph(
            f"The number is {answer.state} for another transport: portbook {answer.port} shows it."
        )
    elif answer.state is State.UNASSIGNED:
        yield Paragraph(
            "Unassigned means that the number belongs to no service and can be assigned to one "
            "on request. It doesn't mean unused: nothing keeps a program from listening there "
            "(RFC 6335 §6)."
        )
        yield Paragraph(
            "Such ports exist because the space is finite and handed out sparingly: one port a "
            "service where possible, and none where a service name or a dynamic port will do "
            "(RFC 6335 §7.2, RFC 7605 §6)."
        )
    elif State.UNASSIGNED in states and State.ASSIGNED in states:
        yield Paragraph(
            "A port is assigned transport by transport: IANA gives a service those that its "
            "request names (RFC 6335 §7.2)."
        )
    if State.RESERVED in states:
        yield Paragraph(
            "Reserved means that the number can't be had by an ordinary request: IANA itself "
            "holds it back (RFC 6335 §6)."
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


def _block(answer: PortAnswer) -> Iterator[Item]:
    block, title = answer.block, answer.range.title
    if block.size == answer.range.size:
        yield Paragraph(f"The whole range, {block.first}–{block.last}, is {block.state}.")
    elif block.size == 1:
        yield Paragraph(
            f"A block of its own: no port beside it in its range is {block.state} as well."
        )
    else:
        yield Paragraph(
            f"{block.first}–{block.last}: {block.size} {block.state} ports in a row. {rank(answer)}"
        )
    rows = [
        (str(near.port), ", ".join(near.service_names), near.description or "no description")
        for near in (*reversed(answer.before), *answer.after)
    ]
    here = (str(answer.port), "<", "this port")
    rows.insert(len(answer.before), here)
    yield Table(tuple(rows))
    if not answer.after:
        yield Paragraph(f"No port above is assigned: {title} end at {answer.range.last}.")


def rank(answer: PortAnswer) -> str:
    """How long the port's block is among its like."""
    block, title = answer.block, answer.range.title
    longest = "the longest" if block.rank == 1 else f"{ordinal(block.rank)} by length"
    return f"Of the {block.of} {block.state} blocks of the {title} it is {longest}."


# -- in practice ------------------------------------------------------------------------------


def _practice(answer: PortAnswer) -> Iterator[Item]:
    yield from records(
        (use.product, use.kind, use.transport, use.summary, use.source, use.read)
        for use in answer.uses
    )
    if answer.abuse:
        yield Paragraph(
            "Abuse that was reported on it, which says nothing of what runs there today:"
        )
        yield from records(
            (each.subject, each.when, each.transport, each.summary, each.source, each.read)
            for each in answer.abuse
        )
    if not (answer.uses and answer.abuse):
        yield Paragraph(no_uses(answer))
    said = {
        (row.as_of["registration"], row.unauthorized_use): None
        for row, _ in services(answer.standings)
        if row.unauthorized_use
    }
    for day, words in said:
        yield Paragraph(f'The registry records unauthorized use, as of {day}: "{words}"')
    if answer.browser_blocked:
        yield Paragraph(browsers(answer))
    if answer.systems:
        yield Paragraph(dynamic_ranges(answer))


def browsers(answer: PortAnswer) -> str:
    """That browsers refuse the port, with where that stands."""
    source = next((each for each in answer.sources if each.id == "lore-browsers"), None)
    where = "" if source is None else f" ({source.id} as of {source.as_of})"
    said = "Browsers refuse to open it: it is one of the ports that the Fetch standard blocks"
    return f"{said}{where}."


def records(
    rows: Iterable[tuple[str, str, Transport, str, str, str]],
) -> Iterator[Record]:
    """Subject, kind, transport, text, source and day of reading; alike transports together."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for subject, kind, transport, said, source, read in rows:
        key = (subject, kind, said, source, read)
        grouped.setdefault(key, []).append(str(transport))
    for (subject, kind, said, source, read), transports in grouped.items():
        yield Record(subject, f"{kind}, {listed(transports)}", said, source, read)


def no_uses(answer: PortAnswer) -> str:
    """What was looked for in which source, as of when, and isn't there; empty where all is."""
    as_of = {source.id: source.as_of for source in answer.sources}
    looked = (
        ("use in practice", "lore-uses", answer.uses),
        ("report of abuse", "lore-abuse", answer.abuse),
    )
    lacking = [(subject, source) for subject, source, there in looked if not there]
    asked = [(subject, source) for subject, source in lacking if as_of.get(source)]
    sentences = []
    if asked:
        subjects = " and no ".join(subject for subject, _ in asked)
        where = ", ".join(f"{source} as of {as_of[source]}" for _, source in asked)
        sentences.append(f"No {subjects} is on record here ({where}).")
    sentences += [
        f"No {subject} is recorded at all in this version of portbook."
        for subject, source in lacking
        if not as_of.get(source)
    ]
    return " ".join(sentences)


def dynamic_ranges(answer: PortAnswer) -> str:
    """Which systems hand the port out by themselves, by default."""
    ranges: dict[tuple[int, int], list[str]] = {}
    for rule in answer.systems:
        if rule.dynamic_first is not None and rule.dynamic_last is not None:
            span = (rule.dynamic_first, rule.dynamic_last)
            ranges.setdefault(span, []).append(rule.system)
    hits = [
        f"{listed(systems)} ({first}–{last})"
        for (first, last), systems in ranges.items()
        if first <= answer.port <= last
    ]
    if hits:
        return (
            "A program that asks for any port can be given this one, so an outbound connection "
            f"can hold it by chance: it is in the default range of {listed(hits)}."
        )
    systems = listed(dict.fromkeys(rule.system for rule in answer.systems))
    return (
        "A program that asks for any port isn't given this one: it is outside the default "
        f"ranges of {systems}."
    )


# -- sources ----------------------------------------------------------------------------------


def _sources(answer: PortAnswer) -> Iterator[Item]:
    yield Table(tuple(map(_source, answer.sources)))


def _source(source: Source) -> tuple[str, str, str]:
    day, _, time = (source.as_of or "").partition("T")
    # A time of day in the column of dates would leave little room for what was taken.
    said = f"{source.what} at {time}" if time else source.what
    return source.id, f"as of {day}" if day else "undated", said
