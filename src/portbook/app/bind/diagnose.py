"""Why a port can or can't be bound: the kernel's own answer, and each cause.

The answer is a real bind, made just now; the causes are what was found beside it. A cause either
*blocks* the bind, or warns of what can go wrong though it succeeds. :func:`why_bind` asks the
machine; :func:`weigh` is pure: what was seen is given to it as :class:`Evidence`, and what there is
to know of each cause stands in :mod:`portbook.app.bind.causes`.
"""

from __future__ import annotations

import errno

from portbook._fast_types import NamedTuple
from portbook.app.bind import causes
from portbook.app.bind.addresses import LOCALHOST, meets, takes
from portbook.app.bind.causes import CauseCode
from portbook.app.bind.observations import Elsewhere, Evidence, Redirected
from portbook.catalog.expectations.lookup import NONE
from portbook.errors import InvalidQuery
from portbook.host.host_reader import THIS_HOST
from portbook.model import ConnectionState, Gap, GapCode, OwnerSearch, PortRules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.bind.causes import Cause
    from portbook.app.failed import Failed
    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query
    from portbook.host.bind_probe import BindTry
    from portbook.host.host_reader import HostReader
    from portbook.model import Finding, Listener, Note, Transport


class Why(NamedTuple):
    """Whether *port* can be bound, plainly and with SO_REUSEADDR, and why.

    ``noted`` is what the verdict makes of the user's ``notes``, ``left_out`` why some do not count.
    ``query`` asked for it, and ``failed`` is what its text said went wrong. ``others`` are the same
    for further transports, where none was named. ``localhost`` are that name's addresses in the
    order in which they are tried, where several sockets listen.
    """

    port: int
    transport: Transport
    address: str | None
    bindable: bool
    bindable_with_reuseaddr: bool
    causes: tuple[Cause, ...]
    tries: tuple[BindTry, ...]
    missing: tuple[Gap, ...]
    notes: tuple[Note, ...] = ()
    noted: tuple[Finding, ...] = ()
    left_out: tuple[Gap, ...] = ()
    query: Query | None = None
    failed: Failed | None = None
    others: tuple[Why, ...] = ()
    localhost: tuple[str, ...] | None = None


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


def weigh(seen: Evidence) -> Why:
    """The causes that *seen* shows, the blocking ones first."""
    plain, reuse = seen.succeeds(reuse=False), seen.succeeds(reuse=True)
    found = list(_blocking(seen, reuse)) if not plain else [causes.free(seen)]
    # Which addresses are taken is no reason why they are.
    reasons = [cause for cause in found if cause.blocks]
    if not plain and all(cause.code is CauseCode.ADDRESS_OVERLAP for cause in reasons):
        found.insert(0, causes.unknown(seen))
    found += _warnings(seen)
    untried = dict.fromkeys(each.name for each in seen.asked() if each.untried)
    return Why(
        port=seen.port,
        transport=seen.transport,
        address=seen.address,
        bindable=plain,
        bindable_with_reuseaddr=reuse,
        causes=tuple(found),
        tries=seen.tries,
        missing=seen.missing + tuple([Gap(GapCode.BIND_UNTRIED, name) for name in untried]),
    )


def _blocking(seen: Evidence, reuse: bool) -> Iterator[Cause]:
    errors = seen.errors()
    denied = bool(errors & {errno.EACCES, errno.EPERM})
    if denied:
        yield causes.no_privilege(seen)
    if seen.address is not None and errno.EADDRNOTAVAIL in errors:
        yield causes.no_address(seen.address)
    # The kernel refuses before it looks whether the port is taken.
    if errno.EADDRINUSE not in errors and not denied:
        return
    asked = seen.address
    listeners = [
        each
        for each in seen.listeners
        if meets(each.socket.address, asked) or (asked is not None and takes(each, asked))
    ]
    # Sockets of one program that share a port are one cause.
    kinds: dict[tuple[object, ...], Cause] = {}
    for each in listeners:
        cause = causes.listener(each, seen)
        kinds.setdefault(cause.kind, cause)
    yield from kinds.values()
    held = [each for each in seen.connections if meets(each.address, asked)]
    # Connections that a listener accepted follow from it.
    servers = [each for each in seen.listeners if each.socket.listens]
    others = [
        each
        for each in held
        if each.state is not ConnectionState.TIME_WAIT
        and not any(takes(one, each.address) for one in servers)
    ]
    if others:
        yield causes.connection(others, alone=not listeners and not denied, reuse=reuse)
    waiting = [each for each in held if each.state is ConnectionState.TIME_WAIT]
    if waiting:
        alone = not listeners and not others and not denied
        yield causes.time_wait(waiting, alone=alone, reuse=reuse)
    if overlap := causes.overlap(seen, listeners):
        yield overlap


def _warnings(seen: Evidence) -> Iterator[Cause]:
    for redirect in seen.redirects:
        yield causes.redirect(seen.port, redirect)
    for other in seen.elsewhere:
        yield causes.elsewhere(other)
    if seen.rules.dynamic is not None and seen.rules.hands_out(seen.port):
        yield causes.dynamic(seen.port, seen.rules.dynamic, seen.rules.system)
