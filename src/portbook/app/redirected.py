"""What answers where rules send connections to another port or address of this machine."""

from __future__ import annotations

from portbook.app.origins import THIS_MACHINE
from portbook.errors import HostUnreadable
from portbook.model.reach import Barrier, Outcome
from portbook.verdict.socket_choice import LOOPBACK, choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.app.origins import Origin
    from portbook.host.host_reader import HostReader
    from portbook.host.linux.network import Network
    from portbook.model import Listener, Transport


class Takers:
    """The sockets that get what rules send to other ports of this machine, looked up once each.

    Those of other users are among them: the kernel lists every socket to everybody.
    """

    def __init__(self, transport: Transport, network: Network, host: HostReader) -> None:
        self._transport, self._network, self._host = transport, network, host
        self._listening: dict[int, tuple[Listener, ...] | None] = {}

    def settled(self, origins: Iterable[Origin]) -> tuple[Origin, ...]:
        """*origins*, refused where they are let in and sent to a port on which nothing listens."""
        return tuple(dict.fromkeys([self._settled(each) for each in origins]))

    def _settled(self, origin: Origin) -> Origin:
        if origin.answer is Outcome.OPEN and origin.delivered_to is None and not origin.forwarded:
            # One port or address of several gets it, and on some nothing may listen.
            return origin._replace(answer=Outcome.UNKNOWN)
        if origin.answer is not Outcome.OPEN or not origin.redirected:
            return origin
        takers = self.of(origin)
        if takers is None:
            return origin
        if not takers:
            return origin._replace(answer=Outcome.REJECTED, barrier=Barrier.NO_LISTENER)
        groups = self._host.read_filtering_cgroups(takers)
        behind = [one for each in takers for one in groups.get(each.socket.inode or 0, ())]
        if not behind:
            return origin
        doubts = tuple(dict.fromkeys((*origin.not_evaluated, *behind)))
        return origin._replace(answer=Outcome.UNKNOWN, not_evaluated=doubts)

    def of(self, origin: Origin) -> tuple[Listener, ...] | None:
        """What gets the connections of *origin*, which is redirected; None: that isn't known."""
        port, address = origin.delivered_to, origin.delivered_address
        if port is None or address is None:
            return None
        if port not in self._listening:
            self._listening[port] = self._listeners(port)
        known = self._listening[port]
        if known is None:
            return None
        interface = origin.interface or LOOPBACK
        if origin.source == THIS_MACHINE:
            interface = interface_of(address, self._network)
        places = choose([each.socket for each in known], address, interface)
        return tuple([known[place] for place in places])

    def _listeners(self, port: int) -> tuple[Listener, ...] | None:
        try:
            known = self._host.read_on_port(port, self._transport)
        except (HostUnreadable, OSError):
            return None
        return tuple([each for each in known if each.socket.listens])


def interface_of(address: str, network: Network) -> str:
    """The interface that connections of this machine to *address* count as coming by."""
    for interface in network.interfaces:
        if any(own.text == address for own in interface.addresses):
            return interface.name
    return LOOPBACK
