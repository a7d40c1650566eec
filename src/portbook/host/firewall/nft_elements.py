"""The elements of one set or map, from what ``nft --json list set`` prints. Pure.

>>> text = '''{"nftables": [{"set": {"family": "ip", "table": "t", "name": "s",
...   "type": "inet_service", "elem": [80, {"range": [8000, 8099]}]}}]}'''
>>> parse_elements(text, "ip", "t", "s").rows
[((80, 80),), ((8000, 8099),)]
"""

from __future__ import annotations

from portbook.errors import MalformedInput
from portbook.host.firewall.nft_expressions import (
    OBJECTS,
    TYPE_FIELDS,
    field_of,
    key_fields,
    map_of,
    rows_of,
    target_of,
)
from portbook.host.firewall.nft_glance import VERDICTS
from portbook.host.firewall.nft_text import listed, load_json, only
from portbook.host.firewall.values import Rows, Uncollected, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PIECE = 50_000  # elements between two looks at the clock
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_NO_SET = "it is not a set as nft prints it in JSON"


def objects_of(text: str) -> list[dict[str, Any]]:
    """What nft prints one by one. Raises ValueError and the like for other text."""
    objects: list[dict[str, Any]] = load_json(text)["nftables"]
    return objects


def read_rows(kind: str, value: dict[str, Any]) -> Rows:
    """The elements of a set or a map (*kind*), each by its type."""
    types = value.get("type")
    if isinstance(types, dict):  # typeof: an expression, or a concatenation of them
        fields = key_fields(types)
    else:
        fields = tuple(field_of(TYPE_FIELDS.get(each)) for each in listed(types))
    elements, gives = value.get("elem", []), value.get("map")
    if kind == "set":
        return rows_of(fields, elements)
    goal = verdict_of if gives == "verdict" else str if gives in OBJECTS else goal_of
    return map_of(fields, elements, goal)


def goal_of(value: Any) -> object:
    """What a map of numbers gives: an interval, or an address and a port."""
    kind, inside = only(value)
    if kind == "concat":
        return tuple(target_of(each) for each in inside)
    return target_of(value)


def verdict_of(value: Any) -> object:
    """What a verdict map gives; None for what isn't known."""
    kind, inside = only(value)
    if kind in ("jump", "goto"):
        return Verdict(kind, inside["target"])
    return Verdict(kind) if kind in VERDICTS else None


def parse_elements(
    text: str | bytes,
    family: str,
    table: str,
    name: str,
    check_time: Callable[[], None] = lambda: None,
) -> Rows:
    """The elements of one set or map, from ``nft --json list set``.

    *check_time* is called now and then, and raises what ends it. Raises MalformedInput for text
    that isn't what nft prints, or is about another set.
    """
    try:
        found = find_sets(text if isinstance(text, str) else text.decode(), family, table)
    except UnicodeDecodeError as error:
        raise MalformedInput(_NO_SET) from error
    if name not in found:
        raise MalformedInput("nft printed another set")
    return read_elements(*found[name], check_time)


def find_sets(text: str, family: str, table: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The sets and maps of a table in what nft prints, by name: ``set`` or ``map``, and its JSON.

    Raises MalformedInput for text that isn't what nft prints.
    """
    try:
        with Uncollected():
            return {
                value["name"]: (kind, value)
                for each in objects_of(text)
                for kind, value in each.items()
                if kind in ("set", "map") and (family, table) == (value["family"], value["table"])
            }
    except _MALFORMED as error:
        raise MalformedInput(_NO_SET) from error


def read_elements(
    kind: str, value: dict[str, Any], check_time: Callable[[], None] = lambda: None
) -> Rows:
    """The elements of what :func:`find_sets` found. *check_time* as in :func:`parse_elements`.

    Raises MalformedInput for elements that nft doesn't print.
    """
    try:
        with Uncollected():
            return _in_pieces(kind, value, check_time)
    except _MALFORMED as error:
        raise MalformedInput(_NO_SET) from error


def _in_pieces(kind: str, value: dict[str, Any], check_time: Callable[[], None]) -> Rows:
    elements = value.get("elem")
    if type(elements) is not list or len(elements) <= _PIECE:
        return read_rows(kind, value)
    pieces = []
    for start in range(0, len(elements), _PIECE):
        pieces.append(read_rows(kind, {**value, "elem": elements[start : start + _PIECE]}))
        check_time()
    return _joined(pieces, plain=kind == "set" and isinstance(value.get("type"), str))


def _joined(pieces: list[Rows], *, plain: bool) -> Rows:
    """The elements of one set or map that were read in pieces; *plain*: a set, of one part each."""
    otherwise = next((each.otherwise for each in pieces if each.otherwise is not None), None)
    if plain and otherwise is None:
        numbers = [each.numbers() for each in pieces]
        if all(each is not None for each in numbers):
            return Rows.of_numbers([pair for each in numbers if each for pair in each.pairs()])
    rows = [row for each in pieces for row in each.rows]
    if any(each.goals is None for each in pieces):  # a set; what has all of them needs no others
        return Rows(rows if otherwise is None else [], otherwise=otherwise)
    return Rows(rows, [goal for each in pieces for goal in each.goals or ()], otherwise)
