"""Whole answers of ``reach`` as files, with the firewalls that people use.

``make golden`` writes them anew; read the difference. ``ufw.rules`` is what ``iptables-save``
printed where UFW lets one network reach 8080.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from portbook.app.reach import ReachReport, ReachRequest, reach_here
from portbook.host.firewall.iptables_rules import parse_iptables
from portbook.host.firewall.other_filters import OtherFilters
from portbook.host.firewall.packet_filter import PacketFilter
from portbook.host.firewall.values import Interface, Ruleset
from portbook.host.firewall.values import Machine as Known
from portbook.model import Gap, GapCode, Need
from portbook.model.finding import FilterKind, NotEvaluated
from portbook.present.render.markdown import render_page
from portbook.present.render.report_json import of_reach
from portbook.present.render.text import Style, columns_of
from portbook.present.views.reach import compose_reach, render_reach
from tests.app.test_reach import LOOPBACK, OWN_NET, PORT, filtering
from tests.golden.test_golden import FOLDER as ANSWERS
from tests.golden.test_golden import TO, UPDATE
from tests.machine import SERVER, Machine, bound
from tests.real.test_firewalls import DOCKER

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = ANSWERS.parent / "reach"
KNOWN = Known(
    (
        Interface("lo", (("127.0.0.1", 8),)),
        Interface("eth0", (("192.0.2.7", 24),), forwards=("ipv4",)),
        Interface("cont0", (("172.30.0.1", 24),), forwards=("ipv4",)),
    ),
    (("0.0.0.0/0", "eth0"),),
)


def saved(text: str) -> PacketFilter:
    """The filters that iptables-save prints as *text*."""
    return PacketFilter(Ruleset(parse_iptables(text, "ip")), KNOWN)


FIREWALLS: dict[str, Callable[[], PacketFilter]] = {
    "none": PacketFilter,
    "nftables": lambda: filtering(LOOPBACK, [OWN_NET, PORT, {"accept": None}], policy="drop"),
    "ufw": lambda: saved((FOLDER / "ufw.rules").read_text()),
    "docker": lambda: saved(DOCKER.format(policy="DROP", user="")),
    "cant-tell": lambda: PacketFilter(
        others=OtherFilters({"eth0": (NotEvaluated(FilterKind.XDP, "eth0"),)})
    ),
    "late": lambda: PacketFilter(missing=[Gap(GapCode.TOOL_LATE, "nft", Need.AGAIN)]),
}


def report(name: str, query: str | None = None) -> ReachReport:
    machine = Machine([bound(8080, SERVER)], FIREWALLS[name]())
    return reach_here(ReachRequest(8080, name=query), machine)


@pytest.mark.parametrize("name", FIREWALLS)
def test_an_answer_is_the_one_in_its_file(name: str) -> None:
    here = report(name, "localhost")
    text = render_reach(here, Style(), TO)
    data = json.dumps(of_reach(here), indent=2) + "\n"
    assert max(columns_of(line) for line in text.splitlines() if "sudo " not in line) <= 80
    forms = f"--- text\n{text}\n--- Markdown\n{render_page(compose_reach(here, TO))}"
    for ending, made in (("txt", forms), ("json", data)):
        file = FOLDER / f"{name}.{ending}"
        if UPDATE:
            file.write_text(made)
        assert file.read_text() == made


def test_each_file_belongs_to_a_firewall() -> None:
    names = {f"{name}.{ending}" for name in FIREWALLS for ending in ("txt", "json")}
    assert {file.name for file in FOLDER.iterdir()} == names | {"ufw.rules"}
