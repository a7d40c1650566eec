"""The rules of nftables as the kernel has them, for one question about one port.

To run nft, and iptables-save beside it, takes longer than all the rest of a short answer. Most of
what they print concerns no packet to that port: here a rule is worked out when a packet meets it.
Whatever isn't plain is left to them: :class:`Unread` says so once it is met.
"""

from __future__ import annotations

import _struct
import sys

from portbook.host.firewall import (
    BASE_KINDS,
    GET_CHAIN,
    GET_RULE,
    GET_TABLE,
    Unread,
    dumped,
    elements,
    generation,
    legacy_tables,
)
from portbook.host.firewall.kernel_expressions import KernelExpressions
from portbook.host.firewall.kernel_statements import guard_of, statements_of
from portbook.host.firewall.values import Chain, Hook, Rule, Ruleset, Table
from portbook.host.linux.netlink import attributes_of, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.host.firewall.kernel_expressions import Elements
    from portbook.host.firewall.values import Guard

# linux/netfilter/nf_tables.h, linux/netlink.h
_DONE, _ERROR, _INTERRUPTED = 3, 2, 0x10
_FAMILIES = {1: "inet", 2: "ip", 10: "ip6"}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_USE = b"\x08\0\6\0" if sys.byteorder == "little" else b"\0\x08\0\6"
_DORMANT = 1
_HANDLE, _RULE_EXPRESSIONS = 3, 4
_ELEMENTS, _KEY, _ELEMENT_FLAGS, _END = 3, 1, 3, 1
_MOST = 1 << 18  # bytes of rules: some 700 of them
# What changes sets that others read, or what others made of a packet, stands in no plain rule.
_CHANGES = b"dynset\0"
_FOREIGN = tuple(
    [_struct.pack("=HH", 4 + len(each), 1) + each for each in (b"match\0", b"target\0")]
)


class _Unlike(Exception):
    """The rules are of a kind that isn't read here."""


def read_kernel_rules(chains: Iterable[bytes] | None = None) -> Ruleset | None:
    """The rules in force; None where only the tools that print them can tell.

    *chains* is what the kernel answered about those just before.
    """
    if any(map(legacy_tables, ("ip", "ip6"))) or not (first := generation()):
        return None
    try:
        answer = dumped(GET_CHAIN) if chains is None else chains
        tables = _tables(_messages(dumped(GET_TABLE), first), _messages(answer, first), first)
        _add_rules(tables, _messages(_few(dumped(GET_RULE)), first))
    except (_Unlike, LookupError, ValueError):
        return None
    return Ruleset([*tables.values()])


def _few(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """*pieces* as long as they aren't many: nft is faster then. Raises _Unlike for more."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > _MOST:
            raise _Unlike
        yield piece


def _messages(pieces: Iterable[bytes], number: int) -> Iterator[bytes]:
    """The messages of a dump, without their heads.

    Raises _Unlike where it isn't whole, or of other rules than those of the generation *number*:
    each message has the end of that (struct nfgenmsg).
    """
    same = (number & 0xFFFF).to_bytes(2, "big")
    for piece in pieces:
        place, end = 0, len(piece)
        while place + 16 <= end:
            length, kind, flags = _struct.unpack_from("=IHH", piece, place)
            if length < 16 or place + length > end or flags & _INTERRUPTED or kind == _ERROR:
                raise _Unlike
            if kind == _DONE:
                if any(piece[place + 16 : place + 20]):
                    raise _Unlike
                return
            if piece[place + 18 : place + 20] != same:
                raise _Unlike
            yield piece[place + 16 : place + length]
            place += length + 3 & ~3
    raise _Unlike


def _tables(
    tables: Iterable[bytes], chains: Iterable[bytes], number: int
) -> dict[tuple[str, bytes], Table]:
    found: dict[tuple[str, bytes], Table] = {}
    for message in tables:
        inside = attributes_of(message[4:])
        family = _FAMILIES.get(message[0], "")
        if not family:
            raise _Unlike  # what its chains do isn't followed, and nft names them
        table = found[family, inside[1]] = Table(family, name_of(inside[1]), "nftables")
        table.dormant = bool(int.from_bytes(inside.get(2, b""), "big") & _DORMANT)
    for message in chains:
        # Most chains are only jumped to: of those, no more than the names is looked at.
        based = any(each in message for each in BASE_KINDS)
        inside = attributes_of(message[4:] if based else message[4 : message.index(_USE)])
        table, name = found[_FAMILIES[message[0]], inside[1]], name_of(inside[3])
        hook, policy = None, "accept"
        if 4 in inside:
            place = attributes_of(inside[4])
            if len(place) > 2:
                raise _Unlike  # of one interface
            priority = int.from_bytes(place[2], "big", signed=True)
            hook = Hook(_HOOKS[int.from_bytes(place[1], "big")], priority, name_of(inside[7]))
            policy = "accept" if int.from_bytes(inside[5], "big") else "drop"
        table.chains[name] = KernelChain(table, name, hook, policy, number)
    return found


def _add_rules(tables: dict[tuple[str, bytes], Table], messages: Iterable[bytes]) -> None:
    """Adds each rule to its chain, which the kernel names before all else that it says of it."""
    places: dict[bytes, list[bytes]] = {}
    for message in messages:
        if _CHANGES in message:
            raise _Unlike
        length = int.from_bytes(message[4:6], sys.byteorder)
        second = 4 + (length + 3 & ~3)
        end = second + int.from_bytes(message[second : second + 2], sys.byteorder)
        known = places.get(message[:end])
        if known is None:
            inside = attributes_of(message[4:end])
            table = tables[_FAMILIES[message[0]], inside[1]]
            chain = table.chains[name_of(inside[2])]
            assert isinstance(chain, KernelChain)
            known = places[message[:end]] = chain.messages
        known.append(message)


class KernelChain(Chain):
    """A chain whose rules are made once somebody asks for them."""

    def __init__(
        self, table: Table, name: str, hook: Hook | None, policy: str, number: int
    ) -> None:
        self.messages: list[bytes] = []
        self._made: list[Rule] | None = None
        super().__init__(f"{table.family} {table.name} {name}", hook, policy)
        self._table, self._name, self._number = table, name, number

    @property
    def rules(self) -> list[Rule]:
        """As :attr:`Chain.rules`."""
        if self._made is None:
            self._made = [KernelRule(each, self) for each in self.messages]
        return self._made

    @rules.setter
    def rules(self, _: list[Rule]) -> None:
        """There are none before somebody asks for them."""

    def foreign(self, data: bytes) -> tuple[list[object], str, bool] | None:
        """As :func:`portbook.host.firewall.kernel_iptables.read_foreign`, where that is needed."""
        if not any(each in data for each in _FOREIGN):
            return None
        from portbook.host.firewall.kernel_iptables import read_foreign

        found, text, whole = read_foreign(data, self._table.family, self._name)
        if not whole and not found:  # perhaps the packet isn't one that it asks more of
            head = self.expressions(data)
            head.read()
            found = statements_of(head.expressions)
        return found, text, whole

    def expressions(self, data: bytes) -> KernelExpressions:
        """A rule's expressions, not read yet."""
        return KernelExpressions(self._table.family, data, self._elements)

    def _elements(self, name: str) -> Elements | None:
        pieces = elements(self._table.family, self._table.name, name)
        try:
            return read_elements(_messages(pieces, self._number))
        except (_Unlike, LookupError, ValueError):
            return None


class KernelRule(Rule):
    """A rule of which the kernel's own bytes are worked out once they are needed."""

    __slots__ = ("_chain", "_line", "_message", "_read", "_whole")
    tool = "nftables"

    def __init__(self, message: bytes, chain: KernelChain) -> None:
        super().__init__(self._show, chain.where, iter(()))
        self._message, self._chain = message, chain
        self._whole: bool | None = None
        self._read: KernelExpressions | None = None
        self._line: str | None = None  # as iptables prints it

    @property
    def handle(self) -> int:
        """Its number in its table."""
        return int.from_bytes(attributes_of(self._message[4:])[_HANDLE], "big")

    def read(self) -> bool:
        """Works it out as far as it is read; whether that is all of it."""
        if self._whole is None and (found := self._head()) is not None:
            found.read()
            self._statements, self._whole = statements_of(found.expressions), found.whole
        return bool(self._whole)

    def _head(self) -> KernelExpressions | None:
        """Its conditions as far as no set is asked for; None for what iptables has for itself."""
        if self._read is None and self._whole is None:
            data = attributes_of(self._message[4:]).get(_RULE_EXPRESSIONS, b"")
            if (foreign := self._chain.foreign(data)) is not None:
                self._statements, self._line, self._whole = foreign
                return None
            self._read = self._chain.expressions(data)
            self._read.read(sets=False)
        return self._read

    def __iter__(self) -> Iterator[object]:
        whole = self.read()
        yield from self._statements
        if not whole:  # whoever gets on as far as this
            raise Unread

    def _show(self) -> str:
        if not self.read() or self._line == "":
            raise Unread
        if self._line is not None:
            return self._line
        from portbook.host.firewall.nft_text import show_rule

        return show_rule(self._read.expressions if self._read is not None else ())

    def glance(self) -> Guard | None:
        """As :meth:`Rule.glance`, from what is read of it without asking for sets."""
        head = self._head()
        return None if head is None else guard_of(head.expressions)

    def ports(self) -> list[tuple[int, int]] | None:
        """As :meth:`Rule.ports`."""
        raise Unread  # questions about several ports are for those who read all

    def told(self) -> Iterator[tuple[object, str]]:
        """As :meth:`Rule.told`."""
        raise Unread


def read_elements(messages: Iterable[bytes]) -> Elements | None:
    """The elements of a set that is written out in a rule; None for one that has more to it."""
    found: Elements = []
    for message in messages:
        place, data = 0, attributes_of(message[4:]).get(_ELEMENTS, b"")
        while place + 4 <= len(data):
            length = int.from_bytes(data[place : place + 2], sys.byteorder)
            if length < 4:
                return None
            inside = attributes_of(data[place + 4 : place + length])
            ends = int.from_bytes(inside.pop(_ELEMENT_FLAGS, b""), "big")
            if inside.keys() != {_KEY} or ends not in (0, _END):
                return None
            found.append((attributes_of(inside[_KEY])[1], bool(ends)))
            place += length + 3 & ~3
    return found
