"""``portbook doctor``."""

from __future__ import annotations

from portbook import __version__
from portbook.app.doctor import check_up
from portbook.cli.help import Parser, add_json
from portbook.cli.terminal import print_json, show, style
from portbook.present.owners import viewer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints what portbook can see here, and why not more; 3 with --strict where that isn't all."""
    parser = Parser(
        "doctor",
        "Show what portbook can see on this machine and why not more, the age of the registry, the "
        "notes in force and the optional parts that are installed.",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if not everything could be seen"
    )
    add_json(parser)
    options = parser.parse_args(list(argv))
    checkup = check_up(catalog)
    if options.json:
        from portbook.present.render.report_json import of_checkup

        print_json(of_checkup(checkup, __version__))
    else:
        from portbook.present.views.doctor import render_checkup

        user = None
        if checkup.uid is not None:
            from portbook.host.linux.procfs import read_user

            user = read_user(checkup.uid)
        show(render_checkup(checkup, __version__, viewer(), style(), user))
    return 3 if options.strict and checkup.missing else 0
