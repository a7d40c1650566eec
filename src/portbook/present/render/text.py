"""Text for a terminal: wrapped to its width, in its colours, nothing raw."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import State
from portbook.present.escape import one_line, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.model import Level
    from portbook.present.words import NextStep

NARROWEST, WIDEST = 40, 100


class Style(NamedTuple):
    """How to print: the width in columns, and whether with colours. Nothing is printed raw."""

    width: int = 80
    colour: bool = False

    def bold(self, text: str) -> str:
        """*text*, escaped, in bold."""
        text = plain(text)
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def dim(self, text: str) -> str:
        """*text*, escaped, dimmed."""
        text = plain(text)
        return f"\x1b[2m{text}\x1b[0m" if self.colour else text

    def of(self, word: State | Level, text: str | None = None) -> str:
        """*text*, escaped, or the word itself, in the colour of a state or a level."""
        shown = str(word) if text is None else plain(text)
        if not self.colour:
            return shown
        from portbook.present.palette import LEVELS, STATES

        colour = STATES[word] if isinstance(word, State) else LEVELS[word]
        return f"\x1b[38;5;{colour.code}m{shown}\x1b[0m"


def render_lead(
    headline: str, sentences: Iterable[str], steps: Sequence[NextStep], style: Style
) -> str:
    """An answer in a line, what else to know, and what to do next."""
    lines = [style.bold(line) for line in wrap(headline, style.width)]
    for sentence in sentences:
        lines += wrap(sentence, style.width, "  ")
    if steps:
        lines += ["", *(one_line(step.text) for step in steps)]
    return "\n".join(lines) + "\n"


def clipped(text: str, columns: int) -> str:
    """*text*, escaped, or as much of it as stands in *columns*, with ``…`` for the rest.

    >>> clipped("hbci and remoteware-cl", 12)
    'hbci and re…'
    """
    lead = text[: len(text) - len(text.lstrip(" "))]
    text = lead + one_line(text)
    if columns_of(text) <= columns:
        return text
    while text and columns_of(text) > columns - 1:
        text = text[: -max(1, (columns_of(text) - columns) // 2)]
    return f"{text.rstrip()}…"


def table(rows: Sequence[Sequence[str]], style: Style, indent: str = "  ") -> Iterator[str]:
    """*rows* in columns as wide as they need, the last of them wrapped.

    >>> list(table([("300", "tacacss"), ("1", "tcpmux")], Style()))
    ['  300  tacacss', '  1    tcpmux']
    """
    clean = [[one_line(cell) for cell in row] for row in rows]
    # Nothing but the last column is wrapped, so the others may not eat the width up.
    most = max(12, style.width // 3)
    columns = max(map(len, clean), default=0)
    widths = [
        min(most, max((columns_of(row[at]) for row in clean if at < len(row) - 1), default=0))
        for at in range(columns - 1)
    ]
    for row in clean:
        *heads, last = row
        lead = indent
        for at, cell in enumerate(heads):
            lead += cell + " " * max(0, widths[at] - columns_of(cell)) + "  "
        hang = len(indent) + sum(widths[: len(heads)]) + 2 * len(heads)
        if last and len(lead) == hang and hang + len(last) <= style.width and last.isascii():
            yield lead + last
            continue
        body = wrap(last, max(style.width, hang + 20), " " * hang) or [""]
        fits = columns_of(lead) <= hang
        yield (lead + body[0].lstrip() if fits else lead).rstrip()
        yield from body[1:] if fits else body


def numbers(rows: Iterable[Sequence[str]], indent: str = "  ") -> Iterator[str]:
    """*rows* of a name and its counts, every column but the first aligned at the right.

    >>> list(numbers([("tcp", "9"), ("any", "1,024")]))
    ['  tcp      9', '  any  1,024']
    """
    clean = [[one_line(cell) for cell in row] for row in rows]
    widths = [0] * max(map(len, clean), default=0)
    for row in clean:
        widths[: len(row)] = map(max, widths, map(columns_of, row))
    for row in clean:
        gaps = [" " * (width - columns_of(cell)) for cell, width in zip(row, widths, strict=False)]
        cells = [
            gap + cell if at else cell + gap
            for at, (cell, gap) in enumerate(zip(row, gaps, strict=True))
        ]
        yield (indent + "  ".join(cells)).rstrip()


def flow(parts: Iterable[tuple[State, str]], between: str, style: Style) -> Iterator[str]:
    """States, each in its colour and with what is said of it, as many on a line as fit.

    >>> list(flow([(State.ASSIGNED, " 694"), (State.RESERVED, " 48")], ", ", Style(20)))
    ['assigned 694,', 'reserved 48']
    """
    line = shown = ""
    for state, said in parts:
        whole = one_line(f"{state}{said}")
        if line and columns_of(f"{line}{between}{whole}") <= style.width:
            line += between + whole
            shown += between + style.of(state) + whole[len(state) :]
            continue
        if line:
            yield f"{shown}{between}".rstrip()
        first, *rest = wrap(whole, style.width)
        shown = style.of(state) + first[len(state) :]
        for line in rest:
            yield shown
            shown = line
        line = rest[-1] if rest else first
    if line:
        yield shown


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """*text*, escaped, in lines of at most *width* columns, each behind *indent*.

    A word that is longer than a line stands on one of its own, so that it can be copied whole.

    >>> wrap("a port is a number", 12, "  ")
    ['  a port is', '  a number']
    """
    text, room = one_line(text), max(1, width - len(indent))
    if not text:
        return []
    if "`portbook " in text:
        lines = _wrapped(_joined(text), room, indent)
        return [line.replace(_JOINT, " ") for line in lines]
    return _wrapped(text, room, indent)


_JOINT = "\u00a0"


def _joined(text: str) -> str:
    """*text* with no place to break in a command of ours, which stands whole on its line."""
    parts = text.split("`")
    return "`".join(
        part.replace(" ", _JOINT) if part.startswith("portbook ") else part for part in parts
    )


def _wrapped(text: str, room: int, indent: str) -> list[str]:
    if _narrow(text):
        return _wrap_narrow(text, room, indent)
    if columns_of(text) <= room:
        return [indent + text]
    lines: list[str] = []
    line, taken = "", 0
    for word in text.split(" "):
        size = columns_of(word)
        if line and taken + 1 + size > room:
            lines.append(indent + line)
            line, taken = word, size
        elif line:
            line, taken = f"{line} {word}", taken + 1 + size
        else:
            line, taken = word, size
    lines.append(indent + line)
    return lines


def _wrap_narrow(text: str, room: int, indent: str) -> list[str]:
    """What :func:`wrap` does with *text* whose characters take one column each."""
    lines = []
    while len(text) > room:
        end = text.rfind(" ", 0, room + 1)
        if end < 0:  # a word that is longer than a line
            end = text.find(" ", room + 1)
            if end < 0:
                break
        lines.append(indent + text[:end])
        text = text[end + 1 :]
    lines.append(indent + text)
    return lines


# What stands in nearly every page: to find their width, no table has to be loaded.
_NARROW = frozenset("–—…“”‘’")


def _narrow(text: str) -> bool:
    """Whether each character of *text* is known to take one column."""
    return text.isascii() or max(set(text) - _NARROW, default="") < "\u0300"


def columns_of(text: str) -> int:
    """The columns that *text* takes on a terminal: two for a wide letter, none for a combining one.

    >>> columns_of("port"), columns_of("端口"), columns_of("e\u0301")
    (4, 4, 1)
    """
    if _narrow(text):
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )
