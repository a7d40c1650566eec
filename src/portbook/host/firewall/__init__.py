"""Rules of nftables and iptables, read and followed; here, whether there can be any at all.

The kernel is asked itself, which takes a tenth of a millisecond. To run the tools that print rules
(:mod:`portbook.host.firewall.ruleset`) takes fifty times as long.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
_NETLINK_NETFILTER = 12
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_DUMP, _NLM_F_DUMP_INTR = 0x01, 0x300, 0x10
_NF_TABLES = 10 << 8  # the subsystem's number stands above the message's
GET_TABLE = _NF_TABLES | 1
_NEW_CHAIN, GET_CHAIN = _NF_TABLES | 3, _NF_TABLES | 4
GET_RULE = _NF_TABLES | 7
_GET_ELEMENTS = _NF_TABLES | 13
_CT_KEY, CT_L3PROTO, CT_PROTOCOL = 2, 7, 10
_NEW_GEN, _GET_GEN = _NF_TABLES | 15, _NF_TABLES | 16
_CHAIN_TYPE = 7
BASE_KINDS = (b"filter\0", b"nat\0", b"route\0")  # of chains that packets meet by themselves
_SET_TABLE, _SET_NAME = 1, 2
_FAMILIES = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}  # linux/netfilter.h
_SEQUENCE = 1
TRANSPORTS = {"tcp": 6, "udp": 17, "sctp": 132, "dccp": 33, "udplite": 136}  # linux/in.h


class Unread(Exception):
    """A packet meets a rule with something that only nft and iptables can print."""


def may_redirect() -> bool:
    """Whether there can be NAT rules, and this user may read them."""
    return (
        sys.platform.startswith("linux")
        and os.geteuid() == 0
        and kernel_may_translate()
        and (has_nat_chains() is not False or any(map(legacy_nat, ("ip", "ip6"))))
    )


def kernel_may_translate(proc: str = "/proc", sys: str = "/sys") -> bool:
    """Whether the kernel tracks connections, without which it can't translate addresses.

    nf_nat depends on nf_conntrack. That has parameters, so it is in /sys/module whether it is
    built in or loaded, and it has a setting in /proc/sys, which some containers don't show.
    """
    return (
        not os.path.isdir(f"{sys}/module")
        or os.path.exists(f"{sys}/module/nf_conntrack")
        or os.path.exists(f"{proc}/sys/net/netfilter/nf_conntrack_max")
    )


def legacy_nat(family: str, proc: str = "/proc") -> bool:
    """Whether iptables (*family* ``ip``) or ip6tables (``ip6``) has a table of NAT of its own."""
    return "nat" in legacy_tables(family, proc)


def legacy_tables(family: str, proc: str = "/proc") -> tuple[str, ...]:
    """The tables of iptables (*family* ``ip``), ip6tables (``ip6``) or arptables (``arp``).

    Those of nftables aren't among them.
    """
    try:
        with open(f"{proc}/thread-self/net/{family}_tables_names", "rb") as file:
            return tuple(file.read().decode().split())
    except (OSError, ValueError):
        return ()


def generation() -> int | None:
    """The number that the kernel raises with every change of nftables' rules; None: not told."""
    import _socket
    import _struct

    try:
        netlink = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETLINK_NETFILTER)
    except OSError:
        return None
    try:
        netlink.settimeout(1)
        netlink.send(_struct.pack("=IHHIIBBH", 20, _GET_GEN, _NLM_F_REQUEST, _SEQUENCE, 0, 0, 0, 0))
        data = netlink.recv(1 << 16)
    except OSError:
        return None
    finally:
        netlink.close()
    # struct nlmsghdr, struct nfgenmsg, then the attribute NFTA_GEN_ID, in network order
    if len(data) < 28 or data[4:6] != _struct.pack("=H", _NEW_GEN) or data[22:24] != b"\x01\0":
        return None
    return int.from_bytes(data[24:28], "big")


def has_nat_chains() -> bool | None:
    """Whether nftables has a chain of the type ``nat``: rules that redirect stand in no other.

    None where the kernel doesn't say.
    """
    types = chain_types()
    return None if types is None else "nat" in types


def chain_types() -> set[str] | None:
    """The types of the chains of nftables, of which base chains have one; None: not told."""
    try:
        return parse_chains(b"".join(dumped(GET_CHAIN)))
    except ValueError:
        return None


def rules_on_l3proto() -> bytes:
    """The rules of nftables as the kernel has them, where one may have what nft may not print.

    That is ``ct l3proto`` or ``ct protocol``. Nothing where none has, or the kernel doesn't tell:
    nft says then what is wrong.
    """
    data = b"".join(dumped(GET_RULE))
    keys = (CT_L3PROTO, CT_PROTOCOL)
    return data if any(all(sign in data for sign in ct_signs(key)) for key in keys) else b""


def ct_signs(key: int) -> tuple[bytes, bytes]:
    """What the kernel's bytes of a ``ct`` expression have: its name, and what it loads."""
    import _struct

    return (
        _struct.pack("=HH", 7, 1) + b"ct\0\0",
        _struct.pack("=HH", 8, _CT_KEY) + bytes((0, 0, 0, key)),
    )


def elements(family: str, table: str, name: str) -> Iterator[bytes]:
    """What the kernel answers when it is asked for the elements of a set, piece by piece.

    Nothing, or not all of it, where it doesn't tell. nft takes four times as long to print them.
    """
    if family not in _FAMILIES:
        return iter(())
    import _struct

    attributes = b""
    for kind, word in ((_SET_TABLE, table), (_SET_NAME, name)):
        text = word.encode("utf-8", "surrogateescape") + b"\0"
        attributes += _struct.pack("=HH", 4 + len(text), kind) + text + bytes(-len(text) % 4)
    return dumped(_GET_ELEMENTS, _FAMILIES[family], attributes)


def chain_request(kind: int = GET_CHAIN, family: int = 0, attributes: bytes = b"") -> bytes:
    """The netlink message that asks for the chains of all families, or for what else *kind* is."""
    flags, length = _NLM_F_REQUEST | _NLM_F_DUMP, 20 + len(attributes)
    import _struct

    # struct nlmsghdr, then struct nfgenmsg: version 0
    head = _struct.pack("=IHHIIBBH", length, kind, flags, _SEQUENCE, 0, family, 0, 0)
    return head + attributes


def dumped(kind: int, family: int = 0, attributes: bytes = b"") -> Iterator[bytes]:
    """What the kernel answers to a question, until it says that it is done; 0: of all families."""
    import _socket
    import _struct

    try:
        netlink = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETLINK_NETFILTER)
    except OSError:
        return
    try:
        netlink.settimeout(1)
        netlink.send(chain_request(kind, family, attributes))
        ended = False
        while not ended and (piece := netlink.recv(1 << 16)):
            yield piece
            place = 0
            while place + 16 <= len(piece) and not ended:
                length, kind = _struct.unpack_from("=IH", piece, place)
                ended = length < 16 or kind in (_NLMSG_DONE, _NLMSG_ERROR)
                place += length + 3 & ~3
    except OSError:
        return
    finally:
        netlink.close()


def parse_chains(data: bytes) -> set[str] | None:
    """The types of the chains in *data*, the kernel's answer; None while it isn't whole.

    Raises ValueError for an error, for bytes that are no such answer, and where the rules changed
    while they were read (NLM_F_DUMP_INTR).
    """
    import _struct

    types: set[str] = set()
    place, end = 0, len(data)
    while place < end:
        if end - place < 16:
            raise ValueError("a netlink header is cut short")
        length, kind, flags, sequence, _ = _struct.unpack_from("=IHHII", data, place)
        if length < 16 or place + length > end or sequence != _SEQUENCE:
            raise ValueError("no answer to the question")
        if flags & _NLM_F_DUMP_INTR or kind not in (_NEW_CHAIN, _NLMSG_DONE, _NLMSG_ERROR):
            raise ValueError("not an answer that says anything")
        if kind != _NEW_CHAIN:  # both end with an errno, which is 0 where all went well
            if length >= 20 and not any(data[place + 16 : place + 20]) and kind == _NLMSG_DONE:
                return types
            raise ValueError("the kernel refuses")
        types.add(_chain_type(data[place + 20 : place + length]))
        place += length + 3 & ~3
    return None


def _chain_type(attributes: bytes) -> str:
    import _struct

    place = 0
    while place + 4 <= len(attributes):
        length, kind = _struct.unpack_from("=HH", attributes, place)
        if length < 4:
            raise ValueError("an attribute without a length")
        if kind & 0x3FFF == _CHAIN_TYPE:  # above it are two flags
            return attributes[place + 4 : place + length].rstrip(b"\0").decode("utf-8", "replace")
        place += length + 3 & ~3
    return ""  # one that is only jumped to


def address_number(text: str) -> int | None:
    """The number of an IPv4 or IPv6 address; None where it is none."""
    import _socket

    family = _socket.AF_INET6 if ":" in text else _socket.AF_INET
    try:
        return int.from_bytes(_socket.inet_pton(family, text), "big")
    except (OSError, ValueError):
        return None
