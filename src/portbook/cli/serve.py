"""``portbook serve``."""

from __future__ import annotations

from portbook.cli import tell_notes
from portbook.cli.help import Parser
from portbook.errors import MissingExtra, UsageError, shown
from portbook.formats.errors.query import parse_port
from portbook.host.run_tool import acts_as_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog

_NEEDED = ("httptools", "jinja2", "starlette", "uvicorn")


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Serves the site until it is told to stop. Raises UsageError."""
    parser = Parser(
        "serve",
        "Serve the site: a page for every port, its API, and what listens on this machine.",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to listen on (default: 127.0.0.1); one that other machines can reach "
        "takes --public",
    )
    parser.add_argument(
        "--port", metavar="PORT", help="the port to listen on (default: 4905; 0: any free one)"
    )
    parser.add_argument(
        "--public",
        action="store_true",
        help="let other machines in; hides everything about this host",
    )
    parser.add_argument(
        "--show-commands",
        action="store_true",
        help="show the arguments of this machine's processes; they may contain passwords",
    )
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help="the site's public URL, for links and preview images",
    )
    parser.add_argument("--open", action="store_true", help="open the site in a browser")
    options = parser.parse_args(list(argv))
    if options.public and options.show_commands:
        raise UsageError(
            "--show-commands and --public exclude each other: a public site has no machine to show"
        )
    check_base_url(options.base_url)
    port = None if options.port is None else parse_port(options.port)[0]
    if options.open and acts_as_root():
        raise UsageError("root opens no browser: leave --open out, and open the address yourself")
    need_web("portbook serve")
    from portbook.web.server import DEFAULT_PORT, serve

    catalog.check()
    tell_notes(catalog)
    return serve(
        catalog,
        options.host,
        DEFAULT_PORT if port is None else port,
        public=options.public,
        show_commands=options.show_commands,
        browser=options.open,
        base_url=options.base_url,
    )


def check_base_url(address: str | None) -> None:
    """Raises UsageError where *address*, what ``--base-url`` names, is none of the web."""
    if address is not None and not address.startswith(("http://", "https://")):
        raise UsageError(
            f"--base-url {shown(address)} is no http or https address: "
            "give one such as https://ports.example.org/"
        )


def need_web(what: str, needed: Sequence[str] = _NEEDED) -> None:
    """Raises MissingExtra for *what* where a part of the extra isn't installed: one of *needed*."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in needed):
        raise MissingExtra("web", what)
