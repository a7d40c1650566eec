"""The packets that rules of address translation hold for, and where they are sent. Pure.

Ports, protocols and families are worked out; any other condition stays as a tool's words.

>>> fields = Field("daddr", family="ipv4"), Field("dport", protocols=(TCP,))
>>> one = packets_of_row(fields, ((0x0A000000, 0x0AFFFFFF), (80, 80)), "")
>>> one.protocols, one.ports, one.family.value, one.conditions
((6,), Intervals.of([(80, 80)]), 'ipv4', ('ip daddr 10.0.0.0/8',))
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.host.firewall.intervals import Intervals
from portbook.host.firewall.values import (
    CT_STATES,
    CT_STATUS,
    DCCP,
    SCTP,
    TCP,
    UDP,
    UDPLITE,
    Field,
)
from portbook.model import Family, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.host.firewall.values import Part

    Target = tuple[str | None, int | None, int | None]  # an address or several, and ports

PORTS = Intervals([0, 65536])
_TRANSPORTS = {
    TCP: Transport.TCP, UDP: Transport.UDP, SCTP: Transport.SCTP, DCCP: Transport.DCCP,
    UDPLITE: Transport.UDP,
}  # fmt: skip
# linux/socket.h; RFC 791 and RFC 8200
_FAMILIES = {
    "nfproto": {2: Family.IPV4, 10: Family.IPV6}, "version": {4: Family.IPV4, 6: Family.IPV6},
}  # fmt: skip
FOLLOWED = ("dport", "ct dport", "l4proto", *_FAMILIES)
_ADDRESSES = ("saddr", "daddr", "ct saddr", "ct daddr")
_SPACED: Mapping[str, Mapping[str, int]] = {
    "ctstate": CT_STATES, "ctstatus": CT_STATUS, "ctmark": {}, "ctdirection": {},
}  # fmt: skip


class Unknown(Exception):
    """A value that can't be worked out."""


class Packets(NamedTuple):
    """The packets that a rule, or a path of rules, holds for; None: any."""

    protocols: tuple[int, ...] | None = None
    ports: Intervals = PORTS
    family: Family | None = None
    conditions: tuple[str, ...] = ()

    def narrowed(self, other: Packets) -> Packets | None:
        """The packets that are in both, or None where there are none."""
        protocols = self.protocols
        if protocols is None:
            protocols = other.protocols
        elif other.protocols is not None:
            protocols = tuple(each for each in protocols if each in other.protocols)
        ports = self.ports if other.ports is PORTS else self.ports & other.ports
        family = self.family or other.family
        if protocols == () or not ports or (other.family and family != other.family):
            return None
        conditions = self.conditions
        if other.conditions:
            conditions = tuple(dict.fromkeys(conditions + other.conditions))
        return Packets(protocols, ports, family, conditions)

    @property
    def weight(self) -> int:
        """About how much there is to go through to compare them with others."""
        return 1 + (len(self.ports.bounds) // 2 + len(self.conditions)) // 8

    def transports(self) -> Iterator[tuple[Transport | None, tuple[str, ...]]]:
        """Their transports, each with its conditions: UDP-Lite shares UDP's ports."""
        if self.protocols is None:
            yield None, self.conditions
        for protocol in self.protocols or ():
            if protocol != UDPLITE:
                yield _TRANSPORTS[protocol], self.conditions
            elif UDP not in (self.protocols or ()):
                yield Transport.UDP, (*self.conditions, "udplite")


def packets_having(fields: Iterable[Field]) -> Packets:
    """The packets that have *fields* at all."""
    packets: Packets | None = Packets()
    for field in fields:
        family = None if field.family is None else Family(field.family)
        packets = packets and packets.narrowed(Packets(field.protocols, family=family))
    return Packets((), Intervals([])) if packets is None else packets


def packets_of_numbers(field: Field, numbers: Intervals, other: bool) -> Packets | None:
    """The packets whose *field*, one that is followed, is among *numbers*, or is another."""
    having = packets_having([field])
    if field.name in ("dport", "ct dport"):
        ports = PORTS - numbers if other else numbers & PORTS
        return having.narrowed(Packets(ports=ports))
    if field.name == "l4proto":
        protocols = tuple(each for each in _TRANSPORTS if (each in numbers) != other)
        if other and UDP not in protocols:  # who leaves out UDP thinks of no UDP-Lite
            protocols = tuple(each for each in protocols if each != UDPLITE)
        return having.narrowed(Packets(protocols))
    found = [each for number, each in _FAMILIES[field.name].items() if (number in numbers) != other]
    if len(found) == 1:
        return having.narrowed(Packets(family=found[0]))
    return having if found else None


def packets_of_row(fields: tuple[Field, ...], row: tuple[Part, ...], text: str) -> Packets | None:
    """The packets of one element of a set or map; *text* is the whole condition.

    An element of another number of parts isn't understood: any packet that has *fields* may be one.
    """
    if len(row) != len(fields):
        return packets_having(fields)._replace(conditions=(text or "?",))
    packets: Packets | None = Packets()
    for field, part in zip(fields, row, strict=True):
        if field.name in FOLLOWED and field.mask is None and isinstance(part, tuple):
            one = packets_of_numbers(field, Intervals.of([part]), False)
        else:
            one = packets_having([field])._replace(conditions=(_words(field, part) or text,))
        if one is None or packets is None or field.name == "absent":
            return None
        packets = packets.narrowed(one)
    return packets


def _words(field: Field, part: Part) -> str | None:
    """*field* and its value as nft writes them; None where the value wasn't understood.

    >>> _words(Field("daddr", family="ipv4"), (0x0A000000, 0x0AFFFFFF))
    'ip daddr 10.0.0.0/8'
    """
    if part is None or (field.name == "?" and not field.text):
        return None
    prefix = {"ipv4": "ip ", "ipv6": "ip6 ", None: ""}[field.family]
    words = field.name.replace("ct", "ct ", 1) if field.name in _SPACED else field.name
    if field.name in _ADDRESSES:
        words = prefix + words
    elif field.name == "sport":
        words = "tcp sport" if field.protocols == (TCP,) else "th sport"
    elif words.startswith("fib "):
        _, result, flags = words.split(" ", 2)
        words = f"fib {flags.replace(' ', ' . ')} {result}"
    if field.text:
        words = f"{field.text} =="
    mask = "" if field.mask is None else f" & {field.mask:#x}"
    return f"{words}{mask} {_value(field, part)}"


def _value(field: Field, part: tuple[int, int] | str) -> str:
    if isinstance(part, str):
        return part
    if field.name in _ADDRESSES:
        family = Family.IPV6 if field.family == "ipv6" or part[1] >> 32 else Family.IPV4
        return _addresses(part, family, blocks=True)
    names = [name for name, bit in _SPACED.get(field.name, {}).items() if part[0] & bit]
    return ",".join(names) or "-".join(dict.fromkeys(map(str, part)))


def target_of(goals: object, family: Family | None, shifted: bool) -> Target:
    """An address and a port as DNAT has them. Raises Unknown for what isn't both."""
    if not isinstance(goals, tuple) or len(goals) != 2:
        raise Unknown
    text, first, last = None, None, None
    if goals[0] is not None:
        span = _span(goals[0])
        if family is None:
            family = Family.IPV6 if span[1] >> 32 else Family.IPV4
        text = _addresses(span, family, blocks=shifted)
    if goals[1] is not None:
        first, last = _span(goals[1])
        if not 0 <= first <= last <= 65535:
            raise Unknown
    return text, first, last


def _span(goal: object) -> tuple[int, int]:
    if isinstance(goal, tuple) and len(goal) == 2 and all(type(each) is int for each in goal):
        return goal[0], goal[1]
    raise Unknown


def _addresses(span: tuple[int, int], family: Family, *, blocks: bool) -> str:
    """One address, a block of them as nft and iptables write it, or a range."""
    import _socket

    kind, width = (_socket.AF_INET6, 16) if family is Family.IPV6 else (_socket.AF_INET, 4)
    try:
        first, last = (_socket.inet_ntop(kind, number.to_bytes(width, "big")) for number in span)
    except OverflowError:
        raise Unknown from None
    size = span[1] - span[0] + 1
    if size == 1:
        return first
    if blocks and size > 0 and not size & size - 1 and not span[0] % size:
        return f"{first}/{8 * width + 1 - size.bit_length()}"
    return f"{first}-{last}"
