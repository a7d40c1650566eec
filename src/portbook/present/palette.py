"""One colour for each state and each level, the same on the terminal, in the strip and the map.

The states' colours are told apart by colour-blind readers too: they follow the blue, orange,
green and purple of the palette by Okabe and Ito, and no place relies on the colour alone.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Level, State


class Colour(NamedTuple):
    """A colour as ``#rrggbb`` for pages and as a code of the 256-colour terminal palette."""

    hex: str
    code: int


STATES = {
    State.ASSIGNED: Colour("#0072b2", 32),
    State.RESERVED: Colour("#e69f00", 178),
    State.UNASSIGNED: Colour("#009e73", 36),
    State.DYNAMIC: Colour("#cc79a7", 175),
}
LEVELS = {
    Level.OK: Colour("#009e73", 36),
    Level.NOTE: Colour("#56b4e9", 74),
    Level.CHECK: Colour("#e69f00", 178),
    Level.ALERT: Colour("#d55e00", 166),
}
