"""A machine that holds what a test gives it, for answers that don't depend on this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.host.host_reader import HostReader
from portbook.host.linux.connections import Conflicts
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

    from portbook.model import OwnerSearch

TO = Viewer(1000, "/home/ada", 20_000.0)
RULES = PortRules("linux", 1024, (32768, 60999))
SERVER = Process(
    17581, "python3", ("python3", "-m", "http.server", "8080"), executable="/usr/bin/python3.11",
    uid=1000, user="ada", started=19_000.0, cwd="/home/ada/shop",
)  # fmt: skip


class Machine(HostReader):
    """A machine with the sockets that it is given."""

    def __init__(self, sockets: Iterable[Listener] = ()) -> None:
        self.sockets = tuple(sockets)

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


def bound(port: int, *owners: Process, address: str = "0.0.0.0") -> Listener:
    seen = OwnersSeen.ALL if owners else OwnersSeen.HIDDEN
    socket = Socket(Transport.TCP, Family.IPV4, address, port, SocketState.LISTEN, uid=1000)
    return Listener(socket, Ownership(owners, seen))
