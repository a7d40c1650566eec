"""A paste of several parts: of many hosts, each below its name, or of two versions, as a diff.

Each step knows its parts by lines that nobody else writes, which become blank: the host that one
names is that of the lines below it, and what a diff takes away is counted and not read.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.formats.pasted_line import Decoration, Pasted

_HOST = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
# A word alone may be anything, and a number too.
_NO_WORD = r"(?=[\w.-]{0,63}[0-9.])(?=[\w.-]{0,63}[A-Za-z]|[0-9]{1,3}\.[0-9])"
# Ansible's command module, pssh, and what people write above each themselves.
_HEADS = (
    rf"({_HOST}) \| (?:CHANGED|SUCCESS|FAILED)(?: \| rc=[0-9]{{1,3}})? >>$"
    rf"|\[[0-9]{{1,5}}\] [0-9:]{{8}} \[(?:SUCCESS|FAILURE)\] ({_HOST})(?: .{{0,80}})?$"
    rf"|(?:[=*#-]{{2,40}} ?){_NO_WORD}({_HOST}?)(?: ?[=*#-]{{2,40}})?:?$"
)
# Salt: a host, and its output below it further in. clush -b and dshbak: between two rules.
_NAME = rf"(?:{_NO_WORD}{_HOST}:|{_HOST})$"
_RULE = r"-{8,80}$"

# diff -u with its headers, and as ndiff writes them; diff without -u.
_HUNK = r"@@ -[0-9]{1,9}(?:,[0-9]{1,9})? \+[0-9]{1,9}(?:,[0-9]{1,9})? @@"
_UNIFIED = r"(?:--- |\+\+\+ |diff -|index [0-9a-f]{7,40}\.\.|\\ No newline at)"
_COMPARED = r"[+-]Nmap \S{1,20} scan initiated "
_CHANGED = r"[0-9]{1,9}(?:,[0-9]{1,9})?[acd][0-9]{1,9}(?:,[0-9]{1,9})?$"
# diff -y: a sign between what was there and what is there, where they differ; a line that doesn't
# differ stands there twice, and one that is new or gone on its side alone.
_NEW = r"[ \t]{0,200}>[ \t]{1,8}(\S.{0,400})$"
_GONE = r"[^\s<|][^<|]{0,400}[ \t][<(]$"


def steps_of(lines: list[str]) -> tuple[Decoration, ...]:
    """The step that takes *lines*, the first of a paste, apart; none where they are one part."""
    if any(line.startswith("@@ -") and _is(_HUNK, line) for line in lines):
        return (_without_removed,)
    if any(line[1:6] == "Nmap " and _is(_COMPARED, line) for line in lines):
        return (_without_removed,)
    changed = any(line.startswith(("< ", "> ")) for line in lines)
    if changed and any(line[:1].isdigit() and _is(_CHANGED, line) for line in lines):
        return (_without_changed,)
    if _are_beside(lines):
        return (_without_left,)
    if any(map(_head, lines)) or any(
        _is_name(over, name, below)
        for (over, name), (_, below) in pairwise(pairwise(["", *lines, ""]))
    ):
        return (_below_hosts,)
    return ()


def _is_name(over: str, name: str, below: str) -> bool:
    """Whether *name* stands alone above what is further in, or between two rules."""
    if name.endswith(":"):
        within = below.startswith("    ") and not over.endswith(":")
        return within and _is(_NAME, name)
    ruled = over.startswith("--------") and below.startswith("--------")
    return ruled and _is(_RULE, over) and _is(_RULE, below) and _is(_NAME, name)


def _is(pattern: str, line: str) -> bool:
    """Whether *line* is such a line; few outputs need any pattern, so none is made before."""
    return re.match(pattern, line) is not None


def _head(line: str) -> re.Match[str] | None:
    """The match of a line that names a host."""
    may = line.endswith(">>") or line[:1] == "[" or line[:2] in ("==", "**", "##", "--")
    return re.match(_HEADS, line) if may else None


def _below_hosts(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """Lines with the host that stands above them."""
    host: str | None = None
    before, held = "", None
    for line in lines:
        if held is not None:
            if _is_name(before, held.bare, line.bare):
                host = held.bare.removesuffix(":")
                held = held._replace(bare="")
            yield held._replace(host=held.host or host)
            before = held.bare
        found = _head(line.bare)
        if found is not None:
            host = next(filter(None, found.groups()))
        bare = "" if found is not None else line.bare
        held = line._replace(bare=bare, host=line.host or host)
    if held is not None:
        yield held


def _without_removed(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """What there is after a diff with context: lines without its signs."""
    for line in lines:
        sign, rest = line.bare[:1], line.bare[1:]
        if _is(_HUNK, line.bare) or _is(_UNIFIED, line.bare) or _is(_COMPARED, line.bare):
            yield line._replace(bare="")
        elif sign == "-":
            yield line._replace(bare="", removed=bool(rest.strip()))
        else:
            yield line._replace(bare=rest if sign in ("+", " ") else line.bare)


def _without_changed(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """What a diff without context adds."""
    for line in lines:
        if _is(_CHANGED, line.bare) or line.bare == "---":
            yield line._replace(bare="")
        elif line.bare.startswith("< "):
            yield line._replace(bare="", removed=True)
        else:
            yield line._replace(bare=line.bare.removeprefix("> "))


def _are_beside(lines: list[str]) -> bool:
    """Whether most of *lines* are of two versions beside each other."""
    some = [line for line in lines if line.strip()]
    both = sum(_right_of(line) is not None for line in some)
    alone = sum(_is(_NEW, line) or _is(_GONE, line.rstrip()) for line in some) if both else 0
    return both > 0 and 2 * (both + alone) > len(some)


def _right_of(line: str) -> str | None:
    """What stands on the right of a line of both versions; None of any other line."""
    before, sign, now = line.partition("|")
    if sign and before[-1:] in (" ", "\t") and now[:1] in (" ", "\t"):
        before, now = before.strip(), now.strip()
        return now if before and before[:3] == now[:3] and "|" not in now else None
    for gap in re.finditer(r"[ \t]{2,200}|\t", line) if len(line) <= _WIDEST else ():
        left, right = line[: gap.start()], line[gap.end() :]
        if left[:3] == right[:3] and left.strip() and left.split() == right.split():
            return right
    return None


_WIDEST = 1000  # characters of a line of two versions


def _without_left(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """What stands on the right of two versions: what there is now."""
    for line in lines:
        right = _right_of(line.bare)
        if right is not None:
            yield line._replace(bare=right, removed="|" in line.bare)
        elif _is(_GONE, line.bare.rstrip()):
            yield line._replace(bare="", removed=True)
        else:
            new = re.match(_NEW, line.bare)
            yield line if new is None else line._replace(bare=new[1])
