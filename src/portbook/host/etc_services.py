r"""The names that this machine itself gives to ports: services(5).

>>> parse_services("ssh 22/tcp # SecSH\nhttp 80/tcp www\nhttp\t80/udp\n")
{22: ('ssh',), 80: ('http',)}
"""

from __future__ import annotations

import os
import sys

from portbook.model import LAST_PORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 1 << 23  # bytes; macOS has the whole registry in it, some 700 kB


def parse_services(text: str) -> Mapping[int, tuple[str, ...]]:
    """The names of each port, whatever its transport, aliases left out.

    A line that has no name, port and transport is passed over, as getservbyport(3) does.
    """
    names: dict[int, dict[str, None]] = {}
    for line in text.split("\n"):
        words = line.partition("#")[0].split()
        if len(words) < 2:
            continue
        number, slash, _ = words[1].partition("/")
        if not slash or not (number.isascii() and number.isdigit()) or len(number) > 5:
            continue
        if int(number) <= LAST_PORT:
            names.setdefault(int(number), {})[words[0]] = None
    return {port: tuple(of_port) for port, of_port in names.items()}


def services_path() -> str:
    """Where this system keeps the file."""
    if sys.platform in ("win32", "cygwin"):
        root = os.environ.get("SYSTEMROOT", r"C:\Windows")
        return rf"{root}\System32\drivers\etc\services"
    return "/etc/services"


def read_services(path: str | None = None) -> Mapping[int, tuple[str, ...]]:
    """The names in the file at *path*, or where this system keeps it. Raises OSError."""
    with open(path or services_path(), encoding="utf-8", errors="replace") as file:
        return parse_services(file.read(_LARGEST))
