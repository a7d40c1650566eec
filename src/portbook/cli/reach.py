"""``portbook reach``."""

from __future__ import annotations

from portbook.app.reach import ReachRequest, reach_here
from portbook.cli.given import one_port
from portbook.cli.help import Parser, add_json
from portbook.cli.terminal import print_answers, show, style
from portbook.host.host_reader import CommandsHost
from portbook.model import Visibility

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader


def run(argv: Sequence[str], catalog: Catalog, host: HostReader | None = None) -> int:
    """Prints from where each port can be reached; 3 where not all was visible, with --strict."""
    parser = Parser(
        "reach",
        "Show from where a port of this machine can be reached, and which firewall rule decides. "
        "With a name or an address, show which program answers there.",
    )
    parser.add_argument(
        "queries",
        nargs="+",
        metavar="PORT",
        help="a port (8080, 53/udp), or with a name or an address of this machine "
        "(localhost:5173, 127.0.0.1:53/udp, [::1]:5432)",
    )
    parser.add_argument(
        "--resolve",
        action="store_true",
        help="ask DNS for a name that is neither localhost nor in /etc/hosts",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if not everything could be seen"
    )
    add_json(parser)
    options = parser.parse_args(list(argv))
    reports = []
    for word in options.queries:
        query = one_port(word, catalog)
        request = ReachRequest(query.first, query.transport, query.address, options.resolve)
        reports.append(reach_here(request, host or CommandsHost()))
    if options.json:
        from portbook.present.render.report_json import of_reach

        print_answers([*map(of_reach, reports)])
    else:
        from portbook.present.owners import viewer
        from portbook.present.views.reach import render_reach

        show("\n".join([render_reach(each, style(), viewer()) for each in reports]))
    hidden = any(each.visibility is Visibility.PARTIAL for each in reports)
    return 3 if options.strict and hidden else 0
