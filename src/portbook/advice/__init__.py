"""What to do about a port: why a bind fails, and what would make it succeed."""

from __future__ import annotations

from portbook.advice.why import Elsewhere, Evidence, Redirected, Why, weigh
from portbook.host import read_conflicts, read_excluded_ranges, read_host
from portbook.host.bindprobe import try_binds
from portbook.model import PortRules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Transport


def why_bind(port: int, transport: Transport, address: str | None = None) -> Why:
    """Whether *port* can be bound now, on *address* or on every one, and why.

    The port is bound for real, for a moment, and nothing listens on it meanwhile.
    """
    from portbook.host.elsewhere import read_elsewhere
    from portbook.host.nat import read_redirects

    tries = try_binds(port, transport, address)
    seen = read_host((port, port), transport, "first")
    conflicts = read_conflicts(port, transport)
    redirects, no_rules = read_redirects(port, transport)
    others, no_namespaces = read_elsewhere((port, port), transport)
    excluded, no_ranges = read_excluded_ranges(transport)
    missing = (*seen.missing, *conflicts.missing, *no_rules, *no_namespaces, *no_ranges)
    return weigh(
        Evidence(
            port,
            transport,
            tries,
            address,
            seen.listeners,
            conflicts.connections,
            seen.rules or PortRules(""),
            tuple(Redirected(each.to, each.text, each.source) for each in redirects),
            tuple(Elsewhere(name, each) for name, host in others for each in host.listeners),
            excluded,
            tuple(dict.fromkeys(missing)),
        )
    )
