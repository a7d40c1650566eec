"""Which bound addresses stand in one another's way. Pure."""

from __future__ import annotations

import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Listener

# RFC 6761 §6.3: the name means the loopback address, and which of the two is up to the program.
LOCALHOST = "localhost"
_LOOPBACKS = ("127.0.0.1", "::1")


def plain_address(address: str) -> str:
    """*address* as the kernel's tables have it, without a zone; IPv4's own where it is mapped.

    >>> plain_address("0:0::1"), plain_address("fe80::1%eth0"), plain_address("::ffff:127.0.0.1")
    ('::1', 'fe80::1', '127.0.0.1')
    """
    host = address.partition("%")[0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, host)).removeprefix("::ffff:")
    except OSError:
        return host


def takes(listener: Listener, address: str) -> bool:
    """Whether what *listener* is bound to takes in *address*, one address or a wildcard.

    Of ``localhost``, whether it takes in one of its two addresses.
    """
    if address == LOCALHOST:
        return any(takes(listener, each) for each in _LOOPBACKS)
    own, other = plain_address(listener.socket.address), plain_address(address)
    if own == "::":
        return ":" in other or listener.socket.v6only is not True
    return own == other or (own == "0.0.0.0" and "." in other)


def meets(address: str, asked: str | None) -> bool:
    """Whether a bind of *asked*, None for every address, wants *address* too.

    A bind of ``::`` is one for IPv4 as well, unless the program asks for less (RFC 3493 §5.3).
    One of ``localhost`` is a bind of 127.0.0.1 and of ::1.
    """
    if asked == LOCALHOST:
        return plain_address(address) in _LOOPBACKS
    if asked is None or plain_address(asked) == "::":
        return True
    own, other = plain_address(address), plain_address(asked)
    return own == other or (other == "0.0.0.0" and "." in own)


def numeric_host(host: str | None) -> str | None:
    """*host* if it is an address, or ``localhost``, which is two; a name and ``*`` ask for all.

    >>> numeric_host("::1"), numeric_host("localhost"), numeric_host("db.example.org")
    ('::1', 'localhost', None)
    """
    if host is None:
        return None
    if host == LOCALHOST:
        return host
    numeric = host.count(".") == 3 and host.replace(".", "").isdigit()
    return host if numeric or ":" in host else None
