"""How the time of a reader grows with what it reads, in CPU seconds of this process."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.hostile.inputs import Input
    from tests.hostile.reader import Reader

# What may be twice as long may take three times as long: a reader whose time grows with the square
# of the length takes four times.
MOST = 3.0
# Below so many seconds a ratio says nothing: the clock and the caches of the processor decide.
SHORT = 0.05
_TRIES = 5
_MUCH = 2.0  # seconds: no further doubling is waited for
_ROUNDS = 3  # a machine that others use too makes one of them wrong, not each
# Past this a reader is given up before a longer text, whatever the ratio: a megabyte would take
# minutes. A slow machine that others use too takes a third of it.
_TOO_LONG_A_KILOBYTE = 0.2


class Growth(NamedTuple):
    """The seconds that a reader took for *smaller* and for *larger* bytes of one kind."""

    smaller: int
    larger: int
    before: float
    after: float

    @property
    def too_much(self) -> bool:
        """Whether the time grew as no time may that grows with the length alone."""
        return self.after > SHORT and self.after > MOST * self.before


def measure(reader: Reader, data: bytes) -> float:
    """The seconds of CPU that *reader* takes for *data*."""
    gc.disable()  # what the tests themselves hold would be gone through again and again
    try:
        start = time.process_time()
        reader.read(data)
        return time.process_time() - start
    finally:
        gc.enable()


def grown(
    reader: Reader, kind: Input, first: int, last: int, enough: float = float("inf")
) -> Growth | None:
    """The first doubling, from *first* bytes of *kind* up to *last*, that takes too much; or None.

    A doubling that seems to is measured again, several times in turn: the least of each counts, of
    the last of some rounds. After one that took *enough* seconds there is no further one.
    """
    smaller, before = first, measure(reader, kind.make(first))
    while smaller < last:
        larger = smaller * 2
        if larger >= last and before * 8 < SHORT:
            return None
        after = measure(reader, kind.make(larger))
        growth = Growth(smaller, larger, before, after)
        for _ in range(_ROUNDS):
            if growth.too_much:
                growth = _again(reader, kind, smaller)
        # What is looked up once for many is a step: the next doubling is as any other.
        if growth.too_much and (after > _MUCH or _again(reader, kind, larger).too_much):
            return growth
        if larger < last and after > _TOO_LONG_A_KILOBYTE * larger / 1000:
            return growth
        if after > enough:
            return None
        smaller, before = larger, after
    return None


def _again(reader: Reader, kind: Input, smaller: int) -> Growth:
    sizes = (smaller, smaller * 2)
    texts = [kind.make(size) for size in sizes]
    tries = [[measure(reader, text) for text in texts] for _ in range(_TRIES)]
    before, after = map(min, zip(*tries, strict=True))
    return Growth(*sizes, before, after)
