"""Which sockets are asked for: the options that ``listen`` and ``explain`` share."""

from __future__ import annotations

from portbook.app.socket_filter import Filter, PortSpan, read_spans
from portbook.errors import InvalidQuery, UsageError, shown
from portbook.model import Level, Reach, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Protocol

    from portbook.catalog import Catalog

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
    from portbook.cli.help import Beside

    parser.add_argument(
        "--transport",
        type=str.lower,
        choices=[*map(str, Transport)],
        help="show only this transport",
    )
    for transport in (Transport.TCP, Transport.UDP):
        parser.add_argument(
            f"-{transport[0]}",
            f"--{transport}",
            dest="transport",
            action=Beside,
            nargs=0,
            const=str(transport),
            help=f"the same as --transport {transport}",
        )
    parser.add_argument(
        "--port",
        metavar="PORT",
        help="show only this port (53, 53/udp), range (6000-6063) or service",
    )
    parser.add_argument(
        "--program",
        metavar="NAME",
        help="show only programs whose name contains or matches this (python*)",
    )
    parser.add_argument(
        "--user", metavar="NAME", help="show only this user's sockets (name or uid)"
    )
    parser.add_argument(
        "--reach",
        choices=[reach.value for reach in Reach],
        help="show only sockets that can be reached from there",
    )
    parser.add_argument(
        "--level",
        choices=[*map(str, Level)],
        help="show only sockets with a finding at this level or above",
    )


def filter_of(options: Wanted, catalog: Catalog, words: Sequence[str] = ()) -> Filter:
    """The filter that *options* ask for, and *words*, which are ports, ranges or names.

    Raises UsageError, or InvalidQuery for a wrong port.
    """
    transport = Transport(options.transport) if options.transport else None
    spans: tuple[PortSpan, ...] = ()
    for word in words:
        try:
            spans += read_spans(word, catalog)
        except InvalidQuery:
            option = _option_meant(word)
            if option is not None:
                meant = f"portbook listen {option}".rstrip()
                raise UsageError(
                    f"{shown(word)} is not a port, a range or a service that has a port; did you "
                    f"mean: {meant}?"
                ) from None
            raise
    if options.port is not None:
        spans += read_spans(options.port, catalog)
    for span in spans:
        if transport is not None and span.transport not in (None, transport):
            raise UsageError(
                f"{span.first}/{span.transport} and --transport {transport} exclude each other"
            )
    ports = None
    if spans:
        ports = (min([span.first for span in spans]), max([span.last for span in spans]))
        kinds = {span.transport for span in spans}
        transport = transport or (kinds.pop() if len(kinds) == 1 else None)
    return Filter(
        transport=transport,
        ports=ports,
        program=options.program,
        user=options.user,
        reach=Reach(options.reach) if options.reach else None,
        level=Level(options.level) if options.level else None,
        spans=spans if len(spans) > 1 else (),
    )


_ALL = frozenset(("all", "any", "every", "everything", "ports", "sockets"))


def _option_meant(word: str) -> str | None:
    """The option that asks for what *word* names, where that is no port; None where it looks so.

    >>> _option_meant("udp"), _option_meant("check"), _option_meant("node"), _option_meant("80x")
    ('--udp', '--level check', '--program node', None)

    Empty where it means all sockets, which are listed without an option.
    """
    name = word.lower()
    if name in _ALL:
        return ""
    if name in (Transport.TCP, Transport.UDP):
        return f"--{name}"
    for option, names in (("transport", Transport), ("level", Level), ("reach", Reach)):
        if name in [str(each) for each in names]:
            return f"--{option} {name}"
    if name == "root":
        return "--user root"
    if not word[:1].isalpha() or not word.replace("-", "").replace(".", "").isalnum():
        return None
    return f"--program {word}"


def check_user(user: str | None) -> None:
    """Raises UsageError where *user* is no user of this machine; any number may be one."""
    if user is None or (user.isascii() and user.isdigit()):
        return
    try:
        import pwd
    except ModuleNotFoundError:  # Windows
        return
    try:
        pwd.getpwnam(user)
    except (KeyError, ValueError):
        raise UsageError(
            f"--user {shown(user)} is no user of this machine: give a name that it has, or a uid"
        ) from None
