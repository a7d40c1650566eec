"""What listens on this machine: a table for people, a line a socket, and its sentences."""

from __future__ import annotations

from functools import partial
from itertools import chain, repeat
from operator import attrgetter

from portbook.app.socket_columns import ByColumns
from portbook.model import Level, OwnersSeen, Visibility
from portbook.model.text import moment
from portbook.present.document import Paragraph
from portbook.present.owners import owner_facts, viewer
from portbook.present.phrases import unseen_beside_owners
from portbook.present.render.document_text import render_item
from portbook.present.render.text import clipped, columns_of, wrap
from portbook.present.views.column_words import NONE
from portbook.present.views.listen_fields import (
    COLUMNS,
    LEVELS,
    ONLY_BOUND,
    REACHABLE,
    UNSEEN,
    Cells,
    Column,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from portbook.app.listen import HereAnswer
    from portbook.model import Finding, Listener
    from portbook.present.owners import Viewer
    from portbook.present.render.text import Style
    from portbook.present.views.column_words import Words

_TOGETHER = 1024  # lines of a table that are put together at a time
_INDENT = " " * 7  # a level and two spaces
# Where there isn't room for the least of each column, these go, the first of them first.
_DROPPED = (
    *("namespace", "uptime", "user", "reachable", "service", "speaks", "pid"),
    *("address", "finding", "level"),
)
# Where there is more room, these grow, the first of them first.
_GROWING = (
    *("address", "reachable", "program", "finding", "service", "user"),
    *("speaks", "namespace"),
)
_BEHIND_ADDRESS = [column.name for column in COLUMNS].index("address") + 1
_NARROWEST_PROGRAM = 7
# Columns that stand only where a socket has something in them.
_EXTRAS: dict[str, Callable[[Listener], object]] = {
    "speaks": attrgetter("assessment.speaks"),
    "namespace": attrgetter("socket.namespace"),
}
# How many sockets are of a level: of one, and of several.
_LEVEL_WORDS = {
    Level.ALERT: ("alert", "alerts"),
    Level.CHECK: ("to check", "to check"),
    Level.NOTE: ("note", "notes"),
    Level.OK: ("ok", "ok"),
}
_FINDINGS, _REACHABLE = attrgetter("assessment.findings"), attrgetter("assessment.reachable")


def render_here(
    answer: HereAnswer,
    style: Style,
    *,
    some: bool = False,
    verbose: bool = False,
    most: int = 0,
) -> str:
    """Every socket in a line, in a table as wide as *style*; *verbose* adds the sentences.

    *some* says that not all were asked for; *most* of them are shown, 0 for all.
    """
    to = viewer()
    kept = answer.listeners[: most or None]
    lines = [_title(answer, len(kept), style, some=some)]
    if kept:
        below = partial(sentences, style=style, to=to) if verbose else None
        lines += ["", *table_lines(kept, Cells(answer.standings, to), style, below)]
    from portbook.present.port.this_machine import redirected

    unseen = unseen_beside_owners(answer.missing)
    if kept and (answer.redirects or unseen):
        lines.append("")
    for redirect in answer.redirects:
        lines += render_item(Paragraph(f"Redirected: {redirected(redirect)}"), style, "")
    for reason in unseen:
        lines += render_item(Paragraph(f"Not seen: {reason}"), style, "")
    return "\n".join(lines) + "\n"


def _title(answer: HereAnswer, count: int, style: Style, *, some: bool) -> str:
    """How many sockets there are, how many of them are shown, and how serious they are."""
    total = max(answer.total, len(answer.listeners))
    of_all = _sockets(total)
    hidden = [each.ownership.seen is OwnersSeen.HIDDEN for each in answer.listeners].count(True)
    if not answer.listeners:
        if total:
            none = (
                "The only socket doesn't match." if total == 1 else f"None of the {of_all} matches."
            )
            return style.bold(none)
        seen = answer.visibility is Visibility.FULL
        return style.bold("Nothing listens on this machine." if seen else "No socket can be seen.")
    title = of_all
    if some or count < total:
        title = f"{count:,} of {of_all}"
    if hidden:
        title += f", {hidden:,} owner{'s' if hidden > 1 else ''} hidden"
    return head(title, answer.listeners, style)


def _sockets(count: int) -> str:
    return f"{count:,} socket{'' if count == 1 else 's'}"


def head(title: str, listeners: Sequence[Listener], style: Style) -> str:
    """*title* with how many of *listeners* there are of each level, below it where it is narrow."""
    gravities: dict[int, int] = {}
    for findings, count in _findings(listeners):
        gravity = max([finding.level.rank for finding in findings], default=-1)
        gravities[gravity] = gravities.get(gravity, 0) + count
    levels = [level for level in reversed(LEVELS) if level.rank in gravities]
    if not levels:
        return style.bold(title)
    counts = {level: gravities[level.rank] for level in levels}
    words = {level: _LEVEL_WORDS[level][count > 1] for level, count in counts.items()}
    tallies = ", ".join(
        f"{count:,} {style.of(level, words[level])}" for level, count in counts.items()
    )
    plain = ", ".join(f"{count:,} {words[level]}" for level, count in counts.items())
    if columns_of(f"{_INDENT}({plain})") > style.width:  # a line each
        lines = [f"  {count:,} {style.of(level, words[level])}" for level, count in counts.items()]
        return "\n".join([*map(style.bold, wrap(title, style.width)), *lines])
    gap = " " if columns_of(f"{title} ({plain})") <= style.width else "\n" + _INDENT
    return f"{style.bold(title)}{gap}({tallies})"


def _findings(listeners: Sequence[Listener]) -> Iterator[tuple[tuple[Finding, ...], int]]:
    """The different findings on *listeners*, and how many have each."""
    if isinstance(listeners, ByColumns):
        for verdict, count in listeners.verdicts():
            yield verdict.findings, count
        return
    found = list(map(_FINDINGS, listeners))
    numbers = list(map(id, found))
    counted: dict[int, int] = {}
    for number in numbers:
        counted[number] = counted.get(number, 0) + 1
    for number, findings in dict(zip(numbers, found, strict=True)).items():
        yield findings, counted[number]


def table_lines(
    listeners: Sequence[Listener],
    cells: Cells,
    style: Style,
    below: Callable[[Listener], Iterable[str]] | None = None,
) -> Iterator[str]:
    """The header and a line a socket, with what *below* gives under each."""
    table = listeners if isinstance(listeners, ByColumns) else None
    some = listeners if table is None else table.alone.values()
    known = any(map(_REACHABLE, some))
    columns = [
        *COLUMNS[:_BEHIND_ADDRESS],
        *([REACHABLE] if known else []),
        *COLUMNS[_BEHIND_ADDRESS:],
        *[Column(name, 10, 24) for name, extra in _EXTRAS.items() if any(map(extra, some))],
    ]
    # Many sockets share what stands in a column: each different cell is measured and cut once.
    rows = cells.columns([column.name for column in columns], listeners)
    widths = fit(columns, [row.words for row in rows], style.width)
    names = {at: "REACH" if columns[at] is REACHABLE else columns[at].name.upper() for at in widths}
    header = [_padded([names[at]], columns[at], width)[0] for at, width in widths.items()]
    first = style.dim("  ".join(header).rstrip())
    shown = [_Shown(rows[at], columns[at], width) for at, width in widths.items()]
    shown[-1].strip()
    blocks = [slice(at, at + _TOGETHER) for at in range(0, len(listeners), _TOGETHER)]
    lines: Iterator[str] = chain.from_iterable(
        map("  ".join, zip(*[each.cells(block) for each in shown], strict=True)) for block in blocks
    )
    if table is not None:
        lines = map(list(lines).__getitem__, table.order)
    if below is None and not style.colour:
        return chain([first], lines)
    marks = rows[0].of_each()
    if table is not None:
        marks = map(list(marks).__getitem__, table.order)
    lead = widths[next(iter(widths))]
    return chain([first], _marked(zip(listeners, marks, lines, strict=True), lead, style, below))


class _Shown:
    """A column as wide as it is shown."""

    def __init__(self, words: Words, column: Column, width: int) -> None:
        self._column, self._width = column, width
        self._places, self._spell = words.places, words.spell
        self._words = _padded(words.words, column, width)
        self._fits = max(map(len, words.words), default=0) <= width

    def strip(self) -> None:
        """Takes the blanks at the ends away: nothing stands behind it."""
        self._words = list(map(str.rstrip, self._words))

    def cells(self, some: slice) -> Iterable[str]:
        """The cells of *some* sockets."""
        places = self._places[some]
        if self._spell is None:
            return map(self._words.__getitem__, places)
        words = self._spell(places)
        if self._fits:  # the widest, and numbers are a column a letter
            return map(_side(self._column), words, repeat(self._width))
        return _padded(words, self._column, self._width)


def _side(column: Column) -> Callable[[str, int], str]:
    return str.rjust if column.right else str.ljust


def _marked(
    rows: Iterable[tuple[Listener, str, str]],
    lead: int,
    style: Style,
    below: Callable[[Listener], Iterable[str]] | None,
) -> Iterator[str]:
    """The line of each socket, of which the first *lead* characters are coloured by its level, and
    what *below* gives under it.
    """
    levels = {str(level): level for level in LEVELS}
    for listener, level, line in rows:
        yield style.of(levels[level], line[:lead]) + line[lead:] if style.colour else line
        if below is not None:
            yield from below(listener)


def _padded(words: Sequence[str], column: Column, width: int) -> list[str]:
    """*words* as wide as *column* is to be, with what is cut of them."""
    if "".join(words).isascii() and max(map(len, words), default=0) <= width:
        return list(map(_side(column), words, repeat(width)))
    return [_cell(word, column, width) for word in words]


def _cell(word: str, column: Column, width: int) -> str:
    if columns_of(word) > width:
        word = _CUT.get(column.name, _closed)(word, width)
    room = " " * (width - columns_of(word))
    return room + word if column.right else word + room


def _codes(codes: str, width: int) -> str:
    """The first of *codes* and how many others there are."""
    first, *others = codes.split(", ")
    return clipped(f"{first} +{len(others)}" if others else first, width)


def _closed(text: str, width: int) -> str:
    """*text* as :func:`clipped` cuts it, or before a bracket that would be left open."""
    short = clipped(text, width)
    lead, bracket, _ = short.rpartition(" (")
    return f"{lead}…" if bracket and short.count("(") > short.count(")") else short


def _place(address: str, width: int) -> str:
    """*address*, of which it stays to be seen whether a socket is only bound to it."""
    place, mark, _ = address.partition(ONLY_BOUND)
    return f"{clipped(place, width - len(' bound'))} bound" if mark else _closed(address, width)


def _owner(program: str, width: int) -> str:
    """*program*, or that it is hidden, which cut off would say nothing."""
    return _closed("hidden" if program == UNSEEN else program, width)


_CUT = {"finding": _codes, "address": _place, "program": _owner}


def fit(columns: Sequence[Column], words: Sequence[Collection[str]], width: int) -> dict[int, int]:
    """The columns that are shown at *width*, each with its own width, by the *words* in each.

    A column without anything in it goes.
    """
    taken = {}
    for at, column in enumerate(columns):
        if column.name == "level" or any(word != NONE for word in words[at]):
            taken[at] = max(len(column.name), _widest(words[at]))
    # A port is never cut.
    widths = {at: min(size, columns[at].least) for at, size in taken.items()}
    for name in _DROPPED:
        if _spare(widths, width) >= 0:
            break
        widths = {at: size for at, size in widths.items() if columns[at].name != name}
    spare = _spare(widths, width)
    by_name = {columns[at].name: at for at in widths}
    if spare < 0:
        at = by_name["program"]
        widths[at] = max(_NARROWEST_PROGRAM, widths[at] + spare)
        return widths
    for fair in (True, False):
        for at in [by_name[name] for name in _GROWING if name in by_name]:
            most = min(taken[at], columns[at].fair) if fair else taken[at]
            more = max(0, min(spare, most - widths[at]))
            widths[at] += more
            spare -= more
    return widths


def _widest(words: Collection[str]) -> int:
    """The columns of the widest of *words*; of thousands most often each letter takes one."""
    measure = len if "".join(words).isascii() else columns_of
    return max(map(measure, words), default=0)


def _spare(widths: Mapping[int, int], width: int) -> int:
    return width - sum(widths.values()) - 2 * (len(widths) - 1)


def sentences(listener: Listener, style: Style, to: Viewer) -> Iterator[str]:
    """Who can reach the socket, what runs there, and what each finding says."""
    from portbook.present.phrases.findings import finding_message
    from portbook.present.port.this_machine import meaning

    said = meaning(listener)
    for owner in listener.ownership.owners[:1]:
        said += "".join(f"; {fact}" for fact in owner_facts(owner, to))
        if owner.started is not None and to.now is None:
            said += f"; since {moment(owner.started)}"
        if owner.executable:
            said += f"; runs {owner.executable}"
        if owner.packaged is not None:
            said += f"; package {owner.package}" if owner.package else "; in no package"
    yield from wrap(said, style.width, _INDENT)
    if listener.assessment.note is not None:
        from portbook.present.port.noted import in_short, of_whom

        note = listener.assessment.note
        yield from wrap(f"{of_whom(note)}: {in_short(note)}", style.width, _INDENT)
    for finding in listener.assessment.findings:
        label = style.of(finding.level, f"{finding.level:<5}")
        body = wrap(f"{finding.code}: {finding_message(finding)}", style.width, _INDENT + " " * 7)
        yield f"{_INDENT}{label}  {body[0].lstrip()}"
        yield from body[1:]
