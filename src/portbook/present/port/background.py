"""What only a whole page says of a port: its lead, its neighbours, and the registry's details.

All of it is said of the number, over all transports. The rules about ranges, states and requests
are those of RFC 6335.
"""

from __future__ import annotations

from portbook.app.related import TieKind
from portbook.model import State, Threat
from portbook.present import words
from portbook.present.document import Paragraph, PortRow, Ports
from portbook.present.port import gaps
from portbook.present.port.meaning import security_sentences
from portbook.present.port.on_record import (
    UNUSED,
    assigned_names,
    in_practice,
    only_recorded,
    service_names,
    untold_uses,
)
from portbook.present.port.registry import row_text, services
from portbook.present.port.special import lead_of_special

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.port_lookup import PortAnswer
    from portbook.app.related import Related, Shared
    from portbook.present.document import Item


# -- the lead ---------------------------------------------------------------------------------


def lead(answer: PortAnswer) -> tuple[str, ...]:
    """The sentences that answer before anything else: how a port stands, what to know next."""
    return (
        *lead_of_special(answer.port),
        _standing(answer),
        *security_sentences(answer),
        *_practice(answer),
    )


def _standing(answer: PortAnswer) -> str:
    port = answer.port
    if answer.state is State.DYNAMIC:
        return f"Port {port} is a dynamic (ephemeral) port, never assigned."
    if answer.state is State.ASSIGNED:
        names = assigned_names(answer)
        recorded = [name for name in service_names(answer) if name not in names]
        said = f"Port {port} is assigned to {_assigned_to(answer)}."
        if recorded:
            said += f" IANA also records {words.listed(recorded)}, without assigning it."
        return said
    text = row_text(answer, answer.state)
    if answer.state is State.RESERVED:
        why = f': "{text}"' if text and text != "Reserved" else ""
        return f"Port {port} is reserved{why}."
    return gaps.standing(answer)


def _assigned_to(answer: PortAnswer) -> str:
    """The services with the first description, which is quoted, and their transports."""
    rows = [row for row, _ in services(answer.standings)]
    rows = [row for row in rows if not only_recorded(row)] or rows
    names = list(dict.fromkeys([row.service_name for row in rows if row.service_name]))
    transports = words.listed(
        [str(one) for one, standing in answer.standings.items() if standing.state is State.ASSIGNED]
    )
    title = rows[0].title or ""
    if not names:
        return (
            f'"{title}" on {transports}' if title else f"a service without a name on {transports}"
        )
    same = title.casefold() in ("", names[0].casefold())
    return f'{words.few(names)}{"" if same else f""" ("{title}")"""} on {transports}'


def _practice(answer: PortAnswer) -> Iterator[str]:
    """Who uses it, what was reported on it, and whether the system hands it out."""
    met_there = in_practice(answer)
    # A use of thousands of ports says something of one where nothing else does.
    known = answer.abuse or answer.services
    products = list(met_there.leading or (() if known else met_there.wide))
    if products:
        beside = len(met_there.wide) if met_there.leading else 0
        yield f"Used in practice by {words.few(products, beside=beside)}."
    elif answer.state is State.ASSIGNED:
        speaking = [program.product for program in _related(answer).implementing]
        if speaking:
            yield f"Servers that speak it: {words.few(speaking)}."
    # Amplification is done through the servers that people meet there: it isn't what the port is.
    told = [one for one in answer.abuse if not (answer.services and one.threat is _AMPLIFIED)]
    if told:
        subjects = dict.fromkeys(f"{one.subject} ({words.period(one.period)})" for one in told)
        yield f"Reported abuse: {words.few(list(subjects))}."
    picking, _ = pickers(answer)
    if "Linux" in picking or "Windows" in picking:
        yield f"{words.listed(picking)} may hand it out as an ephemeral port."
    elif untold_uses(answer):
        yield UNUSED


_MOST_SPEAKING = 12  # of the hundred servers that speak HTTP
_AMPLIFIED = Threat.AMPLIFICATION


def _related(answer: PortAnswer) -> Related:
    assert answer.related is not None  # a whole page alone asks
    return answer.related


_Pickers = tuple[tuple[str, ...], tuple[str, ...]]
# What was found last, and of what: a page asks several times.
_picked: tuple[int, object, _Pickers] = -1, (), ((), ())


def pickers(answer: PortAnswer) -> _Pickers:
    """The systems whose default range of ephemeral ports has the port, and the others."""
    global _picked  # noqa: PLW0603
    port, systems, found = _picked
    if port != answer.port or systems is not answer.systems:
        found = _pickers(answer)
        _picked = answer.port, answer.systems, found
    return found


def _pickers(answer: PortAnswer) -> _Pickers:
    picking: list[str] = []
    others: list[str] = []
    for rule in answer.systems:
        if rule.dynamic_first is not None and rule.dynamic_last is not None:
            picks = rule.dynamic_first <= answer.port <= rule.dynamic_last
            (picking if picks else others).append(rule.system)
    return _in_order(tuple(picking)), _in_order(tuple(others))


def _in_order(systems: tuple[str, ...]) -> tuple[str, ...]:
    """Many pages ask for the same few lists."""
    found = _ORDERED.get(systems)
    if found is None:
        found = _ORDERED[systems] = tuple(words.systems_in_order(systems))
    return found


_ORDERED: dict[tuple[str, ...], tuple[str, ...]] = {}


# -- practice and security --------------------------------------------------------------------


def implementing(answer: PortAnswer) -> Iterator[Item]:
    """Other programs that can speak a service that is registered on the port; JSON has all."""
    met_there = in_practice(answer).products
    names = [
        program.product
        for program in _related(answer).implementing
        if program.product not in met_there
    ]
    if names:
        shown = words.few(names, _MOST_SPEAKING)
        other = "Other servers" if met_there else "Servers"
        yield Paragraph(f"{other} that speak the registered service: {shown}.")


def security(answer: PortAnswer) -> Iterator[Item]:
    """What blocking the port costs, where that is nothing."""
    if answer.state in (State.UNASSIGNED, State.RESERVED) and answer.port:
        yield Paragraph(_blocking(answer))
    elif answer.state is State.DYNAMIC:
        yield Paragraph(
            "The same program may use another port tomorrow: write firewall rules for the program, "
            "not for this port."
        )


def _blocking(answer: PortAnswer) -> str:
    """What blocking a port without a registered service may break all the same."""
    none = f"No registered service needs {answer.port}"
    picking, _ = pickers(answer)
    met_there = in_practice(answer).leading
    if met_there:
        return f"{none}, but {words.few(list(met_there))} may."
    if picking:
        return (
            f"{none}. Block new connections alone: {words.listed(picking)} may give it to a "
            "client, to which replies come back."
        )
    if 512 <= answer.port <= 1023:  # bindresvport(3)
        return f"{none}, but clients of NFS may use it as their source port."
    return f"Blocking {answer.port} breaks no registered service."


# -- related ports ----------------------------------------------------------------------------


def related(answer: PortAnswer) -> Iterator[Item]:
    """Other ports of the same services, products and documents."""
    near = _related(answer)
    if near.ties:
        rows = [
            PortRow(
                tie.near.port, tie.near.port, tie.near.service_names, _TIES[tie.kind].format(tie.of)
            )
            for tie in near.ties
        ]
        yield Ports("Related ports", tuple(rows))
    for shared in near.same_service:
        yield _shared(f"Other ports of {shared.what}", shared)
    for shared in near.same_document:
        yield _shared(f"Other ports of {words.document(shared.what)}", shared)


_TIES = {
    TieKind.ENCRYPTED: "the encrypted counterpart of {}",
    TieKind.UNENCRYPTED: "the unencrypted counterpart of {}",
    TieKind.OWN_PORT: "{}, its usual port",
    TieKind.ELSEWHERE: "{}, also used there",
    TieKind.PRODUCT: "{} uses it too",
    TieKind.DIGITS: "{}, with two digits swapped",
}


def _shared(caption: str, shared: Shared) -> Ports:
    rows = [
        PortRow(near.port, last, near.service_names, near.description or "no description")
        for _, last, near in shared.ports
    ]
    more = shared.total - len(rows)
    return Ports(f"{caption}{f' (and {more} more)' if more else ''}", tuple(rows))


# -- the registry's details -------------------------------------------------------------------


def details(answer: PortAnswer) -> Iterator[Item]:
    """The bytes of the number, and how it gets assigned."""
    own, port, near = answer.range, answer.port, _related(answer)
    swapped = near.swapped
    shown = words.listed(swapped.service_names) if swapped.service_names else near.swapped_state
    instead = (
        f" Forget htons() on a little-endian machine, and you get {swapped.port} ({shown}) instead."
        if port != swapped.port
        else ""
    )
    place = f"one of the {own.title} ({own.first}–{own.last})"
    yield Paragraph(
        f"{port} is {place}, and 0x{port:04x} in hexadecimal.{instead}", (swapped.port,)
    )
    if answer.state is State.UNASSIGNED:
        yield Paragraph(GETTING_IT[own.name])
    elif answer.state is State.RESERVED and port:
        yield Paragraph("IANA doesn't give it out on an ordinary request.")
    yield Paragraph("States, ranges and requests are explained in `portbook topic register`.")


GETTING_IT = {
    "system": "Getting it assigned takes IETF Review or IESG Approval, as for every System Port.",
    "user": "Getting it assigned takes Expert Review, IETF Review or IESG Approval, as for every "
    "User Port.",
    "dynamic": "Dynamic Ports are never assigned: a service that needs a fixed number asks for a "
    "User Port.",
}
# Whose rules the page follows; what is taken from them stands in its sentences.
RULES = "RFC 6335 (ranges, states and assignment) and RFC 7605 (advice on choosing a port)"
