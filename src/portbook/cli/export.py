"""``portbook export``."""

from __future__ import annotations

import os

from portbook.cli import complain, tell_notes
from portbook.cli.help import Parser
from portbook.cli.progress import Measure, progress_bar
from portbook.cli.serve import check_base_url
from portbook.cli.termination import cleaned_up
from portbook.errors import MissingExtra, UsageError, shown
from portbook.formats.errors.query import parse_query
from portbook.present.escape import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Writes the site as files. Raises MissingExtra or UsageError."""
    parser = Parser(
        "export",
        "Write the site as files for any static host, or to open from a folder. Nothing of this "
        "machine is in it. Only files that changed are written, so it can be run again.",
    )
    parser.add_argument("folder", metavar="DIR", help="the folder to write to; created if missing")
    parser.add_argument(
        "--only", metavar="RANGE", help="only these ports, as 0-1023, and their services"
    )
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help="where the files will be: adds a sitemap, which needs it",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="processes at the same time (default: as many as there are processors)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="write into a folder with other files, and replace those that are in the way",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    options = parser.parse_args(list(argv))
    if not options.folder:
        raise UsageError("DIR is empty: name the folder to write to")
    first, last = _span(options.only)
    check_base_url(options.base_url)
    if options.jobs < 0:
        raise UsageError(f"--jobs {options.jobs} is below 0: give 0 for all processors")
    try:
        from portbook.web.export.site import Plan, export
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe"):
            raise
        raise MissingExtra("web", "portbook export") from error
    catalog.check()
    tell_notes(catalog)
    jobs = options.jobs or os.cpu_count() or 1
    plan = Plan(
        folder=options.folder,
        first=first,
        last=last,
        base_url=options.base_url,
        jobs=jobs,
        force=options.force,
    )
    with cleaned_up(), progress_bar("pages", Measure.COUNT, quiet=options.quiet) as tell:
        done = export(plan, catalog, lambda steps: tell(steps, plan.steps), complain)
    if not options.quiet:
        print(
            f"{done.files:,} files in {plain(options.folder)}: {done.written:,} written, "
            f"{done.files - done.written:,} unchanged, {done.seconds:.1f} s"
        )
    return 0


def _span(only: str | None) -> tuple[int, int]:
    if only is None:
        return 0, 65535
    query = parse_query(only)
    if query.kind not in ("port", "range") or query.transport is not None:
        raise UsageError(f"--only {shown(only)} is no range of ports: give one such as 0-1023")
    return query.first, query.last
