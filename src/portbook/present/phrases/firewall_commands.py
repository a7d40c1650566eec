"""The commands of the firewall in charge that open or close a port: printed, and never run."""

from __future__ import annotations

from portbook.model.reach import Outcome
from portbook.present.phrases.firewalld_commands import (
    CLOSING,
    OPENING,
    in_zones,
    is_direct,
    is_panic,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from portbook.app.origins import Origin
    from portbook.model.reach import RuleText

_ANYWHERE = "anywhere"  # app.origins has it; this module is loaded where that isn't


def firewall_command(
    filters: Sequence[str],
    port: int,
    transport: str,
    origins: Sequence[Origin],
    *,
    opens: bool,
    legacy: Collection[str] = (),
) -> str | None:
    """The command that opens or closes a port with the firewall in charge, the first of *filters*.

    None for what has none. Where rules send connections on before that firewall is asked, what
    Docker publishes is closed in its own chain, by the port as the client gave it, and the rest on
    its way, by the address that it is sent to. What opens is for everyone: who is banned or has an
    address that can't be stays out. Of *origins*, some may be what others come to next: each has
    its command. *legacy* are tables of iptables-legacy, as ``ip filter``: nft can't change them.
    """
    beside = [each for each in origins if _stands_beside(each, filters)] if opens else []
    if beside:
        rest = [each for each in origins if each not in beside]
        nft = ("nftables",)
        both = [firewall_command(nft, port, transport, beside, opens=True, legacy=legacy)]
        if any(each.answer is not Outcome.OPEN and each.rules for each in rest):
            own = firewall_command(filters, port, transport, rest, opens=True, legacy=legacy)
            both.append(own)
        given = [each for each in both if each is not None]
        return " && ".join(given) if given == both else None
    sent = [each for each in origins if _is_sent_on(each, port)]
    if not sent:
        return _command_here(filters, port, transport, origins, opens=opens, legacy=legacy)
    rest = [each for each in origins if each not in sent]
    commands: list[str | None] = []
    if opens:
        rest = [each for each in rest if each.rules]
        if not all(each.forwarded for each in sent):
            return None  # a redirect's: the port that rules ask for then isn't known
        commands.append(_opens_forwarded(filters, port, transport, _stopped(sent), legacy))
    else:
        sent = [each for each in sent if each.answer is Outcome.OPEN]
        if sent:
            commands.append(_closes_forwarded(filters, port, transport, sent, legacy))
        if not any(each.answer is Outcome.OPEN for each in rest) and not is_limited(rest):
            rest = []
        elif sent and [*filters] == ["nftables"] and any(_is_unruled(each) for each in rest):
            # Before any translation it holds for those who are sent on and for the rest.
            return f"sudo nft '{_BEFORE_NAT} {transport} dport {port} drop'"
    if rest:
        here = _command_here(filters, port, transport, rest, opens=opens, legacy=legacy)
        commands.append(here)
    known = [each for each in commands if each is not None]
    return " && ".join(known) if known and known == commands else None


def _stands_beside(origin: Origin, filters: Sequence[str]) -> bool:
    """Whether a rule of nft's own decides, in a table that the firewall in charge hasn't made."""
    managed = filters and filters[0] in ("ufw", "firewalld", "iptables")
    if not managed or not origin.rules or origin.answer is Outcome.OPEN:
        return False
    family, table = (*origin.rules[-1].where.split(" "), "", "")[:2]
    if table.startswith(("firewalld", "docker")):
        return False
    return family in ("inet", "netdev") or (family in ("ip", "ip6") and table not in _IPTABLES)


_IPTABLES = ("raw", "mangle", "nat", "filter", "security")  # its tables: iptables(8)


def _way(condition: str, back: bool) -> str:
    """A condition on connections, or on their answers on the way *back*."""
    return condition.replace("dport ", "sport ") if back else condition


def _of_iptables(
    origin: Origin, port: int, transport: str, legacy: Collection[str], *, opens: bool
) -> str:
    """Its rule for one family: before all others, in the table and on the way that decides."""
    back = opens and origin.unanswered
    table, chain = "", "OUTPUT" if back else "INPUT"
    if opens and origin.rules and not _in_filter(origin.rules[-1]):
        _, name, chain = origin.rules[-1].where.split(" ")
        table = f"-t {name} "
    condition = _way(f"-p {transport} --dport {port}", back)
    target = "ACCEPT" if opens else "DROP"
    return f"sudo {_tables_of(origin, legacy)} {table}-I {chain} {condition} -j {target}"


def _in_filter(rule: RuleText) -> bool:
    """Whether it stands in the table that ufw and iptables fill, if no other is named."""
    return rule.where.split(" ")[1:2] in ([], ["filter"])


_OWN_CHAIN = (
    "add table inet portbook; "
    "add chain inet portbook input { type filter hook input priority 0; }; "
    "insert rule inet portbook input"
)


_BEFORE_NAT = (
    "add table inet portbook; "
    "add chain inet portbook prerouting { type filter hook prerouting priority -300; }; "
    "insert rule inet portbook prerouting fib daddr type local"
)


def _is_unruled(origin: Origin) -> bool:
    return origin.answer is Outcome.OPEN and not origin.rules


def _is_sent_on(origin: Origin, port: int) -> bool:
    """Whether it goes to another machine or port, or through Docker's chains."""
    return (
        origin.forwarded
        or origin.delivered_to not in (None, port)
        or any("DOCKER" in rule.where or _translates(rule.text) for rule in origin.rules)
    )


def _command_here(
    filters: Sequence[str],
    port: int,
    transport: str,
    origins: Sequence[Origin],
    *,
    opens: bool,
    legacy: Collection[str],
) -> str | None:
    """What opens or closes a port of this machine itself."""
    rules = [rule for origin in origins for rule in origin.rules]
    if not filters:
        return None
    let_in = [each for each in origins if each.answer is Outcome.OPEN]
    decided = _stopped(origins) if opens else let_in
    unanswered = any(each.unanswered and not is_panic(each.rules[-1:]) for each in decided)
    if opens and filters[0] in ("ufw", "firewalld") and unanswered:
        return None  # what they let in would still get no answer
    port_text = f"{transport} dport {port}"
    if filters[0] == "ufw":
        if opens and any(each.rules and not _in_filter(each.rules[-1]) for each in decided):
            return None
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
        commands = in_zones([*decisive], port, transport, opens=opens)
    elif filters[0] == "nftables":
        verdict = "accept" if opens else "drop"
        older = [each for each in decided if each.rules and _is_legacy(each, legacy)]
        places = dict.fromkeys(
            [
                (each.rules[-1], each.unanswered)
                for each in decided
                if each.rules and each not in older
            ]
        )
        commands = [_of_iptables(each, port, transport, legacy, opens=opens) for each in older]
        commands += [
            f"sudo nft insert rule {rule.where} {_way(port_text, back)} {verdict}"
            if rule.where
            else None
            for rule, back in places
        ]
        if not opens and not all(each.rules for each in decided):
            # No rule asks about some of them: none is known that they would all meet.
            commands = [f"sudo nft '{_OWN_CHAIN} {port_text} drop'"]
    elif filters[0] == "iptables":
        commands = [_of_iptables(each, port, transport, legacy, opens=opens) for each in decided]
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


def _opens_forwarded(
    filters: Sequence[str],
    port: int,
    transport: str,
    stopped: Sequence[Origin],
    legacy: Collection[str],
) -> str | None:
    """What opens a port that is sent on, where it is *stopped*; None where that isn't known."""
    commands: dict[str, None] = {}
    for each in stopped:
        where = each.rules[-1].where if each.rules else ""
        chain, tables = where.rpartition(" ")[2], _tables_of(each, legacy)
        older = _is_legacy(each, legacy)
        to = each.delivered_address
        if chain == "DOCKER-USER" and "docker" in filters:
            command = f"{tables} -I {chain} {_asked_for(port, transport)} -j RETURN"
        elif to is None or each.delivered_to is None:
            return None
        elif filters[0] == "ufw" and (chain == "FORWARD" or chain.startswith("ufw")):
            command = _ufw_route("allow", transport, each)
        elif filters[0] == "nftables" and where and not older:
            family = "ip6" if each.family == "ipv6" else "ip"
            command = f"nft insert rule {where} {family} daddr {to} {transport} dport "
            command += f"{each.delivered_to} accept"
        elif (filters[0] == "iptables" or older) and " filter " in where:
            command = f"{tables} -I FORWARD -d {to} -p {transport} "
            command += f"--dport {each.delivered_to} -j ACCEPT"
        elif filters[0] == "firewalld" and " filter " in where and is_direct(each.rules[-1]):
            command = f"firewall-cmd --direct --add-rule {_ip(each)} filter FORWARD {OPENING} "
            command += f"-d {to} -p {transport} --dport {each.delivered_to} -j ACCEPT"
        elif filters[0] == "firewalld" and chain.endswith("FORWARD_dnat"):
            # StrictForwardPorts: only ports that firewalld forwards itself pass, from any zone.
            command = f"firewall-cmd --add-forward-port=port={port}:proto={transport}:"
            command += f"toport={each.delivered_to}:toaddr={to}"
        else:
            return None
        commands[f"sudo {command}"] = None
    return " && ".join(commands) or None


def _tables_of(origin: Origin, legacy: Collection[str]) -> str:
    tables = "ip6tables" if origin.family == "ipv6" else "iptables"
    return f"{tables}-legacy" if _is_legacy(origin, legacy) else tables


def _is_legacy(origin: Origin, legacy: Collection[str]) -> bool:
    """Whether the rule that decides stands in one of those tables."""
    return bool(origin.rules) and origin.rules[-1].where.rpartition(" ")[0] in legacy


def _ip(origin: Origin) -> str:
    return "ipv6" if origin.family == "ipv6" else "ipv4"


def _ufw_route(verb: str, transport: str, origin: Origin) -> str:
    """UFW's rule for what is forwarded, before those that it has; see *again* in _command_here."""
    rule = f"{verb} proto {transport} from any to {origin.delivered_address} "
    rule += f"port {origin.delivered_to}"
    text, where = (origin.rules[-1].text, origin.rules[-1].where) if origin.rules else ("", "")
    if "-user-forward" not in where:
        return f"ufw route {rule}"
    alike = f"{origin.delivered_address}" in text and f"dport {origin.delivered_to} " in text
    again = f" && sudo ufw route {rule}" if alike else ""
    return f"ufw route prepend {rule}{again}"


def _translates(rule: str) -> bool:
    """Whether a rule sends packets on; "ct status dnat" only asks whether one did."""
    return any(word in f" {rule} " for word in _TRANSLATIONS)


_TRANSLATIONS = (
    " dnat to ", " dnat ip ", " dnat ip6 ", " redirect ", "-j DNAT ", "-j REDIRECT ", "-j NETMAP ",
)  # fmt: skip


def _closes_forwarded(
    filters: Sequence[str],
    port: int,
    transport: str,
    let_in: Sequence[Origin],
    legacy: Collection[str],
) -> str | None:
    """What closes a port that is sent on, for those who are *let_in*; None where it isn't known."""
    commands: dict[str, None] = {}
    for each in let_in:
        where = each.rules[-1].where if each.rules else ""
        known = each.delivered_to is not None
        way, asked = "FORWARD" if each.forwarded else "INPUT", _asked_for(port, transport)
        sends = [rule for rule in each.rules if _translates(rule.text)]
        if (
            "docker" in filters
            and each.forwarded
            and (not each.rules or any("DOCKER" in rule.where for rule in each.rules))
        ):
            command = f"{_tables_of(each, legacy)} -I DOCKER-USER {asked} -j DROP"
        elif filters[0] == "ufw" and "-user-forward" in where:
            command = _ufw_route("deny", transport, each)
        elif known and (filters[0] == "iptables" or _is_legacy(each, legacy)):
            command = f"{_tables_of(each, legacy)} -I {way} {asked} -j DROP"
        elif filters[0] == "firewalld" and known:
            # A drop of iptables' holds, whatever firewalld's own chains let in.
            command = f"firewall-cmd --direct --add-rule {_ip(each)} filter {way} {CLOSING} "
            command += f"{asked} -j DROP"
        elif filters[0] == "nftables" and where and each.forwarded and each.rules[-1] not in sends:
            family = "ip6" if each.family == "ipv6" else "ip"
            command = f"nft insert rule {where} {family} daddr {each.delivered_address} "
            command += f"{transport} dport {each.delivered_to} drop"
        elif filters[0] == "nftables" and sends:
            # Of several that may send it on, each has its own chain.
            places = dict.fromkeys([rule.where for rule in sends])
            condition = f"{transport} dport {port}"
            command = " && sudo ".join(
                [f"nft insert rule {place} {condition} drop" for place in places]
            )
        else:
            return None
        commands[f"sudo {command}"] = None
    return " && ".join(commands)


def is_limited(origins: Sequence[Origin]) -> bool:
    """Whether ``ufw limit`` decides: it lets in whoever doesn't come too often."""
    return any("-user-limit" in rule.where for origin in origins for rule in origin.rules)
