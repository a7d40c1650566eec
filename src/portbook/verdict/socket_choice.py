"""Which socket gets a new connection or datagram: the kernel's choice on one port. Pure.

Linux looks among the sockets of the very address first, and among those of every address only
where there is none (net/ipv4/inet_hashtables.c, net/ipv6/inet6_hashtables.c, net/ipv4/udp.c). A
socket of IPv6 may take IPv4 as well, behind those of IPv4 itself. One that is bound to an interface
takes what comes in there. Between sockets that are equal or share the port (SO_REUSEPORT), a hash
of the connection decides, or which of them was there last: nobody outside can tell.
"""

from __future__ import annotations

from portbook.model import Family, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.model import Socket

LOOPBACK = "lo"
_EVERY = ("0.0.0.0", "::")


def choose(sockets: Sequence[Socket], address: str, interface: str = LOOPBACK) -> tuple[int, ...]:
    """The places of those of *sockets* that may get what comes for *address*; none: refused.

    They are on one port of one transport in one namespace, and listen. *interface* is the one that
    packets come in by. This machine's own count as coming by the interface that has *address*
    (ip_route_output_key_hash_rcu, net/ipv4/route.c).

    >>> from portbook.model import Family, Socket, SocketState, Transport
    >>> node = Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 80, SocketState.LISTEN)
    >>> vite = node._replace(address="127.0.0.1")
    >>> choose([node, vite], "127.0.0.1"), choose([node, vite], "192.0.2.1")
    ((1,), (0,))
    """
    places = [
        at for at, each in enumerate(sockets) if _takes(each, address) and _fits(each, interface)
    ]
    exact = [at for at in places if _plain(sockets[at]) not in _EVERY]
    return tuple(_best([(at, sockets[at]) for at in exact or places]))


def _takes(socket: Socket, address: str) -> bool:
    """Whether the bound address of *socket* takes in *address*."""
    bound = _plain(socket)
    if bound == "::":
        return ":" in address or socket.v6only is False
    return bound == address or (bound == "0.0.0.0" and "." in address)


def _plain(socket: Socket) -> str:
    """The bound address, IPv4's own where it is mapped into IPv6, without a zone."""
    address = socket.address.removeprefix("::ffff:")
    return address.partition("%")[0] if "%" in address else address


def _fits(socket: Socket, interface: str) -> bool:
    return socket.interface is None or socket.interface == interface


def _best(candidates: list[tuple[int, Socket]]) -> list[int]:
    """The places of those of *candidates*, of equal addresses, between which nothing decides."""
    own = [(at, each) for at, each in candidates if each.family is Family.IPV4]
    if not own:
        return [at for at, _ in candidates]
    if own[0][1].transport is Transport.UDP and all(each.interface is None for _, each in own):
        # SO_REUSEADDR alone lets the interface decide, SO_REUSEPORT the family.
        own += [(at, each) for at, each in candidates if each.interface and (at, each) not in own]
    return [at for at, _ in own]
