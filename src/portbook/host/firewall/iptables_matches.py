"""The matches of iptables(8) and iptables-extensions(8) as conditions. Pure.

>>> matches = Matches("ip")
>>> matches.add(False, "-p", ["tcp"])
>>> matches.add(False, "-m", ["multiport"])
>>> matches.add(True, "--dports", ["22,80:90"])
>>> [(one.fields[0].name, one.op, one.rows.rows) for one in matches.statements()]
[('l4proto', '==', [((6, 6),)]), ('dport', '!=', [((22, 22),), ((80, 90),)])]
"""

from __future__ import annotations

from portbook.host.firewall import address_number
from portbook.host.firewall.nft_expressions import PROTOCOLS
from portbook.host.firewall.values import (
    CT_STATES,
    CT_STATUS,
    TCP_FLAGS,
    Chance,
    Field,
    Rows,
    Test,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.host.firewall.values import Row

# Headers that the packets of a new connection don't have.
_ABSENT = ("icmp", "icmp6", "ah", "esp", "rt", "frag", "hbh", "dst", "mh", "ipv6header", "vlan")
# Matches whose options say all there is to say.
_PLAIN = (
    "tcp", "udp", "udplite", "sctp", "dccp", "multiport", "comment", "state", "conntrack", "mark",
    "connmark", "addrtype", "iprange", "pkttype",
)  # fmt: skip
# Those that need no words: their options are theirs alone.
_SILENT = ("tcp", "udp", "udplite", "sctp", "dccp", "multiport", "comment")
_TRANSPORTS = {"tcp": 6, "udp": 17, "sctp": 132, "dccp": 33, "udplite": 136}
_FULL = 0xFFFFFFFF


def number_span(text: str, joint: str = ":") -> tuple[int, int]:
    """``80``, ``80:90``, ``:90`` or ``80:`` as an interval of ports. Raises ValueError."""
    first, found, last = text.partition(joint)
    span = _port(first or "0"), _port((last or "65535") if found else first)
    if span[0] > span[1]:
        raise ValueError(text)
    return span


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535):
        raise ValueError(text)
    return int(text)


def address_span(text: str) -> tuple[int, int]:
    """An address, or two with a dash between, as an interval. Raises ValueError."""
    first, dash, last = text.partition("-")
    ends = address_number(first), address_number(last if dash else first)
    if ends[0] is None or ends[1] is None:
        raise ValueError(text)
    return ends[0], ends[1]


def split_mask(text: str) -> tuple[int, int]:
    """``0x1/0xff`` as a number and its mask. Raises ValueError."""
    value, slash, mask = text.partition("/")
    return int(value, 0), int(mask, 0) if slash else _FULL


class Matches:
    """The conditions of one rule, collected option by option."""

    def __init__(self, family: str) -> None:
        self._family = "ipv6" if family == "ip6" else "ipv4"
        self._statements: list[object] = []
        self._words: list[list[str]] = []  # of each statement
        self._match = ""
        self._first = 0  # the first statement of the match
        self._text: list[str] = []
        self._group: list[str] = []  # the words of a match, for all that its options say

    def statements(self) -> list[object]:
        """All of them, in order."""
        self._finish()
        return self._statements

    def told(self) -> list[tuple[object, list[str]]]:
        """All of them, in order, each with the words of its option or match."""
        return list(zip(self.statements(), self._words, strict=True))

    def _finish(self) -> None:
        if self._text:
            self._statements.append(Chance(" ".join(self._text)))
            self._words.append(self._text)
            self._text = []

    def _test(self, field: Field, rows: list[Row], negated: bool, op: str = "==") -> None:
        opposite = {"==": "!=", "any": "none"}[op]
        self._statements.append(Test((field,), opposite if negated else op, Rows(rows)))

    def add(self, negated: bool, option: str, values: list[str]) -> None:
        """One option. Raises ValueError and IndexError for values in another form."""
        words = ["!"] * negated + [option, *values]
        if option in ("-m", "--match"):
            self._finish()
            self._group = words if values[0] not in _SILENT else []
        elif option.startswith("--") and self._group:
            self._group += words
            words = self._group
        self._add(negated, option, values)
        count = len(self._statements)
        self._words = self._words[:count] + [words] * (count - len(self._words))

    def _add(self, negated: bool, option: str, values: list[str]) -> None:
        if option in ("-m", "--match"):
            self._match, self._first = values[0], len(self._statements)
            if self._match in _ABSENT:
                self._test(Field("absent"), [((0, 0),)], False)
            elif self._match not in (*_PLAIN, "rpfilter"):
                self._text = ["-m", self._match]
            elif self._match == "rpfilter":
                self._test(Field("fib oif iif saddr"), [((1, 1),)], False)
            return
        reader = _OPTIONS.get(option)
        if self._text and option.startswith("--"):
            self._text += ["!"] * negated + [option, *values]
        elif reader is not None:
            reader(self, negated, values)
        elif self._match not in _ABSENT:
            self._statements.append(Chance(" ".join(["!"] * negated + [option, *values])))

    # -- options ------------------------------------------------------------------------------

    def _protocol(self, field: str, negated: bool, values: list[str]) -> None:
        name = values[0]
        if name in ("all", "0"):
            return
        number = int(name) if name.isdecimal() else PROTOCOLS.get(name, 256)
        self._test(Field(field), [((number, number),)], negated)

    def _address(self, name: str, negated: bool, values: list[str]) -> None:
        text, slash, mask = values[0].partition("/")
        number = address_number(text)
        if number is None:
            raise ValueError(text)
        width = 128 if self._family == "ipv6" else 32
        bits = mask.isdecimal() if slash else True
        if bits:
            rest = (1 << width - int(mask or width)) - 1
            self._test(Field(name), [((number & ~rest, number | rest),)], negated)
            return
        whole = address_number(mask)
        if whole is None:
            raise ValueError(mask)
        self._test(Field(name, whole), [((number & whole,) * 2,)], negated)

    def _interface(self, name: str, negated: bool, values: list[str]) -> None:
        text = values[0]
        self._test(Field(name), [(text[:-1] + "*" if text.endswith("+") else text,)], negated)

    def _ports(self, name: str, negated: bool, values: list[str]) -> None:
        protocol = _TRANSPORTS.get(self._match)
        field = Field(name, protocols=None if protocol is None else (protocol,))
        rows: list[Row] = [(number_span(part),) for part in values[0].split(",")]
        self._test(field, rows, negated)

    def _states(self, negated: bool, values: list[str]) -> None:
        bits, status = 0, 0
        for name in values[0].split(","):
            if name in ("SNAT", "DNAT"):
                status |= CT_STATUS[name.lower()]
            else:
                bits |= CT_STATES[name.lower()]
        if bits and status:
            self._statements.append(Chance(f"--ctstate {values[0]}"))
        elif status:
            self._test(Field("ctstatus"), [((status, status),)], negated, "any")
        else:
            self._test(Field("ctstate"), [((bits, bits),)], negated, "any")

    def _status(self, negated: bool, values: list[str]) -> None:
        names = {"SEEN_REPLY": "seen-reply"}
        if "NONE" in values[0].split(","):
            self._statements.append(Chance(f"--ctstatus {values[0]}"))
            return
        bits = sum(CT_STATUS[names.get(name, name.lower())] for name in values[0].split(","))
        self._test(Field("ctstatus"), [((bits, bits),)], negated, "any")

    def _marked(self, negated: bool, values: list[str]) -> None:
        value, mask = split_mask(values[0])
        name = "ctmark" if self._match == "connmark" else "mark"
        field = Field(name, None if mask == _FULL else mask)
        self._test(field, [((value, value),)], negated)

    def _types(self, name: str, negated: bool, values: list[str]) -> None:
        words = values[0].lower().split(",")
        if self._family == "ipv6" and words != ["local"]:
            # xt_addrtype.c: there UNICAST says what an address looks like, whoever has it, and with
            # LOCAL beside it both must be true.
            if {*words} - {"local", "unicast"}:
                self._statements.append(Chance(" ".join(["!"] * negated + [name, *values])))
                return
            words = ["local"] if "local" in words else ["unicast", "local"]
        self._test(Field(name), [(word,) for word in words], negated)

    def _of_interface(self, _: bool, __: list[str]) -> None:
        """Says of a match's kinds of addresses that they are meant among their interface's own."""
        for place, test in enumerate(self._statements[self._first :], self._first):
            if isinstance(test, Test) and test.fields[0].name.startswith("fib type"):
                field = Field(f"{test.fields[0].name} iif")
                self._statements[place] = Test((field,), test.op, test.rows)

    def _range(self, name: str, negated: bool, values: list[str]) -> None:
        self._test(Field(name), [(address_span(values[0]),)], negated)

    def _flags(self, negated: bool, values: list[str]) -> None:
        mask, wanted = (_flag_bits(text) for text in values[:2])
        self._test(Field("tcpflags", mask, protocols=(6,)), [((wanted, wanted),)], negated)

    def _syn(self, negated: bool, _: list[str]) -> None:
        self._flags(negated, ["FIN,SYN,RST,ACK", "SYN"])

    def _kind(self, negated: bool, values: list[str]) -> None:
        name = {"unicast": "host"}.get(values[0], values[0])
        self._test(Field("pkttype"), [(name,)], negated)

    def _direction(self, negated: bool, values: list[str]) -> None:
        number = {"ORIGINAL": 0, "REPLY": 1}[values[0]]
        self._test(Field("ctdirection"), [((number, number),)], negated)

    def _original(self, name: str, negated: bool, values: list[str]) -> None:
        self._test(Field(name), [(number_span(values[0]),)], negated)

    def _fragment(self, negated: bool, _: list[str]) -> None:
        if not negated:  # the first packets of a connection are whole
            self._test(Field("absent"), [((0, 0),)], False)

    def _invert(self, _: bool, __: list[str]) -> None:
        self._statements.pop()
        self._test(Field("fib oif iif saddr"), [((1, 1),)], True)

    def _nothing(self, _: bool, __: list[str]) -> None:
        """An option that says nothing about the packet, or what another one says as well."""


def _flag_bits(text: str) -> int:
    if text in ("NONE", "ALL"):
        return 0 if text == "NONE" else 63
    return sum(TCP_FLAGS[name.lower()] for name in text.split(","))


def _named(
    method: Callable[[Matches, str, bool, list[str]], None], name: str
) -> Callable[[Matches, bool, list[str]], None]:
    return lambda matches, negated, values: method(matches, name, negated, values)


_OPTIONS: dict[str, Callable[[Matches, bool, list[str]], None]] = {
    **dict.fromkeys(("-p", "--protocol"), _named(Matches._protocol, "l4proto")),
    **dict.fromkeys(("-s", "--source"), _named(Matches._address, "saddr")),
    **dict.fromkeys(("-d", "--destination"), _named(Matches._address, "daddr")),
    **dict.fromkeys(("-i", "--in-interface"), _named(Matches._interface, "iifname")),
    **dict.fromkeys(("-o", "--out-interface"), _named(Matches._interface, "oifname")),
    **dict.fromkeys(
        ("--dport", "--dports", "--destination-port", "--destination-ports"),
        _named(Matches._ports, "dport"),
    ),
    **dict.fromkeys(
        ("--sport", "--sports", "--source-port", "--source-ports"), _named(Matches._ports, "sport")
    ),
    **dict.fromkeys(("--state", "--ctstate"), Matches._states),
    "--ctstatus": Matches._status,
    "--ctdir": Matches._direction,
    "--ctorigdstport": _named(Matches._original, "ct dport"),
    "--ctproto": _named(Matches._protocol, "ct l4proto"),
    "--ctorigdst": _named(Matches._address, "ct daddr"),
    "--ctorigsrc": _named(Matches._address, "ct saddr"),
    "--mark": Matches._marked,
    "--src-type": _named(Matches._types, "fib type saddr"),
    "--dst-type": _named(Matches._types, "fib type daddr"),
    "--limit-iface-in": Matches._of_interface,
    "--src-range": _named(Matches._range, "saddr"),
    "--dst-range": _named(Matches._range, "daddr"),
    "--tcp-flags": Matches._flags,
    "--syn": Matches._syn,
    "--pkt-type": Matches._kind,
    "-f": Matches._fragment,
    "--fragment": Matches._fragment,
    **dict.fromkeys(("--comment", "--validmark"), Matches._nothing),
    "--invert": Matches._invert,
}
