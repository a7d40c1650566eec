"""``portbook stats``."""

from __future__ import annotations

import sys

from portbook.cli.help import Parser, add_json
from portbook.cli.output import print_json, style
from portbook.pages import lists, objects
from portbook.registry import registry
from portbook.registry.stats import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def run(argv: Sequence[str]) -> int:
    """Prints the counts over the whole registry."""
    parser = Parser("stats", "Counts by range and transport, by year of registration, by assignee.")
    add_json(parser)
    options = parser.parse_args(list(argv))
    book = registry()
    stats = count(book)
    if options.json:
        print_json(objects.of_stats(stats, book.sources()))
    else:
        sys.stdout.write(lists.render_stats(stats, book.sources(), style()))
    return 0
