"""What a pasted text says failed, held against this machine: would it fail again, now and here?

>>> from portbook.formats.errors.query import parse_query
>>> failed = weigh(parse_query("Error: connect ECONNREFUSED 192.0.2.1:5432"), None)
>>> failed.failure, failed.place, failed.again
(<Failure.REFUSED: 'refused'>, <Place.UNKNOWN: 'unknown'>, None)
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.app.bind.addresses import LOCALHOST, meets, takes
from portbook.model import SYSTEM_PORTS, Failure, Transport, is_v4, is_v6
from portbook.model.gap import hide_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.listen import ScanOptions
    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query
    from portbook.host.host_reader import HostReader
    from portbook.model import Host, Listener

# Failures of a client: it asked for a server, which is there or not.
CONNECTING = (Failure.REFUSED, Failure.TIMEOUT, Failure.UNREACHABLE)
WILDCARDS = ("0.0.0.0", "::", "*", "+", "0:0:0:0:0:0:0:0")


class Place(StrEnum):
    """Whose an address is."""

    NONE = "none"  # the text names none
    HERE = "here"
    ELSEWHERE = "elsewhere"
    NAME = "name"  # a host's name, which isn't looked up
    INVALID = "invalid"  # no address at all
    UNKNOWN = "unknown"  # this machine was left out


class Failed(NamedTuple):
    """A failure that a text tells of, and what this machine says to it.

    ``listening`` are the sockets that take in the address asked for, ``beside`` the others on the
    port. ``again`` is whether it would fail again on this machine now; None where that can't be
    known. ``hidden`` says that a socket could be there and not
    be seen. ``privileged`` is the first port that needs no privilege, if the port is below it;
    ``unprivileged`` says that the port needs none on any system.
    ``more`` are the other ports that the text says failed, each with what is bound to it. ``file``
    says that it was about a socket file: what listens on the port is no answer to it. ``outgoing``
    says that it was a connection, which got no local port.
    """

    failure: Failure
    address: str | None
    place: Place
    listening: tuple[Listener, ...] = ()
    beside: tuple[Listener, ...] = ()
    again: bool | None = None
    privileged: int | None = None
    unprivileged: bool = False
    windows: bool = False
    hidden: bool = False
    more: tuple[tuple[int, tuple[Listener, ...]], ...] = ()
    file: bool = False
    outgoing: bool = False

    @property
    def in_use(self) -> bool:
        """Whether the port was said to be in use."""
        return self.failure is Failure.IN_USE


_MOST = 8  # further ports of a text that are looked at


def add_more(
    failed: Failed,
    query: Query,
    catalog: Catalog,
    depth: ScanOptions | None,
    machine: HostReader | None = None,
) -> Failed:
    """*failed* with what is bound to the other ports of the text, on this machine or *machine*."""
    if depth is None or query.pasted is None:
        return failed
    from portbook.app.listen import look
    from portbook.host.host_reader import THIS_HOST

    ports = query.pasted.ports[1 : _MOST + 1]
    reader = machine or THIS_HOST
    hosts = [look((port, port), query.transport, depth, catalog, reader) for port in ports]
    return failed._replace(
        more=tuple(
            (port, _alike(host.listeners, query.transport, failed.failure))
            for port, host in zip(ports, hosts, strict=True)
        )
    )


def weigh(query: Query, host: Host | None, *, held: bool = False) -> Failed:
    """The failure that *query* was pasted with; *held* where a connection has the port.

    *host* is this machine with what is bound to the port; None leaves it out.
    """
    assert query.pasted is not None
    failure = query.pasted.failure or Failure.OTHER
    windows = query.pasted.windows
    if host is None:
        return Failed(
            failure, query.address, Place.UNKNOWN, windows=windows, file=query.pasted.file,
            outgoing=query.pasted.outgoing,
        )  # fmt: skip
    place = place_of(query.address)
    listeners = _alike(host.listeners, query.transport, failure)
    listening = tuple(each for each in listeners if _concerns(each, query.address, place, failure))
    beside = tuple(each for each in listeners if each not in listening)
    first = host.rules.unprivileged_first if host.rules else None
    privileged = first if first is not None and 0 < query.first < first else None
    failed = Failed(
        failure=failure,
        address=query.address,
        place=place,
        listening=listening,
        beside=beside,
        again=None,
        privileged=privileged,
        unprivileged=privileged is None and query.first > SYSTEM_PORTS.last,
        windows=windows,
        file=query.pasted.file,
        outgoing=query.pasted.outgoing,
    )
    failed = failed._replace(hidden=hide_sockets(host.missing))
    again = _again(failed, host, held)
    if failed.hidden and not failed.listening and failure in (Failure.IN_USE, Failure.REFUSED):
        again = True if again and failure is Failure.IN_USE else None  # it may be there, unseen
    return failed._replace(again=again)


def is_elsewhere(query: Query) -> bool:
    """Whether *query* is about a port of another machine, of which this one knows nothing.

    A text that tells of a failure is about this machine all the same: it failed here.
    """
    if query.pasted is not None and query.pasted.failure is not None:
        return False
    return place_of(query.address) in (Place.ELSEWHERE, Place.NAME)


def place_of(address: str | None) -> Place:
    """Whose *address* is; names aren't looked up, which would ask the network."""
    if address is None:
        return Place.NONE
    host = address.partition("%")[0].lower()
    if host in (*WILDCARDS, LOCALHOST):
        return Place.HERE
    if not (is_v4(host) or is_v6(host)):
        return _place_of_name(host)
    if is_v4(host) and any(int(part) > 255 for part in host.split(".")):
        return Place.INVALID
    from portbook.errors import NotThisMachine
    from portbook.host.probe.local_address import OwnAddress

    try:
        OwnAddress(host)
    except NotThisMachine:
        return Place.ELSEWHERE
    # The loopback address is every machine's own, but a machine may be without IPv6.
    return Place.HERE if host != "::1" or _has_ipv6_loopback() else Place.ELSEWHERE


def _place_of_name(host: str) -> Place:
    from socket import gethostname

    labels = host.rstrip(".").split(".")
    valid = all(
        label and label.replace("-", "").replace("_", "").isalnum() and label[0] != "-"
        for label in labels
    )
    masked = all(set(label) <= set("x*") for label in labels)
    if not valid or masked or labels[-1].isdigit():
        return Place.INVALID
    return Place.HERE if host == gethostname().lower() else Place.NAME


def _has_ipv6_loopback() -> bool:
    from portbook.host.bind_probe import try_binds

    tries = [each for each in try_binds(0, Transport.UDP) if each.address == "::1"]
    return any(each.ok for each in tries)


def _alike(
    listeners: tuple[Listener, ...], transport: Transport | None, failure: Failure
) -> tuple[Listener, ...]:
    """Those of *listeners* that can be what the text is about."""
    if transport is None and failure in CONNECTING:  # a datagram is neither accepted nor refused
        transport = Transport.TCP
    return tuple(
        each
        for each in listeners
        if transport in (None, each.socket.transport)
        and each.socket.namespace is None
        and (failure not in CONNECTING or each.socket.listens)
    )


def _concerns(listener: Listener, address: str | None, place: Place, failure: Failure) -> bool:
    if address is None or place in (Place.INVALID, Place.NAME):
        return True
    host = {"*": "0.0.0.0", "+": "0.0.0.0"}.get(address, address).lower()
    if failure in CONNECTING:
        wildcard = host in WILDCARDS  # a client of 0.0.0.0 reaches this machine
        return wildcard or takes(listener, host)
    return meets(listener.socket.address, host) or takes(listener, host)


def _again(failed: Failed, host: Host, held: bool) -> bool | None:
    """Whether it would fail again on this machine, now."""
    elsewhere = failed.place in (Place.ELSEWHERE, Place.NAME)
    if failed.file or failed.outgoing:
        return None
    if failed.failure in (Failure.IN_USE, Failure.OTHER):
        if failed.failure is Failure.OTHER:
            return None
        return bool(failed.listening) or held
    if failed.failure is Failure.UNAVAILABLE:
        return {Place.HERE: False, Place.ELSEWHERE: True}.get(failed.place)
    if failed.failure is Failure.PERMISSION:
        if host.rules is None or host.rules.unprivileged_first is None:
            return None
        return failed.privileged is not None and not _is_root()
    if failed.failure is Failure.REFUSED and not elsewhere:
        return not failed.listening
    return None


def _is_root() -> bool:
    import os

    return hasattr(os, "geteuid") and os.geteuid() == 0
