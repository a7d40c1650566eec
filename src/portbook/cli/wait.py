"""``portbook wait``."""

from __future__ import annotations

import sys
import time

from portbook.app.bind.addresses import numeric_host
from portbook.app.failed import Place, place_of
from portbook.app.wait import WaitRequest, wait_here
from portbook.cli import complain
from portbook.cli.given import joined, one_port
from portbook.cli.help import Parser, add_json
from portbook.cli.progress import StatusLine
from portbook.cli.terminal import print_answers, style
from portbook.errors import InvalidQuery, shown
from portbook.model.gap import hide_sockets
from portbook.present.owners import viewer
from portbook.present.phrases import gap_sentences
from portbook.present.views import wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from portbook.app.wait import Waited
    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Waits until something listens on every port that is named; 1 where the time ran out.

    Raises InvalidQuery.
    """
    parser = Parser(
        "wait",
        "Wait until something listens on a port of this machine, or with --free until nothing "
        "does. In scripts, the exit status tells: 0 done, 1 timed out.",
    )
    parser.add_argument(
        "queries",
        nargs="+",
        metavar="PORT",
        help="a port (5432, 53/udp; any transport if none is given), an address of this machine "
        "with a port (127.0.0.1:8080), or a service's name; of several, all have to listen",
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
    requests = [_request(word, options, catalog) for word in joined(options.queries)]
    ended: list[Waited] = []
    began = time.monotonic()
    for request in requests:
        ended.append(waited := _wait(request, began, quiet=options.quiet))
        if waited.met is None and not options.json:
            complain(f"not seen: {next(iter(gap_sentences(waited.missing)))}")
        elif not (options.quiet or options.json):
            sys.stdout.write(wait.render_waited(waited, viewer(), style()))
            sys.stdout.flush()
    if options.json:
        from portbook.present.render.report_json import of_wait

        print_answers(list(map(of_wait, ended)))
    statuses = [_status(waited, strict=options.strict) for waited in ended]
    # That the time ran out is said before that something could not be seen.
    return next(status for status in (2, 1, 3, 0) if status in statuses)


def _request(word: str, options: argparse.Namespace, catalog: Catalog) -> WaitRequest:
    query = one_port(word, catalog)
    if query.first == 0:  # before any other port is waited for
        raise InvalidQuery("nothing can listen on port 0: give the port itself", "0")
    if place_of(query.address) not in (Place.NONE, Place.HERE):
        raise InvalidQuery(
            f"{shown(query.address or '')} is not an address of this machine: give the port alone, "
            f"{query.first}",
            query.text,
        )
    host = numeric_host(query.address)
    return WaitRequest(
        port=query.first,
        transport=query.transport,
        address=host,
        free=options.free,
        timeout=options.timeout,
    )


def _wait(request: WaitRequest, began: float, *, quiet: bool) -> Waited:
    """Waits for one port in what is left of the time since *began*; at the end it looks once."""
    rest = request
    if request.timeout is not None and request.timeout > 0:
        left = request.timeout - (time.monotonic() - began)
        rest = request._replace(timeout=min(request.timeout, max(0.0, left)))
    status = StatusLine()
    if not quiet:
        status(wait.waiting_for(rest))
    try:
        return wait_here(rest)._replace(request=request)
    finally:
        status.clear()


def _status(waited: Waited, *, strict: bool) -> int:
    if waited.met is None:
        return 2
    if not waited.met:
        return 1
    # What is there was seen; that nothing is may be because it can't be.
    hidden = waited.request.free and hide_sockets(waited.missing)
    return 3 if strict and hidden else 0
