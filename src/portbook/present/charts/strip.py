"""The shelf of 64 ports around one: a tall book where one is assigned, a low one where not.

A state is told by height as well as by colour. Positions are those of the port numbers
themselves, so what is drawn for a port is the same on every strip that it is on.
"""

from __future__ import annotations

from itertools import groupby

from portbook.catalog.registry.summary import STATES
from portbook.model import LAST_PORT, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.catalog.registry.summary import Shelf

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


def render_strip(stand: Shelf, port: int) -> str:
    """The strip around *port* as an SVG element; its colours are the style sheet's."""
    first, last = window(port)
    counts = stand.counts(first, last)
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
        paths[value].append(f"M{at} {_BOOKS[value]}{_NEXT[value] * (size - 1)}")
        at += _STEP * size
    return [(state, "".join(path)) for state, path in zip(STATES, paths, strict=True) if path]


# A book of each state in the order of STATES: from its upper left corner on, and one more.
_SHAPES = [f"h8v{_HEIGHTS[state]}h-8z" for state in STATES]
_BOOKS = [f"{_BASE - _HEIGHTS[state]}{shape}" for state, shape in zip(STATES, _SHAPES, strict=True)]
_NEXT = [f"m{_STEP} 0{shape}" for shape in _SHAPES]
