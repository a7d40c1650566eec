"""This machine's packet filters, for questions about many ports: read once, asked often."""

from __future__ import annotations

from portbook.host.firewall import TRANSPORTS, Unread
from portbook.model import Family, Gap, GapCode
from portbook.model.reach import Decision, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from portbook.host.firewall.other_filters import OtherFilters
    from portbook.host.firewall.port_kinds import PortKinds
    from portbook.host.firewall.ruleset import BegunReading
    from portbook.host.firewall.values import Machine, Ruleset
    from portbook.host.linux.network import Network
    from portbook.model import Transport
    from portbook.model.finding import NotEvaluated
    from portbook.model.reach import RuleText

_MOST_SAMPLES = 16  # of sources that have the same rules
_EVERYONE = {Family.IPV4: (0, (1 << 32) - 1), Family.IPV6: (0, (1 << 128) - 1)}


class PacketFilter:
    """What the packet filters do with new connections.

    *ruleset* None: no rules are in force. *missing* says what could not be read: then nothing is
    known to be open. *machine* is what else decides over packets, *others* what isn't followed.
    *reread* has all of the rules, where *ruleset* has plain ones alone.
    """

    def __init__(
        self,
        ruleset: Ruleset | None = None,
        machine: Machine | None = None,
        missing: Iterable[Gap] = (),
        others: OtherFilters | None = None,
        reread: Callable[[], PacketFilter] | None = None,
    ) -> None:
        self._ruleset, self._machine, self._others = ruleset, machine, others
        self._reread = reread
        self._opened: frozenset[RuleText] = frozenset()
        self._closed: PacketFilter | None = None  # as it is, where this is as it would be
        self._missing = tuple(missing)
        self._decided: dict[tuple[object, ...], tuple[Decision, ...]] = {}
        self._kinds: PortKinds | None = None
        self._first_port: int | None = None
        self._expected: frozenset[int] = frozenset()
        self._of_kind: dict[Hashable, int] = {}  # a port of each kind that was asked about
        self._kind_of: dict[tuple[int, Family, Transport], Hashable] = {}

    @property
    def missing(self) -> tuple[Gap, ...]:
        """What could not be read, also since it was asked."""
        later = self._ruleset.gaps if self._ruleset is not None else ()
        return tuple(dict.fromkeys((*self._missing, *later)))

    @property
    def not_evaluated(self) -> tuple[NotEvaluated, ...]:
        """What else handles packets here, and isn't followed."""
        others = self._others.all if self._others is not None else ()
        return tuple(dict.fromkeys((*self._chains, *others)))

    @property
    def _chains(self) -> tuple[NotEvaluated, ...]:
        return self._ruleset.not_evaluated if self._ruleset is not None else ()

    @property
    def in_force(self) -> bool:
        """Whether there are rules, or there may be."""
        return self._ruleset is not None or bool(self._missing)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that have rules, and their chains, as ``inet firewalld filter_INPUT``."""
        if self._ruleset is None:
            return ()
        return tuple(
            f"{table.family} {table.name} {chain}"
            for table in self._ruleset.tables
            for chain in table.chains
        )

    @property
    def legacy(self) -> tuple[str, ...]:
        """The tables of iptables-legacy, as ``ip filter``, that nftables has none like."""
        from portbook.host.firewall import legacy_tables

        tables = () if self._ruleset is None else self._ruleset.tables
        own = {(each.family, each.name) for each in tables if each.source == "nftables"}
        return tuple(
            [
                f"{family} {name}"
                for family in ("ip", "ip6")
                for name in legacy_tables(family)
                if (family, name) not in own
            ]
        )

    def decide(
        self,
        family: Family,
        transport: Transport,
        destination: str,
        port: int,
        interface: str,
        source: str | None = None,
        *,
        later: bool = True,
    ) -> tuple[Decision, ...]:
        """As :func:`portbook.host.firewall.decide.decide`, each question worked out once."""
        key = (family, transport, destination, port, interface, source, later)
        decisions = self._decided.get(key)
        if decisions is None:
            try:
                decisions = self._followed(*key)
            except Unread:
                self._read_all()
                decisions = self._followed(*key)
            # Of IPv4, loopback has none: net.ipv4.conf.lo.disable_policy.
            own = interface == "lo" and family is Family.IPV4
            if self._others is not None and self._others.policies and not own:
                from portbook.host.firewall import address_number
                from portbook.host.firewall.ipsec import parted

                number, policies = address_number(destination) or 0, self._others.policies
                decisions = tuple(
                    [
                        part
                        for each in decisions
                        for part in parted(each, policies, transport, number, port)
                    ]
                )
            if self.not_evaluated:
                decisions = tuple([self._doubted(each, *key[1:5]) for each in decisions])
            self._decided[key] = decisions
        return decisions

    def _read_all(self) -> None:
        """Takes what the tools print in the place of what was read of the rules."""
        if self._reread is not None:
            whole, self._reread = self._reread(), None
            self._ruleset, self._machine = whole._ruleset, whole._machine
            self._missing = whole._missing
            self._decided.clear()

    def _followed(
        self,
        family: Family,
        transport: Transport,
        destination: str,
        port: int,
        interface: str,
        source: str | None,
        later: bool,
    ) -> tuple[Decision, ...]:
        """What the rules say, worked out once for all ports that they don't tell apart."""
        if self._ruleset is None or self._machine is None:
            outcome = Outcome.UNKNOWN if self._missing else Outcome.OPEN
            return (Decision(family, (_EVERYONE[family],), outcome, delivered_to=port),)
        from portbook.host.firewall.decide import decide

        if self._closed is not None and source is None:
            now = self._closed.decide(family, transport, destination, port, interface)
            return self._sampled(now, transport, destination, port, interface, later)
        alike = self._alike(port, family, transport)
        key = (family, transport, destination, alike, interface, source, later, "rules")
        decisions = self._decided.get(key)
        if decisions is None:
            decisions = self._decided[key] = decide(
                self._ruleset,
                self._machine,
                family=family,
                transport=transport,
                destination=destination,
                port=alike,
                interface=interface,
                source=source,
                later=later,
                opened=self._opened,
            )
        if alike == port:
            return decisions
        return tuple(
            [
                each._replace(delivered_to=port) if each.delivered_to == alike else each
                for each in decisions
            ]
        )

    def _sampled(
        self,
        now: Iterable[Decision],
        transport: Transport,
        destination: str,
        port: int,
        interface: str,
        later: bool,
    ) -> tuple[Decision, ...]:
        """*now*, with what would become of the widest of them, by one source of each."""
        from portbook.host.firewall.decide import decide
        from portbook.host.firewall.intervals import Intervals

        assert self._ruleset is not None
        assert self._machine is not None
        ordered = sorted(now, key=lambda each: -Intervals.in_order(each.sources).size())
        samples = {}
        for each in ordered[:_MOST_SAMPLES]:
            first, last = max(each.sources, key=lambda span: span[1] - span[0])
            samples[first + last >> 1] = each
        ends: list[Decision] = ordered[_MOST_SAMPLES:]
        for one in decide(
            self._ruleset,
            self._machine,
            family=ordered[0].family,
            transport=transport,
            destination=destination,
            port=port,
            interface=interface,
            later=later,
            opened=self._opened,
            among=Intervals.of([(each, each) for each in samples]),
        ):
            ends += [
                one._replace(sources=samples[each].sources)
                for each in samples
                if any(first <= each <= last for first, last in one.sources)
            ]
        return tuple(ends)

    def opened(self, rules: frozenset[RuleText]) -> PacketFilter:
        """The filters as they would be with what is stopped by *rules* accepted before them.

        One source stands for all that now have the same rules, and those that few have stay as is.
        """
        other = PacketFilter(self._ruleset, self._machine, self._missing, self._others)
        other._opened, other._closed = rules, self
        return other

    def expect(self, ports: Iterable[int]) -> None:
        """What is asked about from now on: less is worked out than for ports of all numbers."""
        self._expected = frozenset(ports)

    def alike(self, port: int, transport: Transport, families: Iterable[Family]) -> tuple[int, ...]:
        """The first port asked about of those that the rules don't tell from *port*, by family.

        Where anything else may decide, and where no rules are in force, it is *port* itself.
        """
        if self._ruleset is None or self.not_evaluated:
            return (port,)
        return tuple([self._alike(port, family, transport) for family in families])

    def _alike(self, port: int, family: Family, transport: Transport) -> int:
        if self._first_port is None:
            self._first_port = port
        if port == self._first_port or self._ruleset is None:
            return port  # most are asked about one port, whatever its kind
        self._read_all()
        asked = {port, self._first_port}
        if self._kinds is None or (self._kinds.among and not asked <= self._kinds.among):
            from portbook.host.firewall.port_kinds import PortKinds

            among = self._expected if asked <= self._expected else frozenset()
            self._kinds = PortKinds(self._ruleset, among)
            self._kind_of.clear()
            self._of_kind.clear()
        first = self._kind(self._first_port, family, transport)
        self._of_kind.setdefault(first, self._first_port)
        return self._of_kind.setdefault(self._kind(port, family, transport), port)

    def _kind(self, port: int, family: Family, transport: Transport) -> Hashable:
        known = self._kind_of.get((port, family, transport))
        if known is None:
            assert self._kinds is not None
            kind = self._kinds.kind(port, str(family), TRANSPORTS[transport])
            known = self._kind_of[port, family, transport] = (family, transport, kind)
        return known

    def _doubted(
        self, decision: Decision, transport: Transport, destination: str, port: int, interface: str
    ) -> Decision:
        """*decision*, which is none where something else may decide otherwise."""
        from portbook.host.firewall.other_filters import OtherFilters

        others = self._others or OtherFilters()
        doubts = others.deciding(decision, transport, destination, port, interface, self._chains)
        met = [rule.where for rule in decision.rules if decision.outcome is Outcome.UNKNOWN]
        doubts += tuple(
            [each for each in self._chains if each.kind == "tproxy" and each.name in met]
        )
        if not doubts:
            return decision
        return decision._replace(outcome=Outcome.UNKNOWN, not_evaluated=doubts)


def begin_reading(*, plain: bool = False) -> BegunReading | Ruleset | None:
    """What :func:`read_packet_filter` needs, where there are rules and root asks.

    That is nft, which is started for it, or *plain* rules, if the kernel has such: they are enough
    for what :meth:`PacketFilter.decide` tells, but not for more.
    """
    import os
    import sys

    from portbook.host.firewall import BASE_KINDS, GET_CHAIN, chain_types, dumped

    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return None
    chains = [*dumped(GET_CHAIN)] if plain else []
    if any(kind in piece for piece in chains for kind in BASE_KINDS):
        from portbook.host.firewall.kernel_rules import read_kernel_rules

        if (rules := read_kernel_rules(chains)) is not None:
            return rules
    if not any(chain_types() or ()):
        return None
    from portbook.host.firewall.ruleset import BegunReading

    return BegunReading()


def read_packet_filter(
    network: Network,
    families: tuple[Family, ...] = (Family.IPV4, Family.IPV6),
    begun: BegunReading | Ruleset | None = None,
) -> PacketFilter:
    """The packet filters in force: the kernel says whether there are any rules, in 0.1 ms.

    Only where there are, the tools that print them are run; of iptables only those for *families*,
    about no other of which may be asked then. *begun* is what was started of it.
    """
    import os
    import sys

    from portbook.host.firewall import chain_types, legacy_tables
    from portbook.host.firewall.other_filters import read_other_filters

    if not sys.platform.startswith("linux"):
        return PacketFilter(missing=[Gap(GapCode.FIREWALL_UNSUPPORTED)])
    if begun is None:
        types = chain_types()
        if types is not None and not any(types) and not any(map(legacy_tables, ("ip", "ip6"))):
            return PacketFilter(others=read_other_filters())
    if os.geteuid() != 0:  # of what isn't read nothing can be worked out
        from portbook.host.firewall.ruleset import read_ruleset

        return PacketFilter(missing=read_ruleset().gaps)
    others = read_other_filters()  # while nft may still print
    from portbook.host.firewall.machine import read_machine
    from portbook.host.firewall.values import Ruleset

    if isinstance(begun, Ruleset):
        # Plain rules translate nothing, so nothing is forwarded that was meant for this machine.
        return PacketFilter(
            begun,
            read_machine(network, forwards=False),
            others=others,
            reread=lambda: _read_with_tools(read_machine(network), others, families, None),
        )
    return _read_with_tools(read_machine(network), others, families, begun)


def _read_with_tools(
    machine: Machine,
    others: OtherFilters,
    families: tuple[Family, ...],
    begun: BegunReading | None,
) -> PacketFilter:
    """The packet filters by what nft and iptables-save print."""
    from portbook.host.firewall import chain_types
    from portbook.host.firewall.ruleset import read_ruleset

    if begun is None:
        ruleset = read_ruleset(families=families)
    else:
        ruleset = read_ruleset(tool=begun.tool, number=begun.number, families=families)
    begins = any(
        chain.hook
        for table in ruleset.tables
        if table.source == "nftables"
        for chain in table.chains.values()
    )
    if not (begins or ruleset.gaps) and any(chain_types() or ()):
        detail = "nft lists none, and the kernel has some"
        missing = [Gap(GapCode.FIREWALL_UNREADABLE, "nftables", detail=detail)]
        return PacketFilter(missing=missing, others=others)
    return PacketFilter(ruleset, machine, others=others)
