"""The virtual servers of IPVS, which take packets to other machines (ip_vs of the kernel)."""

from __future__ import annotations

import _socket

from portbook._fast_types import NamedTuple

_TRANSPORTS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}


class VirtualServer(NamedTuple):
    """A service of IPVS: ``address`` and ``port``; None, 0: of every one, chosen by a mark."""

    transport: str | None
    address: str | None
    port: int
    text: str

    def takes(self, transport: str, address: str, port: int) -> bool:
        """Whether connections to *address* and *port* may be its own."""
        return (
            self.transport in (None, transport)
            and self.address in (None, address)
            and self.port in (0, port)
        )


def virtual_servers(proc: str) -> tuple[VirtualServer, ...]:
    try:
        with open(f"{proc}/thread-self/net/ip_vs", "rb") as file:
            lines = file.read(1 << 22).decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    # After the head of three lines; those that begin with an arrow are the machines behind one.
    return tuple([server_of(line) for line in lines[3:] if line.strip() and "->" not in line])


def server_of(line: str) -> VirtualServer:
    """The virtual server of a line of /proc/net/ip_vs; of what isn't understood, any.

    >>> server_of("TCP  C0000207:1F90 rr")
    VirtualServer(transport='tcp', address='192.0.2.7', port=8080, text='TCP 192.0.2.7:8080')
    >>> server_of("FWM  00000001 wlc").takes("udp", "192.0.2.7", 53)
    True
    """
    kind, place = (*line.split(), "", "")[:2]
    transport = _TRANSPORTS.get(kind)
    address, _, port = place.rpartition(":")
    try:
        if transport is None:
            raise ValueError(line)
        number = int(port, 16)
        if address.startswith("["):
            text = _socket.inet_ntop(
                _socket.AF_INET6, _socket.inet_pton(_socket.AF_INET6, address[1:-1])
            )
        else:
            text = _socket.inet_ntop(_socket.AF_INET, bytes.fromhex(address))
    except (OSError, ValueError):
        return VirtualServer(transport, None, 0, f"{kind} {place}")
    shown = f"[{text}]" if ":" in text else text
    return VirtualServer(transport, text, number, f"{kind} {shown}:{number}")
