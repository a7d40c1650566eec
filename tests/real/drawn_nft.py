"""Rulesets drawn from a grammar: every expression that portbook follows, in nft's words.

What is drawn must load; whether it makes sense as a firewall is nobody's concern. Policies and
verdicts are drawn so that about half of all connections get through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.real.filtered import CONTAINER, OWN, PORTS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

NETWORKS4 = (
    "198.18.0.0/24",
    "198.18.0.0/26",
    "198.18.0.64/27",
    "192.0.2.0/24",
    "198.51.100.9",
    "203.0.113.128/25",
    "198.18.0.77",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "192.0.0.0/6",
)
RANGES4 = ("198.18.0.2-198.18.0.100", "192.0.2.0-198.51.100.255", "10.0.0.0-192.0.2.4")
NETWORKS6 = ("2001:db8:99::/64", "2001:db8:1::/48", "2001:db8:2::9", "2001:db8::/32", "::/1")
_INTERFACES = ("eth0", "lo", "cont0", "eth*", "e*", "veth7")
MARKS = (0, 1, 2, 3, 16, 255)


class NftRules:
    """One ruleset for ``nft -f``."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._family = chance.choice(("inet", "inet", "ip", "ip6"))
        self._sets: list[str] = []
        self._names = 0

    def text(self) -> str:
        """The whole ruleset; it replaces the one before."""
        tables = ["flush ruleset"]
        for number in range(self._chance.choice((1, 1, 2))):
            self._sets = []
            self._family = self._chance.choice(("inet", "inet", "inet", "ip", "ip6"))
            chains = self._chains()
            body = "\n".join((*self._sets, *chains))
            tables.append(f"table {self._family} t{number} {{\n{body}\n}}")
        return "\n".join(tables) + "\n"

    def _pick(self, *choices: str) -> str:
        return self._chance.choice(choices)

    # -- chains -------------------------------------------------------------------------------

    def _chains(self) -> list[str]:
        chance = self._chance
        subs = [f"sub{number}" for number in range(chance.randrange(3))]
        chains = []
        # A chain may jump to those after it only: a loop doesn't load.
        for number, name in reversed(list(enumerate(subs))):
            rules = self._rules(chance.randrange(1, 4), "sub", subs[number + 1 :])
            chains.append(self._chain(name, rules))
        hooks = [("input", 0)] * chance.choice((1, 1, 2)) + chance.sample(
            [
                ("prerouting", -300),
                ("prerouting", -150),
                ("prerouting", 5),
                ("input", -150),
                ("forward", 0),
                ("output", 0),
                ("output", -150),
                ("postrouting", 0),
                ("postrouting", 100),
                ("prerouting", -100),
                ("output", -100),
                ("input", 50),
                ("ingress", 0),
            ],
            chance.randrange(4),
        )
        for number, (hook, priority) in enumerate(hooks):
            if hook == "ingress" and self._family != "inet":
                continue
            nat = {-100: "nat", 100: "source nat"}.get(priority)
            may_drop = not nat and hook in ("input", "forward")
            policy = self._pick("accept", "drop") if may_drop else "accept"
            if not nat and hook in ("output", "postrouting") and chance.random() < 0.15:
                policy = "drop"
            rules = self._rules(chance.randrange(1, 7), nat or hook, subs if not nat else ())
            if policy == "drop":
                rules.insert(
                    0,
                    self._pick(
                        "ct state established,related accept",
                        "ct state vmap { established : accept, related : accept, invalid : drop }",
                    ),
                )
                rules.append(
                    self._pick(
                        "accept", f"tcp dport {self._ports()} accept", "meta l4proto udp accept"
                    )
                )
            if hook == "input":
                rules.insert(
                    0,
                    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
                    if self._family != "ip"
                    else "ip protocol icmp accept",
                )
            device = ' device "eth0"' if hook == "ingress" else ""
            place = priority + chance.choice((0, 0, 1))
            kind = "nat" if nat else "filter"
            base = f"type {kind} hook {hook}{device} priority {place}; policy {policy};"
            chains.append(self._chain(f"c{number}", [base, *rules]))
        return chains

    @staticmethod
    def _chain(name: str, lines: Sequence[str]) -> str:
        return f"chain {name} {{\n" + "\n".join(lines) + "\n}"

    def _rules(self, count: int, hook: str, subs: Sequence[str]) -> list[str]:
        return [self._rule(hook, subs) for _ in range(count)]

    def _rule(self, hook: str, subs: Sequence[str]) -> str:
        parts = [self._condition(hook) for _ in range(self._chance.choice((0, 1, 1, 2)))]
        return " ".join((*parts, self._action(hook, subs)))

    # -- conditions ---------------------------------------------------------------------------

    def _condition(self, hook: str) -> str:
        options: list[Callable[[], str]] = [
            self._of_port,
            self._of_port,
            self._of_source,
            self._of_source,
            self._of_protocol,
            self._of_interface,
            self._of_mark,
            self._of_kind,
            self._of_pair,
            self._of_destination,
            self._of_flags,
            self._of_named_set,
            self._of_option,
        ]
        if hook != "ingress":
            options += [self._of_state, self._of_state, self._of_connection]
        return self._chance.choice(options)()

    def _port(self) -> str:
        return str(self._chance.choice(PORTS))

    def _ports(self) -> str:
        first = self._chance.choice(PORTS)
        return self._pick(
            self._port(), f"{{ {self._port()}, {first + 1}-{first + 4000} }}",
            f"{first}-{first + 900}", f"!= {self._port()}", f"< {first}", f">= {first}",
            f"!= {{ 22, {self._port()} }}",
        )  # fmt: skip

    def _of_port(self) -> str:
        return f"{self._pick('tcp', 'udp', 'th')} dport {self._ports()}".replace(
            "th dport", "meta l4proto { tcp, udp } th dport"
        )

    def _of_option(self) -> str:
        """What a datagram lacks: nft doesn't print whether the rule is for TCP alone."""
        missing = self._pick("sctp chunk init missing", "sctp chunk data exists")
        name = self._pick("maxseg", "sack-perm", "fastopen")
        there = self._pick("exists", "missing", "missing")
        return self._pick(missing, f"tcp option {name} {there}", "tcp option maxseg size < 9000")

    def _six(self) -> bool:
        return self._family == "ip6" or (self._family == "inet" and self._chance.random() < 0.35)

    def _network(self, six: bool) -> str:
        return self._pick(*(NETWORKS6 if six else (*NETWORKS4, *RANGES4)))

    def _of_source(self) -> str:
        six = self._six()
        some = self._chance.sample(NETWORKS6[1:3] if six else (NETWORKS4[0], *NETWORKS4[3:5]), 2)
        value = self._pick(
            self._network(six),
            f"!= {self._network(six)}",
            f"{{ {', '.join(some)} }}",
            f"!= {{ {', '.join(some)} }}",
        )
        if not six and self._chance.random() < 0.1:
            value = self._pick("& 255.255.255.0 == 198.18.0.0", "& 0.0.0.255 == 0.0.0.77")
        return f"{'ip6' if six else 'ip'} saddr {value}"

    def _of_destination(self) -> str:
        six = self._six()
        address = OWN[six]
        return (
            f"{'ip6' if six else 'ip'} daddr {self._pick(address, '!= ' + address, CONTAINER[six])}"
        )

    def _of_protocol(self) -> str:
        options = [
            "meta l4proto tcp",
            "meta l4proto { tcp, udp }",
            "meta l4proto != udp",
            "meta l4proto icmp",
        ]
        if self._family == "inet":
            options += ["meta nfproto ipv4", "meta nfproto != ipv4", "meta protocol ip6"]
        if self._family != "ip6":
            options += ["ip protocol udp", "ip version 4"]
        return self._pick(*options)

    def _of_interface(self) -> str:
        name = self._pick(*_INTERFACES)
        return self._pick(
            f'iifname "{name}"',
            f'iifname != "{name}"',
            "iif lo",
            "iif != lo",
            f'iifname {{ "lo", "{name if name != "lo" else "cont0"}" }}'
            if "*" not in name
            else "iif lo",
            f'oifname "{name}"',
            f'oifname != "{name}"',
            self._of_trait(),
        )

    def _of_trait(self) -> str:
        """A kind, type or group of an interface."""
        return self._pick(
            'meta iifkind "veth"', 'meta iifkind != "tun"', 'meta oifkind { "veth", "bridge" }',
            "iiftype loopback", "iiftype != { loopback, ppp }", "oiftype ether",
            'iifgroup "default"', "oifgroup != 0", "iifgroup 7",
        )  # fmt: skip

    def _of_mark(self) -> str:
        mark = self._chance.choice(MARKS)
        return self._pick(
            f"meta mark {mark}", f"meta mark != {mark}", f"meta mark & 3 == {mark & 3}",
            "meta mark & 1 != 0", f"meta mark {{ 1-3, {16 + mark} }}",
        )  # fmt: skip

    def _of_kind(self) -> str:
        return (
            self._pick(
                "fib daddr type local",
                "fib daddr type != local",
                "fib daddr type { local, broadcast }",
                "fib daddr . iif type local",
                "fib daddr . iif type != { local, broadcast, multicast }",
                "meta pkttype host",
                "fib saddr . iif oif missing",
                "fib saddr . iif oif exists",
                "fib saddr type != local",
                "fib saddr type local",
            )
            if self._chance.random() < 0.7
            else "meta pkttype host"
        )

    def _of_pair(self) -> str:
        if self._six():
            near = "2001:db8:99::/64 . 1-100"
            return f"ip6 saddr . tcp dport {{ 2001:db8:1::5 . {self._port()}, {near} }}"
        return (
            self._pick(
                f"ip saddr . tcp dport {{ 198.18.0.0/25 . {self._port()}, 192.0.2.5 . 1-100 }}",
                f'iifname . udp dport {{ "eth0" . {self._port()}, "lo" . 53 }}',
                "meta l4proto . th dport { tcp . 22, udp . 53, tcp . 5000-9000 }",
                "ip saddr . ip daddr != { 198.18.0.77 . 198.18.0.1, 192.0.2.5 . 198.18.0.1 }",
            )
            if self._family != "ip6"
            else "meta l4proto . th dport { tcp . 22, udp . 53 }"
        )

    def _of_flags(self) -> str:
        return self._pick(
            "tcp flags & (fin|syn|rst|ack) == syn", "tcp flags syn",
            "tcp flags & (syn|ack) == syn|ack", "tcp flags != syn", "tcp flags ! ack",
            "tcp sport >= 1024", "udp sport 53", "tcp sport 1-1023",
        )  # fmt: skip

    def _of_named_set(self) -> str:
        self._names += 1
        name = f"s{self._names}"
        if self._chance.random() < 0.5:
            self._add_set(name, "inet_service", f"{self._port()}, 2000-4999")
            return f"{self._pick('tcp', 'udp')} dport {self._pick('', '!= ')}@{name}"
        six = self._six()
        networks = f"{self._network(six)}, {self._network(six)}"
        self._add_set(name, "ipv6_addr" if six else "ipv4_addr", networks)
        return f"{'ip6' if six else 'ip'} saddr {self._pick('', '!= ')}@{name}"

    def _add_set(self, name: str, kind: str, elements: str) -> None:
        self._sets.append(
            f"set {name} {{ type {kind}; flags interval; auto-merge; elements = {{ {elements} }} }}"
        )

    def _of_state(self) -> str:
        return self._pick(
            "ct state new", "ct state established,related", "ct state != new",
            "ct state { new, untracked }", "ct state invalid", "ct state untracked",
            "ct state ! established",
        )  # fmt: skip

    def _of_connection(self) -> str:
        return self._pick(
            "ct status dnat", "ct status ! dnat", f"ct mark {self._chance.choice(MARKS)}",
            "ct direction original", "ct mark & 1 == 1", "ct direction reply",
            f"ct mark != {self._chance.choice(MARKS)}",
            f"meta l4proto tcp ct original proto-dst {self._port()}",
            "ct protocol tcp", "ct l3proto ipv4", "ct l3proto ipv6 ct protocol tcp",
            f"ct l3proto ipv4 tcp dport {self._port()}",
        )  # fmt: skip

    # -- actions ------------------------------------------------------------------------------

    def _action(self, hook: str, subs: Sequence[str]) -> str:
        if hook == "nat":
            return self._translation()
        if hook == "source nat":
            six = self._six()
            family = "" if self._family != "inet" else "ip6 " if six else "ip "
            others = "counter", "accept", f"tcp dport {self._port()} drop"
            return self._pick("masquerade", f"snat {family}to {OWN[six]}", *others)
        options = ["accept", "accept", "drop", "drop", "counter accept", 'log prefix "drawn " drop']
        if hook in ("input", "sub"):
            options += ["counter", "accept"]
        if hook in ("input", "forward", "output"):
            options += [
                "reject",
                "meta l4proto tcp reject with tcp reset",
                "reject with icmpx type admin-prohibited",
            ]
        if hook not in ("sub", "ingress"):
            options += ["return"]
        if hook != "ingress":
            mark = self._chance.choice(MARKS)
            options += [
                f"meta mark set {mark}",
                f"meta mark set meta mark | {mark}",
                "ct mark set meta mark",
                "meta mark set ct mark",
                f"ct mark set {mark}",
                "meta mark set meta mark & 1",
                "meta mark set tcp dport map { 22 : 1, 80 : 2 }",
                self._verdict_map(subs),
                self._verdict_map(subs),
                self._remark(),
                self._remark(),
                self._pick(
                    "limit rate 1/minute accept",
                    "limit rate over 5/second drop",
                    "numgen random mod 2 0 drop",
                    "ct count over 3 drop",
                ),
            ]
        if hook == "prerouting":
            options += ["notrack", "tcp dport 80 notrack", "notrack accept"]
        for name in subs:
            options += [f"jump {name}", f"goto {name}", f"jump {name}"]
        return self._pick(*options)

    def _remark(self) -> str:
        """What changes nothing for the rules to come, and ends its own for some packets."""
        self._names += 1
        name = f"o{self._names}"
        options = [
            "ip dscp set cs1",
            "ip6 hoplimit set 60",
            "tcp option maxseg size set 1200",
            "reset tcp option timestamp",
            f"meta priority set tcp dport map {{ {self._port()} : 1:2 }}",
            f'counter name tcp dport map {{ {self._port()} : "{name}" }}',
            f"add @{name} {{ ip saddr timeout 1m }}",
            f"update @{name} {{ ip saddr timeout 1m counter }}",
        ]
        drawn = self._pick(*options)
        if name in drawn and "@" in drawn:
            self._sets.append(f"set {name} {{ type ipv4_addr; flags dynamic,timeout; size 999; }}")
        elif name in drawn:
            self._sets.append(f"counter {name} {{ }}")
        return f"{drawn} {self._pick('accept', 'drop', 'counter')}"

    def _verdict_map(self, subs: Sequence[str]) -> str:
        verdicts = [
            "accept",
            "drop",
            "accept",
            "continue",
            "return",
            *(f"jump {name}" for name in subs),
            *(f"goto {name}" for name in subs),
        ]

        def one() -> str:
            return self._pick(*verdicts)

        options = [
            f"tcp dport vmap {{ {self._chance.choice(PORTS[:4])} : {one()}, 900-6000 : {one()} }}",
            f"meta l4proto vmap {{ tcp : {one()}, udp : {one()} }}",
            f'iifname vmap {{ "eth0" : {one()}, "lo" : accept }}',
            f"ct state vmap {{ new : {one()}, established : {one()} }}",
            f"meta mark vmap {{ 0 : {one()}, 1-5 : {one()} }}",
        ]
        if self._family != "ip6":
            options.append(f"ip saddr vmap {{ 198.18.0.0/25 : {one()}, 192.0.2.5 : {one()} }}")
            pairs = f"198.18.0.77 . tcp : {one()}, 192.0.2.5 . udp : {one()}"
            options.append(f"ip saddr . meta l4proto vmap {{ {pairs} }}")
        if self._chance.random() < 0.25:
            self._names += 1
            name = f"m{self._names}"
            self._sets.append(
                f"map {name} {{ type inet_service : verdict; flags interval; "
                f"elements = {{ 22 : {one()}, 80-443 : {one()}, 5000 : accept }}; }}"
            )
            return f"{self._pick('tcp', 'udp')} dport vmap @{name}"
        return self._pick(*options)

    def _translation(self) -> str:
        port = self._port()
        six = self._six()
        family = "" if self._family != "inet" else "ip6 " if six else "ip "
        address = CONTAINER[six]
        wrapped = f"[{address}]" if six else address
        options = [
            f"tcp dport {self._port()} redirect to :{port}",
            f"udp dport {{ 53, {self._port()} }} redirect to :{port}",
            f"meta l4proto {{ tcp, udp }} redirect to :{port}",
            f"tcp dport {self._ports()} redirect to :{port}",
            f"tcp dport {self._port()} dnat {family}to {wrapped}:{port}",
            f"udp dport {self._port()} dnat {family}to {wrapped}:{port}",
            f"tcp dport {self._port()} dnat {family}to {address}",
            "accept",
            f"{self._of_source()} return",
            "tcp dport 80 drop" if self._chance.random() < 0.3 else "counter",
            "redirect to :tcp dport map { 22 : 80, 1000 : 5000 }",
            f"dnat {family}to tcp dport map {{ 22 : {address}, 443 : {OWN[six]} }}",
        ]
        return self._pick(*options)
