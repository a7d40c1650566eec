r"""What other systems print and do about ports: readers of text, and sourced facts. Pure.

``netsh`` speaks the language of its Windows, and no word of it is relied on: numbers, dashes and
the asterisk are the same in all of them.

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

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput
from portbook.model import Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class ExcludedRange(NamedTuple):
    """Ports that Windows gives to nobody who doesn't hold the reservation.

    A bind there fails with WSAEACCES although nothing listens. ``administered`` ones were made
    by an administrator and stay; the others come from services, such as Hyper-V's, and move at
    each start of the system.
    """

    first: int
    last: int
    administered: bool = False


class SystemListener(NamedTuple):
    """A part of a system, or an engine on it, that listens for something else.

    ``programs`` are the names of its processes, in lower case and without ``.exe``; ``ports``
    those it always takes, none where it takes the ports of what it stands in for. ``mend`` says
    how to have the port back.
    """

    system: str
    name: str
    programs: tuple[str, ...]
    ports: tuple[tuple[int, Transport], ...]
    summary: str
    mend: str
    source: str
    read: str


SYSTEM_LISTENERS = (
    SystemListener(
        system="macos",
        name="AirPlay Receiver",
        programs=("controlcenter", "controlce"),  # lsof cuts names to nine characters
        ports=((5000, Transport.TCP), (7000, Transport.TCP)),
        summary="Control Center listens here for AirPlay, from macOS 12 on",
        mend="Turn AirPlay Receiver off in System Settings, General, AirDrop & Handoff, "
        "or use another port",
        source="https://github.com/puma/puma-dev/issues/288",
        read="2026-11-21",
    ),
    SystemListener(
        system="windows",
        name="WSL localhost relay",
        programs=("wslrelay",),
        ports=(),
        summary="WSL 2 with NAT networking relays a port that is bound inside Linux",
        mend="Look for the listener inside WSL: wsl -- portbook PORT",
        source="https://wsl.dev/technical-documentation/localhost",
        read="2026-11-21",
    ),
    SystemListener(
        system="windows",
        name="WSL localhost relay",
        programs=("wslhost",),
        ports=(),
        summary="Older versions of WSL 2 relay a port that is bound inside Linux",
        mend="Look for the listener inside WSL: wsl -- portbook PORT",
        source="https://github.com/microsoft/WSL/issues/9573",
        read="2026-11-21",
    ),
    SystemListener(
        system="windows",
        name="Docker Desktop",
        programs=("com.docker.backend",),
        ports=(),
        summary="Docker Desktop's backend process forwards a published port into its virtual "
        "machine",
        mend="Find the container that publishes it: docker ps --filter publish=PORT",
        source="https://docs.docker.com/desktop/features/networking",
        read="2026-11-21",
    ),
    SystemListener(
        system="macos",
        name="Docker Desktop",
        programs=("com.docker.backend", "com.docke"),
        ports=(),
        summary="Docker Desktop's backend process forwards a published port into its virtual "
        "machine",
        mend="Find the container that publishes it: docker ps --filter publish=PORT",
        source="https://docs.docker.com/desktop/features/networking",
        read="2026-11-21",
    ),
    SystemListener(
        system="windows",
        name="Docker Desktop (VPNKit)",
        programs=("vpnkit",),
        ports=(),
        summary="VPNKit opens the ports that containers publish, in Docker Desktop with Hyper-V",
        mend="Find the container that publishes it: docker ps --filter publish=PORT",
        source="https://github.com/djs55/vpnkit/blob/master/docs/ports.md",
        read="2026-11-21",
    ),
    SystemListener(
        system="macos",
        name="Docker Desktop (VPNKit)",
        programs=("vpnkit", "com.docker.vpnkit"),
        ports=(),
        summary="VPNKit opens the ports that containers publish, in older versions of Docker "
        "Desktop",
        mend="Find the container that publishes it: docker ps --filter publish=PORT",
        source="https://github.com/djs55/vpnkit/blob/master/docs/ports.md",
        read="2026-11-21",
    ),
)


def lookup_system_listeners(
    system: str,
    port: int | None = None,
    transport: Transport | None = None,
    program: str | None = None,
) -> tuple[SystemListener, ...]:
    """Those of *system* that take *port* by themselves, or whose process is called *program*.

    >>> [each.name for each in lookup_system_listeners("macos", port=5000)]
    ['AirPlay Receiver']
    >>> [each.name for each in lookup_system_listeners("windows", program="wslrelay.exe")]
    ['WSL localhost relay']
    """
    name = None if program is None else program.lower().removesuffix(".exe")
    return tuple(
        each
        for each in SYSTEM_LISTENERS
        if each.system == system
        and (
            name in each.programs
            or any(port == taken and transport in (None, over) for taken, over in each.ports)
        )
    )


def parse_excluded_ranges(text: str) -> tuple[ExcludedRange, ...]:
    """What ``netsh interface ipv4 show excludedportrange protocol=tcp`` prints, in any language.

    Raises MalformedInput for text without the table's line of dashes, or a row that is no range.
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


def parse_dynamic_range(text: str) -> tuple[int, int]:
    r"""What ``netsh int ipv4 show dynamicport tcp`` prints, in any language: first and last port.

    Raises MalformedInput for text without two lines that end in a colon and a number.

    >>> parse_dynamic_range("Start Port      : 49152\nNumber of Ports : 16384\n")
    (49152, 65535)
    """
    numbers = []
    for line in text.replace("\r", "\n").split("\n"):
        # Some languages write a full-width colon.
        _, colon, value = line.replace("\uff1a", ":").rpartition(":")
        value = value.strip()
        if colon and value.isascii() and value.isdecimal() and len(value) <= 5:
            numbers.append(int(value))
    if len(numbers) != 2 or not numbers[1] or sum(numbers) > 65536:
        raise MalformedInput("it is not a dynamic port range as netsh prints it")
    start, count = numbers
    return start, start + count - 1
