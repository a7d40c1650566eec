"""JSON as text: compact for programs, over several lines for eyes; as :mod:`json` writes it.

With an indent, the standard library encodes in Python, and hands every comma on through one
generator for each level: 100,000 sockets take it three times as long. Its import alone, with ``re``
behind it, takes 5 ms, a quarter of a lookup: what it encodes with is taken from beneath it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is not JSON")


_encode: Callable[[object, int], Any]
try:
    from _json import encode_basestring_ascii as _quoted
    from _json import make_encoder

    # No check for circles, which nothing here has; no sorting, no skipping; NaN as json has it.
    _encode = make_encoder(None, _refuse, _quoted, None, ":", ",", False, False, True)
except (ImportError, TypeError):  # a Python that has them not, or not so
    from json import JSONEncoder
    from json.encoder import py_encode_basestring_ascii as _quoted

    _encoder = JSONEncoder(separators=(",", ":"), default=_refuse)
    _encode = lambda value, _level: (_encoder.encode(value),)  # noqa: E731


# A text as JSON writes it.
quoted: Callable[[str], str] = _quoted
_WORDS = {None: "null", True: "true", False: "false"}


def json_line(value: Any) -> str:
    """*value* on one line without blanks.

    >>> json_line({"port": 443, "names": ["https"]})
    '{"port":443,"names":["https"]}'
    """
    return "".join(_encode(value, 0))


def compact_pieces(value: Any, levels: int = 2) -> Iterator[str]:
    """*value* as :func:`json_line` has it, in pieces as :func:`json_pieces`."""
    return _pieces(value, "", levels, json_line)


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
            yield f"{before}{inner}{quoted(key)}{colon}"
            yield from _pieces(item, inner, levels - 1, write)
            before = ","
    else:
        before, end = "[", "]"
        for item in value:
            yield f"{before}{inner}"
            yield from _pieces(item, inner, levels - 1, write)
            before = ","
    yield f"{margin}{end}"


def _text(value: Any, margin: str) -> str:
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    inner = margin + "  "
    if isinstance(value, dict) and value:
        items = [f"{quoted(key)}: {_text(item, inner)}" for key, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(items)}{margin}}}"
    if isinstance(value, (list, tuple)) and value:
        items = [_text(item, inner) for item in value]
        return f"[{inner}{f',{inner}'.join(items)}{margin}]"
    return json_line(value)
