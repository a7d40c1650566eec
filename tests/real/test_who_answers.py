"""Who answers, foretold from a list of sockets, and by real connections: they agree."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portbook.model import Family, Socket, SocketState, Transport
from portbook.verdict.socket_choice import choose
from tests.counts import PROOF
from tests.real.answering import FIRST_PORT, TARGETS
from tests.real.namespace import Namespace
from tests.real.needs import need_namespaces

if TYPE_CHECKING:
    import random

pytestmark = pytest.mark.real

_ADDRESSES = (
    ("ipv4", "0.0.0.0", False),
    ("ipv4", "127.0.0.1", False),
    ("ipv4", "192.0.2.1", False),
    ("ipv6", "::", False),
    ("ipv6", "::", True),
    ("ipv6", "::1", True),
    ("ipv6", "2001:db8::1", True),
    ("ipv6", "::ffff:127.0.0.1", False),
    ("ipv6", "::ffff:192.0.2.1", False),
    ("ipv6", "::ffff:0.0.0.0", False),
)
_SOCKETS = [
    {"family": family, "address": address, "v6only": v6only, "interface": interface}
    for (family, address, v6only), interface in product(_ADDRESSES, (None, "lo", "veth0"))
]
_PAIRS = [
    {"transport": transport, "sockets": [{**one, "share": share}, {**other, "share": share}]}
    for transport, share, one, other in product(
        ("tcp", "udp"), (None, "reuseport", "reuseaddr"), _SOCKETS, _SOCKETS
    )
]


def _foretold(case: dict[str, Any]) -> list[tuple[int, ...]]:
    sockets = [
        Socket(
            Transport(case["transport"]),
            Family(each["family"]),
            each["address"],
            FIRST_PORT,
            SocketState.LISTEN,
            interface=each["interface"],
            v6only=each["v6only"],
        )
        for each in case["sockets"]
    ]
    return [choose(sockets, address, interface) for _, address, interface in TARGETS]


def _network(namespace: Namespace, peer: Namespace) -> None:
    pid = peer.holder
    for one, argv in (
        (namespace, f"ip link add veth0 type veth peer name veth1 netns {pid}"),
        (namespace, "ip addr add 192.0.2.1/24 dev veth0"),
        (namespace, "ip addr add 2001:db8::1/64 dev veth0 nodad"),
        (namespace, "ip link set veth0 up"),
        # Refusals of datagrams are to come at once, however many they are.
        (namespace, "sysctl -qwe net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0"),
        (
            namespace,
            "sysctl -qwe net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000",
        ),
        (peer, "ip addr add 192.0.2.2/24 dev veth1"),
        (peer, "ip addr add 2001:db8::2/64 dev veth1 nodad"),
        (peer, "ip link set veth1 up"),
    ):
        done = one.run(argv.split())
        assert not done.returncode, done.stderr


def test_the_kernel_answers_as_foretold(chance: random.Random) -> None:
    """Each pair of sockets that can be bound together, and some threes: on every address."""
    need_namespaces()
    pairs = _PAIRS if PROOF else chance.sample(_PAIRS, 120)
    threes: list[dict[str, Any]] = [
        {
            "transport": chance.choice(("tcp", "udp")),
            "sockets": [{**chance.choice(_SOCKETS), "share": share} for _ in range(3)],
        }
        for share in chance.choices(("reuseport", "reuseaddr", None), k=4000 if PROOF else 60)
    ]
    cases = [*pairs, *threes]
    with Namespace() as namespace, Namespace() as peer:
        _network(namespace, peer)
        script = Path(__file__).with_name("answering.py")
        done = subprocess.run(
            [sys.executable, "-I", str(script), str(namespace.holder), str(peer.holder)],
            input=json.dumps(cases), capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert not done.returncode, done.stderr
    answers = json.loads(done.stdout)
    bound = 0
    for case, answered in zip(cases, answers, strict=True):
        if answered is None:
            continue
        bound += 1
        for target, expected, numbers in zip(TARGETS, _foretold(case), answered, strict=True):
            assert set(numbers) <= set(expected), (case, target, expected, numbers)
            assert bool(numbers) == bool(expected), (case, target, expected, numbers)
    assert bound > len(cases) / 5
