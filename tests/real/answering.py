"""Opens sockets together on one port, connects from here and from a peer, and says who answered.

Arguments: the processes whose networks are the server's and the peer's, then a JSON list of cases:
each the transport and the sockets, with ``family``, ``address``, ``v6only``, ``interface`` and
``share`` (``reuseport``, ``reuseaddr`` or null). Prints a JSON list a case: null where they can't
be bound together, else for each of :data:`TARGETS` the numbers of the sockets that answered.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
from typing import Any

FIRST_PORT = 10_000  # a case each: connections of another one linger on its port
# From where, to which address, and as coming by which interface the kernel sees it.
TARGETS = (
    ("here", "127.0.0.1", "lo"),
    ("here", "::1", "lo"),
    ("here", "192.0.2.1", "veth0"),
    ("here", "2001:db8::1", "veth0"),
    ("peer", "192.0.2.1", "veth0"),
    ("peer", "2001:db8::1", "veth0"),
)
_TRIES = 6  # for what a hash of the connection decides
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_SHARES = {"reuseport": socket.SO_REUSEPORT, "reuseaddr": socket.SO_REUSEADDR}


def enter(network: int) -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(network, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


def opened(wish: dict[str, Any], transport: str, port: int) -> socket.socket:
    family = socket.AF_INET if wish["family"] == "ipv4" else socket.AF_INET6
    made = socket.socket(family, _KINDS[transport])
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, wish["v6only"])
        if wish["share"]:
            made.setsockopt(socket.SOL_SOCKET, _SHARES[wish["share"]], 1)
        if wish["interface"]:
            name = wish["interface"].encode()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
        made.bind((wish["address"], port))
        if transport == "tcp":
            made.listen()
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def who(sockets: list[socket.socket], target: str, transport: str, port: int) -> int | None:
    """The number of the socket that gets one connection, or one datagram, to *target*."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with socket.socket(family, _KINDS[transport]) as client:
        client.settimeout(2)
        try:
            client.connect((target, port))
            if transport == "udp":
                client.send(b"x")
        except OSError:
            return None
        poll = select.poll()
        for each in sockets:
            poll.register(each, select.POLLIN)
        # What comes over the veth pair is there at once too; a refusal is an error of the client.
        poll.register(client, 0)
        ready = {descriptor for descriptor, event in poll.poll(500)}
        for number, each in enumerate(sockets):
            if each.fileno() in ready:
                if transport == "tcp":
                    each.accept()[0].close()
                else:
                    each.recv(1)
                return number
        return None


def answer(case: dict[str, Any], port: int, networks: dict[str, int]) -> list[list[int]] | None:
    sockets: list[socket.socket] = []
    enter(networks["here"])
    try:
        sockets.extend(opened(wish, case["transport"], port) for wish in case["sockets"])
        answered = []
        for where, target, _ in TARGETS:
            enter(networks[where])
            numbers = {who(sockets, target, case["transport"], port)}
            if len(sockets) > 1 and None not in numbers:
                numbers |= {who(sockets, target, case["transport"], port) for _ in range(_TRIES)}
            answered.append(sorted(number for number in numbers if number is not None))
        return answered
    except OSError:
        return None
    finally:
        for each in sockets:
            each.close()


def main() -> None:
    networks = {
        name: os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        for name, pid in zip(("here", "peer"), sys.argv[1:3], strict=True)
    }
    cases = json.load(sys.stdin)
    json.dump(
        [answer(case, port, networks) for port, case in enumerate(cases, FIRST_PORT)], sys.stdout
    )


if __name__ == "__main__":
    main()
