"""``portbook map``."""

from __future__ import annotations

import os
import sys

from portbook.cli.given import port_range
from portbook.cli.help import Parser, add_json
from portbook.cli.terminal import print_json, style
from portbook.errors import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Draws all 65,536 ports: on the terminal, as a PNG or SVG file, or their runs as JSON.

    Raises UsageError.
    """
    parser = Parser(
        "map", "Draw all 65,536 ports, a row for each high byte, or some of them one by one."
    )
    parser.add_argument(
        "range", nargs="?", metavar="RANGE", help="only these ports (0-1023; default: all)"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the picture to FILE, as PNG or SVG by its name (default: on the terminal)",
    )
    parser.add_argument(
        "--scale", type=int, default=4, metavar="N", help="pixels a port in a PNG (default: 4)"
    )
    add_json(parser)
    options = parser.parse_args(list(argv))
    if options.json and options.output is not None:
        raise UsageError("--json and --output exclude each other")

    from portbook.catalog.registry.summary import shelf
    from portbook.present.charts.map import (
        render_map_png,
        render_map_svg,
        render_map_text,
        render_range_text,
    )
    from portbook.storage.atomic_write import whole_file

    stand = shelf(catalog.registry)
    if options.json:
        from portbook.present.render.port_json import of_map

        first, last = (0, 65535) if options.range is None else port_range(options.range)
        print_json(of_map(stand, first, last, catalog.registry.sources()))
        return 0
    if options.output is None:
        terminal = style()
        if options.range is None:
            drawn = render_map_text(stand, terminal.width, colour=terminal.colour)
        else:
            first, last = port_range(options.range)
            drawn = render_range_text(stand, first, last, terminal.width, colour=terminal.colour)
        sys.stdout.write(drawn)
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
