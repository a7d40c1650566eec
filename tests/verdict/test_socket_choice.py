"""Which socket gets a connection; tests/real/test_who_answers.py holds this to the kernel."""

from __future__ import annotations

from portbook.model import Family, Socket, SocketState, Transport
from portbook.verdict.socket_choice import choose
from tests.cases import for_each


def on(address: str, interface: str | None = None, v6only: bool = False) -> Socket:
    family = Family.IPV6 if ":" in address else Family.IPV4
    return Socket(
        Transport.TCP, family, address, 80, SocketState.LISTEN, interface=interface, v6only=v6only
    )


@for_each(
    "sockets, address, interface, places",
    [
        ([on("0.0.0.0"), on("127.0.0.1")], "127.0.0.1", "lo", (1,)),
        ([on("::"), on("0.0.0.0")], "127.0.0.1", "lo", (1,)),
        ([on("::"), on("::1")], "::1", "lo", (1,)),
        ([on("::", v6only=True)], "127.0.0.1", "lo", ()),
        ([on("::ffff:127.0.0.1"), on("0.0.0.0")], "127.0.0.1", "lo", (0,)),
        ([on("0.0.0.0", "eth0"), on("0.0.0.0", "eth1")], "192.0.2.1", "eth1", (1,)),
        ([on("0.0.0.0", "eth0")], "127.0.0.1", "lo", ()),
        ([on("fe80::1%eth0", "eth0")], "fe80::1", "eth0", (0,)),
        # With SO_REUSEPORT any of them may.
        ([on("0.0.0.0"), on("0.0.0.0")], "127.0.0.1", "lo", (0, 1)),
        ([], "127.0.0.1", "lo", ()),
    ],
)
def test_the_most_specific_is_chosen(
    sockets: list[Socket], address: str, interface: str, places: tuple[int, ...]
) -> None:
    assert choose(sockets, address, interface) == places
