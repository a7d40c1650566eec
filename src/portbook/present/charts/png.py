"""A palette picture as PNG: one byte a pixel, and the standard library's zlib.

The format is that of the PNG specification (https://www.w3.org/TR/png-3/). A whole map takes
2 kB: an imaging library would be a hundred times the size of all it has to do here.
"""

from __future__ import annotations

import struct
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
