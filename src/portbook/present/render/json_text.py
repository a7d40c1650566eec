"""JSON over several lines, as ``json.dumps(value, indent=2)`` writes it.

With an indent, the standard library encodes in Python, and hands every comma on through one
generator for each level: 100,000 sockets take it three times as long. Its import alone, with ``re``
behind it, takes 5 ms, a quarter of a lookup.
"""

from __future__ import annotations

try:
    from _json import encode_basestring_ascii as _quoted  # what json.encoder itself uses
except ImportError:  # a Python without it
    from json.encoder import py_encode_basestring_ascii as _quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


_WORDS = {None: "null", True: "true", False: "false"}


def json_pieces(value: Any, margin: str = "\n", levels: int = 2) -> Iterator[str]:
    r"""*value* as text, in pieces: one for each item down to so many *levels*.

    A large list is never text as a whole. Keys of objects are strings.

    >>> "".join(json_pieces({"port": 443, "names": ["https"]}))
    '{\n  "port": 443,\n  "names": [\n    "https"\n  ]\n}'
    """
    if not levels or not value or not isinstance(value, (dict, list, tuple)):
        yield _text(value, margin)
        return
    inner = margin + "  "
    if isinstance(value, dict):
        before, end = "{", "}"
        for key, item in value.items():
            yield f"{before}{inner}{_quoted(key)}: "
            yield from json_pieces(item, inner, levels - 1)
            before = ","
    else:
        before, end = "[", "]"
        for item in value:
            yield f"{before}{inner}"
            yield from json_pieces(item, inner, levels - 1)
            before = ","
    yield f"{margin}{end}"


def _text(value: Any, margin: str) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and value - value == 0:  # finite
        return float.__repr__(value)
    inner = margin + "  "
    if isinstance(value, dict):
        if not value:
            return "{}"
        items = [f"{_quoted(key)}: {_text(item, inner)}" for key, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(items)}{margin}}}"
    if isinstance(value, (list, tuple)):
        if not value:
            return "[]"
        items = [_text(item, inner) for item in value]
        return f"[{inner}{f',{inner}'.join(items)}{margin}]"
    from json import dumps  # NaN, or what isn't JSON at all

    return dumps(value)
