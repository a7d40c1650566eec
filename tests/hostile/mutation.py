"""Changes of samples by chance: what a disk, a terminal or somebody's hand makes of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hostile.inputs import UNITS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

# What parsers trip over: numbers that are none, numbers too large, text that is no Unicode.
_ODD = (
    b"1e999", b"-1e999", b"NaN", b"-Infinity", b"9" * 5000, b"-1", b"0x10", b"1_0", b"true",
    b"null", b'"\\ud800"', b"\\u0000", b"\xed\xa0\x80", b"\xff\xfe", b"\xef\xbb\xbf",
    "²".encode(), "\u0661".encode(), "\u2028".encode(), b"[" * 2000, b'{"a":' * 2000, b"\0",
    b"\r", b"\x85", b"65536", b"99999999999999999999", b"\t", b"%", b"\\",
)  # fmt: skip


def changed(samples: tuple[bytes, ...], count: int, chance: random.Random) -> Iterator[bytes]:
    """*count* texts made of *samples* by *chance*."""
    units = [*UNITS.values()]
    for _ in range(count):
        text = chance.choice(samples)
        for _ in range(chance.choice((1, 1, 2, 4, 8))):
            text = _change(text, chance, samples, units)
        yield text


def _change(
    text: bytes, chance: random.Random, samples: tuple[bytes, ...], units: list[bytes]
) -> bytes:
    start, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    what = chance.randrange(8)
    if what == 0:  # a piece is lost
        return text[:start] + text[min(end, start + 20) :]
    if what == 1:  # the end is lost
        return text[:start]
    if what == 2:  # a piece comes twice, or elsewhere
        return text[:end] + text[start : start + 200] + text[end:]
    if what == 3:  # a byte is another
        return text[:start] + bytes([chance.randrange(256)]) + text[start + 1 :]
    if what == 4:  # a run of something
        run = chance.choice(units) * chance.choice((1, 2, 30, 300))
        return text[:start] + run + text[start:]
    if what == 5:  # an odd value in place of a word
        after = text[start:].lstrip(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."
        )
        return text[:start] + chance.choice(_ODD) + after
    if what == 6:  # two texts in one
        other = chance.choice(samples)
        return text[:start] + other[chance.randrange(len(other) + 1) :]
    return text[:start] + chance.choice(_ODD) + text[start:]
