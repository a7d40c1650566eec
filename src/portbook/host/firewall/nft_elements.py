"""The elements of one set or map: from what ``nft --json list set`` prints, or the kernel. Pure.

>>> text = '''{"nftables": [{"set": {"family": "ip", "table": "t", "name": "s",
...   "type": "inet_service", "elem": [80, {"range": [8000, 8099]}]}}]}'''
>>> parse_elements(text, "ip", "t", "s").rows
[((80, 80),), ((8000, 8099),)]
"""

from __future__ import annotations

import _struct

from portbook.errors import MalformedInput
from portbook.host.firewall.intervals import Intervals, Uncollected
from portbook.host.firewall.nft_expressions import (
    OBJECTS,
    TYPE_FIELDS,
    field_of,
    key_fields,
    map_of,
    rows_of,
)
from portbook.host.firewall.nft_goals import goal_of, verdict_of
from portbook.host.firewall.nft_text import listed, objects_of
from portbook.host.firewall.values import Rows
from portbook.host.linux.netlink import attributes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from portbook.host.firewall.values import Table

_PIECE = 50_000  # elements between two looks at the clock
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_NO_SET = "nft's output isn't a complete set"
# Bytes of an address; what a set of nothing else may have beside it in JSON.
_WIDTHS = {"ipv4_addr": 4, "ipv6_addr": 16}
_PLAIN = {"family", "table", "name", "type", "handle", "flags", "size", "policy", "auto-merge"}
# linux/netlink.h, linux/netfilter/nf_tables.h
_NLMSG_DONE, _NLM_F_DUMP_INTR = 3, 0x10
_NEW_ELEMENTS, _LIST = 10 << 8 | 12, 3
# Behind the address of an element: it is an end; and libnftnl's word for "it has none".
_ENDS = _struct.pack("=HH", 8, 3) + b"\0\0\0\1"
_OPEN = _struct.pack("=HHBBI2x", 10, 6, 1, 4, 1)


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
            return Rows.of_numbers(
                Intervals.of([pair for each in numbers if each for pair in each.pairs()])
            )
    rows = [row for each in pieces for row in each.rows]
    if any(each.goals is None for each in pieces):  # a set; what has all of them needs no others
        return Rows(rows if otherwise is None else [], otherwise=otherwise)
    return Rows(rows, [goal for each in pieces for goal in each.goals or ()], otherwise)


def add_set(table: Table, kind: str, value: dict[str, Any], terse: bool) -> None:
    """Adds to *table* what *value* is: a set or a map (*kind*), without its elements if *terse*."""
    table.sets[value["name"]] = None if terse else read_rows(kind, value)
    if kind == "map":
        table.maps.add(value["name"])
        return
    width, flags = _WIDTHS.get(str(value.get("type"))), listed(value.get("flags"))
    if width is not None and value.keys() <= _PLAIN and flags in ([], ["interval"]):
        table.addresses[value["name"]] = width, bool(flags)


def parse_dump(pieces: Iterable[bytes], width: int, *, spans: bool) -> Rows | None:
    """The elements of a set of addresses of *width* bytes each, from the kernel's own dump.

    *spans*: they are intervals. None for a dump that isn't whole, or has more than addresses.
    """
    firsts: list[int] = []
    ends: list[int] = []
    for piece in pieces:
        place = 0
        while place < len(piece):
            if len(piece) - place < 16:
                return None
            length, kind, flags = _struct.unpack_from("=IHH", piece, place)
            message = piece[place : place + length]
            if flags & _NLM_F_DUMP_INTR or not 16 <= length == len(message):
                return None
            if kind == _NLMSG_DONE:
                return (
                    _spanned(firsts, ends, width, spans=spans) if not any(message[16:20]) else None
                )
            try:
                inside = attributes_of(message[20:]).get(_LIST, b"")
            except ValueError:
                return None
            if kind != _NEW_ELEMENTS or not _add_elements(inside, width, firsts, ends):
                return None
            place += length + 3 & ~3
    return None


def _add_elements(data: bytes, width: int, firsts: list[int], ends: list[int]) -> bool:
    """Takes the addresses of one message, each a first one or behind a last one.

    The kernel has both in turn: they are looked at in columns. False for anything else.
    """
    key = _struct.pack("=HHHH", 8 + width, 1, 4 + width, 1)
    shapes = {}
    for tail in (b"", _OPEN, _ENDS):
        head = _struct.pack("=HH", 12 + width + len(tail), 1) + key
        shapes[head] = tail, ends if tail == _ENDS else firsts
    first, _, end = shapes
    pair = end + bytes(width) + _ENDS + first + bytes(width)
    size, place = len(pair), 0
    while place < len(data):
        pairs = (len(data) - place) // size
        if pairs > 1 and data.startswith(end, place):
            columns = _columns(data[place : place + pairs * size], pair, width)
            if columns is not None:
                ends += columns[0]
                firsts += columns[1]
                place += pairs * size
                continue
        start = place + len(end)
        shape = shapes.get(data[place:start])
        if shape is None:
            return False
        tail, numbers = shape
        behind = start + width
        place = behind + len(tail)
        if place > len(data) or data[behind:place] != tail:
            return False
        numbers.append(int.from_bytes(data[start:behind], "big"))
    return True


def _columns(data: bytes, shape: bytes, width: int) -> tuple[list[int], list[int]] | None:
    """The numbers behind last addresses and the first ones, of pairs that look like *shape*."""
    size = len(shape)
    count = len(data) // size
    for at in (*range(12), *range(12 + width, 32 + width)):
        if data[at::size] != shape[at : at + 1] * count:
            return None
    pairs: Iterator[tuple[int, ...]]
    if width == 4:
        pairs = _struct.iter_unpack(">12xI20xI", data)
    else:
        number = int.from_bytes
        parts = _struct.iter_unpack(f"12x{width}s20x{width}s", data)
        pairs = ((number(end, "big"), number(first, "big")) for end, first in parts)
    ends, firsts = zip(*pairs, strict=True)
    return list(ends), list(firsts)


def _spanned(firsts: list[int], ends: list[int], width: int, *, spans: bool) -> Rows | None:
    """The elements that begin and end there; None where they don't go together."""
    if not spans:
        if ends:
            return None
        return Rows.of_numbers(Intervals.of([(each, each) for each in firsts]))
    firsts, ends = sorted(firsts), sorted(ends)
    # Before the first element the kernel may have an end of nothing; the last may have none.
    if ends and not ends[0]:
        ends = ends[1:]
    if len(firsts) == len(ends) + 1:
        ends.append(1 << 8 * width)
    if len(firsts) != len(ends):
        return None
    bounds = [0] * (2 * len(ends))
    bounds[::2], bounds[1::2] = firsts, ends
    if bounds != sorted(bounds):
        return None
    touching = set(firsts).intersection(ends)
    if touching:
        bounds = [each for each in bounds if each not in touching]
    return Rows.of_numbers(Intervals(bounds))
