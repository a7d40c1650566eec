"""``portbook pick``."""

from __future__ import annotations

import sys

from portbook._fast_types import NamedTuple
from portbook.cli import complain
from portbook.cli.terminal import print_json, style
from portbook.errors import UsageError, shown
from portbook.host.host_reader import THIS_HOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from portbook.app.pick.criteria import Pick, Wanted
    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader


_NEARBY = 1000  # ports above that of --near


class Options(NamedTuple):
    """What the command line asked for; ``command`` is what stands behind ``--``."""

    name: str | None = None
    many: str | None = None
    range: str | None = None
    despite: tuple[str, ...] = ()
    quiet: bool = False
    json: bool = False
    hold: bool = False
    listen_fds: bool = False
    release: bool = False
    transport: str | None = None
    address: str | None = None
    command: tuple[str, ...] | None = None
    near: str | None = None
    verbose: bool = False


def run(argv: Sequence[str], catalog: Catalog, host: HostReader = THIS_HOST) -> int:
    """Prints a port, with -v the reasons for it, or runs a command on it; 1 where none is good."""
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    command = tuple(words[end + 1 :]) if end < len(words) else None
    options = (parse_quick(words[:end]) or parse_whole(words[:end]))._replace(command=command)
    _refuse(options)
    wanted = _wanted(options, catalog)
    if options.hold:
        return _hold(wanted, options, catalog, host)
    from portbook.app.pick.host_checks import pick_here

    found = pick_here(wanted, catalog, host)
    if options.json:
        from portbook.present.render.report_json import of_pick

        print_json(of_pick(found))
    elif options.quiet:
        for choice in found.choices:
            print(choice.port)
        _tell(found)
    else:
        from portbook.present.views.pick import render_pick, render_pick_short

        render = render_pick if options.verbose else render_pick_short
        sys.stdout.write(render(found, style()))
    return 0 if found.good else 1


def _tell(found: Pick) -> None:
    """What a bare number doesn't say, a line each on standard error."""
    for choice in found.choices:
        for check in choice.failed:
            from portbook.present.phrases.picks import check_evidence

            complain(f"{choice.port}: {check_evidence(check)}")
    if len(found.choices) < found.wanted.many:
        wanted = found.wanted
        counts = ", ".join(f"{many} by {code}" for code, many in found.left_out_by.items())
        complain(
            f"no {'other ' if found.choices else ''}port from {wanted.first} to {wanted.last} "
            f"meets every criterion (left out: {counts}): give another --range, or leave a "
            "criterion out with --despite"
        )


# -- arguments --------------------------------------------------------------------------------

_PLAIN = {
    "--json": "json",
    "-j": "json",
    "--quiet": "quiet",
    "-q": "quiet",
    "--verbose": "verbose",
    "-v": "verbose",
    "--hold": "hold",
    "--listen-fds": "listen_fds",
    "--release": "release",
}
_VALUED = {
    "--for": "name",
    "--count": "many",
    "--near": "near",
    "--range": "range",
    "--transport": "transport",
    "--address": "address",
}


def parse_quick(argv: Sequence[str]) -> Options | None:
    """*argv* read without argparse, whose import takes as long as the rest together.

    None where anything else is in it: argparse reads it then.
    """
    found: dict[str, Any] = {}
    words = iter(argv)
    for word in words:
        if word in _PLAIN:
            found[_PLAIN[word]] = True
            continue
        if word[:1].isdigit() and "near" not in found:  # 3000: as --near 3000
            found["near"] = word
            continue
        option, equals, value = word.partition("=")
        if option not in _VALUED:
            return None
        if not equals:
            value = next(words, "-")
            if value.startswith("-"):
                return None
        if option == "--near" and "near" in found:
            return None
        found[_VALUED[option]] = value
    return Options(**found)


def parse_whole(argv: Sequence[str]) -> Options:
    """*argv* read by argparse. Raises UsageError; ``--help`` prints and exits."""
    from portbook.app.pick.criteria import CRITERIA, FIRST, LAST
    from portbook.cli.help import Parser, add_json

    parser = Parser(
        "pick",
        "Suggest a port: unassigned, with no known use, outside the dynamic ranges, and "
        "free on this machine.",
    )
    parser.add_argument(
        "port",
        nargs="?",
        metavar="PORT",
        help="the same as --near PORT",
    )
    parser.add_argument(
        "--for",
        dest="name",
        metavar="NAME",
        help="the port of this name: the same one every time, on every machine",
    )
    parser.add_argument(
        "--count", dest="many", metavar="N", help="how many different ports (default: 1)"
    )
    parser.add_argument(
        "--near",
        metavar="PORT",
        help="this port if it is free on this machine, else the next one that is",
    )
    parser.add_argument(
        "--range", metavar="FIRST-LAST", help=f"pick from these (default: {FIRST}-{LAST})"
    )
    parser.add_argument(
        "--despite",
        action="append",
        default=[],
        choices=[*CRITERIA],
        metavar="CODE",
        help=f"ignore this criterion: {', '.join(CRITERIA)}",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="each criterion, and what the answer rests on"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="the number alone, for scripts")
    parser.add_argument(
        "--hold",
        action="store_true",
        help="run a command with {port} and $PORT, reserving the port until the command binds it",
    )
    parser.add_argument(
        "--listen-fds",
        action="store_true",
        help="with --hold: hand the socket over, listening, as descriptor 3 (sd_listen_fds(3))",
    )
    parser.add_argument(
        "--release",
        action="store_true",
        help="with --hold: release the port right before the command starts, for one that doesn't "
        "set SO_REUSEADDR",
    )
    parser.add_argument("--transport", metavar="NAME", help="with --hold: tcp (default) or udp")
    parser.add_argument(
        "--address", metavar="ADDRESS", help="with --hold: only this address, not every one"
    )
    add_json(parser)
    read = vars(parser.parse_intermixed_args(list(argv)))
    port = read.pop("port")
    if port is not None and read["near"] is not None:
        raise UsageError(f"{shown(port)} and --near {shown(read['near'])}: give one of them")
    read["near"] = port or read["near"]
    return Options(**{**read, "despite": tuple(read["despite"])})


def _refuse(options: Options) -> None:
    """Raises UsageError for options that don't go together."""
    if options.hold != (options.command is not None):
        raise UsageError(
            "--hold keeps the port for a command: give it behind --, as in "
            "portbook pick --hold -- server --port {port}"
        )
    if options.near is not None and (options.name is not None or options.range is not None):
        other = "for" if options.name is not None else "range"
        raise UsageError(f"--near and --{other} exclude each other: give one of them")
    for name in ("listen_fds", "release", "transport", "address"):
        if getattr(options, name) and not options.hold:
            raise UsageError(f"--{name.replace('_', '-')} goes with --hold: give that too")
    if options.listen_fds and options.release:
        raise UsageError("--listen-fds and --release exclude each other: give one of them")
    if options.json and (options.hold or options.quiet):
        other = "--hold" if options.hold else "--quiet"
        raise UsageError(f"--json and {other} exclude each other: give one of them")
    if options.verbose and options.quiet:
        raise UsageError("--verbose and --quiet exclude each other: give one of them")
    if options.hold and not options.command:
        raise UsageError("no command stands behind --: give one")


def _wanted(options: Options, catalog: Catalog) -> Wanted:
    from portbook.app.pick.criteria import Wanted

    wanted = Wanted(name=options.name, despite=options.despite)
    if options.range is not None:
        from portbook.formats.errors.query import parse_query

        query = parse_query(options.range)
        if query.kind not in ("port", "range") or query.address or query.transport:
            raise UsageError(f"--range {shown(options.range)} is no range: give 20000-20999, say")
        wanted = wanted._replace(first=query.first, last=query.last)
    if options.near is not None:
        from portbook.cli.given import one_port
        from portbook.model import LAST_PORT

        port = one_port(options.near, catalog).first
        if port == 0:
            raise UsageError("--near 0 is not a port to begin with: give 1 or more")
        wanted = wanted._replace(first=port, last=min(port + _NEARBY, LAST_PORT), near=port)
    if options.many is not None:
        wanted = wanted._replace(many=_whole(options.many))
    return wanted


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise UsageError(f"--count {shown(text)} is not a number of ports: give 1 or more")
    return int(text)


# -- holding ----------------------------------------------------------------------------------


def _hold(wanted: Wanted, options: Options, catalog: Catalog, host: HostReader) -> int:
    """Picks and binds at once, then runs the command; its exit status is the answer's."""
    from portbook.app.pick.host_checks import pick_and_hold
    from portbook.errors import NotReserved
    from portbook.formats.errors.query import parse_transport
    from portbook.host.port_reservation import Handover, filled_in, run
    from portbook.model import Transport

    transport = parse_transport(options.transport or "tcp")
    if transport not in (Transport.TCP, Transport.UDP):
        raise UsageError(f"--transport {transport}: --hold keeps tcp and udp sockets alone")
    address = "127.0.0.1" if options.address == "localhost" else options.address
    try:
        found, held = pick_and_hold(wanted, transport, address, catalog, host)
    except NotReserved as refused:
        if not refused.taken:
            raise
        complain(str(refused))
        return 1
    if held is None:
        _tell(found)
        return 1
    command = filled_in(options.command or (), held.ports)
    how = Handover.RELEASED if options.release else Handover.KEPT
    how = Handover.PASSED if options.listen_fds else how
    if not options.quiet:
        said = ", ".join(map(str, held.ports))
        complain(f"{said}/{transport}, {how} for {shown(command[0])}")
    return run(held, command, how, complain)
