"""``portbook feedback``."""

from __future__ import annotations

import sys

from portbook._fast_types import NamedTuple
from portbook.cli.help import Parser, add_json, add_limit, read_limit
from portbook.cli.terminal import print_json, style
from portbook.errors import UsageError, shown
from portbook.present.document import Table
from portbook.present.render.document_text import render_item
from portbook.schema.reports import FEEDBACK, VOTE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog
    from portbook.web.feedback.sqlite import FeedbackStore, Tally


def run(argv: Sequence[str], _: Catalog) -> int:
    """Prints what readers said, exports it, or forgets what is old. Raises UsageError."""
    parser = Parser(
        "feedback",
        "Show readers' votes on the site's pages, worst first. The votes are "
        "in your own file, or in the database that PORTBOOK_DATABASE_URL names.",
    )
    add_limit(parser, "pages")
    parser.add_argument(
        "--export", action="store_true", help="print every vote, one JSON object a line"
    )
    parser.add_argument(
        "--delete-before",
        metavar="DATE",
        help="forget the votes that are older than DATE (2026-09-30)",
    )
    add_json(parser)
    options = parser.parse_args(list(argv))
    limit = read_limit(options)
    if sum((options.export, options.json, options.delete_before is not None)) > 1:
        raise UsageError("--export, --json and --delete-before exclude each other: give one")
    day = None if options.delete_before is None else _day(options.delete_before)
    from portbook.web.feedback.store import open_store

    store = open_store()
    try:
        if day is not None:
            gone = store.delete_before(day)
            print(f"{gone:,} vote{'' if gone == 1 else 's'} from before {day} deleted")
        elif options.export:
            _export(store)
        else:
            _show(store, limit, as_json=options.json)
    finally:
        store.close()
    return 0


def _day(text: str) -> str:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"{shown(text)} is not a date: give one as 2026-09-30") from None


def _export(store: FeedbackStore) -> None:
    for vote in store.votes():
        print_json(VOTE.encode(vote), line=True)


class _Report(NamedTuple):
    total: int
    pages: Sequence[Tally]


def _show(store: FeedbackStore, limit: int, *, as_json: bool) -> None:
    tallies = store.tallies()
    shown_ = tallies[:limit] if limit else tallies
    if as_json:
        print_json(FEEDBACK.encode(_Report(len(tallies), shown_)))
        return
    if not tallies:
        print("No reader has said anything yet.")
        return
    rows: list[tuple[str, ...]] = [("page", "no", "partly", "yes", "with a text")]
    rows += [(f"/{each.page}", *map(str, each[1:])) for each in shown_]
    lines = [style().bold("Pages that readers voted on, those that most need work first"), ""]
    lines += render_item(Table(tuple(rows)), style())
    if len(tallies) > len(shown_):
        lines.append(f"  and {len(tallies) - len(shown_):,} more: --limit 0 shows all")
    sys.stdout.write("\n".join(lines) + "\n")
