"""Rules of address translation, followed from chain to chain. Pure.

:mod:`portbook.host.nftables` and :mod:`portbook.host.iptables` turn what the tools print into
the rules of this module. What comes out is every rule that *can* redirect a port: the order of
rules, and rules that end a chain early, are not played through, and the conditions of each rule
along the way are given instead.
"""

from __future__ import annotations

from portbook._lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from portbook.model import Transport

ALL_PORTS = ((0, 65535),)
# The hooks at which a destination can be translated: connections that come in, and this
# machine's own (nft(8), "nat" chain type).
HOOKS = ("prerouting", "output")
_DEPTH = 16  # the kernel's own limit on nested jumps (NFT_JUMP_STACK_SIZE)
_STEPS = 200_000


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
    family: str | None
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
        return f"[{host}]:{self.to_first}{last}" if ":" in host else f"{host}:{self.to_first}{last}"

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
    family: str | None = None
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
        further = tuple(each for each in other.conditions if each not in self.conditions)
        return Packets(transports, ports, family, self.conditions + further)


class Target(NamedTuple):
    """Where a rule sends packets; what it leaves as it is is None."""

    address: str | None
    first: int | None = None
    last: int | None = None


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
    left: Iterable[tuple[int, int]], right: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
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
    family: str | None,
    named: Callable[[str], str] = str,
) -> NatRules:
    """The redirects that can be reached from *entries*, pairs of a hook and a chain.

    Conditions and ports add up along the way. *named* makes a chain's key fit to be shown.
    """
    walk = _Walk(chains, source, named)
    for hook, chain in entries:
        walk.chain(hook, chain, Packets(family=family), (chain,))
    if walk.steps > _STEPS:
        text = f"the chains branch in more than {_STEPS:,} ways; the rest was left out"
        walk.unclear[text] = None
    found = tuple(redirect._replace(hooks=seen) for redirect, seen in walk.hooks.items())
    return NatRules(found, tuple(walk.unclear))


class _Walk:
    """A walk along all jumps. ``hooks`` are those from which each redirect was reached."""

    def __init__(
        self, chains: Mapping[str, Sequence[Rule]], source: str, named: Callable[[str], str]
    ) -> None:
        self._chains, self._source, self._named = chains, source, named
        self.hooks: dict[Redirect, tuple[str, ...]] = {}
        self.unclear: dict[str, None] = {}
        self.steps = 0

    def chain(self, hook: str, chain: str, packets: Packets, path: tuple[str, ...]) -> None:
        for rule in self._chains.get(chain, ()):
            self.steps += 1
            if self.steps > _STEPS:
                return
            if not rule.understood:
                self.unclear[f"{self._named(chain)}: {rule.text}"] = None
            for case in rule.cases:
                reached = packets.narrowed(case.packets)
                if reached is None:
                    continue
                if case.target is not None:
                    self._found(hook, chain, reached, case.target, rule.text)
                elif case.jump is not None and case.jump not in path and len(path) < _DEPTH:
                    self.chain(hook, case.jump, reached, (*path, case.jump))

    def _found(self, hook: str, chain: str, packets: Packets, target: Target, text: str) -> None:
        for transport in packets.transports or (None,):
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
