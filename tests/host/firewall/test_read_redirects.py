"""Redirects read with the real tools, in namespaces of our own, and with tools that fail."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portbook.host import firewall
from portbook.host.firewall import (
    chain_request,
    has_nat_chains,
    kernel_may_translate,
    parse_chains,
    redirects,
    ruleset,
)
from portbook.host.firewall.nft_elements import parse_dump, parse_elements
from portbook.host.firewall.redirects import NatRules, read_redirects
from portbook.host.linux.namespaces import Namespace, in_namespace
from portbook.model import GapCode, Need, Transport
from tests.cases import for_each
from tests.host.firewall.rulesets import brief, of_nft
from tests.real.needs import need_kernel, need_program, need_root
from tests.values import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portbook.host.firewall.values import Rows

HERE = Path(__file__).parent
TCP = Transport.TCP


# -- what can't be seen -----------------------------------------------------------------------


def test_a_kernel_without_tracked_connections_translates_nothing(tmp_path: Path) -> None:
    proc, sys_ = tmp_path / "proc", tmp_path / "sys"
    assert kernel_may_translate(str(proc), str(sys_))  # no /sys at all: it can't be told
    (sys_ / "module").mkdir(parents=True)
    assert not kernel_may_translate(str(proc), str(sys_))
    (sys_ / "module" / "nf_conntrack").mkdir()
    assert kernel_may_translate(str(proc), str(sys_))


def test_nothing_is_run_where_there_can_be_no_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redirects, "kernel_may_translate", lambda: False)
    assert read_redirects() == ((), ())


def message(kind: int, body: bytes, flags: int = 2, sequence: int = 1) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def chain(kind: str | None) -> bytes:
    """A chain as the kernel describes it: its name, and its type where it has one."""
    body = bytes(4) + struct.pack("=HH", 6, 3) + b"c\0\0\0"
    if kind is not None:
        body += struct.pack("=HH", 5 + len(kind), 7) + kind.encode() + b"\0" * (4 - len(kind) % 4)
    return message(0xA03, body)


DONE = message(3, bytes(4))


def test_chains_are_read_from_the_kernels_answer() -> None:
    assert chain_request()[4:8] == struct.pack("=HH", 0xA04, 0x301)
    assert parse_chains(DONE) == set()
    answer = chain("filter") + chain(None) + chain("nat")
    assert parse_chains(answer) is None  # there is more to come
    assert parse_chains(answer + DONE) == {"filter", "", "nat"}


@for_each(
    "data",
    [
        message(2, struct.pack("=i", -1)),  # EPERM
        message(3, struct.pack("=i", -22)),
        message(0xA03, bytes(4), flags=0x12) + DONE,  # the rules changed meanwhile
        message(3, bytes(4), sequence=2),
        message(0xA05, bytes(4)),
        DONE[:12],
        DONE[:18],
        message(0xA03, bytes(8)) + DONE,
    ],
)
def test_an_answer_that_says_nothing_of_chains_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_chains(data)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Puts scripts in the place of the tools, and makes this process look like root's."""
    monkeypatch.setattr(redirects, "kernel_may_translate", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(ruleset, "SYSTEM_FOLDERS", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(redirects, "legacy_nat", lambda family: False)
    monkeypatch.setattr(ruleset, "legacy_tables", lambda family: ())
    monkeypatch.setattr(redirects, "generation", lambda: 7)

    def put(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return put


def printing(text: str) -> str:
    return f"PATH=/usr/bin:/bin; cat <<'END'\n{text}\nEND"


def test_without_root_nothing_can_be_seen(
    tools: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found, missing = read_redirects(80)
    assert (found, sentences(missing)) == ((), ("NAT rules are visible to root only",))


def test_without_tools_that_is_said(tools: Callable[[str, str], None]) -> None:
    found, missing = read_redirects(80)
    assert (found, sentences(missing)) == (
        (),
        ("neither nft nor iptables is installed, so NAT rules were not read",),
    )


def test_both_tools_are_asked_and_one_port_is_picked(tools: Callable[[str, str], None]) -> None:
    tools("nft", printing((HERE / "redirects.json").read_text()))
    found, missing = read_redirects(8888, TCP)
    assert missing == ()
    assert {each.to_address for each in found if each.first == 8888} == {"10.0.0.1", "10.0.0.2"}
    assert all(each.holds_for(8888, TCP) for each in found)


OF_IPTABLES = """{"nftables": [
{"chain": {"family": "ip", "table": "nat", "name": "PREROUTING", "type": "nat",
"hook": "prerouting", "prio": -100}},
{"chain": {"family": "ip", "table": "nat", "name": "WEB"}},
{"rule": {"family": "ip", "table": "nat", "chain": "PREROUTING", "expr": [
{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}},
{"counter": {"packets": 0, "bytes": 0}}, {"jump": {"target": "WEB"}}]}},
{"rule": {"family": "ip", "table": "nat", "chain": "PREROUTING", "expr": [
{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1}},
{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 2}}, {"jump": {"target": "WEB"}}]}},
{"rule": {"family": "ip", "table": "nat", "chain": "WEB", "expr": [
{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 80}},
{"xt": {"type": "target", "name": "REDIRECT"}}]}}]}"""
SAVED = """\
*nat
:PREROUTING ACCEPT [0:0]
:WEB - [0:0]
-A PREROUTING -i lo -j WEB
-A PREROUTING -j WEB
-A WEB -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT
"""


def test_what_iptables_keeps_in_nftables_is_read_with_its_own_tool(
    tools: Callable[[str, str], None],
) -> None:
    tools("nft", printing(OF_IPTABLES))
    assert "1 NAT rule was not understood" in sentences(read_redirects()[1])[0]
    tools("iptables-save", printing("# (nf_tables)\n" + SAVED))
    found, missing = read_redirects()
    assert missing == ()
    assert {(each.source, each.chain, each.to) for each in found} == {
        ("iptables", "nat WEB", "this machine:8080")
    }
    # Of the second rule, which nft made, iptables prints a part.
    assert [each.conditions for each in found] == [("-i lo",), ("mark 1",)]


def test_without_nft_what_iptables_says_is_taken(tools: Callable[[str, str], None]) -> None:
    tools("ip6tables-nft-save", printing(SAVED))
    found, missing = read_redirects(80)
    assert {(each.source, each.family) for each in found} == {("ip6tables", "ipv6")}
    assert sentences(missing) == ("nft is not installed, so nftables' own NAT rules were not read",)


def test_an_older_iptables_without_its_tool_is_told_where_it_has_nat(
    tools: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tools("nft", printing('{"nftables": []}'))
    monkeypatch.setattr(ruleset, "legacy_tables", lambda family: ("filter",))
    assert read_redirects() == ((), ())
    monkeypatch.setattr(redirects, "legacy_nat", lambda family: family == "ip6")
    (gap,) = read_redirects()[1]
    assert (gap.code, gap.subject, gap.needs) == (GapCode.NAT_NO_LEGACY, "ip6tables", Need.TOOL)
    tools("ip6tables-legacy-save", printing("hello"))
    tools("iptables-legacy-save", printing(SAVED))
    found, (gap,) = read_redirects()
    assert {each.source for each in found} == {"iptables"}
    assert (gap.code, gap.subject) == (GapCode.NAT_UNREADABLE, "ip6tables")


BASE_CHAINS = """\
# Table `nat' contains incompatible base-chains, use 'nft' tool to list them.
*nat
:PREROUTING ACCEPT [0:0]
COMMIT
"""


def test_a_table_that_iptables_prints_in_part_is_read_with_nft(
    tools: Callable[[str, str], None],
) -> None:
    own = """{"nftables": [
    {"chain": {"family": "ip", "table": "nat", "name": "p", "type": "nat", "hook": "prerouting",
    "prio": -100}},
    {"rule": {"family": "ip", "table": "nat", "chain": "p", "expr": [
    {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
    "right": 8080}}, {"dnat": {"addr": "172.17.0.2", "port": 80}}]}}]}"""
    tools("nft", printing(own))
    tools("iptables-nft-save", printing(BASE_CHAINS))
    (found,), missing = read_redirects(8080)
    assert (found.to, found.source, missing) == ("172.17.0.2:80", "nftables", ())


def test_other_systems_have_filters_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not firewall.may_redirect()
    found, missing = read_redirects(80)
    assert found == ()
    assert "redirects are unknown" in sentences(missing)[0]


@pytest.mark.parametrize(
    "script, reason",
    [
        ("echo 'Operation not permitted' >&2; exit 1", "says 'Operation not permitted'"),
        ("echo nonsense", "could not be read"),
    ],
)
def test_a_tool_that_fails_is_told(
    tools: Callable[[str, str], None], script: str, reason: str
) -> None:
    tools("nft", script)
    found, missing = read_redirects(80)
    assert found == ()
    assert reason in " ".join(sentences(missing))


def test_a_tool_that_hangs_is_told(
    tools: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redirects, "_SECONDS", 0.2)
    tools("nft", "exec /bin/sleep 60")
    found, missing = read_redirects(80)
    assert found == ()
    assert sentences(missing) == ("firewall rules were not all read: nft did not answer in time",)


# -- the real thing ---------------------------------------------------------------------------


def run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@contextmanager
def network_namespace(name: str) -> Iterator[Namespace]:
    name = f"{name}-{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        path = f"/run/netns/{name}"
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield Namespace(os.stat(path).st_ino, path, name)
    finally:
        run("ip", "netns", "del", name)


@pytest.fixture
def server() -> Iterator[Namespace]:
    need_root("this test makes network namespaces")
    need_program("ip", "nft", "iptables-legacy", "iptables-nft", "ip6tables-nft")
    with network_namespace("pb-nat") as namespace:
        yield namespace


@pytest.mark.real
def test_nft_prints_what_was_recorded(server: Namespace) -> None:
    recorded = of_nft((HERE / "redirects.json").read_text())
    assert server.name is not None
    run("ip", "netns", "exec", server.name, "nft", "-f", str(HERE / "redirects.nft"))
    found, missing = in_namespace(server, read_redirects)
    assert (found, missing) == (recorded.redirects, ())


@pytest.mark.real
def test_a_redirected_port_is_found_where_nothing_listens(server: Namespace) -> None:
    assert server.name is not None
    run(
        "ip", "netns", "exec", server.name, "nft", "-f", "-",
        text="table ip t { chain out { type nat hook output priority -100;\n"
        "tcp dport 8080 redirect to :9090\n}\n}",
    )  # fmt: skip

    def connect() -> str:
        with socket.create_server(("127.0.0.1", 9090)), pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", 8081), 5)
        with (
            socket.create_server(("127.0.0.1", 9090)) as listener,
            socket.create_connection(("127.0.0.1", 8080), 5) as client,
        ):
            client.sendall(b"over")
            with listener.accept()[0] as accepted:
                return accepted.recv(4).decode()

    assert in_namespace(server, connect) == "over"
    (found,), missing = in_namespace(server, lambda: read_redirects(8080, TCP))
    assert missing == ()
    assert (found.to_address, found.to_first, found.hooks) == (None, 9090, ("output",))
    assert in_namespace(server, lambda: read_redirects(8081)) == ((), ())


@pytest.mark.real
@pytest.mark.parametrize(
    ("kind", "flags", "elements"),
    [
        ("ipv4_addr", "", "192.0.2.7, 192.0.2.8, 198.51.100.1, 0.0.0.0"),
        ("ipv4_addr", "flags interval;", "10.0.0.0/8, 192.0.2.3-192.0.2.9, 192.0.2.10, 192.0.2.12"),
        ("ipv4_addr", "flags interval;", "0.0.0.0/8, 255.255.255.0/24"),
        ("ipv6_addr", "", "2001:db8::1, 2001:db8::2"),
        ("ipv6_addr", "flags interval; auto-merge;", "2001:db8::/32, ::1, ::2, ffff::/16"),
        ("ipv4_addr", "flags interval;", ", ".join(f"10.0.{n}.0/{24 + n % 7}" for n in range(250))),
    ],
)
def test_the_kernel_tells_of_a_set_what_nft_prints(
    server: Namespace, kind: str, flags: str, elements: str
) -> None:
    assert server.name is not None
    inside = ("ip", "netns", "exec", server.name, "nft")
    text = f"table inet t {{ set s {{ type {kind}; {flags} elements = {{ {elements} }}; }}\n}}\n"
    run(*inside, "-f", "-", text=text)
    printed = parse_elements(run(*inside, "-j", "list", "set", "inet", "t", "s"), "inet", "t", "s")

    def dumped() -> Rows | None:
        pieces = firewall.elements("inet", "t", "s")
        return parse_dump(pieces, 4 if kind == "ipv4_addr" else 16, spans="interval" in flags)

    rows = in_namespace(server, dumped)
    assert rows is not None
    assert rows.numbers() == printed.numbers()
    assert rows.numbers()
    assert not list(in_namespace(server, lambda: list(firewall.elements("a", "t", "s"))))
    run(*inside, "flush", "set", "inet", "t", "s")
    rows = in_namespace(server, dumped)
    assert rows is not None
    assert not rows.numbers()


@pytest.mark.real
@pytest.mark.parametrize(
    "tool", ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"]
)
def test_each_iptables_is_read_once(server: Namespace, tool: str) -> None:
    source = tool.partition("-")[0]
    assert server.name is not None
    command = ("ip", "netns", "exec", server.name, tool, "-t", "nat")
    ports = ("-p", "tcp", "-m", "multiport", "--dports", "80,443", "-j", "REDIRECT")
    run(*command, "-N", "WEB")
    run(*command, "-A", "PREROUTING", "-i", "lo", "-j", "WEB")
    run(*command, "-A", "WEB", *ports, "--to-ports", "8080")
    assert in_namespace(server, firewall.may_redirect)
    found, missing = in_namespace(server, read_redirects)
    assert missing == ()
    assert brief(NatRules(found)) == [
        (TCP, 80, 80, None, 8080, 8080),
        (TCP, 443, 443, None, 8080, 8080),
    ]
    assert {(each.source, each.conditions) for each in found} == {(source, ("-i lo",))}


@pytest.mark.real
def test_the_kernel_says_whether_a_rule_can_redirect(server: Namespace) -> None:
    assert server.name is not None
    nft = ("ip", "netns", "exec", server.name, "nft", "-f", "-")
    assert in_namespace(server, has_nat_chains) is False
    run(
        *nft,
        text="table inet f { chain in { type filter hook input priority 0; }\nchain own {\n}\n}",
    )
    assert in_namespace(server, has_nat_chains) is False
    assert not in_namespace(server, firewall.may_redirect)
    run(*nft, text="table ip6 n { chain p { type nat hook prerouting priority -100; }\n}")
    assert in_namespace(server, has_nat_chains) is True
    assert in_namespace(server, firewall.may_redirect)


@pytest.mark.real
def test_another_user_is_told_that_rules_are_hidden() -> None:
    need_root("this test becomes another user")
    need_kernel(kernel_may_translate(), "this kernel doesn't track connections")
    # The interpreter's own folder need not be open to that user, so it only drops its rights.
    code = (
        "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from portbook.host.firewall.redirects import read_redirects\n"
        "found, (gap,) = read_redirects(80); print(found, gap.code, gap.needs)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", f"import portbook.host.firewall.redirects\n{code}"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "() nat-hidden root\n"
