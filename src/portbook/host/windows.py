"""Windows: the system's own table names one process for each socket, whoever asks."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from portbook.host import psutil_sockets
from portbook.host.netsh import parse_excluded_ranges
from portbook.model import Family, Gap, GapCode, Host, Need, PortRules, Transport, Visibility

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.model import OwnerSearch

# The idle process and System, in which the drivers (http.sys, the file server) listen.
_SYSTEM = (0, 4)


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
        psutil_sockets.read_table(psutil),
        lambda pid: psutil_sockets.read_process(psutil, pid, posix=False),
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


def read_excluded_ranges(
    transport: Transport,
    *,
    run: Callable[[list[str]], str] | None = None,
) -> tuple[tuple[tuple[int, int, str], ...], tuple[Gap, ...]]:
    """The port ranges that netsh lists as excluded for *transport*, IPv4 and IPv6.

    Each is its first and last port and who excluded it. *run* runs a command and returns what it
    prints. netsh knows tcp and udp only.
    """
    if transport not in (Transport.TCP, Transport.UDP):
        return (), ()
    found: dict[tuple[int, int, str], None] = {}
    for family in Family:
        command = [system_program("netsh"), "interface", family, "show", "excludedportrange"]
        try:
            text = (run or _run)([*command, f"protocol={transport}"])
            ranges = parse_excluded_ranges(text)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return tuple(found), (Gap(GapCode.EXCLUDED_UNREADABLE, detail=one_reason(error)),)
        for each in ranges:
            who = "an administrator" if each.administered else "a service such as Hyper-V"
            found[each.first, each.last, who] = None
    return tuple(found), ()


def one_reason(error: Exception) -> str:
    """What *error* says, in a line."""
    return getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__


def system_program(name: str) -> str:
    """The path of a program of Windows' own.

    A bare name would be looked for in the working directory before (CreateProcessW, Win32).
    """
    root = os.environ.get("SYSTEMROOT", r"C:\Windows")
    return rf"{root}\System32\{name}.exe"


def _run(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - a fixed command of the system's own
        command, capture_output=True, check=True, timeout=3, stdin=subprocess.DEVNULL
    )
    # The console's code page: digits, dashes and stars are the same in all of them.
    return done.stdout.decode("ascii", "replace")
