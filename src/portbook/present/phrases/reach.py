"""From where a port can be reached, in words: for the brief, a column and the page."""

from __future__ import annotations

from portbook.app.origins import ANYWHERE, THIS_MACHINE, Barrier
from portbook.model import Scope
from portbook.model.reach import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.origins import Origin
    from portbook.host.firewall.configured import Configured
    from portbook.model import Reachable
    from portbook.model.reach import RuleText

_CELLS = {
    Scope.THIS_MACHINE: "this machine",
    Scope.ANYWHERE: "anywhere",
    Scope.BLOCKED: "blocked",
    Scope.UNKNOWN: "?",
}
UNREAD = "from other machines, unless a firewall blocks it (sudo shows)"
BEYOND = "A router or a cloud's security group may block it too: those lie beyond this machine."

_BARRIERS = {
    Barrier.LOOPBACK: "no: bound to loopback",
    Barrier.NOT_HERE: "no: no interface has the bound address",
    Barrier.DOWN: "no: the interface is down",
    Barrier.NO_ADDRESS: "no: this machine has no such address in a network",
    Barrier.NO_ROUTE: "no: answers have no route there",
    Barrier.STRICT_SOURCE: "no: rp_filter drops it, answers would leave by another interface",
}
_ANSWERS = {
    Outcome.OPEN: "yes",
    Outcome.DROPPED: "no: dropped",
    Outcome.REJECTED: "no: rejected",
    Outcome.UNKNOWN: "can't tell",
}


def reach_cell(reachable: Reachable) -> str:
    """What stands in a column.

    >>> from portbook.model import Reachable
    >>> reach_cell(Reachable(Scope.NETWORKS, ("10.0.0.0/24", "fd00::/64")))
    '10.0.0.0/24 +1'
    """
    if reachable.scope is Scope.NETWORKS:
        first, *others = reachable.networks
        return f"{first} +{len(others)}" if others else first
    return _CELLS[reachable.scope]


def reach_line(reachable: Reachable) -> str:
    """The brief's line, and a page's.

    >>> from portbook.model import Reachable
    >>> reach_line(Reachable(Scope.BLOCKED, (), (("tcp dport 80 drop", "inet t in"),), True))
    'from this machine only: a firewall rule blocks the rest (tcp dport 80 drop)'
    """
    rule = f" ({reachable.rules[-1][0]})" if reachable.rules else ""
    if reachable.scope is Scope.THIS_MACHINE:
        return "from this machine only"
    if reachable.scope is Scope.ANYWHERE:
        if reachable.firewall is False:
            return "from other machines: no firewall rules are in force"
        return f"from other machines: the firewall lets them in{rule}"
    if reachable.scope is Scope.NETWORKS:
        first, *others = reachable.networks
        more = f" and {len(others)} more" if others else ""
        return f"from {first}{more} only{rule}"
    if reachable.scope is Scope.BLOCKED:
        why = f"a firewall rule blocks the rest{rule}" if rule else "the firewall blocks the rest"
        return f"from this machine only: {why}"
    if reachable.firewall is None:
        return UNREAD
    return f"can't tell: it depends on a firewall rule{rule}"


def answer_words(origin: Origin) -> str:
    """What becomes of connections from *origin*, and the rule that decides."""
    if origin.barrier is not None:
        return _BARRIERS[origin.barrier]
    words = _ANSWERS[origin.answer]
    if origin.delivered_address is not None and origin.answer is Outcome.OPEN:
        words += f", by {origin.delivered_address}:{origin.delivered_to}"
    if origin.rules:
        words += f" ({cited(origin.rules[-1])})"
    if origin.later:
        words += f"; then stopped by {cited(origin.later[0])}"
    if origin.source_ports:
        words += f"; other source ports: {cited(origin.source_ports[0])}"
    return words


def source_words(origin: Origin) -> str:
    """Where connections come from, and through which interface."""
    if origin.source == THIS_MACHINE:
        return "this machine"
    place = "anywhere else" if origin.source == ANYWHERE else origin.source
    return place if origin.interface is None else f"{place} ({origin.interface})"


def cited(rule: RuleText) -> str:
    """A rule and where it stands."""
    return f"{rule.text} in {rule.where}" if rule.where else rule.text


def configured_words(configured: Configured) -> str:
    """What a firewall's files say, and that nobody knows whether it was loaded."""
    names = {"ufw": "UFW", "firewalld": "firewalld"}
    enabled = {True: "enabled", False: "disabled", None: "set up"}[configured.enabled]
    words = f"{names[configured.tool]} is {enabled} in its files"
    if configured.rules:
        words += f": {'; '.join(configured.rules[:3])}"
    elif configured.rules is not None:
        words += ", without a rule for this port"
    if configured.otherwise:
        words += f"; everything else: {configured.otherwise}"
    return f"{words} ({configured.source}; whether it is loaded, only root can see)."


def closing(tool: str, port: int, transport: str, rules: Sequence[RuleText]) -> str | None:
    """The command that closes the port with the firewall in charge; None for what has none."""
    return _command(tool, port, transport, rules, opens=False)


def opening(tool: str, port: int, transport: str, rules: Sequence[RuleText]) -> str | None:
    """The command that opens the port with the firewall in charge; None for what has none."""
    return _command(tool, port, transport, rules, opens=True)


def _command(
    tool: str, port: int, transport: str, rules: Sequence[RuleText], *, opens: bool
) -> str | None:
    if tool == "ufw":
        return f"sudo ufw {'allow' if opens else 'deny'} {port}/{transport}"
    if tool == "firewalld":
        return f"sudo firewall-cmd --{'add' if opens else 'remove'}-port={port}/{transport}"
    if tool == "nftables" and rules and rules[-1].where:
        verdict = "accept" if opens else "drop"
        return f"sudo nft insert rule {rules[-1].where} {transport} dport {port} {verdict}"
    if tool == "iptables":
        target = "ACCEPT" if opens else "DROP"
        return f"sudo iptables -I INPUT -p {transport} --dport {port} -j {target}"
    return None
