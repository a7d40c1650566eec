"""A network of a test's own, for tests that look at this machine from this very process.

In it nothing listens but what the test opens, whatever runs on the machine or in the tests beside
it. What the test starts is in it as well. ``tests/real/namespace.py`` is for tests that look from
outside: there this process stays where it is.

It takes root on Linux. Elsewhere a test stays in the machine's own network, among whatever is
there, so it names its own sockets all the same.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING

import pytest

from tests.real.needs import is_bare, need_kernel, need_root

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914  # SIOCGIFFLAGS, SIOCSIFFLAGS: linux/sockios.h
_UP = 1  # IFF_UP: linux/if.h


@contextlib.contextmanager
def alone() -> Iterator[bool]:
    """Moves this thread into a network namespace of its own; gives whether that could be done."""
    if is_bare() or sys.platform != "linux" or os.geteuid() != 0:
        yield False
        return
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            _call("unshare", _CLONE_NEWNET)
        except PermissionError:  # root in a container, without CAP_SYS_ADMIN
            yield False
            return
        try:
            _loopback_up()
            yield True
        finally:
            _call("setns", before, _CLONE_NEWNET)
    finally:
        os.close(before)


def _call(name: str, *arguments: int) -> None:
    """A function of the C library that Python has from 3.12 on."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _loopback_up() -> None:
    """``ip link set lo up``: netdevice(7)."""
    import fcntl  # not on Windows

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        answer = fcntl.ioctl(asked, _GET_FLAGS, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack("16sH14x", answer)[1]
        fcntl.ioctl(asked, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))


@pytest.fixture
def own_network() -> Iterator[bool]:
    """A network of this test's own, where that can be; whether it is."""
    with alone() as really:
        yield really


@pytest.fixture(scope="module")
def network_of_module() -> Iterator[bool]:
    """The same for all tests of a module, with the servers that they share."""
    with alone() as really:
        yield really


@pytest.fixture
def empty_network(own_network: bool) -> None:
    """Nothing listens but what the test opens: for what can't be told among strangers."""
    need_root("this test makes a network namespace")
    need_kernel(own_network, "no network namespace can be made here")
