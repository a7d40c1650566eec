r"""The form of notes: TOML text into values. Pure but for symbolic links, which are followed.

>>> text = b'[[port]]\nport = 8305\nlabel = "shop"\n'
>>> (note,) = parse_notes(text, "/srv/shop/portbook.toml", "/home/u")
>>> note.first, note.label, note.expects
(8305, 'shop', False)
"""

from __future__ import annotations

import os
import re
import tomllib

from portbook.errors import BadNotes, shown
from portbook.model import LAST_PORT, Note, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

KEYS = ("port", "transport", "label", "note", "executable", "unit", "container", "user")
_UNIT_TYPES = (".service", ".scope", ".socket", ".mount", ".swap")
_MOST = 2000  # notes in a file
_LONGEST = {"label": 80, "note": 500}  # characters
_LONGEST_WORD = 4096
# TOML 1.0.0: strings of one line and of several, and comments; one that doesn't end runs on.
_NO_KEY = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+(?:"{3,5}|\Z)'
    r"|'''(?:[^']++|'{1,2}(?!'))*+(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]++|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
_MOST_DOTS = 32  # in a line, strings aside: a note's keys have none


def parse_notes(data: bytes, path: str, home: str) -> tuple[Note, ...]:
    """The notes of a file at *path*, those that beat others first: the narrowest do.

    Relative paths in it start from its folder, and ``~`` is *home*. Raises BadNotes, whose
    message names the line, or the entry and the key.
    """
    entries = _entries(_table(data))
    found: dict[tuple[int, int, Transport | None], Note] = {}
    for at, entry in enumerate(entries, 1):
        for note in _Entry(entry, at).notes(path, home):
            key = (note.first, note.last, note.transport)
            if key in found:
                what = f"{_span(note.first, note.last)}{_over(note.transport)}"
                raise BadNotes(
                    f"[[port]] {at}, port: {what} is in it twice; make one entry of them"
                )
            found[key] = note
    return tuple(
        sorted(
            found.values(),
            key=lambda note: (note.last - note.first, note.transport is None, note.first),
        )
    )


def _table(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadNotes(f"line {line} isn't UTF-8 text") from error
    # For a key of n parts tomllib goes through its first part, its first two, and so on up to n.
    for number, keys in enumerate(_NO_KEY.sub(_only_its_lines, text).split("\n"), 1):
        if keys.count(".") > _MOST_DOTS:
            raise BadNotes(f"line {number} has a key of more than {_MOST_DOTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise BadNotes("its values are nested too deeply") from error
    except ValueError as error:  # tomllib's own, and int's for thousands of digits
        raise BadNotes(f"it isn't TOML: {error}") from error


def _only_its_lines(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _entries(table: dict[str, Any]) -> list[dict[str, Any]]:
    for key in table:
        if key != "port":
            raise BadNotes(f"{shown(key)} isn't known at its top: entries begin with [[port]]")
    entries = table.get("port", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise BadNotes("'port' is not a list of tables: entries begin with [[port]]")
    if len(entries) > _MOST:
        raise BadNotes(f"it has {len(entries):,} entries: {_MOST:,} are the most")
    return entries


class _Entry:
    """One table, on its way to being a note."""

    def __init__(self, entry: dict[str, Any], at: int) -> None:
        self._entry = entry
        self._at = at

    def notes(self, path: str, home: str) -> list[Note]:
        """One note for each transport that it names, or one for all."""
        for key in self._entry:
            if key not in KEYS:
                self._bad(key, f"isn't known; there are {', '.join(KEYS)}")
        first, last = self._ports()
        label, text = self._text("label"), self._text("note")
        executables = tuple(self._path(each, path, home) for each in self._words("executable"))
        units, containers = self._words("unit"), self._words("container")
        users = self._words("user")
        for unit in units:
            if not unit.endswith(_UNIT_TYPES) or "/" in unit:
                self._bad("unit", f"{shown(unit)} is no unit's name: give it as {_unit(unit)}")
        if users and not (executables or units or containers):
            self._bad("user", "says whose a program is: name an executable, unit or container too")
        if not (label or text or executables or units or containers):
            self._bad("label", "is missing, and nothing else says what the port is for")
        return [
            Note(
                first=first,
                last=last,
                transport=each,
                file=path,
                label=label,
                text=text,
                executables=executables,
                units=units,
                containers=containers,
                users=users,
            )
            for each in self._transports()
        ]

    def _bad(self, key: str, why: str) -> NoReturn:
        raise BadNotes(f"[[port]] {self._at}, {shown(key)[1:-1]}: {why}")

    def _ports(self) -> tuple[int, int]:
        given = self._entry.get("port")
        if given is None:
            self._bad("port", "is missing")
        if isinstance(given, str):
            ends = given.replace("–", "-").split("-")
            if len(ends) > 2 or not all(_is_number(end.strip()) for end in ends):
                self._bad(
                    "port", f'{shown(given)} is neither a port nor a range such as "8000-8009"'
                )
            first, last = int(ends[0]), int(ends[-1])
        elif isinstance(given, int) and not isinstance(given, bool):
            first = last = given
        else:
            self._bad("port", 'is neither a number nor a range such as "8000-8009"')
        for number in (first, last):
            if not 0 <= number <= LAST_PORT:
                self._bad("port", f"{shown(str(number))} is not a port: give 0 to {LAST_PORT}")
        if first > last:
            self._bad("port", f"{first}-{last} runs backwards")
        return first, last

    def _transports(self) -> list[Transport | None]:
        words = self._words("transport")
        found: list[Transport | None] = []
        for word in dict.fromkeys(words):
            if word not in list(map(str, Transport)):
                self._bad("transport", f"{shown(word)} is not one of tcp, udp, sctp and dccp")
            found.append(Transport(word))
        return found or [None]

    def _text(self, key: str) -> str | None:
        given = self._entry.get(key)
        if given is None:
            return None
        if not isinstance(given, str) or not given.strip():
            self._bad(key, "is no text")
        if len(given) > _LONGEST[key]:
            self._bad(key, f"has {len(given):,} characters: {_LONGEST[key]} are the most")
        return str(given.strip())

    def _words(self, key: str) -> tuple[str, ...]:
        given = self._entry.get(key)
        if given is None:
            return ()
        words = given if isinstance(given, list) else [given]
        for word in words:
            if not isinstance(word, str) or not word.strip():
                self._bad(key, "is neither a text nor a list of texts")
            if len(word) > _LONGEST_WORD or "\0" in word:
                self._bad(key, f"{shown(word)} can't be the name of anything")
        if not words:
            self._bad(key, "is an empty list")
        return tuple(words)

    def _path(self, word: str, file: str, home: str) -> str:
        """*word* as the kernel would name it: absolute, and without symbolic links."""
        if not ("/" in word or os.sep in word):
            self._bad(
                "executable",
                f"{shown(word)} is a name, which any program can have: give a path, "
                f"as /usr/sbin/{word if word.isidentifier() else 'nginx'}",
            )
        if word.startswith("~/"):
            word = os.path.join(home, word[2:])
        path = os.path.normpath(os.path.join(os.path.dirname(file), word))
        return path if "*" in path else os.path.realpath(path)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _unit(word: str) -> str:
    return shown(f"{word.rpartition('/')[2].partition('.')[0] or 'shop'}.service")


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _over(transport: Transport | None) -> str:
    return "" if transport is None else f"/{transport}"
