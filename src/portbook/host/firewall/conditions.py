"""Conditions over a packet whose source address is left open. Pure.

A condition is answered with two sets of source addresses: those for which it holds, and those for
which it may hold. For what can't be known, that is nobody and everybody.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.host.firewall import address_number
from portbook.host.firewall.intervals import ADDRESSES, NOTHING, Intervals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from portbook.host.firewall.values import Bits, Field, Machine, Part, Row, Rows


class Open:
    """The one value that is left open: the source of the connection."""


class Absent:
    """A field that the packet doesn't have: a rule that reads it never matches."""


OPEN, ABSENT = Open(), Absent()
EPHEMERAL = (1024, 65535)  # RFC 6056: a client's own choice; systems differ where it begins
_MULTICAST = {"ipv4": (0xE0000000, 0xEFFFFFFF), "ipv6": (0xFF << 120, (1 << 128) - 1)}
if TYPE_CHECKING:
    SetChange: TypeAlias = "tuple[str, str, str, bool]"  # table, set; whether it loses something
    # Whether a condition holds, and where that depends on the source, for which sources.
    Answer: TypeAlias = "tuple[bool | None, tuple[tuple[int, int], ...] | None]"
    Value: TypeAlias = "int | str | tuple[int, int] | Open | Absent | Flags | None"


class Flags(NamedTuple):
    """Bits of which those in *known* are known."""

    bits: int
    known: int


class Packet(NamedTuple):
    """A packet at one place in the kernel. None: not known.

    Addresses are numbers; ``OPEN`` stands for the source of the connection, which is the
    destination of the answer. ``sport`` and ``dport`` are numbers or inclusive intervals.
    ``tracked``: None before connection tracking, else whether it is tracked.
    """

    family: str
    protocol: int
    saddr: int | Open | None
    daddr: int | Open | None
    sport: int | tuple[int, int] | None
    dport: int | tuple[int, int] | None
    iif: str | None = ""
    oif: str | None = ""
    mark: int | None = 0
    ctmark: int | None = 0
    tracked: bool | None = None
    state: int = 8  # one of CT_STATES
    tcp_flags: Flags = Flags(2, 0xFF)
    translated: bool = False
    translation_over: bool = False
    original: tuple[int | Open | None, int | tuple[int, int] | None] = (None, None)
    reply: bool = False
    socket_known: bool = False
    added: frozenset[SetChange] = frozenset()
    local: bool | None = None
    source_changed: bool = False  # by NAT

    def with_other_source(self) -> Packet:
        """The packet as NAT of its source makes it, as far as the chains to come can see that.

        An answer that belongs to no connection isn't taken from another address; what this machine
        sends to itself comes in again from an address that isn't worked out.
        """
        if self.socket_known:
            return self._replace(translated=True, daddr=None)
        changed = self._replace(source_changed=True)
        return changed._replace(saddr=None, sport=None) if self.iif == "" else changed


_OF_PACKET: dict[str, Callable[[Packet], Value]] = {
    "saddr": lambda packet: packet.saddr,
    "daddr": lambda packet: packet.daddr,
    "sport": lambda packet: packet.sport,
    "dport": lambda packet: packet.dport,
    "iifname": lambda packet: packet.iif,
    "oifname": lambda packet: packet.oif,
    "l4proto": lambda packet: packet.protocol,
    "nfproto": lambda packet: 10 if packet.family == "ipv6" else 2,  # linux/socket.h
    "version": lambda packet: 6 if packet.family == "ipv6" else 4,
    "mark": lambda packet: packet.mark,
    "tcpflags": lambda packet: packet.tcp_flags,
    "pkttype": lambda _: "host",
    "absent": lambda _: ABSENT,
    # A packet that comes in has no socket yet; one that leaves has.
    "socket owner": lambda packet: None if packet.socket_known or packet.iif == "" else ABSENT,
}


class World:
    """What conditions are answered from besides the packet: the machine and the sets."""

    def __init__(
        self,
        machine: Machine,
        family: str,
        rows: Callable[[Rows | str], Rows | None],
        on_source_port: Callable[[], None],
    ) -> None:
        self.machine, self.family, self.rows = machine, family, rows
        self.everyone = ADDRESSES[family]
        self.on_source_port = on_source_port
        own = []
        for interface in machine.interfaces:
            for text, _ in interface.addresses:
                number = address_number(text) if (":" in text) == (family == "ipv6") else None
                if number is not None:
                    own.append((number, number))
        loopback = (1, 1) if family == "ipv6" else (0x7F000000, 0x7FFFFFFF)
        self._routes: list[tuple[int, int, str]] | None = None
        self.own = Intervals.of([*own, loopback])
        self.changes: Callable[[Rows | str, Packet], list[bool]] = lambda *_: []
        self.hook = ""  # at which the packet is, as its walk says

    def routes(self) -> list[tuple[int, int, str]]:
        """First and last address and interface of every known route, own networks among them."""
        if self._routes is None:
            width = 128 if self.family == "ipv6" else 32
            known = [
                (text, length, interface.name)
                for interface in self.machine.interfaces
                for text, length in interface.addresses
            ]
            for network, name in self.machine.routes or ():
                text, _, length_text = network.partition("/")
                known.append((text, int(length_text or width), name))
            self._routes = []
            for text, length, name in known:
                number = address_number(text)
                if number is not None and (":" in text) == (self.family == "ipv6"):
                    rest = (1 << width - length) - 1
                    self._routes.append((number & ~rest, number | rest, name))
        return self._routes

    def reached_through(self, interface: str) -> Intervals | None:
        """The addresses to which the best route leads through *interface*; None: not known."""
        if self.machine.routes is None:
            return None
        through, taken = NOTHING, NOTHING
        for first, last, name in sorted(self.routes(), key=lambda route: route[1] - route[0]):
            network = Intervals([first, last + 1])
            if name == interface:
                through |= network - taken
            taken |= network
        return through

    def value(self, field: Field, packet: Packet) -> Value:
        """What *field* is in *packet*."""
        other = field.protocols is not None and packet.protocol not in field.protocols
        if other or field.family not in (None, packet.family):
            return ABSENT
        value = self._plain(field.name, packet)
        if field.name == "fragment":  # a connection's first packets aren't in pieces
            return 0 if field.mask is not None and not field.mask & ~0x3FFF else None
        if field.mask is None or value is None or isinstance(value, (Absent, Open, Flags)):
            return value
        return value & field.mask if isinstance(value, int) else None

    def _plain(self, name: str, packet: Packet) -> Value:
        if name in _OF_PACKET:
            return _OF_PACKET[name](packet)
        if name.startswith("ct"):
            return self._tracked(name, packet)
        if name[3:] in ("kind", "type", "group"):
            from portbook.host.firewall.interfaces import trait_of

            device = packet.iif if name[0] == "i" else packet.oif
            return ABSENT if (own := trait_of(self.machine, device, name[3:])) == "" else own
        if name == "fib type daddr":
            return self._kind_of(packet.daddr)
        if name == "fib type daddr iif":
            return self._kind_at(packet.daddr, packet.iif)
        if name == "fib type saddr":
            return self._kind_of(packet.saddr)
        if name == "fib oif iif saddr":
            if self.hook == "prerouting" and packet.iif == "lo":
                return 1  # what this machine sends to itself isn't looked up (nft_fib.h)
            return OPEN if isinstance(packet.saddr, Open) else None
        return None

    def _tracked(self, name: str, packet: Packet) -> Value:
        if name == "ctstate":
            return 64 if packet.tracked is False else packet.state if packet.tracked else 1
        if not packet.tracked:
            return ABSENT
        if name == "ctmark":
            return packet.ctmark
        if name == "ctdirection":
            return int(packet.reply)
        if name == "ctstatus":
            seen = packet.reply or packet.state == 2
            bits = 32 * packet.translated + 2 * seen
            # Whether it is confirmed depends on the hook, SNAT on what comes last.
            return Flags(bits, 1 | 2 | 32 | 4 * (not seen))
        if name in ("ct l4proto", "ct nfproto"):
            return _OF_PACKET[name[3:]](packet)
        if name in ("ct daddr", "ct dport"):
            return packet.original[name == "ct dport"]
        return packet.daddr if packet.reply else packet.saddr if name == "ct saddr" else None

    def _kind_of(self, address: int | Open | None) -> Value:
        if isinstance(address, Open) or address is None:
            return address
        if address in self.own:
            return "local"
        if self.family == "ipv4" and address == 0xFFFFFFFF:
            return "broadcast"
        if _MULTICAST[self.family][0] <= address <= _MULTICAST[self.family][1]:
            return "multicast"
        return "unicast" if self.machine.interfaces else None

    def _kind_at(self, address: int | Open | None, interface: str | None) -> Value:
        """As :meth:`_kind_of`, among the addresses of one interface (inet_dev_addr_type)."""
        if interface is None or not isinstance(address, int) or address not in self.own:
            return None if isinstance(address, Open) else self._kind_of(address)
        theirs = [
            address_number(text)
            for each in self.machine.interfaces
            if each.name == interface
            for text, _ in each.addresses
            if (":" in text) == (self.family == "ipv6")
        ]
        of_loopback = self.family == "ipv4" and address >> 24 == 127 and interface == "lo"
        return "local" if address in theirs or of_loopback else "unicast"

    # -- conditions ---------------------------------------------------------------------------

    def test(
        self, fields: tuple[Field, ...], op: str, rows: Rows | str, packet: Packet
    ) -> tuple[Intervals, Intervals]:
        """For whom a condition holds, and for whom it may hold."""
        values = [self.value(field, packet) for field in fields]
        if any(value is ABSENT for value in values):
            return NOTHING, NOTHING
        known = self.rows(rows)
        if known is None:
            return NOTHING, self.everyone
        if op in ("any", "none"):
            yes, maybe = self._bits(values[0], fields[0], known)
        elif known.otherwise is not None:
            yes, maybe = self.everyone, NOTHING
        else:
            yes, maybe = self._among(fields, values, known, packet)
        if packet.added and (changes := self.changes(rows, packet)):
            may = self.everyone if False in changes else yes | maybe
            yes = NOTHING if True in changes else yes
            maybe = may - yes
        if op in ("!=", "none"):
            yes = self.everyone - yes - maybe
        return yes, maybe

    def _bits(self, value: Value, field: Field, rows: Rows) -> tuple[Intervals, Intervals]:
        part = rows.rows[0][0]
        if isinstance(value, int):
            value = Flags(value, -1)
        if not isinstance(value, Flags) or not isinstance(part, tuple):
            return NOTHING, self.everyone
        mask = part[0] if field.mask is None else part[0] & field.mask
        if value.bits & value.known & mask:
            return self.everyone, NOTHING
        return NOTHING, self.everyone if mask & ~value.known else NOTHING

    def _among(
        self, fields: tuple[Field, ...], values: list[Value], rows: Rows, packet: Packet
    ) -> tuple[Intervals, Intervals]:
        if len(fields) == 1 and fields[0].name in ("saddr", "daddr") and values[0] is OPEN:
            numbers = rows.numbers() if fields[0].mask is None else None
            if numbers is not None:
                return numbers & self.everyone, NOTHING
        elif len(fields) == 1 and isinstance(values[0], int) and (own := rows.numbers()):
            return (self.everyone if values[0] in own else NOTHING), NOTHING
        sure: list[tuple[int, int]] = []
        unsure: list[tuple[int, int]] = []
        everyone = self.everyone.pairs()
        for _, certain, pieces in self.matches(fields, values, rows, packet):
            if certain and pieces == everyone:
                return self.everyone, NOTHING
            (sure if certain else unsure).extend(pieces)
        if not sure and not unsure:
            return NOTHING, NOTHING
        yes = Intervals.of(sure) & self.everyone
        return yes, (Intervals.of(unsure) & self.everyone) - yes if unsure else NOTHING

    def matches(
        self, fields: tuple[Field, ...], values: list[Value], rows: Rows, packet: Packet
    ) -> Iterator[tuple[int, bool, tuple[tuple[int, int], ...]]]:
        """The rows that match or may match: number, whether surely, and for which sources."""
        everyone = self.everyone.pairs()
        for number, row in enumerate(rows.rows):
            certain, pieces = True, everyone
            if len(row) != len(fields):  # not understood: it may match
                yield number, False, everyone
                continue
            for field, value, part in zip(fields, values, row, strict=True):
                answer, sources = self._compare(field, value, part, packet)
                if answer is False:
                    break
                certain = certain and answer is True
                if sources is not None:
                    pieces = sources if pieces is everyone else _common(pieces, sources)
            else:
                if pieces:
                    yield number, certain, pieces

    def _compare(self, field: Field, value: Value, part: Part, packet: Packet) -> Answer:
        """Whether *value* is in *part*, None for perhaps; of the open source, for which."""
        if part is None or value is None:
            return None, None
        if isinstance(value, str):
            return _same_word(value, part), None
        if isinstance(value, Open) and field.name.startswith("fib"):
            return self._open_kind(part) if "type" in field.name else self._way_back(part, packet)
        if not isinstance(part, tuple):
            return None, None
        if isinstance(value, Open):
            return _masked(field, *part, self.family)
        if isinstance(value, Flags):
            mask = 0xFFFF if field.mask is None else field.mask
            known = not mask & ~value.known
            return (part[0] <= value.bits & mask <= part[1] if known else None), None
        if isinstance(value, tuple):
            return self._overlap(field, value, part), None
        return isinstance(value, int) and part[0] <= value <= part[1], None

    def _overlap(self, field: Field, value: tuple[int, int], part: tuple[int, int]) -> bool | None:
        if value[0] >= part[0] and value[1] <= part[1]:
            return True
        if part[1] < value[0] or value[1] < part[0]:
            if field.name == "sport":
                self.on_source_port()
            return False
        return None

    def _way_back(self, part: Part, packet: Packet) -> Answer:
        """Strict source checks: whether a source is reached through the packet's interface."""
        if packet.iif is None or not isinstance(part, tuple) or part not in ((0, 0), (1, 1)):
            return None, None
        through = self.reached_through(packet.iif)
        if through is None:
            return None, None
        return True, (through if part == (1, 1) else self.everyone - through).pairs()

    def _open_kind(self, part: Part) -> Answer:
        if part == "local":
            return True, self.own.pairs()
        if part == "multicast":
            return True, (_MULTICAST[self.family],)
        if part in ("anycast", "nat", "xresolve", "throw"):
            return False, None
        return None, (self.everyone - self.own).pairs()

    def number(self, value: Bits, packet: Packet) -> int | Absent | None:
        """What is assigned to a mark; None where it can't be known."""
        start: Value = 0 if value.field is None else self.value(value.field, packet)
        if isinstance(start, Absent):
            return start
        return start & value.keep ^ value.flip if isinstance(start, int) else None


def _same_word(value: str, part: Row | Part) -> bool | None:
    if not isinstance(part, str):
        return None
    return value.startswith(part[:-1]) if part.endswith("*") else value == part


def _common(
    some: tuple[tuple[int, int], ...], others: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    return (Intervals.of(some) & Intervals.of(others)).pairs()


def _masked(field: Field, first: int, last: int, family: str) -> Answer:
    if field.mask is None:
        return True, ((first, last),)
    rest = (1 << (32 if family == "ipv4" else 128)) - 1 - field.mask
    if rest & rest + 1 or first != last:  # not a prefix
        return None, None
    return (True, ((first, first | rest),)) if not first & rest else (False, None)
