"""Random populations of sockets, as portbook, ss, lsof and psutil see them.

What the processes say that they opened is the truth; portbook has to agree with it, and the
others have to agree with portbook but for these cases, which they can't show:

- a socket that is bound and not listening (TCP) is in none of them, but in newer versions of ss;
- psutil keeps one holder of a socket that several processes share.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.counts import PROOF
from tests.real.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.namespace import Namespace

pytestmark = pytest.mark.real
SIZE = 1000 if PROOF else 60
PROCESSES = 12 if PROOF else 5
SEEDS = range(5 if PROOF else 3)


class Seen(NamedTuple):
    """A socket as one of the tools tells it; ``inode`` is 0 where it doesn't."""

    transport: str
    address: str
    port: int
    inode: int
    pids: frozenset[int]


# -- populations ------------------------------------------------------------------------------

Wish = dict[str, Any]


def populate(namespace: Namespace, chance: random.Random) -> dict[int, tuple[Wish, set[int]]]:
    """Opens the sockets of a population; inode -> what it is, and who holds it."""
    plans: list[list[Wish]] = [[] for _ in range(PROCESSES)]
    ports = iter(chance.sample(range(1, 32000), SIZE))
    wishes = 0
    while wishes < SIZE:
        group = list(draw(next(ports), chance))
        wishes += len(group)
        for wish in group:
            chance.choice(plans).append(wish)
    truth: dict[int, tuple[Wish, set[int]]] = {}
    for number, plan in enumerate(plans):
        forks = chance.choice((0, 0, 1, 2))
        options: dict[str, Any] = {}
        receiver = None
        # A quarter of the processes hand their sockets on, and keep them or not. 250 is what
        # the receiver takes at a time.
        if len(plan) <= 250 and chance.random() < 0.25:
            door = str(namespace.folder / f"door{number}")
            receiver = namespace.open_later(receive=door)
            options = {"send": door, "keep": chance.random() < 0.5}
            forks = 0
        _, said = namespace.open(*plan, forks=forks, **options)
        received = json.loads(receiver.read_line()) if receiver else [{"pids": []}] * len(said)
        for wish, each, other in zip(plan, said, received, strict=True):
            own = each["pids"] if options.get("keep", True) else []
            truth[each["inode"]] = (wish, {*own, *other["pids"]})
    return truth


def draw(port: int, chance: random.Random) -> Iterator[Wish]:
    """The sockets on one port: mostly one, and each way in which several may share it."""
    transport = chance.choice(("tcp", "udp"))
    kind = chance.choice(("one",) * 6 + ("families", "aliases", "transports", "group", "bound"))
    base: Wish = {"transport": transport, "family": "ipv4", "address": "0.0.0.0", "port": port}
    if kind == "families":
        yield base
        yield {**base, "family": "ipv6", "address": "::", "v6only": True}
    elif kind == "aliases":
        for number in chance.sample(range(1, 250), 3):
            yield {**base, "address": f"127.9.0.{number}"}
    elif kind == "transports":
        yield {**base, "transport": "tcp"}
        yield {**base, "transport": "udp"}
    elif kind == "group":
        for _ in range(chance.randint(2, 3)):
            yield {**base, "reuseport": True}
    elif kind == "bound":
        if transport == "tcp":
            yield {**base, "listen": False}
        else:
            yield {**base, "address": "127.0.0.1", "connect": 9}
    else:
        yield {**base, **chance.choice(_ONES)}


_ONES: tuple[Wish, ...] = (
    {},
    {"address": "127.0.0.1"},
    {"address": "127.0.0.1", "device": "lo"},
    {"family": "ipv6", "address": "::1"},
    {"family": "ipv6", "address": "::", "v6only": True},
    {"family": "ipv6", "address": "::", "v6only": False},
    {"family": "ipv6", "address": "::ffff:127.0.0.1", "v6only": False},
)


# -- who says what ----------------------------------------------------------------------------


def told(wish: Wish, inode: int, pids: set[int]) -> Seen:
    return Seen(wish["transport"], wish["address"], wish["port"], inode, frozenset(pids))


def by_portbook(listeners: list[dict[str, Any]]) -> list[Seen]:
    return [
        Seen(
            each["transport"],
            each["address"],
            each["port"],
            each["inode"],
            frozenset(owner["pid"] for owner in each["owners"]),
        )
        for each in listeners
    ]


def by_ss(namespace: Namespace) -> list[Seen]:
    found = []
    printed = lines(namespace, "ss", "-Hltunpe")
    assert printed
    for line in printed:
        transport, state, _, _, local, _, *rest = line.split()
        if state not in {"LISTEN", "UNCONN"}:
            continue
        host, _, port = local.rpartition(":")
        # ss writes * for the v6 wildcard that takes IPv4 as well.
        address = "::" if host == "*" else host.partition("%")[0].strip("[]")
        words = " ".join(rest)
        inode = re.search(r"\bino:(\d+)", words)
        assert inode, line
        pids = frozenset(map(int, re.findall(r"\bpid=(\d+)", words)))
        found.append(Seen(transport, address, int(port), int(inode[1]), pids))
    return found


def by_lsof(namespace: Namespace) -> list[Seen]:
    holders: dict[tuple[str, str, int, int], set[int]] = {}
    pid = 0
    fields: dict[str, str] = {}
    for line in [*lines(namespace, "lsof", "-nP", "-i", "-F", "pftdPnT"), "f"]:
        if line[0] in "pf":  # the next descriptor: this one is complete
            listens = fields.get("TST") == "LISTEN" or fields.get("P") == "UDP"
            if listens and "->" not in fields["n"]:
                host, _, port = fields["n"].rpartition(":")
                any_ = "::" if fields["t"] == "IPv6" else "0.0.0.0"
                address = any_ if host == "*" else host.strip("[]")
                inode = int(fields["d"], 0)
                key = (fields["P"].lower(), address, int(port), inode)
                holders.setdefault(key, set()).add(pid)
            fields = {}
        if line[0] == "p":
            pid = int(line[1:])
        elif line[0] == "T":
            name, _, value = line.partition("=")
            fields[name] = value
        else:
            fields[line[0]] = line[1:]
    return [Seen(*key, frozenset(pids)) for key, pids in holders.items()]


def by_psutil(namespace: Namespace) -> list[Seen]:
    code = (
        "import json, psutil, socket\n"
        "print(json.dumps([('tcp' if each.type == socket.SOCK_STREAM else 'udp', *each.laddr,\n"
        "    each.pid) for each in psutil.net_connections('inet')\n"
        "    if each.status == psutil.CONN_LISTEN\n"
        "    or each.type == socket.SOCK_DGRAM and not each.raddr]))\n"
    )
    (line,) = lines(namespace, sys.executable, "-I", "-c", code)
    return [
        Seen(transport, address, port, 0, frozenset({pid}))
        for transport, address, port, pid in json.loads(line)
    ]


def lines(namespace: Namespace, *argv: str) -> list[str]:
    done = namespace.run([need_program(argv[0]), *argv[1:]])
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("seed", SEEDS)
def test_all_agree(namespace: Namespace, seed: int) -> None:
    truth = populate(namespace, random.Random(seed))
    listeners = namespace.ask("listen")["listeners"]
    ours = by_portbook(listeners)
    # Connected UDP is no listener.
    told_ = [
        told(wish, inode, pids) for inode, (wish, pids) in truth.items() if "connect" not in wish
    ]
    assert len(told_) > SIZE * 0.8
    assert Counter(ours) == Counter(told_)
    assert len(listeners) == len(ours)
    for each in listeners:
        wish, _ = truth[each["inode"]]
        # A specific address of IPv6 takes IPv6 alone (ipv6(7)); IPv4 has no such setting.
        assert each["v6only"] == wish.get("v6only", True if wish["family"] == "ipv6" else None)
        assert each["interface"] == wish.get("device")
        assert each["state"] == ("listen" if wish.get("listen", True) else "bound")

    unlistened = {each["inode"] for each in listeners if each["state"] == "bound"}
    shown = [each for each in ours if each.inode not in unlistened]
    assert unlistened
    assert any(len(each.pids) > 1 for each in shown)
    assert Counter(by_ss(namespace)) == Counter(shown)
    assert Counter(by_lsof(namespace)) == Counter(map(as_lsof, shown))

    theirs = by_psutil(namespace)
    bare = Counter(each._replace(inode=0, pids=frozenset()) for each in shown)
    assert Counter(each._replace(pids=frozenset()) for each in theirs) == bare
    pids: dict[tuple[str, str, int], set[int]] = {}
    for each in shown:
        pids.setdefault(each[:3], set()).update(each.pids)
    for each in theirs:
        assert each.pids <= pids[each[:3]]


def as_lsof(each: Seen) -> Seen:
    """lsof writes an IPv4 address that is mapped into IPv6 as the IPv4 address."""
    return each._replace(address=each.address.removeprefix("::ffff:"))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_port_at_a_time(namespace: Namespace, seed: int) -> None:
    """Each port, asked alone, has what the whole list has of it."""
    chance = random.Random(f"one {seed}")
    populate(namespace, chance)
    whole = namespace.ask("listen")["listeners"]
    assert len(whole) > SIZE * 0.8
    for port in chance.sample(sorted({each["port"] for each in whole}), 8):
        alone = namespace.ask(port, "--all-owners")["host"]["listeners"]
        wanted = [each for each in whole if each["port"] == port]
        assert Counter(by_portbook(alone)) == Counter(by_portbook(wanted))
        first = namespace.ask(port)["host"]["listeners"]
        owners = {each.inode: each.pids for each in by_portbook(wanted)}
        for each, listener in zip(by_portbook(first), first, strict=True):
            # The search stops at one owner, and has those of its workers that hold the socket.
            assert _heads(listener["owners"]) == 1
            assert each.pids <= owners[each.inode]


def _heads(owners: list[dict[str, Any]]) -> int:
    """How many of *owners* weren't started by another of them."""
    pids = {owner["pid"] for owner in owners}
    return sum(owner["parent"] not in pids for owner in owners)
