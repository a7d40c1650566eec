"""What stands before most lines of a paste, whatever wrote it: a prompt, a log's words, a file.

No list knows what every tool writes there. What lines have in common from their beginning on is
their lead, with any number in place of each in it; where it ends, the readers show.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.formats.pasted_line import Decoration, Pasted

_TOKEN = re.compile(r"[0-9]+|[ \t]+|.", re.DOTALL)
_LONGEST = 160  # characters of a lead
_MOST = 24  # leads that are tried
_SHARE = 0.6  # of the lines that have it
# A lead ends with a sign, or with a word that no sentence and no setting has there.
_ENDS = re.compile(
    r"[>|│:;\])}→»·/*#%$-][ \t]*$|^(?:REM|rem) $|(?:^|[\s\]])[\w.:-]*[0-9][\w.:-]*[ \t]+$"
)
# The end of a socket, or of a connection, alone: a word before it says which it is.
_BARE_END = re.compile(r"[ \t]*\[?[0-9A-Fa-f.:*]{2,60}\]?:[0-9*]{1,5}[ \t]*$")
_ADDRESS = re.compile(r"[ \t]0\.0\.0\.0[^ \t]*[ \t]+$")  # of a row's own, as any number is 0 here
_CELL_END = re.compile(r"</t[dh]>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")


def leads_of(lines: Sequence[str]) -> list[Decoration]:
    """The steps that take off what *lines*, the first of a paste, may have before each.

    >>> from portbook.formats.pasted_line import Pasted
    >>> step = leads_of(["a1> tcp x", "a1> udp y", "a1> tcp6 z"])[0]
    >>> [line.bare for line in step([Pasted(1, "a7> udp y", "a7> udp y")])]
    [' udp y']
    """
    rows = [_tokens(line) for line in lines]
    if len(rows) < 2:
        return []
    lead: list[str] = []
    least = max(2, _SHARE * len(rows))
    while sum(map(len, lead)) < _LONGEST:
        at = len(lead)
        kinds = Counter(_kind(row[at]) for row in rows if len(row) > at)
        kind, many = kinds.most_common(1)[0] if kinds else ("", 0)
        if many < least:
            break
        rows = [row for row in rows if len(row) > at and _kind(row[at]) == kind]
        blanks = min([len(row[at]) for row in rows]) if kind == " " else 0
        lead.append(" " * blanks if blanks else kind)
    found = []
    for end in range(1, len(lead) + 1):
        text = "".join(lead[:end])
        if not _ENDS.search(text) or text.strip(" \t.").isdigit() or _ADDRESS.search(text):
            continue
        if any(_BARE_END.match("".join(row[end:])) for row in rows):
            break
        found.append(_without(lead[:end]))
    return found[:_MOST]


def _tokens(line: str) -> list[str]:
    return _TOKEN.findall(line[:_LONGEST])


def _kind(token: str) -> str:
    """What a token has in common with those that may stand in its place."""
    if token[0] in "0123456789":
        return "0"
    return " " if token[0] in " \t" else token


def _without(lead: list[str]) -> Decoration:
    """The step that takes *lead* off."""
    *inner, last = [_pattern(token) for token in lead]
    if not lead[-1].strip():
        last = rf"[ \t]{{{len(lead[-1])}}}"  # what follows may be where a column begins
    pattern = re.compile("".join([*inner, last]))
    marked = "<" in lead

    def step(lines: Iterable[Pasted]) -> Iterator[Pasted]:
        from html import unescape

        for line in lines:
            found = pattern.match(line.bare)
            bare = line.bare if found is None else line.bare[found.end() :]
            if marked:
                bare = unescape(_TAG.sub("", _CELL_END.sub("  ", bare)))
            yield line._replace(bare=bare)

    return step


def _pattern(kind: str) -> str:
    if kind == "0":
        return "[0-9]{1,20}"
    return re.escape(kind) if kind.strip() else r"[ \t]{1,40}"
