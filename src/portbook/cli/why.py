"""``portbook why``."""

from __future__ import annotations

import sys

from portbook.app.bind.addresses import numeric_host
from portbook.app.bind.explain_bind import why_bind
from portbook.app.failed import CONNECTING
from portbook.app.listen import Depth
from portbook.app.lookup import PortAnswer, answer
from portbook.app.topics import TopicAnswer
from portbook.catalog.expectations.lookup import check_named
from portbook.cli.given import standard_input
from portbook.cli.help import Parser, add_json, add_notes
from portbook.cli.show import fails, lead_of
from portbook.cli.terminal import print_json, style
from portbook.errors import InvalidQuery, shown
from portbook.formats.errors.query import (
    QueryKind,
    parse_query,
)
from portbook.model import Transport
from portbook.present.views import why

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints why a port can or can't be bound; 1 where the bind would fail."""
    parser = Parser(
        "why",
        "Why a bind fails or would succeed: the port is bound for real, for a moment, and every "
        "cause that can be seen is named with its mend.",
    )
    parser.add_argument(
        "query",
        metavar="PORT",
        help="a port (8080, 53/udp; tcp if none is given), an address with a port "
        "(127.0.0.1:8080), or the error that a program printed; - reads it from standard input",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if part of the truth was not visible"
    )
    add_notes(parser)
    add_json(parser)
    options = parser.parse_args(list(argv))
    query = _query(options.query)
    if options.notes:
        check_named(catalog.expectations)
    asked = query.pasted is not None or query.topic is not None
    found = answer(query, catalog, Depth(notes=options.notes)) if asked else None
    if isinstance(found, TopicAnswer):
        return _tell_topic(found, as_json=options.json)
    if query.kind is not QueryKind.PORT:
        raise InvalidQuery(
            f"{shown(options.query)} names no single port: give one, such as 8080 or 53/udp",
            options.query,
        )
    failed = found.failed if isinstance(found, PortAnswer) else None
    refused = failed is not None and failed.failure in CONNECTING
    # A client's failure: what it connects to is asked for, not what can be bound.
    if isinstance(found, PortAnswer) and refused and not options.json:
        sys.stdout.write(lead_of(found, style()))
        return int(fails(found))
    transport = query.transport or Transport.TCP
    address = numeric_host(query.address)
    bind = why_bind(query.first, transport, catalog, address, notes=options.notes)
    if options.json:
        from portbook.present.render.report_json import of_why

        print_json(of_why(bind._replace(query=query, failed=failed)))
    else:
        sys.stdout.write(_replaced(query))
        sys.stdout.write(why.render_why(bind, style()))
    if isinstance(found, PortAnswer) and refused:
        return int(fails(found))
    if not bind.bindable:
        return 1
    return 3 if options.strict and bind.missing else 0


def _query(text: str) -> Query:
    """The query in *text*, or on standard input for ``-``."""
    if text != "-":
        return parse_query(text)
    queries = list(standard_input())
    if len(queries) != 1:
        raise InvalidQuery(
            f"standard input has {len(queries)} queries: give one port, or one error message", "-"
        )
    return parse_query(queries[0])


def _tell_topic(found: TopicAnswer, *, as_json: bool) -> int:
    if as_json:
        from portbook.present.render import port_json

        print_json(port_json.of(found))
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
