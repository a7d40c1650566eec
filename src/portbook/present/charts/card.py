r"""The picture of a page that is shared: a number or two words over the 64 ports around it.

1,200 by 630 pixels, as OpenGraph's readers take them; drawn on a grid of 200 by 105, so that an
imaging library has nothing to do here.

>>> from portbook.catalog.registry.lookup import shipped
>>> from portbook.catalog.registry.summary import shelf
>>> render_card(shelf(shipped()), 305)[:8]
b'\x89PNG\r\n\x1a\n'
"""

from __future__ import annotations

from functools import lru_cache

from portbook.catalog.registry.summary import STATES
from portbook.model import State
from portbook.present.charts.map import render_png
from portbook.present.charts.svg import WIDE, window
from portbook.present.palette import STATES as COLOURS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog.registry.summary import Shelf

_ACROSS, _DOWN, _SCALE = 200, 105, 6
_PAPER, _INK, _SOFT = 0, 1, 2
_FIRST_STATE = 3  # of the palette: the colours of STATES
_PALETTE = ["#faf8f3", "#1d1b17", "#857d6e", *(COLOURS[state].hex for state in STATES)]
_GROUND, _MARGIN = 97, 4
_TALL = {State.ASSIGNED: 24, State.RESERVED: 15, State.UNASSIGNED: 4, State.DYNAMIC: 8}

# Letters of five by seven points, as character displays have them: a row is five bits, the
# highest one at the left.
_GLYPHS = {
    "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e",
    "4": "02060a121f0202", "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808",
    "8": "0e11110e11110e", "9": "0e11110f01020c", "a": "00000e010f110f", "b": "1010161911111e",
    "c": "00000e1010110e", "d": "01010d1311110f", "e": "00000e111f100e", "g": "000f11110f010e",
    "i": "04000c0404040e", "k": "10101214181412", "m": "00001a15151111", "n": "00001619111111",
    "o": "00000e1111110e", "p": "00001e111e1010", "r": "00001619101010", "s": "00000e100e011e",
    "t": "08081c08080906", "u": "0000111111130d", "v": "00001111110a04", "y": "000011110f010e",
    " ": "00000000000000",
}  # fmt: skip


def render_card(stand: Shelf, port: int | None = None, state: State | None = None) -> bytes:
    """The picture of *port* as PNG; of a *state* where no port is given, else of all ports."""
    points = bytearray(_ACROSS * _DOWN)
    _write(points, "portbook", _MARGIN, 5, 1, _SOFT)
    if port is not None:
        _write(points, str(port), _MARGIN, 20, 5, _INK)
        _write(points, str(stand.state(port)), _MARGIN, 61, 1, _INK)
    elif state is not None:
        _write(points, str(state), _MARGIN, 30, 3, _INK)
    else:
        _write(points, "every port", _MARGIN, 30, 3, _INK)
    first = window(80 if port is None else port)[0]
    shown = [state or stand.state(first + at) for at in range(WIDE)]
    for at, one in enumerate(shown):
        _book(points, _MARGIN + 3 * at, one, here=first + at == port)
    _fill(points, _MARGIN, _GROUND, 3 * WIDE, 1, _INK)
    return render_png(bytes(points), _ACROSS, _PALETTE, _SCALE)


def _book(points: bytearray, left: int, state: State, *, here: bool) -> None:
    tall = _TALL[state]
    top = _GROUND - tall
    # What is as light as paper has an edge in place of a fill.
    colour = _SOFT if state is State.UNASSIGNED else _FIRST_STATE + STATES.index(state)
    _fill(points, left, top, 2, tall, colour)
    if here:
        _fill(points, left, _GROUND + 2, 2, 4, _INK)


def _write(points: bytearray, text: str, left: int, top: int, scale: int, colour: int) -> None:
    for at, character in enumerate(text):
        for down, bits in enumerate(_rows(character)):
            for across in range(5):
                if bits & 16 >> across:
                    x = left + (6 * at + across) * scale
                    _fill(points, x, top + down * scale, scale, scale, colour)


@lru_cache(maxsize=64)
def _rows(character: str) -> bytes:
    return bytes.fromhex(_GLYPHS[character])


def _fill(points: bytearray, left: int, top: int, wide: int, tall: int, colour: int) -> None:
    for at in range(top * _ACROSS + left, (top + tall) * _ACROSS + left, _ACROSS):
        points[at : at + wide] = bytes([colour]) * wide


# -- icons ------------------------------------------------------------------------------------

# What icon.svg draws, in its own units of 32 by 32: left, top, width, height, colour.
_ICON: Sequence[tuple[float, float, float, float, int]] = (
    (4, 5, 5, 20, 3), (10.5, 12, 5, 13, 4), (17, 21, 5, 4, _SOFT), (18, 22, 3, 3, _PAPER),
    (23.5, 5, 5, 20, 3), (3, 26, 26, 2, _INK),
)  # fmt: skip


def render_icon(size: int, share: float = 1.0) -> bytes:
    """The site's icon as a square PNG of *size* pixels, drawn over *share* of it in the middle.

    A maskable icon keeps to the middle four fifths (https://www.w3.org/TR/appmanifest/ §3.5.1):
    a share of 0.6 does.
    """
    pixels = bytearray(size * size)
    unit, edge = size * share / 32, size * (1 - share) / 2
    for left, top, wide, tall, colour in _ICON:
        begin, end = round(edge + left * unit), round(edge + (left + wide) * unit)
        for row in range(round(edge + top * unit), round(edge + (top + tall) * unit)):
            pixels[row * size + begin : row * size + end] = bytes([colour]) * (end - begin)
    return render_png(bytes(pixels), size, _PALETTE)
