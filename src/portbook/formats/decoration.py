"""What people and their tools do to the lines of an output: quotes, numbers, comments, markup.

A ticket quotes what a terminal showed, ``grep -n`` and ``nl`` number it, a file comments it out, a
page wraps it in markup, a table of Markdown puts it into cells, a narrow terminal cuts it, JSON
holds it in one text, and a tool that asks many hosts writes the host or the time before each line.
Each decoration is a step that takes that off lines, and tells the host that it named; a line
without it stays as it is.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from portbook.formats.fields import (
    NOT_UNDERSTOOD,
    OVERLONG,
    REMOVED,
    Line,
    heading,
    not_understood,
)
from portbook.formats.line_numbers import without_numbers
from portbook.formats.markup import without_markup
from portbook.formats.pasted_line import Pasted
from portbook.formats.row_starts import without_lead
from portbook.formats.surroundings import is_around

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from portbook.formats.pasted_line import Decoration


_MOST_KEPT = 400  # lines: a reader tells of one at once, or soon
# Some mail programs write the initials of whom they quote.
_QUOTED = re.compile(r"[ \t]{0,8}(?:[A-Z]{0,3}>[ \t]?){1,20}")
_FENCE = re.compile(r"[ \t]{0,8}(?:```|~~~)[\w-]{0,20}[ \t]*$")
_COMMENT = re.compile(
    r"[ \t]{0,12}(?:#{1,6}|//|;|--|:(?=[ \t])|(?:REM|rem)(?=[ \t]))[ \t]?(?:(?:->|=>)[ \t]?)?"
)
# Markdown's, and the tags of a forum (BBCode).
_EMPHASIS = re.compile(
    # Stars in place of an address hide it, and stress nothing.
    r"`{1,3}|(?<!\*)\*\*(?!\*|[:.][0-9*])|__|\[/?(?:b|i|u|s|pre|tt|code|quote|spoiler|font|size|color)(?:=[^\[\]]{1,60})?\]",
    re.IGNORECASE,
)
# grep -nH: the file and the number of the line. "->" is between the ends of a connection.
_GREPPED = re.compile(r"[\w./~-]{1,200}[:-][0-9]{1,7}[:-](?!>)[ \t]?")
_DAY = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{5,24}(?:Z|[+-][0-9:]{4,6})?"
    r"|[A-Z][a-z]{2} [ 0-9][0-9](?: [0-9]{4})? [0-9:]{8}|\[[0-9:., TZ/+-]{5,35}\]"
    r"|[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?=[ \t])"
    r"|#[0-9]{1,5} [0-9]{1,6}\.[0-9]{1,4}(?=[ \t]|$)"  # a step of a build of an image
)
# Between cells: nmap's state "open|filtered" is in one.
_CELL = re.compile(r"(?<!\\)(?:(?<!open)[|│]|[|│](?!filtered))")
_CELLS = re.compile(r"[ \t]{0,8}[|│](.*?)[|│]?[ \t]*$")
# Between rows; and around a table of MediaWiki, whose header has its own mark.
_CELL_RULE = re.compile(r"[ \t|│┃+:=─━┼├┤┌┐└┘┬┴╇╈╭╮╯╰-]{3,400}$|\{\|(?:[^|]{0,200})$|\|[}-]$")
_WIKI_HEADER = re.compile(r"![ \t]{0,8}[^!|]{1,80}(?:!![^!|]{1,80}){1,30}$")
# What stands behind it is left as it is: where a column begins may tell which it is.
_BULLET = re.compile(r"[ \t]{0,8}(?:[+]|[*•–·-][ \t])(?=[ \t]{0,80}\S)")
_LISTED = re.compile(r"[ \t]{0,8}[+*•–·-][ \t](?=[ \t]{0,80}\S)")
_ADDED = re.compile(r"[+](?=\S)")
_LITERAL = re.compile(r"[ \t]{0,40}(?:- )?\[?b?[\"'](.*)[\"']\]?[ \t]{0,4},?[ \t]*$")
# An object's first key, or one on a line of its own, before a text.
_KEY = re.compile(r"[ \t]{0,40}\{?[ \t]{0,8}\"[\w.-]{1,60}\":[ \t]{0,4}\"")
# What a log's record has it under, which other keys may stand before; and the text to its end.
_MESSAGE = re.compile(r'[ \t]{0,8}\{.{0,2000}?"(?:MESSAGE|message|msg|log|stdout)": ?"')
_TEXT = re.compile(r'((?:[^"\\]|\\.)*+)"[ \t]{0,4}(?:,[ \t]{0,4}"|\}|,?$)')
# What JSON has around texts, and holds none.
_FRAME = re.compile(r"[ \t]{0,40}(?:\"[\w. -]{1,60}\":[ \t]{0,4})?[\[\]{}]{1,3},?[ \t]*$")
_BETWEEN = re.compile(r"\", ?\"|', ?b?'")  # two texts of a list, or two cells
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_STANDING_FOR = {"t": "\t", "r": "", "e": "\x1b"}
_HOST = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
# Ansible with one line for each host.
_TASK = re.compile(rf"(?P<host>{_HOST}) \| [A-Z]{{2,12}} \| rc=[0-9]{{1,3}} \| \(stdout\) ")
_PROGRAM = r"[\w./-]{1,40}"
_TIME = re.compile(rf"[ \t]{{0,8}}(?:<[0-9]{{1,3}}>(?:1[ \t])?)?(?:{_DAY})")
_SENDER = re.compile(
    rf"[ \t]+(?P<host>{_HOST})[ \t]+{_PROGRAM}(?:\[[0-9]{{1,9}}\])?:(?![0-9])"
    rf"|[ \t]+{_PROGRAM}\[[0-9]{{1,9}}\]:"
)
_SEVERITY = re.compile(
    r"(?:[ \t]{1,3}\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL)\]?:?(?=[ \t]))?"
    r"(?:[ \t]{1,3}(?:\[[\w./-]{1,40}\]|<[@+ ]?[\w.-]{1,30}>)(?=[ \t]))?"
    r"(?: std(?:out|err) [FP])?[ \t]?"
)
# "Local: 192.0.2.5:80" is an end of a socket, or a setting: no host whose output follows.
_END = r"[ \t]{0,40}\[?[0-9A-Fa-f.:]{2,60}\]?:[0-9]{1,5}[ \t]*$"
_NAMED = re.compile(
    rf"[ \t]{{0,8}}(?:\[(?P<bracketed>{_HOST})\]|\[[*+!-]\](?: \w{{1,20}}:)?"
    rf"|\[[\w./-]{{1,160}}\]|(?P<host>{_HOST})[ \t]{{0,20}}(?:\||:(?!{_END})))[ \t]?"
    r"(?:(?<=[ \t|\]])|(?=[ \tA-Za-z*]))"
)


def _each(take_off: Callable[[str], tuple[str, str | None]]) -> Decoration:
    """The step that does *take_off* to each line."""

    def step(lines: Iterable[Pasted]) -> Iterator[Pasted]:
        for line in lines:
            bare, host = take_off(line.bare)
            yield line._replace(bare=bare, host=host or line.host)

    return step


def _without(pattern: re.Pattern[str]) -> Decoration:
    def take_off(line: str) -> tuple[str, str | None]:
        found = pattern.match(line)
        if found is None:
            return line, None
        hosts = found.groupdict().values()
        return line[found.end() :], next(filter(None, hosts), None)

    return _each(take_off)


def _without_stamps(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """Lines without their time, the host and program that sent them, and how serious it was.

    Whoever writes the sender writes it from the first line on: in the middle of an output,
    "Not shown:" is a part of it.
    """
    sent: bool | None = None
    for line in lines:
        found = _TIME.match(line.bare)
        if found is None:
            yield line
            continue
        sender = _SENDER.match(line.bare, found.end()) if sent is not False else None
        sent = sent or sender is not None
        end, host = found.end(), line.host
        if sender is not None:
            end, host = sender.end(), sender["host"] or host
        behind = _SEVERITY.match(line.bare, end)
        yield line._replace(bare=line.bare[behind.end() if behind else end :], host=host)


# A row in an item of a list, or in the middle of a sentence.
_IN_ITEM = re.compile(
    r"[ \t]{0,8}(?:[*+•–·-]|[0-9]{1,4}[.)])[ \t]{1,4}`([^`]{16,400})`[^`]{0,200}$"
)
_IN_PROSE = re.compile(r"[^`]{0,400}\w[^`\w]{0,8}`([^`]{16,400})`[^`]{0,400}$")


def _without_emphasis(line: str) -> tuple[str, str | None]:
    quoted = _IN_ITEM.match(line) or _IN_PROSE.match(line)
    if quoted is not None:
        return quoted[1], None
    whole = line.strip(" \t")
    if len(whole) > 4 and whole.startswith("**") and whole.endswith("**"):
        line = whole[2:-2]
    return _EMPHASIS.sub("", line), None


def _without_quotes(line: str) -> tuple[str, str | None]:
    found = _QUOTED.match(line)
    line = line if found is None else line[found.end() :]
    return "" if _FENCE.match(line) else line, None


def _without_cells(line: str) -> tuple[str, str | None]:
    found = _CELLS.match(line)
    framed = _in_frame(line)
    if framed is not None:
        return framed, None
    if _CELL_RULE.match(line):
        return "", None
    if _WIKI_HEADER.match(line):
        return "  ".join(map(str.strip, line[1:].split("!!"))), None
    if found is None:
        return line, None
    cells = _CELL.split(found[1].replace("`", ""))
    return "  ".join(cell.replace("\\", "").strip() for cell in cells), None


def _without_separators(line: str) -> tuple[str, str | None]:
    """A row of CSV as a table shows it; the processes of ss, with commas of their own, as one."""
    head, found, owners = line.partition("users:((")
    separator = max(",;", key=head.count)
    if head.count(separator) < _FEWEST_CELLS:
        return line, None
    if found:
        quoted = head.endswith('"')
        head = head.removesuffix('"')
        owners = owners.rstrip(" \t,;")
        owners = owners.removesuffix('"').replace('""', '"') if quoted else owners
    cells = [found[1] or found[2] or "" for found in _SEPARATED[separator].finditer(head)]
    return "  ".join([cell.strip().replace('""', '"') for cell in cells]) + found + owners, None


_FEWEST_CELLS = 3  # separators of a row that is one
_SEPARATED = {
    mark: re.compile(rf'(?:"((?:[^"]|"")*+)"|([^{mark}]*+))[^{mark}]*+(?:{mark}|$)')
    for mark in (",", ";")
}


def _in_frame(line: str) -> str | None:
    """What a frame around whole lines holds, as it stands there; None of a table's cells."""
    bare = line.strip(" \t")
    if len(bare) < 2 or bare[0] not in "|│" or bare[-1] not in "|│":
        return None
    inner = bare[1:-1]
    text = inner.strip()
    if bare[-1] in inner or (bare[0] == "|" and "|" in inner) or not {*text} - {*"+:=─━"}:
        return None
    if {*text} == {"-"}:  # the rule of a table of one column
        return None
    return inner.removeprefix(" ").rstrip()


def _unescape(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return _STANDING_FOR.get(found[2], found[2])


def _without_escapes(lines: Iterable[Pasted]) -> Iterator[Pasted]:
    """Lines that a text of JSON or a program's literal holds, with numbers of their own."""
    number = 0
    for line in lines:
        task = _TASK.match(line.bare)
        if task is not None:
            line = line._replace(bare=line.bare[task.end() :], host=task["host"])  # noqa: PLW2901
        literal = _LITERAL.match(line.bare)
        text = line.bare if literal is None else literal[1]
        if literal is None and _FRAME.match(text):
            text = ""
        elif (key := _MESSAGE.match(text) or _KEY.match(text)) is not None:
            told = _TEXT.match(text, key.end())
            text = told[1] if told else text[key.end() :].rstrip(" \t,}").removesuffix('"')
            literal = None
        texts = [text] if literal is None else _BETWEEN.split(text)
        pieces = [piece for each in texts for piece in each.replace("\\r\\n", "\\n").split("\\n")]
        for piece in pieces:
            number += 1
            bare = _ESCAPE.sub(_unescape, piece) if "\\" in piece else piece
            whole = line.whole if len(pieces) == 1 else piece
            yield Pasted(number, whole, bare, line.host)


CELLS = _each(_without_cells)
_quotes, _comments = _each(_without_quotes), _without(_COMMENT)


# A host that is no word, with nothing but a blank behind it.
_HOSTED = re.compile(
    r"[ \t]{0,8}(?P<host>(?=[A-Za-z]{0,62}[0-9.-])(?=[\w.-]{0,63}[A-Za-z]|(?:[0-9]{1,3}\.){3})"
    r"[A-Za-z0-9][\w.-]{0,63})[ \t]{1,4}(?=[A-Za-z*])"
)
DECORATIONS: tuple[Decoration, ...] = (
    _quotes,
    _comments,
    without_numbers,
    CELLS,
    _each(_without_separators),
    without_markup,
    _without_stamps,
    _without(_NAMED),
    _without(_BULLET),
    _without_escapes,
    _each(_without_emphasis),
    _without(_GREPPED),
    _without(_HOSTED),
    _each(without_lead),
)


# A diff's sign right before a word, and numbers: on one line alone either may begin a name or an
# address.
ADDED = _without(_ADDED)
_IN_ORDER: Decoration = partial(without_numbers, signed=False)
ON_SEVERAL = (ADDED, _IN_ORDER)

# What every line may wear though a reader takes it for a part of the first cell: no tool writes a
# quote's sign, a time or a frame at the beginning of each.
WORN_BY_ALL: tuple[Decoration, ...] = (
    _quotes,
    _without_stamps,
    _without(_LISTED),
    _IN_ORDER,
    without_markup,
    _without_escapes,
    _each(_without_emphasis),
    ADDED,
    _each(lambda line: (_in_frame(line) or line, None)),
)

# What begins so says nothing else: a quote, a time, numbers in order.
SURE = (_quotes, _without_stamps, _IN_ORDER)
# What is taken off some lines alone, where that leaves less unread.
WORN_BY_SOME: tuple[Decoration, ...] = (CELLS,)

# What was numbered or commented out, and then quoted, or the other way round; and what was quoted
# before a page, a log or a list took it.
PAIRS = (
    *(
        (first, second)
        for first in (_quotes, _comments, without_numbers)
        for second in DECORATIONS
        if first is not second
    ),
    *((first, _quotes) for first in DECORATIONS[3:]),
)


def undecorated(
    lines: Iterable[tuple[int, str]], decorations: Iterable[Decoration]
) -> Iterator[tuple[int, str]]:
    """*lines* without *decorations*, which are taken off in their order."""
    return ((line.number, line.bare) for line in _undecorate(lines, decorations))


def _undecorate(
    lines: Iterable[tuple[int, str]], decorations: Iterable[Decoration]
) -> Iterable[Pasted]:
    steps: Iterable[Pasted] = (
        # What is too long to be read is cut, and looks like nothing else.
        Pasted(number, line, line if not line.startswith(OVERLONG) else OVERLONG)
        for number, line in lines
    )
    for decoration in decorations:
        steps = decoration(steps)
    return steps


class Undecorated:
    """Numbered lines without their decorations: a run of them for each host that these name.

    The lines that readers are likely to tell of are kept as they were, to be shown so.
    """

    def __init__(self, lines: Iterable[tuple[int, str]], worn: tuple[Decoration, ...]) -> None:
        self._lines = _undecorate(lines, worn)
        self._kept: dict[int, Pasted] = {}
        self._removed = self._last_removed = 0

    def runs(self) -> Iterator[tuple[str | None, Iterator[tuple[int, str]]]]:
        """The hosts in their order, and the lines of each, which are read before the next."""
        for host, run in groupby(self._bare(), itemgetter(0)):
            yield host, map(itemgetter(1), run)

    def _bare(self) -> Iterator[tuple[str | None, tuple[int, str]]]:
        host: str | None = None
        for line in self._lines:
            if line.bare.strip():
                host = line.host
                self._kept[line.number] = line
                if len(self._kept) > _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
            if line.removed:
                self._removed, self._last_removed = self._removed + 1, line.number
            yield host, (line.number, line.bare)

    def removed(self) -> Iterator[Line]:
        """What a diff takes away, once all is read."""
        if self._removed:
            yield Line(self._last_removed, REMOVED, "", self._removed)

    def as_pasted(self, event: Line) -> Line:
        """*event* with its whole line as it was pasted, where that is what it shows."""
        line = self._kept.get(event.number)
        if line is None or event.what != NOT_UNDERSTOOD:
            return event
        if event.text != not_understood(0, line.bare).text:
            return event
        if is_around(event.text):  # behind a time or a host nobody would see that it is
            return heading(event.number)
        return event._replace(text=not_understood(0, line.whole).text)
