"""A machine that holds what a test gives it, for answers that don't depend on this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.host.firewall.packet_filter import PacketFilter
from portbook.host.host_reader import HostReader
from portbook.host.linux.connections import Conflicts
from portbook.host.linux.network import Address, Interface, Network, Route
from portbook.model import (
    Family,
    Host,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from portbook.present.owners import Viewer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.host.firewall.configured import Configured
    from portbook.model import OwnerSearch
    from portbook.model.finding import NotEvaluated

# A machine with one network, in which no packet filter has a rule.
NETWORK = Network(
    (
        Interface(
            "lo", True, True,
            (Address(Family.IPV4, "127.0.0.1", 8), Address(Family.IPV6, "::1", 128)),
        ),
        Interface("eth0", True, False, (Address(Family.IPV4, "192.0.2.7", 24),)),
    ),
    (
        Route(Family.IPV4, 0xC0000200, 0xC00002FF, "eth0"),
        Route(Family.IPV4, 0, 0xFFFFFFFF, "eth0"),
    ),
    (
        Route(Family.IPV4, 0x7F000000, 0x7FFFFFFF, "lo"),
        Route(Family.IPV4, 0xC0000207, 0xC0000207, "eth0"),
        Route(Family.IPV6, 1, 1, "lo"),
    ),
)  # fmt: skip
TO = Viewer(1000, "/home/ada", 20_000.0)
RULES = PortRules("linux", 1024, (32768, 60999))
SERVER = Process(
    17581, "python3", ("python3", "-m", "http.server", "8080"), executable="/usr/bin/python3.11",
    uid=1000, user="ada", started=19_000.0, cwd="/home/ada/shop",
)  # fmt: skip


class Machine(HostReader):
    """A machine with the sockets that it is given."""

    def __init__(
        self, sockets: Iterable[Listener] = (), packets: PacketFilter | None = None
    ) -> None:
        self.sockets = tuple(sockets)
        self.packets = packets or PacketFilter()

    def read_host(
        self, ports: tuple[int, int] | None, transport: Transport | None, owners: OwnerSearch
    ) -> Host:
        first, last = ports or (0, 65535)
        bound = [each for each in self.sockets if first <= each.socket.port <= last]
        return Host(tuple(bound), Visibility.FULL, (), RULES)

    def read_conflicts(self, *_: Any) -> Conflicts:
        return Conflicts((), Visibility.FULL)

    def may_read_redirects(self) -> bool:
        return False

    def lets_loopback_in(self) -> bool:
        return any(each.routes_loopback for each in self.read_network().interfaces)

    def read_network(self) -> Network:
        return NETWORK

    def read_packet_filter(
        self, network: Network, families: tuple[Family, ...] = (Family.IPV4, Family.IPV6)
    ) -> PacketFilter:
        return self.packets

    def read_filtering_cgroups(self, *_: Any) -> dict[int, tuple[NotEvaluated, ...]]:
        return {}

    def read_listeners_at(self, *_: Any) -> tuple[Listener, ...]:
        return ()

    def read_name(self, name: str, *, ask: bool = False) -> tuple[str, ...] | None:
        return ("::1", "127.0.0.1") if name == "localhost" else None

    def read_configured(self, *_: Any) -> tuple[Configured, ...]:
        return ()


def bound(port: int, *owners: Process, address: str = "0.0.0.0") -> Listener:
    seen = OwnersSeen.ALL if owners else OwnersSeen.HIDDEN
    socket = Socket(Transport.TCP, Family.IPV4, address, port, SocketState.LISTEN, uid=1000)
    return Listener(socket, Ownership(owners, seen))
