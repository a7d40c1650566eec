"""``portbook stop``."""

from __future__ import annotations

import sys

from portbook.app.bind.addresses import numeric_host
from portbook.app.socket_filter import read_spans
from portbook.app.stop import collect
from portbook.app.stop.executor import GOOD, Way
from portbook.app.stop.model import Named, RefusalCode
from portbook.app.stop.planner import hold_back
from portbook.cli.given import joined, read_query
from portbook.cli.help import Parser, add_json
from portbook.cli.progress import StatusLine
from portbook.cli.terminal import can_ask, confirmed, print_answers, style
from portbook.errors import InvalidQuery, UsageError, shown
from portbook.formats.errors.query import (
    QueryKind,
    parse_query,
)
from portbook.host.host_reader import THIS_HOST
from portbook.model import host_port
from portbook.present.escape import plain
from portbook.present.owners import viewer
from portbook.present.phrases.stops import refusal_mend, waiting_line
from portbook.present.views import stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Container, Iterable, Sequence

    from portbook.app.stop.executor import Outcome
    from portbook.app.stop.model import Plan
    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query
    from portbook.host.host_reader import HostReader
    from portbook.model import Gap


def run(argv: Sequence[str], catalog: Catalog, host: HostReader = THIS_HOST) -> int:
    """Shows what would be stopped on *host*, asks, and stops it. Raises UsageError.

    1 where nothing was done, or anything is left on a port.
    """
    argv = [_from_input() if word == "-" else word for word in argv]
    options = _parse(argv)
    if not 0 <= options.timeout <= 3600:
        raise UsageError(f"--timeout {options.timeout:g} is not between 0 and 3600 seconds")
    if options.yes and options.dry_run:
        raise UsageError("--yes and --dry-run exclude each other: give one of them")
    way = Way(options.force, options.timeout)
    named = Named(tuple(options.pid), tuple(options.program))
    asks = not (options.yes or options.dry_run or options.json) and can_ask()
    queries = [_queries(word, catalog) for word in joined(options.queries)]
    ranges = any(query.kind is QueryKind.RANGE for of_word in queries for query in of_word)
    words = [_plan_word(of_word, options, named, host) for of_word in queries]
    held = [hold_back(word) for word in words]
    several = held != words
    plans = [plan for word in (held if options.yes else words) for plan in word]
    go = options.yes
    if not options.json:
        named_only = {id(plan) for plan in plans} - {id(plan) for word in held for plan in word}
        _show(plans, way, dry=not (go or asks), asks=asks, unnamed=named_only)
        steps = sum([len(plan.steps) for plan in plans])
        one = steps == 1 and not several
        go = go or (asks and steps > 0 and confirmed("Stop it?" if one else "Stop them?"))
    outcomes = [_carry_out(plan, way, host) if go and plan.steps else None for plan in plans]
    if options.json:
        from portbook.present.render.report_json import of_stop

        print_answers(list(map(of_stop, plans, outcomes)), several=ranges)
    else:
        for plan, outcome in zip(plans, outcomes, strict=True):
            if outcome is not None:
                sys.stdout.write(stop.render_outcome(outcome, plan, style()))
        unnamed = [plan for word in held for plan in word] if several else []
        _tell_undone(plans, unnamed, argv, go=go, asked=asks)
    if max(map(_status, plans, outcomes), default=1) or not all(words):
        return 1
    return 3 if options.strict and any(plan.scene.missing for plan in plans) else 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "stop",
        "Stop what listens on a port, through its manager (systemd, docker, podman) or by "
        "SIGTERM; clients are left alone. It shows the plan and asks on a terminal; elsewhere it "
        "does nothing without --yes.",
    )
    parser.add_argument(
        "queries",
        nargs="+",
        metavar="PORT",
        help="a port (8080, 53/udp; every transport if none is given), a range (3000-3005), an "
        "address with a port (127.0.0.1:8080), a service (ssh), or the error that a program "
        "printed; - reads it from standard input",
    )
    parser.add_argument(
        "-y",
        "--yes",
        action="store_true",
        help="do it without asking; of several programs on a port only those that --pid or "
        "--program names",
    )
    parser.add_argument(
        "--pid",
        action="append",
        type=int,
        default=[],
        metavar="PID",
        help="only this process; can be given several times",
    )
    parser.add_argument(
        "--program",
        action="append",
        default=[],
        metavar="NAME",
        help="only programs of this name, whole or a pattern (python*); can be given several times",
    )
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="show the plan alone, and don't ask"
    )
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
        "--strict", action="store_true", help="exit with 3 if not everything could be seen"
    )
    add_json(parser)
    return parser.parse_args(list(argv))


def _plan_word(
    queries: Iterable[Query], options: argparse.Namespace, named: Named, host: HostReader
) -> list[Plan]:
    """The plans for the ports that one word asks for: of a range, those that are in use."""
    plans = []
    for query in queries:
        ports: Sequence[int] = (query.first,)
        if query.kind is QueryKind.RANGE:
            span = query.first, query.last
            ports, missing = collect.ports_in_use(*span, query.transport, host)
            if not ports and not options.json:
                sys.stdout.write(stop.render_nothing(*span, missing, style()))
        plans += [
            collect.plan_stop(
                port,
                query.transport,
                numeric_host(query.address),
                manager=not options.no_manager,
                named=named,
                host=host,
            )
            for port in ports
        ]
    return plans


def _from_input() -> str:
    """The port that the text on standard input is about, as one types it: for ``-``."""
    query = read_query("-")
    if query.kind is not QueryKind.PORT:
        return query.text
    query = _somewhere(query)
    if query.address is not None:
        return host_port(query.address, query.first)
    return str(query.first) + ("" if query.transport is None else f"/{query.transport}")


def _queries(word: str, catalog: Catalog) -> list[Query]:
    """The ports and ranges that *word* asks about: a service stands for each of its own."""
    query = parse_query(word)
    if query.kind is QueryKind.NAME:
        return [
            query._replace(
                kind=QueryKind.PORT, first=span.first, last=span.last, transport=span.transport
            )
            for span in read_spans(word, catalog)
        ]
    if query.kind not in (QueryKind.PORT, QueryKind.RANGE):
        raise InvalidQuery(f"{shown(word)} names no port: give one, such as 8080 or 53/udp", word)
    return [_somewhere(query)]


def _show(
    plans: Sequence[Plan], way: Way, *, dry: bool, asks: bool, unnamed: Container[int]
) -> None:
    """Prints the plans; *unnamed* are the ids of those that ``--yes`` holds back."""
    to = viewer()
    told: set[Gap] = set()
    for number, plan in enumerate(plans):
        text = stop.render_plan(
            plan,
            way,
            to,
            dry=dry,
            asks=asks,
            unnamed=id(plan) in unnamed,
            told=told,
            style=style(),
        )
        sys.stdout.write(f"\n{text}" if number else text)
        told.update(plan.scene.missing)
    sys.stdout.flush()


def _carry_out(plan: Plan, way: Way, host: HostReader) -> Outcome:
    progress = StatusLine()
    try:
        return collect.stop(plan, way, lambda it: progress(waiting_line(it)), host)
    finally:
        progress.clear()


def _tell_undone(
    plans: Sequence[Plan], unnamed: Sequence[Plan], argv: Sequence[str], *, go: bool, asked: bool
) -> None:
    """How to do what was not done; one by one where ``--yes`` wants a program named."""
    if go or not any(plan.steps for plan in plans):
        return
    if asked:
        print("Nothing was stopped.")
        return
    if unnamed:
        print("\nTo stop one of them:")
        refusals = [refusal for plan in unnamed for refusal in plan.refusals]
        refusals = [each for each in refusals if each.code is RefusalCode.SEVERAL_PROGRAMS]
        for command in dict.fromkeys(map(refusal_mend, refusals)):
            print(f"  {plain(command)}")
        return
    words = [word for word in argv if word not in ("-n", "--dry-run")]
    print(f"\nTo do it: portbook stop {' '.join(map(_worded, words))} --yes")


def _somewhere(query: Query) -> Query:
    """*query* with the addresses that it means; refused where they may be another machine's."""
    from portbook.app.failed import WILDCARDS, Place, place_of

    if query.pasted is not None and query.address in WILDCARDS:
        # A bind of every address fails for a socket on any of them.
        return query._replace(address=None)
    if place_of(query.address) in (Place.NAME, Place.INVALID):
        raise InvalidQuery(
            f"{shown(query.address or '')} is not an address of this machine: give the port alone, "
            f"{query.first}, to stop what listens on it here",
            query.text,
        )
    return query


def _status(plan: Plan, outcome: Outcome | None) -> int:
    """0 where all that was asked for is stopped."""
    if plan.refusals or outcome is None or not outcome.cleared:
        return 1
    return int(any(each.code not in GOOD for each in outcome.done))


def _worded(word: str) -> str:
    from shlex import quote

    return plain(quote(word))
