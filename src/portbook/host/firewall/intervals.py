"""Sets of addresses, ports and marks as intervals of numbers: immutable, in order, disjoint.

>>> private = Intervals.of([(10, 19), (30, 39)])
>>> (private & Intervals.of([(15, 34)])).pairs()
((15, 19), (30, 34))
>>> (private - Intervals.of([(12, 12)])).pairs()
((10, 11), (13, 19), (30, 39))
>>> (private | Intervals.of([(20, 29)])).pairs()
((10, 39),)
>>> 35 in private, 20 in private
(True, False)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Intervals:
    """Half-open bounds in one flat list: first, end, first, end."""

    __slots__ = ("bounds",)

    def __init__(self, bounds: list[int]) -> None:
        self.bounds = bounds

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Intervals:
        """Of inclusive intervals in any order, which may overlap."""
        bounds: list[int] = []
        for first, last in sorted(pairs):
            if bounds and first <= bounds[-1]:
                if last >= bounds[-1]:
                    bounds[-1] = last + 1
            else:
                bounds += (first, last + 1)
        return cls(bounds)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The inclusive intervals."""
        bounds = self.bounds
        return tuple((bounds[at], bounds[at + 1] - 1) for at in range(0, len(bounds), 2))

    def __bool__(self) -> bool:
        return bool(self.bounds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intervals) and self.bounds == other.bounds

    def __hash__(self) -> int:
        return hash(tuple(self.bounds))

    def __repr__(self) -> str:
        return f"Intervals.of({list(self.pairs())})"

    def __contains__(self, number: int) -> bool:
        return bisect_right(self.bounds, number) % 2 == 1

    def covers(self, other: Intervals) -> bool:
        """Whether all of *other* is in it."""
        return not other.bounds or (self & other).bounds == other.bounds

    def __and__(self, other: Intervals) -> Intervals:
        few, many = sorted((self.bounds, other.bounds), key=len)
        common: list[int] = []
        for first, end in _pairs(few):
            # An even place lies before an interval of *many*, an odd one inside.
            start, stop = bisect_right(many, first), bisect_left(many, end)
            if start % 2:
                common.append(first)
            common += many[start:stop]
            if stop % 2:
                common.append(end)
        return Intervals(common)

    def __sub__(self, other: Intervals) -> Intervals:
        bounds, taken = self.bounds, other.bounds
        if not taken or not bounds:
            return self
        rest: list[int] = []
        place = 0
        for first, end in _pairs(taken):
            start = bisect_left(bounds, first, place)
            stop = bisect_right(bounds, end, start)
            rest += bounds[place:start]
            if start % 2:
                rest.append(first)
            if stop % 2:
                rest.append(end)
            place = stop
        rest += bounds[place:]
        return Intervals(rest)

    def __or__(self, other: Intervals) -> Intervals:
        if not self.bounds or not other.bounds:
            return other if other.bounds else self
        few, many = sorted((self.bounds, other.bounds), key=len)
        if len(few) > 8:
            return Intervals.of((*self.pairs(), *other.pairs()))
        for first, end in _pairs(few):
            start, stop = bisect_left(many, first), bisect_right(many, end)
            middle = [first] * (start % 2 == 0) + [end] * (stop % 2 == 0)
            many = many[:start] + middle + many[stop:]
        return Intervals(many)


def _pairs(bounds: list[int]) -> Iterator[tuple[int, int]]:
    return zip(bounds[::2], bounds[1::2], strict=True)


NOTHING = Intervals([])
EVERY_NUMBER = Intervals([0, 1 << 128])
EVERY_PORT = Intervals([0, 1 << 16])
ADDRESSES = {"ipv4": Intervals([0, 1 << 32]), "ipv6": EVERY_NUMBER}
