"""What only a whole page says of a port: its place, what is related to it, how it is assigned.

The rules about ranges, states and requests are those of RFC 6335, the advice that of RFC 7605.
All of it is said of the number, over all transports.
"""

from __future__ import annotations

from portbook.model import State
from portbook.present import words
from portbook.present.document import Facts, Heading, Paragraph, PortRow, Ports
from portbook.present.port.on_record import in_practice
from portbook.present.port.registry import alike, between, day, port_row, services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.lookup import PortAnswer
    from portbook.app.related import Related, Shared
    from portbook.present.document import Item


# -- the lead ---------------------------------------------------------------------------------


def lead(answer: PortAnswer) -> tuple[str, str]:
    """The two sentences that answer before anything else: how a port stands, what to know next."""
    return _first_sentence(answer), _second_sentence(answer)


def _first_sentence(answer: PortAnswer) -> str:
    port, today = answer.port, day(answer)
    if answer.state is State.DYNAMIC:
        return (
            f"Port {port} is a Dynamic Port: IANA assigns none of them, and any program may take "
            "one for a while (RFC 6335 §6)."
        )
    if answer.state is State.ASSIGNED:
        return f"Port {port} is assigned to {_to_whom(answer)}."
    said = "unassigned" if answer.state is State.UNASSIGNED else "reserved"
    standing, transports = alike(answer.standings, answer.state)[0]
    if not standing.listed:
        return f"Port {port} is {said}: the registry of {today} has no row for it."
    who = "every transport" if len(transports) == 4 else words.listed(transports)
    row = ""
    if standing.row is not None and standing.row[0] < standing.row[1]:
        row = f", in a row for {standing.row[0]}–{standing.row[1]}"
    return (
        f'Port {port} is {said}: the registry of {today} lists it as "{standing.text}" for {who}'
        f"{row}."
    )


def _to_whom(answer: PortAnswer) -> str:
    """The first service with its names and transports."""
    rows = services(answer.standings)
    names = list(dict.fromkeys([row.service_name for row, _ in rows if row.service_name]))
    on = words.listed(
        [
            str(transport)
            for transport, standing in answer.standings.items()
            if standing.state is State.ASSIGNED
        ]
    )
    said = rows[0][0].title or ""
    if not names:
        return (
            f'"{said}", without a service name, for {on}' if said else f"nobody by name, for {on}"
        )
    called = words.listed(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    same = said.casefold() in ("", names[0].casefold())
    return f"{called}{'' if same else f' ({said})'}, for {on}"


def _second_sentence(answer: PortAnswer) -> str:
    """Who uses it, or else what to expect there."""
    met_there = in_practice(answer)
    # A use of thousands of ports says something of one where nothing else does.
    products = list(met_there.leading or (() if answer.abuse else met_there.wide))
    if products and (answer.uses or answer.state is not State.ASSIGNED):
        verb = "is" if len(products) == 1 else "are"
        return f"{words.few(products)} {verb} on record as using it in practice."
    if answer.state is State.ASSIGNED:
        speaking = [*products, *[each.product for each in _related(answer).implementing]]
        if speaking:
            one = len(speaking) == 1
            return (
                f"{words.few(speaking)} {'is a' if one else 'are'} server "
                f"program{'' if one else 's'} on record here that speak{'s' if one else ''} it."
            )
        return _other_transports(answer)
    if answer.state is State.DYNAMIC:
        return _picked(answer)
    if answer.state is State.UNASSIGNED:
        if "Linux" in pickers(answer)[0]:
            return _picked(answer)
        if answer.abuse:
            subjects = list(dict.fromkeys([report.subject for report in answer.abuse]))
            return f"All that is on record here of its use is abuse: {words.few(subjects)}."
        return (
            f"No use of {answer.port} is on record here either: whatever listens on it is "
            "somebody's own choice, and only the program can tell what it is."
        )
    return _alone(answer)


def _related(answer: PortAnswer) -> Related:
    assert answer.related is not None  # a whole page alone asks
    return answer.related


def _picked(answer: PortAnswer) -> str:
    picking, others = pickers(answer)
    if not picking:
        return "Which systems hand it out by themselves is not recorded here."
    head = f"By default {words.listed(picking)} may hand it to a program that asks for any port"
    return f"{head}; {words.listed(others)} would not." if others else f"{head}."


def pickers(answer: PortAnswer) -> tuple[list[str], list[str]]:
    """The systems whose default dynamic range has the port, and those whose hasn't."""
    picking: list[str] = []
    others: list[str] = []
    for rule in answer.systems:
        if rule.dynamic_first is not None and rule.dynamic_last is not None:
            picks = rule.dynamic_first <= answer.port <= rule.dynamic_last
            (picking if picks else others).append(rule.system)
    return picking, others


def _other_transports(answer: PortAnswer) -> str:
    said = [
        f"with {words.listed(transports)} it is reserved"
        for _, transports in alike(answer.standings, State.RESERVED)
    ]
    for standing, transports in alike(answer.standings, State.UNASSIGNED):
        unassigned = "it is unassigned" if standing.listed else "the registry has no row for it"
        said.append(f"with {words.listed(transports)} {unassigned}")
    if not said:
        return "It is assigned with every transport that the registry knows."
    whole = "; ".join(said)
    return f"{whole[0].upper()}{whole[1:]}."


def _alone(answer: PortAnswer) -> str:
    run, where = answer.block, between(answer)
    if run.size == 1:
        return f"No port beside it is {run.state} as well: it stands alone{where}."
    return (
        f"It is one of {run.size} {run.state} {answer.range.title} in a row, "
        f"{run.first}–{run.last},{where}."
    )


# -- practice and security --------------------------------------------------------------------


def implementing(answer: PortAnswer) -> Iterator[Item]:
    """Other programs that can speak a service that is registered on the port."""
    names = [program.product for program in _related(answer).implementing]
    if names:
        yield Paragraph(
            "Other server programs on record that can speak what is registered here: "
            f"{words.listed(names)}."
        )


def security(answer: PortAnswer) -> Iterator[Item]:
    """What the state of the port means for a defender, and who may bind it."""
    if answer.state is State.ASSIGNED:
        yield Paragraph(
            f"That {answer.port} is assigned vouches for nothing: traffic on it need not belong "
            "to its service, and a firewall is better set up by what is known of the traffic "
            "than by the number (RFC 6335 §10)."
        )
    elif answer.state is State.DYNAMIC:
        yield Paragraph(
            f"Something that listens on {answer.port} need not be there tomorrow, and the same "
            "program may come back on another number. A rule for the program, or for its "
            "address, holds better than one for this port."
        )
    else:
        yield Paragraph(
            f"A listener on {answer.port} breaks no rule and follows none: no service is known by "
            "this number, so only the program itself can tell what it is. A closed firewall "
            "takes nothing from any registered service here."
        )
    if answer.range.name == "system" and answer.systems:
        yield Heading("Who may bind it")
        yield Facts(
            tuple(
                [
                    (
                        f"{rule.system}, {rule.since} on" if rule.since else rule.system,
                        rule.privileged,
                    )
                    for rule in answer.systems
                ]
            )
        )


# -- its place --------------------------------------------------------------------------------


def place(answer: PortAnswer) -> Iterator[Item]:
    """The place of the number: in its range, in a packet, on the map."""
    own, port, near = answer.range, answer.port, _related(answer)
    older = {"system": "well-known ports", "user": "registered ports"}.get(own.name)
    called = f"; older texts say {older}" if older else "; older texts say private or ephemeral"
    yield Paragraph(
        f"{port} is number {port - own.first + 1:,} of the {own.size:,} {own.title}, "
        f"{own.first}–{own.last} (RFC 6335 §6{called})."
    )
    if own.name != "dynamic":
        parts = [
            f"{count:,} {state} ({_share(count, own.size)})"
            for state, count in near.counts.items()
            if count
        ]
        yield Paragraph(
            f"On {day(answer)} they stood so, each port counted as assigned if it is with any "
            f"transport: {words.listed(parts)}."
        )
    yield Facts(
        (
            ("In a packet", f"{port >> 8:02x} {port & 255:02x} (0x{port:04x}), high byte first"),
            ("On the map", f"row {port >> 8}, column {port & 255}, counted from 0"),
        )
    )
    swapped = near.swapped
    if swapped.port == port:
        yield Paragraph(
            f"Its two bytes are the same: {port} is read alike in either byte order, so a program "
            "that forgets htons(3) still binds it."
        )
        return
    names = swapped.service_names
    who = f"{near.swapped_state}{f' ({names[0]})' if names else ''}"
    yield Paragraph(
        f"With its bytes swapped it would be {swapped.port}, which is {who}: there a program on "
        "a little-endian machine listens if it forgets htons(3).",
        (swapped.port,),
    )


def _share(count: int, size: int) -> str:
    """*count* of *size* in per cent, never rounded to all or nothing.

    >>> _share(694, 1024), _share(1, 48128)
    ('67.8%', 'under 0.1%')
    """
    share = 100 * count / size
    return "under 0.1%" if share < 0.1 else f"{share:.1f}%"


# -- related ports ----------------------------------------------------------------------------


def related(answer: PortAnswer) -> Iterator[Item]:
    """Other ports of the same services and documents, the block, and the next ports."""
    near = _related(answer)
    for shared in near.same_service:
        yield _shared(f"Also {shared.what}", shared)
    for shared in near.same_document:
        yield _shared(f"Registered with {words.document(shared.what)} as well", shared)
    run = answer.block
    if 1 < run.size != answer.range.size:
        said = f"{run.size} {run.state} ports in a row"
        yield Ports("The block", (PortRow(run.first, run.last, (), said),))
    around = [*answer.before[:1], *answer.after[:1]]
    if around:
        yield Ports("The next assigned port on each side", tuple(map(port_row, around)))
    swapped = near.swapped
    if swapped.port != answer.port:
        row = port_row(swapped)
        if swapped.description is None:
            row = row._replace(description=str(near.swapped_state))
        yield Ports("The same bytes in the other order", (row,))


def _shared(caption: str, shared: Shared) -> Ports:
    rows = [port_row(near)._replace(last=last) for _, last, near in shared.ports]
    more = shared.total - len(rows)
    return Ports(f"{caption}{f' (and {more} more)' if more else ''}", tuple(rows))


# -- how it is assigned -----------------------------------------------------------------------

ASSIGN = {
    State.UNASSIGNED: "How it could be assigned",
    State.ASSIGNED: "How its assignment could change",
    State.RESERVED: "Whether it could be assigned",
    State.DYNAMIC: "Why it can't be assigned",
}
_FORM = "https://www.iana.org/form/ports-services"


def how_to_assign(answer: PortAnswer) -> Iterator[Item]:
    """How the port could be assigned, or why it can't be, by its state and its range."""
    port, name = answer.port, answer.range.name
    if answer.state is State.DYNAMIC:
        yield Paragraph(
            f"{port} can't be had: Dynamic Ports are never assigned (RFC 6335 §6, §8.1.2). A "
            "service that can do with one asks the system for any free port, and tells its "
            "clients which it got: by DNS-SD, SRV records or a port mapper."
        )
        yield Paragraph(
            "Before asking for a number elsewhere, RFC 7605 §7.1 wants to know whether one is "
            "needed: a service name alone can be enough."
        )
        return
    if answer.state is State.UNASSIGNED:
        yield Paragraph(
            f"By a request to IANA ({_FORM}) that names the assignee, a contact, the service name, "
            "the transports and what the port is for (RFC 6335 §8.1). A request may suggest a "
            f"number such as {port}; whether it gets that one is for IANA to say."
        )
        yield Paragraph(_grounds(name))
        yield Paragraph(
            "A request is for the service, not for a version or a secure twin of it: RFC 7605 "
            "§7.2, §7.4 and §7.5 ask for one port that serves them all."
        )
        yield Paragraph(
            f"Taking {port} without asking is squatting: IANA can't see it, and may assign the "
            "number to somebody else (RFC 7605 §7.8)."
        )
        return
    if answer.state is State.RESERVED:
        yield Paragraph(
            f"Not by an ordinary request: {port} is held back (RFC 6335 §6). A number that was "
            "taken back from a service is marked as Reserved too, and isn't given away again "
            f"while its range has unassigned ones (RFC 6335 §8.2): the {answer.range.title} have."
        )
        return
    yield Paragraph(
        "Its assignee can hand it back. It is then marked as Reserved, and given to nobody else "
        "while its range still has unassigned ports (RFC 6335 §8.2)."
    )
    yield Paragraph(
        "It can't be sold or passed on: assignments aren't transferred between parties. Who wants "
        "to take a service over asks anew, while the assignee lets go (RFC 6335 §8.5)."
    )
    missing = [
        str(transport)
        for transport, standing in answer.standings.items()
        if standing.state is State.UNASSIGNED
    ]
    if missing:
        yield Paragraph(
            f"With {words.listed(missing)} it is unassigned: a service gets the transports that "
            "its request names (RFC 6335 §7.2)."
        )


def _grounds(range_name: str) -> str:
    if range_name == "system":
        return (
            "For a System Port the request goes through the IETF (IETF Review or IESG Approval) "
            "and has to say both why a Dynamic Port won't do and why a User Port won't "
            "(RFC 6335 §8.1.2)."
        )
    return (
        "For a User Port the request is judged by an expert, or comes with an IETF document, and "
        "has to say why a Dynamic Port won't do (RFC 6335 §8.1.2)."
    )
