"""Whether packets of other machines to 127.0.0.0/8 are let in: route_localnet (ip-sysctl.rst)."""

from __future__ import annotations

import os

_SETTINGS = "/proc/sys/net/ipv4/conf"


def lets_loopback_in(settings: str = _SETTINGS) -> bool:
    """Whether an interface beside ``lo`` lets them in; False where that can't be read."""
    try:
        names = os.listdir(settings)
    except OSError:
        return False
    return any(
        _is_on(f"{settings}/{name}/route_localnet")
        for name in sorted(names, key=lambda name: name != "all")
        if name not in ("default", "lo")
    )


def _is_on(path: str) -> bool:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(8).strip() not in (b"", b"0")
    except OSError:
        return False
