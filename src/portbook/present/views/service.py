"""A service name's page: one document for every form, as a port's is."""

from __future__ import annotations

from portbook.app.port_lookup import PortAnswer
from portbook.present.document import (
    Page,
    Paragraph,
    PortRow,
    Ports,
    Records,
    Section,
    ServiceRow,
    Services,
    Sources,
)
from portbook.present.list_briefs import leading_port, same_spelling
from portbook.present.port import changes, meaning
from portbook.present.port.on_record import met
from portbook.present.port.practice import program_record, use_records
from portbook.present.port.registry import about_rows, registration, unauthorized
from portbook.present.range_brief import span_of
from portbook.present.words import few, fitted, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.list_lookup import ServiceAnswer
    from portbook.app.products import Product
    from portbook.model import Assignment
    from portbook.present.document import Item


def compose_service(answer: ServiceAnswer) -> Page:
    """The page of a service name: its ports, or that it has none, and who speaks it."""
    others = same_spelling(answer)
    rows = answer.assignments if others else answer.assignments + answer.portless
    sections = (
        Section("This machine", tuple(_machine(answer)), "machine"),
        Section("What it is for", tuple(meaning.services(answer.services)), "meaning"),
        Section("Ports", tuple(_numbered(answer)), "ports"),
        Section("Without a port", tuple(_portless(answer)), "without"),
        Section("In practice", tuple(_practice(answer)), "practice"),
        Section("Security", tuple(meaning.risks(answer.services)), "security"),
        Section("Registration", tuple(_registered(rows)), "registration"),
        Section("History", tuple(_history(answer)), "history"),
        Section("Server programs", tuple(_programs(answer)), "programs"),
        Section("Sources", (Sources(answer.sources),), "sources"),
    )
    return Page(
        title=answer.name if answer.product is None else answer.product.name,
        character=_character(answer),
        states=(),
        range="",
        notes=(*answer.query.notes, *others),
        sections=tuple([section for section in sections if section.items]),
    )


def _character(answer: ServiceAnswer) -> str:
    if answer.product is not None:
        return _of_product(answer.product, leading_port(answer))
    rows = (*answer.assignments, *answer.portless)
    return (rows[0].title if rows else None) or _gist(answer) or "no description"


def heading(answer: ServiceAnswer) -> str:
    """The page's heading, which is the answer: what port the name is, or that it has none."""
    numbers = [span_of(each) for each in answer.ports]
    if not numbers:
        return f"{answer.name} has no port"
    many = len(numbers) > 1 or "–" in numbers[0]
    verb = " has" if many else " is"
    if (
        answer.product is not None or not answer.assignments
    ):  # what only people call so is registered for others
        verb = ":"
    return f"{answer.name}{verb} port{'s' if many else ''} {fitted(numbers, 40)}"


def met_there(answer: ServiceAnswer) -> str:
    """What the service is in plain words, or what people meet on its only port instead of it."""
    gist = _gist(answer)
    if gist or not answer.ports:
        return gist or "Clients learn its port from DNS (SRV records or DNS-SD)."
    first, *more = answer.ports
    said = met(first) if isinstance(first, PortAnswer) and not more else None
    return (
        f"In practice: {said}" if said and not said.lower().startswith(answer.name.lower()) else ""
    )


def _machine(answer: ServiceAnswer) -> Iterator[Item]:
    """What is on the ports of the name on this machine, and which have nothing."""
    if answer.host is None:
        return
    from portbook.present.port import this_machine

    for each in answer.ports:
        if each.host is None or not each.host.listeners:
            continue
        if isinstance(each, PortAnswer):
            yield from this_machine.seen(each, each.host)
            yield from this_machine.verdict(each.host)
        else:
            yield from this_machine.in_range(each, each.host)
    if not answer.host.listeners:
        yield from this_machine.quiet(answer.host)


def _gist(answer: ServiceAnswer) -> str | None:
    return next((named(known) for known in answer.services), None)


def _history(answer: ServiceAnswer) -> Iterator[Item]:
    if answer.product is None or answer.assignments:  # else the registry never had the name
        yield from changes.past(answer.history, answer.compared)


def _of_product(product: Product, leading: int) -> str:
    said = product.said_of(leading)
    return said.rstrip(".") if said else "no description"


def _practice(answer: ServiceAnswer) -> Iterator[Item]:
    product = answer.product
    if product is None and answer.uses:
        yield Records("Uses of its ports", use_records(answer.uses))
    elif product is not None and product.uses:
        yield Records(f"Ports of {product.name}", use_records(product.uses))
    if answer.alike:
        yield Records("Products with that name", use_records(answer.alike))


def _grouped(rows: Iterable[Assignment]) -> Iterator[tuple[Assignment, str]]:
    """Rows that differ in their transport alone, each once, with the transports."""
    grouped: dict[tuple[object, ...], tuple[Assignment, list[str]]] = {}
    for row in rows:
        key = (row.first, row.last, row.description, row.references)
        transport = row.transport or "not stated (read as tcp and udp)"
        grouped.setdefault(key, (row, []))[1].append(transport)
    for row, transports in grouped.values():
        yield row, " ".join(transports)


def _numbered(answer: ServiceAnswer) -> Iterator[Item]:
    rows = [
        PortRow(
            row.first,
            row.first if row.last is None else row.last,
            (),
            row.title or "no description",
            transports=transports,
            references=row.references,
        )
        for row, transports in _grouped(answer.assignments)
        if row.first is not None
    ]
    if rows:
        yield Ports(f"Ports of {answer.name}", tuple(rows))
        first = leading_port(answer) if answer.ports else rows[0].first
        yield Paragraph(f"More on one of them: `portbook {first}`", (first,))


def _portless(answer: ServiceAnswer) -> Iterator[Item]:
    if not answer.portless:
        return
    if answer.assignments and not same_spelling(answer):
        yield Paragraph("Also registered without a fixed port: DNS (SRV or DNS-SD) tells it.")
    else:
        yield Paragraph("No fixed port: DNS (SRV or DNS-SD) tells the port.")
    yield Services(
        tuple(
            [
                ServiceRow(
                    row.service_name or answer.name,
                    on,
                    row.title or "no description",
                    row.references,
                )
                for row, on in _grouped(answer.portless)
            ]
        )
    )


def _registered(rows: Sequence[Assignment]) -> Iterator[Item]:
    registered: dict[str, list[str]] = {}
    for row in rows:
        where = "without a port" if row.first is None else f"port {row.first}"
        over = f" ({row.transport})" if row.transport else ""
        registered.setdefault(registration(row), []).append(f"{where}{over}")
    for sentence, places in registered.items():
        unique = list(dict.fromkeys(places))
        yield Paragraph(f"{few(unique, 4)}: {sentence}.")
    yield from about_rows(rows)
    yield from unauthorized(rows)


def _programs(answer: ServiceAnswer) -> Iterator[Item]:
    if answer.programs:
        records = tuple(map(program_record, answer.programs))
        yield Records("Servers that speak it, on any port", records)
