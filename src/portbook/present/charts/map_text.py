"""The map for a terminal: what each square of ports is, and where this machine listens."""

from __future__ import annotations

from itertools import groupby

from portbook._fast_types import NamedTuple
from portbook.catalog.registry.summary import STATES
from portbook.model import State
from portbook.present.charts.map import SIDE
from portbook.present.palette import STATES as COLOURS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from portbook.catalog.registry.summary import Shelf

_MOST_ROWS = 32  # of a picture of some ports
_WIDTHS = (128, 64, 32, 16, 8)  # marks a line
_LABEL = 6  # columns for the number of a line's first port

# With colours, a line shows two rows of squares: the halves of one block character.
_HALVES = "▀"
# Without, a mark says how many of its ports are assigned, or what most of them are if none is.
_MARKS = {State.RESERVED: "x", State.UNASSIGNED: ".", State.DYNAMIC: "~"}
_FULL, _SOME, _FEW = "#", "+", "-"
_SHARES = f"{_FULL} at least 3/4 assigned, {_SOME} 1/4, {_FEW} fewer"
_HERE = "●"
_FOLDED = 3  # lines alike, and more, are told by the first


class _Mark(NamedTuple):
    """One mark of a picture: its upper and its lower half, and whether something listens there."""

    upper: bytes
    lower: bytes
    here: bool


def render_map_text(
    stand: Shelf, width: int, *, colour: bool, here: Collection[int] | None = None
) -> str:
    """The map for a terminal of *width* columns, with what its marks mean.

    Each mark stands for a square of ports. *here* are the ports on which something listens; None
    where that wasn't asked. Lines that are all alike are told once.
    """
    columns = next((size for size in _WIDTHS if size <= width - _LABEL), _WIDTHS[-1])
    columns, listening = min(columns, 128), frozenset(here or ())
    step = SIDE // columns
    drawn: list[tuple[int, str]] = []
    for row in range(0, SIDE, 2 * step):
        marks = []
        for column in range(0, SIDE, step):
            ports = [
                [(row + down) * SIDE + column + right for right in range(step)]
                for down in range(2 * step)
            ]
            flat = [port for each in ports for port in each]
            half = len(flat) // 2
            states = bytes([stand.states[port] for port in flat])
            shown = not listening.isdisjoint(flat)
            marks.append(_Mark(states[:half], states[half:], shown))
        drawn.append((row * SIDE, _line(marks, colour=colour)))
    lines = [*_folded(drawn, 2 * step * SIDE)]
    said = f"each mark stands for {step} × {2 * step} ports"
    if not colour:
        said = f"{_SHARES}; {said}"
    return _whole(lines, stand.counts(0, len(stand.states) - 1), said, here, colour=colour)


def render_range_text(
    stand: Shelf,
    first: int,
    last: int,
    width: int,
    *,
    colour: bool,
    here: Collection[int] | None = None,
) -> str:
    """The ports from *first* to *last* for a terminal of *width* columns: a mark for each, or for
    as many side by side as it takes to fit into 32 lines. *here* as in :func:`render_map_text`.
    """
    columns = next((size for size in _WIDTHS if size <= width - _LABEL), _WIDTHS[-1])
    step = -(-(last - first + 1) // (columns * _MOST_ROWS))
    listening = frozenset(here or ())
    lines = []
    for start in range(first, last + 1, columns * step):
        end = min(start + columns * step, last + 1)
        marks = []
        for at in range(start, end, step):
            until = min(at + step, end)
            states = stand.states[at:until]
            marks.append(_Mark(states, states, not listening.isdisjoint(range(at, until))))
        lines.append(f"{start:>5} {_line(marks, colour=colour)}")
    shown = None if here is None else [port for port in listening if first <= port <= last]
    each = "a port" if step == 1 else f"{step} ports side by side"
    said = f"each mark stands for {each}"
    if not colour and step > 1:
        said = f"{_SHARES}; {said}"
    return _whole(lines, stand.counts(first, last), said, shown, colour=colour)


def _folded(drawn: Sequence[tuple[int, str]], size: int) -> Iterator[str]:
    """*drawn* as lines, each with its first port; those that are alike are told by the first."""
    for text, alike in groupby(drawn, key=lambda each: each[1]):
        starts = [start for start, _ in alike]
        if len(starts) < _FOLDED:
            yield from (f"{start:>5} {text}" for start in starts)
            continue
        yield f"{starts[0]:>5} {text}"
        yield f"{'':>5} {len(starts) - 1} more lines like it, to {starts[-1] + size - 1}"


def _whole(
    lines: Sequence[str],
    counts: Mapping[State, int],
    said: str,
    here: Collection[int] | None,
    *,
    colour: bool,
) -> str:
    legend = [
        f"{_sample(state, colour=colour)} {state} {count:,}"
        for state, count in counts.items()
        if count
    ]
    if here is not None:
        legend.append(f"{_HERE} listening here {len(here):,}")
    return "\n".join([*lines, "", "   ".join(legend), said]) + "\n"


def _sample(state: State, *, colour: bool) -> str:
    if colour:
        value = bytes([STATES.index(state)])
        return _line([_Mark(value, value, False)], colour=True)
    return _MARKS.get(state, _FULL)


def _state_of(square: bytes) -> State:
    """What a square is drawn as; assigned from a third on, so that it isn't drowned."""
    assigned = STATES.index(State.ASSIGNED)
    if 3 * square.count(assigned) >= len(square):
        return State.ASSIGNED
    return STATES[max(set(square), key=lambda value: (square.count(value), -value))]


def _sign(square: bytes) -> str:
    """The mark of a square without colours."""
    assigned = square.count(STATES.index(State.ASSIGNED))
    if assigned:
        share = 4 * assigned
        return _FULL if share >= 3 * len(square) else _SOME if share >= len(square) else _FEW
    if STATES.index(State.RESERVED) in square:
        return _MARKS[State.RESERVED]
    return _MARKS[_state_of(square)]


def _line(marks: Sequence[_Mark], *, colour: bool) -> str:
    if not colour:
        return "".join([_HERE if each.here else _sign(each.upper + each.lower) for each in marks])
    out = []
    cells = [(_state_of(each.upper), _state_of(each.lower), each.here) for each in marks]
    for (upper, lower, here), alike in groupby(cells):
        codes = COLOURS[upper].code, COLOURS[lower].code
        text = (_HERE if here else _HALVES) * sum(1 for _ in alike)
        front = 231 if here else codes[0]  # white: no state has it
        out.append(f"\x1b[38;5;{front};48;5;{codes[1]}m{text}\x1b[0m")
    return "".join(out)
