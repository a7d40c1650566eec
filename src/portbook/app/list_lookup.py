"""The answers that list ports: a range in short, the ports of a service, the longest blocks."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.port_lookup import PortAnswer, answer_port
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.model import (
    Block,
    Finding,
    Host,
    Source,
    State,
    Transport,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from portbook.app.listen import ScanOptions
    from portbook.app.products import Product
    from portbook.catalog import Catalog
    from portbook.catalog.registry.history import Change, Compared
    from portbook.host.firewall.redirects import Redirect
    from portbook.host.host_reader import HostReader
    from portbook.model import (
        Assignment,
        KnownService,
        Program,
        Report,
        SystemRule,
        Use,
    )


class ServiceAnswer(NamedTuple):
    """All rows of one service name: those with a port, and those that the registry gives none.

    ``history`` is in which changes between the copies of the registry that were ``compared`` the
    name came, went or gave way to another, the oldest first. ``programs`` are those that speak it.
    ``ports`` are the answers for its ports and spans of ports, in order, and ``uses`` what people
    use these for; ``host`` is this machine with all of them, None where it was left out.
    ``product`` is set where the name is no service's, but a product's, or where nobody is known to
    use the service; ``alike`` are the uses of products that have the name in their own.
    """

    query: Query
    name: str
    assignments: tuple[Assignment, ...]
    portless: tuple[Assignment, ...]
    sources: tuple[Source, ...]
    history: tuple[Change, ...] = ()
    compared: Compared | None = None
    programs: tuple[Program, ...] = ()
    ports: tuple[PortAnswer | RangeAnswer, ...] = ()
    uses: tuple[Use, ...] = ()
    host: Host | None = None
    findings: tuple[Finding, ...] = ()
    product: Product | None = None
    alike: tuple[Use, ...] = ()

    @property
    def services(self) -> tuple[KnownService, ...]:
        """What people meet under the name, on any of its ports."""
        name = self.name.lower()
        met = [known for each in self.ports for known in each.services]
        registered = [known for known in met if name in map(str.lower, known.registered)]
        called = [known for known in met if known.name.lower() == name or name in known.also_called]
        return tuple(dict.fromkeys([*registered, *called]))


class RangeAnswer(NamedTuple):
    """A run of ports in short: what stands in it, block by block, and what listens there.

    ``counts`` are ports by headline state, or by state where one transport was asked about;
    ``blocks`` are whole, also where they reach beyond the range. ``uses``, ``programs`` and
    ``abuse`` are of its ports. ``most_serious`` is the answer for the port with the most serious
    finding; ``systems`` are those that hand out ports of it by default. ``services`` are those
    whose ports are this range, or more than it.
    """

    query: Query
    first: int
    last: int
    transport: Transport | None
    counts: Mapping[State, int]
    assignments: tuple[Assignment, ...]
    blocks: tuple[Block, ...]
    host: Host | None
    findings: tuple[Finding, ...]
    sources: tuple[Source, ...]
    redirects: tuple[Redirect, ...] = ()
    uses: tuple[Use, ...] = ()
    programs: tuple[Program, ...] = ()
    abuse: tuple[Report, ...] = ()
    most_serious: PortAnswer | None = None
    systems: tuple[SystemRule, ...] = ()
    services: tuple[KnownService, ...] = ()


class BlocksAnswer(NamedTuple):
    """The blocks of a state, or of all, in one range or in all, the longest first."""

    blocks: tuple[Block, ...]
    state: State | None
    range_name: str | None
    sources: tuple[Source, ...]


def answer_blocks(
    catalog: Catalog, state: State | None = None, range_name: str | None = None
) -> BlocksAnswer:
    """The blocks of *state* in the range of that name, the longest first."""
    book = catalog.registry
    blocks = sorted(book.blocks(state, range_name), key=lambda block: (-block.size, block.first))
    return BlocksAnswer(tuple(blocks), state, range_name, book.sources())


def answer_range(
    query: Query,
    catalog: Catalog,
    depth: ScanOptions | None = None,
    host: HostReader | None = None,
) -> RangeAnswer:
    """What stands in the range of *query*, in short."""
    first, last, transport = query.first, query.last, query.transport
    book = catalog.registry
    blocks = tuple(block for block in book.blocks() if block.first <= last and block.last >= first)
    counts = dict.fromkeys(State, 0)
    if transport is None:
        for block in blocks:
            counts[block.state] += min(block.last, last) - max(block.first, first) + 1
    else:
        for port in range(first, last + 1):
            counts[book.standing(port, transport).state] += 1
    # A row that states no transport but names a service is read as tcp and udp.
    everyday = transport in (Transport.TCP, Transport.UDP)
    assignments = tuple(
        row
        for row in book.rows(first, last)
        if row.state is State.ASSIGNED
        and (transport in (None, row.transport) or (row.transport is None and everyday))
    )
    from portbook.app.host_lookup import findings_of, host_sources, look_at

    practice = catalog.practice
    seen, redirects = look_at(query, catalog, depth, host)
    return RangeAnswer(
        query=query,
        first=first,
        last=last,
        transport=transport,
        counts=counts,
        assignments=assignments,
        blocks=blocks,
        host=seen,
        findings=findings_of(seen),
        sources=(*book.sources(), *practice.sources()[:3], *host_sources(seen)),
        redirects=redirects,
        uses=practice.uses_within(first, last, transport),
        programs=tuple([each for each in practice.programs() if _defaults_within(each, query)]),
        abuse=practice.abuse_within(first, last, transport),
        most_serious=_most_serious(query, seen, catalog),
        systems=tuple([rule for rule in practice.system_rules() if rule.hands_out(first, last)]),
        services=tuple(
            [known for known in practice.lookup_services(first, transport) if known.last >= last]
        ),
    )


def _defaults_within(program: Program, query: Query) -> bool:
    return any(
        query.first <= port <= query.last and query.transport in (None, kind)
        for port, kind in program.ports
    )


def _most_serious(query: Query, seen: Host | None, catalog: Catalog) -> PortAnswer | None:
    """The answer for *seen*'s port of the most serious finding; None where nothing is bound."""
    if seen is None or not seen.listeners:
        return None
    port = max(seen.listeners, key=lambda each: each.assessment.urgency).socket.port
    bound = tuple([each for each in seen.listeners if each.socket.port == port])
    one = answer_port(query._replace(kind=QueryKind.PORT, first=port, last=port), catalog)
    return one._replace(host=seen._replace(listeners=bound))


def answer_service(
    query: Query,
    rows: tuple[Assignment, ...],
    catalog: Catalog,
    depth: ScanOptions | None,
    host: HostReader | None,
    called: tuple[KnownService, ...] = (),
    product: Product | None = None,
    alike: tuple[Use, ...] = (),
) -> ServiceAnswer:
    """The answer for the service of *rows*: its ports, what runs on them, and what became of it.

    *called* are the ports of what people call so: SMB's of CIFS, which has another one too; or
    *product* is what they mean, or *alike* are the uses of what has the name in its own.
    """
    name = rows[0].service_name or query.text
    numbered = tuple(row for row in rows if row.first is not None)
    portless = tuple(row for row in rows if row.first is None)
    spans = {(row.first, row.first if row.last is None else row.last) for row in numbered}
    spans |= {(each.first, each.last) for each in called}
    spans |= product.spans if product is not None else set()
    found = _answer_name(query, name, numbered, portless, spans, catalog, depth, host)
    uses = found.uses if product is None else product.uses
    told = any(each.id == "lore-uses" for each in found.sources)
    sources = (*found.sources, *(() if told or not alike else _source_of_uses(catalog)))
    return found._replace(product=product, alike=alike, uses=uses, sources=sources)


def _source_of_uses(catalog: Catalog) -> tuple[Source, ...]:
    return tuple([each for each in catalog.practice.sources() if each.id == "lore-uses"])


def answer_called(
    query: Query,
    called: tuple[KnownService, ...],
    portless: tuple[Assignment, ...],
    catalog: Catalog,
    depth: ScanOptions | None,
    host: HostReader | None,
) -> ServiceAnswer:
    """The answer for the service that people call the text of *query*.

    *called* are its ports, *portless* the rows of a registered name that is spelled the same.
    """
    rows = [row for each in called for row in catalog.registry.lookup(each.first, each.transport)]
    own = {each.lower() for known in called for each in known.registered}
    # The port may be registered for another service, of which people never heard.
    name = next((row.service_name for row in rows if (row.service_name or "").lower() in own), None)
    name = name or " ".join(query.text.split())
    numbered = tuple(dict.fromkeys(row for row in rows if row.service_name == name))
    spans = {(each.first, each.last) for each in called}
    return _answer_name(query, name, numbered, portless, spans, catalog, depth, host)


def answer_product(
    query: Query,
    product: Product,
    portless: tuple[Assignment, ...],
    catalog: Catalog,
    depth: ScanOptions | None,
    host: HostReader | None,
) -> ServiceAnswer:
    """The answer for *product*, whose name no service with a port has.

    *portless* are the rows of a registered name that is spelled the same.
    """
    found = _answer_name(query, product.name, (), portless, product.spans, catalog, depth, host)
    return found._replace(product=product, programs=product.programs or found.programs)


def _answer_name(
    query: Query,
    name: str,
    numbered: tuple[Assignment, ...],
    portless: tuple[Assignment, ...],
    spans: AbstractSet[tuple[int | None, int | None]],
    catalog: Catalog,
    depth: ScanOptions | None,
    host: HostReader | None,
) -> ServiceAnswer:
    from portbook.app.host_lookup import findings_of, host_sources, join_hosts

    past, practice = catalog.history, catalog.practice
    changes = tuple(sorted(past.of_name(name), key=lambda change: change.until))
    programs = practice.programs_for(name)
    ports = tuple(_answer_spans(query, spans, catalog, depth, host))
    uses = tuple(dict.fromkeys(use for each in ports for use in each.uses))
    seen = join_hosts([each.host for each in ports if each.host is not None])
    used = {"lore-programs": bool(programs), "lore-uses": bool(uses)}
    return ServiceAnswer(
        query=query,
        name=name,
        assignments=numbered,
        portless=portless,
        sources=(
            *catalog.registry.sources(),
            past.source(),
            *(each for each in practice.sources() if used.get(each.id)),
            *host_sources(seen),
        ),
        history=changes,
        compared=past.compared(),
        programs=programs,
        ports=ports,
        uses=uses,
        host=seen,
        findings=findings_of(seen),
    )


def _answer_spans(
    query: Query,
    spans: AbstractSet[tuple[int | None, int | None]],
    catalog: Catalog,
    depth: ScanOptions | None,
    host: HostReader | None,
) -> Iterator[PortAnswer | RangeAnswer]:
    """The answers for the ports and spans of ports *spans*, in order."""
    for first, last in sorted((first, last) for first, last in spans if first is not None):
        one = query._replace(first=first, last=last or first)
        if first == last:
            one = one._replace(kind=QueryKind.PORT)
            yield answer_port(one, catalog, depth, short=True, host=host)
        else:
            yield answer_range(one._replace(kind=QueryKind.RANGE), catalog, depth, host)
