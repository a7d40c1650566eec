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
    """Half-open bounds in one flat list: first, end, first, end.

    What is taken from a long list piece by piece is only noted, and taken out once that is much:
    a ruleset may drop thousands of addresses one by one from all that a large set left over.
    """

    __slots__ = ("_bounds", "_left", "_taken")

    def __init__(self, bounds: list[int], taken: list[int] | None = None, left: int = -1) -> None:
        self._bounds, self._taken, self._left = bounds, taken, left

    @property
    def bounds(self) -> list[int]:
        """All bounds, with nothing still to be taken out."""
        if self._taken:
            self._bounds, self._taken = _without(self._bounds, self._taken), None
        return self._bounds

    def size(self) -> int:
        """How many numbers it has."""
        if self._left < 0:
            bounds = self.bounds
            self._left = sum(bounds[1::2]) - sum(bounds[::2])
        return self._left

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

    @classmethod
    def in_order(cls, pairs: tuple[tuple[int, int], ...]) -> Intervals:
        """Of inclusive intervals that :meth:`pairs` gave, with numbers between any two."""
        if len(pairs) == 1:
            ((first, last),) = pairs
            return cls([first, last + 1])
        bounds = [0] * (2 * len(pairs))
        bounds[::2] = [first for first, _ in pairs]
        bounds[1::2] = [last + 1 for _, last in pairs]
        return cls(bounds)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The inclusive intervals."""
        bounds = self.bounds
        return tuple(zip(bounds[::2], [end - 1 for end in bounds[1::2]], strict=True))

    def __bool__(self) -> bool:
        return self._left != 0 if self._taken else bool(self._bounds)

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
        few, many = (self, other) if len(self._bounds) < len(other._bounds) else (other, self)
        if many._taken:
            common = Intervals(_common(few.bounds, many._bounds))
            return common - Intervals(many._taken) if common._bounds else common
        return Intervals(_common(few.bounds, many._bounds))

    def __sub__(self, other: Intervals) -> Intervals:
        if not other or not self:
            return self
        if len(self._bounds) < _LONG or len(other._bounds) > _SHORT:
            return Intervals(_without(self.bounds, other.bounds))
        taken = self._taken or []
        piece = _common(other.bounds, self._bounds)
        if taken:
            piece = _without(piece, taken)
        left = self.size() - sum(piece[1::2]) + sum(piece[::2])
        if len(taken) > _MOST_TAKEN:
            return Intervals(_without(self.bounds, piece), None, left)
        return Intervals(self._bounds, (Intervals(taken) | Intervals(piece)).bounds, left)

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


_LONG, _SHORT, _MOST_TAKEN = 2_000, 64, 1_000  # bounds


def _common(few: list[int], many: list[int]) -> list[int]:
    common: list[int] = []
    for first, end in _pairs(few):
        # An even place lies before an interval of *many*, an odd one inside.
        start, stop = bisect_right(many, first), bisect_left(many, end)
        if start % 2:
            common.append(first)
        common += many[start:stop]
        if stop % 2:
            common.append(end)
    return common


def _without(bounds: list[int], taken: list[int]) -> list[int]:
    rest: list[int] = []
    place = 0
    if bounds and len(taken) > len(bounds):  # most of it lies elsewhere
        low, high = bisect_right(taken, bounds[0]), bisect_left(taken, bounds[-1])
        taken = taken[low - low % 2 : high + high % 2]
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
    return rest


def _pairs(bounds: list[int]) -> Iterator[tuple[int, int]]:
    return zip(bounds[::2], bounds[1::2], strict=True)


NOTHING = Intervals([])
EVERY_NUMBER = Intervals([0, 1 << 128])
EVERY_PORT = Intervals([0, 1 << 16])
ADDRESSES = {"ipv4": Intervals([0, 1 << 32]), "ipv6": EVERY_NUMBER}
