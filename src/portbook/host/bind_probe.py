"""Trying to bind a port, for real and at once: the one sure answer to "is it free?".

A socket is made, bound and closed again; it never listens, so nobody can connect to it, and it
is gone before the answer is printed. What is found holds for that moment and this user.
"""

from __future__ import annotations

import _socket as socket  # the module beneath it: the same calls, without its imports
import errno

from portbook._fast_types import NamedTuple
from portbook.model import Family, Transport

_SCTP, _DCCP = 132, 33  # IANA's protocol numbers
_IPV6_V6ONLY = getattr(socket, "IPV6_V6ONLY", 26)


class BindTry(NamedTuple):
    """One attempt: what was asked of the kernel, and its answer.

    ``v6only`` is None for IPv4. ``error`` is 0 where the bind succeeded, else an errno; ``name``
    is that error's name, as in ``EADDRINUSE``.
    """

    family: Family
    address: str
    reuseaddr: bool
    v6only: bool | None
    error: int

    @property
    def ok(self) -> bool:
        """Whether the bind succeeded."""
        return self.error == 0

    @property
    def name(self) -> str:
        """The error's name, as ``EADDRINUSE``; ``OK`` where there was none."""
        return "OK" if self.ok else errno.errorcode.get(self.error, f"error {self.error}")

    @property
    def unsupported(self) -> bool:
        """Whether the machine lacks the family, the transport or the address itself."""
        return self.error in _UNSUPPORTED

    @property
    def untried(self) -> bool:
        """Whether it never came to a bind: there was no room for another socket."""
        return self.error in _NO_ROOM


_UNSUPPORTED = frozenset(
    (
        errno.EAFNOSUPPORT,
        errno.EADDRNOTAVAIL,
        errno.EPROTONOSUPPORT,
        getattr(errno, "ESOCKTNOSUPPORT", -1),
        errno.EPROTOTYPE,
    )
)

_NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

# The wildcard and the loopback address of each family; a dual-stack bind of :: takes IPv4 too.
PLACES: tuple[tuple[Family, str, bool | None], ...] = (
    (Family.IPV4, "0.0.0.0", None),
    (Family.IPV4, "127.0.0.1", None),
    (Family.IPV6, "::", False),
    (Family.IPV6, "::", True),
    (Family.IPV6, "::1", True),
)


def try_binds(port: int, transport: Transport, address: str | None = None) -> tuple[BindTry, ...]:
    """Every attempt on *port*: each place with and without SO_REUSEADDR.

    *address* asks for one more place, tried first: an IPv4 or IPv6 address of this machine, with
    its zone where it needs one (``fe80::1%eth0``).
    """
    places = list(PLACES)
    if address not in (None, "::"):
        own: tuple[Family, str, bool | None] = (Family.IPV4, address, None)
        if ":" in address:
            # An IPv4 address in IPv6's form can't be bound by a socket that is IPv6 only.
            own = (Family.IPV6, address, not address.lower().startswith("::ffff:"))
        places.insert(0, own)
    return tuple(
        BindTry(
            family=family,
            address=where,
            reuseaddr=reuse,
            v6only=v6only,
            error=_bind(port, transport, family, where, reuse, v6only),
        )
        for family, where, v6only in dict.fromkeys(places)
        for reuse in (False, True)
    )


def _bind(
    port: int, transport: Transport, family: Family, address: str, reuse: bool, v6only: bool | None
) -> int:
    """0, or the errno with which the kernel refused."""
    kinds = {
        Transport.TCP: (socket.SOCK_STREAM, 0),
        Transport.UDP: (socket.SOCK_DGRAM, 0),
        Transport.SCTP: (socket.SOCK_STREAM, _SCTP),
        # linux/net.h: SOCK_DCCP
        Transport.DCCP: (6, _DCCP),
    }
    kind, protocol = kinds[transport]
    number = socket.AF_INET6 if family == Family.IPV6 else socket.AF_INET
    try:
        probe = socket.socket(number, kind, protocol)
        try:
            if reuse:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if v6only is not None:
                probe.setsockopt(socket.IPPROTO_IPV6, _IPV6_V6ONLY, int(v6only))
            # Never a name, which would be asked of the network; and a zone becomes a number.
            # As bytes, because text would load the tables of internationalised names.
            host, flags = address.encode("ascii", "replace"), socket.AI_NUMERICHOST
            probe.bind(socket.getaddrinfo(host, port, number, flags=flags)[0][4])
        finally:
            probe.close()
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0
