"""What ``iptables-save`` and ``ip6tables-save`` print: the redirects in their nat table. Pure.

The form is that of iptables-save(8), the words those of iptables(8) and iptables-extensions(8).

>>> text = '''*nat
... :PREROUTING ACCEPT [0:0]
... :DOCKER - [0:0]
... -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
... -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
... COMMIT
... '''
>>> found = parse_iptables_save(text, "ipv4").redirects[0]
>>> found.first, found.to_address, found.to_first, found.conditions
(8080, '172.17.0.2', 80, ('-m addrtype --dst-type LOCAL', '! -i docker0'))
"""

from __future__ import annotations

from portbook.errors import MalformedInput
from portbook.host.firewall.iptables_words import options, words_of
from portbook.host.firewall.rules import (
    ALL_PORTS,
    Case,
    NatRules,
    Packets,
    Rule,
    Target,
    follow,
    outside,
)
from portbook.model import Family, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_SOURCES = {Family.IPV4: "iptables", Family.IPV6: "ip6tables"}
_PROTOCOLS = {
    "tcp": Transport.TCP,
    "6": Transport.TCP,
    "udp": Transport.UDP,
    "17": Transport.UDP,
    "udplite": Transport.UDP,
    "136": Transport.UDP,
    "sctp": Transport.SCTP,
    "132": Transport.SCTP,
    "dccp": Transport.DCCP,
    "33": Transport.DCCP,
}
_ENTRIES = (("prerouting", "PREROUTING"), ("output", "OUTPUT"))
_PORT_OPTIONS = ("--dport", "--destination-port", "--dports", "--destination-ports")
_PLAIN_MATCHES = ("tcp", "udp", "udplite", "sctp", "dccp", "multiport", "comment")
# Targets that leave the destination alone (iptables-extensions(8)).
_VERDICTS = ("ACCEPT", "RETURN", "DROP", "REJECT", "MASQUERADE", "SNAT")
_REMARKS = ("LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "SET", "IDLETIMER", "LED", "RATEEST")
_MARKS = ("MARK", "CONNMARK", "SECMARK", "CONNSECMARK", "CLASSIFY", "TOS", "DSCP", "ECN", "TTL")
_HARMLESS = (*_VERDICTS, *_REMARKS, *_MARKS, "HL", "TCPMSS", "NFQUEUE")
_TARGET_FLAGS = ("--random", "--random-fully", "--persistent")


def parse_iptables_save(text: str, family: Family) -> NatRules:
    """The redirects that can be reached from PREROUTING and OUTPUT; *family* ipv4 or ipv6.

    Raises MalformedInput for text that has rules of the nat table in another form.
    """
    chains: dict[str, list[Rule]] = {}
    table = None
    lines = []
    for line in text.split("\n"):
        if line.startswith("*"):
            table = line[1:].strip()
        elif table == "nat" and line.startswith(":"):
            chains[line[1:].split(" ", 1)[0]] = []
        elif table == "nat" and line[:1] not in ("", "#") and line.strip() != "COMMIT":
            lines.append(line)
    for line in lines:
        words = words_of(line)
        # Counters, as "iptables-save -c" prints them, come first.
        if words and words[0].startswith("["):
            del words[0]
        if len(words) < 2 or words[0] not in ("-A", "--append"):
            raise MalformedInput("it is not a ruleset as iptables-save prints it")
        chains.setdefault(words[1], []).append(_rule(line, words[2:], chains.keys()))
    return follow(
        _ENTRIES,
        chains,
        source=_SOURCES[family],
        family=family,
        named=lambda chain: f"nat {chain}",
    )


def _rule(line: str, words: list[str], chains: Collection[str]) -> Rule:
    reading = _Reading()
    for negated, option, values in options(words):
        reading.add(negated, option, values)
    packets = reading.packets()
    if packets is None or reading.target is None:
        return Rule(line, ())
    name = reading.target
    if name in ("DNAT", "REDIRECT", "NETMAP"):
        try:
            target = _target(name, reading.goals)
        except ValueError:
            return Rule(line, (), understood=False)
        return Rule(line, (Case(packets, target=target),))
    if name in _HARMLESS:
        return Rule(line, ())
    if name in chains:
        return Rule(line, (Case(packets, jump=name),))
    return Rule(line, (), understood=False)


class _Reading:
    """What the options of one rule come to."""

    def __init__(self) -> None:
        self.target: str | None = None
        self.goals: dict[str, str] = {}
        self._transports: tuple[Transport, ...] | None = None
        self._ports: tuple[tuple[int, int], ...] = ALL_PORTS
        self._conditions: list[list[str]] = []
        self._match: list[str] | None = None

    def packets(self) -> Packets | None:
        """The packets it holds for; None where those can have no port."""
        if self._transports == ():
            return None
        conditions = tuple(" ".join(each) for each in self._conditions)
        return Packets(self._transports, self._ports, None, conditions)

    def add(self, negated: bool, option: str, values: list[str]) -> None:
        first = values[0] if values else ""
        if self.target is not None:
            self.goals[option] = first
        elif option in ("-j", "--jump", "-g", "--goto"):
            self.target = first
        elif option in ("-p", "--protocol"):
            self._protocol(negated, first)
        elif option in ("-m", "--match"):
            self._match = None
            if first not in _PLAIN_MATCHES:
                self._match = ["-m", first]
                self._conditions.append(self._match)
        elif option == "--comment":
            pass
        elif option in _PORT_OPTIONS and (ports := _ports(first)) is not None:
            self._ports = outside(ports) if negated else ports
        else:
            condition = ["!"] * negated + [option, *values]
            if option.startswith("--") and self._match is not None:
                self._match += condition
            else:
                self._conditions.append(condition)

    def _protocol(self, negated: bool, name: str) -> None:
        if name in ("all", "0"):
            return
        known = _PROTOCOLS.get(name)
        if negated:
            self._transports = tuple(each for each in Transport if each != known)
        else:
            self._transports = () if known is None else (known,)
        if name in ("udplite", "136"):
            self._conditions.append(["!"] * negated + ["-p", name])


def _ports(text: str) -> tuple[tuple[int, int], ...] | None:
    """The ports of ``--dport`` and ``--dports``; None where they aren't numbers.

    >>> _ports("80,443,1000:1010,:5")
    ((80, 80), (443, 443), (1000, 1010), (0, 5))
    """
    found = []
    for part in text.split(","):
        first, colon, last = part.partition(":")
        if not colon:
            last = first
        try:
            pair = (_number(first or "0"), _number(last or "65535"))
        except ValueError:
            return None
        found.append(pair)
    return tuple(found)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535):
        raise ValueError(text)
    return int(text)


def _target(name: str, goals: dict[str, str]) -> Target:
    """Raises ValueError for a goal in a form that isn't known."""
    if set(goals) - {"--to-destination", "--to-ports", "--to", *_TARGET_FLAGS}:
        raise ValueError(name)
    if name == "NETMAP":
        return Target(goals.get("--to"))
    if name == "REDIRECT":
        ports = goals.get("--to-ports")
        return Target(None) if ports is None else Target(None, *_goal_ports(ports))
    goal = goals.get("--to-destination")
    if not goal:
        raise ValueError(name)
    if goal.startswith("["):
        address, _, port = goal[1:].partition("]")
        port = port.removeprefix(":")
    elif goal.count(":") > 1:  # IPv6 without a port
        address, port = goal, ""
    else:
        address, _, port = goal.partition(":")
    return Target(address or None, *(_goal_ports(port) if port else (None, None)))


def _goal_ports(text: str) -> tuple[int, int]:
    # "1000-1010/8000" shifts a range: port 8000 becomes 1000 and so on
    first, _, last = text.partition("/")[0].partition("-")
    return _number(first), _number(last or first)
