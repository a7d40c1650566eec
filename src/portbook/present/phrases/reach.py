"""From where a port can be reached, in words: for the brief, a column and the page."""

from __future__ import annotations

from portbook.model import Scope
from portbook.present.phrases import filter_words
from portbook.present.words import few

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from portbook.host.firewall.configured import Configured
    from portbook.model import Reachable

_CELLS = {
    Scope.THIS_MACHINE: "this machine",
    Scope.ANYWHERE: "anywhere",
    Scope.BLOCKED: "blocked",
    Scope.NETWORKS: "networks",
    Scope.NOWHERE: "nowhere",
    Scope.UNKNOWN: "?",
}
_ROUTING = "rules of policy routing (ip rule)"
_CANT_TELL = "can't tell: "
UNREAD = "from other machines, unless a firewall blocks it ({why})"
BEYOND = "Not checked: routers and cloud security groups."

NO_MANAGER = "No known firewall manager (ufw, firewalld) is in charge of these rules."

_GONE = "no interface has its address"
_UNNAMED = "some networks"

# The more machines may come in, the earlier.
_WIDTHS = (
    Scope.ANYWHERE,
    Scope.UNKNOWN,
    Scope.NETWORKS,
    Scope.BLOCKED,
    Scope.THIS_MACHINE,
    Scope.NOWHERE,
)


def widest(reachable: Sequence[Reachable]) -> Reachable:
    """The one of several sockets that lets most machines in, with the networks of all like it.

    >>> from portbook.model import Reachable
    >>> four, six = (Reachable(Scope.NETWORKS, (each,)) for each in ("10.0.0.0/24", "fd00::/64"))
    >>> reach_line(widest([four, six]))
    'from 10.0.0.0/24 and 1 more only'
    """
    first = min(reachable, key=lambda each: _WIDTHS.index(each.scope))
    alike = [each for each in reachable if each.scope is first.scope]
    if first.scope is not Scope.NETWORKS or len(alike) < 2:
        return first
    networks = dict.fromkeys([network for each in alike for network in each.networks])
    same = len({each.sent_to for each in alike}) == 1
    return first._replace(networks=(*networks,), sent_to=first.sent_to if same else None)


def reach_cell(reachable: Reachable) -> str:
    """What stands in a column.

    >>> from portbook.model import Reachable
    >>> reach_cell(Reachable(Scope.NETWORKS, ("10.0.0.0/24", "fd00::/64")))
    '10.0.0.0/24 +1'
    """
    if reachable.sent_to is not None and reachable.scope is not Scope.BLOCKED:
        return f"port {reachable.sent_to}"
    if reachable.networks and reachable.scope is Scope.NETWORKS:
        first, *others = reachable.networks
        return f"{first} +{len(others)}" if others else first
    return _CELLS[reachable.scope]


def reach_line(reachable: Reachable, *, as_root: bool = True, own: bool | None = None) -> str:
    """The brief's line, and a page's. Who isn't root sees more *as_root*.

    *own* is whether this machine itself is known to get through; None: it wasn't asked whether
    rules let it.

    >>> from portbook.model import Reachable
    >>> reach_line(Reachable(Scope.BLOCKED, (), ("tcp dport 80 drop",), ("inet t in",), True))
    'from no other machine: a firewall rule blocks them (tcp dport 80 drop)'
    """
    own = reachable.firewall is False if own is None else own
    rule = _quoted(reachable)
    here = "from this machine only" if own else "from no other machine"
    if reachable.scope in (Scope.THIS_MACHINE, Scope.NOWHERE):
        return here if reachable.scope is Scope.THIS_MACHINE else f"from nowhere: {_GONE}"
    if reachable.sent_to is not None:
        return _sent_line(reachable, here, "the rest goes" if own else "they go") + rule
    if reachable.scope is Scope.ANYWHERE:
        if reachable.firewall is False:
            return "from other machines: no firewall rules are in force"
        return f"from other machines: the firewall lets them in{rule}"
    if reachable.scope is Scope.NETWORKS:
        first, *others = reachable.networks or (_UNNAMED,)
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


def _quoted(reachable: Reachable) -> str:
    """The rule that decides, in brackets; one that is a bare verdict says little without its chain.

    >>> from portbook.model import Reachable
    >>> _quoted(Reachable(Scope.ANYWHERE, (), ("accept",), ("inet firewalld filter_IN_trusted",)))
    ' (accept in inet firewalld filter_IN_trusted)'
    """
    if not reachable.rules:
        return ""
    rule = reachable.rules[-1]
    bare = rule.split(" ")[0] in ("accept", "drop", "reject") and bool(reachable.chains)
    return f" ({rule} in {reachable.chains[-1]})" if bare else f" ({rule})"


def _sent_line(reachable: Reachable, here: str, rest: str) -> str:
    """Where rules send all of those who are let in, or all of the *rest*, to another port."""
    if reachable.scope is Scope.BLOCKED:
        return f"{here}: {rest} to closed port {reachable.sent_to}"
    whom = "other machines"
    if reachable.scope is Scope.NETWORKS:
        whom = few([*reachable.networks] or [_UNNAMED])
    return f"from {whom}, but a rule sends them to port {reachable.sent_to}"


def reachable_words(
    reachable: Reachable, *, listens: bool = True, as_root: bool = True, own: bool | None = None
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
    if scope == Scope.NOWHERE:
        return _GONE
    if "not_evaluated" in facts:
        words = filter_words(str(facts["not_evaluated"]), str(facts.get("not_evaluated_name")))
        return f"{words} may let others in or not"
    if "firewall" not in facts:
        return "the firewall's rules couldn't be read"
    if facts["firewall"] is False:
        return f"whether others are answered depends on {_ROUTING}"
    return f"whether the firewall lets others in can't be told{by_rule(facts)}"


def kept_out(facts: Mapping[str, Any]) -> str:
    """Why nothing comes in from other machines, by a finding's *facts*, and the rule."""
    port = facts.get("reach_sent_to")
    if port is None:
        return f"the firewall lets nothing in from other machines{by_rule(facts)}"
    return f"a firewall rule sends other machines to port {port} instead{by_rule(facts)}"


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
