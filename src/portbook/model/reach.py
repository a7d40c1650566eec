"""From where a port can be reached: what a machine's packet filters do with a new connection."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from ipaddress import IPv4Network, IPv6Network

    from portbook.model.finding import NotEvaluated
    from portbook.model.sockets import Family


class Outcome(StrEnum):
    """What becomes of a new connection, or of a datagram and its answer."""

    OPEN = "open"  # it arrives, and its answer leaves
    DROPPED = "dropped"
    REJECTED = "rejected"
    UNKNOWN = "unknown"  # it depends on what can't be known from here


class Barrier(StrEnum):
    """What stops connections before any firewall, or behind one."""

    LOOPBACK = "loopback"  # it is bound to the loopback address, or to that interface
    LINK_LOCAL = "link-local"  # so is its address, which no router forwards to (RFC 4291 §2.5.6)
    NOT_HERE = "not-here"  # no interface has the address that it is bound to
    DOWN = "interface-down"
    NO_ADDRESS = "no-address"  # this machine has no address of the family in any network
    NO_ROUTE = "no-route"  # answers have no way there
    STRICT_SOURCE = "strict-source"  # rp_filter: answers would leave by another interface
    NO_LISTENER = "no-listener"  # rules send them to a port of this machine, where nothing listens


class RuleText(NamedTuple):
    """A rule in the words of its own tool, and the chain that holds it.

    >>> RuleText("tcp dport 8080 drop", "inet filter input").where
    'inet filter input'
    """

    text: str
    where: str


class Decision(NamedTuple):
    """What becomes of connections from *sources*, and the rules that decide it.

    ``sources`` are inclusive intervals of addresses as numbers, in order and without overlap.
    ``rules`` are those that accepted, translated or stopped it, in the order in which they are
    met; for an unknown outcome, all that may decide, and last the one that can't be told.
    ``delivered_to`` and ``delivered_address`` say where an open connection ends, and where one that
    is stopped on its way beyond this machine would: they differ from what it was made to where NAT
    changes it.
    ``forwarded``: that end isn't an address of this machine. ``later`` are the rules that stop a
    connection once it stands, or where the outcome is unknown, what may stop it behind its first
    packet; ``source_ports`` are those that treat other than ephemeral source ports
    differently. ``not_evaluated`` is what else may decide: the outcome is unknown because of it.
    ``unanswered``: what is stopped, or may be, is the answer, on its way back.
    """

    family: Family
    sources: Collection[tuple[int, int]]
    outcome: Outcome
    rules: tuple[RuleText, ...] = ()
    delivered_to: int | None = None
    delivered_address: str | None = None
    forwarded: bool = False
    later: tuple[RuleText, ...] = ()
    source_ports: tuple[RuleText, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    unanswered: bool = False

    def networks(self) -> Iterator[IPv4Network | IPv6Network]:
        """The sources as CIDR networks, in order.

        >>> from portbook.model import Family
        >>> one = Decision(Family.IPV4, ((0xC0000200, 0xC0000202),), Outcome.DROPPED)
        >>> list(map(str, one.networks()))
        ['192.0.2.0/31', '192.0.2.2/32']
        """
        from ipaddress import IPv4Address, IPv6Address, summarize_address_range

        for first, last in self.sources:
            if self.family == "ipv4":
                yield from summarize_address_range(IPv4Address(first), IPv4Address(last))
            else:
                yield from summarize_address_range(IPv6Address(first), IPv6Address(last))
