"""``portbook stats``."""

from __future__ import annotations

from portbook.catalog.registry.stats import count, count_within
from portbook.cli.given import port_range
from portbook.cli.help import Parser, add_json
from portbook.cli.terminal import print_json, show, style
from portbook.present.render import port_json
from portbook.present.render.document_text import render_page
from portbook.present.views.ranges import compose_stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints the counts over the whole registry, or over some of its ports."""
    parser = Parser(
        "stats",
        "Count ports by range and transport, and rows by year of registration and by assignee; of "
        "all ports, or of some.",
    )
    parser.add_argument(
        "range",
        nargs="?",
        metavar="RANGE",
        help="only these ports: 0-1023, or system, user or dynamic (default: all)",
    )
    add_json(parser)
    options = parser.parse_args(list(argv))
    book = catalog.registry
    chosen = options.range
    stats = count(book) if chosen is None else count_within(book, *port_range(chosen))
    if options.json:
        print_json(port_json.of_stats(stats, book.sources()))
    else:
        show(render_page(compose_stats(stats, book.sources()), style()))
    return 0
