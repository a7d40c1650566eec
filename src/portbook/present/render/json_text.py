"""JSON as text: compact for programs, over several lines for eyes; as :mod:`json` writes it.

With an indent, the standard library encodes in Python, and hands every comma on through one
generator for each level: 100,000 sockets take it three times as long. Its import alone, with ``re``
behind it, takes 5 ms, a quarter of a lookup; it is worth that from a hundred objects on.
"""

from __future__ import annotations

try:
    from _json import encode_basestring_ascii as _quoted  # what json.encoder itself uses
except ImportError:  # a Python without it
    from json.encoder import py_encode_basestring_ascii as _quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


_WORDS = {None: "null", True: "true", False: "false"}
_MANY = 100  # items of a list


def compact_pieces(value: Any, levels: int = 2) -> Iterator[str]:
    """*value* on one line without blanks, in pieces: one for each item down to so many *levels*.

    >>> "".join(compact_pieces({"port": 443, "names": ["https"]}))
    '{"port":443,"names":["https"]}'
    """
    write: Callable[[Any], str] = _compact
    if isinstance(value, dict) and any(
        isinstance(item, (list, tuple)) and len(item) > _MANY for item in value.values()
    ):
        from json import JSONEncoder

        write = JSONEncoder(separators=(",", ":")).encode
    return _pieces(value, "", levels, write)


def json_pieces(value: Any, levels: int = 2) -> Iterator[str]:
    r"""*value* as text, in pieces: one for each item down to so many *levels*.

    A large list is never text as a whole. Keys of objects are strings.

    >>> "".join(json_pieces({"port": 443, "names": ["https"]}))
    '{\n  "port": 443,\n  "names": [\n    "https"\n  ]\n}'
    """
    return _pieces(value, "\n", levels, None)


def _pieces(
    value: Any, margin: str, levels: int, write: Callable[[Any], str] | None
) -> Iterator[str]:
    """*margin* begins each line, and is empty on one line; then *write* writes what is in items."""
    if not levels or not value or not isinstance(value, (dict, list, tuple)):
        yield _text(value, margin) if write is None else write(value)
        return
    inner, colon = (margin + "  ", ": ") if write is None else ("", ":")
    if isinstance(value, dict):
        before, end = "{", "}"
        for key, item in value.items():
            yield f"{before}{inner}{_quoted(key)}{colon}"
            yield from _pieces(item, inner, levels - 1, write)
            before = ","
    else:
        before, end = "[", "]"
        for item in value:
            yield f"{before}{inner}"
            yield from _pieces(item, inner, levels - 1, write)
            before = ","
    yield f"{margin}{end}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and value - value == 0:  # finite
        return float.__repr__(value)
    from json import dumps  # NaN, or what isn't JSON at all

    return dumps(value)


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{','.join([f'{_quoted(key)}:{_compact(value[key])}' for key in value])}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_compact, value))}]"
    return _scalar(value)


def _text(value: Any, margin: str) -> str:
    inner = margin + "  "
    if isinstance(value, dict) and value:
        items = [f"{_quoted(key)}: {_text(item, inner)}" for key, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(items)}{margin}}}"
    if isinstance(value, (list, tuple)) and value:
        items = [_text(item, inner) for item in value]
        return f"[{inner}{f',{inner}'.join(items)}{margin}]"
    return _scalar(value) if not isinstance(value, (dict, list, tuple)) else _compact(value)
