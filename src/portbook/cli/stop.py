"""``portbook stop``."""

from __future__ import annotations

import sys

from portbook.app.bind.addresses import numeric_host
from portbook.app.stop import collect
from portbook.app.stop.executor import GOOD, Way
from portbook.cli.help import Parser, add_json
from portbook.cli.progress import StatusLine
from portbook.cli.terminal import print_json, style
from portbook.errors import InvalidQuery, UsageError, shown
from portbook.formats.errors.query import (
    QueryKind,
    parse_query,
)
from portbook.host.host_reader import THIS_HOST
from portbook.present.phrases.stops import waiting_line
from portbook.present.views import stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.stop.executor import Outcome
    from portbook.app.stop.model import Plan
    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query
    from portbook.host.host_reader import HostReader


def run(argv: Sequence[str], _: Catalog, host: HostReader = THIS_HOST) -> int:
    """Shows what would be stopped on *host*, or stops it; 1 where anything is left on the port."""
    parser = Parser(
        "stop",
        "Stops what listens on a port, and no client of it: by its manager (systemd, docker, "
        "podman) or by SIGTERM. Without --yes it only shows what it would do, and what would be "
        "lost.",
    )
    parser.add_argument(
        "query",
        metavar="PORT",
        help="a port (8080, 53/udp; every transport if none is given), an address with a port "
        "(127.0.0.1:8080), or the error that a program printed",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do it")
    parser.add_argument(
        "--force", action="store_true", help="send SIGKILL to what SIGTERM did not end"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long a process has to end after SIGTERM (default: 10)",
    )
    parser.add_argument(
        "--no-manager",
        action="store_true",
        help="send signals to the processes even where something manages them",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if part of the truth was not visible"
    )
    add_json(parser)
    options = parser.parse_args(list(argv))
    if not 0 <= options.timeout <= 3600:
        raise UsageError(f"--timeout {options.timeout:g} is not between 0 and 3600 seconds")
    query = parse_query(options.query)
    if query.kind is not QueryKind.PORT:
        raise InvalidQuery(
            f"{shown(options.query)} names no single port: give one, such as 8080 or 53/udp",
            options.query,
        )
    address = numeric_host(query.address)
    _refuse_names(query)
    way = Way(options.force, options.timeout)
    planned = collect.plan_stop(
        query.first, query.transport, address, manager=not options.no_manager, host=host
    )
    dry = not options.yes
    if not options.json:
        sys.stdout.write(stop.render_plan(planned, way, dry=dry, style=style()))
        sys.stdout.flush()
    outcome: Outcome | None = None
    if not dry and planned.steps:
        progress = StatusLine()
        try:
            outcome = collect.stop(planned, way, lambda it: progress(waiting_line(it)), host)
        finally:
            progress.clear()
        if not options.json:
            sys.stdout.write(stop.render_outcome(outcome, style()))
    if options.json:
        from portbook.present.render.report_json import of_stop

        print_json(of_stop(planned, outcome))
    elif dry and planned.steps:
        print(f"\nTo do it: portbook stop {' '.join(map(_worded, argv))} --yes")
    return _status(planned, outcome, dry=dry, strict=options.strict)


def _refuse_names(query: Query) -> None:
    """Refuses a port on a host whose name isn't looked up: it may be another machine's."""
    from portbook.app.failed import Place, place_of

    if place_of(query.address) in (Place.NAME, Place.INVALID):
        raise InvalidQuery(
            f"{shown(query.address or '')} is not an address of this machine: give the port alone, "
            f"{query.first}, to stop what listens on it here",
            query.text,
        )


def _status(planned: Plan, outcome: Outcome | None, *, dry: bool, strict: bool) -> int:
    if planned.refusals or not planned.steps:
        return 1
    if outcome is not None:
        if not outcome.free or any(each.code not in GOOD for each in outcome.done):
            return 1
    elif not dry:
        return 1
    return 3 if strict and planned.scene.missing else 0


def _worded(word: str) -> str:
    from shlex import quote

    from portbook.present.escape import plain

    return plain(quote(word))
