"""macOS: every process is asked for its sockets; those of other users answer only to root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.host import psutil_sockets
from portbook.model import Gap, GapCode, Host, Need, PortRules, Transport, Visibility

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
    rules = read_rules()
    try:
        psutil = load()
    except ImportError:
        gap = Gap(GapCode.PSUTIL_MISSING, needs=Need.TOOL)
        return Host((), Visibility.PARTIAL, (gap,), rules)
    return psutil_sockets.host_of(
        psutil_sockets.read_each_process(psutil),
        lambda pid: psutil_sockets.read_process(psutil, pid, posix=True),
        ports,
        transport,
        owners,
        rules,
        kernel=(),
        whole=True,
    )


def read_rules() -> PortRules:
    """Not read: net.inet.ip.portrange.* would take a call into the C library."""
    return PortRules("macos")
