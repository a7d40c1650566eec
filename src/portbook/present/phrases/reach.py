"""From where a port can be reached, in words: for the brief, a column and the page."""

from __future__ import annotations

from portbook.model import Scope
from portbook.model.reach import Outcome
from portbook.present.phrases import filter_words
from portbook.present.words import few

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from portbook.app.origins import Origin
    from portbook.host.firewall.configured import Configured
    from portbook.model import Reachable
    from portbook.model.reach import RuleText

_CELLS = {
    Scope.THIS_MACHINE: "this machine",
    Scope.ANYWHERE: "anywhere",
    Scope.BLOCKED: "blocked",
    Scope.NETWORKS: "networks",
    Scope.UNKNOWN: "?",
}
_ANYWHERE = "anywhere"  # app.origins has it; this module is loaded where that isn't
_ROUTING = "rules of policy routing (ip rule)"
_CANT_TELL = "can't tell: "
UNREAD = "from other machines, unless a firewall blocks it ({why})"
BEYOND = "Not checked: routers and cloud security groups."

NO_MANAGER = "No known firewall manager (ufw, firewalld) is in charge of these rules."

# The more machines may come in, the earlier.
_WIDTHS = (Scope.ANYWHERE, Scope.UNKNOWN, Scope.NETWORKS, Scope.BLOCKED, Scope.THIS_MACHINE)


def widest(reachable: Sequence[Reachable]) -> Reachable:
    """The one of several sockets that lets most machines in."""
    return min(reachable, key=lambda each: _WIDTHS.index(each.scope))


def reach_cell(reachable: Reachable) -> str:
    """What stands in a column.

    >>> from portbook.model import Reachable
    >>> reach_cell(Reachable(Scope.NETWORKS, ("10.0.0.0/24", "fd00::/64")))
    '10.0.0.0/24 +1'
    """
    if reachable.networks and reachable.scope is Scope.NETWORKS:
        first, *others = reachable.networks
        return f"{first} +{len(others)}" if others else first
    return _CELLS[reachable.scope]


def reach_line(reachable: Reachable, *, as_root: bool = True, own: bool = True) -> str:
    """The brief's line, and a page's. Who isn't root sees more *as_root*.

    *own* is whether this machine itself is known to get through.

    >>> from portbook.model import Reachable
    >>> reach_line(Reachable(Scope.BLOCKED, (), ("tcp dport 80 drop",), ("inet t in",), True))
    'from this machine only: a firewall rule blocks the rest (tcp dport 80 drop)'
    """
    rule = f" ({reachable.rules[-1]})" if reachable.rules else ""
    here = "from this machine only" if own else "from no other machine"
    if reachable.scope is Scope.THIS_MACHINE:
        return here
    if reachable.scope is Scope.ANYWHERE:
        if reachable.firewall is False:
            return "from other machines: no firewall rules are in force"
        return f"from other machines: the firewall lets them in{rule}"
    if reachable.scope is Scope.NETWORKS:
        first, *others = reachable.networks or ("some networks",)
        more = f" and {len(others)} more" if others else ""
        return f"from {first}{more} only{rule}"
    if reachable.scope is Scope.BLOCKED:
        whom = "the rest" if own else "them"
        return f"{here}: {'a firewall rule' if rule else 'the firewall'} blocks {whom}{rule}"
    if reachable.not_evaluated:
        return f"{_CANT_TELL}{filter_words(*reachable.not_evaluated[0])} may decide"
    if reachable.firewall is None:
        return UNREAD.format(why="its rules couldn't be read" if as_root else "sudo shows")
    if reachable.firewall is False:
        return f"{_CANT_TELL}it depends on {_ROUTING}"
    return f"{_CANT_TELL}it depends on a firewall rule{rule}"


def reachable_words(
    reachable: Reachable, *, listens: bool = True, as_root: bool = True, own: bool = True
) -> str:
    """The line as the end of a sentence about what listens, or about a server that would.

    >>> from portbook.model import Reachable
    >>> reachable_words(Reachable(Scope.UNKNOWN, (), ("limit accept",), ("inet t in",), True))
    "can't tell from where it can be reached: it depends on a firewall rule (limit accept)"
    """
    line = reach_line(reachable, as_root=as_root, own=own)
    reason = line.removeprefix(_CANT_TELL)
    if reason == line:
        return f"{'' if listens else 'a server on it would be '}reachable {line}"
    place = "it can" if listens else "a server on it could"
    return f"can't tell from where {place} be reached: {reason}"


def let_in(facts: Mapping[str, Any]) -> str:
    """Who gets through the firewall, by a finding's *facts*, and by which rule."""
    scope = facts.get("reach_scope")
    if scope is None:
        return "the firewall wasn't checked"
    if scope == Scope.ANYWHERE:
        if facts.get("firewall") is False:
            return "no firewall rules are in force"
        return f"the firewall lets other machines in{by_rule(facts)}"
    if scope == Scope.NETWORKS:
        networks = few([*map(str, facts.get("reach_networks", ()))])
        return f"it can be reached from {networks}{by_rule(facts)}"
    if scope == Scope.THIS_MACHINE:
        return "no network leads to it now"
    if "not_evaluated" in facts:
        words = filter_words(str(facts["not_evaluated"]), str(facts.get("not_evaluated_name")))
        return f"{words} may let others in or not"
    if "firewall" not in facts:
        return "the firewall's rules couldn't be read"
    if facts["firewall"] is False:
        return f"whether others are answered depends on {_ROUTING}"
    return f"whether the firewall lets others in can't be told{by_rule(facts)}"


def by_rule(facts: Mapping[str, Any]) -> str:
    """The last of the rules that decide, in brackets."""
    rules = facts.get("reach_rules") or ()
    return f" ({rules[-1]})" if rules else ""


def configured_words(configured: Configured, *, as_root: bool = False) -> str:
    """What a firewall's files say, and that nobody knows whether it was loaded."""
    names = {"ufw": "UFW", "firewalld": "firewalld"}
    enabled = {True: "enabled", False: "disabled", None: "set up"}[configured.enabled]
    words = f"{names[configured.tool]} is {enabled} in its files"
    if configured.enabled is not False:  # else none of its rules says anything
        if configured.rules:
            words += f": {'; '.join(configured.rules[:3])}"
        elif configured.rules is not None:
            words += ", without a rule for this port"
        if configured.otherwise:
            words += f"; everything else: {configured.otherwise}"
    loaded = (
        "whether it is loaded isn't known" if as_root else "only root can see whether it is loaded"
    )
    return f"{words} ({configured.source}; {loaded})."


def firewall_command(
    filters: Sequence[str], port: int, transport: str, origins: Sequence[Origin], *, opens: bool
) -> str | None:
    """The command that opens or closes a port with the firewall in charge, the first of *filters*.

    None for what has none, and where the rules send connections on before that firewall is asked:
    what Docker publishes is closed in its own chain, by the port as the client gave it, and what is
    forwarded is opened behind the address that it is sent to. What opens is for everyone: who is
    banned or has an address that can't be stays out.
    """
    rules = [rule for origin in origins for rule in origin.rules]
    if any(each.forwarded for each in origins) or any("DOCKER" in rule.where for rule in rules):
        if not opens and "ufw" in filters[:1] and "docker" not in filters:
            return _for_ufw_route(transport, origins)
        if opens:
            return _opens_both(filters, port, transport, origins)
        if "docker" not in filters:
            return None
        return f"sudo iptables -I DOCKER-USER {_asked_for(port, transport)} -j DROP"
    sent = {each.delivered_to for each in origins} - {None, port}
    if sent or not filters:
        return None
    let_in = [each for each in origins if each.answer is Outcome.OPEN]
    decided = _stopped(origins) if opens else let_in
    port_text = f"{transport} dport {port}"
    if filters[0] == "ufw":
        # ufw puts a new rule behind those that decide now, unless told to go before them all. One
        # that it has for this very port it leaves where it is, and changes it without "prepend":
        # ufw(8). In the rules, that one looks as a rule for the port of every transport does.
        own = [rule.text for rule in rules if "-user-input" in rule.where]
        # What limits is that rule for this port, or another's: both words are needed for either.
        limited = is_limited(origins)
        plain = (f" -p {transport} -m {transport} --dport {port} -j ", f"{port_text} ")
        alike = any(text.startswith(plain[1]) or plain[0] in text for text in own)
        first = "prepend " if own or limited else ""
        command = f"ufw {first}{'allow' if opens else 'deny'} {port}/{transport}"
        again = f" && sudo {command.replace('prepend ', '')}" if alike or limited else ""
        return f"sudo {command}{again}"
    decisive = dict.fromkeys([each.rules[-1] for each in decided if each.rules])
    if filters[0] == "firewalld":
        commands = _in_zones([*decisive], port, transport, opens=opens)
    elif filters[0] == "nftables":
        verdict = "accept" if opens else "drop"
        commands = [
            f"sudo nft insert rule {rule.where} {port_text} {verdict}" if rule.where else None
            for rule in (*decisive,) or rules[-1:]  # a policy decides: where others are stopped
        ]
    elif filters[0] == "iptables":
        target = "ACCEPT" if opens else "DROP"
        commands = [
            f"sudo {_tables_of(each)} -I INPUT -p {transport} --dport {port} -j {target}"
            for each in decided
        ]
    else:
        return None
    known = dict.fromkeys([each for each in commands if each is not None])
    return " && ".join(known) if known and None not in commands else None


def _stopped(origins: Sequence[Origin]) -> list[Origin]:
    """Those that are not let in: whoever is from nowhere else, where rules decide about them."""
    stopped = [each for each in origins if each.answer is not Outcome.OPEN]
    return [each for each in stopped if each.source == _ANYWHERE and each.rules] or stopped


def _asked_for(port: int, transport: str) -> str:
    """What iptables tells connections by once NAT has sent them on: the port they were made to."""
    return f"-p {transport} -m conntrack --ctorigdstport {port} --ctdir ORIGINAL"


def _opens_both(
    filters: Sequence[str], port: int, transport: str, origins: Sequence[Origin]
) -> str | None:
    """What opens a port that is sent on, and what one that isn't for another family."""
    sent = [each for each in origins if each.forwarded]
    rest = [each for each in origins if not each.forwarded and each.rules]
    if not sent:
        return None
    commands = [_opens_forwarded(filters, port, transport, _stopped(sent))]
    if rest:
        commands.append(firewall_command(filters, port, transport, rest, opens=True))
    known = [each for each in commands if each is not None]
    return " && ".join(known) if known == commands else None


def _opens_forwarded(
    filters: Sequence[str], port: int, transport: str, stopped: Sequence[Origin]
) -> str | None:
    """What opens a port that is sent on, where it is *stopped*; None where that isn't known."""
    commands: dict[str, None] = {}
    for each in stopped:
        where = each.rules[-1].where if each.rules else ""
        chain, tables = where.rpartition(" ")[2], _tables_of(each)
        to = each.delivered_address
        if chain == "DOCKER-USER" and "docker" in filters:
            command = f"{tables} -I {chain} {_asked_for(port, transport)} -j RETURN"
        elif to is None or each.delivered_to is None:
            return None
        elif filters[0] == "ufw" and (chain == "FORWARD" or chain.startswith("ufw")):
            first = "prepend " if "-user-forward" in chain else ""
            command = f"ufw route {first}allow proto {transport} from any to {to} "
            command += f"port {each.delivered_to}"
        elif filters[0] == "nftables" and where:
            family = "ip6" if each.family == "ipv6" else "ip"
            command = f"nft insert rule {where} {family} daddr {to} {transport} dport "
            command += f"{each.delivered_to} accept"
        elif filters[0] == "iptables" and " filter " in where:
            command = f"{tables} -I FORWARD -d {to} -p {transport} "
            command += f"--dport {each.delivered_to} -j ACCEPT"
        elif filters[0] == "firewalld" and " filter " in where and _is_direct(each.rules[-1]):
            family = "ipv6" if each.family == "ipv6" else "ipv4"
            command = f"firewall-cmd --direct --add-rule {family} filter FORWARD {_OPENING} "
            command += f"-d {to} -p {transport} --dport {each.delivered_to} -j ACCEPT"
        else:
            return None
        commands[f"sudo {command}"] = None
    return " && ".join(commands) or None


def _tables_of(origin: Origin) -> str:
    return "ip6tables" if origin.family == "ipv6" else "iptables"


def _for_ufw_route(transport: str, origins: Sequence[Origin]) -> str | None:
    """What closes a port that is forwarded, where UFW's own rules for routes let it through."""
    open_ones = [each for each in origins if each.forwarded and each.answer is Outcome.OPEN]
    ends = {(each.delivered_address, each.delivered_to) for each in open_ones}
    ours = all(each.rules and "-user-forward" in each.rules[-1].where for each in open_ones)
    straight = any(each.answer is Outcome.OPEN and not each.forwarded for each in origins)
    if not ours or straight or len(ends) != 1:
        return None
    ((address, port),) = ends
    return f"sudo ufw route prepend deny proto {transport} from any to {address} port {port}"


def is_limited(origins: Sequence[Origin]) -> bool:
    """Whether ``ufw limit`` decides: it lets in whoever doesn't come too often."""
    return any("-user-limit" in rule.where for origin in origins for rule in origin.rules)


def firewall_question(filters: Sequence[str], origins: Sequence[Origin]) -> str | None:
    """The command that shows what decides in firewalld, where no zone does; else None.

    A policy and a direct rule stand in no zone: firewalld.policies(5), firewalld.direct(5).
    """
    decisive = [origin.rules[-1] for origin in origins if origin.rules]
    for rule in decisive if filters[:1] == ("firewalld",) else ():
        name = rule.where.rpartition(" ")[2].removeprefix("filter_")
        if name.startswith("IN_policy_"):
            policy, _, part = name.removeprefix("IN_policy_").rpartition("_")
            return f"sudo firewall-cmd --info-policy={policy if part in _PARTS else name[10:]}"
        if _is_direct(rule):
            tables = "ip6tables" if rule.where.startswith("ip6 ") else "iptables"
            return f"sudo firewall-cmd --direct --get-all-rules && sudo {tables} -S {name}"
    return None


def _is_direct(rule: RuleText) -> bool:
    """Whether it stands where firewalld puts direct rules, and whoever uses iptables beside it."""
    name = rule.where.rpartition(" ")[2]
    beside = name in ("INPUT", "FORWARD") or name.endswith("_direct")
    return beside and "firewalld" not in rule.where


_PARTS = ("pre", "log", "deny", "allow", "post")  # chains that a zone or a policy has


# The lowest priorities of rich rules: firewalld.richlanguage(5). What opens stands before what
# closes, and both before whatever else a zone has.
_OPENING, _CLOSING = -32768, -32767


def _in_zones(
    rules: Sequence[RuleText], port: int, transport: str, *, opens: bool
) -> list[str | None]:
    """The command for each of *rules*, once a zone: a rich rule lets in all that a port would."""
    commands = [_for_firewalld(rule, port, transport, opens=opens) for rule in rules]
    rich, bare = "add-rich-rule=", "add-port="
    opened = [each.partition(rich)[0] for each in commands if each is not None and rich in each]
    return [
        each
        for each in commands
        if each is None or bare not in each or each.partition(bare)[0] not in opened
    ]


def _for_firewalld(rule: RuleText, port: int, transport: str, *, opens: bool) -> str | None:
    """What opens or closes a port in the zone or policy in whose chain *rule* decides.

    A service, a range, a rich rule and the zone's own target may open a port too: removing it from
    the zone's ports would close nothing then. Before direct rules stands another one.
    """
    name = rule.where.rpartition(" ")[2].removeprefix("filter_")
    if _is_direct(rule):
        family = "ipv6" if rule.where.startswith("ip6 ") else "ipv4"
        target = "ACCEPT" if opens else "DROP"
        return (
            f"sudo firewall-cmd --direct --add-rule {family} filter INPUT {_OPENING} "
            f"-p {transport} --dport {port} -j {target}"
        )
    if not name.startswith("IN_"):
        return None
    kind = "policy" if name.startswith("IN_policy_") else "zone"
    zone, part = name.removeprefix("IN_policy_" if kind == "policy" else "IN_"), ""
    for ending in _PARTS:
        if zone.endswith(f"_{ending}"):
            zone, part = zone.removesuffix(f"_{ending}"), ending
    command = f"sudo firewall-cmd --{kind}={zone} --"
    opening, closing = (
        f"rich-rule='rule priority={priority} port port={port} protocol={transport} {verb}'"
        for priority, verb in ((_OPENING, "accept"), (_CLOSING, "drop"))
    )
    if opens:
        first = part in ("pre", "log", "deny")
        return f"{command}add-{opening}" if first else f"{command}add-port={port}/{transport}"
    closes = f"{command}add-{closing}"
    opened_so = part == "pre" and rule.text.startswith(f"{transport} dport {port} ")
    return f"{command}remove-{opening} && {closes}" if opened_so else closes
