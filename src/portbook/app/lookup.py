"""The answer to a query, put together once; everything that shows one starts here.

>>> from portbook.catalog import Catalog
>>> from portbook.formats.errors.query import parse_query
>>> found = answer(parse_query("305/udp"), Catalog())
>>> found.state, found.block.first
(<State.UNASSIGNED: 'unassigned'>, 301)
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.catalog.registry.lookup import TRANSPORTS, headline
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.model import (
    Block,
    Finding,
    Host,
    Neighbour,
    PortRange,
    Source,
    Standing,
    State,
    Transport,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.app.failed import Failed
    from portbook.app.listen import Depth
    from portbook.app.related import Related
    from portbook.app.search import SearchAnswer
    from portbook.app.topics import TopicAnswer
    from portbook.catalog import Catalog
    from portbook.catalog.registry.history import Change, Compared, History
    from portbook.host.firewall.rules import Redirect
    from portbook.host.host_reader import HostReader
    from portbook.host.linux.connections import Connection
    from portbook.model import (
        Assignment,
        Program,
        Report,
        SystemRule,
        Use,
    )


class PortAnswer(NamedTuple):
    """All that is known of one port; ``host`` is None where this machine was left out.

    ``standings`` holds the transports that were asked about; ``state`` is the headline state
    over all four. ``findings`` repeats those of the listeners. ``redirects`` are the NAT rules
    that hold for the port: looked for where everything was asked for, or where nothing is bound
    and this user may see them. ``history`` is what changed between the copies of the registry
    that were ``compared``. ``connections`` are those that have the port as their local one; None
    where they weren't looked for, as on a port on which something is bound. ``programs`` have the
    port as a default of theirs. ``free_port`` is the next on which nothing is bound here, where
    the port is in use. ``failed`` is what a pasted text said went wrong with the port.

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
    connections: tuple[Connection, ...] | None = None
    programs: tuple[Program, ...] = ()
    free_port: int | None = None
    related: Related | None = None
    number: PortAnswer | None = None
    failed: Failed | None = None
    elsewhere: bool = False


class ServiceAnswer(NamedTuple):
    """All rows of one service name: those with a port, and those that the registry gives none.

    ``history`` is in which changes between the copies of the registry that were ``compared`` the
    name came, went or gave way to another, the oldest first. ``programs`` are those that speak it.
    ``ports`` are the answers for its ports and spans of ports, in order, and ``uses`` what people
    use these for; ``host`` is this machine with all of them, None where it was left out.
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


class RangeAnswer(NamedTuple):
    """A run of ports in short: what stands in it, block by block, and what listens there.

    ``counts`` are ports by headline state, or by state where one transport was asked about;
    ``blocks`` are whole, also where they reach beyond the range. ``uses``, ``programs`` and
    ``abuse`` are of its ports. ``gravest`` is the answer for the port that has the gravest finding.
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
    gravest: PortAnswer | None = None


if TYPE_CHECKING:
    Answer = PortAnswer | ServiceAnswer | SearchAnswer | RangeAnswer | TopicAnswer


def answer(
    query: Query,
    catalog: Catalog,
    depth: Depth | None = None,
    *,
    short: bool = False,
    whole: bool = False,
    host: HostReader | None = None,
) -> Answer:
    """The answer to *query*, with *host* as deep as *depth* says; without one it is left out.

    *host* is this machine, unless another is given.

    *short* leaves out what the short answer to a port doesn't say, *whole* adds what is related to
    the port: both as in :func:`answer_port`.

    Raises DataMissing or DataCorrupt where a data file can't be used.
    """
    if query.kind is QueryKind.PORT:
        return answer_port(query, catalog, depth, short=short, whole=whole, host=host)
    if query.kind is QueryKind.RANGE:
        return answer_range(query, catalog, depth, host)
    if query.pasted is not None or query.topic is not None:
        from portbook.app.topics import answer_topic, topic_of

        topic = topic_of(query)
        if topic is not None:
            return answer_topic(topic, query, catalog, depth, host)
    rows = catalog.registry.named(query.text) if query.kind is QueryKind.NAME else ()
    if not rows and "/" in query.text:
        port = _with_transport(query, catalog)
        if port is not None:
            return answer_port(port, catalog, depth, short=short, whole=whole, host=host)
    if rows:
        return _answer_service(query, rows, catalog, depth, host)
    from portbook.app.search import answer_search, own_notes

    own = own_notes(query.text, catalog) if depth is not None and depth.notes else None
    return answer_search(query, catalog, own=own)


def _with_transport(query: Query, catalog: Catalog) -> Query | None:
    """The query for the one port of ``ssh/tcp``; None where *query* is no such name."""
    ports = port_of_name(query, catalog) if "/" in query.text else ()
    return ports[0] if len(ports) == 1 else None


def port_of_name(query: Query, catalog: Catalog) -> tuple[Query, ...]:
    """A query for each port of the service that *query* names, as ``ssh`` or ``ssh/tcp``."""
    name, transport = query.text, None
    rows = catalog.registry.named(name)
    if not rows and "/" in name:
        name, _, word = name.rpartition("/")
        if word.lower() not in [str(each) for each in Transport]:
            return ()
        transport = Transport(word.lower())
        rows = tuple(
            row for row in catalog.registry.named(name) if row.transport in (transport, None)
        )
    ports = {row.first for row in rows if row.first is not None and row.first == row.last}
    return tuple(
        query._replace(kind=QueryKind.PORT, first=port, last=port, transport=transport)
        for port in sorted(ports)
    )


def answer_port(
    query: Query,
    catalog: Catalog,
    depth: Depth | None = None,
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
    seen, connections, free = None, None, None
    redirects: tuple[Redirect, ...] = ()
    findings: tuple[Finding, ...] = ()
    if depth is not None and not elsewhere:
        from portbook.app.host_lookup import connections_on, findings_of, free_port, look_at

        seen, redirects = look_at(query, catalog, depth, host)
        seen, connections = connections_on(seen, port, transport, depth, host)
        findings = findings_of(seen)
        free = free_port(seen, port, transport, host)
    found = PortAnswer(
        query,
        port,
        PortRange.of(port),
        headline(all_four),
        {each: all_four[each] for each in asked},
        book.block(port),
        before,
        after,
        on_record.lookup_uses(port, transport),
        on_record.lookup_abuse(port, transport),
        # Browsers speak HTTP over tcp, and over udp with QUIC.
        transport not in (Transport.SCTP, Transport.DCCP) and on_record.browser_blocked(port),
        () if short else on_record.system_rules(),
        seen,
        findings,
        (),
        redirects,
        connections=connections,
        programs=on_record.programs_on(port, transport),
        free_port=free,
        elsewhere=elsewhere,
    )
    if whole and transport is not None:
        number = answer_port(query._replace(transport=None), catalog, whole=True)
        found = found._replace(number=number)
    elif whole:
        from portbook.app.related import related

        found = found._replace(related=related(port, all_four, found.programs, catalog))
    if query.pasted is not None and query.pasted.failure is not None:
        from portbook.app.failed import add_more, weigh

        failed = weigh(query, seen, held=bool(connections))
        found = found._replace(failed=add_more(failed, query, catalog, depth, host))
    if short:
        return found
    past = None
    if found.state is not State.DYNAMIC:  # RFC 6335 §6: never assigned, so nothing could change
        past = catalog.history
        changes = past.of_port(port)
        if transport is not None:
            changes = tuple([each for each in changes if transport in each.transports])
        found = found._replace(history=changes, compared=past.compared())
    return found._replace(sources=_sources(found, catalog, past))


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
        "lore-names": False,
        "lore-browsers": found.browser_blocked,
        "lore-systems": bool(found.systems),
        "lore-programs": bool(found.programs)
        or bool(found.number or found.related)
        or any(listener.ownership.owners for listener in listeners),
    }
    of_changes = (past.source(),) if past else ()
    sources = [*catalog.registry.sources(), *of_changes, *catalog.practice.sources()]
    sources = [source for source in sources if said.get(source.id, True)]
    if found.host is not None:
        from portbook.app.host_lookup import host_sources

        sources += host_sources(found.host)
    return tuple(sources)


def longest_blocks(
    catalog: Catalog, state: State | None = None, range_name: str | None = None
) -> tuple[Block, ...]:
    """The blocks of *state* in the range of that name, the longest first."""
    found = catalog.registry.blocks(state, range_name)
    return tuple(sorted(found, key=lambda block: (-block.size, block.first)))


def answer_range(
    query: Query,
    catalog: Catalog,
    depth: Depth | None = None,
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
        query,
        first,
        last,
        transport,
        counts,
        assignments,
        blocks,
        seen,
        findings_of(seen),
        (*book.sources(), *practice.sources()[:3], *host_sources(seen)),
        redirects,
        practice.uses_within(first, last, transport),
        tuple([each for each in practice.programs() if _defaults_within(each, query)]),
        practice.abuse_within(first, last, transport),
        _gravest(query, seen, catalog),
    )


def _defaults_within(program: Program, query: Query) -> bool:
    return any(
        query.first <= port <= query.last and query.transport in (None, kind)
        for port, kind in program.ports
    )


def _gravest(query: Query, seen: Host | None, catalog: Catalog) -> PortAnswer | None:
    """The answer for the port of *seen* with the gravest finding; None where nothing is bound."""
    if seen is None or not seen.listeners:
        return None
    port = max(seen.listeners, key=lambda each: each.assessment.gravity).socket.port
    bound = tuple([each for each in seen.listeners if each.socket.port == port])
    one = answer_port(query._replace(kind=QueryKind.PORT, first=port, last=port), catalog)
    return one._replace(host=seen._replace(listeners=bound))


def _answer_service(
    query: Query,
    rows: tuple[Assignment, ...],
    catalog: Catalog,
    depth: Depth | None,
    host: HostReader | None,
) -> ServiceAnswer:
    from portbook.app.host_lookup import findings_of, host_sources, join_hosts

    name = rows[0].service_name or query.text
    numbered = tuple(row for row in rows if row.first is not None)
    portless = tuple(row for row in rows if row.first is None)
    past, practice = catalog.history, catalog.practice
    changes = tuple(sorted(past.of_name(name), key=lambda change: change.until))
    programs = practice.programs_for(name)
    ports = tuple(_answer_rows(query, numbered, catalog, depth, host))
    uses = tuple(dict.fromkeys(use for each in ports for use in each.uses))
    seen = join_hosts([each.host for each in ports if each.host is not None])
    used = {"lore-programs": bool(programs), "lore-uses": bool(uses)}
    return ServiceAnswer(
        query,
        name,
        numbered,
        portless,
        (
            *catalog.registry.sources(),
            past.source(),
            *(each for each in practice.sources() if used.get(each.id)),
            *host_sources(seen),
        ),
        changes,
        past.compared(),
        programs,
        ports,
        uses,
        seen,
        findings_of(seen),
    )


def _answer_rows(
    query: Query,
    rows: Iterable[Assignment],
    catalog: Catalog,
    depth: Depth | None,
    host: HostReader | None,
) -> Iterator[PortAnswer | RangeAnswer]:
    """The answers for the ports of *rows*, and for their spans, each once and in order."""
    spans = {(row.first, row.first if row.last is None else row.last) for row in rows}
    for first, last in sorted((first, last) for first, last in spans if first is not None):
        one = query._replace(first=first, last=last or first)
        if first == last:
            one = one._replace(kind=QueryKind.PORT)
            yield answer_port(one, catalog, depth, short=True, host=host)
        else:
            yield answer_range(one._replace(kind=QueryKind.RANGE), catalog, depth, host)
