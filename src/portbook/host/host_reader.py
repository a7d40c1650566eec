"""All that use cases ask of a machine, as one object, in the place of which tests put another.

Each method loads what it takes when it is called.
"""

from __future__ import annotations

import os

from portbook.host import reader
from portbook.model import LAST_PORT, Family, OwnerSearch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portbook.host.bind_probe import BindTry
    from portbook.host.containers import Published
    from portbook.host.firewall.configured import Configured
    from portbook.host.firewall.packet_filter import PacketFilter
    from portbook.host.firewall.redirects import Redirect
    from portbook.host.firewall.ruleset import BegunReading
    from portbook.host.firewall.values import Ruleset
    from portbook.host.linux.connections import Conflicts
    from portbook.host.linux.network import Network
    from portbook.host.linux.process_tree import CurrentProcess, Relative
    from portbook.host.process_control import Hands
    from portbook.model import Gap, Host, Listener, PortRules, Transport
    from portbook.model.finding import NotEvaluated

    Ports = tuple[int, int] | None  # the first and the last
    Listeners = tuple[Listener, ...]


NEARBY = 64  # ports: so far above one that is in use a free one is looked for


class HostReader:
    """This machine."""

    def read_host(self, ports: Ports, transport: Transport | None, owners: OwnerSearch) -> Host:
        """As :func:`portbook.host.reader.read_host`."""
        return reader.read_host(ports, transport, owners)

    def taken_ports(self, first: int, last: int, transport: Transport | None) -> frozenset[int]:
        """Those of *first* to *last*, and maybe others, on which a socket is."""
        seen = self.read_host((first, last), transport, OwnerSearch.NONE)
        return frozenset([each.socket.port for each in seen.listeners])

    def read_elsewhere(
        self,
        ports: Ports,
        transport: Transport | None,
        owners: OwnerSearch = OwnerSearch.FIRST,
    ) -> tuple[tuple[tuple[str, Host], ...], tuple[Gap, ...]]:
        """What listens in other network namespaces, by their names, and what was not seen."""
        from portbook.host.linux.other_namespaces import read_elsewhere

        return read_elsewhere(ports, transport, owners)

    def read_listeners_at(self, address: str, port: int, transport: Transport) -> Listeners:
        """As :func:`portbook.host.linux.other_namespaces.read_listeners_at`."""
        from portbook.host.linux.other_namespaces import read_listeners_at

        return read_listeners_at(address, port, transport)

    def read_on_port(self, port: int, transport: Transport) -> Listeners:
        """The sockets on one more port, in this network namespace, with their owners."""
        return self.read_host((port, port), transport, OwnerSearch.FIRST).listeners

    def read_conflicts(
        self, port: int, transport: Transport | None, owners: OwnerSearch = OwnerSearch.FIRST
    ) -> Conflicts:
        """As :func:`portbook.host.reader.read_conflicts`."""
        return reader.read_conflicts(port, transport, owners)

    def read_rules(self) -> PortRules:
        """As :func:`portbook.host.reader.read_rules`."""
        return reader.read_rules()

    def read_excluded_ranges(
        self, transport: Transport
    ) -> tuple[tuple[tuple[int, int, str], ...], tuple[Gap, ...]]:
        """As :func:`portbook.host.reader.read_excluded_ranges`."""
        return reader.read_excluded_ranges(transport)

    def may_read_redirects(self) -> bool:
        """Whether there can be NAT rules here, and this user may read them."""
        from portbook.host.firewall import may_redirect

        return may_redirect()

    def read_redirects(
        self, port: int | None, transport: Transport | None
    ) -> tuple[tuple[Redirect, ...], tuple[Gap, ...]]:
        """The NAT rules that redirect *port* (None: any), and what could not be seen."""
        from portbook.host.firewall.redirects import read_redirects

        return read_redirects(port, transport)

    def lets_loopback_in(self) -> bool:
        """As :func:`portbook.host.linux.loopback.lets_loopback_in`."""
        from portbook.host.linux.loopback import lets_loopback_in

        return lets_loopback_in()

    def read_network(self) -> Network:
        """As :func:`portbook.host.linux.network.read_network`."""
        from portbook.host.linux.network import read_network

        return read_network()

    def read_packet_filter(
        self, network: Network, families: tuple[Family, ...] = (Family.IPV4, Family.IPV6)
    ) -> PacketFilter:
        """As :func:`portbook.host.firewall.packet_filter.read_packet_filter`."""
        from portbook.host.firewall.packet_filter import read_packet_filter

        return read_packet_filter(network, families)

    def read_filtering_cgroups(
        self, listeners: Listeners
    ) -> Mapping[int, tuple[NotEvaluated, ...]]:
        """As :func:`portbook.host.firewall.other_filters.filtering_cgroups`; root alone may ask."""
        if self.user() != 0:
            return {}
        from portbook.host.firewall.other_filters import filtering_cgroups

        return filtering_cgroups(listeners)

    def read_configured(self, port: int, transport: Transport) -> tuple[Configured, ...]:
        """As :func:`portbook.host.firewall.configured.read_configured`."""
        from portbook.host.firewall.configured import read_configured

        return read_configured(port, transport)

    def read_name(self, name: str, *, ask: bool = False) -> tuple[str, ...] | None:
        """As :func:`portbook.host.local_names.addresses_of`."""
        from portbook.host.local_names import addresses_of

        return addresses_of(name, ask=ask)

    def try_binds(
        self, port: int, transport: Transport, address: str | None = None
    ) -> tuple[BindTry, ...]:
        """What became of binding *port* for a moment, on each address that counts."""
        from portbook.host.bind_probe import try_binds

        return try_binds(port, transport, address)

    def read_services(self) -> Mapping[int, tuple[str, ...]]:
        """The names that this machine's services file has for ports. Raises OSError."""
        from portbook.host.etc_services import read_services

        return read_services()

    def put_there_by(self, pid: int, path: str, users: frozenset[int]) -> bool | None:
        """Whether only *users* can have put *path* where the process *pid* runs it."""
        from portbook.host.linux.file_owner import put_there_by

        return put_there_by(pid, path, users)

    def add_upgrades(self, listeners: Listeners) -> Listeners:
        """*listeners* with whether a deleted executable was replaced by an upgrade."""
        from portbook.host.details import add_upgrades

        return add_upgrades(listeners)

    def add_activations(self, listeners: Listeners) -> Listeners:
        """*listeners* with what systemd starts for each socket that it holds."""
        from portbook.host.linux.activation import add_activations

        return add_activations(listeners)

    def add_details(self, listeners: Listeners) -> tuple[Listeners, tuple[Gap, ...]]:
        """*listeners* with packages and containers, and what could not be told."""
        from portbook.host.details import add_details

        return add_details(listeners)

    def add_names(self, listeners: Listeners) -> tuple[Listeners, tuple[Gap, ...]]:
        """*listeners* with the names of containers, and what could not be told."""
        from portbook.host.details import add_names

        return add_names(listeners)

    def add_spoken(
        self,
        listeners: Listeners,
        likely: Callable[[Listener], tuple[str, ...]],
        rules: PortRules,
    ) -> Listeners:
        """*listeners* with what they speak; *likely* gives the services to expect of one."""
        from portbook.host.probe.scanner import add_spoken

        return add_spoken(listeners, likely, rules)

    def read_published(
        self, port: int, transport: str
    ) -> tuple[tuple[Published, ...], tuple[str, ...]]:
        """As :func:`portbook.host.containers.read_published`."""
        from portbook.host.containers import read_published

        return read_published(port, transport)

    def read_published_ports(
        self, first: int, last: int, transport: str | None
    ) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """As :func:`portbook.host.containers.read_published_ports`."""
        from portbook.host.containers import read_published_ports

        return read_published_ports(first, last, transport)

    def read_processes(self) -> Mapping[int, Relative]:
        """As :func:`portbook.host.linux.process_tree.read_processes`."""
        from portbook.host.linux.process_tree import read_processes

        return read_processes()

    def read_own(self) -> CurrentProcess:
        """As :func:`portbook.host.linux.process_tree.read_own`."""
        from portbook.host.linux.process_tree import read_own

        return read_own()

    def systemd_runs(self) -> bool:
        """Whether systemd is this machine's first process."""
        from portbook.host.linux.process_tree import systemd_runs

        return systemd_runs()

    def user(self) -> int:
        """The effective user's number; 0 on systems without user numbers."""
        return os.geteuid() if hasattr(os, "geteuid") else 0

    def process_control(self) -> Hands:
        """What ends processes here. Raises HostUnreadable where nothing can."""
        from portbook.host.process_control import hands

        return hands()


class CommandsHost(HostReader):
    """This machine, as a process looks at it that is one command's and nobody else's.

    *meanwhile* as :func:`portbook.host.reader.read_host_in_two` has it. Where sockets may be
    reached from elsewhere, the rules of the firewall are printed while their owners are looked for.
    The sockets beside those on one port are read together with them. *briefly*: one short question
    is put to the rules, for which the plain ones do that the kernel tells itself.
    """

    def __init__(
        self,
        meanwhile: Callable[[set[tuple[int, Transport]]], None] | None = None,
        *,
        briefly: bool = False,
    ) -> None:
        self._meanwhile, self._briefly = meanwhile, briefly
        self._begins = True
        self._begun: BegunReading | Ruleset | None = None
        self._beside: tuple[tuple[int, int, Transport | None], frozenset[int]] | None = None

    def read_host(self, ports: Ports, transport: Transport | None, owners: OwnerSearch) -> Host:
        """As :func:`portbook.host.reader.read_host_in_two`."""
        widened = ports
        if ports is not None and ports[0] == ports[1]:
            widened = (ports[0], min(ports[1] + NEARBY, LAST_PORT))

        def listed(taken: frozenset[int], outer: bool) -> None:
            if widened is not None and widened != ports:
                self._beside = (*widened, transport), taken
            if outer and self._begins:
                from portbook.host.firewall.packet_filter import begin_reading

                self._begins, self._begun = False, begin_reading(plain=self._briefly)

        return reader.read_host_in_two(
            ports, transport, owners, self._meanwhile, listed=listed, widened=widened
        )

    def read_on_port(self, port: int, transport: Transport) -> Listeners:
        """As :meth:`HostReader.read_on_port`, in this process alone."""
        return reader.read_host((port, port), transport, OwnerSearch.FIRST).listeners

    def taken_ports(self, first: int, last: int, transport: Transport | None) -> frozenset[int]:
        """As :meth:`HostReader.taken_ports`, without asking again."""
        if self._beside is not None:
            (lowest, highest, asked), taken = self._beside
            if lowest <= first and last <= highest and asked == transport:
                return taken
        return super().taken_ports(first, last, transport)

    def read_packet_filter(
        self, network: Network, families: tuple[Family, ...] = (Family.IPV4, Family.IPV6)
    ) -> PacketFilter:
        """As :func:`portbook.host.firewall.packet_filter.read_packet_filter`."""
        from portbook.host.firewall.packet_filter import read_packet_filter

        begun, self._begun = self._begun, None
        if begun is None:
            return read_packet_filter(network, families)
        from portbook.host.firewall.intervals import Uncollected

        with Uncollected(for_good=True):  # rules stay until the process ends
            return read_packet_filter(network, families, begun)


THIS_HOST = HostReader()
