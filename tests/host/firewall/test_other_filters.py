"""What handles packets beside the rules: where it may decide, the answer isn't known."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from portbook.app.origins import origins_of
from portbook.app.reachable import add_reachable, reachable_of
from portbook.host.firewall.ipvs import server_of
from portbook.host.firewall.nft_json import parse_nft
from portbook.host.firewall.other_filters import (
    Link,
    OtherFilters,
    handlers,
    read_other_filters,
)
from portbook.host.firewall.packet_filter import PacketFilter
from portbook.host.firewall.values import Machine, Ruleset
from portbook.model import EvidenceCode, GapCode, Scope, Transport
from portbook.model.finding import FilterKind, NotEvaluated
from portbook.present.phrases.evidence import evidence_lines
from portbook.present.phrases.findings import finding_message
from portbook.present.phrases.reach import reach_line
from tests.app.test_reach import PORT, filtering, on, told
from tests.machine import NETWORK, SERVER, bound
from tests.machine import Machine as Host
from tests.patience import PATIENCE
from tests.values import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

    from portbook.model import Listener

XDP = NotEvaluated(FilterKind.XDP, "eth0")
# As ip_vs prints it (net/netfilter/ipvs/ip_vs_ctl.c).
IP_VS = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000207:1F90 rr
  -> 0A000002:1F90      Masq    1      0          0
TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 wlc persistent 300
FWM  00000001 rr
"""
FLOWTABLE = """{"nftables": [{"table": {"family": "inet", "name": "f", "handle": 1}},
{"flowtable": {"family": "inet", "name": "ft", "table": "f", "handle": 2, "hook": "ingress",
"prio": 0, "dev": "eth0"}},
{"chain": {"family": "inet", "table": "f", "name": "fwd", "handle": 3, "type": "filter",
"hook": "forward", "prio": 0, "policy": "accept"}},
{"rule": {"family": "inet", "table": "f", "chain": "fwd", "handle": 4,
"expr": [{"flow": {"op": "add", "flowtable": "@ft"}}]}}]}"""


def beside(**found: Any) -> PacketFilter:
    return PacketFilter(others=OtherFilters(**found))


def answers(packets: PacketFilter, address: str = "0.0.0.0") -> dict[str, str]:
    return told(origins_of(on(address), Transport.TCP, 8080, NETWORK, packets))


def test_a_program_decides_on_its_interface_alone() -> None:
    assert answers(beside(interfaces={"eth0": (XDP,)})) == {
        "this-machine": "open", "192.0.2.0/24": "unknown", "anywhere": "unknown",
    }  # fmt: skip
    elsewhere = beside(interfaces={"eth7": (XDP,)})
    assert answers(elsewhere)["anywhere"] == "open"
    assert elsewhere.not_evaluated == (XDP,)
    assert answers(beside(interfaces={"lo": (XDP,)}))["this-machine"] == "unknown"
    # It stands before the rules, and could change what they see.
    blocked = PacketFilter(
        filtering([PORT, {"drop": None}])._ruleset, Machine(), (), OtherFilters({"eth0": (XDP,)})
    )
    assert answers(blocked)["anywhere"] == "unknown"


def test_virtual_servers_concern_their_own_address_and_port(tmp_path: Path) -> None:
    folder = tmp_path / "thread-self" / "net"
    folder.mkdir(parents=True)
    (folder / "ip_vs").write_text(IP_VS)
    one, two, marked = read_other_filters(str(tmp_path)).servers
    assert one.takes("tcp", "192.0.2.7", 8080)
    assert not one.takes("tcp", "192.0.2.7", 80)
    assert not one.takes("udp", "192.0.2.7", 8080)
    assert two.takes("tcp", "2001:db8::1", 80)
    assert marked.takes("udp", "203.0.113.1", 1)
    assert answers(beside(servers=(one,))) == {
        "this-machine": "open", "192.0.2.0/24": "unknown", "anywhere": "unknown",
    }  # fmt: skip
    assert answers(beside(servers=(two,)))["anywhere"] == "open"
    behind = PacketFilter(
        filtering([PORT, {"drop": None}])._ruleset, Machine(), (), OtherFilters(servers=(one,))
    )
    assert answers(behind)["anywhere"] == "dropped"  # IPVS never sees it


@pytest.mark.parametrize("line", ["", "TCP", "TCP zz:1", "TCP C0000207:", "XYZ C0000207:1F90 rr"])
def test_a_line_that_is_no_virtual_server_may_be_any(line: str) -> None:
    assert server_of(line).takes("tcp", "192.0.2.7", 8080)


def test_a_flowtable_is_named_and_changes_nothing() -> None:
    packets = PacketFilter(Ruleset(*parse_nft(FLOWTABLE)), Machine())
    assert packets.not_evaluated == (NotEvaluated(FilterKind.FLOWTABLE, "inet f ft"),)
    assert answers(packets)["anywhere"] == "open"


def test_a_chain_for_arp_may_hide_ipv4_from_neighbours() -> None:
    text = (
        '{"nftables": [{"chain": {"family": "arp", "table": "f", "name": "in", "type": "filter", '
        '"hook": "input", "prio": 0, "policy": "drop"}}]}'
    )
    packets = PacketFilter(Ruleset(*parse_nft(text)), Machine())
    assert packets.not_evaluated == (NotEvaluated(FilterKind.ARP, "arp f in"),)
    found = answers(packets)
    assert (found["this-machine"], found["anywhere"]) == ("open", "unknown")


def test_arptables_may_hide_ipv4_from_neighbours(tmp_path: Path) -> None:
    folder = tmp_path / "thread-self" / "net"
    folder.mkdir(parents=True)
    (folder / "arp_tables_names").write_text("filter\n")
    others = read_other_filters(str(tmp_path))
    assert others.of_arp == (NotEvaluated(FilterKind.ARPTABLES, "filter"),)
    packets = beside(of_arp=others.of_arp)
    assert packets.not_evaluated == others.of_arp
    found = answers(packets)
    assert (found["this-machine"], found["anywhere"]) == ("open", "unknown")
    six = origins_of(on("2001:db8::1"), Transport.TCP, 8080, NETWORK, packets)
    assert "unknown" not in told(six).values()


def test_interfaces_of_a_vrf_are_not_followed() -> None:
    links = {
        2: Link("eth0", "", False, 0, 5),
        3: Link("eth1", "", False, 0, 0),
        4: Link("eth0.7", "vlan", False, 2, 0),
        5: Link("blue", "vrf", False, 0, 0),
    }
    blue = NotEvaluated(FilterKind.VRF, "blue")
    found = handlers(links, ())
    assert found == {"eth0": (blue,), "blue": (blue,)}
    assert answers(beside(interfaces=found))["anywhere"] == "unknown"


def test_filters_of_a_control_group_concern_its_sockets() -> None:
    group = NotEvaluated(FilterKind.CGROUP, "/system.slice/redis.service")

    class Grouped(Host):
        def read_filtering_cgroups(
            self, listeners: tuple[Listener, ...]
        ) -> dict[int, tuple[NotEvaluated, ...]]:
            return {each.socket.inode or 0: (group,) for each in listeners}

    (listener,), missing = add_reachable((bound(8080, SERVER),), Grouped())
    reachable = listener.assessment.reachable
    assert reachable is not None
    assert (reachable.scope, reachable.not_evaluated) == (Scope.UNKNOWN, (group,))
    assert reach_line(reachable) == (
        "can't tell: the filter of the control group /system.slice/redis.service (systemd's "
        "IPAddressDeny is one) may decide"
    )
    assert [(each.code, each.subject) for each in missing] == [(GapCode.NOT_EVALUATED, "cgroup")]


def test_the_verdict_says_what_may_decide() -> None:
    from portbook.app.listen import ScanOptions, answer_here
    from portbook.app.socket_filter import Filter

    host = Host([bound(8080, SERVER)], beside(interfaces={"eth0": (XDP,)}))
    (listener,) = answer_here(Filter(), ScanOptions(reach=True), CATALOG, host).listeners
    (exposed,) = [each for each in listener.assessment.findings if each.code == "exposed"]
    assert "the XDP program on eth0 may let others in or not" in finding_message(exposed)
    assert "not evaluated: the XDP program on eth0" in evidence_lines(exposed)
    assert any(each.code is EvidenceCode.FIREWALL for each in exposed.evidence)
    origins = origins_of(listener.socket, Transport.TCP, 8080, NETWORK, host.packets)
    assert listener.assessment.reachable == reachable_of(origins, firewall=False)


@pytest.mark.skipif(sys.platform != "linux", reason="bpf(2) is Linux's")
@pytest.mark.parametrize("withheld", [(), ("_ctypes",)])
def test_programs_are_asked_for_without_the_whole_of_ctypes(withheld: tuple[str, ...]) -> None:
    script = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({withheld!r}))\n"  # as where Python is built without it
        "from portbook.host.firewall.other_filters import read_other_filters\n"
        "found = read_other_filters()\n"
        "print('ctypes' in sys.modules, found.unseen)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    whole, unseen = done.stdout.split()
    assert whole == "False"
    assert unseen == "True" if withheld or os.geteuid() else "False"
