"""The answer for one port: all that is on record of it, and what this machine does with it."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.catalog.registry.lookup import TRANSPORTS, headline
from portbook.model import (
    Block,
    Neighbour,
    PortRange,
    Source,
    Standing,
    State,
    Transport,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from portbook.app.failed import Failed
    from portbook.app.listen import ScanOptions
    from portbook.app.related import Related
    from portbook.catalog import Catalog
    from portbook.catalog.registry.documents import Document, Listing
    from portbook.catalog.registry.history import Change, Compared, History
    from portbook.formats.errors.query import Query
    from portbook.host.firewall.redirects import Redirect
    from portbook.host.host_reader import HostReader
    from portbook.host.linux.connections import Connection
    from portbook.model import (
        Finding,
        Host,
        KnownService,
        Program,
        Report,
        SystemRule,
        Use,
    )


class PortAnswer(NamedTuple):
    """All that is known of one port; ``host`` is None where this machine was left out.

    ``standings`` holds the transports that were asked about; ``state`` is the headline state
    over all four. ``abuse`` has the reports on other transports of the number as well, last.
    ``findings`` repeats those of the listeners. ``redirects`` are the NAT rules
    that hold for the port: looked for where everything was asked for, or where nothing is bound
    and this user may see them. ``history`` is what changed between the copies of the registry
    that were ``compared``, ``listings`` what the Assigned Numbers RFCs had for the port before, and
    ``documents`` are the RFCs that the registry and the services cite.

    ``connections`` are those that have the port as their local one; None where they weren't looked
    for, as on a port on which something is bound. ``programs`` have the port as a default of
    theirs; ``services`` say what it is for. ``free_port`` is the next on which nothing is bound
    here, where the port is in use. ``failed`` is what a pasted text says failed on the port.
    ``clients`` are the other ends of connections to what listens; None where nobody asked.

    A whole answer has what is ``related``, which takes reading the whole registry. Where one
    transport was asked about, ``number`` is the whole answer about all four instead.
    """

    query: Query
    port: int
    range: PortRange
    state: State
    standings: Mapping[Transport, Standing]
    block: Block
    before: tuple[Neighbour, ...]
    after: tuple[Neighbour, ...]
    uses: tuple[Use, ...]
    abuse: tuple[Report, ...]
    browser_blocked: bool
    systems: tuple[SystemRule, ...]
    host: Host | None
    findings: tuple[Finding, ...]
    sources: tuple[Source, ...]
    redirects: tuple[Redirect, ...] = ()
    history: tuple[Change, ...] = ()
    compared: Compared | None = None
    listings: tuple[Listing, ...] = ()
    documents: tuple[Document, ...] = ()
    connections: tuple[Connection, ...] | None = None
    programs: tuple[Program, ...] = ()
    services: tuple[KnownService, ...] = ()
    free_port: int | None = None
    related: Related | None = None
    number: PortAnswer | None = None
    failed: Failed | None = None
    elsewhere: bool = False
    clients: tuple[Connection, ...] | None = None


def answer_port(
    query: Query,
    catalog: Catalog,
    depth: ScanOptions | None = None,
    *,
    short: bool = False,
    whole: bool = False,
    host: HostReader | None = None,
) -> PortAnswer:
    """The answer for the one port of *query*; *whole* adds what is related to it.

    *short* leaves out what :func:`portbook.present.brief.compose_brief` doesn't ask for, and what
    takes a tenth of a lookup: the neighbours, the systems' rules, the history and the sources.
    """
    port, transport = query.first, query.transport
    book, on_record = catalog.registry, catalog.practice
    all_four = book.standings(port)
    asked = TRANSPORTS if transport is None else (transport,)
    before, after = ((), ()) if short else book.neighbours(port)
    elsewhere = False
    if query.address is not None:
        from portbook.app.failed import is_elsewhere

        elsewhere = is_elsewhere(query)
    seen, connections, free, clients = None, None, None, None
    redirects: tuple[Redirect, ...] = ()
    findings: tuple[Finding, ...] = ()
    if depth is not None and not elsewhere:
        from portbook.app.host_lookup import (
            clients_of,
            connections_on,
            findings_of,
            free_port,
            look_at,
        )

        seen, redirects = look_at(query, catalog, depth, host)
        seen, connections = connections_on(seen, port, transport, depth, host)
        clients = clients_of(seen, port, transport, depth, host)
        findings = findings_of(seen)
        free = free_port(seen, port, transport, host)
    uses = on_record.lookup_uses(port, transport)
    services = on_record.lookup_services(port, transport)
    programs = on_record.programs_on(port, transport)
    beside = None
    if whole and transport is None:
        from portbook.app.related import related

        beside = related(port, all_four, programs, catalog, uses=uses, services=services)
    if len(uses) > 1 and services:  # what made the port known comes before what is built on it
        uses = tuple(sorted(uses, key=lambda use: not _is_its_own(use, services)))
    found = PortAnswer(
        query=query,
        port=port,
        range=PortRange.of(port),
        state=headline(all_four),
        standings=all_four if transport is None else {transport: all_four[transport]},
        block=book.block(port),
        before=before,
        after=after,
        uses=uses,
        # A report on another transport of the number is told as well, behind those on this one.
        abuse=tuple(
            sorted(on_record.lookup_abuse(port), key=lambda each: each.transport not in asked)
        ),
        # Browsers speak HTTP over tcp, and over udp with QUIC.
        browser_blocked=transport not in (Transport.SCTP, Transport.DCCP)
        and on_record.browser_blocked(port),
        systems=() if short else on_record.system_rules(),
        host=seen,
        findings=findings,
        sources=(),
        redirects=redirects,
        connections=connections,
        programs=programs,
        services=services,
        free_port=free,
        related=beside,
        elsewhere=elsewhere,
        clients=clients,
    )
    if whole and transport is not None:
        number = answer_port(query._replace(transport=None), catalog, whole=True)
        found = found._replace(number=number)
    if query.pasted is not None and query.pasted.failure is not None:
        from portbook.app.failed import add_more, weigh

        failed = weigh(query, seen, held=bool(connections))
        found = found._replace(failed=add_more(failed, query, catalog, depth, host))
    if short:
        return found
    past = None
    more: dict[str, Any] = {}
    if found.state is not State.DYNAMIC:  # RFC 6335 §6: never assigned, so nothing could change
        past = catalog.history
        changes = past.of_port(port)
        if transport is not None:
            changes = tuple([each for each in changes if transport in each.transports])
        more.update(history=changes, compared=past.compared())
    more["listings"], more["documents"] = _documents(found, catalog)
    return found._replace(sources=_sources(found, catalog, past), **more)


def _is_its_own(use: Use, services: tuple[KnownService, ...]) -> bool:
    """Whether *use* is of the product that one of *services* has its name from."""
    return use.leads and any(service.is_named(use.product) for service in services)


def _documents(
    found: PortAnswer, catalog: Catalog
) -> tuple[tuple[Listing, ...], tuple[Document, ...]]:
    """What old RFCs list *found* for, and those that are cited of it."""
    from portbook.catalog.registry.documents import open_documents

    of_rfcs = catalog.derived(open_documents)
    rows = [row for standing in found.standings.values() for row in standing.assignments]
    cited = [
        *[each for standing in found.standings.values() for each in standing.references],
        *[each for row in rows for each in row.references],
        *[each for known in found.services for each in known.references],
    ]
    return of_rfcs.listed_on(found.port), of_rfcs.titles_of(cited) if cited else ()


def _sources(found: PortAnswer, catalog: Catalog, past: History | None) -> tuple[Source, ...]:
    """The sources of what *found* says: what it says nothing from is left out."""
    rows = [row for standing in found.standings.values() for row in standing.assignments]
    listeners = found.host.listeners if found.host else ()
    said = {
        "iana": True,
        "iana-2015": any("registration" in row.as_of for row in rows),
        "spelling": bool(rows),
        "spelling-2018": bool(rows),
        "lore-uses": True,
        "lore-abuse": True,
        "lore-services": bool(found.services),
        "lore-names": False,
        "lore-browsers": found.browser_blocked,
        "lore-systems": bool(found.systems),
        "lore-programs": bool(found.programs)
        or bool(found.number or found.related)
        or any(listener.ownership.owners for listener in listeners),
    }
    # A few lists of sources stand on all pages.
    lists = catalog.derived(_source_lists)
    key = (past is not None, *said.values())
    if key not in lists:
        of_changes = (past.source(),) if past else ()
        sources = [*catalog.registry.sources(), *of_changes, *catalog.practice.sources()]
        lists[key] = tuple([source for source in sources if said.get(source.id, True)])
    if found.host is None:
        return lists[key]
    from portbook.app.host_lookup import host_sources

    return (*lists[key], *host_sources(found.host))


def _source_lists(_: Catalog) -> dict[tuple[bool, ...], tuple[Source, ...]]:
    """The lists of sources of a catalog, by what is said on a page."""
    return {}
