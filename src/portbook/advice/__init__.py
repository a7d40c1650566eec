"""What to do about a port: why a bind fails, and what would make it succeed."""

from __future__ import annotations

from portbook.advice.why import Evidence, Why, weigh
from portbook.host import read_conflicts, read_host
from portbook.host.bindprobe import try_binds
from portbook.model import PortRules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Transport


def why_bind(port: int, transport: Transport, address: str | None = None) -> Why:
    """Whether *port* can be bound now, on *address* or on every one, and why.

    The port is bound for real, for a moment, and nothing listens on it meanwhile.
    """
    tries = try_binds(port, transport, address)
    seen = read_host((port, port), transport, "first")
    conflicts = read_conflicts(port, transport)
    return weigh(
        Evidence(
            port,
            transport,
            tries,
            address,
            seen.listeners,
            conflicts.connections,
            seen.rules or PortRules(""),
            missing=tuple(dict.fromkeys((*seen.missing, *conflicts.missing))),
        )
    )
