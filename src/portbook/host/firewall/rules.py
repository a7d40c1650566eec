"""Rules of address translation, followed from chain to chain. Pure.

:mod:`portbook.host.firewall.nftables` and :mod:`portbook.host.firewall.iptables` turn what the
tools print into the rules of this module. What comes out is every rule that *can* redirect a port:
the order of rules, and rules that end a chain early, are not played through, and the conditions of
each rule along the way are given instead.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Family, host_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from portbook.model import Transport

ALL_PORTS = ((0, 65535),)
# The hooks at which a destination can be translated: connections that come in, and this
# machine's own (nft(8), "nat" chain type).
HOOKS = ("prerouting", "output")
_DEPTH = 16  # the kernel's own limit on nested jumps (NFT_JUMP_STACK_SIZE)
# Chains branch: what is followed is bounded by how long the rules are as text.
_STEPS_AT_LEAST, _STEPS_AT_MOST, _CHARACTERS_A_STEP = 2_000, 200_000, 4
_FEW = 16  # ranges of ports that are compared one by one


class Redirect(NamedTuple):
    """One rule that sends connections to another port, another address or both.

    ``first`` to ``last`` are the ports it holds for; ``transport`` and ``family`` are None where
    the rule names none. ``to_address`` is None where the rule leaves the address or, for a
    REDIRECT, sets this machine's own; it is a range as text where the rule has one. ``to_first``
    is None where the port stays. ``hooks`` say whether it holds for connections that come in
    (``prerouting``), for this machine's own (``output``) or both. ``conditions`` are what else
    must be true, in the words of ``source``: nftables, iptables or ip6tables.
    """

    transport: Transport | None
    first: int
    last: int
    to_address: str | None
    to_first: int | None
    to_last: int | None
    family: Family | None
    source: str
    chain: str
    text: str
    conditions: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()

    @property
    def to(self) -> str:
        """Where connections go: an address, a port or both, as in ``172.17.0.2:80``."""
        host = self.to_address or "this machine"
        if self.to_first is None:
            return host
        last = "" if self.to_last in (None, self.to_first) else f"-{self.to_last}"
        return f"{host_port(host, self.to_first)}{last}"

    def holds_for(self, port: int | None, transport: Transport | None) -> bool:
        """Whether it can concern *port* over *transport*; None stands for any."""
        return (port is None or self.first <= port <= self.last) and (
            transport is None or self.transport in (None, transport)
        )


class NatRules(NamedTuple):
    """The redirects found, and the text of each rule that may be one but wasn't understood."""

    redirects: tuple[Redirect, ...]
    not_understood: tuple[str, ...] = ()


class Packets(NamedTuple):
    """The packets that a rule, or a path of rules, holds for. ``transports`` None: any."""

    transports: tuple[Transport, ...] | None = None
    ports: tuple[tuple[int, int], ...] = ALL_PORTS
    family: Family | None = None
    conditions: tuple[str, ...] = ()

    def narrowed(self, other: Packets) -> Packets | None:
        """The packets that are in both, or None where there are none.

        >>> from portbook.model import Transport
        >>> Packets(ports=((1, 90),)).narrowed(Packets((Transport.TCP,), ((80, 99),))).ports
        ((80, 90),)
        >>> Packets((Transport.UDP,)).narrowed(Packets((Transport.TCP,))) is None
        True
        """
        transports = self.transports
        if transports is None:
            transports = other.transports
        elif other.transports is not None:
            transports = tuple(each for each in transports if each in other.transports)
        ports = _both(self.ports, other.ports)
        family = self.family or other.family
        if transports == () or not ports or (other.family and family != other.family):
            return None
        conditions = self.conditions
        if other.conditions:
            conditions = tuple(dict.fromkeys(conditions + other.conditions))
        return Packets(transports, ports, family, conditions)

    @property
    def weight(self) -> int:
        """About how much there is to go through to compare them with others."""
        return 1 + (len(self.ports) + len(self.conditions)) // 8


class Target(NamedTuple):
    """Where a rule sends packets; what it leaves as it is is None."""

    address: str | None
    first: int | None = None
    last: int | None = None


class Unclear(Exception):
    """An expression whose value can't be worked out."""


class Effort:
    """How much is looked at in a ruleset: many rules may refer to one large set."""

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self, steps: int = 1) -> None:
        """Counts *steps*. Raises Unclear where there were more than the ruleset is worth."""
        self._left -= steps
        if self._left < 0:
            raise Unclear


class Case(NamedTuple):
    """One thing that a rule does: to *packets*, jump to a chain or send them to a target."""

    packets: Packets
    jump: str | None = None
    target: Target | None = None


class Rule(NamedTuple):
    """A rule as text, and its cases. Not ``understood``: it may do more than its cases say."""

    text: str
    cases: tuple[Case, ...]
    understood: bool = True


def _both(
    left: tuple[tuple[int, int], ...], right: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """The ports that are in both, in the order of *left*."""
    if right == ALL_PORTS:
        return left
    if left == ALL_PORTS:
        return right
    if len(left) > _FEW and len(right) > _FEW:
        # Two long lists are brought into order first, so that neither is gone through again for
        # each part of the other.
        return outside((*outside(left), *outside(right)))
    return tuple(
        (max(first, other_first), min(last, other_last))
        for first, last in left
        for other_first, other_last in right
        if first <= other_last and other_first <= last
    )


def outside(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The ports in none of *ranges*.

    >>> outside([(5, 5), (0, 0)])
    ((1, 4), (6, 65535))
    """
    found, start = [], 0
    for first, last in sorted(ranges):
        if first > start:
            found.append((start, first - 1))
        start = max(start, last + 1)
    if start <= 65535:
        found.append((start, 65535))
    return tuple(found)


def follow(
    entries: Iterable[tuple[str, str]],
    chains: Mapping[str, Sequence[Rule]],
    *,
    source: str,
    family: Family | None,
    named: Callable[[str], str] = str,
) -> NatRules:
    """The redirects that can be reached from *entries*, pairs of a hook and a chain.

    Conditions and ports add up along the way. *named* makes a chain's key fit to be shown.
    """
    size = sum(len(rule.text) for rules in chains.values() for rule in rules)
    steps = min(_STEPS_AT_MOST, _STEPS_AT_LEAST + size // _CHARACTERS_A_STEP)
    walk = _Walk(chains, source, named, steps)
    for hook, chain in entries:
        walk.chain(hook, chain, Packets(family=family), (chain,))
    if walk.left < 0:
        walk.unclear[f"the chains branch in more than {steps:,} ways; the rest was left out"] = None
    found = tuple(redirect._replace(hooks=seen) for redirect, seen in walk.hooks.items())
    return NatRules(found, tuple(walk.unclear))


class _Walk:
    """A walk along all jumps. ``hooks`` are those from which each redirect was reached.

    ``left`` is how many steps it may still take: negative once it was given up.
    """

    def __init__(
        self,
        chains: Mapping[str, Sequence[Rule]],
        source: str,
        named: Callable[[str], str],
        steps: int,
    ) -> None:
        self._chains, self._source, self._named = chains, source, named
        self.hooks: dict[Redirect, tuple[str, ...]] = {}
        self.unclear: dict[str, None] = {}
        self.left = steps
        self._jumped: set[tuple[str, str, Packets]] = set()

    def chain(self, hook: str, chain: str, packets: Packets, path: tuple[str, ...]) -> None:
        for rule in self._chains.get(chain, ()):
            self.left -= 1
            if self.left < 0:
                return
            if not rule.understood:
                self.unclear[f"{self._named(chain)}: {rule.text}"] = None
            for case in rule.cases:
                self.left -= packets.weight + case.packets.weight - 1
                if self.left < 0:
                    return
                reached = packets.narrowed(case.packets)
                if reached is None:
                    continue
                if case.target is not None:
                    self._found(hook, chain, reached, case.target, rule.text)
                elif case.jump is not None and case.jump not in path and len(path) < _DEPTH:
                    jump = (hook, case.jump, reached)
                    if jump not in self._jumped:  # the same packets find the same rules there
                        self._jumped.add(jump)
                        self.chain(hook, case.jump, reached, (*path, case.jump))

    def _found(self, hook: str, chain: str, packets: Packets, target: Target, text: str) -> None:
        for transport in packets.transports or (None,):
            self.left -= len(packets.ports) * (1 + len(packets.conditions) // 8)
            if self.left < 0:
                return
            for first, last in packets.ports:
                redirect = Redirect(
                    transport,
                    first,
                    last,
                    target.address,
                    target.first,
                    target.last,
                    packets.family,
                    self._source,
                    self._named(chain),
                    text,
                    packets.conditions,
                )
                known = self.hooks.get(redirect, ())
                self.hooks[redirect] = known if hook in known else (*known, hook)
