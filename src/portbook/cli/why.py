"""``portbook why``."""

from __future__ import annotations

import sys

from portbook.app.bind.addresses import numeric_host
from portbook.app.bind.diagnose import why_bind
from portbook.app.failed import CONNECTING
from portbook.app.listen import ScanOptions
from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.app.socket_filter import read_spans
from portbook.app.topics import TopicAnswer
from portbook.catalog.expectations.lookup import check_named
from portbook.cli.given import joined, read_query
from portbook.cli.help import Parser, add_json, add_notes
from portbook.cli.progress import StatusLine
from portbook.cli.show import fails, lead_of
from portbook.cli.terminal import print_answers, style
from portbook.errors import InvalidQuery, shown
from portbook.formats.errors.query import QueryKind
from portbook.host.host_reader import THIS_HOST
from portbook.model import Transport
from portbook.present.owners import viewer
from portbook.present.views import why

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import Any

    from portbook.app.bind.diagnose import Why
    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query
    from portbook.host.host_reader import HostReader


_BOTH = (Transport.TCP, Transport.UDP)
_MOST_PORTS = 128  # of a range: a bind of one takes some 50 ms


def run(argv: Sequence[str], catalog: Catalog, host: HostReader = THIS_HOST) -> int:
    """Prints why ports can or can't be bound; 1 where a bind would fail."""
    options = _parse(argv)
    if options.notes:
        check_named(catalog.expectations)
    queries = [query for word in joined(options.queries) for query in _queries(word, catalog)]
    told: list[dict[str, Any]] = []
    statuses = []
    several = len(queries) > 1
    for number, query in enumerate(queries):
        if number and not options.json:
            print()
        if query.kind is QueryKind.RANGE and query.pasted is None:
            several = True
            statuses.append(_answer_range(query, options, catalog, told, host))
        else:
            statuses.append(_answer(query, options, catalog, told, host))
    if told:
        print_answers(told, several=several)
    return 1 if 1 in statuses else max(statuses)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "why",
        "Explain why a bind fails or would succeed. It binds the port for real, for a moment.",
    )
    parser.add_argument(
        "queries",
        nargs="+",
        metavar="PORT",
        help="a port (8080, 53/udp; tcp and udp if none is given), a range (3000-3005), an "
        "address with a port ([::1]:8080), a service (ssh), or a program's error message; - reads "
        "standard input",
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="add every cause and what the kernel answered for each address",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if not everything could be seen"
    )
    add_notes(parser)
    add_json(parser)
    return parser.parse_args(list(argv))


def _answer(
    query: Query,
    options: argparse.Namespace,
    catalog: Catalog,
    told: list[dict[str, Any]],
    host: HostReader,
) -> int:
    """Prints one answer, or adds it to *told* for JSON; the exit status."""
    pasted = query.pasted is not None or query.topic is not None
    found = answer(query, catalog, ScanOptions(notes=options.notes)) if pasted else None
    if isinstance(found, TopicAnswer):
        return _tell_topic(found, told, as_json=options.json)
    if query.kind is not QueryKind.PORT:
        raise InvalidQuery(
            f"{shown(query.text)} names no single port: give one, such as 8080 or 53/udp",
            query.text,
        )
    failed = found.failed if isinstance(found, PortAnswer) else None
    refused = failed is not None and failed.failure in CONNECTING
    # A client's failure: what it connects to is asked for, not what can be bound.
    if isinstance(found, PortAnswer) and refused and not options.json:
        sys.stdout.write(lead_of(found, style()))
        return int(fails(found))
    # What failed to bind and doesn't say over what was a server of tcp.
    both = (Transport.TCP,) if pasted else _BOTH
    binds = [
        bind._replace(query=query, failed=failed)
        for bind in _binds(query, both, catalog, host, notes=options.notes)
    ]
    if options.json:
        from portbook.present.render.report_json import of_why

        told.append(of_why(binds[0]._replace(others=tuple(binds[1:]))))
    else:
        sys.stdout.write(_replaced(query) + _shown(query, binds, host, verbose=options.verbose))
    if isinstance(found, PortAnswer) and refused:
        return int(fails(found))
    return _status(binds, strict=options.strict)


def _binds(
    query: Query,
    transports: Sequence[Transport],
    catalog: Catalog,
    host: HostReader,
    *,
    notes: bool,
) -> list[Why]:
    """What a bind of the first port of *query* does on its transport, or on *transports*."""
    address = numeric_host(query.address)
    return [
        why_bind(query.first, each, catalog, address, notes=notes, host=host)
        for each in ((query.transport,) if query.transport else transports)
    ]


def _answer_range(
    query: Query,
    options: argparse.Namespace,
    catalog: Catalog,
    told: list[dict[str, Any]],
    host: HostReader,
) -> int:
    """As :func:`_answer`, for the ports of a range: those that can't be bound, then the others."""
    ports = range(query.first, query.last + 1)
    if len(ports) > _MOST_PORTS:
        raise InvalidQuery(
            f"{shown(query.text)} is {len(ports):,} ports, and each is bound for real: give at "
            f"most {_MOST_PORTS}",
            query.text,
        )
    progress = StatusLine()
    every = []
    try:
        for port in ports:
            progress(f"binding {port}")
            one = query._replace(kind=QueryKind.PORT, text=str(port), first=port, last=port)
            found = _binds(one, _BOTH, catalog, host, notes=options.notes)
            every.append([bind._replace(query=one) for bind in found])
    finally:
        progress.clear()
    if options.json:
        from portbook.present.render.report_json import of_why

        told += [of_why(first._replace(others=tuple(others))) for first, *others in every]
    elif options.verbose:
        sys.stdout.write("\n".join([why.render_why(bind, style()) for of in every for bind in of]))
    else:
        sys.stdout.write(why.render_range(every, style(), viewer()))
    return _status([bind for binds in every for bind in binds], strict=options.strict)


def _status(binds: Sequence[Why], *, strict: bool) -> int:
    if not all(bind.bindable for bind in binds):
        return 1
    return 3 if strict and any(bind.missing for bind in binds) else 0


def _shown(query: Query, binds: Sequence[Why], host: HostReader, *, verbose: bool) -> str:
    if verbose:
        return "\n".join([why.render_why(bind, style()) for bind in binds])
    from portbook.app.pick.nearby import free_beside
    from portbook.model import Host, Visibility

    held = [cause.listener for bind in binds for cause in bind.causes if cause.blocks]
    seen = Host(tuple(filter(None, held)), Visibility.FULL)
    free = free_beside(seen, query.first, query.transport, host)
    return why.render_short(binds, style(), viewer(), free)


def _queries(word: str, catalog: Catalog) -> Iterator[Query]:
    """What *word* asks about: a service stands for each of its ports."""
    query = read_query(word)
    if query.kind is not QueryKind.NAME:
        yield query
        return
    for span in read_spans(word, catalog):
        yield query._replace(
            kind=QueryKind.PORT, first=span.first, last=span.last, transport=span.transport
        )


def _tell_topic(found: TopicAnswer, told: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        from portbook.present.render import port_json

        told.append(port_json.of(found))
    else:
        from portbook.present.topics import render_topic

        sys.stdout.write(render_topic(found, style()))
    return int(found.tells_failure)


def _replaced(query: Query) -> str:
    """What is said where the address asked for isn't one: every address is looked at instead."""
    if query.address is None or numeric_host(query.address) or query.address in ("*", "+"):
        return ""
    from portbook.app.failed import Place, place_of
    from portbook.present.escape import one_line
    from portbook.present.phrases import FAILURES

    key = "invalid-address" if place_of(query.address) is Place.INVALID else "name"
    sentence = FAILURES[key].format(address=query.address, port=query.first)
    return f"{one_line(sentence)}\n\n"
