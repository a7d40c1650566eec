"""From where a port can be reached, foretold, and tried by a neighbour with real packets."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest

from tests.real.namespace import Namespace
from tests.real.needs import need_namespaces, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

CONNECT = """
import socket, sys
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET) as client:
    client.settimeout(0.5)
    if sys.argv[2:]:
        client.bind((sys.argv[2], 0))
    try:
        client.connect((sys.argv[1], 8080))
        print("open")
    except TimeoutError:
        print("dropped")
    except OSError:
        print("rejected")
"""
NFT = """
table inet filter {{
    chain input {{
        type filter hook input priority 0; policy accept;
        iif lo accept
        {rule}
    }}
}}
"""


def _run(namespace: Namespace, *commands: str) -> None:
    assert commands
    for command in commands:
        done = namespace.run(command.split())
        assert not done.returncode, (command, done.stderr)


def _link(machine: Namespace, peer: Namespace) -> None:
    """Makes *machine* 192.0.2.1 and *peer* 192.0.2.2, on one link."""
    _run(
        machine,
        f"ip link add veth0 type veth peer name veth1 netns {peer.holder}",
        "ip addr add 192.0.2.1/24 dev veth0",
        "ip link set veth0 up",
    )
    _run(peer, "ip addr add 192.0.2.2/24 dev veth1", "ip link set veth1 up")


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Namespace, Namespace]]:
    """A machine with a server on 8080 of every address, and its neighbour."""
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        _link(machine, peer)
        machine.open(
            {"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 8080},
        )
        yield machine, peer


def _told(machine: Namespace) -> dict[str, str]:
    (socket,) = machine.ask("reach", "8080")["sockets"]
    return {each["source"]: each["answer"] for each in socket["from"]}


def _tried(namespace: Namespace, address: str, *source: str) -> str:
    from tests.real.namespace import interpreter

    return namespace.run([interpreter(), "-I", "-c", CONNECT, address, *source]).stdout.strip()


@pytest.mark.parametrize(
    ("rule", "answer", "word"),
    [
        ("", "open", "192.0.2.0/24"),
        ("tcp dport 8080 drop", "dropped", "blocked"),
        ("ip saddr 192.0.2.0/24 reject", "rejected", "blocked"),
        ("ip saddr != 192.0.2.0/24 drop", "open", "192.0.2.0/24"),
    ],
)
def test_a_rule_decides(
    pair: tuple[Namespace, Namespace], rule: str, answer: str, word: str
) -> None:
    need_program("nft")
    machine, peer = pair
    rules = machine.folder / "rules.nft"
    rules.write_text("flush ruleset\n" + (NFT.format(rule=rule) if rule else ""))
    _run(machine, f"nft -f {rules}")
    told = _told(machine)
    assert told["192.0.2.0/24"] == answer == _tried(peer, "192.0.2.1")
    assert told["this-machine"] == "open" == _tried(machine, "127.0.0.1")
    (listener,) = machine.ask("listen", "8080")["listeners"]
    codes = {finding["code"] for finding in listener["findings"]}
    assert ("firewalled" in codes) is (word == "blocked")
    assert ("exposed" in codes) is (word != "blocked")
    done = machine.portbook("listen", "8080", "--format", "{reachable}")
    assert done.stdout.strip() == word


@pytest.mark.parametrize(
    ("commands", "near", "far"),
    [
        ((), "open", "open"),
        (("route add blackhole 203.0.113.5",), "open", "dropped"),
        (("route add unreachable 203.0.113.0/24",), "open", "dropped"),
        (("route add prohibit 203.0.113.0/24 metric 5",), "open", "dropped"),
        (("route add blackhole default metric 9999",), "open", "open"),
        (("route add blackhole default table 7", "rule add pref 9 table 7"), "dropped", "dropped"),
        (
            (
                "route add blackhole default table 7",
                "rule add pref 8 table main suppress_prefixlength 0",
                "rule add pref 9 not fwmark 7 table 7",
            ),
            "open",
            "dropped",
        ),
        (("rule add pref 9 to 203.0.113.0/24 prohibit",), "open", "dropped"),
        (("rule add pref 9 from 192.0.2.1 unreachable",), "dropped", "dropped"),
        (("rule add pref 9 not from 192.0.2.0/24 blackhole",), "open", "open"),
        (
            (
                "route add blackhole default table 7",
                "rule add pref 6 fwmark 7 table 7",
                "rule add pref 7 from 198.51.100.0/24 table 7",
                "rule add pref 8 iif veth0 table 7",
                "rule add pref 9 oif veth0 table 7",
                "rule add pref 10 table 8",
            ),
            "open",
            "open",
        ),
        (
            ("route add blackhole default table 7", "rule add pref 9 uidrange 0-0 table 7"),
            "unknown",
            "unknown",
        ),
        (
            (
                "route add blackhole default table 7",
                "rule add pref 9 ipproto tcp sport 8080 table 7",
            ),
            "unknown",
            "unknown",
        ),
    ],
)
def test_the_way_that_answers_take(commands: tuple[str, ...], near: str, far: str) -> None:
    """Routes that refuse, and rules that choose tables."""
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        _run(
            machine,
            f"ip link add veth0 type veth peer name veth1 netns {peer.holder}",
            "ip addr add 192.0.2.1/24 dev veth0",
            "ip link set veth0 up",
            "ip route add default via 192.0.2.2",
            "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.veth0.rp_filter=0",
        )
        _run(
            peer,
            "ip addr add 192.0.2.2/24 dev veth1",
            "ip addr add 203.0.113.5/32 dev veth1",
            "ip link set veth1 up",
        )
        machine.open({"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 8080})
        if commands:
            _run(machine, *[f"ip {each}" for each in commands])
        (socket,) = machine.ask("reach", "8080")["sockets"]
        for source, expected in (("192.0.2.2", near), ("203.0.113.5", far)):
            holding = [
                each
                for each in socket["from"]
                if each["source"] == "anywhere"
                or ("/" in each["source"] and ip_address(source) in ip_network(each["source"]))
            ]
            answer = max(holding, key=_length)["answer"]
            assert answer == expected, (source, socket["from"])
            if expected != "unknown":
                assert _tried(peer, "192.0.2.1", source) == expected, source


def test_two_links_of_one_network_are_told_apart() -> None:
    """Answers leave by the link of the first interface: nobody on the second one's gets them."""
    need_namespaces()
    with Namespace() as machine, Namespace() as peer, Namespace() as other:
        _link(machine, peer)
        _run(
            machine,
            f"ip link add veth2 type veth peer name veth3 netns {other.holder}",
            "ip addr add 192.0.2.10/24 dev veth2",
            "ip link set veth2 up",
            "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.veth2.rp_filter=0",
        )
        _run(other, "ip addr add 192.0.2.9/24 dev veth3", "ip link set veth3 up")
        machine.open({"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 8080})
        (socket,) = machine.ask("reach", "8080")["sockets"]
        told = {
            each["interface"]: (each["answer"], each["answers_by"])
            for each in socket["from"]
            if each["source"] == "192.0.2.0/24"
        }
        assert told == {"veth0": ("open", None), "veth2": ("unknown", "veth0")}
        assert _tried(peer, "192.0.2.1", "192.0.2.2") == "open"
        assert _tried(other, "192.0.2.10", "192.0.2.9") != "open"
        assert "answers leave by veth0" in machine.portbook("reach", "8080").stdout


def _length(told: dict[str, str]) -> int:
    return -1 if told["source"] == "anywhere" else ip_network(told["source"]).prefixlen


def test_nothing_is_foretold_without_root(pair: tuple[Namespace, Namespace]) -> None:
    from tests.real.namespace import UNPRIVILEGED

    need_program("nft")
    machine, _ = pair
    rules = machine.folder / "rules.nft"
    rules.write_text("flush ruleset\n" + NFT.format(rule="tcp dport 8080 drop"))
    _run(machine, f"nft -f {rules}")
    done = machine.portbook("reach", "8080", "--strict", before=UNPRIVILEGED)
    assert done.returncode == 3
    assert "firewall rules are visible to root only" in done.stdout
    assert "See the rules: sudo portbook reach 8080/tcp" in done.stdout


@pytest.mark.parametrize(
    ("listens", "rule", "answer"),
    [
        (None, "tcp dport 8080 redirect to :7777", "rejected"),
        ("0.0.0.0", "tcp dport 8080 redirect to :7777", "open"),
        ("127.0.0.1", "tcp dport 8080 redirect to :7777", "rejected"),
        ("192.0.2.1", "tcp dport 8080 redirect to :7777", "open"),
        (None, "tcp dport 7000-8100 redirect to :7777", "rejected"),
        ("0.0.0.0", "tcp dport 7000-8100 redirect to :7777", "open"),
        (None, "tcp dport 8080 ip saddr 203.0.113.0/24 redirect to :7777", "open"),
        (None, "tcp dport 8080 redirect to :7778-7779", "unknown"),
    ],
)
def test_what_is_redirected_ends_at_a_listener_or_is_refused(
    listens: str | None, rule: str, answer: str
) -> None:
    need_program("nft")
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        _link(machine, peer)
        places = [("0.0.0.0", 8080), *([] if listens is None else [(listens, 7777)])]
        for address, port in places:
            machine.open({"transport": "tcp", "family": "ipv4", "address": address, "port": port})
        rules = machine.folder / "rules.nft"
        chain = f"chain pre {{\n type nat hook prerouting priority -100\n {rule}\n}}"
        rules.write_text(f"table ip nat {{\n {chain}\n}}\n")
        _run(machine, f"nft -f {rules}")
        report = machine.ask("reach", "8080")
        (socket,) = report["sockets"]
        told = {each["source"]: each for each in socket["from"]}
        tried = _tried(peer, "192.0.2.1")
        assert told["192.0.2.0/24"]["answer"] == answer
        assert tried == (answer if answer != "unknown" else "rejected")
        assert told["this-machine"]["answer"] == "open" == _tried(machine, "127.0.0.1")
        refused = answer == "rejected"
        assert (told["192.0.2.0/24"]["barrier"] == "no-listener") is refused
        ends = [each["port"] for each in report["ends"] if each["listeners"]]
        assert ends == ([7777] if listens is not None and not refused else [])
        done = machine.portbook("listen", "8080", "--format", "{reachable}")
        away = "port 7777" if ends else "blocked" if refused else "192.0.2.0/24"
        away = "?" if answer == "unknown" else away
        assert done.stdout.strip() == away
        listeners = machine.ask("listen")["listeners"]
        sent = {
            each["port"]: each["reachable"]["sent_to"] for each in listeners if each["reachable"]
        }
        assert sent[8080] == (7777 if ends or refused else None)
        assert sent.get(7777) is None


def test_nft_that_lists_no_rules_where_the_kernel_has_some_is_not_believed(
    pair: tuple[Namespace, Namespace],
) -> None:
    need_program("nft")
    machine, _ = pair
    rules = machine.folder / "rules.nft"
    rules.write_text("flush ruleset\n" + NFT.format(rule="tcp dport 8080 drop"))
    _run(machine, f"nft -f {rules}")
    newer = machine.folder / "nft"
    newer.write_text('#!/bin/sh\necho \'{"nftables": [{"policybook": {}}]}\'\n')
    newer.chmod(0o755)
    over = f'mount --bind {newer} $(readlink -f $(command -v nft)) && exec "$@"'
    before = ("unshare", "-m", "sh", "-c", over, "sh")
    report = machine.ask("reach", "8080", before=before)
    assert [each["code"] for each in report["missing"]] == ["firewall-unreadable"]
    (socket,) = report["sockets"]
    assert {each["answer"] for each in socket["from"] if not each["barrier"]} == {"unknown"}


@pytest.mark.parametrize(
    ("chain", "rule", "setting", "answer", "tried"),
    [
        ("route hook output", "tcp sport 8080 meta mark set 7", "", "unknown", "dropped"),
        ("filter hook output", "tcp sport 8080 meta mark set 7", "", "open", "open"),
        ("route hook output", "tcp sport 22 meta mark set 7", "", "open", "open"),
        ("filter hook prerouting", "meta mark set 7", "", "open", "open"),
        ("filter hook prerouting", "meta mark set 7", "accept=1", "unknown", "dropped"),
        ("filter hook prerouting", "meta mark set 8", "accept=1", "unknown", "open"),
    ],
)  # fmt: skip
def test_a_mark_that_rules_give_may_choose_the_way_of_answers(
    chain: str, rule: str, setting: str, answer: str, tried: str
) -> None:
    need_program("nft")
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        _link(machine, peer)
        _run(machine, "ip route add blackhole default table 7", "ip rule add fwmark 7 table 7")
        machine.open({"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 8080})
        told = _told(machine)
        assert told["192.0.2.0/24"] == "open" == _tried(peer, "192.0.2.1")
        rules = machine.folder / "rules.nft"
        base = f"type {chain} priority -150\n{rule}"
        rules.write_text(f"table inet t {{\nchain c {{\n{base}\n}}\n}}\n")
        _run(machine, f"nft -f {rules}")
        if setting:
            _run(machine, f"sysctl -qw net.ipv4.tcp_fwmark_{setting}")
        told = _told(machine)
        assert (told["192.0.2.0/24"], _tried(peer, "192.0.2.1")) == (answer, tried)
        if answer == "unknown":
            shown = machine.portbook("reach", "8080").stdout
            assert "meta mark set 0x0000000" in " ".join(shown.split())
            done = machine.portbook("listen", "8080", "--format", "{reachable}")
            assert done.stdout.strip() == "?"


def test_of_two_interfaces_in_one_network_the_first_one_has_its_answers() -> None:
    need_namespaces()
    with Namespace() as machine, Namespace() as peer, Namespace() as other:
        for number, namespace in enumerate((peer, other)):
            _run(
                machine,
                f"ip link add veth{number} type veth peer name eth0 netns {namespace.holder}",
                f"ip addr add 192.0.2.1/24 dev veth{number}",
                f"ip link set veth{number} up",
                f"sysctl -qw net.ipv4.conf.veth{number}.rp_filter=1",
            )
            _run(namespace, f"ip addr add 192.0.2.{number + 2}/24 dev eth0", "ip link set eth0 up")
        machine.open({"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 8080})
        (socket,) = machine.ask("reach", "8080")["sockets"]
        told = {each["interface"]: each["answer"] for each in socket["from"]}
        assert (told["veth0"], told["veth1"]) == ("open", "dropped")
        assert [_tried(each, "192.0.2.1") for each in (peer, other)] == ["open", "dropped"]


def test_this_machine_stands_twice_where_the_families_differ() -> None:
    need_program("nft")
    with Namespace() as machine:
        machine.open(
            {"transport": "tcp", "family": "ipv6", "address": "::", "port": 8080, "v6only": False}
        )
        rules = machine.folder / "rules.nft"
        chain = "type filter hook input priority 0\n tcp dport 8080 drop"
        rules.write_text(f"table ip t {{\nchain c {{\n{chain}\n}}\n}}\n")
        _run(machine, f"nft -f {rules}")
        shown = machine.portbook("reach", "8080").stdout
        assert "this machine (IPv4)  no: dropped (tcp dport 8080 drop in ip t c)" in shown
        assert "this machine (IPv6)  yes" in shown
        assert (_tried(machine, "127.0.0.1"), _tried(machine, "::1")) == ("dropped", "open")


def test_a_socket_whose_address_is_gone_is_reached_from_nowhere() -> None:
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        _link(machine, peer)
        _run(machine, "ip addr add 192.0.2.9/24 dev veth0")
        machine.open({"transport": "tcp", "family": "ipv4", "address": "192.0.2.9", "port": 8080})
        assert _told(machine)["192.0.2.0/24"] == "open" == _tried(peer, "192.0.2.9")
        _run(machine, "ip addr del 192.0.2.9/24 dev veth0")
        words = "from nowhere: no interface has its address"
        assert machine.ask("8080")["brief"]["reach"] == words
        assert f"reachable {words}" in machine.portbook("reach", "8080").stdout
        done = machine.portbook("listen", "8080", "--format", "{reachable}")
        assert done.stdout.strip() == "nowhere"
        assert set(_told(machine).values()) == {"dropped"}
        assert "open" not in (_tried(machine, "192.0.2.9"), _tried(peer, "192.0.2.9"))


def test_an_interface_that_lets_packets_to_loopback_in_is_told_everywhere() -> None:
    """The neighbour's packet arrives, and is answered."""
    need_program("nft")
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        _link(machine, peer)
        machine.open({"transport": "tcp", "family": "ipv4", "address": "127.0.0.1", "port": 8080})
        assert machine.ask("8080")["brief"]["reach"] == "from this machine only"
        _run(machine, "sysctl -qw net.ipv4.conf.veth0.route_localnet=1")
        _run(
            peer,
            "sysctl -qw net.ipv4.conf.veth1.route_localnet=1",
            "ip route del local 127.0.0.1 table local",
            "ip route del local 127.0.0.0/8 table local",
            "ip route add 127.0.0.0/8 via 192.0.2.1",
        )
        assert _told(machine)["192.0.2.0/24"] == "open"
        assert machine.ask("8080")["brief"]["reach"] == "from 192.0.2.0/24 only"
        (listener,) = machine.ask("listen", "8080")["listeners"]
        found = {finding["code"]: finding["message"] for finding in listener["findings"]}
        assert "loopback-only" not in found
        assert (
            "it can be reached from 192.0.2.0/24. If only this machine needs it, switch off"
            in (found["exposed"])
        )
        rules = machine.folder / "rules.nft"
        answer = "ip saddr 127.0.0.1 ip daddr 192.0.2.2 tcp sport 8080 tcp flags syn,ack counter"
        base = "type filter hook postrouting priority 0"
        rules.write_text(f"table ip t {{\nchain c {{\n{base}\n{answer}\n}}\n}}\n")
        _run(machine, f"nft -f {rules}")
        _tried(peer, "127.0.0.1", "192.0.2.2")
        assert "packets 0" not in machine.run(["nft", "list", "ruleset"]).stdout
        blocked = "ip daddr 127.0.0.0/8 iifname != lo drop"
        rules.write_text(
            "flush ruleset\ntable ip t {\nchain c {\n"
            f"type filter hook prerouting priority 0\n{blocked}\n}}\n}}\n"
        )
        _run(machine, f"nft -f {rules}")
        assert _told(machine)["192.0.2.0/24"] == "dropped"
        assert machine.ask("8080")["brief"]["reach"] == "from this machine only"


def test_a_link_local_address_is_reached_on_its_link_alone() -> None:
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        _link(machine, peer)
        for one, name, address in (
            (machine, "veth0", "fe80::9"),
            (peer, "veth1", "fe80::2"),
            (machine, "veth0", "2001:db8::1"),
            (peer, "veth1", "2001:db8::2"),
        ):
            _run(one, f"ip addr add {address}/64 dev {name} nodad")
        _run(machine, "ip route add default via 2001:db8::2")
        code = (
            "import socket, sys, time\n"
            "made = socket.socket(socket.AF_INET6)\n"
            "made.bind(('fe80::9', 8080, 0, socket.if_nametoindex('veth0')))\n"
            "made.listen()\nprint('ready', flush=True)\nsys.stdin.read()"
        )
        from tests.real.namespace import interpreter

        assert machine.start([interpreter(), "-I", "-c", code]).read_line() == "ready\n"
        told = _told(machine)
        assert (told["fe80::/64"], told["2001:db8::/64"]) == ("open", "open")
        assert told["anywhere"] == "dropped"
        tried = "import socket; socket.create_connection(('fe80::9%veth1', 8080), 2)"
        assert not peer.run([interpreter(), "-I", "-c", tried]).returncode
        assert "no: bound to a link-local address" in machine.portbook("reach", "8080").stdout
        done = machine.portbook("listen", "8080", "--format", "{reachable}")
        assert done.stdout.strip().endswith("/64 +1")


def test_a_family_without_a_way_is_told_apart_from_the_other() -> None:
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        _link(machine, peer)
        _run(machine, "ip route add default via 192.0.2.2")
        _run(machine, "ip addr add 2001:db8::1/64 dev veth0 nodad")
        machine.open(
            {"transport": "tcp", "family": "ipv6", "address": "::", "port": 8080, "v6only": False}
        )
        shown = " ".join(machine.portbook("reach", "8080").stdout.split())
        assert "anywhere else (veth0, IPv4) yes" in shown
        assert "anywhere else (IPv6) no: answers have no route there" in shown
