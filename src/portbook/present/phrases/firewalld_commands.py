"""The commands of firewalld that open or close a port, or show what decides."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.origins import Origin
    from portbook.model.reach import RuleText


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
        if is_direct(rule):
            tables = "ip6tables" if rule.where.startswith("ip6 ") else "iptables"
            return f"sudo firewall-cmd --direct --get-all-rules && sudo {tables} -S {name}"
    return None


def is_panic(rules: Sequence[RuleText]) -> bool:
    """Whether firewalld's panic mode decides, which stops both ways: firewall-cmd(1)."""
    return any(" firewalld_policy_drop " in rule.where for rule in rules)


def is_direct(rule: RuleText) -> bool:
    """Whether it stands where firewalld puts direct rules, and whoever uses iptables beside it."""
    name = rule.where.rpartition(" ")[2]
    beside = name in ("INPUT", "FORWARD") or name.endswith("_direct")
    return beside and "firewalld" not in rule.where


_PARTS = ("pre", "log", "deny", "allow", "post")  # chains that a zone or a policy has


# The lowest priorities of rich rules: firewalld.richlanguage(5). What opens stands before what
# closes, and both before whatever else a zone has.
OPENING, CLOSING = -32768, -32767


def in_zones(
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
    name = rule.where.rpartition(" ")[2].removeprefix("filter_").removesuffix("_to_HOST")
    if opens and is_panic([rule]):
        return "sudo firewall-cmd --panic-off"
    if is_direct(rule):
        family = "ipv6" if rule.where.startswith("ip6 ") else "ipv4"
        target = "ACCEPT" if opens else "DROP"
        return (
            f"sudo firewall-cmd --direct --add-rule {family} filter INPUT {OPENING} "
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
        for priority, verb in ((OPENING, "accept"), (CLOSING, "drop"))
    )
    if opens:
        first = part in ("pre", "log", "deny")
        return f"{command}add-{opening}" if first else f"{command}add-port={port}/{transport}"
    closes = f"{command}add-{closing}"
    opened_so = part == "pre" and rule.text.startswith(f"{transport} dport {port} ")
    return f"{command}remove-{opening} && {closes}" if opened_so else closes
