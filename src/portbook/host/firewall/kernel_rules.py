"""The rules of nftables as the kernel has them, for one question about one port.

To run nft, and iptables-save beside it, takes longer than all the rest of a short answer. Most of
what they print concerns no packet to that port: here a rule is worked out when a packet meets it.
Whatever isn't plain is left to them: :class:`Unread` says so once it is met.
"""

from __future__ import annotations

import _struct
import sys

from portbook.host.firewall import (
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
from portbook.host.firewall.nft_json import NftRule, statements_of
from portbook.host.firewall.values import Chain, Hook, Rule, Ruleset, Table
from portbook.host.linux.netlink import attributes_of, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from portbook.host.firewall.intervals import Intervals
    from portbook.host.firewall.kernel_expressions import Elements
    from portbook.host.firewall.values import Guard

# linux/netfilter/nf_tables.h, linux/netlink.h
_DONE, _ERROR, _INTERRUPTED = 3, 2, 0x10
_FAMILIES = {1: "inet", 2: "ip", 10: "ip6"}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_DORMANT = 1
_RULE_EXPRESSIONS = 4
_ELEMENTS, _KEY, _ELEMENT_FLAGS, _END = 3, 1, 3, 1
_MOST = 1 << 18  # bytes of rules: some 700 of them
# What changes sets that others read, or what others made of a packet, stands in no plain rule.
_CHANGES = b"dynset\0"
_FOREIGN = (b"match\0", b"target\0")


class _Unlike(Exception):
    """The rules are of a kind that isn't read here."""


def read_kernel_rules() -> Ruleset | None:
    """The rules in force; None where only the tools that print them can tell."""
    if any(map(legacy_tables, ("ip", "ip6"))) or not (first := generation()):
        return None
    try:
        tables = _tables(_messages(dumped(GET_TABLE)), _messages(dumped(GET_CHAIN)))
        _add_rules(tables, _messages(_few(dumped(GET_RULE))), first)
    except (_Unlike, LookupError, ValueError):
        return None
    if generation() != first:
        return None
    return Ruleset([*tables.values()])


def _few(pieces: Iterable[bytes]) -> list[bytes]:
    """What isn't long: nft is faster at many rules. Raises _Unlike for more."""
    kept, size = [], 0
    for piece in pieces:
        kept.append(piece)
        size += len(piece)
        if size > _MOST:
            raise _Unlike
    return kept


def _messages(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The messages of a dump, without their heads. Raises _Unlike where it isn't whole."""
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
            yield piece[place + 16 : place + length]
            place += length + 3 & ~3
    raise _Unlike


def _tables(tables: Iterable[bytes], chains: Iterable[bytes]) -> dict[tuple[str, bytes], Table]:
    found: dict[tuple[str, bytes], Table] = {}
    for message in tables:
        inside = attributes_of(message[4:])
        family = _FAMILIES.get(message[0], "")
        if not family:
            raise _Unlike  # what its chains do isn't followed, and nft names them
        table = found[family, inside[1]] = Table(family, name_of(inside[1]), "nftables")
        table.dormant = bool(int.from_bytes(inside.get(2, b""), "big") & _DORMANT)
    for message in chains:
        inside = attributes_of(message[4:])
        table, name = found[_FAMILIES[message[0]], inside[1]], name_of(inside[3])
        hook = None
        policy = "accept"
        if 4 in inside:
            place = attributes_of(inside[4])
            if len(place) > 2:
                raise _Unlike  # of one interface
            number = int.from_bytes(place[1], "big")
            priority = int.from_bytes(place[2], "big", signed=True)
            hook = Hook(_HOOKS[number], priority, name_of(inside[7]))
            policy = "accept" if int.from_bytes(inside[5], "big") else "drop"
        table.chains[name] = Chain(f"{table.family} {table.name} {name}", hook, policy)
    return found


def _add_rules(
    tables: dict[tuple[str, bytes], Table], messages: Iterable[bytes], number: int
) -> None:
    """Adds each rule to its chain, which the kernel names before all else that it says of it."""
    places: dict[bytes, tuple[Table, Chain]] = {}
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
            known = places[message[:end]] = table, table.chains[name_of(inside[2])]
        table, chain = known
        chain.rules.append(KernelRule(message, chain, table, number))


class KernelRule(NftRule):
    """A rule of which the kernel's own bytes are worked out once they are needed."""

    __slots__ = ("_chain", "_line", "_message", "_number", "_own", "_table", "_whole")

    def __init__(self, message: bytes, chain: Chain, table: Table, number: int) -> None:
        Rule.__init__(self, self._show, chain.where, self._met())
        self._message, self._chain, self._table = message, chain, table
        self._number = number  # of the generation of rules that it is of
        self._whole: bool | None = None
        self._own: list[Any] = []  # expressions, or statements of iptables' own
        self._line: str | None = None  # as iptables prints it
        self._glanced = False

    def _read(self) -> bool:
        """Works it out as far as it is read; whether that is all of it."""
        if self._whole is None:
            data = attributes_of(self._message[4:]).get(_RULE_EXPRESSIONS, b"")
            table = self._table
            if any(each in data for each in _FOREIGN):
                from portbook.host.firewall.kernel_iptables import read_foreign

                name = self._chain.where.rpartition(" ")[2]
                self._own, self._line, self._whole = read_foreign(data, table.family, name)
            else:
                read = KernelExpressions(table.family, data, self._elements)
                self._own, self._whole = read.expressions, read.whole
                self._expressions = self._own
        return self._whole

    def _elements(self, name: str) -> Elements | None:
        try:
            found = read_elements(_messages(elements(self._table.family, self._table.name, name)))
        except (_Unlike, LookupError, ValueError):
            return None
        return found if generation() == self._number else None

    def _met(self) -> Iterator[object]:
        self._read()
        yield from self._own if self._line is not None else statements_of(self._own)

    def __iter__(self) -> Iterator[object]:
        yield from super().__iter__()
        if not self._read():  # whoever gets on as far as this
            raise Unread

    def _show(self) -> str:
        if not self._read() or self._line == "":
            raise Unread
        return super()._show() if self._line is None else self._line

    def glance(self) -> Guard | None:
        """As :meth:`NftRule.glance`; None too for what isn't read."""
        if not self._read() or self._line is not None:
            return None
        return super().glance()

    def ports(self) -> list[tuple[int, int]] | None:
        """As :meth:`Rule.ports`."""
        raise Unread  # questions about several ports are for those who read all

    def stop(self) -> tuple[str, Intervals, str | None] | None:
        """As :meth:`Rule.stop`."""
        return super().stop() if self.glance() is not None else None

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
