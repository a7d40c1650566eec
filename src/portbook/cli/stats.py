"""``portbook stats``."""

from __future__ import annotations

from portbook.catalog.registry.stats import count
from portbook.cli.help import Parser, add_json
from portbook.cli.terminal import print_json, show, style
from portbook.present.render import port_json
from portbook.present.views import lists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints the counts over the whole registry."""
    parser = Parser("stats", "Counts by range and transport, by year of registration, by assignee.")
    add_json(parser)
    options = parser.parse_args(list(argv))
    book = catalog.registry
    stats = count(book)
    if options.json:
        print_json(port_json.of_stats(stats, book.sources()))
    else:
        show(lists.render_stats(stats, book.sources(), style()))
    return 0
