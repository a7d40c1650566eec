"""Rulesets read with tools that fail, and text that nobody printed: a gap, never a guess."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.host.firewall.decide import decide
from portbook.host.firewall.intervals import Intervals
from portbook.host.firewall.iptables_rules import parse_iptables
from portbook.host.firewall.nft_elements import parse_dump, parse_elements
from portbook.host.firewall.nft_glance import hides_protocol
from portbook.host.firewall.nft_hidden import add_devices, add_hidden_families
from portbook.host.firewall.nft_json import parse_nft
from portbook.host.firewall.ruleset import BegunReading, read_ruleset
from portbook.host.firewall.values import Interface, Machine, Ruleset
from portbook.host.run_tool import Printed, RunningTool
from portbook.model import Family, GapCode, Transport
from portbook.model.reach import Outcome
from tests.counts import PROOF, examples
from tests.host.firewall.test_decide import ACCEPT, DROP, SADDR, chain, match, rule
from tests.real.needs import need_linux

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SET = {"family": "inet", "table": "t", "name": "s", "type": "ipv4_addr"}
LISTING = [
    {"set": SET},
    chain("in", "input"),
    rule("in", match(SADDR, "@s"), DROP),
]


@pytest.fixture(autouse=True)
def root_on_linux() -> None:
    need_linux()
    if os.geteuid():
        pytest.skip("only root is shown rules")


def printed(objects: list[Any]) -> Printed:
    return Printed(0, json.dumps({"nftables": objects}).encode(), b"")


def answers(
    listing: Printed | None, elements: Printed | None = None
) -> Callable[[list[str], float], Printed | None]:
    """A tool that prints what nft would."""

    def tool(argv: list[str], _: float) -> Printed | None:
        if argv[0] != "nft":
            return None
        return elements if "set" in argv else listing

    return tool


def outcomes(ruleset: Ruleset) -> set[str]:
    return {str(one.outcome) for one in everything(ruleset)}


def everything(ruleset: Ruleset) -> Any:
    return decide(
        ruleset, Machine(), family=Family.IPV4, transport=Transport.TCP, destination="192.0.2.1",
        port=80, interface="eth0",
    )  # fmt: skip


def codes(ruleset: Ruleset) -> list[GapCode]:
    return [gap.code for gap in ruleset.gaps]


def test_elements_are_asked_for_where_a_rule_needs_them() -> None:
    elements = printed([{"set": {**SET, "elem": ["192.0.2.7"]}}])
    ruleset = read_ruleset(tool=answers(printed(LISTING), elements), number=lambda: 1)
    assert outcomes(ruleset) == {"open", "dropped"}
    assert codes(ruleset) == []


@pytest.mark.parametrize(
    ("tool", "code"),
    [
        (answers(None), GapCode.FIREWALL_NO_TOOL),
        (answers(Printed(None, b"", b"")), GapCode.TOOL_LATE),
        (answers(Printed(None, b"", b"", too_much=True)), GapCode.FIREWALL_UNREADABLE),
        (answers(printed(LISTING[2:])), GapCode.FIREWALL_UNREADABLE),  # a rule's chain isn't there
        (answers(Printed(1, b"", b"Operation not permitted")), GapCode.TOOL_FAILED),
        (answers(Printed(-9, b"", b"")), GapCode.TOOL_FAILED),
        (answers(Printed(0, b'{"nftables": [{"table', b"")), GapCode.FIREWALL_UNREADABLE),
        (answers(Printed(0, b"[]", b"")), GapCode.FIREWALL_UNREADABLE),
    ],
)
def test_a_tool_that_fails_leaves_everything_unknown(tool: Any, code: GapCode) -> None:
    ruleset = read_ruleset(tool=tool, number=lambda: 5)
    assert codes(ruleset) == [code]
    assert outcomes(ruleset) == {"unknown"}


@pytest.mark.parametrize("text", ["", "{", '{"nftables": [{"table', "[1, 2", "nonsense"])
def test_json_that_is_cut_off_is_refused_where_its_module_was_never_loaded(text: str) -> None:
    code = (
        "import sys\n"
        "from portbook.host.firewall.nft_text import load_json\n"
        "assert 'json' not in sys.modules\n"
        "try:\n    load_json(sys.argv[1])\nexcept ValueError:\n    print('refused')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, text], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_rules_that_change_while_they_are_read_are_not_guessed() -> None:
    numbers: Iterator[int] = iter(range(100))
    ruleset = read_ruleset(tool=answers(printed(LISTING)), number=lambda: next(numbers))
    assert codes(ruleset) == [GapCode.FIREWALL_CHANGING]
    assert outcomes(ruleset) == {"unknown"}


def test_a_set_that_changes_after_the_rules_were_read_is_not_guessed() -> None:
    numbers = iter([1, 1, 2, 2])
    elements = printed([{"set": {**SET, "elem": ["192.0.2.7"]}}])
    ruleset = read_ruleset(tool=answers(printed(LISTING), elements), number=lambda: next(numbers))
    assert outcomes(ruleset) == {"unknown"}
    assert codes(ruleset) == [GapCode.FIREWALL_CHANGING]


MIXED = [
    {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter",
               "hook": "input", "prio": 0, "policy": "drop"}},
    *[
        {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "expr": expressions}}
        for expressions in (
            [match({"payload": {"protocol": "ip", "field": "saddr"}}, "192.0.2.7"),
             {"xt": {"type": "target", "name": "ACCEPT"}}],
            [{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}},
                       "data": {"set": [[80, DROP]]}}}],
            [ACCEPT],
        )
    ],
]  # fmt: skip
SAVED = """*filter
:INPUT DROP [0:0]
-A INPUT -s 192.0.2.7/32 -m comment --comment "it\\'s" -j ACCEPT
-A INPUT -p tcp
-A INPUT -j ACCEPT
COMMIT
"""


@pytest.mark.parametrize(
    ("saved", "reached"),
    [
        (SAVED, {"open", "dropped"}),
        (SAVED.replace("-A INPUT -p tcp\n", ""), {"unknown", "dropped"}),
    ],
)
def test_of_nfts_rules_in_a_table_of_iptables_nothing_is_lost(
    saved: str, reached: set[str]
) -> None:
    """iptables-nft-save prints a map of verdicts as if it were nothing: its rule stays nft's."""

    def tool(argv: list[str], _: float) -> Printed | None:
        if argv[0] == "nft":
            return printed(MIXED)
        return Printed(0, saved.encode(), b"") if argv[0] == "iptables-nft-save" else None

    ruleset = read_ruleset(tool=tool, number=lambda: 1)
    assert outcomes(ruleset) == reached
    texts = {one.rules[-1].text for one in everything(ruleset) if one.outcome == "dropped"}
    assert texts == {"tcp dport vmap { 80 : drop }"}


def test_iptables_is_asked_about_the_families_that_matter_alone() -> None:
    six = json.loads(json.dumps(MIXED).replace('"ip"', '"ip6"'))

    def tools(*families: Family) -> list[str]:
        run: list[str] = []

        def tool(argv: list[str], _: float) -> Printed | None:
            run.append(argv[0])
            return printed(MIXED + six) if argv[0] == "nft" else Printed(0, SAVED.encode(), b"")

        read_ruleset(tool=tool, number=lambda: 1, families=families)
        return run

    assert tools(Family.IPV4) == ["nft", "iptables-nft-save"]
    assert tools(Family.IPV4, Family.IPV6) == ["nft", "iptables-nft-save", "ip6tables-nft-save"]


@pytest.mark.parametrize("elements", [None, Printed(1, b"", b"No such file"), printed([])])
def test_a_set_that_is_not_shown_is_unknown_where_it_matters(elements: Printed | None) -> None:
    ruleset = read_ruleset(tool=answers(printed(LISTING), elements), number=lambda: 1)
    assert outcomes(ruleset) == {"unknown"}
    assert GapCode.FIREWALL_SET_UNREAD in codes(ruleset)
    listed = elements is not None and not elements.status
    told = [gap.detail for gap in ruleset.gaps if gap.code is GapCode.FIREWALL_SET_UNREAD]
    assert told
    assert all((detail == "nft did not list it") is not listed for detail in told)


SEVERAL = [{**SET, "name": name, "elem": [f"192.0.2.{place}"]} for place, name in enumerate("sab")]


@pytest.mark.parametrize(
    ("together", "alone"),
    [
        (printed([{"set": each} for each in SEVERAL]), ""),
        (printed([{"set": SEVERAL[0]}, {"set": {**SET, "name": "a"}}]), "ab"),  # no elements
        (Printed(None, b"", b""), "sab"),  # it took too long
        (Printed(1, b"", b"syntax error"), "sab"),
        (Printed(0, b'{"nftables": [{"set', b""), "sab"),
        (None, "sab"),
    ],
)
def test_the_sets_of_a_table_are_listed_together(together: Printed | None, alone: str) -> None:
    asked: list[list[str]] = []
    sets = [{"set": {**SET, "name": each["name"]}} for each in SEVERAL]
    rules = [rule("in", match(SADDR, f"@{each['name']}"), DROP) for each in SEVERAL]

    def tool(argv: list[str], _: float) -> Printed | None:
        asked.append(argv)
        if argv[0] != "nft":
            return None
        if "sets" in argv:
            return together
        if "set" in argv:
            return printed([{"set": each} for each in SEVERAL if each["name"] == argv[-1]])
        return printed([*sets, chain("in", "input"), *rules])

    ruleset = read_ruleset(tool=tool, number=lambda: 1)
    assert outcomes(ruleset) == {"open", "dropped"}
    assert codes(ruleset) == []
    assert sum(argv[2:] == ["list", "sets", "table", "inet", "t"] for argv in asked) == 1
    assert "".join([argv[-1] for argv in asked if argv[3:4] == ["set"]]) == alone


def test_nft_that_was_started_ahead_prints_what_holds_then() -> None:
    numbers = iter([1, 2, 2, 2])  # the rules change behind its start
    started = []

    def start(argv: list[str]) -> RunningTool:
        started.append(argv)
        return RunningTool(["/bin/echo", '{"nftables": []}'], "/bin")

    begun = BegunReading(start, lambda: next(numbers))
    asked = []

    def tool(argv: list[str], seconds: float) -> Printed | None:
        asked.append(argv)
        if len(asked) == 1:
            return begun.tool(argv, seconds)
        return printed([chain("in", "input", "drop")]) if argv[0] == "nft" else None

    assert outcomes(read_ruleset(tool=tool, number=begun.number)) == {"dropped"}
    assert asked[0] == started[0]
    assert [argv for argv in asked if argv == started[0]] == [started[0]] * 2


def test_nft_that_nobody_asks_is_ended() -> None:
    running = RunningTool(["/bin/sleep", "60"], "/bin")
    (child,) = [each for each in psutil.Process().children() if each.cmdline()[-1:] == ["60"]]
    BegunReading(lambda _: running, lambda: 1).end()
    assert not child.is_running()


def test_nft_that_does_not_start_ahead_is_said_when_it_is_read() -> None:
    def start(_: list[str]) -> RunningTool:
        raise PermissionError(13, "Permission denied")

    begun = BegunReading(start, lambda: 1)
    assert begun.tool(["no-such-tool-of-ours"], 1.0) is None  # as it would be without
    begun.end()


def test_a_set_that_takes_too_long_to_work_out_is_unknown_where_it_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """nft is in time, and the clock runs on while its elements are looked at."""
    elements = [f"10.{each >> 16}.{each >> 8 & 255}.{each & 255}" for each in range(120_000)]
    tool = answers(printed(LISTING), printed([{"set": {**SET, "elem": elements}}]))
    assert outcomes(read_ruleset(tool=tool, number=lambda: 1)) == {"open", "dropped"}
    moments = iter(range(10_000))
    monkeypatch.setattr("time.monotonic", lambda: 5.0 * next(moments))
    ruleset = read_ruleset(3, tool=tool, number=lambda: 1)
    assert outcomes(ruleset) == {"unknown"}
    told = [gap.detail for gap in ruleset.gaps if gap.code is GapCode.FIREWALL_SET_UNREAD]
    assert told == ["it has too many elements for the time there was"]


PART = 5000 if PROOF else 1000  # ten of them are a piece


@pytest.mark.proof
@pytest.mark.parametrize(
    ("kind", "element", "change"),
    [
        ("set", lambda place: f"10.0.{place >> 8 & 255}.{place & 255}", {}),
        ("set", lambda place: "*" if place == 12 * PART else f"10.0.0.{place % 256}", {}),
        ("set", lambda place: place % 65_536, {"type": "inet_service"}),
        (
            "set",
            lambda place: {"concat": [f"10.0.0.{place % 256}", place % 65_536]},
            {"type": ["ipv4_addr", "inet_service"]},
        ),
        ("map", lambda place: [place % 65_536, {"drop": None}],
         {"type": "inet_service", "map": "verdict"}),
        ("map", lambda place: ["*" if place == 12 * PART else place % 65_536, {"accept": None}],
         {"type": "inet_service", "map": "verdict"}),
    ],
)  # fmt: skip
def test_a_set_read_in_pieces_is_the_one_read_whole(
    monkeypatch: pytest.MonkeyPatch, kind: str, element: Any, change: dict[str, Any]
) -> None:
    value = {**SET, **change, "elem": [element(place) for place in range(20 * PART + 1)]}
    text = json.dumps({"nftables": [{kind: value}]})
    looks: list[None] = []
    monkeypatch.setattr("portbook.host.firewall.nft_elements._PIECE", 10 * PART)
    pieces = parse_elements(text, "inet", "t", "s", lambda: looks.append(None))
    assert len(looks) == 3
    monkeypatch.setattr("portbook.host.firewall.nft_elements._PIECE", 1 << 20)
    whole = parse_elements(text, "inet", "t", "s")
    assert (pieces.rows, pieces.goals, pieces.otherwise) == (
        whole.rows,
        whole.goals,
        whole.otherwise,
    ) or (pieces.goals is None and pieces.numbers() == whole.numbers() is not None)


def test_objects_and_keys_of_newer_tools_are_named_or_passed_over() -> None:
    later: list[Any] = [
        {"table": {"family": "inet", "name": "t", "colour": 5}},
        {"portal": {"a": 1}},
    ]
    tables, unfollowed = parse_nft(json.dumps({"nftables": later}))
    assert [table.name for table in tables] == ["t"]
    assert [each.name for each in unfollowed] == ["portal"]


@pytest.mark.parametrize(
    "text",
    ["*filter\n:INPUT ACCEPT [0:0]\n", "-A INPUT -j DROP\n", "*filter\n-A NO -j DROP\nCOMMIT\n"],
)
def test_iptables_rules_that_are_cut_off_are_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        parse_iptables(text, "ip")


def test_a_rule_of_iptables_that_is_not_understood_can_not_be_told() -> None:
    text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 80 -j WARP --to x\nCOMMIT\n"
    (one,) = everything(Ruleset(parse_iptables(text, "ip")))
    assert one.outcome is Outcome.UNKNOWN
    assert one.rules[0].text == "-A INPUT -p tcp --dport 80 -j WARP --to x"


@pytest.mark.parametrize(
    ("family", "condition", "outcome"),
    [
        (Family.IPV4, "--dst-type UNICAST", "open"),  # the address is LOCAL
        (Family.IPV6, "--dst-type UNICAST", "dropped"),  # and looks like one of one machine
        (Family.IPV6, "--dst-type UNICAST --limit-iface-in", "dropped"),
        (Family.IPV6, "--dst-type LOCAL,UNICAST", "dropped"),
        (Family.IPV6, "--dst-type LOCAL", "dropped"),
        (Family.IPV6, "--dst-type MULTICAST,LOCAL", "unknown"),
        (Family.IPV6, "--dst-type PROHIBIT", "unknown"),
    ],
)
def test_kinds_of_addresses_are_those_of_the_family(
    family: Family, condition: str, outcome: str
) -> None:
    six = family is Family.IPV6
    text = f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m addrtype {condition} -j DROP\nCOMMIT\n"
    address = "2001:db8::1" if six else "192.0.2.1"
    (one,) = decide(
        Ruleset(parse_iptables(text, "ip6" if six else "ip")),
        Machine((Interface("eth0", ((address, 64 if six else 24),)),)),
        family=family,
        transport=Transport.TCP,
        destination=address,
        port=80,
        interface="eth0",
    )
    assert str(one.outcome) == outcome


def dumped(handle: int, key: int) -> bytes:
    """A rule of the table ``inet t`` that loads a *key* of ct, as the kernel tells of it."""
    ct = struct.pack("=HHI", 8, 1, 1 << 24) + struct.pack("=HH", 8, 2) + bytes((0, 0, 0, key))
    name = struct.pack("=HH", 7, 1) + b"ct\0\0"
    expression = name + struct.pack("=HH", 4 + len(ct), 2 | 0x8000) + ct
    body = struct.pack("=BBHHH", 1, 0, 0, 6, 1) + b"t\0\0\0"
    body += struct.pack("=HH", 12, 3) + struct.pack(">Q", handle)
    body += struct.pack("=HH", 4 + len(expression), 4 | 0x8000) + expression
    return struct.pack("=IHHII", 16 + len(body), 10 << 8 | 6, 2, 1, 0) + body


def test_a_protocol_of_connections_that_nft_does_not_print_can_not_be_told() -> None:
    """Before a port, nft 1.0.6 leaves out ``ct l3proto``."""
    port = {"payload": {"protocol": "tcp", "field": "dport"}}
    some = rule("in", match(port, 80), DROP)
    some["rule"]["handle"] = 7
    printed_one = rule("in", match({"ct": {"key": "l3proto"}}, "ipv6"), match(port, 80), DROP)
    printed_one["rule"]["handle"] = 8
    for shown, data, outcome in (
        (some, b"", "dropped"),
        (some, dumped(7, 3), "dropped"),
        (some, dumped(6, 7), "dropped"),
        (some, dumped(6, 3) + dumped(7, 7), "unknown"),
        (printed_one, dumped(8, 7), "open"),
        (some, b"\1\0\0\0", "unknown"),
        (some, dumped(7, 3) + b"\x20", "unknown"),
    ):
        tool = answers(printed([chain("in", "input"), shown]))
        ruleset = read_ruleset(tool=tool, number=lambda: 1, rules=iter([data]).__next__)
        assert outcomes(ruleset) == {outcome}, (shown, data)


def test_nor_can_one_before_a_port_of_any_protocol() -> None:
    """nft 1.0.6 prints "ct protocol tcp th dport 80" without its first half."""
    port = match({"payload": {"protocol": "th", "field": "dport"}}, 80)
    shown = rule("in", port, DROP)
    shown["rule"]["handle"] = 7
    for data, outcome in ((b"", "dropped"), (dumped(7, 3), "dropped"), (dumped(7, 10), "unknown")):
        tool = answers(printed([chain("in", "input"), shown]))
        ruleset = read_ruleset(tool=tool, number=lambda: 1, rules=iter([data]).__next__)
        assert outcomes(ruleset) == {outcome}, data
    assert not hides_protocol([match({"ct": {"key": "protocol"}}, "tcp"), port, DROP])


def test_of_two_matches_each_has_its_own_options() -> None:
    two = "-m addrtype --dst-type LOCAL -m addrtype --dst-type UNICAST --limit-iface-in"
    text = f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {two} -j DROP\nCOMMIT\n"
    (one,) = decide(
        Ruleset(parse_iptables(text, "ip")),
        Machine((Interface("eth0"), Interface("eth1", (("192.0.2.1", 24),)))),
        family=Family.IPV4,
        transport=Transport.TCP,
        destination="192.0.2.1",  # this machine's, but not the interface's
        port=80,
        interface="eth0",
    )
    assert one.outcome is Outcome.DROPPED


@pytest.mark.parametrize(
    "statements",
    [
        [{"reject": {"type": "tcp reset"}}],
        [match({"ct": {"key": "protocol"}}, "tcp"), {"reject": None}],
    ],
)
def test_what_nft_hides_is_taken_from_its_other_forms(statements: list[Any]) -> None:
    reset = rule("in", *statements)
    reset["rule"]["handle"] = 7
    ingress = chain("first", "ingress")
    tables, _ = parse_nft(json.dumps({"nftables": [chain("in", "input"), reset, ingress]}))
    assert outcomes(Ruleset(tables)) == {"unknown"}
    tables, _ = parse_nft(json.dumps({"nftables": [chain("in", "input"), reset, ingress]}))
    code = "  [ meta load nfproto => reg 1 ]\n  [ cmp eq reg 1 0x0000000a ]\n"
    add_hidden_families(f"inet t in 7\n{code}  [ reject type 1 code 0 ]\n", tables)
    assert outcomes(Ruleset(tables)) == {"open"}  # it was for IPv6 alone
    listing = (
        'table inet t {\n\tchain first {\n\t\ttype filter hook ingress device "eth7" priority 0'
    )
    add_devices(f"{listing}; policy drop;\n\t}}\n}}\n", tables)
    hook = tables[0].chains["first"].hook
    assert hook is not None
    assert hook.device == ("eth7",)


@pytest.mark.parametrize(
    ("flags", "text", "outcome"),
    [
        ("dormant", None, "open"),
        (["dormant", "owner"], None, "open"),
        ("owner", None, "dropped"),
        ("t", 'table inet t {\n\tflags dormant\n\tcomment "x"\n}\n', "open"),
        ("t", "table inet t {\n\tflags owner,dormant\n}\n", "open"),
        ("t", "table inet t { # progname x\n\tflags owner\n}\n", "dropped"),
        ("t", "table inet t {\n\tchain in {\n}\n", "dropped"),
        ("t", "Rules\n", "unknown"),
        ("t", "", "unknown"),
    ],
)
def test_a_table_that_is_switched_off_decides_nothing(
    flags: Any, text: str | None, outcome: str
) -> None:
    """nft 1.0.6 prints any word in the place of a flag: then its text is asked."""
    listing = [{"table": {"family": "inet", "name": "t", "flags": flags}},
               chain("in", "input", "drop")]  # fmt: skip

    def tool(argv: list[str], _: float) -> Printed | None:
        if argv[:2] == ["nft", "--json"]:
            return printed(listing)
        asked = argv == ["nft", "--terse", "list", "table", "inet", "t"]
        assert asked is (text is not None) or argv[0] != "nft", argv
        return Printed(int(not text), (text or "").encode(), b"no") if asked else None

    ruleset = read_ruleset(tool=tool, number=lambda: 1)
    assert outcomes(ruleset) == {outcome}
    assert bool(ruleset.gaps) is (outcome == "unknown")


def test_a_rule_without_json_in_a_table_of_iptables_stays_nfts() -> None:
    mixed = [*MIXED, {"rule": {"family": "ip", "table": "filter", "chain": "INPUT",
                               "expr": ["jump { drop }"]}}]  # fmt: skip
    saved = SAVED.replace("COMMIT", "-A INPUT\nCOMMIT")

    def tool(argv: list[str], _: float) -> Printed | None:
        if argv[0] == "nft":
            return printed(mixed)
        return Printed(0, saved.encode(), b"") if argv[0] == "iptables-nft-save" else None

    assert not read_ruleset(tool=tool, number=lambda: 1).gaps


# -- text that nobody printed -----------------------------------------------------------------

WORDS = st.sampled_from([
    "match", "left", "right", "op", "==", "!=", "in", "payload", "protocol", "tcp", "field",
    "dport", "saddr", "ip", "set", "elem", "val", "prefix", "addr", "len", "range", "concat",
    "vmap", "key", "data", "accept", "drop", "jump", "target", "in2", "meta", "mark", "ct",
    "state", "new", "dnat", "port", "&", "mangle", "value", "@s", "192.0.2.1", "reject", "type",
    "tcp reset", "*", "map",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70_000) | WORDS | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=25,
)


@examples(60)
@given(st.lists(VALUES, max_size=5), VALUES)
@example([{"match": None}, {"match": {}}, {"xt": 1}, {"dnat": [1]}, {"vmap": {"key": 1}}], None)
def test_any_json_is_judged_or_refused(expressions: list[Any], elements: Any) -> None:
    objects = [
        {"set": {**SET, "elem": elements}}, chain("in", "input"), chain("in2"),
        rule("in", *expressions), rule("in", ACCEPT),
    ]  # fmt: skip
    text = json.dumps({"nftables": objects})
    try:
        tables, _ = parse_nft(text)
        parse_elements(text, "inet", "t", "s")
    except MalformedInput:
        return
    decisions = everything(Ruleset(tables))
    assert sum(last - first + 1 for one in decisions for first, last in one.sources) == 1 << 32


OPTIONS = st.lists(
    st.sampled_from([
        "-p", "tcp", "udp", "!", "--dport", "80", "1:", ":9", "-m", "multiport", "--dports", "1,2",
        "-s", "192.0.2.0/24", "10.0.0.0/255.0.255.0", "x", "-i", "eth+", "-j", "ACCEPT", "DROP",
        "DNAT", "--to-destination", "192.0.2.9:80", "MARK", "--set-xmark", "0x1/0x3", "OWN", "-g",
        "conntrack", "--ctstate", "NEW,DNAT", "mark", "--mark", "5", "-1", '"', "'a'", "\\", "set",
        "--syn", "--tcp-flags", "SYN", "ALL", "CT", "--notrack", "REDIRECT", "--to-ports", "",
    ]),
    max_size=12,
)  # fmt: skip


@examples(60)
@given(st.lists(OPTIONS, max_size=4))
def test_any_options_are_judged_or_refused(rules: list[list[str]]) -> None:
    lines = [f"-A {'INPUT' if number % 2 else 'OWN'} {' '.join(words)}" for number, words in
             enumerate(rules)]  # fmt: skip
    text = "\n".join(["*filter", ":INPUT DROP [0:0]", ":OWN - [0:0]", *lines, "COMMIT"])
    decisions = everything(Ruleset(parse_iptables(text, "ip")))
    assert sum(last - first + 1 for one in decisions for first, last in one.sources) == 1 << 32


def told(number: int, *, end: bool = False, width: int = 4, beside: bytes = b"") -> bytes:
    """One element, as the kernel tells it; *beside* are other attributes of it."""
    key = number.to_bytes(width, "big")
    body = struct.pack("=HHHH", 8 + width, 1, 4 + width, 1) + key
    body += b"\x08\0\x03\0\0\0\0\1" * end + beside
    return struct.pack("=HH", 4 + len(body), 1) + body


def message(inside: bytes, kind: int = 10 << 8 | 12, flags: int = 2) -> bytes:
    body = bytes(4) + struct.pack("=HH", 4 + len(inside), 3 | 0x8000) + inside
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 300)), max_size=40),
    st.sampled_from([4, 16]),
    st.integers(1, 9),
    st.booleans(),
)
def test_a_dump_of_addresses_gives_the_intervals_of_the_set(
    steps: list[tuple[int, int]], width: int, size: int, empty_end: bool
) -> None:
    pairs, place = [], 0
    for length, gap in steps:
        place += gap
        pairs.append((place, place + length - 1))
        place += length
    parts = [told(0, end=True, width=width)] if empty_end else []
    for first, last in pairs:
        parts += [told(first, width=width), told(last + 1, end=True, width=width)]
    parts.reverse()
    messages = [message(b"".join(parts[at : at + size])) for at in range(0, len(parts), size)]
    rows = parse_dump([b"".join(messages), DONE], width, spans=True)
    assert rows is not None
    assert rows.numbers() == Intervals.of(pairs)
    single = [message(told(first, width=width)) for first, _ in pairs]
    rows = parse_dump([*single, DONE], width, spans=False)
    assert rows is not None
    assert rows.numbers() == Intervals.of([(each, each) for each, _ in pairs])


def test_a_set_goes_on_to_the_last_address_where_no_end_is_told() -> None:
    rows = parse_dump([message(told(0xFFFFFF00)), DONE], 4, spans=True)
    assert rows is not None
    assert rows.rows == [((0xFFFFFF00, 0xFFFFFFFF),)]


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [message(told(7))],
        [message(told(7), flags=0x12), DONE],
        [message(told(7), kind=2), DONE],
        [message(told(7))[:-1], DONE],
        [message(told(7)[:-2]), DONE],
        [message(told(7, beside=b"\x0c\0\4\0" + bytes(8))), DONE],
        [message(b"".join(told(each, beside=b"\5\0\6\0c\0\0\0") for each in range(9))), DONE],
        [message(told(7, end=True)), message(told(9)), message(told(8, end=True)), DONE],
        [message(told(7)), message(told(8)), DONE],
        [message(told(7, width=16)), DONE],
        [message(told(7)), DONE[:-4] + struct.pack("=i", -4)],
        [b"\x14\0\0\0"],
    ],
)
def test_a_dump_that_is_not_of_addresses_alone_is_left_to_nft(pieces: list[bytes]) -> None:
    assert parse_dump(pieces, 4, spans=True) is None


def test_what_the_kernel_tells_of_a_set_is_taken_before_nft_is_asked() -> None:
    def dump(*place: str) -> list[bytes]:
        assert place == ("inet", "t", "s")
        return [message(told(0xC0000207)), DONE]

    asked: list[list[str]] = []

    def tool(argv: list[str], _: float) -> Printed | None:
        asked.append(argv)
        return answers(printed(LISTING))(argv, 0)

    ruleset = read_ruleset(tool=tool, number=lambda: 1, dump=dump)
    assert outcomes(ruleset) == {"open", "dropped"}
    assert not any("set" in argv for argv in asked)
    assert asked
    timeouts = [{"set": {**SET, "flags": ["timeout"]}}, *LISTING[1:]]
    elements = printed([{"set": {**SET, "elem": []}}])
    ruleset = read_ruleset(tool=answers(printed(timeouts), elements), number=lambda: 1, dump=dump)
    assert outcomes(ruleset) == {"open"}
