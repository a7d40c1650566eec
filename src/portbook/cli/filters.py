"""Which sockets are asked for: the options that ``listen`` and ``explain`` share."""

from __future__ import annotations

from portbook.app.listen import Filter
from portbook.errors import UsageError, shown
from portbook.model import Level, Reach, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Protocol

    class Wanted(Protocol):
        """What a command line says of the sockets that are asked for."""

        @property
        def transport(self) -> str | None: ...
        @property
        def port(self) -> str | None: ...
        @property
        def program(self) -> str | None: ...
        @property
        def user(self) -> str | None: ...
        @property
        def reach(self) -> str | None: ...
        @property
        def level(self) -> str | None: ...


def add_filters(parser: argparse.ArgumentParser) -> None:
    """``--transport``, ``--port``, ``--program``, ``--user``, ``--reach`` and ``--level``."""
    parser.add_argument("--transport", choices=[*map(str, Transport)], help="only this transport")
    parser.add_argument(
        "--port", metavar="PORT", help="only this port (53, 53/udp), or range (6000-6063)"
    )
    parser.add_argument("--program", metavar="NAME", help="only what a program of this name holds")
    parser.add_argument("--user", metavar="NAME", help="only what this user holds, by name or uid")
    parser.add_argument(
        "--reach",
        choices=[reach.value for reach in Reach],
        help="only what can be reached from there",
    )
    parser.add_argument(
        "--level", choices=[*map(str, Level)], help="only with a finding at this level or above"
    )


def filter_of(options: Wanted) -> Filter:
    """The filter that *options* ask for. Raises UsageError, or InvalidQuery for a wrong port."""
    ports, transport = None, Transport(options.transport) if options.transport else None
    if options.port is not None:
        from portbook.formats.errors.query import parse_query

        query = parse_query(options.port)
        if query.kind not in ("port", "range") or query.address is not None:
            raise UsageError(
                f"--port {shown(options.port)} is no port or range: give 8080, say, or 6000-6063"
            )
        if transport is not None and query.transport not in (None, transport):
            raise UsageError(
                f"--port {shown(options.port)} and --transport {transport} exclude each other"
            )
        ports, transport = (query.first, query.last), transport or query.transport
    return Filter(
        transport,
        ports,
        options.program,
        options.user,
        Reach(options.reach) if options.reach else None,
        Level(options.level) if options.level else None,
    )
