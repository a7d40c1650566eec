"""What ``iptables-save`` and ``ip6tables-save`` print, as tables and rules. Pure.

The form is that of iptables-save(8), the words those of iptables(8) and iptables-extensions(8).

>>> text = '''*filter
... :INPUT DROP [0:0]
... -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
... COMMIT
... '''
>>> chain = parse_iptables(text, "ip")[0].chains["INPUT"]
>>> chain.policy, chain.hook.priority, chain.rules[0].text.where
('drop', 0, 'ip filter INPUT')
"""

from __future__ import annotations

from portbook.errors import MalformedInput
from portbook.host.firewall.iptables_matches import Matches, address_span, number_span, split_mask
from portbook.host.firewall.iptables_words import options, words_of
from portbook.host.firewall.values import (
    Assign,
    Bits,
    Chain,
    Field,
    Hook,
    NoTrack,
    Rule,
    Table,
    Translate,
    Unclear,
    Verdict,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# linux/netfilter_ipv4.h, enum nf_ip_hook_priorities; iptables(8) says which table has which chains.
_HOOKS = {
    "raw": {"PREROUTING": -300, "OUTPUT": -300},
    "mangle": dict.fromkeys(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"), -150),
    "nat": {"PREROUTING": -100, "INPUT": 100, "OUTPUT": -100, "POSTROUTING": 100},
    "filter": dict.fromkeys(("INPUT", "FORWARD", "OUTPUT"), 0),
    "security": dict.fromkeys(("INPUT", "FORWARD", "OUTPUT"), 50),
}
_EVERYTHING = 0xFFFFFFFF
# Targets that change nothing that is followed here.
_REMARKS = (
    "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "SET", "IDLETIMER", "LED", "RATEEST", "SECMARK",
    "CONNSECMARK", "CLASSIFY", "TOS", "DSCP", "ECN", "TTL", "HL", "TCPMSS", "TCPOPTSTRIP",
    "CHECKSUM",
)  # fmt: skip
_VERDICTS = {
    "ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return", "QUEUE": "queue",
    "NFQUEUE": "queue",
}  # fmt: skip


def parse_iptables(text: str, family: str) -> list[Table]:
    """The tables in *text*; *family* is ``ip`` for iptables and ``ip6`` for ip6tables.

    Raises MalformedInput for text in another form, and for one that is cut off.
    """
    tables: list[Table] = []
    table: Table | None = None
    for line in text.split("\n"):
        if line[:1] in ("", "#"):
            continue
        if line.startswith("*"):
            if table is not None:
                raise MalformedInput("iptables-save's output is cut off")
            table = Table(family, line[1:].strip(), "ip6tables" if family == "ip6" else "iptables")
            tables.append(table)
        elif table is None:
            raise MalformedInput("iptables-save's output isn't a ruleset")
        elif line.strip() == "COMMIT":
            table = None
        elif line.startswith(":"):
            _chain(table, line)
        else:
            _rule(table, line)
    if table is not None:
        raise MalformedInput("iptables-save's output is cut off")
    return tables


def _chain(table: Table, line: str) -> None:
    name, _, rest = line[1:].partition(" ")
    priority = _HOOKS.get(table.name, {}).get(name)
    hook = None
    if priority is not None:
        kind = "nat" if table.name == "nat" else "filter"
        if (table.name, name) == ("mangle", "OUTPUT"):
            kind = "route"  # what it gives another mark is routed anew (iptable_mangle.c)
        hook = Hook(name.lower(), priority, kind)
    policy = "drop" if rest.startswith("DROP") else "accept"
    table.chains[name] = Chain(f"{table.family} {table.name} {name}", hook, policy)


def _rule(table: Table, line: str) -> None:
    # Counters, as "iptables-save -c" prints them, come first.
    start = line.partition("] ")[2] if line.startswith("[") else line
    head, _, rest = start.partition(" ")
    name = rest.partition(" ")[0]
    if head not in ("-A", "--append") or not name:
        raise MalformedInput("iptables-save's output isn't a ruleset")
    chain = table.chains.get(name)
    if chain is None:
        raise MalformedInput(f"it has no chain {name}")
    body = rest[len(name) :]
    chain.rules.append(IptablesRule(start, chain.where, body, table))


class IptablesRule(Rule):
    """A rule of iptables or ip6tables."""

    __slots__ = ("_parts",)
    tool = "iptables"

    def __init__(self, line: str, where: str, body: str, table: Table) -> None:
        super().__init__(lambda: line, where, (each for each, _ in _told(body, table, line)))
        self._parts = body, table, line

    def told(self) -> Iterator[tuple[object, str]]:
        """As :meth:`Rule.told`."""
        for statement, words in _told(*self._parts):
            yield statement, " ".join(words)


def _told(body: str, table: Table, line: str) -> Iterator[tuple[object, list[str]]]:
    """The statements of one rule, and the words of each."""
    try:
        matches = Matches(table.family)
        target, goals = "", {}
        going = False
        for negated, option, values in options(words_of(body)):
            if target:
                goals[option] = values[0] if values else ""
            elif option in ("-j", "--jump", "-g", "--goto"):
                target, going = values[0] if values else "", option in ("-g", "--goto")
            else:
                matches.add(negated, option, values)
        action = _action(target, goals, table, going)
    except (MalformedInput, ValueError, LookupError):
        yield Unclear(line), [line]
        return
    yield from matches.told()
    if action is not None:
        yield Unclear(line) if action is Unclear else action, [line]


def _action(target: str, goals: dict[str, str], table: Table, going: bool) -> object:
    """What a target does: a statement, None for nothing, Unclear for what isn't known."""
    if not target or target in _REMARKS:
        return None
    if target in table.chains:
        return Verdict("goto" if going else "jump", target)
    if target in _VERDICTS:
        return Verdict(_VERDICTS[target])
    if target in ("SNAT", "MASQUERADE"):
        return Verdict("accept", "source")
    if target in ("MARK", "CONNMARK"):
        return _mark(target, goals)
    if target in ("CT", "NOTRACK"):
        return NoTrack() if target == "NOTRACK" or "--notrack" in goals else None
    if target in ("DNAT", "REDIRECT", "NETMAP"):
        return _translation(target, goals, "ipv6" if table.family == "ip6" else "ipv4")
    return Unclear


def _mark(target: str, goals: dict[str, str]) -> object:
    own, other = Field("mark"), Field("ctmark")
    if "--save-mark" in goals or "--restore-mark" in goals:
        kept, read = int(goals.get("--nfmask", "-1"), 0), int(goals.get("--ctmask", "-1"), 0)
        saves = "--save-mark" in goals
        source, mask, whole = (own, kept, read) if saves else (other, read, kept)
        name = "ctmark" if saves else "mark"
        if whole & _EVERYTHING != _EVERYTHING:
            return Assign(name, None)
        return Assign(name, Bits(source, mask & _EVERYTHING, 0))
    for option in ("--set-xmark", "--set-mark"):
        if option in goals:
            value, mask = split_mask(goals[option])
            if option == "--set-mark":
                mask |= value
            field = own if target == "MARK" else other
            return Assign(field.name, Bits(field, _EVERYTHING & ~mask, value))
    return Unclear


def _translation(target: str, goals: dict[str, str], family: str) -> object:
    if set(goals) - {
        "--to-destination", "--to-ports", "--to", "--random", "--random-fully", "--persistent",
    }:  # fmt: skip
        return Unclear
    if target == "NETMAP":
        network = _network(goals["--to"], family) if goals.get("--to") else None
        return Translate(False, network, None, family, shifted=True)
    if target == "REDIRECT":
        ports = goals.get("--to-ports")
        return Translate(True, None, None if ports is None else number_span(ports, "-"), family)
    goal = goals["--to-destination"] if goals.get("--to-destination") else ""
    if goal.startswith("["):
        address, _, port = goal[1:].partition("]")
        port = port.removeprefix(":")
    elif goal.count(":") > 1:  # IPv6 without a port
        address, port = goal, ""
    else:
        address, _, port = goal.partition(":")
    if not address and not port:
        return Unclear
    shifted = "/" in port  # "1000-1010/8000" shifts a range: port 8000 becomes 1000 and so on
    span = number_span(port.partition("/")[0], "-") if port else None
    where = address_span(address) if address else None
    return Translate(False, where, span, family, shifted)


def _network(text: str, family: str) -> tuple[int, int]:
    """``10.0.0.0/24`` as an interval of addresses. Raises ValueError."""
    address, slash, length = text.partition("/")
    first, last = address_span(address)
    width = 128 if family == "ipv6" else 32
    rest = (1 << width - int(length)) - 1 if slash else 0
    return first & ~rest, last | rest
