"""``portbook blocks``."""

from __future__ import annotations

from portbook.app.list_lookup import answer_blocks
from portbook.cli.help import Parser, add_json, add_limit, read_limit
from portbook.cli.terminal import print_json, show, style
from portbook.model import RANGES, State
from portbook.present.render import port_json
from portbook.present.render.document_text import render_page
from portbook.present.views.ranges import Length, compose_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints the blocks of a state, the longest first."""
    parser = Parser("blocks", "List the runs of ports of one state, the longest first.")
    parser.add_argument(
        "--state",
        choices=[*map(str, State), "any"],
        default="unassigned",
        help="which state (default: unassigned)",
    )
    parser.add_argument(
        "--range", choices=[each.name for each in RANGES], help="only inside this range"
    )
    add_limit(parser, "blocks")
    add_json(parser)
    options = parser.parse_args(list(argv))
    limit = read_limit(options)
    state = None if options.state == "any" else State(options.state)
    blocks = answer_blocks(catalog, state, options.range)
    if options.json:
        print_json(port_json.of_blocks(blocks, limit))
    else:
        show(render_page(compose_blocks(blocks, Length(limit, "--limit 0 shows all")), style()))
    return 0
