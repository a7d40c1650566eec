"""IPsec policies: they stop packets that come in, or leave, as they are: found, not evaluated.

ip-xfrm(8) and linux/xfrm.h; the kernel is asked by netlink.
"""

from __future__ import annotations

import _socket
import _struct

from portbook._fast_types import NamedTuple
from portbook.host.firewall.intervals import ADDRESSES, Intervals
from portbook.host.linux.netlink import dump
from portbook.model import Family
from portbook.model.finding import FilterKind, NotEvaluated
from portbook.model.reach import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.model.reach import Decision

# linux/netlink.h, linux/xfrm.h
_NETLINK_XFRM, _NEW_POLICY, _GET_POLICY, _GET_DEFAULT = 6, 0x13, 0x15, 0x28
_ASKED, _TOLD = 64, 168  # bytes of xfrm_userpolicy_id and xfrm_userpolicy_info
_SELECTOR = "=16s16s2s2s2s2sHBBB"  # and more
_DIRECTION, _ACTION, _TEMPLATES, _BLOCK = 160, 161, 5, 1
_IN, _OUT, _FORWARD = range(3)
_WAYS = ("in", "out", "fwd")
_PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp", 33: "dccp"}
_FAMILIES = {_socket.AF_INET: Family.IPV4, _socket.AF_INET6: Family.IPV6}


class Policy(NamedTuple):
    """A policy: which way, between which addresses here and elsewhere, over what; None, 0: any.

    ``port`` is this machine's, with the mask that it is compared under.
    """

    way: int
    family: Family
    here: tuple[int, int]
    there: tuple[int, int]
    transport: str | None
    port: tuple[int, int]
    text: str

    def takes(self, transport: str, address: int, ports: Iterable[int]) -> bool:
        """Whether it is about connections to *address* of this machine on one of *ports*."""
        number, mask = self.port
        return (
            self.transport in (None, transport)
            and self.here[0] <= address <= self.here[1]
            and any(number & mask == port & mask for port in ports)
        )


def parted(
    decision: Decision, policies: Iterable[Policy], transport: str, address: int, port: int
) -> Iterator[Decision]:
    """*decision*, with those sources apart about whom one of *policies* may decide otherwise."""
    rest = Intervals.in_order(decision.sources)
    ends = (port, decision.delivered_to or port)
    for each in policies if decision.outcome is Outcome.OPEN else ():
        if each.family is not decision.family:
            continue
        if not decision.forwarded and (
            each.way == _FORWARD or not each.takes(transport, address, ends)
        ):
            continue
        if decision.forwarded and each.way == _IN:
            continue
        spans = (each.there, each.here) if decision.forwarded else (each.there,)
        hit = rest & Intervals.of([*spans])
        if hit:
            doubts = (*decision.not_evaluated, NotEvaluated(FilterKind.IPSEC, each.text))
            rest -= hit
            unknown = decision._replace(outcome=Outcome.UNKNOWN, not_evaluated=doubts)
            yield unknown._replace(sources=tuple(hit.pairs()))
    if rest:
        yield decision._replace(sources=tuple(rest.pairs()))


def read_policies() -> tuple[Policy, ...]:
    """The policies in force that ask for IPsec or block. Raises OSError or ValueError."""
    netlink = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETLINK_XFRM)
    try:
        netlink.settimeout(1)
        found = []
        for body, attributes in dump(netlink, _GET_POLICY, _NEW_POLICY, bytes(_ASKED), size=_TOLD):
            way, blocks = body[_DIRECTION], body[_ACTION] == _BLOCK
            # What is bound to a socket has other numbers; what allows all is no condition.
            if way < len(_WAYS) and (blocks or _TEMPLATES in attributes):
                found.append(_policy_of(body, blocks=blocks))
        return (*found, *_defaults(netlink))
    finally:
        netlink.close()


def _policy_of(body: bytes, *, blocks: bool) -> Policy:
    """The policy in *body*, as xfrm_userpolicy_info has it."""
    daddr, saddr, dport, dmask, sport, smask, kind, dlength, slength, protocol = (
        _struct.unpack_from(_SELECTOR, body)
    )
    way = body[_DIRECTION]
    family = _FAMILIES.get(kind, Family.IPV4)
    target, source = _span(family, daddr, dlength), _span(family, saddr, slength)
    to = int.from_bytes(dport, "big"), int.from_bytes(dmask, "big")
    of = int.from_bytes(sport, "big"), int.from_bytes(smask, "big")
    # As ip-xfrm(8) prints it.
    words = f"dir {_WAYS[way]} src {_shown(family, saddr, slength)}"
    words += f" dst {_shown(family, daddr, dlength)}"
    words += f" proto {_PROTOCOLS.get(protocol, protocol)}" if protocol else ""
    words += f" sport {of[0]}" if of[1] else ""
    words += f" dport {to[0]}" if to[1] else ""
    words += " action block" if blocks else ""
    here, there, port = (source, target, of) if way == _OUT else (target, source, to)
    # Another protocol than those with ports is none that is asked about.
    transport = None if not protocol else _PROTOCOLS.get(protocol, "none")
    return Policy(way, family, here, there, transport, port, words)


def _span(family: Family, address: bytes, length: int) -> tuple[int, int]:
    size = 32 if family is Family.IPV4 else 128
    number = int.from_bytes(address[: size // 8], "big")
    rest = (1 << size - min(length, size)) - 1
    return number & ~rest, number | rest


def _shown(family: Family, address: bytes, length: int) -> str:
    known = family is Family.IPV4
    kind, data = (_socket.AF_INET, address[:4]) if known else (_socket.AF_INET6, address)
    return f"{_socket.inet_ntop(kind, data)}/{length}"


def _defaults(netlink: _socket.socket) -> Iterator[Policy]:
    """Those for what no policy is about, where they block; older kernels have none."""
    netlink.send(_struct.pack("=IHHII4x", 20, _GET_DEFAULT, 1, _GET_DEFAULT, 0))
    data = netlink.recv(1 << 16)
    if len(data) < 19 or _struct.unpack_from("=4xH", data) != (_GET_DEFAULT,):
        return
    for way, place in ((_IN, 16), (_FORWARD, 17), (_OUT, 18)):  # xfrm_userpolicy_default
        if data[place] == _BLOCK:
            for family in Family:
                whole = ADDRESSES[family].pairs()[0]
                text = f"dir {_WAYS[way]} action block by default"
                yield Policy(way, family, whole, whole, None, (0, 0), text)
