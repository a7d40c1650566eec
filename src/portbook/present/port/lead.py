"""The two sentences that answer before anything else: how a port stands, and what to know next."""

from __future__ import annotations

from portbook.model import State
from portbook.present import words
from portbook.present.port import page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.lookup import PortAnswer
    from portbook.present.port.related import Around


def first_sentence(answer: PortAnswer) -> str:
    """How the port stands in the registry."""
    port, today = answer.port, day(answer)
    if answer.state is State.DYNAMIC:
        return (
            f"Port {port} is a Dynamic Port: IANA assigns none of them, and any program may take "
            "one for a while (RFC 6335 §6)."
        )
    if answer.state is State.ASSIGNED:
        return f"Port {port} is assigned to {_to_whom(answer)}."
    said = "unassigned" if answer.state is State.UNASSIGNED else "reserved"
    held = page.alike(answer.standings, answer.state)
    standing, transports = held[0]
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
    services = page.services(answer.standings)
    row = services[0][0]
    names = dict.fromkeys(each.service_name for each, _ in services if each.service_name)
    on = words.listed(
        [
            str(transport)
            for transport, standing in answer.standings.items()
            if standing.state is State.ASSIGNED
        ]
    )
    said = row.title or ""
    if not names:
        return (
            f'"{said}", without a service name, for {on}' if said else f"nobody by name, for {on}"
        )
    shown = list(names)
    called = words.listed(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
    same = said.casefold() in ("", shown[0].casefold())
    return f"{called}{'' if same else f' ({said})'}, for {on}"


def character(answer: PortAnswer, near: Around) -> str:
    """The port in one line: its service, or who uses what the registry gives nobody, or its place.

    The page has more room than the terminal's, and says which place in its block or range it is.
    """
    used = list(dict.fromkeys(use.product for use in answer.uses))
    if answer.state is State.DYNAMIC:
        place = f"number {near.own.in_range} of {answer.range.size:,} Dynamic Ports, never assigned"
        return f"{_few(used)} in practice; {place}" if used else place
    if answer.state is State.UNASSIGNED:
        if used:
            return f"{_few(used)} in practice; unassigned by the registry"
        if answer.block.size > 1:
            row = f"{near.own.in_block} of {answer.block.size:,} unassigned ports in a row"
            return f"{row}{page.between(answer)}"
    return page.character(answer)


def _few(products: list[str], most: int = 3) -> str:
    more = len(products) - most
    if more < 1:
        return words.listed(products)
    return f"{', '.join(products[:most])} and {more} other{'s' if more > 1 else ''}"


def second_sentence(answer: PortAnswer, near: Around) -> str:
    """What to know of it next: who uses it, or else what to expect there."""
    products = list(
        dict.fromkeys(
            [use.product for use in answer.uses if use.kind == "default"]
            + [program.product for program in near.programs]
            + [use.product for use in answer.uses]
        )
    )
    if products and (answer.uses or answer.state is not State.ASSIGNED):
        verb = "is" if len(products) == 1 else "are"
        return f"{_few(products)} {verb} on record as using it in practice."
    if answer.state is State.ASSIGNED:
        speaking = [*products, *(each.product for each in near.implementing)]
        if speaking:
            one = len(speaking) == 1
            return (
                f"{_few(speaking)} {'is a' if one else 'are'} server program{'' if one else 's'} "
                f"on record here that speak{'s' if one else ''} it."
            )
        return _other_transports(answer)
    if answer.state is State.DYNAMIC:
        return _picked(answer)
    if answer.state is State.UNASSIGNED:
        if "Linux" in pickers(answer)[0]:
            return _picked(answer)
        return (
            f"No use of {answer.port} is on record here either: whatever listens on it is "
            "somebody's own choice, and only the program can tell what it is."
        )
    return _place(answer)


def _picked(answer: PortAnswer) -> str:
    holding, others = pickers(answer)
    if holding and others:
        return (
            f"By default {words.listed(holding)} may hand it to a program that asks for any port; "
            f"{words.listed(others)} would not."
        )
    if holding:
        return (
            f"By default {words.listed(holding)} may hand it to a program that asks for any port."
        )
    return "Which systems hand it out by themselves is not recorded here."


def _other_transports(answer: PortAnswer) -> str:
    said = []
    for state, said_of in ((State.RESERVED, "it is reserved"), (State.UNASSIGNED, "")):
        for standing, transports in page.alike(answer.standings, state):
            silent = "the registry has no row for it" if not standing.listed else "it is unassigned"
            said.append(f"with {words.listed(transports)} {said_of or silent}")
    if not said:
        return "It is assigned with every transport that the registry knows."
    first, *rest = said
    return f"{first[0].upper()}{first[1:]}{''.join(f'; {each}' for each in rest)}."


def _place(answer: PortAnswer) -> str:
    block, title = answer.block, answer.range.title
    between = page.between(answer)
    if block.size == 1:
        return f"No port beside it is {block.state} as well: it stands alone{between}."
    return (
        f"It is one of {block.size} {block.state} {title} in a row, {block.first}–{block.last},"
        f"{between}."
    )


def day(answer: PortAnswer) -> str:
    """The day that the registry's rows are of."""
    return next((s.as_of for s in answer.sources if s.id == "iana" and s.as_of), "an unknown day")


def pickers(answer: PortAnswer) -> tuple[list[str], list[str]]:
    """The systems whose default dynamic range holds the port, and those whose doesn't."""
    holding: list[str] = []
    others: list[str] = []
    for rule in answer.systems:
        if rule.dynamic_first is not None and rule.dynamic_last is not None:
            held = rule.dynamic_first <= answer.port <= rule.dynamic_last
            (holding if held else others).append(rule.system)
    return holding, others
