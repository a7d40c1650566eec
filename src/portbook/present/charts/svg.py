"""Charts as SVG elements: bars for years and names, a band for the states of a range.

Numbers and names stand in the page as a table too; the charts are for seeing, and say so by
``aria-hidden``. Widths are in per cent, so that text keeps its size on any screen.
"""

from __future__ import annotations

from html import escape
from itertools import groupby

from portbook.catalog.registry.summary import STATES
from portbook.model import LAST_PORT, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portbook.catalog.registry.summary import Shelf


def render_band(counts: Mapping[State, int]) -> str:
    """The states of a range as one band, each as wide as its share."""
    total = sum(counts.values()) or 1
    at = 0.0
    drawn = []
    for state, count in counts.items():
        if count:
            share = 100 * count / total
            drawn.append(
                f'<rect class="s-{state}" x="{at:.3f}%" width="{share:.3f}%" height="100%"/>'
            )
            at += share
    return f'<svg class="band" aria-hidden="true">{"".join(drawn)}</svg>'


def render_columns(values: Sequence[tuple[str, int]]) -> str:
    """Upright bars, one a label, each with its number above it and its label below."""
    most = max((count for _, count in values), default=0) or 1
    wide = 100 / max(1, len(values))
    drawn = []
    for place, (label, count) in enumerate(values):
        left, tall = place * wide, 150 * count / most
        middle = left + wide / 2
        drawn.append(
            f'<rect class="bar" x="{left + wide * 0.14:.3f}%" y="{170 - tall:.1f}" '
            f'width="{wide * 0.72:.3f}%" height="{max(tall, 1):.1f}"/>'
            f'<text x="{middle:.3f}%" y="{164 - tall:.1f}">{count:,}</text>'
            f'<text x="{middle:.3f}%" y="186">{escape(label)}</text>'
        )
    return f'<svg class="columns" height="192" aria-hidden="true">{"".join(drawn)}</svg>'


def render_bar(count: int, most: int) -> str:
    """One lying bar, as long as its share of *most*."""
    share = 100 * count / (most or 1)
    return (
        '<svg class="row-bar" aria-hidden="true">'
        f'<rect class="bar" width="{share:.2f}%" height="100%"/></svg>'
    )


# -- the shelf of 64 ports around one ------------------------------------------------------------

# A tall book where a port is assigned, a low one where not: a state is told by height as well as by
# colour. Positions are those of the port numbers themselves, so what is drawn for a port is the
# same on every strip that it is on.
WIDE = 64
_STEP = 10  # units of width that a port takes
_BASE = 46  # where the books stand
_HEIGHTS = {State.ASSIGNED: 40, State.RESERVED: 25, State.UNASSIGNED: 7, State.DYNAMIC: 14}


def window(port: int) -> tuple[int, int]:
    """The first and the last of the 64 ports around *port*.

    >>> window(305), window(3), window(65535)
    ((273, 336), (0, 63), (65472, 65535))
    """
    first = min(max(0, port - WIDE // 2), LAST_PORT - WIDE + 1)
    return first, first + WIDE - 1


def render_strip(stand: Shelf, port: int, counts: Mapping[State, int] | None = None) -> str:
    """The strip around *port* as an SVG element; its colours are the style sheet's.

    *counts* are those of its ports by state, where they are there already.
    """
    first, last = window(port)
    counts = counts or stand.counts(first, last)
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    paths = "".join(f'<path class="s-{state}" d="{path}"/>' for state, path in _books(stand, first))
    at = port * _STEP
    return (
        f'<svg class="strip" viewBox="{first * _STEP} 0 {WIDE * _STEP} 56" '
        f'preserveAspectRatio="none" role="img" data-first="{first}" data-port="{port}">'
        f"<title>Ports {first} to {last}: {said}</title>"
        f'<path class="here" d="M{at} 0h{_STEP}v{_BASE}h-{_STEP}z"/>{paths}'
        f'<path class="ground" d="M{first * _STEP} {_BASE}h{WIDE * _STEP}"/>'
        f'<path class="mark" d="M{at + 5} {_BASE + 2}l5 8h-10z"/></svg>'
    )


def _books(stand: Shelf, first: int) -> list[tuple[State, str]]:
    """The books of each state as one path; each begins beside the one before it in its run."""
    paths: list[list[str]] = [[] for _ in STATES]
    at = first * _STEP + 1
    for value, run in groupby(stand.states[first : first + WIDE]):
        size = len(tuple(run))
        if STATES[value] in _SOLID:
            paths[value].append(f"M{at} {_MIDDLES[value]}h{_STEP * size - _GAP}")
        else:
            paths[value].append(f"M{at} {_BOOKS[value]}{_NEXT[value] * (size - 1)}")
        at += _STEP * size
    return [(state, "".join(path)) for state, path in zip(STATES, paths, strict=True) if path]


# Solid books of a run are one line: the style sheet gives it their height as its width, and dashes
# as wide as a book. Hollow ones are outlines: from the upper left corner on, and one more.
_SOLID = (State.ASSIGNED, State.RESERVED)
_GAP = 2
_MIDDLES = [f"{_BASE - _HEIGHTS[state] / 2:g}" for state in STATES]
_SHAPES = [f"h{_STEP - _GAP}v{_HEIGHTS[state]}h-{_STEP - _GAP}z" for state in STATES]
_BOOKS = [f"{_BASE - _HEIGHTS[state]}{shape}" for state, shape in zip(STATES, _SHAPES, strict=True)]
_NEXT = [f"m{_STEP} 0{shape}" for shape in _SHAPES]
