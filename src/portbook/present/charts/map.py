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

from portbook.catalog.registry.summary import STATES
from portbook.present.palette import STATES as COLOURS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.catalog.registry.summary import Shelf
    from portbook.model import State

SIDE = 256


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


# -- PNG: one byte a pixel, and the standard library's zlib -------------------------------------

# The format is that of https://www.w3.org/TR/png-3/. A whole map takes 2 kB: an imaging library
# would be a hundred times the size of all it has to do here.

_HIGH = bytes(value << 4 & 0xFF for value in range(256))  # a pixel as the first of its byte


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
        wide = bytearray(width * scale + width * scale % 2)
        for offset in range(scale):
            wide[offset : width * scale : scale] = pixels[at : at + width]
        high, low = wide[::2].translate(_HIGH), wide[1::2]
        # All of a row at once, as two numbers: one by one, an export would draw for a second.
        packed = int.from_bytes(high, "big") | int.from_bytes(low, "big")
        rows += (b"\0" + packed.to_bytes(len(high), "big")) * scale
    header = struct.pack(">IIBBBBB", width * scale, len(pixels) // width * scale, 4, 3, 0, 0, 0)
    colours = bytes.fromhex("".join(colour.lstrip("#") for colour in palette))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunks((b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(bytes(rows), 9)))
    )


def _chunks(*chunks: tuple[bytes, bytes]) -> Iterable[bytes]:
    for kind, data in (*chunks, (b"IEND", b"")):
        yield struct.pack(">I", len(data)) + kind + data
        yield struct.pack(">I", zlib.crc32(kind + data))
