"""A test's own network: what is outside isn't there, and what is inside goes with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from portbook.host.reader import read_host
from tests.alone import alone

pytestmark = pytest.mark.real
NETWORK = "/proc/thread-self/ns/net"
ASK = "import os; print(os.readlink('/proc/thread-self/ns/net'))"


def _started() -> str:
    argv = [sys.executable, "-I", "-S", "-c", ASK]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.usefixtures("empty_network")
def test_nothing_is_there_but_what_is_opened() -> None:
    assert read_host().listeners == ()
    with socket.create_server(("127.0.0.1", 305)) as server:
        (listener,) = read_host().listeners
        assert listener.socket.port == 305
        assert [owner.pid for owner in listener.ownership.owners] == [os.getpid()]
        socket.create_connection(server.getsockname()).close()
    with socket.create_server(("::1", 305), family=socket.AF_INET6) as server:
        socket.create_connection(server.getsockname()[:2]).close()
    assert _started() == os.readlink(NETWORK)


def test_the_way_back() -> None:
    before = os.readlink(NETWORK)
    with alone() as really:
        assert (os.readlink(NETWORK) != before) is really
    assert os.readlink(NETWORK) == _started() == before
