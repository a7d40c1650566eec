"""``portbook map``."""

from __future__ import annotations

import os
import sys

from portbook.cli import complain
from portbook.cli.given import port_range
from portbook.cli.help import Parser, add_json
from portbook.cli.terminal import print_json, table_style
from portbook.errors import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog
    from portbook.catalog.registry.summary import Shelf
    from portbook.host.host_reader import HostReader


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Draws all 65,536 ports: on the terminal, as a PNG or SVG file, or their runs as JSON.

    Raises UsageError.
    """
    parser = Parser(
        "map", "Draw all 65,536 ports, a row for each high byte, or some of them one by one."
    )
    parser.add_argument(
        "range",
        nargs="?",
        metavar="RANGE",
        help="only these ports: 0-1023, or system, user or dynamic (default: all)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the picture to FILE, as PNG or SVG by its name (default: on the terminal)",
    )
    parser.add_argument(
        "--scale", type=int, default=4, metavar="N", help="pixels per port in a PNG (default: 4)"
    )
    parser.add_argument(
        "--no-host", dest="host", action="store_false", help="leave this machine out"
    )
    add_json(parser)
    options = parser.parse_args(list(argv))
    if options.json and options.output is not None:
        raise UsageError("--json and --output exclude each other")

    from portbook.catalog.registry.summary import shelf
    from portbook.present.charts.map import render_map_png, render_map_svg
    from portbook.storage.atomic_write import whole_file

    stand = shelf(catalog.registry)
    if options.json:
        from portbook.present.render.port_json import of_map

        first, last = (0, 65535) if options.range is None else port_range(options.range)
        print_json(of_map(stand, first, last, catalog.registry.sources()))
        return 0
    if options.output is None:
        sys.stdout.write(_drawn(stand, options.range, host=options.host))
        return 0
    if options.range is not None:
        raise UsageError("RANGE and --output exclude each other: a file has all 65,536 ports")
    suffix = os.path.splitext(options.output)[1].lower()
    if suffix not in (".png", ".svg"):
        raise UsageError(f"{shown(options.output)} ends in neither .png nor .svg: give one of them")
    if not 1 <= options.scale <= 64:
        raise UsageError(f"--scale {options.scale} is not from 1 to 64")
    picture = (
        render_map_png(stand, options.scale) if suffix == ".png" else render_map_svg(stand).encode()
    )
    try:
        with whole_file(options.output) as new:
            new.write(picture)
    except OSError as error:
        raise UsageError(f"{shown(options.output)} can't be written: {error.strerror}") from error
    return 0


def _drawn(stand: Shelf, ports: str | None, *, host: bool) -> str:
    """The picture of *ports*, or of all, for this terminal; with *host*, what listens is on it."""
    from portbook.present.charts.map_text import render_map_text, render_range_text

    terminal = table_style()
    span = None if ports is None else port_range(ports)
    here = listening() if host else None
    if span is None:
        return render_map_text(stand, terminal.width, colour=terminal.colour, here=here)
    return render_range_text(stand, *span, terminal.width, colour=terminal.colour, here=here)


def listening(host: HostReader | None = None) -> frozenset[int] | None:
    """The ports on which something is seen to listen on *host* (None: this machine); None where
    nothing can be seen. What may be hidden is told on standard error.
    """
    from portbook.errors import HostUnreadable
    from portbook.host.host_reader import THIS_HOST
    from portbook.model import OwnerSearch
    from portbook.model.gap import hide_sockets
    from portbook.present.phrases import gap_sentences

    try:
        seen = (host or THIS_HOST).read_host(None, None, OwnerSearch.NONE)
    except HostUnreadable as error:
        complain(f"not seen: {error}")
        return None
    if hide_sockets(seen.missing):
        for reason in gap_sentences(seen.missing):
            complain(f"not seen: {reason}")
    return frozenset([each.socket.port for each in seen.listeners if each.socket.listens])
