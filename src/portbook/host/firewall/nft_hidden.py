"""What nft's JSON leaves out, taken from its other forms. Pure."""

from __future__ import annotations

from portbook.host.firewall.values import Chance, Field, Rows, Test

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
                rule.first = []
        elif rule is not None:
            family = _FAMILY_CODES.get(match[8] or "") if match[6] == match[7] else None
            if family is not None:
                rule.first.append(Test((Field("nfproto"),), "==", Rows([((family, family),)])))
            else:
                rule.first.append(Chance("meta nfproto"))
