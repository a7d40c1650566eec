"""A process that opens sockets, says which, and holds them until its standard input ends.

Its one argument is a plan in JSON: ``sockets``, a list of ``transport``, ``family``,
``address`` and ``port``, with ``listen`` (false: only bound), ``v6only``, ``reuseport``,
``device`` and ``connect`` (the peer's port); ``forks``, how many children share them; ``send``,
a Unix socket over which they are handed on, and kept only with ``keep``; ``receive``, one over
which they come instead; ``churn``, to let short-lived children hold them all the time. It prints
one line, a list with ``port``, ``inode`` and ``pids`` of each. The standard library is all it
needs.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def open_socket(wish: dict[str, Any]) -> socket.socket:
    made = socket.socket(_FAMILIES[wish["family"]], _TYPES[wish["transport"]])
    if wish["family"] == "ipv6" and "v6only" in wish:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, wish["v6only"])
    if wish.get("reuseport"):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if "device" in wish:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, wish["device"].encode())
    made.bind((wish["address"], wish["port"]))
    if "connect" in wish:
        made.connect((wish["address"], wish["connect"]))
    elif wish["transport"] == "tcp" and wish.get("listen", True):
        made.listen()
    return made


def receive(path: str) -> list[socket.socket]:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        peer, _ = door.accept()
        with peer:
            descriptors = socket.recv_fds(peer, 1, 250)[1]
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def send(path: str, sockets: list[socket.socket]) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        while True:  # until the other has opened it
            try:
                door.connect(path)
                break
            except OSError:
                time.sleep(0.01)
        socket.send_fds(door, [b"x"], [each.fileno() for each in sockets])
        door.recv(1)  # the other has them, and has closed its end


def fork(count: int) -> list[int]:
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            sys.stdin.read()
            os._exit(0)
        children.append(child)
    return children


def churn() -> None:
    """Children that hold everything for some milliseconds, until standard input ends."""
    os.set_blocking(0, False)
    while True:
        try:
            if os.read(0, 1) == b"":
                return
        except BlockingIOError:
            pass
        child = os.fork()
        if child == 0:
            time.sleep(0.003)
            os._exit(0)
        os.waitpid(child, 0)


def main(plan: dict[str, Any]) -> None:
    if "receive" in plan:
        sockets = receive(plan["receive"])
    else:
        sockets = [open_socket(wish) for wish in plan["sockets"]]
    pids = [os.getpid(), *fork(plan.get("forks", 0))]
    said = [
        {"port": each.getsockname()[1], "inode": os.fstat(each.fileno()).st_ino, "pids": pids}
        for each in sockets
    ]
    if "send" in plan:
        send(plan["send"], sockets)
        if not plan.get("keep"):
            for each in sockets:
                each.close()
    print(json.dumps(said), flush=True)
    if plan.get("churn"):
        churn()
    else:
        sys.stdin.read()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
