"""Windows: the system's own table names one process for each socket, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.host import psutil_host
from portbook.model import Host, PortRules, Transport, Visibility

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.host import OwnerSearch

# The idle process and System, in which the drivers (http.sys, the file server) listen.
_SYSTEM = (0, 4)


def read_host(
    ports: tuple[int, int] | None,
    transport: Transport | None,
    owners: OwnerSearch,
    *,
    load: Callable[[], Any] = psutil_host.load_psutil,
) -> Host:
    """As :func:`portbook.host.read_host`; *load* gives psutil."""
    rules = read_rules()
    try:
        psutil = load()
    except ImportError:
        reason = "this machine can't be asked without psutil: pip install psutil"
        return Host((), Visibility.PARTIAL, (reason,), rules)
    return psutil_host.host_of(
        psutil_host.read_table(psutil),
        lambda pid: psutil_host.read_process(psutil, pid, posix=False),
        ports,
        transport,
        owners,
        rules,
        kernel=_SYSTEM,
        whole=False,
    )


def read_rules() -> PortRules:
    """Not read: netsh keeps a dynamic range for each transport and family."""
    return PortRules("windows")
