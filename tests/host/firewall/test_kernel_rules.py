"""Rules as the kernel has them: what is plain is read as nft prints it, the rest isn't guessed."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from portbook.host.firewall import Unread, kernel_rules
from portbook.host.firewall.decide import decide
from portbook.host.firewall.kernel_expressions import KernelExpressions
from portbook.host.firewall.kernel_iptables import read_foreign
from portbook.host.firewall.kernel_rules import (
    KernelChain,
    KernelRule,
    read_elements,
    read_kernel_rules,
)
from portbook.host.firewall.nft_json import parse_nft
from portbook.host.firewall.packet_filter import PacketFilter
from portbook.host.firewall.values import Guard, Machine, Ruleset, Table
from portbook.model import Family, Transport
from portbook.model.reach import Outcome
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack(">I", value & 0xFFFFFFFF))


def part(name: str, *attributes: bytes) -> bytes:
    inside = attribute(1, name.encode() + b"\0") + attribute(2, b"".join(attributes))
    return attribute(1, inside)


def meta(key: int) -> bytes:
    return part("meta", number(1, 1), number(2, key))


def load(base: int, offset: int, width: int) -> bytes:
    return part(
        "payload", *(number(*each) for each in ((1, 1), (2, base), (3, offset), (4, width)))
    )


def compare(data: bytes, op: int = 0) -> bytes:
    return part("cmp", number(1, 1), number(2, op), attribute(3, attribute(1, data)))


def mask(data: bytes) -> bytes:
    same = attribute(5, attribute(1, bytes(len(data))))
    return part("bitwise", number(1, 1), number(2, 1), attribute(4, attribute(1, data)), same)


def verdict(code: int, chain: str = "") -> bytes:
    named = attribute(2, chain.encode() + b"\0") if chain else b""
    return part("immediate", number(1, 0), attribute(2, attribute(2, number(1, code) + named)))


def host(value: int) -> bytes:
    return struct.pack("=I", value)


TCP = meta(16) + compare(b"\6")
DPORT = load(2, 2, 2)
STATE = part("ct", number(1, 1), number(2, 0))
STATUS = part("ct", number(1, 1), number(2, 2))
ACCEPT = verdict(1)
OF_PORT = {"payload": {"protocol": "tcp", "field": "dport"}}
OF_STATE = {"ct": {"key": "state"}}


def match(left: object, right: object, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def address(word: str, protocol: str = "ip") -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": word}}


def read(data: bytes, family: str = "inet", elements: object = None) -> KernelExpressions:
    told: Any = elements
    found = KernelExpressions(family, data, lambda _: told)
    found.read(sets=False)  # as for a glance
    found.read()
    return found


@for_each(
    "data, expected",
    [
        (TCP + DPORT + compare(b"\0\x16"), [match(OF_PORT, 22)]),
        (TCP + DPORT + compare(b"\0\x16", 1), [match(OF_PORT, 22, "!=")]),
        (TCP + DPORT + compare(b"\4\0", 5), [match(OF_PORT, 1024, ">=")]),
        (TCP + DPORT + compare(b"\0\5", 5) + compare(b"\0\x09", 3),
         [match(OF_PORT, {"range": [5, 9]})]),
        (meta(16) + compare(b"\x3a"), [match({"meta": {"key": "l4proto"}}, "ipv6-icmp")]),
        (meta(15) + compare(b"\2") + load(1, 12, 1) + compare(b"\x0a"),
         [match(address("saddr"), {"prefix": {"addr": "10.0.0.0", "len": 8}})]),
        (meta(15) + compare(b"\2") + load(1, 16, 4) + mask(b"\xff\xf8\0\0")
         + compare(b"\x0a\0\0\0"),
         [match(address("daddr"), {"prefix": {"addr": "10.0.0.0", "len": 13}})]),
        (meta(15) + compare(b"\x0a") + load(1, 8, 4) + compare(b"\x20\1\x0d\xb8"),
         [match(address("saddr", "ip6"), {"prefix": {"addr": "2001:db8::", "len": 32}})]),
        (meta(6) + compare(b"lo\0"), [match({"meta": {"key": "iifname"}}, "lo")]),
        (meta(6) + compare(b"eth"), [match({"meta": {"key": "iifname"}}, "eth*")]),
        (meta(3) + compare(host(3)), [match({"meta": {"key": "mark"}}, 3)]),
        (STATE + mask(host(6)) + compare(bytes(4), 1),
         [match(OF_STATE, ["established", "related"], "in")]),
        (STATUS + mask(host(32)) + compare(bytes(4), 1),
         [match({"ct": {"key": "status"}}, "dnat", "in")]),
        (TCP + load(2, 0, 4) + compare(b"\0\x43\0\x44"),
         [match({"payload": {"protocol": "tcp", "field": "sport"}}, 67), match(OF_PORT, 68)]),
        (part("fib", number(1, 1), number(2, 1), number(3, 45)) + compare(b"\0"),
         [match({"fib": {"result": "oif", "flags": ["saddr", "mark", "iif"]}}, False)]),
        (STATE + compare(host(2), 1), [match(OF_STATE, "established", "!=")]),
        (part("fib", number(1, 1), number(2, 3), number(3, 2)) + compare(host(2)),
         [match({"fib": {"result": "type", "flags": ["daddr"]}}, "local")]),
        (part("reject", number(1, 2), attribute(2, b"\3")),
         [{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}]),
        (part("limit", attribute(1, struct.pack(">Q", 3)), attribute(2, struct.pack(">Q", 60)),
              number(3, 5), number(4, 0), number(5, 0)),
         [{"limit": {"rate": 3, "burst": 5, "per": "minute"}}]),
        (part("counter"), [{"counter": None}]),
        (verdict(0), [{"drop": None}]),
        (verdict(-3, "sub"), [{"jump": {"target": "sub"}}]),
        (verdict(-5), [{"return": None}]),
    ],
)  # fmt: skip
def test_plain_rules_are_read_as_nft_prints_them(data: bytes, expected: list[Any]) -> None:
    found = read(data)
    assert (found.expressions, found.whole) == (expected, True)


@for_each(
    "data, expected",
    [
        (part("numgen"), []),
        (TCP + DPORT + compare(b"\0\x16") + part("dup"), [match(OF_PORT, 22)]),
        # Between a condition that nft makes and the header that it is for, something may keep it.
        (TCP + meta(3) + compare(host(3)) + DPORT + compare(b"\0\x16"),
         [match({"meta": {"key": "l4proto"}}, "tcp"), match({"meta": {"key": "mark"}}, 3)]),
        (part("meta", number(2, 3), number(3, 1)), []),  # a mark that is set
        (part("immediate", number(1, 1), attribute(2, attribute(1, b"\x0a\0\0\1"))), []),
        (meta(3) + mask(host(1)) + compare(host(1)), []),
        (load(1, 0, 1) + compare(b"\x45"), []),
        (meta(15) + compare(b"\2") + load(1, 12, 4) + mask(b"\xff\0\xff\0") + compare(bytes(4)),
         []),
        (STATE + mask(host(6)) + compare(bytes(4)), []),  # neither of them
        (part("ct", number(1, 1), number(2, 3)) + compare(host(1)), []),  # its mark
        (meta(6) + load(2, 2, 2), []),  # two values for one key
        (part("lookup", attribute(1, b"named\0"), number(2, 1)), []),
        (TCP + load(2, 13, 1) + compare(b"\2"), [match({"meta": {"key": "l4proto"}}, "tcp")]),
        (part("reject", number(1, 1), attribute(2, b"\0")), []),
        (TCP + DPORT, []),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_not_read(data: bytes, expected: list[Any]) -> None:
    found = read(data + ACCEPT)
    assert not found.whole
    assert found.expressions[: len(expected)] == expected


@for_each(
    "elements, right",
    [
        ([(b"\0\x50", False), (b"\0\x16", False)], [22, 80]),
        ([(b"\0\0", True), (b"\0\x16", False), (b"\0\x17", True), (b"\x1f\x40", False),
          (b"\x1f\xa5", True)], [22, {"range": [8000, 8100]}]),
        ([(b"\xff\xfe", False), (b"\0\0", True)], [{"range": [65534, 65535]}]),
        (None, None), ([], None), ([(b"\0\x16", False)], None), ([(b"\0\x16\0\x16", False)], None),
        ([(b"\0\x16", False), (b"\0\x17", False), (b"\0\x18", True)], None),
    ],
)  # fmt: skip
def test_sets_that_are_written_out(elements: Any, right: Any) -> None:
    found = read(TCP + DPORT + part("lookup", attribute(1, b"__set0\0")), elements=elements)
    assert found.whole == (right is not None)
    if right is not None:
        assert found.expressions == [match(OF_PORT, {"set": right})]


def test_elements_with_more_to_them_are_not_read() -> None:
    def message(*attributes: bytes) -> list[bytes]:
        return [bytes(4) + attribute(3, attribute(1, b"".join(attributes)))]

    key = attribute(1, attribute(1, b"\0\x16"))
    assert read_elements(message(key)) == [(b"\0\x16", False)]
    assert read_elements(message(key, number(3, 1))) == [(b"\0\x16", True)]
    assert read_elements(message(key, number(3, 2))) is None  # a catch-all
    assert read_elements(message(key, attribute(4, bytes(8)))) is None  # one that ends


def conntrack(asked: int, states: int, negated: int = 0) -> bytes:
    info = bytes(146) + struct.pack("=HHH", asked, negated, states) + bytes(12)
    return part("match", attribute(1, b"conntrack\0"), number(2, 3), attribute(3, info))


@for_each(
    "data, text, count",
    [
        (conntrack(1, 6) + part("counter") + ACCEPT,
         "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", 2),
        (conntrack(1, 1) + verdict(0), "-A INPUT -m conntrack --ctstate INVALID -j DROP", 2),
        (part("match", attribute(1, b"addrtype\0"), number(2, 1),
              attribute(3, struct.pack("=HHI", 0, 4, 0))) + verdict(-3, "own"),
         "-A INPUT -m addrtype --dst-type LOCAL -j own", 2),
        (part("target", attribute(1, b"LOG\0"), number(2, 0), attribute(3, bytes(32))), "", 0),
        (part("match", attribute(1, b"rt\0"), number(2, 0), attribute(3, bytes(9))) + verdict(0),
         "", 1),
        (conntrack(1, 8, 1) + ACCEPT, None, 0),  # negated
        (conntrack(1, 128) + ACCEPT, None, 0),  # DNAT
        (conntrack(3, 8) + ACCEPT, None, 0),
        (conntrack(1, 1) + part("match", attribute(1, b"recent\0"), number(2, 1),
                                 attribute(3, bytes(9))) + ACCEPT, None, 1),
        (part("target", attribute(1, b"DNAT\0"), number(2, 2), attribute(3, bytes(9))), None, 0),
    ],
)  # fmt: skip
def test_what_iptables_has_for_itself(data: bytes, text: str | None, count: int) -> None:
    statements, shown, whole = read_foreign(data, "ip", "INPUT")
    assert (whole, len(statements)) == (text is not None, count)
    if text is not None:
        assert shown == text


# -- whole rulesets -------------------------------------------------------------------------------


def _message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), 10 << 8 | kind, 2, 1, 0) + body


_DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
_HEAD = b"\1\0\0\7"  # struct nfgenmsg: the family inet, the seventh generation
_TABLE = attribute(1, b"t\0")
TABLES = _message(0, _HEAD + _TABLE + number(2, 0))
HOOK = attribute(4, number(1, 1) + number(2, 0))
CHAINS = _message(
    3,
    b"".join(
        [
            _HEAD,
            _TABLE,
            attribute(3, b"in\0"),
            HOOK,
            number(5, 1),
            attribute(7, b"filter\0"),
            number(6, 1),
        ]
    ),
)


def rule(*parts: bytes) -> bytes:
    return _message(
        6,
        _HEAD
        + _TABLE
        + attribute(2, b"in\0")
        + attribute(3, bytes(8))
        + attribute(4, b"".join(parts)),
    )


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ruleset | None]:
    def reading(
        *rules: bytes,
        tables: bytes = TABLES,
        chains: bytes = CHAINS,
        number: int | None = 7,
    ) -> Ruleset | None:
        told = {1: tables + _DONE, 4: chains + _DONE, 7: b"".join(rules) + _DONE}
        monkeypatch.setattr(kernel_rules, "dumped", lambda kind: [told[kind & 0xFF]])
        monkeypatch.setattr(kernel_rules, "generation", lambda: number)
        monkeypatch.setattr(kernel_rules, "legacy_tables", lambda _: ())
        return read_kernel_rules()

    return reading


DROPS_22 = rule(TCP, DPORT, compare(b"\0\x16"), verdict(0))
ODD_80 = rule(TCP, DPORT, compare(b"\0\x50"), part("numgen"), ACCEPT)


def _asked(ruleset: Ruleset, port: int) -> tuple[str, ...]:
    decisions = decide(
        ruleset, Machine(), family=Family.IPV4, transport=Transport.TCP, destination="192.0.2.1",
        port=port, interface="eth0", later=False,
    )  # fmt: skip
    return tuple(f"{each.outcome} {[rule.text for rule in each.rules]}" for each in decisions)


def test_only_rules_that_are_met_have_to_be_plain(kernel: Callable[..., Ruleset | None]) -> None:
    ruleset = kernel(DROPS_22, ODD_80)
    assert ruleset is not None
    assert _asked(ruleset, 22) == ("dropped ['tcp dport 22 drop']",)
    assert _asked(ruleset, 443) == ("open []",)
    for _ in range(2):
        with pytest.raises(Unread):
            _asked(ruleset, 80)


def test_what_iptables_asks_of_other_packets_does_not_matter(
    kernel: Callable[..., Ruleset | None],
) -> None:
    recent = part("match", attribute(1, b"recent\0"), number(2, 1), attribute(3, bytes(9)))
    ruleset = kernel(rule(meta(16), compare(b"\x11"), recent, ACCEPT), DROPS_22)
    assert ruleset is not None
    assert _asked(ruleset, 22) == ("dropped ['tcp dport 22 drop']",)
    of_tcp = kernel(rule(TCP, recent, ACCEPT), DROPS_22)
    assert of_tcp is not None
    with pytest.raises(Unread):
        _asked(of_tcp, 22)


def test_many_rules_are_left_to_nft(kernel: Callable[..., Ruleset | None]) -> None:
    assert kernel(*[DROPS_22] * 100) is not None
    assert kernel(*[DROPS_22] * 3000) is None


@for_each(
    "changed",
    [
        {"number": 8},  # the rules changed meanwhile
        {"chains": CHAINS.replace(_HEAD, b"\1\0\0\6")},  # or before
        {"number": None},
        {"tables": _message(0, b"\7" + _HEAD[1:] + _TABLE)},  # of a bridge
        {"chains": CHAINS[:-4]},
        {"chains": b""},  # a rule of a chain that isn't told
        {"chains": CHAINS.replace(HOOK, attribute(4, number(1, 5) + number(2, 0)))},  # ingress
    ],
)  # fmt: skip
def test_a_reading_that_is_not_whole_is_none(
    kernel: Callable[..., Ruleset | None], changed: dict[str, Any]
) -> None:
    assert kernel(DROPS_22, **changed) is None


def test_rules_that_put_into_sets_are_left_to_nft(kernel: Callable[..., Ruleset | None]) -> None:
    assert kernel(rule(part("dynset", attribute(1, b"s\0")))) is None


def test_what_only_tools_print_is_asked_of_them_once(
    kernel: Callable[..., Ruleset | None],
) -> None:
    text = """{"nftables": [
      {"chain": {"family": "inet", "table": "t", "name": "in", "type": "filter",
                 "hook": "input", "prio": 0, "policy": "drop"}}]}"""
    asked = []

    def reread() -> PacketFilter:
        asked.append(1)
        return PacketFilter(Ruleset(parse_nft(text)[0]), Machine())

    packets = PacketFilter(kernel(DROPS_22, ODD_80), Machine(), reread=reread)

    def outcome(port: int) -> set[Outcome]:
        told = packets.decide(Family.IPV4, Transport.TCP, "192.0.2.1", port, "eth0", later=False)
        return {each.outcome for each in told}

    assert (outcome(80), len(asked)) == ({Outcome.DROPPED}, 1)
    assert (outcome(443), len(asked)) == ({Outcome.DROPPED}, 1)


def test_several_ports_are_asked_of_the_tools(kernel: Callable[..., Ruleset | None]) -> None:
    asked: Iterator[PacketFilter] = iter([PacketFilter(Ruleset(()), Machine())])
    packets = PacketFilter(kernel(DROPS_22), Machine(), reread=lambda: next(asked))
    for port in (22, 23):
        packets.alike(port, Transport.TCP, (Family.IPV4,))
    assert next(asked, None) is None


def test_of_a_rule_that_is_not_read_only_the_head_is_told() -> None:
    chain = KernelChain(Table("inet", "t", "nftables"), "in", None, "accept", 7)
    odd = KernelRule(ODD_80[16:], chain)
    assert odd.glance() == Guard(protocols=(6,), ports=((80, 80),))
    assert KernelRule(rule(part("numgen"), ACCEPT)[16:], chain).glance() is None
    for asked in (lambda: odd.text, odd.ports, odd.told):
        with pytest.raises(Unread):
            asked()
