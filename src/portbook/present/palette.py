"""One colour for each state and each level, the same on the terminal, in the strip and the map.

Colour-blind readers can distinguish the colours of the states, which differ in lightness, and no
place relies on colour alone: swatches differ in shape.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Level, State


class Colour(NamedTuple):
    """A colour as ``#rrggbb`` for pages and as a code of the 256-colour terminal palette."""

    hex: str
    code: int


# On the paper of a page: empty is paper, assigned is ink. What isn't paper has a contrast of 3:1.
STATES = {
    State.ASSIGNED: Colour("#0a5796", 32),
    State.RESERVED: Colour("#b87700", 178),
    State.UNASSIGNED: Colour("#f1ede3", 36),
    State.DYNAMIC: Colour("#ddd0e2", 175),
}
LEVELS = {
    Level.OK: Colour("#00795a", 36),
    Level.NOTE: Colour("#1f7fb5", 74),
    Level.CHECK: Colour("#b87700", 178),
    Level.ALERT: Colour("#c24e00", 166),
}
