"""What rules cost: a question to 10,000 of them, a list of listeners, and the answer on one port.

It needs root, nft, iptables-nft-restore, ip and ``unshare``: the rules are loaded in a network
namespace of their own, in which programs listen beyond loopback.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import environment, portbook

TITLE = "firewall: rules in force"
PROGRAMS = ("nft", "unshare", "ip", "iptables-nft-restore", "ip6tables-nft-restore")
_PORTS = (22, 3456, 8080, 9090)
_LINK = """
ip link set lo up
ip link add eth0 type veth peer name peer0
ip addr add 198.18.0.1/24 dev eth0
ip link set eth0 up
ip link set peer0 up
ip route add default via 198.18.0.2
"""
_SETS = 5
_CHILD = "benchmarks.firewall"


class Usage(NamedTuple):
    """What one process and those that it ran took."""

    seconds: float
    megabytes: float


def ruleset(rules: int, elements: int) -> str:
    """Rules of five kinds in turn, and sets of single addresses, in nft's language."""
    chance = random.Random(22)
    lines = ["flush ruleset", "table inet t {"]
    for number in range(_SETS):
        drawn = chance.sample(range(1 << 24), elements // _SETS)
        addresses = ", ".join(
            f"{10 + number}.{each >> 16 & 255}.{each >> 8 & 255}.{each & 255}" for each in drawn
        )
        lines.append(
            f"set s{number} {{ type ipv4_addr; flags interval; auto-merge; "
            f"elements = {{ {addresses} }} }}"
        )
    lines.append("chain in { type filter hook input priority 0; policy drop;")
    lines += ["ct state established,related accept", "iif lo accept"]
    lines += [f"ip saddr @s{number} drop" for number in range(_SETS)]
    for number in range(rules):
        port, high = chance.randrange(1, 30_000), chance.randrange(30_001, 65_536)
        byte = chance.randrange(256)
        lines.append((
            f"ip saddr 172.16.{byte}.{number % 256} tcp dport {port} accept",
            f"ip saddr 198.{byte}.{number % 256}.0/24 drop",
            f"tcp dport {high} ct state new accept",
            f'iifname "eth{byte % 9}" udp dport {{ {port}, {high} }} accept',
            f"ip6 saddr 2001:db8:{byte:x}::/48 tcp dport 8080 accept",
        )[number % 5])  # fmt: skip
    return "\n".join([*lines, "}", "}"]) + "\n"


def like_firewalld() -> str:
    """Rules as firewalld makes them for its usual zones, in nft's language."""
    zones = ("public", "trusted", "internal", "external", "work", "home", "dmz", "drop", "block")
    lines = ["flush ruleset", "table inet firewalld {"]
    for zone in zones:
        parts = ("pre", "log", "deny", "allow", "post")
        for part in parts:
            lines.append(f"chain IN_{zone}_{part} {{")
            if part == "allow":
                lines += [f"tcp dport {port} ct state {{ new, untracked }} accept" for port in
                          (22, 3456, 8080)]  # fmt: skip
            lines.append("}")
        lines += [f"chain IN_{zone} {{", *(f"jump IN_{zone}_{part}" for part in parts)]
        lines += ["meta l4proto { icmp, ipv6-icmp } accept", "reject with icmpx admin-prohibited"]
        lines.append("}")
    lines += ["chain ZONES {", 'iifname "eth1" goto IN_work', 'iifname "eth2" goto IN_dmz']
    lines += ["goto IN_public", "}", "chain INPUT {"]
    lines += ["type filter hook input priority filter + 10; policy accept;"]
    lines += ["ct state { established, related } accept", 'iifname "lo" accept', "jump ZONES"]
    lines += ["ct state invalid drop", "reject with icmpx admin-prohibited", "}", "}"]
    return "\n".join(lines) + "\n"


def like_ufw(six: bool) -> str:
    """Rules as ufw makes them, as iptables-restore or (*six*) ip6tables-restore takes them."""
    ufw = "ufw6" if six else "ufw"
    parts = [f"{ufw}-{when}-{way}" for when in ("before-logging", "before", "after", "track")
             for way in ("input", "forward", "output")]  # fmt: skip
    lines = ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    lines += [f":{name} - [0:0]" for name in (*parts, f"{ufw}-user-input", f"{ufw}-skip")]
    for way in ("input", "forward", "output"):
        lines += [f"-A {way.upper()} -j {name}" for name in parts if name.endswith(way)]
    lines += [
        f"-A {ufw}-before-input -i lo -j ACCEPT",
        f"-A {ufw}-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        f"-A {ufw}-before-input -m conntrack --ctstate INVALID -j DROP",
        f"-A {ufw}-before-input -j {ufw}-user-input",
    ]
    lines += [
        f"-A {ufw}-{chain} -p {transport} -m {transport} --dport {port} -j {target}"
        for chain, target, ports in (
            ("user-input", "ACCEPT", (22, 443, 3456, 8080)),
            ("after-input", f"{ufw}-skip", (137, 138, 139, 445, 67, 68)),
        )
        for port in ports
        for transport in ("tcp", "udp")
    ]
    return "\n".join([*lines, f"-A {ufw}-skip -j DROP", "COMMIT"]) + "\n"


def measured(argv: list[str]) -> Usage:
    """Runs *argv*, and says what it and its children took."""
    child = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):  # 1: listen, with a finding to see to
        raise SystemExit(f"{' '.join(argv)} ended with {child.returncode}")
    return Usage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def inside(path: str, runs: int) -> None:
    """In the namespace: measures without rules, with usual ones, and with those of *path*."""
    subprocess.run(["sh", "-e", "-c", _LINK], check=True)
    listeners = [socket.create_server(("0.0.0.0", port)) for port in _PORTS]
    brief = [*portbook(), str(_PORTS[1])]
    _print_brief("no rules", brief, runs)
    for family in ("iptables", "ip6tables"):
        restore = [f"{family}-nft-restore"]
        rules = like_ufw(family == "ip6tables")
        subprocess.run(restore, input=rules, text=True, check=True)
    _print_brief("rules like ufw's", brief, runs)
    subprocess.run(["nft", "-f", "-"], input=like_firewalld(), text=True, check=True)
    _print_brief("rules like firewalld's", brief, runs)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    whole = [sys.executable, "-m", _CHILD, "listen"]
    without = median(whole, runs)
    subprocess.run(["nft", "-f", path], check=True)
    listing, asking, lists = [], [], []
    for _ in range(runs):
        listing.append(measured(["nft", "-j", "list", "ruleset"]))
        asking.append(measured([sys.executable, "-m", _CHILD, "ask"]))
        lists.append(measured(whole))
    nft, own, listed = (
        statistics.median(each.seconds for each in some) for some in (listing, asking, lists)
    )
    memory = max(each.megabytes for each in asking)
    most = 1.3 * without + nft
    print(f"| `nft -j list ruleset` | {nft:.2f} s | |")
    print(f"| `portbook`: read and decide | {own:.2f} s | {own / nft:.2f} times; at most 2.5 |")
    print(f"| `portbook`: memory | {memory:.0f} MB | at most 300 |")
    print(f"| `portbook listen` without rules | {without:.2f} s | |")
    print(f"| `portbook listen` with these | {listed:.2f} s | at most {most:.2f} s |")
    for each in listeners:
        each.close()


def median(argv: list[str], runs: int) -> float:
    """The CPU seconds of *argv*, the median of *runs*."""
    return statistics.median(measured(argv).seconds for _ in range(runs))


def _print_brief(what: str, argv: list[str], runs: int) -> None:
    # The interpreter alone, in turn: what else the machine does is spread over both.
    pairs = [
        (measured(argv).seconds, measured([sys.executable, "-c", "pass"]).seconds)
        for _ in range(runs * 4)
    ]
    own, alone = (statistics.median(some) for some in zip(*pairs, strict=True))
    ratio, most = own / alone, "" if what == "no rules" else "; at most 3.2"
    print(f"| `portbook {_PORTS[1]}`, {what} | {own:.3f} s | {ratio:.2f} interpreters{most} |")


def listen() -> None:
    """``portbook listen`` as a process, which waits for nft as long as a busy machine takes."""
    from portbook.__main__ import script
    from portbook.host.firewall import ruleset as module

    _, *others = module.read_ruleset.__defaults__ or ()
    module.read_ruleset.__defaults__ = (60.0, *others)
    sys.argv = ["portbook", "listen"]
    script()


def ask() -> None:
    """One question, as ``portbook reach`` puts it."""
    from portbook.host.firewall.decide import decide
    from portbook.host.firewall.ruleset import read_ruleset
    from portbook.host.firewall.values import Machine
    from portbook.model import Family, Transport

    rules = read_ruleset(60)
    decide(
        rules, Machine(), family=Family.IPV4, transport=Transport.TCP, destination="192.0.2.1",
        port=8080, interface="eth0",
    )  # fmt: skip
    if rules.gaps:
        raise SystemExit(f"it wasn't read: {rules.gaps}")


def run(*, quick: bool = False) -> str:
    """The table of results."""
    if os.geteuid() or not all(map(shutil.which, PROGRAMS)):
        return f"It needs root, {', '.join(PROGRAMS)}."
    load = f"Load average before it: {os.getloadavg()[0]:.2f}."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.nft")
        path.write_text(ruleset(50, 50) if quick else ruleset(10_000, 100_000))
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-m", _CHILD, str(path), "1" if quick else "5"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    head = "| 10,000 rules, 100,000 elements; of one port, the usual rules | CPU | target |"
    return f"{load}\n\n{head}\n|---|--:|---|\n{done.stdout}"


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        ask()
    elif sys.argv[1] == "listen":
        listen()
    else:
        inside(sys.argv[1], int(sys.argv[2]))
