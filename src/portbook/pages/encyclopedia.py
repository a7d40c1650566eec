"""The entry of a port in the encyclopedia, composed from facts. Pure.

Every sentence is chosen by a fact and filled with one; what no source says is not said. What
this page has in common with the terminal's comes from :mod:`portbook.pages.prose`. The rules
about ranges, states and requests are those of RFC 6335, the advice that of RFC 7605.
"""

from __future__ import annotations

from portbook.model import State
from portbook.pages import prose
from portbook.pages.checking import check
from portbook.pages.entry import (
    Claim,
    Claims,
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
from portbook.pages.questions import questions
from portbook.pages.requests import how_to_assign, who_assigns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.answer import PortAnswer
    from portbook.model import Assignment, Neighbour
    from portbook.pages.around import Around, Shared
    from portbook.pages.entry import Item


def compose(answer: PortAnswer, near: Around) -> Entry:
    """The entry of the port of *answer*, with what stands *near* it."""
    parts = (
        Part("registry", "In the registry", tuple(_registry(answer))),
        Part("range", "Its range", tuple(_range(answer, near))),
        Part("block", "Block and neighbours", tuple(_block(answer))),
        Part("practice", "In practice", tuple(_practice(answer, near))),
        Part("history", "History", tuple(_history(answer))),
        Part("security", "Security", tuple(_security(answer))),
        Part("check", "How to check", tuple(check(answer.port))),
        Part("assign", _ASSIGN[answer.state], tuple(how_to_assign(answer))),
        Part("questions", "Questions people ask", tuple(questions(answer, near))),
        Part("related", "Related ports", tuple(_related(answer, near))),
        Part("sources", "Sources", (Sources(answer.sources),)),
    )
    return Entry(
        answer.port,
        answer.state,
        tuple(prose.states(answer.standings)),
        prose.character(answer),
        (_lead(answer), _second(answer, near)),
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


# -- the lead ---------------------------------------------------------------------------------


def _lead(answer: PortAnswer) -> str:
    port, day = answer.port, _day(answer)
    if answer.state is State.DYNAMIC:
        return (
            f"Port {port} is a Dynamic Port: IANA assigns none of them, and any program may take "
            "one for a while (RFC 6335 §6)."
        )
    if answer.state is State.ASSIGNED:
        return f"Port {port} is assigned to {_to_whom(answer)}."
    said = "unassigned" if answer.state is State.UNASSIGNED else "reserved"
    held = prose.alike(answer.standings, answer.state)
    standing, transports = held[0]
    if not standing.listed:
        return f"Port {port} is {said}: the registry of {day} has no row for it."
    who = "every transport" if len(transports) == 4 else prose.listed(transports)
    row = ""
    if standing.row is not None and standing.row[0] < standing.row[1]:
        row = f", in a row for {standing.row[0]}–{standing.row[1]}"
    return (
        f'Port {port} is {said}: the registry of {day} lists it as "{standing.text}" for {who}'
        f"{row}."
    )


def _to_whom(answer: PortAnswer) -> str:
    """The first service with its names and transports."""
    services = prose.services(answer.standings)
    row, transports = services[0]
    names = dict.fromkeys(each.service_name for each, _ in services if each.service_name)
    on = prose.listed(transports)
    said = row.title or ""
    if not names:
        return (
            f'"{said}", without a service name, for {on}' if said else f"nobody by name, for {on}"
        )
    shown = list(names)
    called = prose.listed(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
    same = said.casefold() in ("", shown[0].casefold())
    return f"{called}{'' if same else f' ({said})'}, for {on}"


def _second(answer: PortAnswer, near: Around) -> str:
    products = list(
        dict.fromkeys(
            [program.product for program in near.programs] + [use.product for use in answer.uses]
        )
    )
    if products:
        more = len(products) - 3
        named = prose.listed(products[:3]) if more < 1 else ", ".join(products[:3])
        others = f" and {more} other{'s' if more > 1 else ''}" if more > 0 else ""
        verb = "is" if len(products) == 1 else "are"
        return f"On record as using it in practice {verb} {named}{others}."
    if answer.state is State.DYNAMIC:
        return _picked(answer)
    if answer.state is State.ASSIGNED:
        return _other_transports(answer)
    return _place(answer)


def _picked(answer: PortAnswer) -> str:
    holding, others = prose.pickers(answer)
    if holding and others:
        return (
            f"By default {prose.listed(holding)} may hand it to a program that asks for any port; "
            f"{prose.listed(others)} would not."
        )
    if holding:
        return (
            f"By default {prose.listed(holding)} may hand it to a program that asks for any port."
        )
    return "Which systems hand it out by themselves is not recorded here."


def _other_transports(answer: PortAnswer) -> str:
    said = []
    for state, words in ((State.RESERVED, "it is reserved"), (State.UNASSIGNED, "")):
        for standing, transports in prose.alike(answer.standings, state):
            silent = "the registry has no row for it" if not standing.listed else "it is unassigned"
            said.append(f"with {prose.listed(transports)} {words or silent}")
    if not said:
        return "It is assigned with every transport that the registry knows."
    first, *rest = said
    return f"{first[0].upper()}{first[1:]}{''.join(f'; {each}' for each in rest)}."


def _place(answer: PortAnswer) -> str:
    block, title = answer.block, answer.range.title
    between = prose.between(answer)
    if block.size == 1:
        return f"No port beside it is {block.state} as well: it stands alone{between}."
    return (
        f"It is one of {block.size} {block.state} {title} in a row, {block.first}–{block.last},"
        f"{between}."
    )


def _day(answer: PortAnswer) -> str:
    return next((s.as_of for s in answer.sources if s.id == "iana" and s.as_of), "an unknown day")


# -- the registry -----------------------------------------------------------------------------


def _registry(answer: PortAnswer) -> Iterator[Item]:
    services = prose.services(answer.standings)
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
        for standing, transports in prose.alike(answer.standings, state):
            yield Text(prose.held_by_nobody(answer, standing, transports))
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
        yield Text(f"{name} stands for the same service as {prose.listed(row.aliases)}.")
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
    own, port = answer.range, answer.port
    older = {"system": "well-known ports", "user": "registered ports"}.get(own.name)
    called = f"; older texts say {older}" if older else "; older texts say private or ephemeral"
    yield Text(
        f"{port} is number {port - own.first + 1:,} of the {own.size:,} {own.title}, "
        f"{own.first}–{own.last} (RFC 6335 §6{called})."
    )
    if own.name != "dynamic":
        parts = [
            f"{count:,} {state} ({_share(count, own.size)})"
            for state, count in near.counts.items()
            if count
        ]
        yield Text(
            f"On {_day(answer)} they stood so, each port counted as assigned if it is with any "
            f"transport: {prose.listed(parts)}."
        )
    yield Text(who_assigns(own.name))
    yield Facts(tuple(_number(answer.port)))
    yield Text(_swapped(answer, near), (near.swapped.port,), near.swapped.service_names[:1])


def _share(count: int, size: int) -> str:
    """*count* of *size* in per cent, never rounded to all or nothing.

    >>> _share(694, 1024), _share(1, 48128)
    ('67.8%', 'under 0.1%')
    """
    share = 100 * count / size
    return "under 0.1%" if share < 0.1 else f"{share:.1f}%"


def _number(port: int) -> Iterator[tuple[str, str]]:
    yield "In a packet", f"{port >> 8:02x} {port & 255:02x} (0x{port:04x}), high byte first"
    yield "On the map", f"row {port >> 8}, column {port & 255}, counted from 0"


def _swapped(answer: PortAnswer, near: Around) -> str:
    port, other = answer.port, near.swapped.port
    if port == other:
        return (
            f"Its two bytes are the same: {port} is read alike in either byte order, so a program "
            "that forgets htons(3) still binds it."
        )
    names = near.swapped.service_names
    who = f"{near.swapped_state}{f' ({names[0]})' if names else ''}"
    return (
        f"With its bytes swapped it would be {other}, which is {who}: there a program on a "
        "little-endian machine listens if it forgets htons(3)."
    )


# -- block and neighbours ---------------------------------------------------------------------


def _block(answer: PortAnswer) -> Iterator[Item]:
    block = answer.block
    if block.size == answer.range.size:
        yield Text(
            f"All {block.size:,} of them, {block.first}–{block.last}, are {block.state}: "
            f"{_within(answer)}."
        )
    elif block.size == 1:
        yield Text(f"A block of its own: no port beside it in its range is {block.state} as well.")
    else:
        yield Text(
            f"{block.first}–{block.last}: {block.size} {block.state} ports in a row, of which "
            f"this is {_within(answer)}. {prose.rank(answer)}"
        )
    rows = [_port_row(each) for each in (*reversed(answer.before), *answer.after)]
    here = PortRow(answer.port, answer.port, (), answer.state, here=True)
    if answer.state is State.ASSIGNED:
        services = prose.services(answer.standings)
        names = tuple(dict.fromkeys(row.service_name for row, _ in services if row.service_name))
        here = here._replace(names=names, description=services[0][0].title or "no description")
    rows.insert(len(answer.before), here)
    yield Ports("The nearest assigned ports", tuple(rows))
    if not answer.after:
        yield Text("No port above it is assigned.")


def _within(answer: PortAnswer) -> str:
    block, port = answer.block, answer.port
    if port == block.first:
        return "the first"
    if port == block.last:
        return "the last"
    return f"the {prose.ordinal(port - block.first + 1)}"


def _port_row(near: Neighbour) -> PortRow:
    return PortRow(near.port, near.port, near.service_names, near.description or "no description")


# -- in practice ------------------------------------------------------------------------------


def _practice(answer: PortAnswer, near: Around) -> Iterator[Item]:
    claims = [
        Claim(
            use.product,
            f"{use.kind}, {use.transport}{_span(use.first, use.last)}",
            use.summary,
            use.source,
            use.read,
        )
        for use in answer.uses
    ]
    if claims:
        yield Claims("Uses on record", tuple(claims))
    programs = [
        Claim(
            program.product,
            " ".join(str(kind) for port, kind in program.ports if port == answer.port),
            _default(program.executables),
            program.source,
            program.read,
        )
        for program in near.programs
    ]
    if programs:
        yield Claims("Server programs with this default port", tuple(programs))
    if near.implementing:
        names = [program.product for program in near.implementing]
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        yield Text(
            "Other server programs on record that can speak what is registered here: "
            f"{prose.listed(names[:12]) if not more else ', '.join(names[:12])}{more}."
        )
    if not claims:
        yield Text(prose.no_uses(answer))
    if answer.systems:
        yield Text(prose.dynamic_ranges(answer))
    if 512 <= answer.port <= 1023:
        yield Text(
            "A privileged program that asks bindresvport(3) for a port may get it as well: that "
            "function picks from 512–1023."
        )


def _span(first: int, last: int) -> str:
    return "" if first == last else f", {first}–{last}"


def _default(executables: tuple[str, ...]) -> str:
    return (
        f"runs as {prose.listed(executables[:3])}" if executables else "its path is not on record"
    )


# -- history ----------------------------------------------------------------------------------


def _history(answer: PortAnswer) -> Iterator[Item]:
    then = next((s.as_of for s in answer.sources if s.id == "iana-2015"), None)
    for row, transports in prose.services(answer.standings)[:6]:
        yield Text(_row_history(row, transports))
    if answer.state is State.ASSIGNED:
        if then is not None:
            yield Text(
                f"Assignees and dates are those of the registry's copy of {then}, the only one "
                "read here that has them; what changed since is not in it."
            )
        return
    if answer.state is State.DYNAMIC:
        yield Text(
            "A Dynamic Port has no history in the registry: it was never to be assigned. That "
            "the range begins at 49152 is stated in RFC 6335 §6."
        )
        return
    said = dict.fromkeys(standing.text for standing in answer.standings.values() if standing.text)
    for text in said:
        if text.casefold() not in ("unassigned", "reserved"):
            yield Quote(text, f"all that the row of {_day(answer)} says about the past")
    yield Text(
        f"Whether {answer.port} was ever assigned to anybody is not recorded here: rows that "
        "assign nothing bear no date, and a registry of one day doesn't tell of another."
    )
    dated = [each for each in (*answer.before[:1], *answer.after[:1]) if each.service_names]
    if dated:
        yield Text(
            "Its neighbours have pages with what is known of theirs: "
            f"{prose.listed([f'{each.port} ({each.service_names[0]})' for each in dated])}.",
            tuple(each.port for each in dated),
        )


def _row_history(row: Assignment, transports: list[str]) -> str:
    name = f"{row.service_name or row.title or 'The row'} ({prose.listed(transports)})"
    day = row.as_of.get("registration")
    if day is None:
        return (
            f"{name}: who registered it, and when, is not recorded in our sources: the copy with "
            "dates has no row of that name, number and transport."
        )
    said = []
    if row.registered:
        said.append(f"registered {row.registered}")
    if row.modified:
        said.append(f"last modified {row.modified}")
    if not said:
        said.append(f"already in the registry of {day}, which has no date for it")
    said.append(f"assignee {row.assignee}" if row.assignee else "assignee not recorded")
    return f"{name}: {'; '.join(said)}."


# -- security ---------------------------------------------------------------------------------


def _security(answer: PortAnswer) -> Iterator[Item]:
    for row, _ in prose.services(answer.standings):
        if row.unauthorized_use:
            yield Quote(
                row.unauthorized_use,
                f"known unauthorized use, by the registry as of {row.as_of['registration']}",
            )
    if answer.browser_blocked:
        yield Text(
            "Browsers refuse to open it: it is one of the ports that the Fetch standard blocks, "
            "so that a web page can't be made to speak to the service behind it."
        )
    if answer.state is State.ASSIGNED:
        yield Text(
            f"That {answer.port} is assigned vouches for nothing: traffic on it need not belong "
            "to its service, and a firewall is better set up by what is known of the traffic "
            "than by the number (RFC 6335 §10)."
        )
    elif answer.state is State.DYNAMIC:
        yield Text(
            f"Something that listens on {answer.port} need not be there tomorrow, and the same "
            "program may come back on another number. A rule for the program, or for its "
            "address, holds better than one for this port."
        )
    else:
        yield Text(
            f"A listener on {answer.port} breaks no rule and follows none: no service is known by "
            "this number, so only the program itself can tell what it is. A closed firewall "
            "takes nothing from any registered service here."
        )
    if answer.range.name == "system" and answer.systems:
        yield Heading("Who may bind it")
        yield Facts(
            tuple((_titled(rule.system, rule.since), rule.privileged) for rule in answer.systems)
        )


def _titled(system: str, since: str | None) -> str:
    return f"{system}, {since} on" if since else system


# -- related ports ----------------------------------------------------------------------------


def _related(answer: PortAnswer, near: Around) -> Iterator[Item]:
    for shared in near.same_service:
        yield _shared(f"Also {shared.what}", shared)
    for shared in near.same_document:
        yield _shared(f"Registered with {prose.document(shared.what)} as well", shared)
    block = answer.block
    if block.size > 1 and block.size != answer.range.size:
        yield Ports(
            "The block",
            (PortRow(block.first, block.last, (), f"{block.size} {block.state} ports in a row"),),
        )
    around = [*answer.before[:1], *answer.after[:1]]
    if around:
        yield Ports("The next assigned port on each side", tuple(map(_port_row, around)))
    other = near.swapped
    if other.port != answer.port:
        said = other.description or str(near.swapped_state)
        yield Ports(
            "The same bytes in the other order",
            (PortRow(other.port, other.port, other.service_names, said),),
        )


def _shared(caption: str, shared: Shared) -> Ports:
    rows = [
        PortRow(first, last, near.service_names, near.description or "no description")
        for first, last, near in shared.ports
    ]
    more = shared.total - len(rows)
    return Ports(f"{caption}{f' (and {more} more)' if more else ''}", tuple(rows))
