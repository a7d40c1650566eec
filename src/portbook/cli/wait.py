"""``portbook wait``."""

from __future__ import annotations

import sys

from portbook.app.bind.addresses import numeric_host
from portbook.app.failed import Place, place_of
from portbook.app.wait import WaitRequest, wait_here
from portbook.cli import complain
from portbook.cli.given import one_port
from portbook.cli.help import Parser, add_json
from portbook.cli.progress import StatusLine
from portbook.cli.terminal import can_draw, print_json, style
from portbook.errors import InvalidQuery, shown
from portbook.model.gap import hide_sockets
from portbook.present.owners import viewer
from portbook.present.phrases import gap_sentences
from portbook.present.views import wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.wait import Waited
    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Waits until something listens on a port; 1 where its time ran out. Raises InvalidQuery."""
    parser = Parser(
        "wait",
        "Wait until something listens on a port of this machine, or with --free until nothing "
        "does. In scripts, the exit status tells: 0 done, 1 timed out.",
    )
    parser.add_argument(
        "query",
        metavar="PORT",
        help="a port (5432, 53/udp; any transport if none is given), an address of this machine "
        "with a port (127.0.0.1:8080), or a service's name",
    )
    parser.add_argument(
        "-f", "--free", action="store_true", help="wait until nothing is bound there"
    )
    parser.add_argument(
        "-t",
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait (default: 60; 0: look once, without waiting)",
    )
    parser.add_argument(
        "--forever", dest="timeout", action="store_const", const=None, help="wait without a limit"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if not everything could be seen"
    )
    add_json(parser)
    options = parser.parse_args(list(argv))
    query = one_port(options.query, catalog)
    if place_of(query.address) not in (Place.NONE, Place.HERE):
        raise InvalidQuery(
            f"{shown(query.address or '')} is not an address of this machine: give the port alone, "
            f"{query.first}",
            query.text,
        )
    request = WaitRequest(
        query.first,
        query.transport,
        numeric_host(query.address),
        options.free,
        options.timeout,
    )
    status = StatusLine()
    if can_draw(sys.stderr) and not options.quiet:
        status(wait.waiting_for(request))
    try:
        waited = wait_here(request)
    finally:
        status.clear()
    if options.json:
        from portbook.present.render.report_json import of_wait

        print_json(of_wait(waited))
    elif waited.met is None:
        complain(f"not seen: {next(iter(gap_sentences(waited.missing)))}")
    elif not options.quiet:
        sys.stdout.write(wait.render_waited(waited, viewer(), style()))
    return _status(waited, strict=options.strict)


def _status(waited: Waited, *, strict: bool) -> int:
    if waited.met is None:
        return 2
    if not waited.met:
        return 1
    # What is there was seen; that nothing is may be because it can't be.
    hidden = waited.request.free and hide_sockets(waited.missing)
    return 3 if strict and hidden else 0
