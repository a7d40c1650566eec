"""Windows: the system's own table names one process for each socket, whoever asks."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput
from portbook.host import psutil_sockets
from portbook.model import Family, Gap, GapCode, PortRules, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def read_rules() -> PortRules:
    """Not read: netsh keeps a dynamic range for each transport and family."""
    return PortRules("windows")


_SYSTEM = psutil_sockets.System(
    read_rules(),
    read=psutil_sockets.read_table,
    posix=False,
    kernel=(0, 4),  # the idle process and System, in which drivers (http.sys, file server) listen
)
read_host = partial(psutil_sockets.read_system, _SYSTEM)


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


# -- what netsh prints ------------------------------------------------------------------------


class ExcludedRange(NamedTuple):
    """Ports that Windows gives to nobody who doesn't hold the reservation.

    A bind there fails with WSAEACCES although nothing listens. ``administered`` ones were made
    by an administrator and stay; the others come from services, such as Hyper-V's, and move at
    each start of the system.
    """

    first: int
    last: int
    administered: bool = False


def parse_excluded_ranges(text: str) -> tuple[ExcludedRange, ...]:
    """What ``netsh interface ipv4 show excludedportrange protocol=tcp`` prints. Pure.

    It speaks the language of its Windows, and no word of it is relied on: numbers, dashes and the
    asterisk are the same in all of them. Raises MalformedInput for text without the table's line of
    dashes, or a row that is no range.

    >>> found = parse_excluded_ranges('''
    ... Protocol tcp Port Exclusion Ranges
    ...
    ... Start Port    End Port
    ... ----------    --------
    ...       5357        5357
    ...      50000       50059     *
    ...
    ... * - Administered port exclusions.
    ... ''')
    >>> [(each.first, each.last, each.administered) for each in found]
    [(5357, 5357, False), (50000, 50059, True)]
    """
    lines = iter(text.replace("\r", "\n").split("\n"))
    for line in lines:
        words = line.split()
        if len(words) == 2 and not "".join(words).strip("-"):
            break
    else:
        raise MalformedInput("it is not a list of excluded port ranges as netsh prints it")
    return tuple(_rows(lines))


def _rows(lines: Iterator[str]) -> Iterator[ExcludedRange]:
    for line in lines:
        words = line.split()
        if not words:
            continue
        if not words[0].isdecimal():
            return  # the legend, or what was typed next
        numbers = [_port(word) for word in words[:2]]
        if len(words) > 3 or len(numbers) != 2 or words[2:] not in ([], ["*"]):
            raise MalformedInput("a row of netsh's excluded port ranges can't be read")
        if numbers[0] > numbers[1]:
            raise MalformedInput("a row of netsh's excluded port ranges runs backwards")
        yield ExcludedRange(numbers[0], numbers[1], len(words) == 3)


def _port(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 5 and int(word) <= 65535):
        raise MalformedInput("a row of netsh's excluded port ranges holds no port")
    return int(word)
