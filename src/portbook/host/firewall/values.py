"""Packet filters as values: rules, chains and sets, however a tool prints them.

A condition compares *fields* of a packet with *rows* of numbers and words. What a reader doesn't
understand stays in its place as a :class:`Chance` or an :class:`Unclear`, with its text.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.host.firewall.intervals import Intervals
from portbook.model.gap import GapCode
from portbook.model.reach import RuleText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Literal

    from portbook.model.finding import NotEvaluated
    from portbook.model.gap import Gap

    # Part of a row: inclusive numbers, a word ("*" at its end: a beginning), None: not understood.
    Part = tuple[int, int] | str | None
    Row = tuple[Part, ...]
    Goal = object

_NAT, _SOURCE_NAT = -100, 100  # enum nf_ip_hook_priorities
_MOST_CONCERNED = 16  # questions of which a chain keeps the answers
TCP, UDP, SCTP, DCCP, UDPLITE = 6, 17, 132, 33, 136  # linux/in.h
# linux/netfilter/nf_conntrack_common.h, as nft_ct and xt_conntrack compare them
CT_STATES = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
CT_STATUS = {
    "expected": 1, "seen-reply": 2, "assured": 4, "confirmed": 8, "snat": 16, "dnat": 32,
    "dying": 512,
}  # fmt: skip
TCP_FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}


class Field(NamedTuple):
    """A field of a packet, or of what the kernel knows of it.

    ``name`` is one that :mod:`portbook.host.firewall.conditions` gives a value to; of any other
    the value isn't known, but its ``text``. A packet of another family or protocol doesn't have it.
    """

    name: str
    mask: int | None = None
    family: str | None = None  # "ipv4", "ipv6"
    protocols: tuple[int, ...] | None = None
    text: str = ""


class Rows:
    """The elements of a set, or of a map: *goals* are then what each row leads to.

    ``otherwise`` is the goal of a map's catch-all element.
    """

    def __init__(
        self, rows: list[Row], goals: Sequence[Goal] | None = None, otherwise: Goal = None
    ) -> None:
        self._rows: list[Row] | None = rows
        self.goals, self.otherwise = goals, otherwise
        self._numbers: Intervals | None = None

    @classmethod
    def of_numbers(cls, numbers: Intervals) -> Rows:
        """The rows of a set of numbers, of which there may be a million."""
        made = cls([])
        made._rows, made._numbers = None, numbers
        return made

    @property
    def rows(self) -> list[Row]:
        """The elements one by one."""
        if self._rows is None:
            self._rows = [(pair,) for pair in self._numbers.pairs()] if self._numbers else []
        return self._rows

    def numbers(self) -> Intervals | None:
        """The rows of one part each as intervals; None where one is no number."""
        if self._numbers is None:
            pairs = [row[0] for row in self.rows if isinstance(row[0], tuple)]
            if len(pairs) != len(self.rows):
                return None
            self._numbers = Intervals.of(pairs)
        return self._numbers


class Test(NamedTuple):
    """A condition. ``op``: ``==`` and ``!=`` compare with the rows, ``any`` and ``none`` bits.

    ``rows`` is the name of a set where it isn't written out.
    """

    fields: tuple[Field, ...]
    op: str
    rows: Rows | str


class Chance(NamedTuple):
    """A condition that no one can know beforehand: a rate limit, the time, an unread match."""

    text: str


class Unclear(NamedTuple):
    """A statement that may do anything, as far as it was understood."""

    text: str


class Verdict(NamedTuple):
    """The end of a rule: accept, drop, reject, queue, return, continue, jump or goto a chain.

    An accept with the target ``source`` is one by which NAT changes the packet's source.
    """

    kind: str
    target: str = ""


class VerdictMap(NamedTuple):
    """Verdicts by the value of fields; ``rows`` is the name of a map where not written out."""

    fields: tuple[Field, ...]
    rows: Rows | str


class Bits(NamedTuple):
    """A number: *field* (None: zero) masked with *keep*, then xor *flip*."""

    field: Field | None
    keep: int
    flip: int


class Mapped(NamedTuple):
    """A number, an interval or an address that a map gives for fields."""

    fields: tuple[Field, ...]
    rows: Rows | str


class Assign(NamedTuple):
    """Sets the packet's mark (``mark``) or its connection's (``ctmark``), None: to any number."""

    name: str
    value: Bits | Mapped | None


class Translate(NamedTuple):
    """DNAT or REDIRECT (``local``). What it leaves as it is is None; ``family``: only of that.

    A goal is an inclusive interval, a map that gives one, or None. With a ``shifted`` one, packets
    keep their place in its block (NETMAP, port shifts): which one they get isn't worked out.
    """

    local: bool
    address: tuple[int, int] | Mapped | None = None
    port: tuple[int, int] | Mapped | None = None
    family: str | None = None
    shifted: bool = False


class NoTrack(NamedTuple):
    """The connection isn't tracked."""


class AddTo(NamedTuple):
    """The packet's own values are put into a set, or taken from it, before a later rule looks."""

    target: str
    removes: bool = False


class Guard(NamedTuple):
    """What a packet must have before a rule does anything with it; None: anything.

    ``ports`` are inclusive intervals of destination ports.
    """

    family: str | None = None
    protocols: tuple[int, ...] | None = None
    ports: tuple[tuple[int, int], ...] | None = None

    def keeps_out(self, family: str, protocol: int, port: object) -> bool:
        """Whether the rule does nothing with a packet to *port*, which may be unknown."""
        other = self.protocols is not None and protocol not in self.protocols
        if other or self.family not in (None, family):
            return True
        if self.ports is None or not isinstance(port, int):
            return False
        return not any(first <= port <= last for first, last in self.ports)


class Rule:
    """A rule: its text as its tool has it, the chain's name, and what it does, in order.

    ``first`` are conditions that its tool doesn't print. The statements are worked out when they
    are met first, one by one: most rules have done with a packet at their first condition.
    ``guard`` is for those that were looked through before. ``twin``: as its maker has it.
    ``stopped``: whom it stops, where it asks for the source alone; False: not worked out yet.
    """

    __slots__ = (
        "_rest", "_shown", "_statements", "_text", "first", "guard", "row", "stopped", "twin",
        "where",
    )  # fmt: skip
    tool = ""  # nftables, iptables

    def __init__(self, text: Callable[[], str], where: str, rest: Iterator[object]) -> None:
        self._text, self.where, self._rest = text, where, rest
        self._statements: list[object] = []
        self.first: list[object] = []
        self.guard: Guard | None = None
        self.twin: Rule | None = None
        self._shown: RuleText | None = None
        self.stopped: tuple[str, Intervals, str | None] | Literal[False] | None = False
        self.row: tuple[list[Rule], str, object] | None = None  # of such rules, for a family

    def __iter__(self) -> Iterator[object]:
        yield from self.first
        known, place = self._statements, 0
        while True:
            while place < len(known):
                yield known[place]
                place += 1
            statement = next(self._rest, None)
            if statement is None:
                return
            known.append(statement)

    def glance(self) -> Guard | None:
        """Its guard, where its form tells that without working out its statements."""
        return self.guard

    def ports(self) -> Sequence[tuple[int, int]] | None:
        """The ports that it tells from others, where its form tells that; None: it doesn't."""
        return None

    def stop(self) -> tuple[str, Intervals, str | None] | None:
        """As ``stopped``, where its form tells that; None: it doesn't."""
        return None

    def told(self) -> Iterator[tuple[object, str]]:
        """Its statements, each with the part of the rule's text that it stands for."""
        return ((statement, self._text()) for statement in self)

    @property
    def statements(self) -> list[object]:
        """All of them."""
        return list(self)

    @property
    def text(self) -> RuleText:
        """For people: the rule in its tool's words."""
        self._shown = self._shown or RuleText(self._text(), self.where)
        return self._shown


class Hook(NamedTuple):
    """Where a base chain stands; ``device`` names the interfaces whose packets alone it gets."""

    name: str  # ingress prerouting input forward output postrouting
    priority: int
    kind: str  # filter nat route
    device: tuple[str, ...] | None = None


class Chain:
    """The rules of one chain. A base chain has a hook and a policy; ``where`` names it."""

    def __init__(self, where: str, hook: Hook | None = None, policy: str = "accept") -> None:
        self.where, self.hook, self.policy = where, hook, policy
        self.rules: list[Rule] = []
        self._concerned: dict[tuple[str, int, object], list[Rule]] = {}
        self._guarded: dict[tuple[str, int], list[tuple[Rule, Guard | None]]] = {}

    def concerning(self, family: str, protocol: int, port: object) -> list[Rule]:
        """Its rules without those that do nothing with packets to *port*, which may be unknown."""
        key = (family, protocol, port)
        rules = self._concerned.get(key)
        if rules is None:
            if len(self._concerned) >= _MOST_CONCERNED:
                self._concerned.clear()
            if (guarded := self._guarded.get(key[:2])) is None:
                looked = [(rule, rule.glance()) for rule in self.rules]
                guarded = self._guarded[key[:2]] = [
                    one for one in looked if one[1] is None or not one[1].keeps_out(*key[:2], None)
                ]
            rules = self._concerned[key] = [
                rule for rule, guard in guarded if guard is None or not guard.keeps_out(*key)
            ]
        return rules


class Table:
    """A table: chains by their names, and what it holds of sets and maps, which may be unread."""

    def __init__(self, family: str, name: str, source: str) -> None:
        self.family, self.name, self.source = family, name, source
        self.chains: dict[str, Chain] = {}
        self.sets: dict[str, Rows | None] = {}
        self.maps: set[str] = set()  # those of the sets that are maps
        # Those of nft that are of addresses alone: the bytes of one, and whether of intervals.
        self.addresses: dict[str, tuple[int, bool]] = {}
        self.doubtful: dict[tuple[str, int], Rule] = {}  # of nft, which hides a condition
        self.dormant: bool | None = False  # None: not known
        self.changing = False  # whether rules may put into its sets, or take from them
        self.foreign: set[tuple[str, int]] = set()  # of iptables, not printed in full: chain, place

    def concerns(self, family: str, hook: str) -> bool:
        """Whether packets of *family* (``ipv4`` or ``ipv6``) meet its chains at *hook*."""
        own = "netdev" if hook == "ingress" else "ip" if family == "ipv4" else "ip6"
        return self.family in ("inet", own)


class Ruleset:
    """All tables of a network namespace, and what could not be read or isn't followed.

    ``load`` reads the elements of a set for a rule, by its table and name; None: they can't be had.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        not_evaluated: Sequence[NotEvaluated] = (),
        gaps: Sequence[Gap] = (),
        load: Callable[[Table, str], Rows | None] | None = None,
    ) -> None:
        self.tables, self.not_evaluated = tuple(tables), tuple(not_evaluated)
        self.gaps = list(gaps)
        self._load = load
        self._base_chains: dict[tuple[str, str], list[tuple[int, Table, Chain]]] = {}

    @property
    def whole(self) -> bool:
        """Whether all rules were read. A set that wasn't matters only where a rule asks for it."""
        return all(gap.code is GapCode.FIREWALL_SET_UNREAD for gap in self.gaps)

    def base_chains(self, hook: str, family: str) -> list[tuple[int, Table, Chain]]:
        """The base chains that packets of *family* meet at *hook*, in order, with priorities."""
        if (known := self._base_chains.get((hook, family))) is not None:
            return known
        chains = []
        for table in self.tables:
            if table.dormant or not table.concerns(family, hook):
                continue
            for chain in table.chains.values():
                if chain.hook is not None and chain.hook.name == hook:
                    place = chain.hook.priority
                    if chain.hook.kind == "nat":
                        # They are called from one place in their hook, in their own order.
                        place = _NAT if hook in ("prerouting", "output") else _SOURCE_NAT
                    chains.append((place, chain.hook.priority, table, chain))
        # nf_hook_entries_grow: of two with the same priority, the newer one comes first.
        chains.reverse()
        chains.sort(key=lambda each: each[:2])
        found = [(place, table, chain) for place, _, table, chain in chains]
        return self._base_chains.setdefault((hook, family), found)

    def rows(self, table: Table, name: str) -> Rows | None:
        """The elements of a named set or map; None where they aren't known."""
        if table.sets.get(name) is None and self._load is not None and name in table.sets:
            table.sets[name] = self._load(table, name)
            if table.sets[name] is None:
                del table.sets[name]  # it isn't asked for again
        return table.sets.get(name)


class Interface(NamedTuple):
    """A network interface of this machine and its addresses, each with its prefix length.

    ``forwards`` are the families whose packets are forwarded that come in by it, ``traits`` its
    kind ("" for none), hardware type and group; None: not known.
    """

    name: str
    addresses: tuple[tuple[str, int], ...] = ()
    route_localnet: bool = False
    forwards: tuple[str, ...] | None = None
    traits: tuple[str, int, int] | None = None


class Machine(NamedTuple):
    """What of a machine decides over packets beside its rules.

    ``routes`` are networks, as CIDR text, and the interfaces through which they are reached (a
    default route is ``0.0.0.0/0`` or ``::/0``); None: not known. ``forwarding``: whether packets
    are forwarded at all; None: as each interface has it. ``own_ports`` are those it connects from.
    ``by_mark``: marks choose routes; ``keeps_mark``: answers over TCP have their requests' marks.
    """

    interfaces: tuple[Interface, ...] = ()
    routes: tuple[tuple[str, str], ...] | None = None
    forwarding: bool | None = None
    own_ports: tuple[int, int] = (1024, 65535)
    by_mark: bool = False
    keeps_mark: bool = False
