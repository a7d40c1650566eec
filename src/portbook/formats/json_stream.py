"""JSON out of lines: the elements of a list one by one, or an object a line, as they come.

A document that ends in the middle, or is broken somewhere, gives what is whole in it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from portbook.formats.fields import NOT_UNDERSTOOD, Line, heading, not_understood

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Lines

# RFC 8259: strings hold no line break, so a line's brackets can be told from its text. One that
# doesn't end is one token too: the rest of the line isn't searched again from each of its quotes.
_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|(?P<endless>\\?\Z))'
_TOKEN = re.compile(rf"{_STRING}|[\[\]{{}}]")
_BRACKET = re.compile(r"[\[\]{}]")
_MARK = re.compile(rf"{_STRING}|[\[\]{{}},]")
_LONGEST = 64 << 20  # characters of one value
_MOST_CLOSED = 1 << 20  # characters of one that is cut off, and read as far as it goes
_FILLING = " \t\r,\ufeff"


class Value:
    """One value with the number of its first line and of how many lines it takes."""

    __slots__ = ("line", "lines", "text", "value")

    def __init__(self, line: int, lines: int, value: Any, text: str) -> None:
        self.line = line
        self.lines = lines
        self.value = value
        self.text = text


def values(lines: Lines) -> Iterator[Value | Line]:
    """The objects on *lines*: those in a list, those that follow one another, or the only one."""
    scanner, last = _Scanner(), 0
    for number, line in lines:
        last = number
        if not scanner.depth:
            bare = line.strip(_FILLING)
            if not bare:
                continue
            if bare[0] == "{" and bare[-1] == "}":  # most tools print an object a line
                try:
                    value = json.loads(bare)
                except (ValueError, RecursionError):
                    pass
                else:
                    yield Value(number, 1, value, bare)
                    continue
        yield from scanner.take(number, line)
    if scanner.depth:
        yield from _cut_off(scanner, last)


def _cut_off(scanner: _Scanner, last: int) -> Iterator[Value | Line]:
    """What is whole of the value that the text ends in, and a line that says so."""
    why, lines_of = "it ends in the middle of a value", max(1, last - scanner.began + 1)
    value = None if scanner.size > _MOST_CLOSED else _closed("\n".join(scanner.held))
    if not value:
        yield Line(scanner.began, NOT_UNDERSTOOD, scanner.held[0].strip()[:80], lines_of, why)
        return
    yield Value(scanner.began, lines_of, value, scanner.held[0].strip())
    yield Line(last, NOT_UNDERSTOOD, scanner.held[-1].strip()[:80], 1, why)


def _closed(text: str) -> Any:
    """The value that *text* begins up to the last part of it that is whole; else None.

    An object that isn't whole is left out: what it would have said yet may be what matters.
    """
    end, closing, closed = 0, [], ""
    for token in _MARK.finditer(text):
        mark = token[0]
        if mark in "{[":
            closing.append("}" if mark == "{" else "]")
        elif mark in "]}" and closing:
            closing.pop()
            end, closed = token.end(), "".join(reversed(closing[:_DEEPEST]))
    if not closed:
        return None
    try:
        return json.loads(text[:end] + closed)
    except (ValueError, RecursionError):
        return None


_DEEPEST = 64  # brackets of a value that is cut off; of one that has more nothing is read


class _Scanner:
    """Where one is among the brackets; ``held`` is what has come of a value so far."""

    def __init__(self) -> None:
        self.depth = self.size = self.began = 0
        self.in_list = False
        self.held: list[str] = []

    def take(self, number: int, line: str) -> Iterator[Value | Line]:
        """The values that end on *line*."""
        start, inside, marks = 0, self.depth, 0
        for token in _brackets(line):
            mark = token[0]
            marks += 1
            if mark in "{[":
                start = self._open(mark, number, token.start(), start)
            elif self.depth:
                self.depth -= 1
                if not self.depth:
                    self.held.append(line[start : token.end()])
                    yield _value("\n".join(self.held), self.began, number)
            elif mark == "]":
                self.in_list = False
        if self.depth:
            self.held.append(line[start:])
            self.size += len(line)
            if self.size > _LONGEST:
                why = f"a value of more than {_LONGEST:,} characters"
                yield Line(self.began, NOT_UNDERSTOOD, self.held[0][:80], 1, why)
                self.held, self.depth = [], 0
        elif not inside and self.began != number:
            # Nothing began or ended here: it is a bracket of the list, or no JSON.
            bracket = marks and not line.strip(_FILLING + "[]")
            yield heading(number) if bracket else not_understood(number, line)

    def _open(self, mark: str, number: int, at: int, start: int) -> int:
        """Goes into what a bracket opens; where the value that it belongs to begins."""
        if not self.depth:
            if mark == "[" and not self.in_list:
                self.in_list = True
                return start
            self.began, self.held, self.size, start = number, [], 0, at
        self.depth += 1
        return start


def _brackets(line: str) -> Iterator[re.Match[str]]:
    """The brackets of *line* that stand in no string; those in one that doesn't end count.

    The line is broken there, and what follows it may be whole.
    """
    for token in _TOKEN.finditer(line):
        if token[0][0] != '"':
            yield token
        elif token["endless"] is not None:
            yield from _BRACKET.finditer(line, token.start() + 1)


_BEGUN = re.compile(r"\s*(?:\{\s*(?:[\"}]|$)|\[\s*(?:[\[{\]]|$))")


def begins_json(line: str) -> bool:
    """Whether *line* begins an object or a list of them, and no prompt or remark in brackets.

    >>> begins_json('{"Ports": ""}'), begins_json("["), begins_json("[root@host ~]# docker ps")
    (True, True, False)
    """
    return _BEGUN.match(line) is not None


def ended(text: str) -> str:
    """The beginning of a JSON value as a value: cut before its last comma, its brackets closed.

    >>> ended('{"a": [{"b": 1}, {"b": 2}, {"b')
    '{"a": [{"b": 1}, {"b": 2}]}'
    """
    comma, _ = _marks(text)
    text = text[:comma]
    return text + "".join(reversed(_marks(text)[1]))


def _marks(text: str) -> tuple[int, list[str]]:
    """Where the last comma of *text* stands that is in no string, and what would close *text*."""
    comma, closing = 0, []
    for token in _MARK.finditer(text):
        mark = token[0]
        if mark == ",":
            comma = token.start()
        elif mark in "{[":
            closing.append("}" if mark == "{" else "]")
        elif mark in "]}" and closing:
            closing.pop()
    return comma, closing


def _value(text: str, began: int, ended: int) -> Value | Line:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        shown = text.lstrip().partition("\n")[0][:120]
        return Line(began, NOT_UNDERSTOOD, shown, ended - began + 1, "it is no JSON")
    return Value(began, ended - began + 1, value, text)


def whole_number(value: Any, most: int) -> int | None:
    """A whole number from 0 to *most*, which some tools write as text; else None.

    >>> whole_number("22", 65535), whole_number(22, 65535), whole_number(True, 1)
    (22, 22, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    return None


def scalar(value: Any) -> str:
    """A text or a whole number as text; empty for all else, which may be nested deeply.

    >>> scalar("22"), scalar(22), scalar([22])
    ('22', '22', '')
    """
    return str(value) if isinstance(value, (str, int)) else ""


def words(value: Any) -> str | None:
    """Text that isn't empty; else None."""
    return value if isinstance(value, str) and value else None
