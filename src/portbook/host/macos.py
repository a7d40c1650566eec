"""macOS: every process is asked for its sockets; those of other users answer only to root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.host import psutil_sockets
from portbook.model import Host, PortRules, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.model import OwnerSearch


def read_host(
    ports: tuple[int, int] | None,
    transport: Transport | None,
    owners: OwnerSearch,
    *,
    load: Callable[[], Any] = psutil_sockets.load_psutil,
) -> Host:
    """As :func:`portbook.host.reader.read_host`; *load* gives psutil."""
    system = psutil_sockets.System(
        read_rules(),
        read=psutil_sockets.read_each_process,
        posix=True,
        whole=True,
    )
    return psutil_sockets.read_system(system, ports, transport, owners, load)


def read_rules() -> PortRules:
    """Not read: net.inet.ip.portrange.* would take a call into the C library."""
    return PortRules("macos")
