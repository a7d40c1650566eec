"""The markup of a page around lines, and the marks around rows that a sentence quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.formats.pasted_line import Pasted

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_LINE_END = re.compile(r"<(?:br[ /]{0,2}|/(?:p|div|li|tr|pre))>", re.IGNORECASE)
_CELL_END = re.compile(r"</t[dh]>", re.IGNORECASE)
# Several rows, each quoted, in a sentence.
_IN_MARKS = re.compile(r"`([^`|]{2,24}[ \t][^`|]{14,400})`")


def without_markup(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """Text without tags; what a page breaks into several lines has numbers of its own.

    So have rows that one line quotes, which stand between marks.
    """
    from html import unescape

    number = 0
    for line in _with_whole_rows(lines):
        pieces = [line.bare]
        if line.bare.count("`") > 3 and len(quoted := _IN_MARKS.findall(line.bare)) > 1:
            pieces = quoted
        elif "<" in line.bare or "&" in line.bare:
            broken = [piece for piece in _LINE_END.split(line.bare) if piece.strip()]
            # What stands for a blank in a page doesn't break a line.
            broken = [_TAG.sub("", _CELL_END.sub("  ", piece)) for piece in broken]
            pieces = [unescape(piece).replace("\xa0", " ") for piece in broken]
        for piece in pieces or [""]:
            number += 1
            whole = line.whole if len(pieces) < 2 else piece
            yield line._replace(number=number, whole=whole, bare=piece)


def _with_whole_rows(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """*lines*, those of a page's row that has its cells on lines of their own as one."""
    held: list[Pasted] = []
    for line in lines:
        lower = line.bare.lower()
        ends = "</tr" in lower
        begins = lower.rfind("<tr") > lower.rfind("</tr")
        if held:
            held.append(line)
            if ends:
                bare = "".join([each.bare.strip() for each in held])
                yield held[0]._replace(whole=bare, bare=bare)
                held = []
            elif begins or len(held) > _MOST_CELLS:
                yield from held
                held = []
        elif begins:
            held = [line]
        else:
            yield line
    yield from held


_MOST_CELLS = 80  # lines of a row
