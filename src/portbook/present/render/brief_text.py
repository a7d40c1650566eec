"""The short answer as text for a terminal."""

from __future__ import annotations

from portbook.present.brief import PORT_HEADER
from portbook.present.escape import one_line, plain
from portbook.present.render.text import NARROWEST, clipped, columns_of, wrap
from portbook.present.words import cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.present.brief import Brief, PortLine
    from portbook.present.render.text import Style
    from portbook.present.words import NextStep

LINES = 12  # where words are not too long to wrap
_LABEL = 15  # columns before what a line says


def render_brief(brief: Brief, style: Style) -> str:
    """The short answer: at most twelve lines, the headline first.

    On a terminal of less than :data:`NARROWEST` columns what is said of each row stands below its
    label, whole, in as many lines as it takes: cut off beside it, it would say nothing.
    """
    lines = [style.bold(line) for line in wrap(brief.headline, style.width)]
    lines += [line for remark in brief.remarks for line in wrap(f"({remark})", style.width)]
    lines += [line for each in brief.sentences for line in wrap(each, style.width, "  ")]
    lines += [shortened(f"  {line}", style.width) for line in brief.programs]
    lines += _ports(brief.ports, style)
    steps = steps_line(brief.next, style)
    narrow = style.width < NARROWEST
    unseen = [
        line for each in brief.unseen for line in wrap(f"Not seen: {each}", style.width, "  ")
    ]
    room = LINES - len(lines) - len(unseen) - len(steps) - 2
    rows = list(brief.rows) if narrow else _most_telling(brief, room, style)
    if rows:
        lines.append("")
    for label, said in rows:
        if narrow:
            lines += [style.dim(label), *_below(label, said, brief, style)]
            continue
        shown, *more = _row(label, said, brief, style)
        lines.append(f"  {style.dim(f'{label:<11}')}  {shown}")
        lines += more
    lines += [*unseen, "", *steps]
    return "\n".join(lines) + "\n"


# What is left out first where there is no room for all.
_LESS = ("Binding it", "Blocks", "Reported", "Reachable")


def _most_telling(brief: Brief, room: int, style: Style) -> list[tuple[str, str]]:
    rows = list(brief.rows)
    lines = [len(_row(*row, brief, style)) for row in rows]
    for label in (*_LESS, *[label for label, _ in reversed(rows)]):
        if sum(lines) > room:
            lines = [count for row, count in zip(rows, lines, strict=True) if row[0] != label]
            rows = [row for row in rows if row[0] != label]
    return rows


def _ports(ports: Sequence[PortLine], style: Style) -> Iterator[str]:
    """The ports of a name as a table: what this machine and practice do with each."""
    if not ports:
        return
    here = any(line.machine is not None for line in ports)
    rows = [
        (line.port, one_line(line.machine or ""), one_line(line.practice or "")) for line in ports
    ]
    rows.insert(0, PORT_HEADER)
    numbers, machine = (max(columns_of(row[at]) for row in rows) for at in (0, 1))
    yield ""
    for at, (port, state, practice) in enumerate(rows):
        begin = f"  {port:>{numbers}}  {_padded(state, machine) + '  ' if here else ''}"
        room = style.width - columns_of(begin)
        line = begin + shortened(practice, room) if room > 0 else clipped(begin, style.width)
        yield plain(line.rstrip()) if at else style.dim(line.rstrip())


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - columns_of(text))


def _row(label: str, said: str, brief: Brief, style: Style) -> list[str]:
    """The row in one line; a note of the registry whole, in as many as it takes."""
    if label == "IANA" and said.endswith('"'):
        first, *more = wrap(said, style.width, " " * _LABEL)
        return [first[_LABEL:], *more]
    return [_levelled(label, shortened(said, style.width - _LABEL), brief, style)]


def _below(label: str, said: str, brief: Brief, style: Style) -> list[str]:
    first, *more = wrap(said, style.width, "  ")
    return [f"  {_levelled(label, first[2:], brief, style)}", *more]


def _levelled(label: str, shown: str, brief: Brief, style: Style) -> str:
    """*shown* with the level that the verdict begins with in its colour."""
    level = brief.verdict.level if brief.verdict is not None else None
    if label != "Verdict" or level is None or not shown.startswith(str(level)):
        return shown
    return style.of(level) + shown[len(level) :]


def shortened(text: str, columns: int) -> str:
    """*text* in *columns*: without the last facts in its brackets, else cut between two words.

    >>> shortened("on ::1: node server.js (pid 7, root, up 15 s, /srv/shop)", 48)
    'on ::1: node server.js (pid 7, root, up 15 s)'
    >>> shortened("note: unassigned port; check that you started python3", 48)
    'note: unassigned port; check that you started…'
    """
    whole = text = text[: len(text) - len(text.lstrip(" "))] + one_line(text)
    begin = text.find(" (pid ") + 1
    while begin and columns_of(text) > columns:
        end = _closing(text, begin)
        facts, comma, _ = text[begin:end].rpartition(", ")
        if not comma:
            break
        text = f"{text[:begin]}{facts}){text[end + 1 :]}"
    if columns_of(text) <= columns:
        return text
    return cut(whole, len(clipped(whole, columns)))


def _closing(text: str, begin: int) -> int:
    """Where the bracket at *begin* is closed; the end of *text* where it isn't."""
    depth = 0
    for at in range(begin, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if not depth:
            return at
    return len(text)


def steps_line(steps: Iterable[NextStep], style: Style) -> list[str]:
    """What to do next, in one line; of what doesn't fit two are left, the first and the last.

    One that another line refers to (``kept``) comes before the last, and that before the others. A
    command that doesn't fit beside its label stands below it, whole, to be copied.
    """
    every = list(steps)
    last = len(every) - 1
    ranked = sorted(range(len(every)), key=lambda at: (at > 0, not every[at].kept, at != last, at))
    chosen = ranked[:2]
    for at in ranked[2:]:
        more = sorted([*chosen, at])
        if columns_of("   ".join([one_line(every[each].text) for each in more])) <= style.width:
            chosen = more
    kept = [every[at] for at in sorted(chosen)]
    line = "   ".join([one_line(step.text) for step in kept])
    if columns_of(line) <= style.width:
        return [line]
    return [
        line
        for step in kept
        for whole in [one_line(step.text)]
        for line in ([whole] if columns_of(whole) <= style.width else _in_two(step, style.width))
    ]


def _in_two(step: NextStep, width: int) -> list[str]:
    command = one_line(step.command)
    indent = "  " if columns_of(command) + 2 <= width else ""
    return [*wrap(f"{step.label}:", width), indent + command]
