"""Packets in earnest: run as a program in a network namespace, in one of three roles.

``serve PLAN``
    Listens on every address and port of the plan over TCP and UDP, and tells each caller where it
    arrived. Says "ready".
``probe``
    Reads a list of connections to try as one line of JSON, tries them all at once, and prints what
    became of each: where it arrived, "rejected", or "dropped".
``predict``
    Reads what to ask portbook of the rules in force, and prints what it says.
"""

from __future__ import annotations

import errno
import json
import select
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portbook.host.firewall.kernel_rules import KernelRule
    from portbook.host.firewall.values import Rule

_REFUSED = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)
_ENOUGH = 200  # sockets between which one that listens gets its turn


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(plan: dict[str, Any]) -> None:
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    for address in plan["addresses"]:
        for port in plan["ports"]:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                listener = socket.socket(_family(address), kind)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    listener.listen(1024)
                sockets[listener.fileno()] = listener
                poll.register(listener, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for number, _ in poll.poll():
            listener = sockets[number]
            address, port = listener.getsockname()[:2]
            told = f"{address} {port}".encode()
            try:
                if listener.type == socket.SOCK_STREAM:
                    caller = listener.accept()[0]
                    caller.send(told)

                    caller.close()
                else:
                    listener.sendto(told, listener.recvfrom(100)[1])
            except OSError:
                continue


class _Try:
    """One connection, or one datagram and its answer."""

    def __init__(self, transport: str, source: str, destination: str, port: int) -> None:
        self.result: str | None = None
        self.tcp = transport == "tcp"
        kind = socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM
        self.socket = socket.socket(_family(destination), kind | socket.SOCK_NONBLOCK)
        try:
            self.socket.bind((source, 0))
            self.socket.connect((destination, port))
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed(error)
        if not self.tcp and self.result is None:
            try:
                self.socket.send(b"?")
            except OSError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        # A packet that a rule of this machine's own drops is refused at once.
        dropped = error.errno in (errno.EPERM, errno.EACCES, errno.EINVAL)
        if not dropped and error.errno not in _REFUSED:
            raise error
        self.result = "dropped" if dropped else "rejected"

    def look(self) -> None:
        """What its socket has to say, which is ready."""
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number == errno.ECONNRESET:  # after it stood: before that, it would be refused
            self.result = "open"
            return
        if number:
            self.result = "rejected" if number in _REFUSED else "dropped"
            return
        try:
            self.result = "open " + self.socket.recv(100).decode()
        except BlockingIOError:
            self.result = "open"
        except OSError:
            self.result = "open" if self.tcp else "rejected"


def probe(wanted: list[list[Any]], seconds: float) -> list[str]:
    poll = select.epoll()
    tries: dict[int, _Try] = {}
    results: list[_Try] = []
    for place, each in enumerate(wanted):
        one = _Try(*each)
        results.append(one)
        if one.result is None:
            tries[one.socket.fileno()] = one
            # A TCP socket is first ready for writing, and for reading once it was told something.
            poll.register(one.socket, select.EPOLLOUT if one.tcp else select.EPOLLIN)
        if place % _ENOUGH == _ENOUGH - 1:
            time.sleep(0.01)
    end = time.monotonic() + seconds
    while tries and (left := end - time.monotonic()) > 0:
        for number, events in poll.poll(left):
            one = tries[number]
            if one.tcp and one.result is None and not events & (select.EPOLLERR | select.EPOLLHUP):
                one.result = "open"
                poll.modify(number, select.EPOLLIN)
                continue
            if one.result is None or (one.tcp and one.result == "open"):
                one.look()
            poll.unregister(number)
            del tries[number]
    told = [one.result or "dropped" for one in results]
    for one in results:
        one.socket.close()
    return told


def predict(question: dict[str, Any]) -> dict[str, Any]:
    from portbook.host.firewall import Unread
    from portbook.host.firewall.decide import decide
    from portbook.host.firewall.intervals import Intervals
    from portbook.host.firewall.kernel_rules import read_kernel_rules
    from portbook.host.firewall.ruleset import read_ruleset
    from portbook.host.firewall.values import Interface, Machine
    from portbook.host.linux.network import read_network
    from portbook.model import Family, Transport

    known = {each.name: each for each in read_network().interfaces}
    interfaces = tuple(
        Interface(
            name,
            tuple(map(tuple, addresses)),
            known[name].routes_loopback,
            traits=known[name].traits,
        )
        for name, addresses in question["interfaces"].items()
    )
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first, last = map(int, file.read().split())
    routes = tuple(map(tuple, question["routes"]))
    machine = Machine(interfaces, routes, forwarding=True, own_ports=(first, last))
    ruleset, plain = read_ruleset(60), read_kernel_rules()
    answers, apart, plainly = [], [], 0
    for transport, source, destination, port, interface in question["asked"]:
        asked: dict[str, Any] = {
            "family": Family.IPV6 if ":" in destination else Family.IPV4,
            "transport": Transport(transport),
            "destination": destination,
            "port": port,
            "interface": interface,
            "source": source,
        }
        decisions = decide(ruleset, machine, **asked)
        told = [
            {
                "sources": [[str(first), str(last)] for first, last in one.sources],
                "outcome": str(one.outcome),
                "port": one.delivered_to,
                "address": one.delivered_address,
                "rules": [f"{rule.where}: {rule.text}" for rule in one.rules],
            }
            for one in decisions
        ]
        answers.append(told)
        short = decide(ruleset, machine, **asked, later=False)  # as lists and the brief ask
        if len({_by_outcome(some, Intervals.of) for some in (decisions, short)}) > 1:
            apart.append(["short", f"{transport} {destination} {port}", str(short)])
        try:  # as the brief asks first: what the kernel itself tells must be what tools print
            told_plainly = plain and decide(plain, machine, **asked, later=False)
        except Unread:
            continue
        plainly += bool(told_plainly)
        if told_plainly and told_plainly != short:
            apart.append(["kernel", f"{transport} {destination} {port}", str(told_plainly)])
    gaps = [[str(gap.code), gap.subject, gap.detail] for gap in ruleset.gaps]
    return {"answers": answers, "gaps": gaps + apart, "plainly": plainly}


def _of_kernel(rule: Rule) -> KernelRule:
    from portbook.host.firewall.kernel_rules import KernelRule

    assert isinstance(rule, KernelRule)
    return rule


def keep_plain() -> int:
    """Deletes every rule that only nft can print; how many the kernel itself tells."""
    import subprocess

    from portbook.host.firewall.kernel_rules import read_kernel_rules

    kept = 0
    ruleset = read_kernel_rules()
    for table in () if ruleset is None else ruleset.tables:
        for name, chain in table.chains.items():
            for rule in map(_of_kernel, chain.rules):
                kept += rule.read()
                if not rule.read():
                    place = (table.family, table.name, name, "handle", str(rule.handle))
                    subprocess.run(["nft", "delete", "rule", *place], check=True)
    return kept


def _by_outcome(decisions: Any, union: Any) -> Any:
    """Whose connections come to what, whatever rules decide."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for one in decisions:
        spans.setdefault(str(one.outcome), []).extend(one.sources)
    return frozenset((outcome, union(some)) for outcome, some in spans.items())


def main() -> None:
    role = sys.argv[1]
    if role == "serve":
        serve(json.loads(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        if role == "probe":
            print(json.dumps(probe(request["tries"], request["seconds"])), flush=True)
        else:
            told = keep_plain() if request.get("plain") else predict(request)
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
