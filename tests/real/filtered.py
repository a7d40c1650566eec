"""A machine with packet filters, a peer that calls it, and a container behind it.

Three network namespaces in a row: the peer has many addresses, near and far; the machine forwards
to the container. portbook reads and judges the machine's rules; the peer's packets say the truth.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests.real.namespace import Namespace, Running
from tests.real.needs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PACKETS = Path(__file__).with_name("packets.py")
PORTS = (22, 53, 80, 443, 1000, 5000, 8080, 9000)
OWN = ("198.18.0.1", "2001:db8:99::1")
CONTAINER = ("172.30.0.2", "2001:db8:30::2")
SOURCES = (
    "198.18.0.2", "198.18.0.77", "198.18.0.200", "192.0.2.5", "198.51.100.9", "203.0.113.130",
    "2001:db8:99::2", "2001:db8:99::77", "2001:db8:1::5", "2001:db8:2::9",
)  # fmt: skip
_SECONDS, _PATIENT_SECONDS = 0.3, 1.6  # the second after TCP has sent its SYN once more


_POLICIES = {"filter": ("INPUT", "FORWARD", "OUTPUT")}


class Connection(NamedTuple):
    """A connection to try. From the machine itself where *interface* is ``lo``."""

    transport: str
    source: str
    destination: str
    port: int
    interface: str = "eth0"


class Mistake(NamedTuple):
    """A connection of which portbook says what isn't so."""

    connection: Connection
    predicted: str
    observed: str
    rules: tuple[str, ...]


class Comparison(NamedTuple):
    """What came of comparing predictions with packets."""

    mistakes: list[Mistake]
    tried: int
    unknown: int


def connections(ports: Iterable[int] = PORTS) -> list[Connection]:
    """From everywhere to every port, over TCP and UDP."""
    ports = tuple(ports)
    tries = [
        Connection(transport, source, destination, port)
        for source in SOURCES
        for destination in OWN
        if (":" in source) == (":" in destination)
        for port in ports
        for transport in ("tcp", "udp")
    ]
    local = [
        Connection(transport, address, address, port, "lo")
        for address in (*OWN, "127.0.0.1", "::1")
        for port in ports[::3]
        for transport in ("tcp", "udp")
    ]
    return tries + local


class FilteredMachine:
    """A context: the namespaces, their links, and the programs in them.

    Where it *routes_loopback*, 127.0.0.1 may be behind what the container gets.
    """

    def __init__(self, *, routes_loopback: bool = False) -> None:
        self._routes_loopback = int(routes_loopback)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.machine = stack.enter_context(Namespace())
            self.peer = stack.enter_context(Namespace())
            self.container = stack.enter_context(Namespace())
            self._link()
            self._know_neighbours()
            agents = {
                "serve": (self.machine, [*OWN, "127.0.0.1", "::1"]),
                "contain": (self.container, [*CONTAINER]),
            }
            for namespace, addresses in agents.values():
                plan = json.dumps({"addresses": addresses, "ports": PORTS})
                self.contained = self._start(namespace, "serve", plan)
                assert self.contained.read_line() == "ready\n"
            self._peer = self._start(self.peer, "probe")
            self._own = self._start(self.machine, "probe")
            self._portbook = self._start(self.machine, "predict")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @staticmethod
    def _start(namespace: Namespace, *arguments: str) -> Running:
        return namespace.start([sys.executable, "-P", PACKETS, *arguments])

    def _link(self) -> None:
        machine, peer, container = self.machine, self.peer, self.container
        script = f"""
            ip link add eth0 type veth peer name eth0 netns {peer.holder}
            ip link add cont0 type veth peer name eth0 netns {container.holder}
            ip addr add 198.18.0.1/24 dev eth0
            ip -6 addr add 2001:db8:99::1/64 dev eth0 nodad
            ip addr add 172.30.0.1/24 dev cont0
            ip -6 addr add 2001:db8:30::1/64 dev cont0 nodad
            ip link set eth0 up && ip link set cont0 up
            ip route add default via 198.18.0.2
            ip -6 route add default via 2001:db8:99::2
            echo 1 > /proc/sys/net/ipv4/ip_forward
            echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
            echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
            echo {self._routes_loopback} > /proc/sys/net/ipv4/conf/cont0/route_localnet
            echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
            echo 0 > /proc/sys/net/ipv4/conf/eth0/rp_filter
        """
        self.shell(machine, script)
        added = "\n".join(
            f"ip addr add {source}/{'32 dev lo' if '.' in source else '128 dev lo nodad'}"
            for source in SOURCES[3:6]
        )
        self.shell(
            peer,
            f"""
            for a in 198.18.0.2 198.18.0.77 198.18.0.200; do ip addr add $a/24 dev eth0; done
            for a in 2001:db8:99::2 2001:db8:99::77; do ip addr add $a/64 dev eth0 nodad; done
            {added}
            ip -6 addr add 2001:db8:1::5/128 dev lo nodad
            ip -6 addr add 2001:db8:2::9/128 dev lo nodad
            ip link set eth0 up
            echo 1 > /proc/sys/net/ipv4/ip_forward
            """,
        )
        self.shell(
            container,
            """
            ip addr add 172.30.0.2/24 dev eth0
            ip -6 addr add 2001:db8:30::2/64 dev eth0 nodad
            ip link set eth0 up
            ip route add default via 172.30.0.1
            ip -6 route add default via 2001:db8:30::1
            """,
        )

    def _know_neighbours(self) -> None:
        """Fixed neighbours: a rule that drops neighbour discovery isn't what is asked about."""
        here, there, behind = self.machine, self.peer, self.container
        ours = (*OWN, "172.30.0.1", "2001:db8:30::1")
        for one, name, other, device, addresses in (
            (here, "eth0", there, "eth0", ("198.18.0.2", "198.18.0.77", "198.18.0.200",
                                           "2001:db8:99::2", "2001:db8:99::77")),
            (there, "eth0", here, "eth0", OWN),
            (here, "cont0", behind, "eth0", CONTAINER),
            (behind, "eth0", here, "cont0", ours[2:]),
        ):  # fmt: skip
            shown = self.shell(other, f"ip -o link show {device}")
            link = shown.split("link/ether ")[1].split()[0]
            lines = "\n".join(
                f"ip neigh replace {address} lladdr {link} nud permanent dev {name}"
                for address in addresses
            )
            self.shell(one, lines)

    @staticmethod
    def shell(namespace: Namespace, script: str) -> str:
        """Runs lines of shell in *namespace*, of which each must succeed; what they printed."""
        done = namespace.run(["sh", "-e", "-c", script])
        assert done.returncode == 0, done.stderr + done.stdout + script
        return done.stdout

    @classmethod
    @contextlib.contextmanager
    def several(cls, count: int) -> Iterator[list[FilteredMachine]]:
        """So many at once, to be used side by side."""
        with contextlib.ExitStack() as stack:
            made = [cls(routes_loopback=bool(number % 2)) for number in range(count)]
            yield [stack.enter_context(each) for each in made]

    def clear(self) -> None:
        """Takes away all rules, of every kind."""
        lines = ["nft flush ruleset"]
        for tool in ("iptables-legacy-restore", "ip6tables-legacy-restore"):
            names = f"/proc/net/{tool.partition('tables')[0]}_tables_names"
            if find_program(tool):
                for table in ("raw", "mangle", "nat", "filter"):
                    policies = "".join(f":{chain} ACCEPT\\n" for chain in _POLICIES.get(table, ()))
                    flush = f"printf '*{table}\\n{policies}COMMIT\\n' | {tool}"
                    lines.append(f"! grep -q . {names} || {flush} || true")
        self.shell(self.machine, "\n".join(lines))

    def load(self, argv: Sequence[str], text: str) -> str:
        """Gives *text* to a tool in the machine's namespace; what it complains of, or ""."""
        path = self.machine.folder / "rules"
        path.write_text(text)
        done = self.machine.run(["sh", "-c", f"exec {' '.join(argv)} < {path}"])
        return done.stderr if done.returncode else ""

    def load_drawn(self, argv: Sequence[str], text: str) -> str:
        """Loads what of *text* makes sense to the tool, line by line; what was loaded."""
        lines = text.split("\n")
        for _ in range(20):
            complaint = self.load(argv, "\n".join(lines))
            if not complaint:
                return "\n".join(lines)
            # nft: "/dev/stdin:7:1-9: Error", iptables-restore: "line 7 failed"
            numbers = {int(a or b) for a, b in re.findall(r"stdin:(\d+):|line:? (\d+)", complaint)}
            assert numbers, complaint
            for number in numbers:
                lines[number - 1] = ""
        raise AssertionError(f"it doesn't load: {complaint}")

    @staticmethod
    def _ask(agent: Running, request: dict[str, Any]) -> Any:
        assert agent.process.stdin is not None
        agent.process.stdin.write(json.dumps(request) + "\n")
        agent.process.stdin.flush()
        return json.loads(agent.read_line())

    def keep_plain(self) -> int:
        """Deletes the rules that only nft can print; how many are left."""
        return int(self._ask(self._portbook, {"plain": True}))

    def observe(
        self, tries: Sequence[Connection], seconds: float = _SECONDS
    ) -> dict[Connection, str]:
        """What becomes of connections in earnest."""
        observed: dict[Connection, str] = {}
        for agent, local in ((self._peer, False), (self._own, True)):
            some = [each for each in tries if (each.interface == "lo") == local]
            if some:
                request = {"tries": [each[:4] for each in some], "seconds": seconds}
                observed.update(zip(some, self._ask(agent, request), strict=True))
        return observed

    def predict(self, tries: Sequence[Connection]) -> dict[Connection, dict[str, Any]]:
        """What portbook says of connections."""
        questions: dict[tuple[Any, ...], int] = {}
        for each in tries:
            questions.setdefault(_question(each), len(questions))
        request = {
            "interfaces": {
                "lo": [["127.0.0.1", 8], ["::1", 128]],
                "eth0": [["198.18.0.1", 24], ["2001:db8:99::1", 64]],
                "cont0": [["172.30.0.1", 24], ["2001:db8:30::1", 64]],
            },
            "routes": [["0.0.0.0/0", "eth0"], ["::/0", "eth0"]],
            "asked": list(questions),
        }
        told = self._ask(self._portbook, request)
        self.gaps, self.told_plainly = told["gaps"], int(told["plainly"])
        predicted = {}
        for each in tries:
            number = int(ip_address(each.source))
            (predicted[each],) = (
                one
                for one in told["answers"][questions[_question(each)]]
                if any(int(first) <= number <= int(last) for first, last in one["sources"])
            )
        return predicted

    def compare(self, tries: Sequence[Connection]) -> Comparison:
        """Predictions and packets; what they disagree on is tried once more, with more patience."""
        predicted = self.predict(tries)
        observed = self.observe(tries)
        doubtful = [each for each in tries if not _agree(predicted[each], observed[each])]
        if doubtful:
            observed.update(self.observe(doubtful, _PATIENT_SECONDS))
        mistakes = [
            Mistake(each, json.dumps(predicted[each]["outcome"]) + f" {predicted[each]['address']} "
                    f"{predicted[each]['port']}", observed[each], tuple(predicted[each]["rules"]))
            for each in doubtful
            if not _agree(predicted[each], observed[each])
        ]  # fmt: skip
        unknown = sum(each["outcome"] == "unknown" for each in predicted.values())
        return Comparison(mistakes, len(tries), unknown)


def _question(connection: Connection) -> tuple[Any, ...]:
    local = connection.interface == "lo"
    source = connection.source if local else None
    transport, _, destination, port, interface = connection
    return (transport, source, destination, port, interface)


def _agree(predicted: dict[str, Any], observed: str) -> bool:
    outcome = predicted["outcome"]
    if outcome == "unknown":
        return True
    if outcome != "open":
        return not observed.startswith("open")
    if not observed.startswith("open"):
        return False
    words = observed.split()[1:]
    end = [predicted["address"], str(predicted["port"])]  # None where it may be one of several
    return not words or all(
        told in {"None", None, there} for told, there in zip(end, words, strict=True)
    )
