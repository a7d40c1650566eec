"""``portbook listen``."""

from __future__ import annotations

import sys

from portbook._fast_types import NamedTuple
from portbook.app.listen import ScanOptions, answer_here, prepare, watch_here
from portbook.app.on_record import PortsOnRecord
from portbook.app.socket_filter import Filter
from portbook.catalog.expectations.lookup import check_named
from portbook.cli import complain
from portbook.cli.filters import add_filters, check_user, filter_of
from portbook.cli.terminal import can_draw, is_read, is_terminal, print_json, reaches, table_style
from portbook.errors import UsageError
from portbook.host.host_reader import THIS_HOST, CommandsHost
from portbook.model import (
    OwnerSearch,
    Visibility,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from portbook.app.listen import HereAnswer
    from portbook.catalog import Catalog
    from portbook.host.firewall.redirects import Redirect
    from portbook.host.host_reader import HostReader
    from portbook.model import Gap, Transport
    from portbook.present.views.listen_fields import Template


class Options(NamedTuple):
    """What the command line asked for."""

    ports: Sequence[str] = ()
    transport: str | None = None
    port: str | None = None
    program: str | None = None
    user: str | None = None
    reach: str | None = None
    level: str | None = None
    watch: bool = False
    interval: float = 1.0
    deep: bool = False
    detail: bool = False
    all_namespaces: bool = False
    probe: bool = False
    json: bool = False
    jsonl: bool = False
    strict: bool = False
    fail_on: str = "alert"
    notes: bool = True
    verbose: bool = False
    format: str | None = None
    sort: str = "level"
    limit: int = 0


def run(argv: Sequence[str], catalog: Catalog, host: HostReader | None = None) -> int:
    """Prints what listens here, the most serious first, and returns the exit status."""
    options = parse_quick(argv) or parse_whole(argv)
    _check(options)
    if options.notes:
        check_named(catalog.expectations)
    if options.watch:
        return _watch(options, catalog, host or THIS_HOST)
    return answer(options, catalog, host)


def _check(options: Options) -> None:
    """Raises UsageError where the options contradict each other or have no such value."""
    if sum([options.json, options.jsonl, options.format is not None, options.verbose]) > 1:
        raise UsageError(
            "--json, --jsonl, --format and --verbose exclude each other: give one of them"
        )
    if not 0.05 <= options.interval <= 3600:
        raise UsageError(f"--interval {options.interval:g} is not between 0.05 and 3600 seconds")
    if options.limit < 0:
        raise UsageError(f"--limit {options.limit} is below 0: give 0 for all, or how many")
    check_user(options.user)


def answer(options: Options, catalog: Catalog, host: HostReader | None = None) -> int:
    """Prints what listens here now, or on *host*; the exit status."""
    template = None
    if options.format is not None:
        from portbook.present.views.listen_fields import Template

        template = Template(options.format)
    # The table shows the findings' codes alone.
    said = options.json or options.jsonl or options.verbose
    probed = Filter() if options.probe else None
    ports = PortsOnRecord(catalog, said=said)
    depth = ScanOptions(
        OwnerSearch.ALL,
        detail=options.detail or options.deep,
        everywhere=options.all_namespaces or options.deep,
        said=said,
        notes=options.notes,
        probe=probed,
        named=not (options.jsonl or _in_pieces(options)),
        ports=ports,
    )
    wanted = filter_of(options, catalog, options.ports)

    def meanwhile(places: set[tuple[int, Transport]]) -> None:
        prepare(places, ports, catalog)
        if options.json or options.jsonl:
            from portbook.present.phrases import evidence, findings  # noqa: F401 - loaded ahead
            from portbook.present.render import sockets_json, table_text  # noqa: F401
        else:
            from portbook.present.views import listen_fields  # noqa: F401

    here = answer_here(wanted, depth, catalog, host or CommandsHost(meanwhile), options.sort)
    _print(here, options, template, some=wanted != Filter())
    findings = [finding for each in here.listeners for finding in each.assessment.findings]
    if reaches(findings, options.fail_on):
        return 1
    return 3 if options.strict and here.visibility is Visibility.PARTIAL else 0


def _in_pieces(options: Options) -> bool:
    """Whether one object is written for programs, on one line, and a socket at a time."""
    return options.json and not is_terminal(sys.stdout)


def _print(here: HereAnswer, options: Options, template: Template | None, *, some: bool) -> None:
    shown = here._replace(listeners=here.listeners[: options.limit or None])
    if options.json:
        from portbook.present.render import sockets_json

        if _in_pieces(options):
            sys.stdout.writelines(sockets_json.here_pieces(shown, named=False))
            print()
        else:
            print_json(sockets_json.of_here(shown))
        return
    if options.jsonl:
        from portbook.present.render import sockets_json

        texts = sockets_json.listener_texts(shown.listeners, rows=True, named=False)
        sys.stdout.writelines(f"{text}\n" for text in texts)
        for redirect in shown.redirects:
            print_json(sockets_json.of_row(redirect), line=True)
        _tell_rest(here, shown, options)
        return
    if template is None and (options.verbose or is_read(sys.stdout)):
        from portbook.present.views.listen import render_here

        page = render_here(
            here, table_style(), some=some, verbose=options.verbose, most=options.limit
        )
        sys.stdout.write(page)
        return
    from portbook.present.views.listen_fields import record_lines

    sys.stdout.writelines(f"{line}\n" for line in record_lines(shown, template))
    if shown.redirects:
        _tell_redirects(shown.redirects)
    _tell_rest(here, shown, options)


def _tell_rest(here: HereAnswer, shown: HereAnswer, options: Options) -> None:
    """What rows have no place for: how many were left out, and what was not visible."""
    if left := len(here.listeners) - len(shown.listeners):
        more = "1 more socket" if left == 1 else f"{left:,} more sockets"
        complain(f"{more} matched; without --limit {options.limit} all are shown")
    if options.strict:
        _tell_missing(shown.missing)
        return
    from portbook.present.phrases import unseen_beside_owners

    for reason in unseen_beside_owners(shown.missing):
        complain(f"not seen: {reason}")


def _tell_missing(missing: Iterable[Gap]) -> None:
    """What rows of JSON have no place for: what was not visible, a line each."""
    from portbook.present.phrases import gap_sentences

    for reason in gap_sentences(missing):
        complain(f"not seen: {reason}")


def _tell_redirects(redirects: Iterable[Redirect]) -> None:
    from portbook.present.port.this_machine import redirected

    for redirect in redirects:
        complain(f"redirected: {redirected(redirect)}")


def parse_quick(argv: Sequence[str]) -> Options | None:
    """*argv* read without argparse, which takes longer to import than many sockets to list.

    None where anything but plain flags is in it: argparse reads it then.
    """
    if not all(word in _FLAGS for word in argv):
        return None
    flags: dict[str, Any] = {_FLAGS[word]: word != "--no-notes" for word in argv}
    return Options(**flags)


_FLAGS = {
    "--json": "json",
    "-j": "json",
    "--jsonl": "jsonl",
    "--strict": "strict",
    "--watch": "watch",
    "--deep": "deep",
    "--detail": "detail",
    "--all-namespaces": "all_namespaces",
    "--probe": "probe",
    "--no-notes": "notes",
    "-v": "verbose",
    "--verbose": "verbose",
}


def parse_whole(argv: Sequence[str]) -> Options:
    """*argv* read by argparse. Raises UsageError; ``--help`` prints and exits."""
    from portbook.app.socket_order import ORDERS
    from portbook.cli.help import (
        Parser,
        add_depth,
        add_fail_on,
        add_json,
        add_limit,
        add_notes,
        add_probe,
    )
    from portbook.present.views.listen_fields import FIELDS

    parser = Parser(
        "listen", "Show what listens or is bound on this machine, the most serious first."
    )
    parser.add_argument(
        "ports", nargs="*", metavar="PORT", help="only these: 8000, 53/udp, 6000-6063 or ssh"
    )
    add_filters(parser)
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="add what each finding says, and who can reach it",
    )
    parser.add_argument(
        "--format",
        metavar="TEMPLATE",
        help="print one line per socket, such as '{port} {program}'; fields: " + ", ".join(FIELDS),
    )
    parser.add_argument(
        "--sort", choices=[*ORDERS], default="level", help="what to sort by (default: level)"
    )
    add_limit(parser, "sockets", default=False)
    parser.add_argument(
        "--watch",
        action="store_true",
        help="follow what opens, closes and changes: a live table on a terminal, JSON lines in a "
        "pipe; Ctrl-C ends it",
    )
    parser.add_argument(
        "--interval",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="seconds between looks with --watch (default: 1); shorter-lived sockets can be missed",
    )
    parser.add_argument(
        "--deep",
        action="store_true",
        help="look as hard as possible: network namespaces, packages, containers",
    )
    add_depth(parser)
    add_probe(parser)
    add_notes(parser)
    add_json(parser, rows=True)
    add_fail_on(parser, default="alert")
    return Options(**vars(parser.parse_intermixed_args(list(argv))))


_NOT_WATCHED = (
    *("json", "deep", "detail", "all_namespaces", "probe"),
    *("strict", "verbose", "format", "limit"),
)


def _watch(options: Options, catalog: Catalog, host: HostReader) -> int:
    """Follows the sockets until interrupted: a live table on a terminal, JSON lines in a pipe."""
    for name in _NOT_WATCHED:
        if getattr(options, name):
            raise UsageError(f"--watch doesn't go with --{name.replace('_', '-')}: leave one out")
    if options.notes:
        _tell_missing(catalog.expectations().missing)
    catalog.check()
    wanted = filter_of(options, catalog, options.ports)
    watch = watch_here(wanted, catalog, notes=options.notes, host=host)
    if can_draw(sys.stdout) and not options.jsonl:
        from portbook.cli.watch_table import follow

        return follow(watch, options.interval, catalog)
    from portbook.app.watch import steps
    from portbook.present.render import sockets_json

    _tell_missing(watch.missing)
    for event in watch.present():
        print_json(sockets_json.of_event(event), line=True)
    sys.stdout.flush()
    for events in steps(watch, options.interval):
        for event in events:
            print_json(sockets_json.of_event(event), line=True)
        sys.stdout.flush()
        if reader_is_gone():
            break
    return 0


def reader_is_gone() -> bool:
    """Whether standard output is a pipe that nobody reads any more (POLLERR, poll(2)).

    Without it a watch would learn of that only from its next event, which may never come.
    """
    import select

    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False
