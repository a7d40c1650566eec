"""What iptables over nftables has in the kernel for itself, as statements. Pure.

Those matches alone that its plain rules have: xt_conntrack.h and xt_addrtype.h of linux/netfilter.
"""

from __future__ import annotations

import sys

from portbook.host.firewall.kernel_expressions import parts_of, verdict_of
from portbook.host.firewall.values import CT_STATES, Field, Rows, Test, Verdict
from portbook.host.linux.netlink import name_of

_FLAGS_AT = 146  # of struct xt_conntrack_mtinfo3: which are asked, which negated, the states
_STATE = 1
_STATE_ORDER = ("invalid", "new", "related", "established", "untracked")  # as iptables prints them
_TYPES = {2: "unicast", 4: "local", 8: "broadcast", 32: "multicast"}
_TARGETS = {"accept": "ACCEPT", "drop": "DROP", "return": "RETURN"}
_REMARKS = ("LOG", "NFLOG")
# Of headers that a connection's packets don't have: as iptables_matches has it.
_ABSENT = ("icmp", "icmp6", "ah", "esp", "rt", "frag", "hbh", "dst", "mh")


def read_foreign(data: bytes, family: str, chain: str) -> tuple[list[object], str, bool]:
    """The statements of one rule as far as they are read, its text, and whether that is all.

    The text is as iptables-save prints it; "" where that isn't known.
    """
    statements: list[object] = []
    words = [f"-A {chain}"]
    try:
        parts = list(parts_of(data))
        if any(name == b"target" and name_of(inside[1]) in _REMARKS for name, inside in parts):
            return [], "", True  # it only remarks, whatever it asks for
        for name, inside in parts:
            if name == b"counter":
                continue
            if name == b"match" and name_of(inside[1]) in _ABSENT:
                return [*statements, Test((Field("absent"),), "==", Rows([((0, 0),)]))], "", True
            if name == b"match":
                test, text = _match(name_of(inside[1]), inside[2], inside[3], family)
                statements.append(test)
                words.append(text)
            elif name == b"immediate":
                kind, target = verdict_of(inside)
                statements.append(Verdict(kind, target))
                jumps = {"jump": f"-j {target}", "goto": f"-g {target}"}
                words.append(jumps[kind] if target else f"-j {_TARGETS[kind]}")
            else:
                return statements, "", False
    except (LookupError, ValueError):
        return statements, "", False
    return statements, " ".join(words), True


def _match(name: str, revision: bytes, info: bytes, family: str) -> tuple[Test, str]:
    """One match and its words. Raises ValueError and LookupError for what isn't read."""
    if (name, revision) == ("conntrack", b"\0\0\0\3"):
        asked, negated, bits = (_half(info, _FLAGS_AT + each) for each in (0, 2, 4))
        known = [each for each in _STATE_ORDER if CT_STATES[each] & bits]
        if asked != _STATE or negated or bits != sum([CT_STATES[each] for each in known]):
            raise ValueError(name)
        test = Test((Field("ctstate"),), "any", Rows([((bits, bits),)]))
        return test, f"-m conntrack --ctstate {','.join(known).upper()}"
    if (name, revision, family) == ("addrtype", b"\0\0\0\1", "ip"):
        source, destination = _half(info, 0), _half(info, 2)
        if source or any(info[4:8]):
            raise ValueError(name)
        kind = _TYPES[destination]
        test = Test((Field("fib type daddr"),), "==", Rows([(kind,)]))
        return test, f"-m addrtype --dst-type {kind.upper()}"
    raise LookupError(name)


def _half(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 2], sys.byteorder)
