"""Rules of nftables as text, from the JSON that nft prints. Pure; close to nft(8)'s own language.

>>> show_rule([{"match": {"op": "!=", "left": {"meta": {"key": "iifname"}}, "right": "lo"}},
...            {"counter": {"packets": 0, "bytes": 0}}, {"redirect": {"port": 80}}])
'iifname != lo redirect to :80'
"""

from __future__ import annotations

from portbook.model import bracketed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# nft leaves the word "meta" out before these.
_BARE_META = ("iif", "iifname", "oif", "oifname", "mark", "iifgroup", "oifgroup")
_PLAIN_REJECTS = (("icmpx", "port-unreachable"), ("icmp", "port-unreachable"))
_CHOICES = ("numgen", "jhash", "symhash")  # among so many
_HEADERS = ("exthdr", "tcp option", "ip option", "sctp chunk")  # what a packet may have or not
_ASKED = ("rt", "socket", "osf", "ipsec")  # what the kernel knows of a packet besides
_OPERATORS = ("&", "|", "^", "<<", ">>")


def only(value: Any) -> tuple[str, Any]:
    """The one key of a JSON object and its value; a word stands for itself; ("", None) else."""
    if isinstance(value, dict) and len(value) == 1:
        ((kind, inside),) = value.items()
        return kind, inside
    return (value, None) if isinstance(value, str) else ("", None)


def listed(value: Any) -> list[Any]:
    """The list that *value* is; of one thing nft prints the thing itself, of none nothing."""
    return value if isinstance(value, list) else [] if value is None else [value]


def show_rule(statements: Iterable[Any]) -> str:
    """The statements of one rule; counters and remarks are left out.

    One that isn't put together as nft does it is shown as the JSON that it is.
    """
    return " ".join(filter(None, map(_show_any, statements)))


def _show_any(statement: Any) -> str:
    if not isinstance(statement, str) and (type(statement) is not dict or len(statement) != 1):
        return _as_json(statement)
    try:
        return _show_statement(statement)
    except (TypeError, LookupError, AttributeError, ValueError):
        return _as_json(statement)


def _as_json(value: Any) -> str:
    import json

    return json.dumps(value)


def load_json(text: str) -> Any:
    """As :func:`json.loads`, without importing that module, and ``re`` with it.

    That takes 7 ms, three times what nft takes to print a few rules. Raises ValueError.
    """
    try:
        from _json import make_scanner

        scan = make_scanner(_Settings())  # type: ignore[arg-type]  # the stub's own type
    except (ImportError, AttributeError, TypeError):  # another Python than CPython
        from json import loads

        return loads(text)
    try:
        value, end = scan(text.strip(), 0)
    except (StopIteration, SystemError):  # its own error's class isn't loaded
        raise ValueError("it is no JSON") from None
    if end != len(text.strip()):
        raise ValueError("something follows the JSON")
    return value


def objects_of(text: str) -> list[dict[str, Any]]:
    """What nft prints one by one. Raises ValueError and the like for other text."""
    objects: list[dict[str, Any]] = load_json(text)["nftables"]
    return objects


def _constant(name: str) -> Any:
    raise ValueError(name)  # NaN and the like are no JSON


class _Settings:
    """What the decoder of the standard library asks for."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, staticmethod(_constant)


def show_match(left: Any, op: str, right: Any) -> str:
    """``left op right``; "==" goes without saying, but for sums and the like."""
    plain = only(left)[0] in (
        *_HEADERS, *_CHOICES, *_ASKED, "payload", "meta", "ct", "fib", "concat",
    )  # fmt: skip
    return " ".join(
        (show(left), show(right)) if plain and op in ("==", "in") else (show(left), op, show(right))
    )


def show(value: Any) -> str:
    """An expression in nft's own language as far as redirects use it, in JSON beyond that."""
    if isinstance(value, bool):  # whether there is a route, an option, a header
        return "exists" if value else "missing"
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, list):  # flags, such as the states of connections
        return ",".join(map(show, value))
    kind, inside = only(value)
    if isinstance(inside, dict):
        text = _show_lookup(kind, inside)
    elif isinstance(inside, list):
        text = _show_list(kind, inside)
    else:  # a verdict of a map
        text = kind if inside is None and kind in ("accept", "drop", "return", "continue") else None
    return _as_json(value) if text is None else text


def _show_lookup(kind: str, inside: dict[str, Any]) -> str | None:
    if kind == "payload" and "field" in inside:
        return f"{inside['protocol']} {inside['field']}"
    if kind == "payload" and "base" in inside:
        return f"@{inside['base']},{inside['offset']},{inside['len']}"
    if kind == "meta" and inside["key"] in _BARE_META:
        return str(inside["key"])
    if words := _words_of(kind, inside):
        return " ".join(str(each) for each in words if each)
    if kind == "fib":
        return f"fib {' . '.join(listed(inside['flags']))} {inside['result']}"
    if kind == "prefix":
        return f"{show(inside['addr'])}/{inside['len']}"
    if kind == "elem":
        return show(inside["val"])
    if kind in ("map", "vmap"):
        data = inside["data"]
        if isinstance(data, dict):
            pairs = ", ".join(f"{show(key)} : {show(goal)}" for key, goal in data["set"])
            data = f"{{ {pairs} }}"
        return f"{show(inside['key'])} {kind} {data}"
    return f"{kind} {inside['target']}" if kind in ("jump", "goto") else None


def _words_of(kind: str, inside: dict[str, Any]) -> tuple[Any, ...]:
    """The words of a field that is called by several; None and "" are left out."""
    if kind in ("meta", "ct"):
        return kind, inside.get("dir"), inside.get("family"), inside["key"]
    if kind in _ASKED:
        number = f"spnum {inside['spnum']}" if inside.get("spnum") else ""
        return kind, inside.get("dir"), number, inside.get("family"), inside["key"]
    if kind in _HEADERS and "name" in inside:
        bare = kind == "exthdr" and "field" in inside
        return "" if bare else kind, inside["name"], inside.get("field")
    if kind in _CHOICES:
        of = inside["mode"] if kind == "numgen" else show(inside["expr"]) if kind == "jhash" else ""
        seed = f"seed {inside['seed']:#x}" if "seed" in inside else ""
        offset = f"offset {inside['offset']}" if inside.get("offset") else ""
        return kind, of, "mod", inside["mod"], seed, offset
    if kind == "reject":
        how = (inside["type"], inside.get("expr"))
        return (kind,) if how in _PLAIN_REJECTS else (kind, "with", *how)
    if kind == "synproxy":
        pairs = [f"{key} {inside[key]}" for key in ("mss", "wscale") if key in inside]
        return kind, *pairs, *listed(inside.get("flags"))
    return ()


def _show_list(kind: str, inside: list[Any]) -> str | None:
    if kind == "set":
        return f"{{ {', '.join(show(each) for each in inside)} }}"
    joint = {"range": "-", "concat": " . "}.get(kind)
    if kind in _OPERATORS:
        joint = f" {kind} "
    return None if joint is None else joint.join(show(each) for each in inside)


def _show_statement(statement: Any) -> str:
    kind, value = only(statement)
    if kind == "match":
        return show_match(value["left"], value["op"], value["right"])
    if kind in ("dnat", "redirect"):
        value = value or {}
        address, port = value.get("addr"), value.get("port")
        goal = "" if address is None else show(address)
        if port is not None:
            goal = bracketed(goal) if isinstance(address, str) else goal
            goal += f":{show(port)}"
        words = (kind, value.get("family"), "to" if goal else None, goal)
        return " ".join(str(each) for each in words if each)
    if kind == "xt":
        return f"xt {value['type']} {value['name']}" if value else "xt"
    if kind == "mangle" and isinstance(value, dict):
        key, mark = show(value["key"]), value["value"]
        key = f"meta {key}" if key in _BARE_META else key
        return f"{key} set {f'{mark:#010x}' if 'mark' in key and type(mark) is int else show(mark)}"
    if kind in ("vmap", "jump", "goto") or (kind in ("reject", "synproxy") and value):
        return show(statement)
    if kind == "limit" and isinstance(value, dict):
        unit = value.get("rate_unit", "packets")
        rate = f"{value['rate']}{'' if unit == 'packets' else f' {unit}'}/{value['per']}"
        return f"limit rate {'over ' if value.get('inv') else ''}{rate}"
    if kind in ("ct count", "quota") and isinstance(value, dict) and "val" in value:
        over, unit = "over " if value.get("inv") else "", value.get("val_unit", "")
        return " ".join(f"{kind} {over}{value['val']} {unit}".split())
    if kind in ("set", "meter") and isinstance(value, dict):
        of_set = kind == "set"
        first = f"{value['op']} {value['set']}" if of_set else f"meter {value['name']}"
        beside = value.get("stmt", [])
        inside = [show(value["elem" if of_set else "key"]), *map(_show_statement, listed(beside))]
        return f"{first} {{ {' '.join(each for each in inside if each)} }}"
    return "" if kind in ("counter", "comment") else " ".join(kind.split())
