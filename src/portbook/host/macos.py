"""macOS: every process is asked for its sockets; those of other users answer only to root."""

from __future__ import annotations

from functools import partial

from portbook.host import psutil_sockets
from portbook.model import PortRules


def read_rules() -> PortRules:
    """Not read: net.inet.ip.portrange.* would take a call into the C library."""
    return PortRules("macos")


_SYSTEM = psutil_sockets.System(
    read_rules(),
    read=psutil_sockets.read_each_process,
    posix=True,
    whole=True,
)
read_host = partial(psutil_sockets.read_system, _SYSTEM)
