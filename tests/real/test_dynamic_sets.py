"""Rules that put packets' own values into sets, which other rules read: real packets, in a row.

The first packet of a connection may pass and the next one be stopped, or the other way round: then
neither "open" nor "blocked" is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real.namespace import Namespace, interpreter
from tests.real.needs import need_namespaces, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

SERVE = """
import socket, threading
def echo(caller):
    while said := caller.recv(9):
        caller.send(said)
def answer(kind):
    listener = socket.socket(socket.AF_INET, kind)
    listener.bind(("0.0.0.0", 8080))
    if kind == socket.SOCK_STREAM:
        listener.listen(16)
    ready.release()
    while True:
        if kind == socket.SOCK_DGRAM:
            listener.sendto(*listener.recvfrom(9))
            continue
        caller = listener.accept()[0]
        threading.Thread(target=echo, args=(caller,)).start()
ready = threading.Semaphore(0)
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    threading.Thread(target=answer, args=(kind,)).start()
ready.acquire(), ready.acquire()
print("ready", flush=True)
"""
# Two connections in a row, each with three exchanges: "+" where it stands, and a letter for each
# exchange that came to an answer.
TALK = """
import socket, sys
for number in range(2):
    kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as client:
        client.settimeout(1.7)  # TCP sends its SYN once more after a second
        try:
            client.connect(("192.0.2.1", 8080))
            client.settimeout(0.5)
            print("+", end="")
        except OSError:
            print("-", end="")
            continue
        for letter in (b"a", b"b", b"c"):
            try:
                client.send(letter)
                print(client.recv(9).decode(), end="")
            except OSError:
                print("-", end="")
"""
READ = "ip saddr @d drop"
PUT, MAP = "add @d { ip saddr }", "add @m { ip saddr : 5 }"
MARKED = "meta mark set ip saddr map @m"
NEW, OLD = "ct state new", "ct state established"


def chain(hook: str, *rules: str, policy: str = "accept") -> str:
    lines = "\n".join(rules)
    base = f"type filter hook {hook} priority 0; policy {policy};"
    return f"chain {hook} {{\n{base}\niif lo accept\n{lines}\n}}\n".replace(
        "iif lo accept\n" if hook == "output" else "\0", ""
    )


@pytest.fixture
def pair() -> Iterator[tuple[Namespace, Namespace]]:
    """A machine that answers on 8080, and its neighbour; what one test sent, no other one meets."""
    need_namespaces()
    need_program("nft")
    with Namespace() as machine, Namespace() as peer:
        for command in (
            f"ip link add veth0 type veth peer name veth1 netns {peer.holder}",
            "ip addr add 192.0.2.1/24 dev veth0",
            "ip link set veth0 up",
        ):
            assert machine.run(command.split()).returncode == 0
        for command in ("ip addr add 192.0.2.2/24 dev veth1", "ip link set veth1 up"):
            assert peer.run(command.split()).returncode == 0
        assert machine.start([interpreter(), "-I", "-c", SERVE]).read_line() == "ready\n"
        yield machine, peer


@pytest.mark.parametrize(
    ("rules", "elements", "seen"),
    [
        # An earlier rule reads what a later one puts there.
        (chain("input", READ, PUT), "", "tcp unknown +----"),
        (chain("input", READ, PUT), "", "udp unknown +a--+---"),
        (chain("input", READ, "update @d { ip saddr counter }"), "", "tcp unknown +----"),
        (chain("input", "ct state established accept", READ, PUT), "", "tcp unknown +abc-"),
        (chain("input", "ip saddr @d reject", PUT), "", "udp unknown +a--+---"),
        # Only a later packet puts, or reads.
        (chain("input", READ, f"{OLD} {PUT}"), "", "tcp unknown +----"),
        (chain("input", f"{NEW} {PUT}", f"{OLD} {READ}"), "", "tcp unknown +---+---"),
        (chain("input", f"{NEW} {READ}", f"{NEW} {PUT}"), "", "tcp unknown +abc-"),
        # The answer does.
        (chain("output", "ip daddr @d drop") + chain("input", PUT), "", "tcp unknown --"),
        (chain("input", READ) + chain("output", "add @d { ip daddr }"), "", "udp unknown +a--+---"),
        # A second try gets in, where the first one is stopped.
        (chain("input", "ip saddr @d accept", f"{PUT} drop"), "", "tcp unknown +abc+abc"),
        (chain("input", "ip saddr @d accept", f"{PUT} reject"), "", "udp unknown +-bc+abc"),
        (chain("input", "ip saddr @d accept", PUT, policy="drop"), "", "tcp unknown +abc+abc"),
        # What is in the set is taken out.
        (chain("input", READ, "delete @d { ip saddr }"), "192.0.2.2", "tcp dropped --"),
        (chain("input", "delete @d { ip saddr }", READ), "192.0.2.2", "tcp unknown +abc+abc"),
        (chain("input", "delete @d { ip saddr }", READ), "192.0.2.9", "tcp open +abc+abc"),
        # One that is in it already is put there again.
        (chain("input", f"ip saddr @d {PUT} accept", "drop"), "192.0.2.2", "tcp open +abc+abc"),
        (
            chain("input", "ip saddr @d accept", "drop")
            + chain("output", "delete @d { ip daddr }"),
            "192.0.2.2", "tcp unknown +----",
        ),
        # A map's elements are no other than a set's.
        (chain("input", MARKED, "meta mark 5 drop", MAP), "", "tcp unknown +----"),
        (chain("input", MAP), "", "tcp open +abc+abc"),
        # It makes no difference: no rule reads it, or whatever it says comes to the same.
        (chain("input", PUT), "", "tcp open +abc+abc"),
        (chain("input", "ip saddr @d counter", PUT), "", "tcp open +abc+abc"),
        (chain("input", "ip saddr @d accept", PUT), "", "udp open +abc+abc"),
        (chain("input", READ, f"tcp dport 22 {PUT}"), "", "tcp open +abc+abc"),
        (chain("input", READ, f"{PUT} drop"), "", "tcp dropped --"),
        (chain("input", PUT, f"meta l4proto tcp {READ}"), "", "udp open +abc+abc"),
        (chain("input", READ, "add @other { ip saddr }"), "", "tcp open +abc+abc"),
    ],
)  # fmt: skip
def test_what_becomes_of_the_packets_to_come(
    pair: tuple[Namespace, Namespace], rules: str, elements: str, seen: str
) -> None:
    machine, peer = pair
    transport, answer, talk = seen.split()
    file = machine.folder / "rules.nft"
    kind = "type ipv4_addr; flags dynamic, timeout; size 999;"
    inside = f"elements = {{ {elements} }};" if elements else ""
    sets = f"set d {{ {kind} {inside} }}\nset other {{ {kind} }}"
    sets += f"\nmap m {{ {kind.replace('addr', 'addr : mark')} }}"
    file.write_text(f"flush ruleset\ntable inet t {{\n{sets}\n{rules}}}\n")
    done = machine.run(["nft", "-f", file])
    assert done.returncode == 0, done.stderr
    report = machine.ask("reach", f"8080/{transport}")
    short = machine.portbook("listen", f"8080/{transport}", "--format", "{reachable}").stdout
    (socket,) = report["sockets"]
    told = {each["source"]: each for each in socket["from"]}
    near = told.get("192.0.2.2/32", told["192.0.2.0/24"])
    said = peer.run([interpreter(), "-I", "-c", TALK, transport]).stdout
    assert (near["answer"], said) == (answer, talk), near
    assert bool(near["later"]) is (answer == "unknown" and talk[:2] != "--" and "-" in talk[2:]), (
        near
    )
    if not elements:
        word = {"unknown": "?", "open": "192.0.2.0/24", "dropped": "blocked"}[answer]
        assert short.strip() == word
