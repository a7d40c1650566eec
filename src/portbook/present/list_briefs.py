"""The short answer to a name or a range, in the shape of a port's; and to whatever was asked."""

from __future__ import annotations

from portbook.app.list_lookup import RangeAnswer
from portbook.app.port_lookup import PortAnswer
from portbook.model import Visibility
from portbook.model.gap import hide_sockets
from portbook.present.brief import (
    COLUMNS,
    PORT_HEADER,
    Brief,
    PortLine,
    compose_brief,
    groups_of,
    who_holds,
)
from portbook.present.owners import owner_name, unseen_sentences
from portbook.present.port.on_record import in_practice, leading_service, practice_line, short_title
from portbook.present.range_brief import (
    ROOM,
    compose_range_brief,
    first_of,
    more_step,
    range_practice,
    span_of,
    worst_verdict,
)
from portbook.present.words import NextStep, cut, fitted, listed, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from portbook.app.list_lookup import ServiceAnswer
    from portbook.app.products import Product
    from portbook.model import Host
    from portbook.present.brief import Group
    from portbook.present.owners import Viewer

_MOST_ROWS = 5  # ports of a name that stand in its table
_LONGEST_OWNER = 22  # columns
_BLANKS = 6  # columns: before the port, and between the cells
_ALIKE = 52  # columns, for products that share a word with a service's name
_LEAST_ROOM = 36  # columns, for what people use a port for


def brief_of(answer: PortAnswer | ServiceAnswer | RangeAnswer, to: Viewer) -> Brief:
    """The short answer to *answer* for *to*."""
    if isinstance(answer, PortAnswer):
        return compose_brief(answer, to)
    if isinstance(answer, RangeAnswer):
        return compose_range_brief(answer, to)
    if len(answer.ports) == 1:
        (only,) = answer.ports
        if isinstance(only, PortAnswer):
            brief = _under_its_name(compose_brief(_of_name(only, answer), to), answer, only)
            remarks = (*brief.remarks, *same_spelling(answer), *named_alike(answer))
            return brief._replace(remarks=remarks)
        brief = compose_range_brief(only, to)
        return brief._replace(next=(*brief.next[:-1], more_step(answer.name)))
    return _of_ports(answer, to) if answer.ports else _of_portless(answer)


def _of_name(only: PortAnswer, answer: ServiceAnswer) -> PortAnswer:
    """*only* without what people meet there under another name: 514/tcp is no syslog."""
    named = answer.services
    if not named or len(named) == len(only.services):
        return only
    kinds = {
        transport
        for transport, standing in only.standings.items()
        if answer.name in [row.service_name for row in standing.assignments]
    }
    programs = [
        each for each in only.programs if any((only.port, kind) in each.ports for kind in kinds)
    ]
    uses = tuple([use for use in only.uses if use.transport in kinds])
    return only._replace(services=named, uses=uses, programs=tuple(programs))


def _under_its_name(brief: Brief, answer: ServiceAnswer, only: PortAnswer) -> Brief:
    """The short answer to the only port of a name, which says what the name is."""
    if only.query.address is not None:  # a URL, which nobody takes for a name
        return brief
    if answer.product is not None:
        return _of_product_on(brief, answer.product, only)
    transports = [
        str(transport)
        for transport, standing in only.standings.items()
        if answer.name in [row.service_name for row in standing.assignments]
    ]
    asked = " ".join(answer.query.text.split())
    if not transports:  # of a port that is registered for nobody, those of what people call so
        names = [(each, (each.name.lower(), *each.also_called)) for each in only.services]
        called = [str(each.transport) for each, some in names if asked.lower() in some]
        transports = list(dict.fromkeys(called))
    place = f"{only.port}/{listed(transports)}" if transports else str(only.port)
    what, service = "", leading_service(only)
    if service is not None and answer.name.lower() in map(str.lower, service.registered):
        same = service.name.lower() == asked.lower()
        what = f" ({service.gist if same else service.name})"
    if only.host is not None and only.host.listeners:
        what = ""
    return brief._replace(headline=f"{asked} is {place}{what}{_of_place(brief, only, place)}")


def _of_place(brief: Brief, only: PortAnswer, place: str) -> str:
    """What this machine has at *place*, the port of *only*, behind what the port is."""
    if brief.headline.startswith(f"{place} is "):
        return f", {brief.headline.removeprefix(f'{place} is ')}"
    if only.host is not None and only.host.listeners:
        return f"; {brief.headline}"
    return f": {brief.machine.removeprefix(f'{only.port} is ')}" if brief.machine else ""


def _of_product_on(brief: Brief, product: Product, only: PortAnswer) -> Brief:
    """The short answer to the only port of *product*, which says that the product is met there."""
    place = f"{only.port}/{listed([str(each) for each in product.transports(only.port)])}"
    said = _of_place(brief, only, place)
    name = f"{product.name} is usually on {place}"
    summary = (product.said_of(only.port) or "").rstrip(".")
    told = f"{name} ({summary}){said}"
    headline = told if summary and len(told) <= COLUMNS and "(" not in summary else f"{name}{said}"
    return brief._replace(headline=headline)


def same_spelling(answer: ServiceAnswer) -> tuple[str, ...]:
    """That what was asked for is a registered name too, of another service without a port."""
    others = [row for row in answer.portless if row.service_name != answer.name]
    if not others:
        return ()
    titles = list(dict.fromkeys(row.title for row in others if row.title))
    title = f": {listed(titles)}" if titles else ""
    return (f"{others[0].service_name} is also a registered name without a port{title}",)


def named_alike(answer: ServiceAnswer) -> tuple[str, ...]:
    """Which products have in their names what was asked for, and where one finds them all."""
    places: dict[str, str] = {}
    for use in sorted(answer.alike, key=lambda use: ("(" in use.product, use.rank)):
        base = use.product.partition(" (")[0]  # its parts have their own ports
        places.setdefault(base, f"{base} on {use.first}")
    if not places:
        return ()
    return (f"products with that name: {fitted(list(places.values()), _ALIKE)}",)


# -- a name of several ports ------------------------------------------------------------------


def _of_ports(answer: ServiceAnswer, to: Viewer) -> Brief:
    product = answer.product
    prominence = _prominence(answer)
    leading = max(answer.ports, key=prominence)
    in_use = [each for each in answer.ports if each.host is not None and each.host.listeners]
    numbers = [span_of(each) for each in answer.ports]
    rows_there = [row for row in answer.assignments if row.first == first_of(leading)]
    called = [known.name for known in answer.services if known.first == first_of(leading)]
    met = called[0] if called and answer.assignments and not rows_there else None
    title = short_title(rows_there[0]) if rows_there else met
    same = title is not None and title.casefold() == answer.name.casefold()
    name = f"{answer.name} · {title}" if title and not same else title or answer.name
    machine = None if answer.host is None else _of_machine(answer.host, in_use)
    order = sorted(answer.ports, key=prominence, reverse=True)[:_MOST_ROWS]
    rows = _port_lines([each for each in answer.ports if each in order], to, answer)
    left = len(answer.ports) - len(rows)
    headline = f"{name}: {machine or f'ports {fitted(numbers, 40)}'}"
    if product is not None:
        firsts = {first for first, _ in product.spans}
        own = [each for each in answer.ports if first_of(each) in firsts]
        numbers = [span_of(each) for each in sorted(own, key=prominence, reverse=True)]
        machine = None if answer.host is None else _of_its_ports(answer.host, in_use)
        said = "" if machine is None else f": {machine}"
        usual = f"{product.name} is usually on {numbers[0]}"
        also = f", also on {fitted(numbers[1:], 24)}" if numbers[1:] else ""
        headline = f"{usual}{also}{said}"
        headline = headline if len(headline) <= COLUMNS else f"{usual}{said}"
    return Brief(
        headline=headline,
        machine=machine,
        practice=f"{plural(left, 'more port')}: --full lists {'it' if left == 1 else 'them'}"
        if left
        else None,
        registry=_registered(answer, numbers),
        verdict=worst_verdict(answer.host, in_use),
        reach=None,
        next=(
            *_next(in_use, first_of(leading)),
            more_step(answer.name if product is None else _quoted(answer.query.text)),
        ),
        note=None,
        remarks=(*answer.query.notes, *same_spelling(answer), *named_alike(answer)),
        unseen=unseen_sentences(answer.host),
        ports=tuple(rows),
    )


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(" ".join(text.split()))


def _registered(answer: ServiceAnswer, numbers: Sequence[str]) -> str:
    """How the registry has the name, whose ports in practice may all be registered for nobody."""
    transports = dict.fromkeys(row.transport or "any" for row in answer.assignments)
    if answer.product is not None and not answer.portless and not answer.assignments:
        return "not a registered name"
    if not transports:
        return f"no port registered{'; a name without a port (DNS-SD)' if answer.portless else ''}"
    firsts = {row.first for row in answer.assignments}
    own = [each for each in answer.ports if first_of(each) in firsts]
    numbers = [span_of(each) for each in own] or numbers
    also = "; also without a port (DNS-SD)" if answer.portless else ""
    of = f"{answer.name} on " if answer.product is not None else ""
    return f"{of}{fitted(numbers, 40)}, {listed(transports)}{also}"


def leading_port(answer: ServiceAnswer) -> int:
    """The port of the name that people use most: it is in use here, or most programs use it."""
    return first_of(max(answer.ports, key=_prominence(answer)))


def _prominence(answer: ServiceAnswer) -> Callable[[PortAnswer | RangeAnswer], tuple[int, ...]]:
    """How much a port of the name matters to whoever asks: what the product is known by; else in
    use here, then where people are known to meet the service, then by what uses the port.
    """
    product = answer.product
    if product is not None:
        return lambda one: (-product.place(first_of(one)), -first_of(one))
    met = dict.fromkeys([known.first for known in answer.services], 1)
    met |= dict.fromkeys([known.first for known in answer.services if known.people], 2)

    def matters(one: PortAnswer | RangeAnswer) -> tuple[int, ...]:
        in_use = one.host is not None and bool(one.host.listeners)
        narrow = {use.product for use in one.uses if use.leads}
        return in_use, met.get(first_of(one), 0), len(narrow), -first_of(one)

    return matters


def _port_lines(
    answers: Sequence[PortAnswer | RangeAnswer], to: Viewer, answer: ServiceAnswer
) -> list[PortLine]:
    """A line for each port; what people use it for in the columns that the longest cell leaves.

    What the product does there, where *answer* is about one.
    """
    cells = [_cell(each, to) for each in answers]
    spans = [span_of(each) for each in answers]
    port, machine, _ = PORT_HEADER
    taken = _BLANKS + max(map(len, [port, *spans]))
    taken += max([len(cell or "") for cell in (machine, *cells)])
    room = max(COLUMNS - taken, _LEAST_ROOM)
    return [
        PortLine(
            span,
            cell,
            _practice(each, room, answer),
        )
        for each, span, cell in zip(answers, spans, cells, strict=True)
    ]


def _practice(answer: PortAnswer | RangeAnswer, room: int, asked: ServiceAnswer) -> str | None:
    product = asked.product
    if product is not None and (said := product.said_of(first_of(answer))):
        return cut(said.rstrip("."), room)
    rows = [row for row in asked.assignments if row.first == first_of(answer)]
    if product is not None and rows:  # that of the registered name, which is something else
        title = short_title(rows[0])
        same = not title or title.casefold() == asked.name.casefold()
        return cut(f"registered as {asked.name}{'' if same else f': {title}'}", room)
    if isinstance(answer, RangeAnswer):
        return range_practice(answer, room)
    met = answer.services[0].name if answer.services else None
    if met and not in_practice(answer).leading:  # it says more than products of wide spans
        return met
    return practice_line(answer, room)


def _cell(answer: PortAnswer | RangeAnswer, to: Viewer) -> str | None:
    """What a port is to this machine, in a cell of a table."""
    host = answer.host
    if host is None:
        return None
    groups = groups_of(host.listeners)
    if len(groups) == 1:
        (group,) = groups
        state = "in use" if group.listens else "bound"
        return f"{state}: {_in_short(group, to)}"
    if groups:
        return f"in use by {len(groups)} programs"
    if answer.redirects:
        return f"redirected to {answer.redirects[0].to}"
    if isinstance(answer, PortAnswer) and answer.connections:
        return "held by a connection"
    return "free" if not hide_sockets(host.missing) else "nothing seen"


def _in_short(group: Group, to: Viewer) -> str:
    owners = group.first.ownership.owners
    if not owners:
        return who_holds(group, to)
    name = owner_name(owners[0])
    name = name if len(name) <= _LONGEST_OWNER else f"{name[: _LONGEST_OWNER - 1]}…"
    return f"{name} (pid {owners[0].pid})" if owners[0].pid else name


def _of_machine(host: Host, in_use: Sequence[PortAnswer | RangeAnswer]) -> str:
    if in_use:
        return f"in use on {fitted([span_of(each) for each in in_use], 40)}"
    if host.visibility is Visibility.FULL or not hide_sockets(host.missing):
        return "not in use on this machine"
    return "not seen in use on this machine"


def _of_its_ports(host: Host, in_use: Sequence[PortAnswer | RangeAnswer]) -> str:
    if in_use:
        return f"{fitted([span_of(each) for each in in_use], 24)} in use on this machine"
    return f"none{_of_machine(host, in_use).removeprefix('not')}"


def _next(in_use: Sequence[PortAnswer | RangeAnswer], leading: int) -> Iterator[NextStep]:
    for one in in_use if len(in_use) == 1 else ():
        listeners = one.host.listeners if one.host is not None else ()
        if any(each.ownership.owners for each in listeners):
            yield NextStep("Stop it", f"portbook stop {first_of(one)}")
    yield NextStep("One of them", f"portbook {leading}")


# -- a name without a port --------------------------------------------------------------------


def _of_portless(answer: ServiceAnswer) -> Brief:
    title = next((row.title for row in answer.portless if row.title), None)
    name = f"{answer.name} · {title}" if title else answer.name
    products = [each.product for each in answer.programs]
    steps = (NextStep("Search", f"portbook search {answer.name}"), more_step(answer.name))
    return Brief(
        headline=f"{name}: a name without a port",
        machine=None,
        practice=fitted(products, ROOM) if products else None,
        registry="no port; found through DNS (SRV records or DNS-SD)",
        verdict=None,
        reach=None,
        next=steps,
        remarks=answer.query.notes,
    )
