"""The map: all 65,536 ports, a row for each high byte, a column for each low byte.

>>> from portbook.catalog.registry.lookup import shipped
>>> from portbook.catalog.registry.summary import shelf
>>> stand = shelf(shipped())
>>> len(render_map_png(stand)) < 4096
True
>>> place(305)
(49, 1)
"""

from __future__ import annotations

import struct
import zlib
from itertools import groupby

from portbook.catalog.registry.summary import STATES
from portbook.model import State
from portbook.present.palette import STATES as COLOURS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.catalog.registry.summary import Shelf

SIDE = 256
_MOST_ROWS = 32  # of a picture of some ports

# A terminal shows two rows of the map in one line of text: the halves of one block character.
_HALVES = "▀"
# Without colours, by how full a cell is: a mark for each state that most of its ports have.
_MARKS = {State.ASSIGNED: "#", State.RESERVED: "x", State.UNASSIGNED: ".", State.DYNAMIC: "~"}


def place(port: int) -> tuple[int, int]:
    """The column and the row of *port* on the map."""
    return port & 255, port >> 8


def render_map_png(stand: Shelf, scale: int = 1) -> bytes:
    """The map as PNG, each port a square of *scale* pixels."""
    return render_png(stand.states, SIDE, [COLOURS[state].hex for state in STATES], scale)


def render_map_svg(stand: Shelf) -> str:
    """The map as an SVG file: the runs of each state as one path, row by row."""
    paths: dict[State, list[str]] = {state: [] for state in STATES}
    for state, first, last in stand.runs():
        for row in range(first >> 8, (last >> 8) + 1):
            left = first & 255 if row == first >> 8 else 0
            right = last & 255 if row == last >> 8 else SIDE - 1
            paths[state].append(f"M{left} {row}h{right - left + 1}v1H{left}z")
    drawn = "".join(
        f'<path fill="{COLOURS[state].hex}" d="{"".join(path)}"><title>{state}</title></path>'
        for state, path in paths.items()
        if path
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="1024" '
        f'height="1024" shape-rendering="crispEdges" role="img">'
        "<title>All 65,536 ports by state: a row for each high byte, a column for each low byte"
        f"</title>{drawn}</svg>\n"
    )


def render_map_text(stand: Shelf, width: int, *, colour: bool) -> str:
    """The map for a terminal of *width* columns, with what its marks mean.

    Each mark stands for a square of ports, and shows the state that most of them have; assigned
    wins where it has at least a third, so that it isn't drowned.
    """
    columns = 128 if width >= 128 else 64
    step = SIDE // columns
    rows = [
        [_most(stand, row * step, column * step, step) for column in range(columns)]
        for row in range(SIDE // step)
    ]
    lines = []
    for at in range(0, len(rows), 2):
        pairs = zip(rows[at], rows[at + 1], strict=True)
        lines.append(f"{at * step * SIDE:>5} {_line(pairs, colour=colour)}")
    counts = stand.counts(0, len(stand.states) - 1)
    legend = [
        f"{_line([(state, state)], colour=colour)} {state} {count:,}"
        for state, count in counts.items()
        if count
    ]
    said = f"each mark stands for {step} × {2 * step} ports"
    return "\n".join([*lines, "", "   ".join(legend), said]) + "\n"


def render_range_text(stand: Shelf, first: int, last: int, width: int, *, colour: bool) -> str:
    """The ports from *first* to *last* for a terminal of *width* columns: a mark for each, or for
    as many side by side as it takes to fit into 32 lines.
    """
    room = max(8, width - 6)
    columns = next(size for size in (128, 64, 32, 16, 8) if size <= room)
    step = -(-(last - first + 1) // (columns * _MOST_ROWS))
    lines = []
    for start in range(first, last + 1, columns * step):
        end = min(start + columns * step, last + 1)
        marks = [
            _state_of(stand.states[at : min(at + step, end)]) for at in range(start, end, step)
        ]
        lines.append(f"{start:>5} {_line(zip(marks, marks, strict=True), colour=colour)}")
    counts = stand.counts(first, last)
    legend = [
        f"{_line([(state, state)], colour=colour)} {state} {count:,}"
        for state, count in counts.items()
        if count
    ]
    each = "a port" if step == 1 else f"{step} ports side by side"
    return "\n".join([*lines, "", "   ".join(legend), f"each mark stands for {each}"]) + "\n"


def _most(stand: Shelf, row: int, column: int, step: int) -> State:
    square = b"".join(
        stand.states[(row + down) * SIDE + column : (row + down) * SIDE + column + step]
        for down in range(step)
    )
    return _state_of(square)


def _state_of(square: bytes) -> State:
    assigned = STATES.index(State.ASSIGNED)
    if 3 * square.count(assigned) >= len(square):
        return State.ASSIGNED
    return STATES[max(set(square), key=lambda value: (square.count(value), -value))]


def _line(pairs: Iterable[tuple[State, State]], *, colour: bool) -> str:
    out = []
    for (upper, lower), alike in groupby(pairs):
        size = sum(1 for _ in alike)
        if colour:
            codes = COLOURS[upper].code, COLOURS[lower].code
            out.append(f"\x1b[38;5;{codes[0]};48;5;{codes[1]}m{_HALVES * size}\x1b[0m")
        else:
            out.append(_MARKS[State.ASSIGNED if State.ASSIGNED in (upper, lower) else upper] * size)
    return "".join(out)


# -- PNG: one byte a pixel, and the standard library's zlib -------------------------------------

# The format is that of https://www.w3.org/TR/png-3/. A whole map takes 2 kB: an imaging library
# would be a hundred times the size of all it has to do here.


def render_png(pixels: bytes, width: int, palette: Sequence[str], scale: int = 1) -> bytes:
    r"""*pixels*, rows of *width* bytes, each a place in *palette* (``#rrggbb``), as a PNG file.

    Each pixel is drawn as a square of *scale* by *scale*. Raises ValueError if the rows aren't
    whole, or the palette is empty or has more than 16 colours.

    >>> render_png(bytes(4), 2, ["#000000"])[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    if width < 1 or len(pixels) % width or not 1 <= len(palette) <= 16:
        raise ValueError(f"{len(pixels)} pixels in {len(palette)} colours are no rows of {width}")
    # Two pixels a byte (§7.2, bit depth 4): files of few colours are smallest so.
    rows = bytearray()
    for at in range(0, len(pixels), width):
        wide = bytes(value for value in pixels[at : at + width] for _ in range(scale))
        if len(wide) % 2:
            wide += b"\0"
        row = b"\0" + bytes(
            high << 4 | low for high, low in zip(wide[::2], wide[1::2], strict=True)
        )
        rows += row * scale
    header = struct.pack(">IIBBBBB", width * scale, len(pixels) // width * scale, 4, 3, 0, 0, 0)
    colours = bytes.fromhex("".join(colour.lstrip("#") for colour in palette))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunks((b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(bytes(rows), 9)))
    )


def _chunks(*chunks: tuple[bytes, bytes]) -> Iterable[bytes]:
    for kind, data in (*chunks, (b"IEND", b"")):
        yield struct.pack(">I", len(data)) + kind + data
        yield struct.pack(">I", zlib.crc32(kind + data))
