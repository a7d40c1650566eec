"""Rulesets drawn from a grammar: every match and target that portbook follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.real.drawn_nft import MARKS, NETWORKS4, NETWORKS6, RANGES4
from tests.real.filtered import CONTAINER, OWN, PORTS

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_TABLES = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


class IptablesRules:
    """One ruleset for ``iptables-restore``, or for ``ip6tables-restore`` where *six*."""

    def __init__(self, chance: random.Random, *, six: bool) -> None:
        self._chance, self._six = chance, six

    def text(self) -> str:
        """All tables; they replace those before."""
        lines: list[str] = []
        for table, chains in _TABLES.items():
            own = [f"own{number}" for number in range(self._chance.randrange(3))]
            lines.append(f"*{table}")
            for chain in chains:
                drops = table == "filter" and chain != "OUTPUT" and self._chance.random() < 0.5
                lines.append(f":{chain} {'DROP' if drops else 'ACCEPT'} [0:0]")
                if drops:
                    lines.append(f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
            lines += [f":{name} - [0:0]" for name in own]
            for chain in chains:
                if table in ("filter", "nat") or self._chance.random() < 0.4:
                    count = self._chance.randrange(1, 6)
                    lines += [self._rule(table, chain, own) for _ in range(count)]
            for number, name in enumerate(own):
                count = self._chance.randrange(1, 4)
                lines += [self._rule(table, name, own[number + 1 :]) for _ in range(count)]
            lines.append("COMMIT")
        return "\n".join(_declared_first(lines)) + "\n"

    def _pick(self, *choices: str) -> str:
        return self._chance.choice(choices)

    def _port(self) -> str:
        return str(self._chance.choice(PORTS))

    def _rule(self, table: str, chain: str, own: Sequence[str]) -> str:
        protocol = self._pick("", "-p tcp", "-p tcp", "-p udp", "! -p udp", "-p icmp")
        parts = [f"-A {chain}", protocol]
        if protocol in ("-p tcp", "-p udp") and self._chance.random() < 0.8:
            name = protocol[3:]
            parts.append(
                self._pick(
                    f"-m {name} --dport {self._port()}",
                    f"-m {name} ! --dport {self._port()}",
                    f"-m {name} --dport 443:6000",
                    f"-m multiport --dports 22,{self._port()},4000:6000",
                    f"-m multiport ! --dports 53,{self._port()}",
                    f"-m {name} --sport 1024:65535",
                )
            )
        if protocol == "-p tcp" and self._chance.random() < 0.2:
            parts.append(self._pick("--syn", "! --syn", "--tcp-flags SYN,ACK SYN,ACK"))
        count = self._chance.choice((0, 0, 1, 1, 2))
        parts += [self._match(table, chain) for _ in range(count)]
        parts.append(self._target(table, chain, protocol, own))
        return " ".join(filter(None, parts))

    def _match(self, table: str, chain: str) -> str:
        network = self._pick(*(NETWORKS6 if self._six else NETWORKS4))
        address, mark = OWN[self._six], self._chance.choice(MARKS)
        wide = "2001:db8:99::2-2001:db8:99::50" if self._six else RANGES4[0]
        options = [
            f"-s {network}",
            f"! -s {network}",
            f"-d {address}",
            f"! -d {address}",
            f"-s {network}",
            f"-m iprange --src-range {wide}",
            f"-m iprange ! --src-range {wide}",
            f"-m mark --mark {mark}",
            "-m mark --mark 0x1/0x3",
            f"-m mark ! --mark {mark}",
            "-m addrtype --dst-type LOCAL",
            "-m addrtype ! --dst-type LOCAL",
            "-m addrtype --src-type LOCAL",
            "-m addrtype --dst-type UNICAST",
            "-m addrtype ! --dst-type LOCAL,UNICAST",
            "-m pkttype --pkt-type unicast",
            '-m comment --comment "a b -j DROP"',
            f"-m connmark --mark {mark}",
            "-m conntrack --ctstate NEW",
            "-m conntrack ! --ctstate NEW",
            "-m state --state RELATED,ESTABLISHED",
            "-m conntrack --ctstate INVALID",
            "-m conntrack --ctstate UNTRACKED",
            "-m conntrack --ctstate DNAT",
            "-m conntrack --ctdir ORIGINAL",
            "-m conntrack --ctproto 6",
            "-m conntrack ! --ctproto udp",
            "-m conntrack --ctorigdstport 80 -m comment --comment x",
            self._pick("-m limit --limit 1/min", "-m statistic --mode random --probability 0.5"),
        ]
        if chain in ("PREROUTING", "INPUT", "FORWARD"):
            options += ["-i eth0", "-i lo", "! -i eth0", "-i e+", "! -i cont0"]
            options += [f"-m addrtype --dst-type {self._pick('LOCAL', 'UNICAST')} --limit-iface-in"]
        if chain == "PREROUTING" and table in ("raw", "mangle"):
            options += ["-m rpfilter", "-m rpfilter --validmark --invert"]
        if not self._six:
            options += ["-s 198.18.0.77/255.255.0.255", "! -f"]
        return self._pick(*options)

    def _target(self, table: str, chain: str, protocol: str, own: Sequence[str]) -> str:
        if table == "nat":
            address = CONTAINER[self._six]
            wrapped = f"[{address}]" if self._six else address
            options = ["-j ACCEPT", "-j RETURN"]
            if chain == "POSTROUTING":
                options += ["-j MASQUERADE", f"-j SNAT --to-source {OWN[self._six]}"]
                own = ()  # those translate destinations
            elif protocol in ("-p tcp", "-p udp"):
                options = [
                    f"-j REDIRECT --to-ports {self._port()}",
                    f"-j DNAT --to-destination {wrapped}:{self._port()}",
                    f"-j DNAT --to-destination {address}",
                    "-j REDIRECT",
                    "-j RETURN",
                ]
        else:
            options = [
                "-j ACCEPT",
                "-j ACCEPT",
                "-j DROP",
                "-j RETURN",
                '-j LOG --log-prefix "a -j "',
                "",
            ]
        if table == "filter":
            options += ["-j REJECT"]
            if protocol == "-p tcp":
                options += ["-j REJECT --reject-with tcp-reset"]
        if table == "mangle":
            mark = self._chance.choice(MARKS)
            options += [
                f"-j MARK --set-mark {mark}",
                "-j MARK --or-mark 0x10",
                "-j CONNMARK --save-mark",
                "-j CONNMARK --restore-mark",
                f"-j CONNMARK --set-mark {mark}",
                "-j MARK --set-xmark 0x3/0xf",
            ]
        if table == "raw":
            options += ["-j CT --notrack", "-j CT --notrack"]
        options += [f"-{self._pick('j', 'j', 'g')} {name}" for name in own]
        return self._pick(*options)


def _declared_first(lines: list[str]) -> list[str]:
    """A chain must be declared before a rule jumps to it."""
    ordered: list[str] = []
    rules: list[str] = []
    for line in lines:
        if line.startswith("-A"):
            rules.append(line)
            continue
        if line == "COMMIT":
            ordered += rules
            rules = []
        ordered.append(line)
    return ordered
