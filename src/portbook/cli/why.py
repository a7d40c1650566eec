"""``portbook why``."""

from __future__ import annotations

import sys

from portbook.app.bind.addresses import numeric_host
from portbook.app.bind.explain_bind import why_bind
from portbook.catalog.expectations.lookup import check_named
from portbook.cli.help import Parser, add_json, add_notes
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
        "(127.0.0.1:8080), or the error that a program printed",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if part of the truth was not visible"
    )
    add_notes(parser)
    add_json(parser)
    options = parser.parse_args(list(argv))
    query = parse_query(options.query)
    if query.kind is not QueryKind.PORT:
        raise InvalidQuery(
            f"{shown(options.query)} names no single port: give one, such as 8080 or 53/udp",
            options.query,
        )
    address = numeric_host(query.address)
    if options.notes:
        check_named(catalog.expectations)
    transport = query.transport or Transport.TCP
    found = why_bind(query.first, transport, catalog, address, notes=options.notes)
    if options.json:
        from portbook.present.render.report_json import of_why

        print_json(of_why(found))
    else:
        sys.stdout.write(why.render_why(found, style()))
    if not found.bindable:
        return 1
    return 3 if options.strict and found.missing else 0
