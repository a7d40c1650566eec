"""How to see by hand whether something holds a port, on each system.

The commands are those of :func:`portbook.present.port.this_machine.by_hand`; each matches exactly
the port.
"""

from __future__ import annotations

from functools import lru_cache

from portbook.present.document import Command
from portbook.present.port.entry import PORT, Step, Tab, Tabs
from portbook.present.port.this_machine import by_hand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.present.port.entry import Item

# What an empty answer proves on each system, and what it doesn't.
PROVES = {
    "Linux": (
        "An empty answer proves that no socket listens there in the network namespace that you "
        "asked in. It doesn't rule out a container with a namespace of its own, a redirect in "
        "NAT rules, a socket that is bound but doesn't listen, or a closed connection that still "
        "waits. Without sudo, ss lists every socket but not who holds it; lsof leaves out those "
        "of other users."
    ),
    "macOS": (
        "An empty answer to sudo lsof proves that no process holds a listening socket there. "
        "Without sudo it proves it for your own processes alone. It doesn't rule out a redirect "
        "in the packet filter, or a closed connection that still waits."
    ),
    "Windows": (
        "Where nothing matches, both commands say so with an error: that proves that nothing "
        "listens there in this Windows. It doesn't rule out that the port is in an excluded "
        "range, which makes a bind fail while nothing holds it: netsh lists those. Linux "
        "distributions under WSL 2 and containers have networks of their own."
    ),
}
_EXCLUDED = "netsh interface ipv4 show excludedportrange protocol=tcp"


def check(port: int) -> Iterator[Item]:
    """Commands for Linux, macOS and Windows, and what an empty answer proves on each."""
    yield Tabs(_tabs(), port)


@lru_cache(maxsize=1)
def _tabs() -> tuple[Tab, ...]:
    commands = [item for item in by_hand(PORT) if isinstance(item, Command)]
    tabs = []
    for system, proves in PROVES.items():
        steps = [Step("this page with this machine on it", f"portbook {PORT}")]
        steps += [Step(each.about, each.command) for each in commands if system in each.system]
        if system == "Windows":
            steps.append(Step("excluded ranges", _EXCLUDED))
        steps.append(Step("why a bind fails or would succeed", f"portbook why {PORT}"))
        tabs.append(Tab(system, tuple(steps), proves))
    return tuple(tabs)
