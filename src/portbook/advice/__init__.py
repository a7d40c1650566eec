"""What to do about a port: why a bind fails, and what would make it succeed."""

from __future__ import annotations

from portbook.errors import InvalidQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.advice.why import Why
    from portbook.model import Transport


def why_bind(port: int, transport: Transport, address: str | None = None) -> Why:
    """Whether *port* can be bound now, on *address* or on every one, and why.

    The port is bound for real, for a moment, and nothing listens on it meanwhile. *address* is
    numeric, or ``localhost`` for both loopback addresses. Raises InvalidQuery for port 0, which no
    socket can hold.
    """
    if port == 0:
        raise InvalidQuery(
            "0 asks the system to choose a port, so nothing holds it: give one from 1 to 65535", "0"
        )
    from portbook.advice.addresses import LOCALHOST
    from portbook.advice.why import Elsewhere, Evidence, Redirected, weigh
    from portbook.host import read_conflicts, read_excluded_ranges, read_host
    from portbook.host.bindprobe import try_binds
    from portbook.host.elsewhere import read_elsewhere
    from portbook.host.nat import read_redirects
    from portbook.model import PortRules

    tries = try_binds(port, transport, None if address == LOCALHOST else address)
    seen = read_host((port, port), transport, "first")
    listeners = seen.listeners
    if any(owner.program == "systemd" for each in listeners for owner in each.owners):
        from portbook.host.activation import add_activations

        listeners = add_activations(listeners)
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
            listeners,
            conflicts.connections,
            seen.rules or PortRules(""),
            tuple(Redirected(each.to, each.text, each.source) for each in redirects),
            tuple(Elsewhere(name, each) for name, host in others for each in host.listeners),
            excluded,
            tuple(dict.fromkeys(missing)),
        )
    )
