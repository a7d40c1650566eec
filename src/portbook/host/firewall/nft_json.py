"""What ``nft --json list ruleset`` prints, libnftables-json(5), as tables and rules. Pure.

>>> text = '''{"nftables": [
...   {"table": {"family": "inet", "name": "t"}},
...   {"chain": {"family": "inet", "table": "t", "name": "in", "type": "filter",
...              "hook": "input", "prio": 0, "policy": "drop"}},
...   {"rule": {"family": "inet", "table": "t", "chain": "in", "expr": [
...     {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
...                "right": 80}}, {"accept": null}]}}]}'''
>>> rule = parse_nft(text)[0][0].chains["in"].rules[0]
>>> rule.text.text, rule.text.where, rule.statements[1].kind
('tcp dport 80 accept', 'inet t in', 'accept')
"""

from __future__ import annotations

from portbook.errors import MalformedInput
from portbook.host.firewall import nft_glance
from portbook.host.firewall.intervals import Intervals, Uncollected
from portbook.host.firewall.nft_expressions import (
    bits_of,
    field_of,
    key_fields,
    map_of,
    mapped,
    needed,
    part_of,
    rows_of,
    target_of,
    unread_test,
)
from portbook.host.firewall.nft_glance import IGNORED, VERDICTS
from portbook.host.firewall.nft_goals import goal_of, verdict_of
from portbook.host.firewall.nft_text import listed, objects_of, only, show_rule
from portbook.host.firewall.values import (
    AddTo,
    Assign,
    Chain,
    Chance,
    Hook,
    NoTrack,
    Rows,
    Rule,
    Table,
    Test,
    Translate,
    Unclear,
    Verdict,
    VerdictMap,
)
from portbook.model.finding import FilterKind, NotEvaluated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from portbook.host.firewall.values import Guard

# A flow is taken over by a flowtable once it stands, where its device can; else the rule ends.
_CHANCES = ("limit", "ct count", "quota", "meter", "connlimit", "flow")
_REJECTED = {
    "tcp reset": ("l4proto", "tcp"), "icmp": ("nfproto", "ipv4"), "icmpv6": ("nfproto", "ipv6"),
}  # fmt: skip
_CHANGES = ("add @", "update @", "delete @")
_FOLLOWED = ("saddr", "daddr", "sport", "dport", "flags")  # of what a packet's headers have
_UNFOLLOWED = {
    "bridge": FilterKind.BRIDGE, "arp": FilterKind.ARP, "egress": FilterKind.NETDEV,
}  # fmt: skip
_FLAGS = {"dormant", "owner", "persist"}  # of tables
_IP = {"ip": "ipv4", "ip6": "ipv6"}
_OF_IPTABLES = {"match", "counter", "limit", "log", "xt", *VERDICTS}
# iptables-extensions(8): targets that change nothing that is followed here, and those of which
# nft's JSON doesn't say what they set.
_XT_TARGETS: dict[str, object] = {
    **dict.fromkeys(("LOG", "NFLOG", "TRACE")),
    **dict.fromkeys(("SNAT", "MASQUERADE"), Verdict("accept", "source")),
    "MARK": Assign("mark", None),
    "CONNMARK": Assign("ctmark", None),
}
_KNOWN_OBJECTS = {
    "metainfo", "table", "chain", "rule", "set", "map", "element", "flowtable", "counter", "quota",
    "limit", "ct helper", "ct timeout", "ct expectation", "secmark", "synproxy", "meter",
}  # fmt: skip


def parse_nft(
    text: str | bytes,
    *,
    terse: bool = False,
    hidden: frozenset[tuple[str, str, int]] = frozenset(),
    of_protocol: frozenset[tuple[str, str, int]] = frozenset(),
) -> tuple[tuple[Table, ...], tuple[NotEvaluated, ...]]:
    """The tables in *text*, and what isn't followed. *terse*: sets came without their elements.

    *hidden* are rules with ``ct l3proto``, by family, table and handle, which nft may not print,
    *of_protocol* those with ``ct protocol``. Raises MalformedInput for what nft doesn't print.
    """
    try:
        with Uncollected():
            text = text if isinstance(text, str) else text.decode()
            return _Reader(terse, text, hidden, of_protocol).read(objects_of(text))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise MalformedInput("nft's output isn't a complete ruleset") from error


class _Reader:
    def __init__(
        self,
        terse: bool,
        text: str,
        hidden: frozenset[tuple[str, str, int]],
        of_protocol: frozenset[tuple[str, str, int]],
    ) -> None:
        self._terse, self._hidden, self._of_protocol = terse, hidden, of_protocol
        # What no rule has isn't looked for in each of them.
        self._kinds = tuple([kind for kind in ("xt", "tproxy") if f'"{kind}"' in text])
        self._changing = any(f'"op": "{op[:-2]}"' in text or f'"{op}' in text for op in _CHANGES)
        self._hides = '"tcp reset"' in text or '"key": "protocol"' in text
        self._tables: dict[tuple[str, str], Table] = {}
        self._unfollowed: list[NotEvaluated] = []

    def read(
        self, objects: list[dict[str, Any]]
    ) -> tuple[tuple[Table, ...], tuple[NotEvaluated, ...]]:
        for each in objects:
            for kind, value in each.items():
                if kind == "table":
                    table = self._table(value["family"], value["name"])
                    flags = listed(value.get("flags"))
                    # nft 1.0.6 prints other words in the place of a single flag.
                    table.dormant = None if set(flags) - _FLAGS else "dormant" in flags
                elif kind == "chain":
                    self._chain(value)
                elif kind == "rule":
                    self._rule(value)
                elif kind in ("set", "map"):
                    from portbook.host.firewall.nft_elements import add_set

                    add_set(self._table(value["family"], value["table"]), kind, value, self._terse)
                elif kind == "flowtable":
                    name = f"{value['family']} {value['table']} {value['name']}"
                    self._unfollowed.append(NotEvaluated(FilterKind.FLOWTABLE, name))
                elif kind not in _KNOWN_OBJECTS:
                    self._unfollowed.append(NotEvaluated(FilterKind.UNKNOWN, str(kind)))
        return tuple(self._tables.values()), tuple(self._unfollowed)

    def _table(self, family: str, name: str) -> Table:
        key = (family, name)
        if key not in self._tables:
            self._tables[key] = Table(family, name, "nftables")
            self._tables[key].changing = self._changing
        return self._tables[key]

    def _chain(self, value: dict[str, Any]) -> None:
        table, name, hook = self._table(value["family"], value["table"]), value["name"], None
        where = f"{table.family} {table.name} {name}"
        if "hook" in value:
            priority = value["prio"]
            if type(priority) is not int:
                raise ValueError(priority)
            devices = tuple(listed(value["dev"])) if "dev" in value else None
            hook = Hook(value["hook"], priority, value["type"], devices)
            kind = _UNFOLLOWED.get(hook.name if hook.name == "egress" else table.family)
            if kind:
                self._unfollowed.append(NotEvaluated(kind, where))
        chain = table.chains.setdefault(name, Chain(where))
        chain.hook, chain.policy = hook, value.get("policy", "accept")

    def _rule(self, value: dict[str, Any]) -> None:
        table = self._table(value["family"], value["table"])
        name = value["chain"]
        chain = table.chains[name]  # of one that isn't listed, nobody knows what leads to it
        expressions = value.get("expr", [])
        for kind in self._kinds:
            if any(kind in each for each in expressions if isinstance(each, dict)):
                if kind == "xt":
                    table.foreign.add((name, len(chain.rules)))
                else:
                    self._unfollowed.append(NotEvaluated(FilterKind.TPROXY, chain.where))
        rule = NftRule(expressions, chain.where)
        chain.rules.append(rule)
        if self._hides and table.family == "inet" and nft_glance.hides_family(expressions):
            rule.first = [Chance("meta nfproto")]
            table.doubtful[name, value["handle"]] = rule
        place = table.family, table.name, value.get("handle")
        if place in self._hidden and "'l3proto'" not in repr(expressions):
            rule.first = [*rule.first, Chance("ct l3proto")]
        if place in self._of_protocol and nft_glance.hides_protocol(expressions):
            rule.first = [*rule.first, Chance("ct protocol")]


class NftRule(Rule):
    """A rule of nftables: of thousands most are only glanced at."""

    __slots__ = ("_expressions", "_glanced")
    tool = "nftables"

    def __init__(self, expressions: list[Any], where: str) -> None:
        super().__init__(self._show, where, statements_of(expressions))
        self._expressions, self._glanced = expressions, False

    def _show(self) -> str:
        return show_rule(self._expressions)

    def glance(self) -> Guard | None:
        """Its guard, from the conditions at its head."""
        if not self._glanced:
            self._glanced = True
            if self.guard is None:
                self.guard = nft_glance.guard_at_sight(self._expressions)
        return self.guard

    def ports(self) -> list[tuple[int, int]] | None:
        """As :meth:`Rule.ports`."""
        return nft_glance.ports_at_sight(self._expressions)

    def stop(self) -> tuple[str, Intervals, str | None] | None:
        """As :meth:`Rule.stop`."""
        return None if self.first else nft_glance.stop_at_sight(self._expressions)

    def told(self) -> Iterator[tuple[object, str]]:
        """As :meth:`Rule.told`."""
        for each in self._expressions:
            for statement in statements_of([each]):
                yield statement, show_rule([each])

    def may_be_of_iptables(self) -> bool:
        """Whether it has nothing that iptables over nftables doesn't write itself."""
        return all(
            isinstance(each, dict) and each.keys() <= _OF_IPTABLES for each in self._expressions
        )


def statements_of(expressions: list[Any]) -> Iterator[object]:
    """The statements of one rule; what isn't understood is among them."""
    for each in expressions:
        try:
            statement = _statement(*only(each), each)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            statement = Unclear(show_rule([each]))
        if isinstance(statement, list):
            yield from statement
        elif statement is not None:
            yield statement


def _statement(kind: str, value: Any, whole: Any) -> object:
    if kind.startswith(_CHANGES):  # of a map, for which nft 1.0.6 has no JSON
        return [Chance(kind), AddTo(kind.split()[1].removeprefix("@"), kind.startswith("delete"))]
    if kind in IGNORED:
        return needed(value) if isinstance(value, dict) and "map" in value else None
    if kind in VERDICTS:
        return verdict_of(whole)
    if kind in ("dnat", "redirect"):
        return _translation(kind, value or {})
    if kind in _CHANCES:
        return [*needed(value), Chance(show_rule([whole]))]
    reader = _READERS.get(kind)
    return Unclear(show_rule([whole])) if reader is None else reader(value, whole)


def _reject(value: Any, _: Any) -> object:
    """Which packets it holds for, which nft leaves out where the kind of rejection says it."""
    kind = value.get("type") if isinstance(value, dict) else None
    key, word = _REJECTED.get(str(kind), ("", ""))
    return [_meta(key, word), Verdict("reject")] if key else Verdict("reject")


def _meta(key: str, word: str) -> Test:
    field = field_of({"meta": {"key": key}})
    return Test((field,), "==", rows_of([field], [word]))


def _source_nat(value: Any, _: Any) -> object:
    """What it changes is the source; packets of another family go on in the rule."""
    family = _family_of(value) if isinstance(value, dict) else None
    done = Verdict("accept", "source")
    return [_meta("nfproto", family), done] if family else done


def _family_of(value: dict[str, Any]) -> str | None:
    family, address = _IP.get(value.get("family", "")), value.get("addr")
    if family is None and isinstance(address, str):
        family = "ipv6" if ":" in address else "ipv4"
    return family


def _vmap(value: dict[str, Any], _: Any) -> object:
    fields, data = key_fields(value["key"]), value["data"]
    if isinstance(data, str):
        return VerdictMap(fields, data.removeprefix("@"))
    return VerdictMap(fields, map_of(fields, only(data)[1], verdict_of))


def _addition(value: dict[str, Any], whole: Any) -> object:
    added = AddTo(str(value["set"]).removeprefix("@"), value["op"] == "delete")
    plain = all(only(each)[0] in ("counter", "last") for each in listed(value.get("stmt")))
    return [*needed(value["elem"]), *(() if plain else [Chance(show_rule([whole]))]), added]


def _test(value: dict[str, Any], whole: Any) -> object:
    left, op, right = value["left"], value["op"], value["right"]
    fields = key_fields(left)
    if len(fields) == 1 and fields[0].name == "?":
        return unread_test(left, right) or Chance(show_rule([whole]))
    if isinstance(right, str) and right.startswith("@"):
        rows: Rows | str = right[1:]
        return Test(fields, "!=" if op == "!=" else "==", rows)
    if len(fields) == 1 and fields[0].name in ("ct saddr", "ct daddr") and not fields[0].family:
        # nft leaves out of which family the address is.
        fields = (fields[0]._replace(family="ipv6" if ":" in str(right) else "ipv4"),)
    flags = fields[0].name in ("ctstate", "ctstatus", "tcpflags") and len(fields) == 1
    if op == "!" or (op == "in" and flags):
        return Test(fields, "none" if op == "!" else "any", rows_of(fields, [_joined(right)]))
    if op in ("<", ">", "<=", ">="):
        return _compared(fields, op, right, whole)
    if op not in ("==", "!=", "in"):
        return Chance(show_rule([whole]))
    kind, inside = only(right)
    elements = inside if kind == "set" else [_joined(right)] if flags else [right]
    return Test(fields, "!=" if op == "!=" else "==", rows_of(fields, elements))


def _joined(value: Any) -> Any:
    """Flags as one value: nft prints several as a list."""
    return {"|": value} if isinstance(value, list) else value


def _compared(fields: tuple[Any, ...], op: str, right: Any, whole: Any) -> object:
    part = part_of(fields[0], right) if len(fields) == 1 else None
    if not isinstance(part, tuple):
        return Chance(show_rule([whole]))
    number, most = part[0], (1 << 128) - 1
    first, last = {
        "<": (0, number - 1),
        "<=": (0, number),
        ">": (number + 1, most),
        ">=": (number, most),
    }[op]
    return Test(fields, "==", Rows([((first, last),)] if first <= last else []))


def _translation(kind: str, value: dict[str, Any]) -> object:
    goals: list[Any] = []
    for key in ("addr", "port"):
        goal = value.get(key)
        inner, inside = only(goal)
        if inner == "map":
            goals.append(mapped(inside, goal_of))
        elif goal is None:
            goals.append(None)
        else:
            if (target := target_of(goal)) is None:
                raise ValueError(goal)
            goals.append(target)
    shifted = "netmap" in listed(value.get("flags")) or "prefix" in listed(value.get("type_flags"))
    return Translate(kind == "redirect", goals[0], goals[1], _family_of(value), shifted)


def _assignment(value: dict[str, Any], _: Any) -> object:
    key = field_of(value["key"])
    if key.name not in ("mark", "ctmark"):
        kind, inside = only(value["key"])
        if kind == "tcp option":
            return [_meta("l4proto", "tcp"), *needed(value["value"])]
        # Other fields of the packet are looked at by later rules; most are not followed anyway.
        changes = kind == "payload" and inside.get("field") in (None, *_FOLLOWED)
        if changes or key.name == "pkttype":
            return Unclear(show_rule([{"mangle": value}]))
        return [*(needed(value["key"]) if kind == "payload" else ()), *needed(value["value"])]
    kind, inside = only(value["value"])
    if kind == "map":
        return Assign(key.name, mapped(inside, goal_of))
    return [*needed(value["value"]), Assign(key.name, bits_of(value["value"]))]


def _extension(value: dict[str, Any] | None, whole: Any) -> object:
    """An extension of iptables, which nft names and doesn't print."""
    if value and value.get("type") == "match":
        return Chance(show_rule([whole]))
    name = str(value.get("name")) if value and value.get("type") == "target" else ""
    return _XT_TARGETS.get(name, Unclear(show_rule([whole])))


_READERS = {
    "match": _test,
    "xt": _extension,
    "vmap": _vmap,
    "reject": _reject,
    "mangle": _assignment,
    "notrack": lambda *_: NoTrack(),
    "set": _addition,
    "snat": _source_nat,
    "masquerade": lambda *_: Verdict("accept", "source"),
    "reset": lambda *_: _meta("l4proto", "tcp"),
    "queue": lambda *_: Verdict("queue"),
}
