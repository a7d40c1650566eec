"""The columns of a table that PowerShell printed: what stands below which name."""

from __future__ import annotations

import re

NEEDED = {"localaddress", "localport"}
_WORD = re.compile(r"\S+")


def names_columns(line: str) -> bool:
    """Whether *line* is the header of a table, of which somebody may have taken the dashes out."""
    names = line.split()
    return {*map(str.lower, names)} >= NEEDED and all(map(str.isidentifier, names))


def columns_of(header: str, dashes: str) -> list[tuple[str, int, int]]:
    """Each column's name with where its dashes begin and end."""
    found = []
    names, rules = header.lower().split(), list(_WORD.finditer(dashes))
    for at, each in enumerate(rules):
        below = header[each.start() : each.end()].strip().lower()
        name = names[at] if len(names) == len(rules) else below
        found.append((name, each.start(), each.end()))
    return found if {name for name, _, _ in found} >= NEEDED else []


def in_order(line: str, columns: list[tuple[str, int, int]]) -> dict[str, str]:
    """The words of a row that has one for each column; else nothing."""
    row, names = line.split(), [name for name, _, _ in columns]
    if len(row) == len(names) - 1 and _UNSET in names and not _CONNECTED.intersection(row):
        names.remove(_UNSET)  # which only a connection has
    return dict(zip(names, row, strict=True)) if len(row) == len(names) else {}


_UNSET, _CONNECTED = "appliedsetting", {"Established", "TimeWait", "CloseWait", "SynSent"}


def by_place(line: str, columns: list[tuple[str, int, int]]) -> dict[str, str]:
    """The words of a row by column: text begins where the dashes do, a number ends there."""
    cells: dict[str, list[str]] = {}
    column = 0  # the first one that doesn't end before the word: neither ever goes back
    for word in _WORD.finditer(line):
        start, end = word.span()
        while column < len(columns) and columns[column][2] <= start:
            column += 1
        best, most = max(0, column - 1), 0  # a value's further words may stand behind its dashes
        for at in range(column, len(columns)):
            _, left, right = columns[at]
            if left >= end:
                break
            shared = min(end, right) - max(start, left)
            if shared > most:
                best, most = at, shared
        cells.setdefault(columns[best][0], []).append(word[0])
    return {name: " ".join(words) for name, words in cells.items()}
