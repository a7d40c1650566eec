"""Binds that are tried for real."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from portbook.host.bind_probe import PLACES, BindTry, try_binds
from portbook.model import Family, Transport
from tests.patience import PATIENCE
from tests.real.needs import need_kernel, need_program

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="binds differ from system to system"),
    pytest.mark.usefixtures("own_network"),
]


def taken(
    stack: ExitStack, address: str, kind: int = socket.SOCK_STREAM, **options: bool
) -> tuple[socket.socket, int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = stack.enter_context(socket.socket(family, kind))
    if options.get("reuse"):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, options.get("v6only", True))
    made.bind((address, 0))
    return made, made.getsockname()[1]


def failed(port: int, transport: Transport = Transport.TCP, **more: bool) -> set[tuple[str, bool]]:
    """The places that can't be bound, each with whether it was tried for IPv6 alone."""
    return {
        (each.address, each.v6only is True)
        for each in try_binds(port, transport)
        if not each.ok and each.reuseaddr is more.get("reuse", False)
    }


ALL = {(address, v6only is True) for _, address, v6only in PLACES}
V4 = {("0.0.0.0", False), ("127.0.0.1", False), ("::", False)}
V6 = {("::", False), ("::", True), ("::1", True)}


def test_every_place_is_tried_with_and_without_the_option() -> None:
    tries = try_binds(0, Transport.TCP)
    assert len(tries) == 2 * len(PLACES)
    assert len(set(tries)) == len(tries)
    assert [each.reuseaddr for each in tries] == [False, True] * len(PLACES)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize(
    ("address", "v6only", "expected"),
    [
        ("0.0.0.0", True, V4),
        ("127.0.0.1", True, V4),
        ("127.8.9.1", True, V4 - {("127.0.0.1", False)}),
        ("::", True, V6),
        ("::1", True, V6),
        ("::", False, ALL),
    ],
)
def test_what_is_taken_fails_and_what_is_not_succeeds(
    address: str, v6only: bool, expected: set[tuple[str, bool]], kind: int
) -> None:
    transport = Transport.TCP if kind == socket.SOCK_STREAM else Transport.UDP
    with ExitStack() as stack:
        _, port = taken(stack, address, kind, v6only=v6only)
        assert failed(port, transport) == expected
        assert {each.name for each in try_binds(port, transport) if not each.ok} == {"EADDRINUSE"}
    # Where the network is shared, a connection of another program may have the port for a moment.
    until = time.monotonic() + PATIENCE
    while failed(port, transport) and time.monotonic() < until:
        time.sleep(0.1)
    assert failed(port, transport) == set(), "nothing of the probe is left behind"


def test_the_option_helps_where_both_set_it() -> None:
    with ExitStack() as stack:
        made, port = taken(stack, "0.0.0.0", reuse=True)
        assert failed(port) == V4
        assert failed(port, reuse=True) == set()
        made.listen()
        assert failed(port, reuse=True) == V4


def test_the_probe_never_listens() -> None:
    with ExitStack() as stack:
        _, port = taken(stack, "127.0.0.1")
    try_binds(port, Transport.TCP)
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_one_more_address_is_tried_first() -> None:
    with ExitStack() as stack:
        _, port = taken(stack, "127.8.9.1")
        tries = try_binds(port, Transport.TCP, "127.8.9.1")
        assert [(each.address, each.name) for each in tries[:2]] == [
            ("127.8.9.1", "EADDRINUSE"),
            ("127.8.9.1", "EADDRINUSE"),
        ]
        assert len(tries) == 2 * len(PLACES) + 2
        # One that is tried anyway isn't tried twice.
        for address in ("127.0.0.1", "::1", "::", "0.0.0.0"):
            assert len(try_binds(port, Transport.TCP, address)) == 2 * len(PLACES)


@pytest.mark.parametrize("address", ["192.0.2.99", "2001:db8::99", "999.1.1.1", "name.invalid"])
def test_what_is_no_address_of_this_machine_is_unsupported(address: str) -> None:
    first, second, *_ = try_binds(0, Transport.TCP, address)
    assert {first.address, second.address} == {address}
    assert first.unsupported
    assert second.unsupported


def test_an_address_of_ipv4_in_the_form_of_ipv6() -> None:
    with ExitStack() as stack:
        _, port = taken(stack, "127.0.0.1")
        assert try_binds(port, Transport.TCP, "::ffff:127.0.0.1")[0].name == "EADDRINUSE"
    assert try_binds(port, Transport.TCP, "::ffff:127.0.0.1")[0].ok


def test_a_link_local_address_has_a_zone(own_network: bool) -> None:
    if own_network:
        added = [need_program("ip"), "address", "add", "fe80::305/64", "dev", "lo", "nodad"]
        subprocess.run(added, check=True)
    with open("/proc/net/if_inet6") as table:
        local = [line.split() for line in table if line.split()[3] == "20"]
    need_kernel(bool(local), "a link-local address")
    digits, *_, device = local[0]
    address = ":".join(digits[at : at + 4] for at in range(0, 32, 4))
    assert try_binds(0, Transport.TCP, f"{address}%{device}")[0].ok


def test_no_room_for_a_socket_is_told_apart() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        _, port = taken(stack, "0.0.0.0")
        highest = max(map(int, os.listdir("/proc/self/fd")))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        try:
            while True:
                try:
                    stack.callback(os.close, os.dup(0))
                except OSError:
                    break
            tries = try_binds(port, Transport.TCP)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {each.name for each in tries} == {"EMFILE"}
    assert all(each.untried and not each.unsupported for each in tries)


@pytest.mark.parametrize("transport", [Transport.SCTP, Transport.DCCP])
def test_a_transport_that_the_kernel_may_lack(transport: Transport) -> None:
    tries = try_binds(0, transport)
    assert tries
    for each in tries:
        assert each.ok or each.unsupported, each.name


def test_an_error_that_python_has_no_name_for() -> None:
    assert BindTry(Family.IPV4, "0.0.0.0", False, None, 99999).name == "error 99999"
    assert BindTry(Family.IPV4, "0.0.0.0", False, None, 0).name == "OK"
