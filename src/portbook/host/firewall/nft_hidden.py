"""What nft's JSON leaves out, taken from its other forms. Pure."""

from __future__ import annotations

import struct

from portbook.host.firewall import CT_L3PROTO, ct_signs
from portbook.host.firewall.values import Chance, Field, Rows, Test
from portbook.host.linux.netlink import attributes_of, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.host.firewall.values import Table

# Patterns are compiled where they are needed: most machines have nothing that hides.
_INGRESS = (
    r"(?m)^table (\S+) (\S+) {$|^\tchain (\S+) {$"
    r"|^\t\ttype \S+ hook ingress devices? (?:= { )?(.*?)(?: })? priority "
)


def add_devices(text: str, tables: Iterable[Table]) -> None:
    """Takes the devices of ingress chains from ``nft list chains``: JSON may lack them."""
    import re

    known = {(table.family, table.name): table for table in tables}
    table, chain = None, None
    for match in re.finditer(_INGRESS, text):
        if match[1]:
            table, chain = known.get((match[1], match[2])), None
        elif match[3]:
            chain = None if table is None else table.chains.get(match[3])
        elif chain is not None and chain.hook is not None:
            names = tuple(name.strip(' "') for name in match[4].split(","))
            chain.hook = chain.hook._replace(device=names)


def is_dormant(text: str) -> bool | None:
    """Whether the table of ``nft list table`` is switched off; None where *text* is none."""
    if not text.startswith("table "):
        return None
    flags = [line[7:].split(",") for line in text.split("\n")[1:3] if line.startswith("\tflags ")]
    return any("dormant" in each for each in flags)


# linux/netfilter/nf_tables.h
_NEW_RULE = 10 << 8 | 6
_TABLE, _HANDLE = 1, 3
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}


def find_l3proto(data: bytes, key: int = CT_L3PROTO) -> frozenset[tuple[str, str, int]]:
    """Rules with ``ct l3proto``, by family, table and handle, from the kernel's own dump of them.

    Before a port, nft doesn't print it, nor another *key* before ``th dport``. Raises ValueError
    for *data* that is no such dump.
    """
    found, place = set(), 0
    try:
        while place < len(data):
            length, kind = struct.unpack_from("=IH", data, place)
            if length < 16:
                raise ValueError("a message without a length")
            body = data[place + 16 : place + length]
            if kind == _NEW_RULE and _loads(body, *ct_signs(key)):
                attributes = attributes_of(body[4:])
                (handle,) = struct.unpack(">Q", attributes[_HANDLE])
                found.add((_FAMILIES[body[0]], name_of(attributes[_TABLE]), handle))
            place += length + 3 & ~3
    except (struct.error, LookupError) as error:
        raise ValueError("it is no dump of rules") from error
    return frozenset(found)


def _loads(body: bytes, name: bytes, key: bytes) -> bool:
    place = body.find(name)
    while place >= 0:
        # The name's 8 bytes, the head of what belongs to it, and the register's 8 come before.
        if body[place + 20 : place + 28] == key:
            return True
        place = body.find(name, place + 1)
    return False


_BYTECODE = (
    r"(?m)^(\S+) (\S+) (\S+) (\d+)(?: \d+)? *\n"
    r"|^  \[ meta load (nfproto|protocol) => reg (\d+) \]\n"
    r"(?:  \[ cmp eq reg (\d+) 0x([0-9a-f]+) \]$)?"
)
_FAMILY_CODES = {"00000002": 2, "0000000a": 10, "00000008": 2, "0000dd86": 10}


def add_hidden_families(text: str, tables: Iterable[Table]) -> None:
    """Takes the conditions that nft doesn't print from ``nft --debug=netlink list ruleset``."""
    import re

    doubtful = {
        (table.family, table.name, chain, str(handle)): rule
        for table in tables
        for (chain, handle), rule in table.doubtful.items()
    }
    rule = None
    for match in re.finditer(_BYTECODE, text):
        if match[1]:
            rule = doubtful.get((match[1], match[2], match[3], match[4]))
            if rule is not None:
                rule.first = rule.first[1:]
        elif rule is not None:
            family = _FAMILY_CODES.get(match[8] or "") if match[6] == match[7] else None
            if family is not None:
                rule.first.append(Test((Field("nfproto"),), "==", Rows([((family, family),)])))
            else:
                rule.first.append(Chance("meta nfproto"))
