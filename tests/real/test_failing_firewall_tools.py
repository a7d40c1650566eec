"""Tools that print rules and fail: said, never guessed, as root and as somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real.namespace import UNPRIVILEGED, Namespace
from tests.real.needs import need_kernel, need_namespaces, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

RULES = """
table inet filter {
    set banned { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 } }
    set services { type inet_service; elements = { 22 } }
    chain input {
        type filter hook input priority 0; policy accept;
        iif lo accept
        tcp dport @services drop
        ip saddr @banned drop
    }
}
"""
ALL = '"$REAL" "$@"'


PLAIN = """
table inet filter {
    chain input {
        type filter hook input priority 0; policy accept;
        iif lo accept
        ct state { established, related } accept
        tcp dport { 22, 8000-8100 } ip saddr 192.0.2.0/24 drop
        tcp dport 9090 numgen inc mod 2 0 drop
    }
}
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Namespace]:
    need_namespaces()
    need_program("nft")
    with Namespace() as made:
        linked(made, RULES)
        yield made


def linked(made: Namespace, text: str) -> None:
    """Gives *made* a network, a listener in it, and the rules in *text*."""
    for command in (
        "ip link add veth0 type veth peer name veth1",
        "ip link set veth1 up",
        "ip addr add 192.0.2.1/24 dev veth0",
        "ip link set veth0 up",
    ):
        assert made.run(command.split()).returncode == 0, command
    for port in (8080, 9090):
        made.open({"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": port})
    rules = made.folder / "rules"
    rules.write_text(text)
    assert made.run(["nft", "-f", rules]).returncode == 0


def behind(machine: Namespace, script: str) -> tuple[str, ...]:
    """What a command begins with for which nft is *script*."""
    fake = machine.folder / "nft"
    fake.write_text(f"#!/bin/sh\nREAL={machine.folder}/real\n{script}\n")
    fake.chmod(0o755)
    over = (
        f"nft=$(readlink -f $(command -v nft)); cp $nft {machine.folder}/real;"
        f' mount --bind {fake} $nft && exec "$@"'
    )
    return "unshare", "-m", "sh", "-c", over, "sh"


def test_the_brief_needs_no_tool_for_plain_rules() -> None:
    need_namespaces()
    need_program("nft")
    with Namespace() as machine:
        linked(machine, PLAIN)
        broken = behind(machine, "exit 1")
        for before in ((), broken):
            plain = machine.portbook("8080", before=before)
            assert "from no other machine: a firewall rule blocks them" in plain.stdout
        odd = machine.portbook("9090", before=broken)
        assert "nft failed with status 1" in " ".join(odd.stdout.split())
        assert "Reachable" in machine.portbook("9090").stdout


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        (f"{ALL} | head -c 300", "firewall-unreadable", "nft's output isn't a complete ruleset"),
        ("head -c 3000 /dev/urandom", "firewall-unreadable", "isn't a complete ruleset"),
        ("echo '[1]'", "firewall-unreadable", "nft's output isn't a complete ruleset"),
        ("kill -9 $$", "tool-failed", "nft failed with signal 9"),
        ("echo 'not permitted' >&2; exit 1", "tool-failed", "nft says 'not permitted'"),
        ("exec sleep 60", "tool-late", "nft did not answer in time"),
        ("", "firewall-unreadable", "nft lists none, and the kernel has some"),
        ("yes '[{'", "firewall-unreadable", "nft prints more than portbook takes"),
        (
            """echo '{"nftables": [{"table": {"family": "ip", "name": "t"}}]}'""",
            "firewall-unreadable",
            "nft lists none, and the kernel has some",
        ),
        (
            """case "$*" in *json*) "$REAL" "$@" | sed 's/{"chain": {[^}]*}}, //';; esac""",
            "firewall-unreadable",
            "nft's output isn't a complete ruleset",
        ),
        (
            f'case "$*" in *sets*) exit 1;; *"list set"*) {ALL} | head -c 99;; *) {ALL};; esac',
            "firewall-set-unread",
            "nft's output isn't a complete set",
        ),
        (
            f'case "$*" in *" set"*) kill -9 $$;; *) {ALL};; esac',
            "firewall-set-unread",
            "nft failed with signal 9",
        ),
        (
            f'{ALL}; {{ "$REAL" add table ip t$$; "$REAL" delete table ip t$$; }} >&2',
            "firewall-changing",
            "the firewall rules changed while they were read",
        ),
    ],
)
def test_nothing_is_told_of_rules_that_were_not_read(
    machine: Namespace, script: str, code: str, words: str
) -> None:
    inside = behind(machine, script)
    report = machine.ask("reach", "8080", before=inside)
    assert code in {each["code"] for each in report["missing"]}, report["missing"]
    (socket,) = report["sockets"]
    answers = {each["source"]: each["answer"] for each in socket["from"] if not each["barrier"]}
    assert answers["192.0.2.0/24"] == "unknown"
    done = machine.portbook("reach", "8080", "--strict", before=inside)
    assert done.returncode == 3, done.stderr
    assert words in " ".join(done.stdout.split())
    brief = machine.portbook("8080", before=inside)
    assert words in " ".join(brief.stdout.split())
    listed = machine.portbook("listen", "8080", "--format", "{reachable}", before=inside)
    assert (listed.stdout.strip(), words in listed.stderr) == ("?", True)
    # Whoever isn't root is told why, and no tool is asked.
    other = machine.portbook("reach", "8080", before=(*inside, *UNPRIVILEGED))
    assert "firewall rules are visible to root only" in " ".join(other.stdout.split())
    assert words not in " ".join(other.stdout.split())


def test_a_set_of_a_million_is_read_or_said_not_to_be(machine: Namespace) -> None:
    pieces = [
        ", ".join(f"10.{a}.{b}.{c}" for b in range(256) for c in range(0, 256, 2))
        for a in range(31)
    ]
    many = machine.folder / "many"
    many.write_text("\n".join(f"add element inet filter banned {{ {piece} }}" for piece in pieces))
    assert machine.run(["nft", "-f", many]).returncode == 0
    report = machine.ask("reach", "8080")
    (socket,) = report["sockets"]
    told = {each["source"]: each for each in socket["from"]}["192.0.2.0/24"]
    unread = "firewall-set-unread" in {each["code"] for each in report["missing"]}
    assert told["answer"] == ("unknown" if unread else "open")


@pytest.mark.parametrize("listed", [False, True])
def test_tables_of_iptables_legacy_that_no_tool_prints_are_missed(listed: bool) -> None:
    """Where only iptables over nftables is installed, which prints nothing or its own tables."""
    need_namespaces()
    program = need_program("nft", "iptables-legacy", "iptables-nft", "iptables-legacy-save")
    with Namespace() as made:
        linked(made, PLAIN.replace("22, 8000-8100", "22"))
        rule = ["iptables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "8080", "-j", "DROP"]
        need_kernel(not made.run(rule).returncode, "this kernel has no iptables of the older kind")
        if listed:
            assert not made.run(["iptables-nft", "-A", "INPUT", "-j", "ACCEPT"]).returncode
        answer = "192.0.2.0/24"
        (socket,) = made.ask("reach", "8080")["sockets"]
        assert {each["source"]: each["answer"] for each in socket["from"]}[answer] == "dropped"
        over = f'mount --bind /dev/null $(readlink -f {program}) && exec "$@"'
        report = made.ask("reach", "8080", before=("unshare", "-m", "sh", "-c", over, "sh"))
        (socket,) = report["sockets"]
        assert {each["source"]: each["answer"] for each in socket["from"]}[answer] == "unknown"
        words = "iptables-legacy-save is not installed"
        assert [words in each["message"] for each in report["missing"]] == [True]
