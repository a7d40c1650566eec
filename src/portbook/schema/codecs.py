"""How single values become JSON and come back.

A codec is a function that writes, one that reads, and a JSON Schema (2020-12). Reading takes what
any program may have written: it raises :class:`Mismatch`, and nothing else, for a value that the
codec doesn't allow.

>>> TEXT.decode("sshd")
'sshd'
>>> NUMBER.decode("7")
Traceback (most recent call last):
portbook.schema.codecs.Mismatch: not a whole number
"""

from __future__ import annotations

from portbook.model.text import moment, unbyte

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Schema = dict[str, Any]

LARGEST = 1 << 64  # of a number: inodes and counters of the kernel fit
_LAST_PORT = 65535


class Mismatch(ValueError):
    """A value that isn't what its table says; the text says what is wrong, in a few words.

    ``key`` is the innermost key that it stands at; None outside of objects.
    """

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class Codec:
    """How a value of one kind is written and read.

    ``write`` makes of a value what JSON has, None where that is the value itself; ``decode`` reads
    it. ``schema`` is its JSON Schema, ``words`` names the kind in the documentation. ``null`` says
    that it writes and reads null; else a key with null is read as one that isn't there. ``table``
    is that of the objects in it, if there are any. ``items`` says that the value is a list of what
    ``items`` writes, for a table to write it in place. ``again`` makes it anew over the table that
    a function returns for its own (:class:`portbook.schema.tables.Computing`).
    """

    __slots__ = ("again", "decode", "items", "null", "schema", "table", "words", "write")

    def __init__(
        self,
        write: Callable[[Any], Any] | None,
        decode: Callable[[Any], Any],
        schema: Schema,
        words: str,
        *,
        null: bool = False,
        table: Any = None,
        items: Codec | None = None,
        again: Callable[[Callable[[Any], Any]], Codec] | None = None,
    ) -> None:
        self.write = write
        self.decode = decode
        self.schema = schema
        self.words = words
        self.null = null
        self.table = table
        self.items = items
        self.again = again

    def over(self, bind: Callable[[Any], Any]) -> Codec:
        """The same over the table that *bind* returns for that of its objects."""
        if self.again is None or bind(self.table) is self.table:
            return self
        return self.again(bind)

    def but(self, **parts: Any) -> Codec:
        """The same with other *parts*."""
        own = {name: getattr(self, name) for name in self.__slots__}
        return Codec(**(own | parts))


def _clean(text: str | None) -> str | None:
    return None if text is None else unbyte(text)


def _decode_text(value: Any) -> str:
    if not isinstance(value, str):
        raise Mismatch("not text")
    return value


def _decode_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Mismatch("neither true nor false")
    return value


def _number(most: int) -> Callable[[Any], int]:
    def decode(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Mismatch("not a whole number")
        if not 0 <= value <= most:
            raise Mismatch("a number out of range")
        return value

    return decode


def _decode_amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LARGEST:
        raise Mismatch("not a number")
    return float(value)


def _decode_moment(value: Any) -> float:
    import calendar
    import time

    try:
        return float(calendar.timegm(time.strptime(_decode_text(value), "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        raise Mismatch("not a moment such as 2026-09-12T08:30:00Z") from None


def _decode_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Mismatch("not a list")
    return value


# Text that portbook or a data file of its own wrote.
WORDS = Codec(None, _decode_text, {"type": "string"}, "text")
# Text of processes, captures and registries: bytes that are no UTF-8 are written out.
TEXT = Codec(unbyte, _decode_text, {"type": "string"}, "text")
FLAG = Codec(None, _decode_flag, {"type": "boolean"}, "true or false")
NUMBER = Codec(None, _number(LARGEST), {"type": "integer"}, "number")
PORT = Codec(
    None, _number(_LAST_PORT), {"type": "integer", "minimum": 0, "maximum": _LAST_PORT}, "port"
)
# Seconds since the epoch, written as ISO 8601 in UTC.
MOMENT = Codec(moment, _decode_moment, {"type": "string"}, "moment")


def is_text(codec: Codec) -> bool:
    """Whether *codec* writes text of a process or of a capture, or null."""
    return codec.write is unbyte or codec.write is _clean


def optional(codec: Codec) -> Codec:
    """The same, or null."""
    kind = codec.schema.get("type")
    if isinstance(kind, str) and "enum" not in codec.schema:
        schema: Schema = {**codec.schema, "type": [kind, "null"]}
    elif "enum" in codec.schema:
        schema = {**codec.schema, "type": [kind, "null"], "enum": [*codec.schema["enum"], None]}
    else:
        schema = {"anyOf": [codec.schema, {"type": "null"}]}
    inner, decode = codec.write, codec.decode
    write: Callable[[Any], Any] | None
    if inner is None:
        write = None
    elif codec is TEXT:  # the most frequent one
        write = _clean
    else:
        write = lambda value: None if value is None else inner(value)  # noqa: E731
    return Codec(
        write,
        lambda value: None if value is None else decode(value),
        schema,
        f"{codec.words}, or null",
        null=True,
        table=codec.table,
        again=None if codec.again is None else lambda bind: optional(codec.over(bind)),
    )


def _plural(words: str) -> str:
    """What several of *words* are called; a closed set stays as it is.

    >>> _plural("port"), _plural("text"), _plural("`tcp` or `udp`")
    ('ports', 'texts', '`tcp` or `udp`')
    """
    return words if words.endswith(("`", "s")) else f"{words}s"


def list_of(codec: Codec, words: str | None = None) -> Codec:
    """A list of such; a tuple in Python."""
    inner, decode = codec.write, codec.decode
    return Codec(
        list if inner is None else lambda values: [inner(value) for value in values],
        lambda value: tuple([decode(item) for item in _decode_list(value)]),
        {"type": "array", "items": codec.schema},
        words or f"list of {_plural(codec.words)}",
        table=codec.table,
        items=codec,
        again=None if codec.again is None else lambda bind: list_of(codec.over(bind), words),
    )


def at_most_one(codec: Codec) -> Codec:
    """A list of one or none; the value itself or None in Python. It is one of objects."""
    inner = codec.write
    assert inner is not None

    def decode(value: Any) -> Any:
        items = _decode_list(value)
        if len(items) > 1:
            raise Mismatch("more than one")
        return codec.decode(items[0]) if items else None

    return Codec(
        lambda value: [] if value is None else [inner(value)],
        decode,
        {"type": "array", "items": codec.schema},
        f"list of one {codec.words} or none",
        table=codec.table,
        again=None if codec.again is None else lambda bind: at_most_one(codec.over(bind)),
    )


def rounded(digits: int) -> Codec:
    """A number with so many digits behind the point."""
    return Codec(lambda value: round(value, digits), _decode_amount, {"type": "number"}, "number")


def closed(kind: Any) -> Codec:
    """One of a closed set of words."""
    members = {str(member): member for member in kind}

    def decode(value: Any) -> Any:
        try:
            return members[value]
        except (KeyError, TypeError):
            raise Mismatch(f"none of {', '.join(members)}") from None

    schema: Schema = {"type": "string", "enum": [*members]}
    *most, last = [f"`{word}`" for word in members]
    return Codec(None, decode, schema, f"{', '.join(most)} or {last}" if most else last)


def tally(keys: str) -> Codec:
    """A mapping of *keys*, such as "state", to counts."""

    def decode(value: Any) -> dict[str, int]:
        if not isinstance(value, dict):
            raise Mismatch("not an object")
        return {_decode_text(key): NUMBER.decode(count) for key, count in value.items()}

    schema: Schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    return Codec(dict, decode, schema, f"object: {keys} to number")
