"""The entry of a port in the encyclopedia, composed from facts. Pure.

Every sentence is chosen by a fact and filled with one; what no source says is not said. What
this page has in common with the terminal's comes from :mod:`portbook.present.port.page`. The rules
about ranges, states and requests are those of RFC 6335, the advice that of RFC 7605.
"""

from __future__ import annotations

from portbook.model import State
from portbook.present import words
from portbook.present.port import page
from portbook.present.port.checking import check
from portbook.present.port.entry import (
    Entry,
    Facts,
    Heading,
    Part,
    PortRow,
    Ports,
    Quote,
    ServiceRow,
    Services,
    Sources,
    Text,
)
from portbook.present.port.lead import character, day, first_sentence, second_sentence
from portbook.present.port.practice import history, practice, security
from portbook.present.port.questions import questions
from portbook.present.port.requests import how_to_assign, who_assigns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.lookup import PortAnswer
    from portbook.model import Assignment, Neighbour
    from portbook.present.port.entry import Item
    from portbook.present.port.related import Around, Shared


def compose(answer: PortAnswer, near: Around) -> Entry:
    """The entry of the port of *answer*, with what stands *near* it."""
    parts = (
        Part("registry", "In the registry", tuple(_registry(answer))),
        Part("range", "Its range", tuple(_range(answer, near))),
        Part("block", "Block and neighbours", tuple(_block(answer, near))),
        Part("practice", "In practice", tuple(practice(answer, near))),
        Part("history", "History", tuple(history(answer))),
        Part("security", "Security", tuple(security(answer))),
        Part("check", "How to check", tuple(check(answer.port))),
        Part("assign", _ASSIGN[answer.state], tuple(how_to_assign(answer))),
        Part("questions", "Questions people ask", tuple(questions(answer, near))),
        Part("related", "Related ports", tuple(_related(answer, near))),
        Part("sources", "Sources", (Sources(answer.sources),)),
    )
    return Entry(
        answer.port,
        answer.state,
        tuple(page.states(answer.standings)),
        character(answer, near),
        (first_sentence(answer), second_sentence(answer, near)),
        answer.range.name,
        answer.range.title,
        answer.query.notes,
        tuple(part for part in parts if part.items),
    )


_ASSIGN = {
    State.UNASSIGNED: "How it could be assigned",
    State.ASSIGNED: "How its assignment could change",
    State.RESERVED: "Whether it could be assigned",
    State.DYNAMIC: "Why it can't be assigned",
}


# -- the registry -----------------------------------------------------------------------------


def _registry(answer: PortAnswer) -> Iterator[Item]:
    services = page.services(answer.standings)
    if services:
        yield Services(
            tuple(
                ServiceRow(
                    row.service_name,
                    " ".join(transports),
                    row.title or "no description",
                    row.references,
                )
                for row, transports in services
            )
        )
    yield from dict.fromkeys(item for row, _ in services for item in _about(row))
    for state in (State.RESERVED, State.UNASSIGNED):
        for standing, transports in page.alike(answer.standings, state):
            yield Text(page.held_by_nobody(answer, standing, transports))
    if any(
        not each.listed and each.state is not State.DYNAMIC for each in answer.standings.values()
    ):
        yield Text(
            "A transport without a row isn't an oversight: what is unassigned is typically not "
            "listed at all (RFC 6335 §6)."
        )
    yield from _meaning(answer)


def _about(row: Assignment) -> Iterator[Item]:
    name = row.service_name or row.description or "this row"
    if row.aliases:
        yield Text(f"{name} stands for the same service as {words.listed(row.aliases)}.")
    if row.first is not None and row.last is not None and row.last > row.first:
        yield Text(
            f"{name} holds {row.last - row.first + 1} ports, {row.first}–{row.last}: this page is "
            "about one of them."
        )
    if not row.transport_stated:
        yield Text(f"The registry's row for {name} states no transport; it is read as tcp and udp.")
    if row.notes:
        yield Quote(row.notes, f"{name}, the registry's note as of {row.as_of['registration']}")
    if row.service_code:
        yield Text(f"{name} has the DCCP service code {row.service_code}.")


def _meaning(answer: PortAnswer) -> Iterator[Item]:
    states = {standing.state for standing in answer.standings.values()}
    if answer.state is State.UNASSIGNED:
        yield Heading("What unassigned means here")
        yield Text(
            f"Unassigned means that {answer.port} belongs to no service and can be assigned to "
            "one on request (RFC 6335 §6). It doesn't mean unused: the registry records "
            "agreements, and nothing in it keeps a program from listening."
        )
        yield Text(
            "Such ports exist because the space is finite and handed out sparingly: one port a "
            "service where possible, and none where a service name or a Dynamic Port will do "
            "(RFC 6335 §7.2, RFC 7605 §6)."
        )
    elif answer.state is State.DYNAMIC:
        yield Heading("What dynamic means")
        yield Text(
            "Dynamic Ports are set aside for local and temporary use. Any program may take one "
            "that is free at the moment, none can count on getting it, and the registry has no "
            "rows for them (RFC 6335 §6, §8.1.2)."
        )
    elif State.UNASSIGNED in states and State.ASSIGNED in states:
        yield Text(
            "A port is assigned transport by transport: a service gets those that its request "
            "names (RFC 6335 §7.2)."
        )
    if State.RESERVED in states:
        yield Heading("What reserved means")
        edge = answer.port in (0, 1023, 1024, 49151)
        yield Text(
            "A reserved number isn't available for ordinary requests: IANA holds it for special "
            "purposes (RFC 6335 §6)."
            + (
                " This one stands at the edge of a range: the edges are kept so that a range, or "
                "the numbers as a whole, could be extended one day."
                if edge
                else ""
            )
        )


# -- its range --------------------------------------------------------------------------------


def _range(answer: PortAnswer, near: Around) -> Iterator[Item]:
    own = answer.range
    older = {"system": "well-known ports", "user": "registered ports"}.get(own.name)
    called = f"; older texts say {older}" if older else "; older texts say private or ephemeral"
    yield Text(
        f"{answer.port} is number {near.own.in_range} of the {own.size:,} {own.title}, "
        f"{own.first}–{own.last} (RFC 6335 §6{called})."
    )
    if own.name != "dynamic":
        parts = [
            f"{count:,} {state} ({_share(count, own.size)})"
            for state, count in near.counts.items()
            if count
        ]
        yield Text(
            f"On {day(answer)} they stood so, each port counted as assigned if it is with any "
            f"transport: {words.listed(parts)}."
        )
    yield Text(who_assigns(own.name))
    yield Facts((("In a packet", near.own.packet), ("On the map", near.own.on_map)))
    yield near.own.swapped


def _share(count: int, size: int) -> str:
    """*count* of *size* in per cent, never rounded to all or nothing.

    >>> _share(694, 1024), _share(1, 48128)
    ('67.8%', 'under 0.1%')
    """
    share = 100 * count / size
    return "under 0.1%" if share < 0.1 else f"{share:.1f}%"


# -- block and neighbours ---------------------------------------------------------------------


def _block(answer: PortAnswer, near: Around) -> Iterator[Item]:
    block = answer.block
    if block.size == answer.range.size:
        yield Text(
            f"All {block.size:,} of them, {block.first}–{block.last}, are {block.state}; this is "
            f"{near.own.in_block}."
        )
    elif block.size == 1:
        yield Text(f"A block of its own: no port beside it in its range is {block.state} as well.")
    else:
        yield Text(
            f"{block.first}–{block.last}: {block.size} {block.state} ports in a row, of which "
            f"this is {near.own.in_block}. {page.rank(answer)}"
        )
    rows = [_port_row(each) for each in (*reversed(answer.before), *answer.after)]
    here = PortRow(answer.port, answer.port, (), answer.state, here=True)
    if answer.state is State.ASSIGNED:
        services = page.services(answer.standings)
        names = tuple(dict.fromkeys(row.service_name for row, _ in services if row.service_name))
        here = here._replace(names=names, description=services[0][0].title or "no description")
    rows.insert(len(answer.before), here)
    yield Ports("The nearest assigned ports", tuple(rows))
    if not answer.after:
        yield Text("No port above it is assigned.")


def _port_row(near: Neighbour) -> PortRow:
    return PortRow(near.port, near.port, near.service_names, near.description or "no description")


# -- related ports ----------------------------------------------------------------------------


def _related(answer: PortAnswer, near: Around) -> Iterator[Item]:
    for shared in near.same_service:
        yield _shared(f"Also {shared.what}", shared)
    for shared in near.same_document:
        yield _shared(f"Registered with {words.document(shared.what)} as well", shared)
    block = answer.block
    if block.size > 1 and block.size != answer.range.size:
        yield Ports(
            "The block",
            (PortRow(block.first, block.last, (), f"{block.size} {block.state} ports in a row"),),
        )
    around = [*answer.before[:1], *answer.after[:1]]
    if around:
        yield Ports("The next assigned port on each side", tuple(map(_port_row, around)))
    if near.own.mirror is not None:
        yield near.own.mirror


def _shared(caption: str, shared: Shared) -> Ports:
    rows = [
        PortRow(first, last, near.service_names, near.description or "no description")
        for first, last, near in shared.ports
    ]
    more = shared.total - len(rows)
    return Ports(f"{caption}{f' (and {more} more)' if more else ''}", tuple(rows))
