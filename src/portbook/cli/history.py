"""``portbook history``."""

from __future__ import annotations

from portbook.app.history import chronicle, compare_kept, is_since, subject_of
from portbook.cli.help import Parser, add_limit, read_limit
from portbook.cli.terminal import print_json, show, style
from portbook.errors import UsageError, shown
from portbook.present.render.document_text import render_page
from portbook.present.render.report_json import of_change, of_history
from portbook.present.views import history

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints what changed; 1 where a name is asked for that no copy of the registry has."""
    options = _parse(argv)
    if options.diff:
        old, new = options.diff
        found = compare_kept(old, new, catalog)
    else:
        port, name = (None, None) if options.query is None else subject_of(options.query)
        found = chronicle(catalog, port, name, options.since)
    if options.json or options.jsonl:
        found = found._replace(changes=found.changes[: options.limit or None])
    if options.json:
        print_json(of_history(found))
    elif options.jsonl:
        for change in found.changes:
            print_json(of_change(change), line=True)
    else:
        show(render_page(history.compose(found, options.limit), style()))
    return 0 if found.known else 1


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "history",
        "Show what was assigned, renamed, reserved or removed, and when. Snapshots of the "
        "registry are compared: earlier and short-lived changes aren't covered.",
    )
    parser.add_argument("query", nargs="?", metavar="PORT|NAME", help="a port, or a service name")
    parser.add_argument(
        "--since", metavar="DATE", help="only what may have happened since then: 2025, 2025-01-31"
    )
    parser.add_argument(
        "--diff",
        nargs=2,
        metavar=("OLD", "NEW"),
        help="the difference between two versions of the registry: shipped, current, or a number "
        "or date of portbook update --list",
    )
    add_limit(parser, "changes")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON object")
    parser.add_argument("--jsonl", action="store_true", help="one JSON object per line")
    options = parser.parse_args(list(argv))
    if options.json and options.jsonl:
        raise UsageError("--json and --jsonl exclude each other: give one of them")
    options.limit = read_limit(options)
    if options.diff and (options.query is not None or options.since is not None):
        raise UsageError("--diff compares two whole registries: leave the port and --since out")
    if options.since is not None and not is_since(options.since):
        raise UsageError(f"--since {shown(options.since)} is no date: give 2025-01-31, or a year")
    if options.since is not None and options.since > _tomorrow():
        raise UsageError(f"--since {shown(options.since)} is yet to come: give a day up to today")
    return options


def _tomorrow() -> str:
    """The latest day that it can be anywhere."""
    import time

    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
