"""``portbook search``."""

from __future__ import annotations

import sys

from portbook.app.search import search_text
from portbook.catalog.expectations.lookup import check_named
from portbook.cli import complain
from portbook.cli.help import Parser, add_json, add_limit, add_notes, read_limit
from portbook.cli.terminal import print_json, show, style
from portbook.errors import UsageError
from portbook.present.phrases import gap_sentences
from portbook.present.render import port_json
from portbook.present.views import lists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints what a text finds; 1 where it finds nothing. Raises UsageError."""
    parser = Parser(
        "search",
        "Find services, products, reported abuse and your own notes, best match first.",
    )
    parser.add_argument("text", nargs="+", metavar="TEXT", help="what to look for")
    add_limit(parser, "matches")
    add_json(parser)
    add_notes(parser)
    options = parser.parse_intermixed_args(list(argv))
    text = " ".join(options.text)
    if not text.strip():
        raise UsageError("the text is empty: give a name, or words of a description")
    limit = read_limit(options)
    if options.notes:
        check_named(catalog.expectations)
        for reason in gap_sentences(catalog.expectations().missing):
            complain(f"not seen: {reason}")
    found = search_text(text, catalog, limit or sys.maxsize, notes=options.notes)
    if options.json:
        print_json(port_json.of(found))
    else:
        show(lists.render_search(found, style()))
    return 0 if found.found else 1
