"""``portbook update``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from portbook.app import update
from portbook.catalog.update import install
from portbook.catalog.update.source import TIMEOUT
from portbook.cli import complain
from portbook.cli.help import Parser
from portbook.cli.progress import Measure, progress_bar
from portbook.cli.terminal import print_json, style
from portbook.errors import UsageError
from portbook.present.views import update as updates

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Fetches the registry and puts it in use, or takes that back."""
    options = _parse(argv)
    request = update.Request(
        options.source,
        force=options.force,
        dry_run=options.dry_run,
        system=options.system,
        timeout=options.timeout,
    )
    if options.list:
        return _list(request.home, catalog.shipped.store.as_of, options)
    if options.rollback:
        outcome = update.roll_back(request.home, tell=catalog.notes.append, shipped=catalog.shipped)
    else:
        # Nothing to wait for where it comes from a file.
        fetches = request.url.lower().startswith(("http:", "https:"))
        quiet = options.quiet or not fetches
        with progress_bar("registry", Measure.BYTES, quiet=quiet) as progress:
            outcome = update.update(request, progress, catalog.notes.append, catalog.shipped)
    if outcome.plain:
        complain(f"{outcome.url} came over http: anyone on the way can have changed it")
    if options.json:
        from portbook.present.render.report_json import of_update

        print_json(of_update(outcome))
    elif not options.quiet:
        sys.stdout.write(updates.render(outcome, style()))
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "update",
        "Update the registry from IANA. Old versions are kept; a failed update changes nothing.",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE|URL",
        help="take IANA's XML or CSV from here: a mirror, or a local file",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show the difference, and write nothing"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="take it even if it is older or doesn't look like the registry",
    )
    parser.add_argument(
        "--rollback", action="store_true", help="go back to the version before, without fetching"
    )
    parser.add_argument(
        "--list", action="store_true", help="list the versions kept on this machine"
    )
    parser.add_argument(
        "--system",
        action="store_true",
        help="for all users of this machine; needs an administrator",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"for the whole download (default: {TIMEOUT:g})",
    )
    parser.add_argument("-j", "--json", action="store_true", help="one JSON object")
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    options = parser.parse_args(list(argv))
    if not 0 < options.timeout <= 86_400:
        raise UsageError(f"--timeout {options.timeout:g} is no time: give seconds, 1 to 86400")
    if options.source == "":
        raise UsageError("--from is empty: give an https address or a file")
    asked = [name for name in ("rollback", "list", "dry_run") if getattr(options, name)]
    if len(asked) > 1 or (asked and asked[0] != "dry_run" and (options.source or options.force)):
        words = [f"--{name.replace('_', '-')}" for name in asked]
        words += ["--from"] * bool(options.source) + ["--force"] * bool(options.force)
        raise UsageError(f"{' and '.join(words)} exclude each other: give one of them")
    return options


def _list(home: str, own: str, options: argparse.Namespace) -> int:
    versions = install.versions(home)
    found = {each.number: install.damaged_file(home, each) for each in versions}
    damaged = {number: name for number, name in found.items() if name is not None}
    if options.json:
        from portbook.present.render.report_json import of_versions

        print_json(of_versions(versions, own, damaged))
    else:
        sys.stdout.write(updates.render_versions(versions, own, damaged, style()))
    return 1 if any(each.in_use and each.number in damaged for each in versions) else 0
