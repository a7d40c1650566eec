"""``portbook note``."""

from __future__ import annotations

import sys

from portbook.app.notes import note_port
from portbook.cli.given import one_port
from portbook.cli.help import Parser
from portbook.cli.terminal import style
from portbook.errors import InvalidArgument, InvalidQuery, UsageError, shown
from portbook.present.views import notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Writes a note on a port into the user's own file. Raises InvalidQuery or UsageError."""
    parser = Parser(
        "note",
        "Write down what a port is for, in your own ports.toml: every answer about the port shows "
        "it. An existing note gets the new text; the rest of the file is kept.",
    )
    parser.add_argument(
        "query", metavar="PORT", help="a port (8306; 8306/tcp for one transport), or a service"
    )
    parser.add_argument("text", metavar="TEXT", nargs="+", help="what it is for")
    options = parser.parse_args(list(argv))
    query = one_port(options.query, catalog)
    if query.address is not None:
        raise InvalidQuery(
            f"{shown(options.query)} has an address: notes are on ports, give {query.first}",
            options.query,
        )
    try:
        written = note_port(query.first, " ".join(options.text), query.transport)
    except InvalidArgument as error:
        raise UsageError(f"TEXT {error.reason}") from error
    sys.stdout.write(notes.render_written(written, style()))
    return 0
