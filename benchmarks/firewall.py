"""What a connection meets in 10,000 rules and 100,000 set elements, beside what nft takes to list.

It needs root, nft and ``unshare``: the rules are loaded in a network namespace of their own.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

TITLE = "firewall: a large ruleset"
PROGRAMS = ("nft", "unshare")
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


def measured(argv: list[str]) -> Usage:
    """Runs *argv*, and says what it and its children took."""
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {child.returncode}")
    return Usage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def inside(path: str, runs: int) -> None:
    """In the namespace: loads the rules, then measures both in turn."""
    subprocess.run(["nft", "-f", path], check=True)
    listing, asking = [], []
    for _ in range(runs):
        listing.append(measured(["nft", "-j", "list", "ruleset"]))
        asking.append(measured([sys.executable, "-m", _CHILD, "ask"]))
    nft, own = (statistics.median(each.seconds for each in some) for some in (listing, asking))
    memory = max(each.megabytes for each in asking)
    print(f"| `nft -j list ruleset` | {nft:.2f} s | |")
    print(f"| `portbook`: read and decide | {own:.2f} s | {own / nft:.2f} times; at most 2.5 |")
    print(f"| `portbook`: memory | {memory:.0f} MB | at most 300 |")


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
    if os.geteuid() or not shutil.which("nft") or not shutil.which("unshare"):
        return "It needs root, nft and unshare."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.nft")
        path.write_text(ruleset(50, 50) if quick else ruleset(10_000, 100_000))
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-m", _CHILD, str(path), "1" if quick else "5"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    return f"| 10,000 rules, 100,000 elements | CPU | target |\n|---|--:|---|\n{done.stdout}"


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        ask()
    else:
        inside(sys.argv[1], int(sys.argv[2]))
