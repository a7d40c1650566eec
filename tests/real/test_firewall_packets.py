"""What portbook says of drawn rulesets, against packets: no false "blocked", no false "open"."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.counts import PROOF
from tests.real.drawn_iptables import IptablesRules
from tests.real.drawn_nft import NftRules
from tests.real.filtered import FilteredMachine, connections
from tests.real.needs import need_kernel, need_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.real.filtered import Comparison

RULESETS = 2000 if PROOF else 60
_SIDE_BY_SIDE = 4  # the tests wait for packets that don't come, most of the time
_SHARES = {"nft": 0.5, "plain": 0.2, "legacy": 0.15, "iptables-nft": 0.15}


def nft(machine: FilteredMachine, chance: random.Random) -> None:
    machine.load_drawn(["nft", "-f", "-"], NftRules(chance).text())


def plain(machine: FilteredMachine, chance: random.Random) -> None:
    nft(machine, chance)
    while not machine.keep_plain():
        nft(machine, chance)


def iptables(variant: str) -> Callable[[FilteredMachine, random.Random], None]:
    def load(machine: FilteredMachine, chance: random.Random) -> None:
        for tool, six in (("iptables", False), ("ip6tables", True)):
            restore = f"{tool}-{variant}-restore"
            machine.load_drawn([restore], IptablesRules(chance, six=six).text())

    return load


# The kernel keeps tables of the older kind once there were any, and then tools alone read rules.
LOADERS = {
    "nft": nft,
    "plain": plain,
    "iptables-nft": iptables("nft"),
    "legacy": iptables("legacy"),
}


@pytest.fixture(scope="module")
def machines() -> Iterator[list[FilteredMachine]]:
    need_program("nft")
    with FilteredMachine.several(_SIDE_BY_SIDE) as made:
        yield made


@pytest.mark.parametrize("language", LOADERS)
def test_drawn_rulesets_do_with_packets_what_is_said(
    language: str, machines: list[FilteredMachine], chance: random.Random
) -> None:
    if language not in ("nft", "plain"):
        variant = "legacy" if language == "legacy" else "nft"
        need_program(f"iptables-{variant}-restore", f"ip6tables-{variant}-restore")
        complaint = machines[0].load([f"iptables-{variant}-restore"], "*filter\nCOMMIT\n")
        need_kernel(not complaint, f"the kernel has no iptables of this kind: {complaint}")
    drawn = chance if PROOF else random.Random(f"{language} 2")  # every run has the same few
    seeds = [drawn.getrandbits(32) for _ in range(int(RULESETS * _SHARES[language]))]
    for machine in machines:
        machine.clear()

    def share(number: int) -> list[tuple[int, Comparison]]:
        return [(seed, compared(machines[number], language, seed)) for seed in seeds[number::4]]

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        results = [each for some in pool.map(share, range(_SIDE_BY_SIDE)) for each in some]
    wrong = [f"{language} {seed}: {each.mistakes[:3]}" for seed, each in results if each.mistakes]
    assert not wrong, "\n".join(wrong)
    tried = sum(each.tried for _, each in results)
    assert sum(each.unknown for _, each in results) < tried / 10


def compared(machine: FilteredMachine, language: str, seed: int) -> Comparison:
    LOADERS[language](machine, random.Random(seed))
    comparison = machine.compare(connections())
    assert not machine.gaps, (language, seed, machine.gaps)
    assert language != "plain" or machine.told_plainly, seed
    return comparison
