"""Picking a port against a bare interpreter, and asking fifty services what they speak."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from benchmarks.timing import ROOT, alternate, portbook, table

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE = "hands: pick and probe"
SERVICES = 50
_BANNERS = (b"SSH-2.0-x\r\n", b"220 x ESMTP\r\n", b"* OK ready\r\n", b"+OK ready\r\n")


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    runs = 1 if quick else 30
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "portbook pick": [*portbook(), "pick"],
        "portbook pick --for web -q": [*portbook(), "pick", "--for", "web", "-q"],
    }
    times = alternate(commands, runs)
    slowest = max(times[name].median for name in commands if name != "python -c pass")
    ratio = slowest / times["python -c pass"].median
    with services() as (first, last):
        ask = [*portbook(), "listen", "--port", f"{first}-{last}"]
        asked = alternate(
            {"portbook listen": ask, "portbook listen --probe": [*ask, "--probe"]},
            1 if quick else 10,
        )
    kinds = (
        f"Of {SERVICES} services on this machine a fifth speaks first, a fifth HTTP, a fifth "
        "closes every connection, a fifth keeps silent and a fifth streams for ever:"
    )
    return "\n".join(
        [
            table(times, "python -c pass"),
            "",
            f"A pick takes at most {ratio:.1f} bare interpreters.",
            "",
            kinds,
            "",
            table(asked, "portbook listen"),
        ]
    )


@contextlib.contextmanager
def services() -> Iterator[tuple[int, int]]:
    """Fifty services in a process of their own, on ports in a row: the first and the last."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.hands", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        first, last = map(int, server.stdout.readline().split())
        yield first, last
        server.stdin.close()


def _serve() -> None:
    servers = _bind()
    for number, server in enumerate(servers):
        threading.Thread(target=_accept, args=(server, number), daemon=True).start()
    print(servers[0].getsockname()[1], servers[-1].getsockname()[1], flush=True)
    sys.stdin.read()


def _bind() -> list[socket.socket]:
    for first in range(20000, 32000, 100):
        servers: list[socket.socket] = []
        try:
            servers.extend(
                socket.create_server(("127.0.0.1", first + number), backlog=64)
                for number in range(SERVICES)
            )
        except OSError:
            for server in servers:
                server.close()
            continue
        return servers
    raise SystemExit("no fifty ports in a row are free")


def _accept(server: socket.socket, number: int) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=_talk, args=(connection, number), daemon=True).start()


def _talk(connection: socket.socket, number: int) -> None:
    with connection, contextlib.suppress(OSError):
        kind = number % 5
        if kind == 0:
            connection.sendall(_BANNERS[number // 5 % len(_BANNERS)])
        elif kind == 1 and connection.recv(4096).startswith(b"HEAD "):
            connection.sendall(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")
        elif kind == 2:
            return
        while kind == 4:
            connection.sendall(b"spam\n" * 100)
        while connection.recv(4096):
            pass


if __name__ == "__main__":
    _serve() if "serve" in sys.argv else print(run())
