"""What to do about a port: why a bind fails, and what would make it succeed."""

from __future__ import annotations

from portbook.errors import InvalidQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.bind.diagnose import Why
    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader
    from portbook.model import Finding, Listener, Note, PortRules, Transport


def why_bind(
    port: int,
    transport: Transport,
    catalog: Catalog,
    address: str | None = None,
    *,
    notes: bool = True,
    host: HostReader | None = None,
) -> Why:
    """Whether *port* can be bound now, on *address* or on every one, and why.

    The port is bound for real, for a moment, and nothing listens on it meanwhile. *address* is
    numeric, or ``localhost`` for both loopback addresses; *notes* takes the user's own into
    account. Raises InvalidQuery for port 0, which no
    socket can hold.
    """
    if port == 0:
        raise InvalidQuery(
            "0 asks the system to choose a port, so nothing holds it: give one from 1 to 65535", "0"
        )
    from portbook.app.bind.addresses import LOCALHOST
    from portbook.app.bind.diagnose import weigh
    from portbook.app.bind.observations import Elsewhere, Evidence, Redirected
    from portbook.catalog.expectations.lookup import NONE
    from portbook.host.host_reader import THIS_HOST
    from portbook.model import OwnerSearch, PortRules

    host = host or THIS_HOST
    tries = host.try_binds(port, transport, None if address == LOCALHOST else address)
    seen = host.read_host((port, port), transport, OwnerSearch.FIRST)
    listeners = seen.listeners
    if any(owner.program == "systemd" for each in listeners for owner in each.ownership.owners):
        listeners = host.add_activations(listeners)
    conflicts = host.read_conflicts(port, transport)
    redirects, no_rules = host.read_redirects(port, transport)
    others, no_namespaces = host.read_elsewhere((port, port), transport)
    excluded, no_ranges = host.read_excluded_ranges(transport)
    missing = (*seen.missing, *conflicts.missing, *no_rules, *no_namespaces, *no_ranges)
    own = catalog.expectations() if notes else NONE
    note = own.lookup(port, transport)
    rules = seen.rules or PortRules("")
    counts = note is not None and note.trusted
    held = (
        _held_against(note, listeners, rules, catalog, own.users, host) if note and counts else ()
    )
    found = weigh(
        Evidence(
            port=port,
            transport=transport,
            tries=tries,
            address=address,
            listeners=listeners,
            connections=conflicts.connections,
            rules=rules,
            redirects=tuple(Redirected(each.to, each.text, each.source) for each in redirects),
            elsewhere=tuple(
                Elsewhere(name, each) for name, other in others for each in other.listeners
            ),
            excluded=excluded,
            parts=catalog.practice.system_listeners() if rules.system != "linux" else (),
            missing=tuple(dict.fromkeys(missing)),
        )
    )
    return found._replace(
        notes=() if note is None else (note,),
        noted=held,
        left_out=own.missing,
        localhost=host.read_name(LOCALHOST) if len(listeners) > 1 else None,
    )


def _held_against(
    note: Note,
    listeners: tuple[Listener, ...],
    rules: PortRules,
    catalog: Catalog,
    trusted: frozenset[int],
    host: HostReader,
) -> tuple[Finding, ...]:
    """What the verdict says of *listeners* on account of *note*."""
    from portbook.app.judge import judge_listener

    findings = [
        finding
        for each in listeners
        for finding in judge_listener(
            each._replace(assessment=each.assessment._replace(note=note)),
            rules,
            catalog,
            trusted=trusted,
            host=host,
        )
        if finding.code in ("unexpected-program", "noted")
        or (finding.code == "expected" and note.expects)
    ]
    # Of sockets that are alike it says the same.
    return tuple({(each.code, each.facts): each for each in findings}.values())
